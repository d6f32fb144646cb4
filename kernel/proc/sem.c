/* SPDX-License-Identifier: MIT */
/*
 * System V semaphores (semget(2), semop(2), semctl(2)). A call's operations are done all or none; one
 * that must wait is tried again, first come first served, by whoever changes the set: so the values
 * that others see are never those of a moment before. What is to be undone when a process ends hangs on
 * the set and on the process (struct sem_undos, which CLONE_SYSVSEM shares). The namespace's lock guards
 * it all: those who share undo values are in the same namespace, for to leave it is to stop sharing.
 */
#include "proc/ipc.h"

#include <asm/sembuf.h>
#include <linux/sem.h>

struct sem_set {
	struct ipc_object o;
	u64 otime;
	struct list_head waiters; /* struct sem_call, in the order they came */
	struct list_head undos;
	struct sem {
		int value;
		struct pid *last;
	} sem[];
};

struct sem_undo { /* of one set for one sharing of sem_undos */
	struct list_head of_set, of_task;
	struct sem_set *set;
	int adjust[];
};
struct sem_undos {
	ref_t refs;
	struct list_head list;
};

struct sem_call { /* semop(2) going on */
	struct ipc_wait wait;
	struct sembuf *ops;
	unsigned int n, blocked; /* blocked: the operation that has to wait */
	struct sem_undo *undo;
	struct pid *pid; /* of the caller */
};

static struct sem_set *set_of(struct ipc_object *o)
{
	return container_of(o, struct sem_set, o);
}

static struct ipc_object *sem_make(struct ipc_ns *ns, int key, u64 size, int flags)
{
	struct sem_set *s;

	if (!size)
		return ERR_PTR(-EINVAL);
	if (ns->nr_sems + size > ns->limit[SEM_MNS])
		return ERR_PTR(-ENOSPC);
	s = kzalloc(sizeof(*s) + size * sizeof(s->sem[0]));
	if (!s)
		return ERR_PTR(-ENOMEM);
	list_init(&s->waiters);
	list_init(&s->undos);
	return &s->o;
}

static void undo_del(struct sem_undo *u)
{
	list_del(&u->of_set);
	list_del(&u->of_task);
	kfree(u);
}

static void sem_added(struct ipc_object *o, bool add)
{
	struct sem_set *s = set_of(o);

	o->ns->nr_sems += add ? o->size : -o->size;
	ipc_wake_all(&s->waiters, -EIDRM); /* when it is new there are none */
	while (!list_empty(&s->undos))
		undo_del(list_first(&s->undos, struct sem_undo, of_set));
}

static void sem_free(struct ipc_object *o)
{
	for (u64 i = 0; i < o->size; i++)
		pid_put(set_of(o)->sem[i].last);
	kfree(set_of(o));
}

static void sem_show(struct strbuf *out, struct ipc_object *o)
{
	sb_printf(out, "%10u", (u32)o->size);
	ipc_show_ids(out, o);
	sb_printf(out, " %10llu %10llu\n", (unsigned long long)set_of(o)->otime,
		  (unsigned long long)o->ctime);
}

const struct ipc_ops sem_ops = {
	.max = SEM_MNI,
	.make = sem_make,
	.added = sem_added,
	.free = sem_free,
	.show = sem_show,
};

/* ---- semop(2) ---- */

/* One operation, or (back) the opposite of one that was done. 0, -ERANGE, IPC_WAITS */
static int do_op(struct sem_set *s, struct sem_call *c, const struct sembuf *op, bool back)
{
	struct sem *sem = &s->sem[op->sem_num];
	int n = back ? -op->sem_op : op->sem_op, value = sem->value + n;
	int *adjust = op->sem_flg & SEM_UNDO ? &c->undo->adjust[op->sem_num] : NULL;
	int undo = adjust ? *adjust - n : 0;

	if (!back && (value < 0 || (!n && value)))
		return IPC_WAITS;
	if (!back && (value > SEMVMX || undo < -SEMAEM - 1 || undo > SEMAEM))
		return -ERANGE;
	sem->value = value;
	if (adjust)
		*adjust = undo;
	return 0;
}

