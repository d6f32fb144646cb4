# SPDX-License-Identifier: MIT
"""The KVM interface with guests of a few instructions: the suites of tests/kvm check themselves here.
`make test T=kvm/qemu/` compares them with Linux's KVM.
"""
import glob
import os

from harness import TOP, Case

# Not "ryzen": Bochs 2.7 leaves a single step pending at an exit of SVM that is not #DB's, and raises it with GIF clear,
# before VMLOAD has brought the host's TR and its stacks: a triple fault in the suite `debug`.
ON = ("qemu", "bochs", "haswell", "icelake")
SUITES = sorted(os.path.basename(path)[:-2] for path in glob.glob(os.path.join(TOP, "tests/kvm/*.c"))
                if not path.endswith("/main.c"))

SLOW = ("api", "clock", "debug", "dirty", "events", "exits", "irq", "memory", "msrs", "state")  # what Bochs runs: the others say much, and check little

# what another machine has another way for: the dirty log without the CPU's marks
ALSO = {"dirty": ("ivybridge",)}

# a case of `memory`, which counts the tables of its group; Linux's KVM is not asked (kvm/unasked)
TABLES = ("cd /sys/fs/cgroup; echo +memory > cgroup.subtree_control; mkdir k; "
          "sh -c 'echo $$ > k/cgroup.procs; exec /tests/guest/kvm memory large-tables'; rmdir k")
ONLY = {"memory": "memory -large-tables"}

CASES = [Case(name, "/tests/guest/kvm " + ONLY.get(name, name), match="^ok ", lacks="^FAIL ", seconds=60,
              on=(ON if name in SLOW else ("qemu",)) + ALSO.get(name, ())) for name in SUITES]
CASES += [Case("large-tables", TABLES, match="^ok ", lacks="^FAIL ", seconds=60, on=ON)]
