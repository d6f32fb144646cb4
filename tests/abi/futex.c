/* SPDX-License-Identifier: MIT */
/* futex(2): every operation, time-outs on both clocks, who is woken, and what is no futex. */
#include "abi.h"

#include <linux/futex.h>
#include <pthread.h>
#include <stddef.h>
#include <time.h>

static long fut(void *addr, int op, long val, const void *ts, void *addr2, long val3)
{
	return syscall(SYS_futex, addr, op, val, ts, addr2, val3);
}

static struct timespec in_ms(clockid_t clock, long ms)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	ts.tv_nsec += ms * 1000000;
	if (ts.tv_nsec < 0)
		ts.tv_sec--;
	ts.tv_sec += ts.tv_nsec / 1000000000;
	ts.tv_nsec = (ts.tv_nsec % 1000000000 + 1000000000) % 1000000000;
	return ts;
}

static void sleep_ms(long ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&ts, NULL);
}

/* ---- a crowd of sleepers, each with its bit ---- */
#define CROWD 6
static uint32_t word, other;
static int entered, woken[CROWD];
static pthread_t crowd[CROWD];

static void *sleeper(void *arg)
{
	long i = (long)arg;

	__atomic_fetch_add(&entered, 1, __ATOMIC_SEQ_CST);
	while (fut(&word, FUTEX_WAIT_BITSET_PRIVATE, 0, NULL, NULL, 1 << i) == -1 && errno == EINTR)
		;
	__atomic_store_n(&woken[i], 1, __ATOMIC_SEQ_CST);
	return NULL;
}

/* All are asleep when requeueing none to nowhere counts them; too few: give them time. */
static void gather(void)
{
	word = other = 0;
	entered = 0;
	memset(woken, 0, sizeof(woken));
	for (long i = 0; i < CROWD; i++)
		pthread_create(&crowd[i], NULL, sleeper, (void *)i);
	while (__atomic_load_n(&entered, __ATOMIC_SEQ_CST) < CROWD)
		sleep_ms(1);
	while (fut(&word, FUTEX_REQUEUE_PRIVATE, 0, (void *)CROWD, &word, 0) < CROWD)
		sleep_ms(1);
}

