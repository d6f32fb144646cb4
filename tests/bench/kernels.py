# SPDX-License-Identifier: MIT
"""The rows that compare kernels: the same static program on Dyad and on Debian's kernel, in the
same emulator. In Bochs the TSC counts instructions, so ticks are figures that repeat.
"""
import concurrent.futures
import hashlib
import json
import os
import statistics

import debian
import emulator
from linux import Linux, busybox

HALF = 0.5
FIVE = "create + exec + wait, 5 namespaces"
BARE, CTR_RUN = "create + exec + wait, the namespaces of ctr run", "ctr run --rm busybox -- true, start to exit"
CRUN_RUN = "crun run of busybox true, start to exit"
# program, its name for it, what it is, and its limit: ticks, or a part of Linux's; None: for information
MICRO = (
    ("micro", "getppid", "getppid round trip", 110),
    ("micro", "fork-exec", "fork + exec + wait of busybox true", 220000),
    ("micro", "vfork-exec", "vfork + exec + wait of busybox true", 180000),
    ("micro", "futex", "futex ping-pong of two threads, a round trip", HALF),
    ("micro", "yield", "context switch, sched_yield of two processes", HALF),
    ("micro", "fault-anon", "page fault, anonymous", HALF),
    ("micro", "fault-file", "page fault, file-mapped", HALF),
    ("micro", "fault-file-scan", "reading a mapped file, a page", None),
    ("micro", "fault-cow", "page fault, copy-on-write", HALF),
    ("files", "open", "open + close of a path of 4 components", HALF),
    ("files", "stat", "stat of the same", HALF),
    ("files", "getdents", "getdents of 1,000 entries", HALF),
    ("files", "read", "read of 4 KiB that are cached", HALF),
    ("files", "create", "create + unlink", HALF),
    ("ipc", "pipe", "pipe ping-pong of two processes, a round trip", HALF),
    ("ipc", "pipe-bulk", "64 KiB through a pipe", HALF),
    ("ipc", "unix", "AF_UNIX ping-pong, a round trip", HALF),
    ("ipc", "unix-bulk", "64 KiB through an AF_UNIX stream", HALF),
    ("ipc", "tcp", "TCP loopback ping-pong, a round trip", HALF),
    ("ipc", "tcp-bulk", "64 KiB through TCP on loopback", HALF),
    ("ns", "ns-none", "create + exec + wait, a plain process", None),
    ("ns", "ns-five", FIVE, 300000),
    ("start", "bash", "bash -c true, start to exit", HALF),
    # 26.1 million of these are instructions of Python's own, on either kernel: 0.75 of Linux's sum
    ("start", "python", "python3 -c pass, start to exit", HALF),
    ("oci", "crun", CRUN_RUN, HALF),
    ("kvm", "cpuid", "a guest's CPUID, answered by the kernel", 220),
    ("kvm", "out", "a guest's OUT, to the monitor and back", 1400),
    ("kvm", "touch", "second-level fault, first touch of a 4 KiB page", 0.4),
    ("kvm", "dirty", "a round of the dirty log, a 4 KiB page written again", 0.4),
    ("kvm", "make-vm", "a virtual machine, made until its first instruction", 0.25),
    ("kvm", "end-vm", "  and ended", 0.25),
    ("ns", "ns-ctr", BARE, None),
    ("run_ctr", "ctr", CTR_RUN, None),
)
# what `ctr run` is compared with: whose, which row, at most so many times
PARTS = (("Dyad's", BARE, 1.5), ("Linux's", CRUN_RUN, 0.25))
NAMES = {what: name for _, name, what, _ in MICRO}
PROGRAMS = ("micro", "files", "ipc", "ns", "start", "kvm", "oci", "run_ctr")
# of Linux, for ctr
MODULES = ("lib/libcrc32c", "fs/erofs/erofs", "fs/overlayfs/overlay", "drivers/block/loop")
LIB = "lib/x86_64-linux-gnu/"
# what of Debian's packages the programs start, as (package, path or folder)
DYNAMIC = (
    ("bash", "bin/bash"), ("libtinfo6", LIB + "libtinfo.so.6"),
    ("libc6", "lib64/ld-linux-x86-64.so.2"), ("libc6", LIB + "libc.so.6"), ("libc6", LIB + "libm.so.6"),
    ("zlib1g", LIB + "libz.so.1"), ("libexpat1", LIB + "libexpat.so.1"),
    ("python3.11-minimal", "usr/bin/python3.11"), ("libpython3.11-minimal", "usr/lib/python3.11"),
)
CRUN = (
    ("crun", "usr/bin/crun"), ("libc6", "lib64/ld-linux-x86-64.so.2"), ("libc6", LIB + "libc.so.6"),
    ("libcap2", LIB + "libcap.so.2"), ("libgpg-error0", LIB + "libgpg-error.so.0"),
    ("liblzma5", LIB + "liblzma.so.5"), ("libgcrypt20", "usr/" + LIB + "libgcrypt.so.20"),
    ("liblz4-1", "usr/" + LIB + "liblz4.so.1"), ("libseccomp2", "usr/" + LIB + "libseccomp.so.2"),
    ("libsystemd0", "usr/" + LIB + "libsystemd.so.0"), ("libyajl2", "usr/" + LIB + "libyajl.so.2"),
    ("libzstd1", "usr/" + LIB + "libzstd.so.1"),
)
# The root of what starts containers is the same tmpfs on both, a mount that pivot_root(2) can leave.
ROOT = r"""
mkdir /r && mount -t tmpfs none /r && cp -a /oci/. /r && cd /r && mkdir -p proc sys dev run tmp && ln -s busybox bin/sh &&
mount -t proc proc proc && mount -t sysfs sys sys && mount -t cgroup2 none sys/fs/cgroup &&
mount -t devtmpfs dev dev && mkdir -p dev/pts && mount -t devpts pts dev/pts && chroot . /bin/sh -c '%s'"""
# crun's bundle is that of `crun spec` without its terminal.
BUNDLE = r"""
cd /b && /usr/bin/crun spec &&
/bin/busybox sed -i "s/\"terminal\": true/\"terminal\": false/; s/\"sh\"/\"true\"/" config.json && /bin/"""
INSMOD = "for m in %s; do /bin/busybox insmod /modules/$m || exit; done; /bin/" % " ".join(map(os.path.basename, MODULES))
# and for a hypervisor
KVM_MODULES = ("virt/lib/irqbypass", "arch/x86/kvm/kvm", "arch/x86/kvm/kvm-intel")
KVM_INSMOD = "for m in irqbypass kvm kvm-intel; do /bin/busybox insmod /modules/$m.ko || exit; done && "
STORMS = (("exec", "storm of fork, exec, wait"), ("mmap", "storm of mmap, fault, munmap"))
STORM = "for i in 1 2 3 4; do for n in 1 2 4; do storm %s $n %d || exit 1; done; done"
STORM_MS = 500


