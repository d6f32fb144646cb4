/* SPDX-License-Identifier: MIT */
/* wait4(2), waitid(2), pidfds, process groups and who may wait for whom. */
#include "abi.h"

#include <poll.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/time.h>

#define WCLONE_ 0x80000000U
#define WALL_ 0x40000000U
#define WNOTHREAD_ 0x20000000U

static void nap(long ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

static pid_t sleeping_child(void)
{
	pid_t pid = fork();

	if (!pid)
		for (;;)
			pause();
	return pid;
}

static pid_t ended_child(int code)
{
	pid_t pid = fork();

	if (!pid)
		_exit(code);
	waitid(P_PID, pid, NULL, WEXITED | WNOWAIT);
	return pid;
}

static long pidfd_open(pid_t pid, unsigned int flags)
{
	return syscall(SYS_pidfd_open, pid, flags);
}

static void options(void)
{
	siginfo_t si;
	pid_t pid = ended_child(3);
	int status;

	R(waitpid(pid, &status, 16));
	R(waitpid(pid, &status, WEXITED));
	R(waitpid(pid, &status, WNOWAIT));
	R(waitid(P_PID, pid, &si, 0));
	R(waitid(P_PID, pid, &si, WNOHANG));
	R(waitid(P_PID, pid, &si, WEXITED | 16));
	R(waitid(9, pid, &si, WEXITED));
	R(waitid(P_PID, 0, &si, WEXITED));
	R(waitid(P_PID, -1, &si, WEXITED));
	R(waitid(P_PGID, -1, &si, WEXITED));
	R(waitid(P_PIDFD, -1, &si, WEXITED));
	R(waitid(P_PIDFD, 0, &si, WEXITED));
	R(waitid(P_PIDFD, 999, &si, WEXITED));
	R(waitid(P_PID, 0x3fffffff, &si, WEXITED));
	R(waitid(P_PGID, 0x3fffffff, &si, WEXITED));
	R(waitpid(0x3fffffff, &status, 0));
	R(waitpid(-0x3fffffff, &status, 0));
	R(waitpid(INT_MIN, &status, 0));
	R(waitid(P_PID, getpid(), &si, WEXITED));
	R(waitid(P_PID, getppid(), &si, WEXITED | WNOHANG));
	R(waitid(P_PID, pid, wild(8), WEXITED | WNOWAIT));
	R(syscall(SYS_wait4, pid, wild(8), 0, NULL));
	R(syscall(SYS_wait4, pid, NULL, 0, NULL)); /* it was taken all the same */
}

static void no_news(void)
{
	pid_t pid = sleeping_child();
	struct rusage ru;
	siginfo_t si;

	memset(&si, 0xee, sizeof(si));
	R(waitid(P_ALL, 0, &si, WEXITED | WNOHANG));
	say("pid %d, signo %d, code %d", si.si_pid, si.si_signo, si.si_code);
	memset(&ru, 0xee, sizeof(ru));
	R(syscall(SYS_waitid, P_ALL, 0, &si, WEXITED | WNOHANG, &ru));
	YES(ru.ru_nvcsw == (long)0xeeeeeeeeeeeeeeee);
	R(waitid(P_ALL, 0, NULL, WEXITED | WNOHANG));
	kill(pid, SIGKILL);
	R(waitid(P_PID, pid, NULL, WEXITED));
}

static void looked_at_first(void)
{
	pid_t pid = ended_child(9);
	siginfo_t si;
	int status;

	for (int i = 0; i < 2; i++) {
		R(waitid(P_PID, pid, &si, WEXITED | WNOWAIT));
		say("signo %d, code %d, status %d, uid %d, pid %d", si.si_signo, si.si_code,
		    si.si_status, si.si_uid == getuid(), si.si_pid == pid);
	}
	R(waitid(P_PID, pid, &si, WSTOPPED | WNOHANG));
	R(waitid(P_PID, pid, &si, WCONTINUED | WNOHANG | WNOWAIT));
	R(waitpid(pid, &status, WNOHANG) == pid);
	R(waitid(P_PID, pid, &si, WEXITED));
}

static void stops_looked_at(void)
{
	pid_t pid = sleeping_child();
	siginfo_t si;
	int status;

	kill(pid, SIGSTOP);
	R(waitid(P_PID, pid, &si, WSTOPPED | WNOWAIT));
	say("code %d, status %d", si.si_code, si.si_status);
	R(waitid(P_PID, pid, &si, WSTOPPED));
	R(waitid(P_PID, pid, &si, WSTOPPED | WNOHANG));
	say("pid %d", si.si_pid);
	kill(pid, SIGCONT);
	R(waitid(P_PID, pid, &si, WCONTINUED | WNOWAIT));
	say("code %d, status %d", si.si_code, si.si_status);
	R(waitpid(pid, &status, WCONTINUED) == pid);
	say("%s", ended(status));
	R(waitpid(pid, &status, WCONTINUED | WNOHANG));
	/* A stop that is over is no news, and neither is a continue of what runs. */
	kill(pid, SIGTSTP);
	R(waitid(P_PID, pid, &si, WSTOPPED | WNOWAIT));
	kill(pid, SIGCONT);
	R(waitid(P_PID, pid, &si, WSTOPPED | WNOHANG));
	say("pid %d", si.si_pid);
	R(waitpid(pid, &status, WCONTINUED) == pid);
	kill(pid, SIGCONT);
	R(waitpid(pid, &status, WCONTINUED | WNOHANG));
	kill(pid, SIGKILL);
	status = reap(pid);
	say("%s", ended(status));
}

static void by_group(void)
{
	pid_t a = ended_child(1), b = fork(), c;
	siginfo_t si;
	int status;

	if (!b) {
		setpgid(0, 0);
		_exit(2);
	}
	waitid(P_PID, b, NULL, WEXITED | WNOWAIT);
	R(waitpid(-b, &status, 0) == b);
	say("%s", ended(status));
	R(waitpid(-b, &status, 0));
	R(waitpid(0, &status, 0) == a);
	say("%s", ended(status));
	c = ended_child(4);
	R(waitid(P_PGID, 0, &si, WEXITED));
	YES(si.si_pid == c);
	c = ended_child(5);
	R(waitid(P_PGID, getpgrp(), &si, WEXITED));
	YES(si.si_pid == c);
	R(waitpid(0, &status, 0));
}

static long cpu_us(const struct rusage *ru)
{
	return (ru->ru_utime.tv_sec + ru->ru_stime.tv_sec) * 1000000 + ru->ru_utime.tv_usec +
	       ru->ru_stime.tv_usec;
}

static void usage_of_the_dead(void)
{
	struct rusage ru;
	int status;
	pid_t pid = fork();

	if (!pid) {
		for (int i = 0; i < 10; i++)
			nap(1);
		do
			getrusage(RUSAGE_SELF, &ru);
		while (cpu_us(&ru) < 20000);
		_exit(0);
	}
	R(wait4(pid, &status, 0, &ru) == pid);
	YES(cpu_us(&ru) >= 20000);
	YES(ru.ru_nvcsw >= 8);
	YES(ru.ru_minflt > 0);
	pid = ended_child(1);
	R(syscall(SYS_wait4, pid, &status, 0, wild(8)));
	R(wait4(pid, &status, 0, &ru));
}

static void *waits_in_thread(void *arg)
{
	int status;

	return (void *)(long)waitpid(*(pid_t *)arg, &status, 0);
}

static void waited_for_twice(void)
{
	pid_t pid = sleeping_child();
	pthread_t t[2];
	void *r[2];

	for (int i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, waits_in_thread, &pid);
	nap(30);
	kill(pid, SIGTERM);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], &r[i]);
	YES((long)r[0] + (long)r[1] == pid - 1); /* one got it, the other ECHILD */
}

