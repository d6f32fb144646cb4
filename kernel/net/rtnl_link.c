/* SPDX-License-Identifier: MIT */
/*
 * NETLINK_ROUTE about devices (rtnetlink(7), ip-link(8)): what they are, their making, change, move to
 * another namespace and end; the ports and stations of bridges; numbers of namespaces. What a change
 * means is netdev.c's business. Messages are put together with net_lock held.
 */
#include "net/netlink.h"

#include <linux/capability.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

/* RFC 2863 ifOperStatus; linux/if.h has them for programs only */
enum {
	OPER_UNKNOWN,
	OPER_NOTPRESENT,
	OPER_DOWN,
	OPER_LOWERLAYERDOWN,
	OPER_TESTING,
	OPER_DORMANT,
	OPER_UP
};

static const struct link_kind {
	const char *name;
	struct netdev *(*make)(void);
	bool pair;
} kinds[] = { { "veth", veth_make, true }, { "bridge", bridge_make, false } };

/* ---- messages ---- */

static u8 oper_state(const struct netdev *dev)
{
	const struct netdev *peer = dev->peer;

	if (!(dev->flags & IFF_UP))
		return OPER_DOWN;
	if (!dev->no_carrier)
		return dev->flags & IFF_LOOPBACK ? OPER_UNKNOWN : OPER_UP;
	return peer && peer->net == dev->net && peer->no_carrier ? OPER_LOWERLAYERDOWN : OPER_DOWN;
}

static void put_string(struct nl_out *o, int type, const char *s)
{
	nl_put(o, type, s, strlen(s) + 1);
}

/* Its kind, what it hangs on, and what it is to a bridge. */
static void put_relations(struct nl_out *o, const struct netdev *dev, int family)
{
	struct nlattr *nest;

	if (dev->peer)
		nl_put_u32(o, IFLA_LINK, dev->peer->ifindex);
	if (dev->peer && dev->peer->net != dev->net)
		nl_put_u32(o, IFLA_LINK_NETNSID, net_nsid(dev->net, dev->peer->net, true));
	if (dev->master)
		nl_put_u32(o, IFLA_MASTER, dev->master->ifindex);
	if (dev->ops->kind || dev->master) {
		nest = nl_nest(o, IFLA_LINKINFO);
		if (dev->ops->kind)
			put_string(o, IFLA_INFO_KIND, dev->ops->kind);
		if (dev->master)
			put_string(o, IFLA_INFO_SLAVE_KIND, dev->master->ops->kind);
		nl_nest_end(o, nest);
	}
	if (family == AF_BRIDGE) {
		u8 state = dev->flags & IFF_RUNNING ? BR_STATE_FORWARDING : BR_STATE_DISABLED;
		u16 priority = 32;

		nest = nl_nest(o, IFLA_PROTINFO | NLA_F_NESTED);
		nl_put(o, IFLA_BRPORT_STATE, &state, sizeof(state));
		nl_put(o, IFLA_BRPORT_PRIORITY, &priority, sizeof(priority));
		nl_put_u32(o, IFLA_BRPORT_COST, dev->peer ? 2 : 100); /* 10 Gbit/s; not known */
		nl_nest_end(o, nest);
	}
}

static void put_link(struct nl_out *o, const struct netdev *dev, int family, int type, int flags)
{
	struct ifinfomsg *m = nl_begin(o, type, flags, sizeof(*m));
	bool up = dev->flags & IFF_UP;
	u8 state = oper_state(dev), mode = 0, carrier = !dev->no_carrier;

	m->ifi_family = family;
	m->ifi_type = dev->type;
	m->ifi_index = dev->ifindex;
	m->ifi_flags = dev->flags | (up && carrier ? IFF_RUNNING | IFF_LOWER_UP : 0);
	put_string(o, IFLA_IFNAME, dev->name);
	nl_put_u32(o, IFLA_TXQLEN, dev->tx_queue_len);
	nl_put(o, IFLA_OPERSTATE, &state, 1);
	nl_put(o, IFLA_LINKMODE, &mode, 1);
	nl_put_u32(o, IFLA_MTU, dev->mtu);
	nl_put_u32(o, IFLA_GROUP, 0);
	nl_put_u32(o, IFLA_PROMISCUITY, dev->master || dev->flags & IFF_PROMISC);
	nl_put_u32(o, IFLA_NUM_TX_QUEUES, 1);
	nl_put_u32(o, IFLA_NUM_RX_QUEUES, 1);
	nl_put(o, IFLA_CARRIER, &carrier, 1);
	put_string(o, IFLA_QDISC, up ? "noqueue" : "noop");
	nl_put(o, IFLA_ADDRESS, dev->mac, ETH_ALEN);
	nl_put(o, IFLA_BROADCAST, dev->broadcast, ETH_ALEN);
	put_relations(o, dev, family);
	nl_put(o, IFLA_STATS64, &dev->stats, sizeof(dev->stats));
	nl_end(o);
}

