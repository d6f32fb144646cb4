/* SPDX-License-Identifier: MIT */
/*
 * The cpuset controller: on which CPUs the tasks of a group may run. What is in effect is what was set,
 * as far as the parent has it; nothing set, or nothing of it there: the parent's. A change of what
 * is in effect replaces the affinity of all tasks below, as Linux 6.1 does; sched_setaffinity(2) then
 * chooses among it. There is one memory node.
 */
#include "container/cgroup.h"

static u64 effective(const struct cgroup *cg)
{
	u64 above, own;

	if (!cg->parent)
		return nr_cpus >= 64 ? ~0UL : BIT(nr_cpus) - 1;
	above = effective(cg->parent);
	own = cgroup_controllers(cg) & CG_CPUSET ? READ_ONCE(cg->cpus) & above : 0;
	return own ?: above;
}

/* layer_ops.cpus_allowed */
u64 cg_cpuset_of(struct task *t)
{
	struct cgroup *cg = task_cgroup_get(t);
	u64 mask = effective(cg);

	cgroup_put(cg);
	return mask;
}

void cg_cpuset_apply(struct cgroup *cg, const struct process *only)
{
	u64 mask = effective(cg);
	bool me = false;
	struct task *t;

	spin_lock(&cgroup_lock);
	list_for_each(t, &cg->tasks, cgroup_link) {
		if (only && t->proc != only)
			continue;
		if (t == current) /* which has to leave this CPU, perhaps */
			me = true;
		else
			thread_set_allowed(&t->thread, mask);
	}
	spin_unlock(&cgroup_lock);
	if (me)
		thread_set_allowed(current_thread(), mask);
}

void cg_cpuset_move(struct cgroup *from, struct cgroup *to, struct task *t)
{
	if (effective(from) != effective(to))
		cg_cpuset_apply(to, t->proc);
}

void cg_cpuset_fork(struct cgroup *cg, struct task *child)
{
	child->thread.allowed = effective(cg);
}

void cg_cpuset_regroup(struct cgroup *top)
{
	for (struct cgroup *cg = top; cg; cg = cgroup_walk(top, cg))
		cg_cpuset_apply(cg, NULL);
}

/* "0-2,5": -EINVAL, and -ERANGE over 63. */
static int parse_list(char *buf, u64 *mask)
{
	*mask = 0;
	for (char *next, *word = cg_chomp(buf); word && *word; word = next) {
		char *to = strchr(word, '-');
		u64 a, b;

		next = strchr(word, ',');
		if (next)
			*next++ = 0;
		if (to && next && to > next)
			to = NULL;
		if (to)
			*to++ = 0;
		if (parse_u64(word, 10, &a) || (b = a, to && parse_u64(to, 10, &b)) || b < a)
			return -EINVAL;
		if (b > 63)
			return -ERANGE;
		*mask |= (~0UL >> (63 - b)) & (~0UL << a);
	}
	return 0;
}

static ssize_t cpus_write(void *priv, char *buf, size_t n)
{
	struct cgroup *cg = priv;
	u64 mask;
	int err = parse_list(buf, &mask);

	if (!err && mask & ~effective(&root_cgroup))
		err = -EINVAL;
	if (err)
		return err;
	mutex_lock(&cgroup_mutex);
	if (cg->removed) {
		err = -ENODEV;
	} else if (cg->cpus != mask) {
		WRITE_ONCE(cg->cpus, mask);
		cg_cpuset_regroup(cg);
	}
	mutex_unlock(&cgroup_mutex);
	return err ?: (ssize_t)n;
}

static ssize_t mems_write(void *cg, char *buf, size_t n)
{
	u64 mask;
	int err = parse_list(buf, &mask);

	if (!err && mask & ~1UL)
		err = -EINVAL;
	if (!err)
		WRITE_ONCE(((struct cgroup *)cg)->mems, mask);
	return err ?: (ssize_t)n;
}

static int show(struct strbuf *out, u64 mask)
{
	show_cpu_list(out, mask);
	sb_putc(out, '\n');
	return 0;
}

static int cpus_show(struct strbuf *out, void *cg)
{
	return show(out, READ_ONCE(((struct cgroup *)cg)->cpus));
}

static int cpus_effective_show(struct strbuf *out, void *cg)
{
	return show(out, effective(cg));
}

static int mems_show(struct strbuf *out, void *cg)
{
	return show(out, READ_ONCE(((struct cgroup *)cg)->mems));
}

static int mems_effective_show(struct strbuf *out, void *cg)
{
	return show(out, 1);
}

static void reset(struct cgroup *cg)
{
	cg->cpus = cg->mems = 0;
}

static const struct cg_file files[] = {
	CG_CHILD_FILE("cpuset.cpus", 0644, .show = cpus_show, .write = cpus_write),
	CG_CHILD_FILE("cpuset.mems", 0644, .show = mems_show, .write = mems_write),
	CG_FILE("cpuset.cpus.effective", 0444, .show = cpus_effective_show),
	CG_FILE("cpuset.mems.effective", 0444, .show = mems_effective_show),
	{ .pf = { .name = NULL } },
};
const struct cg_controller cg_cpuset = { "cpuset", CG_CPUSET, files, reset };
