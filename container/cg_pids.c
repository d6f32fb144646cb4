/* SPDX-License-Identifier: MIT */
/*
 * The pids controller: how many tasks (threads; zombies count until reaped) a group and those below
 * may have. A fork over the limit is EAGAIN, so a fork bomb ends at its own group's wall. Moving a
 * process in is never refused: a group may then be over its limit and only cannot fork.
 */
#include "container/cgroup.h"

int cg_charge_task(struct cgroup *cg)
{
	struct res_counter *refused = res_charge(&cg->pids, 1);

	if (refused) {
		cg_notify(&container_of(refused, struct cgroup, pids)->pids_events);
		return -EAGAIN;
	}
	refused = res_charge(&cg->mem, cg_task_bytes());
	if (refused) {
		res_uncharge(&cg->pids, 1);
		cg_notify(&container_of(refused, struct cgroup, mem)->mem_events);
		return -ENOMEM;
	}
	return 0;
}

void cg_uncharge_task(struct cgroup *cg)
{
	res_uncharge(&cg->pids, 1);
	res_uncharge(&cg->mem, cg_task_bytes());
}

void cg_move_task(struct cgroup *from, struct cgroup *to)
{
	res_charge_force(&to->pids, 1);
	res_charge_force(&to->mem, cg_task_bytes());
	res_uncharge(&from->pids, 1);
	res_uncharge(&from->mem, cg_task_bytes());
}

static int current_show(struct strbuf *out, void *cg)
{
	sb_printf(out, "%lu\n", READ_ONCE(((struct cgroup *)cg)->pids.count));
	return 0;
}

static int peak_show(struct strbuf *out, void *cg)
{
	sb_printf(out, "%lu\n", READ_ONCE(((struct cgroup *)cg)->pids.peak));
	return 0;
}

static int max_show(struct strbuf *out, void *cg)
{
	cg_show_limit(out, READ_ONCE(((struct cgroup *)cg)->pids.limit));
	return 0;
}

static ssize_t max_write(void *cg, char *buf, size_t n)
{
	u64 v;
	int err = cg_parse_limit(buf, false, &v);

	if (err)
		return err;
	WRITE_ONCE(((struct cgroup *)cg)->pids.limit, v);
	return n;
}

static int events_show(struct strbuf *out, void *cg)
{
	sb_printf(out, "max %lu\n", READ_ONCE(((struct cgroup *)cg)->pids.refused));
	return 0;
}

static struct waitq *events_wait(void *priv, u64 *events)
{
	struct cgroup *cg = priv;

	*events = READ_ONCE(cg->pids_events.n);
	return &cg->pids_events.wait;
}

static void reset(struct cgroup *cg)
{
	WRITE_ONCE(cg->pids.limit, RES_NO_LIMIT);
}

static const struct cg_file files[] = {
	CG_CHILD_FILE("pids.current", 0444, .show = current_show),
	CG_CHILD_FILE("pids.peak", 0444, .show = peak_show),
	CG_CHILD_FILE("pids.max", 0644, .show = max_show, .write = max_write),
	CG_CHILD_FILE("pids.events", 0444, .show = events_show, .wait = events_wait),
	{ .pf = { .name = NULL } },
};
const struct cg_controller cg_pids = { "pids", CG_PIDS, files, reset };
