/* SPDX-License-Identifier: MIT */
/*
 * The tree of groups, and who is in which: fork, exit, reaping, moving. See cgroup.h for the locks.
 *
 * What always holds: a process is in one group with all its threads (threaded groups are not built);
 * a group other than the root that gives controllers to its children has no tasks of its own; a
 * removed group has neither tasks nor children, and stays as an object until zombies, open files and
 * charged memory have let go of it. nr_tasks counts the whole subtree, so that "populated" is one
 * comparison. A task is counted from fork to exit in nr_tasks, from fork to reaping in pids.
 */
#include "container/cgroup.h"

struct cgroup root_cgroup;
struct mutex cgroup_mutex = MUTEX_INIT(cgroup_mutex);
spinlock_t cgroup_lock;
static u64 nr_cgroups;

void cg_notify(struct cg_event *ev)
{
	__atomic_fetch_add(&ev->n, 1, __ATOMIC_RELAXED);
	waitq_wake_all(&ev->wait, POLLPRI | POLLERR);
}

/* ---- the tree ---- */

static void cgroup_setup(struct cgroup *cg, struct cgroup *parent)
{
	static u64 last_id;

	ref_init(&cg->refs);
	cg->id = ++last_id;
	cg->parent = parent;
	cg->level = parent ? parent->level + 1 : 0;
	list_init(&cg->children);
	list_init(&cg->sibling);
	list_init(&cg->tasks);
	list_init(&cg->attrs);
	cg_attrs_renew(cg, ~0U);
	waitq_init(&cg->thaw);
	waitq_init(&cg->events.wait);
	waitq_init(&cg->pids_events.wait);
	waitq_init(&cg->mem_events.wait);
	res_counter_init(&cg->pids, parent ? &parent->pids : NULL, NULL);
	res_counter_init(&cg->mem, parent ? &parent->mem : NULL, cg_mem_release);
	cgroup_get(cg); /* mem's own reference */
	cg->max_descendants = cg->max_depth = RES_NO_LIMIT;
	sched_group_init(&cg->cpu, parent && parent->parent ? &parent->cpu : NULL, 1);
	for (const struct cg_controller *const *c = cg_controllers(); *c; c++)
		(*c)->reset(cg);
	__atomic_fetch_add(&nr_cgroups, 1, __ATOMIC_RELAXED);
}

void cgroup_put(struct cgroup *cg)
{
	while (cg && ref_put(&cg->refs)) {
		struct cgroup *parent = cg->parent;

		for (struct cgroup *c = parent; c; c = c->parent)
			__atomic_fetch_sub(&c->nr_dying, 1, __ATOMIC_RELAXED);
		__atomic_fetch_sub(&nr_cgroups, 1, __ATOMIC_RELAXED);
		kfree(cg->io.use);
		kfree(cg->name);
		kfree(cg);
		cg = parent;
	}
}

/* -EAGAIN when one more group below parent would be too many, or too deep, for it or those above. */
static int may_grow(const struct cgroup *parent)
{
	u64 depth = 1;

	for (const struct cgroup *c = parent; c; c = c->parent, depth++)
		if (c->nr_descendants >= c->max_descendants || depth > c->max_depth)
			return -EAGAIN;
	return parent->level + 1 == CG_LEVELS ? -EAGAIN : 0;
}

struct cgroup *cgroup_make(struct cgroup *parent, const char *name)
{
	struct cgroup *cg;
	int err = parent->removed ? -ENOENT : may_grow(parent);

	if (err)
		return ERR_PTR(err);
	cg = kzalloc(sizeof(*cg));
	if (!cg)
		return ERR_PTR(-ENOMEM);
	cg->name = kstrdup(name);
	if (!cg->name || io_group_init(&cg->io, &parent->io)) {
		kfree(cg->name);
		kfree(cg);
		return ERR_PTR(-ENOMEM);
	}
	cgroup_get(parent);
	cgroup_setup(cg, parent);
	list_add_tail(&cg->sibling, &parent->children);
	spin_lock(&cgroup_lock);
	cg->freezers = parent->freezers;
	cg->was_frozen = cg->freezers;
	spin_unlock(&cgroup_lock);
	for (struct cgroup *c = parent; c; c = c->parent)
		c->nr_descendants++;
	return cg;
}

