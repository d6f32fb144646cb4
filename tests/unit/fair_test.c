/* SPDX-License-Identifier: MIT */
/* sources: kernel/sched/fair.c kernel/sched/bandwidth.c kernel/lib/rbtree.c */
/*
 * The scheduler in a simulated machine: up to four CPUs, a clock that moves in steps, threads that burn CPU
 * time and sleep by a plan. The sources find "this CPU" through GS, as in the kernel: here GS points at
 * the CPU whose turn it is. What comes out (who had how much time, who waited how long) is compared
 * with what a fair scheduler owes them. Nothing is random, and no real time passes.
 */
#include <asm/prctl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host.h"
#include "sched/internal.h"

#define MS NSEC_PER_MSEC
#define STEP (50 * NSEC_PER_USEC)
#define CPUS 4
#define MAX_THREADS 64

/* ---- the machine ---- */

struct job { /* a thread with its plan: burn, sleep, burn, sleep ... */
	struct thread t;
	u64 burn, nap; /* lengths; nap 0: it never sleeps */
	u64 left; /* of this burn */
	u64 wakes_at; /* while asleep */
	u64 runnable_since, worst_wait; /* from waking to the first instruction */
	bool waits;
	bool resumes; /* it sleeps because it was throttled */
};

struct cpu *cpus[CPUS];
u32 nr_cpus;
u64 sched_nr_threads, sched_nr_forks;
static struct cpu cpu_of[CPUS];
static struct runqueue rq_of[CPUS];
static struct thread idle_of[CPUS];
static struct job jobs[MAX_THREADS];
static unsigned int nr_jobs;
static u64 now;

static void on_cpu(u32 id)
{
	if (syscall(SYS_arch_prctl, ARCH_SET_GS, &cpu_of[id]))
		fail_msg("arch_prctl: GS cannot be set here");
}

u64 clock_ns(void)
{
	return now;
}

void clock_rearm(struct runqueue *rq)
{
}

void smp_kick(u32 cpu)
{
	cpus[cpu]->need_resched = true;
}

void thread_clear_work(struct thread *t, u32 bits)
{
	t->work &= ~bits;
}

bool schedule_until(u64 deadline)
{
	fail_msg("schedule_until: nobody sleeps by itself here");
	return false;
}

void schedule(void)
{
	struct cpu *c = this_cpu();
	struct runqueue *rq = c->rq;
	struct thread *prev = c->thread, *next;

	if (c->idle) {
		sched_clear_idle(rq);
		c->idle = false;
	}
	spin_lock(&rq->lock);
	c->need_resched = false;
	rq_update(rq, now);
	rq_put_prev(rq, prev, now);
	next = rq_pick(rq, now);
	if (!next)
		fail_msg("rq_pick: expected a thread, got NULL");
	prev->on_cpu = false;
	next->on_cpu = true;
	c->thread = next;
	if (prev->state == THREAD_RUNNABLE && !prev->on_rq && prev != c->idle_thread)
		thread_enqueue_unlock(rq, prev, false); /* it may not run here any more */
	else
		spin_unlock(&rq->lock);
	if (next == c->idle_thread) {
		c->idle = true;
		sched_mark_idle(rq);
	}
}

static void machine(u32 n)
{
	memset(cpu_of, 0, sizeof(cpu_of));
	memset(rq_of, 0, sizeof(rq_of));
	memset(idle_of, 0, sizeof(idle_of));
	memset(jobs, 0, sizeof(jobs));
	nr_jobs = 0;
	now = 1000 * MS;
	nr_cpus = n;
	sched_online = BIT(n) - 1;
	for (u32 i = 0; i < n; i++) {
		struct cpu *c = cpus[i] = &cpu_of[i];

		c->self = c;
		c->id = i;
		c->rq = &rq_of[i];
		c->thread = c->idle_thread = &idle_of[i];
		idle_of[i].cpu = i;
		c->rq->cpu = c;
		c->rq->slice_end = ~0UL;
		c->rq->exec_start = now;
		c->idle = true;
		on_cpu(i);
		sched_mark_idle(c->rq);
	}
	on_cpu(0);
}

