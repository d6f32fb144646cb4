/* SPDX-License-Identifier: MIT */
/* Scheduling: policies, priorities, CPU masks, I/O priorities, and the limit on processes. */
#include "abi.h"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>

#define NOBODY 65534

/* struct sched_attr of sched_setattr(2) */
struct attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
	uint32_t util_min, util_max;
};

/* As nice as anybody begins, whatever the caller was. */
static void become_nobody(void)
{
	if (!geteuid())
		setpriority(PRIO_PROCESS, 0, 0);
	if (!geteuid() && (setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY)))
		say("still root");
}

static long set_policy(pid_t pid, int policy, int prio)
{
	return syscall(SYS_sched_setscheduler, pid, policy, &prio);
}

static void policies(void)
{
	static const int all[] = { 0, 1, 2, 3, 4, 5, 6, 77, -1 };

	become_nobody();
	for (int i = 0; i < 9; i++)
		for (int prio = -1; prio < 2; prio++) {
			long r = set_policy(0, all[i], prio);

			say("policy %d, priority %d: %s", all[i], prio,
			    r ? errno_name(errno) : "ok");
		}
	R(syscall(SYS_sched_getscheduler, 0));
}

/* Fields 40 and 41 of /proc/PID/stat, proc(5). */
static void say_stat(void)
{
	unsigned int prio = 9, policy = 9;
	FILE *f = fopen("/proc/self/stat", "r");
	int c = 0;

	for (int field = 1; f && field < 40 && c != EOF; field += c == ' ')
		c = fgetc(f);
	if (f && fscanf(f, "%u %u", &prio, &policy) == 2)
		say("stat: priority %u, policy %u", prio, policy);
}

static void policies_change(void)
{
	int prio = 9;

	become_nobody();
	R(set_policy(0, SCHED_BATCH, 0));
	say_stat();
	R(syscall(SYS_sched_getscheduler, 0));
	R(syscall(SYS_sched_getscheduler, getpid()));
	R(syscall(SYS_sched_getparam, 0, &prio));
	say("priority %d", prio);
	if (!fork()) {
		R(syscall(SYS_sched_getscheduler, 0));
		_exit(0);
	}
	wait(NULL);
	R(set_policy(0, SCHED_IDLE, 0));
	say_stat();
	R(syscall(SYS_sched_getscheduler, 0));
	R(set_policy(0, SCHED_OTHER, 0));
	R(syscall(SYS_sched_getscheduler, 0));
	prio = 0;
	R(syscall(SYS_sched_setparam, 0, &prio));
	prio = 1;
	R(syscall(SYS_sched_setparam, 0, &prio));
	R(syscall(SYS_sched_setparam, 0, NULL));
	R(syscall(SYS_sched_setparam, -1, &prio));
	R(syscall(SYS_sched_setparam, 0x3fffffff, &prio));
}

static void reset_on_fork(void)
{
	become_nobody();
	R(set_policy(0, SCHED_BATCH | 0x40000000, 0));
	R(syscall(SYS_sched_getscheduler, 0));
	R(setpriority(PRIO_PROCESS, 0, 5));
	if (!fork()) {
		R(syscall(SYS_sched_getscheduler, 0));
		R(getpriority(PRIO_PROCESS, 0));
		_exit(0);
	}
	wait(NULL);
	R(set_policy(0, SCHED_BATCH, 0)); /* may not be taken back without a right */
}

static void policy_errors(void)
{
	int prio = 0;

	R(syscall(SYS_sched_setscheduler, 0, 0, NULL));
	R(syscall(SYS_sched_setscheduler, 0, 0, wild(8)));
	R(syscall(SYS_sched_setscheduler, -1, 0, &prio));
	R(syscall(SYS_sched_setscheduler, 0x3fffffff, 0, &prio));
	R(syscall(SYS_sched_getscheduler, -1));
	R(syscall(SYS_sched_getscheduler, 0x3fffffff));
	R(syscall(SYS_sched_getparam, 0, NULL));
	R(syscall(SYS_sched_getparam, 0, wild(8)));
	R(syscall(SYS_sched_getparam, -1, &prio));
	R(syscall(SYS_sched_getparam, 0x3fffffff, &prio));
	R(syscall(SYS_sched_yield));
	for (int p = -1; p < 7; p++) {
		long lo = syscall(SYS_sched_get_priority_min, p);
		long hi = syscall(SYS_sched_get_priority_max, p);

		say("policy %d: %ld to %ld", p, lo, hi);
	}
}

