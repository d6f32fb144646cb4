/* SPDX-License-Identifier: MIT */
/* sources: user/ctr/json.c */
/* The reader of a bundle's config.json: any bytes, in a buffer that ends where they do. */
#include <stdlib.h>
#include <string.h>

#include "../../user/ctr/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text = malloc(n + 1);
	struct json *node;
	const char *what;
	size_t at;

	if (!text)
		return 0;
	memcpy(text, data, n);
	text[n] = 0;
	node = calloc(json_count(text), sizeof(*node));
	if (node)
		json_parse(text, node, &at, &what);
	if (node && at > n)
		abort();
	free(node);
	free(text);
	return 0;
}
