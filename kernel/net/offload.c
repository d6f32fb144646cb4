/* SPDX-License-Identifier: MIT */
/*
 * What is put off: a packet may go through this machine with the checksum of its transport unfinished
 * (CSUM_LATER), and may be longer than a frame when it is TCP's (pkt->gso). Virtual devices hand both
 * on, so a stream between namespaces or to a guest costs a little for each 32 KiB, not for each 1,500
 * bytes. Other devices get frames, which are made here. (Linux: CHECKSUM_PARTIAL and GSO.)
 *
 * Of a packet with CSUM_LATER the bytes [l4 + csum_at, 2 more) are inside it, and IPv4's l4 is right
 * behind the IP header; with gso its headers are those of TCP over IPv4 or IPv6. pkt_apply_vnet() sees
 * to that when programs send such packets, and ip_input() when it cuts one.
 */
#include "net/inet.h"

#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/virtio_net.h>

#define GSO_MIN 32U /* bytes: nobody makes the kernel cut 64 KiB into more than 2,048 pieces */
#define GSO_HEADS_MAX 256U /* bytes up to TCP's content: each of the pieces has a copy of them */
#define TCP_FLAGS_AT 13
#define TCP_FLAGS_LAST 0x09 /* FIN, PSH: of the last segment alone */
#define TCP_FLAG_CWR 0x80 /* of the first (RFC 3168, 6.1.2) */

/* p's headers up to TCP's content, from its begin. */
static u32 heads(const struct pkt *p)
{
	return p->l4 + ((const struct tcphdr *)p->l4)->doff * 4 - p->data;
}

u32 pkt_gso_len(const struct pkt *p)
{
	return min(pkt_len(p), heads(p) + p->gso);
}

void pkt_finish_check(struct pkt *p)
{
	u16 sum = csum_fold(csum_add(0, p->l4, p->tail - p->l4));

	*(u16 *)(p->l4 + p->csum_at) = sum ? sum : 0xffff; /* 0 is UDP's "none" (RFC 768) */
	p->csum = CSUM_FINE;
}

/* The network's header in a frame with room for a VLAN tag, behind that if there is one, and whose. */
static const u8 *network(const u8 *frame, be16 *protocol)
{
	const u8 *net = frame + ETH_HLEN;

	*protocol = ((const struct ethhdr *)frame)->h_proto;
	if (*protocol == htons(ETH_P_8021Q)) {
		memcpy(protocol, net + 2, 2);
		net += 4;
	}
	return net;
}

/* The headers of s, a piece of p from at on, become those of a frame of its own, the nr-th. */
static void set_headers(struct pkt *s, const struct pkt *p, u32 at, u32 nr, bool last)
{
	struct tcphdr *h = (struct tcphdr *)s->l4;
	u8 *flags = s->l4 + TCP_FLAGS_AT;
	be16 protocol;
	u8 *net = (u8 *)network(s->data, &protocol);
	struct iphdr *ip = (struct iphdr *)net;

	if (protocol == htons(ETH_P_IP)) {
		ip->tot_len = htons(s->tail - net);
		ip->id = htons(ntohs(ip->id) + nr);
		ip_set_check(ip);
	} else {
		((struct ipv6hdr *)net)->payload_len =
			htons(s->tail - net - sizeof(struct ipv6hdr));
	}
	h->seq = htonl(ntohl(h->seq) + at);
	*flags &= ~((last ? 0 : TCP_FLAGS_LAST) | (nr ? TCP_FLAG_CWR : 0));
	/* the pseudo header's sum: its length is another */
	h->check = ~csum_fold(h->check + (u16)~htons(p->tail - p->l4) + htons(s->tail - s->l4));
	pkt_finish_check(s);
}

/* n bytes of p's content from at on, behind headers like p's. NULL: no memory */
static struct pkt *piece(const struct pkt *p, u32 head, u32 at, u32 n)
{
	struct pkt *s = pkt_alloc(head + n, NULL);

	if (!s)
		return NULL;
	memcpy(pkt_put(s, head), p->data, head);
	memcpy(pkt_put(s, n), p->data + head + at, n);
	s->protocol = p->protocol;
	s->net = s->data + (p->net - p->data);
	s->l4 = s->data + (p->l4 - p->data);
	s->csum_at = p->csum_at;
	s->dev = p->dev;
	netdev_get(s->dev);
	return s;
}

