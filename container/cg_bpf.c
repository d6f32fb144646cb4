/* SPDX-License-Identifier: MIT */
/*
 * Programs of bpf(2) that are attached to groups: about devices, asked when one of the group's processes
 * opens or makes a device node; about packets, asked when a socket that was made there sends or receives
 * one (AF_INET). All programs that count must say yes.
 *
 * Which count (attach_flags): a group's own; those of a group above if they are BPF_F_ALLOW_MULTI, or if
 * no group further down has any. Below programs that are neither MULTI nor OVERRIDE nobody attaches.
 * bpf_lock guards which programs a group has; it is a leaf, and held while they run.
 * Read next: kernel/proc/bpf.c, kernel/lib/ebpf.c.
 */
#include "lib/bpf.h"
#include "container/cgroup.h"

#define MAX_PROGS 64 /* of a group */

/* What a group's programs are asked about: by enum bpf_attach_type, which type that takes. */
static const struct {
	u32 attach_type, prog_type;
} kinds[CG_PROG_KINDS] = { { BPF_CGROUP_DEVICE, BPF_PROG_TYPE_CGROUP_DEVICE },
			   { BPF_CGROUP_INET_INGRESS, BPF_PROG_TYPE_CGROUP_SKB },
			   { BPF_CGROUP_INET_EGRESS, BPF_PROG_TYPE_CGROUP_SKB } };
enum { DEVICE, INGRESS, EGRESS };

struct cg_progs { /* a group's, of one kind */
	u32 flags; /* BPF_F_ALLOW_*; of all of them */
	unsigned int n; /* never 0 */
	struct bpf_prog *progs[MAX_PROGS];
};

static spinlock_t bpf_lock = SPINLOCK_INIT;
static u64 nr_device_progs; /* 0: nothing to ask; guarded by bpf_lock, read without */

static void count_attached(int kind, int by)
{
	u64 *n = kind == DEVICE ? &nr_device_progs : &nr_packet_progs;

	WRITE_ONCE(*n, *n + by);
}

/* ---- attaching: bpf_lock held ---- */

/* May cg have programs with these flags, for all that those above say? */
static bool may_attach(const struct cgroup *cg, int kind, u32 flags)
{
	if (cg->progs[kind] && cg->progs[kind]->flags != flags)
		return false;
	for (cg = cg->parent; cg; cg = cg->parent)
		if (cg->progs[kind])
			return cg->progs[kind]->flags; /* MULTI or OVERRIDE */
	return true;
}

/* p's place in d, or -1. */
static int place_of(const struct cg_progs *d, const struct bpf_prog *p)
{
	for (unsigned int i = 0; d && i < d->n; i++)
		if (d->progs[i] == p)
			return i;
	return -1;
}

/* p's reference moves when 0. old: to be replaced, NULL: another or none, as the flags say. *fresh: room
 * for the first of a group, NULL when it was taken. */
static int attach(struct cgroup *cg, int kind, struct bpf_prog *p, struct bpf_prog *old, u32 flags,
		  struct cg_progs **fresh)
{
	struct cg_progs *d = cg->progs[kind];
	unsigned int at = d ? d->n : 0;

	if (!may_attach(cg, kind, flags))
		return -EPERM;
	if (at == MAX_PROGS)
		return -E2BIG;
	if (!(flags & BPF_F_ALLOW_MULTI))
		at = 0;
	else if (p != old && place_of(d, p) >= 0)
		return -EINVAL;
	else if (old && place_of(d, old) < 0)
		return -ENOENT;
	else if (old)
		at = place_of(d, old);
	if (!d) {
		d = cg->progs[kind] = *fresh;
		*fresh = NULL;
		d->flags = flags;
	}
	if (at < d->n) {
		bpf_prog_put(d->progs[at]);
	} else {
		d->n++;
		count_attached(kind, 1);
	}
	d->progs[at] = p;
	return 0;
}

