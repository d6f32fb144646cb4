/* SPDX-License-Identifier: MIT */
/*
 * Who runs next. Each CPU has a queue of the threads that want it, a tree ordered by vruntime: the
 * CPU time a thread had, divided by its weight. The thread that had least goes first, so all get
 * time in proportion to their weights. The running thread is not in the tree.
 *
 * A thread that slept is placed a little before the others (it may catch up half a period, not a
 * whole night) and may preempt. Times of different queues do not compare: a thread that moves takes
 * its distance from min_vruntime along.
 *
 * Balance: a waking thread goes to an idle CPU when there is one; a CPU that runs empty pulls; a
 * CPU with a crowd pushes at its tick. Nobody else needs a tick, so a CPU with one thread has none.
 * One exception: who is known to sleep right after it wakes somebody (it asks and waits for the answer)
 * keeps the other on its own CPU. Right after means sooner than a sleeping CPU would begin, which is
 * measured all the time: a microsecond on one machine, a hundred on an emulator.
 * See sched/internal.h for the locks.
 */
#include "sched/internal.h"

#define PERIOD (6 * NSEC_PER_MSEC) /* in which every runnable thread should have its turn */
#define MIN_SLICE NSEC_PER_MSEC
#define WAKE_GRANULARITY NSEC_PER_MSEC /* a lead smaller than this does not preempt */
#define BALANCE_EVERY (20 * NSEC_PER_MSEC)
#define WEIGHT_NICE_0 1024
#define SYNC_SURE 2 /* a habit from the second time on */
#define KICK_MIN (2 * NSEC_PER_USEC)
#define KICK_MAX (500 * NSEC_PER_USEC)

cpumask_t sched_online;
static cpumask_t idle_mask; /* CPUs that sleep and that no waker has chosen yet */

/* From the wake-up of a sleeping CPU to the first instruction of the thread, average; racy updates. */
static u64 kick_ns = KICK_MIN;

static bool before(u64 a, u64 b)
{
	return (s64)(a - b) < 0;
}

/* ---- weights ---- */

/* One nice level is a quarter more or less (setpriority(2), sched(7)). */
static u64 nice_weight(int nice)
{
	u64 w = WEIGHT_NICE_0 << 8;

	for (; nice > 0; nice--)
		w = w * 4 / 5;
	for (; nice < 0; nice++)
		w = w * 5 / 4;
	return max(w >> 8, 1UL);
}

void sched_group_init(struct sched_group *g, struct sched_group *parent, u32 weight)
{
	*g = (struct sched_group){ .parent = parent, .weight = weight };
	spin_init(&g->lock);
}

/* Something of this weight begins (n = 1) or ceases (n = -1) to want the CPU inside g. */
static void group_count(struct sched_group *g, s64 weight, int n)
{
	while (g) {
		bool turned;

		spin_lock(&g->lock);
		g->load += n * weight;
		g->nr_active += n;
		turned = g->nr_active == (n > 0 ? 1 : 0);
		if (turned && n > 0)
			g->parent_weight = g->weight;
		weight = g->parent_weight;
		spin_unlock(&g->lock);
		if (!turned)
			return;
		g = g->parent;
	}
}

void sched_group_set_weight(struct sched_group *g, u32 weight)
{
	s64 change = 0;

	spin_lock(&g->lock);
	if (g->nr_active) {
		change = (s64)weight - g->parent_weight;
		g->parent_weight = weight;
	}
	g->weight = weight;
	spin_unlock(&g->lock);
	if (change && g->parent) {
		spin_lock(&g->parent->lock);
		g->parent->load += change;
		spin_unlock(&g->parent->lock);
	}
}

/* The thread's part of its group's part of its parent's part ... */
static u64 effective_weight(const struct thread *t)
{
	u64 w = t->weight;
	const struct sched_group *g;

	for (g = t->group; g; g = g->parent)
		w = w * READ_ONCE(g->weight) / (u64)max(READ_ONCE(g->load), (s64)1);
	return max(w, 1UL);
}

/* ---- the tree ---- */

