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

/* A file of its own under no name but the one that is shown. */
struct file *nameless_file(const char *shown, u64 size)
{
	struct mount *m = memfd_get_mount();
	struct inode *inode;

	if (IS_ERR(m))
		return (struct file *)m;
	inode = tmpfs_inode(m->sb, NULL, S_IFREG | 0777, 0);
	if (IS_ERR(inode))
		return (struct file *)inode;
	inode->nlink = 0;
	inode->size = size;
	return file_on_inode(m, shown, inode, &tmpfs_file_fops, O_RDWR);
}

struct file *memfd_file(const char *name, unsigned int flags)
{
	char full[sizeof("/memfd:") + MEMFD_NAME_MAX];
	struct file *f;

	if (flags & ~MFD_KNOWN || strlen(name) > MEMFD_NAME_MAX)
		return ERR_PTR(-EINVAL);
	snprintf(full, sizeof(full), "/memfd:%s", name);
	f = nameless_file(full, 0);
	if (!IS_ERR(f) && flags & MFD_ALLOW_SEALING)
		((struct tmpfs_node *)f->inode->priv)->seals = 0;
	return f;
}

u64 file_mmap_anon(struct mm *mm, u64 addr, u64 len, u32 vm_flags, bool fixed)
{
	struct file *f;
	u64 at;

	if (!(vm_flags & VM_NORESERVE) && mm_too_much(len))
		return -ENOMEM;
	f = nameless_file("/dev/zero", len);
	if (IS_ERR(f))
		return PTR_ERR(f);
	at = file_mmap(mm, addr, len, vm_flags, fixed, f, 0);
	file_put(f);
	return at;
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

	if (!f->can_write)
		return -EPERM;
	if (!node || seals & ~(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE |
			       F_SEAL_FUTURE_WRITE))
		return -EINVAL;
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
