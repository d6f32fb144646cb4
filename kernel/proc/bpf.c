/* SPDX-License-Identifier: MIT */
/*
 * bpf(2): programs, and descriptors of them. There are two types: BPF_PROG_TYPE_CGROUP_DEVICE decides
 * whether a device may be opened or made, BPF_PROG_TYPE_CGROUP_SKB whether a packet may go out or come in.
 * Which groups ask them is the container layer's.
 *
 * A program never changes; progs_lock guards their numbers. Read next: lib/ebpf.c, container/cg_bpf.c.
 */
#include "lib/bpf.h"
#include "proc/internal.h"
#include "proc/procfs.h"

static spinlock_t progs_lock = SPINLOCK_INIT; /* guards the next */
static struct idr progs = { .next = 1, .min = 1, .max = 0x7fffffff };
static u64 nr_progs; /* atomic */
u64 nr_packet_progs;

static bool capable_of(int cap)
{
	return capable(cap) || capable(CAP_SYS_ADMIN);
}

void bpf_prog_put(struct bpf_prog *p)
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
	bpf_prog_put(f->priv);
}

static const struct file_ops prog_ops = { .release = prog_release };

/* A descriptor for p, whose reference moves. */
static int prog_fd(struct bpf_prog *p)
{
	struct file *f = file_anon("bpf-prog", &prog_ops, p, O_RDWR);

	if (IS_ERR(f))
		bpf_prog_put(p);
	return fd_install(f, 0, true);
}

struct bpf_prog *bpf_prog_of_fd(int fd, u32 type)
{
	struct file *f = fd_get(fd);
	struct bpf_prog *p = ERR_PTR(-EINVAL);

	if (!f)
		return ERR_PTR(-EBADF);
	if (f->ops == &prog_ops && (!type || ((struct bpf_prog *)f->priv)->type == type)) {
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
	err = bpf_check(p->insns, p->n,
			p->type == BPF_PROG_TYPE_CGROUP_SKB ? &bpf_packet : &bpf_device, scratch,
			&why);
	kfree(scratch);
	return write_log(a, err, &why);
}

static int prog_load(const union bpf_attr *a)
{
	bool packets = a->prog_type == BPF_PROG_TYPE_CGROUP_SKB;
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
	/* Linux asks for no more than CAP_BPF when it is about packets */
	if (packets ? a->expected_attach_type > BPF_CGROUP_INET_EGRESS
		    : a->prog_type != BPF_PROG_TYPE_CGROUP_DEVICE)
		return -EINVAL;
	if (!packets && !capable_of(CAP_NET_ADMIN))
		return -EPERM;
	p = kzalloc(sizeof(*p) + a->insn_cnt * sizeof(p->insns[0]));
	if (!p)
		return -ENOMEM;
	ref_init(&p->refs);
	p->type = a->prog_type;
	p->insns = (struct bpf_insn *)(p + 1);
	p->n = a->insn_cnt;
	p->gpl = !strncmp(license, "GPL", 3) || !strncmp(license, "Dual ", 5);
	p->uid = current_thread()->cred->uid;
	p->load_time = clock_ns();
	memcpy(p->name, a->prog_name, sizeof(p->name) - 1);
	__atomic_fetch_add(&nr_progs, 1, __ATOMIC_RELAXED);
	err = copy_from_user(p->insns, (const void __user *)a->insns, p->n * sizeof(p->insns[0]))
		      ?: prog_check(p, a);
	if (err) {
		bpf_prog_put(p);
		return err;
	}
	spin_lock(&progs_lock);
	err = idr_alloc(&progs, p);
	p->id = max(err, 0);
	spin_unlock(&progs_lock);
	if (err > 0)
		return prog_fd(p);
	bpf_prog_put(p);
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
	struct bpf_prog *p = bpf_prog_of_fd(a->info.bpf_fd, 0);
	struct bpf_prog_info info = { 0 };
	u32 len = min(a->info.info_len, (u32)sizeof(info));

	if (IS_ERR(p))
		return PTR_ERR(p);
	info.type = p->type;
	info.id = p->id;
	info.load_time = p->load_time;
	info.created_by_uid = uid_shown(p->uid);
	info.gpl_compatible = p->gpl;
	memcpy(info.name, p->name, sizeof(info.name));
	bpf_prog_put(p);
	return copy_to_user((void __user *)a->info.info, &info, len)
		       ?: put_user(len, &ua->info.info_len);
}

long bpf_call(int cmd, union bpf_attr __user *ua, unsigned int size)
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

	if (!layer.bpf_group)
		return -ENOSYS;
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
		return layer.bpf_group(cmd, &a, ua);
	}
}

static int show_unprivileged(struct strbuf *out, void *priv)
{
	sb_printf(out, "2\n"); /* nobody, and only root may change it */
	return 0;
}

void bpf_init(void)
{
	static const struct pseudo_file unprivileged = {
		.name = "sys/kernel/unprivileged_bpf_disabled",
		.mode = 0444,
		.show = show_unprivileged
	};

	procfs_add(&unprivileged, NULL);
	counts_register("bpf_programs", &nr_progs);
}
