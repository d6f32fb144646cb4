/* SPDX-License-Identifier: MIT */
/*
 * The face of x86/: the machine. Traps and the saved registers, per-CPU data, spinlocks, page-table
 * bits, interrupts, time, other CPUs, FPU state, and what the boot loader told us.
 * What happens on a page fault or a system call is decided above: see struct entry_ops.
 */
#pragma once
#include "lib/lib.h"
#include "x86/cpu.h"
#include "x86/paging.h"
#include "x86/percpu.h"
#include "x86/spinlock.h"

/* ---- saved registers: what every entry into ring 0 pushes (entry.S) ---- */
struct regs {
	u64 r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
	u64 vector;
	u64 orig_rax; /* system call: its number; exception: the error code; interrupt: ~0 */
	u64 rip, cs, rflags, rsp, ss;
};
#define REGS_SYSCALL_VECTOR 0x100 /* regs->vector of a system call */
static inline bool regs_from_user(const struct regs *r)
{
	return r->cs & 3;
}

/*
 * What the layers above do on entry into ring 0; kernel/main.c hands the table over once.
 * All run on the thread's kernel stack, with interrupts on unless said otherwise.
 */
typedef long (*syscall_fn)(long, long, long, long, long, long);
struct entry_ops {
	/* By number; none is NULL. They find all registers in thread_regs(); their result goes to rax. */
	const syscall_fn *syscalls;
	u32 nr_syscalls;
	/* A call that entry.S does not make itself: the thread has work, or the number is too high. */
	void (*syscall)(struct regs *regs);
	/* After such a call, and after one that leaves the thread with work. */
	void (*syscall_end)(struct regs *regs);
	/* A #PF. True when mended: the instruction runs again. False: a signal or the fix-up. */
	bool (*page_fault)(struct regs *regs, u64 addr, u64 error);
	/* An exception that user code raised: becomes a signal. vector as in the SDM, 3A 6.3.1. addr: of a
	 * #PF; of a #DB DR6, its bits 1 for what happened. */
	void (*user_exception)(struct regs *regs, u64 addr);
	/*
	 * Interrupts off, the last thing before ring 3, but for system calls that leave no work behind.
	 * Signals and rescheduling; may turn interrupts on, returns with them off.
	 */
	void (*return_to_user)(struct regs *regs);
	/* Interrupts off: the deadline given to clock_arm() has passed. */
	void (*timer)(void);
};
void entry_ops_set(const struct entry_ops *ops);

/* Does what is to be done before ring 3, and goes there; never returns. The stack ends at regs. */
void __noreturn enter_user(const struct regs *regs);

/* ---- interrupts ---- */
/* Handlers run with interrupts off. gsi: ACPI global system interrupt (IOAPIC pin), below 16 that of the
 * ISA line. 0; -EBUSY: another handler has it; -ENODEV, -EINVAL: no such pin. */
int irq_request(unsigned int gsi, bool level, void (*handler)(void *arg), void *arg);
/* What a device writes where to interrupt (MSI and MSI-X of PCI). */
struct irq_message {
	u32 addr, data;
};
/* One for handler, which is never given back. 0, or -ENOSPC: some hundred devices have them all. */
int irq_request_message(void (*handler)(void *arg), void *arg, struct irq_message *msg);

/* ---- other CPUs ---- */
#define MAX_CPUS 64
typedef u64 cpumask_t; /* bit n: CPU n */
extern unsigned int nr_cpus; /* CPUs that run */
/* Runs fn(arg) on every CPU in mask (this one excluded) and waits. Interrupts must be on. */
void smp_call(cpumask_t mask, void (*fn)(void *arg), void *arg);
/* Makes CPU cpu enter its scheduler soon (and leave a guest, and halt). Any context. */
void smp_kick(unsigned int cpu);
/* Starts the CPUs of the MADT; each calls entry() on its idle stack, which never returns. */
void smp_start(void (*entry)(void));

/* ---- time ---- */
extern u64 tsc_khz; /* measured, or told by a hypervisor (CPUID 0x40000010) */
u64 clock_ns(void); /* monotonic, since boot */
u64 clock_ns_at(u64 tsc); /* what clock_ns() was or will be at this time of the TSC */
u64 clock_wall_ns(void); /* since 1970, UTC */
void clock_wall_set(u64 ns);
u64 tsc_to_ns(u64 ticks);
/* Interrupts this CPU once clock_ns() >= deadline; ~0UL: never. A new call replaces the old one. */
void clock_arm(u64 deadline);
void udelay(unsigned int us);

