/* SPDX-License-Identifier: MIT */
/*
 * The files that every group has, whatever its controllers: who is in it, what its children get, and
 * acting on it as a whole. Formats and errors are those of cgroup-v2.rst, "Core Interface Files".
 */
#include "container/cgroup.h"

/* ---- text helpers for all files ---- */

char *cg_chomp(char *buf)
{
	size_t n = strlen(buf);

	while (n && (buf[n - 1] == '\n' || buf[n - 1] == ' '))
		buf[--n] = 0;
	return buf;
}

int cg_parse_limit(char *buf, bool bytes, u64 *v)
{
	static const char suffixes[] = "kKmMgGtT";
	const char *suffix = NULL;
	unsigned int shift = 0;
	size_t n;
	u64 parsed;
	int err;

	cg_chomp(buf);
	n = strlen(buf);
	if (bytes && n > 1)
		suffix = strchr(suffixes, buf[n - 1]);
	if (suffix) {
		shift = 10 * ((suffix - suffixes) / 2 + 1);
		buf[n - 1] = 0;
	}
	if (!strcmp(buf, "max"))
		parsed = RES_NO_LIMIT;
	else if ((err = parse_u64(buf, 10, &parsed)))
		return err;
	else if (parsed > RES_NO_LIMIT >> shift)
		return -ERANGE;
	else
		parsed = bytes ? (parsed << shift) & PAGE_MASK : parsed;
	WRITE_ONCE(*v, parsed);
	return 0;
}

void cg_show_limit(struct strbuf *out, u64 v)
{
	if (v == RES_NO_LIMIT)
		sb_printf(out, "max\n");
	else
		sb_printf(out, "%lu\n", v);
}

/* ---- who is in it ---- */

static int show_tasks(struct strbuf *out, struct cgroup *cg, bool threads)
{
	const struct pid_ns *ns = task_pid_ns(current);
	struct task *t;

	spin_lock(&cgroup_lock);
	list_for_each(t, &cg->tasks, cgroup_link) {
		const struct task *leader = t->proc->leader;

		/* A process whose leader has ended is shown by its other threads, maybe more than once. */
		if (threads)
			sb_printf(out, "%d\n", task_tid_in(t, ns));
		else if (t == leader || list_empty(&leader->cgroup_link))
			sb_printf(out, "%d\n", task_tgid_in(t, ns));
	}
	spin_unlock(&cgroup_lock);
	return 0;
}

static int procs_show(struct strbuf *out, void *cg)
{
	return show_tasks(out, cg, false);
}

static int threads_show(struct strbuf *out, void *cg)
{
	return show_tasks(out, cg, true);
}

/* The task that buf names; 0 is the writer. ERR_PTR(-EINVAL, -ESRCH) */
static struct task *task_named(char *buf)
{
	struct task *t;
	u64 nr;

	cg_chomp(buf);
	if (parse_u64(buf, 10, &nr) || nr > INT32_MAX)
		return ERR_PTR(-EINVAL);
	if (!nr) {
		task_get(current);
		return current;
	}
	t = task_find(task_pid_ns(current), nr);
	return t ? t : ERR_PTR(-ESRCH);
}

/* A thread alone can move inside a threaded subtree only, and there are none. */
static int move_named(struct cgroup *to, char *buf, const struct cred *c, struct ns_common *ns,
		      bool thread)
{
	struct task *t = task_named(buf);
	int err;

	if (IS_ERR(t))
		return PTR_ERR(t);
	do { /* again when it was moved after the look at whence it may be taken */
		struct cgroup *from = task_cgroup_get(t);

		err = cg_may_move(from, to, c, ns);
		if (!err && thread)
			err = from == to ? 0 : -EOPNOTSUPP;
		else if (!err)
			err = cgroup_move(from, to, t);
		cgroup_put(from);
	} while (err == -EAGAIN);
	task_put(t);
	return err;
}

