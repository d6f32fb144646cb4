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

void sched_cpu_times(unsigned int cpu, u64 *user, u64 *sys, u64 *idle)
{
	struct runqueue *rq = cpu_rq(cpu);

	spin_lock(&rq->lock);
	rq_update(rq, max(clock_ns(), rq->exec_start));
	*user = rq->user_ns;
	*sys = rq->sys_ns;
	*idle = rq->cpu->idle_ns;
	spin_unlock(&rq->lock);
}

void thread_times(struct thread *t, u64 *user, u64 *sys)
{
	struct runqueue *rq = thread_rq_lock(t);
	u64 now = clock_ns(), stamp = READ_ONCE(t->acct_stamp);

	*user = t->user_ns;
	*sys = t->sys_ns;
	if (t == rq->cpu->thread && now > stamp)
		*(t->acct_kernel ? sys : user) += now - stamp;
	spin_unlock(&rq->lock);
}
