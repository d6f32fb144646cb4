/* SPDX-License-Identifier: MIT */
/*
 * Addresses of devices, and routes: one list a namespace, the local table before the main one, in it
 * longer prefixes and then lower metrics first, so that the first match is the answer. An address
 * brings the routes that make it ours and its network reachable (as Linux's fib_add_ifaddr()).
 *
 * net_lock guards all. route_generation counts every change: a socket that remembers where its
 * packets go (struct dst) asks again when the count has moved on.
 */
#include "net/inet.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#define IP_MTU_MIN 68U /* RFC 791: every header and eight bytes pass in one piece */

u32 route_generation;

static bool route_matches(const struct route *r, be32 addr)
{
	return !((r->dst ^ addr) & prefix_mask(r->prefix));
}

/* ---- the list; net_lock held ---- */

static bool stands_before(const struct route *a, const struct route *b)
{
	if (a->table != b->table)
		return a->table == RT_TABLE_LOCAL;
	if (a->prefix != b->prefix)
		return a->prefix > b->prefix;
	return a->metric < b->metric;
}

static bool same_key(const struct route *a, const struct route *b)
{
	return a->table == b->table && a->dst == b->dst && a->prefix == b->prefix &&
	       a->metric == b->metric && a->tos == b->tos;
}

static bool same_way(const struct route *a, const struct route *b)
{
	return a->dev == b->dev && a->gateway == b->gateway && a->type == b->type &&
	       a->scope == b->scope && a->protocol == b->protocol && a->prefsrc == b->prefsrc &&
	       a->mtu == b->mtu;
}

static void notify_route(struct net_ns *net, const struct route *r, bool gone)
{
	route_generation++;
	if (net_notify)
		net_notify->route(net, r, gone);
}

static void route_remove(struct net_ns *net, struct route *r)
{
	list_del(&r->link);
	net->nr_routes--;
	notify_route(net, r, true);
	netdev_put(r->dev);
	kfree(r);
}

/* Puts a copy of r where it belongs. -EEXIST, -ENOSPC, -ENOMEM */
static int route_insert(struct net_ns *net, const struct route *r, int how)
{
	struct list_head *before = NULL;
	struct route *at, *new, *old = NULL;

	list_for_each(at, &net->routes, link) {
		if (!before && stands_before(r, at))
			before = &at->link;
		if (!same_key(at, r))
			continue;
		if (how & NLM_F_EXCL)
			return -EEXIST;
		if (same_way(at, r))
			return how & NLM_F_REPLACE ? 0 : -EEXIST;
		if (how & NLM_F_REPLACE && !old)
			old = at;
		if (!(how & NLM_F_APPEND) && !before)
			before = &at->link;
	}
	if (net->nr_routes >= ROUTES_MAX)
		return -ENOSPC;
	new = kmemdup(r, sizeof(*r));
	if (!new)
		return -ENOMEM;
	if (new->dev)
		netdev_get(new->dev);
	list_add_tail(&new->link, before ? before : &net->routes);
	net->nr_routes++;
	if (old)
		route_remove(net, old);
	notify_route(net, new, false);
	return 0;
}

void route_flush(struct net_ns *net, struct netdev *dev)
{
	struct route *r, *tmp;

	list_for_each_safe(r, tmp, &net->routes, link)
		if (!dev || r->dev == dev)
			route_remove(net, r);
}

static const struct route *route_find(struct net_ns *net, be32 daddr, int oif)
{
	const struct route *r;

	return list_find(r, &net->routes, link,
			 route_matches(r, daddr) && (!oif || r->type == RTN_LOCAL || !r->dev ||
						     r->dev->ifindex == oif));
}

/* The address of dev to speak to `to` from: one of the same network, or the first for others' eyes. */
static be32 select_addr(const struct netdev *dev, be32 to)
{
	const struct if_addr *a;
	be32 first = 0;

	list_for_each(a, &dev->addrs, link) {
		if (!((a->addr ^ to) & prefix_mask(a->prefix)))
			return a->addr;
		if (!first && a->scope < RT_SCOPE_HOST)
			first = a->addr;
	}
	return first;
}

/* ---- lookups ---- */

static int type_error(u8 type)
{
	switch (type) {
	case RTN_UNREACHABLE:
		return -EHOSTUNREACH;
	case RTN_PROHIBIT:
		return -EACCES;
	case RTN_BLACKHOLE:
		return -EINVAL;
	}
	return 0;
}

int route_lookup(struct net_ns *net, be32 daddr, int oif, struct dst *dst)
{
	const struct route *r;
	struct netdev *dev;

	SPIN_GUARD(&net_lock);
	r = route_find(net, daddr, oif);
	dst->generation = route_generation;
	dst->type = r ? r->type : RTN_UNICAST;
	dst->next_hop = r && r->gateway ? r->gateway : daddr;
	if (r && r->type == RTN_LOCAL)
		dev = net->lo; /* whatever device has the address, the way to it is short */
	else if (r)
		dev = r->dev;
	else /* a socket bound to a device reaches everything there: that is how DHCP begins */
		dev = list_find(dev, &net->devs, link, dev->ifindex == oif && dev->flags & IFF_UP);
	if (r && type_error(r->type))
		return type_error(r->type);
	if (!dev)
		return -ENETUNREACH;
	if (daddr == htonl(INADDR_BROADCAST))
		dst->type = RTN_BROADCAST;
	else if (is_multicast(daddr))
		dst->type = RTN_MULTICAST;
	dst->saddr = r && r->prefsrc ? r->prefsrc : select_addr(dev, dst->next_hop);
	dst->mtu = min(max(r && r->mtu ? r->mtu : dev->mtu, IP_MTU_MIN), 65535U);
	netdev_get(dev);
	dst->dev = dev;
	return 0;
}

