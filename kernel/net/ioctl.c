/* SPDX-License-Identifier: MIT */
/*
 * The ioctls of netdevice(7) on any socket: interfaces, their addresses, routes. What they change is
 * changed by netdev.c and route.c; who may is asked here.
 */
#include "net/inet.h"

#include <linux/capability.h>
#include <linux/if_arp.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>

static be32 get_addr(const struct sockaddr *sa)
{
	return ((const struct sockaddr_in *)sa)->sin_addr.s_addr;
}

static void put_addr(struct sockaddr *sa, be32 addr)
{
	*(struct sockaddr_in *)sa =
		(struct sockaddr_in){ .sin_family = AF_INET, .sin_addr = { addr } };
}

/* The length of a netmask's run of ones, or -1 when it is none. */
static int mask_prefix(be32 mask)
{
	u32 inverse = ~ntohl(mask);

	return inverse & (inverse + 1) ? -1 : inverse ? __builtin_clz(inverse) : 32;
}

/* SIOCGIFCONF: an entry for each address. */
static long get_conf(struct net_ns *net, void __user *arg)
{
	struct ifconf conf;
	struct strbuf out = { 0 };
	struct if_addr *a;
	struct netdev *dev;
	size_t n;
	int err;

	if (copy_from_user(&conf, arg, sizeof(conf)))
		return -EFAULT;
	spin_lock(&net_lock);
	list_for_each(dev, &net->devs, link) {
		list_for_each(a, &dev->addrs, link) {
			struct ifreq ifr = { 0 };

			memcpy(ifr.ifr_name, a->label, IFNAMSIZ);
			put_addr(&ifr.ifr_addr, a->addr);
			sb_write(&out, &ifr, sizeof(ifr));
		}
	}
	spin_unlock(&net_lock);
	n = out.len;
	if (conf.ifc_buf)
		n = min(n,
			(size_t)max(conf.ifc_len, 0) / sizeof(struct ifreq) * sizeof(struct ifreq));
	conf.ifc_len = n;
	err = out.failed ? -ENOMEM : 0;
	if (!err && conf.ifc_buf && n && copy_to_user((void __user *)conf.ifc_buf, out.data, n))
		err = -EFAULT;
	sb_free(&out);
	return err ? err : copy_to_user(arg, &conf, sizeof(conf)) ? -EFAULT : 0;
}

/* The address an ifreq means: by its label, and by itself when it names one. A copy in *a. */
static int find_addr(struct netdev *dev, const struct ifreq *ifr, struct if_addr *a)
{
	bool by_addr = ifr->ifr_addr.sa_family == AF_INET;
	const struct if_addr *at, *found;

	SPIN_GUARD(&net_lock);
	found = list_find(at, &dev->addrs, link, !strcmp(at->label, ifr->ifr_name));
	if (!found)
		return -EADDRNOTAVAIL;
	if (by_addr)
		found = list_find(at, &dev->addrs, link,
				  !strcmp(at->label, ifr->ifr_name) &&
					  at->addr == get_addr(&ifr->ifr_addr))
				?: found;
	*a = *found;
	return 0;
}

static long get_if_addr(struct netdev *dev, unsigned int cmd, struct ifreq *ifr)
{
	struct if_addr a;
	int err = find_addr(dev, ifr, &a);

	if (err)
		return err;
	put_addr(&ifr->ifr_addr, cmd == SIOCGIFBRDADDR   ? a.broadcast
				 : cmd == SIOCGIFNETMASK ? prefix_mask(a.prefix)
							 : a.addr);
	return 0;
}

/* The netmask of an address's class, which SIOCSIFADDR takes: RFC 791, 3.2 */
static u8 class_prefix(be32 addr)
{
	u32 a = ntohl(addr);

	return !a ? 0 : a < 0x80000000 ? 8 : a < 0xc0000000 ? 16 : 24;
}

