/* SPDX-License-Identifier: MIT */
/*
 * clone(2) and its kin. Everything that may fail is done on the new task while nobody can see it;
 * the last step hangs it into the lists with tasks_lock held, and from there on it is alive. A fork
 * costs the same however many tasks there are.
 * Read next: exec.c, or exit.c for the way out.
 */
#include "proc/internal.h"

#include <linux/capability.h>
#include <linux/ptrace.h>

#define CLONE_NS_FLAGS                                                                             \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |             \
	 CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWTIME)
#define CLONE_KNOWN                                                                                \
	(CLONE_NS_FLAGS | CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_PIDFD |        \
	 CLONE_PTRACE | CLONE_VFORK | CLONE_PARENT | CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS | \
	 CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | CLONE_DETACHED | CLONE_UNTRACED |            \
	 CLONE_CHILD_SETTID | CLONE_IO | CLONE_CLEAR_SIGHAND | CLONE_INTO_CGROUP)

/* clone(2), ERRORS: which flags go together. */
static int check_flags(const struct clone_args_k *args)
{
	u64 flags = args->flags;
	struct task *t = current;

	if (flags & ~(u64)CLONE_KNOWN)
		return -EINVAL;
	if ((flags & CLONE_PIDFD) && (flags & CLONE_PARENT_SETTID) &&
	    args->pidfd == args->parent_tid)
		return -EINVAL;
	if ((flags & CLONE_NEWIPC) && (flags & CLONE_SYSVSEM))
		return -EINVAL;
	if ((flags & CLONE_FS) && (flags & (CLONE_NEWNS | CLONE_NEWUSER)))
		return -EINVAL;
	if ((flags & CLONE_THREAD) && !(flags & CLONE_SIGHAND))
		return -EINVAL;
	if ((flags & CLONE_SIGHAND) && (!(flags & CLONE_VM) || (flags & CLONE_CLEAR_SIGHAND)))
		return -EINVAL;
	if ((flags & CLONE_PARENT) && t->proc->unkillable)
		return -EINVAL;
	if ((flags & CLONE_THREAD) &&
	    ((flags & (CLONE_NEWUSER | CLONE_NEWPID)) || t->ns->pid_for_children != task_pid_ns(t)))
		return -EINVAL;
	if ((flags & CLONE_PIDFD) && (flags & (CLONE_DETACHED | CLONE_THREAD)))
		return -EINVAL;
	if ((flags & CLONE_NS_FLAGS) && !layer.make_ns)
		return -EINVAL;
	if ((flags & CLONE_INTO_CGROUP) && !layer.task_fork)
		return -EINVAL;
	return 0;
}

/* clone3(2), set_tid: numbers for the own namespace and outwards, by whoever rules each. */
static int check_set_tid(const struct clone_args_k *args)
{
	struct pid_ns *ns = current->ns->pid_for_children;
	unsigned int levels = ns->level + 1 + !!(args->flags & CLONE_NEWPID);

	if (args->set_tid_size > levels)
		return -EINVAL;
	for (unsigned int i = 0; i < args->set_tid_size; i++)
		if (args->set_tid[i] < 1)
			return -EINVAL;
	for (unsigned int i = !!(args->flags & CLONE_NEWPID); i < args->set_tid_size; i++) {
		if (!ns_capable(ns->ns.owner, CAP_SYS_ADMIN))
			return -EPERM;
		ns = ns->parent;
	}
	return 0;
}

/* Where every new task begins: what the child itself must write, then ring 3. */
static void fork_return(void *arg)
{
	struct task *t = arg;

	if (t->set_tid)
		put_user(task_tid_in(t, task_pid_ns(t)), t->set_tid);
	enter_user(thread_regs(&t->thread));
}

