/* SPDX-License-Identifier: MIT */
/* The figures of /proc/stat, /proc/loadavg and getrusage(2): counted elsewhere, added up here. */
#include "sched/internal.h"

#define LOAD_EVERY (5 * NSEC_PER_SEC)
#define LOAD_ONE 2048UL

u64 sched_nr_threads, sched_nr_forks;

/* 2048 / exp(5 s / 1, 5, 15 min): how much of the old average stays. */
static const u64 load_keep[3] = { 1884, 2014, 2037 };
static u64 load[3];
static struct timer load_timer;

static u64 nr_runnable(void)
{
	u64 n = 0;
	u32 cpu;

	for (cpu = 0; cpu < nr_cpus; cpu++)
		if (READ_ONCE(sched_online) & BIT(cpu))
			n += READ_ONCE(cpu_rq(cpu)->nr);
	return n;
}

static void load_sample(struct timer *t)
{
	u64 n = nr_runnable() * LOAD_ONE;
	unsigned int i;

	for (i = 0; i < 3; i++)
		WRITE_ONCE(load[i],
			   (load[i] * load_keep[i] + n * (LOAD_ONE - load_keep[i])) / LOAD_ONE);
	timer_start(t, t->expires + LOAD_EVERY);
}

void sched_stats_init(void)
{
	timer_init(&load_timer, load_sample);
	timer_start(&load_timer, clock_ns() + LOAD_EVERY);
}

void sched_stats(struct sched_stats *st)
{
	unsigned int i;

	st->nr_runnable = nr_runnable();
	st->nr_threads = READ_ONCE(sched_nr_threads);
	st->nr_forks = READ_ONCE(sched_nr_forks);
	st->nr_switches = 0;
	for (i = 0; i < nr_cpus; i++)
		st->nr_switches += READ_ONCE(cpus[i]->nr_switches);
	for (i = 0; i < 3; i++)
		st->load[i] = READ_ONCE(load[i]);
}

/* Ticks in ring 0 since the running thread of rq came in. Of another CPU, a moment old. */
static u64 running_sys_ticks(const struct runqueue *rq)
{
	u64 ticks = READ_ONCE(rq->cpu->sys_ticks), since = READ_ONCE(rq->cpu->sys_since);

	return ticks - rq->sys_mark + (since ? max((s64)(rdtsc() - since), 0L) : 0);
}

static void split(u64 total, u64 sys_ticks, u64 *user, u64 *sys)
{
	*sys = min(tsc_to_ns(sys_ticks), total);
	*user = total - *sys;
}

void sched_cpu_times(unsigned int cpu, u64 *user, u64 *sys, u64 *idle)
{
	struct runqueue *rq = cpu_rq(cpu);
	bool idles;

	spin_lock(&rq->lock);
	rq_update(rq, max(clock_ns(), rq->exec_start));
	idles = rq->cpu->thread == rq->cpu->idle_thread;
	split(rq->busy_ns, rq->sys_mark + (idles ? 0 : running_sys_ticks(rq)), user, sys);
	*idle = rq->cpu->idle_ns;
	spin_unlock(&rq->lock);
}

void thread_times(struct thread *t, u64 *user, u64 *sys)
{
	struct runqueue *rq = thread_rq_lock(t);
	u64 ticks = t->sys_ticks;

	if (t == rq->cpu->thread) {
		rq_update(rq, clock_ns());
		ticks += running_sys_ticks(rq);
	}
	split(t->cpu_ns, ticks, user, sys);
	spin_unlock(&rq->lock);
}
