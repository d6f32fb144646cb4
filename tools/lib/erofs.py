# SPDX-License-Identifier: MIT
"""Writes EROFS images (Linux Documentation/filesystems/erofs.rst, fs/erofs/erofs_fs.h), uncompressed.

Layout: the superblock at byte 1024; behind it all inodes, each followed by its extended attributes and,
for folders and links, by the last part of their data; then whole blocks of data. A file's data always
begins a block of its own, so that it can be mapped where it lies. Nothing depends on the clock, on the
machine or on who runs this: the same tree gives the same bytes.
"""
import os
import stat
import struct
import uuid

from tree import Refused, show

BLOCK = 4096
SLOT = 32  # inodes begin at multiples of it; the multiple is the inode's number
SUPER = 1024
MAGIC = 0xe0f5e1e2
UUID = uuid.UUID("d7ad0000-0000-4000-8000-000000000001")
FEATURE_CHECKSUM, FEATURE_MTIME = 1, 2
FLAT_PLAIN, FLAT_INLINE = 0, 2
TYPES = {stat.S_IFREG: 1, stat.S_IFDIR: 2, stat.S_IFCHR: 3, stat.S_IFBLK: 4, stat.S_IFIFO: 5,
         stat.S_IFSOCK: 6, stat.S_IFLNK: 7}
XATTR_PREFIXES = ((b"user.", 1), (b"system.posix_acl_access", 2), (b"system.posix_acl_default", 3),
                  (b"trusted.", 4), (b"security.", 6))
XATTR_VALUE_MAX = XATTRS_MAX = 65535


def align(n, to):
    return -(-n // to) * to


def crc32c(data):
    table = []
    for i in range(256):
        for _ in range(8):
            i = i >> 1 ^ (0x82f63b78 if i & 1 else 0)
        table.append(i)
    crc = 0xffffffff
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 255]
    return crc


def xattr_area(node, path):
    """The extended attributes as they follow the inode: a head of 12 bytes, the entries, each padded."""
    area = b""
    for name, value in sorted(node.xattrs.items()):
        prefix, index = next((p for p in XATTR_PREFIXES if name.startswith(p[0])), (None, 0))
        rest = name[len(prefix):] if prefix else b""
        if not prefix or len(rest) > 255 or len(value) > XATTR_VALUE_MAX:
            raise Refused("%s has an extended attribute that no image can hold: %s"
                          % (show(path), show(name[:60])))
        entry = struct.pack("<BBH", len(rest), index, len(value)) + rest + value
        area += entry.ljust(align(len(entry), 4), b"\0")
    if len(area) > XATTRS_MAX * 4:
        raise Refused("%s has too many extended attributes" % show(path))
    return struct.pack("<IB7x", 0, 0) + area if area else b""


