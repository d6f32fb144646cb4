/* SPDX-License-Identifier: MIT */
/*
 * The calls. A row is one call, or one command of a call that has many; what it is given is told by
 * kinds of arguments (fuzz.h), and structures by their fields. `make test T=fuzz/host` says which
 * calls of kernel/syscall/table.c have no row.
 *
 * Nothing is left out: an iteration lives in a pid, mount, UTS, IPC and cgroup namespace of its own, where
 * reboot(2) and kill(-1) reach nobody else, and its /dev has neither the console nor the log.
 */
#include <asm/ioctls.h>
#include <asm/prctl.h>
#include <asm/signal.h>
#include <asm/termbits.h>
#include <asm/unistd_64.h>
#include <linux/capability.h>
#include <linux/eventpoll.h>
#include <linux/falloc.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/futex.h>
#include <linux/kvm.h>
#include <linux/memfd.h>
#include <linux/mman.h>
#include <linux/mount.h>
#include <linux/nsfs.h>
#include <linux/openat2.h>
#include <linux/prctl.h>
#include <linux/ptrace.h>
#include <linux/reboot.h>
#include <linux/sched.h>
#include <linux/wait.h>
#include <linux/xattr.h>

#include "fuzz.h"

/* clang-format off */
#define R(l, h)     { .kind = RANGE, .lo = (l), .hi = (h) }
#define C(v)        R(v, v)
#define SET(...)    .of = (const u64[]){ __VA_ARGS__ }, .n = sizeof((const u64[]){ __VA_ARGS__ }) / 8
#define ONE(...)    { .kind = ONEOF, SET(__VA_ARGS__) }
#define SOME(...)   { .kind = BITS, SET(__VA_ARGS__) }
#define FDOF(k)     { .kind = FD, .n = (k) }
#define TEXTS(...)  { .kind = TEXT, .of = (const char *const[]){ __VA_ARGS__ }, \
		      .n = sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *) }
#define OUTN(size)  { .kind = OUT, .n = (size) }
#define INN(size)   { .kind = IN, .n = (size) }
#define BLOBN(size) { .kind = BLOB, .n = (size) }
#define A(k)        { .kind = (k) }
#define PTR(fields) { .kind = STRUCT, .of = (fields), .n = 1 }
#define ARRAY(fields, max) { .kind = STRUCT, .of = (fields), .n = (max) }
#define ANYFD       FDOF(ANY)
#define ATFD        { .kind = FD, .n = F_DIR, .lo = 1 } /* AT_FDCWD too */

#define NR(x)     .nr = __NR_##x, .name = #x
#define SUB(x, v) .nr = __NR_##x, .name = #x ":" #v
#define FDRES(k)  .result = (k)

#define MODE      R(0, 07777)
#define OFFSET    ONE(0, 1, 8, 4095, 4096, 8192, 65536, 1 << 20, 1UL << 40)
#define OPENFLAGS SOME(O_RDONLY, O_WRONLY, O_RDWR, O_RDWR, O_CREAT, O_CREAT, O_EXCL, O_TRUNC, O_APPEND, O_NONBLOCK, \
		       O_DIRECTORY, O_NOFOLLOW, O_CLOEXEC, O_PATH, O_TMPFILE, O_NOCTTY, O_DIRECT, O_NOATIME)
#define ATFLAGS   SOME(AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH, AT_SYMLINK_FOLLOW, AT_NO_AUTOMOUNT, AT_EACCESS)
#define CLOCK     ONE(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, -2, -6, -42)
#define PROT      SOME(PROT_READ, PROT_WRITE, PROT_READ, PROT_WRITE, PROT_EXEC, PROT_GROWSDOWN)
#define CAPBIT    R(0, 41)
#define NSFLAGS   CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWCGROUP, CLONE_NEWTIME
#define RLIMIT    R(0, 16)
#define NICE      R(-20, 19)
#define SHORT_MS  R(-1, 5)
#define SOCKTYPE  { .kind = BITS, SET(O_NONBLOCK, O_NONBLOCK, O_CLOEXEC, 1, 2, 5, 4), .lo = 1 }
#define ADDRLEN   ONE(2, 4, 4, 5, 5, 110, 111, 0, -1)
#define IPC_ID    ONE(0, 0, 1, 2, 3, 32768, -1)
#define IPC_KEY   R(0, 3)
#define IPC_GET   ONE(01600, 01666, 01400, 03600, 0, 0600)
#define MQ_NAME   TEXTS("a", "b", "c", "", "..", "a/b")
#define IPC_WAIT  ONE(04000, 04000, 04000, 0, 014000, 024000, 044000)
#define MSGFLAGS  SOME(0x40, 0x40, 0x40, 0x40, 2, 0x20, 0x100, 0x4000, 1, 0x10000, 0x40000000)

static const struct field sembuf[] = { { 2, R(0, 3) }, { 2, ONE(1, 1, 0, -1, 2, -2, 32767) }, { 2, ONE(04000, 04000, 014000, 010000, 0) }, {} };
static const struct field mq_attr[] = { { 8, ONE(0, 04000, 1) }, { 8, ONE(1, 2, 10, 0, -1, 65536) }, { 8, ONE(1, 8, 64, 64, 8192, 0) }, { 40, BLOBN(40) }, {} };
static const struct field message[] = { { 8, ONE(1, 2, 3, 0, -1) }, { 64, BLOBN(64) }, {} };
static const struct field timespec[] = { { 8, R(0, 0) }, { 8, R(0, 3000000) }, {} };
static const struct field timeval[] = { { 8, R(0, 0) }, { 8, R(0, 3000) }, {} };
static const struct field anytime[] = { { 8, ONE(0, 1, 1600000000, 0x7fffffff, 0x100000000, -1) },
					{ 8, ONE(0, 1, 999999, 999999999, 0x3fffffff, 0x3ffffffe) }, {} };
static const struct field two_times[] = { { 8, ONE(0, 1, 1600000000, -1) }, { 8, ONE(0, 999999999, 0x3fffffff, 0x3ffffffe, 1) },
					  { 8, ONE(0, 1, 1600000000, -1) }, { 8, ONE(0, 999999, 0x3fffffff, 0x3ffffffe, 1) }, {} };
static const struct field waitv[] = { { 8, R(0, 1) }, { 8, A(WORD) }, { 4, ONE(2, 2, 130, 130, 0, 1) }, { 4, C(0) }, {} };
static const struct field two_longs[] = { { 8, R(0, 1UL << 33) }, { 8, R(0, 1UL << 33) }, {} };
static const struct field itimerspec[] = { { 8, R(0, 0) }, { 8, ONE(0, 0, 1, 100000, 2000000) }, { 8, R(0, 0) }, { 8, ONE(0, 1, 100000, 2000000) }, {} };
static const struct field itimerval[] = { { 8, R(0, 0) }, { 8, ONE(0, 0, 1000, 3000) }, { 8, R(0, 0) }, { 8, ONE(0, 1, 1000) }, {} };
static const struct field longs[] = { { 8, OFFSET }, {} };
static const struct field filter[] = { { 2, ONE(0x20, 0x20, 0x15, 0x15, 0x02, 0x60, 0x06, 0x05) }, { 1, R(0, 2) }, { 1, R(0, 2) },
				       { 4, ONE(0, 4, 16, 39, 0x7ffc0000, 0x7fff0000, 0x7fff0000, 0x50001, 0x7fc00000, 0x30000) }, {} };
static const struct field bpf_insn[] = { { 1, ONE(0x61, 0xb7, 0xb7, 0x95, 0x95, 0x55, 0x05, 0x54, 0x7b, 0x18) }, { 1, ONE(0, 0, 2, 0x10, 0x12, 0x2a, 0x0b) },
					 { 2, ONE(0, 0, 1, 4, -8, -1) }, { 4, ONE(0, 1, 1, 2, 0xffff) }, {} };
static const struct field bpf_load[] = { { 4, ONE(15, 15, 15, 1) }, { 4, R(0, 4) }, { 8, ARRAY(bpf_insn, 4) }, { 8, PTR(longs) }, { 24, C(0) }, {} };
static const struct field bpf_attach[] = { { 4, FDOF(F_CGROUP) }, { 4, ANYFD }, { 4, ONE(6, 6, 0) }, { 4, SOME(1, 2, 4) }, { 4, ANYFD }, { 124, C(0) }, {} };
static const struct field fprog[] = { { 2, R(1, 4) }, { 6, C(0) }, { 8, ARRAY(filter, 4) }, {} };
static const struct field sigset[] = { { 8, ONE(0, -1, 1UL << 9, 1UL << 13, 1UL << 16, 1UL << 33, 0x8000000000000000, 0x80001000) }, {} };
static const struct field sigset_arg[] = { { 8, PTR(sigset) }, { 8, C(8) }, {} };
static const struct field sigaction[] = {
	{ 8, ONE(0, 1, (u64)&on_signal, (u64)&on_signal) },
	{ 8, { .kind = BITS, SET(SA_NOCLDSTOP, SA_NOCLDWAIT, SA_SIGINFO, SA_ONSTACK, SA_RESTART, SA_NODEFER, SA_RESETHAND), .lo = 0x04000000 } },
	{ 8, ONE((u64)&stub_restorer) }, { 8, ONE(0, -1, 0x4000) }, {} };
static const struct field siginfo[] = { { 4, A(SIG) }, { 4, C(0) }, { 4, ONE(-1, -1, -2, -3, -4, 0, 128, -6, 1) }, { 4, C(0) },
					{ 4, A(PID) }, { 4, A(UID) }, { 104, BLOBN(104) }, {} };
static const struct field sigaltstack[] = { { 8, A(ADDR) }, { 4, ONE(0, 1, 2, 1U << 31) }, { 4, C(0) }, { 8, ONE(0, 2048, 4096, 16384) }, {} };
static const struct field sigevent[] = { { 8, R(0, 100) }, { 4, A(SIG) }, { 4, ONE(0, 0, 1, 2, 4) }, { 4, A(PID) }, { 44, BLOBN(44) }, {} };
static const struct field iovec[] = { { 8, A(IN) }, { 8, A(LEN) }, {} };
static const struct field iovec_out[] = { { 8, A(OUT) }, { 8, A(LEN) }, {} };
static const struct field pollfd[] = { { 4, ANYFD }, { 2, SOME(1, 2, 4, 8, 16, 32, 0x2000) }, { 2, C(0) }, {} };
static const struct field fdset[] = { { 8, R(0, 1UL << 40) }, { 120, BLOBN(120) }, {} };
static const struct field epoll_event[] = {
	{ 4, SOME(EPOLLIN, EPOLLOUT, EPOLLPRI, EPOLLERR, EPOLLHUP, EPOLLRDHUP, EPOLLET, EPOLLONESHOT, EPOLLEXCLUSIVE) }, { 8, R(0, 99) }, {} };