static void copy_thread(struct task *child, const struct clone_args_k *args,
			const struct regs *regs)
{
	struct thread *cur = current_thread(), *new = &child->thread;
	struct regs *r = thread_regs(new);

	*r = *regs;
	r->rax = 0;
	r->orig_rax = ~0UL; /* not to be restarted */
	if (current->ptrace.forced_tf)
		r->rflags &= ~RFLAGS_TF;
	if (args->stack)
		r->rsp = args->stack;
	if (cur->fpu) {
		fpu_save(cur->fpu);
		memcpy(new->fpu, cur->fpu, fpu_size);
	}
	new->fs_base = args->flags &CLONE_SETTLS ? args->tls : cur->fs_base;
	new->gs_base = cur->gs_base;
	new->allowed = cur->allowed;
	new->group = cur->group;
	new->mem_charge = cur->mem_charge;
#ifdef SAN
	new->fail_nth = cur->fail_nth;
#endif
	sched_fork(child);
}

static int copy_process(struct task *child, u64 flags, int exit_signal)
{
	struct process *p = current->proc, *new;

	if (flags & CLONE_THREAD) {
		process_get(p);
		child->proc = p;
		child->thread.rlim = p->rlim;
		return 0;
	}
	new = process_alloc();
	if (!new)
		return -EAGAIN;
	spin_lock(&p->siglock);
	memcpy(new->rlim, p->rlim, sizeof(new->rlim));
	spin_unlock(&p->siglock);
	new->exit_signal = exit_signal;
	new->oom_score_adj = p->oom_score_adj;
	new->oom_score_adj_min = p->oom_score_adj_min;
	new->leader = child;
	new->forker = current;
	child->proc = new;
	child->thread.rlim = new->rlim;
	return timers_cpu_limit(new);
}

static int copy_sighand(struct task *child, u64 flags)
{
	struct sighand *old = current->sighand;

	if (flags & CLONE_SIGHAND) {
		ref_get(&old->refs);
		child->sighand = old;
		return 0;
	}
	spin_lock(&old->lock);
	child->sighand = sighand_new(old);
	spin_unlock(&old->lock);
	if (!child->sighand)
		return -ENOMEM;
	if (flags & CLONE_CLEAR_SIGHAND)
		flush_handlers(child->sighand);
	return 0;
}

static int copy_mm(struct task *child, u64 flags)
{
	struct mm *old = current_thread()->mm, *mm = old;

	if (flags & CLONE_VM) {
		mm_get_user(mm);
	} else {
		mm = mm_fork(old, child->thread.mem_charge);
		if (IS_ERR(mm))
			return PTR_ERR(mm);
		mutex_lock(&old->lock);
		mm->exe_file = old->exe_file;
		if (mm->exe_file)
			file_get(mm->exe_file);
		mutex_unlock(&old->lock);
	}
	child->thread.mm = mm;
	child->thread.space = &mm->space;
	return 0;
}

static int copy_fs(struct task *child, u64 flags)
{
	struct thread *cur = current_thread(), *new = &child->thread;

	if (flags & CLONE_FS) {
		new->fs = cur->fs;
		ref_get(&new->fs->refs);
	} else {
		new->fs = fs_context_copy(cur->fs);
		if (!new->fs)
			return -ENOMEM;
	}
	if (flags & CLONE_FILES) {
		new->files = cur->files;
		ref_get(&new->files->refs);
	} else {
		new->files = files_copy(cur->files);
		if (!new->files)
			return -ENOMEM;
	}
	return 0;
}

static int copy_ns(struct task *child, u64 flags)
{
	int err = 0;

	child->ns = current->ns;
	nsproxy_get(child->ns);
	if (flags & CLONE_NS_FLAGS)
		err = layer.make_ns(flags & CLONE_NS_FLAGS, &child->ns, &child->thread.cred,
				    child->thread.fs);
	return err || flags & CLONE_VM ? err : nsproxy_enter_time(&child->ns);
}

static void copy_own(struct task *child, const struct clone_args_k *args)
{
	struct task *t = current;

	child->thread.cred = t->thread.cred;
	cred_get(child->thread.cred);
	child->blocked = t->blocked;
	if (!(args->flags & CLONE_VM) || (args->flags & CLONE_VFORK))
		child->altstack = t->altstack;
	child->no_new_privs = t->no_new_privs;
	child->dumpable = t->dumpable;
	child->personality = t->personality;
	child->timer_slack = child->timer_slack_born = t->timer_slack;
	if (args->flags & CLONE_CHILD_SETTID)
		child->set_tid = (u32 __user *)args->child_tid;
	if (args->flags & CLONE_CHILD_CLEARTID)
		child->clear_tid = (u32 __user *)args->child_tid;
	child->vfork_pending = args->flags & CLONE_VFORK;
}

