/* SPDX-License-Identifier: MIT */
/*
 * execve(2). The new address space is built whole beside the old one: program, interpreter, stack
 * with its strings. Only when all that can fail has been done does the old life end (take_over),
 * so that every error but a fatal signal is still reported to the caller.
 * Read next: elf.c.
 */
#include "proc/internal.h"

#include <linux/personality.h>
#include <linux/ptrace.h>

#define MAX_SCRIPTS 5 /* `#!` interpreters that are scripts themselves */
#define MAX_ARG_STRLEN (32 * 4096) /* execve(2), limits on size of arguments */
#define ARG_MIN (32 * 4096UL)
#define ARG_MAX_BYTES (6UL << 20)
#define PAGES_STEP 32

/* ---- argument strings ---- */

char *exec_strings(struct exec *x, size_t off, size_t *n)
{
	if (off < x->prefix.len) {
		*n = x->prefix.len - off;
		return x->prefix.data + off;
	}
	off += x->skip - x->prefix.len;
	*n = min(PAGE_SIZE - off % PAGE_SIZE, x->len - off);
	return x->pages[off / PAGE_SIZE] + off % PAGE_SIZE;
}

static int add_page(struct exec *x)
{
	size_t n = x->nr_pages;
	char **more;

	if (n % PAGES_STEP == 0) {
		more = kmalloc((n + PAGES_STEP) * sizeof(*more));
		if (!more)
			return -ENOMEM;
		if (n)
			memcpy(more, x->pages, n * sizeof(*more));
		kfree(x->pages);
		x->pages = more;
	}
	x->pages[n] = page_alloc_charged();
	if (!x->pages[n])
		return -ENOMEM;
	x->nr_pages++;
	return 0;
}

/* Appends one string, from the user's or the kernel's memory. */
static int add_string(struct exec *x, const char *s, bool kernel)
{
	size_t len = 0;

	for (;;) {
		size_t at = x->len % PAGE_SIZE, room = PAGE_SIZE - at;
		char *to;
		ssize_t n;

		if (x->len >= x->limit || len > MAX_ARG_STRLEN)
			return -E2BIG;
		if (!at && add_page(x))
			return -ENOMEM;
		to = x->pages[x->nr_pages - 1] + at;
		if (kernel) {
			n = strnlen(s + len, room);
			memcpy(to, s + len, min((size_t)n + 1, room));
			if ((size_t)n == room)
				n = -ENAMETOOLONG;
		} else {
			n = strncpy_from_user(to, (const char __user *)s + len, room);
		}
		if (n == -ENAMETOOLONG) {
			x->len += room;
			len += room;
			continue;
		}
		if (n < 0)
			return n;
		x->len += n + 1;
		return x->len > x->limit ? -E2BIG : 0;
	}
}

/* Appends a NULL-terminated vector: how many strings, or -errno. */
static int add_vector(struct exec *x, const void *vec, bool kernel)
{
	int n = 0, err;

	for (; vec; n++) {
		const char *s;

		if (kernel)
			s = ((const char *const *)vec)[n];
		else if (get_user(s, (const char *const __user *)vec + n))
			return -EFAULT;
		if (!s)
			break;
		if ((size_t)(n + 1) * sizeof(char *) > x->limit)
			return -E2BIG;
		err = add_string(x, s, kernel);
		if (err)
			return err;
		if (thread_killed())
			return -EINTR;
		cond_resched();
	}
	return n;
}

static int collect_strings(struct exec *x, const void *argv, const void *envp, bool kernel)
{
	u64 stack = READ_ONCE(current->proc->rlim[RLIMIT_STACK].rlim_cur);
	int n;

	x->limit = max(min(stack / 4, ARG_MAX_BYTES), ARG_MIN);
	n = add_vector(x, argv, kernel);
	if (!n) { /* a program without argv[0] is a trap: give it an empty one, as Linux does */
		n = add_string(x, "", true);
		n = n ? n : 1;
	}
	if (n < 0)
		return n;
	x->argc = n;
	n = add_vector(x, envp, kernel);
	if (n < 0)
		return n;
	x->envc = n;
	if (x->len + (x->argc + x->envc) * sizeof(char *) > x->limit)
		return -E2BIG;
	return 0;
}

/* ---- the file ---- */

struct file *exec_open(int dirfd, const char *name, unsigned int lookup)
{
	struct path p;
	struct file *f;
	int err = path_lookup(dirfd, name, lookup, &p);

