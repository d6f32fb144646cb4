# SPDX-License-Identifier: MIT
"""Linux's own selftests, built from Debian's package linux-source-6.1 and run on Dyad.

The package is fetched into build/cache (135 MB, once), of its source only the selftests are unpacked.
programs.py says which are built and how. TABLE.md has what each gives, and for each that does not
pass wholly the reason: a result that differs from its row fails, be it better or worse.
`tests/run --write selftests/` writes the rows anew and keeps the reasons.
"""
import concurrent.futures
import glob
import os
import re
import shutil
import subprocess
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.join(TOP, "tools", "lib")]
import debian  # noqa: E402
from harness import MACHINES, SLOW, Case, Result, emulator, run_cases  # noqa: E402
from programs import LEFT_OUT, PROGRAMS  # noqa: E402

PACKAGE = "linux-source-6.1"
SOURCE = os.path.join(debian.CACHE, "linux-selftests")
TABLE = os.path.join(HERE, "TABLE.md")
FETCHING = threading.Lock()
# some leave folders behind in /tmp, where the case's own is, too
SCRIPT = """cd /selftests/%s; (%s); s=$?
for f in /tmp/*; do [ $f = /tmp/case ] || rm -rf $f; done; exit $s"""
WORDS = "-w -pthread -D_GNU_SOURCE= -I. -I.. -I../.. -I../include".split()
HEAD = """# Linux's selftests on Dyad

The programs of `tools/testing/selftests` of Debian's %s that `tests/selftests/programs.py` names, as
`make test T=selftests/` runs them: %d programs, %d checks pass, %d are skipped, %d fail. Generated:
`tests/run --write selftests/` writes the figures, the reasons are kept.

| program | pass | skip | fail | reason |
|---|---|---|---|---|
"""


def fetch():
    """Fetches the package and unpacks the selftests."""
    with FETCHING:
        if not os.path.exists(os.path.join(SOURCE, "tools/lib/rbtree.c")):
            unpack()


def unpack():
    print("fetching %s (135 MB), unpacking the selftests" % PACKAGE, file=sys.stderr, flush=True)
    packed = debian.unpack(PACKAGE)
    whole = PACKAGE + "/tools/"
    shutil.rmtree(SOURCE + ".tmp", ignore_errors=True)
    os.makedirs(SOURCE + ".tmp")
    subprocess.run(["tar", "-C", SOURCE + ".tmp", "--strip-components=1", "-xf",
                    os.path.join(packed, "usr/src", PACKAGE + ".tar.xz"),
                    whole + "testing/selftests",
                    *(whole + part for part in ("include", "arch/x86/include", "lib/rbtree.c"))], check=True)
    shutil.rmtree(SOURCE, ignore_errors=True)
    os.replace(SOURCE + ".tmp", SOURCE)
    shutil.rmtree(packed)


def library(folder):
    """Compiles kvm/lib, as kvm/Makefile does: the words with which a program of kvm/ is compiled and linked."""
    source = os.path.join(SOURCE, "tools/testing/selftests/kvm")
    tools = os.path.join(SOURCE, "tools")
    words = "-std=gnu99 -U_FORTIFY_SOURCE -fno-stack-protector -fno-PIE -no-pie".split()
    words += ["-I" + os.path.join(source, part) for part in ("include", "include/x86_64", "lib", "../rseq")]
    words += ["-I" + os.path.join(tools, part) for part in ("include", "arch/x86/include")]
    # two slips of this kernel's copy: a macro's name of a later kernel, a header that asks for another
    words += ["-DTEST_ASSERT_EQ=ASSERT_EQ", "-include", "/usr/include/linux/stddef.h"]
    out = os.path.join(folder, "libkvm")
    os.makedirs(out, exist_ok=True)
    objects = []
    for name in sorted(glob.glob("lib/*.c", root_dir=source) + glob.glob("lib/x86_64/*.[cS]", root_dir=source)):
        objects.append(os.path.join(out, name.replace("/", "-") + ".o"))
        if not os.path.exists(objects[-1]):
            more = ["-ffreestanding"] if "string_override" in name else []
            subprocess.run(["gcc", *WORDS, "-O2", *words, *more, "-c", "-o", objects[-1] + ".tmp", name],
                           cwd=source, check=True, capture_output=True, text=True)
            os.replace(objects[-1] + ".tmp", objects[-1])
    return words + objects


