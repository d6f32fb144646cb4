/* SPDX-License-Identifier: MIT */
/* UDP: ports and who shares them, connected sockets, datagrams, errors, control messages. */
#include <linux/sockios.h>

#include "net.h"

static char buf[70000];

static void datagrams(void)
{
	struct sockaddr_in from = { 0 };
	socklen_t n = sizeof(from);
	int a, b, left = -1;

	own_net();
	a = udp(), b = udp();
	R(bind(a, AT(LO, 4000)));
	R(bind(b, AT(LO, 4001)));
	R(sendto(b, "hello", 5, 0, AT(LO, 4000)));
	R(sendto(b, "", 0, 0, AT(LO, 4000)));
	R(sendto(b, "third", 5, 0, AT(LO, 4000)));
	R(ioctl(a, FIONREAD, &left));
	say("left %d", left);
	R(recv(a, buf, 2, MSG_PEEK));
	R(recv(a, buf, 2, MSG_PEEK | MSG_TRUNC));
	R(recvfrom(a, buf, 10, 0, (void *)&from, &n));
	say("%.5s from %s:%d, %d", buf, inet_ntoa(from.sin_addr), ntohs(from.sin_port), n);
	R(recv(a, buf, 10, 0));
	R(recv(a, buf, 2, 0));
	R(recv(a, buf, 2, MSG_DONTWAIT));
	events("empty", a);
	R(ioctl(a, SIOCOUTQ, &left));
	R(sendto(b, wild(1), 5, 0, AT(LO, 4000)));
	R(sendto(b, "x", 1, MSG_OOB, AT(LO, 4000)));
	R(recv(a, buf, 1, MSG_OOB | MSG_DONTWAIT));
	R(listen(a, 1));
}

static void truncation(void)
{
	struct iovec v = { buf, 3 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	int a, b;

	own_net();
	a = udp(), b = udp();
	bind(a, AT(LO, 4000));
	R(sendto(b, "hello", 5, 0, AT(LO, 4000)));
	R(recvmsg(a, &m, 0));
	say("%#x", m.msg_flags);
	R(sendto(b, "hello", 5, 0, AT(LO, 4000)));
	R(recvmsg(a, &m, MSG_TRUNC));
	say("%#x", m.msg_flags);
	R(sendto(b, "abc", 3, 0, AT(LO, 4000)));
	R(recvmsg(a, &m, 0));
	say("%#x", m.msg_flags);
}

static void sizes(void)
{
	int a, b;

	own_net();
	a = udp(), b = udp();
	bind(a, AT(LO, 4000));
	R(sendto(b, buf, 65507, 0, AT(LO, 4000)));
	R(recv(a, buf, sizeof(buf), 0));
	R(sendto(b, buf, 65508, 0, AT(LO, 4000)));
	R(sendto(b, buf, 70000, 0, AT(LO, 4000)));
}

/* Over a small MTU a datagram goes in pieces. */
static void fragments(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_mtu = 1000 };
	unsigned int wrong = 0;
	int a, b;

	own_net();
	a = udp(), b = udp();
	R(ioctl(a, SIOCSIFMTU, &ifr));
	bind(a, AT(LO, 4000));
	for (int i = 0; i < 60000; i++)
		buf[i] = i * 13 >> 2;
	R(sendto(b, buf, 60000, 0, AT(LO, 4000)));
	memset(buf, 0, sizeof(buf));
	R(recv(a, buf, sizeof(buf), 0));
	for (int i = 0; i < 60000; i++)
		wrong += buf[i] != (char)(i * 13 >> 2);
	say("%u wrong", wrong);
	R(set_opt(b, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO));
	R(sendto(b, buf, 2000, 0, AT(LO, 4000)));
	R(sendto(b, buf, 972, 0, AT(LO, 4000)));
	R(sendto(b, buf, 973, 0, AT(LO, 4000)));
	R(recv(a, buf, sizeof(buf), MSG_DONTWAIT));
}

