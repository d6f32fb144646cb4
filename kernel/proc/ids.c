/* SPDX-License-Identifier: MIT */
/* Groups, sessions, and prctl(2): what a process says about itself and its family. */
#include "proc/internal.h"

#include <asm/prctl.h>
#include <linux/capability.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>

/* ---- process groups and sessions: credentials(7) ---- */

/* tasks_lock held; the old pid comes back to be put. */
static struct pid *move_to(struct task *leader, enum pid_type type, struct pid *pid)
{
	struct pid *old = task_detach_pid(leader, type);

	task_attach_pid(leader, type, pid);
	return old;
}

/* setpgid(2)'s rules; t is the leader of the process to move, tasks_lock held. */
static int may_move(struct task *t, struct pid *pgrp)
{
	struct process *me = current->proc, *p = t->proc;
	struct task *m;

	if (p != me && p->parent != me)
		return -ESRCH;
	if (p != me && task_session(t) != task_session(current))
		return -EPERM;
	if (p != me && p->did_exec)
		return -EACCES;
	if (p->session_leader)
		return -EPERM;
	if (pgrp == t->pid)
		return 0;
	if (list_empty(&pgrp->tasks[PID_GROUP]))
		return -EPERM;
	m = list_first(&pgrp->tasks[PID_GROUP], struct task, pid_links[PID_GROUP]);
	return task_session(m) == task_session(current) ? 0 : -EPERM;
}

int do_setpgid(pid_t nr, pid_t pgid)
{
	struct pid_ns *ns = task_pid_ns(current);
	struct task *t;
	struct pid *pgrp, *old = NULL;
	int err;

	if (pgid < 0 || (!pgid && nr < 0))
		return -EINVAL;
	if (nr) {
		t = task_find_process(ns, nr);
	} else {
		t = current->proc->leader;
		task_get(t);
	}
	if (!t)
		return -ESRCH;
	if (pgid) {
		pgrp = pid_find(ns, pgid);
	} else {
		pgrp = t->pid;
		pid_get(pgrp);
	}
	err = -EPERM;
	if (!pgrp)
		goto out;
	spin_lock(&tasks_lock);
	err = t->proc->reaped ? -ESRCH : may_move(t, pgrp);
	if (!err && task_pgrp(t) != pgrp)
		old = move_to(t->proc->leader, PID_GROUP, pgrp);
	spin_unlock(&tasks_lock);
	pid_put(old);
	pid_put(pgrp);
out:
	task_put(t);
	return err;
}

static pid_t get_id(pid_t nr, enum pid_type type)
{
	struct task *t = task_by_number(nr);
	pid_t id = -ESRCH;

	if (!t)
		return -ESRCH;
	spin_lock(&tasks_lock);
	if (!t->proc->reaped)
		id = pid_nr_ns(t->proc->leader->pids[type], task_pid_ns(current));
	spin_unlock(&tasks_lock);
	task_put(t);
	return id;
}

pid_t do_getpgid(pid_t pid)
{
	return get_id(pid, PID_GROUP);
}

pid_t do_getsid(pid_t pid)
{
	return get_id(pid, PID_SESSION);
}

pid_t do_setsid(void)
{
	struct task *leader = current->proc->leader;
	struct process *p = current->proc;
	struct pid *group = NULL, *session = NULL;
	pid_t err = -EPERM;

	spin_lock(&tasks_lock);
	/* A group of its number must not exist: it would then span two sessions. */
	if (p->session_leader || !list_empty(&leader->pid->tasks[PID_GROUP]))
		goto out;
	group = move_to(leader, PID_GROUP, leader->pid);
	session = move_to(leader, PID_SESSION, leader->pid);
	p->session_leader = true;
	p->tty = NULL;
	err = task_tgid_in(leader, task_pid_ns(leader));
out:
	spin_unlock(&tasks_lock);
	pid_put(group);
	pid_put(session);
	return err;
}

/* ---- prctl(2) ---- */

