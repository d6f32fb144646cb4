/* SPDX-License-Identifier: MIT */
/*
 * Changes of an overlay, all made in upper. A lower file is copied up before it changes: made whole
 * in the work directory, then renamed into place. A name that a lower layer has leaves a whiteout
 * when it goes.
 *
 * copy_lock is held while something is copied up; real directories are locked one at a time, or two
 * for a rename, as vfs.c orders them: the layers' own users rename there, too.
 */
#include "fs/overlay.h"

/* ---- the real directories ---- */

/* The name in upper's directory, which is locked: with a reference, maybe negative. ERR_PTR */
static struct dentry *real_lookup(struct dentry *dir, const struct dentry *d)
{
	return d_lookup(dir, d->name, d->name_len);
}

/* Takes a name away from a real directory, which is locked. */
static int real_remove(struct dentry *dir, struct dentry *real)
{
	return dentry_unlink(dir, real, S_ISDIR(real->inode->mode));
}

static int real_make(struct inode *dir, struct dentry *real, mode_t mode, dev_t rdev,
		     const char *target)
{
	const struct inode_ops *ops = dir->ops;

	switch (mode & S_IFMT) {
	case S_IFDIR:
		return ops->mkdir ? ops->mkdir(dir, real, mode) : -EPERM;
	case S_IFREG:
		return ops->create ? ops->create(dir, real, mode) : -EPERM;
	case S_IFLNK:
		return ops->symlink ? ops->symlink(dir, real, target) : -EPERM;
	}
	return ops->mknod ? ops->mknod(dir, real, mode, rdev) : -EPERM;
}

/* The name in upper's directory, which is locked, free to be made: a whiteout on it goes. ERR_PTR */
static struct dentry *real_free_name(struct dentry *dir, const struct dentry *d, bool *covered)
{
	struct dentry *real = real_lookup(dir, d);
	int err;

	*covered = !IS_ERR(real) && ovl_is_whiteout(real->inode);
	if (!*covered)
		return real;
	err = real_remove(dir, real);
	dput(real);
	return err ? ERR_PTR(err) : real_lookup(dir, d);
}

static int set_opaque(struct inode *dir)
{
	int err;

	if (!dir->ops->setxattr)
		return -EOPNOTSUPP;
	mutex_lock_nested(&dir->lock, LOCK_INSIDE);
	err = dir->ops->setxattr(dir, OVL_OPAQUE, "y", 1, 0);
	mutex_unlock(&dir->lock);
	return err;
}

/* ---- copy-up ---- */

static int copy_data(struct inode *from, struct inode *to)
{
	int err = 0;

	for (u64 i = 0; !err && i < DIV_ROUND_UP(from->size, PAGE_SIZE); i++) {
		struct frame *src = mapping_get(&from->mapping, i, false), *dst;

		if (!src)
			continue; /* a hole stays one */
		if (IS_ERR(src))
			return PTR_ERR(src);
		dst = inode_page(to, i, true);
		if (IS_ERR(dst)) {
			err = PTR_ERR(dst);
		} else {
			memcpy(frame_va(dst), frame_va(src), PAGE_SIZE);
			frame_put(dst);
		}
		frame_put(src);
		if (thread_killed())
			err = -EINTR;
		cond_resched();
	}
	to->size = from->size;
	return err;
}

static int copy_xattrs(struct inode *from, struct inode *to)
{
	ssize_t n = from->ops->listxattr ? from->ops->listxattr(from, NULL, 0) : 0, size;
	char *list = n > 0 ? kmalloc(n) : NULL, *value;
	int err = 0;

	if (n <= 0 || !to->ops->setxattr)
		return n < 0 ? n : 0;
	if (!list)
		return -ENOMEM;
	n = from->ops->listxattr(from, list, n);
	for (ssize_t at = 0; !err && at < n; at += strlen(list + at) + 1) {
		const char *name = list + at;

		if (!strncmp(name, OVL_PREFIX, strlen(OVL_PREFIX)))
			continue;
		size = from->ops->getxattr(from, name, NULL, 0);
		value = size >= 0 ? kmalloc(size + 1) : NULL;
		if (!value) {
			err = size < 0 ? size : -ENOMEM;
			break;
		}
		size = from->ops->getxattr(from, name, value, size);
		err = size < 0 ? size : to->ops->setxattr(to, name, value, size, 0);
		kfree(value);
	}
	kfree(list);
	return err;
}

