/* SPDX-License-Identifier: MIT */
/*
 * timerfd: a timer as a file (timerfd_create(2)). The timer's callback counts an expiration and
 * wakes readers; a periodic timer is re-armed at the next multiple of its interval, so that it does
 * not drift. `lock` guards everything but the wait queue.
 */
#include "syscall/syscall.h"

#include <linux/capability.h>
#include <linux/timerfd.h>

struct timerfd {
	spinlock_t lock;
	struct timer timer;
	struct waitq wait;
	int clock; /* CLOCK_REALTIME, _MONOTONIC or _BOOTTIME */
	bool alarm; /* it would wake the machine: for CAP_WAKE_ALARM. This one never sleeps */
	u64 next; /* clock_ns() of the next expiration; 0: disarmed */
	u64 interval; /* ns; 0: once */
	u64 ticks; /* expirations not yet read */
	struct wait_entry
		clock_set; /* on clock_set_wait while `next` is a time of CLOCK_REALTIME */
	s64 offset; /* that clock's from clock_ns() when `next` was reckoned */
	bool may_cancel, canceled; /* TFD_TIMER_CANCEL_ON_SET */
};

static void timerfd_expire(struct timer *timer)
{
	struct timerfd *t = container_of(timer, struct timerfd, timer);

	spin_lock(&t->lock);
	if (t->next && clock_ns() >= t->next) {
		u64 n = 1;

		if (t->interval) {
			n += (clock_ns() - t->next) / t->interval;
			t->next += n * t->interval;
			timer_start(&t->timer, t->next);
		} else {
			t->next = 0;
		}
		t->ticks += n;
	}
	spin_unlock(&t->lock);
	waitq_wake_all(&t->wait, POLLIN);
}

/* The wall's clock was set: the same time there is another one here. */
static void timerfd_clock_set(struct wait_entry *w, u32 key)
{
	struct timerfd *t = container_of(w, struct timerfd, clock_set);
	u64 offset = clock_wall_ns() - clock_ns();

	spin_lock(&t->lock);
	t->canceled = t->may_cancel;
	if (t->next) {
		t->next = max((s64)(t->next + t->offset - offset), (s64)1);
		timer_start(&t->timer, t->next);
	}
	t->offset = offset;
	spin_unlock(&t->lock);
	waitq_wake_all(&t->wait, POLLIN);
}

static ssize_t timerfd_read(struct file *f, struct uio *to, loff_t *pos)
{
	struct timerfd *t = f->priv;
	bool canceled;
	u64 n;

	if (to->left < sizeof(n))
		return -EINVAL;
	for (;;) {
		int err;

		spin_lock(&t->lock);
		n = t->ticks;
		canceled = t->canceled;
		t->ticks = t->canceled = 0;
		spin_unlock(&t->lock);
		if (canceled)
			return -ECANCELED;
		if (n)
			return uio_put(to, &n, sizeof(n));
		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		err = wait_event(&t->wait, READ_ONCE(t->ticks) || READ_ONCE(t->canceled));
		if (err)
			return err;
	}
}

static u32 timerfd_poll(struct file *f, struct poll_table *pt)
{
	struct timerfd *t = f->priv;

	poll_wait(f, &t->wait, pt);
	return READ_ONCE(t->ticks) || READ_ONCE(t->canceled) ? POLLIN | POLLRDNORM : 0;
}

static void timerfd_release(struct file *f)
{
	struct timerfd *t = f->priv;

	waitq_del(&t->clock_set);
	spin_lock(&t->lock);
	t->next = 0; /* a callback that runs now does not arm again */
	spin_unlock(&t->lock);
	timer_cancel(&t->timer);
	kfree(t);
}

static const struct file_ops timerfd_ops = {
	.read = timerfd_read,
	.poll = timerfd_poll,
	.release = timerfd_release,
};

