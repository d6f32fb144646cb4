/* SPDX-License-Identifier: MIT */
/* cpio "newc" archives (cpio(5)), read in memory. Freestanding: unit-tested on the host. */
#pragma once
#include "lib/lib.h"

struct cpio_entry {
	const char *name; /* in the archive, NUL-terminated */
	const u8 *data;
	u64 size; /* bytes of data */
	u32 mode, uid, gid, nlink, ino, mtime, rdev_major, rdev_minor;
};

/*
 * The entry at byte *pos of an archive of size bytes; *pos moves past it. 1; 0 at the end; -EINVAL
 * when what is there is no entry. Archives may follow each other, with zero bytes between and after.
 */
int cpio_next(const u8 *archive, u64 size, u64 *pos, struct cpio_entry *e);
