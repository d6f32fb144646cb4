/* SPDX-License-Identifier: MIT */
/* Reference counts: taken with an increment, dropped with ref_put(), which is true for the last one. */
#pragma once
#include "lib/types.h"

typedef struct {
	u32 n;
} ref_t;

static inline void ref_init(ref_t *r)
{
	__atomic_store_n(&r->n, 1, __ATOMIC_RELAXED);
}
static inline void ref_get(ref_t *r)
{
	__atomic_fetch_add(&r->n, 1, __ATOMIC_RELAXED);
}
/* Takes a reference unless the count is already 0 (the object is on its way out). */
static inline bool ref_get_unless_zero(ref_t *r)
{
	u32 n = __atomic_load_n(&r->n, __ATOMIC_RELAXED);

	while (n)
		if (__atomic_compare_exchange_n(&r->n, &n, n + 1, true, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			return true;
	return false;
}
static inline bool ref_put(ref_t *r)
{
	return __atomic_sub_fetch(&r->n, 1, __ATOMIC_ACQ_REL) == 0;
}
static inline u32 ref_read(const ref_t *r)
{
	return __atomic_load_n(&r->n, __ATOMIC_RELAXED);
}
