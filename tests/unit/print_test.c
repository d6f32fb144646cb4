/* SPDX-License-Identifier: MIT */
/* sources: user/common/print.c */
/* The formatted text of ctr and vm, against that of the C library. */
#include <stdio.h>

#include "host.h"
#include "lib/string.h"
#include "../../user/common/common.h"

#define SAME(...)                                                                                  \
	do {                                                                                       \
		char ours[64], theirs[64];                                                         \
		assert_int_equal(format(ours, sizeof(ours), __VA_ARGS__),                          \
				 snprintf(theirs, sizeof(theirs), __VA_ARGS__));                   \
		assert_string_equal(ours, theirs);                                                 \
	} while (0)

static void as_the_library(void **state)
{
	SAME("%d %d %d", 0, -1, 2147483647);
	SAME("%u|%x|%lld|%llu|%zu", -1U, 0xbeefU, -1LL - 9223372036854775807LL, ~0ULL, sizeof(int));
	SAME("%04x %02d %0*d", 0xaU, 7, 3, 5);
	SAME("%s|%5s|%-5s|%-*s|", "a", "b", "c", 3, "d");
	SAME("%.2s|%.*s|%-4.1s|%c%%", "abc", 1, "xyz", "pq", 'z');
}

static void cut_short(void **state)
{
	char buf[4] = "xxx";

	assert_int_equal(format(buf, sizeof(buf), "%d", 12345), 5);
	assert_string_equal(buf, "123");
	assert_int_equal(format(buf, 0, "%d", 9), 1);
	assert_string_equal(buf, "123");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_the_library),
		cmocka_unit_test(cut_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
