# SPDX-License-Identifier: MIT
"""Lab 05: what pidns.c prints, the same on Linux."""
from harness import Case

EXPECTED = {
    "plain": "exit 7\nsignal 10\nNo such process",
    "first": "getpid 1 getppid 0 gettid 1 getpgid 0 getsid 0\nexit 5",
    "counting": "number 2: exit 2\nnumber 3: exit 3\nnumber 4: exit 4\nexit 0",
    "outside": "2 numbers: the first is what clone() gave, the second 1\nsignal 9",
    "nested": "in the first: child 3\nin the middle: child 2\n"
              "innermost: 4 numbers, then 4 2 1\nexit 3",
    "hidden": "kill: No such process\ngetpgid: No such process\nkill(-1): No such process\n"
              "a lock of process 0 of a namespace beside this one\nexit 0",
    "orphans": "reaped number 3, exit 6\nexit 0",
    "death": "its end is not told yet\nsignal 9\nexit 2\npipe: 0",
    "no-more": "unshare ok\nown number stays\nexit 1\nthen fork: Out of memory",
    "init-signals": "survived its own\nready 1\nsignal 9",
    "depth": "levels below the first: 32",
}

CASES = [Case(name, "/tests/lab/pidns " + name, out=out, leak=name in ("plain", "first", "death"))
         for name, out in EXPECTED.items()]
CASES.append(Case("container", "sleep 50 & ctr run busybox -- sh -c 'echo $$; sleep 9 & ps -o comm | grep -c sleep'; "
                               "kill $!", out="1\n1", leak=False))
