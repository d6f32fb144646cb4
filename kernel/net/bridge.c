/* SPDX-License-Identifier: MIT */
/*
 * bridge(8): a switch whose ports are other devices. It learns by which port a station speaks, sends
 * what is for that station there, and everything else to all ports but the one it came by. It is a
 * device of this machine as well: what is for its own address goes up, what is sent by it goes to the
 * ports. There is no spanning tree: who builds a ring gets a storm, as on Linux without one.
 *
 * net_lock guards which devices are ports; the bridge's lock, inside, its list of them and what was
 * learned. A packet that comes by holds only the latter. A port is held by a reference.
 */
#include "net/inet.h"

#define FDB_BUCKETS 64
#define FDB_MAX 1024U /* stations; packets for more go to all ports */
#define FDB_AGE (300 * NSEC_PER_SEC) /* IEEE 802.1D-2004, 7.9.2 */
#define PORTS_MAX 1023U

struct fdb_entry {
	struct list_head link;
	u8 mac[ETH_ALEN];
	struct netdev *port; /* one of the bridge's: no reference */
	u64 expires;
};
struct bridge {
	struct netdev dev;
	spinlock_t lock;
	struct list_head ports; /* by netdev.port_link */
	unsigned int nr_ports, nr_fdb;
	struct list_head fdb[FDB_BUCKETS];
};

static struct bridge *to_bridge(struct netdev *dev)
{
	return container_of(dev, struct bridge, dev);
}

static bool forwards(const struct netdev *port)
{
	return port->flags & IFF_UP && !port->no_carrier;
}

/* ---- who is where; br->lock held ---- */

static void fdb_drop(struct bridge *br, struct fdb_entry *e)
{
	list_del(&e->link);
	br->nr_fdb--;
	kfree(e);
}

static struct fdb_entry *fdb_find(struct bridge *br, const u8 *mac)
{
	struct fdb_entry *e, *tmp;
	u64 now = clock_ns();

	list_for_each_safe(e, tmp, &br->fdb[(mac[4] ^ mac[5]) % FDB_BUCKETS], link) {
		if (e->expires <= now)
			fdb_drop(br, e);
		else if (!memcmp(e->mac, mac, ETH_ALEN))
			return e;
	}
	return NULL;
}

static void fdb_learn(struct bridge *br, const u8 *mac, struct netdev *port)
{
	struct fdb_entry *e = fdb_find(br, mac);

	if (!e) {
		e = br->nr_fdb < FDB_MAX ? kmalloc(sizeof(*e)) : NULL;
		if (!e)
			return;
		memcpy(e->mac, mac, ETH_ALEN);
		list_add(&e->link, &br->fdb[(mac[4] ^ mac[5]) % FDB_BUCKETS]);
		br->nr_fdb++;
	}
	e->port = port;
	e->expires = clock_ns() + FDB_AGE;
}

/* All that was learned of port; NULL: of all. */
static void fdb_flush(struct bridge *br, const struct netdev *port)
{
	struct fdb_entry *e, *tmp;

	for (int i = 0; i < FDB_BUCKETS; i++)
		list_for_each_safe(e, tmp, &br->fdb[i], link)
			if (!port || e->port == port)
				fdb_drop(br, e);
}

void bridge_fdb_each(struct netdev *dev, bridge_fdb_fn fn, void *arg)
{
	struct bridge *br = to_bridge(dev);
	const struct fdb_entry *e;
	struct netdev *port;

	SPIN_GUARD(&br->lock);
	list_for_each(port, &br->ports, port_link)
		fn(arg, port, port->mac, true);
	for (int i = 0; i < FDB_BUCKETS; i++)
		list_for_each(e, &br->fdb[i], link)
			if (e->expires > clock_ns())
				fn(arg, e->port, e->mac, false);
}

/* ---- packets; br->lock held, p->data at the device's header ---- */

static void send_by(struct netdev *port, struct pkt *p)
{
	if (!p)
		return;
	if (!forwards(port) || pkt_frame_len(p) > port->mtu + ETH_HLEN) {
		pkt_free(p);
		return;
	}
	netdev_get(port);
	netdev_put(p->dev);
	p->dev = port;
	netdev_xmit(p);
}

static void flood(struct bridge *br, const struct pkt *p, const struct netdev *but)
{
	struct netdev *port;

	list_for_each(port, &br->ports, port_link)
		if (port != but && forwards(port))
			send_by(port, pkt_clone(p));
}

/* To where mac is, or may be. p stays the caller's. */
static void forward(struct bridge *br, const struct pkt *p, const u8 *mac, const struct netdev *but)
{
	struct fdb_entry *e = mac[0] & 1 ? NULL : fdb_find(br, mac);

	if (!e)
		flood(br, p, but);
	else if (e->port != but)
		send_by(e->port, pkt_clone(p));
}

static void bridge_xmit(struct netdev *dev, struct pkt *p)
{
	struct bridge *br = to_bridge(dev);

	spin_lock(&br->lock);
	forward(br, p, ((const struct ethhdr *)p->data)->h_dest, NULL);
	spin_unlock(&br->lock);
	pkt_free(p);
}