/* A thread that begins now, started by whoever runs on this CPU. */
static struct job *begin(u64 burn, u64 nap, int nice)
{
	struct job *j = &jobs[nr_jobs++];

	assert_true(nr_jobs <= MAX_THREADS);
	j->burn = j->left = burn;
	j->nap = nap;
	j->t.nice = nice;
	j->t.allowed = BIT(nr_cpus) - 1;
	j->t.cpu = this_cpu()->id;
	thread_start(&j->t);
	return j;
}

static struct job *hog(int nice)
{
	return begin(~0UL, 0, nice);
}

static void wake_sleepers(u32 id)
{
	for (unsigned int i = 0; i < nr_jobs; i++) {
		struct job *j = &jobs[i];

		if (!j->wakes_at || j->t.cpu != id || now < j->wakes_at)
			continue;
		j->wakes_at = 0;
		if (!j->resumes)
			j->left = j->burn;
		j->resumes = false;
		j->runnable_since = now;
		j->waits = true;
		thread_wake(&j->t);
	}
}

/* What bandwidth_wait() does: the running thread is about to return to ring 3. */
static void throttle(struct cpu *c)
{
	struct job *j = (struct job *)c->thread;

	if (!(j->t.work & THREAD_WORK_THROTTLE))
		return;
	j->wakes_at = bandwidth_owes(&j->t);
	if (!j->wakes_at)
		return;
	j->resumes = true;
	j->t.state = THREAD_INTERRUPTIBLE;
	schedule();
}

/* The running thread has the CPU for a step; at the end of its plan's burn it sleeps. */
static void run_for_step(struct cpu *c)
{
	struct job *j = (struct job *)c->thread;

	if (c->thread == c->idle_thread)
		return;
	if (j->waits) {
		j->worst_wait = max(j->worst_wait, now - j->runnable_since);
		j->waits = false;
	}
	if (j->left > STEP) {
		j->left -= j->left == ~0UL ? 0 : STEP;
		return;
	}
	now += STEP; /* it has used the step up when it goes to sleep */
	j->wakes_at = now + j->nap;
	j->t.state = THREAD_INTERRUPTIBLE;
	schedule();
	now -= STEP;
}

static void run(u64 ns)
{
	for (u64 end = now + ns; now < end; now += STEP)
		for (u32 i = 0; i < nr_cpus; i++) {
			struct cpu *c = cpus[i];

			on_cpu(i);
			wake_sleepers(i);
			if (c->thread != c->idle_thread && now >= c->rq->slice_end)
				rq_tick(c->rq, now);
			if (c->need_resched)
				schedule();
			throttle(c);
			run_for_step(c);
		}
	for (u32 i = 0; i < nr_cpus; i++) { /* charge what ran last */
		on_cpu(i);
		rq_update(cpus[i]->rq, now);
	}
	on_cpu(0);
}

/* ---- what is compared ---- */

static void about(const char *what, u64 got, u64 want, u64 tolerance)
{
	if (!tolerance && got != want)
		fail_msg("%s: expected %llu, got %llu", what, (unsigned long long)want,
			 (unsigned long long)got);
	if (got + tolerance < want || got > want + tolerance)
		fail_msg("%s: expected %llu to %llu, got %llu", what,
			 (unsigned long long)(want > tolerance ? want - tolerance : 0),
			 (unsigned long long)(want + tolerance), (unsigned long long)got);
}

static void at_most(const char *what, u64 got, u64 limit)
{
	if (got > limit)
		fail_msg("%s: expected at most %llu, got %llu", what, (unsigned long long)limit,
			 (unsigned long long)got);
}

#define EQUAL(what, got, want) about(what, got, want, 0)

