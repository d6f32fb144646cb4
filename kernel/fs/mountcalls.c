/* SPDX-License-Identifier: MIT */
/*
 * mount(2), umount2(2), pivot_root(2): each finds its places first, then takes mount_mutex and
 * checks that nothing has changed under it. The checks and errors are those of the man pages.
 */
#include "fs/internal.h"

bool may_mount(void)
{
	struct mnt_ns *ns = current_thread()->fs->ns;
	const struct cred *c = current_thread()->cred;

	if (!c)
		return true;
	return fs_ns_capable ? fs_ns_capable(ns->ns.owner, CAP_SYS_ADMIN)
			     : fs_capable(CAP_SYS_ADMIN);
}

static bool in_our_ns(const struct mount *m)
{
	return m->ns && m->ns == current_thread()->fs->ns;
}

static bool is_mount_root(const struct path *p)
{
	return p->dentry == p->mnt->root;
}

static u32 mnt_flags_of(unsigned long flags)
{
	u32 f = 0;

	if (flags & MS_RDONLY)
		f |= MNT_RDONLY;
	if (flags & MS_NOSUID)
		f |= MNT_NOSUID;
	if (flags & MS_NODEV)
		f |= MNT_NODEV;
	if (flags & MS_NOEXEC)
		f |= MNT_NOEXEC;
	if (flags & MS_NOATIME)
		f |= MNT_NOATIME;
	if (flags & MS_NODIRATIME)
		f |= MNT_NODIRATIME;
	if (flags & MS_STRICTATIME)
		f &= ~MNT_NOATIME;
	else if (!(flags & MS_NOATIME))
		f |= MNT_RELATIME;
	if (flags & MS_NOSYMFOLLOW)
		f |= MNT_NOSYMFOLLOW;
	return f;
}
#define MNT_USER_FLAGS                                                                             \
	(MNT_RDONLY | MNT_NOSUID | MNT_NODEV | MNT_NOEXEC | MNT_NOATIME | MNT_NODIRATIME |         \
	 MNT_RELATIME | MNT_NOSYMFOLLOW)

/* Puts tree at dest, and copies of it where dest's peers and slaves are. mount_mutex held. */
static int attach_tree(struct mount *tree, const struct path *dest)
{
	struct mnt_ns *ns = dest->mnt->ns;
	bool fresh = tree->ns != ns;
	struct mount *m;
	int err = fresh ? mounts_reserve(ns, tree) : 0;

	if (!err && dest->mnt->peer_group) {
		for_each_in_tree(m, tree) mount_share(m);
		err = propagate_mount(tree, dest->mnt, dest->dentry);
		if (err && fresh)
			mounts_count(ns, tree, -1);
	}
	if (err)
		return err;
	mount_attach(tree, dest->mnt, dest->dentry);
	mount_set_ns(tree, ns);
	mnt_ns_changed(ns);
	return 0;
}

/* The place to mount tree at, still there and on top. mount_mutex held. */
static int check_dest(struct path *dest, const struct dentry *root)
{
	path_descend(dest);
	if (!in_our_ns(dest->mnt))
		return -EINVAL;
	if (dest->dentry->unhashed)
		return -ENOENT;
	if (S_ISDIR(dest->dentry->inode->mode) != S_ISDIR(root->inode->mode))
		return -ENOTDIR;
	return 0;
}

/* Does something locked hide a part of what m shows? An empty folder of /sys is not worth hiding. */
static bool covered(struct mount *m)
{
	struct mount *c;

	list_for_each(c, &m->children, child_link)
		if (c->flags & MNT_LOCKED &&
		    (m->sb->type != &sysfs_type || c->mountpoint->children.node))
			return true;
	return false;
}

/*
 * user_namespaces(7): a new /proc or /sys in a namespace that is not the first must not show more than
 * one that is there: whole, and no less writable. What of that one's flags is locked stays locked.
 */
