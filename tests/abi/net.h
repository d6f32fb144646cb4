/* SPDX-License-Identifier: MIT */
/*
 * For tests of AF_INET: a network namespace of the case's own, so that nothing depends on what the
 * machine's network is, and short words for what they all do. New errnos get their names here.
 */
#pragma once
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <net/route.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "abi.h"

/* clang-format off */
#define NET_ERRNOS(X) \
	X(EADDRINUSE) X(EADDRNOTAVAIL) X(ENETUNREACH) X(EHOSTUNREACH) X(ECONNREFUSED) X(ECONNRESET) \
	X(ECONNABORTED) X(EISCONN) X(ENOTCONN) X(EINPROGRESS) X(EALREADY) X(EMSGSIZE) \
	X(EAFNOSUPPORT) X(EPROTONOSUPPORT) X(ESOCKTNOSUPPORT) X(ENOPROTOOPT) X(ENOTSOCK) \
	X(ENETDOWN) X(EPROTO) X(ENOBUFS) X(EPROTOTYPE)
/* clang-format on */

static inline const char *net_errno(int err)
{
#define X(name)                                                                                    \
	if (err == name)                                                                           \
		return #name;
	NET_ERRNOS(X)
#undef X
	return errno_name(err);
}
#undef R
#undef O
#define R(call) net_result(#call, (long)(call))
#define O(call) say("%s = %s", #call, (long)(call) == -1 ? net_errno(errno) : "ok")
static inline long net_result(const char *what, long ret)
{
	if (ret == -1)
		say("%s = %s", what, net_errno(errno));
	else
		say("%s = %ld", what, ret);
	return ret;
}

static inline int set_flags(const char *dev, int flags)
{
	struct ifreq ifr = { .ifr_flags = flags };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), r;

	strcpy(ifr.ifr_name, dev);
	r = ioctl(fd, SIOCSIFFLAGS, &ifr);
	close(fd);
	return r;
}

/* A stack that nobody else uses, with lo up. */
static inline void own_net(void)
{
	if (unshare(CLONE_NEWNET) && unshare(CLONE_NEWUSER | CLONE_NEWNET))
		say("unshare: %s", net_errno(errno));
	if (set_flags("lo", IFF_UP | IFF_RUNNING))
		say("lo up: %s", net_errno(errno));
}

static inline struct sockaddr_in *at(const char *addr, int port)
{
	static struct sockaddr_in ring[8];
	static unsigned int n;
	struct sockaddr_in *a = &ring[n++ % 8];

	*a = (struct sockaddr_in){ .sin_family = AF_INET,
				   .sin_port = htons(port),
				   .sin_addr = { inet_addr(addr) } };
	return a;
}
#define AT(addr, port) (struct sockaddr *)at(addr, port), sizeof(struct sockaddr_in)
#define LO "127.0.0.1"

static inline int tcp(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}
static inline int udp(void)
{
	return socket(AF_INET, SOCK_DGRAM, 0);
}
static inline int listener(int port)
{
	int fd = tcp();

	if (bind(fd, AT(LO, port)) || listen(fd, 16))
		say("listener: %s", net_errno(errno));
	return fd;
}
/* Two ends of a connection by way of a listener that is closed again. */
static inline void tcp_pair(int fd[2])
{
	int l = listener(4000);

	fd[0] = tcp();
	if (connect(fd[0], AT(LO, 4000)))
		say("connect: %s", net_errno(errno));
	fd[1] = accept(l, NULL, NULL);
	if (fd[1] < 0)
		say("accept: %s", net_errno(errno));
	close(l);
}
static inline void nonblock(int fd)
{
	fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK);
}
static inline void name_of(const char *what, int fd, bool peer, bool port)
{
	struct sockaddr_in a = { 0 };
	socklen_t n = sizeof(a);

	if (peer ? getpeername(fd, (void *)&a, &n) : getsockname(fd, (void *)&a, &n))
		say("%s: %s", what, net_errno(errno));
	else
		say("%s: %s:%d", what, inet_ntoa(a.sin_addr), port ? ntohs(a.sin_port) : 0);
}
static inline void events(const char *what, int fd)
{
	struct pollfd p = { fd, POLLIN | POLLOUT | POLLPRI | POLLRDHUP | POLLRDNORM | POLLWRNORM,
			    0 };

	poll(&p, 1, 100); /* until there is anything at all */
	p.revents = 0;
	poll(&p, 1, 0);
	say("%s:%s%s%s%s%s%s", what, p.revents & POLLIN ? " IN" : "",
	    p.revents & POLLOUT ? " OUT" : "", p.revents & POLLPRI ? " PRI" : "",
	    p.revents & POLLRDHUP ? " RDHUP" : "", p.revents & POLLHUP ? " HUP" : "",
	    p.revents & POLLERR ? " ERR" : "");
}
/* Waits up to a second for something of events; then for the rest to settle. */
static inline void wait_for(int fd, int wanted)
{
	struct pollfd p = { fd, wanted, 0 };

	poll(&p, 1, 1000);
}
static inline int opt(int fd, int level, int name)
{
	int v = -1;
	socklen_t n = sizeof(v);

	return getsockopt(fd, level, name, &v, &n) ? -errno : v;
}
static inline int set_opt(int fd, int level, int name, int v)
{
	return setsockopt(fd, level, name, &v, sizeof(v));
}
static inline void show_error(const char *what, int fd)
{
	int err = opt(fd, SOL_SOCKET, SO_ERROR);

	say("%s: SO_ERROR %s", what, err ? net_errno(err) : "0");
}
static inline void put_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		say("%s: %s", path, net_errno(errno));
	close(fd);
}
static inline int state_of(int fd)
{
	struct tcp_info i;
	socklen_t n = sizeof(i);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &i, &n) ? -1 : i.tcpi_state;
}
