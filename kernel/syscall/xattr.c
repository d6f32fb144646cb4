/* SPDX-License-Identifier: MIT */
/* Extended attributes of files (xattr(7)): copies in and out around fs/'s vfs_*xattr(). */
#include "syscall/syscall.h"

#include <linux/limits.h>
#include <linux/xattr.h>

static int xattr_name(char name[XATTR_NAME_MAX + 1], long uname)
{
	ssize_t n = strncpy_from_user(name, (const char __user *)uname, XATTR_NAME_MAX + 1);

	return n < 0 ? (n == -ENAMETOOLONG ? -ERANGE : n) : n == 0 ? -ERANGE : 0;
}

/* The functions below take what a lookup gave (err, and with 0 a place to give back), and registers. */
static long get_xattr(int err, struct path *p, long uname, long uvalue, size_t size)
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
	if (n > 0 && size && copy_to_user((void __user *)uvalue, value, n))
		n = -EFAULT;
out:
	kfree(value);
	path_put(p);
	return n;
}

/* uvalue may be NULL only with size 0: an empty attribute. */
static long set_xattr(int err, struct path *p, long uname, long uvalue, size_t size, int flags)
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
		err = copy_from_user(value, (void __user *)uvalue, size)
			      ?: vfs_setxattr(p, name, value, size, flags);
	kfree(value);
	path_put(p);
	return err;
}

static long remove_xattr(int err, struct path *p, long uname)
{
	char name[XATTR_NAME_MAX + 1];

	if (err)
		return err;
	err = xattr_name(name, uname) ?: vfs_setxattr(p, name, NULL, 0, XATTR_REPLACE);
	path_put(p);
	return err;
}

static long list_xattr(int err, struct path *p, long ulist, size_t size)
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
	if (n > 0 && size && copy_to_user((void __user *)ulist, list, n))
		n = -EFAULT;
	kfree(list);
	path_put(p);
	return n;
}

/* Each comes in three forms: by name, by name without following, by descriptor. */
#define BY_NAME(at_flags) place_of_name(AT_FDCWD, (const char __user *)_1, at_flags, &p), &p
#define BY_FD place_of_fd(_1, false, &p), &p
/* clang-format off */
#define XATTR_CALL(name, fn, place, ...) \
	SYSCALL_HEAD(name) { struct path p; return fn(place, __VA_ARGS__); }
/* clang-format on */
XATTR_CALL(getxattr, get_xattr, BY_NAME(0), _2, _3, _4)
XATTR_CALL(lgetxattr, get_xattr, BY_NAME(AT_SYMLINK_NOFOLLOW), _2, _3, _4)
XATTR_CALL(fgetxattr, get_xattr, BY_FD, _2, _3, _4)
XATTR_CALL(setxattr, set_xattr, BY_NAME(0), _2, _3, _4, _5)
XATTR_CALL(lsetxattr, set_xattr, BY_NAME(AT_SYMLINK_NOFOLLOW), _2, _3, _4, _5)
XATTR_CALL(fsetxattr, set_xattr, BY_FD, _2, _3, _4, _5)
XATTR_CALL(listxattr, list_xattr, BY_NAME(0), _2, _3)
XATTR_CALL(llistxattr, list_xattr, BY_NAME(AT_SYMLINK_NOFOLLOW), _2, _3)
XATTR_CALL(flistxattr, list_xattr, BY_FD, _2, _3)
XATTR_CALL(removexattr, remove_xattr, BY_NAME(0), _2)
XATTR_CALL(lremovexattr, remove_xattr, BY_NAME(AT_SYMLINK_NOFOLLOW), _2)
XATTR_CALL(fremovexattr, remove_xattr, BY_FD, _2)
