/* SPDX-License-Identifier: MIT */
/*
 * How exactly the CPU is divided between control groups.
 *
 *   limits SECONDS     prints "max PERCENT", the time of one CPU that a group with cpu.max at 20 % had;
 *                      then "weights RATIO", of two groups on one CPU with weights 100 and 300
 *
 * cgroup2 is mounted at /sys/fs/cgroup.
 */
#include "bench.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>

#define CGROUPS "/sys/fs/cgroup"

static void put(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY);

	check(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), file);
	close(fd);
}

static const char *in(const char *group, const char *file)
{
	static char path[128];

	snprintf(path, sizeof(path), CGROUPS "/%s/%s", group, file);
	return path;
}

/* A process in a new group of this name that does nothing but count. */
static pid_t busy(const char *group, const char *file, const char *text)
{
	char number[16];
	pid_t pid;

	check(!mkdir(in(group, ""), 0755), group);
	put(in(group, file), text);
	pid = fork();
	if (pid == 0)
		for (volatile unsigned long n = 0;; n++)
			;
	check(pid > 0, "fork");
	snprintf(number, sizeof(number), "%d", pid);
	put(in(group, "cgroup.procs"), number);
	return pid;
}

static double used(const char *group)
{
	FILE *f = fopen(in(group, "cpu.stat"), "r");
	long usec;

	check(f && fscanf(f, "usage_usec %ld", &usec) == 1, "cpu.stat");
	fclose(f);
	return usec * 1e-6;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

static void end(pid_t pid, const char *group)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	check(!rmdir(in(group, "")), group);
}

int main(int argc, char **argv)
{
	int seconds = argc == 2 ? atoi(argv[1]) : 0;
	double begin, before, a, b;
	cpu_set_t one;
	pid_t x, y;

	if (seconds < 1)
		return 2;
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	check(!sched_setaffinity(0, sizeof(one), &one), "sched_setaffinity");
	put(CGROUPS "/cgroup.subtree_control", "+cpu");

	x = busy("fifth", "cpu.max", "20000 100000");
	before = used("fifth");
	begin = now();
	sleep(seconds);
	a = used("fifth") - before;
	printf("max %.2f\n", 100 * a / (now() - begin));
	end(x, "fifth");

	x = busy("one", "cpu.weight", "100");
	y = busy("three", "cpu.weight", "300");
	a = used("one");
	b = used("three");
	sleep(seconds);
	a = used("one") - a;
	b = used("three") - b;
	printf("weights %.3f\n", b / a);
	end(x, "one");
	end(y, "three");
	return 0;
}
