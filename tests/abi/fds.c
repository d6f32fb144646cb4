/* SPDX-License-Identifier: MIT */
/* File descriptors: copies, flags, limits; poll, select, epoll, eventfd, timerfd. */
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <time.h>

#include "abi.h"

/* A case begins with 0, 1 and 2 open, and no more. */
static void only_standard(void)
{
	syscall(SYS_close_range, 3, ~0U, 0);
}

static void lowest_is_taken(void)
{
	only_standard();
	R(open("/dev/null", O_RDONLY));
	R(open("/dev/null", O_RDONLY));
	R(dup(3));
	R(close(3));
	R(open("/dev/null", O_RDONLY));
	R(fcntl(3, F_DUPFD, 10));
	R(fcntl(3, F_DUPFD, 10));
	R(fcntl(3, F_DUPFD_CLOEXEC, 4));
	R(fcntl(6, F_GETFD));
}

static void duplicates(void)
{
	only_standard();
	R(open("/dev/null", O_RDONLY));
	R(dup2(3, 9));
	R(dup2(3, 3));
	R(dup2(99, 99));
	R(dup2(99, 3));
	R(dup2(3, -1));
	R(dup2(3, 1 << 30));
	R(syscall(SYS_dup3, 3, 3, 0));
	R(syscall(SYS_dup3, 3, 4, O_CLOEXEC));
	R(fcntl(4, F_GETFD));
	R(fcntl(9, F_GETFD));
	R(syscall(SYS_dup3, 3, 4, 1));
	R(dup(-1));
	R(fcntl(3, F_DUPFD, 1 << 30));
	R(fcntl(3, F_DUPFD, -1));
	R(fcntl(3, 9999));
}

static void status_flags(void)
{
	int fd;

	only_standard();
	fd = open("f", O_CREAT | O_RDWR | O_APPEND, 0600);
	say("%#o", fcntl(fd, F_GETFL) & ~0100000); /* without O_LARGEFILE */
	R(fcntl(fd, F_SETFL, O_NONBLOCK));
	say("%#o", fcntl(fd, F_GETFL) & ~0100000);
	R(fcntl(dup(fd), F_GETFL) & O_NONBLOCK); /* shared by copies */
	R(fcntl(fd, F_SETFD, FD_CLOEXEC));
	R(fcntl(dup(fd), F_GETFD)); /* not shared */
	R(ioctl(fd, FIONBIO, &(int){ 0 }));
	say("%#o", fcntl(fd, F_GETFL) & ~0100000);
	R(ioctl(fd, FIOCLEX, 0));
	R(ioctl(fd, 0x5401, wild(8))); /* TCGETS on a file */
}

