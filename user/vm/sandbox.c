/* SPDX-License-Identifier: MIT */
/*
 * Walls around the monitor: a guest that takes it over by a fault in a device shall find nothing.
 *
 *	namespaces	an empty, read-only root, with what --share names mounted there; no network; no names of others
 *	capabilities	none, and none to be had by execve(2)
 *	seccomp		the calls below; any other ends the process
 *
 * All files, devices and sockets that the machine needs are open before. Who is not root makes a user
 * namespace first; where that is forbidden, in a container, the container is that wall, and the other two
 * stand all the same. So they do on a kernel that has no namespaces or no seccomp.
 */
#include <sched.h>
#include <asm/termbits.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <linux/capability.h>

#include "filter.h"
#include "vm.h"

#define HIDDEN (CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)
#define ROOT "/proc" /* any folder: it is covered in this namespace alone */

/* ---- namespaces ---- */

static void check(bool ok, const char *what)
{
	if (!ok)
		die(STATUS_FAILED, "sandbox: %s: %s", what, strerror(errno));
}

/* The working folder becomes the root. An initramfs cannot be taken away (pivot_root(2), EINVAL), only covered. */
static bool become_root(void)
{
	if (!syscall(SYS_pivot_root, ".", "."))
		return !umount2(".", MNT_DETACH) && !chdir("/");
	return errno == EINVAL && !mount(".", "/", NULL, MS_MOVE, NULL) && !chroot(".") &&
	       !chdir("/");
}

/* Each share is found again here: from a descriptor of before, ".." would lead out of the sandbox. */
static void keep_shares(struct machine *m)
{
	char name[] = ROOT "/0";

	for (unsigned int i = 0; i < m->nr_shares; i++, name[sizeof(ROOT)]++) {
		struct share *s = &m->shares[i];
		int fd;

		check(!mkdir(name, 0555) && !mount(s->path, name, NULL, MS_BIND | MS_REC, NULL),
		      s->path);
		fd = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		check(fd >= 0 && dup2(fd, s->fd) >= 0, s->path);
		close(fd);
	}
}

/* In a user namespace we are who we were (user_namespaces(7)): else nothing could be made there, and owners not seen. */
static void map_ids(unsigned int uid, unsigned int gid)
{
	char users[40], groups[40];

	format(users, sizeof(users), "%u %u 1", uid, uid);
	format(groups, sizeof(groups), "%u %u 1", gid, gid);
	check(!write_small(AT_FDCWD, "/proc/self/setgroups", "deny") &&
		      !write_small(AT_FDCWD, "/proc/self/uid_map", users) &&
		      !write_small(AT_FDCWD, "/proc/self/gid_map", groups),
	      "id maps");
}

static void hide_everything(struct machine *m)
{
	unsigned int uid = geteuid(), gid = getegid();

	if (unshare(HIDDEN) < 0) {
		if (errno != EPERM || unshare(CLONE_NEWUSER | HIDDEN) < 0) {
			check(errno == EPERM || errno == ENOSPC || errno == EINVAL, "unshare");
			return;
		}
		map_ids(uid, gid);
	}
	check(!mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "/");
	check(!mount("none", ROOT, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k,mode=555"),
	      "an empty root");
	keep_shares(m);
	check(!chdir(ROOT) && become_root(), "pivot_root");
	check(!mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), "read-only");
}

/* ---- capabilities ---- */

static void drop_capabilities(void)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { { 0 } };

	for (int cap = 0; !prctl(PR_CAPBSET_DROP, cap); cap++)
		; /* up to the last one; who may not has none */
	check(!syscall(SYS_capset, &h, none), "capset");
	check(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
}

/* ---- system calls ---- */

/* What threads, memory, descriptors and the clock need; the frequent ones first. */
static const uint16_t allowed[] = {
	SYS_futex,           SYS_poll,         SYS_read,
	SYS_write,           SYS_preadv,       SYS_pwritev,
	SYS_readv,           SYS_writev,       SYS_pread64,
	SYS_pwrite64,        SYS_recvmsg,      SYS_sendmsg,
	SYS_recvfrom,        SYS_sendto,       SYS_clock_gettime,
	SYS_gettimeofday,    SYS_time,         SYS_nanosleep,
	SYS_clock_nanosleep, SYS_rt_sigaction, SYS_rt_sigprocmask,
	SYS_rt_sigreturn,    SYS_tgkill,       SYS_tkill,
	SYS_gettid,          SYS_getpid,       SYS_munmap,
	SYS_madvise,         SYS_mremap,       SYS_brk,
	SYS_set_robust_list, SYS_membarrier,   SYS_sched_yield,
	SYS_accept4,         SYS_setsockopt,   SYS_shutdown,
	SYS_close,           SYS_fcntl,        SYS_fstat,
	SYS_lseek,           SYS_ftruncate,    SYS_fallocate,
	SYS_fsync,           SYS_fdatasync,    SYS_restart_syscall,
	SYS_getrandom,       SYS_exit,         SYS_exit_group,
	SYS_timerfd_settime,
};

