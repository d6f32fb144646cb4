/* SPDX-License-Identifier: MIT */
/*
 * What goes through AF_UNIX sockets. A sender copies the bytes once, into buffers in the receiver's
 * queue; the receiver copies them out. A stream appends to the last buffer while it has room, so that
 * many small writes need one; a datagram is built first and queued whole. A buffer is on the account of
 * the sender (u->wmem) until it has been read, and of the sender's cgroup.
 *
 * Bytes of different senders' credentials never share a buffer, nor do bytes before and after files:
 * what a receiver gets with its control messages is told by the buffer.
 */
#include "net/unix.h"

#define SMALL_BUF 256U /* for a first short write: no page is needed */
#define PAGE_ROOM (PAGE_SIZE - sizeof(struct unix_buf))

/* ---- buffers ---- */

/* One of at least n bytes, or a page. Accounted to from. NULL without memory. */
static struct unix_buf *buf_new(struct unix_sock *from, size_t n)
{
	bool small = n <= SMALL_BUF - sizeof(struct unix_buf);
	struct unix_buf *b = small ? kmalloc(SMALL_BUF) : page_alloc_charged();

	if (!b)
		return NULL;
	*b = (struct unix_buf){ .from = from, .size = small ? SMALL_BUF : PAGE_SIZE };
	b->cap = b->size - sizeof(*b);
	b->scm.uid = b->scm.gid = -1;
	socket_get(&from->s);
	__atomic_fetch_add(&from->wmem, b->size, __ATOMIC_RELAXED);
	return b;
}

/* Its files are gone already, or nobody holds a lock. */
static void buf_free(struct unix_buf *b)
{
	struct unix_buf *next;

	for (; b; b = next) {
		struct unix_sock *from = b->from;

		next = b->more;
		__atomic_fetch_sub(&from->wmem, b->size, __ATOMIC_SEQ_CST);
		if (unix_writable(from))
			waitq_wake_all(&from->s.wr, POLLOUT | POLLWRNORM | POLLWRBAND);
		socket_put(&from->s);
		scm_drop(&b->scm);
		kfree(b);
	}
}

void unix_purge(struct list_head *bufs)
{
	struct unix_buf *b;

	while ((b = list_pop(bufs, struct unix_buf, link))) {
		if (b->scm.files)
			scm_land(b->scm.files);
		buf_free(b);
	}
}

/* Takes the next n bytes of b, which may be all. u->lock held; b's files have been taken out. */
static void buf_take(struct unix_sock *u, struct unix_buf *b, size_t n)
{
	b->start += n;
	u->bytes -= n;
	if (b->start < b->end)
		return;
	list_del(&b->link);
	buf_free(b);
}

static bool same_cred(const struct scm *a, const struct scm *b)
{
	return a->pid == b->pid && a->uid == b->uid && a->gid == b->gid;
}

/* The receiver asks who sends, or may still come to ask. */
static void add_cred(struct unix_sock *u, struct unix_sock *to, struct scm *scm)
{
	if (!scm->pid && (socket_opt(&u->s, SOCK_OPT_PASSCRED) ||
			  socket_opt(&to->s, SOCK_OPT_PASSCRED) || !to->s.file))
		scm_set_cred(scm);
}

/* A copy of what b carries, but for its files. */
static void copy_cred(struct scm *to, const struct scm *from)
{
	to->pid = from->pid;
	to->uid = from->uid;
	to->gid = from->gid;
	if (to->pid)
		pid_get(to->pid);
}

struct unix_sock *unix_peer_get(struct unix_sock *u)
{
	MUTEX_GUARD(&u->lock);
	if (u->peer)
		socket_get(&u->peer->s);
	return u->peer;
}

static void tell_name(struct net_msg *msg, const struct unix_sock *from)
{
	if (msg->name && !msg->name_len && READ_ONCE(from->addr))
		msg->name_len = unix_addr_copy(from, msg->name);
}

