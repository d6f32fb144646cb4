/* SPDX-License-Identifier: MIT */
/*
 * A part of the cgroup2 tree that was given to a user (cgroup-v2.rst, "Delegation"): whose the files are,
 * which processes he may move whither, and that the one who opened cgroup.procs counts (CVE-2021-4197).
 * As root, with a mount of its own; no controller is needed.
 */
#include "abi.h"

#include <linux/sched.h>
#include <sched.h>
#include <sys/mount.h>

#define USER 1000

static char top[64]; /* abiN: root's; its d was given away, its o was not */

static const char *in(const char *name)
{
	static char path[4][128];
	static int n;

	n = (n + 1) % 4;
	snprintf(path[n], sizeof(path[n]), "%s/%s", top, name);
	return path[n];
}

static void give(const char *name, uid_t uid)
{
	if (chown(in(name), uid, uid))
		say("chown %s: %s", name, errno_name(errno));
}

static bool begin(void)
{
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mkdir("cg", 0755) || mount("cgroup2", "cg", "cgroup2", 0, NULL) || chdir("cg")) {
		say("no cgroup2: %s", errno_name(errno));
		return false;
	}
	snprintf(top, sizeof(top), "abi%d", getpid());
	umask(022);
	if (mkdir(top, 0755) || mkdir(in("d"), 0755) || mkdir(in("d/s"), 0755) ||
	    mkdir(in("o"), 0755))
		say("mkdir: %s", errno_name(errno));
	give("d", USER);
	give("d/cgroup.procs", USER);
	give("d/cgroup.subtree_control", USER);
	return true;
}

static void end(void)
{
	static const char *const names[] = { "d/a/z", "d/a", "d/b", "d/s", "d", "o", "." };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		rmdir(i + 1 < sizeof(names) / sizeof(names[0]) ? in(names[i]) : top);
	YES(access(top, F_OK) && errno == ENOENT);
}

/* Runs fn as the user, in a child. */
static void as_user(void (*fn)(void))
{
	pid_t pid = fork();

	if (!pid) {
		if (setresgid(USER, USER, USER) || setresuid(USER, USER, USER))
			say("no user: %s", errno_name(errno));
		fn();
		fflush(stdout);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

static void put(int fd, pid_t pid, const char *what)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%d", pid);

	say("%s: %s", what, write(fd, text, n) == n ? "moved" : errno_name(errno));
}

static void move(pid_t pid, const char *to)
{
	int fd = open(in(to), O_WRONLY);

	if (fd < 0)
		say("%s: cannot open: %s", to, errno_name(errno));
	else
		put(fd, pid, to);
	close(fd);
}

static void owner(const char *name)
{
	struct stat st;

	if (stat(in(name), &st))
		say("%s: %s", name, errno_name(errno));
	else
		say("%s: %u:%u %o", name, st.st_uid, st.st_gid, st.st_mode);
}

static pid_t sleeper(uid_t uid)
{
	pid_t pid = fork();

	if (!pid) {
		if (setresuid(uid, uid, uid))
			_exit(1);
		for (;;)
			pause();
	}
	return pid;
}

static void stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* ---- whose the files are ---- */

static void make_own(void)
{
	YES(!mkdir(in("d/a"), 0755));
	owner("d/a");
	owner("d/a/cgroup.procs");
	owner("d/a/cgroup.max.depth");
	R(mkdir(in("o/a"), 0755));
	R(rmdir(in("o")));
	YES(!rmdir(in("d/s"))); /* root made it, but in the user's directory */
	R(open(in("d/cgroup.max.depth"), O_WRONLY));
	O(open(in("d/a/cgroup.max.depth"), O_WRONLY));
	R(chown(in("d/a/cgroup.procs"), 0, 0));
	YES(!chmod(in("d/a/cgroup.procs"), 0600));
	owner("d/a/cgroup.procs");
}

static void owners(void)
{
	if (!begin())
		return;
	owner("d");
	owner("d/cgroup.procs");
	owner("d/cgroup.threads");
	owner("d/s/cgroup.procs");
	as_user(make_own);
	owner("d/a/cgroup.procs");
	give("d/a/cgroup.procs", 7);
	owner("d/a/cgroup.procs");
	YES(!mkdir(in("d/a/z"), 0755));
	owner("d/a/z");
	owner("d/a/z/cgroup.procs");
	end();
}

/* ---- moving ---- */

static pid_t outside, inside;

static void try_moves(void)
{
	YES(!mkdir(in("d/a"), 0755) && !mkdir(in("d/b"), 0755));
	move(outside, "d/a/cgroup.procs");
	move(outside, "d/cgroup.procs");
	move(inside, "d/b/cgroup.procs");
	move(inside, "d/a/cgroup.procs");
	move(inside, "d/s/cgroup.procs");
	move(inside, "o/cgroup.procs");
	move(inside, "cgroup.procs");
	move(0, "d/a/cgroup.procs");
	move(1, "d/a/cgroup.procs");
}

static void moves(void)
{
	if (!begin())
		return;
	outside = sleeper(USER);
	inside = sleeper(0); /* whose process it is does not matter */
	move(inside, "d/cgroup.procs");
	as_user(try_moves);
	move(outside, "d/b/cgroup.procs");
	stop(outside);
	stop(inside);
	end();
}

/* ---- who opened it ---- */

static int fds[2]; /* of d/s and d, which root opened */

static void write_others(void)
{
	put(fds[0], outside, "root's descriptor");
	put(fds[1], outside, "root's descriptor again");
}

static void openers(void)
{
	int fd;

	if (!begin())
		return;
	outside = sleeper(0);
	fds[0] = open(in("d/s/cgroup.procs"), O_WRONLY);
	fds[1] = open(in("o/cgroup.procs"), O_WRONLY);
	as_user(write_others);
	if (seteuid(USER))
		say("no user");
	fd = open(in("d/cgroup.procs"), O_WRONLY);
	put(fd, outside, "the user's");
	YES(!seteuid(0));
	put(fd, outside, "the user's, by root");
	move(outside, "d/cgroup.procs");
	stop(outside);
	end();
}

/* ---- beginning there ---- */

static void start_in(const char *name)
{
	struct clone_args args = { .flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD };
	int fd = open(in(name), O_RDONLY | O_DIRECTORY);
	long pid;

	args.cgroup = fd;
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (!pid)
		_exit(0);
	say("begin in %s: %s", name, pid < 0 ? errno_name(errno) : "done");
	if (pid > 0)
		waitpid(pid, NULL, 0);
	close(fd);
}

static void start_all(void)
{
	start_in("d");
	start_in("d/s");
	start_in("o");
}

static void beginning(void)
{
	if (!begin())
		return;
	start_all();
	as_user(start_all);
	move(0, "d/cgroup.procs");
	as_user(start_all);
	give("d/s/cgroup.procs", USER);
	as_user(start_all);
	move(0, "../cgroup.procs");
	end();
}

ABI_MAIN(CASE(owners), CASE(moves), CASE(openers), CASE(beginning))
