/* SPDX-License-Identifier: MIT */
/*
 * What every ABI test is made of. A test program is a list of cases; each runs in a child of its
 * own, with a deadline, so that one that crashes or hangs is one wrong line and not the end.
 * Whatever is printed must be the same on every Linux, whoever runs it: no pids, no addresses, no
 * times, no directory order, nothing that only root may do.
 */
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CASE_SECONDS 10

struct abi_case {
	const char *name;
	void (*fn)(void);
};
#define CASE(fn)                                                                                   \
	{                                                                                          \
#fn, fn                                                                            \
	}

static const char *abi_current = "";
static char **abi_argv;

/* One line: "case: text". */
static inline void __attribute__((format(printf, 1, 2))) say(const char *fmt, ...)
{
	char line[1024];
	int n = snprintf(line, sizeof(line) - 1, "%s: ", abi_current);
	va_list ap;

	va_start(ap, fmt);
	n += vsnprintf(line + n, sizeof(line) - 1 - n, fmt, ap);
	va_end(ap);
	if (n > (int)sizeof(line) - 2)
		n = sizeof(line) - 2;
	line[n++] = '\n';
	if (write(1, line, n) != n)
		_exit(99);
}

/* clang-format off */
#define ERRNOS(X) \
	X(EPERM) X(ENOENT) X(ESRCH) X(EINTR) X(EIO) X(ENXIO) X(E2BIG) X(ENOEXEC) X(EBADF) \
	X(ECHILD) X(EAGAIN) X(ENOMEM) X(EACCES) X(EFAULT) X(EBUSY) X(EEXIST) X(EXDEV) \
	X(ENODEV) X(ENOTDIR) X(EISDIR) X(EINVAL) X(ENFILE) X(EMFILE) X(ENOTTY) X(ETXTBSY) \
	X(EFBIG) X(ENOSPC) X(ESPIPE) X(EROFS) X(EMLINK) X(EPIPE) X(EDOM) X(ERANGE) \
	X(EDEADLK) X(ENAMETOOLONG) X(ENOSYS) X(ENOTEMPTY) X(ELOOP) X(ENODATA) X(EOVERFLOW) \
	X(EOPNOTSUPP) X(ETIMEDOUT) X(EOWNERDEAD) X(ENOTRECOVERABLE) X(EDESTADDRREQ) \
	X(ECANCELED) X(ENOTSOCK) X(EMSGSIZE) X(EPROTOTYPE) X(ENOPROTOOPT) X(EPROTONOSUPPORT) \
	X(ESOCKTNOSUPPORT) X(EAFNOSUPPORT) X(EADDRINUSE) X(EADDRNOTAVAIL) X(ENETDOWN) X(ENETUNREACH) \
	X(EHOSTUNREACH) X(ECONNABORTED) X(ECONNRESET) X(ENOBUFS) X(EISCONN) X(ENOTCONN) X(ETOOMANYREFS) \
	X(ECONNREFUSED) X(EALREADY) X(EINPROGRESS)
/* clang-format on */

static inline const char *errno_name(int err)
{
	static char number[16];

#define X(name)                                                                                    \
	if (err == name)                                                                           \
		return #name;
	ERRNOS(X)
#undef X
	snprintf(number, sizeof(number), "errno %d", err);
	return number;
}

/* The result of a call that gives -1 and errno. */
static inline void result(const char *what, long ret)
{
	if (ret == -1)
		say("%s = %s", what, errno_name(errno));
	else
		say("%s = %ld", what, ret);
}
/* As result(), for calls whose value is not the same everywhere (an fd, an address, a pid). */
static inline void outcome(const char *what, long ret)
{
	say("%s = %s", what, ret == -1 ? errno_name(errno) : "ok");
}
#define R(call) result(#call, (long)(call))
#define O(call) outcome(#call, (long)(call))
/* A condition that must hold. */
#define YES(cond) say("%s: %s", #cond, (cond) ? "yes" : "NO")

/* An address that the compiler knows nothing of. */
static inline void *wild(unsigned long address)
{
	__asm__("" : "+r"(address));
	return (void *)address;
}

/* How a child ended, as text. */
static inline const char *ended(int status)
{
	static char text[64];

	if (WIFEXITED(status))
		snprintf(text, sizeof(text), "exit %d", WEXITSTATUS(status));
	else if (WIFSIGNALED(status))
		snprintf(text, sizeof(text), "signal %d", WTERMSIG(status));
	else if (WIFSTOPPED(status))
		snprintf(text, sizeof(text), "stopped by %d", WSTOPSIG(status));
	else if (WIFCONTINUED(status))
		snprintf(text, sizeof(text), "continued");
	else
		snprintf(text, sizeof(text), "status %#x", status);
	return text;
}

/* Waits for one child and returns its status word. */
static inline int reap(pid_t pid)
{
	int status = -1;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

/* An empty directory of its own, made the working directory. The parent removes it. */
static char abi_dir[64];
static inline void remove_tree(const char *path)
{
	pid_t pid = fork();

	if (pid == 0) {
		execlp("rm", "rm", "-rf", path, (char *)NULL);
		_exit(127);
	}
	reap(pid);
}
static inline void make_file(const char *path, const char *text)
{
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0644);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		say("make_file %s: %s", path, errno_name(errno));
	close(fd);
}

/* Into a file that is there, in one write; -1 and errno. */
static inline int put_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), n, err;

	if (fd < 0)
		return -1;
	n = write(fd, text, strlen(text));
	err = errno;
	close(fd);
	errno = err;
	return n < 0 ? -1 : 0;
}

static inline int abi_main(char **argv, const struct abi_case *cases, size_t n)
{
	abi_argv = argv;
	umask(022);
	for (int sig = 1; sig < 65; sig++) /* whatever the shell had ignored */
		signal(sig, SIG_DFL);
	for (size_t i = 0; i < n; i++) {
		int status;
		pid_t pid;

		if (argv[1] && strcmp(argv[1], cases[i].name))
			continue;
		abi_current = cases[i].name;
		snprintf(abi_dir, sizeof(abi_dir), "/tmp/abi.XXXXXX");
		if (!mkdtemp(abi_dir)) {
			say("mkdtemp: %s", errno_name(errno));
			continue;
		}
		pid = fork();
		if (pid == 0) {
			setpgid(0, 0);
			alarm(CASE_SECONDS);
			if (chdir(abi_dir) < 0)
				say("chdir: %s", errno_name(errno));
			cases[i].fn();
			_exit(0);
		}
		status = reap(pid);
		kill(-pid, SIGKILL); /* what it left behind */
		if (status)
			say("the case ended with %s", ended(status));
		remove_tree(abi_dir);
	}
	return 0;
}
#define ABI_MAIN(...)                                                                              \
	int main(int argc, char **argv)                                                            \
	{                                                                                          \
		static const struct abi_case cases[] = { __VA_ARGS__ };                            \
		return abi_main(argv, cases, sizeof(cases) / sizeof(cases[0]));                    \
	}