static void tree_insert(struct runqueue *rq, struct thread *t)
{
	/* LAB 04: begin
	 * Puts t into rq->tree, so that tree_first() finds the thread with the least vruntime. lib/rbtree.h: go
	 * down from rq->tree.node (children are left and right, rb_entry() makes a thread of a node), remember
	 * the parent and the empty link where t belongs, and hand both to rb_insert(). Compare by
	 * before(). Of equals, the one that came first stays first.
	 * starter: panic("lab 04: tree_insert() is not written yet");
	 */
	struct rb_node **link = &rq->tree.node, *parent = NULL;

	while (*link) {
		parent = *link;
		link = before(t->vruntime, rb_entry(parent, struct thread, rq_node)->vruntime)
			       ? &parent->left
			       : &parent->right;
	}
	rb_insert(&rq->tree, &t->rq_node, parent, link);
	/* LAB 04: end */
}

static struct thread *tree_first(struct runqueue *rq)
{
	struct rb_node *n = rb_first(&rq->tree);

	return n ? rb_entry(n, struct thread, rq_node) : NULL;
}

static void count_in(struct runqueue *rq, struct thread *t)
{
	t->on_rq = true;
	WRITE_ONCE(rq->nr, rq->nr + 1);
	rq->load += t->weight;
	group_count(t->group, t->weight, 1);
}

static void count_out(struct runqueue *rq, struct thread *t)
{
	t->on_rq = false;
	WRITE_ONCE(rq->nr, rq->nr - 1);
	rq->load -= t->weight;
	group_count(t->group, t->weight, -1);
}

static void move_min_vruntime(struct runqueue *rq)
{
	struct thread *curr = rq->cpu->thread, *first = tree_first(rq);
	bool busy = curr != rq->cpu->idle_thread && curr->on_rq;
	u64 v;

	if (busy && first)
		v = before(curr->vruntime, first->vruntime) ? curr->vruntime : first->vruntime;
	else if (busy || first)
		v = busy ? curr->vruntime : first->vruntime;
	else
		return;
	if (before(rq->min_vruntime, v))
		rq->min_vruntime = v;
}

void rq_update(struct runqueue *rq, u64 now)
{
	struct thread *curr = rq->cpu->thread;
	u64 delta = now - rq->exec_start;

	if ((s64)delta <= 0) /* asked by a CPU whose clock is a little behind */
		return;
	rq->exec_start = now;
	if (curr == rq->cpu->idle_thread) {
		rq->cpu->idle_ns += delta;
		return;
	}
	curr->cpu_ns += delta;
	rq->busy_ns += delta;
	if (bandwidth_limited(curr))
		bandwidth_charge(curr, delta, now);
	/* LAB 04: begin
	 * curr ran for delta ns. Charge it: its vruntime moves on by delta for a thread of weight
	 * WEIGHT_NICE_0, by less for a heavier one, by more for a lighter one, in proportion. The weight
	 * is effective_weight(curr), which asks the thread's groups; most threads have weight
	 * WEIGHT_NICE_0 and no group (curr->group), and a division can be saved. Then the queue's
	 * min_vruntime may have to move: move_min_vruntime(rq).
	 * starter: (void)effective_weight, (void)move_min_vruntime;
	 * starter: panic("lab 04: rq_update() is not written yet");
	 */
	if (curr->weight == WEIGHT_NICE_0 && !curr->group)
		curr->vruntime += delta;
	else
		curr->vruntime += delta * WEIGHT_NICE_0 / effective_weight(curr);
	move_min_vruntime(rq);
	/* LAB 04: end */
}

static u64 slice_of(struct runqueue *rq, struct thread *t)
{
	/* LAB 04: begin
	 * How long t may run, in ns, before the others have their turn: of PERIOD the part that t->weight is of
	 * the weights of all in the queue, rq->load (which can be 0 for a moment); at least MIN_SLICE.
	 * starter: panic("lab 04: slice_of() is not written yet");
	 */
	return max(MIN_SLICE, PERIOD * t->weight / max(rq->load, 1UL));
	/* LAB 04: end */
}

/* ---- balance ---- */

/* Moves t, waiting in from's tree, to the tree of to. Both locked. */
static void move_queued(struct runqueue *from, struct runqueue *to, struct thread *t)
{
	rb_erase(&from->tree, &t->rq_node);
	count_out(from, t);
	t->vruntime += to->min_vruntime - from->min_vruntime;
	WRITE_ONCE(t->cpu, to->cpu->id);
	count_in(to, t);
	tree_insert(to, t);
}

/* The last waiting thread that may run on CPU cpu: it had most time, its cache is coldest. */
static struct thread *movable(struct runqueue *rq, u32 cpu)
{
	struct rb_node *n;
	unsigned int tries = 8;