class Inode:
    """A node and its place. tail: the bytes that lie right behind it; blocks: those in whole blocks."""

    def __init__(self, node, path, parent):
        self.node, self.parent = node, parent or self
        self.xattrs = xattr_area(node, path)
        self.extended = (node.mtime != 0 or max(node.uid, node.gid) > 0xffff or len(node.data) >= 1 << 32)
        if max(node.uid, node.gid) > 0xfffffffe:
            raise Refused("the owner of %s is no number that a file can have" % show(path))
        self.head = (64 if self.extended else 32) + len(self.xattrs)
        self.size, self.links, self.names = 0, 1, []
        if node.is_dir:
            self.links = 2
            self.names = sorted([*node.children, b".", b".."])
            self.size = self.split_names()
        elif node.is_link or stat.S_ISREG(node.mode):
            self.size = len(node.data)
        # what is left behind whole blocks goes behind the inode when one block has room for both
        left = 0 if stat.S_ISREG(node.mode) else self.size % BLOCK
        self.tail = left if 64 + len(self.xattrs) + left <= BLOCK else 0
        self.blocks = -(-(self.size - self.tail) // BLOCK)

    def split_names(self):
        """Which names share a block: 12 bytes and the name each. The folder's size."""
        self.groups, room = [], 0
        for name in self.names:
            if room < 12 + len(name):
                self.groups.append([])
                room = BLOCK
            self.groups[-1].append(name)
            room -= 12 + len(name)
        return len(self.groups) * BLOCK - room

    def place(self, at):
        """Takes the first place from byte `at` on; the byte behind it. No inode crosses into another
        block that need not: Linux wants a tail in the block of its inode."""
        at, need = align(at, SLOT), self.head + self.tail
        if at % BLOCK + need > BLOCK >= need:
            at = align(at, BLOCK)
        self.nid = at // SLOT
        return at + need

    def encode(self, start):
        """The inode and its extended attributes; start: the first block of its data."""
        node = self.node
        kind = FLAT_INLINE if self.tail else FLAT_PLAIN
        if stat.S_ISCHR(node.mode) or stat.S_ISBLK(node.mode):
            major, minor = node.rdev
            if major > 0xfff or minor > 0xfffff:
                raise Refused("a device has the number %d:%d, which Linux cannot have" % node.rdev)
            start = minor & 0xff | major << 8 | (minor & ~0xff) << 12
        count = (len(self.xattrs) - 12) // 4 + 1 if self.xattrs else 0
        if self.extended:
            seconds, nanoseconds = divmod(node.mtime, 10**9)
            return struct.pack("<HHHHQIIIIQII16x", kind << 1 | 1, count, node.mode, 0, self.size, start,
                               self.number, node.uid, node.gid, seconds, nanoseconds,
                               self.links) + self.xattrs
        return struct.pack("<HHHHIIIIHHI", kind << 1, count, node.mode, self.links, self.size, 0, start,
                           self.number, node.uid, node.gid, 0) + self.xattrs


class Writer:
    def __init__(self, tree):
        self.inodes, self.of = [], {}
        self.collect(tree.root)
        # a link count of 16 bits is all that a compact inode has
        for ino in self.inodes:
            if ino.links > 0xffff and not ino.extended:
                ino.extended, ino.head = True, ino.head + 32

    def collect(self, root):
        """An inode for each node, the root first: its number has to fit 16 bits."""
        todo = [(root, b"", None)]
        while todo:
            node, path, parent = todo.pop()
            ino = self.of.get(id(node))
            if ino:
                ino.links += 1
                continue
            ino = self.of[id(node)] = Inode(node, path, parent)
            self.inodes.append(ino)
            ino.number = len(self.inodes)
            if parent and node.is_dir:
                parent.links += 1
            if node.is_dir:
                todo += [(child, path + b"/" + name, ino)
                         for name, child in sorted(node.children.items(), reverse=True)]

    def nid_and_type(self, ino, name):
        target = (ino if name == b"." else ino.parent if name == b".." else
                  self.of[id(ino.node.children[name])])
        return target.nid, TYPES[stat.S_IFMT(target.node.mode)]

    def folder(self, ino):
        """A folder's data: in each block the entries, then their names."""
        data = b""
        for group in ino.groups:
            at = 12 * len(group)
            heads = names = b""
            for name in group:
                nid, kind = self.nid_and_type(ino, name)
                heads += struct.pack("<QHBB", nid, at, kind, 0)
                names += name
                at += len(name)
            data = data.ljust(align(len(data), BLOCK), b"\0") + heads + names
        return data

    def superblock(self, blocks):
        return struct.pack("<IIIBBHQQIIII16s16sIHHHBBIQ24x", MAGIC, 0, FEATURE_CHECKSUM | FEATURE_MTIME,
                           12, 0, self.inodes[0].nid, len(self.inodes), 0, 0, blocks, 0, 0, UUID.bytes,
                           b"", 0, 0, 0, 0, 0, 0, 0, 0)

    def write(self, out, progress=None):
        """Writes the image to the open file `out`."""
        at = SUPER + 128
        for ino in self.inodes:
            at = ino.place(at)
        block = start = -(-at // BLOCK)  # the first block of data
        meta = bytearray(start * BLOCK)
        total = start + sum(ino.blocks for ino in self.inodes)
        if total >= 1 << 32:
            raise Refused("it is larger than 16 TiB")
        out.seek(start * BLOCK)
        for ino in self.inodes:
            data = ino.node.data
            if ino.node.is_dir:
                data = self.folder(ino)
            encoded = ino.encode(block if ino.blocks else 0)
            if ino.tail:
                encoded += data[-ino.tail:]
                data = data[:-ino.tail]
            meta[ino.nid * SLOT:ino.nid * SLOT + len(encoded)] = encoded
            if ino.blocks:
                write_blocks(out, data)
                block += ino.blocks
                if progress:
                    progress.at(block / total)
        meta[SUPER:SUPER + 128] = self.superblock(total)
        meta[SUPER + 4:SUPER + 8] = struct.pack("<I", crc32c(bytes(meta[SUPER:BLOCK])))
        out.seek(0)
        out.write(meta)


def write_blocks(out, data):
    n = 0
    for chunk in [data] if isinstance(data, bytes) else data.chunks():
        n += out.write(chunk)
    out.write(b"\0" * (-n % BLOCK))


def write(tree, path, progress=None):
    """Makes the image of the tree at path; what is there before stays until it is whole."""
    tmp = "%s.%d.tmp" % (path, os.getpid())
    try:
        with open(tmp, "wb") as out:
            Writer(tree).write(out, progress)
        os.replace(tmp, path)
    finally:
        if os.path.exists(tmp):
            os.unlink(tmp)