int cgroup_remove(struct cgroup *cg)
{
	spin_lock(&cgroup_lock);
	if (cg->nr_tasks || !list_empty(&cg->children)) {
		spin_unlock(&cgroup_lock);
		return -EBUSY;
	}
	cg->removed = true;
	cg->parent->user_ns += cg->user_ns;
	cg->parent->sys_ns += cg->sys_ns;
	cg->parent->minor_faults += cg->minor_faults;
	cg->parent->major_faults += cg->major_faults;
	spin_unlock(&cgroup_lock);
	cg_bpf_drop(cg);
	cg_attrs_free(cg); /* they may be charged to cg itself: it would never be free of charges */
	list_del(&cg->sibling);
	for (struct cgroup *c = cg->parent; c; c = c->parent) {
		c->nr_descendants--;
		__atomic_fetch_add(&c->nr_dying, 1, __ATOMIC_RELAXED);
	}
	cg_notify(&cg->events);
	sched_group_set_bandwidth(&cg->cpu, 0, cg->cpu.bw.period);
	res_counter_put(&cg->pids);
	res_counter_put(&cg->mem);
	return 0;
}

struct cgroup *cgroup_walk(struct cgroup *top, struct cgroup *pos)
{
	if (!list_empty(&pos->children))
		return list_first(&pos->children, struct cgroup, sibling);
	while (pos != top) {
		if (pos->sibling.next != &pos->parent->children)
			return list_entry(pos->sibling.next, struct cgroup, sibling);
		pos = pos->parent;
	}
	return NULL;
}

void cgroup_path(const struct cgroup *cg, const struct cgroup *root, struct strbuf *out)
{
	const struct cgroup *chain[CG_LEVELS], *c;
	unsigned int n = 0;
	size_t start = out->len;

	/* Up from root until cg is below: "/.." for each step, as cgroup_namespaces(7) shows it. */
	for (;; root = root->parent) {
		for (c = cg; c && c != root; c = c->parent)
			;
		if (c || !root->parent)
			break;
		sb_printf(out, "/..");
	}
	for (c = cg; c != root; c = c->parent)
		chain[n++] = c;
	if (!n && out->len == start)
		sb_putc(out, '/');
	while (n)
		sb_printf(out, "/%s", chain[--n]->name);
}

/* ---- who is in which ---- */

void cgroup_update_events(struct cgroup *cg)
{
	bool populated = cg->nr_tasks, frozen = cg->freezers && cg->nr_frozen >= cg->nr_tasks;

	if (populated == cg->was_populated && frozen == cg->was_frozen)
		return;
	cg->was_populated = populated;
	cg->was_frozen = frozen;
	cg_notify(&cg->events);
}

static void join(struct cgroup *cg, struct task *t)
{
	u64 user, sys;

	list_add_tail(&t->cgroup_link, &cg->tasks);
	thread_times(&t->thread, &user, &sys);
	cg->user_ns -= user;
	cg->sys_ns -= sys;
	cg->minor_faults -= t->thread.minor_faults;
	cg->major_faults -= t->thread.major_faults;
	t->cgroup = cg;
	t->thread.mem_charge = &cg->mem;
	thread_set_group(&t->thread, cg_cpu_group(cg));
	for (struct cgroup *c = cg; c; c = c->parent) {
		c->nr_tasks++;
		cgroup_update_events(c);
	}
}

static void leave(struct cgroup *cg, struct task *t)
{
	u64 user, sys;

	list_del(&t->cgroup_link);
	thread_times(&t->thread, &user, &sys);
	cg->user_ns += user;
	cg->sys_ns += sys;
	cg->minor_faults += t->thread.minor_faults;
	cg->major_faults += t->thread.major_faults;
	thread_set_group(&t->thread, NULL); /* what still runs of it may outlive the group */
	for (struct cgroup *c = cg; c; c = c->parent) {
		c->nr_tasks--;
		cgroup_update_events(c);
	}
}

struct cgroup *task_cgroup_get(struct task *t)
{
	struct cgroup *cg;

	spin_lock(&cgroup_lock);
	cg = t->cgroup ? t->cgroup : &root_cgroup;
	cgroup_get(cg);
	spin_unlock(&cgroup_lock);
	return cg;
}

