/* SPDX-License-Identifier: MIT */
/* NETLINK_ROUTE, in a network namespace of its own: devices, addresses, routes, news. */
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <poll.h>

#include "nlmsg.h"

static void attr_ip(int type, const char *ip)
{
	struct in_addr a;

	inet_aton(ip, &a);
	attr(type, &a, 4);
}

static const char *ip_of(const void *data)
{
	static char text[4][20];
	static int i;

	i = (i + 1) % 4;
	return inet_ntop(AF_INET, data, text[i], sizeof(text[i]));
}

static void show_link(const struct nlmsghdr *h)
{
	const struct ifinfomsg *m = NLMSG_DATA(h);
	int len = h->nlmsg_len - NLMSG_LENGTH(sizeof(*m));
	char name[20] = "?";
	unsigned int mtu = 0, mac = 0, state = 99;

	for (struct rtattr *a = (void *)(m + 1); RTA_OK(a, len); a = RTA_NEXT(a, len)) {
		if (a->rta_type == IFLA_IFNAME)
			strcpy(name, RTA_DATA(a));
		if (a->rta_type == IFLA_MTU)
			mtu = *(unsigned int *)RTA_DATA(a);
		if (a->rta_type == IFLA_ADDRESS)
			mac = RTA_PAYLOAD(a);
		if (a->rta_type == IFLA_OPERSTATE)
			state = *(unsigned char *)RTA_DATA(a);
	}
	say("link %d %s type %d flags %x mtu %u address of %u state %u", m->ifi_index, name,
	    m->ifi_type, m->ifi_flags, mtu, mac, state);
}

static void show_addr(const struct nlmsghdr *h)
{
	const struct ifaddrmsg *m = NLMSG_DATA(h);
	int len = h->nlmsg_len - NLMSG_LENGTH(sizeof(*m));
	const char *local = "-", *addr = "-", *brd = "-", *label = "-";

	for (struct rtattr *a = (void *)(m + 1); RTA_OK(a, len); a = RTA_NEXT(a, len)) {
		if (a->rta_type == IFA_LOCAL)
			local = ip_of(RTA_DATA(a));
		if (a->rta_type == IFA_ADDRESS)
			addr = ip_of(RTA_DATA(a));
		if (a->rta_type == IFA_BROADCAST)
			brd = ip_of(RTA_DATA(a));
		if (a->rta_type == IFA_LABEL)
			label = RTA_DATA(a);
	}
	say("addr %s %s/%d brd %s label %s flags %x scope %d dev %d", local, addr, m->ifa_prefixlen,
	    brd, label, m->ifa_flags, m->ifa_scope, m->ifa_index);
}

static void show_route(const struct nlmsghdr *h)
{
	const struct rtmsg *m = NLMSG_DATA(h);
	int len = h->nlmsg_len - NLMSG_LENGTH(sizeof(*m)), oif = 0, metric = 0, table = 0;
	const char *dst = "-", *gw = "-", *src = "-";

	for (struct rtattr *a = (void *)(m + 1); RTA_OK(a, len); a = RTA_NEXT(a, len)) {
		if (a->rta_type == RTA_DST)
			dst = ip_of(RTA_DATA(a));
		if (a->rta_type == RTA_GATEWAY)
			gw = ip_of(RTA_DATA(a));
		if (a->rta_type == RTA_PREFSRC)
			src = ip_of(RTA_DATA(a));
		if (a->rta_type == RTA_OIF)
			oif = *(int *)RTA_DATA(a);
		if (a->rta_type == RTA_PRIORITY)
			metric = *(int *)RTA_DATA(a);
		if (a->rta_type == RTA_TABLE)
			table = *(int *)RTA_DATA(a);
	}
	say("route %s/%d gw %s src %s oif %d metric %d table %d %d type %d scope %d proto %d flags "
	    "%x",
	    dst, m->rtm_dst_len, gw, src, oif, metric, m->rtm_table, table, m->rtm_type,
	    m->rtm_scope, m->rtm_protocol, m->rtm_flags);
}