	for (n = rb_last(&rq->tree); n && tries--; n = rb_prev(n)) {
		struct thread *t = rb_entry(n, struct thread, rq_node);

		if (t->allowed & BIT(cpu))
			return t;
	}
	return NULL;
}

/* rq runs empty: takes a waiting thread from whoever has one. */
static void pull(struct runqueue *rq)
{
	/* LAB 04: begin
	 * rq is locked, its CPU would sleep. Go round the other CPUs of sched_online (BIT(cpu)), beginning with
	 * the next one, so that not all idle CPUs ask the same. One that has two threads or more has one that
	 * waits: try to lock its queue (spin_trylock(): never wait for a second queue's lock), look again,
	 * and let movable() say which thread may come here; move_queued() moves it. Unlock. One thread
	 * is enough.
	 * starter: static bool said;
	 * starter:
	 * starter: if (!said && nr_cpus > 1)
	 * starter: 	pr_err("lab 04: pull() is not written yet");
	 * starter: said = true;
	 */
	u32 i, id = rq->cpu->id;

	for (i = 1; i < nr_cpus; i++) {
		u32 cpu = (id + i) % nr_cpus;
		struct runqueue *busy;
		struct thread *t;

		if (!(READ_ONCE(sched_online) & BIT(cpu)))
			continue;
		busy = cpu_rq(cpu);
		if (READ_ONCE(busy->nr) < 2 || !spin_trylock(&busy->lock))
			continue;
		t = busy->nr >= 2 ? movable(busy, id) : NULL;
		if (t)
			move_queued(busy, rq, t);
		spin_unlock(&busy->lock);
		if (t)
			return;
	}
	/* LAB 04: end */
}

/* Tells a CPU that its queue changed. Its queue is locked. */
static void resched(struct runqueue *rq)
{
	WRITE_ONCE(rq->cpu->need_resched, true);
	if (rq->cpu != this_cpu())
		smp_kick(rq->cpu->id);
}

/* rq is crowded: gives a thread to the emptiest CPU, when that has at least two fewer. */
static void push(struct runqueue *rq)
{
	struct runqueue *to = NULL;
	struct thread *t;
	u32 cpu;

	for (cpu = 0; cpu < nr_cpus; cpu++) {
		struct runqueue *r;

		if (!(READ_ONCE(sched_online) & BIT(cpu)))
			continue;
		r = cpu_rq(cpu);
		if (READ_ONCE(r->nr) + 2 <= rq->nr && (!to || READ_ONCE(r->nr) < READ_ONCE(to->nr)))
			to = r;
	}
	if (!to || !spin_trylock(&to->lock))
		return;
	t = movable(rq, to->cpu->id);
	if (t) {
		move_queued(rq, to, t);
		resched(to);
	}
	spin_unlock(&to->lock);
}

void sched_mark_idle(struct runqueue *rq)
{
	__atomic_fetch_or(&idle_mask, BIT(rq->cpu->id), __ATOMIC_SEQ_CST);
}

void sched_clear_idle(struct runqueue *rq)
{
	__atomic_fetch_and(&idle_mask, ~BIT(rq->cpu->id), __ATOMIC_SEQ_CST);
}

/* The current thread will sleep before another CPU could begin t. */
static bool keep_here(const struct thread *t)
{
	struct cpu *c = this_cpu();

	return c->thread->sync >= SYNC_SURE && READ_ONCE(c->rq->nr) == 1 && t->allowed & BIT(c->id);
}

/* Where a waking thread goes: its old CPU if that is idle, or this one, or any; else its old one. */
static u32 choose_cpu(const struct thread *t)
{
	cpumask_t ok = t->allowed & READ_ONCE(sched_online);
	cpumask_t idle = READ_ONCE(idle_mask) & ok;
	u32 here = this_cpu()->id;

	if (keep_here(t))
		return here;

	while (idle) {
		u32 cpu = idle & BIT(t->cpu) ? t->cpu
			  : idle & BIT(here) ? here
					     : (u32)__builtin_ctzl(idle);

		if (__atomic_fetch_and(&idle_mask, ~BIT(cpu), __ATOMIC_SEQ_CST) & BIT(cpu))
			return cpu;
		idle &= ~BIT(cpu);
	}
	if (!ok || ok & BIT(t->cpu))
		return t->cpu;
	return __builtin_ctzl(ok);
}

