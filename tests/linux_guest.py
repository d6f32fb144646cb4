# SPDX-License-Identifier: MIT
"""Debian's stock kernels and other programs for a PC as guests of Dyad, and an initial file system with a session.

The session is the guest's pid 1: it says what it sees in lines that begin with "@ ", reads a line from
the console with the word session=reads, and ends the machine as the word end= of the command line wants it:
with status 7 at the exit port, by ACPI, or by a reset.
"""
import gzip
import os
import re
import shutil
import subprocess
import tempfile

import debian
import guestkernel
import images
import iso
import newc

FLAVOURS = guestkernel.FLAVOURS
FOLDER = "/tests/linux/"  # inside Dyad

# The drivers of virtio devices, in the order of their loading.
MODULES = ("virtio/virtio_ring", "virtio/virtio", "virtio/virtio_pci_modern_dev", "virtio/virtio_pci_legacy_dev",
           "virtio/virtio_pci", "virtio/virtio_mmio", "block/virtio_blk", "../net/core/failover", "net/net_failover", "net/virtio_net",
           "char/hw_random/virtio-rng", "char/virtio_console")
BALLOON = "virtio/virtio_balloon"  # which only kvmtool has

# With the word "devices": two disks, the second read-only, a network with 10.9.0.1, random bytes, and a terminal.
DEVICES = r"""
for name in %s; do insmod /lib/$name.ko || echo "@ no $name"; done
cd /sys/block; echo "@ disks $(cat vda/size vda/ro vdb/size vdb/ro | tr '\n' ' ')"
echo "@ read $(md5sum < /dev/vda) $(md5sum < /dev/vdb)"
head -c 1048576 /dev/urandom > /random
dd if=/random of=/dev/vda bs=64k seek=5 conv=fsync 2>/dev/null && echo "@ wrote $(md5sum < /random)"
dd if=/random of=/dev/vdb bs=4k count=1 2>/dev/null || echo "@ vdb is read-only"
echo "@ random $(head -c 1000 /dev/hwrng | wc -c) $(cat /sys/class/misc/hw_random/rng_current)"
ip addr add 10.9.0.2/24 dev eth0; ip link set eth0 up
echo "@ $(ping -c 3 -i 0.1 10.9.0.1 | grep received)"
echo "@ received $(nc 10.9.0.1 7777 < /dev/null | md5sum)"
echo "@ sent $(nc 10.9.0.1 7778 < /random)"
stty -F /dev/console -opost # waits until all of it is out: the echo of hvc0 comes on the same wire, between its letters
# the last one to close hvc0 takes its settings along
{ stty -opost -echo; read -r line; echo "@ typed $line" >&0; } <> /dev/hvc0
echo "@ consoles $(cat /sys/class/tty/console/active)"
echo "@ interrupts$(grep virtio /proc/interrupts | sed -E 's/.* (PCI|IO-APIC|XT-PIC)[^ ]* +([0-9]+-[a-z]+ +)?/ \1 /' | tr -d '\n')"
""" % " ".join(os.path.basename(name) for name in MODULES)

SESSION = r"""#!/bin/busybox sh
export PATH=/bin
/bin/busybox --install /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
stty -F /dev/console -opost
echo "@ $(uname -srm)"
echo "@ $(grep -c ^processor /proc/cpuinfo) cpus, clock $(cat /sys/devices/system/clocksource/*/current_clocksource)"
echo "@ clocks $(cat /sys/devices/system/clocksource/*/available_clocksource)"
echo "@ timer$(grep -E 'timer$|^ *LOC:' /proc/interrupts | sed 's/ \{2,\}/ /g' | tr -d '\n')"
echo "@ flags$(grep -m 1 ^flags /proc/cpuinfo | cut -d: -f2)"
echo "@ date $(date +%Y)"
before=$(cut -d. -f1 /proc/uptime); sleep 1; after=$(cut -d. -f1 /proc/uptime)
[ $after -gt $before ] && echo "@ slept"
n=0; while [ $n -lt 20 ]; do (exit 1) || n=$((n + 1)); done; echo "@ forked $n"
busybox seq 400 | sort -n | (sleep 0.1; tail -n 1) | sed 's/^/@ piped /'
case $(cat /proc/cmdline) in
*devices*) . /devices ;;
esac
dmesg -r | sed -n 's/^<[0-4]>\[[ 0-9.]*\]/@ warns:/p'
case $(cat /proc/cmdline) in
*session=reads*) read -r line; echo "@ read $line" ;;
esac
case $(cat /proc/cmdline) in
*end=poweroff*) poweroff -f ;;
*end=reset*) reboot -f ;;
esac
outb 0xf4 7
"""


# For kvmtool: two CPUs by the table of a multiprocessor PC, and a disk. With the word "stays" its other devices, and
# a line again and again for those who pause it, take memory from it, and stop it.
KVMTOOL_SESSION = SESSION.partition("stty")[0] + r"""stty -F /dev/console -opost
for name in %s; do insmod /lib/$name.ko 2>/dev/null; done
echo "@ $(uname -sr) $(grep -c ^processor /proc/cpuinfo) cpus"
case $(cat /proc/cmdline) in
*stays*)
	for module in $(tr '\0' '\n' < /etc/dyad/modules.share); do insmod $module; done
	mount -t 9p -o trans=virtio,version=9p2000.L shared /mnt && echo "@ shared $(cat /mnt/host)"
	echo "of the guest" > /mnt/guest
	echo "@ random $(head -c 1000 /dev/hwrng | wc -c) $(cat /sys/class/misc/hw_random/rng_current)"
	ip addr add 192.168.33.15/24 dev eth0; ip link set eth0 up
	echo "@ $(ping -c 3 -i 0.1 192.168.33.1 | grep received)"
	while sleep 0.2; do echo "@ free $(grep -o '[0-9]* kB' /proc/meminfo | sed -n 2p)"; done ;;
esac
echo "@ read $(md5sum < /dev/vda)"
echo "by the guest" | dd of=/dev/vda bs=512 seek=3 conv=sync,fsync 2>/dev/null
reboot -f
""" % " ".join(os.path.basename(name) for name in (*MODULES, BALLOON))


