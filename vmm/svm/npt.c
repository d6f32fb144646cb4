/* SPDX-License-Identifier: MIT */
/*
 * Nested page tables: the bits of slat.c's entries on AMD (APM 2, 15.25.3). They have the format of
 * ordinary page tables, and every access counts as a user access, so U is set throughout.
 */
#include "vmm/svm/vmcb.h"

const struct slat_format npt_format = {
	/* LAB 10: begin
	 * Nested page tables have the format of ordinary ones (APM 2, 15.25.5 and 5.3; x86/paging.h names the
	 * bits). The walk for a guest counts as an access from ring 3, so U is set at each level. Each right is
	 * the AND of all levels: what leads to a table permits everything, the leaf decides. write is what makes
	 * a leaf writable; nobody sets NX, for the guest runs code where it likes. dirty is the bit D.
	 * starter: .present = ~0UL, // the bits of NPT are not written yet
	 */
	.table = PTE_P | PTE_W | PTE_U,
	.leaf = PTE_P | PTE_U,
	.write = PTE_W,
	.present = PTE_P,
	.dirty = PTE_D,
	/* LAB 10: end */
};
