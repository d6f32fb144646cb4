/* SPDX-License-Identifier: MIT */
/* splice(2), tee(2), vmsplice(2), sendfile(2), copy_file_range(2). */
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "vfs.h"

static int p[2], q[2], f, g;

static void setup(void)
{
	begin();
	signal(SIGPIPE, SIG_IGN);
	pipe(p);
	pipe(q);
	make_file("f", "0123456789abcdefghij");
	f = open("f", O_RDWR);
	g = open("g", O_RDWR | O_CREAT, 0644);
}

static void show_pipe(const char *what, int fd)
{
	char buf[128];
	int n;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	n = read(fd, buf, sizeof(buf));
	fcntl(fd, F_SETFL, 0);
	if (n < 0)
		say("%s: %s", what, errno_name(errno));
	else
		say("%s: '%.*s'", what, n, buf);
}

static void file_to_pipe(void)
{
	off_t at = 5;

	setup();
	R(splice(f, NULL, p[1], NULL, 4, 0));
	R(lseek(f, 0, SEEK_CUR));
	R(splice(f, &at, p[1], NULL, 3, 0));
	say("at %ld", (long)at);
	R(lseek(f, 0, SEEK_CUR));
	show_pipe("p", p[0]);
	at = 18;
	R(splice(f, &at, p[1], NULL, 100, SPLICE_F_MOVE | SPLICE_F_MORE));
	R(splice(f, &at, p[1], NULL, 100, 0));
	say("at %ld", (long)at);
	show_pipe("p", p[0]);
	R(splice(f, NULL, p[1], NULL, 0, 0));
}

static void pipe_to_file(void)
{
	off_t at = 2;

	setup();
	write(p[1], "ABCDEFGH", 8);
	R(splice(p[0], NULL, g, NULL, 3, 0));
	R(lseek(g, 0, SEEK_CUR));
	R(splice(p[0], NULL, g, &at, 2, 0));
	say("at %ld", (long)at);
	show_file("g");
	R(splice(p[0], NULL, g, NULL, 100, 0));
	show_file("g");
	R(splice(p[0], NULL, g, NULL, 100, SPLICE_F_NONBLOCK));
	close(p[1]);
	R(splice(p[0], NULL, g, NULL, 100, 0));
}

static void pipe_to_pipe(void)
{
	setup();
	write(p[1], "ABCDEFGH", 8);
	R(splice(p[0], NULL, q[1], NULL, 3, 0));
	show_pipe("q", q[0]);
	R(splice(p[0], NULL, q[1], NULL, 100, 0));
	show_pipe("q", q[0]);
	show_pipe("p", p[0]);
	R(splice(p[0], NULL, q[1], NULL, 100, SPLICE_F_NONBLOCK));
	R(splice(p[0], NULL, p[1], NULL, 1, 0));
	close(q[0]);
	write(p[1], "xyz", 3);
	R(splice(p[0], NULL, q[1], NULL, 3, 0));
	show_pipe("p", p[0]);
	close(p[1]);
	R(splice(p[0], NULL, q[1], NULL, 3, 0));
}

static void wrong_splices(void)
{
	off_t at = 0, bad = -1;

	setup();
	write(p[1], "data", 4);
	R(splice(f, NULL, g, NULL, 4, 0));
	R(splice(p[0], &at, g, NULL, 4, 0));
	R(splice(f, NULL, p[1], &at, 4, 0));
	R(splice(p[1], NULL, g, NULL, 4, 0));
	R(splice(f, NULL, p[0], NULL, 4, 0));
	R(splice(p[0], NULL, open("g", O_RDONLY), NULL, 4, 0));
	R(splice(open("f", O_WRONLY), NULL, p[1], NULL, 4, 0));
	R(splice(p[0], NULL, open("g", O_WRONLY | O_APPEND), NULL, 4, 0));
	R(splice(99, NULL, p[1], NULL, 4, 0));
	R(splice(f, NULL, 99, NULL, 4, 0));
	R(splice(f, NULL, p[1], NULL, 4, 0x100));
	R(splice(f, wild(8), p[1], NULL, 4, 0));
	R(splice(f, &bad, p[1], NULL, 4, 0));
	R(splice(open(".", O_RDONLY), NULL, p[1], NULL, 4, 0));
	show_pipe("p", p[0]);
}