/* family AF_BRIDGE: the ports of bridges only. */
void dump_links(struct net_ns *net, int family, struct nl_out *o)
{
	struct netdev *dev;

	family = family == AF_BRIDGE ? AF_BRIDGE : AF_UNSPEC;
	list_for_each(dev, &net->devs, link)
		if (family != AF_BRIDGE || dev->master)
			put_link(o, dev, family, RTM_NEWLINK, NLM_F_MULTI);
}

static void put_station(void *arg, const struct netdev *port, const u8 *mac, bool own)
{
	struct nl_out *o = arg;
	struct ndmsg *m = nl_begin(o, RTM_NEWNEIGH, NLM_F_MULTI, sizeof(*m));

	m->ndm_family = AF_BRIDGE;
	m->ndm_ifindex = port->ifindex;
	m->ndm_state = own ? NUD_PERMANENT : NUD_REACHABLE;
	nl_put(o, NDA_LLADDR, mac, ETH_ALEN);
	nl_put_u32(o, NDA_MASTER, port->master->ifindex);
	nl_end(o);
}

void dump_fdb(struct net_ns *net, struct nl_out *o)
{
	struct netdev *dev;

	list_for_each(dev, &net->devs, link)
		if (dev->ops->add_port)
			bridge_fdb_each(dev, put_station, o);
}

void tell_link(struct netdev *dev, bool gone)
{
	struct nl_out o;

	if (!nl_news(&o))
		return;
	put_link(&o, dev, AF_UNSPEC, gone ? RTM_DELLINK : RTM_NEWLINK, 0);
	nl_multicast(dev->net, RTNLGRP_LINK, &o);
}

/* ---- requests ---- */

static void get_name(char name[IFNAMSIZ], const struct nlattr *a)
{
	memset(name, 0, IFNAMSIZ);
	if (a)
		memcpy(name, nl_data(a), min(nl_len(a), IFNAMSIZ - 1U));
}

/* The device that a message names by number or else by name, with a reference. ERR_PTR. */
static struct netdev *link_of(struct net_ns *net, const struct ifinfomsg *m,
			      const struct nlattr *name)
{
	struct netdev *dev;
	char text[IFNAMSIZ];

	get_name(text, name);
	if (m->ifi_index > 0)
		dev = netdev_by_index(net, m->ifi_index);
	else if (name)
		dev = netdev_by_name(net, text);
	else
		return ERR_PTR(-EINVAL);
	return dev ?: ERR_PTR(-ENODEV);
}

int get_link(struct net_ns *net, const struct ifinfomsg *m, const struct nlattr **at,
	     struct nl_out *o)
{
	SCOPED_DEV(dev, link_of(net, m, at[IFLA_IFNAME]));

	if (IS_ERR(dev))
		return PTR_ERR(dev);
	SPIN_GUARD(&net_lock);
	put_link(o, dev, AF_UNSPEC, RTM_NEWLINK, 0);
	return 0;
}

/* The namespace that a message wants the device in: net, or one where the caller may. A reference. */
static struct net_ns *target_net(struct net_ns *net, const struct nlattr **at)
{
	if (at[IFLA_TARGET_NETNSID])
		return ERR_PTR(-EINVAL);
	if (at[IFLA_NET_NS_PID])
		net = net_ns_of_pid(nl_u32(at[IFLA_NET_NS_PID], 0));
	else if (at[IFLA_NET_NS_FD])
		net = net_ns_of_fd(nl_u32(at[IFLA_NET_NS_FD], -1));
	else
		ns_get(&net->ns);
	if (!IS_ERR(net) && !net_capable(net, CAP_NET_ADMIN)) {
		ns_put(&net->ns);
		return ERR_PTR(-EPERM);
	}
	return net;
}

