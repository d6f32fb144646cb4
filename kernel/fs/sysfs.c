/* SPDX-License-Identifier: MIT */
/*
 * /sys: one tree, made at boot: the directory that cgroup2 is mounted on, which processors there are
 * (the C library asks), and the disks. A tmpfs whose directories take no new names from users.
 */
#include "fs/internal.h"

static struct mount *sys_mount;

static int sysfs_fill(struct super *sb, const char *source, unsigned long flags, const char *data)
{
	int err = tmpfs_fill_plain(sb, 0555, true);

	sb->magic = SYSFS_MAGIC;
	return err;
}

static struct super *sysfs_existing(const char *source)
{
	return sys_mount ? super_share(sys_mount->sb) : NULL;
}

struct fs_type sysfs_type = {
	.name = "sysfs",
	.nodev = true,
	.userns_mount = true,
	.userns_visible = true,
	.fill = sysfs_fill,
	.existing = sysfs_existing,
};

void sysfs_mkdir(const char *path)
{
	int err = tmpfs_make(sys_mount->sb, path, S_IFDIR | 0555, 0, NULL);

	if (err && err != -EEXIST)
		pr_err("sysfs: %s: error %d", path, err);
}

void sysfs_add(const char *dir, const struct pseudo_file *pf, void *priv)
{
	struct inode *inode = pseudo_inode(sys_mount->sb, pf, priv);
	struct strbuf path = { 0 };
	int err = -ENOMEM;

	sb_printf(&path, "%s/%s", dir, pf->name);
	sb_putc(&path, '\0');
	if (inode && !path.failed)
		err = tmpfs_make(sys_mount->sb, path.data, 0, 0, inode);
	else
		inode_put(inode);
	sb_free(&path);
	if (err)
		pr_err("sysfs: %s/%s: error %d", dir, pf->name, err);
}

void sysfs_link(const char *path, const char *target)
{
	struct inode *inode = tmpfs_link_inode(sys_mount->sb, NULL, target);
	int err = IS_ERR(inode) ? PTR_ERR(inode) : tmpfs_make(sys_mount->sb, path, 0, 0, inode);

	if (err)
		pr_err("sysfs: %s: error %d", path, err);
}

/* A list of processors as the kernel's other interfaces write it: "0-3". */
static int show_cpus(struct strbuf *out, void *priv)
{
	sb_printf(out, nr_cpus > 1 ? "0-%u\n" : "0\n", nr_cpus - 1);
	return 0;
}

static const struct pseudo_file cpu_possible = { "possible", 0444, .show = show_cpus };
static const struct pseudo_file cpu_online = { "online", 0444, .show = show_cpus };
static const struct pseudo_file cpu_present = { "present", 0444, .show = show_cpus };

void sysfs_cpus(void)
{
	for (unsigned int n = 0; n < nr_cpus; n++) {
		char path[40];

		snprintf(path, sizeof(path), "devices/system/cpu/cpu%u", n);
		sysfs_mkdir(path);
	}
}

void sysfs_init(void)
{
	struct mount *m = kern_mount(&sysfs_type);

	if (IS_ERR(m))
		panic("no memory for sysfs");
	sys_mount = m;
	fs_register(&sysfs_type);
	sysfs_mkdir("fs/cgroup");
	sysfs_add("devices/system/cpu", &cpu_possible, NULL);
	sysfs_add("devices/system/cpu", &cpu_online, NULL);
	sysfs_add("devices/system/cpu", &cpu_present, NULL);
}
