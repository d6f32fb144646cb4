/* SPDX-License-Identifier: MIT */
/*
 * Control groups, version 2 (the kernel's own Documentation/admin-guide/cgroup-v2.rst): a tree of
 * groups of processes; each group counts what its processes and the groups below use, and limits it.
 *
 *	cgroup.c     the tree, who is in which group, fork, exit, moving
 *	cgroup_fs.c  the same as a file system: directories are groups
 *	cg_core.c  the cgroup.* files; cg_delegate.c  whose they are, and who may move whom where
 *	cg_pids.c  cg_memory.c  cg_cpu.c  cg_cpuset.c  cg_io.c   the controllers
 *	cg_freeze.c  stopping a group as a whole
 *
 * The limits themselves are struct res_counters, charged by the folders below through
 * thread.mem_charge and mm->charge; these know nothing of groups.
 *
 * Locks: cgroup_mutex guards the tree (children, removed, subtree_control, limits being set);
 * cgroup_lock (spinning, inside it) who is in a group and the sums over a subtree. A group's place
 * (parent) never changes. Order: tasks_lock, siglock, cgroup_lock.
 */
#pragma once
#include "container/container.h"

/* Something that a reader may wait for by poll(2) on a file: a change counter and a queue. */
struct cg_event {
	struct waitq wait;
	u64 n;
};
void cg_notify(struct cg_event *ev); /* any context */

#define CG_CPU 1U
#define CG_MEMORY 2U
#define CG_PIDS 4U
#define CG_CPUSET 8U
#define CG_IO 16U
#define CG_ALL (CG_CPU | CG_MEMORY | CG_PIDS | CG_CPUSET | CG_IO)

#define CG_KINDS 6 /* of files: the core's, and each controller's: 1 + the number of its bit */

struct cg_owner {
	uid_t uid;
	gid_t gid;
};
struct cg_attr { /* of one file, which has no inode while nobody looks at it */
	struct list_head link;
	const struct pseudo_file *pf;
	struct cg_owner owner;
	mode_t mode;
};

#define CG_LEVELS 64
#define CG_PROG_KINDS 3
struct cgroup {
	ref_t refs; /* tasks (zombies too), directory, open files, children, namespaces, charges */
	u64 id; /* inode number of its directory; 1: the root */
	struct cgroup *parent;
	unsigned int level; /* 0: the root; below CG_LEVELS, since every charge walks up */
	char *name;

	/* guarded by cgroup_mutex */
	struct list_head children, sibling; /* in the order of their ids */
	bool removed;
	u32 subtree_control; /* CG_* that the children have */
	u64 nr_descendants, max_descendants, max_depth;
	struct cg_owner owner[CG_KINDS]; /* of the files that are not in attrs */
	struct list_head attrs; /* struct cg_attr of those that chown(2) or chmod(2) was done to */
	struct dentry *dir; /* keeps the name of a live group cached */

	/* guarded by cgroup_lock */
	struct list_head tasks; /* task->cgroup_link of live ones */
	u64 nr_tasks; /* live, here and below */
	u64 nr_frozen; /* of these, stopped by the freezer */
	bool freeze; /* asked for here */
	unsigned int freezers; /* groups from here up that ask for it */
	bool was_populated, was_frozen;
	struct waitq thaw; /* frozen tasks sleep here */
	s64 minor_faults, major_faults, user_ns,
		sys_ns; /* of tasks that left or ended, minus what newcomers brought along */

	u64 nr_dying; /* removed groups below that still exist; atomic */
	struct cg_event events; /* cgroup.events */

	struct res_counter pids;
	u64 pids_refused; /* forks of its tasks; atomic */
	struct cg_event pids_events;

	struct res_counter
		mem; /* bytes; keeps one reference on the group until all is given back */
	bool mem_released; /* that reference is gone; atomic */
	u64 swap_max;
	u64 oom_group; /* 1: an OOM kill takes all */
	u64 mem_total[MEM_EVENTS], mem_local[MEM_EVENTS]; /* atomic: with those below, and not */
	struct cg_event mem_events;

	struct cg_progs *progs[CG_PROG_KINDS]; /* cg_bpf.c's: programs that are asked; NULL: none */

	struct sched_group cpu; /* in use while the parent gives the controller */
	struct io_group io;
	u64 cpus, mems; /* cpuset.cpus as set, by number; mems */
	u64 cpu_weight; /* 1 to 10000; 100 is a thread of nice 0 */
};

extern struct cgroup root_cgroup;
extern struct mutex cgroup_mutex;
extern spinlock_t cgroup_lock;