static void disperse(void)
{
	fut(&word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
	fut(&other, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
	for (int i = 0; i < CROWD; i++)
		pthread_join(crowd[i], NULL);
}

static int count_woken(int want)
{
	int n = 0;

	for (int tries = 0; tries < 2000 && n < want; tries++) {
		n = 0;
		for (int i = 0; i < CROWD; i++)
			n += __atomic_load_n(&woken[i], __ATOMIC_SEQ_CST);
		if (n < want)
			sleep_ms(1);
	}
	return n;
}

static void wake_some(void)
{
	gather();
	R(fut(&word, FUTEX_WAKE_PRIVATE, 2, NULL, NULL, 0));
	say("awake: %d", count_woken(2));
	R(fut(&word, FUTEX_WAKE_PRIVATE, 0, NULL, NULL, 0));
	say("nobody asked for, awake: %d", count_woken(3));
	R(fut(&word, FUTEX_WAKE_PRIVATE, -1, NULL, NULL, 0));
	say("fewer than nobody, awake: %d", count_woken(4));
	R(fut(&word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0));
	say("awake: %d", count_woken(CROWD));
	disperse();
}

static void wake_by_bits(void)
{
	gather();
	R(fut(&word, FUTEX_WAKE_BITSET_PRIVATE, 100, NULL, NULL, 1 << 3));
	say("awake: %d", count_woken(1));
	YES(woken[3]);
	R(fut(&word, FUTEX_WAKE_BITSET_PRIVATE, 100, NULL, NULL, 1 << 3));
	R(fut(&word, FUTEX_WAKE_BITSET_PRIVATE, 100, NULL, NULL, 1 << 0 | 1 << 5 | 1 << 9));
	say("awake: %d", count_woken(3));
	YES(woken[0] && woken[5]);
	R(fut(&word, FUTEX_WAKE_BITSET_PRIVATE, 100, NULL, NULL, 0));
	disperse();
}

static void requeue_counts(void)
{
	gather();
	R(fut(&word, FUTEX_REQUEUE_PRIVATE, 0, (void *)INT_MAX, &word, 0)); /* to itself */
	R(fut(&word, FUTEX_REQUEUE_PRIVATE, 1, (void *)2, &other, 0));
	say("awake: %d", count_woken(1));
	R(fut(&other, FUTEX_WAKE_PRIVATE, 100, NULL, NULL, 0));
	say("awake: %d", count_woken(3));
	R(fut(&word, FUTEX_WAKE_PRIVATE, 100, NULL, NULL, 0));
	say("awake: %d", count_woken(CROWD));
	disperse();
}

static void compare_and_requeue(void)
{
	gather();
	R(fut(&word, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)100, &other, 7));
	say("awake: %d", count_woken(0));
	R(fut(&word, FUTEX_CMP_REQUEUE_PRIVATE, 0, (void *)100, &other, 0));
	say("awake: %d", count_woken(0));
	R(fut(&word, FUTEX_WAKE_PRIVATE, 100, NULL, NULL, 0));
	R(fut(&other, FUTEX_WAKE_PRIVATE, 100, NULL, NULL, 0));
	say("awake: %d", count_woken(CROWD));
	disperse();
}

static void requeued_keep_their_bits(void)
{
	gather();
	R(fut(&word, FUTEX_REQUEUE_PRIVATE, 0, (void *)100, &other, 0));
	R(fut(&other, FUTEX_WAKE_BITSET_PRIVATE, 100, NULL, NULL, 1 << 4));
	say("awake: %d", count_woken(1));
	YES(woken[4]);
	disperse();
}

/* ---- two words at once ---- */
static void wake_op_arithmetic(void)
{
	static const struct {
		const char *name;
		int op, arg;
	} ops[] = {
		{ "set", FUTEX_OP_SET, 9 },
		{ "add", FUTEX_OP_ADD, 7 },
		{ "add -1", FUTEX_OP_ADD, -1 },
		{ "or", FUTEX_OP_OR, 0x50 },
		{ "andn", FUTEX_OP_ANDN, 3 },
		{ "xor", FUTEX_OP_XOR, 0xff },
		{ "or 1 << 4", FUTEX_OP_OR | FUTEX_OP_OPARG_SHIFT, 4 },
		{ "set 1 << 31", FUTEX_OP_SET | FUTEX_OP_OPARG_SHIFT, 31 },
		{ "no such", 5, 1 },
		{ "neither", 7, 1 },
	};

	for (int i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		uint32_t a = 0, b = 0x0f;
		long r = fut(&a, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, &b,
			     FUTEX_OP(ops[i].op, ops[i].arg, FUTEX_OP_CMP_EQ, 0));

		say("%s = %s, 0xf became %#x", ops[i].name, r < 0 ? errno_name(errno) : "0", b);
	}
}

static void wake_op_compares(void)
{
	static const char *const names[] = { "==", "!=", "<", "<=", ">", ">=", "?", "??" };

	for (int cmp = 0; cmp < 8; cmp++) {
		char line[64] = "";

		for (int value = -1; value <= 1; value++) {
			uint32_t a = 0;
			long r;

			gather();
			other = value;
			/* the crowd is on word: it plays the second word here */
			word = value;
			r = fut(&a, FUTEX_WAKE_OP_PRIVATE, 1, (void *)100, &word,
				FUTEX_OP(FUTEX_OP_ADD, 1, cmp, 0));
			snprintf(line + strlen(line), 20, " %s",
				 r < 0 ? errno_name(errno)
				 : r   ? "wakes"
				       : "leaves");
			disperse();
		}
		say("-1 0 1 %s 0:%s", names[cmp], line);
	}
}

static void wake_op_wakes_both(void)
{
	gather();
	R(fut(&word, FUTEX_REQUEUE_PRIVATE, 0, (void *)2, &other, 0));
	R(fut(&word, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, &other,
	      FUTEX_OP(FUTEX_OP_SET, 5, FUTEX_OP_CMP_EQ, 1)));
	say("only one, other is %u, awake: %d", other, count_woken(1));
	R(fut(&word, FUTEX_WAKE_OP_PRIVATE, 2, (void *)2, &other,
	      FUTEX_OP(FUTEX_OP_ADD, 1, FUTEX_OP_CMP_EQ, 5)));
	say("both, other is %u, awake: %d", other, count_woken(5));
	R(fut(&word, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, wild(16), 0));
	R(fut(&word, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, (char *)&other + 1, 0));
	disperse();
}

/* ---- errors ---- */
static void no_futex(void)
{
	uint32_t w[2] = { 1, 1 };
	void *none = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *ro = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *gone = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(gone, 4096);
	R(fut((char *)w + 1, FUTEX_WAIT, 1, NULL, NULL, 0));
	R(fut((char *)w + 2, FUTEX_WAKE, 1, NULL, NULL, 0));
	R(fut((char *)w + 1, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0));
	R(fut(gone, FUTEX_WAIT, 1, NULL, NULL, 0));
	R(fut(gone, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0));
	R(fut(gone, FUTEX_WAKE, 1, NULL, NULL, 0));
	R(fut(gone, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0));
	R(fut(none, FUTEX_WAIT, 1, NULL, NULL, 0));
	R(fut(none, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0));
	R(fut(ro, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0));
	R(fut(wild(~7UL), FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0));
	R(fut(wild(~7UL), FUTEX_WAIT, 1, NULL, NULL, 0));
	R(fut(w, FUTEX_REQUEUE, 1, (void *)1, (char *)w + 2, 0));
	R(fut(w, FUTEX_CMP_REQUEUE, 1, (void *)1, gone, 1));
	R(fut(gone, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)1, w, 1));
}

