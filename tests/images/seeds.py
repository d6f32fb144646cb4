#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the fuzzers of images begin with: seeds.py FOLDER makes FOLDER/erofs, cpio, config, bpf, partition, json, decode, virtio and p9."""
import os
import stat
import struct
import subprocess
import sys

from layout import TOP, archive  # noqa: F401  (sets the path to tools/lib)
import erofs
import tables
from tree import Node, Tree


def small_tree(many, xattrs):
    tree = Tree()
    tree.mkdir("d")
    for i in range(many):
        tree.file("d/file%d" % i, b"x" * (i * 37 % 5000) if i < 4 else b"")
    tree.file("a", b"hello\n" * 900, 0o4755)
    tree.hard_link(b"d/again", b"a")
    tree.symlink("link", "d/file1")
    tree.put(b"null", Node(stat.S_IFCHR | 0o666, rdev=(1, 3)))
    tree.put(b"old", Node(stat.S_IFREG | 0o600, b"", 100000, 70000, 10**18 + 5))
    tree.root.xattrs.update(xattrs)
    return tree


def main():
    top = sys.argv[1]
    for name in ("erofs", "cpio", "config", "bpf", "partition", "json", "decode", "virtio", "pc", "p9", "p9client"):
        os.makedirs(os.path.join(top, name), exist_ok=True)
    config = {b"user.dyad.config": b"Entrypoint=/bin/sh\0Cmd=-c\0Env=A=b\0User=web\0"}
    attributes = {b"user.tag": b"v", b"security.selinux": b"x" * 40, b"system.posix_acl_access": b"\2\0\0\0"}
    for n, (many, xattrs) in enumerate(((2, {}), (300, attributes), (5, {**config, **attributes}))):
        for kind in ("erofs", "config"):
            erofs.write(small_tree(many, xattrs), os.path.join(top, kind, "image%d" % n))
    with open(os.path.join(top, "config", "area"), "wb") as f:
        f.write(erofs.xattr_area(small_tree(0, {**attributes, **config}).root, b"/"))
    program = [(0x20, 0, 0, 4), (0x15, 0, 2, 0xc000003e), (0x02, 0, 0, 3), (0x60, 0, 0, 3), (0x06, 0, 0, 0x7fff0000)]
    with open(os.path.join(top, "bpf", "filter"), "wb") as f:
        f.write(bytes(64) + b"".join(struct.pack("<HBBI", *i) for i in program))
    program = [(0x61, 0x12, 0, 0), (0xb7, 0, 0, 1), (0x55, 2, 2, 2), (0x7b, 0x2a, -8, 0), (0x79, 0xa3, -8, 0), (0x95, 0, 0, 0)]
    with open(os.path.join(top, "bpf", "device"), "wb") as f:
        f.write(bytes(63) + b"\1" + b"".join(struct.pack("<BBhi", *i) for i in program))
    for n, (flags, make) in enumerate(((0, tables.logical), (0, tables.ring), (6, lambda d: tables.gpt(d, [(40, 50), None, (60, 70)])),
                                       (7, lambda d: tables.gpt(d, [(6, 6)], 4096)))):
        disk = bytearray(65536)
        make(disk)
        disk[0] = flags
        with open(os.path.join(top, "partition", "disk%d" % n), "wb") as f:
            f.write(disk)
    with open(os.path.join(top, "json", "bundle"), "w") as f:
        f.write('{"ociVersion": "1.0.2", "process": {"args": ["sh", "\\u00e9\\ud83d\\ude00\\n"], "terminal": false, "env": []},\n'
                ' "hard": [18446744073709551615, -1, 0.5e-3, null, true], "": {"a": {"b": [[], {}]}}}\n')
    for code in ("8b87b0000000", "660fb70b", "48c700ffffffff", "f3676d", "2e66ad", "800f80", "44870f", "440f20c1", "f0660fc10f", "480fb10f", "f71f",
                 "48ff0f", "4c0f38f10f", "f3f2af", "f2f3a6"):
        with open(os.path.join(top, "decode", code), "wb") as f:
            f.write(bytes(16) + b"\2" + bytes.fromhex(code))
    # a header, descriptors for it, for data and for the status, made available in queue 0; then each watch runs
    for kind in (0, 1, 4, 8):
        chain = bytes((4, kind, 2, 0, 0x80)) + b"".join(struct.pack("<BBBHHBB", 1, 0, *d) for d in (
            (0, 0x8000, 16, 1, 1), (1, 0x9000, 512, 1 if kind == 1 else 3, 2), (2, 0xa000, 1, 2, 0)))
        with open(os.path.join(top, "virtio", "request%d" % kind), "wb") as f:
            f.write(b"\1" + chain + bytes((3, 0, 0)) + b"".join(bytes((6, n)) for n in range(6)))
    # the task file of a command, then its blocks: words out of the data port, or into it; each byte behind one that fills
    def command(channel, *task):
        return bytes((channel | 3,)) + b"".join(bytes((0, v)) for v in task)

    out, into = bytes((0x1a, 0, 4, 0)), bytes((0x12, 0, 4)) + bytes(17)
    for name, words in (("read", command(0, 0, 4, 0, 0, 0, 0x40, 0x20) + out), ("write", command(0, 0, 2, 9, 0, 0, 0x40, 0x30) + into),
                        ("beyond", command(0, 0, 3, 9, 0, 0, 0x40, 0x30) + into),
                        ("multiple", command(0, 0, 8, 0, 0, 0, 0x40, 0xc6) + command(0, 0, 9, 0, 0, 0, 0x40, 0xc5) + into),
                        ("identify", command(0, 0, 0, 0, 0, 0, 0, 0xec) + out)):
        with open(os.path.join(top, "pc", name), "wb") as f:
            f.write(words)
    for code in (0x12, 0x25, 0x28, 0x43):
        packet = bytes((0x92, 6, 0, 0, code, 0, 0, 0, 0, 3, 0, 0, 8, 0, 0, 0))
        with open(os.path.join(top, "pc", "packet%x" % code), "wb") as f:
            f.write(command(0x80, 0, 0, 0, 0, 8, 0, 0xa0) + packet + bytes((0x9a, 0, 8, 0)) * 3)
    # the SATA disk: a list with one command in memory, the command and one piece of memory for it, registers, and go
    def poke(at, words):
        return struct.pack("<BBH", 0x0f, 0, at) + words.ljust(32, b"\0")

    for code, flags in ((0xec, 0), (0x25, 0), (0x35, 0x40), (0xc8, 0), (0x60, 0), (0x61, 0x40), (0xea, 0)):
        task = bytes((0x27, 0x80, code, 1, 2, 0, 0, 0x40, 0, 0, 0, 0, 1, 0))
        with open(os.path.join(top, "pc", "sata%x" % code), "wb") as f:
            f.write(poke(0x400, struct.pack("<HHIQ", 5 | flags, 1, 0, 0x800)) + poke(0x800, task) + poke(0x880, struct.pack("<QII", 0x2000, 0, 511)) +
                    b"".join(struct.pack("<BIH", 0x2f, v, at) for at, v in ((0x100, 0x400), (0x108, 0x600), (0x114, 9), (0x118, 0x11),
                                                                            (0x134, 1), (0x138, 1), (0x110, 9))) + bytes((0xaf, 0, 0, 0, 0, 0x20, 1)))
    # an IDE disk by DMA: a piece of memory, the bus master's table, the command, and start
    for code, direction in ((0xc8, 8), (0xca, 0), (0x25, 8)):
        with open(os.path.join(top, "pc", "dma%x" % code), "wb") as f:
            f.write(poke(0x400, struct.pack("<IHH", 0x2000, 512, 0x8000)) + struct.pack("<BBBI", 0x21, 0x4f, 0, 0x400) +
                    command(0, 0, 1, 2, 0, 0, 0x40, code) + bytes((1, 0x0f, 0, direction | 1)))
    # tasks: a table with code, data and two TSSs, the second with registers; by a jump, or a call with paging on
    table = struct.pack("<5Q", 0, 0xcf9b000000ffff, 0xcf93000000ffff, 0x8b0005000067, 0x890006000067)
    tss = struct.pack("<26I", *[0] * 7, 0x1000, 0x700, 2, *[0] * 8, 16, 8, 16, 16, 0, 0, 0, 0)
    for how, paging in ((0x80, 0), (0, 1)):
        with open(os.path.join(top, "pc", "task%x" % how), "wb") as f:
            f.write(b"".join(poke(start + at, data[at:at + 32]) for start, data in ((0x400, table), (0x600, tss), (0x1000, b"\x83"))
                             for at in range(0, len(data), 32)) + bytes((0x0c, 7, 0, 0x20, 0, 0, how)) + bytes(26) +
                    struct.pack("<IHIIBBI", 0x500, 0x18, 0x400, 0, 0, paging, 0x1000))
    # 9P: requests by their place in the server's table and their arguments; then room for the reply, and how it lies in memory
    last = bytes((64, 0, 0, 0))
    for n, requests in enumerate((((20, 0, 1, 0, 1, 0), (1, 1, 2), (21, 1, 0, 100), (22, 1, 0, 4, 4)), ((20, 0, 1, 0, 0), (1, 1, 0), (9, 1, 0, 200)),
                                  ((20, 0, 1, 0, 1, 2), (6, 1), (7, 1), (8, 1, 255, 1, 1, 1, 1, 1, 1, 1, 1)),
                                  ((14, 0, 0, 4, 5), (20, 0, 1, 0, 1, 4), (15, 0, 0, 4, 1, 0, 0), (24, 1)), ((16, 0, 7, 0), (2, 0, 4, 1, 4)))):
        with open(os.path.join(top, "p9", "session%d" % n), "wb") as f:
            f.write(b"".join(bytes(r) + last for r in requests))
    # its client: each answer takes five bytes, of which zeroes are a good one; then a file, a folder, changes, one node each
    good = bytes(5)
    file = bytes((0, 0, 0)) + good + bytes((0, 0, 0, 0, 1)) + bytes((0, 0, 1, 2, 100, 0, 0)) + good * 3
    for n, words in enumerate((good * 3 + file, good * 3 + bytes((0, 0, 2, 0, 0, 0)) + good * 4, good * 3 + bytes((0, 1, 3, 0)) + good * 5,
                               good * 3 + file * 2 + bytes((0, 1, 3, 1)) + good * 4)):
        with open(os.path.join(top, "p9client", "session%d" % n), "wb") as f:
            f.write(words + good * 8)
    subprocess.run([os.path.join(TOP, "tools/mkinitramfs"), "-o", os.path.join(top, "cpio", "archive"), "--dir", "proc",
                    "--node", "dev/console:5:1", os.path.join(TOP, "LICENSE") + ":etc/license"], check=True)


main()
