/* SPDX-License-Identifier: MIT */
/* System calls, processes, threads, page faults: what each costs (bench.h). */
#include "bench.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>

#define FAULTS 64 /* pages a batch touches */
#define FAULT_AROUND 16 /* Linux maps so many pages of a file at one fault */
#define FILE_PAGES (FAULTS * FAULT_AROUND)

/* ---- system calls ---- */

/* Four instructions a round trip in ring 3. */
static uint64_t getppid_batch(unsigned int n)
{
	uint64_t begin = ticks();
	unsigned long left = n;

	__asm__ volatile("1: movl %1, %%eax; syscall; decq %0; jnz 1b"
			 : "+r"(left)
			 : "i"(SYS_getppid)
			 : "rax", "rcx", "r11", "memory");
	return ticks() - begin;
}

/* ---- processes ---- */

static char *const true_argv[] = { "true", NULL };

static void run_true(void)
{
	execv("/bin/busybox", true_argv);
	_exit(127);
}

static uint64_t fork_batch(unsigned int n)
{
	uint64_t begin = ticks();

	while (n--) {
		pid_t pid = fork();

		if (pid == 0)
			run_true();
		reap(pid);
	}
	return ticks() - begin;
}

static uint64_t vfork_batch(unsigned int n)
{
	uint64_t begin = ticks();

	while (n--) {
		pid_t pid = vfork();

		if (pid == 0)
			run_true();
		reap(pid);
	}
	return ticks() - begin;
}

/* ---- two who wait for each other ---- */

static int turn;
static unsigned int turns;

static void pass_turn(int from, int to)
{
	while (__atomic_load_n(&turn, __ATOMIC_ACQUIRE) != from)
		syscall(SYS_futex, &turn, FUTEX_WAIT_PRIVATE, to, NULL);
	__atomic_store_n(&turn, to, __ATOMIC_RELEASE);
	syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE, 1);
}

static void *other_thread(void *arg)
{
	for (unsigned int i = 0; i < turns; i++)
		pass_turn(1, 0);
	return NULL;
}

static uint64_t futex_batch(unsigned int n)
{
	uint64_t begin = 0;
	pthread_t thread;

	turn = 0;
	turns = 2 * n;
	check(!pthread_create(&thread, NULL, other_thread, NULL), "pthread_create");
	for (unsigned int i = 0; i < turns; i++) {
		if (i == n)
			begin = ticks();
		pass_turn(0, 1);
	}
	begin = ticks() - begin;
	pthread_join(thread, NULL);
	return begin;
}

/*
 * Two processes on one CPU that do nothing but yield. A scheduler may let a thread go on all the
 * same: what counts are the changes that the two see themselves.
 */
struct yielders {
	int last, stop;
	unsigned int switches;
};

static void yield_as(volatile struct yielders *y, int me)
{
	if (y->last != me) {
		y->last = me;
		y->switches++;
	}
	sched_yield();
}

static uint64_t yield_batch(unsigned int n)
{
	volatile struct yielders *y = shared(PAGE);
	unsigned int before;
	uint64_t begin;
	pid_t pid = fork();

	if (pid == 0) {
		while (!y->stop)
			yield_as(y, 1);
		_exit(0);
	}
	while (y->switches < n)
		yield_as(y, 2);
	before = y->switches;
	begin = ticks();
	while (y->switches - before < n)
		yield_as(y, 2);
	begin = ticks() - begin;
	y->stop = 1;
	reap(pid);
	munmap((void *)y, PAGE);
	return begin;
}

/* ---- page faults ---- */

/* Writes (or reads) n pages, one in stride. */
static uint64_t touch(volatile char *p, unsigned int n, unsigned int stride, int write)
{
	uint64_t begin = ticks();

	for (unsigned int i = 0; i < n; i++, p += stride * PAGE)
		if (write)
			*p = 1;
		else
			(void)*p;
	return ticks() - begin;
}

static uint64_t anon_batch(unsigned int n)
{
	char *p = mmap(NULL, n * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t took;

	check(p != MAP_FAILED, "mmap");
	took = touch(p, n, 1, 1);
	munmap(p, n * PAGE);
	return took;
}

/* A fresh mapping of a file whose pages are in memory. */
static char *map_file(void)
{
	static int fd = -1;
	char *p;

	if (fd < 0) {
		static char page[PAGE];

		fd = open("/tmp/bench", O_RDWR | O_CREAT | O_TRUNC, 0600);
		check(fd >= 0, "/tmp/bench");
		unlink("/tmp/bench");
		for (int i = 0; i < FILE_PAGES; i++)
			check(write(fd, page, PAGE) == PAGE, "/tmp/bench");
	}
	p = mmap(NULL, FILE_PAGES * PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
	check(p != MAP_FAILED, "mmap");
	return p;
}

static uint64_t file_batch(unsigned int n)
{
	char *p = map_file();
	uint64_t took = touch(p, n, FAULT_AROUND, 0);

	munmap(p, FILE_PAGES * PAGE);
	return took;
}

static uint64_t file_scan_batch(unsigned int n)
{
	char *p = map_file();
	uint64_t took = touch(p, n, 1, 0);

	munmap(p, FILE_PAGES * PAGE);
	return took;
}

/* The child writes where its parent wrote before the fork. */
static uint64_t cow_batch(unsigned int n)
{
	char *p = mmap(NULL, n * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t *took = shared(PAGE), result;
	pid_t pid;

	check(p != MAP_FAILED, "mmap");
	touch(p, n, 1, 1);
	*took = 0;
	pid = fork();
	if (pid == 0) {
		*took = touch(p, n, 1, 1);
		_exit(0);
	}
	reap(pid);
	result = *took;
	munmap(p, n * PAGE);
	munmap(took, PAGE);
	return result;
}

static const struct bench benches[] = {
	{ "getppid", getppid_batch, 1000 },   { "fork-exec", fork_batch, 4 },
	{ "vfork-exec", vfork_batch, 4 },     { "futex", futex_batch, 200 },
	{ "yield", yield_batch, 200 },        { "fault-anon", anon_batch, FAULTS },
	{ "fault-file", file_batch, FAULTS }, { "fault-file-scan", file_scan_batch, FILE_PAGES },
	{ "fault-cow", cow_batch, FAULTS },
};

int main(int argc, char **argv)
{
	return bench_main(argc, argv, benches, sizeof(benches) / sizeof(benches[0]));
}
