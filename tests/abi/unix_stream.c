/* SPDX-License-Identifier: MIT */
/* AF_UNIX stream and seqpacket sockets: connections, bytes, ends, readiness. */
#include "unix.h"

#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/time.h>

static int p[2];

static void pair_basics(void)
{
	char buf[16] = "";

	R(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
	R(write(p[0], "hello", 5));
	R(write(p[0], " world", 6));
	R(read(p[1], buf, 3));
	say("%s", buf);
	show_data("rest", p[1], 0);
	R(send(p[1], "back", 4, 0));
	show_data("back", p[0], MSG_PEEK);
	show_data("back", p[0], 0);
	show_data("none", p[0], MSG_DONTWAIT);
	R(write(p[0], "", 0));
	R(read(p[1], buf, 0));
	R(lseek(p[0], 0, SEEK_SET));
	R(pread(p[0], buf, 1, 0));
	R(pwrite(p[0], buf, 1, 0));
}

static void pair_errors(void)
{
	R(socketpair(AF_UNIX, SOCK_STREAM, 5, p));
	R(socketpair(AF_UNIX, 77, 0, p));
	R(socketpair(AF_UNIX, 9, 0, p));
	R(socketpair(99, SOCK_STREAM, 0, p));
	R(socketpair(AF_UNIX, SOCK_RDM, 0, p));
	R(socketpair(AF_UNIX, SOCK_STREAM | 0x100, 0, p));
	R(socketpair(AF_UNIX, SOCK_STREAM, 0, wild(1)));
	R(socket(AF_UNIX, SOCK_STREAM, 2));
	R(socket(-1, SOCK_STREAM, 0));
	R(socket(AF_UNIX, -1 & 0xf, 0));
	R(socket(45, SOCK_STREAM, 0));
}

static void pair_flags(void)
{
	R(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, AF_UNIX, p));
	say("%d %d", fcntl(p[0], F_GETFD), fcntl(p[1], F_GETFD));
	say("%o %o", fcntl(p[0], F_GETFL) & 07777, fcntl(p[1], F_GETFL) & 07777);
	show_data("empty", p[0], 0);
	fcntl(p[0], F_SETFL, 0);
	R(ioctl(p[0], FIONBIO, &(int){ 1 }));
	show_data("empty", p[0], 0);
}

