/* SPDX-License-Identifier: MIT */
/*
 * container/: ring 0's half of containers. A namespace is a global table made into an object: the
 * folders below own the tables (pids in proc/, mounts in fs/ ...) and hold the first instance of each;
 * here the others are made, copied, entered and dropped, and here are the rules about who may.
 * The other half is limits: cgroup.h.
 *
 * The kernel reaches all of this through struct layer_ops (proc/proc.h), which ns.c fills in; without
 * this folder the kernel is a Linux built without namespaces and cgroups.
 *
 * Kinds: user pid mnt uts net ipc cgroup time.
 * Read next: ns.c, then pid_ns.c.
 */
#pragma once
#include "proc/proc.h"

#include <linux/capability.h>
#include <linux/sched.h>

/* Each makes a namespace with one reference, owned by owner, or gives an ERR_PTR. */
struct uts_ns *uts_ns_copy(struct uts_ns *old, struct user_ns *owner); /* same names; -ENOMEM */
/* An empty child of parent. -ENOSPC: 32 levels deep already; -ENOMEM */
struct pid_ns *pid_ns_make(struct pid_ns *parent, struct user_ns *owner);
struct ns_common *ipc_ns_make(struct user_ns *owner); /* -ENOMEM */
struct ns_common *time_ns_make(struct user_ns *owner); /* the offsets are the caller's; -ENOMEM */
/* Its root is the current task's group. -ENOMEM */
struct ns_common *cgroup_ns_make(struct user_ns *owner);
/*
 * A child user namespace of old's, and credentials with every capability in it. The creator's ids
 * must be mapped in old's: -EPERM; 32 levels: -ENOSPC; -ENOMEM
 */
struct cred *user_ns_make(const struct cred *old);
/* Makes cred, not yet in use, one of ns with every capability there. */
void user_ns_grant(struct cred *cred, struct user_ns *ns);

/* Is there room in owner, and above it, for one more of each kind of flags? 0, -ENOSPC */
int ns_room(const struct user_ns *owner, u64 flags);
void ns_limit_setup(struct user_ns *ns); /* no limits */
void ns_limit_init(void);

/* layer_ops.pid_ns_end */
void pid_ns_end(struct pid_ns *ns);
/* layer_ops.map_show, map_write */
void user_ns_map_show(struct user_ns *ns, enum id_map_file which, struct strbuf *out);
ssize_t user_ns_map_write(struct user_ns *ns, enum id_map_file which, char *buf, size_t n);
/* Is ns the same as outer, or a descendant of it? */
bool user_ns_within(const struct user_ns *ns, const struct user_ns *outer);

/* layer_ops.ns_path, file_ns: namespaces as files (nsfs). */
int nsfs_path(struct ns_common *ns, struct path *to);
struct ns_common *nsfs_file_ns(struct file *f);
void nsfs_init(void);

void seccomp_init(void); /* and its hooks */
void seccomp_release(struct task *t); /* t is gone */
void cgroup_init(void); /* the tree, its file system, and the hooks of layer_ops */
