/* SPDX-License-Identifier: MIT */
/*
 * Every way into ring 0 and back. Each pushes a struct regs (x86/x86.h) and calls C with its address
 * in rdi. GS base is the user's in ring 3 and this CPU's struct cpu in ring 0: swapgs at each border.
 */
#define CPU_KERNEL_RSP %gs:0x08			/* offsets in struct cpu: x86/percpu.h, checked in cpu.c */
#define CPU_USER_RSP %gs:0x10
#define CPU_THREAD %gs:0x18
#define CPU_NEED_RESCHED %gs:0x40
#define CPU_SYS_SINCE %gs:0x30
#define CPU_SYS_TICKS %gs:0x38
#define THREAD_WORK 0				/* in struct thread: sched/sched.h, checked in thread.c */
#define REG_RBP (4 * 8)				/* in struct regs */
#define REG_RBX (5 * 8)
#define REG_RAX (10 * 8)
#define REG_RDX (12 * 8)
#define REG_ORIG_RAX (16 * 8)
#define REG_CS (18 * 8)
#define REG_RFLAGS (19 * 8)

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
	POP_SCRATCH
	.endm
	.macro POP_SCRATCH			/* those that a C function may change */
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
	/* rdx:rax, as rdtsc leaves it, to rax */
	.macro READ_TSC
	rdtsc
	shlq $32, %rdx
	orq %rdx, %rax
	.endm

/*
 * syscall: rax = number; rcx = return rip, r11 = rflags; the CPU keeps the user's stack pointer and
 * has cleared the flags in MSR_SFMASK (interrupts off). SDM 2B, SYSCALL.
 *
 * Most calls find nothing to do but themselves, and go straight through: the table is indexed here,
 * with the arguments where the C ABI wants them but for r10. A thread with work (a tracer, a signal)
 * is served by C, and whatever is to be done before ring 3 is done by leave_slowly.
 */
	.global syscall_entry
syscall_entry:
	swapgs
	movq %rsp, CPU_USER_RSP
	movq CPU_KERNEL_RSP, %rsp
	pushq $0x2b				/* ss: USER_DS */
	pushq CPU_USER_RSP			/* rsp */
	pushq %r11				/* rflags */
	pushq $0x33				/* cs: USER_CS */
	pushq %rcx				/* rip */
	pushq %rax				/* orig_rax */
	pushq $0x100				/* vector: REGS_SYSCALL_VECTOR */
	PUSH_REGS
	movq $-38, REG_RAX(%rsp)		/* -ENOSYS: what a tracer sees before the call */
	READ_TSC				/* from here on it is system time: see percpu.h */
	movq %rax, CPU_SYS_SINCE
	sti
	xorl %ebp, %ebp				/* backtraces end here */
	movq CPU_THREAD, %rbx			/* preserved by C */
	cmpl $0, THREAD_WORK(%rbx)
	jne 1f
	/* LAB 02: begin
	 * What entry_syscall() does in C, for the common case: the number from REG_ORIG_RAX (its lower half),
	 * compared without sign with the variable nr_syscalls, which is above the last; syscalls holds the
	 * address of the table. For C, the arguments belong in rdi, rsi, rdx, rcx, r8, r9: all but the third
	 * and the fourth are where they were when the program said syscall. PUSH_REGS has saved them all,
	 * READ_TSC has changed rax and rdx. The result goes to REG_RAX. C keeps rbx, rbp and r12 to r15.
	 * A number that is no call: to label 1, as ever.
	 * starter: jmp 1f	// not written yet: C does it
	 */
	movl REG_ORIG_RAX(%rsp), %eax		/* Linux looks at the lower half alone */
	cmpl nr_syscalls(%rip), %eax
	jae 1f
	movq REG_RDX(%rsp), %rdx
	movq %r10, %rcx
	movq syscalls(%rip), %r10
	call *(%r10, %rax, 8)
	movq %rax, REG_RAX(%rsp)
	/* LAB 02: end */
#ifdef LOCKDEP
	call lockdep_to_user
#endif
	cli
	cmpb $0, CPU_NEED_RESCHED
	jne leave_slowly
	cmpl $0, THREAD_WORK(%rbx)
	jne 2f
	testb $1, REG_RFLAGS + 1(%rsp)		/* TF: after sysret it would trap one instruction too early */
	jnz 2f
	READ_TSC
	subq CPU_SYS_SINCE, %rax
	addq %rax, CPU_SYS_TICKS
	movq $0, CPU_SYS_SINCE
	/*
	 * C has preserved r12 to r15, nobody has changed what was saved (THREAD_WORK_REGS). sysret takes
	 * rip from rcx and flags from r11, which hold what syscall put there. That rip is canonical, as
	 * sysret wants it (SDM 2B, SYSRET): no page ends where the lower half does (USER_END).
	 */
	movq REG_RBP(%rsp), %rbp
	movq REG_RBX(%rsp), %rbx
	addq $(6 * 8), %rsp
	POP_SCRATCH
	movq 5 * 8(%rsp), %rsp			/* vector orig rip cs rflags [rsp] */
	swapgs
	sysretq
1:	movq %rsp, %rdi
	call syscall_slowly
2:	sti
	movq %rsp, %rdi
	call syscall_end_slowly
	cli
	jmp leave_slowly

/* rdi: struct regs to go on with. Never returns. */
	.global enter_user
enter_user:
	cli
	movq %rdi, %rsp
leave_slowly:
	xorl %ebp, %ebp
	movq %rsp, %rdi
	call leave_kernel
return_iret:
	POP_REGS
	addq $16, %rsp
	swapgs
	iretq

/* Exceptions and interrupts: each vector's stub pushes an error code (or ~0) and its number. */
	.altmacro
	.macro STUB n
	.org trap_stubs + \n * 12		/* the longest one: 2 + 5 + 5 bytes */
	.if \n == 8 || (\n >= 10 && \n <= 14) || \n == 17 || \n == 21 || \n == 29 || \n == 30
	.else
	pushq $-1
	.endif
	pushq $\n
	.if \n == 2 || \n == 8 || \n == 18
	jmp trap_paranoid
	.elseif \n == 1
	jmp trap_debug
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

/*
 * #DB, on a stack of its own. From ring 3 it goes on as any trap on the thread's stack. In ring 0 only
 * a breakpoint on user memory can raise it, in a copy or, behind `mov ss`, at syscall_entry: debugging
 * is off then until the thread returns to ring 3, which loads its DR7 again.
 */
trap_debug:
	testb $3, 3 * 8(%rsp)			/* vector error rip [cs] rflags rsp ss */
	jnz 1f
	movq %rax, (%rsp)
	xorl %eax, %eax
	movq %rax, %db7
	movq (%rsp), %rax
	addq $16, %rsp
	iretq
1:	swapgs
	movq %rdi, CPU_USER_RSP
	movq %rsp, %rdi
	movq CPU_KERNEL_RSP, %rsp
	.irp offset, 48, 40, 32, 24, 16, 8, 0
	pushq \offset(%rdi)
	.endr
	movq CPU_USER_RSP, %rdi
	jmp trap_on_stack

trap_common:
	testb $3, 3 * 8(%rsp)			/* vector error rip [cs] */
	jz 1f
	swapgs
1:
trap_on_stack:
	PUSH_REGS
	cld
	movq %rsp, %rdi
	call trap_dispatch
	testb $3, REG_CS(%rsp)			/* trap_dispatch has called leave_kernel */
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
