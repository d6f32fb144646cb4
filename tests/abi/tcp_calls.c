/* SPDX-License-Identifier: MIT */
/* TCP: names, connecting, listening, and what calls say in the wrong state. */
#include "net.h"

static int fd[2];

static void fresh_socket(void)
{
	char c;

	own_net();
	fd[0] = tcp();
	R(send(fd[0], "x", 1, MSG_NOSIGNAL));
	R(recv(fd[0], &c, 1, 0));
	R(shutdown(fd[0], SHUT_RDWR));
	R(accept(fd[0], NULL, NULL));
	name_of("own", fd[0], false, true);
	name_of("peer", fd[0], true, true);
	events("events", fd[0]);
	R(opt(fd[0], SOL_SOCKET, SO_TYPE));
	R(opt(fd[0], SOL_SOCKET, SO_PROTOCOL));
	R(opt(fd[0], SOL_SOCKET, SO_DOMAIN));
	R(opt(fd[0], SOL_SOCKET, SO_ACCEPTCONN));
	R(socketpair(AF_INET, SOCK_STREAM, 0, fd));
}

static void kinds(void)
{
	own_net();
	R(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP));
	R(socket(AF_INET, SOCK_DGRAM, IPPROTO_TCP));
	R(socket(AF_INET, SOCK_SEQPACKET, 0));
	R(socket(AF_INET, SOCK_RDM, 0));
	R(socket(AF_INET, SOCK_RAW, 0));
	R(socket(AF_INET, SOCK_STREAM, -1));
	R(socket(AF_INET, SOCK_STREAM, 1000));
	R(socket(AF_INET, 77, 0));
	O(socket(AF_INET, SOCK_STREAM, IPPROTO_TCP));
	O(socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP));
}

static void binding(void)
{
	int a, b;

	own_net();
	a = tcp();
	b = tcp();
	R(bind(a, (void *)at(LO, 1), 8));
	R(bind(a, AT("10.1.2.3", 4000)));
	R(bind(a, AT("127.9.9.9", 4000)));
	name_of("own", a, false, true);
	R(bind(a, AT(LO, 4001)));
	R(bind(b, AT("127.9.9.9", 4000)));
	R(bind(b, AT(LO, 4000)));
	close(b);
	b = tcp();
	R(bind(b, AT("0.0.0.0", 4000)));
	R(bind(b, AT("0.0.0.0", 0)));
	name_of("own, port hidden", b, false, false);
	at(LO, 0)->sin_family = 9;
	b = tcp();
	{
		struct sockaddr_in s = *at(LO, 4002);

		s.sin_family = AF_UNIX;
		R(bind(b, (void *)&s, sizeof(s)));
		s.sin_family = AF_UNSPEC;
		R(bind(b, (void *)&s, sizeof(s)));
		s.sin_addr.s_addr = 0;
		R(bind(b, (void *)&s, sizeof(s)));
	}
}

static void reuse_address(void)
{
	int a, b, c;

	own_net();
	a = tcp(), b = tcp(), c = tcp();
	R(bind(a, AT(LO, 4000)));
	R(set_opt(b, SOL_SOCKET, SO_REUSEADDR, 1));
	R(bind(b, AT(LO, 4000)));
	R(set_opt(a, SOL_SOCKET, SO_REUSEADDR, 1));
	R(bind(b, AT(LO, 4000)));
	R(listen(a, 1));
	R(listen(b, 1));
	R(set_opt(c, SOL_SOCKET, SO_REUSEADDR, 1));
	R(bind(c, AT(LO, 4000)));
	R(bind(c, AT("127.0.0.2", 4000)));
	R(listen(c, 1));
}

static void reuse_port(void)
{
	int a, b, c;

	own_net();
	a = tcp(), b = tcp(), c = tcp();
	R(set_opt(a, SOL_SOCKET, SO_REUSEPORT, 1));
	R(set_opt(b, SOL_SOCKET, SO_REUSEPORT, 1));
	R(bind(a, AT(LO, 4000)));
	R(bind(b, AT(LO, 4000)));
	R(bind(c, AT(LO, 4000)));
	R(listen(a, 1));
	R(listen(b, 1));
}