static bool too_revealing(struct mnt_ns *ns, struct mount *new)
{
	struct mount *m;
	u32 locked;

	if (!new->sb->type->userns_visible || user_ns_is_first(ns->ns.owner))
		return false;
	for_each_in_tree(m, ns->root)
	{
		locked = m->locked & (MNT_RDONLY | MNT_ATIME);
		if (m->sb->flags & MS_RDONLY)
			locked |= MNT_RDONLY;
		if (m->sb->type != new->sb->type || m->root != m->sb->root || covered(m) ||
		    (locked & MNT_RDONLY && !(new->flags &MNT_RDONLY)) ||
		    (locked & MNT_ATIME && (m->flags ^ new->flags) & MNT_ATIME))
			continue;
		new->locked |= locked;
		return false;
	}
	return true;
}

static int mount_new(struct path *dest, const char *source, const char *type, unsigned long flags,
		     const char *data)
{
	struct fs_type *t = type ? fs_type_find(type) : NULL;
	struct dentry *root;
	struct super *sb;
	struct mount *m;
	int err;

	if (!type)
		return -EINVAL;
	if (!t)
		return -ENODEV;
	if (!fs_type_may_mount(t))
		return -EPERM;
	sb = super_get(t, source, flags, data);
	if (IS_ERR(sb))
		return PTR_ERR(sb);
	root = t->mount_root ? t->mount_root(sb) : dget(sb->root);
	m = mount_alloc(sb, root, source);
	dput(root);
	if (!m) {
		super_put(sb);
		return -ENOMEM;
	}
	m->flags = mnt_flags_of(flags);
	mutex_lock(&mount_mutex);
	err = too_revealing(current_thread()->fs->ns, m) ? -EPERM : check_dest(dest, m->root);
	if (!err && dest->mnt->sb == sb && dest->mnt->root == dest->dentry)
		err = -EBUSY; /* the same thing twice on one place */
	if (!err)
		err = attach_tree(m, dest);
	if (err)
		mount_drop_tree(m);
	mount_unlock();
	return err;
}

static int mount_bind(struct path *dest, struct path *from, bool rec)
{
	struct mount *copy, *m;
	struct mnt_ns *other;
	int err;

	mutex_lock(&mount_mutex);
	err = check_dest(dest, from->dentry);
	if (err)
		goto out;
	err = -EINVAL;
	other = mnt_ns_of_file(from->dentry);
	if (other && other->seq <= current_thread()->fs->ns->seq)
		goto out; /* of an older one, or itself: they could hold each other */
	/* namespace files of /proc are in no tree, but may be bound (namespaces(7)) */
	if (!in_our_ns(from->mnt) && from->mnt->sb->magic != NSFS_MAGIC)
		goto out;
	if (!rec)
		list_for_each(m, &from->mnt->children, child_link)
			if (m->flags & MNT_LOCKED && d_is_ancestor(from->dentry, m->mountpoint))
				goto out; /* it would show what the owner covered */
	copy = mount_copy_tree(from->mnt, from->dentry, rec, COPY_MNT_NS);
	err = PTR_ERR(copy);
	if (IS_ERR(copy))
		goto out;
	err = attach_tree(copy, dest);
	if (err)
		mount_drop_tree(copy);
out:
	mount_unlock();
	return err;
}

/* Sets or clears bit in *flags; -EBUSY, and nothing changed, when a file is open for writing. */
static int set_read_only(u32 *flags, u32 bit, bool on, const u32 *writers)
{
	if (!on) {
		__atomic_fetch_and(flags, ~bit, __ATOMIC_SEQ_CST);
		return 0;
	}
	if (__atomic_fetch_or(flags, bit, __ATOMIC_SEQ_CST) & bit ||
	    !__atomic_load_n(writers, __ATOMIC_SEQ_CST))
		return 0;
	__atomic_fetch_and(flags, ~bit, __ATOMIC_SEQ_CST);
	return -EBUSY;
}

