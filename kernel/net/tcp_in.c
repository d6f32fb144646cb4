/* SPDX-License-Identifier: MIT */
/*
 * Segments that come: RFC 9293 3.10.7, in its order, with RFC 5961's caution about resets; ACKs and
 * congestion control (RFC 5681, NewReno: RFC 6582), round-trip times (RFC 6298), and the queues of
 * what came in order and out of it. The socket's lock is held but in tcp_input().
 */
#include "net/tcp.h"

#include <linux/if_packet.h>

/* ---- options of a SYN ---- */

static void read_options(struct tcp_sock *t, const struct pkt *p)
{
	const u8 *o = p->l4 + sizeof(struct tcphdr), *end = p->data;
	u32 mss = TCP_MSS_DEFAULT;
	int scale = -1;

	while (o < end && *o) {
		u8 kind = o[0], len = kind == 1 ? 1 : end - o < 2 ? 0 : o[1];

		if (!len || (kind != 1 && len < 2) || len > end - o)
			break;
		if (kind == 2 && len == 4)
			mss = o[2] << 8 | o[3];
		else if (kind == 3 && len == 3)
			scale = min(o[2], (u8)14); /* RFC 7323, 2.3 */
		o += len;
	}
	tcp_set_mss(t, min(max(min(mss, tcp_path_mss(t)), TCP_MSS_MIN), TCP_SEGMENT_MAX));
	t->wscale_ok = scale >= 0;
	t->snd_wscale = max(scale, 0);
	if (!t->wscale_ok)
		t->rcv_wscale = 0;
	t->cwnd = 10 * t->mss; /* RFC 6928 */
	t->ssthresh = ~0U;
}

/* ---- ACKs ---- */

static void measure(struct tcp_sock *t, u64 rtt)
{
	if (!t->srtt) {
		t->srtt = rtt;
		t->rttvar = rtt / 2;
	} else {
		u64 off = t->srtt > rtt ? t->srtt - rtt : rtt - t->srtt;

		t->rttvar = (3 * t->rttvar + off) / 4;
		t->srtt = (7 * t->srtt + rtt) / 8;
	}
	t->srtt += !t->srtt;
	t->rto = min(max(t->srtt + 4 * t->rttvar, TCP_RTO_MIN), TCP_RTO_MAX);
}

/* Takes what is acknowledged off the queue. */
static void clean_sendq(struct tcp_sock *t, u32 ack, u64 now)
{
	u64 sent = 0;

	while (!list_empty(&t->sendq)) {
		struct pkt *p = list_first(&t->sendq, struct pkt, link);

		if (after(p->end_seq, ack)) {
			if (before(p->seq, ack)) { /* it may have been sent in pieces */
				p->data += ack - p->seq;
				p->seq = ack;
			}
			break;
		}
		if (!p->retransmitted)
			sent = p->time_ns; /* Karn: only what was sent once tells a time */
		if (p == t->send_head)
			t->send_head = p->link.next == &t->sendq
					       ? NULL
					       : list_entry(p->link.next, struct pkt, link);
		list_del(&p->link);
		t->send_truesize -= pkt_truesize(p);
		pkt_free(p);
	}
	if (sent)
		measure(t, now - sent);
}

static void grow_cwnd(struct tcp_sock *t, u32 acked)
{
	if (t->cwnd < t->ssthresh)
		t->cwnd += min(acked, max(2 * t->mss, t->packet_max));
	else
		t->cwnd += max((u64)t->mss * min(acked, t->packet_max) / t->cwnd, 1UL);
	t->cwnd = min(t->cwnd, 1U << 30);
}

