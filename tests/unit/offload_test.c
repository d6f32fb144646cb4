/* SPDX-License-Identifier: MIT */
/* sources: kernel/net/offload.c kernel/net/pkt.c user/vm/frames.c */
/*
 * Long packets and unfinished checksums: what is made into frames must be what TCP would have sent in
 * frames at once, by rules that are written down here a second time; and whatever a program says of a
 * packet, nothing outside of it is touched. The monitor makes the same frames for its guests (frames.c).
 */
#include <string.h>

#include "host.h"
#include "net/inet.h"
#include "user/vm/frames.h"

#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/virtio_net.h>

#define ETH_VLAN 4
#define SEQ 0xfffff000U /* wraps on the way */
#define ID 0xfffe

/* ---- what the sources stand on: sums as RFC 1071 says them ---- */

struct net_ns init_net;

u32 csum_add(u32 sum, const void *data, size_t n)
{
	const u8 *at = data;

	for (size_t i = 0; i < n; i++)
		sum += at[i] << 8 * (i & 1);
	return sum;
}
u16 csum_fold(u32 sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}
u32 csum_pseudo(be32 saddr, be32 daddr, u8 protocol, u16 len)
{
	return csum_add(0, &saddr, 4) + csum_add(0, &daddr, 4) + htons(protocol) + htons(len);
}
void ip_set_check(struct iphdr *ip)
{
	ip->check = 0;
	ip->check = csum_fold(csum_add(0, ip, ip->ihl * 4));
}
void netdev_put(struct netdev *dev)
{
}
struct res_counter *mem_pays(struct res_counter *res)
{
	return NULL;
}
void mem_pays_end(struct res_counter *before)
{
}

static struct netdev dev;

/* ---- packets ---- */

static struct shape {
	bool v6, vlan;
	u32 options; /* bytes of TCP's; and of IPv4's, or an extension header of IPv6 */
	u32 more;
	u32 content, gso;
	u8 flags;
} shape;

static u8 byte_at(u32 at)
{
	return at * 7 + (at >> 8);
}
static u32 net_at(void)
{
	return ETH_HLEN + (shape.vlan ? ETH_VLAN : 0);
}
static u32 l4_at(void)
{
	return net_at() + (shape.v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr)) + shape.more;
}
static u32 heads(void)
{
	return l4_at() + sizeof(struct tcphdr) + shape.options;
}

/* The sum of the pseudo header of a frame with len bytes of TCP: RFC 9293, 3.1; RFC 8200, 8.1. */
static u32 pseudo(const u8 *frame, u32 len)
{
	const u8 *net = frame + net_at();

	if (shape.v6)
		return csum_add(0, net + 8, 32) + htons(len) + htons(IPPROTO_TCP);
	return csum_add(0, net + 12, 8) + htons(len) + htons(IPPROTO_TCP);
}

/* What a program sends, and h says of it. */
static struct pkt *make(struct virtio_net_hdr *h)
{
	u32 len = heads() + shape.content;
	struct pkt *p = pkt_alloc(2 + len, NULL); /* IP's header lies as the compiler wants it */
	u16 type = htons(shape.v6 ? ETH_P_IPV6 : ETH_P_IP);
	struct tcphdr *tcp;
	u8 *net;

	assert_non_null(p);
	p->data += 2;
	p->tail += 2;
	memset(pkt_put(p, len), 0, len);
	net = p->data + net_at();
	memcpy(p->data + 12, shape.vlan ? &(u16){ htons(ETH_P_8021Q) } : &type, 2);
	memcpy(net - 2, &type, 2);
	for (u32 i = 0; i < 32; i++)
		net[(shape.v6 ? 8 : 12) + i % (shape.v6 ? 32 : 8)] = i * 5;
	if (shape.v6) {
		*net = 0x60;
		*(u16 *)(net + 4) = htons(len - net_at() - sizeof(struct ipv6hdr));
		net[6] = shape.more ? 60 : IPPROTO_TCP;
	} else {
		struct iphdr *ip = (struct iphdr *)net;

		ip->version = 4;
		ip->ihl = 5 + shape.more / 4;
		ip->protocol = IPPROTO_TCP;
		ip->tot_len = htons(len - net_at());
		ip->id = htons(ID);
		ip_set_check(ip);
	}
	tcp = (struct tcphdr *)(p->data + l4_at());
	tcp->seq = htonl(SEQ);
	tcp->doff = 5 + shape.options / 4;
	((u8 *)tcp)[13] = shape.flags;
	tcp->check = ~csum_fold(pseudo(p->data, len - l4_at()));
	for (u32 i = 0; i < shape.content; i++)
		p->data[heads() + i] = byte_at(i);
	p->net = p->data + ETH_HLEN;
	memcpy(&p->protocol, p->data + 12, 2);
	p->dev = &dev;
	*h = (struct virtio_net_hdr){
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = shape.v6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4,
		.hdr_len = heads(),
		.gso_size = shape.gso,
		.csum_start = l4_at(),
		.csum_offset = 16,
	};
	return p;
}

