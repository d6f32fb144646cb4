/* SPDX-License-Identifier: MIT */
/* The larger texts of /proc/N, letter for letter as proc(5) and Linux have them: ps and top read them. */
#include "proc/procfs.h"

#define NSEC_PER_TICK (NSEC_PER_SEC / 100)
typedef unsigned long long ull;

static char state_char(const struct task *t)
{
	if (t->dead)
		return 'Z';
	switch (READ_ONCE(t->thread.state)) {
	case THREAD_RUNNABLE:
		return 'R';
	case THREAD_INTERRUPTIBLE:
		return 'S';
	case THREAD_STOPPED:
		return t->ptrace.stopped ? 't' : 'T';
	case THREAD_DEAD:
		return 'X';
	default:
		return 'D';
	}
}

static void handler_sets(struct task *t, ksigset_t *ignored, ksigset_t *caught)
{
	*ignored = *caught = 0;
	spin_lock(&t->proc->siglock);
	for (int i = 1; i <= SIG_MAX; i++) {
		__sighandler_t h = t->sighand->action[i - 1].handler;

		if (h == SIG_IGN)
			*ignored |= SIGBIT(i);
		else if (h != SIG_DFL)
			*caught |= SIGBIT(i);
	}
	spin_unlock(&t->proc->siglock);
}

/* ---- stat ---- */

/* Group, session and terminal. */
static void show_family(struct strbuf *out, struct task *t, struct pid_ns *ns)
{
	struct process *p = t->proc;
	struct pid *fg = NULL;
	u64 dev = 0;

	spin_lock(&tasks_lock);
	if (p->tty && tty_info)
		tty_info(p->tty, &dev, &fg);
	if (p->reaped) /* meanwhile */
		sb_printf(out, " 0 -1 -1 0 -1");
	else
		sb_printf(out, " %d %d %d %d %d", pid_nr_ns(p->parent->pid, ns),
			  pid_nr_ns(task_pgrp(t), ns), pid_nr_ns(task_session(t), ns), (int)dev,
			  fg ? pid_nr_ns(fg, ns) : -1);
	spin_unlock(&tasks_lock);
}

int show_stat(struct strbuf *out, struct task *t, const struct pinode *p)
{
	struct pid_ns *ns = p->ns;
	struct process *proc = t->proc;
	struct mm *mm = task_mm_get(t);
	bool secret = !ptrace_may_access(t, true);
	ksigset_t ign, caught;
	struct usage x = p->whole ? process_usage(t->proc) : thread_usage(t);

	handler_sets(t, &ign, &caught);
	sb_printf(out, "%d (%s) %c", task_tid_in(t, ns), t->thread.name, state_char(t));
	show_family(out, t, ns);
	sb_printf(out, " %u %llu %llu %llu %llu %llu %llu %llu %llu", mm ? 0x400000U : 0x40400cU,
		  (ull)x.minflt, (ull)proc->children_used.minflt, (ull)x.majflt,
		  (ull)proc->children_used.majflt, (ull)(x.user_ns / NSEC_PER_TICK),
		  (ull)(x.sys_ns / NSEC_PER_TICK),
		  (ull)(proc->children_used.user_ns / NSEC_PER_TICK),
		  (ull)(proc->children_used.sys_ns / NSEC_PER_TICK));
	sb_printf(out, " %d %d %u 0 %llu %llu %llu %llu", 20 + t->nice, t->nice, proc->nr_threads,
		  (ull)((proc->start_ns + clock_offset(CLOCK_BOOTTIME)) / NSEC_PER_TICK),
		  (ull)(mm ? mm->mapped_pages * PAGE_SIZE : 0),
		  (ull)(mm ? mm->anon_pages + mm->file_pages : 0),
		  (ull)proc->rlim[RLIMIT_RSS].rlim_cur);
	sb_printf(out, " %llu %llu %llu 0 0", (ull)(mm ? secret ? 1 : mm->layout.start_code : 0),
		  (ull)(mm ? secret ? 1 : mm->layout.end_code : 0),
		  (ull)(mm && !secret ? mm->layout.start_stack : 0));
	sb_printf(out, " %llu %llu %llu %llu %d 0 0 %d %u 0 %d 0 0 0",
		  (ull)(t->pending.set & 0x7fffffff), (ull)(t->blocked & 0x7fffffff),
		  (ull)(ign & 0x7fffffff), (ull)(caught & 0x7fffffff),
		  t->thread.state == THREAD_RUNNABLE ? 0 : 1, proc->exit_signal, t->thread.cpu,
		  t->policy);
	if (mm && !secret)
		sb_printf(out, " %llu %llu %llu %llu %llu %llu %llu", (ull)mm->layout.start_data,
			  (ull)mm->layout.end_data, (ull)mm->layout.start_brk,
			  (ull)mm->layout.arg_start, (ull)mm->layout.arg_end,
			  (ull)mm->layout.env_start, (ull)mm->layout.env_end);
	else
		sb_printf(out, " 0 0 0 0 0 0 0");
	sb_printf(out, " %d\n", secret ? 0 : t->exit_code);
	if (mm)
		mm_put_user(mm);
	return 0;
}

