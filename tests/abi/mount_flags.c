/* SPDX-License-Identifier: MIT */
/*
 * mount(2) and umount2(2) in detail: flags of a mount and of its file system, remounts, moves and their
 * errors, expiry, detached trees, places named by descriptors, the files of /proc, namespace files.
 */
#include <sys/epoll.h>
#include <sys/ioctl.h>

#include "mounts.h"

static void flags_of_new_ones(void)
{
	static const unsigned long flags[] = {
		0,
		MS_RDONLY,
		MS_NOSUID | MS_NODEV,
		MS_NOEXEC,
		MS_NOATIME,
		MS_NODIRATIME,
		MS_RELATIME,
		MS_STRICTATIME,
		MS_NOATIME | MS_STRICTATIME,
		MS_NODIRATIME | MS_STRICTATIME,
		MS_NOSYMFOLLOW,
		MS_SYNCHRONOUS,
		MS_DIRSYNC,
		MS_LAZYTIME | MS_RDONLY,
		MS_SILENT,
	};
	struct statfs sf;

	begin();
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		char name[16];

		snprintf(name, sizeof(name), "%c", (char)('a' + i));
		mkdir(name, 0755);
		R(mount(name, name, "tmpfs", flags[i], NULL));
		statfs(name, &sf);
		say("%s flags %#lx", name, (unsigned long)sf.f_flags & ~0x20UL);
	}
	show_mounts();
}

static void flags_changed(void)
{
	static const unsigned long flags[] = {
		MS_NOSUID,      MS_NODEV | MS_NOATIME, 0,
		MS_RDONLY,      MS_STRICTATIME,        MS_NODIRATIME,
		MS_NOEXEC,      MS_RELATIME,           MS_NOATIME | MS_RDONLY,
		MS_NOSYMFOLLOW,
	};

	begin();
	mkdir("a", 0755);
	mkdir("b", 0755);
	R(mount("x", "a", "tmpfs", 0, NULL));
	R(mount("a", "b", NULL, MS_BIND, NULL));
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		R(mount(NULL, "a", NULL, MS_REMOUNT | MS_BIND | flags[i], NULL));
		show_mounts();
	}
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		R(mount(NULL, "b", NULL, MS_REMOUNT | flags[i], NULL));
		show_mounts();
	}
	R(mount(NULL, "a", NULL, MS_REMOUNT | MS_SYNCHRONOUS | MS_LAZYTIME, NULL));
	show_mounts();
	R(mount(NULL, "a", NULL, MS_REMOUNT | MS_BIND | MS_SYNCHRONOUS, "size=junk"));
	R(mount(NULL, "a", NULL, MS_REMOUNT, "size=junk"));
	R(mount("other", "a", "nosuchtype", MS_REMOUNT, "size=1m"));
	show_mounts();
}

