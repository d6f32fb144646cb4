/* SPDX-License-Identifier: MIT */
/*
 * Mount namespaces (mount_namespaces(7)): each has one tree of mounts, and knows who stands in it. A copy
 * for a less privileged owner is locked: what came from above cannot be taken apart there.
 *
 * What goes under mount_mutex may hold the last reference to a namespace (a bound file of /proc/N/ns):
 * such a one waits in dead_namespaces, guarded by mount_lock, until mount_unlock().
 */
#include "fs/internal.h"

static struct list_head dead_namespaces = LIST_INIT(dead_namespaces);

static void mnt_ns_free(struct ns_common *c);
const struct ns_ops mnt_ns_ops = { .name = "mnt", .clone_flag = 0x00020000, .free = mnt_ns_free };
struct mnt_ns init_mnt_ns;

void mnt_ns_changed(struct mnt_ns *ns)
{
	if (!ns)
		return;
	__atomic_fetch_add(&ns->event, 1, __ATOMIC_RELAXED);
	waitq_wake_all(&ns->wait, POLLERR | POLLPRI);
}

struct mnt_ns *mnt_ns_of_file(const struct dentry *d)
{
	struct ns_common *ns = d->sb->magic == NSFS_MAGIC ? d->inode->priv : NULL;

	return ns && ns->ops == &mnt_ns_ops ? container_of(ns, struct mnt_ns, ns) : NULL;
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

void mnt_ns_setup(struct mnt_ns *ns)
{
	static u64 made;

	waitq_init(&ns->wait);
	list_init(&ns->contexts);
	ns->seq = __atomic_add_fetch(&made, 1, __ATOMIC_RELAXED);
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
			    COPY_NAMESPACE | (other ? COPY_SLAVE | COPY_LOCKED : 0));
	if (IS_ERR(b)) {
		mount_unlock();
		kfree(ns);
		return (struct mnt_ns *)b;
	}
	ns_init(&ns->ns, &mnt_ns_ops, owner, ns_new_inum());
	ns->root = b;
	mounts_count(ns, b, 1); /* whatever the limit: it is no more than was there */
	mount_set_ns(b, ns);
	/* LAB 06: begin
	 * Where does fs stand? root and cwd, copies of fs->root and fs->cwd, still name mounts of the old
	 * tree: whoever stays there would see nothing of what is mounted in the new one. b is the new tree's
	 * root, and both trees have the same shape: walk them side by side (mount_next(m, top): the next mount
	 * of a tree, parents first, NULL at the end) and where the old mount is fs->root.mnt or fs->cwd.mnt, put
	 * the new one into root.mnt or cwd.mnt. One thing makes them differ: a mount whose root is itself a
	 * file of a mount namespace (mnt_ns_of_file()) was not copied, nor what is on it. mount_after() goes
	 * past it.
	 * starter: a = b;
	 * starter: (void)a;
	 */
	/* Both trees have the same shape, but for what was not copied: where fs stands moves to the copies. */
	for (a = old->root; a; a = mount_next(a, old->root)) {
		while (a && mnt_ns_of_file(a->root))
			a = mount_after(a, old->root);
		if (!a)
			break;
		if (a == fs->root.mnt)
			root.mnt = b;
		if (a == fs->cwd.mnt)
			cwd.mnt = b;
		b = mount_next(b, ns->root);
	}
	/* LAB 06: end */
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
