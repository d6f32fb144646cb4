/* SPDX-License-Identifier: MIT */
/*
 * Signals (signal(7)): from the sender into a queue, out of the queue on the way to ring 3, and what
 * happens then: a handler (sigframe.c), a stop, or the end. siglock of the target's process guards
 * queues, masks and the stop state.
 *
 * THREAD_WORK_SIGNAL is set, with siglock held, whenever a thread may have something to do; only the
 * thread's own way out (do_signal) clears it, so during a system call it is never stale.
 */
#include "proc/internal.h"

#include <asm/unistd.h>

static struct kmem_cache *queue_cache;
static u64 nr_queued_signals;

void signal_init(void)
{
	queue_cache = kmem_cache_create("sigqueue", sizeof(struct ksiginfo), false);
	counts_register("signals", &nr_queued_signals);
}

/* ---- queues ---- */

static void entry_free(struct ksiginfo *q)
{
	kmem_cache_free(queue_cache, q);
	__atomic_fetch_sub(&nr_queued_signals, 1, __ATOMIC_RELAXED);
}

void flush_pending(struct sigpending *sp)
{
	struct ksiginfo *q, *next;

	sp->set = 0;
	list_for_each_safe(q, next, &sp->queue, link) {
		list_del(&q->link);
		entry_free(q);
	}
}

static void remove_signals(struct process *p, struct sigpending *sp, ksigset_t mask)
{
	struct ksiginfo *q, *next;

	if (!(sp->set & mask))
		return;
	sp->set &= ~mask;
	list_for_each_safe(q, next, &sp->queue, link) {
		if (!(SIGBIT(q->info.si_signo) & mask))
			continue;
		list_del(&q->link);
		entry_free(q);
		p->nr_queued--;
	}
}

void discard_signal(struct process *p, struct sigpending *sp, int sig)
{
	remove_signals(p, sp, SIGBIT(sig));
}

static void remove_everywhere(struct process *p, ksigset_t mask)
{
	struct task *t;

	remove_signals(p, &p->pending, mask);
	for_each_thread(t, p) remove_signals(p, &t->pending, mask);
}

static int enqueue(struct process *p, struct sigpending *sp, int sig, const siginfo_t *info)
{
	struct ksiginfo *q = NULL;

	if (sig < SIGRTMIN && (sp->set & SIGBIT(sig)))
		return 0;
	/* Beyond the limit come only the kernel's and kill(2)'s standard signals with what they carry. */
	if (sig != SIGKILL && (!info || (sig < SIGRTMIN && info->si_code >= 0) ||
			       p->nr_queued < p->rlim[RLIMIT_SIGPENDING].rlim_cur))
		q = kmem_cache_alloc(queue_cache);
	if (q) {
		__atomic_fetch_add(&nr_queued_signals, 1, __ATOMIC_RELAXED);
		if (info) {
			q->info = *info;
		} else {
			memset(&q->info, 0, sizeof(q->info));
			q->info.si_code = SI_KERNEL;
		}
		q->info.si_signo = sig;
		list_add_tail(&q->link, &sp->queue);
		p->nr_queued++;
	} else if (sig >= SIGRTMIN && info && info->si_code != SI_USER) {
		return -EAGAIN;
	}
	sp->set |= SIGBIT(sig);
	return 0;
}

/* Takes the most urgent signal of sp that is in mask: its number, or 0. */
static int take(struct process *p, struct sigpending *sp, ksigset_t mask, siginfo_t *info)
{
	ksigset_t ready = sp->set & mask;
	struct ksiginfo *q, *first = NULL;
	bool more = false;
	int sig;

	if (!ready)
		return 0;
	sig = __builtin_ctzl(ready & SIGS_FAULT ? ready & SIGS_FAULT : ready) + 1;
	list_for_each(q, &sp->queue, link) {
		if (q->info.si_signo != sig)
			continue;
		if (first)
			more = true;
		else
			first = q;
	}
	if (!more)
		sp->set &= ~SIGBIT(sig);
	if (first) {
		*info = first->info;
		list_del(&first->link);
		entry_free(first);
		p->nr_queued--;
	} else {
		memset(info, 0, sizeof(*info));
		info->si_signo = sig;
		info->si_code = SI_USER;
	}
	if (info->si_code == SI_TIMER)
		timer_signal_taken(info);
	return sig;
}

