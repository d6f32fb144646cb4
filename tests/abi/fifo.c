/* SPDX-License-Identifier: MIT */
/* fifo(7): how opens wait for each other, ends that come and go, polling, and a FIFO's inode. */
#include <poll.h>
#include <sys/ioctl.h>

#include "vfs.h"

static void on_alarm(int sig)
{
}

static void events(const char *what, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };
	int n = poll(&p, 1, 0);

	say("%s: %d%s%s%s%s", what, n, p.revents & POLLIN ? " in" : "",
	    p.revents & POLLOUT ? " out" : "", p.revents & POLLHUP ? " hup" : "",
	    p.revents & POLLERR ? " err" : "");
}

static void fifo(void)
{
	begin();
	signal(SIGPIPE, SIG_IGN);
	if (mkfifo("f", 0644))
		say("mkfifo: %s", errno_name(errno));
}

static void opens_without_waiting(void)
{
	int r, w;

	fifo();
	R(open("f", O_WRONLY | O_NONBLOCK));
	r = open("f", O_RDONLY | O_NONBLOCK);
	O(r);
	w = open("f", O_WRONLY | O_NONBLOCK);
	O(w);
	close(w);
	close(r);
	R(open("f", O_WRONLY | O_NONBLOCK));
	w = open("f", O_RDWR);
	O(w);
	O(open("f", O_WRONLY | O_NONBLOCK));
	O(open("f", O_WRONLY));
	O(open("f", O_RDONLY));
	R(write(w, "abc", 3));
	R(open("f", O_RDWR | O_TRUNC) >= 0);
	R(open("f", O_RDWR | O_CREAT | O_EXCL, 0644));
	R(open("f", O_RDONLY | O_DIRECTORY));
	R(open("f", 3));
}

static void opens_that_wait(void)
{
	char buf[8] = "";
	pid_t pid;
	int fd;

	fifo();
	pid = fork();
	if (pid == 0) {
		usleep(50000);
		fd = open("f", O_WRONLY);
		write(fd, "hello", 5);
		_exit(0);
	}
	fd = open("f", O_RDONLY);
	R(read(fd, buf, 8));
	say("%s", buf);
	reap(pid);
	R(read(fd, buf, 8));
	close(fd);
	pid = fork();
	if (pid == 0) {
		usleep(50000);
		fd = open("f", O_RDONLY);
		usleep(50000);
		_exit(read(fd, buf, 8));
	}
	fd = open("f", O_WRONLY);
	R(write(fd, "four", 4));
	say("%s", ended(reap(pid)));
	R(write(fd, "x", 1));
}

static void interrupted(void)
{
	struct sigaction sa = { .sa_handler = on_alarm };
	int fd;

	fifo();
	sigaction(SIGALRM, &sa, NULL);
	ualarm(30000, 0);
	R(open("f", O_RDONLY));
	ualarm(30000, 0);
	R(open("f", O_WRONLY));
	R(open("f", O_WRONLY | O_NONBLOCK)); /* the reader that gave up is not one */
	fd = open("f", O_RDWR);
	ualarm(30000, 0);
	R(read(fd, (char[1]){ 0 }, 1));
}

static void ends_that_go(void)
{
	char buf[8];
	int r, w;

	fifo();
	r = open("f", O_RDONLY | O_NONBLOCK);
	events("never a writer", r);
	R(read(r, buf, 8));
	w = open("f", O_WRONLY);
	events("a writer", r);
	R(read(r, buf, 8));
	events("writer's end", w);
	R(write(w, "abc", 3));
	events("bytes", r);
	close(w);
	events("bytes, no writer", r);
	R(read(r, buf, 8));
	events("no writer", r);
	R(read(r, buf, 8));
	w = open("f", O_WRONLY);
	events("a new writer", r);
	R(read(r, buf, 8));
	close(r);
	events("no reader", w);
	R(write(w, "x", 1));
	r = open("f", O_RDONLY | O_NONBLOCK);
	R(write(w, "y", 1));
	R(read(r, buf, 8));
	close(w);
	close(r);
	r = open("f", O_RDONLY | O_NONBLOCK);
	R(read(r, buf, 8));
}

static void two_names(void)
{
	char buf[8] = "";
	int r, w, n = -1;

	fifo();
	link("f", "g");
	r = open("f", O_RDONLY | O_NONBLOCK);
	w = open("g", O_WRONLY);
	R(write(w, "same", 4));
	R(ioctl(r, FIONREAD, &n));
	say("%d bytes", n);
	R(read(r, buf, 8));
	say("%s", buf);
	unlink("f");
	unlink("g");
	R(write(w, "gone", 4));
	R(read(r, buf, 8));
	say("%s", buf);
	mkfifo("f", 0644);
	R(open("f", O_WRONLY | O_NONBLOCK)); /* another one */
	show("f");
}

static void metadata(void)
{
	struct stat st;
	int fd;

	fifo();
	fd = open("f", O_RDWR);
	R(write(fd, "12345", 5));
	fstat(fd, &st);
	say("size %d mode %o", (int)st.st_size, st.st_mode);
	R(ftruncate(fd, 0));
	R(lseek(fd, 0, SEEK_CUR));
	R(fchmod(fd, 0600));
	R(fcntl(fd, F_GETPIPE_SZ));
	R(fcntl(fd, F_SETPIPE_SZ, 4096));
	R(fsync(fd));
	R(flock(fd, LOCK_EX));
	R(fcntl(fd, F_SETLK, &(struct flock){ .l_type = F_WRLCK }));
	R(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0);
	R(fgetxattr(fd, "trusted.x", NULL, 0));
	show("f");
}

static void access_as_user(void)
{
	R(open("f", O_RDONLY | O_NONBLOCK) >= 0);
	R(open("f", O_WRONLY | O_NONBLOCK));
	R(open("f", O_RDWR));
}

static void permissions(void)
{
	fifo();
	as_user(1000, access_as_user);
}

/* Bytes of two writers are not mixed, whatever their order is. */
static void many_writers(void)
{
	char buf[100], first;
	int r, whole = 0, n;

	fifo();
	r = open("f", O_RDONLY | O_NONBLOCK);
	for (int i = 0; i < 4; i++)
		if (fork() == 0) {
			int w = open("f", O_WRONLY);

			memset(buf, 'a' + i, sizeof(buf));
			for (int k = 0; k < 50; k++)
				if (write(w, buf, sizeof(buf)) != sizeof(buf))
					_exit(1);
			_exit(0);
		}
	fcntl(r, F_SETFL, 0);
	for (int i = 0; i < 4; i++)
		reap(-1);
	while ((n = read(r, buf, sizeof(buf))) == sizeof(buf)) {
		first = buf[0];
		for (n = 0; n < sizeof(buf) && buf[n] == first; n++)
			;
		whole += n == sizeof(buf);
	}
	say("%d whole, then %d", whole, n);
}

ABI_MAIN(CASE(opens_without_waiting), CASE(opens_that_wait), CASE(interrupted), CASE(ends_that_go),
	 CASE(two_names), CASE(metadata), CASE(permissions), CASE(many_writers))
