/* SPDX-License-Identifier: MIT */
/* Waiting: epoll(7), poll(2) and select(2) at their edges, and eventfd(2) below them. */
#include "abi.h"

#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/time.h>
#include <time.h>

static int ep, pp[2];

static void setup(void)
{
	ep = epoll_create1(EPOLL_CLOEXEC);
	if (ep < 0 || pipe(pp))
		say("no epoll or pipe");
}

static int add(int epfd, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event ev = { .events = events, .data.u64 = data };

	return epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &ev);
}

static int mod(int epfd, int fd, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.u64 = 77 };

	return epoll_ctl(epfd, EPOLL_CTL_MOD, fd, &ev);
}

/* What is ready now, as text. */
static void ready(const char *what)
{
	struct epoll_event ev[8];
	char line[200] = "";
	int n = epoll_wait(ep, ev, 8, 0);

	for (int i = 0; i < n; i++)
		snprintf(line + strlen(line), 40, " %#x/%d", ev[i].events, (int)ev[i].data.u64);
	say("%s: %d%s", what, n, line);
}

static void put(int fd, const char *text)
{
	if (write(fd, text, strlen(text)) != strlen(text))
		say("write: %s", errno_name(errno));
}

static void get(int fd, size_t n)
{
	char buf[4096];

	if (read(fd, buf, n) < 0)
		say("read: %s", errno_name(errno));
}

static void level(void)
{
	setup();
	R(add(ep, pp[0], EPOLLIN, 1));
	ready("nothing");
	put(pp[1], "abc");
	ready("three bytes");
	ready("still");
	get(pp[0], 1);
	ready("two left");
	get(pp[0], 2);
	ready("all read");
	close(pp[1]);
	ready("hung up");
	ready("for good");
}

static void edge(void)
{
	setup();
	put(pp[1], "a");
	R(add(ep, pp[0], EPOLLIN | EPOLLET, 1));
	ready("was there before");
	ready("no new edge");
	put(pp[1], "b");
	ready("one more byte");
	get(pp[0], 1);
	ready("one byte left");
	put(pp[1], "c");
	ready("another");
	get(pp[0], 10);
	ready("empty");
	put(pp[1], "d");
	R(mod(ep, pp[0], EPOLLIN | EPOLLET));
	ready("modified");
	ready("once");
	close(pp[1]);
	ready("hung up");
	ready("once");
}

static void one_shot(void)
{
	setup();
	put(pp[1], "abc");
	R(add(ep, pp[0], EPOLLIN | EPOLLONESHOT, 1));
	ready("first");
	put(pp[1], "d");
	ready("spent");
	R(mod(ep, pp[0], EPOLLIN | EPOLLONESHOT));
	ready("armed again");
	close(pp[1]);
	ready("hung up, but spent");
	R(mod(ep, pp[0], 0));
	ready("asked for nothing");
}

static void writing_end(void)
{
	setup();
	fcntl(pp[1], F_SETFL, O_NONBLOCK);
	R(add(ep, pp[1], EPOLLOUT | EPOLLET, 2));
	ready("room");
	ready("known");
	while (write(pp[1], "0123456789abcdef", 16) == 16)
		;
	ready("full");
	for (int i = 0; i < 16; i++)
		get(pp[0], 4096);
	ready("room again");
	close(pp[0]);
	ready("no reader");
}

static void errors(void)
{
	struct epoll_event ev;
	int file = open("/proc/self/exe", O_RDONLY), dead = dup(0);

	setup();
	close(dead);
	R(epoll_create(0));
	R(epoll_create1(1));
	R(epoll_wait(ep, &ev, 0, 0));
	R(epoll_wait(ep, &ev, -1, 0));
	R(epoll_wait(ep, &ev, INT_MAX, 0));
	R(epoll_wait(dead, &ev, 1, 0));
	R(epoll_wait(pp[0], &ev, 1, 0));
	R(add(dead, pp[0], EPOLLIN, 0));
	R(add(ep, dead, EPOLLIN, 0));
	R(add(ep, file, EPOLLIN, 0));
	R(add(file, file, EPOLLIN, 0));
	R(add(pp[0], pp[1], EPOLLIN, 0));
	R(add(ep, ep, EPOLLIN, 0));
	R(epoll_ctl(ep, EPOLL_CTL_ADD, pp[0], wild(8)));
	R(epoll_ctl(ep, EPOLL_CTL_DEL, pp[0], wild(8)));
	R(epoll_ctl(ep, 9, pp[0], &ev));
	R(epoll_ctl(ep, 9, dead, &ev));
	R(mod(ep, pp[0], EPOLLIN));
	R(add(ep, pp[0], EPOLLIN, 0));
	R(add(ep, pp[0], EPOLLIN, 0));
	R(epoll_ctl(ep, EPOLL_CTL_DEL, pp[0], NULL));
	R(epoll_ctl(ep, EPOLL_CTL_DEL, pp[0], NULL));
}

