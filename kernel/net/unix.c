/* SPDX-License-Identifier: MIT */
/*
 * AF_UNIX sockets: how they come, connect and go, and when they are ready. unix.h says which lock
 * guards what.
 *
 * A listening socket has a queue of the other ends of those that connect to it: each is complete, has a
 * peer and may already hold data, but no file; accept(2) gives it one. Closing the listener closes
 * them, and their peers see a reset.
 */
#include "net/unix.h"

#include <asm/ioctls.h>

static const struct socket_ops stream_ops, dgram_ops, seqpacket_ops;

/* ---- birth and end ---- */

static void relay_wake(struct wait_entry *w, u32 key)
{
	waitq_wake_all(&container_of(w, struct unix_sock, relay)->s.wr, key);
}

/* ERR_PTR */
static struct unix_sock *unix_new(struct net_ns *net, int type)
{
	const struct socket_ops *ops = type == SOCK_STREAM  ? &stream_ops
				       : type == SOCK_DGRAM ? &dgram_ops
							    : &seqpacket_ops;
	struct unix_sock *u = socket_new(sizeof(*u), ops, net, AF_UNIX, type, 0);

	if (IS_ERR(u))
		return u;
	mutex_init(&u->lock);
	list_init(&u->queue);
	list_init(&u->accepts);
	list_init(&u->accept_link);
	list_init(&u->in_flight);
	list_init(&u->flight_link);
	waitq_init(&u->space);
	list_init(&u->relay.link);
	u->relay.func = relay_wake;
	u->backlog = UNIX_DGRAM_QLEN;
	unix_hash(u);
	return u;
}

struct socket *unix_create(struct net_ns *net, int type, int protocol)
{
	if (protocol && protocol != AF_UNIX)
		return ERR_PTR(-EPROTONOSUPPORT);
	if (type == SOCK_RAW)
		type = SOCK_DGRAM;
	if (type != SOCK_STREAM && type != SOCK_DGRAM && type != SOCK_SEQPACKET)
		return ERR_PTR(-ESOCKTNOSUPPORT);
	return (struct socket *)unix_new(net, type); /* which it begins with; or an error */
}

static void unix_destroy(struct socket *s)
{
	unix_addr_put(unix_sk(s)->addr);
	socket_free(s);
}

static void shut(struct socket *s, u32 bits)
{
	__atomic_fetch_or(&s->shutdown, bits, __ATOMIC_SEQ_CST);
	socket_wake(s, POLLIN | POLLRDNORM | POLLRDHUP | POLLOUT | POLLWRNORM | POLLHUP);
}

/* u has no file (any more): the peer learns of it. reset: with an error. */
static void unix_end(struct unix_sock *u, bool reset)
{
	struct list_head bufs = LIST_INIT(bufs);
	struct unix_sock *peer;
	struct path path;

	unix_unhash(u);
	path = u->path;
	mutex_lock(&u->lock);
	u->dead = true;
	peer = u->peer;
	u->peer = NULL;
	list_splice_tail(&u->queue, &bufs);
	mutex_unlock(&u->lock);
	shut(&u->s, RCV_SHUTDOWN | SEND_SHUTDOWN);
	waitq_wake_all(&u->space, POLLOUT | POLLWRNORM);
	waitq_del(&u->relay);
	if (peer && u->s.type != SOCK_DGRAM) {
		if (reset || !list_empty(&bufs))
			WRITE_ONCE(peer->s.error, ECONNRESET);
		shut(&peer->s, RCV_SHUTDOWN | SEND_SHUTDOWN);
	}
	if (peer)
		socket_put(&peer->s);
	unix_purge(&bufs);
	if (path.dentry)
		path_put(&path);
}

static struct unix_sock *take_accept(struct unix_sock *l)
{
	struct unix_sock *e;

	MUTEX_GUARD(&l->lock);
	e = list_find(e, &l->accepts, accept_link, true);
	if (e) {
		scm_accept_del(e);
		l->qlen--;
	}
	return e;
}

static void unix_release(struct socket *s)
{
	struct unix_sock *u = unix_sk(s), *e;

	unix_end(u, false);
	while ((e = take_accept(u))) {
		unix_end(e, true);
		socket_put(&e->s);
	}
	unix_collect();
}

/* ---- connections ---- */

static bool change_state(struct unix_sock *u, u32 from, u32 to)
{
	return __atomic_compare_exchange_n(&u->state, &from, to, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_RELAXED);
}

/* Each has the other, with a reference; nobody else knows b yet. */
static void join(struct unix_sock *a, struct unix_sock *b)
{
	socket_get(&a->s);
	socket_get(&b->s);
	b->peer = a;
	WRITE_ONCE(a->peer, b);
	b->state = UNIX_CONNECTED;
	__atomic_store_n(&a->state, UNIX_CONNECTED, __ATOMIC_RELEASE);
}

static void set_peer_current(struct unix_sock *u)
{
	socket_set_peer(&u->s, current->proc->pid, current->thread.cred);
}

