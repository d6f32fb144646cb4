/* SPDX-License-Identifier: MIT */
/*
 * NETLINK_ROUTE (rtnetlink(7)): addresses, routes and neighbours as messages; dumps, changes, and news
 * of changes; devices are rtnl_link.c's. What a change means is netdev.c's and route.c's business.
 *
 * Messages are put together with net_lock held. A request for a family that has no table of its own
 * here is answered as one for all, as on Linux.
 */
#include "net/netlink.h"

#include <linux/capability.h>
#include <linux/if_addr.h>
#include <linux/in_route.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

/* ---- messages about things ---- */

static void put_addr(struct nl_out *o, const struct netdev *dev, const struct if_addr *a, int type,
		     int flags)
{
	struct ifaddrmsg *m = nl_begin(o, type, flags, sizeof(*m));
	struct ifa_cacheinfo forever = { .ifa_prefered = ~0U, .ifa_valid = ~0U };

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

	m->rtm_family = AF_INET;
	m->rtm_dst_len = r->prefix;
	m->rtm_tos = r->tos;
	m->rtm_table = r->table < 256 ? r->table : RT_TABLE_COMPAT;
	m->rtm_protocol = r->protocol;
	m->rtm_scope = r->scope;
	m->rtm_type = r->type;
	if (r->dev && r->dev->no_carrier && r->dev->flags & IFF_UP && r->type != RTN_LOCAL)
		m->rtm_flags |= RTNH_F_LINKDOWN;
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
		dump_links(net, rt->rtm_family, o);
		break;
	case RTM_GETNSID:
		dump_nsids(net, o);
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
		if (rt->rtm_family == AF_BRIDGE)
			dump_fdb(net, o);
		break;
	default:
		err = -EOPNOTSUPP;
	}
	spin_unlock(&net_lock);
	if (err)
		return err;
	if (h->nlmsg_type == RTM_GETNEIGH && rt->rtm_family != AF_BRIDGE)
		arp_each(net, put_neighbour, o);
	done = nl_begin(o, NLMSG_DONE, NLM_F_MULTI, sizeof(*done)); /* the error: 0 */
	nl_end(o);
	return 0;
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
	int err;

	if (m->ifa_family != AF_INET)
		return -EOPNOTSUPP;
	if (a.prefix > 32 || (add && !at[IFA_LOCAL]))
		return -EINVAL;
	if (nl_u32(at[IFA_ADDRESS], a.addr) != a.addr)
		return -EOPNOTSUPP; /* the far end of a point-to-point device: there is none */
	if (at[IFA_LABEL])
		memcpy(a.label, nl_data(at[IFA_LABEL]), min(nl_len(at[IFA_LABEL]), IFNAMSIZ - 1U));
	SCOPED_DEV(dev, netdev_by_index(net, m->ifa_index));
	if (!dev)
		return -ENODEV;
	err = add ? addr_add(dev, &a) : addr_del(dev, a.addr, a.prefix);
	if (err == -EEXIST && h->nlmsg_flags & NLM_F_REPLACE && !(h->nlmsg_flags & NLM_F_EXCL))
		err = 0; /* its lifetime is for ever, there is nothing to replace */
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
	netdev_put(dst.dev);
	return 0;
}

/* ---- requests ---- */

int rtnetlink_request(struct net_ns *net, const struct nlmsghdr *h, bool strict, struct nl_out *o)
{
	static const u8 header[] = { sizeof(struct ifinfomsg), sizeof(struct ifaddrmsg),
				     sizeof(struct rtmsg),
				     [(RTM_NEWNSID - RTM_BASE) / 4] = sizeof(struct rtgenmsg) };
	unsigned int kind = (h->nlmsg_type - RTM_BASE) / 4, what = h->nlmsg_type & 3;
	const struct nlattr *at[ATTRS_MAX];
	int err;

	if (h->nlmsg_type > RTM_MAX)
		return -EOPNOTSUPP;
	if (h->nlmsg_len < NLMSG_LENGTH(sizeof(struct rtgenmsg)))
		return 0;
	if (what != 2 && !net_capable(net, CAP_NET_ADMIN)) /* 2: the GETs */
		return -EPERM;
	if (what == 2 && (h->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP)
		return dump(net, h, strict, o);
	if (kind >= ARRAY_SIZE(header) || !header[kind])
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
	case RTM_DELLINK:
		return delete_link(net, NLMSG_DATA(h), at);
	case RTM_NEWNSID:
	case RTM_GETNSID:
		return do_nsid(net, h, at, o);
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

static void tell_addr(struct netdev *dev, const struct if_addr *a, bool gone)
{
	struct nl_out o;

	if (!nl_news(&o))
		return;
	put_addr(&o, dev, a, gone ? RTM_DELADDR : RTM_NEWADDR, 0);
	nl_multicast(dev->net, RTNLGRP_IPV4_IFADDR, &o);
}

static void tell_route(struct net_ns *net, const struct route *r, bool gone)
{
	struct nl_out o;

	if (!nl_news(&o))
		return;
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
