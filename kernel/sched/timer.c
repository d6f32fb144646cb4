/* SPDX-License-Identifier: MIT */
/*
 * Timers: per CPU a tree by expiry. The clock interrupt is armed for the first timer or the end of
 * the running thread's slice, whichever comes first, and for nothing else: there is no tick.
 *
 * It is moved to an earlier time at once, to a later one only when it fires: arming costs an access
 * to the APIC (in a virtual machine an exit), an early interrupt once in a while costs less.
 */
#include "sched/internal.h"

void timer_init(struct timer *t, void (*fn)(struct timer *t))
{
	t->fn = fn;
	t->armed = false;
	t->cpu = this_cpu()->id;
	t->expires = 0;
}

void clock_rearm(struct runqueue *rq)
{
	u64 next = min(READ_ONCE(rq->first_timer), READ_ONCE(rq->slice_end));

	if (next < rq->armed) {
		rq->armed = next;
		clock_arm(next);
	}
}

static struct runqueue *timer_lock(const struct timer *t)
{
	for (;;) {
		u32 cpu = READ_ONCE(t->cpu);
		struct runqueue *rq = cpu_rq(cpu);

		spin_lock(&rq->timer_lock);
		if (likely(READ_ONCE(t->cpu) == cpu))
			return rq;
		spin_unlock(&rq->timer_lock);
	}
}

static void note_first(struct runqueue *rq)
{
	struct rb_node *n = rb_first(&rq->timers);

	WRITE_ONCE(rq->first_timer, n ? rb_entry(n, struct timer, rb)->expires : ~0UL);
}

static void timer_remove(struct runqueue *rq, struct timer *t)
{
	rb_erase(&rq->timers, &t->rb);
	t->armed = false;
	if (t->expires == rq->first_timer)
		note_first(rq);
}

bool timer_start(struct timer *t, u64 expires)
{
	struct runqueue *rq = timer_lock(t), *here;
	struct rb_node **link, *parent = NULL;
	bool was_armed = t->armed;

	if (was_armed)
		timer_remove(rq, t);
	here = this_rq();
	if (rq != here) {
		WRITE_ONCE(t->cpu, here->cpu->id);
		spin_unlock(&rq->timer_lock);
		rq = here;
		spin_lock(&rq->timer_lock);
	}
	t->expires = expires;
	t->armed = true;
	link = &rq->timers.node;
	while (*link) {
		parent = *link;
		link = expires < rb_entry(parent, struct timer, rb)->expires ? &parent->left
									     : &parent->right;
	}
	rb_insert(&rq->timers, &t->rb, parent, link);
	if (expires < rq->first_timer) {
		WRITE_ONCE(rq->first_timer, expires);
		clock_rearm(rq);
	}
	spin_unlock(&rq->timer_lock);
	return was_armed;
}

bool timer_cancel(struct timer *t)
{
	bool was_armed = false, elsewhere;

	do {
		struct runqueue *rq = timer_lock(t);

		if (t->armed) {
			timer_remove(rq, t);
			was_armed = true;
		}
		/* On this CPU it can only be the callback itself that calls. */
		elsewhere = rq->running == t && rq != this_rq();
		spin_unlock(&rq->timer_lock);
		if (elsewhere)
			cpu_relax();
	} while (elsewhere);
	return was_armed;
}

void timers_run(struct runqueue *rq, u64 now)
{
	spin_lock(&rq->timer_lock);
	while (rq->first_timer <= now) {
		struct timer *t = rb_entry(rb_first(&rq->timers), struct timer, rb);

		timer_remove(rq, t);
		rq->running = t;
		spin_unlock(&rq->timer_lock);
		t->fn(t); /* may free t */
		spin_lock(&rq->timer_lock);
		rq->running = NULL;
	}
	spin_unlock(&rq->timer_lock);
}

/* ---- sleeping with an end ---- */

struct sleep_timer {
	struct timer timer;
	struct thread *thread;
	bool passed;
};

static void sleep_end(struct timer *timer)
{
	struct sleep_timer *s = container_of(timer, struct sleep_timer, timer);

	WRITE_ONCE(s->passed, true);
	thread_wake(s->thread);
}

bool schedule_until(u64 deadline)
{
	struct sleep_timer s = { .thread = current_thread() };

	if (deadline == ~0UL) {
		schedule();
		return true;
	}
	timer_init(&s.timer, sleep_end);
	timer_start(&s.timer, deadline);
	schedule();
	timer_cancel(&s.timer);
	return !s.passed;
}
