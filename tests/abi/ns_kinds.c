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

ABI_MAIN(CASE(compared), CASE(asked), CASE(kept), CASE(not_allowed))
