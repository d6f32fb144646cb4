/* SPDX-License-Identifier: MIT */
/*
 * Segments that go: headers, windows, Nagle's algorithm, congestion window, retransmission and the
 * other things that time brings (RFC 9293 3.8, RFC 6298, RFC 5681, RFC 1122 4.2.3).
 *
 * All but the answer to a stranger run with the socket's lock held; packets go into the backlog, and
 * whoever let the lock go calls net_run(). One timer serves all purposes: it is armed for the first of
 * rtx_at, ack_at and keep_at and not moved when that becomes later, so most segments do not touch it.
 */
#include "net/tcp.h"

#include <linux/rtnetlink.h>

/* ---- headers ---- */

static const struct ip_params *ip_params(const struct tcp_sock *t, struct ip_params *ip)
{
	*ip = (struct ip_params){
		.saddr = t->inet.saddr,
		.daddr = t->inet.daddr,
		.protocol = IPPROTO_TCP,
		.ttl = t->inet.ttl ? t->inet.ttl : t->inet.s.net->default_ttl,
		.tos = t->inet.tos,
		.df = t->inet.pmtudisc != IP_PMTUDISC_DONT,
		.sk = &t->inet,
	};
	return ip;
}

/* The route as it is now; false: there is none any more. */
static bool have_route(struct tcp_sock *t)
{
	struct inet_sock *sk = &t->inet;
	struct dst dst;

	if (likely(sk->dst.dev && sk->dst.generation == route_generation))
		return true;
	if (inet_route(sk, &sk->daddr, 0, &dst))
		return false;
	netdev_put(sk->dst.dev);
	sk->dst = dst;
	tcp_set_mss(t, min(t->mss, tcp_path_mss(t)));
	return true;
}

/* What may be sent in one segment: the path's, the peer's, the program's and our own limit. */
u32 tcp_path_mss(const struct tcp_sock *t)
{
	u32 head = sizeof(struct iphdr) + sizeof(struct tcphdr);
	u32 mss = t->inet.dst.dev && t->inet.dst.mtu > head + TCP_MSS_MIN ? t->inet.dst.mtu - head
									  : TCP_MSS_DEFAULT;

	if (t->user_mss)
		mss = min(mss, t->user_mss);
	return mss;
}

void tcp_set_mss(struct tcp_sock *t, u32 mss)
{
	bool cut = mss < TCP_SEGMENT_MAX && t->inet.dst.dev && t->inet.dst.dev->offloads;

	t->mss = mss;
	WRITE_ONCE(t->packet_max, cut ? TCP_SEGMENT_MAX - TCP_SEGMENT_MAX % mss : mss);
}

/*
 * Half of the receive buffer is for content, the rest for what is around it. The right edge of the
 * window never moves left (RFC 9293, 3.8.6).
 */
u32 tcp_window(struct tcp_sock *t)
{
	u32 room = t->inet.s.rcvbuf / 2, used = tcp_unread(t), promised = t->rcv_right - t->rcv_nxt;
	u32 free = used < room ? room - used : 0;
	u32 step = t->wscale_ok ? t->rcv_wscale : 0;

	/* silly windows: rather none than a little one */
	if (free < min(room / 2, t->mss) && free < room)
		free = 0;
	free = min(free, 65535U << step) >> step << step;
	if (t->state == TCP_SYN_SENT || t->state == TCP_SYN_RECV)
		return min(room, 65535U);
	return max(free, before(t->rcv_nxt, t->rcv_right) ? promised : 0);
}

/* Puts the header before p, whose content and tcp_flags are set, and sends it. p goes. */
static void transmit(struct tcp_sock *t, struct pkt *p, u32 seq)
{
	struct inet_sock *sk = &t->inet;
	bool syn = p->tcp_flags & TCP_SYN;
	u32 head = sizeof(struct tcphdr) + (syn ? t->wscale_ok ? 8 : 4 : 0), window;
	u32 content = pkt_len(p);
	struct ip_params ip;
	struct tcphdr *h;

	if (!have_route(t)) {
		pkt_free(p);
		return;
	}
	h = pkt_push(p, head);
	memset(h, 0, sizeof(*h));
	h->source = sk->sport;
	h->dest = sk->dport;
	h->seq = htonl(seq);
	h->doff = head / 4;
	((u8 *)h)[13] = p->tcp_flags;
	window = tcp_window(t);
	if (p->tcp_flags & TCP_ACK) {
		if (t->ack_at && content) {
			t->quick = 0;
			t->interactive = true; /* answers carry our ACKs: they can wait for one */
		}
		h->ack_seq = htonl(t->rcv_nxt);
		t->ack_at = 0;
		t->acks_owed = 0;
		t->rcv_right = t->rcv_nxt + window;
	}
	h->window = htons(min(syn || !t->wscale_ok ? window : window >> t->rcv_wscale, 65535U));
	if (after(t->snd_up, seq) && t->snd_up - seq < 0xffff) {
		h->urg = 1;
		h->urg_ptr = htons(t->snd_up - seq);
	}
	if (syn) { /* maximum segment size, and no operation, window scale */
		u32 mss = min(tcp_path_mss(t), 65495U);
		u8 options[8] = { 2, 4, mss >> 8, mss, 1, 3, 3, t->rcv_wscale };

		memcpy(h + 1, options, head - sizeof(*h));
	}
	p->csum = CSUM_LATER;
	p->gso = content > t->mss ? t->mss : 0;
	ip_output(p, &sk->dst, ip_params(t, &ip));
}

