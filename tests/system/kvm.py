# SPDX-License-Identifier: MIT
"""The KVM interface with guests of a few instructions: the suites of tests/kvm check themselves here.
`make test T=kvm/qemu/` compares them with Linux's KVM.
"""
import glob
import os

from harness import TOP, Case

ON = ("qemu", "bochs", "haswell", "icelake")
SUITES = sorted(os.path.basename(path)[:-2] for path in glob.glob(os.path.join(TOP, "tests/kvm/*.c"))
                if not path.endswith("/main.c"))

SLOW = ("api", "clock", "debug", "dirty", "events", "exits", "irq", "memory", "msrs", "state")  # what Bochs runs: the others say much, and check little

CASES = [Case(name, "/tests/guest/kvm " + name, match="^ok ", lacks="^FAIL ", seconds=60,
              on=ON if name in SLOW else ("qemu",)) for name in SUITES]
