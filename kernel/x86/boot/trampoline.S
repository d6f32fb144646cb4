/* SPDX-License-Identifier: MIT */
/*
 * Where another CPU starts: smp_start() copies this page to 0x8000 and sends a start-up IPI with
 * that page's number, so the CPU begins at 0x800:0 in real mode (SDM 3A 9.4). It takes the boot page
 * tables, then the stack and the per-CPU pointer that smp_start() left at the page's end.
 */
#define KERNEL_BASE 0xffffffff80000000
#define PHYS(sym) ((sym) - KERNEL_BASE)
#define TRAMPOLINE 0x8000
#define AT(sym) (TRAMPOLINE + (sym) - trampoline_start)

	.section .rodata
	.global trampoline_start, trampoline_end, trampoline_args
	.align 16
	.code16
trampoline_start:
	cli
	xorw %ax, %ax
	movw %ax, %ds
	lgdtl AT(tramp_gdt_ptr)
	movl %cr0, %eax
	orl $1, %eax
	movl %eax, %cr0
	ljmpl $0x18, $AT(tramp_32)

	.code32
tramp_32:
	movw $0x10, %ax
	movw %ax, %ds
	movw %ax, %es
	movw %ax, %ss
	movl %cr4, %eax
	orl $0x20, %eax
	movl %eax, %cr4
	movl $PHYS(boot_pml4), %eax
	movl %eax, %cr3
	movl $0xc0000080, %ecx
	rdmsr
	orl $0x101, %eax
	wrmsr
	movl %cr0, %eax
	andl $0x9fffffff, %eax			/* caches on */
	orl $0x80010001, %eax
	movl %eax, %cr0
	ljmpl $0x08, $AT(tramp_64)

	.code64
tramp_64:
	xorl %eax, %eax
	movl %eax, %fs
	movl %eax, %gs
	xorl %ebp, %ebp
	movq AT(trampoline_args), %rsp
	movq AT(trampoline_args) + 8, %rdi
	movabsq $smp_secondary_start, %rax
	call *%rax
	ud2

	.align 8
tramp_gdt:
	.quad 0
	.quad 0x00af9b000000ffff
	.quad 0x00cf93000000ffff
	.quad 0x00cf9b000000ffff
tramp_gdt_ptr:
	.short . - tramp_gdt - 1
	.long AT(tramp_gdt)
	.align 8
trampoline_args:
	.quad 0					/* stack top */
	.quad 0					/* struct cpu * */
trampoline_end:
	.section .note.GNU-stack, "", @progbits
