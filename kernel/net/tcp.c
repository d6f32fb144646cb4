/* SPDX-License-Identifier: MIT */
/*
 * The calls on a TCP socket (tcp(7)): names, connect, listen and accept, sending and reading, closing.
 * Options are in tcp_opt.c, the protocol in tcp_in.c and tcp_out.c. Whoever sent something lets go of
 * the lock and calls net_run(): on loopback the other end has it then.
 */
#include "net/tcp.h"

#include <asm/ioctls.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>

static void unlock_and_run(struct socket *s)
{
	spin_unlock(&s->lock);
	net_run();
}

/* ---- names ---- */

static int tcp_bind(struct socket *s, const struct sockaddr_storage *addr, int len)
{
	return inet_bind(s, addr, len, tcp_conflict);
}

static int tcp_getname(struct socket *s, struct sockaddr_storage *addr, bool peer)
{
	if (peer && tcp_in(tcp_sk(s), TCPF(TCP_CLOSE) | TCPF(TCP_SYN_SENT)))
		return -ENOTCONN;
	return inet_getname(s, addr, peer);
}

/* connect(2) with AF_UNSPEC: the socket is as new, but for what was bound. */
static int tcp_disconnect(struct tcp_sock *t)
{
	struct socket *s = &t->inet.s;

	if (t->state == TCP_LISTEN)
		tcp_stop_listening(t);
	mutex_lock(&t->rx_mutex); /* nobody is reading what is thrown away */
	spin_lock(&s->lock);
	if (tcp_in(t, TCPF_SYNCHRONIZED) && t->state != TCP_TIME_WAIT)
		tcp_send_rst(t);
	tcp_done(t, 0);
	if (!t->inet.bound_addr)
		t->inet.saddr = t->inet.rcv_saddr = 0;
	t->inet.daddr = 0;
	t->inet.dport = 0;
	t->inet.connected = t->fin_queued = false;
	t->urg = TCP_URG_NONE;
	t->srtt = 0;
	t->rto = TCP_RTO_INIT;
	s->shutdown = 0;
	s->error = 0;
	pkt_queue_free(&t->inet.s.rx);
	t->inet.s.rx_truesize = 0;
	t->copied = t->rcv_nxt = t->rcv_right = 0;
	socket_opt_set(s, SOCK_OPT_LISTENING, false);
	spin_unlock(&s->lock);
	mutex_unlock(&t->rx_mutex);
	net_run();
	return 0;
}

/* Sends the SYN; s->lock held. -EADDRNOTAVAIL, -ENETUNREACH ... */
static int start_connect(struct tcp_sock *t, const struct sockaddr_in *sin)
{
	struct inet_sock *sk = &t->inet;
	be32 daddr = sin->sin_addr.s_addr, had_rcv = sk->rcv_saddr, had = sk->saddr;
	struct dst dst;
	int err = inet_route(sk, &daddr, 0, &dst);

	if (err)
		return err;
	netdev_put(sk->dst.dev);
	sk->dst = dst;
	if (dst.type == RTN_BROADCAST || dst.type == RTN_MULTICAST)
		return -ENETUNREACH;
	if (!sk->saddr)
		sk->saddr = dst.saddr;
	if (!sk->rcv_saddr)
		sk->rcv_saddr = sk->saddr;
	sk->daddr = daddr;
	sk->dport = sin->sin_port;
	if (!sk->sport)
		err = port_take(sk, 0, tcp_conflict) ? -EADDRNOTAVAIL : 0;
	if (!err)
		err = tcp_hash(t);
	if (err) {
		sk->saddr = had;
		sk->rcv_saddr = had_rcv;
		sk->dport = 0;
		return err;
	}
	tcp_choose_iss(t);
	tcp_set_mss(t, tcp_path_mss(t));
	t->rcv_wscale = 7;
	t->wscale_ok = true;
	t->tries = 0;
	tcp_set_state(t, TCP_SYN_SENT);
	sk->connected = true;
	tcp_send_syn(t);
	return 0;
}

