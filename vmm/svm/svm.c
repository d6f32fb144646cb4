/* SPDX-License-Identifier: MIT */
/*
 * SVM: what the CPU can do, turning it on, a vCPU's VMCB and the state in it.
 * The VMCB is memory, so get and set are plain assignments. The guest owns CR0 and CR3 whole: with
 * nested paging neither matters to the host; CR4 writes exit, so that a guest cannot use what its
 * CPUID does not show. All guests run under one ASID: a CPU flushes it when it enters another vCPU
 * than the last one.
 */
#include "vmm/svm/vmcb.h"

#define IOPM_SIZE (3 * PAGE_SIZE) /* bit a port, and one page beyond 64 K (APM 2, 15.10.1) */
#define MSRPM_SIZE (2 * PAGE_SIZE)
#define OUR_ASID 1

static u8 iopm[IOPM_SIZE] __aligned(PAGE_SIZE), msrpm[MSRPM_SIZE] __aligned(PAGE_SIZE);
bool svm_has_nrip;

static const char *svm_probe(void)
{
	u64 vm_cr;

	if (cpuid(0x80000000, 0).eax < CPUID_SVM_FEATURES || !(cpuid(0x80000001, 0).ecx & BIT(2)))
		return "not in this CPU";
	/* Not every CPU that has SVM has this register (Bochs). */
	if (!rdmsr_safe(MSR_VM_CR, &vm_cr) && (vm_cr & VM_CR_SVMDIS))
		return "disabled by the firmware";
	if (!(cpuid(CPUID_SVM_FEATURES, 0).edx & SVM_FEATURE_NPT))
		return "without nested paging";
	return NULL;
}

/* Two bits an MSR, read then write; 1 exits (APM 2, 15.11). */
static void let_through(u32 first, u32 last)
{
	u32 base = first >= 0xc0000000 ? 0x2000 : 0;

	for (u32 n = base + (first & 0x1fff); n <= base + (last & 0x1fff); n++)
		msrpm[n / 4] &= ~(3 << n % 4 * 2);
}

static void svm_setup(void)
{
	memset(iopm, 0xff, IOPM_SIZE);
	memset(msrpm, 0xff, MSRPM_SIZE);
	/* Swapped by VMLOAD and VMSAVE at every entry and exit. 0x174 to 0x176: SYSENTER. */
	let_through(0x174, 0x176);
	let_through(MSR_STAR, MSR_SFMASK);
	let_through(MSR_FS_BASE, MSR_KERNEL_GS_BASE);
	svm_has_nrip = cpuid(CPUID_SVM_FEATURES, 0).edx & SVM_FEATURE_NRIP;
}

/* The first page is where VMRUN saves the host, the second the VMCB of the host's VMSAVE. */
static int svm_cpu_on(void *page)
{
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SVME);
	wrmsr(MSR_VM_HSAVE_PA, virt_to_phys(page));
	return 0;
}

static void svm_cpu_off(void)
{
	if (!(rdmsr(MSR_EFER) & EFER_SVME))
		return;
	wrmsr(MSR_VM_HSAVE_PA, 0);
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) & ~EFER_SVME);
}

/* ---- a vCPU's VMCB ---- */

static void svm_vcpu_init(struct vcpu *v)
{
	struct vmcb *b = v->hw_page;

	b->intercept_cr = CR_WRITE(4) | CR_READ(8) | CR_WRITE(8);
	b->intercept_dr = ~0U;
	b->intercept_exceptions = VMM_EXCEPTIONS;
	b->intercept1 = I1_INTR | I1_NMI | I1_SMI | I1_INIT | I1_RDPMC | I1_CPUID | I1_INVD |
			I1_HLT | I1_INVLPGA | I1_IO | I1_MSR | I1_SHUTDOWN;
	b->intercept2 = I2_ALL_SVM | I2_WBINVD | I2_MONITOR_MWAIT | I2_XSETBV;
	b->iopm_base = virt_to_phys(iopm);
	b->msrpm_base = virt_to_phys(msrpm);
	b->asid = OUR_ASID;
	b->nested_control = NESTED_PAGING;
	b->nested_cr3 = virt_to_phys(v->vm->slat.root);
	b->efer = EFER_SVME;
}

/* ---- state by name ---- */

