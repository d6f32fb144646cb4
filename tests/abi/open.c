/* SPDX-License-Identifier: MIT */
/*
 * open(2): O_PATH, O_TMPFILE, O_CREAT, O_TRUNC, O_APPEND, O_DIRECTORY, O_NOATIME, modes, and what
 * an open file lets one do.
 */
#include <sys/uio.h>

#include "vfs.h"

static void path_only(void)
{
	char buf[8] = "";
	struct stat st;
	int p, d;

	begin();
	make_file("f", "text");
	mkdir("d", 0755);
	make_file("d/f", "in d");
	p = open("f", O_PATH);
	say("flags %o", fcntl(p, F_GETFL) & ~0100000);
	R(read(p, buf, 4));
	R(write(p, buf, 4));
	R(pread(p, buf, 4, 0));
	R(lseek(p, 0, SEEK_SET));
	R(ftruncate(p, 0));
	R(fchmod(p, 0600));
	R(fchown(p, 0, 0));
	R(fsync(p));
	R(ioctl(p, 0x5401));
	R(flock(p, 1));
	R(fcntl(p, F_SETFL, 0));
	R(fcntl(p, F_GETLK, &(struct flock){ 0 }));
	R(fcntl(p, F_GETFD));
	R(fcntl(p, F_SETFD, 1));
	R(fcntl(p, F_GETOWN));
	R(fgetxattr(p, "user.x", buf, 4));
	R(fstat(p, &st));
	R(fstatfs(p, &(struct statfs){ 0 }));
	O(dup(p));
	R(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, p, 0) == MAP_FAILED ? -1 : 0);
	R(syscall(SYS_getdents64, p, buf, 8));
	R(fchdir(p));
	d = open("d", O_PATH | O_RDWR | O_CREAT | O_TRUNC, 0644);
	say("flags %o", fcntl(d, F_GETFL) & ~0100000);
	R(openat(d, "f", O_RDONLY) >= 0);
	R(fchdir(d));
	R(syscall(SYS_getdents64, d, buf, 8));
	R(open("nothing", O_PATH | O_CREAT, 0644));
	R(open("f", O_PATH | O_DIRECTORY));
	R(fcntl(d, F_DUPFD_CLOEXEC, 50));
	R(close(d));
}

static void path_only_of_links(void)
{
	struct stat st;
	int l;

	begin();
	make_file("f", "text");
	symlink("f", "l");
	symlink("none", "dangling");
	l = open("l", O_PATH | O_NOFOLLOW);
	fstat(l, &st);
	say("type %o", st.st_mode & S_IFMT);
	R(fchownat(l, "", 5, 6, AT_EMPTY_PATH));
	lstat("l", &st);
	say("link's owner %d:%d", st.st_uid, st.st_gid);
	stat("f", &st);
	say("file's owner %d:%d", st.st_uid, st.st_gid);
	l = open("l", O_PATH);
	fstat(l, &st);
	say("type %o", st.st_mode & S_IFMT);
	R(open("dangling", O_PATH));
	O(open("dangling", O_PATH | O_NOFOLLOW));
	R(open("l", O_PATH | O_NOFOLLOW | O_DIRECTORY));
	R(linkat(open("l", O_PATH | O_NOFOLLOW), "", AT_FDCWD, "l2", AT_EMPTY_PATH));
	show("l2");
}

static void reopened(void)
{
	char name[64];
	int p, f;

	begin();
	make_file("f", "text");
	p = open("f", O_PATH);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", p);
	f = open(name, O_RDWR);
	R(write(f, "TE", 2));
	show_file("f");
	R(open(name, O_RDONLY | O_DIRECTORY));
	R(open(name, O_RDWR | O_CREAT | O_EXCL, 0644));
	f = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);
	R(f >= 0);
	show_file("f");
	R(chmod(name, 0640));
	R(truncate(name, 3));
	show("f");
	unlink("f");
	f = open(name, O_RDWR);
	R(write(f, "gone", 4));
	show_file(name);
}

