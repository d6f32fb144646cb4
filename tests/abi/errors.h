/* SPDX-License-Identifier: MIT */
/* What tests of bad arguments share: raw calls by name, a page before a hole, the kinds of bad address. */
#pragma once
#include <sched.h>
#include <sys/ioctl.h>
#include <time.h>

#include "abi.h"

#define PAGE 4096UL
#define S(name, ...) syscall(SYS_##name, ##__VA_ARGS__)

static char *guarded; /* two pages: the first usable, the second not there */
static unsigned long bad_addresses[8];
static const char *const bad_names[8] = { "null",   "one",        "unmapped", "no access",
					  "kernel", "kernel top", "wraps",    "not canonical" };

static inline void prepare(void)
{
	char *p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	guarded = p;
	munmap(p + PAGE, PAGE);
	mprotect(p + 2 * PAGE, PAGE, PROT_NONE);
	bad_addresses[0] = 0;
	bad_addresses[1] = 1;
	bad_addresses[2] = (unsigned long)p + PAGE;
	bad_addresses[3] = (unsigned long)p + 2 * PAGE;
	bad_addresses[4] = 0xffff888000000000UL;
	bad_addresses[5] = 0xffffffff80000000UL;
	bad_addresses[6] = -8UL;
	bad_addresses[7] = 0x5555000000000000UL;
}

/* The last case of each: the kernel goes on. */
static void after_all_that(void)
{
	char buf[4] = "";
	int p[2];

	R(S(pipe, p));
	R(S(write, p[1], "ok", 2));
	R(S(read, p[0], buf, 3));
	say("%s", buf);
}
