/* SPDX-License-Identifier: MIT */
/* Hostile arguments: flags, processes, times, rights and calls that there are not. */
#include <poll.h>
#include <sys/resource.h>
#include <termios.h>

#include "errors.h"

/* ---- numbers ---- */

static void no_flags(void)
{
	static char buf[512];
	int fd = open("f", O_CREAT | O_RDWR, 0600), p[2];
	struct {
		uint64_t flags, mode, resolve, more;
	} how = { 0 };

	R(S(pipe2, p, 1));
	R(S(pipe2, p, -1));
	R(S(eventfd2, 0, 2));
	R(S(eventfd2, 0, -1));
	R(S(epoll_create1, 1));
	R(S(epoll_create1, -1));
	R(S(epoll_create, 0));
	R(S(epoll_create, -1));
	R(S(timerfd_create, 1, 1));
	R(S(timerfd_create, 99, 0));
	R(S(timerfd_create, 2, 0));
	R(S(timerfd_create, -1, 0));
	R(S(memfd_create, "m", 0x1000));
	R(S(memfd_create, "m", -1));
	R(S(memfd_create, guarded, 0));
	R(S(dup3, fd, 50, 1));
	R(S(dup3, fd, fd, 0));
	R(S(dup2, fd, 1 << 30));
	R(S(close_range, 5, 4, 0));
	R(S(close_range, 100, 200, 64));
	R(S(open, "f", O_RDONLY | O_DIRECTORY));
	R(S(open, "f", O_TMPFILE | O_RDONLY));
	R(S(open, "nothing/x", O_CREAT | O_WRONLY, 0600));
	R(S(open, "f/x", O_RDONLY));
	R(S(open, "f", O_CREAT | O_EXCL | O_WRONLY, 0600));
	R(S(open, ".", O_WRONLY));
	R(S(open, ".", O_CREAT | O_RDWR, 0600));
	R(S(open, "", O_RDONLY));
	R(S(creat, ".", 0600));
	R(S(openat2, AT_FDCWD, "f", &how, 23));
	R(S(openat2, AT_FDCWD, "f", &how, 5000));
	how.flags = 1UL << 40;
	R(S(openat2, AT_FDCWD, "f", &how, 24));
	how.flags = O_RDONLY;
	how.mode = 0600;
	R(S(openat2, AT_FDCWD, "f", &how, 24));
	how.mode = 0;
	how.resolve = 0x100;
	R(S(openat2, AT_FDCWD, "f", &how, 24));
	how.resolve = 0x18;
	R(S(openat2, AT_FDCWD, "f", &how, 24));
	how.resolve = 0;
	how.more = 1;
	R(S(openat2, AT_FDCWD, "f", &how, 32));
	R(S(unlinkat, AT_FDCWD, "f", 1));
	R(S(unlinkat, AT_FDCWD, "f", AT_REMOVEDIR));
	R(S(linkat, AT_FDCWD, "f", AT_FDCWD, "g", 1));
	R(S(renameat2, AT_FDCWD, "f", AT_FDCWD, "g", 64));
	R(S(renameat2, AT_FDCWD, "f", AT_FDCWD, "f", 1));
	R(S(renameat2, AT_FDCWD, "f", AT_FDCWD, "g", 2));
	R(S(renameat2, AT_FDCWD, "f", AT_FDCWD, "g", 3));
	R(S(newfstatat, AT_FDCWD, "f", buf, 1));
	R(S(newfstatat, AT_FDCWD, "f", buf, AT_SYMLINK_FOLLOW));
	R(S(statx, AT_FDCWD, "f", 0, 1U << 31, buf));
	R(S(statx, AT_FDCWD, "f", 1, 0xfff, buf));
	R(S(statx, AT_FDCWD, "f", 0x6000, 0xfff, buf));
	R(S(readlink, "f", buf, 0));
	R(S(readlink, "f", buf, 10));
	R(S(access, "f", 8));
	R(S(access, "f", -1));
	R(S(faccessat2, AT_FDCWD, "f", 0, 1));
	R(S(fchownat, AT_FDCWD, "f", -1, -1, 1));
	R(S(utimensat, AT_FDCWD, "f", NULL, 1));
	R(S(truncate, "f", -1L));
	R(S(truncate, ".", 0));
	R(S(mknod, "m", 0170000, 0));
	R(S(mknod, "m", S_IFDIR, 0));
	R(S(mknod, "f", S_IFIFO, 0));
	R(S(setxattr, "f", "user.a", buf, 1, 4));
	R(S(setxattr, "f", "", buf, 1, 0));
	R(S(setxattr, "f", "user.a", buf, 65537, 0));
	R(S(setxattr, "f", "nothing.a", buf, 1, 0));
	R(S(getxattr, "f", "nothing.a", buf, 1));
	R(S(getxattr, "f", "", buf, 1));
	R(S(preadv2, fd, NULL, 0, 0, 0, 0x1000));
	R(S(getrandom, buf, 1, 8));
	R(S(getrandom, buf, 1, 6));
	R(S(signalfd4, -1, buf, 8, 1));
	R(S(signalfd4, -1, buf, 7, 0));
	R(S(signalfd4, -1, NULL, 8, 0));
	R(S(execveat, AT_FDCWD, "f", NULL, NULL, 1));
	R(S(execve, ".", NULL, NULL));
	R(S(execve, "f", NULL, NULL));
	R(S(execve, "f/x", NULL, NULL));
}

