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
		.high = RES_NO_LIMIT,
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

static inline void raise_peak(struct res_counter *res, u64 count)
{
	u64 peak = __atomic_load_n(&res->peak, __ATOMIC_RELAXED);

	while (peak < count)
		if (__atomic_compare_exchange_n(&res->peak, &peak, count, true, __ATOMIC_RELAXED,
						__ATOMIC_RELAXED))
			return;
}

/* Charges this level alone. False when its limit forbids it, or when the sum would overflow. */
static inline bool charge_level(struct res_counter *res, u64 n, u64 limit)
{
	/* LAB 07: begin
	 * Add n to res->count, unless the sum would be more than limit: then return false, and nothing has
	 * changed. Other CPUs charge the same counter at the same moment, and there is no lock: read the
	 * count, decide, and write the sum only if the count is still what was read
	 * (__atomic_compare_exchange_n, which tells the new value when it is not; then decide again). A plain
	 * add, with a look afterwards, would let the count pass its limit for a moment.
	 * n and limit may be anything up to 2^64 - 1: no sum may overflow. Whoever moves the count away from
	 * 0 takes a reference (res->refs). At last raise_peak() to the new count.
	 * starter: if (n > limit)
	 * starter: 	raise_peak(res, res->peak);
	 * starter: return true;
	 */
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
	/* LAB 07: end */
}

/* Gives n back at every level below end. A level may be freed once its count is 0. */
static void uncharge_below(struct res_counter *res, u64 n, const struct res_counter *end)
{
	/* LAB 07: begin
	 * From res upwards, but not at end (NULL: at all levels): subtract n from the count; whoever brings
	 * it to 0 drops the reference (res_counter_put()). The counter may be freed by that: what
	 * you still need of it, read before. More given back than was taken is a bug of the caller: WARN_ON.
	 * starter: if (end && !n)
	 * starter: 	res_counter_put(res);
	 */
	while (res != end) {
		struct res_counter *parent = res->parent;
		u64 left = __atomic_sub_fetch(&res->count, n, __ATOMIC_ACQ_REL);

		WARN_ON(left + n < left);
		if (!left)
			res_counter_put(res);
		res = parent;
	}
	/* LAB 07: end */
}

struct res_counter *res_charge(struct res_counter *res, u64 n)
{
	if (!n)
		return NULL;
	/* LAB 07: begin
	 * Charge n to res and to all above it (parent), each within its own limit. When one refuses:
	 * count that in its `refused` (other CPUs may do the same now), give back what the levels below it
	 * took, and return it. NULL when all took it.
	 * starter: if (charge_level(res, 0, READ_ONCE(res->limit)))
	 * starter: 	return NULL;
	 * starter: uncharge_below(res, n, res);
	 */
	for (struct res_counter *r = res; r; r = r->parent) {
		if (charge_level(r, n, READ_ONCE(r->limit)))
			continue;
		__atomic_fetch_add(&r->refused, 1, __ATOMIC_RELAXED);
		uncharge_below(res, n, r);
		return r;
	}
	/* LAB 07: end */
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
