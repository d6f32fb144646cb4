/* SPDX-License-Identifier: MIT */
/* Strings, formatting and parsing. The mem* names are what the compiler itself calls. */
#pragma once
#include "lib/types.h"

void *memcpy(void *dst, const void *src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memchr(const void *s, int c, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
char *strstr(const char *s, const char *what);

/* A constant size becomes a few moves instead of a call. */
#ifndef DYAD_HOST
#define memcpy(dst, src, n) __builtin_memcpy(dst, src, n)
#define memset(dst, c, n) __builtin_memset(dst, c, n)
#define memcmp(a, b, n) __builtin_memcmp(a, b, n)
#define strlen(s) __builtin_strlen(s)
#endif

/* Copies at most size - 1 characters and always ends dst. -E2BIG when src was longer. */
int strscpy(char *dst, const char *src, size_t size);

/*
 * Decimal (base 10), hex (16), octal (8), or by prefix (0). The whole string must be the number;
 * one trailing newline is allowed. 0, -EINVAL, -ERANGE.
 */
int parse_u64(const char *s, unsigned int base, u64 *out);

/*
 * %d %i %u %x %X %o %c %s %p %% with l, ll, z, width (also *), precision for %s, and the flags
 * '-', '0', '#'. No floating point. Returns the length the whole text would have.
 */
int vsnprintf(char *buf, size_t size, const char *fmt, va_list ap);
int snprintf(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);

/* A text buffer that grows; made by the files of /proc, /sys and cgroup2. Zeroed is empty. */
struct strbuf {
	char *data;
	size_t len, cap;
	bool failed; /* out of memory: what came after is missing */
};
void sb_printf(struct strbuf *sb, const char *fmt, ...) __printf(2, 3);
void sb_write(struct strbuf *sb, const void *data, size_t n);
void sb_putc(struct strbuf *sb, char c);
void sb_free(struct strbuf *sb);
