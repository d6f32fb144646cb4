/* SPDX-License-Identifier: MIT */
/*
 * Making and entering namespaces: what clone(2), unshare(2) and setns(2) share, and the rules about
 * who may (namespaces(7), user_namespaces(7)).
 *
 * A struct nsproxy never changes while tasks share it: a change builds a new one and swaps it in
 * (task_ns_install()). The rule for all kinds: making one
 * takes CAP_SYS_ADMIN in the user namespace that will own it; entering one takes CAP_SYS_ADMIN both in
 * its owner and in one's own.
 */
#include "container/container.h"
#include "net/net.h"

/* In nsproxy and built. CLONE_NEWUSER lives in the credentials instead. */
#define PLAIN_KINDS (CLONE_NEWNET | CLONE_NEWCGROUP | CLONE_NEWIPC | CLONE_NEWTIME)
#define NSPROXY_KINDS (CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | PLAIN_KINDS)

/* The place of a kind that begins empty and is nothing more than its table. */
static struct ns_common **plain_member(struct nsproxy *ns, u64 kind)
{
	return kind == CLONE_NEWNET    ? &ns->net
	       : kind == CLONE_NEWIPC  ? &ns->ipc
	       : kind == CLONE_NEWTIME ? &ns->time_for_children
				       : &ns->cgroup;
}

static struct ns_common *make_plain(u64 kind, struct user_ns *owner)
{
	struct net_ns *net;

	if (kind == CLONE_NEWIPC)
		return ipc_ns_make(owner);
	if (kind == CLONE_NEWTIME)
		return time_ns_make(owner);
	if (kind == CLONE_NEWCGROUP)
		return cgroup_ns_make(owner);
	net = net_ns_make(owner);
	return IS_ERR(net) ? (struct ns_common *)net : &net->ns;
}

/* Puts new members for flags into ns, which is not shared yet; what fails midway the caller drops. */
static int replace_members(struct nsproxy *ns, u64 flags, struct user_ns *owner,
			   struct fs_context *fs)
{
	if (flags & CLONE_NEWUTS) {
		struct uts_ns *uts = uts_ns_copy(ns->uts, owner);

		if (IS_ERR(uts))
			return PTR_ERR(uts);
		ns_put(&ns->uts->ns);
		ns->uts = uts;
	}
	if (flags & CLONE_NEWPID) {
		struct pid_ns *pid_ns;

		/* Only a direct child: a task that has unshared once cannot nest by unsharing again. */
		if (ns->pid_for_children != task_pid_ns(current))
			return -EINVAL;
		pid_ns = pid_ns_make(ns->pid_for_children, owner);
		if (IS_ERR(pid_ns))
			return PTR_ERR(pid_ns);
		ns_put(&ns->pid_for_children->ns);
		ns->pid_for_children = pid_ns;
	}
	for (u64 rest = flags & PLAIN_KINDS; rest; rest &= rest - 1) {
		struct ns_common **at = plain_member(ns, rest & -rest);
		struct ns_common *made = make_plain(rest & -rest, owner);

		if (IS_ERR(made))
			return PTR_ERR(made);
		ns_put(*at);
		*at = made;
	}
	/* Last: it moves fs into the copy, which could not be taken back. */
	if (flags & CLONE_NEWNS) {
		struct mnt_ns *mnt = mnt_ns_copy(ns->mnt, owner, fs);

		if (IS_ERR(mnt))
			return PTR_ERR(mnt);
		ns_put(&ns->mnt->ns);
		ns->mnt = mnt;
	}
	return 0;
}

/* layer_ops.make_ns. -EINVAL for a kind that is not built, -EPERM, -ENOSPC, -ENOMEM */
static int make_ns(u64 flags, struct nsproxy **nsp, const struct cred **credp,
		   struct fs_context *fs)
{
	struct cred *cred = NULL;
	struct nsproxy *ns;
	struct user_ns *owner = (*credp)->user_ns;
	int err;

	if (!(flags & (NSPROXY_KINDS | CLONE_NEWUSER)))
		return 0;
	err = ns_room(owner, flags);
	if (err)
		return err;
	if (flags & CLONE_NEWUSER) {
		cred = user_ns_make(*credp);
		if (IS_ERR(cred))
			return PTR_ERR(cred);
		owner = cred->user_ns; /* whoever makes a user namespace has all power in it */
	} else if (!ns_capable(owner, CAP_SYS_ADMIN)) {
		return -EPERM;
	}
	if (flags & NSPROXY_KINDS) {
		ns = nsproxy_copy(*nsp);
		err = -ENOMEM;
		if (!ns)
			goto out_cred;
		err = replace_members(ns, flags, owner, fs);
		if (err)
			goto out_ns;
		nsproxy_put(*nsp);
		*nsp = ns;
	}
	if (cred) {
		cred_put(*credp);
		*credp = cred;
	}
	return 0;
out_ns:
	nsproxy_put(ns);
out_cred:
	if (cred)
		cred_put(cred);
	return err;
}

static bool is_within(const struct pid_ns *ns, const struct pid_ns *outer)
{
	while (ns->level > outer->level)
		ns = ns->parent;
	return ns == outer;
}

