/* SPDX-License-Identifier: MIT */
/*
 * The signal system calls: who may send what to whom, actions, masks, waiting. The queues and what a
 * signal does are signal.c's.
 */
#include "proc/internal.h"

#include <linux/capability.h>

/* ---- sending ---- */

bool may_signal(int sig, struct task *t)
{
	const struct cred *me = current_thread()->cred, *c;
	bool ok;

	if (t->proc == current->proc)
		return true;
	c = task_cred_get(t);
	ok = me->euid == c->suid || me->euid == c->uid || me->uid == c->suid || me->uid == c->uid ||
	     ns_capable(c->user_ns, CAP_KILL);
	cred_put(c);
	if (!ok && sig == SIGCONT) {
		spin_lock(&t->proc->siglock);
		ok = !t->proc->reaped &&
		     t->proc->leader->pids[PID_SESSION] == task_session(current);
		spin_unlock(&t->proc->siglock);
	}
	return ok;
}

/* What the target sees of the current task as the sender. */
static void user_siginfo(siginfo_t *info, int sig, int code, struct task *t)
{
	memset(info, 0, sizeof(*info));
	info->si_signo = sig;
	info->si_code = code;
	info->si_pid = task_tgid_in(current, task_pid_ns(t));
	info->si_uid = task_uid_seen_by(current, t);
}

static int send_checked(int sig, const siginfo_t *info, struct task *t, bool process)
{
	if (sig < 0 || sig > SIG_MAX)
		return -EINVAL;
	if (!may_signal(sig, t))
		return -EPERM;
	if (!sig)
		return 0;
	return process ? send_signal_process(sig, info, t) : send_signal_task(sig, info, t);
}

static int kill_one(int sig, int code, struct task *t, bool process)
{
	siginfo_t info;

	user_siginfo(&info, sig, code, t);
	return send_checked(sig, &info, t, process);
}

void signal_self(int sig)
{
	kill_one(sig, SI_USER, current, false);
}

int signal_by_pidfd(int sig, const siginfo_t *info, struct task *t)
{
	if (!info)
		return kill_one(sig, SI_USER, t, true);
	if (info->si_signo != sig)
		return -EINVAL;
	if ((info->si_code >= 0 || info->si_code == SI_TKILL) && t != current)
		return -EPERM;
	return send_checked(sig, info, t, true);
}

static int kill_group(int sig, struct pid *pgrp)
{
	int err = -ESRCH;
	struct task *t;

	spin_lock(&tasks_lock);
	list_for_each(t, &pgrp->tasks[PID_GROUP], pid_links[PID_GROUP]) {
		int e = kill_one(sig, SI_USER, t, true);

		if (err) /* one success is success */
			err = e;
	}
	spin_unlock(&tasks_lock);
	return err;
}

/* kill(-1): every process that the caller's namespace shows, but itself and its init. */
static int kill_all(int sig)
{
	struct pid_ns *ns = task_pid_ns(current);
	int err = -ESRCH;
	struct pid *pid;

	for (pid_t nr = 2; (pid = pid_next(ns, &nr)); nr++) {
		struct task *t = pid_task(pid, PID_PROCESS);

		pid_put(pid);
		if (!t)
			continue;
		if (t->proc != current->proc) {
			int e = kill_one(sig, SI_USER, t, true);

			if (err && e != -EPERM)
				err = e;
			else if (err == -ESRCH)
				err = e;
		}
		task_put(t);
		cond_resched();
	}
	return err;
}

int do_kill(pid_t pid, int sig)
{
	struct pid *p;
	struct task *t;
	int err;

	if (pid > 0) {
		t = task_find_process(task_pid_ns(current), pid);
		if (!t)
			return -ESRCH;
		err = kill_one(sig, SI_USER, t, true);
		task_put(t);
		return err;
	}
	if (pid == -1)
		return kill_all(sig);
	if (pid == (pid_t)0x80000000)
		return -ESRCH;
	if (pid) {
		p = pid_find(task_pid_ns(current), -pid);
		if (!p)
			return -ESRCH;
	} else {
		spin_lock(&tasks_lock);
		p = task_pgrp(current);
		pid_get(p);
		spin_unlock(&tasks_lock);
	}
	err = kill_group(sig, p);
	pid_put(p);
	return err;
}

