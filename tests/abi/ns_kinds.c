/* SPDX-License-Identifier: MIT */
/* The eight kinds of namespace, one like the other: made, compared, asked, kept, entered, ended. */
#include <linux/nsfs.h>
#include <linux/sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>

#include "ipc.h"

static const struct {
	const char *name, *made; /* the link that shows a new one to who unshared it */
	int flag;
} kinds[] = {
	{ "cgroup", "cgroup", CLONE_NEWCGROUP },
	{ "ipc", "ipc", CLONE_NEWIPC },
	{ "mnt", "mnt", CLONE_NEWNS },
	{ "net", "net", CLONE_NEWNET },
	{ "pid", "pid_for_children", CLONE_NEWPID },
	{ "time", "time_for_children", 0x80 },
	{ "user", "user", CLONE_NEWUSER },
	{ "uts", "uts", CLONE_NEWUTS },
};
#define EACH for (int k = 0; k < 8; k++)

static const char *link_of(int pid, const char *name)
{
	static char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, name);
	return path;
}

static unsigned long number(int pid, const char *name)
{
	struct stat st;

	return stat(link_of(pid, name), &st) ? 0 : st.st_ino;
}

static void compared(void)
{
	own_ns(0);
	EACH
	{
		struct clone_args args = { .flags = kinds[k].flag, .exit_signal = SIGCHLD };
		pid_t same = fork(), other;
		char text[64] = "";

		if (!same) {
			pause();
			_exit(0);
		}
		other = syscall(SYS_clone3, &args, sizeof(args));
		if (!other) {
			pause();
			_exit(0);
		}
		say("%s: like a child's %d, like a new one's %d", kinds[k].name,
		    number(getpid(), kinds[k].name) == number(same, kinds[k].name),
		    number(getpid(), kinds[k].name) == number(other, kinds[k].name));
		if (readlink(link_of(other, kinds[k].name), text, sizeof(text) - 1) > 0)
			say("%.*s", (int)strcspn(text, "["), text);
		kill(same, SIGKILL);
		kill(other, SIGKILL);
		wait(NULL);
		wait(NULL);
	}
}

static void asked(void)
{
	own_ns(0);
	EACH
	{
		int fd = open(link_of(getpid(), kinds[k].name), O_RDONLY), up;
		uid_t uid;

		say("%s: type is its flag %d", kinds[k].name,
		    ioctl(fd, NS_GET_NSTYPE) == kinds[k].flag);
		CHILD({
			int made;

			if (unshare(kinds[k].flag))
				say("unshare: %s", errno_name(errno));
			if (kinds[k].flag == CLONE_NEWPID && !fork())
				pause();
			made = open(link_of(getpid(), kinds[k].made), O_RDONLY);
			up = ioctl(made, NS_GET_USERNS);
			say("owner %s, parent %s", up < 0 ? errno_name(errno) : "there",
			    ioctl(made, NS_GET_PARENT) < 0 ? errno_name(errno) : "there");
			say("uid %s",
			    ioctl(made, NS_GET_OWNER_UID, &uid) < 0 ? errno_name(errno) : "there");
		});
		close(fd);
	}
}

