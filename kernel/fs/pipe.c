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

/* The next byte that will be read: its page's rest and what there is bound *len. p->lock held. */
static char *pipe_front(struct pipe *p, u32 at, size_t *len)
{
	u32 off = at % PAGE_SIZE;

	*len = min(min((size_t)(p->in - at), PAGE_SIZE - off), *len);
	return *pipe_slot(p, at) + off;
}

/* n bytes of the front page are read. p->lock held. */
static void pipe_consume(struct pipe *p, size_t n)
{
	char **slot = pipe_slot(p, p->out);

	p->out += n;
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

/* Moves what there is, up to to->left. p->lock held. */
static ssize_t pipe_drain(struct pipe *p, struct uio *to)
{
	ssize_t done = 0, n;

	while (to->left && pipe_used(p)) {
		size_t len = to->left;
		char *from = pipe_front(p, p->out, &len);

		n = uio_put(to, from, len);
		if (n != len) /* a piece that cannot be written whole is not taken at all */
			return done ? done : -EFAULT;
		pipe_consume(p, n);
		done += n;
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

/* Waits for bytes: 1, with p->lock held; 0: none will come; -EAGAIN, -ERESTARTSYS. */
static int pipe_wait_bytes(struct pipe *p, bool nonblock)
{
	for (;;) {
		int err = 0;

		mutex_lock(&p->lock);
		if (pipe_used(p))
			return 1;
		if (p->writers)
			err = nonblock ? -EAGAIN : 1;
		mutex_unlock(&p->lock);
		if (err > 0)
			err = wait_event(&p->rd, pipe_used(p) || !READ_ONCE(p->writers)) ?: 1;
		if (err <= 0)
			return err;
	}
}

/* Waits for room for need bytes: 0, with p->lock held; -EPIPE, -EAGAIN, -ERESTARTSYS. */
static int pipe_wait_room(struct pipe *p, u32 need, bool nonblock)
{
	int err = 0;

	while (!err) {
		mutex_lock(&p->lock);
		if (!p->readers)
			err = -EPIPE;
		else if (pipe_room(p) >= need)
			return 0;
		else if (nonblock)
			err = -EAGAIN;
		mutex_unlock(&p->lock);
		if (!err)
			err = wait_event(&p->wr, pipe_room(p) >= need || !READ_ONCE(p->readers));
	}
	return err;
}

static void pipe_wake_readers(struct pipe *p)
{
	waitq_wake_all(&p->rd, POLLIN | POLLRDNORM);
}

static void pipe_wake_writers(struct pipe *p)
{
	waitq_wake_all(&p->wr, POLLOUT | POLLWRNORM);
}

static ssize_t pipe_take(struct pipe *p, struct uio *to, bool nonblock)
{
	ssize_t n;

	if (!to->left)
		return 0;
	n = pipe_wait_bytes(p, nonblock);
	if (n <= 0)
		return n;
	n = pipe_drain(p, to);
	mutex_unlock(&p->lock);
	if (n > 0)
		pipe_wake_writers(p);
	return n;
}

/* What there is room for now, after waiting for need bytes of it. */
static ssize_t pipe_put_some(struct pipe *p, struct uio *from, u32 need, bool nonblock)
{
	ssize_t n = pipe_wait_room(p, need, nonblock);

	if (n)
		return n;
	n = pipe_fill(p, from, min((size_t)pipe_room(p), from->left));
	mutex_unlock(&p->lock);
	if (n > 0)
		pipe_wake_readers(p);
	return n;
}

static ssize_t pipe_read(struct file *f, struct uio *to, loff_t *pos)
{
	return pipe_take(f->priv, to, f->flags & O_NONBLOCK || to->nowait);
}

static ssize_t pipe_write(struct file *f, struct uio *from, loff_t *pos)
{
	/* a small write waits for room for all of it; a large one takes what there is */
	u32 need = from->left <= PIPE_ATOMIC ? from->left : 1;
	ssize_t done = 0, n;

	while (from->left) {
		n = pipe_put_some(f->priv, from, need, f->flags & O_NONBLOCK || from->nowait);
		if (n < 0)
			return done ? done : n;
		done += n;
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

/* Whether the other side is there; if not, it is as soon as its count of opens is another than *seen. */
static bool pipe_open_end(struct pipe *p, const struct file *f, unsigned int *seen)
{
	MUTEX_GUARD(&p->lock);
	*seen = f->can_read ? p->writer_opens : p->reader_opens;
	if (f->can_read) {
		p->readers++;
		p->reader_opens++;
	}
	if (f->can_write) {
		p->writers++;
		p->writer_opens++;
	}
	return f->can_read ? p->writers : p->readers;
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
	struct pipe *p;
	unsigned int seen;
	bool partner;
	int err = 0;

	if (!f->can_read && !f->can_write)
		return -EINVAL;
	p = pipe_join(inode);
	if (!p)
		return -ENOMEM;
	f->priv = p;
	if (waits && f->can_write && f->flags & O_NONBLOCK && !p->readers) {
		pipe_leave(inode, p);
		return -ENXIO;
	}
	partner = pipe_open_end(p, f, &seen);
	waitq_wake_all(&p->rd, 0);
	waitq_wake_all(&p->wr, 0);
	if (!waits || partner || f->flags & O_NONBLOCK)
		return 0;
	if (f->can_read)
		err = wait_event(&p->rd, READ_ONCE(p->writer_opens) != seen);
	else
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
	unsigned int seen;

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
	pipe_open_end(p, f[0], &seen);
	f[1] = file_alloc(&f[0]->path, O_WRONLY | (flags & O_NONBLOCK));
	if (!f[1]) {
		file_put(f[0]);
		return -ENOMEM;
	}
	f[1]->ops = &fifo_ops;
	f[1]->priv = p;
	p->users = 2;
	pipe_open_end(p, f[1], &seen);
	return 0;
}

bool file_is_pipe(const struct file *f)
{
	return f->ops == &fifo_ops;
}

static struct pipe *pipe_of(struct file *f)
{
	return file_is_pipe(f) ? f->priv : NULL;
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

/* ---- splice(2), tee(2), vmsplice(2): what moves bytes without a buffer of the caller's ---- */

ssize_t pipe_splice_out(struct file *in, struct file *out, loff_t *pos, size_t n, bool nonblock)
{
	struct pipe *p = in->priv;
	ssize_t done = pipe_wait_bytes(p, nonblock), put;

	if (done <= 0)
		return done;
	/* The lock is held while out takes the bytes, so that none is lost when it does not. */
	for (done = 0; done < n && pipe_used(p); done += put) {
		size_t len = n - done;
		struct iovec iov;
		struct uio u;

		uio_init_kernel(&u, &iov, pipe_front(p, p->out, &len), 0);
		iov.iov_len = u.left = len;
		put = file_write(out, &u, pos);
		if (put <= 0) {
			done = done ? done : put;
			break;
		}
		pipe_consume(p, put);
	}
	mutex_unlock(&p->lock);
	pipe_wake_writers(p);
	return done;
}

ssize_t pipe_room_for(struct file *f, bool nonblock)
{
	ssize_t n = pipe_wait_room(f->priv, 1, nonblock);

	if (n)
		return n;
	n = pipe_room(f->priv);
	mutex_unlock(&((struct pipe *)f->priv)->lock);
	return n;
}

/* Both locks, when a has bytes and b has room: 1; 0: a's end. */
static int pipe_lock_two(struct pipe *a, struct pipe *b, bool nonblock)
{
	int err;

	for (;;) {
		err = pipe_wait_bytes(a, nonblock);
		if (err <= 0)
			return err || READ_ONCE(b->readers) ? err : -EPIPE;
		mutex_unlock(&a->lock);
		err = pipe_wait_room(b, 1, nonblock);
		if (err)
			return err;
		mutex_unlock(&b->lock);
		mutex_lock(a < b ? &a->lock : &b->lock);
		mutex_lock_nested(a < b ? &b->lock : &a->lock, LOCK_SECOND);
		if (pipe_used(a) && b->readers && pipe_room(b))
			return 1;
		mutex_unlock(&a->lock);
		mutex_unlock(&b->lock);
	}
}

ssize_t pipe_splice_pipe(struct file *in, struct file *out, size_t n, bool nonblock, bool keep)
{
	struct pipe *a = in->priv, *b = out->priv;
	ssize_t done, put;
	u32 at;

	if (a == b)
		return -EINVAL;
	done = pipe_lock_two(a, b, nonblock);
	if (done <= 0)
		return done;
	at = a->out;
	for (done = 0; done < n && at != a->in && pipe_room(b); done += put) {
		size_t len = min(n - done, (size_t)pipe_room(b));
		struct iovec iov;
		struct uio u;

		uio_init_kernel(&u, &iov, pipe_front(a, at, &len), 0);
		iov.iov_len = u.left = len;
		put = pipe_fill(b, &u, len);
		if (put <= 0) {
			done = done ? done : put;
			break;
		}
		at += put;
		if (!keep) {
			pipe_consume(a, put);
			at = a->out;
		}
	}
	mutex_unlock(&a->lock);
	mutex_unlock(&b->lock);
	pipe_wake_readers(b);
	if (!keep)
		pipe_wake_writers(a);
	return done;
}

ssize_t pipe_vmsplice(struct file *f, struct uio *u, bool nonblock)
{
	if (!f->can_write)
		return pipe_take(f->priv, u, nonblock);
	return u->left ? pipe_put_some(f->priv, u, 1, nonblock) : 0;
}
