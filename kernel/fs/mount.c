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
 * path walk. What goes under the mutex may hold the last reference to a namespace (a bound file of
 * /proc/N/ns): such a one waits in dead_namespaces until mount_unlock(). Read next: mountcalls.c (the system calls), propagate.c, mount_show.c.
 */
#include "fs/internal.h"

spinlock_t mount_lock;
struct mutex mount_mutex = MUTEX_INIT(mount_mutex);
static int last_mount_id;
static struct list_head dead_namespaces = LIST_INIT(dead_namespaces); /* guarded by mount_lock */
static struct kmem_cache *mount_cache;

static void mnt_ns_free(struct ns_common *c);
const struct ns_ops mnt_ns_ops = { .name = "mnt", .clone_flag = 0x00020000, .free = mnt_ns_free };
struct mnt_ns init_mnt_ns;

/* One reference; sb's reference moves here, root gets one. */
struct mount *mount_alloc(struct super *sb, struct dentry *root, const char *source)
{
	struct mount *m;

	if (!mount_cache)
		mount_cache = kmem_cache_create("mount", sizeof(*m), false);
	m = kmem_cache_zalloc(mount_cache);
	if (!m)
		return NULL;
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
	m->flags = MNT_RELATIME;
	list_init(&m->children);
	list_init(&m->child_link);
	list_init(&m->peers);
	list_init(&m->slaves);
	list_init(&m->slave_link);
	list_init(&m->doomed);
	return m;
}

