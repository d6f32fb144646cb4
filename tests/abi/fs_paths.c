/* SPDX-License-Identifier: MIT */
/* Names and directories: how paths are walked, made, moved and removed, and every way it fails. */
#include <dirent.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <utime.h>

#include "abi.h"

static void open_errors(void)
{
	char longname[300];

	memset(longname, 'n', sizeof(longname));
	longname[299] = '\0';
	make_file("f", "text");
	mkdir("d", 0755);
	O(open("missing", O_RDONLY));
	O(open("missing/f", O_RDONLY));
	O(open("missing/f", O_CREAT | O_RDWR, 0600));
	O(open("f/x", O_RDONLY));
	O(open("f/", O_RDONLY));
	O(open("f/.", O_RDONLY));
	O(open("f/..", O_RDONLY));
	O(open("", O_RDONLY));
	O(open("f", O_CREAT | O_EXCL | O_RDWR, 0600));
	O(open("f", O_DIRECTORY | O_RDONLY));
	O(open("d", O_RDWR));
	O(open("d", O_WRONLY | O_TRUNC));
	O(open("d", O_CREAT | O_RDONLY, 0600));
	O(open("d", O_RDONLY));
	O(open("new/", O_CREAT | O_RDWR, 0600));
	O(open(longname, O_RDONLY));
	O(open(longname, O_CREAT | O_RDWR, 0600));
	O(open(wild(1), O_RDONLY));
	O(openat(999, "f", O_RDONLY));
	O(openat(999, "/dev/null", O_RDONLY));
	O(openat(open("f", O_RDONLY), "x", O_RDONLY));
}

static void long_paths(void)
{
	static char path[5000];
	size_t n = 0;

	while (n < 4000) /* ./././... */
		n += sprintf(path + n, "./");
	strcpy(path + n, "f");
	make_file("f", "x");
	O(open(path, O_RDONLY));
	while (n < 4094)
		path[n++] = '/';
	path[n++] = 'f';
	path[n] = '\0';
	say("length %zu", n);
	O(open(path, O_RDONLY));
	path[n - 1] = '/';
	path[n++] = 'f';
	path[n] = '\0';
	say("length %zu", n);
	O(open(path, O_RDONLY));
	char name[257];

	memset(name, 'a', 256);
	name[255] = '\0';
	O(open(name, O_CREAT | O_RDWR, 0600));
	R(unlink(name));
	name[255] = 'a';
	name[256] = '\0';
	O(open(name, O_CREAT | O_RDWR, 0600));
}

static void slashes_and_dots(void)
{
	mkdir("d", 0755);
	mkdir("d/e", 0755);
	make_file("d/e/f", "x");
	R(access("d//e///f", F_OK));
	R(access("./d/./e/../e/f", F_OK));
	R(access("d/e/../../d/e/f", F_OK));
	R(access("/../../../tmp", F_OK));
	R(access("d/", F_OK));
	R(access("d/e/f/", F_OK));
	R(access("d/missing/../e", F_OK));
}

static void reading_and_writing(void)
{
	char buf[32] = "";
	int fd = open("f", O_CREAT | O_RDWR, 0644);

	R(write(fd, "0123456789", 10));
	R(lseek(fd, 3, SEEK_SET));
	R(read(fd, buf, 4));
	say("%s", buf);
	R(pread(fd, buf, 2, 8));
	R(pread(fd, buf, 2, 100));
	R(pread(fd, buf, 2, -1));
	R(lseek(fd, 0, SEEK_CUR));
	R(lseek(fd, -3, SEEK_END));
	R(lseek(fd, -20, SEEK_CUR));
	R(lseek(fd, 20, SEEK_SET));
	R(read(fd, buf, 1));
	R(write(fd, "z", 1));
	memset(buf, 'q', sizeof(buf));
	R(pread(fd, buf, 32, 0));
	say("hole %d %d, end %c", buf[10], buf[19], buf[20]);
	R(ftruncate(fd, 5));
	R(pread(fd, buf, 32, 0));
	R(ftruncate(fd, 8));
	R(pread(fd, buf, 32, 0));
	say("%.5s %d %d %d", buf, buf[5], buf[6], buf[7]);
	R(ftruncate(fd, -1));
	R(lseek(fd, 0, 99));
	R(truncate("f", 2));
	R(truncate("missing", 2));
	R(truncate(".", 2));
}

