/* SPDX-License-Identifier: MIT */
/*
 * 9P2000.L as a file system, as Linux's v9fs with cache=none: what a name leads to is asked each time it is
 * used anew, what is read and written goes to the server at once. Pages are kept only for private mappings,
 * so that programs can be run from there, as long as the file is in use. A shared mapping that may be
 * written to is -EINVAL.
 *
 * An inode has a fid that was walked to; an open file has one that was opened, and the first of those is the
 * inode's, too (node.open): by it a file without a name keeps its attributes. node.open and node.read are
 * set once and go with the inode. Messages: p9_client.c.
 */
#include "fs/p9.h"

#define MSIZE_LEAST 4096U
#define MSIZE_DEFAULT (128U << 10)
#define DATA_HEAD 24U /* of a message, before what is written (IOHDRSZ) */
#define CHUNK_MOST (64U << 10)
#define DIRENT_HEAD 24U /* of an entry of a folder: qid[13] offset[8] type[1], the name's length */
#define OPEN_FLAGS (O_ACCMODE | O_APPEND | O_DSYNC | O_SYNC | O_DIRECTORY)
#define GETATTR_BASIC 0x7ffULL
#define GETATTR_SIZE 153U
enum {
	SET_MODE = 1,
	SET_UID = 2,
	SET_GID = 4,
	SET_SIZE = 8,
	SET_ATIME = 16,
	SET_MTIME = 32,
	SET_TIMES_GIVEN = 128 | 256,
};

struct p9_node { /* an inode's priv */
	struct p9_fid *fid;
	/* open for reading and writing, for the open(2) that made the file; atomic */
	struct p9_fid *made;
	struct p9_fid *open, *read; /* any open one; one that can be read. NULL: none yet; atomic */
};

static const struct inode_ops p9_dir_iops, p9_file_iops, p9_link_iops;
static const struct file_ops p9_dir_fops, p9_file_fops;
static const struct mapping_ops p9_mapping_ops;

static struct p9_client *client_of(const struct inode *inode)
{
	return inode->sb->priv;
}

static struct p9_node *node_of(const struct inode *inode)
{
	return inode->priv;
}

static u32 open_fid(const struct inode *inode)
{
	struct p9_node *node = node_of(inode);
	struct p9_fid *f = READ_ONCE(node->open);

	return (f ? f : node->fid)->id;
}

/* ---- attributes ---- */

static s64 get_time(struct p9_msg *m)
{
	s64 sec = p9_get(m, 8), ns = p9_get(m, 8), most = (s64)(~0UL >> 1) / NSEC_PER_SEC - 1;

	return sec > most || sec < -most || ns >= NSEC_PER_SEC ? 0 : sec * (s64)NSEC_PER_SEC + ns;
}

/* The number of a file there; Linux adds 2, too. */
static u64 get_ino(struct p9_msg *m)
{
	p9_get(m, 1);
	p9_get(m, 4);
	return p9_get(m, 8) + 2;
}

struct p9_attr {
	u64 ino, nlink, rdev, size;
	u32 mode, uid, gid;
	s64 atime, mtime, ctime;
};

static int get_attr(struct p9_client *c, u32 fid, struct p9_attr *a)
{
	struct p9_msg *m = p9_msg(c, P9_GETATTR, P9_HEAD + GETATTR_SIZE, "48", fid, GETATTR_BASIC);
	int err = p9_send(m);

	if (!err) {
		p9_get(m, 8);
		a->ino = get_ino(m);
		a->mode = p9_get(m, 4);
		a->uid = p9_get(m, 4);
		a->gid = p9_get(m, 4);
		a->nlink = p9_get(m, 8);
		a->rdev = p9_get(m, 8);
		a->size = p9_get(m, 8);
		p9_get(m, 8); /* the size of a block, and how many there are */
		p9_get(m, 8);
		a->atime = get_time(m);
		a->mtime = get_time(m);
		a->ctime = get_time(m);
		if (m->bad || (s64)a->size < 0)
			err = p9_nonsense(c);
	}
	p9_msg_put(m);
	return err;
}

