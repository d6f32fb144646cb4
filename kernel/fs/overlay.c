/* SPDX-License-Identifier: MIT */
/*
 * overlayfs: layers of directories shown as one (Linux Documentation/filesystems/overlayfs.rst).
 * The top layer that has a name decides; directories of one name merge. What is removed from a
 * lower layer is covered in upper by a whiteout (character device 0:0); a directory that hides all
 * below it is opaque (xattr trusted.overlay.opaque = y). Without upper it is read-only.
 *
 * An overlay inode holds the places its content is in and a copy of the top one's attributes. Locks
 * are taken from the overlay downwards: an overlay directory, then copy_lock, then real directories.
 * The layers' own file systems are asked without permission checks: the overlay checked.
 */
#include "fs/overlay.h"

static struct kmem_cache *inode_cache;

static bool ovl_is_opaque(struct inode *dir)
{
	char v = 0;

	return dir->ops->getxattr && dir->ops->getxattr(dir, OVL_OPAQUE, &v, 1) == 1 && v == 'y';
}

void ovl_sync(struct inode *inode)
{
	const struct inode *real = ovl_real(inode)->dentry->inode;
	bool merged = ovl_inode(inode)->nr_lower > !ovl_upper(inode);

	inode->mode = real->mode;
	inode->uid = real->uid;
	inode->gid = real->gid;
	/* of a directory in several layers nobody counted the subdirectories */
	inode->nlink = S_ISDIR(real->mode) && merged && real->nlink ? 1 : real->nlink;
	inode->size = real->size;
	inode->atime_ns = real->atime_ns;
	inode->mtime_ns = real->mtime_ns;
	inode->ctime_ns = real->ctime_ns;
	inode->btime_ns = real->btime_ns;
}

static int ovl_getattr(struct inode *inode)
{
	ovl_sync(inode);
	return 0;
}

/* Takes over the paths in layers[]; upper first when has_upper. */
static struct inode *inode_make(struct super *sb, struct dentry *d, const struct path *layers,
				unsigned int n, bool has_upper, unsigned int layer)
{
	unsigned int nr_lower = n - has_upper;
	struct path *many = NULL;
	struct inode *real = layers[0].dentry->inode, *i;
	struct ovl_inode *oi;

	if (nr_lower > ARRAY_SIZE(oi->few)) {
		many = kmalloc(nr_lower * sizeof(*many));
		if (!many)
			return NULL;
	}
	i = inode_new(sb, real->mode);
	if (!i) {
		kfree(many);
		return NULL;
	}
	oi = ovl_inode(i);
	LOCKDEP_CLASS_AT(&i->lock, "overlay inode",
			 sb->depth); /* the real ones are locked inside it */
	oi->dentry = d;
	oi->nr_lower = nr_lower;
	oi->lower = many ? many : oi->few;
	memcpy(oi->lower, layers + has_upper, nr_lower * sizeof(struct path));
	if (has_upper)
		oi->upper = layers[0];
	for (unsigned int k = 0; k < n; k++)
		path_get(&layers[k]);
	i->ino = ovl_ino(sb, layer, real->ino);
	i->rdev = real->rdev;
	ovl_sync(i);
	i->ops = S_ISDIR(i->mode) ? &ovl_dir_iops : &ovl_file_iops;
	i->fops = S_ISDIR(i->mode) ? &ovl_dir_fops : &ovl_file_fops;
	return i;
}

struct inode *ovl_inode_of_upper(struct inode *dir, struct dentry *d, struct dentry *real)
{
	struct path p = { ovl_super(dir->sb)->upper.mnt, real };
	struct inode *i = inode_make(dir->sb, d, &p, 1, true, 0);

	return i ? i : ERR_PTR(-ENOMEM);
}

static void ovl_evict(struct inode *inode)
{
	struct ovl_inode *oi = ovl_inode(inode);

	if (oi->upper.dentry)
		path_put(&oi->upper);
	for (unsigned int k = 0; k < oi->nr_lower; k++)
		path_put(&oi->lower[k]);
	if (oi->lower != oi->few)
		kfree(oi->lower);
}

/* What lookup has found so far. */
struct find {
	unsigned int n, layer; /* layer: of the topmost find */
	bool has_upper, done;
	struct path layers[OVL_MAX_LAYERS + 1]; /* n of them are set */
};

