# SPDX-License-Identifier: MIT
"""The rows about virtual machines under QEMU's own emulation, Dyad's KVM beside Linux's.

Bochs counts instructions, QEMU does not charge each the same: VMRUN is a function of thousands there. So what
counts is the time of this machine's CPU that QEMU's process takes, between two lines of output.
"""
import os
import shlex
import statistics

import debian
import emulator
import kernels
import linux_guest
from peer import Peer

EXIT = "a guest's CPUID, answered by the kernel, QEMU"
BOOT = "Debian's cloud kernel to its shell as a guest, QEMU"
START = (("vm restore FILE -- true, start to exit, QEMU", "vm restore /tmp/a.vm -- true", 20),
         ("vm run busybox -- true, start to exit, QEMU", "vm run busybox -- true", 250))
STARTS = 20
# of a machine that has run a command before
SNAPSHOT = "vm run -d --name a busybox -- sleep 1000 && vm exec a -- true && vm snapshot a /tmp/a.vm && vm rm -f a"
EXITS = 40000
TRIES = 5


class Watch:
    """Seconds of this machine's CPU from the line "begin" to one that starts with last."""

    def __init__(self, last):
        self.last, self.rest, self.begin, self.took = last, b"", None, []

    def __call__(self, data):
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            if line.startswith(b"begin"):
                self.begin = kernels.Storms.host_seconds()
            elif line.startswith(self.last) and self.begin is not None:
                self.took.append(kernels.Storms.host_seconds() - self.begin)
                self.begin = None


def watch(machine, line, last, status=0):
    """The median of some tries on one machine."""
    watched = Watch(last)
    machine.command(["sh -c " + shlex.quote("for i in %s; do echo; echo begin; %s; [ $? = %d ] || exit 1; done" % (
        " ".join(map(str, range(TRIES))), line, status))])
    outcome = machine.start(on_output=watched)
    if outcome.kind != emulator.EXIT or outcome.status or len(watched.took) != TRIES:
        raise RuntimeError("%s: %s %s\n%s" % (line, outcome.kind, outcome.detail or outcome.status,
                                              outcome.output.decode("utf-8", "replace")[-500:]))
    return statistics.median(watched.took)


def starts(args, row, wanted):
    for what, command, limit in START:
        if wanted(what):
            loop = "for n in $(seq %d); do %s || exit 1; done; echo end" % (STARTS, command)
            machine = emulator.Machine(build=args.build, cpus=1, timeout=300 * emulator.host_scale())
            ms = watch(machine, "[ -e /tmp/a.vm ] || { %s; }; %s" % (SNAPSHOT, loop), b"end") / STARTS * 1000
            row(what, "%.1f ms" % ms, "at most %d ms" % limit, ms <= limit)


def on_both(build, files, line, last, status=0):
    """Files are (file here, path there without the slash in front). Dyad's seconds and Linux's."""
    options = dict(cpus=1, mem="512M", timeout=900 * emulator.host_scale())
    seconds = []
    for machine in (emulator.Machine(build=build, **options), Peer(**options)):
        for here, there in files:
            kernels.put(machine, here, there)
        seconds.append(watch(machine, line, last, status))
    return seconds


def measure(args, row, wanted):
    starts(args, row, wanted)
    try:
        if wanted(EXIT):
            program = os.path.join(args.build, "tests/bench/kvm")
            d, l = (s / EXITS * 1e6 for s in on_both(args.build, [(program, "bin/kvm")], "kvm exits %d" % EXITS, b"end"))
            row(EXIT, "%.1f us : %.1f us = %.2f" % (d, l, d / l), "at most 0.56", d / l <= 15 / 27)
        if wanted(BOOT):
            folder = linux_guest.FOLDER.strip("/")
            files = [(here, there.strip("/")) for here, there in linux_guest.files(args.build, ["cloud"])]
            files.append((os.path.join(args.build, "user/vm"), "bin/vm"))
            line = "vm run --mem 96M --kernel /%s/cloud --initrd /%s/initrd --append \"nokaslr loglevel=1 end=port\""
            d, l = on_both(args.build, files, line % (folder, folder), b"@ Linux", status=7)
            row(BOOT, "%.2f s : %.2f s = %.2f" % (d, l, d / l), "at most 0.8", d / l <= 0.8)
    except debian.Missing as e:
        row("Linux's KVM in QEMU", "not measured: no %s" % e)
