/* SPDX-License-Identifier: MIT */
/* sources: kernel/net/tcp_in.c kernel/net/tcp_out.c kernel/net/tcp_state.c kernel/net/pkt.c */
/*
 * Two stacks and a link that loses, reorders and duplicates: TCP's segments, timers and congestion
 * control against the rules of its RFCs. Time is a number; the link and the timers are worked off in
 * its order. Whatever the link does, the bytes must come out as they went in, and all memory must come
 * back. All cases run twice: the device takes one segment at a time, or cuts long packets itself.
 */
#include <string.h>

#include "host.h"
#include "net/tcp.h"

#define MTU 1500
#define MSS (MTU - 40)
#define MS NSEC_PER_MSEC

/* ---- the kernel's services ---- */

static u64 now_ns;
static struct net_ns nets[2];
static struct netdev devs[2];
struct net_ns init_net;
const struct socket_ops tcp_ops;
u32 route_generation;
void (*counts_settle)(void);
u64 nr_packet_progs;
struct layer_ops layer;

bool inet_refused(const struct inet_sock *sk, const struct pkt *p, const struct netdev *dev,
		  const u8 *ip, bool out)
{
	return false;
}
void inet_leave_group(struct socket *s)
{
}

u64 clock_ns(void)
{
	return now_ns;
}
void random_bytes(void *buf, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((u8 *)buf)[i] = rnd();
}
u32 csum_add(u32 sum, const void *data, size_t n)
{
	return 0xffff;
}
u16 csum_fold(u32 sum)
{
	return 0;
}
u32 csum_pseudo(be32 saddr, be32 daddr, u8 protocol, u16 len)
{
	return 0;
}
struct res_counter *mem_pays(struct res_counter *res)
{
	return NULL;
}
void mem_pays_end(struct res_counter *before)
{
}
struct res_counter *res_charge(struct res_counter *res, u64 n)
{
	return NULL;
}
void res_charge_force(struct res_counter *res, u64 n)
{
}
void res_uncharge(struct res_counter *res, u64 n)
{
}
void netdev_put(struct netdev *dev)
{
}
void net_run(void)
{
}
void waitq_wake_all(struct waitq *wq, u32 key)
{
}
void(mutex_init)(struct mutex *m)
{
}
u8 addr_type(struct net_ns *net, be32 addr)
{
	return 2; /* RTN_LOCAL */
}

static struct port_bucket bucket = { .listening = LIST_INIT(bucket.listening) };
struct port_bucket *port_bucket(const struct net_ns *net, int protocol, be16 port)
{
	return &bucket;
}
int port_take(struct inet_sock *sk, be16 port,
	      bool (*conflict)(const struct inet_sock *a, const struct inet_sock *b))
{
	sk->sport = port;
	return 0;
}
void port_drop(struct inet_sock *sk)
{
}
bool bind_overlaps(const struct inet_sock *a, const struct inet_sock *b)
{
	return true;
}
bool port_shared(const struct inet_sock *a, const struct inet_sock *b)
{
	return false;
}
void *inet_new(size_t size, const struct socket_ops *ops, struct net_ns *net, int type,
	       int protocol)
{
	struct inet_sock *sk = kzalloc(size);

	ref_init(&sk->s.refs);
	sk->s.net = net;
	list_init(&sk->s.rx);
	return sk;
}
void inet_free(struct socket *s)
{
	pkt_queue_free(&s->rx);
	kfree(s);
}
void socket_put(struct socket *s)
{
	if (ref_put(&s->refs))
		tcp_destroy(s);
}
static u32 mtu = MTU; /* of both */
static int side_of(const struct net_ns *net)
{
	return net - nets;
}
int route_lookup(struct net_ns *net, be32 daddr, int oif, struct dst *dst)
{
	*dst = (struct dst){ .dev = &devs[side_of(net)],
			     .mtu = mtu,
			     .generation = route_generation };
	return 0;
}
int inet_route(struct inet_sock *sk, be32 *daddr, int oif, struct dst *dst)
{
	return route_lookup(sk->s.net, *daddr, oif, dst);
}

/* ---- timers ---- */

static struct timer *timers[64];

