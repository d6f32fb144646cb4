/* SPDX-License-Identifier: MIT */
/*
 * ARP (RFC 826): which hardware address an IP address of the same network has. An entry is asked for
 * three times, a second apart, with a few packets waiting; then they come back as unreachable. What
 * was learned holds for a minute, then it is asked for again at the next use, still being used.
 *
 * arp_lock guards the entries; it is inside net_lock and lets go before a packet is sent.
 */
#include "net/inet.h"

#include <linux/icmp.h>
#include <linux/if_arp.h>
#include <linux/rtnetlink.h>

#define ARP_TRIES 3
#define ARP_INTERVAL NSEC_PER_SEC
#define ARP_VALID (60 * NSEC_PER_SEC)
#define ARP_ENTRIES_MAX 512 /* over all devices: the least recently learned goes */
#define ARP_WAITING_MAX 3 /* packets */

struct arp_packet { /* of Ethernet and IPv4 */
	struct arphdr head;
	u8 sender_mac[ETH_ALEN];
	be32 sender;
	u8 target_mac[ETH_ALEN];
	be32 target;
} __packed;

struct arp_entry {
	struct list_head link; /* the one learned last first */
	struct netdev *dev; /* a reference */
	be32 addr;
	u8 mac[ETH_ALEN];
	bool known; /* mac is true, or was */
	u8 tries; /* requests since the last answer; 0: none is out */
	u8 nr_waiting;
	struct list_head waiting;
	u64 valid_until, ask_again;
};
static spinlock_t arp_lock = SPINLOCK_INIT;
static struct list_head entries = LIST_INIT(entries);
static unsigned int nr_entries;
static struct timer arp_timer; /* armed while a request is out */

/* The device's header in front of p. */
void dev_header(struct pkt *p, const u8 *to)
{
	struct ethhdr *eth = pkt_push(p, ETH_HLEN);

	memcpy(eth->h_dest, to, ETH_ALEN);
	memcpy(eth->h_source, p->dev->mac, ETH_ALEN);
	eth->h_proto = p->protocol;
}

static void arp_send(struct netdev *dev, u16 op, be32 from, be32 to, const u8 *mac)
{
	struct pkt *p = pkt_alloc(sizeof(struct arp_packet), NULL);
	struct arp_packet *a;

	if (!p)
		return;
	a = pkt_put(p, sizeof(*a));
	*a = (struct arp_packet){ .head = { .ar_hrd = htons(ARPHRD_ETHER),
					    .ar_pro = htons(ETH_P_IP),
					    .ar_hln = ETH_ALEN,
					    .ar_pln = 4,
					    .ar_op = htons(op) },
				  .sender = from,
				  .target = to };
	memcpy(a->sender_mac, dev->mac, ETH_ALEN);
	if (mac)
		memcpy(a->target_mac, mac, ETH_ALEN);
	netdev_get(dev);
	p->dev = dev;
	p->net = p->data;
	p->protocol = htons(ETH_P_ARP);
	dev_header(p, mac ? mac : dev->broadcast);
	netdev_xmit(p);
}

static void arp_ask(struct netdev *dev, be32 addr)
{
	struct dst dst;

	if (route_lookup(dev->net, addr, dev->ifindex, &dst))
		return;
	arp_send(dev, ARPOP_REQUEST, dst.saddr, addr, NULL);
	netdev_put(dst.dev);
}

static struct arp_entry *find(const struct netdev *dev, be32 addr)
{
	struct arp_entry *e;

	return list_find(e, &entries, link, e->dev == dev && e->addr == addr);
}

void arp_each(struct net_ns *net,
	      void (*fn)(void *arg, const struct netdev *dev, be32 addr, const u8 *mac, bool known),
	      void *arg)
{
	struct arp_entry *e;

	SPIN_GUARD(&arp_lock);
	list_for_each(e, &entries, link)
		if (e->dev->net == net)
			fn(arg, e->dev, e->addr, e->mac, e->known);
}

/* Takes e out; what waits for it goes to *lost. */
static void drop(struct arp_entry *e, struct list_head *lost)
{
	list_del(&e->link);
	nr_entries--;
	list_splice_tail(&e->waiting, lost);
	netdev_put(e->dev);
	kfree(e);
}

static struct arp_entry *find_or_make(struct netdev *dev, be32 addr, struct list_head *lost)
{
	struct arp_entry *e = find(dev, addr);

	if (e)
		return e;
	if (nr_entries >= ARP_ENTRIES_MAX)
		drop(list_last(&entries, struct arp_entry, link), lost);
	e = kzalloc(sizeof(*e));
	if (!e)
		return NULL;
	e->addr = addr;
	e->dev = dev;
	netdev_get(dev);
	list_init(&e->waiting);
	list_add(&e->link, &entries);
	nr_entries++;
	return e;
}

/* A request is out, or another one: the timer looks after it. */
static void note_request(struct arp_entry *e, u64 now)
{
	e->tries++;
	e->ask_again = now + ARP_INTERVAL;
	if (!arp_timer.armed)
		timer_start(&arp_timer, e->ask_again);
}

