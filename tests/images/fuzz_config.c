/* SPDX-License-Identifier: MIT */
/* sources: user/common/config.c */
/* The reader of an image's configuration, on any file: the whole, and the attributes alone. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common.h"

void die(int status, const char *fmt, ...)
{
	abort();
}

static char area[1 << 22]; /* the largest attributes, and a pointer to each of their lines */
static size_t taken; /* of it, by one input */

void *allocate(size_t size)
{
	char *p = area + taken;

	taken += (size + 15) & ~15UL;
	if (taken > sizeof(area))
		abort();
	return memset(p, 0, size);
}

static size_t take(const struct image_config *c)
{
	static const char *const keys[] = { "Env", "User", "" };
	char **argv = image_config_command(c);
	size_t n = 0;

	for (size_t k = 0; k < 3; k++)
		for (const char *p = NULL; (p = image_config_next(c, keys[k], p));)
			n += strlen(p);
	for (char **a = argv; a && *a; a++)
		n += strlen(*a);
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static int fd = -1;
	struct image_config c;

	if (fd < 0)
		fd = memfd_create("image", 0);
	if (ftruncate(fd, 0) || pwrite(fd, data, n, 0) != (ssize_t)n)
		abort();
	taken = 0;
	image_config_read(dup(fd), &c);
	take(&c);
	c.text = image_config_find(data, n, &c.size);
	if (c.text && c.size && !c.text[c.size - 1])
		take(&c);
	return 0;
}
