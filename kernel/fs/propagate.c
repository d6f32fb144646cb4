/* SPDX-License-Identifier: MIT */
/*
 * Shared subtrees (mount_namespaces(7)): what happens below one mount happens below its peers and
 * its slaves, too. Peers form a ring; a slave hangs in its master's list and may be shared itself,
 * with slaves of its own.
 *
 * All of it runs with mount_mutex held. Whom a new mount reaches is collected first, with the copies
 * (struct reach), breadth first and without recursion; then nothing can fail any more. Unmounting needs
 * no memory: next_reached() walks.
 */
#include "fs/internal.h"

static int last_group;
static u64 last_mark;

void mount_share(struct mount *m)
{
	if (!m->peer_group)
		m->peer_group = ++last_group;
}

void mount_make_slave(struct mount *m)
{
	struct mount *master = m->master, *s, *tmp;

	if (!m->peer_group)
		return;
	if (!list_empty(&m->peers))
		master = list_first(&m->peers, struct mount, peers);
	list_for_each_safe(s, tmp, &m->slaves, slave_link) {
		list_del(&s->slave_link);
		s->master = master;
		if (master)
			list_add_tail(&s->slave_link, &master->slaves);
	}
	list_del(&m->peers);
	m->peer_group = 0;
	list_del(&m->slave_link);
	m->master = master;
	if (master)
		list_add_tail(&m->slave_link, &master->slaves);
}

void mount_unshare(struct mount *m)
{
	mount_make_slave(m);
	list_del(&m->slave_link);
	m->master = NULL;
}

void mount_join(struct mount *copy, struct mount *of, bool as_slave)
{
	struct mount *master = of->master;

	if (of->peer_group && as_slave) {
		master = of;
	} else if (of->peer_group) {
		copy->peer_group = of->peer_group;
		list_add(&copy->peers, &of->peers);
	}
	copy->master = master;
	if (master)
		list_add_tail(&copy->slave_link, &master->slaves);
}

/* ---- whom an event reaches ---- */

struct reach {
	struct {
		struct mount *at;
		struct mount
			*copy; /* for propagate_mount(): what goes there; NULL: not visible there */
		struct mount *source; /* what copies for its own peers and slaves are made of */
	} * to;
	size_t n, cap;
	u64 mark;
	struct super *sb;
	struct dentry *mp;
	bool copying;
};

static int reach_add(struct reach *r, struct mount *at, struct mount *source, bool as_slave)
{
	bool visible = at->sb == r->sb && d_is_ancestor(at->root, r->mp);
	struct mount *copy = NULL;

	if (!at->ns) /* itself a copy on its way */
		return 0;

	at->mark = r->mark;
	if (r->n == r->cap) {
		size_t cap = r->cap ? r->cap * 2 : 8;
		void *bigger = kmalloc(cap * sizeof(*r->to));

		if (!bigger)
			return -ENOMEM;
		if (r->n)
			memcpy(bigger, r->to, r->n * sizeof(*r->to));
		kfree(r->to);
		r->to = bigger;
		r->cap = cap;
	}
	if (visible && r->copying) {
		struct mnt_ns *ns = r->to[0].at->ns;
		bool locked = at->ns && ns && at->ns->ns.owner != ns->ns.owner;

		copy = mount_copy_tree(source, source->root, true,
				       (as_slave ? COPY_SLAVE : 0) | (locked ? COPY_LOCKED : 0));
		if (IS_ERR(copy))
			return PTR_ERR(copy);
		if (mounts_reserve(at->ns, copy)) {
			mount_drop_tree(copy);
			return -ENOSPC;
		}
		if (as_slave && at->peer_group) {
			struct mount *m;

			for_each_in_tree(m, copy) mount_share(m);
		}
	}
	r->to[r->n].at = at;
	r->to[r->n].copy = copy;
	r->to[r->n++].source = copy ? copy : source;
	return 0;
}

static int reach_peers(struct reach *r, struct mount *m, struct mount *source)
{
	struct mount *p;
	int err = 0;

	list_for_each(p, &m->peers, peers) {
		if (p->mark != r->mark)
			err = reach_add(r, p, source, false);
		if (err)
			break;
	}
	return err;
}

/* All peers and slaves of dest, and theirs. dest itself is in to[0]. */
static int reach_all(struct reach *r, struct mount *dest, struct dentry *mp, struct mount *tree)
{
	struct mount *s;
	int err;

	r->mark = ++last_mark;
	r->sb = dest->sb;
	r->mp = mp;
	r->copying = false;
	err = reach_add(r, dest, tree, false);
	r->copying = tree != NULL;
	if (!err)
		err = reach_peers(r, dest, tree);
	for (size_t i = 0; !err && i < r->n; i++) {
		list_for_each(s, &r->to[i].at->slaves, slave_link) {
			if (s->mark == r->mark)
				continue;
			err = reach_add(r, s, r->to[i].source, true);
			if (!err && s->ns)
				err = reach_peers(r, s, r->to[r->n - 1].source);
			if (err)
				break;
		}
	}
	return err;
}