static void what_flags_do(void)
{
	struct stat st;
	pid_t pid;

	begin();
	mkdir("a", 0755);
	R(mount("x", "a", "tmpfs", 0, NULL));
	make_file("a/prog", "#!/bin/sh\nexit 3\n");
	R(chmod("a/prog", 0755));
	make_file("a/f", "1");
	for (int i = 0; i < 2; i++) {
		pid = fork();
		if (!pid) {
			execl("a/prog", "prog", NULL);
			say("execl: %s", errno_name(errno));
			_exit(0);
		}
		say("%s", ended(reap(pid)));
		say("access %d", access("a/prog", X_OK));
		R(mount(NULL, "a", NULL, MS_REMOUNT | MS_BIND | MS_NOEXEC, NULL));
	}
	R(mmap(NULL, 1, PROT_EXEC, MAP_PRIVATE, open("a/f", O_RDONLY), 0) == MAP_FAILED);
	R(mount(NULL, "a", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
	R(mkdir("a/d", 0755));
	R(utimensat(AT_FDCWD, "a/f", NULL, 0));
	R(access("a/f", W_OK));
	R(truncate("a/f", 0));
	R(setxattr("a/f", "trusted.x", "1", 1, 0));
	R(mknod("a/n", S_IFIFO | 0600, 0));
	R(symlink("x", "a/l"));
	R(rmdir("a/none"));
	R(stat("a/f", &st));
}

static void who_writes(void)
{
	int fd, map;
	void *p;

	begin();
	mkdir("a", 0755);
	mkdir("b", 0755);
	R(mount("x", "a", "tmpfs", 0, NULL));
	R(mount("a", "b", NULL, MS_BIND, NULL));
	make_file("a/f", "1");
	fd = open("a/f", O_RDWR);
	R(mount(NULL, "a", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
	R(mount(NULL, "b", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
	R(mount(NULL, "b", NULL, MS_REMOUNT | MS_RDONLY, NULL));
	show_mounts();
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	R(mount(NULL, "a", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
	munmap(p, 4096);
	R(mount(NULL, "a", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
	R(mount(NULL, "b", NULL, MS_REMOUNT | MS_RDONLY, NULL));
	show_mounts();
	R(mount(NULL, "b", NULL, MS_REMOUNT | MS_BIND, NULL));
	O(open("b/f", O_RDWR)); /* the file system is */
	map = open("b/f", O_RDONLY);
	R(fchmod(map, 0600));
	R(mount(NULL, "b", NULL, MS_REMOUNT, NULL));
	R(fchmod(map, 0600));
	O(open("a/f", O_RDWR)); /* this mount still is */
	close(map);
	R(unlink("b/f"));
}

static void expiry(void)
{
	struct stat st;
	int fd;

	begin();
	mkdir("a", 0755);
	R(mount("x", "a", "tmpfs", 0, NULL));
	mkdir("a/d", 0755);
	R(umount2("a", MNT_EXPIRE | MNT_DETACH));
	R(umount2("a", MNT_EXPIRE | MNT_FORCE));
	R(umount2("a/d", MNT_EXPIRE));
	fd = open("a/d", O_RDONLY);
	R(umount2("a", MNT_EXPIRE));
	close(fd);
	R(umount2("a", MNT_EXPIRE));
	R(stat("a/d", &st)); /* used in between */
	R(umount2("a", MNT_EXPIRE));
	R(umount2("a", MNT_EXPIRE));
	R(umount2("a", MNT_EXPIRE));
	R(umount2("/", MNT_EXPIRE));
}

static void umount_flags(void)
{
	begin();
	mkdir("a", 0755);
	make_file("f", "");
	R(mount("x", "a", "tmpfs", 0, NULL));
	R(symlink("a", "l"));
	R(umount2("l", UMOUNT_NOFOLLOW));
	R(umount2("l", 16));
	R(umount2("l", -1));
	R(umount2("f", 0));
	R(umount2("f/x", 0));
	R(umount2("", 0));
	R(umount2((void *)1, 0));
	R(umount2("l", 0));
	R(umount2("l", 0));
	R(mount("x", "l", "tmpfs", 0, NULL));
	R(umount2("a", MNT_FORCE));
	R(mount("x", "a/", "tmpfs", 0, NULL));
	R(umount2("a/../a/.", MNT_FORCE | MNT_DETACH));
}

static void arguments(void)
{
	char page[8192];

	begin();
	mkdir("a", 0755);
	R(mount("x", "a", "tmpfs", MS_MGC_VAL, NULL));
	R(mount("x", "a", "tmpfs", 1UL << 31, NULL));
	R(mount("x", NULL, "tmpfs", 0, NULL));
	R(mount("x", "", "tmpfs", 0, NULL));
	R(mount("x", "a", "", 0, NULL));
	R(mount((void *)1, "a", "tmpfs", 0, NULL));
	R(mount("x", "a", (void *)1, 0, NULL));
	memset(page, 'x', sizeof(page) - 1);
	page[sizeof(page) - 1] = '\0';
	R(mount("x", "a", page, 0, NULL));
	R(mount(page, "a", "tmpfs", 0, NULL));
	R(mount("x", page, "tmpfs", 0, NULL));
	R(mount("", "a", "tmpfs", 0, ""));
	R(mount(NULL, "a", "tmpfs", 0, ",,"));
	R(mount("x", "missing", NULL, MS_REMOUNT, NULL));
	mkdir("d", 0755);
	R(mount("x", "d", NULL, MS_REMOUNT, NULL));
	R(mount("x", "d", NULL, MS_REMOUNT | MS_BIND, NULL));
	R(mount("", "d", NULL, MS_BIND, NULL));
	R(mount(NULL, "d", NULL, MS_MOVE, NULL));
	R(mount("missing", "d", NULL, MS_MOVE, NULL));
	R(mount("a", "missing", NULL, MS_MOVE, NULL));
	show_mounts();
}

static void moves_refused(void)
{
	begin();
	mkdir("a", 0755);
	mkdir("b", 0755);
	make_file("f", "");
	make_file("g", "");
	R(mount("x", "a", "tmpfs", 0, NULL));
	mkdir("a/d", 0755);
	R(mount("a", "f", NULL, MS_MOVE, NULL));
	R(mount("a", "f", NULL, MS_BIND, NULL));
	R(mount("f", "f", NULL, MS_BIND, NULL));
	R(mount("f", "b", NULL, MS_MOVE, NULL));
	R(mount("f", "g", NULL, MS_MOVE, NULL));
	R(mount("a/d", "b", NULL, MS_MOVE, NULL));
	R(mount("b", "a/d", NULL, MS_MOVE, NULL));
	R(mount("a", "a", NULL, MS_MOVE, NULL));
	R(mount("a", "a/d", NULL, MS_MOVE, NULL));
	R(mount("/", "a/d", NULL, MS_MOVE, NULL));
	R(mount("a", "b", NULL, MS_MOVE | MS_REC | MS_RDONLY, NULL));
	show_mounts();
}

static void one_over_the_other(void)
{
	begin();
	mkdir("a", 0755);
	R(mount("1", "a", "tmpfs", 0, NULL));
	make_file("a/first", "");
	R(chdir("a"));
	R(mount("2", "../a", "tmpfs", 0, NULL));
	make_file("../a/second", "");
	list(".");
	R(mount("3", ".", "tmpfs", 0, NULL));
	list(".");
	list("../a");
	show_mounts();
	R(umount2(".", 0));
	list("../a");
	R(mount("../a", ".", NULL, MS_BIND, NULL));
	R(umount2("../a", 0));
	R(umount2("../a", 0));
	R(umount2("../a", 0));
	R(chdir(abi_dir));
	R(umount2("a", 0));
}

static void by_descriptor(void)
{
	char from[32], to[32];
	int a, b;

	begin();
	mkdir("a", 0755);
	mkdir("b", 0755);
	mkdir("gone", 0755);
	make_file("a/f", "seen");
	a = open("a", O_PATH | O_DIRECTORY);
	b = open("b", O_PATH);
	snprintf(from, sizeof(from), "/proc/self/fd/%d", a);
	snprintf(to, sizeof(to), "/proc/self/fd/%d", b);
	R(mount(from, to, NULL, MS_BIND, NULL));
	show_file("b/f");
	R(mount(NULL, to, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY,
		NULL)); /* what it was opened as */
	R(umount2(to, 0));
	b = open("b", O_PATH);
	snprintf(to, sizeof(to), "/proc/self/fd/%d", b);
	R(mount(NULL, to, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
	R(umount2(to, 0));
	close(b);
	R(umount2("b", 0));
	b = open("gone", O_PATH);
	R(rmdir("gone"));
	snprintf(to, sizeof(to), "/proc/self/fd/%d", b);
	R(mount("x", to, "tmpfs", 0, NULL));
	R(mount(from, to, NULL, MS_BIND, NULL));
	show_mounts();
}

static void removed_while_mounted(void)
{
	pid_t pid;
	int status;

	begin();
	mkdir("a", 0755);
	mkdir("a/d", 0755);
	make_file("a/f", "");
	R(mount("x", "a/d", "tmpfs", 0, NULL));
	R(mount("a/f", "a/f", NULL, MS_BIND, NULL));
	R(rmdir("a/d"));
	R(unlink("a/f"));
	R(rename("a/d", "e"));
	R(rename("a", "b"));
	pid = fork();
	if (!pid) {
		R(unshare(CLONE_NEWNS));
		R(umount2("b/d", 0));
		R(umount2("b/f", 0));
		R(rmdir("b/d")); /* a mount of another namespace does not hold it */
		R(unlink("b/f"));
		_exit(0);
	}
	status = reap(pid);
	say("%s", ended(status));
	list("b");
	R(umount2("b/d", 0));
	show_mounts();
}

static void detached_trees(void)
{
	int d;

	begin();
	mkdir("a", 0755);
	mkdir("b", 0755);
	R(mount("x", "a", "tmpfs", 0, NULL));
	mkdir("a/d", 0755);
	mkdir("a/e", 0755);
	R(mount("y", "a/d", "tmpfs", 0, NULL));
	R(chdir("a"));
	d = open("d", O_PATH);
	R(umount2(abi_dir, 0));
	R(umount2("../a", MNT_DETACH));
	R(mkdir("new", 0755));
	R(mount("e", "../b", NULL, MS_BIND, NULL));
	R(mount(".", "../b", NULL, MS_MOVE, NULL));
	R(mount(NULL, ".", NULL, MS_PRIVATE, NULL));
	R(mount(NULL, ".", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
	R(umount2(".", MNT_DETACH));
	R(fchdir(d));
	R(openat(d, "..", O_PATH) >= 0);
	R(chdir(".."));
	list(".");
	R(chdir(abi_dir));
	list(".");
}

static void seen_from_a_chroot(void)
{
	char line[512];
	int n = 0;
	FILE *f;

	begin();
	mkdir("r", 0755);
	mkdir("out", 0755);
	R(mount("x", "r", "tmpfs", 0, NULL));
	R(mount("y", "out", "tmpfs", 0, NULL));
	mkdir("r/proc", 0755);
	mkdir("r/in side", 0755);
	R(mount("s p", "r/in side", "tmpfs", MS_RDONLY, NULL));
	R(mount("/proc", "r/proc", NULL, MS_BIND, NULL));
	R(chroot("r"));
	f = fopen("/proc/self/mounts", "r");
	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, "tmpfs"))
			say("%.*s", (int)strcspn(line, ",\n"), line);
	if (f)
		fclose(f);
	f = fopen("/proc/self/mountstats", "r");
	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, "tmpfs"))
			say("%.*s", (int)strlen(line) - 1, line);
	if (f)
		fclose(f);
	f = fopen("/proc/self/mountinfo", "r");
	while (f && fgets(line, sizeof(line), f))
		n++;
	say("%d mounts", n);
}

static void changes_polled(void)
{
	struct epoll_event ev = { .events = EPOLLPRI };
	struct pollfd p = { .events = POLLPRI };
	int ep = epoll_create1(0);

	begin();
	mkdir("a", 0755);
	mkdir("b", 0755);
	p.fd = open("/proc/self/mounts", O_RDONLY);
	epoll_ctl(ep, EPOLL_CTL_ADD, open("/proc/self/mountinfo", O_RDONLY), &ev);
#define CHANGED(call)                                                                              \
	do {                                                                                       \
		int r_ = call;                                                                     \
		int n_ = poll(&p, 1, 0), e_ = epoll_wait(ep, &ev, 1, 0);                           \
		say(#call " = %d: %d, %d", r_, n_, e_);                                            \
	} while (0)
	CHANGED(0);
	CHANGED(mount("x", "a", "tmpfs", 0, NULL));
	CHANGED(0);
	CHANGED(mount("a", "b", NULL, MS_BIND, NULL));
	CHANGED(mount(NULL, "b", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
	CHANGED(mount(NULL, "b", NULL, MS_REMOUNT, "size=1m"));
	CHANGED(mount(NULL, "b", NULL, MS_SHARED, NULL));
	CHANGED(umount2("b", 0));
	CHANGED(umount2("b", 0));
	CHANGED(mount("a", "b", NULL, MS_MOVE, NULL));
	CHANGED(umount2("b", MNT_DETACH));
	p.events = POLLIN;
	CHANGED(0);
	say("%#x", p.revents);
}

/* ---- namespace files ---- */

/* Which of two namespaces is the older one Linux knows by a number, in order on one CPU only. */
static void begin_on_one_cpu(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	sched_setaffinity(0, sizeof(set), &set);
	begin();
}

static void roots_of_nsfs(void)
{
	char line[512], *at;
	FILE *f = fopen("/proc/self/mountinfo", "r");

	while (f && fgets(line, sizeof(line), f)) {
		at = strstr(line, " nsfs ");
		if (at && strstr(line, abi_dir)) {
			char kind[16];
			unsigned int n;

			say("nsfs root %s",
			    sscanf(line, "%*d %*d %*s %15[a-z]:[%u]", kind, &n) == 2 ? kind : line);
		}
	}
	if (f)
		fclose(f);
}

static void bound_namespaces(void)
{
	struct stat st, own;
	pid_t pid;
	int fd;

	begin_on_one_cpu();
	make_file("uts", "");
	make_file("mnt", "");
	make_file("user", "");
	mkdir("d", 0755);
	R(mount("/proc/self/ns/uts", "uts", NULL, MS_BIND, NULL));
	R(mount("/proc/self/ns/uts", "d", NULL, MS_BIND, NULL));
	R(mount("/proc/self/ns/user", "user", NULL, MS_BIND, NULL));
	R(mount("/proc/self/ns/mnt", "mnt", NULL, MS_BIND, NULL)); /* would hold itself */
	roots_of_nsfs();
	stat("uts", &st);
	stat("/proc/self/ns/uts", &own);
	YES(st.st_ino == own.st_ino && st.st_dev == own.st_dev);
	R(unshare(CLONE_NEWUTS));
	stat("/proc/self/ns/uts", &own);
	YES(st.st_ino != own.st_ino);
	fd = open("uts", O_RDONLY);
	R(setns(fd, CLONE_NEWUTS));
	stat("/proc/self/ns/uts", &own);
	YES(st.st_ino == own.st_ino);
	R(umount2("uts", 0));
	close(fd);
	R(umount2("uts", 0));
	pid = fork();
	if (!pid) {
		R(unshare(CLONE_NEWNS));
		R(mount("/proc/self/ns/mnt", "mnt", NULL, MS_BIND, NULL));
		snprintf(abi_dir, sizeof(abi_dir), "/proc/%d/ns/mnt", getppid());
		R(mount(abi_dir, "mnt", NULL, MS_BIND, NULL)); /* an older one */
		_exit(0);
	}
	reap(pid);
}

static void bound_mount_namespace(void)
{
	char name[64];
	int up[2], fd;
	pid_t pid;
	char c;

	begin_on_one_cpu();
	make_file("mnt", "");
	mkdir("a", 0755);
	pipe(up);
	pid = fork();
	if (!pid) {
		unshare(CLONE_NEWNS);
		mount("in", "a", "tmpfs", 0, NULL);
		mkdir("a/inner", 0755);
		close(up[0]);
		write(up[1], "x", 1);
		pause();
		_exit(0);
	}
	read(up[0], &c, 1);
	snprintf(name, sizeof(name), "/proc/%d/ns/mnt", pid);
	R(mount(name, "mnt", NULL, MS_BIND, NULL));
	kill(pid, SIGKILL);
	reap(pid);
	list("a");
	roots_of_nsfs();
	pid = fork();
	if (!pid) {
		fd = open("mnt", O_RDONLY);
		R(setns(fd, CLONE_NEWNS));
		R(chdir(abi_dir));
		list("a");
		_exit(0);
	}
	reap(pid);
	pid = fork();
	if (!pid) {
		R(unshare(CLONE_NEWNS));
		say("in a copy:");
		roots_of_nsfs(); /* not there: it could hold what holds it */
		_exit(0);
	}
	reap(pid);
	mkdir("s", 0755);
	mkdir("p", 0755);
	R(mount("s", "s", "tmpfs", 0, NULL));
	R(mount(NULL, "s", NULL, MS_SHARED, NULL));
	make_file("s/m", "");
	R(mount("mnt", "s/m", NULL, MS_BIND, NULL));
	R(umount2("s/m", 0));
	R(mount("s", "p", NULL, MS_BIND, NULL));
	R(mount("mnt", "s/m", NULL, MS_BIND, NULL)); /* nothing of it goes to a peer */
	R(mount("/proc/self/ns/uts", "s/m", NULL, MS_BIND, NULL));
	roots_of_nsfs();
	R(umount2("mnt", 0));
	R(umount2("mnt", 0));
}

/* The last reference to a namespace goes with a lazily unmounted tree of another. */
static void namespaces_in_a_row(void)
{
	char name[64], c;
	int up[2];
	pid_t pid;

	begin_on_one_cpu();
	for (int i = 0; i < 4; i++) {
		mkdir("d", 0755);
		R(mount("d", "d", "tmpfs", 0, NULL));
		make_file("d/mnt", "");
		pipe(up);
		pid = fork();
		if (!pid) {
			unshare(CLONE_NEWNS);
			write(up[1], "x", 1);
			pause();
		}
		read(up[0], &c, 1);
		snprintf(name, sizeof(name), "/proc/%d/ns/mnt", pid);
		R(mount(name, "d/mnt", NULL, MS_BIND, NULL));
		kill(pid, SIGKILL);
		reap(pid);
	}
	R(umount2("d", MNT_DETACH));
	list("d");
	show_mounts();
}

ABI_MAIN(CASE(flags_of_new_ones), CASE(flags_changed), CASE(what_flags_do), CASE(who_writes),
	 CASE(expiry), CASE(umount_flags), CASE(arguments), CASE(moves_refused),
	 CASE(one_over_the_other), CASE(by_descriptor), CASE(removed_while_mounted),
	 CASE(detached_trees), CASE(seen_from_a_chroot), CASE(changes_polled),
	 CASE(bound_namespaces), CASE(bound_mount_namespace), CASE(namespaces_in_a_row))
