/* SPDX-License-Identifier: MIT */
/*
 * SVM: entering the guest, and what its exit means in neutral words. Nothing of a vCPU stays in the
 * CPU after an exit but TLB entries: VMSAVE has put the rest into the VMCB, which any CPU may run
 * next. Not every CPU saves the next RIP; x->next_rip is 0 then and exit.c decodes.
 */
#include "vmm/svm/vmcb.h"

static paddr_t host_vmcb(void)
{
	struct vmm_cpu *c = this_cpu()->vmm;

	return virt_to_phys(c->page) + PAGE_SIZE;
}

/* FS base and the waiting GS base are this thread's; both are as they will be after KVM_RUN. */
void svm_load(struct vcpu *v)
{
	__asm__ volatile("vmsave %0" ::"a"(host_vmcb()) : "memory");
}

/* All of a vCPU is in its VMCB, whoever runs it. */
void svm_stay(struct vcpu *v)
{
}

void svm_inject(struct vcpu *v, const struct vmm_event *e)
{
	((struct vmcb *)v->hw_page)->event = *e;
}

/* EXITINFO1 and EXITINFO2 of an I/O intercept: APM 2, 15.10.2. */
static void exit_io(struct vmcb *b, struct vmm_exit *x)
{
	/* LAB 09: begin
	 * EXITINFO1 of an IOIO intercept is in the APM, volume 2, 15.10.2: IN in bit 0, a string
	 * instruction in bit 2, the size as one of the bits 6:4 (8, 16, 32 bits; so as a number it is the
	 * bytes), the port in bits 31:16. EXITINFO2 is the address of the next instruction. Fill in
	 * x->io and x->next_rip, and set x->kind to VX_IO.
	 * starter: pr_err("lab 09: exit_io() of SVM is not written yet");
	 * starter: x->kind = VX_UNKNOWN;
	 */
	u64 info = b->exit_info1;

	x->kind = VX_IO;
	x->io.in = info & BIT(0);
	x->io.string = info & BIT(2);
	x->io.size = (info >> 4) & 7;
	x->io.port = info >> 16;
	x->next_rip = b->exit_info2; /* even without nRIP save */
	/* LAB 09: end */
}

/* What each exit code means (APM 2, appendix C); the others are VX_UNKNOWN. */
static const u8 kinds[] = {
	[0x00 ... 0x1f] = VX_CR, /* reads, then writes; of which register: decode.c */
	[0x20 ... 0x3f] = VX_DR,
	[SVM_EXCEPTION... SVM_EXCEPTION + 31] = VX_EXCEPTION,
	[0x60 ... 0x63] = VX_RESUME, /* INTR NMI SMI INIT: pending; taken after STGI */
	[0x64] = VX_INTR_WINDOW, /* VINTR */
	[0x6f] = VX_PROTECTED, /* RDPMC */
	[0x72] = VX_CPUID,
	[0x76] = VX_SKIP, /* INVD */
	[0x78] = VX_HLT,
	[0x7a] = VX_UNDEFINED, /* INVLPGA */
	[0x7b] = VX_IO,
	[0x7c] = VX_RDMSR, /* or a write: EXITINFO1 */
	[0x7f] = VX_TRIPLE_FAULT, /* SHUTDOWN */
	[0x80] = VX_UNDEFINED, /* VMRUN */
	[0x81] = VX_HYPERCALL,
	[0x82 ... 0x87] = VX_UNDEFINED, /* VMLOAD VMSAVE STGI CLGI SKINIT RDTSCP */
	[0x89] = VX_SKIP, /* WBINVD */
	[0x8a ... 0x8c] = VX_UNDEFINED, /* MONITOR MWAIT */
	[0x8d] = VX_XSETBV,
	[0x400] = VX_SLAT_FAULT, /* nested page fault */
};

