/* SPDX-License-Identifier: MIT */
/*
 * path_resolution(7): links and their limit, lengths, trailing slashes, search permission, sticky
 * directories, the magic links of /proc, and names that are gone.
 */
#include "vfs.h"

static void link_chains(void)
{
	char name[32], next[32];

	begin();
	make_file("l0", "end");
	for (int i = 1; i <= 41; i++) {
		snprintf(name, sizeof(name), "l%d", i);
		snprintf(next, sizeof(next), "l%d", i - 1);
		symlink(next, name);
	}
	R(access("l40", F_OK));
	R(access("l41", F_OK));
	R(faccessat(AT_FDCWD, "l41", F_OK, AT_SYMLINK_NOFOLLOW));
	show_file("l40");
	R(symlink("self", "self"));
	R(open("self", O_RDONLY));
	R(open("self", O_RDWR | O_CREAT, 0600));
	R(open("self", O_RDONLY | O_NOFOLLOW));
	R(chdir("self"));
	R(mkdir("self/x", 0755));
	R(stat("self/", &(struct stat){ 0 }));
	R(lstat("self", &(struct stat){ 0 }));
}

/* Links that hold links: every one of them counts, however they are nested. */
static void nested_links(void)
{
	begin();
	mkdir("d", 0755);
	make_file("d/f", "deep");
	symlink(".", "d/here");
	symlink("d/here/here/here/here/here", "e1");
	symlink("e1/here/here/here/here", "e2");
	symlink("e2/here/here/here/here/here/here/here/here", "e3");
	show_file("e1/f");
	show_file("e2/f");
	show_file("e3/f");
	symlink("e3/here/here/here/here/here/here/here/here/here/here/here", "e4");
	show_file("e4/f");
	symlink("e4/here/here/here/here/here/here/here/here/here/here/here", "e5");
	show_file("e5/f");
}

static void long_targets(void)
{
	static char target[PATH_MAX + 8], back[PATH_MAX + 8];

	begin();
	make_file("f", "x");
	for (int i = 0; i < PATH_MAX; i += 2)
		memcpy(target + i, "./", 2);
	strcpy(target + 4092, "f");
	R(symlink(target, "l"));
	R(readlink("l", back, sizeof(back)));
	R(readlink("l", back, 10));
	R(access("l", F_OK));
	strcpy(target + 4092, "/./f");
	R(symlink(target, "m"));
	R(symlink("", "n"));
	memset(target, 'a', 256);
	target[255] = '\0';
	R(symlink(target, "o"));
	R(access("o", F_OK));
	target[255] = 'a';
	target[256] = '\0';
	R(symlink(target, "p"));
	R(access("p", F_OK));
	R(mkdir(target, 0755));
	R(readlink("l", back, 0));
	R(readlink("f", back, 10));
}

static void trailing_slashes(void)
{
	begin();
	make_file("f", "x");
	mkdir("d", 0755);
	symlink("d", "ld");
	symlink("f", "lf");
	symlink("nowhere", "ln");
	R(open("f/", O_RDONLY));
	R(open("lf/", O_RDONLY));
	R(open("new/", O_WRONLY | O_CREAT, 0644));
	R(open("f/", O_WRONLY | O_CREAT, 0644));
	R(open("d/", O_WRONLY | O_CREAT, 0644));
	R(open("ln/", O_WRONLY | O_CREAT, 0644));
	R(mkdir("e/", 0755));
	R(mkdir("e//", 0755));
	R(mkdir("ln/", 0755));
	R(mknod("g/", S_IFREG | 0644, 0));
	R(mknod("f/", S_IFREG | 0644, 0));
	R(symlink("x", "s/"));
	R(symlink("x", "d/"));
	R(link("f", "h/"));
	R(link("f/", "h"));
	R(link("f", "d/"));
	R(unlink("f/"));
	R(unlink("d/"));
	R(unlink("lf/"));
	R(unlink("none/"));
	R(rmdir("f/"));
	R(rmdir("ld/"));
	R(rmdir("e///"));
	R(readlink("ld/", (char[8]){ 0 }, 8));
	R(readlink("lf/", (char[8]){ 0 }, 8));
	R(truncate("f/", 0));
	R(rename("f/", "g"));
	R(rename("f", "g/"));
	R(rename("d/", "k/"));
	R(rename("k", "d///"));
	R(rename("ld/", "k"));
	R(rename("lf/", "k"));
	R(lstat("ld/", &(struct stat){ 0 }));
	R(lstat("lf/", &(struct stat){ 0 }));
	list(".");
}

