/* SPDX-License-Identifier: MIT */
/*
 * Waiting for many files at once: poll(2), select(2), epoll(7). The waiting itself is fs/'s
 * do_poll() and epoll_collect(); here are their arguments, and the signal mask that ppoll(2),
 * pselect(2) and epoll_pwait(2) hold during the call.
 */
#include "syscall/syscall.h"

#include <linux/eventpoll.h>
#include <linux/posix_types.h>

/* The time left until deadline, for the calls that tell it. */
static u64 time_left(u64 deadline)
{
	u64 now = clock_ns();

	return deadline > now ? deadline - now : 0;
}

/* ---- poll ---- */

/* Waits with the caller's array copied to kernel memory; small ones need no heap. */
static long poll_common(struct pollfd __user *ufds, unsigned int n, u64 deadline)
{
	struct pollfd small[16], *fds = small;
	long ret;

	if (n > current->proc->rlim[RLIMIT_NOFILE].rlim_cur)
		return -EINVAL;
	if (n > ARRAY_SIZE(small)) {
		fds = kmalloc(n * sizeof(*fds));
		if (!fds)
			return -ENOMEM;
	}
	ret = copy_from_user(fds, ufds, n * sizeof(*fds));
	for (unsigned int i = 0; i < n; i++)
		fds[i].events |= POLLERR | POLLHUP; /* asked for or not */
	if (!ret)
		ret = do_poll(fds, n, deadline);
	for (unsigned int i = 0; ret >= 0 && i < n; i++)
		if (put_user(fds[i].revents, &ufds[i].revents))
			ret = -EFAULT;
	if (fds != small)
		kfree(fds);
	return ret;
}

static u64 deadline_ms(int ms)
{
	return ms < 0 ? ~0UL : deadline_after(ms * NSEC_PER_MSEC);
}

/* restart_arg: array, count, deadline. A stop and a continue do not begin the time anew. */
static long poll_restart(struct task *t)
{
	u64 *a = t->restart_arg;
	long ret = poll_common((struct pollfd __user *)a[0], a[1], a[2]);

	if (ret != -ERESTARTNOHAND)
		return ret;
	t->restart_fn = poll_restart;
	return -ERESTART_RESTARTBLOCK;
}

SYSCALL3(poll, struct pollfd __user *, fds, unsigned int, n, int, ms)
{
	struct task *t = current;

	t->restart_arg[0] = (u64)fds;
	t->restart_arg[1] = n;
	t->restart_arg[2] = deadline_ms(ms);
	return poll_restart(t);
}

SYSCALL5(ppoll, struct pollfd __user *, fds, unsigned int, n, struct __kernel_timespec __user *,
	 uts, const ksigset_t __user *, umask, size_t, size)
{
	u64 deadline = ~0UL, ns;
	ksigset_t mask;
	long ret = uts ? user_timespec(&ns, uts) : 0;

	ret = ret ?: user_sigmask(&mask, umask, size);
	if (ret)
		return ret;
	if (uts)
		deadline = deadline_after(ns);
	if (umask)
		sigmask_begin(mask);
	ret = poll_common(fds, n, deadline);
	if (umask)
		sigmask_end(ret == -ERESTARTNOHAND);
	if (uts)
		put_timespec(uts, time_left(deadline)); /* a bad pointer here is no error */
	return ret;
}

/* ---- select: the same over bit sets ---- */

#define IN_EVENTS (POLLIN | POLLRDNORM | POLLRDBAND | POLLHUP | POLLERR)
#define OUT_EVENTS (POLLOUT | POLLWRNORM | POLLWRBAND | POLLERR)
#define EX_EVENTS POLLPRI
static const u32 set_events[3] = { IN_EVENTS, OUT_EVENTS, EX_EVENTS };

struct fd_sets {
	unsigned long *bits[3]; /* in, out, ex; NULL: not asked */
	size_t longs; /* of each */
};

static bool set_has(const unsigned long *bits, int fd)
{
	return bits && bits[fd / 64] >> (fd % 64) & 1;
}

