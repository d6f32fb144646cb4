/* SPDX-License-Identifier: MIT */
/*
 * UDP (RFC 768, udp(7)), and ping sockets (icmp(7)), which are the same with an echo request's header
 * and its identifier for a port. Who gets a datagram: the socket that says most exactly that it wants
 * it; of several with SO_REUSEPORT one by the sender's address; a broadcast goes to all.
 */
#include "net/dgram.h"

#include <linux/if_packet.h>
#include <linux/udp.h>

#define UDP_MAX (65535U - sizeof(struct iphdr) - sizeof(struct udphdr))

struct arrival { /* a datagram's addresses, seen from here */
	be32 from, to;
	be16 from_port;
	int ifindex;
};

static bool wants(const struct inet_sock *sk, const void *arg)
{
	const struct arrival *a = arg;

	return dgram_match(sk, a->from, a->from_port, a->to, a->ifindex);
}

/* The best of those that want it, with a reference; NULL: nobody. */
static struct inet_sock *lookup(struct net_ns *net, int protocol, be16 port,
				const struct arrival *a)
{
	struct inet_sock *found[DGRAM_TARGETS], *best = NULL;
	unsigned int n = dgram_gather(net, SOCK_DGRAM, protocol, port, wants, a, found);
	u32 hash = a->from * 0x9e3779b1U + a->from_port * 0x85ebca6bU, alike = 0;
	int best_score = -1;

	for (unsigned int i = 0; i < n; i++) {
		struct inet_sock *sk = found[i];
		int score = !!sk->rcv_saddr + 2 * sk->connected + !!sk->s.bound_dev;

		if (score > best_score) {
			best_score = score;
			best = sk;
			alike = 1;
		} else if (score == best_score && socket_opt(&sk->s, SOCK_OPT_REUSEPORT)) {
			hash = hash * 1664525 + 1013904223;
			if ((hash >> 16) % ++alike == 0)
				best = sk;
		}
	}
	for (unsigned int i = 0; i < n; i++)
		if (found[i] != best)
			socket_put(&found[i]->s);
	return best;
}

/* ---- UDP ---- */

static ssize_t udp_sendmsg(struct socket *s, struct net_msg *msg)
{
	struct inet_sock *sk = inet_sk(s);
	size_t n = msg->data.left;
	struct dgram_to to;
	struct pkt *p = dgram_begin(sk, msg, UDP_MAX, &to);
	struct udphdr *h;

	if (IS_ERR(p))
		return PTR_ERR(p);
	h = pkt_push(p, sizeof(*h));
	*h = (struct udphdr){ .source = sk->sport, .dest = to.port, .len = htons(n + sizeof(*h)) };
	p->csum = socket_opt(s, SOCK_OPT_NO_CHECK) ? CSUM_FINE : CSUM_LATER;
	return dgram_send(sk, &to, p, n);
}

static bool udp_header_ok(struct pkt *p)
{
	const struct iphdr *ip = (const struct iphdr *)p->net;
	const struct udphdr *h = (const struct udphdr *)p->l4;
	u32 len = p->tail - p->l4;

	if (len < sizeof(*h) || ntohs(h->len) < sizeof(*h) || ntohs(h->len) > len)
		return false;
	p->tail = p->l4 + ntohs(h->len);
	if (p->csum != CSUM_LOOK || !h->check)
		return true;
	len = ntohs(h->len);
	return !csum_fold(csum_add(csum_pseudo(ip->saddr, ip->daddr, IPPROTO_UDP, len), h, len));
}

void udp_input(struct pkt *p)
{
	const struct iphdr *ip = (const struct iphdr *)p->net;
	const struct udphdr *h = (const struct udphdr *)p->l4;
	struct arrival a = { ip->saddr, ip->daddr, 0, p->dev->ifindex };
	struct inet_sock *sk, *found[DGRAM_TARGETS];
	unsigned int n;

	if (!udp_header_ok(p)) {
		pkt_free(p);
		return;
	}
	a.from_port = h->source;
	p->data = p->l4 + sizeof(*h);
	if (p->type != PACKET_HOST) {
		n = dgram_gather(p->dev->net, SOCK_DGRAM, IPPROTO_UDP, h->dest, wants, &a, found);
		dgram_to_all(found, n, p, p->data);
		pkt_free(p);
		return;
	}
	sk = lookup(p->dev->net, IPPROTO_UDP, h->dest, &a);
	if (!sk) {
		icmp_send(p, ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, 0);
		pkt_free(p);
		return;
	}
	dgram_queue(sk, p);
	socket_put(&sk->s);
}