static void dots(void)
{
	begin();
	mkdir("d", 0755);
	mkdir("d/e", 0755);
	symlink("d/e", "l");
	make_file("f", "x");
	R(access("l/../e", F_OK));
	R(access("l/../../f", F_OK));
	R(access("f/..", F_OK));
	R(access("f/.", F_OK));
	R(access("none/..", F_OK));
	R(access("/../../..", F_OK));
	R(mkdir("d/.", 0755));
	R(mkdir("d/..", 0755));
	R(mkdir("/", 0755));
	R(rmdir("d/."));
	R(rmdir("d/.."));
	R(rmdir("d/e/.."));
	R(unlink("d/."));
	R(unlink("d/.."));
	R(rename("d/.", "x"));
	R(rename("d/..", "x"));
	R(rename("f", "d/."));
	R(rename("f", ".."));
	R(link("f", "d/."));
	R(symlink("x", "d/.."));
	R(symlink("x", "."));
	R(open("d/.", O_CREAT | O_RDONLY, 0644));
	R(open(".", O_CREAT | O_EXCL | O_RDONLY, 0644));
	R(open("d/..", O_CREAT | O_WRONLY, 0644));
	R(mknod(".", S_IFREG | 0644, 0));
}

static void search_as_user(void)
{
	R(access("open/f", F_OK));
	R(access("open/none", F_OK));
	R(access("closed/f", F_OK));
	R(access("closed/none", F_OK));
	R(access("closed/.", F_OK));
	R(access("closed/..", F_OK));
	R(access("closed", F_OK));
	R(open("closed", O_RDONLY | O_DIRECTORY) >= 0);
	R(open("unlisted", O_RDONLY));
	R(access("unlisted/f", F_OK));
	R(mkdir("open/new", 0755));
	R(mkdir("open/f", 0755));
	R(mkdir("closed/f", 0755));
	R(unlink("open/f"));
	R(unlink("open/none"));
	R(rmdir("open/none"));
	R(rename("open/f", "open/g"));
	R(rename("open/none", "open/g"));
	R(chdir("closed"));
	R(chdir("unlisted"));
	R(open("f", O_RDONLY) >= 0);
	R(open(".", O_RDONLY));
	R(chmod("/proc/self/cwd/f", 0600));
	R(truncate("f", 0));
}

static void search(void)
{
	begin();
	mkdir("open", 0755);
	mkdir("closed", 0744);
	mkdir("unlisted", 0711);
	make_file("open/f", "x");
	make_file("closed/f", "x");
	make_file("unlisted/f", "x");
	as_user(1000, search_as_user);
}

static void sticky_as_owner(void)
{
	make_file("t/mine", "1000");
	make_file("t/mine2", "1000");
	make_file("shared/mine", "1000");
}

static void sticky_as_other(void)
{
	make_file("t/other", "1001");
	R(unlink("t/mine"));
	R(rename("t/mine", "t/stolen"));
	R(rename("t/other", "t/mine"));
	R(rmdir("t/rootdir"));
	R(syscall(SYS_renameat2, AT_FDCWD, "t/other", AT_FDCWD, "t/mine", RENAME_EXCHANGE));
	R(unlink("shared/mine"));
	R(unlink("t/other"));
	R(unlink("t/none"));
}

static void sticky_as_dir_owner(void)
{
	R(unlink("own/r"));
	R(rmdir("own/d"));
}

static void sticky(void)
{
	begin();
	mkdir("t", 0);
	chmod("t", 01777);
	mkdir("shared", 0);
	chmod("shared", 0777);
	mkdir("own", 0);
	chmod("own", 01777);
	chown("own", 1001, 1001);
	make_file("own/r", "root's");
	mkdir("own/d", 0755);
	mkdir("t/rootdir", 0777);
	as_user(1000, sticky_as_owner);
	as_user(1001, sticky_as_other);
	as_user(1001, sticky_as_dir_owner);
	R(unlink("t/mine2"));
	list("t");
	list("shared");
	list("own");
}

