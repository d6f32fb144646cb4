/* SPDX-License-Identifier: MIT */
/*
 * The cpu controller: the time a group and those below have had (cpu.stat, there in every group,
 * whether the controller is on or not, as on Linux). Time is summed when it is read: what tasks had
 * that ended or moved away is in cgroup.user_ns and sys_ns, the living are asked.
 *
 * Shares between groups (cpu.weight, cpu.max) are not offered: the scheduler weighs threads, not
 * groups.
 */
#include "container/cgroup.h"

static void add_times(struct cgroup *cg, u64 *user, u64 *sys)
{
	struct task *t;

	spin_lock(&cgroup_lock);
	*user += cg->user_ns;
	*sys += cg->sys_ns;
	list_for_each(t, &cg->tasks, cgroup_link) {
		u64 u, s;

		thread_times(&t->thread, &u, &s);
		*user += u;
		*sys += s;
	}
	spin_unlock(&cgroup_lock);
}

int cg_cpu_stat_show(struct strbuf *out, void *priv)
{
	struct cgroup *top = priv;
	u64 user = 0, sys = 0;

	mutex_lock(&cgroup_mutex);
	for (struct cgroup *cg = top; cg; cg = cgroup_walk(top, cg))
		add_times(cg, &user, &sys);
	mutex_unlock(&cgroup_mutex);
	user /= NSEC_PER_USEC;
	sys /= NSEC_PER_USEC;
	sb_printf(out, "usage_usec %lu\nuser_usec %lu\nsystem_usec %lu\n", user + sys, user, sys);
	return 0;
}
