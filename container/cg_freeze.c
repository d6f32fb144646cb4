/* SPDX-License-Identifier: MIT */
/*
 * Acting on a group as a whole: cgroup.freeze stops every task of a subtree until it is thawed,
 * cgroup.kill ends them. A task freezes where it would return to ring 3, so that a frozen one holds
 * no lock; SIGKILL still ends it. The group is frozen once all its tasks are (cgroup.events).
 */
#include "container/cgroup.h"

static void count_frozen(struct cgroup *cg, int delta)
{
	for (; cg; cg = cg->parent) {
		cg->nr_frozen += delta;
		cgroup_update_events(cg);
	}
}

/* Must the current task stay stopped, in cg? */
static bool stays(const struct cgroup *cg)
{
	return READ_ONCE(current->cgroup) == cg && READ_ONCE(cg->freezers) && !thread_killed();
}

/*
 * Sleeps until the group thaws, the task is moved out of it, or is killed: SIGKILL wakes this sleep,
 * other signals wait for the thaw.
 */
static void sleep_frozen(struct cgroup *cg)
{
	struct wait_entry w = { 0 };

	list_init(&w.link);
	while (stays(cg)) {
		waitq_prepare(&cg->thaw, &w, THREAD_UNINTERRUPTIBLE);
		if (stays(cg))
			schedule();
		waitq_finish(&w);
	}
}

void cg_freeze_here(void)
{
	for (;;) {
		struct cgroup *cg;

		spin_lock(&cgroup_lock);
		cg = current->cgroup;
		if (!cg || !cg->freezers || thread_killed()) {
			spin_unlock(&cgroup_lock);
			return;
		}
		cgroup_get(cg);
		count_frozen(cg, 1);
		spin_unlock(&cgroup_lock);
		sleep_frozen(cg);
		spin_lock(&cgroup_lock);
		count_frozen(cg, -1);
		spin_unlock(&cgroup_lock);
		cgroup_put(cg);
	}
}

void cg_freeze_set(struct cgroup *top, bool on)
{
	spin_lock(&cgroup_lock);
	if (top->freeze == on) {
		spin_unlock(&cgroup_lock);
		return;
	}
	top->freeze = on;
	for (struct cgroup *cg = top; cg; cg = cgroup_walk(top, cg)) {
		struct task *t;

		cg->freezers += on ? 1 : -1;
		if (on)
			list_for_each(t, &cg->tasks, cgroup_link)
				thread_set_work(&t->thread, THREAD_WORK_SIGNAL);
		else if (!cg->freezers)
			waitq_wake_all(&cg->thaw, 0);
		cgroup_update_events(cg);
	}
	spin_unlock(&cgroup_lock);
}

/* Kills a batch of tasks of cg that are not yet being killed. How many that changed. */
static unsigned int kill_batch(struct cgroup *cg)
{
	struct task *batch[32], *t;
	unsigned int n = 0, killed = 0;

	spin_lock(&cgroup_lock);
	list_for_each(t, &cg->tasks, cgroup_link) {
		if (READ_ONCE(t->thread.work) & THREAD_WORK_KILLED)
			continue;
		task_get(t);
		batch[n++] = t;
		if (n == ARRAY_SIZE(batch))
			break;
	}
	spin_unlock(&cgroup_lock);
	for (unsigned int i = 0; i < n; i++) {
		send_signal_process(SIGKILL, NULL, batch[i]);
		if (READ_ONCE(batch[i]->thread.work) & THREAD_WORK_KILLED)
			killed++;
		task_put(batch[i]);
	}
	return killed;
}

void cg_kill(struct cgroup *top)
{
	/* Until a round finds nobody: whom a fork added meanwhile is in the next one. */
	for (struct cgroup *cg = top; cg; cg = cgroup_walk(top, cg))
		while (kill_batch(cg))
			cond_resched();
}