static void by_descriptor(void)
{
	struct stat st;
	int d, f, p;

	begin();
	mkdir("d", 0755);
	make_file("d/f", "x");
	d = open("d", O_RDONLY | O_DIRECTORY);
	f = open("d/f", O_RDONLY);
	p = open("d/f", O_PATH);
	R(faccessat(d, "f", F_OK, 0));
	R(faccessat(f, "f", F_OK, 0));
	R(faccessat(f, "", F_OK, 0));
	R(syscall(SYS_faccessat2, f, "", F_OK, AT_EMPTY_PATH));
	R(syscall(SYS_faccessat2, f, "", F_OK, 0x8000));
	R(fstatat(f, "", &st, 0));
	R(fstatat(f, "", &st, AT_EMPTY_PATH));
	R(fstatat(p, "", &st, AT_EMPTY_PATH));
	R(fstatat(-1, "", &st, AT_EMPTY_PATH));
	R(fstatat(-1, "f", &st, 0));
	R(fstatat(99, "/", &st, 0));
	R(fstatat(99, "d", &st, 0));
	R(fstatat(AT_FDCWD, "", &st, AT_EMPTY_PATH));
	YES(S_ISDIR(st.st_mode));
	R(fchownat(p, "", 1, 2, AT_EMPTY_PATH));
	R(fchownat(f, "", 3, -1, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW));
	R(fchownat(f, "", 3, -1, 0x8000));
	fstat(f, &st);
	say("owner %d:%d", st.st_uid, st.st_gid);
	R(readlinkat(f, "", (char[8]){ 0 }, 8));
	symlink("target", "l");
	p = open("l", O_PATH | O_NOFOLLOW);
	R(readlinkat(p, "", (char[8]){ 0 }, 8));
	R(fstatat(p, "", &st, AT_EMPTY_PATH));
	say("mode %o", st.st_mode);
	R(utimensat(f, "", NULL, 0));
	R(utimensat(f, NULL, NULL, 0));
	R(utimensat(f, "", NULL, AT_EMPTY_PATH));
	R(utimensat(AT_FDCWD, NULL, NULL, 0));
	R(openat(d, "", O_RDONLY));
	R(unlinkat(d, "", 0));
	R(mkdirat(d, "", 0755));
	R(linkat(f, "", d, "new", AT_EMPTY_PATH));
	R(linkat(d, "", AT_FDCWD, "new", AT_EMPTY_PATH));
	list("d");
}

static void names_that_are_gone(void)
{
	char buf[PATH_MAX];
	struct stat st;
	int d, f;

	begin();
	mkdir("d", 0755);
	make_file("d/f", "x");
	d = open("d", O_RDONLY);
	f = open("d/f", O_RDONLY);
	R(chdir("d"));
	R(unlink("f"));
	R(rmdir("../d"));
	R(getcwd(buf, sizeof(buf)) ? 0 : -1);
	R(access(".", F_OK));
	R(access("..", F_OK));
	R(access("../x", F_OK));
	R(open("f", O_CREAT | O_RDWR, 0644));
	R(mkdir("g", 0755));
	R(symlink("x", "g"));
	R(openat(d, "g", O_RDONLY));
	R(open(".", O_TMPFILE | O_RDWR, 0600));
	R(fstat(d, &st));
	say("links of d %d", (int)st.st_nlink);
	R(fstat(f, &st));
	say("links of f %d", (int)st.st_nlink);
	R(linkat(f, "", AT_FDCWD, "../h", AT_EMPTY_PATH));
	snprintf(buf, sizeof(buf), "/proc/self/fd/%d", f);
	R(linkat(AT_FDCWD, buf, AT_FDCWD, "../h", AT_SYMLINK_FOLLOW));
	R(fchdir(f));
	R(fchdir(d));
	R(chdir(".."));
	list(".");
}

static void magic_links(void)
{
	char name[64], buf[PATH_MAX];
	int f, d, p[2], n;

	begin();
	mkdir("d", 0755);
	make_file("d/f", "text");
	f = open("d/f", O_RDONLY);
	d = open("d", O_RDONLY | O_DIRECTORY);
	pipe(p);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", f);
	R(lstat(name, &(struct stat){ 0 }));
	R(open(name, O_RDONLY | O_NOFOLLOW));
	R(open(name, O_WRONLY) >= 0);
	show_file(name);
	n = readlink(name, buf, sizeof(buf));
	buf[n] = '\0';
	say("%s", buf + strlen(abi_dir));
	unlink("d/f");
	n = readlink(name, buf, sizeof(buf));
	buf[n] = '\0';
	say("%s", buf + strlen(abi_dir));
	show_file(name);
	R(unlink(name));
	R(rename(name, "x"));
	R(symlink("x", name));
	strcat(name, "/x");
	R(access(name, F_OK));
	snprintf(name, sizeof(name), "/proc/self/fd/%d/new", d);
	R(mkdir(name, 0755));
	snprintf(name, sizeof(name), "/proc/self/fd/%d/../d/new", d);
	R(rmdir(name));
	snprintf(name, sizeof(name), "/proc/self/fd/%d", p[1]);
	n = readlink(name, buf, sizeof(buf));
	YES(n > 6 && !memcmp(buf, "pipe:[", 6));
	R(open(name, O_WRONLY) >= 0);
	R(open(name, O_WRONLY | O_DIRECTORY));
	R(access("/proc/self/cwd/d", F_OK));
	R(access("/proc/self/root/proc", F_OK));
	R(access("/proc/self/fd/999", F_OK));
	R(open("/proc/self/fd/x", O_RDONLY));
	R(open("/proc/self/exe", O_RDONLY) >= 0);
	R(open("/proc/self/exe", O_RDWR));
}

