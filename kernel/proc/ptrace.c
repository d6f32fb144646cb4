/* SPDX-License-Identifier: MIT */
/*
 * ptrace(2): who traces whom, and where a tracee stops. A tracee is a thread (t->ptrace.tracer is set),
 * its tracer another process's thread; the tie ends with the tracer, with the tracee's reaping, or by
 * PTRACE_DETACH. Tied and untied with tasks_lock and siglock held; all else is siglock's.
 *
 *	running		as any thread. Where a stop is due it calls ptrace_stop():
 *	stopped		asleep (THREAD_STOPPED), `stopped` set, `code` what wait(2) shows, until it is
 *			taken. Once off its CPU the tracer may read and change its registers
 *			(ptrace_regs.c): only SIGKILL and the end of the tie wake it otherwise.
 *	listening	stopped, but wait(2) and ptrace(2) see nothing (PTRACE_LISTEN), until news.
 *	dead		kept among its process's threads until the tracer has waited for it.
 *
 * The stops, by where they happen: at system calls (THREAD_WORK_TRACE; syscall/entry.c), at events
 * (fork.c, exec.c, exit.c), before a signal is acted on, and for a group stop or PTRACE_INTERRUPT (both
 * on the signal path, signal.c: get_signal()). A group stop counts a tracee as stopped even when its
 * tracer lets it go on (`stop_left`).
 * Read next: ptrace_regs.c; for the wait(2) side wait.c, for the ends exit.c.
 */
#include "proc/internal.h"

#include <linux/capability.h>
#include <linux/ptrace.h>

#define OPTIONS_MASK (PTRACE_O_MASK & ~(u64)PTRACE_O_SUSPEND_SECCOMP)

/* ---- the tie ---- */

static void tie(struct task *t, struct task *tracer, const struct cred *cred)
{
	cred_get(cred);
	t->ptrace.cred = cred;
	t->ptrace.tracer = tracer;
	list_add_tail(&t->ptrace.link, &tracer->proc->tracees);
}

void ptrace_inherit(struct task *child, const struct task *t)
{
	tie(child, t->ptrace.tracer, t->ptrace.cred);
	child->ptrace.options = t->ptrace.options;
	child->ptrace.seized = child->ptrace.interrupt = t->ptrace.seized;
	if (!t->ptrace.seized)
		child->pending.set |= SIGBIT(SIGSTOP);
	child->thread.work |= THREAD_WORK_SIGNAL;
}

void ptrace_unlink(struct task *t)
{
	struct ptrace *pt = &t->ptrace;

	list_del(&pt->link);
	cred_put(pt->cred);
	pt->tracer = NULL;
	pt->cred = NULL;
	pt->options = 0;
	pt->seized = pt->interrupt = pt->notify = pt->calls = pt->stop_left = false;
	if (t->dead)
		return;
	if (pt->stopped)
		ptrace_set_step(t, false);
	thread_clear_work(&t->thread, THREAD_WORK_TRACE);
	if (t->proc->stopping)
		signal_wake(t, false); /* joins the group stop, like any thread */
	ptrace_wake(t);
}

void ptrace_wake(struct task *t)
{
	if (!t->ptrace.stopped)
		return;
	t->ptrace.stopped = false;
	thread_wake_states(&t->thread, BIT(THREAD_STOPPED));
}

static struct task *tracee_of(struct task *tracer)
{
	struct task *t;

	list_for_each(t, &tracer->proc->tracees, ptrace.link)
		if (t->ptrace.tracer == tracer)
			return t;
	return NULL;
}

void ptrace_tracer_exit(struct task *tracer, struct list_head *gone)
{
	struct task *t;

	while ((t = tracee_of(tracer))) {
		spin_lock(&t->proc->siglock);
		if (t->ptrace.options & PTRACE_O_EXITKILL)
			send_locked(SIGKILL, NULL, t, true, true);
		ptrace_unlink(t);
		spin_unlock(&t->proc->siglock);
		if (t->dead)
			tracee_seen(t, tracer->proc, gone);
	}
}