/* An open link and a bind mount keep it when nobody lives there any more. */
static void kept(void)
{
	own_ns(CLONE_NEWNS);
	mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
	mkdir("t", 0700);
	mount("tmpfs", "t", "tmpfs", 0,
	      NULL); /* what a mount namespace is mounted on must be older */
	EACH
	{
		struct clone_args args = { .flags = kinds[k].flag, .exit_signal = SIGCHLD };
		char place[32], before[32], after[32];
		int fd, end[2];
		pid_t pid;

		if (kinds[k].flag == CLONE_NEWNS) /* may not hold itself */
			continue;
		snprintf(place, sizeof(place), "t/%s", kinds[k].name);
		make_file(place, "");
		if (pipe(end))
			return;
		pid = syscall(SYS_clone3, &args, sizeof(args));
		if (!pid) {
			char c;

			close(end[1]);
			_exit(read(end[0], &c, 1) != 0);
		}
		snprintf(before, sizeof(before), "%lu", number(pid, kinds[k].name));
		say("%s: bind %d", kinds[k].name,
		    mount(link_of(pid, kinds[k].name), place, NULL, MS_BIND, NULL));
		close(end[0]);
		close(end[1]);
		reap(pid);
		fd = open(place, O_RDONLY);
		CHILD({
			say("enter: %s", setns(fd, kinds[k].flag) ? errno_name(errno) : "yes");
			snprintf(after, sizeof(after), "%lu", number(getpid(), kinds[k].made));
			say("the same %d", !strcmp(before, after));
		});
		say("wrong kind: %s",
		    setns(fd, kinds[(k + 1) % 8].flag) ? errno_name(errno) : "yes");
		close(fd);
		say("unmount %d", umount(place));
	}
}

