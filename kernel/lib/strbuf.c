/* SPDX-License-Identifier: MIT */
/*
 * A text buffer that grows by doubling. data, once there, always ends with a NUL that len does not
 * count. When memory runs out, failed is set, and what is held stays valid.
 */
#include "lib/alloc.h"
#include "lib/string.h"

#define STRBUF_FIRST 256

/* Room for n more characters and the NUL. */
static bool reserve(struct strbuf *sb, size_t n)
{
	size_t need, cap = sb->cap ? sb->cap : STRBUF_FIRST;
	char *data;

	if (sb->failed || __builtin_add_overflow(sb->len, n + 1, &need) || need <= n)
		goto fail;
	if (need <= sb->cap)
		return true;
	while (cap < need)
		if (__builtin_add_overflow(cap, cap, &cap))
			goto fail;
	data = kmalloc(cap);
	if (!data)
		goto fail;
	if (sb->len)
		memcpy(data, sb->data, sb->len);
	data[sb->len] = '\0';
	kfree(sb->data);
	sb->data = data;
	sb->cap = cap;
	return true;
fail:
	sb->failed = true;
	return false;
}

void sb_printf(struct strbuf *sb, const char *fmt, ...)
{
	va_list ap;
	size_t room = sb->failed ? 0 : sb->cap - sb->len;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(room ? sb->data + sb->len : NULL, room, fmt, ap);
	va_end(ap);
	if (n < 0 || !reserve(sb, n)) {
		if (room)
			sb->data[sb->len] = '\0';
		return;
	}
	if ((size_t)n >= room) {
		va_start(ap, fmt);
		vsnprintf(sb->data + sb->len, (size_t)n + 1, fmt, ap);
		va_end(ap);
	}
	sb->len += n;
}

void sb_write(struct strbuf *sb, const void *data, size_t n)
{
	if (!n || !reserve(sb, n))
		return;
	memcpy(sb->data + sb->len, data, n);
	sb->len += n;
	sb->data[sb->len] = '\0';
}

void sb_putc(struct strbuf *sb, char c)
{
	sb_write(sb, &c, 1);
}

void sb_free(struct strbuf *sb)
{
	kfree(sb->data);
	*sb = (struct strbuf){ 0 };
}