void pkt_to_frames(struct pkt *p, struct list_head *frames)
{
	u32 head = p->gso ? heads(p) : 0, len = pkt_len(p), n;
	struct pkt *s;

	if (!p->gso) {
		s = pkt_alone(p) ? p : pkt_copy(p);
		if (s != p)
			pkt_free(p);
		if (s) {
			pkt_finish_check(s);
			list_add_tail(&s->link, frames);
		}
		return;
	}
	for (u32 at = 0, nr = 0; head + at < len; at += n, nr++) {
		n = min(len - head - at, (u32)p->gso);
		s = piece(p, head, at, n);
		if (!s)
			break; /* as if the wire had lost the rest */
		set_headers(s, p, at, nr, head + at + n == len);
		list_add_tail(&s->link, frames);
	}
	pkt_free(p);
}

/* ---- as others say it (virtio 1.1, 5.1.6) ---- */

void pkt_vnet(const struct pkt *p, struct virtio_net_hdr *h)
{
	const struct tcphdr *tcp = (const struct tcphdr *)p->l4;

	*h = (struct virtio_net_hdr){
		.flags = p->csum == CSUM_LATER  ? VIRTIO_NET_HDR_F_NEEDS_CSUM
			 : p->csum == CSUM_FINE ? VIRTIO_NET_HDR_F_DATA_VALID
						: 0,
	};
	if (p->csum == CSUM_LATER) {
		h->csum_start = p->l4 - p->data;
		h->csum_offset = p->csum_at;
	}
	if (p->gso) {
		be16 protocol;

		network(p->data, &protocol);
		h->gso_type = (protocol == htons(ETH_P_IP) ? VIRTIO_NET_HDR_GSO_TCPV4
							   : VIRTIO_NET_HDR_GSO_TCPV6) |
			      (tcp->cwr ? VIRTIO_NET_HDR_GSO_ECN : 0);
		h->gso_size = p->gso;
		h->hdr_len = h->csum_start + tcp->doff * 4;
	}
}

/* Is p TCP over the IP that type says, l4 where they say? */
static bool gso_ok(const struct pkt *p, u8 type)
{
	const struct iphdr *ip;
	be16 protocol;

	/* the checksum's place is in p, so all that is before it is */
	if (p->csum_at != offsetof(struct tcphdr, check) || heads(p) > GSO_HEADS_MAX ||
	    ((const struct tcphdr *)p->l4)->doff < 5)
		return false;
	ip = (const struct iphdr *)network(p->data, &protocol);
	if (type == VIRTIO_NET_HDR_GSO_TCPV4)
		return protocol == htons(ETH_P_IP) && ip->protocol == IPPROTO_TCP &&
		       (const u8 *)ip + ip->ihl * 4 == p->l4;
	return type == VIRTIO_NET_HDR_GSO_TCPV6 && protocol == htons(ETH_P_IPV6) &&
	       (const u8 *)ip + sizeof(struct ipv6hdr) <= p->l4;
}

int pkt_apply_vnet(struct pkt *p, const struct virtio_net_hdr *h)
{
	u8 type = h->gso_type & ~VIRTIO_NET_HDR_GSO_ECN;
	const struct iphdr *ip = (const struct iphdr *)p->net;

	if (!(h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
		return type == VIRTIO_NET_HDR_GSO_NONE ? 0 : -EINVAL;
	if (h->csum_start + h->csum_offset + 2 > pkt_len(p))
		return -EINVAL;
	p->l4 = p->data + h->csum_start;
	p->csum_at = h->csum_offset;
	p->csum = CSUM_LATER;
	if (type != VIRTIO_NET_HDR_GSO_NONE) {
		if (h->gso_size < GSO_MIN || !gso_ok(p, type))
			return -EINVAL;
		p->gso = h->gso_size;
		if (pkt_frame_len(p) == pkt_len(p))
			p->gso = 0; /* it is no longer than a frame, or has no whole headers */
	} else if (p->protocol == htons(ETH_P_IP) && (u8 *)ip + ip->ihl * 4 != p->l4) {
		pkt_finish_check(p);
	}
	return 0;
}
