/* SPDX-License-Identifier: MIT */
/*
 * Names. A dentry is one component of a path; each directory has a tree of those it has been asked
 * about, also of names that do not exist (inode NULL), so that a second lookup asks nobody.
 *
 * Always: a dentry holds a reference to its parent. A hashed one is in its parent's tree and stays
 * there when its count is 0 (a cached name, on the lru list); a file system that keeps its names
 * here only (tmpfs) holds a reference of its own. An unhashed one is freed with the last reference,
 * and keeps no cached names below it: all that is cached can be reached from its super's root.
 *
 * Locks: parent->lock guards its tree and lets counts of its children go from 0 to 1 and back;
 * d_tree_lock (outer) is held while names or parents change, and by who walks upwards; lru_lock
 * (innermost) guards the lru list.
 */
#include "fs/internal.h"

spinlock_t d_tree_lock;
u64 d_moves;
static spinlock_t lru_lock;
static struct list_head lru = LIST_INIT(lru);
static u64 nr_lru;
static struct kmem_cache *dentry_cache;
#define LRU_MIN 4096
#define LRU_BATCH 64

static u32 name_hash(const char *name, size_t len)
{
	u32 h = NAME_HASH_START;

	for (size_t i = 0; i < len; i++)
		h = name_hash_add(h, name[i]);
	return h;
}

static int name_cmp(u32 hash, const char *name, size_t len, const struct dentry *d)
{
	if (hash != d->hash)
		return hash < d->hash ? -1 : 1;
	if (len != d->name_len)
		return len < d->name_len ? -1 : 1;
	for (size_t i = 0; i < len; i++) /* names are short: cheaper than a call */
		if (name[i] != d->name[i])
			return name[i] < d->name[i] ? -1 : 1;
	return 0;
}

static struct dentry *d_new(struct super *sb, const char *name, size_t len, u32 hash)
{
	struct dentry *d;

	if (!dentry_cache)
		dentry_cache = kmem_cache_create("dentry", sizeof(struct dentry), false);
	d = kmem_cache_zalloc(dentry_cache);
	if (!d)
		return NULL;
	d->name = d->iname;
	if (len >= DNAME_INLINE) {
		d->name = kmalloc(len + 1);
		if (!d->name) {
			kmem_cache_free(dentry_cache, d);
			return NULL;
		}
	}
	memcpy(d->name, name, len);
	d->name[len] = '\0';
	d->name_len = len;
	d->hash = hash;
	ref_init(&d->refs);
	spin_init(&d->lock);
	list_init(&d->lru);
	d->sb = sb;
	d->unhashed = true;
	return d;
}

static struct dentry *d_new_in(struct dentry *parent, const char *name, size_t len, u32 hash)
{
	struct dentry *d = d_new(parent->sb, name, len, hash);

	if (d)
		d->parent = dget(parent);
	return d;
}

struct dentry *d_alloc(struct dentry *parent, const char *name, size_t len)
{
	return d_new_in(parent, name, len, name_hash(name, len));
}

struct dentry *d_make_root(struct super *sb, struct inode *inode)
{
	return d_alone(sb, "/", inode);
}

int sb_set_root(struct super *sb, struct inode *inode)
{
	sb->root = inode ? d_make_root(sb, inode) : NULL;
	if (!sb->root)
		inode_put(inode);
	return sb->root ? 0 : -ENOMEM;
}

struct dentry *d_alone(struct super *sb, const char *name, struct inode *inode)
{
	size_t len = strlen(name);
	struct dentry *d = d_new(sb, name, len, name_hash(name, len));

	if (!d)
		return NULL;
	d->parent = d;
	d->inode = inode;
	d->unhashed = false;
	return d;
}

/* The child in parent's tree, or NULL and where it belongs. parent->lock held. */
static struct dentry *tree_find(struct dentry *parent, u32 hash, const char *name, size_t len,
				struct rb_node **up, struct rb_node ***link)
{
	*link = &parent->children.node;
	*up = NULL;
	while (**link) {
		struct dentry *d = rb_entry(**link, struct dentry, rb);
		int c = name_cmp(hash, name, len, d);

		if (!c)
			return d;
		*up = **link;
		*link = c < 0 ? &d->rb.left : &d->rb.right;
	}
	return NULL;
}

