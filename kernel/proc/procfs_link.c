/* SPDX-License-Identifier: MIT */
/*
 * The magic links of /proc/N, which lead to a place and not to a name: exe, cwd, root, fd/N, ns/X;
 * and the folders fd, fdinfo and ns. Who may look into the task may follow them (ptrace(2)).
 */
#include "proc/procfs.h"

#define DT_LNK 10
#define DT_REG 8

/* ---- magic links ---- */

static int follow_exe(struct task *t, struct path *to)
{
	struct mm *mm = task_mm_get(t);
	int err = -ENOENT;

	if (!mm)
		return err;
	if (mm->exe_file) {
		*to = mm->exe_file->path;
		path_get(to);
		err = 0;
	}
	mm_put_user(mm);
	return err;
}

static int follow_place(struct task *t, bool root, struct path *to)
{
	struct fs_context *fs = task_fs_get(t);

	if (!fs)
		return -ENOENT;
	spin_lock(&fs->lock);
	*to = root ? fs->root : fs->cwd;
	path_get(to);
	spin_unlock(&fs->lock);
	fs_context_put(fs);
	return 0;
}

bool proc_fd_open(const struct pinode *p)
{
	struct task *t = pinode_task(p);
	struct file *f = t ? task_file_get(t, p->fd) : NULL;

	task_put(t);
	if (f)
		file_put(f);
	return f;
}

static int follow_fd(struct task *t, int fd, struct path *to)
{
	struct file *f = task_file_get(t, fd);

	if (!f)
		return -ENOENT;
	*to = f->path;
	path_get(to);
	file_put(f);
	return 0;
}

static int follow_ns(struct task *t, const char *name, struct path *to)
{
	struct ns_common *ns = layer.task_ns(t, name);
	int err;

	if (!ns)
		return -ENOENT;
	err = layer.ns_path(ns, to);
	ns_put(ns);
	return err;
}

static int proc_follow(struct inode *inode, struct path *to)
{
	const struct pinode *p = inode->priv;
	struct task *t = pinode_task(p);
	int err;

	if (!t)
		return -ENOENT;
	if (!ptrace_may_access(t, true))
		err = -EACCES;
	else if (p->entry->which == LINK_EXE)
		err = follow_exe(t, to);
	else if (p->entry->which == LINK_FD)
		err = follow_fd(t, p->fd, to);
	else if (p->entry->which == LINK_NS)
		err = follow_ns(t, p->entry->pf.name, to);
	else
		err = follow_place(t, p->entry->which == LINK_ROOT, to);
	task_put(t);
	return err;
}

/* The link's text: namespaces have one of their own, all else is the name of the place. */
static int proc_readlink(struct inode *inode, char *buf, size_t size)
{
	const struct pinode *p = inode->priv;
	struct path to, root;
	char *place;
	int err = proc_follow(inode, &to);

	if (err)
		return err;
	if (p->entry->which == LINK_NS) {
		const char *name = p->entry->pf.name, *suffix = strstr(name, "_for_children");

		err = snprintf(buf, size, "%.*s:[%llu]",
			       (int)(suffix ? suffix - name : (long)strlen(name)), name,
			       (unsigned long long)to.dentry->inode->ino);
	} else {
		fs_get_root(&root);
		place = path_name(&to, &root, buf, size);
		err = IS_ERR(place) ? PTR_ERR(place) : (int)strlen(place);
		if (err > 0)
			memmove(buf, place, err + 1);
		path_put(&root);
	}
	path_put(&to);
	return err;
}

const struct inode_ops proc_link_iops = { .follow = proc_follow, .readlink = proc_readlink };

/* fd and fdinfo */
static const struct pid_entry fd_entry, fdinfo_entry;

static int fd_lookup(struct inode *dir, struct dentry *d)
{
	const struct pinode *p = dir->priv;
	int fd = proc_number(d->name, d->name_len), err = -ENOENT;
	bool info = S_ISDIR(dir->mode) && !strcmp(p->entry->pf.name, "fdinfo");
	struct task *t = pinode_task(p);
	struct file *f = t && fd >= 0 ? task_file_get(t, fd) : NULL;

	if (f)
		err = proc_set_inode(
			d,
			pid_inode(dir->sb, p->pid, info ? &fdinfo_entry : &fd_entry, fd, p->whole),
			dir->ino << 20 | fd);
	if (!err && !info) /* what the file is open for */
		d->inode->mode = S_IFLNK | (f->can_read ? 0500 : 0) | (f->can_write ? 0300 : 0);
	if (f)
		file_put(f);
	task_put(t);
	return err;
}

