/* SPDX-License-Identifier: MIT */
/* What the files of x86/ know of each other; nobody else includes it. */
#pragma once
#include "x86/x86.h"

/* Interrupt vectors: exceptions 0..31, then the IOAPIC's pins, then messages, then this CPU's own. */
#define VECTOR_GSI 0x30
#define NR_GSI 64
#define NR_IRQS (VECTOR_TIMER - VECTOR_GSI)
#define VECTOR_TIMER 0xf0
#define VECTOR_CALL 0xf1
#define VECTOR_KICK 0xf2
#define VECTOR_SPURIOUS 0xff

/* boot/bootinfo.c */
void boot_info_parse(u32 magic, paddr_t info);

/* klog.c */
void early_serial_init(void);
void early_serial_drain(void);

/* cpu.c: GDT, TSS, control registers, syscall MSRs of the CPU that calls */
struct cpu_tables;
void cpu_init_this(struct cpu *cpu);
struct cpu *cpu_create(u32 id, u32 apic_id); /* from boot_alloc or kmalloc; NULL without memory */
extern struct cpu boot_cpu;

/* paging.c */
void paging_init(void);

/* trap.c */
void idt_init(void); /* once */
void idt_load(void); /* each CPU */

/* acpi.c: what the MADT and FADT said */
#define MAX_IOAPICS 8
struct acpi_info {
	unsigned int nr_cpus;
	u32 apic_ids[MAX_CPUS]; /* enabled CPUs, in the table's order */
	unsigned int nr_ioapics;
	struct {
		paddr_t addr;
		u32 gsi_base;
	} ioapics[MAX_IOAPICS];
	struct {
		u32 gsi;
		bool active_low, level;
	} isa[16];
	paddr_t lapic_addr;
	u16 pm1a_cnt, pm1b_cnt; /* power off: 0 when unknown */
	u16 s5_typ_a, s5_typ_b;
	bool has_s5;
	u8 reset_space, reset_value;
	u64 reset_addr;
};
extern struct acpi_info acpi;
void acpi_init(void);

/* apic.c */
void lapic_init_this(void);
void ioapic_init(void);
void lapic_eoi(void);
u32 lapic_id(void);
#define ICR_FIXED 0x000
#define ICR_NMI 0x400
#define ICR_INIT 0x500
#define ICR_STARTUP 0x600
#define ICR_ASSERT 0x4000
void lapic_send(u32 apic_id, u32 icr_low); /* icr_low: ICR_* | vector */
void lapic_send_others(u32 icr_low);
bool irq_dispatch(unsigned int n); /* vector VECTOR_GSI + n; false: nobody handles it */
/* The timer's count-down: start at n (bus clocks), read, and its rate. */
void lapic_timer_set(u32 n);
u32 lapic_timer_read(void);

/* clock.c */
void clock_init(void);
void clock_init_secondary(void);
void clock_interrupt(void);

/* smp.c */
void smp_call_interrupt(void);
void smp_stop_others(void); /* panic: halts them by NMI */
extern bool smp_stopping;

/* fpu.c */
void fpu_init(void);
void fpu_init_this(void);
