/* SPDX-License-Identifier: MIT */
/*
 * The memory controller: bytes that a group and those below hold. mm/ charges each frame of user
 * memory, page cache and page tables to the counter of the task that first needs it, and uncharges
 * it where the frame is freed; a thread's kernel stack and structs are charged in fork, every other
 * object of the kernel where it is allocated (mm/slab.c), to whom it is allocated for. A charge
 * stays with the group that made it when a process moves on, so a removed group lives until its
 * last page is gone (cg_mem_release()).
 *
 * Over memory.max what can be read again goes; then proc/oom.c kills a process inside the group that
 * refused (memory.oom.group: all of them), nobody outside. Over memory.high who charges is slowed down
 * (mm/charge.c). There is no swap.
 */
#include "container/cgroup.h"

u64 cg_task_bytes(void)
{
	return KSTACK_SIZE + ALIGN_UP(sizeof(struct task), 64) +
	       ALIGN_UP(sizeof(struct process), 64) + sizeof(struct sighand) + fpu_size;
}

/*
 * The last charge went, and the group is removed. That comes again when somebody with a reference of his
 * own charges it, sees that it is removed, and gives back (cgroup_move(), task_fork()).
 */
void cg_mem_release(struct res_counter *res)
{
	struct cgroup *cg = container_of(res, struct cgroup, mem);

	if (!__atomic_exchange_n(&cg->mem_released, true, __ATOMIC_RELAXED))
		cgroup_put(cg);
}

bool cg_move_mm(struct cgroup *from, struct cgroup *to, struct task *t)
{
	struct mm *mm = task_mm_get(t);
	struct frame *root;
	bool moved = false;

	if (!mm)
		return false;
	/*
	 * Whoever shares the space from another group (vfork) leaves it charged where it is. The root
	 * table's own charge moves along: it is what keeps the counter behind mm->charge alive. users:
	 * the threads, and ours.
	 */
	if (mm->charge == &from->mem && ref_read(&mm->users) == READ_ONCE(t->proc->nr_live) + 1) {
		mutex_lock(&mm->lock);
		root = va_frame(mm->pml4);
		moved = root->charge == &from->mem;
		if (moved) {
			root->charge = &to->mem;
			mm->charge = &to->mem;
			res_uncharge(&from->mem, PAGE_SIZE);
		}
		mutex_unlock(&mm->lock);
	}
	mm_put_user(mm);
	return moved;
}

/* ---- events ---- */

/* mem_event_hook */
void cg_mem_event(struct res_counter *res, enum mem_event what)
{
	struct cgroup *cg = container_of(res, struct cgroup, mem);

	__atomic_fetch_add(&cg->mem_local[what], 1, __ATOMIC_RELAXED);
	for (; cg; cg = cg->parent) {
		__atomic_fetch_add(&cg->mem_total[what], 1, __ATOMIC_RELAXED);
		cg_notify(&cg->mem_events);
	}
}

/* A task below top that is to be killed with the others, with a reference; NULL: all are. */
static struct task *next_victim(const struct cgroup *top)
{
	struct task *t, *found = NULL;

	spin_lock(&tasks_lock);
	list_for_each(t, &all_tasks, all_link) {
		if (t->exiting || READ_ONCE(t->thread.work) & THREAD_WORK_KILLED ||
		    t->proc->oom_score_adj == -1000 ||
		    !res_is_below(t->thread.mem_charge, &top->mem))
			continue;
		task_get(t);
		found = t;
		break;
	}
	spin_unlock(&tasks_lock);
	return found;
}

static void count_kill(struct task *t)
{
	struct cgroup *cg = task_cgroup_get(t);

	mem_event(&cg->mem, MEM_OOM_KILL);
	cgroup_put(cg);
}

/* memory.oom.group: the outermost group that goes as one with cg, inside the one that is out of memory. */
static void kill_group(struct cgroup *cg, struct res_counter *res)
{
	struct cgroup *top = NULL;
	bool killed = true;
	struct task *t;

	for (; cg->parent; cg = cg->parent) {
		if (READ_ONCE(cg->oom_group))
			top = cg;
		if (&cg->mem == res)
			break;
	}
	if (!top)
		return;
	mem_event(&top->mem, MEM_OOM_GROUP_KILL);
	while (killed && (t = next_victim(top))) {
		send_signal_process(SIGKILL, NULL, t);
		killed = READ_ONCE(t->thread.work) & THREAD_WORK_KILLED;
		count_kill(t);
		task_put(t);
	}
}

/* layer_ops.oom_event */
void cg_oom_event(struct res_counter *res, struct task *victim)
{
	struct cgroup *cg = task_cgroup_get(victim);

	if (res)
		mem_event(res, MEM_OOM);
	count_kill(victim);
	kill_group(cg, res);
	cgroup_put(cg);
}

/* ---- memory.stat: what the charged frames are ---- */

