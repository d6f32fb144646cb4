/* SPDX-License-Identifier: MIT */
/*
 * box: a container runtime as small as it can be, on Linux's interfaces alone (lab 08). It needs no
 * privilege: whoever calls it is root inside, by a user namespace, and nobody special outside.
 *
 *   box [-c CGROUP] ROOT COMMAND [ARG...]
 *
 * ROOT is a folder with a file tree, which becomes the root, read-only but for /tmp. -c: a folder below
 * /sys/fs/cgroup that the container joins as it begins, with whatever limits were set there. The exit
 * status is the command's, 128 + N when signal N ended it, 125 when box itself failed, 126 or 127
 * when the command could not be started.
 *
 *     parent                                   child, process 1 of the container
 *     clone3() into seven new namespaces  -->  waits: it has no user id yet
 *     writes its id maps
 *     closes the pipe                     -->  makes the root: bind, proc, dev, pivot_root
 *     waits for its end                        gives up capabilities, executes the command
 *
 * The order matters twice. Ids are mapped before anything is done as root, and capabilities go last: making
 * the root takes them.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define FAILED 125
#define NAMESPACES                                                                                 \
	(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | \
	 CLONE_NEWCGROUP)

static _Noreturn void die(const char *format, ...)
{
	int err = errno;
	va_list args;

	va_start(args, format);
	fprintf(stderr, "box: ");
	vfprintf(stderr, format, args);
	fprintf(stderr, err ? ": %s\n" : "\n", strerror(err));
	va_end(args);
	exit(FAILED);
}

static void try(int result, const char *what)
{
	if (result < 0)
		die("%s", what);
}

/* ---- who one is inside ---- */

static void write_file(pid_t pid, const char *name, const char *text)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		die("%s", path);
	close(fd);
}

/* The caller, and nobody else, is somebody inside: root. */
static void map_ids(pid_t pid)
{
	/* LAB 08: begin
	 * Write the three files of user_namespaces(7) in /proc/PID: uid_map and gid_map with one line
	 * each, that makes root inside of the caller's own effective id outside; and setgroups, which
	 * must say "deny" before an unprivileged writer may set gid_map. write_file() ends box when a
	 * write fails.
	 * starter: write_file(pid, "setgroups", "allow");
	 */
	char line[64];

	snprintf(line, sizeof(line), "0 %d 1\n", geteuid());
	write_file(pid, "uid_map", line);
	write_file(pid, "setgroups", "deny");
	snprintf(line, sizeof(line), "0 %d 1\n", getegid());
	write_file(pid, "gid_map", line);
	/* LAB 08: end */
}

/* ---- the root ---- */

/* Device nodes cannot be made without the host's CAP_MKNOD, but what is there can be shown again. */
static void bind_device(const char *name)
{
	char from[32], to[32];
	int fd;

	snprintf(from, sizeof(from), "/dev/%s", name);
	snprintf(to, sizeof(to), "dev/%s", name);
	fd = open(to, O_CREAT | O_WRONLY | O_CLOEXEC, 0666);
	try(fd, to);
	close(fd);
	try(mount(from, to, NULL, MS_BIND, NULL), to);
}

/* The current folder is the new root, and empty but for the file tree. */
static void fill_root(void)
{
	try(mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL), "mount proc");
	try(mount("tmp", "tmp", "tmpfs", MS_NOSUID | MS_NODEV, NULL), "mount tmp");
	try(mount("dev", "dev", "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=755,size=64k"), "mount dev");
	bind_device("null");
	bind_device("zero");
	bind_device("full");
	bind_device("random");
	bind_device("urandom");
}

static void make_root(const char *root)
{
	/* LAB 08: begin
	 * Make the folder root this process's whole file system (mount(2), pivot_root(2)), in five steps:
	 * 1. Nothing done from here on may reach the host: make every mount below "/" private.
	 * 2. pivot_root() wants a mount point: bind root onto itself, with all that is mounted in it.
	 *    Make that the current folder, and call fill_root().
	 * 3. pivot_root(".", "."): the old root is now mounted on top of the new one.
	 * 4. Take it off, though it is in use: umount2(".", MNT_DETACH).
	 * 5. Make the root read-only: a remount of the bind. Flags that the mount has had, such as
	 *    nodev, are locked in a user namespace and have to be named again: statvfs(3) tells them;
	 *    here MS_NODEV | MS_NOSUID may simply be added.
	 * try(call, "what") ends box with one clear line when a call fails.
	 * starter: try(chdir(root), root);
	 * starter: try(chroot("."), "chroot");
	 * starter: if (!root)
	 * starter: 	fill_root();
	 */
	try(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "mount --make-rprivate /");
	try(mount(root, root, NULL, MS_BIND | MS_REC, NULL), root);
	try(chdir(root), root);
	fill_root();
	try(syscall(SYS_pivot_root, ".", "."), "pivot_root");
	try(umount2(".", MNT_DETACH), "umount of the old root");
	try(mount(NULL, "/", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NODEV | MS_NOSUID, NULL),
	    "mount -o remount,ro /");
	try(chdir("/"), "/");
	/* LAB 08: end */
}

