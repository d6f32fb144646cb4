/* SPDX-License-Identifier: MIT */
/*
 * devpts: the directory of pseudo-terminals (Documentation/filesystems/devpts.rst). Every mount is
 * an instance of its own, as with the newinstance option. A name is there as long as the master is
 * open: lookups ask the instance's table, and cached names are checked against it.
 */
#include "dev/pty.h"

#include <linux/magic.h>
#include <linux/major.h>

#define MAX_PTYS 4096 /* of one instance */
#define PTMX_INO 2
#define PTS_NAME_ROOM 16 /* for "/pts" and a number */
#define FIRST_INO 3
#define DT_CHR 2 /* d_type of getdents(2) */
#define DT_DIR 4

static const struct super_ops devpts_super_ops;

static struct pty *pty_at(struct devpts *d, u64 index)
{
	struct pty *p;

	spin_lock(&d->lock);
	p = idr_get(&d->ptys, index);
	spin_unlock(&d->lock);
	return p;
}

static struct inode *node(struct super *sb, u64 ino, mode_t mode, dev_t rdev)
{
	struct inode *inode = inode_new(sb, mode);

	if (!inode)
		return NULL;
	inode->ino = ino;
	inode->rdev = rdev;
	return inode;
}

int devpts_add(struct super *sb, struct pty *p)
{
	struct devpts *d = sb->priv;
	struct inode *inode = node(sb, 0, S_IFCHR | d->mode, 0);
	s64 index;

	if (!inode)
		return -ENOMEM;
	if (d->gid != (gid_t)-1)
		inode->gid = d->gid;
	spin_lock(&d->lock);
	/* The lowest free number, as Linux gives it. */
	d->ptys.next = d->ptys.min;
	index = idr_alloc(&d->ptys, p);
	if (index >= 0) {
		inode->ino = FIRST_INO + index;
		inode->rdev = MKDEV(UNIX98_PTY_SLAVE_MAJOR, index);
		p->index = index;
		p->inode = inode;
	}
	spin_unlock(&d->lock);
	if (index < 0)
		inode_put(inode);
	return index < 0 ? index : 0;
}

void devpts_remove(struct pty *p)
{
	struct devpts *d = p->sb->priv;

	spin_lock(&d->lock);
	idr_erase(&d->ptys, p->index);
	spin_unlock(&d->lock);
	inode_put(p->inode);
}

struct tty *devpts_slave(struct inode *inode)
{
	struct devpts *d = inode->sb->priv;
	struct tty *slave = NULL;
	struct pty *p;

	if (inode->sb->ops != &devpts_super_ops)
		return NULL;
	spin_lock(&d->lock);
	p = idr_get(&d->ptys, MINOR(inode->rdev));
	if (p && p->inode == inode) {
		slave = p->slave;
		tty_get(slave);
	}
	spin_unlock(&d->lock);
	return slave;
}

/* The name of the devpts that a ptmx node means, in buf of PATH_MAX bytes: its own, or "pts" beside it. */
static int pts_name(struct file *ptmx, char *buf, char **out)
{
	struct path root;
	char *name, *slash;

	fs_get_root(&root);
	name = path_name(&ptmx->path, &root, buf, PATH_MAX - PTS_NAME_ROOM);
	path_put(&root);
	slash = IS_ERR(name) ? NULL : strrchr(name, '/');
	if (!slash)
		return IS_ERR(name) ? PTR_ERR(name) : -ENODEV;
	strscpy(slash, ptmx->inode->sb->ops == &devpts_super_ops ? "" : "/pts", sizeof("/pts"));
	*out = name;
	return 0;
}

struct super *devpts_of_ptmx(struct file *f)
{
	struct super *sb = f->inode->sb;
	struct path pts;
	char *buf, *name;
	int err;

	if (sb->ops == &devpts_super_ops) {
		ref_get(&sb->refs);
		return sb;
	}
	buf = kmalloc(PATH_MAX);
	if (!buf)
		return ERR_PTR(-ENOMEM);
	err = pts_name(f, buf, &name);
	if (!err && path_lookup(AT_FDCWD, name, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &pts))
		err = -ENODEV;
	kfree(buf);
	if (err)
		return ERR_PTR(err);
	sb = pts.dentry->inode->sb;
	if (sb->ops == &devpts_super_ops)
		ref_get(&sb->refs);
	else
		sb = ERR_PTR(-ENODEV);
	path_put(&pts);
	return sb;
}

struct file *devpts_open_slave(struct file *master, struct pty *p, int flags)
{
	char *buf = kmalloc(PATH_MAX), *name;
	struct file *f;
	int err;

	if (!buf)
		return ERR_PTR(-ENOMEM);
	err = pts_name(master, buf, &name);
	if (!err)
		snprintf(name + strlen(name), PTS_NAME_ROOM, "/%u", p->index);
	f = err ? ERR_PTR(err) : file_open(AT_FDCWD, name, flags, 0, 0);
	kfree(buf);
	if (IS_ERR(f) || f->inode == p->inode)
		return f;
	file_put(f);
	return ERR_PTR(-ENODEV);
}

/* ---- the directory ---- */

