/* SPDX-License-Identifier: MIT */
/*
 * Tasks and processes as objects: made, counted, found, freed. A task is referenced by the CPU that
 * runs it (dropped by its thread's release(), off its own stack), by being listed (dropped when it
 * is reaped, exit.c), and by whoever looks at it. A process lives while a task of it does.
 * Process 0, `swapper`, is the boot thread: it runs no user code and is the parent of process 1.
 */
#include "proc/internal.h"

spinlock_t tasks_lock = SPINLOCK_INIT;
struct list_head all_tasks = LIST_INIT(all_tasks);

static struct kmem_cache *task_cache, *process_cache, *sighand_cache;
static u64 nr_tasks, nr_processes;

struct process swapper_process;
#define TIMER_SLACK 50000 /* ns: what Linux begins with, proc_pid_timerslack_ns(5) */

static struct task swapper;

struct layer_ops layer;

/* ---- objects ---- */

static void task_thread_release(struct thread *t)
{
	task_put(container_of(t, struct task, thread));
}

struct task *thread_task(struct thread *t)
{
	return t->release == task_thread_release ? container_of(t, struct task, thread) : NULL;
}

/*
 * The structs of a task, its stack and process go with it when it moves to another group: layer.task_fork
 * charges them, not those who allocate them here.
 */
static void *zalloc_own(struct kmem_cache *c)
{
	struct res_counter *before = mem_pays(NULL);
	void *p = kmem_cache_zalloc(c);

	mem_pays_end(before);
	return p;
}

struct task *task_alloc(const char *name, void (*fn)(void *arg))
{
	struct task *t = zalloc_own(task_cache);
	struct res_counter *before;
	int err;

	if (!t)
		return NULL;
	before = mem_pays(NULL);
	err = thread_init(&t->thread, name, fn, t, true);
	mem_pays_end(before);
	if (err) {
		kmem_cache_free(task_cache, t);
		return NULL;
	}
	t->thread.release = task_thread_release;
	ref_init(&t->refs);
	for (int i = 0; i < PID_TYPES; i++)
		list_init(&t->pid_links[i]);
	list_init(&t->thread_link);
	list_init(&t->all_link);
	list_init(&t->cgroup_link);
	list_init(&t->pending.queue);
	waitq_init(&t->vfork_wait);
	t->altstack.flags = SS_DISABLE;
	t->dumpable = true;
	t->timer_slack = t->timer_slack_born = TIMER_SLACK;
	__atomic_fetch_add(&nr_tasks, 1, __ATOMIC_RELAXED);
	return t;
}

void task_put(struct task *t)
{
	if (!t || !ref_put(&t->refs))
		return;
	flush_pending(&t->pending);
	cred_put(t->thread.cred);
	sighand_put(t->sighand);
	for (int i = 0; i < PID_TYPES; i++)
		pid_put(t->pids[i]);
	pid_put(t->pid);
	process_put(t->proc);
	thread_deinit(&t->thread);
	kmem_cache_free(task_cache, t);
	__atomic_fetch_sub(&nr_tasks, 1, __ATOMIC_RELAXED);
}

static void process_setup(struct process *p)
{
	ref_init(&p->refs);
	list_init(&p->threads);
	list_init(&p->children);
	list_init(&p->tracees);
	list_init(&p->sibling);
	waitq_init(&p->wait_child);
	spin_init(&p->siglock);
	list_init(&p->pending.queue);
	p->exit_signal = SIGCHLD;
	p->start_ns = clock_ns();
}

struct process *process_alloc(void)
{
	struct process *p = zalloc_own(process_cache);

	if (p) {
		process_setup(p);
		__atomic_fetch_add(&nr_processes, 1, __ATOMIC_RELAXED);
	}
	return p;
}

void process_get(struct process *p)
{
	ref_get(&p->refs);
}

void process_put(struct process *p)
{
	if (!p || !ref_put(&p->refs))
		return;
	flush_pending(&p->pending);
	pid_put(p->pid);
	kfree(p->timers);
	kmem_cache_free(process_cache, p);
	__atomic_fetch_sub(&nr_processes, 1, __ATOMIC_RELAXED);
}