void timer_init(struct timer *t, void (*fn)(struct timer *t))
{
	t->fn = fn;
	t->armed = false;
}
bool timer_start(struct timer *t, u64 expires)
{
	bool was_armed = t->armed;

	t->expires = expires;
	for (int i = 0; !t->armed; i++) {
		assert_true(i < 64);
		if (!timers[i]) {
			timers[i] = t;
			t->armed = true;
		}
	}
	return was_armed;
}

/* ---- the link ---- */

#define WIRE_MAX 4096
static struct in_flight {
	struct pkt *p;
	u64 at, nr; /* of those at the same time the first goes first */
} wire[WIRE_MAX];
static u64 wire_nr;
static struct { /* what the link does to a segment, in percent */
	unsigned int loss, dup, reorder;
	u64 delay;
	bool cut; /* nothing passes */
	int lose_nth; /* counts down over segments with content from side 0; that one is lost */
} link_is;
static unsigned int nr_sent[2], nr_data[2]; /* segments */
static unsigned int nr_packets; /* with content, from side 0 */

static void put_on_wire(struct pkt *p)
{
	u64 at = now_ns + link_is.delay;

	if (rnd_below(100) < link_is.reorder)
		at += rnd_below(4 * link_is.delay);
	for (int i = 0; i < WIRE_MAX; i++) {
		if (!wire[i].p) {
			wire[i] = (struct in_flight){ p, at, wire_nr++ };
			return;
		}
	}
	pkt_free(p);
}

/* n bytes of p's content from at on, as a segment of its own: a link's packets are bytes of their own. */
static void send_segment(const struct pkt *p, u32 at, u32 n, const struct ip_params *params)
{
	int side = side_of(p->dev->net);
	const struct tcphdr *whole = (const struct tcphdr *)p->data;
	u32 head = whole->doff * 4;
	struct pkt *s = pkt_alloc(sizeof(struct iphdr) + head + n, NULL);
	struct tcphdr *h;

	if (!s)
		return;
	s->net = pkt_put(s, sizeof(struct iphdr));
	*(struct iphdr *)s->net = (struct iphdr){ .saddr = params->saddr, .daddr = params->daddr };
	s->l4 = pkt_put(s, head);
	memcpy(s->l4, p->data, head);
	memcpy(pkt_put(s, n), p->data + head + at, n);
	h = (struct tcphdr *)s->l4;
	h->seq = htonl(ntohl(h->seq) + at);
	if (head + at + n < pkt_len(p))
		h->fin = h->psh = 0;
	assert_true(pkt_len(s) <= mtu);
	s->dev = &devs[!side];
	s->csum = CSUM_FINE;
	nr_sent[side]++;
	nr_data[side] += !!n;
	if (link_is.cut || rnd_below(100) < link_is.loss ||
	    (n && !side && link_is.lose_nth && !--link_is.lose_nth)) {
		pkt_free(s);
		return;
	}
	if (rnd_below(100) < link_is.dup)
		put_on_wire(pkt_copy(s));
	put_on_wire(s);
}

int ip_output(struct pkt *p, const struct dst *dst, const struct ip_params *params)
{
	u32 content = pkt_len(p) - ((const struct tcphdr *)p->data)->doff * 4, at = 0, n;

	p->dev = dst->dev;
	nr_packets += content && dst->dev == &devs[0];
	do {
		n = p->gso ? min(content - at, (u32)p->gso) : content;
		send_segment(p, at, n, params);
		at += n;
	} while (at < content);
	p->dev = NULL;
	pkt_free(p);
	return 0;
}

/* The next thing that time brings; false: nothing up to the end. */
static bool step(u64 end)
{
	struct in_flight *first = NULL;
	int timer = -1;

	for (int i = 0; i < WIRE_MAX; i++)
		if (wire[i].p && (!first || wire[i].at < first->at ||
				  (wire[i].at == first->at && wire[i].nr < first->nr)))
			first = &wire[i];
	for (int i = 0; i < 64; i++)
		if (timers[i] && (timer < 0 || timers[i]->expires < timers[timer]->expires))
			timer = i;
	if (timer >= 0 && (!first || timers[timer]->expires < first->at)) {
		struct timer *t = timers[timer];

		if (t->expires > end)
			return false;
		now_ns = max(now_ns, t->expires);
		timers[timer] = NULL;
		t->armed = false;
		t->fn(t);
		return true;
	}
	if (!first || first->at > end)
		return false;
	now_ns = max(now_ns, first->at);
	{
		struct pkt *p = first->p;

		first->p = NULL;
		tcp_input(p);
	}
	return true;
}

