/* SPDX-License-Identifier: MIT */
/*
 * The other CPUs: started one after the other, called for short functions, kicked, stopped.
 * smp_call() has one slot, guarded by call_busy: a caller waits for it with interrupts on, so two
 * callers cannot wait for each other.
 */
#include "x86/internal.h"

bool smp_stopping;
static u32 call_busy;
static struct {
	void (*fn)(void *arg);
	void *arg;
	cpumask_t pending;
} call_slot;
static void (*secondary_entry)(void);
static volatile bool secondary_up;

#define TRAMPOLINE 0x8000UL
#define START_WAIT_US 200000

extern const u8 trampoline_start[], trampoline_end[], trampoline_args[];

void smp_call_interrupt(void)
{
	cpumask_t bit = BIT(this_cpu()->id);

	if (!(__atomic_load_n(&call_slot.pending, __ATOMIC_ACQUIRE) & bit))
		return;
	call_slot.fn(call_slot.arg);
	__atomic_fetch_and(&call_slot.pending, ~bit, __ATOMIC_RELEASE);
}

void smp_call(cpumask_t mask, void (*fn)(void *arg), void *arg)
{
	lockdep_might_sleep(); /* it waits, and two that wait for each other need interrupts */
	while (__atomic_exchange_n(&call_busy, 1, __ATOMIC_ACQUIRE))
		cpu_relax();
	mask &= ~BIT(this_cpu()->id);
	call_slot.fn = fn;
	call_slot.arg = arg;
	__atomic_store_n(&call_slot.pending, mask, __ATOMIC_RELEASE);
	for (unsigned int i = 0; i < nr_cpus; i++)
		if (mask & BIT(i))
			lapic_send(cpus[i]->apic_id, ICR_FIXED | VECTOR_CALL);
	while (__atomic_load_n(&call_slot.pending, __ATOMIC_ACQUIRE))
		cpu_relax();
	__atomic_store_n(&call_busy, 0, __ATOMIC_RELEASE);
}

void smp_kick(unsigned int cpu)
{
	WRITE_ONCE(cpus[cpu]->need_resched, true);
	if (cpu != this_cpu()->id)
		lapic_send(cpus[cpu]->apic_id, ICR_FIXED | VECTOR_KICK);
}

void smp_stop_others(void)
{
	if (smp_stopping)
		return;
	smp_stopping = true;
	if (nr_cpus > 1)
		lapic_send_others(ICR_NMI);
}

/* Where trampoline.S ends, on the new CPU's idle stack. */
void smp_secondary_start(struct cpu *cpu);
void smp_secondary_start(struct cpu *cpu)
{
	cpu_init_this(cpu);
	write_cr3(virt_to_phys(kernel_pml4));
	lapic_init_this();
	fpu_init_this();
	secondary_up = true;
	secondary_entry();
}

static bool start_one(u32 apic_id, struct cpu *cpu, void *stack)
{
	u64 *args = phys_to_virt(TRAMPOLINE + (trampoline_args - trampoline_start));

	args[0] = (u64)stack;
	args[1] = (u64)cpu;
	secondary_up = false;
	lapic_send(apic_id, ICR_INIT);
	udelay(10000);
	/* Twice, as the SDM asks (3A 8.4.4.1): the second does nothing when the first worked. */
	for (int tries = 0; tries < 2 && !secondary_up; tries++) {
		lapic_send(apic_id, ICR_STARTUP | TRAMPOLINE >> PAGE_SHIFT);
		for (int us = 0; us < START_WAIT_US && !secondary_up; us += 100)
			udelay(100);
	}
	return secondary_up;
}

void smp_start(void (*entry)(void))
{
	secondary_entry = entry;
	memcpy(phys_to_virt(TRAMPOLINE), trampoline_start, trampoline_end - trampoline_start);
	for (unsigned int i = 0; i < acpi.nr_cpus; i++) {
		struct cpu *cpu;
		void *stack;

		if (acpi.apic_ids[i] == boot_cpu.apic_id)
			continue;
		cpu = cpu_create(nr_cpus, acpi.apic_ids[i]);
		stack = page_alloc(16384);
		if (!cpu || !stack) {
			pr_err("smp: no memory for CPU %u", nr_cpus);
			return;
		}
		cpus[nr_cpus] = cpu;
		if (start_one(acpi.apic_ids[i], cpu, (char *)stack + 16384))
			nr_cpus++;
		else
			pr_err("smp: CPU with APIC id %u does not start", acpi.apic_ids[i]);
	}
	pr_info("smp: %u CPU%s", nr_cpus, nr_cpus == 1 ? "" : "s");
}
