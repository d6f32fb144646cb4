/* SPDX-License-Identifier: MIT */
/*
 * /proc/N and /proc/N/task/N: one table of entries serves both. An inode of a task holds its struct
 * pid, never the task, so that an open file does not keep a dead process; each access looks whether
 * the task is still there (ESRCH).
 */
#include "proc/procfs.h"

#include <linux/capability.h>

#define DT_DIR 4
#define TEXT_MAX (1UL << 20) /* the most of cmdline and environ that is shown */

/* ---- inodes ---- */

struct task *pinode_task(const struct pinode *p)
{
	return pid_task(p->pid, PID_TASK);
}

void pid_inode_put(void *pinode)
{
	struct pinode *p = pinode;

	pid_put(p->pid);
	if (p->mnt)
		ns_put(&p->mnt->ns);
	kfree(p);
}

/* The files belong to whom the task runs as; to root when it must not be looked into (proc(5)). */
static void set_owner(struct inode *inode, struct pid *pid)
{
	struct task *t = pid_task(pid, PID_TASK);
	const struct cred *c;

	inode->uid = inode->gid = 0;
	if (!t)
		return;
	c = task_cred_get(t);
	if (t->dumpable || inode->mode == (S_IFDIR | 0555)) {
		inode->uid = c->euid;
		inode->gid = c->egid;
	}
	cred_put(c);
	task_put(t);
}

struct inode *pid_inode(struct super *sb, struct pid *pid, const struct pid_entry *e, int fd,
			bool whole)
{
	struct pinode *p = kmalloc(sizeof(*p));
	struct inode *inode;

	if (!p)
		return NULL;
	*p = (struct pinode){ .pid = pid, .ns = sb->priv, .entry = e, .fd = fd, .whole = whole };
	if (e->pf.mode & S_IFMT) {
		inode = inode_new(sb, e->pf.mode);
		if (inode) {
			inode->priv = p;
			inode->ops = e->iops;
			inode->fops = e->fops;
		}
	} else {
		inode = pseudo_inode(sb, &e->pf, p);
	}
	if (!inode) {
		kfree(p);
		return NULL;
	}
	pid_get(pid);
	set_owner(inode, pid);
	if (S_ISDIR(inode->mode))
		inode->nlink = 2;
	return inode;
}

int proc_pid_show(struct strbuf *out, void *priv)
{
	const struct pinode *p = priv;
	struct task *t = pinode_task(p);
	int err;

	if (!t)
		return -ESRCH;
	err = p->entry->show(out, t, p);
	task_put(t);
	return err;
}

static ssize_t pid_write(void *priv, char *buf, size_t n)
{
	const struct pinode *p = priv;
	struct task *t = pinode_task(p);
	ssize_t r;

	if (!t)
		return -ESRCH;
	r = p->entry->write(t, buf, n, p);
	task_put(t);
	return r;
}

/* ---- small texts ---- */

/* [start, end) of a process's memory, as it is. */
static int show_memory(struct strbuf *out, struct mm *mm, u64 start, u64 end)
{
	char *buf = kmalloc(PAGE_SIZE);

	if (end - start > TEXT_MAX)
		end = start + min(end - start, TEXT_MAX);
	while (buf && start < end) {
		ssize_t n = mm_access(mm, start, buf, min(end - start, PAGE_SIZE), false);

		if (n <= 0)
			break;
		sb_write(out, buf, n);
		start += n;
	}
	kfree(buf);
	return buf ? 0 : -ENOMEM;
}

static int show_cmdline(struct strbuf *out, struct task *t, const struct pinode *p)
{
	struct mm *mm = task_mm_get(t);
	int err;

	if (!mm)
		return 0;
	err = show_memory(out, mm, mm->layout.arg_start, mm->layout.arg_end);
	/* Arguments that do not end with a NUL: the program wrote its title over them, and on over the environment. */
	if (out->len && out->len == mm->layout.arg_end - mm->layout.arg_start &&
	    out->data[out->len - 1]) {
		out->len = 0;
		err = show_memory(out, mm, mm->layout.arg_start, mm->layout.arg_start + PAGE_SIZE);
		out->len = min(strnlen(out->data, out->len) + 1, out->len);
	}
	mm_put_user(mm);
	return err;
}

