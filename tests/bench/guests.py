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


# What a guest's devices carry, and a guest that does it. Each line "end" tells of what the time since "begin" was for.
DEVICES = (("read", "a guest's disk, read, QEMU", 16), ("write", "a guest's disk, written, QEMU", 16),
           ("receive", "a guest's network, received, QEMU", 2), ("send", "a guest's network, sent, QEMU", 2))  # MiB
TRAFFIC = r"""#!/bin/busybox sh
export PATH=/bin
/bin/busybox --install /bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
for name in %s; do insmod /lib/$name.ko; done
ip addr add 10.9.0.2/24 dev eth0; ip link set eth0 up
dd if=/dev/zero of=/all bs=1M count=16 2>/dev/null; head -c 2097152 /all > /part; stty -F /dev/console -opost
for try in %s; do
echo begin; dd if=/dev/vda of=/dev/null bs=1M iflag=direct 2>/dev/null; echo "end read"
echo begin; dd if=/all of=/dev/vda bs=1M oflag=direct 2>/dev/null; echo "end write"
echo begin; until nc 10.9.0.1 7777 < /dev/null > /dev/null 2>&1; do :; done; echo "end receive"
echo begin; until nc 10.9.0.1 7778 < /part > /dev/null 2>&1; do :; done; echo "end send"
done
outb 0xf4 7
"""
# its host
WIRE = r"""
mkdir /d; mount -t tmpfs none /d; cd /d; dd if=/dev/zero of=disk bs=1M count=16 2>/dev/null; head -c 2097152 disk > part
ip link add wire0 type veth; ip addr add 10.9.0.1/24 dev veth0; ip link set veth0 up; ip link set wire0 up
while :; do nc -l -p 7777 -e cat part; done & while :; do nc -l -p 7778 -e wc -c; done &
vm run --mem 160M --kernel /%s/cloud --initrd /%s/traffic --append "nokaslr loglevel=1" --disk disk --net wire0"""


class Watch:
    """Seconds of this machine's CPU from the line "begin" to one that starts with last."""

    def __init__(self, last):
        self.last, self.rest, self.begin, self.took, self.ends = last, b"", None, [], []

    def __call__(self, data):
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            if line.startswith(b"begin"):
                self.begin = kernels.Storms.host_seconds()
            elif line.startswith(self.last) and self.begin is not None:
                self.took.append(kernels.Storms.host_seconds() - self.begin)
                self.ends.append(line[len(self.last):].strip().decode())
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


def traffic_on(machine, build):
    """The median seconds of each kind of traffic."""
    folder = linux_guest.FOLDER.strip("/")
    drivers = " ".join(map(os.path.basename, linux_guest.MODULES))
    session = TRAFFIC % (drivers, " ".join(map(str, range(TRIES))))
    for here, there in linux_guest.kernels(build, ["cloud"]):
        kernels.put(machine, here, there.strip("/"))
    kernels.put(machine, linux_guest.initramfs(build, "traffic", session), folder + "/traffic")
    line = WIRE % (folder, folder)
    if isinstance(machine, Peer):
        kernels.put(machine, os.path.join(build, "user/vm"), "bin/vm")
        kernels.put(machine, os.path.join(machine.modules, "kernel/drivers/net/veth.ko"), "modules/veth.ko")
        line = "insmod /modules/veth.ko" + line
    watched = Watch(b"end")
    machine.command(["sh -c " + shlex.quote(line)])
    outcome = machine.start(on_output=watched)
    if len(watched.took) != TRIES * len(DEVICES):
        raise RuntimeError("traffic: %s %s %s" % (outcome.kind, outcome.detail or outcome.status, watched.ends))
    return {name: statistics.median(t for t, end in zip(watched.took, watched.ends) if end == name)
            for name, _, _ in DEVICES}


def traffic(args, row, wanted):
    cases = [case for case in DEVICES if wanted(case[1])]
    if not cases:
        return
    options = dict(cpus=1, mem="1G", timeout=900 * emulator.host_scale())
    dyad = traffic_on(emulator.Machine(build=args.build, **options), args.build)
    linux = traffic_on(Peer(**options), args.build)
    for name, what, size in cases:
        d, l = size / dyad[name], size / linux[name]
        row(what, "%.1f : %.1f MiB/s = %.2f" % (d, l, d / l), "at least 0.8", d / l >= 0.8)


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
        traffic(args, row, wanted)
    except debian.Missing as e:
        row("Linux's KVM in QEMU", "not measured: no %s" % e)
