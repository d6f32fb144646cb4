/* SPDX-License-Identifier: MIT */
/*
 * Network devices: the list of each namespace, the loopback device, and the way of a packet between
 * a device and the protocols (netdev.h says in which context). net_lock guards the lists and what
 * netdev_change() changes; a CPU's backlog is its own, with interrupts off.
 */
#include "net/inet.h"

#include <linux/if_arp.h>
#include <linux/if_packet.h>

#define BACKLOG_MAX 1000 /* packets; what comes then is dropped, as by Linux's netdev_max_backlog */
#define MTU_MIN 68 /* RFC 791 */
#define MTU_MAX 65536

spinlock_t net_lock = SPINLOCK_INIT;
void (*packet_tap)(struct pkt *p, bool outgoing);
const struct net_notify *net_notify;

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

/* Looks at the device's header of p and gives the rest to its protocol. */
static void packet_in(struct pkt *p)
{
	const struct ethhdr *eth = (const struct ethhdr *)p->data;

	if (pkt_len(p) < ETH_HLEN || !(p->dev->flags & IFF_UP)) {
		pkt_free(p);
		return;
	}
	p->mac = p->data;
	p->protocol = eth->h_proto;
	if (p->dev->flags & IFF_LOOPBACK || !memcmp(eth->h_dest, p->dev->mac, ETH_ALEN))
		p->type = PACKET_HOST;
	else if (!memcmp(eth->h_dest, p->dev->broadcast, ETH_ALEN))
		p->type = PACKET_BROADCAST;
	else
		p->type = eth->h_dest[0] & 1 ? PACKET_MULTICAST : PACKET_OTHERHOST;
	p->net = p->data += ETH_HLEN;
	if (packet_tap)
		packet_tap(p, false);
	if (p->type == PACKET_OTHERHOST)
		pkt_free(p);
	else if (p->protocol == htons(ETH_P_IP))
		ip_input(p);
	else if (p->protocol == htons(ETH_P_ARP))
		arp_input(p);
	else
		pkt_free(p);
}