u8 addr_type(struct net_ns *net, be32 addr)
{
	const struct route *r;

	if (!addr || addr == htonl(INADDR_BROADCAST))
		return RTN_BROADCAST;
	if (is_multicast(addr))
		return RTN_MULTICAST;
	SPIN_GUARD(&net_lock);
	r = list_find(r, &net->routes, link, r->table != RT_TABLE_LOCAL || route_matches(r, addr));
	return r && r->table == RT_TABLE_LOCAL ? r->type : RTN_UNICAST;
}

/* ---- changes from outside ---- */

/* Finds the device that leads to r's gateway, or sees that r->dev does. net_lock held. */
static int check_gateway(struct net_ns *net, struct route *r)
{
	const struct route *way = route_find(net, r->gateway, r->dev ? r->dev->ifindex : 0);

	if (r->scope >= RT_SCOPE_LINK)
		return -EINVAL;
	if (!way)
		return -ENETUNREACH;
	if (way->type != RTN_UNICAST && way->type != RTN_LOCAL)
		return -EINVAL;
	if (way->gateway && way->scope != RT_SCOPE_LINK)
		return -ENETUNREACH;
	r->dev = way->dev;
	return 0;
}

int route_add(struct net_ns *net, const struct route *given, int how)
{
	struct route r = *given;
	int err = 0;

	if (r.prefix > 32 || r.dst & ~prefix_mask(r.prefix))
		return -EINVAL;
	if (r.prefsrc && (r.type != RTN_LOCAL || r.dst != r.prefsrc) &&
	    addr_type(net, r.prefsrc) != RTN_LOCAL)
		return -EINVAL;
	SPIN_GUARD(&net_lock);
	if (r.type == RTN_UNICAST || r.type == RTN_LOCAL || r.type == RTN_BROADCAST) {
		if (r.gateway)
			err = check_gateway(net, &r);
		if (!err && (!r.dev || r.dev->gone))
			err = -ENODEV;
		if (!err && !(r.dev->flags & IFF_UP))
			err = -ENETDOWN;
	} else {
		r.dev = NULL;
		err = type_error(r.type) ? 0 : -EINVAL;
	}
	return err ?: route_insert(net, &r, how);
}

int route_del(struct net_ns *net, const struct route *w)
{
	struct route *r;

	SPIN_GUARD(&net_lock);
	r = list_find(
		r, &net->routes, link,
		r->dst == w->dst && r->prefix == w->prefix && r->table == w->table &&
			(!w->gateway || r->gateway == w->gateway) &&
			(!w->dev || r->dev == w->dev) && (!w->metric || r->metric == w->metric) &&
			(!w->type || r->type == w->type) &&
			(!w->protocol || r->protocol == w->protocol) &&
			(!w->tos || r->tos == w->tos) && (!w->prefsrc || r->prefsrc == w->prefsrc));
	if (!r)
		return -ESRCH;
	route_remove(net, r);
	return 0;
}

/* ---- addresses; net_lock held in those that are called by netdev.c ---- */

static void addr_route(struct netdev *dev, const struct if_addr *a, u8 type, be32 dst, u8 prefix)
{
	struct route r = { .dst = dst,
			   .prefix = prefix,
			   .type = type,
			   .prefsrc = a->addr,
			   .scope = type == RTN_LOCAL ? RT_SCOPE_HOST : RT_SCOPE_LINK,
			   .protocol = RTPROT_KERNEL,
			   .table = type == RTN_UNICAST ? RT_TABLE_MAIN : RT_TABLE_LOCAL,
			   .dev = dev };

	route_insert(dev->net, &r, NLM_F_APPEND);
}

static void addr_routes(struct netdev *dev, const struct if_addr *a)
{
	be32 mask = prefix_mask(a->prefix), net = a->addr & mask;

	addr_route(dev, a, RTN_LOCAL, a->addr, 32);
	if (!(dev->flags & IFF_UP) || a->secondary)
		return;
	if (a->broadcast && a->broadcast != htonl(INADDR_BROADCAST))
		addr_route(dev, a, RTN_BROADCAST, a->broadcast, 32);
	if (!net || a->prefix == 32)
		return;
	addr_route(dev, a, dev->flags & IFF_LOOPBACK ? RTN_LOCAL : RTN_UNICAST, net, a->prefix);
	if (a->prefix < 31)
		addr_route(dev, a, RTN_BROADCAST, net | ~mask, 32);
}

