/* SPDX-License-Identifier: MIT */
/*
 * Instances of tmpfs: its mount options (tmpfs(5): size, nr_blocks, nr_inodes, mode, uid, gid), and
 * the types that are a tmpfs under another name: rootfs, the first of all, and devtmpfs, whose one
 * instance holds the nodes of the registered devices.
 */
#include "fs/tmpfs.h"

/* "64M", "10%": in units of one; % of all memory's pages when percent is allowed. */
static int parse_size(char *text, bool percent, u64 *out)
{
	static const char units[] = "kmgt";
	size_t n = strlen(text);
	u64 scale = 1;
	struct mem_stats st;
	char last;
	int err;

	if (!n)
		return -EINVAL;
	last = text[n - 1];
	if (percent && last == '%') {
		text[n - 1] = '\0';
		err = parse_u64(text, 10, out);
		mem_stats(&st);
		if (!err && *out <= 100)
			*out = st.total * *out / 100 * PAGE_SIZE;
		return err;
	}
	for (unsigned int i = 0; units[i]; i++)
		if ((last | 0x20) == units[i])
			scale = 1UL << (10 * (i + 1));
	if (scale > 1)
		text[n - 1] = '\0';
	err = parse_u64(text, 0, out);
	if (!err && *out > (~0UL >> 1) / scale)
		err = -EINVAL;
	*out *= scale;
	return err;
}

static int set_option(struct tmpfs_super *ts, const char *name, char *value)
{
	u64 v;
	int err;

	if (!value)
		return -EINVAL;
	if (!strcmp(name, "size")) {
		err = parse_size(value, true, &v);
		ts->max_pages = DIV_ROUND_UP(v, PAGE_SIZE);
		ts->size_given = true;
		return err;
	}
	if (!strcmp(name, "nr_blocks") || !strcmp(name, "nr_inodes")) {
		err = parse_size(value, false, &v);
		*(name[3] == 'b' ? &ts->max_pages : &ts->max_inodes) = v;
		return err;
	}
	err = parse_u64(value, !strcmp(name, "mode") ? 8 : 10, &v);
	if (err)
		return -EINVAL;
	if (!strcmp(name, "mode"))
		ts->mode = v & 07777;
	else if (!strcmp(name, "uid"))
		ts->uid = v;
	else if (!strcmp(name, "gid"))
		ts->gid = v;
	else
		return -EINVAL;
	return 0;
}

static int parse_options(struct tmpfs_super *ts, const char *data)
{
	char *text, *at, *name, *value;
	int err = 0;

	if (!data || !*data)
		return 0;
	text = kstrdup(data);
	if (!text)
		return -ENOMEM;
	at = text;
	while (!err && (name = fs_next_option(&at, &value)))
		err = set_option(ts, name, value);
	kfree(text);
	return err;
}

static int fill(struct super *sb, const struct tmpfs_super *like)
{
	static struct kmem_cache *inode_cache;
	struct tmpfs_super *ts = kmemdup(like, sizeof(*like));
	struct inode *root;

	if (!ts)
		return -ENOMEM;
	if (!inode_cache)
		inode_cache = kmem_cache_create("tmpfs_inode", sizeof(struct tmpfs_inode), false);
	sb->inode_cache = inode_cache;
	sb->priv = ts;
	sb->ops = &tmpfs_super_ops;
	sb->magic = TMPFS_MAGIC;
	sb->pins_names = true;
	sb->uncached =
		true; /* what exists is pinned; that a name does not is as quickly found again */
	root = tmpfs_inode(sb, NULL, S_IFDIR | ts->mode, 0);
	if (IS_ERR(root))
		return PTR_ERR(root);
	if (ts->uid != (uid_t)-1)
		root->uid = ts->uid;
	if (ts->gid != (gid_t)-1)
		root->gid = ts->gid;
	return sb_set_root(sb, root);
}

int tmpfs_fill_plain(struct super *sb, mode_t mode, bool fixed)
{
	struct tmpfs_super ts = { .mode = mode, .uid = -1, .gid = -1, .fixed = fixed };

	return fill(sb, &ts);
}

