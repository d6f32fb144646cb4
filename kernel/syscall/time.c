/* SPDX-License-Identifier: MIT */
/*
 * Clocks, sleeping and timers (time(7)). Inside the kernel a time is a count of nanoseconds; here it
 * takes the forms of timespec, timeval and time_t.
 */
#include "syscall/syscall.h"

#include <linux/capability.h>
#include <linux/timex.h>

SYSCALL2(clock_gettime, int, clock, struct __kernel_timespec __user *, uts)
{
	u64 ns;
	int err = do_clock_gettime(clock, &ns);

	return err ?: put_timespec(uts, ns);
}

SYSCALL2(clock_getres, int, clock, struct __kernel_timespec __user *, uts)
{
	u64 ns;
	int err = do_clock_getres(clock, &ns);

	return err ?: uts ? put_timespec(uts, ns) : 0;
}

SYSCALL2(clock_settime, int, clock, const struct __kernel_timespec __user *, uts)
{
	u64 ns;

	return user_timespec(&ns, uts) ?: do_clock_settime(clock, ns);
}

SYSCALL2(gettimeofday, struct __kernel_old_timeval __user *, utv, struct timezone __user *, utz)
{
	u64 ns = clock_wall_ns();
	struct __kernel_old_timeval tv = { ns / NSEC_PER_SEC, ns % NSEC_PER_SEC / NSEC_PER_USEC };
	struct timezone tz = { 0 };

	if ((utv && put_user(tv, utv)) || (utz && put_user(tz, utz)))
		return -EFAULT;
	return 0;
}

SYSCALL2(settimeofday, const struct __kernel_old_timeval __user *, utv,
	 const struct timezone __user *, utz)
{
	struct __kernel_old_timeval tv;

	if (utv && get_user(tv, utv))
		return -EFAULT;
	if (utv && (tv.tv_sec < 0 || (u64)tv.tv_usec >= 1000000))
		return -EINVAL;
	if (!capable(CAP_SYS_TIME))
		return -EPERM;
	if (!utv) /* a time zone alone: kept by the C library, not here */
		return 0;
	return do_clock_settime(CLOCK_REALTIME,
				tv.tv_sec * NSEC_PER_SEC + tv.tv_usec * NSEC_PER_USEC);
}

SYSCALL1(time, __kernel_old_time_t __user *, ut)
{
	__kernel_old_time_t t = clock_wall_ns() / NSEC_PER_SEC;

	return ut && put_user(t, ut) ? -EFAULT : t;
}

SYSCALL2(nanosleep, const struct __kernel_timespec __user *, uts, struct __kernel_timespec __user *,
	 urem)
{
	u64 ns;

	return user_timespec(&ns, uts) ?: do_nanosleep(CLOCK_MONOTONIC, 0, ns, urem);
}

SYSCALL4(clock_nanosleep, int, clock, int, flags, const struct __kernel_timespec __user *, uts,
	 struct __kernel_timespec __user *, urem)
{
	u64 ns;

	return user_timespec(&ns, uts) ?: do_nanosleep(clock, flags, ns, urem);
}

/* ---- interval and POSIX timers ---- */

SYSCALL_IS(alarm, do_alarm(_1))

SYSCALL3(setitimer, int, which, const struct itimerval __user *, unew, struct itimerval __user *,
	 uold)
{
	struct itimerval new = { 0 }, old;
	int err;

	if (unew && get_user(new, unew))
		return -EFAULT;
	err = do_setitimer(which, &new, &old);
	return err ?: uold ? put_user(old, uold) : 0;
}

SYSCALL2(getitimer, int, which, struct itimerval __user *, ucur)
{
	struct itimerval cur;
	int err = do_getitimer(which, &cur);

	return err ?: put_user(cur, ucur);
}

SYSCALL3(timer_create, int, clock, const struct sigevent __user *, uev, int __user *, uid)
{
	struct sigevent ev;
	int id, err;

	if (uev && get_user(ev, uev))
		return -EFAULT;
	err = do_timer_create(clock, uev ? &ev : NULL, &id);
	if (!err && put_user(id, uid)) {
		do_timer_delete(id);
		err = -EFAULT;
	}
	return err;
}

SYSCALL4(timer_settime, int, id, int, flags, const struct __kernel_itimerspec __user *, unew,
	 struct __kernel_itimerspec __user *, uold)
{
	struct __kernel_itimerspec new, old;
	int err;

	if (!unew)
		return -EINVAL;
	if (get_user(new, unew))
		return -EFAULT;
	err = do_timer_settime(id, flags, &new, &old);
	return err ?: uold ? put_user(old, uold) : 0;
}

SYSCALL2(timer_gettime, int, id, struct __kernel_itimerspec __user *, ucur)
{
	struct __kernel_itimerspec cur;
	int err = do_timer_gettime(id, &cur);

	return err ?: put_user(cur, ucur);
}

SYSCALL_IS(timer_getoverrun, do_timer_getoverrun(_1))
SYSCALL_IS(timer_delete, do_timer_delete(_1))
