/* SPDX-License-Identifier: MIT */
/*
 * VT-x: what the CPU can do, turning it on, a vCPU's VMCS and the state in it.
 * We ask for EPT and unrestricted guest (every CPU since Westmere) and have no path without them:
 * the guest's paging and its real mode are then the hardware's business. Control registers: the guest
 * owns the bits that it may change freely; CR0.PG, CD, NW, NE and all of CR4 that its CPUID does not
 * show exit to exit.c. See run.c for entering, check.c for why an entry was refused.
 */
#include "vmm/vmx/vmcs.h"

#define CR0_HOST_OWNED (CR0_PG | CR0_CD | CR0_NW | CR0_NE)

static u8 msr_bitmap[PAGE_SIZE] __aligned(PAGE_SIZE);
u64 vmx_host_msr[VMX_SWAPPED];
const u32 vmx_swapped[VMX_SWAPPED] = { MSR_KERNEL_GS_BASE, MSR_STAR, MSR_LSTAR, MSR_CSTAR,
				       MSR_SFMASK };
bool vmx_has_vpid;

/* Allowed settings (SDM 3D A.2): low half: bits that must be 1; high half: bits that may be 1. */
static bool may_set(u32 msr, u32 bits)
{
	u64 allowed;

	return !rdmsr_safe(msr, &allowed) && ((allowed >> 32) & bits) == bits;
}

/* What of these is there, and what must be. */
static u32 controls(u32 msr, u32 wanted)
{
	u64 allowed = rdmsr(msr);

	return (wanted | (u32)allowed) & (allowed >> 32);
}

#define PIN_WANTED (PIN_EXTERNAL_INTERRUPT | PIN_NMI | PIN_VIRTUAL_NMI)
#define PROC_WANTED                                                                                \
	(PROC_TSC_OFFSET | PROC_HLT | PROC_MWAIT | PROC_RDPMC | PROC_CR8_LOAD | PROC_CR8_STORE |   \
	 PROC_MOV_DR | PROC_UNCONDITIONAL_IO | PROC_MSR_BITMAPS | PROC_MONITOR | PROC_SECONDARY)
#define PROC2_WANTED (PROC2_EPT | PROC2_UNRESTRICTED)
#define EXIT_WANTED (EXIT_SAVE_DEBUG | EXIT_HOST_64 | EXIT_LOAD_EFER)
#define ENTRY_WANTED (ENTRY_LOAD_DEBUG | ENTRY_LOAD_EFER)

static const char *vmx_probe(void)
{
	const u64 ept_needs = EPT_CAP_WALK_4 | EPT_CAP_WB | EPT_CAP_2M | EPT_CAP_INVEPT;
	u64 v;

	if (!(cpuid(1, 0).ecx & BIT(5)))
		return "not in this CPU";
	if (rdmsr_safe(MSR_FEATURE_CONTROL, &v) ||
	    ((v & FEATURE_CONTROL_LOCKED) && !(v & FEATURE_CONTROL_VMX)))
		return "disabled by the firmware";
	if (rdmsr_safe(MSR_VMX_BASIC, &v) || !(v & VMX_BASIC_TRUE_CONTROLS))
		return "too old (no TRUE controls)";
	if (!may_set(MSR_VMX_TRUE_PROC, PROC_WANTED) || !may_set(MSR_VMX_PROC2, PROC2_EPT))
		return "without EPT";
	if (!may_set(MSR_VMX_PROC2, PROC2_WANTED))
		return "without unrestricted guest";
	if (rdmsr_safe(MSR_VMX_EPT_VPID_CAP, &v) || (v & ept_needs) != ept_needs)
		return "EPT lacks 4 levels, write-back, 2 MiB pages or INVEPT";
	if (!may_set(MSR_VMX_TRUE_PIN, PIN_WANTED) || !may_set(MSR_VMX_TRUE_EXIT, EXIT_WANTED) ||
	    !may_set(MSR_VMX_TRUE_ENTRY, ENTRY_WANTED))
		return "lacks a control this hypervisor needs";
	return NULL;
}

/* ---- shared tables, and VMX operation of a CPU ---- */

/* MSR bitmap (SDM 3C 25.6.9): 1 exits. Reads at 0, writes at 0x800; 0xc0000000.. at 0x400 of each. */
static void let_through(u32 first, u32 last, bool write)
{
	u32 base = first >= 0xc0000000 ? 0x400 * 8 : 0;

	for (u32 n = base + (first & 0x1fff); n <= base + (last & 0x1fff); n++) {
		msr_bitmap[n / 8] &= ~(1 << n % 8);
		msr_bitmap[0x800 + n / 8] &= ~(write << n % 8);
	}
}