static void take_attr(struct inode *i, const struct p9_attr *a)
{
	i->mode = a->mode;
	i->uid = a->uid;
	i->gid = a->gid;
	i->nlink = a->nlink;
	i->size = a->size;
	i->atime_ns = a->atime;
	i->mtime_ns = a->mtime;
	i->ctime_ns = a->ctime;
}

static int p9_getattr(struct inode *inode)
{
	struct p9_attr a;
	int err = get_attr(client_of(inode), open_fid(inode), &a);

	if (!err && (a.mode ^ inode->mode) & S_IFMT)
		err = -EIO; /* another file has taken its name there */
	if (!err)
		take_attr(inode, &a);
	return err;
}

/* A time's two parts; before 1970 it has a negative second and a positive rest. */
static u64 nanoseconds(s64 time)
{
	s64 rest = time % (s64)NSEC_PER_SEC;

	return rest < 0 ? rest + (s64)NSEC_PER_SEC : rest;
}

static u64 seconds(s64 time)
{
	return (time - (s64)nanoseconds(time)) / (s64)NSEC_PER_SEC;
}

static int p9_setattr(struct inode *inode, const struct kattr *a)
{
	u32 what = SET_TIMES_GIVEN;
	int err;

	what |= (a->valid & ATTR_MODE ? SET_MODE : 0) | (a->valid & ATTR_UID ? SET_UID : 0) |
		(a->valid & ATTR_GID ? SET_GID : 0) | (a->valid & ATTR_SIZE ? SET_SIZE : 0) |
		(a->valid & ATTR_ATIME ? SET_ATIME : 0) | (a->valid & ATTR_MTIME ? SET_MTIME : 0);
	err = p9_done(p9_msg(client_of(inode), P9_SETATTR, P9_ROOM, "4444488888", open_fid(inode),
			     what, a->mode & 07777, a->uid, a->gid, a->size, seconds(a->atime_ns),
			     nanoseconds(a->atime_ns), seconds(a->mtime_ns),
			     nanoseconds(a->mtime_ns)));
	if (!err && a->valid & ATTR_SIZE)
		inode_truncate_pages(inode, a->size);
	return err ? err : p9_getattr(inode);
}

/* ---- fids and inodes ---- */

/* A new fid from another one, by a name or (NULL) the same file. ERR_PTR */
static struct p9_fid *walk(struct p9_client *c, const struct p9_fid *from, const char *name)
{
	struct p9_fid *f = p9_fid_new(c);
	u32 n = name ? 1 : 0;
	struct p9_msg *m;
	int err;

	if (!f)
		return ERR_PTR(-ENOMEM);
	/* nwname[2], byte by byte */
	m = name ? p9_msg(c, P9_WALK, P9_ROOM, "4411s", from->id, f->id, n, 0U, name)
		 : p9_msg(c, P9_WALK, P9_ROOM, "4411", from->id, f->id, n, 0U);
	err = p9_send(m);
	if (!err && p9_get(m, 2) != n)
		err = p9_nonsense(c);
	p9_msg_put(m);
	if (!err)
		return f;
	p9_fid_unused(f);
	return ERR_PTR(err);
}

/* The inode of a fid, whose reference moves there in any case. ERR_PTR */
static struct inode *make_inode(struct super *sb, struct p9_fid *fid)
{
	struct p9_node *node = kzalloc(sizeof(*node));
	struct p9_attr a;
	struct inode *i = NULL;
	int err = node ? get_attr(sb->priv, fid->id, &a) : -ENOMEM;

	if (!err) {
		i = inode_new(sb, a.mode);
		err = i ? 0 : -ENOMEM;
	}
	if (err) {
		p9_fid_put(fid);
		kfree(node);
		return ERR_PTR(err);
	}
	node->fid = fid;
	i->priv = node;
	i->ino = a.ino;
	take_attr(i, &a);
	i->ops = &p9_file_iops;
	if (S_ISDIR(i->mode)) {
		i->ops = &p9_dir_iops;
		i->fops = &p9_dir_fops;
	} else if (S_ISLNK(i->mode)) {
		i->ops = &p9_link_iops;
	} else if (S_ISREG(i->mode)) {
		i->fops = &p9_file_fops;
		i->mapping.ops = &p9_mapping_ops;
		mapping_set_reclaim(&i->mapping);
	} else {
		i->rdev = dev_decode(a.rdev);
	}
	return i;
}