static void attributes(void)
{
	struct attr a, big[2];

	become_nobody();
	memset(&a, 0xee, sizeof(a));
	R(syscall(SYS_sched_getattr, 0, &a, sizeof(a), 0));
	say("size %d, policy %d, nice %d, priority %d", a.size, a.policy, a.nice, a.priority);
	R(syscall(SYS_sched_getattr, 0, &a, 48, 0));
	say("size %d", a.size);
	R(syscall(SYS_sched_getattr, 0, &a, 47, 0));
	R(syscall(SYS_sched_getattr, 0, &a, 5000, 0));
	R(syscall(SYS_sched_getattr, 0, &a, sizeof(a), 1));
	R(syscall(SYS_sched_getattr, 0, NULL, sizeof(a), 0));
	R(syscall(SYS_sched_getattr, -1, &a, sizeof(a), 0));
	R(syscall(SYS_sched_getattr, 0x3fffffff, &a, sizeof(a), 0));
	R(syscall(SYS_sched_getattr, 0, wild(8), sizeof(a), 0));
	a = (struct attr){ .size = 48, .policy = SCHED_BATCH, .nice = 7 };
	R(syscall(SYS_sched_setattr, 0, &a, 0));
	R(getpriority(PRIO_PROCESS, 0));
	R(syscall(SYS_sched_getscheduler, 0));
	a.nice = 3;
	R(syscall(SYS_sched_setattr, 0, &a, 0));
	a = (struct attr){ .size = 48, .policy = SCHED_FIFO, .priority = 1 };
	R(syscall(SYS_sched_setattr, 0, &a, 0));
	a = (struct attr){ .size = 48, .policy = 77 };
	R(syscall(SYS_sched_setattr, 0, &a, 0));
	a = (struct attr){ .size = 48, .nice = 99 };
	R(syscall(SYS_sched_setattr, 0, &a, 0));
	R(getpriority(PRIO_PROCESS, 0));
	a = (struct attr){ .size = 48, .nice = 19, .flags = 1UL << 40 };
	R(syscall(SYS_sched_setattr, 0, &a, 0));
	a = (struct attr){ .size = 48, .nice = 19, .policy = -1 };
	R(syscall(SYS_sched_setattr, 0, &a, 0));
	a = (struct attr){ .size = 20, .nice = 19 };
	R(syscall(SYS_sched_setattr, 0, &a, 0));
	say("size %d", a.size);
	a = (struct attr){ .size = 0, .nice = 19 };
	R(syscall(SYS_sched_setattr, 0, &a, 0));
	memset(big, 0, sizeof(big));
	big[0] = (struct attr){ .size = sizeof(big), .nice = 19 };
	R(syscall(SYS_sched_setattr, 0, big, 0));
	big[1].size = 1;
	R(syscall(SYS_sched_setattr, 0, big, 0));
	R(syscall(SYS_sched_setattr, 0, big, 1));
	R(syscall(SYS_sched_setattr, 0, NULL, 0));
	R(syscall(SYS_sched_setattr, -1, &a, 0));
	a = (struct attr){ .size = 48, .nice = 19 };
	R(syscall(SYS_sched_setattr, 0x3fffffff, &a, 0));
}

static void keep_policy(void)
{
	struct attr a = { .size = 48, .policy = 77, .nice = 4, .flags = 0x08 /* KEEP_POLICY */ };

	become_nobody();
	R(set_policy(0, SCHED_BATCH, 0));
	R(syscall(SYS_sched_setattr, 0, &a, 0));
	R(syscall(SYS_sched_getscheduler, 0));
	R(getpriority(PRIO_PROCESS, 0));
	a.flags = 0x10; /* KEEP_PARAMS */
	a.policy = SCHED_OTHER;
	a.nice = 9;
	R(syscall(SYS_sched_setattr, 0, &a, 0));
	R(syscall(SYS_sched_getscheduler, 0));
	R(getpriority(PRIO_PROCESS, 0));
}

