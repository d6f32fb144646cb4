/* SPDX-License-Identifier: MIT */
/*
 * Model-specific registers as a guest sees them. Three kinds: those the guest has directly (segment
 * bases and SYSCALL targets; the back-ends let them through, here they are only for
 * KVM_GET/SET_MSRS), those with a meaning here, and a table of constants that real kernels read
 * before they ask CPUID. Everything else is #GP, which kernels expect of an MSR that is not there.
 */
#include "vmm/irqchip/irqchip.h"
#include "vmm/vmm.h"

#define MSR_UCODE_REV 0x8b
#define MSR_SYSENTER_CS 0x174
#define MSR_SYSENTER_ESP 0x175
#define MSR_SYSENTER_EIP 0x176
#define MSR_MISC_ENABLE 0x1a0
#define MISC_ENABLE_FAST_STRING BIT(0)

/*
 * What there is. Kept by the hardware for each guest (addresses must be canonical), one value for all guests, or
 * the business of a function. All but the constants are in the list for the monitor.
 */
static const struct msr_kind {
	u32 msr;
	enum { FIELD, ADDRESS, CONSTANT, FUNCTION } kind;
	u64 field; /* enum vmm_field, or the constant */
} msrs[] = {
	{ MSR_SYSENTER_CS, FIELD, VF_SYSENTER_CS },
	{ MSR_SYSENTER_ESP, ADDRESS, VF_SYSENTER_ESP },
	{ MSR_SYSENTER_EIP, ADDRESS, VF_SYSENTER_EIP },
	{ MSR_IA32_PAT, FIELD, VF_PAT },
	{ MSR_EFER, FIELD, VF_EFER },
	{ MSR_STAR, FIELD, VF_STAR },
	{ MSR_LSTAR, ADDRESS, VF_LSTAR },
	{ MSR_CSTAR, ADDRESS, VF_CSTAR },
	{ MSR_SFMASK, FIELD, VF_SFMASK },
	{ MSR_FS_BASE, ADDRESS, VF_FS_BASE },
	{ MSR_GS_BASE, ADDRESS, VF_GS_BASE },
	{ MSR_KERNEL_GS_BASE, ADDRESS, VF_KERNEL_GS_BASE },
	{ MSR_IA32_TSC, FUNCTION, 0 },
	{ MSR_IA32_APIC_BASE, FUNCTION, 0 },
	{ MSR_MISC_ENABLE, FUNCTION, 0 },
	{ MSR_KVM_WALL_CLOCK, FUNCTION, 0 },
	{ MSR_KVM_SYSTEM_TIME, FUNCTION, 0 },
	{ MSR_KVM_WALL_CLOCK_NEW, FUNCTION, 0 },
	{ MSR_KVM_SYSTEM_TIME_NEW, FUNCTION, 0 },
	{ MSR_KVM_STEAL_TIME, FUNCTION, 0 },
	/* Writes have no effect. Each with the reader that needs it. */
	{ 0x17, CONSTANT, 0 }, /* PLATFORM_ID: Linux, microcode */
	/* Linux, CPU identification: written 0, then read */
	{ MSR_UCODE_REV, CONSTANT, 1UL << 32 },
	{ 0xfe, CONSTANT, 0 }, /* MTRRCAP: Xen, which does not ask CPUID */
	{ 0x2ff, CONSTANT, 0 }, /* and the default type of memory */
	{ 0xc0010000, CONSTANT, 0 }, /* performance counters, eight registers: Xen on AMD */
	{ 0xc0010010, CONSTANT, 0 }, /* SYSCFG: Linux on AMD, memory encryption */
	{ 0xc0010015, CONSTANT, 0 }, /* HWCR: Linux on AMD */
	{ 0xc001001f, CONSTANT, 0 }, /* NB_CFG: Linux on AMD */
	/* INT_PENDING_MSG: Linux on old AMD, does C1E stop the APIC timer */
	{ 0xc0010055, CONSTANT, 0 },
	{ 0xc0011029, CONSTANT, BIT(1) }, /* DE_CFG: LFENCE is serializing */
};

long msr_list(struct kvm_msr_list __user *arg)
{
	u32 room, n = 0;

	if (get_user(room, (u32 __user *)arg))
		return -EFAULT;
	for (unsigned int i = 0; i < ARRAY_SIZE(msrs); i++) {
		if (msrs[i].kind == CONSTANT)
			continue;
		if (n < room && put_user(msrs[i].msr, &arg->indices[n]))
			return -EFAULT;
		n++;
	}
	return put_user(n, &arg->nmsrs) ?: n > room ? -E2BIG : 0;
}

