/* SPDX-License-Identifier: MIT */
/*
 * NETLINK_ROUTE (rtnetlink(7)): devices, addresses, routes and neighbours as messages; dumps, changes,
 * and news of changes. What a change means is netdev.c's and route.c's business.
 *
 * Messages are put together with net_lock held. A request for a family that has no table of its own
 * here is answered as one for all, as on Linux.
 */
#include "net/netlink.h"

#include <linux/capability.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/in_route.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#define IF_OPER_DOWN 2 /* RFC 2863 ifOperStatus, linux/if.h has them for programs only */
#define IF_OPER_UP 6

static const struct net_notify notify;

/* ---- messages about things ---- */

static u32 link_flags(const struct netdev *dev)
{
	return dev->flags & IFF_UP ? dev->flags | IFF_RUNNING | IFF_LOWER_UP : dev->flags;
}

static void put_stats(struct nl_out *o, const struct netdev *dev)
{
	struct rtnl_link_stats64 st = {
		.rx_packets = dev->stats.rx_packets,
		.tx_packets = dev->stats.tx_packets,
		.rx_bytes = dev->stats.rx_bytes,
		.tx_bytes = dev->stats.tx_bytes,
		.rx_errors = dev->stats.rx_errors,
		.tx_errors = dev->stats.tx_errors,
		.rx_dropped = dev->stats.rx_dropped,
		.tx_dropped = dev->stats.tx_dropped,
	};

	nl_put(o, IFLA_STATS64, &st, sizeof(st));
}

static void put_link(struct nl_out *o, const struct netdev *dev, int type, int flags)
{
	struct ifinfomsg *m = nl_begin(o, type, flags, sizeof(*m));
	bool up = dev->flags & IFF_UP, lo = dev->flags & IFF_LOOPBACK;
	const char *qdisc = up ? "noqueue" : "noop";
	u8 state = !up ? IF_OPER_DOWN : lo ? 0 : IF_OPER_UP, mode = 0, carrier = 1;

	if (!m)
		return;
	m->ifi_type = dev->type;
	m->ifi_index = dev->ifindex;
	m->ifi_flags = link_flags(dev);
	nl_put(o, IFLA_IFNAME, dev->name, strlen(dev->name) + 1);
	nl_put_u32(o, IFLA_TXQLEN, dev->tx_queue_len);
	nl_put(o, IFLA_OPERSTATE, &state, 1);
	nl_put(o, IFLA_LINKMODE, &mode, 1);
	nl_put_u32(o, IFLA_MTU, dev->mtu);
	nl_put_u32(o, IFLA_GROUP, 0);
	nl_put_u32(o, IFLA_PROMISCUITY, !!(dev->flags & IFF_PROMISC));
	nl_put_u32(o, IFLA_NUM_TX_QUEUES, 1);
	nl_put_u32(o, IFLA_NUM_RX_QUEUES, 1);
	nl_put(o, IFLA_CARRIER, &carrier, 1);
	nl_put(o, IFLA_QDISC, qdisc, strlen(qdisc) + 1);
	nl_put(o, IFLA_ADDRESS, dev->mac, ETH_ALEN);
	nl_put(o, IFLA_BROADCAST, dev->broadcast, ETH_ALEN);
	put_stats(o, dev);
	nl_end(o);
}

static void put_addr(struct nl_out *o, const struct netdev *dev, const struct if_addr *a, int type,
		     int flags)
{
	struct ifaddrmsg *m = nl_begin(o, type, flags, sizeof(*m));
	struct ifa_cacheinfo forever = { .ifa_prefered = ~0U, .ifa_valid = ~0U };

	if (!m)
		return;
	m->ifa_family = AF_INET;
	m->ifa_prefixlen = a->prefix;
	m->ifa_flags = IFA_F_PERMANENT | (a->secondary ? IFA_F_SECONDARY : 0);
	m->ifa_scope = a->scope;
	m->ifa_index = dev->ifindex;
	nl_put_u32(o, IFA_ADDRESS, a->addr);
	nl_put_u32(o, IFA_LOCAL, a->addr);
	if (a->broadcast)
		nl_put_u32(o, IFA_BROADCAST, a->broadcast);
	nl_put(o, IFA_LABEL, a->label, strlen(a->label) + 1);
	nl_put_u32(o, IFA_FLAGS, m->ifa_flags);
	nl_put(o, IFA_CACHEINFO, &forever, sizeof(forever));
	nl_end(o);
}

