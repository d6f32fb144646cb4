/* SPDX-License-Identifier: MIT */
/*
 * The tree of /proc (proc(5)): files that were registered by name, and a folder for each process
 * that the mounter's pid namespace shows. Names of processes are never kept when nobody uses them,
 * and are looked at again before each use: a number may be another process by then.
 */
#include "proc/procfs.h"

#include <linux/magic.h>

#define DT_DIR 4
#define DT_LNK 10
#define DT_REG 8
#define POS_PIDS 1024 /* readdir positions from here on are process numbers */

/* A registered file, or a folder on the way to one. Made at boot, never freed; nodes_lock guards lists. */
struct node {
	struct list_head children, sibling;
	char *name;
	size_t len; /* of name */
	const struct pseudo_file *pf; /* NULL: a folder */
	void *priv;
	u64 ino;
};
static spinlock_t nodes_lock = SPINLOCK_INIT;
static struct node root_node = { .children = LIST_INIT(root_node.children), .ino = 1 };

/*
 * A file keeps its inode number as long as it is there, though its inode may go and come: programs
 * compare stat(2) with fstat(2). Below the fixed files' are those of what a process has: its folder
 * pid << 1, a thread's pid << 1 | 1, a file in either ino << 8 | its place in the table, a
 * descriptor ino << 20 | fd.
 */
#define FIXED_INO 0xf0000000UL
#define LINK_INO(i) (FIXED_INO + (i)) /* of reader_links */
static u64 next_ino = FIXED_INO + 16; /* of a node; they are made at boot, one after the other */

static struct node *find_child(struct node *dir, const char *name, size_t len)
{
	struct node *n;

	spin_lock(&nodes_lock);
	list_for_each(n, &dir->children, sibling) {
		if (n->len == len && !memcmp(n->name, name, len)) {
			spin_unlock(&nodes_lock);
			return n;
		}
	}
	spin_unlock(&nodes_lock);
	return NULL;
}

static struct node *add_child(struct node *dir, const char *name, size_t len)
{
	struct node *n = kzalloc(sizeof(*n));

	BUG_ON(!n);
	list_init(&n->children);
	n->ino = next_ino++;
	n->name = kzalloc(len + 1);
	BUG_ON(!n->name);
	memcpy(n->name, name, len);
	n->len = len;
	spin_lock(&nodes_lock);
	list_add_tail(&n->sibling, &dir->children);
	spin_unlock(&nodes_lock);
	return n;
}

void procfs_add(const struct pseudo_file *pf, void *priv)
{
	struct node *dir = &root_node, *n;
	const char *name = pf->name, *slash;

	while ((slash = strchr(name, '/'))) {
		n = find_child(dir, name, slash - name);
		dir = n ? n : add_child(dir, name, slash - name);
		name = slash + 1;
	}
	n = add_child(dir, name, strlen(name));
	n->priv = priv;
	n->pf = pf;
}

/* ---- small helpers ---- */

int proc_number(const char *name, size_t len)
{
	int n = 0;

	if (!len || len > 9 || (name[0] == '0' && len > 1))
		return -1;
	for (size_t i = 0; i < len; i++) {
		if (name[i] < '0' || name[i] > '9')
			return -1;
		n = n * 10 + (name[i] - '0');
	}
	return n;
}

int proc_set_inode(struct dentry *d, struct inode *inode, u64 ino)
{
	if (!inode)
		return -ENOMEM;
	inode->ino = ino;
	d_set_inode(d, inode);
	return 0;
}

bool proc_emit_dots(struct file *f, struct dir_context *ctx)
{
	if (ctx->pos == 0) {
		if (!ctx->emit(ctx, ".", 1, f->inode->ino, DT_DIR))
			return false;
		ctx->pos = 1;
	}
	if (ctx->pos == 1) {
		if (!ctx->emit(ctx, "..", 2, f->path.dentry->parent->inode->ino, DT_DIR))
			return false;
		ctx->pos = 2;
	}
	return true;
}

static void be_roots(struct inode *inode)
{
	inode->uid = 0;
	inode->gid = 0;
}

/* ---- folders of registered files ---- */

static const struct inode_ops node_iops, root_iops;
static const struct file_ops node_fops, root_fops;

