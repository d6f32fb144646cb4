/* SPDX-License-Identifier: MIT */
/*
 * Bugs of ring 0, one of each kind that a build with SAN=1 must report. Only such a build has them:
 * a name written to /proc/dyad/selftest runs one. tests/system/san.py says what must be reported.
 */
#include "proc/proc.h"

static u8 global_bytes[13];
static volatile size_t unknown; /* what the compiler must not see through */

static void heap_out_of_bounds(void)
{
	u8 *p = kmalloc(20);

	WRITE_ONCE(p[20 + unknown], 1);
	kfree(p);
}

static void heap_memset(void)
{
	u8 *p = kmalloc(100);

	memset(p, 1, 101 + unknown);
	kfree(p);
}

static void use_after_free(void)
{
	u32 *p = kmalloc(64);

	kfree(p);
	kfree(kmalloc(64)); /* a fresh object of the size is another one */
	(void)READ_ONCE(p[3 + unknown]);
}

static void double_free(void)
{
	void *p = kmalloc(64);

	kfree(p);
	kfree(p);
}

static void freed_frame(void)
{
	u64 *p = page_alloc(PAGE_SIZE);

	page_free(p, PAGE_SIZE);
	(void)READ_ONCE(p[7 + unknown]);
}

static void stack_out_of_bounds(void)
{
	u8 bytes[10];

	memset(bytes, 0, sizeof(bytes));
	(void)READ_ONCE(bytes[10 + unknown]);
}

static void stack_after_scope(void)
{
	volatile u64 *p;

	{
		volatile u64 inner = unknown;

		p = &inner;
	}
	(void)*p;
}

static void global_out_of_bounds(void)
{
	u8 *volatile p = global_bytes; /* or UBSan is first */

	(void)READ_ONCE(p[13]);
}

static void wild_pointer(void)
{
	kasan_read((void *)(IOREMAP_BASE + (1UL << 29) + unknown), 8);
}

static void shift_too_far(void)
{
	unknown = 1U << (32 + unknown) ? 0 : 0;
}

static void index_out_of_bounds(void)
{
	u8 bytes[32] = { 0 };
	volatile int i = 33 + unknown; /* KASan would not see it where no red zone is */

	unknown = bytes[i] ? 0 : 0;
}

static const struct selftest {
	const char *name;
	void (*fn)(void);
} tests[] = {
#define TEST(fn)                                                                                   \
	{                                                                                          \
#fn, fn                                                                            \
	}
	TEST(heap_out_of_bounds), TEST(heap_memset),          TEST(use_after_free),
	TEST(double_free),        TEST(freed_frame),          TEST(stack_out_of_bounds),
	TEST(stack_after_scope),  TEST(global_out_of_bounds), TEST(wild_pointer),
	TEST(shift_too_far),      TEST(index_out_of_bounds),
};

static int show(struct strbuf *out, void *priv)
{
	for (size_t i = 0; i < ARRAY_SIZE(tests); i++)
		sb_printf(out, "%s\n", tests[i].name);
	return 0;
}

static ssize_t run(void *priv, char *buf, size_t n)
{
	for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {
		size_t len = strlen(tests[i].name);

		if (strncmp(buf, tests[i].name, len) || strcmp(buf + len, "\n"))
			continue;
		tests[i].fn();
		return n;
	}
	return -EINVAL;
}

static void selftest_init(void)
{
	static const struct pseudo_file file = {
		.name = "dyad/selftest", .mode = 0600, .show = show, .write = run
	};

	procfs_add(&file, NULL);
}
layer_initcall(selftest_init);
