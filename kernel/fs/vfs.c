/* SPDX-License-Identifier: MIT */
/*
 * What the system calls on names do: the checks every file system shares (permissions, sticky
 * directories, read-only mounts), then the file system's own operation, then the cached names.
 * Errors and their order are those of the man pages in section 2.
 *
 * Locks: a name is changed with its directory's inode locked; a rename between two directories
 * holds its super's rename_lock and locks the upper one first, else by address. A victim that is a directory
 * is locked inside its parent. Read next: xattr.c, tmpfs.c.
 */
#include "fs/internal.h"

#include <linux/bpf.h>

int mnt_want_write(const struct path *p)
{
	return p->mnt->flags & MNT_RDONLY || p->mnt->sb->flags & MS_RDONLY ? -EROFS : 0;
}

int path_permission(const struct path *p, int may)
{
	struct inode *inode = p->dentry->inode;

	bool write = may & MAY_WRITE &&
		     (S_ISREG(inode->mode) || S_ISDIR(inode->mode) || S_ISLNK(inode->mode));

	if (write && p->mnt->sb->flags & MS_RDONLY)
		return -EROFS;
	if (may & MAY_EXEC && S_ISREG(inode->mode) && p->mnt->flags & MNT_NOEXEC)
		return -EACCES;
	return inode_permission(inode, may) ?: write ? mnt_want_write(p) : 0;
}

mode_t apply_umask(mode_t mode)
{
	return mode & ~current_thread()->fs->umask;
}

int may_create(const struct path *dir)
{
	struct inode *inode = dir->dentry->inode;
	int err = mnt_want_write(dir);

	if (err)
		return err;
	if (!inode->nlink)
		return -ENOENT;
	return inode_permission(inode, MAY_WRITE | MAY_EXEC);
}

/* unlink(2)'s and rmdir(2)'s rule about the name d in dir. */
static int may_delete(struct inode *dir, struct dentry *d, bool isdir)
{
	const struct cred *c = current_thread()->cred;
	int err;

	if (!d->inode)
		return -ENOENT;
	err = inode_permission(dir, MAY_WRITE | MAY_EXEC);
	if (err)
		return err;
	if (dir->mode & S_ISVTX && c && c->fsuid != d->inode->uid && c->fsuid != dir->uid &&
	    !inode_capable(d->inode, CAP_FOWNER))
		return -EPERM;
	if (isdir && !S_ISDIR(d->inode->mode))
		return -ENOTDIR;
	if (!isdir && S_ISDIR(d->inode->mode))
		return -EISDIR;
	return 0;
}

/* Does something of the caller's mount namespace sit on d? */
static bool is_mounted(struct dentry *d)
{
	bool yes;

	if (!READ_ONCE(d->nr_mounts))
		return false;
	spin_lock(&mount_lock);
	yes = mount_on(d, current_thread()->fs->ns) != NULL;
	spin_unlock(&mount_lock);
	return yes;
}

/* ---- making names ---- */

/* The parent and the still free name of a new file. End with path_unlock_parent(). */
static int new_name(int dirfd, const char *name, unsigned int flags, struct path *dir,
		    struct dentry **d)
{
	int err = path_lookup_parent(dirfd, name, flags | LOOKUP_CREATE, dir, d);

	if (err)
		return err;
	err = may_create(dir);
	if (err)
		path_unlock_parent(dir, *d);
	return err;
}

int vfs_mkdir(int dirfd, const char *name, mode_t mode)
{
	struct path dir;
	struct dentry *d;
	struct inode *i;
	int err = new_name(dirfd, name, LOOKUP_DIRECTORY, &dir, &d);

	if (err)
		return err;
	i = dir.dentry->inode;
	mode = apply_umask(mode & (01777));
	err = i->ops && i->ops->mkdir ? i->ops->mkdir(i, d, S_IFDIR | mode) : -EPERM;
	path_unlock_parent(&dir, d);
	return err;
}

