/* SPDX-License-Identifier: MIT */
/*
 * Who gets the CPU, by the kernel's own account of it.
 *
 *   cpushare spread N MS     N processes burn the CPU for MS: the sum of their shares, 100 a CPU
 *   cpushare nice A B MS     two on CPU 0, at nice A and B: the first's time in percent of the second's
 *   cpushare wake N          beside one that burns CPU 0, another sleeps N times a millisecond: how
 *                            many microseconds too late it runs, half the times
 */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MS 1000000LL
#define WORKERS_MAX 64
#define SLEEPS_MAX 1000

static volatile long long *used; /* each worker's result */

static long long now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void pin(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		_exit(1);
}

static void burn(int me, long long until)
{
	while (now(CLOCK_MONOTONIC) < until)
		;
	used[me] = now(CLOCK_PROCESS_CPUTIME_ID);
	_exit(0);
}

static void reap(int n)
{
	int status;

	while (n--)
		if (wait(&status) < 0 || status)
			exit(1);
}

/* Each reports its share of its own time: a host that takes a CPU away takes it from both figures. */
static void burn_for_a_share(int me, long long begin, long long ns)
{
	long long cpu, wall;

	while (now(CLOCK_MONOTONIC) < begin) /* they find their places first */
		;
	wall = now(CLOCK_MONOTONIC);
	cpu = now(CLOCK_PROCESS_CPUTIME_ID);
	while (now(CLOCK_MONOTONIC) < wall + ns)
		;
	cpu = now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	used[me] = cpu * 1000 / (now(CLOCK_MONOTONIC) - wall);
	_exit(0);
}

static void spread(int n, long long ms)
{
	long long begin = now(CLOCK_MONOTONIC) + 50 * MS, sum = 0;

	for (int i = 0; i < n; i++)
		if (fork() == 0)
			burn_for_a_share(i, begin, ms * MS);
	reap(n);
	for (int i = 0; i < n; i++)
		sum += used[i];
	printf("%lld\n", sum / 10);
}

static void nices(const int nice_of[2], long long ms)
{
	long long until = now(CLOCK_MONOTONIC) + ms * MS;

	pin();
	for (int i = 0; i < 2; i++) {
		if (fork() == 0) {
			nice(nice_of[i]);
			burn(i, until);
		}
	}
	reap(2);
	printf("%lld\n", used[0] * 100 / used[1]);
}

static int ascending(const void *a, const void *b)
{
	const long long *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void wake(int n)
{
	static long long late[SLEEPS_MAX];
	pid_t hog;

	pin();
	hog = fork();
	if (hog == 0)
		for (;;)
			;
	for (int i = 0; i < n; i++) {
		long long at = now(CLOCK_MONOTONIC) + MS;
		struct timespec t = { at / 1000000000, at % 1000000000 };

		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
		late[i] = now(CLOCK_MONOTONIC) - at;
	}
	kill(hog, SIGKILL);
	wait(NULL);
	qsort(late, n, sizeof(late[0]), ascending);
	printf("%lld\n", late[n / 2] / 1000);
}

int main(int argc, char **argv)
{
	used = mmap(NULL, WORKERS_MAX * sizeof(*used), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (used == MAP_FAILED)
		return 1;
	if (argc == 4 && !strcmp(argv[1], "spread"))
		spread(atoi(argv[2]), atoi(argv[3]));
	else if (argc == 5 && !strcmp(argv[1], "nice"))
		nices((int[]){ atoi(argv[2]), atoi(argv[3]) }, atoi(argv[4]));
	else if (argc == 3 && !strcmp(argv[1], "wake") && atoi(argv[2]) <= SLEEPS_MAX)
		wake(atoi(argv[2]));
	else
		return 2;
	return 0;
}
