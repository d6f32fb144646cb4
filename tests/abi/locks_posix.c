/* SPDX-License-Identifier: MIT */
/*
 * fcntl(2)'s record locks of a process and flock(2): ranges that split and merge, conflicts, waits,
 * deadlocks, what a close and a fork do, and how /proc/locks shows them.
 */
#include "vfs.h"

static int fd;

static int set(int cmd, int type, long start, long len)
{
	struct flock fl = { .l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len };

	return fcntl(fd, cmd, &fl);
}

/* What another process is told of the range. */
static void others_see(long start, long len)
{
	pid_t pid = fork();

	if (pid == 0) {
		struct flock fl = { .l_type = F_WRLCK, .l_start = start, .l_len = len };

		if (fcntl(fd, F_GETLK, &fl))
			say("F_GETLK: %s", errno_name(errno));
		else if (fl.l_type == F_UNLCK)
			say("%ld+%ld is free", start, len);
		else
			say("%ld+%ld: %s lock of %ld+%ld by %s", start, len,
			    fl.l_type == F_RDLCK ? "read" : "write", (long)fl.l_start,
			    (long)fl.l_len, fl.l_pid == getppid() ? "the parent" : "somebody");
		_exit(0);
	}
	reap(pid);
}

/* Every lock of the file, as another process finds them one after the other. */
static void show_locks(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		long at = 0;

		for (int i = 0; i < 20; i++) {
			struct flock fl = { .l_type = F_WRLCK, .l_start = at };

			fcntl(fd, F_GETLK, &fl);
			if (fl.l_type == F_UNLCK)
				break;
			say("  %s %ld+%ld", fl.l_type == F_RDLCK ? "read" : "write",
			    (long)fl.l_start, (long)fl.l_len);
			if (!fl.l_len)
				break;
			at = fl.l_start + fl.l_len;
		}
		_exit(0);
	}
	reap(pid);
}

static void file(void)
{
	begin();
	fd = open("f", O_CREAT | O_RDWR, 0644);
	R(ftruncate(fd, 1000));
}

static void splitting(void)
{
	file();
	R(set(F_SETLK, F_WRLCK, 0, 100));
	R(set(F_SETLK, F_UNLCK, 40, 20));
	show_locks();
	R(set(F_SETLK, F_RDLCK, 10, 10));
	show_locks();
	R(set(F_SETLK, F_RDLCK, 70, 100));
	show_locks();
	R(set(F_SETLK, F_UNLCK, 0, 0));
	show_locks();
}

static void merging(void)
{
	file();
	R(set(F_SETLK, F_RDLCK, 0, 10));
	R(set(F_SETLK, F_RDLCK, 20, 10));
	show_locks();
	R(set(F_SETLK, F_RDLCK, 10, 10));
	show_locks();
	R(set(F_SETLK, F_RDLCK, 30, 5));
	show_locks();
	R(set(F_SETLK, F_WRLCK, 35, 5));
	show_locks();
	R(set(F_SETLK, F_RDLCK, 34, 2));
	show_locks();
	R(set(F_SETLK, F_RDLCK, 36, 0));
	show_locks();
	R(set(F_SETLK, F_WRLCK, 5, 100));
	show_locks();
}

static void ranges(void)
{
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_CUR, .l_start = -10, .l_len = 5 };

	file();
	lseek(fd, 50, SEEK_SET);
	R(fcntl(fd, F_SETLK, &fl));
	show_locks();
	fl = (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_END, .l_start = 10, .l_len = -20 };
	R(fcntl(fd, F_SETLK, &fl));
	show_locks();
	R(set(F_SETLK, F_WRLCK, -1, 5));
	R(set(F_SETLK, F_WRLCK, 5, -6));
	R(set(F_SETLK, F_WRLCK, 5, -5));
	R(set(F_SETLK, F_WRLCK, LONG_MAX, 1));
	R(set(F_SETLK, F_WRLCK, LONG_MAX, 2));
	R(set(F_SETLK, F_WRLCK, LONG_MAX - 5, LONG_MAX));
	R(set(F_SETLK, F_UNLCK, 0, 0));
	R(set(F_SETLK, F_RDLCK, 100, 0));
	others_see(0, 100);
	others_see(0, 101);
	others_see(5000, 1);
	fl = (struct flock){ .l_type = F_WRLCK, .l_whence = 5 };
	R(fcntl(fd, F_SETLK, &fl));
	R(set(F_SETLK, 7, 0, 0));
	R(set(F_GETLK, F_UNLCK, 0, 0));
	R(set(F_GETLK, 7, 0, 0));
	R(fcntl(fd, F_SETLK, NULL));
	fd = open("f", O_RDONLY);
	R(set(F_SETLK, F_WRLCK, 0, 1));
	R(set(F_SETLK, F_RDLCK, 0, 1));
	fd = open("f", O_WRONLY);
	R(set(F_SETLK, F_RDLCK, 0, 1));
	R(set(F_SETLK, F_WRLCK, 0, 1));
	fd = 99;
	R(set(F_SETLK, F_WRLCK, 0, 1));
}

