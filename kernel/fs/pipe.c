/* SPDX-License-Identifier: MIT */
/*
 * Pipes and FIFOs (pipe(7), fifo(7)): a ring of up to 64 KiB in pages that are allocated when bytes
 * come and freed when they have gone; room comes back by whole pages, as on Linux. A write of up to
 * PIPE_BUF bytes is never interleaved with others. Writing without readers is -EPIPE; SIGPIPE is
 * sent by the system call.
 *
 * pipe->lock (a mutex: user copies happen under it) guards the ring and the counts of both ends.
 * The pipe of a FIFO hangs in its inode while somebody has it open or waits to; inode->lock guards
 * that pointer and pipe->users.
 */
#include "fs/internal.h"

#include <asm/ioctls.h>

#define PIPE_PAGES 16U
#define PIPE_ATOMIC 4096U /* PIPE_BUF */

struct pipe {
	struct mutex lock;
	char *page[PIPE_PAGES];
	u32 in, out; /* bytes ever written and read; byte i is in page i / 4096 % 16 */
	u32 capacity;
	unsigned int readers, writers;
	unsigned int reader_opens, writer_opens; /* ever: a FIFO's open waits for the other side */
	struct waitq rd, wr;
	unsigned int users;
};

static struct pipe *pipe_new(void)
{
	struct pipe *p = kzalloc(sizeof(*p));

	if (!p)
		return NULL;
	mutex_init(&p->lock);
	waitq_init(&p->rd);
	waitq_init(&p->wr);
	p->capacity = PIPE_PAGES * PAGE_SIZE;
	return p;
}

static void pipe_free(struct pipe *p)
{
	for (unsigned int i = 0; i < PIPE_PAGES; i++)
		kfree(p->page[i]);
	kfree(p);
}

static u32 pipe_used(const struct pipe *p)
{
	return READ_ONCE(p->in) - READ_ONCE(p->out);
}

/* A page that is read only in part gives nothing back yet. */
static u32 pipe_room(const struct pipe *p)
{
	return p->capacity - (READ_ONCE(p->in) - ALIGN_DOWN(READ_ONCE(p->out), (u32)PAGE_SIZE));
}

static char **pipe_slot(struct pipe *p, u32 at)
{
	return &p->page[at / PAGE_SIZE % PIPE_PAGES];
}

/* Moves what there is, up to to->left. p->lock held. */
static ssize_t pipe_drain(struct pipe *p, struct uio *to)
{
	ssize_t done = 0, n;

	while (to->left && pipe_used(p)) {
		u32 off = p->out % PAGE_SIZE;
		char **slot = pipe_slot(p, p->out);
		size_t len = min(min((size_t)pipe_used(p), PAGE_SIZE - off), to->left);

		n = uio_put(to, *slot + off, len);
		if (n != len) /* a piece that cannot be written whole is not taken at all */
			return done ? done : -EFAULT;
		p->out += n;
		done += n;
		if (p->out % PAGE_SIZE == 0) {
			kfree(*slot);
			*slot = NULL;
		} else if (!pipe_used(p)) {
			/* empty: start again, with the page at hand */
			char *page = *slot;

			*slot = NULL;
			p->page[0] = page;
			WRITE_ONCE(p->in, 0);
			WRITE_ONCE(p->out, 0);
		}
	}
	return done;
}

/* Takes in up to n bytes; there is room for them. p->lock held. */
static ssize_t pipe_fill(struct pipe *p, struct uio *from, size_t n)
{
	ssize_t done = 0, got;

	while (done < n) {
		u32 off = p->in % PAGE_SIZE;
		char **slot = pipe_slot(p, p->in);
		size_t len = min(n - done, PAGE_SIZE - off);

		if (!*slot)
			*slot = page_alloc_charged();
		if (!*slot)
			return done ? done : -ENOMEM;
		got = uio_get(from, *slot + off, len);
		if (got != len) /* a piece that cannot be read whole goes in not at all */
			return done ? done : -EFAULT;
		p->in += got;
		done += got;
	}
	return done;
}

