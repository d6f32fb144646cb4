/* SPDX-License-Identifier: MIT */
/*
 * int vmx_run(u64 *gpr, bool launched): loads the guest's general registers from gpr (in encoding
 * order; RSP is in the VMCS), enters, and stores them again after the exit. The host's callee-saved
 * registers wait on the stack, whose address the VMCS takes as HOST_RSP. Interrupts are off.
 * 0: the guest ran and exited; 1: VMLAUNCH or VMRESUME failed.
 */
#include "vmm/gpr.inc"

#define VMCS_HOST_RSP 0x6c14

	.text
	.globl vmx_run, vmx_exit_point
	.type vmx_run, @function
vmx_run:
	PUSH_HOST_REGS
	push %rdi
	mov $VMCS_HOST_RSP, %eax
	vmwrite %rsp, %rax
	test %sil, %sil		/* MOV keeps the flags up to the jump */
	mov 0x00(%rdi), %rax
	LOAD_GUEST_REGS
	jnz 1f
	vmlaunch
	jmp 2f
1:	vmresume
2:	pop %rdi		/* still the host: it failed */
	mov $1, %eax
	jmp 3f

vmx_exit_point:
	push %rdi		/* the guest's */
	mov 8(%rsp), %rdi
	mov %rax, 0x00(%rdi)
	SAVE_GUEST_REGS
	CLEAR_GUEST_REGS
	xor %eax, %eax
3:	POP_HOST_REGS
	ret
	.size vmx_run, . - vmx_run