static int procs_move(struct cgroup *to, char *buf, const struct cred *c, struct ns_common *ns)
{
	return move_named(to, buf, c, ns, false);
}

static int threads_move(struct cgroup *to, char *buf, const struct cred *c, struct ns_common *ns)
{
	return move_named(to, buf, c, ns, true);
}

static int type_show(struct strbuf *out, void *cg)
{
	sb_printf(out, "domain\n");
	return 0;
}

static ssize_t type_write(void *cg, char *buf, size_t n)
{
	cg_chomp(buf);
	return strcmp(buf, "threaded") ? -EINVAL : -EOPNOTSUPP;
}

/* ---- what the children get ---- */

static void show_controllers(struct strbuf *out, u32 bits)
{
	const char *sep = "";

	for (const struct cg_controller *const *c = cg_controllers(); *c; c++) {
		if (!((*c)->bit & bits))
			continue;
		sb_printf(out, "%s%s", sep, (*c)->name);
		sep = " ";
	}
	sb_putc(out, '\n');
}

static int controllers_show(struct strbuf *out, void *cg)
{
	show_controllers(out, cgroup_controllers(cg));
	return 0;
}

static int subtree_show(struct strbuf *out, void *cg)
{
	show_controllers(out, READ_ONCE(((struct cgroup *)cg)->subtree_control));
	return 0;
}

/* "+memory -pids": the later word wins. -EINVAL for a name that no controller has. */
static int parse_subtree(char *buf, u32 *on, u32 *off)
{
	*on = *off = 0;
	cg_chomp(buf);
	while (*buf) {
		const struct cg_controller *const *c = cg_controllers();
		char *word = buf, *end = strchr(buf, ' ');

		buf = end ? end + 1 : buf + strlen(buf);
		if (end)
			*end = 0;
		if (!*word)
			continue;
		while (*c && strcmp((*c)->name, word + 1))
			c++;
		if (!*c || (*word != '+' && *word != '-'))
			return -EINVAL;
		*(*word == '+' ? on : off) |= (*c)->bit;
		*(*word == '+' ? off : on) &= ~(*c)->bit;
	}
	return 0;
}

/* cgroup_mutex held. */
static int set_subtree(struct cgroup *cg, u32 on, u32 off)
{
	u32 want = (cg->subtree_control | on) & ~off, gone = cg->subtree_control & ~want;
	u32 changed = cg->subtree_control ^ want;
	struct cgroup *child;
	int err = 0;

	if (cg->removed)
		return -ENODEV;
	if (on & ~cgroup_controllers(cg))
		return -ENOENT;
	list_for_each(child, &cg->children, sibling)
		if (child->subtree_control & gone)
			return -EBUSY;
	/* Processes live in the leaves: else a group would compete with its own children. */
	spin_lock(&cgroup_lock);
	if (want && cg->parent && !list_empty(&cg->tasks))
		err = -EBUSY;
	if (!err) {
		WRITE_ONCE(cg->subtree_control, want);
		if ((on | off) & CG_CPU)
			cg_cpu_regroup(cg);
	}
	spin_unlock(&cgroup_lock);
	if (err)
		return err;
	list_for_each(child, &cg->children, sibling) {
		cg_attrs_renew(child, changed);
		for (const struct cg_controller *const *c = cg_controllers(); *c; c++)
			if ((*c)->bit & changed)
				(*c)->reset(child);
	}
	if (gone & CG_CPUSET)
		cg_cpuset_regroup(cg);
	return 0;
}

static ssize_t subtree_write(void *cg, char *buf, size_t n)
{
	u32 on, off;
	int err = parse_subtree(buf, &on, &off);

	if (err)
		return err;
	mutex_lock(&cgroup_mutex);
	err = set_subtree(cg, on, off);
	mutex_unlock(&cgroup_mutex);
	return err ? err : (ssize_t)n;
}

/* ---- its state, and acting on it ---- */

