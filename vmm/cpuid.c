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

/*
 * Leaf 1 (SDM 2A, CPUID). SSE3 PCLMULQDQ SSSE3 FMA CX16 SSE4.1 SSE4.2 MOVBE POPCNT AES XSAVE AVX F16C RDRAND.
 * Not: VMX, SMX, EIST, TM2, PDCM, PCID, TSC deadline, MONITOR, DTES.
 */
#define F1_ECX 0x76d83203
#define F1_ECX_OSXSAVE BIT(27)
#define F1_ECX_XSAVE_FAMILY (BIT(12) | BIT(26) | BIT(28) | BIT(29)) /* FMA XSAVE AVX F16C */
/* FPU VME DE PSE TSC MSR PAE CX8 APIC SEP MTRR PGE CMOV PAT PSE36 CLFSH MMX FXSR SSE SSE2.
 * Not: MCE, MCA, whose registers we do not emulate. */
#define F1_EDX 0x078bbb7fUL
#define F1_EDX_APIC BIT(9)
#define F7_EBX_TSC_ADJUST BIT(1)
/* Leaf 7: FSGSBASE BMI1 AVX2 SMEP BMI2 ERMS RDSEED ADX SMAP CLFLUSHOPT SHA; UMIP; FSRM */
#define F7_EBX 0x209c03a9
#define F7_ECX BIT(2)
#define F7_EDX BIT(4)
/* 0x80000001: LAHF, LZCNT, SSE4A, PREFETCHW; SYSCALL NX 1GB LM and AMD's copy of leaf 1's EDX.
 * Not: SVM, RDTSCP (its AUX MSR is not switched). */
#define F81_ECX (BIT(0) | BIT(5) | BIT(6) | BIT(8))
#define F81_EDX (BIT(11) | BIT(20) | BIT(26) | BIT(29) | (F1_EDX & 0x0183f37f))
#define KVM_OFFERED                                                                                \
	(BIT(KVM_FEATURE_CLOCKSOURCE) | BIT(KVM_FEATURE_CLOCKSOURCE2) |                            \
	 BIT(KVM_FEATURE_CLOCKSOURCE_STABLE_BIT) | BIT(KVM_FEATURE_NOP_IO_DELAY) |                 \
	 BIT(KVM_FEATURE_STEAL_TIME))
#define ALL ~0U, ~0U, ~0U, ~0U

/* What a guest sees of a leaf: of the host's answer what mask keeps, and what is always set. */
static const struct policy {
	u32 leaf;
	s8 sub; /* -1: there are none */
	struct cpuid_regs mask, set;
} policies[] = {
	{ 0, -1, { ALL }, { 0 } },
	/* EBX: CLFLUSH size; the monitor fills in the APIC id and CPU count, and ECX's bit for a hypervisor */
	{ 1, -1, { ~0U, 0xff00, F1_ECX, F1_EDX }, { 0, 0, CPUID_1_ECX_X2APIC, F1_EDX_APIC } },
	{ 6, -1, { 0 }, { .eax = BIT(2) } }, /* ARAT: our APIC timer never stops */
	{ 7, 0, { 0, F7_EBX, F7_ECX, F7_EDX }, { .ebx = F7_EBX_TSC_ADJUST } },
	/* Topology is the monitor's business, x2APIC ids as well: as on Linux. */
	{ 0xb, 0, { 0 }, { 0 } },
	{ 0xd, 0, { ALL }, { 0 } },
	{ 0xd, 1, { .eax = BIT(0) }, { 0 } },
	{ 0xd, 2, { ALL }, { 0 } },
	/* "KVMKVMKVM": the interface is KVM's; clock.c has what is offered of it. */
	{ KVM_CPUID_SIGNATURE, -1, { 0 }, { KVM_CPUID_FEATURES, 0x4b4d564b, 0x564b4d56, 0x4d } },
	{ KVM_CPUID_FEATURES, -1, { 0 }, { .eax = KVM_OFFERED } },
	{ 0x80000000, -1, { ALL }, { 0 } },
	{ 0x80000001, -1, { ~0U, ~0U, F81_ECX, F81_EDX }, { 0 } },
	{ 0x80000002, -1, { ALL }, { 0 } },
	{ 0x80000003, -1, { ALL }, { 0 } },
	{ 0x80000004, -1, { ALL }, { 0 } },
	{ 0x80000005, -1, { ALL }, { 0 } },
	{ 0x80000006, -1, { ALL }, { 0 } },
	{ 0x80000007, -1, { .edx = BIT(8) }, { 0 } }, /* invariant TSC */
	{ 0x80000008, -1, { .eax = 0xffff }, { 0 } },
};

/* What no mask can say. */
static void adjust(u32 leaf, s8 sub, struct cpuid_regs *r)
{
	if (leaf == 0 || leaf == 0x80000000)
		r->eax = min(r->eax, leaf ? 0x80000008U : 0xdU);
	if (leaf == 1 && !fpu_xcr0)
		r->ecx &= ~F1_ECX_XSAVE_FAMILY;
	if (leaf == 7 && !(fpu_xcr0 & 4))
		r->ebx &= ~BIT(5);
	if (leaf == 0xd && sub == 0)
		*r = (struct cpuid_regs){ fpu_xcr0, r->ebx, r->ebx, 0 };
}

/* Has the host something for this row? */
static bool is_there(u32 leaf, s8 sub)
{
	if (leaf == 0xd && (!fpu_xcr0 || (sub == 2 && !(fpu_xcr0 & 4))))
		return false;
	return (leaf & KVM_CPUID_SIGNATURE) || leaf <= cpuid(leaf & 0x80000000, 0).eax;
}

long cpuid_supported(struct kvm_cpuid2 __user *arg)
{
	u32 n = 0, max;

	if (get_user(max, (u32 __user *)arg))
		return -EFAULT;
	for (const struct policy *p = policies; p < policies + ARRAY_SIZE(policies); p++) {
		struct kvm_cpuid_entry2 e = { .function = p->leaf, .index = max(p->sub, 0) };
		struct cpuid_regs r = cpuid(p->leaf, e.index);

		if (!is_there(p->leaf, p->sub))
			continue;
		if (n == max)
			return -E2BIG;
		e.flags = p->sub < 0 ? 0 : KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
		adjust(p->leaf, p->sub, &r);
		e.eax = (r.eax & p->mask.eax) | p->set.eax;
		e.ebx = (r.ebx & p->mask.ebx) | p->set.ebx;
		e.ecx = (r.ecx & p->mask.ecx) | p->set.ecx;
		e.edx = (r.edx & p->mask.edx) | p->set.edx;
		if (put_user(e, &arg->entries[n++]))
			return -EFAULT;
	}
	return put_user(n, &arg->nent);
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

unsigned int guest_phys_bits(struct vcpu *v)
{
	const struct kvm_cpuid_entry2 *e = cpuid_find(v, 0x80000008, 0);

	return e ? min(e->eax & 0xff, 52U) : 36; /* of a CPU that does not say (SDM 3A 4.1.4) */
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
		struct cpuid_regs avx = cpuid(0xd, 2);

		if (v->swapped)
			vcpu_read_xcr0(v);
		e->ebx = v->xcr0 & 4 ? avx.ebx + avx.eax
				     : 576; /* SDM 1, 13.4: AVX, or to the header's end */
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
