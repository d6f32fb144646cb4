/* SPDX-License-Identifier: MIT */
/* Reading partition tables; partition.h says what is promised. */
#include "fs/partition.h"

#define LINKS_MAX 100 /* extended partitions in a row, as in Linux */
#define GPT_ENTRIES_MAX 1024 /* 128 everywhere; each is read at boot */
#define TYPE_GPT 0xee

struct mbr_entry {
	u8 boot, chs_first[3], type, chs_last[3];
	u32 start, sectors; /* in units */
} __packed;

struct gpt_header {
	char signature[8];
	u32 revision, size, crc, reserved;
	u64 my_lba, other_lba, first_usable, last_usable;
	u8 guid[16];
	u64 entries_lba;
	u32 nr_entries, entry_size, entries_crc;
} __packed;

struct gpt_entry {
	u8 type[16], guid[16];
	u64 first, last, attributes;
	u16 name[36];
} __packed;

static void complain(struct part_table *t, const char *why)
{
	if (!t->complaint)
		t->complaint = why;
}

static void put(struct part_table *t, unsigned int n, u64 start, u64 sectors)
{
	if (!sectors)
		return;
	if (n > PARTITIONS_MAX || start >= t->sectors) {
		complain(t, n > PARTITIONS_MAX ? "more than there are numbers for"
					       : "one begins behind the disk's end");
		return;
	}
	if (sectors > t->sectors - start) {
		complain(t, "one ends behind the disk's end");
		sectors = t->sectors - start;
	}
	t->part[n].start = start;
	t->part[n].sectors = sectors;
}

/* ---- MBR ---- */

/* The four entries in sector at. False: no such table there. */
static bool read_mbr(struct part_table *t, u64 at, struct mbr_entry e[4])
{
	const u8 *s = t->read(t, at);

	if (!s)
		complain(t, "a table cannot be read");
	if (!s || s[510] != 0x55 || s[511] != 0xaa)
		return false;
	memcpy(e, s + 446, 4 * sizeof(*e));
	return true;
}

static bool is_extended(const struct mbr_entry *e)
{
	return e->sectors && (e->type == 0x05 || e->type == 0x0f || e->type == 0x85);
}

/* The list of tables in [first, first + size): each has logical partitions, and may lead to the next. */
static void read_logical(struct part_table *t, u64 first, u64 size, unsigned int *number)
{
	u64 seen[LINKS_MAX], at = first, room = size;
	struct mbr_entry e[4];

	for (unsigned int links = 0; links < LINKS_MAX; links++) {
		const struct mbr_entry *next = NULL;

		for (unsigned int i = 0; i < links; i++)
			if (seen[i] == at)
				return complain(t, "the extended ones are a ring");
		seen[links] = at;
		if (!read_mbr(t, at, e))
			return;
		for (unsigned int i = 0; i < 4; i++) {
			u64 off = (u64)e[i].start * t->unit, n = (u64)e[i].sectors * t->unit;

			if (is_extended(&e[i])) {
				next = next ?: &e[i];
				continue;
			}
			/* The last two are seldom used, and often nonsense. */
			if (n && (i < 2 || (off + n <= room && at + off >= first &&
					    at + off + n <= first + size)))
				put(t, (*number)++, at + off, n);
		}
		if (!next)
			return;
		at = first + (u64)next->start * t->unit;
		room = (u64)next->sectors * t->unit;
	}
	complain(t, "too many extended ones");
}

static void read_primary(struct part_table *t, const struct mbr_entry e[4])
{
	unsigned int logical = 5;

	for (unsigned int i = 0; i < 4; i++)
		if (e[i].boot & 0x7f || e[i].type == TYPE_GPT)
			return; /* the boot sector of a file system, or a GPT that is not for us */
	for (unsigned int i = 0; i < 4; i++) {
		u64 start = (u64)e[i].start * t->unit, n = (u64)e[i].sectors * t->unit;

		/* Of an extended one only a boot loader's place can be had. */
		put(t, i + 1, start, is_extended(&e[i]) ? min(n, (u64)max(t->unit, 2U)) : n);
		if (is_extended(&e[i]))
			read_logical(t, start, n, &logical);
	}
}

/* ---- GPT ---- */

u32 crc32(u32 crc, const u8 *p, size_t n)
{
	while (n--) {
		crc ^= *p++;
		for (int i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320U : 0);
	}
	return crc;
}

static u64 last_lba(const struct part_table *t)
{
	return t->sectors / t->unit - 1;
}

/* Is *h, from block lba with its CRC taken out, a header? Its entries are not looked at. */
static bool header_sound(const struct part_table *t, u64 lba, const struct gpt_header *h)
{
	u64 last = last_lba(t);

	return h->my_lba == lba && h->first_usable <= h->last_usable && h->last_usable <= last &&
	       h->entry_size == sizeof(struct gpt_entry) && h->nr_entries <= GPT_ENTRIES_MAX &&
	       h->entries_lba <= last;
}

static bool read_header(struct part_table *t, u64 lba, struct gpt_header *h)
{
	const u8 *s = t->read(t, lba * t->unit);
	u32 crc = ~0U, left;

	if (!s)
		return false;
	memcpy(h, s, sizeof(*h));
	if (memcmp(h->signature, "EFI PART", 8) || h->size < sizeof(*h) || h->size > 512)
		return false;
	crc = crc32(crc, s, offsetof(struct gpt_header, crc));
	crc = crc32(crc, (const u8[4]){ 0 }, 4);
	crc = crc32(crc, s + offsetof(struct gpt_header, reserved),
		    h->size - offsetof(struct gpt_header, reserved));
	if (~crc != h->crc || !header_sound(t, lba, h))
		return false;
	crc = ~0U;
	left = h->nr_entries * sizeof(struct gpt_entry);
	for (u64 at = h->entries_lba * t->unit; left; at++) {
		u32 n = min(left, 512U);

		s = t->read(t, at);
		if (!s)
			return false;
		crc = crc32(crc, s, n);
		left -= n;
	}
	return ~crc == h->entries_crc;
}

static void read_gpt(struct part_table *t)
{
	static const u8 unused[16];
	struct gpt_header h;
	struct gpt_entry e;

	if (!read_header(t, 1, &h)) {
		if (!t->use_backup || !read_header(t, last_lba(t), &h))
			return complain(t, t->use_backup ? "both GPTs are damaged"
							 : "the GPT is damaged");
		complain(t, "the GPT is damaged, its backup is used");
	}
	for (u32 i = 0; i < h.nr_entries; i++) {
		const u8 *s = t->read(t, h.entries_lba * t->unit + i / 4);

		if (!s)
			return complain(t, "a table cannot be read");
		memcpy(&e, s + i % 4 * sizeof(e), sizeof(e));
		if (!memcmp(e.type, unused, sizeof(unused)))
			continue;
		if (e.first > e.last || e.last > last_lba(t))
			complain(t, "one ends behind the disk's end");
		else
			put(t, i + 1, e.first * t->unit, (e.last - e.first + 1) * t->unit);
	}
}

void partitions_read(struct part_table *t)
{
	struct mbr_entry e[4];

	if (t->sectors < t->unit || !read_mbr(t, 0, e))
		return;
	for (unsigned int i = 0; i < 4; i++)
		if (e[i].type == TYPE_GPT && e[i].start == 1)
			return read_gpt(t);
	read_primary(t, e);
}