SYSCALL2(timerfd_create, int, clock, int, flags)
{
	bool alarm = clock == CLOCK_REALTIME_ALARM || clock == CLOCK_BOOTTIME_ALARM;
	struct timerfd *t;
	struct file *f;

	if (flags & ~(TFD_CLOEXEC | TFD_NONBLOCK))
		return -EINVAL;
	if (!clock_allowed(clock))
		return -EPERM;
	if (alarm)
		clock = clock == CLOCK_REALTIME_ALARM ? CLOCK_REALTIME : CLOCK_BOOTTIME;
	if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME)
		return -EINVAL;
	t = kzalloc(sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->clock = clock;
	t->alarm = alarm;
	spin_init(&t->lock);
	waitq_init(&t->wait);
	list_init(&t->clock_set.link);
	t->clock_set.func = timerfd_clock_set;
	timer_init(&t->timer, timerfd_expire);
	f = file_anon("[timerfd]", &timerfd_ops, t, O_RDWR | (flags & O_NONBLOCK));
	if (IS_ERR(f))
		kfree(t);
	return fd_install(f, 0, flags & TFD_CLOEXEC);
}

static int get_itimerspec(struct __kernel_itimerspec __user *uit, u64 *value, u64 *interval)
{
	struct __kernel_itimerspec it;

	return get_user(it, uit) ?: timespec_to_ns(&it.it_value, value) ?:
				    timespec_to_ns(&it.it_interval, interval);
}

/* Lock held. */
static struct __kernel_itimerspec timerfd_left(const struct timerfd *t)
{
	u64 now = clock_ns(), left = 0;

	if (t->next)
		left = t->next > now ? t->next - now : 1; /* about to expire, not disarmed */
	return (struct __kernel_itimerspec){ ns_to_timespec(t->interval), ns_to_timespec(left) };
}

/* The clock_ns() at which the timer's clock shows value; never 0. */
static u64 timerfd_absolute(struct timerfd *t, u64 value)
{
	t->offset = clock_offset(t->clock);
	return (s64)value > t->offset ? value - t->offset : 1;
}

static struct timerfd *timerfd_of(struct file *f)
{
	return f->ops == &timerfd_ops ? f->priv : NULL;
}

SYSCALL4(timerfd_settime, int, fd, int, flags, struct __kernel_itimerspec __user *, unew,
	 struct __kernel_itimerspec __user *, uold)
{
	SCOPED_FILE(f, fd_get(fd));
	struct __kernel_itimerspec old;
	struct timerfd *t;
	u64 value, interval;
	bool wall;
	int err = get_itimerspec(unew, &value, &interval);

	if (err)
		return err;
	if (flags & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET))
		return -EINVAL;
	if (!f)
		return -EBADF;
	t = timerfd_of(f);
	if (!t)
		return -EINVAL;
	if (t->alarm && !capable(CAP_WAKE_ALARM))
		return -EPERM;
	wall = t->clock == CLOCK_REALTIME && flags & TFD_TIMER_ABSTIME;
	waitq_del(&t->clock_set);
	timer_cancel(&t->timer);
	spin_lock(&t->lock);
	old = timerfd_left(t);
	t->ticks = t->canceled = 0;
	t->may_cancel = wall && flags & TFD_TIMER_CANCEL_ON_SET;
	t->interval = interval;
	t->next = !value                      ? 0
		  : flags & TFD_TIMER_ABSTIME ? timerfd_absolute(t, value)
					      : deadline_after(value);
	if (t->next)
		timer_start(&t->timer, t->next);
	spin_unlock(&t->lock);
	if (wall)
		waitq_add(&clock_set_wait, &t->clock_set);
	return uold ? put_user(old, uold) : 0;
}

SYSCALL2(timerfd_gettime, int, fd, struct __kernel_itimerspec __user *, ucur)
{
	SCOPED_FILE(f, fd_get(fd));
	struct __kernel_itimerspec cur;
	struct timerfd *t;

	if (!f)
		return -EBADF;
	t = timerfd_of(f);
	if (!t)
		return -EINVAL;
	spin_lock(&t->lock);
	cur = timerfd_left(t);
	spin_unlock(&t->lock);
	return put_user(cur, ucur);
}
