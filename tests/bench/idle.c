/* SPDX-License-Identifier: MIT */
/*
 * Many containers that do nothing: each a process in a cgroup and eight namespaces of its own that
 * has executed a program and sleeps.
 *
 *   idle N     prints "memory BYTES", what one of N costs of memory that no program can use: what
 *              got less free, without anonymous and file pages; then "first TICKS" and "last TICKS":
 *              how long it took to make one, on average, of the first and the last tenth of the N
 *
 * cgroup2 is mounted at /sys/fs/cgroup.
 */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define CGROUPS "/sys/fs/cgroup"
#define EIGHT                                                                                      \
	(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUSER | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | \
	 CLONE_NEWCGROUP | CLONE_NEWTIME)

static pid_t start_one(const char *self, int i)
{
	static const char *const argv[] = { "idle", NULL }, *const no_environment[] = { NULL };
	char name[64];
	struct clone_args args = { .flags = EIGHT | CLONE_INTO_CGROUP, .exit_signal = SIGCHLD };
	int ends[2], failed = 0;
	pid_t pid;

	snprintf(name, sizeof(name), CGROUPS "/idle%d", i);
	check(!mkdir(name, 0755), name);
	args.cgroup = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	check((int)args.cgroup >= 0 && !pipe2(ends, O_CLOEXEC), name);
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0) {
		execve(self, (char **)argv, (char **)no_environment);
		failed = errno;
		write(ends[1], &failed, sizeof(failed));
		_exit(127);
	}
	check(pid > 0, "clone3");
	close(args.cgroup);
	close(ends[1]); /* the other one closes as the program begins */
	check(read(ends[0], &failed, sizeof(failed)) == 0, "execve");
	close(ends[0]);
	return pid;
}

static void end_one(pid_t pid, int i)
{
	char name[64];

	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	snprintf(name, sizeof(name), CGROUPS "/idle%d", i);
	check(!rmdir(name), name);
}

int main(int argc, char **argv)
{
	int n = argc == 2 ? atoi(argv[1]) : 0, tenth = n / 10;
	uint64_t begin, first = 0, last = 0;
	pid_t *pids;
	long before;

	if (argc < 2)
		for (;;)
			pause();
	if (n < 10)
		return 2;
	pids = calloc(n, sizeof(*pids));
	check(pids != NULL, "calloc");
	end_one(start_one("/proc/self/exe", n), n); /* what is made once */
	before = owned();
	for (int i = 0; i < n; i++) {
		begin = ticks();
		pids[i] = start_one("/proc/self/exe", i);
		if (i < tenth)
			first += ticks() - begin;
		if (i >= n - tenth)
			last += ticks() - begin;
	}
	printf("memory %ld\n", (owned() - before) / n);
	printf("first %lu\nlast %lu\n", first / tenth, last / tenth);
	for (int i = 0; i < n; i++)
		end_one(pids[i], i);
	return 0;
}
