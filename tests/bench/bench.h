/* SPDX-License-Identifier: MIT */
/*
 * What the programs of this folder share that time single operations, in ticks of the TSC. In Bochs
 * that is the number of instructions executed, so the figures repeat whatever the machine below is
 * doing.
 *
 *   PROGRAM [NAME...]     all, or those named: one line "NAME TICKS" each
 *
 * A batch times many operations and returns the ticks of all. The first batch warms up; of the
 * others the median counts, so that a timer interrupt or a thread of the kernel that runs meanwhile
 * does not. Nothing is printed within a batch: a character on a serial line costs thousands.
 */
#pragma once
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define BATCHES 15
#define PAGE 4096

struct bench {
	const char *name;
	uint64_t (*batch)(unsigned int n);
	unsigned int n; /* operations in a batch */
};

static inline uint64_t ticks(void)
{
	uint32_t lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi)::"memory");
	return (uint64_t)hi << 32 | lo;
}

static inline void check(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(1);
}

/* Memory that children share. */
static inline void *shared(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	check(p != MAP_FAILED, "mmap");
	return p;
}

static inline void reap(pid_t pid)
{
	int status;

	check(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0, "child");
}

/* Bytes that are neither free nor a program's. */
static inline long owned(void)
{
	static const char *const names[] = { "MemTotal:", "MemFree:", "AnonPages:", "Cached:",
					     "Buffers:" };
	FILE *f = fopen("/proc/meminfo", "r");
	long kib, sum = 0;
	char name[64];

	check(f != NULL, "/proc/meminfo");
	while (fscanf(f, "%63s %ld%*[^\n]", name, &kib) == 2)
		for (int i = 0; i < 5; i++)
			if (!strcmp(name, names[i]))
				sum += i ? -kib : kib;
	fclose(f);
	return sum * 1024;
}

/* Ticks that n programs take, one after the other, from start to exit. */
static inline uint64_t time_programs(unsigned int n, char *const argv[])
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

static inline int ascending(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static inline void run(const struct bench *b)
{
	uint64_t took[BATCHES];

	b->batch(b->n);
	for (int i = 0; i < BATCHES; i++)
		took[i] = b->batch(b->n);
	qsort(took, BATCHES, sizeof(took[0]), ascending);
	printf("%s %llu\n", b->name, (unsigned long long)(took[BATCHES / 2] + b->n / 2) / b->n);
	fflush(stdout);
}

/* The whole of main(): the benches of the table that are named, or all, on one CPU. */
static inline int bench_main(int argc, char **argv, const struct bench *benches, size_t n)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	check(!sched_setaffinity(0, sizeof(one), &one), "sched_setaffinity");
	for (size_t i = 0; i < n; i++)
		for (int a = 1; a < argc || argc == 1; a++) {
			if (argc == 1 || !strcmp(argv[a], benches[i].name))
				run(&benches[i]);
			if (argc == 1)
				break;
		}
	return 0;
}
