/* SPDX-License-Identifier: MIT */
/* The string functions against the C library's. They are renamed here: both are in one program. */
#include <string.h>

#include "host.h"

#define memcpy k_memcpy
#define memmove k_memmove
#define memset k_memset
#define memcmp k_memcmp
#define memchr k_memchr
#define strlen k_strlen
#define strnlen k_strnlen
#define strcmp k_strcmp
#define strncmp k_strncmp
#define strchr k_strchr
#define strrchr k_strrchr
#define strstr k_strstr
#include "../../kernel/lib/string.c"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef memchr
#undef strlen
#undef strnlen
#undef strcmp
#undef strncmp
#undef strchr
#undef strrchr
#undef strstr

#define ROOM 640

static int sign(int v)
{
	return (v > 0) - (v < 0);
}

static void fill(u8 *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (u8)rnd();
}

/* Every length up to 300 with shifting alignment; nothing outside is touched. */
static void copies_equal_libc(void **state)
{
	u8 src[ROOM], want[ROOM], got[ROOM];

	for (size_t n = 0; n < 300; n++) {
		size_t from = rnd_below(64), to = rnd_below(64);

		fill(src, ROOM);
		fill(want, ROOM);
		memcpy(got, want, ROOM);
		memcpy(want + to, src + from, n);
		assert_ptr_equal(k_memcpy(got + to, src + from, n), got + to);
		assert_memory_equal(got, want, ROOM);
		memset(want + from, (int)n, n);
		assert_ptr_equal(k_memset(got + from, (int)n, n), got + from);
		assert_memory_equal(got, want, ROOM);
	}
}

static void moves_overlap(void **state)
{
	u8 want[ROOM], got[ROOM];

	for (int i = 0; i < 20000; i++) {
		size_t n = rnd_below(i % 2 ? 40 : 300), from = rnd_below(300), to;

		to = i % 3 ? rnd_below(300) : from + rnd_below(20);
		fill(want, ROOM);
		memcpy(got, want, ROOM);
		memmove(want + to, want + from, n);
		assert_ptr_equal(k_memmove(got + to, got + from, n), got + to);
		assert_memory_equal(got, want, ROOM);
	}
}

static void compares_equal_libc(void **state)
{
	u8 a[64], b[64];

	for (int i = 0; i < 20000; i++) {
		size_t n = rnd_below(sizeof(a));

		fill(a, sizeof(a));
		memcpy(b, a, sizeof(a));
		if (rnd() & 1)
			b[rnd_below(sizeof(b))] ^= 1U << rnd_below(8);
		assert_int_equal(sign(k_memcmp(a, b, n)), sign(memcmp(a, b, n)));
		assert_ptr_equal(k_memchr(a, b[0], n), memchr(a, b[0], n));
	}
}

/* Strings of two letters, so that matches, half matches and repeats are frequent. */
static void strings_equal_libc(void **state)
{
	for (int i = 0; i < 20000; i++) {
		char a[24], b[24];
		size_t la = rnd_below(sizeof(a)), lb = rnd_below(i % 2 ? 4 : sizeof(b));
		size_t n = rnd_below(30);
		int c = i % 5 ? 'a' : 0;

		for (size_t k = 0; k < la; k++)
			a[k] = rnd() & 1 ? 'a' : (char)0xe1;
		for (size_t k = 0; k < lb; k++)
			b[k] = rnd() & 1 ? 'a' : (char)0xe1;
		a[la] = b[lb] = '\0';
		assert_int_equal(k_strlen(a), la);
		assert_int_equal(k_strnlen(a, n), strnlen(a, n));
		assert_int_equal(sign(k_strcmp(a, b)), sign(strcmp(a, b)));
		assert_int_equal(sign(k_strncmp(a, b, n)), sign(strncmp(a, b, n)));
		assert_ptr_equal(k_strchr(a, c), strchr(a, c));
		assert_ptr_equal(k_strrchr(a, c), strrchr(a, c));
		assert_ptr_equal(k_strstr(a, b), strstr(a, b));
	}
}

/* Exact heap sizes: AddressSanitizer sees one byte too many. */
static void reads_stay_inside(void **state)
{
	for (size_t n = 1; n < 80; n++) {
		u8 *a = malloc(n), *b = malloc(n);

		fill(a, n);
		k_memcpy(b, a, n);
		assert_int_equal(k_memcmp(a, b, n), 0);
		k_memmove(b, a, n);
		k_memset(a, 'x', n);
		assert_int_equal(k_strnlen((char *)a, n), n);
		a[n - 1] = '\0';
		assert_int_equal(k_strlen((char *)a), n - 1);
		free(a);
		free(b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies_equal_libc),   cmocka_unit_test(moves_overlap),
		cmocka_unit_test(compares_equal_libc), cmocka_unit_test(strings_equal_libc),
		cmocka_unit_test(reads_stay_inside),
	};

	return cmocka_run_group_tests_name("string", tests, NULL, NULL);
}
