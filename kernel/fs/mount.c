/* SPDX-License-Identifier: MIT */
/*
 * Mounts: the trees that make one name space of many file systems (mount_namespaces(7)). A mount
 * shows a super's tree, from some directory down, at a place in another mount.
 *
 * Always: an attached mount is kept alive by its tree (one reference), hangs in its parent's list
 * (mount order) and search tree (by mountpoint), at most one at a place. A detached one is its own
 * parent and lives while paths use it. Children hold no reference to their parent: whoever takes
 * the parent off takes them off first.
 *
 * mount_mutex is held by who changes trees; mount_lock (a spinlock) for the change itself and by
 * path walk. Read next: mnt_ns.c (namespaces), mountcalls.c (the system calls), propagate.c, mount_show.c.
 */
#include "fs/internal.h"

spinlock_t mount_lock;
struct mutex mount_mutex = MUTEX_INIT(mount_mutex);
static int last_mount_id;
static struct kmem_cache *mount_cache;

/* One reference; sb's reference moves here, root gets one. */
struct mount *mount_alloc(struct super *sb, struct dentry *root, const char *source)
{
	struct mount *m;

	if (!mount_cache)
		mount_cache = kmem_cache_create("mount", sizeof(*m), false);
	m = kmem_cache_zalloc(mount_cache);
	if (!m)
		return NULL;
	if (source && sb->source && (source == sb->source || !strcmp(source, sb->source)))
		m->source = sb->source;
	else
		m->source = source ? kstrdup(source) : NULL;
	if (source && !m->source) {
		kmem_cache_free(mount_cache, m);
		return NULL;
	}
	ref_init(&m->refs);
	m->id = __atomic_add_fetch(&last_mount_id, 1, __ATOMIC_RELAXED);
	m->sb = sb;
	m->root = dget(root);
	m->parent = m;
	list_init(&m->children);
	list_init(&m->child_link);
	list_init(&m->peers);
	list_init(&m->slaves);
	list_init(&m->slave_link);
	list_init(&m->doomed);
	spin_lock(&mount_lock);
	list_add(&m->sb_link, &sb->mounts);
	spin_unlock(&mount_lock);
	return m;
}

void mount_put(struct mount *m)
{
	if (!m)
		return;
	if (unlikely(READ_ONCE(m->flags) & MNT_EXPIRING)) { /* it was used */
		spin_lock(&mount_lock);
		m->flags &= ~MNT_EXPIRING;
		spin_unlock(&mount_lock);
	}
	if (!ref_put(&m->refs))
		return;
	spin_lock(&mount_lock);
	list_del(&m->sb_link);
	spin_unlock(&mount_lock);
	dput(m->root);
	if (m->source != m->sb->source)
		kfree(m->source);
	super_put(m->sb);
	kmem_cache_free(mount_cache, m);
}

struct mount *kern_mount(struct fs_type *type)
{
	struct super *sb = super_get(type, NULL, 0, NULL);
	struct mount *m;

	if (IS_ERR(sb))
		return (struct mount *)sb;
	m = mount_alloc(sb, sb->root, type->name);
	if (!m) {
		super_put(sb);
		return ERR_PTR(-ENOMEM);
	}
	return m;
}

struct mount *mount_find(struct mount *parent, struct dentry *mp)
{
	struct rb_node *n = parent->child_tree.node;

	while (n) {
		struct mount *m = rb_entry(n, struct mount, child_rb);

		if (mp == m->mountpoint)
			return m;
		n = mp < m->mountpoint ? n->left : n->right;
	}
	return NULL;
}

struct mount *mount_on(struct dentry *d, const struct mnt_ns *ns)
{
	struct mount *m, *c;

	list_for_each(m, &d->sb->mounts, sb_link) {
		c = !ns || m->ns == ns ? mount_find(m, d) : NULL;
		if (c)
			return c;
	}
	return NULL;
}