int vfs_mknod_at(int dirfd, const char *name, mode_t mode, dev_t rdev, struct path *made)
{
	mode_t type = mode & S_IFMT;
	struct path dir;
	struct dentry *d;
	struct inode *i;
	bool device = type == S_IFBLK || (type == S_IFCHR && rdev);
	int err;

	if (!type)
		type = S_IFREG;
	if (type == S_IFDIR)
		return -EPERM;
	if (type != S_IFREG && type != S_IFCHR && type != S_IFBLK && type != S_IFIFO &&
	    type != S_IFSOCK)
		return -EINVAL;
	err = new_name(dirfd, name, 0, &dir, &d);
	if (err)
		return err;
	i = dir.dentry->inode;
	mode = type | apply_umask(mode & 07777);
	/* A whiteout (0:0) is not a device: anybody may make one (since Linux 5.8). */
	if (device && !fs_capable(CAP_MKNOD))
		err = -EPERM;
	else if (device && fs_device_allowed(type == S_IFBLK, rdev, BPF_DEVCG_ACC_MKNOD))
		err = -EPERM;
	else if (type == S_IFREG)
		err = i->ops && i->ops->create ? i->ops->create(i, d, mode) : -EACCES;
	else
		err = i->ops && i->ops->mknod ? i->ops->mknod(i, d, mode, rdev) : -EPERM;
	if (!err && made) {
		*made = (struct path){ dir.mnt, d };
		path_get(made);
	}
	path_unlock_parent(&dir, d);
	return err;
}

int vfs_mknod(int dirfd, const char *name, mode_t mode, dev_t rdev)
{
	return vfs_mknod_at(dirfd, name, mode, rdev, NULL);
}

int vfs_symlink(const char *target, int dirfd, const char *name)
{
	struct path dir;
	struct dentry *d;
	struct inode *i;
	int err;

	if (!*target)
		return -ENOENT;
	if (strlen(target) >= PATH_MAX)
		return -ENAMETOOLONG;
	err = new_name(dirfd, name, 0, &dir, &d);
	if (err)
		return err;
	i = dir.dentry->inode;
	err = i->ops && i->ops->symlink ? i->ops->symlink(i, d, target) : -EPERM;
	path_unlock_parent(&dir, d);
	return err;
}

/* proc(5), protected_hardlinks: a name for another's file, which one may not change anyway, is a trap. */
static bool may_link(struct inode *i)
{
	bool safe = S_ISREG(i->mode) && !(i->mode & S_ISUID) &&
		    (i->mode & (S_ISGID | S_IXGRP)) != (S_ISGID | S_IXGRP);

	return !fs_protected_hardlinks || (safe && !inode_permission(i, MAY_READ | MAY_WRITE)) ||
	       inode_owner_or_capable(i);
}

