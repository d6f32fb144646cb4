/* SPDX-License-Identifier: MIT */
/*
 * The tables that TCP's connections and listeners are found in, and how a connection begins and ends.
 *
 * established[] is one hash over both ends' addresses for all namespaces; listeners stand in the
 * buckets of the port table. A bucket's lock is inside a socket's. A connection whose socket is closed
 * is an orphan: it is in `orphans`, guarded by orphan_lock, until it is over, and holds no reference to
 * its namespace, which ends it when it goes itself.
 */
#include "net/tcp.h"

#define EHASH_BUCKETS 512
static struct ebucket {
	spinlock_t lock;
	struct list_head chain;
} established[EHASH_BUCKETS];
static spinlock_t orphan_lock = SPINLOCK_INIT;
static struct list_head orphans = LIST_INIT(orphans);
static u32 nr_orphans;

/* ---- tables ---- */

static struct ebucket *ebucket(const struct net_ns *net, be32 from, be16 from_port, be32 to,
			       be16 to_port)
{
	u64 h = ((u64)net >> 6) + ((u64)from << 32 | to) * 0x9e3779b97f4a7c15UL +
		((u32)from_port << 16 | to_port) * 0xff51afd7ed558ccdUL;

	return &established[(h ^ h >> 29) * 0xbf58476d1ce4e5b9UL >> 55];
}

static bool is_connection(const struct tcp_sock *t, const struct net_ns *net, be32 from,
			  be16 from_port, be32 to, be16 to_port)
{
	const struct inet_sock *sk = &t->inet;

	return sk->daddr == from && sk->dport == from_port && sk->saddr == to &&
	       sk->sport == to_port && sk->s.net == net;
}

struct tcp_sock *tcp_lookup(struct net_ns *net, be32 from, be16 from_port, be32 to, be16 to_port)
{
	struct ebucket *b = ebucket(net, from, from_port, to, to_port);
	struct tcp_sock *t;

	SPIN_GUARD(&b->lock);
	t = list_find(t, &b->chain, link, is_connection(t, net, from, from_port, to, to_port));
	if (t)
		socket_get(&t->inet.s);
	return t;
}

static struct ebucket *ebucket_of(const struct tcp_sock *t)
{
	return ebucket(t->inet.s.net, t->inet.daddr, t->inet.dport, t->inet.saddr, t->inet.sport);
}

int tcp_hash(struct tcp_sock *t)
{
	const struct inet_sock *sk = &t->inet;
	struct ebucket *b = ebucket_of(t);
	struct tcp_sock *o;

	SPIN_GUARD(&b->lock);
	if (list_find(o, &b->chain, link,
		      is_connection(o, sk->s.net, sk->daddr, sk->dport, sk->saddr, sk->sport)))
		return -EADDRNOTAVAIL;
	socket_get(&t->inet.s);
	list_add(&t->link, &b->chain);
	return 0;
}

struct tcp_sock *tcp_lookup_listener(struct net_ns *net, be32 to, be16 to_port, int ifindex,
				     u32 hash)
{
	struct port_bucket *b = port_bucket(net, IPPROTO_TCP, to_port);
	struct tcp_sock *t, *best = NULL;
	int best_score = -1;
	u32 alike = 0;

	spin_lock(&b->lock);
	list_for_each(t, &b->listening, link) {
		const struct inet_sock *sk = &t->inet;
		int score = !!sk->rcv_saddr + !!sk->s.bound_dev;

		if (sk->sport != to_port || sk->s.net != net ||
		    (sk->rcv_saddr && sk->rcv_saddr != to) ||
		    (sk->s.bound_dev && sk->s.bound_dev != ifindex) || score < best_score)
			continue;
		hash = hash * 1664525 + 1013904223;
		alike = score > best_score ? 1 : alike + 1;
		if ((hash >> 16) % alike == 0)
			best = t;
		best_score = score;
	}
	if (best)
		socket_get(&best->inet.s);
	spin_unlock(&b->lock);
	return best;
}

void tcp_hash_listener(struct tcp_sock *t)
{
	struct port_bucket *b = port_bucket(t->inet.s.net, IPPROTO_TCP, t->inet.sport);

	SPIN_GUARD(&b->lock);
	socket_get(&t->inet.s);
	list_add(&t->link, &b->listening);
}

static void unhash(struct tcp_sock *t)
{
	struct port_bucket *p = port_bucket(t->inet.s.net, IPPROTO_TCP, t->inet.sport);
	spinlock_t *lock = t->state == TCP_LISTEN ? &p->lock : &ebucket_of(t)->lock;

	if (list_empty(&t->link))
		return;
	spin_lock(lock);
	list_del(&t->link);
	spin_unlock(lock);
	socket_put(&t->inet.s);
}

bool tcp_conflict(const struct inet_sock *a, const struct inet_sock *b)
{
	const struct tcp_sock *other = container_of(b, struct tcp_sock, inet);

	if (!bind_overlaps(a, b))
		return false;
	if (socket_opt(&a->s, SOCK_OPT_REUSEADDR) && socket_opt(&b->s, SOCK_OPT_REUSEADDR) &&
	    !tcp_in(other, TCPF(TCP_LISTEN)))
		return false;
	return !socket_opt(&a->s, SOCK_OPT_REUSEPORT) || !socket_opt(&b->s, SOCK_OPT_REUSEPORT);
}