static u64 ms(const struct job *j)
{
	return j->t.cpu_ns / MS;
}

/* ---- one CPU ---- */

static void test_equal(void **state)
{
	machine(1);
	for (int i = 0; i < 3; i++)
		hog(0);
	run(3000 * MS);
	for (int i = 0; i < 3; i++)
		about("ms of 3000 for one of three", ms(&jobs[i]), 1000, 7);
}

/* One nice level is a quarter more or less. */
static void test_weights(void **state)
{
	struct job *a, *b, *c;

	machine(1);
	a = hog(0);
	b = hog(5);
	c = hog(-5);
	run(4000 * MS);
	/* weights 1024, 335 (1024 / 1.25^5), 3125 (1024 * 1.25^5) */
	about("ms of 4000 at nice 0", ms(a), 4000 * 1024 / 4484, 20);
	about("ms of 4000 at nice 5", ms(b), 4000 * 335 / 4484, 20);
	about("ms of 4000 at nice -5", ms(c), 4000 * 3125 / 4484, 20);
}

/* The turn comes round in about 6 ms for a few threads; none is shorter than 1 ms with many. */
static void test_slices(void **state)
{
	struct runqueue *rq = &rq_of[0];
	u64 last, changes = 0;
	struct thread *who;

	machine(1);
	for (int i = 0; i < 3; i++)
		hog(0);
	run(MS);
	who = cpu_of[0].thread;
	for (last = now; now < last + 600 * MS;) {
		run(STEP);
		if (cpu_of[0].thread != who)
			changes++;
		who = cpu_of[0].thread;
	}
	about("switches in 600 ms of three threads", changes, 300, 30);
	for (int i = 0; i < 17; i++)
		hog(0);
	changes = 0;
	for (last = now; now < last + 600 * MS;) {
		run(STEP);
		if (cpu_of[0].thread != who)
			changes++;
		who = cpu_of[0].thread;
	}
	at_most("switches in 600 ms of twenty threads", changes, 620);
	at_most("nobody waits alone: threads on the queue", rq->nr, 20);
}

/* Who sleeps most of the time gets the CPU soon when it wakes, and all that it asks for. */
static void test_sleeper(void **state)
{
	struct job *j;

	machine(1);
	for (int i = 0; i < 4; i++)
		hog(0);
	j = begin(MS, 19 * MS, 0);
	run(2000 * MS);
	about("ms of 2000 for one that asks for 1 in 20", ms(j), 100, 12);
	at_most("us from waking to running", j->worst_wait / NSEC_PER_USEC, 4000);
}

/* A long sleep is no savings account. */
static void test_night(void **state)
{
	struct job *a, *b;
	u64 before;

	machine(1);
	a = hog(0);
	b = begin(2 * MS, 10000 * MS, 0);
	run(9000 * MS);
	b->burn = ~0UL; /* it wakes to work for good */
	run(1000 * MS + 10 * MS);
	before = ms(a);
	run(200 * MS);
	about("ms of 200 for who worked all night", ms(a) - before, 100, 8);
}

/* A thread gains nothing by starting others, and those begin behind the ones that wait. */
static void test_newcomers(void **state)
{
	struct job *a, *young[10];

	machine(1);
	a = hog(0);
	hog(0);
	run(100 * MS);
	for (int i = 0; i < 10; i++) {
		young[i] = begin(MS / 2, 100000 * MS, 0);
		run(10 * MS);
	}
	about("ms of 200 for one of two, while short threads come and go", ms(a), 98, 8);
	for (int i = 0; i < 10; i++)
		about("us for a short thread", young[i]->t.cpu_ns / NSEC_PER_USEC, 500, 100);
}

/* The counter of virtual time wraps around after 584 years of CPU time; order must not. */
static void test_wrap(void **state)
{
	machine(1);
	rq_of[0].min_vruntime = ~0UL - 500 * MS;
	for (int i = 0; i < 2; i++)
		hog(0);
	run(2000 * MS);
	for (int i = 0; i < 2; i++)
		about("ms of 2000 for one of two", ms(&jobs[i]), 1000, 7);
}