struct sighand *sighand_new(const struct sighand *old)
{
	struct res_counter *before = mem_pays(NULL);
	struct sighand *s = kmem_cache_alloc(sighand_cache);

	mem_pays_end(before);
	if (s) {
		if (old)
			memcpy(s->action, old->action, sizeof(s->action));
		else
			memset(s->action, 0, sizeof(s->action));
		ref_init(&s->refs);
		spin_init(&s->lock);
	}
	return s;
}

void sighand_put(struct sighand *s)
{
	if (s && ref_put(&s->refs))
		kmem_cache_free(sighand_cache, s);
}

/* ---- numbers ---- */

void task_attach_pid(struct task *t, enum pid_type type, struct pid *pid)
{
	pid_get(pid);
	t->pids[type] = pid;
	list_add_tail(&t->pid_links[type], &pid->tasks[type]);
}

struct pid *task_detach_pid(struct task *t, enum pid_type type)
{
	struct pid *pid = t->pids[type];

	list_del(&t->pid_links[type]);
	for (int i = 0; i < PID_TYPES; i++)
		if (!list_empty(&pid->tasks[i]))
			return pid;
	pid_release(pid);
	return pid;
}

pid_t task_tid_in(const struct task *t, const struct pid_ns *ns)
{
	return pid_nr_ns(t->pid, ns);
}

pid_t task_tgid_in(const struct task *t, const struct pid_ns *ns)
{
	return pid_nr_ns(t->proc->pid, ns);
}

void process_set_parent(struct process *p, struct process *parent)
{
	p->parent = parent;
	WRITE_ONCE(p->ppid, pid_nr_ns(parent->pid, p->pid->numbers[p->pid->level].ns));
}

pid_t task_ppid_in(const struct task *t, const struct pid_ns *ns)
{
	pid_t nr;

	spin_lock(&tasks_lock);
	nr = t->proc->reaped ? 0 : pid_nr_ns(t->proc->parent->pid, ns);
	spin_unlock(&tasks_lock);
	return nr;
}

struct pid *task_pgrp(const struct task *t)
{
	return t->proc->leader->pids[PID_GROUP];
}

struct pid *task_session(const struct task *t)
{
	return t->proc->leader->pids[PID_SESSION];
}

struct task *pid_task(struct pid *pid, enum pid_type type)
{
	struct task *t = NULL;

	spin_lock(&tasks_lock);
	if (!list_empty(&pid->tasks[type])) {
		t = list_first(&pid->tasks[type], struct task, pid_links[type]);
		task_get(t);
	}
	spin_unlock(&tasks_lock);
	return t;
}

static struct task *find(struct pid_ns *ns, pid_t nr, enum pid_type type)
{
	struct pid *pid = pid_find(ns, nr);
	struct task *t = NULL;

	if (pid) {
		t = pid_task(pid, type);
		pid_put(pid);
	}
	return t;
}

struct task *task_find(struct pid_ns *ns, pid_t nr)
{
	return find(ns, nr, PID_TASK);
}

struct task *task_find_process(struct pid_ns *ns, pid_t nr)
{
	return find(ns, nr, PID_PROCESS);
}

/* ---- what another task runs with ---- */

struct mm *task_mm_get(struct task *t)
{
	struct mm *mm;

	spin_lock(&t->proc->siglock);
	mm = t->thread.mm;
	if (mm && !ref_get_unless_zero(&mm->users))
		mm = NULL;
	spin_unlock(&t->proc->siglock);
	return mm;
}

#define TASK_GETTER(name, type, field)                                                             \
	type name(struct task *t)                                                                  \
	{                                                                                          \
		type x;                                                                            \
		spin_lock(&t->proc->siglock);                                                      \
		x = t->field;                                                                      \
		if (x)                                                                             \
			ref_get((ref_t *)&x->refs);                                                \
		spin_unlock(&t->proc->siglock);                                                    \
		return x;                                                                          \
	}