/* 01-80-C2-00-00-0X stays on its cable (IEEE 802.1D-2004, 7.12.6). */
static bool is_link_local(const u8 *mac)
{
	static const u8 group[] = { 0x01, 0x80, 0xc2, 0, 0 };

	return !memcmp(mac, group, sizeof(group)) && mac[5] && mac[5] < 16;
}

/* Is mac the bridge's, or that of one of its ports and nobody else's? br->lock held. */
static bool is_own(struct bridge *br, const u8 *mac)
{
	struct netdev *port;

	if (!memcmp(mac, br->dev.mac, ETH_ALEN))
		return true;
	if (mac[0] & 1 || fdb_find(br, mac))
		return false;
	return list_find(port, &br->ports, port_link, !memcmp(mac, port->mac, ETH_ALEN));
}

static void bridge_port_rx(struct netdev *dev, struct pkt *p)
{
	const struct ethhdr *eth = (const struct ethhdr *)p->mac;
	struct bridge *br = to_bridge(dev);
	bool own = false;

	if (!(dev->flags & IFF_UP) || !mac_is_station(eth->h_source) ||
	    is_link_local(eth->h_dest)) {
		pkt_free(p);
		return;
	}
	p->data = p->mac;
	spin_lock(&br->lock);
	if (p->dev->master == dev) { /* else it was, until a moment ago */
		fdb_learn(br, eth->h_source, p->dev);
		own = is_own(br, eth->h_dest);
		if (!own)
			forward(br, p, eth->h_dest, p->dev);
	}
	spin_unlock(&br->lock);
	p->data = p->net;
	if (own || eth->h_dest[0] & 1)
		netdev_deliver(dev, p);
	else
		pkt_free(p);
}

/* ---- ports; net_lock held ---- */

/* The cable is in while that of one port is, and until there is a first port. */
static void set_carrier(struct netdev *dev)
{
	struct netdev *port;
	bool carrier = false;

	list_for_each(port, &to_bridge(dev)->ports, port_link)
		carrier |= forwards(port);
	netdev_set_carrier(dev, carrier);
}

static void bridge_open(struct netdev *dev)
{
	if (!list_empty(&to_bridge(dev)->ports))
		set_carrier(dev);
}

/* Unless a program chose the address, it is the lowest of the ports'. */
static void ports_changed(struct netdev *dev)
{
	struct netdev *port;
	u8 lowest[ETH_ALEN] = { 0 };

	list_for_each(port, &to_bridge(dev)->ports, port_link)
		if (!mac_is_station(lowest) || memcmp(port->mac, lowest, ETH_ALEN) < 0)
			memcpy(lowest, port->mac, ETH_ALEN);
	if (!dev->mac_set)
		memcpy(dev->mac, lowest, ETH_ALEN);
	set_carrier(dev);
}

static int bridge_add_port(struct netdev *dev, struct netdev *port)
{
	struct bridge *br = to_bridge(dev);

	if (br->nr_ports >= PORTS_MAX)
		return -EXFULL;
	netdev_get(port);
	netdev_point(&port->master, dev);
	spin_lock(&br->lock);
	list_add_tail(&port->port_link, &br->ports);
	br->nr_ports++;
	spin_unlock(&br->lock);
	ports_changed(dev);
	return 0;
}

static void bridge_del_port(struct netdev *dev, struct netdev *port)
{
	struct bridge *br = to_bridge(dev);

	netdev_get(dev);
	spin_lock(&br->lock);
	list_del(&port->port_link);
	br->nr_ports--;
	fdb_flush(br, port);
	netdev_point(&port->master, NULL);
	spin_unlock(&br->lock);
	netdev_put(port);
	ports_changed(dev);
	netdev_put(dev);
}

static void bridge_gone(struct netdev *dev)
{
	struct bridge *br = to_bridge(dev);

	while (!list_empty(&br->ports)) {
		struct netdev *port = list_first(&br->ports, struct netdev, port_link);

		bridge_del_port(dev, port);
		netdev_news(port);
	}
	SPIN_GUARD(&br->lock);
	fdb_flush(br, NULL);
}

static const struct netdev_ops bridge_ops = {
	.kind = "bridge",
	.xmit = bridge_xmit,
	.open = bridge_open,
	.gone = bridge_gone,
	.free = netdev_kfree,
	.add_port = bridge_add_port,
	.del_port = bridge_del_port,
	.port_changed = ports_changed,
	.port_rx = bridge_port_rx,
};

struct netdev *bridge_make(void)
{
	struct netdev *dev = netdev_alloc(sizeof(struct bridge), &bridge_ops);
	struct bridge *br = dev ? to_bridge(dev) : NULL;

	if (!dev)
		return NULL;
	dev->offloads = true; /* a port that is a wire gets its frames from netdev_xmit() */
	spin_init(&br->lock);
	list_init(&br->ports);
	for (int i = 0; i < FDB_BUCKETS; i++)
		list_init(&br->fdb[i]);
	return dev;
}