static int tcp_connect(struct socket *s, const struct sockaddr_storage *addr, int len, int flags)
{
	const u32 handshake = TCPF(TCP_SYN_SENT) | TCPF(TCP_SYN_RECV);
	struct tcp_sock *t = tcp_sk(s);
	struct sockaddr_in sin;
	u64 deadline;
	int err;

	if (len < (int)sizeof(addr->ss_family))
		return -EINVAL;
	if (addr->ss_family == AF_UNSPEC)
		return tcp_disconnect(t);
	spin_lock(&s->lock);
	err = 0;
	if (tcp_in(t, handshake)) {
		if (flags & O_NONBLOCK)
			err = -EALREADY;
	} else if (t->inet.connected) {
		/* the result of an earlier, non-blocking call is told once */
		err = t->state != TCP_CLOSE ? -EISCONN : -ECONNABORTED;
		if (READ_ONCE(s->error))
			err = socket_error(s);
		if (t->state == TCP_CLOSE) {
			t->inet.connected = false;
			s->shutdown = 0;
		}
	} else if (t->state != TCP_CLOSE) {
		err = -EISCONN;
	} else {
		err = inet_addr(addr, len, &sin);
		s->shutdown = 0;
		if (!err)
			err = start_connect(t, &sin);
		if (!err && flags & O_NONBLOCK)
			err = -EINPROGRESS;
	}
	unlock_and_run(s);
	if (err == -EINPROGRESS && !tcp_in(t, handshake) && t->state != TCP_CLOSE)
		return 0; /* on loopback it is over already */
	if (err)
		return err;
	deadline = socket_deadline(s->sndtimeo, 0);
	err = SOCKET_WAIT(&s->wr, !tcp_in(t, handshake), deadline);
	if (err)
		return err == -EAGAIN ? -EINPROGRESS : err;
	if (t->state != TCP_CLOSE)
		return 0;
	t->inet.connected = false;
	s->shutdown = 0;
	return socket_error(s) ?: -ECONNABORTED;
}

/* ---- listening ---- */

static int tcp_listen(struct socket *s, int backlog)
{
	struct tcp_sock *t = tcp_sk(s);

	SPIN_GUARD(&s->lock);
	if (t->state != TCP_CLOSE && t->state != TCP_LISTEN)
		return -EINVAL;
	t->backlog = min((u32)backlog, s->net->somaxconn);
	if (t->state == TCP_LISTEN)
		return 0;
	tcp_set_state(t, TCP_LISTEN);
	if (port_take(&t->inet, t->inet.sport, tcp_conflict)) {
		tcp_set_state(t, TCP_CLOSE);
		return -EADDRINUSE;
	}
	s->shutdown = 0;
	socket_opt_set(s, SOCK_OPT_LISTENING, true);
	tcp_hash_listener(t);
	return 0;
}

static struct tcp_sock *take_accepted(struct tcp_sock *l)
{
	struct tcp_sock *t;

	SPIN_GUARD(&l->accept_lock);
	t = list_pop(&l->accept_queue, struct tcp_sock, accept_link);
	l->nr_accept -= !!t;
	return t;
}

static struct socket *tcp_accept(struct socket *s, int flags)
{
	struct tcp_sock *l = tcp_sk(s), *t;
	u64 deadline = socket_deadline(s->rcvtimeo, flags & O_NONBLOCK ? MSG_DONTWAIT : 0);
	int err;

	for (;;) {
		if (!tcp_in(l, TCPF(TCP_LISTEN)))
			return ERR_PTR(-EINVAL);
		t = take_accepted(l);
		if (t)
			break;
		err = SOCKET_WAIT(&s->rd, READ_ONCE(l->nr_accept) || !tcp_in(l, TCPF(TCP_LISTEN)),
				  deadline);
		if (err)
			return ERR_PTR(err);
	}
	spin_lock(&t->inet.s.lock);
	t->listener = NULL;
	t->inet.connected = true;
	spin_unlock(&t->inet.s.lock);
	socket_put(s);
	return &t->inet.s;
}

/* ---- sending ---- */

static bool has_room(const struct tcp_sock *t)
{
	return READ_ONCE(t->send_truesize) < (u32)t->inet.s.sndbuf;
}

/* Waits until there is room to send into. 0 or -errno; -EPIPE */
static int wait_to_send(struct tcp_sock *t, u64 deadline)
{
	const u32 handshake = TCPF(TCP_SYN_SENT) | TCPF(TCP_SYN_RECV);
	struct socket *s = &t->inet.s;
	int err = socket_error(s);

	if (err)
		return err;
	if (READ_ONCE(s->shutdown) & SEND_SHUTDOWN || !tcp_in(t, TCPF_CAN_SEND | handshake))
		return -EPIPE;
	if (tcp_in(t, TCPF_CAN_SEND) && has_room(t))
		return 0;
	return SOCKET_WAIT(&s->wr,
			   (tcp_in(t, TCPF_CAN_SEND) && has_room(t)) || READ_ONCE(s->error) ||
				   READ_ONCE(s->shutdown) & SEND_SHUTDOWN ||
				   !tcp_in(t, TCPF_CAN_SEND | handshake),
			   deadline);
}