def initramfs(build, name="linux", session=SESSION, flavour="cloud"):
    """The file of an initial file system, made in the build folder."""
    archive = newc.Archive()
    archive.file("bin/busybox", images.find_busybox(debian.CACHE), 0o755)
    archive.file("bin/outb", os.path.join(build, "tests/guest/outb"), 0o755)
    archive.node("dev/console", 5, 1)
    for folder in ("proc", "sys", "mnt"):
        archive.dir(folder)
    archive.data("init", session.encode(), 0o755)
    archive.data("devices", DEVICES.encode(), 0o644)
    archive.dir("lib")
    for module in (*MODULES, BALLOON):
        archive.file("lib/%s.ko" % os.path.basename(module), os.path.join(
            debian.linux_kernel(FLAVOURS[flavour])[1], "kernel/drivers", module + ".ko"), 0o644)
    path = os.path.join(build, "tests/%s.cpio" % name)
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


def lacks_kvmtool():
    """Why it cannot be tried, or None. Debian 12 has no package of it, Ubuntu has."""
    return None if shutil.which("lkvm") else "this machine has no kvmtool (lkvm)"


def kvmtool(build, flavour):
    """This machine's kvmtool with its libraries, and an initial file system for its guest: (file, path inside Dyad)."""
    program = shutil.which("lkvm")
    said = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    libraries = re.findall(r"(/\S+) \(0x", said)
    return [(program, FOLDER + "lkvm"), (initramfs(build, "kvmtool-" + flavour, KVMTOOL_SESSION, flavour), FOLDER + "kvmtool")] + [
        (os.path.realpath(path), FOLDER + "lib/" + os.path.basename(path)) for path in libraries]


def dyad_iso(build):
    """A CD of Dyad with an initial file system that says hello and ends the machine, booted by GRUB."""
    path = os.path.join(build, "tests/guest.iso")
    with tempfile.TemporaryDirectory(dir=build) as tmp:  # two machines may make it
        archive = newc.Archive()
        archive.file("bin/busybox", images.find_busybox(debian.CACHE), 0o755)
        archive.node("dev/console", 5, 1)
        archive.data("init", b"#!/bin/busybox sh\necho @ hello from the CD to $(/bin/busybox nproc)\n"
                     b"/bin/busybox sleep 0.2\nexec /bin/busybox poweroff -f\n", 0o755)
        with open(os.path.join(tmp, "initrd"), "wb") as f:
            archive.write(f)
        iso.make(os.path.join(tmp, "iso"), os.path.join(build, "dyad.stripped.elf"), os.path.join(tmp, "initrd"),
                 "console=ttyS0 console=tty0")
        os.replace(os.path.join(tmp, "iso"), path)
    return path


def xen(build):
    """Debian's Xen; its package has it compressed, which no multiboot loader takes."""
    path = os.path.join(build, "tests/xen")
    folder = os.path.join(debian.unpack("xen-hypervisor-4.17-amd64"), "boot")
    with gzip.open(os.path.join(folder, "xen-4.17-amd64.gz")) as f, tempfile.NamedTemporaryFile(
            dir=os.path.dirname(path), delete=False) as to:
        shutil.copyfileobj(f, to)
    os.replace(to.name, path)
    return path


def firmware():
    """SeaBIOS and UEFI: (file here, path there)."""
    folder = os.path.join(debian.unpack("seabios"), "usr/share/seabios")
    return [(os.path.join(folder, "bios-256k.bin"), FOLDER + "bios-256k.bin"),
            (os.path.join(folder, "vgabios-isavga.bin"), FOLDER + "vgabios.bin"),
            (os.path.join(debian.unpack("ovmf"), "usr/share/ovmf/OVMF.fd"), FOLDER + "uefi/OVMF.fd")]


def pc(build):
    """What boots on any PC: (file here, path there)."""
    memtest, ipxe = (debian.unpack(name) for name in ("memtest86+", "ipxe"))
    return [(os.path.join(memtest, "boot/memtest86+x64.bin"), FOLDER + "memtest"),
            (os.path.join(ipxe, "usr/lib/ipxe/ipxe.iso"), FOLDER + "ipxe.iso"),
            (os.path.join(ipxe, "boot/ipxe.lkrn"), FOLDER + "ipxe.lkrn"),
            (dyad_iso(build), FOLDER + "dyad.iso"), (xen(build), FOLDER + "xen")]


def kernels(build, flavours):
    """Debian's kernels with the session: (file here, path there)."""
    folder = os.path.join(debian.TOP, "build", "linux")
    return [pair for name in flavours for pair in (
        guestkernel.files(guestkernel.make(name, folder), FOLDER + name))] + [(initramfs(build), FOLDER + "initrd")]


def files(build, flavours, with_pc=False):
    """All that a machine of tests/run is given."""
    return kernels(build, flavours) + firmware() + (pc(build) if with_pc else [])
