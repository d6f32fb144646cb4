/* SPDX-License-Identifier: MIT */
/*
 * tmpfs(5): files that live in memory. The names are the cached dentries themselves, each held by
 * one reference while it exists; a directory keeps them in a radix tree, too, by a number that only
 * grows, so that a reader of the directory finds its place again whatever was removed meanwhile.
 * Pages are those of the inode's mapping; whoever touches a page first pays for it.
 *
 * A super's page and inode counts are atomics; a node's pages are counted under its page_lock, which
 * is inside inode->lock and mm->lock. Read next: devtmpfs.c, initramfs.c.
 */
#include "fs/tmpfs.h"

#include <linux/falloc.h>
#include <linux/xattr.h>

struct xattr {
	struct xattr *next;
	char *name;
	size_t size;
	char value[];
};

static struct tmpfs_node *node_of(const struct inode *inode)
{
	return inode->priv;
}

/* A folder's size in stat(2) tells how many names it has: this much each, "." and ".." as well. */
#define NAME_SIZE 20
#define LONG_LINK 128U /* a symlink's text of so many bytes takes a block */

/* One inode more; a further name of one counts as well, for it stays in memory as long. */
static bool take_inode(struct tmpfs_super *ts)
{
	u64 n = __atomic_add_fetch(&ts->inodes, 1, __ATOMIC_RELAXED);

	if (!ts->max_inodes || n <= ts->max_inodes)
		return true;
	__atomic_fetch_sub(&ts->inodes, 1, __ATOMIC_RELAXED);
	return false;
}

struct inode *tmpfs_inode(struct super *sb, const struct inode *dir, mode_t mode, dev_t rdev)
{
	struct tmpfs_super *ts = sb->priv;
	struct tmpfs_node *node;
	struct inode *i;

	if (!take_inode(ts))
		return ERR_PTR(-ENOSPC);
	i = inode_new_in(sb, dir, mode);
	if (!i) {
		__atomic_fetch_sub(&ts->inodes, 1, __ATOMIC_RELAXED);
		return ERR_PTR(-ENOMEM);
	}
	i->priv = node = &container_of(i, struct tmpfs_inode, inode)->node;
	i->rdev = rdev;
	i->btime_ns = i->ctime_ns;
	mutex_init(&node->page_lock);
	node->next_pos = 2; /* after "." and ".." */
	node->seals = F_SEAL_SEAL;
	switch (mode & S_IFMT) {
	case S_IFDIR:
		i->ops = ts->fixed ? &tmpfs_fixed_dir_iops : &tmpfs_dir_iops;
		i->fops = &tmpfs_dir_fops;
		i->nlink = 2;
		i->size = 2 * NAME_SIZE;
		break;
	case S_IFREG:
		i->ops = &tmpfs_file_iops;
		i->fops = &tmpfs_file_fops;
		break;
	case S_IFLNK:
		i->ops = &tmpfs_link_iops;
		break;
	default:
		i->ops = &tmpfs_special_iops;
	}
	return i;
}

/* Brings the super's count of pages up to date; page_lock held. */
static void count_pages_locked(struct inode *inode)
{
	struct tmpfs_super *ts = inode->sb->priv;
	struct tmpfs_node *node = node_of(inode);
	u64 now = inode->mapping.nr_pages;

	if (S_ISLNK(inode->mode))
		now = inode->size >= LONG_LINK;
	__atomic_fetch_add(&ts->pages, now - node->pages, __ATOMIC_RELAXED);
	node->pages = now;
}

static void count_pages(struct inode *inode)
{
	mutex_lock(&node_of(inode)->page_lock);
	count_pages_locked(inode);
	mutex_unlock(&node_of(inode)->page_lock);
}

static void tmpfs_evict(struct inode *inode)
{
	struct tmpfs_super *ts = inode->sb->priv;
	struct tmpfs_node *node = node_of(inode);
	struct xattr *x;

	pseudo_evict(inode);
	node = inode->priv;
	if (!node)
		return;
	__atomic_fetch_sub(&ts->pages, node->pages, __ATOMIC_RELAXED);
	__atomic_fetch_sub(&ts->inodes, 1, __ATOMIC_RELAXED);
	while ((x = node->xattrs)) {
		node->xattrs = x->next;
		kfree(x->name);
		kfree(x);
	}
	kfree(node->link);
	radix_clear(&node->names); /* a super that goes with all its names */
}

/* ---- files ---- */

static struct frame *tmpfs_get_page(struct inode *inode, u64 index)
{
	struct tmpfs_super *ts = inode->sb->priv;
	struct tmpfs_node *node = node_of(inode);
	struct frame *f = mapping_get(&inode->mapping, index, false);

