/* SPDX-License-Identifier: MIT */
/*
 * bpf(2) with the one type of program there is: BPF_PROG_TYPE_CGROUP_DEVICE, attached to groups, asked
 * when one of their processes opens or makes a device node. All programs that count must say yes.
 *
 * Which count (attach_flags): a group's own; those of a group above if they are BPF_F_ALLOW_MULTI, or if
 * no group further down has any. Below programs that are neither MULTI nor OVERRIDE nobody attaches.
 * devices_lock guards which programs a group has; it is a leaf. A program never changes.
 * Read next: bpf_device.c.
 */
#include "lib/bpf.h"
#include "container/cgroup.h"

#define MAX_PROGS 64 /* of a group */

struct bpf_prog {
	ref_t refs; /* descriptors, groups */
	u32 id; /* in progs */
	unsigned int n;
	u64 load_time;
	uid_t uid;
	bool gpl;
	char name[BPF_OBJ_NAME_LEN];
	struct bpf_insn insns[];
};

struct cg_devices {
	u32 flags; /* BPF_F_ALLOW_*; of all of them */
	unsigned int n; /* never 0 */
	struct bpf_prog *progs[MAX_PROGS];
};

static struct mutex devices_lock = MUTEX_INIT(devices_lock);
static u64 nr_attached; /* 0: nothing to ask; guarded by devices_lock, read without */
static spinlock_t progs_lock; /* guards the next */
static struct idr progs = { .next = 1, .min = 1, .max = 0x7fffffff };
static u64 nr_progs; /* atomic */

/* ---- programs ---- */

static void prog_put(struct bpf_prog *p)
{
	spin_lock(&progs_lock);
	if (!ref_put(&p->refs)) {
		spin_unlock(&progs_lock);
		return;
	}
	if (p->id)
		idr_erase(&progs, p->id);
	spin_unlock(&progs_lock);
	__atomic_fetch_sub(&nr_progs, 1, __ATOMIC_RELAXED);
	kfree(p);
}

static void prog_release(struct file *f)
{
	prog_put(f->priv);
}

static const struct file_ops prog_ops = { .release = prog_release };

/* A descriptor for p, whose reference moves. */
static int prog_fd(struct bpf_prog *p)
{
	struct file *f = file_anon("bpf-prog", &prog_ops, p, O_RDWR);

	if (IS_ERR(f))
		prog_put(p);
	return fd_install(f, 0, true);
}

/* The program of a descriptor, with a reference; ERR_PTR(-EBADF, -EINVAL). */
static struct bpf_prog *prog_of_fd(int fd)
{
	struct file *f = fd_get(fd);
	struct bpf_prog *p = ERR_PTR(-EINVAL);

	if (!f)
		return ERR_PTR(-EBADF);
	if (f->ops == &prog_ops) {
		p = f->priv;
		ref_get(&p->refs);
	}
	file_put(f);
	return p;
}

/* What the check said, to who asked for it. -ENOSPC when it did not fit. */
static int write_log(const union bpf_attr *a, int err, const struct bpf_complaint *why)
{
	char __user *to = (char __user *)a->log_buf;
	char what[80], line[128];
	int n;

	if (!a->log_level)
		return err;
	snprintf(what, sizeof(what), why->what ? why->what : "", why->value);
	n = err ? snprintf(line, sizeof(line), "%u: %s\n", why->insn, what)
		: snprintf(line, sizeof(line), "processed %u insns\n", a->insn_cnt);
	return copy_to_user(to, line, n + 1) ?: err;
}

static bool log_wanted_wrongly(const union bpf_attr *a)
{
	if (!a->log_level)
		return a->log_size || a->log_buf;
	return a->log_level & ~7U || a->log_size < 128 || a->log_size > 0x3fffffff || !a->log_buf;
}

static bool capable_of(int cap)
{
	return capable(cap) || capable(CAP_SYS_ADMIN);
}

static int prog_check(struct bpf_prog *p, const union bpf_attr *a)
{
	struct bpf_complaint why = { 0 };
	u64 *scratch;
	int err;

	if (log_wanted_wrongly(a))
		return -EINVAL;
	scratch = kmalloc(p->n * sizeof(*scratch));
	if (!scratch)
		return -ENOMEM;
	err = bpf_device_check(p->insns, p->n, scratch, &why);
	kfree(scratch);
	return write_log(a, err, &why);
}

