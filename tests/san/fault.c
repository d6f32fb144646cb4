/* SPDX-License-Identifier: MIT */
/*
 * Allocations that fail on demand, in builds with SAN=1: a number N written to /proc/dyad/fail-nth makes
 * the Nth allocation of the writing thread fail from then on; it reads as how many are still to go, 0
 * once it has failed. Children begin with their parent's number. tests/guest/fault.c uses it.
 */
#include "proc/proc.h"

static int show(struct strbuf *out, void *priv)
{
	u32 left = current_thread()->fail_nth;

	current_thread()->fail_nth = 0; /* what shows it is not to fail */
	sb_printf(out, "%u\n", left);
	return 0;
}

static ssize_t write(void *priv, char *buf, size_t n)
{
	u64 nth;

	if (parse_u64(buf, 10, &nth) || nth > UINT32_MAX)
		return -EINVAL;
	current_thread()->fail_nth = nth;
	return n;
}

static void fault_init(void)
{
	static const struct pseudo_file file = {
		.name = "dyad/fail-nth", .mode = 0666, .show = show, .write = write
	};

	procfs_add(&file, NULL);
}
layer_initcall(fault_init);
