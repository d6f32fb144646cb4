/* SPDX-License-Identifier: MIT */
/*
 * Network devices as objects: the list of each namespace, their birth, changes and end. What goes through
 * them is backlog.c's. net_lock guards the lists and what netdev_change() changes.
 */
#include "net/inet.h"

#include <linux/if_arp.h>

#define MTU_MIN 68 /* RFC 791 */
#define MTU_MAX 65535

spinlock_t net_lock = SPINLOCK_INIT;
const struct net_notify *net_notify;

/* ---- devices as objects ---- */

static spinlock_t follow_lock = SPINLOCK_INIT; /* peer and master of all; nothing is inside */

struct netdev *netdev_follow(struct netdev *const *at)
{
	if (!READ_ONCE(*at))
		return NULL;
	SPIN_GUARD(&follow_lock);
	if (*at)
		netdev_get(*at);
	return *at;
}

void netdev_point(struct netdev **at, struct netdev *to)
{
	struct netdev *before;

	if (to)
		netdev_get(to);
	spin_lock(&follow_lock);
	before = *at;
	*at = to;
	spin_unlock(&follow_lock);
	netdev_put(before);
}

struct netdev *netdev_alloc(size_t size, const struct netdev_ops *ops)
{
	struct netdev *dev = kzalloc(size);

	if (!dev)
		return NULL;
	ref_init(&dev->refs);
	dev->ops = ops;
	dev->type = ARPHRD_ETHER;
	dev->mtu = ETH_DATA_LEN;
	dev->flags = IFF_BROADCAST | IFF_MULTICAST;
	random_bytes(dev->mac, ETH_ALEN);
	dev->mac[0] = (dev->mac[0] & 0xfc) | 2; /* of one station, given locally */
	memset(dev->broadcast, 0xff, ETH_ALEN);
	return dev;
}

/* ---- the list; net_lock held in those that return no reference ---- */

static struct netdev *find(struct net_ns *net, const char *name, int ifindex)
{
	struct netdev *dev;

	return list_find(dev, &net->devs, link,
			 name ? !strcmp(dev->name, name) : dev->ifindex == ifindex);
}

static struct netdev *find_get(struct net_ns *net, const char *name, int ifindex)
{
	struct netdev *dev;

	SPIN_GUARD(&net_lock);
	dev = find(net, name, ifindex);
	if (dev)
		netdev_get(dev);
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

struct netdev *netdev_first(struct net_ns *net)
{
	struct netdev *dev;