/* Sends p, without a device's header, to addr of p->dev's network. p goes. */
void arp_output(struct pkt *p, be32 addr)
{
	struct netdev *dev = p->dev;
	struct list_head lost = LIST_INIT(lost);
	u64 now = clock_ns();
	struct arp_entry *e;
	bool ask = false;
	u8 mac[ETH_ALEN];

	netdev_get(dev);
	spin_lock(&arp_lock);
	e = find_or_make(dev, addr, &lost);
	if (e && e->valid_until <= now && !e->tries) {
		note_request(e, now);
		ask = true;
	}
	if (e && e->known) {
		memcpy(mac, e->mac, sizeof(mac));
	} else if (e && e->nr_waiting < ARP_WAITING_MAX) {
		list_add_tail(&p->link, &e->waiting);
		e->nr_waiting++;
		p = NULL;
	}
	if (!e || !e->known) {
		pkt_free(p);
		p = NULL;
	}
	spin_unlock(&arp_lock);
	pkt_queue_free(&lost);
	if (p) {
		dev_header(p, mac);
		netdev_xmit(p);
	}
	if (ask)
		arp_ask(dev, addr);
	netdev_put(dev);
}

/* Asks again, or gives up. One request a run is enough to be sent without the lock. */
static void arp_tick(struct timer *t)
{
	struct list_head lost = LIST_INIT(lost);
	struct arp_entry *e, *tmp;
	struct netdev *dev = NULL;
	struct pkt *p;
	u64 now = clock_ns(), next = ~0UL;
	be32 addr = 0;

	spin_lock(&arp_lock);
	list_for_each_safe(e, tmp, &entries, link) {
		if (!e->tries)
			continue;
		if (e->ask_again <= now && e->tries >= ARP_TRIES) {
			drop(e, &lost);
			continue;
		}
		if (e->ask_again <= now && !dev) {
			dev = e->dev;
			netdev_get(dev);
			addr = e->addr;
			e->tries++;
			e->ask_again = now + ARP_INTERVAL;
		}
		next = min(next, max(e->ask_again, now + NSEC_PER_MSEC));
	}
	if (next != ~0UL)
		timer_start(&arp_timer, next);
	spin_unlock(&arp_lock);
	if (dev)
		arp_ask(dev, addr);
	netdev_put(dev);
	while ((p = list_pop(&lost, struct pkt, link))) {
		icmp_send(p, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0);
		pkt_free(p);
	}
	net_run();
}

/* Who spoke is learned when it is known already, or when it spoke to us. */
static void learn(struct netdev *dev, const struct arp_packet *a, bool for_us)
{
	struct list_head ready = LIST_INIT(ready), lost = LIST_INIT(lost);
	struct arp_entry *e;
	struct pkt *p;

	spin_lock(&arp_lock);
	e = for_us ? find_or_make(dev, a->sender, &lost) : find(dev, a->sender);
	if (e) {
		memcpy(e->mac, a->sender_mac, ETH_ALEN);
		e->known = true;
		e->tries = 0;
		e->nr_waiting = 0;
		e->valid_until = clock_ns() + ARP_VALID;
		list_del(&e->link);
		list_add(&e->link, &entries);
		list_splice_tail(&e->waiting, &ready);
	}
	spin_unlock(&arp_lock);
	pkt_queue_free(&lost);
	while ((p = list_pop(&ready, struct pkt, link))) {
		dev_header(p, a->sender_mac);
		netdev_xmit(p);
	}
}

void arp_input(struct pkt *p)
{
	const struct arp_packet *a = (const struct arp_packet *)p->data;
	struct netdev *dev = p->dev;

	if (pkt_len(p) >= sizeof(*a) && !(dev->flags & (IFF_NOARP | IFF_LOOPBACK)) &&
	    a->head.ar_hrd == htons(ARPHRD_ETHER) && a->head.ar_pro == htons(ETH_P_IP) &&
	    a->head.ar_hln == ETH_ALEN && a->head.ar_pln == 4 && !is_multicast(a->sender) &&
	    !is_loopback(a->target)) {
		bool for_us = addr_type(dev->net, a->target) == RTN_LOCAL;

		if (a->sender)
			learn(dev, a, for_us);
		if (for_us && a->head.ar_op == htons(ARPOP_REQUEST))
			arp_send(dev, ARPOP_REPLY, a->target, a->sender, a->sender_mac);
	}
	pkt_free(p);
}

void arp_flush(struct netdev *dev)
{
	struct list_head lost = LIST_INIT(lost);
	struct arp_entry *e, *tmp;

	spin_lock(&arp_lock);
	list_for_each_safe(e, tmp, &entries, link)
		if (e->dev == dev)
			drop(e, &lost);
	spin_unlock(&arp_lock);
	pkt_queue_free(&lost);
}

static int show_arp(struct strbuf *out, struct ns_common *ns)
{
	struct arp_entry *e;

	sb_printf(out, "IP address       HW type     Flags       HW address            Mask     "
		       "Device\n");
	spin_lock(&arp_lock);
	list_for_each(e, &entries, link) {
		const u8 *b = (const u8 *)&e->addr, *m = e->mac;
		char text[16];

		if (&e->dev->net->ns != ns)
			continue;
		snprintf(text, sizeof(text), "%u.%u.%u.%u", b[0], b[1], b[2], b[3]);
		sb_printf(out,
			  "%-16s 0x%-10x0x%-10x%02x:%02x:%02x:%02x:%02x:%02x     *        %s\n",
			  text, e->dev->type, e->known ? ATF_COM : 0, m[0], m[1], m[2], m[3], m[4],
			  m[5], e->dev->name);
	}
	spin_unlock(&arp_lock);
	return 0;
}

void arp_init(void)
{
	timer_init(&arp_timer, arp_tick);
	proc_net_add("arp", show_arp);
}