TASK_GETTER(task_fs_get, struct fs_context *, thread.fs)
TASK_GETTER(task_files_get, struct files *, thread.files)
TASK_GETTER(task_ns_get, struct nsproxy *, ns)
TASK_GETTER(task_cred_get, const struct cred *, thread.cred)

struct file *task_file_get(struct task *t, int fd)
{
	struct files *files = task_files_get(t);
	struct file *f = NULL;

	if (files) {
		f = files_get(files, fd);
		files_put(files);
	}
	return f;
}

bool task_has_uid(struct task *t, uid_t uid)
{
	const struct cred *c = task_cred_get(t);
	bool yes = c->uid == uid;

	cred_put(c);
	return yes;
}

struct task *task_by_number(pid_t nr)
{
	if (nr)
		return task_find(task_pid_ns(current), nr);
	task_get(current);
	return current;
}

uid_t task_uid_seen_by(struct task *who, struct task *viewer)
{
	const struct cred *c = task_cred_get(who), *v = task_cred_get(viewer);
	uid_t uid = uid_to_ns(v->user_ns, c->uid);

	cred_put(c);
	cred_put(v);
	return uid == (uid_t)-1 ? 65534 : uid;
}

struct mm *task_switch_mm(struct mm *mm)
{
	struct task *t = current;
	struct mm *old = t->thread.mm;

	spin_lock(&t->proc->siglock);
	t->thread.mm = mm;
	t->thread.space = mm ? &mm->space : NULL;
	space_switch(t->thread.space);
	spin_unlock(&t->proc->siglock);
	return old;
}

/* ---- the leak check ---- */

#define MAX_COUNTS 64
static struct {
	const char *name;
	const u64 *count;
} counts[MAX_COUNTS];
static unsigned int nr_counts;

void counts_register(const char *name, const u64 *count)
{
	BUG_ON(nr_counts == MAX_COUNTS);
	counts[nr_counts].name = name;
	counts[nr_counts++].count = count;
}

void counts_show(struct strbuf *out)
{
	for (unsigned int i = 0; i < nr_counts; i++)
		sb_printf(out, "%s %llu\n", counts[i].name, (unsigned long long)*counts[i].count);
}

/* ---- the first tasks ---- */

static void default_rlimits(struct rlimit64 *r)
{
	for (int i = 0; i < RLIM_NLIMITS; i++)
		r[i].rlim_cur = r[i].rlim_max = RLIM64_INFINITY;
	r[RLIMIT_STACK].rlim_cur = 8 << 20;
	r[RLIMIT_CORE].rlim_cur = 0;
	r[RLIMIT_NOFILE] = (struct rlimit64){ 1024, 4096 };
	r[RLIMIT_MEMLOCK] = (struct rlimit64){ 8 << 20, 8 << 20 };
	r[RLIMIT_SIGPENDING] = (struct rlimit64){ 1024, 1024 };
	r[RLIMIT_MSGQUEUE] = (struct rlimit64){ 819200, 819200 };
	r[RLIMIT_NICE] = r[RLIMIT_RTPRIO] = (struct rlimit64){ 0, 0 };
}

static bool ns_capable_or_first(struct user_ns *ns, int cap)
{
	return ns_capable(ns ? ns : &init_user_ns, cap);
}

static bool ids_mapped(struct user_ns *ns, uid_t uid, gid_t gid)
{
	ns = ns ? ns : &init_user_ns;
	return uid_to_ns(ns, uid) != (uid_t)-1 && gid_to_ns(ns, gid) != (gid_t)-1;
}

static int device_allowed(bool block, dev_t dev, u32 access)
{
	return layer.device_allowed ? layer.device_allowed(block, dev, access) : 0;
}

static void drop_exe(struct mm *mm)
{
	if (mm->exe_file)
		file_put(mm->exe_file);
	mm->exe_file = NULL;
}

