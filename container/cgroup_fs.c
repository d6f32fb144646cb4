/* SPDX-License-Identifier: MIT */
/*
 * The cgroup2 file system: one instance, whose directories are the groups. mkdir makes a group, rmdir
 * removes one, and each directory holds the cgroup.* files and those of the controllers that its
 * parent gives it (cgroup.subtree_control).
 *
 * Names are not cached, but a live group's own (cgroup.dir): a lookup that comes here asks for a file,
 * or for nothing. Which files there are changes with subtree_control, hence revalidate() for those
 * that are open.
 * Locks: an inode's lock, then cgroup_mutex.
 */
#include "container/cgroup.h"

#include <linux/magic.h>

static struct super *cgroup_sb;

/* ---- which files ---- */

static const struct cg_controller *const controllers[] = { &cg_cpuset, &cg_cpu,  &cg_io,
							   &cg_memory, &cg_pids, NULL };

const struct cg_controller *const *cg_controllers(void)
{
	return controllers;
}

/* The file `name` of cg (NULL: its n-th one) and its kind, or NULL. */
static const struct pseudo_file *find_file(const struct cgroup *cg, const char *name, u64 n,
					   unsigned int *kind)
{
	const struct cg_controller *const *c = controllers;
	const struct cg_file *f = cg_core_files;
	u32 on = cgroup_controllers(cg);

	*kind = 0;
	for (;;) {
		for (; f->pf.name; f++)
			if ((cg->parent || !f->not_on_root) &&
			    (name ? *f->pf.name == *name && !strcmp(f->pf.name, name) : !n--))
				return &f->pf;
		while (*c && !((*c)->bit & on))
			c++;
		if (!*c)
			return NULL;
		*kind = 1 + __builtin_ctz((*c)->bit);
		f = (*c++)->files;
	}
}

const struct pseudo_file *cg_find_file(const struct cgroup *cg, const char *name,
				       unsigned int *kind)
{
	return strchr(name, '.') ? find_file(cg, name, 0, kind) : NULL; /* all have one */
}

/* ---- directories ---- */

void cg_file_put(void *cg)
{
	cgroup_put(cg);
}

static int cg_setattr(struct inode *inode, const struct kattr *attr)
{
	const struct pseudo *p = inode->priv;

	inode_setattr_common(inode, attr);
	if (S_ISDIR(inode->mode) || !(attr->valid & (ATTR_MODE | ATTR_UID | ATTR_GID)))
		return 0; /* a live group's directory keeps its inode */
	return cg_attr_set(p->priv, p->pf, inode);
}

static int cg_lookup(struct inode *dir, struct dentry *d)
{
	static const struct inode_ops file_ops = { .setattr = cg_setattr };
	struct cgroup *cg = dir->priv;
	unsigned int kind;
	const struct pseudo_file *pf = cg_find_file(cg, d->name, &kind);
	struct inode *inode;
	struct cg_attr a;

	if (!pf)
		return 0;
	cgroup_get(cg);
	inode = pseudo_inode(dir->sb, pf, cg);
	if (!inode) {
		cgroup_put(cg);
		return -ENOMEM;
	}
	a = cg_attr_of(cg, pf, kind);
	inode->ops = &file_ops;
	inode->uid = a.owner.uid;
	inode->gid = a.owner.gid;
	inode->mode = S_IFREG | a.mode;
	d_set_inode(d, inode);
	return 0;
}

static const struct inode_ops dir_ops;
static const struct file_ops dir_fops;

/* cg's reference moves to the inode. */
static struct inode *dir_inode(struct super *sb, struct cgroup *cg, mode_t mode)
{
	struct inode *inode = inode_new(sb, mode);

	if (!inode)
		return NULL;
	inode->ino = cg->id;
	inode->nlink = 2;
	inode->ops = &dir_ops;
	inode->fops = &dir_fops;
	inode->priv = cg;
	return inode;
}

