/* SPDX-License-Identifier: MIT */
/* A guest kernel of a few instructions: `vm run --kernel` enters it by its PVH note at `start`. */
.section.note.pvh, "a", @note.align 4.long 4, 8,
	18 /* XEN_ELFNOTE_PHYS32_ENTRY */
		.asciz "Xen".quad start.section.text.code32.globl start
#define PORT_EXIT 0xf4
