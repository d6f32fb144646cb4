/* SPDX-License-Identifier: MIT */
/*
 * hog KIND: makes ever more objects of one kind that the kernel holds for it, and keeps them, until it
 * is refused one, and says how many there were. In a group with a limit it is killed before.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static unsigned long made;
static char page[4096];

static int anon(void)
{
	char *p = mmap(NULL, sizeof(page), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0);

	return p == MAP_FAILED ? -1 : (*p = 1, 0);
}

static int files(void)
{
	snprintf(page, sizeof(page), "%lu", made);
	return mkdir(page, 0700);
}

static int fill(int fd, size_t n)
{
	while (write(fd, page, n) > 0)
		;
	return errno == EAGAIN ? 0 : -1;
}

static int pipes(void)
{
	int fd[2];

	return pipe2(fd, O_NONBLOCK) ?: fill(fd[1], sizeof(page));
}

static int sockets(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) < 0 ? -1 : 0;
}

static int pair(int type, size_t n)
{
	int fd[2];

	return socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, fd) ?: fill(fd[1], n);
}

static int local(void)
{
	return pair(SOCK_STREAM, 1000);
}

static int datagrams(void)
{
	return pair(SOCK_DGRAM, 10);
}

static int ptys(void)
{
	return open("/dev/ptmx", O_RDWR | O_NOCTTY) < 0 ? -1 : 0;
}

static int eventfds(void)
{
	return eventfd(0, 0) < 0 ? -1 : 0;
}

static int epolls(void)
{
	return epoll_create1(0) < 0 ? -1 : 0;
}

static int mounts(void)
{
	if (!made && unshare(CLONE_NEWNS))
		return -1;
	return mount("/", "/mnt", NULL, MS_BIND, NULL);
}

static int locks(void)
{
	struct flock l = { .l_type = F_WRLCK, .l_start = 2 * made, .l_len = 1 };
	static int fd;

	if (!made)
		fd = open("lock", O_RDWR | O_CREAT, 0600);
	return fcntl(fd, F_SETLK, &l);
}

static const struct kind {
	const char *name;
	int (*make)(void);
} kinds[] = {
	{ "anon", anon },       { "files", files },       { "pipes", pipes },
	{ "sockets", sockets }, { "unix", local },        { "datagrams", datagrams },
	{ "ptys", ptys },       { "eventfds", eventfds }, { "epolls", epolls },
	{ "mounts", mounts },   { "locks", locks },
};

int main(int argc, char **argv)
{
	struct rlimit many = { 1 << 20, 1 << 20 };

	setrlimit(RLIMIT_NOFILE, &many);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (argc != 2 || strcmp(argv[1], kinds[i].name))
			continue;
		while (!kinds[i].make())
			made++;
		printf("%lu %s: %s\n", made, argv[1], strerror(errno));
		return 0;
	}
	return 2;
}