void mounts_forget(struct dentry *d)
{
	struct mount *m;

	if (!READ_ONCE(d->nr_mounts))
		return;
	mutex_lock(&mount_mutex);
	for (;;) {
		struct mnt_ns *ns;

		spin_lock(&mount_lock);
		m = mount_on(d, NULL);
		spin_unlock(&mount_lock);
		if (!m)
			break;
		ns = m->ns;
		mount_drop_tree(m);
		mnt_ns_changed(ns);
	}
	mount_unlock();
}

void mount_attach(struct mount *m, struct mount *parent, struct dentry *mp)
{
	struct rb_node **link = &parent->child_tree.node, *up = NULL;

	dget(mp);
	spin_lock(&mount_lock);
	while (*link) {
		up = *link;
		link = mp < rb_entry(up, struct mount, child_rb)->mountpoint ? &up->left
									     : &up->right;
	}
	rb_insert(&parent->child_tree, &m->child_rb, up, link);
	list_add_tail(&m->child_link, &parent->children);
	m->parent = parent;
	m->mountpoint = mp;
	mp->nr_mounts++;
	spin_unlock(&mount_lock);
}

void mount_detach(struct mount *m)
{
	struct dentry *mp = m->mountpoint;

	if (m->parent == m)
		return;
	spin_lock(&mount_lock);
	rb_erase(&m->parent->child_tree, &m->child_rb);
	list_del(&m->child_link);
	m->parent = m;
	m->mountpoint = NULL;
	mp->nr_mounts--;
	__atomic_fetch_add(&d_moves, 1, __ATOMIC_RELAXED);
	spin_unlock(&mount_lock);
	dput(mp);
}

bool mount_reachable(const struct mount *m, struct dentry *d, const struct path *p)
{
	while (m != p->mnt && m->parent != m) {
		d = m->mountpoint;
		m = m->parent;
	}
	return m == p->mnt && d_is_ancestor(p->dentry, d);
}

struct mount *mount_after(struct mount *m, struct mount *top)
{
	while (m != top) {
		if (m->child_link.next != &m->parent->children)
			return list_first(&m->child_link, struct mount, child_link);
		m = m->parent;
	}
	return NULL;
}

struct mount *mount_next(struct mount *m, struct mount *top)
{
	if (!list_empty(&m->children))
		return list_first(&m->children, struct mount, child_link);
	return mount_after(m, top);
}

u64 mount_max = 100000;

void mounts_count(struct mnt_ns *ns, struct mount *tree, int by)
{
	struct mount *m;

	for_each_in_tree(m, tree) ns->nr_mounts += by;
}

int mounts_reserve(struct mnt_ns *ns, struct mount *tree)
{
	mounts_count(ns, tree, 1);
	if (ns->nr_mounts <= READ_ONCE(mount_max))
		return 0;
	mounts_count(ns, tree, -1);
	return -ENOSPC;
}

void mount_set_ns(struct mount *tree, struct mnt_ns *ns)
{
	struct mount *m;

	for_each_in_tree(m, tree) m->ns = ns;
}

static void drop_one(struct mount *m)
{
	mount_unshare(m);
	if (m->ns) {
		m->ns->nr_mounts--;
		m->ns = NULL;
	}
	mount_detach(m);
	mount_put(m);
}

void mount_drop_tree(struct mount *top)
{
	struct mount *m = top;

	for (;;) {
		struct mount *parent;

		while (!list_empty(&m->children))
			m = list_last(&m->children, struct mount, child_link);
		parent = m->parent;
		drop_one(m);
		if (m == top)
			return;
		m = parent;
	}
}

static struct mount *copy_one(struct mount *m, struct dentry *root, unsigned int how)
{
	struct mount *c = mount_alloc(m->sb, root, m->source);

