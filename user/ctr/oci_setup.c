/* SPDX-License-Identifier: MIT */
/*
 * The first process of a bundle's container, from clone to its command. It shares no memory with its
 * parent, with which it talks over b->sync: a byte each way at every step.
 *
 * Mounts are made before the root changes, by descriptors that openat2(2) finds within the root, so
 * that no link in it leads outside; their names are those of the host's /proc/self/fd.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>

#include "oci.h"

#define KEPT                                                                                       \
	(ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC | ST_NOATIME | ST_NODIRATIME | ST_RELATIME)

/* Nothing that was made outlives this process but what its parent takes down. */
static void __attribute__((noreturn)) failed(const char *what, const char *name)
{
	warn("cannot %s%s%s: %s", what, *name ? " " : "", name, strerror(errno));
	_exit(STATUS_FAILED);
}

/* Tells the parent that a step is done, and waits until it says so too. */
static void step(const struct bundle *b)
{
	char byte = 1;

	if (write(b->sync, &byte, 1) != 1 || read(b->sync, &byte, 1) != 1)
		_exit(STATUS_FAILED);
}

/* ---- places in the root ---- */

static int open_inside(int root, const char *path)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT };

	return syscall(SYS_openat2, root, path, &how, sizeof(how));
}

/* The folder at path, or with file the file, which is made when it is not there. */
static int make_inside(int root, const char *path, bool file)
{
	char part[PATH_MAX];
	int at = root, fd = -1;

	for (const char *p = path; *p;) {
		size_t n = strspn(p, "/");

		p += n;
		if (!*p)
			break;
		p += strcspn(p, "/");
		format(part, sizeof(part), "%.*s", (int)(p - path), path);
		fd = open_inside(root, part);
		if (fd < 0 && errno == ENOENT) {
			const char *base = strrchr(part, '/') ? strrchr(part, '/') + 1 : part;

			if (file && !p[strspn(p, "/")] ? mknodat(at, base, S_IFREG | 0644, 0) < 0
						       : mkdirat(at, base, 0755) < 0)
				failed("make", path);
			fd = open_inside(root, part);
		}
		if (fd < 0)
			failed("open", path);
		if (at != root)
			close(at);
		at = fd;
	}
	return at == root ? dup(root) : at;
}

static const char *name_of(int fd)
{
	static char name[32];

	format(name, sizeof(name), "/proc/self/fd/%d", fd);
	return name;
}

/* ---- mounts ---- */

/* Remounts with flags, and those that a user namespace may not take away. */
static void remount(const char *path, unsigned long flags)
{
	struct statvfs st;

	if (statvfs(path, &st) < 0 ||
	    mount(NULL, path, NULL,
		  MS_BIND | MS_REMOUNT | flags | (st.f_flag & KEPT & ~ST_RELATIME), NULL) < 0)
		failed("remount", path);
}

static bool is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 || S_ISDIR(st.st_mode);
}

/* "a,b,c" of what mount(2) has no flag for. */
static char *read_options(const struct json *m, unsigned long *flags, unsigned long propagation[16])
{
	char *data = allocate(4096);
	int n = 0;

	for_each_in(o, m, "options") {
		unsigned long change = 0;

		if (!mount_option(o->text, flags, &change)) {
			if (strlen(data) + strlen(o->text) + 2 > 4096)
				failed("mount, with so many options,",
				       text_at(m, "destination", ""));
			strcat(strcat(data, *data ? "," : ""), o->text);
		} else if (change && n < 15) {
			propagation[n++] = change;
		}
	}
	return data;
}

static void make_mount(const struct bundle *b, int root, const struct json *m)
{
	const char *target = text_at(m, "destination", ""), *type = text_at(m, "type", "");
	const char *source = text_at(m, "source", type);
	unsigned long flags = 0, propagation[16] = { 0 };
	char *data = read_options(m, &flags, propagation);
	bool bind = flags & MS_BIND || !strcmp(type, "bind");
	int fd, err;

	if (chdir(b->dir) < 0) /* sources are relative to it */
		failed("enter", b->dir);
	fd = make_inside(root, target, bind && !is_folder(source));
	if (!strcmp(type, "cgroup"))
		type = "cgroup2";
	err = bind ? mount(source, name_of(fd), NULL, MS_BIND | (flags & MS_REC), NULL)
		   : mount(source, name_of(fd), type, flags, data);
	if (err < 0)
		failed("mount", target);
	close(fd);
	fd = open_inside(root, target); /* what lies there now */
	if (fd < 0)
		failed("open", target);
	if (bind && flags & ~(MS_BIND | MS_REC))
		remount(name_of(fd), flags & ~(MS_BIND | MS_REC));
	for (unsigned long *p = propagation; *p; p++)
		if (mount(NULL, name_of(fd), NULL, *p, NULL) < 0)
			failed("set the propagation of", target);
	close(fd);
}