static int cg_mkdir(struct inode *dir, struct dentry *d, mode_t mode)
{
	struct cgroup *cg;
	struct inode *inode;
	int err = 0;

	if (strchr(d->name, '\n')) /* /proc/N/cgroup has a line a group */
		return -EINVAL;
	mutex_lock(&cgroup_mutex);
	cg = cgroup_make(dir->priv, d->name);
	if (IS_ERR(cg)) {
		err = PTR_ERR(cg);
		goto out;
	}
	inode = dir_inode(dir->sb, cg, mode);
	if (!inode) {
		cgroup_remove(cg);
		cgroup_put(cg);
		err = -ENOMEM;
		goto out;
	}
	d_set_inode(d, inode);
	cg->dir = dget(d);
	dir->nlink++;
out:
	mutex_unlock(&cgroup_mutex);
	return err;
}

static int cg_rmdir(struct inode *dir, struct dentry *d)
{
	struct cgroup *cg = d->inode->priv;
	struct dentry *pin;
	int err;

	if (!S_ISDIR(d->inode->mode))
		return -EPERM;
	mutex_lock(&cgroup_mutex);
	err = cgroup_remove(cg);
	pin = cg->dir;
	if (!err)
		cg->dir = NULL;
	mutex_unlock(&cgroup_mutex);
	if (err)
		return err;
	d->inode->nlink = 0;
	dir->nlink--;
	dput(pin);
	return 0;
}

#define DT_OF_MODE(m) ((m) >> 12) /* d_type of getdents(2) */

static bool emit_dots(struct file *f, struct dir_context *ctx)
{
	const struct dentry *d = f->path.dentry;

	if (ctx->pos == 0) {
		if (!ctx->emit(ctx, ".", 1, d->inode->ino, DT_OF_MODE(S_IFDIR)))
			return false;
		ctx->pos = 1;
	}
	if (ctx->pos == 1) {
		if (!ctx->emit(ctx, "..", 2, d->parent->inode->ino, DT_OF_MODE(S_IFDIR)))
			return false;
		ctx->pos = 2;
	}
	return true;
}

/* Cookies: 2 and on the files, from CHILDREN on the child groups by id. */
#define CHILDREN (1L << 32)

static int iterate_children(struct cgroup *cg, struct dir_context *ctx)
{
	struct cgroup *child;

	list_for_each(child, &cg->children, sibling) {
		if (child->id < (u64)(ctx->pos - CHILDREN))
			continue;
		ctx->pos = CHILDREN + child->id;
		if (!ctx->emit(ctx, child->name, strlen(child->name), child->id,
			       DT_OF_MODE(S_IFDIR)))
			return 0;
		ctx->pos++;
	}
	return 0;
}

static int cg_iterate(struct file *f, struct dir_context *ctx)
{
	struct cgroup *cg = f->inode->priv;
	const struct pseudo_file *pf;
	unsigned int kind;
	int err;

	if (!emit_dots(f, ctx))
		return 0;
	while (ctx->pos < CHILDREN && (pf = find_file(cg, NULL, ctx->pos - 2, &kind))) {
		/* Files have no inode before somebody looks them up: any number but 0 will do. */
		if (!ctx->emit(ctx, pf->name, strlen(pf->name), cg->id, DT_OF_MODE(S_IFREG)))
			return 0;
		ctx->pos++;
	}
	if (ctx->pos < CHILDREN)
		ctx->pos = CHILDREN;
	mutex_lock(&cgroup_mutex);
	err = iterate_children(cg, ctx);
	mutex_unlock(&cgroup_mutex);
	return err;
}

static const struct inode_ops dir_ops = {
	.lookup = cg_lookup, .setattr = cg_setattr, .mkdir = cg_mkdir, .unlink = cg_rmdir
};
static const struct file_ops dir_fops = { .iterate = cg_iterate };

struct cgroup *cgroup_of_fd(int fd, int may)
{
	struct file *f = fd_get_path(fd);
	struct cgroup *cg = ERR_PTR(-EBADF);