static void send_bare(struct tcp_sock *t, u32 seq, u8 flags)
{
	struct pkt *p = pkt_alloc(0, NULL);

	if (!p)
		return;
	p->tcp_flags = flags;
	transmit(t, p, seq);
}

void tcp_send_ack(struct tcp_sock *t)
{
	send_bare(t, t->max_sent, TCP_ACK); /* nxt may have gone back: too old for the other side */
}

void tcp_send_rst(struct tcp_sock *t)
{
	send_bare(t, t->max_sent, TCP_RST | TCP_ACK);
}

void tcp_answer_rst(struct pkt *p)
{
	const struct iphdr *ip = (const struct iphdr *)p->net;
	const struct tcphdr *in = (const struct tcphdr *)p->l4;
	struct net_ns *net = p->dev->net;
	struct ip_params params = { .saddr = ip->daddr,
				    .daddr = ip->saddr,
				    .protocol = IPPROTO_TCP,
				    .ttl = net->default_ttl,
				    .df = true };
	struct dst dst;
	struct tcphdr *h;
	struct pkt *r;

	if (in->rst || addr_type(net, ip->daddr) != RTN_LOCAL)
		return;
	if (route_lookup(net, ip->saddr, 0, &dst))
		return;
	r = pkt_alloc(sizeof(*h), NULL);
	if (r) {
		h = pkt_put(r, sizeof(*h));
		*h = (struct tcphdr){ .source = in->dest, .dest = in->source, .doff = 5, .rst = 1 };
		if (in->ack) {
			h->seq = in->ack_seq;
		} else {
			h->ack = 1;
			h->ack_seq = htonl(p->end_seq);
		}
		r->csum = CSUM_LATER;
		ip_output(r, &dst, &params);
	}
	netdev_put(dst.dev);
}

/* ---- the queue ---- */

static struct pkt *next_of(const struct tcp_sock *t, const struct pkt *p)
{
	return p->link.next == &t->sendq ? NULL : list_entry(p->link.next, struct pkt, link);
}

/* Sends q of the queue, which stays there for another time. False: no memory. */
static bool send_queued(struct tcp_sock *t, struct pkt *q, u64 now)
{
	/* Others may still be reading an earlier copy's header, which lies where ours goes. */
	struct pkt *p = pkt_alone(q) ? pkt_clone(q) : pkt_copy(q);

	if (!p)
		return false;
	q->retransmitted = before(q->seq, t->max_sent);
	if (q->retransmitted)
		t->nr_retransmits++;
	q->time_ns = now;
	if (after(q->end_seq, t->max_sent))
		t->max_sent = q->end_seq;
	transmit(t, p, q->seq);
	return true;
}

/* Cuts q so that n bytes remain in it; the rest follows it. False: no memory. */
static bool split(struct tcp_sock *t, struct pkt *q, u32 n)
{
	u32 rest = pkt_len(q) - n;
	struct pkt *p = pkt_alloc(rest, q->buf->charge);

	if (!p)
		return false;
	memcpy(pkt_put(p, rest), q->data + n, rest);
	p->tcp_flags = q->tcp_flags;
	p->seq = q->seq + n;
	p->end_seq = q->end_seq;
	q->tail -= rest;
	q->end_seq = p->seq;
	q->tcp_flags &= ~(TCP_FIN | TCP_PSH);
	t->send_truesize += pkt_truesize(p);
	list_add(&p->link, &q->link);
	return true;
}

