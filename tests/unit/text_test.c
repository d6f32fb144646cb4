/* SPDX-License-Identifier: MIT */
/* sources: kernel/lib/text.c kernel/lib/strbuf.c */
#include "host.h"
#include "lib/string.h"

static void copy_always_ends(void **state)
{
	char buf[8] = "xxxxxxx";

	assert_int_equal(strscpy(buf, "abc", 4), 0);
	assert_string_equal(buf, "abc");
	assert_int_equal(strscpy(buf, "abcd", 4), -E2BIG);
	assert_string_equal(buf, "abc");
	assert_int_equal(strscpy(buf, "zz", 1), -E2BIG);
	assert_string_equal(buf, "");
	assert_int_equal(strscpy(buf, "", 1), 0);
	buf[0] = 'q';
	assert_int_equal(strscpy(buf, "zz", 0), -E2BIG);
	assert_int_equal(buf[0], 'q');
}

static void numbers(void **state)
{
	static const struct {
		const char *text;
		unsigned int base;
		int err;
		u64 value;
	} cases[] = {
		{ "0", 10, 0, 0 },
		{ "42\n", 10, 0, 42 },
		{ "42\n\n", 10, -EINVAL, 0 },
		{ "18446744073709551615", 10, 0, ~0UL },
		{ "18446744073709551616", 10, -ERANGE, 0 },
		{ "99999999999999999999999999", 10, -ERANGE, 0 },
		{ "99999999999999999999999999x", 10, -EINVAL, 0 },
		{ "", 10, -EINVAL, 0 },
		{ "\n", 10, -EINVAL, 0 },
		{ " 1", 10, -EINVAL, 0 },
		{ "1 ", 10, -EINVAL, 0 },
		{ "-1", 10, -EINVAL, 0 },
		{ "+1", 10, -EINVAL, 0 },
		{ "0x10", 10, -EINVAL, 0 },
		{ "0x10", 0, 0, 16 },
		{ "0X1f", 0, 0, 31 },
		{ "0x", 0, -EINVAL, 0 },
		{ "0xg", 0, -EINVAL, 0 },
		{ "017", 0, 0, 15 },
		{ "018", 0, -EINVAL, 0 },
		{ "0", 0, 0, 0 },
		{ "10", 0, 0, 10 },
		{ "fF", 16, 0, 255 },
		{ "ffffffffffffffff", 16, 0, ~0UL },
		{ "10000000000000000", 16, -ERANGE, 0 },
		{ "755", 8, 0, 0755 },
		{ "8", 8, -EINVAL, 0 },
		{ "1777777777777777777777", 8, 0, ~0UL },
		{ "2000000000000000000000", 8, -ERANGE, 0 },
		{ "1:", 16, -EINVAL, 0 },
		{ "1@", 16, -EINVAL, 0 },
		{ "1\x10", 10, -EINVAL, 0 }, /* 0x30 when forced to lower case */
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		u64 value = 0;

		assert_int_equal(parse_u64(cases[i].text, cases[i].base, &value), cases[i].err);
		assert_int_equal(value, cases[i].value);
	}
}

static void numbers_round_trip(void **state)
{
	static const struct {
		unsigned int base;
		const char *format;
	} forms[] = { { 10, "%lu" }, { 16, "%lx" }, { 16, "%lX" },
		      { 8, "%lo" },  { 0, "%#lx" }, { 0, "%#lo" } };
	char text[32];
	u64 out;

	for (int i = 0; i < 20000; i++) {
		u64 v = rnd() >> rnd_below(64);

		snprintf(text, sizeof(text), forms[i % 6].format, v);
		assert_int_equal(parse_u64(text, forms[i % 6].base, &out), 0);
		assert_int_equal(out, v);
	}
}

static void buffer_grows(void **state)
{
	struct strbuf sb = { 0 };
	char want[4096] = "", piece[64];
	size_t len = 0;

	while (len < 3000) {
		int n = snprintf(piece, sizeof(piece), "%0*lu|", (int)rnd_below(60) + 1,
				 rnd() % 10);

		memcpy(want + len, piece, n + 1);
		len += n;
		switch (rnd_below(3)) {
		case 0:
			sb_printf(&sb, "%s", piece);
			break;
		case 1:
			sb_write(&sb, piece, n);
			break;
		default:
			for (int i = 0; i < n; i++)
				sb_putc(&sb, piece[i]);
		}
		assert_int_equal(sb.len, len);
		assert_string_equal(sb.data, want);
	}
	assert_false(sb.failed);
	sb_free(&sb);
	assert_null(sb.data);
	assert_int_equal(host_live, 0);
}

static void buffer_without_memory(void **state)
{
	struct strbuf sb = { 0 };

	host_fail_after = 1;
	sb_printf(&sb, "%s", "kept");
	sb_printf(&sb, "%1000d", 1); /* needs more: refused as a whole */
	assert_true(sb.failed);
	sb_printf(&sb, "after");
	sb_write(&sb, "after", 5);
	assert_int_equal(sb.len, 4);
	assert_string_equal(sb.data, "kept");
	host_fail_after = -1;
	sb_free(&sb);
	sb_write(&sb, "x", SIZE_MAX); /* a hostile length, before a byte of it is read */
	assert_true(sb.failed);
	sb_free(&sb);
	assert_int_equal(host_live, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copy_always_ends),      cmocka_unit_test(numbers),
		cmocka_unit_test(numbers_round_trip),    cmocka_unit_test(buffer_grows),
		cmocka_unit_test(buffer_without_memory),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
