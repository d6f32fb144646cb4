# SPDX-License-Identifier: MIT
"""Lab 01: the students' frame.c and pagetable.c on the host (tests/unit), then in a machine (pages.c)."""
import re

import labs
from harness import Case


def first_program(graded):
    """With the allocator alone, the kernel gets as far as the page tables of its first program."""
    done = graded.sh("tools/run -e qemu -t 30 --build build -- true")
    if done.returncode == 0 or re.search(r"PANIC: .*pagetable\.c", done.stdout):
        return None
    return "a shell, or a panic in pagetable.c", done.stdout


HOST = {"first-program": first_program}
HOST.update(labs.unit_tests("frame", ["start", "merge", "split", "exhaust", "random"]))
HOST.update(labs.unit_tests("pagetable", ["find", "next", "create", "no_memory", "bits", "protect", "unmap",
                                          "tables", "flush", "random"]))

EXPECTED = {
    "protect": "rw: write ok, run signal 11\nr: read ok, write signal 11\nnone: read signal 11, write signal 11\n"
               "rx: run ok, write signal 11\nrw: write ok, content 42",
    "unmap": "first: 85, last: 85\nbetween: signal 11, signal 11\nmapped again: zeros",
    "sparse": "64 pages far apart: at least 512 KiB of tables\nafterwards: 0 KiB more than before",
    "shootdown": "rounds in which the other CPU read on after munmap: 0\nreaders that never faulted: 0",
    "recycle": "".join("round %d: exit 0\n" % i for i in range(5)),
}
CASES = [Case("shell", "echo $((6 * 7)); ls / | wc -l > /dev/null; uname -s", out="42\nLinux")]
CASES += [Case(name, "/tests/lab/pages " + name, out=out) for name, out in EXPECTED.items()]
