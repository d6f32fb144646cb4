/* SPDX-License-Identifier: MIT */
/*
 * void svm_run(u64 *gpr, paddr_t vmcb, paddr_t host_vmcb): enters the guest with the general
 * registers of gpr (encoding order; RAX and RSP are in the VMCB) and stores them after the exit.
 * VMRUN itself neither saves nor loads FS, GS, TR, LDTR and the SYSCALL MSRs: VMLOAD and VMSAVE do,
 * for the guest from its VMCB, for the host from host_vmcb. Until the host's are back, GS base is
 * the guest's, so GIF stays 0: not even an NMI comes in. IF is 1 under VMRUN, because with
 * V_INTR_MASKING the host's IF lets physical interrupts end the guest. Called with interrupts off.
 */
#include "vmm/gpr.inc"

	.text
	.globl svm_run
	.type svm_run, @function
svm_run:
	PUSH_HOST_REGS
	push %rdx
	push %rdi
	clgi
	sti
	mov %rsi, %rax
	vmload %rax
	LOAD_GUEST_REGS
	vmrun %rax
	vmsave %rax		/* RAX is the host's again: the VMCB */
	push %rdi		/* the guest's */
	SAVE_GUEST_REGS
	pop %rax
	vmload %rax
	cli
	stgi
	CLEAR_GUEST_REGS
	POP_HOST_REGS
	ret
	.size svm_run, . - svm_run
