/* SPDX-License-Identifier: MIT */
/*
 * VT-x: loading a VMCS, entering the guest, and what its exit means in neutral words.
 * A VMCS is active on at most one CPU (v->hw_cpu) and is cleared there before another loads it;
 * VMCLEAR also makes the next entry a VMLAUNCH. All here runs with interrupts off.
 */
#include "vmm/vmx/vmcs.h"

/* ---- loading ---- */

static void load_host_state(struct vcpu *v)
{
	static const u16 selectors[] = { 0, KERNEL_CS, KERNEL_DS, 0, 0, 0, TSS_SEL };
	u16 idt[5]; /* limit, base */
	u64 idt_base;

	__asm__ volatile("sidt %0" : "=m"(idt));
	memcpy(&idt_base, idt + 1, sizeof(idt_base));
	vmwrite(VMCS_HOST_CR0, read_cr0());
	vmwrite(VMCS_HOST_CR3, read_cr3());
	vmwrite(VMCS_HOST_CR4, read_cr4());
	vmwrite(VMCS_HOST_EFER, rdmsr(MSR_EFER));
	for (unsigned int i = 0; i < ARRAY_SIZE(selectors); i++)
		vmwrite(VMCS_HOST_ES_SELECTOR + 2 * i, selectors[i]);
	vmwrite(VMCS_HOST_FS_BASE, rdmsr(MSR_FS_BASE));
	vmwrite(VMCS_HOST_GS_BASE, (u64)this_cpu());
	vmwrite(VMCS_HOST_TR_BASE, (u64)this_cpu()->tss);
	vmwrite(VMCS_HOST_GDTR_BASE, (u64)this_cpu()->gdt);
	vmwrite(VMCS_HOST_IDTR_BASE, idt_base);
}

void vmx_load(struct vcpu *v)
{
	paddr_t phys = virt_to_phys(v->hw_page);

	__asm__ volatile("vmptrld %0" ::"m"(phys) : "cc", "memory");
	load_host_state(v);
}

void vmx_unload(struct vcpu *v)
{
	struct vmx *h = v->hw;
	paddr_t phys = virt_to_phys(v->hw_page);

	__asm__ volatile("vmclear %0" ::"m"(phys) : "cc", "memory");
	h->launched = false;
}

void vmx_swap_in(struct vcpu *v)
{
	struct vmx *h = v->hw;

	for (int i = 0; i < VMX_SWAPPED; i++)
		wrmsr(vmx_swapped[i], h->msr[i]);
}

/* The guest writes only the first without an exit. */
void vmx_swap_out(struct vcpu *v)
{
	struct vmx *h = v->hw;

	h->msr[0] = rdmsr(MSR_KERNEL_GS_BASE);
	wrmsr(MSR_KERNEL_GS_BASE, v->thread->gs_base);
	for (int i = 1; i < VMX_SWAPPED; i++)
		wrmsr(vmx_swapped[i], vmx_host_msr[i]);
}

/* ---- events ---- */

void vmx_inject(struct vcpu *v, const struct vmm_event *e)
{
	if (e->has_error)
		vmwrite(VMCS_ENTRY_ERROR_CODE, e->error);
	vmwrite(VMCS_ENTRY_INTR_INFO, e->info);
}

/* A #DB comes with the bits of DR6 that the CPU would have set (SDM 3C, table 28-1). */
static void merge_dr6(struct vcpu *v, u64 set)
{
	if (v->dr_used)
		__asm__ volatile("mov %%db6, %0" : "=r"(v->dr6));
	v->dr6 = (v->dr6 & ~DR6_BITS) | set;
	if (v->dr_used)
		__asm__ volatile("mov %0, %%db6" ::"r"(v->dr6));
	vmwrite(VMCS_GUEST_DR7, vmread(VMCS_GUEST_DR7) & ~BIT(13)); /* GD */
}

