/* SPDX-License-Identifier: MIT */
/*
 * Credentials (credentials(7), capabilities(7)): the identity calls, capability checks, and id maps. A cred never changes while a thread uses it: each
 * call copies it, changes the copy, and swaps. All ids in a cred are the first namespace's; they are
 * translated at the border, by the caller's user namespace.
 */
#include "proc/internal.h"

#include <linux/capability.h>
#include <linux/securebits.h>

/* Capabilities that go with the file-system user id 0 (capabilities(7), effect of user ID changes). */
#define CAP_FS_SET                                                                                 \
	(BIT(CAP_CHOWN) | BIT(CAP_MKNOD) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_DAC_READ_SEARCH) |      \
	 BIT(CAP_FOWNER) | BIT(CAP_FSETID) | BIT(CAP_LINUX_IMMUTABLE) | BIT(CAP_MAC_OVERRIDE))
#define ID_NONE ((u32)-1)

struct user_ns init_user_ns;
struct cred init_cred;
static struct kmem_cache *cred_cache;
static u64 nr_creds;

static const struct ns_ops init_user_ns_ops = { .name = "user", .clone_flag = CLONE_NEWUSER };

void cred_init(void)
{
	cred_cache = kmem_cache_create("cred", sizeof(struct cred), false);
	counts_register("creds", &nr_creds);
	ns_init(&init_user_ns.ns, &init_user_ns_ops, NULL, 0xeffffffd);
	ref_init(&init_cred.refs);
	init_cred.cap_permitted = init_cred.cap_effective = init_cred.cap_bounding = CAP_ALL;
	init_cred.user_ns = &init_user_ns;
	cred_exec_init();
}

static void groups_put(struct group_list *g)
{
	if (g && ref_put(&g->refs))
		kfree(g);
}

struct cred *cred_copy(const struct cred *old)
{
	struct cred *c = kmem_cache_alloc(cred_cache);

	if (!c)
		return NULL;
	*c = *old;
	ref_init(&c->refs);
	if (c->groups)
		ref_get(&c->groups->refs);
	ns_get(&c->user_ns->ns);
	__atomic_fetch_add(&nr_creds, 1, __ATOMIC_RELAXED);
	return c;
}

void cred_put(const struct cred *cred)
{
	struct cred *c = (struct cred *)cred;

	if (!c || !ref_put(&c->refs))
		return;
	groups_put(c->groups);
	ns_put(&c->user_ns->ns);
	kmem_cache_free(cred_cache, c);
	__atomic_fetch_sub(&nr_creds, 1, __ATOMIC_RELAXED);
}

/* Can c more than old could? In a user namespace below, that of its owner is no more than before. */
static bool gains_caps(const struct cred *c, const struct cred *old)
{
	if (c->user_ns == old->user_ns)
		return c->cap_permitted & ~old->cap_permitted;
	for (const struct user_ns *ns = c->user_ns; ns; ns = ns->parent)
		if (ns->parent == old->user_ns && ns->owner_uid == old->euid)
			return false;
	return true;
}

void cred_install(struct cred *c)
{
	struct task *t = current;
	const struct cred *old = t->thread.cred;

	spin_lock(&t->proc->siglock);
	t->thread.cred = c;
	spin_unlock(&t->proc->siglock);
	/* A change of identity takes the memory image away from its old owner's eyes (prctl(2)). */
	if (old->euid != c->euid || old->egid != c->egid || old->fsuid != c->fsuid ||
	    old->fsgid != c->fsgid || gains_caps(c, old)) {
		t->dumpable = false;
		t->pdeath_signal = 0;
	}
	cred_put(old);
}

/* ---- may it? ---- */

bool cred_ns_capable(const struct cred *c, struct user_ns *ns, int cap)
{
	/* LAB 08: begin
	 * Does c have the capability in ns (user_namespaces(7), Capabilities)? Three rules:
	 * 1. Who is in ns itself has what its effective set says.
	 * 2. Who made ns, as the user ns->owner_uid in the parent of ns, has all.
	 * 3. Who has a capability in a namespace has it in those below, too.
	 * So walk from ns towards the first namespace (parent; level says how deep one is). Nobody has
	 * anything in a namespace above his own, or beside it.
	 * starter: return ns == c->user_ns && (c->cap_effective & BIT(cap));
	 */
	/* Upwards from ns: capable in one's own namespace; owning a child gives all in it. */
	for (;; ns = ns->parent) {
		if (ns == c->user_ns)
			return c->cap_effective & BIT(cap);
		if (ns->level <= c->user_ns->level)
			return false;
		if (ns->parent == c->user_ns && ns->owner_uid == c->euid)
			return true;
	}
	/* LAB 08: end */
}

bool ns_capable(struct user_ns *ns, int cap)
{
	return cred_ns_capable(current_thread()->cred, ns, cap);
}

bool capable(int cap)
{
	return ns_capable(&init_user_ns, cap);
}

/* ---- ids at the border ---- */