/* ---- streams: sending ---- */

/* The buffer that takes the next bytes of n: the last one of the queue, or a new one. to->lock held. */
static struct unix_buf *tail_buf(struct unix_sock *u, struct unix_sock *to, struct scm *scm,
				 size_t n)
{
	bool empty = list_empty(&to->queue);
	struct unix_buf *b = empty ? NULL : list_last(&to->queue, struct unix_buf, link);

	if (b && b->from == u && b->end < b->cap && !b->scm.files && !scm->files &&
	    same_cred(&b->scm, scm))
		return b;
	b = buf_new(u, empty ? n : PAGE_ROOM);
	if (!b)
		return NULL;
	copy_cred(&b->scm, scm);
	list_add_tail(&b->link, &to->queue);
	return b;
}

/* Moves what u's account has room for. to->lock held. Bytes or -errno. */
static ssize_t stream_fill(struct unix_sock *u, struct unix_sock *to, struct net_msg *msg,
			   struct scm *scm)
{
	ssize_t done = 0;

	while (msg->data.left && (!done || u->wmem < (u64)u->s.sndbuf)) {
		struct unix_buf *b = tail_buf(u, to, scm, msg->data.left);
		size_t n = b ? min((size_t)(b->cap - b->end), msg->data.left) : 0;

		if (!b)
			return done ?: -ENOBUFS;
		if (uio_get(&msg->data, b->data + b->end, n) != n) {
			if (!b->end) {
				list_del(&b->link);
				buf_free(b);
			}
			return done ?: -EFAULT;
		}
		b->end += n;
		to->bytes += n;
		done += n;
		if (scm->files) { /* they go with the first bytes */
			b->scm.files = scm->files;
			scm->files = NULL;
			scm_fly(b->scm.files, to);
		}
	}
	return done;
}