def build(program, folder, libkvm):
    """Compiles one program, with the libraries of Debian's -dev packages inside: its file."""
    out = os.path.join(folder, program.name)
    if os.path.exists(out):
        return out
    os.makedirs(os.path.dirname(out), exist_ok=True)
    dev = [os.path.join(debian.CACHE, p, "usr") for p in ("libcap-dev", "libcap-ng-dev")]
    more = [word if word not in ("-lcap", "-lcap-ng") else "-l:lib%s.a" % word[2:] for word in program.more]
    if "$LIBKVM" in more:
        more.remove("$LIBKVM")
        more += libkvm
    libraries = "-lrt -lm -ldl".split() if "-nostartfiles" not in more else []
    subprocess.run(["gcc", *WORDS, *["-I%s/include" % d for d in dev], "-o", out + ".tmp", program.source,
                    *["-L%s/lib/x86_64-linux-gnu" % d for d in dev], *more, *libraries],
                   cwd=os.path.join(SOURCE, "tools/testing/selftests", program.folder), check=True,
                   capture_output=True, text=True)
    os.replace(out + ".tmp", out)
    return out


def build_all(folder, wanted):
    fetch()
    for package in ("libcap-dev", "libcap-ng-dev"):
        debian.unpack(package)
    libkvm = library(folder) if any("$LIBKVM" in p.more for p in wanted) else []
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda p: build(p, folder, libkvm), wanted))


def count(status, output):
    """(passed, skipped, failed) of a run: the lines of TAP, or the exit status as one check.

    What a plan promises and does not come has failed.
    """
    lines = re.findall(r"^(ok|not ok)\b(.*)", output, re.M)
    promised = sum(int(n) for n in re.findall(r"^1\.\.(\d+)", output, re.M))
    if not promised:
        return (int(status == 0), int(status == 4), int(status not in (0, 4)))
    skipped = sum(word == "ok" and "# skip" in rest.lower() for word, rest in lines)
    passed = sum(word == "ok" for word, _ in lines) - skipped
    if status == 4:
        return passed, promised - passed, 0
    failed = max(promised - passed - skipped, sum(word != "ok" for word, _ in lines))
    return passed, skipped, failed or int(status != 0)


class Table:
    """TABLE.md: the rows as program -> (pass, skip, fail, reason)."""

    def __init__(self):
        self.rows = {}
        with open(TABLE) as f:
            for m in re.finditer(r"^\| (\S+/\S+) \| (\d+) \| (\d+) \| (\d+) \| (.*?) *\|$", f.read(), re.M):
                self.rows[m[1]] = (*map(int, m.groups()[1:4]), m[5])

    def judge(self, name, counts):
        """None when the row says so, else what is wrong."""
        row = self.rows.get(name)
        if row is None:
            return ("a row in tests/selftests/TABLE.md", "none")
        if row[:3] != counts:
            return tuple("%d pass, %d skip, %d fail" % r for r in (row[:3], counts))
        if (row[1] or row[2]) and not row[3]:
            return ("a reason in tests/selftests/TABLE.md", "none")
        return None

    def text(self, results):
        """The file with these results (name -> counts); rows of programs without one stay."""
        rows = {p.name: (*results.get(p.name, self.rows.get(p.name, (0, 0, 1))[:3]),
                         self.rows.get(p.name, ("",))[-1]) for p in PROGRAMS}
        rows = {name: row if row[1] or row[2] else (*row[:3], "") for name, row in rows.items()}
        total = [sum(row[i] for row in rows.values()) for i in range(3)]
        text = HEAD % (PACKAGE, len(rows), *total)
        text += "".join("| %s | %d | %d | %d | %s |\n" % (name, *row) for name, row in sorted(rows.items()))
        text += "\n## Not built\n\n| folder or program | reason |\n|---|---|\n"
        return text + "".join("| %s | %s |\n" % pair for pair in sorted(LEFT_OUT.items()))