/* Makes the child part of the world, traced as its maker or not. -ERESTARTNOINTR: a signal came, which
 * it must not miss. */
static int go_live(struct task *child, u64 flags, bool trace)
{
	struct task *t = current;
	struct process *p = t->proc, *new = child->proc;
	struct task *o;
	int err = 0;

	spin_lock(&tasks_lock);
	spin_lock(&p->siglock);
	if (thread_interrupted() || p->group_exit || p->exec_task) {
		err = -ERESTARTNOINTR;
		goto out;
	}
	/* The end of a namespace sets dying with tasks_lock held, then kills whom it finds. */
	for (unsigned int i = 0; i <= child->pid->level; i++)
		if (child->pid->numbers[i].ns->dying)
			err = -ENOMEM;
	/* A thread in execve(2) has looked already who shares its root: cred_exec(). */
	if (flags & CLONE_FS && !(flags & CLONE_THREAD))
		for_each_thread(o, p) if (o->in_exec) err = -EAGAIN;
	if (err)
		goto out;
	if (t->seccomp)
		layer.seccomp_fork(child);
	task_attach_pid(child, PID_TASK, child->pid);
	list_add_tail(&child->all_link, &all_tasks);
	list_add_tail(&child->thread_link, &new->threads);
	new->nr_threads++;
	new->nr_live++;
	if (trace && is_traced(t))
		ptrace_inherit(child, t);
	if (flags & CLONE_THREAD) {
		if (p->stopping) /* and a tracer let t go on: the new one stops */
			child->thread.work |= THREAD_WORK_SIGNAL;
		goto out;
	}
	task_attach_pid(child, PID_PROCESS, child->pid);
	task_attach_pid(child, PID_GROUP, task_pgrp(t));
	task_attach_pid(child, PID_SESSION, task_session(t));
	process_set_parent(new, flags & CLONE_PARENT ? p->parent : p);
	if (flags & CLONE_PARENT)
		new->exit_signal = p->exit_signal;
	new->has_child_subreaper = p->has_child_subreaper || p->is_subreaper;
	new->tty = p->tty;
	list_add_tail(&new->sibling, &new->parent->children);
	if (child->pid->numbers[child->pid->level].nr == 1) {
		task_pid_ns(child)->init = child;
		new->unkillable = true;
	}
out:
	spin_unlock(&p->siglock);
	spin_unlock(&tasks_lock);
	return err;
}

static void drop_thread_parts(struct task *child)
{
	struct thread *th = &child->thread;

	if (child->proc && child->proc != current->proc)
		timers_exit(child->proc);
	sem_undo_leave(child);
	nsproxy_put(child->ns);
	if (th->files)
		files_put(th->files);
	if (th->fs)
		fs_context_put(th->fs);
	if (th->mm)
		mm_put_user(th->mm);
}

/* The parent of a vfork waits until the child gave the space back; a fatal signal ends the wait. */
static void wait_vfork(struct task *child)
{
	struct wait_entry w = { 0 };

	list_init(&w.link);
	while (READ_ONCE(child->vfork_pending) && !thread_killed()) {
		waitq_prepare(&child->vfork_wait, &w, THREAD_UNINTERRUPTIBLE);
		if (READ_ONCE(child->vfork_pending) && !thread_killed())
			schedule();
		waitq_finish(&w);
	}
}

static int install_pidfd(struct task *child, int __user *where)
{
	struct file *f = pidfd_file(child->pid, 0);
	int fd;

	fd = fd_install(f, 0, true);
	if (fd >= 0 && put_user(fd, where)) {
		fd_close(fd);
		return -EFAULT;
	}
	return fd;
}

