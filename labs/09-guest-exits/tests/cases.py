# SPDX-License-Identifier: MIT
"""Lab 09: guests of a few instructions (firstguest.c), then a whole kernel; SVM runs in QEMU, VT-x in
Bochs."""
from harness import Case

SVM, VTX = ("qemu",), ("bochs",)


def guest(name, test, on):
    return Case(name, "/tests/lab/firstguest " + test, out="ok " + test, on=on,
                seconds=5 if on == VTX else 10)


CASES = [guest("api", "api", SVM)]
for kind, machine in (("svm", SVM), ("vtx", VTX)):
    CASES += [guest("%s-%s" % (kind, test), test, machine) for test in ("enter", "registers", "out", "in")]
CASES += [guest(test, test, SVM) for test in ("halt", "cpuid", "triple", "stop")]
CASES += [
    Case("svm-kernel", "vm run busybox -- sh -c 'uname -s; exit 3'", status=3, out="Linux", on=SVM, seconds=10),
    Case("vtx-kernel", "vm run busybox -- sh -c 'uname -s; exit 3'", status=3, out="Linux", on=VTX, seconds=10),
]