static u32 map_down(const struct id_map *map, const struct user_ns *ns, u32 kid)
{
	if (ns == &init_user_ns)
		return kid;
	for (u32 i = 0; map && i < map->n; i++)
		if (kid - map->extent[i].kernel_first < map->extent[i].count)
			return map->extent[i].first + (kid - map->extent[i].kernel_first);
	return ID_NONE;
}

static u32 map_up(const struct id_map *map, const struct user_ns *ns, u32 id)
{
	if (ns == &init_user_ns)
		return id;
	for (u32 i = 0; map && i < map->n; i++)
		if (id - map->extent[i].first < map->extent[i].count)
			return map->extent[i].kernel_first + (id - map->extent[i].first);
	return ID_NONE;
}

uid_t uid_to_ns(struct user_ns *ns, uid_t kuid)
{
	return map_down(READ_ONCE(ns->uid_map), ns, kuid);
}
uid_t uid_from_ns(struct user_ns *ns, uid_t uid)
{
	return map_up(READ_ONCE(ns->uid_map), ns, uid);
}
gid_t gid_to_ns(struct user_ns *ns, gid_t kgid)
{
	return map_down(READ_ONCE(ns->gid_map), ns, kgid);
}
gid_t gid_from_ns(struct user_ns *ns, gid_t gid)
{
	return map_up(READ_ONCE(ns->gid_map), ns, gid);
}

#define OVERFLOW_ID 65534
uid_t uid_shown(uid_t kuid)
{
	uid_t uid = uid_to_ns(current->thread.cred->user_ns, kuid);

	return uid == (uid_t)-1 ? OVERFLOW_ID : uid;
}

gid_t gid_shown(gid_t kgid)
{
	gid_t gid = gid_to_ns(current->thread.cred->user_ns, kgid);

	return gid == (gid_t)-1 ? OVERFLOW_ID : gid;
}

/* ---- changing ids ---- */

int cred_commit(struct cred *c)
{
	if (!c)
		return -ENOMEM;
	cred_install(c);
	return 0;
}

/* What the capabilities become when the user ids change from old's (capabilities(7)). */
static void fix_caps(struct cred *c, const struct cred *old)
{
	uid_t root = uid_from_ns(c->user_ns, 0);
	bool was_root = old->uid == root || old->euid == root || old->suid == root;
	bool is_root = c->uid == root || c->euid == root || c->suid == root;

	if (c->securebits & BIT(SECURE_NO_SETUID_FIXUP))
		return;
	if (was_root && !is_root) {
		if (!(c->securebits & BIT(SECURE_KEEP_CAPS)))
			c->cap_permitted = c->cap_effective = 0;
		c->cap_ambient = 0;
	}
	if (old->euid == root && c->euid != root)
		c->cap_effective = 0;
	if (old->euid != root && c->euid == root)
		c->cap_effective = c->cap_permitted;
}

static void fix_fs_caps(struct cred *c, const struct cred *old)
{
	uid_t root = uid_from_ns(c->user_ns, 0);

	if (c->securebits & BIT(SECURE_NO_SETUID_FIXUP))
		return;
	if (old->fsuid == root && c->fsuid != root)
		c->cap_effective &= ~CAP_FS_SET;
	if (old->fsuid != root && c->fsuid == root)
		c->cap_effective |= c->cap_permitted & CAP_FS_SET;
}

/* User and group ids follow the same rules: both are four in a row in struct cred. */
enum { REAL, EFFECTIVE, SAVED, FS };
static u32 *ids_of(struct cred *c, bool group)
{
	return group ? &c->gid : &c->uid;
}

static u32 id_in(bool group, u32 id)
{
	struct user_ns *ns = current_thread()->cred->user_ns;

	return group ? gid_from_ns(ns, id) : uid_from_ns(ns, id);
}

static bool may_change(bool group)
{
	return ns_capable(current_thread()->cred->user_ns, group ? CAP_SETGID : CAP_SETUID);
}

static bool is_known(const u32 *ids, u32 id)
{
	return id == ID_NONE || id == ids[REAL] || id == ids[EFFECTIVE] || id == ids[SAVED];
}

/* The rules: ids become what is wanted, ID_NONE being 'leave'; -EPERM. may: has the capability. */
static int rule_one(u32 *ids, const u32 *want, bool may)
{
	u32 id = want[REAL];

	if (!may && id != ids[REAL] && id != ids[SAVED])
		return -EPERM;
	if (may)
		ids[REAL] = ids[SAVED] = id;
	ids[EFFECTIVE] = id;
	return 0;
}

static int rule_all(u32 *ids, const u32 *want, bool may)
{
	for (int i = REAL; i <= SAVED; i++)
		if (!may && !is_known(ids, want[i]))
			return -EPERM;
	for (int i = REAL; i <= SAVED; i++)
		if (want[i] != ID_NONE)
			ids[i] = want[i];
	return 0;
}