/* ---- begin ---- */

struct tcp_sock *tcp_new(struct net_ns *net, struct res_counter *charge)
{
	/* A SYN may come while anybody runs: the listener's owner pays. */
	struct res_counter *before = mem_pays(charge);
	struct tcp_sock *t = inet_new(sizeof(*t), &tcp_ops, net, SOCK_STREAM, IPPROTO_TCP);

	mem_pays_end(before);
	if (IS_ERR(t))
		return t;
	t->inet.s.rcvbuf = TCP_RCVBUF;
	t->inet.s.sndbuf = TCP_SNDBUF;
	t->state = TCP_CLOSE;
	tcp_set_mss(t, TCP_MSS_DEFAULT);
	t->rcv_wscale = 7;
	t->wscale_ok = true;
	t->rto = TCP_RTO_INIT;
	t->keep_idle = 7200;
	t->keep_intvl = 75;
	t->keep_cnt = 9;
	t->syn_tries = TCP_SYN_TRIES;
	list_init(&t->sendq);
	list_init(&t->ooo);
	list_init(&t->link);
	list_init(&t->accept_link);
	list_init(&t->syn_queue);
	list_init(&t->accept_queue);
	list_init(&t->orphan_link);
	spin_init(&t->accept_lock);
	mutex_init(&t->rx_mutex);
	timer_init(&t->timer, tcp_timer);
	return t;
}

/* The fields from first to last. */
#define INHERIT(first, last)                                                                       \
	memcpy((char *)t + offsetof(struct tcp_sock, first),                                       \
	       (char *)l + offsetof(struct tcp_sock, first),                                       \
	       offsetof(struct tcp_sock, last) + sizeof(t->last) -                                 \
		       offsetof(struct tcp_sock, first))
struct tcp_sock *tcp_new_child(struct tcp_sock *l)
{
	struct tcp_sock *t = tcp_new(l->inet.s.net, l->inet.s.charge);

	if (IS_ERR(t))
		return NULL;
	t->inet.s.options = READ_ONCE(l->inet.s.options) & ~SOCK_OPT_LISTENING;
	INHERIT(inet.s.sndbuf, inet.s.mark);
	INHERIT(inet.ttl, inet.pmtudisc);
	INHERIT(nodelay, linger2);
	t->user_mss = l->user_mss;
	t->inet.sport = l->inet.sport;
	if (l->inet.s.group)
		t->inet.s.group = layer.group_get(l->inet.s.group);
	return t;
}

/* RFC 9293, 3.4.1 asks for numbers that nobody can guess. */
void tcp_choose_iss(struct tcp_sock *t)
{
	random_bytes(&t->iss, sizeof(t->iss));
	t->una = t->nxt = t->max_sent = t->write_seq = t->snd_up = t->small_end = t->iss;
	t->recover = t->iss;
}

bool tcp_join(struct tcp_sock *t, struct tcp_sock *l)
{
	bool room = false;

	if (inet_route(&t->inet, &t->inet.daddr, 0, &t->inet.dst))
		return false;
	tcp_choose_iss(t);
	spin_lock(&l->accept_lock);
	if (l->state == TCP_LISTEN && l->nr_accept <= l->backlog && l->nr_syn <= l->backlog + 1) {
		l->nr_syn++;
		list_add_tail(&t->accept_link, &l->syn_queue);
		room = true;
	}
	spin_unlock(&l->accept_lock);
	if (!room)
		return false;
	t->listener = l;
	socket_get(&l->inet.s);
	socket_get(&t->inet.s); /* the queue's */
	t->state = TCP_SYN_RECV;
	if (!tcp_hash(t) && !port_take(&t->inet, l->inet.sport, port_shared))
		return true;
	tcp_done(t, 0);
	return false;
}

bool tcp_accept_ready(struct tcp_sock *t)
{
	struct tcp_sock *l = t->listener;

	SPIN_GUARD(&l->accept_lock);
	if (list_empty(&t->accept_link) || l->nr_accept > l->backlog)
		return false;
	list_move_tail(&t->accept_link, &l->accept_queue);
	l->nr_syn--;
	l->nr_accept++;
	waitq_wake_all(&l->inet.s.rd, POLLIN | POLLRDNORM);
	return true;
}

/* ---- end ---- */

void tcp_set_state(struct tcp_sock *t, u8 state)
{
	WRITE_ONCE(t->state, state);
}

/* The handshake failed: the listener need not know. */
static void leave_syn_queue(struct tcp_sock *t)
{
	struct tcp_sock *l = t->listener;
	bool was_there;

	spin_lock(&l->accept_lock);
	was_there = !list_empty(&t->accept_link);
	if (was_there) {
		list_del(&t->accept_link);
		l->nr_syn--;
	}
	spin_unlock(&l->accept_lock);
	if (!was_there)
		return; /* whoever took it out drops the references */
	t->listener = NULL;
	socket_put(&l->inet.s);
	socket_put(&t->inet.s);
}

