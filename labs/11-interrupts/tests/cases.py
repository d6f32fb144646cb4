# SPDX-License-Identifier: MIT
"""Lab 11: guests of a few instructions (interrupts.c), the serial port by itself (uart.c), then a whole
kernel; SVM runs in QEMU, VT-x in Bochs."""
from harness import Case

SVM, VTX = ("qemu",), ("bochs",)


def program(name, command, test, on=SVM):
    return Case(name, "/tests/lab/%s %s" % (command, test), out="ok " + test, on=on,
                seconds=5 if on == VTX else 10)


TESTS = ("lines", "in", "inject", "window", "waits-for-sti", "two-at-once", "pic-line", "pic-mask",
         "pic-order", "pic-nested", "pic-level", "apic-line", "apic-order", "apic-tpr", "apic-nested", "ioapic-level")
CASES = [program(test, "interrupts", test) for test in TESTS]
CASES += [program("uart-" + test, "uart", test) for test in ("receives", "transmits", "both")]
CASES += [program("vtx-" + test, "interrupts", test, VTX) for test in ("waits-for-sti", "shadow", "apic-tpr")]
# A kernel that hears no timer waits for ever: it is not tried before the pieces work, and timeout ends it.
CASES.append(Case("kernel", "for t in in waits-for-sti pic-line apic-line ioapic-level; do\n"
                  "/tests/lab/interrupts $t >/dev/null || { echo before a kernel, $t has to work; exit 1; }; done\n"
                  "timeout -s KILL 60 vm run busybox -- sh -c 'sleep 0.1; uname -s; exit 3'", status=3,
                  out="Linux", on=SVM, seconds=80))
