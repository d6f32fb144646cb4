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
	struct task *t = task_by_number(pid);
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
	task_put(t);
	return err;
}

/* ---- usage ---- */

struct usage thread_usage(struct task *t)
{
	struct usage u = { .minflt = t->thread.minor_faults,
			   .majflt = t->thread.major_faults,
			   .nvcsw = t->thread.nr_voluntary,
			   .nivcsw = t->thread.nr_involuntary };

	thread_times(&t->thread, &u.user_ns, &u.sys_ns);
	return u;
}

void usage_add(struct usage *to, const struct usage *u)
{
	to->user_ns += u->user_ns;
	to->sys_ns += u->sys_ns;
	to->minflt += u->minflt;
	to->majflt += u->majflt;
	to->nvcsw += u->nvcsw;
	to->nivcsw += u->nivcsw;
	to->maxrss = max(to->maxrss, u->maxrss);
}

struct usage process_usage_locked(struct process *p)
{
	struct usage u = p->used, one;
	struct task *t;

	for_each_thread(t, p)
	{
		if (t->dead) /* counted in the sums already */
			continue;
		one = thread_usage(t);
		usage_add(&u, &one);
	}
	return u;
}

struct usage process_usage(struct process *p)
{
	struct usage u;

	spin_lock(&p->siglock);
	u = process_usage_locked(p);
	spin_unlock(&p->siglock);
	return u;
}

void usage_to_rusage(const struct usage *u, struct rusage *ru)
{
	*ru = (struct rusage){ .ru_maxrss = u->maxrss * (PAGE_SIZE / 1024),
			       .ru_minflt = u->minflt,
			       .ru_majflt = u->majflt,
			       .ru_nvcsw = u->nvcsw,
			       .ru_nivcsw = u->nivcsw };
	ns_to_timeval(u->user_ns, &ru->ru_utime);
	ns_to_timeval(u->sys_ns, &ru->ru_stime);
}

static struct usage children_usage(struct process *p)
{
	struct usage u;

	spin_lock(&tasks_lock);
	u = p->children_used;
	spin_unlock(&tasks_lock);
	return u;
}

int do_getrusage(int who, struct rusage *ru)
{
	struct process *p = current->proc;
	struct usage u;

	if (who == RUSAGE_SELF)
		u = process_usage(p);
	else if (who == RUSAGE_THREAD)
		u = thread_usage(current);
	else if (who == RUSAGE_CHILDREN)
		u = children_usage(p);
	else
		return -EINVAL;
	if (who != RUSAGE_CHILDREN)
		u.maxrss = max(p->used.maxrss, current_thread()->mm->peak_pages);
	usage_to_rusage(&u, ru);
	return 0;
}

long do_times(struct tms *tms)
{
	struct usage u = process_usage(current->proc), c = children_usage(current->proc);

	*tms = (struct tms){ u.user_ns / NSEC_PER_TICK, u.sys_ns / NSEC_PER_TICK,
			     c.user_ns / NSEC_PER_TICK, c.sys_ns / NSEC_PER_TICK };
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
	si->uptime =
		DIV_ROUND_UP(clock_ns() + clock_offset(CLOCK_BOOTTIME), NSEC_PER_SEC); /* never 0 */
	for (int i = 0; i < 3; i++) /* from 1/2048 to 1/65536 */
		si->loads[i] = s.load[i] << (SI_LOAD_SHIFT - 11);
	si->totalram = m.total * PAGE_SIZE;
	si->freeram = m.free * PAGE_SIZE;
	si->bufferram = m.device * PAGE_SIZE;
	si->procs = s.nr_threads;
	si->mem_unit = 1;
}
