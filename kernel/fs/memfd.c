/* SPDX-License-Identifier: MIT */
/* memfd_create(2) and its seals: a tmpfs file without a name, on an instance nobody sees. */
#include "fs/tmpfs.h"

#include <linux/memfd.h>

#define MEMFD_NAME_MAX 249 /* memfd_create(2) */
#define MFD_KNOWN (MFD_CLOEXEC | MFD_ALLOW_SEALING)

static struct mount *memfd_mount;
static struct mutex memfd_lock = MUTEX_INIT(memfd_lock);

static struct mount *memfd_get_mount(void)
{
	mutex_lock(&memfd_lock);
	if (!memfd_mount)
		memfd_mount = kern_mount(&rootfs_type);
	mutex_unlock(&memfd_lock);
	return memfd_mount;
}

struct file *memfd_file(const char *name, unsigned int flags)
{
	char full[sizeof("/memfd:") + MEMFD_NAME_MAX];
	struct mount *m = memfd_get_mount();
	struct inode *inode;
	struct file *f;

	if (flags & ~MFD_KNOWN || strlen(name) > MEMFD_NAME_MAX)
		return ERR_PTR(-EINVAL);
	if (IS_ERR(m))
		return (struct file *)m;
	inode = tmpfs_inode(m->sb, NULL, S_IFREG | 0777, 0);
	if (IS_ERR(inode))
		return (struct file *)inode;
	inode->nlink = 0;
	if (flags & MFD_ALLOW_SEALING)
		((struct tmpfs_node *)inode->priv)->seals = 0;
	snprintf(full, sizeof(full), "/memfd:%s", name);
	f = file_on_inode(m, full, inode, &tmpfs_file_fops, O_RDWR);
	return f;
}

static struct tmpfs_node *sealable(struct file *f)
{
	return f->inode->ops == &tmpfs_file_iops ? f->inode->priv : NULL;
}

int memfd_get_seals(struct file *f)
{
	struct tmpfs_node *node = sealable(f);

	return node ? (int)node->seals : -EINVAL;
}

int memfd_add_seals(struct file *f, unsigned int seals)
{
	struct tmpfs_node *node = sealable(f);
	unsigned int before;
	int err = 0;

	if (!node || seals & ~(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE |
			       F_SEAL_FUTURE_WRITE))
		return -EINVAL;
	if (!f->can_write)
		return -EPERM;
	mutex_lock(&f->inode->lock);
	before = node->seals;
	if (before & F_SEAL_SEAL)
		err = -EPERM;
	else
		__atomic_store_n(&node->seals, before | seals, __ATOMIC_SEQ_CST);
	if (!err && seals & F_SEAL_WRITE && mapping_writable(f->mapping)) {
		WRITE_ONCE(node->seals, before);
		err = -EBUSY;
	}
	mutex_unlock(&f->inode->lock);
	return err;
}