void net_run(void)
{
	struct backlog *b;

	irq_push();
	b = &backlogs[this_cpu()->id];
	if (!b->running) {
		b->running = true;
		b->runs++;
		while (!list_empty(&b->queue)) {
			struct pkt *p = list_first(&b->queue, struct pkt, link);

			list_del(&p->link);
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
	p->time_ns = clock_wall_ns();
	backlog_add(dev, p);
	net_run();
}

void netdev_xmit(struct pkt *p)
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

/* ---- loopback ---- */

static void loopback_xmit(struct netdev *dev, struct pkt *p)
{
	p->csum_ok = true; /* it has been nowhere */
	backlog_add(dev, p);
}

static void dev_kfree(struct netdev *dev)
{
	kfree(dev);
}

static const struct netdev_ops loopback_ops = { .xmit = loopback_xmit, .free = dev_kfree };

struct netdev *loopback_make(void)
{
	struct netdev *dev = kzalloc(sizeof(*dev));

	if (!dev)
		return NULL;
	ref_init(&dev->refs);
	strscpy(dev->name, "lo", sizeof(dev->name));
	dev->ops = &loopback_ops;
	dev->type = ARPHRD_LOOPBACK;
	dev->mtu = 65536;
	dev->flags = IFF_LOOPBACK;
	return dev;
}

/* ---- the list; net_lock held in those that return no reference ---- */

static struct netdev *find(struct net_ns *net, const char *name, int ifindex)
{
	struct netdev *dev;

	list_for_each(dev, &net->devs, link)
		if (name ? !strcmp(dev->name, name) : dev->ifindex == ifindex)
			return dev;
	return NULL;
}

static struct netdev *find_get(struct net_ns *net, const char *name, int ifindex)
{
	struct netdev *dev;

	spin_lock(&net_lock);
	dev = find(net, name, ifindex);
	if (dev)
		netdev_get(dev);
	spin_unlock(&net_lock);
	return dev;
}

struct netdev *netdev_by_name(struct net_ns *net, const char *name)
{
	return find_get(net, name, 0);
}

struct netdev *netdev_by_index(struct net_ns *net, int ifindex)
{
	return find_get(net, NULL, ifindex);
}

static void notify_link(struct netdev *dev, bool gone)
{
	route_generation++;
	if (net_notify)
		net_notify->link(dev, gone);
}

int netdev_register(struct net_ns *net, struct netdev *dev)
{
	char name[IFNAMSIZ];
	int err = 0;

	list_init(&dev->addrs);
	if (!dev->tx_queue_len)
		dev->tx_queue_len = 1000;
	strscpy(name, dev->name, sizeof(name));
	spin_lock(&net_lock);
	for (int n = 0; strchr(name, '%') && (n == 0 || find(net, dev->name, 0)); n++)
		snprintf(dev->name, sizeof(dev->name), "%.*s%d", (int)(strchr(name, '%') - name),
			 name, n);
	if (find(net, dev->name, 0)) {
		err = -EEXIST;
	} else {
		dev->ifindex = ++net->last_ifindex;
		dev->net = net;
		netdev_get(dev);
		list_add_tail(&dev->link, &net->devs);
		notify_link(dev, false);
	}
	spin_unlock(&net_lock);
	return err;
}

static void set_up(struct netdev *dev, bool up)
{
	if (up == !!(dev->flags & IFF_UP))
		return;
	if (up) {
		dev->flags |= IFF_UP | (dev->no_carrier ? 0 : IFF_RUNNING);
		if (dev->ops->open)
			dev->ops->open(dev);
		notify_link(dev, false); /* the addresses that it brings are told afterwards */
		addr_dev_up(dev);
	} else {
		addr_dev_down(dev);
		arp_flush(dev);
		if (dev->ops->stop)
			dev->ops->stop(dev);
		dev->flags &= ~(u32)(IFF_UP | IFF_RUNNING);
	}
}

void netdev_carrier(struct netdev *dev, bool on)
{
	spin_lock(&net_lock);
	dev->no_carrier = !on;
	if (dev->flags & IFF_UP) {
		dev->flags = on ? dev->flags | IFF_RUNNING : dev->flags & ~(u32)IFF_RUNNING;
		notify_link(dev, false);
	}
	spin_unlock(&net_lock);
}

void netdev_unregister(struct netdev *dev)
{
	spin_lock(&net_lock);
	set_up(dev, false);
	addr_flush(dev);
	list_del(&dev->link);
	notify_link(dev, true);
	dev->gone = true;
	spin_unlock(&net_lock);
	netdev_put(dev);
}

void netdev_put(struct netdev *dev)
{
	if (dev && ref_put(&dev->refs) && dev->ops->free)
		dev->ops->free(dev);
}

static bool name_valid(const char *name)
{
	if (!*name || strlen(name) >= IFNAMSIZ || !strcmp(name, ".") || !strcmp(name, ".."))
		return false;
	for (; *name; name++)
		if (*name == '/' || *name == ':' || *name == ' ' ||
		    (*name >= '\t' && *name <= '\r'))
			return false;
	return true;
}

static bool mac_valid(const u8 *mac)
{
	static const u8 none[ETH_ALEN];

	return !(mac[0] & 1) && memcmp(mac, none, ETH_ALEN) != 0;
}

int netdev_change(struct netdev *dev, const struct if_change *c)
{
	const u32 settable = IFF_UP | IFF_DEBUG | IFF_NOTRAILERS | IFF_NOARP | IFF_MULTICAST |
			     IFF_ALLMULTI | IFF_PROMISC | IFF_PORTSEL | IFF_AUTOMEDIA | IFF_DYNAMIC;
	u32 mask = c->flags_mask & settable;
	struct netdev *same;
	bool was_up;
	int err = 0;

	if ((c->what & IF_CHANGE_MTU) && (c->mtu < MTU_MIN || c->mtu > MTU_MAX))
		return -EINVAL;
	if ((c->what & IF_CHANGE_NAME) && !name_valid(c->name))
		return -EINVAL;
	if ((c->what & IF_CHANGE_MAC) && !mac_valid(c->mac))
		return -EADDRNOTAVAIL;
	spin_lock(&net_lock);
	same = c->what & IF_CHANGE_NAME ? find(dev->net, c->name, 0) : NULL;
	was_up = dev->flags & IFF_UP;
	if (dev->gone)
		err = -ENODEV;
	else if ((c->what & IF_CHANGE_NAME) && dev->flags & IFF_UP)
		err = -EBUSY;
	else if (same && same != dev)
		err = -EEXIST;
	if (!err) {
		if (c->what & IF_CHANGE_NAME)
			strscpy(dev->name, c->name, sizeof(dev->name));
		if (c->what & IF_CHANGE_MTU)
			dev->mtu = c->mtu;
		if (c->what & IF_CHANGE_MAC)
			memcpy(dev->mac, c->mac, ETH_ALEN);
		if (c->what & IF_CHANGE_FLAGS) {
			dev->flags = (dev->flags & ~(mask & ~(u32)IFF_UP)) |
				     (c->flags & mask & ~(u32)IFF_UP);
			if (mask & IFF_UP)
				set_up(dev, c->flags & IFF_UP);
		}
		if (was_up || !(dev->flags & IFF_UP)) /* else set_up() has */
			notify_link(dev, false);
	}
	spin_unlock(&net_lock);
	return err;
}

static int show_dev(struct strbuf *out, struct ns_common *ns)
{
	struct net_ns *net = container_of(ns, struct net_ns, ns);
	typedef unsigned long long ull;
	struct netdev *dev;

	sb_printf(out, "Inter-|   Receive                            "
		       "                    |  Transmit\n"
		       " face |bytes    packets errs drop fifo frame "
		       "compressed multicast|bytes    packets errs "
		       "drop fifo colls carrier compressed\n");
	spin_lock(&net_lock);
	list_for_each(dev, &net->devs, link)
		sb_printf(out,
			  "%6s: %7llu %7llu %4llu %4llu    0     0          0         0 "
			  "%8llu %7llu %4llu %4llu    0     0       0          0\n",
			  dev->name, (ull)dev->stats.rx_bytes, (ull)dev->stats.rx_packets,
			  (ull)dev->stats.rx_errors, (ull)dev->stats.rx_dropped,
			  (ull)dev->stats.tx_bytes, (ull)dev->stats.tx_packets,
			  (ull)dev->stats.tx_errors, (ull)dev->stats.tx_dropped);
	spin_unlock(&net_lock);
	return 0;
}

void netdev_init(void)
{
	for (int i = 0; i < MAX_CPUS; i++)
		list_init(&backlogs[i].queue);
	proc_net_add("dev", show_dev);
}
