/* SPDX-License-Identifier: MIT */
/*
 * Namespaces and the mount tree: unshare(2), setns(2), mount(2) and its kin, host names. Making and
 * entering namespaces is the container layer's; without one the calls answer EINVAL.
 */
#include "syscall/syscall.h"

#include <linux/capability.h>

#include <linux/utsname.h>

SYSCALL_IS(unshare, do_unshare(_1))
SYSCALL_IS(setns, do_setns(_1, _2))

/* Options are text of at most a page; source, type and options may be missing. */
SYSCALL5(mount, const char __user *, usource, const char __user *, utarget, const char __user *,
	 utype, unsigned long, flags, const void __user *, udata)
{
	USER_PATH(target, utarget);
	USER_TEXT(type, utype);
	USER_TEXT(source, usource);
	USER_TEXT(data, udata);
	int err = type.err ?: source.err ?: data.err;

	if (err == -ENAMETOOLONG)
		err = -EINVAL;
	err = err ?: target.err;
	return err ?: do_mount(source.name, target.name, type.name, flags, data.name);
}

SYSCALL2(umount2, const char __user *, utarget, int, flags)
{
	USER_PATH(target, utarget);

	return target.err ?: do_umount(target.name, flags);
}

SYSCALL2(pivot_root, const char __user *, unew, const char __user *, uold)
{
	USER_PATH(new, unew);
	USER_PATH(old, uold);

	if (!may_mount())
		return -EPERM;
	return new.err ?: old.err ?: do_pivot_root(new.name, old.name);
}

static long set_name(const char __user *uname, int len, int (*set)(const char *, size_t))
{
	char name[__NEW_UTS_LEN];

	if (!ns_capable(current->ns->uts->ns.owner, CAP_SYS_ADMIN))
		return -EPERM;
	if (len < 0 || len > __NEW_UTS_LEN)
		return -EINVAL;
	return copy_from_user(name, uname, len) ?: set(name, len);
}

SYSCALL2(sethostname, const char __user *, name, int, len)
{
	return set_name(name, len, do_sethostname);
}

SYSCALL2(setdomainname, const char __user *, name, int, len)
{
	return set_name(name, len, do_setdomainname);
}
