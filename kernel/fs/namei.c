/* SPDX-License-Identifier: MIT */
/*
 * From names to places (path_resolution(7)). A struct walk holds where we are and the text still to
 * go; a symlink's target is put in front of the rest of the text in one new buffer, so that nothing
 * here recurses. The walk never leaves w->root upwards, and with LOOKUP_BENEATH or LOOKUP_IN_ROOT
 * (openat2(2)) never w->start.
 *
 * Names that are cached cost no directory lock. Read next: vfs.c, mount.c.
 */
#include "fs/internal.h"

int fs_protected_symlinks, fs_protected_hardlinks;

void path_get(const struct path *p)
{
	mount_get(p->mnt);
	dget(p->dentry);
}

void path_put(const struct path *p)
{
	dput(p->dentry);
	mount_put(p->mnt);
}

/* ---- where a thread stands ---- */

struct fs_context *fs_context_copy(struct fs_context *old)
{
	struct fs_context *fs = kzalloc(sizeof(*fs));

	if (!fs)
		return NULL;
	ref_init(&fs->refs);
	spin_init(&fs->lock);
	spin_lock(&old->lock);
	fs->root = old->root;
	fs->cwd = old->cwd;
	path_get(&fs->root);
	path_get(&fs->cwd);
	fs->umask = old->umask;
	fs->ns = old->ns;
	ns_get(&fs->ns->ns);
	spin_unlock(&old->lock);
	spin_lock(&mount_lock);
	list_add(&fs->ns_link, &fs->ns->contexts);
	spin_unlock(&mount_lock);
	return fs;
}

void fs_context_put(struct fs_context *fs)
{
	if (!fs || !ref_put(&fs->refs))
		return;
	spin_lock(&mount_lock);
	list_del(&fs->ns_link);
	spin_unlock(&mount_lock);
	path_put(&fs->root);
	path_put(&fs->cwd);
	ns_put(&fs->ns->ns);
	kfree(fs);
}

static void get_place(struct path *out, bool root)
{
	struct fs_context *fs = current_thread()->fs;

	spin_lock(&fs->lock);
	*out = root ? fs->root : fs->cwd;
	path_get(out);
	spin_unlock(&fs->lock);
}

static void set_place(const struct path *p, bool root)
{
	struct fs_context *fs = current_thread()->fs;
	struct path *place = root ? &fs->root : &fs->cwd, old;

	path_get(p);
	spin_lock(&fs->lock);
	old = *place;
	*place = *p;
	spin_unlock(&fs->lock);
	path_put(&old);
}

void fs_get_root(struct path *out)
{
	get_place(out, true);
}

void fs_get_cwd(struct path *out)
{
	get_place(out, false);
}

void fs_set_root(const struct path *p)
{
	set_place(p, true);
}

void fs_set_cwd(const struct path *p)
{
	set_place(p, false);
}

/* ---- steps ---- */

static bool same_place(const struct path *a, const struct path *b)
{
	return a->mnt == b->mnt && a->dentry == b->dentry;
}

/* p's references become those of (mnt, dentry), which are already taken. */
static void path_move(struct path *p, struct mount *mnt, struct dentry *dentry)
{
	struct path old = *p;

	p->mnt = mnt;
	p->dentry = dentry;
	path_put(&old);
}

void path_descend(struct path *p)
{
	while (READ_ONCE(p->dentry->nr_mounts)) {
		struct mount *m;

		spin_lock(&mount_lock);
		m = mount_find(p->mnt, p->dentry);
		if (m)
			mount_get(m);
		spin_unlock(&mount_lock);
		if (!m)
			return;
		path_move(p, m, dget(m->root));
	}
}

/* One step up from a mount's root: the place it covers, or false at the top of the tree. */
static bool mount_up(struct path *p)
{
	struct mount *parent = NULL;
	struct dentry *mp = NULL;

	spin_lock(&mount_lock);
	if (p->mnt->parent != p->mnt) {
		parent = p->mnt->parent;
		mp = dget(p->mnt->mountpoint);
		mount_get(parent);
	}
	spin_unlock(&mount_lock);
	if (!parent)
		return false;
	path_move(p, parent, mp);
	return true;
}

/* Where absolute names begin: asked for when it is needed only, which is rare. */
static const struct path *walk_root(struct walk *w)
{
	if (!w->root.dentry)
		fs_get_root(&w->root);
	return &w->root;
}

static int walk_cross(struct walk *w, struct path *p)
{
	struct mount *before = p->mnt;

	path_descend(p);
	return p->mnt != before && w->flags & LOOKUP_NO_XDEV ? -EXDEV : 0;
}