int vfs_link(int odirfd, const char *old, int ndirfd, const char *new, int at_flags)
{
	unsigned int flags = (at_flags & AT_SYMLINK_FOLLOW ? LOOKUP_FOLLOW : 0) |
			     (at_flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);
	struct path from, dir;
	struct dentry *d;
	struct inode *i;
	int err;

	if (at_flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (at_flags & AT_EMPTY_PATH && !*old && !fs_capable(CAP_DAC_READ_SEARCH))
		return -ENOENT;
	err = path_lookup(odirfd, old, flags, &from);
	if (err)
		return err;
	err = new_name(ndirfd, new, 0, &dir, &d);
	if (err)
		goto out;
	i = dir.dentry->inode;
	if (from.mnt != dir.mnt)
		err = -EXDEV;
	else if (!may_link(from.dentry->inode))
		err = -EPERM;
	else if (S_ISDIR(from.dentry->inode->mode) || !i->ops->link)
		err = -EPERM;
	else if (!from.dentry->inode->nlink && !from.dentry->inode->linkable)
		err = -ENOENT;
	else
		err = i->ops->link(from.dentry, i, d);
	path_unlock_parent(&dir, d);
out:
	path_put(&from);
	return err;
}

/* ---- taking names away ---- */

int dentry_unlink(struct dentry *dir, struct dentry *d, bool isdir)
{
	struct inode *i = dir->inode, *victim = d->inode;
	int err;

	if (!i->ops->unlink)
		return -EPERM;
	inode_get(victim);
	if (isdir)
		mutex_lock_nested(&victim->lock, LOCK_INSIDE);
	err = i->ops->unlink(i, d);
	if (isdir)
		mutex_unlock(&victim->lock);
	if (!err) {
		d_delete(d);
		mounts_forget(d);
	}
	inode_put(victim);
	return err;
}

/* What rmdir and unlink say of "/", "." and ".." (their man pages). */
static int unlink_special_error(const char *name, bool isdir)
{
	size_t n = strlen(name);

	while (n && name[n - 1] == '/')
		n--;
	if (!isdir)
		return -EISDIR;
	if (!n)
		return -EBUSY;
	if (n >= 2 && name[n - 1] == '.' && name[n - 2] == '.' && (n == 2 || name[n - 3] == '/'))
		return -ENOTEMPTY;
	return -EINVAL;
}

int vfs_unlink(int dirfd, const char *name, int at_flags)
{
	bool isdir = at_flags & AT_REMOVEDIR;
	struct path dir;
	struct dentry *d;
	int err;

	if (at_flags & ~AT_REMOVEDIR)
		return -EINVAL;
	err = path_lookup_parent(dirfd, name, isdir ? LOOKUP_DIRECTORY : 0, &dir, &d);
	if (err == -EEXIST)
		return unlink_special_error(name, isdir);
	if (err)
		return err;
	err = mnt_want_write(&dir);
	if (!err)
		err = may_delete(dir.dentry->inode, d, isdir);
	if (!err && is_mounted(d))
		err = -EBUSY;
	if (!err)
		err = dentry_unlink(dir.dentry, d, isdir);
	path_unlock_parent(&dir, d);
	return err;
}

int vfs_unlink_in(struct dentry *dir, const char *name)
{
	struct dentry *d;
	int err;

	mutex_lock(&dir->inode->lock);
	d = d_lookup(dir, name, strlen(name));
	err = IS_ERR(d) ? PTR_ERR(d) : d->inode ? may_delete(dir->inode, d, false) : -ENOENT;
	if (!err)
		err = dentry_unlink(dir, d, false);
	mutex_unlock(&dir->inode->lock);
	if (!IS_ERR(d))
		dput(d);
	return err;
}

/* ---- rename ---- */

/* d_is_ancestor's answer holds as long as rename_lock does. */
void lock_dirs(struct dentry *a, struct dentry *b)
{
	struct dentry *first = a, *second = b;

	if (a == b) {
		mutex_lock(&a->inode->lock);
		return;
	}
	mutex_lock(&a->sb->rename_lock);
	if (d_is_ancestor(b, a) || (!d_is_ancestor(a, b) && b < a)) {
		first = b;
		second = a;
	}
	mutex_lock(&first->inode->lock);
	mutex_lock_nested(&second->inode->lock, LOCK_SECOND);
}

void unlock_dirs(struct dentry *a, struct dentry *b)
{
	mutex_unlock(&a->inode->lock);
	if (a == b)
		return;
	mutex_unlock(&b->inode->lock);
	mutex_unlock(&a->sb->rename_lock);
}

/* What the names say of themselves; both directories are locked. */
static int rename_check(const struct walk *ow, struct dentry *od, const struct walk *nw,
			struct dentry *nd, unsigned int flags)
{
	bool exchange = flags & RENAME_EXCHANGE;

	if (!od->inode)
		return -ENOENT;
	if (nd->inode && flags & RENAME_NOREPLACE)
		return -EEXIST;
	if (exchange && !nd->inode)
		return -ENOENT;
	if (exchange && !S_ISDIR(nd->inode->mode) && nw->trailing)
		return -ENOTDIR;
	if (!S_ISDIR(od->inode->mode) && (ow->trailing || (!exchange && nw->trailing)))
		return -ENOTDIR;
	if (d_is_ancestor(od, nw->path.dentry))
		return -EINVAL;
	if (d_is_ancestor(nd, ow->path.dentry))
		return exchange ? -EINVAL : -ENOTEMPTY;
	return 0;
}

/* May the caller? */
static int rename_may(const struct path *odir, struct dentry *od, const struct path *ndir,
		      struct dentry *nd, unsigned int flags)
{
	bool isdir = S_ISDIR(od->inode->mode);
	int err = may_delete(odir->dentry->inode, od, isdir);

	if (err)
		return err;
	if (!nd->inode)
		err = may_create(ndir);
	else
		err = may_delete(ndir->dentry->inode, nd,
				 flags & RENAME_EXCHANGE ? S_ISDIR(nd->inode->mode) : isdir);
	if (err)
		return err;
	return is_mounted(od) || is_mounted(nd) ? -EBUSY : 0;
}

/* The whiteout (a device 0:0) that will take d's name in dir; nobody finds it yet. ERR_PTR */
static struct dentry *make_whiteout(struct dentry *dir, const struct dentry *d)
{
	struct dentry *w = d_alloc(dir, d->name, d->name_len);
	int err;

	if (!w)
		return ERR_PTR(-ENOMEM);
	err = dir->inode->ops->mknod ? dir->inode->ops->mknod(dir->inode, w, S_IFCHR, 0) : -EPERM;
	if (!err)
		return w;
	dput(w);
	return ERR_PTR(err == -EPERM ? -EINVAL : err); /* the file system has no whiteouts */
}

static int rename_locked(const struct path *odir, struct dentry *od, const struct path *ndir,
			 struct dentry *nd, unsigned int flags)
{
	struct inode *oi = odir->dentry->inode, *ni = ndir->dentry->inode, *victim = nd->inode;
	struct dentry *cover = NULL;
	int err;

	if (od->inode == victim) /* two names of one file: nothing to do */
		return 0;
	err = rename_may(odir, od, ndir, nd, flags);
	if (err)
		return err;
	if (!oi->ops->rename)
		return -EPERM;
	if (flags & RENAME_WHITEOUT)
		cover = make_whiteout(odir->dentry, od);
	if (IS_ERR(cover))
		return PTR_ERR(cover);
	if (victim) {
		inode_get(victim);
		mutex_lock_nested(&victim->lock, LOCK_INSIDE);
	}
	err = oi->ops->rename(oi, od, ni, nd, flags & RENAME_EXCHANGE);
	if (victim)
		mutex_unlock(&victim->lock);
	if (!err)
		d_move(od, nd, flags & RENAME_EXCHANGE);
	if (!err && !(flags & RENAME_EXCHANGE))
		mounts_forget(nd);
	if (cover && err)
		oi->ops->unlink(oi, cover);
	else if (cover)
		d_hash(cover);
	dput(cover);
	inode_put(victim);
	return err;
}

/* The directory and the last component; in *w, to be ended. */
static int rename_side(struct walk *w, int dirfd, const char *name)
{
	int err = walk_begin(w, dirfd, name, LOOKUP_PARENT);

	if (err)
		return err;
	err = walk_run(w);
	if (err)
		walk_end(w);
	return err;
}

int vfs_rename(int odirfd, const char *old, int ndirfd, const char *new, unsigned int flags)
{
	struct dentry *od, *nd;
	struct walk ow, nw;
	int err;

	if (flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT) ||
	    (flags & RENAME_EXCHANGE && flags != RENAME_EXCHANGE))
		return -EINVAL;
	err = rename_side(&ow, odirfd, old);
	if (err)
		return err;
	err = rename_side(&nw, ndirfd, new);
	if (err)
		goto out_old;
	if (ow.path.mnt != nw.path.mnt)
		err = -EXDEV;
	else if (is_dots(ow.last, ow.last_len))
		err = -EBUSY;
	else if (is_dots(nw.last, nw.last_len))
		err = flags & RENAME_NOREPLACE ? -EEXIST : -EBUSY;
	else
		err = mnt_want_write(&ow.path);
	if (err)
		goto out_new;
	lock_dirs(ow.path.dentry, nw.path.dentry);
	od = d_lookup(ow.path.dentry, ow.last, ow.last_len);
	err = PTR_ERR(od);
	if (IS_ERR(od))
		goto out_unlock;
	nd = d_lookup(nw.path.dentry, nw.last, nw.last_len);
	err = PTR_ERR(nd);
	if (IS_ERR(nd))
		goto out_od;
	err = rename_check(&ow, od, &nw, nd, flags);
	if (!err)
		err = rename_locked(&ow.path, od, &nw.path, nd, flags);
	dput(nd);
out_od:
	dput(od);
out_unlock:
	unlock_dirs(ow.path.dentry, nw.path.dentry);
out_new:
	walk_end(&nw);
out_old:
	walk_end(&ow);
	return err;
}

