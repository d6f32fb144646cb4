/* SPDX-License-Identifier: MIT */
/*
 * wait4(2) and waitid(2). A parent sleeps on its own wait_child; a child that ends, stops or goes on
 * wakes it. Zombies stand first among the children, so that waiting for any costs the same however
 * many children live; waiting for one of them goes by its number. Whom the process traces (ptrace(2))
 * it waits for as for a child, thread by thread.
 */
#include "proc/internal.h"

#include <linux/wait.h>

struct wait {
	int type; /* P_* */
	struct pid *pid;
	int options;
	/* what was found */
	pid_t nr;
	uid_t uid;
	int status; /* wait4's form */
	int why; /* CLD_* */
	struct rusage *ru;
	struct list_head gone;
};

static void child_rusage(struct process *p, struct rusage *ru)
{
	struct usage u;

	if (!ru)
		return;
	u = process_usage(p);
	usage_add(&u, &p->children_used);
	usage_to_rusage(&u, ru);
}

static bool eligible(const struct wait *w, const struct task *t, bool traced)
{
	bool clone_child = t->proc->exit_signal != SIGCHLD;

	if (w->type == P_PGID && task_pgrp(t) != w->pid)
		return false;
	if (w->type == P_PID && t->pid != w->pid)
		return false;
	return traced || (w->options & __WALL) || clone_child == !!(w->options & __WCLONE);
}

static void found(struct wait *w, struct task *who, int why, int status)
{
	struct task *t = current;

	w->nr = task_tid_in(who, task_pid_ns(t));
	w->uid = task_uid_seen_by(who, t);
	w->why = why;
	w->status = status;
	child_rusage(who->proc, w->ru);
}

static void found_end(struct wait *w, struct task *who, int st)
{
	found(w, who, st & 0x7f ? (st & 0x80 ? CLD_DUMPED : CLD_KILLED) : CLD_EXITED, st);
}

static bool take_zombie(struct wait *w, struct process *p)
{
	if (!p->zombie || p->held || !(w->options & WEXITED))
		return false;
	found_end(w, p->leader, p->exit_status);
	if (!(w->options & WNOWAIT))
		reap_process(p, &w->gone);
	return true;
}

/* traced: its tracer, who sees each thread's stop instead. */
static bool take_stop(struct wait *w, struct process *p, bool traced)
{
	bool keep = w->options & WNOWAIT, stop, cont;
	int sig;

	spin_lock(&p->siglock);
	sig = p->stop_signal;
	stop = !traced && p->stop_report && p->stopped && (w->options & WSTOPPED);
	cont = !stop && p->continue_report && (w->options & WCONTINUED);
	if (stop)
		p->stop_report = keep;
	if (cont)
		p->continue_report = keep;
	spin_unlock(&p->siglock);
	if (stop)
		found(w, p->leader, CLD_STOPPED, sig << 8 | 0x7f);
	else if (cont)
		found(w, p->leader, CLD_CONTINUED, 0xffff);
	return stop || cont;
}

/* One look at one child: 1 taken, 0 not yet, -ECHILD not to be waited for. tasks_lock held. */
static int look(struct wait *w, struct process *p)
{
	/* A zombie has no other news to come than its end. */
	if (!eligible(w, p->leader, false) || (p->zombie && !(w->options & WEXITED)))
		return -ECHILD;
	return take_zombie(w, p) || take_stop(w, p, false);
}

/* The same for a task that this process traces: each thread's stops and end, whatever is asked for. */
static int look_at_tracee(struct wait *w, struct task *t)
{
	struct process *me = current->proc, *p = t->proc;
	int code;

	if (!eligible(w, t, true) || (w->options & __WNOTHREAD && t->ptrace.tracer != current))
		return -ECHILD;
	if (t->dead && (t != p->leader || p->zombie) && w->options & WEXITED) {
		found_end(w, t, p->group_exit ? p->group_status : t->exit_code);
		if (w->options & WNOWAIT)
			return 1;
		if (p->zombie && !p->held) {
			reap_process(p, &w->gone);
			return 1;
		}
		spin_lock(&p->siglock);
		ptrace_unlink(t);
		spin_unlock(&p->siglock);
		tracee_seen(t, me, &w->gone);
		return 1;
	}
	spin_lock(&p->siglock);
	code = t->ptrace.stopped && !t->ptrace.listening ? t->ptrace.code : 0;
	if (code && !(w->options & WNOWAIT))
		t->ptrace.code = 0;
	spin_unlock(&p->siglock);
	if (!code)
		return t == p->leader && take_stop(w, p, true);
	found(w, t, CLD_TRAPPED, code << 8 | 0x7f);
	return 1;
}

static int look_at_all(struct wait *w)
{
	bool zombies_only = !(w->options & (WSTOPPED | WCONTINUED));
	struct process *me = current->proc, *p;
	int any = -ECHILD, r;
	struct task *t;

	list_for_each(p, &me->children, sibling) {
		if (is_traced(p->leader) && !is_traced_away(p->leader))
			continue; /* below */
		r = look(w, p);
		if (r > 0)
			return r;
		if (!r) {
			any = 0;
			if (zombies_only && !p->zombie)
				break;
		}
	}
	list_for_each(t, &me->tracees, ptrace.link) {
		r = look_at_tracee(w, t);
		if (r > 0)
			return r;
		any = max(any, r);
	}
	return any;
}

