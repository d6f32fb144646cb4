/* SPDX-License-Identifier: MIT */
/*
 * EROFS on disk: see erofs_disk.h. Layout of an image: superblock at byte 1024; inodes, 32 or 64
 * bytes at 32-byte slots (the slot's number is the nid) from the metadata block on, each followed by
 * its xattrs and maybe by the tail of its data; data in whole blocks.
 */
#include "fs/erofs_disk.h"
#include "x86/cpu.h"

#define SUPER_OFFSET 1024U
#define MAGIC 0xe0f5e1e2U
#define COMPAT_CHECKSUM 1U
#define INCOMPAT_ZERO_PADDING 1U /* concerns compressed data only */
#define SLOT_BITS 5
#define NAME_LEN_MAX 255

enum { EROFS_FLAT_PLAIN = 0, EROFS_FLAT_INLINE = 2 };

struct disk_super {
	u32 magic, checksum, feature_compat;
	u8 blkszbits, extslots;
	u16 root_nid;
	u64 inos, build_time;
	u32 build_time_nsec, blocks, meta_blkaddr, xattr_blkaddr;
	u8 uuid[16], volume_name[16];
	u32 feature_incompat;
	u16 compr_algs, extra_devices, devt_slotoff;
	u8 dirblkbits, xattr_prefix_count;
	u32 xattr_prefix_start;
	u64 packed_nid;
	u8 reserved[24];
} __packed;
_Static_assert(sizeof(struct disk_super) == 128, "EROFS superblock");

struct disk_compact {
	u16 format, xattr_icount, mode, nlink;
	u32 size, reserved, u, ino;
	u16 uid, gid;
	u32 reserved2;
} __packed;
_Static_assert(sizeof(struct disk_compact) == 32, "EROFS compact inode");

struct disk_extended {
	u16 format, xattr_icount, mode, reserved;
	u64 size;
	u32 u, ino, uid, gid;
	u64 mtime;
	u32 mtime_nsec, nlink;
	u8 reserved2[16];
} __packed;
_Static_assert(sizeof(struct disk_extended) == 64, "EROFS extended inode");

struct disk_dirent {
	u64 nid;
	u16 nameoff;
	u8 type, reserved;
} __packed;

struct disk_xattr_body {
	u32 filter;
	u8 shared_count, reserved[7];
} __packed;

struct disk_xattr {
	u8 name_len, name_index;
	u16 value_size;
} __packed;

/* By the instruction that is made for this sum: each mount sums a block, and containers start by mounts. */
u32 erofs_crc32c(u32 crc, const void *data, size_t n)
{
	bool sse42 = cpuid(1, 0).ecx & BIT(20); /* SDM Vol. 2A, CPUID and CRC32 */
	const u8 *p = data;
	u64 sum = crc;

	for (; sse42 && n >= 8; n -= 8, p += 8)
		__asm__("crc32q %1, %0" : "+r"(sum) : "m"(*(const u64 *)p));
	for (; n--; p++) {
		sum ^= *p;
		for (int i = 0; i < 8; i++)
			sum = sum >> 1 ^ (sum & 1 ? 0x82f63b78U : 0);
	}
	return sum;
}

/* A read that a sound image never lets go past its end. */
static int get(struct erofs_image *img, u64 off, void *buf, size_t n)
{
	if (off > img->size || n > img->size - off)
		return -EUCLEAN;
	return img->read(img, off, buf, n);
}

static int check_sum(struct erofs_image *img, const struct disk_super *ds, unsigned int bits)
{
	size_t n = (1U << bits) > SUPER_OFFSET ? (1U << bits) - SUPER_OFFSET : 1U << bits;
	char *block = kmalloc(n);
	int err;

	if (!block)
		return -ENOMEM;
	err = get(img, SUPER_OFFSET, block, n);
	if (!err) {
		memset(block + offsetof(struct disk_super, checksum), 0, 4);
		if (erofs_crc32c(~0U, block, n) != ds->checksum)
			err = -EUCLEAN;
	}
	kfree(block);
	return err;
}

