/* SPDX-License-Identifier: MIT */
/* fcntl(2)'s record locks of an open file (F_OFD_SETLK ...), and beside those of a process. */
#include <pthread.h>

#include "vfs.h"

static int set(int fd, int cmd, int type, long start, long len)
{
	struct flock fl = { .l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len };

	return fcntl(fd, cmd, &fl);
}

static void get(int fd, int cmd, long start, long len)
{
	struct flock fl = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = start, .l_len = len
	};

	if (fcntl(fd, cmd, &fl))
		say("get: %s", errno_name(errno));
	else if (fl.l_type == F_UNLCK)
		say("%ld+%ld is free", start, len);
	else
		say("%ld+%ld: %s lock of %ld+%ld, pid %s", start, len,
		    fl.l_type == F_RDLCK ? "read" : "write", (long)fl.l_start, (long)fl.l_len,
		    fl.l_pid == -1         ? "-1"
		    : fl.l_pid == getpid() ? "mine"
					   : "another");
}

static void two_files(void)
{
	int a, b, c;

	begin();
	a = open("f", O_CREAT | O_RDWR, 0644);
	b = open("f", O_RDWR);
	c = dup(a);
	R(set(a, F_OFD_SETLK, F_WRLCK, 0, 10));
	R(set(c, F_OFD_SETLK, F_WRLCK, 5, 10));
	R(set(b, F_OFD_SETLK, F_RDLCK, 14, 1));
	R(set(b, F_OFD_SETLK, F_RDLCK, 15, 1));
	get(a, F_OFD_GETLK, 0, 100);
	get(b, F_OFD_GETLK, 0, 100);
	R(set(c, F_OFD_SETLK, F_UNLCK, 2, 2));
	get(b, F_OFD_GETLK, 0, 100);
	get(b, F_OFD_GETLK, 2, 2);
	close(a);
	R(set(b, F_OFD_SETLK, F_RDLCK, 0, 1));
	close(c);
	R(set(b, F_OFD_SETLK, F_RDLCK, 0, 1));
}

static void beside_process_locks(void)
{
	int a, b;

	begin();
	a = open("f", O_CREAT | O_RDWR, 0644);
	b = open("f", O_RDWR);
	R(set(a, F_OFD_SETLK, F_WRLCK, 0, 10));
	R(set(a, F_SETLK, F_WRLCK, 0, 10));
	R(set(b, F_SETLK, F_RDLCK, 0, 10));
	get(a, F_GETLK, 0, 5);
	get(b, F_GETLK, 0, 5);
	R(set(a, F_SETLK, F_WRLCK, 20, 10));
	R(set(a, F_OFD_SETLK, F_WRLCK, 25, 1));
	get(a, F_OFD_GETLK, 25, 1);
	close(open("f", O_RDONLY)); /* the process's go, the open file's stay */
	get(a, F_OFD_GETLK, 25, 1);
	get(b, F_OFD_GETLK, 0, 1);
}

static void across_fork(void)
{
	int a, b;
	pid_t pid;

	begin();
	a = open("f", O_CREAT | O_RDWR, 0644);
	b = open("f", O_RDWR);
	R(set(a, F_OFD_SETLK, F_WRLCK, 0, 10));
	pid = fork();
	if (pid == 0) {
		R(set(a, F_OFD_SETLK, F_WRLCK, 0, 20)); /* one open file: the same owner */
		R(set(b, F_OFD_SETLK, F_WRLCK, 0, 20));
		close(a);
		_exit(0);
	}
	reap(pid);
	get(b, F_OFD_GETLK, 0, 100);
	pid = fork();
	if (pid == 0) {
		pause();
		_exit(0);
	}
	close(a);
	get(b, F_OFD_GETLK, 0, 100);
	kill(pid, SIGKILL);
	reap(pid);
	get(b, F_OFD_GETLK, 0, 100);
}

static void wrong(void)
{
	struct flock fl = { .l_type = F_WRLCK, .l_pid = 1 };
	int a;

	begin();
	a = open("f", O_CREAT | O_RDWR, 0644);
	R(fcntl(a, F_OFD_SETLK, &fl));
	R(fcntl(a, F_OFD_SETLKW, &fl));
	R(fcntl(a, F_OFD_GETLK, &fl));
	R(set(a, F_OFD_SETLK, 9, 0, 0));
	R(set(open("f", O_RDONLY), F_OFD_SETLK, F_WRLCK, 0, 0));
	R(set(open("f", O_WRONLY), F_OFD_SETLK, F_RDLCK, 0, 0));
	R(set(open("f", O_PATH), F_OFD_SETLK, F_RDLCK, 0, 0));
	R(fcntl(a, F_OFD_SETLK, NULL));
}

static int thread_fd;
static void *unlock_later(void *arg)
{
	usleep(100000);
	say("unlocks");
	set(thread_fd, F_OFD_SETLK, F_UNLCK, 0, 0);
	return NULL;
}

/* Threads that wait for each other's open files. */
static void waiting(void)
{
	pthread_t t;
	int b;

	begin();
	thread_fd = open("f", O_CREAT | O_RDWR, 0644);
	b = open("f", O_RDWR);
	R(set(thread_fd, F_OFD_SETLK, F_WRLCK, 0, 0));
	pthread_create(&t, NULL, unlock_later, NULL);
	R(set(b, F_OFD_SETLKW, F_WRLCK, 5, 5));
	pthread_join(t, NULL);
	get(thread_fd, F_OFD_GETLK, 0, 0);
}

static void on_signal(int sig)
{
}

static void interrupted(void)
{
	struct sigaction sa = { .sa_handler = on_signal };
	int a, b;

	begin();
	a = open("f", O_CREAT | O_RDWR, 0644);
	b = open("f", O_RDWR);
	sigaction(SIGALRM, &sa, NULL);
	R(set(a, F_OFD_SETLK, F_WRLCK, 0, 0));
	ualarm(50000, 0);
	R(set(b, F_OFD_SETLKW, F_WRLCK, 0, 0));
	R(flock(a, LOCK_EX));
	ualarm(50000, 0);
	R(flock(b, LOCK_EX));
	ualarm(50000, 0);
	R(flock(b, LOCK_SH));
}

static void upgrades(void)
{
	int a, b;

	begin();
	a = open("f", O_CREAT | O_RDWR, 0644);
	b = open("f", O_RDWR);
	R(set(a, F_OFD_SETLK, F_RDLCK, 0, 10));
	R(set(b, F_OFD_SETLK, F_RDLCK, 5, 10));
	R(set(a, F_OFD_SETLK, F_WRLCK, 0, 10));
	R(set(a, F_OFD_SETLK, F_WRLCK, 0, 5));
	get(b, F_OFD_GETLK, 0, 100);
	R(set(b, F_OFD_SETLK, F_UNLCK, 0, 0));
	R(set(a, F_OFD_SETLK, F_WRLCK, 0, 10));
	get(b, F_OFD_GETLK, 0, 100);
	R(set(a, F_OFD_SETLK, F_RDLCK, 3, 3));
	get(b, F_OFD_GETLK, 3, 1);
	get(b, F_OFD_GETLK, 6, 1);
}

ABI_MAIN(CASE(two_files), CASE(beside_process_locks), CASE(across_fork), CASE(wrong), CASE(waiting),
	 CASE(interrupted), CASE(upgrades))