static void append_and_truncate(void)
{
	char buf[32] = "";
	int a, b;

	make_file("f", "abc");
	a = open("f", O_WRONLY | O_APPEND);
	b = open("f", O_RDWR);
	R(write(a, "1", 1));
	R(lseek(a, 0, SEEK_SET));
	R(write(a, "2", 1));
	R(lseek(a, 0, SEEK_CUR));
	R(pwrite(a, "3", 1, 0)); /* appends all the same on Linux */
	R(read(b, buf, 31));
	say("%s", buf);
	R(read(a, buf, 1));
	O(open("f", O_RDONLY | O_TRUNC));
	R(lseek(b, 0, SEEK_END));
}

static void modes(void)
{
	struct stat st;

	umask(027);
	close(open("f", O_CREAT | O_WRONLY, 0666));
	R(stat("f", &st));
	say("file %o", st.st_mode);
	R(mkdir("d", 0777));
	R(stat("d", &st));
	say("dir %o", st.st_mode);
	R(chmod("f", 04711));
	R(stat("f", &st));
	say("chmod %o", st.st_mode);
	int fd = open("f", O_RDONLY);

	if (fd >= 0)
		R(fchmod(fd, 0600));
	R(stat("f", &st));
	say("fchmod %o", st.st_mode);
	R(chmod("missing", 0600));
	R(fchmodat(AT_FDCWD, "f", 0644, 0));
	R(mknod("reg", S_IFREG | 0640, 0));
	R(stat("reg", &st));
	say("mknod %o", st.st_mode);
	R(mknod("reg", S_IFREG | 0640, 0));
	R(mknod("dir", S_IFDIR | 0640, 0));
	YES(st.st_uid == geteuid());
	say("umask was %03o", umask(0));
	R(access("f", R_OK | W_OK));
	R(access("f", 8));
}

static void stat_fields(void)
{
	struct stat st, other;

	make_file("f", "12345");
	R(stat("f", &st));
	say("size %ld nlink %d blksize>0 %d", (long)st.st_size, (int)st.st_nlink,
	    st.st_blksize > 0);
	R(lstat("f", &other));
	YES(st.st_ino == other.st_ino && st.st_dev == other.st_dev);
	R(fstatat(AT_FDCWD, "", &st, 0));
	R(fstatat(open("f", O_RDONLY), "", &st, AT_EMPTY_PATH));
	say("size %ld", (long)st.st_size);
	R(fstatat(AT_FDCWD, "f", &st, 0x4));
	R(stat("/dev/null", &st));
	say("/dev/null %o %u:%u", st.st_mode, major(st.st_rdev), minor(st.st_rdev));
	R(stat("/dev/zero", &st));
	say("/dev/zero %o %u:%u", st.st_mode, major(st.st_rdev), minor(st.st_rdev));
	R(fstat(999, &st));
	R(syscall(SYS_stat, "f", 8));
	R(syscall(SYS_fstat, 0, 8));
}

static void extended_stat(void)
{
	struct statx sx;

	make_file("f", "12345");
	R(syscall(SYS_statx, AT_FDCWD, "f", 0, STATX_BASIC_STATS, &sx));
	say("size %llu mode %o nlink %u basic %d", sx.stx_size, sx.stx_mode, sx.stx_nlink,
	    (sx.stx_mask & STATX_BASIC_STATS) == STATX_BASIC_STATS);
	R(syscall(SYS_statx, AT_FDCWD, "missing", 0, STATX_SIZE, &sx));
	R(syscall(SYS_statx, AT_FDCWD, "f", 0x10, STATX_SIZE, &sx));
	R(syscall(SYS_statx, AT_FDCWD, "f", 0, 0x80000000U, &sx));
	R(syscall(SYS_statx, AT_FDCWD, "f", 0, STATX_SIZE, 8));
}