/* New data is acknowledged. RFC 6582, 3.2 */
static void new_ack(struct tcp_sock *t, u32 ack, u64 now)
{
	u32 acked = ack - t->una;
	bool full = t->nxt - t->una >= t->cwnd / 2;

	clean_sendq(t, ack, now);
	t->una = ack;
	if (before(t->nxt, ack))
		t->nxt = ack;
	if (before(t->snd_up, ack))
		t->snd_up = ack;
	t->tries = t->probes = 0;
	t->soft_error = 0;
	if (t->in_recovery && before(ack, t->recover)) {
		t->cwnd = max(t->cwnd - min(acked, t->cwnd) + t->mss, t->mss);
		tcp_retransmit(t);
	} else {
		if (t->in_recovery)
			t->cwnd = min(t->ssthresh, max(t->nxt - ack, t->mss) + t->mss);
		else if (full) /* a window that is not used says nothing of the network */
			grow_cwnd(t, acked);
		t->in_recovery = false;
		t->dupacks = 0;
	}
	t->first_tx = t->rtx_at = 0;
	if (t->nxt != t->una)
		tcp_arm_rtx(t, now);
	if (t->send_truesize < (u32)t->inet.s.sndbuf * 2 / 3)
		waitq_wake_all(&t->inet.s.wr, POLLOUT | POLLWRNORM);
}

static void duplicate_ack(struct tcp_sock *t)
{
	t->dupacks++;
	if (t->in_recovery) {
		t->cwnd += t->mss;
	} else if (t->dupacks == 3 && after(t->una, t->recover)) {
		t->ssthresh = max((t->nxt - t->una) / 2, 2 * t->mss);
		t->recover = t->max_sent;
		t->in_recovery = true;
		t->cwnd = t->ssthresh + 3 * t->mss;
		tcp_retransmit(t);
	}
}

/* RFC 5961, 7: an ACK that tells the other side where we stand, not more than two a second. */
static void challenge_ack(struct tcp_sock *t)
{
	u64 now = clock_ns();

	if (t->challenged_at && now - t->challenged_at < TCP_CHALLENGE_GAP)
		return;
	t->challenged_at = now;
	tcp_send_ack(t);
}

/* False: the segment is to be dropped. */
static bool ack_in(struct tcp_sock *t, const struct pkt *p)
{
	const struct tcphdr *h = (const struct tcphdr *)p->l4;
	u32 ack = ntohl(h->ack_seq), window = ntohs(h->window) << t->snd_wscale;
	u64 now = clock_ns();

	if (after(ack, t->max_sent) || before(ack, t->una - max(t->max_wnd, 65535U))) {
		challenge_ack(t);
		return false;
	}
	t->last_rx = now;
	t->probes = 0;
	if (after(ack, t->una))
		new_ack(t, ack, now);
	else if (ack == t->una && p->seq == p->end_seq && window == t->snd_wnd && t->nxt != t->una)
		duplicate_ack(t);
	if (!before(ack, t->una) &&
	    (before(t->wl1, p->seq) || (t->wl1 == p->seq && !after(t->wl2, ack)))) {
		if (!t->snd_wnd && window) {
			t->tries = 0;
			t->rtx_at = 0;
			if (t->nxt != t->una)
				tcp_arm_rtx(t, now);
		}
		t->snd_wnd = window;
		t->max_wnd = max(t->max_wnd, window);
		t->wl1 = p->seq;
		t->wl2 = ack;
	}
	return true;
}

/* ---- content ---- */

#define ACKS_FULL 16 /* so many small segments count as a full one */
/* An ACK is owed: at once for every second full segment, else soon (RFC 5681, 4.2). */
static void owe_ack(struct tcp_sock *t, u32 len)
{
	u32 full = min(t->mss, (u32)t->inet.s.rcvbuf / 8);

	if (t->acks_owed)
		t->interactive = false; /* the other side goes on without an answer */
	t->acks_owed += len >= full ? min(len / full, 2U) * ACKS_FULL : 1;
	if (t->quick || t->acks_owed >= 2 * ACKS_FULL) {
		t->quick -= !!t->quick;
		tcp_send_ack(t);
	} else if (!t->ack_at) {
		t->ack_at = clock_ns() + TCP_DELACK;
	}
}

