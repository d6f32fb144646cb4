/* SPDX-License-Identifier: MIT */
/*
 * Hostile arguments: every kind of bad address given to every call that takes one, buffers that
 * reach into a hole, absurd lengths. The kernel answers; nothing else happens.
 */
#include <poll.h>
#include <sys/resource.h>
#include <sys/uio.h>

#include "errors.h"

/* The call is repeated with BAD as every bad address; one line when all answer alike. */
#define EACH(call)                                                                                 \
	do {                                                                                       \
		int first = 0;                                                                     \
		bool alike = true;                                                                 \
		for (int b = 0; b < 8; b++) {                                                      \
			unsigned long BAD = bad_addresses[b];                                      \
			long ret = (call);                                                         \
			int err = ret == -1 ? errno : 0;                                           \
			if (b == 0)                                                                \
				first = err;                                                       \
			else if (err != first)                                                     \
				alike = false;                                                     \
		}                                                                                  \
		if (alike) {                                                                       \
			say("%s = %s", #call, first ? errno_name(first) : "ok");                   \
			break;                                                                     \
		}                                                                                  \
		for (int b = 0; b < 8; b++) {                                                      \
			unsigned long BAD = bad_addresses[b];                                      \
			long ret = (call);                                                         \
			say("%s, %s = %s", #call, bad_names[b],                                    \
			    ret == -1 ? errno_name(errno) : "ok");                                 \
		}                                                                                  \
	} while (0)

static void paths(void)
{
	prepare();
	EACH(S(open, BAD, O_RDONLY));
	EACH(S(openat, AT_FDCWD, BAD, O_RDONLY));
	EACH(S(stat, BAD, guarded));
	EACH(S(access, BAD, 0));
	EACH(S(mkdir, BAD, 0));
	EACH(S(rmdir, BAD));
	EACH(S(unlink, BAD));
	EACH(S(rename, BAD, "x"));
	EACH(S(rename, "x", BAD));
	EACH(S(link, BAD, "x"));
	EACH(S(symlink, BAD, "x"));
	EACH(S(symlink, "x", BAD));
	EACH(S(readlink, BAD, guarded, 10));
	EACH(S(chdir, BAD));
	EACH(S(chmod, BAD, 0));
	EACH(S(truncate, BAD, 0));
	EACH(S(execve, BAD, 0, 0));
	EACH(S(statfs, BAD, guarded));
}

static void results(void)
{
	int fd;

	prepare();
	make_file("f", "0123456789");
	fd = open("f", O_RDWR);
	symlink("f", "s");
	EACH(S(pread64, fd, BAD, 5, 0));
	EACH(S(pwrite64, fd, BAD, 5, 0));
	EACH(S(stat, "f", BAD));
	EACH(S(fstat, fd, BAD));
	EACH(S(lstat, "f", BAD));
	EACH(S(newfstatat, AT_FDCWD, "f", BAD, 0));
	EACH(S(statfs, "f", BAD));
	EACH(S(readlink, "s", BAD, 5));
	EACH(S(getcwd, BAD, 200));
	EACH(S(pipe, BAD));
	EACH(S(pipe2, BAD, 0));
	EACH(S(uname, BAD));
	EACH(S(sysinfo, BAD));
	EACH(S(getrandom, BAD, 5, 0));
	EACH(S(getdents64, open(".", O_RDONLY), BAD, 500));
	EACH(S(getrlimit, 0, BAD));
	EACH(S(getrusage, 0, BAD));
	EACH(S(clock_gettime, 0, BAD));
	EACH(S(sched_getaffinity, 0, 128, BAD));
	EACH(S(rt_sigpending, BAD, 8));
	EACH(S(getresuid, BAD, guarded, guarded));
	EACH(S(getitimer, 0, BAD));
	EACH(S(readv, fd, BAD, 1));
	EACH(S(writev, fd, BAD, 1));
	EACH(S(fcntl, fd, F_GETLK, BAD));
}

static void arguments(void)
{
	int fd = open("f", O_CREAT | O_RDWR, 0600), epfd = S(epoll_create1, 0);

	prepare();
	EACH(S(nanosleep, BAD, 0));
	EACH(S(clock_nanosleep, 1, 0, BAD, 0));
	EACH(S(poll, BAD, 1, 0));
	EACH(S(ppoll, 0, 0, BAD | 8, 0, 8));
	EACH(S(select, 3, BAD | 8, 0, 0, 0));
	EACH(S(rt_sigaction, SIGUSR1, BAD | 8, 0, 8));
	EACH(S(rt_sigtimedwait, BAD, 0, 0, 8));
	EACH(S(rt_sigsuspend, BAD, 8));
	EACH(S(sigaltstack, BAD | 8, 0));
	EACH(S(setrlimit, 0, BAD));
	EACH(S(setitimer, 0, BAD | 8, 0));
	EACH(S(execve, "/bin/true-not-there", BAD, 0));
	EACH(S(execve, "/proc/self/exe", BAD | 8, 0));
	EACH(S(futex, BAD & ~7UL, 1, 1));
	EACH(S(futex, BAD & ~7UL, 0, 1, 0));
	EACH(S(epoll_ctl, epfd, 1, 1, BAD));
	EACH(S(sendfile, 1, fd, BAD | 8, 1));
	EACH(S(clone3, BAD, 88));
	EACH(S(openat2, AT_FDCWD, "f", BAD, 24));
	EACH(S(utimensat, AT_FDCWD, "f", BAD | 8, 0));
	EACH(S(capget, BAD, 0));
	EACH(S(memfd_create, BAD, 0));
}

static void reaching_into_a_hole(void)
{
	char *edge;
	int fd, p[2];

	prepare();
	edge = guarded + PAGE - 4;
	memcpy(edge, "abcd", 4);
	fd = open("f", O_CREAT | O_RDWR, 0600);
	R(S(write, fd, edge, 4));
	R(S(pwrite64, fd, edge, 8, 0));
	R(S(pread64, fd, edge, 3, 0));
	R(S(pread64, fd, guarded + PAGE - 2, 4, 0)); /* what fits is copied, and counted */
	R(S(pipe, p));
	R(S(write, p[1], edge, 8));
	R(S(open, edge, O_RDONLY)); /* a string that is not ended */
	edge[3] = '\0';
	R(S(open, edge, O_RDONLY)); /* ended just before the hole */
	R(S(uname, guarded + PAGE - 100));
	R(S(getcwd, guarded + PAGE - 2, 200));
	R(S(nanosleep, guarded + PAGE - 8, 0));
	R(S(rt_sigprocmask, 0, guarded + PAGE - 4, 0, 8));
}

static void read_only_results(void)
{
	char *ro = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	R(S(uname, ro));
	R(S(pipe, ro));
	R(S(clock_gettime, 0, ro));
	R(S(getcwd, ro, 200));
	R(S(read, open("/dev/zero", O_RDONLY), ro, 8));
	R(S(write, open("/dev/null", O_WRONLY), ro, 8));
	R(S(read, open("/dev/zero", O_RDONLY), (void *)read_only_results,
	    8)); /* the program's own text */
}

static void absurd_lengths(void)
{
	int zero = open("/dev/zero", O_RDONLY), null = open("/dev/null", O_WRONLY), fd;
	struct iovec v[2];
	char buf[8];

	prepare();
	fd = open("f", O_CREAT | O_RDWR, 0600);
	R(S(read, zero, buf, -1L));
	R(S(read, fd, buf, -1L));
	R(S(write, null, buf, -1L));
	R(S(read, fd, guarded, 1UL << 62));
	R(S(pread64, fd, buf, 8, 1UL << 62));
	R(S(pwrite64, fd, buf, 8, -5L));
	R(S(lseek, fd, -1L, SEEK_SET));
	R(S(mmap, 0, -1L, 1, 0x22, -1, 0));
	R(S(munmap, 0, -1L));
	R(S(munmap, PAGE, -PAGE));
	R(S(mprotect, guarded, -1L, 1));
	R(S(getdents64, zero, buf, -1));
	R(S(getgroups, -1, buf));
	R(S(poll, buf, -1, 0));
	R(S(select, -1, 0, 0, 0, 0));
	R(S(readlink, "/proc/self/exe", buf, -1));
	R(S(getcwd, buf, 0));
	R(S(sched_getaffinity, 0, 1, buf));
	R(S(sched_getaffinity, 0, 0, buf));
	v[0] = (struct iovec){ buf, 8 };
	v[1] = (struct iovec){ buf, (size_t)-1 };
	R(S(writev, null, v, 2));
	v[1].iov_len = SSIZE_MAX;
	R(S(writev, null, v, 2));
	R(S(readv, zero, v, 1 << 30));
	R(S(readv, zero, v, -1L));
}

ABI_MAIN(CASE(paths), CASE(results), CASE(arguments), CASE(reaching_into_a_hole),
	 CASE(read_only_results), CASE(absurd_lengths), CASE(after_all_that))
