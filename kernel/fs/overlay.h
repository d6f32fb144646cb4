/* SPDX-License-Identifier: MIT */
/* What the rooms of overlay share: lookup and instances (overlay.c), changes (overlay_up.c), files. */
#pragma once
#include "fs/internal.h"

#define OVL_MAX_LAYERS 64
#define OVL_PREFIX "trusted.overlay."
#define OVL_OPAQUE "trusted.overlay.opaque"

struct ovl_super {
	struct path upper, work; /* dentry NULL: read-only */
	unsigned int nr_lower;
	struct path lower[OVL_MAX_LAYERS]; /* the topmost first */
	struct mutex copy_lock; /* one copy-up at a time */
	u64 next_temp;
	bool one_fs; /* all layers are of one file system: its numbers are good enough */
	char *options; /* for /proc/mounts */
};

/* Where an overlay inode's content is: at most one of them for a file, all of them for a directory. */
struct ovl_inode {
	struct inode inode;
	struct path upper; /* dentry NULL: none (yet); set once, with copy_lock held */
	struct dentry *dentry; /* the name it was found by: valid while there is no upper */
	unsigned int nr_lower;
	struct path *lower, few[2]; /* lower: few, or an array of its own */
};

static inline struct ovl_super *ovl_super(const struct super *sb)
{
	return sb->priv;
}
static inline struct ovl_inode *ovl_inode(const struct inode *i)
{
	return container_of(i, struct ovl_inode, inode);
}
static inline struct dentry *ovl_upper(const struct inode *i)
{
	return __atomic_load_n(&ovl_inode(i)->upper.dentry, __ATOMIC_ACQUIRE);
}
/* The place that an inode's attributes and content are read from. */
static inline const struct path *ovl_real(const struct inode *i)
{
	return ovl_upper(i) ? &ovl_inode(i)->upper : &ovl_inode(i)->lower[0];
}
/* Inode numbers of different layers' file systems must not meet: the layer goes into the upper bits. */
static inline u64 ovl_ino(const struct super *sb, unsigned int layer, u64 ino)
{
	return ovl_super(sb)->one_fs ? ino : ino ^ (u64)layer << 56;
}
static inline bool ovl_is_whiteout(const struct inode *i)
{
	return i && S_ISCHR(i->mode) && i->rdev == 0;
}

/* overlay.c */
void ovl_sync(struct inode *inode); /* attributes as the real inode has them now */
/* The inode for a name of dir just made in upper; real's reference is taken. ERR_PTR */
struct inode *ovl_inode_of_upper(struct inode *dir, struct dentry *d, struct dentry *real);
/* Is name in a lower layer of dir, so that removing it takes a whiteout? */
bool ovl_lower_has(struct inode *dir, const char *name, size_t len);
extern const struct inode_ops ovl_dir_iops, ovl_file_iops;

/* overlay_up.c */
int ovl_copy_up(struct dentry *d, bool with_data);
int ovl_create(struct inode *dir, struct dentry *d, mode_t mode);
int ovl_tmpfile(struct inode *dir, struct dentry *d, mode_t mode);
int ovl_mknod(struct inode *dir, struct dentry *d, mode_t mode, dev_t rdev);
int ovl_symlink(struct inode *dir, struct dentry *d, const char *target);
int ovl_link(struct dentry *old, struct inode *dir, struct dentry *d);
int ovl_unlink(struct inode *dir, struct dentry *d);
int ovl_rename(struct inode *odir, struct dentry *old, struct inode *ndir, struct dentry *d,
	       unsigned int flags);
int ovl_setattr(struct inode *inode, const struct kattr *attr);
int ovl_setxattr(struct inode *inode, const char *name, const void *value, size_t size, int flags);

/* overlay_file.c */
extern const struct file_ops ovl_file_fops, ovl_dir_fops;
int ovl_check_empty(struct dentry *d); /* -ENOTEMPTY unless only whiteouts are left */
