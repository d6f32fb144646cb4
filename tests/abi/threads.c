/* SPDX-License-Identifier: MIT */
/* Threads as a C library makes them: shared memory, thread-local storage, futexes, ends. */
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <time.h>

#include "abi.h"

static __thread int local = 5;
static int shared;

static long futex(int *addr, int op, int val, const struct timespec *timeout, int *addr2, int val3)
{
	return syscall(SYS_futex, addr, op, val, timeout, addr2, val3);
}

static void *count_up(void *arg)
{
	pthread_mutex_t *m = arg;

	for (int i = 0; i < 2000; i++) {
		if (m)
			pthread_mutex_lock(m);
		__atomic_fetch_add(&shared, 1, __ATOMIC_RELAXED);
		if (m)
			pthread_mutex_unlock(m);
		local++;
	}
	return (void *)(long)local;
}

static void create_and_join(void)
{
	pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
	pthread_t t[8];
	void *ret;

	for (int i = 0; i < 8; i++)
		R(pthread_create(&t[i], NULL, count_up, &m));
	for (int i = 0; i < 8; i++) {
		R(pthread_join(t[i], &ret));
		say("its own variable: %ld", (long)ret);
	}
	say("shared %d, main's own variable %d", shared, local);
}

static void *ids_of_thread(void *arg)
{
	pid_t *ids = arg;

	ids[0] = getpid();
	ids[1] = syscall(SYS_gettid);
	ids[2] = getppid();
	return NULL;
}

static void ids(void)
{
	pid_t ids[3];
	pthread_t t;

	pthread_create(&t, NULL, ids_of_thread, ids);
	pthread_join(t, NULL);
	YES(ids[0] == getpid());
	YES(ids[1] != getpid() && ids[1] > 0);
	YES(ids[2] == getppid());
	YES(syscall(SYS_gettid) == getpid());
}

struct hand {
	pthread_mutex_t m;
	pthread_cond_t c;
	int turn, rounds;
};

static void *pong(void *arg)
{
	struct hand *h = arg;

	pthread_mutex_lock(&h->m);
	for (int i = 0; i < 500; i++) {
		while (h->turn != 1)
			pthread_cond_wait(&h->c, &h->m);
		h->turn = 0;
		h->rounds++;
		pthread_cond_signal(&h->c);
	}
	pthread_mutex_unlock(&h->m);
	return NULL;
}

static void condition_variables(void)
{
	struct hand h = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0 };
	pthread_t t;

	pthread_create(&t, NULL, pong, &h);
	pthread_mutex_lock(&h.m);
	for (int i = 0; i < 500; i++) {
		h.turn = 1;
		pthread_cond_signal(&h.c);
		while (h.turn != 0)
			pthread_cond_wait(&h.c, &h.m);
	}
	pthread_mutex_unlock(&h.m);
	pthread_join(t, NULL);
	say("rounds %d", h.rounds);
}

static void futex_errors(void)
{
	const struct timespec soon = { 0, 2000000 }, bad = { 0, -1 };
	int word = 3;

	R(futex(&word, FUTEX_WAIT, 4, NULL, NULL, 0));
	R(futex(&word, FUTEX_WAIT, 3, &soon, NULL, 0));
	R(futex(&word, FUTEX_WAIT, 3, &bad, NULL, 0));
	R(futex(NULL, FUTEX_WAIT, 3, &soon, NULL, 0));
	R(futex((int *)((char *)&word + 1), FUTEX_WAIT, 3, &soon, NULL, 0));
	R(futex((int *)0xffff800000000000UL, FUTEX_WAKE, 1, NULL, NULL, 0));
	R(futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0));
	R(futex(&word, FUTEX_WAIT_BITSET, 3, &soon, NULL, 0));
	R(futex(&word, 127, 3, &soon, NULL, 0));
	R(futex(&word, FUTEX_CMP_REQUEUE, 1, (void *)1, &word, 4));
}

static int gate, gate2, waiting;

static void *wait_at_gate(void *arg)
{
	__atomic_fetch_add(&waiting, 1, __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&gate, __ATOMIC_SEQ_CST))
		futex(&gate, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
	return NULL;
}

