/* SPDX-License-Identifier: MIT */
/* lseek(2) with holes, fallocate(2) as tmpfs has it, sizes and limits, preadv2(2)'s flags, advice. */
#include <linux/falloc.h>
#include <sys/uio.h>

#include "vfs.h"

#define PAGE 4096L

static int fd;

static void map_of(const char *what)
{
	char line[256] = "";
	long at = 0, end = lseek(fd, 0, SEEK_END);
	int len = 0;

	while (at < end && len < 200) {
		long data = lseek(fd, at, SEEK_DATA), hole;

		if (data < 0)
			break;
		hole = lseek(fd, data, SEEK_HOLE);
		len += snprintf(line + len, sizeof(line) - len, " [%ld,%ld)", data, hole);
		at = hole;
	}
	say("%s: size %ld, data%s", what, end, line);
}

static void blocks(void)
{
	struct stat st;

	fstat(fd, &st);
	say("size %ld blocks %ld", (long)st.st_size, (long)st.st_blocks);
}

static void holes(void)
{
	begin();
	fd = open("f", O_CREAT | O_RDWR, 0644);
	R(lseek(fd, 0, SEEK_DATA));
	R(lseek(fd, 0, SEEK_HOLE));
	R(ftruncate(fd, 10 * PAGE));
	map_of("all hole");
	R(lseek(fd, 0, SEEK_DATA));
	R(lseek(fd, 5, SEEK_HOLE));
	pwrite(fd, "x", 1, 3 * PAGE + 7);
	pwrite(fd, "x", 1, 6 * PAGE);
	pwrite(fd, "x", 1, 7 * PAGE);
	map_of("three pages");
	blocks();
	R(lseek(fd, 3 * PAGE + 100, SEEK_DATA));
	R(lseek(fd, 3 * PAGE + 100, SEEK_HOLE));
	R(lseek(fd, 8 * PAGE, SEEK_DATA));
	R(lseek(fd, 8 * PAGE, SEEK_HOLE));
	R(lseek(fd, 10 * PAGE - 1, SEEK_HOLE));
	R(lseek(fd, 10 * PAGE, SEEK_HOLE));
	R(lseek(fd, 10 * PAGE, SEEK_DATA));
	R(lseek(fd, -1, SEEK_DATA));
	R(lseek(fd, -1, SEEK_HOLE));
	R(ftruncate(fd, 7 * PAGE + 1));
	map_of("cut");
	R(lseek(fd, 7 * PAGE, SEEK_HOLE));
}

static void positions(void)
{
	int p[2], d;
	char c;

	begin();
	make_file("f", "0123456789");
	fd = open("f", O_RDWR);
	R(lseek(fd, 3, SEEK_SET));
	R(lseek(fd, -1, SEEK_CUR));
	R(lseek(fd, -3, SEEK_CUR));
	R(lseek(fd, -2, SEEK_END));
	R(lseek(fd, -11, SEEK_END));
	R(lseek(fd, 0, SEEK_CUR));
	R(lseek(fd, 0, 9));
	R(lseek(fd, 1000, SEEK_SET));
	R(read(fd, &c, 1));
	R(lseek(fd, LONG_MAX, SEEK_SET) == LONG_MAX ? 0 : -1);
	R(lseek(fd, 1, SEEK_CUR));
	pipe(p);
	R(lseek(p[0], 0, SEEK_CUR));
	R(pread(p[0], &c, 1, 0));
	R(pwrite(p[1], &c, 1, 0));
	R(pread(fd, &c, 1, -1));
	R(pread(fd, &c, 1, 10));
	R(pread(fd, &c, 1, 9));
	d = open(".", O_RDONLY);
	R(lseek(d, 0, SEEK_SET));
	R(read(d, &c, 1));
	R(pread(d, &c, 1, 0));
	R(lseek(open("/dev/null", O_RDWR), 100, SEEK_SET));
	R(lseek(open("/dev/zero", O_RDWR), 100, SEEK_END));
	R(lseek(99, 0, SEEK_SET));
	R(lseek(open("f", O_PATH), 0, SEEK_SET));
}