static void round_robin_interval(void)
{
	struct timespec ts = { -1, -1 };

	R(syscall(SYS_sched_rr_get_interval, 0, &ts));
	YES(ts.tv_sec == 0 && ts.tv_nsec >= 0);
	R(syscall(SYS_sched_rr_get_interval, getpid(), &ts));
	R(syscall(SYS_sched_rr_get_interval, -1, &ts));
	R(syscall(SYS_sched_rr_get_interval, 0x3fffffff, &ts));
	R(syscall(SYS_sched_rr_get_interval, 0, wild(8)));
}

/* ---- nice ---- */
static void priorities(void)
{
	become_nobody();
	R(getpriority(PRIO_PROCESS, 0));
	R(setpriority(PRIO_PROCESS, 0, 3));
	R(setpriority(PRIO_PROCESS, 0, 2));
	R(setpriority(PRIO_PROCESS, 0, 3));
	R(syscall(SYS_getpriority, PRIO_PROCESS, 0));
	R(setpriority(PRIO_PROCESS, 1, 19));
	R(setpriority(PRIO_PROCESS, 0x3fffffff, 19));
	R(getpriority(PRIO_PROCESS, 0x3fffffff));
	R(getpriority(PRIO_PGRP, 0x3fffffff));
	R(getpriority(3, 0));
	R(getpriority(-1, 0));
	R(setpriority(3, 0, 0));
	R(setpriority(PRIO_PROCESS, 0, 1000));
	R(getpriority(PRIO_PROCESS, 0));
	R(nice(-1));
	R(nice(5));
}

static void priorities_of_groups(void)
{
	pid_t a, b;
	int p[2];

	become_nobody();
	if (pipe(p))
		return;
	setpgid(0, 0);
	a = fork();
	if (!a) {
		char c;

		close(p[1]);
		_exit(read(p[0], &c, 1));
	}
	R(setpriority(PRIO_PROCESS, a, 4));
	R(getpriority(PRIO_PGRP, 0));
	R(getpriority(PRIO_PGRP, getpgrp()));
	R(setpriority(PRIO_PGRP, 0, 9));
	R(getpriority(PRIO_PROCESS, a));
	R(getpriority(PRIO_PROCESS, 0));
	R(setpriority(PRIO_PROCESS, a, 12));
	R(setpriority(PRIO_PGRP, 0, 11)); /* one may not, the other may */
	R(getpriority(PRIO_PROCESS, a));
	R(getpriority(PRIO_PROCESS, 0));
	b = fork();
	if (!b) {
		R(getpriority(PRIO_PROCESS, 0));
		_exit(0);
	}
	reap(b);
	close(p[1]);
	reap(a);
}

static void *nicer(void *arg)
{
	setpriority(PRIO_PROCESS, 0, 6);
	say("in the thread: %d", getpriority(PRIO_PROCESS, 0));
	return NULL;
}

static void priorities_of_threads(void)
{
	pthread_t t;

	become_nobody();
	pthread_create(&t, NULL, nicer, NULL);
	pthread_join(t, NULL);
	say("in the leader: %d", getpriority(PRIO_PROCESS, 0));
}