static int mount_remount(struct path *p, unsigned long flags, const char *data)
{
	u32 want = mnt_flags_of(flags);
	struct super *sb = p->mnt->sb;
	u32 was = sb->flags;
	int err;

	if (!is_mount_root(p) || !in_our_ns(p->mnt))
		return -EINVAL;
	if (!(flags & (MS_NOATIME | MS_NODIRATIME | MS_RELATIME | MS_STRICTATIME))) /* stays */
		want = (want & ~MNT_ATIME) | (p->mnt->flags & MNT_ATIME);
	if (p->mnt->locked & (p->mnt->flags ^ want))
		return -EPERM;
	mutex_lock(&mount_mutex);
	if (flags & MS_BIND)
		err = set_read_only(&p->mnt->flags, MNT_RDONLY, want & MNT_RDONLY,
				    &p->mnt->writers);
	else if (!super_capable(sb, CAP_SYS_ADMIN))
		err = -EPERM;
	else if (sb->read_only && !(flags & MS_RDONLY))
		err = -EROFS;
	else
		err = set_read_only(&sb->flags, MS_RDONLY, flags & MS_RDONLY, &sb->writers);
	if (!err && !(flags & MS_BIND) && sb->ops && sb->ops->remount) {
		err = sb->ops->remount(sb, data);
		if (err)
			sb->flags = was;
		else
			sb->flags = (sb->flags & (MS_RDONLY | MS_DIRSYNC)) |
				    (flags & SUPER_FLAGS & ~MS_DIRSYNC);
	}
	if (!err) {
		spin_lock(&mount_lock);
		p->mnt->flags = (p->mnt->flags & ~MNT_USER_FLAGS) | want;
		spin_unlock(&mount_lock);
		mnt_ns_changed(p->mnt->ns);
	}
	mount_unlock();
	return err;
}

static void change_propagation(struct mount *m, unsigned long kind)
{
	if (kind == MS_SHARED) {
		mount_share(m);
		m->flags &= ~MNT_UNBINDABLE;
		return;
	}
	if (kind == MS_SLAVE) {
		mount_make_slave(m);
		return;
	}
	mount_unshare(m);
	m->flags &= ~MNT_UNBINDABLE;
	if (kind == MS_UNBINDABLE)
		m->flags |= MNT_UNBINDABLE;
}

static int mount_propagation(struct path *p, unsigned long flags)
{
	unsigned long kind = flags & (MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE);
	struct mount *m;

	if (kind & (kind - 1) || flags & ~(kind | MS_REC | MS_SILENT))
		return -EINVAL;
	if (!is_mount_root(p) || !in_our_ns(p->mnt))
		return -EINVAL;
	mutex_lock(&mount_mutex);
	for_each_in_tree(m, p->mnt)
	{
		change_propagation(m, kind);
		if (!(flags & MS_REC))
			break;
	}
	mount_unlock();
	return 0;
}

static int check_move(const struct path *from, struct path *dest)
{
	struct mount *m = from->mnt, *i;

	if (!is_mount_root(from) || m->parent == m || !in_our_ns(m))
		return -EINVAL;
	if (S_ISDIR(dest->dentry->inode->mode) != S_ISDIR(m->root->inode->mode))
		return -EINVAL;
	if (m->flags & MNT_LOCKED || m->parent->peer_group)
		return -EINVAL;
	if (dest->mnt->peer_group)
		for_each_in_tree(i, m) if (i->flags & MNT_UNBINDABLE) return -EINVAL;
	return mount_reachable(dest->mnt, dest->dentry, from) ? -ELOOP : 0;
}

static int mount_move(struct path *dest, struct path *from)
{
	struct dentry *old_mp;
	struct mount *old_parent;
	int err;

	mutex_lock(&mount_mutex);
	err = check_dest(dest, from->dentry);
	if (!err || err == -ENOTDIR)
		err = check_move(from, dest);
	if (err)
		goto out;
	old_parent = from->mnt->parent;
	old_mp = dget(from->mnt->mountpoint);
	mount_detach(from->mnt);
	err = attach_tree(from->mnt, dest);
	if (err)
		mount_attach(from->mnt, old_parent, old_mp);
	dput(old_mp);
out:
	mount_unlock();
	return err;
}

/* A bind or a move: what is at source comes to dest. */
static int mount_from(struct path *dest, const char *source, unsigned long flags)
{
	struct path from;
	int err;

	if (!source || !*source)
		return -EINVAL;
	err = path_lookup(AT_FDCWD, source, LOOKUP_FOLLOW, &from);
	if (err)
		return err;
	err = flags & MS_BIND ? mount_bind(dest, &from, flags & MS_REC) : mount_move(dest, &from);
	path_put(&from);
	return err;
}