/* Asks one layer's directory for name. */
static int find_in(struct find *f, const struct path *dir, unsigned int layer, const char *name,
		   size_t len)
{
	struct dentry *d = lookup_one(dir->dentry, name, len);
	struct inode *i;

	if (IS_ERR(d))
		return PTR_ERR(d) == -ENOENT ? 0 : PTR_ERR(d);
	i = d->inode;
	if (!i) {
		dput(d);
		return 0;
	}
	/* LAB 06: begin
	 * d is what this layer has of the name, i its inode; f is what the layers above have had: f->n finds,
	 * topmost first, in f->layers (a path each, which keeps the reference d), f->layer the number of the
	 * first one's layer. f->done ends the search. Three rules:
	 * 1. A whiteout (ovl_is_whiteout()) says that there is nothing, here and below. It is no find.
	 * 2. The topmost find counts. Only directories merge: below a directory a file counts for nothing, and
	 *    neither does what is below that; below a file nothing is asked.
	 * 3. Below an opaque directory (ovl_is_opaque()) nothing is asked either.
	 * What is not a find is given back with dput().
	 * starter: (void)ovl_is_opaque;
	 * starter: f->layer = layer;
	 * starter: f->layers[0].mnt = dir->mnt;
	 * starter: f->layers[0].dentry = d;
	 * starter: f->n = 1;
	 * starter: f->done = true;
	 * starter: return 0;
	 */
	if (ovl_is_whiteout(i) || (f->n && !S_ISDIR(i->mode))) {
		f->done =
			true; /* nothing below counts, and a file does not merge with a directory */
		dput(d);
		return 0;
	}
	if (!f->n)
		f->layer = layer;
	f->layers[f->n].mnt = dir->mnt;
	f->layers[f->n++].dentry = d;
	f->done = !S_ISDIR(i->mode) || ovl_is_opaque(i);
	return 0;
	/* LAB 06: end */
}

static int ovl_lookup(struct inode *dir, struct dentry *d)
{
	struct ovl_inode *oi = ovl_inode(dir);
	struct inode *i = NULL;
	struct find f;
	int err = 0;

	f.n = f.layer = 0;
	f.has_upper = f.done = false;
	if (ovl_upper(dir)) {
		err = find_in(&f, &oi->upper, 0, d->name, d->name_len);
		f.has_upper = f.n;
	}
	for (unsigned int k = 0; !err && !f.done && k < oi->nr_lower; k++)
		err = find_in(&f, &oi->lower[k], k + 1, d->name, d->name_len);
	if (!err && f.n) {
		i = inode_make(dir->sb, d, f.layers, f.n, f.has_upper, f.layer);
		if (!i)
			err = -ENOMEM;
	}
	while (f.n)
		dput(f.layers[--f.n].dentry);
	if (i)
		d_set_inode(d, i);
	return err;
}

bool ovl_lower_has(struct inode *dir, const char *name, size_t len)
{
	struct ovl_inode *oi = ovl_inode(dir);

	for (unsigned int k = 0; k < oi->nr_lower; k++) {
		struct dentry *d = lookup_one(oi->lower[k].dentry, name, len);
		bool there, covered;

		if (IS_ERR(d))
			continue;
		covered = ovl_is_whiteout(d->inode);
		there = d->inode && !covered;
		dput(d);
		if (there || covered)
			return there;
	}
	return false;
}

static int ovl_readlink(struct inode *inode, char *buf, size_t size)
{
	struct inode *real = ovl_real(inode)->dentry->inode;

	return real->ops->readlink ? real->ops->readlink(real, buf, size) : -EINVAL;
}

static ssize_t ovl_getxattr(struct inode *inode, const char *name, void *value, size_t size)
{
	struct inode *real = ovl_real(inode)->dentry->inode;

	if (!strncmp(name, OVL_PREFIX, strlen(OVL_PREFIX)) || !real->ops->getxattr)
		return -EOPNOTSUPP;
	return real->ops->getxattr(real, name, value, size);
}

static ssize_t ovl_listxattr(struct inode *inode, char *list, size_t size)
{
	struct inode *real = ovl_real(inode)->dentry->inode;
	ssize_t n = real->ops->listxattr ? real->ops->listxattr(real, list, size) : 0;
	size_t kept = 0, len;

	if (n <= 0 || !list)
		return n;
	for (ssize_t at = 0; at < n; at += len) {
		len = strlen(list + at) + 1;
		if (!strncmp(list + at, OVL_PREFIX, strlen(OVL_PREFIX)))
			continue;
		memmove(list + kept, list + at, len);
		kept += len;
	}
	return kept;
}