/* The own locks never stand in one's own way, whatever descriptor they were made by. */
static void own_and_others(void)
{
	pid_t pid;

	file();
	R(set(F_SETLK, F_WRLCK, 0, 10));
	fd = open("f", O_RDWR);
	R(set(F_SETLK, F_WRLCK, 5, 10));
	pid = fork();
	if (pid == 0) {
		R(set(F_SETLK, F_RDLCK, 0, 1));
		R(set(F_SETLK, F_WRLCK, 14, 1));
		R(set(F_SETLK, F_WRLCK, 15, 1));
		R(set(F_SETLK, F_UNLCK, 0, 100));
		_exit(0);
	}
	reap(pid);
	show_locks();
	R(set(F_SETLK, F_RDLCK, 0, 20));
	pid = fork();
	if (pid == 0) {
		R(set(F_SETLK, F_RDLCK, 0, 1));
		R(set(F_SETLK, F_WRLCK, 0, 1));
		_exit(0);
	}
	reap(pid);
}

/* Any close of any descriptor of the file gives all up. */
static void closing(void)
{
	int other;

	file();
	other = open("f", O_RDONLY);
	R(set(F_SETLK, F_WRLCK, 0, 10));
	others_see(0, 1);
	close(other);
	others_see(0, 1);
	R(set(F_SETLK, F_WRLCK, 0, 10));
	close(dup(fd));
	others_see(0, 1);
	R(set(F_SETLK, F_WRLCK, 0, 10));
	dup2(fd, 50);
	others_see(0, 1);
	dup2(1, 50);
	others_see(0, 1);
}

static void on_alarm(int sig)
{
}

static void waiting(void)
{
	struct sigaction sa = { .sa_handler = on_alarm };
	int p[2];
	pid_t pid;
	char c;

	file();
	pipe(p);
	pid = fork();
	if (pid == 0) {
		R(set(F_SETLK, F_WRLCK, 0, 10));
		write(p[1], "x", 1);
		usleep(100000);
		set(F_SETLK, F_UNLCK, 0, 5);
		usleep(100000);
		say("gives the rest up");
		_exit(0);
	}
	read(p[0], &c, 1);
	R(set(F_SETLK, F_WRLCK, 3, 1));
	R(set(F_SETLKW, F_WRLCK, 3, 1));
	R(set(F_SETLKW, F_WRLCK, 8, 1));
	reap(pid);
	pid = fork();
	if (pid == 0) {
		sigaction(SIGALRM, &sa, NULL);
		ualarm(50000, 0);
		R(set(F_SETLKW, F_RDLCK, 3, 1));
		sa.sa_flags = SA_RESTART;
		sigaction(SIGALRM, &sa, NULL);
		ualarm(50000, 0);
		R(set(F_SETLKW, F_RDLCK, 3, 1));
		_exit(0);
	}
	usleep(300000);
	say("unlocks");
	set(F_SETLK, F_UNLCK, 0, 0);
	reap(pid);
}

static void deadlock(void)
{
	int p[2], q[2];
	pid_t pid;
	char c;

	file();
	pipe(p);
	pipe(q);
	R(set(F_SETLK, F_WRLCK, 0, 1));
	pid = fork();
	if (pid == 0) {
		R(set(F_SETLK, F_WRLCK, 1, 1));
		write(p[1], "x", 1);
		set(F_SETLKW, F_WRLCK, 0, 1);
		usleep(100000);
		say("the child has both");
		_exit(0);
	}
	read(p[0], &c, 1);
	usleep(200000); /* it waits now */
	R(set(F_SETLKW, F_WRLCK, 1, 1));
	R(set(F_SETLK, F_WRLCK, 1, 1));
	R(set(F_SETLK, F_UNLCK, 0, 1));
	say("%s", ended(reap(pid)));
}

