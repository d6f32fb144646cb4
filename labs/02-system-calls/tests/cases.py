# SPDX-License-Identifier: MIT
"""Lab 02: the students' uaccess.c on the host (tests/unit), then hostile programs (attack.c) in a machine."""
import re

import labs
from harness import Case

MOST = 110  # instructions; by way of entry_syscall() it is about 150


def straight(graded):
    """An emulator that counts instructions says what a call costs that does nothing."""
    done = graded.sh("tools/run -e qemu --icount -c 1 -t 60 --build build "
                     "-f build/lab/02-system-calls/attack:/bin/attack -- attack cost", timeout=90)
    told = re.fullmatch(r"getppid: (\d+) ticks\n", done.stdout)
    if told and int(told.group(1)) <= MOST:
        return None
    return "getppid: at most %d ticks" % MOST, done.stdout


HOST = labs.unit_tests("uaccess", ["range", "copy", "fault", "clear", "string", "moving"])
HOST["straight"] = straight
CASES = [Case(name, "/tests/lab/attack " + name, out="ok " + name)
         for name in ("numbers", "arguments", "pointers", "readonly", "crossing", "vectors", "cwd", "randoms", "race")]