pid_t task_tracer_in(const struct task *t, const struct pid_ns *ns)
{
	pid_t nr;

	spin_lock(&tasks_lock);
	nr = is_traced(t) ? task_tid_in(t->ptrace.tracer, ns) : 0;
	spin_unlock(&tasks_lock);
	return nr;
}

pid_t ptrace_number(const struct pid *pid)
{
	struct task *t = current;
	pid_t nr = 0;

	if (likely(!is_traced(t)))
		return 0;
	spin_lock(&tasks_lock);
	if (is_traced(t))
		nr = pid_nr_ns(pid, task_pid_ns(t->ptrace.tracer));
	spin_unlock(&tasks_lock);
	return nr;
}

/* ---- stopping ---- */

/* Tells those who wait; group: the group stop is complete with this. No locks held. */
static void tell_of_stop(struct task *t, int why, int status, bool group)
{
	spin_lock(&tasks_lock);
	if (is_traced(t))
		tell_process(t->ptrace.tracer->proc, t, SIGCHLD, why, status);
	if (group && (!is_traced(t) || is_traced_away(t)))
		notify_stop(t->proc, CLD_STOPPED);
	spin_unlock(&tasks_lock);
}

/* Sleeps until the tracer lets t go on: the signal that it gives. siglock is dropped meanwhile. */
static int ptrace_stop(struct task *t, int code, int why, u64 message, siginfo_t *info)
{
	struct ptrace *pt = &t->ptrace;
	struct process *p = t->proc;
	bool group = false, told = false;

	if (!is_traced(t) || t->pending.set & SIGBIT(SIGKILL))
		return code;
	pt->code = code;
	pt->message = message;
	pt->info = info;
	pt->interrupt = false;
	if (why == CLD_STOPPED) {
		pt->notify = false;
		pt->stop_left = p->stopping;
		group = p->stopping && stop_join(t);
	}
	pt->stopped = true;
	while (pt->stopped && !(t->pending.set & SIGBIT(SIGKILL))) {
		WRITE_ONCE(t->thread.state, THREAD_STOPPED);
		spin_unlock(&p->siglock);
		if (!told)
			tell_of_stop(t, why, code & 0x7f, group);
		told = true;
		schedule();
		spin_lock(&p->siglock);
	}
	code = pt->code;
	pt->stopped = pt->listening = false;
	pt->code = 0;
	pt->message = 0;
	pt->info = NULL;
	if (pending_set(t) & ~t->blocked)
		thread_set_work(&t->thread, THREAD_WORK_SIGNAL);
	return code;
}

void own_siginfo(siginfo_t *info, int sig, int code)
{
	const struct cred *c = current_thread()->cred;

	memset(info, 0, sizeof(*info));
	info->si_signo = sig;
	info->si_code = code;
	info->si_pid = task_tid_in(current, task_pid_ns(current));
	info->si_uid = uid_to_ns(c->user_ns, c->uid);
}

int ptrace_notify(int code, u64 message)
{
	struct task *t = current;
	siginfo_t info;
	int sig;

	own_siginfo(&info, SIGTRAP, code);
	spin_lock(&t->proc->siglock);
	sig = ptrace_stop(t, code, CLD_TRAPPED, message, &info);
	spin_unlock(&t->proc->siglock);
	return sig;
}

void ptrace_event(int event, u64 message)
{
	struct task *t = current;
	siginfo_t info;

	if (likely(!is_traced(t)))
		return;
	if (ptrace_wants(t, event)) {
		ptrace_notify(event << 8 | SIGTRAP, message);
	} else if (event == PTRACE_EVENT_EXEC && !t->ptrace.seized) {
		own_siginfo(&info, SIGTRAP, SI_USER);
		send_signal_task(SIGTRAP, &info, t);
	}
}