static void three_in_a_ring(void)
{
	int p[2];
	pid_t a, b;
	char c;

	file();
	pipe(p);
	R(set(F_SETLK, F_WRLCK, 0, 1));
	a = fork();
	if (a == 0) {
		set(F_SETLK, F_WRLCK, 1, 1);
		write(p[1], "x", 1);
		set(F_SETLKW, F_WRLCK, 0, 1);
		usleep(100000);
		say("the first has both");
		_exit(0);
	}
	read(p[0], &c, 1);
	b = fork();
	if (b == 0) {
		set(F_SETLK, F_WRLCK, 2, 1);
		write(p[1], "x", 1);
		if (set(F_SETLKW, F_WRLCK, 1, 1))
			result("second", -1);
		_exit(0);
	}
	read(p[0], &c, 1);
	usleep(200000);
	R(set(F_SETLKW, F_WRLCK, 2, 1));
	R(set(F_SETLK, F_UNLCK, 0, 1));
	reap(a);
	reap(b);
	R(set(F_SETLKW, F_WRLCK, 2, 1));
}

static void across_fork_and_exec(void)
{
	char *argv[] = { "sh", "-c", "exit 0", NULL };
	pid_t pid;

	file();
	R(set(F_SETLK, F_WRLCK, 0, 10));
	pid = fork();
	if (pid == 0) {
		R(set(F_SETLK, F_RDLCK, 0, 1));
		_exit(0);
	}
	reap(pid);
	others_see(0, 1); /* the child's end took nothing away */
	pid = vfork();
	if (pid == 0)
		execvp("sh", argv);
	reap(pid);
	others_see(0, 1);
}

static void whole_files(void)
{
	int a, b;
	pid_t pid;

	file();
	a = fd;
	b = open("f", O_RDONLY);
	R(flock(a, LOCK_EX));
	R(flock(b, LOCK_SH | LOCK_NB));
	R(flock(b, LOCK_EX | LOCK_NB));
	R(flock(dup(a), LOCK_SH));
	R(flock(b, LOCK_SH | LOCK_NB));
	R(flock(a, LOCK_EX | LOCK_NB));
	R(flock(b, LOCK_EX | LOCK_NB)); /* what a had was lost */
	R(flock(b, LOCK_SH | LOCK_NB));
	R(flock(b, LOCK_UN));
	R(flock(a, LOCK_EX | LOCK_NB));
	R(flock(b, LOCK_UN));
	R(set(F_SETLK, F_WRLCK, 0, 0)); /* they do not see each other */
	R(flock(a, 0));
	R(flock(a, LOCK_SH | LOCK_EX));
	R(flock(a, LOCK_NB));
	R(flock(99, LOCK_SH));
	pid = fork();
	if (pid == 0) {
		R(flock(a, LOCK_UN)); /* the same open file: the parent's lock goes */
		_exit(0);
	}
	reap(pid);
	R(flock(b, LOCK_EX | LOCK_NB));
	R(flock(a, LOCK_SH | LOCK_NB));
	close(b);
	R(flock(a, LOCK_SH | LOCK_NB));
}

/* /proc/locks without numbers of processes and files. */
static void shown(void)
{
	char line[256], kind[16], mode[16], type[16], end[32], lines[8][128];
	struct stat st;
	unsigned long ino;
	unsigned int ma, mi;
	long start;
	FILE *f;
	int pid, n = 0;

	file();
	fstat(fd, &st);
	R(set(F_SETLK, F_WRLCK, 10, 20));
	R(set(F_SETLK, F_RDLCK, 100, 0));
	R(flock(fd, LOCK_SH));
	f = fopen("/proc/locks", "r");
	if (!f)
		say("/proc/locks: %s", errno_name(errno));
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*d: %15s %15s %15s %d %x:%x:%lu %ld %31s", kind, mode, type,
			   &pid, &ma, &mi, &ino, &start, end) == 9 &&
		    ino == st.st_ino && ma == major(st.st_dev) && mi == minor(st.st_dev))
			snprintf(lines[n++ % 8], 128, "%s %s %s by %s %ld %s", kind, mode, type,
				 pid == getpid() ? "me" : "another", start, end);
	qsort(lines, n, 128, by_name);
	for (int i = 0; i < n; i++)
		say("%s", lines[i]);
}

static void no_leases(void)
{
	file();
	R(fcntl(99, F_SETLEASE, F_RDLCK));
	R(fcntl(fd, 0x7777, 0));
}

ABI_MAIN(CASE(splitting), CASE(merging), CASE(ranges), CASE(own_and_others), CASE(closing),
	 CASE(waiting), CASE(deadlock), CASE(three_in_a_ring), CASE(across_fork_and_exec),
	 CASE(whole_files), CASE(shown), CASE(no_leases))
