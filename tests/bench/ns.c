/* SPDX-License-Identifier: MIT */
/* A process with namespaces of its own, from its clone to its end, beside one without (bench.h). */
#include "bench.h"

#include <signal.h>
#include <sys/syscall.h>

#define OF_CTR (CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP)
#define FIVE (CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET)

static uint64_t start(unsigned int n, unsigned long flags)
{
	static char *const argv[] = { "true", NULL }, *const no_environment[] = { NULL };
	uint64_t begin = ticks();

	while (n--) {
		pid_t pid = syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);

		if (pid == 0) {
			execve("/bin/busybox", argv, no_environment);
			_exit(127);
		}
		reap(pid);
	}
	return ticks() - begin;
}

static uint64_t plain_batch(unsigned int n)
{
	return start(n, 0);
}

static uint64_t five_batch(unsigned int n)
{
	return start(n, FIVE);
}

static uint64_t of_ctr_batch(unsigned int n)
{
	return start(n, OF_CTR);
}

static const struct bench benches[] = {
	{ "ns-none", plain_batch, 4 },
	{ "ns-five", five_batch, 4 },
	{ "ns-ctr", of_ctr_batch, 4 },
};

int main(int argc, char **argv)
{
	return bench_main(argc, argv, benches, sizeof(benches) / sizeof(benches[0]));
}
