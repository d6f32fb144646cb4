/* SPDX-License-Identifier: MIT */
/*
 * From a container that is set up to its command: user, capabilities, seccomp, execve; and the small
 * init that may stand above it. As in setup.c, nothing here allocates.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/close_range.h>
#include <linux/seccomp.h>

#include "account.h"
#include "ctr.h"

static int failed(const char *what)
{
	warn("cannot %s: %s", what, strerror(errno));
	return STATUS_FAILED;
}

static const char *path_of(char **envp)
{
	for (; *envp; envp++)
		if (!strncmp(*envp, "PATH=", 5))
			return *envp + 5;
	return "/bin:/usr/bin";
}

/* execve of each place in PATH; errno is the most telling one at the end. */
static void exec_by_path(const struct container *c)
{
	const char *name = c->argv[0], *p = path_of(c->envp);
	bool denied = false;
	char path[1024];

	for (;;) {
		size_t n = strcspn(p, ":"), len = strlen(name);

		if (n + len + 2 <= sizeof(path)) {
			memcpy(path, p, n);
			path[n] = '/';
			memcpy(path + n + 1, name, len + 1);
			execve(path, c->argv, c->envp);
			if (errno == EACCES)
				denied = true;
			else if (errno != ENOENT && errno != ENOTDIR)
				return;
		}
		if (!p[n])
			break;
		p += n + 1;
	}
	errno = denied ? EACCES : ENOENT;
}

/* Becomes the user, whose HOME takes the place of root's. */
static int become(const struct container *c)
{
	static char home[sizeof("HOME=") + sizeof(((struct account *)0)->home)];
	struct account a;

	if (!account_find(c->user, &a)) {
		warn("--user %s: not in /etc/passwd or /etc/group of the container", c->user);
		return STATUS_FAILED;
	}
	if (a.home[0])
		join(home, sizeof(home), "HOME=", a.home, NULL);
	for (char **e = c->envp; a.home[0] && *e; e++)
		if (!strcmp(*e, "HOME=/root"))
			*e = home;
	return account_become(&a) < 0 ? failed("become the user") : 0;
}

/* Nothing else is in the bounding set, so that execve gives no more. */
static int drop_capabilities(uint64_t kept)
{
	for (int cap = 0; cap < 64; cap++)
		if (!(kept & 1ULL << cap) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 &&
		    errno != EINVAL)
			return failed("drop capabilities");
	return 0;
}

int container_exec(const struct container *c)
{
	if (c->workdir && c->make_workdir && access(c->workdir, F_OK) < 0)
		make_folders(c->workdir);
	if (c->workdir && chdir(c->workdir) < 0) {
		warn("--workdir %s: %s", c->workdir, strerror(errno));
		return STATUS_FAILED;
	}
	if (drop_capabilities(c->capabilities))
		return STATUS_FAILED;
	if (c->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return failed("forbid new privileges");
	/* While this process may still; the filter must let pass what follows. */
	if (c->seccomp && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, c->seccomp) < 0)
		return failed("set the seccomp filter");
	if (c->user && become(c))
		return STATUS_FAILED;
	if (c->with_parent) /* becoming somebody else took it back */
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (c->terminal) {
		setpgid(0, 0);
		tcsetpgrp(0, getpid()); /* SIGTTOU is still blocked */
	}
	sigprocmask(SIG_SETMASK, &c->mask, NULL);
	/* What our caller left open stays outside. */
	syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC);
	if (strchr(c->argv[0], '/'))
		execve(c->argv[0], c->argv, c->envp);
	else
		exec_by_path(c);
	if (errno == ENOENT || errno == ENOTDIR) {
		warn("%s: command not found in the container", c->argv[0]);
		return STATUS_NOT_FOUND;
	}
	warn("%s: cannot execute: %s", c->argv[0], strerror(errno));
	return STATUS_NOT_EXECUTABLE;
}

int container_init(const struct container *c)
{
	sigset_t all;
	siginfo_t info;
	pid_t pid, got;
	int status;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	pid = fork();
	if (pid < 0)
		return failed("fork");
	if (!pid)
		_exit(container_exec(c));
	for (;;) {
		if (sigwaitinfo(&all, &info) < 0)
			continue;
		if (info.si_signo != SIGCHLD) {
			kill(pid, info.si_signo);
			continue;
		}
		while ((got = waitpid(-1, &status, WNOHANG)) > 0)
			if (got == pid)
				return exit_status_of(status);
	}
}