static int events_show(struct strbuf *out, void *priv)
{
	struct cgroup *cg = priv;

	spin_lock(&cgroup_lock);
	sb_printf(out, "populated %d\nfrozen %d\n", cg->was_populated, cg->was_frozen);
	spin_unlock(&cgroup_lock);
	return 0;
}

CG_WAIT(events_wait, events)

CG_SHOW_LIMIT(max_descendants_show, max_descendants)
CG_SHOW_LIMIT(max_depth_show, max_depth)

static ssize_t write_max(u64 *max, char *buf, size_t n)
{
	u64 v = 0;
	int err = *cg_chomp(buf) == '-' ? -ERANGE : cg_parse_limit(buf, false, &v);

	if (!err && v != RES_NO_LIMIT && v > INT32_MAX)
		err = -ERANGE;
	if (!err)
		WRITE_ONCE(*max, v);
	return err ?: (ssize_t)n;
}

static ssize_t max_descendants_write(void *cg, char *buf, size_t n)
{
	return write_max(&((struct cgroup *)cg)->max_descendants, buf, n);
}

static ssize_t max_depth_write(void *cg, char *buf, size_t n)
{
	return write_max(&((struct cgroup *)cg)->max_depth, buf, n);
}

static int stat_show(struct strbuf *out, void *priv)
{
	struct cgroup *cg = priv;

	sb_printf(out, "nr_descendants %lu\nnr_dying_descendants %lu\n",
		  READ_ONCE(cg->nr_descendants), READ_ONCE(cg->nr_dying));
	return 0;
}

/* A file that takes small numbers up to max: the number, or -EINVAL, -ERANGE. */
static int parse_switch(char *buf, u64 max)
{
	u64 v;

	cg_chomp(buf);
	if (parse_u64(buf, 10, &v))
		return -EINVAL;
	return v > max ? -ERANGE : (int)v;
}

static int freeze_show(struct strbuf *out, void *cg)
{
	sb_printf(out, "%d\n", READ_ONCE(((struct cgroup *)cg)->freeze));
	return 0;
}

static ssize_t freeze_write(void *cg, char *buf, size_t n)
{
	int on = parse_switch(buf, 1);

	if (on < 0)
		return on;
	mutex_lock(&cgroup_mutex);
	cg_freeze_set(cg, on);
	mutex_unlock(&cgroup_mutex);
	return n;
}

static ssize_t kill_write(void *cg, char *buf, size_t n)
{
	int one = parse_switch(buf, 1);

	if (one != 1)
		return one < 0 ? one : -ERANGE;
	mutex_lock(&cgroup_mutex);
	cg_kill(cg);
	mutex_unlock(&cgroup_mutex);
	return n;
}

const struct cg_file cg_core_files[] = {
	CG_CHILD_FILE("cgroup.type", 0644, .show = type_show, .write = type_write),
	CG_MOVE_FILE("cgroup.procs", procs_show, procs_move),
	CG_MOVE_FILE("cgroup.threads", threads_show, threads_move),
	CG_FILE("cgroup.controllers", 0444, .show = controllers_show),
	{ .pf = { "cgroup.subtree_control", 0644, .show = subtree_show, .write = subtree_write,
		  CG_FILE_OPS },
	  .delegatable = true },
	CG_CHILD_FILE("cgroup.events", 0444, .show = events_show, .wait = events_wait),
	CG_FILE("cgroup.max.descendants", 0644, .show = max_descendants_show,
		.write = max_descendants_write),
	CG_FILE("cgroup.max.depth", 0644, .show = max_depth_show, .write = max_depth_write),
	CG_FILE("cgroup.stat", 0444, .show = stat_show),
	CG_CHILD_FILE("cgroup.freeze", 0644, .show = freeze_show, .write = freeze_write),
	CG_CHILD_FILE("cgroup.kill", 0200, .write = kill_write),
	CG_FILE("cpu.stat", 0444, .show = cg_cpu_stat_show),
	{ .pf = { .name = NULL } },
};
