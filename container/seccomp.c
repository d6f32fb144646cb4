/* SPDX-License-Identifier: MIT */
/*
 * seccomp(2): a task gives up system calls, for itself and whom it makes. Strict mode leaves read,
 * write, exit and sigreturn; in filter mode programs look at each call, and the strictest verdict of
 * all counts (userspace-api/seccomp_filter.rst). Nothing ever takes a filter away again.
 *
 * A task with a mode has THREAD_WORK_SECCOMP set, so that entry.S leaves the short way; others pay
 * nothing. task->seccomp is changed with siglock held, by the task itself or by a thread of its
 * process (TSYNC), and then only to a filter that lies upon the old one: the task itself reads it
 * without lock.
 *
 * Most calls are allowed whatever their arguments are: the first answer holds for ever, and the filters are not
 * asked again (seccomp_filter.allowed).
 * Read next: bpf_classic.c, seccomp_notify.c.
 */
#include "container/seccomp.h"

#include <asm/unistd.h>
#include <linux/audit.h>

#define MAX_PATH_INSNS 32768
#define FLAGS_ALL                                                                                  \
	(SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW |    \
	 SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_TSYNC_ESRCH |                      \
	 SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)

static struct seccomp_filter strict; /* strict mode, in the place of a filter */
static u64 nr_filters;

/* ---- filters ---- */

void seccomp_filter_put(struct seccomp_filter *f)
{
	if (!ref_put(&f->refs))
		return;
	kfree(f);
	__atomic_fetch_sub(&nr_filters, 1, __ATOMIC_RELAXED);
}

/* A user of f is gone; with the last one, f is no longer one of the filter below. */
static void filter_leave(struct seccomp_filter *f)
{
	while (f && f != &strict && ref_put(&f->users)) {
		struct seccomp_filter *below = f->below;

		waitq_wake_all(&f->wait, POLLHUP);
		seccomp_filter_put(f);
		f = below;
	}
}

static struct seccomp_filter *filter_alloc(unsigned int n)
{
	size_t size = sizeof(struct seccomp_filter) + n * sizeof(struct sock_filter);
	struct seccomp_filter *f = kzalloc(size);

	if (!f)
		return NULL;
	ref_init(&f->refs);
	ref_init(&f->users);
	mutex_init(&f->lock);
	list_init(&f->notices);
	waitq_init(&f->wait);
	__atomic_fetch_add(&nr_filters, 1, __ATOMIC_RELAXED);
	return f;
}

/* The user's program as a filter that nobody uses yet. -EFAULT, -EINVAL, -EACCES, -ENOMEM */
static struct seccomp_filter *filter_from_user(const struct sock_fprog __user *uprog)
{
	struct seccomp_filter *f;
	struct sock_fprog prog;
	u16 *scratch;
	int err;

	if (get_user(prog, uprog))
		return ERR_PTR(-EFAULT);
	if (!prog.len || prog.len > BPF_MAXINSNS)
		return ERR_PTR(-EINVAL);
	/* A set-user-id program must not run with calls missing that it believes to work. */
	if (!current->no_new_privs && !ns_capable(current_thread()->cred->user_ns, CAP_SYS_ADMIN))
		return ERR_PTR(-EACCES);
	f = filter_alloc(prog.len);
	if (!f)
		return ERR_PTR(-ENOMEM);
	scratch = kmalloc(prog.len * sizeof(*scratch));
	err = !scratch ? -ENOMEM
		       : copy_from_user(f->prog, prog.filter, prog.len * sizeof(f->prog[0])) ?:
		       bpf_classic_check(f->prog, prog.len, scratch);
	kfree(scratch);
	f->path = prog.len;
	if (!err)
		return f;
	seccomp_filter_put(f);
	return ERR_PTR(err);
}

/* ---- installing: siglock held ---- */

