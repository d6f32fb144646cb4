# SPDX-License-Identifier: MIT
"""Hostile guests and monitors: tests/hostile with a few seeds. A guest may end, the host may not, and nothing is left.

What fails prints its step; `hostile KIND SEED 1 STEP` in Dyad is that one again.
"""
from harness import Case


def seed(kind, number, steps, on):
    return Case("%s-%d" % (kind, number), "/tests/guest/hostile %s %d %d" % (kind, number, steps),
                match="^done %s, seed %d, %d steps;" % (kind, number, steps), lacks="^FAIL ", seconds=60, on=on)


# kind -> (seeds and steps on SVM, with the sanitizers too; the same on VT-x)
SEEDS = {
    "guests": (((1, 40), (2, 40)), (3, 6)),
    "ioctls": (((1, 6), (2, 6)), (3, 2)),
    "killed": (((1, 25), (2, 25)), (3, 4)),
    "entry": (((1, 80),), (7, 60)),
}
CASES = [seed(kind, *one, on=("qemu",)) for kind, (svm, vtx) in SEEDS.items() for one in svm]
CASES += [seed(kind, *vtx, on=("bochs",)) for kind, (svm, vtx) in SEEDS.items()]