static void p9_evict(struct inode *inode)
{
	struct p9_node *node = node_of(inode);

	if (!node)
		return;
	p9_fid_put(node->made);
	p9_fid_put(node->open);
	p9_fid_put(node->read);
	p9_fid_put(node->fid);
	kfree(node);
}

static int p9_lookup(struct inode *dir, struct dentry *d)
{
	struct p9_fid *f = walk(client_of(dir), node_of(dir)->fid, d->name);
	struct inode *i;

	if (IS_ERR(f))
		return PTR_ERR(f) == -ENOENT ? 0 : PTR_ERR(f);
	i = make_inode(dir->sb, f);
	if (IS_ERR(i))
		return PTR_ERR(i) == -ENOENT ? 0 : PTR_ERR(i);
	d_set_inode(d, i);
	return 0;
}

/* ---- names ---- */

static u32 group(void)
{
	const struct cred *c = current_thread()->cred;

	return c ? c->fsgid : 0;
}

/* d was made, unless that is an error: finds it. */
static int made(struct inode *dir, struct dentry *d, int err)
{
	if (!err)
		err = p9_lookup(dir, d);
	return !err && !d->inode ? -ENOENT : err; /* it was taken away again */
}

/* The file is open from now on: who makes it may write, whatever its mode says. */
static int p9_create(struct inode *dir, struct dentry *d, mode_t mode)
{
	struct p9_client *c = client_of(dir);
	struct p9_fid *f = walk(c, node_of(dir)->fid, NULL);
	int err;

	if (IS_ERR(f))
		return PTR_ERR(f);
	err = p9_done(p9_msg(c, P9_LCREATE, P9_ROOM, "4s444", f->id, d->name,
			     (u32)(O_RDWR | O_CREAT | O_EXCL), mode & 07777, group()));
	err = made(dir, d, err);
	if (!err && S_ISREG(d->inode->mode))
		node_of(d->inode)->made = f;
	else
		p9_fid_put(f);
	return err;
}

static int p9_mkdir(struct inode *dir, struct dentry *d, mode_t mode)
{
	mode = (mode & 07777) | (dir->mode & S_ISGID);
	return made(dir, d,
		    p9_done(p9_msg(client_of(dir), P9_MKDIR, P9_ROOM, "4s44", node_of(dir)->fid->id,
				   d->name, mode, group())));
}

static int p9_mknod(struct inode *dir, struct dentry *d, mode_t mode, dev_t rdev)
{
	return made(
		dir, d,
		p9_done(p9_msg(client_of(dir), P9_MKNOD, P9_ROOM, "4s4444", node_of(dir)->fid->id,
			       d->name, mode, MAJOR(rdev), MINOR(rdev), group())));
}

static int p9_symlink(struct inode *dir, struct dentry *d, const char *target)
{
	return made(dir, d,
		    p9_done(p9_msg(client_of(dir), P9_SYMLINK, P9_ROOM, "4ss4",
				   node_of(dir)->fid->id, d->name, target, group())));
}

static int p9_link(struct dentry *old, struct inode *dir, struct dentry *d)
{
	int err = p9_done(p9_msg(client_of(dir), P9_LINK, P9_ROOM, "44s", node_of(dir)->fid->id,
				 node_of(old->inode)->fid->id, d->name));

	if (err)
		return err;
	inode_get(old->inode);
	d_set_inode(d, old->inode);
	return p9_getattr(old->inode);
}

/* A name of i is gone there. */
static void lost_name(struct inode *i)
{
	i->nlink = S_ISDIR(i->mode) || !i->nlink ? 0 : i->nlink - 1;
}

