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
	if (!mem_charge(&cg->mem, cg_task_bytes())) {
		res_uncharge(&cg->pids, 1);
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

CG_SHOW_NUMBER(current_show, pids.count)
CG_SHOW_NUMBER(peak_show, pids.peak)
CG_SHOW_LIMIT(max_show, pids.limit)
CG_WRITE_LIMIT(max_write, pids.limit, false)
CG_WAIT(events_wait, pids_events)

static int events_show(struct strbuf *out, void *cg)
{
	sb_printf(out, "max %lu\n", READ_ONCE(((struct cgroup *)cg)->pids.refused));
	return 0;
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
