/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU data. GS base points at this CPU's struct cpu while in ring 0 (entry.S does swapgs).
 * Fields at the top are used by assembly, by offset. Each field is touched by its own CPU only,
 * with interrupts off, unless said otherwise.
 */
#pragma once
#include "x86/cpu.h"

struct thread;
struct addr_space;
struct runqueue;

struct cpu {
	struct cpu *self; /* 0x00 gs:0 */
	u64 kernel_rsp; /* 0x08 stack for syscall entry */
	u64 user_rsp; /* 0x10 scratch of syscall entry */
	struct thread *thread; /* 0x18 running now */
	u32 irq_depth; /* 0x20 spinlocks held; interrupts are off while not 0 */
	u32 id; /* 0x24 0..nr_cpus-1 */
	u64 irq_flags; /* 0x28 of the CPU when irq_depth was 0: what returns with it */
	u64 sys_since; /* 0x30 TSC when ring 3 was left, or this thread began; 0: in ring 3 */
	u64 sys_ticks; /* 0x38 of the TSC, spent in ring 0 up to sys_since, idle apart */
	bool need_resched; /* 0x40 set by any CPU, read before ring 3 and by idle */
	bool idle;
	u32 apic_id;
	struct addr_space *space; /* in CR3; NULL: the kernel's own */
	bool space_lazy; /* loaded, but no thread of it runs: flushes do not reach us */
	u64 space_flushes; /* of space->flushes, those that this TLB has seen */
	struct runqueue *rq; /* sched/ */
	struct thread *idle_thread;
	void *gdt, *tss; /* x86/ */
	void *vmm; /* vmm/: what is loaded on this CPU; NULL without it */
	u64 nr_irqs, nr_switches;
	u64 idle_ns;
};

extern struct cpu *cpus[]; /* by id; NULL where none runs */

static inline struct cpu *this_cpu(void)
{
	struct cpu *c;
	__asm__ volatile("mov %%gs:0, %0" : "=r"(c));
	return c;
}
/*
 * How much of its time a thread spends in ring 0: the CPU counts at each border, exactly and in TSC
 * ticks (two rdtsc and an addition); schedule() gives every thread its part. Interrupts off.
 */
static inline void system_time_begin(void)
{
	this_cpu()->sys_since = rdtsc();
}
static inline void system_time_end(void)
{
	struct cpu *c = this_cpu();

	c->sys_ticks += rdtsc() - c->sys_since;
	c->sys_since = 0;
}
/* Safe with interrupts on: one load. */
static inline struct thread *current_thread(void)
{
	struct thread *t;
	__asm__ volatile("mov %%gs:0x18, %0" : "=r"(t));
	return t;
}
