/* SPDX-License-Identifier: MIT */
/*
 * The face of sched/: threads, the fair scheduler, wait queues, timers, sleeping locks.
 * A thread is what a CPU runs; a process (proc/) is built around one or more of them. sched/ stands
 * below mm/, because a page fault may sleep: it knows an address space only as x86's addr_space,
 * and memory only as lib/alloc.h.
 */
#pragma once
#include "lib/lib.h"
#include "x86/x86.h"

enum thread_state {
	THREAD_RUNNABLE, /* on a run queue, or running */
	THREAD_INTERRUPTIBLE, /* asleep; a signal wakes it */
	THREAD_UNINTERRUPTIBLE,
	THREAD_STOPPED, /* job control, ptrace, freezer: only thread_wake() of the owner */
	THREAD_DEAD, /* ended, or not yet started */
};

struct mm;
struct files;
struct fs_context;
struct cgroup_member;
struct thread;

/* Called around a switch with interrupts off; vmm/ saves and loads what a guest left in the CPU. */
struct switch_hook {
	void (*out)(struct switch_hook *h); /* its thread leaves this CPU */
	void (*in)(struct switch_hook *h);
};

/*
 * Shares of a CPU: one a group of threads (a cgroup). The threads and groups inside a group share its
 * weight, so a group with many threads gets no more than one with few. A thread without a group
 * counts by its nice value alone. cpu.weight w is weight w * 1024 / 100.
 */
struct bandwidth { /* CPU time that is rationed, in ns (cpu.max); bandwidth.c */
	u64 quota, period; /* so much in each period, of all CPUs together; quota 0: no limit */
	s64 left; /* in this period; below 0: owed by the next ones */
	u64 ends; /* clock_ns() */
	u64 out_since; /* nothing was left then; 0: something is */
	u64 nr_periods, nr_throttled,
		throttled_ns; /* in which it ran; in which it stood; how long */
};
struct sched_group {
	struct sched_group *parent; /* constant; NULL: directly below the root */
	spinlock_t lock; /* guards the rest; taken inside a run queue's, children first */
	u32 weight; /* 1024: as one thread of nice 0 */
	u32 nr_active; /* runnable threads and active groups directly inside */
	s64 load; /* sum of their weights */
	u32 parent_weight; /* what the parent's load holds for this group */
	struct bandwidth bw;
};
void sched_group_init(struct sched_group *g, struct sched_group *parent, u32 weight);
void sched_group_set_weight(struct sched_group *g, u32 weight);
/* quota ns of CPU time a period of 1 ms to 1 s, for g and the groups below together; 0: no limit. */
void sched_group_set_bandwidth(struct sched_group *g, u64 quota, u64 period);
/* The same as set now, and the figures up to now. */
struct bandwidth sched_group_bandwidth(struct sched_group *g);

struct thread {
	u32 work; /* THREAD_WORK_*; atomic. First: entry.S looks at it at each system call */
	/* constant, or its own CPU only */
	u64 rsp; /* saved stack pointer while not running */
	void *stack; /* KSTACK_SIZE bytes */
	void *fpu; /* fpu_alloc(); NULL in a kernel thread */
	u64 fs_base, gs_base;
	struct addr_space *space; /* NULL: kernel thread */
	struct switch_hook *hook; /* NULL but in a vCPU's thread */
	char name[16];
	/* The last step of a dead thread, off its own stack. Any thread calls it: it must not sleep. */
	void (*release)(struct thread *t);
	void (*fn)(void *arg); /* where it begins */
	void *fn_arg;

	/* guarded by the run queue's lock of its cpu */
	enum thread_state state;
	bool on_rq, on_cpu;
	u32 cpu;
	cpumask_t allowed;
	int nice; /* -20..19 */
	u64 weight, vruntime;
	u64 slice_start; /* clock_ns() when it last got the CPU */
	u64 queued_at, run_delay; /* since when it waits for the CPU; ns it has waited in all */
	struct rb_node rq_node;
	struct sched_group *group;
	u64 kicked_at; /* it was given to a sleeping CPU, which has not yet begun it; 0: no */
	u64 woke_at; /* own CPU: when it last woke somebody, and has not slept since; 0: no */
	u8 sync; /* own CPU: how many times in a row it slept right after waking somebody */

