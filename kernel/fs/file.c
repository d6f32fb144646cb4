/* SPDX-License-Identifier: MIT */
/*
 * Open files: open(2) and the end of a file, files without a directory (pipes, sockets, eventfd),
 * and the drivers of device numbers.
 *
 * A struct file lives while a descriptor, a mapping or a call in progress refers to it. Its place,
 * inode and mode never change. chrdev_lock guards the driver table, which only grows.
 */
#include "fs/internal.h"

static struct kmem_cache *file_cache;
struct super *anon_super;
struct mount *anon_mount;

/* ---- device numbers ---- */

struct chrdev {
	dev_t first, last;
	const struct file_ops *ops;
	struct chrdev *next;
};
static spinlock_t chrdev_lock;
static struct chrdev *chrdevs;

static void chrdev_add(dev_t first, dev_t last, const struct file_ops *ops)
{
	struct chrdev *c = kzalloc(sizeof(*c));

	if (!c)
		panic("no memory to register device %u:%u", MAJOR(first), MINOR(first));
	c->first = first;
	c->last = last;
	c->ops = ops;
	spin_lock(&chrdev_lock);
	c->next = chrdevs;
	chrdevs = c;
	spin_unlock(&chrdev_lock);
}

void chrdev_register(const char *name, unsigned int major, unsigned int minor, mode_t mode,
		     const struct file_ops *ops)
{
	chrdev_add(MKDEV(major, minor), MKDEV(major, minor), ops);
	devtmpfs_add(name, S_IFCHR | mode, MKDEV(major, minor));
}

void chrdev_register_major(unsigned int major, const struct file_ops *ops)
{
	chrdev_add(MKDEV(major, 0), MKDEV(major, 0xfffff), ops);
}

/* The driver of dev, one of a single number before one of a whole major. */
static const struct file_ops *chrdev_find(dev_t dev)
{
	const struct file_ops *ops = NULL;

	spin_lock(&chrdev_lock);
	for (struct chrdev *c = chrdevs; c; c = c->next) {
		if (dev < c->first || dev > c->last)
			continue;
		ops = c->ops;
		if (c->first == c->last)
			break;
	}
	spin_unlock(&chrdev_lock);
	return ops;
}

/* ---- files ---- */

static const struct file_ops no_ops; /* O_PATH, and what cannot be read or written */

struct file *file_alloc(const struct path *p, int flags)
{
	struct file *f = kmem_cache_zalloc(file_cache);
	int acc = flags & O_ACCMODE;

	if (!f)
		return NULL;
	ref_init(&f->refs);
	f->path = *p;
	path_get(p);
	f->inode = p->dentry->inode;
	f->mapping = &f->inode->mapping;
	f->flags = flags & ~(O_CREAT | O_EXCL | O_CLOEXEC);
	f->can_read = !(flags & O_PATH) && (acc == O_RDONLY || acc == O_RDWR);
	f->can_write = !(flags & O_PATH) && (acc == O_WRONLY || acc == O_RDWR);
	f->ops = &no_ops;
	mutex_init(&f->pos_lock);
	spin_init(&f->lock);
	list_init(&f->epolls);
	if (fs_cred_put && current_thread()->cred) {
		f->cred = current_thread()->cred;
		ref_get((ref_t *)&f->cred->refs);
	}
	return f;
}

/*
 * inode->writers: how many write (positive), or how many execute it (negative): a program's text does
 * not change under it. sign: 1 to write, -1 to execute. 0, or -ETXTBSY when the others were first.
 */
static int take_access(struct file *f, int sign)
{
	s32 n = READ_ONCE(f->inode->writers);

	if (!S_ISREG(f->inode->mode))
		return 0;
	do {
		if (n * sign < 0)
			return -ETXTBSY;
	} while (!__atomic_compare_exchange_n(&f->inode->writers, &n, n + sign, true,
					      __ATOMIC_ACQUIRE, __ATOMIC_RELAXED));
	f->access = sign;
	if (sign > 0) {
		__atomic_fetch_add(&f->path.mnt->writers, 1, __ATOMIC_SEQ_CST);
		__atomic_fetch_add(&f->inode->sb->writers, 1, __ATOMIC_SEQ_CST);
		return mnt_want_write(&f->path); /* it may have become read-only just now */
	}
	return 0;
}

