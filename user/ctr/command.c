/* SPDX-License-Identifier: MIT */
/*
 * From a container that is set up to its command: terminal, folder, limits, user, capabilities, seccomp,
 * execve; and the small init that may stand above it. As in setup.c, nothing here allocates.
 */
#include <sys/prctl.h>
#include <sys/wait.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/ioprio.h>
#include <linux/seccomp.h>

#include <sched.h>

#include "oci.h"

/* The program's file, by the PATH of its environment. 0, or the exit status. */
static int find_program(const struct container *c, char path[PATH_MAX])
{
	const char *p = "/bin:/usr/bin", *slash = "/";
	int status = STATUS_NOT_FOUND;
	bool named = c->argv[0][0];

	for (char **e = c->envp; *e; e++)
		if (!strncmp(*e, "PATH=", 5))
			p = *e + 5;
	if (strchr(c->argv[0], '/'))
		p = slash = "";
	for (; named; p++) {
		size_t n = strcspn(p, ":");

		if (n < PATH_MAX && memcpy(path, p, n) &&
		    join(path + n, PATH_MAX - n, slash, c->argv[0], NULL) && !access(path, X_OK))
			return 0;
		if (errno == EACCES)
			status = STATUS_NOT_EXECUTABLE;
		p += n;
		if (!*p)
			break;
	}
	if (status == STATUS_NOT_FOUND)
		warn("%s: command not found in the container", c->argv[0]);
	else
		warn("%s: cannot execute: %s", c->argv[0], strerror(EACCES));
	return status;
}

/* ---- rights ---- */

/* By the container's own files; the user's HOME takes the place of root's. */
static int find_user(const struct container *c, struct account *a)
{
	static char home[sizeof("HOME=") + sizeof(a->home)];

	if (!account_find(c->user, a)) {
		warn("--user %s: not in /etc/passwd or /etc/group of the container", c->user);
		return STATUS_FAILED;
	}
	if (a->home[0])
		join(home, sizeof(home), "HOME=", a->home, NULL);
	for (char **e = c->envp; a->home[0] && *e; e++)
		if (!strcmp(*e, "HOME=/root"))
			*e = home;
	if (c->io.terminal && fchown(0, a->uid, -1) < 0)
		return failed("give the terminal away", "");
	return 0;
}

/* Those that are not in the set, up to the last that there is: execve gives no more than what is in the bounding set. */
static int drop_capabilities(uint64_t kept)
{
	for (int cap = 0; cap < 64; cap++)
		if (!(kept & 1ULL << cap) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return errno == EINVAL ? 0 : failed("drop capabilities", "");
	return 0;
}

static int set_capabilities(const uint64_t sets[NR_SETS])
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	for (int i = 0; i < 2; i++)
		data[i] = (struct __user_cap_data_struct){ sets[SET_EFFECTIVE] >> 32 * i,
							   sets[SET_PERMITTED] >> 32 * i,
							   sets[SET_INHERITABLE] >> 32 * i };
	if (syscall(SYS_capset, &head, data) < 0)
		return failed("set capabilities", "");
	for (int cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (sets[SET_AMBIENT] & 1ULL << cap &&
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0)
			return failed("raise ambient capabilities", "");
	return 0;
}

/* Becomes that user, if there is one. Without sets of its own it has what the kernel gives that user. */
static int become(const struct container *c, const struct account *who)
{
	if (c->all_sets)
		prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
	if (who && account_become(who) < 0)
		return failed("become the user", "");
	if (c->all_sets)
		prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
	return c->all_sets ? set_capabilities(c->capabilities) : 0;
}

static int set_filter(const struct container *c)
{
	if (c->seccomp &&
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, c->seccomp_flags, c->seccomp) < 0)
		return failed("set the seccomp filter", "");
	return 0;
}

static int set_schedule(const struct container *c)
{
	if (c->scheduler && syscall(SYS_sched_setattr, 0, c->scheduler, 0) < 0)
		return failed("set", "process.scheduler");
	if (c->io_priority && syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, c->io_priority) < 0)
		return failed("set", "process.ioPriority");
	if (c->personality && syscall(SYS_personality, *c->personality) < 0)
		return failed("set", "linux.personality");
	return 0;
}

/* A filter, which every later call costs, is set as late as possible: before who may ceases to be. */
static int set_rights(const struct container *c, const struct account *who)
{
	for (const struct resource_limit *l = c->rlimits; l < c->rlimits + c->nr_rlimits; l++)
		if (prlimit(0, l->resource, &l->value, NULL) < 0)
			return failed("set", l->name);
	umask(c->umask);
	sigprocmask(SIG_SETMASK, &c->io.mask, NULL);
	/* What our caller left open stays outside. */
	syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC);
	if (set_schedule(c) || drop_capabilities(c->capabilities[SET_BOUNDING]) ||
	    (!c->no_new_privs && set_filter(c)) || become(c, who))
		return STATUS_FAILED;
	if (c->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return failed("forbid new privileges", "");
	if (c->with_parent) /* becoming somebody else took it back */
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	return c->no_new_privs ? set_filter(c) : 0;
}

static int exec_command(const struct container *c, const char *path)
{
	int errors = c->io.terminal || c->io.fds ? fcntl(2, F_DUPFD_CLOEXEC, 3) : -1, err;

	io_errors(&c->io);
	execve(path, c->argv, c->envp);
	err = errno;
	dup2(errors, 2);
	if (err == ENOENT || err == ENOTDIR) { /* its interpreter */
		warn("%s: command not found in the container", c->argv[0]);
		return STATUS_NOT_FOUND;
	}
	warn("%s: cannot execute: %s", c->argv[0], strerror(err));
	return STATUS_NOT_EXECUTABLE;
}

int container_exec(const struct container *c)
{
	const struct account *who = c->account;
	struct account found;
	char path[PATH_MAX], terminal[32];
	int status;

	if (c->user_ns && (setns(c->user_ns, CLONE_NEWUSER) < 0 || become_root() < 0))
		return failed("enter the user namespace", "");
	if (io_connect(&c->io, terminal))
		return STATUS_FAILED;
	if (*terminal && !mknod("/dev/console", S_IFREG | 0600, 0))
		mount(terminal, "/dev/console", NULL, MS_BIND, NULL);
	if (c->workdir && c->make_workdir && access(c->workdir, F_OK) < 0)
		make_folders(c->workdir);
	if (c->workdir && chdir(c->workdir) < 0) {
		warn("--workdir %s: %s", c->workdir, strerror(errno));
		return STATUS_FAILED;
	}
	if (!who && c->user) {
		if (find_user(c, &found))
			return STATUS_FAILED;
		who = &found;
	}
	status = find_program(c, path);
	if (!status && c->bundle)
		status = bundle_wait(c);
	if (!status)
		status = set_rights(c, who);
	return status ? status : exec_command(c, path);
}

int become_root(void)
{
	return syscall(SYS_setresgid, 0, 0, 0) ?: syscall(SYS_setresuid, 0, 0, 0);
}

int container_init(const struct container *c)
{
	sigset_t all;
	siginfo_t info;
	pid_t pid, got;
	int status;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	pid = _Fork();
	if (pid < 0)
		return failed("fork", "");
	if (!pid) {
		status = container_exec(c);
		tell_failure(&c->io, status);
		_exit(status);
	}
	if (c->io.failure)
		close(c->io.failure); /* the command's exec closes it too, and tells that it runs */
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
