# SPDX-License-Identifier: MIT
"""Debian's stock kernels as guests of Dyad: the kernels, and an initial file system with a session.

The session is the guest's pid 1: it says what it sees in lines that begin with "@ ", and ends the
machine as the word end= of the command line wants it: with status 7 at the exit port, by ACPI, or by a reset.
"""
import os
import shutil
import subprocess
import tempfile

import debian
import guestkernel
import images
import newc

FLAVOURS = guestkernel.FLAVOURS
FOLDER = "/tests/linux/"  # inside Dyad

SESSION = r"""#!/bin/busybox sh
export PATH=/bin
/bin/busybox --install /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
stty -F /dev/console -opost
echo "@ $(uname -srm)"
echo "@ $(grep -c ^processor /proc/cpuinfo) cpus, clock $(cat /sys/devices/system/clocksource/*/current_clocksource)"
echo "@ timer$(grep -E 'timer$|^ *LOC:' /proc/interrupts | sed 's/ \{2,\}/ /g' | tr -d '\n')"
echo "@ flags$(grep -m 1 ^flags /proc/cpuinfo | cut -d: -f2)"
echo "@ date $(date +%Y)"
before=$(cut -d. -f1 /proc/uptime); sleep 1; after=$(cut -d. -f1 /proc/uptime)
[ $after -gt $before ] && echo "@ slept"
n=0; while [ $n -lt 20 ]; do (exit 1) || n=$((n + 1)); done; echo "@ forked $n"
busybox seq 400 | sort -n | (sleep 0.1; tail -n 1) | sed 's/^/@ piped /'
dmesg -r | sed -n 's/^<[0-4]>\[[ 0-9.]*\]/@ warns:/p'
case $(cat /proc/cmdline) in
*end=poweroff*) poweroff -f ;;
*end=reset*) reboot -f ;;
esac
outb 0xf4 7
"""


def initramfs(build):
    """The file of the initial file system, made in the build folder."""
    archive = newc.Archive()
    archive.file("bin/busybox", images.find_busybox(debian.CACHE), 0o755)
    archive.file("bin/outb", os.path.join(build, "tests/guest/outb"), 0o755)
    archive.node("dev/console", 5, 1)
    for name in ("proc", "sys"):
        archive.dir(name)
    archive.data("init", SESSION.encode(), 0o755)
    path = os.path.join(build, "tests/linux.cpio")
    with tempfile.NamedTemporaryFile(dir=os.path.dirname(path), delete=False) as f:  # two machines may make it
        archive.write(f)
    os.replace(f.name, path)
    return path


def monitor():
    """This machine's QEMU, as a monitor inside Dyad: (file here, path there)."""
    program = shutil.which("qemu-system-x86_64")
    if not program:
        raise debian.Missing("qemu-system-x86_64")
    where = subprocess.run([program, "-L", "help"], capture_output=True, text=True, check=True).stdout.split()
    return [(program, "/usr/bin/qemu-system-x86_64")] + [
        (os.path.join(folder, name), "/usr/share/qemu/" + name) for folder in where
        for name in ("bios-microvm.bin", "linuxboot_dma.bin", "kvmvapic.bin")
        if os.path.exists(os.path.join(folder, name))]


def files(build, flavours):
    """What a machine is given: (file here, path there)."""
    folder = os.path.join(debian.TOP, "build", "linux")
    return [pair for name in flavours for pair in guestkernel.files(guestkernel.make(name, folder), FOLDER + name)] + [
        (initramfs(build), FOLDER + "initrd")]