static void tees(void)
{
	setup();
	write(p[1], "ABCDEFGH", 8);
	R(tee(p[0], q[1], 3, 0));
	R(tee(p[0], q[1], 100, 0));
	show_pipe("q", q[0]);
	show_pipe("p", p[0]);
	R(tee(p[0], q[1], 100, SPLICE_F_NONBLOCK));
	R(tee(p[0], p[1], 100, 0));
	R(tee(f, q[1], 100, 0));
	R(tee(p[0], g, 100, 0));
	R(tee(p[1], q[1], 100, 0));
	R(tee(p[0], q[1], 0, 0));
	close(p[1]);
	R(tee(p[0], q[1], 100, 0));
	R(tee(99, q[1], 100, 0));
}

static void user_pages(void)
{
	char a[] = "hello ", b[] = "world", in[32] = "", in2[4] = "";
	struct iovec v[2] = { { a, 6 }, { b, 5 } }, w[2] = { { in, 8 }, { in2, 3 } };

	setup();
	R(vmsplice(p[1], v, 2, 0));
	R(vmsplice(p[0], w, 2, 0));
	say("%s|%s", in, in2);
	R(vmsplice(p[1], v, 0, 0));
	R(vmsplice(p[1], v, 2000, 0));
	R(vmsplice(f, v, 2, 0));
	R(vmsplice(99, v, 2, 0));
	R(vmsplice(p[1], v, 2, 0x100));
	R(vmsplice(p[0], w, 2, SPLICE_F_NONBLOCK));
	close(p[0]);
	R(vmsplice(p[1], v, 2, 0));
}

static void full_pipes(void)
{
	static char block[65536];

	setup();
	R(fcntl(p[1], F_SETPIPE_SZ, 4096));
	R(write(p[1], block, 4096));
	R(splice(f, NULL, p[1], NULL, 4, SPLICE_F_NONBLOCK));
	R(lseek(f, 0, SEEK_CUR));
	fcntl(p[1], F_SETFL, O_NONBLOCK);
	R(splice(f, NULL, p[1], NULL, 4, 0));
	R(sendfile(p[1], f, NULL, 4));
	R(vmsplice(p[1], &(struct iovec){ block, 10 }, 1, SPLICE_F_NONBLOCK));
	write(q[1], "abc", 3);
	R(splice(q[0], NULL, p[1], NULL, 3, SPLICE_F_NONBLOCK));
	R(tee(q[0], p[1], 3, SPLICE_F_NONBLOCK));
	R(read(p[0], block, 4096));
	R(splice(q[0], NULL, p[1], NULL, 3, 0));
	close(p[0]);
	R(splice(f, NULL, p[1], NULL, 4, 0));
	signal(SIGPIPE, SIG_DFL);
	say("%s", ended(reap(fork() ?: (splice(f, NULL, p[1], NULL, 4, 0), _exit(0), 0))));
}

static void through_a_pipe(void)
{
	static char block[100000], back[100000];
	long in = 0, out = 0, n;

	setup();
	for (unsigned int i = 0; i < sizeof(block); i++)
		block[i] = i * 7 + i / 251;
	R(pwrite(f, block, sizeof(block), 0));
	while ((n = splice(f, NULL, p[1], NULL, 1 << 20, 0)) > 0) {
		in += n;
		while (n > 0) {
			long m = splice(p[0], NULL, g, NULL, n, 0);

			if (m <= 0)
				break;
			n -= m;
			out += m;
		}
	}
	say("in %ld out %ld", in, out);
	R(pread(g, back, sizeof(back), 0));
	YES(!memcmp(block, back, sizeof(block)));
}

static void blocking(void)
{
	pid_t pid;

	setup();
	pid = fork();
	if (pid == 0) {
		usleep(100000);
		write(p[1], "later", 5);
		_exit(0);
	}
	R(splice(p[0], NULL, q[1], NULL, 100, 0));
	show_pipe("q", q[0]);
	reap(pid);
	pid = fork();
	if (pid == 0) {
		usleep(100000);
		write(p[1], "again", 5);
		_exit(0);
	}
	R(tee(p[0], q[1], 100, 0));
	show_pipe("q", q[0]);
	R(splice(p[0], NULL, g, NULL, 100, 0));
	show_file("g");
	reap(pid);
}