static void clone_children(void)
{
	int status;
	pid_t pid = syscall(SYS_clone, 0, NULL, NULL, NULL, 0);

	if (!pid)
		_exit(8);
	nap(20);
	R(waitpid(-1, &status, WNOHANG));
	R(waitpid(pid, &status, WNOHANG | WCLONE_) == pid);
	say("%s", ended(status));
	pid = ended_child(2);
	R(waitpid(pid, &status, WNOHANG | WCLONE_));
	R(waitpid(pid, &status, WNOHANG | WALL_ | WCLONE_) == pid);
	pid = ended_child(2);
	R(waitpid(pid, &status, WNOHANG | WNOTHREAD_) == pid);
}

static void ignoring_parent(void)
{
	siginfo_t si;
	pid_t pid;

	signal(SIGCHLD, SIG_IGN);
	pid = sleeping_child();
	R(waitid(P_PID, pid, &si, WEXITED | WNOHANG));
	if (!fork()) {
		nap(50);
		kill(pid, SIGKILL);
		_exit(0);
	}
	R(waitpid(pid, NULL, 0)); /* sleeps until it is gone, and gets nothing */
	R(waitpid(-1, NULL, 0));
}

/* ---- pidfds ---- */
static void pidfd_errors(void)
{
	pid_t pid = sleeping_child();
	int fd = pidfd_open(pid, 0);
	siginfo_t si = { .si_code = SI_QUEUE, .si_signo = SIGUSR1 };

	R(pidfd_open(0, 0));
	R(pidfd_open(-1, 0));
	R(pidfd_open(pid, 1));
	R(pidfd_open(0x3fffffff, 0));
	O(pidfd_open(getpid(), O_NONBLOCK));
	R(fcntl(fd, F_GETFD));
	R(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 64));
	R(syscall(SYS_pidfd_send_signal, 0, 0, NULL, 0));
	R(syscall(SYS_pidfd_send_signal, 999, 0, NULL, 0));
	R(syscall(SYS_pidfd_send_signal, fd, 65, NULL, 0));
	R(syscall(SYS_pidfd_send_signal, fd, SIGUSR2, &si, 0));
	si.si_code = SI_USER;
	R(syscall(SYS_pidfd_send_signal, fd, SIGUSR1, &si, 0));
	R(syscall(SYS_pidfd_send_signal, fd, SIGUSR1, wild(8), 0));
	si.si_code = SI_QUEUE;
	R(syscall(SYS_pidfd_send_signal, fd, SIGUSR1, &si, 0));
	say("%s", ended(reap(pid)));
	R(syscall(SYS_pidfd_send_signal, fd, SIGUSR1, &si, 0));
	R(pidfd_open(pid, 0));
}

