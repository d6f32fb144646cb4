/* SPDX-License-Identifier: MIT */
/*
 * The tests of lab 05, one a name: pidns NAME. What it prints is the same on Linux (as root); the
 * number of any one process is never printed, only what must hold for it.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t clone_ns(int flags)
{
	return syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
}

static const char *ended(pid_t pid)
{
	static char text[64];
	int status = -1;

	if (pid < 0)
		snprintf(text, sizeof(text), "clone: %s", strerror(errno));
	else if (waitpid(pid, &status, 0) < 0)
		snprintf(text, sizeof(text), "wait: %s", strerror(errno));
	else if (WIFSIGNALED(status))
		snprintf(text, sizeof(text), "signal %d", WTERMSIG(status));
	else
		snprintf(text, sizeof(text), "exit %d", WEXITSTATUS(status));
	return text;
}

/* The numbers of process `pid`, from the reader's namespace inwards: line NSpid of its status. */
static int numbers_of(pid_t pid, int *nr, int max)
{
	char path[64], line[256];
	int n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "NSpid:", 6))
			for (char *s = strtok(line + 6, "\t \n"); s && n < max;
			     s = strtok(NULL, "\t \n"))
				nr[n++] = atoi(s);
	if (f)
		fclose(f);
	return n;
}

static void plain(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(getpid() > 1 && getppid() > 1 ? 7 : 8);
	printf("%s\n", ended(pid));
	pid = fork();
	if (pid == 0)
		for (;;)
			pause();
	kill(pid, SIGUSR1);
	printf("%s\n", ended(pid));
	printf("%s\n", kill(pid, 0) ? strerror(errno) : "still there");
}

static void first(void)
{
	pid_t pid = clone_ns(CLONE_NEWPID);

	if (pid == 0) {
		printf("getpid %d getppid %d gettid %d getpgid %d getsid %d\n", getpid(), getppid(),
		       (int)syscall(SYS_gettid), getpgid(0), getsid(0));
		fflush(stdout);
		_exit(5);
	}
	printf("%s\n", ended(pid));
}

static void counting(void)
{
	pid_t pid = clone_ns(CLONE_NEWPID);

	if (pid == 0) {
		for (int i = 0; i < 3; i++) {
			pid_t child = fork();

			if (child == 0)
				_exit(getppid() == 1 ? getpid() : 99);
			printf("number %d: %s\n", child, ended(child));
			fflush(stdout);
		}
		_exit(0);
	}
	printf("%s\n", ended(pid));
}

static void outside(void)
{
	int nr[8], n;
	pid_t pid = clone_ns(CLONE_NEWPID);

	if (pid == 0)
		for (;;)
			pause();
	n = pid > 0 ? numbers_of(pid, nr, 8) : 0;
	printf("%d numbers: the first %s, the second %d\n", n,
	       n && nr[0] == pid && pid > 1 ? "is what clone() gave" : "is wrong",
	       n > 1 ? nr[1] : -1);
	if (pid > 0)
		kill(pid, SIGKILL);
	printf("%s\n", ended(pid));
}

/* Three namespaces, one in the other; the innermost process is asked for from outside. */
static void nested(void)
{
	int p[2], first[2], middle[2], nr[8], n; /* a byte: its line is out */
	pid_t pid;
	char c;

	if (pipe(p) < 0 || pipe(first) < 0 || pipe(middle) < 0)
		return;
	pid = clone_ns(CLONE_NEWPID);
	if (pid == 0) {
		pid_t mid, inner;

		if (fork() == 0) /* takes number 2, so that numbers differ from level to level */
			_exit(0);
		wait(NULL);
		mid = clone_ns(CLONE_NEWPID);
		if (mid == 0) {
			inner = clone_ns(CLONE_NEWPID);
			if (inner == 0) {
				close(p[1]);
				close(middle[1]);
				_exit(read(p[0], &c, 1) == 0 ? getpid() : 99);
			}
			if (read(first[0], &c, 1) != 1)
				_exit(96);
			printf("in the middle: child %d\n", inner);
			fflush(stdout);
			if (write(middle[1], "", 1) != 1)
				_exit(96);
			close(p[1]);
			_exit(inner > 0 && !strcmp(ended(inner), "exit 1") ? 4 : 98);
		}
		printf("in the first: child %d\n", mid);
		fflush(stdout);
		if (write(first[1], "", 1) != 1)
			_exit(96);
		close(p[1]);
		_exit(!strcmp(ended(mid), "exit 4") ? 3 : 97);
	}
	close(middle[1]);
	if (read(middle[0], &c, 1) != 1)
		printf("there is no middle\n");
	for (pid_t look = pid; pid > 0 && look < pid + 8; look++) {
		n = numbers_of(look, nr, 8);
		if (n == 4)
			printf("innermost: %d numbers, then %d %d %d\n", n, nr[1], nr[2], nr[3]);
	}
	fflush(stdout);
	close(p[1]);
	printf("%s\n", ended(pid));
}

/* Another namespace beside the caller's, whose process 1 holds the lock on the file. */
static pid_t lock_beside(int fd)
{
	struct flock lock = { .l_type = F_WRLCK };
	pid_t pid;
	int p[2];
	char c;

	if (pipe(p) < 0)
		return -1;
	pid = clone_ns(CLONE_NEWPID);
	if (pid == 0) {
		fcntl(fd, F_SETLK, &lock);
		if (write(p[1], "", 1) == 1)
			for (;;)
				pause();
	}
	close(p[1]);
	return read(p[0], &c, 1) == 1 ? pid : -1;
}

