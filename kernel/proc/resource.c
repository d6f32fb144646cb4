/* SPDX-License-Identifier: MIT */
/* What processes use and may use: getrlimit(2), getrusage(2), times(2), sysinfo(2). */
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

/* ---- the machine ---- */

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
