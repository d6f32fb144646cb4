# SPDX-License-Identifier: MIT
"""/etc/ld.so.cache as ldconfig writes it (glibc's elf/cache.c and sysdeps/generic/dl-cache.h): where the
dynamic linker finds a library by its name without looking into every folder."""
import re
import struct

FOLDER = b"usr/lib/x86_64-linux-gnu"
MAGIC = b"glibc-ld.so.cache1.1"
LITTLE_ENDIAN = 2
ELF_LIBC6_X86_64 = 0x0303
HEAD, ENTRY = 48, 24  # bytes


def order(name):
    """As the dynamic linker compares names: numbers by value, above all other characters."""
    return [(2, int(part)) if part.isdigit() else (1, ord(part)) for part in re.findall(r"\d+|.", name.decode())]


def libraries(folder):
    """The names that programs ask for: the links, and the files that no link leads to. (ldconfig reads
    each library's own name in it; Debian's packages have a link of that name, rarely one more.)"""
    names = {n: node for n, node in folder.children.items() if re.fullmatch(rb"(lib|ld-).*\.so(\.[0-9.]+)?", n)}
    led_to = {node.data for node in names.values() if node.is_link}
    return sorted((n for n, node in names.items() if node.is_link or n not in led_to), key=order, reverse=True)


def make(tree):
    """The file's content for the libraries in Debian's folder for x86-64."""
    names = libraries(tree.folder(FOLDER))
    strings, entries = b"", b""
    for name in names:
        at = HEAD + ENTRY * len(names) + len(strings)
        path = b"/" + FOLDER.removeprefix(b"usr/") + b"/" + name + b"\0"
        # the name is the end of its path
        entries += struct.pack("<iIIIQ", ELF_LIBC6_X86_64, at + len(path) - 1 - len(name), at, 0, 0)
        strings += path
    return struct.pack("<20sIIB3xI12x", MAGIC, len(names), len(strings), LITTLE_ENDIAN, 0) + entries + strings