void proc_init(void)
{
	process_setup(&swapper_process);
	swapper_process.leader = &swapper;
	default_rlimits(swapper_process.rlim);
	swapper.proc = &swapper_process;
	swapper.thread.cred = &init_cred;
	strscpy(swapper.thread.name, "swapper", sizeof(swapper.thread.name));
	current_thread()->cred = &init_cred;

	task_cache = kmem_cache_create("task_struct", sizeof(struct task), true);
	process_cache = kmem_cache_create("process", sizeof(struct process), true);
	sighand_cache = kmem_cache_create("sighand", sizeof(struct sighand), false);
	counts_register("tasks", &nr_tasks);
	counts_register("processes", &nr_processes);
	cred_init();
	pid_init();
	nsproxy_init();
	signal_init();
	signalfd_init();
	fs_ns_capable = ns_capable_or_first;
	fs_ids_mapped = ids_mapped;
	fs_device_allowed = device_allowed;
	fs_cred_put = cred_put;
	mm_last_user_hook = drop_exe;
	oom_init();
	procfs_init();
	ipc_init();
	bpf_init();
}

static const char *const first_programs[] = { "/init", "/sbin/init", "/etc/init", "/bin/init",
					      "/bin/sh" };

static void open_console(void)
{
	struct file *f = file_open(AT_FDCWD, "/dev/console", O_RDWR, 0, 0);

	if (IS_ERR(f)) {
		pr_err("warning: unable to open an initial console: %ld", PTR_ERR(f));
		return;
	}
	for (int i = 0; i < 3; i++) {
		file_get(f);
		fd_install(f, 0, false);
	}
	file_put(f);
}

/* A try at one program; comes back only when it cannot be run. */
static int try_first(const char *path)
{
	const char *argv[] = { path, NULL };
	static const char *const envp[] = { "HOME=/", "TERM=linux",
					    "PATH=/sbin:/bin:/usr/sbin:/usr/bin", NULL };
	int err = do_execve(AT_FDCWD, path, argv, envp, 0, true);

	if (!err)
		enter_user(thread_regs(current_thread()));
	return err;
}

static const char *first_path;
static void first_process(void *arg)
{
	int err;

	open_console();
	err = try_first(first_path);
	pr_err("failed to execute %s (error %d)", first_path, err);
	for (int i = 0; i < ARRAY_SIZE(first_programs); i++)
		if (strcmp(first_path, first_programs[i]))
			try_first(first_programs[i]);
	panic("no working init found");
}

void start_first_process(const char *path)
{
	static char init_param[256];
	struct task *t = task_alloc("init", first_process);
	struct process *p = process_alloc();
	struct pid *pid = pid_alloc(&init_pid_ns);

	first_path = boot_param("init", init_param, sizeof(init_param)) ? init_param : path;
	BUG_ON(!t || !p || IS_ERR(pid));
	memcpy(p->rlim, swapper_process.rlim, sizeof(p->rlim));
	p->leader = t;
	p->unkillable = true;
	p->pid = pid;
	process_set_parent(p, &swapper_process);
	pid_get(pid);
	t->proc = p;
	t->thread.rlim = p->rlim;
	t->pid = pid;
	t->thread.cred = &init_cred;
	cred_get(&init_cred);
	t->thread.fs = fs_context_copy(current_thread()->fs);
	t->thread.files = files_new();
	t->sighand = sighand_new(NULL);
	BUG_ON(!t->thread.fs || !t->thread.files || !t->sighand);
	t->ns = &init_nsproxy;
	nsproxy_get(&init_nsproxy);
	BUG_ON(layer.task_fork && layer.task_fork(&swapper, t, -1));

	spin_lock(&tasks_lock);
	spin_lock(&p->siglock);
	for (int i = 0; i < PID_TYPES; i++)
		task_attach_pid(t, i, pid);
	list_add_tail(&t->thread_link, &p->threads);
	p->nr_threads = p->nr_live = 1;
	list_add_tail(&t->all_link, &all_tasks);
	list_add_tail(&p->sibling, &swapper_process.children);
	init_pid_ns.init = t;
	spin_unlock(&p->siglock);
	spin_unlock(&tasks_lock);
	task_get(t);
	thread_start(&t->thread);
}
