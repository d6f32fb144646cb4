/* SPDX-License-Identifier: MIT */
/*
 * Open files of an overlay. A regular file is a thin cover over the real one: its pages are the real
 * file's, for reading and for mmap alike. When the file is copied up meanwhile, reads go to the copy;
 * what was mapped stays. A directory's listing is made whole at its start: names of
 * the upper layers hide those below, whiteouts hide and do not show.
 */
#include "fs/overlay.h"

struct ovl_open {
	struct file *first; /* what was there at open */
	struct file *upper; /* opened when it was copied up since; set once */
};

static struct file *real_of(struct file *f)
{
	struct ovl_open *o = f->priv;
	struct file *up = __atomic_load_n(&o->upper, __ATOMIC_ACQUIRE), *none = NULL;

	if (up)
		return up;
	if (likely(!ovl_upper(f->inode) || ovl_upper(f->inode) == o->first->path.dentry))
		return o->first;
	up = file_open_real(ovl_real(f->inode), f->flags & ~O_TRUNC);
	if (IS_ERR(up))
		return o->first;
	if (!__atomic_compare_exchange_n(&o->upper, &none, up, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_ACQUIRE)) {
		file_put(up);
		return none;
	}
	f->mapping = up->mapping;
	return up;
}

static int ovl_open(struct inode *inode, struct file *f)
{
	int err = f->can_write ? ovl_copy_up(f->path.dentry, !(f->flags & O_TRUNC)) : 0;
	struct ovl_open *o;

	if (err)
		return err;
	o = kzalloc(sizeof(*o));
	if (!o)
		return -ENOMEM;
	o->first = file_open_real(ovl_real(inode), f->flags & ~O_TRUNC);
	if (IS_ERR(o->first)) {
		err = PTR_ERR(o->first);
		kfree(o);
		return err;
	}
	f->priv = o;
	f->mapping = o->first->mapping;
	return 0;
}

static void ovl_release(struct file *f)
{
	struct ovl_open *o = f->priv;

	file_put(o->first);
	file_put(o->upper);
	kfree(o);
}

static ssize_t ovl_read(struct file *f, struct uio *to, loff_t *pos)
{
	struct file *real = real_of(f);

	return real->ops->read ? real->ops->read(real, to, pos) : -EINVAL;
}

static ssize_t ovl_write(struct file *f, struct uio *from, loff_t *pos)
{
	struct file *real = real_of(f);

	real->flags =
		(real->flags & ~O_APPEND) | (f->flags & O_APPEND); /* fcntl(2) changes f only */
	return real->ops->write ? real->ops->write(real, from, pos) : -EINVAL;
}

static int ovl_mmap(struct file *f, struct vma *vma)
{
	struct file *real = real_of(f);

	return real->ops->mmap ? real->ops->mmap(real, vma) : -ENODEV;
}

static int ovl_fallocate(struct file *f, int mode, loff_t off, loff_t len)
{
	struct file *real = real_of(f);

	return real->ops->fallocate ? real->ops->fallocate(real, mode, off, len) : -EOPNOTSUPP;
}

const struct file_ops ovl_file_fops = {
	.open = ovl_open,
	.release = ovl_release,
	.read = ovl_read,
	.write = ovl_write,
	.mmap = ovl_mmap,
	.fallocate = ovl_fallocate,
};

/* ---- directories ---- */

struct name {
	struct rb_node rb;
	struct list_head link; /* in the order found */
	u64 ino;
	u8 type, layer;
	bool hidden; /* a whiteout */
	u8 len;
	char text[];
};
struct listing {
	struct dir_context ctx; /* for the real directories */
	struct rb_root names;
	struct list_head order;
	const struct super *sb; /* the overlay */
	const struct path *layer;
	unsigned int layer_nr;
	int err;
};

static int listing_add(struct listing *l, const char *text, size_t len, u64 ino, unsigned int type)
{
	struct rb_node **link = &l->names.node, *up = NULL;
	struct name *n;

	while (*link) {
		struct name *at = rb_entry(*link, struct name, rb);
		int c = len != at->len ? (int)len - at->len : memcmp(text, at->text, len);

		if (!c)
			return 0; /* a layer above has it */
		up = *link;
		link = c < 0 ? &up->left : &up->right;
	}
	n = kzalloc(sizeof(*n) + len);
	if (!n)
		return -ENOMEM;
	n->ino = ovl_ino(l->sb, l->layer_nr, ino);
	n->type = type;
	n->layer = l->layer_nr;
	n->len = len;
	memcpy(n->text, text, len);
	rb_insert(&l->names, &n->rb, up, link);
	list_add_tail(&n->link, &l->order);
	return 0;
}