static void time_wait_keeps_the_port(void)
{
	int l, c;

	own_net();
	l = tcp();
	R(bind(l, AT(LO, 4000)));
	R(listen(l, 1));
	c = tcp();
	R(connect(c, AT(LO, 4000)));
	fd[0] = accept(l, NULL, NULL);
	close(fd[0]); /* this side ends first: TIME_WAIT is here */
	close(c);
	close(l);
	l = tcp();
	R(bind(l, AT(LO, 4000)));
	R(set_opt(l, SOL_SOCKET, SO_REUSEADDR, 1));
	R(bind(l, AT(LO, 4000)));
	close(l);
	/* where the first had it too, it may */
	l = tcp();
	set_opt(l, SOL_SOCKET, SO_REUSEADDR, 1);
	R(bind(l, AT(LO, 4001)));
	R(listen(l, 1));
	c = tcp();
	R(connect(c, AT(LO, 4001)));
	fd[0] = accept(l, NULL, NULL);
	close(fd[0]);
	close(c);
	close(l);
	l = tcp();
	set_opt(l, SOL_SOCKET, SO_REUSEADDR, 1);
	R(bind(l, AT(LO, 4001)));
	R(listen(l, 1));
}

static void low_ports(void)
{
	own_net();
	O(bind(tcp(), AT(LO, 80)));
	if (setresuid(12345, 12345, 12345))
		say("setresuid: %s", net_errno(errno));
	R(bind(tcp(), AT(LO, 81)));
	R(bind(udp(), AT(LO, 1023)));
	O(bind(tcp(), AT(LO, 1024)));
}

static void connecting(void)
{
	int l, c;

	own_net();
	l = listener(4000);
	c = tcp();
	R(connect(c, (void *)at(LO, 4000), 1));
	R(connect(c, (void *)at(LO, 4000), 8));
	R(connect(c, AT("10.0.0.1", 80)));
	R(connect(c, AT("255.255.255.255", 80)));
	R(connect(c, AT(LO, 4001)));
	show_error("after", c);
	R(connect(c, AT(LO, 4000)));
	R(connect(c, AT(LO, 4000)));
	R(bind(c, AT(LO, 4002)));
	R(listen(c, 1));
	name_of("peer", c, true, true);
	name_of("own", c, false, false);
	R(connect(l, AT(LO, 4000)));
	fd[0] = accept(l, NULL, NULL);
	name_of("accepted, own", fd[0], false, true);
	name_of("accepted, peer", fd[0], true, false);
	R(accept(c, NULL, NULL));
	R(accept(udp(), NULL, NULL));
	R(listen(udp(), 1));
}

static void connect_to_any(void)
{
	int c;

	own_net();
	listener(4000);
	c = tcp();
	R(connect(c, AT("0.0.0.0", 4000)));
	name_of("peer", c, true, true);
}

static void nonblocking_connect(void)
{
	int l, c;
	long r;

	own_net();
	l = listener(4000);
	c = tcp();
	nonblock(c);
	r = connect(c, AT(LO, 4000));
	/* on loopback the answer may be there at once: both are right */
	YES(!r || errno == EINPROGRESS);
	wait_for(c, POLLOUT);
	show_error("connected", c);
	events("connected", c);
	R(connect(c, AT(LO, 4000)) ? 0 : 0);
	R(connect(c, AT(LO, 4000)));
	nonblock(l);
	O(accept(l, NULL, NULL));
	R(accept(l, NULL, NULL));
	c = tcp();
	nonblock(c);
	r = connect(c, AT(LO, 4001));
	YES(r == -1 && (errno == EINPROGRESS || errno == ECONNREFUSED));
	wait_for(c, POLLOUT);
	say("revents settle");
	events("refused", c);
}

