/* SPDX-License-Identifier: MIT */
/*
 * CPUID: what a guest may know. cpuid_supported() is what this hypervisor can honestly give: the
 * host's answer, masked by what we keep apart per guest (a feature whose state we do not switch, or
 * whose registers we do not emulate, is not shown). The monitor picks from it (KVM_SET_CPUID2), and
 * cpuid_emulate() answers the guest from the monitor's list, plus the bits that follow the guest's
 * own registers.
 */
#include "vmm/irqchip/irqchip.h"
#include "vmm/vmm.h"

/* Leaf 1 (SDM 2A, CPUID). Not: VMX, SMX, EIST, TM2, PDCM, PCID, x2APIC, TSC deadline, MONITOR, DTES. */
#define F1_ECX                                                                                     \
	(BIT(0) | BIT(1) | BIT(9) | BIT(12) | BIT(13) | BIT(19) | BIT(20) | BIT(22) | BIT(23) |    \
	 BIT(25) | BIT(26) | BIT(28) | BIT(29) | BIT(30))
#define F1_ECX_OSXSAVE BIT(27)
#define F1_ECX_XSAVE_FAMILY (BIT(12) | BIT(26) | BIT(28) | BIT(29)) /* FMA XSAVE AVX F16C */
/* FPU VME DE PSE TSC MSR PAE CX8 APIC SEP PGE CMOV PAT PSE36 CLFSH MMX FXSR SSE SSE2.
 * Not: MCE, MCA, MTRR, whose registers we do not emulate. */
#define F1_EDX 0x078bab7fUL
#define F1_EDX_APIC BIT(9)
/* Leaf 7: FSGSBASE BMI1 AVX2 SMEP BMI2 ERMS RDSEED ADX SMAP CLFLUSHOPT SHA; UMIP; FSRM */
#define F7_EBX                                                                                     \
	(BIT(0) | BIT(3) | BIT(5) | BIT(7) | BIT(8) | BIT(9) | BIT(18) | BIT(19) | BIT(20) |       \
	 BIT(23) | BIT(29))
#define F7_ECX BIT(2)
#define F7_EDX BIT(4)
/* 0x80000001: LAHF, LZCNT, SSE4A, PREFETCHW; SYSCALL NX 1GB LM and AMD's copy of leaf 1's EDX.
 * Not: SVM, RDTSCP (its AUX MSR is not switched). */
#define F81_ECX (BIT(0) | BIT(5) | BIT(6) | BIT(8))
#define F81_EDX (BIT(11) | BIT(20) | BIT(26) | BIT(29))

struct list {
	struct kvm_cpuid_entry2 *e;
	unsigned int n, max;
	bool full;
};

static void add(struct list *l, u32 leaf, s32 sub, struct cpuid_regs r)
{
	if (l->n == l->max) {
		l->full = true;
		return;
	}
	l->e[l->n++] = (struct kvm_cpuid_entry2){
		.function = leaf,
		.index = sub < 0 ? 0 : sub,
		.flags = sub < 0 ? 0 : KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
		.eax = r.eax,
		.ebx = r.ebx,
		.ecx = r.ecx,
		.edx = r.edx,
	};
}

static void add_basic(struct list *l, u32 max_leaf)
{
	struct cpuid_regs r = cpuid(0, 0);

	r.eax = max_leaf;
	add(l, 0, -1, r);
	r = cpuid(1, 0);
	r.ebx &= 0xff00; /* CLFLUSH size; the monitor fills in the APIC id and CPU count */
	r.ecx &= F1_ECX; /* the bit for a hypervisor is the monitor's to set, as on Linux */
	if (!fpu_xcr0)
		r.ecx &= ~F1_ECX_XSAVE_FAMILY;
	r.edx = (r.edx & F1_EDX) | F1_EDX_APIC;
	add(l, 1, -1, r);
	if (max_leaf >= 6) /* ARAT: our APIC timer never stops */
		add(l, 6, -1, (struct cpuid_regs){ .eax = BIT(2) });
	if (max_leaf >= 7) {
		r = cpuid(7, 0);
		r.ebx &= F7_EBX;
		if (!(fpu_xcr0 & 4))
			r.ebx &= ~BIT(5);
		add(l, 7, 0, (struct cpuid_regs){ 0, r.ebx, r.ecx & F7_ECX, r.edx & F7_EDX });
	}
	if (max_leaf >= 0xd && fpu_xcr0) {
		r = cpuid(0xd, 0);
		add(l, 0xd, 0, (struct cpuid_regs){ fpu_xcr0, r.ebx, r.ebx, 0 });
		add(l, 0xd, 1, (struct cpuid_regs){ .eax = cpuid(0xd, 1).eax & BIT(0) });
		if (fpu_xcr0 & 4)
			add(l, 0xd, 2, cpuid(0xd, 2));
	}
}

