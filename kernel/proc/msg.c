/* SPDX-License-Identifier: MIT */
/*
 * System V message queues (msgget(2), msgop(2), msgctl(2)). Whoever adds or takes a message, or changes
 * the queue, wakes those who wait for that; they look again from the beginning.
 */
#include "proc/ipc.h"

#include <asm/msgbuf.h>
#include <linux/msg.h>

struct message {
	ref_t refs; /* the queue's, and MSG_COPY's while it copies */
	struct list_head link;
	long type;
	size_t size;
	char text[];
};

struct msg_queue {
	struct ipc_object o;
	struct list_head messages, senders, receivers;
	u64 bytes, count, max_bytes;
	u64 stime, rtime;
	struct pid *last_sender, *last_receiver;
};

static struct msg_queue *queue_of(struct ipc_object *o)
{
	return container_of(o, struct msg_queue, o);
}

static struct ipc_object *msg_make(struct ipc_ns *ns, int key, u64 size, int flags)
{
	struct msg_queue *q = kzalloc(sizeof(*q));

	if (!q)
		return ERR_PTR(-ENOMEM);
	list_init(&q->messages);
	list_init(&q->senders);
	list_init(&q->receivers);
	q->max_bytes = ns->limit[MSG_MNB];
	return &q->o;
}

static void message_put(struct message *m)
{
	if (ref_put(&m->refs))
		kfree(m);
}

/* m goes into q, or out of it. */
static void account(struct msg_queue *q, const struct message *m, int n)
{
	q->bytes += n * (s64)m->size;
	q->count += n;
	q->o.ns->msg_bytes += n * (s64)m->size;
	q->o.ns->msg_count += n;
}

static void msg_added(struct ipc_object *o, bool add)
{
	struct msg_queue *q = queue_of(o);

	ipc_wake_all(&q->senders, -EIDRM); /* when it is new there are none */
	ipc_wake_all(&q->receivers, -EIDRM);
	o->ns->msg_bytes -= q->bytes;
	o->ns->msg_count -= q->count;
}

static void msg_free(struct ipc_object *o)
{
	struct msg_queue *q = queue_of(o);

	while (!list_empty(&q->messages)) {
		struct message *m = list_first(&q->messages, struct message, link);

		list_del(&m->link);
		message_put(m);
	}
	pid_put(q->last_sender);
	pid_put(q->last_receiver);
	kfree(q);
}

static void msg_show(struct strbuf *out, struct ipc_object *o)
{
	struct msg_queue *q = queue_of(o);
	typedef unsigned long long ull;

	sb_printf(out, " %10llu %10llu %5u %5u", (ull)q->bytes, (ull)q->count,
		  ipc_pid(q->last_sender), ipc_pid(q->last_receiver));
	ipc_show_ids(out, o);
	sb_printf(out, " %10llu %10llu %10llu\n", (ull)q->stime, (ull)q->rtime, (ull)o->ctime);
}

const struct ipc_ops msg_ops = {
	.max = MSG_MNI,
	.make = msg_make,
	.added = msg_added,
	.free = msg_free,
	.show = msg_show,
};

/* ---- msgop(2) ---- */

/* A signal came: the call begins anew unless there is a handler. */
static long slept(int status)
{
	return status == -EINTR ? -ERESTARTNOHAND : status;
}

/* Puts m into the queue, waiting for room. Lock held. */
static long msg_send(struct ipc_ns *ns, int id, struct message *m, int flags)
{
	struct ipc_wait w;
	long err = 0;

	while (!err) {
		struct ipc_object *o = ipc_find(ns, IPC_MSG, id);
		struct msg_queue *q = queue_of(o);

		if (IS_ERR(o))
			return PTR_ERR(o);
		err = ipc_permitted(o, S_IWUGO);
		if (err)
			return err;
		if (q->bytes + m->size <= q->max_bytes && q->count < q->max_bytes) {
			list_add_tail(&m->link, &q->messages);
			account(q, m, 1);
			q->stime = ipc_now();
			ipc_stamp(&q->last_sender);
			ipc_wake_all(&q->receivers, 0);
			return 0;
		}
		err = flags & IPC_NOWAIT ? -EAGAIN : slept(ipc_sleep(ns, &w, &q->senders, ~0UL));
	}
	return err;
}