/* yield gives the CPU to the others once, not for ever. */
static void test_yield(void **state)
{
	struct job *a;
	struct thread *first;

	machine(1);
	a = hog(0);
	hog(0);
	run(20 * MS);
	first = cpu_of[0].thread;
	sched_yield();
	if (cpu_of[0].thread == first)
		fail_msg("after sched_yield(): expected the other thread, got the same");
	run(1980 * MS);
	about("ms of 2000 for one of two", ms(a), 1000, 10);
}

/* ---- several CPUs ---- */

static void test_spread(void **state)
{
	machine(4);
	for (int i = 0; i < 4; i++)
		hog(0);
	run(200 * MS);
	for (int i = 0; i < 4; i++)
		about("ms of 200 for one of four on four CPUs", ms(&jobs[i]), 200, 25);
}

static void test_balance(void **state)
{
	u64 all = 0;

	machine(4);
	for (int i = 0; i < 8; i++)
		hog(0);
	run(2000 * MS);
	for (int i = 0; i < 8; i++) {
		about("ms of 2000 for one of eight on four CPUs", ms(&jobs[i]), 1000, 60);
		all += ms(&jobs[i]);
	}
	about("ms of 8000 in all", all, 8000, 60);
}

/* A CPU that runs empty takes work from one that has too much, at once, and only what it may run. */
static void test_pull(void **state)
{
	struct job *last;

	machine(2);
	for (int i = 0; i < 3; i++)
		hog(0);
	run(100 * MS);
	last = (struct job *)cpu_of[1].thread;
	if (rq_of[1].nr == 2) /* the crowd is there: look at the other one */
		last = (struct job *)cpu_of[0].thread;
	last->left = 0; /* it sleeps for good */
	last->nap = 100000 * MS;
	run(2 * STEP);
	if (cpu_of[0].idle || cpu_of[1].idle)
		fail_msg("a CPU whose thread fell asleep, beside one with two: expected that it "
			 "takes one, got "
			 "an idle CPU");
	for (int i = 0; i < 3; i++)
		thread_set_allowed(&jobs[i].t, BIT(0));
	run(20 * MS);
	EQUAL("threads on CPU 1 when none may run there", rq_of[1].nr, 0);
	EQUAL("threads on CPU 0", rq_of[0].nr, 2);
}

/* Nobody runs where it may not (sched_setaffinity(2)). */
static void test_affinity(void **state)
{
	struct job *a;

	machine(2);
	a = hog(0);
	hog(0);
	hog(0);
	run(20 * MS);
	for (int i = 0; i < 3; i++)
		thread_set_allowed(&jobs[i].t, BIT(0));
	run(MS); /* one may have been running on CPU 1 */
	run(600 * MS);
	for (int i = 0; i < 3; i++)
		if (jobs[i].t.cpu != 0)
			fail_msg("thread %d: expected CPU 0, got %u", i, jobs[i].t.cpu);
	about("ms of 600 for one of three on one CPU", ms(a), 200, 20);
}

/* ---- groups: rations and shares ---- */

static struct sched_group outer, inner;

static void groups(u32 n)
{
	machine(n);
	bandwidth_users = 0;
	sched_group_init(&outer, NULL, 1024);
	sched_group_init(&inner, &outer, 1024);
}

static struct job *hog_in(struct sched_group *g)
{
	struct job *j = hog(0);

	thread_set_group(&j->t, g);
	return j;
}