static void descriptors(void)
{
	char text[64] = "";
	struct stat st;

	R(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
	R(fstat(p[0], &st));
	say("mode %o size %ld", st.st_mode, (long)st.st_size);
	snprintf(text, sizeof(text), "/proc/self/fd/%d", p[0]);
	R(open(text, O_RDWR));
	R(readlink(text, text, sizeof(text) - 1) > 0);
	say("%.8s", text);
	R(fsync(p[0]));
	R(ftruncate(p[0], 0));
	say("%d", mmap(NULL, 4096, PROT_READ, MAP_SHARED, p[0], 0) == MAP_FAILED ? errno : 0);
}

static void peer_closes(void)
{
	R(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
	R(write(p[0], "last", 4));
	close(p[0]);
	show_events("closed", p[1]);
	show_data("data", p[1], 0);
	show_data("end", p[1], 0);
	signal(SIGPIPE, SIG_IGN);
	R(write(p[1], "x", 1));
	R(send(p[1], "x", 1, MSG_NOSIGNAL));
	show_events("after", p[1]);
}

static void reset_by_unread(void)
{
	R(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
	R(write(p[1], "unread", 6));
	close(p[0]);
	show_events("closed", p[1]);
	show_data("reset", p[1], 0);
	show_data("end", p[1], 0);
	show_events("after", p[1]);
}

static void broken_pipe(void)
{
	int status;

	R(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
	close(p[0]);
	if (fork() == 0) {
		write(p[1], "x", 1);
		_exit(0);
	}
	wait(&status);
	say("write: signal %d", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	if (fork() == 0) {
		send(p[1], "x", 1, 0);
		_exit(0);
	}
	wait(&status);
	say("send: signal %d", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	R(send(p[1], "x", 1, MSG_NOSIGNAL));
	R(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, p));
	close(p[0]);
	R(write(p[1], "x", 1)); /* no signal */
}

static void shutdown_write(void)
{
	R(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
	R(write(p[0], "abc", 3));
	R(shutdown(p[0], SHUT_WR));
	show_events("own", p[0]);
	show_events("peer", p[1]);
	show_data("peer", p[1], 0);
	show_data("peer", p[1], 0);
	R(send(p[0], "x", 1, MSG_NOSIGNAL));
	R(send(p[1], "x", 1, MSG_NOSIGNAL));
	show_data("own", p[0], 0);
	R(shutdown(p[1], SHUT_WR));
	show_events("own, both", p[0]);
	show_events("peer, both", p[1]);
}

static void shutdown_read(void)
{
	R(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
	R(write(p[1], "abc", 3));
	R(shutdown(p[0], SHUT_RD));
	show_events("own", p[0]);
	show_events("peer", p[1]);
	R(send(p[1], "x", 1, MSG_NOSIGNAL));
	show_data("own", p[0], 0);
	show_data("own", p[0], 0);
	R(shutdown(p[0], 3));
	R(shutdown(p[0], -1));
	R(shutdown(p[0], SHUT_RDWR));
	R(shutdown(socket(AF_UNIX, SOCK_STREAM, 0), SHUT_RD));
	R(shutdown(0, 9));
	R(shutdown(77, 9));
}

static void fill_and_drain(void)
{
	static char buf[65536];
	long total = 0, got = 0;
	int n;

	R(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, p));
	show_events("empty", p[0]);
	while ((n = write(p[0], buf, sizeof(buf))) > 0)
		total += n;
	say("full: %s, %d", errno_name(errno), total > 65536 && total < 1000000);
	show_events("full", p[0]);
	while ((n = read(p[1], buf, 1000)) > 0)
		got += n;
	say("all read: %d", got == total);
	show_events("drained", p[0]);
}

static void blocked_writer(void)
{
	static char buf[300000];
	long got = 0, sum = 0;
	int n, status;

	for (int i = 0; i < (int)sizeof(buf); i++)
		buf[i] = i * 7;
	R(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
	if (fork() == 0) {
		close(p[1]);
		_exit(write(p[0], buf, sizeof(buf)) == sizeof(buf) ? 0 : 1);
	}
	close(p[0]);
	memset(buf, 0, sizeof(buf));
	while ((n = read(p[1], buf + got, 7000)) > 0)
		got += n;
	wait(&status);
	for (int i = 0; i < (int)sizeof(buf); i++)
		sum += buf[i] == (char)(i * 7);
	say("got %ld right %ld status %d", got, sum, status);
}

static void wait_all(void)
{
	char buf[16] = "";

	R(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
	if (fork() == 0) {
		write(p[0], "abc", 3);
		usleep(20000);
		write(p[0], "def", 3);
		_exit(0);
	}
	R(recv(p[1], buf, 6, MSG_WAITALL));
	say("%s", buf);
	R(wait(NULL) > 0);
	R(write(p[0], "xy", 2));
	R(recv(p[1], buf, 6, MSG_WAITALL | MSG_DONTWAIT));
	R(write(p[0], "12", 2));
	R(shutdown(p[0], SHUT_WR));
	R(recv(p[1], buf, 6, MSG_WAITALL));
}

static void low_water(void)
{
	char buf[16] = "";

	R(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
	R(setsockopt(p[1], SOL_SOCKET, SO_RCVLOWAT, &(int){ 4 }, 4));
	if (fork() == 0) {
		write(p[0], "ab", 2);
		usleep(20000);
		write(p[0], "cd", 2);
		_exit(0);
	}
	R(recv(p[1], buf, 10, 0));
	wait(NULL);
}

static void time_outs(void)
{
	struct timeval tv = { 0, 20000 }, half = { 0, 500000 }, got;
	socklen_t len = sizeof(got);
	char buf[4];

	R(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
	R(setsockopt(p[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	R(read(p[0], buf, 1));
	R(setsockopt(p[0], SOL_SOCKET, SO_RCVTIMEO, &half, sizeof(half)));
	R(getsockopt(p[0], SOL_SOCKET, SO_RCVTIMEO, &got, &len));
	say("%ld %ld %d", (long)got.tv_sec, (long)got.tv_usec, len);
	alarm_in_ms(30, SA_RESTART); /* with a time-out, no restart */
	R(read(p[0], buf, 1));
	R(setsockopt(p[0], SOL_SOCKET, SO_SNDTIMEO, &(struct timeval){ 0, 1000000 }, sizeof(tv)));
	R(setsockopt(p[0], SOL_SOCKET, SO_SNDTIMEO, &(struct timeval){ 0, -1 }, sizeof(tv)));
	R(setsockopt(p[0], SOL_SOCKET, SO_SNDTIMEO, &tv, 8));
}

static void interrupted(void)
{
	char buf[4];

	R(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
	alarm_in_ms(20, 0);
	R(read(p[0], buf, 1));
	if (fork() == 0) {
		usleep(60000);
		write(p[1], "r", 1);
		_exit(0);
	}
	alarm_in_ms(20, SA_RESTART);
	R(read(p[0], buf, 1));
	wait(NULL);
}

static void queue_sizes(void)
{
	int n = -1;

	R(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
	R(write(p[0], "12345", 5));
	R(write(p[0], "678", 3));
	R(ioctl(p[1], FIONREAD, &n));
	say("in %d", n);
	R(ioctl(p[0], TIOCOUTQ, &n));
	say("out %d", n > 0);
	show_data("all", p[1], 0);
	R(ioctl(p[0], TIOCOUTQ, &n));
	say("out %d", n);
	R(ioctl(p[0], FIONREAD, NULL));
	R(ioctl(p[0], TCGETS, &n));
	R(ioctl(p[0], 0x1234, &n));
}

static void vectors(void)
{
	char a[4] = "", b[8] = "";
	struct iovec out[3] = { { "one", 3 }, { "", 0 }, { "twoo", 4 } };
	struct iovec in[2] = { { a, 3 }, { b, 7 } };
	struct msghdr m = { .msg_iov = out, .msg_iovlen = 3 };

	R(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
	R(writev(p[0], out, 3));
	R(readv(p[1], in, 2));
	say("%s %s", a, b);
	R(sendmsg(p[0], &m, 0));
	m = (struct msghdr){ .msg_iov = in, .msg_iovlen = 2, .msg_flags = 77 };
	R(recvmsg(p[1], &m, 0));
	say("%s %s flags %x", a, b, m.msg_flags);
	m.msg_iovlen = 1025;
	R(sendmsg(p[0], &m, 0));
	R(sendmsg(p[0], wild(1), 0));
	m = (struct msghdr){ .msg_iov = wild(1), .msg_iovlen = 1 };
	R(sendmsg(p[0], &m, 0));
	m = (struct msghdr){ .msg_iov = in, .msg_iovlen = 1, .msg_namelen = -1 };
	R(sendmsg(p[0], &m, 0));
	m.msg_name = a;
	R(sendmsg(p[0], &m, 0));
	R(sendmsg(0, wild(1), 0));
	R(sendmsg(77, wild(1), 0));
}

static void bad_buffers(void)
{
	R(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, p));
	R(send(p[0], wild(1), 4, 0));
	R(write(p[0], "abcd", 4));
	R(recv(p[1], wild(1), 4, 0));
	show_data("kept", p[1], 0);
	R(send(p[0], (void *)-1L, 4, 0));
	R(recvfrom(p[0], wild(1), 4, 0, NULL, NULL));
}

static void connecting(void)
{
	int l = listener(SOCK_STREAM, "sock", 2), c, a;
	struct sockaddr_un sun;
	socklen_t len = sizeof(sun);

	c = socket(AF_UNIX, SOCK_STREAM, 0);
	show_events("new", c);
	show_events("listening", l);
	R(connect_to(c, "sock"));
	show_events("connected", c);
	show_events("to accept", l);
	R(write(c, "early", 5));
	a = accept(l, (struct sockaddr *)&sun, &len);
	show_name("accepted", &sun, len);
	show_data("data", a, 0);
	R(write(a, "reply", 5));
	show_data("data", c, 0);
	len = sizeof(sun);
	R(getpeername(c, (struct sockaddr *)&sun, &len));
	show_name("peer of c", &sun, len);
	len = sizeof(sun);
	R(getsockname(a, (struct sockaddr *)&sun, &len));
	show_name("own of a", &sun, len);
	R(connect_to(c, "sock"));
	R(connect_to(a, "sock"));
	R(connect_to(l, "sock"));
	R(listen(c, 1));
	R(bind_to(a, "other"));
	R(read(l, &len, 4));
	R(write(l, &len, 4));
	R(accept(c, NULL, NULL));
	R(accept(77, NULL, NULL));
	R(accept(0, NULL, NULL));
	R(accept4(l, NULL, NULL, 1));
	R(accept4(0, NULL, NULL, 1));
	R(accept4(77, NULL, NULL, 1));
}

static void connect_errors(void)
{
	int c = socket(AF_UNIX, SOCK_STREAM, 0), d = socket(AF_UNIX, SOCK_DGRAM, 0);
	struct sockaddr_un sun = { .sun_family = AF_UNIX, .sun_path = "sock" };
	int l;

	R(connect_to(c, "nothing"));
	R(connect_to(c, "@nothing-abi"));
	R(close(open("file", O_CREAT | O_WRONLY, 0644)));
	R(connect_to(c, "file"));
	R(connect_to(c, "file/x"));
	R(bind_to(d, "dgram"));
	R(connect_to(c, "dgram"));
	R(connect(c, (void *)&sun, 2));
	R(connect(c, (void *)&sun, 0));
	R(connect(c, (void *)&sun, 111));
	R(connect(c, (void *)&sun, 129));
	R(connect(c, (void *)&sun, -1));
	R(connect(c, wild(1), 10));
	sun.sun_family = AF_INET;
	R(connect(c, (void *)&sun, 10));
	R(connect(0, wild(1), 10));
	R(connect(0, (void *)&sun, 10));
	l = socket(AF_UNIX, SOCK_STREAM, 0);
	R(listen(l, 1));
	R(bind_to(l, "sock"));
	R(connect_to(c, "sock"));
	R(listen(l, 1));
	R(close(l));
	R(connect_to(c, "sock"));
	R(listen(d, 1));
	R(listen(0, 1));
}

static void backlog(void)
{
	int l = listener(SOCK_STREAM, "@abi-backlog", 1), c[4];

	for (int i = 0; i < 4; i++) {
		c[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		R(connect_to(c[i], "@abi-backlog"));
	}
	R(close(accept(l, NULL, NULL)));
	R(connect_to(c[2], "@abi-backlog"));
	fcntl(c[3], F_SETFL, 0);
	setsockopt(c[3], SOL_SOCKET, SO_SNDTIMEO, &(struct timeval){ 0, 20000 },
		   sizeof(struct timeval));
	R(connect_to(c[3], "@abi-backlog"));
	if (fork() == 0) {
		usleep(20000);
		close(accept(l, NULL, NULL));
		_exit(0);
	}
	setsockopt(c[3], SOL_SOCKET, SO_SNDTIMEO, &(struct timeval){ 0, 0 },
		   sizeof(struct timeval));
	R(connect_to(c[3], "@abi-backlog"));
	wait(NULL);
	R(listen(l, 0));
	R(fcntl(l, F_SETFL, O_NONBLOCK));
	while (accept(l, NULL, NULL) >= 0)
		;
	say("no more: %s", errno_name(errno));
}

static void listener_closes(void)
{
	int l = listener(SOCK_STREAM, "@abi-closes", 3), c = socket(AF_UNIX, SOCK_STREAM, 0);

	R(connect_to(c, "@abi-closes"));
	R(write(c, "x", 1));
	close(l);
	show_events("closed", c);
	show_data("reset", c, 0);
	show_data("end", c, 0);
	R(send(c, "x", 1, MSG_NOSIGNAL));
	c = socket(AF_UNIX, SOCK_STREAM, 0);
	R(connect_to(c, "@abi-closes"));
}

static void listener_shuts_down(void)
{
	int l = listener(SOCK_STREAM, "@abi-shuts", 3), c = socket(AF_UNIX, SOCK_STREAM, 0);

	R(shutdown(l, SHUT_RD));
	show_events("shut", l);
	R(accept(l, NULL, NULL));
	R(connect_to(c, "@abi-shuts"));
}

static void client_gone(void)
{
	int l = listener(SOCK_STREAM, "@abi-gone", 3), c = socket(AF_UNIX, SOCK_STREAM, 0), a;

	R(connect_to(c, "@abi-gone"));
	R(write(c, "will", 4));
	close(c);
	a = accept4(l, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	say("%d %o", fcntl(a, F_GETFD), fcntl(a, F_GETFL) & 07777);
	show_data("data", a, 0);
	show_data("end", a, 0);
	R(send(a, "x", 1, MSG_NOSIGNAL));
}

static void accept_waits(void)
{
	int l = listener(SOCK_STREAM, "@abi-waits", 3);

	alarm_in_ms(20, 0);
	R(accept(l, NULL, NULL));
	setsockopt(l, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){ 0, 20000 },
		   sizeof(struct timeval));
	R(accept(l, NULL, NULL));
	if (fork() == 0) {
		usleep(10000);
		connect_to(socket(AF_UNIX, SOCK_STREAM, 0), "@abi-waits");
		_exit(0);
	}
	setsockopt(l, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){ 5, 0 }, sizeof(struct timeval));
	R(accept(l, NULL, NULL) >= 0);
	wait(NULL);
}

static void seqpacket(void)
{
	char buf[8] = "";
	struct iovec iov = { buf, 3 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	R(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, p));
	R(write(p[0], "first", 5));
	R(write(p[0], "second", 6));
	R(write(p[0], "", 0));
	R(recvmsg(p[1], &m, 0));
	say("%.3s flags %x", buf, m.msg_flags);
	R(recv(p[1], buf, 3, MSG_TRUNC | MSG_PEEK));
	show_data("second", p[1], 0);
	show_data("empty", p[1], MSG_DONTWAIT);
	show_data("none", p[1], MSG_DONTWAIT);
	R(shutdown(p[0], SHUT_WR));
	show_data("end", p[1], MSG_DONTWAIT);
	show_data("end", p[1], 0);
	show_events("end", p[1]);
	R(send(p[1], "x", 1, 0));
	close(p[0]);
	show_data("reset", p[1], 0);
	R(send(p[1], "x", 1, 0));
	R(send(socket(AF_UNIX, SOCK_SEQPACKET, 0), "x", 1, 0));
	show_data("unconnected", socket(AF_UNIX, SOCK_SEQPACKET, 0), 0);
	show_events("unconnected", socket(AF_UNIX, SOCK_SEQPACKET, 0));
}

static void seqpacket_connect(void)
{
	int l = listener(SOCK_SEQPACKET, "@abi-seq", 2), c = socket(AF_UNIX, SOCK_SEQPACKET, 0), a;

	R(connect_to(c, "@abi-seq"));
	R(send_to(c, "named", "@other", 0));
	a = accept(l, NULL, NULL);
	show_data("named", a, 0);
	for (int i = 0; i < 20; i++)
		if (send(a, "m", 1, MSG_DONTWAIT) != 1)
			say("%d: %s", i, errno_name(errno));
	R(connect_to(socket(AF_UNIX, SOCK_STREAM, 0), "@abi-seq"));
}

static void unconnected(void)
{
	int s = socket(AF_UNIX, SOCK_STREAM, 0);

	show_data("recv", s, 0);
	R(send(s, "x", 1, MSG_NOSIGNAL));
	R(send_to(s, "x", "@nobody", MSG_NOSIGNAL));
	R(getpeername(s, (void *)&p, &(socklen_t){ 8 }));
	R(accept(s, NULL, NULL));
	R(listen(s, 1));
	R(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
	R(send_to(p[0], "x", "@nobody", MSG_NOSIGNAL));
}

static void edge_events(void)
{
	struct epoll_event ev = { EPOLLIN | EPOLLRDHUP | EPOLLET, { .fd = 1 } }, got;
	int e = epoll_create1(0);

	R(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
	R(epoll_ctl(e, EPOLL_CTL_ADD, p[0], &ev));
	R(epoll_wait(e, &got, 1, 0));
	R(write(p[1], "a", 1));
	R(epoll_wait(e, &got, 1, 0));
	R(epoll_wait(e, &got, 1, 0));
	R(write(p[1], "b", 1));
	R(epoll_wait(e, &got, 1, 0));
	say("%x", got.events);
	R(shutdown(p[1], SHUT_WR));
	R(epoll_wait(e, &got, 1, 0));
	say("%x", got.events);
	close(p[1]);
	R(epoll_wait(e, &got, 1, 0));
	say("%x", got.events);
	R(epoll_wait(e, &got, 1, 0));
}

static void send_a_file(void)
{
	int fd = open("data", O_CREAT | O_RDWR, 0644);
	off_t at = 2;

	R(write(fd, "0123456789", 10));
	R(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
	R(sendfile(p[0], fd, &at, 5));
	say("at %ld", (long)at);
	show_data("sent", p[1], 0);
	R(sendfile(fd, p[0], NULL, 5));
	close(p[1]);
	signal(SIGPIPE, SIG_IGN);
	at = 0;
	R(sendfile(p[0], fd, &at, 5));
}

static void many_messages(void)
{
	char b[3][4] = { "" };
	struct iovec out[3] = { { "aa", 2 }, { "bbb", 3 }, { "c", 1 } };
	struct iovec in[3] = { { b[0], 3 }, { b[1], 2 }, { b[2], 3 } };
	struct mmsghdr m[3];

	memset(m, 0, sizeof(m));
	for (int i = 0; i < 3; i++)
		m[i].msg_hdr = (struct msghdr){ .msg_iov = &out[i], .msg_iovlen = 1 };
	R(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, p));
	R(sendmmsg(p[0], m, 3, 0));
	say("%u %u %u", m[0].msg_len, m[1].msg_len, m[2].msg_len);
	for (int i = 0; i < 3; i++)
		m[i].msg_hdr = (struct msghdr){ .msg_iov = &in[i], .msg_iovlen = 1 };
	R(recvmmsg(p[1], m, 2, 0, NULL));
	say("%u %u flags %x %x", m[0].msg_len, m[1].msg_len, m[0].msg_hdr.msg_flags,
	    m[1].msg_hdr.msg_flags);
	R(recvmmsg(p[1], m, 3, MSG_WAITFORONE, NULL));
	R(recvmmsg(p[1], m, 3, MSG_DONTWAIT, NULL));
	R(recvmmsg(p[1], m, 3, 0, &(struct timespec){ -1, 0 }));
	R(sendmmsg(p[0], m, 0, 0));
	R(sendmmsg(p[0], wild(1), 2, 0));
}

ABI_MAIN(CASE(pair_basics), CASE(pair_errors), CASE(pair_flags), CASE(descriptors),
	 CASE(peer_closes), CASE(reset_by_unread), CASE(broken_pipe), CASE(shutdown_write),
	 CASE(shutdown_read), CASE(fill_and_drain), CASE(blocked_writer), CASE(wait_all),
	 CASE(low_water), CASE(time_outs), CASE(interrupted), CASE(queue_sizes), CASE(vectors),
	 CASE(bad_buffers), CASE(connecting), CASE(connect_errors), CASE(backlog),
	 CASE(listener_closes), CASE(listener_shuts_down), CASE(client_gone), CASE(accept_waits),
	 CASE(seqpacket), CASE(seqpacket_connect), CASE(unconnected), CASE(edge_events),
	 CASE(send_a_file), CASE(many_messages))
