/* SPDX-License-Identifier: MIT */
/*
 * System V IPC, what its three kinds share (sysvipc(7)): tables of objects by id and by key,
 * permissions, and an IPC namespace that holds them. An id is an index with the round of indices it
 * was given out in above it, so that the id of an object that is gone is not soon another's.
 * Read next: shm.c, sem.c, msg.c.
 */
#include "proc/ipc.h"
#include "proc/procfs.h"

#include <linux/msg.h>
#include <linux/sem.h>
#include <linux/shm.h>

#define ULONG_MAX (~0UL) /* for SHMMAX */
#define INDEX_BITS 15
#define MAX_OBJECTS (1U << INDEX_BITS)
#define MIN_CYCLE 64U /* so many indices at least are gone through before one is used again */

static const struct ipc_ops *const kind_ops[IPC_KINDS] = { &sem_ops, &msg_ops, &shm_ops };

/* ---- namespaces ---- */

void ipc_ns_setup(struct ipc_ns *ns)
{
	static const u64 limits[IPC_LIMITS] = {
		SHMMAX, SHMALL, SHMMNI, SEMMSL, SEMMNS, SEMOPM, SEMMNI, MSGMAX,
		MSGMNB, MSGMNI, 256,    10,     8192,   10,     8192, /* mq_overview(7) */
	};

	mutex_init(&ns->lock);
	for (int kind = 0; kind < IPC_KINDS; kind++) {
		idr_init(&ns->table[kind].by_index, 0, 0);
		ns->table[kind].last = -1;
	}
	memcpy(ns->limit, limits, sizeof(limits));
}

void ipc_ns_drain(struct ipc_ns *ns)
{
	mqueue_ns_end(ns);
	for (int kind = 0; kind < IPC_KINDS; kind++) {
		struct ipc_object *o;

		for (u64 at = 0; (o = radix_next(&ns->table[kind].by_index.tree, &at));) {
			mutex_lock(&ns->lock);
			ipc_remove(kind, o);
			mutex_unlock(&ns->lock);
			kind_ops[kind]->free(o);
		}
	}
}

/* ---- pids, sleepers ---- */

void ipc_stamp(struct pid **who)
{
	struct pid *old = *who;

	*who = current->proc->pid;
	pid_get(*who);
	pid_put(old);
}

pid_t ipc_pid(const struct pid *who)
{
	return pid_nr_ns(who, task_pid_ns(current));
}

int ipc_sleep(struct ipc_ns *ns, struct ipc_wait *w, struct list_head *on, u64 deadline)
{
	int err;

	waitq_init(&w->wq);
	w->status = IPC_WAITS;
	list_add_tail(&w->link, on);
	mutex_unlock(&ns->lock);
	err = wait_event_until(&w->wq, READ_ONCE(w->status) != IPC_WAITS, deadline);
	mutex_lock(&ns->lock); /* and whoever woke is done with w */
	if (w->status != IPC_WAITS)
		return w->status;
	list_del(&w->link);
	return err == -ETIMEDOUT ? err : -EINTR;
}

void ipc_wake(struct ipc_wait *w, int status)
{
	list_del(&w->link);
	WRITE_ONCE(w->status, status);
	waitq_wake_all(&w->wq, 0);
}

void ipc_wake_all(struct list_head *on, int status)
{
	while (!list_empty(on))
		ipc_wake(list_first(on, struct ipc_wait, link), status);
}

/* ---- the tables ---- */

struct ipc_object *ipc_find(struct ipc_ns *ns, enum ipc_kind kind, int id)
{
	struct ipc_object *o = NULL;

	if (id >= 0)
		o = idr_get(&ns->table[kind].by_index, id % MAX_OBJECTS);
	return o && o->id == id ? o : ERR_PTR(-EINVAL);
}

int ipc_permitted(const struct ipc_object *o, int mode)
{
	const struct cred *c = current_thread()->cred;
	unsigned int want = (mode >> 6 | mode >> 3 | mode) & 7, given = o->mode;

	if (c->euid == o->cuid || c->euid == o->uid)
		given >>= 6;
	else if (in_group(c, o->cgid) || in_group(c, o->gid))
		given >>= 3;
	return want & ~given && !ns_capable(o->ns->ns.owner, CAP_IPC_OWNER) ? -EACCES : 0;
}

static bool owned(const struct ipc_object *o)
{
	uid_t euid = current_thread()->cred->euid;

	return euid == o->cuid || euid == o->uid || ns_capable(o->ns->ns.owner, CAP_SYS_ADMIN);
}

struct ipc_object *ipc_find_for(struct ipc_ns *ns, enum ipc_kind kind, int id, enum ipc_want want)
{
	struct ipc_object *o;
	int err = 0;

