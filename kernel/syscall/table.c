/* SPDX-License-Identifier: MIT */
/*
 * The table of system calls, by Linux's number for x86-64. A call that is not in the list answers
 * ENOSYS. The list is by the file that defines the call.
 */
#include "syscall/syscall.h"

#include <asm/unistd_64.h>

/* clang-format off */
#define SYSCALL_LIST(X) \
	/* process.c */ \
	X(fork) X(vfork) X(clone) X(clone3) X(execve) X(execveat) X(exit) X(exit_group) \
	X(wait4) X(waitid) X(getpid) X(gettid) X(getppid) X(set_tid_address) \
	X(set_robust_list) X(get_robust_list) X(arch_prctl) X(prctl) X(seccomp) X(bpf) X(pidfd_open) \
	X(pidfd_send_signal) X(pidfd_getfd) X(futex) X(futex_waitv) X(sched_yield) \
	X(sched_setaffinity) X(sched_getaffinity) X(sched_getscheduler) \
	X(sched_getparam) X(sched_setscheduler) X(sched_setparam) X(sched_setattr) X(sched_getattr) X(sched_rr_get_interval) \
	X(sched_get_priority_max) X(sched_get_priority_min) X(getpriority) \
	X(setpriority) X(ioprio_get) X(ioprio_set) X(getcpu) X(prlimit64) X(getrlimit) X(setrlimit) \
	X(getrusage) X(times) X(ptrace) X(process_vm_readv) X(process_vm_writev) \
	/* memory.c */ \
	X(mmap) X(munmap) X(mprotect) X(mremap) X(brk) X(madvise) X(mincore) X(msync) X(mlock) \
	X(mlock2) X(munlock) X(mlockall) X(munlockall) X(pkey_mprotect) X(pkey_alloc) \
	X(pkey_free) \
	/* signal.c */ \
	X(rt_sigaction) X(rt_sigprocmask) X(rt_sigpending) X(rt_sigtimedwait) \
	X(rt_sigsuspend) X(rt_sigreturn) X(restart_syscall) X(sigaltstack) X(pause) \
	X(kill) X(tgkill) X(tkill) X(rt_sigqueueinfo) X(rt_tgsigqueueinfo) X(signalfd4) \
	X(signalfd) \
	/* time.c */ \
	X(clock_gettime) X(clock_getres) X(clock_settime) X(gettimeofday) \
	X(settimeofday) X(time) X(nanosleep) X(clock_nanosleep) X(alarm) X(setitimer) \
	X(getitimer) X(timer_create) X(timer_settime) X(timer_gettime) \
	X(timer_getoverrun) X(timer_delete) \
	/* timerfd.c */ \
	X(timerfd_create) X(timerfd_settime) X(timerfd_gettime) \
	/* file.c */ \
	X(open) X(openat) X(creat) X(openat2) X(close) X(close_range) X(dup) X(dup3) \
	X(dup2) X(fcntl) X(ioctl) X(pipe) X(pipe2) X(eventfd2) X(eventfd) \
	X(memfd_create) \
	/* rw.c */ \
	X(read) X(write) X(pread64) X(pwrite64) X(readv) X(writev) X(preadv) X(pwritev) \
	X(preadv2) X(pwritev2) X(lseek) X(sendfile) X(copy_file_range) X(splice) X(tee) \
	X(vmsplice) X(fsync) X(fdatasync) X(syncfs) X(sync) X(sync_file_range) X(fadvise64) X(readahead) X(ftruncate) \
	X(fallocate) X(flock) \
	/* aio.c */ \
	X(io_setup) X(io_destroy) X(io_submit) X(io_getevents) \
	/* dir.c */ \
	X(mkdirat) X(mkdir) X(mknodat) X(mknod) X(unlinkat) X(unlink) X(rmdir) \
	X(symlinkat) X(symlink) X(linkat) X(link) X(renameat2) X(renameat) X(rename) \
	X(getdents) X(getdents64) X(chdir) X(fchdir) X(chroot) X(getcwd) X(umask) \
	/* stat.c */ \
	X(newfstatat) X(stat) X(lstat) X(fstat) X(statx) X(statfs) X(fstatfs) \
	X(readlinkat) X(readlink) X(faccessat2) X(faccessat) X(access) X(fchmodat) \
	X(chmod) X(fchmod) X(fchownat) X(chown) X(lchown) X(fchown) X(truncate) \
	X(utimensat) X(futimesat) X(utimes) X(utime) \
	/* xattr.c */ \
	X(getxattr) X(lgetxattr) X(fgetxattr) X(setxattr) X(lsetxattr) X(fsetxattr) \
	X(listxattr) X(llistxattr) X(flistxattr) X(removexattr) X(lremovexattr) \
	X(fremovexattr) \
	/* poll.c */ \
	X(poll) X(ppoll) X(select) X(pselect6) X(epoll_create1) X(epoll_create) \
	X(epoll_ctl) X(epoll_wait) X(epoll_pwait) X(epoll_pwait2) \
	/* ident.c */ \
	X(getuid) X(geteuid) X(getgid) X(getegid) X(getresuid) X(getresgid) X(setuid) \
	X(setgid) X(setreuid) X(setregid) X(setresuid) X(setresgid) X(setfsuid) \
	X(setfsgid) X(getgroups) X(setgroups) X(setpgid) X(getpgid) X(getpgrp) \
	X(getsid) X(setsid) X(capget) X(capset) \
	/* ns.c */ \
	X(unshare) X(setns) X(mount) X(umount2) X(pivot_root) X(sethostname) \
	X(setdomainname) \
	/* ipc.c */ \
	X(shmget) X(shmat) X(shmdt) X(shmctl) X(semget) X(semop) X(semtimedop) X(semctl) \
	X(msgget) X(msgsnd) X(msgrcv) X(msgctl) X(mq_open) X(mq_unlink) X(mq_timedsend) X(mq_timedreceive) X(mq_notify) \
	X(mq_getsetattr) \
	/* misc.c */ \
	X(uname) X(sysinfo) X(getrandom) X(syslog) X(reboot) X(personality) \
	/* socket.c */ \
	X(socket) X(socketpair) X(bind) X(connect) X(listen) X(accept) X(accept4) X(getsockname) \
	X(getpeername) X(shutdown) X(setsockopt) X(getsockopt) X(sendto) X(recvfrom) X(sendmsg) \
	X(recvmsg) X(sendmmsg) X(recvmmsg)
/* clang-format on */

#define DECLARE(name) long sys_##name(long, long, long, long, long, long);
SYSCALL_LIST(DECLARE)

static long no_such_call(long _1, long _2, long _3, long _4, long _5, long _6)
{
	return -ENOSYS;
}

/* Every place has a function, so that entry.S need not look. */
#pragma GCC diagnostic ignored "-Woverride-init"
#define ENTRY(name) [__NR_##name] = sys_##name,
const syscall_fn syscall_table[NR_SYSCALLS] = { [0 ... NR_SYSCALLS - 1] = no_such_call,
						SYSCALL_LIST(ENTRY) };