static void put_route(struct nl_out *o, const struct route *r, int type, int flags)
{
	struct rtmsg *m = nl_begin(o, type, flags, sizeof(*m));
	struct {
		struct nlattr head;
		u32 mtu;
	} metrics = { { sizeof(metrics), RTAX_MTU }, r->mtu };

	if (!m)
		return;
	m->rtm_family = AF_INET;
	m->rtm_dst_len = r->prefix;
	m->rtm_tos = r->tos;
	m->rtm_table = r->table < 256 ? r->table : RT_TABLE_COMPAT;
	m->rtm_protocol = r->protocol;
	m->rtm_scope = r->scope;
	m->rtm_type = r->type;
	nl_put_u32(o, RTA_TABLE, r->table);
	if (r->prefix)
		nl_put_u32(o, RTA_DST, r->dst);
	if (r->metric)
		nl_put_u32(o, RTA_PRIORITY, r->metric);
	if (r->mtu)
		nl_put(o, RTA_METRICS, &metrics, sizeof(metrics));
	if (r->prefsrc)
		nl_put_u32(o, RTA_PREFSRC, r->prefsrc);
	if (r->gateway)
		nl_put_u32(o, RTA_GATEWAY, r->gateway);
	if (r->dev)
		nl_put_u32(o, RTA_OIF, r->dev->ifindex);
	nl_end(o);
}

static void put_neighbour(void *arg, const struct netdev *dev, be32 addr, const u8 *mac, bool known)
{
	struct nl_out *o = arg;
	struct ndmsg *m = nl_begin(o, RTM_NEWNEIGH, NLM_F_MULTI, sizeof(*m));

	if (!m)
		return;
	m->ndm_family = AF_INET;
	m->ndm_ifindex = dev->ifindex;
	m->ndm_state = known ? NUD_REACHABLE : NUD_INCOMPLETE;
	m->ndm_type = RTN_UNICAST;
	nl_put_u32(o, NDA_DST, addr);
	if (known)
		nl_put(o, NDA_LLADDR, mac, ETH_ALEN);
	nl_end(o);
}

/* ---- dumps; net_lock held but for neighbours, who have a lock of their own ---- */

static void dump_links(struct net_ns *net, struct nl_out *o)
{
	struct netdev *dev;

	list_for_each(dev, &net->devs, link)
		put_link(o, dev, RTM_NEWLINK, NLM_F_MULTI);
}

/* index: of one device only, 0 all. */
static void dump_addrs(struct net_ns *net, int index, struct nl_out *o)
{
	struct netdev *dev;
	struct if_addr *a;

	list_for_each(dev, &net->devs, link)
		if (!index || dev->ifindex == index)
			list_for_each(a, &dev->addrs, link)
				put_addr(o, dev, a, RTM_NEWADDR, NLM_F_MULTI);
}

static bool dumped_before(const struct route *a, const struct route *b)
{
	if (a->table != b->table)
		return a->table < b->table;
	if (a->dst != b->dst)
		return ntohl(a->dst) < ntohl(b->dst);
	return a->prefix != b->prefix ? a->prefix > b->prefix : a->metric < b->metric;
}

/* By address, as Linux does, not in the order of lookups. */
static void dump_routes(struct net_ns *net, struct nl_out *o)
{
	unsigned int n = 0, at;
	struct route *r, **sorted = kmalloc(max(net->nr_routes, 1U) * sizeof(*sorted));

	o->failed |= !sorted;
	if (!sorted)
		return;
	list_for_each(r, &net->routes, link)
		sorted[n++] = r;
	for (unsigned int gap = n / 2; gap; gap /= 2) { /* Shell's sort */
		for (unsigned int i = gap; i < n; i++) {
			r = sorted[i];
			for (at = i; at >= gap && dumped_before(r, sorted[at - gap]); at -= gap)
				sorted[at] = sorted[at - gap];
			sorted[at] = r;
		}
	}
	for (unsigned int i = 0; i < n; i++)
		put_route(o, sorted[i], RTM_NEWROUTE, NLM_F_MULTI);
	kfree(sorted);
}