static void drop_orphan(struct tcp_sock *t)
{
	SPIN_GUARD(&orphan_lock);
	nr_orphans -= !list_empty(&t->orphan_link);
	list_del(&t->orphan_link);
}

static void stop_sending(struct tcp_sock *t)
{
	pkt_queue_free(&t->sendq);
	t->send_head = NULL;
	t->send_truesize = 0;
	t->rtx_at = t->ack_at = t->keep_at = 0;
}

void tcp_done(struct tcp_sock *t, int err)
{
	bool in_handshake = t->state == TCP_SYN_RECV;
	struct pkt *p;

	if (t->state == TCP_CLOSE)
		return;
	unhash(t);
	tcp_set_state(t, TCP_CLOSE);
	stop_sending(t);
	while ((p = list_pop(&t->ooo, struct pkt, link))) {
		t->inet.s.rx_truesize -= pkt_truesize(p);
		pkt_free(p);
	}
	t->nr_ooo = 0;
	/* The timer finds nothing to do, and lets go of the socket. */
	if (t->timer.armed)
		tcp_start_timer(t, clock_ns());
	if (t->orphan)
		drop_orphan(t);
	if (!t->inet.bound_port || t->orphan)
		port_drop(&t->inet);
	if (err)
		WRITE_ONCE(t->inet.s.error, err);
	__atomic_fetch_or(&t->inet.s.shutdown, RCV_SHUTDOWN | SEND_SHUTDOWN, __ATOMIC_RELAXED);
	socket_wake(&t->inet.s, POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDHUP);
	if (in_handshake && t->listener)
		leave_syn_queue(t);
}

void tcp_time_wait(struct tcp_sock *t)
{
	tcp_set_state(t, TCP_TIME_WAIT);
	stop_sending(t);
	inet_leave_group(&t->inet.s); /* which it would keep for a minute */
	t->keep_at = clock_ns() + TCP_TIMEWAIT;
	tcp_set_timer(t);
	socket_wake(&t->inet.s, POLLIN | POLLHUP | POLLRDHUP);
}

void tcp_orphan(struct tcp_sock *t)
{
	t->orphan = true;
	SPIN_GUARD(&orphan_lock);
	list_add_tail(&t->orphan_link, &orphans);
	nr_orphans++;
}

/* Ends the first orphan of net (NULL: any) that nothing is left to be done for but to wait; with
 * net, any of its. False: there is none. */
static bool kill_one(struct net_ns *net)
{
	struct tcp_sock *t;

	spin_lock(&orphan_lock);
	t = list_find(t, &orphans, orphan_link,
		      net ? t->inet.s.net == net
			  : tcp_in(t, TCPF(TCP_TIME_WAIT) | TCPF(TCP_FIN_WAIT2)));
	if (t)
		socket_get(&t->inet.s);
	spin_unlock(&orphan_lock);
	if (!t)
		return false;
	spin_lock(&t->inet.s.lock);
	tcp_done(t, 0);
	spin_unlock(&t->inet.s.lock);
	socket_put(&t->inet.s);
	return true;
}

void tcp_kill_orphans(struct net_ns *net)
{
	while (kill_one(net))
		;
}

void tcp_limit_orphans(void)
{
	if (READ_ONCE(nr_orphans) > TCP_ORPHANS_MAX)
		kill_one(NULL);
}

void tcp_stop_listening(struct tcp_sock *l)
{
	struct tcp_sock *t;

	spin_lock(&l->inet.s.lock);
	tcp_done(l, 0);
	spin_unlock(&l->inet.s.lock);
	for (;;) {
		spin_lock(&l->accept_lock);
		t = list_pop(&l->syn_queue, struct tcp_sock, accept_link)
			    ?: list_pop(&l->accept_queue, struct tcp_sock, accept_link);
		spin_unlock(&l->accept_lock);
		if (!t)
			break;
		spin_lock(&t->inet.s.lock);
		t->listener = NULL;
		if (tcp_in(t, TCPF_SYNCHRONIZED) && t->state != TCP_TIME_WAIT)
			tcp_send_rst(t);
		t->inet.bound_port = false;
		tcp_done(t, 0);
		spin_unlock(&t->inet.s.lock);
		socket_put(&l->inet.s);
		socket_put(&t->inet.s);
	}
}

void tcp_destroy(struct socket *s)
{
	struct tcp_sock *t = tcp_sk(s);

	WARN_ON(t->timer.armed || !list_empty(&t->link) || !list_empty(&t->accept_link));
	if (t->orphan) { /* its reference went when it became one */
		s->net = &init_net;
		ns_get(&init_net.ns);
	}
	pkt_queue_free(&t->sendq);
	pkt_queue_free(&t->ooo);
	inet_free(s);
}

static void settle_counts(void)
{
	tcp_kill_orphans(NULL);
}

void tcp_state_init(void)
{
	for (int i = 0; i < EHASH_BUCKETS; i++) {
		spin_init(&established[i].lock);
		list_init(&established[i].chain);
	}
	counts_settle = settle_counts;
}