/* ---- statm, and what status says of memory ---- */

/* The areas' sizes, and how many resident pages are of files that live in memory only. */
static void measure(struct mm *mm, struct vm_sizes *z, u64 *text, u64 *shmem)
{
	struct vm_resident r = { 0 };
	struct vma *v;

	mutex_lock(&mm->lock);
	mm_sizes(mm, 0, USER_END, z);
	for (v = mm_first_vma(mm); v; v = vma_next(v))
		if (v->mapping && !v->mapping->ops)
			vma_resident(v, &r);
	mutex_unlock(&mm->lock);
	*text = (ALIGN_UP(mm->layout.end_code, PAGE_SIZE) -
		 ALIGN_DOWN(mm->layout.start_code, PAGE_SIZE)) /
		PAGE_SIZE;
	*shmem = min(r.rss - r.anon, mm->file_pages);
}

int show_statm(struct strbuf *out, struct task *t, const struct pinode *p)
{
	struct mm *mm = task_mm_get(t);
	u64 text, shmem;
	struct vm_sizes z;

	if (!mm) {
		sb_printf(out, "0 0 0 0 0 0 0\n");
		return 0;
	}
	measure(mm, &z, &text, &shmem);
	sb_printf(out, "%llu %llu %llu %llu 0 %llu 0\n", (ull)z.all,
		  (ull)(mm->anon_pages + mm->file_pages), (ull)mm->file_pages, (ull)text,
		  (ull)(z.data + z.stack));
	mm_put_user(mm);
	return 0;
}

static void line_kb(struct strbuf *out, const char *name, u64 pages)
{
	sb_printf(out, "%s:\t%8llu kB\n", name, (ull)(pages * (PAGE_SIZE / 1024)));
}

static void status_memory(struct strbuf *out, struct task *t)
{
	struct mm *mm = task_mm_get(t);
	u64 rss, text, shmem;
	struct vm_sizes z;

	if (!mm)
		return;
	measure(mm, &z, &text, &shmem);
	rss = mm->anon_pages + mm->file_pages;
	line_kb(out, "VmPeak", max(mm->peak_mapped, z.all));
	line_kb(out, "VmSize", z.all);
	line_kb(out, "VmLck", z.locked);
	line_kb(out, "VmPin", 0);
	line_kb(out, "VmHWM", max(mm->peak_pages, rss));
	line_kb(out, "VmRSS", rss);
	line_kb(out, "RssAnon", mm->anon_pages);
	line_kb(out, "RssFile", mm->file_pages - shmem);
	line_kb(out, "RssShmem", shmem);
	line_kb(out, "VmData", z.data);
	line_kb(out, "VmStk", z.stack);
	line_kb(out, "VmExe", text);
	line_kb(out, "VmLib", z.code - min(z.code, text));
	line_kb(out, "VmPTE", mm->pt_frames - 1); /* but the root, as on Linux */
	line_kb(out, "VmSwap", 0);
	mm_put_user(mm);
}

/* ---- status ---- */

static void status_ids(struct strbuf *out, struct task *t)
{
	struct user_ns *ns = current_thread()->cred->user_ns;
	const struct cred *c = task_cred_get(t);

	sb_printf(out, "Uid:\t%u\t%u\t%u\t%u\n", uid_to_ns(ns, c->uid), uid_to_ns(ns, c->euid),
		  uid_to_ns(ns, c->suid), uid_to_ns(ns, c->fsuid));
	sb_printf(out, "Gid:\t%u\t%u\t%u\t%u\n", gid_to_ns(ns, c->gid), gid_to_ns(ns, c->egid),
		  gid_to_ns(ns, c->sgid), gid_to_ns(ns, c->fsgid));
	sb_printf(out, "FDSize:\t64\nGroups:\t");
	for (u32 i = 0; c->groups && i < c->groups->n; i++)
		sb_printf(out, "%u ", gid_to_ns(ns, c->groups->gids[i]));
	sb_printf(out, "%s\n", c->groups ? "" : " ");
	cred_put(c);
}

