/* SPDX-License-Identifier: MIT */
/* TCP: bytes, ends, resets, readiness, urgent data, and large transfers. */
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <linux/sockios.h>

#include "net.h"

static int fd[2];
static char buf[1 << 20];

static void bytes(void)
{
	char b[16] = "";

	own_net();
	tcp_pair(fd);
	R(send(fd[0], "hello", 5, 0));
	R(write(fd[0], " world", 6));
	wait_for(fd[1], POLLIN);
	usleep(1000);
	R(recv(fd[1], b, 3, MSG_PEEK));
	R(recv(fd[1], b, 16, MSG_PEEK));
	say("%s", b);
	R(recv(fd[1], b, 3, 0));
	R(recv(fd[1], b, 16, MSG_WAITALL | MSG_DONTWAIT));
	say("%s", b);
	R(recv(fd[1], b, 16, MSG_DONTWAIT));
	R(recv(fd[1], b, 0, MSG_DONTWAIT));
	R(send(fd[0], "", 0, 0));
	R(send(fd[0], wild(1), 1, 0));
	R(send(fd[0], "abc", 3, 0));
	R(recv(fd[1], wild(1), 0, 0));
	R(recv(fd[1], wild(1), 3, 0));
	R(recv(fd[1], b, 2, MSG_TRUNC));
	R(recv(fd[1], b, 2, 0));
	R(lseek(fd[0], 0, SEEK_SET));
	R(pread(fd[0], b, 1, 0));
}

static void names_in_messages(void)
{
	struct sockaddr_in a = { 0 };
	socklen_t n = sizeof(a);
	char b[4];

	own_net();
	tcp_pair(fd);
	R(sendto(fd[0], "x", 1, 0, AT("10.9.9.9", 1)));
	R(recvfrom(fd[1], b, 1, 0, (void *)&a, &n));
	say("%d", n);
	{
		struct iovec v[2] = { { b, 1 }, { b + 1, 2 } };
		struct msghdr m = {
			.msg_iov = v, .msg_iovlen = 2, .msg_name = &a, .msg_namelen = 16
		};

		R(send(fd[0], "abcd", 4, 0));
		R(recvmsg(fd[1], &m, 0));
		say("%.3s %d %d %#x", b, m.msg_namelen, (int)m.msg_controllen, m.msg_flags);
	}
}

static void half_close(void)
{
	char c;

	own_net();
	tcp_pair(fd);
	R(send(fd[0], "x", 1, 0));
	R(shutdown(fd[0], SHUT_WR));
	R(shutdown(fd[0], 7));
	R(send(fd[0], "y", 1, MSG_NOSIGNAL));
	R(recv(fd[1], &c, 1, 0));
	R(recv(fd[1], &c, 1, 0));
	events("reader", fd[1]);
	R(send(fd[1], "back", 4, 0));
	R(recv(fd[0], buf, 10, 0));
	say("states %d %d", state_of(fd[0]), state_of(fd[1]));
	R(shutdown(fd[1], SHUT_WR));
	usleep(1000);
	R(recv(fd[0], &c, 1, 0));
	events("both closed", fd[0]);
	say("state %d", state_of(fd[1]));
	R(shutdown(fd[1], SHUT_WR));
}

static void shutdown_reading(void)
{
	char c;

	own_net();
	tcp_pair(fd);
	R(shutdown(fd[1], SHUT_RD));
	events("shut", fd[1]);
	R(recv(fd[1], &c, 1, 0));
	R(send(fd[0], "x", 1, 0));
	usleep(1000);
	R(recv(fd[1], &c, 1, 0));
	R(recv(fd[1], &c, 1, 0));
	R(send(fd[1], "y", 1, 0));
	R(recv(fd[0], &c, 1, 0));
}