/* Is f the nr-th frame of the shape, from at on? */
static void check_frame(const struct pkt *f, u32 nr, u32 at)
{
	u32 n = min(shape.content - at, shape.gso);
	const u8 *net = f->data + net_at(), *l4 = f->data + l4_at();
	const struct tcphdr *tcp = (const struct tcphdr *)l4;
	u8 flags = shape.flags;

	assert_int_equal(pkt_len(f), heads() + n);
	assert_int_equal(f->gso, 0);
	assert_int_equal(f->csum, CSUM_FINE);
	assert_ptr_equal(f->dev, &dev);
	if (shape.v6) {
		assert_int_equal(ntohs(*(u16 *)(net + 4)), pkt_len(f) - net_at() - 40);
	} else {
		assert_int_equal(ntohs(*(u16 *)(net + 2)), pkt_len(f) - net_at());
		assert_int_equal(ntohs(*(u16 *)(net + 4)), (ID + nr) & 0xffff);
		assert_int_equal(csum_fold(csum_add(0, net, l4 - net)), 0);
	}
	if (at + n < shape.content)
		flags &= ~9;
	if (nr)
		flags &= ~0x80;
	assert_int_equal(l4[13], flags);
	assert_int_equal(ntohl(tcp->seq), SEQ + at);
	assert_int_equal(csum_fold(pseudo(f->data, f->tail - l4) + csum_add(0, l4, f->tail - l4)),
			 0);
	for (u32 i = 0; i < n; i++)
		assert_int_equal(f->data[heads() + i], byte_at(at + i));
}

/* ---- the monitor's side ---- */

static struct packet monitor;

static void hand_over(const struct pkt *p, const struct virtio_net_hdr *h)
{
	monitor.h = *h;
	memcpy(monitor.bytes, p->data, pkt_len(p));
	assert_true(packet_begin(&monitor, pkt_len(p)));
}

static void check_monitor(const struct pkt *f)
{
	size_t size;
	const u8 *frame;

	assert_true(monitor.size);
	frame = packet_frame(&monitor, &size);
	assert_int_equal(size, pkt_len(f));
	assert_memory_equal(frame, f->data, size);
}

/* What no kernel says; sizes and places stay inside of the packet. */
static void monitor_hostile(void **state)
{
	for (int i = 0; i < 200000; i++) {
		size_t size = 1 + rnd_below(rnd_below(9) ? 200 : PACKET_MAX), n, whole = 0;

		for (int k = 0; k < sizeof(monitor.h); k++)
			((u8 *)&monitor.h)[k] = rnd_below(3) ? rnd_below(64) : rnd();
		monitor.h.flags |= rnd() & 1;
		for (int k = 0; k < 100; k++)
			monitor.bytes[k] = rnd_below(3) ? 0x45 : rnd();
		if (!packet_begin(&monitor, size)) {
			assert_int_equal(monitor.size, 0);
			continue;
		}
		while (monitor.size) {
			u8 *frame = packet_frame(&monitor, &n);

			assert_true(frame >= monitor.bytes && frame + n <= monitor.bytes + size);
			whole += n - monitor.heads;
		}
		assert_int_equal(whole + monitor.heads, size);
	}
}

static void check_cut(void)
{
	struct list_head frames = LIST_INIT(frames);
	struct virtio_net_hdr h, told;
	struct pkt *p = make(&h);
	u32 at = 0, nr = 0;

	assert_int_equal(pkt_apply_vnet(p, &h), 0);
	if (shape.content > shape.gso) {
		assert_int_equal(pkt_frame_len(p), heads() + shape.gso);
		h.gso_type |= shape.flags & 0x80 ? VIRTIO_NET_HDR_GSO_ECN : 0;
		pkt_vnet(p, &told);
		assert_memory_equal(&told, &h, sizeof(h));
	} else {
		pkt_vnet(p, &told);
		assert_int_equal(told.gso_type, 0);
		assert_int_equal(pkt_frame_len(p), pkt_len(p));
	}
	hand_over(p, &told);
	pkt_to_frames(p, &frames);
	while ((p = list_pop(&frames, struct pkt, link))) {
		check_frame(p, nr++, at);
		check_monitor(p);
		at += shape.gso;
		pkt_free(p);
	}
	assert_int_equal(monitor.size, 0);
	assert_true(at >= shape.content && nr == max(DIV_ROUND_UP(shape.content, shape.gso), 1U));
	assert_int_equal(host_live, 0);
}

static void cuts(void **state)
{
	for (int i = 0; i < 3000; i++) {
		shape = (struct shape){ .v6 = rnd() & 1,
					.vlan = rnd() & 1,
					.options = 4 * rnd_below(11),
					.more = 8 * rnd_below(5),
					.content = rnd_below(i % 10 ? 5000 : 65000),
					.gso = 32 + rnd_below(i % 10 ? 1500 : 9000),
					.flags = rnd() };
		check_cut();
	}
}

