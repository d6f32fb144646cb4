/* SPDX-License-Identifier: MIT */
/*
 * Partition tables, as plain numbers: MBR with logical partitions, and GPT (UEFI 2.10, 5). Freestanding:
 * fuzzed on the host. A table is hostile until proven otherwise: what is handed out lies on the disk.
 * What is accepted is what Linux accepts (overlapping partitions among it), but for a ring of extended
 * partitions, which ends at the second visit.
 */
#pragma once
#include "lib/lib.h"

#define PARTITIONS_MAX 15 /* numbers that a disk has minors for */

struct part_table {
	/* The 512 bytes of sector n, until the next call; NULL: they cannot be read, or are not there. */
	const u8 *(*read)(struct part_table *t, u64 n);
	u64 sectors; /* of 512 bytes, of the whole disk: a multiple of unit */
	u32 unit; /* sectors in the logical block in which tables count: 1 to 8 */
	bool use_backup; /* of a GPT that is damaged */
	/* filled in by partitions_read(), by number */
	struct {
		u64 start, sectors; /* of 512 bytes; 0 sectors: there is none */
	} part[PARTITIONS_MAX + 1];
	const char *complaint; /* the first thing that was wrong, or NULL */
};
void partitions_read(struct part_table *t);
u32 crc32(u32 crc, const u8 *p, size_t n); /* of IEEE 802.3: begins with ~0, ends inverted */