/* May a process be put into cg? cgroup_lock held. */
static int may_host(const struct cgroup *cg)
{
	if (READ_ONCE(cg->removed))
		return -ENODEV;
	if (cg->parent && READ_ONCE(cg->subtree_control))
		return -EBUSY;
	return 0;
}

static int may_fork_into(struct task *parent, struct cgroup *cg)
{
	const struct cred *c = current_thread()->cred;
	struct cgroup *from = task_cgroup_get(parent);
	int err = cg_may_enter(cg, c) ?: cg_may_move(from, cg, c, current->ns->cgroup);

	cgroup_put(from);
	return err;
}

/* layer_ops.task_fork. -EAGAIN, -ENOMEM: over a limit; -EBADF, -EACCES, -ENODEV ...: of CLONE_INTO_CGROUP */
static int task_fork(struct task *parent, struct task *child, int target_fd)
{
	struct cgroup *cg;
	int err = 0;

	child->cgroup = NULL;
	list_init(&child->cgroup_link);
	cg = target_fd >= 0 ? cgroup_of_fd(target_fd, 0) : task_cgroup_get(parent);
	if (IS_ERR(cg))
		return PTR_ERR(cg);
	if (target_fd >= 0)
		err = may_fork_into(parent, cg);
	while (!err) {
		struct cgroup *moved_to;

		err = cg_charge_task(cg);
		if (err)
			break;
		spin_lock(&cgroup_lock);
		moved_to = target_fd < 0 && parent->cgroup ? parent->cgroup : cg;
		if (target_fd >= 0)
			err = may_host(cg);
		if (!err && moved_to == cg) {
			join(cg, child); /* our reference goes with it */
			if (target_fd >= 0)
				cg_cpuset_fork(cg, child);
			if (cg->freezers)
				thread_set_work(&child->thread, THREAD_WORK_SIGNAL);
			spin_unlock(&cgroup_lock);
			return 0;
		}
		/* The parent was moved meanwhile: charge the child where it is now. */
		cgroup_get(moved_to);
		spin_unlock(&cgroup_lock);
		cg_uncharge_task(cg);
		cgroup_put(cg);
		cg = moved_to;
	}
	cgroup_put(cg);
	return err;
}

/* layer_ops.task_exit: what is left is a zombie, which still shows its group and holds its number. */
static void task_exit(struct task *t)
{
	spin_lock(&cgroup_lock);
	if (t->cgroup && !list_empty(&t->cgroup_link))
		leave(t->cgroup, t);
	spin_unlock(&cgroup_lock);
}

static void task_release(struct task *t)
{
	struct cgroup *cg;

	seccomp_release(t);
	task_exit(t);
	mem_unstock(&t->thread);
	spin_lock(&cgroup_lock);
	cg = t->cgroup;
	t->cgroup = NULL;
	t->thread.mem_charge = NULL;
	spin_unlock(&cgroup_lock);
	if (!cg)
		return;
	cg_uncharge_task(cg);
	cgroup_put(cg);
}

static void move_thread(struct cgroup *from, struct cgroup *to, struct task *t)
{
	leave(from, t);
	cgroup_get(to);
	join(to, t);
	cg_move_task(from, to);
	thread_set_work(&t->thread, THREAD_WORK_RECLAIM); /* mem_unstock(), by itself */
	/* A frozen one wakes to see which group it is in; one that must freeze now comes by. */
	if (from->freezers)
		waitq_wake_all(&from->thaw, 0);
	if (to->freezers)
		thread_set_work(&t->thread, THREAD_WORK_SIGNAL);
}

/* How many threads t's process has in cg: by the group's list, which has one that is being forked, too. */
static u64 nr_threads_in(const struct cgroup *cg, const struct task *t)
{
	const struct task *thread;
	u64 n = 0;

	list_for_each(thread, &cg->tasks, cgroup_link)
		n += thread->proc == t->proc;
	return n;
}