/* What a message says of a device but for its name, as a change; what: IF_CHANGE_* that are asked for. */
static int change_of(struct netdev *dev, const struct ifinfomsg *m, const struct nlattr **at,
		     u32 what)
{
	struct if_change c = { .mtu = nl_u32(at[IFLA_MTU], 0),
			       .flags = m->ifi_flags,
			       .flags_mask = m->ifi_change ?: ~0U };

	if (at[IFLA_ADDRESS] && nl_len(at[IFLA_ADDRESS]) < ETH_ALEN)
		return -EINVAL;
	if (at[IFLA_MTU])
		c.what |= IF_CHANGE_MTU;
	if (at[IFLA_ADDRESS]) {
		c.what |= IF_CHANGE_MAC;
		c.mac = nl_data(at[IFLA_ADDRESS]);
	}
	if (m->ifi_flags || m->ifi_change)
		c.what |= IF_CHANGE_FLAGS;
	c.what &= what;
	return c.what ? netdev_change(dev, &c) : 0;
}

static int change_master(struct netdev *dev, const struct nlattr *a)
{
	u32 index = nl_u32(a, 0);
	SCOPED_DEV(master, netdev_by_index(dev->net, index));

	if (!a)
		return 0;
	return index && !master ? -EINVAL : netdev_set_master(dev, master);
}

/* A new device becomes what m and its attributes say; it is not in a namespace yet. */
static int describe_link(struct netdev *dev, const struct ifinfomsg *m, const struct nlattr **at)
{
	int err = change_of(dev, m, at, IF_CHANGE_MTU | IF_CHANGE_MAC);

	if (at[IFLA_IFNAME])
		get_name(dev->name, at[IFLA_IFNAME]);
	else
		snprintf(dev->name, sizeof(dev->name), "%s%%d", dev->ops->kind);
	dev->tx_queue_len = nl_u32(at[IFLA_TXQLEN], 0);
	dev->ifindex = max(m->ifi_index, 0);
	return err;
}

static int add_link(struct netdev *dev, struct net_ns *from, const struct ifinfomsg *m,
		    const struct nlattr **at)
{
	struct net_ns *net = target_net(from, at);
	int err;

	if (IS_ERR(net))
		return PTR_ERR(net);
	err = netdev_register(net, dev);
	ns_put(&net->ns);
	return err ?: change_of(dev, m, at, IF_CHANGE_FLAGS) ?: change_master(dev, at[IFLA_MASTER]);
}

/* VETH_INFO_PEER: a header and attributes of its own, or what the other end has and may be shared. */
static int parse_peer(const struct nlattr *data, const struct nlattr **others,
		      const struct ifinfomsg **m, const struct nlattr **at)
{
	static const u8 shared[] = { IFLA_MTU, IFLA_TXQLEN, IFLA_NET_NS_PID, IFLA_NET_NS_FD };
	static const struct ifinfomsg nothing;
	const struct nlattr *info[VETH_INFO_MAX + 1], *peer;
	int err = nl_parse_nested(data, 0, info, ARRAY_SIZE(info));

	peer = err ? NULL : info[VETH_INFO_PEER];
	*m = peer && nl_len(peer) >= sizeof(**m) ? nl_data(peer) : &nothing;
	err = err ?: nl_parse_nested(peer, peer ? sizeof(**m) : 0, at, ATTRS_MAX);
	for (int i = 0; !peer && i < ARRAY_SIZE(shared); i++)
		at[shared[i]] = others[shared[i]];
	return err;
}

static void drop_link(struct netdev *dev)
{
	if (dev && dev->net)
		netdev_unregister(dev);
	if (dev)
		netdev_point(&dev->peer, NULL);
}

static int new_link(struct net_ns *net, const struct ifinfomsg *m, const struct nlattr **at)
{
	const struct nlattr *info[IFLA_INFO_MAX + 1], *peer_at[ATTRS_MAX];
	const struct link_kind *kind = kinds;
	const struct ifinfomsg *peer_m = NULL;
	struct netdev *dev, *peer = NULL;
	int err = nl_parse_nested(at[IFLA_LINKINFO], 0, info, ARRAY_SIZE(info));
	char name[IFNAMSIZ];

	if (err)
		return err;
	get_name(name, info[IFLA_INFO_KIND]);
	while (kind < kinds + ARRAY_SIZE(kinds) && strcmp(kind->name, name))
		kind++;
	if (kind == kinds + ARRAY_SIZE(kinds))
		return -EOPNOTSUPP;
	if (!kind->pair && info[IFLA_INFO_DATA] && nl_len(info[IFLA_INFO_DATA]))
		return -EOPNOTSUPP; /* a bridge's settings are what they are */
	if (kind->pair)
		err = parse_peer(info[IFLA_INFO_DATA], at, &peer_m, peer_at);
	if (err)
		return err;
	dev = kind->make();
	peer = kind->pair ? kind->make() : NULL;
	err = !dev || (kind->pair && !peer) ? -ENOMEM : describe_link(dev, m, at);
	if (!err && kind->pair) {
		netdev_point(&dev->peer, peer);
		netdev_point(&peer->peer, dev);
		err = describe_link(peer, peer_m, peer_at) ?: add_link(peer, net, peer_m, peer_at);
	}
	err = err ?: add_link(dev, net, m, at);
	if (err) {
		drop_link(dev);
		drop_link(peer);
	}
	netdev_put(dev);
	netdev_put(peer);
	return err;
}