/* One message; false: the last of an answer. IPv6 is nobody's business here. */
static bool show_message(const struct nlmsghdr *h)
{
	const struct rtgenmsg *g = NLMSG_DATA(h);
	const struct nlmsgerr *e = NLMSG_DATA(h);

	switch (h->nlmsg_type) {
	case NLMSG_ERROR:
		say("answer: %s, to type %d seq %u", e->error ? errno_name(-e->error) : "ok",
		    e->msg.nlmsg_type, e->msg.nlmsg_seq);
		return false;
	case NLMSG_DONE:
		say("done, seq %u multi %d", h->nlmsg_seq, h->nlmsg_flags & NLM_F_MULTI);
		return false;
	}
	if (g->rtgen_family != AF_UNSPEC && g->rtgen_family != AF_INET)
		return true;
	if (h->nlmsg_type / 4 == RTM_NEWLINK / 4)
		show_link(h);
	else if (h->nlmsg_type / 4 == RTM_NEWADDR / 4)
		show_addr(h);
	else if (h->nlmsg_type / 4 == RTM_NEWROUTE / 4)
		show_route(h);
	if (h->nlmsg_type & 3)
		say("  type %d", h->nlmsg_type);
	return h->nlmsg_flags & NLM_F_MULTI;
}

static void receive_all(int s)
{
	bool more = true;

	while (more) {
		int n = recv(s, buf, sizeof(buf), 0);

		if (n < 0) {
			say("recv: %s", errno_name(errno));
			return;
		}
		for (struct nlmsghdr *h = (void *)buf; more && NLMSG_OK(h, n); h = NLMSG_NEXT(h, n))
			more = show_message(h);
	}
}

static void talk(const char *what)
{
	say("%s:", what);
	if (send(nl, &req, req.h.nlmsg_len, 0) != req.h.nlmsg_len)
		say("send: %s", errno_name(errno));
	receive_all(nl);
}

static void set_up(int index, bool up)
{
	struct ifinfomsg *m = begin(RTM_NEWLINK, NLM_F_ACK, sizeof(*m));

	m->ifi_index = index;
	m->ifi_flags = up ? IFF_UP : 0;
	m->ifi_change = IFF_UP;
	talk(up ? "up" : "down");
}

static void new_addr(const char *ip, int prefix, int type, int flags)
{
	struct ifaddrmsg *m = begin(type, NLM_F_ACK | flags, sizeof(*m));

	m->ifa_family = AF_INET;
	m->ifa_prefixlen = prefix;
	m->ifa_index = 1;
	attr_ip(IFA_LOCAL, ip);
	attr_ip(IFA_ADDRESS, ip);
	talk(ip);
}

static void route(int type, const char *dst, int prefix, int oif, int metric)
{
	struct rtmsg *m =
		begin(type, NLM_F_ACK | (type == RTM_NEWROUTE ? NLM_F_CREATE | NLM_F_EXCL : 0),
		      sizeof(*m));

	m->rtm_family = AF_INET;
	m->rtm_dst_len = prefix;
	m->rtm_table = RT_TABLE_MAIN;
	m->rtm_scope = type == RTM_NEWROUTE ? RT_SCOPE_LINK : RT_SCOPE_NOWHERE;
	if (type == RTM_NEWROUTE) {
		m->rtm_type = RTN_UNICAST;
		m->rtm_protocol = RTPROT_BOOT;
	}
	attr_ip(RTA_DST, dst);
	attr(RTA_OIF, &oif, 4);
	if (metric)
		attr(RTA_PRIORITY, &metric, 4);
	talk(dst);
}

static void dump(const char *what, int type)
{
	struct rtmsg *m = begin(type, NLM_F_DUMP, sizeof(*m));

	m->rtm_family = AF_INET;
	talk(what);
}

static void links(void)
{
	struct ifinfomsg *m;

	own_namespace();
	begin(RTM_GETLINK, NLM_F_DUMP, sizeof(*m));
	talk("dump");
	m = begin(RTM_GETLINK, 0, sizeof(*m));
	m->ifi_index = 1;
	talk("by index");
	begin(RTM_GETLINK, 0, sizeof(*m));
	attr(IFLA_IFNAME, "lo", 3);
	talk("by name");
	begin(RTM_GETLINK, 0, sizeof(*m));
	attr(IFLA_IFNAME, "none", 5);
	talk("no such name");
	m = begin(RTM_GETLINK, 0, sizeof(*m));
	m->ifi_index = 99;
	talk("no such index");
	begin(RTM_GETLINK, 0, sizeof(*m));
	talk("none");
	set_up(1, true);
	begin(RTM_GETLINK, NLM_F_DUMP, sizeof(*m));
	talk("dump");
	set_up(1, false);
	set_up(99, true);
}

