/* SPDX-License-Identifier: MIT */
/* The kernel's printf against the C library's, over random specifications and arguments. */
#include <stdio.h>
#include <string.h>

#include "host.h"

#define snprintf k_snprintf
#define vsnprintf k_vsnprintf
#include "../../kernel/lib/printf.c"
#undef snprintf
#undef vsnprintf

/* Both print, into a buffer of `size`; text and length must agree. */
#define check(size, fmt, ...)                                                                      \
	do {                                                                                       \
		char want[512], got[512];                                                          \
		int w, g;                                                                          \
		memset(want, '!', sizeof(want));                                                   \
		memset(got, '!', sizeof(got));                                                     \
		w = snprintf(want, size, fmt, __VA_ARGS__);                                        \
		g = k_snprintf(got, size, fmt, __VA_ARGS__);                                       \
		if (w != g || memcmp(want, got, sizeof(want)))                                     \
			fail_msg("format '%s' size %zu: want %d '%.99s', got %d '%.99s'", fmt,     \
				 (size_t)(size), w, want, g, got);                                 \
	} while (0)

/* What the compiler would warn of is what is tested. */
#pragma GCC diagnostic ignored "-Wformat"
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wformat-overflow"
#pragma GCC diagnostic ignored "-Wformat-truncation"
#endif

static void random_spec(char *spec, const char *length, char kind)
{
	char flags[8], width[8] = "", precision[8] = "";
	int n = 0;

	if (rnd_below(3) == 0)
		flags[n++] = '-';
	if (rnd_below(3) == 0 && !strchr("sc", kind)) /* undefined in C for these */
		flags[n++] = '0';
	if (rnd_below(3) == 0 && strchr("xXo", kind))
		flags[n++] = '#';
	if (rnd_below(3) == 0 && kind == 'd')
		flags[n++] = '+';
	flags[n] = '\0';
	if (rnd() & 1)
		snprintf(width, sizeof(width), "%d", (int)rnd_below(40));
	if (rnd_below(3) == 0 && kind != 'c')
		snprintf(precision, sizeof(precision), ".%d", (int)rnd_below(30));
	snprintf(spec, 64, "<%%%s%s%s%s%c>", flags, width, precision, length, kind);
}

static void integers(void **state)
{
	static const char kinds[] = "diuxXo";
	static const char *const lengths[] = { "", "l", "ll", "z", "h", "hh" };
	char spec[64];

	for (int i = 0; i < 100000; i++) {
		const char *length = lengths[rnd_below(ARRAY_SIZE(lengths))];
		u64 v = rnd() >> rnd_below(64);
		size_t size = rnd_below(4) ? 512 : rnd_below(20);

		if (rnd_below(8) == 0)
			v = -v;
		if (rnd_below(16) == 0)
			v = 0;
		random_spec(spec, length, kinds[rnd_below(6)]);
		if (*length == 'l' || *length == 'z')
			check(size, spec, v);
		else
			check(size, spec, (unsigned int)v);
	}
}

static void strings_and_letters(void **state)
{
	char spec[64], text[48];

	for (int i = 0; i < 20000; i++) {
		size_t n = rnd_below(sizeof(text)), size = rnd_below(4) ? 512 : rnd_below(20);

		memset(text, 'a' + i % 26, n);
		text[n] = '\0';
		random_spec(spec, "", 's');
		check(size, spec, text);
		check(size, "%c%%%-5c|%3c", 'x', (int)(text[0] | 1), 'z');
	}
}

static void stars(void **state)
{
	for (int width = -20; width <= 20; width++)
		for (int precision = -2; precision < 12; precision++) {
			check(512, "[%*.*s]", width, precision, "dyad kernel");
			check(512, "[%*d|%-*lx]", width, precision, width, (long)precision);
		}
	check(512, "%*c|", -4, 'x');
	check(0, "%d", 5);
	check(1, "%d", 5);
	check(512, "%s", "");
	check(512, "%d%i%u", 1, -2, 3U);
}

static void pointers_and_nulls(void **state)
{
	char buf[64];

	check(512, "%p", (void *)0xffffffff80100000UL);
	k_snprintf(buf, sizeof(buf), "%s", (char *)NULL);
	assert_string_equal(buf, "(null)");
	k_snprintf(buf, sizeof(buf), "100%");
	assert_string_equal(buf, "100");
}

/* A string that is not ended is read no further than its precision. */
static void precision_bounds_reading(void **state)
{
	char *raw = malloc(5), buf[16];

	memset(raw, 'r', 5);
	assert_int_equal(k_snprintf(buf, sizeof(buf), "%.5s", raw), 5);
	assert_string_equal(buf, "rrrrr");
	free(raw);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers),
		cmocka_unit_test(strings_and_letters),
		cmocka_unit_test(stars),
		cmocka_unit_test(pointers_and_nulls),
		cmocka_unit_test(precision_bounds_reading),
	};

	return cmocka_run_group_tests_name("printf", tests, NULL, NULL);
}