static void nameless(void)
{
	char name[64];
	struct stat st;
	int f;

	begin();
	mkdir("d", 0755);
	f = open("d", O_TMPFILE | O_RDWR, 0640);
	O(f);
	R(write(f, "hello", 5));
	fstat(f, &st);
	say("mode %o links %d size %d", st.st_mode, (int)st.st_nlink, (int)st.st_size);
	say("flags %o", fcntl(f, F_GETFL) & ~0100000);
	list("d");
	snprintf(name, sizeof(name), "/proc/self/fd/%d", f);
	R(linkat(AT_FDCWD, name, AT_FDCWD, "d/named", AT_SYMLINK_FOLLOW));
	show_file("d/named");
	R(linkat(f, "", AT_FDCWD, "d/again", AT_EMPTY_PATH));
	show("d/again");
	f = open("d", O_TMPFILE | O_RDWR | O_EXCL, 0640);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", f);
	R(linkat(AT_FDCWD, name, AT_FDCWD, "d/never", AT_SYMLINK_FOLLOW));
	R(open("d", O_TMPFILE | O_RDONLY, 0640));
	R(open("d", O_TMPFILE | O_RDWR | O_CREAT, 0640));
	R(open("d/named", O_TMPFILE | O_RDWR, 0640));
	R(open("none", O_TMPFILE | O_RDWR, 0640));
	O(open("d", O_TMPFILE | O_WRONLY, 0));
	R(open("d", 020000000 | O_RDWR, 0640));
	O(open("d/", O_TMPFILE | O_RDWR | O_TRUNC, 0));
	list("d");
}

static void exclusive(void)
{
	begin();
	make_file("f", "old");
	symlink("none", "l");
	mkdir("d", 0755);
	R(open("f", O_CREAT | O_EXCL | O_RDWR, 0644));
	R(open("l", O_CREAT | O_EXCL | O_RDWR, 0644));
	R(open("d", O_CREAT | O_EXCL | O_RDWR, 0644));
	R(open("d", O_CREAT | O_EXCL | O_DIRECTORY | O_RDWR, 0644));
	O(open("new", O_CREAT | O_EXCL | O_WRONLY | O_TRUNC, 0604));
	show("new");
	R(open("f", O_EXCL | O_WRONLY) >= 0);
	R(open("none", O_EXCL | O_WRONLY));
	R(open("d", O_CREAT, 0644));
	R(open("d", O_RDWR));
	R(open("d", O_WRONLY));
	R(open("d", O_RDONLY | O_TRUNC));
	R(open("f", O_DIRECTORY));
	R(open("f", O_CREAT | O_DIRECTORY, 0644));
	R(open("f/x", O_CREAT, 0644));
	R(open("none/x", O_CREAT, 0644));
}

static void truncating(void)
{
	int r, w;
	char buf[16];

	begin();
	make_file("f", "0123456789");
	r = open("f", O_RDONLY);
	R(read(r, buf, 4));
	w = open("f", O_WRONLY | O_TRUNC);
	R(read(r, buf, 4));
	R(pwrite(w, "ab", 2, 6));
	R(read(r, buf, 8));
	say("%02x%02x%c%c", buf[0], buf[1], buf[2], buf[3]);
	R(open("f", O_RDONLY | O_TRUNC) >= 0);
	show("f");
	chmod("f", 06777);
	make_file("f", "as root");
	show("f");
	R(ftruncate(w, -1));
	R(ftruncate(r, 0));
	R(truncate("f", -1));
	R(truncate("none", 0));
	R(truncate(".", 0));
	R(truncate("f", 4097));
	show("f");
}

static void appending(void)
{
	int a, b;
	char buf[16] = "";

	begin();
	a = open("f", O_CREAT | O_RDWR | O_APPEND, 0644);
	b = open("f", O_WRONLY);
	R(write(a, "one", 3));
	R(write(b, "1", 1));
	R(write(a, "two", 3));
	R(lseek(a, 0, SEEK_CUR));
	R(lseek(a, 0, SEEK_SET));
	R(write(a, "3", 1));
	R(lseek(a, 0, SEEK_CUR));
	R(pwrite(a, "X", 1, 0));
	show_file("f");
	R(fcntl(a, F_SETFL, 0));
	R(pwrite(a, "Y", 1, 0));
	R(fcntl(b, F_SETFL, O_APPEND));
	R(write(b, "Z", 1));
	show_file("f");
	R(pread(a, buf, 3, 7));
	say("%s", buf);
}

static void access_as_user(void)
{
	R(open("r", O_RDONLY) >= 0);
	R(open("r", O_WRONLY));
	R(open("r", O_RDWR));
	R(open("r", O_RDONLY | O_TRUNC));
	R(open("w", O_RDONLY));
	R(open("w", O_WRONLY) >= 0);
	R(open("w", O_RDWR));
	R(open("none", O_RDONLY | O_CREAT, 0644));
	R(open("r", O_RDONLY | O_CREAT, 0644) >= 0);
	R(open("r", O_RDWR | O_CREAT, 0644));
	R(open("r", O_RDONLY | O_NOATIME));
	R(open("r", O_PATH) >= 0);
	R(open("x", O_PATH) >= 0);
	R(open("x", O_RDONLY));
	R(open("rw", 3) >= 0);
	R(open("r", 3));
	R(access("x", X_OK));
	R(access("r", X_OK));
	R(access("r", R_OK | W_OK));
	R(access("r", 8));
}