static int dump(struct net_ns *net, const struct nlmsghdr *h, bool strict, struct nl_out *o)
{
	const struct ifaddrmsg *ifa = NLMSG_DATA(h);
	const struct rtmsg *rt = NLMSG_DATA(h);
	int *done, err = 0;

	spin_lock(&net_lock);
	switch (h->nlmsg_type) {
	case RTM_GETLINK:
		if (rt->rtm_family != AF_BRIDGE) /* the ports of bridges: there are none */
			dump_links(net, o);
		break;
	case RTM_GETADDR:
		dump_addrs(net,
			   strict && h->nlmsg_len >= NLMSG_LENGTH(sizeof(*ifa)) ? ifa->ifa_index
										: 0,
			   o);
		break;
	case RTM_GETROUTE: /* no route is cached */
		if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*rt)) || !(rt->rtm_flags & RTM_F_CLONED))
			dump_routes(net, o);
		break;
	case RTM_GETNEIGH:
		break;
	default:
		err = -EOPNOTSUPP;
	}
	spin_unlock(&net_lock);
	if (err)
		return err;
	if (h->nlmsg_type == RTM_GETNEIGH)
		arp_each(net, put_neighbour, o);
	done = nl_begin(o, NLMSG_DONE, NLM_F_MULTI, sizeof(*done)); /* the error: 0 */
	nl_end(o);
	return 0;
}

/* ---- links ---- */

/* The device that a message names by number or else by name, with a reference. ERR_PTR. */
static struct netdev *link_of(struct net_ns *net, const struct ifinfomsg *m,
			      const struct nlattr *name)
{
	struct netdev *dev;
	char text[IFNAMSIZ] = "";

	if (m->ifi_index > 0) {
		dev = netdev_by_index(net, m->ifi_index);
	} else if (name) {
		memcpy(text, nl_data(name), min(nl_len(name), IFNAMSIZ - 1U));
		dev = netdev_by_name(net, text);
	} else {
		return ERR_PTR(-EINVAL);
	}
	return dev ?: ERR_PTR(-ENODEV);
}

static int get_link(struct net_ns *net, const struct ifinfomsg *m, const struct nlattr **at,
		    struct nl_out *o)
{
	struct netdev *dev = link_of(net, m, at[IFLA_IFNAME]);

	if (IS_ERR(dev))
		return PTR_ERR(dev);
	spin_lock(&net_lock);
	put_link(o, dev, RTM_NEWLINK, 0);
	spin_unlock(&net_lock);
	netdev_put(dev);
	return 0;
}

static int change_link(struct net_ns *net, const struct nlmsghdr *h, const struct ifinfomsg *m,
		       const struct nlattr **at)
{
	struct netdev *dev = link_of(net, m, at[IFLA_IFNAME]);
	struct if_change c = { .mtu = nl_u32(at[IFLA_MTU], 0) };
	char name[IFNAMSIZ] = "";
	int err;

	if (IS_ERR(dev) && h->nlmsg_type == RTM_NEWLINK) /* no kind of device can be made */
		return h->nlmsg_flags & NLM_F_CREATE ? -EOPNOTSUPP : -ENODEV;
	if (IS_ERR(dev))
		return PTR_ERR(dev);
	if (at[IFLA_MTU])
		c.what |= IF_CHANGE_MTU;
	if (at[IFLA_ADDRESS]) {
		c.what |= IF_CHANGE_MAC;
		c.mac = nl_data(at[IFLA_ADDRESS]);
	}
	if (m->ifi_index > 0 && at[IFLA_IFNAME]) {
		memcpy(name, nl_data(at[IFLA_IFNAME]), min(nl_len(at[IFLA_IFNAME]), IFNAMSIZ - 1U));
		c.what |= IF_CHANGE_NAME;
		c.name = name;
	}
	if (m->ifi_flags || m->ifi_change) {
		c.what |= IF_CHANGE_FLAGS;
		c.flags = m->ifi_flags;
		c.flags_mask = m->ifi_change ?: ~0U;
	}
	if (h->nlmsg_flags & NLM_F_EXCL && h->nlmsg_type == RTM_NEWLINK)
		err = -EEXIST;
	else if (c.mac && nl_len(at[IFLA_ADDRESS]) < ETH_ALEN)
		err = -EINVAL;
	else
		err = netdev_change(dev, &c);
	if (!err)
		dev->tx_queue_len = nl_u32(at[IFLA_TXQLEN], dev->tx_queue_len);
	netdev_put(dev);
	return err;
}