/* Wakes until n have been woken: they may not all sleep yet. */
static int wake_all(int *word, int n)
{
	int woken = 0;

	for (int i = 0; i < 1000 && woken < n; i++) {
		woken += futex(word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
		usleep(1000);
	}
	return woken;
}

static void futex_wake_counts(void)
{
	pthread_t t[4];

	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, wait_at_gate, NULL);
	while (__atomic_load_n(&waiting, __ATOMIC_SEQ_CST) < 4)
		usleep(1000);
	usleep(50000);
	/* Two go over to the other word; they are found there, and only there. */
	say("moved %ld", futex(&gate, FUTEX_CMP_REQUEUE_PRIVATE, 0, (void *)2, &gate2, 0));
	gate = 1;
	say("woken at the first %d", wake_all(&gate, 2));
	say("none left there %ld", futex(&gate, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0));
	say("woken at the second %d", wake_all(&gate2, 2));
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
}

static void futex_between_processes(void)
{
	int *word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid = fork();

	if (pid == 0) {
		while (!__atomic_load_n(word, __ATOMIC_SEQ_CST))
			futex(word, FUTEX_WAIT, 0, NULL, NULL, 0);
		_exit(4);
	}
	usleep(20000);
	__atomic_store_n(word, 1, __ATOMIC_SEQ_CST);
	futex(word, FUTEX_WAKE, 1, NULL, NULL, 0);
	say("%s", ended(reap(pid)));
}

static void *die_with_lock(void *arg)
{
	pthread_mutex_lock(arg);
	return NULL;
}

static void robust_mutex(void)
{
	pthread_mutexattr_t a;
	pthread_mutex_t m;
	pthread_t t;

	pthread_mutexattr_init(&a);
	R(pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST));
	R(pthread_mutex_init(&m, &a));
	pthread_create(&t, NULL, die_with_lock, &m);
	pthread_join(t, NULL);
	say("lock: %s", errno_name(pthread_mutex_lock(&m)));
	R(pthread_mutex_consistent(&m));
	R(pthread_mutex_unlock(&m));
	say("lock: %s", pthread_mutex_lock(&m) ? "error" : "ok");
}

static void robust_mutex_of_a_process(void)
{
	pthread_mutex_t *m =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_t a;

	pthread_mutexattr_init(&a);
	pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(m, &a);
	say("owner: %s", ended(reap(fork() ?: (pthread_mutex_lock(m), _exit(0), 0))));
	say("lock: %s", errno_name(pthread_mutex_lock(m)));
}

static void timed_waits(void)
{
	struct timespec at;
	pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
	sem_t sem;

	clock_gettime(CLOCK_REALTIME, &at);
	at.tv_nsec += 5000000;
	at.tv_sec += at.tv_nsec / 1000000000;
	at.tv_nsec %= 1000000000;
	pthread_mutex_lock(&m);
	say("mutex: %s", errno_name(pthread_mutex_timedlock(&m, &at)));
	sem_init(&sem, 0, 0);
	R(sem_timedwait(&sem, &at));
	R(sem_trywait(&sem));
	R(sem_post(&sem));
	R(sem_wait(&sem));
}

static void *sleep_forever(void *arg)
{
	for (;;)
		pause();
	return NULL;
}

static void exit_group_ends_all(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		pthread_t t;

		for (int i = 0; i < 4; i++)
			pthread_create(&t, NULL, sleep_forever, NULL);
		_exit(11);
	}
	say("%s", ended(reap(pid)));
}

static void *exit_process(void *arg)
{
	_exit(12);
}

static void exit_group_from_a_thread(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		pthread_t t;

		pthread_create(&t, NULL, exit_process, NULL);
		for (;;)
			pause();
	}
	say("%s", ended(reap(pid)));
}

static void *exit_later(void *arg)
{
	usleep(20000);
	_exit(13);
}

/* The leader ends alone: the process lives on until its last thread does. */
static void leader_ends_first(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		pthread_t t;

		pthread_create(&t, NULL, exit_later, NULL);
		syscall(SYS_exit, 1);
	}
	R(waitpid(pid, &status, WNOHANG));
	say("%s", ended(reap(pid)));
}

static void signal_kills_all(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		pthread_t t;

		for (int i = 0; i < 3; i++)
			pthread_create(&t, NULL, sleep_forever, NULL);
		raise(SIGTERM);
		_exit(1);
	}
	say("%s", ended(reap(pid)));
}

