/* SPDX-License-Identifier: MIT */
/*
 * The memory and string functions that the compiler and everybody else call. Bulk work goes by
 * 8-byte string instructions: real CPUs run them in microcode, a cache line at a time, and
 * emulators spend an eighth of the steps that the byte forms cost. No vector registers: the
 * kernel's own code never touches the FPU state of the thread it interrupted. KASan checks the whole
 * range of the memory functions at once, and sees nothing of what is inside.
 */
#include "lib/kasan.h"
#include "lib/string.h"

#ifndef DYAD_HOST
#undef memcpy
#undef memset
#undef memcmp
#undef strlen
#endif

#define ONES 0x0101010101010101UL

typedef u64 __attribute__((may_alias, aligned(1))) word_t;
typedef u32 __attribute__((may_alias, aligned(1))) half_t;

static __no_kasan u64 load(const void *p)
{
	return *(const word_t *)p;
}
static __no_kasan void store(void *p, u64 v)
{
	*(word_t *)p = v;
}

/* Up to 16 bytes: everything is read before anything is written, so an overlap is harmless. */
static __no_kasan void copy_small(u8 *d, const u8 *s, size_t n)
{
	if (n >= 8) {
		u64 head = load(s), tail = load(s + n - 8);

		store(d, head);
		store(d + n - 8, tail);
	} else if (n >= 4) {
		u32 head = *(const half_t *)s, tail = *(const half_t *)(s + n - 4);

		*(half_t *)d = head;
		*(half_t *)(d + n - 4) = tail;
	} else if (n) {
		u8 first = s[0], middle = s[n / 2], last = s[n - 1];

		d[0] = first;
		d[n / 2] = middle;
		d[n - 1] = last;
	}
}

/* The last, possibly ragged, 8 bytes are stored first: then whole words do for the rest. */
__no_kasan void *memcpy(void *dst, const void *src, size_t n)
{
	void *d = dst;
	size_t words = n / 8;
	u64 tail;

	kasan_read(src, n);
	kasan_write(dst, n);
	if (n <= 16) {
		copy_small(dst, src, n);
		return dst;
	}
	tail = load((const u8 *)src + n - 8);
	__asm__ volatile("rep movsq" : "+D"(d), "+S"(src), "+c"(words) : : "memory");
	store((u8 *)dst + n - 8, tail);
	return dst;
}

__no_kasan void *memmove(void *dst, const void *src, size_t n)
{
	u8 *d = dst;
	const u8 *s = src;
	u64 head;

	if (n <= 16 || (size_t)(d - s) < n) {
		kasan_read(src, n);
		kasan_write(dst, n);
	}
	if (n <= 16) {
		copy_small(d, s, n);
		return dst;
	}
	if ((size_t)(d - s) >= n) /* below the source, or past its end: upwards is right */
		return memcpy(dst, src, n);
	/* Downwards with plain loads: string instructions with the direction flag set are slow. */
	head = load(s);
	for (; n > 8; n -= 8) {
		store(d + n - 8, load(s + n - 8));
		barrier(); /* or the compiler sees memmove() in here and calls it */
	}
	store(d, head);
	return dst;
}

__no_kasan void *memset(void *dst, int c, size_t n)
{
	u64 fill = (u8)c * ONES;
	u8 *d = dst;
	void *p = dst;
	size_t words = n / 8;

	kasan_write(dst, n);
	if (n < 8) {
		while (n)
			((volatile u8 *)d)[--n] = (u8)c;
		return dst;
	}
	__asm__ volatile("rep stosq" : "+D"(p), "+c"(words) : "a"(fill) : "memory");
	store(d + n - 8, fill);
	return dst;
}

__no_kasan int memcmp(const void *a, const void *b, size_t n)
{
	const u8 *x = a, *y = b;

	kasan_read(a, n);
	kasan_read(b, n);
	for (; n >= 8 && load(x) == load(y); n -= 8) {
		x += 8;
		y += 8;
	}
	for (; n; n--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}

void *memchr(const void *s, int c, size_t n)
{
	const u8 *p = s;

	for (; n; n--, p++)
		if (*p == (u8)c)
			return (void *)p;
	return NULL;
}

size_t strlen(const char *s)
{
	const char *p = s;

	while (READ_ONCE(*p)) /* volatile: or the compiler sees strlen() in here and calls it */
		p++;
	return (size_t)(p - s);
}

size_t strnlen(const char *s, size_t max)
{
	size_t n = 0;

	while (n < max && s[n])
		n++;
	return n;
}

int strcmp(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return (u8)*a - (u8)*b;
}

int strncmp(const char *a, const char *b, size_t n)
{
	for (; n; n--, a++, b++)
		if (*a != *b || !*a)
			return (u8)*a - (u8)*b;
	return 0;
}

char *strchr(const char *s, int c)
{
	for (;; s++) {
		if (*s == (char)c)
			return (char *)s;
		if (!*s)
			return NULL;
	}
}

char *strrchr(const char *s, int c)
{
	const char *found = NULL;

	for (;; s++) {
		if (*s == (char)c)
			found = s;
		if (!*s)
			return (char *)found;
	}
}

char *strstr(const char *s, const char *what)
{
	size_t n = strlen(what);

	if (!n)
		return (char *)s;
	for (; (s = strchr(s, *what)); s++)
		if (!strncmp(s, what, n))
			return (char *)s;
	return NULL;
}