/* A segment without content that takes a place in the sequence: SYN, FIN. */
static void queue_flag(struct tcp_sock *t, u8 flags)
{
	struct pkt *p = pkt_alloc(0, t->inet.s.charge);

	if (!p)
		p = pkt_alloc(0, NULL);
	if (!p)
		return; /* the connection will be reset by whoever waits longest */
	p->tcp_flags = flags;
	p->seq = t->write_seq;
	p->end_seq = ++t->write_seq;
	list_add_tail(&p->link, &t->sendq);
	t->send_truesize += pkt_truesize(p);
	if (!t->send_head)
		t->send_head = p;
}

void tcp_send_syn(struct tcp_sock *t)
{
	queue_flag(t, t->state == TCP_SYN_RECV ? TCP_SYN | TCP_ACK : TCP_SYN);
	tcp_push(t, true);
}

void tcp_send_fin(struct tcp_sock *t)
{
	struct pkt *last = t->send_head ? list_last(&t->sendq, struct pkt, link) : NULL;

	t->fin_queued = true;
	if (last && !(last->tcp_flags & TCP_SYN)) {
		last->tcp_flags |= TCP_FIN;
		last->end_seq = ++t->write_seq;
	} else {
		queue_flag(t, TCP_FIN | TCP_ACK);
	}
	tcp_push(t, true);
}

/* May the end of q, when it is no full segment, wait for more or for an ACK (RFC 1122, 4.2.3.4)? */
static bool nagle(const struct tcp_sock *t, const struct pkt *q)
{
	if (q->end_seq != t->write_seq || q->tcp_flags & (TCP_SYN | TCP_FIN) ||
	    pkt_len(q) % t->mss == 0)
		return false;
	if (t->cork || t->more)
		return true;
	return !t->nodelay && after(t->small_end, t->una) && t->nxt != t->una;
}

/*
 * How much of q, which is longer than the window's room, is worth to be cut off: whole segments, when
 * they are a third of the window (so that long packets stay long), or half of the largest window seen
 * (RFC 9293, 3.8.6.2.1); anything while nothing is out. 0: q waits.
 */
static u32 worth_sending(const struct tcp_sock *t, const struct pkt *q, s32 room)
{
	bool whole = room >= (s32)t->mss && pkt_len(q) > t->mss;
	u32 least = whole ? min(t->snd_wnd, t->cwnd) / 3 : t->max_wnd / 2;

	if (room <= 0 || (t->nxt != t->una && (u32)room < least))
		return 0;
	return whole ? room - room % t->mss : room;
}

void tcp_push(struct tcp_sock *t, bool all)
{
	u64 now = clock_ns();
	struct pkt *q;

	while ((q = t->send_head)) {
		s32 room = t->una + min(t->snd_wnd, t->cwnd) - q->seq;
		/* each segment says for itself where urgent data ends */
		u32 most = after(t->snd_up, t->una) ? t->mss : t->packet_max, n;

		if (pkt_len(q) > most && !split(t, q, most))
			break;
		if ((s32)(q->end_seq - q->seq) > room && !(q->tcp_flags & TCP_SYN)) {
			n = worth_sending(t, q, room);
			if (!n || (n < pkt_len(q) && !split(t, q, n)))
				break;
			if ((s32)(q->end_seq - q->seq) > room)
				break; /* a FIN for which there is no room */
		}
		if (!all && nagle(t, q)) {
			n = pkt_len(q) - pkt_len(q) % t->mss;
			if (!n || !split(t, q, n))
				break;
		}
		if (!send_queued(t, q, now))
			break;
		if (pkt_len(q) % t->mss)
			t->small_end = q->end_seq;
		t->nxt = q->end_seq;
		t->send_head = next_of(t, q);
	}
	/* The timer runs while something is out, or the window is shut, or memory is short. */
	if (!t->rtx_at && (t->nxt != t->una || t->send_head))
		tcp_arm_rtx(t, now);
	else if (t->rtx_at || t->ack_at)
		tcp_set_timer(t);
}

void tcp_retransmit(struct tcp_sock *t)
{
	u64 now = clock_ns();
	struct pkt *q;

	if (list_empty(&t->sendq))
		return;
	q = list_first(&t->sendq, struct pkt, link);
	if (pkt_len(q) > t->mss && !split(t, q, t->mss))
		return;
	if (q == t->send_head)
		return; /* nothing is out */
	send_queued(t, q, now);
	tcp_arm_rtx(t, now);
}

/* ---- time ---- */

void tcp_start_timer(struct tcp_sock *t, u64 at)
{
	socket_get(&t->inet.s);
	if (timer_start(&t->timer, at))
		socket_put(&t->inet.s); /* it has one already */
}

void tcp_set_timer(struct tcp_sock *t)
{
	u64 at = min(min(t->rtx_at - 1, t->ack_at - 1), t->keep_at - 1); /* 0 is never */

	if (at != ~0UL && !(t->timer.armed && t->timer.expires <= at + 1))
		tcp_start_timer(t, at + 1);
}