/* One pollfd for each descriptor in any set. Returns their number. */
static unsigned int sets_to_pollfds(const struct fd_sets *s, int n, struct pollfd *fds)
{
	unsigned int count = 0;

	for (int fd = 0; fd < n; fd++) {
		u32 events = 0;

		for (int k = 0; k < 3; k++)
			if (set_has(s->bits[k], fd))
				events |= set_events[k];
		if (events)
			fds[count++] = (struct pollfd){ .fd = fd, .events = events };
	}
	return count;
}

/* The sets as the caller sees them afterwards. Bits set in all, or -EBADF. */
static long pollfds_to_sets(struct fd_sets *s, const struct pollfd *fds, unsigned int count)
{
	unsigned long asked[3];
	long total = 0;

	for (unsigned int i = 0; i < count; i++) {
		int fd = fds[i].fd;

		if (fds[i].revents & POLLNVAL)
			return -EBADF;
		for (int k = 0; k < 3; k++) {
			asked[k] = set_has(s->bits[k], fd);
			if (!asked[k])
				continue;
			if (fds[i].revents & set_events[k])
				total++;
			else
				s->bits[k][fd / 64] &= ~BIT(fd % 64);
		}
	}
	return total;
}

static long select_sets(struct fd_sets *s, int n, u64 deadline)
{
	struct pollfd *fds = kmalloc(n * sizeof(*fds) + 1);
	unsigned int count;
	long ret;

	if (!fds)
		return -ENOMEM;
	count = sets_to_pollfds(s, n, fds);
	ret = do_poll(fds, count, deadline);
	if (ret >= 0)
		ret = pollfds_to_sets(s, fds, count);
	kfree(fds);
	return ret;
}

static long select_common(int n, unsigned long __user *const usets[3], u64 deadline)
{
	struct fd_sets s = { 0 };
	unsigned long *buf;
	size_t bytes;
	long ret = 0;

	if (n < 0)
		return -EINVAL;
	/* Bits beyond the descriptor table are not looked at, as on Linux. */
	n = min((unsigned int)n, ALIGN_UP(current->thread.files->cap, 64U));
	s.longs = DIV_ROUND_UP(n, 64);
	bytes = s.longs * sizeof(long);
	buf = kmalloc(3 * bytes + 1);
	if (!buf)
		return -ENOMEM;
	for (int k = 0; k < 3; k++) {
		if (!usets[k])
			continue;
		s.bits[k] = buf + k * s.longs;
		if (copy_from_user(s.bits[k], usets[k], bytes))
			ret = -EFAULT;
	}
	ret = ret ?: select_sets(&s, n, deadline);
	for (int k = 0; ret >= 0 && k < 3; k++)
		if (usets[k] && copy_to_user(usets[k], s.bits[k], bytes))
			ret = -EFAULT;
	kfree(buf);
	return ret;
}

SYSCALL5(select, int, n, unsigned long __user *, in, unsigned long __user *, out,
	 unsigned long __user *, ex, struct __kernel_old_timeval __user *, utv)
{
	unsigned long __user *const sets[3] = { in, out, ex };
	struct __kernel_old_timeval tv;
	u64 deadline = ~0UL;
	long ret;

	if (utv) {
		if (get_user(tv, utv))
			return -EFAULT;
		if (tv.tv_sec < 0 || tv.tv_usec < 0)
			return -EINVAL;
		tv.tv_sec = min(tv.tv_sec, 1L << 32); /* 136 years, so that nothing overflows */
		deadline = deadline_after(tv.tv_sec * NSEC_PER_SEC +
					  min(tv.tv_usec, 1L << 40) * NSEC_PER_USEC);
	}
	ret = select_common(n, sets, deadline);
	if (utv) {
		u64 left = time_left(deadline);

		tv.tv_sec = left / NSEC_PER_SEC;
		tv.tv_usec = left % NSEC_PER_SEC / NSEC_PER_USEC;
		put_user(tv, utv);
	}
	return ret;
}

