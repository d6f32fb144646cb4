/* SPDX-License-Identifier: MIT */
/* What the rooms of /proc say to each other: procfs.c the tree, procfs_pid.c what a task's folder holds. */
#pragma once
#include "proc/internal.h"

struct pid_entry;

/* Behind an inode of a task: which task, and what of it. */
struct pinode {
	struct pid *pid;
	struct pid_ns *ns; /* of its procfs: numbers are shown as they are there */
	const struct pid_entry *entry;
	int fd; /* of fd/N and fdinfo/N */
	struct mnt_ns *mnt; /* of a file about mounts, once polled; a reference. Set once */
	bool whole; /* /proc/N, not /proc/N/task/N: sums over all threads */
};

enum pid_link { LINK_NONE, LINK_EXE, LINK_CWD, LINK_ROOT, LINK_FD, LINK_NS };

struct pid_entry {
	struct pseudo_file pf; /* name and mode (with S_IFDIR, S_IFLNK; none: regular) */
	const struct inode_ops *iops; /* folders and links */
	const struct file_ops *fops;
	int which; /* LINK_*, or what show and write take it for */
	int (*show)(struct strbuf *out, struct task *t, const struct pinode *p);
	ssize_t (*write)(struct task *t, char *buf, size_t n, const struct pinode *p);
};

/* The task behind p, with a reference, or NULL when it is gone. */
struct task *pinode_task(const struct pinode *p);
/* An inode for entry e of pid in sb; -ENOMEM as NULL. */
struct inode *pid_inode(struct super *sb, struct pid *pid, const struct pid_entry *e, int fd,
			bool whole);
void pid_inode_put(void *pinode);
/* The process that f, if it is /proc/N itself, is of; without a reference. NULL */
struct pid *proc_dir_pid(struct file *f);
/* Links a freshly looked-up name with its inode: 0 or -ENOMEM. */
int proc_set_inode(struct dentry *d, struct inode *inode, u64 ino);
/* Emits "." and "..": false when the buffer is full. */
bool proc_emit_dots(struct file *f, struct dir_context *ctx);
/* A decimal number of len characters, or -1. */
int proc_number(const char *name, size_t len);

extern const struct file_ops proc_mem_fops; /* /proc/N/mem */
extern const struct pid_entry proc_pid_entry; /* the folder /proc/N itself */
int proc_pid_show(struct strbuf *out, void *pinode); /* pseudo_file.show of every text */
/* A folder whose names are those of a table; it ends with an entry without a name. */
int proc_table_lookup(struct inode *dir, struct dentry *d, const struct pid_entry *table);
/* there: which of them are, NULL: all. */
int proc_table_iterate(struct file *f, struct dir_context *ctx, const struct pid_entry *table,
		       bool (*there)(const struct pinode *p, const char *name));

/* procfs_link.c */
extern const struct inode_ops proc_fd_iops, proc_ns_iops;
extern const struct file_ops proc_fd_fops, proc_ns_fops;
extern const struct inode_ops proc_link_iops; /* the magic links exe, cwd, root, fd/N, ns/X */
bool proc_fd_open(const struct pinode *p); /* is the descriptor of fd/N still open? */

/* procfs_stat.c: the larger texts of /proc/N */
int show_stat(struct strbuf *out, struct task *t, const struct pinode *p);
int show_statm(struct strbuf *out, struct task *t, const struct pinode *p);
int show_schedstat(struct strbuf *out, struct task *t, const struct pinode *p);
int show_status(struct strbuf *out, struct task *t, const struct pinode *p);
int show_limits(struct strbuf *out, struct task *t, const struct pinode *p);
int show_syscall(struct strbuf *out, struct task *t, const struct pinode *p);
enum { MAPS, SMAPS, SMAPS_ROLLUP, ENVIRON, AUXV };
int show_maps(struct strbuf *out, struct mm *mm, int which); /* the first three */

/* time.c */
int show_timens(struct strbuf *out, struct task *t, const struct pinode *p);
ssize_t write_timens(struct task *t, char *buf, size_t n, const struct pinode *p);

void procfs_sys_init(void); /* procfs_sys.c: the files that belong to no task */