/* ---- attributes ---- */

/* chmod(2), chown(2), truncate(2), utimensat(2): may the thread? Fills in what follows of itself. */
static int setattr_check(struct inode *inode, struct kattr *a)
{
	const struct cred *c = current_thread()->cred;
	bool owner = inode_owner_or_capable(inode);

	if (a->valid & ATTR_SIZE) {
		int err = a->valid & ATTR_FORCE ? 0 : inode_permission(inode, MAY_WRITE);

		if (S_ISDIR(inode->mode))
			return -EISDIR;
		if (!S_ISREG(inode->mode))
			return -EINVAL;
		if (err)
			return err;
		if (READ_ONCE(inode->writers) < 0) /* it is being executed */
			return -ETXTBSY;
	}
	if (a->valid & ATTR_FORCE)
		return 0;
	if (a->valid & ATTR_MODE) {
		if (!owner && !(a->valid & ATTR_SIZE))
			return -EPERM;
		/* Only a member of the group, or CAP_FSETID, gives the set-group-id bit. */
		if (a->mode & S_ISGID && c && !in_group(c, inode->gid) &&
		    !inode_capable(inode, CAP_FSETID))
			a->mode &= ~S_ISGID;
	}
	if (a->valid & ATTR_UID && c && (c->fsuid != inode->uid || a->uid != inode->uid) &&
	    !inode_capable(inode, CAP_CHOWN))
		return -EPERM;
	if (a->valid & ATTR_GID && c &&
	    (c->fsuid != inode->uid || (a->gid != inode->gid && !in_group(c, a->gid))) &&
	    !inode_capable(inode, CAP_CHOWN))
		return -EPERM;
	/* Times of one's choice are the owner's business; utimes() to now is checked by its caller. */
	if (a->valid & (ATTR_ATIME | ATTR_MTIME) && !owner)
		return -EPERM;
	return 0;
}

