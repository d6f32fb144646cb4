/* SPDX-License-Identifier: MIT */
/*
 * Shared subtrees (mount_namespaces(7)): what happens below one mount happens below its peers and
 * its slaves, too. Peers form a ring; a slave hangs in its master's list and may be shared itself,
 * with slaves of its own.
 *
 * All of it runs with mount_mutex held. The set of mounts that an event reaches is collected first
 * (struct reach), breadth first and without recursion; then nothing can fail any more.
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
			if (!err)
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

/* The mount that came to at when m came to its own parent, or NULL. */
static struct mount *counterpart(struct mount *m, struct mount *at)
{
	struct mount *c;

	spin_lock(&mount_lock);
	c = mount_find(at, m->mountpoint);
	spin_unlock(&mount_lock);
	return c && c != m && c->sb == m->sb && c->root == m->root ? c : NULL;
}

/* References of an idle mount: its tree's, and for m itself the caller's path. */
bool propagate_busy(struct mount *m)
{
	struct reach r = { 0 };
	bool busy = ref_read(&m->refs) > 2;

	if (!busy && !reach_all(&r, m->parent, m->mountpoint, NULL))
		for (size_t i = 1; i < r.n; i++) {
			struct mount *c = counterpart(m, r.to[i].at);

			if (c && list_empty(&c->children) && ref_read(&c->refs) > 1)
				busy = true;
		}
	kfree(r.to);
	return busy;
}

void propagate_umount(struct mount *m)
{
	struct reach r = { 0 };

	if (!reach_all(&r, m->parent, m->mountpoint, NULL))
		for (size_t i = 1; i < r.n; i++) {
			struct mount *c = counterpart(m, r.to[i].at);
			struct mnt_ns *ns = c ? c->ns : NULL;

			if (!c || !list_empty(&c->children))
				continue;
			mount_drop_tree(c);
			mnt_ns_changed(ns);
		}
	kfree(r.to);
}