static void notify_addr(struct netdev *dev, const struct if_addr *a, bool gone)
{
	if (net_notify)
		net_notify->addr(dev, a, gone);
}

static bool same_network(const struct if_addr *a, const struct if_addr *b)
{
	return a->prefix == b->prefix && !((a->addr ^ b->addr) & prefix_mask(a->prefix));
}

/* The first address of a network is its primary one; they stand before the others, wider scopes last. */
static int addr_insert(struct netdev *dev, const struct if_addr *given)
{
	struct list_head *after = &dev->addrs;
	bool secondary = false;
	unsigned int n = 0;
	struct if_addr *a;

	list_for_each(a, &dev->addrs, link) {
		if (same_network(a, given)) {
			if (a->addr == given->addr || a->scope != given->scope)
				return a->addr == given->addr ? -EEXIST : -EINVAL;
			secondary = true;
		}
		if (!a->secondary && given->scope <= a->scope)
			after = &a->link;
		n++;
	}
	a = n < ADDRS_MAX ? kmemdup(given, sizeof(*given)) : NULL;
	if (!a)
		return -ENOMEM;
	a->secondary = secondary;
	if (!a->label[0])
		strscpy(a->label, dev->name, sizeof(a->label));
	list_add(&a->link, secondary ? dev->addrs.prev : after);
	notify_addr(dev, a, false);
	addr_routes(dev, a);
	return 0;
}

/*
 * What one address brought goes, secondary addresses included; what another one brings as well comes
 * again.
 */
static void addr_remove(struct netdev *dev, struct if_addr *a)
{
	struct list_head *routes = &dev->net->routes, *at, *before;
	struct if_addr *other, *tmp;

	list_for_each_safe(other, tmp, &dev->addrs, link)
		if (!a->secondary && other->secondary && same_network(other, a))
			addr_remove(dev, other);
	list_del(&a->link);
	notify_addr(dev, a, true);
	for (at = routes->prev; at != routes; at = before) {
		struct route *r = container_of(at, struct route, link);

		before = at->prev;
		if (r->dev == dev && r->prefsrc == a->addr)
			route_remove(dev->net, r);
	}
	list_for_each(other, &dev->addrs, link)
		addr_routes(dev, other);
	if (list_empty(&dev->addrs)) /* there is no IP any more */
		route_flush(dev->net, dev);
	kfree(a);
}

void addr_dev_up(struct netdev *dev)
{
	static const struct if_addr loopback = { .addr = htonl(INADDR_LOOPBACK),
						 .prefix = 8,
						 .scope = RT_SCOPE_HOST };
	struct if_addr *a;

	if (dev->flags & IFF_LOOPBACK)
		addr_insert(dev, &loopback);
	list_for_each(a, &dev->addrs, link)
		addr_routes(dev, a);
}

/* What is ours stays ours; what the device led to is out of reach. */
void addr_dev_down(struct netdev *dev)
{
	struct route *r, *tmp;

	list_for_each_safe(r, tmp, &dev->net->routes, link)
		if (r->dev == dev && r->type != RTN_LOCAL)
			route_remove(dev->net, r);
}

void addr_flush(struct netdev *dev)
{
	while (!list_empty(&dev->addrs))
		addr_remove(dev, list_first(&dev->addrs, struct if_addr, link));
	route_flush(dev->net, dev);
}

int addr_add(struct netdev *dev, const struct if_addr *a)
{
	SPIN_GUARD(&net_lock);
	return dev->gone ? -ENODEV : addr_insert(dev, a);
}

int addr_del(struct netdev *dev, be32 addr, u8 prefix)
{
	struct if_addr *a;

	SPIN_GUARD(&net_lock);
	a = list_find(a, &dev->addrs, link, a->addr == addr && a->prefix == prefix);
	if (!a)
		return -EADDRNOTAVAIL;
	addr_remove(dev, a);
	return 0;
}

/* ---- /proc/net/route ---- */

#define ROUTE_LINE 127 /* each line is filled up to it, as on Linux */

static int show_route(struct strbuf *out, struct ns_common *ns)
{
	struct net_ns *net = container_of(ns, struct net_ns, ns);
	char line[ROUTE_LINE + 1];
	struct route *r;

	sb_printf(out, "%-*s\n", ROUTE_LINE,
		  "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU"
		  "\tWindow\tIRTT");
	SPIN_GUARD(&net_lock);
	list_for_each(r, &net->routes, link) {
		u32 flags = (r->dev ? RTF_UP : RTF_REJECT) | (r->gateway ? RTF_GATEWAY : 0) |
			    (r->prefix == 32 ? RTF_HOST : 0);

		if (r->table != RT_TABLE_MAIN)
			continue;
		snprintf(line, sizeof(line), "%s\t%08X\t%08X\t%04X\t0\t0\t%u\t%08X\t%u\t0\t0",
			 r->dev ? r->dev->name : "*", r->dst, r->gateway, flags, r->metric,
			 prefix_mask(r->prefix), r->mtu ? r->mtu + 40 : 0);
		sb_printf(out, "%-*s\n", ROUTE_LINE, line);
	}
	return 0;
}

void route_init(void)
{
	proc_net_add("route", show_route);
}
