/* SPDX-License-Identifier: MIT */
/* SO_TIMESTAMP and its kin (socket(7)): which sockets tell when a message came, and how. */
#include <linux/if_ether.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <time.h>

#include "net.h"

#define OLD 29 /* SO_TIMESTAMP of 64-bit programs, and so on: the numbers are the interface */
#define NANO 35
#define NEW 63
#define NEW_NANO 64
static const int kinds[] = { OLD, NANO, NEW, NEW_NANO };
static time_t began;

/* One control message: a time is only told to be right within ten minutes. */
static void show_cmsg(const struct cmsghdr *c)
{
	int level = c->cmsg_level, type = c->cmsg_type;
	bool stamp = level == SOL_SOCKET &&
		     (type == OLD || type == NANO || type == NEW || type == NEW_NANO);
	long long when[2];

	if (!stamp || c->cmsg_len < CMSG_LEN(sizeof(when))) {
		say("  level %d type %d, %u bytes", level, type, (unsigned int)c->cmsg_len);
		return;
	}
	memcpy(when, CMSG_DATA(c), sizeof(when));
	say("  stamp %d, %u bytes, %s, %s", type, (unsigned int)c->cmsg_len,
	    when[0] >= began - 600 && when[0] <= began + 600 ? "now" : "at another time",
	    when[1] >= 0 && when[1] < (type == OLD || type == NEW ? 1000000 : 1000000000)
		    ? "in range"
		    : "out of range");
}

/* Receives one message with room bytes for control messages, and how many of these came. */
static int receive(int fd, int flags, size_t room)
{
	char data[4096];
	union {
		char bytes[512];
		struct cmsghdr align;
	} control;
	struct iovec iov = { data, sizeof(data) };
	struct msghdr h = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = room ? control.bytes : NULL,
			    .msg_controllen = room };
	int n, got = 0;

	n = recvmsg(fd, &h, flags);
	if (n < 0)
		say("receive: %s", net_errno(errno));
	else if (h.msg_flags)
		say("  flags %#x", h.msg_flags);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&h); n >= 0 && c; c = CMSG_NXTHDR(&h, c), got++)
		show_cmsg(c);
	return got;
}

static void option_of(const char *what, int fd)
{
	for (int i = 0; i < 4; i++) {
		R(set_opt(fd, SOL_SOCKET, kinds[i], 77));
		say("%s, %d set: %d %d %d %d", what, kinds[i], opt(fd, SOL_SOCKET, OLD),
		    opt(fd, SOL_SOCKET, NANO), opt(fd, SOL_SOCKET, NEW),
		    opt(fd, SOL_SOCKET, NEW_NANO));
	}
	R(set_opt(fd, SOL_SOCKET, OLD, 0)); /* any of them ends them all */
	say("%s: %d %d %d %d", what, opt(fd, SOL_SOCKET, OLD), opt(fd, SOL_SOCKET, NANO),
	    opt(fd, SOL_SOCKET, NEW), opt(fd, SOL_SOCKET, NEW_NANO));
	R(setsockopt(fd, SOL_SOCKET, OLD, "x", 1));
}

static void options(void)
{
	int fd[2];

	own_net();
	option_of("udp", udp());
	option_of("tcp", tcp());
	option_of("netlink", socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
	option_of("packet", socket(AF_PACKET, SOCK_RAW, 0));
	if (!socketpair(AF_UNIX, SOCK_DGRAM, 0, fd))
		option_of("unix", fd[0]);
}

/* A socket of lo's that is connected to itself. */
static int own_udp(void)
{
	int fd = udp();

	if (bind(fd, AT(LO, 4001)) || connect(fd, AT(LO, 4001)))
		say("own_udp: %s", net_errno(errno));
	return fd;
}

static void udp_datagrams(void)
{
	int fd;

	own_net();
	began = time(NULL);
	fd = own_udp();
	for (int i = 0; i < 4; i++) {
		set_opt(fd, SOL_SOCKET, kinds[i], 1);
		R(send(fd, "text", 4, 0));
		receive(fd, MSG_PEEK, 512);
		receive(fd, 0, 512);
	}
	set_opt(fd, IPPROTO_IP, IP_RECVTTL, 1);
	R(send(fd, "text", 4, 0));
	receive(fd, MSG_PEEK, 0);
	receive(fd, MSG_PEEK, CMSG_LEN(4));
	receive(fd, 0, 512);
	set_opt(fd, SOL_SOCKET, NEW, 0);
	R(send(fd, "text", 4, 0));
	receive(fd, 0, 512);
}

/* What was sent before somebody asked is told as of now. */
static void asked_late(void)
{
	int fd, pair[2];

	own_net();
	began = time(NULL);
	fd = own_udp();
	R(send(fd, "text", 4, 0));
	set_opt(fd, SOL_SOCKET, OLD, 1);
	receive(fd, 0, 512);
	R(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
	R(send(pair[0], "text", 4, 0));
	set_opt(pair[1], SOL_SOCKET, OLD, 1);
	receive(pair[1], 0, 512);
}

/* The error of a port that nobody has. */
static void error_queue(void)
{
	int fd;

	own_net();
	began = time(NULL);
	fd = udp();
	set_opt(fd, IPPROTO_IP, IP_RECVERR, 1);
	set_opt(fd, SOL_SOCKET, OLD, 1);
	R(connect(fd, AT(LO, 4009)));
	R(send(fd, "text", 4, 0));
	wait_for(fd, POLLERR);
	receive(fd, MSG_ERRQUEUE, 512);
}

static void raw_datagrams(void)
{
	int fd, from;

	own_net();
	began = time(NULL);
	fd = socket(AF_INET, SOCK_RAW, IPPROTO_UDP);
	set_opt(fd, SOL_SOCKET, NANO, 1);
	from = own_udp();
	R(send(from, "text", 4, 0));
	receive(fd, 0, 512);
}

static void packets(void)
{
	int fd, from;

	own_net();
	began = time(NULL);
	from = own_udp();
	fd = socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_ALL));
	for (int i = 0; i < 4; i++) {
		set_opt(fd, SOL_SOCKET, kinds[i], 1);
		R(send(from, "text", 4, 0));
		receive(fd, 0, 512); /* as it went, and as it came */
		receive(fd, MSG_PEEK, 512);
		receive(fd, 0, 512);
	}
	set_opt(fd, SOL_PACKET, 8 /* PACKET_AUXDATA */, 1);
	R(send(from, "text", 4, 0));
	receive(fd, 0, 512);
}