static int copy_inode(struct inode *from, struct inode *to, bool with_data)
{
	struct kattr a = { .valid = ATTR_MODE | ATTR_UID | ATTR_GID | ATTR_ATIME | ATTR_MTIME,
			   .mode = from->mode,
			   .uid = from->uid,
			   .gid = from->gid,
			   .atime_ns = from->atime_ns,
			   .mtime_ns = from->mtime_ns };
	int err = 0;

	mutex_lock(&to->lock);
	if (S_ISREG(from->mode) && with_data)
		err = copy_data(from, to);
	if (!err)
		err = copy_xattrs(from, to);
	if (!err)
		err = to->ops->setattr(to, &a);
	mutex_unlock(&to->lock);
	return err;
}

/* A new file like from in the work directory: its dentry, or ERR_PTR. */
static struct dentry *make_temp(struct ovl_super *os, struct inode *from)
{
	struct dentry *work = os->work.dentry, *temp;
	char name[24], *target = NULL;
	int err = 0;

	if (S_ISLNK(from->mode)) {
		target = kmalloc(PATH_MAX);
		err = target ? from->ops->readlink(from, target, PATH_MAX) : -ENOMEM;
		if (err < 0)
			goto out;
	}
	snprintf(name, sizeof(name), "#%llx", (unsigned long long)os->next_temp++);
	mutex_lock(&work->inode->lock);
	temp = d_lookup(work, name, strlen(name));
	err = IS_ERR(temp) ? PTR_ERR(temp) : temp->inode ? -EEXIST : 0;
	if (!err)
		err = real_make(work->inode, temp, from->mode, from->rdev, target);
	mutex_unlock(&work->inode->lock);
	if (err && !IS_ERR(temp))
		dput(temp);
out:
	kfree(target);
	return err ? ERR_PTR(err) : temp;
}

static void drop_temp(struct ovl_super *os, struct dentry *temp)
{
	struct dentry *work = os->work.dentry;

	mutex_lock(&work->inode->lock);
	real_remove(work, temp);
	mutex_unlock(&work->inode->lock);
}

/* temp gets the name of d in dir, both of upper. */
static int place_temp(struct ovl_super *os, struct dentry *temp, struct dentry *dir,
		      const struct dentry *d)
{
	struct inode *work = os->work.dentry->inode;
	struct dentry *nd;
	int err;

	if (!work->ops->rename)
		return -EPERM;
	lock_dirs(os->work.dentry, dir);
	nd = real_lookup(dir, d);
	err = IS_ERR(nd) ? PTR_ERR(nd) : nd->inode ? -EEXIST : 0;
	if (!err)
		err = work->ops->rename(work, temp, dir->inode, nd, 0);
	if (!err)
		d_move(temp, nd, false);
	unlock_dirs(os->work.dentry, dir);
	if (!IS_ERR(nd))
		dput(nd);
	return err;
}

/* d's parent is in upper; copy_lock held. */
static int copy_up_one(struct dentry *d, struct dentry *parent, bool with_data)
{
	/* LAB 06: begin
	 * Copies d up from its topmost lower layer (ovl_inode(d->inode)->lower[0]). Nobody may ever see half of it,
	 * not even after a crash: make_temp() makes an empty one in the work directory, copy_inode() fills it
	 * (data, owner, times, xattrs), place_temp() gives it its name, in one rename, in the directory that d's
	 * parent has in upper (ovl_upper()). When a step fails, drop_temp() and give the reference back.
	 * At last the overlay's inode learns that it is in upper: the path oi->upper, mount first (mount_get() of
	 * os->upper.mnt) and then, since others read it without a lock, the dentry with __atomic_store_n and
	 * __ATOMIC_RELEASE; the reference to temp moves there. ovl_sync() takes over size, times and links.
	 * starter: (void)make_temp;
	 * starter: (void)copy_inode;
	 * starter: (void)place_temp;
	 * starter: (void)drop_temp;
	 * starter: return -EROFS;
	 */
	struct ovl_super *os = ovl_super(d->sb);
	struct ovl_inode *oi = ovl_inode(d->inode);
	struct inode *from = oi->lower[0].dentry->inode;
	struct dentry *temp = make_temp(os, from);
	int err;

	if (IS_ERR(temp))
		return PTR_ERR(temp);
	err = copy_inode(from, temp->inode, with_data);
	if (!err)
		err = place_temp(os, temp, ovl_upper(parent->inode), d);
	if (err) {
		drop_temp(os, temp);
		dput(temp);
		return err;
	}
	mount_get(os->upper.mnt);
	oi->upper.mnt = os->upper.mnt;
	__atomic_store_n(&oi->upper.dentry, temp, __ATOMIC_RELEASE);
	ovl_sync(d->inode);
	return 0;
	/* LAB 06: end */
}

