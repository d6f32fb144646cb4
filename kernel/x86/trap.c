/* SPDX-License-Identifier: MIT */
/*
 * The interrupt descriptor table and what each vector leads to. Faults of ring 3 go to the entry_ops
 * of the layers above and become signals; faults of ring 0 are mended by mm/, by the exception
 * table (user copies, MSR probes), or are a panic.
 */
#include "x86/internal.h"

struct gate { /* SDM 3A 6.14.1 */
	u16 offset_low, selector;
	u8 ist, type;
	u16 offset_mid;
	u32 offset_high, reserved;
};
#define GATE_INTERRUPT 0x8e
#define GATE_USER 0xee

static struct gate idt[256] __aligned(16);
static const struct entry_ops *ops;
const syscall_fn *syscalls; /* entry.S reads these two */
u32 nr_syscalls;
extern const u8 trap_stubs[][12];
extern const struct ex_entry __ex_table_start[], __ex_table_end[];

static const char *const exception_names[32] = {
	[VEC_DE] = "divide error",
	[VEC_DB] = "debug",
	[VEC_NMI] = "NMI",
	[VEC_BP] = "breakpoint",
	[VEC_OF] = "overflow",
	[VEC_BR] = "bound range",
	[VEC_UD] = "invalid opcode",
	[VEC_NM] = "device not available",
	[VEC_DF] = "double fault",
	[VEC_TS] = "invalid TSS",
	[VEC_NP] = "segment not present",
	[VEC_SS] = "stack fault",
	[VEC_GP] = "general protection",
	[VEC_PF] = "page fault",
	[VEC_MF] = "x87 error",
	[VEC_AC] = "alignment check",
	[VEC_MC] = "machine check",
	[VEC_XM] = "SIMD error",
};

void entry_ops_set(const struct entry_ops *o)
{
	syscalls = o->syscalls;
	nr_syscalls = o->nr_syscalls;
	ops = o;
}

void idt_init(void)
{
	for (int i = 0; i < 256; i++) {
		u64 a = (u64)trap_stubs[i];

		idt[i] = (struct gate){ .offset_low = a,
					.selector = KERNEL_CS,
					.type = GATE_INTERRUPT,
					.offset_mid = a >> 16,
					.offset_high = a >> 32 };
	}
	idt[VEC_BP].type = idt[VEC_OF].type = GATE_USER;
	idt[VEC_NMI].ist = 1;
	idt[VEC_DF].ist = 2;
	idt[VEC_MC].ist = 3;
	idt[VEC_DB].ist = 4; /* behind `mov ss` it may come before syscall_entry has a stack */
}

void idt_load(void)
{
	struct {
		u16 limit;
		u64 base;
	} __packed ptr = { sizeof(idt) - 1, (u64)idt };

	__asm__ volatile("lidt %0" ::"m"(ptr));
}

/* The way out for an instruction that was expected to fault. False: none is known, it is a bug. */
static bool fix_up(struct regs *r)
{
	/* LAB 02: begin
	 * The linker has gathered what EX_TABLE wrote into the array from __ex_table_start to
	 * __ex_table_end. When r->rip is the address of one of its instructions, let the interrupted code go
	 * on at that one's fix-up.
	 * starter: panic("lab 02: fix_up() is not written yet");
	 */
	for (const struct ex_entry *e = __ex_table_start; e < __ex_table_end; e++) {
		if (e->insn != r->rip)
			continue;
		r->rip = e->fixup;
		return true;
	}
	return false;
	/* LAB 02: end */
}

static void __noreturn die(const struct regs *r, u64 addr)
{
	const char *name = r->vector < 32 ? exception_names[r->vector] : NULL;

	irq_disable();
	smp_stop_others();
	printk_bare("CPU %u: %s, error 0x%llx, address 0x%llx, rip 0x%llx", this_cpu()->id,
		    name ? name : "exception", (unsigned long long)r->orig_rax,
		    (unsigned long long)addr, (unsigned long long)r->rip);
	printk_bare("rax %016llx rbx %016llx rcx %016llx rdx %016llx", (unsigned long long)r->rax,
		    (unsigned long long)r->rbx, (unsigned long long)r->rcx,
		    (unsigned long long)r->rdx);
	printk_bare("rsi %016llx rdi %016llx rbp %016llx rsp %016llx", (unsigned long long)r->rsi,
		    (unsigned long long)r->rdi, (unsigned long long)r->rbp,
		    (unsigned long long)r->rsp);
	backtrace_print(r->rbp, r->rip);
	panic("%s in the kernel", name ? name : "exception");
}

