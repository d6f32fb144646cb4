/* SPDX-License-Identifier: MIT */
/*
 * Takes all it can get of one thing: `exhaust KIND`. Children take until they are refused, or killed, and keep
 * what they have; the parent makes many of them, waits, and ends, as what is an init with all that it has.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CHILDREN 40
#define PAGE 4096UL

static char block[65536];

/* Each takes one more, numbered n; false: refused. */
static bool take_process(long n)
{
	pid_t pid = fork();

	if (pid == 0)
		fork();
	return pid >= 0;
}

static bool take_memory(long n)
{
	char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p != MAP_FAILED && memset(p, 1, 1 << 20);
}

static bool take_table(long n) /* a page of tables for each page */
{
	char *p = mmap((void *)(n * (2UL << 20) + (1UL << 40)), PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	return p != MAP_FAILED && (*p = 1);
}

static bool take_area(long n) /* areas that cannot be merged */
{
	return mmap(NULL, PAGE, n & 1 ? PROT_READ : PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0) != MAP_FAILED;
}

static bool take_file_page(long n)
{
	static int fd = -1;

	if (fd < 0)
		fd = open("/dev/shm", O_TMPFILE | O_RDWR, 0600);
	return write(fd, block, sizeof(block)) == sizeof(block);
}

static bool take_fd(long n)
{
	return eventfd(0, 0) >= 0;
}

static bool take_pipe(long n)
{
	int p[2];

	return !pipe2(p, O_NONBLOCK) && write(p[1], block, sizeof(block)) > 0;
}

static bool take_socket(long n)
{
	int s[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s))
		return false;
	while (write(s[0], block, 4096) > 0)
		;
	return true;
}

static bool take_pty(long n)
{
	return open("/dev/ptmx", O_RDWR | O_NOCTTY) >= 0;
}

static bool take_name(long n)
{
	char path[64];

	snprintf(path, sizeof(path), "/dev/shm/%d-%ld", getpid(), n);
	return !mkdir(path, 0755);
}

static bool take_missing_name(long n) /* cached by the root: not by a tmpfs */
{
	char path[300];
	struct stat st;

	snprintf(path, sizeof(path), "/bin/%0200d%ld", getpid(), n);
	stat(path, &st);
	return n < 30000;
}

static bool take_mount(long n)
{
	if (n == 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS))
		return false;
	return !mount("t", "/mnt", "tmpfs", 0, NULL) && n < 3000;
}

static bool take_namespace(long n)
{
	return !unshare(n ? CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS
			  : CLONE_NEWUSER) &&
	       n < 200;
}

static bool take_user_namespace(long n)
{
	return !unshare(CLONE_NEWUSER);
}

static bool take_lock(long n)
{
	static int fd = -1;
	struct flock lock = { .l_type = F_WRLCK, .l_start = 2 * n, .l_len = 1 };

	if (fd < 0)
		fd = open("/dev/shm", O_TMPFILE | O_RDWR, 0600);
	return !fcntl(fd, F_SETLK, &lock) && n < 50000;
}

static bool take_signal(long n)
{
	sigset_t set;

	sigfillset(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return !sigqueue(getpid(), SIGRTMIN, (union sigval){ .sival_int = n });
}

static bool take_timer(long n)
{
	timer_t t;

	return !timer_create(CLOCK_MONOTONIC, NULL, &t) && n < 20000;
}

static bool take_segment(long n)
{
	int id = shmget(IPC_PRIVATE, 1 << 20, IPC_CREAT | 0600);
	char *p = id < 0 ? NULL : shmat(id, NULL, 0);

	return p && p != (void *)-1 && memset(p, 1, 1 << 20);
}

static bool take_watch(long n) /* each file watched by each epoll */
{
	static int first = -1;
	struct epoll_event ev = { .events = EPOLLIN };
	int ep = epoll_create1(0);

	if (first < 0)
		first = eventfd(0, 0);
	return ep >= 0 && !epoll_ctl(ep, EPOLL_CTL_ADD, first, &ev);
}

static void *sleeper(void *arg)
{
	pause();
	return NULL;
}

static bool take_thread(long n)
{
	pthread_t t;

	return !pthread_create(&t, NULL, sleeper, NULL);
}

static const struct {
	const char *name;
	bool (*take)(long n);
} kinds[] = {
	{ "processes", take_process },
	{ "threads", take_thread },
	{ "memory", take_memory },
	{ "tables", take_table },
	{ "areas", take_area },
	{ "file-pages", take_file_page },
	{ "descriptors", take_fd },
	{ "pipes", take_pipe },
	{ "sockets", take_socket },
	{ "ptys", take_pty },
	{ "names", take_name },
	{ "missing-names", take_missing_name },
	{ "mounts", take_mount },
	{ "namespaces", take_namespace },
	{ "user-namespaces", take_user_namespace },
	{ "locks", take_lock },
	{ "signals", take_signal },
	{ "timers", take_timer },
	{ "segments", take_segment },
	{ "watches", take_watch },
};

static void child(bool (*take)(long n))
{
	long n = 0;

	while (take(n))
		n++;
	pause();
	_exit(0);
}

int main(int argc, char **argv)
{
	signal(SIGCHLD, SIG_IGN);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (argc < 2 || strcmp(argv[1], kinds[i].name))
			continue;
		for (int n = 0; n < CHILDREN; n++) {
			pid_t pid = fork();

			if (pid == 0)
				child(kinds[i].take);
			usleep(20000);
		}
		sleep(1);
		return 0;
	}
	fprintf(stderr, "exhaust: no such kind\n");
	return 2;
}
