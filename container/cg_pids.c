/* SPDX-License-Identifier: MIT */
/*
 * The pids controller: how many tasks (threads; zombies count until reaped) a group and those below
 * may have. A fork over the limit is EAGAIN, so a fork bomb ends at its own group's wall. Moving a
 * process in is never refused: a group may then be over its limit and only cannot fork.
 */
#include "container/cgroup.h"

int cg_charge_task(struct cgroup *cg)
{
	/* LAB 07: begin
	 * A task more in cg: one to cg->pids, cg_task_bytes() to cg->mem (its stack and what else the kernel
	 * keeps for it). When pids refuses: -EAGAIN, as fork(2) says; when mem does: -ENOMEM; then nothing
	 * may stay charged. Whoever polls the events file of the group that refused wants to know:
	 * cg_notify(&group->pids_events) or mem_events, container_of() finds the group of a counter.
	 * starter: return 0;
	 */
	struct res_counter *refused = res_charge(&cg->pids, 1);

	if (refused) {
		/* 6.1 counts in the group that was refused the fork, wherever the limit is. */
		__atomic_fetch_add(&cg->pids_refused, 1, __ATOMIC_RELAXED);
		cg_notify(&cg->pids_events);
		return -EAGAIN;
	}
	if (!mem_charge(&cg->mem, cg_task_bytes())) {
		res_uncharge(&cg->pids, 1);
		return -ENOMEM;
	}
	return 0;
	/* LAB 07: end */
}

void cg_uncharge_task(struct cgroup *cg)
{
	/* LAB 07: begin
	 * The same back, when a task has ended and was reaped.
	 * starter: (void)cg;
	 */
	res_uncharge(&cg->pids, 1);
	res_uncharge(&cg->mem, cg_task_bytes());
	/* LAB 07: end */
}

void cg_move_task(struct cgroup *from, struct cgroup *to)
{
	/* LAB 07: begin
	 * A task moves. A move is never refused, even into a group that is full (res_charge_force()); in
	 * which order do you charge and give back, so that nobody sees it in neither group?
	 * starter: (void)to;
	 */
	res_charge_force(&to->pids, 1);
	res_uncharge(&from->pids, 1);
	res_uncharge(&from->mem, cg_task_bytes());
	/* LAB 07: end */
}

CG_SHOW_NUMBER(current_show, pids.count)
CG_SHOW_NUMBER(peak_show, pids.peak)
CG_SHOW_LIMIT(max_show, pids.limit)
CG_WRITE_LIMIT(max_write, pids.limit, false)
CG_WAIT(events_wait, pids_events)

static int events_show(struct strbuf *out, void *cg)
{
	sb_printf(out, "max %lu\n", READ_ONCE(((struct cgroup *)cg)->pids_refused));
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
