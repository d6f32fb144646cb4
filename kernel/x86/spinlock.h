/* SPDX-License-Identifier: MIT */
/*
 * Spinlocks. One kind only: holding one turns interrupts off on this CPU, so the same lock is good
 * in interrupt handlers and outside. They nest; interrupts return with the last unlock. The kernel
 * is not preemptive, and no one may sleep with a spinlock held (the scheduler checks irq_depth).
 */
#pragma once
#include "x86/cpu.h"
#include "x86/percpu.h"

typedef struct {
	u32 locked;
} spinlock_t;
#define SPINLOCK_INIT                                                                              \
	{                                                                                          \
		0                                                                                  \
	}

#ifdef DYAD_HOST
static inline void irq_push(void)
{
}
static inline void irq_pop(void)
{
}
#else
static inline void irq_push(void)
{
	u64 flags = read_rflags();
	struct cpu *c;

	irq_disable();
	c = this_cpu();
	if (c->irq_depth++ == 0)
		c->irq_was_on = flags & RFLAGS_IF;
}
static inline void irq_pop(void)
{
	struct cpu *c = this_cpu();

	if (--c->irq_depth == 0 && c->irq_was_on)
		irq_enable();
}
#endif

static inline void spin_init(spinlock_t *l)
{
	l->locked = 0;
}
static inline void spin_lock(spinlock_t *l)
{
	irq_push();
	while (__atomic_exchange_n(&l->locked, 1, __ATOMIC_ACQUIRE))
		while (__atomic_load_n(&l->locked, __ATOMIC_RELAXED))
			cpu_relax();
}
static inline bool spin_trylock(spinlock_t *l)
{
	irq_push();
	if (!__atomic_exchange_n(&l->locked, 1, __ATOMIC_ACQUIRE))
		return true;
	irq_pop();
	return false;
}
static inline void spin_unlock(spinlock_t *l)
{
	__atomic_store_n(&l->locked, 0, __ATOMIC_RELEASE);
	irq_pop();
}
