/* SPDX-License-Identifier: MIT */
/* sources: kernel/fs/cpio.c */
/* The cpio reader: good archives, concatenated ones, and thousands of damaged ones. */
#include <string.h>

#include "fs/cpio.h"
#include "host.h"

static u8 archive[8192];
static size_t size;

static void put(const char *name, const char *data, size_t n)
{
	size_t len = strlen(name) + 1;

	size += snprintf((char *)archive + size, sizeof(archive) - size,
			 "070701%08x%08x%08x%08x%08x%08x%08zx%08x%08x%08x%08x%08zx%08x", 7, 0100644,
			 1000, 1001, 1, 1234, n, 0, 0, 5, 6, len, 0);
	memcpy(archive + size, name, len);
	size += len;
	while (size % 4)
		archive[size++] = 0;
	memcpy(archive + size, data, n);
	size += n;
	while (size % 4)
		archive[size++] = 0;
}

static void make(void)
{
	memset(archive, 0, sizeof(archive));
	size = 0;
	put("a", "hello", 5);
	put("dir/b", "", 0);
	put("TRAILER!!!", "", 0);
	size += 508; /* zeros, as cpio pads to its block size */
	put("c", "xyz", 3);
	put("TRAILER!!!", "", 0);
}

static void reads_all(void **state)
{
	struct cpio_entry e;
	u64 pos = 0;

	make();
	assert_int_equal(cpio_next(archive, size, &pos, &e), 1);
	assert_string_equal(e.name, "a");
	assert_int_equal(e.size, 5);
	assert_memory_equal(e.data, "hello", 5);
	assert_int_equal(e.mode, 0100644);
	assert_int_equal(e.uid, 1000);
	assert_int_equal(e.gid, 1001);
	assert_int_equal(e.mtime, 1234);
	assert_int_equal(e.rdev_major, 5);
	assert_int_equal(e.rdev_minor, 6);
	assert_int_equal(cpio_next(archive, size, &pos, &e), 1);
	assert_string_equal(e.name, "dir/b");
	assert_int_equal(e.size, 0);
	assert_int_equal(cpio_next(archive, size, &pos, &e), 1);
	assert_string_equal(e.name, "c");
	assert_int_equal(cpio_next(archive, size, &pos, &e), 0);
	assert_int_equal(pos, size);
}

static void refuses_garbage(void **state)
{
	static const u8 elf[] = "\177ELF not an archive";
	struct cpio_entry e;
	u64 pos = 0;

	assert_int_equal(cpio_next(elf, sizeof(elf), &pos, &e), -EINVAL);
	assert_int_equal(cpio_next(elf, 0, (pos = 0, &pos), &e), 0);
	make();
	for (pos = 0; pos < 110; pos++) { /* cut off within the first header */
		u64 at = 0;

		assert_int_equal(cpio_next(archive, pos, &at, &e), pos ? -EINVAL : 0);
	}
}

/* What the reader hands out always lies inside the archive, however it was damaged. */
static void survives_damage(void **state)
{
	for (int round = 0; round < 20000; round++) {
		struct cpio_entry e;
		u64 pos = 0, before = 0, cut;
		u8 *copy;

		make();
		for (u64 n = rnd_below(4) + 1; n; n--)
			archive[rnd_below(size)] =
				rnd_below(3) ? "0123456789abcdef"[rnd_below(16)] : rnd();
		cut = rnd_below(2) ? size : rnd_below(size);
		copy = malloc(cut + 1); /* of exact size, so that ASan sees a byte too far */
		memcpy(copy, archive, cut);
		while (cpio_next(copy, cut, &pos, &e) > 0) {
			assert_true((u8 *)e.name >= copy && (u8 *)e.name < copy + cut);
			assert_true(e.data >= copy && e.data + e.size <= copy + cut);
			assert_true(strlen(e.name) < cut);
			assert_true(pos > before && pos <= cut);
			before = pos;
		}
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_all),
		cmocka_unit_test(refuses_garbage),
		cmocka_unit_test(survives_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
