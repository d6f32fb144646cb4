/* SPDX-License-Identifier: MIT */
/* AF_UNIX datagram sockets: messages, destinations, full queues. */
#include "unix.h"

#include <sys/epoll.h>
#include <sys/time.h>

static int p[2];

static int named(const char *name)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	if (bind_to(fd, name))
		say("bind: %s", errno_name(errno));
	return fd;
}

static void pair_messages(void)
{
	char buf[4] = "";

	R(socketpair(AF_UNIX, SOCK_DGRAM, 0, p));
	show_events("new", p[0]);
	R(write(p[0], "first", 5));
	R(write(p[0], "", 0));
	R(write(p[0], "third", 5));
	show_events("three", p[1]);
	R(recv(p[1], buf, 3, 0));
	say("%.3s", buf);
	show_data("empty", p[1], 0);
	R(recv(p[1], buf, 2, MSG_TRUNC | MSG_PEEK));
	R(read(p[1], buf, 0));
	show_data("third", p[1], MSG_DONTWAIT);
	R(socketpair(AF_UNIX, SOCK_RAW, 0, p));
	R(getsockopt(p[0], SOL_SOCKET, SO_TYPE, buf, &(socklen_t){ 4 }));
	say("type %d", buf[0]);
}

static void by_name(void)
{
	int a = named("a"), b = named("@abi-dgram-b"), c = socket(AF_UNIX, SOCK_DGRAM, 0);
	struct sockaddr_un sun;
	socklen_t len = sizeof(sun);
	char buf[16];

	R(send_to(a, "from a", "@abi-dgram-b", 0));
	R(recvfrom(b, buf, 16, 0, (struct sockaddr *)&sun, &len));
	show_name("sender", &sun, len);
	R(send_to(b, "from b", "a", 0));
	len = sizeof(sun);
	R(recvfrom(a, buf, 16, 0, (struct sockaddr *)&sun, &len));
	show_name("sender", &sun, len);
	R(send_to(c, "from c", "a", 0));
	len = sizeof(sun);
	R(recvfrom(a, buf, 16, 0, (struct sockaddr *)&sun, &len));
	say("nameless sender: length %d", len);
	R(send_to(a, "self", "a", 0));
	len = 4;
	R(recvfrom(a, buf, 16, 0, (struct sockaddr *)&sun, &len));
	say("short room: length %d", len);
	R(send_to(a, "x", "nobody", 0));
	R(send_to(a, "x", "@abi-nobody", 0));
	R(send(a, "x", 1, 0));
	R(sendto(a, "x", 1, 0, (struct sockaddr *)&sun, 2));
	R(sendto(a, "x", 1, 0, (struct sockaddr *)&sun, 200));
	R(sendto(a, "x", 1, 0, wild(1), 20));
	R(recvfrom(a, buf, 1, MSG_DONTWAIT, NULL, NULL));
}

static void connected(void)
{
	int a = named("@abi-dc-a"), b = named("@abi-dc-b"), c = named("@abi-dc-c");
	struct sockaddr_un sun;
	socklen_t len = sizeof(sun);
	struct sockaddr none = { .sa_family = AF_UNSPEC };

	R(connect_to(a, "@abi-dc-b"));
	R(write(a, "to b", 4));
	show_data("b", b, 0);
	R(getpeername(a, (struct sockaddr *)&sun, &len));
	show_name("peer", &sun, len);
	R(connect_to(a, "@abi-dc-c"));
	R(write(a, "to c", 4));
	show_data("c", c, 0);
	R(connect_to(c, "@abi-dc-b"));
	R(write(a, "to c", 4)); /* who is connected hears only its peer */
	R(connect_to(b, "@abi-dc-c"));
	R(connect(a, &none, sizeof(none)));
	R(write(a, "x", 1));
	R(getpeername(a, (struct sockaddr *)&sun, &len));
	R(connect(a, &none, 1));
	R(connect(a, &none, 2));
	R(connect_to(a, "@abi-dc-none"));
}

static void peer_gone(void)
{
	int a = named("@abi-pg-a"), b = named("@abi-pg-b");

	R(connect_to(a, "@abi-pg-b"));
	close(b);
	show_events("gone", a);
	R(write(a, "x", 1));
	R(write(a, "x", 1));
	R(socketpair(AF_UNIX, SOCK_DGRAM, 0, p));
	R(write(p[0], "kept", 4));
	close(p[0]);
	show_events("gone", p[1]);
	show_data("kept", p[1], MSG_DONTWAIT);
	show_data("none", p[1], MSG_DONTWAIT);
	R(write(p[1], "x", 1));
	R(write(p[1], "x", 1));
}

static void disconnect_loses(void)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };

	R(socketpair(AF_UNIX, SOCK_DGRAM, 0, p));
	R(write(p[0], "lost", 4));
	R(connect(p[1], &none, sizeof(none)));
	show_events("p0", p[0]);
	show_data("p0", p[0], MSG_DONTWAIT);
	show_data("p1", p[1], MSG_DONTWAIT);
	R(write(p[0], "again", 5));
	show_data("p1", p[1], MSG_DONTWAIT);
}

