# SPDX-License-Identifier: MIT
"""A file tree in memory: what becomes an image.

Every image is one of these before it is written (erofs.py): owners, modes, devices, times and links are
values here, so that nobody has to be root, and no name in a tree ever leads to a file of this machine.
A path is bytes, relative to the tree's root; symbolic links in its folders are followed inside the tree
alone, as a process whose root it is would follow them. Two names of one file are one Node.
"""
import os
import stat

LINKS_MAX = 40      # as Linux: symbolic links in one path
NAME_MAX, PATH_MAX = 255, 4096


class Refused(Exception):
    """What was asked for cannot be made, in one sentence; words from strangers in it are made printable."""

    def __str__(self):
        return "".join(c if c.isprintable() else "?" for c in super().__str__())[:500]


def show(path):
    """A path for a message, on one line whatever is in it."""
    return "'%s'" % path.decode("utf-8", "backslashreplace").encode("unicode_escape").decode()


class Slice:
    """size bytes from offset of a file of this machine, which stays unchanged while it is in use."""

    def __init__(self, path, offset, size):
        self.path, self.offset, self.size = path, offset, size

    def __len__(self):
        return self.size

    def chunks(self, step=1 << 20):
        with open(self.path, "rb") as f:
            f.seek(self.offset)
            left = self.size
            while left:
                data = f.read(min(step, left))
                if not data:
                    raise Refused("%s became shorter while it was read" % self.path)
                left -= len(data)
                yield data

    def read(self):
        return b"".join(self.chunks())


class Node:
    """A file of any kind. mode has the type's bits; data: bytes or a Slice (a link's target: bytes)."""

    __slots__ = ("mode", "uid", "gid", "mtime", "xattrs", "data", "rdev", "children")

    def __init__(self, mode, data=b"", uid=0, gid=0, mtime=0, xattrs=None, rdev=0):
        self.mode, self.data, self.uid, self.gid = mode, data, uid, gid
        self.mtime = mtime  # nanoseconds since 1970
        self.xattrs = xattrs or {}  # full name (bytes) -> value
        self.rdev = rdev    # (major, minor) of a device
        self.children = {} if stat.S_ISDIR(mode) else None

    @property
    def is_dir(self):
        return self.children is not None

    @property
    def is_link(self):
        return stat.S_ISLNK(self.mode)


def parts_of(path):
    """The names of a path; '..' is refused: a tree holds nothing above its root."""
    if len(path) > PATH_MAX or b"\0" in path:
        raise Refused("a name in it is too long or has a NUL: %s" % show(path[:60]))
    parts = [p for p in path.split(b"/") if p not in (b"", b".")]
    for p in parts:
        if p == b"..":
            raise Refused("%s leaves the image" % show(path))
        if len(p) > NAME_MAX:
            raise Refused("a name in it is longer than %d bytes: %s" % (NAME_MAX, show(p[:60])))
    return parts


class Tree:
    def __init__(self):
        self.root = Node(stat.S_IFDIR | 0o755)

    def _folder(self, parts, make):
        """The folder that the names lead to; None: there is none (with make: it is made)."""
        todo, stack, links = list(reversed(parts)), [self.root], 0
        while todo:
            name = todo.pop()
            if name in (b"", b"."):
                continue
            if name == b"..":
                if len(stack) > 1:
                    stack.pop()
                continue
            node = stack[-1].children.get(name)
            if node is None:
                if not make:
                    return None
                node = stack[-1].children[name] = Node(stat.S_IFDIR | 0o755)
            if node.is_link:
                links += 1
                if links > LINKS_MAX:
                    raise Refused("too many symbolic links in %s" % show(b"/".join(parts)))
                if node.data.startswith(b"/"):
                    del stack[1:]
                todo += reversed(node.data.split(b"/"))
            elif node.is_dir:
                stack.append(node)
            elif make:
                raise Refused("%s is no folder, but something lies below it" % show(name))
            else:
                return None
        return stack[-1]

    def find(self, path):
        """The node at path, a symbolic link as such; None when there is none."""
        parts = parts_of(path)
        if not parts:
            return self.root
        folder = self._folder(parts[:-1], False)
        return folder.children.get(parts[-1]) if folder else None

    def folder(self, path):
        """The folder at path, links followed; None when there is none."""
        return self._folder(parts_of(path), False)

    def put(self, path, node, keep_links=False):
        """Places node. A folder that is there keeps what is in it and takes the new owner and mode;
        everything else is replaced. keep_links: a link to a folder stays when a folder comes (dpkg)."""
        parts = parts_of(path)
        old = self.find(path)
        if keep_links and old is not None and old.is_link and node.is_dir:
            old = self._folder(parts, False) or old
        if node.is_dir and old is not None and old.is_dir:
            for field in ("mode", "uid", "gid", "mtime", "xattrs"):
                setattr(old, field, getattr(node, field))
        elif parts:
            self._folder(parts[:-1], True).children[parts[-1]] = node
        else:
            raise Refused("the root of a tree is a folder")

    def hard_link(self, path, target):
        node = self.find(target)
        if node is None or node.is_dir:
            raise Refused("%s is a hard link to %s, which is no file" % (show(path), show(target)))
        if node is not self.find(path):
            self.put(path, node)

    def remove(self, path):
        """The name and all below it; nothing happens when it is not there."""
        parts = parts_of(path)
        folder = self._folder(parts[:-1], False) if parts else None
        if folder:
            folder.children.pop(parts[-1], None)

    # ---- by str, for trees that are made here ----

    def mkdir(self, path, mode=0o755):
        self.put(path.encode(), Node(stat.S_IFDIR | mode))

    def file(self, path, data, mode=0o644):
        self.put(path.encode(), Node(stat.S_IFREG | mode, data if isinstance(data, (bytes, Slice)) else
                                     data.encode()))

    def symlink(self, path, target):
        self.put(path.encode(), Node(stat.S_IFLNK | 0o777, target.encode()))


def host_file(path):
    return Slice(path, 0, os.path.getsize(path))


def from_folder(top):
    """A folder of this machine: all of it root's, times 0, so that a copy of it gives the same image."""
    tree, seen = Tree(), {}
    todo = [(os.fsencode(top), b"")]
    tree.root.mode = stat.S_IFDIR | stat.S_IMODE(os.stat(top).st_mode)
    while todo:
        folder, below = todo.pop()
        for entry in sorted(os.scandir(folder), key=lambda e: e.name):
            st, path = entry.stat(follow_symlinks=False), below + entry.name
            key = (st.st_dev, st.st_ino)
            if st.st_nlink > 1 and key in seen and not stat.S_ISDIR(st.st_mode):
                tree.hard_link(path, seen[key])
                continue
            seen[key] = path
            node = Node(st.st_mode, rdev=(os.major(st.st_rdev), os.minor(st.st_rdev)))
            if node.is_dir:
                todo.append((entry.path, path + b"/"))
            elif node.is_link:
                node.data = os.readlink(entry.path)
            elif stat.S_ISREG(st.st_mode):
                node.data = Slice(entry.path, 0, st.st_size)
            tree.put(path, node)
    return tree
