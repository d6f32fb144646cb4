/* SPDX-License-Identifier: MIT */
/* Names of VT-x: VMCS fields (SDM 3D, appendix B), controls (3C 25.6, 25.7), MSRs (3D, A). */
#pragma once
#include "vmm/vmm.h"

enum vmcs_field {
	VMCS_VPID = 0x0000,
	VMCS_HOST_ES_SELECTOR = 0x0c00, /* ES CS SS DS FS GS TR, two apart */

	VMCS_MSR_BITMAP = 0x2004,
	VMCS_TSC_OFFSET = 0x2010,
	VMCS_EPT_POINTER = 0x201a,
	VMCS_GUEST_PHYSICAL_ADDRESS = 0x2400,
	VMCS_LINK_POINTER = 0x2800,
	VMCS_GUEST_DEBUGCTL = 0x2802,
	VMCS_GUEST_EFER = 0x2806,
	VMCS_GUEST_PDPTE0 = 0x280a,
	VMCS_HOST_EFER = 0x2c02,

	VMCS_PIN_CONTROLS = 0x4000,
	VMCS_PROC_CONTROLS = 0x4002,
	VMCS_EXCEPTION_BITMAP = 0x4004,
	VMCS_EXIT_CONTROLS = 0x400c,
	VMCS_ENTRY_CONTROLS = 0x4012,
	VMCS_ENTRY_INTR_INFO = 0x4016,
	VMCS_ENTRY_ERROR_CODE = 0x4018,
	VMCS_PROC2_CONTROLS = 0x401e,
	VMCS_PLE_GAP = 0x4020,
	VMCS_PLE_WINDOW = 0x4022,
	VMCS_INSTRUCTION_ERROR = 0x4400,
	VMCS_EXIT_REASON = 0x4402,
	VMCS_EXIT_INTR_INFO = 0x4404,
	VMCS_EXIT_INTR_ERROR = 0x4406,
	VMCS_IDT_VECTORING_INFO = 0x4408,
	VMCS_IDT_VECTORING_ERROR = 0x440a,
	VMCS_EXIT_INSTRUCTION_LENGTH = 0x440c,
	VMCS_GUEST_INTERRUPTIBILITY = 0x4824,
	VMCS_GUEST_ACTIVITY = 0x4826,
	VMCS_GUEST_SYSENTER_CS = 0x482a,
	VMCS_PREEMPTION_TIMER = 0x482e,
	VMCS_HOST_SYSENTER_CS = 0x4c00,

	VMCS_CR0_MASK = 0x6000,
	VMCS_CR4_MASK = 0x6002,
	VMCS_CR0_SHADOW = 0x6004,
	VMCS_CR4_SHADOW = 0x6006,
	VMCS_EXIT_QUALIFICATION = 0x6400,
	VMCS_GUEST_CR0 = 0x6800,
	VMCS_GUEST_CR3 = 0x6802,
	VMCS_GUEST_CR4 = 0x6804,
	VMCS_GUEST_DR7 = 0x681a,
	VMCS_GUEST_RSP = 0x681c,
	VMCS_GUEST_RIP = 0x681e,
	VMCS_GUEST_RFLAGS = 0x6820,
	VMCS_GUEST_PENDING_DEBUG = 0x6822,
	VMCS_GUEST_SYSENTER_ESP = 0x6824,
	VMCS_GUEST_SYSENTER_EIP = 0x6826,
	VMCS_HOST_CR0 = 0x6c00,
	VMCS_HOST_CR3 = 0x6c02,
	VMCS_HOST_CR4 = 0x6c04,
	VMCS_HOST_FS_BASE = 0x6c06,
	VMCS_HOST_GS_BASE = 0x6c08,
	VMCS_HOST_TR_BASE = 0x6c0a,
	VMCS_HOST_GDTR_BASE = 0x6c0c,
	VMCS_HOST_IDTR_BASE = 0x6c0e,
	VMCS_HOST_SYSENTER_ESP = 0x6c10,
	VMCS_HOST_SYSENTER_EIP = 0x6c12,
	VMCS_HOST_RIP = 0x6c16, /* HOST_RSP, 0x6c14, is written in entry.S */
};

/* Fields of the guest for each enum vmm_seg, whose order is theirs. */
#define VMCS_SELECTOR(i) (0x0800 + 2 * (i))
#define VMCS_LIMIT(i) (0x4800 + 2 * (i))
#define VMCS_ACCESS(i) (0x4814 + 2 * (i))
#define VMCS_BASE(i) (0x6806 + 2 * (i))
#define OUR_VPID 1

