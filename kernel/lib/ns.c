/* SPDX-License-Identifier: MIT */
/* What every kind of namespace starts and ends with. */
#include "lib/ns.h"

u64 nr_namespaces;
void (*ns_counted)(const struct ns_common *ns, int by);

u32 ns_new_inum(void)
{
	/* Linux's range for namespaces made at run time begins here (PROC_DYNAMIC_FIRST). */
	static u32 last = 0xf0000000U - 1;
	u32 inum;

	do
		inum = __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED);
	while (!inum);
	return inum;
}

void ns_init(struct ns_common *ns, const struct ns_ops *ops, struct user_ns *owner, u32 inum)
{
	ref_init(&ns->refs);
	ns->inum = inum;
	ns->ops = ops;
	ns->owner = owner;
	if (owner)
		ns_get((struct ns_common *)owner);
	if (ns_counted)
		ns_counted(ns, 1);
	__atomic_fetch_add(&nr_namespaces, 1, __ATOMIC_RELAXED);
}

void ns_put(struct ns_common *ns)
{
	while (ns && ref_put(&ns->refs)) {
		struct ns_common *owner = (struct ns_common *)ns->owner;

		if (ns_counted)
			ns_counted(ns, -1);
		if (ns->ops->free)
			ns->ops->free(ns);
		__atomic_fetch_sub(&nr_namespaces, 1, __ATOMIC_RELAXED);
		ns = owner;
	}
}