/* The cached name with a reference, or NULL; needs no lock. */
static struct dentry *d_cached(struct dentry *parent, const char *name, size_t len, u32 hash)
{
	struct rb_node *up, **link;
	struct dentry *d;

	spin_lock(&parent->lock);
	d = tree_find(parent, hash, name, len, &up, &link);
	if (d)
		ref_get(&d->refs);
	spin_unlock(&parent->lock);
	if (!d || !d->sb->ops || !d->sb->ops->revalidate)
		return d;
	if (READ_ONCE(d->nr_mounts) || d->sb->ops->revalidate(d))
		return d;
	d_drop(d);
	dput(d);
	return NULL;
}

/* d_tree_lock and parent->lock held. A name already there (a race lost) is forgotten. */
static void tree_insert(struct dentry *d)
{
	struct dentry *parent = d->parent, *old;
	struct rb_node *up, **link;

	old = tree_find(parent, d->hash, d->name, d->name_len, &up, &link);
	if (WARN_ON(old != NULL))
		return;
	rb_insert(&parent->children, &d->rb, up, link);
	d->unhashed = false;
}

static void tree_erase(struct dentry *d)
{
	if (d->unhashed)
		return;
	rb_erase(&d->parent->children, &d->rb);
	d->unhashed = true;
}

void d_hash(struct dentry *d)
{
	spin_lock(&d->parent->lock);
	tree_insert(d);
	spin_unlock(&d->parent->lock);
}

static void lru_del(struct dentry *d)
{
	spin_lock(&lru_lock);
	if (!list_empty(&d->lru)) {
		list_del(&d->lru);
		nr_lru--;
	}
	spin_unlock(&lru_lock);
}

static void d_free(struct dentry *d)
{
	lru_del(d);
	inode_put(d->inode);
	if (d->name != d->iname)
		kfree(d->name);
	kmem_cache_free(dentry_cache, d);
}

/* Drops one reference unless it is the last. */
static bool ref_put_unless_last(ref_t *r)
{
	u32 n = ref_read(r);

	while (n > 1)
		if (__atomic_compare_exchange_n(&r->n, &n, n - 1, true, __ATOMIC_ACQ_REL,
						__ATOMIC_RELAXED))
			return true;
	return false;
}

/* One reference less. The parent when d is gone and its reference to the parent is to be dropped. */
static struct dentry *dput_one(struct dentry *d)
{
	struct dentry *parent;
	bool gone;

	if (ref_put_unless_last(&d->refs))
		return NULL;
	spin_lock(&d_tree_lock); /* the parent must not change */
	parent = d->parent;
	if (parent == d) {
		gone = ref_put(&d->refs);
		spin_unlock(&d_tree_lock);
		if (gone)
			d_free(d);
		return NULL;
	}
	spin_lock(&parent->lock);
	gone = ref_put(&d->refs);
	if (gone && !d->unhashed) {
		if (d->sb->uncached || parent->unhashed) {
			tree_erase(d);
		} else {
			gone = false;
			spin_lock(&lru_lock);
			if (list_empty(&d->lru)) {
				list_add(&d->lru, &lru);
				nr_lru++;
			}
			spin_unlock(&lru_lock);
		}
	}
	spin_unlock(&parent->lock);
	spin_unlock(&d_tree_lock);
	if (!gone)
		return NULL;
	d_free(d);
	return parent;
}

static u64 lru_limit(void)
{
	return max((u64)LRU_MIN, nr_frames / 16);
}

void dput(struct dentry *d)
{
	if (likely(d && ref_put_unless_last(&d->refs)))
		return;
	while (d)
		d = dput_one(d);
	if (unlikely(READ_ONCE(nr_lru) > lru_limit()))
		dentry_shrink(LRU_BATCH, false, NULL);
}

void d_set_inode(struct dentry *d, struct inode *inode)
{
	__atomic_store_n(&d->inode, inode, __ATOMIC_RELEASE);
}

/*
 * A directory that is gone forgets its cached names, none of which exists any more: each holds a
 * reference to it. The caller has one too.
 */