/*
 * What a scoped walk came through may have been moved out of the scope: then it would meet w->start
 * no more on its way up. -EAGAIN, as openat2(2) has it, when anything moved since the walk began.
 */
static int walk_unmoved(const struct walk *w)
{
	return w->flags & LOOKUP_SCOPED && __atomic_load_n(&d_moves, __ATOMIC_ACQUIRE) != w->moves
		       ? -EAGAIN
		       : 0;
}

static int walk_dotdot(struct walk *w)
{
	struct dentry *d;

	if (w->flags & LOOKUP_SCOPED && same_place(&w->path, &w->start))
		return w->flags & LOOKUP_BENEATH ? -EXDEV : 0;
	for (;;) {
		if (same_place(&w->path, walk_root(w)))
			return 0;
		d = w->path.dentry;
		if (d != w->path.mnt->root) {
			w->path.dentry = d_parent(d);
			dput(d);
			break;
		}
		if (w->flags & LOOKUP_NO_XDEV)
			return w->path.mnt->parent == w->path.mnt ? 0 : -EXDEV;
		if (!mount_up(&w->path))
			break; /* the first root: what lies over it is crossed into again */
	}
	return walk_unmoved(w) ?: walk_cross(w, &w->path);
}

/* The walk goes on at the root that absolute names have. */
static int walk_to_root(struct walk *w)
{
	const struct path *to = w->flags & LOOKUP_IN_ROOT ? &w->start : walk_root(w);

	if (w->flags & LOOKUP_BENEATH)
		return -EXDEV;
	if (w->flags & LOOKUP_NO_XDEV && to->mnt != w->path.mnt)
		return -EXDEV;
	path_get(to);
	path_move(&w->path, to->mnt, to->dentry);
	return 0;
}

/* target/rest becomes the text to go; both may be ours. */
static int walk_text(struct walk *w, const char *target, size_t len)
{
	size_t rest = strlen(w->rest);
	char *text = kmalloc(len + rest + 2);

	if (!text)
		return -ENOMEM;
	memcpy(text, target, len);
	text[len] = '/';
	memcpy(text + len + 1, w->rest, rest + 1);
	if (!rest && !w->trailing)
		text[len] = '\0';
	kfree(w->own);
	w->own = text;
	w->rest = text;
	return 0;
}

/* A link without text: /proc/N/cwd, fd ... The place itself is taken. */
static int walk_magic(struct walk *w, struct inode *inode)
{
	struct path to;
	int err;

	if (w->flags & LOOKUP_NO_MAGICLINKS)
		return -ELOOP;
	if (w->flags & LOOKUP_SCOPED)
		return -EXDEV;
	err = inode->ops->follow(inode, &to);
	if (err)
		return err;
	if (w->flags & LOOKUP_NO_XDEV && to.mnt != w->path.mnt) {
		path_put(&to);
		return -EXDEV;
	}
	path_move(&w->path, to.mnt, to.dentry);
	return 0;
}

/*
 * In a sticky directory that all may write, a link at the end of a name is followed by its
 * owner only, unless it is the directory's owner's (proc(5), protected_symlinks).
 */
static bool may_follow(const struct inode *dir, const struct inode *link)
{
	const struct cred *c = current_thread()->cred;

	return !fs_protected_symlinks || !c || c->fsuid == link->uid || link->uid == dir->uid ||
	       (dir->mode & (S_ISVTX | S_IWOTH)) != (S_ISVTX | S_IWOTH);
}

int walk_link(struct walk *w, struct dentry *d)
{
	struct inode *inode = d->inode;
	char *buf;
	int n;

	if (w->flags & LOOKUP_NO_SYMLINKS || w->path.mnt->flags & MNT_NOSYMFOLLOW ||
	    ++w->links > LINK_MAX_DEPTH)
		return -ELOOP;
	if (!*w->rest && !may_follow(w->path.dentry->inode, inode))
		return -EACCES;
	if (inode->ops && inode->ops->follow)
		return walk_magic(w, inode);
	if (!inode->ops || !inode->ops->readlink)
		return -EINVAL;
	buf = kmalloc(PATH_MAX);
	if (!buf)
		return -ENOMEM;
	n = inode->ops->readlink(inode, buf, PATH_MAX);
	if (n == 0)
		n = -ENOENT;
	if (n > 0) {
		int err = buf[0] == '/' ? walk_to_root(w) : 0;

		n = err ? err : walk_text(w, buf, n);
	}
	kfree(buf);
	return n;
}

/* Takes the next component off the text: its length, 0 at the end. */
static size_t walk_next(struct walk *w, const char **name)
{
	const char *s = w->rest;
	u32 hash = NAME_HASH_START;
	size_t n;

	while (*s == '/')
		s++;
	for (*name = s; *s && *s != '/'; s++)
		hash = name_hash_add(hash, *s);
	w->hash = hash;
	n = s - *name;
	if (n) /* at the end, what was said of the last component still holds */
		w->trailing = *s == '/';
	while (*s == '/')
		s++;
	w->rest = s;
	return n;
}