static long set_if_addr(struct netdev *dev, unsigned int cmd, const struct ifreq *given)
{
	struct ifreq ifr = *given;
	be32 value = get_addr(&ifr.ifr_addr);
	struct if_addr a = { 0 }, old;
	int prefix;
	bool had;

	if (ifr.ifr_addr.sa_family != AF_INET)
		return -EINVAL;
	ifr.ifr_addr.sa_family = AF_UNSPEC; /* the value is no key */
	had = !find_addr(dev, &ifr, &old);
	if (cmd != SIOCSIFADDR && !had)
		return -EADDRNOTAVAIL;
	if (had)
		a = old;
	memcpy(a.label, ifr.ifr_name, IFNAMSIZ);
	if (cmd == SIOCSIFADDR) {
		if (is_multicast(value) || value == htonl(INADDR_BROADCAST))
			return -EINVAL;
		a.addr = value;
		a.prefix = class_prefix(value);
		a.scope = is_loopback(value) ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE;
		a.broadcast = dev->flags & IFF_BROADCAST ? value | ~prefix_mask(a.prefix) : 0;
	} else if (cmd == SIOCSIFNETMASK) {
		prefix = mask_prefix(value);
		if (prefix < 0)
			return -EINVAL;
		if (dev->flags & IFF_BROADCAST && prefix < 31)
			a.broadcast = a.addr | ~prefix_mask(prefix);
		a.prefix = prefix;
	} else if (cmd == SIOCSIFBRDADDR) {
		a.broadcast = value;
	} else {
		return -EOPNOTSUPP; /* the far end of a point-to-point device: there is none */
	}
	if (had)
		addr_del(dev, old.addr, old.prefix);
	return a.addr ? addr_add(dev, &a) : 0;
}

static long get_dev(struct netdev *dev, unsigned int cmd, struct ifreq *ifr)
{
	switch (cmd) {
	case SIOCGIFNAME:
		memcpy(ifr->ifr_name, dev->name, IFNAMSIZ);
		return 0;
	case SIOCGIFFLAGS:
		ifr->ifr_flags = dev->flags;
		return 0;
	case SIOCETHTOOL: /* no driver has anything to say; libpcap asks what time stamps it takes */
		return -EOPNOTSUPP;
	case SIOCGIFMAP:
		memset(&ifr->ifr_map, 0, sizeof(ifr->ifr_map));
		return 0;
	case SIOCGIFHWADDR:
		memset(&ifr->ifr_hwaddr, 0, sizeof(ifr->ifr_hwaddr));
		ifr->ifr_hwaddr.sa_family = dev->type;
		memcpy(ifr->ifr_hwaddr.sa_data, dev->mac, ETH_ALEN);
		return 0;
	case SIOCGIFADDR:
	case SIOCGIFNETMASK:
	case SIOCGIFBRDADDR:
	case SIOCGIFDSTADDR:
		return get_if_addr(dev, cmd, ifr);
	}
	/* the rest are one int, whatever its name in struct ifreq */
	ifr->ifr_metric = cmd == SIOCGIFINDEX    ? dev->ifindex
			  : cmd == SIOCGIFMTU    ? (int)dev->mtu
			  : cmd == SIOCGIFTXQLEN ? (int)dev->tx_queue_len
						 : 0;
	return 0;
}

static long set_dev(struct netdev *dev, unsigned int cmd, struct ifreq *ifr)
{
	struct if_change c = { 0 };
	struct if_addr a;

	switch (cmd) {
	case SIOCSIFFLAGS:
		/* an alias that goes down is no more */
		if (strchr(ifr->ifr_name, ':') && !(ifr->ifr_flags & IFF_UP)) {
			ifr->ifr_addr.sa_family = AF_UNSPEC;
			return find_addr(dev, ifr, &a) ?: addr_del(dev, a.addr, a.prefix);
		}
		c = (struct if_change){ .what = IF_CHANGE_FLAGS,
					.flags = (u16)ifr->ifr_flags,
					.flags_mask = ~0U };
		break;
	case SIOCSIFMTU:
		c = (struct if_change){ .what = IF_CHANGE_MTU, .mtu = ifr->ifr_mtu };
		break;
	case SIOCSIFNAME:
		ifr->ifr_newname[IFNAMSIZ - 1] = 0;
		c = (struct if_change){ .what = IF_CHANGE_NAME, .name = ifr->ifr_newname };
		break;
	case SIOCSIFHWADDR:
		if (ifr->ifr_hwaddr.sa_family != dev->type)
			return -EINVAL;
		c = (struct if_change){ .what = IF_CHANGE_MAC,
					.mac = (u8 *)ifr->ifr_hwaddr.sa_data };
		break;
	case SIOCSIFMETRIC:
		return -EOPNOTSUPP;
	case SIOCSIFTXQLEN:
		if (ifr->ifr_qlen < 0)
			return -EINVAL;
		dev->tx_queue_len = ifr->ifr_qlen;
		return 0;
	default:
		return set_if_addr(dev, cmd, ifr);
	}
	return netdev_change(dev, &c);
}

static struct netdev *dev_of(struct net_ns *net, const struct ifreq *ifr)
{
	char name[IFNAMSIZ];
	char *colon;

	memcpy(name, ifr->ifr_name, sizeof(name));
	colon = strchr(name, ':');
	if (colon)
		*colon = 0;
	return netdev_by_name(net, name);
}

