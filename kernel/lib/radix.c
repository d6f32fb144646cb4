/* SPDX-License-Identifier: MIT */
/*
 * Radix tree and the id allocator on top of it. A level takes 6 bits of the index; a node is 64
 * slots and nothing else, so that it fills a slab object of 512 bytes exactly. What always holds:
 * no node is empty, the root has more than slot 0 in use (else it would be a level lower), and a
 * slot that leads to a node without a free place below has FULL set, which is what lets idr_alloc()
 * find a free number in a step a level. Slots of the lowest level hold the caller's pointers.
 */
#include "lib/radix.h"
#include "lib/alloc.h"
#include "lib/string.h"

#define BITS 6
#define SLOTS 64
#define LEVELS 11 /* 11 * 6 >= 64 bits */
#define FULL 1UL

struct radix_node {
	void *slot[SLOTS];
};

/* The way to an index, the lowest level first. */
struct path {
	struct radix_node *node[LEVELS];
};

static struct radix_node *to_node(void *slot)
{
	return (void *)((u64)slot & ~FULL);
}

static bool slot_full(void *slot)
{
	return (u64)slot & FULL;
}

static unsigned int slot_at(u64 index, unsigned int level)
{
	return (index >> (level * BITS)) % SLOTS;
}

/* Is index inside what a tree of this height reaches? */
static bool reaches(unsigned int height, u64 index)
{
	return height >= LEVELS || !(index >> (height * BITS));
}

/* Is one of the eight slots from i on in use? */
static bool row_used(const struct radix_node *node, unsigned int i)
{
	void *const *s = &node->slot[i];

	return (u64)s[0] | (u64)s[1] | (u64)s[2] | (u64)s[3] | (u64)s[4] | (u64)s[5] | (u64)s[6] |
	       (u64)s[7];
}

/* What is still in use is at `gone` or soon behind it, when all pages of a file go in turn. */
static bool node_empty(const struct radix_node *node, unsigned int gone)
{
	for (unsigned int i = 0; i < SLOTS; i += 8)
		if (row_used(node, (gone + i) % SLOTS & ~7U))
			return false;
	return true;
}

/* From the end: ids and file pages come in rising order, so the answer is mostly the first slot. */
static bool node_full(const struct radix_node *node, unsigned int level)
{
	for (unsigned int i = SLOTS; i-- > 0;)
		if (level ? !slot_full(node->slot[i]) : !node->slot[i])
			return false;
	return true;
}

/* Frees the empty nodes of the path from level up to the root; then takes levels off the top. */
static void prune(struct radix *r, struct path *way, u64 index, unsigned int level)
{
	for (; level < r->height && node_empty(way->node[level], slot_at(index, level)); level++) {
		kfree(way->node[level]);
		if (level + 1 < r->height)
			way->node[level + 1]->slot[slot_at(index, level + 1)] = NULL;
		else
			*r = (struct radix){ 0 };
	}
	while (r->height > 1) {
		struct radix_node *root = r->root;

		for (unsigned int i = 1; i < SLOTS; i++)
			if (root->slot[i])
				return;
		r->root = to_node(root->slot[0]);
		r->height--;
		kfree(root);
	}
}

/* Adds levels on top until index is inside. An empty tree gets the height it needs at once. */
static int grow(struct radix *r, u64 index)
{
	unsigned int height = r->root ? r->height : 1;

	while (!reaches(height, index))
		height++;
	while (!r->root || r->height < height) {
		struct radix_node *node = kzalloc(sizeof(*node));

		if (!node)
			return -ENOMEM;
		if (r->root) {
			u64 full = node_full(r->root, r->height - 1) ? FULL : 0;

			node->slot[0] = (void *)((u64)r->root | full);
			r->height++;
		} else {
			r->height = height;
		}
		r->root = node;
	}
	return 0;
}

