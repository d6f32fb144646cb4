/* SPDX-License-Identifier: MIT */
/*
 * What the files of sched/ share: the run queue, one a CPU, and the steps of a switch.
 *
 * Lock order: waitq or mutex, then a run queue, then nothing. Two run queues at once: the second by
 * spin_trylock() only. A thread's cpu changes only under the lock of the run queue it names, so
 * thread_rq_lock() can find and hold a thread. The timers have a lock of their own.
 */
#pragma once
#include "sched/sched.h"

struct runqueue {
	spinlock_t lock; /* guards the fields down to timers, and the threads whose cpu is ours */
	struct cpu *cpu;
	struct rb_root tree; /* runnable threads but the running one, by vruntime */
	u32 nr; /* runnable threads, the running one included, idle not */
	u64 load; /* sum of their weights */
	u64 min_vruntime; /* never goes back: where a newcomer is placed */
	u64 exec_start; /* the running thread's time is counted up to here */
	u64 slice_end; /* ~0: nobody waits */
	u64 next_balance;
	struct thread *prev; /* during a switch: who left the CPU */
	u64 busy_ns; /* CPU time of all threads but idle */
	u64 sys_mark; /* cpu->sys_ticks as the running thread came in */

	spinlock_t timer_lock; /* guards timers */
	struct rb_root timers;
	struct timer *running;
	u64 first_timer; /* expiry of the first, or ~0 */
	u64 armed; /* what clock_arm() was told; own CPU, interrupts off */
} __aligned(64);

extern cpumask_t sched_online; /* CPUs with a run queue */

static inline struct runqueue *cpu_rq(u32 cpu)
{
	return cpus[cpu]->rq;
}
static inline struct runqueue *this_rq(void)
{
	return this_cpu()->rq;
}

/* fair.c: with rq->lock held unless said otherwise */
void rq_update(struct runqueue *rq, u64 now); /* charges the running thread up to now */
void rq_put_prev(struct runqueue *rq, struct thread *prev, u64 now);
struct thread *rq_pick(struct runqueue *rq, u64 now);
void rq_tick(struct runqueue *rq, u64 now); /* own lock: slice over? too many here? */
struct runqueue *thread_rq_lock(struct thread *t);
/* t is RUNNABLE and on no queue, and nobody else touches it: puts it on a queue; drops rq->lock.
 * Returns clock_ns(). */
u64 thread_enqueue_unlock(struct runqueue *rq, struct thread *t, bool fresh);
void sched_mark_idle(struct runqueue *rq); /* no lock, both */
void sched_clear_idle(struct runqueue *rq);

/* bandwidth.c: t's run queue is locked, or t is the current thread with nobody to move it */
extern u64 bandwidth_users; /* groups with a limit */
/* Does a limit concern t? Without any, all that cpu.max costs is this. */
static inline bool bandwidth_limited(const struct thread *t)
{
	return unlikely(READ_ONCE(bandwidth_users)) && t->group;
}
void bandwidth_charge(struct thread *t, u64 delta, u64 now); /* t ran for delta ns, up to now */
/* For how many ns t may run before it must be asked again; it is marked when it must not. */
u64 bandwidth_slice(struct thread *t, u64 now);
/* clock_ns() when t should look again whether there is time for it; 0: there is. */
u64 bandwidth_owes(struct thread *t);

/* timer.c */
void timers_run(struct runqueue *rq, u64 now);
void clock_rearm(struct runqueue *rq); /* own CPU, interrupts off */

/* stats.c */
extern u64 sched_nr_threads, sched_nr_forks;
void sched_stats_init(void);
