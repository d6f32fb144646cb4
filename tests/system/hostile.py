# SPDX-License-Identifier: MIT
"""Hostile guests and monitors: tests/hostile with a few seeds. A guest may end, the host may not, and nothing is left.

What fails prints its step; `hostile KIND SEED 1 STEP` in Dyad is that one again.
"""
from harness import Case

BOTH = ("qemu", "bochs")


def seed(kind, number, steps, on=("qemu",), bochs=False, **kw):
    return Case("%s-%d" % (kind, number), "/tests/guest/hostile %s %d %d" % (kind, number, steps),
                match="^done %s, seed %d, %d steps;" % (kind, number, steps), lacks="^FAIL ", on=on,
                seconds=kw.get("seconds", 60))


CASES = [
    seed("guests", 1, 60), seed("guests", 2, 60), seed("guests", 3, 8, on=("bochs",)),
    seed("entry", 1, 100), seed("entry", 2, 60, on=("bochs",)),
    seed("ioctls", 1, 15), seed("ioctls", 2, 15), seed("ioctls", 3, 2, on=("bochs",)),
    seed("killed", 1, 40), seed("killed", 2, 40), seed("killed", 3, 6, on=("bochs",)),
]