	if (want == IPC_BY_ID || want == IPC_OWNED)
		o = ipc_find(ns, kind, id);
	else
		o = (id < 0 ? NULL : idr_get(&ns->table[kind].by_index, id % MAX_OBJECTS))
			    ?: ERR_PTR(-EINVAL);
	if (IS_ERR(o))
		return o;
	if (want == IPC_OWNED)
		err = owned(o) ? 0 : -EPERM;
	else if (want != IPC_BY_INDEX_ANY)
		err = ipc_permitted(o, S_IRUGO);
	return err ? ERR_PTR(err) : o;
}

static int ipc_add(struct ipc_ns *ns, enum ipc_kind kind, struct ipc_object *o)
{
	struct ipc_table *t = &ns->table[kind];
	u64 limit = ns->limit[kind_ops[kind]->max];
	s64 index;
	int err;

	if (t->in_use >= limit)
		return -ENOSPC;
	t->by_index.max = min(max(t->in_use * 3 / 2, MIN_CYCLE), MAX_OBJECTS) - 1;
	index = idr_alloc(&t->by_index, o);
	if (index < 0)
		return index;
	err = o->key == IPC_PRIVATE ? 0 : radix_insert(&t->by_key, (u32)o->key, o);
	if (err) {
		idr_erase(&t->by_index, index);
		return err;
	}
	if (index <= t->last)
		t->round = (t->round + 1) % (INT32_MAX >> INDEX_BITS);
	t->last = index;
	t->in_use++;
	o->id = t->round << INDEX_BITS | index;
	if (kind_ops[kind]->added)
		kind_ops[kind]->added(o, true);
	return 0;
}

void ipc_remove(enum ipc_kind kind, struct ipc_object *o)
{
	struct ipc_table *t = &o->ns->table[kind];

	idr_erase(&t->by_index, o->id % MAX_OBJECTS);
	if (o->key != IPC_PRIVATE)
		radix_erase(&t->by_key, (u32)o->key);
	t->in_use--;
	if (kind_ops[kind]->added)
		kind_ops[kind]->added(o, false);
}

int ipc_max_index(struct ipc_ns *ns, enum ipc_kind kind)
{
	u64 last = 0;

	for (u64 at = 0; radix_next(&ns->table[kind].by_index.tree, &at); at++)
		last = at;
	return last;
}

static struct ipc_object *ipc_make(struct ipc_ns *ns, enum ipc_kind kind, int key, u64 size,
				   int flags)
{
	const struct cred *c = current_thread()->cred;
	struct ipc_object *o = kind_ops[kind]->make(ns, key, size, flags);
	int err;

	if (IS_ERR(o))
		return o;
	o->ns = ns;
	o->key = key;
	o->size = size;
	o->uid = o->cuid = c->euid;
	o->gid = o->cgid = c->egid;
	o->mode = flags & 0777;
	o->ctime = ipc_now();
	err = ipc_add(ns, kind, o);
	if (!err)
		return o;
	kind_ops[kind]->free(o);
	return ERR_PTR(err);
}

long do_ipc_get(enum ipc_kind kind, int key, u64 size, int flags)
{
	struct ipc_ns *ns = current_ipc();
	struct ipc_object *o = NULL;
	long ret = 0;

	if (kind == IPC_SEM && size > ns->limit[SEM_MSL])
		return -EINVAL;
	mutex_lock(&ns->lock);
	if (key != IPC_PRIVATE)
		o = radix_get(&ns->table[kind].by_key, (u32)key);
	if (!o && key != IPC_PRIVATE && !(flags & IPC_CREAT))
		ret = -ENOENT;
	else if (!o)
		o = ipc_make(ns, kind, key, size, flags);
	else if (flags & IPC_CREAT && flags & IPC_EXCL)
		ret = -EEXIST;
	else
		ret = size > o->size ? -EINVAL : ipc_permitted(o, flags);
	if (!ret)
		ret = IS_ERR(o) ? PTR_ERR(o) : o->id;
	mutex_unlock(&ns->lock);
	return ret;
}

long ipc_rmid(enum ipc_kind kind, int id)
{
	struct ipc_ns *ns = current_ipc();
	struct ipc_object *o;

	mutex_lock(&ns->lock);
	o = ipc_find_for(ns, kind, id, IPC_OWNED);
	if (!IS_ERR(o))
		ipc_remove(kind, o);
	mutex_unlock(&ns->lock);
	if (IS_ERR(o))
		return PTR_ERR(o);
	kind_ops[kind]->free(o);
	return 0;
}

struct ipc64_perm ipc_perm_of(const struct ipc_object *o)
{
	return (struct ipc64_perm){
		.key = o->key,
		.uid = uid_shown(o->uid),
		.gid = gid_shown(o->gid),
		.cuid = uid_shown(o->cuid),
		.cgid = gid_shown(o->cgid),
		.mode = o->mode,
		.seq = o->id >> INDEX_BITS,
	};
}