/* ---- on and off the queues ---- */

struct runqueue *thread_rq_lock(struct thread *t)
{
	for (;;) {
		u32 cpu = READ_ONCE(t->cpu);
		struct runqueue *rq = cpu_rq(cpu);

		spin_lock(&rq->lock);
		if (likely(READ_ONCE(t->cpu) == cpu))
			return rq;
		spin_unlock(&rq->lock);
	}
}

/* A newly queued thread: does it preempt, and does the running one now need a slice? */
static void check_preempt(struct runqueue *rq, struct thread *t, u64 now)
{
	struct thread *curr = rq->cpu->thread;

	if (curr == rq->cpu->idle_thread) {
		if (rq->cpu != this_cpu())
			t->kicked_at = now;
		resched(rq);
		return;
	}
	if (curr == current_thread() && curr->sync >= SYNC_SURE && rq->nr == 2) {
		/* It sleeps in a moment. If this time it does not, the tick gives t to another CPU. */
		rq->slice_end = min(rq->slice_end, now + 2 * kick_ns);
		clock_rearm(rq);
	} else if (before(t->vruntime + WAKE_GRANULARITY, curr->vruntime)) {
		resched(rq);
	} else if (rq->slice_end == ~0UL) {
		rq->slice_end = rq->exec_start + slice_of(rq, curr);
		if (rq->cpu == this_cpu())
			clock_rearm(rq);
		else
			resched(rq); /* it was alone and has no timer running */
	}
}

/* Gives t, which was off the queues and joins rq, its place in rq's virtual time. fresh: it is new. */
static void place(struct runqueue *rq, struct thread *t, bool fresh)
{
	/* LAB 04: begin
	 * A new thread begins MIN_SLICE behind rq->min_vruntime: starting threads gains no time. One that slept
	 * keeps its vruntime, but is never further before min_vruntime than half a PERIOD.
	 * starter: panic("lab 04: place() is not written yet");
	 */
	if (fresh)
		t->vruntime = rq->min_vruntime + MIN_SLICE;
	else if (before(t->vruntime, rq->min_vruntime - PERIOD / 2))
		t->vruntime = rq->min_vruntime - PERIOD / 2;
	/* LAB 04: end */
}

u64 thread_enqueue_unlock(struct runqueue *rq, struct thread *t, bool fresh)
{
	u64 now = clock_ns();
	u32 cpu;

	while ((cpu = choose_cpu(t)) != t->cpu) {
		u64 old_min = rq->min_vruntime;

		WRITE_ONCE(t->cpu, cpu);
		spin_unlock(&rq->lock);
		rq = cpu_rq(cpu);
		spin_lock(&rq->lock);
		t->vruntime += rq->min_vruntime - old_min;
		if (t->allowed & BIT(cpu)) /* else: sched_setaffinity() came between */
			break;
	}
	rq_update(rq, now); /* or it would be placed by what was true at the last switch */
	place(rq, t, fresh);
	t->queued_at = now;
	count_in(rq, t);
	tree_insert(rq, t);
	check_preempt(rq, t, now);
	spin_unlock(&rq->lock);
	return now;
}

void rq_put_prev(struct runqueue *rq, struct thread *prev, u64 now)
{
	if (prev == rq->cpu->idle_thread)
		return;
	if (prev->state == THREAD_INTERRUPTIBLE && READ_ONCE(prev->work) & THREAD_WORK_SIGNAL)
		prev->state = THREAD_RUNNABLE;
	if (prev->state != THREAD_RUNNABLE) {
		if (prev->woke_at) {
			bool soon = now - prev->woke_at < kick_ns;

			prev->sync = soon ? min(prev->sync + 1, SYNC_SURE) : 0;
			prev->woke_at = 0;
		}
		count_out(rq, prev);
		prev->nr_voluntary++;
	} else if (unlikely(!(prev->allowed & BIT(rq->cpu->id)))) {
		count_out(rq, prev); /* the end of the switch finds it another CPU */
	} else {
		prev->queued_at = now;
		tree_insert(rq, prev);
	}
}

struct thread *rq_pick(struct runqueue *rq, u64 now)
{
	struct thread *t = tree_first(rq);

