/* SPDX-License-Identifier: MIT */
/*
 * What execve(2) makes of a process's identity: set-id bits, file capabilities, root's privileges, the
 * ambient set (capabilities(7), transformation of capabilities during execve); and how the attribute
 * security.capability is stored for a user namespace other than the first. x->cred is a copy that only
 * this execve(2) has; the task's own is still the old one.
 */
#include "proc/internal.h"

#include <linux/capability.h>
#include <linux/securebits.h>

#define CAPS_NAME "security.capability"

/* Is uid the root of the current task's user namespace, or of one above? */
static bool owns_current_ns(uid_t uid)
{
	struct user_ns *ns = current_thread()->cred->user_ns;

	while (ns && uid_to_ns(ns, uid) != 0)
		ns = ns->parent;
	return ns;
}

struct file_caps {
	bool any, effective;
	u64 permitted, inheritable;
};

/* What the file's attribute says to the current task. 0 (also without one), -EINVAL, -ENOMEM */
static int read_file_caps(const struct path *p, struct file_caps *fc)
{
	struct vfs_ns_cap_data d = { 0 };
	struct inode *inode = p->dentry->inode;
	ssize_t n = inode->ops && inode->ops->getxattr
			    ? inode->ops->getxattr(inode, CAPS_NAME, &d, sizeof(d))
			    : -ENODATA;
	u32 revision = d.magic_etc & VFS_CAP_REVISION_MASK;

	if (n == -ENODATA || n == -EOPNOTSUPP)
		return 0;
	if (n < 0)
		return n == -ERANGE ? -EINVAL : n;
	if (!(n == XATTR_CAPS_SZ_1 && revision == VFS_CAP_REVISION_1) &&
	    !(n == XATTR_CAPS_SZ_2 && revision == VFS_CAP_REVISION_2) &&
	    !(n == XATTR_CAPS_SZ_3 && revision == VFS_CAP_REVISION_3))
		return -EINVAL;
	if (!owns_current_ns(d.rootid)) /* 0 before revision 3 */
		return 0;
	fc->any = true;
	fc->effective = d.magic_etc & VFS_CAP_FLAGS_EFFECTIVE;
	fc->permitted = (d.data[0].permitted | (u64)d.data[1].permitted << 32) & CAP_ALL;
	fc->inheritable = (d.data[0].inheritable | (u64)d.data[1].inheritable << 32) & CAP_ALL;
	return 0;
}

/* May a file that lies there give privileges? Not one that another namespace shows (mount(2), nosuid). */
static bool may_privilege(const struct mount *mnt)
{
	const struct user_ns *ns = current_thread()->cred->user_ns, *of = mnt->sb->user_ns;

	while (of && of != &init_user_ns && ns && ns != of)
		ns = ns->parent;
	return READ_ONCE(mnt->ns) == current->ns->mnt && !(mnt->flags & MNT_NOSUID) && ns;
}

