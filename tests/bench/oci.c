/* SPDX-License-Identifier: MIT */
/* Debian's crun starts a container from the bundle in the current folder, and waits for its end. */
#include "bench.h"

static uint64_t crun_batch(unsigned int n)
{
	static char *const argv[] = { "/usr/bin/crun", "run", "c", NULL };

	return time_programs(n, argv);
}

static const struct bench benches[] = { { "crun", crun_batch, 1 } };

int main(int argc, char **argv)
{
	return bench_main(argc, argv, benches, 1);
}