static void bad_arguments(void)
{
	uint32_t w = 1, w2 = 1;
	struct timespec bad = { 0, 1000000000 }, neg = { -1, 0 }, zero = { 0, 0 };

	R(fut(&w, FUTEX_WAIT, 1, &bad, NULL, 0));
	R(fut(&w, FUTEX_WAIT, 1, &neg, NULL, 0));
	R(fut(&w, FUTEX_WAIT, 0, &bad, NULL, 0));
	R(fut(&w, FUTEX_WAIT, 0, &zero, NULL, 0));
	R(fut(&w, FUTEX_WAIT, 1, &zero, NULL, 0));
	R(fut(&w, FUTEX_WAIT, 1, wild(8), NULL, 0));
	R(fut(&w, FUTEX_WAIT_BITSET, 1, &zero, NULL, 0));
	R(fut(&w, FUTEX_WAKE_BITSET, 1, NULL, NULL, 0));
	R(fut(&w, FUTEX_REQUEUE, -1, (void *)1, &w2, 0));
	R(fut(&w, FUTEX_REQUEUE, 1, (void *)-1L, &w2, 0));
	R(fut(&w, FUTEX_CMP_REQUEUE, 1, (void *)1, &w2, 2));
	R(fut(&w, FUTEX_CMP_REQUEUE, 1, (void *)1, &w, 1));
	R(fut(&w, FUTEX_FD, 0, NULL, NULL, 0));
	R(fut(&w, 77, 0, NULL, NULL, 0));
	R(fut(&w, FUTEX_WAKE | FUTEX_CLOCK_REALTIME, 1, NULL, NULL, 0));
	R(fut(&w, FUTEX_WAIT | FUTEX_CLOCK_REALTIME, 1, &zero, NULL, 0));
	R(fut(&w, FUTEX_REQUEUE | FUTEX_CLOCK_REALTIME, 1, (void *)1, &w2, 0));
}

/* ---- time ---- */
static long elapsed_ms(const struct timespec *from)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - from->tv_sec) * 1000 + (now.tv_nsec - from->tv_nsec) / 1000000;
}