static bool listing_emit(struct dir_context *ctx, const char *text, size_t len, u64 ino,
			 unsigned int type)
{
	struct listing *l = container_of(ctx, struct listing, ctx);

	if (text[0] == '.' && (len == 1 || (len == 2 && text[1] == '.')))
		return true;
	l->err = listing_add(l, text, len, ino, type);
	return !l->err;
}

/* Character devices may be whiteouts: looked up only now that their directory is not locked. */
static void mark_whiteouts(struct listing *l)
{
	struct name *n;

	list_for_each(n, &l->order, link) {
		struct dentry *d;

		if (n->type != 2 /* DT_CHR */ || n->layer != l->layer_nr)
			continue;
		d = lookup_one(l->layer->dentry, n->text, n->len);
		if (IS_ERR(d))
			continue;
		n->hidden = ovl_is_whiteout(d->inode);
		dput(d);
	}
}

static int list_layer(struct listing *l, const struct path *dir, unsigned int nr)
{
	struct file *f = file_open_real(dir, O_RDONLY | O_DIRECTORY);
	int err;

	if (IS_ERR(f))
		return PTR_ERR(f);
	/* inside the overlay's own */
	LOCKDEP_CLASS_AT(&f->pos_lock, "layer's pos_lock", f->inode->sb->depth);
	l->layer = dir;
	l->layer_nr = nr;
	l->ctx.emit = listing_emit;
	err = file_iterate(f, &l->ctx);
	file_put(f);
	if (err == -ENOENT) /* removed meanwhile */
		err = 0;
	if (!err)
		err = l->err;
	if (!err)
		mark_whiteouts(l);
	return err;
}

static void listing_free(struct listing *l)
{
	struct name *n, *tmp;

	if (!l)
		return;
	list_for_each_safe(n, tmp, &l->order, link)
		kfree(n);
	kfree(l);
}

static struct listing *listing_make(struct inode *dir)
{
	struct ovl_inode *oi = ovl_inode(dir);
	struct listing *l = kzalloc(sizeof(*l));
	int err = 0;

	if (!l)
		return ERR_PTR(-ENOMEM);
	list_init(&l->order);
	l->sb = dir->sb;
	if (ovl_upper(dir))
		err = list_layer(l, &oi->upper, 0);
	for (unsigned int k = 0; !err && k < oi->nr_lower; k++)
		err = list_layer(l, &oi->lower[k], k + 1);
	if (err) {
		listing_free(l);
		return ERR_PTR(err);
	}
	return l;
}

int ovl_check_empty(struct dentry *d)
{
	struct listing *l = listing_make(d->inode);
	struct name *n;
	int err = 0;

	if (IS_ERR(l))
		return PTR_ERR(l);
	list_for_each(n, &l->order, link)
		if (!n->hidden)
			err = -ENOTEMPTY;
	listing_free(l);
	return err;
}

static int ovl_iterate(struct file *f, struct dir_context *ctx)
{
	struct listing *l = f->priv;
	struct name *n;
	loff_t at = 2;
	bool room;

	if (!ctx->pos || !l) {
		listing_free(l);
		f->priv = NULL;
		l = listing_make(f->inode);
		if (IS_ERR(l))
			return PTR_ERR(l);
		f->priv = l;
	}
	room = emit_dots(f, ctx);
	list_for_each(n, &l->order, link) {
		if (!room)
			break;
		if (at++ < ctx->pos)
			continue;
		room = n->hidden || ctx->emit(ctx, n->text, n->len, n->ino, n->type);
		if (room)
			ctx->pos = at;
	}
	return 0;
}

static void ovl_dir_release(struct file *f)
{
	listing_free(f->priv);
}

const struct file_ops ovl_dir_fops = { .release = ovl_dir_release, .iterate = ovl_iterate };
