/* SPDX-License-Identifier: MIT */
/*
 * The stack frame of a signal handler and the way back from it, exactly as Linux lays them out for
 * x86-64 (sigreturn(2); <asm/sigcontext.h>): below the red zone first the FPU state, 64-byte
 * aligned, then the frame, so that its end is what the ABI wants at a function's entry. What comes
 * back from user memory is checked before it reaches a register.
 */
#include "proc/internal.h"

#include <asm/sigcontext.h>
#include <asm/ucontext.h>

#define RED_ZONE 128
#define XSTATE_HEADER 512 /* offset of the XSAVE header in the area */
#define MXCSR_MASK_OFFSET 28
#define MXCSR_OFFSET 24

struct rt_sigframe {
	u64 pretcode; /* the restorer's address: where the handler returns to */
	struct ucontext uc;
	siginfo_t info;
};

/* Bytes of FPU state in a frame: with XSAVE a second magic word follows. */
static size_t fp_bytes(void)
{
	return fpu_xcr0 ? fpu_size + FP_XSTATE_MAGIC2_SIZE : 512;
}

static int put_fpu(u64 at)
{
	u8 *area = current_thread()->fpu;
	struct _fpx_sw_bytes sw = { 0 };
	u32 magic2 = FP_XSTATE_MAGIC2;

	fpu_save(area);
	if (copy_to_user((void __user *)at, area, fpu_size))
		return -EFAULT;
	if (!fpu_xcr0)
		return 0;
	sw.magic1 = FP_XSTATE_MAGIC1;
	sw.extended_size = fp_bytes();
	sw.xfeatures = fpu_xcr0;
	sw.xstate_size = fpu_size;
	if (copy_to_user((void __user *)(at + offsetof(struct _fpstate_64, sw_reserved)), &sw,
			 sizeof(sw)) ||
	    put_user(magic2, (u32 __user *)(at + fpu_size)))
		return -EFAULT;
	return 0;
}

/* struct sigcontext begins with these registers: where each lies in struct regs, in words. */
#define REG(name) (offsetof(struct regs, name) / 8)
static const u8 context_regs[] = { REG(r8),  REG(r9),  REG(r10), REG(r11), REG(r12), REG(r13),
				   REG(r14), REG(r15), REG(rdi), REG(rsi), REG(rbp), REG(rbx),
				   REG(rdx), REG(rax), REG(rcx), REG(rsp), REG(rip), REG(rflags) };

static void fill_context(struct sigcontext *sc, const struct regs *r, u64 fpstate, ksigset_t mask)
{
	memset(sc, 0, sizeof(*sc));
	for (unsigned int i = 0; i < ARRAY_SIZE(context_regs); i++)
		((u64 *)sc)[i] = ((const u64 *)r)[context_regs[i]];
	sc->cs = r->cs;
	sc->ss = r->ss;
	if (r->vector < 32) {
		sc->trapno = r->vector;
		sc->err = r->orig_rax == ~0UL ? 0 : r->orig_rax;
	}
	sc->oldmask = mask;
	sc->fpstate = (void *)fpstate;
}

int sigframe_setup(struct regs *regs, int sig, const struct ksigaction *act, const siginfo_t *info,
		   ksigset_t mask)
{
	struct task *t = current;
	struct rt_sigframe f;
	stack_t alt;
	u64 sp = regs->rsp - RED_ZONE, fp, at;

	do_sigaltstack(NULL, &alt, regs->rsp);
	if ((act->flags & SA_ONSTACK) && t->altstack.size && !(alt.ss_flags & SS_ONSTACK))
		sp = t->altstack.sp + t->altstack.size;
	fp = ALIGN_DOWN(sp - fp_bytes(), 64);
	at = ALIGN_DOWN(fp - sizeof(f), 16) - 8;
	if (sp >= USER_END || at >= sp || !(act->flags & SA_RESTORER))
		return -EFAULT;
	/* A handler that ran off its alternate stack must not wrap around into what lies below. */
	if ((alt.ss_flags & SS_ONSTACK) && at < t->altstack.sp)
		return -EFAULT;

	memset(&f, 0, sizeof(f));
	f.pretcode = (u64)act->restorer;
	f.uc.uc_flags = UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS | (fpu_xcr0 ? UC_FP_XSTATE : 0);
	f.uc.uc_stack = (stack_t){ .ss_sp = (void *)t->altstack.sp,
				   .ss_flags = t->altstack.flags,
				   .ss_size = t->altstack.size };
	fill_context(&f.uc.uc_mcontext, regs, fp, mask);
	if (regs->vector == VEC_PF)
		f.uc.uc_mcontext.cr2 = (u64)info->si_addr;
	memcpy(&f.uc.uc_sigmask, &mask, sizeof(mask));
	f.info = *info;
	if (put_fpu(fp) || copy_to_user((void __user *)at, &f, sizeof(f)))
		return -EFAULT;
	if (t->altstack.flags & SS_AUTODISARM) {
		t->altstack.sp = t->altstack.size = 0;
		t->altstack.flags = SS_DISABLE;
	}
	regs->rdi = sig;
	regs->rsi = at + offsetof(struct rt_sigframe, info);
	regs->rdx = at + offsetof(struct rt_sigframe, uc);
	regs->rax = 0;
	regs->rip = (u64)act->handler;
	regs->rsp = at;
	regs->rflags &= ~(RFLAGS_DF | RFLAGS_RF | RFLAGS_TF);
	regs->cs = USER_CS;
	regs->ss = USER_DS;
	return regs->rip < USER_END ? 0 : -EFAULT;
}