static void pidfd_waits(void)
{
	pid_t pid = sleeping_child();
	int fd = pidfd_open(pid, O_NONBLOCK);
	siginfo_t si;

	R(fcntl(fd, F_GETFL) == (O_RDWR | O_NONBLOCK));
	R(waitid(P_PIDFD, fd, &si, WEXITED));
	memset(&si, 0xee, sizeof(si));
	R(waitid(P_PIDFD, fd, &si, WEXITED | WNOHANG));
	say("pid %d", si.si_pid);
	kill(pid, SIGTERM);
	struct pollfd p = { .fd = fd, .events = POLLIN };

	R(poll(&p, 1, 3000));
	R(waitid(P_PIDFD, fd, &si, WEXITED));
	say("code %d, status %d", si.si_code, si.si_status);
	R(waitid(P_PIDFD, fd, &si, WEXITED));
	fd = pidfd_open(getpid(), 0);
	R(waitid(P_PIDFD, fd, &si, WEXITED));
}

static void descriptors_of_others(void)
{
	int p[2], fd, got;
	char c = 0;
	pid_t pid;

	if (pipe(p))
		return;
	pid = fork();
	if (!pid) {
		dup2(p[1], 200);
		if (write(p[1], "r", 1) < 0)
			_exit(1);
		for (;;)
			pause();
	}
	R(read(p[0], &c, 1));
	fd = pidfd_open(pid, 0);
	got = syscall(SYS_pidfd_getfd, fd, 200, 0);
	YES(got >= 0);
	R(fcntl(got, F_GETFD));
	R(write(got, "x", 1));
	R(read(p[0], &c, 1));
	R(syscall(SYS_pidfd_getfd, fd, 201, 0));
	R(syscall(SYS_pidfd_getfd, fd, -1, 0));
	R(syscall(SYS_pidfd_getfd, fd, 200, 1));
	R(syscall(SYS_pidfd_getfd, 999, 200, 0));
	R(syscall(SYS_pidfd_getfd, p[0], 200, 0));
	kill(pid, SIGKILL);
	reap(pid);
	R(syscall(SYS_pidfd_getfd, fd, 200, 0));
	if (!geteuid() && (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534)))
		say("still root");
	fd = pidfd_open(1, 0);
	R(syscall(SYS_pidfd_getfd, fd, 0, 0));
}

