/* SPDX-License-Identifier: MIT */
/* Extended attributes of files (xattr(7)): copies in and out around fs/'s vfs_*xattr(). */
#include "syscall/syscall.h"

#include <linux/limits.h>
#include <linux/xattr.h>

static int xattr_name(char name[XATTR_NAME_MAX + 1], const char __user *uname)
{
	ssize_t n = strncpy_from_user(name, uname, XATTR_NAME_MAX + 1);

	return n < 0 ? (n == -ENAMETOOLONG ? -ERANGE : n) : n == 0 ? -ERANGE : 0;
}

static long get_xattr(int err, struct path *p, const char __user *uname, void __user *uvalue,
		      size_t size)
{
	char name[XATTR_NAME_MAX + 1];
	void *value = NULL;
	ssize_t n;

	if (err)
		return err;
	n = xattr_name(name, uname);
	if (n)
		goto out;
	size = min(size, (size_t)XATTR_SIZE_MAX);
	if (size && !(value = kmalloc(size))) {
		n = -ENOMEM;
		goto out;
	}
	n = vfs_getxattr(p, name, value, size);
	if (n > 0 && size && copy_to_user(uvalue, value, n))
		n = -EFAULT;
out:
	kfree(value);
	path_put(p);
	return n;
}

/* uvalue may be NULL only with size 0: an empty attribute. */
static long set_xattr(int err, struct path *p, const char __user *uname, const void __user *uvalue,
		      size_t size, int flags)
{
	char name[XATTR_NAME_MAX + 1];
	void *value = NULL;

	if (err)
		return err;
	err = flags & ~(XATTR_CREATE | XATTR_REPLACE) ? -EINVAL : xattr_name(name, uname);
	if (!err && size > XATTR_SIZE_MAX)
		err = -E2BIG;
	if (!err && !(value = kmalloc(size ?: 1)))
		err = -ENOMEM;
	if (!err)
		err = copy_from_user(value, uvalue, size)
			      ?: vfs_setxattr(p, name, value, size, flags);
	kfree(value);
	path_put(p);
	return err;
}

static long remove_xattr(int err, struct path *p, const char __user *uname)
{
	char name[XATTR_NAME_MAX + 1];

	if (err)
		return err;
	err = xattr_name(name, uname) ?: vfs_setxattr(p, name, NULL, 0, XATTR_REPLACE);
	path_put(p);
	return err;
}

static long list_xattr(int err, struct path *p, char __user *ulist, size_t size)
{
	char *list = NULL;
	ssize_t n = err;

	if (err)
		return err;
	size = min(size, (size_t)XATTR_LIST_MAX);
	if (size && !(list = kmalloc(size)))
		n = -ENOMEM;
	else
		n = vfs_listxattr(p, list, size);
	if (n > 0 && size && copy_to_user(ulist, list, n))
		n = -EFAULT;
	kfree(list);
	path_put(p);
	return n;
}

/* Each comes in three forms: by name, by name without following, by descriptor. */
#define AT_NAME(flags) place_of_name(AT_FDCWD, path, flags, &p), &p
#define AT_FD place_of_fd(fd, false, &p), &p

SYSCALL4(getxattr, const char __user *, path, const char __user *, name, void __user *, v, size_t,
	 n)
{
	struct path p;

	return get_xattr(AT_NAME(0), name, v, n);
}

SYSCALL4(lgetxattr, const char __user *, path, const char __user *, name, void __user *, v, size_t,
	 n)
{
	struct path p;

	return get_xattr(AT_NAME(AT_SYMLINK_NOFOLLOW), name, v, n);
}

SYSCALL4(fgetxattr, int, fd, const char __user *, name, void __user *, v, size_t, n)
{
	struct path p;

	return get_xattr(AT_FD, name, v, n);
}

SYSCALL5(setxattr, const char __user *, path, const char __user *, name, const void __user *, v,
	 size_t, n, int, flags)
{
	struct path p;

	return set_xattr(AT_NAME(0), name, v, n, flags);
}

SYSCALL5(lsetxattr, const char __user *, path, const char __user *, name, const void __user *, v,
	 size_t, n, int, flags)
{
	struct path p;

	return set_xattr(AT_NAME(AT_SYMLINK_NOFOLLOW), name, v, n, flags);
}

SYSCALL5(fsetxattr, int, fd, const char __user *, name, const void __user *, v, size_t, n, int,
	 flags)
{
	struct path p;

	return set_xattr(AT_FD, name, v, n, flags);
}

SYSCALL3(listxattr, const char __user *, path, char __user *, list, size_t, n)
{
	struct path p;

	return list_xattr(AT_NAME(0), list, n);
}

SYSCALL3(llistxattr, const char __user *, path, char __user *, list, size_t, n)
{
	struct path p;

	return list_xattr(AT_NAME(AT_SYMLINK_NOFOLLOW), list, n);
}

SYSCALL3(flistxattr, int, fd, char __user *, list, size_t, n)
{
	struct path p;

	return list_xattr(AT_FD, list, n);
}

SYSCALL2(removexattr, const char __user *, path, const char __user *, name)
{
	struct path p;

	return remove_xattr(AT_NAME(0), name);
}

SYSCALL2(lremovexattr, const char __user *, path, const char __user *, name)
{
	struct path p;

	return remove_xattr(AT_NAME(AT_SYMLINK_NOFOLLOW), name);
}

SYSCALL2(fremovexattr, int, fd, const char __user *, name)
{
	struct path p;

	return remove_xattr(AT_FD, name);
}