/* nginx asks its workers' sockets to be asynchronous, and starts none where they cannot. */
static void asynchronous(void)
{
	int fds[2];

	only_standard();
	R(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	R(ioctl(fds[0], FIOASYNC, &(int){ 1 }));
	R(fcntl(fds[0], F_GETFL) & O_ASYNC);
	R(ioctl(fds[0], FIOASYNC, &(int){ 2 }));
	R(fcntl(fds[0], F_GETFL) & O_ASYNC);
	R(ioctl(fds[0], FIOASYNC, &(int){ 0 }));
	R(fcntl(fds[0], F_GETFL) & O_ASYNC);
	R(ioctl(fds[0], FIOASYNC, wild(8)));
	R(pipe(fds));
	R(ioctl(fds[0], FIOASYNC, &(int){ 1 }));
	R(ioctl(open("/dev/ptmx", O_RDWR), FIOASYNC, &(int){ 1 }));
	R(ioctl(open("/dev/null", O_RDWR), FIOASYNC, &(int){ 1 }));
	R(ioctl(open("/dev/null", O_RDWR), FIOASYNC, &(int){ 0 }));
	R(ioctl(eventfd(0, 0), FIOASYNC, &(int){ 1 }));
	R(ioctl(open("/", O_RDONLY), FIOASYNC, &(int){ 1 }));
}

static void ranges(void)
{
	only_standard();
	for (int i = 0; i < 8; i++)
		if (open("/dev/null", O_RDONLY) != 3 + i)
			say("unexpected");
	R(syscall(SYS_close_range, 5, 7, 0));
	R(fcntl(4, F_GETFD));
	R(fcntl(5, F_GETFD));
	R(fcntl(7, F_GETFD));
	R(fcntl(8, F_GETFD));
	R(syscall(SYS_close_range, 8, ~0U, 4)); /* CLOSE_RANGE_CLOEXEC */
	R(fcntl(9, F_GETFD));
	R(syscall(SYS_close_range, 7, 5, 0));
	R(syscall(SYS_close_range, 3, 4, 0x80));
}

static void limits(void)
{
	struct rlimit rl = { 8, 0 };

	only_standard();
	getrlimit(RLIMIT_NOFILE, &rl);
	rl.rlim_cur = 8;
	R(setrlimit(RLIMIT_NOFILE, &rl));
	for (int i = 0; i < 5; i++)
		R(open("/dev/null", O_RDONLY));
	R(open("/dev/null", O_RDONLY));
	R(dup(3));
	R(dup2(3, 8));
	R(pipe((int[2]){ 0 }));
	R(fcntl(3, F_DUPFD, 8));
	close(4);
	R(pipe((int[2]){ 0 })); /* one is free, two are needed */
	R(open("/dev/null", O_RDONLY));
}

static void across_exec(void)
{
	pid_t pid;

	only_standard();
	R(open("/dev/null", O_RDONLY));
	R(open("/dev/null", O_RDONLY | O_CLOEXEC));
	pid = fork();
	if (pid == 0) {
		execl("/proc/self/exe", "fds", "after_exec", (char *)NULL);
		_exit(99);
	}
	say("%s", ended(reap(pid)));
}

static void after_exec(void)
{
	say("3: %s, 4: %s", fcntl(3, F_GETFD) < 0 ? "closed" : "open",
	    fcntl(4, F_GETFD) < 0 ? "closed" : "open");
}

static void vectors(void)
{
	char a[4] = "", b[8] = "";
	struct iovec v[2] = { { "abc", 3 }, { "defgh", 5 } }, in[2] = { { a, 3 }, { b, 7 } };
	int fd = open("f", O_CREAT | O_RDWR, 0600);

	R(writev(fd, v, 2));
	R(preadv(fd, in, 2, 0));
	say("%s %s", a, b);
	R(preadv(fd, in, 2, 6));
	R(pwritev(fd, v, 1, 10));
	R(lseek(fd, 0, SEEK_END));
	R(preadv(fd, in, 2, -1));
	R(readv(fd, wild(8), 2));
	R(readv(999, in, 2));
	v[1].iov_base = wild(8);
	R(pwritev(fd, v, 2, 0)); /* the part before the bad one */
}

static void copies_between_files(void)
{
	char buf[16] = "";
	loff_t from = 2, to = 1;
	int a, b = open("b", O_CREAT | O_RDWR, 0600);

	make_file("a", "0123456789");
	a = open("a", O_RDONLY);
	R(syscall(SYS_copy_file_range, a, &from, b, &to, 4, 0));
	say("from %ld to %ld", (long)from, (long)to);
	R(pread(b, buf, 15, 0));
	say("%d %s", buf[0], buf + 1);
	R(syscall(SYS_copy_file_range, a, NULL, b, NULL, 100, 0));
	R(syscall(SYS_copy_file_range, a, NULL, b, NULL, 100, 0));
	R(syscall(SYS_copy_file_range, a, NULL, b, NULL, 100, 1));
	R(syscall(SYS_copy_file_range, b, NULL, a, NULL, 100, 0));
	R(fsync(b));
	R(fdatasync(b));
	R(posix_fadvise(b, 0, 0, POSIX_FADV_SEQUENTIAL));
}

static void polling(void)
{
	struct pollfd v[3] = { { -1, POLLIN, 7 }, { 99, POLLIN, 0 }, { 0, 0, 0 } };
	int p[2];

	only_standard();
	R(pipe(p));
	v[2] = (struct pollfd){ p[0], POLLIN, 0 };
	R(poll(v, 3, 0));
	say("%#x %#x %#x", v[0].revents, v[1].revents, v[2].revents);
	v[1].fd = open("/dev/null", O_RDWR);
	v[1].events = POLLIN | POLLOUT;
	write(p[1], "x", 1) < 0 ? say("write failed") : (void)0;
	R(poll(v, 3, -1));
	say("%#x %#x %#x", v[0].revents, v[1].revents, v[2].revents);
	R(poll(NULL, 0, 1));
	R(poll(wild(8), 1, 0));
	R(poll(v, 1 << 30, 0));
	R(ppoll(NULL, 0, &(struct timespec){ 0, 1000000000 }, NULL));
}

static void selecting(void)
{
	struct timeval none = { 0, 0 };
	fd_set rd, wr;
	int p[2];

	only_standard();
	R(pipe(p));
	FD_ZERO(&rd);
	FD_ZERO(&wr);
	FD_SET(p[0], &rd);
	FD_SET(p[1], &wr);
	R(select(p[1] + 1, &rd, &wr, NULL, &none));
	say("read %d write %d", !!FD_ISSET(p[0], &rd), !!FD_ISSET(p[1], &wr));
	write(p[1], "x", 1) < 0 ? say("write failed") : (void)0;
	FD_SET(p[0], &rd);
	R(select(p[1] + 1, &rd, &wr, NULL, NULL));
	say("read %d write %d", !!FD_ISSET(p[0], &rd), !!FD_ISSET(p[1], &wr));
	close(p[0]);
	FD_SET(p[0], &rd);
	R(select(p[1] + 1, &rd, NULL, NULL, &none));
	R(select(-1, NULL, NULL, NULL, &none));
	R(select(0, NULL, NULL, NULL, &none));
}

static void epolling(void)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = 0x123456789abcUL }, got[4];
	int ep, p[2];

	only_standard();
	R(pipe(p));
	ep = epoll_create1(EPOLL_CLOEXEC);
	YES(ep >= 0);
	R(epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &ev));
	R(epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &ev));
	R(epoll_wait(ep, got, 4, 0));
	write(p[1], "xy", 2) < 0 ? say("write failed") : (void)0;
	R(epoll_wait(ep, got, 4, -1));
	say("events %#x data %#llx", got[0].events, (unsigned long long)got[0].data.u64);
	R(epoll_wait(ep, got, 4, 0)); /* level: still there */
	ev.events = EPOLLIN | EPOLLET;
	R(epoll_ctl(ep, EPOLL_CTL_MOD, p[0], &ev));
	R(epoll_wait(ep, got, 4, 0));
	R(epoll_wait(ep, got, 4, 0)); /* edge: told once */
	write(p[1], "z", 1) < 0 ? say("write failed") : (void)0;
	R(epoll_wait(ep, got, 4, 0));
	ev.events = EPOLLIN | EPOLLONESHOT;
	R(epoll_ctl(ep, EPOLL_CTL_MOD, p[0], &ev));
	R(epoll_wait(ep, got, 4, 0));
	R(epoll_wait(ep, got, 4, 0));
	R(epoll_ctl(ep, EPOLL_CTL_DEL, p[0], NULL));
	R(epoll_ctl(ep, EPOLL_CTL_DEL, p[0], NULL));
	R(epoll_ctl(ep, EPOLL_CTL_MOD, p[0], &ev));
	R(epoll_ctl(ep, EPOLL_CTL_ADD, ep, &ev));
	R(epoll_ctl(ep, EPOLL_CTL_ADD, 99, &ev));
	make_file("f", "");
	R(epoll_ctl(ep, EPOLL_CTL_ADD, open("f", O_RDONLY), &ev));
	R(epoll_ctl(p[0], EPOLL_CTL_ADD, p[1], &ev));
	R(epoll_ctl(ep, 99, p[0], &ev));
	R(epoll_wait(ep, got, 0, 0));
	R(epoll_create1(1));
	R(syscall(SYS_epoll_create, 0));
}