/* From ns down to where t lives; 0 for what is outside there, as the session of a namespace's first process. */
static void status_ns_numbers(struct strbuf *out, const char *name, struct task *t, struct pid *pid,
			      struct pid_ns *ns)
{
	sb_printf(out, "%s:", name);
	for (unsigned int i = ns->level; i <= t->pid->level; i++)
		sb_printf(out, "\t%d", pid_nr_ns(pid, t->pid->numbers[i].ns));
	sb_putc(out, '\n');
}

static void status_caps(struct strbuf *out, struct task *t)
{
	const struct cred *c = task_cred_get(t);

	sb_printf(out,
		  "CapInh:\t%016llx\nCapPrm:\t%016llx\nCapEff:\t%016llx\nCapBnd:\t%016llx\n"
		  "CapAmb:\t%016llx\n",
		  (ull)c->cap_inheritable, (ull)c->cap_permitted, (ull)c->cap_effective,
		  (ull)c->cap_bounding, (ull)c->cap_ambient);
	cred_put(c);
}

static void status_signals(struct strbuf *out, struct task *t)
{
	ksigset_t ign, caught;

	handler_sets(t, &ign, &caught);
	sb_printf(out,
		  "SigQ:\t%u/%llu\nSigPnd:\t%016llx\nShdPnd:\t%016llx\nSigBlk:\t%016llx\n"
		  "SigIgn:\t%016llx\nSigCgt:\t%016llx\n",
		  t->proc->nr_queued, (ull)t->proc->rlim[RLIMIT_SIGPENDING].rlim_cur,
		  (ull)t->pending.set, (ull)t->proc->pending.set, (ull)t->blocked, (ull)ign,
		  (ull)caught);
}

void show_cpu_list(struct strbuf *out, cpumask_t mask)
{
	const char *sep = "";

	for (unsigned int i = 0; i < 64; i++) {
		unsigned int from = i;

		if (!(mask & BIT(i)))
			continue;
		while (i < 63 && (mask & BIT(i + 1)))
			i++;
		sb_printf(out, from == i ? "%s%u" : "%s%u-%u", sep, from, i);
		sep = ",";
	}
}

static void status_cpus(struct strbuf *out, struct task *t)
{
	cpumask_t mask = t->thread.allowed & (nr_cpus >= 64 ? ~0UL : BIT(nr_cpus) - 1);

	sb_printf(out, "Cpus_allowed:\t%llx\nCpus_allowed_list:\t", (ull)mask);
	show_cpu_list(out, mask);
	sb_putc(out, '\n');
}

int show_status(struct strbuf *out, struct task *t, const struct pinode *p)
{
	static const char *const states[] = {
		['R'] = "R (running)", ['S'] = "S (sleeping)",     ['D'] = "D (disk sleep)",
		['T'] = "T (stopped)", ['t'] = "t (tracing stop)", ['Z'] = "Z (zombie)",
		['X'] = "X (dead)"
	};
	struct pid_ns *ns = p->ns;
	struct fs_context *fs = task_fs_get(t);
	unsigned int filters = 0;
	int mode = layer.seccomp_mode ? layer.seccomp_mode(t, &filters) : 0;

	sb_printf(out, "Name:\t%s\n", t->thread.name);
	if (fs) {
		sb_printf(out, "Umask:\t%04o\n", fs->umask);
		fs_context_put(fs);
	}
	sb_printf(out, "State:\t%s\nTgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\nTracerPid:\t%d\n",
		  states[(int)state_char(t)], task_tgid_in(t, ns), task_tid_in(t, ns),
		  task_ppid_in(t, ns), task_tracer_in(t, ns));
	status_ids(out, t);
	spin_lock(&tasks_lock);
	status_ns_numbers(out, "NStgid", t, t->proc->pid, ns);
	status_ns_numbers(out, "NSpid", t, t->pid, ns);
	status_ns_numbers(out, "NSpgid", t, t->proc->reaped ? NULL : task_pgrp(t), ns);
	status_ns_numbers(out, "NSsid", t, t->proc->reaped ? NULL : task_session(t), ns);
	spin_unlock(&tasks_lock);
	status_memory(out, t);
	sb_printf(out, "Threads:\t%u\n", t->proc->nr_threads);
	status_signals(out, t);
	status_caps(out, t);
	sb_printf(out, "NoNewPrivs:\t%d\nSeccomp:\t%d\nSeccomp_filters:\t%u\n", t->no_new_privs,
		  mode, filters);
	status_cpus(out, t);
	sb_printf(out, "voluntary_ctxt_switches:\t%llu\nnonvoluntary_ctxt_switches:\t%llu\n",
		  (ull)t->thread.nr_voluntary, (ull)t->thread.nr_involuntary);
	return 0;
}

