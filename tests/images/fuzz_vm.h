/* SPDX-License-Identifier: MIT */
/*
 * What the fuzzers of vm's devices share: the input, and stand-ins for the parts of vm that do nothing here.
 * What a device allocates at its start it keeps, so memory is never given back.
 */
#pragma once
#include <stdlib.h>

#include "../../user/vm/vm.h"

static const uint8_t *input, *input_end;

/* A number of the input's next n bytes; 0 where it has ended. */
static uint64_t take_input(unsigned int n)
{
	uint64_t v = 0;

	for (unsigned int i = 0; i < n && input < input_end; i++)
		v |= (uint64_t)*input++ << 8 * i;
	return v;
}

void want_input(void)
{
}

void snapshot_keep(struct kept *k)
{
}

void snapshot_cannot(const char *why)
{
}

void irq_line(struct machine *m, unsigned int irq, bool level)
{
}

void die(int status, const char *fmt, ...)
{
	abort();
}

void *allocate(size_t size)
{
	static uint64_t all[0x10000];
	static size_t taken;

	taken += (size + 7) / 8;
	if (taken > sizeof(all) / sizeof(*all))
		abort();
	return all + taken - (size + 7) / 8;
}

char *copy_text(const char *text, size_t n)
{
	return memcpy(allocate(n + 1), text, n);
}