static void link_changes(void)
{
	struct ifinfomsg *m;
	int mtu = 1400;

	own_namespace();
	m = begin(RTM_NEWLINK, NLM_F_ACK, sizeof(*m));
	m->ifi_index = 1;
	attr(IFLA_MTU, &mtu, 4);
	talk("mtu");
	m = begin(RTM_NEWLINK, NLM_F_ACK, sizeof(*m));
	m->ifi_index = 1;
	attr(IFLA_IFNAME, "loop", 5);
	talk("name");
	m = begin(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, sizeof(*m));
	attr(IFLA_IFNAME, "loop", 5);
	talk("make it again");
	begin(RTM_NEWLINK, NLM_F_ACK, sizeof(*m));
	attr(IFLA_IFNAME, "none", 5);
	talk("none");
	begin(RTM_NEWLINK, NLM_F_ACK, sizeof(*m));
	talk("nobody");
	begin(RTM_SETLINK, NLM_F_ACK, sizeof(*m));
	talk("nobody to set");
	m = begin(RTM_GETLINK, 0, sizeof(*m));
	m->ifi_index = 1;
	talk("now");
}

static void addresses(void)
{
	own_namespace();
	dump("before", RTM_GETADDR);
	set_up(1, true);
	dump("up", RTM_GETADDR);
	new_addr("10.1.2.3", 24, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
	dump("routes", RTM_GETROUTE);
	new_addr("10.1.2.4", 24, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
	new_addr("10.1.2.4", 24, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
	new_addr("10.1.2.4", 24, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE);
	new_addr("10.1.2.5", 33, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
	dump("added", RTM_GETADDR);
	new_addr("10.1.2.4", 24, RTM_DELADDR, 0);
	new_addr("10.1.2.4", 24, RTM_DELADDR, 0);
	dump("deleted", RTM_GETADDR);
}

static void routes(void)
{
	struct rtmsg *m;

	own_namespace();
	route(RTM_NEWROUTE, "10.9.0.0", 16, 1, 0); /* the device is down */
	set_up(1, true);
	route(RTM_NEWROUTE, "10.9.0.0", 16, 1, 0);
	route(RTM_NEWROUTE, "10.9.0.0", 16, 1, 0);
	route(RTM_NEWROUTE, "10.9.0.0", 16, 1, 5);
	route(RTM_NEWROUTE, "10.9.0.1", 16, 1, 0);
	route(RTM_NEWROUTE, "10.3.0.0", 16, 99, 0);
	route(RTM_NEWROUTE, "10.3.0.0", 16, 1, 0);
	route(RTM_NEWROUTE, "10.9.1.0", 24, 1, 0);
	dump("all", RTM_GETROUTE);
	m = begin(RTM_GETROUTE, 0, sizeof(*m));
	m->rtm_family = AF_INET;
	m->rtm_dst_len = 32;
	attr_ip(RTA_DST, "127.0.0.1");
	talk("the way to 127.0.0.1");
	m = begin(RTM_GETROUTE, 0, sizeof(*m));
	m->rtm_family = AF_INET;
	m->rtm_dst_len = 32;
	attr_ip(RTA_DST, "8.8.8.8");
	talk("the way to 8.8.8.8");
	route(RTM_DELROUTE, "10.9.0.0", 16, 1, 5);
	route(RTM_DELROUTE, "10.9.0.0", 16, 1, 5);
	route(RTM_DELROUTE, "10.9.0.0", 16, 1, 0);
	dump("left", RTM_GETROUTE);
}

static void news(void)
{
	struct sockaddr_nl sa = { .nl_family = AF_NETLINK,
				  .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR };
	int s, group = RTNLGRP_IPV4_ROUTE;
	struct pollfd p;

	own_namespace();
	s = socket(AF_NETLINK, SOCK_DGRAM | SOCK_NONBLOCK, NETLINK_ROUTE);
	R(bind(s, (struct sockaddr *)&sa, sizeof(sa)));
	set_up(1, true);
	new_addr("10.1.2.3", 32, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
	new_addr("10.1.2.3", 32, RTM_DELADDR, 0);
	for (p = (struct pollfd){ s, POLLIN, 0 }; poll(&p, 1, 0) == 1;)
		receive_all(s);
	R(setsockopt(s, 270, NETLINK_ADD_MEMBERSHIP, &group, 4));
	route(RTM_NEWROUTE, "10.9.0.0", 16, 1, 0);
	route(RTM_DELROUTE, "10.9.0.0", 16, 1, 0);
	while (poll(&p, 1, 0) == 1)
		receive_all(s);
	R(setsockopt(s, 270, NETLINK_DROP_MEMBERSHIP, &group, 4));
	route(RTM_NEWROUTE, "10.9.0.0", 16, 1, 0);
	R(poll(&p, 1, 0));
	group = 0;
	R(setsockopt(s, 270, NETLINK_ADD_MEMBERSHIP, &group, 4));
	group = 1000;
	R(setsockopt(s, 270, NETLINK_ADD_MEMBERSHIP, &group, 4));
	R(setsockopt(s, 270, 999, &group, 4));
	R(setsockopt(s, 1234, NETLINK_ADD_MEMBERSHIP, &group, 4));
}

static void without_rights(void)
{
	nl = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	if (geteuid() == 0 && setresuid(54321, 54321, 54321))
		say("setresuid");
	set_up(1, true);
	new_addr("10.1.2.3", 24, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
	route(RTM_DELROUTE, "10.9.0.0", 16, 1, 0);
}

static void bad_requests(void)
{
	own_namespace();
	begin(RTM_NEWLINK + 1000, NLM_F_ACK, 16);
	talk("type too large");
	begin(3, NLM_F_ACK, 16);
	talk("control type");
	begin(RTM_GETLINK, NLM_F_ACK, 16);
	req.h.nlmsg_flags &= ~NLM_F_REQUEST;
	talk("no request");
	begin(RTM_GETLINK, NLM_F_ACK, 0);
	talk("no header");
	begin(RTM_GETLINK, NLM_F_ACK, 8);
	talk("short header");
	begin(RTM_NEWADDR, NLM_F_ACK, sizeof(struct ifaddrmsg));
	((struct ifaddrmsg *)NLMSG_DATA(&req.h))->ifa_family = AF_INET;
	talk("nothing in it");
	begin(RTM_GETLINK, NLM_F_ACK, 16);
	req.h.nlmsg_len = 8;
	R(send(nl, &req, 32, 0));
	req.h.nlmsg_len = 800;
	R(send(nl, &req, 32, 0));
	R(send(nl, &req, 3, 0));
	R(recv(nl, buf, sizeof(buf), MSG_DONTWAIT));
	R(send(nl, &req, 3, MSG_OOB));
	R(send(nl, wild(1), 3, 0));
}

static void sockets(void)
{
	struct sockaddr_nl sa = { .nl_family = AF_NETLINK };
	socklen_t len = sizeof(sa);
	int s, v = 1;

	own_namespace();
	R(socket(AF_NETLINK, SOCK_STREAM, NETLINK_ROUTE));
	R(socket(AF_NETLINK, SOCK_RAW, 31));
	R(socket(AF_NETLINK, SOCK_RAW, -1));
	R(socket(AF_NETLINK, SOCK_RAW, 99));
	R(getsockname(nl, (struct sockaddr *)&sa, &len));
	say("%d %d %u, %d", sa.nl_family, sa.nl_pid, sa.nl_groups, len);
	R(getpeername(nl, (struct sockaddr *)&sa, &len));
	R(bind(nl, (struct sockaddr *)&sa, 4));
	R(bind(nl, (struct sockaddr *)&sa, sizeof(sa)));
	R(getsockname(nl, (struct sockaddr *)&sa, &len));
	say("own pid: %d", sa.nl_pid == (unsigned int)getpid());
	s = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	R(bind(s, (struct sockaddr *)&sa, sizeof(sa)));
	sa.nl_pid = 0;
	R(bind(s, (struct sockaddr *)&sa, sizeof(sa)));
	R(getsockname(s, (struct sockaddr *)&sa, &len));
	say("another: %d", sa.nl_pid != 0 && sa.nl_pid != (unsigned int)getpid());
	sa.nl_pid = 12345;
	R(bind(s, (struct sockaddr *)&sa, sizeof(sa)));
	sa = (struct sockaddr_nl){ .nl_family = AF_INET };
	R(bind(s, (struct sockaddr *)&sa, sizeof(sa)));
	sa = (struct sockaddr_nl){ .nl_family = AF_NETLINK };
	R(connect(s, (struct sockaddr *)&sa, sizeof(sa)));
	R(connect(s, (struct sockaddr *)&sa, 6));
	R(listen(s, 1));
	R(accept(s, NULL, NULL));
	R(shutdown(s, SHUT_RDWR));
	R(setsockopt(s, 270, NETLINK_EXT_ACK, &v, 4));
	R(setsockopt(s, 270, NETLINK_GET_STRICT_CHK, &v, 4));
	len = 4;
	v = 0;
	R(getsockopt(s, 270, NETLINK_GET_STRICT_CHK, &v, &len));
	say("%d %d", v, len);
	R(getsockopt(s, 270, 99, &v, &len));
}

static void peeked(void)
{
	struct sockaddr_nl from;
	struct iovec iov = { NULL, 0 };
	struct msghdr m = {
		.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1
	};

	own_namespace();
	begin(RTM_GETADDR + 100, NLM_F_ACK, sizeof(struct rtgenmsg));
	R(send(nl, &req, req.h.nlmsg_len, 0));
	R(recvmsg(nl, &m, MSG_PEEK | MSG_TRUNC));
	say("flags %x from %d %u, %d", m.msg_flags, from.nl_pid, from.nl_groups, m.msg_namelen);
	iov = (struct iovec){ buf, 20 };
	R(recvmsg(nl, &m, MSG_PEEK));
	say("flags %x", m.msg_flags);
	iov.iov_len = sizeof(buf);
	R(recvmsg(nl, &m, 0));
	say("flags %x", m.msg_flags);
}

/* A dump may follow an answer that nobody has read, but not another dump. */
static void unread(void)
{
	int done = 0, busy = 0, acks = 0, n;
	struct ifinfomsg *m;

	own_namespace();
	m = begin(RTM_GETLINK, NLM_F_ACK, sizeof(*m));
	m->ifi_index = 1;
	R(send(nl, &req, req.h.nlmsg_len, 0));
	begin(RTM_GETLINK, NLM_F_DUMP, sizeof(*m));
	R(send(nl, &req, req.h.nlmsg_len, 0));
	R(send(nl, &req, req.h.nlmsg_len, 0));
	while ((n = recv(nl, buf, sizeof(buf), MSG_DONTWAIT)) > 0)
		for (struct nlmsghdr *h = (void *)buf; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
			const struct nlmsgerr *e = NLMSG_DATA(h);

			done += h->nlmsg_type == NLMSG_DONE;
			acks += h->nlmsg_type == NLMSG_ERROR && !e->error;
			busy += h->nlmsg_type == NLMSG_ERROR && e->error == -EBUSY;
		}
	say("%d dumps, %d acknowledgements, %d busy", done, acks, busy);
}

static void by_the_library(void)
{
	struct ifaddrs *list, *a;

	own_namespace();
	set_up(1, true);
	R(getifaddrs(&list));
	for (a = list; a; a = a->ifa_next) {
		if (!a->ifa_addr)
			continue;
		if (a->ifa_addr->sa_family == AF_INET)
			say("%s %s flags %x", a->ifa_name,
			    ip_of(&((struct sockaddr_in *)a->ifa_addr)->sin_addr), a->ifa_flags);
		else if (a->ifa_addr->sa_family == AF_PACKET)
			say("%s flags %x", a->ifa_name, a->ifa_flags);
	}
	say("%d", if_nametoindex("lo"));
}

ABI_MAIN(CASE(links), CASE(link_changes), CASE(addresses), CASE(routes), CASE(news),
	 CASE(without_rights), CASE(bad_requests), CASE(sockets), CASE(peeked), CASE(unread),
	 CASE(by_the_library))
