/* SPDX-License-Identifier: MIT */
/*
 * Frames that somebody pays for, and what happens when there are none or a limit refuses: the hook of
 * proc/ ends a process, its frames come back a moment later, and the allocation is tried again.
 */
#include "mm/internal.h"

/* Some four seconds: the hook has patience with a victim, then takes another. */
#define OOM_TRIES 128
#define RECLAIM 32 /* pages of files that are asked for at a time */
#define OOM_WAIT_SHIFT 5 /* 1 ms at first, doubled up to 32 */

bool (*mm_oom_hook)(struct res_counter *res);
u64 (*mm_shrink_hook)(u64 n, bool reclaim, const struct res_counter *res);

/* What is allocated for nobody's account; it has no parent, like the root's. */
static struct res_counter nobody;

struct res_counter *mem_pays(struct res_counter *res)
{
	struct res_counter *before = current_thread()->mem_pays;

	current_thread()->mem_pays = res ?: &nobody;
	return before;
}

void mem_pays_end(struct res_counter *before)
{
	current_thread()->mem_pays = before;
}

void (*mem_event_hook)(struct res_counter *res, enum mem_event what);
bool mem_guarded, mem_highs;

static bool try_relief(struct res_counter *res, unsigned int try)
{
	if (res && try == 0)
		mem_event(res, MEM_MAX);
	if (cache_reclaim(RECLAIM, res))
		return true;
	/*
	 * Names that nobody uses go first, before any process does, and what files are read from again.
	 * Free frames may lie where only other CPUs look.
	 */
	if (try == 0) {
		u64 gone = mm_shrink_hook ? mm_shrink_hook(~0UL, true, res) : 0;

		if (!res)
			mm_drain();
		if (gone || !res)
			return true;
	}
	/* The victim may be this very thread: it must get on, to its end. */
	if (try == OOM_TRIES || thread_killed() || !mm_oom_hook || !mm_oom_hook(res) ||
	    thread_killed())
		return false;
	WRITE_ONCE(current_thread()->state, THREAD_UNINTERRUPTIBLE);
	schedule_until(clock_ns() + (NSEC_PER_MSEC << min(try, (unsigned int)OOM_WAIT_SHIFT)));
	return true;
}

/* Asks for relief at res (NULL: all RAM) and waits for it, at nobody's cost. False: give up. */
static bool relieve(struct res_counter *res, unsigned int try)
{
	struct res_counter *before = mem_pays(NULL);
	bool again = try_relief(res, try);

	mem_pays_end(before);
	return again;
}

static bool charge_waiting(struct res_counter *res, u64 n)
{
	struct res_counter *refused;
	unsigned int try = 0;

	while ((refused = res_charge(res, n)))
		if (!relieve(refused, try++))
			return false;
	return true;
}

static void look_at_highs(const struct res_counter *res)
{
	if (unlikely(READ_ONCE(mem_highs)))
		for (; res; res = res->parent)
			if (READ_ONCE(res->count) > READ_ONCE(res->high))
				thread_set_work(current_thread(), THREAD_WORK_RECLAIM);
}

bool mem_charge(struct res_counter *res, u64 n)
{
	bool done = true;

	if (!res)
		return true;
	if (unlikely(res_charge(res, n))) {
		/* All may leave the group meanwhile, and it is removed. */
		__atomic_fetch_add(&res->refs, 1, __ATOMIC_RELAXED);
		done = charge_waiting(res, n);
		res_counter_put(res);
	}
	if (done)
		look_at_highs(res);
	return done;
}

/* What res has above its high, in 1024ths of that, at most 1024; when there is more than enough, less. */
static u64 excess(struct res_counter *res)
{
	u64 high = READ_ONCE(res->high), count;

	if (READ_ONCE(res->count) <= high)
		return 0;
	mem_event(res, MEM_HIGH);
	cache_reclaim(RECLAIM, res);
	count = READ_ONCE(res->count);
	return count > high ? min((count - high) * 1024 / max(high, 1UL), 1024UL) : 0;
}

void mem_high_wait(void)
{
	struct thread *t = current_thread();
	struct res_counter *res = t->mem_charge;
	u64 wait = 0;

	thread_clear_work(t, THREAD_WORK_RECLAIM);
	mem_unstock(t);
	if (!res)
		return;
	__atomic_fetch_add(&res->refs, 1, __ATOMIC_RELAXED);
	for (struct res_counter *r = res; r; r = r->parent) {
		u64 over = excess(r);

		wait = max(wait, over * over * (2 * NSEC_PER_SEC) >> 20);
	}
	res_counter_put(res);
	if (wait < 100 * NSEC_PER_USEC || thread_interrupted())
		return;
	WRITE_ONCE(t->state, THREAD_INTERRUPTIBLE);
	schedule_until(clock_ns() + wait);
}

bool frame_charge(struct frame *f, struct res_counter *res)
{
	if (!mem_charge(res, PAGE_SIZE))
		return false;
	f->charge = res;
	return true;
}

void mem_unstock(struct thread *t)
{
	res_uncharge(t->mem_stocked, t->mem_stock);
	t->mem_stocked = NULL;
	t->mem_stock = 0;
}

bool mem_charge_ahead(struct res_counter *res, u64 n)
{
	struct thread *t = current_thread();

	if (n > MEM_STOCK || res_charge(res, n + MEM_STOCK))
		return mem_charge(res, n);
	mem_unstock(t);
	t->mem_stocked = res;
	t->mem_stock = MEM_STOCK;
	look_at_highs(res);
	return true;
}

struct frame *frame_alloc_charged(enum frame_kind kind, struct res_counter *res, bool zero)
{
	unsigned int try = 0;
	struct frame *f;

	reclaim_if_low();
	while (unlikely(!(f = zero ? frame_alloc_zeros(kind) : frame_alloc(0, kind))))
		if (!relieve(NULL, try++))
			return NULL;
	if (!frame_charge(f, res)) {
		frame_put(f);
		return NULL;
	}
	return f;
}

void *page_alloc_charged(void)
{
	struct frame *f = frame_alloc_charged(FRAME_KERNEL, current_thread()->mem_charge, false);

	return f ? frame_va(f) : NULL;
}
