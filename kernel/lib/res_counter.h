/* SPDX-License-Identifier: MIT */
/*
 * A count, a limit and a parent: the one mechanism behind every limit of a cgroup. Charging goes
 * up the parents and is refused as a whole by the first that would pass its limit. Lock-free.
 * A counter lives until its owner let go and its count is back at zero: whoever charges need not
 * hold a reference to the owner.
 */
#pragma once
#include "lib/types.h"

#define RES_NO_LIMIT (~0UL)

struct res_counter {
	u64 count, peak; /* in the owner's unit: bytes, tasks */
	u64 limit; /* RES_NO_LIMIT, or the most that count may be */
	u64 refused; /* charges refused by this counter's own limit */
	u64 high; /* above it whoever charges is to be slowed down; only mm/ looks */
	u64 low, min; /* up to here nothing is taken away: unless all else is gone, and ever */
	struct res_counter *parent;
	u64 refs; /* owner (1) + charges outstanding (count != 0) */
	void (*release)(struct res_counter *res); /* called once when refs is 0; may be NULL */
};

void res_counter_init(struct res_counter *res, struct res_counter *parent,
		      void (*release)(struct res_counter *res));
/* Charges n at every level. NULL when done, else the counter that refused (nothing is charged then). */
struct res_counter *res_charge(struct res_counter *res, u64 n);
/* Charges n at every level, whatever the limits are (a thing that must not fail, or that moves). */
void res_charge_force(struct res_counter *res, u64 n);
void res_uncharge(struct res_counter *res, u64 n);
/* Does what res pays count at above, too? Everything does at NULL. */
static inline bool res_is_below(const struct res_counter *res, const struct res_counter *above)
{
	while (res && res != above)
		res = res->parent;
	return res == above || !above;
}
/* May what res pays for go, when above (NULL: the machine) has too much? last: low counts no more. */
static inline bool res_yields(const struct res_counter *res, const struct res_counter *above,
			      bool last)
{
	for (; res && res != above; res = res->parent)
		if (res->count <= (last ? res->min : max(res->low, res->min)))
			return false;
	return res == above || !above;
}
/* The owner lets go. release() runs now or when the last charge goes. */
void res_counter_put(struct res_counter *res);
