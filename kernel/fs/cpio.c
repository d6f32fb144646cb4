/* SPDX-License-Identifier: MIT */
/* The newc format: a header of 110 characters, numbers as 8 hex digits; name and data padded to 4. */
#include "fs/cpio.h"

#define HEADER 110U
#define FIELDS                                                                                     \
	13 /* ino mode uid gid nlink mtime size devmajor devminor rdevmajor rdevminor namesize check */

static bool hex8(const u8 *s, u32 *out)
{
	u32 v = 0;

	for (int i = 0; i < 8; i++) {
		u8 c = s[i], d;

		if (c >= '0' && c <= '9')
			d = c - '0';
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			d = (c | 0x20) - 'a' + 10;
		else
			return false;
		v = v << 4 | d;
	}
	*out = v;
	return true;
}

/* One entry, the trailer too: 1 or -EINVAL. */
static int parse(const u8 *archive, u64 size, u64 *pos, struct cpio_entry *e)
{
	const u8 *h = archive + *pos;
	u64 left = size - *pos, data;
	u32 v[FIELDS];

	if (left < HEADER || memcmp(h, "07070", 5) || (h[5] != '1' && h[5] != '2'))
		return -EINVAL;
	for (int i = 0; i < FIELDS; i++)
		if (!hex8(h + 6 + 8 * i, &v[i]))
			return -EINVAL;
	if (!v[11] || v[11] > left - HEADER || !memchr(h + HEADER, '\0', v[11]))
		return -EINVAL;
	data = ALIGN_UP(*pos + HEADER + v[11], 4UL);
	if (data > size || v[6] > size - data)
		return -EINVAL;
	e->name = (const char *)h + HEADER;
	e->data = archive + data;
	e->ino = v[0];
	e->mode = v[1];
	e->uid = v[2];
	e->gid = v[3];
	e->nlink = v[4];
	e->mtime = v[5];
	e->size = v[6];
	e->rdev_major = v[9];
	e->rdev_minor = v[10];
	*pos = min(ALIGN_UP(data + v[6], 4UL), size);
	return 1;
}

int cpio_next(const u8 *archive, u64 size, u64 *pos, struct cpio_entry *e)
{
	for (;;) {
		int ret;

		while (*pos < size && !archive[*pos])
			(*pos)++;
		if (*pos >= size)
			return 0;
		if (*pos % 4) /* headers begin on 4 bytes; what follows zeros is something else */
			return -EINVAL;
		ret = parse(archive, size, pos, e);
		if (ret < 0 || strcmp(e->name, "TRAILER!!!"))
			return ret;
	}
}
