/* SPDX-License-Identifier: MIT */
/*
 * Signals (signal(7)): the rt_ calls with their 64-bit masks, and the ones that send. A mask comes
 * with its size, which must be 8.
 */
#include "syscall/syscall.h"

SYSCALL4(rt_sigaction, int, sig, const struct sigaction __user *, uact, struct sigaction __user *,
	 uold, size_t, size)
{
	struct ksigaction act, old;
	struct sigaction user;
	int err;

	if (size != sizeof(ksigset_t))
		return -EINVAL;
	if (uact) {
		if (get_user(user, uact))
			return -EFAULT;
		act = (struct ksigaction){ user.sa_handler, user.sa_restorer, user.sa_mask,
					   user.sa_flags };
	}
	err = do_sigaction(sig, uact ? &act : NULL, &old);
	if (err || !uold)
		return err;
	user = (struct sigaction){ old.handler, old.flags, old.restorer, old.mask };
	return put_user(user, uold);
}

SYSCALL4(rt_sigprocmask, int, how, const ksigset_t __user *, uset, ksigset_t __user *, uold, size_t,
	 size)
{
	ksigset_t set, old;
	int err;

	if (size != sizeof(ksigset_t))
		return -EINVAL;
	if (uset && get_user(set, uset))
		return -EFAULT;
	err = do_sigprocmask(how, uset ? &set : NULL, &old);
	return err ?: uold ? put_user(old, uold) : 0;
}

SYSCALL2(rt_sigpending, ksigset_t __user *, uset, size_t, size)
{
	ksigset_t set = do_sigpending();

	return size > sizeof(set) ? -EINVAL : copy_to_user(uset, &set, size);
}

SYSCALL4(rt_sigtimedwait, const ksigset_t __user *, uset, siginfo_t __user *, uinfo,
	 const struct __kernel_timespec __user *, uts, size_t, size)
{
	siginfo_t info = { 0 };
	ksigset_t set;
	u64 ns;
	int ret;

	if (size != sizeof(ksigset_t))
		return -EINVAL;
	if (get_user(set, uset))
		return -EFAULT;
	ret = uts ? user_timespec(&ns, uts) : 0;
	if (ret)
		return ret;
	ret = do_sigtimedwait(set, &info, uts ? deadline_after(ns) : ~0UL);
	if (ret > 0 && uinfo && put_user(info, uinfo))
		return -EFAULT;
	return ret;
}

SYSCALL2(rt_sigsuspend, const ksigset_t __user *, umask, size_t, size)
{
	ksigset_t mask;

	if (size != sizeof(mask))
		return -EINVAL;
	return get_user(mask, umask) ?: do_sigsuspend(mask);
}

SYSCALL0(rt_sigreturn)
{
	return do_rt_sigreturn(thread_regs(current_thread()));
}

SYSCALL_IS(restart_syscall, do_restart_syscall())

SYSCALL2(sigaltstack, const stack_t __user *, uss, stack_t __user *, uold)
{
	stack_t ss, old;
	int err;

	if (uss && get_user(ss, uss))
		return -EFAULT;
	err = do_sigaltstack(uss ? &ss : NULL, &old, thread_regs(current_thread())->rsp);
	return err ?: uold ? put_user(old, uold) : 0;
}

SYSCALL_IS(pause, do_pause())
SYSCALL_IS(kill, do_kill(_1, _2))

SYSCALL3(tgkill, pid_t, tgid, pid_t, tid, int, sig)
{
	return tgid <= 0 || tid <= 0 ? -EINVAL : do_tgkill(tgid, tid, sig);
}

SYSCALL2(tkill, pid_t, tid, int, sig)
{
	return tid <= 0 ? -EINVAL : do_tgkill(0, tid, sig);
}

SYSCALL3(rt_sigqueueinfo, pid_t, pid, int, sig, const siginfo_t __user *, uinfo)
{
	siginfo_t info;

	return get_user(info, uinfo) ?: do_sigqueue(pid, 0, sig, &info);
}

SYSCALL4(rt_tgsigqueueinfo, pid_t, tgid, pid_t, tid, int, sig, const siginfo_t __user *, uinfo)
{
	siginfo_t info;

	if (tgid <= 0 || tid <= 0)
		return -EINVAL;
	return get_user(info, uinfo) ?: do_sigqueue(tgid, tid, sig, &info);
}

SYSCALL4(signalfd4, int, fd, const ksigset_t __user *, umask, size_t, size, int, flags)
{
	ksigset_t mask;

	if (size != sizeof(mask) || flags & ~(O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	return get_user(mask, umask) ?: do_signalfd(fd, mask, flags);
}

SYSCALL_ALIAS(signalfd, signalfd4, _1, _2, _3, 0)
