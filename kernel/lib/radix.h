/* SPDX-License-Identifier: MIT */
/*
 * Radix tree, 64 pointers a node: a sparse array from a 64-bit index to a pointer (page cache,
 * process numbers, inode numbers). The caller holds the lock. An entry is never NULL.
 */
#pragma once
#include "lib/types.h"

struct radix_node;
struct radix {
	struct radix_node *root;
	unsigned int height; /* levels; 0: empty */
};

/* Stores p (not NULL) at index. 0, -EEXIST when taken, -ENOMEM. */
int radix_insert(struct radix *r, u64 index, void *p);
/* The entry at index, or NULL. */
void *radix_get(const struct radix *r, u64 index);
/* The entries (or NULLs) of index and the *n - 1 that follow it; NULL: none of these *n is there. */
void **radix_slots(const struct radix *r, u64 index, unsigned int *n);
/* Takes the entry at index out and returns it, or NULL. Empty nodes are freed at once. */
void *radix_erase(struct radix *r, u64 index);
/* Forgets all entries. */
void radix_clear(struct radix *r);
/* The first entry at or after *index; stores its index there. NULL when there is none. */
void *radix_next(const struct radix *r, u64 *index);

/* Id allocator: small integers to pointers, given out upwards from the last one, then again from min. */
struct idr {
	struct radix tree;
	u64 next, min, max; /* ids in [min, max] */
};
void idr_init(struct idr *idr, u64 min, u64 max);
/* A free id for p (not NULL): the next after the last given out. -ENOSPC when all are taken, -ENOMEM. */
s64 idr_alloc(struct idr *idr, void *p);
static inline void *idr_get(const struct idr *idr, u64 id)
{
	return radix_get(&idr->tree, id);
}
static inline void *idr_erase(struct idr *idr, u64 id)
{
	return radix_erase(&idr->tree, id);
}