	if (!f)
		return cg;
	if (f->inode->ops == &dir_ops) {
		int err = inode_permission(f->inode, may);

		cg = err ? ERR_PTR(err) : f->inode->priv;
		if (!err)
			cgroup_get(cg);
	}
	file_put(f);
	return cg;
}

/* ---- the instance ---- */

static void cg_evict(struct inode *inode)
{
	if (S_ISDIR(inode->mode))
		cgroup_put(inode->priv);
	else
		pseudo_evict(inode);
}

static bool cg_revalidate(struct dentry *d)
{
	const struct cgroup *cg = d->parent->inode->priv;
	unsigned int kind;

	if (d->inode && S_ISDIR(d->inode->mode))
		return true;
	return !d->inode == !cg_find_file(cg, d->name, &kind);
}

/* As the reader's cgroup namespace names it: "/.." is above its root. */
static void cg_show_path(struct dentry *d, struct strbuf *out)
{
	cgroup_path(d->inode->priv, cgroup_ns_root(), out);
}

static int cg_remount(struct super *sb, const char *data)
{
	return cg_options(data);
}

static const struct super_ops cg_super_ops = {
	.evict = cg_evict,
	.remount = cg_remount,
	.show_options = cg_show_options,
	.revalidate = cg_revalidate,
	.show_path = cg_show_path,
};

static int cg_fill(struct super *sb, const char *source, unsigned long flags, const char *data)
{
	struct inode *root;

	cgroup_get(&root_cgroup);
	root = dir_inode(sb, &root_cgroup, S_IFDIR | 0555);
	if (!root) {
		cgroup_put(&root_cgroup);
		return -ENOMEM;
	}
	sb->ops = &cg_super_ops;
	sb->magic = CGROUP2_SUPER_MAGIC;
	sb->uncached = true; /* a file's cached name would keep a removed group alive */
	if (sb_set_root(sb, root))
		return -ENOMEM;
	root_cgroup.dir = sb->root;
	cgroup_sb = sb;
	ref_get(&sb->refs); /* the tree outlives its mounts */
	return 0;
}

static struct super *cg_existing(const char *source)
{
	return cgroup_sb ? super_share(cgroup_sb) : NULL;
}

/* In a cgroup namespace, what is mounted is the namespace's own root. */
static struct dentry *cg_mount_root(struct super *sb)
{
	struct dentry *d;

	mutex_lock(&cgroup_mutex);
	d = cgroup_ns_root()->dir;
	d = dget(d ? d : sb->root);
	mutex_unlock(&cgroup_mutex);
	return d;
}

static struct user_ns *cg_owner(void)
{
	return current->ns->cgroup->owner;
}

static struct fs_type cgroup2_type = {
	.name = "cgroup2",
	.nodev = true,
	.userns_mount = true,
	.fill = cg_fill,
	.options = cg_options,
	.existing = cg_existing,
	.mount_root = cg_mount_root,
	.owner = cg_owner,
};

/*
 * /proc/cgroups, by which the JVM and others tell that limits are to be looked for: version 1's names (cpuacct
 * is what cpu.stat counts), the hierarchy, 0 for version 2, its groups, and whether it is enabled.
 */
static int show_cgroups(struct strbuf *out, void *priv)
{
	static const char *const names[] = {
		"cpuset", "cpu", "cpuacct", "blkio", "memory", "pids"
	};

	sb_printf(out, "#subsys_name\thierarchy\tnum_cgroups\tenabled\n");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		sb_printf(out, "%s\t0\t%lu\t1\n", names[i],
			  READ_ONCE(root_cgroup.nr_descendants) + 1);
	return 0;
}

void cgroup_fs_init(void)
{
	static const struct pseudo_file cgroups = { .name = "cgroups",
						    .mode = 0444,
						    .show = show_cgroups };

	procfs_add(&cgroups, NULL);
	fs_register(&cgroup2_type);
	sysfs_mkdir("fs/cgroup");
	cg_delegate_init();
}
