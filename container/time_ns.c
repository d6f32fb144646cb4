/* SPDX-License-Identifier: MIT */
/*
 * Time namespaces (time_namespaces(7)): how far the clocks since boot are set off. A new one begins with
 * its maker's offsets and is for the maker's children; /proc/N/timens_offsets changes them until the
 * first process lives in it.
 */
#include "container/container.h"

static void time_ns_free(struct ns_common *ns)
{
	kfree(container_of(ns, struct time_ns, ns));
}

static const struct ns_ops time_ns_ops = {
	.name = "time",
	.clone_flag = CLONE_NEWTIME,
	.free = time_ns_free,
};

struct ns_common *time_ns_make(struct user_ns *owner)
{
	const struct time_ns *old =
		container_of(current->ns->time_for_children, struct time_ns, ns);
	struct time_ns *time = kmemdup(old, sizeof(*old));

	if (!time)
		return ERR_PTR(-ENOMEM);
	time->frozen = false;
	ns_init(&time->ns, &time_ns_ops, owner, ns_new_inum());
	return &time->ns;
}