static void allocating(void)
{
	begin();
	fd = open("f", O_CREAT | O_RDWR, 0644);
	R(fallocate(fd, 0, 0, 2 * PAGE + 1));
	blocks();
	R(fallocate(fd, FALLOC_FL_KEEP_SIZE, 2 * PAGE, 4 * PAGE));
	blocks();
	R(fallocate(fd, 0, 0, 1));
	blocks();
	R(fallocate(fd, 0, 7 * PAGE, PAGE));
	blocks();
	R(fallocate(fd, 0, -1, PAGE));
	R(fallocate(fd, 0, 0, 0));
	R(fallocate(fd, 0, 0, -1));
	R(fallocate(fd, 0, LONG_MAX, 1));
	R(fallocate(fd, 0, LONG_MAX - 1, LONG_MAX));
	R(fallocate(open("f", O_RDONLY), 0, 0, 1));
	R(fallocate(open(".", O_RDONLY), 0, 0, 1));
	R(fallocate(open("/dev/null", O_RDWR), 0, 0, 1));
	R(fallocate(99, 0, 0, 1));
	R(posix_fallocate(fd, 0, 9 * PAGE));
	blocks();
}

static void punching(void)
{
	char buf[8];
	char *m;

	begin();
	fd = open("f", O_CREAT | O_RDWR, 0644);
	for (int i = 0; i < 6; i++)
		pwrite(fd, "abcdefgh", 8, i * PAGE + PAGE - 8);
	m = mmap(NULL, 6 * PAGE, PROT_READ, MAP_SHARED, fd, 0);
	R(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, PAGE, 2 * PAGE));
	map_of("whole pages");
	say("mapped: %d %c", m[2 * PAGE - 1], m[PAGE - 1]);
	R(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4 * PAGE - 4, 2));
	map_of("inside a page");
	pread(fd, buf, 8, 4 * PAGE - 8);
	say("%c%c%c%c%d%d%c%c", buf[0], buf[1], buf[2], buf[3], buf[4], buf[5], buf[6], buf[7]);
	R(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4 * PAGE + 1, 100 * PAGE));
	map_of("over the end");
	blocks();
	R(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 100 * PAGE, PAGE));
	blocks();
}

static void other_modes(void)
{
	begin();
	fd = open("f", O_CREAT | O_RDWR, 0644);
	ftruncate(fd, 4 * PAGE);
	R(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, PAGE));
	R(fallocate(fd, FALLOC_FL_ZERO_RANGE, 0, PAGE));
	R(fallocate(fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, 0, PAGE));
	R(fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 0, PAGE));
	R(fallocate(fd, FALLOC_FL_INSERT_RANGE, 0, PAGE));
	R(fallocate(fd, FALLOC_FL_UNSHARE_RANGE, 0, PAGE));
	R(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE, 0, PAGE));
	R(fallocate(fd, 0x4000, 0, PAGE));
	R(fallocate(open("f", O_RDONLY), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE));
	blocks();
}

static void size_limits(void)
{
	struct rlimit lim = { 2 * PAGE, 2 * PAGE };

	begin();
	signal(SIGXFSZ, SIG_IGN);
	fd = open("f", O_CREAT | O_RDWR, 0644);
	R(ftruncate(fd, 3 * PAGE));
	R(setrlimit(RLIMIT_FSIZE, &lim));
	R(ftruncate(fd, 4 * PAGE));
	R(ftruncate(fd, 3 * PAGE));
	R(ftruncate(fd, PAGE));
	R(pwrite(fd, "0123456789", 10, 2 * PAGE - 4));
	R(pwrite(fd, "x", 1, 2 * PAGE));
	R(write(open("f", O_WRONLY | O_APPEND), "x", 1));
	R(fallocate(fd, 0, 0, 2 * PAGE));
	R(fallocate(fd, 0, 0, 2 * PAGE + 1));
	R(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 3 * PAGE));
	blocks();
	signal(SIGXFSZ, SIG_DFL);
	say("%s", ended(reap(fork() ?: (pwrite(fd, "x", 1, 2 * PAGE), _exit(0), 0))));
	say("%s", ended(reap(fork() ?: (ftruncate(fd, 3 * PAGE), _exit(0), 0))));
}

