/* SPDX-License-Identifier: MIT */
/*
 * -p: ports of the host's that lead to a container's or a machine's. Without a packet filter that rewrites addresses
 * there is a process, the keeper's child, that listens here, connects there, and passes on what comes:
 * bytes and the end of them in each direction by itself (TCP), or datagrams (UDP). It ends with the
 * keeper, and with it all that it has open. The ports are bound before anything starts: one that
 * is taken is told at once.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "life.h"

#define MAX_PORTS 16
#define MAX_STREAMS 256 /* more wait until one ends */
#define MAX_TALKS 64 /* the one that was silent longest gives way */

static struct port {
	int fd, type; /* SOCK_STREAM, SOCK_DGRAM */
	struct sockaddr_in outer, inner;
} ports[MAX_PORTS];
static int nr_ports;

/* ---- the command line ---- */

/* A number up to 65535, or -1. */
static long port_number(const char *text)
{
	char *end;
	uint64_t n = to_number(text, &end, 10);

	return *text && !*end && n <= 65535 ? (long)n : -1;
}

/* "[[IP:]PORT:]PORT[/tcp|/udp]"; 0 as the host's port: any that is free. */
static bool parse_port(const char *text, struct port *p)
{
	char copy[64], *protocol, *rest = copy, *part[3]; /* of what colons separate */
	long in, out;
	int n = 0;

	if (!join(copy, sizeof(copy), text, NULL))
		return false;
	protocol = strchr(copy, '/');
	if (protocol)
		*protocol++ = 0;
	p->type = protocol && !strcmp(protocol, "udp") ? SOCK_DGRAM : SOCK_STREAM;
	if (protocol && p->type == SOCK_STREAM && strcmp(protocol, "tcp"))
		return false;
	while (rest && n < 3)
		part[n++] = strsep(&rest, ":");
	in = port_number(part[n - 1]);
	out = n > 1 ? port_number(part[n - 2]) : 0;
	p->outer = p->inner = (struct sockaddr_in){ .sin_family = AF_INET };
	p->outer.sin_port = htons(out);
	p->inner.sin_port = htons(in);
	return in > 0 && out >= 0 && !rest &&
	       (n < 3 || parse_address(part[0], &p->outer.sin_addr.s_addr));
}