static void times(void)
{
	struct timespec t[2] = { { 1000, 5 }, { 2000, 7 } };
	struct stat st, before;

	make_file("f", "x");
	R(utimensat(AT_FDCWD, "f", t, 0));
	R(stat("f", &st));
	say("%ld.%09ld %ld.%09ld", (long)st.st_atim.tv_sec, st.st_atim.tv_nsec,
	    (long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	t[0].tv_nsec = UTIME_OMIT;
	t[1].tv_sec = 3000;
	R(utimensat(AT_FDCWD, "f", t, 0));
	R(stat("f", &st));
	say("%ld %ld", (long)st.st_atim.tv_sec, (long)st.st_mtim.tv_sec);
	t[0].tv_nsec = 1000000000;
	R(utimensat(AT_FDCWD, "f", t, 0));
	R(utimensat(AT_FDCWD, "missing", NULL, 0));
	R(utimensat(AT_FDCWD, "f", NULL, 0));
	R(stat("f", &before));
	YES(before.st_mtim.tv_sec > 3000);
	usleep(20000);
	make_file("f", "y");
	R(stat("f", &st));
	YES(st.st_mtim.tv_sec > before.st_mtim.tv_sec ||
	    (st.st_mtim.tv_sec == before.st_mtim.tv_sec &&
	     st.st_mtim.tv_nsec > before.st_mtim.tv_nsec));
	mkdir("d", 0755);
	utimensat(AT_FDCWD, "d", (struct timespec[2]){ { 5, 0 }, { 5, 0 } }, 0);
	make_file("d/new", "");
	R(stat("d", &st));
	YES(st.st_mtim.tv_sec > 5);
}

static void directories(void)
{
	make_file("f", "");
	R(mkdir("d", 0755));
	R(mkdir("d", 0755));
	R(mkdir("f", 0755));
	R(mkdir("missing/d", 0755));
	R(mkdir("f/d", 0755));
	R(mkdir("slash/", 0755));
	R(mkdir("", 0755));
	R(mkdir(".", 0755));
	R(mkdir("/", 0755));
	R(mkdir("d/e", 0755));
	R(rmdir("d"));
	R(rmdir("d/e/."));
	R(rmdir("d/e/.."));
	R(rmdir("f"));
	R(rmdir("missing"));
	R(rmdir("d/e"));
	R(rmdir("d/"));
	R(rmdir("/"));
	R(unlink("slash"));
	R(unlinkat(AT_FDCWD, "slash", AT_REMOVEDIR));
	R(unlinkat(AT_FDCWD, "f", AT_REMOVEDIR));
	R(unlinkat(AT_FDCWD, "f", 0x1));
	R(unlink("f/"));
	R(unlink("f"));
	R(unlink("f"));
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list(const char *path)
{
	char *names[64], line[800] = "";
	struct dirent *e;
	DIR *dir = opendir(path);
	int n = 0;

	while (dir && (e = readdir(dir)) && n < 64)
		names[n++] = strdup(e->d_name);
	qsort(names, n, sizeof(*names), by_name);
	for (int i = 0; i < n; i++)
		sprintf(line + strlen(line), " %s", names[i]);
	say("%s:%s", path, line);
	if (dir)
		closedir(dir);
}

static void listing(void)
{
	char name[16];
	struct dirent *e;
	DIR *dir;
	int kinds[16] = { 0 }, n = 0;

	list(".");
	mkdir("d", 0755);
	for (int i = 0; i < 10; i++) {
		sprintf(name, "d/f%d", i);
		make_file(name, "");
	}
	mkdir("d/sub", 0755);
	symlink("f1", "d/link");
	mkfifo("d/fifo", 0600);
	list("d");
	dir = opendir("d");
	while ((e = readdir(dir)))
		if (e->d_type < 16)
			kinds[e->d_type]++;
	say("regular %d dirs %d links %d fifos %d", kinds[DT_REG], kinds[DT_DIR], kinds[DT_LNK],
	    kinds[DT_FIFO]);
	rewinddir(dir);
	while (readdir(dir))
		n++;
	say("after rewinddir %d", n);
	closedir(dir);
	for (int i = 0; i < 10; i += 2) {
		sprintf(name, "d/f%d", i);
		unlink(name);
	}
	list("d");
}

/* Everything is removed while it is listed: each name is seen once. */
static void listing_while_removing(void)
{
	char name[32];
	struct dirent *e;
	DIR *dir;
	int seen = 0;

	mkdir("d", 0755);
	for (int i = 0; i < 300; i++) {
		sprintf(name, "d/file-number-%d", i);
		make_file(name, "");
	}
	dir = opendir("d");
	while ((e = readdir(dir)))
		if (e->d_name[0] != '.') {
			seen++;
			unlinkat(dirfd(dir), e->d_name, 0);
		}
	closedir(dir);
	say("seen %d", seen);
	R(rmdir("d"));
}

/* getdents(2): the type is the record's last byte. */
static void old_getdents(void)
{
	struct old_dirent {
		unsigned long ino, off;
		unsigned short reclen;
		char name[];
	} * d;
	static const char *const names[] = { ".", "file", "folder", "a-link-of-nineteen" };
	char buf[1024];
	struct stat st;
	long n;
	int fd;

	mkdir("d", 0755);
	mkdir("d/folder", 0755);
	make_file("d/file", "");
	symlink("x", "d/a-link-of-nineteen");
	fd = open("d", O_RDONLY | O_DIRECTORY);
	R(syscall(SYS_getdents, fd, buf, 23));
	n = syscall(SYS_getdents, fd, buf, sizeof(buf));
	say("%ld bytes", n);
	for (int i = 0; i < 4 * n; i += d->reclen) {
		d = (void *)(buf + i % n);
		if (strcmp(d->name, names[i / n]))
			continue;
		fstatat(fd, d->name, &st, AT_SYMLINK_NOFOLLOW);
		say("%s: %u bytes, type %d", d->name, d->reclen, buf[i % n + d->reclen - 1]);
		YES(d->ino == st.st_ino);
	}
	R(syscall(SYS_getdents, fd, buf, sizeof(buf)));
	R(syscall(SYS_getdents, -1, buf, sizeof(buf)));
}

static void raw_getdents(void)
{
	char buf[1024];
	int fd = open(".", O_RDONLY | O_DIRECTORY);

	R(syscall(SYS_getdents64, fd, buf, 10));
	R(syscall(SYS_getdents64, fd, buf, 1024) > 0 ? 1 : 0);
	R(syscall(SYS_getdents64, fd, buf, 1024));
	R(lseek(fd, 0, SEEK_SET));
	R(syscall(SYS_getdents64, fd, buf, 1024) > 0 ? 1 : 0);
	R(syscall(SYS_getdents64, fd, wild(8), 1024));
	make_file("f", "");
	R(syscall(SYS_getdents64, open("f", O_RDONLY), buf, 1024));
	YES(read(fd, buf, 10) == -1 &&
	    (errno == EISDIR || errno == EINVAL)); /* as the file system likes */
	R(write(fd, buf, 10));
	mkdir("gone", 0755);
	fd = open("gone", O_RDONLY);
	rmdir("gone");
	R(syscall(SYS_getdents64, fd, buf, 1024));
}

static void symbolic_links(void)
{
	char buf[64] = "", name[16], target[16];
	struct stat st;

	make_file("f", "text");
	mkdir("d", 0755);
	R(symlink("f", "s"));
	R(symlink("f", "s"));
	R(symlink("", "empty"));
	R(symlink("nowhere", "dangling"));
	R(symlink("d", "sd"));
	R(symlink("loop2", "loop1"));
	R(symlink("loop1", "loop2"));
	R(readlink("s", buf, sizeof(buf)));
	say("%s", buf);
	R(readlink("dangling", buf, 3));
	R(readlink("f", buf, sizeof(buf)));
	R(readlink("missing", buf, sizeof(buf)));
	R(readlink("s", buf, 0));
	R(lstat("s", &st));
	say("size %ld mode %o", (long)st.st_size, st.st_mode);
	O(open("s", O_RDONLY | O_NOFOLLOW));
	O(open("s", O_RDONLY | O_CREAT | O_EXCL, 0600));
	O(open("dangling", O_RDONLY));
	O(open("dangling", O_WRONLY | O_CREAT | O_EXCL, 0600));
	O(open("dangling", O_WRONLY | O_CREAT, 0600));
	R(access("nowhere", F_OK)); /* made through the link */
	O(open("loop1", O_RDONLY));
	O(open("sd", O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
	O(open("sd/", O_RDONLY | O_NOFOLLOW));
	R(rmdir("sd"));
	R(unlink("sd/"));
	R(unlink("sd"));
	for (int i = 1; i <= 41; i++) {
		sprintf(name, "c%d", i);
		sprintf(target, i == 1 ? "f" : "c%d", i - 1);
		symlink(target, name);
	}
	O(open("c40", O_RDONLY));
	O(open("c41", O_RDONLY));
	O(open("s", O_PATH | O_NOFOLLOW));
}

static void hard_links(void)
{
	struct stat st;

	make_file("f", "text");
	mkdir("d", 0755);
	symlink("f", "s");
	R(link("f", "g"));
	R(stat("f", &st));
	say("nlink %d", (int)st.st_nlink);
	R(link("f", "g"));
	R(link("missing", "h"));
	R(link("d", "h"));
	R(link("s", "h"));
	R(lstat("h", &st));
	say("a link to the link: %o", st.st_mode & S_IFMT);
	R(linkat(AT_FDCWD, "s", AT_FDCWD, "i", AT_SYMLINK_FOLLOW));
	R(lstat("i", &st));
	say("a link to the file: %o nlink %d", st.st_mode & S_IFMT, (int)st.st_nlink);
	R(unlink("f"));
	R(stat("g", &st));
	say("nlink %d size %ld", (int)st.st_nlink, (long)st.st_size);
	R(linkat(AT_FDCWD, "g", AT_FDCWD, "j", 0x1));
}

static void unlinked_file_lives_on(void)
{
	char buf[8] = "";
	struct stat st;
	int fd;

	make_file("f", "alive");
	fd = open("f", O_RDWR);
	R(unlink("f"));
	R(read(fd, buf, 7));
	say("%s", buf);
	R(fstat(fd, &st));
	say("nlink %d", (int)st.st_nlink);
	R(write(fd, "!", 1));
	make_file("f", "new");
	R(fstat(fd, &st));
	say("size %ld", (long)st.st_size);
}

static void moves(void)
{
	char buf[8] = "";
	struct stat a, b;

	make_file("f", "f");
	make_file("g", "g");
	mkdir("d", 0755);
	mkdir("d/sub", 0755);
	mkdir("e", 0755);
	stat("f", &a);
	R(rename("f", "h"));
	stat("h", &b);
	YES(a.st_ino == b.st_ino);
	R(rename("f", "x"));
	R(rename("h", "g")); /* replaces */
	int fd = open("g", O_RDONLY);

	R(read(fd, buf, 1));
	say("%s", buf);
	R(rename("g", "d"));
	R(rename("d", "g"));
	R(rename("e", "d")); /* not empty */
	R(rename("d", "e")); /* onto an empty one */
	R(access("e/sub", F_OK));
	R(rename("e", "e/sub/x"));
	R(rename("e", "e"));
	R(rename("e/sub", "e"));
	R(rename("e/.", "y"));
	R(rename("e", "y/"));
	R(rename("g", "z/"));
	R(rename("missing", "q"));
	R(rename("g", "missing/q"));
	R(rename("g", "y/sub/g"));
	R(rename("y/sub/g", "back"));
	R(link("back", "same"));
	R(rename("back", "same")); /* the same file: nothing happens */
	R(access("back", F_OK));
	list(".");
}

static void moves_with_flags(void)
{
	char buf[2] = "";
	int fd;

	make_file("a", "a");
	make_file("b", "b");
	mkdir("d", 0755);
	R(syscall(SYS_renameat2, AT_FDCWD, "a", AT_FDCWD, "b", RENAME_NOREPLACE));
	R(syscall(SYS_renameat2, AT_FDCWD, "a", AT_FDCWD, "c", RENAME_NOREPLACE));
	R(syscall(SYS_renameat2, AT_FDCWD, "c", AT_FDCWD, "b", RENAME_EXCHANGE));
	fd = open("b", O_RDONLY);
	R(read(fd, buf, 1));
	say("%s", buf);
	R(syscall(SYS_renameat2, AT_FDCWD, "b", AT_FDCWD, "d", RENAME_EXCHANGE));
	R(access("b/.", F_OK));
	R(syscall(SYS_renameat2, AT_FDCWD, "b", AT_FDCWD, "missing", RENAME_EXCHANGE));
	R(syscall(SYS_renameat2, AT_FDCWD, "b", AT_FDCWD, "d", RENAME_EXCHANGE | RENAME_NOREPLACE));
	R(syscall(SYS_renameat2, AT_FDCWD, "b", AT_FDCWD, "d", 0x80));
}

static void working_directory(void)
{
	char buf[256], *slash;

	mkdir("d", 0755);
	mkdir("d/e", 0755);
	make_file("f", "");
	R(chdir("d/e"));
	slash = getcwd(buf, sizeof(buf)) ? strstr(buf, "/d/e") : NULL;
	say("%s", slash ? slash : "?");
	R(syscall(SYS_getcwd, buf, 5));
	R(chdir("../../f"));
	R(chdir("missing"));
	R(rename("../../d", "../../new"));
	slash = getcwd(buf, sizeof(buf)) ? strstr(buf, "/new/e") : NULL;
	say("%s", slash ? slash : "?");
	R(rmdir("../e"));
	O(getcwd(buf, sizeof(buf)) ? 0 : -1);
	O(open(".", O_RDONLY));
	O(open("x", O_CREAT | O_RDWR, 0600));
	R(mkdir("x", 0755));
	R(chdir(".."));
	slash = getcwd(buf, sizeof(buf)) ? strstr(buf, "/new") : NULL;
	say("%s", slash ? slash : "?");
	R(fchdir(open(abi_dir, O_RDONLY)));
	R(fchdir(open("f", O_RDONLY)));
	R(fchdir(999));
}

static void relative_to_a_descriptor(void)
{
	struct stat st;
	int d, path;

	mkdir("d", 0755);
	make_file("d/f", "abc");
	d = open("d", O_RDONLY | O_DIRECTORY);
	O(openat(d, "f", O_RDONLY));
	R(fstatat(d, "f", &st, 0));
	R(mkdirat(d, "sub", 0755));
	R(symlinkat("f", d, "s"));
	R(renameat(d, "f", AT_FDCWD, "moved"));
	R(faccessat(d, "s", F_OK, 0));
	R(faccessat(d, "s", F_OK, AT_SYMLINK_NOFOLLOW));
	R(linkat(AT_FDCWD, "moved", d, "linked", 0));
	R(unlinkat(d, "linked", 0));
	R(unlinkat(d, "sub", AT_REMOVEDIR));
	path = open("moved", O_PATH);
	YES(path >= 0);
	R(read(path, &st, 1));
	R(fstat(path, &st));
	R(fchmod(path, 0600));
	R(fcntl(path, F_GETFL) & O_PATH ? 1 : 0);
	O(dup(path));
	R(lseek(path, 0, SEEK_SET));
}

static long open2(int dirfd, const char *path, unsigned long long flags, unsigned long long resolve)
{
	struct open_how how = { .flags = flags, .resolve = resolve };

	return syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
}

static void resolution_rules(void)
{
	struct open_how how = { .flags = O_RDONLY, .mode = 0600 };
	int d;

	mkdir("d", 0755);
	make_file("d/f", "");
	make_file("out", "");
	symlink("f", "d/inside");
	symlink("../out", "d/outside");
	symlink("/out", "d/absolute");
	d = open("d", O_RDONLY | O_DIRECTORY);
	O(open2(d, "f", O_RDONLY, 0));
	O(open2(d, "inside", O_RDONLY, RESOLVE_NO_SYMLINKS));
	O(open2(d, "inside", O_RDONLY, RESOLVE_BENEATH));
	O(open2(d, "outside", O_RDONLY, RESOLVE_BENEATH));
	O(open2(d, "../out", O_RDONLY, RESOLVE_BENEATH));
	O(open2(d, "/f", O_RDONLY, RESOLVE_BENEATH));
	O(open2(d, "absolute", O_RDONLY, RESOLVE_BENEATH));
	O(open2(d, "../f", O_RDONLY, RESOLVE_IN_ROOT));
	O(open2(d, "/f", O_RDONLY, RESOLVE_IN_ROOT));
	O(open2(d, "outside", O_RDONLY, RESOLVE_IN_ROOT));
	O(open2(d, "/../../f", O_RDONLY, RESOLVE_IN_ROOT));
	O(open2(AT_FDCWD, "/proc/self/exe", O_RDONLY, RESOLVE_NO_MAGICLINKS));
	O(open2(AT_FDCWD, "/proc/version", O_RDONLY, RESOLVE_NO_XDEV));
	O(open2(d, "f", O_RDONLY, RESOLVE_BENEATH | RESOLVE_IN_ROOT));
	O(open2(d, "f", O_RDONLY, 0x1000));
	O(open2(d, "f", 1ULL << 40, 0));
	O(syscall(SYS_openat2, d, "f", &how, sizeof(how))); /* a mode without O_CREAT */
	O(syscall(SYS_openat2, d, "f", &how, 8));
	O(syscall(SYS_openat2, d, "f", wild(8), sizeof(how)));
}

static void nameless_files(void)
{
	char path[64];
	struct stat st;
	int fd = open(".", O_TMPFILE | O_RDWR, 0600);

	if (fd < 0) {
		say("not on this file system");
		return;
	}
	R(write(fd, "abc", 3));
	R(fstat(fd, &st));
	say("nlink %d size %ld", (int)st.st_nlink, (long)st.st_size);
	list(".");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	R(linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
	list(".");
	O(open(".", O_TMPFILE | O_RDONLY, 0600));
}

static void file_systems(void)
{
	struct statfs sf;

	R(statfs("/proc", &sf));
	say("type %#lx", (long)sf.f_type);
	R(statfs(".", &sf));
	YES(sf.f_bsize > 0 && sf.f_namelen == 255);
	R(statfs("missing", &sf));
	R(fstatfs(999, &sf));
	R(syscall(SYS_statfs, ".", 8));
}

static void devices(void)
{
	char buf[8] = "xxxxxxx";
	int null = open("/dev/null", O_RDWR), zero = open("/dev/zero", O_RDWR);
	int full = open("/dev/full", O_RDWR), rnd = open("/dev/urandom", O_RDONLY);

	R(read(null, buf, 8));
	R(write(null, buf, 8));
	R(read(zero, buf, 8));
	say("%d %d", buf[0], buf[7]);
	R(write(zero, buf, 8));
	R(read(full, buf, 8));
	R(write(full, buf, 8));
	R(read(rnd, buf, 8));
	R(syscall(SYS_getrandom, buf, 8, 0));
	R(syscall(SYS_getrandom, buf, 8, 0x100));
	R(lseek(zero, 100, SEEK_SET));
	O(open("/dev/null/x", O_RDONLY));
}

static void big_file(void)
{
	static char block[65536], back[65536];
	int fd = open("f", O_CREAT | O_RDWR, 0600);
	unsigned bad = 0;
	struct stat st;

	for (int i = 0; i < 64; i++) {
		memset(block, i + 1, sizeof(block));
		if (write(fd, block, sizeof(block)) != sizeof(block))
			say("short write");
	}
	for (int i = 63; i >= 0; i--) {
		memset(block, i + 1, sizeof(block));
		if (pread(fd, back, sizeof(back), i * 65536L) != sizeof(back))
			say("short read");
		bad += memcmp(block, back, sizeof(back)) != 0;
	}
	R(fstat(fd, &st));
	say("bad %u size %ld", bad, (long)st.st_size);
	R(pwrite(fd, "end", 3, 3UL << 30)); /* sparse */
	R(fstat(fd, &st));
	say("size %ld", (long)st.st_size);
	R(pread(fd, back, 10, (3UL << 30) - 4));
	say("%d%d%d%d%.3s", back[0], back[1], back[2], back[3], back + 4);
}

ABI_MAIN(CASE(open_errors), CASE(long_paths), CASE(slashes_and_dots), CASE(reading_and_writing),
	 CASE(append_and_truncate), CASE(modes), CASE(stat_fields), CASE(extended_stat),
	 CASE(times), CASE(directories), CASE(listing), CASE(listing_while_removing),
	 CASE(raw_getdents), CASE(old_getdents), CASE(symbolic_links), CASE(hard_links),
	 CASE(unlinked_file_lives_on), CASE(moves), CASE(moves_with_flags), CASE(working_directory),
	 CASE(relative_to_a_descriptor), CASE(resolution_rules), CASE(nameless_files),
	 CASE(file_systems), CASE(devices), CASE(big_file))