/* Does t have a filter that does not lie on the way down from top? */
static bool diverges(const struct task *t, const struct seccomp_filter *top)
{
	const struct seccomp_filter *f = t->seccomp;

	while (f && top && top != f)
		top = top->below;
	return f && f != top;
}

static void give(struct task *t, struct seccomp_filter *f)
{
	t->seccomp = f;
	thread_set_work(&t->thread, THREAD_WORK_SECCOMP);
}

/* All other threads of the process get f, which the current one has already. */
static void sync_threads(struct seccomp_filter *f, struct list_head *threads)
{
	struct task *t;

	list_for_each(t, threads, thread_link) {
		struct seccomp_filter *old = t->seccomp;

		if (t == current || t->exiting)
			continue;
		ref_get(&f->users);
		give(t, f);
		filter_leave(old); /* f lies upon it: nothing is freed here */
		if (current->no_new_privs)
			t->no_new_privs = true;
	}
}

/* The number of the thread that keeps TSYNC from working, or 0. */
static pid_t find_diverging(const struct seccomp_filter *top)
{
	struct task *t;

	list_for_each(t, &current->proc->threads, thread_link)
		if (t != current && !t->exiting && diverges(t, top))
			return task_tid_in(t, task_pid_ns(current)) ?: -ESRCH;
	return 0;
}

/* Lays f upon the current task's filters. -EINVAL strict mode, -EBUSY, -ENOMEM too long; or a thread. */
static long attach(struct seccomp_filter *f, unsigned int flags)
{
	struct task *t = current;
	struct seccomp_filter *top = t->seccomp, *o;
	pid_t other;

	if (top == &strict)
		return -EINVAL;
	if (flags & SECCOMP_FILTER_FLAG_NEW_LISTENER)
		for (o = top; o; o = o->below)
			if (READ_ONCE(o->listening))
				return -EBUSY;
	if (top && f->path + top->path + 4 > MAX_PATH_INSNS)
		return -ENOMEM;
	if (flags & SECCOMP_FILTER_FLAG_TSYNC) {
		other = find_diverging(top);
		if (other)
			return flags & SECCOMP_FILTER_FLAG_TSYNC_ESRCH ? -ESRCH : other;
	}
	f->below = top; /* and with it, the task's place among top's users */
	f->depth = 1 + (top ? top->depth : 0);
	f->path += top ? top->path + 4 : 0;
	f->log = flags & SECCOMP_FILTER_FLAG_LOG;
	f->wait_killable = flags & SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
	give(t, f);
	if (flags & SECCOMP_FILTER_FLAG_TSYNC)
		sync_threads(f, &t->proc->threads);
	return 0;
}

static long set_filter(unsigned int flags, const struct sock_fprog __user *uprog)
{
	struct seccomp_filter *f;
	long fd = 0, ret;

	if (flags & ~FLAGS_ALL)
		return -EINVAL;
	/* Both would tell of success by a positive number. */
	if (flags & SECCOMP_FILTER_FLAG_TSYNC && flags & SECCOMP_FILTER_FLAG_NEW_LISTENER &&
	    !(flags & SECCOMP_FILTER_FLAG_TSYNC_ESRCH))
		return -EINVAL;
	if (flags & SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV &&
	    !(flags & SECCOMP_FILTER_FLAG_NEW_LISTENER))
		return -EINVAL;
	f = filter_from_user(uprog);
	if (IS_ERR(f))
		return PTR_ERR(f);
	if (flags & SECCOMP_FILTER_FLAG_NEW_LISTENER)
		fd = fd_install(seccomp_listener(f), 0, true);
	ret = min(fd, 0L);
	if (!ret) {
		spin_lock(&current->proc->siglock);
		ret = attach(f, flags);
		spin_unlock(&current->proc->siglock);
	}
	if (!ret)
		return fd;
	if (flags & SECCOMP_FILTER_FLAG_NEW_LISTENER && fd >= 0)
		fd_close(fd);
	seccomp_filter_put(f);
	return ret;
}

