/* SPDX-License-Identifier: MIT */
/*
 * Limits, without a lock. A level takes a charge by compare-and-swap, so that its count never
 * passes its limit, not even for a moment; a refusal higher up gives back what the levels below
 * took. Whoever moves a count away from 0 takes a reference, whoever brings it back to 0 drops
 * it. The second cannot overtake the first: a count holds the first one's charge until that
 * charge is complete.
 */
#include "lib/res_counter.h"
#include "lib/printk.h"

void res_counter_init(struct res_counter *res, struct res_counter *parent,
		      void (*release)(struct res_counter *res))
{
	*res = (struct res_counter){
		.limit = RES_NO_LIMIT,
		.parent = parent,
		.refs = 1,
		.release = release,
	};
}

void res_counter_put(struct res_counter *res)
{
	if (__atomic_sub_fetch(&res->refs, 1, __ATOMIC_ACQ_REL) == 0 && res->release)
		res->release(res);
}

static void raise_peak(struct res_counter *res, u64 count)
{
	u64 peak = __atomic_load_n(&res->peak, __ATOMIC_RELAXED);

	while (peak < count)
		if (__atomic_compare_exchange_n(&res->peak, &peak, count, true, __ATOMIC_RELAXED,
						__ATOMIC_RELAXED))
			return;
}

/* Charges this level alone. False when its limit forbids it, or when the sum would overflow. */
static bool charge_level(struct res_counter *res, u64 n, u64 limit)
{
	u64 count = __atomic_load_n(&res->count, __ATOMIC_RELAXED);

	do
		if (n > limit || count > limit - n)
			return false;
	while (!__atomic_compare_exchange_n(&res->count, &count, count + n, true, __ATOMIC_ACQ_REL,
					    __ATOMIC_RELAXED));
	if (!count)
		__atomic_fetch_add(&res->refs, 1, __ATOMIC_RELAXED);
	raise_peak(res, count + n);
	return true;
}

/* Gives n back at every level below end. A level may be freed once its count is 0. */
static void uncharge_below(struct res_counter *res, u64 n, const struct res_counter *end)
{
	while (res != end) {
		struct res_counter *parent = res->parent;
		u64 left = __atomic_sub_fetch(&res->count, n, __ATOMIC_ACQ_REL);

		WARN_ON(left + n < left);
		if (!left)
			res_counter_put(res);
		res = parent;
	}
}

struct res_counter *res_charge(struct res_counter *res, u64 n)
{
	if (!n)
		return NULL;
	for (struct res_counter *r = res; r; r = r->parent) {
		if (charge_level(r, n, READ_ONCE(r->limit)))
			continue;
		__atomic_fetch_add(&r->refused, 1, __ATOMIC_RELAXED);
		uncharge_below(res, n, r);
		return r;
	}
	return NULL;
}

void res_charge_force(struct res_counter *res, u64 n)
{
	if (!n)
		return;
	for (; res; res = res->parent)
		WARN_ON(!charge_level(res, n, RES_NO_LIMIT));
}

void res_uncharge(struct res_counter *res, u64 n)
{
	if (n)
		uncharge_below(res, n, NULL);
}
