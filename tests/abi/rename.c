/* SPDX-License-Identifier: MIT */
/* rename(2), renameat2(2): over names of every kind, between directories, exchanges, whiteouts. */
#include "vfs.h"

static long rename2(const char *from, const char *to, unsigned int flags)
{
	return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags);
}

static void over_files(void)
{
	begin();
	make_file("a", "a");
	make_file("b", "b");
	link("a", "a2");
	symlink("b", "l");
	R(rename("a", "b"));
	show_file("b");
	show("b");
	list(".");
	R(rename("b", "a2"));
	list(".");
	R(rename("b", "b"));
	R(rename("b", "l"));
	show("l");
	R(rename("none", "x"));
	R(rename("l", "none/x"));
	R(rename("l", "a2/x"));
	R(rename("", "x"));
	R(rename("l", ""));
	R(rename(NULL, "x"));
	list(".");
}

static void over_directories(void)
{
	begin();
	mkdir("d", 0755);
	mkdir("e", 0755);
	mkdir("full", 0755);
	make_file("full/f", "x");
	make_file("f", "x");
	R(rename("d", "e"));
	list(".");
	R(rename("e", "full"));
	R(rename("full", "e"));
	R(rename("f", "e"));
	R(rename("e", "f"));
	R(rename("e", "e/x"));
	R(rename("e", "e"));
	mkdir("e/sub", 0755);
	R(rename("e", "e/sub/x"));
	R(rename("e/sub", "e"));
	R(rename("e/f", "e"));
	R(rename("e/sub", "sub"));
	show("e");
	show("sub");
	show(".");
	list(".");
}

static void between_directories(void)
{
	struct stat before, after;
	int fd;

	begin();
	mkdir("a", 0755);
	mkdir("a/b", 0755);
	mkdir("c", 0755);
	make_file("a/b/f", "moved");
	stat("a/b", &before);
	fd = open("a/b", O_RDONLY | O_DIRECTORY);
	R(rename("a/b", "c/d"));
	stat("c/d", &after);
	YES(before.st_ino == after.st_ino);
	show("a");
	show("c");
	show_file("c/d/f");
	R(faccessat(fd, "../d/f", F_OK, 0));
	R(faccessat(fd, "../../a", F_OK, 0));
	R(access("a/b", F_OK));
	R(fchdir(fd));
	R(rename("f", "../../a/g"));
	list("..");
	list("../../a");
	R(rename("..", "x"));
	R(renameat(fd, ".", fd, "x"));
}

static void no_replace(void)
{
	begin();
	make_file("a", "a");
	make_file("b", "b");
	link("a", "same");
	symlink("none", "l");
	R(rename2("a", "b", RENAME_NOREPLACE));
	R(rename2("a", "same", RENAME_NOREPLACE));
	R(rename2("a", "a", RENAME_NOREPLACE));
	R(rename2("a", "l", RENAME_NOREPLACE));
	R(rename2("a", "c", RENAME_NOREPLACE));
	R(rename2("none", "b", RENAME_NOREPLACE));
	R(rename2("none", "d", RENAME_NOREPLACE));
	R(rename2("c", ".", RENAME_NOREPLACE));
	R(rename2("c", "..", RENAME_NOREPLACE));
	list(".");
}

static void exchange(void)
{
	begin();
	make_file("f", "file");
	mkdir("d", 0755);
	make_file("d/x", "in d");
	mkdir("e", 0755);
	mkdir("e/sub", 0755);
	symlink("f", "l");
	R(rename2("f", "d", RENAME_EXCHANGE));
	show_file("d");
	show_file("f/x");
	R(rename2("f", "e/sub", RENAME_EXCHANGE));
	show(".");
	show("e");
	show_file("e/sub/x");
	R(rename2("d", "e/sub", RENAME_EXCHANGE));
	show(".");
	show("e");
	R(rename2("l", "e/sub", RENAME_EXCHANGE));
	show("e/sub");
	R(rename2("e", "e/sub", RENAME_EXCHANGE));
	R(rename2("e/sub", "e", RENAME_EXCHANGE));
	R(rename2("d", "none", RENAME_EXCHANGE));
	R(rename2("none", "d", RENAME_EXCHANGE));
	R(rename2("d", "d", RENAME_EXCHANGE));
	R(rename2("d", "d/none", RENAME_EXCHANGE));
	R(rename2("l/", "d", RENAME_EXCHANGE));
	list(".");
	list("e");
}