static ssize_t pipe_read(struct file *f, struct uio *to, loff_t *pos)
{
	struct pipe *p = f->priv;
	ssize_t n = 0;

	if (!to->left)
		return 0;
	for (;;) {
		mutex_lock(&p->lock);
		n = pipe_drain(p, to);
		if (n || !p->writers)
			break;
		mutex_unlock(&p->lock);
		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		n = wait_event(&p->rd, pipe_used(p) || !READ_ONCE(p->writers));
		if (n)
			return n;
	}
	mutex_unlock(&p->lock);
	if (n > 0)
		waitq_wake_all(&p->wr, POLLOUT | POLLWRNORM);
	return n;
}

static ssize_t pipe_write(struct file *f, struct uio *from, loff_t *pos)
{
	struct pipe *p = f->priv;
	/* a small write waits for room for all of it; a large one takes what there is */
	u32 need = from->left <= PIPE_ATOMIC ? from->left : 1;
	ssize_t done = 0, n;

	while (from->left) {
		n = 0;
		mutex_lock(&p->lock);
		if (!p->readers)
			n = -EPIPE;
		else if (pipe_room(p) >= need)
			n = pipe_fill(p, from, min((size_t)pipe_room(p), from->left));
		mutex_unlock(&p->lock);
		if (n < 0)
			return done ? done : n;
		done += n;
		if (n) {
			waitq_wake_all(&p->rd, POLLIN | POLLRDNORM);
			continue;
		}
		if (f->flags & O_NONBLOCK)
			return done ? done : -EAGAIN;
		n = wait_event(&p->wr, pipe_room(p) >= need || !READ_ONCE(p->readers));
		if (n)
			return done ? done : n;
	}
	return done;
}

static u32 pipe_poll(struct file *f, struct poll_table *pt)
{
	struct pipe *p = f->priv;
	u32 mask = 0;

	if (f->can_read)
		poll_wait(f, &p->rd, pt);
	if (f->can_write)
		poll_wait(f, &p->wr, pt);
	mutex_lock(&p->lock);
	if (f->can_read && pipe_used(p))
		mask |= POLLIN | POLLRDNORM;
	if (f->can_read && !p->writers && p->writer_opens)
		mask |= POLLHUP;
	if (f->can_write && pipe_room(p) >= PIPE_ATOMIC)
		mask |= POLLOUT | POLLWRNORM;
	if (f->can_write && !p->readers)
		mask |= POLLERR;
	mutex_unlock(&p->lock);
	return mask;
}

static long pipe_ioctl(struct file *f, unsigned int cmd, unsigned long arg)
{
	struct pipe *p = f->priv;

	if (cmd != FIONREAD)
		return -ENOTTY;
	return put_user((int)pipe_used(p), (int __user *)arg);
}

static void pipe_open_end(struct pipe *p, const struct file *f)
{
	mutex_lock(&p->lock);
	if (f->can_read) {
		p->readers++;
		p->reader_opens++;
	}
	if (f->can_write) {
		p->writers++;
		p->writer_opens++;
	}
	mutex_unlock(&p->lock);
}

static void pipe_close_end(struct pipe *p, const struct file *f)
{
	mutex_lock(&p->lock);
	p->readers -= f->can_read;
	p->writers -= f->can_write;
	mutex_unlock(&p->lock);
	waitq_wake_all(&p->rd, POLLIN | POLLHUP | POLLRDNORM);
	waitq_wake_all(&p->wr, POLLOUT | POLLERR | POLLWRNORM);
}

/* One user of the inode's pipe less; the last frees it. */
static void pipe_leave(struct inode *inode, struct pipe *p)
{
	mutex_lock(&inode->lock);
	if (--p->users == 0) {
		inode->fifo = NULL;
		pipe_free(p);
	}
	mutex_unlock(&inode->lock);
}