static void bad_memory_loses_nothing(void)
{
	setup();
	put(pp[1], "a");
	R(add(ep, pp[0], EPOLLIN | EPOLLET, 5));
	R(epoll_wait(ep, wild(4096), 4, 0));
	ready("the edge");
}

static void exclusive(void)
{
	setup();
	R(add(ep, pp[0], EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT, 1));
	R(add(ep, pp[0], EPOLLIN | EPOLLEXCLUSIVE | EPOLLRDHUP, 1));
	R(add(ep, epoll_create1(0), EPOLLIN | EPOLLEXCLUSIVE, 1));
	R(add(ep, pp[0], EPOLLIN | EPOLLEXCLUSIVE | EPOLLET, 1));
	R(mod(ep, pp[0], EPOLLIN));
	R(mod(ep, pp[0], EPOLLIN | EPOLLEXCLUSIVE));
	put(pp[1], "x");
	ready("works");
}

static void nested(void)
{
	struct pollfd p;
	struct epoll_event ev;
	int inner;

	setup();
	inner = epoll_create1(0);
	R(add(inner, pp[0], EPOLLIN, 3));
	R(add(ep, inner, EPOLLIN, 4));
	p = (struct pollfd){ .fd = inner, .events = POLLIN };
	ready("nothing");
	put(pp[1], "a");
	ready("outer sees inner");
	R(epoll_wait(inner, &ev, 1, 0));
	R(poll(&p, 1, 0));
	get(pp[0], 1);
	R(poll(&p, 1, 0));
	ready("all read");
	R(epoll_wait(inner, &ev, 1, 0));
}

static void nested_edge(void)
{
	struct epoll_event ev;
	int inner;

	setup();
	inner = epoll_create1(0);
	R(add(inner, pp[0], EPOLLIN, 3));
	R(add(ep, inner, EPOLLIN | EPOLLET, 4));
	put(pp[1], "a");
	ready("edge of the inner");
	ready("once");
	R(epoll_wait(inner, &ev, 1, 0));
	put(pp[1], "b");
	ready("again");
}

static void loops_and_depth(void)
{
	int e[12];

	for (int i = 0; i < 12; i++)
		e[i] = epoll_create1(0);
	R(add(e[0], e[1], EPOLLIN, 0));
	R(add(e[1], e[0], EPOLLIN, 0));
	R(add(e[1], e[2], EPOLLIN, 0));
	R(add(e[2], e[0], EPOLLIN, 0));
	R(add(e[2], e[3], EPOLLIN, 0));
	R(add(e[3], e[4], EPOLLIN, 0));
	/* From the bottom: how many are too many depends on the version, twelve always are. */
	R(epoll_ctl(e[3], EPOLL_CTL_DEL, e[4], NULL));
	for (int i = 10; i >= 7; i--)
		R(add(e[i], e[i + 1], EPOLLIN, 0));
	R(add(e[3], e[7], EPOLLIN, 0));
	for (int i = 6; i >= 4; i--)
		if (add(e[i], e[i + 1], EPOLLIN, 0) && errno != ELOOP)
			say("number %d: %s", i, errno_name(errno));
	R(add(e[3], e[4], EPOLLIN, 0));
}

static void two_descriptors_one_file(void)
{
	int copy;

	setup();
	copy = dup(pp[0]);
	R(add(ep, pp[0], EPOLLIN, 1));
	R(add(ep, copy, EPOLLIN, 2));
	put(pp[1], "x");
	ready("both");
	close(copy);
	ready("a closed copy still counts while the file is open");
	R(epoll_ctl(ep, EPOLL_CTL_DEL, copy, NULL));
	R(dup2(pp[0], copy) == copy);
	R(epoll_ctl(ep, EPOLL_CTL_DEL, copy, NULL));
	ready("one left");
	close(copy);
	close(pp[0]);
	ready("none");
}

static void order_is_fair(void)
{
	struct epoll_event ev;
	int fds[3];

	setup();
	for (int i = 0; i < 3; i++) {
		fds[i] = eventfd(1, 0);
		add(ep, fds[i], EPOLLIN, i);
	}
	for (int i = 0; i < 6; i++) {
		R(epoll_wait(ep, &ev, 1, 0));
		say("number %d", (int)ev.data.u64);
	}
}

static void many(void)
{
	struct rlimit rl = { 1000, 1000 };
	struct epoll_event ev[600];
	int n = 0;

	setrlimit(RLIMIT_NOFILE, &rl);
	setup();
	for (int i = 0; i < 500; i++)
		n += !add(ep, eventfd(i % 2, EFD_CLOEXEC), EPOLLIN | EPOLLET, i);
	say("added: %d", n);
	R(epoll_wait(ep, ev, 600, 0));
	R(epoll_wait(ep, ev, 600, 0));
}