/* Adds p (it goes) to what is to be sent. */
static void enqueue(struct tcp_sock *t, struct pkt *p)
{
	struct pkt *last = t->send_head ? list_last(&t->sendq, struct pkt, link) : NULL;
	u32 n = pkt_len(p);

	p->seq = t->write_seq;
	p->end_seq = t->write_seq += n;
	p->tcp_flags = TCP_ACK | TCP_PSH;
	if (last && !(last->tcp_flags & (TCP_SYN | TCP_FIN)) && n <= last->end - last->tail &&
	    pkt_len(last) + n <= t->packet_max && pkt_alone(last)) {
		memcpy(pkt_put(last, n), p->data, n);
		last->end_seq = p->end_seq;
		pkt_free(p);
		return;
	}
	if (last)
		last->tcp_flags &= ~TCP_PSH;
	list_add_tail(&p->link, &t->sendq);
	t->send_truesize += pkt_truesize(p);
	if (!t->send_head)
		t->send_head = p;
}

/* A packet with the next bytes of msg: whole segments, half of the other side's window at most. ERR_PTR */
static struct pkt *next_packet(const struct tcp_sock *t, struct net_msg *msg)
{
	u32 mss = READ_ONCE(t->mss), half = READ_ONCE(t->max_wnd) / 2;
	size_t most = max(min(READ_ONCE(t->packet_max), half - half % mss), mss);
	size_t n = min(msg->data.left, most);
	struct pkt *p = pkt_alloc(n, current_thread()->mem_charge);

	if (!p && n > PAGE_SIZE / 2) { /* memory may be in pieces */
		n = PAGE_SIZE / 2;
		p = pkt_alloc(n, current_thread()->mem_charge);
	}
	if (!p)
		return ERR_PTR(-ENOBUFS);
	if (uio_get(&msg->data, pkt_put(p, n), n) == n)
		return p;
	pkt_free(p);
	return ERR_PTR(-EFAULT);
}

static ssize_t tcp_sendmsg(struct socket *s, struct net_msg *msg)
{
	struct tcp_sock *t = tcp_sk(s);
	u64 deadline = socket_deadline(s->sndtimeo, msg->flags);
	ssize_t done = 0;
	int err = 0;

	do {
		struct pkt *p;
		u32 n;

		err = wait_to_send(t, deadline);
		if (err)
			break;
		if (!msg->data.left)
			break;
		p = next_packet(t, msg);
		err = PTR_ERR(p);
		if (IS_ERR(p))
			break;
		n = pkt_len(p);
		spin_lock(&s->lock);
		if (!tcp_in(t, TCPF_CAN_SEND) || t->fin_queued) {
			spin_unlock(&s->lock);
			pkt_free(p);
			err = socket_error(s) ?: -EPIPE;
			break;
		}
		enqueue(t, p);
		t->more = msg->flags & MSG_MORE;
		if (msg->flags & MSG_OOB && !msg->data.left)
			t->snd_up = t->write_seq;
		if (!msg->data.left || t->send_truesize > (u32)s->sndbuf / 2 || n >= t->mss)
			tcp_push(t, false);
		done += n;
		unlock_and_run(s);
		err = 0;
	} while (msg->data.left);
	return done ? done : err;
}

/* ---- reading ---- */

/* The bytes at *seq: packet, offset in it, and how many up to want. s->lock held. NULL: none yet. */
static struct pkt *readable(struct tcp_sock *t, u32 seq, u32 *off, u32 *n)
{
	struct pkt *p;

	list_for_each(p, &t->inet.s.rx, link) {
		if (!before(seq, p->end_seq))
			continue;
		*off = seq - p->seq;
		*n = min(*n, p->end_seq - seq);
		return p;
	}
	return NULL;
}

