/* SPDX-License-Identifier: MIT */
/*
 * Why VM entry failed, in words. The CPU says only 'invalid control' or 'invalid guest state'; here
 * the rules of SDM 3C, chapter 27 are read against the current VMCS, in the manual's order, and each
 * that does not hold is one log line. Not those about the host: its state is this kernel's own. Nothing but the
 * log depends on it.
 */
#include "vmm/vmx/vmcs.h"

/* lines printed by one explanation; a mere figure, races are harmless */
static unsigned int broken;

#define RULE(holds, ...)                                                                           \
	do {                                                                                       \
		if (!(holds)) {                                                                    \
			pr_err("kvm:   " __VA_ARGS__);                                             \
			broken++;                                                                  \
		}                                                                                  \
	} while (0)

#define GUEST(field) vmread(VMCS_GUEST_##field)
#define RFLAGS_VM BIT(17)
#define LONG_MODE (vmread(VMCS_ENTRY_CONTROLS) & ENTRY_GUEST_64)
#define VM86 (GUEST(RFLAGS) & RFLAGS_VM)
#define PDPTE_RESERVED 0x1e6UL /* of one that is present: SDM 3A, table 4-8 */

/* ---- controls: 27.2.1 ---- */

static void check_control(const char *name, u64 field, u32 msr)
{
	u64 allowed = rdmsr(msr);
	u32 v = vmread(field);

	RULE(!((u32)allowed & ~v), "%s 0x%x: bits 0x%x must be 1", name, v, (u32)allowed & ~v);
	RULE(!(v & ~(allowed >> 32)), "%s 0x%x: bits 0x%x must be 0", name, v,
	     v & (u32) ~(allowed >> 32));
}

static void check_injection(void)
{
	struct vmm_event e = { .info = vmread(VMCS_ENTRY_INTR_INFO) };
	unsigned int type = e.type, vector = e.vector;

	if (!e.valid)
		return;
	RULE(type != 1 && type != 7, "injected event: type %u does not exist", type);
	RULE(type != EVENT_NMI || vector == VEC_NMI, "injected NMI has vector %u", vector);
	RULE(type != EVENT_EXCEPTION || vector < 32, "injected exception has vector %u", vector);
	RULE(type != EVENT_INTR || (GUEST(RFLAGS) & RFLAGS_IF),
	     "interrupt %u injected with RFLAGS.IF clear", vector);
	RULE(!e.has_error || (GUEST(CR0) & CR0_PE), "error code injected in real mode");
}

static void check_controls(void)
{
	u64 eptp = vmread(VMCS_EPT_POINTER);

	check_control("pin-based controls", VMCS_PIN_CONTROLS, MSR_VMX_TRUE_PIN);
	check_control("primary processor-based controls", VMCS_PROC_CONTROLS, MSR_VMX_TRUE_PROC);
	check_control("secondary processor-based controls", VMCS_PROC2_CONTROLS, MSR_VMX_PROC2);
	check_control("VM-exit controls", VMCS_EXIT_CONTROLS, MSR_VMX_TRUE_EXIT);
	check_control("VM-entry controls", VMCS_ENTRY_CONTROLS, MSR_VMX_TRUE_ENTRY);
	RULE((eptp & 0x3f) == 0x1e, "EPT pointer 0x%lx: not write-back with four levels", eptp);
	RULE(!(vmread(VMCS_PROC2_CONTROLS) & PROC2_VPID) || vmread(VMCS_VPID), "VPID is 0");
	RULE(!(vmread(VMCS_MSR_BITMAP) & ~PAGE_MASK), "MSR bitmap is not page-aligned");
	check_injection();
}

/* ---- guest state: 27.3.1 ---- */

