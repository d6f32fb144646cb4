/* SPDX-License-Identifier: MIT */
/*
 * Many containers of `ctr run -d`, or virtual machines of `vm run -d`, that stay.
 *
 *   detached ctr|vm N PART     prints "first TICKS" and "last TICKS": how long it took to start one, on average,
 *                              of the first and the last PART of the N, until its name was said
 */
#include "bench.h"

#include <fcntl.h>

static char *argv[] = { NULL, "run", "-d", "busybox", "--", "sleep", "1000000", NULL };

static uint64_t start(unsigned int n)
{
	return time_programs(n, argv);
}

int main(int argc, char **words)
{
	int n = argc == 4 ? atoi(words[2]) : 0, part = n ? atoi(words[3]) : 0, out = dup(1);
	char path[64];
	uint64_t first, last;

	if (part < 1 || n < 2 * part)
		return 2;
	snprintf(path, sizeof(path), "/usr/local/bin/%s", words[1]);
	argv[0] = path;
	check(out >= 0 && dup2(open("/dev/null", O_WRONLY), 1) == 1, "/dev/null");
	start(1); /* what is made once */
	first = start(part);
	start(n - 2 * part);
	last = start(part);
	check(dup2(out, 1) == 1, "dup2");
	printf("first %lu\nlast %lu\n", first / part, last / part);
	return 0;
}