/* All operations of a call: 0, or none: IPC_WAITS, -EAGAIN, -ERANGE. */
static int try_ops(struct sem_set *s, struct sem_call *c)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < c->n; i++) {
		err = do_op(s, c, &c->ops[i], false);
		if (err)
			break;
	}
	if (!err) {
		for (i = 0; i < c->n; i++) {
			struct pid **last = &s->sem[c->ops[i].sem_num].last;

			pid_get(c->pid);
			pid_put(*last);
			*last = c->pid;
		}
		s->otime = ipc_now();
		return 0;
	}
	c->blocked = i;
	if (err == IPC_WAITS && c->ops[i].sem_flg & IPC_NOWAIT)
		err = -EAGAIN;
	while (i--)
		do_op(s, c, &c->ops[i], true);
	return err;
}

/* Values have changed: who need wait no longer? */
static void let_go_on(struct sem_set *s)
{
	struct ipc_wait *w, *next;

again:
	list_for_each_safe(w, next, &s->waiters, link) {
		int err = try_ops(s, container_of(w, struct sem_call, wait));

		if (err == IPC_WAITS)
			continue;
		ipc_wake(w, err);
		if (!err)
			goto again;
	}
}

static struct sem_undos *sem_undos_make(void)
{
	struct sem_undos *all = kzalloc(sizeof(*all));

	if (all) {
		ref_init(&all->refs);
		list_init(&all->list);
	}
	return all;
}

/* The current task's for s, made when there is none. NULL without memory */
static struct sem_undo *undo_get(struct sem_set *s)
{
	struct sem_undos *all = current->sem_undos;
	struct sem_undo *u;

	if (!all && !(all = current->sem_undos = sem_undos_make()))
		return NULL;
	list_for_each(u, &all->list, of_task)
		if (u->set == s)
			return u;
	u = kzalloc(sizeof(*u) + s->o.size * sizeof(u->adjust[0]));
	if (!u)
		return NULL;
	u->set = s;
	list_add(&u->of_set, &s->undos);
	list_add(&u->of_task, &all->list);
	return u;
}

/* The set's part in a call that is about to begin: -EINVAL, -EFBIG, -EACCES, -ENOMEM */
static struct sem_set *sem_begin(struct ipc_ns *ns, int id, struct sem_call *c)
{
	struct ipc_object *o = ipc_find(ns, IPC_SEM, id);
	bool alters = false, undo = false;
	int err;

	if (IS_ERR(o))
		return (struct sem_set *)o;
	for (unsigned int i = 0; i < c->n; i++) {
		if (c->ops[i].sem_num >= o->size)
			return ERR_PTR(-EFBIG);
		alters |= c->ops[i].sem_op;
		undo |= c->ops[i].sem_flg & SEM_UNDO;
	}
	err = ipc_permitted(o, alters ? S_IWUGO : S_IRUGO);
	if (err)
		return ERR_PTR(err);
	c->undo = undo ? undo_get(set_of(o)) : NULL;
	return undo && !c->undo ? ERR_PTR(-ENOMEM) : set_of(o);
}

u64 semop_max(void)
{
	return current_ipc()->limit[SEM_OPM];
}

long do_semop(int id, struct sembuf *ops, unsigned int n, u64 deadline)
{
	struct sem_call c = { .ops = ops, .n = n, .pid = current->proc->pid };
	struct ipc_ns *ns = current_ipc();
	struct sem_set *s;
	int err;

	mutex_lock(&ns->lock);
	s = sem_begin(ns, id, &c);
	err = IS_ERR(s) ? PTR_ERR(s) : try_ops(s, &c);
	if (!err)
		let_go_on(s);
	else if (err == IPC_WAITS)
		err = ipc_sleep(ns, &c.wait, &s->waiters, deadline);
	mutex_unlock(&ns->lock);
	return err == -ETIMEDOUT ? -EAGAIN : err;
}

/* ---- SEM_UNDO ---- */

int sem_undo_share(struct task *child)
{
	struct task *t = current;

	if (!t->sem_undos)
		t->sem_undos = sem_undos_make();
	if (!t->sem_undos)
		return -ENOMEM;
	ref_get(&t->sem_undos->refs);
	child->sem_undos = t->sem_undos;
	return 0;
}

