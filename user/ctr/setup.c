/* SPDX-License-Identifier: MIT */
/*
 * What a container's first process does between clone and exec, already in its new namespaces: it
 * builds a root from the image (EROFS below, a tmpfs for what is written above, an overlay of both),
 * mounts what programs expect in one, makes that its root and lets go of the old one. Nothing is
 * copied: the cost is a fixed number of mounts.
 *
 * All of it may run in the parent's memory (vfork): nothing here may allocate or change the parent's
 * data. A failure is told on stderr and is the exit status.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/capability.h>

#include "account.h"
#include "ctr.h"

/* The state's own folder: it exists, and in the container's mount namespace nobody needs it. */
#define WORKSHOP "/run/ctr"

static int failed(const char *what)
{
	warn("cannot %s: %s", what, strerror(errno));
	return STATUS_FAILED;
}

/* A mount whose place the image may lack. */
static int mount_at(const char *type, const char *dir, unsigned long flags, const char *data)
{
	if (!mount(type, dir, type, flags, data))
		return 0;
	if (errno != ENOENT || mkdir(dir, 0755) < 0)
		return -1;
	return mount(type, dir, type, flags, data);
}

static int make_root(const struct container *c)
{
	/* From here on nothing that is mounted or unmounted shows outside. */
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return failed("make the mounts private");
	if (mount("tmpfs", WORKSHOP, "tmpfs", MS_NOSUID, "mode=0755") < 0 || chdir(WORKSHOP) < 0 ||
	    mkdir("image", 0755) < 0 || mkdir("upper", 0755) < 0 || mkdir("work", 0755) < 0)
		return failed("make a tmpfs for the container's files");
	if (mount_image(c->image, "image") < 0)
		return failed("mount the image");
	if (mount("overlay", "image", "overlay", 0, "lowerdir=image,upperdir=upper,workdir=work") <
	    0)
		return failed("mount the overlay");
	return chdir("image") < 0 ? failed("enter the root") : 0;
}

static const struct {
	const char *path;
	unsigned int major, minor;
} devices[] = {
	{ "dev/null", 1, 3 },   { "dev/zero", 1, 5 },    { "dev/full", 1, 7 },
	{ "dev/random", 1, 8 }, { "dev/urandom", 1, 9 }, { "dev/tty", 5, 0 },
};

static const char *const links[][2] = {
	{ "/proc/self/fd", "dev/fd" },
	{ "/proc/self/fd/0", "dev/stdin" },
	{ "/proc/self/fd/1", "dev/stdout" },
	{ "/proc/self/fd/2", "dev/stderr" },
};

/* Pseudo terminals of its own, where the kernel has them. */
static int make_pts(void)
{
	if (mkdir("dev/pts", 0755) < 0)
		return -1;
	if (!mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
		   "newinstance,ptmxmode=0666,mode=0620,gid=5"))
		return symlink("pts/ptmx", "dev/ptmx");
	return errno == ENODEV ? rmdir("dev/pts") : -1;
}

static int make_dev(const struct container *c)
{
	if (mount_at("tmpfs", "dev", MS_NOSUID | MS_NOEXEC, "mode=0755") < 0)
		return failed("mount /dev");
	for (size_t i = 0; i < sizeof(devices) / sizeof(*devices); i++)
		if (mknod(devices[i].path, S_IFCHR | 0666,
			  makedev(devices[i].major, devices[i].minor)) < 0)
			return failed("make the devices");
	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++)
		if (symlink(links[i][0], links[i][1]) < 0)
			return failed("make the links of /dev");
	if (make_pts() < 0 || mkdir("dev/shm", 01777) < 0)
		return failed("make /dev/pts");
	/* The terminal that the container was given, under the name that programs look for. */
	if (c->terminal && (mknod("dev/console", S_IFREG | 0600, 0) < 0 ||
			    mount(c->terminal, "dev/console", NULL, MS_BIND, NULL) < 0))
		return failed("make /dev/console");
	return 0;
}

