/* SPDX-License-Identifier: MIT */
/*
 * eventfd(2): a counter that reads wait on. Sleepers are woken with its lock free. Kernel code that
 * signals one or listens to it (vmm/) refers to the counter, not to its file: when the last descriptor
 * goes, its listeners hear POLLHUP.
 */
#include "fs/internal.h"

#define COUNT_MAX 0xfffffffffffffffeUL /* the most it holds: writes wait */
#define EVENTFD_SEMAPHORE 1 /* EFD_SEMAPHORE of eventfd(2); no uapi header has it */

struct eventfd {
	ref_t refs; /* the file's, and listeners' */
	spinlock_t lock; /* guards count */
	u64 count;
	bool semaphore;
	struct waitq wait;
};

u64 eventfd_take(struct eventfd *e)
{
	u64 n;

	spin_lock(&e->lock);
	n = e->semaphore && e->count ? 1 : e->count;
	e->count -= n;
	spin_unlock(&e->lock);
	return n;
}

static ssize_t eventfd_read(struct file *f, struct uio *to, loff_t *pos)
{
	struct eventfd *e = f->priv;
	u64 n;
	int err;

	if (to->left < sizeof(n))
		return -EINVAL;
	while (!(n = eventfd_take(e))) {
		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		err = wait_event(&e->wait, READ_ONCE(e->count));
		if (err)
			return err;
	}
	waitq_wake_all(&e->wait, POLLOUT | POLLWRNORM);
	return uio_put(to, &n, sizeof(n));
}

static bool give(struct eventfd *e, u64 n)
{
	bool ok;

	spin_lock(&e->lock);
	ok = n <= COUNT_MAX - e->count;
	if (ok)
		e->count += n;
	spin_unlock(&e->lock);
	if (ok)
		waitq_wake_all(&e->wait, POLLIN | POLLRDNORM);
	return ok;
}

static ssize_t eventfd_write(struct file *f, struct uio *from, loff_t *pos)
{
	struct eventfd *e = f->priv;
	ssize_t got;
	u64 n;
	int err;

	if (from->left < sizeof(n))
		return -EINVAL;
	got = uio_get(from, &n, sizeof(n));
	if (got != sizeof(n))
		return -EFAULT;
	if (n == ~0UL)
		return -EINVAL;
	while (!give(e, n)) {
		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		err = wait_event(&e->wait, n <= COUNT_MAX - READ_ONCE(e->count));
		if (err)
			return err;
	}
	return sizeof(n);
}

static u32 eventfd_poll(struct file *f, struct poll_table *pt)
{
	struct eventfd *e = f->priv;
	u64 count;

	poll_wait(f, &e->wait, pt);
	count = READ_ONCE(e->count);
	return (count ? POLLIN | POLLRDNORM : 0) | (count < COUNT_MAX ? POLLOUT | POLLWRNORM : 0);
}

void eventfd_put(struct eventfd *e)
{
	if (ref_put(&e->refs))
		kfree(e);
}

static void eventfd_release(struct file *f)
{
	struct eventfd *e = f->priv;

	waitq_wake_all(&e->wait, POLLHUP);
	eventfd_put(e);
}

static void eventfd_fdinfo(struct file *f, struct strbuf *out)
{
	struct eventfd *e = f->priv;

	sb_printf(out, "eventfd-count: %16llx\n", (unsigned long long)READ_ONCE(e->count));
}

static const struct file_ops eventfd_ops = {
	.release = eventfd_release,
	.read = eventfd_read,
	.write = eventfd_write,
	.poll = eventfd_poll,
	.show_fdinfo = eventfd_fdinfo,
};

struct eventfd *eventfd_get(int fd)
{
	struct file *f = fd_get(fd);
	struct eventfd *e;

	if (!f)
		return ERR_PTR(-EBADF);
	e = f->ops == &eventfd_ops ? f->priv : ERR_PTR(-EINVAL);
	if (!IS_ERR(e))
		ref_get(&e->refs);
	file_put(f);
	return e;
}

void eventfd_signal(struct eventfd *e)
{
	give(e, 1);
}

bool eventfd_listen(struct eventfd *e, struct wait_entry *w)
{
	waitq_add(&e->wait, w);
	return READ_ONCE(e->count);
}

struct file *eventfd_file(unsigned int count, int flags)
{
	struct eventfd *e;
	struct file *f;

	if (flags & ~(EVENTFD_SEMAPHORE | O_CLOEXEC | O_NONBLOCK))
		return ERR_PTR(-EINVAL);
	e = kzalloc(sizeof(*e));
	if (!e)
		return ERR_PTR(-ENOMEM);
	ref_init(&e->refs);
	spin_init(&e->lock);
	waitq_init(&e->wait);
	e->count = count;
	e->semaphore = flags & EVENTFD_SEMAPHORE;
	f = file_anon("[eventfd]", &eventfd_ops, e, O_RDWR | (flags & O_NONBLOCK));
	if (IS_ERR(f))
		kfree(e);
	return f;
}