	if (err)
		return ERR_PTR(err);
	f = file_open_exec(&p);
	path_put(&p);
	return f;
}

static int read_head(struct exec *x)
{
	ssize_t n;

	memset(x->head, 0, sizeof(x->head));
	n = kernel_read(x->file, x->head, sizeof(x->head), 0);
	return n < 0 ? n : 0;
}

/* The interpreter line of a script: its words into the front of the strings, its file into x. */
static int load_script(struct exec *x)
{
	char line[sizeof(x->head) + 1], *p, *end, *arg;
	struct strbuf sb = { 0 };
	struct file *f;

	memcpy(line, x->head, sizeof(x->head));
	line[sizeof(x->head)] = 0;
	end = memchr(line, '\n', sizeof(x->head));
	if (!end)
		end = line + strlen(line);
	/* Without its end in sight the interpreter's name may be cut off: no program then. */
	for (p = line + 2; p < end && (*p == ' ' || *p == '\t'); p++)
		;
	for (arg = p; arg < end && *arg != ' ' && *arg != '\t'; arg++)
		;
	if (p == end || arg == line + sizeof(x->head))
		return -ENOEXEC;
	if (x->closes) /* the interpreter could not open the script */
		return -ENOENT;
	while (end > arg && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*end = 0;
	if (arg < end) {
		*arg++ = 0;
		while (*arg == ' ' || *arg == '\t')
			arg++;
	}
	sb_write(&sb, p, strlen(p) + 1);
	if (arg < end)
		sb_write(&sb, arg, strlen(arg) + 1);
	if (!x->prefix.len) { /* the script's own name takes the place of argv[0] */
		size_t n;

		sb_write(&sb, x->execfn, strlen(x->execfn) + 1);
		while (x->skip < x->len) {
			char *s = exec_strings(x, 0, &n);
			char *nul = memchr(s, 0, n);

			x->skip += nul ? (size_t)(nul - s + 1) : n;
			if (nul)
				break;
		}
	} else {
		sb_write(&sb, x->prefix.data, x->prefix.len);
	}
	x->argc += arg < end ? 2 : 1;
	f = sb.failed ? ERR_PTR(-ENOMEM) : exec_open(AT_FDCWD, p, LOOKUP_FOLLOW);
	if (IS_ERR(f)) {
		sb_free(&sb);
		return PTR_ERR(f);
	}
	sb_free(&x->prefix);
	x->prefix = sb;
	file_put(x->file);
	x->file = f;
	return 0;
}

static int load_program(struct exec *x)
{
	int err;

	for (int depth = 0;; depth++) {
		err = read_head(x);
		if (err)
			return err;
		if (x->head[0] != '#' || x->head[1] != '!') {
			err = cred_exec(x);
			x->no_aslr =
				current->personality & ADDR_NO_RANDOMIZE && x->keeps_personality;
			return err ?: elf_load(x);
		}
		if (depth == MAX_SCRIPTS)
			return -ELOOP;
		err = load_script(x);
		if (err)
			return err;
	}
}

/* ---- the change of life ---- */

static bool alone(struct process *p, struct task *t)
{
	struct task *o;
	bool yes = true;

	spin_lock(&p->siglock);
	for_each_thread(o, p) if (o != t && !(o == p->leader && o->dead)) yes = false;
	spin_unlock(&p->siglock);
	return yes;
}

/* The last thread becomes the leader, with its number: a program sees one thread, its process. */
static void become_leader(struct task *t)
{
	struct process *p = t->proc;
	struct list_head gone = LIST_INIT(gone);
	struct task *old;
	struct pid *pid;

	spin_lock(&tasks_lock);
	spin_lock(&p->siglock);
	old = p->leader;
	for (int i = 0; i < PID_TYPES; i++) {
		struct pid *mine = t->pids[i], *his = old->pids[i];

		if (i == PID_TASK) { /* exchanged */
			list_del(&t->pid_links[i]);
			list_del(&old->pid_links[i]);
			t->pids[i] = his;
			old->pids[i] = mine;
			list_add_tail(&old->pid_links[i], &mine->tasks[i]);
		} else {
			list_del(&old->pid_links[i]);
			old->pids[i] = NULL;
			t->pids[i] = his;
		}
		list_add_tail(&t->pid_links[i], &his->tasks[i]);
	}
	pid = t->pid;
	t->pid = old->pid;
	old->pid = pid;
	p->leader = t;
	if (p->unkillable)
		task_pid_ns(t)->init = t;
	release_task(old, &gone);
	spin_unlock(&p->siglock);
	spin_unlock(&tasks_lock);
	put_released(&gone);
}

/* Ends the process's other threads. -EAGAIN: one of them was first, with exit or exec. */
static int end_other_threads(void)
{
	struct task *t = current;
	struct process *p = t->proc;

	spin_lock(&p->siglock);
	if (p->group_exit || p->exec_task) {
		spin_unlock(&p->siglock);
		return -EAGAIN;
	}
	if (p->nr_threads == 1) {
		spin_unlock(&p->siglock);
		return 0;
	}
	p->exec_task = t;
	kill_other_threads(p, t);
	spin_unlock(&p->siglock);

	/* Traced ones stay until their tracer has seen their end: it may take for ever. */
	wait_event_uninterruptible(&p->wait_child, alone(p, t) || thread_killed());
	if (p->leader != t && alone(p, t))
		become_leader(t);
	spin_lock(&p->siglock);
	p->exec_task = NULL;
	spin_unlock(&p->siglock);
	return thread_killed() ? -EINTR : 0;
}

/* What may fail before the change: own signal table, own descriptors. */
static int unshare_tables(struct sighand **sighand, struct files **files)
{
	struct task *t = current;

	*sighand = NULL;
	*files = NULL;
	if (ref_read(&t->sighand->refs) > 1) {
		*sighand = sighand_new(t->sighand);
		if (!*sighand)
			return -ENOMEM;
	}
	if (ref_read(&t->thread.files->refs) > 1) {
		*files = files_copy(t->thread.files);
		if (!*files) {
			sighand_put(*sighand);
			return -ENOMEM;
		}
	}
	return 0;
}

static void set_name(struct task *t, const char *execfn)
{
	const char *slash = strrchr(execfn, '/');

	strscpy(t->thread.name, slash ? slash + 1 : execfn, sizeof(t->thread.name));
}

static void fresh_registers(struct exec *x, void *fpu)
{
	struct task *t = current;
	struct regs *regs = thread_regs(&t->thread);
	void *old;

	t->ptrace.forced_tf = false;
	ptrace_forget_debug(t);
	*regs = (struct regs){ .orig_rax = regs->orig_rax }; /* a tracer sees which call it is */
	thread_set_work(&t->thread, THREAD_WORK_REGS);
	regs->vector = REGS_SYSCALL_VECTOR;
	regs->rip = x->entry;
	regs->cs = USER_CS;
	regs->rflags = RFLAGS_IF | RFLAGS_FIXED;
	regs->rsp = x->sp;
	regs->ss = USER_DS;

	irq_push();
	old = t->thread.fpu;
	t->thread.fpu = fpu;
	fpu_restore(fpu);
	t->thread.fs_base = t->thread.gs_base = 0;
	wrmsr(MSR_FS_BASE, 0);
	wrmsr(MSR_KERNEL_GS_BASE, 0);
	irq_pop();
	fpu_free(old);
}

/* A space of its own, other than that of a vfork parent: its clocks may be those for children. */
static int enter_time(void)
{
	struct nsproxy *ns = current->ns;
	int err;

	if (ns->time == ns->time_for_children)
		return 0;
	nsproxy_get(ns);
	err = nsproxy_enter_time(&ns);
	if (err)
		nsproxy_put(ns);
	else
		task_ns_install(ns);
	return err;
}

/* From here on nothing fails. */
static void take_over(struct exec *x, struct sighand *sighand, struct files *files, void *fpu)
{
	struct task *t = current;
	struct process *p = t->proc;
	struct sighand *old_sighand = t->sighand;
	struct files *old_files = t->thread.files;
	struct mm *old;

	if (t->thread.mm)
		exec_leave_mm(t);
	spin_lock(&p->siglock);
	if (sighand)
		t->sighand = sighand;
	if (files)
		t->thread.files = files;
	flush_handlers(t->sighand);
	t->altstack.sp = t->altstack.size = 0;
	t->altstack.flags = SS_DISABLE;
	spin_unlock(&p->siglock);
	if (sighand)
		sighand_put(old_sighand);
	if (files)
		files_put(old_files);

	old = task_switch_mm(x->mm);
	x->mm = NULL;
	if (old)
		mm_put_user(old);
	vfork_done(t);
	fd_close_on_exec();
	timers_exec(p);
	set_name(t, x->execfn);
	if (x->secure)
		t->pdeath_signal = 0;
	if (!x->keeps_personality)
		t->personality &= ~PER_CLEAR_ON_SETID;
	t->dumpable =
		x->cred->euid == x->cred->uid && x->cred->egid == x->cred->gid && !x->unreadable;
	cred_install(x->cred); /* may take dumpable away */
	x->cred = NULL;
	spin_lock(&tasks_lock);
	p->did_exec = true;
	p->exit_signal = SIGCHLD;
	spin_unlock(&tasks_lock);
	fresh_registers(x, fpu);
}

static void drop(struct exec *x)
{
	if (x->mm)
		mm_put_user(x->mm);
	if (x->file)
		file_put(x->file);
	if (x->cred)
		cred_put(x->cred);
	while (x->nr_pages)
		kfree(x->pages[--x->nr_pages]);
	kfree(x->pages);
	sb_free(&x->prefix);
	kfree(x);
}

static int run(struct exec *x)
{
	struct sighand *sighand;
	struct files *files;
	void *fpu;
	int err;

	random_bytes(x->random, sizeof(x->random));
	x->mm = mm_create(current_thread()->mem_charge);
	x->cred = cred_copy(current_thread()->cred);
	if (!x->mm || !x->cred)
		return -ENOMEM;
	err = load_program(x);
	if (err)
		return err;
	err = elf_stack(x);
	if (err)
		return err;
	x->unreadable = inode_permission(x->file->inode, MAY_READ);
	x->mm->exe_file = x->file;
	file_get(x->file);
	fpu = fpu_alloc();
	if (!fpu)
		return -ENOMEM;
	err = unshare_tables(&sighand, &files);
	if (err)
		goto out_fpu;
	err = enter_time();
	if (!err)
		err = end_other_threads();
	if (err)
		goto out_tables;
	take_over(x, sighand, files, fpu);
	return 0;

out_tables:
	sighand_put(sighand);
	if (files)
		files_put(files);
out_fpu:
	fpu_free(fpu);
	return err;
}

/* Between the two nobody begins to trace the task: cred_exec() asks about the tracer. */
static void set_in_exec(bool on)
{
	spin_lock(&current->proc->siglock);
	current->in_exec = on;
	spin_unlock(&current->proc->siglock);
}

/* The path argument, in kernel memory; "" with AT_EMPTY_PATH is the descriptor's own file. */
static int get_name(char *name, const void *path, bool kernel)
{
	ssize_t n;

	if (kernel)
		return strscpy(name, path, PATH_MAX) < 0 ? -ENAMETOOLONG : 0;
	n = strncpy_from_user(name, path, PATH_MAX);
	return n < 0 ? n : 0;
}

int do_execve(int dirfd, const void *path, const void *argv, const void *envp, int flags,
	      bool kernel)
{
	struct exec *x;
	char *name, *execfn = NULL;
	unsigned int lookup = LOOKUP_FOLLOW;
	u64 old_number = ptrace_number(current->pid);
	int err;

	if (flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
		return -EINVAL;
	if (flags & AT_SYMLINK_NOFOLLOW)
		lookup &= ~LOOKUP_FOLLOW;
	if (flags & AT_EMPTY_PATH)
		lookup |= LOOKUP_EMPTY;
	name = kmalloc(PATH_MAX);
	x = kzalloc(sizeof(*x));
	err = -ENOMEM;
	if (!name || !x)
		goto out;
	err = get_name(name, path, kernel);
	if (err)
		goto out;
	x->execfn = name;
	if (dirfd != AT_FDCWD && name[0] != '/') { /* as the program could open it again */
		execfn = kmalloc(PATH_MAX + 32);
		err = -ENOMEM;
		if (!execfn)
			goto out;
		snprintf(execfn, PATH_MAX + 32, "/dev/fd/%d%s%s", dirfd, name[0] ? "/" : "", name);
		x->execfn = execfn;
		x->closes = fd_get_cloexec(dirfd) == 1;
	}
	x->file = exec_open(dirfd, name, lookup);
	if (IS_ERR(x->file)) {
		err = PTR_ERR(x->file);
		x->file = NULL;
		goto out;
	}
	err = collect_strings(x, argv, envp, kernel);
	if (!err) {
		set_in_exec(true);
		err = run(x);
		set_in_exec(false);
	}
out:
	if (x)
		drop(x);
	kfree(execfn);
	kfree(name);
	if (!err)
		ptrace_event(PTRACE_EVENT_EXEC, old_number);
	return err;
}