static void stop_at_call(u64 which)
{
	struct task *t = current;
	int good = t->ptrace.options & PTRACE_O_TRACESYSGOOD ? PTRACE_SYSGOOD : 0;
	int sig = ptrace_notify(SIGTRAP | good, which);

	if (sig > 0 && sig <= SIG_MAX)
		send_signal_task(sig, NULL, t);
}

bool ptrace_syscall_enter(struct regs *regs)
{
	if (!current->ptrace.calls)
		return true; /* here for the step at its end */
	stop_at_call(PTRACE_EVENTMSG_SYSCALL_ENTRY);
	return !thread_killed();
}

bool ptrace_seccomp(u32 data)
{
	if (!ptrace_wants(current, PTRACE_EVENT_SECCOMP))
		return false;
	ptrace_event(PTRACE_EVENT_SECCOMP, data);
	return true;
}

void ptrace_syscall_exit(struct regs *regs)
{
	siginfo_t info = { .si_signo = SIGTRAP, .si_code = TRAP_BRKPT };

	if (current->ptrace.stepping) {
		info.si_addr = (void *)regs->rip;
		force_signal(SIGTRAP, &info);
	} else if (current->ptrace.calls) {
		stop_at_call(PTRACE_EVENTMSG_SYSCALL_EXIT);
	}
}

/* ---- on the signal path ---- */

int ptrace_signal(struct task *t, int sig, siginfo_t *info)
{
	const struct cred *c;

	sig = ptrace_stop(t, sig, CLD_TRAPPED, 0, info);
	if (!sig)
		return 0;
	if (sig != info->si_signo) { /* another: it comes from the tracer */
		own_siginfo(info, sig, SI_USER);
		c = t->ptrace.cred;
		info->si_pid = c ? task_tgid_in(t->ptrace.tracer, task_pid_ns(t)) : 0;
		info->si_uid = c ? uid_to_ns(t->thread.cred->user_ns, c->uid) : 0;
	}
	if (t->blocked & SIGBIT(sig) || t->pending.set & SIGBIT(SIGKILL)) {
		send_locked(sig, info, t, false, false);
		return 0;
	}
	return sig;
}

bool ptrace_trap(struct task *t)
{
	struct process *p = t->proc;
	int sig = p->stopping ? p->stop_signal : SIGTRAP;
	siginfo_t info;

	if (!(p->stopping && !t->ptrace.stop_left) && !t->ptrace.interrupt && !t->ptrace.notify)
		return false;
	own_siginfo(&info, sig, sig | PTRACE_EVENT_STOP << 8);
	if (t->ptrace.seized)
		ptrace_stop(t, info.si_code, CLD_STOPPED, 0, &info);
	else
		ptrace_stop(t, sig, CLD_STOPPED, 0, NULL);
	return true;
}

void ptrace_notify_trap(struct task *t)
{
	t->ptrace.notify = true;
	signal_wake(t, false);
	if (t->ptrace.listening)
		ptrace_wake(t);
}

/* ---- may it? ---- */

/* Has c at least what t may do, or the right to look into everything there? */
static bool covers(const struct cred *c, u64 caps, const struct cred *of)
{
	return (c->user_ns == of->user_ns && !(of->cap_permitted & ~caps)) ||
	       cred_ns_capable(c, of->user_ns, CAP_SYS_PTRACE);
}

bool ptrace_may_access(struct task *t, bool fs)
{
	const struct cred *me = current_thread()->cred, *c;
	uid_t uid = fs ? me->fsuid : me->uid;
	gid_t gid = fs ? me->fsgid : me->gid;
	bool same, ok;

	if (t->proc == current->proc)
		return true;
	c = task_cred_get(t);
	same = uid == c->uid && uid == c->euid && uid == c->suid && gid == c->gid &&
	       gid == c->egid && gid == c->sgid;
	ok = ((same && t->dumpable) || ns_capable(c->user_ns, CAP_SYS_PTRACE)) &&
	     covers(me, fs ? me->cap_effective : me->cap_permitted, c);
	cred_put(c);
	return ok;
}

