/* SPDX-License-Identifier: MIT */
/*
 * A container as engines make it by default, made by the test itself: namespaces, a root of its own by
 * pivot_root(2), masked and read-only places in /proc, fourteen capabilities, no_new_privs. Or the
 * root of a user namespace, with all capabilities there and none here. An ATTEMPT runs in both; the host's
 * side is the parent, which has left open what a careless engine would leave open.
 */
#pragma once
#include <linux/capability.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/un.h>

#include "abi.h"

#define HOST_UID 100000 /* what the user namespace's root is outside */
#define KINDS                                                                                      \
	(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP)
#define BIT(cap) (1ULL << (cap))
#define DEFAULT_CAPS                                                                               \
	(BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_FSETID) | BIT(CAP_FOWNER) |              \
	 BIT(CAP_MKNOD) | BIT(CAP_NET_RAW) | BIT(CAP_SETGID) | BIT(CAP_SETUID) |                   \
	 BIT(CAP_SETFCAP) | BIT(CAP_SETPCAP) | BIT(CAP_NET_BIND_SERVICE) | BIT(CAP_SYS_CHROOT) |   \
	 BIT(CAP_KILL) | BIT(CAP_AUDIT_WRITE))

/* What the host's side has open, or is, and its container should have no use of. */
static bool host_proc; /* the host's /proc is there as well, at /hostproc */
static bool as_user; /* this is the user namespace's root */
static pid_t host_pid; /* the parent */
static int host_pidfd; /* of it */
static int host_root; /* its root directory, O_PATH */
static int host_ns[6]; /* its namespaces */
static int self_exe; /* this program, to be executed inside */
static char host_secret[80]; /* a file of the host's, by its path there */

static const char *const ns_names[] = { "mnt", "pid", "net", "ipc", "uts", "user" };