#define SMALL 448U /* bytes; four of them and the headroom fill a buffer of 2 KiB */
/* Adds p, which begins at rcv_nxt, to what can be read. p goes. */
static void append(struct tcp_sock *t, struct pkt *p)
{
	struct inet_sock *sk = &t->inet;
	struct pkt *last = list_empty(&sk->s.rx) ? NULL : list_last(&sk->s.rx, struct pkt, link);
	u32 n = pkt_len(p);

	t->rcv_nxt = p->end_seq = p->seq + n;
	/* Little ones that nobody has read share a buffer that nobody else has; readers end at end_seq. */
	if (last && n < SMALL && (n > last->end - last->tail || !pkt_alone(last))) {
		last = pkt_alloc(4 * SMALL, NULL);
		if (last) {
			last->seq = last->end_seq = p->seq;
			list_add_tail(&last->link, &sk->s.rx);
			sk->s.rx_truesize += pkt_truesize(last);
		}
	}
	if (last && n < SMALL) {
		memcpy(pkt_put(last, n), p->data, n);
		last->end_seq = p->end_seq;
		last->time_ns = p->time_ns;
		pkt_free(p);
	} else if (n) {
		list_add_tail(&p->link, &sk->s.rx);
		sk->s.rx_truesize += pkt_truesize(p);
	} else {
		pkt_free(p);
	}
}

static void fin_in(struct tcp_sock *t)
{
	t->rcv_nxt++;
	__atomic_fetch_or(&t->inet.s.shutdown, RCV_SHUTDOWN, __ATOMIC_RELAXED);
	switch (t->state) {
	case TCP_ESTABLISHED:
	case TCP_SYN_RECV:
		tcp_set_state(t, TCP_CLOSE_WAIT);
		break;
	case TCP_FIN_WAIT1:
		tcp_set_state(t, TCP_CLOSING);
		break;
	case TCP_FIN_WAIT2:
		tcp_send_ack(t);
		tcp_time_wait(t);
		return;
	}
	tcp_send_ack(t);
	socket_wake(&t->inet.s, POLLIN | POLLRDNORM | POLLRDHUP);
}

/* Cuts off what came before, and what was not promised. False: nothing is left. */
static bool trim(struct tcp_sock *t, struct pkt *p)
{
	u32 right = t->rcv_nxt + tcp_window(t);
	u32 old = before(p->seq, t->rcv_nxt) ? t->rcv_nxt - p->seq : 0;

	if (old > pkt_len(p))
		return false;
	p->data += old;
	p->seq += old;
	if (after(p->seq + pkt_len(p), right)) {
		p->tail = before(p->seq, right) ? p->data + (right - p->seq) : p->data;
		p->tcp_flags &= ~TCP_FIN;
	}
	return pkt_len(p) || p->tcp_flags & TCP_FIN;
}

/* What came before its time waits, by sequence number; what is there already goes. */
static void wait_for_gap(struct tcp_sock *t, struct pkt *p)
{
	struct pkt *at;

	p->end_seq = p->seq + pkt_len(p);
	list_for_each(at, &t->ooo, link) {
		if (!before(p->seq, at->seq) && !after(p->end_seq, at->end_seq) &&
		    !(p->tcp_flags & ~at->tcp_flags & TCP_FIN)) {
			pkt_free(p);
			return;
		}
		if (before(p->seq, at->seq))
			break;
	}
	if (t->nr_ooo >= TCP_OOO_MAX ||
	    t->inet.s.rx_truesize + pkt_truesize(p) > 2U * t->inet.s.rcvbuf) {
		pkt_free(p);
		return;
	}
	list_add_tail(&p->link, &at->link);
	t->nr_ooo++;
	t->inet.s.rx_truesize += pkt_truesize(p);
}

/* Content, or a FIN. p goes. */
static void data_in(struct tcp_sock *t, struct pkt *p)
{
	u32 unread = tcp_unread(t), len = pkt_len(p);
	bool fin, gap;

	if (!trim(t, p) || t->inet.s.rx_truesize > 2U * t->inet.s.rcvbuf) {
		tcp_send_ack(t);
		pkt_free(p);
		return;
	}
	if (after(p->seq, t->rcv_nxt)) {
		wait_for_gap(t, p);
		tcp_send_ack(t); /* the other side counts these */
		return;
	}
	gap = !list_empty(&t->ooo);
	fin = p->tcp_flags & TCP_FIN;
	append(t, p);
	while (!fin && !list_empty(&t->ooo)) {
		p = list_first(&t->ooo, struct pkt, link);
		if (after(p->seq, t->rcv_nxt))
			break;
		list_del(&p->link);
		t->nr_ooo--;
		t->inet.s.rx_truesize -= pkt_truesize(p);
		if (!trim(t, p)) {
			pkt_free(p);
			continue;
		}
		fin = p->tcp_flags & TCP_FIN;
		append(t, p);
	}
	if (fin) {
		fin_in(t);
		return;
	}
	if (gap)
		tcp_send_ack(t);
	else
		owe_ack(t, len);
	if (tcp_unread(t) != unread && tcp_unread(t) >= (u32)max(t->inet.s.rcvlowat, 1))
		waitq_wake_all(&t->inet.s.rd, POLLIN | POLLRDNORM);
}