#define PIN_EXTERNAL_INTERRUPT BIT(0)
#define PIN_NMI BIT(3)
#define PIN_VIRTUAL_NMI BIT(5)
#define PIN_PREEMPTION_TIMER BIT(6)
#define PROC_INTERRUPT_WINDOW BIT(2)
#define PROC_TSC_OFFSET BIT(3)
#define PROC_HLT BIT(7)
#define PROC_MWAIT BIT(10)
#define PROC_RDPMC BIT(11)
#define PROC_CR8_LOAD BIT(19)
#define PROC_CR8_STORE BIT(20)
#define PROC_MOV_DR BIT(23)
#define PROC_UNCONDITIONAL_IO BIT(24)
#define PROC_MSR_BITMAPS BIT(28)
#define PROC_MONITOR BIT(29)
#define PROC_SECONDARY BIT(31)
#define PROC2_EPT BIT(1)
#define PROC2_VPID BIT(5)
#define PROC2_WBINVD BIT(6)
#define PROC2_UNRESTRICTED BIT(7)
#define PROC2_PAUSE_LOOP BIT(10)
#define EXIT_SAVE_DEBUG BIT(2)
#define EXIT_HOST_64 BIT(9)
#define EXIT_LOAD_EFER BIT(21)
#define ENTRY_LOAD_DEBUG BIT(2)
#define ENTRY_GUEST_64 BIT(9)
#define ENTRY_LOAD_EFER BIT(15)

#define INTR_INFO_VALID BIT(31)
#define INTR_TYPE_PRIVILEGED_SOFT 5 /* INT1 */
#define INTERRUPTIBILITY_STI BIT(0)
#define INTERRUPTIBILITY_MOV_SS BIT(1)
#define INTERRUPTIBILITY_SHADOW (INTERRUPTIBILITY_STI | INTERRUPTIBILITY_MOV_SS)
#define INTERRUPTIBILITY_NMI BIT(3)

#define EXIT_REASON_ENTRY_FAILED BIT(31)
#define MSR_FEATURE_CONTROL 0x3a
#define FEATURE_CONTROL_LOCKED BIT(0)
#define FEATURE_CONTROL_VMX BIT(2) /* outside SMX */
#define MSR_VMX_BASIC 0x480
#define VMX_BASIC_TRUE_CONTROLS BIT(55)
#define MSR_VMX_MISC 0x485
#define VMX_MISC_TIMER_SHIFT 0x1f /* the timer counts when this bit of the TSC changes */
#define MSR_VMX_CR0_FIXED0 0x486
#define MSR_VMX_CR0_FIXED1 0x487
#define MSR_VMX_CR4_FIXED0 0x488
#define MSR_VMX_CR4_FIXED1 0x489
#define MSR_VMX_PROC2 0x48b
#define MSR_VMX_EPT_VPID_CAP 0x48c
#define MSR_VMX_TRUE_PIN 0x48d
#define MSR_VMX_TRUE_PROC 0x48e
#define MSR_VMX_TRUE_EXIT 0x48f
#define MSR_VMX_TRUE_ENTRY 0x490
#define EPT_CAP_WALK_4 BIT(6)
#define EPT_CAP_WB BIT(14)
#define EPT_CAP_2M BIT(16)
#define EPT_CAP_DIRTY BIT(21)
#define EPT_CAP_INVEPT (BIT(20) | BIT(25)) /* the instruction, single-context */
#define VPID_CAP_INVVPID (BIT(32) | BIT(41))

/* MSRs that the VMCS does not hold, in the order of VF_KERNEL_GS_BASE and the four behind it. */
#define VMX_SWAPPED 5
extern const u32 vmx_swapped[VMX_SWAPPED];

/* What a vCPU adds on Intel: v->hw. */
struct vmx {
	bool launched;
	u64 rsp, rip, rflags; /* as they are in the VMCS */
	u64 msr[VMX_SWAPPED]; /* the guest's swapped MSRs; see vmx_swapped */
	u64 pat; /* shown to the guest; EPT decides (ept.c) */
	u64 eptp;
};

static inline u64 vmread(u64 field)
{
	u64 v;
	__asm__ volatile("vmread %1, %0" : "=r"(v) : "r"(field) : "cc");
	return v;
}
static inline void vmwrite(u64 field, u64 v)
{
	__asm__ volatile("vmwrite %1, %0" ::"r"(field), "r"(v) : "cc");
}

/* vmx.c */
void vmx_set(struct vcpu *v, enum vmm_field f, u64 value);
extern u64 vmx_host_msr[VMX_SWAPPED]; /* the same on all CPUs, but for the first */
extern bool vmx_has_vpid;

/* run.c */
void vmx_load(struct vcpu *v);
void vmx_unload(struct vcpu *v);
void vmx_swap_in(struct vcpu *v);
void vmx_swap_out(struct vcpu *v);
void vmx_inject(struct vcpu *v, const struct vmm_event *e);
void vmx_enter(struct vcpu *v, bool flush, struct vmm_exit *x);

/* ept.c */
#define EPT_DIRTY BIT(9)
extern struct slat_format ept_format; /* changes at boot: dirty */
u64 ept_pointer(const struct slat *s);
void ept_flush(u64 eptp); /* this CPU forgets the guest's translations */

/* check.c: says in the log which rule of VM entry the current VMCS breaks. */
unsigned int vmx_explain(struct vcpu *v, u64 reason);

/* entry.S: 0 after an exit, 1 when the instruction itself failed. */
int vmx_run(u64 *gpr, bool launched);
extern const char vmx_exit_point[];
