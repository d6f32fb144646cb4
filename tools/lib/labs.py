# SPDX-License-Identifier: MIT
"""Labs: where they are, how holes are marked in the solution, how a tree is copied.

A hole in the solution looks like this, in any C or assembly file:

    /* LAB 05: begin
     * What the code here must do: its contract, and hints. The starter keeps this text.
     * starter: pr_err("lab 05: pid_alloc() is not written yet");
     * starter: return ERR_PTR(-ENOSYS);
     */
    ...the solution...
    /* LAB 05: end */

In the starter the lines between are gone, the `starter:` lines stand in their place as code, and
the comment begins with `LAB 05: your code here`. A comment in a starter line is written `// text`
and becomes /* text */. A hole may be written for several labs
(`LAB 05 06: begin`); holes do not nest.
"""
import json
import os
import re
import shutil
import subprocess

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BEGIN = re.compile(r"^(\s*)/\* LAB ([0-9 ]+): begin\s*$")
END = re.compile(r"^\s*/\* LAB ([0-9 ]+): end \*/\s*$")
STARTER = re.compile(r"^\s*\* starter: ?(.*)$")
ANY = re.compile(r"/\* LAB [0-9 ]+: (begin|end)")
SOURCES = (".c", ".h", ".S", ".ld")
# What the grader brings itself, and the student's tree cannot change.
PRISTINE = ("Makefile", "tools", "tests", "labs")


class LabError(Exception):
    pass


class Lab:
    def __init__(self, number, top=TOP):
        names = [n for n in os.listdir(os.path.join(top, "labs"))
                 if re.match(r"0*%d-" % int(number), n)] if str(number).isdigit() else []
        if len(names) != 1:
            raise LabError("there is no lab %s (labs: %s)" % (number, " ".join(numbers(top))))
        self.name = names[0]
        self.number = self.name.partition("-")[0]
        self.folder = os.path.join(top, "labs", self.name)
        with open(os.path.join(self.folder, "points.json")) as f:
            points = json.load(f)
        self.title = points["title"]
        self.tests = points["tests"]  # in order: {"name", "what", "points", "hole"}


def numbers(top=TOP):
    return sorted(n.partition("-")[0] for n in os.listdir(os.path.join(top, "labs"))
                  if re.match(r"\d\d-", n))


def tree_files(top):
    """The files of a tree that belong to the project, as paths below top."""
    done = subprocess.run(["git", "-C", top, "ls-files", "-co", "--exclude-standard", "-z"],
                          capture_output=True)
    if done.returncode == 0 and os.path.exists(os.path.join(top, ".git")):
        found = [os.fsdecode(p) for p in done.stdout.split(b"\0") if p]
        return sorted(p for p in found if os.path.lexists(os.path.join(top, p)))
    found = []
    for folder, folders, files in os.walk(top):
        folders[:] = [d for d in folders if d not in (".git", "__pycache__") and
                      not (folder == top and (d == "build" or d.startswith("build-")))]
        found += [os.path.relpath(os.path.join(folder, f), top) for f in files
                  if not f.endswith((".o", ".pyc"))]
    return sorted(found)


def holes(path):
    """The holes of a file as (labs, contract lines, starter lines, first line, last line)."""
    with open(path, encoding="utf-8") as f:
        lines = f.read().split("\n")
    found, at = [], 0
    while at < len(lines):
        begin = BEGIN.match(lines[at])
        if not begin:
            if ANY.search(lines[at]):
                raise LabError("%s:%d: a marker out of place" % (path, at + 1))
            at += 1
            continue
        first, labs, contract, starter = at, begin.group(2).split(), [], []
        at += 1
        while at < len(lines) and lines[at].strip() != "*/":
            code = STARTER.match(lines[at])
            if code:
                starter.append(re.sub(r"// ?(.*)$", r"/* \1 */", code.group(1)))
            else:
                contract.append(lines[at])
            if ANY.search(lines[at]):
                raise LabError("%s:%d: the comment of this hole has no end" % (path, first + 1))
            at += 1
        at += 1
        while at < len(lines) and not END.match(lines[at]):
            if ANY.search(lines[at]):
                raise LabError("%s:%d: holes do not nest" % (path, at + 1))
            at += 1
        if at >= len(lines) or END.match(lines[at]).group(1).split() != labs:
            raise LabError("%s:%d: this hole has no end of its own" % (path, first + 1))
        if not starter:
            raise LabError("%s:%d: no `starter:` line: what stands there instead?" % (path, first + 1))
        found.append((labs, begin.group(1), contract, starter, first, at))
        at += 1
    return lines, found


def cut(path, number):
    """The text of a source file as the starter of lab `number` has it; None: as it is."""
    lines, found = holes(path)
    out, at = [], 0
    mine = [hole for hole in found if int(number) in map(int, hole[0])]
    for labs, indent, contract, starter, first, last in mine:
        out += lines[at:first]
        out.append("%s/* LAB %s: your code here" % (indent, number))
        out += contract
        out.append(indent + " */")
        out += [indent + line if line else "" for line in starter]
        at = last + 1
    return "\n".join(out + lines[at:]) if mine else None


def unit_tests(program, names):
    """For a lab's table HOST: the tests of tests/unit/PROGRAM_test.c, built with the graded tree's files."""
    return {"%s-%s" % (program, name.replace("_", "-")):
            lambda graded, name=name: unit_test(graded, program, "test_" + name) for name in names}


def unit_test(graded, program, test):
    """Runs one of them; a complaint as (expected, got), or None."""
    if program not in graded.programs:
        graded.programs[program] = graded.sh("make -s BUILD=build build/tests/unit/" + program)
    built = graded.programs[program]
    if built.returncode:
        return "tests/unit/%s_test.c builds" % program, built.stdout
    done = graded.sh(["build/tests/unit/" + program, test], timeout=20)
    if done.returncode == 0 and "[  PASSED  ] 1 test" in done.stdout:
        return None
    told = re.search(r"ERROR: (.*?):? expected (.*?), got (.*)", done.stdout)
    if told:
        what, expected, got = told.groups()
        return "%s:\n%s" % (what, expected), "%s:\n%s" % (what, got)
    # the complaint of a sanitizer or a panic, and the places in the tree's files
    lines = done.stdout.split("\n")
    keep = [line for line in lines
            if re.search(r"PANIC|ERROR|runtime error|exception|#\d+ .* in .*(kernel|tests)/", line)]
    return "%s of tests/unit/%s_test.c passes" % (test, program), \
        re.sub(r"0x[0-9a-f]+ in | /\S*/(?=kernel/|tests/)", " ", "\n".join(keep or lines[-12:]))


def copy_file(src, dst):
    os.makedirs(os.path.dirname(dst), exist_ok=True)
    if os.path.islink(src):
        if os.path.lexists(dst):
            os.unlink(dst)
        os.symlink(os.readlink(src), dst)
    else:
        shutil.copy2(src, dst)  # with its time: what was built from it stays good
