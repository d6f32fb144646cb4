/* SPDX-License-Identifier: MIT */
/*
 * Extended page tables: the bits of slat.c's entries on Intel (SDM 3C 29.3), and forgetting them.
 * Leaves are write-back and ignore the guest's PAT: all of them are ordinary RAM.
 * One VPID serves all guests, since a CPU flushes when it enters another vCPU than the last one.
 */
#include "vmm/vmx/vmcs.h"

#define EPT_READ BIT(0)
#define EPT_WRITE BIT(1)
#define EPT_EXECUTE BIT(2)
#define EPT_TYPE_WB (6UL << 3)
#define EPT_IGNORE_PAT BIT(6)
#define EPTP_DIRTY BIT(6) /* accessed and dirty flags are on */
#define EPTP_WALK_4 (3UL << 3)
#define EPTP_TYPE_WB 6UL
#define INVALIDATE_SINGLE 1UL /* of INVEPT and INVVPID: one context */

struct slat_format ept_format = {
	/* LAB 10: begin
	 * The bits of EPT entries (SDM 3C 29.3.2, tables 29-1 to 29-7). An entry that leads to a table has the
	 * three rights, since the CPU takes the AND of all levels, and no memory type: those bits must be 0 in
	 * it. A leaf can be read and executed; its memory type is write-back, and the guest's PAT is ignored.
	 * write is what makes a leaf writable. An entry is present when any of the three rights is set.
	 * starter: .present = ~0UL, // the bits of EPT are not written yet
	 */
	.table = EPT_READ | EPT_WRITE | EPT_EXECUTE,
	.leaf = EPT_READ | EPT_EXECUTE | EPT_TYPE_WB | EPT_IGNORE_PAT,
	.write = EPT_WRITE,
	.present = EPT_READ | EPT_WRITE | EPT_EXECUTE,
	/* LAB 10: end */
};

u64 ept_pointer(const struct slat *s)
{
	/* LAB 10: begin
	 * The EPT pointer of the VMCS (SDM 3C 25.6.11): the physical address of the root, the memory type with
	 * which the CPU reads the tables (write-back), and the length of the walk minus 1, which is 3; and
	 * EPTP_DIRTY where ept_format has a bit for dirty pages: it got one if this CPU has these flags.
	 * starter: pr_err("lab 10: ept_pointer() is not written yet");
	 * starter: return virt_to_phys(s->root);
	 */
	return virt_to_phys(s->root) | (ept_format.dirty ? EPTP_DIRTY : 0) | EPTP_WALK_4 |
	       EPTP_TYPE_WB;
	/* LAB 10: end */
}

void ept_flush(u64 eptp)
{
	const struct {
		u64 context, address;
	} ept = { eptp, 0 }, vpid = { OUR_VPID, 0 };

	__asm__ volatile("invept %0, %1" ::"m"(ept), "r"(INVALIDATE_SINGLE) : "cc", "memory");
	if (vmx_has_vpid)
		__asm__ volatile("invvpid %0, %1" ::"m"(vpid), "r"(INVALIDATE_SINGLE)
				 : "cc", "memory");
}
