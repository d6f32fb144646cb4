/* SPDX-License-Identifier: MIT */
/*
 * IPv4 (RFC 791, RFC 1122): headers and their checksums, what is ours and what is forwarded,
 * fragments and their reassembly. Options are passed over on the way in and never sent.
 *
 * frag_lock guards the datagrams that are being put together. They are bounded in number and bytes
 * over all namespaces, the oldest makes room, and each is dropped 30 s after its first fragment.
 */
#include "net/inet.h"

#include <linux/icmp.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>

#define IP_DF 0x4000
#define IP_MF 0x2000
#define IP_OFFSET 0x1fff /* in units of 8 bytes */
#define DATAGRAM_MAX 65535U

struct ip_stats ip_stats;

/* ---- checksums (RFC 1071) ---- */

u32 csum_add(u32 sum, const void *data, size_t n)
{
	const u8 *at = data;
	u64 s = sum;

	for (; n >= 8; n -= 8, at += 8) {
		u64 v;

		memcpy(&v, at, 8);
		s += v;
		s += s < v;
	}
	s = (s & 0xffffffff) + (s >> 32);
	for (; n >= 2; n -= 2, at += 2)
		s += at[0] | at[1] << 8;
	if (n)
		s += at[0];
	s = (s & 0xffffffff) + (s >> 32);
	return (s & 0xffffffff) + (s >> 32);
}

