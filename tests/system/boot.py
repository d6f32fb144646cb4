# SPDX-License-Identifier: MIT
"""Boot: little memory, broken files, other machines. Never a panic for a bad file."""
import os
import shutil
import struct
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tools", "lib"))
import emulator  # noqa: E402
import newc  # noqa: E402


def boots_in(mem, engine="qemu"):
    def test(run):
        done = run.sh("tools/run -e %s -m %s -- 'echo up; free'" % (engine, mem))
        return None if done.stdout.startswith("up\n") and not done.returncode else (
            "a shell in " + mem, "status %d\n%s%s" % (done.returncode, done.stdout, done.stderr))
    return test


def too_little(run):
    """A clear line on the console, not silence."""
    m = emulator.Machine(build=run.build, mem="5M", cpus=1, timeout=20 * run.scale, quiet=False)
    m.command(["true"])
    outcome = m.start()
    text = "\n".join(outcome.console)
    return None if "memory" in text.lower() else ("a line about memory", outcome.kind + "\n" + text)


def start_with(run, initrd, root="busybox", command="echo up", timeout=20):
    """Boots the build's kernel with another initramfs."""
    folder = os.path.dirname(initrd)
    for name in ("dyad.elf", "dyad.stripped.elf"):
        target = os.path.join(folder, name)
        if not os.path.exists(target):
            os.symlink(os.path.join(run.build, name), target)
    os.replace(initrd, os.path.join(folder, "initramfs.cpio"))
    m = emulator.Machine(build=folder, cpus=1, timeout=timeout * run.scale, root=root, quiet=False)
    if command:
        m.command([command])
    return m.start()


def folder_for(run, name):
    folder = os.path.join(run.build, "tests/boot", name)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    return folder


def corrupt_initramfs(run):
    """Cut anywhere, overwritten anywhere: the machine says what it misses, and ends or goes on."""
    with open(os.path.join(run.build, "initramfs.cpio"), "rb") as f:
        good = f.read()
    damages = {
        "empty": b"",
        "text": b"this is not a cpio archive\n" * 200,
        "cut-in-header": good[:60],
        "cut-in-file": good[:len(good) // 2 + 123],
        "huge-size": good[:54] + b"FFFFFFFF" + good[62:],
        "huge-name": good[:94] + b"FFFFFFFF" + good[102:],
        "bad-hex": good[:54] + b"ZZZZZZZZ" + good[62:],
    }
    for name, data in damages.items():
        folder = folder_for(run, name)
        path = os.path.join(folder, "given")
        with open(path, "wb") as f:
            f.write(data or b"\0")
        outcome = start_with(run, path, command=None, timeout=10)
        text = "\n".join(outcome.console)
        if outcome.kind == emulator.TRIPLE_FAULT or (outcome.panic and "init" not in outcome.panic[0]):
            return "%s: no fault" % name, "%s\n%s" % (outcome.kind, text)
        if not any(word in text for word in ("initramfs", "/init", "init:", "no init")):
            return "%s: a line that says what is wrong" % name, "%s\n%s" % (outcome.kind, text)
    return None


def replaced(run, name, guest, data, mode=0o755):
    """The build's initramfs with one more segment that replaces a file."""
    folder = folder_for(run, name)
    path = os.path.join(folder, "given")
    shutil.copyfile(os.path.join(run.build, "initramfs.cpio"), path)
    archive = newc.Archive()
    archive.data(guest, data, mode)
    with open(path, "ab") as f:
        archive.write(f)
    return path


def bad_erofs(run):
    """A root image that is none: init says so, the machine ends with a status."""
    with open(os.path.join(run.build, "images/busybox.erofs"), "rb") as f:
        good = f.read()
    damages = {
        "not-erofs": b"no image" * 4096,
        "short": good[:1500],
        "no-root": good[:1024 + 14] + struct.pack("<H", 65535) + good[1024 + 16:],
        "huge-meta": good[:1024 + 40] + struct.pack("<I", 0xfffffff0) + good[1024 + 44:],
        "garbled": good[:1152] + bytes((b * 7 + i) & 255 for i, b in enumerate(good[1152:40000])) + good[40000:],
    }
    for name, data in damages.items():
        outcome = start_with(run, replaced(run, "erofs-" + name, "images/busybox.erofs", data))
        text = "\n".join(outcome.console)
        if outcome.kind != emulator.EXIT or not outcome.status:
            return "%s: a status that is not 0" % name, "%s %s\n%s" % (outcome.kind, outcome.status, text)
    return None


def bad_elf(run):
    """Programs that are none, or lie about themselves: an errno each."""
    with open(os.path.join(run.build, "user/init"), "rb") as f:
        good = f.read()
    phoff = struct.unpack_from("<Q", good, 32)[0]
    damages = {
        "short": good[:40], "headers-cut": good[:phoff + 10],
        "phoff": good[:32] + struct.pack("<Q", 2**63) + good[40:],
        "phnum": good[:56] + struct.pack("<H", 65535) + good[58:],
        "memsz": good[:phoff + 40] + struct.pack("<Q", 2**62) + good[phoff + 48:],
        "vaddr": good[:phoff + 16] + struct.pack("<Q", 0xffffffff80000000) + good[phoff + 24:],
        "offset": good[:phoff + 8] + struct.pack("<Q", 2**60) + good[phoff + 16:],
        "entry": good[:24] + struct.pack("<Q", 0xffff888000000000) + good[32:],
        "machine": good[:18] + struct.pack("<H", 40) + good[20:],
    }
    m = emulator.Machine(build=run.build, cpus=1, timeout=60 * run.scale)
    for name, data in damages.items():
        m.files.archive.data("files/bad/" + name, data, 0o755)
    m.command(["for f in /bad/*; do $f </dev/null >/dev/null 2>&1; [ $? = 0 ] && echo $f ran; done; "
               "echo the machine goes on"])
    outcome = m.start()
    got = outcome.output.decode()
    return None if got == "the machine goes on\n" else (
        "the machine goes on", "%s\n%s\n%s" % (outcome.kind, got, "\n".join(outcome.console[-10:])))


HOST = {
    "in-32M": boots_in("32M"),
    "in-24M": boots_in("24M"),
    "uefi": boots_in("256M", "uefi"),
    "too-little-memory": too_little,
    "corrupt-initramfs": corrupt_initramfs,
    "bad-erofs": bad_erofs,
    "bad-elf": bad_elf,
}