	u64 cpu_ns; /* CPU time had */
	u64 sys_ticks; /* how much of that in ring 0, in ticks of the TSC */
	/* its own CPU; read from outside */
	u64 nr_voluntary, nr_involuntary, minor_faults, major_faults;

	/* What the layers above hang on a thread; sched/ never looks inside. */
	struct mm *mm; /* mm/ */
	struct fs_context *fs; /* fs/: root, cwd, umask, mount namespace */
	struct files *files; /* fs/: descriptors */
	const struct cred *cred; /* lib/cred.h */
#ifdef LOCKDEP
	struct held_locks mutexes; /* own thread */
#endif
	struct res_counter *mem_charge; /* who pays for this thread's memory; NULL: nobody */
	struct res_counter *mem_pays; /* own thread: instead of mem_charge, unless NULL */
	struct res_counter *mem_stocked; /* own thread: who has paid ahead for objects to come, */
	u64 mem_stock; /* and so many bytes; mem_unstock() */
	u32 io_owes; /* own thread: 1 << BIO_*, which THREAD_WORK_IO is about */
	const struct rlimit64 *rlim; /* the process's limits, by RLIMIT_*; NULL: none */
#ifdef SAN
	u32 fail_nth; /* own thread: which allocation from now on fails; 0: none does */
#endif
};
#ifdef SAN
#define KSTACK_SIZE 32768UL
#else
#define KSTACK_SIZE 16384UL
#endif

#define THREAD_WORK_SIGNAL 0x1U /* a signal is pending, or the thread must stop or die */
#define THREAD_WORK_KILLED 0x2U /* a fatal one: even uninterruptible page waits end */
#define THREAD_WORK_TRACE 0x4U /* ptrace(2) wants to see where a system call begins and ends */
#define THREAD_WORK_REGS 0x8U /* thread_regs() were changed: all must be loaded before ring 3 */
#define THREAD_WORK_DEBUG 0x10U /* its debug registers go into the CPU before ring 3 */
#define THREAD_WORK_THROTTLE 0x20U /* its group has used up its time: bandwidth_wait() */
#define THREAD_WORK_SECCOMP 0x40U /* filters are asked about each of its system calls */
#define THREAD_WORK_RECLAIM 0x80U /* its group has more memory than it should: mem_high_wait() */
#define THREAD_WORK_IO 0x100U /* its group has done more on a disk than it should: io_wait_hook() */
#define THREAD_WORK_CALLS (THREAD_WORK_TRACE | THREAD_WORK_SECCOMP) /* at system calls alone */
static inline bool thread_interrupted(void)
{
	return READ_ONCE(current_thread()->work) & THREAD_WORK_SIGNAL;
}
static inline bool thread_killed(void)
{
	return READ_ONCE(current_thread()->work) & THREAD_WORK_KILLED;
}
/* A limit of the current process (getrlimit(2)), as it is now. */
u64 thread_rlimit(unsigned int resource);
void thread_set_work(struct thread *t,
		     u32 bits); /* also wakes an interruptible sleeper, kicks its CPU */
void thread_clear_work(struct thread *t, u32 bits);

/*
 * Fills t (zeroed by the caller) with a stack that begins in fn(arg), not yet runnable. fn must not
 * return. fpu: give it FPU state. 0 or -ENOMEM.
 */
int thread_init(struct thread *t, const char *name, void (*fn)(void *arg), void *arg, bool fpu);
void thread_deinit(
	struct thread *t); /* stack and FPU area, of a thread that is dead or never ran */
/* The saved user registers of t: at the top of its stack. */
static inline struct regs *thread_regs(const struct thread *t)
{
	return (struct regs *)((char *)t->stack + KSTACK_SIZE) - 1;
}
void __noreturn thread_exit(void); /* ends the current thread; its release() is called later */
/* Makes t runnable when its state is in mask of BIT(enum thread_state). True when it was. */
bool thread_wake_states(struct thread *t, u32 mask);
static inline bool thread_wake(struct thread *t)
{
	return thread_wake_states(t, BIT(THREAD_INTERRUPTIBLE) | BIT(THREAD_UNINTERRUPTIBLE));
}
/* Has t, which sleeps, left its CPU, so that its registers are saved? */
bool thread_off_cpu(struct thread *t);
void thread_start(struct thread *t); /* first time on a run queue */
void thread_set_nice(struct thread *t, int nice);
int thread_set_allowed(struct thread *t, cpumask_t mask); /* -EINVAL when no such CPU */
/* Moves t to a group; g NULL: none. */
void thread_set_group(struct thread *t, struct sched_group *g);
/*
 * THREAD_WORK_THROTTLE, on the way to ring 3 and with no lock held: sleeps until the groups of the
 * current thread have time again. An interrupted thread comes back at once, to end, stop or freeze
 * or to take a signal, and is then asked again.
 */