int ipc_set_perm(struct ipc_object *o, const struct ipc64_perm *perm)
{
	struct user_ns *user_ns = current_thread()->cred->user_ns;
	uid_t uid = uid_from_ns(user_ns, perm->uid);
	gid_t gid = gid_from_ns(user_ns, perm->gid);

	if (uid == (uid_t)-1 || gid == (gid_t)-1)
		return -EINVAL;
	o->uid = uid;
	o->gid = gid;
	o->mode = (o->mode & ~0777) | (perm->mode & 0777);
	o->ctime = ipc_now();
	return 0;
}

/* ---- /proc/sysvipc and /proc/sys/kernel ---- */

static int show_table(struct strbuf *out, void *priv)
{
	static const char *const heads[IPC_KINDS] = {
		"       key      semid perms      nsems   uid   gid  cuid  cgid      otime      "
		"ctime\n",
		"       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  "
		"cgid      stime      rtime      ctime\n",
		"       key      shmid perms                  size  cpid  lpid nattch   uid   gid  "
		"cuid  cgid      atime      dtime      ctime                   rss                 "
		" "
		"swap\n",
	};
	enum ipc_kind kind = (enum ipc_kind)(u64)priv;
	struct ipc_ns *ns = current_ipc();
	struct ipc_object *o;

	sb_printf(out, "%s", heads[kind]);
	mutex_lock(&ns->lock);
	for (u64 at = 0; (o = radix_next(&ns->table[kind].by_index.tree, &at)); at++) {
		sb_printf(out, "%10d %10d  %4o ", o->key, o->id, o->mode);
		kind_ops[kind]->show(out, o);
	}
	mutex_unlock(&ns->lock);
	return 0;
}

void ipc_show_ids(struct strbuf *out, const struct ipc_object *o)
{
	sb_printf(out, " %5u %5u %5u %5u", uid_shown(o->uid), gid_shown(o->gid), uid_shown(o->cuid),
		  gid_shown(o->cgid));
}

struct ipc_sysctl {
	struct pseudo_file pf;
	u32 first, count; /* enum ipc_limit */
	u64 low, high;
};

static int sysctl_show(struct strbuf *out, void *priv)
{
	const struct ipc_sysctl *s = priv;
	const u64 *v = &current_ipc()->limit[s->first];

	for (u32 i = 0; i < s->count; i++)
		sb_printf(out, "%llu%c", (unsigned long long)v[i], i + 1 < s->count ? '\t' : '\n');
	return 0;
}

static ssize_t sysctl_write(void *priv, char *buf, size_t n)
{
	const struct ipc_sysctl *s = priv;
	u64 v[4];
	int got = sysctl_parse(buf, v, s->count);

	for (int i = 0; i < got; i++)
		if (v[i] < s->low || v[i] > s->high)
			return -EINVAL;
	for (int i = 0; i < got; i++)
		WRITE_ONCE(current_ipc()->limit[s->first + i], v[i]);
	return got < 0 ? got : (ssize_t)n;
}

#define SYSCTL(path, f, n, lo, hi)                                                                 \
	{                                                                                          \
		{ .name = "sys/" path, .mode = 0644, .show = sysctl_show, .write = sysctl_write }, \
			f, n, lo, hi                                                               \
	}
static struct ipc_sysctl sysctls[] = {
	SYSCTL("kernel/shmmax", SHM_MAX, 1, 0, ~0UL),
	SYSCTL("kernel/shmall", SHM_ALL, 1, 0, ~0UL),
	SYSCTL("kernel/shmmni", SHM_MNI, 1, 0, MAX_OBJECTS),
	SYSCTL("kernel/sem", SEM_MSL, 4, 0, INT32_MAX),
	SYSCTL("kernel/msgmax", MSG_MAX, 1, 0, INT32_MAX),
	SYSCTL("kernel/msgmnb", MSG_MNB, 1, 0, INT32_MAX),
	SYSCTL("kernel/msgmni", MSG_MNI, 1, 0, MAX_OBJECTS),
	SYSCTL("fs/mqueue/queues_max", MQ_QUEUES, 1, 0, INT32_MAX),
	SYSCTL("fs/mqueue/msg_max", MQ_MSGS, 1, 1, 65536),
	SYSCTL("fs/mqueue/msgsize_max", MQ_MSGSIZE, 1, 128, 16 << 20),
	SYSCTL("fs/mqueue/msg_default", MQ_MSGS_DEFAULT, 1, 1, 65536),
	SYSCTL("fs/mqueue/msgsize_default", MQ_MSGSIZE_DEFAULT, 1, 128, 16 << 20),
};

void ipc_init(void)
{
	static const struct pseudo_file tables[IPC_KINDS] = {
		{ .name = "sysvipc/sem", .mode = 0444, .show = show_table },
		{ .name = "sysvipc/msg", .mode = 0444, .show = show_table },
		{ .name = "sysvipc/shm", .mode = 0444, .show = show_table },
	};

	mqueue_init();
	for (u64 kind = 0; kind < IPC_KINDS; kind++)
		procfs_add(&tables[kind], (void *)kind);
	for (u32 i = 0; i < ARRAY_SIZE(sysctls); i++)
		procfs_add(&sysctls[i].pf, &sysctls[i]);
}
