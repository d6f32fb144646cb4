/* SPDX-License-Identifier: MIT */
/* Text from outside, copied and read with its limits checked. */
#include "lib/string.h"

int strscpy(char *dst, const char *src, size_t size)
{
	size_t n;

	if (!size)
		return -E2BIG;
	n = strnlen(src, size);
	if (n == size) {
		memcpy(dst, src, size - 1);
		dst[size - 1] = '\0';
		return -E2BIG;
	}
	memcpy(dst, src, n + 1);
	return 0;
}

static unsigned int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20; /* to lower case */
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return 255;
}

/* What the prefix says; *s moves behind it. A lone "0" is a decimal, "0x" without digits no number. */
static unsigned int base_of(const char **s)
{
	if ((*s)[0] != '0')
		return 10;
	if (((*s)[1] | 0x20) == 'x') {
		*s += 2;
		return 16;
	}
	return 8;
}

int parse_u64(const char *s, unsigned int base, u64 *out)
{
	u64 value = 0;
	bool digits = false, overflow = false;

	if (base == 0)
		base = base_of(&s);
	for (; digit_value(*s) < base; s++) {
		digits = true;
		overflow |= __builtin_mul_overflow(value, base, &value);
		overflow |= __builtin_add_overflow(value, digit_value(*s), &value);
	}
	if (*s == '\n')
		s++;
	if (!digits || *s)
		return -EINVAL;
	if (overflow)
		return -ERANGE;
	*out = value;
	return 0;
}
