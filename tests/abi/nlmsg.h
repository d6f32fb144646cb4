/* SPDX-License-Identifier: MIT */
/* For tests of NETLINK_ROUTE: a network namespace of the case's own, a socket in it, requests. */
#pragma once
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <sys/socket.h>

#include "abi.h"

static int nl;
static char buf[32768] __attribute__((aligned(8)));
static struct {
	struct nlmsghdr h;
	char body[1024];
} req;

static inline void own_namespace(void)
{
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET))
		say("unshare: %s", errno_name(errno));
	nl = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	if (nl < 0)
		say("socket: %s", errno_name(errno));
}

/* Begins a request with a zeroed header of n bytes. */
static inline void *begin(int type, int flags, size_t n)
{
	memset(&req, 0, sizeof(req));
	req.h = (struct nlmsghdr){ .nlmsg_len = NLMSG_LENGTH(n),
				   .nlmsg_type = type,
				   .nlmsg_flags = NLM_F_REQUEST | flags,
				   .nlmsg_seq = 77 };
	return NLMSG_DATA(&req.h);
}

static inline void attr(int type, const void *data, size_t n)
{
	struct rtattr *a = (void *)((char *)&req + NLMSG_ALIGN(req.h.nlmsg_len));

	a->rta_type = type;
	a->rta_len = RTA_LENGTH(n);
	memcpy(RTA_DATA(a), data, n);
	req.h.nlmsg_len = NLMSG_ALIGN(req.h.nlmsg_len) + RTA_ALIGN(a->rta_len);
}
