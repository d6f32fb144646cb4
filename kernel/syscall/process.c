/* SPDX-License-Identifier: MIT */
/*
 * Processes and threads: clone(2) and its kin, execve(2), exit(2), wait(2), futex(2), scheduling
 * and limits. Everything is proc/'s and sched/'s; here registers and structures become arguments.
 */
#include "syscall/syscall.h"

#include <linux/capability.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <linux/sched/types.h>
#include <linux/uio.h>
#include <linux/wait.h>

/* ---- making processes ---- */

static long clone_with(const struct clone_args_k *args)
{
	return do_clone(args, thread_regs(current_thread()));
}

SYSCALL0(fork)
{
	struct clone_args_k args = { .exit_signal = SIGCHLD, .cgroup_fd = -1 };

	return clone_with(&args);
}

SYSCALL0(vfork)
{
	struct clone_args_k args = {
		.flags = CLONE_VFORK | CLONE_VM,
		.exit_signal = SIGCHLD,
		.cgroup_fd = -1,
	};

	return clone_with(&args);
}

SYSCALL5(clone, u64, flags, u64, stack, int __user *, parent_tid, int __user *, child_tid, u64, tls)
{
	struct clone_args_k args = {
		.flags = (u32)flags & ~CSIGNAL,
		.exit_signal = flags & CSIGNAL,
		.stack = stack,
		.tls = tls,
		.parent_tid = parent_tid,
		.child_tid = child_tid,
		.pidfd = parent_tid, /* clone(2): the old call has one pointer for both */
		.cgroup_fd = -1,
	};

	return clone_with(&args);
}

SYSCALL2(clone3, const struct clone_args __user *, uargs, size_t, size)
{
	enum { MAX_LEVELS = 32 }; /* of pid namespaces */
	struct clone_args a;
	pid_t set_tid[MAX_LEVELS];
	struct clone_args_k args;
	int err = user_struct(&a, sizeof(a), CLONE_ARGS_SIZE_VER0, uargs, size);

	if (err)
		return err;
	if (a.set_tid_size > MAX_LEVELS || !a.set_tid != !a.set_tid_size)
		return -EINVAL;
	/* CLONE_NEWTIME is one of the bits that were the exit signal's. */
	if (a.flags & ((CSIGNAL & ~CLONE_NEWTIME) | CLONE_DETACHED) || a.exit_signal > SIG_MAX ||
	    (a.flags & (CLONE_THREAD | CLONE_PARENT) && a.exit_signal))
		return -EINVAL;
	if (a.flags & CLONE_INTO_CGROUP && (a.cgroup > 0x7fffffff || size < CLONE_ARGS_SIZE_VER2))
		return -EINVAL;
	if (!a.stack != !a.stack_size)
		return -EINVAL;
	if (copy_from_user(set_tid, (void __user *)a.set_tid, a.set_tid_size * sizeof(pid_t)))
		return -EFAULT;
	args = (struct clone_args_k){
		.flags = a.flags,
		.exit_signal = a.exit_signal,
		.stack = a.stack ? a.stack + a.stack_size : 0,
		.tls = a.tls,
		.parent_tid = (int __user *)a.parent_tid,
		.child_tid = (int __user *)a.child_tid,
		.pidfd = (int __user *)a.pidfd,
		.cgroup_fd = a.flags & CLONE_INTO_CGROUP ? (int)a.cgroup : -1,
		.set_tid = set_tid,
		.set_tid_size = a.set_tid_size,
	};
	return clone_with(&args);
}

SYSCALL3(execve, const char __user *, path, const void __user *, argv, const void __user *, envp)
{
	return do_execve(AT_FDCWD, path, argv, envp, 0, false);
}