int propagate_mount(struct mount *tree, struct mount *dest, struct dentry *mp)
{
	struct reach r = { 0 };
	int err = reach_all(&r, dest, mp, tree);

	for (size_t i = 1; i < r.n; i++) {
		struct mount *at = r.to[i].at, *copy = r.to[i].copy, *there;

		if (!copy)
			continue;
		if (err) {
			mounts_count(at->ns, copy, -1);
			mount_drop_tree(copy);
			continue;
		}
		spin_lock(&mount_lock);
		there = mount_find(at, mp);
		spin_unlock(&mount_lock);
		if (there) /* the new one goes beneath what is mounted there already */
			mount_detach(there);
		mount_attach(copy, at, mp);
		mount_set_ns(copy, at->ns);
		if (there)
			mount_attach(there, copy, copy->root);
		mnt_ns_changed(at->ns);
	}
	kfree(r.to);
	return err;
}

/*
 * The mount after m that an event below from reaches, or NULL after the last: down to a mount's slaves,
 * then on among its fellow slaves, then round the peers. No memory, no marks. It relies on peers of a
 * group having one master, in whose list all of them are.
 */
static struct mount *next_reached(struct mount *m, struct mount *from)
{
	if (!list_empty(&m->slaves))
		return list_first(&m->slaves, struct mount, slave_link);
	for (; m->master != from->master; m = m->master)
		if (m->slave_link.next != &m->master->slaves)
			return list_first(&m->slave_link, struct mount, slave_link);
	m = list_first(&m->peers, struct mount, peers);
	return m == from ? NULL : m;
}

#define for_each_reached(q, from) for (q = next_reached(from, from); q; q = next_reached(q, from))

/* What alone is mounted on m, and covers all of it; or NULL. */
static struct mount *only_cover(struct mount *m)
{
	struct mount *c = mount_find(m, m->root);

	return c && list_first(&m->children, struct mount, child_link) == c &&
			       c->child_link.next == &m->children
		       ? c
		       : NULL;
}

/* References of an idle mount: its tree's, and for m itself the caller's path. */
bool propagate_busy(struct mount *m)
{
	struct mount *q, *c;

	if (ref_read(&m->refs) > 2)
		return true;
	for_each_reached(q, m->parent)
	{
		c = mount_find(q, m->mountpoint);
		if (c && (list_empty(&c->children) || only_cover(c)) && ref_read(&c->refs) > 1)
			return true;
	}
	return false;
}

/* c goes, unless something is left on it; what only covers it comes down to its place. */
static void drop_copy(struct mount *c)
{
	struct mount *cover = only_cover(c), *parent = c->parent;
	struct mnt_ns *ns = c->ns;
	struct dentry *mp;

	c->flags &= ~MNT_DOOMED;
	if (!cover && !list_empty(&c->children))
		return;
	mp = dget(c->mountpoint);
	if (cover)
		mount_detach(cover);
	mount_drop_tree(c);
	if (cover)
		mount_attach(cover, parent, mp);
	dput(mp);
	mnt_ns_changed(ns);
}

/*
 * What sits where top's mounts sit, at their parents' peers and slaves, is doomed with them. Two are
 * spared, in two passes: one on which something else is mounted (children come first), and one that is
 * locked to a parent that stays (parents come first).
 */
void mount_umount_tree(struct mount *top)
{
	struct list_head down = LIST_INIT(down), up = LIST_INIT(up);
	struct mount *m, *q, *c, *tmp;
	bool spared;

	for_each_in_tree(m, top) m->flags |= MNT_DOOMED;
	for_each_in_tree(m, top) for_each_reached(q, m->parent)
	{
		c = mount_find(q, m->mountpoint);
		if (c && !(c->flags & MNT_DOOMED)) {
			c->flags |= MNT_DOOMED;
			list_add(&c->doomed, &up);
		}
	}
	list_for_each_safe(m, tmp, &up, doomed) {
		spared = false;
		list_for_each(c, &m->children, child_link)
			if (!(c->flags & MNT_DOOMED) && c->mountpoint != m->root)
				spared = true;
		list_del(&m->doomed);
		if (spared)
			m->flags &= ~MNT_DOOMED;
		else
			list_add(&m->doomed, &down);
	}
	list_for_each_safe(m, tmp, &down, doomed) {
		list_del(&m->doomed);
		if (m->flags & MNT_LOCKED && !(m->parent->flags & MNT_DOOMED))
			m->flags &= ~MNT_DOOMED;
		else
			list_add(&m->doomed, &up);
	}
	mount_drop_tree(top);
	while (!list_empty(&up)) {
		m = list_first(&up, struct mount, doomed);
		list_del(&m->doomed);
		drop_copy(m);
	}
}