static void *late_write(void *arg)
{
	usleep(50000);
	put(pp[1], "x");
	return NULL;
}

static void waiting(void)
{
	struct timespec ts = { 5, 0 }, zero = { 0, 0 }, bad = { 0, 2000000000 };
	struct epoll_event ev;
	pthread_t t;
	uint64_t mask = 0;

	setup();
	R(add(ep, pp[0], EPOLLIN, 1));
	pthread_create(&t, NULL, late_write, NULL);
	R(epoll_wait(ep, &ev, 1, 5000));
	pthread_join(t, NULL);
	R(syscall(SYS_epoll_pwait2, ep, &ev, 1, &ts, NULL, 8));
	R(syscall(SYS_epoll_pwait2, ep, &ev, 1, &zero, &mask, 8));
	R(syscall(SYS_epoll_pwait2, ep, &ev, 1, &bad, NULL, 8));
	R(syscall(SYS_epoll_pwait2, ep, &ev, 1, wild(8), NULL, 8));
	R(syscall(SYS_epoll_pwait2, ep, &ev, 1, &ts, &mask, 4));
	R(syscall(SYS_epoll_pwait, ep, &ev, 1, 0, &mask, 16));
	R(syscall(SYS_epoll_pwait, ep, &ev, 1, 0, wild(8), 8));
	get(pp[0], 1);
	R(epoll_wait(ep, &ev, 1, 30));
}

static void *late_add(void *arg)
{
	usleep(50000);
	add(ep, pp[0], EPOLLIN, 6);
	return NULL;
}

static void added_while_waiting(void)
{
	struct epoll_event ev;
	pthread_t t;

	setup();
	put(pp[1], "x");
	pthread_create(&t, NULL, late_add, NULL);
	R(epoll_wait(ep, &ev, 1, 5000));
	pthread_join(t, NULL);
}

static void on_alarm(int sig)
{
}

static void masked_while_waiting(void)
{
	struct sigaction sa = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	struct epoll_event ev;
	sigset_t block, none;

	setup();
	sigaction(SIGUSR1, &sa, NULL);
	sigemptyset(&none);
	sigemptyset(&block);
	sigaddset(&block, SIGUSR1);
	sigprocmask(SIG_BLOCK, &block, NULL);
	raise(SIGUSR1);
	R(epoll_pwait(ep, &ev, 1, 1000, &none));
	R(epoll_pwait(ep, &ev, 1, 0, &none));
	raise(SIGUSR1);
	/* A signal that waits already wins over an event that is there only with nothing to collect. */
	R(add(ep, pp[0], EPOLLIN, 1));
	put(pp[1], "x");
	R(epoll_pwait(ep, &ev, 1, 1000, &none));
}

/* ---- poll and select ---- */
static void poll_edges(void)
{
	struct pollfd p[3];
	struct rlimit rl = { 16, 16 };
	int dead = dup(0);

	setup();
	close(dead);
	p[0] = (struct pollfd){ .fd = -5, .events = POLLIN, .revents = 99 };
	p[1] = (struct pollfd){ .fd = dead, .events = 0 };
	p[2] = (struct pollfd){ .fd = pp[0], .events = POLLIN };
	R(poll(p, 3, 0));
	say("%#x %#x %#x", p[0].revents, p[1].revents, p[2].revents);
	close(pp[1]);
	p[2].events = 0;
	R(poll(p + 2, 1, -1));
	say("hang-up needs no asking: %#x", p[2].revents);
	R(poll(NULL, 0, 10));
	R(poll(wild(8), 1, 0));
	R(poll(wild(8), 0, 0));
	setrlimit(RLIMIT_NOFILE, &rl);
	R(poll(p, 17, 0));
	R(poll(p, UINT_MAX, 0));
	p[0].fd = open("/proc/self/exe", O_RDONLY);
	p[0].events = POLLIN | POLLOUT | POLLPRI | POLLRDNORM | POLLWRNORM;
	R(poll(p, 1, 0));
	say("a file: %#x", p[0].revents);
}

/* select(2) itself: the C library keeps the time that is left to itself. */
static long raw_select(int n, fd_set *r, fd_set *w, fd_set *x, struct timeval *tv)
{
	return syscall(SYS_select, n, r, w, x, tv);
}