static int take_any(struct task *t, ksigset_t mask, siginfo_t *info)
{
	int sig = take(t->proc, &t->pending, mask, info);

	return sig ? sig : take(t->proc, &t->proc->pending, mask, info);
}

int dequeue_signal(ksigset_t set, siginfo_t *info)
{
	struct task *t = current;
	int sig;

	spin_lock(&t->proc->siglock);
	sig = take_any(t, set & ~SIGS_UNBLOCKABLE, info);
	spin_unlock(&t->proc->siglock);
	return sig;
}

ksigset_t pending_set(const struct task *t)
{
	return t->pending.set | t->proc->pending.set;
}

ksigset_t do_sigpending(void)
{
	return pending_set(current) & current->blocked;
}

/* ---- sending ---- */

static struct ksigaction action_of(struct task *t, int sig)
{
	struct ksigaction a;

	spin_lock(&t->sighand->lock);
	a = t->sighand->action[sig - 1];
	spin_unlock(&t->sighand->lock);
	return a;
}

void signal_wake(struct task *t, bool kill)
{
	thread_set_work(&t->thread, THREAD_WORK_SIGNAL | (kill ? THREAD_WORK_KILLED : 0));
	if (kill)
		thread_wake_states(&t->thread, BIT(THREAD_INTERRUPTIBLE) |
						       BIT(THREAD_UNINTERRUPTIBLE) |
						       BIT(THREAD_STOPPED));
}

void kill_other_threads(struct process *p, struct task *except)
{
	struct task *t;

	for_each_thread(t, p)
	{
		if (t == except || t->exiting)
			continue;
		t->pending.set |= SIGBIT(SIGKILL);
		signal_wake(t, true);
	}
}

static bool is_ignored(struct task *t, int sig, bool force)
{
	__sighandler_t h = action_of(t, sig).handler;

	if ((t->blocked | t->real_blocked) & SIGBIT(sig))
		return false; /* it may be caught by the time it is let through */
	if (is_traced(t) && sig != SIGKILL)
		return false; /* the tracer sees it */
	if (t->proc->unkillable && h == SIG_DFL && !(force && (SIGBIT(sig) & SIGS_UNBLOCKABLE)))
		return true;
	return h == SIG_IGN || (h == SIG_DFL && (SIGBIT(sig) & SIGS_IGNORED));
}

static void go_on(struct process *p)
{
	struct task *t;

	p->stop_dequeued = false;
	for_each_thread(t, p) if (t->ptrace.seized) ptrace_notify_trap(t);
	if (!p->stopping)
		return;
	p->continue_report = p->continue_news = p->stopped;
	p->stopping = p->stopped = p->stop_report = false;
	p->nr_stopped = 0;
	for_each_thread(t, p)
	{
		t->ptrace.stop_counted = t->ptrace.stop_left = false;
		if (!t->ptrace.stopped)
			thread_wake_states(&t->thread, BIT(THREAD_STOPPED));
	}
}

static bool wants(struct task *t, int sig)
{
	if (t->exiting || (t->blocked & SIGBIT(sig)))
		return false;
	return sig == SIGKILL ||
	       !(t->ptrace.stopped || (t->proc->stopping && !t->ptrace.stop_left));
}

/* Would this signal end t's process, with no handler to run? */
static bool is_fatal(struct task *t, int sig)
{
	if (SIGBIT(sig) & (SIGS_IGNORED | SIGS_STOP))
		return false;
	if (sig != SIGKILL && (t->proc->unkillable || is_traced(t)))
		return false;
	return action_of(t, sig).handler == SIG_DFL && !(t->real_blocked & SIGBIT(sig));
}

/* Finds a thread to take the signal that was queued. */
static void pick_thread(struct task *t, int sig, bool to_process)
{
	struct process *p = t->proc;
	struct task *o = NULL;

	if (wants(t, sig)) {
		o = t;
	} else if (to_process) {
		for_each_thread(o, p) if (wants(o, sig)) break;
		if (&o->thread_link == &p->threads)
			o = NULL;
	}
	if (!o)
		return;
	if (!p->group_exit && is_fatal(o, sig)) {
		p->group_exit = true;
		p->group_status = sig;
		kill_other_threads(p, NULL);
	} else {
		signal_wake(o, sig == SIGKILL);
	}
}

