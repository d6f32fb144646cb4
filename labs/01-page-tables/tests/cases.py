# SPDX-License-Identifier: MIT
"""Lab 01: the students' frame.c and pagetable.c on the host (tests/unit), then in a machine (pages.c)."""
import re

from harness import Case

UNIT = {
    "frame": ["start", "merge", "split", "exhaust", "random"],
    "pagetable": ["find", "create", "no_memory", "bits", "protect", "unmap", "tables", "flush", "random"],
}


def brief(text):
    """Of what a unit test said: the complaint, and the places in the kernel's files."""
    keep = [line for line in text.split("\n")
            if re.search(r"PANIC|ERROR|runtime error|exception|#\d+ .* in .*(kernel|tests)/", line)]
    return re.sub(r"0x[0-9a-f]+ in | /\S*/(?=kernel/|tests/)", " ", "\n".join(keep or text.split("\n")[-12:]))


def unit(graded, program, test):
    """Runs one test of tests/unit/PROGRAM_test.c, built with the graded tree's files."""
    built = graded.sh("make -s BUILD=build build/tests/unit/" + program, timeout=60)
    if built.returncode:
        return "tests/unit/%s_test.c builds" % program, built.stdout
    done = graded.sh(["build/tests/unit/" + program, "test_" + test], timeout=20)
    if done.returncode == 0 and "[  PASSED  ] 1 test" in done.stdout:
        return None
    told = re.search(r"ERROR: (.*?):? expected (.*?), got (.*)", done.stdout)
    if told:
        what, expected, got = told.groups()
        return "%s:\n%s" % (what, expected), "%s:\n%s" % (what, got)
    return "test_%s of tests/unit/%s_test.c passes" % (test, program), brief(done.stdout)


def first_program(graded):
    """With the allocator alone, the kernel gets as far as the page tables of its first program."""
    done = graded.sh("tools/run -e qemu -t 30 --build build -- true")
    if done.returncode == 0 or re.search(r"PANIC: .*pagetable\.c", done.stdout):
        return None
    return "a shell, or a panic in pagetable.c", done.stdout


HOST = {"first-program": first_program}
for _program, _tests in UNIT.items():
    for _test in _tests:
        HOST["%s-%s" % (_program, _test.replace("_", "-"))] = \
            lambda graded, program=_program, test=_test: unit(graded, program, test)

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
