/* SPDX-License-Identifier: MIT */
/*
 * Who the caller is: user and group ids, process groups and sessions, capabilities. The rules are in
 * proc/cred.c. Ids cross this border as the caller's user namespace counts them.
 */
#include "syscall/syscall.h"

#include <linux/capability.h>

SYSCALL_IS(getuid, uid_shown(current->thread.cred->uid))
SYSCALL_IS(geteuid, uid_shown(current->thread.cred->euid))
SYSCALL_IS(getgid, gid_shown(current->thread.cred->gid))
SYSCALL_IS(getegid, gid_shown(current->thread.cred->egid))

SYSCALL3(getresuid, uid_t __user *, r, uid_t __user *, e, uid_t __user *, s)
{
	const struct cred *c = current->thread.cred;

	return put_user(uid_shown(c->uid), r) ?: put_user(uid_shown(c->euid), e) ?:
						 put_user(uid_shown(c->suid), s);
}

SYSCALL3(getresgid, gid_t __user *, r, gid_t __user *, e, gid_t __user *, s)
{
	const struct cred *c = current->thread.cred;

	return put_user(gid_shown(c->gid), r) ?: put_user(gid_shown(c->egid), e) ?:
						 put_user(gid_shown(c->sgid), s);
}

SYSCALL_IS(setuid, do_set_ids(false, SET_ID, _1, -1, -1))
SYSCALL_IS(setgid, do_set_ids(true, SET_ID, _1, -1, -1))
SYSCALL_IS(setreuid, do_set_ids(false, SET_REID, _1, _2, -1))
SYSCALL_IS(setregid, do_set_ids(true, SET_REID, _1, _2, -1))
SYSCALL_IS(setresuid, do_set_ids(false, SET_RESID, _1, _2, _3))
SYSCALL_IS(setresgid, do_set_ids(true, SET_RESID, _1, _2, _3))
SYSCALL_IS(setfsuid, uid_shown(do_set_fs_id(false, _1)))
SYSCALL_IS(setfsgid, gid_shown(do_set_fs_id(true, _1)))

SYSCALL2(getgroups, int, n, gid_t __user *, ugids)
{
	int count = do_getgroups(0, NULL);
	gid_t *gids;

	if (n < 0)
		return -EINVAL;
	if (!n || count <= 0)
		return count;
	if (n < count)
		return -EINVAL;
	gids = kmalloc(count * sizeof(*gids));
	if (!gids)
		return -ENOMEM;
	count = do_getgroups(count, gids);
	if (count > 0 && copy_to_user(ugids, gids, count * sizeof(*gids)))
		count = -EFAULT;
	kfree(gids);
	return count;
}

SYSCALL2(setgroups, unsigned int, n, const gid_t __user *, ugids)
{
	gid_t *gids;
	int err;

	if (!may_setgroups())
		return -EPERM;
	if (n > NGROUPS_MAX_DYAD)
		return -EINVAL;
	gids = kmalloc(n * sizeof(*gids) + 1);
	if (!gids)
		return -ENOMEM;
	err = copy_from_user(gids, ugids, n * sizeof(*gids)) ?: do_setgroups(n, gids);
	kfree(gids);
	return err;
}

/* ---- process groups and sessions ---- */

SYSCALL_IS(setpgid, do_setpgid(_1, _2))
SYSCALL_IS(getpgid, do_getpgid(_1))
SYSCALL_IS(getpgrp, do_getpgid(0))
SYSCALL_IS(getsid, do_getsid(_1))
SYSCALL_IS(setsid, do_setsid())

/* ---- capabilities: sets of 64 bits, handed over as pairs of words (capget(2)) ---- */

/* How many words a caller of that version has; an unknown version is told the current one. */
static int cap_words(struct __user_cap_header_struct *h, struct __user_cap_header_struct __user *uh)
{
	if (get_user(*h, uh))
		return -EFAULT;
	switch (h->version) {
	case _LINUX_CAPABILITY_VERSION_1:
		return _LINUX_CAPABILITY_U32S_1;
	case _LINUX_CAPABILITY_VERSION_2:
	case _LINUX_CAPABILITY_VERSION_3:
		return _LINUX_CAPABILITY_U32S_3;
	}
	return put_user((u32)_LINUX_CAPABILITY_VERSION_3, &uh->version) ?: -EINVAL;
}

SYSCALL2(capget, struct __user_cap_header_struct __user *, uh,
	 struct __user_cap_data_struct __user *, udata)
{
	struct __user_cap_header_struct h;
	struct __user_cap_data_struct data[2];
	u64 e, p, i;
	int words = cap_words(&h, uh), err;

	if (words < 0) /* asking for the version alone is no error */
		return words == -EINVAL && !udata ? 0 : words;
	err = h.pid < 0 ? -EINVAL : do_capget(h.pid, &e, &p, &i);
	if (err)
		return err;
	for (int k = 0; k < 2; k++)
		data[k] = (struct __user_cap_data_struct){ e >> 32 * k, p >> 32 * k, i >> 32 * k };
	return udata ? copy_to_user(udata, data, words * sizeof(data[0])) : 0;
}

SYSCALL2(capset, struct __user_cap_header_struct __user *, uh,
	 const struct __user_cap_data_struct __user *, udata)
{
	struct __user_cap_header_struct h;
	struct __user_cap_data_struct data[2] = { 0 };
	int words = cap_words(&h, uh);

	if (words < 0)
		return words;
	if (h.pid && h.pid != task_tid_in(current, task_pid_ns(current)))
		return -EPERM;
	if (copy_from_user(data, udata, words * sizeof(data[0])))
		return -EFAULT;
	return do_capset(data[0].effective | (u64)data[1].effective << 32,
			 data[0].permitted | (u64)data[1].permitted << 32,
			 data[0].inheritable | (u64)data[1].inheritable << 32);
}