int send_locked(int sig, const siginfo_t *info, struct task *t, bool to_process, bool force)
{
	struct process *p = t->proc;
	int err;

	if (!p->nr_live || p->group_exit)
		return 0;
	if (SIGBIT(sig) & SIGS_STOP)
		remove_everywhere(p, SIGBIT(SIGCONT));
	if (sig == SIGCONT) {
		remove_everywhere(p, SIGS_STOP);
		go_on(p);
	}
	if (is_ignored(t, sig, force || !info))
		return 0;
	err = enqueue(p, to_process ? &p->pending : &t->pending, sig, info);
	if (err)
		return err;
	waitq_wake_all(signalfd_queue(p), POLLIN);
	pick_thread(t, sig, to_process);
	return 0;
}

/* Is the sender outside of t's pid namespace? Then it may kill even t's init. */
static bool from_outside(struct task *t)
{
	struct task *me = thread_task(current_thread());

	return !me || !task_tid_in(me, task_pid_ns(t));
}

static int send(int sig, const siginfo_t *info, struct task *t, bool to_process)
{
	bool force = from_outside(t);
	int err;

	spin_lock(&t->proc->siglock);
	err = send_locked(sig, info, t, to_process, force);
	spin_unlock(&t->proc->siglock);
	return err;
}

int send_signal_task(int sig, const siginfo_t *info, struct task *t)
{
	return send(sig, info, t, false);
}

int send_signal_process(int sig, const siginfo_t *info, struct task *t)
{
	return send(sig, info, t, true);
}

int send_signal_group(int sig, const siginfo_t *info, struct pid *pgrp)
{
	struct task *t;
	int err = -ESRCH;

	spin_lock(&tasks_lock);
	list_for_each(t, &pgrp->tasks[PID_GROUP], pid_links[PID_GROUP])
		err = send(sig, info, t, true);
	spin_unlock(&tasks_lock);
	return err;
}

void force_signal(int sig, const siginfo_t *info)
{
	struct task *t = current;
	struct ksigaction *a;

	spin_lock(&t->proc->siglock);
	spin_lock(&t->sighand->lock);
	a = &t->sighand->action[sig - 1];
	if ((t->blocked & SIGBIT(sig)) || a->handler == SIG_IGN) {
		a->handler = SIG_DFL;
		t->blocked &= ~SIGBIT(sig);
	}
	if (a->handler == SIG_DFL && !is_traced(t))
		t->proc->unkillable = false;
	spin_unlock(&t->sighand->lock);
	send_locked(sig, info, t, false, true);
	spin_unlock(&t->proc->siglock);
}

void kill_mm(struct mm *mm)
{
	struct task *t;

	spin_lock(&tasks_lock);
	list_for_each(t, &all_tasks, all_link) {
		if (READ_ONCE(t->thread.mm) != mm)
			continue;
		spin_lock(&t->proc->siglock);
		send_locked(SIGKILL, NULL, t, true, true);
		spin_unlock(&t->proc->siglock);
	}
	spin_unlock(&tasks_lock);
}

/* ---- stop and continue ---- */

bool stop_completed(struct process *p)
{
	if (!p->stopping || p->stopped || p->nr_stopped < p->nr_live)
		return false;
	p->stopped = p->stop_report = true;
	return true;
}

bool stop_join(struct task *t)
{
	t->proc->nr_stopped += !t->ptrace.stop_counted;
	t->ptrace.stop_counted = true;
	return stop_completed(t->proc);
}

