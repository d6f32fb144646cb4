/* SPDX-License-Identifier: MIT */
/* Programs of Debian's, dynamic, from their start to their exit (bench.h). */
#include "bench.h"

static uint64_t start(unsigned int n, char *const argv[])
{
	static char *const no_environment[] = { "PATH=/bin", NULL };
	uint64_t begin = ticks();

	while (n--) {
		pid_t pid = vfork();

		if (pid == 0) {
			execve(argv[0], argv, no_environment);
			_exit(127);
		}
		reap(pid);
	}
	return ticks() - begin;
}

static uint64_t bash_batch(unsigned int n)
{
	static char *const argv[] = { "/bin/bash", "-c", "true", NULL };

	return start(n, argv);
}

static uint64_t python_batch(unsigned int n)
{
	static char *const argv[] = { "/usr/bin/python3.11", "-c", "pass", NULL };

	return start(n, argv);
}

static const struct bench benches[] = {
	{ "bash", bash_batch, 2 },
	{ "python", python_batch, 1 },
};

int main(int argc, char **argv)
{
	return bench_main(argc, argv, benches, sizeof(benches) / sizeof(benches[0]));
}