void bandwidth_wait(void);
/* CPU time of t so far, up to now, ns. */
void thread_times(struct thread *t, u64 *user, u64 *sys);

/* Gives up the CPU; comes back when chosen. With state not RUNNABLE: when woken. */
void schedule(void);
void sched_yield(void);
/* In long kernel loops: lets others run when this thread's slice is over. May sleep. */
static inline void cond_resched(void)
{
	if (unlikely(this_cpu()->need_resched))
		schedule();
}
void sched_init(void); /* this CPU's run queue; the caller becomes the first thread */
void __noreturn sched_secondary(void); /* entry of the other CPUs */
void __noreturn sched_idle(void); /* idle loop; the boot thread ends here: its CPU has another */
void sched_timer(void); /* entry_ops.timer: timers and slice */
/* For /proc: runnable and all threads, load averages * 2048, per-CPU idle/user/sys ns. */
struct sched_stats {
	u64 nr_runnable, nr_threads, nr_switches, nr_forks;
	u64 load[3]; /* 1, 5, 15 minutes, in 1/2048 */
};
void sched_stats(struct sched_stats *st);
void sched_cpu_times(unsigned int cpu, u64 *user, u64 *sys, u64 *idle);

/*
 * ---- timers: callbacks run with interrupts off, on some CPU ----
 * Start and cancel of one timer are for the caller to keep apart; the callback may do both.
 */
struct timer {
	struct rb_node rb;
	u64 expires; /* clock_ns() */
	void (*fn)(struct timer *t);
	u32 cpu;
	bool armed;
};
void timer_init(struct timer *t, void (*fn)(struct timer *t));
/* Re-arms when armed. True: it was, so that fn is called once for both; what is read from t->armed may
 * have changed meanwhile. */
bool timer_start(struct timer *t, u64 expires);
/* True when it was armed. Afterwards fn is not running, unless called from fn itself: hold no lock
 * that fn takes. */
bool timer_cancel(struct timer *t);

/* ---- wait queues: the one way to wait for something ---- */
struct wait_entry;
typedef void (*wait_func)(struct wait_entry *w, u32 key);
struct wait_entry {
	struct list_head link; /* empty when not queued */
	wait_func func; /* runs under the queue's lock; NULL: wake thread and leave the queue */
	struct thread *thread;
	struct waitq *wq; /* where it is queued */
};
struct waitq {
	spinlock_t lock;
	struct list_head waiters;
};
#define WAITQ_INIT(wq)                                                                             \
	{                                                                                          \
		SPINLOCK_INIT, LIST_INIT((wq).waiters)                                             \
	}
void waitq_init(struct waitq *wq);
void waitq_add(struct waitq *wq, struct wait_entry *w);
void waitq_del(struct wait_entry *w); /* safe when not queued */
/* key: POLL* bits for pollers, else 0. Any context. */
void waitq_wake_all(struct waitq *wq, u32 key);

/*
 * The loop below, by hand:
 *	waitq_prepare(wq, &w, state);     queue, set state
 *	if (!cond && !interrupted) schedule_until(deadline);
 *	waitq_finish(&w);                 runnable, off the queue
 */
void waitq_prepare(struct waitq *wq, struct wait_entry *w, enum thread_state state);
void waitq_finish(struct wait_entry *w);
/* schedule() with an end: false when the deadline (clock_ns(), ~0UL: none) passed first. */
bool schedule_until(u64 deadline);

/*
 * Waits until cond (evaluated without locks, many times). 0 when it holds; -ERESTARTSYS when
 * interrupted; -ETIMEDOUT at deadline (ns of clock_ns(), ~0UL: never).
 */