void tell_process(struct process *to, struct task *who, int sig, int code, int status)
{
	bool stop = code == CLD_STOPPED || code == CLD_CONTINUED || code == CLD_TRAPPED;
	struct ksigaction a;
	siginfo_t info = { 0 };

	if (to == &swapper_process)
		return;
	info.si_signo = sig;
	info.si_code = code;
	info.si_pid = task_tid_in(who, task_pid_ns(to->leader));
	info.si_uid = task_uid_seen_by(who, to->leader);
	info.si_status = status;
	info.si_utime = who->proc->used.user_ns / (NSEC_PER_SEC / 100);
	info.si_stime = who->proc->used.sys_ns / (NSEC_PER_SEC / 100);
	spin_lock(&to->siglock);
	if (sig > SIG_MAX) /* clone(2) takes numbers that are no signals, too */
		sig = 0;
	if (sig)
		a = action_of(to->leader, sig);
	if (sig && !(stop && (a.handler == SIG_IGN || a.flags & SA_NOCLDSTOP)))
		send_locked(sig, &info, to->leader, true, false);
	spin_unlock(&to->siglock);
	if (stop)
		waitq_wake_all(&to->wait_child, 0);
}

void notify_stop(struct process *p, int why)
{
	int sig = why == CLD_CONTINUED ? SIGCONT : p->stop_signal;

	tell_process(p->parent, p->leader, SIGCHLD, why, sig);
	if (why == CLD_CONTINUED && is_traced_away(p->leader))
		tell_process(p->leader->ptrace.tracer->proc, p->leader, SIGCHLD, why, sig);
}

static void start_stop(struct process *p, int sig)
{
	bool anew = !p->stopping; /* else a tracer has let this thread go on meanwhile */
	struct task *t;

	if (anew) {
		p->stopped = false;
		p->nr_stopped = 0;
	}
	p->stopping = true;
	p->stop_signal = sig;
	for_each_thread(t, p)
	{
		t->ptrace.stop_left = false;
		t->ptrace.stop_counted &= !anew;
		if (t == current || t->exiting)
			continue;
		if (t->ptrace.seized)
			ptrace_notify_trap(t);
		else
			signal_wake(t, false);
	}
}

/* siglock is dropped meanwhile. */
static void tell_stop(struct process *p, int why)
{
	spin_unlock(&p->siglock);
	spin_lock(&tasks_lock);
	notify_stop(p, why);
	spin_unlock(&tasks_lock);
	spin_lock(&p->siglock);
}

/* Sleeps while the process is stopped. siglock is dropped meanwhile. */
static void stop_here(struct task *t)
{
	struct process *p = t->proc;
	bool news = stop_join(t);

	while (p->stopping && !p->group_exit && !is_traced(t) &&
	       !(t->pending.set & SIGBIT(SIGKILL))) {
		/* Set with siglock held: a SIGCONT cannot come between the look and the sleep. */
		WRITE_ONCE(t->thread.state, THREAD_STOPPED);
		if (news)
			tell_stop(p, CLD_STOPPED);
		news = false;
		spin_unlock(&p->siglock);
		schedule();
		spin_lock(&p->siglock);
	}
}

/* ---- on the way to ring 3 ---- */

static bool orphaned(struct task *t)
{
	bool yes;

	spin_lock(&tasks_lock);
	yes = pgrp_orphaned(task_pgrp(t));
	spin_unlock(&tasks_lock);
	return yes;
}

/* A stop signal was taken: stops unless SIGCONT or the lack of a parent says no. siglock held. */
static void act_stop(struct task *t, int sig)
{
	struct process *p = t->proc;

	if (sig != SIGSTOP) {
		bool no;

		spin_unlock(&p->siglock);
		no = orphaned(t);
		spin_lock(&p->siglock);
		if (no)
			return;
	}
	if (p->stop_dequeued && !p->group_exit && !p->exec_task)
		start_stop(p, sig);
}

static void __noreturn act_end(struct task *t, int sig)
{
	t->pending.set &= ~SIGBIT(SIGKILL); /* its end may still be a stop: PTRACE_EVENT_EXIT */
	spin_unlock(&t->proc->siglock);
	do_group_exit(sig);
}

