/* SPDX-License-Identifier: MIT */
/* Programs of Debian's, dynamic, from their start to their exit (bench.h). */
#include "bench.h"

static uint64_t bash_batch(unsigned int n)
{
	static char *const argv[] = { "/bin/bash", "-c", "true", NULL };

	return time_programs(n, argv);
}

static uint64_t python_batch(unsigned int n)
{
	static char *const argv[] = { "/usr/bin/python3.11", "-c", "pass", NULL };

	return time_programs(n, argv);
}

static const struct bench benches[] = {
	{ "bash", bash_batch, 2 },
	{ "python", python_batch, 1 },
};

int main(int argc, char **argv)
{
	return bench_main(argc, argv, benches, sizeof(benches) / sizeof(benches[0]));
}