static int fd_iterate(struct file *f, struct dir_context *ctx)
{
	const struct pinode *p = f->inode->priv;
	struct task *t = pinode_task(p);
	struct files *files = t ? task_files_get(t) : NULL;
	char name[12];
	int fd;

	task_put(t);
	if (!files)
		return -ENOENT;
	if (!proc_emit_dots(f, ctx))
		goto out;
	while ((fd = fd_next(files, ctx->pos - 2)) >= 0) {
		size_t len = snprintf(name, sizeof(name), "%d", fd);

		if (!ctx->emit(ctx, name, len, f->inode->ino << 20 | fd,
			       !strcmp(p->entry->pf.name, "fd") ? DT_LNK : DT_REG))
			break;
		ctx->pos = fd + 3;
	}
out:
	files_put(files);
	return 0;
}

static int fd_permission(struct inode *inode, int may)
{
	struct task *t = pinode_task(inode->priv);
	int err = t && ptrace_may_access(t, true) ? 0 : -EACCES;

	task_put(t);
	return err;
}

static int show_fdinfo(struct strbuf *out, struct task *t, const struct pinode *p)
{
	struct file *f = ptrace_may_access(t, true) ? task_file_get(t, p->fd) : NULL;

	if (!f)
		return -ENOENT;
	sb_printf(out, "pos:\t%lld\nflags:\t0%o\nmnt_id:\t%d\nino:\t%llu\n", (long long)f->pos,
		  f->flags, f->path.mnt ? f->path.mnt->id : 0, (unsigned long long)f->inode->ino);
	if (f->ops && f->ops->show_fdinfo)
		f->ops->show_fdinfo(f, out);
	file_put(f);
	return 0;
}

const struct inode_ops proc_fd_iops = { .lookup = fd_lookup, .permission = fd_permission };
const struct file_ops proc_fd_fops = { .iterate = fd_iterate };
static const struct pid_entry fd_entry = {
	.pf = { .name = "fd", .mode = S_IFLNK | 0700 },
	.iops = &proc_link_iops,
	.which = LINK_FD,
};
static const struct pid_entry fdinfo_entry = {
	.pf = { .name = "fdinfo", .mode = 0444, .show = proc_pid_show, .put = pid_inode_put },
	.show = show_fdinfo,
};

#define NS_LINK(n)                                                                                 \
	{                                                                                          \
		.pf = { .name = n, .mode = S_IFLNK | 0777 }, .iops = &proc_link_iops,              \
		.which = LINK_NS,                                                                  \
	}
static const struct pid_entry ns_entries[] = {
	NS_LINK("cgroup"),
	NS_LINK("ipc"),
	NS_LINK("mnt"),
	NS_LINK("net"),
	NS_LINK("pid"),
	NS_LINK("pid_for_children"),
	NS_LINK("time"),
	NS_LINK("time_for_children"),
	NS_LINK("user"),
	NS_LINK("uts"),
	{ .pf = { .name = NULL } },
};

/* Only the kinds that are built are there. */
static bool has_ns(const struct pinode *p, const char *name)
{
	struct task *t = pinode_task(p);
	struct ns_common *ns = t && layer.task_ns ? layer.task_ns(t, name) : NULL;

	task_put(t);
	ns_put(ns);
	return ns;
}

static int ns_lookup(struct inode *dir, struct dentry *d)
{
	return has_ns(dir->priv, d->name) ? proc_table_lookup(dir, d, ns_entries) : -ENOENT;
}

static int ns_iterate(struct file *f, struct dir_context *ctx)
{
	return proc_table_iterate(f, ctx, ns_entries, has_ns);
}

const struct inode_ops proc_ns_iops = { .lookup = ns_lookup };
const struct file_ops proc_ns_fops = { .iterate = ns_iterate };