/* The sixth argument points at mask and size: pselect(2), "C library/kernel differences". */
SYSCALL6(pselect6, int, n, unsigned long __user *, in, unsigned long __user *, out,
	 unsigned long __user *, ex, struct __kernel_timespec __user *, uts, const void __user *,
	 uarg)
{
	unsigned long __user *const sets[3] = { in, out, ex };
	struct {
		const ksigset_t __user *mask;
		size_t size;
	} arg = { 0 };
	u64 deadline = ~0UL, ns;
	ksigset_t mask;
	long ret = uts ? user_timespec(&ns, uts) : 0;

	if (!ret && uarg)
		ret = copy_from_user(&arg, uarg, sizeof(arg));
	ret = ret ?: user_sigmask(&mask, arg.mask, arg.size);
	if (ret)
		return ret;
	if (uts)
		deadline = deadline_after(ns);
	if (arg.mask)
		sigmask_begin(mask);
	ret = select_common(n, sets, deadline);
	if (arg.mask)
		sigmask_end(ret == -ERESTARTNOHAND);
	if (uts)
		put_timespec(uts, time_left(deadline));
	return ret;
}

/* ---- epoll ---- */

static long epoll_new(int flags)
{
	if (flags & ~EPOLL_CLOEXEC)
		return -EINVAL;
	return fd_install(epoll_file(flags), 0, flags & EPOLL_CLOEXEC);
}

SYSCALL_IS(epoll_create1, epoll_new(_1))

SYSCALL1(epoll_create, int, size)
{
	return size <= 0 ? -EINVAL : epoll_new(0);
}

SYSCALL4(epoll_ctl, int, epfd, int, op, int, fd, struct epoll_event __user *, uev)
{
	SCOPED_FILE(ep, fd_get(epfd));
	SCOPED_FILE(target, fd_get(fd));
	struct epoll_event ev = { 0 };

	if (op != EPOLL_CTL_DEL && get_user(ev, uev))
		return -EFAULT;
	if (!ep || !target)
		return -EBADF;
	return epoll_control(ep, op, fd, target, &ev);
}

static long epoll_wait_common(int epfd, struct epoll_event __user *uev, int max, u64 deadline)
{
	SCOPED_FILE(ep, fd_get(epfd));

	if (max <= 0 || max > (int)(0x7fffffff / sizeof(*uev)))
		return -EINVAL;
	if (!user_range_ok(uev, max * sizeof(*uev)))
		return -EFAULT;
	return ep ? epoll_collect(ep, uev, max, deadline) : -EBADF;
}

SYSCALL4(epoll_wait, int, epfd, struct epoll_event __user *, ev, int, max, int, ms)
{
	return epoll_wait_common(epfd, ev, max, deadline_ms(ms));
}

static long epoll_pwait_common(int epfd, struct epoll_event __user *ev, int max, u64 deadline,
			       const ksigset_t __user *umask, size_t size)
{
	ksigset_t mask;
	long ret = user_sigmask(&mask, umask, size);

	if (ret)
		return ret;
	if (umask)
		sigmask_begin(mask);
	ret = epoll_wait_common(epfd, ev, max, deadline);
	if (umask)
		sigmask_end(ret == -EINTR);
	return ret;
}

SYSCALL6(epoll_pwait, int, epfd, struct epoll_event __user *, ev, int, max, int, ms,
	 const ksigset_t __user *, umask, size_t, size)
{
	return epoll_pwait_common(epfd, ev, max, deadline_ms(ms), umask, size);
}

SYSCALL6(epoll_pwait2, int, epfd, struct epoll_event __user *, ev, int, max,
	 const struct __kernel_timespec __user *, uts, const ksigset_t __user *, umask, size_t,
	 size)
{
	u64 ns;
	long err = uts ? user_timespec(&ns, uts) : 0;

	if (err)
		return err;
	return epoll_pwait_common(epfd, ev, max, uts ? deadline_after(ns) : ~0UL, umask, size);
}