long do_msgsnd(int id, const void __user *um, size_t size, int flags)
{
	struct ipc_ns *ns = current_ipc();
	struct message *m;
	long type, err;

	if (copy_from_user(&type, um, sizeof(type)))
		return -EFAULT;
	if (size > ns->limit[MSG_MAX] || id < 0 || type < 1)
		return -EINVAL;
	m = kzalloc(sizeof(*m) + size);
	if (!m)
		return -ENOMEM;
	ref_init(&m->refs);
	m->type = type;
	m->size = size;
	err = copy_from_user(m->text, um + sizeof(type), size);
	if (!err) {
		mutex_lock(&ns->lock);
		err = msg_send(ns, id, m, flags);
		mutex_unlock(&ns->lock);
	}
	if (err)
		message_put(m);
	return err;
}

/* The message that msgrcv(2) is to get, or NULL. With MSG_COPY type is its place in the queue. */
static struct message *msg_find(struct msg_queue *q, long type, int flags)
{
	struct message *m, *lowest = NULL;
	long n = type, bound = type == INT64_MIN ? INT64_MAX : -type;

	list_for_each(m, &q->messages, link) {
		if (flags & MSG_COPY
			    ? !n--
			    : !type || (type > 0 && (m->type == type) == !(flags & MSG_EXCEPT)))
			return m;
		if (!(flags & MSG_COPY) && type < 0 && m->type <= bound &&
		    (!lowest || m->type < lowest->type))
			lowest = m;
	}
	return lowest;
}

/* A message, which is the caller's (a reference). Lock held. */
static struct message *msg_receive(struct ipc_ns *ns, int id, size_t size, long type, int flags)
{
	struct ipc_wait w;
	long err = 0;

	while (!err) {
		struct ipc_object *o = ipc_find(ns, IPC_MSG, id);
		struct msg_queue *q = queue_of(o);
		struct message *m;

		err = IS_ERR(o) ? PTR_ERR(o) : ipc_permitted(o, S_IRUGO);
		if (err)
			break;
		m = msg_find(q, type, flags);
		if (m && m->size > size && !(flags & MSG_NOERROR))
			return ERR_PTR(-E2BIG);
		if (m && flags & MSG_COPY) {
			ref_get(&m->refs);
			return m;
		}
		if (m) {
			list_del(&m->link);
			account(q, m, -1);
			q->rtime = ipc_now();
			ipc_stamp(&q->last_receiver);
			ipc_wake_all(&q->senders, 0);
			return m;
		}
		err = flags & IPC_NOWAIT ? -ENOMSG : slept(ipc_sleep(ns, &w, &q->receivers, ~0UL));
	}
	return ERR_PTR(err);
}

long do_msgrcv(int id, void __user *um, size_t size, long type, int flags)
{
	struct ipc_ns *ns = current_ipc();
	struct message *m;
	long ret;

	if (id < 0 || (long)size < 0 ||
	    (flags & MSG_COPY && (flags & MSG_EXCEPT || !(flags & IPC_NOWAIT))))
		return -EINVAL;
	mutex_lock(&ns->lock);
	m = msg_receive(ns, id, size, type, flags);
	mutex_unlock(&ns->lock);
	if (IS_ERR(m))
		return PTR_ERR(m);
	ret = min(size, m->size);
	if (copy_to_user(um, &m->type, sizeof(m->type)) ||
	    copy_to_user(um + sizeof(m->type), m->text, ret))
		ret = -EFAULT;
	message_put(m);
	return ret;
}

/* ---- msgctl(2) ---- */