static void timeouts(void)
{
	static const struct {
		const char *name;
		int op;
		clockid_t clock;
	} kinds[] = {
		{ "wait, relative", FUTEX_WAIT, -1 },
		{ "bitset, monotonic", FUTEX_WAIT_BITSET, CLOCK_MONOTONIC },
		{ "bitset, realtime", FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, CLOCK_REALTIME },
	};

	for (int i = 0; i < 3; i++) {
		struct timespec start, ts = { 0, 60000000 };
		uint32_t w = 3;
		long r;

		clock_gettime(CLOCK_MONOTONIC, &start);
		if (kinds[i].clock != -1)
			ts = in_ms(kinds[i].clock, 60);
		r = fut(&w, kinds[i].op, 3, &ts, NULL, ~0L);
		say("%s: %s", kinds[i].name, r ? errno_name(errno) : "woken");
		YES(elapsed_ms(&start) >= 59);
	}
}

static void timeouts_that_are_over(void)
{
	struct timespec past = in_ms(CLOCK_MONOTONIC, -5), wall = in_ms(CLOCK_REALTIME, -5);
	struct timespec epoch = { 0, 0 }, one = { 1, 0 };
	uint32_t w = 3;

	R(fut(&w, FUTEX_WAIT_BITSET, 3, &past, NULL, ~0L));
	R(fut(&w, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 3, &wall, NULL, ~0L));
	R(fut(&w, FUTEX_WAIT_BITSET, 3, &epoch, NULL, ~0L));
	R(fut(&w, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 3, &one, NULL, ~0L));
	R(fut(&w, FUTEX_WAIT_BITSET, 4, &past, NULL, ~0L));
}

/* ---- sharing ---- */
static void two_addresses_one_word(void)
{
	int fd = memfd_create("f", 0), status;
	uint32_t *a, *b;
	pid_t pid;

	if (ftruncate(fd, 8192))
		say("ftruncate fails");
	a = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	b = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	pid = fork();
	if (!pid)
		_exit(fut(&a[1030], FUTEX_WAIT, 0, NULL, NULL, 0) ? 1 : 0);
	while (fut(&b[1030], FUTEX_REQUEUE, 0, (void *)1, &b[1030], 0) != 1)
		sleep_ms(1);
	R(fut(&b[1029], FUTEX_WAKE, 1, NULL, NULL, 0));
	R(fut(&b[6], FUTEX_WAKE, 1, NULL, NULL, 0));
	R(fut(&b[1030], FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0));
	R(fut(&b[1030], FUTEX_WAKE, 1, NULL, NULL, 0));
	status = reap(pid);
	say("%s", ended(status));
	close(fd);
}

static uint32_t lone;
static void *shared_waiter(void *op)
{
	return (void *)fut(&lone, (long)op, 0, NULL, NULL, 0);
}

static void private_and_shared_differ(void)
{
	for (int i = 0; i < 2; i++) {
		int wait = i ? FUTEX_WAIT_PRIVATE : FUTEX_WAIT;
		int wrong = i ? FUTEX_WAKE : FUTEX_WAKE_PRIVATE;
		int flag = i ? FUTEX_PRIVATE_FLAG : 0;
		pthread_t t;

		pthread_create(&t, NULL, shared_waiter, (void *)(long)wait);
		while (fut(&lone, FUTEX_REQUEUE | flag, 0, (void *)1, &lone, 0) != 1)
			sleep_ms(1);
		R(fut(&lone, wrong, 1, NULL, NULL, 0));
		R(fut(&lone, FUTEX_WAKE | flag, 1, NULL, NULL, 0));
		pthread_join(t, NULL);
	}
}

static void not_shared_after_fork(void)
{
	static uint32_t w;
	pid_t pid = fork();
	int status;

	if (!pid) {
		struct timespec ts = { 0, 300000000 };

		_exit(fut(&w, FUTEX_WAIT, 0, &ts, NULL, 0) == -1 && errno == ETIMEDOUT ? 7 : 8);
	}
	sleep_ms(100);
	R(fut(&w, FUTEX_WAKE, 1, NULL, NULL, 0));
	status = reap(pid);
	say("%s", ended(status));
}

