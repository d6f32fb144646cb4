/* SPDX-License-Identifier: MIT */
/*
 * What processes may say about their share of the machine: nice values, scheduling policies, I/O
 * priorities, CPU masks (sched(7), setpriority(2), ioprio_set(2)). The policies are the fair ones:
 * SCHED_BATCH runs as SCHED_OTHER does, SCHED_IDLE weighs less than any nice value. No budget of
 * real time is given to anybody, so that SCHED_FIFO and its kin answer EPERM, as a Linux with group
 * scheduling answers in a group without one. I/O priorities are kept, and there is nothing to order.
 *
 * A task's fields for it are written by whoever may; each is one word, the last writer wins.
 */
#include "proc/internal.h"

#include <linux/capability.h>
#include <linux/ioprio.h>
#include <linux/sched/types.h>

#define NICE_OF_IDLE 26 /* as the scheduler sees SCHED_IDLE: a weight of 3, sched(7) */
#define RT_PRIO_MAX 99

/* Is t its own business and no mightier, or anybody's with CAP_SYS_NICE? */
static bool may_schedule(struct task *t)
{
	const struct cred *me = current_thread()->cred, *c = task_cred_get(t);
	bool may = ((me->euid == c->uid || me->euid == c->euid) &&
		    !(c->cap_permitted & ~me->cap_permitted)) ||
		   ns_capable(c->user_ns, CAP_SYS_NICE);

	cred_put(c);
	return may;
}

/* May t be as little nice as that without CAP_SYS_NICE? (getrlimit(2), RLIMIT_NICE) */
static bool may_nice(struct task *t, int nice)
{
	return (u64)(20 - nice) <= t->proc->rlim[RLIMIT_NICE].rlim_cur;
}

static void apply(struct task *t, int policy, int nice)
{
	t->policy = policy;
	t->nice = nice;
	thread_set_nice(&t->thread, policy == SCHED_IDLE ? NICE_OF_IDLE : nice);
}

void sched_fork(struct task *child)
{
	struct task *t = current;
	int nice = t->sched_reset ? max(t->nice, 0) : t->nice;

	child->ioprio = t->ioprio;
	if (t->policy || nice)
		apply(child, t->policy, nice);
}

/* ---- for a task, a process group or a user ---- */

typedef int (*task_fn)(struct task *t, int *arg);

static void one(struct task *t, task_fn fn, int *arg, int *err)
{
	int e = fn(t, arg);

	*err = *err == -ESRCH || e ? e : *err;
}

/* fn for each that which (PRIO_*) and who name: -ESRCH for none, else 0 or the last error. */
static int for_each_named(int which, int who, task_fn fn, int *arg)
{
	struct pid_ns *ns = task_pid_ns(current);
	uid_t uid = current_thread()->cred->uid;
	struct task *t, *o;
	struct pid *pgrp;
	int err = -ESRCH;

	switch (which) {
	case PRIO_PROCESS:
		t = task_by_number(who);
		if (!t)
			return -ESRCH;
		one(t, fn, arg, &err);
		task_put(t);
		return err;
	case PRIO_PGRP:
		pgrp = who ? pid_find(ns, who) : task_pgrp(current);
		if (!pgrp)
			return -ESRCH;
		spin_lock(&tasks_lock);
		list_for_each(t, &pgrp->tasks[PID_GROUP], pid_links[PID_GROUP])
			for_each_thread(o, t->proc) one(o, fn, arg, &err);
		spin_unlock(&tasks_lock);
		if (who)
			pid_put(pgrp);
		return err;
	case PRIO_USER:
		if (who)
			uid = uid_from_ns(current_thread()->cred->user_ns, who);
		spin_lock(&tasks_lock);
		list_for_each(t, &all_tasks, all_link)
			if (task_has_uid(t, uid) && task_tid_in(t, ns))
				one(t, fn, arg, &err);
		spin_unlock(&tasks_lock);
		return err;
	}
	return -EINVAL;
}

static int set_nice(struct task *t, int *nice)
{
	if (!may_schedule(t))
		return -EPERM;
	if (*nice < t->nice && !may_nice(t, *nice) && !capable(CAP_SYS_NICE))
		return -EACCES;
	apply(t, t->policy, *nice);
	return 0;
}

static int best_nice(struct task *t, int *best)
{
	*best = max(*best, 20 - t->nice);
	return 0;
}

int do_getpriority(int which, int who)
{
	int best = 0;

	return for_each_named(which, who, best_nice, &best) ?: best;
}

int do_setpriority(int which, int who, int nice)
{
	nice = max(-20, min(nice, 19));
	return for_each_named(which, who, set_nice, &nice);
}

static int set_ioprio(struct task *t, int *prio)
{
	if (!may_schedule(t))
		return -EPERM;
	t->ioprio = *prio;
	return 0;
}

static int best_ioprio(struct task *t, int *best)
{
	int prio = t->ioprio ? t->ioprio : IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, IOPRIO_NORM);

	*best = *best ? min(*best, prio) : prio;
	return 0;
}