/* What speaks of the whole machine and not of the container, as the OCI runtimes' defaults have it. */
static const char *const masked[] = { "proc/kcore",      "proc/keys",        "proc/latency_stats",
				      "proc/timer_list", "proc/sched_debug", "proc/acpi",
				      "proc/asound",     "proc/scsi",        "sys/firmware" };
static const char *const read_only[] = { "proc/bus", "proc/fs", "proc/irq", "proc/sys",
					 "proc/sysrq-trigger" };

static int shield_system(void)
{
	const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY;
	const char *p;

	for (size_t i = 0; i < sizeof(masked) / sizeof(*masked); i++) {
		p = masked[i];
		if (mount("dev/null", p, NULL, MS_BIND, NULL) < 0 && errno != ENOENT &&
		    (errno != ENOTDIR || mount("tmpfs", p, "tmpfs", flags, NULL) < 0))
			return failed("mask what is the machine's");
	}
	for (size_t i = 0; i < sizeof(read_only) / sizeof(*read_only); i++) {
		p = read_only[i];
		if (mount(p, p, NULL, MS_BIND | MS_REC, NULL) < 0
			    ? errno != ENOENT
			    : mount(NULL, p, NULL, MS_REMOUNT | MS_BIND | flags, NULL) < 0)
			return failed("make the kernel's settings read-only");
	}
	return 0;
}

static int make_system_mounts(const struct container *c)
{
	const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;

	/* Its own: a procfs shows the pid namespace that it is mounted from. */
	if (mount_at("proc", "proc", flags, NULL) < 0)
		return failed("mount /proc");
	/* A kernel may lack sysfs, or keep it from a container: programs do without. */
	if (mount_at("sysfs", "sys", flags | MS_RDONLY, NULL) < 0 && errno != ENODEV &&
	    errno != EPERM)
		return failed("mount /sys");
	return c->privileged ? 0 : shield_system();
}

/* The current directory becomes the root, and the old root, which then lies below it, goes. */
static int change_root(void)
{
	if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return failed("change the root");
	return 0;
}

int container_setup(const struct container *c)
{
	int status;

	/* Not by clone, which would make the caller's group the root of what it sees. A kernel may lack it. */
	if (unshare(CLONE_NEWCGROUP) < 0 && errno != EINVAL)
		return failed("make a cgroup namespace");
	umask(0);
	status = make_root(c);
	if (!status)
		status = make_dev(c);
	if (!status)
		status = make_system_mounts(c);
	if (!status)
		status = change_root();
	if (status)
		return status;
	umask(022);
	if (sethostname(c->hostname, strlen(c->hostname)) < 0)
		return failed("set the host name");
	return c->init ? container_init(c) : container_exec(c);
}

/* ---- the command ---- */

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

/* What root keeps, as in the containers of docker and podman: none of it reaches outside. */
#define KEPT                                                                                       \
	(1ULL << CAP_CHOWN | 1ULL << CAP_DAC_OVERRIDE | 1ULL << CAP_FSETID | 1ULL << CAP_FOWNER |  \
	 1ULL << CAP_MKNOD | 1ULL << CAP_NET_RAW | 1ULL << CAP_SETGID | 1ULL << CAP_SETUID |       \
	 1ULL << CAP_SETFCAP | 1ULL << CAP_SETPCAP | 1ULL << CAP_NET_BIND_SERVICE |                \
	 1ULL << CAP_SYS_CHROOT | 1ULL << CAP_KILL | 1ULL << CAP_AUDIT_WRITE)

/* Nothing else is in the bounding set, so that execve gives no more. */
static int drop_capabilities(void)
{
	for (int cap = 0; cap < 64; cap++)
		if (!(KEPT & 1ULL << cap) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 &&
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
	if (!c->privileged && drop_capabilities())
		return STATUS_FAILED;
	if (c->user && become(c))
		return STATUS_FAILED;
	if (c->terminal) {
		setpgid(0, 0);
		tcsetpgrp(0, getpid()); /* SIGTTOU is still blocked */
	}
	sigprocmask(SIG_SETMASK, &c->mask, NULL);
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