static void show_auxv(struct strbuf *out, const struct mm *mm)
{
	unsigned int n = 0;

	while (n < ARRAY_SIZE(mm->layout.auxv) - 2 && mm->layout.auxv[n])
		n += 2;
	sb_write(out, mm->layout.auxv, (n + 2) * sizeof(mm->layout.auxv[0]));
}

static int show_comm(struct strbuf *out, struct task *t, const struct pinode *p)
{
	sb_printf(out, "%s\n", t->thread.name);
	return 0;
}

static ssize_t write_comm(struct task *t, char *buf, size_t n, const struct pinode *p)
{
	char *nl = strchr(buf, '\n');

	if (t->proc != current->proc)
		return -EINVAL;
	if (nl)
		*nl = 0;
	strscpy(t->thread.name, buf, sizeof(t->thread.name));
	return n;
}

static int show_oom_score_adj(struct strbuf *out, struct task *t, const struct pinode *p)
{
	sb_printf(out, "%d\n", t->proc->oom_score_adj);
	return 0;
}

/* Whoever is mighty sets the floor as well, below which others cannot go. */
static ssize_t write_oom_score_adj(struct task *t, char *buf, size_t n, const struct pinode *p)
{
	bool negative, mighty = capable(CAP_SYS_RESOURCE);
	int adj;
	u64 v;

	while (*buf == ' ' || *buf == '\t' || *buf == '\n')
		buf++;
	negative = *buf == '-';
	if (parse_u64(buf + negative, 10, &v) || v > 1000)
		return -EINVAL;
	adj = negative ? -(int)v : (int)v;
	if (adj < t->proc->oom_score_adj_min && !mighty)
		return -EACCES;
	t->proc->oom_score_adj = adj;
	if (mighty)
		t->proc->oom_score_adj_min = adj;
	return n;
}

static int show_oom_score(struct strbuf *out, struct task *t, const struct pinode *p)
{
	sb_printf(out, "%lld\n", (long long)oom_score(t));
	return 0;
}

static int show_cgroup(struct strbuf *out, struct task *t, const struct pinode *p)
{
	if (layer.show_cgroup)
		layer.show_cgroup(t, out);
	return 0;
}

static int show_mounts(struct strbuf *out, struct task *t, const struct pinode *p)
{
	struct nsproxy *ns = task_ns_get(t);
	struct fs_context *fs = task_fs_get(t);
	struct path root;

	if (ns && fs) {
		spin_lock(&fs->lock);
		root = fs->root;
		path_get(&root);
		spin_unlock(&fs->lock);
		mounts_show(out, ns->mnt, &root, p->entry->which);
		path_put(&root);
	}
	if (fs)
		fs_context_put(fs);
	nsproxy_put(ns);
	return ns && fs ? 0 : -EINVAL;
}

/* pseudo_file.wait: the namespace stays, as the one that the open file is about. */
static struct waitq *mounts_wait(void *priv, u64 *events)
{
	struct pinode *p = priv;
	struct mnt_ns *mnt = __atomic_load_n(&p->mnt, __ATOMIC_ACQUIRE), *first = NULL;
	struct task *t = mnt ? NULL : pinode_task(p);
	struct nsproxy *ns = t ? task_ns_get(t) : NULL;

	if (ns) {
		mnt = ns->mnt;
		ns_get(&mnt->ns);
		if (!__atomic_compare_exchange_n(&p->mnt, &first, mnt, false, __ATOMIC_ACQ_REL,
						 __ATOMIC_ACQUIRE)) {
			ns_put(&mnt->ns);
			mnt = first;
		}
		nsproxy_put(ns);
	}
	if (t)
		task_put(t);
	if (!mnt)
		mnt = &init_mnt_ns;
	*events = READ_ONCE(mnt->event);
	return &mnt->wait;
}

/*
 * ---- the task's memory: a file to read and write for a debugger, and texts about it ----
 * Whoever opens one of them must be allowed to look; it stays about the memory of that time.
 */

/* 0 and the memory, whose struct the open file keeps, or NULL: a task without. -EACCES, -EINTR, -ESRCH */
static int open_mm(const struct pinode *p, struct mm **to)
{
	struct task *t = pinode_task(p);
	struct mm *mm = t ? task_mm_access(t, true) : ERR_PTR(-ESRCH);

	task_put(t);
	if (IS_ERR(mm))
		return PTR_ERR(mm);
	*to = mm;
	if (mm) {
		mm_get(mm);
		mm_put_user(mm);
	}
	return 0;
}

