/* SPDX-License-Identifier: MIT */
/*
 * Pid namespaces (pid_namespaces(7)): each is a table of process numbers of its own, and they nest. A
 * process has one number in its own namespace and one in every namespace above it, so that the
 * outside sees and signals what runs inside, while the inside does not even have numbers for the
 * outside. The numbers are given out in proc/pid.c; here a namespace begins and ends.
 *
 * What always holds: level is the parent's plus 1, the first namespace's 0. A child keeps its parent
 * (a reference) for as long as it exists. The first process is number 1 there, its init: orphans
 * become its children, and with it the namespace dies: nothing can be started in it any more, and
 * nothing in it survives.
 *
 * Read next: proc/pid.c (numbers at every level), proc/exit.c (who calls pid_ns_end()).
 */
#include "container/container.h"

#define MAX_PID_NS_LEVEL 32 /* as on Linux */
#define PID_MAX_DEFAULT 32768

struct pid_ns *pid_ns_make(struct pid_ns *parent, struct user_ns *owner)
{
	struct pid_ns *ns;

	/* LAB 05: begin
	 * Make a namespace below parent, with its first reference for the caller. -ENOSPC when it would
	 * be deeper than MAX_PID_NS_LEVEL, -ENOMEM without memory (kzalloc). ns_init() fills in what all
	 * kinds have in common (a new inode number from ns_new_inum()); a child keeps its parent alive
	 * (ns_get). Its numbers are 1 to pid_max - 1, and pid_max begins with PID_MAX_DEFAULT; `empty`
	 * is a wait queue. The fields are those of struct pid_ns in proc/proc.h; pid_init() in proc/pid.c
	 * fills in the first namespace.
	 * starter: ns = NULL;
	 * starter: if (parent->level >= MAX_PID_NS_LEVEL || PID_MAX_DEFAULT == 0)
	 * starter: 	return ERR_PTR(-ENOSPC);
	 * starter: pr_err("lab 05: pid_ns_make() is not written yet");
	 * starter: return ns ? ns : ERR_PTR(-ENOSYS);
	 */
	if (parent->level + 1 > MAX_PID_NS_LEVEL)
		return ERR_PTR(-ENOSPC);
	ns = kzalloc(sizeof(*ns));
	if (!ns)
		return ERR_PTR(-ENOMEM);
	ns_init(&ns->ns, &pid_ns_ops, owner, ns_new_inum());
	ns->level = parent->level + 1;
	ns->parent = parent;
	ns_get(&parent->ns);
	ns->pid_max = PID_MAX_DEFAULT;
	idr_init(&ns->ids, 1, ns->pid_max - 1);
	waitq_init(&ns->empty);
	return ns;
	/* LAB 05: end */
}

/* LAB 05: begin
 * pid_ns_end(): the current process was the init of ns and is on its way out; its other threads are
 * gone or going. Three things:
 * 1. Nobody new. pid_alloc() refuses once ns->dying is set. Set it with tasks_lock and, inside it,
 *    pid_lock held: a fork looks at it under either.
 * 2. Everybody dies: send SIGKILL, from the kernel (info NULL), to every process that has a number in
 *    ns, but not to the current one: send_signal_process(). pid_next() walks the numbers, pid_task()
 *    gives the thread behind one (PID_TASK; NULL when it is gone), both with a reference that you put.
 * 3. Wait until they are gone: ns->nr_pids counts numbers in use, ns->empty is woken as they go. The
 *    current process still has its own, one a thread (current->proc->nr_threads). A SIGKILL does not
 *    end this sleep: wait_event_uninterruptible().
 * starter: void pid_ns_end(struct pid_ns *ns)
 * starter: {
 * starter: 	pr_err("lab 05: pid_ns_end() is not written yet");
 * starter: }
 */
/* Kills every process that has a number in ns, but for the current one. */
static void kill_all(struct pid_ns *ns)
{
	struct pid *pid;
	pid_t nr = 1;

	for (; (pid = pid_next(ns, &nr)); nr++) {
		struct task *t = pid_task(pid, PID_TASK);

		/* From the kernel: not even the init of a namespace inside this one may ignore it. */
		if (t && t->proc != current->proc)
			send_signal_process(SIGKILL, NULL, t);
		if (t)
			task_put(t);
		pid_put(pid);
	}
}

/* Numbers that init itself keeps while it exits: one for each of its threads. */
static u64 own_pids(void)
{
	return READ_ONCE(current->proc->nr_threads);
}

void pid_ns_end(struct pid_ns *ns)
{
	/*
	 * Nobody new: pid_alloc() refuses from here on, and a fork that already has its number looks
	 * at dying once more, with tasks_lock held, before the child can be found.
	 */
	spin_lock(&tasks_lock);
	spin_lock(&pid_lock);
	ns->dying = true;
	spin_unlock(&pid_lock);
	spin_unlock(&tasks_lock);

	kill_all(ns);
	/*
	 * Init's own children are reaped as they end, since it waits no more (proc/exit.c). Processes
	 * that came in from outside (setns) have parents there, which reap them when they please: the
	 * end waits for that too, or numbers would outlive it.
	 */
	wait_event_uninterruptible(&ns->empty, READ_ONCE(ns->nr_pids) <= own_pids());
}
/* LAB 05: end */