static int look_at_one(struct wait *w)
{
	struct pid *pid = w->pid;
	struct task *t;

	if (list_empty(&pid->tasks[PID_TASK]))
		return -ECHILD;
	t = list_first(&pid->tasks[PID_TASK], struct task, pid_links[PID_TASK]);
	if (is_traced(t) && t->ptrace.tracer->proc == current->proc)
		return look_at_tracee(w, t);
	return t == t->proc->leader && t->proc->parent == current->proc ? look(w, t->proc)
									: -ECHILD;
}

static int look_once(struct wait *w)
{
	int r;

	spin_lock(&tasks_lock);
	r = w->type == P_PID ? look_at_one(w) : look_at_all(w);
	spin_unlock(&tasks_lock);
	return r;
}

/* 0: found (or, with WNOHANG, w->nr 0). -ECHILD, -ERESTARTSYS */
static int wait_for(struct wait *w)
{
	struct waitq *wq = &current->proc->wait_child;
	struct wait_entry e = { 0 };
	int r;

	list_init(&e.link);
	list_init(&w->gone);
	for (;;) {
		waitq_prepare(wq, &e, THREAD_INTERRUPTIBLE);
		r = look_once(w);
		if (r || (w->options & WNOHANG))
			break;
		if (thread_interrupted()) {
			r = -ERESTARTSYS;
			break;
		}
		schedule();
		waitq_finish(&e);
	}
	waitq_finish(&e);
	put_released(&w->gone);
	return r < 0 ? r : 0;
}

static struct pid *waitid_pid(int which, pid_t id)
{
	struct pid *pid;

	switch (which) {
	case P_ALL:
		return NULL;
	case P_PID:
		if (id <= 0)
			return ERR_PTR(-EINVAL);
		break;
	case P_PGID:
		if (id < 0)
			return ERR_PTR(-EINVAL);
		break;
	case P_PIDFD:
		if (id < 0)
			return ERR_PTR(-EINVAL);
		return pidfd_pid(id);
	default:
		return ERR_PTR(-EINVAL);
	}
	if (which == P_PGID && !id) {
		spin_lock(&tasks_lock);
		pid = task_pgrp(current);
		pid_get(pid);
		spin_unlock(&tasks_lock);
		return pid;
	}
	pid = pid_find(task_pid_ns(current), id);
	return pid ? pid : ERR_PTR(-ECHILD);
}

long do_wait4(pid_t pid, int *status, int options, struct rusage *ru)
{
	struct wait w = { .type = pid > 0 ? P_PID : pid == -1 ? P_ALL : P_PGID, .ru = ru };
	long err;

	if (options & ~(WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL))
		return -EINVAL;
	if (pid == (pid_t)0x80000000)
		return -ESRCH;
	w.options = options | WEXITED;
	w.pid = waitid_pid(w.type, pid > 0 ? pid : -pid);
	if (IS_ERR(w.pid))
		return PTR_ERR(w.pid);
	err = wait_for(&w);
	pid_put(w.pid);
	if (err)
		return err;
	if (w.nr && status)
		*status = w.status;
	return w.nr;
}

static bool is_nonblocking(int fd)
{
	struct file *f = fd_get(fd);
	bool yes = f && f->flags & O_NONBLOCK;

	if (f)
		file_put(f);
	return yes;
}

long do_waitid(int which, pid_t id, siginfo_t *info, int options, struct rusage *ru)
{
	struct wait w = { .type = which == P_PIDFD ? P_PID : which, .ru = ru };
	bool nonblocking;
	long err;

	if ((options & ~(WNOHANG | WNOWAIT | WEXITED | WSTOPPED | WCONTINUED | __WNOTHREAD |
			 __WCLONE | __WALL)) ||
	    !(options & (WEXITED | WSTOPPED | WCONTINUED)))
		return -EINVAL;
	w.pid = waitid_pid(which, id);
	if (IS_ERR(w.pid))
		return PTR_ERR(w.pid);
	nonblocking = which == P_PIDFD && !(options & WNOHANG) && is_nonblocking(id);
	w.options = options | (nonblocking ? WNOHANG : 0);
	err = wait_for(&w);
	pid_put(w.pid);
	if (!err && !w.nr && nonblocking)
		return -EAGAIN;
	if (info) {
		memset(info, 0, sizeof(*info));
		if (!err && w.nr) {
			info->si_signo = SIGCHLD;
			info->si_code = w.why;
			info->si_pid = w.nr;
			info->si_uid = w.uid;
			info->si_status = w.why == CLD_EXITED ? w.status >> 8 & 0xff
					  : w.why == CLD_STOPPED || w.why == CLD_TRAPPED
						  ? w.status >> 8
					  : w.why == CLD_CONTINUED ? SIGCONT
								   : w.status & 0x7f;
		}
	}
	return err;
}