u16 csum_fold(u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

/* The sum of what TCP and UDP count besides their own bytes. */
u32 csum_pseudo(be32 saddr, be32 daddr, u8 protocol, u16 len)
{
	u64 sum = (u64)saddr + daddr + htons(protocol) + htons(len);

	sum = (sum & 0xffffffff) + (sum >> 32);
	return (sum & 0xffffffff) + (sum >> 32);
}

void ip_set_check(struct iphdr *ip)
{
	ip->check = 0;
	ip->check = csum_fold(csum_add(0, ip, ip->ihl * 4));
}

/* ---- out ---- */

/* Gives p, which begins with its IP header, to the device that leads to the next hop. */
static void ip_to_device(struct pkt *p, const struct dst *dst)
{
	struct netdev *dev = dst->dev;

	if (dev != p->dev) {
		netdev_put(p->dev);
		netdev_get(dev);
		p->dev = dev;
	}
	p->net = p->data;
	p->protocol = htons(ETH_P_IP);
	if (dev->flags & (IFF_LOOPBACK | IFF_NOARP) || dst->type == RTN_BROADCAST) {
		dev_header(p, dst->type == RTN_BROADCAST ? dev->broadcast : dev->mac);
		netdev_xmit(p);
	} else if (dst->type == RTN_MULTICAST) {
		const u8 *group = (const u8 *)&dst->next_hop; /* RFC 1112, 6.4 */
		u8 mac[ETH_ALEN] = { 1, 0, 0x5e, group[1] & 0x7f, group[2], group[3] };

		dev_header(p, mac);
		netdev_xmit(p);
	} else {
		arp_output(p, dst->next_hop);
	}
}

static void ip_fragment(struct pkt *p, const struct dst *dst)
{
	const struct iphdr *ip = (const struct iphdr *)p->data;
	u32 head = ip->ihl * 4, room = (dst->mtu - head) & ~7U, left = pkt_len(p) - head;
	u16 field = ntohs(ip->frag_off);

	for (u32 at = 0; at < left; at += room) {
		u32 n = min(left - at, room);
		struct pkt *f = pkt_alloc(head + n, NULL);
		struct iphdr *h;

		if (!f)
			break;
		h = pkt_put(f, head + n);
		memcpy(h, ip, head);
		memcpy((u8 *)h + head, p->data + head + at, n);
		h->tot_len = htons(head + n);
		h->frag_off = htons((field & ~IP_OFFSET) | ((field & IP_OFFSET) + at / 8) |
				    (at + n < left ? IP_MF : 0));
		ip_set_check(h);
		ip_to_device(f, dst);
	}
	pkt_free(p);
}

/* Sends p, which has its IP header but for the checksum, by dst. p goes. 0 or -EMSGSIZE */
int ip_send(struct pkt *p, const struct dst *dst)
{
	struct iphdr *ip = (struct iphdr *)p->data;
	bool large = pkt_frame_len(p) > dst->mtu;

	if (large && (p->gso || ip->frag_off & htons(IP_DF))) {
		pkt_free(p);
		return -EMSGSIZE;
	}
	/* not in netdev_xmit(), which does not know that the header is ours alone */
	if (p->csum == CSUM_LATER && !p->gso && (large || !dst->dev->offloads))
		pkt_finish_check(p);
	ip_stats.out++;
	if (large) {
		ip_fragment(p, dst);
	} else {
		ip_set_check(ip);
		ip_to_device(p, dst);
	}
	return 0;
}

/* p begins with its transport's header, whose checksum is put off: it holds the pseudo header's sum. */
static void begin_check(struct pkt *p, const struct ip_params *ip)
{
	p->l4 = p->data;
	p->csum_at = ip->protocol == IPPROTO_TCP ? 16 : 6;
	*(u16 *)(p->l4 + p->csum_at) =
		~csum_fold(csum_pseudo(ip->saddr, ip->daddr, ip->protocol, pkt_len(p)));
}

int ip_output(struct pkt *p, const struct dst *dst, const struct ip_params *params)
{
	static u16 next_id;
	struct iphdr *ip;

	if (p->csum == CSUM_LATER)
		begin_check(p, params);
	ip = pkt_push(p, sizeof(*ip));
	*ip = (struct iphdr){
		.version = 4,
		.ihl = sizeof(*ip) / 4,
		.tos = params->tos,
		.tot_len = htons(pkt_len(p)),
		.frag_off = params->df ? htons(IP_DF) : 0,
		.ttl = params->ttl,
		.protocol = params->protocol,
		.saddr = params->saddr,
		.daddr = params->daddr,
	};
	if (!params->df)
		ip->id = htons(__atomic_add_fetch(&next_id, 1, __ATOMIC_RELAXED));
	if (params->sk && inet_forbidden(params->sk, p, dst->dev, p->data, true)) {
		pkt_free(p);
		return -EPERM;
	}
	return ip_send(p, dst);
}

/* ---- reassembly ---- */

#define FRAG_BYTES_MAX (1U << 20)
#define FRAG_QUEUES_MAX 256U
#define FRAG_TIME (30 * NSEC_PER_SEC)

struct frag_queue { /* a datagram in pieces */
	struct list_head link; /* the oldest first */
	struct net_ns *net; /* only compared; what a namespace leaves is purged */
	be32 saddr, daddr;
	be16 id;
	u8 protocol;
	struct list_head pieces; /* by offset: pkt->seq up to end_seq */
	u32 have, total, truesize; /* bytes of content; total 0: the last piece is not here */
	u64 expires;
};
static spinlock_t frag_lock = SPINLOCK_INIT;
static struct list_head frag_queues = LIST_INIT(frag_queues);
static u32 frag_bytes, nr_frag_queues;

static void frag_drop(struct frag_queue *q)
{
	list_del(&q->link);
	frag_bytes -= q->truesize;
	nr_frag_queues--;
	pkt_queue_free(&q->pieces);
	kfree(q);
}

void ip_frag_purge(struct net_ns *net)
{
	struct frag_queue *q, *tmp;

	SPIN_GUARD(&frag_lock);
	list_for_each_safe(q, tmp, &frag_queues, link)
		if (!net || q->net == net)
			frag_drop(q);
}

static struct frag_queue *frag_find(const struct pkt *p, const struct iphdr *ip)
{
	struct frag_queue *q, *tmp;
	u64 now = clock_ns();

	list_for_each_safe(q, tmp, &frag_queues, link) {
		if (q->expires <= now || frag_bytes > FRAG_BYTES_MAX ||
		    nr_frag_queues > FRAG_QUEUES_MAX)
			frag_drop(q);
		else if (q->id == ip->id && q->saddr == ip->saddr && q->daddr == ip->daddr &&
			 q->protocol == ip->protocol && q->net == p->dev->net)
			return q;
	}
	q = kzalloc(sizeof(*q));
	if (!q)
		return NULL;
	*q = (struct frag_queue){ .net = p->dev->net,
				  .saddr = ip->saddr,
				  .daddr = ip->daddr,
				  .id = ip->id,
				  .protocol = ip->protocol,
				  .expires = now + FRAG_TIME };
	list_init(&q->pieces);
	list_add_tail(&q->link, &frag_queues);
	nr_frag_queues++;
	return q;
}

/* Puts p where it belongs. False: it overlaps or contradicts what is there. */
static bool frag_insert(struct frag_queue *q, struct pkt *p, bool last)
{
	struct pkt *at, *next;

	if ((q->total && (p->end_seq > q->total || (last && p->end_seq != q->total))))
		return false;
	list_for_each(at, &q->pieces, link)
		if (at->end_seq > p->seq)
			break;
	next = at;
	if (&next->link != &q->pieces && (next->seq < p->end_seq || last))
		return false;
	list_add_tail(&p->link, &next->link);
	if (last)
		q->total = p->end_seq;
	q->have += p->end_seq - p->seq;
	q->truesize += pkt_truesize(p);
	frag_bytes += pkt_truesize(p);
	return true;
}

/* All pieces as one packet with the first one's header, or NULL. */
static struct pkt *frag_join(struct frag_queue *q)
{
	struct pkt *first = list_first(&q->pieces, struct pkt, link), *p, *whole;
	u32 head = first->l4 - first->net;
	struct iphdr *ip;

	if (head + q->total > DATAGRAM_MAX)
		return NULL;
	whole = pkt_alloc(head + q->total, NULL);
	if (!whole)
		return NULL;
	whole->dev = first->dev;
	netdev_get(whole->dev);
	whole->type = first->type;
	whole->protocol = first->protocol;
	whole->time_ns = first->time_ns;
	whole->net = pkt_put(whole, head);
	memcpy(whole->net, first->net, head);
	whole->l4 = whole->tail;
	list_for_each(p, &q->pieces, link)
		memcpy(pkt_put(whole, p->end_seq - p->seq), p->l4, p->end_seq - p->seq);
	ip = (struct iphdr *)whole->net;
	ip->frag_off = 0;
	ip->tot_len = htons(pkt_len(whole));
	return whole;
}

/* Takes a fragment; the whole datagram when it was the last that was missing, else NULL. */
static struct pkt *ip_reassemble(struct pkt *p)
{
	const struct iphdr *ip = (const struct iphdr *)p->net;
	u16 field = ntohs(ip->frag_off);
	struct pkt *whole = NULL;
	struct frag_queue *q;

	p->seq = (field & IP_OFFSET) * 8;
	p->end_seq = p->seq + (p->tail - p->l4);
	if ((field & IP_MF && (p->tail - p->l4) % 8) || p->end_seq == p->seq ||
	    p->end_seq > DATAGRAM_MAX) {
		pkt_free(p);
		return NULL;
	}
	spin_lock(&frag_lock);
	q = frag_find(p, ip);
	if (!q || !frag_insert(q, p, !(field & IP_MF))) {
		pkt_free(p);
		if (q)
			frag_drop(q);
	} else if (q->total && q->have == q->total) {
		whole = frag_join(q);
		frag_drop(q);
	}
	spin_unlock(&frag_lock);
	return whole;
}

/* ---- in ---- */

static void ip_forward(struct pkt *p)
{
	struct pkt *own = pkt_alone(p) ? p : pkt_copy(p);
	struct iphdr *ip;
	struct dst dst;

	if (own != p)
		pkt_free(
			p); /* its bytes are the sender's too: they came from a namespace of this machine */
	p = own;
	if (!p)
		return;
	ip = (struct iphdr *)p->net;
	if (ip->ttl <= 1) {
		icmp_send(p, ICMP_TIME_EXCEEDED, ICMP_EXC_TTL, 0);
		goto drop;
	}
	if (route_lookup(p->dev->net, ip->daddr, 0, &dst)) {
		icmp_send(p, ICMP_DEST_UNREACH, ICMP_NET_UNREACH, 0);
		goto drop;
	}
	if (pkt_frame_len(p) > dst.mtu && (p->gso || ip->frag_off & htons(IP_DF))) {
		icmp_send(p, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, htonl(dst.mtu));
	} else if (dst.type == RTN_UNICAST) {
		ip->ttl--;
		ip_send(p, &dst);
		p = NULL;
	}
	netdev_put(dst.dev);
drop:
	pkt_free(p);
}

static void ip_deliver(struct pkt *p)
{
	const struct iphdr *ip = (const struct iphdr *)p->net;
	bool taken = raw_input(p);

	ip_stats.delivered++;
	switch (ip->protocol) {
	case IPPROTO_TCP:
		tcp_input(p);
		return;
	case IPPROTO_UDP:
		udp_input(p);
		return;
	case IPPROTO_ICMP:
		icmp_input(p);
		return;
	}
	if (!taken)
		icmp_send(p, ICMP_DEST_UNREACH, ICMP_PROT_UNREACH, 0);
	pkt_free(p);
}

/* Is the header sound, and what it says of lengths true? Cuts off what the device padded. */
static bool ip_header_ok(struct pkt *p)
{
	const struct iphdr *ip = (const struct iphdr *)p->net;
	u32 head, len = pkt_len(p);

	if (len < sizeof(*ip) || ip->version != 4 || ip->ihl < 5)
		return false;
	head = ip->ihl * 4;
	if (len < head || ntohs(ip->tot_len) < head || ntohs(ip->tot_len) > len)
		return false;
	if (!(p->dev->flags & IFF_LOOPBACK) && csum_fold(csum_add(0, ip, head)))
		return false;
	p->tail = p->net + ntohs(ip->tot_len);
	p->l4 = p->net + head;
	if (p->csum == CSUM_LATER && p->tail < p->l4 + p->csum_at + 2)
		return false;
	if (is_multicast(ip->saddr) || ip->saddr == htonl(INADDR_BROADCAST))
		return false;
	return p->dev->flags & IFF_LOOPBACK || (!is_loopback(ip->saddr) && !is_loopback(ip->daddr));
}

/* p->net is the IP header, p->type says how the device got it. p goes. */
void ip_input(struct pkt *p)
{
	const struct iphdr *ip = (const struct iphdr *)p->net;
	struct net_ns *net = p->dev->net;
	u8 type = RTN_LOCAL;

	ip_stats.in++;
	if (!ip_header_ok(p)) {
		ip_stats.in_errors++;
		pkt_free(p);
		return;
	}
	if (!(p->dev->flags & IFF_LOOPBACK && ip->daddr == htonl(INADDR_LOOPBACK)))
		type = addr_type(net, ip->daddr);
	if (type == RTN_UNICAST && net->ip_forward && p->type == PACKET_HOST) {
		ip_forward(p);
		return;
	}
	if (type == RTN_UNICAST || type == RTN_MULTICAST) {
		pkt_free(p); /* not for us */
		return;
	}
	if (type == RTN_BROADCAST && p->type == PACKET_HOST)
		p->type = PACKET_BROADCAST; /* by loopback */
	if (ip->frag_off & htons(IP_MF | IP_OFFSET)) {
		p = ip_reassemble(p);
		if (!p)
			return;
	}
	ip_deliver(p);
}
