/* SPDX-License-Identifier: MIT */
/* statx(2), stat(2), statfs(2), utimensat(2), chmod(2), chown(2): what is told and what changes it. */
#include <linux/stat.h>
#include <time.h>

#include "vfs.h"

static long x(int dir, const char *name, int flags, unsigned int mask, struct statx *st)
{
	memset(st, 0xee, sizeof(*st));
	return syscall(SYS_statx, dir, name, flags, mask, st);
}

static void masks(void)
{
	unsigned int all = STATX_BASIC_STATS | STATX_BTIME | 0x1000 /* MNT_ID */;
	struct statx st;

	begin();
	make_file("f", "12345");
	R(x(AT_FDCWD, "f", 0, STATX_BASIC_STATS, &st));
	say("mask %x", st.stx_mask & STATX_BASIC_STATS);
	say("mode %o links %d size %d blksize %d blocks %d", st.stx_mode, st.stx_nlink,
	    (int)st.stx_size, st.stx_blksize, (int)st.stx_blocks);
	R(x(AT_FDCWD, "f", 0, STATX_BASIC_STATS | STATX_BTIME, &st));
	say("mask %x", st.stx_mask & all);
	YES(st.stx_btime.tv_sec > 1000000000 && st.stx_btime.tv_sec <= st.stx_mtime.tv_sec);
	R(x(AT_FDCWD, "f", 0, 0, &st));
	say("size %d", (int)st.stx_size);
	R(x(AT_FDCWD, "f", 0, 0x7fffffff, &st));
	say("mask %x", st.stx_mask & (STATX_BASIC_STATS | STATX_BTIME));
	R(x(AT_FDCWD, "f", 0, 0x80000000U, &st));
	R(x(AT_FDCWD, "/proc/self/stat", 0, all, &st));
	say("mask %x", st.stx_mask & STATX_BASIC_STATS);
	R(x(AT_FDCWD, "/dev/null", 0, all, &st));
	say("device %d:%d", st.stx_rdev_major, st.stx_rdev_minor);
}

static void flags(void)
{
	struct statx st, st2;
	int fd;

	begin();
	make_file("f", "x");
	symlink("f", "l");
	fd = open("f", O_RDONLY);
	R(x(AT_FDCWD, "l", AT_SYMLINK_NOFOLLOW, STATX_TYPE, &st));
	say("type %o", st.stx_mode & S_IFMT);
	R(x(AT_FDCWD, "l", 0, STATX_TYPE, &st));
	say("type %o", st.stx_mode & S_IFMT);
	R(x(fd, "", AT_EMPTY_PATH, STATX_SIZE, &st));
	R(x(fd, "", 0, STATX_SIZE, &st));
	R(x(99, "", AT_EMPTY_PATH, STATX_SIZE, &st));
	R(x(fd, "x", AT_EMPTY_PATH, STATX_SIZE, &st));
	R(x(AT_FDCWD, "f", 0x2000 /* AT_STATX_FORCE_SYNC */, STATX_SIZE, &st));
	R(x(AT_FDCWD, "f", 0x4000 /* AT_STATX_DONT_SYNC */, STATX_SIZE, &st));
	R(x(AT_FDCWD, "f", 0x6000, STATX_SIZE, &st));
	R(x(AT_FDCWD, "f", 0x800 /* AT_NO_AUTOMOUNT */, STATX_SIZE, &st));
	R(x(AT_FDCWD, "f", 0x10000, STATX_SIZE, &st));
	R(x(AT_FDCWD, "none", 0, STATX_SIZE, &st));
	R(syscall(SYS_statx, AT_FDCWD, "f", 0, STATX_SIZE, 8));
	mkdir("m", 0755);
	R(x(AT_FDCWD, "m", 0, 0x1000, &st));
	YES(!(st.stx_attributes & 0x2000));
	mount("m", "m", "tmpfs", 0, NULL);
	R(x(AT_FDCWD, "m", 0, 0x1000, &st2));
	YES(st2.stx_attributes & 0x2000); /* STATX_ATTR_MOUNT_ROOT */
	YES(st2.stx_attributes_mask & 0x2000);
	YES(*(uint64_t *)((char *)&st + 0x90) != *(uint64_t *)((char *)&st2 + 0x90));
	YES(st.stx_dev_minor != st2.stx_dev_minor);
}

static void sizes(void)
{
	struct stat st;
	int fd;

	begin();
	fd = open("f", O_CREAT | O_RDWR, 0644);
	pwrite(fd, "x", 1, 100000);
	fstat(fd, &st);
	say("sparse: size %d blocks %d", (int)st.st_size, (int)st.st_blocks);
	symlink("target", "l");
	lstat("l", &st);
	say("link: size %d blocks %d", (int)st.st_size, (int)st.st_blocks);
	mkfifo("p", 0644);
	lstat("p", &st);
	say("fifo: size %d blocks %d", (int)st.st_size, (int)st.st_blocks);
	R(stat("none", &st));
	R(stat("f/x", &st));
	R(stat("", &st));
	R(stat(NULL, &st));
	R(stat("f", wild(8)));
	R(fstat(99, &st));
}

