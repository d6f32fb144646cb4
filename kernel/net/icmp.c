/* SPDX-License-Identifier: MIT */
/*
 * ICMP (RFC 792, RFC 1122 3.2.2): answers to echo requests, errors that we send, and errors that come
 * to whom they concern. Nothing is kept here.
 */
#include "net/inet.h"

#include <linux/if_packet.h>
#include <linux/rtnetlink.h>

/* Sends the ICMP message in p, its header at p->data, from saddr (0: as the route says). */
static void send_message(struct net_ns *net, struct pkt *p, be32 saddr, be32 daddr, u8 tos)
{
	struct icmphdr *h = (struct icmphdr *)p->data;
	struct dst dst;

	if (route_lookup(net, daddr, 0, &dst)) {
		pkt_free(p);
		return;
	}
	h->checksum = 0;
	h->checksum = csum_fold(csum_add(0, h, pkt_len(p)));
	ip_output(p, &dst,
		  &(struct ip_params){ .saddr = saddr ? saddr : dst.saddr,
				       .daddr = daddr,
				       .protocol = IPPROTO_ICMP,
				       .ttl = net->default_ttl,
				       .tos = tos });
	netdev_put(dst.dev);
}

static bool is_error(u8 type)
{
	return type == ICMP_DEST_UNREACH || type == ICMP_SOURCE_QUENCH || type == ICMP_REDIRECT ||
	       type == ICMP_TIME_EXCEEDED || type == ICMP_PARAMETERPROB;
}

void icmp_send(const struct pkt *in, u8 type, u8 code, be32 info)
{
	const struct iphdr *ip = (const struct iphdr *)in->net;
	const u8 *l4 = in->net + ip->ihl * 4;
	u32 n = min((u32)(in->tail - in->net), 576U - 20 - 8); /* RFC 1812, 4.3.2.3 */
	struct net_ns *net = in->dev ? in->dev->net : NULL;
	struct icmphdr *h;
	struct pkt *p;

	/* never about an error, a later fragment, or what went to many (RFC 1122, 3.2.2) */
	if (!net || in->type != PACKET_HOST || ip->frag_off & htons(0x1fff) || !ip->saddr ||
	    addr_type(net, ip->daddr) == RTN_BROADCAST || is_multicast(ip->daddr))
		return;
	if (ip->protocol == IPPROTO_ICMP && (l4 >= in->tail || is_error(*l4)))
		return;
	p = pkt_alloc(sizeof(*h) + n, NULL);
	if (!p)
		return;
	h = pkt_put(p, sizeof(*h));
	*h = (struct icmphdr){ .type = type, .code = code, .un.gateway = info };
	memcpy(pkt_put(p, n), in->net, n);
	send_message(net, p, addr_type(net, ip->daddr) == RTN_LOCAL ? ip->daddr : 0, ip->saddr,
		     0xc0 /* internetwork control */);
}

static void echo_reply(const struct pkt *in)
{
	const struct iphdr *ip = (const struct iphdr *)in->net;
	u32 n = in->tail - in->l4;
	struct pkt *p;

	if (in->type != PACKET_HOST)
		return; /* a broadcast ping asks for a storm */
	p = pkt_alloc(n, NULL);
	if (!p)
		return;
	memcpy(pkt_put(p, n), in->l4, n);
	((struct icmphdr *)p->data)->type = ICMP_ECHOREPLY;
	send_message(in->dev->net, p, ip->daddr, ip->saddr, ip->tos);
}

/* What ICMP_DEST_UNREACH's codes mean to a program, as Linux has it. */
static const struct {
	int err;
	bool hard;
} unreachable[] = {
	{ ENETUNREACH, false },  { EHOSTUNREACH, false }, { ENOPROTOOPT, true },
	{ ECONNREFUSED, true },  { EMSGSIZE, false },     { EOPNOTSUPP, false },
	{ ENETUNREACH, true },   { EHOSTDOWN, true },     { ENONET, true },
	{ ENETUNREACH, true },   { EHOSTUNREACH, true },  { ENETUNREACH, false },
	{ EHOSTUNREACH, false }, { EHOSTUNREACH, true },  { EHOSTUNREACH, true },
	{ EHOSTUNREACH, true },
};

static void error_input(const struct pkt *p, const struct icmphdr *h)
{
	const u8 *at = (const u8 *)(h + 1);
	const struct iphdr *inner = (const struct iphdr *)at;
	struct icmp_error e = { .net = p->dev->net,
				.inner = inner,
				.end = p->tail,
				.type = h->type,
				.code = h->code,
				.offender = ((const struct iphdr *)p->net)->saddr,
				.info = h->un.gateway,
				.err = EHOSTUNREACH };

	if (p->tail - at < sizeof(*inner) || inner->ihl < 5)
		return;
	e.l4 = at + inner->ihl * 4;
	if (p->tail - e.l4 < 8)
		return;
	if (h->type == ICMP_DEST_UNREACH && h->code < ARRAY_SIZE(unreachable)) {
		e.err = unreachable[h->code].err;
		e.hard = unreachable[h->code].hard;
	} else if (h->type == ICMP_PARAMETERPROB) {
		e.err = EPROTO;
		e.hard = true;
	} else if (h->type != ICMP_TIME_EXCEEDED) {
		return;
	}
	raw_error(&e);
	if (inner->protocol == IPPROTO_TCP)
		tcp_error(&e);
	else if (inner->protocol == IPPROTO_UDP)
		udp_error(&e);
	else if (inner->protocol == IPPROTO_ICMP)
		ping_error(&e);
}

void icmp_input(struct pkt *p)
{
	const struct icmphdr *h = (const struct icmphdr *)p->l4;
	u32 n = p->tail - p->l4;

	/* loopback, too: raw sockets send what they like */
	if (n >= sizeof(*h) && !csum_fold(csum_add(0, h, n))) {
		if (h->type == ICMP_ECHO)
			echo_reply(p);
		else if (h->type == ICMP_ECHOREPLY)
			ping_input(p);
		else if (is_error(h->type))
			error_input(p, h);
	}
	pkt_free(p);
}