/* Of a terminal: its settings and size; none that puts words into its mouth (TIOCSTI). */
static const uint32_t terminal_calls[] = { TCGETS, TCSETS, TCSETSW, TCSETSF, TIOCGWINSZ };

/* And of a server of files, which are named relative to a folder that is open. */
static const uint16_t allowed_files[] = {
	SYS_openat2, SYS_newfstatat, SYS_fstatfs,   SYS_getdents64, SYS_mkdirat,
	SYS_mknodat, SYS_symlinkat,  SYS_linkat,    SYS_unlinkat,   SYS_renameat,
	SYS_fchmod,  SYS_fchownat,   SYS_utimensat, SYS_readlinkat,
};

/* Skips `no` instructions unless A is k (has a bit of k). */
#define UNLESS_EQUAL(k, no) JUMP(BPF_JEQ, k, 0, no)
#define UNLESS_SET(k, no) JUMP(BPF_JSET, k, 0, no)

/* Those of KVM, which are frequent, first. */
static void add_ioctls(struct filter *p)
{
	FILTER_ADD(p, LOAD(args[1]), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xff00),
		   UNLESS_EQUAL(KVMIO << 8, 1), RETURN(SECCOMP_RET_ALLOW), LOAD(args[1]));
	for (size_t i = 0; i < LENGTH(terminal_calls); i++)
		FILTER_ADD(p, UNLESS_EQUAL(terminal_calls[i], 1), RETURN(SECCOMP_RET_ALLOW));
	FILTER_ADD(p, RETURN(SECCOMP_RET_ERRNO | ENOTTY));
}

static void add_calls(struct filter *p, const uint16_t *calls, size_t n)
{
	for (size_t i = 0; i < n; i++)
		FILTER_ADD(p, UNLESS_EQUAL(calls[i], 1), RETURN(SECCOMP_RET_ALLOW));
}

static void limit_calls(bool files)
{
	struct filter p = { .n = 0 }, ioctls = { .n = 0 };
	struct sock_fprog prog = { .filter = p.code };

	add_ioctls(&ioctls);
	FILTER_ADD(&p, LOAD(arch), JUMP(BPF_JEQ, AUDIT_ARCH_X86_64, 1, 0),
		   RETURN(SECCOMP_RET_KILL_PROCESS), LOAD(nr), UNLESS_EQUAL(SYS_ioctl, ioctls.n));
	filter_add(&p, ioctls.code, ioctls.n);
	/* threads, no processes; no code but what is there */
	FILTER_ADD(&p, UNLESS_EQUAL(SYS_clone, 4), LOAD(args[0]), UNLESS_SET(CLONE_THREAD, 1),
		   RETURN(SECCOMP_RET_ALLOW), RETURN(SECCOMP_RET_KILL_PROCESS));
	for (size_t i = 0; i < 2; i++)
		FILTER_ADD(&p, UNLESS_EQUAL(i ? SYS_mprotect : SYS_mmap, 4), LOAD(args[2]),
			   UNLESS_SET(PROT_EXEC, 1), RETURN(SECCOMP_RET_KILL_PROCESS),
			   RETURN(SECCOMP_RET_ALLOW));
	add_calls(&p, allowed, LENGTH(allowed));
	if (files)
		add_calls(&p, allowed_files, LENGTH(allowed_files));
	FILTER_ADD(&p, RETURN(SECCOMP_RET_KILL_PROCESS));
	prog.len = p.n;
	/* a kernel may be built without (make WITHOUT=container) */
	check(!syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) || errno == ENOSYS,
	      "seccomp");
}

void sandbox_enter(struct machine *m)
{
	hide_everything(m);
	drop_capabilities();
	if (m->nr_shares)
		umask(0); /* a file's mode is what the guest says */
	limit_calls(m->nr_shares);
}