static void binding(void)
{
	int a, b, c;

	own_net();
	a = udp(), b = udp(), c = udp();
	R(bind(a, AT("0.0.0.0", 4000)));
	R(bind(a, AT("0.0.0.0", 4001)));
	R(bind(b, AT(LO, 4000)));
	R(set_opt(b, SOL_SOCKET, SO_REUSEADDR, 1));
	R(bind(b, AT(LO, 4000)));
	R(set_opt(a, SOL_SOCKET, SO_REUSEADDR, 1));
	R(bind(b, AT(LO, 4000)));
	R(bind(c, AT("10.1.1.1", 4000)));
	R(bind(c, AT("127.255.255.255", 4002)));
	c = udp();
	R(bind(c, AT("224.0.0.1", 4003)));
	name_of("own", c, false, true);
	c = udp();
	name_of("unbound", c, false, true);
	R(bind(c, AT("0.0.0.0", 0)));
	name_of("any port", c, false, false);
	a = udp();
	R(set_opt(a, IPPROTO_IP, IP_FREEBIND, 1));
	R(bind(a, AT("10.1.1.1", 4005)));
}

static void reuse_port(void)
{
	int a, b, got = 0;

	own_net();
	a = udp(), b = udp();
	R(set_opt(a, SOL_SOCKET, SO_REUSEPORT, 1));
	R(bind(a, AT(LO, 4000)));
	R(bind(b, AT(LO, 4000)));
	R(set_opt(b, SOL_SOCKET, SO_REUSEPORT, 1));
	R(bind(b, AT(LO, 4000)));
	for (int i = 0; i < 40; i++) {
		int c = udp();

		sendto(c, "x", 1, 0, AT(LO, 4000));
		close(c);
	}
	while (recv(a, buf, 1, MSG_DONTWAIT) == 1)
		got++;
	YES(got > 0 && got < 40);
	while (recv(b, buf, 1, MSG_DONTWAIT) == 1)
		got++;
	say("%d", got);
}

static void connected(void)
{
	struct sockaddr_in none = { .sin_family = AF_UNSPEC };
	int a, b, c;

	own_net();
	a = udp(), b = udp(), c = udp();
	R(send(a, "x", 1, 0));
	R(bind(b, AT(LO, 4000)));
	R(bind(c, AT(LO, 4002)));
	R(connect(a, (void *)at(LO, 4000), 1));
	R(connect(a, (void *)at(LO, 4000), 15));
	R(connect(a, AT(LO, 4000)));
	name_of("peer", a, true, true);
	name_of("own", a, false, false);
	R(bind(a, AT(LO, 4005)));
	R(send(a, "one", 3, 0));
	R(sendto(a, "two", 3, 0, AT(LO, 4002)));
	R(recv(b, buf, 10, 0));
	R(recv(c, buf, 10, 0));
	R(connect(b, AT(LO, 4002)));
	R(send(a, "deaf", 4, 0)); /* b hears c alone */
	R(recv(b, buf, 10, MSG_DONTWAIT));
	R(sendto(c, "heard", 5, 0, AT(LO, 4000)));
	R(recv(b, buf, 10, MSG_DONTWAIT));
	R(connect(a, (void *)&none, sizeof(none)));
	name_of("peer", a, true, true);
	name_of("own", a, false, true);
	R(send(a, "x", 1, 0));
	R(connect(b, (void *)&none, sizeof(none)));
	name_of("own", b, false, true);
	R(connect(a, AT("10.0.0.1", 1)));
	R(connect(a, AT("0.0.0.0", 4000)));
	name_of("peer", a, true, true);
}

static void refused(void)
{
	int a, b;

	own_net();
	a = udp(), b = udp();
	R(connect(a, AT(LO, 4999)));
	R(send(a, "x", 1, 0));
	events("error", a);
	R(send(a, "x", 1, 0));
	R(send(a, "x", 1, 0));
	R(recv(a, buf, 1, 0));
	R(send(a, "x", 1, 0));
	show_error("error", a);
	show_error("again", a);
	R(sendto(b, "x", 1, 0, AT(LO, 4999)));
	R(recv(b, buf, 1, MSG_DONTWAIT));
}