static void translate(struct vcpu *v, struct vmcb *b, struct vmm_exit *x)
{
	u64 code = x->reason = b->exit_code;

	x->kind = code < ARRAY_SIZE(kinds) ? kinds[code] : VX_UNKNOWN;
	x->next_rip = svm_has_nrip ? b->next_rip : 0;
	if (x->kind == VX_SLAT_FAULT) {
		x->mem.gpa = b->exit_info2;
		x->mem.write = b->exit_info1 & PF_WRITE; /* as a page fault's error code */
	} else if (x->kind == VX_IO) {
		exit_io(b, x);
	} else if (x->kind == VX_EXCEPTION) {
		code -= SVM_EXCEPTION;
		x->exception = exception(code, code == VEC_AC, b->exit_info1);
		x->dr6 = v->dr6 & DR6_BITS;
	} else if (x->kind == VX_RDMSR && b->exit_info1) {
		x->kind = VX_WRMSR;
	} else if ((u32)code == SVM_REFUSED) {
		x->kind = VX_FAIL_ENTRY;
	}
}

/*
 * VMRUN as the APM has it, out of what QEMU makes of it: where it refuses a VMCB it has written the host's state over
 * the guest's and cleared V_INTR_MASKING; and a guest with EFER.LME but without CR4.PAE takes the paging from the host
 * when it exits.
 */
static void run_vmcb(struct vmcb *b, u64 *gpr)
{
	u64 lme = b->cr4 & CR4_PAE ? 0 : b->efer & EFER_LME;
	u8 saved[offsetof(struct vmcb, reserved12) - offsetof(struct vmcb, es)];

	b->efer &= ~lme;
	b->int_control |= INT_V_MASKING;
	memcpy(saved, &b->es, sizeof(saved));
	svm_run(gpr, virt_to_phys(b), host_vmcb());
	if ((u32)b->exit_code == SVM_REFUSED)
		memcpy(&b->es, saved, sizeof(saved));
	b->efer |= lme;
}

void svm_enter(struct vcpu *v, bool flush, struct vmm_exit *x)
{
	struct vmcb *b = v->hw_page;
	const struct vmm_event *e = &b->exit_event;
	struct vcpu_regs *r = &v->regs;
	u64 dr6 = v->dr6;
	bool software;

	if (v->debug & KVM_GUESTDBG_USE_HW_BP) /* the guest does not see it */
		v->dr6 = DR6_INIT;

	/* LAB 09: begin
	 * Interrupts are off. Going in: RAX, RSP, RIP, RFLAGS, CR2 and DR6 of the guest are fields of the
	 * VMCB (v->dr6 holds the last, r the others); the other registers are run_vmcb()'s affair. All
	 * fields may have changed: clean is 0. tlb_control is TLB_FLUSH_ALL when flush is set, else 0.
	 * Then run_vmcb() with the other registers. Coming out: the same six come back.
	 * starter: (void)r;
	 * starter: (void)run_vmcb;
	 * starter: pr_err("lab 09: svm_enter() is not written yet");
	 * starter: x->kind = VX_FAIL_ENTRY;
	 * starter: x->reason = 0;
	 * starter: return;
	 */
	b->tlb_control = flush ? TLB_FLUSH_ALL : 0;
	b->rax = r->gpr[R_RAX];
	b->rsp = r->gpr[R_RSP];
	b->rip = r->rip;
	b->rflags = r->rflags;
	b->cr2 = r->cr2;
	b->dr6 = v->dr6;
	b->clean = 0;
	run_vmcb(b, r->gpr);
	r->gpr[R_RAX] = b->rax;
	r->gpr[R_RSP] = b->rsp;
	r->rip = b->rip;
	r->rflags = b->rflags;
	r->cr2 = b->cr2;
	v->dr6 = b->dr6;
	/* LAB 09: end */
	v->shadow = b->int_state & INT_STATE_SHADOW;
	b->event.valid = false;
	/* INT3 and INTO are exceptions here, though of software (APM 2 15.7.2). */
	software = e->type == EVENT_EXCEPTION && (e->vector == VEC_BP || e->vector == VEC_OF);
	if (e->valid && !software)
		exit_save_event(v, e->info, e->error);
	translate(v, b, x);
	if ((v->debug & KVM_GUESTDBG_USE_HW_BP) ||
	    ((v->debug & VMM_DEBUG_DB) && x->kind == VX_EXCEPTION))
		v->dr6 = dr6; /* what came in is for the monitor */
}