static int prog_load(const union bpf_attr *a)
{
	char license[128];
	struct bpf_prog *p;
	ssize_t n;
	int err;

	if (a->prog_flags & ~(BPF_F_STRICT_ALIGNMENT | BPF_F_ANY_ALIGNMENT) || a->prog_ifindex)
		return -EINVAL;
	n = strncpy_from_user(license, (const char __user *)a->license, sizeof(license));
	if (n == -EFAULT)
		return n;
	license[sizeof(license) - 1] = 0;
	if (!a->insn_cnt || a->insn_cnt > BPF_MAXINSNS)
		return -E2BIG;
	if (a->prog_type != BPF_PROG_TYPE_CGROUP_DEVICE)
		return -EINVAL;
	if (!capable_of(CAP_NET_ADMIN))
		return -EPERM;
	p = kzalloc(sizeof(*p) + a->insn_cnt * sizeof(p->insns[0]));
	if (!p)
		return -ENOMEM;
	ref_init(&p->refs);
	p->n = a->insn_cnt;
	p->gpl = !strncmp(license, "GPL", 3) || !strncmp(license, "Dual ", 5);
	p->uid = current_thread()->cred->uid;
	p->load_time = clock_ns();
	memcpy(p->name, a->prog_name, sizeof(p->name) - 1);
	__atomic_fetch_add(&nr_progs, 1, __ATOMIC_RELAXED);
	err = copy_from_user(p->insns, (const void __user *)a->insns, p->n * sizeof(p->insns[0]))
		      ?: prog_check(p, a);
	if (err) {
		prog_put(p);
		return err;
	}
	spin_lock(&progs_lock);
	err = idr_alloc(&progs, p);
	p->id = max(err, 0);
	spin_unlock(&progs_lock);
	if (err > 0)
		return prog_fd(p);
	prog_put(p);
	return err;
}

static int prog_by_id(u32 id)
{
	struct bpf_prog *p;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	spin_lock(&progs_lock);
	p = idr_get(&progs, id);
	if (p)
		ref_get(&p->refs);
	spin_unlock(&progs_lock);
	return p ? prog_fd(p) : -ENOENT;
}

static int prog_info(const union bpf_attr *a, union bpf_attr __user *ua)
{
	struct bpf_prog *p = prog_of_fd(a->info.bpf_fd);
	struct bpf_prog_info info = { .type = BPF_PROG_TYPE_CGROUP_DEVICE };
	u32 len = min(a->info.info_len, (u32)sizeof(info));

	if (IS_ERR(p))
		return PTR_ERR(p);
	info.id = p->id;
	info.load_time = p->load_time;
	info.created_by_uid = uid_shown(p->uid);
	info.gpl_compatible = p->gpl;
	memcpy(info.name, p->name, sizeof(info.name));
	prog_put(p);
	return copy_to_user((void __user *)a->info.info, &info, len)
		       ?: put_user(len, &ua->info.info_len);
}

/* ---- attaching: devices_lock held ---- */

/* May cg have programs with these flags, for all that those above say? */
static bool may_attach(const struct cgroup *cg, u32 flags)
{
	if (cg->devices && cg->devices->flags != flags)
		return false;
	for (cg = cg->parent; cg; cg = cg->parent)
		if (cg->devices)
			return cg->devices->flags; /* MULTI or OVERRIDE */
	return true;
}

/* p's place in d, or -1. */
static int place_of(const struct cg_devices *d, const struct bpf_prog *p)
{
	for (unsigned int i = 0; d && i < d->n; i++)
		if (d->progs[i] == p)
			return i;
	return -1;
}

/* p's reference moves when 0. old: to be replaced, NULL: another or none, as the flags say. */
static int attach(struct cgroup *cg, struct bpf_prog *p, struct bpf_prog *old, u32 flags)
{
	struct cg_devices *d = cg->devices;
	unsigned int at = d ? d->n : 0;

	if (!may_attach(cg, flags))
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
		d = cg->devices = kzalloc(sizeof(*d));
		if (!d)
			return -ENOMEM;
		d->flags = flags;
	}
	if (at < d->n) {
		prog_put(d->progs[at]);
	} else {
		d->n++;
		nr_attached++;
	}
	d->progs[at] = p;
	return 0;
}