static void hidden(void)
{
	int fd = memfd_create("lock", 0);
	pid_t outer = getpid(), beside = lock_beside(fd), pid = clone_ns(CLONE_NEWPID);

	if (pid == 0) {
		struct flock lock = { .l_type = F_WRLCK };

		printf("kill: %s\n", kill(outer, 0) ? strerror(errno) : "reached the outside");
		printf("getpgid: %s\n", getpgid(outer) < 0 ? strerror(errno) : "seen");
		printf("kill(-1): %s\n", kill(-1, SIGTERM) ? strerror(errno) : "sent");
		fcntl(fd, F_GETLK, &lock);
		printf("a lock of process %d of a namespace beside this one\n", lock.l_pid);
		fflush(stdout);
		_exit(0);
	}
	printf("%s\n", ended(pid));
	if (beside > 0)
		kill(beside, SIGKILL);
}

static void orphans(void)
{
	pid_t pid = clone_ns(CLONE_NEWPID);

	if (pid == 0) {
		int p[2], status;
		pid_t child, reaped;
		char c;

		if (pipe(p) < 0)
			_exit(96);
		child = fork();
		if (child == 0) {
			if (fork() == 0) { /* its parent ends first */
				close(p[1]);
				while (getppid() == 2)
					usleep(1000);
				_exit(getppid() == 1 ? 6 : 95);
			}
			_exit(0);
		}
		close(p[1]);
		waitpid(child, NULL, 0);
		alarm(5);
		reaped = wait(&status);
		printf("reaped number %d, exit %d\n", reaped,
		       reaped > 0 ? WEXITSTATUS(status) : -1);
		fflush(stdout);
		_exit(read(p[0], &c, 1));
	}
	printf("%s\n", ended(pid));
}

/*
 * Init ends while three others live, one of them in a session of its own. Its end is told when all are gone: not
 * as long as this process, which traces one of them, has not taken notice of that one's end.
 */
static void death(void)
{
	pid_t pid, traced;
	int p[2], q[2], nr[2];
	char c;

	if (pipe(p) < 0 || pipe(q) < 0)
		return;
	pid = clone_ns(CLONE_NEWPID);
	if (pid == 0) {
		for (int i = 0; i < 3; i++)
			if (fork() == 0) {
				if (i == 1)
					setsid();
				signal(SIGTERM, SIG_IGN);
				for (;;)
					pause();
			}
		_exit(write(p[1], "", 1) == 1 && read(q[0], &c, 1) == 1 ? 2 : 96);
	}
	close(p[1]);
	if (read(p[0], &c, 1) != 1)
		printf("no first process\n");
	for (traced = pid; traced < pid + 8; traced++)
		if (numbers_of(traced, nr, 2) == 2 && nr[1] == 2)
			break;
	if (ptrace(PTRACE_SEIZE, traced, 0, 0) < 0)
		printf("ptrace: %s\n", strerror(errno));
	if (write(q[1], "", 1) != 1)
		return;
	usleep(200000);
	printf("its end %s\n",
	       waitpid(pid, NULL, WNOHANG) ? "is told too early" : "is not told yet");
	printf("%s\n", ended(traced));
	printf("%s\n", ended(pid));
	alarm(5); /* everybody has the pipe open: it ends when the last of them has */
	printf("pipe: %zd\n", read(p[0], &c, 1));
}

static void no_more(void)
{
	pid_t pid;

	printf("unshare %s\n", unshare(CLONE_NEWPID) ? strerror(errno) : "ok");
	printf("own number %s\n", getpid() > 1 ? "stays" : "changed");
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(getpid());
	printf("%s\n", ended(pid));
	pid = fork();
	if (pid == 0)
		_exit(0);
	printf("then fork: %s\n", pid < 0 ? strerror(errno) : "went on");
}

static void init_signals(void)
{
	int p[2];
	char c;
	pid_t pid;

	if (pipe(p) < 0)
		return;
	pid = clone_ns(CLONE_NEWPID);
	if (pid == 0) {
		if (fork() == 0) {
			kill(1, SIGTERM);
			kill(1, SIGKILL);
			_exit(0);
		}
		wait(NULL);
		printf("survived its own\n");
		fflush(stdout);
		if (write(p[1], "r", 1) == 1)
			for (;;)
				pause();
	}
	close(p[1]);
	printf("ready %zd\n", read(p[0], &c, 1));
	if (pid > 0)
		kill(pid, SIGKILL);
	printf("%s\n", ended(pid));
}

static void depth(void)
{
	int level = 0;

	for (;;) {
		pid_t pid = clone_ns(CLONE_NEWPID);

		if (pid < 0)
			_exit(level);
		if (pid > 0) {
			int status = 0;

			waitpid(pid, &status, 0);
			if (level)
				_exit(WEXITSTATUS(status));
			printf("levels below the first: %d\n", WEXITSTATUS(status));
			return;
		}
		level++;
	}
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*fn)(void);
	} tests[] = { { "plain", plain },       { "first", first },
		      { "counting", counting }, { "outside", outside },
		      { "nested", nested },     { "hidden", hidden },
		      { "orphans", orphans },   { "death", death },
		      { "no-more", no_more },   { "init-signals", init_signals },
		      { "depth", depth } };

	for (size_t i = 0; argc == 2 && i < sizeof(tests) / sizeof(*tests); i++)
		if (!strcmp(argv[1], tests[i].name)) {
			setpgid(0, 0);
			tests[i].fn();
			return 0;
		}
	fprintf(stderr, "usage: pidns TEST\n");
	return 2;
}