/* setns(2) into a user namespace: all capabilities there, so never the own one or an outer one again. */
static int enter_user_ns(struct user_ns *target, struct task *t, struct cred **credp)
{
	if (target == t->thread.cred->user_ns || t->proc->nr_threads > 1 ||
	    ref_read(&t->thread.fs->refs) > 1)
		return -EINVAL;
	if (!ns_capable(target, CAP_SYS_ADMIN))
		return -EPERM;
	*credp = cred_copy(t->thread.cred);
	if (!*credp)
		return -ENOMEM;
	user_ns_grant(*credp, target);
	return 0;
}

static void replace(struct ns_common **at, struct ns_common *ns)
{
	ns_get(ns);
	ns_put(*at);
	*at = ns;
}

/* Gives ns, a private copy, the target namespace as member; own: the user namespace t will be in; alone: it is
 * the only one of the call. */
static int set_member(struct nsproxy *ns, struct ns_common *target, struct task *t,
		      struct user_ns *own, bool alone)
{
	if (!ns_capable(target->owner, CAP_SYS_ADMIN) || !ns_capable(own, CAP_SYS_ADMIN))
		return -EPERM;
	switch (target->ops->clone_flag) {
	case CLONE_NEWUTS:
		ns_get(target);
		ns_put(&ns->uts->ns);
		ns->uts = container_of(target, struct uts_ns, ns);
		return 0;
	case CLONE_NEWPID: {
		struct pid_ns *pid_ns = container_of(target, struct pid_ns, ns);

		/* Down only: the task itself stays where it is, and sees all of its children. */
		if (!is_within(pid_ns, task_pid_ns(t)))
			return -EINVAL;
		ns_get(target);
		ns_put(&ns->pid_for_children->ns);
		ns->pid_for_children = pid_ns;
		return 0;
	}
	case CLONE_NEWTIME:
		if (t->proc->nr_live > 1)
			return -EUSERS;
		replace(&ns->time, target);
		break;
	case CLONE_NEWNS:
		if (!ns_capable(own, CAP_SYS_CHROOT))
			return -EPERM;
		if (alone && ref_read(&t->thread.fs->refs) > 1)
			return -EINVAL;
		ns_get(target);
		ns_put(&ns->mnt->ns);
		ns->mnt = container_of(target, struct mnt_ns, ns);
		return 0;
	}
	replace(plain_member(ns, target->ops->clone_flag), target);
	return 0;
}

/* layer_ops.enter_ns; t is the current task. All is checked and prepared before anything changes. */
static int enter_ns(struct ns_common *const *targets, unsigned int n, struct task *t)
{
	struct nsproxy *ns = nsproxy_copy(t->ns);
	struct cred *cred = NULL;
	int err = ns ? 0 : -ENOMEM;

	for (unsigned int i = 0; !err && i < n; i++)
		err = targets[i]->ops->clone_flag == CLONE_NEWUSER
			      ? enter_user_ns(container_of(targets[i], struct user_ns, ns), t,
					      &cred)
			      : set_member(ns, targets[i], t, (cred ?: t->thread.cred)->user_ns,
					   n == 1);
	if (err) {
		nsproxy_put(ns);
		cred_put(cred);
		return err;
	}
	if (ns->ipc != t->ns->ipc)
		sem_undo_leave(t);
	if (ns->mnt != t->ns->mnt)
		mnt_ns_enter(ns->mnt, t->thread.fs);
	WRITE_ONCE(container_of(ns->time, struct time_ns, ns)->frozen, true);
	task_ns_install(ns);
	if (cred)
		cred_install(cred);
	return 0;
}

static struct ns_common *member(struct nsproxy *ns, const char *name)
{
	if (!strcmp(name, "pid_for_children"))
		return &ns->pid_for_children->ns;
	if (!strcmp(name, "mnt"))
		return &ns->mnt->ns;
	if (!strcmp(name, "uts"))
		return &ns->uts->ns;
	if (!strcmp(name, "net"))
		return ns->net;
	if (!strcmp(name, "cgroup"))
		return ns->cgroup;
	if (!strcmp(name, "ipc"))
		return ns->ipc;
	if (!strcmp(name, "time"))
		return ns->time;
	if (!strcmp(name, "time_for_children"))
		return ns->time_for_children;
	return NULL;
}

/* layer_ops.task_ns. An ended task has no namespaces but its pid's and its user's. */
static struct ns_common *task_ns(struct task *t, const char *name)
{
	struct ns_common *found;
	struct nsproxy *ns;

	if (!strcmp(name, "user")) {
		const struct cred *cred = task_cred_get(t);

		found = &cred->user_ns->ns;
		ns_get(found);
		cred_put(cred);
		return found;
	}
	if (!strcmp(name, "pid")) {
		ns_get(&task_pid_ns(t)->ns);
		return &task_pid_ns(t)->ns;
	}
	ns = task_ns_get(t);
	if (!ns)
		return NULL;
	found = member(ns, name);
	if (found)
		ns_get(found);
	nsproxy_put(ns);
	return found;
}

static void container_init(void)
{
	nsfs_init();
	ns_limit_init();
	cgroup_init();
	seccomp_init();
	layer.make_ns = make_ns;
	layer.enter_ns = enter_ns;
	layer.pid_ns_end = pid_ns_end;
	layer.task_ns = task_ns;
	layer.ns_path = nsfs_path;
	layer.file_ns = nsfs_file_ns;
	layer.map_show = user_ns_map_show;
	layer.map_write = user_ns_map_write;
	counts_register("namespaces", &nr_namespaces);
}
layer_initcall(container_init);