static int detach(struct cgroup *cg, struct bpf_prog *p)
{
	struct cg_devices *d = cg->devices;
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
	prog_put(d->progs[at]);
	nr_attached--;
	if (--d->n) {
		memmove(&d->progs[at], &d->progs[at + 1], (d->n - at) * sizeof(d->progs[0]));
	} else {
		cg->devices = NULL;
		kfree(d);
	}
	return 0;
}

static int prog_attach(const union bpf_attr *a, struct cgroup *cg, struct bpf_prog *p)
{
	u32 flags = a->attach_flags & (BPF_F_ALLOW_MULTI | BPF_F_ALLOW_OVERRIDE);
	struct bpf_prog *old = NULL;
	int err;

	if (a->attach_flags & ~(BPF_F_ALLOW_MULTI | BPF_F_ALLOW_OVERRIDE | BPF_F_REPLACE))
		return -EINVAL;
	if (IS_ERR(p))
		return PTR_ERR(p);
	if (flags == (BPF_F_ALLOW_MULTI | BPF_F_ALLOW_OVERRIDE) ||
	    (a->attach_flags & BPF_F_REPLACE && !(flags & BPF_F_ALLOW_MULTI)))
		return -EINVAL;
	if (a->attach_flags & BPF_F_REPLACE)
		old = prog_of_fd(a->replace_bpf_fd);
	if (IS_ERR(old))
		return PTR_ERR(old);
	ref_get(&p->refs);
	mutex_lock(&devices_lock);
	err = READ_ONCE(cg->removed) ? -ENOENT : attach(cg, p, old, flags);
	mutex_unlock(&devices_lock);
	if (err)
		prog_put(p);
	if (old)
		prog_put(old);
	return err;
}

static int prog_detach(const union bpf_attr *a, struct cgroup *cg, struct bpf_prog *p)
{
	int err;

	if (a->attach_flags || a->replace_bpf_fd)
		return -EINVAL;
	mutex_lock(&devices_lock);
	err = detach(cg, p);
	mutex_unlock(&devices_lock);
	return err;
}

/* The nearest group from cg up whose programs count, when `found` counted already; or NULL. */
static struct cg_devices *next_counting(struct cgroup **cg, unsigned int found)
{
	struct cg_devices *d = NULL;

	for (; *cg && !d; *cg = (*cg)->parent) {
		d = (*cg)->devices;
		if (d && found && !(d->flags & BPF_F_ALLOW_MULTI))
			d = NULL;
	}
	return d;
}

static int prog_query(const union bpf_attr *a, union bpf_attr __user *ua, struct cgroup *cg)
{
	bool effective = a->query.query_flags & BPF_F_QUERY_EFFECTIVE;
	u32 room = a->query.prog_ids ? min(a->query.prog_cnt, CG_LEVELS * MAX_PROGS) : 0;
	u32 flags, n = 0, *ids;
	struct cg_devices *d;
	int err;

	if (a->query.query_flags & ~BPF_F_QUERY_EFFECTIVE)
		return -EINVAL;
	ids = kmalloc(room * sizeof(*ids) + 1);
	if (!ids)
		return -ENOMEM;
	mutex_lock(&devices_lock);
	flags = cg->devices && !effective ? cg->devices->flags : 0;
	for (d = effective ? next_counting(&cg, 0) : cg->devices; d;
	     d = effective ? next_counting(&cg, n) : NULL) {
		for (unsigned int i = 0; i < d->n; i++, n++)
			if (n < room)
				ids[n] = d->progs[i]->id;
	}
	mutex_unlock(&devices_lock);
	err = copy_to_user((void __user *)a->query.prog_ids, ids, min(n, room) * sizeof(*ids)) ?:
	      put_user(flags, &ua->query.attach_flags) ?:
	      put_user(n, &ua->query.prog_cnt);
	kfree(ids);
	return err ?: room && room < n ? -ENOSPC : 0;
}

