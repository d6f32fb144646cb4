# SPDX-License-Identifier: MIT
"""Debian's kernel in the same emulators, to run the same programs beside Dyad.

A Linux is an emulator.Machine: its init says on the serial ports what Dyad's says, so what starts
and reads Dyad starts and reads it as well. Its root is busybox and the programs, nothing else.
"""
import os

import debian
import emulator
import iso
import newc

INIT = """#!/bin/busybox sh
export PATH=/bin
busybox mount -t proc proc /proc
busybox mount -t devtmpfs dev /dev
busybox stty -F /dev/ttyS1 -opost
echo %s >/dev/ttyS1
sh /command >/dev/ttyS1 2>&1
echo dyad: exit $? >/dev/ttyS0
busybox sleep 1
busybox reboot -f
"""
SHELL = """#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t devtmpfs dev /dev
PS1='linux# ' exec sh -i
"""


def busybox():
    return next(p for p in ("/bin/busybox", "/usr/bin/busybox") if os.path.exists(p))


def initramfs(init):
    """An archive with busybox as the shell and the text of init."""
    archive = newc.Archive()
    archive.file("bin/busybox", busybox(), 0o755)
    archive.symlink("bin/sh", "busybox")
    for name in ("proc", "sys", "dev", "tmp"):
        archive.dir(name)
    archive.data("init", init.encode(), 0o755)
    return archive


class Linux(emulator.Machine):
    ignore_bad_msrs = True

    def __init__(self, **kw):
        super().__init__(**kw)
        self.vmlinuz, self.modules = debian.linux_kernel()
        self.archive = initramfs(INIT % emulator.MARK.decode())

    def command(self, words):
        self.archive.data("command", words[0].encode())

    def add(self, host, guest):
        self.archive.file(guest, host)

    def kernel(self, name=None):
        return self.vmlinuz

    def initrd(self, tmp):
        path = os.path.join(tmp, "initramfs.cpio")
        with open(path, "wb") as f:
            self.archive.write(f)
        return path

    def cmdline(self):
        # Dyad has no mitigations of CPU faults either
        return "console=ttyS0 quiet panic=-1 mitigations=off"

    def iso(self, tmp):
        path = os.path.join(tmp, "linux.iso")
        iso.make(path, self.kernel(), self.initrd(tmp), self.cmdline(), efi=False, linux=True)
        return path
