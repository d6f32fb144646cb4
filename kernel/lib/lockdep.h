/* SPDX-License-Identifier: MIT */
/*
 * The checker of locks (make SAN=1, make DEBUG=1): lock order, sleeping while atomic, locks left
 * behind. See sched/lockdep.c. Without it all of this is empty.
 *
 * Locks that are made in one place in the source are one class, and a lock of static storage is one
 * of its own. Two locks of one class nest only when the second is taken with a subclass
 * that says its place in the order; the first has 0.
 */
#pragma once
#include "lib/types.h"

enum lock_subclass {
	LOCK_SECOND = 1, /* of two in an order of their own */
	LOCK_INSIDE = 2, /* in a directory that is locked */
};

#ifdef LOCKDEP
#define LOCK_SUBCLASSES 3
#define LOCKDEP_DEPTHS 8
struct lock_class {
	const char *name;
	u16 id[LOCK_SUBCLASSES]; /* 0: not yet seen */
	bool nests; /* any number of them, in an order that is kept elsewhere */
};
/* The locks that a thread sleeps with (mutexes) or a CPU holds (spinlocks). */
#define MAX_HELD 16
struct held_locks {
	u32 nr;
	struct held_lock {
		const void *lock;
		u16 id;
	} lock[MAX_HELD];
};
enum lock_how { LOCK_SPIN = 1, LOCK_TRIED = 2 };

/* Before lock is taken (LOCK_TRIED: after). *class: NULL until now for one of static storage. */
void lockdep_take(const void *lock, struct lock_class **class, const char *name, u32 subclass,
		  u32 how);
void lockdep_drop(const void *lock, u32 how); /* before it is let go */
void lockdep_might_sleep(void);
void lockdep_freed(const void *p, size_t size); /* memory that is given back holds no held lock */
void lockdep_to_user(void); /* nothing is held on the way to ring 3 */
/* No spinlock is held when one comes, at rip and with these flags. */
void lockdep_interrupt(bool begins, u64 rip, u64 flags);
/* Gives a lock, just made, a class of its place in the source. */
#define LOCKDEP_CLASS(l, text)                                                                     \
	do {                                                                                       \
		static struct lock_class class_ = { .name = text };                                \
		(l)->class = &class_;                                                              \
	} while (0)
/* The same where file systems lie on each other: what is nearer to the bottom is taken later. */
#define LOCKDEP_CLASS_AT(l, text, depth)                                                           \
	do {                                                                                       \
		static struct lock_class class_[LOCKDEP_DEPTHS];                                   \
		class_[(depth) % LOCKDEP_DEPTHS].name = text;                                      \
		(l)->class = &class_[(depth) % LOCKDEP_DEPTHS];                                    \
	} while (0)
#define LOCKDEP_NESTS(l) ((l)->class->nests = true)
#else
#define LOCKDEP_CLASS(l, text) ((void)0)
#define LOCKDEP_CLASS_AT(l, text, depth) ((void)0)
#define LOCKDEP_NESTS(l) ((void)0)
#define lockdep_might_sleep() ((void)0)
#define lockdep_freed(p, size) ((void)0)
#define lockdep_to_user() ((void)0)
#define lockdep_interrupt(begins, rip, flags) ((void)0)
#endif