/* FPU state from a frame: any bits are allowed there that do not make XRSTOR fault (SDM 1, 13.8). */
static int get_fpu(u64 at)
{
	u8 *area = current_thread()->fpu, *from = fpu_alloc();
	u32 mxcsr, mask;
	int err = -EFAULT;

	if (!from)
		return -ENOMEM;
	if (at) {
		struct _fpx_sw_bytes sw;
		bool extended = fpu_xcr0;

		if (at % 16 || copy_from_user(from, (void __user *)at, 512))
			goto out;
		memcpy(&sw, from + offsetof(struct _fpstate_64, sw_reserved), sizeof(sw));
		if (extended && sw.magic1 == FP_XSTATE_MAGIC1 && sw.xstate_size == fpu_size) {
			u64 bv;

			if (copy_from_user(from, (void __user *)at, fpu_size))
				goto out;
			memcpy(&bv, from + XSTATE_HEADER, sizeof(bv));
			bv &= fpu_xcr0;
			memset(from + XSTATE_HEADER, 0, 64);
			memcpy(from + XSTATE_HEADER, &bv, sizeof(bv));
		}
		irq_push();
		fpu_save(area);
		irq_pop();
		memcpy(&mask, area + MXCSR_MASK_OFFSET, sizeof(mask));
		memcpy(&mxcsr, from + MXCSR_OFFSET, sizeof(mxcsr));
		if (mxcsr & ~(mask ? mask : 0xffbf)) /* SDM 1, 11.6.6 */
			goto out;
	}
	irq_push();
	memcpy(area, from, fpu_size);
	fpu_restore(area);
	irq_pop();
	err = 0;
out:
	fpu_free(from);
	return err;
}

static void take_context(struct regs *r, const struct sigcontext *sc)
{
	u64 flags = r->rflags & ~RFLAGS_USER;

	for (unsigned int i = 0; i < ARRAY_SIZE(context_regs); i++)
		((u64 *)r)[context_regs[i]] = ((const u64 *)sc)[i];
	r->rflags = flags | (sc->eflags & RFLAGS_USER);
	r->cs = USER_CS;
	r->ss = USER_DS;
	r->orig_rax = ~0UL; /* nothing to restart */
}

long do_rt_sigreturn(struct regs *regs)
{
	struct rt_sigframe f;
	ksigset_t mask;

	/* The handler's return took pretcode off the stack. */
	if (copy_from_user(&f, (void __user *)(regs->rsp - 8), sizeof(f)) ||
	    f.uc.uc_mcontext.rip >= USER_END || get_fpu((u64)f.uc.uc_mcontext.fpstate)) {
		force_signal(SIGSEGV, NULL);
		return 0;
	}
	take_context(regs, &f.uc.uc_mcontext);
	thread_set_work(current_thread(), THREAD_WORK_REGS);
	memcpy(&mask, &f.uc.uc_sigmask, sizeof(mask));
	set_blocked(mask);
	/* Puts back what SS_AUTODISARM took away; errors do not matter here. */
	do_sigaltstack(&f.uc.uc_stack, NULL, regs->rsp);
	return regs->rax;
}
