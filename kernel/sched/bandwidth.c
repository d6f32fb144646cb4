/* SPDX-License-Identifier: MIT */
/*
 * Rationed CPU time (cpu.max): a group and all below it may have quota ns in each period, wherever
 * they run. What a thread has run is taken from every limited group above it, in rq_update(). A
 * thread whose group has nothing left is marked, and sleeps where it would return to ring 3
 * (bandwidth_wait()): there it holds no lock that others wait for, and a signal finds it. What it ran
 * beyond the limit until then, in the kernel or on other CPUs at the same time, is owed: the next
 * periods are shorter by it, so that the average is exact.
 *
 * There is no timer of a group. A period begins when somebody looks and the last one is over, and each
 * sleeper has its own time to look again. A group that did nothing saves nothing up.
 *
 * Locks: sched_group.lock guards struct bandwidth, inside the run queue's.
 */
#include "sched/internal.h"

/* Two CPUs may ask at once, and each be told what only one can have: they ask again soon. */
#define ASK_AGAIN (500 * NSEC_PER_USEC)
/* A newcomer on the queue waits no longer than for an unlimited thread. */
#define SLICE_MAX (6 * NSEC_PER_MSEC)

u64 bandwidth_users;

/* The periods that began up to now. g->lock held. */
static void refill(struct bandwidth *b, u64 now)
{
	/* LAB 07: begin
	 * b->ends is when the current period ends, b->left what is left of the quota in it: less than 0 when
	 * more was run than there was (two CPUs at once, or a long system call). For every period that has begun
	 * up to now: add the quota to what is left, but never more than the quota altogether, since nothing is
	 * saved up. A group that is out of time has been so since b->out_since (0: it is not); with something
	 * left again, it is not. Count the periods, and in those where it was out, nr_throttled and
	 * throttled_ns (each period adds its own part; out_since moves along while it is still out).
	 * A group that slept for a year has begun millions of periods: no loop over those that change
	 * nothing. Times are compared by their difference, as they may wrap: (s64)(now - b->ends) >= 0.
	 * starter: b->left = b->quota;
	 * starter: b->ends = now + b->period;
	 */
	for (; (s64)(now - b->ends) >= 0 && b->left < (s64)b->quota; b->ends += b->period) {
		b->nr_periods++;
		b->left = min(b->left + (s64)b->quota, (s64)b->quota);
		if (!b->out_since)
			continue;
		b->nr_throttled++;
		b->throttled_ns += b->ends - b->out_since;
		b->out_since = b->left > 0 ? 0 : b->ends;
	}
	if ((s64)(now - b->ends) >= 0)
		b->ends = now + b->period;
	/* LAB 07: end */
}

/* Takes delta from all limited groups of t. The least that is left in one; *again: when that changes. */
static s64 take(struct thread *t, u64 delta, u64 now, u64 *again)
{
	s64 least = (s64)(~0UL >> 1);

	for (struct sched_group *g = t->group; g; g = g->parent) {
		struct bandwidth *b = &g->bw;

		if (!READ_ONCE(b->quota))
			continue;
		spin_lock(&g->lock);
		b->left -= delta;
		refill(b, now);
		if (b->left <= 0 && !b->out_since)
			b->out_since = now;
		if (b->left < least) {
			least = b->left;
			*again = b->ends;
		}
		spin_unlock(&g->lock);
	}
	if (least <= 0)
		__atomic_fetch_or(&t->work, THREAD_WORK_THROTTLE, __ATOMIC_RELAXED);
	return least;
}

void bandwidth_charge(struct thread *t, u64 delta, u64 now)
{
	u64 again;

	take(t, delta, now, &again);
}

u64 bandwidth_slice(struct thread *t, u64 now)
{
	u64 again;
	s64 left = take(t, 0, now, &again);

	return min(max(left / (s64)nr_cpus, (s64)ASK_AGAIN), (s64)SLICE_MAX);
}

u64 bandwidth_owes(struct thread *t)
{
	struct runqueue *rq = thread_rq_lock(t);
	u64 now = clock_ns(), again = 0;

	if (t == rq->cpu->thread)
		rq_update(rq, now);
	thread_clear_work(t, THREAD_WORK_THROTTLE);
	if (take(t, 0, now, &again) > 0)
		again = 0;
	spin_unlock(&rq->lock);
	return again;
}

void bandwidth_wait(void)
{
	u64 again;

	while (!thread_interrupted() && (again = bandwidth_owes(current_thread()))) {
		WRITE_ONCE(current_thread()->state, THREAD_INTERRUPTIBLE);
		schedule_until(again);
	}
}

void sched_group_set_bandwidth(struct sched_group *g, u64 quota, u64 period)
{
	struct bandwidth *b = &g->bw;

	spin_lock(&g->lock);
	__atomic_fetch_add(&bandwidth_users, !!quota - !!b->quota, __ATOMIC_RELAXED);
	WRITE_ONCE(b->quota, quota);
	b->period = period;
	b->left = quota;
	b->ends = clock_ns() + period;
	b->out_since = 0;
	spin_unlock(&g->lock);
	if (!quota)
		return;
	/* Who runs now was told how long before there was this limit. */
	for (u32 cpu = 0; cpu < nr_cpus; cpu++)
		smp_kick(cpu);
}

struct bandwidth sched_group_bandwidth(struct sched_group *g)
{
	struct bandwidth b;

	spin_lock(&g->lock);
	if (g->bw.quota)
		refill(&g->bw, clock_ns());
	b = g->bw;
	spin_unlock(&g->lock);
	return b;
}