int radix_insert(struct radix *r, u64 index, void *p)
{
	struct path way;
	struct radix_node *node;
	unsigned int level;

	int err = grow(r, index);

	if (!r->root)
		return err;
	level = r->height - 1;
	way.node[level] = node = r->root;
	if (err)
		goto fail;
	for (; level > 0; level--) {
		void **slot = &node->slot[slot_at(index, level)];

		if (!*slot)
			*slot = kzalloc(sizeof(*node));
		if (!*slot)
			goto fail;
		way.node[level - 1] = node = to_node(*slot);
	}
	if (node->slot[slot_at(index, 0)])
		return -EEXIST;
	node->slot[slot_at(index, 0)] = p;
	for (; level + 1 < r->height && node_full(way.node[level], level); level++) {
		void **slot = &way.node[level + 1]->slot[slot_at(index, level + 1)];

		*slot = (void *)((u64)*slot | FULL);
	}
	return 0;
fail: /* takes away what was put on top, and below, on the way here */
	prune(r, &way, index, level);
	return -ENOMEM;
}

void **radix_slots(const struct radix *r, u64 index, unsigned int *n)
{
	struct radix_node *node = reaches(r->height, index) ? r->root : NULL;

	for (unsigned int level = r->height; node && --level > 0;)
		node = to_node(node->slot[slot_at(index, level)]);
	*n = SLOTS - slot_at(index, 0);
	return node ? &node->slot[slot_at(index, 0)] : NULL;
}

void *radix_get(const struct radix *r, u64 index)
{
	unsigned int n;
	void **slots = radix_slots(r, index, &n);

	return slots ? *slots : NULL;
}

void *radix_erase(struct radix *r, u64 index)
{
	struct path way;
	struct radix_node *node = r->root;
	void *p;

	if (!node || !reaches(r->height, index))
		return NULL;
	for (unsigned int level = r->height - 1; level > 0; level--) {
		way.node[level] = node;
		node = to_node(node->slot[slot_at(index, level)]);
		if (!node)
			return NULL;
	}
	way.node[0] = node;
	p = node->slot[slot_at(index, 0)];
	if (!p)
		return NULL;
	node->slot[slot_at(index, 0)] = NULL;
	for (unsigned int level = 1; level < r->height; level++) {
		void **slot = &way.node[level]->slot[slot_at(index, level)];

		if (!slot_full(*slot))
			break;
		*slot = to_node(*slot);
	}
	prune(r, &way, index, 0);
	return p;
}

static __noinline void free_below(struct radix_node *node, unsigned int level)
{
	for (unsigned int i = 0; level && i < SLOTS; i++)
		if (node->slot[i])
			free_below(to_node(node->slot[i]), level - 1);
	kfree(node);
}

void radix_clear(struct radix *r)
{
	if (r->root)
		free_below(r->root, r->height - 1);
	*r = (struct radix){ 0 };
}

/* The first slot at or after *index that is in use (want_free: that is not). False past the end. */
static bool seek(const struct radix *r, u64 *index, bool want_free, void **found)
{
restart:
	if (!r->root || !reaches(r->height, *index)) {
		*found = NULL;
		return want_free;
	}
	struct radix_node *node = r->root;

	for (unsigned int level = r->height - 1;; level--) {
		unsigned int first = slot_at(*index, level), i = first;
		u64 step = 1UL << (level * BITS);
		void *slot;

		if (!want_free)
			while (i < SLOTS && !node->slot[i])
				i++;
		else
			while (i < SLOTS && (level ? slot_full(node->slot[i]) : !!node->slot[i]))
				i++;
		if (i !=
		    first) { /* to the beginning of that slot's range, which may be the next node's */
			u64 base = *index & ~(step - 1), way;

			if (__builtin_mul_overflow(i - first, step, &way) ||
			    __builtin_add_overflow(base, way, index))
				return false;
		}
		if (i == SLOTS)
			goto restart;
		slot = node->slot[i];
		if (!level || !slot) {
			*found = slot;
			return true;
		}
		node = to_node(slot);
	}
}

void *radix_next(const struct radix *r, u64 *index)
{
	void *p;

	return seek(r, index, false, &p) ? p : NULL;
}

void idr_init(struct idr *idr, u64 min, u64 max)
{
	*idr = (struct idr){ .next = min, .min = min, .max = max };
}

s64 idr_alloc(struct idr *idr, void *p)
{
	u64 id = idr->next;
	void *none;
	int err;

	if (!seek(&idr->tree, &id, true, &none) || id > idr->max) {
		id = idr->min; /* from the beginning: numbers that were given back */
		if (!seek(&idr->tree, &id, true, &none) || id > idr->max)
			return -ENOSPC;
	}
	err = radix_insert(&idr->tree, id, p);
	if (err)
		return err;
	idr->next = id < idr->max ? id + 1 : idr->min;
	return id;
}
