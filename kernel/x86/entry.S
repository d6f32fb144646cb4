/* SPDX-License-Identifier: MIT */
/*
 * Every way into ring 0 and back. Each pushes a struct regs (x86/x86.h) and calls C with its address
 * in rdi. GS base is the user's in ring 3 and this CPU's struct cpu in ring 0: swapgs at each border.
 * Offsets into struct cpu: 0x08 kernel_rsp, 0x10 user_rsp (x86/percpu.h, checked in cpu.c).
 */
#define REG_CS (18 * 8)				/* offsets in struct regs */
#define REG_VECTOR (15 * 8)

	.macro PUSH_REGS
	pushq %rdi
	pushq %rsi
	pushq %rdx
	pushq %rcx
	pushq %rax
	pushq %r8
	pushq %r9
	pushq %r10
	pushq %r11
	pushq %rbx
	pushq %rbp
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	.endm
	.macro POP_REGS
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbp
	popq %rbx
	popq %r11
	popq %r10
	popq %r9
	popq %r8
	popq %rax
	popq %rcx
	popq %rdx
	popq %rsi
	popq %rdi
	.endm

	.text
/*
 * syscall: rax = number; rcx = return rip, r11 = rflags; the CPU keeps the user's stack pointer and
 * has cleared the flags in MSR_SFMASK (interrupts off). SDM 2B, SYSCALL.
 */
	.global syscall_entry
syscall_entry:
	swapgs
	movq %rsp, %gs:0x10
	movq %gs:0x08, %rsp
	pushq $0x2b				/* ss: USER_DS */
	pushq %gs:0x10				/* rsp */
	pushq %r11				/* rflags */
	pushq $0x33				/* cs: USER_CS */
	pushq %rcx				/* rip */
	pushq %rax				/* orig_rax */
	pushq $0x100				/* vector: REGS_SYSCALL_VECTOR */
	PUSH_REGS
	movq $-38, 10 * 8(%rsp)			/* rax: -ENOSYS until the call says otherwise */
	xorl %ebp, %ebp
	movq %rsp, %rdi
	call syscall_dispatch
	/* Interrupts are off again. rax: may sysret be used (see syscall_dispatch)? */
	testb %al, %al
	jz return_iret
	POP_REGS
	movq 5 * 8(%rsp), %rsp			/* vector orig rip cs rflags [rsp] */
	swapgs
	sysretq

/* rdi: struct regs to go on with. Never returns. */
	.global enter_user
enter_user:
	cli
	movq %rdi, %rsp
return_iret:
	POP_REGS
	addq $16, %rsp
	swapgs
	iretq

/* Exceptions and interrupts: each vector's stub pushes an error code (or ~0) and its number. */
	.altmacro
	.macro STUB n
	.align 16
	.if \n == 8 || (\n >= 10 && \n <= 14) || \n == 17 || \n == 21 || \n == 29 || \n == 30
	.else
	pushq $-1
	.endif
	pushq $\n
	.if \n == 2 || \n == 8 || \n == 18
	jmp trap_paranoid
	.else
	jmp trap_common
	.endif
	.endm
	.align 16
	.global trap_stubs
trap_stubs:
	.set i, 0
	.rept 256
	STUB %i
	.set i, i + 1
	.endr

trap_common:
	testb $3, 3 * 8(%rsp)			/* vector error rip [cs] */
	jz 1f
	swapgs
1:	PUSH_REGS
	cld
	movq %rsp, %rdi
	call trap_dispatch
	testb $3, REG_CS(%rsp)
	jnz return_iret
	POP_REGS
	addq $16, %rsp
	iretq

/* NMI, double fault, machine check: on stacks of their own, GS in an unknown state. */
trap_paranoid:
	PUSH_REGS
	cld
	movl $0xc0000101, %ecx			/* GS base: the kernel's is negative */
	rdmsr
	xorl %ebx, %ebx
	testl %edx, %edx
	js 1f
	swapgs
	incl %ebx
1:	movq %rsp, %rdi
	xorl %ebp, %ebp
	call trap_dispatch
	testl %ebx, %ebx
	jz 2f
	swapgs
2:	POP_REGS
	addq $16, %rsp
	iretq

/* switch_stack(rdi: u64 *save, rsi: u64 load): callee-saved registers travel on the stack. */
	.global switch_stack
switch_stack:
	pushq %rbp
	pushq %rbx
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	movq %rsp, (%rdi)
	movq %rsi, %rsp
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbx
	popq %rbp
	ret
	.section .note.GNU-stack, "", @progbits
