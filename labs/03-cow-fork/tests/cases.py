# SPDX-License-Identifier: MIT
"""Lab 03: the student's fault.c on the host (tests/unit), then the kernel in a machine (cow.c)."""
import labs
from harness import Case

HOST = labs.unit_tests("fault", ["zero_read", "zero_write", "file_write", "no_memory", "cow_copy", "cow_alone",
                                 "cow_zero", "cow_file", "debugger", "stack"])

EXPECTED = {
    "demand": "1 GiB mapped, 100 pages written: 100 faults, 100 pages more",
    "zeros": "200 pages read: sum 0, 0 pages more\none is written: sum of the others 0, this one 9\n"
             "pages that are no longer empty: 0",
    "private-file": "mine: my the file\nanother mapping: of the file\nthe file: of the file\n"
                    "its first byte after that: 0",
    "apart": "parent after the child's writes: 64\nchild: exit 0\nparent at the end: 192",
    "large": "child 0: exit 0\nchild 1: exit 0\nchild 2: exit 0",
    "generations": "all eight generations: 8",
    "alone": "child: exit 100\n100 pages written after it: 100 faults, 0 pages more\nand again: 0 faults",
    "kept": "child reads 7; shared memory: 2\nchild writes to read-only memory: 139\n"
            "writable again: child 8, parent 7",
    "by-kernel": "child: exit 0\nparent: aaaaaa",
    "snapshot": "children whose memory moved: 0",
    "stack": "6 MiB deep: 0\n9 MiB deep: 139",
}
CASES = [Case("shell", "echo $((6 * 7)); ls / | wc -l > /dev/null; uname -s", out="42\nLinux")]
CASES += [Case(name, "/tests/lab/cow " + name, out=out) for name, out in EXPECTED.items()]