/* RFC 9293, 3.8.5, with the pointer behind the urgent byte, as everybody has it. */
static void urgent_in(struct tcp_sock *t, const struct pkt *p)
{
	const struct tcphdr *h = (const struct tcphdr *)p->l4;
	u32 seq = p->seq + ntohs(h->urg_ptr) - !!h->urg_ptr, at;

	if (h->urg && !before(seq, t->rcv_nxt) && !before(seq, t->copied) &&
	    (t->urg == TCP_URG_NONE || after(seq, t->urg_seq))) {
		t->urg_seq = seq;
		t->urg = TCP_URG_COMING;
	}
	at = t->urg_seq - p->seq;
	if (t->urg != TCP_URG_COMING || at >= pkt_len(p))
		return;
	t->urg_byte = p->data[at];
	t->urg = TCP_URG_HERE;
	waitq_wake_all(&t->inet.s.rd, POLLPRI);
}

/* ---- states ---- */

static void reset_in(struct tcp_sock *t)
{
	int err = t->state == TCP_SYN_SENT || (t->state == TCP_SYN_RECV && !t->listener)
			  ? ECONNREFUSED
		  : t->state == TCP_CLOSE_WAIT ? EPIPE
					       : ECONNRESET;

	tcp_done(t, t->state == TCP_TIME_WAIT ? 0 : err);
}

/* The handshake is over. */
static void established(struct tcp_sock *t, const struct pkt *p)
{
	const struct tcphdr *h = (const struct tcphdr *)p->l4;

	tcp_set_state(t, TCP_ESTABLISHED);
	t->snd_wnd = ntohs(h->window) << (h->syn ? 0 : t->snd_wscale);
	t->max_wnd = t->snd_wnd;
	t->wl1 = p->seq;
	t->wl2 = ntohl(h->ack_seq);
	t->quick = 16;
	t->last_rx = clock_ns();
	if (t->inet.s.sndbuf == TCP_SNDBUF)
		t->inet.s.sndbuf = TCP_SNDBUF_CONNECTED;
	tcp_keepalive(t, socket_opt(&t->inet.s, SOCK_OPT_KEEPALIVE));
	socket_wake(&t->inet.s, POLLOUT | POLLWRNORM);
}

static void start_receiving(struct tcp_sock *t, const struct pkt *p)
{
	t->irs = p->seq;
	t->rcv_nxt = t->copied = p->seq + 1;
	t->rcv_right = t->rcv_nxt;
	read_options(t, p);
}

static void syn_sent_in(struct tcp_sock *t, struct pkt *p)
{
	const struct tcphdr *h = (const struct tcphdr *)p->l4;
	u32 ack = ntohl(h->ack_seq);

	if (h->ack && (!after(ack, t->iss) || after(ack, t->max_sent))) {
		tcp_answer_rst(p);
		return;
	}
	if (h->rst) {
		if (h->ack)
			reset_in(t);
		return;
	}
	if (!h->syn)
		return;
	start_receiving(t, p);
	if (h->ack) {
		established(t, p);
		new_ack(t, ack, clock_ns());
		tcp_send_ack(t);
		tcp_push(t, false);
	} else if (!list_empty(&t->sendq)) { /* both sides opened at once */
		tcp_set_state(t, TCP_SYN_RECV);
		list_first(&t->sendq, struct pkt, link)->tcp_flags |= TCP_ACK;
		tcp_retransmit(t);
	}
}

