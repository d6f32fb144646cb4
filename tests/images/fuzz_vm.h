/* SPDX-License-Identifier: MIT */
/*
 * What the fuzzers of vm's devices share: the input, and stand-ins for the parts of vm that do nothing here.
 * What a device allocates at its start it keeps, so memory is never given back.
 */
#pragma once
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* ---- the machine's state as a snapshot has it ---- */

static struct kept kept[64];
static unsigned int nr_kept;
#define RESTORE 0xff /* of a step's first byte */

void snapshot_add(const struct kept *k)
{
	if (nr_kept == sizeof(kept) / sizeof(*kept))
		abort();
	kept[nr_kept++] = *k;
}

static bool restore_all(struct machine *m)
{
	bool good = true;

	for (struct kept *k = kept; k < kept + nr_kept; k++)
		good &= !k->restored || !k->restored(m, k);
	return good;
}

/* The machine goes on from a file, of which the input says a part. One that is refused is as it was. */
static inline void restore(struct machine *m)
{
	struct kept *k = &kept[take_input(1) % nr_kept];
	uint8_t *data, *before;

	for (struct kept *o = kept; o < kept + nr_kept; o++)
		if (o->saving && o->saving(o))
			return;
	data = k->data;
	before = malloc(k->size);
	memcpy(before, data, k->size);
	for (size_t at = take_input(2), n = take_input(1) % 64; n && at < k->size; at++, n--)
		data[at] = take_input(1);
	if (!restore_all(m))
		memcpy(data, before, k->size);
	free(before);
}

/* The next input finds the machine as the first one did. */
static inline void as_created(struct machine *m)
{
	static uint8_t first[1 << 20];
	static bool known;
	uint8_t *at = first;

	for (struct kept *k = kept; k < kept + nr_kept; at += k->size, k++)
		memcpy(known ? k->data : at, known ? at : k->data, k->size);
	if (known)
		restore_all(m);
	known = true;
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

int format(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return n;
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
