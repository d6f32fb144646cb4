# SPDX-License-Identifier: MIT
"""Labs: for each, the solution has all points, and the starter builds and fails exactly the tests
of its holes. The handouts name nothing that is not there."""
import json
import os
import shutil
import sys
import threading

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tools", "lib"))
import labs  # noqa: E402

NOT_COPIED = ("cache", "grade", "labs", "tests", "host", "lab")
lock = threading.Lock()  # all labs are built in one folder, each from what the one before left


def work_folder(run):
    """A copy of the tree with what this tree has already built."""
    work = os.path.join(run.build, "labs", "work")
    if os.path.isdir(work):
        return work
    for path in labs.tree_files(TOP):
        labs.copy_file(os.path.join(TOP, path), os.path.join(work, path))
    shutil.copytree(run.build, os.path.join(work, "build"), symlinks=True,
                    ignore=lambda folder, names: NOT_COPIED if folder == run.build else ())
    if os.path.isdir(os.path.join(run.build, "cache")):
        os.symlink(os.path.join(run.build, "cache"), os.path.join(work, "build", "cache"))
    return work


def grade(run, number, tree):
    """The names of the tests that pass and of those that fail, and all that was said."""
    out = os.path.join(run.build, "labs", "results.json")
    if os.path.exists(out):
        os.unlink(out)
    done = run.sh(["python3", "tools/grade", "--tree", tree, "--work", work_folder(run), "--json", out,
                   number], timeout=600)
    if not os.path.exists(out):
        return None, None, done.stdout + done.stderr
    with open(out) as f:
        tests = json.load(f)["tests"]
    names = {word: {t["name"].partition(":")[0] for t in tests if t["status"] == word}
             for word in ("passed", "failed")}
    return names["passed"], names["failed"], done.stdout + done.stderr


def check(run, number):
    lab = labs.Lab(number)
    starter = os.path.join(run.build, "labs", "starter-" + number)
    with lock:
        passed, failed, said = grade(run, number, TOP)
        if failed is None or failed:
            return "the solution has all points", said
        shutil.rmtree(starter, ignore_errors=True)
        made = run.sh(["python3", "tools/mklab", number, starter])
        if made.returncode:
            return "a starter", made.stderr
        passed, failed, said = grade(run, number, starter)
    holes = {test["name"] for test in lab.tests if test["hole"]}
    if failed != holes:
        return "the starter fails in " + " ".join(sorted(holes)), "it fails in %s\n%s" % (
            " ".join(sorted(failed or ())), said)
    if "does not build" in said:
        return "a starter that builds", said
    return None


def handouts(run):
    done = run.sh(["python3", "tools/checklabs"])
    return ("no complaints", done.stdout) if done.returncode else None


HOST = {"handouts": handouts}
for _number in labs.numbers():
    HOST["lab-" + _number] = lambda run, number=_number: check(run, number)
