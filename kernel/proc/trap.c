/* SPDX-License-Identifier: MIT */
/* What exceptions and page faults mean to a process: memory mended, or a signal with its reason. */
#include "proc/internal.h"

static void fault_signal(struct regs *regs, int sig, int code, u64 addr)
{
	siginfo_t info;

	memset(&info, 0, sizeof(info));
	info.si_signo = sig;
	info.si_code = code;
	if (code != SI_KERNEL)
		info.si_addr = (void *)addr;
	if (current->sighand->action[sig - 1].handler == SIG_DFL)
		pr_debug("%s[%d]: signal %d at ip %llx, address %llx, sp %llx, error %llx",
			 current_thread()->name, task_tid_in(current, &init_pid_ns), sig,
			 (unsigned long long)regs->rip, (unsigned long long)addr,
			 (unsigned long long)regs->rsp, (unsigned long long)regs->orig_rax);
	force_signal(sig, &info);
}

/* The reason of an x87 or SIMD exception (SDM 1, 8.4 and 11.5.2): exception bits that are unmasked. */
static int fpe_code(bool simd)
{
	u8 *area = current_thread()->fpu;
	u16 cw, sw;
	u32 mxcsr, bits;

	irq_push();
	fpu_save(area);
	irq_pop();
	memcpy(&cw, area, sizeof(cw));
	memcpy(&sw, area + 2, sizeof(sw));
	memcpy(&mxcsr, area + 24, sizeof(mxcsr));
	bits = simd ? ~(mxcsr >> 7) & mxcsr : ~cw & sw;
	if (bits & 1)
		return FPE_FLTINV;
	if (bits & 4)
		return FPE_FLTDIV;
	if (bits & 8)
		return FPE_FLTOVF;
	if (bits & (16 | 2))
		return FPE_FLTUND;
	return bits & 32 ? FPE_FLTRES : FPE_FLTINV;
}

/* A #DB: a single step, a breakpoint of this task's, or `int1`. Else one that another left behind. */
static void debug_trap(struct regs *regs, u64 dr6)
{
	u64 hits = ptrace_debug_hits(regs, dr6);

	if (dr6 & DR6_HITS && !hits && !(dr6 & DR6_STEP))
		return;
	fault_signal(regs, SIGTRAP,
		     dr6 & DR6_STEP ? TRAP_TRACE
		     : hits         ? TRAP_HWBKPT
				    : TRAP_BRKPT,
		     regs->rip);
}

void task_user_exception(struct regs *regs, u64 addr)
{
	switch (regs->vector) {
	case VEC_DE:
		fault_signal(regs, SIGFPE, FPE_INTDIV, regs->rip);
		break;
	case VEC_DB:
		debug_trap(regs, addr);
		break;
	case VEC_BP:
		fault_signal(regs, SIGTRAP, SI_KERNEL, 0);
		break;
	case VEC_UD:
		fault_signal(regs, SIGILL, ILL_ILLOPN, regs->rip);
		break;
	case VEC_MF:
	case VEC_XM:
		fault_signal(regs, SIGFPE, fpe_code(regs->vector == VEC_XM), regs->rip);
		break;
	case VEC_AC:
		fault_signal(regs, SIGBUS, BUS_ADRALN, 0);
		break;
	case VEC_NP:
	case VEC_SS:
		fault_signal(regs, SIGBUS, SI_KERNEL, 0);
		break;
	case VEC_PF:
		/* A kernel address: what is mapped there is nobody's business. */
		regs->orig_rax |= PF_PRESENT;
		fault_signal(regs, SIGSEGV, SEGV_MAPERR, addr);
		break;
	default: /* #OF #BR #TS #GP */
		fault_signal(regs, SIGSEGV, SI_KERNEL, 0);
	}
}

static int segv_code(struct mm *mm, u64 addr)
{
	struct vma *vma;
	int code;

	mutex_lock(&mm->lock);
	vma = mm_find_vma(mm, addr);
	code = vma && vma->start <= addr ? SEGV_ACCERR : SEGV_MAPERR;
	mutex_unlock(&mm->lock);
	return code;
}

bool task_page_fault(struct regs *regs, u64 addr, u64 error)
{
	struct mm *mm = current_thread()->mm;
	int err;

	if (!mm || addr >= USER_END || this_cpu()->irq_depth)
		return false;
	err = mm_fault(mm, addr, error);
	if (!err)
		return true;
	if (!regs_from_user(regs))
		return false; /* the copy reports EFAULT */
	if (err == -ENOMEM)
		force_signal(SIGKILL, NULL);
	else if (err == -EIO)
		fault_signal(regs, SIGBUS, BUS_ADRERR, addr);
	else
		fault_signal(regs, SIGSEGV, segv_code(mm, addr), addr);
	return true;
}
