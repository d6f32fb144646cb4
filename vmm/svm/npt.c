/* SPDX-License-Identifier: MIT */
/*
 * Nested page tables: the bits of slat.c's entries on AMD (APM 2, 15.25.3). They have the format of
 * ordinary page tables, and every access counts as a user access, so U is set throughout.
 */
#include "vmm/svm/vmcb.h"

const struct slat_format npt_format = {
	.table = PTE_P | PTE_W | PTE_U,
	.leaf = PTE_P | PTE_U,
	.write = PTE_W,
	.present = PTE_P,
	.large = PTE_PS,
};