	SPIN_GUARD(&net_lock);
	dev = list_find(dev, &net->devs, link, true);
	if (dev)
		netdev_get(dev);
	return dev;
}

void netdev_news(struct netdev *dev)
{
	if (!dev->ifindex)
		return; /* it is not there yet */
	route_generation++;
	if (net_notify)
		net_notify->link(dev, dev->gone);
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

/* Calls it as pattern says, in net: 0 or -EEXIST. */
static int set_name(struct net_ns *net, struct netdev *dev, const char *pattern)
{
	const char *percent = strchr(pattern, '%');
	char name[IFNAMSIZ];
	int n = 0;

	strscpy(name, pattern, sizeof(name));
	while (percent && (!n || find(net, name, 0)))
		snprintf(name, sizeof(name), "%.*s%d", (int)(percent - pattern), pattern, n++);
	if (find(net, name, 0))
		return -EEXIST;
	strscpy(dev->name, name, sizeof(dev->name));
	return 0;
}

/* Into the list of its namespace, by number. */
static void enlist(struct netdev *dev)
{
	struct list_head *devs = &dev->net->devs, *at = devs->prev;

	while (!dev->ifindex || find(dev->net, NULL, dev->ifindex))
		dev->ifindex = ++dev->net->last_ifindex;
	while (at != devs && container_of(at, struct netdev, link)->ifindex > dev->ifindex)
		at = at->prev;
	list_add(&dev->link, at);
	netdev_news(dev);
}

int netdev_register(struct net_ns *net, struct netdev *dev)
{
	char pattern[IFNAMSIZ];
	int err;

	list_init(&dev->addrs);
	if (!dev->tx_queue_len)
		dev->tx_queue_len = 1000;
	strscpy(pattern, dev->name, sizeof(pattern));
	SPIN_GUARD(&net_lock);
	err = name_valid(pattern) ? set_name(net, dev, pattern) : -EINVAL;
	if (err)
		return err;
	if (dev->ifindex && find(net, NULL, dev->ifindex))
		return -EBUSY;
	dev->net = net;
	netdev_get(dev);
	enlist(dev);
	return 0;
}

/* Its master, if it has one, sees that it has changed. */
static void tell_master(struct netdev *dev)
{
	if (dev->master)
		dev->master->ops->port_changed(dev->master);
}

static void set_up(struct netdev *dev, bool up)
{
	if (up == !!(dev->flags & IFF_UP))
		return;
	if (up) {
		dev->flags |= IFF_UP | (dev->no_carrier ? 0 : IFF_RUNNING);
		if (dev->ops->open)
			dev->ops->open(dev);
		netdev_news(dev); /* the addresses that it brings are told afterwards */
		addr_dev_up(dev);
	} else {
		addr_dev_down(dev);
		arp_flush(dev);
		dev->flags &= ~(u32)(IFF_UP | IFF_RUNNING);
		if (dev->ops->stop)
			dev->ops->stop(dev);
	}
	tell_master(dev);
}

void netdev_set_carrier(struct netdev *dev, bool on)
{
	if (dev->no_carrier == !on)
		return;
	dev->no_carrier = !on;
	if (!(dev->flags & IFF_UP))
		return;
	dev->flags = on ? dev->flags | IFF_RUNNING : dev->flags & ~(u32)IFF_RUNNING;
	netdev_news(dev);
	tell_master(dev);
}

void netdev_carrier(struct netdev *dev, bool on)
{
	SPIN_GUARD(&net_lock);
	netdev_set_carrier(dev, on);
}

int netdev_set_master(struct netdev *dev, struct netdev *master)
{
	int err = 0;

	SPIN_GUARD(&net_lock);
	if (dev->gone || (master && (master->gone || master->net != dev->net)))
		return -ENODEV;
	if (master && !master->ops->add_port)
		return -EOPNOTSUPP;
	if (master && dev->ops->add_port)
		return -ELOOP;
	if (master && dev->type != ARPHRD_ETHER)
		return -EINVAL;
	if (dev->master)
		dev->master->ops->del_port(dev->master, dev);
	if (master)
		err = master->ops->add_port(master, dev);
	if (!err)
		netdev_news(dev);
	return err;
}

/* Out of the list of its namespace. */
static void delist(struct netdev *dev)
{
	if (dev->master)
		dev->master->ops->del_port(dev->master, dev);
	set_up(dev, false);
	addr_flush(dev);
	list_del(&dev->link);
	dev->gone = true;
	netdev_news(dev);
}

void netdev_remove(struct netdev *dev)
{
	delist(dev);
	if (dev->ops->gone)
		dev->ops->gone(dev);
	netdev_put(dev);
}

void netdev_unregister(struct netdev *dev)
{
	SPIN_GUARD(&net_lock);
	if (!dev->gone)
		netdev_remove(dev);
}

int netdev_move(struct netdev *dev, struct net_ns *net, const char *name)
{
	char pattern[IFNAMSIZ];

	SPIN_GUARD(&net_lock);
	strscpy(pattern, name ? name : dev->name, sizeof(pattern));
	if (dev->gone)
		return -ENODEV;
	if (!name_valid(pattern) || dev->flags & IFF_LOOPBACK || dev->ops->add_port)
		return -EINVAL;
	if (dev->net == net)
		return 0;
	if (!strchr(pattern, '%') && find(net, pattern, 0))
		return -EEXIST;
	delist(dev);
	set_name(net, dev, pattern);
	dev->gone = false;
	WRITE_ONCE(dev->net, net);
	enlist(dev);
	return 0;
}

void netdev_kfree(struct netdev *dev)
{
	kfree(dev);
}

void netdev_put(struct netdev *dev)
{
	if (dev && ref_put(&dev->refs) && dev->ops->free)
		dev->ops->free(dev);
}

int netdev_change(struct netdev *dev, const struct if_change *c)
{
	const u32 settable = IFF_UP | IFF_DEBUG | IFF_NOTRAILERS | IFF_NOARP | IFF_MULTICAST |
			     IFF_ALLMULTI | IFF_PROMISC | IFF_PORTSEL | IFF_AUTOMEDIA | IFF_DYNAMIC;
	u32 mask = c->flags_mask & settable, quiet = mask & ~(u32)IFF_UP;
	bool rename = c->what & IF_CHANGE_NAME, was_up;
	struct netdev *same;

	if ((c->what & IF_CHANGE_MTU) && !(dev->flags & IFF_LOOPBACK) &&
	    (c->mtu < MTU_MIN || c->mtu > MTU_MAX))
		return -EINVAL;
	if (rename && !name_valid(c->name))
		return -EINVAL;
	if ((c->what & IF_CHANGE_MAC) && !mac_is_station(c->mac))
		return -EADDRNOTAVAIL;
	SPIN_GUARD(&net_lock);
	same = rename ? find(dev->net, c->name, 0) : NULL;
	was_up = dev->flags & IFF_UP;
	if (dev->gone)
		return -ENODEV;
	if (rename && was_up)
		return -EBUSY;
	if (same && same != dev)
		return -EEXIST;
	if (rename)
		strscpy(dev->name, c->name, sizeof(dev->name));
	if (c->what & IF_CHANGE_MTU)
		dev->mtu = c->mtu;
	if (c->what & IF_CHANGE_MAC) {
		memcpy(dev->mac, c->mac, ETH_ALEN);
		dev->mac_set = true;
		tell_master(dev);
	}
	if (c->what & IF_CHANGE_FLAGS) {
		dev->flags = (dev->flags & ~quiet) | (c->flags & quiet);
		if (mask & IFF_UP)
			set_up(dev, c->flags & IFF_UP);
	}
	if (was_up || !(dev->flags & IFF_UP)) /* else set_up() has */
		netdev_news(dev);
	return 0;
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
	SPIN_GUARD(&net_lock);
	list_for_each(dev, &net->devs, link)
		sb_printf(out,
			  "%6s: %7llu %7llu %4llu %4llu    0     0          0         0 "
			  "%8llu %7llu %4llu %4llu    0     0       0          0\n",
			  dev->name, (ull)dev->stats.rx_bytes, (ull)dev->stats.rx_packets,
			  (ull)dev->stats.rx_errors, (ull)dev->stats.rx_dropped,
			  (ull)dev->stats.tx_bytes, (ull)dev->stats.tx_packets,
			  (ull)dev->stats.tx_errors, (ull)dev->stats.tx_dropped);
	return 0;
}

void netdev_init(void)
{
	backlog_init();
	proc_net_add("dev", show_dev);
}
