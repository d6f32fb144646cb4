# SPDX-License-Identifier: MIT
"""Reads tar archives: ustar, pax (POSIX.1-2001, "pax Interchange Format") and GNU's long names.

Headers only: what a file holds is named by its place in the archive. Archives come from strangers:
everything that is not as the format says is Refused. (Python's tarfile looks away from a good deal of
damage, and has looped on some.)
"""
import stat

from tree import Refused, show

BLOCK = 512
EXTENSION_MAX = 1 << 20  # bytes of one pax header or long name
TIME_MAX = 1 << 34       # seconds: the year 2514; no real file is younger
KINDS = {b"0": stat.S_IFREG, b"\0": stat.S_IFREG, b"7": stat.S_IFREG, b"1": 0, b"2": stat.S_IFLNK,
         b"3": stat.S_IFCHR, b"4": stat.S_IFBLK, b"5": stat.S_IFDIR, b"6": stat.S_IFIFO}


class Entry:
    """mode has the type's bits, which are 0 for a hard link to `link`. size bytes lie at offset."""

    __slots__ = ("name", "mode", "uid", "gid", "mtime", "size", "link", "rdev", "xattrs", "offset")


def number(field, what):
    """Octal digits, or big-endian binary behind a byte 0x80 (GNU, star)."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    text = field.split(b"\0")[0].strip()
    if not all(c in b"01234567" for c in text):
        raise Refused("its tar headers are damaged: %s is %s" % (what, show(field)))
    return int(text or b"0", 8)


def decimal(text, what):
    if not text.isdigit() or len(text) > 20:
        raise Refused("its tar headers are damaged: %s is %s" % (what, show(text[:40])))
    return int(text)


def nanoseconds(text):
    """'12.5' or '-3': seconds, as pax has times; those that no file has become 0."""
    whole, _, part = text.partition(b".")
    seconds = decimal(whole.lstrip(b"-"), "mtime")
    if whole.startswith(b"-") or seconds > TIME_MAX:
        return 0
    return seconds * 10**9 + decimal((part + b"0" * 9)[:9], "mtime")


def pax_records(data):
    """'LENGTH KEY=VALUE\\n', one after the other; LENGTH counts all of it."""
    records, at = {}, 0
    while at < len(data) and data[at] != 0:
        digits = data[at:at + 8].split(b" ")[0]
        end = at + decimal(digits, "a pax record's length")
        key, equal, value = data[at + len(digits) + 1:end - 1].partition(b"=")
        if end > len(data) or end <= at + len(digits) + 2 or data[end - 1:end] != b"\n" or not equal:
            raise Refused("its pax headers are damaged")
        if key.startswith(b"GNU.sparse."):
            raise Refused("it holds a sparse file, which is not read")
        records[key] = value
        at = end
    return records


def apply_pax(e, records):
    for key, value in records.items():
        if key == b"path":
            e.name = value
        elif key == b"linkpath":
            e.link = value
        elif key in (b"size", b"uid", b"gid"):
            setattr(e, key.decode(), decimal(value, key.decode()))
        elif key == b"mtime":
            e.mtime = nanoseconds(value)
        elif key.startswith(b"SCHILY.xattr."):
            e.xattrs[key[len(b"SCHILY.xattr."):]] = value


def header(block):
    """(type, Entry) of one header block."""
    blank = block[:148] + b" " * 8 + block[156:]
    if number(block[148:156], "the checksum") != sum(blank):
        raise Refused("its tar headers are damaged: a checksum is wrong")
    e = Entry()
    e.name = block[:100].split(b"\0")[0]
    if block[257:263] == b"ustar\0" and block[345]:
        e.name = block[345:500].split(b"\0")[0] + b"/" + e.name
    e.mode = number(block[100:108], "the mode") & 0o7777
    e.uid, e.gid = number(block[108:116], "the uid"), number(block[116:124], "the gid")
    e.size = number(block[124:136], "the size")
    e.mtime = 0 if block[136] == 0xff else min(number(block[136:148], "the time"), TIME_MAX) * 10**9
    e.link = block[157:257].split(b"\0")[0]
    e.rdev = (0, 0)
    if block[156:157] in (b"3", b"4"):
        e.rdev = number(block[329:337], "the device"), number(block[337:345], "the device")
    e.xattrs = {}
    return block[156:157], e


def entries(f, start, end):
    """The entries of the archive that lies from byte start to byte end of the file f."""
    at, common, own, longs = start, {}, {}, {}
    while at + BLOCK <= end:
        f.seek(at)
        block = f.read(BLOCK)
        if len(block) < BLOCK or not any(block):
            return
        kind, e = header(block)
        at += BLOCK
        if kind in (b"x", b"g", b"L", b"K"):
            if e.size > min(EXTENSION_MAX, end - at):
                raise Refused("its tar headers are damaged: one of %d bytes" % e.size)
            data = f.read(e.size)
            at += -(-e.size // BLOCK) * BLOCK
            if kind in b"xg":
                (own if kind == b"x" else common).update(pax_records(data))
            else:
                longs["name" if kind == b"L" else "link"] = data.split(b"\0")[0]
            continue
        for field, value in longs.items():
            setattr(e, field, value)
        apply_pax(e, {**common, **own})
        own, longs = {}, {}
        if kind not in KINDS:
            raise Refused("it holds %s of the unknown kind %s" % (show(e.name[:60]), show(kind)))
        e.mode |= KINDS[kind]
        if stat.S_ISREG(e.mode) and e.name.endswith(b"/"):
            e.mode = stat.S_IFDIR | stat.S_IMODE(e.mode)
        e.offset = at
        if not stat.S_ISREG(e.mode):
            e.size = 0
        if e.size > end - at:
            raise Refused("it is cut off within %s" % show(e.name[:60]))
        at += -(-e.size // BLOCK) * BLOCK
        yield e
    if at < end:
        raise Refused("it is cut off")
