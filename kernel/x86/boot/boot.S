/* SPDX-License-Identifier: MIT */
/*
 * From the boot loader to C. Two doors, both in 32-bit protected mode with paging off:
 *	multiboot2 (GRUB):          eax = 0x36d76289, ebx = physical address of the information
 *	PVH (QEMU, Dyad's own vm):  ebx = physical address of struct hvm_start_info
 * The boot page tables map the first 4 GiB three times: where they are, at DIRECT_BASE, and (the
 * first GiB) at KERNEL_BASE. paging_init() replaces them by the final ones; other CPUs pass through
 * them again on their way up (trampoline.S).
 * Sources: Multiboot2 specification 3.1 and 3.2; Xen's PVH boot ABI; SDM 3A 10.8.5 (to IA-32e mode).
 */
#define KERNEL_BASE 0xffffffff80000000
#define PHYS(sym) ((sym) - KERNEL_BASE)
#ifdef SAN
#define BOOT_STACK_SIZE 32768
#else
#define BOOT_STACK_SIZE 16384
#endif

	.section .boot.header, "a"
	.align 8
/*
 * No framebuffer tag: with BIOS that means VGA text, with UEFI GRUB gives a framebuffer anyway; asked
 * for one by BIOS, GRUB crashes under Bochs's rfb display.
 */
mb2_header:
	.long 0xe85250d6			/* magic */
	.long 0					/* architecture: 32-bit protected mode of i386 */
	.long mb2_header_end - mb2_header
	.long -(0xe85250d6 + 0 + (mb2_header_end - mb2_header))
	.align 8
	.short 3, 0				/* entry address */
	.long 12
	.long boot_entry_mb2
	.align 8
	.short 6, 0				/* modules page-aligned */
	.long 8
	.align 8
	.short 0, 0				/* end */
	.long 8
mb2_header_end:

	/* ELF note XEN_ELFNOTE_PHYS32_ENTRY (18): where a PVH loader jumps */
	.section .note.pvh, "a", @note
	.align 4
	.long 4, 8, 18
	.asciz "Xen"
	.quad boot_entry_pvh

	.section .boot.text, "ax"
	.code32
	.global boot_entry_mb2, boot_entry_pvh
boot_entry_pvh:
	/*
	 * With very little memory QEMU puts the initramfs over the kernel's own bss: the first module
	 * (start_info: count at 12, list at 16; entry: address at 0) must lie behind the image.
	 */
	cmpl $0, 12(%ebx)
	je 1f
	movl 16(%ebx), %eax
	cmpl $PHYS(__image_end), (%eax)
	movl $too_small_text, %esi
	jb say_and_halt
1:	xorl %eax, %eax				/* no magic: PVH */
boot_entry_mb2:
	cli
	cld
	movl %eax, boot_magic
	movl %ebx, %esi				/* cpuid clobbers ebx */

	/* Long mode there? CPUID 0x80000001 EDX bit 29. Without it only a line on serial can be said. */
	movl $0x80000000, %eax
	cpuid
	cmpl $0x80000001, %eax
	jb no_long_mode
	movl $0x80000001, %eax
	cpuid
	btl $29, %edx
	jnc no_long_mode
	movl %esi, %ebx

	/* Four page directories of 2 MiB pages: 0 to 4 GiB */
	movl $PHYS(boot_pd), %edi
	xorl %ecx, %ecx
1:	movl %ecx, %eax
	shll $21, %eax
	orl $0x83, %eax				/* present, writable, large */
	movl %eax, (%edi,%ecx,8)
	movl $0, 4(%edi,%ecx,8)
	incl %ecx
	cmpl $2048, %ecx
	jne 1b
	/* One page-directory-pointer table for the low and the direct map, one for the image */
	movl $PHYS(boot_pdpt), %edi
	xorl %ecx, %ecx
2:	movl %ecx, %eax
	shll $12, %eax
	addl $PHYS(boot_pd) + 3, %eax
	movl %eax, (%edi,%ecx,8)
	incl %ecx
	cmpl $4, %ecx
	jne 2b
	movl $PHYS(boot_pd) + 3, PHYS(boot_pdpt_image) + 510 * 8
	movl $PHYS(boot_pdpt) + 3, PHYS(boot_pml4)
	movl $PHYS(boot_pdpt) + 3, PHYS(boot_pml4) + 273 * 8	/* DIRECT_BASE */
	movl $PHYS(boot_pdpt_image) + 3, PHYS(boot_pml4) + 511 * 8

#ifdef SAN
	/* The shadow of all of the kernel's half is one scratch page until x86/kasan.c makes it */
	movl $PHYS(boot_shadow), %edi
	leal 0x1003(%edi), %eax
	cld
3:	movl $1024, %ecx			/* each table's entries: all the next page */
4:	movl %eax, (%edi)
	movl $0, 4(%edi)
	addl $8, %edi
	subl $2, %ecx
	jnz 4b
	addl $0x1000, %eax
	cmpl $PHYS(boot_shadow) + 0x4003, %eax
	jne 3b
	movl $32, %ecx				/* an eighth of the half's entries */
5:	movl $PHYS(boot_shadow) + 3, PHYS(boot_pml4) + 471 * 8(,%ecx,8)
	loop 5b
#endif
	movl %cr4, %eax
	orl $0x20, %eax				/* PAE */
	movl %eax, %cr4
	movl $PHYS(boot_pml4), %eax
	movl %eax, %cr3
	movl $0xc0000080, %ecx			/* EFER: LME, SCE */
	rdmsr
	orl $0x101, %eax
	wrmsr
	movl %cr0, %eax
	orl $0x80010001, %eax			/* PG, WP, PE */
	movl %eax, %cr0
	lgdt boot_gdt_ptr
	ljmp $0x08, $boot_64

no_long_mode:
	movl $no_long_mode_text, %esi
say_and_halt:
	movw $0x3f8, %dx
3:	lodsb
	testb %al, %al
	jz 4f
	outb %al, %dx
	jmp 3b
4:	movb $125, %al				/* as machine_exit(125): see machine.c */
	outb %al, $0xf4
5:	hlt
	jmp 5b

	.code64
boot_64:
	movl $0x10, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	xorl %eax, %eax
	movl %eax, %fs
	movl %eax, %gs
	movabsq $boot_stack_top, %rsp
	xorl %ebp, %ebp
	movl boot_magic, %edi
	movl %ebx, %esi
	movabsq $x86_start, %rax
	call *%rax
	ud2

	.section .boot.data, "aw"
	.align 8
boot_gdt:
	.quad 0
	.quad 0x00af9b000000ffff		/* 0x08: 64-bit code */
	.quad 0x00cf93000000ffff		/* 0x10: data */
boot_gdt_ptr:
	.short . - boot_gdt - 1
	.long boot_gdt
boot_magic:
	.long 0
no_long_mode_text:
	.asciz "PANIC: this CPU has no 64-bit mode; Dyad needs x86-64\r\n"
too_small_text:
	.asciz "PANIC: too little memory: the initramfs lies over the kernel; give the machine more RAM\r\n"

	.bss
	.align 4096
	.global boot_pml4, boot_stack_top
boot_pml4:
	.space 4096
boot_pdpt:
	.space 4096
boot_pdpt_image:
	.space 4096
boot_pd:
	.space 4 * 4096
#ifdef SAN
boot_shadow:
	.space 4 * 4096
#endif
	.space BOOT_STACK_SIZE
boot_stack_top:
	.section .note.GNU-stack, "", @progbits