static void epoll_forgets_closed_files(void)
{
	struct epoll_event ev = { .events = EPOLLIN }, got[4];
	int ep = epoll_create1(0), p[2], copy;

	R(pipe(p));
	R(epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &ev));
	write(p[1], "x", 1) < 0 ? say("write failed") : (void)0;
	copy = dup(p[0]);
	close(p[0]);
	R(epoll_wait(ep, got, 4, 0)); /* the copy keeps it */
	close(copy);
	R(epoll_wait(ep, got, 4, 0));
}

static void event_counters(void)
{
	uint64_t v = 0;
	int fd = eventfd(3, EFD_NONBLOCK);

	R(read(fd, &v, 8));
	say("%lu", (unsigned long)v);
	R(read(fd, &v, 8));
	v = 5;
	R(write(fd, &v, 8));
	R(write(fd, &v, 8));
	R(read(fd, &v, 8));
	say("%lu", (unsigned long)v);
	v = ~0ULL;
	R(write(fd, &v, 8));
	v = ~0ULL - 1;
	R(write(fd, &v, 8));
	v = 1;
	R(write(fd, &v, 8));
	R(poll(&(struct pollfd){ fd, POLLOUT, 0 }, 1, 0));
	R(read(fd, &v, 4));
	R(write(fd, &v, 4));
	fd = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK);
	R(read(fd, &v, 8));
	say("%lu", (unsigned long)v);
	R(read(fd, &v, 8));
	R(read(fd, &v, 8));
	R(eventfd(0, 0x40000));
}

