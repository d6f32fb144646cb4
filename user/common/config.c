/* SPDX-License-Identifier: MIT */
/*
 * What an image says about running it. tools/mkimage puts a container image's configuration into the
 * attribute user.dyad.config of the image's root folder: KEY=TEXT, each ended by NUL. It is read here
 * from the image's file, which costs a few reads where a mount would cost a start a good part of its
 * time. (Linux Documentation/filesystems/erofs.rst.)
 *
 * Images come from strangers: what does not fit into the file is as if it were not there.
 */
#include "common.h"

#define SUPER_OFFSET 1024
#define MAGIC 0xe0f5e1e2U
#define SLOT 32 /* bytes: a node's number counts these */
#define XATTR_HEAD 12 /* bytes: a filter, the number of shared attributes, reserved */
#define INDEX_USER 1 /* the prefix "user." */
#define NAME "dyad.config"

static uint32_t get32(const uint8_t *p)
{
	return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t get16(const uint8_t *p)
{
	return p[0] | p[1] << 8;
}

const char *image_config_find(const uint8_t *area, size_t n, size_t *size)
{
	size_t at = n < XATTR_HEAD ? n : XATTR_HEAD + 4 * (size_t)area[4];

	while (at + 4 <= n) {
		size_t name = area[at], value = get16(area + at + 2);
		const uint8_t *text = area + at + 4;

		if (name + value > n - at - 4)
			break;
		if (area[at + 1] == INDEX_USER && name == strlen(NAME) &&
		    !memcmp(text, NAME, name)) {
			*size = value;
			return (const char *)text + name;
		}
		at = (at + 4 + name + value + 3) & ~(size_t)3;
	}
	return NULL;
}

/* The attributes of the root folder, allocated; NULL when it has none. */
static uint8_t *read_attributes(int fd, size_t *n)
{
	uint8_t super[48], inode[64], *area;
	uint64_t at;

	if (pread(fd, super, sizeof(super), SUPER_OFFSET) != sizeof(super) || get32(super) != MAGIC)
		return NULL;
	at = ((uint64_t)get32(super + 40) << (super[12] & 31)) + get16(super + 14) * SLOT;
	if (pread(fd, inode, sizeof(inode), at) != sizeof(inode) || !get16(inode + 2))
		return NULL;
	*n = XATTR_HEAD + (get16(inode + 2) - 1) * 4;
	area = allocate(*n);
	if (pread(fd, area, *n, at + (inode[0] & 1 ? 64 : 32)) == (ssize_t)*n)
		return area;
	return NULL;
}

void image_config_read(int fd, struct image_config *c)
{
	const char *text;
	uint8_t *area;
	size_t n;

	*c = (struct image_config){ 0 };
	area = fd < 0 ? NULL : read_attributes(fd, &n);
	text = area ? image_config_find(area, n, &c->size) : NULL;
	if (text && c->size && !text[c->size - 1])
		c->text = text;
	close(fd);
}

const char *image_config_next(const struct image_config *c, const char *key, const char *last)
{
	const char *p = last ? last + strlen(last) + 1 : c->text;
	size_t n = strlen(key);

	for (; p && p < c->text + c->size; p += strlen(p) + 1)
		if (!strncmp(p, key, n) && p[n] == '=')
			return p + n + 1;
	return NULL;
}

char **image_config_command(const struct image_config *c)
{
	static const char *const keys[] = { "Entrypoint", "Cmd" };
	size_t n = 0;
	char **argv;

	for (const char *p = c->text; p && p < c->text + c->size; p += strlen(p) + 1)
		n++;
	argv = allocate((n + 1) * sizeof(*argv));
	n = 0;
	for (size_t k = 0; k < 2; k++)
		for (const char *p = NULL; (p = image_config_next(c, keys[k], p));)
			argv[n++] = (char *)p;
	return n ? argv : NULL;
}