static void refused(void)
{
	char b;
	int c;

	own_net();
	c = tcp();
	R(connect(c, AT(LO, 4001)));
	R(send(c, "x", 1, MSG_NOSIGNAL));
	R(recv(c, &b, 1, 0));
	events("events", c);
	R(connect(c, AT(LO, 4001)));
}

static void backlog(void)
{
	int l, c[4], n = 0;

	own_net();
	l = tcp();
	bind(l, AT(LO, 4000));
	R(listen(l, 1));
	for (int i = 0; i < 4; i++) {
		c[i] = tcp();
		nonblock(c[i]);
		connect(c[i], AT(LO, 4000));
	}
	usleep(100000);
	nonblock(l);
	events("listener", l);
	while (accept(l, NULL, NULL) >= 0)
		n++;
	YES(n >= 2);
	R(listen(l, 5));
	R(opt(l, SOL_SOCKET, SO_ACCEPTCONN));
	R(send(l, "x", 1, MSG_NOSIGNAL));
	R(recv(l, &n, 1, 0));
	R(opt(l, SOL_SOCKET, SO_ERROR));
}

static void listen_by_itself(void)
{
	struct sockaddr_in a;
	socklen_t n = sizeof(a);
	int l, c;

	own_net();
	l = tcp();
	R(listen(l, 1));
	getsockname(l, (void *)&a, &n);
	YES(ntohs(a.sin_port) >= 32768);
	c = tcp();
	R(connect(c, AT(LO, ntohs(a.sin_port))));
	fd[0] = accept4(l, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	say("%o %d", fcntl(fd[0], F_GETFL) & (O_NONBLOCK | O_ACCMODE), fcntl(fd[0], F_GETFD));
	R(accept4(l, NULL, NULL, 1));
	n = sizeof(a);
	R(accept4(c, (void *)&a, &n, 0));
}

static void accept_after_close(void)
{
	char buf[8] = "";
	int l, c;

	own_net();
	l = listener(4000);
	c = tcp();
	R(connect(c, AT(LO, 4000)));
	R(send(c, "bye", 3, 0));
	close(c);
	fd[0] = accept(l, NULL, NULL);
	R(recv(fd[0], buf, 8, 0));
	R(recv(fd[0], buf, 8, 0));
	say("%s", buf);
	/* and one that is reset while it waits */
	c = tcp();
	R(connect(c, AT(LO, 4000)));
	setsockopt(c, SOL_SOCKET, SO_LINGER, &(struct linger){ 1, 0 }, sizeof(struct linger));
	close(c);
	usleep(10000);
	fd[0] = accept(l, NULL, NULL);
	YES(fd[0] >= 0);
	R(recv(fd[0], buf, 8, 0));
	R(recv(fd[0], buf, 8, 0));
}

static void closing_a_listener(void)
{
	char b;
	int l, c;

	own_net();
	l = listener(4000);
	c = tcp();
	R(connect(c, AT(LO, 4000)));
	close(l);
	R(recv(c, &b, 1, 0));
	R(connect(tcp(), AT(LO, 4000)));
}

static void shutting_down_a_listener(void)
{
	int l, c;

	own_net();
	l = listener(4000);
	R(shutdown(l, SHUT_WR));
	c = tcp();
	R(connect(c, AT(LO, 4000)));
	R(shutdown(l, SHUT_RD));
	R(accept(l, NULL, NULL));
	R(connect(tcp(), AT(LO, 4000)));
	R(listen(l, 1));
	R(connect(tcp(), AT(LO, 4000)));
}

static void disconnect(void)
{
	struct sockaddr_in none = { .sin_family = AF_UNSPEC };
	char b;
	int l;

	own_net();
	l = listener(4001);
	tcp_pair(fd);
	R(connect(fd[0], (void *)&none, sizeof(none)));
	name_of("peer", fd[0], true, true);
	R(recv(fd[1], &b, 1, 0));
	R(connect(fd[0], AT(LO, 4001)));
	name_of("peer", fd[0], true, true);
	O(accept(l, NULL, NULL));
	R(send(fd[0], "x", 1, 0));
}

static void simultaneous_open(void)
{
	int a, b;
	char c;

	own_net();
	a = tcp();
	R(bind(a, AT(LO, 4000)));
	R(connect(a, AT(LO, 4000))); /* with itself */
	R(send(a, "x", 1, 0));
	R(recv(a, &c, 1, 0));
	name_of("own", a, false, true);
	name_of("peer", a, true, true);
	b = tcp();
	R(bind(b, AT(LO, 4000)));
	R(shutdown(a, SHUT_WR));
	R(recv(a, &c, 1, 0));
}

static void interrupted_accept(void)
{
	int l, c;

	own_net();
	l = listener(4000);
	set_opt(l, SOL_SOCKET, SO_RCVTIMEO, 0);
	setsockopt(l, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){ 0, 20000 },
		   sizeof(struct timeval));
	R(accept(l, NULL, NULL));
	c = tcp();
	R(connect(c, AT(LO, 4000)));
	O(accept(l, NULL, NULL));
	setsockopt(c, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){ 0, 20000 },
		   sizeof(struct timeval));
	R(recv(c, &l, 1, 0));
}