int ovl_copy_up(struct dentry *d, bool with_data)
{
	struct ovl_super *os = ovl_super(d->sb);
	int err = 0;

	if (ovl_upper(d->inode))
		return 0;
	if (!os->upper.dentry)
		return -EROFS;
	mutex_lock(&os->copy_lock);
	if (d->unhashed) /* removed while open: it must not come back by its name */
		err = -ENOENT;
	while (!err && !ovl_upper(d->inode)) {
		/* the uppermost directory on the way that is not in upper yet */
		struct dentry *at = dget(d), *parent = d_parent(d);

		while (!ovl_upper(parent->inode)) {
			dput(at);
			at = parent;
			parent = d_parent(at);
		}
		err = copy_up_one(at, parent, at != d || with_data);
		dput(parent);
		dput(at);
	}
	mutex_unlock(&os->copy_lock);
	return err;
}

/* ---- new names ---- */

/* What a directory's operations know of it is its inode: the dentry is the new name's parent. */
static int dir_copy_up(struct dentry *d)
{
	return ovl_copy_up(d->parent, true); /* the parent is locked: it does not change */
}

static int make(struct inode *dir, struct dentry *d, mode_t mode, dev_t rdev, const char *target)
{
	struct dentry *updir, *real;
	struct inode *i;
	bool covered;
	int err = dir_copy_up(d);

	if (err)
		return err;
	if (S_ISCHR(mode) && !rdev)
		return -EPERM; /* would be taken for a whiteout */
	updir = ovl_upper(dir);
	mutex_lock(&updir->inode->lock);
	real = real_free_name(updir, d, &covered);
	err = IS_ERR(real) ? PTR_ERR(real) : 0;
	if (!err)
		err = real_make(updir->inode, real, mode, rdev, target);
	if (!err && S_ISDIR(mode) && (covered || ovl_inode(dir)->nr_lower))
		err = set_opaque(real->inode);
	if (!err) {
		i = ovl_inode_of_upper(dir, d, real);
		err = IS_ERR(i) ? PTR_ERR(i) : 0;
		if (!err)
			d_set_inode(d, i);
	}
	if (!IS_ERR(real))
		dput(real);
	ovl_sync(dir);
	mutex_unlock(&updir->inode->lock);
	return err;
}

int ovl_create(struct inode *dir, struct dentry *d, mode_t mode)
{
	return make(dir, d, mode, 0, NULL);
}

/* A file without a name in upper; link(2) may give it one there. */
int ovl_tmpfile(struct inode *dir, struct dentry *d, mode_t mode)
{
	struct dentry *updir, *real;
	struct inode *i;
	int err = dir_copy_up(d);

	if (err)
		return err;
	updir = ovl_upper(dir);
	if (!updir->inode->ops->tmpfile)
		return -EOPNOTSUPP;
	real = d_alloc(updir, d->name, d->name_len);
	if (!real)
		return -ENOMEM;
	mutex_lock(&updir->inode->lock);
	err = updir->inode->ops->tmpfile(updir->inode, real, mode);
	mutex_unlock(&updir->inode->lock);
	if (!err) {
		i = ovl_inode_of_upper(dir, d, real);
		err = IS_ERR(i) ? PTR_ERR(i) : 0;
		if (!err)
			d_set_inode(d, i);
	}
	dput(real);
	return err;
}

int ovl_mknod(struct inode *dir, struct dentry *d, mode_t mode, dev_t rdev)
{
	return make(dir, d, mode, rdev, NULL);
}

int ovl_symlink(struct inode *dir, struct dentry *d, const char *target)
{
	return make(dir, d, S_IFLNK | 0777, 0, target);
}