static long preadv2(int file, const struct iovec *v, int n, long at, int flags)
{
	return syscall(SYS_preadv2, file, v, n, at, 0, flags);
}

static long pwritev2(int file, const struct iovec *v, int n, long at, int flags)
{
	return syscall(SYS_pwritev2, file, v, n, at, 0, flags);
}

static void flags_of_a_transfer(void)
{
	char buf[8] = "";
	struct iovec v = { buf, 4 };
	int p[2], n;

	begin();
	make_file("f", "0123456789");
	fd = open("f", O_RDWR);
	R(preadv2(fd, &v, 1, 2, 0));
	say("%s", buf);
	R(preadv2(fd, &v, 1, -1, 0));
	R(lseek(fd, 0, SEEK_CUR));
	R(preadv2(fd, &v, 1, 0, RWF_HIPRI));
	R(preadv2(fd, &v, 1, 0, RWF_DSYNC));
	R(pwritev2(fd, &v, 1, 0, RWF_SYNC | RWF_DSYNC));
	R(pwritev2(fd, &v, 1, 0, RWF_APPEND));
	R(lseek(fd, 0, SEEK_CUR));
	show_file("f");
	R(pwritev2(fd, &v, 1, -1, RWF_APPEND));
	R(lseek(fd, 0, SEEK_CUR));
	R(preadv2(fd, &v, 1, 0, 0x4000));
	R(pwritev2(fd, &v, 1, 0, 0x4000));
	R(preadv2(fd, &v, 1, -2, 0));
	pipe(p);
	R(preadv2(p[0], &v, 1, -1, RWF_NOWAIT));
	R(preadv2(p[0], &v, 1, 0, 0));
	n = fcntl(p[1], F_GETPIPE_SZ);
	fcntl(p[1], F_SETFL, O_NONBLOCK);
	while (n > 0)
		n -= write(p[1], "0123", 4);
	fcntl(p[1], F_SETFL, 0);
	R(pwritev2(p[1], &v, 1, -1, RWF_NOWAIT));
	R(preadv2(p[0], &v, 1, -1, RWF_NOWAIT));
}

static void advice(void)
{
	int p[2];

	begin();
	make_file("f", "0123456789");
	fd = open("f", O_RDWR);
	pipe(p);
	R(posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL));
	R(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED));
	R(posix_fadvise(fd, 0, -1, POSIX_FADV_NORMAL));
	R(posix_fadvise(fd, 0, 0, 6));
	R(posix_fadvise(p[0], 0, 0, POSIX_FADV_NORMAL));
	R(posix_fadvise(99, 0, 0, POSIX_FADV_NORMAL));
	R(syscall(SYS_sync_file_range, fd, 0L, 0L, 7));
	R(syscall(SYS_sync_file_range, fd, 0L, 0L, 8));
	R(syscall(SYS_sync_file_range, fd, -1L, 0L, 2));
	R(syscall(SYS_sync_file_range, fd, 0L, -1L, 2));
	R(syscall(SYS_sync_file_range, p[0], 0L, 0L, 2));
	R(syscall(SYS_sync_file_range, 99, 0L, 0L, 2));
	R(readahead(p[0], 0, 10));
	R(readahead(open("f", O_WRONLY), 0, 10));
	R(fsync(fd));
	R(fdatasync(fd));
	R(fsync(p[0]));
	R(fsync(open(".", O_RDONLY)));
	R(fsync(99));
	R(syncfs(fd));
	R(syncfs(99));
	R(syscall(SYS_sync));
}

ABI_MAIN(CASE(holes), CASE(positions), CASE(allocating), CASE(punching), CASE(other_modes),
	 CASE(size_limits), CASE(flags_of_a_transfer), CASE(advice))