static void exit_exception(struct vcpu *v, struct vmm_exit *x)
{
	struct vmm_event e = { .info = vmread(VMCS_EXIT_INTR_INFO) };

	if (e.type == EVENT_NMI) {
		x->kind = VX_RESUME;
		__asm__ volatile("int $2"); /* it was the host's */
		return;
	}
	x->exception =
		exception(e.vector, e.has_error, e.has_error ? vmread(VMCS_EXIT_INTR_ERROR) : 0);
	x->dr6 = vmread(VMCS_EXIT_QUALIFICATION) & DR6_BITS;
	if (e.vector == VEC_DB && !(v->debug & VMM_DEBUG_DB))
		merge_dr6(v, x->dr6);
	if (e.type == INTR_TYPE_PRIVILEGED_SOFT) /* INT1 returns behind itself */
		v->regs.rip += vmread(VMCS_EXIT_INSTRUCTION_LENGTH);
}

/* ---- exits ---- */

static void exit_io(struct vmm_exit *x)
{
	/* LAB 09: begin
	 * The exit qualification of an I/O instruction is in the SDM, volume 3C, table 28-5: size minus 1
	 * in bits 2:0, IN in bit 3, a string instruction in bit 4, the port in bits 31:16. Fill in x->io
	 * and set x->kind to VX_IO.
	 * starter: pr_err("lab 09: exit_io() of VT-x is not written yet");
	 * starter: x->kind = VX_UNKNOWN;
	 */
	u64 q = vmread(VMCS_EXIT_QUALIFICATION);

	x->kind = VX_IO;
	x->io.size = (q & 7) + 1;
	x->io.in = q & BIT(3);
	x->io.string = q & BIT(4);
	x->io.port = q >> 16;
	/* LAB 09: end */
}

static void exit_ept(struct vcpu *v, struct vmm_exit *x)
{
	u64 q = vmread(VMCS_EXIT_QUALIFICATION);

	x->mem.gpa = vmread(VMCS_GUEST_PHYSICAL_ADDRESS);
	x->mem.write = q & BIT(1);
	/* An IRET that faulted has unblocked NMIs already (SDM 3C 28.2.3): block them again. */
	if ((q & BIT(12)) && !(vmread(VMCS_IDT_VECTORING_INFO) & INTR_INFO_VALID))
		vmx_set(v, VF_NMI_BLOCKED, 1);
}

/* What each basic exit reason means (SDM 3D, appendix C); the others are VX_UNKNOWN. */
static const u8 kinds[] = {
	[0] = VX_EXCEPTION, /* or an NMI */
	[1] = VX_RESUME, /* external interrupt: still pending; taken when interrupts go on */
	[2] = VX_TRIPLE_FAULT,
	[7] = VX_INTR_WINDOW,
	[10] = VX_CPUID,
	[11] = VX_UNDEFINED, /* GETSEC */
	[12] = VX_HLT,
	[13] = VX_SKIP, /* INVD */
	[15] = VX_PROTECTED, /* RDPMC */
	[18] = VX_HYPERCALL,
	[19 ... 27] = VX_UNDEFINED, /* VMCLEAR to VMXON */
	[28] = VX_CR,
	[29] = VX_DR,
	[30] = VX_IO,
	[31] = VX_RDMSR,
	[32] = VX_WRMSR,
	[36 ... 39] = VX_UNDEFINED, /* MWAIT to MONITOR */
	[40] = VX_PAUSE,
	[48] = VX_SLAT_FAULT, /* EPT violation */
	[50 ... 51] = VX_UNDEFINED, /* INVEPT, RDTSCP */
	[52] = VX_RESUME, /* preemption timer */
	[53] = VX_UNDEFINED, /* INVVPID */
	[54] = VX_SKIP, /* WBINVD */
	[55] = VX_XSETBV,
};