int do_mount(const char *source, const char *target, const char *type, unsigned long flags,
	     const char *data)
{
	struct path dest;
	int err;

	if ((flags & MS_MGC_MSK) == MS_MGC_VAL)
		flags &= ~MS_MGC_MSK;
	if (flags & MS_NOUSER)
		return -EINVAL;
	err = path_lookup(AT_FDCWD, target, LOOKUP_FOLLOW, &dest);
	if (err)
		return err;
	if (!may_mount())
		err = -EPERM;
	else if (flags & MS_REMOUNT)
		err = mount_remount(&dest, flags, data);
	else if (flags & MS_BIND)
		err = mount_from(&dest, source, flags);
	else if (flags & (MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE))
		err = mount_propagation(&dest, flags);
	else if (flags & MS_MOVE)
		err = mount_from(&dest, source, flags);
	else
		err = mount_new(&dest, source, type, flags, data);
	path_put(&dest);
	return err;
}

/* umount2(2)'s flags; linux/fs.h does not export them */
#define UMOUNT_FORCE 1
#define UMOUNT_DETACH 2
#define UMOUNT_EXPIRE 4
#define UMOUNT_NOFOLLOW 8

/* MNT_EXPIRE: the first call marks an unused mount, the second finds it still marked. */
static int expire(struct path *p, int flags)
{
	struct mount *m = p->mnt;

	if (flags & (UMOUNT_FORCE | UMOUNT_DETACH) || m == current_thread()->fs->root.mnt)
		return -EINVAL;
	if (ref_read(&m->refs) != 2 || !list_empty(&m->children))
		return -EBUSY;
	if (m->flags & MNT_EXPIRING)
		return 0;
	dput(p->dentry); /* our own use does not count; its tree keeps m */
	mount_put(m);
	*p = (struct path){ 0 };
	spin_lock(&mount_lock);
	m->flags |= MNT_EXPIRING;
	spin_unlock(&mount_lock);
	return -EAGAIN;
}

static int umount_locked(struct path *p, int flags)
{
	struct mount *m = p->mnt;
	struct mnt_ns *ns = m->ns;
	int err;

	if (!is_mount_root(p) || !in_our_ns(m) || m->flags & MNT_LOCKED || m->parent == m)
		return -EINVAL;
	err = flags & UMOUNT_EXPIRE ? expire(p, flags) : 0;
	if (err)
		return err;
	if (!(flags & UMOUNT_DETACH) && (!list_empty(&m->children) || propagate_busy(m)))
		return -EBUSY;
	mount_umount_tree(m);
	mnt_ns_changed(ns);
	return 0;
}

int do_umount(const char *target, int flags)
{
	struct path p;
	int err;

	if (flags & ~(UMOUNT_FORCE | UMOUNT_DETACH | UMOUNT_EXPIRE | UMOUNT_NOFOLLOW))
		return -EINVAL;
	err = path_lookup(AT_FDCWD, target, flags & UMOUNT_NOFOLLOW ? 0 : LOOKUP_FOLLOW, &p);
	if (err)
		return err;
	path_descend(
		&p); /* for "." and "/", on which something may be mounted: after pivot_root(".", ".") */
	mutex_lock(&mount_mutex);
	err = may_mount() ? umount_locked(&p, flags) : -EPERM;
	mount_unlock();
	path_put(&p);
	return err;
}

/* Whoever stood at the old root, in this namespace, stands at the new one. */
static void move_contexts(struct mnt_ns *ns, const struct path *old, const struct path *new)
{
	struct fs_context *fs;
	u64 moved = 0;

	spin_lock(&mount_lock);
	list_for_each(fs, &ns->contexts, ns_link) {
		struct path *place[] = { &fs->root, &fs->cwd };

		spin_lock(&fs->lock);
		for (unsigned int i = 0; i < ARRAY_SIZE(place); i++) {
			if (place[i]->mnt != old->mnt || place[i]->dentry != old->dentry)
				continue;
			*place[i] = *new;
			path_get(new);
			moved++;
		}
		spin_unlock(&fs->lock);
	}
	spin_unlock(&mount_lock);
	while (moved--)
		path_put(old);
}