static const struct msr_kind *find(u32 msr)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(msrs); i++)
		if (msrs[i].msr == (msr >> 3 == 0xc0010000 >> 3 ? 0xc0010000 : msr))
			return &msrs[i];
	return NULL;
}

u64 guest_tsc(struct vcpu *v)
{
	return rdtsc() + vmm->get(v, VF_TSC_OFFSET);
}

int msr_read(struct vcpu *v, u32 msr, u64 *value)
{
	const struct msr_kind *p = find(msr);

	if (p && p->kind != FUNCTION) {
		*value = p->kind == CONSTANT ? p->field : vmm->get(v, p->field);
		return 0;
	}
	switch (msr) {
	case MSR_IA32_TSC:
		*value = guest_tsc(v);
		return 0;
	case MSR_IA32_APIC_BASE:
		*value = lapic_get_base(v);
		return 0;
	case MSR_MISC_ENABLE:
		*value = v->misc_enable | MISC_ENABLE_FAST_STRING;
		return 0;
	default:
		return clock_msr(v, msr, value, false);
	}
}

static int write_efer(struct vcpu *v, u64 value, bool host)
{
	u64 old = vmm->get(v, VF_EFER);

	if (value & ~(EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE))
		return -EINVAL;
	if (!host) {
		/* LME does not change under paging; LMA is not the guest's to write (SDM 3A 2.2.1). */
		if ((vmm->get(v, VF_CR0) & CR0_PG) && ((old ^ value) & EFER_LME))
			return -EINVAL;
		value = (value & ~EFER_LMA) | (old & EFER_LMA);
	}
	vmm->set(v, VF_EFER, value);
	return 0;
}

/* Each of the eight types is UC, WC, WT, WP, WB or UC- (SDM 3A 12.12.2). */
static bool pat_valid(u64 value)
{
	for (int i = 0; i < 8; i++, value >>= 8)
		if ((value & 0xff) > 7 || (value & 0xff) == 2 || (value & 0xff) == 3)
			return false;
	return true;
}

int msr_write(struct vcpu *v, u32 msr, u64 value, bool host)
{
	const struct msr_kind *p = find(msr);

	if (msr == MSR_EFER)
		return write_efer(v, value, host);
	if (p && p->kind != FUNCTION) {
		if ((p->kind == ADDRESS && !canonical(value)) ||
		    (msr == MSR_IA32_PAT && !pat_valid(value)) ||
		    (msr == MSR_SFMASK && value >> 32)) /* reserved: the host's WRMSR would fault */
			return -EINVAL;
		if (p->kind != CONSTANT)
			vmm->set(v, p->field, value);
		return 0;
	}
	switch (msr) {
	case MSR_IA32_TSC:
		vmm->set(v, VF_TSC_OFFSET, value - rdtsc());
		v->clock_seq = 0; /* kvmclock counts from the guest's TSC */
		return 0;
	case MSR_IA32_APIC_BASE:
		return lapic_set_base(v, value);
	case MSR_MISC_ENABLE:
		v->misc_enable = value;
		return 0;
	default:
		return clock_msr(v, msr, &value, true);
	}
}

/*
 * What CPUID shows, CR4 may switch on; all there is while the monitor has not set any. Always there:
 * VME PVI TSD DE PSE PAE MCE PGE PCE OSFXSR OSXMMEXCPT.
 */
u64 cr4_guest_mask(struct vcpu *v)
{
	const struct kvm_cpuid_entry2 *one = cpuid_find(v, 1, 0), *seven = cpuid_find(v, 7, 0);
	u32 one_ecx = one ? one->ecx : v->nr_cpuid || !fpu_xcr0 ? 0 : BIT(26);
	u32 ebx = seven ? seven->ebx : v->nr_cpuid ? 0 : cpuid(7, 0).ebx;
	u32 ecx = seven ? seven->ecx : v->nr_cpuid ? 0 : cpuid(7, 0).ecx;

	return 0x7ff | (one_ecx & BIT(26) ? CR4_OSXSAVE : 0) | (ebx & BIT(0) ? CR4_FSGSBASE : 0) |
	       (ebx & BIT(7) ? CR4_SMEP : 0) | (ebx & BIT(20) ? CR4_SMAP : 0) |
	       (ecx & BIT(2) ? CR4_UMIP : 0);
}
