# SPDX-License-Identifier: MIT
"""The cpio "newc" archive, as Linux's initramfs reads it, written byte for byte.

The data of a file of a page or more starts on a page boundary of the archive, so that a kernel
that finds the archive in memory can take its frames as they are. The padding is NULs behind the
name (Linux allows a name field of up to PATH_MAX bytes). The same entries give the same bytes:
times are 0, the owner is root, inode numbers count up. Segments may be laid end to end: each is
padded to a page.
"""
import os
import stat

PAGE = 4096
HEADER = 110
NAME_MAX = 4096  # PATH_MAX: Linux skips an entry with a longer name field


class Archive:
    """Collects entries by guest path, later ones replacing earlier ones, then writes them."""

    def __init__(self):
        self.entries = {}  # path -> (mode, data: bytes, host file name or device number)

    def _add(self, path, mode, data=b""):
        path = path.strip("/")
        if any(part in ("", ".", "..") for part in path.split("/")):
            raise ValueError("bad guest path: /" + path)
        self.parents(path)
        self.entries[path] = (mode, data)

    def parents(self, path):
        parent = os.path.dirname(path)
        if parent and parent not in self.entries:
            self.parents(parent)
            self.entries[parent] = (stat.S_IFDIR | 0o755, b"")

    def dir(self, path, mode=0o755):
        self._add(path, stat.S_IFDIR | mode)

    def symlink(self, path, target):
        self._add(path, stat.S_IFLNK | 0o777, target.encode())

    def data(self, path, data, mode=0o644):
        self._add(path, stat.S_IFREG | mode, data)

    def node(self, path, major, minor, mode=0o600):
        """A character device."""
        self._add(path, stat.S_IFCHR | mode, (major, minor))

    def file(self, path, host, mode=None):
        """Adds a host file, a symbolic link or a whole folder; modes are kept (or given)."""
        st = os.lstat(host)
        if stat.S_ISLNK(st.st_mode):
            self.symlink(path, os.readlink(host))
        elif stat.S_ISDIR(st.st_mode):
            if path.strip("/"):
                self.dir(path, stat.S_IMODE(st.st_mode))
            for name in sorted(os.listdir(host)):
                self.file(path + "/" + name, os.path.join(host, name))
        elif stat.S_ISREG(st.st_mode):
            self._add(path, stat.S_IFREG | (stat.S_IMODE(st.st_mode) if mode is None else mode),
                      host)
        # sockets, FIFOs and devices of the host have no business in an archive

    def write(self, out):
        """Writes the archive at the (page-aligned) position of the binary file out."""
        self.out = out
        self.pos = 0
        self.ino = 0
        for path in sorted(self.entries, key=lambda p: p.split("/")):
            mode, data = self.entries[path]
            if isinstance(data, str):
                with open(data, "rb") as f:
                    data = f.read()
            self._entry(path, mode, data)
        self._entry("TRAILER!!!", 0, b"")
        self._put(b"\0" * (-self.pos % PAGE))

    def _put(self, data):
        self.out.write(data)
        self.pos += len(data)

    def _entry(self, path, mode, data):
        name = path.encode() + b"\0"
        if stat.S_ISCHR(mode):
            self._record(name, mode, b"", data)
            return
        align = PAGE if stat.S_ISREG(mode) and len(data) >= PAGE else 4
        pad = -(self.pos + HEADER + len(name)) % align
        if len(name) + pad > NAME_MAX:
            # too far to the boundary for one name: say the parent once more, with half the padding
            parent = os.path.dirname(path)
            if parent:
                self._record(parent.encode() + b"\0" * 2048, self.entries[parent][0], b"")
            else:
                self._record(b"." + b"\0" * 2048, stat.S_IFDIR | 0o755, b"")
            pad = -(self.pos + HEADER + len(name)) % align
        self._record(name + b"\0" * pad, mode, data)

    def _record(self, name, mode, data, device=(0, 0)):
        self.ino += 1
        nlink = 2 if stat.S_ISDIR(mode) else 1
        # ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize check
        fields = (self.ino, mode, 0, 0, nlink, 0, len(data), 0, 0, *device, len(name), 0)
        self._put(b"070701" + b"".join(b"%08X" % f for f in fields) + name)
        self._put(b"\0" * (-self.pos % 4))
        self._put(data)
        self._put(b"\0" * (-self.pos % 4))
