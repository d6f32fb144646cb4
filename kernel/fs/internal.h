/* SPDX-License-Identifier: MIT */
/* What the rooms of fs/ say to each other only. */
#pragma once
#include "fs/fs.h"

#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/limits.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/resource.h>

#define DT_OF_MODE(m) (((m)&S_IFMT) >> 12) /* d_type of getdents(2) */
#define DT_DIR 4
#define LINK_MAX_DEPTH 40 /* path_resolution(7) */

/* ---- inode.c ---- */
void inode_drop_caps(struct inode *i); /* the content or owner changes; i's lock held */
bool fs_capable(int cap); /* in the first user namespace */
bool inode_capable(const struct inode *inode, int cap); /* over this inode's owner */
#define SUPER_FLAGS (MS_RDONLY | MS_SYNCHRONOUS | MS_DIRSYNC | MS_LAZYTIME)
bool super_capable(const struct super *sb, int cap); /* over its owner */
bool fs_type_may_mount(const struct fs_type *t);
static inline bool user_ns_is_first(const struct user_ns *ns)
{
	return !ns || !((const struct ns_common *)ns)->owner;
}
struct super *super_new(const struct fs_type *type, unsigned long flags);
struct fs_type *fs_type_find(const char *name);
/* An instance: a new one filled in, or the shared one. One reference. ERR_PTR. */
struct super *super_get(struct fs_type *type, const char *source, unsigned long flags,
			const char *data);
/* Fresh inode of dir's child: ids of the thread, set-group-id directories. NULL without memory. */
struct inode *inode_new_in(struct super *sb, const struct inode *dir, mode_t mode);
static inline void inode_touch(struct inode *i) /* content changed */
{
	i->mtime_ns = i->ctime_ns = fs_now();
}

/* ---- dentry.c ---- */
extern spinlock_t d_tree_lock; /* guards names and parents against renames */
extern u64 d_moves; /* grows when a name or a mount leaves its place (atomic) */
struct dentry *d_alloc(struct dentry *parent, const char *name, size_t len);
/* A name that is in no directory: a root, a pipe. inode's reference moves here. NULL */
struct dentry *d_alone(struct super *sb, const char *name, struct inode *inode);
void d_hash(struct dentry *d); /* the new name can be found; its parent is locked */
/* After unlink: the name is free again. The dentry turns negative, or is unhashed while in use. */
void d_delete(struct dentry *d);
/* d gets nd's parent and name, nd is dropped; exchange: they swap. Both parents locked. */
void d_move(struct dentry *d, struct dentry *nd, bool exchange);
struct dentry *d_parent(struct dentry *d); /* with a reference */
bool d_is_ancestor(struct dentry *a, struct dentry *d); /* a is d or above it */
void d_kill_tree(struct dentry *root); /* all cached names of a super that goes */

/* ---- namei.c ---- */
struct walk {
	struct path path; /* where we are; references held */
	struct path root,
		start; /* start: what LOOKUP_BENEATH and IN_ROOT do not leave; dentry NULL: not asked for */
	unsigned int flags;
	unsigned int links; /* symlinks followed so far */
	u64 moves; /* d_moves at the begin */
	char *own; /* the text of the last link and what followed it; ours to free */
	const char *rest;
	const char *last; /* LOOKUP_PARENT: the last component; "", "." and ".." are special */
	size_t last_len;
	bool trailing; /* it is followed by slashes */
	u32 hash; /* of the component taken off last */
};
int walk_begin(struct walk *w, int dirfd, const char *name, unsigned int flags);
int walk_run(struct walk *w); /* to the end; with LOOKUP_PARENT to the last directory */
/* Goes on with the symlink d, found in w->path; the walk is run again afterwards. */
int walk_link(struct walk *w, struct dentry *d);
void walk_end(struct walk *w);
bool is_dots(const char *name, size_t n); /* "." or ".."; or nothing at all: "/" */
/* d's name inside its own file system, from its root: into buf. ERR_PTR */
char *dentry_name(struct dentry *d, char *buf, size_t size);
/* The topmost mount on *p, in place. */
void path_descend(struct path *p);
/* A name's hash, a character at a time (FNV-1a). */
#define NAME_HASH_START 2166136261U
static inline u32 name_hash_add(u32 hash, char c)
{
	return (hash ^ (u8)c) * 16777619U;
}
/* d_lookup() of a name whose hash is known. */
struct dentry *d_lookup_hashed(struct dentry *parent, const char *name, size_t len, u32 hash);
/* One name in a directory, lock not held: cached or asked for (flags: LOOKUP_CACHED). ERR_PTR. */
struct dentry *lookup_one(struct dentry *dir, const char *name, size_t len);
struct dentry *lookup_hashed(struct dentry *dir, const char *name, size_t len, u32 hash,
			     unsigned int flags);

/* ---- vfs.c ---- */
int mnt_want_write(const struct path *p); /* -EROFS */
int may_create(const struct path *dir); /* in its inode, locked */
int dentry_setattr(struct dentry *d, struct kattr *attr);
int dentry_unlink(struct dentry *dir, struct dentry *d, bool isdir);
mode_t apply_umask(mode_t mode);
/* Locks the inodes of one or two directories of a super: the one above first, else by address. */
void lock_dirs(struct dentry *a, struct dentry *b);
void unlock_dirs(struct dentry *a, struct dentry *b);