static void translate(struct vcpu *v, struct vmm_exit *x)
{
	u32 vectoring;

	x->kind = x->reason < ARRAY_SIZE(kinds) ? kinds[x->reason] : VX_UNKNOWN;
	if (x->kind >= VX_INSN) { /* it cut no event's delivery short */
		x->next_rip = v->regs.rip + vmread(VMCS_EXIT_INSTRUCTION_LENGTH);
		if (x->kind == VX_IO)
			exit_io(x);
		return;
	}
	vectoring = vmread(VMCS_IDT_VECTORING_INFO);
	if (vectoring & INTR_INFO_VALID)
		exit_save_event(v, vectoring, vmread(VMCS_IDT_VECTORING_ERROR));
	if (x->kind == VX_EXCEPTION)
		exit_exception(v, x);
	else if (x->kind == VX_SLAT_FAULT)
		exit_ept(v, x);
	else if (x->reason == 9) /* a task switch, which the monitor does */
		x->reason |= vmread(VMCS_EXIT_QUALIFICATION) << 32 |
			     vmread(VMCS_EXIT_INSTRUCTION_LENGTH) << 16;
}

void vmx_enter(struct vcpu *v, bool flush, struct vmm_exit *x)
{
	struct vmx *h = v->hw;
	struct vcpu_regs *r = &v->regs;

	/* LAB 09: begin
	 * The VMCS of v is loaded on this CPU, interrupts are off.
	 * Going in: when flush is set, forget the cached translations (ept_flush(h->eptp)). RSP, RIP and
	 * RFLAGS of the guest are fields of the VMCS, VMCS_GUEST_*; h->rsp, h->rip and h->rflags are what
	 * they hold now, so that a field is written only when it changed. CR2 is nobody's: write it when
	 * it differs (read_cr2(), write_cr2()). vmx_run() does the rest.
	 * Coming out: CR2 is the guest's, whatever happened. When vmx_run() failed, x->kind is
	 * VX_FAIL_ENTRY, x->reason the field VMCS_INSTRUCTION_ERROR. When it did not, x->reason is
	 * VMCS_EXIT_REASON, and it is VX_FAIL_ENTRY too if EXIT_REASON_ENTRY_FAILED is set in it. In both
	 * cases return. Else the guest has run: from now on
	 * the VMCS is launched (h->launched), and r gets the three registers back (and h their copies).
	 * starter: (void)h;
	 * starter: (void)r;
	 * starter: pr_err("lab 09: vmx_enter() is not written yet");
	 * starter: x->kind = VX_FAIL_ENTRY;
	 * starter: x->reason = 0;
	 * starter: return;
	 */
	int failed;

	if (flush)
		ept_flush(h->eptp);
	if (h->rsp != r->gpr[R_RSP])
		vmwrite(VMCS_GUEST_RSP, h->rsp = r->gpr[R_RSP]);
	if (h->rip != r->rip)
		vmwrite(VMCS_GUEST_RIP, h->rip = r->rip);
	if (h->rflags != r->rflags)
		vmwrite(VMCS_GUEST_RFLAGS, h->rflags = r->rflags);
	if (read_cr2() != r->cr2)
		write_cr2(r->cr2);
	failed = vmx_run(r->gpr, h->launched);
	r->cr2 = read_cr2();
	x->kind = VX_FAIL_ENTRY;
	x->reason = vmread(failed ? VMCS_INSTRUCTION_ERROR : VMCS_EXIT_REASON);
	if (failed || (x->reason & EXIT_REASON_ENTRY_FAILED))
		return;
	h->launched = true;
	r->gpr[R_RSP] = h->rsp = vmread(VMCS_GUEST_RSP);
	r->rip = h->rip = vmread(VMCS_GUEST_RIP);
	r->rflags = h->rflags = vmread(VMCS_GUEST_RFLAGS);
	/* LAB 09: end */
	v->shadow = vmread(VMCS_GUEST_INTERRUPTIBILITY) & INTERRUPTIBILITY_SHADOW;
	translate(v, x);
}