static void check_control_registers(void)
{
	u64 cr0 = GUEST(CR0), cr4 = GUEST(CR4), efer = GUEST(EFER);
	u64 need0 = rdmsr(MSR_VMX_CR0_FIXED0) & ~(CR0_PE | CR0_PG); /* unrestricted guest */

	RULE(!(need0 & ~cr0), "CR0 0x%lx: bits 0x%lx must be 1", cr0, need0 & ~cr0);
	RULE(!(cr0 & ~rdmsr(MSR_VMX_CR0_FIXED1)), "CR0 0x%lx has bits that must be 0", cr0);
	RULE(!(cr0 & CR0_PG) || (cr0 & CR0_PE), "CR0.PG without CR0.PE");
	RULE(!(rdmsr(MSR_VMX_CR4_FIXED0) & ~cr4), "CR4 0x%lx lacks bits that must be 1", cr4);
	RULE(!(cr4 & ~rdmsr(MSR_VMX_CR4_FIXED1)), "CR4 0x%lx has bits that must be 0", cr4);
	RULE(!LONG_MODE || ((cr0 & CR0_PG) && (cr4 & CR4_PAE)),
	     "long mode without CR0.PG and CR4.PAE");
	RULE(!(efer & ~EFER_GUEST), "EFER 0x%lx: reserved bits", efer);
	RULE(!(efer & EFER_LMA) == !LONG_MODE, "EFER.LMA differs from the entry control");
	RULE(!(cr0 & CR0_PG) || !(efer & EFER_LME) == !(efer & EFER_LMA),
	     "EFER.LMA differs from EFER.LME with paging on");
	RULE(!(GUEST(CR3) >> (cpuid(0x80000008, 0).eax & 0xff)), "CR3 is wider than an address");
	RULE(!(GUEST(DR7) >> 32), "DR7 has bits above 31");
	RULE(canonical(GUEST(SYSENTER_ESP)), "SYSENTER_ESP is not canonical");
	RULE(canonical(GUEST(SYSENTER_EIP)), "SYSENTER_EIP is not canonical");
}

static const char *const seg_names[] = { "ES", "CS",   "SS", "DS",   "FS",
					 "GS", "LDTR", "TR", "GDTR", "IDTR" };

static void check_limit(const char *name, u32 limit, u32 access)
{
	bool g = access & BIT(15);

	RULE(!(g && (limit & 0xfff) != 0xfff), "%s: limit 0x%x needs G=0", name, limit);
	RULE(!(!g && limit >> 20), "%s: limit 0x%x needs G=1", name, limit);
	RULE(!(access & 0xfffe0f00), "%s: access rights 0x%x have reserved bits", name, access);
}

/* 27.3.1.2: as real mode has them, in ring 3 */
static void check_vm86_segment(unsigned int n)
{
	u64 base = vmread(VMCS_BASE(n)), limit = vmread(VMCS_LIMIT(n)),
	    rights = vmread(VMCS_ACCESS(n));

	RULE(base == vmread(VMCS_SELECTOR(n)) << 4 && limit == 0xffff && rights == 0xf3,
	     "%s of virtual-8086 mode: base 0x%lx, limit 0x%lx, access rights 0x%lx", seg_names[n],
	     base, limit, rights);
}

static void check_data_segment(unsigned int n)
{
	u32 access = vmread(VMCS_ACCESS(n)), type = access & 0xf;
	/* by bit: accessed code or writable data; writable data; what can be read */
	u32 types = n == SEG_CS ? 0xaa08 : n == SEG_SS ? 0x0088 : 0x88aa;
	const char *name = seg_names[n];

	if (access & SEGMENT_UNUSABLE)
		return;
	RULE(n >= SEG_FS || !(vmread(VMCS_BASE(n)) >> 32), "%s: base above 4 GiB", name);
	RULE(access & BIT(4), "%s: S is 0, a system segment", name);
	RULE(access & BIT(7), "%s: not present", name);
	RULE(types >> type & 1, "%s: type %u", name, type);
	RULE(n != SEG_CS || (access >> 13 & 3) != 3, "CS: both L and D are set");
	check_limit(name, vmread(VMCS_LIMIT(n)), access);
}

