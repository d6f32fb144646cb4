/* SPDX-License-Identifier: MIT */
/*
 * The cpu controller: shares of the CPU between groups (cpu.weight) and rations (cpu.max), by the
 * sched_groups of sched/, and the time that a group and those below have had (cpu.stat, there in every
 * group, whether the controller is on or not, as on Linux). Time is summed when it is read: what tasks
 * had that ended or moved away is in cgroup.user_ns and sys_ns, the living are asked.
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
	if (cgroup_controllers(top) & CG_CPU) {
		struct bandwidth b = sched_group_bandwidth(&top->cpu);

		sb_printf(out, "nr_periods %lu\nnr_throttled %lu\nthrottled_usec %lu\n",
			  b.nr_periods, b.nr_throttled, b.throttled_ns / NSEC_PER_USEC);
	}
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

	if (parse_u64(cg_chomp(buf), 10, &v))
		return -EINVAL;
	if (!v || v > WEIGHT_MAX)
		return -ERANGE;
	set_weight(cg, v);
	return n;
}

/* ---- cpu.max: "QUOTA PERIOD" in us, "max" without a limit ---- */

#define PERIOD_DEFAULT (100 * NSEC_PER_MSEC)
#define BANDWIDTH_MIN NSEC_PER_MSEC /* of both */
#define QUOTA_MAX ((1UL << 44) - 1) /* us */

static int max_show(struct strbuf *out, void *cg)
{
	struct bandwidth b = sched_group_bandwidth(&((struct cgroup *)cg)->cpu);

	if (b.quota)
		sb_printf(out, "%lu %lu\n", b.quota / NSEC_PER_USEC, b.period / NSEC_PER_USEC);
	else
		sb_printf(out, "max %lu\n", b.period / NSEC_PER_USEC);
	return 0;
}

static ssize_t max_write(void *priv, char *buf, size_t n)
{
	struct cgroup *cg = priv;
	char *second = strchr(cg_chomp(buf), ' ');
	u64 quota = 0, period = READ_ONCE(cg->cpu.bw.period) / NSEC_PER_USEC;
	bool limit;

	if (second)
		*second++ = 0;
	limit = strcmp(buf, "max");
	if ((limit && parse_u64(buf, 10, &quota)) || (second && parse_u64(second, 10, &period)))
		return -EINVAL;
	if (period > NSEC_PER_SEC / NSEC_PER_USEC || period * NSEC_PER_USEC < BANDWIDTH_MIN ||
	    (limit && (quota > QUOTA_MAX || quota * NSEC_PER_USEC < BANDWIDTH_MIN)))
		return -EINVAL;
	mutex_lock(&cgroup_mutex);
	if (!cg->removed)
		sched_group_set_bandwidth(&cg->cpu, quota * NSEC_PER_USEC, period * NSEC_PER_USEC);
	mutex_unlock(&cgroup_mutex);
	return n;
}

static void reset(struct cgroup *cg)
{
	set_weight(cg, WEIGHT_DEFAULT);
	sched_group_set_bandwidth(&cg->cpu, 0, PERIOD_DEFAULT);
}

static const struct cg_file files[] = {
	CG_CHILD_FILE("cpu.weight", 0644, .show = weight_show, .write = weight_write),
	CG_CHILD_FILE("cpu.max", 0644, .show = max_show, .write = max_write),
	{ .pf = { .name = NULL } },
};
const struct cg_controller cg_cpu = { "cpu", CG_CPU, files, reset };
