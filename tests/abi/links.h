/* SPDX-License-Identifier: MIT */
/* For tests of devices that are made by messages: veth pairs and bridges, in namespaces of their own. */
#pragma once
#include "net.h"
#include "nlmsg.h"

#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <linux/net_namespace.h>
#include <linux/veth.h>

static inline struct rtattr *nest(int type)
{
	struct rtattr *a = (void *)((char *)&req + NLMSG_ALIGN(req.h.nlmsg_len));

	attr(type, NULL, 0);
	return a;
}
static inline void nest_end(struct rtattr *a)
{
	a->rta_len = (char *)&req + req.h.nlmsg_len - (char *)a;
}
static inline void attr_name(const char *name)
{
	attr(IFLA_IFNAME, name, strlen(name) + 1);
}
static inline void attr_int(int type, int v)
{
	attr(type, &v, sizeof(v));
}

/* Sends the request and takes its acknowledgement: 0, or -1 and errno. */
static inline int ask(void)
{
	const struct nlmsghdr *h = (void *)buf;
	const struct nlmsgerr *e = NLMSG_DATA(h);

	req.h.nlmsg_flags |= NLM_F_ACK;
	if (send(nl, &req, req.h.nlmsg_len, 0) < 0 || recv(nl, buf, sizeof(buf), 0) < 0)
		return -1;
	errno = h->nlmsg_type == NLMSG_ERROR ? -e->error : 0;
	return errno ? -1 : 0;
}

static inline struct ifinfomsg *link_request(int type, int flags, const char *name)
{
	struct ifinfomsg *m = begin(type, flags, sizeof(*m));

	if (name)
		m->ifi_index = if_nametoindex(name);
	return m;
}

/* Begins ip link add NAME type KIND; the caller ends the nest and asks. */
static inline struct rtattr *new_link(const char *name, const char *kind)
{
	struct rtattr *info;

	link_request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, NULL);
	if (name)
		attr_name(name);
	info = nest(IFLA_LINKINFO);
	attr(IFLA_INFO_KIND, kind, strlen(kind));
	return info;
}

/* fd: the peer's namespace, -1 this one. */
static inline int veth_in(const char *name, const char *peer, int fd)
{
	struct rtattr *info = new_link(name, "veth"), *data = nest(IFLA_INFO_DATA),
		      *p = nest(VETH_INFO_PEER);

	memset((char *)&req + req.h.nlmsg_len, 0, sizeof(struct ifinfomsg));
	req.h.nlmsg_len += sizeof(struct ifinfomsg);
	attr_name(peer);
	if (fd >= 0)
		attr_int(IFLA_NET_NS_FD, fd);
	nest_end(p);
	nest_end(data);
	nest_end(info);
	return ask();
}
static inline int veth(const char *name, const char *peer)
{
	return veth_in(name, peer, -1);
}
static inline int bridge(const char *name)
{
	nest_end(new_link(name, "bridge"));
	return ask();
}
static inline int del(const char *name)
{
	link_request(RTM_DELLINK, 0, NULL);
	attr_name(name);
	return ask();
}
static inline int master(const char *name, const char *br)
{
	link_request(RTM_SETLINK, 0, name);
	attr_int(IFLA_MASTER, br ? (int)if_nametoindex(br) : 0);
	return ask();
}
static inline int up(const char *name)
{
	return set_flags(name, IFF_UP);
}
static inline int move_to(const char *name, int type, int value)
{
	link_request(RTM_SETLINK, 0, name);
	attr_int(type, value);
	return ask();
}

static inline void set_mac(const char *name, int last)
{
	unsigned char mac[6] = { 2, 0, 0, 0, 0, last };

	link_request(RTM_SETLINK, 0, name);
	attr(IFLA_ADDRESS, mac, sizeof(mac));
	if (ask())
		say("set_mac: %s", net_errno(errno));
}

static inline int add_addr(const char *name, const char *ip, int prefix)
{
	struct ifaddrmsg *m = begin(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, sizeof(*m));
	in_addr_t a = inet_addr(ip);

	m->ifa_family = AF_INET;
	m->ifa_prefixlen = prefix;
	m->ifa_index = if_nametoindex(name);
	attr(IFA_LOCAL, &a, sizeof(a));
	return ask();
}

