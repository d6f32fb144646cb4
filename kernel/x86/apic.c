/* SPDX-License-Identifier: MIT */
/*
 * The local APIC (one a CPU; timer and messages between CPUs), and the IOAPICs (lines of devices), all of which
 * lead to the first CPU, as do the messages of PCI devices. The old PIC is masked. The local APIC is in xAPIC mode,
 * where its registers are memory; in a virtual machine that has it in x2APIC mode, where they are MSRs, which
 * cost a hypervisor less. Sources: SDM 3A 11 (local APIC), Intel 82093AA data sheet (IOAPIC).
 */
#include "x86/internal.h"

#define LAPIC_ID 0x20
#define LAPIC_TPR 0x80
#define LAPIC_EOI 0xb0
#define LAPIC_SPURIOUS 0xf0
#define LAPIC_ICR_LOW 0x300
#define LAPIC_ICR_HIGH 0x310
#define LAPIC_LVT_TIMER 0x320
#define LAPIC_LVT_LINT0 0x350
#define LAPIC_LVT_LINT1 0x360
#define LAPIC_LVT_ERROR 0x370
#define LAPIC_TIMER_INITIAL 0x380
#define LAPIC_TIMER_CURRENT 0x390
#define LAPIC_TIMER_DIVIDE 0x3e0
#define LAPIC_ENABLE 0x100
#define LVT_MASKED 0x10000
#define LVT_NMI 0x400
#define ICR_PENDING 0x1000
#define ICR_ALL_OTHERS 0xc0000
#define DIVIDE_BY_1 0xb
#define APIC_BASE_X2APIC BIT(10)
#define APIC_BASE_ENABLE BIT(11)
#define MSR_X2APIC 0x800 /* and a register's offset / 16 */
#define CPUID_1_ECX_X2APIC BIT(21)
#define CPUID_1_ECX_HYPERVISOR BIT(31)

#define IOAPIC_VERSION 1
#define IOAPIC_REDIR 0x10
#define REDIR_MASKED BIT(16)
#define REDIR_LEVEL BIT(15)
#define REDIR_LOW BIT(13)
#define MSI_BASE 0xfee00000U

static volatile u32 *lapic;
static bool x2apic; /* all CPUs are in this mode */
static struct {
	volatile u32 *regs;
	u32 gsi_base, pins;
} ioapics[MAX_IOAPICS];
static unsigned int nr_ioapics;
static struct {
	void (*handler)(void *arg);
	void *arg;
} handlers[NR_IRQS]; /* by vector: the pins', then those of messages */
static unsigned int nr_messages;
static spinlock_t ioapic_lock; /* guards the redirections, handlers and nr_messages */

static u32 lapic_read(u32 reg)
{
	return x2apic ? rdmsr(MSR_X2APIC + reg / 16) : lapic[reg / 4];
}
static __noinline void lapic_write(u32 reg, u32 v)
{
	if (x2apic)
		wrmsr(MSR_X2APIC + reg / 16, v);
	else
		lapic[reg / 4] = v;
}

void lapic_eoi(void)
{
	lapic_write(LAPIC_EOI, 0);
}

u32 lapic_id(void)
{
	return lapic_read(LAPIC_ID) >> (x2apic ? 0 : 24);
}

void lapic_init_this(void)
{
	u64 base = rdmsr(MSR_IA32_APIC_BASE) | APIC_BASE_ENABLE;
	u32 both = CPUID_1_ECX_X2APIC | CPUID_1_ECX_HYPERVISOR;

	if (!lapic) {
		lapic = ioremap(acpi.lapic_addr, PAGE_SIZE, false);
		x2apic = base & APIC_BASE_X2APIC || (cpuid(1, 0).ecx & both) == both;
	}
	wrmsr(MSR_IA32_APIC_BASE, base);
	if (x2apic) /* only from xAPIC mode */
		wrmsr(MSR_IA32_APIC_BASE, base | APIC_BASE_X2APIC);
	lapic_write(LAPIC_TPR, 0);
	lapic_write(LAPIC_LVT_LINT0, LVT_MASKED);
	lapic_write(LAPIC_LVT_LINT1, LVT_NMI);
	lapic_write(LAPIC_LVT_ERROR, LVT_MASKED);
	lapic_write(LAPIC_TIMER_DIVIDE, DIVIDE_BY_1);
	lapic_write(LAPIC_SPURIOUS, LAPIC_ENABLE | VECTOR_SPURIOUS);
	/* Behind that: LVT entries of one that is off stay masked (SDM 3A 11.4.7.2). Stopped until a count is set. */
	lapic_write(LAPIC_LVT_TIMER, VECTOR_TIMER);
	this_cpu()->apic_id = lapic_id();
}