static struct inode *node_inode(struct super *sb, struct node *n)
{
	struct inode *inode =
		n->pf ? pseudo_inode(sb, n->pf, n->priv) : inode_new(sb, S_IFDIR | 0555);

	if (!inode)
		return NULL;
	be_roots(inode);
	if (!n->pf) {
		inode->ops = &node_iops;
		inode->fops = &node_fops;
		inode->priv = n;
		inode->nlink = 2;
	}
	return inode;
}

static int node_lookup(struct inode *dir, struct dentry *d)
{
	struct node *n = find_child(dir->priv, d->name, d->name_len);

	return n ? proc_set_inode(d, node_inode(dir->sb, n), n->ino) : -ENOENT;
}

/* Emits the children of dir from position 2 on. */
static bool node_emit(struct node *dir, struct dir_context *ctx)
{
	loff_t at = 2;
	struct node *n;

	/* Nodes never go away: the list may be walked without the lock once its head was read. */
	list_for_each(n, &dir->children, sibling) {
		if (at++ < ctx->pos)
			continue;
		if (!ctx->emit(ctx, n->name, n->len, n->ino, n->pf ? DT_REG : DT_DIR))
			return false;
		ctx->pos = at;
	}
	return true;
}

static int node_iterate(struct file *f, struct dir_context *ctx)
{
	if (proc_emit_dots(f, ctx))
		node_emit(f->inode->priv, ctx);
	return 0;
}

static const struct inode_ops node_iops = { .lookup = node_lookup };
static const struct file_ops node_fops = { .iterate = node_iterate };

/* ---- self, thread-self, mounts: links that depend on the reader ---- */

static struct pid_ns *sb_ns(const struct super *sb)
{
	return sb->priv;
}

static int self_readlink(struct inode *inode, char *buf, size_t size)
{
	pid_t nr = task_tgid_in(current, sb_ns(inode->sb));

	return nr ? snprintf(buf, size, "%d", nr) : -ENOENT;
}

static int thread_self_readlink(struct inode *inode, char *buf, size_t size)
{
	struct pid_ns *ns = sb_ns(inode->sb);
	pid_t nr = task_tgid_in(current, ns);

	return nr ? snprintf(buf, size, "%d/task/%d", nr, task_tid_in(current, ns)) : -ENOENT;
}

static int mounts_readlink(struct inode *inode, char *buf, size_t size)
{
	return snprintf(buf, size, "self/mounts");
}

static int net_readlink(struct inode *inode, char *buf, size_t size)
{
	return snprintf(buf, size, "self/net");
}

static const struct reader_link {
	const char *name;
	struct inode_ops iops;
} reader_links[] = {
	{ "self", { .readlink = self_readlink } },
	{ "thread-self", { .readlink = thread_self_readlink } },
	{ "mounts", { .readlink = mounts_readlink } },
	{ "net", { .readlink = net_readlink } },
};
#define NR_READER_LINKS ARRAY_SIZE(reader_links)

/* ---- the root ---- */

static struct inode *reader_link_inode(struct super *sb, const struct reader_link *l)
{
	struct inode *inode = inode_new(sb, S_IFLNK | 0777);

	if (inode) {
		be_roots(inode);
		inode->ops = &l->iops;
	}
	return inode;
}

static int root_lookup(struct inode *dir, struct dentry *d)
{
	struct node *n = find_child(&root_node, d->name, d->name_len);
	int nr = proc_number(d->name, d->name_len), err = -ENOENT;
	struct pid *pid;
	struct task *t;

	if (n)
		return proc_set_inode(d, node_inode(dir->sb, n), n->ino);
	for (int i = 0; i < NR_READER_LINKS; i++)
		if (!strcmp(reader_links[i].name, d->name))
			return proc_set_inode(d, reader_link_inode(dir->sb, &reader_links[i]),
					      LINK_INO(i));
	pid = nr > 0 ? pid_find(sb_ns(dir->sb), nr) : NULL;
	if (!pid)
		return -ENOENT;
	t = pid_task(pid, PID_TASK);
	if (t) {
		err = proc_set_inode(d, pid_inode(dir->sb, pid, &proc_pid_entry, -1, true),
				     (u64)nr << 1);
		task_put(t);
	}
	pid_put(pid);
	return err;
}