static int p9_unlink(struct inode *dir, struct dentry *d)
{
	int err = p9_done(p9_msg(client_of(dir), P9_UNLINKAT, P9_ROOM, "4s4", node_of(dir)->fid->id,
				 d->name, S_ISDIR(d->inode->mode) ? (u32)AT_REMOVEDIR : 0U));

	if (!err)
		lost_name(d->inode);
	return err;
}

static int p9_rename(struct inode *odir, struct dentry *old, struct inode *ndir, struct dentry *d,
		     unsigned int flags)
{
	int err = flags ? -EINVAL
			: p9_done(p9_msg(client_of(odir), P9_RENAMEAT, P9_ROOM, "4s4s",
					 node_of(odir)->fid->id, old->name, node_of(ndir)->fid->id,
					 d->name));

	if (!err && d->inode)
		lost_name(d->inode);
	return err;
}

static int p9_readlink(struct inode *inode, char *buf, size_t size)
{
	struct p9_client *c = client_of(inode);
	struct p9_msg *m =
		p9_msg(c, P9_READLINK, P9_HEAD + 2 + PATH_MAX, "4", node_of(inode)->fid->id);
	int err = p9_send(m);
	const char *text;
	u32 n = 0;

	if (!err) {
		text = p9_get_text(m, &n);
		if (!text || n >= size)
			err = p9_nonsense(c);
		else
			memcpy(buf, text, n);
	}
	p9_msg_put(m);
	if (err)
		return err;
	buf[n] = '\0';
	return n;
}

/* ---- open files ---- */

