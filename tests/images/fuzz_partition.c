/* SPDX-License-Identifier: MIT */
/* sources: kernel/fs/partition.c tests/unit/host.c */
/* Partition tables on any bytes: partitions lie on the disk, and are found in few reads. */
#include <string.h>

#include "fs/partition.h"
#include "host.h"

static const u8 *disk;
static unsigned int reads;

static const u8 *host_read(struct part_table *t, u64 n)
{
	static u8 sector[512];

	if (++reads > 5000)
		abort();
	if (n >= t->sectors)
		return NULL;
	memcpy(sector, disk + 512 * n, 512);
	return sector;
}

/* The checksums of the header at p, which nobody guesses. */
static void mend(u8 *all, size_t n, u8 *p, u32 unit)
{
	u64 at = *(u64 *)(p + 72);
	u32 entries = *(u32 *)(p + 80), size = *(u32 *)(p + 12);

	if (at < n / 512 / unit && entries <= (n - at * 512 * unit) / 128)
		*(u32 *)(p + 88) = ~crc32(~0U, all + at * 512 * unit, entries * 128UL);
	*(u32 *)(p + 16) = 0;
	if (size <= 512)
		*(u32 *)(p + 16) = ~crc32(~0U, p, size);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t n);
int LLVMFuzzerTestOneInput(const u8 *data, size_t n)
{
	struct part_table t = { .read = host_read, .sectors = n / 512, .use_backup = true };
	u8 *copy = malloc(n + 1);

	memcpy(copy, data, n);
	t.unit = n && copy[0] & 1 ? 8 : 1;
	t.sectors -= t.sectors % t.unit;
	if (t.sectors > 2 * t.unit && copy[0] & 2)
		mend(copy, n, copy + 512 * t.unit, t.unit);
	if (t.sectors > 2 * t.unit && copy[0] & 4)
		mend(copy, n, copy + (t.sectors / t.unit - 1) * t.unit * 512, t.unit);
	disk = copy;
	reads = 0;
	partitions_read(&t);
	for (unsigned int i = 0; i <= PARTITIONS_MAX; i++)
		if (t.part[i].sectors > t.sectors ||
		    t.part[i].start > t.sectors - t.part[i].sectors || (t.part[i].sectors && !i))
			abort();
	free(copy);
	return 0;
}