/* ---- addresses ---- */

static int change_addr(struct net_ns *net, const struct nlmsghdr *h, const struct ifaddrmsg *m,
		       const struct nlattr **at)
{
	struct if_addr a = { .addr = nl_u32(at[IFA_LOCAL], nl_u32(at[IFA_ADDRESS], 0)),
			     .broadcast = nl_u32(at[IFA_BROADCAST], 0),
			     .prefix = m->ifa_prefixlen,
			     .scope = m->ifa_scope };
	bool add = h->nlmsg_type == RTM_NEWADDR;
	struct netdev *dev;
	int err;

	if (m->ifa_family != AF_INET)
		return -EOPNOTSUPP;
	if (a.prefix > 32 || (add && !at[IFA_LOCAL]))
		return -EINVAL;
	if (nl_u32(at[IFA_ADDRESS], a.addr) != a.addr)
		return -EOPNOTSUPP; /* the far end of a point-to-point device: there is none */
	if (at[IFA_LABEL])
		memcpy(a.label, nl_data(at[IFA_LABEL]), min(nl_len(at[IFA_LABEL]), IFNAMSIZ - 1U));
	dev = netdev_by_index(net, m->ifa_index);
	if (!dev)
		return -ENODEV;
	err = add ? addr_add(dev, &a) : addr_del(dev, a.addr, a.prefix);
	if (err == -EEXIST && h->nlmsg_flags & NLM_F_REPLACE && !(h->nlmsg_flags & NLM_F_EXCL))
		err = 0; /* its lifetime is for ever, there is nothing to replace */
	netdev_put(dev);
	return err;
}

/* ---- routes ---- */

static u32 route_mtu(const struct nlattr *metrics)
{
	u32 mtu = 0;

	for (u32 at = 0; metrics && at + NLA_HDRLEN <= nl_len(metrics);) {
		const struct nlattr *a = nl_data(metrics) + at;

		if (a->nla_len < NLA_HDRLEN || a->nla_len > nl_len(metrics) - at)
			break;
		if (a->nla_type == RTAX_MTU)
			mtu = nl_u32(a, 0);
		at += NLA_ALIGN(a->nla_len);
	}
	return mtu;
}

static int change_route(struct net_ns *net, const struct nlmsghdr *h, const struct rtmsg *m,
			const struct nlattr **at)
{
	struct route r = { .dst = nl_u32(at[RTA_DST], 0),
			   .gateway = nl_u32(at[RTA_GATEWAY], 0),
			   .prefsrc = nl_u32(at[RTA_PREFSRC], 0),
			   .prefix = m->rtm_dst_len,
			   .tos = m->rtm_tos,
			   .type = m->rtm_type,
			   .scope = m->rtm_scope,
			   .protocol = m->rtm_protocol,
			   .table = nl_u32(at[RTA_TABLE], m->rtm_table) ?: RT_TABLE_MAIN,
			   .metric = nl_u32(at[RTA_PRIORITY], 0),
			   .mtu = route_mtu(at[RTA_METRICS]) };
	int err;

	if (m->rtm_family != AF_INET || at[RTA_MULTIPATH])
		return -EOPNOTSUPP;
	if (at[RTA_OIF]) {
		r.dev = netdev_by_index(net, nl_u32(at[RTA_OIF], 0));
		if (!r.dev)
			return -ENODEV;
	}
	err = h->nlmsg_type == RTM_NEWROUTE ? route_add(net, &r, h->nlmsg_flags)
					    : route_del(net, &r);
	netdev_put(r.dev);
	return err;
}

/* The way to one address, as a route that was cached. */
static int get_route(struct net_ns *net, const struct rtmsg *m, const struct nlattr **at,
		     struct nl_out *o)
{
	be32 to = nl_u32(at[RTA_DST], 0);
	struct rta_cacheinfo info = { 0 };
	struct rtmsg *r;
	struct dst dst;
	int err;