	if (!t) {
		pull(rq);
		t = tree_first(rq);
	}
	rq->slice_end = ~0UL;
	if (!t)
		return rq->cpu->idle_thread;
	rb_erase(&rq->tree, &t->rq_node);
	t->slice_start = now;
	t->run_delay += now > t->queued_at ? now - t->queued_at : 0; /* clocks of two CPUs, maybe */
	if (t->kicked_at) {
		s64 took = min(max(now - t->kicked_at, KICK_MIN), KICK_MAX);

		kick_ns += (took - (s64)kick_ns) / 8;
		t->kicked_at = 0;
	}
	if (rq->tree.node)
		rq->slice_end = now + slice_of(rq, t);
	if (bandwidth_limited(t))
		rq->slice_end = min(rq->slice_end, now + bandwidth_slice(t, now));
	return t;
}

void rq_tick(struct runqueue *rq, u64 now)
{
	spin_lock(&rq->lock);
	rq_update(rq, now);
	if (now >= rq->slice_end) {
		WRITE_ONCE(rq->cpu->need_resched, true);
		/* in a long kernel path the thread goes on for a while: ask again later */
		rq->slice_end = now + MIN_SLICE;
	}
	if (rq->nr >= 2 && (now >= rq->next_balance || READ_ONCE(idle_mask))) {
		rq->next_balance = now + BALANCE_EVERY;
		push(rq);
	}
	spin_unlock(&rq->lock);
}

/* ---- asked from outside ---- */

bool thread_wake_states(struct thread *t, u32 mask)
{
	struct runqueue *rq = thread_rq_lock(t);

	if (!(BIT(t->state) & mask)) {
		spin_unlock(&rq->lock);
		return false;
	}
	t->state = THREAD_RUNNABLE;
	if (t->on_rq) { /* not asleep yet: schedule() will see the state */
		spin_unlock(&rq->lock);
		return true;
	}
	/* An interrupt's wake-up counts for the thread that it interrupts: seldom, and soon forgotten. */
	current_thread()->woke_at = thread_enqueue_unlock(rq, t, false);
	return true;
}

void thread_start(struct thread *t)
{
	struct runqueue *rq;

	__atomic_fetch_add(&sched_nr_threads, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&sched_nr_forks, 1, __ATOMIC_RELAXED);
	t->weight = nice_weight(t->nice);
	rq = thread_rq_lock(t);
	t->state = THREAD_RUNNABLE;
	t->sync = current_thread()
			  ->sync; /* a child does as its parent until it has habits of its own */
	current_thread()->woke_at = thread_enqueue_unlock(rq, t, true);
}

void thread_set_nice(struct thread *t, int nice)
{
	struct runqueue *rq = thread_rq_lock(t);
	u64 weight = nice_weight(nice);

	if (t->on_rq) {
		group_count(t->group, t->weight, -1);
		group_count(t->group, weight, 1);
		rq->load += weight - t->weight;
	}
	t->nice = nice;
	t->weight = weight;
	spin_unlock(&rq->lock);
}

void thread_set_group(struct thread *t, struct sched_group *g)
{
	struct runqueue *rq = thread_rq_lock(t);

	if (t->on_rq) {
		group_count(t->group, t->weight, -1);
		group_count(g, t->weight, 1);
	}
	t->group = g;
	if (t->on_cpu && bandwidth_limited(t))
		resched(rq); /* it may run for less long now */
	spin_unlock(&rq->lock);
}

int thread_set_allowed(struct thread *t, cpumask_t mask)
{
	struct runqueue *rq;

	if (!(mask & READ_ONCE(sched_online)))
		return -EINVAL;
	rq = thread_rq_lock(t);
	t->allowed = mask;
	if (mask & BIT(t->cpu) || !t->on_rq) {
		spin_unlock(&rq->lock);
	} else if (t == rq->cpu->thread) {
		resched(rq); /* its switch out moves it */
		spin_unlock(&rq->lock);
		if (t == current_thread())
			schedule();
	} else {
		rb_erase(&rq->tree, &t->rq_node);
		count_out(rq, t);
		thread_enqueue_unlock(rq, t, false);
	}
	return 0;
}

void sched_yield(void)
{
	struct runqueue *rq = this_rq();
	struct thread *t = current_thread(), *first;

	spin_lock(&rq->lock);
	rq_update(rq, clock_ns());
	first = tree_first(rq);
	if (first && !before(first->vruntime, t->vruntime))
		t->vruntime = first->vruntime + 1;
	spin_unlock(&rq->lock);
	schedule();
}