static long set_strict(void)
{
	struct task *t = current;
	long err = 0;

	spin_lock(&t->proc->siglock);
	if (t->seccomp && t->seccomp != &strict)
		err = -EINVAL;
	else
		give(t, &strict);
	spin_unlock(&t->proc->siglock);
	return err;
}

static long action_available(const u32 __user *uaction)
{
	static const u32 known[] = { SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD,
				     SECCOMP_RET_TRAP,         SECCOMP_RET_ERRNO,
				     SECCOMP_RET_USER_NOTIF,   SECCOMP_RET_TRACE,
				     SECCOMP_RET_LOG,          SECCOMP_RET_ALLOW };
	u32 action;

	if (get_user(action, uaction))
		return -EFAULT;
	for (unsigned int i = 0; i < ARRAY_SIZE(known); i++)
		if (action == known[i])
			return 0;
	return -EOPNOTSUPP;
}

/* layer_ops.seccomp */
static long seccomp_call(unsigned int op, unsigned int flags, void __user *args)
{
	static const struct seccomp_notif_sizes sizes = {
		.seccomp_notif = sizeof(struct seccomp_notif),
		.seccomp_notif_resp = sizeof(struct seccomp_notif_resp),
		.seccomp_data = sizeof(struct seccomp_data),
	};

	if (op == SECCOMP_SET_MODE_FILTER)
		return set_filter(flags, args);
	if (op > SECCOMP_GET_NOTIF_SIZES || flags)
		return -EINVAL;
	switch (op) {
	case SECCOMP_SET_MODE_STRICT:
		return args ? -EINVAL : set_strict();
	case SECCOMP_GET_ACTION_AVAIL:
		return action_available(args);
	default:
		return copy_to_user(args, &sizes, sizeof(sizes));
	}
}

/* ---- the verdict on a call ---- */

static bool allows_always(const struct seccomp_filter *f, u32 nr)
{
	return nr < SECCOMP_CACHED && READ_ONCE(f->allowed[nr / 64]) & BIT(nr % 64);
}

/* The strictest of all filters' answers; *who gave it. Ordered as signed numbers. */
static u32 ask_filters(struct seccomp_filter *f, const struct seccomp_data *data,
		       struct seccomp_filter **who)
{
	struct seccomp_filter *top = f;
	u32 verdict = SECCOMP_RET_ALLOW, v;
	bool looked = false;

	for (*who = f; f; f = f->below) {
		v = bpf_classic_run(f->prog, data, &looked);
		if ((s32)(v & SECCOMP_RET_ACTION_FULL) >= (s32)(verdict & SECCOMP_RET_ACTION_FULL))
			continue;
		verdict = v;
		*who = f;
	}
	if (verdict == SECCOMP_RET_ALLOW && !looked && (u32)data->nr < SECCOMP_CACHED)
		__atomic_fetch_or(&top->allowed[data->nr / 64], BIT(data->nr % 64),
				  __ATOMIC_RELAXED);
	return verdict;
}

static void trap(struct regs *regs, u32 reason)
{
	siginfo_t info = { .si_signo = SIGSYS, .si_code = SYS_SECCOMP, .si_errno = reason };

	info.si_call_addr = (void *)regs->rip;
	info.si_syscall = regs->orig_rax;
	info.si_arch = AUDIT_ARCH_X86_64;
	regs->rax = regs->orig_rax; /* a handler finds the call as it was made */
	force_signal(SIGSYS, &info);
}

static void __noreturn end(bool process)
{
	if (process || READ_ONCE(current->proc->nr_live) == 1)
		do_group_exit(SIGSYS);
	do_exit(SIGSYS);
}

static void tell(const char *what, const struct seccomp_data *data)
{
	pr_debug("seccomp: %s[%d]: call %d at ip %llx: %s", current_thread()->name,
		 task_tid_in(current, &init_pid_ns), data->nr,
		 (unsigned long long)data->instruction_pointer, what);
}