def put(machine, host, guest):
    """A file or a folder of the host, exactly as it is, for either kernel."""
    if isinstance(machine, Linux):
        machine.archive.file(guest, host)
    else:
        machine.files.used = True
        machine.files.archive.file(machine.files.place(guest), host)


def put_packages(machine, files, top=""):
    for package, path in files:
        folder = debian.unpack(package)
        found = os.path.join(folder, path)
        if os.path.isdir(found):
            put(machine, found, top + path)
            continue
        if os.path.islink(found) and os.readlink(found).startswith("/"):
            found = folder + os.readlink(found)
        put(machine, os.path.realpath(found), top + path)


def put_bundle(machine, build):
    put_packages(machine, CRUN, "oci/")
    for path in ("bin/busybox", "b/rootfs/bin/true"):
        put(machine, busybox(), "oci/" + path)
    put(machine, os.path.join(build, "tests/bench/oci"), "oci/bin/oci")


def put_ctr(machine, build):
    """What Dyad's own root has: ctr, an image, and in Linux the file systems that it mounts."""
    for file, path in (("user/ctr", "usr/local/bin/ctr"), ("images/busybox.erofs", "images/busybox.erofs"),
                       ("tests/bench/run_ctr", "bin/run_ctr")):
        put(machine, os.path.join(build, file), "oci/" + path)
    for name in MODULES:
        put(machine, os.path.join(machine.modules, "kernel", name + ".ko"), "oci/modules/" + os.path.basename(name))


def run(machine, build, programs, line, on_output=None):
    """What the programs of one line print on a machine; RuntimeError when it fails."""
    for program in programs:
        put(machine, os.path.join(build, "tests/bench", program), "bin/" + program)
    machine.command([line])
    outcome = machine.start(on_output=on_output)
    if outcome.kind != emulator.EXIT or outcome.status:
        raise RuntimeError("%s: %s %s\n%s" % (line, outcome.kind, outcome.detail or outcome.status,
                                              outcome.output.decode("utf-8", "replace")[-500:]))
    return outcome.output.decode()


