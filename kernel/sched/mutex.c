/* SPDX-License-Identifier: MIT */
/*
 * The sleeping lock. Unlocking wakes the first waiter but does not hand the lock over: whoever comes
 * first takes it, so that a thread that locks and unlocks in a row need not switch each time. A
 * waiter keeps its place at the front; when it came too late once, the next unlock makes it the owner.
 */
#include "sched/internal.h"

struct mutex_waiter {
	struct list_head link;
	struct thread *thread;
	bool late; /* it was woken and found the lock taken again */
	bool granted; /* by unlock: it is the owner, and off the list */
};

void mutex_init(struct mutex *m)
{
	spin_init(&m->lock);
	m->owner = NULL;
	list_init(&m->waiters);
}

void mutex_lock(struct mutex *m)
{
	struct thread *me = current_thread();
	struct mutex_waiter w = { .thread = me };

	might_sleep();
	spin_lock(&m->lock);
	if (unlikely(m->owner)) {
		if (m->owner == me)
			panic("%s locks a mutex that it holds", me->name);
		list_add_tail(&w.link, &m->waiters);
		while (m->owner && !w.granted) {
			WRITE_ONCE(me->state, THREAD_UNINTERRUPTIBLE);
			spin_unlock(&m->lock);
			schedule();
			spin_lock(&m->lock);
			w.late = true;
		}
		list_del(&w.link);
	}
	WRITE_ONCE(m->owner, me);
	spin_unlock(&m->lock);
}

void mutex_unlock(struct mutex *m)
{
	struct mutex_waiter *w = NULL;

	spin_lock(&m->lock);
	if (m->owner != current_thread())
		panic("mutex unlocked by another thread");
	if (!list_empty(&m->waiters))
		w = list_first(&m->waiters, struct mutex_waiter, link);
	if (w && w->late) {
		list_del(&w->link);
		w->granted = true;
	}
	WRITE_ONCE(m->owner, w && w->granted ? w->thread : NULL);
	if (w)
		thread_wake(w->thread);
	spin_unlock(&m->lock);
}