	if (m->rtm_family != AF_INET)
		return -EOPNOTSUPP;
	err = route_lookup(net, to, nl_u32(at[RTA_OIF], 0), &dst);
	if (err)
		return err;
	r = nl_begin(o, RTM_NEWROUTE, 0, sizeof(*r));
	if (r) {
		*r = (struct rtmsg){ .rtm_family = AF_INET,
				     .rtm_dst_len = 32,
				     .rtm_table = RT_TABLE_MAIN,
				     .rtm_type = dst.type,
				     .rtm_flags = RTM_F_CLONED };
		if (dst.type == RTN_LOCAL)
			r->rtm_flags |= RTCF_LOCAL;
		nl_put_u32(o, RTA_TABLE, RT_TABLE_MAIN);
		nl_put_u32(o, RTA_DST, to);
		nl_put_u32(o, RTA_OIF, dst.dev->ifindex);
		nl_put_u32(o, RTA_PREFSRC, nl_u32(at[RTA_SRC], dst.saddr));
		if (dst.next_hop != to)
			nl_put_u32(o, RTA_GATEWAY, dst.next_hop);
		nl_put_u32(o, RTA_UID, uid_shown(current->thread.cred->uid));
		nl_put(o, RTA_CACHEINFO, &info, sizeof(info));
		nl_end(o);
	}
	netdev_put(dst.dev);
	return 0;
}

/* ---- requests ---- */

#define ATTRS_MAX 64 /* IFLA_MAX is the largest */

int rtnetlink_request(struct net_ns *net, const struct nlmsghdr *h, bool strict, struct nl_out *o)
{
	static const u8 header[] = { sizeof(struct ifinfomsg), sizeof(struct ifaddrmsg),
				     sizeof(struct rtmsg) };
	unsigned int kind = (h->nlmsg_type - RTM_BASE) / 4, what = h->nlmsg_type & 3;
	const struct nlattr *at[ATTRS_MAX];
	int err;

	if (h->nlmsg_type > RTM_MAX)
		return -EOPNOTSUPP;
	if (h->nlmsg_len < NLMSG_LENGTH(sizeof(struct rtgenmsg)))
		return 0;
	if (what != 2 && !ns_capable(net->ns.owner, CAP_NET_ADMIN)) /* 2: the GETs */
		return -EPERM;
	if (what == 2 && (h->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP)
		return dump(net, h, strict, o);
	if (kind >= ARRAY_SIZE(header))
		return -EOPNOTSUPP;
	if (h->nlmsg_len < NLMSG_LENGTH(header[kind]))
		return -EINVAL;
	err = nl_parse(h, header[kind], at, ATTRS_MAX);
	if (err)
		return err;
	switch (h->nlmsg_type) {
	case RTM_GETLINK:
		return get_link(net, NLMSG_DATA(h), at, o);
	case RTM_NEWLINK:
	case RTM_SETLINK:
		return change_link(net, h, NLMSG_DATA(h), at);
	case RTM_NEWADDR:
	case RTM_DELADDR:
		return change_addr(net, h, NLMSG_DATA(h), at);
	case RTM_GETROUTE:
		return get_route(net, NLMSG_DATA(h), at, o);
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		return change_route(net, h, NLMSG_DATA(h), at);
	}
	return -EOPNOTSUPP;
}

/* ---- news; net_lock held ---- */

static void tell_link(struct netdev *dev, bool gone)
{
	struct nl_out o;

	if (!nl_has_listeners())
		return;
	nl_out_init(&o, NULL, 0);
	put_link(&o, dev, gone ? RTM_DELLINK : RTM_NEWLINK, 0);
	nl_multicast(dev->net, RTNLGRP_LINK, &o);
}

static void tell_addr(struct netdev *dev, const struct if_addr *a, bool gone)
{
	struct nl_out o;

	if (!nl_has_listeners())
		return;
	nl_out_init(&o, NULL, 0);
	put_addr(&o, dev, a, gone ? RTM_DELADDR : RTM_NEWADDR, 0);
	nl_multicast(dev->net, RTNLGRP_IPV4_IFADDR, &o);
}

static void tell_route(struct net_ns *net, const struct route *r, bool gone)
{
	struct nl_out o;

	if (!nl_has_listeners())
		return;
	nl_out_init(&o, NULL, 0);
	put_route(&o, r, gone ? RTM_DELROUTE : RTM_NEWROUTE, 0);
	nl_multicast(net, RTNLGRP_IPV4_ROUTE, &o);
}

static const struct net_notify notify = { .link = tell_link,
					  .addr = tell_addr,
					  .route = tell_route };

void rtnetlink_init(void)
{
	net_notify = &notify;
}