static int tmpfs_fill(struct super *sb, const char *source, unsigned long flags, const char *data)
{
	struct tmpfs_super ts = { .mode = 01777, .uid = -1, .gid = -1 };
	struct mem_stats st;
	int err;

	mem_stats(&st);
	ts.max_pages = ts.max_inodes = st.total / 2;
	err = parse_options(&ts, data);
	return err ? err : fill(sb, &ts);
}

/* ramfs: of its options only the mode counts, the others are ignored; Dyad's has tmpfs's limits. */
static int ramfs_fill(struct super *sb, const char *source, unsigned long flags, const char *data)
{
	const char *mode = data ? strstr(data, "mode=") : NULL;
	int err = tmpfs_fill(sb, source, flags, mode ? mode : "mode=755");

	sb->magic = RAMFS_MAGIC;
	return err;
}

static int rootfs_fill(struct super *sb, const char *source, unsigned long flags, const char *data)
{
	return tmpfs_fill_plain(sb, 0755, false);
}

void tmpfs_put_super(struct super *sb)
{
	kfree(sb->priv);
}

int tmpfs_statfs(struct super *sb, struct statfs *st)
{
	struct tmpfs_super *ts = sb->priv;

	st->f_blocks = ts->max_pages;
	if (ts->max_pages > ts->pages)
		st->f_bfree = st->f_bavail = ts->max_pages - ts->pages;
	st->f_files = ts->max_inodes;
	if (ts->max_inodes > ts->inodes)
		st->f_ffree = ts->max_inodes - ts->inodes;
	return 0;
}

int tmpfs_remount(struct super *sb, const char *data)
{
	struct tmpfs_super *ts = sb->priv, new = *ts;
	int err = parse_options(&new, data);

	if (err)
		return err;
	if ((new.max_pages &&new.max_pages < ts->pages) ||
	    (new.max_inodes &&new.max_inodes < ts->inodes))
		return -EINVAL;
	ts->max_pages = new.max_pages;
	ts->max_inodes = new.max_inodes;
	ts->size_given = new.size_given;
	return 0;
}

void tmpfs_show_options(struct super *sb, struct strbuf *out)
{
	struct tmpfs_super *ts = sb->priv;

	if (ts->size_given)
		sb_printf(out, ",size=%lluk",
			  (unsigned long long)ts->max_pages * (PAGE_SIZE / 1024));
	if (sb->type == &tmpfs_type && ts->mode != 01777)
		sb_printf(out, ",mode=%o", ts->mode);
	if (ts->uid != (uid_t)-1 && ts->uid)
		sb_printf(out, ",uid=%u", ts->uid);
	if (ts->gid != (gid_t)-1 && ts->gid)
		sb_printf(out, ",gid=%u", ts->gid);
}

struct fs_type tmpfs_type = {
	.name = "tmpfs",
	.nodev = true,
	.reclaim = true,
	.userns_mount = true,
	.fill = tmpfs_fill,
};
struct fs_type ramfs_type = {
	.name = "ramfs",
	.nodev = true,
	.reclaim = true,
	.userns_mount = true,
	.fill = ramfs_fill,
};
struct fs_type rootfs_type = { .name = "rootfs", .nodev = true, .fill = rootfs_fill };

/* ---- devtmpfs ---- */

static struct mount *dev_mount;

static int devtmpfs_fill(struct super *sb, const char *source, unsigned long flags,
			 const char *data)
{
	return tmpfs_fill_plain(sb, 0755, false);
}

static struct super *devtmpfs_existing(const char *source)
{
	return dev_mount ? super_share(dev_mount->sb) : NULL;
}

static struct fs_type devtmpfs_type = {
	.name = "devtmpfs",
	.nodev = true,
	.fill = devtmpfs_fill,
	.existing = devtmpfs_existing,
};

void devtmpfs_init(void)
{
	struct mount *m = kern_mount(&devtmpfs_type);

	if (IS_ERR(m))
		panic("no memory for devtmpfs");
	dev_mount = m;
	fs_register(&devtmpfs_type);
}

void devtmpfs_add(const char *name, mode_t mode, dev_t rdev)
{
	int err = tmpfs_make(dev_mount->sb, name, mode, rdev, NULL);

	if (err)
		pr_err("devtmpfs: %s: error %d", name, err);
}