/* What raised a #DB (DR6), which the CPU only ever adds to. */
static u64 debug_status(void)
{
	u64 v;

	__asm__ volatile("mov %%db6, %0" : "=r"(v));
	__asm__ volatile("mov %0, %%db6" ::"r"(DR6_INIT));
	return v ^ DR6_INIT;
}

static void page_fault(struct regs *r)
{
	u64 addr = read_cr2();

	if (regs_from_user(r)) {
		irq_enable();
		if (ops && !ops->page_fault(r, addr, r->orig_rax))
			ops->user_exception(r, addr);
		irq_disable();
		return;
	}
	/* Ring 0 touches user memory only in copies: with interrupts on it may sleep and be mended. */
	if (addr < USER_END && (r->rflags & RFLAGS_IF) && ops && !(r->orig_rax & PF_INSTR)) {
		bool mended;

		irq_enable();
		mended = ops->page_fault(r, addr, r->orig_rax);
		irq_disable();
		if (mended)
			return;
	}
	if (!fix_up(r))
		die(r, addr);
}

static void exception(struct regs *r)
{
	if (r->vector == VEC_NMI) {
		if (smp_stopping)
			for (;;)
				__asm__ volatile("cli; hlt");
		return;
	}
	if (r->vector == VEC_PF) {
		page_fault(r);
	} else if (r->vector == VEC_DF || r->vector == VEC_MC) {
		die(r, 0);
	} else if (regs_from_user(r) && ops) {
		u64 info = r->vector == VEC_DB ? debug_status() : 0;

		irq_enable();
		ops->user_exception(r, info);
		irq_disable();
	} else if (!fix_up(r)) {
		die(r, 0);
	}
}

static void interrupt(struct regs *r)
{
	lockdep_interrupt(true, r->rip, r->rflags);
	this_cpu()->nr_irqs++;
	switch (r->vector) {
	case VECTOR_TIMER:
		lapic_eoi();
		if (ops)
			ops->timer();
		break;
	case VECTOR_CALL:
		lapic_eoi();
		smp_call_interrupt();
		break;
	case VECTOR_KICK:
		lapic_eoi();
		break;
	case VECTOR_SPURIOUS:
		break;
	default:
		if (r->vector < VECTOR_GSI || !irq_dispatch(r->vector - VECTOR_GSI))
			pr_debug("interrupt %u without a handler", (unsigned int)r->vector);
		lapic_eoi();
	}
	lockdep_interrupt(false, r->rip, r->rflags);
}

/* From entry.S: a thread with work, or a number beyond the table. */
void syscall_slowly(struct regs *r);
void syscall_slowly(struct regs *r)
{
	ops->syscall(r);
}

/* A thread had work when its call was done. */
void syscall_end_slowly(struct regs *r);
void syscall_end_slowly(struct regs *r)
{
	ops->syscall_end(r);
}

/* The last thing before an iret to ring 3; interrupts off. */
void leave_kernel(struct regs *r);
void leave_kernel(struct regs *r)
{
	ops->return_to_user(r);
	lockdep_to_user();
	system_time_end();
}

void trap_dispatch(struct regs *r);
void trap_dispatch(struct regs *r)
{
	bool from_user = regs_from_user(r) && ops;

	/* The CPU does not clear AC here: user code may have set it, or a user copy was under way. */
	if (cpu_has_smap)
		__asm__ volatile("clac" ::: "memory");
	if (from_user)
		system_time_begin();
	if (r->vector < 32)
		exception(r);
	else
		interrupt(r);
	if (from_user)
		leave_kernel(r);
}
