/* SPDX-License-Identifier: MIT */
/* Clocks and sleeping: clock_gettime(2), clock_nanosleep(2), and how much CPU time was had. */
#include "proc/internal.h"

#include <linux/capability.h>

int timespec_to_ns(const struct __kernel_timespec *ts, u64 *ns)
{
	if (ts->tv_sec < 0 || ts->tv_nsec < 0 || ts->tv_nsec >= (s64)NSEC_PER_SEC)
		return -EINVAL;
	if ((u64)ts->tv_sec >= INT64_MAX / NSEC_PER_SEC)
		*ns = INT64_MAX;
	else
		*ns = ts->tv_sec * NSEC_PER_SEC + ts->tv_nsec;
	return 0;
}

struct __kernel_timespec ns_to_timespec(u64 ns)
{
	return (struct __kernel_timespec){ ns / NSEC_PER_SEC, ns % NSEC_PER_SEC };
}

/* ---- clocks ---- */

/*
 * The clock of another process or thread is a number below 0: ~pid << 3 | kind, 4 for a thread's
 * (clock_getcpuclockid(3)). Its CPU time, -EINVAL.
 */
static int cpu_clock(int clock, u64 *ns)
{
	pid_t pid = ~(clock >> 3);
	bool thread = clock & CPUCLOCK_THREAD;
	struct task *t = current;
	struct usage u;

	if ((clock & 3) == 3)
		return -EINVAL;
	if (pid)
		t = thread ? task_find(task_pid_ns(t), pid)
			   : task_find_process(task_pid_ns(t), pid);
	if (!t)
		return -EINVAL;
	if (thread && t->proc != current->proc) {
		task_put(t);
		return -EINVAL;
	}
	u = thread ? thread_usage(t) : process_usage(t->proc);
	if (pid)
		task_put(t);
	*ns = u.user_ns + ((clock & 3) == 1 ? 0 : u.sys_ns);
	return 0;
}

int do_clock_gettime(int clock, u64 *ns)
{
	clock = cpu_clock_id(clock);
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_REALTIME_ALARM:
	case CLOCK_TAI:
		*ns = clock_wall_ns();
		return 0;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_BOOTTIME:
	case CLOCK_BOOTTIME_ALARM:
		*ns = clock_ns();
		return 0;
	default:
		return clock < 0 ? cpu_clock(clock, ns) : -EINVAL;
	}
}

int do_clock_getres(int clock, u64 *ns)
{
	u64 now;

	if (do_clock_gettime(clock, &now))
		return -EINVAL;
	*ns = 1;
	return 0;
}

struct waitq clock_set_wait = WAITQ_INIT(clock_set_wait);
static u64 clock_sets; /* how often it was set */

int do_clock_settime(int clock, u64 ns)
{
	if (clock != CLOCK_REALTIME)
		return -EINVAL;
	if (!capable(CAP_SYS_TIME))
		return -EPERM;
	clock_wall_set(ns);
	WRITE_ONCE(clock_sets, clock_sets + 1);
	waitq_wake_all(&clock_set_wait, 0);
	return 0;
}

/*
 * The deadline on clock_ns() for a point in time of clock; -EOPNOTSUPP for clocks nobody can sleep on,
 * -EINVAL for those that are not there or not real.
 */
int clock_deadline(int clock, bool absolute, u64 ns, u64 *deadline)
{
	u64 now = 0;

	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_TAI:
	case CLOCK_MONOTONIC:
	case CLOCK_BOOTTIME:
	case CLOCK_REALTIME_ALARM:
	case CLOCK_BOOTTIME_ALARM:
		break;
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_THREAD_CPUTIME_ID:
		return -EOPNOTSUPP;
	default:
		return -EINVAL;
	}
	if (absolute) {
		do_clock_gettime(clock, &now);
		ns = ns > now ? ns - now : 0;
	}
	now = clock_ns();
	*deadline = ns > INT64_MAX - now ? INT64_MAX : now + ns;
	return 0;
}

/* ---- sleeping ---- */

/*
 * Until clock (CLOCK_MONOTONIC, CLOCK_REALTIME or one of CPU time) shows end: 0, -EINVAL when it is gone, or
 * -ERESTARTSYS with what is left. CPU time does not call: it is looked at again when all CPUs
 * together could have brought it there.
 */
static int sleep_until(int clock, u64 end, u64 *left)
{
	struct waitq own, *wq = clock == CLOCK_REALTIME ? &clock_set_wait : &own;
	u64 now, sets;
	int err;

	waitq_init(&own);
	for (int woken = 0;;) {
		sets = READ_ONCE(clock_sets);
		err = do_clock_gettime(clock, &now);
		if (err)
			return err;
		*left = end > now ? end - now : 0;
		if (!*left || woken)
			return *left ? -ERESTARTSYS : 0;
		now = clock >= 0 ? *left : max(*left / nr_cpus, CPU_CHECK_MIN);
		woken = wait_event_until(wq, wq != &own && READ_ONCE(clock_sets) != sets,
					 clock_ns() + now) == -ERESTARTSYS;
	}
}

/* restart_arg: end, rmtp, clock. */
static long nanosleep_restart(struct task *t)
{
	struct __kernel_timespec __user *rmtp = (void __user *)t->restart_arg[1];
	u64 left;
	int err = sleep_until(t->restart_arg[2], t->restart_arg[0], &left);

	if (err != -ERESTARTSYS)
		return err;
	if (rmtp && put_user(ns_to_timespec(left), rmtp))
		return -EFAULT;
	t->restart_fn = nanosleep_restart;
	return -ERESTART_RESTARTBLOCK;
}

long do_nanosleep(int clock, int flags, u64 ns, struct __kernel_timespec __user *rmtp)
{
	struct task *t = current;
	u64 end = ns, now = 0, left;
	int err;

	if (clock == CLOCK_PROCESS_CPUTIME_ID)
		clock = cpu_clock_id(clock);
	if (clock < 0 && (clock & CPUCLOCK_THREAD))
		return -EINVAL; /* its own never goes on in its sleep */
	if (clock < 0) {
		err = flags & TIMER_ABSTIME ? 0 : do_clock_gettime(clock, &now);
		end = ns > INT64_MAX - now ? INT64_MAX : now + ns;
	} else {
		/* A point in time of the wall's clock may come nearer or go away. */
		bool wall = clock == CLOCK_REALTIME && flags & TIMER_ABSTIME;

		err = wall ? 0 : clock_deadline(clock, flags & TIMER_ABSTIME, ns, &end);
		clock = wall ? CLOCK_REALTIME : CLOCK_MONOTONIC;
	}
	if (err)
		return err;
	if (flags & TIMER_ABSTIME) {
		err = sleep_until(clock, end, &left);
		return err == -ERESTARTSYS ? -ERESTARTNOHAND : err;
	}
	t->restart_arg[0] = end;
	t->restart_arg[1] = (u64)rmtp;
	t->restart_arg[2] = clock;
	return nanosleep_restart(t);
}