static void file_free(struct file *f)
{
	__atomic_fetch_sub(&f->inode->writers, f->access, __ATOMIC_RELEASE);
	if (f->access > 0) {
		__atomic_fetch_sub(&f->path.mnt->writers, 1, __ATOMIC_SEQ_CST);
		__atomic_fetch_sub(&f->inode->sb->writers, 1, __ATOMIC_SEQ_CST);
	}
	path_put(&f->path);
	if (f->cred)
		fs_cred_put(f->cred);
	kmem_cache_free(file_cache, f);
}

void file_put(struct file *f)
{
	if (!f || !ref_put(&f->refs))
		return;
	if (unlikely(!list_empty(&f->epolls)))
		epoll_release_file(f);
	file_locks_release(f, NULL);
	if (f->ops->release)
		f->ops->release(f);
	file_free(f);
}

/* The operations of what f leads to. 0, -ENXIO without a driver, -EACCES where devices are not used. */
static int file_choose_ops(struct file *f)
{
	const struct file_ops *ops;
	struct inode *i = f->inode;

	if ((S_ISCHR(i->mode) || S_ISBLK(i->mode)) &&
	    (f->path.mnt->flags & MNT_NODEV || i->sb->no_devices))
		return -EACCES;
	switch (i->mode & S_IFMT) {
	case S_IFCHR:
	case S_IFBLK:
		ops = S_ISCHR(i->mode) ? chrdev_find(i->rdev) : blkdev_ops(i->rdev);
		f->ops = ops ? ops : &no_ops;
		return ops ? 0 : -ENXIO;
	case S_IFSOCK:
		return -ENXIO;
	case S_IFIFO:
		f->ops = &fifo_ops;
		return 0;
	}
	if (!i->fops)
		return -ENXIO;
	f->ops = i->fops;
	return 0;
}

/* Permissions are checked: makes the file. */
static struct file *file_finish(const struct path *p, int flags)
{
	struct file *f = file_alloc(p, flags);
	int err;

	if (!f)
		return ERR_PTR(-ENOMEM);
	if (flags & O_PATH)
		return f;
	err = file_choose_ops(f);
	if (!err && f->can_write)
		err = take_access(f, 1);
	if (!err && f->ops->open)
		err = f->ops->open(f->inode, f);
	/* open() saw these: overlay need not copy what is cut off, a terminal is not acquired */
	f->flags &= ~(O_TRUNC | O_NOCTTY);
	if (err) {
		file_free(f);
		return ERR_PTR(err);
	}
	return f;
}

struct file *file_open_real(const struct path *p, int flags)
{
	return file_finish(p, flags);
}

static int acc_to_may(int flags)
{
	static const u8 may[] = { MAY_READ, MAY_WRITE, MAY_READ | MAY_WRITE, MAY_READ | MAY_WRITE };

	return may[flags & O_ACCMODE] | (flags & O_TRUNC ? MAY_WRITE : 0);
}