static void error_queue(void)
{
	char control[512];
	struct sockaddr_in to = { 0 };
	struct iovec v = { buf, sizeof(buf) };
	struct msghdr m = { .msg_iov = &v,
			    .msg_iovlen = 1,
			    .msg_name = &to,
			    .msg_namelen = sizeof(to),
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct cmsghdr *c;
	int a;

	own_net();
	a = udp();
	R(set_opt(a, IPPROTO_IP, IP_RECVERR, 1));
	R(recvmsg(a, &m, MSG_ERRQUEUE));
	R(sendto(a, "text", 4, 0, AT(LO, 4999)));
	events("error", a);
	R(recv(a, buf, 1, MSG_DONTWAIT));
	R(recvmsg(a, &m, MSG_ERRQUEUE));
	say("%.4s to %s:%d flags %#x", buf, inet_ntoa(to.sin_addr), ntohs(to.sin_port),
	    m.msg_flags);
	c = CMSG_FIRSTHDR(&m);
	if (c) {
		struct {
			uint32_t err;
			uint8_t origin, type, code, pad;
			uint32_t info, data;
			struct sockaddr_in offender;
		} *e = (void *)CMSG_DATA(c);

		say("%d %d len %d: %s %d %d %d from %s", c->cmsg_level, c->cmsg_type,
		    (int)c->cmsg_len, net_errno(e->err), e->origin, e->type, e->code,
		    inet_ntoa(e->offender.sin_addr));
	}
	R(recvmsg(a, &m, MSG_ERRQUEUE));
}

static void destinations(void)
{
	int a;

	own_net();
	a = udp();
	R(sendto(a, "x", 1, 0, AT("10.0.0.1", 1)));
	R(sendto(a, "x", 1, 0, AT(LO, 0)));
	R(sendto(a, "x", 1, 0, (void *)at(LO, 1), 8));
	R(sendto(a, "x", 1, 0, AT("127.255.255.255", 4000)));
	R(set_opt(a, SOL_SOCKET, SO_BROADCAST, 1));
	R(sendto(a, "x", 1, 0, AT("127.255.255.255", 4000)));
	R(sendto(a, "x", 1, 0, AT("255.255.255.255", 4000)));
	R(sendto(a, "x", 1, 0, AT("224.0.0.1", 4000)));
	R(sendto(a, "x", 1, 0, AT("0.0.0.0", 4000)));
	{
		struct sockaddr_in s = *at(LO, 4000);

		s.sin_family = AF_UNIX;
		R(sendto(a, "x", 1, 0, (void *)&s, sizeof(s)));
		s.sin_family = AF_UNSPEC;
		R(sendto(a, "x", 1, 0, (void *)&s, sizeof(s)));
	}
}

static void broadcast(void)
{
	int a, b, c;

	own_net();
	a = udp(), b = udp(), c = udp();
	set_opt(b, SOL_SOCKET, SO_REUSEADDR, 1);
	set_opt(c, SOL_SOCKET, SO_REUSEADDR, 1);
	R(bind(b, AT("0.0.0.0", 4000)));
	R(bind(c, AT("0.0.0.0", 4000)));
	set_opt(a, SOL_SOCKET, SO_BROADCAST, 1);
	R(sendto(a, "all", 3, 0, AT("127.255.255.255", 4000)));
	R(recv(b, buf, 10, MSG_DONTWAIT));
	R(recv(c, buf, 10, MSG_DONTWAIT));
}

static void packet_info(void)
{
	char control[256];
	struct iovec v = { buf, 10 };
	struct msghdr m = { .msg_iov = &v,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct cmsghdr *c;
	int a, b;

	own_net();
	a = udp(), b = udp();
	R(bind(a, AT("0.0.0.0", 4000)));
	R(set_opt(a, IPPROTO_IP, IP_PKTINFO, 1));
	R(set_opt(a, IPPROTO_IP, IP_RECVTTL, 1));
	R(set_opt(a, IPPROTO_IP, IP_RECVTOS, 1));
	R(set_opt(b, IPPROTO_IP, IP_TTL, 7));
	R(set_opt(b, IPPROTO_IP, IP_TOS, 0x10));
	R(sendto(b, "x", 1, 0, AT("127.0.0.9", 4000)));
	R(recvmsg(a, &m, 0));
	for (c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		struct in_pktinfo *i = (void *)CMSG_DATA(c);

		if (c->cmsg_type == IP_PKTINFO)
			say("info %d %s", i->ipi_ifindex, inet_ntoa(i->ipi_addr));
		else
			say("cmsg %d len %d: %d", c->cmsg_type, (int)c->cmsg_len, *CMSG_DATA(c));
	}
	m.msg_controllen = 20;
	R(sendto(b, "x", 1, 0, AT("127.0.0.9", 4000)));
	R(recvmsg(a, &m, 0));
	say("%#x", m.msg_flags);
}

static void ttl_by_message(void)
{
	char control[64] = { 0 };
	struct iovec v = { "x", 1 };
	struct msghdr m = { .msg_iov = &v,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = CMSG_SPACE(4),
			    .msg_name = at(LO, 4000),
			    .msg_namelen = 16 };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	int a, b, ttl = 9;

	own_net();
	a = udp(), b = udp();
	bind(a, AT(LO, 4000));
	set_opt(a, IPPROTO_IP, IP_RECVTTL, 1);
	*c = (struct cmsghdr){ .cmsg_len = CMSG_LEN(4),
			       .cmsg_level = IPPROTO_IP,
			       .cmsg_type = IP_TTL };
	memcpy(CMSG_DATA(c), &ttl, 4);
	R(sendmsg(b, &m, 0));
	c->cmsg_type = 99;
	R(sendmsg(b, &m, 0));
	c->cmsg_type = IP_TTL;
	ttl = 0;
	memcpy(CMSG_DATA(c), &ttl, 4);
	R(sendmsg(b, &m, 0));
	{
		char in[64];
		struct iovec w = { buf, 9 };
		struct msghdr r = { .msg_iov = &w,
				    .msg_iovlen = 1,
				    .msg_control = in,
				    .msg_controllen = sizeof(in) };

		R(recvmsg(a, &r, 0));
		say("ttl %d", *(int *)CMSG_DATA(CMSG_FIRSTHDR(&r)));
	}
}

static void shut(void)
{
	int a, b;

	own_net();
	a = udp(), b = udp();
	R(shutdown(a, SHUT_WR));
	R(sendto(a, "x", 1, MSG_NOSIGNAL, AT(LO, 4000)));
	R(bind(b, AT(LO, 4000)));
	R(connect(b, AT(LO, 4001)));
	R(shutdown(b, SHUT_RD));
	events("reading shut", b);
	R(recv(b, buf, 1, 0));
	R(shutdown(b, SHUT_WR));
	events("both", b);
	R(send(b, "x", 1, MSG_NOSIGNAL));
	if (fork() == 0) {
		send(b, "x", 1, 0);
		_exit(0);
	}
	say("%s", ended(reap(-1)));
}

static void full_queue(void)
{
	int a, b, sent = 0, got = 0;

	own_net();
	a = udp(), b = udp();
	set_opt(a, SOL_SOCKET, SO_RCVBUF, 2304);
	bind(a, AT(LO, 4000));
	for (int i = 0; i < 300; i++)
		sent += sendto(b, buf, 1000, 0, AT(LO, 4000)) == 1000;
	while (recv(a, buf, 1000, MSG_DONTWAIT) > 0)
		got++;
	say("%d", sent);
	YES(got > 0 && got < 100);
}

static void many_messages(void)
{
	struct iovec v[3] = { { "a", 1 }, { "bc", 2 }, { "def", 3 } };
	struct mmsghdr m[3] = { 0 };
	int a, b;

	own_net();
	a = udp(), b = udp();
	bind(a, AT(LO, 4000));
	for (int i = 0; i < 3; i++) {
		m[i].msg_hdr.msg_iov = &v[i];
		m[i].msg_hdr.msg_iovlen = 1;
		m[i].msg_hdr.msg_name = at(LO, 4000);
		m[i].msg_hdr.msg_namelen = 16;
	}
	R(sendmmsg(b, m, 3, 0));
	say("%u %u %u", m[0].msg_len, m[1].msg_len, m[2].msg_len);
	for (int i = 0; i < 3; i++) {
		v[i] = (struct iovec){ buf, 10 };
		m[i].msg_hdr.msg_name = NULL;
	}
	R(recvmmsg(a, m, 3, MSG_DONTWAIT, NULL));
	say("%u %u %u", m[0].msg_len, m[1].msg_len, m[2].msg_len);
	R(recvmmsg(a, m, 3, MSG_DONTWAIT, NULL));
}

static void waiting(void)
{
	int a, b;

	own_net();
	a = udp(), b = udp();
	bind(a, AT(LO, 4000));
	if (fork() == 0) {
		usleep(10000);
		sendto(b, "late", 4, 0, AT(LO, 4000));
		_exit(0);
	}
	R(recv(a, buf, 10, 0));
	setsockopt(a, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){ 0, 10000 },
		   sizeof(struct timeval));
	R(recv(a, buf, 10, 0));
}

ABI_MAIN(CASE(datagrams), CASE(truncation), CASE(sizes), CASE(fragments), CASE(binding),
	 CASE(reuse_port), CASE(connected), CASE(refused), CASE(error_queue), CASE(destinations),
	 CASE(broadcast), CASE(packet_info), CASE(ttl_by_message), CASE(shut), CASE(full_queue),
	 CASE(many_messages), CASE(waiting))
