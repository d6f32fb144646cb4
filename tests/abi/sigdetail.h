/* SPDX-License-Identifier: MIT */
/* What tests of signals share: handlers and masks in a line, the kernel's own struct sigaction. */
#pragma once
#include "abi.h"

#include <time.h>

struct ksa { /* the kernel's struct sigaction */
	void *handler;
	unsigned long flags;
	void *restorer;
	uint64_t mask;
};

static inline void on(int sig, void *fn, int flags)
{
	struct sigaction sa = { .sa_flags = flags };

	sa.sa_sigaction = fn;
	sigaction(sig, &sa, NULL);
}

static inline void block(int how, int sig)
{
	sigset_t s;

	sigemptyset(&s);
	sigaddset(&s, sig);
	sigprocmask(how, &s, NULL);
}

static inline void nap(long ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

static volatile int hits;
static inline void count(int sig)
{
	hits++;
}