/* ---- groups and sessions ---- */
static void group_errors(void)
{
	pid_t pid = sleeping_child(), other = sleeping_child();

	R(setpgid(-1, 0));
	R(setpgid(pid, -1));
	R(setpgid(0x3fffffff, 0));
	R(setpgid(getppid(), 0));
	R(setpgid(1, 0));
	R(setpgid(pid, 0x3fffffff));
	R(setpgid(pid, pid));
	R(setpgid(other, pid));
	YES(getpgid(other) == pid);
	R(setpgid(other, getpgrp()));
	YES(getpgid(other) == getpgrp());
	R(getpgid(-1));
	R(getpgid(0x3fffffff));
	R(getsid(-1));
	R(getsid(0x3fffffff));
	YES(getsid(pid) == getsid(0));
	R(setsid()); /* leads its group already */
	kill(pid, SIGKILL);
	kill(other, SIGKILL);
	waitid(P_PID, pid, NULL, WEXITED | WNOWAIT);
	YES(getpgid(pid) == pid); /* a zombie still is in its group */
	reap(pid);
	R(getpgid(pid));
	reap(other);
}

static void sessions(void)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		pid_t mine = getpid(), child;

		YES(setsid() == mine && getpgrp() == mine && getsid(0) == mine);
		R(setsid());
		R(setpgid(0, 0));
		R(setpgid(0, getppid()));
		child = fork();
		if (!child) {
			YES(getsid(0) == mine && getpgrp() == mine);
			R(setpgid(0, 0));
			R(setsid());
			_exit(0);
		}
		reap(child);
		_exit(3);
	}
	status = reap(pid);
	say("%s", ended(status));
}

static void group_after_exec(void)
{
	pid_t pid = fork();
	int p[2];

	if (!pid) {
		execlp("sleep", "sleep", "5", (char *)NULL);
		_exit(127);
	}
	if (pipe(p))
		return;
	/* There is no word that it has run the other program: its name tells. */
	for (int i = 0; i < 3000; i++) {
		char path[40], name[32] = "";
		int fd;

		snprintf(path, sizeof(path), "/proc/%d/comm", pid);
		fd = open(path, O_RDONLY);
		if (fd >= 0 && read(fd, name, sizeof(name) - 1) > 0 && !strncmp(name, "sleep", 5))
			i = 3000;
		close(fd);
		nap(1);
	}
	R(setpgid(pid, pid));
	kill(pid, SIGKILL);
	reap(pid);
}

static void killing_groups(void)
{
	int status;
	pid_t a = fork(), b;

	if (!a) {
		setpgid(0, 0);
		for (;;)
			pause();
	}
	setpgid(a, a);
	b = fork();
	if (!b) {
		setpgid(0, a);
		for (;;)
			pause();
	}
	setpgid(b, a);
	R(kill(-a, 0));
	R(kill(-a, SIGTERM));
	status = reap(a);
	say("%s", ended(status));
	status = reap(b);
	say("%s", ended(status));
	R(kill(-a, 0));
	R(kill(-0x3fffffff, 0));
}

ABI_MAIN(CASE(options), CASE(no_news), CASE(looked_at_first), CASE(stops_looked_at), CASE(by_group),
	 CASE(usage_of_the_dead), CASE(waited_for_twice), CASE(clone_children),
	 CASE(ignoring_parent), CASE(pidfd_errors), CASE(pidfd_waits), CASE(descriptors_of_others),
	 CASE(group_errors), CASE(sessions), CASE(group_after_exec), CASE(killing_groups))