static long msg_info(struct ipc_ns *ns, int cmd, struct msginfo __user *buf)
{
	/* These are of no use to anybody, and computed as they always were. */
	struct msginfo info = {
		.msgpool = MSGMNI * MSGMNB / 1024,
		.msgmap = MSGMNB,
		.msgmax = ns->limit[MSG_MAX],
		.msgmnb = ns->limit[MSG_MNB],
		.msgmni = ns->limit[MSG_MNI],
		.msgssz = 16,
		.msgtql = MSGMNB,
		.msgseg = 0xffff,
	};
	long ret;

	mutex_lock(&ns->lock);
	if (cmd == MSG_INFO) {
		info.msgpool = ns->table[IPC_MSG].in_use;
		info.msgmap = ns->msg_count;
		info.msgtql = ns->msg_bytes;
	}
	ret = ipc_max_index(ns, IPC_MSG);
	mutex_unlock(&ns->lock);
	return put_user(info, buf) ?: ret;
}

static long msg_stat(struct ipc_ns *ns, int id, enum ipc_want want, struct msqid64_ds __user *buf)
{
	struct msqid64_ds ds = { 0 };
	struct ipc_object *o;

	mutex_lock(&ns->lock);
	o = ipc_find_for(ns, IPC_MSG, id, want);
	if (!IS_ERR(o)) {
		const struct msg_queue *q = queue_of(o);

		ds.msg_perm = ipc_perm_of(o);
		ds.msg_stime = q->stime;
		ds.msg_rtime = q->rtime;
		ds.msg_ctime = o->ctime;
		ds.msg_cbytes = q->bytes;
		ds.msg_qnum = q->count;
		ds.msg_qbytes = q->max_bytes;
		ds.msg_lspid = ipc_pid(q->last_sender);
		ds.msg_lrpid = ipc_pid(q->last_receiver);
		id = want == IPC_BY_ID ? 0 : o->id;
	}
	mutex_unlock(&ns->lock);
	return IS_ERR(o) ? PTR_ERR(o) : put_user(ds, buf) ?: id;
}

static long msg_set(struct ipc_ns *ns, int id, const struct msqid64_ds __user *buf)
{
	struct msqid64_ds ds;
	struct ipc_object *o;
	long err;

	if (get_user(ds, buf))
		return -EFAULT;
	mutex_lock(&ns->lock);
	o = ipc_find_for(ns, IPC_MSG, id, IPC_OWNED);
	err = IS_ERR(o) ? PTR_ERR(o) : 0;
	if (!err && ds.msg_qbytes > ns->limit[MSG_MNB] &&
	    !ns_capable(ns->ns.owner, CAP_SYS_RESOURCE))
		err = -EPERM;
	if (!err)
		err = ipc_set_perm(o, &ds.msg_perm);
	if (!err) {
		queue_of(o)->max_bytes = ds.msg_qbytes;
		ipc_wake_all(&queue_of(o)->senders, 0); /* they may have room, or not the right */
		ipc_wake_all(&queue_of(o)->receivers, 0);
	}
	mutex_unlock(&ns->lock);
	return err;
}

long do_msgctl(int id, int cmd, void __user *buf)
{
	struct ipc_ns *ns = current_ipc();

	if (id < 0 || cmd < 0)
		return -EINVAL;
	switch (cmd) {
	case IPC_INFO:
	case MSG_INFO:
		return msg_info(ns, cmd, buf);
	case IPC_STAT:
		return msg_stat(ns, id, IPC_BY_ID, buf);
	case MSG_STAT:
		return msg_stat(ns, id, IPC_BY_INDEX, buf);
	case MSG_STAT_ANY:
		return msg_stat(ns, id, IPC_BY_INDEX_ANY, buf);
	case IPC_SET:
		return msg_set(ns, id, buf);
	case IPC_RMID:
		return ipc_rmid(IPC_MSG, id);
	}
	return -EINVAL;
}
