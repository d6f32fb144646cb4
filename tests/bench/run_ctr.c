/* SPDX-License-Identifier: MIT */
/* `ctr run` of busybox's true, from its start to its exit, when nothing is left of it (bench.h). */
#include "bench.h"

static uint64_t ctr_batch(unsigned int n)
{
	static char *const argv[] = {
		"/usr/local/bin/ctr", "run", "--rm", "busybox", "--", "true", NULL
	};

	return time_programs(n, argv);
}

static const struct bench benches[] = { { "ctr", ctr_batch, 1 } };

int main(int argc, char **argv)
{
	return bench_main(argc, argv, benches, 1);
}