static inline void cgroup_get(struct cgroup *cg)
{
	ref_get(&cg->refs);
}
void cgroup_put(struct cgroup *cg); /* any context */

/* The tree; cgroup_mutex held. -EAGAIN too deep, -ENOENT, -ENOMEM; a reference for the directory. */
struct cgroup *cgroup_make(struct cgroup *parent, const char *name);
int cgroup_remove(struct cgroup *cg); /* -EBUSY while it has tasks or children */
/* The group after pos in a walk of top's subtree, parents first; NULL at the end. Begin with top. */
struct cgroup *cgroup_walk(struct cgroup *top, struct cgroup *pos);
/* CG_* that cg itself has files for. */
static inline u32 cgroup_controllers(const struct cgroup *cg)
{
	return cg->parent ? cg->parent->subtree_control : CG_ALL;
}

/* t's group with a reference, zombies included; the root for tasks that never had one. */
struct cgroup *task_cgroup_get(struct task *t);
/* Moves t's whole process. -ENODEV removed, -EBUSY has children with controllers, -ESRCH ended, -EAGAIN:
 * it is no more in from, or has more threads. */
int cgroup_move(struct cgroup *from, struct cgroup *to, struct task *t);
/* The group of an open directory that the caller may use so (MAY_*), a reference; ERR_PTR(-EBADF, -EACCES). */
struct cgroup *cgroup_of_fd(int fd, int may);
static inline bool cgroup_is_below(const struct cgroup *cg, const struct cgroup *top)
{
	while (cg->level > top->level)
		cg = cg->parent;
	return cg == top;
}
/* The path of cg below root: "/", "/a/b", "/.." outside. */
void cgroup_path(const struct cgroup *cg, const struct cgroup *root, struct strbuf *out);
/* What the current task takes for the root (cgroup_namespaces(7)). */
struct cgroup *cgroup_ns_root(void);
struct cgroup *cgroup_root_of(struct ns_common *cgroup_ns);

/* Compares populated and frozen with what was last told; cgroup_lock held. */
void cgroup_update_events(struct cgroup *cg);

/* ---- files ---- */
struct cg_file {
	struct pseudo_file pf;
	bool not_on_root;
	bool delegatable; /* with nsdelegate, a cgroup namespace may write it in its own root */
	/* instead of pf.write: moves who is named by buf, as an opener with these may. 0 or -errno */
	int (*move)(struct cgroup *to, char *buf, const struct cred *c, struct ns_common *ns);
};
void cg_file_put(void *cg);
#define CG_FILE_OPS                                                                                \
	.put = cg_file_put, .opened = cg_opened, .closed = cg_closed, .write_by = cg_write_by
#define CG_FILE(n, m, ...)                                                                         \
	{                                                                                          \
		.pf = {.name = n, .mode = m, CG_FILE_OPS, __VA_ARGS__ }                            \
	}
#define CG_MOVE_FILE(n, show_fn, move_fn)                                                          \
	{                                                                                          \
		.pf = { .name = n, .mode = 0644, CG_FILE_OPS, .show = show_fn },                   \
		.delegatable = true, .move = move_fn                                               \
	}
#define CG_CHILD_FILE(n, m, ...)                                                                   \
	{                                                                                          \
		.pf = { .name = n, .mode = m, CG_FILE_OPS, __VA_ARGS__ }, .not_on_root = true      \
	}
/* The functions behind files that only show or set one field of struct cgroup. */
#define CG_SHOW_NUMBER(fn, field)                                                                  \
	static int fn(struct strbuf *out, void *cg)                                                \
	{                                                                                          \
		sb_printf(out, "%lu\n", READ_ONCE(((struct cgroup *)cg)->field));                  \
		return 0;                                                                          \
	}
#define CG_SHOW_LIMIT(fn, field)                                                                   \
	static int fn(struct strbuf *out, void *cg)                                                \
	{                                                                                          \
		cg_show_limit(out, READ_ONCE(((struct cgroup *)cg)->field));                       \
		return 0;                                                                          \
	}
#define CG_WRITE_LIMIT(fn, field, bytes)                                                           \
	static ssize_t fn(void *cg, char *buf, size_t n)                                           \
	{                                                                                          \
		return cg_parse_limit(buf, bytes, &((struct cgroup *)cg)->field) ?: (ssize_t)n;    \
	}
#define CG_WAIT(fn, event)                                                                         \
	static struct waitq *fn(void *cg, u64 *events)                                             \
	{                                                                                          \
		*events = READ_ONCE(((struct cgroup *)cg)->event.n);                               \
		return &((struct cgroup *)cg)->event.wait;                                         \
	}