/* Bytes up to seq were read: packets that are used up go; the other side learns of the room. */
static void consumed(struct tcp_sock *t, u32 seq)
{
	struct inet_sock *sk = &t->inet;
	u32 promised;

	WRITE_ONCE(t->copied, seq);
	if (t->urg != TCP_URG_NONE && after(seq, t->urg_seq))
		t->urg = TCP_URG_NONE;
	while (!list_empty(&sk->s.rx)) {
		struct pkt *p = list_first(&sk->s.rx, struct pkt, link);

		if (after(p->end_seq, seq))
			break;
		list_del(&p->link);
		sk->s.rx_truesize -= pkt_truesize(p);
		pkt_free(p);
	}
	if (t->ack_at && !t->interactive && list_empty(&sk->s.rx))
		tcp_send_ack(t); /* nothing will be said before more has come */
	promised = before(t->rcv_nxt, t->rcv_right) ? t->rcv_right - t->rcv_nxt : 0;
	if (tcp_in(t, TCPF(TCP_ESTABLISHED) | TCPF(TCP_FIN_WAIT1) | TCPF(TCP_FIN_WAIT2)) &&
	    promised < (u32)sk->s.rcvbuf / 4 && tcp_window(t) >= 2 * promised + t->mss / 2)
		tcp_send_ack(t);
}

/* Moves what there is at *seq on, up to msg's room; *when: its last byte came, ns. Bytes, 0: nothing
 * there, -EFAULT. rx_mutex held. */
static ssize_t read_some(struct tcp_sock *t, struct net_msg *msg, u32 *seq, size_t want, u64 *when)
{
	struct socket *s = &t->inet.s;
	bool inline_urg = socket_opt(s, SOCK_OPT_OOBINLINE);
	ssize_t done = 0, moved;

	while (done < want) {
		u32 n = want - done, off = 0;
		struct pkt *p;

		spin_lock(&s->lock);
		if (t->urg != TCP_URG_NONE && *seq == t->urg_seq && !inline_urg && !done &&
		    tcp_readable(t))
			++*seq; /* not part of the stream */
		p = readable(t, *seq, &off, &n);
		if (p && t->urg != TCP_URG_NONE && t->urg_seq - *seq < n &&
		    (t->urg_seq != *seq || done))
			n = t->urg_seq - *seq; /* reads stop at the mark */
		spin_unlock(&s->lock);
		if (!p || !n)
			break;
		moved = msg->flags & MSG_TRUNC ? (ssize_t)n : uio_put(&msg->data, p->data + off, n);
		if (moved <= 0)
			return done ? done : -EFAULT;
		*when = p->time_ns;
		*seq += moved;
		done += moved;
		if (moved < n)
			break;
	}
	return done;
}

static int recv_oob(struct tcp_sock *t, struct net_msg *msg)
{
	struct socket *s = &t->inet.s;
	int err = 1;
	u8 byte;

	spin_lock(&s->lock);
	byte = t->urg_byte;
	if (socket_opt(s, SOCK_OPT_OOBINLINE) || t->urg == TCP_URG_NONE || t->urg == TCP_URG_READ)
		err = -EINVAL;
	else if (t->urg == TCP_URG_COMING)
		err = s->shutdown & RCV_SHUTDOWN ? 0 : -EAGAIN;
	else if (!(msg->flags & MSG_PEEK))
		t->urg = TCP_URG_READ;
	spin_unlock(&s->lock);
	if (err <= 0)
		return err;
	msg->out |= MSG_OOB;
	return msg->data.left ? uio_put(&msg->data, &byte, 1) : 0;
}

/* Nothing was there: why not, and is it worth waiting? 0: wait; 1: the end; -errno */
static int why_nothing(struct tcp_sock *t)
{
	struct socket *s = &t->inet.s;
	int err = socket_error(s);

	if (err)
		return err;
	if (READ_ONCE(s->shutdown) & RCV_SHUTDOWN)
		return 1;
	return tcp_in(t, TCPF(TCP_CLOSE) | TCPF(TCP_LISTEN)) ? -ENOTCONN : 0;
}

