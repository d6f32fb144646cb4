/* SPDX-License-Identifier: MIT */
/* Strict JSON (RFC 8259) as a tree: nothing that is not JSON is taken, no name is taken twice. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };
struct json {
	enum json_type type;
	const char *key; /* in an object, or NULL */
	const char *text; /* of a string, UTF-8 */
	bool whole; /* a number of 64 bits without '.' and 'e': */
	bool big; /* it is more than INT64_MAX: number as uint64_t is it */
	int64_t number; /* its value; of a bool: 0, 1 */
	struct json *parent, *child, *next; /* child: the first member */
};
/*
 * The tree of a NUL-terminated text, which it changes and refers to, in `node`: as many as json_count()
 * says: the first is the root.
 * NULL: *at is the offset of what is wrong, and *what says it.
 */
size_t json_count(const char *text); /* of values, at most */
struct json *json_parse(char *text, struct json *node, size_t *at, const char **what);
/* The member `key` of an object, or NULL (also when j is NULL or no object). */
const struct json *json_get(const struct json *j, const char *key);
