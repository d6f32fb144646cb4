/* SPDX-License-Identifier: MIT */
/*
 * The sleeping lock. Unlocking wakes the first waiter but does not hand the lock over: whoever comes
 * first takes it, so that a thread that locks and unlocks in a row need not switch each time. A
 * waiter keeps its place at the front; when it came too late once, the next unlock makes it the owner.
 *
 * One word holds the owner, and in bit 0 whether somebody waits. While nobody does, locking and
 * unlocking are one compare-and-exchange; with the bit set that fails, and the rest is done under
 * m->lock, which guards the list and the bit.
 */
#include "sched/internal.h"

#ifdef LOCKDEP /* the functions themselves, not the macros that tell the checker */
#undef mutex_init
#undef mutex_lock
#undef mutex_trylock
#undef mutex_unlock
#endif

struct mutex_waiter {
	struct list_head link;
	struct thread *thread;
	bool late; /* it was woken and found the lock taken again */
	bool granted; /* by unlock: it is the owner, and off the list */
};

void mutex_init(struct mutex *m)
{
	spin_init(&m->lock);
	m->owner = 0;
	list_init(&m->waiters);
}

static bool exchange(struct mutex *m, u64 old, u64 new)
{
	return __atomic_compare_exchange_n(&m->owner, &old, new, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_RELAXED);
}

/* m->lock held. */
static void set_owner(struct mutex *m, struct thread *owner)
{
	u64 waited_for = list_empty(&m->waiters) ? 0 : MUTEX_WAITED_FOR;

	__atomic_store_n(&m->owner, (u64)owner | waited_for, __ATOMIC_RELEASE);
}

static void lock_slowly(struct mutex *m, struct thread *me)
{
	struct mutex_waiter w = { .thread = me };

	spin_lock(&m->lock);
	if (mutex_is_mine(m))
		panic("%s locks a mutex that it holds", me->name);
	list_add_tail(&w.link, &m->waiters);
	/* Setting the bit and looking for the owner is one step: the owner may just be unlocking. */
	while (__atomic_fetch_or(&m->owner, MUTEX_WAITED_FOR, __ATOMIC_ACQUIRE) &
		       ~MUTEX_WAITED_FOR &&
	       !w.granted) {
		WRITE_ONCE(me->state, THREAD_UNINTERRUPTIBLE);
		spin_unlock(&m->lock);
		schedule();
		spin_lock(&m->lock);
		w.late = true;
	}
	list_del(&w.link);
	set_owner(m, me);
	spin_unlock(&m->lock);
}

void mutex_lock(struct mutex *m)
{
	struct thread *me = current_thread();

	if (unlikely(!exchange(m, 0, (u64)me)))
		lock_slowly(m, me);
}

bool mutex_trylock(struct mutex *m)
{
	return exchange(m, 0, (u64)current_thread());
}

static void unlock_slowly(struct mutex *m)
{
	struct mutex_waiter *w;

	spin_lock(&m->lock);
	if (!mutex_is_mine(m))
		panic("mutex unlocked by another thread");
	w = list_first(&m->waiters, struct mutex_waiter, link);
	if (w->late) {
		list_del(&w->link);
		w->granted = true;
	}
	set_owner(m, w->granted ? w->thread : NULL);
	thread_wake(w->thread);
	spin_unlock(&m->lock);
}

void mutex_unlock(struct mutex *m)
{
	if (unlikely(!exchange(m, (u64)current_thread(), 0)))
		unlock_slowly(m);
}
