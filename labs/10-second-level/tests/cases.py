# SPDX-License-Identifier: MIT
"""Lab 10: the tables and the slots on the host (tests/unit), guests that touch memory (second.c), then a
whole kernel; NPT is tried in QEMU, EPT in Bochs."""
import labs
from harness import Case

HOST = labs.unit_tests("slat", ["ept_format", "ept_pointer", "npt_format", "map", "replace", "no_memory",
                                "ranges", "hide", "release", "random", "fault", "race", "copy", "order",
                                "later", "pieces", "large"])

NPT, EPT = ("qemu",), ("bochs",)


def guest(name, test, on):
    return Case(name, "/tests/lab/second " + test, out="ok " + test, on=on,
                seconds=5 if on == EPT else 10)


CASES = [guest("api", "api", NPT)]
for kind, machine in (("npt", NPT), ("ept", EPT)):
    CASES += [guest("%s-%s" % (kind, test), test, machine)
              for test in ("pages", "read-only", "taken", "slot-moves")]
CASES += [
    guest("in-flight", "in-flight", NPT),
    Case("npt-kernel", "vm run busybox -- sh -c 'uname -s; exit 3'", status=3, out="Linux", on=NPT, seconds=10),
    Case("ept-kernel", "vm run busybox -- sh -c 'uname -s; exit 3'", status=3, out="Linux", on=EPT, seconds=10),
]