#define PLACE(f, member) [f] = offsetof(struct vmcb, member)
static const u16 places[] = {
	PLACE(VF_CR0, cr0),
	PLACE(VF_CR3, cr3),
	PLACE(VF_CR4, cr4),
	PLACE(VF_DR7, dr7),
	PLACE(VF_PAT, pat),
	PLACE(VF_FS_BASE, fs.base),
	PLACE(VF_GS_BASE, gs.base),
	PLACE(VF_KERNEL_GS_BASE, kernel_gs_base),
	PLACE(VF_STAR, star),
	PLACE(VF_LSTAR, lstar),
	PLACE(VF_CSTAR, cstar),
	PLACE(VF_SFMASK, sfmask),
	PLACE(VF_SYSENTER_CS, sysenter_cs),
	PLACE(VF_SYSENTER_ESP, sysenter_esp),
	PLACE(VF_SYSENTER_EIP, sysenter_eip),
	PLACE(VF_TSC_OFFSET, tsc_offset),
};

static u64 svm_get(struct vcpu *v, enum vmm_field f)
{
	struct vmcb *b = v->hw_page;

	switch (f) {
	case VF_EFER:
		return b->efer & ~EFER_SVME;
	case VF_INTR_SHADOW:
		return b->int_state & INT_STATE_SHADOW;
	case VF_NMI_BLOCKED:
		return 0;
	default:
		return *(u64 *)(v->hw_page + places[f]);
	}
}

static void svm_set(struct vcpu *v, enum vmm_field f, u64 value)
{
	struct vmcb *b = v->hw_page;

	switch (f) {
	case VF_EFER:
		b->efer = value | EFER_SVME; /* VMRUN demands it; the guest never sees it */
		break;
	case VF_INTR_SHADOW:
		b->int_state = value ? INT_STATE_SHADOW : 0;
		break;
	case VF_NMI_BLOCKED:
		break;
	case VF_INTR_WINDOW: /* a virtual interrupt of the highest priority exits instead of being taken */
		b->int_control = (b->int_control & ~INT_V_WINDOW) | (value ? INT_V_WINDOW : 0);
		b->intercept1 = (b->intercept1 & ~I1_VINTR) | (value ? I1_VINTR : 0);
		break;
	case VF_DR_INTERCEPT:
		/* writes always: QEMU keeps a watchpoint that a guest set, for the host too, till it crashes */
		b->intercept_dr = value ? ~0U : 0xffff0000;
		break;
	case VF_EXCEPTIONS:
		b->intercept_exceptions = value;
		break;
	default:
		*(u64 *)(v->hw_page + places[f]) = value;
	}
}

static struct vmcb_segment *segment_of(struct vmcb *b, enum vmm_seg i)
{
	static const u8 order[] = { 0, 1, 2, 3, 4, 5, 7, 9, 6, 8 }; /* LDTR TR GDTR IDTR last */

	return &b->es + order[i];
}

static void svm_get_segment(struct vcpu *v, enum vmm_seg i, struct kvm_segment *s)
{
	struct vmcb *b = v->hw_page;
	const struct vmcb_segment *g = segment_of(b, i);
	u32 a = g->attributes;

	*s = (struct kvm_segment){ .base = g->base, .limit = g->limit, .selector = g->selector };
	segment_set_rights(s, (a & 0xff) | (a & 0xf00) << 4);
	if (i == SEG_TR)
		s->type |= 2; /* always busy; some CPUs leave the bit out */
}

static void svm_set_segment(struct vcpu *v, enum vmm_seg i, const struct kvm_segment *s)
{
	struct vmcb *b = v->hw_page;
	u32 rights = segment_rights(s);

	/* A present TSS that is not busy: VMRUN does not look, but QEMU ends at anything else. */
	if (i == SEG_TR)
		rights = (rights & ~0x16) | 0x81;
	*segment_of(b, i) =
		(struct vmcb_segment){ .base = s->base,
				       .limit = s->limit,
				       .selector = s->selector,
				       .attributes = (rights & 0xff) | ((rights >> 4) & 0xf00) };
	if (i == SEG_SS)
		b->cpl = s->dpl & 3;
}

const struct vmm_ops svm_ops = {
	.name = "SVM with nested paging",
	.slat = &npt_format,
	.probe = svm_probe,
	.setup = svm_setup,
	.cpu_on = svm_cpu_on,
	.cpu_off = svm_cpu_off,
	.vcpu_init = svm_vcpu_init,
	.load = svm_load,
	.unload = svm_stay,
	.swap_in = svm_stay,
	.swap_out = svm_stay,
	.enter = svm_enter,
	.inject = svm_inject,
	.explain = svm_explain,
	.get = svm_get,
	.set = svm_set,
	.get_segment = svm_get_segment,
	.set_segment = svm_set_segment,
};