/* SIOCADDRT, SIOCDELRT: route(8)'s struct rtentry. */
static long route_ioctl(struct net_ns *net, unsigned int cmd, void __user *arg)
{
	struct route r = { .table = RT_TABLE_MAIN, .type = RTN_UNICAST };
	struct ifreq ifr = { 0 };
	struct rtentry e;
	int prefix = 32;
	long err;

	if (!net_capable(net, CAP_NET_ADMIN))
		return -EPERM;
	if (copy_from_user(&e, arg, sizeof(e)))
		return -EFAULT;
	if (e.rt_dst.sa_family != AF_INET)
		return -EAFNOSUPPORT;
	r.dst = get_addr(&e.rt_dst);
	if (!(e.rt_flags & RTF_HOST))
		prefix = mask_prefix(get_addr(&e.rt_genmask));
	if (prefix < 0 || r.dst & ~prefix_mask(prefix))
		return -EINVAL;
	r.prefix = prefix;
	r.metric = e.rt_metric > 0 ? e.rt_metric - 1 : 0;
	if (e.rt_gateway.sa_family == AF_INET)
		r.gateway = get_addr(&e.rt_gateway);
	r.scope = r.gateway && e.rt_flags & RTF_GATEWAY ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
	if (e.rt_flags & RTF_REJECT)
		r.type = RTN_UNREACHABLE;
	if (e.rt_flags & RTF_GATEWAY && !r.gateway && cmd == SIOCADDRT)
		return -EINVAL;
	if (e.rt_dev) {
		if (copy_from_user(ifr.ifr_name, e.rt_dev, IFNAMSIZ - 1))
			return -EFAULT;
		r.dev = dev_of(net, &ifr);
		if (!r.dev)
			return -ENODEV;
	}
	if (cmd == SIOCADDRT) {
		r.protocol = RTPROT_BOOT;
		err = route_add(net, &r, NLM_F_CREATE);
	} else {
		err = route_del(net, &r);
	}
	netdev_put(r.dev);
	return err;
}

#define BIT_OF(cmd) (1UL << ((cmd)-SIOCGIFNAME))
#define GETS                                                                                       \
	(BIT_OF(SIOCGIFNAME) | BIT_OF(SIOCGIFFLAGS) | BIT_OF(SIOCGIFADDR) |                        \
	 BIT_OF(SIOCGIFDSTADDR) | BIT_OF(SIOCGIFBRDADDR) | BIT_OF(SIOCGIFNETMASK) |                \
	 BIT_OF(SIOCGIFMETRIC) | BIT_OF(SIOCGIFMTU) | BIT_OF(SIOCGIFHWADDR) |                      \
	 BIT_OF(SIOCGIFINDEX) | BIT_OF(SIOCGIFTXQLEN))
#define SETS                                                                                       \
	(BIT_OF(SIOCSIFFLAGS) | BIT_OF(SIOCSIFADDR) | BIT_OF(SIOCSIFDSTADDR) |                     \
	 BIT_OF(SIOCSIFBRDADDR) | BIT_OF(SIOCSIFNETMASK) | BIT_OF(SIOCSIFMETRIC) |                 \
	 BIT_OF(SIOCSIFMTU) | BIT_OF(SIOCSIFNAME) | BIT_OF(SIOCSIFHWADDR) | BIT_OF(SIOCSIFTXQLEN))

long net_ioctl(struct net_ns *net, unsigned int cmd, unsigned long arg)
{
	u64 bit = cmd - SIOCGIFNAME < 64 ? BIT_OF(cmd) : 0;
	void __user *user = (void __user *)arg;
	bool set = bit & SETS;
	struct ifreq ifr;

	if (cmd == SIOCGIFCONF)
		return get_conf(net, user);
	if (cmd == SIOCADDRT || cmd == SIOCDELRT)
		return route_ioctl(net, cmd, user);
	if (!(bit & (GETS | SETS)) && cmd != SIOCGIFMAP && cmd != SIOCETHTOOL)
		return -ENOTTY;
	if (copy_from_user(&ifr, user, sizeof(ifr)))
		return -EFAULT;
	ifr.ifr_name[IFNAMSIZ - 1] = 0;
	if (set && !net_capable(net, CAP_NET_ADMIN))
		return -EPERM;
	SCOPED_DEV(dev,
		   cmd == SIOCGIFNAME ? netdev_by_index(net, ifr.ifr_ifindex) : dev_of(net, &ifr));
	if (!dev)
		return -ENODEV;
	if (set)
		return set_dev(dev, cmd, &ifr);
	return get_dev(dev, cmd, &ifr) ?: copy_to_user(user, &ifr, sizeof(ifr)) ? -EFAULT : 0;
}