/* A connection that says nothing is not accepted yet. */
static void deferred_accept(void)
{
	int l, c;

	own_net();
	l = listener(4000);
	R(set_opt(l, IPPROTO_TCP, TCP_DEFER_ACCEPT, 30));
	c = tcp();
	R(connect(c, AT(LO, 4000)));
	nonblock(l);
	R(accept(l, NULL, NULL) >= 0);
	events("listener", l);
	R(send(c, "x", 1, 0));
	wait_for(l, POLLIN);
	R(accept(l, NULL, NULL) >= 0);
}

/* With no descriptor free, the connection waits until there is one. */
static void no_descriptor(void)
{
	struct rlimit r = { 0, 64 };
	int l, c;

	own_net();
	l = listener(4000);
	c = tcp();
	R(connect(c, AT(LO, 4000)));
	r.rlim_cur = c + 1;
	R(setrlimit(RLIMIT_NOFILE, &r));
	R(accept(l, NULL, NULL));
	r.rlim_cur = c + 2;
	R(setrlimit(RLIMIT_NOFILE, &r));
	nonblock(l);
	R(accept(l, NULL, NULL) == c + 1);
}

static int in_state(const char *state)
{
	char line[300];
	int n = 0;
	FILE *f = fopen("/proc/net/tcp", "r");

	while (f && fgets(line, sizeof(line), f))
		n += !strncmp(line + 34, state, 2);
	if (f)
		fclose(f);
	return n;
}

/* TCP_LINGER2: how long the kernel waits for a FIN when the socket is gone. */
static void fin_wait(void)
{
	int fd[2];

	own_net();
	tcp_pair(fd);
	R(set_opt(fd[0], IPPROTO_TCP, TCP_LINGER2, 1));
	close(fd[0]);
	usleep(300000);
	say("%d", in_state("05"));
	for (int i = 0; i < 40 && in_state("05"); i++)
		usleep(100000);
	say("%d", in_state("05"));
	events("peer", fd[1]);
}

ABI_MAIN(CASE(deferred_accept), CASE(no_descriptor), CASE(fin_wait), CASE(fresh_socket),
	 CASE(kinds), CASE(binding), CASE(reuse_address), CASE(reuse_port),
	 CASE(time_wait_keeps_the_port), CASE(low_ports), CASE(connecting), CASE(connect_to_any),
	 CASE(nonblocking_connect), CASE(refused), CASE(backlog), CASE(listen_by_itself),
	 CASE(accept_after_close), CASE(closing_a_listener), CASE(shutting_down_a_listener),
	 CASE(disconnect), CASE(simultaneous_open), CASE(interrupted_accept))
