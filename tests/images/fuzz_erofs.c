/* SPDX-License-Identifier: MIT */
/* sources: kernel/fs/erofs_disk.c tests/unit/host.c */
/* The EROFS reader on any bytes: superblock, every inode it leads to, names, attributes, data. */
#include <string.h>

#include "fs/erofs_disk.h"
#include "host.h"

#define DEPTH 4
#define ENTRIES 200 /* of one image */

struct host_image {
	struct erofs_image img; /* first */
	const u8 *data;
};

static unsigned int entries;

static int host_read(struct erofs_image *img, u64 off, void *buf, size_t n)
{
	if (off > img->size || n > img->size - off)
		abort(); /* the reader may not ask for what is not there */
	memcpy(buf, ((struct host_image *)img)->data + off, n);
	return 0;
}

static int take_xattr(void *arg, const char *name, u64 value, size_t n)
{
	struct erofs_image *img = arg;
	u8 buf[256];

	if (strlen(name) > 300)
		abort();
	if (value <= img->size && n <= img->size - value)
		img->read(img, value, buf, min(n, sizeof(buf)));
	return 0;
}

static void read_file(struct erofs_image *img, const struct erofs_inode *ino)
{
	u8 buf[1024];

	for (u64 off = 0, steps = 0; off < ino->size && steps < 16; steps++) {
		size_t n = min(ino->size - off, sizeof(buf));

		if (erofs_read_data(img, ino, off, buf, n))
			break;
		off += max(ino->size / 16, (u64)n);
	}
}

static void walk(struct erofs_image *img, u64 nid, int depth)
{
	struct erofs_inode ino;
	struct erofs_dirent de;
	u8 block[4096], other[4096];
	u64 pos = 0, have = ~0UL, found;
	char name[256];

	if (erofs_read_inode(img, nid, &ino))
		return;
	erofs_each_xattr(img, &ino, take_xattr, img);
	if (ino.mode >> 12 != 4) { /* a folder */
		read_file(img, &ino);
		return;
	}
	while (entries++ < ENTRIES && erofs_dirent(img, &ino, pos, block, &have, &de) > 0) {
		if (de.next <= pos || de.len > 255)
			abort();
		pos = de.next;
		memcpy(name, de.name, de.len);
		erofs_find(img, &ino, name, de.len, other, &found);
		if (depth < DEPTH && de.nid != nid)
			walk(img, de.nid, depth + 1);
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t n);
int LLVMFuzzerTestOneInput(const u8 *data, size_t n)
{
	struct host_image h = { .img = { .read = host_read, .size = n } };
	u8 *copy = malloc(n + 1);

	memcpy(copy, data, n);
	if (n > 1032 && !copy[0]) /* else nothing but checksums would be met */
		copy[1024 + 8] &= ~1;
	h.data = copy;
	entries = 0;
	if (!erofs_read_super(&h.img))
		walk(&h.img, h.img.root_nid, 0);
	free(copy);
	return 0;
}