static int unix_socketpair(struct socket *a, struct socket *b)
{
	join(unix_sk(a), unix_sk(b));
	set_peer_current(unix_sk(a));
	set_peer_current(unix_sk(b));
	return 0;
}

static int unix_listen(struct socket *s, int backlog)
{
	struct unix_sock *u = unix_sk(s);

	int err = 0;

	if (!u->addr)
		return -EINVAL;
	mutex_lock(&u->lock);
	if (u->state == UNIX_LISTEN || change_state(u, UNIX_CLOSE, UNIX_LISTEN)) {
		u->backlog = backlog;
		socket_opt_set(s, SOCK_OPT_LISTENING, true);
		set_peer_current(u);
	} else {
		err = -EINVAL;
	}
	mutex_unlock(&u->lock);
	waitq_wake_all(&u->space, 0);
	return err;
}

static bool listens(const struct unix_sock *u)
{
	return !u->dead && u->state == UNIX_LISTEN && !(u->s.shutdown & RCV_SHUTDOWN);
}

/* A listener with room for one more, locked and with a reference. ERR_PTR. */
static struct unix_sock *find_listener(struct socket *s, const struct sockaddr_storage *addr,
				       int len, u64 deadline)
{
	for (;;) {
		struct unix_sock *l = unix_find(s->net, addr, len, s->type);
		int err = 0;

		if (IS_ERR(l))
			return l;
		mutex_lock(&l->lock);
		if (!listens(l))
			err = -ECONNREFUSED;
		else if (!unix_queue_full(l))
			return l;
		mutex_unlock(&l->lock);
		if (!err)
			err = SOCKET_WAIT(&l->space, !unix_queue_full(l) || !listens(l), deadline);
		socket_put(&l->s);
		if (err)
			return ERR_PTR(err);
	}
}

static int unix_connect(struct socket *s, const struct sockaddr_storage *addr, int len, int flags)
{
	u64 deadline = socket_deadline(s->sndtimeo, flags & O_NONBLOCK ? MSG_DONTWAIT : 0);
	struct unix_sock *u = unix_sk(s), *l, *e;
	int err = unix_check_addr(addr, len);

	if (!err && socket_opt(s, SOCK_OPT_PASSCRED))
		err = unix_autobind(u);
	if (err)
		return err;
	e = unix_new(s->net, s->type);
	if (IS_ERR(e))
		return PTR_ERR(e);
	l = find_listener(s, addr, len, deadline);
	err = IS_ERR(l) ? PTR_ERR(l) : 0;
	if (!err && !change_state(u, UNIX_CLOSE, UNIX_CONNECTING)) {
		err = u->state == UNIX_CONNECTED ? -EISCONN : -EINVAL;
		mutex_unlock(&l->lock);
		socket_put(&l->s);
	}
	if (err) {
		unix_unhash(e);
		socket_put(&e->s);
		return err;
	}
	e->addr = l->addr;
	ref_get(&e->addr->refs);
	set_peer_current(e);
	socket_set_peer(s, l->s.peer_pid, l->s.peer_cred);
	join(u, e);
	scm_accept_add(l, e);
	l->qlen++;
	mutex_unlock(&l->lock);
	waitq_wake_all(&l->s.rd, POLLIN | POLLRDNORM);
	socket_put(&l->s);
	return 0;
}

static struct socket *unix_accept(struct socket *s, int flags)
{
	u64 deadline = socket_deadline(s->rcvtimeo, flags & O_NONBLOCK ? MSG_DONTWAIT : 0);
	struct unix_sock *u = unix_sk(s), *e;
	int err;

	if (u->state != UNIX_LISTEN)
		return ERR_PTR(-EINVAL);
	while (!(e = take_accept(u))) {
		if (s->shutdown & RCV_SHUTDOWN)
			return ERR_PTR(-EINVAL);
		err = SOCKET_WAIT(&s->rd, !list_empty(&u->accepts) || s->shutdown & RCV_SHUTDOWN,
				  deadline);
		if (err)
			return ERR_PTR(err);
	}
	waitq_wake_all(&u->space, 0);
	return &e->s;
}

/* A datagram socket's default destination; AF_UNSPEC takes it away. */
static int dgram_connect(struct socket *s, const struct sockaddr_storage *addr, int len, int flags)
{
	struct unix_sock *u = unix_sk(s), *to = NULL, *old, *back;
	int err = 0;

	if (len < (int)sizeof(__kernel_sa_family_t))
		return -EINVAL;
	if (addr->ss_family != AF_UNSPEC) {
		err = unix_check_addr(addr, len);
		if (!err && socket_opt(s, SOCK_OPT_PASSCRED))
			err = unix_autobind(u);
		if (err)
			return err;
		to = unix_find(s->net, addr, len, s->type);
		if (IS_ERR(to))
			return PTR_ERR(to);
		back = READ_ONCE(to->peer);
		if (back && back != u) {
			socket_put(&to->s);
			return -EPERM;
		}
	}
	mutex_lock(&u->lock);
	old = u->peer;
	u->peer = to;
	u->state = to ? UNIX_CONNECTED : UNIX_CLOSE;
	mutex_unlock(&u->lock);
	if (old)
		unix_disconnected(u, old == to ? NULL : old);
	if (old && old == to)
		socket_put(&old->s);
	return 0;
}