void tcp_arm_rtx(struct tcp_sock *t, u64 now)
{
	if (!t->first_tx)
		t->first_tx = now;
	t->rtx_at = now + min(t->rto << min(t->tries, (u8)10), TCP_RTO_MAX);
	tcp_set_timer(t);
}

void tcp_keepalive(struct tcp_sock *t, bool on)
{
	t->keep_at = on && tcp_in(t, TCPF_CAN_SEND | TCPF(TCP_FIN_WAIT1) | TCPF(TCP_FIN_WAIT2))
			     ? clock_ns() + t->keep_idle * NSEC_PER_SEC
			     : 0;
	tcp_set_timer(t);
}

/* Was it tried long enough? RFC 9293, 3.8.3; TCP_USER_TIMEOUT in its place (RFC 5482). */
static bool give_up(const struct tcp_sock *t, u64 now)
{
	u8 most = tcp_in(t, TCPF(TCP_SYN_SENT) | TCPF(TCP_SYN_RECV)) ? t->syn_tries
		  : t->orphan                                        ? TCP_ORPHAN_TRIES
								     : TCP_TRIES;

	if (t->user_timeout && !tcp_in(t, TCPF(TCP_SYN_SENT) | TCPF(TCP_SYN_RECV)))
		return now - t->first_tx >= t->user_timeout * NSEC_PER_MSEC;
	return t->tries >= most;
}

static void rtx_timeout(struct tcp_sock *t, u64 now)
{
	u32 flight = t->nxt - t->una;
	bool probing = !flight && t->send_head;

	t->rtx_at = 0;
	if (list_empty(&t->sendq))
		return;
	if (probing ? t->probes >= TCP_TRIES || (t->orphan && t->tries >= TCP_ORPHAN_TRIES)
		    : give_up(t, now)) {
		if (!tcp_in(t, TCPF(TCP_SYN_SENT)))
			tcp_send_rst(t);
		tcp_done(t, t->soft_error ? t->soft_error : ETIMEDOUT);
		return;
	}
	if (probing) {
		/* the window is shut: a segment from before it asks for an answer */
		t->probes++;
		if (t->snd_wnd)
			tcp_push(t, true);
		else
			send_bare(t, t->una - 1, TCP_ACK);
	} else {
		if (!t->tries)
			t->ssthresh = max(flight / 2, 2 * t->mss);
		t->recover = t->max_sent;
		t->in_recovery = false;
		t->dupacks = 0;
		t->cwnd = t->mss;
		t->nxt = t->una;
		t->send_head = list_first(&t->sendq, struct pkt, link);
		tcp_push(t, true);
	}
	t->tries += t->tries < UINT8_MAX;
	tcp_arm_rtx(t, now);
}

static void keep_timeout(struct tcp_sock *t, u64 now)
{
	u64 idle = t->keep_idle * NSEC_PER_SEC, interval = t->keep_intvl * NSEC_PER_SEC;

	if (t->state == TCP_TIME_WAIT || t->orphan) {
		tcp_done(t, 0);
		return;
	}
	t->keep_at = 0;
	if (!socket_opt(&t->inet.s, SOCK_OPT_KEEPALIVE) || !tcp_in(t, TCPF_SYNCHRONIZED))
		return;
	if (now - t->last_rx < idle) {
		t->probes = 0;
		t->keep_at = t->last_rx + idle;
	} else if (t->nxt != t->una || t->send_head) {
		t->keep_at = now + idle; /* retransmission finds out */
	} else if (t->user_timeout
			   ? now - t->last_rx >= t->user_timeout * NSEC_PER_MSEC && t->probes
			   : t->probes >= t->keep_cnt) {
		tcp_send_rst(t);
		tcp_done(t, t->soft_error ? t->soft_error : ETIMEDOUT);
	} else {
		t->probes++;
		send_bare(t, t->una - 1, TCP_ACK);
		t->keep_at = now + interval;
	}
}

void tcp_timer(struct timer *timer)
{
	struct tcp_sock *t = container_of(timer, struct tcp_sock, timer);
	u64 now = clock_ns();

	spin_lock(&t->inet.s.lock);
	if (t->ack_at && t->ack_at <= now)
		tcp_send_ack(t);
	if (t->rtx_at && t->rtx_at <= now)
		rtx_timeout(t, now);
	if (t->keep_at && t->keep_at <= now)
		keep_timeout(t, now);
	tcp_set_timer(t);
	spin_unlock(&t->inet.s.lock);
	net_run();
	socket_put(&t->inet.s);
}