static void bind_port(struct port *p, const char *text)
{
	socklen_t size = sizeof(p->outer);
	int yes = 1;

	p->fd = socket(AF_INET, p->type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (p->type == SOCK_STREAM) /* an earlier container's connections may still linger */
		setsockopt(p->fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (p->fd < 0 || bind(p->fd, (struct sockaddr *)&p->outer, size) < 0 ||
	    (p->type == SOCK_STREAM && listen(p->fd, 128) < 0) ||
	    getsockname(p->fd, (struct sockaddr *)&p->outer, &size) < 0)
		die(STATUS_FAILED, "--publish %.64s: %s", text, strerror(errno));
}

void publish_open(const struct opt_list *list, char *text, size_t size)
{
	char ip[ADDRESS_SIZE];
	size_t n = 0;

	if (list->n > MAX_PORTS)
		die(STATUS_USAGE, "--publish: more than %d", MAX_PORTS);
	for (int i = 0; i < list->n; i++) {
		struct port *p = ports + i;

		if (!parse_port(list->item[i], p))
			die(STATUS_USAGE,
			    "--publish %.64s: not of the form [[IP:]PORT:]PORT[/tcp|/udp]",
			    list->item[i]);
		bind_port(p, list->item[i]);
		nr_ports++;
		address_text(p->outer.sin_addr.s_addr, ip);
		n += format(text + n, size - n, "%s%s:%d->%d/%s", i ? ", " : "", ip,
			    ntohs(p->outer.sin_port), ntohs(p->inner.sin_port),
			    p->type == SOCK_STREAM ? "tcp" : "udp");
	}
}

void publish_close(void)
{
	while (nr_ports)
		close(ports[--nr_ports].fd);
}

/* ---- TCP ---- */

/* fd: the client's and the container's; half: what comes by each and was not yet passed on. */
struct stream {
	int fd[2];
	bool connecting;
	struct half {
		size_t at, n;
		bool ended, shut; /* its end came; was passed on */
		char data[16384];
	} half[2];
};
static struct stream *streams[MAX_STREAMS]; /* behind nr_streams: to be used again, or NULL */
static int nr_streams;

static void accept_stream(const struct port *p)
{
	int client = accept4(p->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), yes = 1;
	struct stream *s = streams[nr_streams] ?: calloc(1, sizeof(*s));
	int to = s && client >= 0 ? socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
				  : -1;

	if (to < 0 || (connect(to, (const struct sockaddr *)&p->inner, sizeof(p->inner)) < 0 &&
		       errno != EINPROGRESS)) {
		close(to);
		close(client);
		streams[nr_streams] = s;
		return;
	}
	setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	setsockopt(to, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	memset(s, 0, sizeof(*s));
	s->fd[0] = client;
	s->fd[1] = to;
	s->connecting = true;
	streams[nr_streams++] = s;
}

static short stream_wants(const struct stream *s, int side)
{
	const struct half *from = s->half + side, *to = s->half + !side;

	if (s->connecting)
		return side ? POLLOUT : 0;
	return (from->n || from->ended ? 0 : POLLIN) | (to->n ? POLLOUT : 0);
}

/* Takes what one side sends and gives it to the other, as far as both can now. False: broken. */
static bool pass_on(struct stream *s, int side)
{
	struct half *h = s->half + side;
	ssize_t n;

	if (!h->n && !h->ended) {
		n = recv(s->fd[side], h->data, sizeof(h->data), 0);
		if (n < 0 && errno != EAGAIN)
			return false;
		h->ended = !n;
		h->n = n > 0 ? n : 0;
		h->at = 0;
	}
	if (h->n) {
		n = send(s->fd[!side], h->data + h->at, h->n, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN)
			return false;
		h->at += n > 0 ? n : 0;
		h->n -= n > 0 ? n : 0;
	}
	if (h->ended && !h->n && !h->shut) {
		shutdown(s->fd[!side], SHUT_WR);
		h->shut = true;
	}
	return true;
}

static void serve_stream(int i)
{
	static const struct linger at_once = { 1, 0 };
	struct stream *s = streams[i];
	socklen_t size = sizeof(int);
	int err = 0;
	bool whole;

	if (s->connecting)
		getsockopt(s->fd[1], SOL_SOCKET, SO_ERROR, &err, &size);
	s->connecting = false;
	whole = !err && pass_on(s, 0) && pass_on(s, 1);
	if (whole && !(s->half[0].shut && s->half[1].shut))
		return;
	for (int side = 0; side < 2; side++) {
		if (!whole) /* the other one is told that it was no proper end */
			setsockopt(s->fd[side], SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
		close(s->fd[side]);
	}
	streams[i] = streams[--nr_streams];
	streams[nr_streams] = s;
}

/* ---- UDP ---- */

/* Who sends to a port has a socket to the container's, by which the answers are known to be his. */
static struct talk {
	const struct port *port; /* NULL: free */
	struct sockaddr_in client;
	int fd;
	uint64_t used; /* a number that grows */
} talks[MAX_TALKS];
static uint64_t now;
static char datagram[65536];

static struct talk *find_talk(const struct port *p, const struct sockaddr_in *client)
{
	struct talk *oldest = talks;

	for (struct talk *t = talks; t < talks + MAX_TALKS; t++) {
		if (t->port == p && t->client.sin_port == client->sin_port &&
		    t->client.sin_addr.s_addr == client->sin_addr.s_addr)
			return t;
		if (t->used < oldest->used)
			oldest = t;
	}
	if (oldest->port)
		close(oldest->fd);
	oldest->port = p;
	oldest->client = *client;
	oldest->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	connect(oldest->fd, (const struct sockaddr *)&p->inner, sizeof(p->inner));
	return oldest;
}

static void hear_clients(const struct port *p)
{
	struct sockaddr_in client;
	socklen_t size = sizeof(client);
	ssize_t n = recvfrom(p->fd, datagram, sizeof(datagram), 0, (void *)&client, &size);
	struct talk *t = n < 0 ? NULL : find_talk(p, &client);

	if (!t)
		return;
	t->used = ++now;
	send(t->fd, datagram, n, MSG_NOSIGNAL);
}

static void hear_container(struct talk *t)
{
	ssize_t n = recv(t->fd, datagram, sizeof(datagram), 0);

	if (n < 0) /* nobody is there, as an ICMP message says */
		return;
	t->used = ++now;
	sendto(t->port->fd, datagram, n, 0, (void *)&t->client, sizeof(t->client));
}

/* ---- the process ---- */

static void serve_once(void)
{
	struct pollfd p[MAX_PORTS + MAX_TALKS + 2 * MAX_STREAMS], *talk = p + nr_ports,
								  *stream = talk + MAX_TALKS;
	int n = nr_streams;

	for (int i = 0; i < nr_ports; i++) {
		bool full = ports[i].type == SOCK_STREAM && n == MAX_STREAMS;

		p[i] = (struct pollfd){ .fd = full ? -1 : ports[i].fd, .events = POLLIN };
	}
	for (int i = 0; i < MAX_TALKS; i++)
		talk[i] =
			(struct pollfd){ .fd = talks[i].port ? talks[i].fd : -1, .events = POLLIN };
	for (int i = 0; i < 2 * n; i++) {
		stream[i].events = stream_wants(streams[i / 2], i % 2);
		/* One that hung up and is not read is not told again and again. */
		stream[i].fd = stream[i].events ? streams[i / 2]->fd[i % 2] : -1;
	}
	if (poll(p, stream + 2 * n - p, -1) < 0)
		return;
	for (int i = n; i--;)
		if (stream[2 * i].revents || stream[2 * i + 1].revents)
			serve_stream(i);
	for (int i = 0; i < MAX_TALKS; i++)
		if (talk[i].revents)
			hear_container(talks + i);
	for (int i = 0; i < nr_ports; i++) {
		if (p[i].revents && ports[i].type == SOCK_DGRAM)
			hear_clients(ports + i);
		else if (p[i].revents && nr_streams < MAX_STREAMS)
			accept_stream(ports + i);
	}
}

/* Nothing of the keeper's is held on to: its lock, the container's pipes. */
static void close_all_else(void)
{
	int null = open("/dev/null", O_RDWR);

	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	for (int fd = 3; fd < 1024; fd++) {
		int i = 0;

		while (i < nr_ports && ports[i].fd != fd)
			i++;
		if (i == nr_ports)
			close(fd);
	}
}

pid_t publish_start(uint32_t address)
{
	pid_t keeper = getpid(), pid = nr_ports ? _Fork() : 0;

	if (pid < 0)
		die(STATUS_FAILED, "--publish: fork: %s", strerror(errno));
	if (pid || !nr_ports)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != keeper || chdir("/") < 0)
		_exit(0);
	close_all_else();
	for (int i = 0; i < nr_ports; i++)
		ports[i].inner.sin_addr.s_addr = htonl(address);
	for (;;)
		serve_once();
}