/* A SYN for a listener: half a connection. */
static void listen_in(struct tcp_sock *l, struct pkt *p)
{
	const struct iphdr *ip = (const struct iphdr *)p->net;
	const struct tcphdr *h = (const struct tcphdr *)p->l4;
	struct tcp_sock *t;

	if (h->ack && !h->rst)
		tcp_answer_rst(p);
	if (h->rst || h->ack || !h->syn || p->type != PACKET_HOST)
		return;
	t = tcp_new_child(l);
	if (!t)
		return;
	spin_lock(&t->inet.s.lock);
	t->inet.saddr = t->inet.rcv_saddr = ip->daddr;
	t->inet.daddr = ip->saddr;
	t->inet.dport = h->source;
	if (tcp_join(t, l)) {
		start_receiving(t, p);
		tcp_send_syn(t);
	}
	spin_unlock(&t->inet.s.lock);
	socket_put(&t->inet.s);
}

/* What the ACK of our FIN brings. False: the connection is over. */
static bool fin_acked(struct tcp_sock *t)
{
	if (!t->fin_queued || t->una != t->write_seq)
		return true;
	switch (t->state) {
	case TCP_FIN_WAIT1:
		tcp_set_state(t, TCP_FIN_WAIT2);
		if (t->orphan) {
			t->keep_at = clock_ns() + tcp_linger2_ns(t);
			tcp_set_timer(t);
		}
		socket_wake(&t->inet.s, POLLOUT);
		return true;
	case TCP_CLOSING:
		tcp_time_wait(t);
		return false;
	case TCP_LAST_ACK:
		tcp_done(t, 0);
		return false;
	}
	return true;
}

/* In any state after the SYNs. True: p was taken. */
static bool segment_in(struct tcp_sock *t, struct pkt *p)
{
	const struct tcphdr *h = (const struct tcphdr *)p->l4;
	u32 right = t->rcv_nxt + max(tcp_window(t), 1U);
	bool content = pkt_len(p) || h->fin;

	if (before(p->end_seq, t->rcv_nxt) || after(p->seq, right)) {
		if (!h->rst && content)
			tcp_send_ack(t);
		else if (!h->rst)
			challenge_ack(t);
		return false;
	}
	if (h->rst) {
		if (p->seq == t->rcv_nxt)
			reset_in(t);
		else
			challenge_ack(t);
		return false;
	}
	if (h->syn && !(t->state == TCP_SYN_RECV && p->seq == t->irs && h->ack)) {
		if (t->state == TCP_SYN_RECV && p->seq == t->irs)
			tcp_retransmit(t);
		else
			challenge_ack(t);
		return false;
	}
	if (!h->ack)
		return false;
	if (t->state == TCP_SYN_RECV) {
		if (!after(ntohl(h->ack_seq), t->una) || after(ntohl(h->ack_seq), t->max_sent)) {
			tcp_answer_rst(p);
			return false;
		}
		if (t->listener && t->tries < t->listener->defer_accept && !pkt_len(p) && !h->fin)
			return false; /* TCP_DEFER_ACCEPT: it has to say something */
		if (t->listener && !tcp_accept_ready(t))
			return false; /* no room: our SYN will be sent again, and acknowledged */
		established(t, p);
	}
	if (!ack_in(t, p) || !fin_acked(t))
		return false;
	if (t->state == TCP_TIME_WAIT) {
		if (h->fin) {
			tcp_send_ack(t);
			tcp_time_wait(t);
		}
		return false;
	}
	if (!content || tcp_in(t, TCPF_FIN_RECEIVED))
		return false;
	/* nobody will read it any more, and the other side should know */
	if (pkt_len(p) && READ_ONCE(t->inet.s.shutdown) & RCV_SHUTDOWN &&
	    tcp_in(t, TCPF(TCP_FIN_WAIT1) | TCPF(TCP_FIN_WAIT2)) &&
	    after(p->seq + pkt_len(p), t->rcv_nxt)) {
		tcp_send_rst(t);
		tcp_done(t, ECONNRESET);
		return false;
	}
	if (h->urg || t->urg == TCP_URG_COMING)
		urgent_in(t, p);
	data_in(t, p);
	return true;
}

