/* SPDX-License-Identifier: MIT */
/* Pipes and FIFOs: capacity, atomicity, ends, readiness. */
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#include "abi.h"

static int p[2];

static void show_events(const char *what, int fd, int events)
{
	struct pollfd pfd = { fd, events, 0 };
	int n = poll(&pfd, 1, 0);

	say("%s: %d%s%s%s%s", what, n, pfd.revents & POLLIN ? " IN" : "",
	    pfd.revents & POLLOUT ? " OUT" : "", pfd.revents & POLLHUP ? " HUP" : "",
	    pfd.revents & POLLERR ? " ERR" : "");
}

static void basics(void)
{
	char buf[16] = "";

	R(pipe(p));
	R(write(p[1], "hello", 5));
	R(read(p[0], buf, 3));
	say("%s", buf);
	R(read(p[0], buf, 16));
	R(write(p[1], "", 0));
	R(write(p[0], "x", 1));
	R(read(p[1], buf, 1));
	R(lseek(p[0], 0, SEEK_SET));
	R(pread(p[0], buf, 1, 0));
	R(ftruncate(p[1], 0));
	R(fsync(p[1]));
	close(p[1]);
	R(read(p[0], buf, 1));
}

static void flags(void)
{
	R(pipe2(p, O_CLOEXEC | O_NONBLOCK));
	say("%d %d", fcntl(p[0], F_GETFD), fcntl(p[1], F_GETFD));
	say("%o %o", fcntl(p[0], F_GETFL) & 07777, fcntl(p[1], F_GETFL) & 07777);
	R(pipe2(p, O_APPEND));
	R(pipe2(p, 1 << 30));
	R(pipe2(wild(1), 0));
}

static void capacity(void)
{
	static char buf[65536];
	int n;
	long total = 0;

	R(pipe2(p, O_NONBLOCK));
	R(fcntl(p[1], F_GETPIPE_SZ));
	while ((n = write(p[1], buf, 4096)) > 0)
		total += n;
	say("%s after %ld", errno_name(errno), total);
	show_events("full, writer", p[1], POLLOUT);
	R(read(p[0], buf, 100));
	show_events("100 read, writer", p[1], POLLOUT);
	R(write(p[1], buf, 4096)); /* not a whole page free: atomic, so nothing */
	R(read(p[0], buf, 4096));
	show_events("a page read, writer", p[1], POLLOUT);
	YES(write(p[1], buf, 65536) >= 4096); /* as much as fits; how much is the kernel's affair */
	R(ioctl(p[0], FIONREAD, &n));
	YES(n > 60000 && n <= 65536);
}

static void nonblocking_ends(void)
{
	char c;

	R(pipe2(p, O_NONBLOCK));
	R(read(p[0], &c, 1));
	show_events("empty, reader", p[0], POLLIN);
	show_events("empty, writer", p[1], POLLOUT);
	write(p[1], "x", 1) < 0 ? say("write failed") : (void)0;
	show_events("one byte, reader", p[0], POLLIN);
	close(p[1]);
	show_events("writer gone, byte left", p[0], POLLIN);
	R(read(p[0], &c, 1));
	show_events("writer gone, empty", p[0], POLLIN);
	R(read(p[0], &c, 1));
	R(pipe(p));
	close(p[0]);
	show_events("reader gone, writer", p[1], POLLOUT);
	signal(SIGPIPE, SIG_IGN);
	R(write(p[1], "x", 1));
}

static void broken_pipe_kills(void)
{
	pid_t pid;

	R(pipe(p));
	close(p[0]);
	pid = fork();
	if (pid == 0)
		_exit(write(p[1], "x", 1) < 0 ? 1 : 0);
	say("%s", ended(reap(pid)));
}

static void blocking_reader_wakes(void)
{
	pid_t pid;

	R(pipe(p));
	pid = fork();
	if (pid == 0) {
		char buf[8];

		_exit(read(p[0], buf, 8));
	}
	usleep(10000);
	R(write(p[1], "abc", 3));
	say("%s", ended(reap(pid)));
	pid = fork();
	if (pid == 0) {
		char c;

		close(p[1]);
		_exit(read(p[0], &c, 1) + 20);
	}
	usleep(10000);
	close(p[1]);
	say("end of file: %s", ended(reap(pid)));
}

static void blocking_writer_wakes(void)
{
	static char buf[200000];
	long total = 0;
	int n;
	pid_t pid;

	R(pipe(p));
	pid = fork();
	if (pid == 0)
		_exit(write(p[1], buf, sizeof(buf)) == sizeof(buf) ? 0 : 1);
	close(p[1]);
	while ((n = read(p[0], buf, 3000)) > 0)
		total += n;
	say("read %ld, writer %s", total, ended(reap(pid)));
}