/* Into another namespace, if the message asks for it. */
static int move_link(struct netdev *dev, const struct nlattr **at, const char *name)
{
	struct net_ns *to = target_net(dev->net, at);
	int err;

	if (IS_ERR(to))
		return PTR_ERR(to);
	err = netdev_move(dev, to, name);
	ns_put(&to->ns);
	return err;
}

static int apply_link(struct netdev *dev, const struct ifinfomsg *m, const struct nlattr **at)
{
	struct if_change rename = { .what = IF_CHANGE_NAME };
	char name[IFNAMSIZ];
	bool named = m->ifi_index > 0 && at[IFLA_IFNAME];
	int err = 0;

	get_name(name, at[IFLA_IFNAME]);
	rename.name = name;
	if (at[IFLA_NET_NS_PID] || at[IFLA_NET_NS_FD] || at[IFLA_TARGET_NETNSID])
		err = move_link(dev, at, named ? name : NULL);
	err = err ?: change_of(dev, m, at, IF_CHANGE_MTU | IF_CHANGE_MAC);
	if (!err && named && strcmp(name, dev->name))
		err = netdev_change(dev, &rename);
	err = err ?: change_master(dev, at[IFLA_MASTER]) ?: change_of(dev, m, at, IF_CHANGE_FLAGS);
	if (!err)
		dev->tx_queue_len = nl_u32(at[IFLA_TXQLEN], dev->tx_queue_len);
	return err;
}

int change_link(struct net_ns *net, const struct nlmsghdr *h, const struct ifinfomsg *m,
		const struct nlattr **at)
{
	SCOPED_DEV(dev, link_of(net, m, at[IFLA_IFNAME]));
	bool new = h->nlmsg_type == RTM_NEWLINK;

	if (IS_ERR(dev) && new)
		return h->nlmsg_flags & NLM_F_CREATE ? new_link(net, m, at) : -ENODEV;
	if (IS_ERR(dev))
		return PTR_ERR(dev);
	return new && h->nlmsg_flags &NLM_F_EXCL ? -EEXIST : apply_link(dev, m, at);
}

int delete_link(struct net_ns *net, const struct ifinfomsg *m, const struct nlattr **at)
{
	SCOPED_DEV(dev, link_of(net, m, at[IFLA_IFNAME]));

	if (IS_ERR(dev))
		return PTR_ERR(dev);
	if (!dev->ops->kind)
		return -EOPNOTSUPP;
	netdev_unregister(dev);
	return 0;
}

/* ---- numbers of namespaces ---- */

static void put_nsid(struct nl_out *o, int flags, int id)
{
	nl_begin(o, RTM_NEWNSID, flags, sizeof(struct rtgenmsg));
	nl_put_u32(o, NETNSA_NSID, id);
	nl_end(o);
}

void dump_nsids(struct net_ns *net, struct nl_out *o)
{
	const struct nsid *n;

	list_for_each(n, &net->nsids, link)
		put_nsid(o, NLM_F_MULTI, n->id);
}

int do_nsid(struct net_ns *net, const struct nlmsghdr *h, const struct nlattr **at,
	    struct nl_out *o)
{
	int err = 0, id = nl_u32(at[NETNSA_NSID], -1);
	struct net_ns *of;

	if (at[NETNSA_PID])
		of = net_ns_of_pid(nl_u32(at[NETNSA_PID], 0));
	else if (at[NETNSA_FD])
		of = net_ns_of_fd(nl_u32(at[NETNSA_FD], -1));
	else
		return -EINVAL;
	if (IS_ERR(of))
		return PTR_ERR(of);
	spin_lock(&net_lock);
	if (h->nlmsg_type == RTM_NEWNSID)
		err = at[NETNSA_NSID] ? net_nsid_set(net, of, id) : -EINVAL;
	else
		put_nsid(o, 0, net_nsid(net, of, false));
	spin_unlock(&net_lock);
	ns_put(&of->ns);
	return err;
}