static void run_for(u64 ns)
{
	u64 end = now_ns + ns;

	while (step(end))
		;
	now_ns = end;
}

/* ---- programs ---- */

static struct tcp_sock *end[2];
static u64 written[2], taken[2];

static u8 byte_at(int side, u64 at)
{
	return (at * 31 >> 3) + side * 7;
}

/* As send(2) does: n more bytes of the pattern, where there is room. */
static u64 write_some(int side, u64 n)
{
	struct tcp_sock *t = end[side];
	u64 done = 0;

	while (done < n && tcp_in(t, TCPF_CAN_SEND) && t->send_truesize < (u32)t->inet.s.sndbuf) {
		u32 len = min(n - done, (u64)t->packet_max);
		struct pkt *p = t->send_head ? list_last(&t->sendq, struct pkt, link) : NULL;

		if (p && pkt_len(p) + len <= t->packet_max && p->end - p->tail >= len) {
			for (u32 i = 0; i < len; i++)
				*(u8 *)pkt_put(p, 1) = byte_at(side, written[side] + i);
			p->end_seq = t->write_seq += len;
			tcp_push(t, false);
			written[side] += len;
			done += len;
			continue;
		}
		p = pkt_alloc(len, NULL);

		for (u32 i = 0; i < len; i++)
			*(u8 *)pkt_put(p, 1) = byte_at(side, written[side] + i);
		p->tcp_flags = TCP_ACK;
		p->seq = t->write_seq;
		p->end_seq = t->write_seq += len;
		list_add_tail(&p->link, &t->sendq);
		t->send_truesize += pkt_truesize(p);
		if (!t->send_head)
			t->send_head = p;
		tcp_push(t, false);
		written[side] += len;
		done += len;
	}
	return done;
}

/* As recv(2) does: all there is, which must be what the other side wrote. */
static void read_all(int side)
{
	struct tcp_sock *t = end[side];
	u32 before_ = tcp_window(t);

	while (!list_empty(&t->inet.s.rx)) {
		struct pkt *p = list_first(&t->inet.s.rx, struct pkt, link);

		assert_int_equal(p->seq, t->copied);
		for (u8 *b = p->data; b < p->tail; b++)
			assert_int_equal(*b, byte_at(!side, taken[side]++));
		t->copied = p->end_seq;
		list_del(&p->link);
		t->inet.s.rx_truesize -= pkt_truesize(p);
		pkt_free(p);
	}
	if (tcp_window(t) >= before_ + 2 * MSS && tcp_in(t, TCPF(TCP_ESTABLISHED)))
		tcp_send_ack(t);
}

static void say_all(int side)
{
	struct tcp_sock *t = end[side];

	if (!tcp_in(t, TCPF_CAN_SEND))
		return;
	tcp_set_state(t, t->state == TCP_CLOSE_WAIT ? TCP_LAST_ACK : TCP_FIN_WAIT1);
	tcp_send_fin(t);
}

static struct tcp_sock *listener;
static bool offloads; /* the devices cut long packets */

static void start(void)
{
	static bool ready;

	if (!ready)
		tcp_state_init();
	ready = true;
	memset(&link_is, 0, sizeof(link_is));
	link_is.delay = 5 * MS;
	memset(nr_sent, 0, sizeof(nr_sent));
	memset(nr_data, 0, sizeof(nr_data));
	memset(written, 0, sizeof(written));
	memset(taken, 0, sizeof(taken));
	now_ns = 1000 * NSEC_PER_SEC;
	for (int i = 0; i < 2; i++) {
		nets[i].default_ttl = 64;
		devs[i] = (struct netdev){ .net = &nets[i], .offloads = offloads };
		ref_init(&devs[i].refs);
	}
	listener = tcp_new(&nets[1], NULL);
	listener->inet.sport = htons(80);
	listener->backlog = 4;
	tcp_set_state(listener, TCP_LISTEN);
	tcp_hash_listener(listener);
	end[0] = tcp_new(&nets[0], NULL);
	end[1] = NULL;
	end[0]->inet.saddr = htonl(0x0a000001);
	end[0]->inet.daddr = htonl(0x0a000002);
	end[0]->inet.sport = htons(1234);
	end[0]->inet.dport = htons(80);
	assert_int_equal(tcp_hash(end[0]), 0);
	tcp_choose_iss(end[0]);
	tcp_set_state(end[0], TCP_SYN_SENT);
	tcp_send_syn(end[0]);
}

