/* SPDX-License-Identifier: MIT */
/*
 * Who a thread is: ids and capabilities. A cred never changes once a thread uses it: to change,
 * copy, change the copy, and swap (proc/cred.c). Ids are those of the first user namespace.
 */
#pragma once
#include "lib/refcount.h"

#define NGROUPS_MAX_DYAD 65536

struct group_list {
	ref_t refs;
	u32 n;
	gid_t gids[];
};

struct cred {
	ref_t refs;
	uid_t uid, euid, suid, fsuid;
	gid_t gid, egid, sgid, fsgid;
	u64 cap_inheritable, cap_permitted, cap_effective, cap_bounding, cap_ambient;
	u32 securebits;
	struct group_list *groups; /* NULL: none */
	struct user_ns *user_ns;
};