static void vmx_setup(void)
{
	u64 cap = rdmsr(MSR_VMX_EPT_VPID_CAP);

	memset(msr_bitmap, 0xff, PAGE_SIZE);
	/* In the VMCS: nothing to do for us. 0x174 to 0x176: SYSENTER. */
	let_through(0x174, 0x176, true);
	let_through(MSR_FS_BASE, MSR_KERNEL_GS_BASE, true); /* SWAPGS writes the last anyway */
	let_through(MSR_STAR, MSR_SFMASK, false); /* written once; so we always know them */
	for (int i = 0; i < VMX_SWAPPED; i++)
		vmx_host_msr[i] = rdmsr(vmx_swapped[i]);
	ept_format.dirty = cap & EPT_CAP_DIRTY ? EPT_DIRTY : 0;
	vmx_has_vpid =
		may_set(MSR_VMX_PROC2, PROC2_VPID) && (cap & VPID_CAP_INVVPID) == VPID_CAP_INVVPID;
}

static int vmx_cpu_on(void *page)
{
	u64 feature = rdmsr(MSR_FEATURE_CONTROL); /* vmx_probe() has read it */
	paddr_t phys = virt_to_phys(page);
	u8 failed;

	if (!(feature & FEATURE_CONTROL_LOCKED))
		wrmsr_safe(MSR_FEATURE_CONTROL,
			   feature | FEATURE_CONTROL_LOCKED | FEATURE_CONTROL_VMX);
	else if (!(feature & FEATURE_CONTROL_VMX))
		return -EBUSY;
	write_cr0(read_cr0() | rdmsr(MSR_VMX_CR0_FIXED0));
	write_cr4(read_cr4() | CR4_VMXE);
	*(u32 *)page = rdmsr(MSR_VMX_BASIC);
	__asm__ volatile("vmxon %1; setna %0" : "=qm"(failed) : "m"(phys) : "cc", "memory");
	if (failed)
		write_cr4(read_cr4() & ~CR4_VMXE);
	return failed ? -EBUSY : 0;
}

static void vmx_cpu_off(void)
{
	if (!(read_cr4() & CR4_VMXE))
		return; /* it had not come on */
	__asm__ volatile("vmxoff" ::: "cc");
	write_cr4(read_cr4() & ~CR4_VMXE);
}

/* ---- a vCPU's VMCS ---- */

/*
 * A guest leaves at the latest after SLICE_MS. A host interrupt ends it earlier, but for Bochs 2.7,
 * which keeps interrupts masked when a guest is entered with IF clear.
 */
#define SLICE_MS 10
/* PAUSEs less than so many ticks apart are a loop, which exits when it has lasted so many: Linux's figures. */
#define PAUSE_GAP 128
#define PAUSE_WINDOW 4096

/* Fields that are 0 at first, and most of them for ever. This kernel has no SYSENTER. */
static const u16 zero_fields[] = {
	VMCS_GUEST_DEBUGCTL,      VMCS_GUEST_ACTIVITY,    VMCS_GUEST_INTERRUPTIBILITY,
	VMCS_GUEST_PENDING_DEBUG, VMCS_GUEST_SYSENTER_CS, VMCS_GUEST_SYSENTER_ESP,
	VMCS_GUEST_SYSENTER_EIP,  VMCS_HOST_SYSENTER_CS,  VMCS_HOST_SYSENTER_ESP,
	VMCS_HOST_SYSENTER_EIP,   VMCS_GUEST_RSP,         VMCS_GUEST_RIP,
	VMCS_GUEST_RFLAGS,
};