/* Several writers of PIPE_BUF bytes: no piece is torn. */
static void small_writes_are_atomic(void)
{
	char piece[1000];
	int n, torn = 0, seen[4] = { 0 };

	R(pipe(p));
	for (int w = 0; w < 4; w++)
		if (fork() == 0) {
			memset(piece, 'a' + w, sizeof(piece));
			for (int i = 0; i < 200; i++)
				if (write(p[1], piece, sizeof(piece)) != sizeof(piece))
					_exit(1);
			_exit(0);
		}
	close(p[1]);
	for (size_t have = 0;;) {
		n = read(p[0], piece + have, sizeof(piece) - have);
		if (n <= 0)
			break;
		have += n;
		if (have < sizeof(piece))
			continue;
		for (size_t i = 1; i < sizeof(piece); i++)
			torn += piece[i] != piece[0];
		seen[(piece[0] - 'a') & 3]++;
		have = 0;
	}
	say("torn %d, pieces %d %d %d %d", torn, seen[0], seen[1], seen[2], seen[3]);
}

static void vectors(void)
{
	char a[3] = "", b[8] = "";
	struct iovec out[3] = { { "ab", 2 }, { NULL, 0 }, { "cdef", 4 } };
	struct iovec in[2] = { { a, 2 }, { b, 7 } };

	R(pipe(p));
	R(writev(p[1], out, 3));
	R(readv(p[0], in, 2));
	say("%s %s", a, b);
	R(writev(p[1], out, -1));
	R(writev(p[1], out, 1025));
	R(writev(p[1], out, 0));
	out[0].iov_len = -1;
	R(writev(p[1], out, 1));
}

static void size_can_change(void)
{
	R(pipe2(p, O_NONBLOCK));
	R(fcntl(p[1], F_SETPIPE_SZ, 10000));
	R(fcntl(p[0], F_GETPIPE_SZ));
	R(fcntl(p[1], F_SETPIPE_SZ, 1));
	R(fcntl(p[1], F_SETPIPE_SZ, -1));
	R(fcntl(open("/dev/null", O_RDONLY), F_GETPIPE_SZ));
}

static void fifo(void)
{
	struct stat st;
	char c = 0;
	int rd, wr;
	pid_t pid;

	R(mkfifo("f", 0644));
	R(mkfifo("f", 0644));
	R(stat("f", &st));
	say("mode %o", st.st_mode);
	O(open("f", O_WRONLY | O_NONBLOCK)); /* nobody reads */
	rd = open("f", O_RDONLY | O_NONBLOCK);
	YES(rd >= 0);
	show_events("no writer yet", rd, POLLIN);
	R(read(rd, &c, 1));
	wr = open("f", O_WRONLY | O_NONBLOCK);
	YES(wr >= 0);
	R(read(rd, &c, 1));
	R(write(wr, "z", 1));
	R(read(rd, &c, 1));
	close(wr);
	show_events("writer gone", rd, POLLIN);
	close(rd);
	pid = fork();
	if (pid == 0) {
		wr = open("f", O_WRONLY); /* blocks until the reader comes */
		_exit(write(wr, "q", 1) == 1 ? 0 : 1);
	}
	rd = open("f", O_RDONLY);
	R(read(rd, &c, 1));
	say("%c, %s", c, ended(reap(pid)));
	rd = open("f", O_RDWR);
	YES(rd >= 0);
	R(write(rd, "1", 1));
	R(read(rd, &c, 1));
}

static void waiting_with_a_signal(void)
{
	char c;

	R(pipe(p));
	signal(SIGALRM, SIG_DFL);
	say("%s", ended(reap(fork() ?: (alarm(1), read(p[0], &c, 1), _exit(0), 0))));
}

static void splice_and_friends(void)
{
	int file = open("f", O_CREAT | O_RDWR, 0600);
	char buf[16] = "";

	R(pipe(p));
	R(write(file, "0123456789", 10));
	R(lseek(file, 2, SEEK_SET));
	R(syscall(SYS_sendfile, p[1], file, NULL, 4));
	R(read(p[0], buf, 16));
	say("%s", buf);
	R(lseek(file, 0, SEEK_CUR));
	off_t at = 7;
	R(syscall(SYS_sendfile, p[1], file, &at, 100));
	say("at %ld", (long)at);
	R(lseek(file, 0, SEEK_CUR));
	R(syscall(SYS_sendfile, p[1], p[0], NULL, 4));
	R(syscall(SYS_sendfile, p[1], 999, NULL, 4));
}

/* A pipe opened by its name in /proc is the same pipe, and the open never waits as a FIFO's does. */
static void again_by_proc(void)
{
	char name[64], c = 0;
	int again;

	R(pipe(p));
	snprintf(name, sizeof(name), "/proc/self/fd/%d", p[1]);
	again = open(name, O_WRONLY);
	YES(again >= 0);
	R(write(again, "x", 1));
	R(read(p[0], &c, 1));
	say("%c", c);
	close(p[1]);
	close(again);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", p[0]);
	again = open(name, O_RDONLY); /* no writer is left */
	YES(again >= 0);
	R(read(again, &c, 1));
	close(again);
	YES(open(name, O_WRONLY | O_NONBLOCK) >= 0);
}

ABI_MAIN(CASE(basics), CASE(flags), CASE(capacity), CASE(nonblocking_ends), CASE(broken_pipe_kills),
	 CASE(blocking_reader_wakes), CASE(blocking_writer_wakes), CASE(small_writes_are_atomic),
	 CASE(vectors), CASE(size_can_change), CASE(fifo), CASE(waiting_with_a_signal),
	 CASE(splice_and_friends), CASE(again_by_proc))