#define OVL_ATTR_OPS                                                                               \
	.getattr = ovl_getattr, .setattr = ovl_setattr, .getxattr = ovl_getxattr,                  \
	.setxattr = ovl_setxattr, .listxattr = ovl_listxattr
const struct inode_ops ovl_dir_iops = {
	.lookup = ovl_lookup,
	.create = ovl_create,
	.mkdir = ovl_create,
	.mknod = ovl_mknod,
	.symlink = ovl_symlink,
	.tmpfile = ovl_tmpfile,
	.link = ovl_link,
	.unlink = ovl_unlink,
	.rename = ovl_rename,
	OVL_ATTR_OPS,
};
const struct inode_ops ovl_file_iops = { .readlink = ovl_readlink, OVL_ATTR_OPS };

/* ---- instances ---- */

static void ovl_put_super(struct super *sb)
{
	struct ovl_super *os = ovl_super(sb);

	if (!os)
		return;
	if (os->upper.dentry)
		path_put(&os->upper);
	if (os->work.dentry)
		path_put(&os->work);
	for (unsigned int k = 0; k < os->nr_lower; k++)
		path_put(&os->lower[k]);
	kfree(os->options);
	kfree(os);
}

static int ovl_statfs(struct super *sb, struct statfs *st)
{
	struct ovl_super *os = ovl_super(sb);
	struct super *real = (os->upper.dentry ? &os->upper : &os->lower[0])->mnt->sb;

	return real->ops && real->ops->statfs ? real->ops->statfs(real, st) : 0;
}

static void ovl_show_options(struct super *sb, struct strbuf *out)
{
	sb_printf(out, ",%s", ovl_super(sb)->options);
}

static const struct super_ops ovl_super_ops = {
	.evict = ovl_evict,
	.put_super = ovl_put_super,
	.statfs = ovl_statfs,
	.show_options = ovl_show_options,
};

static int add_layer(struct super *sb, const char *name, struct path *to)
{
	int err = path_lookup(AT_FDCWD, name, LOOKUP_FOLLOW, to);

	if (!err && !S_ISDIR(to->dentry->inode->mode)) {
		path_put(to);
		err = -EINVAL;
	}
	if (err) {
		to->dentry = NULL;
		pr_err("overlay: %s: error %d", name, err);
		return err;
	}
	if (to->mnt->sb->depth >= SUPER_MAX_DEPTH) {
		pr_err("overlay: %s: too many file systems below each other", name);
		return -EINVAL;
	}
	sb->depth = max(sb->depth, to->mnt->sb->depth + 1);
	return 0;
}

/* "top:next:bottom"; a backslash keeps a colon in a name. */
static int add_lowers(struct super *sb, char *list)
{
	struct ovl_super *os = ovl_super(sb);
	char *name = list, *to = list;
	int err = 0;

	for (char *s = list; !err; s++) {
		if (*s == '\\' && s[1]) {
			*to++ = *++s;
		} else if (*s && *s != ':') {
			*to++ = *s;
		} else {
			bool end = !*s;

			*to = '\0';
			if (os->nr_lower == OVL_MAX_LAYERS)
				return -EINVAL;
			err = add_layer(sb, name, &os->lower[os->nr_lower]);
			if (!err)
				os->nr_lower++;
			if (end)
				break;
			name = to = s + 1;
		}
	}
	return err;
}

/* The directory "work" in workdir, made when it is not there: what is copied up is made in it first. */
static int add_work(struct super *sb, const char *name)
{
	struct ovl_super *os = ovl_super(sb);
	struct path dir;
	struct dentry *d;
	int err = add_layer(sb, name, &dir);

	if (err)
		return err;
	mutex_lock(&dir.dentry->inode->lock);
	d = d_lookup(dir.dentry, "work", 4);
	err = IS_ERR(d) ? PTR_ERR(d) : 0;
	if (!err && !d->inode)
		err = dir.dentry->inode->ops->mkdir
			      ? dir.dentry->inode->ops->mkdir(dir.dentry->inode, d, S_IFDIR | 0700)
			      : -EROFS;
	mutex_unlock(&dir.dentry->inode->lock);
	if (!err && !S_ISDIR(d->inode->mode))
		err = -EINVAL;
	if (err) {
		if (!IS_ERR(d))
			dput(d);
		path_put(&dir);
		return err;
	}
	dput(dir.dentry);
	os->work.mnt = dir.mnt;
	os->work.dentry = d;
	return 0;
}

