# SPDX-License-Identifier: MIT
"""The build: both compilers, without either layer, incremental, the same to the byte; the ISO."""
import fcntl
import glob
import os
import shutil
import subprocess

LIMIT = 672 * 1024  # of the stripped kernel: a guard against growth; make bench holds it against 512 KiB


def make(run, *words, timeout=300):
    return run.sh(["make"] + list(words), timeout=timeout)


def failed(done):
    return "status 0", "status %d\n%s%s" % (done.returncode, done.stdout[-2000:], done.stderr[-4000:])


def size(run):
    got = os.path.getsize(os.path.join(run.build, "dyad.stripped.elf"))
    return None if got <= LIMIT else ("at most %d bytes" % LIMIT, str(got))


def without(layer):
    def test(run):
        build = "build-without-" + layer
        done = make(run, "WITHOUT=" + layer, "all")
        if done.returncode:
            return failed(done)
        env = {"DYAD_BUILD": os.path.join(os.path.dirname(run.build), build)}
        other, verb = (("vm", "ctr") if layer == "container" else ("ctr", "vm"))
        done = run.sh("tools/run -e qemu -- 'echo shell works; %s run busybox -- echo layer works; "
                      "%s run busybox -- true; echo $?'" % (other, verb), env=env)
        lines = done.stdout.split("\n")
        if done.returncode or lines[:2] != ["shell works", "layer works"] or lines[-2] == "0":
            return "the shell, the other layer, and no %s" % layer, done.stdout + done.stderr
        return None
    return test


def clang(run):
    if not shutil.which("clang"):
        return None
    done = make(run, "CC=clang", "BUILD=build-clang", run.programs, "all")
    if done.returncode:
        return failed(done)
    build = os.path.join(os.path.dirname(run.build), "build-clang")
    done = run.sh("tools/run -e qemu -- 'ctr run busybox -- true && vm run busybox -- echo both'",
                  env={"DYAD_BUILD": build})
    return None if done.stdout == "both\n" else ("both", done.stdout + done.stderr)


def cross(run):
    """The prefix reaches every tool: the compilers of kernel and programs, ld, ar, strip."""
    if not shutil.which("x86_64-linux-gnu-gcc"):
        return None
    build = "build-cross"
    shutil.rmtree(os.path.join(os.path.dirname(run.build), build), ignore_errors=True)  # of an earlier run
    done = make(run, "V=1", "CROSS_COMPILE=x86_64-linux-gnu-", "BUILD=" + build,
                *[build + "/" + f for f in ("obj/kernel/lib/string.o", "obj/kernel/x86/entry.S.o", "user/init")])
    if done.returncode:
        return failed(done)
    for tool in ("gcc -std", "gcc -specs", "ar rcs"):
        if "x86_64-linux-gnu-" + tool not in done.stdout:
            return "x86_64-linux-gnu-" + tool, done.stdout
    return None


def sanitized(run):
    done = make(run, "SAN=1", run.programs, "all")
    if done.returncode:
        return failed(done)
    build = os.path.join(os.path.dirname(run.build), "build-san")
    done = run.sh("tools/run -e qemu --strict -- 'ctr run busybox -- true && vm run busybox -- echo both'",
                  env={"DYAD_BUILD": build}, timeout=240)
    return None if done.stdout == "both\n" and not done.returncode else (
        "both, no WARNING", done.stdout + done.stderr)


def incremental(run):
    """Touching a header rebuilds what includes it, and then nothing more is to do."""
    header = os.path.join(os.path.dirname(run.build), "kernel/sched/internal.h")
    build = "BUILD=build-clang" if shutil.which("clang") else "BUILD=build"
    cc = ["CC=clang", run.programs] if shutil.which("clang") else []
    done = make(run, build, *cc, "all")
    if done.returncode:
        return failed(done)
    before = os.stat(header)
    try:
        os.utime(header)
        done = make(run, build, *cc, "all")
    finally:
        os.utime(header, ns=(before.st_atime_ns, before.st_mtime_ns))
    if done.returncode or "kernel/sched/" not in done.stdout or "dyad.elf" not in done.stdout:
        return "sched/ compiled and the kernel linked again", done.stdout + done.stderr
    if "kernel/lib/string.c" in done.stdout:
        return "files that do not include it left alone", done.stdout
    done = make(run, build, *cc, "all")
    rest = [line for line in done.stdout.split("\n") if line and "Nothing to be done" not in line
            and not line.startswith("make")]
    return ("nothing more to do", "\n".join(rest)) if rest else None


