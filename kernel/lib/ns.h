/* SPDX-License-Identifier: MIT */
/*
 * A namespace is a global table made into an object. What all kinds have in common: a count, a
 * number that /proc/N/ns shows, and the table of operations of its kind. The folder that owns the
 * table embeds this and holds the first instance; container/ makes the others.
 */
#pragma once
#include "lib/refcount.h"

struct ns_common;
struct user_ns;

struct ns_ops {
	const char *name; /* "pid", "mnt": the link's name in /proc/N/ns */
	u64 clone_flag; /* CLONE_NEWPID ... */
	void (*free)(struct ns_common *ns);
};

struct ns_common {
	ref_t refs;
	u32 inum; /* inode number: 0xeffffff9.. for the first ones, as on Linux; then counted up */
	const struct ns_ops *ops;
	/* Whose capabilities rule it, with a reference; NULL only in the first user_ns itself. A struct
	 * user_ns begins with its ns_common, which is all that lib/ needs to know. */
	struct user_ns *owner;
};

/* A number for a new namespace, never used before. */
u32 ns_new_inum(void);
/* One reference; takes one of owner. */
void ns_init(struct ns_common *ns, const struct ns_ops *ops, struct user_ns *owner, u32 inum);
/* Set by container/: a namespace was made (1) or is no more (-1). */
extern void (*ns_counted)(const struct ns_common *ns, int by);
extern u64 nr_namespaces; /* made by ns_init() and not yet freed, for the leak check; atomic */
static inline void ns_get(struct ns_common *ns)
{
	ref_get(&ns->refs);
}
/* The last reference frees it, then lets go of its owner. */
void ns_put(struct ns_common *ns);