int erofs_read_super(struct erofs_image *img)
{
	struct disk_super ds;
	int err;

	if (img->size < SUPER_OFFSET + sizeof(ds))
		return -EINVAL;
	err = get(img, SUPER_OFFSET, &ds, sizeof(ds));
	if (err)
		return err;
	if (ds.magic != MAGIC || ds.blkszbits < 9 || ds.blkszbits > 12 || ds.dirblkbits)
		return -EINVAL;
	if (ds.feature_incompat & ~INCOMPAT_ZERO_PADDING || ds.extra_devices)
		return -EINVAL;
	if (ds.feature_compat & COMPAT_CHECKSUM) {
		err = check_sum(img, &ds, ds.blkszbits);
		if (err)
			return err;
	}
	img->block_bits = ds.blkszbits;
	img->blocks = ds.blocks;
	img->inodes = ds.inos;
	img->meta = (u64)ds.meta_blkaddr << ds.blkszbits;
	img->xattrs = (u64)ds.xattr_blkaddr << ds.blkszbits;
	img->root_nid = ds.root_nid;
	img->build_ns = ds.build_time * NSEC_PER_SEC + ds.build_time_nsec;
	if ((img->blocks << img->block_bits) > img->size || img->meta >= img->size)
		return -EUCLEAN;
	return 0;
}

static void take_compact(struct erofs_image *img, const struct disk_compact *d,
			 struct erofs_inode *ino)
{
	ino->mode = d->mode;
	ino->nlink = d->nlink;
	ino->size = d->size;
	ino->start = d->u;
	ino->uid = d->uid;
	ino->gid = d->gid;
	ino->mtime_ns = img->build_ns;
}

static void take_extended(const struct disk_extended *d, struct erofs_inode *ino)
{
	ino->mode = d->mode;
	ino->nlink = d->nlink;
	ino->size = d->size;
	ino->start = d->u;
	ino->uid = d->uid;
	ino->gid = d->gid;
	ino->mtime_ns = d->mtime * NSEC_PER_SEC + d->mtime_nsec;
}

/* What the layout says about sizes must fit the image: later reads rely on it. */
static int check_layout(struct erofs_image *img, const struct erofs_inode *ino)
{
	u64 block = 1UL << img->block_bits, whole = ino->size;

	if (ino->size > img->blocks << img->block_bits)
		return -EUCLEAN;
	switch (ino->layout) {
	case EROFS_FLAT_INLINE:
		whole = ino->size & ~(block - 1);
		/* the tail does not cross the end of the block that it begins in */
		if ((ino->end & (block - 1)) + (ino->size - whole) > block)
			return -EUCLEAN;
		break;
	case EROFS_FLAT_PLAIN:
		break;
	default:
		return -EOPNOTSUPP; /* compressed, or in chunks */
	}
	if (whole && ino->start + DIV_ROUND_UP(whole, block) > img->blocks)
		return -EUCLEAN;
	return 0;
}

int erofs_read_inode(struct erofs_image *img, u64 nid, struct erofs_inode *ino)
{
	struct disk_extended d;
	bool extended;
	u64 at;
	int err;

	if (nid > img->size >> SLOT_BITS)
		return -EUCLEAN;
	at = img->meta + (nid << SLOT_BITS);
	err = get(img, at, &d, sizeof(struct disk_compact));
	if (err)
		return err;
	extended = d.format & 1;
	if (extended)
		err = get(img, at, &d, sizeof(d));
	if (err)
		return err;
	memset(ino, 0, sizeof(*ino));
	ino->nid = nid;
	ino->layout = d.format >> 1;
	if (extended)
		take_extended(&d, ino);
	else
		take_compact(img, (struct disk_compact *)&d, ino);
	if (d.xattr_icount)
		ino->xattr_size = sizeof(struct disk_xattr_body) + (d.xattr_icount - 1) * 4;
	ino->end = at + (extended ? sizeof(d) : sizeof(struct disk_compact)) + ino->xattr_size;
	switch (ino->mode >> 12) {
	case 1: /* fifo, character and block device, socket: no data */
	case 2:
	case 6:
	case 12:
		ino->size = 0;
		return 0;
	case 4:
	case 8:
	case 10:
		return check_layout(img, ino);
	}
	return -EUCLEAN;
}