static int devpts_lookup(struct inode *dir, struct dentry *de)
{
	struct devpts *d = dir->sb->priv;
	struct inode *inode = NULL;
	struct pty *p;
	u64 index;

	if (!strcmp(de->name, "ptmx")) {
		inode = d->ptmx;
		inode_get(inode);
	} else if (de->name[0] >= '0' && de->name[0] <= '9' &&
		   (de->name[0] != '0' || !de->name[1]) && !parse_u64(de->name, 10, &index)) {
		spin_lock(&d->lock);
		p = idr_get(&d->ptys, index);
		if (p) {
			inode = p->inode;
			inode_get(inode);
		}
		spin_unlock(&d->lock);
	}
	if (inode)
		d_set_inode(de, inode);
	return 0;
}

static bool devpts_revalidate(struct dentry *de)
{
	struct devpts *d = de->sb->priv;
	struct pty *p;

	if (!de->inode)
		return false;
	if (de->inode->ino < FIRST_INO)
		return true;
	p = pty_at(d, de->inode->ino - FIRST_INO);
	return p && p->inode == de->inode;
}

static int devpts_iterate(struct file *f, struct dir_context *ctx)
{
	static const char *const dots[] = { ".", ".." };
	struct devpts *d = f->inode->sb->priv;
	char name[24];

	for (; ctx->pos < 2; ctx->pos++)
		if (!ctx->emit(ctx, dots[ctx->pos], ctx->pos + 1, f->inode->ino, DT_DIR))
			return 0;
	if (ctx->pos == 2) {
		if (!ctx->emit(ctx, "ptmx", 4, PTMX_INO, DT_CHR))
			return 0;
		ctx->pos++;
	}
	for (;;) {
		u64 index = ctx->pos - FIRST_INO;
		void *found;

		spin_lock(&d->lock);
		found = radix_next(&d->ptys.tree, &index);
		spin_unlock(&d->lock);
		if (!found)
			return 0;
		ctx->pos = FIRST_INO + index;
		if (!ctx->emit(ctx, name, snprintf(name, sizeof(name), "%lu", index),
			       FIRST_INO + index, DT_CHR))
			return 0;
		ctx->pos++;
	}
}

static const struct inode_ops devpts_dir_ops = { .lookup = devpts_lookup };
static const struct file_ops devpts_dir_fops = { .iterate = devpts_iterate };

/* ---- the instance ---- */

static int parse_options(struct devpts *d, const char *data)
{
	char *text = data ? kstrdup(data) : NULL, *at = text, *name, *value;
	int err = data && !text ? -ENOMEM : 0;

	while (!err && (name = fs_next_option(&at, &value))) {
		bool octal = !strcmp(name, "mode") || !strcmp(name, "ptmxmode");
		u64 v = 0;

		if (!strcmp(name, "newinstance"))
			continue;
		err = value ? parse_u64(value, octal ? 8 : 10, &v) : -EINVAL;
		if (err)
			break;
		if (!strcmp(name, "mode"))
			d->mode = v & 0777;
		else if (!strcmp(name, "ptmxmode"))
			d->ptmx->mode = S_IFCHR | (v & 0777);
		else if (!strcmp(name, "gid"))
			d->gid = gid_from_ns(current->thread.cred->user_ns, v);
		else if (strcmp(name, "max") && strcmp(name, "uid"))
			err = -EINVAL;
	}
	kfree(text);
	return err;
}

static void devpts_put_super(struct super *sb)
{
	struct devpts *d = sb->priv;

	if (!d)
		return;
	inode_put(d->ptmx);
	kfree(d);
}

static void devpts_show_options(struct super *sb, struct strbuf *out)
{
	struct devpts *d = sb->priv;

	if (d->gid != (gid_t)-1)
		sb_printf(out, ",gid=%u", d->gid);
	sb_printf(out, ",mode=%o,ptmxmode=%03o", d->mode, d->ptmx->mode & 0777);
}

static const struct super_ops devpts_super_ops = {
	.put_super = devpts_put_super,
	.revalidate = devpts_revalidate,
	.show_options = devpts_show_options,
};

static int devpts_fill(struct super *sb, const char *source, unsigned long flags, const char *data)
{
	struct devpts *d = kzalloc(sizeof(*d));
	struct inode *root = NULL;
	int err = -ENOMEM;

	if (!d)
		return -ENOMEM;
	spin_init(&d->lock);
	idr_init(&d->ptys, 0, MAX_PTYS - 1);
	d->mode = 0600;
	d->gid = -1;
	d->ptmx = node(sb, PTMX_INO, S_IFCHR, MKDEV(TTYAUX_MAJOR, 2));
	if (!d->ptmx)
		goto out;
	err = parse_options(d, data);
	if (err)
		goto out;
	err = -ENOMEM;
	root = node(sb, 1, S_IFDIR | 0755, 0);
	if (!root)
		goto out;
	root->ops = &devpts_dir_ops;
	root->fops = &devpts_dir_fops;
	root->nlink = 2;
	if (sb_set_root(sb, root))
		goto out;
	sb->priv = d;
	sb->ops = &devpts_super_ops;
	sb->magic = DEVPTS_SUPER_MAGIC;
	sb->no_devices = false; /* only its own */
	sb->uncached = true;
	return 0;
out:
	inode_put(d->ptmx);
	kfree(d);
	return err;
}

void devpts_init(void)
{
	static struct fs_type type = {
		.name = "devpts",
		.nodev = true,
		.userns_mount = true,
		.fill = devpts_fill,
	};

	fs_register(&type);
}
