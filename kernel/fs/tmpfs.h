/* SPDX-License-Identifier: MIT */
/* What the rooms of tmpfs share: its files (tmpfs.c), its instances (tmpfs_super.c), memfd.c. */
#pragma once
#include "fs/internal.h"

struct tmpfs_super {
	u64 max_pages, max_inodes; /* 0: no limit */
	u64 pages, inodes; /* atomics */
	mode_t mode;
	uid_t uid;
	gid_t gid;
	bool fixed; /* users make no names here (sysfs) */
	bool size_given; /* shown in /proc/mounts */
};

struct tmpfs_node {
	/* guarded by inode->lock */
	struct radix names; /* directory: place -> dentry */
	u64 next_pos;
	unsigned int seals; /* F_SEAL_* */
	/* constant */
	char *link; /* symlink */
	/* guarded by page_lock */
	struct mutex page_lock;
	u64 pages; /* of the mapping, as counted in the super */
	struct xattr *xattrs;
};

struct tmpfs_inode {
	struct inode inode;
	struct tmpfs_node node;
};

extern const struct inode_ops tmpfs_dir_iops, tmpfs_fixed_dir_iops, tmpfs_file_iops;
extern const struct inode_ops tmpfs_link_iops, tmpfs_special_iops;
extern const struct file_ops tmpfs_dir_fops, tmpfs_file_fops;
extern const struct super_ops tmpfs_super_ops;
void tmpfs_put_super(struct super *sb);
int tmpfs_statfs(struct super *sb, struct statfs *st);
int tmpfs_remount(struct super *sb, const char *data);
void tmpfs_show_options(struct super *sb, struct strbuf *out);
