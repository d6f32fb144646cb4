/* SPDX-License-Identifier: MIT */
/*
 * Delegation (cgroup-v2.rst, "Delegation"): a part of the tree is given to a user, whom its directory
 * and some of its files belong to, or to a cgroup namespace, with the mount option nsdelegate. Who moves
 * a process must be allowed to write the cgroup.procs of the group that has both places below it, so that
 * nobody takes in or lets out what he was not given. What counts is who opened the file, not who writes:
 * else a program with more rights could be made to write into a descriptor that it was handed.
 *
 * A group's files belong to who made it, those of a controller to who gave it the controller; what
 * chown(2) and chmod(2) change is kept in cgroup.attrs, since a file that nobody uses has no inode. Both
 * are guarded by cgroup_mutex.
 */
#include "container/cgroup.h"

static bool nsdelegate;

/* ---- whose files they are ---- */

static struct cg_attr *find_attr(const struct cgroup *cg, const struct pseudo_file *pf)
{
	struct cg_attr *a;

	list_for_each(a, &cg->attrs, link)
		if (a->pf == pf)
			return a;
	return NULL;
}

/* cgroup_mutex held. */
static struct cg_attr attr_locked(const struct cgroup *cg, const struct pseudo_file *pf,
				  unsigned int kind)
{
	const struct cg_attr *a = find_attr(cg, pf);

	return a ? *a : (struct cg_attr){ .owner = cg->owner[kind], .mode = pf->mode };
}

struct cg_attr cg_attr_of(const struct cgroup *cg, const struct pseudo_file *pf, unsigned int kind)
{
	struct cg_attr a;

	mutex_lock(&cgroup_mutex);
	a = attr_locked(cg, pf, kind);
	mutex_unlock(&cgroup_mutex);
	return a;
}

int cg_attr_set(struct cgroup *cg, const struct pseudo_file *pf, const struct inode *as)
{
	struct cg_attr *a;
	int err;

	mutex_lock(&cgroup_mutex);
	a = find_attr(cg, pf);
	if (!a && !cg->removed) { /* of a removed one the open file's inode is all that is left */
		a = kzalloc(sizeof(*a));
		if (a)
			list_add(&a->link, &cg->attrs);
	}
	if (a) {
		a->pf = pf;
		a->owner = (struct cg_owner){ as->uid, as->gid };
		a->mode = as->mode & 07777;
	}
	err = a || cg->removed ? 0 : -ENOMEM;
	mutex_unlock(&cgroup_mutex);
	return err;
}

void cg_attrs_renew(struct cgroup *cg, u32 bits)
{
	const struct cred *cred = current_thread()->cred;
	struct cg_owner owner = { cred ? cred->fsuid : 0, cred ? cred->fsgid : 0 };

	if (bits == ~0U)
		cg->owner[0] = owner;
	for (const struct cg_controller *const *c = cg_controllers(); *c; c++) {
		if (!((*c)->bit & bits))
			continue;
		cg->owner[1 + __builtin_ctz((*c)->bit)] = owner;
		for (const struct cg_file *f = (*c)->files; f->pf.name; f++) {
			struct cg_attr *a = find_attr(cg, &f->pf);

			if (a)
				list_del(&a->link);
			kfree(a);
		}
	}
}

void cg_attrs_free(struct cgroup *cg)
{
	struct cg_attr *a, *next;

	list_for_each_safe(a, next, &cg->attrs, link) {
		list_del(&a->link);
		kfree(a);
	}
}

/* ---- who may ---- */

int cg_may_enter(struct cgroup *to, const struct cred *c)
{
	unsigned int kind, bits;
	const struct pseudo_file *pf = cg_find_file(to, "cgroup.procs", &kind);
	struct cg_attr a = cg_attr_of(to, pf, kind);

	if (!c)
		return 0;
	bits = c->fsuid == a.owner.uid    ? a.mode >> 6
	       : in_group(c, a.owner.gid) ? a.mode >> 3
					  : a.mode;
	return bits & MAY_WRITE || (fs_ids_mapped(c->user_ns, a.owner.uid, a.owner.gid) &&
				    cred_ns_capable(c, c->user_ns, CAP_DAC_OVERRIDE))
		       ? 0
		       : -EACCES;
}

int cg_may_move(struct cgroup *from, struct cgroup *to, const struct cred *c, struct ns_common *ns)
{
	struct cgroup *root = cgroup_root_of(ns), *both = from;
	int err;

	while (!cgroup_is_below(to, both))
		both = both->parent;
	err = cg_may_enter(both, c);
	if (!err && READ_ONCE(nsdelegate) &&
	    !(cgroup_is_below(from, root) && cgroup_is_below(to, root)))
		err = -ENOENT; /* it does not see one of them */
	return err;
}

void *cg_opened(void)
{
	ns_get(current->ns->cgroup);
	return current->ns->cgroup;
}

void cg_closed(void *ns)
{
	ns_put(ns);
}

ssize_t cg_write_by(struct file *f, void *opener, char *buf, size_t n)
{
	const struct pseudo *p = f->inode->priv;
	const struct cg_file *file = container_of(p->pf, struct cg_file, pf);

	/* The limits of a namespace's root are its maker's, not its own. */
	if (READ_ONCE(nsdelegate) && !file->delegatable && opener != init_nsproxy.cgroup &&
	    cgroup_root_of(opener) == p->priv)
		return -EPERM;
	if (file->move)
		return file->move(p->priv, buf, f->cred, opener) ?: (ssize_t)n;
	return p->pf->write ? p->pf->write(p->priv, buf, n) : -EINVAL;
}

/* ---- the option ---- */

int cg_options(const char *data)
{
	char *copy = data ? kstrdup(data) : NULL, *rest = copy, *option, *value;
	int err = data && !copy ? -ENOMEM : 0;
	bool on = false;

	while (!err && (option = fs_next_option(&rest, &value))) {
		on = !strcmp(option, "nsdelegate") && !value;
		err = on ? 0 : -EINVAL;
	}
	kfree(copy);
	if (!err && current->ns->cgroup == init_nsproxy.cgroup)
		WRITE_ONCE(nsdelegate, on);
	return err;
}

void cg_show_options(struct super *sb, struct strbuf *out)
{
	if (nsdelegate)
		sb_printf(out, ",nsdelegate");
}

static int features_show(struct strbuf *out, void *priv)
{
	sb_printf(out, "nsdelegate\n");
	return 0;
}

static void show_delegatable(struct strbuf *out, const struct cg_file *f)
{
	for (; f->pf.name; f++)
		if (f->delegatable)
			sb_printf(out, "%s\n", f->pf.name);
}

static int delegate_show(struct strbuf *out, void *priv)
{
	show_delegatable(out, cg_core_files);
	for (const struct cg_controller *const *c = cg_controllers(); *c; c++)
		show_delegatable(out, (*c)->files);
	return 0;
}

void cg_delegate_init(void)
{
	static const struct pseudo_file features = { "features", 0444, .show = features_show };
	static const struct pseudo_file delegate = { "delegate", 0444, .show = delegate_show };

	sysfs_add("kernel/cgroup", &features, NULL);
	sysfs_add("kernel/cgroup", &delegate, NULL);
}