struct mem_sums {
	u64 anon, file, kernel, tables, second; /* bytes; second-level tables */
	u64 shmem, active; /* of file */
	const struct res_counter **set; /* the counters of the subtree, by address */
	u64 n;
};

static bool in_set(const struct mem_sums *s, const struct res_counter *res)
{
	u64 lo = 0, hi = s->n;

	while (lo < hi) {
		u64 mid = (lo + hi) / 2;

		if (s->set[mid] == res)
			return true;
		if (s->set[mid] < res)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

/* Inserts by address; the groups come in the order they were made, so mostly at the end. */
static void add_to_set(struct mem_sums *s, const struct res_counter *res)
{
	u64 i = s->n++;

	for (; i && s->set[i - 1] > res; i--)
		s->set[i] = s->set[i - 1];
	s->set[i] = res;
}

/*
 * Counts by looking at every frame: exact, and nothing is paid for it in the paths that charge. The
 * counters are compared by address only, since a frame may change hands as we look.
 */
static void sum_frames(struct mem_sums *s)
{
	const struct res_counter *last = NULL;

	for (u64 i = 0; i < nr_frames; i++) {
		const struct res_counter *res = READ_ONCE(frames[i].charge);
		u8 state;

		if (!(i % 65536))
			cond_resched();
		if (!res || (res != last && !in_set(s, res)))
			continue;
		last = res;
		switch (READ_ONCE(frames[i].kind)) {
		case FRAME_ANON:
			s->anon += PAGE_SIZE;
			break;
		case FRAME_CACHE:
			s->file += PAGE_SIZE;
			state = READ_ONCE(frames[i].state);
			if (state & FRAME_SHMEM)
				s->shmem += PAGE_SIZE;
			else if (state & FRAME_USED)
				s->active += PAGE_SIZE;
			break;
		case FRAME_TABLE:
			s->tables += PAGE_SIZE;
			break;
		case FRAME_SECOND_TABLE:
			s->second += PAGE_SIZE;
			break;
		default:
			s->kernel += PAGE_SIZE << READ_ONCE(frames[i].order);
		}
	}
}

static void add_faults(struct cgroup *cg, s64 *faults, s64 *major)
{
	struct task *t;

	spin_lock(&cgroup_lock);
	*faults += cg->minor_faults;
	*major += cg->major_faults;
	list_for_each(t, &cg->tasks, cgroup_link) {
		*faults += t->thread.minor_faults;
		*major += t->thread.major_faults;
	}
	spin_unlock(&cgroup_lock);
}

static int stat_show(struct strbuf *out, void *priv)
{
	struct cgroup *top = priv;
	struct mem_sums s = { 0 };
	u64 stacks = READ_ONCE(top->pids.count) * KSTACK_SIZE, all, kernel, tables;
	s64 faults = 0, major = 0;
	size_t size;

	mutex_lock(&cgroup_mutex);
	size = (top->nr_descendants + 1) * sizeof(*s.set);
	s.set = page_alloc(size);
	for (struct cgroup *cg = top; s.set && cg; cg = cgroup_walk(top, cg)) {
		add_to_set(&s, &cg->mem);
		add_faults(cg, &faults, &major);
	}
	mutex_unlock(&cgroup_mutex);
	if (!s.set)
		return -ENOMEM;
	sum_frames(&s);
	tables = s.tables + s.second;
	page_free(s.set, size);
	/* What is no frame and no stack is objects. */
	all = READ_ONCE(top->mem.count);
	kernel = max(all - min(all, s.anon + s.file), stacks + tables + s.kernel);
	sb_printf(out, "anon %lu\nfile %lu\nkernel %lu\nkernel_stack %lu\npagetables %lu\n", s.anon,
		  s.file, kernel, stacks, s.tables);
	sb_printf(out, "sec_pagetables %lu\n", s.second);
	sb_printf(out, "shmem %lu\ninactive_file %lu\nactive_file %lu\nslab %lu\n", s.shmem,
		  s.file - s.shmem - s.active, s.active, kernel - stacks - tables - s.kernel);
	sb_printf(out, "pgfault %lu\npgmajfault %lu\n", faults + major, major);
	return 0;
}

/* ---- the other files ---- */

CG_SHOW_NUMBER(current_show, mem.count)
CG_SHOW_NUMBER(peak_show, mem.peak)
CG_SHOW_LIMIT(max_show, mem.limit)
CG_SHOW_LIMIT(high_show, mem.high)
CG_SHOW_LIMIT(low_show, mem.low)
CG_SHOW_LIMIT(min_show, mem.min)
CG_SHOW_LIMIT(swap_max_show, swap_max)
CG_WRITE_LIMIT(swap_max_write, swap_max, true)
CG_SHOW_NUMBER(oom_group_show, oom_group)
CG_WAIT(events_wait, mem_events)

/* A limit below what is used now kills until it holds, or nobody is left to kill. */
static void enforce(struct cgroup *cg)
{
	while (READ_ONCE(cg->mem.count) > READ_ONCE(cg->mem.limit) && !thread_interrupted()) {
		struct wait_entry w = { 0 };

		if (!mm_oom_hook || !mm_oom_hook(&cg->mem))
			break;
		list_init(&w.link);
		waitq_prepare(&cg->mem_events.wait, &w, THREAD_INTERRUPTIBLE);
		schedule_until(clock_ns() + 10 * NSEC_PER_MSEC);
		waitq_finish(&w);
	}
}

static ssize_t max_write(void *priv, char *buf, size_t n)
{
	struct cgroup *cg = priv;
	int err = cg_parse_limit(buf, true, &cg->mem.limit);

	if (err)
		return err;
	enforce(cg);
	return n;
}

/* From the first use on mm/ looks at them where it charges and reclaims. */
static ssize_t low_write(void *cg, char *buf, size_t n)
{
	WRITE_ONCE(mem_guarded, true);
	return cg_parse_limit(buf, true, &((struct cgroup *)cg)->mem.low) ?: (ssize_t)n;
}

static ssize_t min_write(void *cg, char *buf, size_t n)
{
	return cg_parse_limit(buf, true, &((struct cgroup *)cg)->mem.min) ?: (ssize_t)n;
}

static ssize_t high_write(void *priv, char *buf, size_t n)
{
	struct cgroup *cg = priv;
	int err = cg_parse_limit(buf, true, &cg->mem.high);

	if (err)
		return err;
	WRITE_ONCE(mem_highs, true);
	while (READ_ONCE(cg->mem.count) > READ_ONCE(cg->mem.high) && !thread_interrupted() &&
	       cache_reclaim(32, &cg->mem))
		;
	return n;
}

static ssize_t oom_group_write(void *cg, char *buf, size_t n)
{
	u64 v;

	if (parse_u64(cg_chomp(buf), 10, &v) || v > 1)
		return -EINVAL;
	WRITE_ONCE(((struct cgroup *)cg)->oom_group, v);
	return n;
}

static ssize_t reclaim_write(void *priv, char *buf, size_t n)
{
	struct cgroup *cg = priv;
	u64 bytes = 0;
	int err = cg_parse_limit(buf, true, &bytes);

	for (u64 done; !err && bytes; bytes -= min(bytes, done * PAGE_SIZE)) {
		done = cache_reclaim(min(bytes / PAGE_SIZE + 1, 1024UL), &cg->mem);
		if (!done || thread_interrupted())
			err = done ? -EINTR : -EAGAIN;
	}
	return err ?: (ssize_t)n;
}

static void show_events(struct strbuf *out, const u64 *n)
{
	static const char *const names[MEM_EVENTS] = { "low", "high",     "max",
						       "oom", "oom_kill", "oom_group_kill" };

	for (unsigned int i = 0; i < MEM_EVENTS; i++)
		sb_printf(out, "%s %lu\n", names[i], READ_ONCE(n[i]));
}

static int events_show(struct strbuf *out, void *cg)
{
	show_events(out, ((struct cgroup *)cg)->mem_total);
	return 0;
}

static int local_show(struct strbuf *out, void *cg)
{
	show_events(out, ((struct cgroup *)cg)->mem_local);
	return 0;
}

static void reset(struct cgroup *cg)
{
	WRITE_ONCE(cg->mem.limit, RES_NO_LIMIT);
	WRITE_ONCE(cg->mem.high, RES_NO_LIMIT);
	cg->mem.low = cg->mem.min = 0;
	cg->oom_group = 0;
	cg->swap_max = RES_NO_LIMIT;
}

static const struct cg_file files[] = {
	CG_CHILD_FILE("memory.current", 0444, .show = current_show),
	CG_CHILD_FILE("memory.peak", 0444, .show = peak_show),
	CG_CHILD_FILE("memory.max", 0644, .show = max_show, .write = max_write),
	CG_CHILD_FILE("memory.high", 0644, .show = high_show, .write = high_write),
	CG_CHILD_FILE("memory.low", 0644, .show = low_show, .write = low_write),
	CG_CHILD_FILE("memory.min", 0644, .show = min_show, .write = min_write),
	CG_CHILD_FILE("memory.events", 0444, .show = events_show, .wait = events_wait),
	CG_CHILD_FILE("memory.events.local", 0444, .show = local_show, .wait = events_wait),
	{ .pf = { "memory.oom.group", 0644, .show = oom_group_show, .write = oom_group_write,
		  CG_FILE_OPS },
	  .not_on_root = true,
	  .delegatable = true },
	{ .pf = { "memory.reclaim", 0200, .write = reclaim_write, CG_FILE_OPS },
	  .delegatable = true },
	CG_FILE("memory.stat", 0444, .show = stat_show),
	CG_CHILD_FILE("memory.swap.max", 0644, .show = swap_max_show, .write = swap_max_write),
	{ .pf = { .name = NULL } },
};
const struct cg_controller cg_memory = { "memory", CG_MEMORY, files, reset };