struct mm *task_mm_access(struct task *t, bool fs)
{
	struct mm *mm;

	/* Of one in execve(2) the memory may be the new and the rights the old: its end is waited for. */
	while ((mm = task_mm_get(t)) && READ_ONCE(t->in_exec) && t->proc != current->proc) {
		mm_put_user(mm);
		if (thread_interrupted())
			return ERR_PTR(-EINTR);
		sched_yield();
	}
	if (!mm || mm == current_thread()->mm || ptrace_may_access(t, fs))
		return mm;
	mm_put_user(mm);
	return ERR_PTR(-EACCES);
}

/* ---- the requests that begin ---- */

/* -EPERM; 1: t is in execve(2), to be tried again. */
static int try_attach(struct task *t, bool seize, u32 options, bool *stopped)
{
	int err = -EPERM;

	spin_lock(&tasks_lock); /* holds up an execve(2) that has changed its rights */
	if (!ptrace_may_access(t, false))
		goto out;
	spin_lock(&t->proc->siglock);
	if (t->in_exec) {
		err = 1;
	} else if (!t->exiting && !is_traced(t)) {
		*stopped = READ_ONCE(t->thread.state) == THREAD_STOPPED;
		tie(t, current, current_thread()->cred);
		t->ptrace.seized = seize;
		t->ptrace.options = options;
		if (!seize)
			send_locked(SIGSTOP, NULL, t, false, true);
		if (*stopped) /* in a group stop: now one that its tracer sees */
			thread_wake_states(&t->thread, BIT(THREAD_STOPPED));
		err = 0;
	}
	spin_unlock(&t->proc->siglock);
out:
	spin_unlock(&tasks_lock);
	return err;
}

static int attach(struct task *t, bool seize, u64 addr, u64 options)
{
	bool stopped = false;
	int err;

	if (seize && (addr || options & ~OPTIONS_MASK))
		return -EIO;
	if (t->proc == current->proc)
		return -EPERM;
	while ((err = try_attach(t, seize, seize ? options : 0, &stopped)) > 0) {
		if (thread_interrupted())
			return -ERESTARTNOINTR;
		sched_yield();
	}
	/* What was stopped before is so after: wait(2) with WNOHANG finds it. */
	while (!err && stopped && READ_ONCE(t->proc->stopping) && !READ_ONCE(t->ptrace.stopped) &&
	       !READ_ONCE(t->exiting) && !thread_interrupted())
		sched_yield();
	return err;
}

/* The thread of p that made the current process, or another that lives. tasks_lock held. */
static struct task *parent_thread(struct process *p)
{
	struct task *t, *any = NULL;

	for_each_thread(t, p)
	{
		if (t->dead)
			continue;
		if (t == current->proc->forker)
			return t;
		any = any ? any : t;
	}
	return any;
}

static int traceme(void)
{
	struct task *t = current, *parent;
	const struct cred *c;
	int err = -EPERM;

	spin_lock(&tasks_lock);
	parent = parent_thread(t->proc->parent);
	if (is_traced(t))
		goto out;
	err = 0;
	if (!parent || t->proc->parent == &swapper_process)
		goto out;
	c = task_cred_get(parent);
	if (covers(c, c->cap_permitted, t->thread.cred)) {
		spin_lock(&t->proc->siglock);
		tie(t, parent, c);
		spin_unlock(&t->proc->siglock);
	} else {
		err = -EPERM;
	}
	cred_put(c);
out:
	spin_unlock(&tasks_lock);
	return err;
}

/* ---- the requests to a tracee ---- */