static void sockets(void)
{
	char buf[16] = "";
	int s[2];

	setup();
	R(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	write(p[1], "to a socket", 11);
	R(splice(p[0], NULL, s[0], NULL, 100, 0));
	R(read(s[1], buf, 11));
	say("%s", buf);
	write(s[1], "from it", 7);
	R(splice(s[0], NULL, p[1], NULL, 100, 0));
	show_pipe("p", p[0]);
	R(sendfile(s[0], f, NULL, 5));
	memset(buf, 0, sizeof(buf));
	R(read(s[1], buf, 16));
	say("%s", buf);
}

static void send_files(void)
{
	off_t at = 15, bad = -1;

	setup();
	R(sendfile(g, f, NULL, 5));
	R(sendfile(g, f, &at, 100));
	say("at %ld", (long)at);
	show_file("g");
	R(lseek(f, 0, SEEK_CUR));
	R(sendfile(g, f, &bad, 5));
	R(sendfile(g, p[0], NULL, 5));
	R(sendfile(g, p[0], &at, 5));
	R(sendfile(open("g", O_WRONLY | O_APPEND), f, NULL, 5));
	R(sendfile(open("g", O_RDONLY), f, NULL, 5));
	R(sendfile(g, open("f", O_WRONLY), NULL, 5));
	R(sendfile(g, 99, NULL, 5));
	R(sendfile(99, f, NULL, 5));
	R(sendfile(g, open(".", O_RDONLY), NULL, 5));
	R(sendfile(g, f, wild(8), 5));
	R(sendfile(g, f, NULL, 0));
	R(sendfile(open("/dev/null", O_WRONLY), f, NULL, 5));
	R(sendfile(p[1], f, NULL, 5));
	show_pipe("p", p[0]);
}

static void copies(void)
{
	off_t a = 2, b = 10, bad = -1;

	setup();
	R(copy_file_range(f, NULL, g, NULL, 5, 0));
	R(copy_file_range(f, &a, g, &b, 4, 0));
	say("at %ld and %ld", (long)a, (long)b);
	R(lseek(g, 0, SEEK_END));
	R(copy_file_range(f, NULL, g, NULL, 1000, 0));
	R(copy_file_range(f, NULL, g, NULL, 1000, 0));
	show_file("g");
	a = 0;
	b = 10;
	R(copy_file_range(f, &a, f, &b, 10, 0));
	show_file("f");
	a = 0;
	b = 5;
	R(copy_file_range(f, &a, f, &b, 10, 0));
	b = 0;
	a = 5;
	R(copy_file_range(f, &a, f, &b, 10, 0));
	a = 3;
	b = 3;
	R(copy_file_range(f, &a, f, &b, 10, 0));
	a = 15;
	b = 0;
	R(copy_file_range(f, &a, f, &b, 100, 0));
	R(copy_file_range(f, NULL, g, NULL, 5, 1));
	R(copy_file_range(f, &bad, g, NULL, 5, 0));
	R(copy_file_range(f, NULL, g, &bad, 5, 0));
	R(copy_file_range(f, NULL, p[1], NULL, 5, 0));
	R(copy_file_range(p[0], NULL, g, NULL, 5, 0));
	R(copy_file_range(f, NULL, open(".", O_RDONLY), NULL, 5, 0));
	R(copy_file_range(open(".", O_RDONLY), NULL, g, NULL, 5, 0));
	R(copy_file_range(f, NULL, open("g", O_WRONLY | O_APPEND), NULL, 5, 0));
	R(copy_file_range(f, NULL, open("g", O_RDONLY), NULL, 5, 0));
	R(copy_file_range(open("f", O_WRONLY), NULL, g, NULL, 5, 0));
	R(copy_file_range(99, NULL, g, NULL, 5, 0));
	R(copy_file_range(f, NULL, g, NULL, 0, 0));
	a = LONG_MAX - 2;
	R(copy_file_range(f, &a, g, NULL, 5, 0));
	mkdir("m", 0755);
	mount("m", "m", "tmpfs", 0, NULL);
	make_file("m/f", "elsewhere");
	lseek(g, 0, SEEK_SET);
	R(copy_file_range(open("m/f", O_RDONLY), NULL, g, NULL, 5, 0));
	R(copy_file_range(open("/proc/self/stat", O_RDONLY), NULL, g, NULL, 5, 0));
	show_file("f");
}

ABI_MAIN(CASE(file_to_pipe), CASE(pipe_to_file), CASE(pipe_to_pipe), CASE(wrong_splices),
	 CASE(tees), CASE(user_pages), CASE(full_pipes), CASE(through_a_pipe), CASE(blocking),
	 CASE(sockets), CASE(send_files), CASE(copies))