def reproducible(run):
    """The image and the initramfs are the same to the byte when made again."""
    for script in ("tools/mkimage busybox {0}/a.erofs && tools/mkimage busybox {0}/b.erofs && cmp {0}/a.erofs {0}/b.erofs",
                   "tools/mkinitramfs -o {0}/a.cpio tools:files/tools && tools/mkinitramfs -o {0}/b.cpio tools:files/tools "
                   "&& cmp {0}/a.cpio {0}/b.cpio && cpio -it --quiet < {0}/a.cpio | grep -q files/tools/run"):
        folder = os.path.join(run.build, "tests/same")
        os.makedirs(folder, exist_ok=True)
        done = run.sh(script.format(folder))
        if done.returncode:
            return failed(done)
    return None


def includes(run):
    """The check passes here, and an include that goes up the tower fails it."""
    done = run.sh("tools/checkincludes")
    if done.returncode:
        return failed(done)
    top = os.path.join(run.build, "tests/includes")
    for path, text in (("kernel/lib/up.h", '#include "vmm/vmm.h"'),
                       ("kernel/fs/past.c", '#include "mm/internal.h"'),
                       ("container/beside.c", '#include "vmm/vmm.h"'),
                       ("user/inside.c", '#include "kernel/lib/list.h"')):
        shutil.rmtree(top, ignore_errors=True)
        os.makedirs(os.path.dirname(os.path.join(top, path)))
        with open(os.path.join(top, path), "w") as f:
            f.write(text + "\n")
        done = run.sh(["tools/checkincludes", top])
        if done.returncode != 1 or path + ":1" not in done.stdout:
            return path + " named", done.stdout + done.stderr
    return None


def iso(engine):
    def test(run):
        done = make(run, "BUILD=" + os.path.relpath(run.build), os.path.relpath(run.build) + "/dyad.iso")
        if done.returncode:
            return failed(done)
        iso_file = os.path.join(run.build, "dyad.iso")
        done = run.sh("tools/run -e %s --iso %s -- 'ctr run busybox -- echo from the ISO'" % (engine, iso_file),
                      timeout=300)
        return None if done.stdout == "from the ISO\n" and not done.returncode else (
            "from the ISO", done.stdout + done.stderr)
    return test


def mklab(run):
    """Where a starter cannot be written, one sentence says so."""
    done = run.sh(["tools/mklab", "00", os.path.join(run.build, "dyad.elf")])
    said = done.stdout + done.stderr
    return None if done.returncode == 1 and said.startswith("mklab: ") and said.count("\n") == 1 else (
        "mklab: [Errno 20] Not a directory", said)


def grade_waits(run):
    """A folder to grade in is one grade's: another student's files do not get between."""
    work = os.path.join(run.build, "grade-one")
    with open(work + ".lock", "w") as lock, open(work + ".said", "w+") as said:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            subprocess.run(["tools/grade", "--work", work, "00"], stdout=subprocess.DEVNULL,
                           stderr=said, timeout=3)
        except subprocess.TimeoutExpired:
            said.seek(0)
            text = said.read()
            return None if "another one uses" in text else ("another one uses ...", text)
    return "waits for the other one", "went on"


def doctor(run):
    done = run.sh("tools/doctor")
    return None if "What this machine can run" in done.stdout else failed(done)


def scripts_parse(run):
    """Shell and Python files at least parse."""
    top = os.path.dirname(run.build)
    for path in glob.glob(os.path.join(top, "tools/*")) + glob.glob(os.path.join(top, "tests/*")):
        if not os.path.isfile(path):
            continue
        with open(path, errors="replace") as f:
            first = f.readline()
        argv = (["sh", "-n", path] if first.startswith("#!/bin/sh") else
                ["python3", "-c", "import ast, sys; ast.parse(open(sys.argv[1]).read())", path]
                if "python" in first else None)
        done = argv and subprocess.run(argv, capture_output=True, text=True)
        if done and done.returncode:
            return "a file that parses", path + "\n" + done.stderr
    return None


HOST = {
    "size": size,
    "without-container": without("container"),
    "without-vmm": without("vmm"),
    "clang": clang,
    "cross": cross,
    "sanitized": sanitized,
    "incremental": incremental,
    "reproducible": reproducible,
    "includes": includes,
    "iso-bios": iso("qemu"),
    "iso-uefi": iso("uefi"),
    "iso-bochs": iso("bochs"),
    "mklab": mklab,
    "grade-waits": grade_waits,
    "doctor": doctor,
    "scripts-parse": scripts_parse,
}