/* ---- FPU: state of ring 3 (and of guests), switched eagerly ---- */
extern unsigned int fpu_size; /* bytes of an XSAVE area here, a multiple of 64 */
extern u64 fpu_xcr0; /* the components this kernel switches on */
void *fpu_alloc(void); /* in the initial state; NULL without memory */
void fpu_free(void *area);
void fpu_save(void *area);
void fpu_restore(const void *area);
/* Writes out what fpu_save() left out of area because it is in its initial state. */
void fpu_spell_out(void *area);

/* ---- thread switch (switch.S) ---- */
/* Saves callee-saved registers and rsp in *save, loads rsp from load. */
void switch_stack(u64 *save, u64 load);
/* Top of the stack of the running thread, for syscall entry and TSS.rsp0. */
void cpu_set_kernel_stack(u64 top);

/* ---- what the boot loader said ---- */
struct boot_module {
	paddr_t start, end;
	const char *name; /* its string: "" or a path; direct-map pointer */
};
struct mem_range {
	paddr_t start, end; /* [start, end) */
};
#define BOOT_MAX_MODULES 16
#define BOOT_MAX_RANGES 64
struct boot_info {
	char cmdline[2048];
	const char *loader; /* "pvh", "multiboot2" */
	unsigned int nr_ram, nr_reserved, nr_firmware, nr_modules;
	struct mem_range ram[BOOT_MAX_RANGES]; /* usable RAM, sorted, without overlap */
	struct mem_range
		reserved[BOOT_MAX_RANGES]; /* kernel, modules, boot data: inside RAM, not free */
	struct mem_range
		firmware[BOOT_MAX_RANGES]; /* ACPI tables and the like: readable, not RAM */
	struct boot_module modules[BOOT_MAX_MODULES]; /* [0] is the initramfs, when there is one */
	paddr_t rsdp; /* 0: none told */
	struct {
		paddr_t addr;
		u32 width, height, pitch, bpp;
	} fb; /* addr 0: VGA text or none */
};
extern struct boot_info boot_info;
/* Value of name=VALUE or of a lone name ("") on the command line; NULL when absent. */
const char *boot_param(const char *name, char *buf, size_t size);
/* Page-aligned memory before mm/ is up; never freed. Panics with a clear line when there is none. */
paddr_t boot_alloc(size_t bytes);

/* ---- random bytes (random.c), any context ---- */
void random_bytes(void *buf, size_t n);
void random_mix(const void *buf,
		size_t n); /* adds what buf holds to the pool; gives nothing away */

/* ---- devices of the machine itself ---- */
/* Maps device memory uncached (write-combining when wc); never fails for below 1 GiB in all. */
void *ioremap(paddr_t phys, size_t size, bool wc);
/* Ends the machine: status goes to the emulator (port 0xf4, Bochs), then ACPI/reset/halt. */
void __noreturn machine_exit(int status);
void __noreturn machine_reboot(void);
extern void (*machine_drain)(void); /* set by dev/: sends what the ttys still hold */
/* Return addresses from rbp on, named by the symbol table the build put in. */
void backtrace_print(u64 rbp, u64 rip);
/* The function that a return address belongs to; "?" without a symbol table. */
const char *symbol_name(u64 addr);

extern bool cpu_has_smap; /* SMAP is on: user copies need stac and clac */

/*
 * Exception table: an instruction that may fault, and where to go on then (mm/uaccess.c,
 * rdmsr_safe). Entries are made by EX_TABLE(from, to) in inline assembly with two local labels.
 */
struct ex_entry {
	u64 insn, fixup;
};
#define EX_TABLE(from, to)                                                                         \
	".pushsection .ex_table, \"a\"\n"                                                          \
	".balign 8\n"                                                                              \
	".quad " #from ", " #to "\n"                                                               \
	".popsection\n"

/* Brought up in this order by main.c */
/* boot.S ends in x86_start(), which calls kernel_main() with this much done: serial log, boot info,
 * this CPU, traps, paging, ACPI tables. */
void __noreturn kernel_main(void);
void x86_late_init(void); /* after mm: APICs, clock, FPU */