	if (!c)
		return NULL;
	ref_get(&m->sb->refs);
	c->flags = m->flags & ~(MNT_DOOMED | MNT_EXPIRING);
	if (!(how & COPY_NAMESPACE))
		c->flags &= ~MNT_UNBINDABLE;
	c->locked = m->locked;
	if (how & COPY_LOCKED)
		c->locked |= (m->flags & MNT_RESTRICT) | MNT_ATIME;
	mount_join(c, m, how & COPY_SLAVE);
	return c;
}

/* Is m left out of a copy, with all on it? */
static bool stays_behind(const struct mount *m, unsigned int how)
{
	return (m->flags & MNT_UNBINDABLE && !(how & COPY_NAMESPACE)) ||
	       (mnt_ns_of_file(m->root) && !(how & COPY_MNT_NS));
}

struct mount *mount_copy_tree(struct mount *top, struct dentry *root, bool rec, unsigned int how)
{
	struct mount *copy, *at, *m = top, *c;

	if (stays_behind(top, how))
		return ERR_PTR(-EINVAL);
	at = copy = copy_one(top, root, how);
	if (!copy)
		return ERR_PTR(-ENOMEM);
	if (!(how & COPY_NAMESPACE))
		copy->flags &= ~MNT_LOCKED;
	if (!rec || list_empty(&top->children))
		return copy;
	m = list_first(&top->children, struct mount, child_link);
	while (m != top) {
		bool elsewhere = m->parent == top && !d_is_ancestor(root, m->mountpoint);
		bool skip = elsewhere || stays_behind(m, how);

		if (skip && !elsewhere && m->flags & MNT_LOCKED && m->flags & MNT_UNBINDABLE) {
			mount_drop_tree(copy); /* the copy would show what it covers */
			return ERR_PTR(-EPERM);
		}
		if (!skip) {
			c = copy_one(m, m->root, how);
			if (!c) {
				mount_drop_tree(copy);
				return ERR_PTR(-ENOMEM);
			}
			if (how & COPY_LOCKED)
				c->flags |= MNT_LOCKED;
			mount_attach(c, at, m->mountpoint);
			if (!list_empty(&m->children)) {
				m = list_first(&m->children, struct mount, child_link);
				at = c;
				continue;
			}
		}
		while (m != top && m->child_link.next == &m->parent->children) {
			m = m->parent;
			if (m != top)
				at = at->parent;
		}
		if (m != top)
			m = list_first(&m->child_link, struct mount, child_link);
	}
	return copy;
}

/* ---- the first tree ---- */

static struct fs_context init_fs = { .umask = 022 };

static void mount_rootfs(void)
{
	struct mount *m = kern_mount(&rootfs_type);

	if (IS_ERR(m))
		panic("no memory for the first file system");
	mnt_ns_setup(&init_mnt_ns);
	ns_init(&init_mnt_ns.ns, &mnt_ns_ops, NULL, ns_new_inum()); /* 0xf0000000 */
	init_mnt_ns.root = m;
	mounts_count(&init_mnt_ns, m, 1);
	mount_set_ns(m, &init_mnt_ns);
	ref_init(&init_fs.refs);
	init_fs.root.mnt = init_fs.cwd.mnt = m;
	init_fs.root.dentry = init_fs.cwd.dentry = m->root;
	path_get(&init_fs.root);
	path_get(&init_fs.cwd);
	init_fs.ns = &init_mnt_ns;
	ns_get(&init_mnt_ns.ns);
	list_add(&init_fs.ns_link, &init_mnt_ns.contexts);
	current_thread()->fs = &init_fs;
}

void fs_init(void)
{
	file_init();
	mm_shrink_hook = dentry_shrink;
	fs_register(&rootfs_type);
	fs_register(&tmpfs_type);
	fs_register(&ramfs_type);
	mount_rootfs();
	devtmpfs_init();
	sysfs_init();
	fs_register(&erofs_type);
	overlay_init();
	fs_register(&p9_type);
}