int ovl_link(struct dentry *old, struct inode *dir, struct dentry *d)
{
	struct dentry *updir, *real;
	bool covered;
	int err = ovl_copy_up(old, true);

	if (!err)
		err = dir_copy_up(d);
	if (err)
		return err;
	updir = ovl_upper(dir);
	mutex_lock(&updir->inode->lock);
	real = real_free_name(updir, d, &covered);
	err = IS_ERR(real) ? PTR_ERR(real) : 0;
	if (!err)
		err = updir->inode->ops->link
			      ? updir->inode->ops->link(ovl_upper(old->inode), updir->inode, real)
			      : -EPERM;
	mutex_unlock(&updir->inode->lock);
	if (!IS_ERR(real))
		dput(real);
	if (err)
		return err;
	inode_get(old->inode);
	d_set_inode(d, old->inode);
	ovl_sync(old->inode);
	ovl_sync(dir);
	return 0;
}

/* ---- names that go ---- */

/* Covers the name in upper's directory, which is locked. */
static int make_whiteout(struct dentry *updir, const struct dentry *d)
{
	/* LAB 06: begin
	 * Unless the name is there (real_lookup() gives a dentry with a reference, or an ERR_PTR), make what says
	 * "nothing here, and nothing below": a character device of number 0, by real_make().
	 * starter: return 0;
	 */
	struct dentry *real = real_lookup(updir, d);
	int err;

	if (IS_ERR(real))
		return PTR_ERR(real);
	err = real->inode ? 0 : real_make(updir->inode, real, S_IFCHR, 0, NULL);
	dput(real);
	return err;
	/* LAB 06: end */
}

/* Removes the whiteouts in an upper directory that shows nothing any more. */
static bool remove_one(struct dentry *dir)
{
	struct dentry *victim = NULL;
	struct rb_node *n;

	spin_lock(&dir->lock);
	for (n = rb_first(&dir->children); n && !victim; n = rb_next(n)) {
		struct dentry *c = rb_entry(n, struct dentry, rb);

		if (c->inode)
			victim = dget(c);
	}
	spin_unlock(&dir->lock);
	if (!victim)
		return false;
	if (!ovl_is_whiteout(victim->inode) || real_remove(dir, victim)) {
		dput(victim);
		return false;
	}
	dput(victim);
	return true;
}

static void clear_whiteouts(struct dentry *dir)
{
	mutex_lock_nested(&dir->inode->lock, LOCK_INSIDE);
	while (remove_one(dir))
		;
	mutex_unlock(&dir->inode->lock);
}

/* Takes d's real name, if there is one, off upper's directory, which is locked. */
static int remove_upper(struct dentry *updir, struct dentry *d)
{
	struct dentry *real;
	int err = 0;

	if (!ovl_upper(d->inode))
		return 0;
	real = real_lookup(updir, d);
	if (IS_ERR(real))
		return PTR_ERR(real);
	if (real->inode) {
		if (S_ISDIR(real->inode->mode))
			clear_whiteouts(real);
		err = real_remove(updir, real);
	}
	dput(real);
	return err;
}

int ovl_unlink(struct inode *dir, struct dentry *d)
{
	struct inode *victim = d->inode;
	struct dentry *updir;
	bool below; /* asked before anything real is locked: what is upper here may be lower elsewhere */
	int err = S_ISDIR(victim->mode) ? ovl_check_empty(d) : 0;

	if (!err)
		err = dir_copy_up(d);
	if (err)
		return err;
	updir = ovl_upper(dir);
	below = ovl_lower_has(dir, d->name, d->name_len);
	mutex_lock(&updir->inode->lock);
	err = remove_upper(updir, d);
	if (!err && below)
		err = make_whiteout(updir, d);
	mutex_unlock(&updir->inode->lock);
	if (err)
		return err;
	if (ovl_upper(victim))
		ovl_sync(victim);
	else
		victim->nlink = 0;
	ovl_sync(dir);
	return 0;
}

/* ---- rename ---- */

/* A directory with a part in a lower layer cannot move: it would have to be copied whole. */
static bool is_merged(const struct inode *i)
{
	return S_ISDIR(i->mode) && ovl_inode(i)->nr_lower;
}

static int rename_prepare(struct dentry *old, struct dentry *d, unsigned int flags)
{
	int err;

	if (is_merged(old->inode) || (flags & RENAME_EXCHANGE && is_merged(d->inode)))
		return -EXDEV;
	if (d->inode && S_ISDIR(d->inode->mode) && !(flags & RENAME_EXCHANGE)) {
		err = ovl_check_empty(d);
		if (err)
			return err;
	}
	err = ovl_copy_up(old, true);
	if (!err)
		err = ovl_copy_up(old->parent, true);
	if (!err)
		err = ovl_copy_up(d->parent, true);
	if (!err && flags & RENAME_EXCHANGE)
		err = ovl_copy_up(d, true);
	return err;
}

