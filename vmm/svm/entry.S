/* SPDX-License-Identifier: MIT */
/*
 * void svm_run(u64 *gpr, paddr_t vmcb, paddr_t host_vmcb): enters the guest with the general
 * registers of gpr (encoding order; RAX and RSP are in the VMCB) and stores them after the exit.
 * VMRUN itself neither saves nor loads FS, GS, TR, LDTR and the SYSCALL MSRs: VMLOAD and VMSAVE do,
 * for the guest from its VMCB, for the host from host_vmcb. Until the host's are back, GS base is
 * the guest's, so GIF stays 0: not even an NMI comes in. IF is 1 under VMRUN, because with
 * V_INTR_MASKING the host's IF lets physical interrupts end the guest. Called with interrupts off.
 */
	.text
	.globl svm_run
	.type svm_run, @function
svm_run:
	push %rbp
	push %rbx
	push %r12
	push %r13
	push %r14
	push %r15
	push %rdx
	push %rdi
	clgi
	sti
	mov %rsi, %rax
	vmload %rax
	mov 0x08(%rdi), %rcx
	mov 0x10(%rdi), %rdx
	mov 0x18(%rdi), %rbx
	mov 0x28(%rdi), %rbp
	mov 0x30(%rdi), %rsi
	mov 0x40(%rdi), %r8
	mov 0x48(%rdi), %r9
	mov 0x50(%rdi), %r10
	mov 0x58(%rdi), %r11
	mov 0x60(%rdi), %r12
	mov 0x68(%rdi), %r13
	mov 0x70(%rdi), %r14
	mov 0x78(%rdi), %r15
	mov 0x38(%rdi), %rdi
	vmrun %rax
	vmsave %rax		/* RAX is the host's again: the VMCB */
	push %rdi		/* the guest's */
	mov 8(%rsp), %rdi
	mov %rcx, 0x08(%rdi)
	mov %rdx, 0x10(%rdi)
	mov %rbx, 0x18(%rdi)
	mov %rbp, 0x28(%rdi)
	mov %rsi, 0x30(%rdi)
	mov %r8, 0x40(%rdi)
	mov %r9, 0x48(%rdi)
	mov %r10, 0x50(%rdi)
	mov %r11, 0x58(%rdi)
	mov %r12, 0x60(%rdi)
	mov %r13, 0x68(%rdi)
	mov %r14, 0x70(%rdi)
	mov %r15, 0x78(%rdi)
	pop 0x38(%rdi)
	pop %rdi
	pop %rax
	vmload %rax
	cli
	stgi
	/* Nothing of the guest is left in a register that the host may use speculatively. */
	xor %ecx, %ecx
	xor %edx, %edx
	xor %esi, %esi
	xor %r8d, %r8d
	xor %r9d, %r9d
	xor %r10d, %r10d
	xor %r11d, %r11d
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbx
	pop %rbp
	ret
	.size svm_run, . - svm_run