bool is_dots(const char *name, size_t n)
{
	return !n || (n == 1 && name[0] == '.') || (n == 2 && name[0] == '.' && name[1] == '.');
}

/* One component, not dots: to its place, through a link when it is to be followed. */
static int walk_step(struct walk *w, const char *name, size_t n)
{
	bool end = !*w->rest;
	struct path next;
	struct dentry *d;
	int err;

	d = lookup_hashed(w->path.dentry, name, n, w->hash, w->flags);
	if (IS_ERR(d))
		return PTR_ERR(d);
	if (!d->inode) {
		dput(d);
		return -ENOENT;
	}
	if (S_ISLNK(d->inode->mode) && (!end || w->trailing || w->flags & LOOKUP_FOLLOW)) {
		err = walk_link(w, d);
		dput(d);
		return err;
	}
	next.mnt = w->path.mnt;
	next.dentry = d;
	if (unlikely(READ_ONCE(d->nr_mounts))) {
		mount_get(next.mnt);
		err = walk_cross(w, &next);
		path_move(&w->path, next.mnt, next.dentry);
		return err;
	}
	dput(w->path.dentry);
	w->path.dentry = d;
	return 0;
}

int walk_run(struct walk *w)
{
	const char *name;
	size_t n;
	int err;

	for (;;) {
		struct inode *dir = w->path.dentry->inode;

		n = walk_next(w, &name);
		if (!n)
			break;
		if (!S_ISDIR(dir->mode))
			return -ENOTDIR;
		err = inode_permission(dir, MAY_EXEC);
		if (err)
			return err;
		if (n > NAME_MAX)
			return -ENAMETOOLONG;
		if (w->flags & LOOKUP_PARENT && !*w->rest) {
			w->last = name;
			w->last_len = n;
			return 0;
		}
		if (is_dots(name, n))
			err = n == 2 ? walk_dotdot(w) : 0;
		else
			err = walk_step(w, name, n);
		if (err)
			return err;
	}
	w->last = "";
	w->last_len = 0;
	if ((w->flags & LOOKUP_DIRECTORY || w->trailing) && !S_ISDIR(w->path.dentry->inode->mode))
		return -ENOTDIR;
	return 0;
}

static int walk_start(struct walk *w, int dirfd)
{
	struct file *f;

	if (dirfd == AT_FDCWD) {
		fs_get_cwd(&w->path);
		return 0;
	}
	f = fd_get_path(dirfd);
	if (!f)
		return -EBADF;
	w->path = f->path;
	path_get(&w->path);
	file_put(f);
	return 0;
}

int walk_begin(struct walk *w, int dirfd, const char *name, unsigned int flags)
{
	int err;

	memset(w, 0, sizeof(*w));
	w->flags = flags;
	w->rest = name;
	w->moves = __atomic_load_n(&d_moves, __ATOMIC_ACQUIRE);
	if (!*name && !(flags & LOOKUP_EMPTY))
		return -ENOENT;
	if (*name == '/' && !(flags & LOOKUP_IN_ROOT)) {
		if (flags & LOOKUP_BENEATH)
			return -EXDEV;
		fs_get_root(&w->path);
	} else {
		err = walk_start(w, dirfd);
		if (err)
			return err;
	}
	if (*name && !S_ISDIR(w->path.dentry->inode->mode)) {
		path_put(&w->path);
		return -ENOTDIR;
	}
	if (flags & (LOOKUP_BENEATH | LOOKUP_IN_ROOT)) {
		w->start = w->path;
		path_get(&w->start);
	}
	return 0;
}

/* All but the place it came to. */
static void walk_drop(struct walk *w)
{
	kfree(w->own);
	if (w->root.dentry)
		path_put(&w->root);
	if (w->start.dentry)
		path_put(&w->start);
}

void walk_end(struct walk *w)
{
	walk_drop(w);
	path_put(&w->path);
}

int path_lookup(int dirfd, const char *name, unsigned int flags, struct path *out)
{
	struct walk w;
	int err = walk_begin(&w, dirfd, name, flags & ~LOOKUP_PARENT);

	if (err)
		return err;
	err = walk_run(&w);
	if (err) {
		walk_end(&w);
		return err;
	}
	*out = w.path; /* its references move */
	walk_drop(&w);
	return 0;
}

int path_lookup_parent(int dirfd, const char *name, unsigned int flags, struct path *parent,
		       struct dentry **d)
{
	struct walk w;
	int err = walk_begin(&w, dirfd, name, flags | LOOKUP_PARENT);

