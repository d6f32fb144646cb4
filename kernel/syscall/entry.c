/* SPDX-License-Identifier: MIT */
/*
 * What happens on entry into ring 0, given to x86/ as one table: the dispatch of system calls and
 * the last look before ring 3 are here; faults and exceptions are proc/'s, the timer is sched/'s.
 */
#include "syscall/syscall.h"

#include <asm/unistd_64.h>

/* rax: number; rdi rsi rdx r10 r8 r9: arguments; the result goes to rax (SysV ABI, A.2.1). */
static void entry_syscall(struct regs *regs)
{
	const struct syscall_entry *e;
	long ret = -ENOSYS;
	u32 nr;

	thread_account(true);
	/* The value a restarted or traced call sees, and what an unknown number answers. */
	regs->rax = ret;
	if (unlikely(READ_ONCE(current->thread.work) & THREAD_WORK_TRACE) &&
	    !ptrace_syscall_enter(regs))
		goto skipped;
	nr = regs->orig_rax; /* Linux looks at the lower half alone */
	e = nr < syscall_table_size ? &syscall_table[nr] : NULL;
	if (likely(e && e->fn))
		ret = e->fn(regs->rdi, regs->rsi, regs->rdx, regs->r10, regs->r8, regs->r9);
	/* rt_sigreturn and execve have loaded other registers: rax is theirs. */
	if (nr != __NR_rt_sigreturn)
		regs->rax = ret;
skipped:
	if (unlikely(READ_ONCE(current->thread.work) & THREAD_WORK_TRACE))
		ptrace_syscall_exit(regs);
}

/*
 * Called with interrupts off and returns so: what is found pending after the last look is found by
 * the interrupt that brings it, because that one returns through here as well.
 */
static void entry_return_to_user(struct regs *regs)
{
	u32 work = READ_ONCE(current->thread.work) & ~THREAD_WORK_TRACE;

	while (this_cpu()->need_resched || work) {
		irq_enable();
		if (this_cpu()->need_resched)
			schedule();
		if (work)
			task_return_to_user(regs);
		irq_disable();
		work = READ_ONCE(current->thread.work) & ~THREAD_WORK_TRACE;
	}
	if (current->thread.acct_kernel)
		thread_account(false);
}

const struct entry_ops dyad_entry_ops = {
	.syscall = entry_syscall,
	.page_fault = task_page_fault,
	.user_exception = task_user_exception,
	.return_to_user = entry_return_to_user,
	.timer = sched_timer,
};
