/* SPDX-License-Identifier: MIT */
/* The options of SOL_SOCKET, on AF_UNIX sockets. */
#include <netinet/in.h>

#include "unix.h"

#include <sys/time.h>

static int s;

static void get(const char *what, int name)
{
	int v = -77;
	socklen_t len = sizeof(v);
	int ret = getsockopt(s, SOL_SOCKET, name, &v, &len);

	if (ret)
		say("%s: %s", what, errno_name(errno));
	else
		say("%s: %d, length %d", what, v, len);
}
#define GET(name) get(#name, name)

static int set(int name, int v)
{
	return setsockopt(s, SOL_SOCKET, name, &v, sizeof(v));
}

static void defaults(void)
{
	s = socket(AF_UNIX, SOCK_STREAM, 0);
	GET(SO_TYPE);
	GET(SO_DOMAIN);
	GET(SO_PROTOCOL);
	GET(SO_ERROR);
	GET(SO_REUSEADDR);
	GET(SO_REUSEPORT);
	GET(SO_KEEPALIVE);
	GET(SO_BROADCAST);
	GET(SO_OOBINLINE);
	GET(SO_PASSCRED);
	GET(SO_TIMESTAMP);
	GET(SO_ACCEPTCONN);
	GET(SO_RCVLOWAT);
	GET(SO_SNDLOWAT);
	GET(SO_SNDBUF);
	GET(SO_RCVBUF);
	GET(SO_PRIORITY);
	GET(SO_MARK);
	GET(SO_DEBUG);
	GET(SO_DONTROUTE);
	get("12345", 12345);
}

static void switches(void)
{
	s = socket(AF_UNIX, SOCK_DGRAM, 0);
	R(set(SO_BROADCAST, 77));
	GET(SO_BROADCAST);
	R(set(SO_BROADCAST, 0));
	GET(SO_BROADCAST);
	R(set(SO_PASSCRED, -1));
	GET(SO_PASSCRED);
	R(set(SO_TYPE, 1));
	R(set(SO_ERROR, 1));
	R(set(SO_DOMAIN, 1));
	R(set(SO_PROTOCOL, 1));
	R(set(SO_ACCEPTCONN, 1));
	R(set(12345, 1));
	GET(SO_TYPE);
}

static void buffers(void)
{
	s = socket(AF_UNIX, SOCK_STREAM, 0);
	R(set(SO_SNDBUF, 50000));
	GET(SO_SNDBUF);
	R(set(SO_SNDBUF, 0));
	GET(SO_SNDBUF);
	R(set(SO_RCVBUF, 50000));
	GET(SO_RCVBUF);
	R(set(SO_RCVBUF, 0));
	GET(SO_RCVBUF);
	R(set(SO_RCVLOWAT, 5));
	GET(SO_RCVLOWAT);
	R(set(SO_RCVLOWAT, 0));
	GET(SO_RCVLOWAT);
	R(set(SO_RCVLOWAT, -5));
	GET(SO_RCVLOWAT);
}

static void priorities(void)
{
	s = socket(AF_UNIX, SOCK_STREAM, 0);
	R(set(SO_PRIORITY, 5));
	GET(SO_PRIORITY);
	if (geteuid() == 0 && setresuid(54321, 54321, 54321))
		say("setresuid");
	R(set(SO_PRIORITY, 7));
	R(set(SO_PRIORITY, -1));
	R(set(SO_MARK, 1));
	R(set(SO_DEBUG, 1));
	R(set(SO_DEBUG, 0));
	R(set(SO_SNDBUFFORCE, 1000000));
	R(set(SO_RCVBUFFORCE, 1000000));
}

static void lingering(void)
{
	struct linger l = { 1, 30 };
	socklen_t len = sizeof(l);

	s = socket(AF_UNIX, SOCK_STREAM, 0);
	R(setsockopt(s, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
	R(setsockopt(s, SOL_SOCKET, SO_LINGER, &l, 4));
	memset(&l, 0, sizeof(l));
	R(getsockopt(s, SOL_SOCKET, SO_LINGER, &l, &len));
	say("%d %d %d", l.l_onoff, l.l_linger, len);
	l.l_onoff = 0;
	R(setsockopt(s, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
	R(getsockopt(s, SOL_SOCKET, SO_LINGER, &l, &len));
	say("%d", l.l_onoff);
}

static void time_outs(void)
{
	struct timeval tv = { 3, 200000 };
	socklen_t len = sizeof(tv);

	s = socket(AF_UNIX, SOCK_STREAM, 0);
	R(setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)));
	memset(&tv, 1, sizeof(tv));
	R(getsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &tv, &len));
	say("%ld %ld", (long)tv.tv_sec, (long)tv.tv_usec);
	R(getsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tv, &len));
	say("%ld %ld", (long)tv.tv_sec, (long)tv.tv_usec);
	tv = (struct timeval){ 0, 1000000 };
	R(setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)));
	tv = (struct timeval){ -1, 0 };
	R(setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)));
	tv = (struct timeval){ 0, 0 };
	R(setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)));
	len = 4;
	R(getsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &tv, &len));
	say("%d", len);
}