static void broken_pipe(void)
{
	char c;

	own_net();
	tcp_pair(fd);
	close(fd[1]);
	usleep(1000);
	events("peer closed", fd[0]);
	R(send(fd[0], "x", 1, 0));
	usleep(1000);
	events("reset", fd[0]);
	R(send(fd[0], "x", 1, MSG_NOSIGNAL));
	R(send(fd[0], "x", 1, MSG_NOSIGNAL));
	R(recv(fd[0], &c, 1, 0));
	name_of("peer", fd[0], true, true);
	if (fork() == 0) {
		send(fd[0], "x", 1, 0);
		_exit(0);
	}
	int status = 0;

	wait(&status);
	say("%s", ended(status));
}

static void unread_is_a_reset(void)
{
	char c;

	own_net();
	tcp_pair(fd);
	R(send(fd[0], "unread", 6, 0));
	R(send(fd[1], "read", 4, 0));
	usleep(1000);
	close(fd[1]);
	usleep(1000);
	events("events", fd[0]);
	R(recv(fd[0], buf, 10, 0));
	R(recv(fd[0], &c, 1, 0));
	R(recv(fd[0], &c, 1, 0));
	show_error("after", fd[0]);
}

static void linger_zero(void)
{
	struct linger l = { 1, 0 };
	char c;

	own_net();
	tcp_pair(fd);
	R(setsockopt(fd[0], SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
	close(fd[0]);
	usleep(1000);
	events("events", fd[1]);
	show_error("once", fd[1]);
	show_error("twice", fd[1]);
	R(recv(fd[1], &c, 1, 0));
	R(send(fd[1], "x", 1, MSG_NOSIGNAL));
}

static void linger_waits(void)
{
	struct linger l = { 1, 5 };

	own_net();
	tcp_pair(fd);
	R(setsockopt(fd[0], SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
	R(send(fd[0], "abc", 3, 0));
	R(close(fd[0]));
	R(recv(fd[1], buf, 10, 0));
	R(recv(fd[1], buf, 10, 0));
}

static void readiness(void)
{
	struct epoll_event e = { EPOLLIN | EPOLLET, { 0 } };
	int ep;

	own_net();
	tcp_pair(fd);
	events("idle", fd[0]);
	ep = epoll_create1(0);
	R(epoll_ctl(ep, EPOLL_CTL_ADD, fd[1], &e));
	R(epoll_wait(ep, &e, 1, 0));
	R(send(fd[0], "x", 1, 0));
	R(epoll_wait(ep, &e, 1, 100));
	R(epoll_wait(ep, &e, 1, 0));
	R(send(fd[0], "x", 1, 0));
	R(epoll_wait(ep, &e, 1, 100));
	events("readable", fd[1]);
	R(recv(fd[1], buf, 10, 0));
	events("read", fd[1]);
	R(shutdown(fd[0], SHUT_WR));
	R(epoll_wait(ep, &e, 1, 100));
	events("end", fd[1]);
	close(fd[0]);
	close(fd[1]);
	R(epoll_wait(ep, &e, 1, 0));
}

static void low_water(void)
{
	own_net();
	tcp_pair(fd);
	R(set_opt(fd[1], SOL_SOCKET, SO_RCVLOWAT, 4));
	R(send(fd[0], "abc", 3, 0));
	usleep(1000);
	events("three", fd[1]);
	R(send(fd[0], "d", 1, 0));
	usleep(1000);
	events("four", fd[1]);
	R(recv(fd[1], buf, 2, 0));
}

static void wait_all(void)
{
	own_net();
	tcp_pair(fd);
	if (fork() == 0) {
		for (int i = 0; i < 5; i++) {
			usleep(2000);
			send(fd[0], "ab", 2, 0);
		}
		_exit(0);
	}
	R(recv(fd[1], buf, 10, MSG_WAITALL));
	say("%.10s", buf);
	close(fd[0]);
	wait(NULL);
	R(recv(fd[1], buf, 10, MSG_WAITALL));
}

static void full_buffers(void)
{
	long sent = 0, got = 0, n;

	own_net();
	tcp_pair(fd);
	nonblock(fd[0]);
	while ((n = send(fd[0], buf, sizeof(buf), 0)) > 0)
		sent += n;
	say("%s", net_errno(errno));
	YES(sent > 60000);
	usleep(10000);
	events("full", fd[0]);
	nonblock(fd[1]);
	for (int idle = 0; idle < 50;) {
		n = recv(fd[1], buf, sizeof(buf), 0);
		if (n > 0)
			got += n, idle = 0;
		else
			idle++, usleep(1000);
	}
	YES(got == sent);
	events("empty", fd[0]);
}

/* Everything that goes in comes out, in order. */
static void bulk(void)
{
	unsigned int in = 1, out = 1, wrong = 0;
	long total = 0, n;
	const long all = 8 << 20;

	own_net();
	tcp_pair(fd);
	if (fork() == 0) {
		close(fd[1]);
		for (long done = 0; done < all;) {
			int len = 1 + (in >> 8) % 100000;

			if (len > all - done)
				len = all - done;
			for (int i = 0; i < len; i++)
				buf[i] = (done + i) * 7 >> 3;
			if (send(fd[0], buf, len, 0) != len)
				_exit(1);
			done += len;
			in = in * 1103515245 + 12345;
		}
		_exit(0);
	}
	close(fd[0]);
	while ((n = recv(fd[1], buf, 1 + (out >> 8) % sizeof(buf), 0)) > 0) {
		for (int i = 0; i < n; i++)
			wrong += buf[i] != (char)((total + i) * 7 >> 3);
		total += n;
		out = out * 1103515245 + 12345;
	}
	say("%ld of %ld, %u wrong, end %ld", total, all, wrong, n);
}

static void small_writes(void)
{
	long total = 0, n;

	own_net();
	tcp_pair(fd);
	R(set_opt(fd[0], IPPROTO_TCP, TCP_NODELAY, 1));
	if (fork() == 0) {
		for (int i = 0; i < 5000; i++)
			send(fd[0], "abc", 3, 0);
		_exit(0);
	}
	close(fd[0]);
	while ((n = recv(fd[1], buf, 1000, 0)) > 0)
		total += n;
	say("%ld %ld", total, n);
}

static void urgent(void)
{
	int mark = -1;
	char c = 0;

	own_net();
	tcp_pair(fd);
	R(recv(fd[1], &c, 1, MSG_OOB));
	R(send(fd[0], "ab", 2, 0));
	R(send(fd[0], "!", 1, MSG_OOB));
	R(send(fd[0], "cd", 2, 0));
	usleep(1000);
	events("urgent", fd[1]);
	R(ioctl(fd[1], SIOCATMARK, &mark));
	say("mark %d", mark);
	R(recv(fd[1], &c, 1, MSG_OOB | MSG_PEEK));
	R(recv(fd[1], &c, 1, MSG_OOB));
	say("%c", c);
	R(recv(fd[1], &c, 1, MSG_OOB));
	R(recv(fd[1], buf, 10, 0));
	R(ioctl(fd[1], SIOCATMARK, &mark));
	say("%.2s mark %d", buf, mark);
	R(recv(fd[1], buf, 10, 0));
	say("%.2s", buf);
}

static void urgent_inline(void)
{
	int mark = -1;

	own_net();
	tcp_pair(fd);
	R(set_opt(fd[1], SOL_SOCKET, SO_OOBINLINE, 1));
	R(send(fd[0], "ab!", 3, MSG_OOB));
	R(send(fd[0], "cd", 2, 0));
	usleep(1000);
	R(recv(fd[1], buf, 1, MSG_OOB));
	R(recv(fd[1], buf, 10, 0));
	R(ioctl(fd[1], SIOCATMARK, &mark));
	say("%.2s mark %d", buf, mark);
	R(recv(fd[1], buf, 10, 0));
	say("%.3s", buf);
}

static void queues(void)
{
	int n = -1;

	own_net();
	tcp_pair(fd);
	R(send(fd[0], "abcde", 5, 0));
	usleep(1000);
	R(ioctl(fd[1], SIOCINQ, &n));
	say("in %d", n);
	R(recv(fd[1], buf, 2, 0));
	R(ioctl(fd[1], FIONREAD, &n));
	say("in %d", n);
	usleep(100000);
	R(ioctl(fd[0], SIOCOUTQ, &n));
	say("out %d", n);
	R(ioctl(listener(4001), SIOCINQ, &n));
	R(ioctl(fd[0], 0x1234, &n));
}

static void files_by_sendfile(void)
{
	int f = open("file", O_RDWR | O_CREAT, 0600);
	off_t off = 10;
	long got = 0, n;

	own_net();
	tcp_pair(fd);
	for (int i = 0; i < 100000; i++)
		buf[i] = i * 3;
	R(write(f, buf, 100000));
	if (fork() == 0) {
		while (off < 100000 && sendfile(fd[0], f, &off, 100000 - off) > 0)
			;
		_exit(off != 100000);
	}
	close(fd[0]);
	while ((n = recv(fd[1], buf, sizeof(buf), 0)) > 0) {
		for (int i = 0; i < n; i++)
			if (buf[i] != (char)((got + i + 10) * 3))
				say("wrong at %ld", got + i);
		got += n;
	}
	say("%ld", got);
}

static void cork(void)
{
	own_net();
	tcp_pair(fd);
	R(set_opt(fd[0], IPPROTO_TCP, TCP_CORK, 1));
	R(send(fd[0], "ab", 2, 0));
	R(send(fd[0], "cd", 2, 0));
	R(recv(fd[1], buf, 10, MSG_DONTWAIT));
	R(set_opt(fd[0], IPPROTO_TCP, TCP_CORK, 0));
	wait_for(fd[1], POLLIN);
	R(recv(fd[1], buf, 10, MSG_DONTWAIT));
	R(send(fd[0], "ef", 2, MSG_MORE));
	R(recv(fd[1], buf, 10, MSG_DONTWAIT));
	R(send(fd[0], "gh", 2, 0));
	wait_for(fd[1], POLLIN);
	R(recv(fd[1], buf, 10, MSG_DONTWAIT));
	say("%.4s", buf);
	R(send(fd[0], "ij", 2, MSG_MORE));
	wait_for(fd[1], POLLIN); /* it does not wait for ever */
	R(recv(fd[1], buf, 10, MSG_DONTWAIT));
}

static void threads_of_control(void)
{
	int total = 0, n;

	own_net();
	tcp_pair(fd);
	for (int i = 0; i < 3; i++) {
		if (fork() == 0) {
			close(fd[1]);
			for (int k = 0; k < 200; k++)
				send(fd[0], buf, 777, 0);
			_exit(0);
		}
	}
	close(fd[0]);
	while ((n = recv(fd[1], buf, sizeof(buf), 0)) > 0)
		total += n;
	say("%d", total);
}

static void small_receive_buffer(void)
{
	long total = 0, n;
	int l, c;

	own_net();
	l = tcp();
	set_opt(l, SOL_SOCKET, SO_RCVBUF, 4096);
	R(bind(l, AT(LO, 4000)));
	R(listen(l, 1));
	c = tcp();
	R(connect(c, AT(LO, 4000)));
	fd[1] = accept(l, NULL, NULL);
	R(opt(fd[1], SOL_SOCKET, SO_RCVBUF));
	if (fork() == 0) {
		close(fd[1]);
		for (int i = 0; i < 100; i++)
			send(c, buf, 1000, 0);
		_exit(0);
	}
	close(c);
	while ((n = recv(fd[1], buf, 300, 0)) > 0)
		total += n;
	say("%ld", total);
}

ABI_MAIN(CASE(bytes), CASE(names_in_messages), CASE(half_close), CASE(shutdown_reading),
	 CASE(broken_pipe), CASE(unread_is_a_reset), CASE(linger_zero), CASE(linger_waits),
	 CASE(readiness), CASE(low_water), CASE(wait_all), CASE(full_buffers), CASE(bulk),
	 CASE(small_writes), CASE(urgent), CASE(urgent_inline), CASE(queues),
	 CASE(files_by_sendfile), CASE(cork), CASE(threads_of_control), CASE(small_receive_buffer))