/* How t's tracer is to be told of the child: PTRACE_EVENT_*, 0 not at all. */
static int clone_event(const struct task *t, const struct clone_args_k *args)
{
	int event = args->flags & CLONE_VFORK      ? PTRACE_EVENT_VFORK
		    : args->exit_signal != SIGCHLD ? PTRACE_EVENT_CLONE
						   : PTRACE_EVENT_FORK;

	return !(args->flags & CLONE_UNTRACED) && ptrace_wants(t, event) ? event : 0;
}

/* RLIMIT_NPROC: does the user have as many threads as this process may see? Not for root. */
static bool too_many(void)
{
	const struct cred *c = current_thread()->cred;
	u64 limit = current->proc->rlim[RLIMIT_NPROC].rlim_cur, n = 0;
	struct task *t;

	if (limit == RLIM64_INFINITY || !c->uid || capable(CAP_SYS_RESOURCE) ||
	    capable(CAP_SYS_ADMIN))
		return false;
	spin_lock(&tasks_lock);
	list_for_each(t, &all_tasks, all_link)
		n += task_has_uid(t, c->uid);
	spin_unlock(&tasks_lock);
	return n >= limit;
}

long do_clone(const struct clone_args_k *args, const struct regs *regs)
{
	u64 flags = args->flags;
	struct task *t = current, *child;
	long err = check_flags(args);
	int pidfd = -1, event = clone_event(t, args);
	pid_t nr;

	if (!err && args->set_tid_size)
		err = check_set_tid(args);
	if (!err && too_many())
		err = -EAGAIN;
	if (err)
		return err;
	if (thread_interrupted())
		return -ERESTARTNOINTR;
	child = task_alloc(t->thread.name, fork_return);
	if (!child)
		return -ENOMEM;
	copy_own(child, args);
	copy_thread(child, args, regs);
	err = copy_process(child, flags, args->exit_signal);
	if (!err)
		err = copy_sighand(child, flags);
	if (!err && flags & CLONE_SYSVSEM)
		err = sem_undo_share(child);
	if (!err)
		err = copy_fs(child, flags);
	if (!err)
		err = copy_ns(child, flags);
	if (err)
		goto out_task;
	child->pid = pid_alloc_at(child->ns->pid_for_children, args->set_tid, args->set_tid_size);
	if (IS_ERR(child->pid)) {
		err = PTR_ERR(child->pid);
		child->pid = NULL;
		goto out_task;
	}
	if (!(flags & CLONE_THREAD)) {
		child->proc->pid = child->pid;
		pid_get(child->pid);
	}
	if (layer.task_fork) {
		err = layer.task_fork(t, child, flags & CLONE_INTO_CGROUP ? args->cgroup_fd : -1);
		if (err)
			goto out_pid;
	}
	err = copy_mm(child, flags); /* charged to the child's own group, hence so late */
	if (err)
		goto out_layer;
	nr = task_tid_in(child, task_pid_ns(t));
	if (flags & CLONE_PIDFD) {
		err = pidfd = install_pidfd(child, args->pidfd);
		if (err < 0)
			goto out_layer;
	}
	if (flags & CLONE_PARENT_SETTID)
		put_user(nr, args->parent_tid);
	err = go_live(child, flags, event || flags & CLONE_PTRACE);
	if (err)
		goto out_pidfd;

	/* One reference is the running thread's, one the lists'; a third while we look at it. */
	task_get(child);
	if (event || flags & CLONE_VFORK)
		task_get(child);
	thread_start(&child->thread);
	if (event)
		ptrace_event(event, ptrace_number(child->pid));
	if (flags & CLONE_VFORK) {
		wait_vfork(child);
		if (event)
			ptrace_event(PTRACE_EVENT_VFORK_DONE, ptrace_number(child->pid));
	}
	if (event || flags & CLONE_VFORK)
		task_put(child);
	return nr;

out_pidfd:
	if (pidfd >= 0)
		fd_close(pidfd);
out_layer:
	if (layer.task_exit)
		layer.task_exit(child);
	if (layer.task_release)
		layer.task_release(child);
out_pid:
	pid_release(child->pid);
out_task:
	drop_thread_parts(child);
	task_put(child);
	return err;
}
