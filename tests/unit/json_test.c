/* SPDX-License-Identifier: MIT */
/* sources: user/ctr/json.c */
#include <stdio.h>
#include <stdlib.h>

#include "host.h"
#include "lib/string.h"
#include "../../user/ctr/json.h"

static char text[65536];
static struct json nodes[8192];

static struct json *parse(const char *from)
{
	const char *what;
	size_t at;

	snprintf(text, sizeof(text), "%s", from);
	assert_true(json_count(text) <= sizeof(nodes) / sizeof(*nodes));
	return json_parse(text, nodes, &at, &what);
}

static void values(void **state)
{
	struct json *j = parse(
		" {\"a\" : [1, -20, true, null, 1.5e3, 18446744073709551616, 18446744073709551615],"
		"\"b\":{\"c\\u00e9\\n\":\"\\ud83d\\ude00\\/x\"}} \n");
	const struct json *a = json_get(j, "a")->child, *b = json_get(j, "b");

	assert_int_equal(a->number, 1);
	assert_true(a->whole && a->type == JSON_NUMBER);
	assert_int_equal(a->next->number, -20);
	assert_true(a->next->next->type == JSON_BOOL && a->next->next->number == 1);
	assert_int_equal(a->next->next->next->type, JSON_NULL);
	assert_false(a->next->next->next->next->whole);
	a = a->next->next->next->next->next;
	assert_false(a->whole);
	assert_true(a->next->whole && a->next->big && a->next->number == -1);
	assert_ptr_equal(b->child->parent, b);
	assert_string_equal(json_get(b, "c\xc3\xa9\n")->text, "\xf0\x9f\x98\x80/x");
	assert_null(json_get(b, "c"));
	assert_null(json_get(NULL, "c"));
}

static void refused(void **state)
{
	static const char *const bad[] = {
		"",
		"{",
		"[1 2]",
		"[1,]",
		"{\"a\":1,}",
		"{\"a\" 1}",
		"{a:1}",
		"{\"a\":}",
		"01",
		"-",
		"1.",
		"1e",
		"+1",
		"nul",
		"'x'",
		"\"x",
		"\"\t\"",
		"\"\\x\"",
		"\"\\u12\"",
		"\"\\u0000\"",
		"\"\\ud800\"",
		"\"\\ud800\\u0041\"",
		"[] []",
		"{\"a\":1,\"a\":2}",
		"\"\\u00\x1a\x1a\"",
		"]",
		"\"\\",
		"\"\\u",
		"\"\\u00",
		"{]",
		"[}",
		"truefalse",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		size_t size = strlen(bad[i]) + 1;
		char *copy = malloc(size); /* the sanitizer sees a step behind its end */
		const char *what;
		size_t at;

		memcpy(copy, bad[i], size);
		if (json_parse(copy, nodes, &at, &what))
			fail_msg("taken: %s", bad[i]);
		assert_true(at < size);
		free(copy);
	}
}

static void depth_and_place(void **state)
{
	char deep[200] = "";
	const char *what;
	size_t at;
	struct json *j;

	memset(deep, '[', 64);
	memset(deep + 64, ']', 64);
	j = parse(deep);
	assert_non_null(j);
	memset(deep, '[', 65);
	memset(deep + 65, ']', 65);
	assert_null(parse(deep));
	snprintf(text, sizeof(text), "{\"a\": 1,\n \"b\" 2}");
	assert_null(json_parse(text, nodes, &at, &what));
	assert_int_equal(at, 14);
	assert_string_equal(what, "':' is missing");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values),
		cmocka_unit_test(refused),
		cmocka_unit_test(depth_and_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