static const struct field flock[] = { { 2, R(0, 2) }, { 2, R(0, 2) }, { 4, C(0) }, { 8, ONE(0, 0, 1, 10, 100, -1) }, { 8, ONE(0, 1, 10, -1, 1UL << 62) }, { 4, C(0) }, { 4, C(0) }, {} };
static const struct field f_owner[] = { { 4, R(0, 2) }, { 4, A(PID) }, {} };
static const struct field open_how[] = { { 8, OPENFLAGS }, { 8, ONE(0, 0, 0644) },
	{ 8, SOME(RESOLVE_NO_XDEV, RESOLVE_NO_MAGICLINKS, RESOLVE_NO_SYMLINKS, RESOLVE_BENEATH, RESOLVE_IN_ROOT, RESOLVE_CACHED) }, {} };
static const struct field set_tid[] = { { 4, R(1, 40) }, { 4, R(1, 40) }, {} };
static const struct field clone_args[] = {
	{ 8, SOME(CLONE_VM, CLONE_FS, CLONE_FILES, CLONE_SIGHAND, CLONE_PIDFD, CLONE_VFORK, CLONE_PARENT, CLONE_THREAD, CLONE_SETTLS,
		  CLONE_PARENT_SETTID, CLONE_CHILD_CLEARTID, CLONE_CHILD_SETTID, CLONE_CLEAR_SIGHAND, CLONE_INTO_CGROUP, NSFLAGS) },
	{ 8, OUTN(4) }, { 8, A(WORD) }, { 8, OUTN(4) }, { 8, ONE(17, 17, 0, 10) }, { 8, C(0) }, { 8, C(0) }, { 8, C(0) },
	{ 8, ONE(0, 0, 0, 0) }, { 8, C(0) }, { 8, FDOF(F_CGROUP) }, {} };
static const struct field clone_args_tid[] = {
	{ 8, SOME(CLONE_PIDFD, CLONE_NEWPID, CLONE_FS, CLONE_FILES) }, { 8, OUTN(4) }, { 8, OUTN(4) }, { 8, OUTN(4) }, { 8, C(17) },
	{ 8, C(0) }, { 8, C(0) }, { 8, C(0) }, { 8, PTR(set_tid) }, { 8, R(1, 2) }, { 8, FDOF(F_CGROUP) }, {} };
static const struct field cap_header[] = { { 4, ONE(_LINUX_CAPABILITY_VERSION_1, _LINUX_CAPABILITY_VERSION_3, _LINUX_CAPABILITY_VERSION_3) }, { 4, A(PID) }, {} };
static const struct field robust[] = { { 8, A(WORD) }, { 8, ONE(0, 4, -8) }, { 8, A(WORD) }, {} };
static const struct field mask[] = { { 8, ONE(1, 2, 3, 0, -1, 4) }, { 120, BLOBN(120) }, {} };
static const struct field prio[] = { { 4, ONE(0, 0, 1, 50, 99) }, {} };
static const struct field sched_attr[] = { { 4, ONE(48, 48, 56, 0) }, { 4, R(0, 6) }, { 8, SOME(1, 2, 4) }, { 4, NICE }, { 4, R(0, 99) },
					   { 8, R(0, 1000000) }, { 8, R(0, 1000000) }, { 8, R(0, 1000000) }, {} };
static const struct field groups[] = { { 4, A(UID) }, {} };
static const struct field winsize[] = { { 2, R(0, 100) }, { 2, R(0, 200) }, { 4, C(0) }, {} };
static const struct field integer[] = { { 4, ONE(0, 0, 1, 2, 3, -1, 17) }, { 4, C(0) }, {} };
static const struct field sockaddr_un[] = { { 2, ONE(1, 1, 1, 1, 0, 2) }, { 1, ONE(0, 'f') }, { 1, ONE('0', '1', '2', 0) }, { 106, ONE(0, 0, 0, 'x') }, {} };
static const struct field sockaddr_in[] = { { 2, ONE(2, 2, 2, 2, 2, 0, 1) }, { 2, ONE(0x1000, 0x1000, 0x1001, 0x1002, 0, 0x5000) },
	{ 4, ONE(0x0100007f, 0x0100007f, 0x0100007f, 0, 0x0200007f, 0xffffff7f, 0x010000e0, 0x0109090a) }, { 8, C(0) }, {} };
static const struct field ifreq[] = { { 1, ONE('l', 'l', 'l', 'x') }, { 1, C('o') }, { 14, ONE(0, 0, 0, ':') },
	{ 2, ONE(2, 0, 1, 0x49, 0x8000) }, { 2, ONE(0, 1) }, { 4, ONE(0x0100007f, 0x0209090a, 0x00ffffff, 0) }, { 16, C(0) }, {} };
static const struct field linger[] = { { 4, ONE(0, 1) }, { 4, C(0) }, {} };
static const struct field msghdr_in[] = { { 8, PTR(sockaddr_in) }, { 8, ONE(16, 16, 16, 8) }, { 8, ARRAY(iovec, 2) }, { 8, R(0, 2) }, { 8, BLOBN(64) }, { 8, R(0, 64) }, { 8, C(0) }, {} };
static const struct field msghdr[] = { { 8, PTR(sockaddr_un) }, { 8, ADDRLEN }, { 8, ARRAY(iovec, 2) }, { 8, R(0, 2) }, { 8, BLOBN(64) }, { 8, R(0, 64) }, { 8, C(0) }, {} };
static const struct field cmsg_rights[] = { { 8, ONE(20, 24, 28, 32, 15) }, { 4, C(1) }, { 4, C(1) }, { 4, ANYFD }, { 4, ANYFD }, { 4, ANYFD }, { 4, ANYFD }, {} };
static const struct field cmsg_sockets[] = { { 8, ONE(20, 24) }, { 4, C(1) }, { 4, C(1) }, { 4, FDOF(F_SOCKET) }, { 4, FDOF(F_SOCKET) }, {} };
static const struct field cmsg_creds[] = { { 8, ONE(28, 28, 24) }, { 4, C(1) }, { 4, C(2) }, { 4, A(PID) }, { 4, A(UID) }, { 4, A(UID) }, {} };
#define CONTROL_MSG(name, control, size) \
	static const struct field name[] = { { 8, C(0) }, { 8, C(0) }, { 8, ARRAY(iovec, 2) }, { 8, R(0, 2) }, { 8, PTR(control) }, { 8, C(size) }, { 8, C(0) }, {} }
CONTROL_MSG(msghdr_rights, cmsg_rights, 32);
CONTROL_MSG(msghdr_sockets, cmsg_sockets, 24);
CONTROL_MSG(msghdr_creds, cmsg_creds, 28);
static const struct field msghdr_out[] = { { 8, OUTN(128) }, { 8, ADDRLEN }, { 8, ARRAY(iovec_out, 2) }, { 8, R(0, 2) }, { 8, OUTN(64) }, { 8, R(0, 64) }, { 8, C(0) }, {} };
static const struct field mmsghdr[] = { { 8, C(0) }, { 8, C(0) }, { 8, ARRAY(iovec, 2) }, { 8, R(0, 2) }, { 8, PTR(cmsg_sockets) }, { 8, ONE(0, 20, 24) }, { 8, C(0) }, { 8, C(0) }, {} };
static const struct field mmsghdr_out[] = { { 8, OUTN(128) }, { 8, ADDRLEN }, { 8, ARRAY(iovec_out, 2) }, { 8, R(0, 2) }, { 8, OUTN(64) }, { 8, R(0, 64) }, { 8, C(0) }, { 8, C(0) }, {} };
static const struct field memory_region[] = { { 4, R(0, 3) }, { 4, SOME(KVM_MEM_READONLY, KVM_MEM_LOG_DIRTY_PAGES) },
	{ 8, ONE(0, 0, 0x1000, 0x10000, 0xfee00000, 0xfffff000) }, { 8, A(SIZE) }, { 8, A(ADDR) }, {} };
static const struct field cpuid_entry[] = { { 4, ONE(0, 1, 7, 0xd, 0x80000000, 0x80000001, 0x80000008, 0x40000000) }, { 4, R(0, 2) }, { 4, R(0, 1) },
					    { 16, BLOBN(16) }, { 12, BLOBN(12) }, {} };
static const struct field cpuid2[] = { { 4, ONE(0, 1, 3, 80, 100) }, { 4, C(0) }, { 2400, BLOBN(2400) }, {} };
static const struct field cpuid2_one[] = { { 4, C(1) }, { 4, C(0) }, { 40, PTR(cpuid_entry) }, {} };
static const struct field msrs[] = { { 4, R(0, 3) }, { 4, C(0) },
	{ 4, ONE(0x10, 0x1b, 0x174, 0x277, 0x2ff, 0xc0000080, 0xc0000081, 0xc0000100, 0x4b564d01, 0x40000000) }, { 4, C(0) }, { 8, R(0, 1UL << 40) },
	{ 4, ONE(0xc0000082, 0xc0000101, 0xc0000102, 0x8b, 0x38d, 0x6e0) }, { 4, C(0) }, { 8, R(0, 1UL << 40) },
	{ 4, ONE(0x3a, 0x200, 0x250, 0xc0010015, 0xc0011020) }, { 4, C(0) }, { 8, R(0, 1UL << 40) }, {} };
static const struct field msr_list[] = { { 4, ONE(0, 1, 5, 50, 100) }, { 400, BLOBN(400) }, {} };
static const struct field irq_level[] = { { 4, R(0, 25) }, { 4, R(0, 1) }, {} };
static const struct field chip[] = { { 4, R(0, 3) }, { 4, C(0) }, { 512, BLOBN(512) }, {} };
static const struct field one_u32[] = { { 4, R(0, 255) }, { 60, BLOBN(60) }, {} };
static const struct field mp_state[] = { { 4, R(0, 5) }, {} };
static const struct field reg64[] = { { 8, ONE(0, 0xfffbc000, 0x1000, -1) }, {} };

#define FS_TYPES  TEXTS("tmpfs", "tmpfs", "proc", "sysfs", "devpts", "cgroup2", "overlay", "erofs", "mqueue", "nothing", "")
#define MOUNT_OPT TEXTS("", "mode=755", "size=64k", "size=1m,mode=1777", "nr_inodes=5", "newinstance,ptmxmode=666", "hidepid=2", \
			"lowerdir=d0,upperdir=d1,workdir=d2", "lowerdir=/image:d0", "lowerdir=/image,upperdir=d1,workdir=d2", "lowerdir=d0:d1:d2:/", \
			"mode=99", "size=", "size=-1", "uid=1000,gid=1000", "=", ",,,", "x=y")