/* ---- robust lists ---- */
struct lock {
	struct robust_list node;
	uint32_t word;
};
static struct robust_list_head *shared_head;
static struct lock *shared_locks;

static void robust_setup(void)
{
	char *m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	shared_head = (void *)m;
	shared_locks = (void *)(m + 256);
	shared_head->list.next = &shared_head->list;
	shared_head->futex_offset = offsetof(struct lock, word) - offsetof(struct lock, node);
}

static void take_lock(int i, uint32_t value)
{
	struct lock *l = &shared_locks[i];

	l->word = value;
	l->node.next = shared_head->list.next;
	shared_head->list.next = &l->node;
}

static void owner_dies(void)
{
	pid_t pid;

	robust_setup();
	pid = fork();
	if (!pid) {
		syscall(SYS_set_robust_list, shared_head, sizeof(*shared_head));
		take_lock(0, gettid());
		take_lock(1, gettid() | FUTEX_WAITERS);
		take_lock(2, gettid() + 1);
		shared_locks[3].word = gettid(); /* on no list */
		shared_locks[4].word = gettid();
		shared_head->list_op_pending = &shared_locks[4].node;
		kill(getpid(), SIGKILL);
	}
	reap(pid);
	say("free of waiters: %#x", shared_locks[0].word);
	say("with waiters: %#x", shared_locks[1].word);
	YES(shared_locks[2].word == (uint32_t)pid + 1);
	YES(shared_locks[3].word == (uint32_t)pid);
	say("about to be locked: %#x", shared_locks[4].word);
}

static void owner_dies_and_wakes(void)
{
	pid_t owner, waiter;

	robust_setup();
	owner = fork();
	if (!owner) {
		syscall(SYS_set_robust_list, shared_head, sizeof(*shared_head));
		take_lock(0, gettid() | FUTEX_WAITERS);
		pause();
	}
	while (!(__atomic_load_n(&shared_locks[0].word, __ATOMIC_SEQ_CST)))
		sleep_ms(1);
	waiter = fork();
	if (!waiter) {
		uint32_t now = shared_locks[0].word;

		fut(&shared_locks[0].word, FUTEX_WAIT, now, NULL, NULL, 0);
		_exit(shared_locks[0].word & FUTEX_OWNER_DIED ? 3 : 4);
	}
	while (fut(&shared_locks[0].word, FUTEX_REQUEUE, 0, (void *)1, &shared_locks[0].word, 0) !=
	       1)
		sleep_ms(1);
	kill(owner, SIGKILL);
	reap(owner);
	say("waiter: %s", ended(reap(waiter)));
}

static void robust_at_exec(void)
{
	pid_t pid;

	robust_setup();
	pid = fork();
	if (!pid) {
		syscall(SYS_set_robust_list, shared_head, sizeof(*shared_head));
		take_lock(0, gettid());
		execl("/proc/self/exe", "futex", "no_such_case", (char *)NULL);
		_exit(9);
	}
	say("%s", ended(reap(pid)));
	say("word %#x", shared_locks[0].word);
}

static void broken_robust_lists(void)
{
	for (int i = 0; i < 3; i++) {
		pid_t pid;

		robust_setup();
		pid = fork();
		if (!pid) {
			syscall(SYS_set_robust_list, i == 2 ? wild(24) : (void *)shared_head,
				sizeof(*shared_head));
			take_lock(0, gettid());
			if (i == 0) /* a circle that the head is not on */
				shared_locks[0].node.next = &shared_locks[0].node;
			else
				shared_locks[0].node.next = wild(4096);
			_exit(5);
		}
		say("%s", ended(reap(pid)));
		say("%s", shared_locks[0].word == (uint32_t)pid ? "untouched" : "marked");
	}
}

