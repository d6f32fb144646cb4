/* SPDX-License-Identifier: MIT */
/*
 * IPC namespaces (ipc_namespaces(7)): System V IPC and POSIX message queues. A new one begins empty, and
 * what is left in one goes with it. Tasks hold it, and so does memory of it that is mapped somewhere.
 */
#include "container/container.h"

static void ipc_ns_free(struct ns_common *ns)
{
	struct ipc_ns *ipc = container_of(ns, struct ipc_ns, ns);

	ipc_ns_drain(ipc);
	kfree(ipc);
}

static const struct ns_ops ipc_ns_ops = {
	.name = "ipc",
	.clone_flag = CLONE_NEWIPC,
	.free = ipc_ns_free,
};

struct ns_common *ipc_ns_make(struct user_ns *owner)
{
	struct ipc_ns *ipc = kzalloc(sizeof(*ipc));

	if (!ipc)
		return ERR_PTR(-ENOMEM);
	ipc_ns_setup(ipc);
	ns_init(&ipc->ns, &ipc_ns_ops, owner, ns_new_inum());
	return &ipc->ns;
}