/* ---- mount.c, propagate.c ---- */
extern spinlock_t mount_lock;
extern struct mutex mount_mutex; /* one change of any mount tree at a time */
void mount_unlock(void); /* instead of mutex_unlock() */
struct mount *mount_alloc(struct super *sb, struct dentry *root, const char *source);
static inline void mount_get(struct mount *m)
{
	ref_get(&m->refs);
}
struct mount *mount_find(struct mount *parent, struct dentry *mp); /* mount_lock held */
void mount_attach(struct mount *m, struct mount *parent, struct dentry *mp);
void mount_detach(struct mount *m);
#define MNT_ATIME (MNT_NOATIME | MNT_NODIRATIME | MNT_RELATIME)
#define MNT_RESTRICT (MNT_RDONLY | MNT_NOSUID | MNT_NODEV | MNT_NOEXEC)
/* What sits on d in ns (NULL: in any), or NULL; mount_lock held. */
struct mount *mount_on(struct dentry *d, const struct mnt_ns *ns);
void mounts_forget(
	struct dentry *d); /* its name is gone: what sits on it goes, in all namespaces */
#define COPY_NAMESPACE                                                                             \
	1U /* for a new namespace: unbindable ones too, and what is locked stays so */
#define COPY_SLAVE 2U /* copies of shared mounts are slaves of them */
#define COPY_LOCKED 4U /* for a less privileged owner: cannot be taken apart */
#define COPY_MNT_NS 8U /* files of mount namespaces, too: they could hold what holds them */
/* Copies m (root: what of it) and, with rec, what is mounted below. ERR_PTR. */
struct mount *mount_copy_tree(struct mount *m, struct dentry *root, bool rec, unsigned int how);
void mount_drop_tree(struct mount *m); /* unmounts m and all below it, lazily; its reference goes */
/* A tree counts in ns before it is put there. -ENOSPC: more than mount_max */
int mounts_reserve(struct mnt_ns *ns, struct mount *tree);
void mounts_count(struct mnt_ns *ns, struct mount *tree, int by); /* 1, -1 */
void mount_set_ns(struct mount *tree, struct mnt_ns *ns);
struct mount *mount_after(struct mount *m, struct mount *top); /* m and all below it left out */
struct mount *mount_next(struct mount *m, struct mount *top); /* depth first; NULL at the end */
/* Is place (m, d) at or below p, in the mount tree? mount_mutex held. */
bool mount_reachable(const struct mount *m, struct dentry *d, const struct path *p);
#define for_each_in_tree(m, top) for (m = (top); m; m = mount_next(m, top))
/* propagate.c: mount_mutex held */
void mount_share(struct mount *m); /* shared, alone in a new group when it was not */
void mount_make_slave(struct mount *m); /* of its former peers */
void mount_unshare(struct mount *m); /* leaves its peers and its master */
void mount_join(struct mount *copy, struct mount *of, bool as_slave);
int propagate_mount(struct mount *tree, struct mount *dest, struct dentry *mp);
bool propagate_busy(struct mount *m);
/* Unmounts top with all below it, lazily, and what came of them elsewhere; the trees' references go. */
void mount_umount_tree(struct mount *top);
/* mnt_ns.c */
void mnt_ns_setup(struct mnt_ns *ns);
void mnt_ns_changed(struct mnt_ns *ns);
struct mnt_ns *mnt_ns_of_file(const struct dentry *d); /* whose file d is, or NULL */

/* ---- file.c ---- */
extern struct super *anon_super;
extern struct mount *anon_mount;
void file_init(void);
struct file *file_alloc(const struct path *p, int flags);
/* "." and "..", at positions 0 and 1. True when there is room for more. */
bool emit_dots(struct file *f, struct dir_context *ctx);
/* An open file on an inode that has no name in a directory; the inode's reference moves here. */
struct file *file_on_inode(struct mount *mnt, const char *name, struct inode *inode,
			   const struct file_ops *ops, int flags);

/* ---- blkdev.c ---- */
const struct file_ops *blkdev_ops(dev_t rdev); /* NULL: no such device */
struct blkdev *file_blkdev(const struct file *f); /* what f is an open file of, or NULL */

/* ---- tmpfs.c, devtmpfs.c ... ---- */
extern struct fs_type tmpfs_type, ramfs_type, rootfs_type;
void devtmpfs_init(void);
void devtmpfs_add(const char *name, mode_t mode, dev_t rdev);
void sysfs_init(void);
/* tmpfs as the engine of others: sb->root of the given mode; fixed: users add nothing to it. */
int tmpfs_fill_plain(struct super *sb, mode_t mode, bool fixed);
/* Makes path (its directories, too) below root; inode (its reference moves here) or, NULL, a new one
 * of mode and rdev. 0 or -errno. */
int tmpfs_make(struct super *sb, const char *path, mode_t mode, dev_t rdev, struct inode *inode);
struct inode *tmpfs_inode(struct super *sb, const struct inode *dir, mode_t mode, dev_t rdev);
struct inode *tmpfs_link_inode(struct super *sb, const struct inode *dir, const char *target);
/* The pages of a regular inode for reading or (create) writing. NULL: a hole. ERR_PTR */
struct frame *inode_page(struct inode *inode, u64 index, bool create);
/* Cuts or grows the pages and the size; inode locked. */
void inode_truncate_pages(struct inode *inode, u64 size);
void inode_zero(struct inode *inode, u64 from, u64 to); /* bytes of one page, if it is there */
extern struct fs_type erofs_type, p9_type;
void overlay_init(void); /* once, at start */
void epoll_release_file(struct file *f); /* f goes: every epoll that watches it forgets it */
void locks_free(struct inode *inode);