int erofs_map(struct erofs_image *img, const struct erofs_inode *ino, u64 off, u64 *pos, u64 *len)
{
	u64 whole = ino->size;

	if (off >= ino->size)
		return -EUCLEAN;
	if (ino->layout == EROFS_FLAT_INLINE)
		whole = ALIGN_DOWN(ino->size, 1UL << img->block_bits);
	if (off < whole) {
		*pos = ((u64)ino->start << img->block_bits) + off;
		*len = whole - off;
	} else {
		*pos = ino->end + (off - whole);
		*len = ino->size - off;
	}
	return *pos > img->size || *len > img->size - *pos ? -EUCLEAN : 0;
}

int erofs_read_data(struct erofs_image *img, const struct erofs_inode *ino, u64 off, void *buf,
		    size_t n)
{
	char *to = buf;

	while (n) {
		u64 pos, len;
		int err = erofs_map(img, ino, off, &pos, &len);

		if (err)
			return err;
		len = min(len, (u64)n);
		err = get(img, pos, to, len);
		if (err)
			return err;
		to += len;
		off += len;
		n -= len;
	}
	return 0;
}

/* ---- directories: blocks of sorted entries, their names behind them ---- */

/* Bytes of directory block nr, read into block. 0: past the end. */
static int load_block(struct erofs_image *img, const struct erofs_inode *dir, u64 nr, void *block)
{
	u64 off = nr << img->block_bits;
	u64 n = off < dir->size ? min(dir->size - off, 1UL << img->block_bits) : 0;
	int err = n ? erofs_read_data(img, dir, off, block, n) : 0;

	return err ? err : (int)n;
}

/* How many entries a directory block of n bytes holds, or -EUCLEAN. */
static int count_entries(const void *block, size_t n)
{
	const struct disk_dirent *de = block;
	u16 first = n < sizeof(*de) ? 0 : de->nameoff;

	if (first < sizeof(*de) || first % sizeof(*de) || first > n)
		return -EUCLEAN;
	return first / sizeof(*de);
}

/* The name of entry i of count. 0 or -EUCLEAN. */
static int entry_name(const void *block, size_t n, int i, int count, const char **name, size_t *len)
{
	const struct disk_dirent *de = block;
	size_t from = de[i].nameoff, to = i + 1 < count ? de[i + 1].nameoff : n;

	if (from < count * sizeof(*de) || from >= to || to > n)
		return -EUCLEAN;
	*name = (const char *)block + from;
	*len = strnlen(*name, to - from);
	if (!*len || *len > NAME_LEN_MAX || memchr(*name, '/', *len))
		return -EUCLEAN;
	return 0;
}

static int cmp_names(const char *a, size_t an, const char *b, size_t bn)
{
	int c = memcmp(a, b, min(an, bn));

	return c ? c : (an > bn) - (an < bn);
}

/* Looks in one loaded block: 0 found; -ENOENT with *side: the name belongs before (-1) or after. */
static int find_in_block(const void *block, int n, const char *name, size_t len, u64 *nid,
			 int *side)
{
	int count = count_entries(block, n), lo = 0, hi = count - 1;

	if (count < 0)
		return count;
	*side = 0;
	while (lo <= hi) {
		int mid = (lo + hi) / 2, c, err;
		const char *s;
		size_t sn;

		err = entry_name(block, n, mid, count, &s, &sn);
		if (err)
			return err;
		c = cmp_names(name, len, s, sn);
		if (!c) {
			*nid = ((const struct disk_dirent *)block)[mid].nid;
			return 0;
		}
		if (c < 0)
			hi = mid - 1;
		else
			lo = mid + 1;
	}
	*side = lo == 0 ? -1 : lo == count ? 1 : 0;
	return -ENOENT;
}