/* Steps of the set-up: each must work on both systems. */
#define MUST(call)                                                                                 \
	do {                                                                                       \
		if ((call) < 0) {                                                                  \
			say("%s: %s", #call, errno_name(errno));                                   \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

static inline void keep_caps(uint64_t caps)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = {
		{ (uint32_t)caps, (uint32_t)caps, 0 },
		{ (uint32_t)(caps >> 32), (uint32_t)(caps >> 32), 0 },
	};

	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (!(caps & BIT(cap)))
			MUST(prctl(PR_CAPBSET_DROP, cap, 0, 0, 0));
	MUST(syscall(SYS_capset, &head, data));
}

static inline void bind_device(const char *name)
{
	char from[32], to[32];

	snprintf(from, sizeof(from), "/dev/%s", name);
	snprintf(to, sizeof(to), "new/dev/%s", name);
	make_file(to, "");
	MUST(mount(from, to, NULL, MS_BIND, NULL));
}

static inline void read_only(const char *place)
{
	MUST(mount(place, place, NULL, MS_BIND | MS_REC, NULL));
	MUST(mount(NULL, place, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
}

/* The root: a tmpfs with /proc, /dev, /tmp, and the host's /share read-only. */
static inline void new_root(void)
{
	static const char *const dirs[] = { "new/proc",  "new/dev", "new/tmp",
					    "new/share", "new/mnt", "new/hostproc" };
	struct statvfs st;

	MUST(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	MUST(mount("tmpfs", "new", "tmpfs", MS_NODEV, "mode=755"));
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		MUST(mkdir(dirs[i], 0755));
	if (host_proc)
		MUST(mount("/proc", "new/hostproc", NULL, MS_BIND | MS_REC, NULL));
	MUST(mount("proc", "new/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL));
	MUST(mount("tmpfs", "new/dev", "tmpfs", MS_NOSUID, "mode=755"));
	bind_device("null");
	bind_device("zero");
	MUST(mkdir("new/dev/pts", 0755));
	MUST(mount("devpts", "new/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
		   "newinstance,ptmxmode=0666"));
	MUST(mount("share", "new/share", NULL, MS_BIND, NULL));
	MUST(statvfs("share", &st)); /* what its mount has already is locked */
	st.f_flag &= MS_NOSUID | MS_NODEV | MS_NOEXEC;
	MUST(mount(NULL, "new/share", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | st.f_flag, NULL));
	read_only("new/proc/sys");
	if (!access("new/proc/sysrq-trigger", F_OK)) /* not every kernel has it */
		read_only("new/proc/sysrq-trigger");
	MUST(mount("/dev/null", "new/proc/cmdline", NULL, MS_BIND, NULL));
	MUST(chdir("new"));
	MUST(syscall(SYS_pivot_root, ".", "."));
	MUST(umount2(".", MNT_DETACH));
	MUST(chdir("/"));
}

static inline void map_ids(pid_t pid)
{
	char path[32], map[32];

	snprintf(map, sizeof(map), "0 %d 1000\n", HOST_UID);
	snprintf(path, sizeof(path), "/proc/%d/uid_map", pid);
	MUST(put_text(path, map));
	snprintf(path, sizeof(path), "/proc/%d/gid_map", pid);
	MUST(put_text(path, map));
}

/* Runs attempt in a container. */
static inline void contain(bool user, void (*attempt)(void))
{
	struct clone_args args = { .flags = KINDS | (user ? CLONE_NEWUSER : 0),
				   .exit_signal = SIGCHLD };
	int go[2], status;
	pid_t pid;
	char c;

	as_user = user;
	MUST(pipe(go));
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0) {
		close(go[1]);
		if (read(go[0], &c, 1) != 1)
			_exit(1);
		if (user && (setgid(0) || setuid(0)))
			say("setuid: %s", errno_name(errno));
		prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* its own /proc/self is its own */
		setsid();
		new_root();
		MUST(sethostname("inside", 6));
		if (!user)
			keep_caps(DEFAULT_CAPS);
		MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
		attempt();
		_exit(0);
	}
	MUST(pid);
	close(go[0]);
	if (user)
		map_ids(pid);
	MUST(write(go[1], "x", 1));
	close(go[1]);
	status = reap(pid);
	if (status)
		say("%s: %s", user ? "user" : "container", ended(status));
}

/* What must be as before: the host's name, its files, its mounts, and that it lives. */
static inline void host_unhurt(void)
{
	char name[65] = "", text[16] = "";
	int fd = open(host_secret, O_RDONLY);

	if (gethostname(name, sizeof(name)) || !strcmp(name, "inside"))
		say("the host's name is %s", name);
	if (read(fd, text, 15) != 7 || strcmp(text, "secret\n"))
		say("the host's file is now '%s'", text);
	close(fd);
	if (!access("share/inside", F_OK) || access("share/file", R_OK))
		say("the host's folder is another");
}

static inline void both(void (*attempt)(void))
{
	char path[64], cwd[64];

	MUST(getcwd(cwd, sizeof(cwd)) ? 0 : -1);
	chmod(".", 0755);
	snprintf(host_secret, sizeof(host_secret), "%s/secret", cwd);
	make_file("secret", "secret\n");
	MUST(mkdir("share", 0755) | mkdir("new", 0755));
	make_file("share/file", "share\n");
	host_pid = getpid();
	host_pidfd = syscall(SYS_pidfd_open, host_pid, 0);
	host_root = open("/", O_PATH | O_DIRECTORY);
	self_exe = open("/proc/self/exe", O_RDONLY);
	for (size_t i = 0; i < 6; i++) {
		snprintf(path, sizeof(path), "/proc/self/ns/%s", ns_names[i]);
		MUST(host_ns[i] = open(path, O_RDONLY));
	}
	say("in a container:");
	contain(false, attempt);
	host_unhurt();
	say("as a user namespace's root:");
	contain(true, attempt);
	host_unhurt();
}

#define ATTEMPT(name) ATTEMPT_SEEING(name, false)
/* proc: see host_proc */
#define ATTEMPT_SEEING(name, proc)                                                                 \
	static void try_##name(void);                                                              \
	static void name(void)                                                                     \
	{                                                                                          \
		host_proc = proc;                                                                  \
		both(try_##name);                                                                  \
	}                                                                                          \
	static void try_##name(void)

/* "refused" or "DONE": for calls whose errno tells how a kernel is configured. */
#define REFUSED(call) say("%s: %s", #call, (long)(call) == -1 ? "refused" : "DONE")

/* A path of the host's is not to be reached from here. */
static inline void look_for_host(const char *how)
{
	char up[256] = "";

	for (int i = 0; i < 30; i++)
		strcat(up, "../");
	strcat(up, host_secret + 1);
	say("%s: the host's file: %s", how,
	    access(up, F_OK) && access(host_secret, F_OK) ? "no" : "SEEN");
}

/* Runs this program's `inner NAME` by execve, and waits. */
static inline void run_inner(const char *name)
{
	char *argv[] = { "escape", "inner", (char *)name, host_secret, (char *)abi_current, NULL };
	pid_t pid = fork();

	if (pid == 0) {
		syscall(SYS_execveat, self_exe, "", argv, NULL, AT_EMPTY_PATH);
		say("execveat: %s", errno_name(errno));
		_exit(1);
	}
	say("%s: %s", name, ended(reap(pid)));
}

/* A line of /proc/self/status. */
static inline void status_line(const char *key)
{
	char line[256];
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key)))
			say("%.*s", (int)strcspn(line, "\n"), line);
	if (f)
		fclose(f);
}

/* Runs code in a child with a user (and mount) namespace of its own. */
#define IN_NEW_USER(flags, code)                                                                   \
	do {                                                                                       \
		pid_t child_ = fork();                                                             \
		if (child_ == 0) {                                                                 \
			R(unshare(CLONE_NEWUSER | (flags)));                                       \
			code;                                                                      \
			_exit(0);                                                                  \
		}                                                                                  \
		say("%s", ended(reap(child_)));                                                    \
	} while (0)

/* main(): the cases, or what run_inner() named. */
#define ESCAPE_MAIN(...)                                                                           \
	int main(int argc, char **argv)                                                            \
	{                                                                                          \
		static const struct abi_case cases[] = { __VA_ARGS__ }, inner[] = INNER;           \
		if (argc < 5 || strcmp(argv[1], "inner"))                                          \
			return abi_main(argv, cases, sizeof(cases) / sizeof(cases[0]));            \
		snprintf(host_secret, sizeof(host_secret), "%s", argv[3]);                         \
		abi_current = argv[4];                                                             \
		for (size_t i = 0; i < sizeof(inner) / sizeof(inner[0]); i++)                      \
			if (!strcmp(argv[2], inner[i].name))                                       \
				inner[i].fn();                                                     \
		return 0;                                                                          \
	}