static int detach(struct cgroup *cg, int kind, struct bpf_prog *p)
{
	struct cg_progs *d = cg->progs[kind];
	int at = 0;

	if (!d)
		return -ENOENT;
	if (d->flags & BPF_F_ALLOW_MULTI) {
		if (IS_ERR(p))
			return -EINVAL;
		at = place_of(d, p);
		if (at < 0)
			return -ENOENT;
	}
	bpf_prog_put(d->progs[at]);
	count_attached(kind, -1);
	if (--d->n) {
		memmove(&d->progs[at], &d->progs[at + 1], (d->n - at) * sizeof(d->progs[0]));
	} else {
		cg->progs[kind] = NULL;
		kfree(d);
	}
	return 0;
}

/* ---- the three calls that are about a group ---- */

static int prog_attach(const union bpf_attr *a, int kind, struct cgroup *cg, struct bpf_prog *p)
{
	u32 flags = a->attach_flags & (BPF_F_ALLOW_MULTI | BPF_F_ALLOW_OVERRIDE);
	struct bpf_prog *old = NULL;
	struct cg_progs *fresh;
	int err;

	if (flags == (BPF_F_ALLOW_MULTI | BPF_F_ALLOW_OVERRIDE) ||
	    (a->attach_flags & BPF_F_REPLACE && !(flags & BPF_F_ALLOW_MULTI)))
		return -EINVAL;
	if (a->attach_flags & BPF_F_REPLACE)
		old = bpf_prog_of_fd(a->replace_bpf_fd, kinds[kind].prog_type);
	if (IS_ERR(old))
		return PTR_ERR(old);
	fresh = kzalloc(sizeof(*fresh));
	if (fresh) {
		ref_get(&p->refs);
		spin_lock(&bpf_lock);
		err = READ_ONCE(cg->removed) ? -ENOENT : attach(cg, kind, p, old, flags, &fresh);
		spin_unlock(&bpf_lock);
		if (err)
			bpf_prog_put(p);
		kfree(fresh);
	} else {
		err = -ENOMEM;
	}
	if (old)
		bpf_prog_put(old);
	return err;
}

/* The nearest group from cg up whose programs count, when `found` counted already; or NULL. */
static struct cg_progs *next_counting(struct cgroup **cg, int kind, unsigned int found)
{
	struct cg_progs *d = NULL;

	for (; *cg && !d; *cg = (*cg)->parent) {
		d = (*cg)->progs[kind];
		if (d && found && !(d->flags & BPF_F_ALLOW_MULTI))
			d = NULL;
	}
	return d;
}

static int prog_query(const union bpf_attr *a, int kind, union bpf_attr __user *ua,
		      struct cgroup *cg)
{
	bool effective = a->query.query_flags & BPF_F_QUERY_EFFECTIVE;
	u32 room = a->query.prog_ids ? min(a->query.prog_cnt, CG_LEVELS * MAX_PROGS) : 0;
	u32 flags, n = 0, *ids;
	struct cg_progs *d;
	int err;

	if (a->query.query_flags & ~BPF_F_QUERY_EFFECTIVE)
		return -EINVAL;
	ids = kmalloc(room * sizeof(*ids) + 1);
	if (!ids)
		return -ENOMEM;
	spin_lock(&bpf_lock);
	flags = cg->progs[kind] && !effective ? cg->progs[kind]->flags : 0;
	for (d = effective ? next_counting(&cg, kind, 0) : cg->progs[kind]; d;
	     d = effective ? next_counting(&cg, kind, n) : NULL) {
		for (unsigned int i = 0; i < d->n; i++, n++)
			if (n < room)
				ids[n] = d->progs[i]->id;
	}
	spin_unlock(&bpf_lock);
	err = copy_to_user((void __user *)a->query.prog_ids, ids, min(n, room) * sizeof(*ids)) ?:
	      put_user(flags, &ua->query.attach_flags) ?:
	      put_user(n, &ua->query.prog_cnt);
	kfree(ids);
	return err ?: room && room < n ? -ENOSPC : 0;
}

