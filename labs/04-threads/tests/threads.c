/* SPDX-License-Identifier: MIT */
/*
 * The tests of lab 04 that need the whole machine, one a name: threads NAME. What is printed is the same
 * on Linux. Nothing here trusts the C library's locks: futex(2) is called as it is.
 */
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef _Atomic uint32_t word;

static long futex(word *w, int op, uint32_t val, const struct timespec *timeout)
{
	long n = syscall(SYS_futex, w, op, val, timeout, NULL, FUTEX_BITSET_MATCH_ANY);

	return n < 0 ? -errno : n;
}

static long wait_for(word *w, uint32_t val)
{
	return futex(w, FUTEX_WAIT_PRIVATE, val, NULL);
}

static long wake(word *w, int n)
{
	return futex(w, FUTEX_WAKE_PRIVATE, n, NULL);
}

static const char *name(long result)
{
	return result == 0 ? "0" : strerror(-result);
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000UL + t.tv_nsec;
}

static void pause_ms(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

/* ---- futex ---- */

/* The word is compared before anybody sleeps, and bad words are refused. */
static void value(void)
{
	struct timespec t = { 0, 20000000 };
	char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t begin = clock_ns(CLOCK_MONOTONIC), took;
	static word w = 5;

	munmap(p + 4096, 4096);
	printf("another value: %s\n", name(wait_for(&w, 4)));
	printf("20 ms: %s", name(futex(&w, FUTEX_WAIT_PRIVATE, 5, &t)));
	took = (clock_ns(CLOCK_MONOTONIC) - begin) / 1000000;
	printf(", not before: %s\n", took >= 20 ? "yes" : "no");
	printf("a page that was never touched: %s\n", name(wait_for((word *)p, 1)));
	printf("no page: %s\n", name(wait_for((word *)(p + 4096), 0)));
	printf("not a multiple of 4: %s\n", name(wait_for((word *)(p + 2), 0)));
	printf("nobody to wake: %ld\n", wake(&w, 10));
}

static word gate, ready, turn;
static int order[8];

static void *sleeper(void *arg)
{
	int me = (intptr_t)arg;

	while (atomic_load(&ready) != me) /* one after the other goes to sleep */
		sched_yield();
	atomic_fetch_add(&ready, 1);
	while (!atomic_load(&gate))
		wait_for(&gate, 0);
	order[atomic_fetch_add(&turn, 1)] = me;
	return NULL;
}

/* A wake-up wakes as many as it says, and says how many it woke. */
static void count(void)
{
	pthread_t t[5];

	for (intptr_t i = 0; i < 5; i++)
		pthread_create(&t[i], NULL, sleeper, (void *)i);
	while (atomic_load(&ready) != 5)
		pause_ms(1);
	pause_ms(100);
	atomic_store(&gate, 1);
	printf("for two: %ld\n", wake(&gate, 2));
	pause_ms(50);
	printf("awake: %u\n", atomic_load(&turn));
	printf("for ten: %ld\n", wake(&gate, 10));
	for (int i = 0; i < 5; i++)
		pthread_join(t[i], NULL);
	printf("awake: %u\n", atomic_load(&turn));
}

/* Who slept first is woken first. */
static void first_come(void)
{
	pthread_t t[4];

	for (intptr_t i = 0; i < 4; i++) {
		pthread_create(&t[i], NULL, sleeper, (void *)i);
		pause_ms(30);
	}
	atomic_store(&gate, 1);
	for (int i = 0; i < 4; i++) {
		wake(&gate, 1);
		pause_ms(30);
	}
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	printf("order: %d %d %d %d\n", order[0], order[1], order[2], order[3]);
}

static word ball;

static void *player(void *arg)
{
	uint32_t me = (intptr_t)arg;

	for (int i = 0; i < 20000; i++) {
		while (atomic_load(&ball) != me)
			wait_for(&ball, !me);
		atomic_store(&ball, !me);
		wake(&ball, 1);
	}
	return NULL;
}

/* One lost wake-up in 40,000, and this never ends. */
static void lost(void)
{
	pthread_t a, b;

	pthread_create(&a, NULL, player, (void *)0);
	pthread_create(&b, NULL, player, (void *)1);
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	printf("40000 turns\n");
}

static word mutex; /* 0 free, 1 locked, 2 locked and somebody may sleep */
static long total;

static void lock(void)
{
	uint32_t seen = 0;

	if (atomic_compare_exchange_strong(&mutex, &seen, 1))
		return;
	while (atomic_exchange(&mutex, 2))
		wait_for(&mutex, 2);
}

static void unlock(void)
{
	if (atomic_exchange(&mutex, 0) == 2)
		wake(&mutex, 1);
}

static void *adder(void *arg)
{
	for (int i = 0; i < 30000; i++) {
		lock();
		total++;
		unlock();
	}
	return NULL;
}

static void mutual(void)
{
	pthread_t t[4];

	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, adder, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	printf("4 times 30000: %ld\n", total);
}

/* Two processes, two addresses, one word. */
static void shared(void)
{
	int fd = memfd_create("word", 0);
	word *a, *b;
	pid_t pid;
	int status;

	if (fd < 0 || ftruncate(fd, 4096))
		perror("memfd");
	a = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	pid = fork();
	if (!pid) {
		b = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		atomic_store(b, 1);
		while (atomic_load(b) == 1)
			futex(b, FUTEX_WAIT, 1, NULL);
		_exit(atomic_load(b));
	}
	while (atomic_load(a) != 1)
		pause_ms(1);
	pause_ms(50);
	atomic_store(a, 7);
	printf("woken through another address: %ld\n", futex(a, FUTEX_WAKE, 1, NULL));
	waitpid(pid, &status, 0);
	printf("child: exit %d\n", WEXITSTATUS(status));
}

static void *nothing(void *arg)
{
	return arg;
}

/* pthread_join(3) sleeps on a word that the kernel clears when the thread ends. */
static void join(void)
{
	intptr_t sum = 0;

	for (intptr_t i = 0; i < 200; i++) {
		void *result;
		pthread_t t;

		pthread_create(&t, NULL, nothing, (void *)i);
		pthread_join(t, &result);
		sum += (intptr_t)result;
	}
	printf("200 threads came and went: %ld\n", (long)sum);
}

/* ---- the scheduler ---- */

static word go, stop;
static uint64_t had[4]; /* CPU time of each hog */
static int nices[4];

static void use_cpus(int n)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	for (int i = 0; i < n; i++)
		CPU_SET(i, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void *hog(void *arg)
{
	intptr_t me = (intptr_t)arg;
	uint64_t begin;

	setpriority(PRIO_PROCESS, syscall(SYS_gettid), nices[me]);
	atomic_fetch_add(&ready, 1);
	while (!atomic_load(&go))
		wait_for(&go, 0);
	begin = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	while (!atomic_load(&stop))
		;
	had[me] = clock_ns(CLOCK_THREAD_CPUTIME_ID) - begin;
	return NULL;
}

/* n hogs for some time. */
static void compete(int n, long ms)
{
	pthread_t t[4];

	for (intptr_t i = 0; i < n; i++)
		pthread_create(&t[i], NULL, hog, (void *)i);
	while (atomic_load(&ready) != (uint32_t)n)
		pause_ms(1);
	atomic_store(&go, 1);
	wake(&go, n);
	pause_ms(ms);
	atomic_store(&stop, 1);
	for (int i = 0; i < n; i++)
		pthread_join(t[i], NULL);
}

static void verdict(const char *what, double got, double low, double high)
{
	if (got >= low && got <= high)
		printf("%s: yes\n", what);
	else
		printf("%s: no: %.2f is not in %.2f to %.2f\n", what, got, low, high);
}

static void fair(void)
{
	double all;

	use_cpus(1);
	compete(3, 600);
	all = had[0] + had[1] + had[2];
	for (int i = 0; i < 3; i++)
		verdict("a third", had[i] / all, 0.28, 0.39);
}

static void nicer(void)
{
	use_cpus(1);
	nices[1] = 5;
	compete(2, 1200);
	verdict("three times as much as at nice 5", (double)had[0] / had[1], 2.4, 3.8);
}

static void two_cpus(void)
{
	uint64_t begin = clock_ns(CLOCK_MONOTONIC);

	use_cpus(2);
	compete(2, 500);
	begin = clock_ns(CLOCK_MONOTONIC) - begin;
	verdict("two threads, two CPUs, the time of one", (double)(had[0] + had[1]) / begin, 1.6,
		2.1);
}

/* One that works a little and sleeps, on a CPU with two that never sleep. */
static void soon(void)
{
	pthread_t t[2];
	int late = 0;

	use_cpus(1);
	for (intptr_t i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, hog, (void *)i);
	while (atomic_load(&ready) != 2)
		pause_ms(1);
	atomic_store(&go, 1);
	wake(&go, 2);
	for (int i = 0; i < 100; i++) {
		uint64_t begin = clock_ns(CLOCK_MONOTONIC);

		pause_ms(5);
		late += clock_ns(CLOCK_MONOTONIC) - begin > 5000000 + 12000000;
	}
	atomic_store(&stop, 1);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	verdict("of 100 wake-ups few are late", late, 0, 10);
}

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	{ "value", value },       { "count", count },   { "first-come", first_come },
	{ "lost", lost },         { "mutual", mutual }, { "shared", shared },
	{ "join", join },         { "fair", fair },     { "nicer", nicer },
	{ "two-cpus", two_cpus }, { "soon", soon },
};

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		if (argc == 2 && !strcmp(argv[1], tests[i].name)) {
			tests[i].run();
			return 0;
		}
	fprintf(stderr, "usage: threads NAME\n");
	return 2;
}
