# SPDX-License-Identifier: MIT
"""The rows that compare kernels: the same static program on Dyad and on Debian's kernel, in the
same emulator. In Bochs the TSC counts instructions, so ticks are figures that repeat.
"""
import concurrent.futures
import hashlib
import json
import os

import debian
import emulator
from linux import Linux

HALF = 0.5
# micro.c's name, what it is, and its limit: ticks, or a part of Linux's ticks; None: for information
MICRO = (
    ("getppid", "getppid round trip", 110),
    ("fork-exec", "fork + exec + wait of busybox true", 220000),
    ("vfork-exec", "vfork + exec + wait of busybox true", 180000),
    ("pipe", "pipe ping-pong of two processes, a round trip", HALF),
    ("futex", "futex ping-pong of two threads, a round trip", HALF),
    ("yield", "context switch, sched_yield of two processes", HALF),
    ("fault-anon", "page fault, anonymous", HALF),
    ("fault-file", "page fault, file-mapped", HALF),
    ("fault-file-scan", "reading a mapped file, a page", None),
    ("fault-cow", "page fault, copy-on-write", HALF),
)
STORMS = (("exec", "storm of fork, exec, wait"), ("mmap", "storm of mmap, fault, munmap"))
STORM_MS = 700
STORM_NOISE = 0.95  # "not below" on a machine where other things run
CPUS = (1, 2, 4)


def run(machine, build, program, line):
    """What the program prints on a machine; RuntimeError when it fails."""
    host, guest = os.path.join(build, "tests/bench", program), "/bin/" + program
    (machine.add if isinstance(machine, Linux) else machine.files.add)(host, guest)
    machine.command([line])
    outcome = machine.start()
    if outcome.kind != emulator.EXIT or outcome.status:
        raise RuntimeError("%s: %s %s" % (line, outcome.kind, outcome.detail or outcome.status))
    return outcome.output.decode()


def micro_on(machine, build, names):
    text = run(machine, build, "micro", "micro " + " ".join(names))
    return {name: int(ticks) for name, ticks in (line.split() for line in text.splitlines())}


class Remembered:
    """Linux's ticks of earlier runs: they depend on the program and the kernel alone."""

    def __init__(self, build):
        self.path = os.path.join(build, "tests/bench/linux.json")
        with open(os.path.join(build, "tests/bench/micro"), "rb") as f:
            self.key = hashlib.sha256(f.read()).hexdigest()

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
    cases = [case for case in MICRO if wanted(case[1])]
    if not cases:
        return
    names = [name for name, _, _ in cases]
    memory = Remembered(args.build)
    linux = memory.load() if args.again else {}
    patience = 300 * emulator.host_scale()
    machine = emulator.Machine(engine="bochs", build=args.build, timeout=patience)
    with concurrent.futures.ThreadPoolExecutor() as beside:
        peer = None
        if not linux:  # the boot is what takes the time: all of them
            try:
                peer = beside.submit(micro_on, Linux(engine="bochs", timeout=patience),
                                     args.build, [name for name, _, _ in MICRO])
            except debian.Missing as e:
                row("Debian's kernel in Bochs", "not measured: no %s" % e)
        dyad = micro_on(machine, args.build, names)
        if peer:
            linux = peer.result()
            memory.save(linux)
    for name, what, limit in cases:
        d, l = dyad[name], linux.get(name)
        measured = "%d : %d = %.2f" % (d, l, d / l) if l else "%d" % d
        if limit == HALF:
            row(what, measured, "at most 0.5", d / l <= HALF if l else None)
        else:
            row(what, measured, limit and "at most {:,}".format(limit), limit and d <= limit)


def storm_on(make, build, kind):
    """Operations a second with 1, 2, 4 CPUs, the best of some tries."""
    line = "for i in 1 2 3; do storm %s %%d %d || exit 1; done" % (kind, STORM_MS)
    return [max(map(int, run(make(n), build, "storm", line % n).split())) for n in CPUS]


def storms(args, row, wanted):
    """What many CPUs do to the locks: four must not bring less than two."""
    for kind, what in STORMS:
        if not wanted(what):
            continue
        dyad = storm_on(lambda n: emulator.Machine(build=args.build, cpus=n), args.build, kind)
        row(what + ", 1, 2, 4 CPUs, a second", "%d %d %d" % tuple(dyad),
            "4 CPUs not below 2", dyad[2] >= STORM_NOISE * dyad[1])
        try:
            linux = storm_on(lambda n: Linux(cpus=n), args.build, kind)
        except debian.Missing as e:
            row("  the same on Debian's kernel", "not measured: no %s" % e)
        else:
            row("  the same on Debian's kernel", "%d %d %d" % tuple(linux))
