/* SPDX-License-Identifier: MIT */
/*
 * Model-specific registers as a guest sees them: those it has directly (segment bases and SYSCALL targets; the
 * back-ends let them through, here they are only for KVM_GET/SET_MSRS), those that are only kept, those with a meaning
 * here, and constants that real kernels read before they ask CPUID. Everything else is #GP, which kernels expect of an
 * MSR that is not there.
 */
#include "vmm/irqchip/irqchip.h"
#include "vmm/vmm.h"

#define MSR_TSC_ADJUST 0x3b
#define MSR_SYSENTER_CS 0x174 /* ESP, EIP */
#define MSR_MISC_ENABLE 0x1a0
#define MISC_ENABLE_FAST_STRING BIT(0)
#define MSR_MTRR_BASE0 0x200 /* then its mask, and the next base */
#define MSR_MTRR_FIX_64K 0x250
#define MSR_MTRR_DEF_TYPE 0x2ff
/* By bit: UC WC WT WP WB; the PAT has UC- as well (SDM 3A 12.11.1, 12.12.2). */
#define MTRR_TYPES 0x73
#define PAT_TYPES 0xf3

/* IA32_TSC, IA32_TSC_ADJUST: a guest that changes one changes both (SDM 3B 18.17.3), the monitor one. */
static int tsc(struct vcpu *v, u32 msr, u64 *value, bool write, bool host)
{
	bool adjust = msr == MSR_TSC_ADJUST;
	u64 old = adjust ? v->tsc_adjust : rdtsc() + vmm->get(v, VF_TSC_OFFSET);
	u64 change = *value - old;

	if (!write) {
		*value = old;
		return 0;
	}
	if (!adjust || !host)
		vmm->set(v, VF_TSC_OFFSET, vmm->get(v, VF_TSC_OFFSET) + change);
	if (adjust || !host)
		v->tsc_adjust += change;
	v->clock_seq = 0; /* kvmclock counts from the guest's TSC */
	return 0;
}

static int efer(struct vcpu *v, u32 msr, u64 *value, bool write, bool host)
{
	u64 old = vmm->get(v, VF_EFER), new = *value;

	if (!write) {
		*value = old;
		return 0;
	}
	/* LME does not change under paging; LMA is not the guest's to write (SDM 3A 2.2.1). */
	if ((new & ~EFER_GUEST) ||
	    (!host && (vmm->get(v, VF_CR0) & CR0_PG) && ((old ^ new) & EFER_LME)))
		return -EINVAL;
	if (!host)
		new = (new & ~EFER_LMA) | (old & EFER_LMA);
	vmm->set(v, VF_EFER, new);
	return 0;
}

/* Linux writes 0 into it, too: what is there is on all the same. */
static int misc_enable(struct vcpu *v, u32 msr, u64 *value, bool write, bool host)
{
	ioctl_move(&v->misc_enable, value, sizeof(*value), write);
	*value |= MISC_ENABLE_FAST_STRING;
	return 0;
}

/*
 * What there is, from msr on: count of a kind. Fields of the back-end, from value on, whose addresses are canonical;
 * the business of a function; kept in v->mtrr, from value on; the same value for all guests, and a write has no effect
 * or faults. A monitor asks for those that it has to save (KVM_GET_MSR_INDEX_LIST); as on Linux not from HIDDEN on.
 */