class SelftestCase(Case):
    """A program; what it gave is left in `counts`."""

    def __init__(self, program, name, table):
        super().__init__(name, SCRIPT % (program.folder, program.run), leak=program.leak,
                         seconds=program.seconds + 10)
        self.program, self.table, self.counts = program, table, None

    def judge(self, status, output):
        self.counts = count(status, output)
        wrong = self.table.judge(self.program.name, self.counts)
        return wrong and (wrong[0], "%s\nstatus %d\n%s" % (wrong[1], status, output[-4000:]))


def complete(_run):
    """Each program of each folder runs or has a reason; the table is the one of these programs."""
    fetch()
    top = os.path.join(SOURCE, "tools/testing/selftests")
    ours = {p.name for p in PROGRAMS} | {p.folder + "/" + p.source[:-2] for p in PROGRAMS}
    forgotten = []
    for folder, _, files in os.walk(top):
        relative = os.path.relpath(folder, top)
        parts = relative.split("/")
        if any("/".join(parts[:n]) in LEFT_OUT for n in range(1, len(parts) + 1)):
            continue
        for name in files:
            path = os.path.join(folder, name)
            if name.endswith(".c") and re.search(r"\bmain\(|TEST_HARNESS_MAIN", open(path, errors="replace").read()):
                forgotten += {"%s/%s" % (relative, name[:-2])} - ours - set(LEFT_OUT)
    if forgotten:
        return "each program in programs.py", "\n".join(sorted(forgotten))
    with open(TABLE) as f:
        found = f.read()
    return None if found == Table().text({}) else (
        "tests/selftests/TABLE.md as tests/run --write makes it", "another text")


def jobs(run):
    if run.wanted("selftests/host/complete"):
        yield "selftests/host/complete", lambda: run.host("selftests/host/complete", complete)
    # those with the sanitizers take long: only for who asks for them by name
    for machine in ("qemu",) if "/san" not in run.args.pattern else ("san",):
        wanted = [p for p in PROGRAMS if run.wanted("selftests/%s/%s" % (machine, p.name))]
        if wanted:
            yield "selftests/" + machine, lambda machine=machine, wanted=wanted: boot(run, machine, wanted)


def boot(run, machine, wanted):
    folder = os.path.join(run.build, "selftests")
    try:
        build_all(folder, wanted)
    except (subprocess.CalledProcessError, debian.Missing, OSError) as e:
        return run.report(Result("selftests/%s/build" % machine, ("programs that build", "%s\n%s" % (
            e, getattr(e, "stderr", "") or ""))))
    table = Table()
    cases = [SelftestCase(p, "selftests/%s/%s" % (machine, p.name), table) for p in wanted]
    scale = run.scale * SLOW.get(machine, 1)
    options = dict(MACHINES[machine], mem="512M")
    build = run.build_for(machine, options)

    def make_machine():
        m = emulator.Machine(build=build, timeout=60 * scale, **options)
        for p in wanted:
            m.files.add(os.path.join(folder, p.name), "/selftests/" + p.name)
        m.files.add(libgcc(), "/lib/x86_64-linux-gnu/libgcc_s.so.1")
        return m
    run.twice(cases, lambda cases, report: run_cases(make_machine, cases, scale, report))
    if run.args.write:
        with open(TABLE, "w") as f:
            f.write(table.text({c.program.name: c.counts for c in cases if c.counts}))


def libgcc():
    """What glibc opens by itself for pthread_exit() and pthread_cancel()."""
    found = subprocess.run(["gcc", "-print-file-name=libgcc_s.so.1"], capture_output=True, text=True, check=True)
    return found.stdout.strip()