static void icr_write(u32 dest, u32 low)
{
	if (x2apic) {
		/* WRMSR waits for no store: what the receiver is to see comes before (SDM 3A 11.12.3) */
		__asm__ volatile("mfence; lfence" ::: "memory");
		wrmsr(MSR_X2APIC + LAPIC_ICR_LOW / 16, (u64)dest << 32 | low);
		return;
	}
	irq_push();
	lapic_write(LAPIC_ICR_HIGH, dest << 24);
	lapic_write(LAPIC_ICR_LOW, low);
	while (lapic_read(LAPIC_ICR_LOW) & ICR_PENDING)
		cpu_relax();
	irq_pop();
}

void lapic_send(u32 apic_id, u32 icr_low)
{
	icr_write(apic_id, icr_low | ICR_ASSERT);
}

void lapic_send_others(u32 icr_low)
{
	if (lapic)
		icr_write(0, icr_low | ICR_ASSERT | ICR_ALL_OTHERS);
}

void lapic_timer_set(u32 n)
{
	lapic_write(LAPIC_TIMER_INITIAL, n);
}

u32 lapic_timer_read(void)
{
	return lapic_read(LAPIC_TIMER_CURRENT);
}

/* ---- IOAPIC ---- */
static u32 ioapic_read(unsigned int i, u32 reg)
{
	ioapics[i].regs[0] = reg;
	return ioapics[i].regs[4];
}
static void ioapic_write(unsigned int i, u32 reg, u32 v)
{
	ioapics[i].regs[0] = reg;
	ioapics[i].regs[4] = v;
}

static void pic_mask(void)
{
	/* Initialise both with vectors out of the exceptions' way, then mask all (8259A data sheet). */
	outb(0x20, 0x11);
	outb(0xa0, 0x11);
	outb(0x21, 0x20);
	outb(0xa1, 0x28);
	outb(0x21, 4);
	outb(0xa1, 2);
	outb(0x21, 1);
	outb(0xa1, 1);
	outb(0x21, 0xff);
	outb(0xa1, 0xff);
}

void ioapic_init(void)
{
	pic_mask();
	for (unsigned int i = 0; i < acpi.nr_ioapics; i++) {
		ioapics[i].regs = ioremap(acpi.ioapics[i].addr, PAGE_SIZE, false);
		ioapics[i].gsi_base = acpi.ioapics[i].gsi_base;
		ioapics[i].pins = (ioapic_read(i, IOAPIC_VERSION) >> 16 & 0xff) + 1;
		for (u32 pin = 0; pin < ioapics[i].pins; pin++)
			ioapic_write(i, IOAPIC_REDIR + 2 * pin, REDIR_MASKED);
	}
	nr_ioapics = acpi.nr_ioapics;
}

int irq_request(unsigned int gsi, bool level, void (*handler)(void *arg), void *arg)
{
	bool low = level;

	if (gsi < 16) { /* an ISA line, perhaps wired elsewhere */
		low = acpi.isa[gsi].active_low;
		level |= acpi.isa[gsi].level;
		gsi = acpi.isa[gsi].gsi;
	}
	if (gsi >= NR_GSI)
		return -EINVAL;
	for (unsigned int i = 0; i < nr_ioapics; i++) {
		u32 pin = gsi - ioapics[i].gsi_base;

		if (gsi < ioapics[i].gsi_base || pin >= ioapics[i].pins)
			continue;
		spin_lock(&ioapic_lock);
		if (handlers[gsi].handler && handlers[gsi].handler != handler) {
			spin_unlock(&ioapic_lock);
			return -EBUSY;
		}
		handlers[gsi].arg = arg;
		handlers[gsi].handler = handler;
		ioapic_write(i, IOAPIC_REDIR + 2 * pin + 1, boot_cpu.apic_id << 24);
		ioapic_write(i, IOAPIC_REDIR + 2 * pin,
			     (VECTOR_GSI + gsi) | (level ? REDIR_LEVEL : 0) |
				     (low ? REDIR_LOW : 0));
		spin_unlock(&ioapic_lock);
		return 0;
	}
	return -ENODEV;
}

int irq_request_message(void (*handler)(void *arg), void *arg, struct irq_message *msg)
{
	unsigned int n;

	spin_lock(&ioapic_lock);
	n = NR_GSI + nr_messages;
	if (n < NR_IRQS) {
		nr_messages++;
		handlers[n].arg = arg;
		handlers[n].handler = handler;
	}
	spin_unlock(&ioapic_lock);
	/* Fixed delivery, edge, to one CPU: SDM 3A 11.11. */
	msg->addr = MSI_BASE | boot_cpu.apic_id << 12;
	msg->data = VECTOR_GSI + n;
	return n < NR_IRQS ? 0 : -ENOSPC;
}

bool irq_dispatch(unsigned int n)
{
	if (n >= NR_IRQS || !handlers[n].handler)
		return false;
	handlers[n].handler(handlers[n].arg);
	return true;
}
