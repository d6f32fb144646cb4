/* SPDX-License-Identifier: MIT */
/*
 * Spinlocks. One kind only: holding one turns interrupts off on this CPU, so the same lock is good
 * in interrupt handlers and outside. They nest; interrupts return with the last unlock. The kernel
 * is not preemptive, and no one may sleep with a spinlock held (the scheduler checks irq_depth).
 */
#pragma once
#include "lib/lockdep.h"
#include "x86/cpu.h"
#include "x86/percpu.h"

typedef struct {
	u32 locked;
#ifdef LOCKDEP
	struct lock_class *class;
#endif
} spinlock_t;
#define SPINLOCK_INIT                                                                              \
	{                                                                                          \
		0                                                                                  \
	}

#ifdef DYAD_HOST
#define SPIN_INLINE static inline
static inline void irq_push(void)
{
}
static inline void irq_pop(void)
{
}
#else
#define SPIN_INLINE inline /* where the compiler prefers a call, to the one copy in cpu.c */
/* In assembly, relative to GS: two of these stand around every lock, and in C it is twice as much. */
SPIN_INLINE void irq_push(void)
{
	__asm__ volatile("cmpl $0, %%gs:%c0\n"
			 "jne 1f\n"
			 "pushfq\n"
			 "cli\n"
			 "popq %%gs:%c1\n"
			 "1: incl %%gs:%c0" ::"i"(offsetof(struct cpu, irq_depth)),
			 "i"(offsetof(struct cpu, irq_flags))
			 : "memory", "cc");
}
SPIN_INLINE void irq_pop(void)
{
	__asm__ volatile("decl %%gs:%c0\n"
			 "jne 1f\n"
			 "testl %2, %%gs:%c1\n"
			 "jz 1f\n"
			 "sti\n"
			 "1:" ::"i"(offsetof(struct cpu, irq_depth)),
			 "i"(offsetof(struct cpu, irq_flags)), "i"(RFLAGS_IF)
			 : "memory", "cc");
}
#endif

static inline void spin_init(spinlock_t *l)
{
	l->locked = 0;
}
SPIN_INLINE void spin_lock(spinlock_t *l)
{
	irq_push();
	while (__atomic_exchange_n(&l->locked, 1, __ATOMIC_ACQUIRE))
		while (__atomic_load_n(&l->locked, __ATOMIC_RELAXED))
			__builtin_ia32_pause();
}
SPIN_INLINE bool spin_trylock(spinlock_t *l)
{
	irq_push();
	if (!__atomic_exchange_n(&l->locked, 1, __ATOMIC_ACQUIRE))
		return true;
	irq_pop();
	return false;
}
SPIN_INLINE void spin_unlock(spinlock_t *l)
{
	__atomic_store_n(&l->locked, 0, __ATOMIC_RELEASE);
	irq_pop();
}

/* The second lock of a class while one is held: see lib/lockdep.h. */
#ifndef LOCKDEP
#define spin_lock_nested(l, subclass) spin_lock(l)
#else
/* The same functions, and the checker is told: before a lock is waited for, after one is tried. */
#define spin_init(l)                                                                               \
	({                                                                                         \
		(spin_init)(l);                                                                    \
		LOCKDEP_CLASS(l, #l);                                                              \
	})
#define spin_lock_nested(l, subclass)                                                              \
	({                                                                                         \
		spinlock_t *l_ = (l);                                                              \
		irq_push();                                                                        \
		lockdep_take(l_, &l_->class, #l, subclass, LOCK_SPIN);                             \
		(spin_lock)(l_);                                                                   \
		irq_pop();                                                                         \
	})
#define spin_lock(l) spin_lock_nested(l, 0)
#define spin_trylock(l)                                                                            \
	({                                                                                         \
		spinlock_t *l_ = (l);                                                              \
		bool got_ = (spin_trylock)(l_);                                                    \
		if (got_)                                                                          \
			lockdep_take(l_, &l_->class, #l, 0, LOCK_SPIN | LOCK_TRIED);               \
		got_;                                                                              \
	})
#define spin_unlock(l)                                                                             \
	({                                                                                         \
		spinlock_t *l_ = (l);                                                              \
		lockdep_drop(l_, LOCK_SPIN);                                                       \
		(spin_unlock)(l_);                                                                 \
	})
#endif

static inline void spin_guard_end(spinlock_t **l)
{
	spin_unlock(*l);
}
/* Holds l to the end of the block, however that is left. */
#define SPIN_GUARD(l)                                                                              \
	spin_lock(l);                                                                              \
	spinlock_t *guard_ __attribute__((cleanup(spin_guard_end), unused)) = (l)