	if (f)
		return f;
	mutex_lock(&node->page_lock);
	if (ts->max_pages && READ_ONCE(ts->pages) >= ts->max_pages)
		f = mapping_get(&inode->mapping, index, false) ?: ERR_PTR(-ENOSPC);
	else
		f = mapping_get(&inode->mapping, index, true);
	count_pages_locked(inode);
	mutex_unlock(&node->page_lock);
	return f;
}

static ssize_t tmpfs_write(struct file *f, struct uio *from, loff_t *pos)
{
	unsigned int seals = node_of(f->inode)->seals;
	u64 size = f->inode->size;

	if (seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
		return -EPERM;
	/* Page by page, as Linux goes: the one that would reach over the end is refused. */
	if (seals & F_SEAL_GROW && *pos + from->left > size) {
		size = ALIGN_DOWN(size, PAGE_SIZE);
		if ((u64)*pos >= size)
			return -EPERM;
		from->left = size - *pos;
	}
	return generic_file_write(f, from, pos);
}

static int tmpfs_mmap(struct file *f, struct vma *vma)
{
	if (node_of(f->inode)->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE) &&
	    vma->flags & VM_SHARED) {
		if (vma->flags & VM_WRITE)
			return -EPERM;
		vma->flags &= ~VM_MAYWRITE;
	}
	return generic_file_mmap(f, vma);
}

/* Is there no room for the pages [first, last) of inode? Asked first, so that nothing is half done. */
static bool lacks_room(struct inode *inode, u64 first, u64 last)
{
	struct tmpfs_super *ts = inode->sb->priv;
	u64 need = READ_ONCE(ts->pages);

	if (!ts->max_pages || last - first > ts->max_pages)
		return ts->max_pages;
	for (; first < last; first++) {
		struct frame *page = mapping_get(&inode->mapping, first, false);

		if (page)
			frame_put(page);
		else
			need++;
		cond_resched();
	}
	return need > ts->max_pages;
}

