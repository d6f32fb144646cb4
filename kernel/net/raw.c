/* SPDX-License-Identifier: MIT */
/*
 * Raw sockets (raw(7)): each gets a copy of every packet of its protocol, IP header and all, and sends
 * what the program made, with a header of ours or (IP_HDRINCL) its own. They stand in the port table
 * under their protocol's number.
 */
#include "net/dgram.h"

static u32 nr_raw; /* sockets, in all namespaces: most packets need not look for one; atomic */

static bool wants(const struct inet_sock *sk, const void *arg)
{
	const struct pkt *p = arg;
	const struct iphdr *ip = (const struct iphdr *)p->net;

	if (ip->protocol == IPPROTO_ICMP) {
		u8 type = p->tail > p->l4 ? *p->l4 : 0;

		if (p->tail - p->l4 < sizeof(struct icmphdr))
			return false;
		if (type < 32 && sk->icmp_filter >> type & 1)
			return false;
	}
	return dgram_match(sk, ip->saddr, 0, ip->daddr, p->dev->ifindex);
}

bool raw_input(struct pkt *p)
{
	const struct iphdr *ip = (const struct iphdr *)p->net;
	struct inet_sock *found[DGRAM_TARGETS];
	unsigned int n;

	if (!READ_ONCE(nr_raw))
		return false;
	n = dgram_gather(p->dev->net, SOCK_RAW, ip->protocol, htons(ip->protocol), wants, p, found);
	dgram_to_all(found, n, p, p->net);
	return n;
}

static bool sent_it(const struct inet_sock *sk, const void *arg)
{
	const struct icmp_error *e = arg;

	return dgram_match(sk, e->inner->daddr, 0, e->inner->saddr, sk->s.bound_dev);
}

void raw_error(const struct icmp_error *e)
{
	struct inet_sock *found[DGRAM_TARGETS];
	u8 protocol = e->inner->protocol;
	unsigned int n;

	if (!READ_ONCE(nr_raw))
		return;
	n = dgram_gather(e->net, SOCK_RAW, protocol, htons(protocol), sent_it, e, found);
	for (unsigned int i = 0; i < n; i++) {
		dgram_error(found[i], e, found[i]->hdrincl ? (const u8 *)e->inner : e->l4);
		socket_put(&found[i]->s);
	}
}

/* Completes the header that the program made: raw(7) says what. */
static int own_header(struct pkt *p, const struct dgram_to *to)
{
	static u16 next_id;
	struct iphdr *ip = (struct iphdr *)p->data;

	if (pkt_len(p) > to->dst.mtu)
		return -EMSGSIZE;
	if (pkt_len(p) < sizeof(*ip) || ip->ihl < 5 || ip->ihl * 4 > pkt_len(p))
		return -EINVAL;
	ip->tot_len = htons(pkt_len(p));
	if (!ip->saddr)
		ip->saddr = to->ip.saddr;
	if (!ip->id)
		ip->id = htons(__atomic_add_fetch(&next_id, 1, __ATOMIC_RELAXED));
	return 0;
}

static ssize_t raw_sendmsg(struct socket *s, struct net_msg *msg)
{
	struct inet_sock *sk = inet_sk(s);
	size_t n = msg->data.left;
	struct dgram_to to;
	struct pkt *p;
	int err;

	if (n < 2 && s->protocol == IPPROTO_ICMP && !sk->hdrincl && !(msg->flags & MSG_OOB))
		return -EFAULT; /* Linux looks at type and code */
	p = dgram_begin(sk, msg, 0xffff - (sk->hdrincl ? 0 : sizeof(struct iphdr)), &to);
	if (IS_ERR(p))
		return PTR_ERR(p);
	if (!sk->hdrincl)
		return dgram_send(sk, &to, p, n);
	err = own_header(p, &to);
	if (!err && inet_forbidden(sk, p, to.dst.dev, p->data, true))
		err = -EPERM;
	if (err)
		pkt_free(p);
	else
		err = ip_send(p, &to.dst);
	net_run();
	netdev_put(to.dst.dev);
	return err ? err : (ssize_t)n;
}

#define SOL_RAW 255 /* as IPPROTO_RAW; the option below is of this level */
#define ICMP_FILTER 1

static int raw_setsockopt(struct socket *s, int level, int name, const void __user *val, int len)
{
	u32 filter = 0;

	if (level != SOL_RAW)
		return inet_setsockopt(s, level, name, val, len);
	if (name != ICMP_FILTER)
		return -ENOPROTOOPT;
	if (s->protocol != IPPROTO_ICMP)
		return -EOPNOTSUPP;
	if (copy_from_user(&filter, val, min((size_t)max(len, 0), sizeof(filter))))
		return -EFAULT;
	inet_sk(s)->icmp_filter = filter;
	return 0;
}

static void raw_release(struct socket *s)
{
	__atomic_fetch_sub(&nr_raw, 1, __ATOMIC_RELAXED);
	dgram_release(s);
}

static const struct socket_ops raw_ops = {
	DGRAM_OPS,
	.release = raw_release,
	.sendmsg = raw_sendmsg,
	.setsockopt = raw_setsockopt,
};

struct socket *raw_create(struct net_ns *net, int protocol)
{
	struct inet_sock *sk = inet_new(sizeof(*sk), &raw_ops, net, SOCK_RAW, protocol);

	if (IS_ERR(sk))
		return (struct socket *)sk;
	sk->hdrincl = protocol == IPPROTO_RAW;
	__atomic_fetch_add(&nr_raw, 1, __ATOMIC_RELAXED);
	port_take(sk, htons(protocol), port_shared);
	return &sk->s;
}
