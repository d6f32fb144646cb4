/* SPDX-License-Identifier: MIT */
/*
 * Out of memory: who goes. mm/ asks when a fault finds no frame, or when a group's limit refuses one;
 * the process that would give most back, weighted by oom_score_adj, is killed. While the last victim
 * is still on its way out nobody else is: the fault just tries again a little later.
 */
#include "proc/internal.h"

#define PATIENCE (2 * NSEC_PER_SEC) /* for a victim to let go of its memory */

/* Guarded by tasks_lock: the space whose processes were killed last, by number only, and when. */
static struct mm *victim_mm;
static u64 victim_since;

/*
 * Resident pages of t in mm, raised or lowered by oom_score_adj/1000 of all memory. Shared ones count as
 * well: what a hog has in a memory file it alone has goes with it.
 */
static s64 badness(const struct task *t, const struct mm *mm)
{
	s64 adj = t->proc->oom_score_adj, total = frames_total;

	if (!mm || adj == -1000)
		return -total; /* never */
	return READ_ONCE(mm->anon_pages) + READ_ONCE(mm->file_pages) + READ_ONCE(mm->pt_frames) +
	       adj * total / 1000;
}

s64 oom_score(struct task *t)
{
	struct mm *mm = task_mm_get(t);
	s64 points = badness(t, mm);

	if (mm)
		mm_put_user(mm);
	/* proc(5): up to 2000 thirds, 1000 of them for oom_score_adj 0 */
	return (1000 + points * 1000 / (s64)frames_total) * 2 / 3;
}

/* The worst of those behind res, or of all, with a reference. tasks_lock held. */
static struct task *choose(const struct res_counter *res)
{
	/* LAB 07: begin
	 * Of all_tasks, the one with the most badness(), with a reference for the caller (task_get()); NULL
	 * when there is nobody. Not: one that is exiting already; init_pid_ns.init, whose end would be the
	 * machine's; one whose memory does not count at res (res_is_below() with its thread.mem_charge): a
	 * group's limit must not cost a process outside of it; a thread beside its process's leader, unless the
	 * leader is exiting. A task's mm goes when it ends: look at it with its proc->siglock held.
	 * A badness of -frames_total means never.
	 * starter: task_get(current);
	 * starter: return badness(current, NULL) <= 0 || res ? current : NULL;
	 */
	struct task *t, *worst = NULL;
	s64 points, most = -(s64)frames_total; /* that, or less, is for those who never go */

	list_for_each(t, &all_tasks, all_link) {
		if (t->exiting || t == init_pid_ns.init ||
		    !res_is_below(t->thread.mem_charge, res) ||
		    (t != t->proc->leader && !t->proc->leader->exiting))
			continue;
		spin_lock(&t->proc->siglock);
		points = badness(t, t->thread.mm);
		spin_unlock(&t->proc->siglock);
		if (points > most) {
			most = points;
			worst = t;
		}
	}
	if (worst)
		task_get(worst);
	return worst;
	/* LAB 07: end */
}

/* Is the last victim still holding memory, and not for too long? tasks_lock held. */
static bool victim_dying(const struct res_counter *res)
{
	struct task *t;

	if (!victim_mm || clock_ns() - victim_since > PATIENCE)
		return false;
	list_for_each(t, &all_tasks, all_link)
		/* A new space may have got the old one's address: nobody is ending its processes. */
		if (READ_ONCE(t->thread.mm) == victim_mm && t->proc->group_exit &&
		    res_is_below(t->thread.mem_charge, res))
			return true;
	victim_mm = NULL;
	return false;
}

static void kill_victim(struct task *t, struct res_counter *res)
{
	struct mm *mm;

	/* Not as a user: the last one takes the space apart, and the caller may hold another space's lock. */
	spin_lock(&t->proc->siglock);
	mm = t->thread.mm;
	if (mm)
		ref_get(&mm->refs);
	spin_unlock(&t->proc->siglock);
	if (!mm)
		return;
	pr_err("%s: Killed process %d (%s) total-vm:%llukB, anon-rss:%llukB, file-rss:%llukB, "
	       "oom_score_adj:%d",
	       res ? "Memory cgroup out of memory" : "Out of memory", task_tgid_in(t, &init_pid_ns),
	       t->thread.name, (unsigned long long)mm->mapped_pages * 4,
	       (unsigned long long)mm->anon_pages * 4, (unsigned long long)mm->file_pages * 4,
	       t->proc->oom_score_adj);
	kill_mm(mm);
	mm_reap(mm);
	if (layer.oom_event)
		layer.oom_event(res, t);
	mm_put(mm);
}

static bool oom(struct res_counter *res)
{
	struct task *t = NULL;
	bool dying;

	spin_lock(&tasks_lock);
	dying = victim_dying(res);
	if (!dying)
		t = choose(res);
	if (t) {
		victim_mm = READ_ONCE(t->thread.mm);
		victim_since = clock_ns();
	}
	spin_unlock(&tasks_lock);
	if (t) {
		kill_victim(t, res);
		task_put(t);
	} else if (!dying) {
		return false;
	}
	return true;
}

void oom_init(void)
{
	mm_oom_hook = oom;
}
