/* SPDX-License-Identifier: MIT */
/*
 * The cpu controller: shares of the CPU between groups (cpu.weight), by the sched_groups of sched/,
 * and the time that a group and those below have had (cpu.stat, there in every group, whether the
 * controller is on or not, as on Linux). Time is summed when it is read: what tasks had that ended or
 * moved away is in cgroup.user_ns and sys_ns, the living are asked.
 *
 * cpu.max is not offered: the scheduler shares time, it does not ration it.
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

/* ---- cpu.weight ---- */

#define WEIGHT_DEFAULT 100
#define WEIGHT_MAX 10000
#define SCHED_WEIGHT_DEFAULT 1024 /* of a thread of nice 0 */

struct sched_group *cg_cpu_group(struct cgroup *cg)
{
	while (cg->parent && !(READ_ONCE(cg->parent->subtree_control) & CG_CPU))
		cg = cg->parent;
	return cg->parent ? &cg->cpu : NULL;
}

void cg_cpu_regroup(struct cgroup *top)
{
	for (struct cgroup *cg = top; cg; cg = cgroup_walk(top, cg)) {
		struct sched_group *group = cg_cpu_group(cg);
		struct task *t;

		list_for_each(t, &cg->tasks, cgroup_link)
			thread_set_group(&t->thread, group);
	}
}

CG_SHOW_NUMBER(weight_show, cpu_weight)

static void set_weight(struct cgroup *cg, u64 weight)
{
	WRITE_ONCE(cg->cpu_weight, weight);
	sched_group_set_weight(&cg->cpu, max(weight * SCHED_WEIGHT_DEFAULT / WEIGHT_DEFAULT, 1UL));
}

static ssize_t weight_write(void *cg, char *buf, size_t n)
{
	u64 v;

	if (parse_u64(buf, 10, &v))
		return -EINVAL;
	if (!v || v > WEIGHT_MAX)
		return -ERANGE;
	set_weight(cg, v);
	return n;
}

static void reset(struct cgroup *cg)
{
	set_weight(cg, WEIGHT_DEFAULT);
}

static const struct cg_file files[] = {
	CG_CHILD_FILE("cpu.weight", 0644, .show = weight_show, .write = weight_write),
	{ .pf = { .name = NULL } },
};
const struct cg_controller cg_cpu = { "cpu", CG_CPU, files, reset };