static void forget_children(struct dentry *dir)
{
	for (;;) {
		struct dentry *d = NULL;

		spin_lock(&d_tree_lock);
		spin_lock(&dir->lock);
		for (struct rb_node *n = rb_first(&dir->children); n; n = rb_next(n)) {
			d = rb_entry(n, struct dentry, rb);
			if (!ref_read(&d->refs))
				break;
			d = NULL;
		}
		if (d)
			tree_erase(d);
		spin_unlock(&dir->lock);
		spin_unlock(&d_tree_lock);
		if (!d)
			return;
		d_free(d);
		dput(dir);
	}
}

void d_drop(struct dentry *d)
{
	spin_lock(&d_tree_lock);
	if (d->parent != d) {
		spin_lock(&d->parent->lock);
		tree_erase(d);
		spin_unlock(&d->parent->lock);
	}
	spin_unlock(&d_tree_lock);
	forget_children(d);
}

void d_delete(struct dentry *d)
{
	struct inode *inode = NULL;

	if (READ_ONCE(d->children.node))
		forget_children(d);
	spin_lock(&d_tree_lock);
	spin_lock(&d->parent->lock);
	if (ref_read(&d->refs) == 1) {
		inode = d->inode;
		d->inode = NULL;
		if (d->sb->uncached)
			tree_erase(d);
	} else {
		tree_erase(d);
	}
	spin_unlock(&d->parent->lock);
	spin_unlock(&d_tree_lock);
	inode_put(inode);
}

struct dentry *d_lookup_hashed(struct dentry *parent, const char *name, size_t len, u32 hash)
{
	struct inode *dir = parent->inode;
	struct dentry *d = d_cached(parent, name, len, hash);
	struct res_counter *before;
	int err = 0;

	if (d)
		return d;
	if (len > NAME_MAX)
		return ERR_PTR(-ENAMETOOLONG);
	if (!dir->ops || !dir->ops->lookup)
		return ERR_PTR(-ENOTDIR);
	if (!dir->nlink) /* removed: nothing is ever found in it again */
		return ERR_PTR(-ENOENT);
	/* Who comes first must not pay for what everybody finds from now on: who mounted it does. */
	before = mem_pays(parent->sb->charge);
	d = d_new_in(parent, name, len, hash);
	if (d)
		err = dir->ops->lookup(dir, d);
	mem_pays_end(before);
	if (!d)
		return ERR_PTR(-ENOMEM);
	if (err) {
		dput(d);
		return ERR_PTR(err);
	}
	d_hash(d);
	return d;
}

struct dentry *d_lookup(struct dentry *parent, const char *name, size_t len)
{
	return d_lookup_hashed(parent, name, len, name_hash(name, len));
}

struct dentry *lookup_hashed(struct dentry *dir, const char *name, size_t len, u32 hash,
			     unsigned int flags)
{
	struct dentry *d = d_cached(dir, name, len, hash);

	if (d)
		return d;
	if (dir->sb->pins_names)
		return ERR_PTR(-ENOENT);
	if (flags & LOOKUP_CACHED)
		return ERR_PTR(-EAGAIN);
	mutex_lock(&dir->inode->lock);
	d = d_lookup_hashed(dir, name, len, hash);
	mutex_unlock(&dir->inode->lock);
	return d;
}

struct dentry *lookup_one(struct dentry *dir, const char *name, size_t len)
{
	return lookup_hashed(dir, name, len, name_hash(name, len), 0);
}

struct dentry *d_parent(struct dentry *d)
{
	struct dentry *p;

	spin_lock(&d_tree_lock);
	p = dget(d->parent);
	spin_unlock(&d_tree_lock);
	return p;
}

bool d_is_ancestor(struct dentry *a, struct dentry *d)
{
	bool yes;

	spin_lock(&d_tree_lock);
	while (d != a && d->parent != d)
		d = d->parent;
	yes = d == a;
	spin_unlock(&d_tree_lock);
	return yes;
}

/* Exchanges the names of two dentries; inline ones are copied. */
static void swap_names(struct dentry *a, struct dentry *b)
{
	char *an = a->name == a->iname ? NULL : a->name;
	char *bn = b->name == b->iname ? NULL : b->name;
	char tmp[DNAME_INLINE];
	u32 v;

	memcpy(tmp, a->iname, DNAME_INLINE);
	memcpy(a->iname, b->iname, DNAME_INLINE);
	memcpy(b->iname, tmp, DNAME_INLINE);
	a->name = bn ? bn : a->iname;
	b->name = an ? an : b->iname;
	v = a->name_len, a->name_len = b->name_len, b->name_len = v;
	v = a->hash, a->hash = b->hash, b->hash = v;
}

