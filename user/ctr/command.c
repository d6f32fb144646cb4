/* SPDX-License-Identifier: MIT */
/*
 * From a container that is set up to its command: user, capabilities, seccomp, execve; and the small
 * init that may stand above it. As in setup.c, nothing here allocates.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
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
	if (c->terminal && fchown(0, a.uid, -1) < 0)
		return failed("give the terminal away");
	return account_become(&a) < 0 ? failed("become the user") : 0;
}

/* Nothing else is in the bounding set, so that execve gives no more. */
static int drop_capabilities(uint64_t kept)
{
	for (int cap = 0; cap < 64; cap++)
		if (!(kept & 1ULL << cap) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return errno == EINVAL ? 0
					       : failed("drop capabilities"); /* behind the last */
	return 0;
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

int container_terminal(const struct container *c)
{
	int master = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC), slave = -1, n = 0;
	char path[32];

	if (master < 0 || ioctl(master, TIOCSPTLCK, &n) < 0 || ioctl(master, TIOCGPTN, &n) < 0)
		return failed("make a terminal");
	format(path, sizeof(path), "/dev/pts/%d", n);
	if (c->size)
		ioctl(master, TIOCSWINSZ, c->size);
	slave = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0 || send_terminal(c->console, master, c->master_only ? -1 : slave) < 0)
		return failed("make a terminal");
	if (!mknod("/dev/console", S_IFREG | 0600, 0))
		mount(path, "/dev/console", NULL, MS_BIND, NULL);
	setsid();
	dup2(slave, 0);
	dup2(slave, 1);
	return ioctl(0, TIOCSCTTY, 0) < 0 ? failed("control the terminal") : 0;
}

/* stdin and stdout; until the last moment, stderr is for what we have to say. */
int container_stdio(const struct container *c)
{
	/* A process that is kept inherits no ignored signals: nohup and shells' jobs have some. */
	for (int sig = 1; (c->terminal || c->stdio) && sig < _NSIG; sig++)
		signal(sig, SIG_DFL);
	if (c->terminal)
		return container_terminal(c);
	if (c->stdio && (dup2(c->stdio[0], 0) < 0 || dup2(c->stdio[1], 1) < 0))
		return failed("set stdin and stdout");
	return 0;
}

static void exec_command(const struct container *c)
{
	int errors = fcntl(2, F_DUPFD_CLOEXEC, 3), err;

	if (c->terminal || c->stdio)
		dup2(c->terminal ? 0 : c->stdio[2], 2);
	if (strchr(c->argv[0], '/'))
		execve(c->argv[0], c->argv, c->envp);
	else
		exec_by_path(c);
	err = errno;
	dup2(errors, 2);
	errno = err;
}

int container_exec(const struct container *c)
{
	if (container_stdio(c))
		return STATUS_FAILED;
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
	sigprocmask(SIG_SETMASK, &c->mask, NULL);
	/* What our caller left open stays outside. */
	syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC);
	exec_command(c);
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
	pid = _Fork();
	if (pid < 0)
		return failed("fork");
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