struct cg_controller {
	const char *name;
	u32 bit;
	const struct cg_file *files; /* up to one without a name */
	void (*reset)(struct cgroup *cg); /* limits back to none: disabled, or new */
};
extern const struct cg_controller cg_cpuset, cg_cpu, cg_io, cg_memory, cg_pids;
extern const struct cg_file cg_core_files[];
const struct cg_controller *const *cg_controllers(void); /* NULL-terminated */

/* ---- cg_delegate.c ---- */
void *cg_opened(void);
void cg_closed(void *ns);
ssize_t cg_write_by(struct file *f, void *opener, char *buf, size_t n);
/* The file of that name that cg has, and its kind (below CG_KINDS); NULL. */
const struct pseudo_file *cg_find_file(const struct cgroup *cg, const char *name,
				       unsigned int *kind);
struct cg_attr cg_attr_of(const struct cgroup *cg, const struct pseudo_file *pf, unsigned int kind);
int cg_attr_set(struct cgroup *cg, const struct pseudo_file *pf,
		const struct inode *as); /* -ENOMEM */
/* Files of the controllers go, and come again as the current thread's; cgroup_mutex held. */
void cg_attrs_renew(struct cgroup *cg, u32 controllers);
void cg_attrs_free(struct cgroup *cg);
/* May an opener with these move a process? cgroup_mutex not held. 0, -EACCES, -ENOENT */
int cg_may_move(struct cgroup *from, struct cgroup *to, const struct cred *c, struct ns_common *ns);
int cg_may_enter(struct cgroup *to,
		 const struct cred *c); /* CLONE_INTO_CGROUP asks for this, too */
int cg_options(const char *data); /* of mount(2) */
void cg_show_options(struct super *sb, struct strbuf *out);
void cg_delegate_init(void);

int cg_cpu_stat_show(struct strbuf *out, void *cg); /* cpu.stat, a core file */
/* The shares that a task in cg runs by: of the nearest group with the controller; NULL: the root's. */
struct sched_group *cg_cpu_group(struct cgroup *cg);
/* subtree_control of top changed: its tasks below get their groups. cgroup_mutex, cgroup_lock held. */
void cg_cpu_regroup(struct cgroup *top);

/* ---- cg_cpuset.c: no spinlock held ---- */
u64 cg_cpuset_of(struct task *t); /* layer_ops.cpus_allowed */
void cg_cpuset_regroup(
	struct cgroup *top); /* what is in effect below top changed; cgroup_mutex held */
void cg_cpuset_apply(struct cgroup *cg, const struct process *only); /* NULL: to all in cg */
void cg_cpuset_move(struct cgroup *from, struct cgroup *to, struct task *t);
void cg_cpuset_fork(struct cgroup *cg, struct task *child); /* it does not run yet */

void cgroup_fs_init(void);
char *cg_chomp(char *buf); /* takes blanks and the newline off the end; returns buf */
/* "max" is RES_NO_LIMIT; a number with a suffix K M G T when bytes. -EINVAL, -ERANGE leave *v as it is. */
int cg_parse_limit(char *buf, bool bytes, u64 *v);
void cg_show_limit(struct strbuf *out, u64 v);

/* ---- controllers' parts in fork, exit and moves ---- */
/* Kernel memory of one more thread: stack, FPU state, and its structs. */
u64 cg_task_bytes(void);
/* -EAGAIN over pids.max, -ENOMEM over memory.max. */
int cg_charge_task(struct cgroup *cg);
void cg_uncharge_task(struct cgroup *cg);
/* Moves t's own charges, whose memory has been charged to to; what its pages are charged to stays (cgroup_lock held). */
void cg_move_task(struct cgroup *from, struct cgroup *to);
/* The space of a moved process is charged to its new group from now on; true: the page that was charged to
 * it for that is used. */
bool cg_move_mm(struct cgroup *from, struct cgroup *to, struct task *t);
void cg_mem_release(struct res_counter *res);
void cg_mem_event(struct res_counter *res, enum mem_event what);
void cg_oom_event(struct res_counter *res, struct task *victim);

void cg_io_moved(void); /* some tasks have another group: those that wait look at its limits */
void cg_io_start(void);

/* ---- cg_bpf.c ---- */
void cg_bpf_init(void);
void cg_bpf_drop(struct cgroup *cg); /* removed: its programs go */

/* ---- cg_freeze.c ---- */
void cg_freeze_here(void); /* layer_ops.freeze */
void cg_freeze_set(struct cgroup *cg, bool on); /* cgroup_mutex held */
void cg_kill(struct cgroup *cg); /* SIGKILL to all in the subtree; cgroup_mutex held */
