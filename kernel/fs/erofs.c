/* SPDX-License-Identifier: MIT */
/*
 * EROFS in the kernel: a read-only file system on a block device, or on an image that is a regular
 * file, as Linux mounts it since 6.12. Nothing is copied that lies on a page boundary of the image: a
 * page of a file is then the very frame of the image, in memory (tmpfs, the initramfs) or in the page
 * cache of the device, where it comes when it is first wanted.
 *
 * All mounts of one image have one super, as those of a device have on Linux: its names, inodes and pages are
 * there for the next one, and only once for many.
 *
 * Each inode in use is found by its nid in a radix tree of the super, guarded by es->lock; the tree
 * holds no references. What the disk says is read by erofs_disk.c, which trusts nothing.
 */
#include "fs/erofs_disk.h"
#include "fs/internal.h"

struct erofs_super {
	struct erofs_image img; /* first: read() gets it */
	struct file *file;
	spinlock_t lock; /* guards inodes */
	struct radix inodes;
	bool told; /* that the image is damaged: once */
	struct super *sb;
	struct list_head link; /* in images */
};

static spinlock_t images_lock; /* guards images */
static struct list_head images = LIST_INIT(images);

static const struct inode_ops erofs_dir_iops, erofs_link_iops, erofs_iops;
static const struct file_ops erofs_dir_fops;

static struct erofs_super *super_of(const struct super *sb)
{
	return sb->priv;
}

static int image_read(struct erofs_image *img, u64 off, void *buf, size_t n)
{
	struct erofs_super *es = container_of(img, struct erofs_super, img);
	ssize_t got = kernel_read(es->file, buf, n, off);

	return got == n ? 0 : got < 0 ? got : -EIO;
}

/* One line for an image that lies, however often it does, and the errno that Linux gives. */
static int complain(struct super *sb, u64 nid, int err)
{
	if (err == -EUCLEAN && !__atomic_exchange_n(&super_of(sb)->told, true, __ATOMIC_RELAXED))
		pr_err("erofs: device %u:%u: corrupted at inode %llu", MAJOR(sb->dev),
		       MINOR(sb->dev), (unsigned long long)nid);
	return err;
}

/* ---- file data ---- */

static bool zero_from(const struct frame *f, size_t from)
{
	const char *p = frame_va(f);

	while (from < PAGE_SIZE)
		if (p[from++])
			return false;
	return true;
}

/* The image's own frame for n bytes at pos; NULL when it cannot be shown as it is. ERR_PTR */
static struct frame *share_frame(struct erofs_super *es, u64 pos, size_t n)
{
	struct frame *f;

	if (pos & ~PAGE_MASK)
		return NULL;
	f = mapping_get(es->file->mapping, pos >> PAGE_SHIFT, false);
	if (IS_ERR_OR_NULL(f) || n == PAGE_SIZE || zero_from(f, n))
		return f;
	frame_put(f);
	return NULL;
}

static struct frame *erofs_read_page(struct mapping *m, u64 index)
{
	struct inode *inode = m->owner;
	struct erofs_super *es = super_of(inode->sb);
	const struct erofs_inode *ei = inode->priv;
	u64 off = index << PAGE_SHIFT, pos, len;
	struct frame *f;
	size_t n;
	int err;

	if (off >= ei->size)
		return ERR_PTR(-EIO);
	n = min(ei->size - off, PAGE_SIZE);
	err = erofs_map(&es->img, ei, off, &pos, &len);
	if (err)
		return ERR_PTR(complain(inode->sb, ei->nid, err));
	f = len >= n ? share_frame(es, pos, n) : NULL;
	if (f)
		return f;
	f = frame_alloc_zeroed(FRAME_CACHE, NULL);
	if (!f)
		return ERR_PTR(-ENOMEM);
	err = erofs_read_data(&es->img, ei, off, frame_va(f), n);
	if (err) {
		frame_put(f);
		return ERR_PTR(complain(inode->sb, ei->nid, err) == -ENOMEM ? -ENOMEM : -EIO);
	}
	return f;
}

static const struct mapping_ops erofs_mapping_ops = { .read_page = erofs_read_page };

static int erofs_readlink(struct inode *inode, char *buf, size_t size)
{
	struct erofs_super *es = super_of(inode->sb);
	const struct erofs_inode *ei = inode->priv;
	int err;

	if (ei->size >= size)
		return complain(inode->sb, ei->nid, -EUCLEAN);
	err = erofs_read_data(&es->img, ei, 0, buf, ei->size);
	if (err)
		return complain(inode->sb, ei->nid, err);
	buf[ei->size] = '\0';
	return strlen(buf);
}

/* ---- inodes ---- */

static struct inode *inode_make(struct super *sb, u64 nid)
{
	struct erofs_super *es = super_of(sb);
	struct erofs_inode *ei = kmalloc(sizeof(*ei));
	struct inode *i;
	int err;