/* pivot_root(2)'s conditions, in the order Linux tests them. */
static int check_pivot(const struct path *root, const struct path *new, const struct path *old)
{
	/* LAB 06: begin
	 * May the three be exchanged? root is the caller's root, new is to become it, and root's mount goes to
	 * old. In this order (pivot_root(2), ERRORS):
	 * -EINVAL  old's mount, or the parent of new's or root's, has peers (peer_group): others would see it
	 * -EINVAL  root's or new's mount is not of this namespace (in_our_ns()), or new's is MNT_LOCKED
	 * -ENOENT  the folder new was removed (dentry->unhashed)
	 * -EBUSY   new or old is on root's mount itself
	 * -EINVAL  root is not a mount's root (is_mount_root(); a chroot), or has nothing below it (a mount that
	 *          is its own parent: the first rootfs); the same for new
	 * -EINVAL  old is not below new, or new not below root (mount_reachable(mount, dentry, below what))
	 * starter: return old->mnt == root->mnt ? -EBUSY : -EINVAL;
	 */
	struct mount *rm = root->mnt, *nm = new->mnt, *om = old->mnt;

	if (om->peer_group || nm->parent->peer_group || rm->parent->peer_group)
		return -EINVAL;
	if (!in_our_ns(rm) || !in_our_ns(nm) || nm->flags & MNT_LOCKED)
		return -EINVAL;
	if (new->dentry->unhashed)
		return -ENOENT;
	if (nm == rm || om == rm)
		return -EBUSY;
	if (!is_mount_root(root) || rm->parent == rm) /* a chroot; the first rootfs */
		return -EINVAL;
	if (!is_mount_root(new) || nm->parent == nm)
		return -EINVAL;
	if (!mount_reachable(om, old->dentry, new) || !mount_reachable(nm, new->dentry, root))
		return -EINVAL;
	return 0;
	/* LAB 06: end */
}

static void pivot(const struct path *root, const struct path *new, const struct path *old)
{
	/* LAB 06: begin
	 * Exchange: new's mount goes where root's mount is (on `mountpoint` of its parent), and root's mount goes
	 * to old. mount_detach() and mount_attach(mount, parent, mountpoint) do one step each; a mount is attached
	 * in one place at a time. Detaching forgets the place: keep what you need of it, with a reference of your
	 * own to the dentry (dget(), dput()). When root's mount is MNT_LOCKED, that is about the place: new's has it
	 * afterwards. Mind the order when old is new ("." and "."): root's mount is on top then.
	 * starter: (void)root;
	 */
	struct mount *top = root->mnt->parent;
	struct dentry *mp = dget(root->mnt->mountpoint);

	if (root->mnt->flags & MNT_LOCKED) {
		root->mnt->flags &= ~MNT_LOCKED;
		new->mnt->flags |= MNT_LOCKED;
	}
	mount_detach(new->mnt);
	mount_detach(root->mnt);
	mount_attach(root->mnt, old->mnt, old->dentry);
	mount_attach(new->mnt, top, mp);
	dput(mp);
	/* LAB 06: end */
}

int do_pivot_root(const char *new_root, const char *put_old)
{
	struct mnt_ns *ns = current_thread()->fs->ns;
	struct path root, new, old;
	int err;

	err = path_lookup(AT_FDCWD, new_root, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &new);
	if (err)
		return err;
	err = path_lookup(AT_FDCWD, put_old, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &old);
	if (err)
		goto out_new;
	fs_get_root(&root);
	mutex_lock(&mount_mutex);
	err = check_pivot(&root, &new, &old);
	if (!err) {
		pivot(&root, &new, &old);
		mnt_ns_changed(ns);
	}
	mount_unlock();
	if (!err)
		move_contexts(ns, &root, &new);
	path_put(&root);
	path_put(&old);
out_new:
	path_put(&new);
	return err;
}
