/* SPDX-License-Identifier: MIT */
/*
 * Why VMRUN refused a VMCB (exit code -1), in words: the consistency checks of APM 2, 15.5.1, each
 * that does not hold one log line. Nothing but the log depends on it.
 */
#include "vmm/svm/vmcb.h"

#define ATTRIBUTE_L_DB (BIT(9) | BIT(10))

unsigned int svm_explain(struct vcpu *v, u64 reason)
{
	const struct vmcb *b = v->hw_page;
	bool lme = b->efer & EFER_LME, paging = b->cr0 & CR0_PG;
	bool l_db = (b->cs.attributes & ATTRIBUTE_L_DB) == ATTRIBUTE_L_DB;
	const struct {
		bool holds;
		const char *rule;
		u64 value;
	} rules[] = {
		{ b->efer & EFER_SVME, "EFER.SVME is clear", b->efer },
		{ !(b->cr0 & CR0_NW) || (b->cr0 & CR0_CD), "CR0.NW without CR0.CD", b->cr0 },
		{ !(b->cr0 >> 32), "CR0 has bits above 31", b->cr0 },
		{ !(b->cr3 >> (cpuid(0x80000008, 0).eax & 0xff)), "CR3 is wider than an address",
		  b->cr3 },
		{ !(b->cr4 >> 32), "CR4 has bits above 31", b->cr4 },
		{ !(b->dr6 >> 32), "DR6 has bits above 31", b->dr6 },
		{ !(b->dr7 >> 32), "DR7 has bits above 31", b->dr7 },
		{ !lme || !paging || (b->cr4 & CR4_PAE), "long mode without CR4.PAE", b->cr4 },
		{ !lme || !paging || (b->cr0 & CR0_PE), "long mode without CR0.PE", b->cr0 },
		{ !lme || !paging || !l_db, "CS: both L and D are set", b->cs.attributes },
		{ b->asid, "ASID is 0", b->asid },
		{ b->intercept2 & BIT(0), "VMRUN is not intercepted", b->intercept2 },
		{ b->nested_control & NESTED_PAGING, "nested paging is off", b->nested_control },
	};
	unsigned int broken = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(rules); i++)
		if (!rules[i].holds) {
			pr_err("kvm:   %s (0x%lx)", rules[i].rule, rules[i].value);
			broken++;
		}
	return broken;
}