	if (err)
		return err;
	err = walk_run(&w);
	if (!err && is_dots(w.last, w.last_len))
		err = -EEXIST;
	if (err)
		goto out;
	mutex_lock(&w.path.dentry->inode->lock);
	*d = d_lookup_hashed(w.path.dentry, w.last, w.last_len, w.hash);
	if (IS_ERR(*d)) {
		err = PTR_ERR(*d);
	} else if ((*d)->inode && flags & LOOKUP_CREATE) {
		err = -EEXIST;
	} else if (w.trailing && (*d)->inode && !S_ISDIR((*d)->inode->mode)) {
		err = -ENOTDIR;
	} else if (w.trailing && !(*d)->inode && !(flags & LOOKUP_DIRECTORY)) {
		err = -ENOENT; /* only a directory may be made by a name with a slash behind */
	}
	if (err) {
		mutex_unlock(&w.path.dentry->inode->lock);
		if (!IS_ERR(*d))
			dput(*d);
		goto out;
	}
	*parent = w.path;
	path_get(parent);
out:
	walk_end(&w);
	return err;
}

void path_unlock_parent(struct path *parent, struct dentry *d)
{
	mutex_unlock(&parent->dentry->inode->lock);
	dput(d);
	path_put(parent);
}

/* ---- and back: the name of a place ---- */

static bool prepend(char **at, char *buf, const char *s, size_t n)
{
	if ((size_t)(*at - buf) < n)
		return false;
	*at -= n;
	memcpy(*at, s, n);
	return true;
}

/* Names of files that are in no directory: "pipe:[17]", "anon_inode:[eventfd]", "/memfd:x (deleted)" */
static char *anon_name(const struct dentry *d, char *buf, size_t size)
{
	int n;

	if (d->name[0] == '[')
		n = snprintf(buf, size, "anon_inode:%s", d->name);
	else if (d->name[0] == '/')
		n = snprintf(buf, size, "%s (deleted)", d->name);
	else
		n = snprintf(buf, size, "%s:[%llu]", d->name, (unsigned long long)d->inode->ino);
	return n < size ? buf : ERR_PTR(-ENAMETOOLONG);
}

/* reached: whether the way up came to root, not to the top of another tree. */
static char *walk_up(const struct path *p, const struct path *root, char *buf, size_t size,
		     bool *reached)
{
	struct mount *mnt = p->mnt;
	struct dentry *d = p->dentry;
	char *at = buf + size;
	bool ok;

	*reached = false;
	ok = prepend(&at, buf, "", 1);
	spin_lock(&d_tree_lock);
	spin_lock(&mount_lock);
	if (d->unhashed && d->parent != d)
		ok = ok && prepend(&at, buf, " (deleted)", 10);
	while (ok) {
		if (mnt == root->mnt && d == root->dentry) {
			*reached = true;
			break;
		}
		if (d == mnt->root) {
			if (mnt->parent == mnt)
				break;
			d = mnt->mountpoint;
			mnt = mnt->parent;
			continue;
		}
		if (d->parent == d)
			break;
		ok = prepend(&at, buf, d->name, d->name_len) && prepend(&at, buf, "/", 1);
		d = d->parent;
	}
	spin_unlock(&mount_lock);
	spin_unlock(&d_tree_lock);
	if (ok && (!*at || *at == ' '))
		ok = prepend(&at, buf, "/", 1);
	return ok ? at : ERR_PTR(-ENAMETOOLONG);
}

char *path_name(const struct path *p, const struct path *root, char *buf, size_t size)
{
	bool reached;

	if (p->dentry->parent == p->dentry && p->dentry != p->dentry->sb->root)
		return anon_name(p->dentry, buf, size);
	return walk_up(p, root, buf, size, &reached);
}

char *path_name_marked(const struct path *p, const struct path *root, char *buf, size_t size)
{
	bool reached;
	char *at = walk_up(p, root, buf, size, &reached);

	if (!IS_ERR(at) && !reached && !prepend(&at, buf, "(unreachable)", 13))
		return ERR_PTR(-ENAMETOOLONG);
	return at;
}

char *dentry_name(struct dentry *d, char *buf, size_t size)
{
	char *at = buf + size;
	bool ok = prepend(&at, buf, "", 1);

	spin_lock(&d_tree_lock);
	if (d->parent == d)
		ok = ok && prepend(&at, buf, "/", 1);
	for (; ok && d->parent != d; d = d->parent)
		ok = prepend(&at, buf, d->name, d->name_len) && prepend(&at, buf, "/", 1);
	spin_unlock(&d_tree_lock);
	return ok ? at : ERR_PTR(-ENAMETOOLONG);
}