	if (!ei)
		return ERR_PTR(-ENOMEM);
	err = erofs_read_inode(&es->img, nid, ei);
	i = err ? NULL : inode_new(sb, ei->mode);
	if (!i) {
		kfree(ei);
		return ERR_PTR(err ? complain(sb, nid, err) : -ENOMEM);
	}
	i->ino = nid;
	i->uid = ei->uid;
	i->gid = ei->gid;
	i->nlink = ei->nlink;
	i->size = ei->size;
	i->atime_ns = i->mtime_ns = i->ctime_ns = ei->mtime_ns;
	i->priv = ei;
	i->ops = &erofs_iops;
	if (S_ISDIR(i->mode)) {
		i->ops = &erofs_dir_iops;
		i->fops = &erofs_dir_fops;
	} else if (S_ISLNK(i->mode)) {
		i->ops = &erofs_link_iops;
	} else if (S_ISREG(i->mode)) {
		i->fops = &generic_ro_file_ops;
		i->mapping.ops = &erofs_mapping_ops;
		if (es->file->mapping->reclaim)
			mapping_set_reclaim(&i->mapping);
	} else {
		i->rdev = dev_decode(ei->start);
	}
	return i;
}

/* The inode in use, with a reference, or NULL. es->lock held. */
static struct inode *inode_find(struct erofs_super *es, u64 nid)
{
	struct inode *i = radix_get(&es->inodes, nid);

	return i && ref_get_unless_zero(&i->refs) ? i : NULL;
}

static struct inode *erofs_iget(struct super *sb, u64 nid)
{
	struct erofs_super *es = super_of(sb);
	struct inode *i, *first;
	int err = 0;

	spin_lock(&es->lock);
	i = inode_find(es, nid);
	spin_unlock(&es->lock);
	if (i)
		return i;
	i = inode_make(sb, nid);
	if (IS_ERR(i))
		return i;
	spin_lock(&es->lock);
	first = inode_find(es, nid);
	if (!first) {
		radix_erase(&es->inodes, nid); /* one that is on its way out */
		err = radix_insert(&es->inodes, nid, i);
	}
	spin_unlock(&es->lock);
	if (first || err) {
		inode_put(i);
		return first ? first : ERR_PTR(err);
	}
	return i;
}

static void erofs_evict(struct inode *inode)
{
	struct erofs_super *es = super_of(inode->sb);

	spin_lock(&es->lock);
	if (radix_get(&es->inodes, inode->ino) == inode)
		radix_erase(&es->inodes, inode->ino);
	spin_unlock(&es->lock);
	kfree(inode->priv);
}

static int erofs_lookup(struct inode *dir, struct dentry *d)
{
	struct erofs_super *es = super_of(dir->sb);
	void *block = kmalloc(1UL << es->img.block_bits);
	struct inode *i;
	u64 nid;
	int err;

	if (!block)
		return -ENOMEM;
	err = erofs_find(&es->img, dir->priv, d->name, d->name_len, block, &nid);
	kfree(block);
	if (err)
		return err == -ENOENT ? 0 : complain(dir->sb, dir->ino, err);
	i = erofs_iget(dir->sb, nid);
	if (IS_ERR(i))
		return PTR_ERR(i);
	d_set_inode(d, i);
	return 0;
}

static int erofs_iterate(struct file *f, struct dir_context *ctx)
{
	struct erofs_super *es = super_of(f->inode->sb);
	void *block = kmalloc(1UL << es->img.block_bits);
	struct erofs_dirent de;
	u64 have = ~0UL;
	int err;

	if (!block)
		return -ENOMEM;
	while ((err = erofs_dirent(&es->img, f->inode->priv, ctx->pos, block, &have, &de)) > 0) {
		if (!ctx->emit(ctx, de.name, de.len, de.nid, de.dt_type)) {
			err = 0;
			break;
		}
		ctx->pos = de.next;
	}
	kfree(block);
	return complain(f->inode->sb, f->inode->ino, err);
}

/* ---- extended attributes ---- */

struct xattr_query {
	struct erofs_image *img;
	const char *name; /* NULL: list */
	char *buf;
	size_t size;
	ssize_t n;
};

static int query_one(void *arg, const char *name, u64 value, size_t size)
{
	struct xattr_query *q = arg;
	size_t len = strlen(name) + 1;

	if (!q->name) {
		if (q->buf && q->n + len <= q->size)
			memcpy(q->buf + q->n, name, len);
		q->n += len;
		return 0;
	}
	if (strcmp(name, q->name))
		return 0;
	q->n = size;
	if (!q->buf)
		return 1;
	if (size > q->size)
		return -ERANGE;
	return q->img->read(q->img, value, q->buf, size) ?: 1;
}

static ssize_t erofs_getxattr(struct inode *inode, const char *name, void *value, size_t size)
{
	struct xattr_query q = { &super_of(inode->sb)->img, name, value, size, 0 };
	int err = erofs_each_xattr(q.img, inode->priv, query_one, &q);

	return err == 1 ? q.n : err ? complain(inode->sb, inode->ino, err) : -ENODATA;
}