struct mem_text { /* of an open file */
	const struct pinode *p;
	struct mm *mm;
};

static int mem_text_open(void *priv, void **own)
{
	struct mem_text *m = kmalloc(sizeof(*m));
	int err;

	if (!m)
		return -ENOMEM;
	m->p = priv;
	err = open_mm(priv, &m->mm);
	if (err)
		kfree(m);
	else
		*own = m;
	return err;
}

static void mem_text_release(void *own)
{
	struct mem_text *m = own;

	if (m->mm)
		mm_put(m->mm);
	kfree(m);
}

static int mem_text_show(struct strbuf *out, void *own)
{
	const struct mem_text *m = own;
	const int which = m->p->entry->which;
	struct task *t = pinode_task(m->p);
	struct mm *mm = m->mm;
	int err = t || which > SMAPS_ROLLUP ? 0 : -ESRCH;

	task_put(t);
	if (err)
		return err;
	if (mm && which == AUXV) { /* in the struct itself */
		show_auxv(out, mm);
		return 0;
	}
	if (!mm || !ref_get_unless_zero(&mm->users))
		return which == SMAPS_ROLLUP ? -ESRCH : 0;
	if (which == ENVIRON)
		err = show_memory(out, mm, mm->layout.env_start, mm->layout.env_end);
	else
		err = show_maps(out, mm, which);
	mm_put_user(mm);
	return err;
}

static int mem_open(struct inode *inode, struct file *f)
{
	struct mm *mm;
	int err = open_mm(inode->priv, &mm);

	if (!err)
		f->priv = mm;
	return err;
}

static void mem_release(struct file *f)
{
	if (f->priv)
		mm_put(f->priv);
}

/* 0 once the memory is gone. */
static ssize_t mem_move(struct file *f, struct uio *u, loff_t *pos, bool write)
{
	struct mm *mm = f->priv;
	ssize_t n;

	if (!mm || !ref_get_unless_zero(&mm->users))
		return 0;
	n = vm_move(mm, *pos, u, u->left, write, true);
	mm_put_user(mm);
	if (n > 0)
		*pos += n;
	return n;
}

static ssize_t mem_read(struct file *f, struct uio *to, loff_t *pos)
{
	return mem_move(f, to, pos, false);
}

static ssize_t mem_write(struct file *f, struct uio *from, loff_t *pos)
{
	return mem_move(f, from, pos, true);
}

const struct file_ops proc_mem_fops = {
	.open = mem_open, .release = mem_release, .read = mem_read, .write = mem_write
};

/* ---- id maps: the container layer's ---- */

static int show_map(struct strbuf *out, struct task *t, const struct pinode *p)
{
	enum id_map_file which = p->entry->which;
	const struct cred *c = task_cred_get(t);

	if (layer.map_show)
		layer.map_show(c->user_ns, which, out);
	else if (which == ID_MAP_SETGROUPS)
		sb_printf(out, "allow\n");
	else
		sb_printf(out, "%10u %10u %10u\n", 0, 0, ~0U);
	cred_put(c);
	return 0;
}

static ssize_t write_map(struct task *t, char *buf, size_t n, const struct pinode *p)
{
	const struct cred *c = task_cred_get(t);
	ssize_t r = layer.map_write ? layer.map_write(c->user_ns, p->entry->which, buf, n) : -EPERM;

	cred_put(c);
	return r;
}

/* ---- folders ---- */

/* Looks name up in a table that ends with an entry without a name. */
int proc_table_lookup(struct inode *dir, struct dentry *d, const struct pid_entry *table)
{
	const struct pinode *p = dir->priv;

	for (const struct pid_entry *e = table; e->pf.name; e++)
		if (*e->pf.name == *d->name && strlen(e->pf.name) == d->name_len &&
		    !memcmp(e->pf.name, d->name, d->name_len))
			return proc_set_inode(d, pid_inode(dir->sb, p->pid, e, -1, p->whole),
					      dir->ino << 8 | (e - table + 2));
	return -ENOENT;
}

