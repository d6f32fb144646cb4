/* SPDX-License-Identifier: MIT */
/* What processes use and may use: getrlimit(2), getrusage(2), times(2), priorities, CPU masks, sysinfo(2). */
#include "proc/internal.h"

#include <linux/capability.h>

#define NSEC_PER_TICK (NSEC_PER_SEC / 100)

/* ---- limits ---- */

static bool may_set_limits(struct task *t)
{
	const struct cred *me = current_thread()->cred, *c;
	bool ok;

	if (t->proc == current->proc)
		return true;
	c = task_cred_get(t);
	ok = (me->uid == c->uid && me->uid == c->euid && me->uid == c->suid && me->gid == c->gid &&
	      me->gid == c->egid && me->gid == c->sgid) ||
	     ns_capable(c->user_ns, CAP_SYS_RESOURCE);
	cred_put(c);
	return ok;
}

int do_prlimit(pid_t pid, unsigned int res, const struct rlimit64 *new, struct rlimit64 *old)
{
	struct task *t = pid ? task_find(task_pid_ns(current), pid) : current;
	struct rlimit64 *r;
	int err = 0;

	if (!t)
		return -ESRCH;
	if (!may_set_limits(t))
		err = -EPERM;
	else if (res >= RLIM_NLIMITS || (new &&new->rlim_cur > new->rlim_max))
		err = -EINVAL;
	if (err)
		goto out;
	r = &t->proc->rlim[res];
	spin_lock(&t->proc->siglock);
	if (old)
		*old = *r;
	if (new) {
		if (res == RLIMIT_NOFILE && new->rlim_max > 1048576)
			err = -EPERM;
		else if (new->rlim_max > r->rlim_max && !capable(CAP_SYS_RESOURCE))
			err = -EPERM;
		else
			*r = *new;
	}
	spin_unlock(&t->proc->siglock);
	if (!err && new &&res == RLIMIT_CPU)
		err = timers_cpu_limit(t->proc);
out:
	if (pid)
		task_put(t);
	return err;
}

/* ---- usage ---- */

static void add_threads(struct process *p, struct rusage *ru)
{
	struct task *t;

	spin_lock(&p->siglock);
	ru->ru_minflt += p->minflt;
	ru->ru_majflt += p->majflt;
	ru->ru_nvcsw += p->nvcsw;
	ru->ru_nivcsw += p->nivcsw;
	for_each_thread(t, p)
	{
		if (t->dead)
			continue;
		ru->ru_minflt += t->thread.minor_faults;
		ru->ru_majflt += t->thread.major_faults;
		ru->ru_nvcsw += t->thread.nr_voluntary;
		ru->ru_nivcsw += t->thread.nr_involuntary;
	}
	spin_unlock(&p->siglock);
}

int do_getrusage(int who, struct rusage *ru)
{
	struct task *t = current;
	struct process *p = t->proc;
	u64 user, sys, rss = 0;

	memset(ru, 0, sizeof(*ru));
	switch (who) {
	case RUSAGE_SELF:
		process_times(p, &user, &sys);
		add_threads(p, ru);
		break;
	case RUSAGE_THREAD:
		thread_times(&t->thread, &user, &sys);
		ru->ru_minflt = t->thread.minor_faults;
		ru->ru_majflt = t->thread.major_faults;
		ru->ru_nvcsw = t->thread.nr_voluntary;
		ru->ru_nivcsw = t->thread.nr_involuntary;
		break;
	case RUSAGE_CHILDREN:
		spin_lock(&tasks_lock);
		user = p->child_user_ns;
		sys = p->child_sys_ns;
		ru->ru_minflt = p->child_minflt;
		ru->ru_majflt = p->child_majflt;
		ru->ru_nvcsw = p->child_nvcsw;
		ru->ru_nivcsw = p->child_nivcsw;
		rss = p->child_maxrss;
		spin_unlock(&tasks_lock);
		break;
	default:
		return -EINVAL;
	}
	if (who != RUSAGE_CHILDREN)
		rss = max(p->maxrss, t->thread.mm->peak_pages);
	ns_to_timeval(user, &ru->ru_utime);
	ns_to_timeval(sys, &ru->ru_stime);
	ru->ru_maxrss = rss * (PAGE_SIZE / 1024);
	return 0;
}

long do_times(struct tms *tms)
{
	struct process *p = current->proc;
	u64 user, sys;

	process_times(p, &user, &sys);
	tms->tms_utime = user / NSEC_PER_TICK;
	tms->tms_stime = sys / NSEC_PER_TICK;
	spin_lock(&tasks_lock);
	tms->tms_cutime = p->child_user_ns / NSEC_PER_TICK;
	tms->tms_cstime = p->child_sys_ns / NSEC_PER_TICK;
	spin_unlock(&tasks_lock);
	return clock_ns() / NSEC_PER_TICK;
}

