/* SPDX-License-Identifier: MIT */
/*
 * Many processes that do nothing but what takes a kernel's locks.
 *
 *   storm exec|mmap CPUS MILLISECONDS
 *
 * exec: fork, execute a program, wait for it. mmap: map memory, touch it, unmap it. There is a worker
 * for each of the first CPUS, and they stay on these. Prints "begin", and at the end CPUS, how many
 * operations all did, and how many of the CPUs were busy (the rest waited for a lock that sleeps).
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORKERS_MAX 64
#define PAGES 16
#define PAGE 4096

static struct shared {
	volatile int go, stop;
	struct {
		volatile unsigned long done;
	} __attribute__((aligned(64))) worker[WORKERS_MAX];
} * shared;

static char *const true_argv[] = { "true", NULL };

static void exec_once(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		execv("/bin/busybox", true_argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, NULL, 0) < 0)
		_exit(1);
}

static void mmap_once(void)
{
	char *p = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0);

	if (p == MAP_FAILED)
		_exit(1);
	for (int i = 0; i < PAGES; i++)
		p[i * PAGE] = 1;
	munmap(p, PAGES * PAGE);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

/* Seconds that the first n CPUs were idle since boot: the fourth figure of /proc/stat, proc(5). */
static double idle(int n)
{
	unsigned long long ticks, sum = 0;
	FILE *f = fopen("/proc/stat", "r");
	char line[512];
	int cpu;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "cpu%d %*s %*s %*s %llu", &cpu, &ticks) == 2 && cpu < n)
			sum += ticks;
	fclose(f);
	return sum / (double)sysconf(_SC_CLK_TCK);
}

int main(int argc, char **argv)
{
	void (*once)(void) = argc > 1 && !strcmp(argv[1], "exec") ? exec_once : mmap_once;
	int workers = argc == 4 ? atoi(argv[2]) : 0;
	unsigned long sum = 0;
	cpu_set_t cpus;
	double begin, idled;

	if (workers < 1 || workers > WORKERS_MAX)
		return 2;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED)
		return 1;
	CPU_ZERO(&cpus);
	for (int i = 0; i < workers; i++)
		CPU_SET(i, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		return 1;
	for (int i = 0; i < workers; i++) {
		if (fork() == 0) {
			while (!shared->go)
				usleep(1000);
			for (; !shared->stop; shared->worker[i].done++)
				once();
			_exit(0);
		}
	}
	usleep(10000);
	printf("begin\n");
	fflush(stdout);
	idled = idle(workers);
	begin = now();
	shared->go = 1;
	usleep(atoi(argv[3]) * 1000);
	for (int i = 0; i < workers; i++)
		sum += shared->worker[i].done;
	idled = idle(workers) - idled;
	printf("%d %lu %.2f\n", workers, sum, workers - idled / (now() - begin));
	fflush(stdout);
	shared->stop = 1;
	for (int i = 0; i < workers; i++) {
		int status;

		if (wait(&status) < 0 || status)
			return 1;
	}
	return 0;
}