/* Whoever else reads the bytes goes on seeing what was there. */
static void shared(void **state)
{
	struct list_head frames = LIST_INIT(frames);
	struct virtio_net_hdr h;
	struct pkt *p, *other;
	u16 check;

	shape = (struct shape){ .content = 500, .gso = 1000 };
	p = make(&h);
	h.gso_type = VIRTIO_NET_HDR_GSO_NONE;
	assert_int_equal(pkt_apply_vnet(p, &h), 0);
	other = pkt_clone(p);
	check = ((struct tcphdr *)other->l4)->check;
	pkt_to_frames(p, &frames);
	assert_int_equal(((struct tcphdr *)other->l4)->check, check);
	assert_int_equal(other->csum, CSUM_LATER);
	check_frame(list_first(&frames, struct pkt, link), 0, 0);
	pkt_queue_free(&frames);
	pkt_free(other);
	assert_int_equal(host_live, 0);
}

static void no_memory(void **state)
{
	for (int left = 0; left < 12; left++) {
		struct list_head frames = LIST_INIT(frames);
		struct virtio_net_hdr h;
		struct pkt *p;
		u32 at = 0, nr = 0;

		shape = (struct shape){ .content = 5000, .gso = 1000 };
		p = make(&h);
		assert_int_equal(pkt_apply_vnet(p, &h), 0);
		host_fail_after = left;
		pkt_to_frames(p, &frames);
		host_fail_after = -1;
		for (; (p = list_pop(&frames, struct pkt, link)); at += 1000) {
			check_frame(p, nr++, at);
			pkt_free(p);
		}
		assert_int_equal(nr, min(left / 2, 5));
		assert_int_equal(host_live, 0);
	}
}

/* Headers that would be copied before each few bytes are not taken. */
static void long_heads(void **state)
{
	struct virtio_net_hdr h;
	struct pkt *p;

	shape = (struct shape){ .v6 = true, .more = 8 * 22, .content = 5000, .gso = 32 };
	check_cut();
	shape.more += 8;
	p = make(&h);
	assert_int_equal(pkt_apply_vnet(p, &h), -EINVAL);
	pkt_free(p);
	assert_int_equal(host_live, 0);
}

/* What offload.c's first comment promises of a packet that was let in. */
static void check_promises(const struct pkt *p)
{
	const u8 *net = p->data + ETH_HLEN;
	bool vlan = p->data[12] == 0x81 && !p->data[13];

	assert_true(p->l4 + p->csum_at + 2 <= p->tail);
	if (p->protocol == htons(ETH_P_IP))
		assert_ptr_equal(p->l4, net + (*net & 15) * 4);
	if (!p->gso)
		return;
	net += vlan ? ETH_VLAN : 0;
	assert_true(p->gso >= 32 && p->csum_at == 16 && p->l4 + 20 < p->tail);
	if (net[-2] == 0x08 && !net[-1])
		assert_ptr_equal(p->l4, net + (*net & 15) * 4);
	else
		assert_true(net[-2] == 0x86 && net[-1] == 0xdd && p->l4 >= net + 40);
}

/* Bytes and a header that mean harm; a buffer that ends where the packet does finds who goes too far. */
static void hostile(void **state)
{
	unsigned int taken = 0;

	for (int i = 0; i < 200000; i++) {
		struct list_head frames = LIST_INIT(frames);
		struct virtio_net_hdr h, told;
		struct pkt *p;

		shape = (struct shape){ .v6 = rnd() & 1,
					.vlan = !rnd_below(4),
					.more = 8 * rnd_below(2),
					.content = rnd_below(3) ? 0 : rnd_below(300),
					.gso = rnd_below(60) };
		p = make(&h);
		for (u64 k = rnd_below(4); k; k--)
			p->data[rnd_below(min(pkt_len(p), 80U))] = rnd();
		for (u64 k = rnd_below(3); k; k--)
			((u8 *)&h)[rnd_below(sizeof(h))] = rnd();
		h.csum_start -= rnd_below(20) ? 0 : rnd_below(h.csum_start + 1);
		p->tail -= rnd_below(4) ? 0 : min(rnd_below(80), (u64)pkt_len(p) - ETH_HLEN);
		memcpy(&p->protocol, p->data + 12, 2);
		if (pkt_apply_vnet(p, &h)) {
			pkt_free(p);
			continue;
		}
		taken++;
		assert_true(pkt_frame_len(p) <= pkt_len(p));
		pkt_vnet(p, &told);
		if (p->csum != CSUM_LATER) {
			pkt_free(p);
			continue;
		}
		check_promises(p);
		pkt_to_frames(p, &frames);
		while ((p = list_pop(&frames, struct pkt, link))) {
			assert_true(p->tail <= p->end);
			pkt_free(p);
		}
		assert_int_equal(host_live, 0);
	}
	assert_true(taken > 10000);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cuts),      cmocka_unit_test(shared),
		cmocka_unit_test(no_memory), cmocka_unit_test(long_heads),
		cmocka_unit_test(hostile),   cmocka_unit_test(monitor_hostile),
	};

	ref_init(&dev.refs);
	return RUN_TESTS(argc, argv, tests, NULL);
}