int cgroup_move(struct cgroup *from, struct cgroup *to, struct task *t)
{
	struct task *thread, *next;
	/* Room is made first: who comes in must not bring the group over its limit. The page is cg_move_mm()'s */
	u64 moved = 0, room = READ_ONCE(t->proc->nr_live) * cg_task_bytes() + PAGE_SIZE;
	bool alone = t == current && READ_ONCE(t->proc->nr_threads) == 1;
	int err;

	if (!mem_charge(&to->mem, room))
		return -ENOMEM;
	spin_lock(&cgroup_lock);
	err = may_host(to);
	if (!err && (!t->cgroup || list_empty(&t->cgroup_link)))
		err = -ESRCH;
	if (!err &&
	    (t->cgroup != from || (!alone && nr_threads_in(from, t) * cg_task_bytes() >= room)))
		err = -EAGAIN; /* moved, or threads began meanwhile */
	if (err || from == to) {
		spin_unlock(&cgroup_lock);
		res_uncharge(&to->mem, room);
		return err;
	}
	if (alone) {
		move_thread(from, to, t);
		moved = 1;
	} else {
		list_for_each_safe(thread, next, &from->tasks, cgroup_link) {
			if (thread->proc != t->proc)
				continue;
			move_thread(from, to, thread);
			moved++;
		}
	}
	spin_unlock(&cgroup_lock);
	room -= moved * cg_task_bytes() + (cg_move_mm(from, to, t) ? PAGE_SIZE : 0);
	res_uncharge(&to->mem, room);
	cg_cpuset_move(from, to, t);
	cg_io_moved();
	while (moved--)
		cgroup_put(from); /* each thread's */
	return 0;
}

/* ---- cgroup namespaces: a root of one's own ---- */

struct cgroup_ns {
	struct ns_common ns;
	struct cgroup *root;
};

static void cgroup_ns_free(struct ns_common *ns)
{
	struct cgroup_ns *cgroup_ns = container_of(ns, struct cgroup_ns, ns);

	cgroup_put(cgroup_ns->root);
	kfree(cgroup_ns);
}

static const struct ns_ops cgroup_ns_ops = {
	.name = "cgroup",
	.clone_flag = CLONE_NEWCGROUP,
	.free = cgroup_ns_free,
};

static struct cgroup_ns init_cgroup_ns = { .root = &root_cgroup };

struct ns_common *cgroup_ns_make(struct user_ns *owner)
{
	struct cgroup_ns *ns = kzalloc(sizeof(*ns));

	if (!ns)
		return ERR_PTR(-ENOMEM);
	ns_init(&ns->ns, &cgroup_ns_ops, owner, ns_new_inum());
	ns->root = task_cgroup_get(current);
	return &ns->ns;
}

struct cgroup *cgroup_root_of(struct ns_common *ns)
{
	return container_of(ns, struct cgroup_ns, ns)->root;
}

struct cgroup *cgroup_ns_root(void)
{
	return cgroup_root_of(current->ns->cgroup);
}

/* layer_ops.show_cgroup: /proc/N/cgroup */
static void show_cgroup(struct task *t, struct strbuf *out)
{
	struct cgroup *cg = task_cgroup_get(t);
	struct strbuf path = { 0 };

	cgroup_path(cg, cgroup_ns_root(), &path);
	sb_printf(out, "0::%s%s\n", path.data ? path.data : "",
		  READ_ONCE(cg->removed) ? " (deleted)" : "");
	sb_free(&path);
	cgroup_put(cg);
}

void cgroup_init(void)
{
	struct task *t;

	cgroup_setup(&root_cgroup, NULL);
	ns_init(&init_cgroup_ns.ns, &cgroup_ns_ops, &init_user_ns, 0xeffffffbU);
	init_nsproxy.cgroup = &init_cgroup_ns.ns;
	spin_lock(&tasks_lock);
	spin_lock(&cgroup_lock);
	list_for_each(t, &all_tasks, all_link) {
		cgroup_get(&root_cgroup);
		join(&root_cgroup, t);
		res_charge_force(&root_cgroup.pids, 1);
		res_charge_force(&root_cgroup.mem, cg_task_bytes());
	}
	spin_unlock(&cgroup_lock);
	spin_unlock(&tasks_lock);
	layer.task_fork = task_fork;
	layer.task_exit = task_exit;
	layer.task_release = task_release;
	layer.show_cgroup = show_cgroup;
	layer.freeze = cg_freeze_here;
	layer.oom_event = cg_oom_event;
	layer.cpus_allowed = cg_cpuset_of;
	mem_event_hook = cg_mem_event;
	counts_register("cgroups", &nr_cgroups);
	cg_bpf_init();
	cg_io_start();
	cgroup_fs_init();
}