static void test_quota(void **state)
{
	struct bandwidth b;
	struct job *a;

	groups(1);
	sched_group_set_bandwidth(&outer, 20 * MS, 100 * MS);
	a = hog_in(&outer);
	run(5000 * MS);
	about("ms of 5000 at 20 %", ms(a), 1000, 5);
	b = sched_group_bandwidth(&outer);
	about("periods", b.nr_periods, 50, 1);
	about("of these throttled", b.nr_throttled, 50, 1);
	about("ms throttled", b.throttled_ns / MS, 4000, 100);
	if (!cpu_of[0].idle)
		fail_msg("at the end of a period: expected an idle CPU, got a busy one");
}

/* Others have what the limited group must leave; without need nobody is throttled. */
static void test_quota_beside(void **state)
{
	struct job *a, *b;

	groups(1);
	sched_group_set_bandwidth(&outer, 30 * MS, 100 * MS);
	sched_group_set_bandwidth(&inner, 90 * MS, 100 * MS);
	a = hog_in(&outer);
	b = hog(0);
	run(3000 * MS);
	about("ms of 3000 at 30 %", ms(a), 900, 8);
	about("ms of 3000 beside it", ms(b), 2100, 8);
	EQUAL("periods of the group that did nothing", inner.bw.nr_periods, 0);
}

/* A child has no more than its parent, and what it uses is missing there; several CPUs at once. */
static void test_quota_nested(void **state)
{
	struct job *in[3], *out;

	groups(4);
	sched_group_set_bandwidth(&outer, 150 * MS, 100 * MS);
	sched_group_set_bandwidth(&inner, 50 * MS, 100 * MS);
	for (int i = 0; i < 3; i++)
		in[i] = hog_in(&inner);
	out = hog_in(&outer);
	run(4000 * MS);
	about("ms of three in the inner group", ms(in[0]) + ms(in[1]) + ms(in[2]), 2000, 30);
	about("ms of the one beside them", ms(out), 4000, 200);
	hog_in(&outer);
	run(4000 * MS);
	about("ms of both groups",
	      ms(&jobs[0]) + ms(&jobs[1]) + ms(&jobs[2]) + ms(&jobs[3]) + ms(&jobs[4]), 12000, 200);
}

/* A limit concerns who runs already and alone, and one that is lifted is gone. */
static void test_quota_set(void **state)
{
	struct job *a;
	u64 before;

	groups(1);
	a = hog_in(&outer);
	run(200 * MS);
	sched_group_set_bandwidth(&outer, 10 * MS, 50 * MS);
	before = ms(a);
	run(1000 * MS);
	about("ms of 1000 at 20 %", ms(a) - before, 200, 3);
	sched_group_set_bandwidth(&outer, 0, 50 * MS);
	before = ms(a);
	run(1000 * MS);
	about("ms of 1000 without a limit", ms(a) - before, 1000, 50);
	EQUAL("groups with a limit", bandwidth_users, 0);
}

static void test_shares(void **state)
{
	struct job *a, *b[3];

	groups(1);
	sched_group_init(&inner, NULL, 3 * 1024);
	a = hog_in(&outer);
	for (int i = 0; i < 3; i++)
		b[i] = hog_in(&inner);
	run(4000 * MS);
	about("ms of 4000 for a group of weight 1", ms(a), 1000, 20);
	about("ms of 4000 for three of weight 3", ms(b[0]) + ms(b[1]) + ms(b[2]), 3000, 20);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equal),        cmocka_unit_test(test_weights),
		cmocka_unit_test(test_slices),       cmocka_unit_test(test_sleeper),
		cmocka_unit_test(test_night),        cmocka_unit_test(test_newcomers),
		cmocka_unit_test(test_wrap),         cmocka_unit_test(test_yield),
		cmocka_unit_test(test_spread),       cmocka_unit_test(test_balance),
		cmocka_unit_test(test_pull),         cmocka_unit_test(test_affinity),
		cmocka_unit_test(test_quota),        cmocka_unit_test(test_quota_beside),
		cmocka_unit_test(test_quota_nested), cmocka_unit_test(test_quota_set),
		cmocka_unit_test(test_shares),
	};

	return RUN_TESTS(argc, argv, tests, NULL);
}