/* layer_ops.bpf_group */
static long group_call(int cmd, const union bpf_attr *a, union bpf_attr __user *ua)
{
	u32 type = cmd == BPF_PROG_QUERY ? a->query.attach_type : a->attach_type;
	struct bpf_prog *p = NULL;
	struct cgroup *cg;
	int kind = 0, err;

	if (cmd == BPF_PROG_QUERY && !capable(CAP_NET_ADMIN) && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (cmd == BPF_PROG_ATTACH &&
	    a->attach_flags & ~(BPF_F_ALLOW_MULTI | BPF_F_ALLOW_OVERRIDE | BPF_F_REPLACE))
		return -EINVAL;
	if (cmd == BPF_PROG_DETACH && (a->attach_flags || a->replace_bpf_fd))
		return -EINVAL;
	while (kind < CG_PROG_KINDS && kinds[kind].attach_type != type)
		kind++;
	if (kind == CG_PROG_KINDS)
		return -EINVAL;
	if (cmd != BPF_PROG_QUERY)
		p = bpf_prog_of_fd(a->attach_bpf_fd, kinds[kind].prog_type);
	if (cmd == BPF_PROG_ATTACH && IS_ERR(p))
		return PTR_ERR(p);
	cg = cgroup_of_fd(a->target_fd, MAY_WRITE);
	if (IS_ERR(cg)) {
		err = PTR_ERR(cg);
	} else if (cmd == BPF_PROG_DETACH) {
		spin_lock(&bpf_lock);
		err = detach(cg, kind, p);
		spin_unlock(&bpf_lock);
	} else {
		err = cmd == BPF_PROG_QUERY ? prog_query(a, kind, ua, cg)
					    : prog_attach(a, kind, cg, p);
	}
	if (!IS_ERR_OR_NULL(p))
		bpf_prog_put(p);
	if (!IS_ERR(cg))
		cgroup_put(cg);
	return err;
}

/* ---- asking ---- */

/* Do all programs that count for cg say yes? */
static bool all_agree(struct cgroup *cg, int kind, const void *ctx)
{
	struct cg_progs *d;
	unsigned int found = 0;

	SPIN_GUARD(&bpf_lock);
	while ((d = next_counting(&cg, kind, found))) {
		found += d->n;
		for (unsigned int i = 0; i < d->n; i++)
			if (!bpf_run(d->progs[i]->insns, ctx))
				return false;
	}
	return true;
}

/* layer_ops.device_allowed: 0 or -EPERM. access: BPF_DEVCG_ACC_* */
static int device_allowed(bool block, dev_t dev, u32 access)
{
	struct bpf_cgroup_dev_ctx ctx = {
		.access_type = access << 16 | (block ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR),
		.major = MAJOR(dev),
		.minor = MINOR(dev),
	};
	struct cgroup *cg;
	bool yes;

	if (!READ_ONCE(nr_device_progs))
		return 0;
	cg = task_cgroup_get(current);
	yes = all_agree(cg, DEVICE, &ctx);
	cgroup_put(cg);
	return yes ? 0 : -EPERM;
}

/* layer_ops.group_get */
static struct cgroup *group_get(struct cgroup *cg)
{
	if (!cg)
		return task_cgroup_get(current);
	cgroup_get(cg);
	return cg;
}

static bool packet_allowed(struct cgroup *cg, const struct __sk_buff *skb, bool out)
{
	return all_agree(cg, out ? EGRESS : INGRESS, skb);
}

void cg_bpf_drop(struct cgroup *cg)
{
	SPIN_GUARD(&bpf_lock);
	for (int kind = 0; kind < CG_PROG_KINDS; kind++)
		while (cg->progs[kind])
			detach(cg, kind, cg->progs[kind]->progs[0]);
}

void cg_bpf_init(void)
{
	layer.bpf_group = group_call;
	layer.device_allowed = device_allowed;
	layer.group_get = group_get;
	layer.group_put = cgroup_put;
	layer.packet_allowed = packet_allowed;
}