static void timer_files(void)
{
	struct itimerspec at = { .it_value = { 0, 5000000 } };
	uint64_t n = 0;
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);

	YES(fd >= 0);
	R(read(fd, &n, 8));
	R(timerfd_settime(fd, 0, &at, NULL));
	R(poll(&(struct pollfd){ fd, POLLIN, 0 }, 1, 5000));
	R(read(fd, &n, 8));
	say("%lu", (unsigned long)n);
	at.it_interval.tv_nsec = 2000000;
	R(timerfd_settime(fd, 0, &at, NULL));
	usleep(60000);
	R(read(fd, &n, 8));
	YES(n >= 5);
	R(timerfd_settime(fd, 0, &(struct itimerspec){ 0 }, &at));
	say("interval %ld", at.it_interval.tv_nsec);
	R(timerfd_gettime(fd, &at));
	say("off %ld %ld", (long)at.it_value.tv_sec, at.it_value.tv_nsec);
	clock_gettime(CLOCK_MONOTONIC, &at.it_value);
	R(timerfd_settime(fd, TFD_TIMER_ABSTIME, &at, NULL)); /* already past */
	R(poll(&(struct pollfd){ fd, POLLIN, 0 }, 1, 5000));
	R(timerfd_create(99, 0));
	R(timerfd_create(CLOCK_MONOTONIC, 1));
	R(timerfd_settime(1, 0, &at, NULL));
	at.it_value.tv_nsec = 1000000000;
	R(timerfd_settime(fd, 0, &at, NULL));
}

static void bad_numbers(void)
{
	static const int bad[] = { -1, 99, 1 << 20, INT_MAX, INT_MIN };
	char c;

	only_standard();
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		int fd = bad[i];

		say("fd %d", fd);
		R(read(fd, &c, 1));
		R(write(fd, &c, 1));
		R(close(fd));
		R(lseek(fd, 0, SEEK_SET));
		R(dup(fd));
		R(fcntl(fd, F_GETFL));
		R(ioctl(fd, 0x5401, 0));
		R(fsync(fd));
		R(ftruncate(fd, 0));
		R(fchmod(fd, 0));
		R(syscall(SYS_getdents64, fd, &c, 1));
		R(syscall(SYS_epoll_wait, fd, &c, 1, 0));
	}
}

static void locks(void)
{
	int a = open("f", O_CREAT | O_RDWR, 0600), b = open("f", O_RDWR);
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 10 };
	pid_t pid;

	R(syscall(SYS_flock, a, 2 | 4)); /* LOCK_EX | LOCK_NB */
	R(syscall(SYS_flock, b, 2 | 4));
	R(syscall(SYS_flock, b, 1 | 4));
	R(syscall(SYS_flock, a, 1));
	R(syscall(SYS_flock, b, 1 | 4));
	R(syscall(SYS_flock, a, 8));
	R(syscall(SYS_flock, b, 2 | 4));
	R(fcntl(a, F_SETLK, &l));
	pid = fork();
	if (pid == 0) {
		R(fcntl(a, F_SETLK, &l));
		R(fcntl(a, F_GETLK, &l));
		say("type %d start %ld len %ld the parent's %d", l.l_type, (long)l.l_start,
		    (long)l.l_len, l.l_pid == getppid());
		l = (struct flock){
			.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 10, .l_len = 5
		};
		R(fcntl(a, F_SETLK, &l));
		_exit(0);
	}
	reap(pid);
	l.l_type = 99;
	R(fcntl(a, F_SETLK, &l));
}

ABI_MAIN(CASE(lowest_is_taken), CASE(duplicates), CASE(status_flags), CASE(asynchronous),
	 CASE(ranges), CASE(limits), CASE(across_exec), CASE(after_exec), CASE(vectors),
	 CASE(copies_between_files), CASE(polling), CASE(selecting), CASE(epolling),
	 CASE(epoll_forgets_closed_files), CASE(event_counters), CASE(timer_files),
	 CASE(bad_numbers), CASE(locks))