static void take_accepted(void)
{
	if (end[1] || list_empty(&listener->accept_queue))
		return;
	end[1] = list_first(&listener->accept_queue, struct tcp_sock, accept_link);
	list_del(&end[1]->accept_link);
	listener->nr_accept--;
	end[1]->listener = NULL;
	socket_put(&listener->inet.s);
}

static void connected(void)
{
	start();
	for (int i = 0; i < 1000 && !end[1]; i++) {
		run_for(10 * MS);
		take_accepted();
	}
	assert_non_null(end[1]);
	assert_int_equal(end[0]->state, TCP_ESTABLISHED);
	assert_int_equal(end[0]->mss, MSS);
}

static void finish(void)
{
	tcp_stop_listening(listener);
	socket_put(&listener->inet.s);
	for (int i = 0; i < 2; i++) {
		if (!end[i])
			continue;
		tcp_done(end[i], 0);
		while (step(now_ns))
			;
		socket_put(&end[i]->inet.s);
	}
	for (int i = 0; i < WIRE_MAX; i++) {
		pkt_free(wire[i].p);
		wire[i].p = NULL;
	}
	for (int i = 0; i < 64; i++)
		assert_null(timers[i]);
	assert_int_equal(host_live, 0);
	assert_int_equal(host_warnings, 0);
}

static bool is_over(int side)
{
	return tcp_in(end[side], TCPF(TCP_CLOSE) | TCPF(TCP_TIME_WAIT));
}

/* Both sides write bytes[side], read, and end, in at most the time; then all is over. */
static void exchange(u64 bytes0, u64 bytes1, u64 limit)
{
	u64 bytes[2] = { bytes0, bytes1 }, stop = now_ns + limit;
	bool ended[2] = { false, false };

	while (now_ns < stop && (taken[0] < bytes[1] || taken[1] < bytes[0] || !ended[0] ||
				 !ended[1] || end[0]->send_head || end[1]->send_head)) {
		for (int i = 0; i < 2; i++) {
			if (written[i] < bytes[i])
				write_some(i, min(bytes[i] - written[i], 1 + rnd_below(20000)));
			read_all(i);
			if (written[i] == bytes[i] && !ended[i]) {
				say_all(i);
				ended[i] = true;
			}
		}
		run_for(1 + rnd_below(5 * MS));
	}
	/* The last FIN may be lost many times, and waits up to two minutes each time. */
	for (int i = 0; i < 200 && !(is_over(0) && is_over(1)); i++)
		run_for(10 * NSEC_PER_SEC);
	read_all(0);
	read_all(1);
	assert_int_equal(taken[0], bytes[1]);
	assert_int_equal(taken[1], bytes[0]);
	assert_true(is_over(0) && is_over(1));
}

/* ---- tests ---- */

static void handshake(void **state)
{
	connected();
	assert_int_equal(nr_sent[0], 2);
	assert_int_equal(nr_sent[1], 1);
	assert_int_equal(end[0]->rcv_nxt, end[1]->iss + 1);
	assert_int_equal(end[1]->rcv_nxt, end[0]->iss + 1);
	assert_true(end[0]->wscale_ok && end[1]->wscale_ok);
	finish();
}

static void clean_transfer(void **state)
{
	connected();
	exchange(300000, 100000, 100 * NSEC_PER_SEC);
	assert_int_equal(end[0]->nr_retransmits + end[1]->nr_retransmits, 0);
	finish();
}