int proc_table_iterate(struct file *f, struct dir_context *ctx, const struct pid_entry *table,
		       bool (*there)(const struct pinode *p, const char *name))
{
	loff_t at = 2;

	if (!proc_emit_dots(f, ctx))
		return 0;
	for (const struct pid_entry *e = table; e->pf.name; e++, at++) {
		mode_t mode = e->pf.mode & S_IFMT ? e->pf.mode : S_IFREG;

		if (at < ctx->pos || (there && !there(f->inode->priv, e->pf.name)))
			continue;
		if (!ctx->emit(ctx, e->pf.name, strlen(e->pf.name), f->inode->ino << 8 | at,
			       mode >> 12))
			return 0;
		ctx->pos = at + 1;
	}
	return 0;
}

/* task: a folder for each thread */
static const struct pid_entry thread_entry;

static int threads_lookup(struct inode *dir, struct dentry *d)
{
	const struct pinode *p = dir->priv;
	int nr = proc_number(d->name, d->name_len), err = -ENOENT;
	struct task *t = pinode_task(p), *o = nr > 0 ? task_find(p->ns, nr) : NULL;

	if (t && o && t->proc == o->proc)
		err = proc_set_inode(d, pid_inode(dir->sb, o->pid, &thread_entry, -1, false),
				     (u64)nr << 1 | 1);
	task_put(o);
	task_put(t);
	return err;
}

static int threads_iterate(struct file *f, struct dir_context *ctx)
{
	const struct pinode *p = f->inode->priv;
	struct task *t = pinode_task(p), *o;
	unsigned int n = 0, max;
	pid_t *nrs;
	char name[12];

	if (!t)
		return -ENOENT;
	max = READ_ONCE(t->proc->nr_threads) + 16;
	nrs = kmalloc(max * sizeof(*nrs));
	if (nrs) {
		spin_lock(&tasks_lock);
		for_each_thread(o, t->proc) if (n < max) nrs[n++] = task_tid_in(o, p->ns);
		spin_unlock(&tasks_lock);
	}
	task_put(t);
	if (!nrs)
		return -ENOMEM;
	for (bool room = proc_emit_dots(f, ctx); room && ctx->pos - 2 < n; ctx->pos += room) {
		pid_t nr = nrs[ctx->pos - 2];

		room = ctx->emit(ctx, name, snprintf(name, sizeof(name), "%d", nr),
				 (u64)nr << 1 | 1, DT_DIR);
	}
	kfree(nrs);
	return 0;
}

static const struct inode_ops threads_iops = { .lookup = threads_lookup };
static const struct file_ops threads_fops = { .iterate = threads_iterate };

/* ---- the table ---- */

#define TEXT_OF(n, m, fn, w)                                                                       \
	{                                                                                          \
		.pf = { .name = n, .mode = m, .show = proc_pid_show, .put = pid_inode_put },       \
		.show = fn, .which = w,                                                            \
	}
#define TEXT(n, m, fn) TEXT_OF(n, m, fn, 0)
#define TEXT_RW(n, fn, wr, w)                                                                      \
	{                                                                                          \
		.pf = { .name = n,                                                                 \
			.mode = 0644,                                                              \
			.show = proc_pid_show,                                                     \
			.write = pid_write,                                                        \
			.put = pid_inode_put },                                                    \
		.show = fn, .write = wr, .which = w,                                               \
	}
#define MEMORY(n, m, w)                                                                            \
	{                                                                                          \
		.pf = { .name = n,                                                                 \
			.mode = m,                                                                 \
			.show = mem_text_show,                                                     \
			.open = mem_text_open,                                                     \
			.release = mem_text_release,                                               \
			.put = pid_inode_put },                                                    \
		.which = w,                                                                        \
	}
#define MOUNTS(n, m, w)                                                                            \
	{                                                                                          \
		.pf = { .name = n,                                                                 \
			.mode = m,                                                                 \
			.show = proc_pid_show,                                                     \
			.wait = mounts_wait,                                                       \
			.poll_takes = true,                                                        \
			.put = pid_inode_put },                                                    \
		.show = show_mounts, .which = w,                                                   \
	}
#define LINK(n, w)                                                                                 \
	{                                                                                          \
		.pf = { .name = n, .mode = S_IFLNK | 0777 }, .iops = &proc_link_iops, .which = w,  \
	}
#define FOLDER(n, m, i, f)                                                                         \
	{                                                                                          \
		.pf = { .name = n, .mode = S_IFDIR | m }, .iops = i, .fops = f,                    \
	}

/* net: the files that net/ adds */
#define NET_ENTRIES 24
static struct pid_entry net_entries[NET_ENTRIES + 1];
static int (*net_show[NET_ENTRIES])(struct strbuf *out, struct ns_common *net);

