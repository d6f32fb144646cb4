/* SPDX-License-Identifier: MIT */
/* The text of /proc/N/mounts, mountinfo and mountstats (proc(5)), letter for letter as Linux writes it. */
#include "fs/internal.h"

/* Blanks and backslashes as octal escapes: the fields are separated by blanks. */
static void show_escaped(struct strbuf *out, const char *s, const char *which)
{
	for (; *s; s++) {
		if (strchr(which, *s))
			sb_printf(out, "\\%03o", (unsigned char)*s);
		else
			sb_putc(out, *s);
	}
}

static void show_flags(struct strbuf *out, u32 flags)
{
	static const struct {
		u32 flag;
		const char *text;
	} names[] = {
		{ MNT_NOSUID, ",nosuid" },           { MNT_NODEV, ",nodev" },
		{ MNT_NOEXEC, ",noexec" },           { MNT_NOATIME, ",noatime" },
		{ MNT_NODIRATIME, ",nodiratime" },   { MNT_RELATIME, ",relatime" },
		{ MNT_NOSYMFOLLOW, ",nosymfollow" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (flags & names[i].flag)
			sb_printf(out, "%s", names[i].text);
}

static void show_super_options(struct strbuf *out, struct super *sb)
{
	if (sb->flags & MS_SYNCHRONOUS)
		sb_printf(out, ",sync");
	if (sb->flags & MS_DIRSYNC)
		sb_printf(out, ",dirsync");
	if (sb->flags & MS_LAZYTIME)
		sb_printf(out, ",lazytime");
	if (sb->ops && sb->ops->show_options)
		sb->ops->show_options(sb, out);
}

static void show_mount(struct strbuf *out, struct mount *m, const char *place)
{
	bool ro = m->flags & MNT_RDONLY || m->sb->flags & MS_RDONLY;

	show_escaped(out, m->source ? m->source : "none", " \t\n\\#");
	sb_putc(out, ' ');
	show_escaped(out, place, " \t\n\\");
	sb_printf(out, " %s %s", m->sb->type->name, ro ? "ro" : "rw");
	show_flags(out, m->flags);
	show_super_options(out, m->sb);
	sb_printf(out, " 0 0\n");
}

static void show_stats(struct strbuf *out, struct mount *m, const char *place)
{
	sb_printf(out, "device ");
	show_escaped(out, m->source ? m->source : "none", " \t\n\\#");
	sb_printf(out, " mounted on ");
	show_escaped(out, place, " \t\n\\");
	sb_printf(out, " with fstype %s\n", m->sb->type->name);
}

/* The group nearest above m's master that has a member to be seen from root; 0: none. */
static int visible_master(const struct mount *m, const struct path *root)
{
	for (struct mount *master = m->master; master; master = master->master) {
		struct mount *p = master;

		do {
			if (p->ns == m->ns && mount_reachable(p, p->root, root))
				return p->peer_group;
			p = list_first(&p->peers, struct mount, peers);
		} while (p != master);
	}
	return 0;
}

static void show_propagation(struct strbuf *out, const struct mount *m, const struct path *root)
{
	int visible = visible_master(m, root);

	if (m->peer_group)
		sb_printf(out, " shared:%d", m->peer_group);
	if (m->master)
		sb_printf(out, " master:%d", m->master->peer_group);
	if (visible && visible != m->master->peer_group)
		sb_printf(out, " propagate_from:%d", visible);
	if (m->flags & MNT_UNBINDABLE)
		sb_printf(out, " unbindable");
}

static void show_info(struct strbuf *out, struct mount *m, const struct path *seen_from,
		      const char *place, char *buf)
{
	sb_printf(out, "%d %d %u:%u ", m->id, m->parent->id, MAJOR(m->sb->dev), MINOR(m->sb->dev));
	if (m->sb->ops && m->sb->ops->show_path) {
		m->sb->ops->show_path(m->root, out);
	} else {
		const char *root = dentry_name(m->root, buf, PATH_MAX);

		show_escaped(out, IS_ERR(root) ? "/" : root, " \t\n\\");
	}
	sb_putc(out, ' ');
	show_escaped(out, place, " \t\n\\");
	sb_printf(out, " %s", m->flags & MNT_RDONLY ? "ro" : "rw");
	show_flags(out, m->flags);
	show_propagation(out, m, seen_from);
	sb_printf(out, " - %s ", m->sb->type->name);
	show_escaped(out, m->source ? m->source : "none", " \t\n\\");
	sb_printf(out, " %s", m->sb->flags & MS_RDONLY ? "ro" : "rw");
	show_super_options(out, m->sb);
	sb_putc(out, '\n');
}

void mounts_show(struct strbuf *out, struct mnt_ns *ns, const struct path *root,
		 enum mounts_file which)
{
	char *buf = kmalloc(2 * PATH_MAX);
	struct mount *m;

	if (!buf) {
		out->failed = true;
		return;
	}
	mutex_lock(&mount_mutex);
	for_each_in_tree(m, ns->root)
	{
		struct path p = { m, m->root };
		char *place = path_name_marked(&p, root, buf, PATH_MAX);

		if (IS_ERR(place) || *place != '/') /* not to be seen from root */
			continue;
		if (which == MOUNTS_INFO)
			show_info(out, m, root, place, buf + PATH_MAX);
		else if (which == MOUNTS_STATS)
			show_stats(out, m, place);
		else
			show_mount(out, m, place);
	}
	mount_unlock();
	kfree(buf);
}
