# SPDX-License-Identifier: MIT
"""The console of screen and keyboard, as on a PC without a serial port: keys are sent and the text
memory of the VGA is read by QEMU's monitor."""
import os
import shutil
import subprocess
import tempfile
import time

SPECIAL = {" ": "spc", "\n": "ret", "/": "slash", "-": "minus", ".": "dot", "|": "shift-backslash",
           ";": "semicolon", "=": "equal", "$": "shift-4", '"': "shift-apostrophe", "?": "shift-slash"}
VGA_MEMORY, COLS, ROWS = 0xb8000, 80, 25


class Screen:
    """QEMU with a VGA; its monitor on a pipe."""

    def __init__(self, run):
        self.run = run
        self.dump = os.path.join(tempfile.mkdtemp(), "cells")
        self.qemu = subprocess.Popen(
            ["qemu-system-x86_64", "-machine", "q35", "-accel", "tcg", "-cpu", "max", "-m", "128",
             "-display", "none", "-no-reboot", "-serial", "null", "-monitor", "stdio",
             "-device", "isa-debug-exit,iobase=0xf4,iosize=1",
             "-kernel", os.path.join(run.build, "dyad.stripped.elf"),
             "-initrd", os.path.join(run.build, "initramfs.cpio"),
             "-append", "console=ttyS0 console=tty0 root=/images/busybox.erofs engine=qemu"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True)

    def monitor(self, line):
        self.qemu.stdin.write(line + "\n")
        self.qemu.stdin.flush()

    def key(self, name):
        self.monitor("sendkey %s 20" % name)
        time.sleep(0.07 * self.run.slowness)

    def type(self, text):
        for c in text:
            self.key(SPECIAL.get(c) or ("shift-" + c.lower() if c.isupper() else c))

    def lines(self):
        self.monitor('pmemsave %#x %d "%s"' % (VGA_MEMORY, COLS * ROWS * 2, self.dump))
        time.sleep(0.2)
        try:
            with open(self.dump, "rb") as f:
                text = f.read()[::2].decode("latin-1")
        except OSError:
            return []
        return [text[i:i + COLS].rstrip() for i in range(0, len(text), COLS)]

    def wait(self, line, seconds=20):
        """Until a line of the screen is this one; what there is instead, or None."""
        end = time.monotonic() + seconds * self.run.scale
        while time.monotonic() < end:
            seen = self.lines()
            if line in seen:
                return None
        return line, "\n".join(seen)

    def close(self):
        self.qemu.kill()
        self.qemu.wait()
        self.qemu.stdin.close()
        shutil.rmtree(os.path.dirname(self.dump))


def on_screen(*steps):
    """Steps: a line to wait for, or (text to type,), or {"key": name}."""
    def test(run):
        screen = Screen(run)
        try:
            for step in steps:
                if isinstance(step, tuple):
                    screen.type(step[0])
                elif isinstance(step, dict):
                    screen.key(step["key"])
                else:
                    wrong = screen.wait(step)
                    if wrong:
                        return wrong
        finally:
            screen.close()
        return None
    return test


PROMPT = "dyad:~#"
HOST = {
    "typing": on_screen(PROMPT, ('echo Hello | tr a-z "A-Z"\n',), "HELLO", ("stty size; tty\n",), "25 80",
                        ("cat\n",), ("abx",), {"key": "backspace"}, ("c\n",), "abc", {"key": "ctrl-d"},
                        ("sleep 1000\n",), {"key": "ctrl-c"}, ("echo st$?\n",), "st130"),
    "scrolling": on_screen(PROMPT, ("seq 200; clear; echo top\n",), "top", {"key": "up"},
                           {"key": "backspace"}, ("op\n",), "toop"),
}
