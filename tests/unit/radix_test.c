/* SPDX-License-Identifier: MIT */
/* sources: kernel/lib/radix.c */
/* The radix tree and the id allocator against plain arrays, with memory that runs out. */
#include <string.h>

#include "host.h"
#include "lib/radix.h"

#define MODEL 400

static struct {
	u64 index;
	void *p;
} model[MODEL];
static size_t used;

static size_t model_find(u64 index)
{
	size_t i = 0;

	while (i < used && model[i].index != index)
		i++;
	return i;
}

/* Small, clustered, and very large indexes, so that every height and every step up occurs. */
static u64 random_index(void)
{
	switch (rnd_below(5)) {
	case 0:
		return rnd_below(70);
	case 1:
		return rnd_below(5000);
	case 2:
		return (1UL << rnd_below(64)) - rnd_below(2);
	case 3:
		return ~0UL - rnd_below(100);
	}
	return rnd() >> rnd_below(64);
}

static void check_walk(struct radix *r)
{
	u64 index = 0, before = 0;
	size_t seen = 0;
	void *p;

	while ((p = radix_next(r, &index))) {
		size_t i = model_find(index);

		assert_true(i < used);
		assert_ptr_equal(p, model[i].p);
		assert_true(!seen || index > before);
		before = index;
		seen++;
		if (++index == 0)
			break;
	}
	assert_int_equal(seen, used);
}

static void against_model(void **state)
{
	struct radix r = { 0 };

	used = 0;
	for (int i = 0; i < 60000; i++) {
		u64 index =
			used && rnd_below(3) == 0 ? model[rnd_below(used)].index : random_index();
		size_t at = model_find(index);
		void *p = (void *)(rnd() | 1); /* odd too: entries are not tagged */

		assert_ptr_equal(radix_get(&r, index), at < used ? model[at].p : NULL);
		if (rnd() & 1) {
			assert_ptr_equal(radix_erase(&r, index), at < used ? model[at].p : NULL);
			if (at < used)
				model[at] = model[--used];
		} else if (used < MODEL) {
			assert_int_equal(radix_insert(&r, index, p), at < used ? -EEXIST : 0);
			if (at == used) {
				model[used].index = index;
				model[used++].p = p;
			}
		}
		if (i % 500 == 0)
			check_walk(&r);
	}
	while (used) {
		assert_ptr_equal(radix_erase(&r, model[used - 1].index), model[used - 1].p);
		used--;
	}
	assert_null(r.root);
	assert_int_equal(host_live, 0);
}

/* Each insertion fails at each of its allocations in turn, and leaves the tree as it was. */
static void without_memory(void **state)
{
	struct radix r = { 0 };

	used = 0;
	for (int i = 0; i < MODEL; i++) {
		u64 index = random_index();
		int err;

		if (radix_get(&r, index))
			continue;
		for (long budget = 0;; budget++) {
			long before = host_live;

			host_fail_after = budget;
			err = radix_insert(&r, index, &r);
			host_fail_after = -1;
			if (!err)
				break;
			assert_int_equal(err, -ENOMEM);
			assert_int_equal(host_live, before);
			if (budget < 3)
				check_walk(&r);
		}
		model[used].index = index;
		model[used++].p = &r;
	}
	check_walk(&r);
	radix_clear(&r);
	used = 0;
	check_walk(&r);
	assert_int_equal(host_live, 0);
}

static void ids_go_round(void **state)
{
	struct idr idr;
	int thing;

	idr_init(&idr, 2, 9);
	for (s64 id = 2; id <= 9; id++)
		assert_int_equal(idr_alloc(&idr, &thing), id);
	assert_int_equal(idr_alloc(&idr, &thing), -ENOSPC);
	assert_ptr_equal(idr_erase(&idr, 5), &thing);
	assert_ptr_equal(idr_erase(&idr, 3), &thing);
	assert_null(idr_erase(&idr, 3));
	assert_int_equal(idr_alloc(&idr, &thing), 3); /* the last was 9: again from the start */
	assert_int_equal(idr_alloc(&idr, &thing), 5);
	assert_int_equal(idr_alloc(&idr, &thing), -ENOSPC);
	idr_erase(&idr, 4);
	idr_erase(&idr, 7);
	assert_int_equal(idr_alloc(&idr, &thing), 7); /* upwards from 5 */
	assert_int_equal(idr_alloc(&idr, &thing), 4);
	for (s64 id = 2; id <= 9; id++)
		idr_erase(&idr, id);
	assert_int_equal(host_live, 0);
}

static void ids_against_model(void **state)
{
	enum { MIN = 300, MAX = 40000 };
	static bool taken[MAX + 2];
	struct idr idr;
	u64 next = MIN;
	long count = 0;

	idr_init(&idr, MIN, MAX);
	for (int i = 0; i < 200000; i++) {
		bool grow = rnd_below(100) < (i / 40000 % 2 ? 30 : 75);

		if (grow && count <= MAX - MIN) {
			u64 want = next;
			s64 id = idr_alloc(&idr, &idr);

			while (want <= MAX && taken[want])
				want++;
			if (want > MAX)
				for (want = MIN; taken[want];)
					want++;
			assert_int_equal(id, want);
			taken[want] = true;
			next = want + 1;
			count++;
		} else {
			u64 id = MIN + rnd_below(MAX - MIN + 1);

			assert_ptr_equal(idr_get(&idr, id), taken[id] ? &idr : NULL);
			assert_ptr_equal(idr_erase(&idr, id), taken[id] ? &idr : NULL);
			count -= taken[id];
			taken[id] = false;
		}
	}
	for (u64 id = 0; id <= MAX; id++)
		idr_erase(&idr, id);
	assert_int_equal(host_live, 0);
}

/* Every number taken but one: found, whichever it is. */
static void ids_find_the_hole(void **state)
{
	enum { MAX = 4200 };
	struct idr idr;

	idr_init(&idr, 0, MAX);
	for (s64 id = 0; id <= MAX; id++)
		assert_int_equal(idr_alloc(&idr, &idr), id);
	for (s64 id = 0; id <= MAX; id++) {
		assert_int_equal(idr_alloc(&idr, &idr), -ENOSPC);
		idr_erase(&idr, id);
		assert_int_equal(idr_alloc(&idr, &idr), id);
	}
	for (s64 id = 0; id <= MAX; id++)
		idr_erase(&idr, id);
	assert_int_equal(host_live, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(against_model),     cmocka_unit_test(without_memory),
		cmocka_unit_test(ids_go_round),      cmocka_unit_test(ids_against_model),
		cmocka_unit_test(ids_find_the_hole),
	};

	return cmocka_run_group_tests_name("radix", tests, NULL, NULL);
}
