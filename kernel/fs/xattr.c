/* SPDX-License-Identifier: MIT */
/*
 * Extended attributes: xattr(7)'s rules about who may see and set which name space; the values are
 * the file system's. Read next: tmpfs.c.
 */
#include "fs/internal.h"

#include <linux/xattr.h>

int (*fs_caps_to_store)(struct vfs_ns_cap_data *d, size_t n);
int (*fs_caps_to_show)(struct vfs_ns_cap_data *d, size_t n);

static bool has_prefix(const char *name, const char *prefix)
{
	return !strncmp(name, prefix, strlen(prefix)) && name[strlen(prefix)];
}

static int xattr_check(const struct path *p, const char *name, bool write)
{
	struct inode *inode = p->dentry->inode;
	int err = write ? mnt_want_write(p) : 0;

	if (err)
		return err;
	if (!*name || strlen(name) > XATTR_NAME_MAX)
		return -ERANGE;
	if (!strcmp(name, XATTR_TRUSTED_PREFIX) || !strcmp(name, XATTR_SECURITY_PREFIX) ||
	    !strcmp(name, XATTR_USER_PREFIX))
		return -EINVAL;
	if (has_prefix(name, XATTR_TRUSTED_PREFIX)) {
		if (!fs_capable(CAP_SYS_ADMIN))
			return write ? -EPERM : -ENODATA;
		return 0;
	}
	if (!strcmp(name, XATTR_NAME_CAPS))
		return write && !inode_capable(inode, CAP_SETFCAP) ? -EPERM : 0;
	if (has_prefix(name, XATTR_SECURITY_PREFIX))
		return write && !fs_capable(CAP_SYS_ADMIN) ? -EPERM : 0;
	if (!has_prefix(name, XATTR_USER_PREFIX))
		return -EOPNOTSUPP;
	if (!S_ISREG(inode->mode) && !S_ISDIR(inode->mode))
		return write ? -EPERM : -ENODATA;
	if (write && S_ISDIR(inode->mode) && inode->mode & S_ISVTX &&
	    !inode_owner_or_capable(inode))
		return -EPERM;
	return inode_permission(inode, write ? MAY_WRITE : MAY_READ);
}

ssize_t vfs_getxattr(const struct path *p, const char *name, void *value, size_t size)
{
	struct inode *inode = p->dentry->inode;
	ssize_t n = xattr_check(p, name, false);
	struct vfs_ns_cap_data caps = { 0 };

	if (n)
		return n;
	if (!inode->ops || !inode->ops->getxattr)
		return -EOPNOTSUPP;
	if (strcmp(name, XATTR_NAME_CAPS))
		return inode->ops->getxattr(inode, name, value, size);
	n = inode->ops->getxattr(inode, name, &caps, sizeof(caps));
	n = n == -ERANGE ? -EINVAL : n < 0 ? n : fs_caps_to_show(&caps, n);
	if (n > 0 && value && (size_t)n <= size)
		memcpy(value, &caps, n);
	return n > 0 && value && (size_t)n > size ? -ERANGE : n;
}

int vfs_setxattr(const struct path *p, const char *name, const void *value, size_t size, int flags)
{
	struct inode *inode = p->dentry->inode;
	struct vfs_ns_cap_data caps = { 0 };
	int err;

	if (flags & ~(XATTR_CREATE | XATTR_REPLACE))
		return -EINVAL;
	if (size > XATTR_SIZE_MAX)
		return -E2BIG;
	err = xattr_check(p, name, true);
	if (err)
		return err;
	if (!inode->ops || !inode->ops->setxattr)
		return -EOPNOTSUPP;
	if (!strcmp(name, XATTR_NAME_CAPS) && size) {
		if (size > sizeof(caps))
			return -EINVAL;
		memcpy(&caps, value, size);
		err = fs_caps_to_store(&caps, size);
		if (err < 0)
			return err;
		value = &caps;
		size = err;
	}
	mutex_lock(&inode->lock);
	err = inode->ops->setxattr(inode, name, value, size, flags);
	mutex_unlock(&inode->lock);
	return err;
}

ssize_t vfs_listxattr(const struct path *p, char *list, size_t size)
{
	struct inode *inode = p->dentry->inode;
	size_t kept = 0, len;
	ssize_t n;

	if (!inode->ops || !inode->ops->listxattr)
		return 0;
	n = inode->ops->listxattr(inode, list, size);
	if (n <= 0 || !list || fs_capable(CAP_SYS_ADMIN))
		return n;
	/* trusted.* is not even seen without the capability */
	for (ssize_t at = 0; at < n; at += len) {
		len = strlen(list + at) + 1;
		if (has_prefix(list + at, XATTR_TRUSTED_PREFIX))
			continue;
		memmove(list + kept, list + at, len);
		kept += len;
	}
	return kept;
}