void sem_undo_leave(struct task *t)
{
	struct sem_undos *all = t->sem_undos;
	struct ipc_ns *ns = current_ipc();

	t->sem_undos = NULL;
	if (!all || !ref_put(&all->refs))
		return;
	mutex_lock(&ns->lock);
	while (!list_empty(&all->list)) {
		struct sem_undo *u = list_first(&all->list, struct sem_undo, of_task);

		for (u64 i = 0; i < u->set->o.size; i++) {
			struct sem *sem = &u->set->sem[i];

			if (!u->adjust[i])
				continue;
			sem->value = min(max(sem->value + u->adjust[i], 0), SEMVMX);
			ipc_stamp(&sem->last);
		}
		let_go_on(u->set);
		undo_del(u);
	}
	mutex_unlock(&ns->lock);
	kfree(all);
}

/* ---- semctl(2) ---- */

static long sem_info(struct ipc_ns *ns, int cmd, struct seminfo __user *buf)
{
	struct seminfo info = {
		.semmni = ns->limit[SEM_MNI],
		.semmns = ns->limit[SEM_MNS],
		.semmsl = ns->limit[SEM_MSL],
		.semopm = ns->limit[SEM_OPM],
		.semvmx = SEMVMX,
		.semmnu = SEMMNU,
		.semmap = SEMMAP,
		.semume = SEMUME,
		.semusz = SEMUSZ,
		.semaem = SEMAEM,
	};
	long ret;

	mutex_lock(&ns->lock);
	if (cmd == SEM_INFO) {
		info.semusz = ns->table[IPC_SEM].in_use;
		info.semaem = ns->nr_sems;
	}
	ret = ipc_max_index(ns, IPC_SEM);
	mutex_unlock(&ns->lock);
	return put_user(info, buf) ?: ret;
}

static long sem_stat(struct ipc_ns *ns, int id, enum ipc_want want, struct semid64_ds __user *buf)
{
	struct semid64_ds ds = { 0 };
	struct ipc_object *o;

	mutex_lock(&ns->lock);
	o = ipc_find_for(ns, IPC_SEM, id, want);
	if (!IS_ERR(o)) {
		ds.sem_perm = ipc_perm_of(o);
		ds.sem_otime = set_of(o)->otime;
		ds.sem_ctime = o->ctime;
		ds.sem_nsems = o->size;
		id = want == IPC_BY_ID ? 0 : o->id;
	}
	mutex_unlock(&ns->lock);
	return IS_ERR(o) ? PTR_ERR(o) : put_user(ds, buf) ?: id;
}

static void set_value(struct sem_set *s, int num, int value)
{
	struct sem_undo *u;

	s->sem[num].value = value;
	ipc_stamp(&s->sem[num].last);
	list_for_each(u, &s->undos, of_set)
		u->adjust[num] = 0;
	s->o.ctime = ipc_now();
}

/* GETNCNT, GETZCNT: how many wait for semaphore num to grow, or to be 0? */
static int count_waiters(struct sem_set *s, int num, bool zero)
{
	struct ipc_wait *w;
	int n = 0;

	list_for_each(w, &s->waiters, link) {
		const struct sem_call *c = container_of(w, struct sem_call, wait);
		const struct sembuf *op = &c->ops[c->blocked];

		n += op->sem_num == num && zero == !op->sem_op;
	}
	return n;
}

/* The commands about one semaphore; lock held. */
static long one_sem(struct sem_set *s, int num, int cmd, int value)
{
	if (num < 0 || (u64)num >= s->o.size)
		return -EINVAL;
	switch (cmd) {
	case SETVAL:
		set_value(s, num, value);
		let_go_on(s);
		return 0;
	case GETVAL:
		return s->sem[num].value;
	case GETPID:
		return ipc_pid(s->sem[num].last);
	default:
		return count_waiters(s, num, cmd == GETZCNT);
	}
}

