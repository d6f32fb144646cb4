/* SPDX-License-Identifier: MIT */
/*
 * What happens on entry into ring 0, given to x86/ as one table: the dispatch of system calls and
 * the last look before ring 3 are here; faults and exceptions are proc/'s, the timer is sched/'s.
 */
#include "syscall/syscall.h"

static bool has_work(u32 which)
{
	return READ_ONCE(current->thread.work) & which;
}

/*
 * What entry.S does itself in the common case, with what a tracer may want to see and to change. -1, which
 * it may have put there, is no call, and its result stays.
 */
static void entry_syscall(struct regs *regs)
{
	u32 nr;

	if (has_work(THREAD_WORK_TRACE) && !ptrace_syscall_enter(regs))
		return;
	if (has_work(THREAD_WORK_SECCOMP) && !layer.seccomp_allows(regs))
		return;
	if ((int)regs->orig_rax == -1)
		return;
	/* LAB 02: begin
	 * The number of the call is the lower half of regs->orig_rax. What is not below NR_SYSCALLS answers
	 * -ENOSYS; syscall_table has a function for every other, also where there is no call. The arguments
	 * are in rdi, rsi, rdx, r10, r8, r9 (SysV ABI, A.2.1); the result goes to rax.
	 * starter: nr = regs->orig_rax;
	 * starter: panic("lab 02: entry_syscall() is not written yet (call %u)", nr);
	 */
	nr = regs->orig_rax;
	regs->rax = nr < NR_SYSCALLS ? syscall_table[nr](regs->rdi, regs->rsi, regs->rdx, regs->r10,
							 regs->r8, regs->r9)
				     : -ENOSYS;
	/* LAB 02: end */
}

/* The tracer may have come while the call lasted. */
static void entry_syscall_end(struct regs *regs)
{
	if (has_work(THREAD_WORK_TRACE))
		ptrace_syscall_exit(regs);
}

/*
 * Called with interrupts off and returns so: what is found pending after the last look is found by
 * the interrupt that brings it, because that one returns through here as well.
 */
static void entry_return_to_user(struct regs *regs)
{
	u32 work;

	while ((work = READ_ONCE(current->thread.work) & ~THREAD_WORK_CALLS) ||
	       this_cpu()->need_resched) {
		if (work == THREAD_WORK_DEBUG && !this_cpu()->need_resched) {
			ptrace_load_debug();
			break;
		}
		irq_enable();
		if (this_cpu()->need_resched)
			schedule();
		if (work & THREAD_WORK_SIGNAL)
			do_signal(regs);
		if (work & THREAD_WORK_RECLAIM)
			mem_high_wait();
		if (work & THREAD_WORK_THROTTLE)
			bandwidth_wait();
		io_pause();
		if (has_work(THREAD_WORK_REGS)) /* who comes here loads them all */
			thread_clear_work(&current->thread, THREAD_WORK_REGS);
		irq_disable();
	}
}

const struct entry_ops dyad_entry_ops = {
	.syscalls = syscall_table,
	.nr_syscalls = NR_SYSCALLS,
	.syscall = entry_syscall,
	.syscall_end = entry_syscall_end,
	.page_fault = task_page_fault,
	.user_exception = task_user_exception,
	.return_to_user = entry_return_to_user,
	.timer = sched_timer,
};
