/* SPDX-License-Identifier: MIT */
/* The kernel's services for sources that run on the host; see host.h. */
#include <string.h>
#include <time.h>

#include "host.h"
#include "lib/printk.h"

long host_live;
long host_fail_after = -1;
unsigned int host_warnings;

static bool refused(void)
{
	if (host_fail_after == 0)
		return true;
	if (host_fail_after > 0)
		host_fail_after--;
	return false;
}

/* What comes back is never zero by chance: code that counts on it shall be seen. */
void *kmalloc(size_t size)
{
	void *p = refused() ? NULL : malloc(size ? size : 1);

	if (!p)
		return NULL;
	host_live++;
	return memset(p, 0xa5, size);
}

void *kzalloc(size_t size)
{
	void *p = kmalloc(size);

	return p ? memset(p, 0, size) : NULL;
}

void kfree(const void *p)
{
	host_live -= p != NULL;
	free((void *)p);
}

char *kstrdup(const char *s)
{
	return kmemdup(s, strlen(s) + 1);
}

void *kmemdup(const void *p, size_t n)
{
	void *copy = kmalloc(n);

	return copy ? memcpy(copy, p, n) : NULL;
}

void *page_alloc(size_t size)
{
	size_t rounded = 4096;
	void *p;

	while (rounded < size)
		rounded *= 2;
	p = refused() ? NULL : aligned_alloc(rounded, rounded);
	if (!p)
		return NULL;
	host_live++;
	return memset(p, 0, rounded);
}

void page_free(void *p, size_t size)
{
	(void)size;
	host_live -= p != NULL;
	free(p);
}

void printk(int level, const char *fmt, ...)
{
	va_list ap;

	if (level > LOG_ERR)
		return;
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

void warn_at(const char *file, int line, const char *fmt, ...)
{
	host_warnings++;
}

void panic_at(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "PANIC: %s:%d: ", file, line);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	abort();
}

/* splitmix64 */
u64 rnd(void)
{
	static u64 state;
	static bool seeded;
	u64 z;

	if (!seeded) {
		const char *given = getenv("UNIT_SEED");

		state = given ? strtoull(given, NULL, 0) : (u64)time(NULL);
		printf("# UNIT_SEED=%llu\n", (unsigned long long)state);
		fflush(stdout);
		seeded = true;
	}
	z = (state += 0x9e3779b97f4a7c15UL);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9UL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebUL;
	return z ^ (z >> 31);
}