/* setreuid(2): the saved id follows the effective one when a real id is set or it becomes another. */
static int rule_two(u32 *ids, const u32 *want, bool may)
{
	u32 r = want[REAL], e = want[EFFECTIVE], was = ids[REAL];

	if (!may && ((r != ID_NONE && r != was && r != ids[EFFECTIVE]) || !is_known(ids, e)))
		return -EPERM;
	if (r != ID_NONE)
		ids[REAL] = r;
	if (e != ID_NONE)
		ids[EFFECTIVE] = e;
	if (r != ID_NONE || (e != ID_NONE && e != was))
		ids[SAVED] = ids[EFFECTIVE];
	return 0;
}

int do_set_ids(bool group, enum id_call call, u32 r, u32 e, u32 s)
{
	static int (*const rules[])(u32 *, const u32 *, bool) = { rule_one, rule_two, rule_all };
	const struct cred *old = current_thread()->cred;
	u32 want[] = { r, e, s }, *ids;
	struct cred *c;
	int err;

	if (call == SET_ID && r == ID_NONE)
		return -EINVAL;
	for (int i = REAL; i <= SAVED; i++) {
		if (want[i] == ID_NONE)
			continue;
		want[i] = id_in(group, want[i]);
		if (want[i] == ID_NONE)
			return -EINVAL;
	}
	c = cred_copy(old);
	if (!c)
		return -ENOMEM;
	ids = ids_of(c, group);
	err = rules[call](ids, want, may_change(group));
	if (err) {
		cred_put(c);
		return err;
	}
	ids[FS] = ids[EFFECTIVE];
	if (!group)
		fix_caps(c, old);
	return cred_commit(c);
}

u32 do_set_fs_id(bool group, u32 id)
{
	const struct cred *old = current_thread()->cred;
	u32 *ids = ids_of((struct cred *)old, group), was = ids[FS];
	struct cred *c = NULL;

	if (id != ID_NONE)
		id = id_in(group, id);
	if (id != ID_NONE && id != was && (is_known(ids, id) || may_change(group)))
		c = cred_copy(old);
	if (c) {
		ids_of(c, group)[FS] = id;
		if (!group)
			fix_fs_caps(c, old);
		cred_install(c);
	}
	return was;
}

bool may_setgroups(void)
{
	struct user_ns *ns = current_thread()->cred->user_ns;

	return ns_capable(ns, CAP_SETGID) && !ns->setgroups_denied &&
	       (ns == &init_user_ns || ns->gid_map);
}

int do_setgroups(unsigned int n, const gid_t *gids)
{
	const struct cred *old = current_thread()->cred;
	struct group_list *g = NULL;
	struct cred *c;

	if (n) {
		g = kmalloc(sizeof(*g) + n * sizeof(gid_t));
		if (!g)
			return -ENOMEM;
		ref_init(&g->refs);
		g->n = n;
		for (unsigned int i = 0; i < n; i++) {
			g->gids[i] = id_in(true, gids[i]);
			if (g->gids[i] == ID_NONE) {
				kfree(g);
				return -EINVAL;
			}
		}
	}
	c = cred_copy(old);
	if (!c) {
		kfree(g);
		return -ENOMEM;
	}
	groups_put(c->groups);
	c->groups = g;
	return cred_commit(c);
}

int do_getgroups(int n, gid_t *gids)
{
	const struct cred *c = current_thread()->cred;
	int have = c->groups ? c->groups->n : 0;

	if (n < 0 || (n && n < have))
		return -EINVAL;
	for (int i = 0; n && i < have; i++) {
		gids[i] = gid_to_ns(c->user_ns, c->groups->gids[i]);
		if (gids[i] == ID_NONE)
			gids[i] = 65534;
	}
	return have;
}

/* ---- capabilities ---- */

int do_capget(pid_t pid, u64 *effective, u64 *permitted, u64 *inheritable)
{
	struct task *t = task_by_number(pid);
	const struct cred *c;

	if (!t)
		return -ESRCH;
	c = task_cred_get(t);
	*effective = c->cap_effective;
	*permitted = c->cap_permitted;
	*inheritable = c->cap_inheritable;
	cred_put(c);
	task_put(t);
	return 0;
}

int do_capset(u64 effective, u64 permitted, u64 inheritable)
{
	const struct cred *old = current_thread()->cred;
	u64 may_inherit = old->cap_inheritable | old->cap_permitted;
	struct cred *c;

	effective &= CAP_ALL;
	permitted &= CAP_ALL;
	inheritable &= CAP_ALL;
	if (ns_capable(old->user_ns, CAP_SETPCAP))
		may_inherit = CAP_ALL;
	if ((inheritable & ~may_inherit) ||
	    (inheritable & ~(old->cap_inheritable | old->cap_bounding)) ||
	    (permitted & ~old->cap_permitted) || (effective & ~permitted))
		return -EPERM;
	c = cred_copy(old);
	if (!c)
		return -ENOMEM;
	c->cap_effective = effective;
	c->cap_permitted = permitted;
	c->cap_inheritable = inheritable;
	c->cap_ambient &= permitted & inheritable;
	return cred_commit(c);
}