/* What a link is, but for what depends on time or luck. */
static inline void show(const char *name)
{
	struct ifinfomsg *m = link_request(RTM_GETLINK, 0, NULL);
	const char *kind = "-";
	int n, mtu = 0, link = 0, nsid = -1, up_to = 0, qlen = 0, carrier = 0;

	attr_name(name);
	send(nl, &req, req.h.nlmsg_len, 0);
	recv(nl, buf, sizeof(buf), 0);
	m = NLMSG_DATA(buf);
	if (((struct nlmsghdr *)buf)->nlmsg_type == NLMSG_ERROR) {
		say("%s: %s", name, net_errno(-*(int *)m));
		return;
	}
	n = ((struct nlmsghdr *)buf)->nlmsg_len - NLMSG_LENGTH(sizeof(*m));
	for (struct rtattr *a = (void *)(m + 1); RTA_OK(a, n); a = RTA_NEXT(a, n)) {
		int *v = a->rta_type == IFLA_MTU            ? &mtu
			 : a->rta_type == IFLA_LINK         ? &link
			 : a->rta_type == IFLA_LINK_NETNSID ? &nsid
			 : a->rta_type == IFLA_MASTER       ? &up_to
			 : a->rta_type == IFLA_TXQLEN       ? &qlen
							    : NULL;
		if (v)
			*v = *(int *)RTA_DATA(a);
		if (a->rta_type == IFLA_CARRIER)
			carrier = *(char *)RTA_DATA(a);
		if (a->rta_type == IFLA_LINKINFO)
			kind = RTA_DATA((struct rtattr *)RTA_DATA(a));
	}
	say("%d %s: %s%s%s%s type %d mtu %d qlen %d link %d nsid %d master %d carrier %d %s",
	    m->ifi_index, name, m->ifi_flags & IFF_UP ? "up " : "",
	    m->ifi_flags & 0x10000 ? "lower-up " : "", m->ifi_flags & IFF_BROADCAST ? "bc " : "",
	    m->ifi_flags & IFF_MULTICAST ? "mc" : "", m->ifi_type, mtu, qlen, link, nsid, up_to,
	    carrier, kind);
}

/* A new namespace with lo up and `nl` in it; its file. */
static inline int enter_new(void)
{
	own_net();
	if (nl > 0)
		close(nl);
	nl = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	return open("/proc/self/ns/net", O_RDONLY);
}
static inline void enter(int ns)
{
	if (setns(ns, CLONE_NEWNET))
		say("setns: %s", net_errno(errno));
	close(nl);
	nl = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
}
/* Linux takes its time to end a namespace. */
static inline bool gone_soon(const char *name)
{
	for (int i = 0; i < 200 && if_nametoindex(name); i++)
		usleep(20000);
	return !if_nametoindex(name);
}
/* Until the device can send: Linux looks at cables once a second, or when it has the time. */
static inline void settle(const char *name)
{
	struct ifreq r = { 0 };
	int fd = udp();

	strcpy(r.ifr_name, name);
	for (int i = 0; i < 250 && !(r.ifr_flags & IFF_RUNNING); i++) {
		usleep(20000);
		if (ioctl(fd, SIOCGIFFLAGS, &r))
			break;
	}
	close(fd);
}
static inline bool there_soon(int fd)
{
	struct pollfd p = { fd, POLLIN, 0 };

	return poll(&p, 1, 5000) == 1;
}

/* n bytes from a connection to server's port 5000; sum of all that came. */
static inline void stream(int from, int to, const char *server, int n)
{
	static char block[8192];
	int l, fd, got = 0, k;
	unsigned int sum = 0, want = 0;

	enter(to);
	l = tcp();
	if (bind(l, AT("0.0.0.0", 5000)) || listen(l, 5))
		say("listen: %s", net_errno(errno));
	enter(from);
	if (fork() == 0) {
		fd = tcp();
		if (connect(fd, AT(server, 5000)))
			say("connect: %s", net_errno(errno));
		for (int at = 0; at < n; at += sizeof(block)) {
			memset(block, at >> 13, sizeof(block));
			if (send(fd, block, sizeof(block), MSG_NOSIGNAL) != sizeof(block))
				say("send: %s", net_errno(errno));
		}
		_exit(0);
	}
	fd = accept(l, NULL, NULL);
	while ((k = recv(fd, block, sizeof(block), 0)) > 0) {
		for (int i = 0; i < k; i++)
			sum += (unsigned char)block[i];
		got += k;
	}
	for (int at = 0; at < n; at += sizeof(block))
		want += sizeof(block) * (unsigned char)(at >> 13);
	reap(-1);
	say("%d bytes, %s", got, sum == want ? "as they were" : "others");
	close(fd);
	close(l);
}