/* A program's text does not change while it runs. */
static void a_running_program(void)
{
	int from = open("/bin/sleep", O_RDONLY), to = open("sleep", O_CREAT | O_WRONLY, 0755);
	int p[2], n;
	char buf[4096], c;
	pid_t pid;

	while ((n = read(from, buf, sizeof(buf))) > 0)
		if (write(to, buf, n) != n)
			say("copy: %s", errno_name(errno));
	close(to);
	pipe2(p, O_CLOEXEC);
	pid = fork();
	if (pid == 0) {
		execl("./sleep", "sleep", "9", (char *)NULL);
		_exit(127);
	}
	close(p[1]);
	R(S(read, p[0], &c, 1)); /* until it has begun */
	R(S(truncate, "sleep", 0));
	R(S(open, "sleep", O_WRONLY));
	R(S(creat, "sleep", 0700));
	R(S(open, "sleep", O_RDONLY | O_TRUNC));
	kill(pid, SIGKILL);
	say("%s", ended(reap(pid)));
	R(S(truncate, "sleep", 0));
}

static void no_memory_calls(void)
{
	static char vec[16];
	char *p;

	prepare();
	p = guarded;
	R(S(mmap, 0, 0, 1, 0x22, -1, 0));
	R(S(mmap, 0, PAGE, 1, 0x20, -1, 0));
	R(S(mmap, 0, PAGE, 1, 0x23 | 0x2, -1, 1));
	R(S(mmap, p + 1, PAGE, 1, 0x32, -1, 0));
	R(S(mmap, -PAGE, PAGE, 1, 0x32, -1, 0));
	R(S(mmap, 0x7ffffffff000, 2 * PAGE, 1, 0x32, -1, 0));
	R(S(mmap, p, PAGE, 1, 0x100022, -1, 0));
	R(S(mmap, 0, 1UL << 47, 1, 0x22, -1, 0));
	R(S(munmap, p, 0));
	R(S(munmap, p + 1, PAGE));
	R(S(munmap, 0x7ffffffff000, 2 * PAGE));
	R(S(mprotect, p + 1, PAGE, 1));
	R(S(mprotect, p, 0, 1));
	R(S(mprotect, p, PAGE, 0x100));
	R(S(mprotect, p, 2 * PAGE, 1)); /* up to the hole it was done */
	R(S(read, open("/dev/zero", O_RDONLY), p, 1));
	R(S(mprotect, p, PAGE, 0x03000001));
	R(S(mremap, p + 1, PAGE, PAGE, 0, 0));
	R(S(mremap, p, PAGE, 0, 1, 0));
	R(S(mremap, p, PAGE, 2 * PAGE, 99, 0));
	R(S(mremap, p, PAGE, PAGE, 2, p));
	R(S(mremap, p, PAGE, PAGE, 3, p + 1));
	R(S(mremap, p, PAGE, PAGE, 3, p));
	R(S(mremap, p + PAGE, PAGE, 2 * PAGE, 1, 0));
	R(S(mremap, p, PAGE, 1UL << 47, 1, 0));
	R(S(mremap, p, -PAGE, PAGE, 1, 0));
	R(S(madvise, p + 1, PAGE, 4));
	R(S(madvise, p, PAGE, 99));
	R(S(madvise, p, 0, 4));
	R(S(madvise, p, 2 * PAGE, 4));
	R(S(madvise, p, -PAGE, 4));
	R(S(mincore, p + 1, PAGE, vec));
	R(S(mincore, p, 2 * PAGE, vec));
	R(S(mincore, p, 0, NULL));
	R(S(mincore, p, PAGE, NULL));
	R(S(msync, p + 1, PAGE, 4));
	R(S(msync, p, PAGE, 5));
	R(S(msync, p, PAGE, 8));
	R(S(msync, p, 2 * PAGE, 4));
	R(S(msync, p, 0, 4));
	R(S(mlock, p + PAGE, PAGE));
	R(S(mlock, -PAGE, 2 * PAGE));
	R(S(mlock2, p, PAGE, 2));
	R(S(munlock, p + PAGE, PAGE));
	R(S(mlockall, 0));
	R(S(mlockall, 8));
	R(S(mlockall, 4));
}