static ssize_t erofs_listxattr(struct inode *inode, char *list, size_t size)
{
	struct xattr_query q = { &super_of(inode->sb)->img, NULL, list, size, 0 };
	int err = erofs_each_xattr(q.img, inode->priv, query_one, &q);

	if (err)
		return complain(inode->sb, inode->ino, err);
	return list && q.n > size ? -ERANGE : q.n;
}

#define EROFS_XATTR_OPS .getxattr = erofs_getxattr, .listxattr = erofs_listxattr
static const struct inode_ops erofs_dir_iops = { .lookup = erofs_lookup, EROFS_XATTR_OPS };
static const struct inode_ops erofs_link_iops = { .readlink = erofs_readlink, EROFS_XATTR_OPS };
static const struct inode_ops erofs_iops = { EROFS_XATTR_OPS };
static const struct file_ops erofs_dir_fops = { .iterate = erofs_iterate };

/* ---- the super ---- */

static void erofs_put_super(struct super *sb)
{
	struct erofs_super *es = super_of(sb);

	if (!es)
		return;
	spin_lock(&images_lock);
	list_del(&es->link);
	spin_unlock(&images_lock);
	file_put(es->file);
	kfree(es);
}

static int erofs_statfs(struct super *sb, struct statfs *st)
{
	struct erofs_super *es = super_of(sb);

	st->f_bsize = st->f_frsize = 1L << es->img.block_bits;
	st->f_blocks = es->img.blocks;
	st->f_files = es->img.inodes;
	return 0;
}

static const struct super_ops erofs_super_ops = {
	.evict = erofs_evict,
	.put_super = erofs_put_super,
	.statfs = erofs_statfs,
};

static int open_image(struct super *sb, struct erofs_super *es, const char *source,
		      unsigned long flags)
{
	struct file *f = file_open(AT_FDCWD, source, O_RDONLY, 0, 0);
	const struct blkdev *bd;

	if (IS_ERR(f))
		return PTR_ERR(f);
	es->file = f;
	bd = file_blkdev(f);
	if (!bd && !S_ISREG(f->inode->mode))
		return -ENOTBLK;
	if (bd && bd->read_only && !(flags & MS_RDONLY))
		return -EACCES; /* mount(8) then tries it read-only */
	if (bd)
		sb->dev = bd->rdev;
	if (f->inode->sb->depth >= SUPER_MAX_DEPTH)
		return -ELOOP;
	sb->depth = f->inode->sb->depth + 1;
	es->img.read = image_read;
	es->img.size = ((struct inode *)f->mapping->owner)->size;
	return 0;
}

static int erofs_fill(struct super *sb, const char *source, unsigned long flags, const char *data)
{
	struct erofs_super *es;
	struct inode *root;
	int err;

	if (!source || !*source)
		return -EINVAL;
	es = kzalloc(sizeof(*es));
	if (!es)
		return -ENOMEM;
	spin_init(&es->lock);
	es->sb = sb;
	list_init(&es->link);
	sb->priv = es;
	sb->ops = &erofs_super_ops;
	sb->magic = EROFS_SUPER_MAGIC_V1;
	sb->flags |= MS_RDONLY;
	sb->read_only = true;
	err = open_image(sb, es, source, flags);
	if (err)
		return err;
	err = erofs_read_super(&es->img);
	if (err) {
		pr_err("erofs: %s: %s", source,
		       err == -EUCLEAN ? "corrupted superblock" : "no uncompressed EROFS image");
		return err;
	}
	root = erofs_iget(sb, es->img.root_nid);
	if (IS_ERR(root))
		return PTR_ERR(root);
	if (!S_ISDIR(root->mode)) {
		inode_put(root);
		return complain(sb, es->img.root_nid, -EUCLEAN);
	}
	err = sb_set_root(sb, root);
	if (err)
		return err;
	spin_lock(&images_lock);
	list_add(&es->link, &images);
	spin_unlock(&images_lock);
	return 0;
}

/* That of the same file, if it has not got another size since; whatever is wrong with it, erofs_fill() finds. */
static struct super *erofs_existing(const char *source)
{
	struct file *f = source ? file_open(AT_FDCWD, source, O_RDONLY, 0, 0) : ERR_PTR(-EINVAL);
	struct super *found = NULL;
	struct erofs_super *es;

	if (IS_ERR(f))
		return NULL;
	spin_lock(&images_lock);
	list_for_each(es, &images, link)
		if (S_ISREG(f->inode->mode) && es->file->inode == f->inode &&
		    es->img.size == f->inode->size && ref_get_unless_zero(&es->sb->refs)) {
			found = es->sb;
			break;
		}
	spin_unlock(&images_lock);
	file_put(f);
	return found;
}

struct fs_type erofs_type = {
	.name = "erofs",
	.reclaim = true,
	.fill = erofs_fill,
	.existing = erofs_existing,
};