/* A feature that is not there, and is asked to be off. */
static bool is_off(const char *name, const char *value)
{
	static const char *const features[] = { "redirect_dir", "index", "metacopy", "xino",
						"nfs_export" };

	for (unsigned int i = 0; i < ARRAY_SIZE(features); i++)
		if (!strcmp(name, features[i]))
			return value && !strcmp(value, "off");
	return false;
}

static char *append(char *to, char before, const char *text)
{
	if (before)
		*to++ = before;
	while ((*to = *text++))
		to++;
	return to;
}

static int parse(struct super *sb, const char *data)
{
	struct ovl_super *os = ovl_super(sb);
	char *text = kstrdup(data), *at = text, *name, *value, *end;
	int err = 0;

	end = os->options = kzalloc(strlen(data) + 1);
	if (!text || !end)
		err = -ENOMEM;
	while (!err && (name = fs_next_option(&at, &value))) {
		if (is_off(name, value))
			continue;
		end = append(end, end > os->options ? ',' : 0, name);
		if (value)
			end = append(end, '=', value);
		if (!value && !strcmp(name, "volatile")) /* upper is in memory: nothing is synced */
			continue;
		if (value && !strcmp(name, "lowerdir") && !os->nr_lower)
			err = add_lowers(sb, value);
		else if (value && !strcmp(name, "upperdir") && !os->upper.dentry)
			err = add_layer(sb, value, &os->upper);
		else if (value && !strcmp(name, "workdir") && !os->work.dentry)
			err = add_work(sb, value);
		else
			err = -EINVAL;
	}
	kfree(text);
	return err;
}

static int check_layers(struct super *sb)
{
	struct ovl_super *os = ovl_super(sb);

	if (!os->nr_lower)
		return -EINVAL;
	os->one_fs = true;
	for (unsigned int k = 0; k < os->nr_lower; k++)
		if (os->lower[k].mnt->sb != (os->upper.dentry ? &os->upper : os->lower)->mnt->sb)
			os->one_fs = false;
	if (!os->upper.dentry) {
		sb->flags |= MS_RDONLY;
		sb->read_only = true;
		return os->nr_lower < 2 ? -EINVAL : 0; /* as Linux: nothing to overlay */
	}
	if (!os->work.dentry || os->work.mnt != os->upper.mnt)
		return -EINVAL;
	if (d_is_ancestor(os->upper.dentry, os->work.dentry) ||
	    d_is_ancestor(os->work.dentry, os->upper.dentry))
		return -EINVAL;
	return mnt_want_write(&os->upper);
}

static int ovl_fill(struct super *sb, const char *source, unsigned long flags, const char *data)
{
	struct ovl_super *os;
	struct path *layers;
	struct inode *root = NULL;
	int err;

	if (!data)
		return -EINVAL;
	os = kzalloc(sizeof(*os));
	if (!os)
		return -ENOMEM;
	sb->inode_cache = inode_cache;
	mutex_init(&os->copy_lock);
	sb->priv = os;
	sb->ops = &ovl_super_ops;
	sb->magic = OVERLAYFS_SUPER_MAGIC;
	err = parse(sb, data);
	if (!err)
		err = check_layers(sb);
	if (err)
		return err;
	layers = kmalloc((os->nr_lower + 1) * sizeof(*layers));
	if (layers) {
		bool up = os->upper.dentry;

		layers[0] = os->upper;
		memcpy(layers + up, os->lower, os->nr_lower * sizeof(*layers));
		root = inode_make(sb, NULL, layers, os->nr_lower + up, up, !up);
		kfree(layers);
	}
	if (!root)
		return -ENOMEM;
	return sb_set_root(sb, root);
}

static struct fs_type overlay_type = {
	.name = "overlay",
	.nodev = true,
	.reclaim = true,
	.userns_mount = true,
	.fill = ovl_fill,
};

void overlay_init(void)
{
	inode_cache = kmem_cache_create("overlay_inode", sizeof(struct ovl_inode), false);
	fs_register(&overlay_type);
}