/* CPU time, time waited for a CPU (ns), times it got one: Documentation/scheduler/sched-stats.rst. */
int show_schedstat(struct strbuf *out, struct task *t, const struct pinode *p)
{
	struct thread *th = &t->thread;
	u64 user, sys;

	thread_times(th, &user, &sys);
	sb_printf(out, "%llu %llu %llu\n", (ull)(user + sys), (ull)READ_ONCE(th->run_delay),
		  (ull)(th->nr_voluntary + th->nr_involuntary + READ_ONCE(th->on_cpu)));
	return 0;
}

/* ---- limits ---- */

static void limit_value(char *buf, size_t size, u64 v)
{
	if (v == RLIM64_INFINITY)
		strscpy(buf, "unlimited", size);
	else
		snprintf(buf, size, "%llu", (ull)v);
}

int show_limits(struct strbuf *out, struct task *t, const struct pinode *p)
{
	static const struct {
		const char *name, *unit;
	} names[RLIM_NLIMITS] = {
		[RLIMIT_CPU] = { "Max cpu time", "seconds" },
		[RLIMIT_FSIZE] = { "Max file size", "bytes" },
		[RLIMIT_DATA] = { "Max data size", "bytes" },
		[RLIMIT_STACK] = { "Max stack size", "bytes" },
		[RLIMIT_CORE] = { "Max core file size", "bytes" },
		[RLIMIT_RSS] = { "Max resident set", "bytes" },
		[RLIMIT_NPROC] = { "Max processes", "processes" },
		[RLIMIT_NOFILE] = { "Max open files", "files" },
		[RLIMIT_MEMLOCK] = { "Max locked memory", "bytes" },
		[RLIMIT_AS] = { "Max address space", "bytes" },
		[RLIMIT_LOCKS] = { "Max file locks", "locks" },
		[RLIMIT_SIGPENDING] = { "Max pending signals", "signals" },
		[RLIMIT_MSGQUEUE] = { "Max msgqueue size", "bytes" },
		[RLIMIT_NICE] = { "Max nice priority", NULL },
		[RLIMIT_RTPRIO] = { "Max realtime priority", NULL },
		[RLIMIT_RTTIME] = { "Max realtime timeout", "us" },
	};

	sb_printf(out, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
	for (int i = 0; i < RLIM_NLIMITS; i++) {
		char soft[24], hard[24];

		limit_value(soft, sizeof(soft), t->proc->rlim[i].rlim_cur);
		limit_value(hard, sizeof(hard), t->proc->rlim[i].rlim_max);
		sb_printf(out, "%-25s %-20s %-20s ", names[i].name, soft, hard);
		if (names[i].unit)
			sb_printf(out, "%-10s\n", names[i].unit);
		else
			sb_putc(out, '\n');
	}
	return 0;
}

/* ---- maps ---- */

static const char *area_name(struct vma *v)
{
	if (v->ops && v->ops->name)
		return v->ops->name(v);
	if (v->flags & VM_STACK)
		return "[stack]";
	if (v->flags & VM_HEAP)
		return "[heap]";
	return NULL;
}

/* In the column of names, of the line that began at from. */
static void put_name(struct strbuf *out, size_t from, const char *name)
{
	while (out->len < from + 73 && !out->failed)
		sb_putc(out, ' ');
	sb_printf(out, "%s", name);
}

static void show_area(struct strbuf *out, struct vma *v, const struct path *root, char *buf)
{
	struct inode *inode = v->file ? v->file->inode : NULL;
	const char *name = area_name(v);
	dev_t dev = inode ? inode->sb->dev : 0;
	size_t from = out->len;

	sb_printf(out, "%08llx-%08llx %c%c%c%c %08llx %02x:%02x %llu ", (ull)v->start, (ull)v->end,
		  v->flags & VM_READ ? 'r' : '-', v->flags & VM_WRITE ? 'w' : '-',
		  v->flags & VM_EXEC ? 'x' : '-', v->flags & VM_SHARED ? 's' : 'p',
		  (ull)(inode ? v->pgoff << PAGE_SHIFT : 0), MAJOR(dev), MINOR(dev),
		  (ull)(inode ? inode->ino : 0));
	if (!name && inode) {
		name = path_name(&v->file->path, root, buf, PATH_MAX);
		if (IS_ERR(name))
			name = NULL;
	}
	if (name)
		put_name(out, from, name);
	sb_putc(out, '\n');
}

static void smaps_kb(struct strbuf *out, const char *name, u64 bytes)
{
	sb_printf(out, "%s:%*s%8llu kB\n", name, 15 - (int)strlen(name), "", (ull)(bytes / 1024));
}

static void show_resident(struct strbuf *out, const struct vm_resident *r)
{
	smaps_kb(out, "Rss", r->rss * PAGE_SIZE);
	smaps_kb(out, "Pss", r->pss);
	smaps_kb(out, "Shared_Clean", r->shared_clean * PAGE_SIZE);
	smaps_kb(out, "Shared_Dirty", r->shared_dirty * PAGE_SIZE);
	smaps_kb(out, "Private_Clean", r->private_clean * PAGE_SIZE);
	smaps_kb(out, "Private_Dirty", r->private_dirty * PAGE_SIZE);
	smaps_kb(out, "Referenced", r->accessed * PAGE_SIZE);
	smaps_kb(out, "Anonymous", r->anon * PAGE_SIZE);
	smaps_kb(out, "Swap", 0);
	smaps_kb(out, "Locked", r->locked);
}

static void show_flags(struct strbuf *out, u32 flags)
{
	/* by the bits of VM_*; what Linux has no word for is empty */
	static const char words[][4] = { "rd", "wr", "ex", "sh", "mw", "gd", "io", "dc", "",
					 "",   "nr", "lo", "wf", "",   "",   "hg", "nh" };

	if (!(flags & VM_MAYWRITE)) /* to Linux, what never writes to the file does not share it */
		flags &= ~VM_SHARED;
	sb_printf(out, "VmFlags:");
	for (unsigned int i = 0; i < ARRAY_SIZE(words); i++)
		if (flags & BIT(i) && words[i][0])
			sb_printf(out, " %s", words[i]);
	sb_printf(out, " mr me \n");
}

static void show_area_resident(struct strbuf *out, struct vma *v)
{
	struct vm_resident r = { 0 };

	vma_resident(v, &r);
	smaps_kb(out, "Size", v->end - v->start);
	smaps_kb(out, "KernelPageSize", PAGE_SIZE);
	smaps_kb(out, "MMUPageSize", PAGE_SIZE);
	show_resident(out, &r);
	show_flags(out, v->flags);
}

static void show_sum(struct strbuf *out, struct mm *mm)
{
	struct vma *first = mm_first_vma(mm), *v;
	struct vm_resident r = { 0 };
	size_t from = out->len;
	u64 end = 0;

	for (v = first; v; v = vma_next(v)) {
		vma_resident(v, &r);
		end = v->end;
	}
	sb_printf(out, "%08llx-%08llx ---p 00000000 00:00 0 ", (ull)(first ? first->start : 0),
		  (ull)end);
	put_name(out, from, "[rollup]\n");
	show_resident(out, &r);
}

int show_maps(struct strbuf *out, struct mm *mm, int which)
{
	struct path root;
	struct vma *v;
	char *buf;

	buf = kmalloc(PATH_MAX);
	if (buf) {
		fs_get_root(&root);
		mutex_lock(&mm->lock);
		for (v = which == SMAPS_ROLLUP ? NULL : mm_first_vma(mm); v; v = vma_next(v)) {
			show_area(out, v, &root, buf);
			if (which == SMAPS)
				show_area_resident(out, v);
		}
		if (which == SMAPS_ROLLUP)
			show_sum(out, mm);
		mutex_unlock(&mm->lock);
		path_put(&root);
	}
	kfree(buf);
	return buf ? 0 : -ENOMEM;
}

/* The call in which the task sleeps, or that reads this, with its arguments; stack pointer and place of ring 3. */
int show_syscall(struct strbuf *out, struct task *t, const struct pinode *p)
{
	const struct regs *r = thread_regs(&t->thread);

	if (!ptrace_may_access(t, true))
		return -EPERM;
	if (t != current && READ_ONCE(t->thread.state) == THREAD_RUNNABLE)
		sb_printf(out, "running\n");
	else if (t->dead)
		sb_printf(out, "-1 0x0 0x0\n");
	else if (r->vector != REGS_SYSCALL_VECTOR)
		sb_printf(out, "-1 0x%llx 0x%llx\n", (ull)r->rsp, (ull)r->rip);
	else
		sb_printf(out, "%d 0x%llx 0x%llx 0x%llx 0x%llx 0x%llx 0x%llx 0x%llx 0x%llx\n",
			  (int)r->orig_rax, (ull)r->rdi, (ull)r->rsi, (ull)r->rdx, (ull)r->r10,
			  (ull)r->r8, (ull)r->r9, (ull)r->rsp, (ull)r->rip);
	return 0;
}
