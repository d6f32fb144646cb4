/* SPDX-License-Identifier: MIT */
/* What tests of ptrace(2) share: the raw calls, a tracee's stops as text, children traced and not. */
#pragma once
#include <linux/elf.h>
#include <linux/ptrace.h>
#include <sched.h>
#include <stddef.h>
#include <sys/uio.h>
#include <sys/user.h>

#include "abi.h"

static inline long pt(long request, pid_t pid, unsigned long addr, unsigned long data)
{
	return syscall(SYS_ptrace, request, pid, addr, data);
}
/* The raw call stores the word that it reads. */
static inline long peek(pid_t pid, const volatile void *addr)
{
	long word = -1;

	return pt(PTRACE_PEEKDATA, pid, (long)addr, (long)&word) ? -1 : word;
}
static inline long reg(pid_t pid, size_t offset)
{
	long word = -1;

	return pt(PTRACE_PEEKUSR, pid, offset, (long)&word) ? -1 : word;
}
#define REG(pid, name) reg(pid, offsetof(struct user_regs_struct, name))
#define SET_REG(pid, name, v)                                                                      \
	pt(PTRACE_POKEUSR, pid, offsetof(struct user_regs_struct, name), (long)(v))

/* A stop or an end as text: the event, and what is added to a system call's SIGTRAP. */
static inline const char *seen(int status)
{
	static char text[64];

	if (!WIFSTOPPED(status))
		return ended(status);
	snprintf(text, sizeof(text), "stop %d%s, event %d", WSTOPSIG(status) & 0x7f,
		 WSTOPSIG(status) & 0x80 ? " at a call" : "", status >> 16);
	return text;
}

static inline int next(pid_t pid)
{
	int status = -1;

	if (waitpid(pid, &status, __WALL) != pid)
		say("waitpid: %s", errno_name(errno));
	return status;
}
static inline void see(const char *what, pid_t pid)
{
	say("%s: %s", what, seen(next(pid)));
}
static inline void go(long request, pid_t pid, int sig)
{
	if (pt(request, pid, 0, sig))
		say("request %ld: %s", request, errno_name(errno));
}
/* Lets the tracee run to its next stop, and tells of it. */
static inline void step_to(const char *what, long request, pid_t pid, int sig)
{
	go(request, pid, sig);
	see(what, pid);
}
static inline void kill_off(pid_t pid)
{
	kill(pid, SIGKILL);
	say("the end: %s", ended(reap(pid)));
}

/* A child that asks to be traced, stops, and then runs fn. */
static inline pid_t tracee(void (*fn)(void))
{
	pid_t pid = fork();

	if (pid == 0) {
		alarm(0);
		pt(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		fn();
		_exit(7);
	}
	see("first", pid);
	return pid;
}
/* A child that nobody traces. */
static inline pid_t child(void (*fn)(void))
{
	pid_t pid = fork();

	if (pid == 0) {
		fn();
		_exit(7);
	}
	return pid;
}
static inline void nothing(void)
{
}
static inline void forever(void)
{
	for (;;)
		pause();
}

/* The text of a file of /proc/PID: false when it cannot be read. */
static inline bool read_about(pid_t pid, const char *file, char *text, size_t size)
{
	char name[64];
	ssize_t n;
	int fd;

	snprintf(name, sizeof(name), "/proc/%d/%s", pid, file);
	fd = open(name, O_RDONLY);
	n = fd < 0 ? -1 : read(fd, text, size - 1);
	close(fd);
	text[n < 0 ? 0 : n] = '\0';
	return n >= 0;
}
static inline char state(pid_t pid)
{
	char text[512], *p;

	p = read_about(pid, "stat", text, sizeof(text)) ? strrchr(text, ')') : NULL;
	return p ? p[2] : '?';
}
static inline void until(pid_t pid, char c)
{
	for (int i = 0; i < 20000 && state(pid) != c; i++)
		usleep(200);
}
static inline int tracer_of(pid_t pid)
{
	char text[2048], *p;

	p = read_about(pid, "status", text, sizeof(text)) ? strstr(text, "TracerPid:") : NULL;
	return p ? atoi(p + 10) : -1;
}

static inline void two_calls(void)
{
	syscall(SYS_getppid);
	syscall(SYS_close, 1000);
}
/* The next stop that is the entry of call nr; others pass. */
static inline void to_call(pid_t pid, long nr)
{
	for (int i = 0; i < 100; i++) {
		go(PTRACE_SYSCALL, pid, 0);
		if (!WIFSTOPPED(next(pid)))
			return;
		if (REG(pid, orig_rax) == nr && REG(pid, rax) == -ENOSYS)
			return;
	}
}
static inline void reader(void)
{
	int fds[2];
	char c;

	if (pipe(fds) || read(fds[0], &c, 1) != 1)
		say("read: %s", errno_name(errno));
}
static inline void execs(void)
{
	char *argv[] = { "/bin/true", NULL };

	execv(argv[0], argv);
	_exit(127);
}
static volatile int handled;
static inline void handler(int sig)
{
	handled = sig;
}