/* ---- devices ---- */

static void make_device(const struct bundle *b, int root, const char *path, const struct json *d,
			mode_t mode, dev_t device)
{
	char parent[PATH_MAX];
	const char *base = strrchr(path, '/');
	int at, fd;

	if (!base || !base[1])
		refuse(d, "not an absolute path");
	format(parent, sizeof(parent), "%.*s", (int)(base++ - path), path);
	at = make_inside(root, parent, false);
	if (b->namespaces & CLONE_NEWUSER && !S_ISFIFO(mode)) {
		fd = make_inside(root, path, true);
		if (mount(path, name_of(fd), NULL, MS_BIND, NULL) < 0)
			failed("bind", path);
		close(fd);
	} else if (mknodat(at, base, mode, device) < 0 && errno != EEXIST) {
		failed("make", path);
	} else if (d && (fchownat(at, base, number_at(d, "uid", 0), number_at(d, "gid", 0),
				  AT_SYMLINK_NOFOLLOW) < 0 ||
			 fchmodat(at, base, mode & 07777, 0) < 0)) {
		failed("give away", path);
	}
	close(at);
}

static void make_devices(const struct bundle *b, int root)
{
	static const char *const links[][2] = {
		{ "/proc/self/fd", "fd" },       { "/proc/self/fd/0", "stdin" },
		{ "/proc/self/fd/1", "stdout" }, { "/proc/self/fd/2", "stderr" },
		{ "/proc/kcore", "core" },       { "pts/ptmx", "ptmx" },
	};
	int dev = make_inside(root, "/dev", false);

	for (const struct device *d = default_devices; d < default_devices + NR_DEVICES; d++)
		make_device(b, root, d->path, NULL, S_IFCHR | 0666, makedev(d->major, d->minor));
	for_each_in(d, b->config, "linux.devices") {
		const char *type = text_at(d, "type", "");
		mode_t kind = *type == 'b' ? S_IFBLK : *type == 'p' ? S_IFIFO : S_IFCHR;

		make_device(b, root, text_at(d, "path", ""), d,
			    kind | (number_at(d, "fileMode", 0666) & 07777),
			    makedev(number_at(d, "major", 0), number_at(d, "minor", 0)));
	}
	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++)
		if (symlinkat(links[i][0], dev, links[i][1]) < 0 && errno != EEXIST)
			failed("make the links of", "/dev");
	close(dev);
}

/* ---- the root ---- */

static void write_sysctls(const struct bundle *b)
{
	for_each_in(s, b->config, "linux.sysctl") {
		char path[256];

		format(path, sizeof(path), "/proc/sys/%s", s->key);
		for (char *p = path + 10; *p; p++)
			if (*p == '.')
				*p = '/';
		if (write_small(AT_FDCWD, path, s->text) < 0)
			failed("write", path);
	}
}

static void shield(const struct bundle *b)
{
	for_each_in(m, b->config, "linux.maskedPaths")
		if (mount("/dev/null", m->text, NULL, MS_BIND, NULL) < 0 && errno != ENOENT &&
		    (errno != ENOTDIR ||
		     mount("tmpfs", m->text, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV, NULL) < 0))
			failed("mask", m->text);
	for_each_in(r, b->config, "linux.readonlyPaths")
		if (!mount(r->text, r->text, NULL, MS_BIND | MS_REC, NULL))
			remount(r->text, MS_RDONLY);
		else if (errno != ENOENT)
			failed("make read-only:", r->text);
}