static void bad_arguments(void)
{
	int v = 1;
	socklen_t len;

	s = socket(AF_UNIX, SOCK_STREAM, 0);
	R(setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &v, 3));
	R(setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &v, -1));
	R(setsockopt(s, SOL_SOCKET, SO_REUSEADDR, wild(1), 4));
	R(setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &v, 8));
	R(setsockopt(s, 77, SO_REUSEADDR, &v, 4));
	R(setsockopt(s, IPPROTO_TCP, 1, &v, 4));
	R(setsockopt(0, SOL_SOCKET, SO_REUSEADDR, &v, 4));
	R(setsockopt(77, SOL_SOCKET, SO_REUSEADDR, &v, 4));
	len = 2;
	R(getsockopt(s, SOL_SOCKET, SO_TYPE, &v, &len));
	say("%d", len);
	len = -1;
	R(getsockopt(s, SOL_SOCKET, SO_TYPE, &v, &len));
	R(getsockopt(s, SOL_SOCKET, SO_TYPE, &v, wild(1)));
	len = 4;
	R(getsockopt(s, SOL_SOCKET, SO_TYPE, wild(1), &len));
	R(getsockopt(s, 77, SO_TYPE, &v, &len));
	R(getsockopt(0, SOL_SOCKET, SO_TYPE, &v, &len));
	len = 100;
	R(getsockopt(s, SOL_SOCKET, SO_TYPE, &v, &len));
	say("%d", len);
}

static void a_device(void)
{
	char name[16] = "";
	socklen_t len = sizeof(name);

	s = socket(AF_INET, SOCK_DGRAM, 0);
	R(getsockopt(s, SOL_SOCKET, SO_BINDTODEVICE, name, &len));
	say("%d", len);
	R(setsockopt(s, SOL_SOCKET, SO_BINDTODEVICE, "none", 5));
	R(setsockopt(s, SOL_SOCKET, SO_BINDTODEVICE, wild(1), 5));
	R(setsockopt(s, SOL_SOCKET, SO_BINDTODEVICE, "lo", 2));
	len = sizeof(name);
	R(getsockopt(s, SOL_SOCKET, SO_BINDTODEVICE, name, &len));
	say("%s %d", name, len);
	len = 4;
	R(getsockopt(s, SOL_SOCKET, SO_BINDTODEVICE, name, &len));
	if (geteuid() == 0 && setresuid(54321, 54321, 54321))
		say("setresuid");
	R(setsockopt(s, SOL_SOCKET, SO_BINDTODEVICE, "", 0));
}

static void listening(void)
{
	s = listener(SOCK_STREAM, "@abi-opt-listen", 1);
	GET(SO_ACCEPTCONN);
	s = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	GET(SO_ACCEPTCONN);
	GET(SO_TYPE);
}

static void pending_error(void)
{
	int p[2];

	socketpair(AF_UNIX, SOCK_STREAM, 0, p);
	write(p[1], "unread", 6);
	close(p[0]);
	s = p[1];
	get("reset", SO_ERROR);
	get("taken", SO_ERROR);
	show_data("then", s, 0);
}

static void an_accepted_socket(void)
{
	int l = listener(SOCK_STREAM, "@abi-opt-accept", 1), c = socket(AF_UNIX, SOCK_STREAM, 0);

	s = l;
	R(set(SO_PASSCRED, 1));
	R(set(SO_SNDBUF, 30000));
	R(connect_to(c, "@abi-opt-accept"));
	s = accept(l, NULL, NULL);
	GET(SO_ACCEPTCONN);
	GET(SO_TYPE);
	GET(SO_DOMAIN);
	GET(SO_SNDBUF);
}

ABI_MAIN(CASE(defaults), CASE(switches), CASE(buffers), CASE(priorities), CASE(lingering),
	 CASE(time_outs), CASE(bad_arguments), CASE(a_device), CASE(listening), CASE(pending_error),
	 CASE(an_accepted_socket))
