# SPDX-License-Identifier: MIT
"""Who gets the CPU: tests/guest/cpushare.c measures by the kernel's own account. One CPU is Bochs,
where time is instructions; four are QEMU's."""
from harness import Case

ON = ("bochs",)


def between(low, high):
    def check(output):
        values = [int(v) for v in output.split()]
        if not values or not all(low <= v <= high for v in values):
            return "between %d and %d" % (low, high)
    return check


RUN = "/tests/guest/cpushare "

CASES = [
    # tasks on as many CPUs take the time of one
    Case("spread-4", RUN + "spread 4 300", check=between(380, 402), on=("qemu4",)),
    Case("spread-2", RUN + "spread 2 300", check=between(190, 202), on=("qemu4",)),
    Case("alone", RUN + "spread 1 200", check=between(97, 100)),
    Case("equal", RUN + "nice 0 0 300", check=between(96, 104)),
    # one nice level is a quarter: 1.25 ^ 5 = 3.05, 1.25 ^ 15 = 28
    Case("nice", RUN + "nice 0 5 300", check=between(280, 330)),
    Case("nicer", RUN + "nice -5 10 300", check=between(2000, 3600)),
    # a sleeper runs when it wakes, not when the other's slice is over (milliseconds)
    Case("wake-preempts", RUN + "wake 50", check=between(0, 100)),
]
