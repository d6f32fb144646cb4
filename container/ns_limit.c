/* SPDX-License-Identifier: MIT */
/*
 * How many namespaces there may be (namespaces(7), /proc/sys/user): each user namespace counts those
 * that it and its descendants own, by kind, and refuses more than its limit. Every namespace counts from
 * ns_init() to its end, all the way up; the limit is looked at before, so that those who make some at the
 * same moment may exceed it by one each. Linux counts each user of a user namespace; here all are one.
 */
#include "container/container.h"

#include <linux/limits.h>

#define LIMIT(n, flag)                                                                             \
	{                                                                                          \
		flag,                                                                              \
		{                                                                                  \
			.name = "sys/user/max_" n "_namespaces", .mode = 0644, .show = show,       \
			.write = write, .may_write = may_write                                     \
		}                                                                                  \
	}

static u32 *limit_of(void *kind)
{
	return &current->thread.cred->user_ns->ns_max[(u64)kind];
}

static int show(struct strbuf *out, void *kind)
{
	sb_printf(out, "%u\n", READ_ONCE(*limit_of(kind)));
	return 0;
}

static ssize_t write(void *kind, char *buf, size_t n)
{
	char *nl = strchr(buf, '\n');
	u64 v;

	if (nl)
		*nl = '\0';
	if (parse_u64(buf, 10, &v) || v > NS_MAX_DEFAULT)
		return -EINVAL;
	WRITE_ONCE(*limit_of(kind), v);
	return n;
}

/* The root of a user namespace, whom the file does not belong to, sets that one's limits. */
static bool may_write(void)
{
	return ns_capable(current->thread.cred->user_ns, CAP_SYS_RESOURCE);
}

static const struct {
	u64 flag;
	struct pseudo_file pf;
} kinds[NS_KINDS] = {
	LIMIT("user", CLONE_NEWUSER),     LIMIT("pid", CLONE_NEWPID),   LIMIT("uts", CLONE_NEWUTS),
	LIMIT("ipc", CLONE_NEWIPC),       LIMIT("net", CLONE_NEWNET),   LIMIT("mnt", CLONE_NEWNS),
	LIMIT("cgroup", CLONE_NEWCGROUP), LIMIT("time", CLONE_NEWTIME),
};

static void count(const struct ns_common *ns, int by)
{
	for (u64 i = 0; i < NS_KINDS; i++) {
		if (kinds[i].flag != ns->ops->clone_flag)
			continue;
		for (struct user_ns *u = ns->owner; u; u = u->parent)
			__atomic_fetch_add(&u->ns_count[i], by, __ATOMIC_RELAXED);
	}
}

int ns_room(const struct user_ns *owner, u64 flags)
{
	for (u64 i = 0; i < NS_KINDS; i++)
		for (const struct user_ns *u = owner; u && flags & kinds[i].flag; u = u->parent)
			if (READ_ONCE(u->ns_count[i]) >= READ_ONCE(u->ns_max[i]))
				return -ENOSPC;
	return 0;
}

void ns_limit_setup(struct user_ns *ns)
{
	for (u64 i = 0; i < NS_KINDS; i++)
		ns->ns_max[i] = NS_MAX_DEFAULT;
}

void ns_limit_init(void)
{
	ns_limit_setup(&init_user_ns);
	ns_counted = count;
	for (u64 i = 0; i < NS_KINDS; i++)
		procfs_add(&kinds[i].pf, (void *)i);
}