/* Linux numbers mount namespaces by CPU, and binds one only where an older one is: all on one CPU. */
static void one_cpu(void)
{
	cpu_set_t may, one;
	int cpu = 0;

	sched_getaffinity(0, sizeof(may), &may);
	while (!CPU_ISSET(cpu, &may))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

static void tell(int fd)
{
	if (write(fd, "x", 1) != 1)
		say("write: %s", errno_name(errno));
}

static void await(int fd)
{
	char c;

	if (read(fd, &c, 1) != 1)
		say("read: %s", errno_name(errno));
}

/* In the namespace of before the unshare: what `unshare --mount=FILE` forks. */
static void binder(pid_t pid, int go, int done)
{
	const unsigned long old = number(pid, "mnt");

	say("before: bind %s",
	    mount(link_of(pid, "mnt"), "t/mnt", NULL, MS_BIND, NULL) ? errno_name(errno) : "0");
	tell(done);
	await(go);
	say("after: another %d, bind %d", number(pid, "mnt") != old,
	    mount(link_of(pid, "mnt"), "t/mnt", NULL, MS_BIND, NULL));
	tell(done);
}

/* A mount namespace that somebody outside binds to a file lives there, until it is unmounted. */
static void mnt_bound(void)
{
	int go[2], done[2], fd;
	pid_t self;

	one_cpu();
	own_ns(CLONE_NEWNS);
	mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
	mkdir("t", 0700);
	mkdir("in", 0700);
	mount("tmpfs", "t", "tmpfs", 0, NULL);
	mount("none", "t", NULL, MS_PRIVATE, NULL);
	make_file("t/mnt", "a file");
	if (pipe(go) || pipe(done))
		return;
	CHILD({
		self = getpid();
		if (!fork()) {
			binder(self, go[0], done[1]);
			_exit(0);
		}
		await(done[0]);
		R(unshare(CLONE_NEWNS));
		R(mount("tmpfs", "in", "tmpfs", 0, NULL));
		make_file("in/inside", "");
		tell(go[1]);
		await(done[0]);
		reap(-1);
		R(mount(link_of(self, "mnt"), "t/mnt", NULL, MS_BIND,
			NULL)); /* it would hold itself */
	});
	R(access("in/inside", F_OK));
	fd = open("t/mnt", O_RDONLY);
	CHILD({
		char place[PATH_MAX];

		if (!getcwd(place, sizeof(place)))
			_exit(1);
		R(setns(fd, CLONE_NEWNS));
		R(chdir(place));
		R(access("in/inside", F_OK));
		R(access("t/mnt", R_OK));
	});
	R(setns(fd, CLONE_NEWUTS));
	R(umount("t/mnt"));
	close(fd);
	R(umount("t/mnt"));
	fd = open("t/mnt", O_RDONLY);
	R(setns(fd, CLONE_NEWNS));
	close(fd);
	R(umount("t"));
}

static void which_changed(unsigned long before[8])
{
	struct stat st;
	char path[64];

	EACH
	{
		snprintf(path, sizeof(path), "/proc/self/ns/%s", kinds[k].made);
		if (stat(path, &st))
			say("%s: %s", path, errno_name(errno));
		if (before[k] && before[k] != st.st_ino)
			say("%s changed", kinds[k].made);
		before[k] = st.st_ino;
	}
}

static int second_thread(void *end)
{
	await(*(int *)end);
	return 0;
}

#define ALL_BUT_USER                                                                               \
	(CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWCGROUP |              \
	 CLONE_NEWPID | CLONE_NEWTIME)

static void enter_several(void)
{
	static char stack[16384] __attribute__((aligned(16)));
	struct clone_args args = { .flags = ALL_BUT_USER, .exit_signal = SIGCHLD };
	int outer, target, end[2];
	unsigned long ids[8] = { 0 };
	pid_t same, pid;

	if (pipe(end))
		return;
	same = fork();
	pid = same ? syscall(SYS_clone3, &args, sizeof(args)) : 0;
	if (!pid) {
		await(end[0]);
		_exit(0);
	}
	outer = syscall(SYS_pidfd_open, same, 0);
	target = syscall(SYS_pidfd_open, pid, 0);
	which_changed(ids);
	CHILD({
		/* own user namespace: never again */
		R(setns(target, CLONE_NEWUSER | CLONE_NEWUTS));
		which_changed(ids);
		/* time takes a process of one thread */
		clone(second_thread, stack + sizeof(stack),
		      CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD, end);
		R(setns(target, CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWTIME));
		which_changed(ids);
		R(setns(target, CLONE_NEWUTS | CLONE_NEWIPC));
		which_changed(ids);
		_exit(0);
	});
	CHILD({
		/* shares its root and folder: not into a mount namespace alone, but into that and others */
		pid_t other = clone(second_thread, stack + sizeof(stack), CLONE_FS | SIGCHLD, end);

		R(setns(target, CLONE_NEWNS));
		R(setns(target, CLONE_NEWNS | CLONE_NEWUTS));
		which_changed(ids);
		kill(other, SIGKILL);
		waitpid(other, NULL, 0);
	});
	CHILD({
		R(setns(target, ALL_BUT_USER));
		which_changed(ids);
		/* a child is in the inner pid namespace: the outer one is not below it */
		CHILD({
			which_changed(ids); /* it begins with those for children */
			R(setns(outer, CLONE_NEWUTS | CLONE_NEWPID | CLONE_NEWNET));
			which_changed(ids);
			R(setns(outer, ALL_BUT_USER & ~CLONE_NEWPID));
			which_changed(ids);
		});
	});
	R(setns(target, 0));
	R(setns(target, CLONE_NEWUTS | CLONE_FILES));
	tell(end[1]);
	tell(end[1]);
	reap(same);
	waitid(P_PID, pid, NULL, WEXITED | WNOWAIT);
	R(setns(target, CLONE_NEWUTS));
	which_changed(ids);
	reap(pid);
}

/* Several kinds at once, of the process of a pidfd: all of them or none. */
static void all_or_none(void)
{
	own_ns(ALL_BUT_USER);
	CHILD(enter_several());
}

static void not_allowed(void)
{
	if (geteuid())
		return;
	EACH CHILD({
		int fd = open(link_of(getpid(), kinds[k].name), O_RDONLY);

		if (setresgid(1000, 1000, 1000) || setresuid(1000, 1000, 1000))
			_exit(1);
		say("%s: %s, %s", kinds[k].name,
		    unshare(kinds[k].flag) ? errno_name(errno) : "made",
		    setns(fd, kinds[k].flag) ? errno_name(errno) : "entered");
	});
}

ABI_MAIN(CASE(compared), CASE(asked), CASE(kept), CASE(mnt_bound), CASE(all_or_none),
	 CASE(not_allowed))