static const struct msr_kind {
	u32 msr, count;
	enum { FIELD, ADDRESS, FUNCTION, HIDDEN, KEPT, CONSTANT, READ_ONLY } kind;
	u64 value;
	msr_fn *access; /* of FUNCTION and HIDDEN */
} msrs[] = {
	{ MSR_SYSENTER_CS, 1, FIELD, VF_SYSENTER_CS, NULL },
	{ MSR_SYSENTER_CS + 1, 2, ADDRESS, VF_SYSENTER_ESP, NULL }, /* ESP, EIP */
	{ MSR_IA32_PAT, 1, FIELD, VF_PAT, NULL },
	{ MSR_EFER, 1, FUNCTION, 0, efer },
	{ MSR_STAR, 1, FIELD, VF_STAR, NULL },
	{ MSR_LSTAR, 2, ADDRESS, VF_LSTAR, NULL }, /* CSTAR */
	{ MSR_SFMASK, 1, FIELD, VF_SFMASK, NULL },
	{ MSR_FS_BASE, 3, ADDRESS, VF_FS_BASE, NULL }, /* GS_BASE, KERNEL_GS_BASE */
	{ MSR_IA32_TSC, 1, FUNCTION, 0, tsc },
	{ MSR_TSC_ADJUST, 1, FUNCTION, 0, tsc },
	{ MSR_IA32_APIC_BASE, 1, FUNCTION, 0, lapic_base_msr },
	{ MSR_MISC_ENABLE, 1, FUNCTION, 0, misc_enable },
	{ MSR_KVM_WALL_CLOCK, 1, FUNCTION, 0, clock_wall_msr },
	{ MSR_KVM_SYSTEM_TIME, 1, FUNCTION, 0, clock_page_msr },
	{ MSR_KVM_WALL_CLOCK_NEW, 1, FUNCTION, 0, clock_wall_msr },
	{ MSR_KVM_SYSTEM_TIME_NEW, 1, FUNCTION, 0, clock_page_msr },
	{ MSR_KVM_STEAL_TIME, 1, FUNCTION, 0, clock_page_msr },
	{ MSR_X2APIC, 0x40, HIDDEN, 0, lapic_msr },
	{ 0xfe, 1, READ_ONLY, 0x500 | MTRR_PAIRS, NULL }, /* MTRRCAP: fixed ones, WC */
	{ MSR_MTRR_BASE0, 2 * MTRR_PAIRS, KEPT, 0, NULL },
	{ MSR_MTRR_FIX_64K, 1, KEPT, 2 * MTRR_PAIRS, NULL },
	{ 0x258, 2, KEPT, 2 * MTRR_PAIRS + 1, NULL }, /* MTRRfix16K */
	{ 0x268, 8, KEPT, 2 * MTRR_PAIRS + 3, NULL }, /* MTRRfix4K */
	{ MSR_MTRR_DEF_TYPE, 1, KEPT, 2 * MTRR_PAIRS + 11, NULL },
	/* Each with the reader that needs it. */
	{ 0x17, 1, CONSTANT, 0, NULL }, /* PLATFORM_ID: Linux, microcode */
	{ 0x8b, 1, CONSTANT, 1UL << 32, NULL }, /* BIOS_SIGN_ID: Linux writes 0, then reads */
	{ 0xc0010000, 8, CONSTANT, 0, NULL }, /* performance counters: Xen on AMD */
	{ 0xc0010010, 1, CONSTANT, 0, NULL }, /* SYSCFG: Linux on AMD, memory encryption */
	{ 0xc0010015, 1, CONSTANT, 0, NULL }, /* HWCR: Linux on AMD */
	{ 0xc001001f, 1, CONSTANT, 0, NULL }, /* NB_CFG: Linux on AMD */
	/* INT_PENDING_MSG: Linux on old AMD, does C1E stop the APIC timer */
	{ 0xc0010055, 1, CONSTANT, 0, NULL },
	{ 0xc0011029, 1, CONSTANT, BIT(1), NULL }, /* DE_CFG: LFENCE is serializing */
};

long msr_list(struct kvm_msr_list __user *arg)
{
	u32 room, n = 0;

	if (get_user(room, (u32 __user *)arg))
		return -EFAULT;
	for (const struct msr_kind *p = msrs; p < msrs + ARRAY_SIZE(msrs); p++)
		for (u32 i = 0; i < p->count && p->kind < HIDDEN; i++, n++)
			if (n < room && put_user(p->msr + i, &arg->indices[n]))
				return -EFAULT;
	return put_user(n, &arg->nmsrs) ?: n > room ? -E2BIG : 0;
}

/* Eight memory types, a byte each: by bit, those that there are. */
static bool types_valid(u64 types, u32 there)
{
	for (int i = 0; i < 8; i++, types >>= 8)
		if ((types & 0xff) > 7 || !(there & BIT(types & 7)))
			return false;
	return true;
}

/* SDM 3A 12.11.2. */
static bool mtrr_valid(struct vcpu *v, u32 msr, u64 value)
{
	u64 wide = ~0UL << guest_phys_bits(v);

	if (msr == MSR_MTRR_DEF_TYPE)
		return types_valid(value & 0xff, MTRR_TYPES) && !(value & ~0xcffUL);
	if (msr >= MSR_MTRR_FIX_64K)
		return types_valid(value, MTRR_TYPES);
	if (msr & 1)
		return !(value & (wide | 0x7ff));
	return types_valid(value & 0xff, MTRR_TYPES) && !(value & (wide | 0xf00));
}

/* What may be written to a field, or kept. The host's WRMSR would fault at other values. */
static bool valid(struct vcpu *v, const struct msr_kind *p, u32 msr, u64 value)
{
	if (msr == MSR_IA32_PAT)
		return types_valid(value, PAT_TYPES);
	if (msr == MSR_SFMASK)
		return !(value >> 32);
	return p->kind == ADDRESS ? canonical(value) : p->kind != KEPT || mtrr_valid(v, msr, value);
}

int msr_access(struct vcpu *v, u32 msr, u64 *value, bool write, bool host)
{
	const struct msr_kind *p = msrs;
	u64 at;

	while (p < msrs + ARRAY_SIZE(msrs) && msr - p->msr >= p->count)
		p++;
	if (p == msrs + ARRAY_SIZE(msrs) || (write && !valid(v, p, msr, *value)))
		return -EINVAL;
	if (p->access)
		return p->access(v, msr, value, write, host);
	at = p->value + msr - p->msr;
	if (p->kind == KEPT)
		ioctl_move(&v->mtrr[at], value, sizeof(*value), write);
	else if (p->kind >= CONSTANT)
		*value = p->value;
	else
		move_field(v, at, value, write);
	return write && p->kind == READ_ONLY ? -EINVAL : 0;
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