static bool emit_pids(struct pid_ns *ns, struct dir_context *ctx)
{
	pid_t nr = ctx->pos - POS_PIDS;
	struct pid *pid;
	char name[12];

	for (; (pid = pid_next(ns, &nr)); nr++) {
		struct task *t = pid_task(pid, PID_PROCESS);
		bool room = true;

		pid_put(pid);
		if (t) {
			size_t len = snprintf(name, sizeof(name), "%d", nr);

			task_put(t);
			room = ctx->emit(ctx, name, len, (u64)nr << 1, DT_DIR);
		}
		if (!room)
			return false;
		ctx->pos = POS_PIDS + nr + 1;
	}
	return true;
}

static int root_iterate(struct file *f, struct dir_context *ctx)
{
	if (!proc_emit_dots(f, ctx))
		return 0;
	if (ctx->pos < POS_PIDS / 2) {
		if (!node_emit(&root_node, ctx))
			return 0;
		ctx->pos = POS_PIDS / 2;
	}
	while (ctx->pos < POS_PIDS / 2 + (loff_t)NR_READER_LINKS) {
		int i = ctx->pos - POS_PIDS / 2;
		const char *name = reader_links[i].name;

		if (!ctx->emit(ctx, name, strlen(name), LINK_INO(i), DT_LNK))
			return 0;
		ctx->pos++;
	}
	if (ctx->pos < POS_PIDS)
		ctx->pos = POS_PIDS + 1;
	emit_pids(sb_ns(f->inode->sb), ctx);
	return 0;
}

static const struct inode_ops root_iops = { .lookup = root_lookup };
static const struct file_ops root_fops = { .iterate = root_iterate };

/* ---- the file system ---- */

static bool is_pid_inode(const struct inode *inode)
{
	return inode->priv &&
	       (S_ISDIR(inode->mode)
			? inode->fops != &node_fops && inode->fops != &root_fops
			: inode->ops == &proc_link_iops || inode->fops == &proc_mem_fops);
}

static void proc_evict(struct inode *inode)
{
	if (is_pid_inode(inode))
		pid_inode_put(inode->priv);
	else
		pseudo_evict(inode);
}

static bool proc_revalidate(struct dentry *d)
{
	struct inode *inode = d->inode;
	const struct pinode *p;

	if (!inode)
		return false;
	if (!is_pid_inode(inode))
		return true;
	p = inode->priv;
	if (list_empty(&p->pid->tasks[PID_TASK]))
		return false;
	return p->fd < 0 || proc_fd_open(p);
}

static void proc_put_super(struct super *sb)
{
	ns_put(&sb_ns(sb)->ns);
}

static int proc_statfs(struct super *sb, struct statfs *st)
{
	return 0;
}

static const struct super_ops proc_super_ops = {
	.evict = proc_evict,
	.put_super = proc_put_super,
	.statfs = proc_statfs,
	.revalidate = proc_revalidate,
};

static int proc_fill(struct super *sb, const char *source, unsigned long flags, const char *data)
{
	struct task *t = thread_task(current_thread());
	struct pid_ns *ns = t ? task_pid_ns(t) : &init_pid_ns;
	struct inode *root;

	sb->magic = PROC_SUPER_MAGIC;
	sb->ops = &proc_super_ops;
	sb->uncached = true;
	sb->priv = ns;
	ns_get(&ns->ns);
	root = inode_new(sb, S_IFDIR | 0555);
	if (!root)
		return -ENOMEM;
	be_roots(root);
	root->ops = &root_iops;
	root->fops = &root_fops;
	root->nlink = 2;
	root->ino = root_node.ino;
	return sb_set_root(sb, root);
}

static struct user_ns *proc_owner(void)
{
	return current_thread()->cred ? task_pid_ns(current)->ns.owner : NULL;
}

static struct fs_type proc_type = {
	.name = "proc",
	.nodev = true,
	.userns_mount = true,
	.userns_visible = true,
	.owner = proc_owner,
	.fill = proc_fill,
};

void procfs_init(void)
{
	procfs_sys_init();
	fs_register(&proc_type);
}