static ssize_t stream_send(struct unix_sock *u, struct net_msg *msg, struct scm *scm)
{
	u64 deadline = socket_deadline(u->s.sndtimeo, msg->flags);
	struct unix_sock *to = READ_ONCE(u->peer);
	struct socket *s = &u->s;
	ssize_t done = 0, n;

	if (msg->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (msg->name_len)
		return u->state == UNIX_CONNECTED ? -EISCONN : -EOPNOTSUPP;
	if (!to)
		return -ENOTCONN;
	if (s->shutdown & SEND_SHUTDOWN)
		return -EPIPE;
	add_cred(u, to, scm);
	while (msg->data.left) {
		n = SOCKET_WAIT(&s->wr,
				u->wmem < (u64)s->sndbuf || s->error || s->shutdown & SEND_SHUTDOWN,
				deadline);
		if (!n)
			n = socket_error(s);
		if (n)
			return done ?: n;
		mutex_lock(&to->lock);
		if (to->dead || s->shutdown & SEND_SHUTDOWN || to->s.shutdown & RCV_SHUTDOWN)
			n = -EPIPE;
		else
			n = stream_fill(u, to, msg, scm);
		mutex_unlock(&to->lock);
		if (n < 0)
			return done ?: n;
		done += n;
		waitq_wake_all(&to->s.rd, POLLIN | POLLRDNORM);
	}
	return done;
}

ssize_t unix_stream_send(struct socket *s, struct net_msg *msg)
{
	SCOPED_SCM(scm);

	return scm_parse(msg, &scm) ?: stream_send(unix_sk(s), msg, &scm);
}

/* ---- streams: receiving ---- */

/*
 * Moves from b on what fits; b's control messages move to scm with its first bytes. True: the call is
 * done. u->lock held.
 */
static bool stream_drain(struct unix_sock *u, struct net_msg *msg, struct scm *scm, ssize_t *done,
			 bool *told)
{
	bool peek = msg->flags & MSG_PEEK, creds = socket_opt(&u->s, SOCK_OPT_PASSCRED);
	struct unix_buf *b, *next;

	list_for_each_safe(b, next, &u->queue, link) {
		size_t n = min((size_t)(b->end - b->start), msg->data.left);
		bool files = b->scm.files;

		if (*told && creds && !same_cred(scm, &b->scm))
			return true;
		if (!*told && creds)
			copy_cred(scm, &b->scm);
		*told = true;
		tell_name(msg, b->from);
		if (uio_put(&msg->data, b->data + b->start, n) != n) {
			*done = *done ?: -EFAULT;
			return true;
		}
		*done += n;
		if (files && peek) {
			scm->files = scm_files_copy(b->scm.files);
		} else if (files) {
			scm_land(b->scm.files);
			scm->files = b->scm.files;
			b->scm.files = NULL;
		}
		if (!peek)
			buf_take(u, b, n);
		if (files || !msg->data.left)
			return true;
	}
	return peek && *done;
}

static ssize_t stream_recv(struct unix_sock *u, struct net_msg *msg, struct scm *scm)
{
	u64 deadline = socket_deadline(u->s.rcvtimeo, msg->flags);
	size_t left = msg->data.left;
	size_t target = msg->flags & MSG_WAITALL ? left : min(left, (size_t)u->s.rcvlowat);
	struct socket *s = &u->s;
	ssize_t done = 0, err = 0;
	bool told = false;

	mutex_lock(&u->lock);
	while (!stream_drain(u, msg, scm, &done, &told)) {
		if (done >= (ssize_t)max(target, (size_t)1))
			break;
		err = socket_error(s);
		if (err || s->shutdown & RCV_SHUTDOWN)
			break;
		mutex_unlock(&u->lock);
		err = SOCKET_WAIT(&s->rd,
				  !list_empty(&u->queue) || s->error || s->shutdown & RCV_SHUTDOWN,
				  deadline);
		mutex_lock(&u->lock);
		if (err)
			break;
	}
	mutex_unlock(&u->lock);
	return done ?: err;
}

ssize_t unix_stream_recv(struct socket *s, struct net_msg *msg)
{
	struct scm scm = { .uid = -1, .gid = -1 };
	ssize_t n;

	if (unix_sk(s)->state != UNIX_CONNECTED)
		return -EINVAL;
	if (msg->flags & MSG_OOB)
		return -EOPNOTSUPP;
	n = stream_recv(unix_sk(s), msg, &scm);
	scm_deliver(s, msg, &scm);
	return n;
}

/* ---- messages: sending ---- */

/* The whole message in buffers of from. ERR_PTR. */
static struct unix_buf *message_new(struct unix_sock *from, struct net_msg *msg)
{
	struct unix_buf *head = NULL, **at = &head, *b;

	do {
		b = *at = buf_new(from, msg->data.left);
		if (!b) {
			buf_free(head);
			return ERR_PTR(-ENOBUFS);
		}
		b->end = min((size_t)b->cap, msg->data.left);
		if (uio_get(&msg->data, b->data, b->end) != b->end) {
			buf_free(head);
			return ERR_PTR(-EFAULT);
		}
		at = &b->more;
	} while (msg->data.left);
	return head;
}

size_t unix_message_size(const struct unix_buf *b)
{
	size_t n = 0;

	for (; b; b = b->more)
		n += b->end;
	return n;
}

void unix_disconnected(struct unix_sock *u, struct unix_sock *old)
{
	struct list_head bufs = LIST_INIT(bufs);

	mutex_lock(&u->lock);
	waitq_del(&u->relay);
	if (old) {
		list_splice_tail(&u->queue, &bufs);
		u->bytes = u->qlen = 0;
	}
	mutex_unlock(&u->lock);
	if (!old)
		return;
	/* Of a pair that talked to each other one end is told that messages are lost. */
	if (!list_empty(&bufs)) {
		waitq_wake_all(&u->space, POLLOUT | POLLWRNORM);
		if (!READ_ONCE(old->dead) && READ_ONCE(old->peer) == u) {
			WRITE_ONCE(old->s.error, ECONNRESET);
			socket_wake(&old->s, POLLERR);
		}
	}
	unix_purge(&bufs);
	socket_put(&old->s);
}

/* u's default destination is dead: it has none from now on. */
static void drop_dead_peer(struct unix_sock *u, struct unix_sock *to)
{
	bool was;

	mutex_lock(&u->lock);
	was = u->peer == to;
	if (was)
		u->peer = NULL;
	mutex_unlock(&u->lock);
	if (was)
		unix_disconnected(u, to);
}

/* Queues the message at to; its length n goes to the reader. 0, -EPIPE, -EAGAIN: its queue is full. */
static int queue_message(struct unix_sock *u, struct unix_sock *to, struct unix_buf *b, size_t n)
{
	struct unix_sock *back;

	MUTEX_GUARD(&to->lock);
	back = to->peer;
	if (back && back != u)
		return -EPERM;
	if (to->dead)
		return u->s.type == SOCK_SEQPACKET ? -EPIPE : -ECONNREFUSED;
	if (to->s.shutdown & RCV_SHUTDOWN)
		return -EPIPE;
	if (to != u && back != u && unix_queue_full(to))
		return -EAGAIN;
	if (socket_opt(&to->s, SOCK_OPT_TIMESTAMP))
		b->time_ns = clock_wall_ns();
	list_add_tail(&b->link, &to->queue);
	to->bytes += n;
	to->qlen++;
	if (b->scm.files)
		scm_fly(b->scm.files, to);
	waitq_wake_all(&to->s.rd, POLLIN | POLLRDNORM);
	return 0;
}

/* A destination for one message, with a reference. ERR_PTR. */
static struct unix_sock *destination(struct unix_sock *u, const struct net_msg *msg)
{
	struct unix_sock *to;

	if (msg->name_len)
		return unix_find(u->s.net, msg->name, msg->name_len, u->s.type);
	to = unix_peer_get(u);
	return to ?: ERR_PTR(-ENOTCONN);
}

static int send_message(struct unix_sock *u, struct net_msg *msg, struct unix_buf *b, size_t n,
			u64 deadline)
{
	for (;;) {
		struct unix_sock *to = destination(u, msg);
		bool full;
		int err;

		if (IS_ERR(to))
			return PTR_ERR(to);
		add_cred(u, to, &b->scm);
		err = queue_message(u, to, b, n);
		if (err == -ECONNREFUSED)
			drop_dead_peer(u, to);
		full = err == -EAGAIN;
		if (full)
			err = SOCKET_WAIT(&to->space,
					  !unix_queue_full(to) || to->dead ||
						  to->s.shutdown & RCV_SHUTDOWN,
					  deadline);
		socket_put(&to->s);
		if (err || !full)
			return err;
	}
}

static ssize_t dgram_send(struct unix_sock *u, struct net_msg *msg, struct scm *scm)
{
	u64 deadline = socket_deadline(u->s.sndtimeo, msg->flags);
	size_t n = msg->data.left;
	struct socket *s = &u->s;
	struct unix_buf *b;
	int err = 0;

	if (msg->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (msg->name_len)
		err = unix_check_addr(msg->name, msg->name_len);
	else if (!READ_ONCE(u->peer))
		err = -ENOTCONN;
	if (!err && socket_opt(s, SOCK_OPT_PASSCRED))
		err = unix_autobind(u);
	err = err ?: n > (size_t)max(s->sndbuf - 32, 0) ? -EMSGSIZE : socket_error(s);
	if (!err && s->shutdown & SEND_SHUTDOWN)
		err = -EPIPE;
	err = err ?: SOCKET_WAIT(&s->wr, u->wmem < (u64)s->sndbuf || s->error, deadline);
	if (err)
		return err;
	b = message_new(u, msg);
	if (IS_ERR(b))
		return PTR_ERR(b);
	b->scm = *scm;
	*scm = (struct scm){ 0 };
	err = send_message(u, msg, b, n, deadline);
	if (!err)
		return n;
	buf_free(b);
	return err;
}

ssize_t unix_dgram_send(struct socket *s, struct net_msg *msg)
{
	SCOPED_SCM(scm);

	return scm_parse(msg, &scm) ?: dgram_send(unix_sk(s), msg, &scm);
}

ssize_t unix_seq_send(struct socket *s, struct net_msg *msg)
{
	int err = socket_error(s);

	if (err)
		return err;
	if (unix_sk(s)->state != UNIX_CONNECTED)
		return -ENOTCONN;
	msg->name_len = 0;
	return unix_dgram_send(s, msg);
}

/* ---- messages: receiving ---- */

/* The next message, with u->lock held. ERR_PTR: without; NULL: nothing more comes. */
static struct unix_buf *next_message(struct unix_sock *u, unsigned int flags)
{
	u64 deadline = socket_deadline(u->s.rcvtimeo, flags);
	struct socket *s = &u->s;
	int err;

	for (;;) {
		mutex_lock(&u->lock);
		if (!list_empty(&u->queue))
			return list_first(&u->queue, struct unix_buf, link);
		mutex_unlock(&u->lock);
		err = socket_error(s);
		if (!err && s->shutdown & RCV_SHUTDOWN)
			return deadline || s->type == SOCK_SEQPACKET ? NULL : ERR_PTR(-EAGAIN);
		if (!err)
			err = SOCKET_WAIT(&s->rd,
					  !list_empty(&u->queue) || s->error ||
						  s->shutdown & RCV_SHUTDOWN,
					  deadline);
		if (err)
			return ERR_PTR(err);
	}
}

static ssize_t message_copy(struct net_msg *msg, const struct unix_buf *b)
{
	ssize_t done = 0;

	for (; b && msg->data.left; b = b->more) {
		size_t n = min((size_t)b->end, msg->data.left);

		if (uio_put(&msg->data, b->data, n) != n)
			return -EFAULT;
		done += n;
	}
	return done;
}

ssize_t unix_dgram_recv(struct socket *s, struct net_msg *msg)
{
	struct unix_sock *u = unix_sk(s);
	struct unix_buf *b =
		msg->flags & MSG_OOB ? ERR_PTR(-EOPNOTSUPP) : next_message(u, msg->flags);
	bool peek = msg->flags & MSG_PEEK;
	struct scm scm = { .uid = -1, .gid = -1 };
	size_t size;
	ssize_t n;

	if (IS_ERR_OR_NULL(b))
		return PTR_ERR(b);
	size = unix_message_size(b);
	tell_name(msg, b->from);
	if (size > msg->data.left)
		msg->out |= MSG_TRUNC;
	n = message_copy(msg, b);
	if (n >= 0)
		put_stamp(s, msg, b->time_ns);
	copy_cred(&scm, &b->scm);
	if (b->scm.files && peek)
		scm.files = scm_files_copy(b->scm.files);
	if (!peek) {
		list_del(&b->link);
		u->bytes -= size;
		u->qlen--;
		if (b->scm.files)
			scm_land(b->scm.files);
		scm.files = b->scm.files;
		b->scm.files = NULL;
	}
	mutex_unlock(&u->lock);
	if (!peek) {
		waitq_wake_all(&u->space, POLLOUT | POLLWRNORM);
		buf_free(b);
	}
	scm_deliver(s, msg, &scm);
	return n < 0 ? n : msg->flags & MSG_TRUNC ? (ssize_t)size : n;
}

ssize_t unix_seq_recv(struct socket *s, struct net_msg *msg)
{
	return unix_sk(s)->state == UNIX_CONNECTED ? unix_dgram_recv(s, msg) : -ENOTCONN;
}