def micro_on(machine, build, cases):
    programs = [p for p in PROGRAMS if any(case[0] == p for case in cases)]
    lines = {p: p + "".join(" " + case[1] for case in cases if case[0] == p) for p in programs}
    if "start" in programs:
        put_packages(machine, DYNAMIC)
    if "kvm" in programs and isinstance(machine, Linux):
        for name in KVM_MODULES:
            put(machine, os.path.join(machine.modules, "kernel", name + ".ko"), "modules/" + os.path.basename(name) + ".ko")
        lines["kvm"] = KVM_INSMOD + lines["kvm"]
    inside = []
    if "oci" in programs:
        put_bundle(machine, build)
        inside.append(BUNDLE + lines.pop("oci"))
    if "run_ctr" in programs and isinstance(machine, Linux):
        put_ctr(machine, build)
        inside.append(INSMOD + lines.pop("run_ctr"))
    if inside:
        lines["in a root"] = ROOT % " && ".join(inside)
    text = run(machine, build, programs, " && ".join(lines.values()))
    return {name: int(ticks) for name, ticks in (line.split() for line in text.splitlines())}


class Remembered:
    """Linux's ticks of earlier runs: they depend on the programs and the kernel alone."""

    def __init__(self, build):
        self.path = os.path.join(build, "tests/bench/linux.json")
        key = hashlib.sha256()
        for program in PROGRAMS:
            with open(os.path.join(build, "tests/bench", program), "rb") as f:
                key.update(f.read())
        self.key = key.hexdigest()

    def load(self):
        try:
            with open(self.path) as f:
                known = json.load(f)
        except FileNotFoundError:
            return {}
        return known["ticks"] if known["key"] == self.key else {}

    def save(self, ticks):
        with open(self.path, "w") as f:
            json.dump({"key": self.key, "ticks": ticks}, f)


def micro(args, row, wanted):
    """Ticks of single operations, on both kernels at once."""
    cases = [case for case in MICRO if wanted(case[2])]
    if not cases:
        return
    for package, _ in DYNAMIC + CRUN:  # before two threads want it
        debian.unpack(package)
    memory = Remembered(args.build)
    linux = memory.load() if args.again else {}
    patience = 900 * emulator.host_scale()
    machine = emulator.Machine(engine="bochs", build=args.build, timeout=patience)
    with concurrent.futures.ThreadPoolExecutor() as beside:
        peer = None
        if not linux:  # the boot is what takes the time: all of them
            try:
                peer = beside.submit(micro_on, Linux(engine="bochs", timeout=patience),
                                     args.build, MICRO)
            except debian.Missing as e:
                row("Debian's kernel in Bochs", "not measured: no %s" % e)
        dyad = micro_on(machine, args.build, cases)
        if peer:
            linux = peer.result()
            memory.save(linux)
    for _, name, what, limit in cases:
        d, l = dyad[name], linux.get(name)
        measured = "%d : %d = %.2f" % (d, l, d / l) if l else "%d" % d
        if isinstance(limit, float):
            row(what, measured, "at most %.4g" % limit, d / l <= limit if l else None)
        else:
            row(what, measured, limit and "at most {:,}".format(limit), limit and d <= limit)
        if what == FIVE and "ns-none" in dyad:
            over = d / dyad["ns-none"]
            row("  the same over the plain process", "%.2f : %.2f" % (over, l / linux["ns-none"])
                if l else "%.2f" % over, "at most 1.3", over <= 1.3)
        for kernel, whole, limit in PARTS if what == CTR_RUN else ():
            ticks = (linux if kernel == "Linux's" else dyad).get(NAMES[whole])
            row("  over %s %s" % (kernel, whole.split(",")[0]), "%.2f" % (d / ticks) if ticks else "not measured",
                "at most %.2f" % limit, d <= limit * ticks if ticks else None)


class Storms:
    """Operations a second on 1, 2, 4 CPUs of one machine, in turns; the median of some tries.

    What counts is how many a second of the host's CPU time gives: a CPU that spins for a lock costs
    as much as one that works. Times how many of the guest's CPUs are busy, that is the rate on a
    host with a core for each of them, whatever this one is and does at the moment.
    """

    def __init__(self, machine, build, kind):
        self.rates, self.rest = {}, b""
        run(machine, build, ["storm"], STORM % (kind, STORM_MS), self.feed)

    def feed(self, data):
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            if line == b"begin":
                self.begin = self.host_seconds()
            else:
                cpus, done, busy = map(float, line.split())
                rate = done / (self.host_seconds() - self.begin) * busy
                self.rates.setdefault(int(cpus), []).append(rate)

    @staticmethod
    def host_seconds():
        used = 0
        for child in emulator.LIVE:
            with open("/proc/%d/stat" % child.pid) as f:  # utime, stime: proc(5)
                used += sum(map(int, f.read().rpartition(")")[2].split()[11:13]))
        return used / os.sysconf("SC_CLK_TCK")

    def result(self):
        return tuple(statistics.median(self.rates[n]) for n in (1, 2, 4))