/* Linux begins to look at the clock a while after somebody asked: bytes are sent until it does. */
static void tcp_bytes(void)
{
	int fd[2];

	own_net();
	began = time(NULL);
	tcp_pair(fd);
	send(fd[0], "x", 1, 0);
	receive(fd[1], 0, 512);
	for (int i = 0; i < 4; i++) {
		set_opt(fd[1], SOL_SOCKET, kinds[i], 1);
		do {
			send(fd[0], "x", 1, 0);
		} while (!receive(fd[1], 0, 512));
	}
	send(fd[0], "x", 1, 0);
	receive(fd[1], MSG_PEEK, 512);
	receive(fd[1], MSG_PEEK, 0);
	receive(fd[1], MSG_TRUNC, 512);
	set_opt(fd[1], SOL_SOCKET, OLD, 0);
	send(fd[0], "x", 1, 0);
	receive(fd[1], 0, 512);
	close(fd[0]);
	set_opt(fd[1], SOL_SOCKET, OLD, 1);
	receive(fd[1], 0, 512); /* the end is no byte */
}

/* An accepted socket has its listener's option. */
static void inherited(void)
{
	int l, a, b;

	own_net();
	began = time(NULL);
	l = listener(4000);
	set_opt(l, SOL_SOCKET, NANO, 1);
	a = tcp();
	R(connect(a, AT(LO, 4000)));
	b = accept(l, NULL, NULL);
	say("accepted: %d %d", opt(b, SOL_SOCKET, OLD), opt(b, SOL_SOCKET, NANO));
	do {
		send(a, "x", 1, 0);
	} while (!receive(b, 0, 512));
}

static void unix_messages(void)
{
	static const int types[] = { SOCK_DGRAM, SOCK_SEQPACKET, SOCK_STREAM };
	int fd[2];

	began = time(NULL);
	for (int t = 0; t < 3; t++) {
		R(socketpair(AF_UNIX, types[t], 0, fd));
		for (int i = 0; i < 4; i++) {
			set_opt(fd[1], SOL_SOCKET, kinds[i], 1);
			R(send(fd[0], "text", 4, 0));
			receive(fd[1], MSG_PEEK, 512);
			receive(fd[1], 0, 512);
		}
		set_opt(fd[1], SOL_SOCKET, SO_PASSCRED, 1);
		R(send(fd[0], "text", 4, 0));
		receive(fd[1], MSG_PEEK, 0);
		receive(fd[1], 0, 512);
	}
}

static void netlink_messages(void)
{
	struct {
		struct nlmsghdr h;
		struct rtgenmsg m;
	} req = { { .nlmsg_len = sizeof(req),
		    .nlmsg_type = RTM_GETLINK,
		    .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		  { 0 } };
	int fd;

	own_net();
	fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	set_opt(fd, SOL_SOCKET, OLD, 1);
	send(fd, &req, sizeof(req), 0);
	say("%d", receive(fd, 0, 512));
}

ABI_MAIN(CASE(options), CASE(udp_datagrams), CASE(asked_late), CASE(error_queue),
	 CASE(raw_datagrams), CASE(packets), CASE(tcp_bytes), CASE(inherited), CASE(unix_messages),
	 CASE(netlink_messages))