/* ---- priorities ---- */

static int set_nice(struct task *t, int nice)
{
	const struct cred *me = current_thread()->cred, *c = task_cred_get(t);
	bool mine = me->euid == c->uid || me->euid == c->euid;
	bool may = mine || ns_capable(c->user_ns, CAP_SYS_NICE);
	u64 lowest = t->proc->rlim[RLIMIT_NICE].rlim_cur;

	cred_put(c);
	if (!may)
		return -EPERM;
	if (nice < t->thread.nice && (u64)(20 - nice) > lowest && !capable(CAP_SYS_NICE))
		return -EACCES;
	thread_set_nice(&t->thread, nice);
	return 0;
}

/* Calls fn-like work for each task that which/who names: get collects the best, set changes all. */
static int one_priority(struct task *t, const int *nice, int *best)
{
	if (nice)
		return set_nice(t, *nice);
	*best = max(*best, 20 - t->thread.nice);
	return 0;
}

static int priority(int which, int who, const int *nice, int *best)
{
	struct pid_ns *ns = task_pid_ns(current);
	uid_t uid = current_thread()->cred->uid;
	int err = -ESRCH, e;
	struct pid *pgrp;
	struct task *t;

	switch (which) {
	case PRIO_PROCESS:
		t = who ? task_find(ns, who) : current;
		if (!t)
			return -ESRCH;
		err = one_priority(t, nice, best);
		if (who)
			task_put(t);
		return err;
	case PRIO_PGRP:
		pgrp = who ? pid_find(ns, who) : NULL;
		if (who && !pgrp)
			return -ESRCH;
		spin_lock(&tasks_lock);
		pgrp = pgrp ?: task_pgrp(current); /* others may move us until the lock is held */
		list_for_each(t, &pgrp->tasks[PID_GROUP], pid_links[PID_GROUP]) {
			e = one_priority(t, nice, best);
			err = err == -ESRCH || e ? e : err;
		}
		spin_unlock(&tasks_lock);
		if (who)
			pid_put(pgrp);
		return err;
	case PRIO_USER:
		if (who)
			uid = uid_from_ns(current_thread()->cred->user_ns, who);
		spin_lock(&tasks_lock);
		list_for_each(t, &all_tasks, all_link) {
			const struct cred *c = task_cred_get(t);
			bool match = c->uid == uid && task_tid_in(t, ns);

			cred_put(c);
			if (!match)
				continue;
			e = one_priority(t, nice, best);
			err = err == -ESRCH || e ? e : err;
		}
		spin_unlock(&tasks_lock);
		return err;
	default:
		return -EINVAL;
	}
}

int do_getpriority(int which, int who)
{
	int best = 0;
	int err = priority(which, who, NULL, &best);

	return err ? err : best;
}

int do_setpriority(int which, int who, int nice)
{
	nice = max(-20, min(nice, 19));
	return priority(which, who, &nice, NULL);
}

/* ---- CPUs ---- */

int do_sched_setaffinity(pid_t pid, cpumask_t mask)
{
	struct task *t = pid ? task_find(task_pid_ns(current), pid) : current;
	const struct cred *me = current_thread()->cred, *c;
	int err = -EPERM;

	if (!t)
		return -ESRCH;
	c = task_cred_get(t);
	if (me->euid == c->uid || me->euid == c->euid || ns_capable(c->user_ns, CAP_SYS_NICE))
		err = thread_set_allowed(&t->thread, mask);
	cred_put(c);
	if (pid)
		task_put(t);
	return err;
}

int do_sched_getaffinity(pid_t pid, cpumask_t *mask)
{
	struct task *t = pid ? task_find(task_pid_ns(current), pid) : current;

	if (!t)
		return -ESRCH;
	*mask = t->thread.allowed & (nr_cpus >= 64 ? ~0UL : BIT(nr_cpus) - 1);
	if (pid)
		task_put(t);
	return 0;
}

void do_sysinfo(struct sysinfo *si)
{
	struct mem_stats m;
	struct sched_stats s;

	mem_stats(&m);
	sched_stats(&s);
	memset(si, 0, sizeof(*si));
	si->uptime = clock_ns() / NSEC_PER_SEC;
	for (int i = 0; i < 3; i++) /* from 1/2048 to 1/65536 */
		si->loads[i] = s.load[i] << (SI_LOAD_SHIFT - 11);
	si->totalram = m.total * PAGE_SIZE;
	si->freeram = m.free * PAGE_SIZE;
	si->procs = s.nr_threads;
	si->mem_unit = 1;
}