/* ---- many words: futex_waitv() ---- */
static uint32_t many[3];

static long waitv(struct futex_waitv *v, unsigned int n, unsigned int flags, struct timespec *ts,
		  int clock)
{
	return syscall(449, v, n, flags, ts, clock); /* SYS_futex_waitv */
}

static void *wakes_third(void *arg)
{
	while (!fut(&many[2], FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0))
		sleep_ms(1);
	return NULL;
}

static void wait_for_many(void)
{
	struct futex_waitv v[129];
	struct timespec ts = in_ms(CLOCK_MONOTONIC, 20), bad = { 0, 1000000000 };
	pthread_t waker;

	memset(v, 0, sizeof(v));
	for (int i = 0; i < 3; i++)
		v[i] = (struct futex_waitv){ .uaddr = (uintptr_t)&many[i],
					     .flags = FUTEX_32 | FUTEX_PRIVATE_FLAG };
	R(waitv(v, 3, 0, &ts, CLOCK_MONOTONIC));
	ts = in_ms(CLOCK_REALTIME, 20);
	R(waitv(v, 3, 0, &ts, CLOCK_REALTIME));
	R(waitv(v, 3, 0, &ts, CLOCK_BOOTTIME));
	R(waitv(v, 3, 0, &bad, CLOCK_MONOTONIC));
	R(waitv(v, 3, 0, wild(8), CLOCK_MONOTONIC));
	R(waitv(v, 0, 0, NULL, 0));
	R(waitv(v, 129, 0, NULL, 0));
	R(waitv(v, 3, 1, NULL, 0));
	R(waitv(wild(8), 3, 0, NULL, 0));
	R(waitv(NULL, 3, 0, NULL, 0));
	v[1].val = 1;
	R(waitv(v, 3, 0, NULL, 0));
	v[1].val = 0;
	v[1].flags = 0;
	R(waitv(v, 3, 0, NULL, 0));
	v[1].flags = FUTEX_32;
	v[1].__reserved = 1;
	R(waitv(v, 3, 0, NULL, 0));
	v[1].__reserved = 0;
	v[1].uaddr++;
	R(waitv(v, 3, 0, NULL, 0));
	v[1].uaddr = (uintptr_t)wild(4096);
	R(waitv(v, 3, 0, NULL, 0));
	v[1].uaddr = (uintptr_t)&many[1];
	pthread_create(&waker, NULL, wakes_third, NULL);
	R(waitv(v, 3, 0, NULL, 0));
	pthread_join(waker, NULL);
}

static void robust_calls(void)
{
	struct robust_list_head h = { { &h.list }, 0, NULL }, *got;
	size_t len = 0;

	R(syscall(SYS_set_robust_list, &h, sizeof(h) - 1));
	R(syscall(SYS_set_robust_list, &h, sizeof(h)));
	R(syscall(SYS_get_robust_list, 0, &got, &len));
	YES(got == &h && len == sizeof(h));
	R(syscall(SYS_get_robust_list, getpid(), &got, &len));
	R(syscall(SYS_get_robust_list, 0, NULL, &len));
	R(syscall(SYS_get_robust_list, 0, &got, NULL));
	R(syscall(SYS_get_robust_list, 0x3fffffff, &got, &len));
}

ABI_MAIN(CASE(wake_some), CASE(wake_by_bits), CASE(requeue_counts), CASE(compare_and_requeue),
	 CASE(requeued_keep_their_bits), CASE(wake_op_arithmetic), CASE(wake_op_compares),
	 CASE(wake_op_wakes_both), CASE(no_futex), CASE(bad_arguments), CASE(timeouts),
	 CASE(timeouts_that_are_over), CASE(two_addresses_one_word),
	 CASE(private_and_shared_differ), CASE(not_shared_after_fork), CASE(owner_dies),
	 CASE(wait_for_many), CASE(owner_dies_and_wakes), CASE(robust_at_exec),
	 CASE(broken_robust_lists), CASE(robust_calls))