static void select_hang_up(void)
{
	struct timeval tv;
	fd_set r, w, x;

	for (int k = 0; k < 3; k++) {
		int p[2];

		if (pipe(p))
			return;
		FD_ZERO(&r);
		FD_ZERO(&w);
		FD_ZERO(&x);
		close(p[k == 2]);
		FD_SET(p[k != 2], k == 0 ? &r : k == 1 ? &w : &x);
		tv = (struct timeval){ 0, 60000 };
		R(raw_select(p[k != 2] + 1, &r, &w, &x, &tv));
		say("kind %d: %d %d %d, time left: %s", k, FD_ISSET(p[k != 2], &r),
		    FD_ISSET(p[k != 2], &w), FD_ISSET(p[k != 2], &x), tv.tv_usec ? "yes" : "no");
		close(p[k != 2]);
	}
	/* A read end without writers, asked for writing: it hung up, but that is no room. */
	setup();
	close(pp[1]);
	FD_ZERO(&w);
	FD_SET(pp[0], &w);
	tv = (struct timeval){ 0, 60000 };
	R(raw_select(pp[0] + 1, NULL, &w, NULL, &tv));
	say("%d, time left: %s", FD_ISSET(pp[0], &w), tv.tv_usec ? "yes" : "no");
}

static void select_edges(void)
{
	struct timeval bad = { -1, 0 }, more = { 0, 1500000 }, zero = { 0, 0 };
	struct timespec ts = { 0, -1 };
	fd_set r;

	setup();
	put(pp[1], "x");
	FD_ZERO(&r);
	FD_SET(pp[0], &r);
	R(select(-1, &r, NULL, NULL, &zero));
	R(select(pp[0], &r, NULL, NULL, &zero));
	FD_SET(pp[0], &r);
	R(select(pp[0] + 1, &r, NULL, NULL, &bad));
	R(raw_select(pp[0] + 1, &r, NULL, NULL, &more));
	R(select(pp[0] + 1, wild(8), NULL, NULL, &zero));
	R(syscall(SYS_select, 0, NULL, NULL, NULL, wild(8)));
	R(syscall(SYS_pselect6, 0, NULL, NULL, NULL, &ts, NULL));
	R(syscall(SYS_pselect6, 0, NULL, NULL, NULL, NULL, wild(8)));
	FD_SET(900, &r);
	R(select(1000, &r, NULL, NULL, &zero));
	say("beyond the table: %d", FD_ISSET(900, &r) != 0);
	FD_ZERO(&r);
	FD_SET(30, &r);
	R(select(64, &r, NULL, NULL, &zero));
}

/* ---- eventfd ---- */
static void event_semaphore(void)
{
	int fd = eventfd(3, EFD_SEMAPHORE | EFD_NONBLOCK);
	uint64_t v;

	for (int i = 0; i < 4; i++) {
		v = 99;
		R(read(fd, &v, sizeof(v)));
		say("value %d", (int)v);
	}
	v = 2;
	R(write(fd, &v, sizeof(v)));
	R(read(fd, &v, sizeof(v)));
	say("value %d", (int)v);
}

static void event_limits(void)
{
	int fd = eventfd(0, EFD_NONBLOCK);
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };
	uint64_t v = ~0UL, big[2];

	R(eventfd(0, 1 << 5));
	R(write(fd, &v, 8));
	v--;
	R(write(fd, &v, 8));
	R(poll(&p, 1, 0));
	say("full: %#x", p.revents);
	v = 1;
	R(write(fd, &v, 8));
	v = 0;
	R(write(fd, &v, 8));
	R(read(fd, &v, 7));
	R(write(fd, &v, 7));
	R(read(fd, big, 16));
	YES(big[0] == ~0UL - 1);
	R(read(fd, big, 16));
	R(poll(&p, 1, 0));
	say("empty: %#x", p.revents);
	R(write(fd, wild(8), 8));
	R(lseek(fd, 0, SEEK_SET));
	R(pread(fd, &v, 8, 0));
}

static void *late_take(void *arg)
{
	uint64_t v;

	usleep(50000);
	return (void *)(long)(read(*(int *)arg, &v, 8) == 8);
}

static void event_writer_waits(void)
{
	int fd = eventfd(0, 0);
	uint64_t v = ~0UL - 1;
	pthread_t t;

	R(write(fd, &v, 8));
	pthread_create(&t, NULL, late_take, &fd);
	v = 5;
	R(write(fd, &v, 8));
	pthread_join(t, NULL);
	R(read(fd, &v, 8));
	say("value %d", (int)v);
}

ABI_MAIN(CASE(level), CASE(edge), CASE(one_shot), CASE(writing_end), CASE(errors),
	 CASE(bad_memory_loses_nothing), CASE(exclusive), CASE(nested), CASE(nested_edge),
	 CASE(loops_and_depth), CASE(two_descriptors_one_file), CASE(order_is_fair), CASE(many),
	 CASE(waiting), CASE(added_while_waiting), CASE(masked_while_waiting), CASE(poll_edges),
	 CASE(select_hang_up), CASE(select_edges), CASE(event_semaphore), CASE(event_limits),
	 CASE(event_writer_waits))
