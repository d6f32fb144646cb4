# SPDX-License-Identifier: MIT
"""The KVM interface, with guests of a few instructions: the programs of tests/kvm."""
from harness import Case

ON = ("qemu", "bochs", "haswell", "icelake")

CASES = [Case(name, "/tests/guest/kvm-" + name, match="^ok ", lacks="^FAIL ", seconds=60)
         for name in ("api", "clock", "events", "exits", "irq", "memory")]