static void init_controls(struct vcpu *v)
{
	struct vmx *h = v->hw;

	for (unsigned int i = 0; i < ARRAY_SIZE(zero_fields); i++)
		vmwrite(zero_fields[i], 0);
	/* page-fault masks, counts of MSRs and CR3 targets, the injected event; the others follow */
	for (u64 field = VMCS_PIN_CONTROLS; field <= VMCS_ENTRY_INTR_INFO; field += 2)
		vmwrite(field, 0);
	vmwrite(VMCS_PIN_CONTROLS, controls(MSR_VMX_TRUE_PIN, PIN_WANTED | PIN_PREEMPTION_TIMER));
	vmwrite(VMCS_PROC_CONTROLS, controls(MSR_VMX_TRUE_PROC, PROC_WANTED));
	vmwrite(VMCS_PROC2_CONTROLS,
		controls(MSR_VMX_PROC2, PROC2_WANTED | PROC2_WBINVD | PROC2_PAUSE_LOOP |
						(vmx_has_vpid ? PROC2_VPID : 0)));
	vmwrite(VMCS_EXIT_CONTROLS, controls(MSR_VMX_TRUE_EXIT, EXIT_WANTED));
	vmwrite(VMCS_ENTRY_CONTROLS, controls(MSR_VMX_TRUE_ENTRY, ENTRY_WANTED));
	vmwrite(VMCS_EXCEPTION_BITMAP, VMM_EXCEPTIONS);
	vmwrite(VMCS_MSR_BITMAP, virt_to_phys(msr_bitmap));
	vmwrite(VMCS_LINK_POINTER, ~0UL);
	vmwrite(VMCS_EPT_POINTER, h->eptp);
	/* Fields of a control that this CPU lacks are not there either: such a write does nothing. */
	vmwrite(VMCS_VPID, OUR_VPID);
	vmwrite(VMCS_PLE_GAP, PAUSE_GAP);
	vmwrite(VMCS_PLE_WINDOW, PAUSE_WINDOW);
	vmwrite(VMCS_PREEMPTION_TIMER,
		tsc_khz * SLICE_MS >> (rdmsr(MSR_VMX_MISC) & VMX_MISC_TIMER_SHIFT));
	vmwrite(VMCS_CR0_MASK, CR0_HOST_OWNED);
	vmwrite(VMCS_HOST_RIP, (u64)vmx_exit_point);
}

static void vmx_vcpu_init(struct vcpu *v)
{
	struct vmx *h = v->hw;

	*(u32 *)v->hw_page = rdmsr(MSR_VMX_BASIC);
	h->eptp = ept_pointer(&v->vm->slat);
	vmx_unload(v); /* a new region must be cleared before it is loaded */
	vcpu_load(v);
	init_controls(v);
	vcpu_unload(v);
}

/* ---- state by name ---- */

/* The four top entries of PAE paging live in the VMCS under EPT (SDM 3C 27.3.2.4). */
static void load_pdptes(struct vcpu *v)
{
	u64 cr0 = vmread(VMCS_GUEST_CR0), cr4 = vmread(VMCS_GUEST_CR4), pdpte[4] = { 0 };

	if (!(cr0 & CR0_PG) || !(cr4 & CR4_PAE) || (vmread(VMCS_GUEST_EFER) & EFER_LMA))
		return;
	guest_copy(v->vm, vmread(VMCS_GUEST_CR3) & 0xffffffe0, pdpte, sizeof(pdpte), false);
	for (int i = 0; i < 4; i++)
		vmwrite(VMCS_GUEST_PDPTE0 + 2 * i, pdpte[i]);
}

static const u16 vmcs_of[] = {
	[VF_CR3] = VMCS_GUEST_CR3,
	[VF_EFER] = VMCS_GUEST_EFER,
	[VF_DR7] = VMCS_GUEST_DR7,
	[VF_FS_BASE] = VMCS_BASE(SEG_FS),
	[VF_GS_BASE] = VMCS_BASE(SEG_GS),
	[VF_SYSENTER_CS] = VMCS_GUEST_SYSENTER_CS,
	[VF_SYSENTER_ESP] = VMCS_GUEST_SYSENTER_ESP,
	[VF_SYSENTER_EIP] = VMCS_GUEST_SYSENTER_EIP,
	[VF_TSC_OFFSET] = VMCS_TSC_OFFSET,
	[VF_EXCEPTIONS] = VMCS_EXCEPTION_BITMAP,
};

/* Bits of a field: any is set; all are clear but one. */
static const struct flag {
	u32 field, any, one;
} flags[] = {
	[VF_INTR_SHADOW] = { VMCS_GUEST_INTERRUPTIBILITY, INTERRUPTIBILITY_SHADOW,
			     INTERRUPTIBILITY_STI },
	[VF_NMI_BLOCKED] = { VMCS_GUEST_INTERRUPTIBILITY, INTERRUPTIBILITY_NMI,
			     INTERRUPTIBILITY_NMI },
	[VF_INTR_WINDOW] = { VMCS_PROC_CONTROLS, PROC_INTERRUPT_WINDOW, PROC_INTERRUPT_WINDOW },
	[VF_DR_INTERCEPT] = { VMCS_PROC_CONTROLS, PROC_MOV_DR, PROC_MOV_DR },
};