/* May the current task give orders to t? 0 or -ESRCH. Then t is off its CPU, but with any_state. */
static int check_tracee(struct task *t, bool any_state)
{
	struct ptrace *pt = &t->ptrace;
	bool ok;

	spin_lock(&t->proc->siglock);
	ok = pt->tracer == current && !t->dead && (any_state || (pt->stopped && !pt->listening));
	spin_unlock(&t->proc->siglock);
	while (ok && !any_state && !thread_off_cpu(&t->thread))
		if (!READ_ONCE(pt->stopped))
			ok = false; /* killed */
	return ok ? 0 : -ESRCH;
}

static int resume(struct task *t, long request, u64 sig)
{
	if (sig > SIG_MAX)
		return -EIO;
	t->ptrace.calls = request == PTRACE_SYSCALL;
	ptrace_set_step(t, request == PTRACE_SINGLESTEP);
	if (t->ptrace.calls || t->ptrace.stepping)
		thread_set_work(&t->thread, THREAD_WORK_TRACE);
	else
		thread_clear_work(&t->thread, THREAD_WORK_TRACE);
	spin_lock(&t->proc->siglock);
	t->ptrace.code = sig;
	ptrace_wake(t);
	spin_unlock(&t->proc->siglock);
	return 0;
}

static int detach(struct task *t, u64 sig)
{
	if (sig > SIG_MAX)
		return -EIO;
	spin_lock(&tasks_lock);
	spin_lock(&t->proc->siglock);
	t->ptrace.code = sig;
	ptrace_unlink(t);
	spin_unlock(&t->proc->siglock);
	spin_unlock(&tasks_lock);
	return 0;
}

static int set_options(struct task *t, u64 options)
{
	if (options & ~OPTIONS_MASK)
		return -EINVAL;
	spin_lock(&t->proc->siglock);
	t->ptrace.options = options;
	spin_unlock(&t->proc->siglock);
	return 0;
}

/* A stop soon, or at once after the present one. */
static int interrupt(struct task *t)
{
	if (!t->ptrace.seized)
		return -EIO;
	spin_lock(&t->proc->siglock);
	t->ptrace.interrupt = true;
	signal_wake(t, false);
	if (t->ptrace.listening)
		ptrace_wake(t);
	spin_unlock(&t->proc->siglock);
	return 0;
}

static int listen(struct task *t)
{
	struct ptrace *pt = &t->ptrace;
	int err = -EIO;

	spin_lock(&t->proc->siglock);
	if (pt->seized && pt->info && pt->info->si_code >> 8 == PTRACE_EVENT_STOP) {
		pt->listening = true;
		if (pt->notify) /* news came since */
			ptrace_wake(t);
		err = 0;
	}
	spin_unlock(&t->proc->siglock);
	return err;
}

static long request_to(struct task *t, long request, u64 addr, u64 data)
{
	long err = check_tracee(t, request == PTRACE_KILL || request == PTRACE_INTERRUPT);

	if (err)
		return err;
	switch (request) {
	case PTRACE_CONT:
	case PTRACE_SYSCALL:
	case PTRACE_SINGLESTEP:
		return resume(t, request, data);
	case PTRACE_DETACH:
		return detach(t, data);
	case PTRACE_KILL:
		send_signal_task(SIGKILL, NULL, t);
		return 0;
	case PTRACE_INTERRUPT:
		return interrupt(t);
	case PTRACE_LISTEN:
		return listen(t);
	case PTRACE_SETOPTIONS:
	case PTRACE_OLDSETOPTIONS:
		return set_options(t, data);
	default:
		return ptrace_state_request(t, request, addr, data);
	}
}

long do_ptrace(long request, pid_t pid, u64 addr, u64 data)
{
	struct task *t;
	long ret;

	if (request == PTRACE_TRACEME)
		return traceme();
	t = task_find(task_pid_ns(current), pid);
	if (!t)
		return -ESRCH;
	if (request == PTRACE_ATTACH || request == PTRACE_SEIZE)
		ret = attach(t, request == PTRACE_SEIZE, addr, data);
	else
		ret = request_to(t, request, addr, data);
	task_put(t);
	return ret;
}