static void add_extended(struct list *l)
{
	u32 max_leaf = min(cpuid(0x80000000, 0).eax, 0x80000008U);
	struct cpuid_regs r = cpuid(0x80000000, 0);
	bool amd = r.ebx == 0x68747541; /* "Auth"enticAMD: bits 0..24 of EDX repeat leaf 1 */

	r.eax = max_leaf;
	add(l, 0x80000000, -1, r);
	r = cpuid(0x80000001, 0);
	r.ecx &= F81_ECX;
	r.edx &= F81_EDX | (amd ? F1_EDX & 0x0183f37f : 0);
	add(l, 0x80000001, -1, r);
	for (u32 leaf = 0x80000002; leaf <= min(max_leaf, 0x80000006U); leaf++)
		add(l, leaf, -1, cpuid(leaf, 0));
	if (max_leaf >= 0x80000007) /* invariant TSC */
		add(l, 0x80000007, -1,
		    (struct cpuid_regs){ .edx = cpuid(0x80000007, 0).edx & BIT(8) });
	if (max_leaf >= 0x80000008)
		add(l, 0x80000008, -1,
		    (struct cpuid_regs){ .eax = cpuid(0x80000008, 0).eax & 0xffff });
}

int cpuid_supported(struct kvm_cpuid_entry2 *e, unsigned int max)
{
	struct list l = { .e = e, .max = max };

	add_basic(&l, min(cpuid(0, 0).eax, 0xdU));
	/* "KVMKVMKVM": the interface is KVM's; clock.c has what is offered of it. */
	add(&l, KVM_CPUID_SIGNATURE, -1,
	    (struct cpuid_regs){ KVM_CPUID_FEATURES, 0x4b4d564b, 0x564b4d56, 0x4d });
	add(&l, KVM_CPUID_FEATURES, -1,
	    (struct cpuid_regs){
		    .eax = BIT(KVM_FEATURE_CLOCKSOURCE) | BIT(KVM_FEATURE_CLOCKSOURCE2) |
			   BIT(KVM_FEATURE_CLOCKSOURCE_STABLE_BIT) | BIT(KVM_FEATURE_NOP_IO_DELAY) |
			   BIT(KVM_FEATURE_STEAL_TIME) });
	add_extended(&l);
	return l.full ? -E2BIG : (int)l.n;
}

struct kvm_cpuid_entry2 *cpuid_find(struct vcpu *v, u32 leaf, u32 sub)
{
	for (unsigned int i = 0; i < v->nr_cpuid; i++) {
		struct kvm_cpuid_entry2 *e = &v->cpuid[i];

		if (e->function == leaf &&
		    (e->index == sub || !(e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX)))
			return e;
	}
	return NULL;
}

/* Bytes of an XSAVE area under xcr0: header and legacy part, and AVX where it lies (SDM 1, 13.4). */
static u32 xsave_size(u64 xcr0)
{
	struct cpuid_regs avx;

	if (!(xcr0 & 4))
		return 576;
	avx = cpuid(0xd, 2);
	return avx.ebx + avx.eax;
}

bool xcr0_valid(struct vcpu *v, u64 value)
{
	const struct kvm_cpuid_entry2 *e = cpuid_find(v, 0xd, 0);

	/* Bit 0 is always set; AVX (2) wants SSE (1): SDM 1, 13.3. */
	return (value & 1) && (value & 6) != 4 && !(value & ~1UL & ~(e ? e->eax & fpu_xcr0 : 0));
}

/* What follows the guest's own state: OSXSAVE, whether its APIC is on, the size of an XSAVE area. */
void cpuid_own(struct vcpu *v, struct kvm_cpuid_entry2 *e)
{
	if (e->function == 1) {
		e->ecx &= ~F1_ECX_OSXSAVE;
		if (vmm->get(v, VF_CR4) & CR4_OSXSAVE)
			e->ecx |= F1_ECX_OSXSAVE;
		if (v->lapic)
			e->edx = (e->edx & ~F1_EDX_APIC) | (lapic_enabled(v) ? F1_EDX_APIC : 0);
	} else if (e->function == 0xd && e->index == 0) {
		if (v->swapped)
			vcpu_read_xcr0(v);
		e->ebx = xsave_size(v->xcr0);
	}
}

void cpuid_emulate(struct vcpu *v)
{
	static struct kvm_cpuid_entry2 none;
	struct kvm_cpuid_entry2 *e = cpuid_find(v, v->regs.gpr[R_RAX], v->regs.gpr[R_RCX]) ?: &none;

	if (e->function == 1 || e->function == 0xd)
		cpuid_own(v, e); /* in the list itself: it is found out anew each time */
	v->regs.gpr[R_RAX] = e->eax;
	v->regs.gpr[R_RBX] = e->ebx;
	v->regs.gpr[R_RCX] = e->ecx;
	v->regs.gpr[R_RDX] = e->edx;
}