void udp_error(const struct icmp_error *e)
{
	const struct udphdr *h = (const struct udphdr *)e->l4;
	struct arrival a = { e->inner->daddr, e->inner->saddr, h->dest, 0 };
	struct inet_sock *sk = lookup(e->net, IPPROTO_UDP, h->source, &a);

	if (!sk)
		return;
	dgram_error(sk, e, e->l4 + sizeof(*h));
	socket_put(&sk->s);
}

static const struct socket_ops udp_ops = {
	DGRAM_OPS,
	.release = dgram_release,
	.sendmsg = udp_sendmsg,
	.setsockopt = inet_setsockopt,
};

struct socket *udp_create(struct net_ns *net)
{
	return inet_new(sizeof(struct inet_sock), &udp_ops, net, SOCK_DGRAM, IPPROTO_UDP);
}

/* ---- ping sockets ---- */

static ssize_t ping_sendmsg(struct socket *s, struct net_msg *msg)
{
	struct inet_sock *sk = inet_sk(s);
	size_t n = msg->data.left;
	struct dgram_to to;
	struct icmphdr *h;
	struct pkt *p;

	if (n < sizeof(*h))
		return -EINVAL;
	p = dgram_begin(sk, msg, 0xffff, &to);
	if (IS_ERR(p))
		return PTR_ERR(p);
	h = (struct icmphdr *)p->data;
	if (h->type != ICMP_ECHO || h->code) {
		netdev_put(to.dst.dev);
		pkt_free(p);
		return -EINVAL;
	}
	h->un.echo.id = sk->sport;
	h->checksum = 0;
	h->checksum = csum_fold(csum_add(0, h, n));
	return dgram_send(sk, &to, p, n);
}

/* An echo reply came; p stays the caller's. */
void ping_input(struct pkt *p)
{
	const struct iphdr *ip = (const struct iphdr *)p->net;
	const struct icmphdr *h = (const struct icmphdr *)p->l4;
	struct arrival a = { ip->saddr, ip->daddr, 0, p->dev->ifindex };
	struct inet_sock *sk = lookup(p->dev->net, IPPROTO_ICMP, h->un.echo.id, &a);

	dgram_to_all(&sk, !!sk, p, p->l4);
}

void ping_error(const struct icmp_error *e)
{
	const struct icmphdr *h = (const struct icmphdr *)e->l4;
	struct arrival a = { e->inner->daddr, e->inner->saddr, 0, 0 };
	struct inet_sock *sk = lookup(e->net, IPPROTO_ICMP, h->un.echo.id, &a);

	if (!sk)
		return;
	dgram_error(sk, e, e->l4);
	socket_put(&sk->s);
}

static const struct socket_ops ping_ops = {
	DGRAM_OPS,
	.release = dgram_release,
	.sendmsg = ping_sendmsg,
	.setsockopt = inet_setsockopt,
};

/* Who may: the groups of net.ipv4.ping_group_range. */
struct socket *ping_create(struct net_ns *net)
{
	const struct cred *c = current->thread.cred;
	bool allowed = c->fsgid >= net->ping_low && c->fsgid <= net->ping_high;

	for (u32 i = 0; !allowed && c->groups && i < c->groups->n; i++)
		allowed =
			c->groups->gids[i] >= net->ping_low && c->groups->gids[i] <= net->ping_high;
	return allowed ? inet_new(sizeof(struct inet_sock), &ping_ops, net, SOCK_DGRAM,
				  IPPROTO_ICMP)
		       : ERR_PTR(-EACCES);
}

/* ---- /proc/net ---- */

struct shown {
	struct strbuf *out;
	int n;
};

static void show_line(void *arg, struct inet_sock *sk)
{
	struct shown *s = arg;

	inet_show(s->out, s->n++, sk, sk->connected ? TCP_STATE_ESTABLISHED : TCP_STATE_CLOSE, 0,
		  sk->s.rx_truesize, " 0");
}

static int show_table(struct strbuf *out, struct ns_common *ns, int type, int protocol)
{
	struct shown s = { out, 0 };

	sb_printf(out, "%-127s\n",
		  "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   "
		  "uid  timeout inode ref pointer drops");
	inet_each(container_of(ns, struct net_ns, ns), type, protocol, show_line, &s);
	return 0;
}

static int show_udp(struct strbuf *out, struct ns_common *ns)
{
	return show_table(out, ns, SOCK_DGRAM, IPPROTO_UDP);
}

static int show_raw(struct strbuf *out, struct ns_common *ns)
{
	return show_table(out, ns, SOCK_RAW, 0);
}

static int show_icmp(struct strbuf *out, struct ns_common *ns)
{
	return show_table(out, ns, SOCK_DGRAM, IPPROTO_ICMP);
}

void udp_init(void)
{
	proc_net_add("udp", show_udp);
	proc_net_add("raw", show_raw);
	proc_net_add("icmp", show_icmp);
}
