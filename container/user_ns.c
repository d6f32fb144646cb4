/* SPDX-License-Identifier: MIT */
/*
 * User namespaces (user_namespaces(7)): the table that turns a user id inside into one outside, and
 * the realm in which a capability counts. They nest; a user namespace also owns the namespaces of
 * other kinds that were made in it.
 *
 * The kernel's own ids (kuid) are those of the first namespace. A map is written once, by a process
 * with the right to, and never changes afterwards, so that proc/cred.c reads it without a lock: the
 * pointer is set last. map_lock guards who writes first, and setgroups_denied.
 */
#include "container/container.h"

#define MAX_USER_NS_LEVEL 32
#define MAX_EXTENTS 340 /* as on Linux */
#define ALL_CAPS (BIT(CAP_LAST_CAP + 1) - 1)

static spinlock_t map_lock;

bool user_ns_within(const struct user_ns *ns, const struct user_ns *outer)
{
	while (ns->level > outer->level)
		ns = ns->parent;
	return ns == outer;
}

static void user_ns_free(struct ns_common *ns)
{
	struct user_ns *user_ns = container_of(ns, struct user_ns, ns);

	kfree(user_ns->uid_map);
	kfree(user_ns->gid_map);
	kfree(user_ns);
}

static const struct ns_ops user_ns_ops = {
	.name = "user",
	.clone_flag = CLONE_NEWUSER,
	.free = user_ns_free,
};

void user_ns_grant(struct cred *cred, struct user_ns *ns)
{
	ns_get(&ns->ns);
	ns_put(&cred->user_ns->ns);
	cred->user_ns = ns;
	cred->cap_permitted = ALL_CAPS;
	cred->cap_effective = ALL_CAPS;
	cred->cap_bounding = ALL_CAPS;
	cred->cap_inheritable = 0;
	cred->cap_ambient = 0;
	cred->securebits = 0;
}

/* A process below chroot(2) could climb out with the powers of a new user namespace: not allowed. */
static bool is_chrooted(void)
{
	const struct mount *m;
	struct path root;
	bool chrooted;

	fs_get_root(&root);
	chrooted = root.dentry != root.mnt->root;
	for (m = root.mnt; !chrooted && m->parent != m; m = m->parent)
		chrooted = m->mountpoint != m->parent->root;
	path_put(&root);
	return chrooted;
}

struct cred *user_ns_make(const struct cred *old)
{
	struct user_ns *parent = old->user_ns, *ns;
	struct cred *cred;

	if (parent->level + 1 > MAX_USER_NS_LEVEL)
		return ERR_PTR(-ENOSPC);
	if (is_chrooted() || uid_to_ns(parent, old->euid) == (uid_t)-1 ||
	    gid_to_ns(parent, old->egid) == (gid_t)-1)
		return ERR_PTR(-EPERM);
	ns = kzalloc(sizeof(*ns));
	if (!ns)
		return ERR_PTR(-ENOMEM);
	ns_init(&ns->ns, &user_ns_ops, parent, ns_new_inum());
	ns->parent = parent; /* kept by ns.owner */
	ns->level = parent->level + 1;
	ns->owner_uid = old->euid;
	ns->owner_gid = old->egid;
	ns->setgroups_denied = parent->setgroups_denied;
	ns_limit_setup(ns);
	cred = cred_copy(old);
	if (cred)
		user_ns_grant(cred, ns);
	ns_put(&ns->ns);
	return cred ? cred : ERR_PTR(-ENOMEM);
}

/* ---- /proc/N/uid_map, gid_map, setgroups ---- */

void user_ns_map_show(struct user_ns *ns, enum id_map_file which, struct strbuf *out)
{
	const struct id_map *map = which == ID_MAP_UID ? ns->uid_map : ns->gid_map;
	struct user_ns *reader = current->thread.cred->user_ns;

	if (which == ID_MAP_SETGROUPS) {
		sb_printf(out, "%s\n", ns->setgroups_denied ? "deny" : "allow");
		return;
	}
	if (!ns->parent) {
		sb_printf(out, "%10u %10u %10u\n", 0U, 0U, ~0U);
		return;
	}
	/* Seen from inside, the other column is the parent's; from elsewhere, the reader's own. */
	if (reader == ns)
		reader = ns->parent;
	for (u32 i = 0; map && i < map->n; i++) {
		const struct id_extent *e = &map->extent[i];
		u32 outside = which == ID_MAP_UID ? uid_to_ns(reader, e->kernel_first)
						  : gid_to_ns(reader, e->kernel_first);

		sb_printf(out, "%10u %10u %10u\n", e->first, outside, e->count);
	}
}

/* The kernel's first id of [first, first + count) of a parent's map; false unless one extent has all. */
static bool range_to_kernel(const struct user_ns *parent, const struct id_map *map, u32 first,
			    u32 count, u32 *kernel_first)
{
	/* LAB 08: begin
	 * In the first user namespace (which has no parent) an id is the kernel's own. In others, map (it
	 * may be NULL: not written yet) has extents: ids first to first + count - 1 there are the kernel's
	 * kernel_first to kernel_first + count - 1. Write the kernel's id of `first` to *kernel_first, and
	 * return true, when one extent has all of [first, first + count); false otherwise. The numbers
	 * come from a program, and first + count may be 2^32: calculate in 64 bits.
	 * starter: *kernel_first = first;
	 * starter: return !parent->parent || (map && !count);
	 */
	if (!parent->parent) {
		*kernel_first = first;
		return true;
	}
	for (u32 i = 0; map && i < map->n; i++) {
		const struct id_extent *e = &map->extent[i];

		if (first >= e->first && (u64)first + count <= (u64)e->first + e->count) {
			*kernel_first = e->kernel_first + (first - e->first);
			return true;
		}
	}
	return false;
	/* LAB 08: end */
}