static void created_through_links(void)
{
	begin();
	mkdir("d", 0755);
	symlink("d/target", "l");
	R(open("l", O_CREAT | O_EXCL | O_WRONLY, 0644));
	R(open("l", O_CREAT | O_NOFOLLOW | O_WRONLY, 0644));
	R(mkdir("l", 0755));
	R(mknod("l", S_IFREG | 0644, 0));
	R(open("l", O_CREAT | O_WRONLY, 0644) >= 0);
	list("d");
	R(open("l", O_CREAT | O_EXCL | O_WRONLY, 0644));
	symlink("none/target", "m");
	R(open("m", O_CREAT | O_WRONLY, 0644));
	symlink("l", "n");
	R(open("n", O_CREAT | O_WRONLY, 0644) >= 0);
	symlink("d/", "o");
	R(open("o", O_CREAT | O_WRONLY, 0644));
	symlink("d/new/", "p");
	R(open("p", O_CREAT | O_WRONLY, 0644));
	R(open("p", O_CREAT | O_RDONLY | O_EXCL, 0644));
	list("d");
}

static bool setting(const char *name)
{
	char path[64], text[8] = "0";
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/fs/%s", name);
	fd = open(path, O_RDONLY);
	if (fd < 0 || read(fd, text, sizeof(text)) < 1)
		say("%s: %s", path, errno_name(errno));
	close(fd);
	return text[0] != '0';
}

static bool on;

static void follow_as_user(void)
{
	YES((access("t/theirs", F_OK) == 0) == !on);
	YES((open("t/theirs", O_CREAT | O_WRONLY, 0644) >= 0) == !on);
	R(access("t/theirdir/f", F_OK)); /* not the last component */
	R(access("t/mine", F_OK));
	R(access("t/roots", F_OK));
	R(access("open/theirs", F_OK));
	R(lstat("t/theirs", &(struct stat){ 0 }));
}

/* Whatever protected_symlinks is set to, it does what it says. */
static void protected_symlinks(void)
{
	begin();
	mkdir("t", 0);
	chmod("t", 01777);
	mkdir("open", 0);
	chmod("open", 0777);
	make_file("f", "seen");
	chmod("f", 0666);
	symlink("../f", "t/theirs");
	symlink("../f", "t/mine");
	symlink("../f", "t/roots");
	symlink("../f", "open/theirs");
	symlink("..", "t/theirdir");
	lchown("t/theirs", 1001, 1001);
	lchown("t/theirdir", 1001, 1001);
	lchown("t/mine", 1000, 1000);
	lchown("open/theirs", 1001, 1001);
	on = setting("protected_symlinks");
	as_user(1000, follow_as_user);
}

static void link_as_user(void)
{
	YES((link("roots", "open/a") == 0) == !on);
	YES((link("suid", "open/c") == 0) == !on);
	YES((link("hidden", "open/d") == 0) == !on);
	YES((link("fifo", "open/f") == 0) == !on);
	R(link("world", "open/b"));
	R(link("mine", "open/e"));
}

static void protected_hardlinks(void)
{
	begin();
	mkdir("open", 0);
	chmod("open", 0777);
	make_file("roots", "x");
	make_file("world", "x");
	chmod("world", 0666);
	make_file("suid", "x");
	chmod("suid", 04777);
	make_file("hidden", "x");
	chmod("hidden", 0600);
	make_file("mine", "x");
	chown("mine", 1000, 1000);
	mknod("fifo", S_IFIFO | 0666, 0);
	on = setting("protected_hardlinks");
	as_user(1000, link_as_user);
}

ABI_MAIN(CASE(link_chains), CASE(nested_links), CASE(long_targets), CASE(trailing_slashes),
	 CASE(dots), CASE(search), CASE(sticky), CASE(by_descriptor), CASE(names_that_are_gone),
	 CASE(magic_links), CASE(created_through_links), CASE(protected_symlinks),
	 CASE(protected_hardlinks))