/* Where a device cuts, a stream is few packets; what it puts on the wire is the same. */
static void long_packets(void **state)
{
	connected();
	for (int i = 0; i < 4; i++) { /* the window opens */
		write_some(0, 40 * MSS);
		run_for(NSEC_PER_SEC);
		read_all(1);
		run_for(NSEC_PER_SEC);
	}
	nr_packets = nr_data[0] = 0;
	for (int i = 0; i < 10; i++) {
		write_some(0, 22 * MSS);
		run_for(NSEC_PER_SEC);
		read_all(1);
	}
	assert_int_equal(nr_data[0], 220);
	assert_int_equal(nr_packets, offloads ? 10 : 220);
	write_some(0, 2 * MSS + 100); /* Nagle's algorithm holds back the end alone */
	assert_int_equal(nr_data[0], 223);
	write_some(0, 2 * MSS + 100);
	assert_int_equal(nr_data[0], 225);
	run_for(NSEC_PER_SEC);
	assert_int_equal(nr_data[0], 226);
	assert_int_equal(end[0]->nr_retransmits, 0);
	read_all(1);
	finish();
}

/* Urgent data's place is counted from each segment's begin, so these go one by one. */
static void urgent(void **state)
{
	connected();
	nr_packets = nr_data[0] = 0;
	end[0]->snd_up = end[0]->write_seq + 5 * MSS;
	write_some(0, 8 * MSS);
	assert_int_equal(nr_data[0], 8);
	assert_int_equal(nr_packets, 8);
	run_for(NSEC_PER_SEC);
	read_all(1);
	assert_int_equal(taken[1], 8 * MSS);
	finish();
}

/* The way has become narrower: what is written from then on fits, and what was written before. */
static void smaller_mtu(void **state)
{
	connected();
	end[0]->inet.s.sndbuf = 1 << 20;
	write_some(0, 40 * MSS);
	mtu = 600;
	route_generation++;
	/* what is on its way is that; from here on segments are sent in the new size */
	write_some(0, 10 * MSS);
	run_for(20 * NSEC_PER_SEC);
	for (int i = 0; i < 100; i++) {
		read_all(1);
		run_for(NSEC_PER_SEC);
	}
	assert_int_equal(taken[1], 50 * MSS);
	assert_int_equal(end[0]->mss, 560);
	mtu = MTU;
	route_generation++;
	finish();
}

static void lost_syn(void **state)
{
	start();
	link_is.cut = true;
	run_for(900 * MS);
	assert_int_equal(nr_sent[0], 1);
	run_for(200 * MS); /* RFC 6298: a second at first */
	assert_int_equal(nr_sent[0], 2);
	run_for(1850 * MS); /* then two */
	assert_int_equal(nr_sent[0], 2);
	run_for(100 * MS);
	assert_int_equal(nr_sent[0], 3);
	link_is.cut = false;
	run_for(5 * NSEC_PER_SEC);
	take_accepted();
	assert_non_null(end[1]);
	finish();
}

static void nobody_answers(void **state)
{
	start();
	link_is.cut = true;
	run_for(200 * NSEC_PER_SEC);
	assert_int_equal(end[0]->state, TCP_CLOSE);
	assert_int_equal(end[0]->inet.s.error, ETIMEDOUT);
	assert_int_equal(nr_sent[0], 7); /* tcp_syn_retries is 6 */
	finish();
}

static void any_link(unsigned int loss, unsigned int dup, unsigned int reorder, u64 bytes)
{
	for (int i = 0; i < 12; i++) {
		start();
		link_is.loss = loss;
		link_is.dup = dup;
		link_is.reorder = reorder;
		link_is.delay = 1 + rnd_below(30 * MS);
		for (int k = 0; k < 3000 && !end[1]; k++) {
			run_for(50 * MS);
			take_accepted();
		}
		if (end[1] && end[0]->state == TCP_ESTABLISHED)
			exchange(rnd_below(bytes), rnd_below(bytes), 5000 * NSEC_PER_SEC);
		finish();
	}
}

static void lossy(void **state)
{
	any_link(10, 0, 0, 200000);
}

static void reordering(void **state)
{
	any_link(0, 0, 40, 300000);
}

static void duplicating(void **state)
{
	any_link(0, 50, 0, 300000);
}

static void everything(void **state)
{
	any_link(8, 20, 30, 150000);
}

/* RFC 5681, 3.2: the third duplicate ACK brings the segment, long before the time-out. */
static void fast_retransmit(void **state)
{
	connected();
	write_some(0, 20 * MSS);
	run_for(500 * MS);
	read_all(1);
	link_is.lose_nth = 1;
	write_some(0, 8 * MSS);
	run_for(60 * MS);
	assert_int_equal(end[0]->nr_retransmits, 1);
	assert_int_equal(end[0]->una, end[0]->write_seq);
	read_all(1);
	assert_int_equal(taken[1], 28 * MSS);
	finish();
}