/* *at is f from now on, if it was nothing. */
static void keep_fid(struct p9_fid **at, struct p9_fid *f)
{
	struct p9_fid *none = NULL;

	p9_fid_get(f);
	if (!__atomic_compare_exchange_n(at, &none, f, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		p9_fid_put(f);
}

static int p9_open(struct inode *inode, struct file *file)
{
	struct p9_client *c = client_of(inode);
	struct p9_node *node = node_of(inode);
	struct p9_fid *f = __atomic_exchange_n(&node->made, NULL, __ATOMIC_ACQ_REL);
	int err = 0;

	if (file->flags & O_DSYNC) { /* which that one is not */
		p9_fid_put(f);
		f = NULL;
	}
	if (!f) {
		f = walk(c, node->fid, NULL);
		if (IS_ERR(f))
			return PTR_ERR(f);
		err = p9_done(p9_msg(c, P9_LOPEN, P9_ROOM, "44", f->id, file->flags & OPEN_FLAGS));
	}
	if (!err && READ_ONCE(node->open)) /* else it was asked for just now, with the name */
		err = p9_getattr(inode);
	if (err) {
		p9_fid_put(f);
		return err;
	}
	file->priv = f;
	keep_fid(&node->open, f);
	return 0;
}

static void p9_release(struct file *file)
{
	p9_fid_put(file->priv);
}

/* n bytes at off into data: how many came, or -errno. */
static ssize_t read_data(struct p9_client *c, const struct p9_fid *f, struct frame *data, u64 off,
			 u32 n)
{
	struct p9_msg *m = p9_msg(c, P9_READ, P9_HEAD + 4, "484", f->id, off, n);
	ssize_t got = p9_send_data(m, data, n, true);

	if (!got) {
		got = p9_get(m, 4);
		if (m->bad || got > m->r.answer - (s64)(P9_HEAD + 4))
			got = p9_nonsense(c);
	}
	p9_msg_put(m);
	return got;
}

static ssize_t write_data(struct p9_client *c, const struct p9_fid *f, struct frame *data, u64 off,
			  u32 n)
{
	struct p9_msg *m = p9_msg(c, P9_WRITE, P9_ROOM, "484", f->id, off, n);
	ssize_t done = p9_send_data(m, data, n, false);

	if (!done) {
		done = p9_get(m, 4);
		if (m->bad || done > n)
			done = p9_nonsense(c);
	}
	p9_msg_put(m);
	return done;
}

/* Memory for the next part of u, and how many bytes of it to use. NULL */
static struct frame *buffer_for(const struct p9_client *c, const struct uio *u, u32 *n)
{
	unsigned int order = 0;
	struct frame *f;

	*n = min(u->left, (size_t)c->chunk);
	while (PAGE_SIZE << order < *n)
		order++;
	f = frame_alloc(order, FRAME_KERNEL);
	if (!f && order) {
		f = frame_alloc(0, FRAME_KERNEL);
		*n = PAGE_SIZE;
	}
	return f;
}

static ssize_t p9_read(struct file *file, struct uio *to, loff_t *pos)
{
	struct p9_client *c = client_of(file->inode);
	ssize_t done = 0, got = 0;
	u32 n;

	while (to->left) {
		struct frame *data = buffer_for(c, to, &n);

		got = data ? read_data(c, file->priv, data, *pos, n) : -ENOMEM;
		if (got > 0)
			got = uio_put(to, frame_va(data), got);
		if (data)
			frame_put(data);
		if (got <= 0)
			break;
		*pos += got;
		done += got;
		if (got < n)
			break;
	}
	return done ? done : got;
}

/* What was written is no longer as pages of the file say. */
static void wrote(struct inode *inode, u64 pos, u64 n)
{
	u64 first = pos >> PAGE_SHIFT;

	if (inode->mapping.nr_pages)
		mapping_punch(&inode->mapping, first, DIV_ROUND_UP(pos + n, PAGE_SIZE) - first);
	if (pos + n > inode->size)
		WRITE_ONCE(inode->size, pos + n);
}

static ssize_t write_all(struct file *file, struct uio *from, loff_t *pos)
{
	struct p9_client *c = client_of(file->inode);
	ssize_t done = 0, n = 0;
	u32 room;

	while (from->left) {
		struct frame *data = buffer_for(c, from, &room);

		n = data ? uio_get(from, frame_va(data), room) : -ENOMEM;
		room = max(n, 0L);
		if (n > 0)
			n = write_data(c, file->priv, data, *pos, room);
		if (data)
			frame_put(data);
		if (n <= 0)
			break;
		wrote(file->inode, *pos, n);
		*pos += n;
		done += n;
		if (n < room)
			break;
	}
	return done ? done : n;
}

static ssize_t p9_write(struct file *file, struct uio *from, loff_t *pos)
{
	struct inode *inode = file->inode;
	const u64 limit = thread_rlimit(RLIMIT_FSIZE);
	loff_t at = *pos;
	ssize_t n = 0;

	mutex_lock(&inode->lock);
	if (file->flags & O_APPEND || from->append) {
		n = p9_getattr(inode);
		at = inode->size;
	}
	if (!n && from->left && (at > (loff_t)(~0UL >> 1) - (loff_t)from->left || (u64)at >= limit))
		n = -EFBIG;
	if (!n) {
		from->left = min(from->left, limit - at);
		n = write_all(file, from, &at);
	}
	if (n > 0)
		*pos = at;
	mutex_unlock(&inode->lock);
	return n;
}

static loff_t p9_llseek(struct file *file, loff_t off, int whence)
{
	int err = whence == SEEK_END ? p9_getattr(file->inode) : 0;

	return err ? err : generic_llseek(file, off, whence);
}

static int p9_fsync(struct file *file)
{
	struct p9_fid *f = file->priv;

	return p9_done(p9_msg(client_of(file->inode), P9_FSYNC, P9_ROOM, "44", f->id, 0U));
}

static int p9_mmap(struct file *file, struct vma *vma)
{
	if (vma->flags & VM_SHARED && vma->flags & VM_MAYWRITE)
		return -EINVAL;
	keep_fid(&node_of(file->inode)->read, file->priv);
	return generic_file_mmap(file, vma);
}

static struct frame *p9_read_page(struct mapping *mapping, u64 index)
{
	struct inode *inode = mapping->owner;
	struct p9_fid *f = READ_ONCE(node_of(inode)->read);
	struct frame *page = f ? frame_alloc_zeroed(FRAME_CACHE, NULL) : NULL;
	ssize_t n;

	if (!page)
		return ERR_PTR(f ? -ENOMEM : -EIO);
	n = read_data(client_of(inode), f, page, index << PAGE_SHIFT, PAGE_SIZE);
	if (n >= 0)
		return page;
	frame_put(page);
	return ERR_PTR(n == -ENOMEM ? n : -EIO);
}

/* Entries of a folder, of which the last one's offset is where to go on. 1: there may be more. */
static int emit_entries(struct p9_client *c, struct p9_msg *m, struct dir_context *ctx)
{
	u32 count = p9_get(m, 4), n;

	if (m->bad || count > m->end - m->at)
		return p9_nonsense(c);
	m->end = m->at + count;
	while (m->at < m->end) {
		u64 ino = get_ino(m), next = p9_get(m, 8);
		u8 type = p9_get(m, 1);
		const char *name = p9_get_text(m, &n);

		if (!name || !n || n > NAME_MAX || memchr(name, '/', n))
			return p9_nonsense(c);
		if (!ctx->emit(ctx, name, n, ino, type))
			return 0;
		ctx->pos = next;
	}
	return count > 0;
}

static int p9_iterate(struct file *file, struct dir_context *ctx)
{
	struct p9_client *c = client_of(file->inode);
	struct p9_fid *f = file->priv;
	u32 room = min(c->chunk, 16U << 10);
	struct p9_msg *m;
	int more = 1;

	while (more > 0) {
		m = p9_msg(c, P9_READDIR, P9_HEAD + 4 + room, "484", f->id, (u64)ctx->pos, room);
		more = p9_send(m) ?: emit_entries(c, m, ctx);
		p9_msg_put(m);
	}
	return more;
}

static const struct inode_ops p9_dir_iops = {
	.lookup = p9_lookup,
	.create = p9_create,
	.mkdir = p9_mkdir,
	.mknod = p9_mknod,
	.symlink = p9_symlink,
	.link = p9_link,
	.unlink = p9_unlink,
	.rename = p9_rename,
	.setattr = p9_setattr,
	.getattr = p9_getattr,
};
static const struct inode_ops p9_file_iops = { .setattr = p9_setattr, .getattr = p9_getattr };
static const struct inode_ops p9_link_iops = {
	.readlink = p9_readlink,
	.setattr = p9_setattr,
	.getattr = p9_getattr,
};
static const struct file_ops p9_dir_fops = {
	.open = p9_open,
	.release = p9_release,
	.iterate = p9_iterate,
	.fsync = p9_fsync,
};
static const struct file_ops p9_file_fops = {
	.open = p9_open,
	.release = p9_release,
	.read = p9_read,
	.write = p9_write,
	.llseek = p9_llseek,
	.fsync = p9_fsync,
	.mmap = p9_mmap,
};
static const struct mapping_ops p9_mapping_ops = { .read_page = p9_read_page };

/* ---- the super ---- */

static void p9_put_super(struct super *sb)
{
	struct p9_client *c = sb->priv;

	__atomic_store_n(&c->channel->busy, false, __ATOMIC_RELEASE);
	kfree(c);
}

static int p9_statfs(struct super *sb, struct statfs *st)
{
	struct p9_client *c = sb->priv;
	struct p9_msg *m = p9_msg(c, P9_STATFS, P9_ROOM, "4", node_of(sb->root->inode)->fid->id);
	int err = p9_send(m);

	if (!err) {
		p9_get(m, 4);
		st->f_bsize = st->f_frsize = p9_get(m, 4);
		st->f_blocks = p9_get(m, 8);
		st->f_bfree = p9_get(m, 8);
		st->f_bavail = p9_get(m, 8);
		st->f_files = p9_get(m, 8);
		st->f_ffree = p9_get(m, 8);
		p9_get(m, 8);
		st->f_namelen = p9_get(m, 4);
		err = m->bad ? p9_nonsense(c) : 0;
	}
	p9_msg_put(m);
	return err;
}

static void p9_show_options(struct super *sb, struct strbuf *out)
{
	struct p9_client *c = sb->priv;

	sb_printf(out, ",access=client");
	if (c->msize != MSIZE_DEFAULT)
		sb_printf(out, ",msize=%u", c->msize);
	sb_printf(out, ",trans=virtio");
}

static const struct super_ops p9_super_ops = {
	.evict = p9_evict,
	.put_super = p9_put_super,
	.statfs = p9_statfs,
	.show_options = p9_show_options,
};

/* Linux's options that mean something here; as there, unknown ones are ignored. */
static int take_options(const char *data, u32 *msize)
{
	char *text = kstrdup(data ? data : ""), *at = text, *name, *value;
	u64 v;
	int err = text ? 0 : -ENOMEM;

	while (!err && (name = fs_next_option(&at, &value))) {
		if (!value)
			continue;
		if ((!strcmp(name, "trans") && strcmp(value, "virtio")) ||
		    (!strcmp(name, "version") && strcmp(value, "9p2000.L")) ||
		    (!strcmp(name, "cache") && strcmp(value, "none")))
			err = -EINVAL;
		if (!strcmp(name, "msize")) {
			err = parse_u64(value, 0, &v);
			if (!err && (v < MSIZE_LEAST || v > ~0U))
				err = -EINVAL;
			*msize = v;
		}
	}
	kfree(text);
	return err;
}

/* What version(5) agrees upon: the size of messages. */
static int agree(struct p9_client *c)
{
	struct p9_msg *m = p9_msg(c, P9_VERSION, P9_ROOM, "4s", c->msize, "9P2000.L");
	int err = p9_send(m);
	const char *version;
	u32 msize, n;

	if (!err) {
		msize = p9_get(m, 4);
		version = p9_get_text(m, &n);
		if (!version || msize > c->msize)
			err = p9_nonsense(c);
		else if (n != 8 || memcmp(version, "9P2000.L", 8) || msize < MSIZE_LEAST)
			err = -EREMOTEIO;
		c->msize = msize;
		c->chunk = min(ALIGN_DOWN(msize - DATA_HEAD, 512U), CHUNK_MOST);
	}
	p9_msg_put(m);
	return err;
}

static struct inode *attach(struct super *sb, struct p9_client *c)
{
	struct p9_fid *f = p9_fid_new(c);
	struct inode *root;
	int err;

	if (!f)
		return ERR_PTR(-ENOMEM);
	err = p9_done(p9_msg(c, P9_ATTACH, P9_ROOM, "44ss4", f->id, ~0U, "nobody", "", ~0U));
	if (err) {
		p9_fid_unused(f);
		return ERR_PTR(err);
	}
	root = make_inode(sb, f);
	if (!IS_ERR(root) && !S_ISDIR(root->mode)) {
		inode_put(root);
		return ERR_PTR(p9_nonsense(c));
	}
	return root;
}

static int p9_fill(struct super *sb, const char *source, unsigned long flags, const char *data)
{
	u32 msize = MSIZE_DEFAULT;
	int err = source ? take_options(data, &msize) : -EINVAL;
	struct p9_channel *channel;
	struct p9_client *c;
	struct inode *root;

	if (err)
		return err;
	channel = p9_channel_take(source);
	if (IS_ERR(channel))
		return PTR_ERR(channel);
	c = kzalloc(sizeof(*c));
	if (!c) {
		channel->busy = false;
		return -ENOMEM;
	}
	c->channel = channel;
	c->msize = msize;
	sb->priv = c;
	sb->ops = &p9_super_ops;
	sb->magic = V9FS_MAGIC;
	sb->flags |= MS_SYNCHRONOUS | MS_DIRSYNC;
	sb->uncached = true;
	err = agree(c);
	root = err ? ERR_PTR(err) : attach(sb, c);
	return IS_ERR(root) ? PTR_ERR(root) : sb_set_root(sb, root);
}

struct fs_type p9_type = { .name = "9p", .nodev = true, .fill = p9_fill };