/* ---- what one may ---- */

/* What a program in a box still may, within its own namespaces: what container tools leave, too. */
static const int kept[] = { CAP_CHOWN,  CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID,
			    CAP_KILL,   CAP_SETGID,       CAP_SETUID, CAP_NET_BIND_SERVICE,
			    CAP_NET_RAW };

static void drop_privileges(void)
{
	/* LAB 08: begin
	 * Leave this process, and whatever it will ever execute, with the capabilities of kept[] at most.
	 * Take the others out of the bounding set (prctl(2), PR_CAPBSET_DROP, 0 to CAP_LAST_CAP), then out
	 * of the permitted, effective and inheritable sets: the system call capset, with a struct
	 * __user_cap_header_struct of _LINUX_CAPABILITY_VERSION_3 and two __user_cap_data_structs, the
	 * first of which holds capabilities 0 to 31 as bits. In this order: dropping takes CAP_SETPCAP.
	 * At last PR_SET_NO_NEW_PRIVS: no set-uid program gives anything back.
	 * starter: try(prctl(PR_CAPBSET_READ, kept[0], 0, 0, 0), "PR_CAPBSET_READ");
	 */
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };
	unsigned long long keep = 0;

	for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++)
		keep |= 1ULL << kept[i];
	for (int cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (!(keep >> cap & 1))
			try(prctl(PR_CAPBSET_DROP, cap, 0, 0, 0), "PR_CAPBSET_DROP");
	data[0].permitted = data[0].effective = keep;
	try(syscall(SYS_capset, &header, data), "capset");
	try(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "PR_SET_NO_NEW_PRIVS");
	/* LAB 08: end */
}

/* ---- its life ---- */

static _Noreturn void be_container(const char *root, char **argv, int go)
{
	static char *const environment[] = { "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
					     "HOME=/root", NULL };
	char c;

	/* The end of the pipe is the sign; the parent's death is one, too, and then there are no maps. */
	if (read(go, &c, 1) != 0 || geteuid() != 0) {
		errno = 0;
		die("the ids inside are not mapped");
	}
	try(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0), "PR_SET_PDEATHSIG");
	try(sethostname("box", 3), "sethostname");
	make_root(root);
	drop_privileges();
	environ = (char **)environment;
	execvp(argv[0], argv);
	fprintf(stderr, "box: %s: %s\n", argv[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

static pid_t start(const char *cgroup, int *go)
{
	struct clone_args args = { .flags = NAMESPACES, .exit_signal = SIGCHLD };
	int ends[2];
	pid_t pid;

	if (cgroup) {
		int fd = open(cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		try(fd, cgroup);
		args.cgroup = fd;
		args.flags |= CLONE_INTO_CGROUP;
	}
	try(pipe2(ends, O_CLOEXEC), "pipe");
	pid = syscall(SYS_clone3, &args, sizeof(args));
	try(pid, "clone3");
	*go = ends[pid == 0 ? 0 : 1];
	close(ends[pid == 0 ? 1 : 0]);
	return pid;
}

int main(int argc, char **argv)
{
	const char *cgroup = NULL;
	int opt, go, status;
	pid_t pid;

	while ((opt = getopt(argc, argv, "+c:")) == 'c')
		cgroup = optarg;
	if (opt != -1 || argc - optind < 2) {
		fprintf(stderr, "usage: box [-c CGROUP] ROOT COMMAND [ARG...]\n");
		return FAILED;
	}
	pid = start(cgroup, &go);
	if (pid == 0)
		be_container(argv[optind], argv + optind + 1, go);
	map_ids(pid);
	close(go);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			die("wait");
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