static void check_segments(void)
{
	u32 cs = vmread(VMCS_ACCESS(SEG_CS)), ss = vmread(VMCS_ACCESS(SEG_SS));
	u32 tr = vmread(VMCS_ACCESS(SEG_TR)), ldtr = vmread(VMCS_ACCESS(SEG_LDT));
	bool vm86 = VM86;
	unsigned int cs_dpl = (cs >> 5) & 3, ss_dpl = (ss >> 5) & 3;

	for (unsigned int n = SEG_ES; n <= SEG_GS; n++)
		(vm86 ? check_vm86_segment : check_data_segment)(n);
	RULE(vm86 || !(cs & SEGMENT_UNUSABLE), "CS is unusable");
	RULE(vm86 || (cs & 0xf) != 3 || !cs_dpl, "CS: type 3 with DPL %u", cs_dpl);
	RULE((cs & 0xc) != 8 || cs_dpl == ss_dpl, "CS: DPL %u, SS: DPL %u", cs_dpl, ss_dpl);
	RULE((cs & 0xc) != 0xc || cs_dpl <= ss_dpl, "CS: DPL %u above SS: DPL %u", cs_dpl, ss_dpl);
	RULE((GUEST(CR0) & CR0_PE) || !ss_dpl, "SS: DPL %u in real mode", ss_dpl);
	RULE(!(tr & SEGMENT_UNUSABLE), "TR is unusable");
	RULE((tr & 0x9f) == 0x8b || ((tr & 0x9f) == 0x83 && !LONG_MODE),
	     "TR: access rights 0x%x are not of a present, busy TSS", tr);
	check_limit("TR", vmread(VMCS_LIMIT(SEG_TR)), tr);
	RULE(!(vmread(VMCS_SELECTOR(SEG_TR)) & BIT(2)), "TR: a selector of the LDT");
	RULE((ldtr & SEGMENT_UNUSABLE) || (ldtr & 0x9f) == 0x82, "LDTR: access rights 0x%x", ldtr);
	for (unsigned int n = SEG_FS; n <= SEG_IDT; n++)
		RULE(canonical(vmread(VMCS_BASE(n))), "%s: base is not canonical", seg_names[n]);
	for (unsigned int n = SEG_GDT; n <= SEG_IDT; n++)
		RULE(!(vmread(VMCS_LIMIT(n)) >> 16), "%s: limit above 64 KiB", seg_names[n]);
}

/* 27.3.1.6: the top entries of PAE paging, which EPT has in the VMCS */
static void check_pdptes(void)
{
	u64 wrong = ~0UL << (cpuid(0x80000008, 0).eax & 0xff) | PDPTE_RESERVED;
	bool used = (GUEST(CR0) & CR0_PG) && (GUEST(CR4) & CR4_PAE) && !LONG_MODE;

	for (unsigned int i = 0; i < 4 && used; i++) {
		u64 e = vmread(VMCS_GUEST_PDPTE0 + 2 * i);

		RULE(!(e & PTE_P) || !(e & wrong), "PDPTE%u 0x%lx: reserved bits", i, e);
	}
}

static void check_rest(void)
{
	u64 rflags = GUEST(RFLAGS), rip = GUEST(RIP), blocked = GUEST(INTERRUPTIBILITY);
	bool code64 = LONG_MODE && (vmread(VMCS_ACCESS(SEG_CS)) & BIT(13));

	RULE(code64 ? canonical(rip) : !(rip >> 32), "RIP 0x%lx out of range", rip);
	RULE((rflags & RFLAGS_FIXED) && !(rflags & ~0x3f7fd7UL), "RFLAGS 0x%lx: fixed bits",
	     rflags);
	RULE(!VM86 || (!LONG_MODE && (GUEST(CR0) & CR0_PE)), "RFLAGS.VM in long or real mode");
	RULE(GUEST(ACTIVITY) == 0, "activity state %lu", GUEST(ACTIVITY));
	RULE((blocked & 3) != 3, "blocking by STI and by MOV SS at once");
	RULE(!(blocked & INTERRUPTIBILITY_STI) || (rflags & RFLAGS_IF),
	     "blocking by STI with IF clear");
	RULE(vmread(VMCS_LINK_POINTER) == ~0UL, "VMCS link pointer is not all ones");
	if (!broken) /* not of an unrestricted guest, says the manual; Bochs wants it of all */
		RULE(!((vmread(VMCS_SELECTOR(SEG_CS)) ^ vmread(VMCS_SELECTOR(SEG_SS))) & 3),
		     "CS and SS: selectors with different RPL");
}

unsigned int vmx_explain(struct vcpu *v, u64 reason)
{
	broken = 0;
	pr_err("kvm:   instruction error, or with bit 31 exit reason: 0x%lx", reason);
	check_controls();
	check_control_registers();
	check_segments();
	check_pdptes();
	check_rest();
	return broken;
}