#define XPATH     TEXTS("f0", "f0", "d0", "l0", "/ov/bin", "nothing", "/proc/self")
#define XATTRS    TEXTS("trusted.x", "trusted.x", "user.a", "user.b", "trusted.overlay.opaque", "trusted.x", "security.capability", "system.posix_acl_access", "user.", "user", "", "nothing.x")
#define HOSTNAMES TEXTS("a", "host.name", "", "0123456789012345678901234567890123456789012345678901234567890123", "01234567890123456789012345678901234567890123456789012345678901234")
#define IOCTL(fdkind, cmd, ...) { .nr = __NR_ioctl, .name = "ioctl:" #cmd, .a = { FDOF(fdkind), C(cmd), __VA_ARGS__ } }
#define TTY(cmd, ...)           { .nr = __NR_ioctl, .name = "ioctl:" #cmd, .group = TTYS, .a = { FDOF(F_TTY), C(cmd), __VA_ARGS__ } }
#define SYS(cmd, ...)           { .nr = __NR_ioctl, .name = "ioctl:" #cmd, .group = KVM, .a = { FDOF(F_KVM), C(cmd), __VA_ARGS__ } }
#define VM(cmd, ...)            { .nr = __NR_ioctl, .name = "ioctl:" #cmd, .group = KVM, .a = { FDOF(F_VM), C(cmd), __VA_ARGS__ } }
#define VCPU(cmd, ...)          { .nr = __NR_ioctl, .name = "ioctl:" #cmd, .group = KVM, .a = { FDOF(F_VCPU), C(cmd), __VA_ARGS__ } }
#define GETTER(cmd)             { .nr = __NR_ioctl, .name = "ioctl:" #cmd, .group = KVM, .a = { FDOF(F_VCPU), C(cmd), OUTN(_IOC_SIZE(cmd)) } }
#define SETTER(cmd)             { .nr = __NR_ioctl, .name = "ioctl:" #cmd, .group = KVM, .a = { FDOF(F_VCPU), C(cmd), BLOBN(_IOC_SIZE(cmd)) } }
#define FCNTL(cmd, ...)         { .nr = __NR_fcntl, .name = "fcntl:" #cmd, .group = FILES, .a = { ANYFD, C(cmd), __VA_ARGS__ } }
#define FUTEX(cmd, ...)         { .nr = __NR_futex, .name = "futex:" #cmd, .group = EVENTS, .a = { A(WORD), ONE(cmd, cmd | FUTEX_PRIVATE_FLAG, cmd | FUTEX_CLOCK_REALTIME), __VA_ARGS__ } }
#define PRCTL(cmd, ...)         { .nr = __NR_prctl, .name = "prctl:" #cmd, .group = PROCESS, .a = { C(cmd), __VA_ARGS__ } }
#define ADVISE(cmd)             { .nr = __NR_madvise, .name = "madvise:" #cmd, .group = MEMORY, .a = { A(ADDR), A(SIZE), C(cmd) } }

/* A child in the same memory needs a stack; without one, both would crash on the parent's. */
static void mend_clone(u64 *a)
{
	if ((a[0] & CLONE_VM) && !(a[0] & CLONE_VFORK) && !a[1])
		a[1] = STACKS_BASE + STACK_SIZE;
}

static void mend_clone3(u64 *a)
{
	u64 *args = (u64 *)a[0];

	if (a[0] < SCRATCH_BASE || a[0] + 88 > SCRATCH_BASE + THREADS * SCRATCH_STRIDE)
		return;
	if ((args[0] & CLONE_VM) && !(args[0] & CLONE_VFORK)) {
		args[5] = STACKS_BASE;
		args[6] = STACK_SIZE;
	}
}

