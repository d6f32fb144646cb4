/* SPDX-License-Identifier: MIT */
/*
 * From a container that is set up to its command: terminal, folder, limits, user, capabilities, seccomp,
 * execve; and the small init that may stand above it. As in setup.c, nothing here allocates.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/seccomp.h>

#include "oci.h"

/* The program's file, by the PATH of its environment. 0, or the exit status. */
static int find_program(const struct container *c, char path[PATH_MAX])
{
	const char *p = "/bin:/usr/bin", *slash = "/";
	int status = STATUS_NOT_FOUND;

	for (char **e = c->envp; *e; e++)
		if (!strncmp(*e, "PATH=", 5))
			p = *e + 5;
	if (strchr(c->argv[0], '/'))
		p = slash = "";
	for (;; p++) {
		format(path, PATH_MAX, "%.*s%s%s", (int)strcspn(p, ":"), p, slash, c->argv[0]);
		if (!access(path, X_OK))
			return 0;
		if (errno == EACCES)
			status = STATUS_NOT_EXECUTABLE;
		p += strcspn(p, ":");
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
	if (c->terminal && fchown(0, a->uid, -1) < 0)
		return failed("give the terminal away", "");
	return 0;
}

/* Those that are not in the set: execve gives no more than what is in the bounding set. */
static int drop_capabilities(uint64_t kept)
{
	for (int cap = 0; cap < 64; cap++)
		if (!(kept & 1ULL << cap) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return errno == EINVAL
				       ? 0
				       : failed("drop capabilities", ""); /* behind the last */
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

/* The last of all, but that a filter is set before who may ceases to be; it must let pass the rest. */
static int set_rights(const struct container *c, const struct account *who)
{
	for (const struct resource_limit *l = c->rlimits; l < c->rlimits + c->nr_rlimits; l++)
		if (setrlimit(l->resource, &l->value) < 0)
			return failed("set", l->name);
	if (drop_capabilities(c->capabilities[SET_BOUNDING]) ||
	    (!c->no_new_privs && set_filter(c)) || become(c, who))
		return STATUS_FAILED;
	umask(c->umask);
	if (c->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return failed("forbid new privileges", "");
	if (c->with_parent) /* becoming somebody else took it back */
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	sigprocmask(SIG_SETMASK, &c->mask, NULL);
	/* What our caller left open stays outside. */
	syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC);
	return c->no_new_privs ? set_filter(c) : 0;
}

/* ---- stdio ---- */

/* Both sides of the terminal go to the keeper; without a slave, the one. */
static int send_terminal(int console, int master, int slave)
{
	size_t size = (slave < 0 ? 1 : 2) * sizeof(int);
	char control[CMSG_SPACE(2 * sizeof(int))] __attribute__((aligned(8))) = { 0 };
	struct iovec v = { "", 1 };
	struct msghdr m = { .msg_iov = &v,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = CMSG_SPACE(size) };
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);

	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(h), (int[]){ master, slave }, size);
	return sendmsg(console, &m, 0);
}

static int make_terminal(const struct container *c)
{
	int master = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC), slave = -1, n = 0;
	char path[32];

	if (master < 0 || ioctl(master, TIOCSPTLCK, &n) < 0 || ioctl(master, TIOCGPTN, &n) < 0)
		return failed("make a terminal", "");
	format(path, sizeof(path), "/dev/pts/%d", n);
	if (c->size)
		ioctl(master, TIOCSWINSZ, c->size);
	slave = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0 || send_terminal(c->console, master, c->master_only ? -1 : slave) < 0)
		return failed("make a terminal", "");
	if (!mknod("/dev/console", S_IFREG | 0600, 0))
		mount(path, "/dev/console", NULL, MS_BIND, NULL);
	setsid();
	dup2(slave, 0);
	dup2(slave, 1);
	return ioctl(0, TIOCSCTTY, 0) < 0 ? failed("control the terminal", "") : 0;
}

/* stdin and stdout; until the last moment, stderr is for what we have to say. */
static int set_stdio(const struct container *c)
{
	/* A process that is kept inherits no ignored signals: nohup and shells' jobs have some. */
	for (int sig = 1; (c->terminal || c->stdio) && sig < _NSIG; sig++)
		signal(sig, SIG_DFL);
	if (c->terminal)
		return make_terminal(c);
	if (c->stdio && (dup2(c->stdio[0], 0) < 0 || dup2(c->stdio[1], 1) < 0))
		return failed("set stdin and stdout", "");
	return 0;
}

static int exec_command(const struct container *c, const char *path)
{
	int errors = fcntl(2, F_DUPFD_CLOEXEC, 3), err;

	if (c->terminal || c->stdio)
		dup2(c->terminal ? 0 : c->stdio[2], 2);
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
	char path[PATH_MAX];
	int status;

	if (c->user_ns && (setns(c->user_ns, CLONE_NEWUSER) < 0 || become_root() < 0))
		return failed("enter the user namespace", "");
	if (set_stdio(c))
		return STATUS_FAILED;
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
		tell_failure(c, status);
		_exit(status);
	}
	if (c->failure)
		close(c->failure); /* the command's exec closes it too, and tells that it runs */
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
