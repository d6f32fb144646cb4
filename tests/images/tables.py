# SPDX-License-Identifier: MIT
"""Partition tables as bytes, sound and hostile ones: MBR, and GPT as in UEFI 2.10, 5.3."""
import struct
import zlib

SECTOR = 512


def mbr(disk, at, entries):
    """Puts a table of (type, start, sectors) into sector at."""
    for i, (kind, start, sectors) in enumerate(entries):
        struct.pack_into("<B3xB3xII", disk, at * SECTOR + 446 + 16 * i, 0, kind, start, sectors)
    disk[at * SECTOR + 510:at * SECTOR + 512] = b"\x55\xaa"


def gpt(disk, entries, block=SECTOR):
    """A GPT with a backup, for a list of (first, last) blocks; None leaves a number out."""
    blocks = len(disk) // block
    mbr(disk, 0, [(0xee, 1, blocks - 1)])
    table = bytearray(128 * 128)
    for i, entry in enumerate(entries):
        if entry:
            struct.pack_into("<16s16sQQ", table, 128 * i, b"t" * 16, b"u%15d" % i, *entry)
    size = -(-len(table) // block)
    for mine, other, at in ((1, blocks - 1, 2), (blocks - 1, 1, blocks - 1 - size)):
        header = struct.pack("<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, 92, 0, 0, mine, other, 2 + size,
                             blocks - 2 - size, b"guid" * 4, at, 128, 128, zlib.crc32(table))
        header = header[:16] + struct.pack("<I", zlib.crc32(header)) + header[20:]
        disk[mine * block:mine * block + 92] = header
        disk[at * block:at * block + len(table)] = table


def logical(disk):
    """A primary one, an extended one with three logical ones, one that ends too far, one that is outside."""
    s = len(disk) // SECTOR
    mbr(disk, 0, [(0x83, 1, 8), (0x05, 16, s // 2), (0x83, s - 16, 1 << 20), (0x83, s, 8)])
    mbr(disk, 16, [(0x83, 1, 7), (0x05, 16, 16)])
    mbr(disk, 32, [(0x83, 2, 8), (0x0f, 32, 16)])
    mbr(disk, 48, [(0x82, 1, 9)])


def ring(disk):
    """An extended partition that leads back to its first table."""
    mbr(disk, 0, [(0x0f, 10, 100)])
    mbr(disk, 10, [(0x83, 1, 5), (0x05, 50, 20)])
    mbr(disk, 60, [(0x83, 1, 6), (0x05, 0, 20)])