/* Both parents' trees change at once: their locks in address order. */
static void lock_two(struct dentry *a, struct dentry *b)
{
	spin_lock(a < b ? &a->lock : &b->lock);
	if (a != b)
		spin_lock_nested(a < b ? &b->lock : &a->lock, LOCK_SECOND);
}

void d_move(struct dentry *d, struct dentry *nd, bool exchange)
{
	struct dentry *op, *np;

	spin_lock(&d_tree_lock);
	op = d->parent;
	np = nd->parent;
	lock_two(op, np);
	tree_erase(d);
	tree_erase(nd);
	__atomic_fetch_add(&d_moves, 1, __ATOMIC_RELAXED);
	swap_names(d, nd);
	d->parent = np; /* the references to the parents change hands with the names */
	nd->parent = op;
	tree_insert(d);
	if (exchange)
		tree_insert(nd);
	spin_unlock(&op->lock);
	if (np != op)
		spin_unlock(&np->lock);
	spin_unlock(&d_tree_lock);
	if (!exchange && READ_ONCE(nd->children.node))
		forget_children(nd);
}

/* May d's name go? When memory is short: if that needs no lock, and d is on res's account. */
static bool may_go(const struct dentry *d, bool reclaim, const struct res_counter *res)
{
	return !reclaim || (d->sb->type->reclaim && res_is_below(d->sb->charge, res));
}

/*
 * Takes an unused name that may go off the lru and out of its tree; NULL when there is none among the
 * *scan last ones. Those that stay are put in front, some at a time.
 */
static struct dentry *shrink_one(bool reclaim, const struct res_counter *res, u64 *scan)
{
	struct dentry *d = NULL, *p;

	spin_lock(&d_tree_lock);
	for (unsigned int n = 0; n < LRU_BATCH; n++) {
		spin_lock(&lru_lock);
		if (list_empty(&lru) || !*scan) {
			*scan = 0;
			spin_unlock(&lru_lock);
			break;
		}
		--*scan;
		d = list_last(&lru, struct dentry, lru);
		list_del(&d->lru);
		if (!may_go(d, reclaim, res)) {
			list_add(&d->lru, &lru);
			spin_unlock(&lru_lock);
			d = NULL;
			continue;
		}
		nr_lru--;
		/* d's count may be above 0 now, but d is not freed: that takes d_tree_lock */
		spin_unlock(&lru_lock);
		p = d->parent;
		spin_lock(&p->lock);
		if (!ref_read(&d->refs)) {
			tree_erase(d);
			spin_unlock(&p->lock);
			break;
		}
		spin_unlock(&p->lock);
		d = NULL;
	}
	spin_unlock(&d_tree_lock);
	return d;
}

u64 dentry_shrink(u64 n, bool reclaim, const struct res_counter *res)
{
	u64 done = 0, scan = reclaim ? READ_ONCE(nr_lru) : ~0UL;

	while (done < n && scan) {
		struct dentry *d = shrink_one(reclaim, res, &scan), *parent;

		if (!d)
			continue;
		parent = d->parent;
		d_free(d);
		while (parent)
			parent = dput_one(parent);
		done++;
	}
	return done;
}

/* The deepest first name of the tree under d. */
static struct dentry *first_leaf(struct dentry *d)
{
	while (d->children.node)
		d = rb_entry(rb_first(&d->children), struct dentry, rb);
	return d;
}

void d_kill_tree(struct dentry *root)
{
	struct dentry *d;

	/* Nobody has a path into this super any more: only cached and pinned names are left. */
	while ((d = first_leaf(root)) != root) {
		spin_lock(&d_tree_lock);
		spin_lock(&d->parent->lock);
		tree_erase(d);
		spin_unlock(&d->parent->lock);
		spin_unlock(&d_tree_lock);
		lru_del(d);
		ref_put(&d->parent
				 ->refs); /* never its last: the parent is in a tree, or the root */
		d_free(d);
	}
	d_free(root);
}