/* Does p open a new connection with the addresses of one that waits for its last echoes (RFC 1122,
 * 4.2.2.13)? */
static bool reopens(const struct tcp_sock *t, const struct pkt *p)
{
	return t->state == TCP_TIME_WAIT && p->tcp_flags & TCP_SYN &&
	       !(p->tcp_flags & (TCP_RST | TCP_ACK)) && after(p->seq, t->rcv_nxt);
}

static bool header_ok(struct pkt *p)
{
	const struct iphdr *ip = (const struct iphdr *)p->net;
	const struct tcphdr *h = (const struct tcphdr *)p->l4;
	u32 len = p->tail - p->l4;

	if (len < sizeof(*h) || h->doff < 5 || h->doff * 4 > len)
		return false;
	if (p->csum == CSUM_LOOK &&
	    csum_fold(csum_add(csum_pseudo(ip->saddr, ip->daddr, IPPROTO_TCP, len), h, len)))
		return false;
	p->data = p->l4 + h->doff * 4;
	p->seq = ntohl(h->seq);
	p->end_seq = p->seq + pkt_len(p) + h->syn + h->fin;
	p->tcp_flags = ((const u8 *)h)[13];
	return true;
}

void tcp_input(struct pkt *p)
{
	const struct iphdr *ip = (const struct iphdr *)p->net;
	const struct tcphdr *h = (const struct tcphdr *)p->l4;
	struct net_ns *net = p->dev->net;
	struct tcp_sock *t;
	bool taken = false;

	if (!header_ok(p)) {
		pkt_free(p);
		return;
	}
	t = tcp_lookup(net, ip->saddr, h->source, ip->daddr, h->dest);
	if (t) {
		spin_lock(&t->inet.s.lock);
		if (!reopens(t, p)) {
			/* what is refused is as if it had been lost */
			bool refused = inet_forbidden(&t->inet, p, p->dev, p->net, false);

			if (!refused && t->state == TCP_SYN_SENT)
				syn_sent_in(t, p);
			else if (!refused && tcp_in(t, TCPF_SYNCHRONIZED))
				taken = segment_in(t, p);
			if (tcp_in(t, TCPF_SYNCHRONIZED))
				tcp_push(t, false);
			spin_unlock(&t->inet.s.lock);
			socket_put(&t->inet.s);
			if (!taken)
				pkt_free(p);
			return;
		}
		tcp_done(t, 0);
		spin_unlock(&t->inet.s.lock);
		socket_put(&t->inet.s);
	}
	t = tcp_lookup_listener(net, ip->daddr, h->dest, p->dev->ifindex,
				ip->saddr * 0x9e3779b1U + h->source);
	if (t) {
		if (!inet_forbidden(&t->inet, p, p->dev, p->net, false))
			listen_in(t, p);
		socket_put(&t->inet.s);
	} else {
		tcp_answer_rst(p);
	}
	pkt_free(p);
}

void tcp_error(const struct icmp_error *e)
{
	const struct tcphdr *h = (const struct tcphdr *)e->l4;
	u32 seq = ntohl(h->seq), mtu = ntohl(e->info) & 0xffff;
	struct tcp_sock *t =
		tcp_lookup(e->net, e->inner->daddr, h->dest, e->inner->saddr, h->source);

	if (!t)
		return;
	spin_lock(&t->inet.s.lock);
	/* only what is on its way can have met an error (RFC 5927, 4.1) */
	if (!before(seq, t->una) && !after(seq, t->max_sent)) {
		if (e->err == EMSGSIZE && mtu >= 576 && t->mss + 40 > mtu) {
			tcp_set_mss(t, max(mtu - 40, TCP_MSS_MIN));
			tcp_retransmit(t);
		} else if (tcp_in(t, TCPF(TCP_SYN_SENT) | TCPF(TCP_SYN_RECV)) && !t->listener &&
			   e->err != EMSGSIZE) {
			tcp_done(t, e->err);
		} else if (e->err != EMSGSIZE) {
			t->soft_error = e->err;
		}
	}
	spin_unlock(&t->inet.s.lock);
	socket_put(&t->inet.s);
}
