/* SPDX-License-Identifier: MIT */
/* Hostile arguments: numbers of no descriptor, and descriptors of the wrong kind. */
#include <poll.h>
#include <sys/uio.h>
#include <termios.h>

#include "errors.h"

/* ---- descriptors ---- */

/* The call is repeated with FD as every number that is no descriptor; one line when all answer alike. */
#define FDS(call)                                                                                  \
	do {                                                                                       \
		static const int numbers[] = { -1, 9999, INT_MAX, INT_MIN };                       \
		int first = 0;                                                                     \
		for (int b = 0; b < 4; b++) {                                                      \
			int FD = numbers[b];                                                       \
			int err = (call) == -1 ? errno : 0;                                        \
			if (b && err != first)                                                     \
				say("%s with %d = %s", #call, FD, err ? errno_name(err) : "ok");   \
			else if (!b)                                                               \
				say("%s = %s", #call, err ? errno_name(err) : "ok");               \
			first = b ? first : err;                                                   \
		}                                                                                  \
	} while (0)

static void no_descriptors(void)
{
	static char buf[512];
	struct iovec v = { buf, 8 };
	int good = open("f", O_CREAT | O_RDWR, 0600), ep = S(epoll_create1, 0);
	struct rlimit few = { 64, 64 };

	setrlimit(RLIMIT_NOFILE, &few);
	FDS(S(read, FD, buf, 1));
	FDS(S(write, FD, buf, 1));
	FDS(S(read, FD, NULL, 0));
	FDS(S(pread64, FD, buf, 1, 0));
	FDS(S(pread64, FD, buf, 1, -1));
	FDS(S(pwrite64, FD, buf, 1, 0));
	FDS(S(readv, FD, &v, 1));
	FDS(S(readv, FD, NULL, 1));
	FDS(S(writev, FD, &v, 1));
	FDS(S(preadv, FD, &v, 1, 0, 0));
	FDS(S(pwritev, FD, &v, 1, 0, 0));
	FDS(S(preadv2, FD, &v, 1, 0, 0, 0));
	FDS(S(pwritev2, FD, &v, 1, 0, 0, -1));
	FDS(S(lseek, FD, 0, 0));
	FDS(S(lseek, FD, 0, 99));
	FDS(S(sendfile, FD, good, NULL, 1));
	FDS(S(sendfile, good, FD, NULL, 1));
	FDS(S(copy_file_range, FD, NULL, good, NULL, 1, 0));
	FDS(S(copy_file_range, good, NULL, FD, NULL, 1, 0));
	FDS(S(fsync, FD));
	FDS(S(fdatasync, FD));
	FDS(S(syncfs, FD));
	FDS(S(fadvise64, FD, 0, 0, 0));
	FDS(S(fadvise64, FD, 0, -1, 99));
	FDS(S(readahead, FD, 0, 0));
	FDS(S(ftruncate, FD, 0));
	FDS(S(ftruncate, FD, -1L));
	FDS(S(fallocate, FD, 0, 0, 1));
	FDS(S(fallocate, FD, 0, 0, 0));
	FDS(S(flock, FD, 1));
	FDS(S(flock, FD, 16));
	FDS(S(close, FD));
	FDS(S(dup, FD));
	FDS(S(dup2, FD, 5));
	FDS(S(dup2, good, FD));
	FDS(S(dup3, FD, 5, 0));
	FDS(S(dup3, FD, 5, 1));
	FDS(S(dup3, good, FD, O_CLOEXEC));
	FDS(S(fcntl, FD, F_GETFL));
	FDS(S(fcntl, FD, 9999));
	FDS(S(ioctl, FD, 0x5401, buf));
	FDS(S(getdents64, FD, buf, 512));
	FDS(S(fchdir, FD));
	FDS(S(fstat, FD, buf));
	FDS(S(fstatfs, FD, buf));
	FDS(S(fchmod, FD, 0600));
	FDS(S(fchown, FD, -1, -1));
	FDS(S(fgetxattr, FD, "user.a", buf, 1));
	FDS(S(fsetxattr, FD, "user.a", buf, 1, 0));
	FDS(S(flistxattr, FD, buf, 1));
	FDS(S(fremovexattr, FD, "user.a"));
	FDS(S(epoll_ctl, FD, 1, good, buf));
	FDS(S(epoll_ctl, ep, 1, FD, buf));
	FDS(S(epoll_ctl, ep, 99, FD, buf));
	FDS(S(epoll_wait, FD, buf, 1, 0));
	FDS(S(epoll_pwait, FD, buf, 1, 0, NULL, 8));
	FDS(S(timerfd_settime, FD, 0, buf, NULL));
	FDS(S(timerfd_settime, FD, 99, buf, NULL));
	FDS(S(timerfd_gettime, FD, buf));
	FDS(S(pidfd_send_signal, FD, 0, NULL, 0));
	FDS(S(pidfd_send_signal, FD, 0, NULL, 99));
	FDS(S(setns, FD, 0));
	FDS(S(mmap, 0, PAGE, PROT_READ, MAP_PRIVATE, FD, 0));
	FDS(S(mmap, 0, PAGE, PROT_READ, 0, FD, 0));
	FDS(S(waitid, 3, FD, NULL, WEXITED, NULL));
}

static void no_folders(void)
{
	static char buf[512];
	struct {
		uint64_t flags, mode, resolve;
	} how = { 0 };

	FDS(S(openat, FD, "f", O_RDONLY));
	FDS(S(openat, FD, "/", O_RDONLY | O_DIRECTORY) < 0 ? -1 : 0);
	FDS(S(openat, FD, "", O_RDONLY));
	FDS(S(openat2, FD, "f", &how, sizeof(how)));
	FDS(S(mkdirat, FD, "d", 0700));
	FDS(S(mknodat, FD, "d", S_IFIFO, 0));
	FDS(S(unlinkat, FD, "f", 0));
	FDS(S(unlinkat, FD, "f", 99));
	FDS(S(symlinkat, "f", FD, "g"));
	FDS(S(linkat, FD, "f", AT_FDCWD, "g", 0));
	FDS(S(linkat, AT_FDCWD, "f", FD, "g", 0));
	FDS(S(renameat, FD, "f", AT_FDCWD, "g"));
	FDS(S(renameat2, FD, "f", AT_FDCWD, "g", 99));
	FDS(S(newfstatat, FD, "f", buf, 0));
	FDS(S(newfstatat, FD, "", buf, AT_EMPTY_PATH));
	FDS(S(newfstatat, FD, "f", buf, 1));
	FDS(S(statx, FD, "f", 0, 0xfff, buf));
	FDS(S(readlinkat, FD, "f", buf, 1));
	FDS(S(readlinkat, FD, "f", buf, 0));
	FDS(S(faccessat, FD, "f", 0));
	FDS(S(faccessat2, FD, "f", 99, 0));
	FDS(S(fchmodat, FD, "f", 0));
	FDS(S(fchownat, FD, "f", -1, -1, 0));
	FDS(S(fchownat, FD, "f", -1, -1, 1));
	FDS(S(utimensat, FD, "f", NULL, 0));
	FDS(S(utimensat, FD, NULL, NULL, 0));
	FDS(S(futimesat, FD, "f", NULL));
	FDS(S(execveat, FD, "f", NULL, NULL, 0));
	FDS(S(execveat, FD, "", NULL, NULL, AT_EMPTY_PATH));
}

/* Each call on a descriptor of another kind than it is for. */
static void wrong_kinds(void)
{
	static char buf[512];
	int dir = open(".", O_RDONLY), file = open("f", O_CREAT | O_RDWR, 0600), p[2];
	int path = open("f", O_PATH), ro = open("f", O_RDONLY), wo = open("f", O_WRONLY);
	int event = S(eventfd2, 0, O_NONBLOCK), ep = S(epoll_create1, 0);
	int timer = S(timerfd_create, 1, O_NONBLOCK), mem = S(memfd_create, "m", 0);

	R(S(pipe2, p, O_NONBLOCK));
	R(S(read, dir, buf, 1));
	R(S(read, dir, NULL, 0));
	R(S(write, dir, buf, 1));
	R(S(write, ro, buf, 1));
	R(S(write, ro, NULL, 0));
	R(S(read, wo, buf, 1));
	R(S(read, path, buf, 1));
	R(S(write, path, buf, 1));
	R(S(read, p[1], buf, 1));
	R(S(write, p[0], buf, 1));
	R(S(read, ep, buf, 1));
	R(S(write, ep, buf, 1));
	R(S(read, event, buf, 7));
	R(S(read, event, buf, 8));
	R(S(write, event, buf, 7));
	R(S(write, event, "\377\377\377\377\377\377\377\377", 8));
	R(S(read, timer, buf, 7));
	R(S(read, timer, buf, 8));
	R(S(write, timer, buf, 8));
	R(S(pread64, p[0], buf, 1, 0));
	R(S(pwrite64, p[1], buf, 1, 0));
	R(S(pread64, event, buf, 8, 0));
	R(S(pread64, dir, buf, 1, 0));
	R(S(pread64, file, buf, 1, -1L));
	R(S(lseek, p[0], 0, 0));
	R(S(lseek, path, 0, 0));
	R(S(lseek, file, 0, 99));
	R(S(lseek, file, 0, SEEK_DATA));
	R(S(lseek, file, 1, SEEK_HOLE));
	R(S(ftruncate, dir, 0));
	R(S(ftruncate, ro, 0));
	R(S(ftruncate, p[0], 0));
	R(S(ftruncate, path, 0));
	R(S(ftruncate, event, 0));
	R(S(ftruncate, file, -1L));
	R(S(fallocate, ro, 0, 0, 1));
	R(S(fallocate, p[1], 0, 0, 1));
	R(S(fallocate, file, 0, -1L, 1));
	R(S(fallocate, file, 0, 0, 0));
	R(S(fallocate, file, 0, 1, LONG_MAX));
	R(S(fallocate, file, 0x8000, 0, 1));
	R(S(fallocate, file, 2, 0, 1));
	R(S(fsync, p[0]));
	R(S(fsync, event));
	R(S(fsync, path));
	R(S(fdatasync, dir));
	R(S(syncfs, path));
	R(S(flock, path, 1));
	R(S(flock, file, 0));
	R(S(flock, file, 64));
	R(S(flock, p[0], 1));
	R(S(fadvise64, p[0], 0, 0, 0));
	R(S(fadvise64, file, 0, 0, 99));
	R(S(fadvise64, file, 0, -1L, 0));
	R(S(readahead, p[0], 0, 1));
	R(S(readahead, dir, 0, 1));
	R(S(readahead, wo, 0, 1));
	R(S(getdents64, file, buf, 512));
	R(S(getdents64, path, buf, 512));
	R(S(getdents64, dir, buf, 10));
	R(S(fchdir, file));
	R(S(fchdir, p[0]));
	R(S(openat, file, "x", O_RDONLY));
	R(S(openat, file, "", O_RDONLY));
	R(S(fchmod, path, 0600));
	R(S(fchown, path, -1, -1));
	R(S(sendfile, file, p[0], NULL, 1));
	R(S(sendfile, ro, file, NULL, 1));
	R(S(sendfile, p[1], wo, NULL, 1));
	R(S(copy_file_range, file, NULL, p[1], NULL, 1, 0));
	R(S(copy_file_range, dir, NULL, file, NULL, 1, 0));
	R(S(copy_file_range, file, NULL, ro, NULL, 1, 0));
	R(S(copy_file_range, file, NULL, file, NULL, 1, 1));
	R(S(epoll_ctl, file, 1, p[0], buf));
	R(S(epoll_ctl, ep, 1, ep, buf));
	R(S(epoll_ctl, ep, 1, file, buf));
	R(S(epoll_ctl, ep, 1, dir, buf));
	R(S(epoll_ctl, ep, 1, path, buf));
	R(S(epoll_ctl, ep, 2, p[0], buf));
	R(S(epoll_ctl, ep, 3, p[0], buf));
	R(S(epoll_ctl, ep, 99, p[0], buf));
	R(S(epoll_wait, file, buf, 1, 0));
	R(S(epoll_wait, ep, buf, 0, 0));
	R(S(epoll_wait, ep, buf, -1, 0));
	R(S(epoll_wait, ep, buf, INT_MAX, 0));
	R(S(timerfd_gettime, file, buf));
	R(S(timerfd_settime, event, 0, buf, NULL));
	R(S(signalfd4, file, buf, 8, 0));
	R(S(pidfd_send_signal, file, 0, NULL, 0));
	R(S(waitid, 3, file, NULL, WEXITED, NULL));
	R(S(setns, file, 0));
	R(S(setns, p[0], CLONE_NEWNS));
	R(S(mmap, 0, PAGE, PROT_READ, MAP_PRIVATE, p[0], 0));
	R(S(mmap, 0, PAGE, PROT_READ, MAP_PRIVATE, dir, 0));
	R(S(mmap, 0, PAGE, PROT_READ, MAP_PRIVATE, path, 0));
	R(S(mmap, 0, PAGE, PROT_READ, MAP_PRIVATE, wo, 0));
	R(S(mmap, 0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, ro, 0));
	R(S(mmap, 0, PAGE, PROT_READ, MAP_PRIVATE, file, 1));
	R(S(mmap, 0, PAGE, PROT_READ, MAP_PRIVATE, event, 0));
	R(S(fcntl, file, F_SETPIPE_SZ, 4096));
	R(S(fcntl, file, F_GETPIPE_SZ));
	R(S(fcntl, p[0], F_SETPIPE_SZ, -1));
	R(S(fcntl, event, F_ADD_SEALS, 1));
	R(S(fcntl, mem, F_ADD_SEALS, 1));
	R(S(fcntl, mem, F_ADD_SEALS, 0x1000));
	R(S(fcntl, path, F_SETFL, 0));
	R(S(fcntl, path, F_GETFD));
	R(S(fcntl, file, F_DUPFD, -1));
	R(S(fcntl, file, F_DUPFD, INT_MAX));
	R(S(fcntl, file, F_SETSIG, 65));
	R(S(fcntl, file, F_SETSIG, -1));
	R(S(ioctl, file, TCGETS, buf));
	R(S(ioctl, dir, TIOCGWINSZ, buf));
	R(S(ioctl, p[0], TCGETS, buf));
	R(S(ioctl, path, FIONBIO, buf));
	R(S(ioctl, event, FIONREAD, buf));
	R(S(ioctl, p[0], FIONREAD, NULL));
	R(S(ioctl, file, FIONBIO, NULL));
}

ABI_MAIN(CASE(no_descriptors), CASE(no_folders), CASE(wrong_kinds), CASE(after_all_that))