/* ---- CPUs ---- */
static void cpu_masks(void)
{
	unsigned long mask[64] = { 0 }, one[64] = { 0 };
	long n = syscall(SYS_sched_getaffinity, 0, sizeof(mask), mask);
	unsigned int cpu = 99, node = 99;
	int first = 0;

	YES(n > 0 && n % 8 == 0);
	while (!(mask[first / 64] >> first % 64 & 1))
		first++;
	R(syscall(SYS_sched_getaffinity, 0, 7, mask));
	R(syscall(SYS_sched_getaffinity, 0, 0, mask));
	R(syscall(SYS_sched_getaffinity, 0, sizeof(mask), wild(8)));
	R(syscall(SYS_sched_getaffinity, -1, sizeof(mask), mask));
	R(syscall(SYS_sched_getaffinity, 0x3fffffff, sizeof(mask), mask));
	R(syscall(SYS_sched_setaffinity, 0, sizeof(one), one));
	R(syscall(SYS_sched_setaffinity, 0, 0, mask));
	R(syscall(SYS_sched_setaffinity, 0, 8, wild(8)));
	R(syscall(SYS_sched_setaffinity, -1, 8, mask));
	R(syscall(SYS_sched_setaffinity, 0x3fffffff, 8, mask));
	one[63] = 1UL << 63;
	R(syscall(SYS_sched_setaffinity, 0, sizeof(one), one));
	one[first / 64] = 1UL << first % 64;
	R(syscall(SYS_sched_setaffinity, 0, sizeof(one), one));
	R(syscall(SYS_getcpu, &cpu, &node, NULL));
	YES((int)cpu == first && node == 0);
	memset(mask, 0xee, sizeof(mask));
	YES(syscall(SYS_sched_getaffinity, 0, sizeof(mask), mask) == n);
	YES(mask[first / 64] == 1UL << first % 64);
	YES(mask[n / 8] == 0xeeeeeeeeeeeeeeee);
	if (!fork()) {
		syscall(SYS_sched_getaffinity, 0, sizeof(mask), mask);
		YES(mask[first / 64] == 1UL << first % 64);
		_exit(0);
	}
	wait(NULL);
	R(syscall(SYS_getcpu, NULL, NULL, NULL));
	R(syscall(SYS_getcpu, wild(8), NULL, NULL));
}

static void cpu_masks_of_others(void)
{
	unsigned long mask[64] = { 0 };

	become_nobody();
	YES(syscall(SYS_sched_getaffinity, 1, sizeof(mask), mask) > 0);
	R(syscall(SYS_sched_setaffinity, 1, sizeof(mask), mask));
}

/* ---- I/O priorities: class << 13 | level ---- */
static void io_priorities(void)
{
	become_nobody();
	R(syscall(SYS_ioprio_set, 1, 0, 2 << 13 | 6));
	R(syscall(SYS_ioprio_get, 1, 0));
	R(syscall(SYS_ioprio_get, 1, getpid()));
	if (!fork()) {
		R(syscall(SYS_ioprio_get, 1, 0));
		_exit(0);
	}
	wait(NULL);
	R(syscall(SYS_ioprio_set, 1, 0, 3 << 13));
	R(syscall(SYS_ioprio_get, 1, 0));
	R(syscall(SYS_ioprio_set, 1, 0, 1 << 13 | 4));
	R(syscall(SYS_ioprio_set, 1, 0, 5 << 13));
	R(syscall(SYS_ioprio_set, 1, 0, 1));
	R(syscall(SYS_ioprio_set, 0, 0, 2 << 13));
	R(syscall(SYS_ioprio_set, 4, 0, 2 << 13));
	R(syscall(SYS_ioprio_set, 1, 0x3fffffff, 2 << 13));
	R(syscall(SYS_ioprio_set, 2, 0x3fffffff, 2 << 13));
	R(syscall(SYS_ioprio_get, 0, 0));
	R(syscall(SYS_ioprio_get, 4, 0));
	R(syscall(SYS_ioprio_get, 1, 0x3fffffff));
	R(syscall(SYS_ioprio_get, 2, 0x3fffffff));
}

/* ---- how many processes a user may have ---- */
static void *nothing(void *arg)
{
	return NULL;
}

static void process_limit(void)
{
	struct rlimit rl = { 0, 0 }, old;
	pthread_t t;
	pid_t pid;

	become_nobody();
	getrlimit(RLIMIT_NPROC, &old);
	rl.rlim_max = old.rlim_max;
	R(setrlimit(RLIMIT_NPROC, &rl));
	R(fork());
	R(syscall(SYS_vfork));
	say("thread: %s", errno_name(pthread_create(&t, NULL, nothing, NULL)));
	rl.rlim_cur = old.rlim_max;
	R(setrlimit(RLIMIT_NPROC, &rl));
	pid = fork();
	if (!pid)
		_exit(0);
	YES(pid > 0);
	reap(pid);
}

ABI_MAIN(CASE(policies), CASE(policies_change), CASE(reset_on_fork), CASE(policy_errors),
	 CASE(attributes), CASE(keep_policy), CASE(round_robin_interval), CASE(priorities),
	 CASE(priorities_of_groups), CASE(priorities_of_threads), CASE(cpu_masks),
	 CASE(cpu_masks_of_others), CASE(io_priorities), CASE(process_limit))