static void *exec_true(void *arg)
{
	execl("/proc/self/exe", "threads", "nothing", (char *)NULL);
	_exit(99);
}

static void exec_from_a_thread(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		pthread_t t;

		pthread_create(&t, NULL, sleep_forever, NULL);
		pthread_create(&t, NULL, exec_true, NULL);
		for (;;)
			pause();
	}
	say("%s", ended(reap(pid)));
}

static volatile pid_t handler_tid;

static void note_tid(int sig)
{
	handler_tid = syscall(SYS_gettid);
}

static void *wait_for_signal(void *arg)
{
	*(volatile pid_t *)arg = syscall(SYS_gettid);
	while (!handler_tid)
		usleep(1000);
	return NULL;
}

static void signal_to_one_thread(void)
{
	volatile pid_t tid = 0;
	pthread_t t;

	signal(SIGUSR1, note_tid);
	pthread_create(&t, NULL, wait_for_signal, (void *)&tid);
	while (!tid)
		usleep(1000);
	R(syscall(SYS_tgkill, getpid(), tid, SIGUSR1));
	pthread_join(t, NULL);
	YES(handler_tid == tid);
	R(syscall(SYS_tgkill, getpid(), 1 << 22, 0));
	R(syscall(SYS_tgkill, -1, tid, 0));
	R(syscall(SYS_tgkill, getpid(), getpid(), 65));
	R(syscall(SYS_tkill, getpid(), 0));
}

/* A process-directed signal goes to a thread that does not block it. */
static void signal_to_any_thread(void)
{
	volatile pid_t tid = 0;
	sigset_t set;
	pthread_t t;

	handler_tid = 0;
	signal(SIGUSR1, note_tid);
	pthread_create(&t, NULL, wait_for_signal, (void *)&tid);
	while (!tid)
		usleep(1000);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	R(kill(getpid(), SIGUSR1));
	pthread_join(t, NULL);
	YES(handler_tid == tid);
}

static void *cancel_me(void *arg)
{
	pause();
	return NULL;
}

static void cancellation(void)
{
	pthread_t t;
	void *ret;

	pthread_create(&t, NULL, cancel_me, NULL);
	usleep(5000);
	R(pthread_cancel(t));
	R(pthread_join(t, &ret));
	YES(ret == PTHREAD_CANCELED);
}

static void *run_a_while(void *arg)
{
	unsigned long long *x = arg;

	for (int i = 0; i < 3000000; i++)
		*x = *x * 6364136223846793005ULL + 1;
	return NULL;
}

/* Floating point registers are each thread's own, whoever runs in between. */
static void *sum_series(void *arg)
{
	double x = *(double *)arg, sum = 0;

	for (int i = 1; i < 300000; i++)
		sum += x / i - x / (i + 1);
	*(double *)arg = sum;
	return NULL;
}

static void floating_point(void)
{
	double v[6], alone[6];
	unsigned long long seed = 1;
	pthread_t t[6], noise;

	for (int i = 0; i < 6; i++) {
		alone[i] = v[i] = i + 1.5;
		sum_series(&alone[i]);
	}
	pthread_create(&noise, NULL, run_a_while, &seed);
	for (int i = 0; i < 6; i++)
		pthread_create(&t[i], NULL, sum_series, &v[i]);
	for (int i = 0; i < 6; i++) {
		pthread_join(t[i], NULL);
		say("%d: %s", i, v[i] == alone[i] ? "same" : "DIFFERENT");
	}
	pthread_join(noise, NULL);
}

ABI_MAIN(CASE(create_and_join), CASE(ids), CASE(condition_variables), CASE(futex_errors),
	 CASE(futex_wake_counts), CASE(futex_between_processes), CASE(robust_mutex),
	 CASE(robust_mutex_of_a_process), CASE(timed_waits), CASE(exit_group_ends_all),
	 CASE(exit_group_from_a_thread), CASE(leader_ends_first), CASE(signal_kills_all),
	 CASE(exec_from_a_thread), CASE(signal_to_one_thread), CASE(signal_to_any_thread),
	 CASE(cancellation), CASE(floating_point))