static void pipe_release(struct file *f)
{
	struct pipe *p = f->priv;

	pipe_close_end(p, f);
	pipe_leave(f->inode, p);
}

static struct pipe *pipe_join(struct inode *inode)
{
	struct pipe *p;

	mutex_lock(&inode->lock);
	if (!inode->fifo)
		inode->fifo = pipe_new();
	p = inode->fifo;
	if (p)
		p->users++;
	mutex_unlock(&inode->lock);
	return p;
}

/* fifo(7): open waits for the other side, but for O_NONBLOCK, O_RDWR and a pipe by /proc/N/fd. */
static int fifo_open(struct inode *inode, struct file *f)
{
	bool waits = inode->sb != anon_super && !(f->can_read && f->can_write);
	struct pipe *p = pipe_join(inode);
	unsigned int seen;
	int err = 0;

	if (!p)
		return -ENOMEM;
	f->priv = p;
	if (waits && f->can_write && f->flags & O_NONBLOCK && !p->readers) {
		pipe_leave(inode, p);
		return -ENXIO;
	}
	seen = f->can_read ? p->writer_opens : p->reader_opens;
	pipe_open_end(p, f);
	waitq_wake_all(&p->rd, 0);
	waitq_wake_all(&p->wr, 0);
	if (!waits || f->flags & O_NONBLOCK)
		return 0;
	if (f->can_read && !p->writers)
		err = wait_event(&p->rd, READ_ONCE(p->writer_opens) != seen);
	else if (f->can_write && !p->readers)
		err = wait_event(&p->wr, READ_ONCE(p->reader_opens) != seen);
	if (err)
		pipe_release(f);
	return err;
}

const struct file_ops fifo_ops = {
	.open = fifo_open,
	.release = pipe_release,
	.read = pipe_read,
	.write = pipe_write,
	.poll = pipe_poll,
	.ioctl = pipe_ioctl,
};

int pipe_files(struct file *f[2], int flags)
{
	struct inode *inode = inode_new(anon_super, S_IFIFO | 0600);
	struct pipe *p = pipe_new();

	if (!inode || !p) {
		inode_put(inode);
		kfree(p);
		return -ENOMEM;
	}
	inode->fifo = p;
	p->users = 1;
	f[0] = file_on_inode(anon_mount, "pipe", inode, &fifo_ops, O_RDONLY | (flags & O_NONBLOCK));
	if (IS_ERR(f[0])) {
		pipe_free(p); /* the inode is gone */
		return PTR_ERR(f[0]);
	}
	f[0]->priv = p;
	pipe_open_end(p, f[0]);
	f[1] = file_alloc(&f[0]->path, O_WRONLY | (flags & O_NONBLOCK));
	if (!f[1]) {
		file_put(f[0]);
		return -ENOMEM;
	}
	f[1]->ops = &fifo_ops;
	f[1]->priv = p;
	p->users = 2;
	pipe_open_end(p, f[1]);
	return 0;
}

static struct pipe *pipe_of(struct file *f)
{
	return f->ops == &fifo_ops ? f->priv : NULL;
}

long pipe_size(struct file *f)
{
	struct pipe *p = pipe_of(f);

	return p ? (long)p->capacity : -EBADF;
}

long pipe_set_size(struct file *f, unsigned long size)
{
	struct pipe *p = pipe_of(f);
	u32 capacity = PAGE_SIZE;
	long ret = -EBUSY;

	if (!p)
		return -EBADF;
	if (size > INT32_MAX)
		return -EINVAL;
	while (capacity < size && capacity < PIPE_PAGES * PAGE_SIZE)
		capacity *= 2;
	if (capacity < size)
		return -EPERM;
	mutex_lock(&p->lock);
	if (p->capacity - pipe_room(p) <= capacity) {
		p->capacity = capacity;
		ret = capacity;
	}
	mutex_unlock(&p->lock);
	return ret;
}