const struct row rows[] = {
	/* ---- memory ---- */
	{ SUB(mmap, anonymous), .group = MEMORY, .a = { A(ADDR), A(SIZE), PROT,
		{ .kind = BITS, SET(MAP_FIXED, MAP_FIXED, MAP_GROWSDOWN, MAP_NORESERVE, MAP_POPULATE, MAP_LOCKED, MAP_STACK, MAP_FIXED_NOREPLACE, MAP_32BIT, MAP_HUGETLB), .lo = MAP_PRIVATE | MAP_ANONYMOUS }, C(-1), C(0) } },
	{ SUB(mmap, shared), .group = MEMORY, .a = { A(ADDR), A(SIZE), PROT, { .kind = BITS, SET(MAP_FIXED, MAP_POPULATE), .lo = MAP_SHARED | MAP_ANONYMOUS }, C(-1), C(0) } },
	{ SUB(mmap, file), .group = MEMORY, .a = { A(ADDR), A(SIZE), PROT, SOME(MAP_SHARED, MAP_PRIVATE, MAP_FIXED, MAP_POPULATE, MAP_SHARED_VALIDATE, MAP_SYNC), ANYFD, ONE(0, 0, 4096, 8192, 1UL << 40) } },
	{ SUB(mmap, memfd), .group = MEMORY, .a = { A(ADDR), A(SIZE), PROT, SOME(MAP_SHARED, MAP_PRIVATE, MAP_FIXED), FDOF(F_MEM), ONE(0, 0, 4096) } },
	{ NR(munmap), .group = MEMORY, .a = { A(ADDR), A(SIZE) } },
	{ NR(mprotect), .group = MEMORY, .a = { A(ADDR), A(SIZE), PROT } },
	{ NR(pkey_mprotect), .group = MEMORY, .a = { A(ADDR), A(SIZE), PROT, R(-1, 15) } },
	{ NR(pkey_alloc), .group = MEMORY, .a = { C(0), R(0, 3) } },
	{ NR(pkey_free), .group = MEMORY, .a = { R(0, 15) } },
	{ NR(mremap), .group = MEMORY, .a = { A(ADDR), A(SIZE), A(SIZE), SOME(MREMAP_MAYMOVE, MREMAP_FIXED, MREMAP_DONTUNMAP), A(ADDR) } },
	{ NR(brk), .group = MEMORY, .rare = 3, .a = { ONE(0, 0x40000000, 1UL << 46, 0x500000) } },
	ADVISE(MADV_DONTNEED), ADVISE(MADV_FREE), ADVISE(MADV_WILLNEED), ADVISE(MADV_DONTFORK), ADVISE(MADV_DOFORK), ADVISE(MADV_NORMAL),
	ADVISE(MADV_REMOVE), ADVISE(MADV_HUGEPAGE), ADVISE(MADV_COLD), ADVISE(MADV_POPULATE_READ), ADVISE(MADV_POPULATE_WRITE), ADVISE(MADV_WIPEONFORK),
	{ NR(mincore), .group = MEMORY, .a = { A(ADDR), A(SIZE), OUTN(64) } },
	{ NR(msync), .group = MEMORY, .a = { A(ADDR), A(SIZE), SOME(MS_ASYNC, MS_SYNC, MS_INVALIDATE) } },
	{ NR(mlock), .group = MEMORY, .a = { A(ADDR), A(SIZE) } },
	{ NR(mlock2), .group = MEMORY, .a = { A(ADDR), A(SIZE), ONE(0, 1) } },
	{ NR(munlock), .group = MEMORY, .a = { A(ADDR), A(SIZE) } },
	{ NR(mlockall), .group = MEMORY, .rare = 10, .a = { SOME(MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT) } },
	{ NR(munlockall), .group = MEMORY },
	{ NR(memfd_create), .group = MEMORY, FDRES(F_MEM), .a = { TEXTS("m", "", "a name of a memory file"), SOME(MFD_CLOEXEC, MFD_ALLOW_SEALING, MFD_ALLOW_SEALING) } },
	{ NR(process_vm_readv), .group = MEMORY, .a = { A(PID), ARRAY(iovec_out, 4), A(COUNT), ARRAY(iovec, 4), A(COUNT), C(0) } },
	{ NR(process_vm_writev), .group = MEMORY, .a = { A(PID), ARRAY(iovec, 4), A(COUNT), ARRAY(iovec_out, 4), A(COUNT), C(0) } },

	/* ---- files by descriptor ---- */
	{ NR(read), .group = FILES, .a = { ANYFD, A(OUT), A(LEN) } },
	{ SUB(read, proc), .group = FILES, .a = { FDOF(F_PROC), A(OUT), A(LEN) } },
	{ SUB(read, pipe), .group = FILES, .a = { FDOF(F_PIPE), A(OUT), A(LEN) } },
	{ SUB(read, cgroup), .group = SPACES, .a = { FDOF(F_CGROUP), A(OUT), A(LEN) } },
	{ SUB(read, signalfd), .group = SIGNALS, .a = { FDOF(F_SIGNAL), A(OUT), A(LEN) } },
	{ SUB(read, timerfd), .group = TIMES, .a = { FDOF(F_TIMER), A(OUT), A(LEN) } },
	{ SUB(read, tty), .group = TTYS, .a = { FDOF(F_TTY), A(OUT), A(LEN) } },
	{ NR(write), .group = FILES, .a = { ANYFD, A(IN), A(LEN) } },
	{ SUB(write, proc), .group = FILES, .a = { FDOF(F_PROC), A(IN), A(LEN) } },
	{ SUB(write, pipe), .group = FILES, .a = { FDOF(F_PIPE), A(IN), A(LEN) } },
	{ SUB(write, cgroup), .group = SPACES, .a = { FDOF(F_CGROUP), A(IN), A(LEN) } },
	{ SUB(write, event), .group = EVENTS, .a = { FDOF(F_EVENT), PTR(longs), C(8) } },
	{ SUB(write, tty), .group = TTYS, .a = { FDOF(F_TTY), A(IN), A(LEN) } },
	{ NR(pread64), .group = FILES, .a = { ANYFD, A(OUT), A(LEN), OFFSET } },
	{ NR(pwrite64), .group = FILES, .a = { ANYFD, A(IN), A(LEN), OFFSET } },
	{ NR(readv), .group = FILES, .a = { ANYFD, ARRAY(iovec_out, 12), A(COUNT) } },
	{ NR(writev), .group = FILES, .a = { ANYFD, ARRAY(iovec, 12), A(COUNT) } },
	{ NR(preadv), .group = FILES, .a = { ANYFD, ARRAY(iovec_out, 12), A(COUNT), OFFSET, C(0) } },
	{ NR(pwritev), .group = FILES, .a = { ANYFD, ARRAY(iovec, 12), A(COUNT), OFFSET, C(0) } },
	{ NR(preadv2), .group = FILES, .a = { ANYFD, ARRAY(iovec_out, 12), A(COUNT), ONE(-1, 0, 4096), C(0), SOME(RWF_HIPRI, RWF_DSYNC, RWF_SYNC, RWF_NOWAIT) } },
	{ NR(pwritev2), .group = FILES, .a = { ANYFD, ARRAY(iovec, 12), A(COUNT), ONE(-1, 0, 4096), C(0), SOME(RWF_HIPRI, RWF_DSYNC, RWF_SYNC, RWF_NOWAIT, RWF_APPEND) } },
	{ NR(lseek), .group = FILES, .a = { ANYFD, OFFSET, R(0, 4) } },
	{ NR(sendfile), .group = FILES, .a = { ANYFD, FDOF(F_FILE), PTR(longs), ONE(1, 100, 5000, 70000) } },
	{ NR(copy_file_range), .group = FILES, .a = { FDOF(F_FILE), PTR(longs), FDOF(F_FILE), PTR(longs), ONE(1, 100, 5000, 70000), C(0) } },
	{ NR(splice), .group = FILES, .a = { FDOF(F_PIPE), C(0), FDOF(F_PIPE), C(0), ONE(1, 100, 5000), SOME(1, 2, 4) } },
	{ SUB(splice, in), .group = FILES, .a = { FDOF(F_FILE), PTR(longs), FDOF(F_PIPE), C(0), ONE(1, 100, 5000), SOME(1, 2, 4) } },
	{ SUB(splice, out), .group = FILES, .a = { FDOF(F_PIPE), C(0), ANYFD, C(0), ONE(1, 100, 5000), SOME(1, 2, 4) } },
	{ NR(tee), .group = FILES, .a = { FDOF(F_PIPE), FDOF(F_PIPE), ONE(1, 100, 5000), SOME(1, 2, 4) } },
	{ NR(vmsplice), .group = FILES, .a = { FDOF(F_PIPE), ARRAY(iovec, 12), A(COUNT), SOME(1, 2, 4) } },
	{ NR(sync_file_range), .group = FILES, .a = { ANYFD, OFFSET, A(SIZE), R(0, 8) } },
	{ NR(fsync), .group = FILES, .a = { ANYFD } },
	{ NR(fdatasync), .group = FILES, .a = { ANYFD } },
	{ NR(syncfs), .group = FILES, .a = { ANYFD } },
	{ NR(sync), .group = FILES },
	{ NR(fadvise64), .group = FILES, .a = { ANYFD, OFFSET, A(SIZE), R(0, 6) } },
	{ NR(readahead), .group = FILES, .a = { ANYFD, OFFSET, A(SIZE) } },
	{ NR(ftruncate), .group = FILES, .a = { FDOF(F_FILE), OFFSET } },
	{ SUB(ftruncate, memfd), .group = MEMORY, .a = { FDOF(F_MEM), OFFSET } },
	{ NR(fallocate), .group = FILES, .a = { FDOF(F_FILE), SOME(FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE, FALLOC_FL_ZERO_RANGE, FALLOC_FL_COLLAPSE_RANGE), OFFSET, ONE(1, 4096, 10000, 100000) } },
	{ SUB(fallocate, memfd), .group = MEMORY, .a = { FDOF(F_MEM), SOME(FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE, FALLOC_FL_ZERO_RANGE), OFFSET, ONE(1, 4096, 10000, 100000) } },
	{ NR(flock), .group = FILES, .a = { ANYFD, { .kind = ONEOF, SET(1, 2, 8, 1 | 4, 2 | 4) } } },
	{ NR(close), .group = FILES, .a = { ANYFD } },
	{ NR(close_range), .group = FILES, .rare = 20, .a = { ONE(40, 60, 3), ONE(70, 100, -1), SOME(2, 4) } },
	{ NR(dup), .group = FILES, .a = { ANYFD } },
	{ NR(dup2), .group = FILES, .a = { ANYFD, ANYFD } },
	{ NR(dup3), .group = FILES, .a = { ANYFD, ANYFD, ONE(0, O_CLOEXEC) } },
	FCNTL(F_DUPFD, R(0, 130)), FCNTL(F_DUPFD_CLOEXEC, R(0, 130)), FCNTL(F_GETFD), FCNTL(F_SETFD, R(0, 1)), FCNTL(F_GETFL),
	FCNTL(F_SETFL, SOME(O_APPEND, O_NONBLOCK, O_NONBLOCK, O_DIRECT, O_NOATIME, FASYNC)), FCNTL(F_GETLK, PTR(flock)), FCNTL(F_SETLK, PTR(flock)), FCNTL(F_SETLKW, PTR(flock)),
	FCNTL(F_OFD_GETLK, PTR(flock)), FCNTL(F_OFD_SETLK, PTR(flock)), FCNTL(F_OFD_SETLKW, PTR(flock)), FCNTL(F_GETOWN), FCNTL(F_SETOWN, A(PID)), FCNTL(F_GETSIG), FCNTL(F_SETSIG, A(SIG)),
	FCNTL(F_GETOWN_EX, PTR(f_owner)), FCNTL(F_SETOWN_EX, PTR(f_owner)), FCNTL(F_SETLEASE, R(0, 2)), FCNTL(F_NOTIFY, R(0, 63)),
	{ SUB(fcntl, F_SETPIPE_SZ), .group = FILES, .a = { FDOF(F_PIPE), C(F_SETPIPE_SZ), ONE(0, 1, 4096, 65536, 1 << 20, 1 << 21, -1) } },
	{ SUB(fcntl, F_GETPIPE_SZ), .group = FILES, .a = { FDOF(F_PIPE), C(F_GETPIPE_SZ) } },
	{ SUB(fcntl, F_ADD_SEALS), .group = FILES, .a = { FDOF(F_MEM), C(F_ADD_SEALS), SOME(1, 2, 4, 8, 16) } },
	{ SUB(fcntl, F_GET_SEALS), .group = FILES, .a = { FDOF(F_MEM), C(F_GET_SEALS) } },
	{ NR(pipe), .group = FILES, .a = { OUTN(8) } },
	{ NR(pipe2), .group = FILES, .a = { OUTN(8), SOME(O_NONBLOCK, O_CLOEXEC, O_DIRECT) } },
	{ NR(io_setup), .group = FILES, .a = { ONE(0, 1, 7, 128, 65536, 65537, -1), OUTN(8) } },
	{ NR(io_destroy), .group = FILES, .a = { A(OUT) } },
	{ NR(io_submit), .group = FILES, .a = { A(OUT), R(0, 4), A(OUT) } },
	{ NR(io_getevents), .group = FILES, .a = { A(OUT), R(0, 4), R(0, 4), OUTN(128), A(OUT) } },
	{ NR(eventfd), .group = FILES, FDRES(F_EVENT), .a = { R(0, 3) } },
	{ NR(eventfd2), .group = FILES, FDRES(F_EVENT), .a = { R(0, 3), SOME(1, O_NONBLOCK, O_NONBLOCK, O_CLOEXEC) } },
	IOCTL(ANY, FIONBIO, PTR(integer)), IOCTL(ANY, FIOCLEX), IOCTL(ANY, FIONCLEX), IOCTL(ANY, FIONREAD, OUTN(4)), IOCTL(ANY, FIOASYNC, PTR(integer)), IOCTL(ANY, FIGETBSZ, OUTN(4)),
	{ SUB(ioctl, any), .group = FILES, .a = { ANYFD, R(0, 0xffffffff), A(OUT) } },
	{ SUB(ioctl, tty any), .group = TTYS, .a = { FDOF(F_TTY), R(0x5400, 0x5470), A(OUT) } },
	{ SUB(ioctl, kvm any), .group = KVM, .a = { FDOF(F_VCPU), ONE(KVM_NMI, KVM_TRANSLATE, KVM_GET_XSAVE, KVM_SET_SIGNAL_MASK, KVM_GET_DEBUGREGS, KVM_GET_CLOCK), A(OUT) } },

	/* ---- names ---- */
	{ NR(open), .group = NAMES, FDRES(F_FILE), .a = { A(PATH), OPENFLAGS, MODE } },
	{ NR(openat), .group = NAMES, FDRES(F_FILE), .a = { ATFD, A(PATH), OPENFLAGS, MODE } },
	{ SUB(openat, create), .group = NAMES, FDRES(F_FILE), .a = { ATFD, A(PATH), C(O_RDWR | O_CREAT), C(0644) } },
	{ SUB(openat, directory), .group = NAMES, FDRES(F_DIR), .a = { ATFD, A(PATH), ONE(O_DIRECTORY, O_PATH, O_DIRECTORY | O_PATH) } },
	{ NR(creat), .group = NAMES, FDRES(F_FILE), .a = { A(PATH), MODE } },
	{ NR(openat2), .group = NAMES, FDRES(F_FILE), .a = { ATFD, A(PATH), PTR(open_how), C(24) } },
	{ NR(mkdir), .group = NAMES, .a = { A(PATH), C(0755) } },
	{ NR(mkdirat), .group = NAMES, .a = { ATFD, A(PATH), MODE } },
	{ NR(mknod), .group = NAMES, .a = { A(PATH), ONE(0010644, 0100644, 0020666, 0060666, 0140644, 0040755), ONE(0, 0x103, 0x105, 0x502, 0x10e8) } },
	{ NR(mknodat), .group = NAMES, .a = { ATFD, A(PATH), ONE(0010644, 0100644, 0020666, 0140644), ONE(0, 0x103, 0x105) } },
	{ NR(unlink), .group = NAMES, .a = { A(PATH) } },
	{ NR(unlinkat), .group = NAMES, .a = { ATFD, A(PATH), ONE(0, AT_REMOVEDIR) } },
	{ NR(rmdir), .group = NAMES, .a = { A(PATH) } },
	{ NR(symlink), .group = NAMES, .a = { A(PATH), A(PATH) } },
	{ NR(symlinkat), .group = NAMES, .a = { A(PATH), ATFD, A(PATH) } },
	{ NR(link), .group = NAMES, .a = { A(PATH), A(PATH) } },
	{ NR(linkat), .group = NAMES, .a = { ATFD, A(PATH), ATFD, A(PATH), ONE(0, AT_SYMLINK_FOLLOW, AT_EMPTY_PATH) } },
	{ NR(rename), .group = NAMES, .a = { A(PATH), A(PATH) } },
	{ NR(renameat), .group = NAMES, .a = { ATFD, A(PATH), ATFD, A(PATH) } },
	{ NR(renameat2), .group = NAMES, .a = { ATFD, A(PATH), ATFD, A(PATH), ONE(0, 1, 2, 4, 3) } },
	{ NR(getdents64), .group = NAMES, .a = { FDOF(F_DIR), A(OUT), A(LEN) } },
	{ NR(getdents), .group = NAMES, .a = { FDOF(F_DIR), A(OUT), A(LEN) } },
	{ NR(chdir), .group = NAMES, .rare = 4, .a = { A(PATH) } },
	{ NR(fchdir), .group = NAMES, .rare = 4, .a = { FDOF(F_DIR) } },
	{ NR(chroot), .group = NAMES, .rare = 10, .a = { A(PATH) } },
	{ NR(getcwd), .group = NAMES, .a = { A(OUT), A(LEN) } },
	{ NR(umask), .group = NAMES, .rare = 5, .a = { MODE } },
	{ NR(stat), .group = NAMES, .a = { A(PATH), OUTN(144) } },
	{ NR(lstat), .group = NAMES, .a = { A(PATH), OUTN(144) } },
	{ NR(fstat), .group = NAMES, .a = { ANYFD, OUTN(144) } },
	{ NR(newfstatat), .group = NAMES, .a = { ATFD, A(PATH), OUTN(144), ATFLAGS } },
	{ NR(statx), .group = NAMES, .a = { ATFD, A(PATH), ATFLAGS, R(0, 0xfff), OUTN(256) } },
	{ NR(statfs), .group = NAMES, .a = { A(PATH), OUTN(120) } },
	{ NR(fstatfs), .group = NAMES, .a = { ANYFD, OUTN(120) } },
	{ NR(readlink), .group = NAMES, .a = { A(PATH), A(OUT), A(LEN) } },
	{ NR(readlinkat), .group = NAMES, .a = { ATFD, A(PATH), A(OUT), A(LEN) } },
	{ NR(access), .group = NAMES, .a = { A(PATH), R(0, 7) } },
	{ NR(faccessat), .group = NAMES, .a = { ATFD, A(PATH), R(0, 7) } },
	{ NR(faccessat2), .group = NAMES, .a = { ATFD, A(PATH), R(0, 7), ATFLAGS } },
	{ NR(chmod), .group = NAMES, .a = { A(PATH), MODE } },
	{ NR(fchmod), .group = NAMES, .a = { ANYFD, MODE } },
	{ NR(fchmodat), .group = NAMES, .a = { ATFD, A(PATH), MODE } },
	{ NR(chown), .group = NAMES, .a = { A(PATH), A(UID), A(UID) } },
	{ NR(lchown), .group = NAMES, .a = { A(PATH), A(UID), A(UID) } },
	{ NR(fchown), .group = NAMES, .a = { ANYFD, A(UID), A(UID) } },
	{ NR(fchownat), .group = NAMES, .a = { ATFD, A(PATH), A(UID), A(UID), ATFLAGS } },
	{ NR(truncate), .group = NAMES, .a = { A(PATH), OFFSET } },
	{ NR(utimensat), .group = NAMES, .a = { ATFD, A(PATH), PTR(two_times), ATFLAGS } },
	{ NR(futimesat), .group = NAMES, .a = { ATFD, A(PATH), PTR(two_times) } },
	{ NR(utimes), .group = NAMES, .a = { A(PATH), PTR(two_times) } },
	{ NR(utime), .group = NAMES, .a = { A(PATH), PTR(two_longs) } },
	{ NR(getxattr), .group = NAMES, .a = { XPATH, XATTRS, A(OUT), A(LEN) } },
	{ NR(lgetxattr), .group = NAMES, .a = { XPATH, XATTRS, A(OUT), A(LEN) } },
	{ NR(fgetxattr), .group = NAMES, .a = { ANYFD, XATTRS, A(OUT), A(LEN) } },
	{ NR(setxattr), .group = NAMES, .a = { XPATH, XATTRS, A(IN), A(LEN), R(0, 2) } },
	{ NR(lsetxattr), .group = NAMES, .a = { XPATH, XATTRS, A(IN), A(LEN), R(0, 2) } },
	{ NR(fsetxattr), .group = NAMES, .a = { ANYFD, XATTRS, A(IN), A(LEN), R(0, 2) } },
	{ NR(listxattr), .group = NAMES, .a = { XPATH, A(OUT), A(LEN) } },
	{ NR(llistxattr), .group = NAMES, .a = { XPATH, A(OUT), A(LEN) } },
	{ NR(flistxattr), .group = NAMES, .a = { ANYFD, A(OUT), A(LEN) } },
	{ NR(removexattr), .group = NAMES, .a = { XPATH, XATTRS } },
	{ NR(lremovexattr), .group = NAMES, .a = { XPATH, XATTRS } },
	{ NR(fremovexattr), .group = NAMES, .a = { ANYFD, XATTRS } },

	/* ---- processes ---- */
	{ NR(fork), .group = PROCESS, .birth = true, .rare = 4, FDRES(GOT_PID) },
	{ NR(vfork), .group = PROCESS, .birth = true, .rare = 4, FDRES(GOT_PID) },
	{ NR(clone), .group = PROCESS, .birth = true, .rare = 3, .mend = mend_clone, FDRES(GOT_PID),
	  .a = { { .kind = BITS, SET(CLONE_VM, CLONE_FS, CLONE_FILES, CLONE_SIGHAND, CLONE_PIDFD, CLONE_VFORK, CLONE_PARENT, CLONE_THREAD, CLONE_SETTLS, CLONE_PARENT_SETTID, CLONE_CHILD_CLEARTID, CLONE_CHILD_SETTID, NSFLAGS), .lo = 17 },
		 A(STACK), OUTN(4), A(WORD), C(0) } },
	{ SUB(clone, thread), .group = PROCESS, .birth = true, .rare = 2, .mend = mend_clone, FDRES(GOT_PID),
	  .a = { { .kind = BITS, SET(CLONE_FS, CLONE_FILES, CLONE_SYSVSEM, CLONE_PARENT_SETTID, CLONE_CHILD_CLEARTID), .lo = CLONE_VM | CLONE_SIGHAND | CLONE_THREAD }, A(STACK), OUTN(4), A(WORD), C(0) } },
	{ NR(clone3), .group = PROCESS, .birth = true, .rare = 3, .mend = mend_clone3, FDRES(GOT_PID), .a = { PTR(clone_args), ONE(88, 88, 64, 80) } },
	{ SUB(clone3, set_tid), .group = PROCESS, .birth = true, .rare = 4, .mend = mend_clone3, FDRES(GOT_PID), .a = { PTR(clone_args_tid), C(88) } },
	{ NR(execve), .mute = true, .group = PROCESS, .rare = 12, .a = { TEXTS("prog", "bad0", "bad1", "bad2", "script", "loop", "d0", "f0", "/image/bin/busybox"), A(STRINGS), A(STRINGS) } },
	{ NR(execveat), .mute = true, .group = PROCESS, .rare = 12, .a = { ATFD, TEXTS("prog", "bad0", "bad1", "bad2", "script", ""), A(STRINGS), A(STRINGS), ATFLAGS } },
	{ NR(exit), .group = PROCESS, .rare = 60, .a = { R(0, 255) } },
	{ NR(exit_group), .group = PROCESS, .rare = 100, .a = { R(0, 255) } },
	{ NR(wait4), .group = PROCESS, .a = { A(PID), OUTN(4), SOME(WNOHANG, WNOHANG, WNOHANG, WUNTRACED, WCONTINUED, __WALL, __WCLONE, __WNOTHREAD), OUTN(144) } },
	{ NR(waitid), .group = PROCESS, .a = { R(0, 3), A(PID), OUTN(128), SOME(WNOHANG, WNOHANG, WEXITED, WEXITED, WSTOPPED, WCONTINUED, WNOWAIT), OUTN(144) } },
	{ SUB(waitid, pidfd), .group = PROCESS, .a = { C(3), FDOF(F_PID), OUTN(128), SOME(WNOHANG, WNOHANG, WEXITED, WEXITED, WNOWAIT), OUTN(144) } },
	{ NR(getpid), .group = PROCESS, .rare = 5 },
	{ NR(gettid), .group = PROCESS, .rare = 5 },
	{ NR(getppid), .group = PROCESS, .rare = 5 },
	{ NR(set_tid_address), .group = PROCESS, .a = { A(WORD) } },
	{ NR(set_robust_list), .group = PROCESS, .a = { PTR(robust), C(24) } },
	{ NR(get_robust_list), .group = PROCESS, .a = { A(PID), OUTN(8), OUTN(8) } },
	{ NR(arch_prctl), .group = PROCESS, .a = { ONE(ARCH_GET_FS, ARCH_GET_GS, ARCH_SET_GS, ARCH_SET_FS, 0x1011, 0x1012), OUTN(8) } },
	PRCTL(PR_SET_PDEATHSIG, A(SIG)), PRCTL(PR_GET_PDEATHSIG, OUTN(4)), PRCTL(PR_GET_DUMPABLE), PRCTL(PR_SET_DUMPABLE, R(0, 2)), PRCTL(PR_GET_KEEPCAPS), PRCTL(PR_SET_KEEPCAPS, R(0, 1)),
	PRCTL(PR_SET_NAME, INN(16)), PRCTL(PR_GET_NAME, OUTN(16)), PRCTL(PR_SET_CHILD_SUBREAPER, R(0, 1)), PRCTL(PR_GET_CHILD_SUBREAPER, OUTN(4)), PRCTL(PR_SET_NO_NEW_PRIVS, C(1), C(0), C(0), C(0)),
	PRCTL(PR_GET_NO_NEW_PRIVS, C(0), C(0), C(0), C(0)), PRCTL(PR_CAPBSET_READ, CAPBIT), PRCTL(PR_CAPBSET_DROP, CAPBIT), PRCTL(PR_CAP_AMBIENT, R(1, 4), CAPBIT, C(0), C(0)),
	PRCTL(PR_GET_SECUREBITS), PRCTL(PR_SET_SECUREBITS, R(0, 255)), PRCTL(PR_SET_TIMERSLACK, R(0, 100000)), PRCTL(PR_GET_TIMERSLACK), PRCTL(PR_SET_SECCOMP, R(0, 2), A(ADDR)), PRCTL(PR_SET_MM, R(0, 15), A(ADDR), A(SIZE), C(0)),
	{ SUB(prctl, any), .group = PROCESS, .a = { R(0, 70), A(OUT), A(ADDR), C(0), C(0) } },
	{ NR(pidfd_open), .group = PROCESS, FDRES(F_PID), .a = { A(PID), ONE(0, 0, O_NONBLOCK) } },
	{ NR(pidfd_send_signal), .group = PROCESS, .a = { FDOF(F_PID), A(SIG), PTR(siginfo), C(0) } },
	{ NR(pidfd_getfd), .group = PROCESS, .a = { FDOF(F_PID), ANYFD, C(0) } },
	{ NR(sched_yield), .group = PROCESS },
	{ NR(sched_setaffinity), .group = PROCESS, .a = { A(PID), ONE(8, 128), PTR(mask) } },
	{ NR(sched_getaffinity), .group = PROCESS, .a = { A(PID), ONE(8, 128), OUTN(128) } },
	{ NR(sched_getscheduler), .group = PROCESS, .a = { A(PID) } },
	{ NR(sched_setscheduler), .group = PROCESS, .a = { A(PID), R(0, 6), PTR(prio) } },
	{ NR(sched_getparam), .group = PROCESS, .a = { A(PID), OUTN(4) } },
	{ NR(sched_setparam), .group = PROCESS, .a = { A(PID), PTR(prio) } },
	{ NR(sched_getattr), .group = PROCESS, .a = { A(PID), OUTN(56), R(0, 64), C(0) } },
	{ NR(sched_setattr), .group = PROCESS, .a = { A(PID), PTR(sched_attr), C(0) } },
	{ NR(sched_rr_get_interval), .group = PROCESS, .a = { A(PID), OUTN(16) } },
	{ NR(sched_get_priority_max), .group = PROCESS, .a = { R(0, 6) } },
	{ NR(sched_get_priority_min), .group = PROCESS, .a = { R(0, 6) } },
	{ NR(getpriority), .group = PROCESS, .a = { R(0, 2), A(PID) } },
	{ NR(setpriority), .group = PROCESS, .a = { R(0, 2), A(PID), NICE } },
	{ NR(ioprio_get), .group = PROCESS, .a = { R(1, 3), A(PID) } },
	{ NR(ioprio_set), .group = PROCESS, .a = { R(1, 3), A(PID), ONE(0, 0x4000, 0x6000) } },
	{ NR(getcpu), .group = PROCESS, .a = { OUTN(4), OUTN(4), C(0) } },
	{ NR(prlimit64), .group = PROCESS, .a = { A(PID), RLIMIT, PTR(two_longs), OUTN(16) } },
	{ NR(getrlimit), .group = PROCESS, .a = { RLIMIT, OUTN(16) } },
	{ NR(setrlimit), .group = PROCESS, .rare = 10, .a = { RLIMIT, PTR(two_longs) } },
	{ NR(getrusage), .group = PROCESS, .a = { ONE(0, 1, -1), OUTN(144) } },
	{ NR(times), .group = PROCESS, .a = { OUTN(32) } },
	{ NR(ptrace), .group = PROCESS, .a = { ONE(0, 1, 2, 4, 7, 8, 12, 13, 14, 15, 16, 17, 24, 0x4200, 0x4201, 0x4202, 0x4203, 0x4204, 0x4205, 0x4206, 0x4207, 0x4208, 0x420a, 0x420b, 0x420e), A(PID), ONE(0, 1, 2, 17, 0x1000, ARENA_BASE), A(OUT) } },
	{ NR(kcmp), .group = PROCESS, .a = { A(PID), A(PID), R(0, 7), ANYFD, ANYFD } },
	{ NR(membarrier), .group = PROCESS, .a = { ONE(0, 1, 2, 8, 16, 32), C(0), C(0) } },
	{ NR(rseq), .group = PROCESS, .a = { OUTN(32), ONE(32, 28), R(0, 1), C(0x53053053) } },
	{ SUB(bpf, LOAD), .group = PROCESS, .result = ANY, .a = { C(5), PTR(bpf_load), C(48) } },
	{ NR(bpf), .group = PROCESS, .a = { ONE(8, 9, 13, 15, 16, 0, 5), PTR(bpf_attach), ONE(16, 20, 24, 28, 144) } },
	{ NR(seccomp), .group = PROCESS, .rare = 4, .a = { R(0, 4), SOME(1, 2, 4, 8, 16, 32), A(OUT) } },
	{ NR(seccomp), .group = PROCESS, .rare = 4, .result = ANY, .a = { C(1), SOME(1, 2, 4, 8, 16), PTR(fprog) } },

	/* ---- signals ---- */
	{ NR(rt_sigaction), .group = SIGNALS, .a = { A(SIG), PTR(sigaction), OUTN(32), C(8) } },
	{ NR(rt_sigprocmask), .group = SIGNALS, .a = { R(0, 2), PTR(sigset), OUTN(8), C(8) } },
	{ NR(rt_sigpending), .group = SIGNALS, .a = { OUTN(8), C(8) } },
	{ NR(rt_sigtimedwait), .group = SIGNALS, .a = { PTR(sigset), OUTN(128), PTR(timespec), C(8) } },
	{ NR(rt_sigsuspend), .mute = true, .group = SIGNALS, .rare = 5, .a = { PTR(sigset), C(8) } },
	{ NR(rt_sigreturn), .group = SIGNALS, .instead = sigreturn_odd },
	{ NR(restart_syscall), .mute = true, .group = SIGNALS },
	{ NR(sigaltstack), .group = SIGNALS, .a = { PTR(sigaltstack), OUTN(24) } },
	{ NR(pause), .mute = true, .group = SIGNALS, .rare = 10 },
	{ NR(kill), .group = SIGNALS, .a = { A(PID), A(SIG) } },
	{ NR(tgkill), .group = SIGNALS, .a = { A(PID), A(PID), A(SIG) } },
	{ NR(tkill), .group = SIGNALS, .a = { A(PID), A(SIG) } },
	{ NR(rt_sigqueueinfo), .group = SIGNALS, .a = { A(PID), A(SIG), PTR(siginfo) } },
	{ NR(rt_tgsigqueueinfo), .group = SIGNALS, .a = { A(PID), A(PID), A(SIG), PTR(siginfo) } },
	{ NR(signalfd), .group = SIGNALS, FDRES(F_SIGNAL), .a = { ONE(-1, -1, 5), PTR(sigset), C(8) } },
	{ NR(signalfd4), .group = SIGNALS, FDRES(F_SIGNAL), .a = { FDOF(F_SIGNAL), PTR(sigset), C(8), SOME(O_NONBLOCK, O_CLOEXEC) } },

	/* ---- time ---- */
	{ NR(clock_gettime), .group = TIMES, .a = { CLOCK, OUTN(16) } },
	{ NR(clock_getres), .group = TIMES, .a = { CLOCK, OUTN(16) } },
	{ NR(clock_settime), .group = TIMES, .a = { CLOCK, PTR(anytime) } },
	{ NR(gettimeofday), .group = TIMES, .a = { OUTN(16), OUTN(8) } },
	{ NR(settimeofday), .group = TIMES, .a = { PTR(anytime), OUTN(8) } },
	{ NR(adjtimex), .group = TIMES, .a = { A(OUT) } },
	{ NR(time), .group = TIMES, .a = { OUTN(8) } },
	{ NR(nanosleep), .group = TIMES, .a = { PTR(timespec), OUTN(16) } },
	{ NR(clock_nanosleep), .group = TIMES, .a = { CLOCK, R(0, 1), PTR(timespec), OUTN(16) } },
	{ NR(alarm), .group = TIMES, .a = { R(0, 2) } },
	{ NR(setitimer), .group = TIMES, .a = { R(0, 2), PTR(itimerval), OUTN(32) } },
	{ NR(getitimer), .group = TIMES, .a = { R(0, 2), OUTN(32) } },
	{ NR(timer_create), .group = TIMES, .a = { CLOCK, PTR(sigevent), OUTN(4) } },
	{ NR(timer_settime), .group = TIMES, .a = { A(TIMER), R(0, 1), PTR(itimerspec), OUTN(32) } },
	{ NR(timer_gettime), .group = TIMES, .a = { A(TIMER), OUTN(32) } },
	{ NR(timer_getoverrun), .group = TIMES, .a = { A(TIMER) } },
	{ NR(timer_delete), .group = TIMES, .rare = 2, .a = { A(TIMER) } },
	{ NR(timerfd_create), .group = TIMES, FDRES(F_TIMER), .a = { CLOCK, SOME(O_NONBLOCK, O_CLOEXEC) } },
	{ NR(timerfd_settime), .group = TIMES, .a = { FDOF(F_TIMER), R(0, 3), PTR(itimerspec), OUTN(32) } },
	{ NR(timerfd_gettime), .group = TIMES, .a = { FDOF(F_TIMER), OUTN(32) } },

	/* ---- waiting ---- */
	{ NR(poll), .group = EVENTS, .a = { ARRAY(pollfd, 20), A(COUNT), SHORT_MS } },
	{ NR(ppoll), .group = EVENTS, .a = { ARRAY(pollfd, 20), A(COUNT), PTR(timespec), PTR(sigset), C(8) } },
	{ NR(select), .group = EVENTS, .a = { R(0, 130), PTR(fdset), PTR(fdset), PTR(fdset), PTR(timeval) } },
	{ NR(pselect6), .group = EVENTS, .a = { R(0, 130), PTR(fdset), PTR(fdset), PTR(fdset), PTR(timespec), PTR(sigset_arg) } },
	{ NR(epoll_create), .group = EVENTS, FDRES(F_EPOLL), .a = { R(0, 2) } },
	{ NR(epoll_create1), .group = EVENTS, FDRES(F_EPOLL), .a = { ONE(0, O_CLOEXEC) } },
	{ NR(epoll_ctl), .group = EVENTS, .a = { FDOF(F_EPOLL), R(1, 3), ANYFD, PTR(epoll_event) } },
	{ SUB(epoll_ctl, add), .group = EVENTS, .a = { FDOF(F_EPOLL), C(1), ANYFD, PTR(epoll_event) } },
	{ SUB(epoll_ctl, nested), .group = EVENTS, .a = { FDOF(F_EPOLL), R(1, 3), FDOF(F_EPOLL), PTR(epoll_event) } },
	{ NR(epoll_wait), .group = EVENTS, .a = { FDOF(F_EPOLL), OUTN(96), R(1, 8), SHORT_MS } },
	{ NR(epoll_pwait), .group = EVENTS, .a = { FDOF(F_EPOLL), OUTN(96), R(1, 8), SHORT_MS, PTR(sigset), C(8) } },
	{ NR(epoll_pwait2), .group = EVENTS, .a = { FDOF(F_EPOLL), OUTN(96), R(1, 8), PTR(timespec), PTR(sigset), C(8) } },
	FUTEX(FUTEX_WAIT, R(0, 1), PTR(timespec)), FUTEX(FUTEX_WAKE, R(0, 3)), FUTEX(FUTEX_REQUEUE, R(0, 3), R(0, 3), A(WORD)), FUTEX(FUTEX_CMP_REQUEUE, R(0, 3), R(0, 3), A(WORD), R(0, 1)),
	{ NR(futex_waitv), .group = EVENTS, .a = { ARRAY(waitv, 3), ONE(1, 1, 2, 3, 0, 129), ONE(0, 0, 0, 1), PTR(timespec), ONE(0, 1, 1, 7) } },
	FUTEX(FUTEX_WAKE_OP, R(0, 3), R(0, 3), A(WORD), R(0, 0xffffffff)), FUTEX(FUTEX_LOCK_PI, C(0), PTR(timespec)), FUTEX(FUTEX_UNLOCK_PI), FUTEX(FUTEX_TRYLOCK_PI),
	FUTEX(FUTEX_WAIT_BITSET, R(0, 1), PTR(timespec), C(0), ONE(1, -1, 0)), FUTEX(FUTEX_WAKE_BITSET, R(0, 3), C(0), C(0), ONE(1, -1, 0)), FUTEX(FUTEX_WAIT_REQUEUE_PI, R(0, 1), PTR(timespec), A(WORD)),

	/* ---- identity ---- */
	{ NR(getuid), .group = IDENTITY, .rare = 5 }, { NR(geteuid), .group = IDENTITY, .rare = 5 }, { NR(getgid), .group = IDENTITY, .rare = 5 }, { NR(getegid), .group = IDENTITY, .rare = 5 },
	{ NR(getresuid), .group = IDENTITY, .a = { OUTN(4), OUTN(4), OUTN(4) } }, { NR(getresgid), .group = IDENTITY, .a = { OUTN(4), OUTN(4), OUTN(4) } },
	{ NR(setuid), .group = IDENTITY, .rare = 20, .a = { A(UID) } }, { NR(setgid), .group = IDENTITY, .rare = 20, .a = { A(UID) } },
	{ NR(setreuid), .group = IDENTITY, .rare = 20, .a = { A(UID), A(UID) } }, { NR(setregid), .group = IDENTITY, .rare = 20, .a = { A(UID), A(UID) } },
	{ NR(setresuid), .group = IDENTITY, .rare = 20, .a = { A(UID), A(UID), A(UID) } }, { NR(setresgid), .group = IDENTITY, .rare = 20, .a = { A(UID), A(UID), A(UID) } },
	{ NR(setfsuid), .group = IDENTITY, .rare = 20, .a = { A(UID) } }, { NR(setfsgid), .group = IDENTITY, .rare = 20, .a = { A(UID) } },
	{ NR(getgroups), .group = IDENTITY, .a = { R(0, 40), OUTN(256) } }, { NR(setgroups), .group = IDENTITY, .a = { R(0, 12), ARRAY(groups, 12) } },
	{ NR(setpgid), .group = IDENTITY, .a = { A(PID), A(PID) } }, { NR(getpgid), .group = IDENTITY, .a = { A(PID) } }, { NR(getpgrp), .group = IDENTITY, .rare = 5 },
	{ NR(getsid), .group = IDENTITY, .a = { A(PID) } }, { NR(setsid), .group = IDENTITY, .rare = 4 },
	{ NR(capget), .group = IDENTITY, .a = { PTR(cap_header), OUTN(24) } }, { NR(capset), .group = IDENTITY, .rare = 6, .a = { PTR(cap_header), BLOBN(24) } },
	{ NR(uname), .group = IDENTITY, .a = { OUTN(390) } }, { NR(sysinfo), .group = IDENTITY, .a = { OUTN(112) } },
	{ NR(getrandom), .group = IDENTITY, .a = { A(OUT), A(LEN), SOME(1, 2, 4) } }, { NR(syslog), .group = IDENTITY, .a = { ONE(0, 1, 3, 4, 5, 6, 7, 8, 9, 10), A(OUT), A(LEN) } },
	{ NR(personality), .group = IDENTITY, .a = { ONE(0xffffffff, 0, 0x40000, 8) } },
	{ NR(reboot), .mute = true, .group = IDENTITY, .rare = 30, .a = { C(LINUX_REBOOT_MAGIC1), ONE(LINUX_REBOOT_MAGIC2, LINUX_REBOOT_MAGIC2A), ONE(LINUX_REBOOT_CMD_RESTART, LINUX_REBOOT_CMD_POWER_OFF, LINUX_REBOOT_CMD_HALT, LINUX_REBOOT_CMD_CAD_ON, LINUX_REBOOT_CMD_RESTART2, LINUX_REBOOT_CMD_KEXEC), A(IN) } },

	/* ---- sockets ---- */
	{ NR(socket), .group = SOCKETS, FDRES(F_SOCKET), .a = { ONE(1, 1, 1, 2, 10, 16, 17, 50), SOCKTYPE, ONE(0, 0, 0, 1, 6, 17) } },
	{ SUB(socket, any), .group = SOCKETS, FDRES(F_SOCKET), .a = { R(0, 20), R(0, 6), C(0) } },
	{ NR(socketpair), .group = SOCKETS, .a = { ONE(1, 1, 1, 2), SOCKTYPE, C(0), OUTN(8) } },
	{ NR(bind), .group = SOCKETS, .a = { FDOF(F_SOCKET), PTR(sockaddr_un), ADDRLEN } },
	{ NR(connect), .group = SOCKETS, .a = { FDOF(F_SOCKET), PTR(sockaddr_un), ADDRLEN } },
	{ NR(listen), .group = SOCKETS, .a = { FDOF(F_SOCKET), R(-1, 3) } },
	{ NR(accept), .group = SOCKETS, FDRES(F_SOCKET), .a = { FDOF(F_SOCKET), OUTN(128), PTR(integer) } },
	{ NR(accept4), .group = SOCKETS, FDRES(F_SOCKET), .a = { FDOF(F_SOCKET), OUTN(128), PTR(integer), SOME(O_NONBLOCK, O_CLOEXEC) } },
	{ NR(getsockname), .group = SOCKETS, .a = { FDOF(F_SOCKET), OUTN(128), PTR(integer) } },
	{ NR(getpeername), .group = SOCKETS, .a = { FDOF(F_SOCKET), OUTN(128), PTR(integer) } },
	{ NR(shutdown), .group = SOCKETS, .rare = 3, .a = { FDOF(F_SOCKET), R(-1, 3) } },
	{ NR(setsockopt), .group = SOCKETS, .a = { FDOF(F_SOCKET), ONE(1, 1, 1, 0, 6), R(0, 70), PTR(two_longs), ONE(4, 8, 16, 16, 3, -1) } },
	{ SUB(socket, inet), .group = SOCKETS, FDRES(F_SOCKET), .a = { C(2), ONE(1 | O_NONBLOCK, 1 | O_NONBLOCK, 2 | O_NONBLOCK, 3 | O_NONBLOCK), ONE(0, 0, 0, 1, 6, 17, 255) } },
	{ SUB(bind, in), .group = SOCKETS, .a = { FDOF(F_SOCKET), PTR(sockaddr_in), ONE(16, 16, 16, 8) } },
	{ SUB(connect, in), .group = SOCKETS, .a = { FDOF(F_SOCKET), PTR(sockaddr_in), ONE(16, 16, 16, 1) } },
	{ SUB(sendto, in), .group = SOCKETS, .a = { FDOF(F_SOCKET), A(IN), A(LEN), MSGFLAGS, PTR(sockaddr_in), C(16) } },
	{ SUB(sendmsg, in), .group = SOCKETS, .a = { FDOF(F_SOCKET), PTR(msghdr_in), MSGFLAGS } },
	{ SUB(setsockopt, ip), .group = SOCKETS, .a = { FDOF(F_SOCKET), ONE(0, 6, 255), R(0, 50), PTR(integer), C(4) } },
	{ SUB(getsockopt, ip), .group = SOCKETS, .a = { FDOF(F_SOCKET), ONE(0, 6), R(0, 50), OUTN(256), PTR(integer) } },
	{ SUB(setsockopt, linger), .group = SOCKETS, .a = { FDOF(F_SOCKET), C(1), C(13), PTR(linger), C(8) } },
	{ SUB(ioctl, interfaces), .group = SOCKETS, .a = { FDOF(F_SOCKET), R(0x8905, 0x8943), PTR(ifreq) } },
	{ SUB(setsockopt, passcred), .group = SOCKETS, .a = { FDOF(F_SOCKET), C(1), C(16), PTR(integer), C(4) } },
	{ SUB(setsockopt, small), .group = SOCKETS, .a = { FDOF(F_SOCKET), C(1), R(7, 8), PTR(integer), C(4) } },
	{ NR(getsockopt), .group = SOCKETS, .a = { FDOF(F_SOCKET), ONE(1, 1, 1, 0, 6), R(0, 70), OUTN(128), PTR(integer) } },
	{ NR(sendto), .group = SOCKETS, .a = { FDOF(F_SOCKET), A(IN), A(LEN), MSGFLAGS, C(0), C(0) } },
	{ SUB(sendto, name), .group = SOCKETS, .a = { FDOF(F_SOCKET), A(IN), A(LEN), MSGFLAGS, PTR(sockaddr_un), ADDRLEN } },
	{ NR(recvfrom), .group = SOCKETS, .a = { FDOF(F_SOCKET), A(OUT), A(LEN), MSGFLAGS, OUTN(128), PTR(integer) } },
	{ NR(sendmsg), .group = SOCKETS, .a = { FDOF(F_SOCKET), PTR(msghdr), MSGFLAGS } },
	{ SUB(sendmsg, rights), .group = SOCKETS, .a = { FDOF(F_SOCKET), PTR(msghdr_rights), MSGFLAGS } },
	{ SUB(sendmsg, sockets), .group = SOCKETS, .a = { FDOF(F_SOCKET), PTR(msghdr_sockets), MSGFLAGS } },
	{ SUB(sendmsg, creds), .group = SOCKETS, .a = { FDOF(F_SOCKET), PTR(msghdr_creds), MSGFLAGS } },
	{ NR(recvmsg), .group = SOCKETS, .a = { FDOF(F_SOCKET), PTR(msghdr_out), MSGFLAGS } },
	{ NR(sendmmsg), .group = SOCKETS, .a = { FDOF(F_SOCKET), ARRAY(mmsghdr, 4), A(COUNT), MSGFLAGS } },
	{ NR(recvmmsg), .group = SOCKETS, .a = { FDOF(F_SOCKET), ARRAY(mmsghdr_out, 4), A(COUNT), MSGFLAGS, PTR(timespec) } },

	/* ---- name spaces and mounts ---- */
	/* System V IPC: ids are small in a namespace of one's own */
	{ NR(shmget), .group = SPACES, .a = { IPC_KEY, ONE(1, 4096, 20000, 0, -1), IPC_GET } },
	{ NR(shmat), .group = SPACES, .a = { IPC_ID, ONE(0, 0, 0, 0x10000000, 0x10001001), SOME(010000, 020000, 040000, 0100000) } },
	{ NR(shmdt), .group = SPACES, .a = { A(ADDR) } },
	{ NR(shmctl), .group = SPACES, .a = { IPC_ID, ONE(0, 1, 2, 3, 11, 12, 13, 14, 15, 9), BLOBN(112) } },
	{ NR(semget), .group = SPACES, .a = { IPC_KEY, R(0, 4), IPC_GET } },
	{ NR(semop), .group = SPACES, .a = { IPC_ID, ARRAY(sembuf, 3), R(1, 3) } },
	{ NR(semtimedop), .group = SPACES, .a = { IPC_ID, ARRAY(sembuf, 3), R(0, 3), PTR(timespec) } },
	{ NR(semctl), .group = SPACES, .a = { IPC_ID, R(-1, 3), ONE(0, 1, 2, 3, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20), BLOBN(104) } },
	{ NR(msgget), .group = SPACES, .a = { IPC_KEY, IPC_GET } },
	{ NR(msgsnd), .group = SPACES, .a = { IPC_ID, PTR(message), ONE(0, 1, 8, 64, 8192, -1), IPC_WAIT } },
	{ NR(msgrcv), .group = SPACES, .a = { IPC_ID, OUTN(72), ONE(0, 8, 64, -1), R(-3, 3), IPC_WAIT } },
	{ NR(mq_open), .group = SPACES, FDRES(F_MQ), .a = { MQ_NAME, SOME(O_RDWR, O_RDWR, O_WRONLY, O_CREAT, O_CREAT, O_EXCL, O_NONBLOCK, O_NONBLOCK, O_CLOEXEC), MODE, PTR(mq_attr) } },
	{ NR(mq_unlink), .group = SPACES, .a = { MQ_NAME } },
	{ NR(mq_timedsend), .group = SPACES, .a = { FDOF(F_MQ), A(IN), ONE(0, 1, 8, 64, 8192, -1), ONE(0, 1, 5, 32767, 32768), PTR(timespec) } },
	{ NR(mq_timedreceive), .group = SPACES, .a = { FDOF(F_MQ), OUTN(64), ONE(64, 8, 0), OUTN(4), PTR(timespec) } },
	{ NR(mq_notify), .group = SPACES, .a = { FDOF(F_MQ), PTR(sigevent) } },
	{ NR(mq_getsetattr), .group = SPACES, .a = { FDOF(F_MQ), PTR(mq_attr), OUTN(64) } },
	{ NR(msgctl), .group = SPACES, .a = { IPC_ID, ONE(0, 1, 2, 3, 11, 12, 13, 9), BLOBN(120) } },
	{ NR(unshare), .group = SPACES, .rare = 2, .a = { SOME(CLONE_FS, CLONE_FILES, CLONE_VM, CLONE_SIGHAND, CLONE_THREAD, CLONE_SYSVSEM, NSFLAGS) } },
	{ SUB(unshare, one), .group = SPACES, .rare = 2, .a = { ONE(CLONE_FS, CLONE_FILES, NSFLAGS) } },
	{ NR(setns), .group = SPACES, .rare = 2, .a = { FDOF(F_NS), ONE(0, 0, NSFLAGS) } },
	{ SUB(setns, pidfd), .group = SPACES, .rare = 2, .a = { FDOF(F_PID), SOME(NSFLAGS) } },
	{ NR(mount), .group = SPACES, .a = { A(PATH), A(PATH), FS_TYPES, SOME(MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_NOATIME, MS_RELATIME, MS_STRICTATIME), MOUNT_OPT } },
	{ SUB(mount, image), .group = SPACES, .a = { TEXTS("/bad.erofs"), TEXTS("d1", "d1", "d0", "/tmp"), TEXTS("erofs"), ONE(MS_RDONLY, 0), C(0) } },
	{ SUB(mount, bind), .group = SPACES, .a = { A(PATH), A(PATH), C(0), ONE(MS_BIND, MS_BIND | MS_REC), C(0) } },
	{ SUB(mount, move), .group = SPACES, .a = { A(PATH), A(PATH), C(0), C(MS_MOVE), C(0) } },
	{ SUB(mount, remount), .group = SPACES, .a = { C(0), A(PATH), C(0), { .kind = BITS, SET(MS_BIND, MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_NOATIME), .lo = MS_REMOUNT }, MOUNT_OPT } },
	{ SUB(mount, propagation), .group = SPACES, .a = { C(0), A(PATH), C(0), ONE(MS_SHARED, MS_PRIVATE, MS_SLAVE, MS_UNBINDABLE, MS_SHARED | MS_REC, MS_PRIVATE | MS_REC, MS_SLAVE | MS_REC), C(0) } },
	{ NR(umount2), .group = SPACES, .a = { A(PATH), SOME(1, 2, 2, 4, 8) } },
	{ NR(pivot_root), .group = SPACES, .a = { A(PATH), A(PATH) } },
	{ NR(sethostname), .group = SPACES, .a = { HOSTNAMES, R(0, 65) } },
	{ NR(setdomainname), .group = SPACES, .a = { HOSTNAMES, R(0, 65) } },
	{ NR(open_tree), .group = SPACES, FDRES(F_DIR), .a = { ATFD, A(PATH), SOME(1, O_CLOEXEC, AT_RECURSIVE, AT_EMPTY_PATH) } },
	{ NR(move_mount), .group = SPACES, .a = { FDOF(F_DIR), A(PATH), ATFD, A(PATH), R(0, 0x77) } },
	{ SUB(openat, namespace), .group = SPACES, FDRES(F_NS), .a = { C(AT_FDCWD), TEXTS("/proc/self/ns/mnt", "/proc/self/ns/uts", "/proc/self/ns/pid", "/proc/self/ns/user", "/proc/self/ns/cgroup", "/proc/self/ns/ipc", "/proc/self/ns/net", "/proc/self/ns/time", "/proc/self/ns/pid_for_children"), C(0) } },
	{ SUB(openat, proc), .group = SPACES, FDRES(F_PROC), .a = { C(AT_FDCWD), TEXTS("/proc/self/uid_map", "/proc/self/gid_map", "/proc/self/setgroups", "/proc/self/oom_score_adj", "/proc/self/comm", "/proc/self/maps", "/proc/self/smaps_rollup",
		"/proc/self/mountinfo", "/proc/self/status", "/proc/self/stat", "/proc/self/limits", "/proc/self/environ", "/proc/self/mem", "/proc/self/auxv", "/proc/self/cmdline", "/proc/self/timens_offsets", "/proc/self/task/1/comm",
		"/proc/self/fdinfo/3", "/proc/sys/kernel/hostname", "/proc/sys/kernel/pid_max", "/proc/meminfo", "/proc/stat", "/proc/mounts", "/proc/1/maps", "/proc/1/environ", "/proc/1/stat", "/proc/2/maps", "/proc/3/maps", "/proc/loadavg", "/proc/slabinfo"), R(0, 2) } },
	{ SUB(openat, cgroup), .group = SPACES, FDRES(F_CGROUP), .a = { C(AT_FDCWD), TEXTS("/sys/fs/cgroup/a/cgroup.procs", "/sys/fs/cgroup/cgroup.procs", "/sys/fs/cgroup/cgroup.subtree_control", "/sys/fs/cgroup/a/memory.max", "/sys/fs/cgroup/a/memory.high",
		"/sys/fs/cgroup/a/pids.max", "/sys/fs/cgroup/a/cpu.max", "/sys/fs/cgroup/a/cpu.weight", "/sys/fs/cgroup/a/cgroup.freeze", "/sys/fs/cgroup/a/cgroup.kill", "/sys/fs/cgroup/a/cgroup.subtree_control", "/sys/fs/cgroup/a/cgroup.threads",
		"/sys/fs/cgroup/a/cgroup.type", "/sys/fs/cgroup/a/memory.stat", "/sys/fs/cgroup/a/cpu.stat", "/sys/fs/cgroup/a/memory.events", "/sys/fs/cgroup/a", "/sys/fs/cgroup/b", "/sys/fs/cgroup/a/cgroup.max.depth"), R(0, 2) } },
	{ SUB(mkdir, cgroup), .group = SPACES, .a = { TEXTS("/sys/fs/cgroup/a", "/sys/fs/cgroup/b", "/sys/fs/cgroup/a/c", "/sys/fs/cgroup/a/c/d"), C(0755) } },
	{ SUB(rmdir, cgroup), .group = SPACES, .a = { TEXTS("/sys/fs/cgroup/a", "/sys/fs/cgroup/b", "/sys/fs/cgroup/a/c", "/sys/fs/cgroup/a/c/d") } },
	{ SUB(ioctl, NS_GET_USERNS), .group = SPACES, FDRES(F_NS), .a = { FDOF(F_NS), C(NS_GET_USERNS) } },
	{ SUB(ioctl, NS_GET_PARENT), .group = SPACES, FDRES(F_NS), .a = { FDOF(F_NS), C(NS_GET_PARENT) } },
	{ SUB(ioctl, NS_GET_NSTYPE), .group = SPACES, .a = { FDOF(F_NS), C(NS_GET_NSTYPE) } },
	{ SUB(ioctl, NS_GET_OWNER_UID), .group = SPACES, .a = { FDOF(F_NS), C(NS_GET_OWNER_UID), OUTN(4) } },

	/* ---- terminals ---- */
	{ SUB(openat, ptmx), .group = TTYS, FDRES(F_TTY), .a = { C(AT_FDCWD), TEXTS("/dev/ptmx", "/dev/pts/ptmx", "/dev/pts/0", "/dev/pts/1", "/dev/pts/2", "/dev/tty"), ONE(O_RDWR, O_RDWR | O_NOCTTY, O_RDWR | O_NONBLOCK) } },
	TTY(TCGETS, OUTN(36)), TTY(TCGETS2, OUTN(44)), TTY(TCSETS, BLOBN(36)), TTY(TCSETSW, BLOBN(36)), TTY(TCSETSF, BLOBN(36)), TTY(TCSETS2, BLOBN(44)), TTY(TCSETSW2, BLOBN(44)), TTY(TCSETSF2, BLOBN(44)),
	TTY(TCFLSH, R(0, 3)), TTY(TCXONC, R(0, 4)), TTY(TCSBRK, R(0, 1)), TTY(TCSBRKP, R(0, 1)), TTY(TIOCEXCL), TTY(TIOCNXCL), TTY(TIOCGETD, OUTN(4)), TTY(TIOCSETD, PTR(integer)), TTY(TIOCGPGRP, OUTN(4)), TTY(TIOCSPGRP, PTR(integer)), TTY(TIOCGSID, OUTN(4)),
	TTY(TIOCGWINSZ, OUTN(8)), TTY(TIOCSWINSZ, PTR(winsize)), TTY(TIOCOUTQ, OUTN(4)), TTY(TIOCINQ, OUTN(4)), TTY(TIOCSCTTY, R(0, 1)), TTY(TIOCNOTTY), TTY(TIOCVHANGUP), TTY(TIOCGDEV, OUTN(4)), TTY(TIOCSPTLCK, PTR(integer)), TTY(TIOCGPTLCK, OUTN(4)),
	TTY(TIOCGPTN, OUTN(4)), TTY(TIOCSIG, A(SIG)), TTY(TIOCSTI, INN(1)), TTY(TIOCPKT, PTR(integer)),
	{ SUB(ioctl, TIOCGPTPEER), .group = TTYS, FDRES(F_TTY), .a = { FDOF(F_TTY), C(TIOCGPTPEER), ONE(O_RDWR, O_RDWR | O_NOCTTY) } },

	/* ---- virtual machines ---- */
	SYS(KVM_GET_API_VERSION, C(0)), SYS(KVM_CHECK_EXTENSION, R(0, 220)), SYS(KVM_GET_VCPU_MMAP_SIZE, C(0)), SYS(KVM_GET_SUPPORTED_CPUID, PTR(cpuid2)), SYS(KVM_GET_MSR_INDEX_LIST, PTR(msr_list)),
	{ SUB(ioctl, KVM_CREATE_VM), .group = KVM, .rare = 3, FDRES(F_VM), .a = { FDOF(F_KVM), C(KVM_CREATE_VM), C(0) } },
	{ SUB(ioctl, KVM_CREATE_VCPU), .group = KVM, FDRES(F_VCPU), .a = { FDOF(F_VM), C(KVM_CREATE_VCPU), R(0, 33) } },
	VM(KVM_SET_USER_MEMORY_REGION, PTR(memory_region)), VM(KVM_GET_DIRTY_LOG, A(OUT)), VM(KVM_CREATE_IRQCHIP, C(0)), VM(KVM_GET_IRQCHIP, PTR(chip)), VM(KVM_SET_IRQCHIP, PTR(chip)), VM(KVM_CREATE_PIT2, PTR(one_u32)), VM(KVM_IRQ_LINE, PTR(irq_level)),
	VM(KVM_SET_TSS_ADDR, C(0xfffbd000)), VM(KVM_SET_IDENTITY_MAP_ADDR, PTR(reg64)), VM(KVM_CHECK_EXTENSION, R(0, 220)), VM(KVM_IOEVENTFD, A(IN)), VM(KVM_IRQFD, A(IN)), VM(KVM_SET_GSI_ROUTING, A(IN)), VM(KVM_SIGNAL_MSI, A(IN)),
	VCPU(KVM_RUN, C(0)), VCPU(KVM_RUN, C(0)), GETTER(KVM_GET_REGS), SETTER(KVM_SET_REGS), GETTER(KVM_GET_SREGS), SETTER(KVM_SET_SREGS), GETTER(KVM_GET_FPU), SETTER(KVM_SET_FPU), GETTER(KVM_GET_LAPIC), SETTER(KVM_SET_LAPIC),
	GETTER(KVM_GET_VCPU_EVENTS), SETTER(KVM_SET_VCPU_EVENTS), GETTER(KVM_GET_MP_STATE), VCPU(KVM_SET_MP_STATE, PTR(mp_state)), VCPU(KVM_INTERRUPT, PTR(one_u32)), VCPU(KVM_GET_MSRS, PTR(msrs)), VCPU(KVM_SET_MSRS, PTR(msrs)),
	VCPU(KVM_SET_CPUID2, PTR(cpuid2)), VCPU(KVM_SET_CPUID2, PTR(cpuid2_one)), VCPU(KVM_GET_TSC_KHZ), VCPU(KVM_SET_TSC_KHZ, R(0, 5000000)),
	{ SUB(mmap, vcpu), .group = KVM, .a = { A(ADDR), ONE(4096, 8192, 12288), C(PROT_READ | PROT_WRITE), ONE(MAP_SHARED, MAP_SHARED | MAP_FIXED, MAP_PRIVATE), FDOF(F_VCPU), ONE(0, 0, 4096, 8192) } },
};
/* clang-format on */
const unsigned int nr_rows = ARRAY_SIZE(rows);