static void whiteout(void)
{
	struct stat st;

	begin();
	make_file("f", "x");
	mkdir("d", 0755);
	R(rename2("f", "g", RENAME_WHITEOUT));
	lstat("f", &st);
	say("left behind: %o %d:%d", st.st_mode, major(st.st_rdev), minor(st.st_rdev));
	show_file("g");
	R(rename2("g", "d/g", RENAME_WHITEOUT | RENAME_NOREPLACE));
	R(rename2("d/g", "f", RENAME_WHITEOUT));
	list(".");
	list("d");
	R(open("g", O_RDONLY));
	R(mknod("w", S_IFCHR, 0));
	R(unlink("w"));
}

static void wrong_flags(void)
{
	begin();
	make_file("a", "a");
	make_file("b", "b");
	R(rename2("a", "b", RENAME_NOREPLACE | RENAME_EXCHANGE));
	R(rename2("a", "b", RENAME_WHITEOUT | RENAME_EXCHANGE));
	R(rename2("a", "b", 8));
	R(rename2("a", "/proc/b", 0));
	R(rename2("/proc/self", "b", 0));
	mkdir("m", 0755);
	mount("other", "m", "tmpfs", 0, NULL);
	R(rename2("a", "m/a", 0));
	R(rename2("m", "n", 0));
	R(rename2("b", "m", 0));
	mkdir("n", 0755);
	R(rename2("n", "m", 0));
	R(rename2("m", "n", RENAME_EXCHANGE));
	mount(NULL, "m", NULL, MS_REMOUNT | MS_RDONLY, NULL);
	R(rename2("m/a", "m/b", 0));
	make_file("m/a", "x");
	R(syscall(SYS_renameat2, 99, "a", AT_FDCWD, "c", 0));
	R(syscall(SYS_renameat2, AT_FDCWD, "a", 99, "c", 0));
}

static void times_of(const char *path)
{
	struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };

	utimensat(AT_FDCWD, path, old, AT_SYMLINK_NOFOLLOW);
}

static const char *touched(const char *path)
{
	struct stat st;

	lstat(path, &st);
	return st.st_mtime == 1000 ? "untouched" : "touched";
}

static void times(void)
{
	begin();
	mkdir("a", 0755);
	mkdir("b", 0755);
	mkdir("a/d", 0755);
	make_file("a/d/f", "x");
	times_of("a/d/f");
	times_of("a/d");
	times_of("a");
	times_of("b");
	R(rename("a/d", "b/d"));
	say("file %s, directory %s, from %s, to %s", touched("b/d/f"), touched("b/d"), touched("a"),
	    touched("b"));
	times_of("b");
	times_of("a");
	make_file("a/new", "x");
	R(rename("a/new", "b/none/new"));
	say("to %s", touched("b"));
	R(link("b/d/f", "b/l"));
	say("to %s, file %s", touched("b"), touched("b/l"));
	times_of("b");
	R(unlink("b/l"));
	say("to %s", touched("b"));
	times_of("b");
	R(chmod("b/d", 0700));
	say("to %s", touched("b"));
	times_of("b/d/f");
	R(truncate("b/d/f", 1));
	say("same size: file %s", touched("b/d/f"));
	R(truncate("b/d/f", 0));
	say("file %s", touched("b/d/f"));
}

static void while_open(void)
{
	char buf[8] = "";
	int f, g;

	begin();
	make_file("a", "old");
	make_file("b", "new");
	f = open("a", O_RDWR);
	g = open("b", O_RDWR);
	R(rename("b", "a"));
	R(read(f, buf, 8));
	say("%s", buf);
	R(write(g, "NEW", 3));
	show_file("a");
	R(write(f, "more", 4));
	show_file("a");
	R(linkat(f, "", AT_FDCWD, "c", AT_EMPTY_PATH));
	list(".");
}

ABI_MAIN(CASE(over_files), CASE(over_directories), CASE(between_directories), CASE(no_replace),
	 CASE(exchange), CASE(whiteout), CASE(wrong_flags), CASE(times), CASE(while_open))
