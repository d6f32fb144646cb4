/* SPDX-License-Identifier: MIT */
/* The VMCB (APM 2, appendix B) and the intercepts of AMD's SVM. */
#pragma once
#include "vmm/vmm.h"

struct vmcb_segment {
	u16 selector;
	u16 attributes; /* type 0..3, S 4, DPL 5..6, P 7, AVL 8, L 9, D/B 10, G 11 */
	u32 limit;
	u64 base;
};

struct vmcb {
	/* control area */
	u32 intercept_cr; /* reads of CRn: bit n; writes: bit 16 + n */
	u32 intercept_dr;
	u32 intercept_exceptions;
	u32 intercept1, intercept2, intercept3;
	u8 reserved1[0x3c - 0x18];
	u16 pause_filter_threshold, pause_filter_count;
	u64 iopm_base, msrpm_base;
	u64 tsc_offset;
	u32 asid;
	u8 tlb_control;
	u8 reserved2[3];
	u32 int_control, int_vector;
	u64 int_state;
	u64 exit_code, exit_info1, exit_info2;
	struct vmm_event exit_event; /* EXITINTINFO */
	u64 nested_control;
	u8 reserved3[0xa8 - 0x98];
	struct vmm_event event; /* EVENTINJ */
	u64 nested_cr3;
	u64 virt_ext;
	u32 clean, reserved4;
	u64 next_rip;
	u8 insn_len, insn[15];
	u8 reserved5[0x400 - 0xe0];
	/* state save area, at 0x400 */
	struct vmcb_segment es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;
	u8 reserved6[0x4cb - 0x4a0];
	u8 cpl;
	u32 reserved7;
	u64 efer;
	u8 reserved8[0x548 - 0x4d8];
	u64 cr4, cr3, cr0, dr7, dr6, rflags, rip;
	u8 reserved9[0x5d8 - 0x580];
	u64 rsp;
	u8 reserved10[0x5f8 - 0x5e0];
	u64 rax, star, lstar, cstar, sfmask, kernel_gs_base, sysenter_cs, sysenter_esp,
		sysenter_eip, cr2;
	u8 reserved11[0x668 - 0x648];
	u64 pat, debugctl;
	u8 reserved12[0x1000 - 0x678];
};
_Static_assert(sizeof(struct vmcb) == 4096, "a VMCB is a page");
_Static_assert(offsetof(struct vmcb, int_control) == 0x60, "APM 2, B-1");
_Static_assert(offsetof(struct vmcb, next_rip) == 0xc8, "APM 2, B-1");
_Static_assert(offsetof(struct vmcb, cr4) == 0x548, "APM 2, B-2");
_Static_assert(offsetof(struct vmcb, rax) == 0x5f8, "APM 2, B-2");
_Static_assert(offsetof(struct vmcb, pat) == 0x668, "APM 2, B-2");

#define SVM_EXCEPTION 0x40 /* exit code of vector 0 */
#define SVM_REFUSED ~0U /* exit code VMEXIT_INVALID; some CPUs set only the low half of -1 */
#define CR_READ(n) BIT(n)
#define CR_WRITE(n) BIT(16 + (n))
/* intercept1 */
#define I1_INTR BIT(0)
#define I1_NMI BIT(1)
#define I1_SMI BIT(2)
#define I1_INIT BIT(3)
#define I1_VINTR BIT(4)
#define I1_RDPMC BIT(15)
#define I1_CPUID BIT(18)
#define I1_INVD BIT(22)
#define I1_HLT BIT(24)
#define I1_INVLPGA BIT(26)
#define I1_IO BIT(27)
#define I1_MSR BIT(28)
#define I1_SHUTDOWN BIT(31)
/* intercept2: VMRUN VMMCALL VMLOAD VMSAVE STGI CLGI SKINIT RDTSCP; WBINVD MONITOR MWAIT; XSETBV */
#define I2_ALL_SVM 0xffUL
#define I2_WBINVD BIT(9)
#define I2_MONITOR_MWAIT (7UL << 10) /* MWAIT has two */
#define I2_XSETBV BIT(13)

#define TLB_FLUSH_ALL 1
#define INT_V_WINDOW (BIT(8) | 0xfUL << 16 | BIT(20)) /* V_IRQ, of priority 15, V_IGN_TPR */
#define INT_V_MASKING BIT(24) /* the host's IF decides about physical interrupts */
#define INT_STATE_SHADOW BIT(0)
#define NESTED_PAGING BIT(0)

#define MSR_VM_CR 0xc0010114
#define VM_CR_SVMDIS BIT(4)
#define MSR_VM_HSAVE_PA 0xc0010117
#define CPUID_SVM_FEATURES 0x8000000a
#define SVM_FEATURE_NPT BIT(0)
#define SVM_FEATURE_NRIP BIT(3)

/* npt.c */
extern const struct slat_format npt_format;

/* run.c */
void svm_load(struct vcpu *v);
void svm_stay(struct vcpu *v);
void svm_inject(struct vcpu *v, const struct vmm_event *e);
void svm_enter(struct vcpu *v, bool flush, struct vmm_exit *x);
extern bool svm_has_nrip;

/* check.c */
unsigned int svm_explain(struct vcpu *v, u64 reason);

/* entry.S */
void svm_run(u64 *gpr, paddr_t vmcb, paddr_t host_vmcb);