/* GETALL, SETALL, and what concerns one semaphore. values: room for as many as the set has, or NULL. */
static long sem_values(struct ipc_ns *ns, int id, int num, int cmd, int value, u16 *values, u64 n)
{
	bool alters = cmd == SETVAL || cmd == SETALL;
	struct ipc_object *o;
	long ret;

	mutex_lock(&ns->lock);
	o = ipc_find(ns, IPC_SEM, id);
	ret = IS_ERR(o) ? PTR_ERR(o) : 0;
	/* SETVAL is the one that looks for the semaphore before the permission. */
	if (!ret && cmd == SETVAL && (num < 0 || (u64)num >= o->size))
		ret = -EINVAL;
	if (!ret)
		ret = ipc_permitted(o, alters ? S_IWUGO : S_IRUGO);
	if (!ret && !values)
		ret = one_sem(set_of(o), num, cmd, value);
	else if (!ret && n != o->size)
		ret = -EIDRM;
	else if (!ret)
		for (u64 i = 0; i < n; i++) {
			if (cmd == GETALL)
				values[i] = set_of(o)->sem[i].value;
			else
				set_value(set_of(o), i, values[i]);
		}
	if (!ret && cmd == SETALL)
		let_go_on(set_of(o));
	mutex_unlock(&ns->lock);
	return ret;
}

static long sem_all(struct ipc_ns *ns, int id, int cmd, u16 __user *buf)
{
	struct ipc_object *o;
	u16 *values;
	u64 n = 0;
	long err;

	mutex_lock(&ns->lock);
	o = ipc_find(ns, IPC_SEM, id);
	err = IS_ERR(o) ? PTR_ERR(o) : ipc_permitted(o, cmd == SETALL ? S_IWUGO : S_IRUGO);
	if (!err)
		n = o->size;
	mutex_unlock(&ns->lock);
	if (err)
		return err;
	values = kzalloc(n * sizeof(*values));
	if (!values)
		return -ENOMEM;
	if (cmd == SETALL)
		err = copy_from_user(values, buf, n * sizeof(*values));
	for (u64 i = 0; !err && i < n; i++)
		err = values[i] > SEMVMX ? -ERANGE : 0;
	if (!err)
		err = sem_values(ns, id, 0, cmd, 0, values, n);
	if (!err && cmd == GETALL)
		err = copy_to_user(buf, values, n * sizeof(*values));
	kfree(values);
	return err;
}

static long sem_set_perm(struct ipc_ns *ns, int id, const struct semid64_ds __user *buf)
{
	struct semid64_ds ds;
	struct ipc_object *o;
	long err;

	if (get_user(ds, buf))
		return -EFAULT;
	mutex_lock(&ns->lock);
	o = ipc_find_for(ns, IPC_SEM, id, IPC_OWNED);
	err = IS_ERR(o) ? PTR_ERR(o) : ipc_set_perm(o, &ds.sem_perm);
	mutex_unlock(&ns->lock);
	return err;
}

long do_semctl(int id, int num, int cmd, u64 arg)
{
	struct ipc_ns *ns = current_ipc();
	void __user *buf = (void __user *)arg;

	if (id < 0)
		return -EINVAL;
	switch (cmd) {
	case IPC_INFO:
	case SEM_INFO:
		return sem_info(ns, cmd, buf);
	case IPC_STAT:
		return sem_stat(ns, id, IPC_BY_ID, buf);
	case SEM_STAT:
		return sem_stat(ns, id, IPC_BY_INDEX, buf);
	case SEM_STAT_ANY:
		return sem_stat(ns, id, IPC_BY_INDEX_ANY, buf);
	case GETALL:
	case SETALL:
		return sem_all(ns, id, cmd, buf);
	case SETVAL:
		if ((int)arg < 0 || (int)arg > SEMVMX)
			return -ERANGE;
		/* fallthrough */
	case GETVAL:
	case GETPID:
	case GETNCNT:
	case GETZCNT:
		return sem_values(ns, id, num, cmd, arg, NULL, 0);
	case IPC_SET:
		return sem_set_perm(ns, id, buf);
	case IPC_RMID:
		return ipc_rmid(IPC_SEM, id);
	}
	return -EINVAL;
}
