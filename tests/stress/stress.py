# SPDX-License-Identifier: MIT
"""Debian's stress-ng, unmodified, on Dyad with the sanitizers.

The program and its libraries are Debian's packages, fetched into build/cache; what ld.so says that
it needs is put into the guest. A case is a group of stressors that run side by side for two seconds.
It passes when stress-ng returns 0, when each of its stressors did something ("bogo operations"), did
not skip itself, fail or warn, when the kernel gave no WARNING, and when the counts are back.
TABLE.md says which stressors run and why the others do not: `tests/run --write stress/` writes it.
"""
import glob
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.join(TOP, "tools", "lib")]
import debian  # noqa: E402
from harness import MACHINES, SLOW, Case, Result, emulator, run_cases  # noqa: E402
from stressors import GROUPS, LEFT_OUT, OPTIONS  # noqa: E402

TREE = os.path.join(debian.CACHE, "stress-ng-tree")
LIBRARIES = "/usr/lib/x86_64-linux-gnu"
TABLE = os.path.join(HERE, "TABLE.md")
HEAD = """# stress-ng's stressors on Dyad

Debian's stress-ng has %d stressors; `make test T=stress/` runs %d of them with the sanitizers, for two
seconds each, %d groups of them side by side. Generated from `tests/stress/stressors.py` by
`tests/run --write stress/`.

## Run

%s

## Left out

| stressor | reason |
|---|---|
"""


def fetch():
    """The packages' files as one tree."""
    if os.path.isdir(TREE):
        return
    shutil.rmtree(TREE + ".tmp", ignore_errors=True)
    for archive in debian.closure(["stress-ng"], os.path.join(debian.CACHE, "debs")):
        subprocess.run(["dpkg-deb", "-x", archive, TREE + ".tmp"], check=True)
    os.replace(TREE + ".tmp", TREE)


def files():
    """(file of the tree, path in the guest) of the program, the libraries that it needs, and ld.so."""
    where = [TREE + d for d in ("/lib/x86_64-linux-gnu", LIBRARIES)]
    loader = glob.glob(where[0] + "/ld-linux-x86-64.so.2")[0]
    program = TREE + "/usr/bin/stress-ng"
    said = subprocess.run([loader, "--library-path", ":".join(where), "--list", program],
                          capture_output=True, text=True, check=True).stdout
    needed = [(path, LIBRARIES + "/" + name) for name, path in re.findall(r"([^\s/]+) => (\S+)", said)]
    return [(program, "/usr/bin/stress-ng"), (loader, "/lib64/ld-linux-x86-64.so.2"), *needed]


class StressCase(Case):
    def __init__(self, name, group, slowness):
        # two seconds; more on a machine that is busy now, where one round of a stressor takes longer
        seconds = max(2, min(8, round(2 * slowness)))
        one = {s: "--%s 1 %s" % (s, OPTIONS.get(s, "")) for s in group}
        run = "stress-ng --metrics --timeout %d "
        script = [run % seconds + " ".join(one.values()) + " > out 2>&1; status=$?; cat out",
                  # beside others on a slow machine one may not come to count: alone, and for longer
                  r"for s in $(awk '/metrc: \[[0-9]+\] [a-z-]+ +0 / { print $4 }' out); do case $s in"]
        script += ["%s) %s;;" % (s, run % (5 * seconds) + words) for s, words in one.items()]
        script += ["esac || status=$?; done; exit $status"]
        super().__init__(name, "\n".join(script), seconds=60,
                         lacks=(r"stress-ng: fail:", r"WARNING:", r"will be skipped", r"aborted early",
                                r"terminated with an error"))
        self.group = group

    def judge(self, status, output):
        wrong = super().judge(status, output)
        done = dict(re.findall(r"metrc: \[\d+\] (\S+) +(\d+) +\d", output))
        idle = [s for s in self.group if not int(done.get(s, 0))]
        if not wrong and idle:
            wrong = ("bogo operations of " + " ".join(idle), output)
        return wrong


def table():
    names = sorted(s for group in GROUPS for s in group)
    text = HEAD % (len(names) + len(LEFT_OUT), len(names), len(GROUPS), " ".join(names))
    return text + "".join("| %s | %s |\n" % pair for pair in sorted(LEFT_OUT.items()))


def complete(_run):
    """Each stressor of the package runs or has a reason."""
    fetch()
    (program, _), (loader, _), *_ = files()
    said = subprocess.run([loader, "--library-path", TREE + "/lib/x86_64-linux-gnu:" + TREE + LIBRARIES,
                           program, "--stressors"], capture_output=True, text=True, check=True).stdout
    ours = [s for group in GROUPS for s in group] + list(LEFT_OUT)
    if sorted(said.split()) != sorted(ours):
        return ("each stressor once in stressors.py", "more or fewer: " + " ".join(
            sorted(set(said.split()) ^ set(ours)) or [s for s in ours if ours.count(s) > 1]))
    with open(TABLE) as f:
        return None if f.read() == table() else (
            "tests/stress/TABLE.md as tests/run --write makes it", "another text")


def jobs(run):
    if run.args.write and run.wanted("stress/host/complete"):
        with open(TABLE, "w") as f:
            f.write(table())
    if run.wanted("stress/host/complete"):
        yield "stress/host/complete", lambda: run.host("stress/host/complete", complete)
    # without the sanitizers only for who asks for it by name
    machine = "qemu" if "/qemu" in run.args.pattern else "san"
    cases = [StressCase("stress/%s/%s" % (machine, "-".join(group)), group, run.slowness) for group in GROUPS]
    cases = [case for case in cases if run.wanted(case.name)]
    if cases:
        yield "stress/" + machine, lambda: boot(run, machine, cases)


def boot(run, machine, cases):
    try:
        fetch()
        inside = files()
    except (subprocess.CalledProcessError, debian.Missing, OSError) as e:
        return run.report(Result("stress/%s/fetch" % machine, ("Debian's packages", str(e))))
    scale = run.scale * SLOW.get(machine, 1)
    options = dict(MACHINES[machine], mem="768M")
    build = run.build_for(machine, options)

    def make_machine():
        m = emulator.Machine(build=build, timeout=60 * scale, **options)
        for host, guest in inside:
            m.files.archive.file(m.files.place(guest), os.path.realpath(host))
        m.files.used = True
        return m
    run.twice(cases, lambda cases, report: run_cases(make_machine, cases, scale, report))