/* RFC 6582: two losses in one window cost no time-out, a partial ACK tells of the second. */
static void newreno(void **state)
{
	u64 from;

	connected();
	write_some(0, 20 * MSS);
	run_for(500 * MS);
	read_all(1);
	from = now_ns;
	link_is.lose_nth = 1;
	write_some(0, MSS);
	link_is.lose_nth = 2;
	write_some(0, 9 * MSS);
	while (end[0]->una != end[0]->write_seq)
		assert_true(step(~0UL));
	assert_int_equal(end[0]->nr_retransmits, 2);
	assert_true(now_ns - from < 150 * MS);
	finish();
}

/* RFC 6298, 5.5: each time-out doubles the next; and the window begins at one segment again. */
static void backoff(void **state)
{
	u64 last, gap = 0;

	connected();
	write_some(0, MSS);
	run_for(500 * MS);
	link_is.cut = true;
	write_some(0, 5 * MSS);
	last = now_ns;
	for (unsigned int n = nr_data[0], times = 0; times < 5; times++) {
		while (nr_data[0] == n)
			assert_true(step(~0UL));
		assert_int_equal(nr_data[0], n + 1);
		if (gap)
			assert_in_range(now_ns - last, gap * 19 / 10, gap * 21 / 10);
		gap = now_ns - last;
		last = now_ns;
		n = nr_data[0];
		assert_int_equal(end[0]->cwnd, MSS);
	}
	link_is.cut = false;
	run_for(100 * NSEC_PER_SEC);
	assert_int_equal(end[0]->una, end[0]->write_seq);
	finish();
}

static void peer_is_gone(void **state)
{
	connected();
	link_is.cut = true;
	write_some(0, 100);
	run_for(3000 * NSEC_PER_SEC);
	assert_int_equal(end[0]->state, TCP_CLOSE);
	assert_int_equal(end[0]->inet.s.error, ETIMEDOUT);
	finish();
}

/* A reader that does not read shuts the window; probes go on, and it opens again. */
static void zero_window(void **state)
{
	connected();
	end[0]->inet.s.sndbuf = 1 << 20;
	write_some(0, 200000);
	run_for(20 * NSEC_PER_SEC);
	assert_true(taken[1] == 0 && end[0]->send_head);
	assert_true(tcp_unread(end[1]) <= (u32)end[1]->inet.s.rcvbuf / 2);
	link_is.lose_nth = 0;
	run_for(300 * NSEC_PER_SEC);
	assert_int_equal(end[0]->state, TCP_ESTABLISHED);
	for (int i = 0; i < 100; i++) {
		read_all(1);
		run_for(NSEC_PER_SEC);
	}
	assert_int_equal(taken[1], 200000);
	finish();
}

/* The update that opens the window may be lost: a probe finds out. */
static void lost_window_update(void **state)
{
	connected();
	end[0]->inet.s.sndbuf = 1 << 20;
	write_some(0, 100000);
	run_for(20 * NSEC_PER_SEC);
	link_is.cut = true;
	read_all(1);
	link_is.cut = false;
	run_for(100 * NSEC_PER_SEC);
	read_all(1);
	assert_int_equal(taken[1], 100000);
	finish();
}

static struct pkt *forged(u8 flags, u32 seq)
{
	struct pkt *p = pkt_alloc(0, NULL);
	struct tcphdr *h = pkt_push(p, sizeof(*h));
	struct iphdr *ip;

	*h = (struct tcphdr){ .source = htons(80),
			      .dest = htons(1234),
			      .doff = 5,
			      .seq = htonl(seq),
			      .ack_seq = htonl(end[0]->una) };
	((u8 *)h)[13] = flags;
	p->l4 = (u8 *)h;
	ip = pkt_push(p, sizeof(*ip));
	*ip = (struct iphdr){ .saddr = end[0]->inet.daddr, .daddr = end[0]->inet.saddr };
	p->net = p->data;
	p->csum = CSUM_FINE;
	p->dev = &devs[0];
	return p;
}