/* open(2)'s checks of the place that was found. created: by this very call, by its owner. */
static int may_open(const struct path *p, int flags, bool created)
{
	struct inode *i = p->dentry->inode;
	int may = acc_to_may(flags), err;

	if (!created && (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
		return -EEXIST;
	if (flags & O_DIRECTORY && !S_ISDIR(i->mode))
		return -ENOTDIR;
	if (S_ISLNK(i->mode))
		return flags & O_PATH ? 0 : -ELOOP;
	if (flags & O_PATH)
		return 0;
	if (S_ISDIR(i->mode) && (may & MAY_WRITE || flags & O_CREAT))
		return -EISDIR;
	if (!created) {
		err = path_permission(p, may);
		if (err)
			return err;
	}
	if (flags & O_NOATIME && !inode_owner_or_capable(i))
		return -EPERM;
	return 0;
}

static struct file *open_found(const struct path *p, int flags, bool created)
{
	struct kattr attr = { .valid = ATTR_SIZE | ATTR_FORCE };
	struct file *f;
	int err = may_open(p, flags, created);

	if (err)
		return ERR_PTR(err);
	f = file_finish(p, flags);
	if (!IS_ERR(f) && flags & O_TRUNC && !created && S_ISREG(f->inode->mode)) {
		err = vfs_setattr(p, &attr);
		if (err) {
			file_put(f);
			f = ERR_PTR(err);
		}
	}
	return f;
}

struct file *file_open_path(const struct path *p, int flags)
{
	return open_found(p, flags, false);
}

struct file *file_open_exec(const struct path *p)
{
	struct inode *i = p->dentry->inode;
	struct file *f;
	int err;

	if (S_ISLNK(i->mode))
		return ERR_PTR(-ELOOP);
	if (!S_ISREG(i->mode) || p->mnt->flags & MNT_NOEXEC)
		return ERR_PTR(-EACCES);
	err = path_permission(p, MAY_EXEC);
	if (err)
		return ERR_PTR(err);
	f = file_finish(p, O_RDONLY);
	if (IS_ERR(f))
		return f;
	err = take_access(f, -1);
	if (err) {
		file_put(f);
		return ERR_PTR(err);
	}
	return f;
}

/* The last component, its directory locked: makes the file when it is not there. */
static int open_create(struct walk *w, int flags, mode_t mode, struct dentry **out, bool *created)
{
	struct inode *dir = w->path.dentry->inode;
	struct dentry *d = d_lookup_hashed(w->path.dentry, w->last, w->last_len, w->hash);
	int err = 0;

	if (IS_ERR(d))
		return PTR_ERR(d);
	if (d->inode) {
		if (flags & O_EXCL)
			err = -EEXIST;
	} else {
		err = may_create(&w->path);
		if (!err)
			err = dir->ops->create
				      ? dir->ops->create(dir, d,
							 S_IFREG | apply_umask(mode & 07777))
				      : -EACCES;
		*created = !err;
	}
	if (err)
		dput(d);
	else
		*out = d;
	return err;
}

/* fs.protected_* are not there; what is: a symlink at the end is followed unless O_NOFOLLOW. */
static struct file *open_creating(struct walk *w, int flags, mode_t mode)
{
	struct dentry *d = NULL;
	bool created = false;
	struct path p;
	struct file *f;
	int err;

	for (;;) {
		err = walk_run(w);
		if (err)
			return ERR_PTR(err);
		if (is_dots(w->last, w->last_len)) /* one of these, or a magic link's place */
			return open_found(&w->path, flags, false);
		if (w->trailing)
			return ERR_PTR(-EISDIR);
		mutex_lock(&w->path.dentry->inode->lock);
		err = open_create(w, flags, mode, &d, &created);
		mutex_unlock(&w->path.dentry->inode->lock);
		if (err)
			return ERR_PTR(err);
		if (!S_ISLNK(d->inode->mode) || flags & O_NOFOLLOW)
			break;
		err = walk_link(w, d);
		dput(d);
		if (err)
			return ERR_PTR(err);
	}
	p.mnt = w->path.mnt;
	p.dentry = d;
	mount_get(p.mnt);
	path_descend(&p);
	if (p.mnt != w->path.mnt && w->flags & LOOKUP_NO_XDEV)
		f = ERR_PTR(-EXDEV);
	else
		f = open_found(&p, flags, created);
	path_put(&p);
	return f;
}

/* O_TMPFILE: a file without a name, on dir's file system. */
static struct file *open_nameless(const struct path *dir, int flags, mode_t mode)
{
	struct inode *i = dir->dentry->inode;
	struct path p = { .mnt = dir->mnt };
	struct file *f;
	char name[16];
	int err;

	if (!S_ISDIR(i->mode))
		return ERR_PTR(-ENOTDIR);
	snprintf(name, sizeof(name), "#%llu", (unsigned long long)READ_ONCE(i->sb->next_ino));
	p.dentry = d_alloc(dir->dentry, name, strlen(name));
	if (!p.dentry)
		return ERR_PTR(-ENOMEM);
	mutex_lock(&i->lock);
	err = mnt_want_write(dir) ?: inode_permission(i, MAY_WRITE | MAY_EXEC);
	if (!err)
		err = i->ops->tmpfile
			      ? i->ops->tmpfile(i, p.dentry, S_IFREG | apply_umask(mode & 07777))
			      : -EOPNOTSUPP;
	mutex_unlock(&i->lock);
	f = err ? ERR_PTR(err) : open_found(&p, flags & ~O_DIRECTORY, true);
	if (!IS_ERR(f))
		f->flags |= O_DIRECTORY; /* as it was asked for: F_GETFL */
	if (!IS_ERR(f))
		f->inode->linkable = !(flags & O_EXCL);
	dput(p.dentry);
	return f;
}

struct file *file_open(int dirfd, const char *name, int flags, mode_t mode, unsigned int lookup)
{
	struct walk w;
	struct file *f;
	int err;

	if (flags & __O_TMPFILE && ((flags & O_TMPFILE) != O_TMPFILE || flags & O_CREAT ||
				    !(acc_to_may(flags) & MAY_WRITE)))
		return ERR_PTR(-EINVAL);
	if (flags & (O_CREAT | O_TRUNC | __O_TMPFILE) && lookup & LOOKUP_CACHED)
		return ERR_PTR(-EAGAIN);
	if (flags & O_CREAT && flags & O_DIRECTORY)
		return ERR_PTR(-EINVAL);
	if (flags & O_EXCL && flags & O_CREAT)
		flags |= O_NOFOLLOW;
	if (!(flags & O_NOFOLLOW))
		lookup |= LOOKUP_FOLLOW;
	if (flags & O_CREAT)
		lookup |= LOOKUP_PARENT;
	err = walk_begin(&w, dirfd, name, lookup);
	if (err)
		return ERR_PTR(err);
	if (flags & O_CREAT) {
		f = open_creating(&w, flags, mode);
	} else {
		err = walk_run(&w);
		if (err)
			f = ERR_PTR(err);
		else if (flags & __O_TMPFILE)
			f = open_nameless(&w.path, flags, mode);
		else
			f = open_found(&w.path, flags, false);
	}
	walk_end(&w);
	return f;
}

/* ---- files of no directory ---- */

struct file *file_on_inode(struct mount *mnt, const char *name, struct inode *inode,
			   const struct file_ops *ops, int flags)
{
	struct path p = { .mnt = mnt };
	struct file *f;

	p.dentry = d_alone(inode->sb, name, inode);
	if (!p.dentry) {
		inode_put(inode);
		return ERR_PTR(-ENOMEM);
	}
	f = file_alloc(&p, flags);
	dput(p.dentry);
	if (!f)
		return ERR_PTR(-ENOMEM);
	f->ops = ops;
	return f;
}

struct file *file_anon(const char *name, const struct file_ops *ops, void *priv, int flags)
{
	mode_t mode = 0600;
	struct inode *inode;
	struct file *f;

	if (!strcmp(name, "pipe"))
		mode = S_IFIFO | 0600;
	else if (!strcmp(name, "socket"))
		mode = S_IFSOCK | 0777;
	inode = inode_new(anon_super, mode);
	if (!inode)
		return ERR_PTR(-ENOMEM);
	f = file_on_inode(anon_mount, name, inode, ops, flags);
	if (!IS_ERR(f))
		f->priv = priv;
	return f;
}

static struct fs_type anon_type = { .name = "anon_inodefs", .nodev = true };

void file_init(void)
{
	struct inode *root;

	file_cache = kmem_cache_create("file", sizeof(struct file), false);
	anon_super = super_new(&anon_type, 0);
	if (!anon_super)
		panic("no memory for the first files");
	anon_super->magic = ANON_INODE_FS_MAGIC;
	root = inode_new(anon_super, S_IFDIR | 0500);
	anon_super->root = root ? d_make_root(anon_super, root) : NULL;
	if (anon_super->root)
		anon_mount = mount_alloc(anon_super, anon_super->root, "anon_inode");
	if (!file_cache || !anon_mount)
		panic("no memory for the first files");
}