static bool allows_strictly(int nr)
{
	if (nr == __NR_read || nr == __NR_write || nr == __NR_exit || nr == __NR_rt_sigreturn)
		return true;
	do_exit(SIGKILL);
}

static bool check(struct regs *regs, bool traced_already)
{
	struct seccomp_filter *f = READ_ONCE(current->seccomp);
	struct seccomp_data data = {
		.nr = regs->orig_rax,
		.arch = AUDIT_ARCH_X86_64,
		.instruction_pointer = regs->rip,
		.args = { regs->rdi, regs->rsi, regs->rdx, regs->r10, regs->r8, regs->r9 },
	};
	u32 verdict, value;

	if (f == &strict)
		return allows_strictly(data.nr);
	verdict = ask_filters(f, &data, &f);
	value = verdict & SECCOMP_RET_DATA;
	switch (verdict & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ALLOW:
		return true;
	case SECCOMP_RET_LOG:
		tell("logged", &data);
		return true;
	case SECCOMP_RET_TRACE:
		if (traced_already)
			return true;
		if (!ptrace_seccomp(value)) { /* no tracer that wants to know */
			regs->rax = -ENOSYS;
			return false;
		}
		/* Another call, perhaps: -1 is none. */
		return !thread_killed() && (int)regs->orig_rax >= 0 && check(regs, true);
	case SECCOMP_RET_USER_NOTIF:
		return seccomp_ask(f, &data, regs);
	case SECCOMP_RET_ERRNO:
		regs->rax = -(long)min(value, (u32)MAX_ERRNO);
		return false;
	case SECCOMP_RET_TRAP:
		trap(regs, value);
		return false;
	default: /* also for an action that is not known */
		tell("killed", &data);
		end((verdict & SECCOMP_RET_ACTION_FULL) != SECCOMP_RET_KILL_THREAD);
	}
}

/* layer_ops.seccomp_allows */
static bool seccomp_allows(struct regs *regs)
{
	return allows_always(READ_ONCE(current->seccomp), regs->orig_rax) || check(regs, false);
}

/* ---- the life of a task ---- */

/* layer_ops.seccomp_fork; siglock held */
static void seccomp_fork(struct task *child)
{
	struct seccomp_filter *f = current->seccomp;

	if (f != &strict)
		ref_get(&f->users);
	child->no_new_privs = current->no_new_privs;
	child->seccomp = f;
	child->thread.work |= THREAD_WORK_SECCOMP;
}

void seccomp_release(struct task *t)
{
	filter_leave(t->seccomp);
	t->seccomp = NULL;
}

/* layer_ops.seccomp_mode */
static int seccomp_mode(struct task *t, unsigned int *filters)
{
	const struct seccomp_filter *f;
	int mode;

	spin_lock(&t->proc->siglock);
	f = t->seccomp;
	mode = !f             ? SECCOMP_MODE_DISABLED
	       : f == &strict ? SECCOMP_MODE_STRICT
			      : SECCOMP_MODE_FILTER;
	*filters = mode == SECCOMP_MODE_FILTER ? f->depth : 0;
	spin_unlock(&t->proc->siglock);
	return mode;
}

static int show_actions(struct strbuf *out, void *priv)
{
	sb_printf(out, "kill_process kill_thread trap errno user_notif trace log allow\n");
	return 0;
}

void seccomp_init(void)
{
	static const struct pseudo_file actions = { .name = "sys/kernel/seccomp/actions_avail",
						    .mode = 0444,
						    .show = show_actions };

	procfs_add(&actions, NULL);
	counts_register("seccomp_filters", &nr_filters);
	layer.seccomp = seccomp_call;
	layer.seccomp_allows = seccomp_allows;
	layer.seccomp_fork = seccomp_fork;
	layer.seccomp_mode = seccomp_mode;
}