static void filesystems(void)
{
	struct statfs st;

	begin_with("size=1m,nr_inodes=50,mode=755");
	R(statfs(".", &st));
	say("type %lx bsize %ld frsize %ld namelen %ld flags %lx", (long)st.f_type,
	    (long)st.f_bsize, (long)st.f_frsize, (long)st.f_namelen, (long)st.f_flags);
	R(mount(NULL, ".", NULL,
		MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL));
	R(statfs(".", &st));
	say("flags %lx", (long)st.f_flags);
	R(mount(NULL, ".", NULL, MS_REMOUNT | MS_BIND | MS_NOATIME | MS_NODIRATIME, NULL));
	R(statfs(".", &st));
	say("flags %lx", (long)st.f_flags);
	R(statfs("/proc", &st));
	say("type %lx", (long)st.f_type);
	R(fstatfs(open(".", O_PATH), &st));
	R(fstatfs(99, &st));
	R(statfs("none", &st));
	int p[2];
	pipe(p);
	R(fstatfs(p[0], &st));
	say("type %lx", (long)st.f_type);
}

static void show_times(const char *path)
{
	struct stat st;

	lstat(path, &st);
	say("%s: %ld.%09ld %ld.%09ld", path, (long)st.st_atim.tv_sec, (long)st.st_atim.tv_nsec,
	    (long)st.st_mtim.tv_sec, (long)st.st_mtim.tv_nsec);
}

static void times_as_user(void)
{
	struct timespec now[2] = { { .tv_nsec = UTIME_NOW }, { .tv_nsec = UTIME_NOW } };
	struct timespec one[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_nsec = UTIME_NOW } };
	struct timespec none[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_nsec = UTIME_OMIT } };
	struct timespec old[2] = { { 1, 0 }, { 2, 0 } };

	R(utimensat(AT_FDCWD, "writable", NULL, 0));
	R(utimensat(AT_FDCWD, "writable", now, 0));
	R(utimensat(AT_FDCWD, "writable", one, 0));
	R(utimensat(AT_FDCWD, "writable", old, 0));
	R(utimensat(AT_FDCWD, "closed", NULL, 0));
	R(utimensat(AT_FDCWD, "closed", now, 0));
	R(utimensat(AT_FDCWD, "closed", one, 0));
	R(utimensat(AT_FDCWD, "closed", none, 0));
	R(utimensat(AT_FDCWD, "mine", old, 0));
	R(utimensat(AT_FDCWD, "none", none, 0));
}

static void times(void)
{
	struct timespec t[2] = { { 1000, 5 }, { 2000, 999999999 } };

	begin();
	make_file("f", "x");
	symlink("f", "l");
	R(utimensat(AT_FDCWD, "f", t, 0));
	show_times("f");
	t[0].tv_nsec = UTIME_OMIT;
	t[1] = (struct timespec){ 3000, 0 };
	R(utimensat(AT_FDCWD, "f", t, 0));
	show_times("f");
	t[0] = (struct timespec){ 4000, 1 };
	t[1].tv_nsec = UTIME_OMIT;
	R(utimensat(AT_FDCWD, "l", t, AT_SYMLINK_NOFOLLOW));
	R(utimensat(AT_FDCWD, "l", t, 0));
	show_times("f");
	t[0].tv_nsec = 1000000000;
	R(utimensat(AT_FDCWD, "f", t, 0));
	t[0].tv_nsec = -1;
	R(utimensat(AT_FDCWD, "f", t, 0));
	t[0] = (struct timespec){ -5, 0 };
	t[1] = (struct timespec){ -6, 500 };
	R(utimensat(AT_FDCWD, "f", t, 0));
	show_times("f");
	R(utimensat(AT_FDCWD, "f", t, 0x8000));
	R(utimensat(99, "f", t, 0));
	R(utimensat(AT_FDCWD, "f", wild(8), 0));
	make_file("writable", "x");
	chmod("writable", 0666);
	make_file("closed", "x");
	make_file("mine", "x");
	chown("mine", 1000, 1000);
	as_user(1000, times_as_user);
}

static void modes_as_user(void)
{
	R(chmod("f", 0666));
	R(chmod("mine", 0640));
	R(chmod("mine", 06755));
	show("mine");
	R(chmod("othersgroup", 02755));
	show("othersgroup");
	R(chown("mine", 1000, 1000));
	show("mine");
	R(chown("mine", 1001, -1));
	R(chown("mine", -1, 1001));
	R(chown("f", -1, -1));
	R(chown("f", 1000, -1));
}

static void modes(void)
{
	begin();
	make_file("f", "x");
	R(chmod("f", 07777));
	show("f");
	R(chown("f", 1, 1));
	show("f");
	R(chmod("f", 02644));
	R(chown("f", 2, 2));
	show("f");
	R(chmod("f", 06711));
	R(chown("f", -1, -1));
	show("f");
	mkdir("d", 02755);
	R(chown("d", 3, 3));
	show("d");
	R(fchmodat(AT_FDCWD, "none", 0600, 0));
	R(chmod("f/x", 0600));
	R(fchmod(99, 0600));
	R(chmod("f", 0177777));
	show("f");
	make_file("mine", "x");
	chown("mine", 1000, 1000);
	make_file("othersgroup", "x");
	chown("othersgroup", 1000, 1001);
	as_user(1000, modes_as_user);
}

static void set_ids_fall(void)
{
	int fd;

	begin();
	make_file("f", "x");
	chmod("f", 06777);
	fd = open("f", O_RDWR);
	become(1000);
	R(pwrite(fd, "y", 1, 0));
	show("f");
}

ABI_MAIN(CASE(masks), CASE(flags), CASE(sizes), CASE(filesystems), CASE(times), CASE(modes),
	 CASE(set_ids_fall))