#define wait_event_until(wq, cond, deadline)                                                       \
	({                                                                                         \
		struct wait_entry _w = { 0 };                                                      \
		int _r = 0;                                                                        \
		lockdep_might_sleep();                                                             \
		list_init(&_w.link);                                                               \
		while (!(cond)) {                                                                  \
			bool _in_time = true;                                                      \
			waitq_prepare((wq), &_w, THREAD_INTERRUPTIBLE);                            \
			if (cond)                                                                  \
				break;                                                             \
			if (thread_interrupted()) {                                                \
				_r = -ERESTARTSYS;                                                 \
				break;                                                             \
			}                                                                          \
			_in_time = schedule_until(deadline);                                       \
			waitq_finish(&_w);                                                         \
			if (!_in_time && !(cond)) {                                                \
				_r = -ETIMEDOUT;                                                   \
				break;                                                             \
			}                                                                          \
		}                                                                                  \
		waitq_finish(&_w);                                                                 \
		_r;                                                                                \
	})
#define wait_event(wq, cond) wait_event_until(wq, cond, ~0UL)
/* Not interruptible: for what surely comes soon. */
#define wait_event_uninterruptible(wq, cond)                                                       \
	do {                                                                                       \
		struct wait_entry _w = { 0 };                                                      \
		lockdep_might_sleep();                                                             \
		list_init(&_w.link);                                                               \
		while (!(cond)) {                                                                  \
			waitq_prepare((wq), &_w, THREAD_UNINTERRUPTIBLE);                          \
			if (!(cond))                                                               \
				schedule();                                                        \
			waitq_finish(&_w);                                                         \
		}                                                                                  \
	} while (0)

/* ---- sleeping lock ---- */
struct mutex {
	u64 owner; /* struct thread *, and MUTEX_WAITED_FOR; 0: free */
	spinlock_t lock; /* guards the rest */
	struct list_head waiters;
#ifdef LOCKDEP
	struct lock_class *class;
#endif
};
#define MUTEX_WAITED_FOR 1UL
#define MUTEX_INIT(m)                                                                              \
	{                                                                                          \
		.lock = SPINLOCK_INIT, .waiters = LIST_INIT((m).waiters)                           \
	}
void mutex_init(struct mutex *m);
void mutex_lock(struct mutex *m);
bool mutex_trylock(struct mutex *m); /* false: somebody has it */
void mutex_unlock(struct mutex *m);
static inline bool mutex_is_mine(const struct mutex *m)
{
	return (READ_ONCE(m->owner) & ~MUTEX_WAITED_FOR) == (u64)current_thread();
}

/* The second mutex of a class while one is held, and the checker's eyes: as in x86/spinlock.h. */
#ifndef LOCKDEP
#define mutex_lock_nested(m, subclass) mutex_lock(m)
#else
#define waitq_init(wq)                                                                             \
	({                                                                                         \
		(waitq_init)(wq);                                                                  \
		LOCKDEP_CLASS(&(wq)->lock, #wq);                                                   \
	})
#define mutex_init(m)                                                                              \
	({                                                                                         \
		(mutex_init)(m);                                                                   \
		LOCKDEP_CLASS(m, #m);                                                              \
	})
#define mutex_lock_nested(m, subclass)                                                             \
	({                                                                                         \
		struct mutex *m_ = (m);                                                            \
		lockdep_might_sleep();                                                             \
		lockdep_take(m_, &m_->class, #m, subclass, 0);                                     \
		(mutex_lock)(m_);                                                                  \
	})
#define mutex_lock(m) mutex_lock_nested(m, 0)
#define mutex_trylock(m)                                                                           \
	({                                                                                         \
		struct mutex *m_ = (m);                                                            \
		bool got_ = (mutex_trylock)(m_);                                                   \
		if (got_)                                                                          \
			lockdep_take(m_, &m_->class, #m, 0, LOCK_TRIED);                           \
		got_;                                                                              \
	})
#define mutex_unlock(m)                                                                            \
	({                                                                                         \
		struct mutex *m_ = (m);                                                            \
		lockdep_drop(m_, 0);                                                               \
		(mutex_unlock)(m_);                                                                \
	})
#endif
static inline void mutex_guard_end(struct mutex **m)
{
	mutex_unlock(*m);
}
/* Holds m to the end of the block, however that is left. */
#define MUTEX_GUARD(m)                                                                             \
	mutex_lock(m);                                                                             \
	struct mutex *guard_ __attribute__((cleanup(mutex_guard_end), unused)) = (m)