static long set_securebits(u64 bits)
{
	const struct cred *old = current_thread()->cred;
	u32 locked = old->securebits & SECURE_ALL_LOCKS;
	struct cred *c;

	if (bits & ~(u64)(SECURE_ALL_BITS | SECURE_ALL_LOCKS) || (locked & ~bits) ||
	    ((locked >> 1) & (old->securebits ^ bits)) || !ns_capable(old->user_ns, CAP_SETPCAP))
		return -EPERM;
	c = cred_copy(old);
	if (c)
		c->securebits = bits;
	return cred_commit(c);
}

static long set_keepcaps(u64 on)
{
	struct cred *c;

	if (on > 1)
		return -EINVAL;
	if (current_thread()->cred->securebits & BIT(SECURE_KEEP_CAPS_LOCKED))
		return -EPERM;
	c = cred_copy(current_thread()->cred);
	if (c)
		c->securebits = (c->securebits & ~BIT(SECURE_KEEP_CAPS)) | on << SECURE_KEEP_CAPS;
	return cred_commit(c);
}

static long drop_bounding(u64 cap)
{
	const struct cred *old = current_thread()->cred;
	struct cred *c = (struct cred *)old;
	bool own;

	if (!ns_capable(old->user_ns, CAP_SETPCAP))
		return -EPERM;
	if (cap > CAP_LAST_CAP)
		return -EINVAL;
	/* All but a few are dropped, one by one: nobody can come to see what nobody else has. */
	spin_lock(&current->proc->siglock);
	own = ref_read(&c->refs) == 1;
	if (own)
		c->cap_bounding &= ~BIT(cap);
	spin_unlock(&current->proc->siglock);
	if (own)
		return 0;
	c = cred_copy(old);
	if (c)
		c->cap_bounding &= ~BIT(cap);
	return cred_commit(c);
}

static long ambient(u64 op, u64 cap, u64 a4, u64 a5)
{
	const struct cred *old = current_thread()->cred;
	struct cred *c;
	u64 set = old->cap_ambient;

	if (a4 || a5 || (op == PR_CAP_AMBIENT_CLEAR_ALL ? cap : cap > CAP_LAST_CAP))
		return -EINVAL;
	switch (op) {
	case PR_CAP_AMBIENT_IS_SET:
		return !!(set & BIT(cap));
	case PR_CAP_AMBIENT_CLEAR_ALL:
		set = 0;
		break;
	case PR_CAP_AMBIENT_LOWER:
		set &= ~BIT(cap);
		break;
	case PR_CAP_AMBIENT_RAISE:
		if (!(old->cap_permitted & old->cap_inheritable & BIT(cap)) ||
		    (old->securebits & BIT(SECURE_NO_CAP_AMBIENT_RAISE)))
			return -EPERM;
		set |= BIT(cap);
		break;
	default:
		return -EINVAL;
	}
	c = cred_copy(old);
	if (c)
		c->cap_ambient = set;
	return cred_commit(c);
}

/* Marks every descendant of top; what they fork later takes the mark over. tasks_lock held. */
static void mark_descendants(struct process *top)
{
	struct process *p = top;

	for (;;) {
		if (!list_empty(&p->children)) {
			p = list_first(&p->children, struct process, sibling);
		} else {
			while (p != top && p->sibling.next == &p->parent->children)
				p = p->parent;
			if (p == top)
				return;
			p = list_entry(p->sibling.next, struct process, sibling);
		}
		p->has_child_subreaper = true;
	}
}

static long set_subreaper(bool on)
{
	spin_lock(&tasks_lock);
	current->proc->is_subreaper = on;
	if (on)
		mark_descendants(current->proc);
	spin_unlock(&tasks_lock);
	return 0;
}

static long prctl_name(int option, u64 addr)
{
	struct thread *t = current_thread();
	char name[16] = "";

	if (option == PR_GET_NAME)
		return copy_to_user((void __user *)addr, t->name, sizeof(t->name));
	if (strncpy_from_user(name, (const char __user *)addr, sizeof(name)) == -EFAULT)
		return -EFAULT;
	name[15] = 0;
	memset(t->name, 0, sizeof(t->name));
	strscpy(t->name, name, sizeof(t->name));
	return 0;
}