/* A thread by its number, of process tgid when that is not 0. */
static struct task *find_thread(pid_t tgid, pid_t tid)
{
	struct task *t = task_find(task_pid_ns(current), tid);

	if (t && tgid && task_tgid_in(t, task_pid_ns(current)) != tgid) {
		task_put(t);
		return NULL;
	}
	return t;
}

int do_tgkill(pid_t tgid, pid_t tid, int sig)
{
	struct task *t;
	int err;

	if (tid <= 0 || tgid < 0)
		return -EINVAL;
	t = find_thread(tgid, tid);
	if (!t)
		return -ESRCH;
	err = kill_one(sig, SI_TKILL, t, false);
	task_put(t);
	return err;
}

int do_sigqueue(pid_t tgid, pid_t tid, int sig, siginfo_t *info)
{
	struct pid_ns *ns = task_pid_ns(current);
	struct task *t;
	int err;

	/* Only to oneself may one pretend that the kernel sent it. */
	if ((info->si_code >= 0 || info->si_code == SI_TKILL) &&
	    task_tid_in(current, ns) != (tid ? tid : tgid))
		return -EPERM;
	t = tid ? find_thread(tgid, tid) : task_find_process(ns, tgid);
	if (!t)
		return -ESRCH;
	info->si_signo = sig;
	err = send_checked(sig, info, t, !tid);
	task_put(t);
	return err;
}

/* ---- actions ---- */

/* Other flags vanish: what sigaction(2) then shows tells programs what the kernel knows. */
#define SA_KNOWN                                                                                   \
	(SA_NOCLDSTOP | SA_NOCLDWAIT | SA_SIGINFO | SA_EXPOSE_TAGBITS | SA_RESTORER | SA_ONSTACK | \
	 SA_RESTART | SA_NODEFER | SA_RESETHAND)

int do_sigaction(int sig, const struct ksigaction *act, struct ksigaction *old)
{
	struct task *t = current, *o;
	struct process *p = t->proc;
	struct ksigaction *a;

	if (sig < 1 || sig > SIG_MAX || (act && (SIGBIT(sig) & SIGS_UNBLOCKABLE)))
		return -EINVAL;
	a = &t->sighand->action[sig - 1];
	spin_lock(&p->siglock);
	spin_lock(&t->sighand->lock);
	if (old)
		*old = *a;
	if (act) {
		*a = *act;
		a->flags &= SA_KNOWN;
		a->mask &= ~SIGS_UNBLOCKABLE;
	}
	spin_unlock(&t->sighand->lock);
	/* An ignored signal does not stay pending (sigaction(2), POSIX). */
	if (act && (act->handler == SIG_IGN ||
		    (act->handler == SIG_DFL && (SIGBIT(sig) & SIGS_IGNORED)))) {
		discard_signal(p, &p->pending, sig);
		for_each_thread(o, p) discard_signal(p, &o->pending, sig);
	}
	spin_unlock(&p->siglock);
	return 0;
}

void flush_handlers(struct sighand *s)
{
	spin_lock(&s->lock);
	for (int i = 0; i < SIG_MAX; i++) {
		struct ksigaction *a = &s->action[i];

		if (a->handler != SIG_IGN)
			a->handler = SIG_DFL;
		a->flags = 0;
		a->restorer = NULL;
		a->mask = 0;
	}
	spin_unlock(&s->lock);
}