int erofs_find(struct erofs_image *img, const struct erofs_inode *dir, const char *name, size_t len,
	       void *block, u64 *nid)
{
	s64 lo = 0, hi = (s64)DIV_ROUND_UP(dir->size, 1UL << img->block_bits) - 1;

	while (lo <= hi) {
		s64 mid = lo + (hi - lo) / 2;
		int side, n = load_block(img, dir, mid, block), err;

		if (n < 0)
			return n;
		err = find_in_block(block, n, name, len, nid, &side);
		if (err != -ENOENT || !side)
			return err;
		if (side < 0)
			hi = mid - 1;
		else
			lo = mid + 1;
	}
	return -ENOENT;
}

int erofs_dirent(struct erofs_image *img, const struct erofs_inode *dir, u64 pos, void *block,
		 u64 *have, struct erofs_dirent *out)
{
	static const u8 types[] = { 0, 8, 4, 2, 6, 1, 12, 10 }; /* EROFS_FT_* to DT_* */
	u64 nr = pos >> img->block_bits, off = nr << img->block_bits;
	unsigned int i = (pos - off) / sizeof(struct disk_dirent);
	const struct disk_dirent *de = block;
	int n, count, err;

	if (off >= dir->size)
		return 0;
	n = min(dir->size - off, 1UL << img->block_bits);
	if (*have != nr) {
		*have = ~0UL;
		err = load_block(img, dir, nr, block);
		if (err < 0)
			return err;
		*have = nr;
	}
	count = count_entries(block, n);
	if (count < 0)
		return count;
	if (i >= count) /* a position that no entry has, from lseek(2) */
		return erofs_dirent(img, dir, (nr + 1) << img->block_bits, block, have, out);
	err = entry_name(block, n, i, count, &out->name, &out->len);
	if (err)
		return err;
	out->nid = de[i].nid;
	out->dt_type = de[i].type < sizeof(types) ? types[de[i].type] : 0;
	out->next = i + 1 < count ? off + (i + 1) * sizeof(*de) : (nr + 1) << img->block_bits;
	return 1;
}

/* ---- extended attributes ---- */

static const char *const xattr_prefix[] = {
	[1] = "user.",
	[4] = "trusted.",
	[6] = "security.",
};

typedef int (*xattr_fn)(void *arg, const char *name, u64 value, size_t size);

/* The entry at byte *at, which moves past it. */
static int one_xattr(struct erofs_image *img, u64 *at, u64 end, xattr_fn fn, void *arg)
{
	char name[16 + NAME_LEN_MAX + 1];
	struct disk_xattr x;
	const char *prefix = NULL;
	size_t n = 0;
	int err = get(img, *at, &x, sizeof(x));

	if (err)
		return err;
	if (*at + sizeof(x) + x.name_len + x.value_size > end)
		return -EUCLEAN;
	if (x.name_index < ARRAY_SIZE(xattr_prefix))
		prefix = xattr_prefix[x.name_index];
	if (prefix) {
		n = strlen(prefix);
		memcpy(name, prefix, n);
	}
	err = get(img, *at + sizeof(x), name + n, x.name_len);
	if (err)
		return err;
	name[n + x.name_len] = '\0';
	if (strlen(name) != n + x.name_len)
		return -EUCLEAN;
	if (prefix)
		err = fn(arg, name, *at + sizeof(x) + x.name_len, x.value_size);
	*at = ALIGN_UP(*at + sizeof(x) + x.name_len + x.value_size, 4UL);
	return err;
}

int erofs_each_xattr(struct erofs_image *img, const struct erofs_inode *ino, xattr_fn fn, void *arg)
{
	u64 begin = ino->end - ino->xattr_size, at;
	struct disk_xattr_body body;
	int err;

	if (!ino->xattr_size)
		return 0;
	err = get(img, begin, &body, sizeof(body));
	if (err)
		return err;
	at = begin + sizeof(body) + body.shared_count * 4;
	if (at > ino->end)
		return -EUCLEAN;
	while (!err && at + sizeof(struct disk_xattr) <= ino->end)
		err = one_xattr(img, &at, ino->end, fn, arg);
	for (unsigned int i = 0; !err && i < body.shared_count; i++) {
		u32 id;

		err = get(img, begin + sizeof(body) + i * 4, &id, sizeof(id));
		at = img->xattrs + (u64)id * 4;
		if (!err)
			err = one_xattr(img, &at, img->size, fn, arg);
	}
	return err;
}
