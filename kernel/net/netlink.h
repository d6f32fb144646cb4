/* SPDX-License-Identifier: MIT */
/*
 * AF_NETLINK (netlink(7)) from inside: netlink.c has the sockets and puts messages together; what a
 * message means is rtnetlink.c's (NETLINK_ROUTE is the only protocol).
 */
#pragma once
#include "net/inet.h"

#include <linux/netlink.h>

/* Messages for one or more readers: packets of about NL_CHUNK bytes, each full of nlmsghdrs. */
#define NL_CHUNK 3840U /* of a dump */
#define NL_SINGLE 1280U /* of one message that stands alone */
struct nlattr;
struct nl_out {
	struct list_head pkts;
	u32 portid, seq; /* for the headers: whom it answers */
	struct nlmsghdr *msg; /* the one that is being made */
	bool failed; /* no memory: what is there is not to be used */
	char lost[32]; /* a header that has no place */
};
/* Begins a message: its zeroed family header of n bytes, without memory one that is lost. End with
 * nl_end(). */
void *nl_begin(struct nl_out *o, int type, int flags, size_t n);
void nl_end(struct nl_out *o);
/* Attributes of the message; what does not fit into the chunk fails. */
void nl_put(struct nl_out *o, int type, const void *data, size_t n);
static inline void nl_put_u32(struct nl_out *o, int type, u32 v)
{
	nl_put(o, type, &v, sizeof(v));
}
/* An attribute that holds those that are put up to nl_nest_end(). NULL: no room, which is noted. */
struct nlattr *nl_nest(struct nl_out *o, int type);
void nl_nest_end(struct nl_out *o, struct nlattr *a);
/* The attributes after a family header of n bytes: table[type] for types below max, NULL where there is
 * none. -EINVAL: a bad length. */
int nl_parse(const struct nlmsghdr *h, size_t n, const struct nlattr **table, int max);
/* The same of those in an attribute; a NULL: there are none. */
int nl_parse_nested(const struct nlattr *a, size_t n, const struct nlattr **table, int max);
static inline u32 nl_len(const struct nlattr *a)
{
	return a->nla_len - NLA_HDRLEN;
}
static inline const void *nl_data(const struct nlattr *a)
{
	return (const char *)a + NLA_HDRLEN;
}
u32 nl_u32(const struct nlattr *a, u32 otherwise); /* otherwise: a is NULL or too short */

/* To all sockets of net that listen to group. Does not sleep. Takes the message; o is empty then.
 * nl_news() begins it; false: nobody listens at all. */
void nl_multicast(struct net_ns *net, u32 group, struct nl_out *o);
bool nl_news(struct nl_out *o);

struct netlink_sock;
/* rtnetlink.c: one request, answers in o. strict: NETLINK_GET_STRICT_CHK. 0 or -errno, to be told. */
int rtnetlink_request(struct net_ns *net, const struct nlmsghdr *h, bool strict, struct nl_out *o);
/* rtnl_link.c: the requests about devices and numbers of namespaces. In dumps net_lock is held. */
#define ATTRS_MAX 64 /* IFLA_MAX is the largest */
struct ifinfomsg;
void dump_links(struct net_ns *net, int family, struct nl_out *o);
void dump_nsids(struct net_ns *net, struct nl_out *o);
void dump_fdb(struct net_ns *net, struct nl_out *o);
int get_link(struct net_ns *net, const struct ifinfomsg *m, const struct nlattr **at,
	     struct nl_out *o);
int change_link(struct net_ns *net, const struct nlmsghdr *h, const struct ifinfomsg *m,
		const struct nlattr **at);
int delete_link(struct net_ns *net, const struct ifinfomsg *m, const struct nlattr **at);
int do_nsid(struct net_ns *net, const struct nlmsghdr *h, const struct nlattr **at,
	    struct nl_out *o);
void tell_link(struct netdev *dev, bool gone);
void rtnetlink_init(void);
