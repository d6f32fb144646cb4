/* SPDX-License-Identifier: MIT */
/*
 * A kernel without an operating system (multiboot 1): says on COM1 what its loader tells it, then ends
 * the machine with the sum of what it counted: 1 for the magic number, 2 for a module, 4 for a map of
 * memory with 3 ranges, 8 for ACPI's and 16 for MP's pointer where firmware has them.
 */
#define MAGIC 0x1badb002
#define FLAGS 3 /* modules at pages, tell of memory */
#define COM1 0x3f8
#define PORT_EXIT 0xf4
	.section .text
	.code32
	.globl start
	.balign 4
	.long MAGIC, FLAGS, -(MAGIC + FLAGS)
start:
	mov $0x80000, %esp
	xor %ebp, %ebp
	cmp $0x2badb002, %eax
	jne 1f
	or $1, %ebp
1:	mov 16(%ebx), %esi /* cmdline */
	call say
	cmpl $1, 20(%ebx) /* mods_count */
	jne 1f
	or $2, %ebp
	mov 24(%ebx), %eax
	mov (%eax), %esi /* the module's text */
	call say
1:	cmpl $72, 44(%ebx) /* mmap_length */
	jne 1f
	or $4, %ebp
1:	mov $0xe0000, %edi
2:	cmpl $0x20445352, (%edi) /* "RSD " */
	jne 1f
	or $8, %ebp
1:	cmpl $0x5f504d5f, (%edi) /* "_MP_" */
	jne 1f
	or $16, %ebp
1:	add $16, %edi
	cmp $0x100000, %edi
	jb 2b
	mov %ebp, %eax
	out %al, $PORT_EXIT
3:	hlt
	jmp 3b

say:	mov $COM1, %dx
1:	lodsb
	test %al, %al
	jz 1f
	out %al, %dx
	jmp 1b
1:	mov $'\n', %al
	out %al, %dx
	ret