int dentry_setattr(struct dentry *d, struct kattr *attr)
{
	struct inode *inode = d->inode;
	int err;

	mutex_lock(&inode->lock);
	/* A file that changes hands or content is no longer set-user-id (chown(2), write(2)). */
	if (attr->valid & (ATTR_KILL | ATTR_SIZE) && S_ISREG(inode->mode) &&
	    inode->mode & (S_ISUID | S_ISGID) &&
	    (attr->valid & ATTR_KILL || !inode_capable(inode, CAP_FSETID))) {
		attr->valid |= ATTR_MODE;
		attr->mode = inode->mode & ~(inode->mode & S_IXGRP ? S_ISUID | S_ISGID : S_ISUID);
	}
	err = setattr_check(inode, attr);
	if (err)
		goto out;
	if (inode->ops)
		err = inode->ops->setattr ? inode->ops->setattr(inode, attr) : -EPERM;
	else /* of no directory: a pipe, say */
		inode_setattr_common(inode, attr);
	if (!err && attr->valid & (ATTR_KILL | ATTR_SIZE))
		inode_drop_caps(inode);
out:
	mutex_unlock(&inode->lock);
	return err;
}

int vfs_setattr(const struct path *p, struct kattr *attr)
{
	int err = mnt_want_write(p);

	return err ? err : dentry_setattr(p->dentry, attr);
}

static int refresh(struct inode *inode)
{
	return inode->ops && inode->ops->getattr ? inode->ops->getattr(inode) : 0;
}

static u64 inode_blocks(const struct inode *i)
{
	u64 pages = i->mapping.nr_pages;

	/* pages that are read on demand, or are another inode's: as if all were there */
	if (S_ISREG(i->mode) && (i->mapping.ops || (i->ops && i->ops->getattr)))
		pages = DIV_ROUND_UP(i->size, PAGE_SIZE);
	return pages * (PAGE_SIZE / 512);
}

/* Times before 1970 have a negative second and a positive rest. */
static struct statx_timestamp statx_time(s64 ns)
{
	s64 sec = ns / (s64)NSEC_PER_SEC, rest = ns % (s64)NSEC_PER_SEC;

	if (rest < 0)
		return (struct statx_timestamp){ .tv_sec = sec - 1,
						 .tv_nsec = rest + NSEC_PER_SEC };
	return (struct statx_timestamp){ .tv_sec = sec, .tv_nsec = rest };
}

int vfs_stat(const struct path *p, struct stat *st)
{
	struct inode *i = p->dentry->inode;
	struct statx_timestamp t;
	int err = refresh(i);

	if (err)
		return err;
	memset(st, 0, sizeof(*st));
	st->st_dev = dev_encode(i->sb->dev);
	st->st_ino = i->ino;
	st->st_nlink = i->nlink;
	st->st_mode = i->mode;
	st->st_uid = i->uid;
	st->st_gid = i->gid;
	st->st_rdev = dev_encode(i->rdev);
	st->st_size = i->size;
	st->st_blksize = PAGE_SIZE;
	st->st_blocks = inode_blocks(i);
	t = statx_time(i->atime_ns);
	st->st_atime = t.tv_sec;
	st->st_atime_nsec = t.tv_nsec;
	t = statx_time(i->mtime_ns);
	st->st_mtime = t.tv_sec;
	st->st_mtime_nsec = t.tv_nsec;
	t = statx_time(i->ctime_ns);
	st->st_ctime = t.tv_sec;
	st->st_ctime_nsec = t.tv_nsec;
	return 0;
}