/* The older way to seccomp(2): by mode. */
static long prctl_seccomp(bool set, u64 mode, void __user *filter)
{
	unsigned int filters;

	if (!layer.seccomp || (set && mode != SECCOMP_MODE_STRICT && mode != SECCOMP_MODE_FILTER))
		return -EINVAL;
	if (!set)
		return layer.seccomp_mode(current, &filters);
	return mode == SECCOMP_MODE_STRICT ? layer.seccomp(SECCOMP_SET_MODE_STRICT, 0, NULL)
					   : layer.seccomp(SECCOMP_SET_MODE_FILTER, 0, filter);
}

long do_prctl(int option, u64 a2, u64 a3, u64 a4, u64 a5)
{
	struct task *t = current;
	const struct cred *c = t->thread.cred;

	switch (option) {
	case PR_SET_NAME:
	case PR_GET_NAME:
		return prctl_name(option, a2);
	case PR_SET_PDEATHSIG:
		if (a2 > SIG_MAX)
			return -EINVAL;
		t->pdeath_signal = a2;
		return 0;
	case PR_GET_PDEATHSIG:
		return put_user(t->pdeath_signal, (int __user *)a2);
	case PR_GET_DUMPABLE:
		return t->dumpable;
	case PR_SET_DUMPABLE:
		if (a2 > 1)
			return -EINVAL;
		t->dumpable = a2;
		return 0;
	case PR_GET_KEEPCAPS:
		return !!(c->securebits & BIT(SECURE_KEEP_CAPS));
	case PR_SET_KEEPCAPS:
		return set_keepcaps(a2);
	case PR_GET_SECUREBITS:
		return c->securebits;
	case PR_SET_SECUREBITS:
		return set_securebits(a2);
	case PR_CAPBSET_READ:
		return a2 > CAP_LAST_CAP ? -EINVAL : !!(c->cap_bounding & BIT(a2));
	case PR_CAPBSET_DROP:
		return drop_bounding(a2);
	case PR_CAP_AMBIENT:
		return ambient(a2, a3, a4, a5);
	case PR_SET_NO_NEW_PRIVS:
		if (a2 != 1 || a3 || a4 || a5)
			return -EINVAL;
		t->no_new_privs = true;
		return 0;
	case PR_GET_NO_NEW_PRIVS:
		return a2 || a3 || a4 || a5 ? -EINVAL : t->no_new_privs;
	case PR_GET_SECCOMP:
	case PR_SET_SECCOMP:
		return prctl_seccomp(option == PR_SET_SECCOMP, a2, (void __user *)a3);
	case PR_SET_CHILD_SUBREAPER:
		return set_subreaper(a2);
	case PR_GET_CHILD_SUBREAPER:
		return put_user((int)t->proc->is_subreaper, (int __user *)a2);
	case PR_GET_TIMERSLACK: /* kept; all timers are exact here */
		return t->timer_slack;
	case PR_SET_TIMERSLACK:
		t->timer_slack = (long)a2 > 0 ? a2 : t->timer_slack_born;
		return 0;
	case PR_GET_TIMING:
		return PR_TIMING_STATISTICAL;
	case PR_SET_TIMING:
		return a2 == PR_TIMING_STATISTICAL ? 0 : -EINVAL;
	case PR_GET_THP_DISABLE:
		return 0;
	default:
		return -EINVAL;
	}
}

long task_arch_prctl(struct task *task, int code, u64 addr)
{
	struct thread *t = &task->thread;
	bool fs = code == ARCH_SET_FS || code == ARCH_GET_FS;
	u64 *base = fs ? &t->fs_base : &t->gs_base;

	switch (code) {
	case ARCH_SET_FS:
	case ARCH_SET_GS:
		if (addr >= USER_END)
			return -EPERM;
		irq_push();
		*base = addr;
		if (task == current)
			wrmsr(fs ? MSR_FS_BASE : MSR_KERNEL_GS_BASE, addr);
		irq_pop();
		return 0;
	case ARCH_GET_FS:
	case ARCH_GET_GS:
		return put_user(*base, (u64 __user *)addr);
	default:
		return -EINVAL;
	}
}

long do_arch_prctl(int code, u64 addr)
{
	return task_arch_prctl(current, code, addr);
}