static int unix_shutdown(struct socket *s, unsigned int bits)
{
	struct unix_sock *peer = unix_peer_get(unix_sk(s));
	u32 theirs = (bits & RCV_SHUTDOWN ? SEND_SHUTDOWN : 0) |
		     (bits & SEND_SHUTDOWN ? RCV_SHUTDOWN : 0);

	shut(s, bits);
	if (unix_sk(s)->state == UNIX_LISTEN)
		waitq_wake_all(&unix_sk(s)->space, 0);
	if (!peer)
		return 0;
	if (s->type != SOCK_DGRAM)
		shut(&peer->s, theirs);
	socket_put(&peer->s);
	return 0;
}

static int unix_getname(struct socket *s, struct sockaddr_storage *addr, bool peer)
{
	struct unix_sock *u = unix_sk(s), *p;
	int len;

	if (!peer)
		return unix_addr_copy(u, addr);
	p = unix_peer_get(u);
	if (!p)
		return -ENOTCONN;
	len = unix_addr_copy(p, addr);
	socket_put(&p->s);
	return len;
}

/* ---- readiness ---- */

/* May a datagram be sent to the peer? When not, s.wr is woken once it may. */
static bool peer_has_room(struct unix_sock *u)
{
	struct unix_sock *to = unix_peer_get(u);
	bool room = true;

	if (!to)
		return true;
	if (to != u && READ_ONCE(to->peer) != u && unix_queue_full(to)) {
		mutex_lock(&u->lock);
		if (u->peer == to)
			waitq_add(&to->space, &u->relay);
		mutex_unlock(&u->lock);
		room = !unix_queue_full(to) || READ_ONCE(to->dead);
	}
	socket_put(&to->s);
	return room;
}

static u32 unix_poll(struct socket *s, struct file *f, struct poll_table *pt)
{
	struct unix_sock *u = unix_sk(s);
	u32 mask = 0, shutdown;

	poll_wait(f, &s->rd, pt);
	poll_wait(f, &s->wr, pt);
	shutdown = READ_ONCE(s->shutdown);
	if (READ_ONCE(s->error))
		mask |= POLLERR;
	if (shutdown == (RCV_SHUTDOWN | SEND_SHUTDOWN))
		mask |= POLLHUP;
	if (shutdown & RCV_SHUTDOWN)
		mask |= POLLRDHUP | POLLIN | POLLRDNORM;
	if (!list_empty(&u->queue) || !list_empty(&u->accepts))
		mask |= POLLIN | POLLRDNORM;
	if (s->type != SOCK_DGRAM && u->state == UNIX_CLOSE)
		mask |= POLLHUP;
	if (unix_writable(u) && (s->type == SOCK_STREAM || peer_has_room(u)))
		mask |= POLLOUT | POLLWRNORM | POLLWRBAND;
	return mask;
}

static long unix_ioctl(struct socket *s, unsigned int cmd, unsigned long arg)
{
	struct unix_sock *u = unix_sk(s);
	u64 n;

	switch (cmd) {
	case FIONREAD: /* SIOCINQ: of a datagram socket the next message */
		if (u->state == UNIX_LISTEN)
			return -EINVAL;
		mutex_lock(&u->lock);
		n = u->bytes;
		if (s->type == SOCK_DGRAM && n)
			n = unix_message_size(list_first(&u->queue, struct unix_buf, link));
		mutex_unlock(&u->lock);
		return put_user((int)n, (int __user *)arg);
	case TIOCOUTQ: /* SIOCOUTQ */
		return put_user((int)u->wmem, (int __user *)arg);
	}
	return -ENOTTY;
}

#define UNIX_OPS(connect_fn, accept_fn, listen_fn, send_fn, recv_fn)                               \
	{                                                                                          \
		.release = unix_release, .destroy = unix_destroy, .bind = unix_bind,               \
		.connect = connect_fn, .accept = accept_fn, .listen = listen_fn,                   \
		.getname = unix_getname, .socketpair = unix_socketpair, .sendmsg = send_fn,        \
		.recvmsg = recv_fn, .poll = unix_poll, .shutdown = unix_shutdown,                  \
		.ioctl = unix_ioctl,                                                               \
	}
static const struct socket_ops stream_ops =
	UNIX_OPS(unix_connect, unix_accept, unix_listen, unix_stream_send, unix_stream_recv);
static const struct socket_ops seqpacket_ops =
	UNIX_OPS(unix_connect, unix_accept, unix_listen, unix_seq_send, unix_seq_recv);
static const struct socket_ops dgram_ops =
	UNIX_OPS(dgram_connect, NULL, NULL, unix_dgram_send, unix_dgram_recv);