static void access_modes(void)
{
	char c;
	int f;

	begin();
	make_file("r", "r");
	chmod("r", 0644);
	make_file("w", "w");
	chmod("w", 0622);
	make_file("x", "x");
	chmod("x", 0711);
	make_file("rw", "rw");
	chmod("rw", 0666);
	as_user(1000, access_as_user);
	f = open("rw", O_WRONLY);
	R(read(f, &c, 1));
	f = open("rw", O_RDONLY);
	R(write(f, &c, 1));
	f = open("rw", 3);
	R(read(f, &c, 1));
	R(write(f, &c, 1));
	R(access("r", X_OK));
	R(open("rw", O_RDONLY | O_NOATIME) >= 0);
	f = open("none", O_CREAT | O_RDWR, 0);
	R(write(f, "x", 1));
	R(open("none", O_RDWR) >= 0);
	show("none");
}

static void masks(void)
{
	begin();
	umask(027);
	close(open("a", O_CREAT | O_WRONLY, 0777));
	mkdir("b", 0777);
	mkdir("c", 01777);
	mkdir("c2", 06777);
	mknod("d", S_IFIFO | 0666, 0);
	symlink("x", "e");
	close(open("f", O_CREAT | O_WRONLY, 07777));
	show("a");
	show("b");
	show("c");
	show("c2");
	show("d");
	show("e");
	show("f");
	R(umask(07777));
	R(umask(0));
	R(creat("g", 0666) >= 0);
	show("g");
	mkdir("s", 0755);
	chmod("s", 02755);
	chown("s", 0, 77);
	mkdir("s/d", 0755);
	make_file("s/f", "x");
	show("s/d");
	struct stat st;
	stat("s/f", &st);
	say("group %d", st.st_gid);
	stat("s/d", &st);
	say("group %d", st.st_gid);
}

static void busy_text(void)
{
	char name[] = "./prog";
	pid_t pid;
	int w;

	begin();
	w = open(name, O_CREAT | O_WRONLY, 0755);
	R(execl(name, name, (char *)NULL));
	close(w);
	pid = fork();
	if (pid == 0) {
		int in = open("/proc/self/exe", O_RDONLY),
		    out = open("copy", O_CREAT | O_WRONLY, 0755);

		while (copy_file_range(in, NULL, out, NULL, 1 << 30, 0) > 0)
			;
		if (lseek(out, 0, SEEK_CUR) == 0) { /* another file system: not on every Linux */
			char buf[4096];
			int n;

			while ((n = read(in, buf, sizeof(buf))) > 0)
				write(out, buf, n);
		}
		_exit(0);
	}
	reap(pid);
	pid = fork();
	if (pid == 0) {
		execl("./copy", "copy", "no such case", (char *)NULL);
		_exit(1);
	}
	say("%s", ended(reap(pid)));
	R(open("/proc/self/exe", O_WRONLY));
	R(truncate("/proc/self/exe", 0));
}

static void odd_flags(void)
{
	int f;

	begin();
	make_file("f", "x");
	f = open("f", O_RDWR | O_NONBLOCK | O_SYNC | O_NOATIME | O_CLOEXEC | O_LARGEFILE);
	say("flags %o", fcntl(f, F_GETFL) & ~0100000);
	f = open("f", O_RDWR | O_DSYNC);
	say("flags %o", fcntl(f, F_GETFL) & ~0100000);
	R(fcntl(f, F_SETFL, O_APPEND | O_NONBLOCK | O_SYNC | O_RDONLY | O_CREAT));
	say("flags %o", fcntl(f, F_GETFL) & ~0100000);
	f = open("f", O_RDONLY | 0x40000000);
	O(f);
	say("flags %o", fcntl(f, F_GETFL) & ~0100000);
	R(open(NULL, O_RDONLY));
	R(open("", O_RDONLY));
	R(openat(99, "f", O_RDONLY));
	R(openat(f, "f", O_RDONLY));
	R(open("/dev/null", O_RDONLY | O_DIRECTORY));
	R(open("/dev/null", O_RDWR | O_CREAT | O_TRUNC, 0644) >= 0);
	mknod("dev", S_IFCHR | 0666, makedev(240, 77));
	R(open("dev", O_RDWR));
	O(open("dev", O_PATH));
	mknod("sock", S_IFSOCK | 0666, 0);
	R(open("sock", O_RDWR));
}

ABI_MAIN(CASE(path_only), CASE(path_only_of_links), CASE(reopened), CASE(nameless), CASE(exclusive),
	 CASE(truncating), CASE(appending), CASE(access_modes), CASE(masks), CASE(busy_text),
	 CASE(odd_flags))