static ssize_t tcp_recvmsg(struct socket *s, struct net_msg *msg)
{
	struct tcp_sock *t = tcp_sk(s);
	u64 deadline = socket_deadline(s->rcvtimeo, msg->flags);
	size_t want = msg->data.left,
	       least = (msg->flags & MSG_WAITALL ? want : min((size_t)s->rcvlowat, want)) ?: 1;
	bool peek = msg->flags & MSG_PEEK;
	u32 peeked = 0, ahead = 0;
	u64 when = 0;
	ssize_t done = 0, n;

	if (msg->flags & MSG_ERRQUEUE)
		return -EAGAIN;
	if (t->state == TCP_LISTEN)
		return -ENOTCONN;
	if (msg->flags & MSG_OOB)
		return recv_oob(t, msg);
	do {
		u32 seq;

		mutex_lock(&t->rx_mutex);
		seq = t->copied + peeked;
		n = read_some(t, msg, &seq, want - done, &when);
		ahead = seq - t->copied;
		if (peek) {
			peeked = ahead;
		} else if (ahead) {
			spin_lock(&s->lock);
			consumed(t, seq);
			unlock_and_run(s);
		}
		mutex_unlock(&t->rx_mutex);
		if (n > 0)
			done += n;
		if (n < 0 || done >= least || (!want && tcp_readable(t)) ||
		    (done && n && t->urg != TCP_URG_NONE))
			break;
		n = done ? (READ_ONCE(s->error) || tcp_in(t, TCPF(TCP_CLOSE)) ||
			    READ_ONCE(s->shutdown) & RCV_SHUTDOWN)
			 : why_nothing(t);
		if (n)
			break;
		n = SOCKET_WAIT(&s->rd,
				tcp_unread(t) > peeked || READ_ONCE(s->error) ||
					READ_ONCE(s->shutdown) & RCV_SHUTDOWN,
				deadline);
	} while (!n);
	if (when)
		put_stamp(s, msg, when);
	return done || n > 0 ? done : n;
}

static u32 tcp_poll(struct socket *s, struct file *f, struct poll_table *pt)
{
	struct tcp_sock *t = tcp_sk(s);
	u32 mask = 0, shut;

	poll_wait(f, &s->rd, pt);
	poll_wait(f, &s->wr, pt);
	if (tcp_in(t, TCPF(TCP_LISTEN)))
		return READ_ONCE(t->nr_accept) ? POLLIN | POLLRDNORM : 0;
	shut = READ_ONCE(s->shutdown);
	if (shut == (RCV_SHUTDOWN | SEND_SHUTDOWN) || tcp_in(t, TCPF(TCP_CLOSE)))
		mask |= POLLHUP;
	if (shut & RCV_SHUTDOWN)
		mask |= POLLIN | POLLRDNORM | POLLRDHUP;
	if (!tcp_in(t, TCPF(TCP_SYN_SENT) | TCPF(TCP_SYN_RECV))) {
		u32 used = READ_ONCE(t->send_truesize), room = s->sndbuf;

		/* the urgent byte out of line is not among what is readable */
		u32 skip = t->urg == TCP_URG_HERE && t->urg_seq == READ_ONCE(t->copied) &&
			   !socket_opt(s, SOCK_OPT_OOBINLINE);
		u32 unread = tcp_readable(t);

		if (unread > skip && unread >= (u32)s->rcvlowat + skip)
			mask |= POLLIN | POLLRDNORM;
		if (shut & SEND_SHUTDOWN || (used < room && room - used >= used / 2))
			mask |= POLLOUT | POLLWRNORM;
		if (t->urg == TCP_URG_HERE)
			mask |= POLLPRI;
	}
	if (READ_ONCE(s->error))
		mask |= POLLERR;
	return mask;
}

static long tcp_ioctl(struct socket *s, unsigned int cmd, unsigned long arg)
{
	struct tcp_sock *t = tcp_sk(s);
	int n = 0;

	if (cmd != SIOCINQ && cmd != SIOCOUTQ && cmd != SIOCOUTQNSD && cmd != SIOCATMARK)
		return -ENOTTY;
	if (t->state == TCP_LISTEN && cmd != SIOCATMARK)
		return -EINVAL;
	spin_lock(&s->lock);
	if (cmd == SIOCATMARK)
		n = t->urg != TCP_URG_NONE && t->urg_seq == t->copied;
	else if (cmd == SIOCOUTQ)
		n = t->write_seq - t->una;
	else if (cmd == SIOCOUTQNSD)
		n = t->write_seq - t->nxt;
	else if (!tcp_in(t, TCPF(TCP_SYN_SENT) | TCPF(TCP_SYN_RECV)) && !list_empty(&t->inet.s.rx))
		n = list_last(&t->inet.s.rx, struct pkt, link)->end_seq - t->copied;
	spin_unlock(&s->lock);
	return put_user(n, (int __user *)arg);
}

/* ---- closing ---- */

/* Our side has said all: the state after it, and the FIN. s->lock held. */
static void send_end(struct tcp_sock *t)
{
	if (!tcp_in(t, TCPF_CAN_SEND) && t->state != TCP_SYN_RECV)
		return;
	tcp_set_state(t, t->state == TCP_CLOSE_WAIT ? TCP_LAST_ACK : TCP_FIN_WAIT1);
	t->cork = t->more = false;
	tcp_send_fin(t);
}

