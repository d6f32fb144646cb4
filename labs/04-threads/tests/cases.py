# SPDX-License-Identifier: MIT
"""Lab 04: the student's fair.c in a simulated machine (tests/unit), then the kernel in one (threads.c)."""
import labs
from harness import Case

HOST = labs.unit_tests("fair", ["equal", "weights", "slices", "wrap", "sleeper", "night", "newcomers", "yield",
                                "spread", "balance", "pull", "affinity"])

EXPECTED = {
    "value": "another value: Resource temporarily unavailable\n20 ms: Operation timed out, not before: yes\n"
             "a page that was never touched: Resource temporarily unavailable\nno page: Bad address\n"
             "not a multiple of 4: Invalid argument\nnobody to wake: 0",
    "count": "for two: 2\nawake: 2\nfor ten: 3\nawake: 5",
    "first-come": "order: 0 1 2 3",
    "lost": "40000 turns",
    "mutual": "4 times 30000: 120000",
    "shared": "woken through another address: 1\nchild: exit 7",
    "join": "200 threads came and went: 19900",
    "fair": "a third: yes\na third: yes\na third: yes",
    "nicer": "three times as much as at nice 5: yes",
    "two-cpus": "two threads, two CPUs, the time of one: yes",
    "soon": "of 100 wake-ups few are late: yes",
}
CASES = [Case("shell", "echo $((6 * 7)); ls / | wc -l > /dev/null; uname -s", out="42\nLinux")]
CASES += [Case(name, "/tests/lab/threads " + name, out=out) for name, out in EXPECTED.items()]
