/* SPDX-License-Identifier: MIT */
/* sources: kernel/lib/rbtree.c */
/* Random insertions and removals against a sorted array; the tree's rules are checked after each. */
#include <string.h>

#include "host.h"
#include "lib/rbtree.h"

#define ITEMS 300

struct item {
	struct rb_node rb;
	u64 key;
	bool inside;
};

static void insert(struct rb_root *root, struct item *it)
{
	struct rb_node **link = &root->node, *parent = NULL;

	while (*link) {
		parent = *link;
		link = it->key < rb_entry(parent, struct item, rb)->key ? &parent->left
									: &parent->right;
	}
	rb_insert(root, &it->rb, parent, link);
	it->inside = true;
}

/* Black nodes on every way down from n; fails when two ways differ or two reds meet. */
static int black_height(const struct rb_node *n, const struct rb_node *parent)
{
	int left, right;

	if (!n)
		return 1;
	assert_ptr_equal(n->parent, parent);
	if (n->red) {
		assert_non_null(parent);
		assert_false(parent->red);
	}
	left = black_height(n->left, n);
	right = black_height(n->right, n);
	assert_int_equal(left, right);
	return left + !n->red;
}

static int by_key(const void *a, const void *b)
{
	u64 x = (*(struct item *const *)a)->key, y = (*(struct item *const *)b)->key;

	return (x > y) - (x < y);
}

static void check_order(struct rb_root *root, struct item *items)
{
	struct item *sorted[ITEMS];
	size_t n = 0;
	struct rb_node *node;

	for (size_t i = 0; i < ITEMS; i++)
		if (items[i].inside)
			sorted[n++] = &items[i];
	qsort(sorted, n, sizeof(*sorted), by_key);
	node = rb_first(root);
	for (size_t i = 0; i < n; i++, node = rb_next(node))
		assert_int_equal(rb_entry(node, struct item, rb)->key, sorted[i]->key);
	assert_null(node);
	node = rb_last(root);
	for (size_t i = n; i-- > 0; node = rb_prev(node))
		assert_int_equal(rb_entry(node, struct item, rb)->key, sorted[i]->key);
	assert_null(node);
}

static void random_operations(struct item *items, u64 keys, int rounds)
{
	struct rb_root root = { 0 };

	memset(items, 0, ITEMS * sizeof(*items));
	for (int i = 0; i < rounds; i++) {
		struct item *it = &items[rnd_below(ITEMS)];

		if (it->inside) {
			rb_erase(&root, &it->rb);
			it->inside = false;
			memset(&it->rb, 0xee, sizeof(it->rb));
		} else {
			it->key = rnd_below(keys);
			insert(&root, it);
		}
		black_height(root.node, NULL);
		if (i % 64 == 0)
			check_order(&root, items);
	}
	for (size_t i = 0; i < ITEMS; i++) {
		if (items[i].inside)
			rb_erase(&root, &items[i].rb);
		items[i].inside = false;
		black_height(root.node, NULL);
	}
	assert_null(root.node);
}

static void wide_keys(void **state)
{
	static struct item items[ITEMS];

	random_operations(items, ~0UL, 20000);
}

static void equal_keys(void **state)
{
	static struct item items[ITEMS];

	random_operations(items, 7, 10000);
}

/* Memory areas and timers mostly arrive in order: the depth must stay logarithmic. */
static void rising_keys(void **state)
{
	static struct item items[ITEMS];
	struct rb_root root = { 0 };

	for (size_t i = 0; i < ITEMS; i++) {
		items[i].key = i;
		insert(&root, &items[i]);
		black_height(root.node, NULL);
	}
	check_order(&root, items);
	for (size_t i = 0; i < ITEMS; i++) {
		assert_ptr_equal(rb_first(&root), &items[i].rb);
		rb_erase(&root, &items[i].rb);
		black_height(root.node, NULL);
	}
	assert_null(rb_first(&root));
	assert_null(rb_last(&root));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wide_keys),
		cmocka_unit_test(equal_keys),
		cmocka_unit_test(rising_keys),
	};

	return cmocka_run_group_tests_name("rbtree", tests, NULL, NULL);
}