static int tcp_shutdown(struct socket *s, unsigned int bits)
{
	struct tcp_sock *t = tcp_sk(s);

	if (tcp_in(t, TCPF(TCP_CLOSE))) {
		__atomic_fetch_or(&s->shutdown, bits, __ATOMIC_RELAXED);
		return -ENOTCONN;
	}
	if (tcp_in(t, TCPF(TCP_LISTEN))) {
		if (bits & RCV_SHUTDOWN)
			tcp_disconnect(t);
		return 0;
	}
	spin_lock(&s->lock);
	if (t->state == TCP_SYN_SENT) {
		tcp_done(t, 0);
	} else {
		__atomic_fetch_or(&s->shutdown, bits, __ATOMIC_RELAXED);
		if (bits & SEND_SHUTDOWN)
			send_end(t);
	}
	socket_wake(&t->inet.s, POLLIN | POLLOUT | POLLHUP | POLLRDHUP);
	unlock_and_run(s);
	return 0;
}

/* SO_LINGER: waits until the other side has everything, or time is up. */
static void linger(struct tcp_sock *t)
{
	const u32 sending = TCPF(TCP_FIN_WAIT1) | TCPF(TCP_CLOSING) | TCPF(TCP_LAST_ACK);
	struct socket *s = &t->inet.s;

	if (socket_opt(s, SOCK_OPT_LINGER) && s->linger_s)
		wait_event_until(&s->wr, !tcp_in(t, sending),
				 clock_ns() + s->linger_s * NSEC_PER_SEC);
}

static void tcp_release(struct socket *s)
{
	struct tcp_sock *t = tcp_sk(s);
	bool unread;

	if (t->state == TCP_LISTEN)
		tcp_stop_listening(t);
	spin_lock(&s->lock);
	unread = !list_empty(&t->inet.s.rx);
	__atomic_fetch_or(&s->shutdown, RCV_SHUTDOWN | SEND_SHUTDOWN, __ATOMIC_RELAXED);
	if (tcp_in(t, TCPF_SYNCHRONIZED) && t->state != TCP_TIME_WAIT &&
	    (unread || (socket_opt(s, SOCK_OPT_LINGER) && !s->linger_s))) {
		/* bytes that nobody will read: the other side must know (RFC 2525, 2.17) */
		tcp_send_rst(t);
		tcp_done(t, 0);
	} else if (t->state == TCP_SYN_SENT) {
		tcp_done(t, 0);
	}
	send_end(t);
	unlock_and_run(s);
	linger(t);
	spin_lock(&s->lock);
	t->inet.bound_port = false;
	if (t->state == TCP_CLOSE) {
		port_drop(&t->inet);
		spin_unlock(&s->lock);
		return;
	}
	if (t->state == TCP_FIN_WAIT2) {
		t->keep_at = clock_ns() + tcp_linger2_ns(t);
		tcp_set_timer(t);
	} else if (t->state != TCP_TIME_WAIT) { /* whatever becomes of it, not for ever */
		t->keep_at = clock_ns() + 15 * TCP_TIMEWAIT;
		tcp_set_timer(t);
	}
	tcp_orphan(t);
	port_wait(&t->inet);
	spin_unlock(&s->lock);
	ns_put(&s->net->ns);
	tcp_limit_orphans();
}

static void set_keepalive(struct socket *s, bool on)
{
	SPIN_GUARD(&s->lock);
	if (tcp_in(tcp_sk(s), TCPF_CAN_SEND | TCPF(TCP_FIN_WAIT1) | TCPF(TCP_FIN_WAIT2)))
		tcp_keepalive(tcp_sk(s), on);
}

const struct socket_ops tcp_ops = {
	.release = tcp_release,
	.destroy = tcp_destroy,
	.bind = tcp_bind,
	.connect = tcp_connect,
	.listen = tcp_listen,
	.accept = tcp_accept,
	.getname = tcp_getname,
	.sendmsg = tcp_sendmsg,
	.recvmsg = tcp_recvmsg,
	.poll = tcp_poll,
	.shutdown = tcp_shutdown,
	.ioctl = tcp_ioctl,
	.setsockopt = tcp_setsockopt,
	.getsockopt = tcp_getsockopt,
	.keepalive = set_keepalive,
};

struct socket *tcp_create(struct net_ns *net)
{
	struct tcp_sock *t = tcp_new(net, current_thread()->mem_charge);

	return IS_ERR(t) ? (void *)t : &t->inet.s;
}
