/* SPDX-License-Identifier: MIT */
/*
 * One CPU's own tables and registers: GDT, TSS with the stacks for NMI, double fault and machine
 * check, control registers, the MSRs of syscall. Each CPU calls cpu_init_this() once, for itself.
 */
#include "x86/internal.h"

/* spinlock.h: the copies that are called. */
extern inline void irq_push(void);
extern inline void irq_pop(void);
extern inline void(spin_lock)(spinlock_t *l);
extern inline bool(spin_trylock)(spinlock_t *l);
extern inline void(spin_unlock)(spinlock_t *l);

/* SDM 3A 8.7 */
struct tss {
	u32 reserved0;
	u64 rsp[3];
	u64 reserved1;
	u64 ist[7];
	u64 reserved2;
	u16 reserved3, iomap;
} __packed;

#define IST_STACK_SIZE 4096
struct cpu_tables {
	u64 gdt[TSS_SEL / 8 + 2]; /* null, kernel code, data, user data, code, TSS (two entries) */
	struct tss tss;
	u8 ist[4][IST_STACK_SIZE] __aligned(
		16); /* IST 1: NMI, 2: double fault, 3: machine check, 4: debug */
};

struct cpu boot_cpu;
static struct cpu_tables boot_tables;
struct cpu *cpus[MAX_CPUS];
unsigned int nr_cpus = 1;
bool cpu_has_smap;
static struct cpu_tables *tables_of[MAX_CPUS] = { &boot_tables };

_Static_assert(offsetof(struct cpu, kernel_rsp) == 0x08, "entry.S");
_Static_assert(offsetof(struct cpu, user_rsp) == 0x10, "entry.S");
_Static_assert(offsetof(struct cpu, thread) == 0x18, "percpu.h");
_Static_assert(offsetof(struct cpu, need_resched) == 0x40, "entry.S");
_Static_assert(offsetof(struct cpu, sys_since) == 0x30, "entry.S");
_Static_assert(offsetof(struct cpu, sys_ticks) == 0x38, "entry.S");

#define GDT_KERNEL_CODE 0x00af9b000000ffffUL
#define GDT_KERNEL_DATA 0x00cf93000000ffffUL
#define GDT_USER_DATA 0x00cff3000000ffffUL
#define GDT_USER_CODE 0x00affb000000ffffUL
#define GDT_TSS_AVAILABLE (0x89UL << 40)

static void gdt_load(struct cpu *cpu, struct cpu_tables *t)
{
	u64 base = (u64)&t->tss;
	struct {
		u16 limit;
		u64 base;
	} __packed ptr = { sizeof(t->gdt) - 1, (u64)t->gdt };

	t->gdt[KERNEL_CS / 8] = GDT_KERNEL_CODE;
	t->gdt[KERNEL_DS / 8] = GDT_KERNEL_DATA;
	t->gdt[USER_DS / 8] = GDT_USER_DATA;
	t->gdt[USER_CS / 8] = GDT_USER_CODE;
	t->gdt[TSS_SEL / 8] = (sizeof(t->tss) - 1) | (base & 0xffffff) << 16 | GDT_TSS_AVAILABLE |
			      (base >> 24 & 0xff) << 56;
	t->gdt[TSS_SEL / 8 + 1] = base >> 32;
	t->tss.iomap = sizeof(t->tss);
	for (int i = 0; i < 4; i++)
		t->tss.ist[i] = (u64)(t->ist[i] + IST_STACK_SIZE);
	cpu->gdt = t->gdt;
	cpu->tss = &t->tss;
	__asm__ volatile("lgdt %0\n"
			 "pushq %1\n"
			 "leaq 1f(%%rip), %%rax\n"
			 "pushq %%rax\n"
			 "lretq\n"
			 "1: movl %2, %%ss\n"
			 "movl %2, %%ds\n"
			 "movl %2, %%es\n"
			 "ltr %w3\n"
			 "lldt %w4\n" ::"m"(ptr),
			 "i"(KERNEL_CS), "r"(KERNEL_DS), "r"(TSS_SEL), "r"(0)
			 : "rax", "memory");
}

static void control_registers(void)
{
	struct cpuid_regs f7 = { 0 }, f1 = cpuid(1, 0);
	u64 cr4 = read_cr4() | CR4_PGE | CR4_OSFXSR | CR4_OSXMMEXCPT;

	if (cpuid(0, 0).eax >= 7)
		f7 = cpuid(7, 0);
	if (f7.ebx & BIT(7))
		cr4 |= CR4_SMEP;
	if (f7.ebx & BIT(20))
		cr4 |= CR4_SMAP;
	if (f7.ecx & BIT(2))
		cr4 |= CR4_UMIP;
	if (f1.ecx & BIT(26))
		cr4 |= CR4_OSXSAVE;
	write_cr4(cr4);
	cpu_has_smap = cr4 & CR4_SMAP;
	write_cr0((read_cr0() | CR0_MP | CR0_NE | CR0_WP) & ~(CR0_EM | CR0_TS | CR0_AM));
}

void syscall_entry(void);

static void syscall_registers(void)
{
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SCE | EFER_NXE);
	/* syscall takes CS/SS from 47:32, sysret CS = 63:48 + 16 and SS = 63:48 + 8 */
	wrmsr(MSR_STAR, (u64)(USER_DS - 8) << 48 | (u64)KERNEL_CS << 32);
	wrmsr(MSR_LSTAR, (u64)syscall_entry);
	wrmsr(MSR_SFMASK, RFLAGS_IF | RFLAGS_TF | RFLAGS_DF | RFLAGS_NT | RFLAGS_AC | RFLAGS_IOPL);
}

void cpu_init_this(struct cpu *cpu)
{
	gdt_load(cpu, tables_of[cpu->id]);
	cpu->self = cpu;
	wrmsr(MSR_GS_BASE, (u64)cpu);
	wrmsr(MSR_KERNEL_GS_BASE, 0);
	control_registers();
	syscall_registers();
	idt_load();
	cpus[cpu->id] = cpu;
}

struct cpu *cpu_create(u32 id, u32 apic_id)
{
	struct cpu *cpu = kzalloc(sizeof(*cpu));
	struct cpu_tables *t = page_alloc(sizeof(*t));

	if (!cpu || !t) {
		kfree(cpu);
		if (t)
			page_free(t, sizeof(*t));
		return NULL;
	}
	cpu->id = id;
	cpu->apic_id = apic_id;
	tables_of[id] = t;
	return cpu;
}

void cpu_set_kernel_stack(u64 top)
{
	struct cpu *c = this_cpu();

	c->kernel_rsp = top;
	((struct tss *)c->tss)->rsp[0] = top;
}

int rdmsr_safe(u32 msr, u64 *v)
{
	u32 lo = 0, hi = 0;
	int err = -EIO;

	__asm__ volatile("1: rdmsr\n"
			 "xorl %0, %0\n"
			 "2:\n" EX_TABLE(1b, 2b)
			 : "+r"(err), "=a"(lo), "=d"(hi)
			 : "c"(msr), "1"(0), "2"(0));
	*v = (u64)hi << 32 | lo;
	return err;
}

int wrmsr_safe(u32 msr, u64 v)
{
	int err = -EIO;

	__asm__ volatile("1: wrmsr\n"
			 "xorl %0, %0\n"
			 "2:\n" EX_TABLE(1b, 2b)
			 : "+r"(err)
			 : "c"(msr), "a"((u32)v), "d"((u32)(v >> 32))
			 : "memory");
	return err;
}
