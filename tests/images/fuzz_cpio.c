/* SPDX-License-Identifier: MIT */
/* sources: kernel/fs/cpio.c tests/unit/host.c */
/* The cpio reader on any bytes: what it hands out lies inside the archive. */
#include <string.h>

#include "fs/cpio.h"
#include "host.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t n);
int LLVMFuzzerTestOneInput(const u8 *data, size_t n)
{
	u64 pos = 0, before = 0;
	struct cpio_entry e;
	volatile u8 last = 0;

	while (cpio_next(data, n, &pos, &e) > 0) {
		if (pos <= before || pos > n || strlen(e.name) > n)
			abort();
		before = pos;
		if (e.size)
			last = e.data[e.size - 1];
	}
	(void)last;
	return 0;
}