SYSCALL5(execveat, int, dirfd, const char __user *, path, const void __user *, argv,
	 const void __user *, envp, int, flags)
{
	if (flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
		return -EINVAL;
	return do_execve(dirfd, path, argv, envp, flags, false);
}

SYSCALL1(exit, int, code)
{
	do_exit((code & 0xff) << 8);
}

SYSCALL1(exit_group, int, code)
{
	do_group_exit((code & 0xff) << 8);
}

SYSCALL4(wait4, pid_t, pid, int __user *, ustatus, int, options, struct rusage __user *, uru)
{
	struct rusage ru;
	int status;
	long ret = do_wait4(pid, &status, options, uru ? &ru : NULL);

	if (ret > 0 && ((ustatus && put_user(status, ustatus)) || (uru && put_user(ru, uru))))
		return -EFAULT;
	return ret;
}

SYSCALL5(waitid, int, which, pid_t, id, siginfo_t __user *, uinfo, int, options,
	 struct rusage __user *, uru)
{
	siginfo_t info = { 0 };
	struct rusage ru;
	long ret = do_waitid(which, id, &info, options, uru ? &ru : NULL);

	if (ret)
		return ret;
	if ((uru && info.si_pid && put_user(ru, uru)) || (uinfo && put_user(info, uinfo)))
		return -EFAULT;
	return 0;
}

/* ---- who ---- */

SYSCALL0(getpid)
{
	return task_tgid_in(current, task_pid_ns(current));
}

SYSCALL0(gettid)
{
	return task_tid_in(current, task_pid_ns(current));
}

SYSCALL0(getppid)
{
	return READ_ONCE(current->proc->ppid);
}

SYSCALL1(set_tid_address, u32 __user *, tid)
{
	current->clear_tid = tid;
	return call_gettid();
}

SYSCALL2(set_robust_list, void __user *, head, size_t, size)
{
	if (size != sizeof(struct robust_list_head))
		return -EINVAL;
	current->robust_list = head;
	return 0;
}

SYSCALL3(get_robust_list, pid_t, tid, void __user *__user *, uhead, size_t __user *, usize)
{
	struct task *t = task_by_number(tid);
	void __user *head;
	bool may;

	if (!t)
		return -ESRCH;
	head = t->robust_list;
	may = ptrace_may_access(t, false);
	task_put(t);
	if (!may)
		return -EPERM;
	return put_user(sizeof(struct robust_list_head), usize) ?: put_user(head, uhead);
}

SYSCALL_IS(arch_prctl, do_arch_prctl(_1, _2))
SYSCALL_IS(prctl, do_prctl(_1, _2, _3, _4, _5))
SYSCALL_IS(bpf, bpf_call(_1, (union bpf_attr __user *)_2, _3))
SYSCALL_IS(seccomp, layer.seccomp ? layer.seccomp(_1, _2, (void __user *)_3) : -ENOSYS)
SYSCALL_IS(pidfd_open, do_pidfd_open(_1, _2))
SYSCALL_IS(pidfd_getfd, do_pidfd_getfd(_1, _2, _3))

SYSCALL4(pidfd_send_signal, int, pidfd, int, sig, siginfo_t __user *, uinfo, unsigned int, flags)
{
	siginfo_t info;

	if (uinfo && get_user(info, uinfo))
		return -EFAULT;
	return do_pidfd_send_signal(pidfd, sig, uinfo ? &info : NULL, flags);
}

/* ---- futex ---- */

static bool futex_has_timeout(int op)
{
	switch (op & FUTEX_CMD_MASK) {
	case FUTEX_WAIT:
	case FUTEX_WAIT_BITSET:
	case FUTEX_WAIT_REQUEUE_PI:
	case FUTEX_LOCK_PI:
	case FUTEX_LOCK_PI2:
		return true;
	}
	return false;
}

/* The fourth argument is a timeout or a second count, as the operation says (futex(2)). */
SYSCALL6(futex, u32 __user *, uaddr, int, op, u32, val, const struct __kernel_timespec __user *,
	 uts, u32 __user *, uaddr2, u32, val3)
{
	struct __kernel_timespec ts;

	if (!futex_has_timeout(op))
		return do_futex(uaddr, op, val, NULL, (u32)(u64)uts, uaddr2, val3);
	if (uts && get_user(ts, uts))
		return -EFAULT;
	return do_futex(uaddr, op, val, uts ? &ts : NULL, 0, uaddr2, val3);
}

SYSCALL5(futex_waitv, const struct futex_waitv __user *, uwaiters, unsigned int, nr, unsigned int,
	 flags, const struct __kernel_timespec __user *, uts, int, clock)
{
	struct __kernel_timespec ts;
	struct futex_waitv *v;
	long r;

	if (flags || !nr || nr > FUTEX_WAITV_MAX || !uwaiters)
		return -EINVAL;
	if (uts && get_user(ts, uts))
		return -EFAULT;
	v = kmalloc(nr * sizeof(*v));
	if (!v)
		return -ENOMEM;
	r = -EFAULT;
	if (!copy_from_user(v, uwaiters, nr * sizeof(*v)))
		r = do_futex_waitv(v, nr, uts ? &ts : NULL, clock);
	kfree(v);
	return r;
}

/* ---- scheduling ---- */

SYSCALL0(sched_yield)
{
	sched_yield();
	return 0;
}

SYSCALL3(sched_setaffinity, pid_t, pid, unsigned int, size, const void __user *, umask)
{
	cpumask_t mask = 0;

	if (copy_from_user(&mask, umask, min((size_t)size, sizeof(mask))))
		return -EFAULT;
	return do_sched_setaffinity(pid, mask);
}

/* Returns the bytes written, as the system call does (the C library hides it). */
SYSCALL3(sched_getaffinity, pid_t, pid, unsigned int, size, void __user *, umask)
{
	cpumask_t mask;
	int err;

	if (size * 8 < nr_cpus || size % sizeof(long))
		return -EINVAL;
	err = do_sched_getaffinity(pid, &mask);
	if (err)
		return err;
	return copy_to_user(umask, &mask, sizeof(mask)) ?: (long)sizeof(mask);
}

static int get_attr(pid_t pid, struct sched_attr *a)
{
	return pid < 0 ? -EINVAL : do_sched_getattr(pid, a);
}

SYSCALL1(sched_getscheduler, pid_t, pid)
{
	struct sched_attr a;
	int err = get_attr(pid, &a);

	if (err)
		return err;
	return a.sched_policy |
	       (a.sched_flags & SCHED_FLAG_RESET_ON_FORK ? SCHED_RESET_ON_FORK : 0);
}

SYSCALL2(sched_getparam, pid_t, pid, int __user *, param)
{
	struct sched_attr a;

	return param ? get_attr(pid, &a) ?: put_user(0, param) : -EINVAL;
}

/* The calls from before sched_setattr(2): a policy with a flag in it, and a real-time priority. */
static long set_scheduler(pid_t pid, int policy, u64 flags, const int __user *uprio)
{
	struct sched_attr a = {
		.sched_policy = policy & ~SCHED_RESET_ON_FORK,
		.sched_flags =
			flags | (policy & SCHED_RESET_ON_FORK ? SCHED_FLAG_RESET_ON_FORK : 0),
	};

	if (policy < 0 || !uprio || pid < 0)
		return -EINVAL;
	return get_user(a.sched_priority, uprio) ?: do_sched_setattr(pid, &a, true);
}

SYSCALL_IS(sched_setscheduler, set_scheduler(_1, _2, 0, (const int __user *)_3))
SYSCALL_IS(sched_setparam, set_scheduler(_1, 0, SCHED_FLAG_KEEP_POLICY, (const int __user *)_2))

/* What is too long or too short is told the size that is known here. */
SYSCALL3(sched_setattr, pid_t, pid, struct sched_attr __user *, uattr, unsigned int, flags)
{
	struct sched_attr a;
	u32 size;
	int err = -E2BIG;

	if (!uattr || pid < 0 || flags)
		return -EINVAL;
	if (get_user(size, &uattr->size))
		return -EFAULT;
	size = size ?: SCHED_ATTR_SIZE_VER0;
	if (size >= SCHED_ATTR_SIZE_VER0)
		err = user_struct(&a, sizeof(a), SCHED_ATTR_SIZE_VER0, uattr, size);
	if (err == -E2BIG)
		put_user((u32)sizeof(a), &uattr->size);
	return err ?: do_sched_setattr(pid, &a, false);
}

SYSCALL4(sched_getattr, pid_t, pid, struct sched_attr __user *, uattr, unsigned int, size,
	 unsigned int, flags)
{
	struct sched_attr a;
	int err;

	if (!uattr || flags || size > PAGE_SIZE || size < SCHED_ATTR_SIZE_VER0)
		return -EINVAL;
	err = get_attr(pid, &a);
	a.size = min((size_t)size, sizeof(a));
	return err ?: copy_to_user(uattr, &a, a.size);
}

/* No thread takes turns in real time; the fair ones have no fixed interval. */
SYSCALL2(sched_rr_get_interval, pid_t, pid, struct __kernel_timespec __user *, uts)
{
	struct sched_attr a;

	return get_attr(pid, &a) ?: put_timespec(uts, 0);
}

SYSCALL_IS(sched_get_priority_max, sched_priority_bound(_1, true))
SYSCALL_IS(sched_get_priority_min, sched_priority_bound(_1, false))
SYSCALL_IS(getpriority, do_getpriority(_1, _2))
SYSCALL_IS(setpriority, do_setpriority(_1, _2, _3))
SYSCALL_IS(ioprio_get, do_ioprio_get(_1, _2))
SYSCALL_IS(ioprio_set, do_ioprio_set(_1, _2, _3))

SYSCALL3(getcpu, unsigned int __user *, cpu, unsigned int __user *, node, void __user *, unused)
{
	unsigned int id = READ_ONCE(this_cpu()->id);

	if ((cpu && put_user(id, cpu)) || (node && put_user(0U, node)))
		return -EFAULT;
	return 0;
}

/* ---- limits and use ---- */

SYSCALL4(prlimit64, pid_t, pid, unsigned int, res, const struct rlimit64 __user *, unew,
	 struct rlimit64 __user *, uold)
{
	struct rlimit64 new, old;
	int err;

	if (unew && get_user(new, unew))
		return -EFAULT;
	err = do_prlimit(pid, res, unew ? &new : NULL, &old);
	return err ?: uold ? put_user(old, uold) : 0;
}

/* struct rlimit and struct rlimit64 are the same on 64-bit machines. */
SYSCALL2(getrlimit, unsigned int, res, struct rlimit64 __user *, uold)
{
	struct rlimit64 old;
	int err = do_prlimit(0, res, NULL, &old);

	return err ?: put_user(old, uold);
}

SYSCALL2(setrlimit, unsigned int, res, const struct rlimit64 __user *, unew)
{
	struct rlimit64 new;

	return get_user(new, unew) ?: do_prlimit(0, res, &new, NULL);
}

SYSCALL2(getrusage, int, who, struct rusage __user *, uru)
{
	struct rusage ru;
	int err = do_getrusage(who, &ru);

	return err ?: put_user(ru, uru);
}

SYSCALL1(times, struct tms __user *, utms)
{
	struct tms tms;
	long ticks = do_times(&tms);

	return utms && put_user(tms, utms) ? -EFAULT : ticks;
}

/* ---- other processes ---- */

/* PTRACE_PEEK* puts the word at data, as the C library's wrapper expects. */
SYSCALL_IS(ptrace, do_ptrace(_1, _2, _3, _4))

/* What both sides have room for; the first piece that is not all there ends the call. */
static ssize_t vm_copy(struct task *t, struct uio *local, const struct iovec *remote, u64 n,
		       bool write)
{
	struct mm *mm = task_mm_access(t, false);
	ssize_t done = 0, part = 0;

	if (IS_ERR(mm))
		return PTR_ERR(mm) == -EACCES ? -EPERM : PTR_ERR(mm);
	if (!mm)
		return -ESRCH;
	for (u64 i = 0; i < n && local->left; i++) {
		size_t want = min((size_t)remote[i].iov_len, local->left);

		part = vm_move(mm, (u64)remote[i].iov_base, local, want, write, false);
		done += max(part, 0L);
		if (part < (ssize_t)want)
			break;
	}
	mm_put_user(mm);
	return done ? done : part;
}

static long process_vm(pid_t pid, const struct iovec __user *ulocal, long nr_local,
		       const struct iovec __user *uremote, u64 nr_remote, u64 flags, bool write)
{
	struct iovec *remote = NULL;
	struct user_iov local;
	struct uio u;
	struct task *t;
	long ret;

	if (flags || nr_remote > UIO_MAXIOV)
		return -EINVAL;
	ret = user_iov_get(&local, &u, ulocal, nr_local);
	if (ret <= 0)
		goto out;
	remote = kmalloc(max(nr_remote, 1UL) * sizeof(*remote));
	ret = remote ? copy_from_user(remote, uremote, nr_remote * sizeof(*remote)) : -ENOMEM;
	for (u64 i = 0; !ret && i < nr_remote; i++)
		ret = (ssize_t)remote[i].iov_len < 0 ? -EINVAL : 0;
	if (ret)
		goto out;
	t = task_find(task_pid_ns(current), pid);
	ret = t ? vm_copy(t, &u, remote, nr_remote, write) : -ESRCH;
	task_put(t);
out:
	user_iov_put(&local);
	kfree(remote);
	return ret;
}

SYSCALL_IS(process_vm_readv,
	   process_vm(_1, (void __user *)_2, _3, (void __user *)_4, _5, _6, false))
SYSCALL_IS(process_vm_writev,
	   process_vm(_1, (void __user *)_2, _3, (void __user *)_4, _5, _6, true))