static void set_ids(struct exec *x, struct cred *c, const struct inode *inode)
{
	if (!(inode->mode & (S_ISUID | S_ISGID)) || current->no_new_privs ||
	    uid_to_ns(c->user_ns, inode->uid) == (uid_t)-1 ||
	    gid_to_ns(c->user_ns, inode->gid) == (gid_t)-1)
		return;
	if (inode->mode & S_ISUID)
		c->euid = inode->uid;
	if ((inode->mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
		c->egid = inode->gid;
	x->keeps_personality = !(inode->mode & S_ISUID) && c->egid == c->gid;
}

/* Root is not a set of capabilities, but it comes with one (securebits: unless NOROOT). */
static void add_root(struct cred *c, const struct file_caps *fc, bool *effective)
{
	uid_t root = uid_from_ns(c->user_ns, 0);

	if (c->securebits & BIT(SECURE_NOROOT) || root == (uid_t)-1)
		return;
	if (fc->any && c->euid == root &&
	    c->uid != root) /* the file says more exactly what it needs */
		return;
	if (c->euid == root || c->uid == root)
		c->cap_permitted = c->cap_bounding | c->cap_inheritable;
	if (c->euid == root)
		*effective = true;
}

/* Another process that has the same root could change it under a program with privileges. */
static bool shares_root(void)
{
	const struct task *t;
	bool shares = false;

	spin_lock(&tasks_lock);
	list_for_each(t, &all_tasks, all_link)
		shares |= t->proc != current->proc && t->thread.fs == current_thread()->fs;
	spin_unlock(&tasks_lock);
	return shares;
}

int cred_exec(struct exec *x)
{
	struct cred *c = x->cred;
	const struct cred *old = current_thread()->cred;
	struct inode *inode = x->file->inode;
	struct file_caps fc = { 0 };
	bool other, gained, effective;
	int err = 0;

	x->keeps_personality = true;
	if (x->file->path.mnt && may_privilege(x->file->path.mnt)) {
		set_ids(x, c, inode);
		err = read_file_caps(&x->file->path, &fc);
	}
	if (err)
		return err;
	effective = fc.effective;
	c->cap_permitted = (fc.permitted & c->cap_bounding) | (fc.inheritable & c->cap_inheritable);
	if (effective && fc.permitted & ~c->cap_permitted)
		return -EPERM; /* it was not written to check what it got */
	add_root(c, &fc, &effective);
	gained = c->cap_permitted & ~old->cap_permitted;
	other = c->euid != old->uid || c->egid != old->gid;
	x->keeps_personality &= !other && !gained;
	/* What a program may do that its tracer may not is not for the tracer to drive (ptrace(2)). */
	if ((other || gained) &&
	    (current->no_new_privs || shares_root() ||
	     (is_traced(current) &&
	      !cred_ns_capable(current->ptrace.cred, c->user_ns, CAP_SYS_PTRACE)))) {
		if (current->no_new_privs || !ns_capable(c->user_ns, CAP_SETUID)) {
			c->euid = c->uid;
			c->egid = c->gid;
		}
		c->cap_permitted &= old->cap_permitted;
	}
	c->suid = c->fsuid = c->euid;
	c->sgid = c->fsgid = c->egid;
	if (fc.any || other)
		c->cap_ambient = 0;
	c->cap_permitted |= c->cap_ambient;
	c->cap_effective = effective ? c->cap_permitted : c->cap_ambient;
	c->securebits &= ~BIT(SECURE_KEEP_CAPS);
	x->secure = other || (c->uid != uid_from_ns(c->user_ns, 0) &&
			      (effective || c->cap_permitted & ~c->cap_ambient));
	return 0;
}

/* ---- security.capability across user namespaces: for fs/xattr.c ---- */

/* A value that the current task sets: stored with the user who is root to it. Its new size, -EINVAL */
static int caps_to_store(struct vfs_ns_cap_data *d, size_t n)
{
	struct user_ns *ns = current_thread()->cred->user_ns;
	u32 revision = d->magic_etc & VFS_CAP_REVISION_MASK;
	uid_t root;

	if (n == XATTR_CAPS_SZ_2 && revision == VFS_CAP_REVISION_2) {
		if (capable(CAP_SETFCAP))
			return n;
		d->rootid = 0;
	} else if (n != XATTR_CAPS_SZ_3 || revision != VFS_CAP_REVISION_3) {
		return -EINVAL;
	}
	root = uid_from_ns(ns, d->rootid);
	if (root == (uid_t)-1)
		return -EINVAL;
	d->rootid = root;
	d->magic_etc = VFS_CAP_REVISION_3 | (d->magic_etc & VFS_CAP_FLAGS_EFFECTIVE);
	return XATTR_CAPS_SZ_3;
}

/* A stored value as the current task sees it: its size, -EINVAL, -EOVERFLOW. */
static int caps_to_show(struct vfs_ns_cap_data *d, size_t n)
{
	uid_t root;

	if (n == XATTR_CAPS_SZ_2 && (d->magic_etc & VFS_CAP_REVISION_MASK) == VFS_CAP_REVISION_2)
		return n;
	if (n != XATTR_CAPS_SZ_3 || (d->magic_etc & VFS_CAP_REVISION_MASK) != VFS_CAP_REVISION_3)
		return -EINVAL;
	root = uid_to_ns(current_thread()->cred->user_ns, d->rootid);
	if (root == (uid_t)-1 && !owns_current_ns(d->rootid))
		return -EOVERFLOW;
	d->rootid = root == (uid_t)-1 ? 0 : root;
	if (d->rootid)
		return n;
	d->magic_etc = VFS_CAP_REVISION_2 | (d->magic_etc & VFS_CAP_FLAGS_EFFECTIVE);
	return XATTR_CAPS_SZ_2;
}

void cred_exec_init(void)
{
	fs_caps_to_store = caps_to_store;
	fs_caps_to_show = caps_to_show;
}