static void full_queue(void)
{
	int a = named("@abi-fq-a"), b = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0), n = 0;

	R(connect_to(b, "@abi-fq-a"));
	while (write(b, "m", 1) == 1)
		n++;
	say("%d messages: %s", n, errno_name(errno));
	show_events("full", b);
	show_data("one", a, 0);
	show_events("room", b);
	R(write(b, "m", 1));
	R(write(b, "m", 1));
	R(send_to(socket(AF_UNIX, SOCK_DGRAM, 0), "m", "@abi-fq-a", MSG_DONTWAIT));
	fcntl(b, F_SETFL, 0);
	setsockopt(b, SOL_SOCKET, SO_SNDTIMEO, &(struct timeval){ 0, 20000 },
		   sizeof(struct timeval));
	R(write(b, "m", 1));
	if (fork() == 0) {
		char c;

		usleep(20000);
		_exit(read(a, &c, 1) != 1);
	}
	setsockopt(b, SOL_SOCKET, SO_SNDTIMEO, &(struct timeval){ 5, 0 }, sizeof(struct timeval));
	R(write(b, "m", 1));
	R(wait(NULL) > 0);
	if (fork() == 0) {
		usleep(20000);
		shutdown(a, SHUT_RD);
		_exit(0);
	}
	R(write(b, "m", 1));
	wait(NULL);
}

static void full_queue_wakes_epoll(void)
{
	int a = named("@abi-fe-a"), b = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	struct epoll_event ev = { EPOLLOUT, { .fd = 1 } }, got;
	int e = epoll_create1(0);

	R(connect_to(b, "@abi-fe-a"));
	while (write(b, "m", 1) == 1)
		;
	R(epoll_ctl(e, EPOLL_CTL_ADD, b, &ev));
	R(epoll_wait(e, &got, 1, 0));
	if (fork() == 0) {
		char c;

		usleep(20000);
		_exit(read(a, &c, 1) != 1);
	}
	R(epoll_wait(e, &got, 1, 2000));
	wait(NULL);
}

static void pair_has_no_limit(void)
{
	int n = 0;

	R(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, p));
	while (n < 100 && write(p[0], "m", 1) == 1)
		n++;
	say("%d messages", n);
}

static void sizes(void)
{
	static char buf[400000];
	int size = 20000, n;
	socklen_t len = sizeof(size);

	R(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, p));
	for (int i = 0; i < (int)sizeof(buf); i++)
		buf[i] = i * 5;
	R(write(p[0], buf, 100000));
	R(ioctl(p[1], FIONREAD, &n));
	say("%d", n);
	memset(buf, 0, sizeof(buf));
	R(read(p[1], buf, sizeof(buf)));
	for (n = 0; n < 100000 && buf[n] == (char)(n * 5); n++)
		;
	say("right: %d", n);
	R(setsockopt(p[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)));
	R(getsockopt(p[0], SOL_SOCKET, SO_SNDBUF, &size, &len));
	say("%d", size);
	R(write(p[0], buf, size - 32));
	R(write(p[0], buf, size - 31));
	R(read(p[1], buf, sizeof(buf)));
	R(write(p[0], buf, size - 31));
	n = 0;
	while (write(p[0], buf, 1000) > 0)
		n++;
	say("full: %s %d", errno_name(errno), n > 5);
	show_events("full", p[0]);
	while (read(p[1], buf, 1000) > 0)
		;
	show_events("drained", p[0]);
}

static void shutdowns(void)
{
	R(socketpair(AF_UNIX, SOCK_DGRAM, 0, p));
	R(shutdown(p[0], SHUT_WR));
	show_events("own", p[0]);
	show_events("peer", p[1]);
	R(write(p[0], "x", 1));
	R(write(p[1], "y", 1));
	show_data("own", p[0], 0);
	R(shutdown(p[0], SHUT_RD));
	show_events("own", p[0]);
	R(write(p[1], "x", 1)); /* without SIGPIPE */
	show_data("own", p[0], MSG_DONTWAIT);
	show_data("own", p[0], 0);
}

static void wrong_calls(void)
{
	int s = socket(AF_UNIX, SOCK_DGRAM, 0);

	R(listen(s, 1));
	R(accept(s, NULL, NULL));
	R(send(s, "x", 1, 0));
	show_data("none", s, MSG_DONTWAIT);
	show_data("oob", s, MSG_OOB);
	R(close(listener(SOCK_STREAM, "stream", 1)));
	R(send_to(s, "x", "stream", 0));
	listener(SOCK_STREAM, "alive", 1);
	R(send_to(s, "x", "alive", 0));
	R(connect_to(s, "alive"));
}

static void receive_waits(void)
{
	char c;

	R(socketpair(AF_UNIX, SOCK_DGRAM, 0, p));
	alarm_in_ms(20, 0);
	R(read(p[0], &c, 1));
	setsockopt(p[0], SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){ 0, 20000 },
		   sizeof(struct timeval));
	R(read(p[0], &c, 1));
	if (fork() == 0) {
		usleep(10000);
		_exit(write(p[1], "m", 1) != 1);
	}
	setsockopt(p[0], SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){ 5, 0 },
		   sizeof(struct timeval));
	R(read(p[0], &c, 1));
	wait(NULL);
}

static void bad_buffers(void)
{
	char buf[8192];
	struct iovec iov[2] = { { buf, 4 }, { wild(1), 4 } };

	R(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, p));
	R(writev(p[0], iov, 2));
	show_data("nothing", p[1], 0);
	R(write(p[0], "12345678", 8));
	R(readv(p[1], iov, 2));
	show_data("lost", p[1], 0);
	R(recv(p[1], wild(1), 4, 0));
}

ABI_MAIN(CASE(pair_messages), CASE(by_name), CASE(connected), CASE(peer_gone),
	 CASE(disconnect_loses), CASE(full_queue), CASE(full_queue_wakes_epoll),
	 CASE(pair_has_no_limit), CASE(sizes), CASE(shutdowns), CASE(wrong_calls),
	 CASE(receive_waits), CASE(bad_buffers))