void mount_put(struct mount *m)
{
	if (!m || !ref_put(&m->refs))
		return;
	dput(m->root);
	super_put(m->sb);
	kfree(m->source);
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

static struct mount *mount_after(struct mount *m, struct mount *top)
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

void mount_set_ns(struct mount *tree, struct mnt_ns *ns)
{
	struct mount *m;

	for_each_in_tree(m, tree)
	{
		if (m->ns)
			m->ns->nr_mounts--;
		m->ns = ns;
		if (ns)
			ns->nr_mounts++;
	}
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
	c->flags = m->flags & ~(MNT_LOCKED | MNT_UNBINDABLE | MNT_DOOMED);
	if (how & COPY_UNBINDABLE)
		c->flags |= m->flags & (MNT_LOCKED | MNT_UNBINDABLE);
	if (how & COPY_LOCKED)
		c->flags |= MNT_LOCK_FLAGS;
	mount_join(c, m, how & COPY_SLAVE);
	return c;
}

struct mount *mount_copy_tree(struct mount *top, struct dentry *root, bool rec, unsigned int how)
{
	struct mount *copy = copy_one(top, root, how), *at = copy, *m = top, *c;

	if (!copy)
		return ERR_PTR(-ENOMEM);
	if (!rec || list_empty(&top->children))
		return copy;
	m = list_first(&top->children, struct mount, child_link);
	while (m != top) {
		bool skip = (m->flags & MNT_UNBINDABLE && !(how & COPY_UNBINDABLE)) ||
			    (m->parent == top && !d_is_ancestor(root, m->mountpoint));

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

/* ---- namespaces ---- */

void mnt_ns_changed(struct mnt_ns *ns)
{
	if (!ns)
		return;
	__atomic_fetch_add(&ns->event, 1, __ATOMIC_RELAXED);
	waitq_wake_all(&ns->wait, POLLERR | POLLPRI);
}

static struct mnt_ns *next_dead(void)
{
	struct mnt_ns *ns = NULL;

	spin_lock(&mount_lock);
	if (!list_empty(&dead_namespaces)) {
		ns = list_first(&dead_namespaces, struct mnt_ns, contexts);
		list_del(&ns->contexts);
	}
	spin_unlock(&mount_lock);
	return ns;
}

void mount_unlock(void)
{
	struct mnt_ns *ns;

	do {
		while ((ns = next_dead())) {
			mount_drop_tree(ns->root);
			kfree(ns);
		}
		mutex_unlock(&mount_mutex);
		/* Who adds one and does not get the mutex leaves it to us. */
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
	} while (!list_empty(&dead_namespaces) && mutex_trylock(&mount_mutex));
}

/* The current thread may hold mount_mutex already: whoever has it does the work. */
static void mnt_ns_free(struct ns_common *c)
{
	struct mnt_ns *ns = container_of(c, struct mnt_ns, ns);

	spin_lock(&mount_lock);
	list_add(&ns->contexts, &dead_namespaces);
	spin_unlock(&mount_lock);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (mutex_trylock(&mount_mutex))
		mount_unlock();
}

static void mnt_ns_setup(struct mnt_ns *ns)
{
	waitq_init(&ns->wait);
	list_init(&ns->contexts);
}

/* fs (nobody else uses it yet, or its only thread is the current one) now stands in ns. */
static void context_move(struct fs_context *fs, struct mnt_ns *ns, const struct path *root,
			 const struct path *cwd)
{
	struct path old_root, old_cwd;
	struct mnt_ns *old_ns;

	path_get(root);
	path_get(cwd);
	ns_get(&ns->ns);
	spin_lock(&mount_lock);
	spin_lock(&fs->lock);
	old_root = fs->root;
	old_cwd = fs->cwd;
	old_ns = fs->ns;
	fs->root = *root;
	fs->cwd = *cwd;
	fs->ns = ns;
	list_del(&fs->ns_link);
	list_add(&fs->ns_link, &ns->contexts);
	spin_unlock(&fs->lock);
	spin_unlock(&mount_lock);
	path_put(&old_root);
	path_put(&old_cwd);
	ns_put(&old_ns->ns);
}

struct mnt_ns *mnt_ns_copy(struct mnt_ns *old, struct user_ns *owner, struct fs_context *fs)
{
	bool other = owner != old->ns.owner;
	struct mnt_ns *ns = kzalloc(sizeof(*ns));
	struct mount *a, *b;
	struct path root = fs->root, cwd = fs->cwd;

	if (!ns)
		return ERR_PTR(-ENOMEM);
	mnt_ns_setup(ns);
	mutex_lock(&mount_mutex);
	b = mount_copy_tree(old->root, old->root->root, true,
			    COPY_UNBINDABLE | (other ? COPY_SLAVE | COPY_LOCKED : 0));
	if (IS_ERR(b)) {
		mount_unlock();
		kfree(ns);
		return (struct mnt_ns *)b;
	}
	ns_init(&ns->ns, &mnt_ns_ops, owner, ns_new_inum());
	ns->root = b;
	mount_set_ns(b, ns);
	/* Both trees have the same shape: where fs stands moves to the copies. */
	for (a = old->root; a; a = mount_next(a, old->root), b = mount_next(b, ns->root)) {
		if (a == fs->root.mnt)
			root.mnt = b;
		if (a == fs->cwd.mnt)
			cwd.mnt = b;
	}
	mount_unlock();
	context_move(fs, ns, &root, &cwd);
	return ns;
}

void mnt_ns_enter(struct mnt_ns *ns, struct fs_context *fs)
{
	struct path root = { 0 };

	mutex_lock(&mount_mutex);
	root.mnt = ns->root;
	root.dentry = ns->root->root;
	path_get(&root);
	mount_unlock();
	path_descend(&root);
	context_move(fs, ns, &root, &root);
	path_put(&root);
}

/* ---- the first tree ---- */

static struct fs_context init_fs = { .umask = 022 };

static void mount_rootfs(void)
{
	struct mount *m = kern_mount(&rootfs_type);

	if (IS_ERR(m))
		panic("no memory for the first file system");
	mnt_ns_setup(&init_mnt_ns);
	ns_init(&init_mnt_ns.ns, &mnt_ns_ops, NULL, 0xf0000000);
	init_mnt_ns.root = m;
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
	fs_register(&overlay_type);
}