static void make_root(const struct bundle *b, pid_t pid)
{
	unsigned long none = 0, propagation = 0;
	int root;

	mount_option(text_at(b->config, "linux.rootfsPropagation", "rprivate"), &none,
		     &propagation);
	/* What is shared with the host must not be, or the root could not change. */
	if (mount(NULL, "/", NULL, MS_REC | (propagation & MS_PRIVATE ? MS_PRIVATE : MS_SLAVE),
		  NULL) < 0 ||
	    mount(b->root, b->root, NULL, MS_BIND | MS_REC, NULL) < 0)
		failed("make the root of", b->root);
	root = open(b->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		failed("open", b->root);
	for_each_in(m, b->config, "mounts")
		make_mount(b, root, m);
	make_devices(b, root);
	write_sysctls(b);
	if (run_hooks(b, "createContainer", "creating", pid) < 0)
		_exit(STATUS_FAILED);
	if (fchdir(root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
	    umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		failed("change the root to", b->root);
	close(root);
	shield(b);
	if (true_at(b->config, "root.readonly"))
		remount("/", MS_RDONLY);
	if (field(b->config, "linux.rootfsPropagation") &&
	    mount(NULL, "/", NULL, propagation, NULL) < 0)
		failed("set linux.rootfsPropagation", "");
}

static void name_host(const struct bundle *b)
{
	const char *host = text_at(b->config, "hostname", NULL);
	const char *domain = text_at(b->config, "domainname", NULL);

	if (host && sethostname(host, strlen(host)) < 0)
		failed("set the host name", host);
	if (domain && setdomainname(domain, strlen(domain)) < 0)
		failed("set the domain name", domain);
}

/* ---- the command ---- */

static void set_rlimits(const struct json *process)
{
	static const char *const names[] = { "CPU",      "FSIZE", "DATA",   "STACK",
					     "CORE",     "RSS",   "NPROC",  "NOFILE",
					     "MEMLOCK",  "AS",    "LOCKS",  "SIGPENDING",
					     "MSGQUEUE", "NICE",  "RTPRIO", "RTTIME" };

	for_each_in(r, process, "rlimits") {
		struct rlimit value = { number_at(r, "soft", 0), number_at(r, "hard", 0) };
		const char *name = text_at(r, "type", "");
		int i = 0;

		while (i < 16 && (strncmp(name, "RLIMIT_", 7) || strcmp(name + 7, names[i])))
			i++;
		if (i == 16)
			errno = EINVAL;
		if (i == 16 || setrlimit(i, &value) < 0)
			failed("set", name);
	}
}

static uint64_t capability_set(const struct json *process, const char *kind)
{
	char path[64];
	uint64_t set = 0;

	format(path, sizeof(path), "capabilities.%s", kind);
	for_each_in(c, process, path) {
		uint64_t bit = strcmp(c->text, "ALL") ? capability_bit(c->text) : 0;

		if (!bit) /* as the specification asks: told, and left out */
			warn("config.json: process.%s: %s: not a capability", path, c->text);
		set |= bit;
	}
	return set;
}

static void set_capabilities(const struct json *process)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	uint64_t sets[] = { capability_set(process, "effective"),
			    capability_set(process, "permitted"),
			    capability_set(process, "inheritable") };
	uint64_t ambient = capability_set(process, "ambient");
	struct __user_cap_data_struct data[2];

	for (int i = 0; i < 2; i++)
		data[i] = (struct __user_cap_data_struct){ sets[0] >> 32 * i, sets[1] >> 32 * i,
							   sets[2] >> 32 * i };
	if (syscall(SYS_capset, &head, data) < 0)
		failed("set capabilities", "");
	for (int cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (ambient & 1ULL << cap &&
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0)
			failed("raise ambient capabilities", "");
}

static void become(const struct json *process)
{
	uint64_t bounding = capability_set(process, "bounding");
	gid_t groups[64];
	size_t n = 0;

	for (int cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (!(bounding & 1ULL << cap) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			failed("drop capabilities", "");
	for_each_in(g, process, "user.additionalGids")
		if (n < 64)
			groups[n++] = g->number;
	/* By syscall(2): the C library's own look for other threads, which are not there.
	 * A user alone in its namespace has no groups to set, and may not. */
	if (syscall(SYS_setgroups, n, groups) < 0 && (n || errno != EPERM))
		failed("set process.user.additionalGids", "");
	prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
	if (syscall(SYS_setresgid, number_at(process, "user.gid", 0),
		    number_at(process, "user.gid", 0), number_at(process, "user.gid", 0)) < 0 ||
	    syscall(SYS_setresuid, number_at(process, "user.uid", 0),
		    number_at(process, "user.uid", 0), number_at(process, "user.uid", 0)) < 0)
		failed("become process.user", "");
	prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
	umask(number_at(process, "user.umask", 022));
	set_capabilities(process);
}

static void set_filter(const struct bundle *b)
{
	if (b->seccomp.len &&
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, b->seccomp_flags, &b->seccomp) < 0)
		failed("set linux.seccomp", "");
}

/* The program's file, by the PATH of its environment. */
static void find_program(char **argv, char **envp, char path[PATH_MAX])
{
	const char *p = "/bin:/usr/bin", *slash = "/";

	for (char **e = envp; e && *e; e++)
		if (!strncmp(*e, "PATH=", 5))
			p = *e + 5;
	if (strchr(argv[0], '/'))
		p = slash = "";
	for (;; p++) {
		format(path, PATH_MAX, "%.*s%s%s", (int)strcspn(p, ":"), p, slash, argv[0]);
		if (!access(path, X_OK))
			return;
		p += strcspn(p, ":");
		if (!*p)
			break;
	}
	warn("%s: command not found in the container", argv[0]);
	_exit(STATUS_NOT_FOUND);
}

static int run_command(const struct bundle *b, const char *path, char **argv, char **envp)
{
	const struct json *process = field(b->config, "process");
	bool no_new = true_at(process, "noNewPrivileges");
	int errors, error;

	/* Without the promise to gain nothing, only root may set a filter: before it ceases to be. */
	if (!no_new)
		set_filter(b);
	set_rlimits(process);
	become(process);
	if (no_new && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		failed("set process.noNewPrivileges", "");
	if (chdir(b->c.workdir ?: text_at(process, "cwd", "/")) < 0)
		failed("enter", b->c.workdir ?: text_at(process, "cwd", "/"));
	sigprocmask(SIG_SETMASK, &b->c.mask, NULL);
	syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC);
	if (no_new)
		set_filter(b);
	errors = fcntl(2, F_DUPFD_CLOEXEC, 3);
	if (b->c.terminal || b->c.stdio)
		dup2(b->c.terminal ? 0 : b->c.stdio[2], 2);
	execve(path, argv, envp);
	error = errno;
	dup2(errors, 2);
	warn("%s: cannot execute: %s", argv[0], strerror(error));
	return STATUS_NOT_EXECUTABLE;
}

static const struct bundle *bundle_of(const struct container *c)
{
	return (const struct bundle *)((const char *)c - offsetof(struct bundle, c));
}

/* In all namespaces but the user namespace, which would have no say over the group any more. */
int bundle_exec(const struct container *c)
{
	const struct bundle *b = bundle_of(c);
	char path[PATH_MAX];

	if (b->user >= 0 &&
	    (setns(b->user, CLONE_NEWUSER) < 0 || syscall(SYS_setresgid, 0, 0, 0) < 0 ||
	     syscall(SYS_setresuid, 0, 0, 0) < 0))
		failed("enter the user namespace", "");
	if (container_stdio(c))
		return STATUS_FAILED;
	find_program(c->argv, c->envp, path);
	return run_command(b, path, c->argv, c->envp);
}

int bundle_child(const struct container *c)
{
	const struct bundle *b = bundle_of(c);
	const struct json *process = field(b->config, "process");
	char **argv = texts_at(process, "args"), **envp = texts_at(process, "env");
	char *nothing[] = { NULL }, path[PATH_MAX], byte, adj[16];
	pid_t pid;

	if (!envp)
		envp = nothing;
	if (c->with_parent)
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	else
		setsid();
	if (read(b->sync, &pid, sizeof(pid)) != sizeof(pid)) /* its maps are written */
		return STATUS_FAILED;
	if (number_at(process, "oomScoreAdj", 0)) {
		format(adj, sizeof(adj), "%d", (int)number_at(process, "oomScoreAdj", 0));
		if (write_small(AT_FDCWD, "/proc/self/oom_score_adj", adj) < 0)
			failed("set process.oomScoreAdj", adj);
	}
	if (field(b->config, "linux.uidMappings") &&
	    (syscall(SYS_setresgid, 0, 0, 0) < 0 || syscall(SYS_setresuid, 0, 0, 0) < 0))
		failed("become root of the user namespace", "");
	if (b->namespaces & CLONE_NEWCGROUP && unshare(CLONE_NEWCGROUP) < 0)
		failed("make a cgroup namespace", "");
	umask(0);
	step(b); /* prestart, createRuntime */
	make_root(b, pid);
	name_host(b);
	if (true_at(process, "terminal") && container_terminal(c))
		return STATUS_FAILED;
	if (chdir(text_at(process, "cwd", "/")) < 0)
		failed("enter", text_at(process, "cwd", "/"));
	find_program(argv, envp, path);
	step(b);
	close(b->sync);
	if (read(b->gate, &byte, 1) != 1)
		return STATUS_FAILED;
	close(b->gate);
	if (run_hooks(b, "startContainer", "created", pid) < 0)
		return STATUS_FAILED;
	return run_command(b, path, argv, envp);
}
