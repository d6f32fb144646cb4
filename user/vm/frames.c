/* SPDX-License-Identifier: MIT */
/*
 * What a guest's driver did not want to do itself (virtio 1.1, 5.1.6.4): the transport's checksum, of which
 * a packet holds only the pseudo header's sum, and the cutting of TCP's long packets into segments.
 *
 * Frames are made in place: each one's headers are written in front of its content, where content lies
 * that was handed on already.
 */
#include "frames.h"

#include <string.h>
#include <linux/if_ether.h>

#define TCP_HEADER 20
#define TCP_FLAGS_LAST 0x09 /* FIN, PSH: of the last segment alone */
#define TCP_FLAG_CWR 0x80 /* of the first (RFC 3168, 6.1.2) */

/* The sum of RFC 1071 over n bytes. */
static uint16_t sum(uint32_t s, const uint8_t *at, size_t n)
{
	for (size_t i = 0; i < n; i++)
		s += (uint32_t)at[i] << (i & 1 ? 0 : 8);
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return s;
}
static uint16_t get16(const uint8_t *at)
{
	return at[0] << 8 | at[1];
}
static void put16(uint8_t *at, uint16_t v)
{
	at[0] = v >> 8;
	at[1] = v;
}

bool packet_begin(struct packet *p, size_t size)
{
	const struct virtio_net_hdr *h = &p->h;
	size_t check = h->csum_start + h->csum_offset + 2;
	bool later = h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM;

	p->size = p->at = p->nr = p->heads = 0;
	if (size > PACKET_MAX || (later && check > size) || (h->gso_type && !later))
		return false;
	if (h->gso_type) {
		if (!h->gso_size || h->csum_start < ETH_HLEN + TCP_HEADER ||
		    h->csum_start + TCP_HEADER > size)
			return false;
		p->heads = h->csum_start + (p->bytes[h->csum_start + 12] >> 4) * 4;
		if (p->heads < check || p->heads >= size || p->heads > PACKET_HEADS)
			return false;
		memcpy(p->first, p->bytes, p->heads);
	}
	p->size = size;
	return true;
}

/* Of a segment that is cut off: its lengths, numbers and flags (RFC 791, 8200; 9293, 3.1). */
static void set_headers(const struct packet *p, uint8_t *frame, size_t size, bool last)
{
	uint8_t *ip = frame + ETH_HLEN, *tcp = frame + p->h.csum_start;
	uint8_t *check = tcp + p->h.csum_offset;
	uint32_t seq = ((uint32_t)get16(tcp + 4) << 16 | get16(tcp + 6)) + p->at;

	if (get16(frame + 12) == ETH_P_8021Q)
		ip += 4;
	if (*ip >> 4 == 4) {
		put16(ip + 2, frame + size - ip);
		put16(ip + 4, get16(ip + 4) + p->nr);
		put16(ip + 10, 0);
		put16(ip + 10, ~sum(0, ip, (*ip & 15) * 4));
	} else {
		put16(ip + 4, frame + size - ip - 40);
	}
	put16(tcp + 4, seq >> 16);
	put16(tcp + 6, seq);
	tcp[13] &= ~((last ? 0 : TCP_FLAGS_LAST) | (p->nr ? TCP_FLAG_CWR : 0));
	/* the pseudo header counts another length */
	put16(check,
	      sum(get16(check) + (uint16_t) ~(p->size - p->h.csum_start) + size - p->h.csum_start,
		  NULL, 0));
}

uint8_t *packet_frame(struct packet *p, size_t *size)
{
	uint8_t *frame = p->bytes + p->at, *l4 = frame + p->h.csum_start;
	size_t n = p->size - p->at - p->heads;
	bool last = !p->h.gso_type || n <= p->h.gso_size;

	if (!last)
		n = p->h.gso_size;
	*size = p->heads + n;
	if (p->h.gso_type) {
		memcpy(frame, p->first, p->heads);
		set_headers(p, frame, *size, last);
	}
	if (p->h.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		uint16_t check = ~sum(0, l4, frame + *size - l4);

		put16(l4 + p->h.csum_offset, check ? check : 0xffff); /* 0 is UDP's "none" */
	}
	p->at += n;
	p->nr++;
	if (last)
		p->size = 0;
	return frame;
}
