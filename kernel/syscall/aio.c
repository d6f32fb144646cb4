/* SPDX-License-Identifier: MIT */
/*
 * io_setup(2) and its family, as libaio calls it. A request is carried out where it is handed over, as
 * Linux does it for files behind the page cache; what is left is who hears of it: a ring of results and
 * an eventfd. The ring is in the caller's own memory, because libaio looks into it, and its address is the
 * context. Nothing of it is kept or trusted here: who writes into it fools himself.
 * mm->aio_lock: one thread at a time puts results in or takes them out.
 */
#include "syscall/syscall.h"

#include <asm/unistd_64.h>
#include <linux/aio_abi.h>
#include <linux/futex.h>

#define RING_MAGIC 0xa10a10a1 /* what libaio asks for */
#define RING_MAX 0x10000 /* Linux's fs.aio-max-nr */

struct ring {
	u32 id, nr; /* places, one of them always free */
	u32 head, tail; /* taken out here, put in there */
	u32 magic, compat_features, incompat_features, header_length;
	struct io_event events[];
};

static int ring_get(struct ring *r, const struct ring __user *u)
{
	return get_user(*r, u) || r->magic != RING_MAGIC || r->nr - 1 > RING_MAX ? -EINVAL : 0;
}

static u64 ring_size(const struct ring *r)
{
	return ALIGN_UP(sizeof(*r) + r->nr * sizeof(r->events[0]), PAGE_SIZE);
}

SYSCALL2(io_setup, u32, nr, u64 __user *, ctx)
{
	struct ring r = { .nr = nr + 1, .magic = RING_MAGIC, .header_length = sizeof(r) };
	u64 at;

	if (get_user(at, ctx))
		return -EFAULT;
	if (at || !nr)
		return -EINVAL;
	if (nr > RING_MAX)
		return -EAGAIN;
	at = mm_mmap(current->thread.mm, 0, ring_size(&r),
		     VM_READ | VM_WRITE | VM_MAYWRITE | VM_DONTFORK, false, NULL, 0, NULL, NULL);
	if (IS_ERR((void *)at))
		return at;
	return put_user(r, (struct ring __user *)at) ?: put_user(at, ctx);
}

SYSCALL1(io_destroy, struct ring __user *, u)
{
	struct ring r;
	int err = ring_get(&r, u) ?: mm_munmap(current->thread.mm, (u64)u, ring_size(&r));

	if (!err)
		futex_wake(&u->tail, RING_MAX); /* who waits for results finds no ring: EINVAL */
	return err;
}

/* Takes a result out of the ring, or puts e in (out NULL). -EAGAIN: it is empty, or full. */
static int move(struct ring *r, struct ring __user *u, struct io_event __user *out,
		struct io_event *e)
{
	u32 *at = out ? &r->head : &r->tail, old;
	int err;

	MUTEX_GUARD(&current->thread.mm->aio_lock);
	err = ring_get(r, u);
	if (err)
		return err;
	old = *at;
	*at = (old + 1) % r->nr;
	if (out ? old == r->tail : *at == r->head)
		return -EAGAIN;
	if (out)
		err = get_user(*e, &u->events[old]) ?: put_user(*e, out);
	else
		err = put_user(*e, &u->events[old]);
	return err ?: put_user(*r, u);
}

/* What no file could do is io_submit()'s error, what this one could not is a result. */
static int submit(struct ring *r, struct ring __user *u, struct iocb __user *ucb)
{
	static const u16 calls[] = {
		[IOCB_CMD_PREAD] = __NR_pread64, [IOCB_CMD_PWRITE] = __NR_pwrite64,
		[IOCB_CMD_FSYNC] = __NR_fsync,   [IOCB_CMD_FDSYNC] = __NR_fsync,
		[IOCB_CMD_PREADV] = __NR_preadv, [IOCB_CMD_PWRITEV] = __NR_pwritev,
	};
	struct io_event e = { .obj = (u64)ucb };
	struct eventfd *event = NULL;
	struct iocb cb;
	int err;

	if (get_user(cb, ucb))
		return -EFAULT;
	if (cb.aio_lio_opcode >= ARRAY_SIZE(calls) || !calls[cb.aio_lio_opcode])
		return -EINVAL;
	if (cb.aio_flags & IOCB_FLAG_RESFD)
		event = eventfd_get(cb.aio_resfd);
	if (IS_ERR(event))
		return PTR_ERR(event);
	e.res = syscall_table[calls[cb.aio_lio_opcode]](cb.aio_fildes, cb.aio_buf, cb.aio_nbytes,
							cb.aio_offset, 0, 0);
	if (e.res <= -ERESTARTSYS)
		e.res = -EINTR;
	e.data = cb.aio_data;
	err = e.res == -EBADF || e.res == -EINVAL ? e.res : move(r, u, NULL, &e);
	if (!err)
		futex_wake(&u->tail, RING_MAX);
	if (event) {
		if (!err)
			eventfd_signal(event);
		eventfd_put(event);
	}
	return err;
}

SYSCALL3(io_submit, struct ring __user *, u, long, nr, struct iocb __user *__user *, cbs)
{
	struct iocb __user *cb;
	struct ring r;
	long n = 0;
	int err = nr < 0 ? -EINVAL : ring_get(&r, u);

	nr = min(nr, (long)RING_MAX);
	for (; n < nr && !err; n += !err)
		err = get_user(cb, cbs + n) ?: submit(&r, u, cb);
	return n ?: err;
}

SYSCALL5(io_getevents, struct ring __user *, u, long, least, long, nr, struct io_event __user *,
	 out, const struct __kernel_timespec __user *, timeout)
{
	struct __kernel_timespec ts;
	struct io_event e;
	struct ring r;
	long n = 0;
	int err = timeout ? get_user(ts, timeout) : 0;

	if (least < 0 || least > nr)
		err = -EINVAL;
	nr = min(nr, (long)RING_MAX);
	while (n < nr && !err) {
		err = move(&r, u, out + n, &e);
		n += !err;
		if (err == -EAGAIN && n < least) {
			err = do_futex(&u->tail, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, r.tail,
				       timeout ? &ts : NULL, 0, NULL, 0);
			/* Meanwhile somebody has put one in, or the ring is gone, which move() finds. */
			if (err == -EAGAIN || err == -EFAULT)
				err = 0;
		}
	}
	return n ?: err == -EAGAIN || err == -ETIMEDOUT ? 0 : err <= -ERESTARTSYS ? -EINTR : err;
}