/* The next signal that has a handler, with what to do: its number, or 0. Acts on all others. */
static int get_signal(struct task *t, siginfo_t *info, struct ksigaction *act)
{
	struct process *p = t->proc;
	int sig = 0;

	spin_lock(&p->siglock);
	for (;;) {
		if (p->group_exit || (p->exec_task && p->exec_task != t) ||
		    (t->pending.set & SIGBIT(SIGKILL)))
			act_end(t, SIGKILL);
		if (p->continue_news) {
			p->continue_news = false;
			tell_stop(p, CLD_CONTINUED);
			continue;
		}
		if (is_traced(t) && ptrace_trap(t))
			continue;
		if (p->stopping && !is_traced(t)) {
			stop_here(t);
			continue;
		}
		sig = take_any(t, ~t->blocked, info);
		if (!sig)
			break;
		p->stop_dequeued = true;
		if (is_traced(t) && sig != SIGKILL) {
			sig = ptrace_signal(t, sig, info);
			if (!sig)
				continue;
		}
		*act = action_of(t, sig);
		if (act->handler == SIG_IGN)
			continue;
		if (act->handler != SIG_DFL) {
			if (act->flags & SA_ONESHOT) {
				spin_lock(&t->sighand->lock);
				t->sighand->action[sig - 1].handler = SIG_DFL;
				spin_unlock(&t->sighand->lock);
			}
			break;
		}
		if ((SIGBIT(sig) & SIGS_IGNORED) ||
		    (p->unkillable && !(SIGBIT(sig) & SIGS_UNBLOCKABLE)))
			continue;
		if (SIGBIT(sig) & SIGS_STOP)
			act_stop(t, sig);
		else
			act_end(t, sig);
	}
	if (pending_set(t) & ~t->blocked)
		thread_set_work(&t->thread, THREAD_WORK_SIGNAL);
	spin_unlock(&p->siglock);
	return sig;
}

/* A call that was interrupted goes on, or ends with EINTR, as the signal's action says. */
static void restart_call(struct regs *regs, const struct ksigaction *act)
{
	long r = regs->rax;

	if (regs->vector != REGS_SYSCALL_VECTOR || regs->orig_rax == ~0UL)
		return;
	if (r != -ERESTARTSYS && r != -ERESTARTNOINTR && r != -ERESTARTNOHAND &&
	    r != -ERESTART_RESTARTBLOCK)
		return;
	if (act && (r == -ERESTARTNOHAND || r == -ERESTART_RESTARTBLOCK ||
		    (r == -ERESTARTSYS && !(act->flags & SA_RESTART)))) {
		regs->rax = -EINTR;
	} else {
		regs->rax = r == -ERESTART_RESTARTBLOCK ? __NR_restart_syscall : regs->orig_rax;
		regs->rip -= 2; /* the syscall instruction again */
	}
	regs->orig_rax = ~0UL;
}

static void deliver(struct task *t, struct regs *regs, int sig, const struct ksigaction *act,
		    const siginfo_t *info)
{
	ksigset_t mask = t->restore_mask ? t->saved_mask : t->blocked;
	bool stepping = t->ptrace.stepping;

	if (stepping)
		ptrace_set_step(t, false);
	if (sigframe_setup(regs, sig, act, info, mask)) {
		if (sig == SIGSEGV) { /* no stack to say it on */
			spin_lock(&t->sighand->lock);
			t->sighand->action[SIGSEGV - 1].handler = SIG_DFL;
			spin_unlock(&t->sighand->lock);
		}
		force_signal(SIGSEGV, NULL);
		return;
	}
	t->restore_mask = false;
	set_blocked(t->blocked | act->mask | (act->flags & SA_NODEFER ? 0 : SIGBIT(sig)));
	if (stepping) /* the tracer sees the handler's first instruction */
		ptrace_notify(SIGTRAP, 0);
}

void do_signal(struct regs *regs)
{
	struct task *t = current;
	struct ksigaction act;
	siginfo_t info;
	int sig;

	/* Before looking at what may have set it: who sets it from here on makes us come by again. */
	thread_clear_work(&t->thread, THREAD_WORK_SIGNAL);
	if (layer.freeze)
		layer.freeze();
	sig = get_signal(t, &info, &act);
	restart_call(regs, sig ? &act : NULL);
	if (sig) {
		deliver(t, regs, sig, &act, &info);
	} else if (t->restore_mask) {
		t->restore_mask = false;
		set_blocked(t->saved_mask);
	}
}