def storms(args, row, wanted):
    """What many CPUs do to the locks: four must not bring less than two."""
    for kind, what in STORMS:
        if not wanted(what):
            continue
        dyad = Storms(emulator.Machine(build=args.build, cpus=4), args.build, kind).result()
        row(what + ", 1, 2, 4 CPUs, a second", "%d %d %d" % dyad,
            "4 CPUs not below 2", dyad[2] >= dyad[1])
        try:
            linux = Storms(Linux(cpus=4), args.build, kind).result()
        except debian.Missing as e:
            row("  the same on Debian's kernel", "not measured: no %s" % e)
        else:
            row("  the same on Debian's kernel", "%d %d %d" % linux)


# ---- virtual machines ----
START = (("vm-restore", "vm restore FILE -- true, start to exit, Bochs", 20), ("vm-run", "vm run busybox -- true, start to exit, Bochs", 250))
TICKS_PER_MS = 100000  # Bochs, as emulator.py sets it


def machines(args, row, wanted):
    """How long a virtual machine lives that has nothing to do."""
    cases = [case for case in START if wanted(case[1])]
    if not cases:
        return
    text = run(emulator.Machine(engine="bochs", build=args.build, timeout=300 * emulator.host_scale()), args.build,
               ["run_vm"], "run_vm " + " ".join(name for name, _, _ in cases))
    ticks = dict(line.split() for line in text.splitlines())
    for name, what, limit in cases:
        ms = int(ticks[name]) / TICKS_PER_MS
        row(what, "%.1f ms" % ms, "at most %d ms" % limit, ms <= limit)


# ---- containers ----
IDLE = "kernel memory of an idle container, 8 namespaces"
VM_MEMORY = "kernel memory of a virtual machine, besides the guest's pages"
MANY = "1,000 idle containers in 256 MiB"
MANY_DETACHED = "1,000 times ctr run -d in 512 MiB"
MANY_MACHINES = "64 times vm run -d in 2 GiB"
LIMITS = "cpu.max 20 % over 5 s"
WEIGHTS = "cpu.weight 1:3 over 5 s"
MOUNTED = "[ -e /sys/fs/cgroup/cgroup.procs ] || " \
          "{ mount -t sysfs sys /sys && mount -t cgroup2 none /sys/fs/cgroup; } || exit 1; "


def figures(machine, build, program, arguments):
    text = run(machine, build, [program], MOUNTED + program + " " + arguments)
    return {name: float(value) for name, value in (line.split() for line in text.splitlines())}


def containers(args, row, wanted):
    """What one of many containers weighs, and what a group's limits of CPU time let through."""
    if wanted(IDLE):
        dyad = figures(emulator.Machine(build=args.build, cpus=1), args.build, "idle", "100")
        measured = "%.0f" % (dyad["memory"] / 1024)
        try:
            linux = figures(Linux(cpus=1), args.build, "idle", "100")
            measured += " : %.0f" % (linux["memory"] / 1024)
        except debian.Missing as e:
            row("Debian's kernel", "not measured: no %s" % e)
        row(IDLE, measured + " KiB", "at most 64 KiB", dyad["memory"] <= 64 * 1024)
    if wanted(VM_MEMORY):
        dyad = figures(emulator.Machine(build=args.build, cpus=1), args.build, "kvm", "memory 32")
        row(VM_MEMORY, "%.0f KiB" % (dyad["memory"] / 1024), "at most 96 KiB", dyad["memory"] <= 96 * 1024)
    for what, program, words, mem in ((MANY, "idle", "1000", "256M"),
                                      (MANY_DETACHED, "detached", "ctr 1000 100", "512M"),
                                      (MANY_MACHINES, "detached", "vm 64 1", "2G")):
        if wanted(what):
            machine = emulator.Machine(build=args.build, cpus=1, icount=True, mem=mem,
                                       timeout=240 * emulator.host_scale())
            got = figures(machine, args.build, program, words)
            ratio = got["last"] / got["first"]
            row(what + ", last : first start", "%.2f ms : %.2f ms = %.2f" % (got["last"] / 1e6, got["first"] / 1e6, ratio), "at most 1.2", ratio <= 1.2)
    if wanted(LIMITS) or wanted(WEIGHTS):
        machine = emulator.Machine(build=args.build, cpus=1, icount=True, timeout=60 * emulator.host_scale())
        got = figures(machine, args.build, "limits", "5")
        row(LIMITS, "%.2f %%" % got["max"], "within 2 %", abs(got["max"] / 20 - 1) <= 0.02)
        row(WEIGHTS, "1:%.3f" % got["weights"], "within 5 %",
            abs(got["weights"] / 3 - 1) <= 0.05)