static void no_processes(void)
{
	static char buf[512];
	const pid_t nobody = 4194303;

	R(S(kill, nobody, 0));
	R(S(kill, getpid(), 65));
	R(S(kill, getpid(), -1));
	R(S(kill, -nobody, 0));
	R(S(kill, INT_MIN, 0));
	R(S(tkill, nobody, 0));
	R(S(tkill, 0, 0));
	R(S(tkill, -1, 0));
	R(S(tkill, getpid(), 65));
	R(S(tgkill, 0, getpid(), 0));
	R(S(tgkill, getpid(), nobody, 0));
	R(S(tgkill, nobody, getpid(), 0));
	R(S(tgkill, getpid(), getpid(), 99));
	R(S(rt_sigqueueinfo, nobody, 0, buf));
	R(S(rt_sigqueueinfo, getpid(), 99, buf));
	R(S(rt_sigqueueinfo, getpid(), 1, NULL));
	R(S(rt_tgsigqueueinfo, getpid(), nobody, 0, buf));
	R(S(rt_tgsigqueueinfo, 0, getpid(), 0, buf));
	R(S(rt_sigaction, 0, NULL, NULL, 8));
	R(S(rt_sigaction, 65, NULL, NULL, 8));
	R(S(rt_sigaction, SIGKILL, buf, NULL, 8));
	R(S(rt_sigaction, SIGKILL, NULL, NULL, 8));
	R(S(rt_sigaction, 1, NULL, NULL, 4));
	R(S(rt_sigprocmask, 3, buf, NULL, 8));
	R(S(rt_sigprocmask, 99, NULL, NULL, 8));
	R(S(rt_sigprocmask, 0, NULL, NULL, 16));
	R(S(rt_sigpending, buf, 9));
	R(S(rt_sigsuspend, buf, 7));
	R(S(rt_sigtimedwait, buf, NULL, NULL, 7));
	R(S(sigaltstack, (&(stack_t){ buf, 0x100, sizeof(buf) }), NULL));
	R(S(sigaltstack, (&(stack_t){ buf, 0, 100 }), NULL));
	R(S(pidfd_open, nobody, 0));
	R(S(pidfd_open, 0, 0));
	R(S(pidfd_open, -1, 0));
	R(S(pidfd_open, getpid(), 1));
	R(S(wait4, -1, NULL, 0, NULL));
	R(S(wait4, nobody, NULL, 0, NULL));
	R(S(wait4, -1, NULL, 0x10, NULL));
	R(S(wait4, INT_MIN, NULL, 0, NULL));
	R(S(waitid, 0, 0, NULL, 0, NULL));
	R(S(waitid, 99, 0, NULL, WEXITED, NULL));
	R(S(waitid, 1, 0, NULL, WEXITED, NULL));
	R(S(waitid, 1, -1, NULL, WEXITED, NULL));
	R(S(waitid, 0, 0, NULL, WEXITED | 0x10, NULL));
	R(S(clone, CLONE_THREAD, 0, 0, 0, 0));
	R(S(clone, CLONE_SIGHAND, 0, 0, 0, 0));
	R(S(clone, CLONE_FS | CLONE_NEWNS, 0, 0, 0, 0));
	R(S(clone, CLONE_PIDFD | CLONE_PARENT_SETTID, 0, buf, 0, 0));
	R(S(clone3, buf, 63));
	R(S(clone3, buf, 5000));
	R(S(unshare, 1));
	R(S(unshare, 0x100));
	R(S(setns, 0, 0x100));
	R(S(getpgid, nobody));
	R(S(getpgid, -1));
	R(S(getsid, nobody));
	R(S(setpgid, nobody, 0));
	R(S(setpgid, 0, -1));
	R(S(setpgid, 0, nobody));
	R(S(getpriority, 3, 0));
	R(S(getpriority, 0, nobody));
	R(S(getpriority, -1, 0));
	R(S(setpriority, 3, 0, 0));
	R(S(setpriority, 0, nobody, 0));
	R(S(ioprio_get, 0, 0));
	R(S(ioprio_get, 4, 0));
	R(S(ioprio_get, 1, nobody));
	R(S(sched_getscheduler, nobody));
	R(S(sched_getscheduler, -1));
	R(S(sched_getparam, 0, NULL));
	R(S(sched_getparam, nobody, buf));
	R(S(sched_setscheduler, 0, 99, buf));
	R(S(sched_setscheduler, 0, -1, buf));
	R(S(sched_setscheduler, 0, 0, NULL));
	R(S(sched_setscheduler, nobody, 0, buf));
	R(S(sched_getattr, 0, buf, 47, 0));
	R(S(sched_getattr, 0, buf, 56, 1));
	R(S(sched_getattr, nobody, buf, 56, 0));
	R(S(sched_get_priority_max, 99));
	R(S(sched_get_priority_min, -1));
	R(S(sched_getaffinity, nobody, 128, buf));
	R(S(sched_getaffinity, 0, 127, buf));
	R(S(sched_setaffinity, 0, 0, buf));
	R(S(sched_setaffinity, nobody, 128, buf));
	R(S(prlimit64, nobody, 0, NULL, NULL));
	R(S(prlimit64, 0, 16, NULL, NULL));
	R(S(prlimit64, 0, -1, NULL, buf));
	R(S(getrlimit, 16, buf));
	R(S(setrlimit, 16, buf));
	R(S(setrlimit, 0, (&(uint64_t[2]){ 2, 1 })));
	R(S(getrusage, 2, buf));
	R(S(getrusage, -2, buf));
	R(S(set_robust_list, buf, 23));
	R(S(get_robust_list, nobody, buf, buf + 8));
	R(S(get_robust_list, getpid(), buf, buf + 8));
	R(S(get_robust_list, -1, buf, buf + 8));
	R(S(arch_prctl, 0x9999, buf));
	R(S(arch_prctl, 0x1002, 1UL << 63));
	R(S(arch_prctl, 0x1001, 0x800000000000));
	R(S(prctl, 9999, 0, 0, 0, 0));
	R(S(prctl, 1, 65));
	R(S(prctl, 4, 9));
	R(S(prctl, 8, 2));
	R(S(prctl, 23, 64));
	R(S(prctl, 24, 64));
	R(S(prctl, 38, 0, 0, 0, 0));
	R(S(prctl, 38, 1, 1, 0, 0));
	R(S(prctl, 39, 1, 0, 0, 0));
	R(S(prctl, 47, 9, 0, 0, 0));
	R(S(prctl, 47, 2, 64, 0, 0));
	R(S(capget, (&(uint32_t[2]){ 1, 0 }), NULL));
	R(S(capget, (&(uint32_t[2]){ 0x20080522, -1 }), buf));
	R(S(capget, (&(uint32_t[2]){ 0x20080522, nobody }), buf));
	R(S(capset, (&(uint32_t[2]){ 1, 0 }), buf));
	R(S(capset, (&(uint32_t[2]){ 0x20080522, nobody }), buf));
}

