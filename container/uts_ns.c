/* SPDX-License-Identifier: MIT */
/*
 * UTS namespaces: the host name and the domain name, the smallest table that can be an object
 * (uts_namespaces(7)). A new one begins as a copy. uname(2) and sethostname(2) in syscall/ read and
 * write the one of the current task, under its lock.
 */
#include "container/container.h"

static void uts_ns_free(struct ns_common *ns)
{
	kfree(container_of(ns, struct uts_ns, ns));
}

static const struct ns_ops uts_ns_ops = {
	.name = "uts",
	.clone_flag = CLONE_NEWUTS,
	.free = uts_ns_free,
};

struct uts_ns *uts_ns_copy(struct uts_ns *old, struct user_ns *owner)
{
	struct uts_ns *uts = kzalloc(sizeof(*uts));

	if (!uts)
		return ERR_PTR(-ENOMEM);
	ns_init(&uts->ns, &uts_ns_ops, owner, ns_new_inum());
	spin_init(&uts->lock);
	spin_lock(&old->lock);
	memcpy(uts->hostname, old->hostname, sizeof(uts->hostname));
	memcpy(uts->domainname, old->domainname, sizeof(uts->domainname));
	spin_unlock(&old->lock);
	return uts;
}
