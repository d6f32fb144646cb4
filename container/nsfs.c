/* SPDX-License-Identifier: MIT */
/*
 * Namespaces as files: what the links of /proc/N/ns lead to (ioctl_ns(2), namespaces(7)). An open one
 * keeps its namespace alive, setns(2) takes it, and its inode number is the namespace's, so that two
 * are the same exactly when stat(2) says so. The file system is mounted nowhere.
 */
#include "container/container.h"

#include <linux/magic.h>
#include <linux/nsfs.h>

static struct mount *nsfs_mount;

/* A new descriptor for ns, as an open of its /proc link would give. */
static long open_ns(struct ns_common *ns)
{
	struct path path;
	struct file *f;
	int err = nsfs_path(ns, &path);

	if (err)
		return err;
	f = file_open_path(&path, O_RDONLY | O_CLOEXEC);
	path_put(&path);
	return fd_install(f, 0, true);
}

/* NS_GET_USERNS: the owner, as far as the caller can see up. */
static long open_owner(struct ns_common *ns)
{
	const struct user_ns *own = current->thread.cred->user_ns;

	if (!ns->owner || !user_ns_within(ns->owner, own))
		return -EPERM;
	return open_ns(&ns->owner->ns);
}

static long open_parent(struct ns_common *ns)
{
	if (ns->ops->clone_flag == CLONE_NEWUSER)
		return open_owner(ns);
	if (ns->ops->clone_flag == CLONE_NEWPID) {
		struct pid_ns *parent = container_of(ns, struct pid_ns, ns)->parent;
		const struct pid_ns *own = task_pid_ns(current), *p = parent;

		while (p && p != own)
			p = p->parent;
		return p ? open_ns(&parent->ns) : -EPERM;
	}
	return -EINVAL;
}

static long nsfs_ioctl(struct file *f, unsigned int cmd, unsigned long arg)
{
	struct ns_common *ns = f->inode->priv;

	switch (cmd) {
	case NS_GET_USERNS:
		return open_owner(ns);
	case NS_GET_PARENT:
		return open_parent(ns);
	case NS_GET_NSTYPE:
		return ns->ops->clone_flag;
	case NS_GET_OWNER_UID: {
		struct user_ns *user_ns = container_of(ns, struct user_ns, ns);

		if (ns->ops->clone_flag != CLONE_NEWUSER)
			return -EINVAL;
		return put_user(uid_to_ns(current->thread.cred->user_ns, user_ns->owner_uid),
				(uid_t __user *)arg);
	}
	}
	return -ENOTTY;
}

static int nsfs_open(struct inode *inode, struct file *f)
{
	return f->can_write ? -EPERM : 0; /* they are immutable files */
}

static const struct file_ops nsfs_file_ops = { .open = nsfs_open, .ioctl = nsfs_ioctl };
static const struct inode_ops nsfs_inode_ops = { 0 };

static void nsfs_evict(struct inode *inode)
{
	if (inode->priv)
		ns_put(inode->priv);
}

static void nsfs_show_path(struct dentry *root, struct strbuf *out)
{
	const struct ns_common *ns = root->inode->priv;

	sb_printf(out, "%s:[%u]", ns->ops->name, ns->inum);
}

static const struct super_ops nsfs_super_ops = { .evict = nsfs_evict, .show_path = nsfs_show_path };

static int nsfs_fill(struct super *sb, const char *source, unsigned long flags, const char *data)
{
	struct inode *root = inode_new(sb, S_IFDIR | 0555);

	if (!root)
		return -ENOMEM;
	sb->ops = &nsfs_super_ops;
	sb->magic = NSFS_MAGIC;
	root->ops = &nsfs_inode_ops;
	return sb_set_root(sb, root);
}

static struct fs_type nsfs_type = { .name = "nsfs", .nodev = true, .fill = nsfs_fill };

int nsfs_path(struct ns_common *ns, struct path *to)
{
	struct super *sb = nsfs_mount->sb;
	struct inode *inode = inode_new(sb, S_IFREG | 0444);
	struct dentry *d;

	if (!inode)
		return -ENOMEM;
	inode->ino = ns->inum;
	inode->uid = 0;
	inode->gid = 0;
	inode->ops = &nsfs_inode_ops;
	inode->fops = &nsfs_file_ops;
	inode->priv = ns;
	ns_get(ns);
	d = d_make_root(sb, inode);
	if (!d) {
		inode_put(inode);
		return -ENOMEM;
	}
	to->mnt = nsfs_mount;
	to->dentry = d;
	ref_get(&nsfs_mount->refs);
	return 0;
}

struct ns_common *nsfs_file_ns(struct file *f)
{
	return f->ops == &nsfs_file_ops ? f->inode->priv : NULL;
}

void nsfs_init(void)
{
	nsfs_mount = kern_mount(&nsfs_type);
	if (IS_ERR(nsfs_mount))
		panic("nsfs: no memory");
}
