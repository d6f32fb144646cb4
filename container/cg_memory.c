/* SPDX-License-Identifier: MIT */
/*
 * The memory controller: bytes that a group and those below hold. mm/ charges each frame of user
 * memory, page cache and page tables to the counter of the task that first needs it, and uncharges
 * it where the frame is freed; a thread's kernel stack and structs are charged in fork, every other
 * object of the kernel where it is allocated (mm/slab.c), to whom it is allocated for. A charge
 * stays with the group that made it when a process moves on, so a removed group lives until its
 * last page is gone (cg_mem_release()).
 *
 * Over memory.max the charge fails, the fault asks proc/oom.c, and a process inside the group that
 * refused is killed: nobody outside. Nothing is ever reclaimed (page cache is the image itself, there
 * is no swap), so memory.low and memory.min always hold, and memory.high is not offered.
 */
#include "container/cgroup.h"

u64 cg_task_bytes(void)
{
	return KSTACK_SIZE + ALIGN_UP(sizeof(struct task), 64) +
	       ALIGN_UP(sizeof(struct process), 64) + sizeof(struct sighand) + fpu_size;
}

/* The last charge went, and the group is removed. */
void cg_mem_release(struct res_counter *res)
{
	cgroup_put(container_of(res, struct cgroup, mem));
}

void cg_move_mm(struct cgroup *from, struct cgroup *to, struct task *t)
{
	struct mm *mm = task_mm_get(t);
	struct frame *root;

	if (!mm)
		return;
	/*
	 * Whoever shares the space from another group (vfork) leaves it charged where it is. The root
	 * table's own charge moves along: it is what keeps the counter behind mm->charge alive. users:
	 * the threads, and ours.
	 */
	if (mm->charge == &from->mem && ref_read(&mm->users) == READ_ONCE(t->proc->nr_live) + 1) {
		mutex_lock(&mm->lock);
		root = va_frame(mm->pml4);
		if (root->charge == &from->mem) {
			res_charge_force(&to->mem, PAGE_SIZE);
			root->charge = &to->mem;
			mm->charge = &to->mem;
			res_uncharge(&from->mem, PAGE_SIZE);
		}
		mutex_unlock(&mm->lock);
	}
	mm_put_user(mm);
}

/* layer_ops.oom_event */
void cg_oom_event(struct res_counter *res, struct task *victim)
{
	struct cgroup *cg;

	if (res) {
		cg = container_of(res, struct cgroup, mem);
		__atomic_fetch_add(&cg->ooms, 1, __ATOMIC_RELAXED);
		cg_notify(&cg->mem_events);
	}
	if (!victim)
		return;
	cg = task_cgroup_get(victim);
	for (struct cgroup *c = cg; c; c = c->parent) {
		__atomic_fetch_add(&c->oom_kills, 1, __ATOMIC_RELAXED);
		cg_notify(&c->mem_events);
	}
	cgroup_put(cg);
}

/* ---- memory.stat: what the charged frames are ---- */

struct mem_sums {
	u64 anon, file, kernel;
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
			break;
		default:
			s->kernel += PAGE_SIZE;
		}
	}
}

static int stat_show(struct strbuf *out, void *priv)
{
	struct cgroup *top = priv;
	struct mem_sums s = { 0 };
	u64 threads = READ_ONCE(top->pids.count), all, objects;
	size_t size;

	mutex_lock(&cgroup_mutex);
	size = (top->nr_descendants + 1) * sizeof(*s.set);
	s.set = page_alloc(size);
	for (struct cgroup *cg = top; s.set && cg; cg = cgroup_walk(top, cg))
		add_to_set(&s, &cg->mem);
	mutex_unlock(&cgroup_mutex);
	if (!s.set)
		return -ENOMEM;
	sum_frames(&s);
	page_free(s.set, size);
	/* What is no frame and no task is objects: mounts, inodes, names. */
	all = READ_ONCE(top->mem.count);
	objects = s.anon + s.file + s.kernel + threads * cg_task_bytes();
	objects = all > objects ? all - objects : 0;
	sb_printf(out,
		  "anon %lu\nfile %lu\nkernel %lu\nkernel_stack %lu\npagetables %lu\nslab %lu\n",
		  s.anon, s.file, s.kernel + threads * cg_task_bytes() + objects,
		  threads * KSTACK_SIZE, s.kernel, objects);
	return 0;
}

/* ---- the other files ---- */

CG_SHOW_NUMBER(current_show, mem.count)
CG_SHOW_NUMBER(peak_show, mem.peak)
CG_SHOW_LIMIT(max_show, mem.limit)
CG_SHOW_LIMIT(low_show, mem_low)
CG_WRITE_LIMIT(low_write, mem_low, true)
CG_SHOW_LIMIT(min_show, mem_min)
CG_WRITE_LIMIT(min_write, mem_min, true)
CG_SHOW_LIMIT(swap_max_show, swap_max)
CG_WRITE_LIMIT(swap_max_write, swap_max, true)
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

static int swap_current_show(struct strbuf *out, void *cg)
{
	sb_printf(out, "0\n"); /* there is no swap */
	return 0;
}

static int events_show(struct strbuf *out, void *priv)
{
	struct cgroup *cg = priv;

	sb_printf(out, "low 0\nhigh 0\nmax %lu\noom %lu\noom_kill %lu\noom_group_kill 0\n",
		  READ_ONCE(cg->mem.refused), READ_ONCE(cg->ooms), READ_ONCE(cg->oom_kills));
	return 0;
}

static void reset(struct cgroup *cg)
{
	WRITE_ONCE(cg->mem.limit, RES_NO_LIMIT);
	cg->mem_low = 0;
	cg->mem_min = 0;
	cg->swap_max = RES_NO_LIMIT;
}

static const struct cg_file files[] = {
	CG_CHILD_FILE("memory.current", 0444, .show = current_show),
	CG_CHILD_FILE("memory.peak", 0444, .show = peak_show),
	CG_CHILD_FILE("memory.max", 0644, .show = max_show, .write = max_write),
	CG_CHILD_FILE("memory.low", 0644, .show = low_show, .write = low_write),
	CG_CHILD_FILE("memory.min", 0644, .show = min_show, .write = min_write),
	CG_CHILD_FILE("memory.events", 0444, .show = events_show, .wait = events_wait),
	CG_FILE("memory.stat", 0444, .show = stat_show),
	CG_CHILD_FILE("memory.swap.current", 0444, .show = swap_current_show),
	CG_CHILD_FILE("memory.swap.max", 0644, .show = swap_max_show, .write = swap_max_write),
	{ .pf = { .name = NULL } },
};
const struct cg_controller cg_memory = { "memory", CG_MEMORY, files, reset };
