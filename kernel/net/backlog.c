/* SPDX-License-Identifier: MIT */
/*
 * The way of a packet between a device and the protocols, and the loopback device, which is nothing but
 * a short one (netdev.h says in which context). A CPU's backlog is its own, with interrupts off.
 */
#include "net/inet.h"

#include <linux/if_arp.h>
#include <linux/if_packet.h>

#define BACKLOG_MAX 1000 /* packets; what comes then is dropped, as by Linux's netdev_max_backlog */

void (*packet_tap)(struct pkt *p, bool outgoing);

static struct backlog {
	struct list_head queue;
	unsigned int len;
	bool running; /* somebody takes from it already */
	u64 runs; /* how often that began; read by others */
} backlogs[MAX_CPUS];

/* ---- the way in and out ---- */

/* Loopback has no header to count. */
static u32 counted_len(const struct netdev *dev, const struct pkt *p)
{
	return pkt_len(p) - (dev->flags & IFF_LOOPBACK ? ETH_HLEN : 0);
}

static void backlog_add(struct netdev *dev, struct pkt *p)
{
	struct backlog *b;

	irq_push();
	b = &backlogs[this_cpu()->id];
	if (b->len < BACKLOG_MAX) {
		list_add_tail(&p->link, &b->queue);
		b->len++;
		dev->stats.rx_packets++;
		dev->stats.rx_bytes += counted_len(dev, p);
		p = NULL;
	} else {
		dev->stats.rx_dropped++;
	}
	irq_pop();
	pkt_free(p);
}

/* For whom a frame is, as dev sees it. */
static u8 packet_type(const struct netdev *dev, const struct ethhdr *eth)
{
	if (dev->flags & IFF_LOOPBACK || !memcmp(eth->h_dest, dev->mac, ETH_ALEN))
		return PACKET_HOST;
	if (!memcmp(eth->h_dest, dev->broadcast, ETH_ALEN))
		return PACKET_BROADCAST;
	return eth->h_dest[0] & 1 ? PACKET_MULTICAST : PACKET_OTHERHOST;
}

static void to_protocol(struct pkt *p)
{
	if (p->type == PACKET_OTHERHOST)
		pkt_free(p);
	else if (p->protocol == htons(ETH_P_IP))
		ip_input(p);
	else if (p->protocol == htons(ETH_P_ARP))
		arp_input(p);
	else
		pkt_free(p);
}

/* Looks at the device's header of p and gives the rest to its protocol, or all to its master. */
static void packet_in(struct pkt *p)
{
	const struct ethhdr *eth = (const struct ethhdr *)p->data;
	struct netdev *master;

	if (pkt_len(p) < ETH_HLEN || !(p->dev->flags & IFF_UP)) {
		pkt_free(p);
		return;
	}
	p->time_ns = net_stamp(p->dev->net);
	p->mac = p->data;
	p->protocol = eth->h_proto;
	p->type = packet_type(p->dev, eth);
	p->net = p->data += ETH_HLEN;
	if (packet_tap)
		packet_tap(p, false);
	master = netdev_follow(&p->dev->master);
	if (!master) {
		to_protocol(p);
		return;
	}
	master->ops->port_rx(master, p);
	netdev_put(master);
}

void netdev_deliver(struct netdev *dev, struct pkt *p)
{
	netdev_get(dev);
	netdev_put(p->dev);
	p->dev = dev;
	p->type = packet_type(dev, (const struct ethhdr *)p->mac);
	dev->stats.rx_packets++;
	dev->stats.rx_bytes += pkt_len(p);
	if (packet_tap)
		packet_tap(p, false);
	to_protocol(p);
}

void net_run(void)
{
	struct backlog *b;
	struct pkt *p;

	irq_push();
	b = &backlogs[this_cpu()->id];
	if (!b->running) {
		b->running = true;
		b->runs++;
		while ((p = list_pop(&b->queue, struct pkt, link))) {
			b->len--;
			/* The kernel is not preemptive: b is still this CPU's afterwards. */
			irq_pop();
			packet_in(p);
			irq_push();
		}
		b->running = false;
	}
	irq_pop();
}

bool net_quiet(u64 seen[MAX_CPUS], bool first)
{
	bool quiet = true;

	for (unsigned int i = 0; i < nr_cpus; i++) {
		if (first)
			seen[i] = READ_ONCE(backlogs[i].runs);
		if (READ_ONCE(backlogs[i].running) && READ_ONCE(backlogs[i].runs) == seen[i])
			quiet = false;
	}
	return quiet;
}

void netdev_rx(struct netdev *dev, struct pkt *p)
{
	netdev_get(dev);
	p->dev = dev;
	backlog_add(dev, p);
	net_run();
}

void netdev_cross(struct netdev *dev, struct pkt *p)
{
	netdev_get(dev);
	netdev_put(p->dev);
	p->dev = dev;
	backlog_add(dev, p);
}

static void xmit(struct pkt *p)
{
	struct netdev *dev = p->dev;

	if (!(dev->flags & IFF_UP)) {
		dev->stats.tx_dropped++;
		pkt_free(p);
		return;
	}
	if (packet_tap)
		packet_tap(p, true);
	dev->stats.tx_packets++;
	dev->stats.tx_bytes += counted_len(dev, p);
	dev->ops->xmit(dev, p);
}

void netdev_xmit(struct pkt *p)
{
	struct list_head frames = LIST_INIT(frames);

	if (p->csum != CSUM_LATER || p->dev->offloads) {
		xmit(p);
		return;
	}
	pkt_to_frames(p, &frames);
	while ((p = list_pop(&frames, struct pkt, link)))
		xmit(p);
}

/* ---- loopback ---- */

static void loopback_xmit(struct netdev *dev, struct pkt *p)
{
	if (p->csum == CSUM_LOOK)
		p->csum = CSUM_FINE; /* it has been nowhere */
	backlog_add(dev, p);
}

static const struct netdev_ops loopback_ops = { .xmit = loopback_xmit, .free = netdev_kfree };

struct netdev *loopback_make(void)
{
	struct netdev *dev = netdev_alloc(sizeof(*dev), &loopback_ops);

	if (!dev)
		return NULL;
	strscpy(dev->name, "lo", sizeof(dev->name));
	dev->type = ARPHRD_LOOPBACK;
	dev->mtu = 65536;
	dev->offloads = true;
	dev->flags = IFF_LOOPBACK;
	memset(dev->mac, 0, ETH_ALEN);
	memset(dev->broadcast, 0, ETH_ALEN);
	return dev;
}

void backlog_init(void)
{
	for (int i = 0; i < MAX_CPUS; i++)
		list_init(&backlogs[i].queue);
}