/* The rename in upper; both directories are locked. */
static int real_rename(struct dentry *oup, struct dentry *nup, struct dentry *old, struct dentry *d,
		       unsigned int flags)
{
	struct dentry *ro = real_lookup(oup, old), *rn;
	int err;

	if (IS_ERR(ro))
		return PTR_ERR(ro);
	rn = real_lookup(nup, d);
	err = IS_ERR(rn) ? PTR_ERR(rn) : !ro->inode ? -ENOENT : 0;
	if (!err && rn->inode && !(flags & RENAME_EXCHANGE)) {
		/* what is there is the victim, or a whiteout: both go first */
		if (S_ISDIR(rn->inode->mode))
			clear_whiteouts(rn);
		err = real_remove(nup, rn);
		dput(rn);
		rn = real_lookup(nup, d);
		if (!err)
			err = IS_ERR(rn) ? PTR_ERR(rn) : 0;
	}
	if (!err)
		err = oup->inode->ops->rename
			      ? oup->inode->ops->rename(oup->inode, ro, nup->inode, rn, flags)
			      : -EPERM;
	if (!err)
		d_move(ro, rn, flags & RENAME_EXCHANGE);
	dput(ro);
	if (!IS_ERR(rn))
		dput(rn);
	return err;
}

/* A directory that comes to a name a lower layer has must not merge with what is there. */
static int hide_below(struct inode *dir, struct dentry *at, struct inode *moved)
{
	if (!S_ISDIR(moved->mode) || !ovl_lower_has(dir, at->name, at->name_len))
		return 0;
	return set_opaque(ovl_upper(moved)->inode);
}

int ovl_rename(struct inode *odir, struct dentry *old, struct inode *ndir, struct dentry *d,
	       unsigned int flags)
{
	bool exchange = flags & RENAME_EXCHANGE, below;
	struct dentry *oup, *nup;
	int err = rename_prepare(old, d, flags);

	if (!err)
		err = hide_below(ndir, d, old->inode);
	if (!err && exchange)
		err = hide_below(odir, old, d->inode);
	if (err)
		return err;
	oup = ovl_upper(odir);
	nup = ovl_upper(ndir);
	below = ovl_lower_has(odir, old->name, old->name_len);
	lock_dirs(oup, nup);
	err = real_rename(oup, nup, old, d, flags & RENAME_EXCHANGE);
	if (!err && !exchange && below)
		err = make_whiteout(oup, old);
	unlock_dirs(oup, nup);
	ovl_sync(odir);
	ovl_sync(ndir);
	if (!err && d->inode && !exchange) {
		if (ovl_upper(d->inode))
			ovl_sync(d->inode);
		else
			d->inode->nlink = 0;
	}
	return err;
}

/* ---- attributes ---- */

int ovl_setattr(struct inode *inode, const struct kattr *attr)
{
	struct dentry *d = ovl_inode(inode)->dentry;
	bool whole = !(attr->valid & ATTR_SIZE) || attr->size;
	struct inode *real;
	int err = ovl_upper(inode) || !d ? 0 : ovl_copy_up(d, whole);

	if (err)
		return err;
	real = ovl_upper(inode)->inode;
	mutex_lock(&real->lock);
	err = real->ops->setattr ? real->ops->setattr(real, attr) : -EPERM;
	if (!err && attr->valid & (ATTR_KILL | ATTR_SIZE))
		inode_drop_caps(real);
	mutex_unlock(&real->lock);
	ovl_sync(inode);
	return err;
}

int ovl_setxattr(struct inode *inode, const char *name, const void *value, size_t size, int flags)
{
	struct dentry *d = ovl_inode(inode)->dentry;
	struct inode *real;
	int err;

	if (!strncmp(name, OVL_PREFIX, strlen(OVL_PREFIX)))
		return -EOPNOTSUPP;
	err = ovl_upper(inode) || !d ? 0 : ovl_copy_up(d, true);
	if (err)
		return err;
	real = ovl_upper(inode)->inode;
	if (!real->ops->setxattr)
		return -EOPNOTSUPP;
	mutex_lock(&real->lock);
	err = real->ops->setxattr(real, name, value, size, flags);
	mutex_unlock(&real->lock);
	return err;
}
