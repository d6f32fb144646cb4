/* SPDX-License-Identifier: MIT */
/*
 * Wait queues. A waiter queues its entry and sets its state, then tests its condition, then
 * sleeps; a waker makes the condition true, then calls waitq_wake_*(). One of the two always sees
 * the other: state and condition are on opposite sides of a lock or a full barrier.
 *
 * Entries usually lie on the sleeper's stack: waitq_finish() takes the queue's lock even when the
 * entry has been taken out, so that the waker has let go of it.
 */
#include "sched/internal.h"

#ifdef LOCKDEP /* the function itself */
#undef waitq_init
#endif

void waitq_init(struct waitq *wq)
{
	spin_init(&wq->lock);
	list_init(&wq->waiters);
}

/* Those who wait alone for their turn queue behind those who are all woken. */
static void enqueue(struct waitq *wq, struct wait_entry *w)
{
	if (w->wq && !list_empty(&w->link))
		return;
	w->wq = wq;
	list_add(&w->link, &wq->waiters);
}

void waitq_add(struct waitq *wq, struct wait_entry *w)
{
	spin_lock(&wq->lock);
	enqueue(wq, w);
	spin_unlock(&wq->lock);
}

void waitq_del(struct wait_entry *w)
{
	struct waitq *wq = w->wq;

	if (!wq)
		return;
	spin_lock(&wq->lock);
	list_del(&w->link);
	w->wq = NULL;
	spin_unlock(&wq->lock);
}

void waitq_wake_all(struct waitq *wq, u32 key)
{
	struct wait_entry *w, *next;

	spin_lock(&wq->lock);
	list_for_each_safe(w, next, &wq->waiters, link) {
		if (w->func) {
			w->func(w, key);
			continue;
		}
		list_del(&w->link);
		thread_wake(w->thread);
	}
	spin_unlock(&wq->lock);
}

void waitq_prepare(struct waitq *wq, struct wait_entry *w, enum thread_state state)
{
	struct thread *t = current_thread();

	spin_lock(&wq->lock);
	w->thread = t;
	enqueue(wq, w);
	WRITE_ONCE(t->state, state);
	spin_unlock(&wq->lock);
	/* The condition is read after the state is seen by wakers who hold no lock in common. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void waitq_finish(struct wait_entry *w)
{
	/*
	 * No lock: a waker that sees the old state writes RUNNABLE too, and finds the thread on its
	 * queue.
	 */
	WRITE_ONCE(current_thread()->state, THREAD_RUNNABLE);
	waitq_del(w);
}