int vfs_statx(const struct path *p, struct statx *st)
{
	struct inode *i = p->dentry->inode;
	int err = refresh(i);

	if (err)
		return err;
	memset(st, 0, sizeof(*st));
	st->stx_mask = STATX_BASIC_STATS | STATX_MNT_ID;
	st->stx_blksize = PAGE_SIZE;
	st->stx_nlink = i->nlink;
	st->stx_uid = i->uid;
	st->stx_gid = i->gid;
	st->stx_mode = i->mode;
	st->stx_ino = i->ino;
	st->stx_size = i->size;
	st->stx_blocks = inode_blocks(i);
	st->stx_atime = statx_time(i->atime_ns);
	st->stx_mtime = statx_time(i->mtime_ns);
	st->stx_ctime = statx_time(i->ctime_ns);
	if (i->btime_ns) {
		st->stx_mask |= STATX_BTIME;
		st->stx_btime = statx_time(i->btime_ns);
	}
	st->stx_rdev_major = MAJOR(i->rdev);
	st->stx_rdev_minor = MINOR(i->rdev);
	st->stx_dev_major = MAJOR(i->sb->dev);
	st->stx_dev_minor = MINOR(i->sb->dev);
	st->stx_mnt_id = p->mnt->id;
	st->stx_attributes_mask = STATX_ATTR_MOUNT_ROOT;
	if (p->dentry == p->mnt->root)
		st->stx_attributes = STATX_ATTR_MOUNT_ROOT;
	return 0;
}

int vfs_statfs(const struct path *p, struct statfs *st)
{
	struct super *sb = p->mnt->sb;
	u32 f = p->mnt->flags;

	memset(st, 0, sizeof(*st));
	st->f_type =
		sb == anon_super && S_ISFIFO(p->dentry->inode->mode) ? PIPEFS_MAGIC : sb->magic;
	st->f_bsize = st->f_frsize = PAGE_SIZE;
	st->f_namelen = NAME_MAX;
	st->f_fsid.val[0] = sb->dev;
	/* ST_VALID, ST_RDONLY ... of statfs(2): the first bits are MS_'s own */
	st->f_flags = 0x20 | (p->mnt->sb->flags & MS_SYNCHRONOUS);
	if (mnt_want_write(p))
		st->f_flags |= MS_RDONLY;
	st->f_flags |= (f & MNT_NOSUID ? MS_NOSUID : 0) | (f & MNT_NODEV ? MS_NODEV : 0) |
		       (f & MNT_NOEXEC ? MS_NOEXEC : 0) | (f & MNT_NOATIME ? 0x400 : 0) |
		       (f & MNT_NODIRATIME ? 0x800 : 0) | (f & MNT_RELATIME ? 0x1000 : 0) |
		       (f & MNT_NOSYMFOLLOW ? 0x2000 : 0);
	return sb->ops && sb->ops->statfs ? sb->ops->statfs(sb, st) : 0;
}

ssize_t vfs_readlink(const struct path *p, char *buf, size_t size)
{
	struct inode *i = p->dentry->inode;
	struct path to, root;
	char *text, *name;
	ssize_t n;

	if (!S_ISLNK(i->mode))
		return -EINVAL;
	text = kmalloc(PATH_MAX);
	if (!text)
		return -ENOMEM;
	name = text;
	if (i->ops->readlink) {
		n = i->ops->readlink(i, text, PATH_MAX);
	} else {
		n = i->ops->follow(i, &to);
		if (!n) {
			fs_get_root(&root);
			name = path_name(&to, &root, text, PATH_MAX);
			n = IS_ERR(name) ? PTR_ERR(name) : (ssize_t)strlen(name);
			path_put(&root);
			path_put(&to);
		}
	}
	if (n > 0) {
		n = min((size_t)n, size);
		memcpy(buf, name, n);
	}
	kfree(text);
	return n;
}