static void no_times(void)
{
	static char buf[128];
	static const struct timespec bad = { 0, 1000000000 }, negative = { -1, 0 }, none;
	struct sigevent ev = { .sigev_notify = 99 };
	int tfd = S(timerfd_create, 1, 0), ep = S(epoll_create1, 0);
	unsigned int word = 0;

	R(S(clock_gettime, 99, buf));
	R(S(clock_gettime, -1, buf));
	R(S(clock_gettime, 10, buf));
	R(S(clock_getres, 99, NULL));
	R(S(clock_getres, 1, NULL));
	R(S(clock_settime, 1, &none));
	R(S(clock_settime, 99, &none));
	R(S(clock_settime, 0, &bad));
	R(S(clock_nanosleep, 99, 0, &none, NULL));
	R(S(clock_nanosleep, 3, 0, &none, NULL));
	R(S(clock_nanosleep, 1, 0, &bad, NULL));
	R(S(clock_nanosleep, 1, 0, &negative, NULL));
	R(S(nanosleep, &bad, NULL));
	R(S(nanosleep, &negative, NULL));
	R(S(gettimeofday, NULL, NULL));
	R(S(settimeofday, NULL, NULL));
	R(S(setitimer, 3, buf, NULL));
	R(S(setitimer, -1, buf, NULL));
	R(S(getitimer, 3, buf));
	R(S(setitimer, 0, (&(long[4]){ 0, 0, 0, 1000000 }), NULL));
	R(S(setitimer, 0, (&(long[4]){ 0, -1, 0, 0 }), NULL));
	R(S(timer_create, 99, NULL, buf));
	R(S(timer_create, 1, &ev, buf));
	ev.sigev_notify = SIGEV_SIGNAL;
	ev.sigev_signo = 65;
	R(S(timer_create, 1, &ev, buf));
	ev.sigev_notify = 4; /* SIGEV_THREAD_ID */
	ev.sigev_signo = 1;
	R(S(timer_create, 1, &ev, buf));
	R(S(timer_create, 1, NULL, NULL));
	R(S(timer_settime, 99, 0, buf, NULL));
	R(S(timer_settime, -1, 0, buf, NULL));
	R(S(timer_settime, 99, 0, NULL, NULL));
	R(S(timer_gettime, 99, buf));
	R(S(timer_getoverrun, 99));
	R(S(timer_delete, 99));
	R(S(timerfd_settime, tfd, 4, buf, NULL));
	R(S(timerfd_settime, tfd, 0, NULL, NULL));
	R(S(timerfd_settime, tfd, 0, (&(long[4]){ 0, 0, 0, -1 }), NULL));
	R(S(timerfd_settime, tfd, 0, (&(long[4]){ 0, 0, -1, 0 }), NULL));
	R(S(futex, &word, 99, 0));
	R(S(futex, (char *)&word + 1, 1, 1));
	R(S(futex, &word, 0, 1, NULL));
	R(S(futex, &word, 0, 0, &bad));
	R(S(futex, &word, 0, 0, &negative));
	R(S(futex, &word, 0, 0, &none));
	R(S(futex, &word, 9, 0, NULL, NULL, 0));
	R(S(futex, &word, 10, 1, NULL, NULL, 0));
	R(S(futex, &word, 3, -1, 0, &word));
	R(S(futex, &word, 4, 1, 1, &word, 5));
	R(S(poll, NULL, 0, 0));
	R(S(poll, buf, 1 << 30, 0));
	R(S(ppoll, NULL, 0, &bad, NULL, 8));
	R(S(ppoll, NULL, 0, &none, buf, 7));
	R(S(select, 0, NULL, NULL, NULL, (&(long[2]){ -1, 0 })));
	R(S(pselect6, 0, NULL, NULL, NULL, &bad, NULL));
	R(S(pselect6, -1, NULL, NULL, NULL, &none, NULL));
	R(S(pselect6, 0, NULL, NULL, NULL, &none, (&(long[2]){ (long)buf, 7 })));
	R(S(epoll_pwait, ep, buf, 1, 0, buf, 7));
	R(S(epoll_pwait2, ep, buf, 1, &bad, NULL, 8));
}

