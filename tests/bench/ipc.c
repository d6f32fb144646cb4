/* SPDX-License-Identifier: MIT */
/*
 * Bytes between two processes on one CPU, by pipes, AF_UNIX stream sockets and TCP over the loopback
 * device: the time of a round trip of one byte, and of 64 KiB that go one way (bench.h).
 */
#include "bench.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define CHUNK 65536

/* Two ends: what side i reads from and writes to. */
struct link {
	int in[2], out[2];
};

static void pipe_link(struct link *l)
{
	int there[2], back[2];

	check(!pipe(there) && !pipe(back), "pipe");
	*l = (struct link){ { back[0], there[0] }, { there[1], back[1] } };
}

static void unix_link(struct link *l)
{
	int s[2];

	check(!socketpair(AF_UNIX, SOCK_STREAM, 0, s), "socketpair");
	*l = (struct link){ { s[0], s[1] }, { s[0], s[1] } };
}

/* A new machine's loopback device is down. */
static void loopback_up(int s)
{
	struct ifreq r = { .ifr_name = "lo" };

	r.ifr_flags = IFF_UP | IFF_RUNNING | IFF_LOOPBACK;
	check(!ioctl(s, SIOCSIFFLAGS, &r), "lo");
}

static void tcp_link(struct link *l)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int listener = socket(AF_INET, SOCK_STREAM, 0), one = socket(AF_INET, SOCK_STREAM, 0), two;
	int yes = 1;
	socklen_t len = sizeof(a);

	check(listener >= 0 && one >= 0, "socket");
	loopback_up(listener);
	check(!bind(listener, (struct sockaddr *)&a, sizeof(a)) && !listen(listener, 1) &&
		      !getsockname(listener, (struct sockaddr *)&a, &len) &&
		      !connect(one, (struct sockaddr *)&a, sizeof(a)),
	      "TCP");
	two = accept(listener, NULL, NULL);
	check(two >= 0, "accept");
	close(listener);
	setsockopt(one, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	setsockopt(two, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	*l = (struct link){ { one, two }, { one, two } };
}

static void close_side(struct link *l, int side)
{
	close(l->in[side]);
	if (l->out[side] != l->in[side])
		close(l->out[side]);
}

static void all(ssize_t (*move)(int, void *, size_t), int fd, char *buf, size_t n)
{
	while (n) {
		ssize_t done = move(fd, buf, n);

		check(done > 0, "transfer");
		n -= done;
	}
}

static ssize_t put(int fd, void *buf, size_t n)
{
	return write(fd, buf, n);
}

/* The other process: takes `size` bytes, answers with one, n times. */
static pid_t answerer(struct link *l, size_t size, unsigned int n)
{
	static char buf[CHUNK];
	pid_t pid = fork();

	if (pid) {
		close_side(l, 1);
		return pid;
	}
	close_side(l, 0);
	while (n--) {
		all(read, l->in[1], buf, size);
		all(put, l->out[1], buf, 1);
	}
	_exit(0);
}

static uint64_t exchange(void (*connect_both)(struct link *), size_t size, unsigned int n)
{
	static char buf[CHUNK];
	struct link l;
	uint64_t begin = 0;
	pid_t pid;

	connect_both(&l);
	pid = answerer(&l, size, 2 * n);
	for (unsigned int i = 0; i < 2 * n; i++) {
		if (i == n) /* the first half warms up: copied pages, habits of the scheduler */
			begin = ticks();
		all(put, l.out[0], buf, size);
		all(read, l.in[0], buf, 1);
	}
	begin = ticks() - begin;
	close_side(&l, 0);
	reap(pid);
	return begin;
}

#define BATCHES_OF(kind)                                                                           \
	static uint64_t kind##_batch(unsigned int n)                                               \
	{                                                                                          \
		return exchange(kind##_link, 1, n);                                                \
	}                                                                                          \
	static uint64_t kind##_bulk_batch(unsigned int n)                                          \
	{                                                                                          \
		return exchange(kind##_link, CHUNK, n);                                            \
	}
BATCHES_OF(pipe)
BATCHES_OF(unix)
BATCHES_OF(tcp)

static const struct bench benches[] = {
	{ "pipe", pipe_batch, 200 },
	{ "unix", unix_batch, 200 },
	{ "tcp", tcp_batch, 200 },
	{ "pipe-bulk", pipe_bulk_batch, 16 },
	{ "unix-bulk", unix_bulk_batch, 16 },
	{ "tcp-bulk", tcp_bulk_batch, 16 },
};

int main(int argc, char **argv)
{
	return bench_main(argc, argv, benches, sizeof(benches) / sizeof(benches[0]));
}