int do_sigaltstack(const stack_t *ss, stack_t *old, u64 sp)
{
	struct task *t = current;
	u32 mode;
	bool on;

	on = t->altstack.size && !(t->altstack.flags & SS_AUTODISARM) && sp > t->altstack.sp &&
	     sp - t->altstack.sp <= t->altstack.size;
	if (old) {
		memset(old, 0, sizeof(*old));
		old->ss_sp = (void *)t->altstack.sp;
		old->ss_size = t->altstack.size;
		old->ss_flags =
			(t->altstack.flags & SS_AUTODISARM) | (!t->altstack.size ? SS_DISABLE
							       : on              ? SS_ONSTACK
										 : 0);
	}
	if (!ss)
		return 0;
	if (on)
		return -EPERM;
	mode = ss->ss_flags & ~SS_AUTODISARM;
	if (mode != SS_DISABLE && mode != SS_ONSTACK && mode)
		return -EINVAL;
	if (mode == SS_DISABLE) {
		t->altstack.sp = t->altstack.size = 0;
	} else {
		if (ss->ss_size < MINSIGSTKSZ)
			return -ENOMEM;
		t->altstack.sp = (u64)ss->ss_sp;
		t->altstack.size = ss->ss_size;
	}
	t->altstack.flags = ss->ss_flags;
	return 0;
}

/* ---- masks ---- */

void set_blocked(ksigset_t mask)
{
	struct task *t = current, *o;
	struct process *p = t->proc;
	ksigset_t newly;

	mask &= ~SIGS_UNBLOCKABLE;
	spin_lock(&p->siglock);
	newly = mask & ~t->blocked & p->pending.set;
	t->blocked = mask;
	if ((t->pending.set | p->pending.set) & ~mask)
		thread_set_work(&t->thread, THREAD_WORK_SIGNAL);
	if (newly && p->nr_live > 1) /* what this thread no longer takes, another may */
		for_each_thread(o, p) if (o != t && !o->exiting && (newly & ~o->blocked))
			signal_wake(o, false);
	spin_unlock(&p->siglock);
}

int do_sigprocmask(int how, const ksigset_t *set, ksigset_t *old)
{
	ksigset_t was = current->blocked;

	if (set) {
		switch (how) {
		case SIG_BLOCK:
			set_blocked(was | *set);
			break;
		case SIG_UNBLOCK:
			set_blocked(was & ~*set);
			break;
		case SIG_SETMASK:
			set_blocked(*set);
			break;
		default:
			return -EINVAL;
		}
	}
	if (old)
		*old = was;
	return 0;
}

void sigmask_begin(ksigset_t mask)
{
	current->saved_mask = current->blocked;
	set_blocked(mask);
}

void sigmask_end(bool interrupted)
{
	if (interrupted)
		current->restore_mask = true;
	else
		set_blocked(current->saved_mask);
}

/* ---- waiting ---- */

/* Sleeps until a signal is there or the deadline: -ERESTARTSYS, -ETIMEDOUT. */
static int sleep_for_signal(u64 deadline)
{
	struct waitq wq;

	waitq_init(&wq);
	return wait_event_until(&wq, false, deadline);
}

int do_pause(void)
{
	sleep_for_signal(~0UL);
	return -ERESTARTNOHAND;
}

int do_sigsuspend(ksigset_t mask)
{
	sigmask_begin(mask);
	sleep_for_signal(~0UL);
	sigmask_end(true);
	return -ERESTARTNOHAND;
}

int do_sigtimedwait(ksigset_t set, siginfo_t *info, u64 deadline)
{
	struct task *t = current;
	struct process *p = t->proc;
	int sig = dequeue_signal(set, info), err;

	if (sig)
		return sig;
	if (deadline <= clock_ns())
		return -EAGAIN;
	set &= ~SIGS_UNBLOCKABLE;
	/* Let the signals of set through to this thread, so that they wake it. */
	spin_lock(&p->siglock);
	t->real_blocked = t->blocked;
	t->blocked &= ~set;
	if ((t->pending.set | p->pending.set) & ~t->blocked)
		thread_set_work(&t->thread, THREAD_WORK_SIGNAL);
	spin_unlock(&p->siglock);
	err = sleep_for_signal(deadline);
	spin_lock(&p->siglock);
	t->blocked = t->real_blocked;
	t->real_blocked = 0;
	spin_unlock(&p->siglock);
	sig = dequeue_signal(set, info);
	if (sig)
		return sig;
	return err == -ETIMEDOUT ? -EAGAIN : -EINTR;
}

long do_restart_syscall(void)
{
	struct task *t = current;
	long (*fn)(struct task * t) = t->restart_fn;

	t->restart_fn = NULL;
	return fn ? fn(t) : -EINTR;
}