/* What a user may not: in Linux's order, rights are looked at before or behind the rest. */
static void no_rights(void)
{
	static char buf[512];
	uint32_t ids[3] = { 0, 1, 2 };

	prepare();
	R(S(setgroups, 0, NULL));
	R(S(setgroups, 65537, buf));
	R(S(setgroups, 1, NULL));
	R(S(setresgid, 1000, 1000, 1000));
	R(S(setresuid, 1000, 1000, 1000));
	R(S(setgroups, 1, ids));
	R(S(setgroups, -1, ids));
	R(S(setgroups, 1, NULL));
	R(S(getgroups, 0, NULL));
	R(S(setuid, 0));
	R(S(setuid, -1));
	R(S(setgid, 0));
	R(S(setgid, -1));
	R(S(setreuid, 0, -1));
	R(S(setreuid, -1, 0));
	R(S(setregid, 0, 0));
	R(S(setresuid, -1, -1, 0));
	R(S(setresgid, 0, -1, -1));
	R(S(setfsuid, 0));
	R(S(setfsgid, -1));
	R(S(sethostname, "x", 1));
	R(S(sethostname, NULL, 1));
	R(S(sethostname, "x", 65));
	R(S(sethostname, "x", -1));
	R(S(setdomainname, "x", 65));
	R(S(chroot, "."));
	R(S(chroot, "nothing"));
	R(S(chroot, NULL));
	R(S(mount, "x", "nothing", "tmpfs", 0, NULL));
	R(S(mount, "x", NULL, "tmpfs", 0, NULL));
	R(S(mount, "x", ".", "tmpfs", 0, NULL));
	R(S(umount2, "nothing", 0));
	R(S(umount2, ".", 0));
	R(S(umount2, ".", 0x100));
	R(S(umount2, NULL, 0));
	R(S(pivot_root, ".", "."));
	R(S(pivot_root, "nothing", "."));
	R(S(pivot_root, NULL, NULL));
	R(S(reboot, 0, 0, 0, NULL));
	R(S(syslog, 5, NULL, 0));
	R(S(syslog, 99, NULL, 0));
	R(S(unshare, CLONE_NEWNS));
	R(S(unshare, CLONE_NEWUTS | 1));
	R(S(clone, CLONE_NEWPID, 0, 0, 0, 0));
	R(S(mknod, "dev", S_IFCHR, 0x103));
	R(S(chown, "/", 1000, 1000));
	R(S(chmod, "/", 0));
	R(S(mkdir, "/x", 0));
	R(S(unlink, "/proc"));
	R(S(rmdir, "/"));
	R(S(rename, "/proc", "/x"));
	R(S(truncate, "/proc/self/exe", 0));
	R(S(open, "/proc/1/environ", O_RDONLY));
	R(S(clock_settime, 0, (&(long[2]){ 0, 0 })));
	R(S(clock_settime, 0, NULL));
	R(S(settimeofday, (&(long[2]){ 0, 0 }), NULL));
	R(S(settimeofday, (&(long[2]){ 0, -1 }), NULL));
	R(S(prlimit64, 1, 0, NULL, buf));
	R(S(setrlimit, RLIMIT_NOFILE, (&(uint64_t[2]){ 0, -1UL })));
	R(S(kill, 1, 0));
	R(S(setpriority, 0, 0, -5));
	R(S(setpriority, 0, 1, 0));
	R(S(sched_setaffinity, 1, 128, buf));
	R(S(get_robust_list, 1, buf, buf + 8));
	R(S(capset, (&(uint32_t[2]){ 0x20080522, 0 }), (&(uint32_t[6]){ 1, 1, 0, 0, 0, 0 })));
	R(S(prctl, 24, 0));
	R(S(prctl, 28, 0));
	R(S(prctl, 28, 1));
	R(S(setxattr, ".", "trusted.a", buf, 1, 0));
	R(S(getxattr, ".", "trusted.a", buf, 1));
	R(S(execve, "/proc", NULL, NULL));
	R(S(mlockall, 0));
	R(S(fcntl, open("/", O_RDONLY), F_SETOWN, 1));
}

static void calls_that_are_not(void)
{
	static const long numbers[] = { 500,     1000, 4095, 100000, INT_MAX, -1,  -100,
					INT_MIN, 134,  156,  174,    177,     178, 180,
					183,     184,  185,  214,    215,     236 };

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		say("call %ld = %s", numbers[i],
		    syscall(numbers[i], 0, 0, 0) == -1 ? errno_name(errno) : "ok");
	say("call with high bits = %ld", syscall(SYS_getpid | 1UL << 40) == getpid() ? 1L : -1L);
}

ABI_MAIN(CASE(no_flags), CASE(a_running_program), CASE(no_memory_calls), CASE(no_processes),
	 CASE(no_times), CASE(no_rights), CASE(calls_that_are_not), CASE(after_all_that))
