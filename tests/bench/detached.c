/* SPDX-License-Identifier: MIT */
/*
 * Many containers of `ctr run -d` that stay.
 *
 *   detached N     prints "first TICKS" and "last TICKS": how long it took to start one, on average,
 *                  of the first and the last tenth of the N, until `ctr` had said its name
 */
#include "bench.h"

#include <fcntl.h>

static const char ctr[] = "/usr/local/bin/ctr";

static uint64_t start(unsigned int n)
{
	static char *const argv[] = { (char *)ctr, "run",   "-d",      "busybox",
				      "--",        "sleep", "1000000", NULL };

	return time_programs(n, argv);
}

int main(int argc, char **argv)
{
	int n = argc == 2 ? atoi(argv[1]) : 0, tenth = n / 10, out = dup(1);
	uint64_t first, last;

	if (n < 10)
		return 2;
	check(out >= 0 && dup2(open("/dev/null", O_WRONLY), 1) == 1, "/dev/null");
	start(1); /* what is made once */
	first = start(tenth);
	start(n - 2 * tenth);
	last = start(tenth);
	check(dup2(out, 1) == 1, "dup2");
	printf("first %lu\nlast %lu\n", first / tenth, last / tenth);
	return 0;
}