static bool overlaps(u32 a, u32 b, u32 na, u32 nb)
{
	return a < (u64)b + nb && b < (u64)a + na;
}

/* Adds the extent to map, whose extents are still parent ids. -EINVAL, -EPERM see user_namespaces(7). */
static int add_extent(struct id_map *map, const u64 v[3])
{
	struct id_extent *e = &map->extent[map->n];

	if (map->n == MAX_EXTENTS || v[0] >= ~0U || v[1] >= ~0U || !v[2] || v[0] + v[2] > ~0U ||
	    v[1] + v[2] > ~0U)
		return -EINVAL;
	for (u32 i = 0; i < map->n; i++)
		if (overlaps(map->extent[i].first, v[0], map->extent[i].count, v[2]) ||
		    overlaps(map->extent[i].kernel_first, v[1], map->extent[i].count, v[2]))
			return -EINVAL;
	*e = (struct id_extent){ .first = v[0], .kernel_first = v[1], .count = v[2] };
	map->n++;
	return 0;
}

/* The word at *s as a decimal number; moves *s past it. */
static int next_number(char **s, u64 *v)
{
	char *p = *s, *word, end;
	int err;

	while (*p == ' ' || *p == '\t')
		p++;
	word = p;
	while (*p && *p != ' ' && *p != '\t')
		p++;
	end = *p;
	*p = 0;
	err = *word ? parse_u64(word, 10, v) : -EINVAL;
	*p = end;
	*s = p;
	return err;
}

static int parse_map(char *text, struct id_map *map)
{
	while (*text) {
		char *line = text, *end = strchr(text, '\n');
		u64 v[3];
		int err;

		text = end ? end + 1 : text + strlen(text);
		if (end)
			*end = 0;
		if (next_number(&line, &v[0]) || next_number(&line, &v[1]) ||
		    next_number(&line, &v[2]))
			return -EINVAL;
		while (*line == ' ' || *line == '\t')
			line++;
		if (*line)
			return -EINVAL;
		err = add_extent(map, v);
		if (err)
			return err;
	}
	return map->n ? 0 : -EINVAL;
}

/* Who may write this map: with the capability over the parent any, else just one's own id alone. */
static bool may_map(const struct user_ns *ns, enum id_map_file which, const struct id_map *map)
{
	/* LAB 08: begin
	 * map is what the current process wants to write as the map of ns; its extents are already the
	 * kernel's ids on the right side. With CAP_SETUID (for ID_MAP_UID) or CAP_SETGID in the parent of
	 * ns (ns_capable()) everything may be mapped. Without, only the writer's own effective id, alone, by
	 * the owner of ns (ns->owner_uid); and a group only after setgroups(2) was denied in ns: to
	 * leave a group could open what is closed to the group.
	 * starter: return map->n && ns_capable(ns->parent, which == ID_MAP_UID ? CAP_SETUID : CAP_SETGID);
	 */
	const struct cred *cred = current->thread.cred;
	const struct id_extent *e = &map->extent[0];

	if (ns_capable(ns->parent, which == ID_MAP_UID ? CAP_SETUID : CAP_SETGID))
		return true;
	if (map->n != 1 || e->count != 1 || ns->owner_uid != cred->euid)
		return false;
	if (which == ID_MAP_UID)
		return e->kernel_first == cred->euid;
	/* setgroups(2) must be off: dropping a group could open what the group is denied. */
	return ns->setgroups_denied && e->kernel_first == cred->egid;
	/* LAB 08: end */
}

static ssize_t write_map(struct user_ns *ns, enum id_map_file which, char *buf, size_t n)
{
	struct id_map **place = which == ID_MAP_UID ? &ns->uid_map : &ns->gid_map;
	const struct user_ns *parent = ns->parent;
	struct id_map *map;
	int err;

	map = kzalloc(sizeof(*map) + MAX_EXTENTS * sizeof(map->extent[0]));
	if (!map)
		return -ENOMEM;
	err = parse_map(buf, map);
	if (err)
		goto out;
	err = -EPERM;
	for (u32 i = 0; i < map->n; i++) {
		struct id_extent *e = &map->extent[i];

		if (!range_to_kernel(parent,
				     which == ID_MAP_UID ? parent->uid_map : parent->gid_map,
				     e->kernel_first, e->count, &e->kernel_first))
			goto out;
	}
	spin_lock(&map_lock);
	if (!*place && may_map(ns, which, map)) {
		__atomic_store_n(place, map, __ATOMIC_RELEASE);
		map = NULL;
		err = 0;
	}
	spin_unlock(&map_lock);
out:
	kfree(map);
	return err ? err : (ssize_t)n;
}

static ssize_t write_setgroups(struct user_ns *ns, const char *buf, size_t n)
{
	bool deny = !strcmp(buf, "deny") || !strcmp(buf, "deny\n");
	int err = 0;

	if (!deny && strcmp(buf, "allow") && strcmp(buf, "allow\n"))
		return -EINVAL;
	spin_lock(&map_lock);
	if (deny ? ns->gid_map != NULL : ns->setgroups_denied)
		err = -EPERM;
	else
		ns->setgroups_denied = deny;
	spin_unlock(&map_lock);
	return err ? err : (ssize_t)n;
}

ssize_t user_ns_map_write(struct user_ns *ns, enum id_map_file which, char *buf, size_t n)
{
	const struct user_ns *own = current->thread.cred->user_ns;

	if (!ns->parent || (own != ns && own != ns->parent) || !ns_capable(ns, CAP_SYS_ADMIN))
		return -EPERM;
	return which == ID_MAP_SETGROUPS ? write_setgroups(ns, buf, n)
					 : write_map(ns, which, buf, n);
}
