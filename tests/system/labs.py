# SPDX-License-Identifier: MIT
"""Labs: the solution has all points in each, and each starter builds and fails exactly the tests
of its holes. The handouts name nothing that is not there.

The solution is this tree, whatever the lab: their tests share one build, and one boot of each
machine. The starters are built one behind the other in a few copies of the tree, as many as there
are jobs at a time, so that only the files that are cut, and those of the starter before, are
compiled.
"""
import contextlib
import json
import os
import shutil
import sys
import threading

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tools", "lib"))
import labs  # noqa: E402

NOT_COPIED = ("cache", "grade", "labs", "tests", "host", "lab")  # of what is built
taken = set()  # numbers of the copies in use
lock = threading.Lock()


@contextlib.contextmanager
def work_folder(run):
    """A copy of the tree, with what this tree has already built, that nobody else uses meanwhile."""
    with lock:
        number = min(set(range(len(taken) + 1)) - taken)
        taken.add(number)
    try:
        work = os.path.join(run.build, "labs", "work-%d" % number)
        if not os.path.isdir(work):
            copy_tree(run, work)
        yield work
    finally:
        with lock:
            taken.remove(number)


def copy_tree(run, work):
    local = [name for name in ("config.mk",) if os.path.exists(os.path.join(TOP, name))]
    for path in labs.tree_files(TOP) + local:
        labs.copy_file(os.path.join(TOP, path), os.path.join(work, path))
    images = os.path.join(run.build, "images")

    def left_out(folder, names):
        if folder == images:
            return [name for name in names if not name.startswith("busybox.")]
        return NOT_COPIED if folder == run.build else ()
    shutil.copytree(run.build, os.path.join(work, "build"), symlinks=True, ignore=left_out)
    if os.path.isdir(os.path.join(run.build, "cache")):
        os.symlink(os.path.join(run.build, "cache"), os.path.join(work, "build", "cache"))


def grade(run, numbers, tree):
    """{"passed" and "failed": names of tests}, and all that was said."""
    with work_folder(run) as work:
        out = work + ".json"
        if os.path.exists(out):
            os.unlink(out)
        done = run.sh(["python3", "tools/grade", "--tree", tree, "--work", work, "--json", out, *numbers],
                      timeout=600)
        if not os.path.exists(out):
            return None, done.stdout + done.stderr
        with open(out) as f:
            tests = json.load(f)["tests"]
    return {word: {t["name"].partition(":")[0] for t in tests if t["status"] == word}
            for word in ("passed", "failed")}, done.stdout + done.stderr


def solutions(run):
    found, said = grade(run, labs.numbers(), TOP)
    if found and not found["failed"]:
        return None
    return "all points in all labs", "\n".join(line for line in said.splitlines() if not line.startswith("ok "))


def starter(run, number):
    lab = labs.Lab(number)
    tree = os.path.join(run.build, "labs", "starter-" + number)
    shutil.rmtree(tree, ignore_errors=True)
    made = run.sh(["python3", "tools/mklab", number, tree])
    if made.returncode:
        return "a starter", made.stderr
    found, said = grade(run, [number], tree)
    failed = found["failed"] if found else set()
    holes = {test["name"] for test in lab.tests if test["hole"]}
    if failed != holes:
        return "the starter fails in " + " ".join(sorted(holes)), "it fails in %s\n%s" % (
            " ".join(sorted(failed)), said)
    if "does not build" in said:
        return "a starter that builds", said
    shutil.rmtree(tree)
    return None


def handouts(run):
    done = run.sh(["python3", "tools/checklabs"])
    return ("no complaints", done.stdout) if done.returncode else None


HOST = {"handouts": handouts, "lab-solutions": solutions}
for _number in labs.numbers():
    HOST["lab-" + _number] = lambda run, number=_number: starter(run, number)