/* Makes [from, to) a hole: whole pages go, of others a part is zeroed. */
static int punch(struct inode *inode, u64 from, u64 to)
{
	u64 first = ALIGN_UP(from, PAGE_SIZE), last = ALIGN_DOWN(to, PAGE_SIZE);

	if (node_of(inode)->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
		return -EPERM;
	inode_zero(inode, from, min(first, to));
	if (first <= last)
		inode_zero(inode, last, to);
	if (first < last)
		mapping_punch(&inode->mapping, first >> PAGE_SHIFT, (last - first) >> PAGE_SHIFT);
	count_pages(inode);
	return 0;
}

static int tmpfs_fallocate(struct file *f, int mode, loff_t off, loff_t len)
{
	bool hole = mode == (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE);
	u64 first = off >> PAGE_SHIFT, last = DIV_ROUND_UP((u64)off + len, PAGE_SIZE);
	struct inode *inode = f->inode;
	int err = 0;

	if (!hole && mode & ~FALLOC_FL_KEEP_SIZE)
		return -EOPNOTSUPP;
	mutex_lock(&inode->lock);
	if (hole)
		err = punch(inode, off, off + len);
	else if (node_of(inode)->seals & F_SEAL_GROW && off + len > inode->size)
		err = -EPERM;
	else if (off + len > inode->size && (u64)(off + len) > thread_rlimit(RLIMIT_FSIZE))
		err = -EFBIG;
	else if (lacks_room(inode, first, last))
		err = -ENOSPC;
	for (u64 i = first; !hole && !err && i < last; i++) {
		struct frame *page = tmpfs_get_page(inode, i);

		if (IS_ERR(page))
			err = PTR_ERR(page);
		else
			frame_put(page);
		if (thread_killed())
			err = -EINTR;
	}
	if (!err && !(mode & FALLOC_FL_KEEP_SIZE) && off + len > inode->size)
		inode->size = off + len;
	inode_touch(inode);
	mutex_unlock(&inode->lock);
	return err;
}

void inode_setattr_common(struct inode *inode, const struct kattr *a)
{
	if (a->valid & ATTR_UID)
		inode->uid = a->uid;
	if (a->valid & ATTR_GID)
		inode->gid = a->gid;
	if (a->valid & ATTR_MODE)
		inode->mode = (inode->mode & S_IFMT) | (a->mode & 07777);
	if (a->valid & ATTR_ATIME)
		inode->atime_ns = a->atime_ns;
	if (a->valid & ATTR_MTIME)
		inode->mtime_ns = a->mtime_ns;
	inode->ctime_ns = fs_now();
}

static int tmpfs_setattr(struct inode *inode, const struct kattr *a)
{
	struct tmpfs_node *node = node_of(inode);

	if (a->valid & ATTR_SIZE) {
		if ((a->size < inode->size && node->seals & F_SEAL_SHRINK) ||
		    (a->size > inode->size && node->seals & F_SEAL_GROW))
			return -EPERM;
		if (a->size > inode->size && a->size > thread_rlimit(RLIMIT_FSIZE))
			return -EFBIG;
		inode_truncate_pages(inode, a->size);
		count_pages(inode);
	}
	inode_setattr_common(inode, a);
	return 0;
}

/* ---- names ---- */

static int tmpfs_lookup(struct inode *dir, struct dentry *d)
{
	return 0; /* what exists is cached: it is not there */
}

static int name_add(struct inode *dir, struct dentry *d)
{
	struct tmpfs_node *node = node_of(dir);
	int err = radix_insert(&node->names, node->next_pos, d);

	if (err)
		return err;
	d->fsdata = node->next_pos++;
	dir->size += NAME_SIZE;
	return 0;
}

static void name_erase(struct inode *dir, u64 pos)
{
	radix_erase(&node_of(dir)->names, pos);
	dir->size -= NAME_SIZE;
}

/* Gives the new name d in dir its new inode, which moves there. */
static int tmpfs_add(struct inode *dir, struct dentry *d, struct inode *inode)
{
	int err;

	if (IS_ERR(inode))
		return PTR_ERR(inode);
	err = name_add(dir, d);
	if (err) {
		inode_put(inode);
		return err;
	}
	dget(d); /* the name exists: tmpfs's own reference */
	d_set_inode(d, inode);
	if (S_ISDIR(inode->mode))
		dir->nlink++;
	inode_touch(dir);
	return 0;
}

static int tmpfs_create(struct inode *dir, struct dentry *d, mode_t mode)
{
	return tmpfs_add(dir, d, tmpfs_inode(dir->sb, dir, mode, 0));
}

static int tmpfs_mknod(struct inode *dir, struct dentry *d, mode_t mode, dev_t rdev)
{
	return tmpfs_add(dir, d, tmpfs_inode(dir->sb, dir, mode, rdev));
}

static int tmpfs_tmpfile(struct inode *dir, struct dentry *d, mode_t mode)
{
	struct inode *i = tmpfs_inode(dir->sb, dir, mode, 0);

	if (IS_ERR(i))
		return PTR_ERR(i);
	i->nlink = 0;
	d_set_inode(d, i);
	return 0;
}

struct inode *tmpfs_link_inode(struct super *sb, const struct inode *dir, const char *target)
{
	struct tmpfs_super *ts = sb->priv;
	struct inode *i;

	if (strlen(target) >= LONG_LINK && ts->max_pages && READ_ONCE(ts->pages) >= ts->max_pages)
		return ERR_PTR(-ENOSPC);
	i = tmpfs_inode(sb, dir, S_IFLNK | 0777, 0);
	if (IS_ERR(i))
		return i;
	node_of(i)->link = kstrdup(target);
	if (!node_of(i)->link) {
		inode_put(i);
		return ERR_PTR(-ENOMEM);
	}
	i->size = strlen(target);
	count_pages(i);
	return i;
}

static int tmpfs_symlink(struct inode *dir, struct dentry *d, const char *target)
{
	struct inode *i = tmpfs_link_inode(dir->sb, dir, target);

	return IS_ERR(i) ? PTR_ERR(i) : tmpfs_add(dir, d, i);
}

static int tmpfs_link(struct dentry *old, struct inode *dir, struct dentry *d)
{
	struct inode *i = old->inode;
	struct tmpfs_super *ts = dir->sb->priv;
	bool more = i->nlink; /* the first name of an O_TMPFILE is its inode's */
	int err;

	if (more && !take_inode(ts))
		return -ENOSPC;
	inode_get(i);
	err = tmpfs_add(dir, d, i);
	if (err) {
		__atomic_fetch_sub(&ts->inodes, more, __ATOMIC_RELAXED);
		return err;
	}
	__atomic_fetch_add(&i->nlink, 1, __ATOMIC_RELAXED);
	i->ctime_ns = fs_now();
	return 0;
}

static bool is_empty(const struct inode *dir)
{
	u64 at = 0;

	return !radix_next(&node_of(dir)->names, &at);
}

/* The name d leaves dir; tmpfs's reference goes. */
static void name_gone(struct inode *dir, struct dentry *d)
{
	struct tmpfs_super *ts = dir->sb->priv;
	struct inode *i = d->inode;

	name_erase(dir, d->fsdata);
	if (S_ISDIR(i->mode)) {
		i->nlink = 0;
		dir->nlink--;
	} else if (__atomic_sub_fetch(&i->nlink, 1, __ATOMIC_RELAXED)) {
		__atomic_fetch_sub(&ts->inodes, 1, __ATOMIC_RELAXED);
	}
	i->ctime_ns = fs_now();
	inode_touch(dir);
	dput(d);
}

static int tmpfs_unlink(struct inode *dir, struct dentry *d)
{
	if (S_ISDIR(d->inode->mode) && !is_empty(d->inode))
		return -ENOTEMPTY;
	name_gone(dir, d);
	return 0;
}

static int tmpfs_exchange(struct inode *odir, struct dentry *old, struct inode *ndir,
			  struct dentry *d)
{
	u64 old_pos = old->fsdata, new_pos = d->fsdata;
	int err = name_add(ndir, old);

	if (err)
		return err;
	err = name_add(odir, d);
	if (err) {
		name_erase(ndir, old->fsdata);
		old->fsdata = old_pos;
		return err;
	}
	name_erase(odir, old_pos);
	name_erase(ndir, new_pos);
	if (S_ISDIR(old->inode->mode) != S_ISDIR(d->inode->mode)) {
		struct inode *loses = S_ISDIR(old->inode->mode) ? odir : ndir;

		loses->nlink--;
		(loses == odir ? ndir : odir)->nlink++;
	}
	return 0;
}

static int tmpfs_rename(struct inode *odir, struct dentry *old, struct inode *ndir,
			struct dentry *d, unsigned int flags)
{
	u64 old_pos = old->fsdata;
	int err;

	if (flags & RENAME_EXCHANGE) {
		err = tmpfs_exchange(odir, old, ndir, d);
	} else {
		if (d->inode && S_ISDIR(d->inode->mode) && !is_empty(d->inode))
			return -ENOTEMPTY;
		err = name_add(ndir, old);
		if (err)
			return err;
		name_erase(odir, old_pos);
		if (d->inode)
			name_gone(ndir, d);
		if (S_ISDIR(old->inode->mode)) {
			odir->nlink--;
			ndir->nlink++;
		}
	}
	if (err)
		return err;
	inode_touch(odir);
	inode_touch(ndir);
	old->inode->ctime_ns = fs_now();
	return 0;
}

static int tmpfs_readlink(struct inode *inode, char *buf, size_t size)
{
	int err = strscpy(buf, node_of(inode)->link, size);

	return err < 0 ? -ENAMETOOLONG : (int)inode->size;
}

static int tmpfs_iterate(struct file *f, struct dir_context *ctx)
{
	struct inode *dir = f->inode;
	bool room = emit_dots(f, ctx);
	u64 at = ctx->pos;
	unsigned int n;
	void **slot;

	while (room && radix_next(&node_of(dir)->names, &at)) {
		slot = radix_slots(&node_of(dir)->names, at, &n);
		for (; room && n--; slot++, at++) {
			const struct dentry *d = *slot;

			if (!d)
				continue;
			room = ctx->emit(ctx, d->name, d->name_len, d->inode->ino,
					 DT_OF_MODE(d->inode->mode));
			if (room)
				ctx->pos = at + 1;
		}
	}
	return 0;
}

/* ---- extended attributes: a short list; inode->lock held by setters ---- */

static struct xattr **xattr_find(struct inode *inode, const char *name)
{
	struct xattr **x = &node_of(inode)->xattrs;

	while (*x && strcmp((*x)->name, name))
		x = &(*x)->next;
	return x;
}

static ssize_t tmpfs_getxattr(struct inode *inode, const char *name, void *value, size_t size)
{
	ssize_t n = -ENODATA;
	struct xattr *x;

	mutex_lock(&node_of(inode)->page_lock);
	x = *xattr_find(inode, name);
	if (x) {
		n = x->size;
		if (value && size < x->size)
			n = -ERANGE;
		else if (value)
			memcpy(value, x->value, x->size);
	}
	mutex_unlock(&node_of(inode)->page_lock);
	return n;
}

static int tmpfs_setxattr(struct inode *inode, const char *name, const void *value, size_t size,
			  int flags)
{
	struct xattr *x = NULL, **at, *old;
	int err = 0;

	if (value) {
		x = kmalloc(sizeof(*x) + size);
		if (!x)
			return -ENOMEM;
		x->name = kstrdup(name);
		x->size = size;
		memcpy(x->value, value, size);
		if (!x->name) {
			kfree(x);
			return -ENOMEM;
		}
	}
	mutex_lock(&node_of(inode)->page_lock);
	at = xattr_find(inode, name);
	old = *at;
	if (old && flags & XATTR_CREATE)
		err = -EEXIST;
	else if (!old && (!value || flags & XATTR_REPLACE))
		err = -ENODATA;
	if (err) {
		old = x;
	} else {
		if (!strcmp(name, XATTR_NAME_CAPS))
			inode->file_caps = value;
		if (old)
			*at = old->next;
		if (x) {
			x->next = node_of(inode)->xattrs;
			node_of(inode)->xattrs = x;
		}
	}
	mutex_unlock(&node_of(inode)->page_lock);
	if (old) {
		kfree(old->name);
		kfree(old);
	}
	inode->ctime_ns = fs_now();
	return err;
}

static ssize_t tmpfs_listxattr(struct inode *inode, char *list, size_t size)
{
	size_t n = 0;

	mutex_lock(&node_of(inode)->page_lock);
	for (struct xattr *x = node_of(inode)->xattrs; x; x = x->next) {
		size_t len = strlen(x->name) + 1;

		if (list && n + len <= size)
			memcpy(list + n, x->name, len);
		n += len;
	}
	mutex_unlock(&node_of(inode)->page_lock);
	return list && n > size ? -ERANGE : (ssize_t)n;
}

#define TMPFS_ATTR_OPS                                                                             \
	.setattr = tmpfs_setattr, .getxattr = tmpfs_getxattr, .setxattr = tmpfs_setxattr,          \
	.listxattr = tmpfs_listxattr

const struct inode_ops tmpfs_dir_iops = {
	.lookup = tmpfs_lookup,
	.create = tmpfs_create,
	.mkdir = tmpfs_create,
	.mknod = tmpfs_mknod,
	.symlink = tmpfs_symlink,
	.tmpfile = tmpfs_tmpfile,
	.link = tmpfs_link,
	.unlink = tmpfs_unlink,
	.rename = tmpfs_rename,
	TMPFS_ATTR_OPS,
};
const struct inode_ops tmpfs_fixed_dir_iops = { .lookup = tmpfs_lookup };
const struct inode_ops tmpfs_file_iops = { .get_page = tmpfs_get_page, TMPFS_ATTR_OPS };
const struct inode_ops tmpfs_link_iops = { .readlink = tmpfs_readlink, TMPFS_ATTR_OPS };
const struct inode_ops tmpfs_special_iops = { TMPFS_ATTR_OPS };

const struct file_ops tmpfs_dir_fops = { .iterate = tmpfs_iterate };
const struct file_ops tmpfs_file_fops = {
	.read = generic_file_read,
	.write = tmpfs_write,
	.mmap = tmpfs_mmap,
	.fallocate = tmpfs_fallocate,
};
const struct super_ops tmpfs_super_ops = {
	.evict = tmpfs_evict,
	.put_super = tmpfs_put_super,
	.statfs = tmpfs_statfs,
	.remount = tmpfs_remount,
	.show_options = tmpfs_show_options,
};

/* dir's child name, made as a directory when it is not there; a reference, or ERR_PTR. */
static struct dentry *make_dir(struct dentry *dir, const char *name, size_t len)
{
	struct dentry *d;
	int err = 0;

	mutex_lock(&dir->inode->lock);
	d = d_lookup(dir, name, len);
	if (!IS_ERR(d) && !d->inode)
		err = tmpfs_create(dir->inode, d, S_IFDIR | (dir->inode->mode & 0777));
	mutex_unlock(&dir->inode->lock);
	if (err) {
		dput(d);
		d = ERR_PTR(err);
	}
	return d;
}

int tmpfs_make(struct super *sb, const char *path, mode_t mode, dev_t rdev, struct inode *inode)
{
	struct dentry *dir = dget(sb->root), *d;
	const char *slash;
	int err;

	while ((slash = strchr(path, '/'))) {
		d = make_dir(dir, path, slash - path);
		dput(dir);
		if (IS_ERR(d)) {
			inode_put(inode);
			return PTR_ERR(d);
		}
		dir = d;
		path = slash + 1;
	}
	if (!inode)
		inode = tmpfs_inode(sb, NULL, mode, rdev);
	mutex_lock(&dir->inode->lock);
	d = d_lookup(dir, path, strlen(path));
	err = IS_ERR(d) ? PTR_ERR(d) : d->inode ? -EEXIST : 0;
	if (!err)
		err = tmpfs_add(dir->inode, d, inode);
	else if (!IS_ERR(inode))
		inode_put(inode);
	mutex_unlock(&dir->inode->lock);
	if (!IS_ERR(d))
		dput(d);
	dput(dir);
	return err;
}
