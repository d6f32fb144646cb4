/* SPDX-License-Identifier: MIT */
/* What the tests of memory share: pages, faults caught, and what /proc says of this process. */
#pragma once
#include <setjmp.h>

#include "abi.h"

#define PAGE 4096UL
#ifndef MADV_POPULATE_READ /* linux/mman.h: younger than the C library */
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

static sigjmp_buf back;
static siginfo_t fault;

static inline void on_fault(int sig, siginfo_t *si, void *context)
{
	fault = *si;
	siglongjmp(back, 1);
}

static inline void catch_faults(void)
{
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK };

	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
}

/* Touches p and says what came of it. base: what the address is told relative to. */
static inline void touch(const char *what, volatile char *p, bool write, const void *base)
{
	catch_faults();
	if (sigsetjmp(back, 1)) {
		say("%s: signal %d code %d at +%#lx", what, fault.si_signo, fault.si_code,
		    (unsigned long)((char *)fault.si_addr - (char *)base));
		return;
	}
	if (write)
		*p = 1;
	else
		(void)*p;
	say("%s: fine", what);
}

static inline char *map(size_t pages, int prot, int flags, int fd)
{
	char *p = mmap(NULL, pages * PAGE, prot, flags, fd, 0);

	if (p == MAP_FAILED)
		say("mmap: %s", errno_name(errno));
	return p;
}

static inline char *anon(size_t pages, int prot)
{
	return map(pages, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

static inline bool all_are(const char *p, size_t n, char c)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != c)
			return false;
	return true;
}

static inline void read_pages(const volatile char *p, size_t pages)
{
	for (size_t i = 0; i < pages; i++)
		(void)p[i * PAGE];
}

static inline void write_pages(volatile char *p, size_t pages)
{
	for (size_t i = 0; i < pages; i++)
		p[i * PAGE] = 'w';
}

/* Limits, and a user whom they bind. */
static inline void limit(int resource, unsigned long value)
{
	struct rlimit r = { value, value };

	if (setrlimit(resource, &r) < 0)
		say("setrlimit: %s", errno_name(errno));
}

static inline void be_nobody(void)
{
	if (getuid() == 0 && setresuid(65534, 65534, 65534) < 0)
		say("setresuid: %s", errno_name(errno));
}

/* A whole file of /proc, in a buffer of its own: reading it must not change what it tells. */
static char proc_text[256 * 1024];

static inline const char *slurp(const char *path)
{
	int fd = open(path, O_RDONLY), n = 0, r = 0;

	while (fd >= 0 && (r = read(fd, proc_text + n, sizeof(proc_text) - 1 - n)) > 0)
		n += r;
	if (fd < 0 || r < 0)
		say("%s: %s", strrchr(path, '/') + 1, errno_name(errno));
	proc_text[n] = 0;
	close(fd);
	return proc_text;
}

/* The number behind "name:" in text; -1 when there is none. */
static inline long field(const char *text, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = text; p && *p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL)
		if (!strncmp(p, name, n) && p[n] == ':')
			return strtol(p + n + 1, NULL, 10);
	return -1;
}

static inline long status_kb(const char *name)
{
	return field(slurp("/proc/self/status"), name);
}