/* RFC 5961: only the exact number resets; what lies in the window is answered, and not often. */
static void blind_resets(void **state)
{
	unsigned int n;

	connected();
	n = nr_sent[0];
	tcp_input(forged(TCP_RST, end[0]->rcv_nxt + 100));
	assert_int_equal(end[0]->state, TCP_ESTABLISHED);
	assert_int_equal(nr_sent[0], n + 1);
	for (int i = 0; i < 50; i++) {
		tcp_input(forged(TCP_RST, end[0]->rcv_nxt + 1 + i));
		tcp_input(forged(TCP_SYN, end[0]->rcv_nxt + i));
	}
	assert_int_equal(nr_sent[0], n + 1);
	tcp_input(forged(TCP_RST, end[0]->rcv_nxt - 1));
	tcp_input(forged(TCP_RST, end[0]->rcv_nxt + 1000000));
	assert_int_equal(end[0]->state, TCP_ESTABLISHED);
	tcp_input(forged(TCP_RST, end[0]->rcv_nxt));
	assert_int_equal(end[0]->state, TCP_CLOSE);
	assert_int_equal(end[0]->inet.s.error, ECONNRESET);
	finish();
}

static void both_close_at_once(void **state)
{
	connected();
	say_all(0);
	say_all(1);
	run_for(NSEC_PER_SEC);
	assert_int_equal(end[0]->state, TCP_TIME_WAIT);
	assert_int_equal(end[1]->state, TCP_TIME_WAIT);
	run_for(70 * NSEC_PER_SEC);
	assert_int_equal(end[0]->state, TCP_CLOSE);
	finish();
}

/* Two ACKs for each two full segments at the most, one within 40 ms for a single one. */
static void delayed_acks(void **state)
{
	unsigned int n;

	connected();
	for (int i = 0; i < 20; i++) {
		write_some(0, MSS);
		run_for(100 * MS);
		read_all(1);
	}
	n = nr_sent[1];
	write_some(0, 10);
	run_for(30 * MS);
	assert_int_equal(nr_sent[1], n);
	run_for(30 * MS);
	assert_int_equal(nr_sent[1], n + 1);
	read_all(1);
	write_some(0, 10 * MSS);
	run_for(12 * MS);
	assert_in_range(nr_sent[1] - n, 5, 7);
	finish();
}

/* RFC 1122, 4.2.3.4: one small segment at a time. */
static void nagle_holds(void **state)
{
	connected();
	for (int i = 0; i < 50; i++)
		write_some(0, 1);
	assert_int_equal(nr_data[0], 1);
	run_for(200 * MS);
	read_all(1);
	assert_int_equal(taken[1], 50);
	finish();
}

/* Memory that runs out loses segments, never more. */
static void no_memory(void **state)
{
	for (int i = 0; i < 40; i++) {
		connected();
		write_some(0, 10000);
		host_fail_after = i;
		for (int k = 0; k < 20 && step(~0UL); k++)
			if (!host_fail_after)
				host_fail_after = -1;
		host_fail_after = -1;
		run_for(50 * NSEC_PER_SEC);
		read_all(1);
		assert_int_equal(taken[1], 10000);
		finish();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(handshake),       cmocka_unit_test(clean_transfer),
		cmocka_unit_test(lost_syn),        cmocka_unit_test(nobody_answers),
		cmocka_unit_test(lossy),           cmocka_unit_test(reordering),
		cmocka_unit_test(duplicating),     cmocka_unit_test(everything),
		cmocka_unit_test(fast_retransmit), cmocka_unit_test(newreno),
		cmocka_unit_test(backoff),         cmocka_unit_test(peer_is_gone),
		cmocka_unit_test(zero_window),     cmocka_unit_test(lost_window_update),
		cmocka_unit_test(blind_resets),    cmocka_unit_test(both_close_at_once),
		cmocka_unit_test(delayed_acks),    cmocka_unit_test(nagle_holds),
		cmocka_unit_test(no_memory),       cmocka_unit_test(long_packets),
		cmocka_unit_test(urgent),          cmocka_unit_test(smaller_mtu),
	};

	int failed = cmocka_run_group_tests_name("segments", tests, NULL, NULL);

	offloads = true;
	return failed + cmocka_run_group_tests_name("long packets", tests, NULL, NULL);
}