static int show_net(struct strbuf *out, struct task *t, const struct pinode *p)
{
	struct nsproxy *ns = task_ns_get(t);
	int err = ns ? net_show[p->entry->which](out, ns->net) : -EINVAL;

	nsproxy_put(ns);
	return err;
}

void proc_net_add(const char *name, int (*show)(struct strbuf *out, struct ns_common *net))
{
	int n = 0;

	while (net_show[n])
		n++;
	BUG_ON(n == NET_ENTRIES);
	net_show[n] = show;
	net_entries[n] = (struct pid_entry)TEXT_OF(name, 0444, show_net, n);
}

static int net_lookup(struct inode *dir, struct dentry *d)
{
	return proc_table_lookup(dir, d, net_entries);
}

static int net_iterate(struct file *f, struct dir_context *ctx)
{
	return proc_table_iterate(f, ctx, net_entries, NULL);
}

static const struct inode_ops net_iops = { .lookup = net_lookup };
static const struct file_ops net_fops = { .iterate = net_iterate };

static const struct pid_entry entries[] = {
	FOLDER("task", 0555, &threads_iops, &threads_fops), /* first: not in a thread's folder */
	FOLDER("fd", 0500, &proc_fd_iops, &proc_fd_fops),
	FOLDER("fdinfo", 0555, &proc_fd_iops, &proc_fd_fops),
	FOLDER("ns", 0511, &proc_ns_iops, &proc_ns_fops),
	FOLDER("net", 0555, &net_iops, &net_fops),
	{ .pf = { .name = "mem", .mode = S_IFREG | 0600 }, .fops = &proc_mem_fops },
	MEMORY("environ", 0400, ENVIRON),
	MEMORY("auxv", 0400, AUXV),
	TEXT("status", 0444, show_status),
	TEXT("limits", 0444, show_limits),
	TEXT_RW("comm", show_comm, write_comm, 0),
	TEXT("cmdline", 0444, show_cmdline),
	TEXT("stat", 0444, show_stat),
	TEXT("statm", 0444, show_statm),
	TEXT("schedstat", 0444, show_schedstat),
	MEMORY("maps", 0444, MAPS),
	MEMORY("smaps", 0444, SMAPS),
	MEMORY("smaps_rollup", 0444, SMAPS_ROLLUP),
	TEXT("syscall", 0400, show_syscall),
	LINK("cwd", LINK_CWD),
	LINK("root", LINK_ROOT),
	LINK("exe", LINK_EXE),
	MOUNTS("mounts", 0444, MOUNTS_TABLE),
	MOUNTS("mountinfo", 0444, MOUNTS_INFO),
	MOUNTS("mountstats", 0400, MOUNTS_STATS),
	TEXT("cgroup", 0444, show_cgroup),
	TEXT("oom_score", 0444, show_oom_score),
	TEXT_RW("oom_score_adj", show_oom_score_adj, write_oom_score_adj, 0),
	TEXT_RW("timens_offsets", show_timens, write_timens, 0),
	TEXT_RW("uid_map", show_map, write_map, ID_MAP_UID),
	TEXT_RW("gid_map", show_map, write_map, ID_MAP_GID),
	TEXT_RW("setgroups", show_map, write_map, ID_MAP_SETGROUPS),
	{ .pf = { .name = NULL } },
};

static const struct pid_entry *entries_of(const struct inode *dir)
{
	return entries + !((const struct pinode *)dir->priv)->whole;
}

static int base_lookup(struct inode *dir, struct dentry *d)
{
	return proc_table_lookup(dir, d, entries_of(dir));
}

static int base_iterate(struct file *f, struct dir_context *ctx)
{
	return proc_table_iterate(f, ctx, entries_of(f->inode), NULL);
}

static const struct inode_ops base_iops = { .lookup = base_lookup };
static const struct file_ops base_fops = { .iterate = base_iterate };

struct pid *proc_dir_pid(struct file *f)
{
	const struct pinode *p = f->inode->priv;

	return f->ops == &base_fops && p->whole ? p->pid : NULL;
}

const struct pid_entry proc_pid_entry = FOLDER("N", 0555, &base_iops, &base_fops);
static const struct pid_entry thread_entry = FOLDER("task/N", 0555, &base_iops, &base_fops);
