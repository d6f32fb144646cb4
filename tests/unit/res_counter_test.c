/* SPDX-License-Identifier: MIT */
/* sources: kernel/lib/res_counter.c */
/* Charges in a tree of counters against sums made by hand; then the same from several threads. */
#include <pthread.h>

#include "host.h"
#include "lib/res_counter.h"

#define NODES 40

static struct res_counter node[NODES];
static int released;

static void count_release(struct res_counter *res)
{
	released++;
}

/* Node i hangs below a random earlier one. */
static void make_tree(void)
{
	for (int i = 0; i < NODES; i++)
		res_counter_init(&node[i], i ? &node[rnd_below(i)] : NULL, count_release);
	released = 0;
}

static bool is_below(const struct res_counter *r, const struct res_counter *top)
{
	while (r && r != top)
		r = r->parent;
	return r == top;
}

static void test_sums(void **state)
{
	u64 held[NODES] = { 0 };

	make_tree();
	for (int round = 0; round < 30000; round++) {
		int i = (int)rnd_below(NODES);
		u64 n = rnd_below(50);

		if (rnd_below(20) == 0)
			node[i].limit = rnd() & 1 ? rnd_below(2000) : RES_NO_LIMIT;
		if (rnd() & 1) {
			struct res_counter *want = NULL, *got;

			for (struct res_counter *r = &node[i]; n && r && !want; r = r->parent)
				if (r->limit != RES_NO_LIMIT && r->count + n > r->limit)
					want = r;
			got = res_charge(&node[i], n);
			assert_ptr_equal(got, want);
			if (!got)
				held[i] += n;
		} else if (rnd_below(10) == 0) {
			res_charge_force(&node[i], n);
			held[i] += n;
		} else {
			n = min(n, held[i]);
			res_uncharge(&node[i], n);
			held[i] -= n;
		}
		for (int top = 0; top < NODES; top++) {
			u64 sum = 0;

			for (int k = 0; k < NODES; k++)
				sum += is_below(&node[k], &node[top]) ? held[k] : 0;
			assert_int_equal(node[top].count, sum);
			assert_true(node[top].peak >= sum);
			assert_int_equal(node[top].refs, 1 + (sum != 0));
		}
	}
	for (int i = NODES; i-- > 0;) {
		res_uncharge(&node[i], held[i]);
		res_counter_put(&node[i]);
	}
	assert_int_equal(released, NODES);
	assert_int_equal(host_warnings, 0);
}

static void test_refusal(void **state)
{
	struct res_counter top, low;

	res_counter_init(&top, NULL, NULL);
	res_counter_init(&low, &top, NULL);
	top.limit = 10;
	low.limit = 20;
	assert_null(res_charge(&low, 10));
	assert_ptr_equal(res_charge(&low, 1), &top);
	assert_ptr_equal(res_charge(&low, 11), &low);
	assert_int_equal(top.refused, 1);
	assert_int_equal(low.refused, 1);
	assert_int_equal(low.count, 10);
	assert_int_equal(low.peak, 11); /* taken for a moment, then given back */
	top.limit = 3; /* below the count: nothing new, what is there stays */
	assert_ptr_equal(res_charge(&low, 1), &top);
	res_uncharge(&low, 10);
	assert_null(res_charge(&low, 3));
}

static void test_hostile(void **state)
{
	struct res_counter r;

	res_counter_init(&r, NULL, NULL);
	assert_null(res_charge(&r, 5));
	assert_ptr_equal(res_charge(&r, ~0UL), &r); /* the sum would wrap */
	assert_ptr_equal(res_charge(&r, ~0UL - 4), &r);
	assert_int_equal(r.count, 5);
	r.limit = 0;
	assert_null(res_charge(&r, 0));
	assert_ptr_equal(res_charge(&r, 1), &r);
}

static void test_lifetime(void **state)
{
	struct res_counter r;

	released = 0;
	res_counter_init(&r, NULL, count_release);
	res_charge(&r, 3);
	res_charge(&r, 4);
	res_counter_put(&r);
	assert_int_equal(released, 0);
	res_uncharge(&r, 3);
	assert_int_equal(released, 0);
	res_uncharge(&r, 4);
	assert_int_equal(released, 1);
}

static void *worker(void *arg)
{
	struct res_counter *leaf = arg;
	u64 held = 0, seed = (u64)(uintptr_t)leaf;

	for (int i = 0; i < 50000; i++) {
		u64 n = (seed = seed * 6364136223846793005UL + 1442695040888963407UL) >> 62;

		if (seed & (1UL << 40)) {
			held += res_charge(leaf, n) ? 0 : n;
		} else if (held >= n) {
			res_uncharge(leaf, n);
			held -= n;
		}
		if (READ_ONCE(node[0].count) > 100)
			return (void *)"the limit was passed";
	}
	res_uncharge(leaf, held);
	return NULL;
}

static void test_threads(void **state)
{
	pthread_t thread[4];
	void *err;

	for (int i = 0; i < 5; i++)
		res_counter_init(&node[i], i ? &node[0] : NULL, NULL);
	node[0].limit = 100;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, worker, &node[i + 1]), 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(thread[i], &err);
		if (err)
			fail_msg("%s", (char *)err);
	}
	assert_in_range(node[0].peak, 1, 100);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(node[i].count, 0);
		assert_int_equal(node[i].refs, 1);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sums),    cmocka_unit_test(test_refusal),
		cmocka_unit_test(test_hostile), cmocka_unit_test(test_lifetime),
		cmocka_unit_test(test_threads),
	};

	return RUN_TESTS(argc, argv, tests, NULL);
}