static int own_ioprio(struct task *t, int *prio)
{
	*prio = t->ioprio;
	return 0;
}

/* Of one thread what was set, class "none" if nothing was; of several the best they run with. */
int do_ioprio_get(int which, int who)
{
	int best = 0;

	return for_each_named(which - IOPRIO_WHO_PROCESS, who,
			      which == IOPRIO_WHO_PROCESS ? own_ioprio : best_ioprio, &best)
		       ?: best;
}

int do_ioprio_set(int which, int who, int prio)
{
	int data = IOPRIO_PRIO_DATA(prio);

	switch (IOPRIO_PRIO_CLASS(prio)) {
	case IOPRIO_CLASS_RT:
		if (!capable(CAP_SYS_NICE) && !capable(CAP_SYS_ADMIN))
			return -EPERM;
		break;
	case IOPRIO_CLASS_NONE:
		if (data)
			return -EINVAL;
		break;
	case IOPRIO_CLASS_BE:
	case IOPRIO_CLASS_IDLE:
		break;
	default:
		return -EINVAL;
	}
	if (data >= IOPRIO_NR_LEVELS)
		return -EINVAL;
	return for_each_named(which - IOPRIO_WHO_PROCESS, who, set_ioprio, &prio);
}

/* ---- policies ---- */

/* The bounds are known even of the policies that nobody can have. */
int sched_priority_bound(int policy, bool highest)
{
	switch (policy) {
	case SCHED_FIFO:
	case SCHED_RR:
		return highest ? RT_PRIO_MAX : 1;
	case SCHED_NORMAL:
	case SCHED_BATCH:
	case SCHED_IDLE:
	case SCHED_DEADLINE:
		return 0;
	}
	return -EINVAL;
}

/* Without CAP_SYS_NICE: only towards less, and only one's own. */
static bool may_change(struct task *t, int policy, int nice, bool reset)
{
	if (nice < t->nice && !may_nice(t, nice))
		return false;
	if (t->policy == SCHED_IDLE && policy != SCHED_IDLE && !may_nice(t, t->nice))
		return false;
	return may_schedule(t) && (reset || !t->sched_reset);
}

static int set_attr(struct task *t, const struct sched_attr *a)
{
	bool keep = a->sched_flags & SCHED_FLAG_KEEP_POLICY;
	bool reset = keep ? t->sched_reset : a->sched_flags & SCHED_FLAG_RESET_ON_FORK;
	int policy = keep ? t->policy : (int)a->sched_policy;
	int nice = max(-20, min(a->sched_nice, 19));
	bool real_time = policy == SCHED_FIFO || policy == SCHED_RR;

	if (sched_priority_bound(policy, true) < 0 || a->sched_flags & ~(u64)SCHED_FLAG_ALL ||
	    a->sched_priority > RT_PRIO_MAX || real_time != !!a->sched_priority ||
	    (policy == SCHED_DEADLINE && !a->sched_runtime))
		return -EINVAL;
	if (a->sched_flags & SCHED_FLAG_UTIL_CLAMP)
		return -EOPNOTSUPP;
	if (real_time || policy == SCHED_DEADLINE)
		return -EPERM;
	if (a->sched_flags & SCHED_FLAG_KEEP_PARAMS) {
		nice = t->nice;
		policy = t->policy;
	}
	if (!may_change(t, policy, nice, reset) && !capable(CAP_SYS_NICE))
		return -EPERM;
	t->sched_reset = reset;
	apply(t, policy, nice);
	return 0;
}

int do_sched_setattr(pid_t pid, struct sched_attr *a, bool keep_nice)
{
	struct task *t = task_by_number(pid);
	int err;

	if (!t)
		return -ESRCH;
	if (keep_nice)
		a->sched_nice = t->nice;
	err = set_attr(t, a);
	task_put(t);
	return err;
}

int do_sched_getattr(pid_t pid, struct sched_attr *a)
{
	struct task *t = task_by_number(pid);

	if (!t)
		return -ESRCH;
	*a = (struct sched_attr){ .size = sizeof(*a), .sched_policy = t->policy };
	a->sched_nice = t->nice;
	a->sched_flags = t->sched_reset ? SCHED_FLAG_RESET_ON_FORK : 0;
	task_put(t);
	return 0;
}

/* ---- CPUs ---- */

int do_sched_setaffinity(pid_t pid, cpumask_t mask)
{
	struct task *t = task_by_number(pid);
	int err;

	if (!t)
		return -ESRCH;
	if (layer.cpus_allowed)
		mask &= layer.cpus_allowed(t);
	err = may_schedule(t) ? thread_set_allowed(&t->thread, mask) : -EPERM;
	task_put(t);
	return err;
}

int do_sched_getaffinity(pid_t pid, cpumask_t *mask)
{
	struct task *t = task_by_number(pid);

	if (!t)
		return -ESRCH;
	*mask = t->thread.allowed & (nr_cpus >= 64 ? ~0UL : BIT(nr_cpus) - 1);
	task_put(t);
	return 0;
}