static u64 vmx_get(struct vcpu *v, enum vmm_field f)
{
	struct vmx *h = v->hw;
	u64 mask;

	switch (f) {
	case VF_CR0:
		return (vmread(VMCS_GUEST_CR0) & ~CR0_HOST_OWNED) |
		       (vmread(VMCS_CR0_SHADOW) & CR0_HOST_OWNED);
	case VF_CR4:
		mask = vmread(VMCS_CR4_MASK);
		return (vmread(VMCS_GUEST_CR4) & ~mask) | (vmread(VMCS_CR4_SHADOW) & mask);
	case VF_PAT:
		return h->pat;
	case VF_KERNEL_GS_BASE ... VF_SFMASK:
		return v->swapped ? rdmsr(vmx_swapped[f - VF_KERNEL_GS_BASE])
				  : h->msr[f - VF_KERNEL_GS_BASE];
	case VF_INTR_SHADOW ... VF_DR_INTERCEPT:
		return (vmread(flags[f].field) & flags[f].any) != 0;
	default:
		return vmread(vmcs_of[f]);
	}
}

static void change_bits(u64 field, u64 bits, u64 value)
{
	u64 old = vmread(field), new = (old & ~bits) | value;

	if (new != old)
		vmwrite(field, new);
}

void vmx_set(struct vcpu *v, enum vmm_field f, u64 value)
{
	struct vmx *h = v->hw;

	switch (f) {
	case VF_CR0:
		vmwrite(VMCS_CR0_SHADOW, value);
		vmwrite(VMCS_GUEST_CR0, (value & ~(CR0_CD | CR0_NW)) | CR0_NE | CR0_ET);
		break;
	case VF_CR4:
		vmwrite(VMCS_CR4_MASK, ~cr4_guest_mask(v));
		vmwrite(VMCS_CR4_SHADOW, value);
		vmwrite(VMCS_GUEST_CR4, value | rdmsr(MSR_VMX_CR4_FIXED0));
		break;
	case VF_EFER:
		change_bits(VMCS_ENTRY_CONTROLS, ENTRY_GUEST_64,
			    value & EFER_LMA ? ENTRY_GUEST_64 : 0);
		vmwrite(VMCS_GUEST_EFER, value);
		break;
	case VF_PAT:
		h->pat = value;
		break;
	case VF_KERNEL_GS_BASE ... VF_SFMASK:
		h->msr[f - VF_KERNEL_GS_BASE] = value;
		if (v->swapped)
			wrmsr(vmx_swapped[f - VF_KERNEL_GS_BASE], value);
		break;
	case VF_INTR_SHADOW ... VF_DR_INTERCEPT:
		change_bits(flags[f].field, flags[f].any, value ? flags[f].one : 0);
		/* behind a shadow no trap is left; Bochs leaves one when a single step faults */
		if (f == VF_INTR_SHADOW && !value)
			vmwrite(VMCS_GUEST_PENDING_DEBUG, 0);
		break;
	default:
		vmwrite(vmcs_of[f], value);
	}
	if (f <= VF_CR4) /* or CR0, or CR3 */
		load_pdptes(v);
}

static void vmx_get_segment(struct vcpu *v, enum vmm_seg i, struct kvm_segment *s)
{
	*s = (struct kvm_segment){ .base = vmread(VMCS_BASE(i)), .limit = vmread(VMCS_LIMIT(i)) };
	if (i >= SEG_GDT)
		return;
	s->selector = vmread(VMCS_SELECTOR(i));
	segment_set_rights(s, vmread(VMCS_ACCESS(i)));
}

static void vmx_set_segment(struct vcpu *v, enum vmm_seg i, const struct kvm_segment *s)
{
	vmwrite(VMCS_BASE(i), s->base);
	vmwrite(VMCS_LIMIT(i), s->limit);
	if (i >= SEG_GDT)
		return;
	vmwrite(VMCS_SELECTOR(i), s->selector);
	vmwrite(VMCS_ACCESS(i), segment_rights(s));
}

const struct vmm_ops vmx_ops = {
	.name = "VT-x with EPT",
	.slat = &ept_format,
	.hw_size = sizeof(struct vmx),
	.probe = vmx_probe,
	.setup = vmx_setup,
	.cpu_on = vmx_cpu_on,
	.cpu_off = vmx_cpu_off,
	.vcpu_init = vmx_vcpu_init,
	.load = vmx_load,
	.unload = vmx_unload,
	.swap_in = vmx_swap_in,
	.swap_out = vmx_swap_out,
	.enter = vmx_enter,
	.inject = vmx_inject,
	.explain = vmx_explain,
	.get = vmx_get,
	.set = vmx_set,
	.get_segment = vmx_get_segment,
	.set_segment = vmx_set_segment,
};