/* The three that are about a group. */
static int group_call(int cmd, const union bpf_attr *a, union bpf_attr __user *ua)
{
	bool query = cmd == BPF_PROG_QUERY;
	struct bpf_prog *p = NULL;
	struct cgroup *cg;
	int err;

	if (query && !capable_of(CAP_NET_ADMIN))
		return -EPERM;
	if ((query ? a->query.attach_type : a->attach_type) != BPF_CGROUP_DEVICE)
		return -EINVAL;
	cg = cgroup_of_fd(a->target_fd, MAY_WRITE);
	if (IS_ERR(cg))
		return PTR_ERR(cg);
	if (!query)
		p = prog_of_fd(a->attach_bpf_fd);
	err = query                    ? prog_query(a, ua, cg)
	      : cmd == BPF_PROG_ATTACH ? prog_attach(a, cg, p)
				       : prog_detach(a, cg, p);
	if (!IS_ERR_OR_NULL(p))
		prog_put(p);
	cgroup_put(cg);
	return err;
}

/* layer_ops.bpf */
static long bpf_call(int cmd, union bpf_attr __user *ua, unsigned int size)
{
	/* how much of the attributes each knows; what comes behind it must be 0 */
	static const u8 known[BPF_PROG_QUERY + 1] = {
		[BPF_PROG_LOAD] = offsetof(union bpf_attr, expected_attach_type) + 4,
		[BPF_PROG_ATTACH] = offsetof(union bpf_attr, replace_bpf_fd) + 4,
		[BPF_PROG_DETACH] = offsetof(union bpf_attr, replace_bpf_fd) + 4,
		[BPF_PROG_QUERY] = offsetof(union bpf_attr, query.prog_cnt) + 4,
		[BPF_PROG_GET_FD_BY_ID] = offsetof(union bpf_attr, open_flags),
		[BPF_OBJ_GET_INFO_BY_FD] = offsetof(union bpf_attr, info.info) + 8,
	};
	char bytes[256] = { 0 };
	union bpf_attr a = { 0 };

	if (!capable_of(CAP_BPF) && cmd == BPF_PROG_LOAD)
		return -EPERM;
	if (size > sizeof(bytes))
		return -E2BIG;
	if (copy_from_user(bytes, ua, size))
		return -EFAULT;
	if (cmd < 0 || cmd > BPF_PROG_QUERY || !known[cmd])
		return -EINVAL;
	for (unsigned int i = known[cmd]; i < sizeof(bytes); i++)
		if (bytes[i])
			return -EINVAL;
	memcpy(&a, bytes, known[cmd]);
	switch (cmd) {
	case BPF_PROG_LOAD:
		return prog_load(&a);
	case BPF_PROG_GET_FD_BY_ID:
		return prog_by_id(a.prog_id);
	case BPF_OBJ_GET_INFO_BY_FD:
		return prog_info(&a, ua);
	default:
		return group_call(cmd, &a, ua);
	}
}

/* ---- asking ---- */

/* layer_ops.device_allowed: 0 or -EPERM. access: BPF_DEVCG_ACC_* */
static int device_allowed(bool block, dev_t dev, u32 access)
{
	struct bpf_cgroup_dev_ctx ctx = {
		.access_type = access << 16 | (block ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR),
		.major = MAJOR(dev),
		.minor = MINOR(dev),
	};
	struct cgroup *own, *cg;
	struct cg_devices *d;
	unsigned int found = 0;
	bool yes = true;

	if (!READ_ONCE(nr_attached))
		return 0;
	own = cg = task_cgroup_get(current);
	mutex_lock(&devices_lock);
	while (yes && (d = next_counting(&cg, found))) {
		found += d->n;
		for (unsigned int i = 0; yes && i < d->n; i++)
			yes = bpf_device_run(d->progs[i]->insns, &ctx);
	}
	mutex_unlock(&devices_lock);
	cgroup_put(own);
	return yes ? 0 : -EPERM;
}

void cg_devices_drop(struct cgroup *cg)
{
	mutex_lock(&devices_lock);
	while (cg->devices)
		detach(cg, cg->devices->progs[0]);
	mutex_unlock(&devices_lock);
}

static int show_unprivileged(struct strbuf *out, void *priv)
{
	sb_printf(out, "2\n"); /* nobody, and only root may change it */
	return 0;
}

void cg_devices_init(void)
{
	static const struct pseudo_file unprivileged = {
		.name = "sys/kernel/unprivileged_bpf_disabled",
		.mode = 0444,
		.show = show_unprivileged
	};

	procfs_add(&unprivileged, NULL);
	counts_register("bpf_programs", &nr_progs);
	layer.bpf = bpf_call;
	layer.device_allowed = device_allowed;
}
