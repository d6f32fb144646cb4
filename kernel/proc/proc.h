/* SPDX-License-Identifier: MIT */
/*
 * The face of proc/: processes. A task is one thread of a process; what its threads share is in
 * struct process. Numbers (pids) are objects of their own, one number in each pid namespace from
 * the process's own up to the first. See clone(2), pid_namespaces(7), credentials(7), signal(7).
 *
 * tasks_lock guards the tree (parent, children, groups, sessions) and who is alive; each process's
 * siglock guards its signals. Order: tasks_lock, then siglock.
 */
#pragma once
#include "fs/fs.h"

#include <asm/siginfo.h>
#include <asm/signal.h>
#include <linux/resource.h>

/* ---- pid numbers ---- */
struct pid_ns {
	struct ns_common ns;
	struct idr ids; /* number -> struct pid; guarded by pid_lock */
	unsigned int level; /* 0: the first */
	struct pid_ns *parent;
	struct task *init;  /* pid 1: reaps, and takes all others with it. NULL before and after */
	bool dying;	    /* no more processes */
	u64 nr_pids;
	struct waitq empty; /* woken as pids go */
	u32 pid_max;
};
extern struct pid_ns init_pid_ns;
extern const struct ns_ops pid_ns_ops;

enum pid_type { PID_TASK, PID_PROCESS, PID_GROUP, PID_SESSION, PID_TYPES };
struct pid {
	ref_t refs;
	unsigned int level;
	struct list_head tasks[PID_TYPES]; /* members, by task->pid_links; guarded by tasks_lock */
	struct waitq wait;		   /* pidfd: the process ended */
	struct {
		struct pid_ns *ns;
		pid_t nr;
	} numbers[]; /* [0] in the first namespace ... [level] in its own */
};
/* A new pid in ns and all its parents. ERR_PTR: -EAGAIN full, -ENOMEM (also: ns has lost its init). */
struct pid *pid_alloc(struct pid_ns *ns);
static inline void pid_get(struct pid *p)
{
	ref_get(&p->refs);
}
void pid_put(struct pid *p);
/* The first pid of ns at or after *nr, with a reference; its number there in *nr. NULL: no more. */
struct pid *pid_next(struct pid_ns *ns, pid_t *nr);
pid_t pid_nr_ns(const struct pid *p, const struct pid_ns *ns); /* 0: not visible there */
struct pid *pid_find(struct pid_ns *ns, pid_t nr);	       /* a reference, or NULL */

/* ---- the namespaces a task lives in ---- */
struct uts_ns {
	struct ns_common ns;
	spinlock_t lock;
	char hostname[65], domainname[65];
};
extern struct uts_ns init_uts_ns;
/* Ranges of ids: first.. in the namespace are kernel_first.. to the kernel. Set once, then constant. */
struct id_map {
	u32 n;
	struct id_extent {
		u32 first, kernel_first, count;
	} extent[];
};
enum id_map_file { ID_MAP_UID, ID_MAP_GID, ID_MAP_SETGROUPS };
struct user_ns {
	struct ns_common ns;
	struct user_ns *parent;
	unsigned int level;
	uid_t owner_uid;
	gid_t owner_gid;
	struct id_map *uid_map, *gid_map; /* NULL: identity (the first only) or not yet written */
	bool setgroups_denied;
};
extern struct user_ns init_user_ns;

/* Never changes while shared: to change, copy (container/). Unset kinds are NULL. */
struct nsproxy {
	ref_t refs;
	struct uts_ns *uts;
	struct mnt_ns *mnt;
	struct pid_ns *pid_for_children; /* the task's own is in its struct pid */
	struct ns_common *net, *ipc, *cgroup, *time, *time_for_children;
};
extern struct nsproxy init_nsproxy;
static inline void nsproxy_get(struct nsproxy *p)
{
	ref_get(&p->refs);
}
void nsproxy_put(struct nsproxy *p);
struct nsproxy *nsproxy_copy(const struct nsproxy *old); /* references taken; NULL without memory */

/*
 * What a container layer adds to the kernel; all NULL without one (unshare gives EINVAL then, as a
 * Linux without namespaces). Filled in by its initcall.
 */
struct layer_ops {
	/* For clone and unshare: new namespaces as flags (CLONE_NEW*) say. *ns and *cred are replaced
	 * (references moved) when something changed. fs: the new task's own, to be moved. */
	int (*make_ns)(u64 flags, struct nsproxy **ns, const struct cred **cred, struct fs_context *fs);
	/* setns(2) with a /proc/N/ns file's namespace. flags: CLONE_NEW* or 0. */
	int (*enter_ns)(struct ns_common *target, struct task *t);
	/* The cgroup of a new task: charges pids. target: fd of CLONE_INTO_CGROUP or -1. -EAGAIN */
	int (*task_fork)(struct task *parent, struct task *child, int target_fd);
	/* The task leaves its group, running no more user code: at the end of exit, or when a fork
	 * fails after task_fork. */
	void (*task_exit)(struct task *t);
	/* Then, when it is reaped (or at once after a failed fork): gives its number and memory back. */
	void (*task_release)(struct task *t);
	/*
	 * The last thread of ns->init is exiting: kills everybody else in ns and waits until all their
	 * pids are gone. May sleep; called with no locks, before init becomes a zombie.
	 */
	void (*pid_ns_end)(struct pid_ns *ns);
	/* The text of /proc/N/cgroup. */
	void (*show_cgroup)(struct task *t, struct strbuf *out);
	/* Stops here while the group is frozen; called from the signal path. */
	void (*freeze)(void);
	/* An out-of-memory kill was made for res. */
	void (*oom_event)(struct res_counter *res, struct task *victim);
	/* The namespace behind /proc/N/ns/NAME ("pid", "pid_for_children", "user" ...): a reference, or
	 * NULL where t has none or the kind is not built. */
	struct ns_common *(*task_ns)(struct task *t, const char *name);
	/* The place that /proc/N/ns/NAME leads to: an nsfs file of ns. A reference in *to. 0 or -errno. */
	int (*ns_path)(struct ns_common *ns, struct path *to);
	/* The namespace that an open nsfs file stands for (no reference); NULL: another kind of file. */
	struct ns_common *(*file_ns)(struct file *f);
	/* /proc/N/uid_map, gid_map, setgroups of a process in ns: text, and writing (user_namespaces(7)).
	 * buf is NUL-terminated; n or -errno. */
	void (*map_show)(struct user_ns *ns, enum id_map_file which, struct strbuf *out);
	ssize_t (*map_write)(struct user_ns *ns, enum id_map_file which, char *buf, size_t n);
};
extern struct layer_ops layer;

/* ---- signals ---- */
#define SIG_MAX 64
typedef u64 ksigset_t;
#define SIGBIT(s) (1UL << ((s)-1))
struct ksiginfo {
	struct list_head link;
	siginfo_t info;
	bool queued; /* on the heap */
};
struct sigpending {
	ksigset_t set;
	struct list_head queue;
};
struct ksigaction {
	__sighandler_t handler;
	u64 flags;
	__sigrestore_t restorer;
	ksigset_t mask;
};
struct sighand { /* CLONE_SIGHAND */
	ref_t refs;
	struct ksigaction action[SIG_MAX];
};

/* ---- a process: what its threads share ---- */
struct process {
	ref_t refs;
	/* guarded by tasks_lock */
	struct list_head threads; /* task->thread_link; the leader first */
	unsigned int nr_threads;
	struct task *leader;
	struct task *parent, *real_parent_unused; /* parent: a process leader */
	struct list_head children, sibling;
	bool zombie, exiting, reaped, did_exec;
	int exit_status; /* as wait(2) shows it */
	int exit_signal; /* to the parent: SIGCHLD, 0 none */
	bool is_subreaper, has_child_subreaper;
	struct waitq wait_child; /* the parent sleeps here */
	/* stop and continue reports for waitpid */
	bool stopped, stop_reported, continued;
	int stop_signal;
	/* guarded by siglock */
	spinlock_t siglock;
	struct sigpending pending; /* for any of the threads */
	bool group_exit;
	struct waitq signalfd_wait;
	/* guarded by tasks_lock */
	struct tty *tty; /* controlling terminal; opaque here */
	bool session_leader;
	/* sums of threads and children that went */
	u64 user_ns, sys_ns, child_user_ns, child_sys_ns, child_minflt, child_majflt;
	u64 minflt, majflt, nvcsw, nivcsw, child_maxrss;
	struct rlimit64 rlim[RLIM_NLIMITS];
	u64 start_ns;
	int oom_score_adj;
	void *timers; /* POSIX timers, itimers: proc/timer.c */
};

struct task {
	struct thread thread; /* first: what the CPU runs */
	ref_t refs;
	struct process *proc;
	struct pid *pid;			  /* its own number; the leader's is the process's */
	struct pid *pids[PID_TYPES];		  /* PROCESS, GROUP, SESSION of the process */
	struct list_head pid_links[PID_TYPES];
	struct list_head thread_link;
	struct list_head all_link; /* every task */
	struct nsproxy *ns;
	struct sighand *sighand;
	/* guarded by proc->siglock */
	ksigset_t blocked, saved_mask;
	bool restore_mask; /* sigsuspend, ppoll: put saved_mask back on the way out */
	struct sigpending pending;
	struct {
		u64 sp, size;
		u32 flags;
	} altstack;
	/* restart_syscall(2) */
	long (*restart_fn)(struct task *t);
	u64 restart_arg[4];
	/* own thread only */
	u32 __user *clear_tid;
	u32 __user *set_tid;
	void __user *robust_list;
	bool no_new_privs, keep_caps, dumpable;
	int pdeath_signal;
	int exit_code; /* of this thread, wait(2) form */
	bool dead;
	u32 personality;
	struct waitq *vfork_done; /* the parent sleeps here until exec or exit */
	void *vfork_flag;
	void *cgroup; /* container/'s; opaque */
	struct list_head cgroup_link;
	void *seccomp; /* container/'s filter chain; opaque */
	void *ptrace;
};
#define current container_of(current_thread(), struct task, thread)
extern spinlock_t tasks_lock;
extern struct list_head all_tasks;

static inline void task_get(struct task *t)
{
	ref_get(&t->refs);
}
void task_put(struct task *t);
static inline struct pid_ns *task_pid_ns(const struct task *t)
{
	return t->pid->numbers[t->pid->level].ns;
}
/* Thread id and process id as t's reader `as` sees them. */
pid_t task_tid_in(const struct task *t, const struct pid_ns *ns);
pid_t task_tgid_in(const struct task *t, const struct pid_ns *ns);
struct task *task_find(struct pid_ns *ns, pid_t nr); /* by thread id, with a reference, or NULL */

/* ---- life ---- */
struct clone_args_k { /* clone3(2)'s, with what syscall/ prepared */
	u64 flags; /* CLONE_*, exit signal apart */
	int exit_signal;
	u64 stack; /* new stack pointer, 0: the same */
	u64 tls;
	int __user *parent_tid, *child_tid;
	int __user *pidfd;
	int cgroup_fd;
	const pid_t *set_tid;
	unsigned int set_tid_size;
};
/* fork, vfork, clone: the child's number in the caller's namespace, or -errno. */
long do_clone(const struct clone_args_k *args, const struct regs *regs);
/* execve(2); path, argv, envp are user pointers, or kernel strings when kernel is set. */
int do_execve(int dirfd, const void *path, const void *argv, const void *envp, int flags, bool kernel);
void __noreturn do_exit(int status_word);	/* this thread; wait(2) form */
void __noreturn do_group_exit(int status_word); /* the whole process */
/* wait4/waitid: see wait.c */
/* The first process: runs path (the first that works of /init, /sbin/init ...). */
void start_first_process(const char *path);

/* ---- sending signals: 0 or -errno; info NULL: from the kernel ---- */
int send_signal_task(int sig, const siginfo_t *info, struct task *t);
int send_signal_process(int sig, const siginfo_t *info, struct task *any_thread);
int send_signal_group(int sig, const siginfo_t *info, struct pid *pgrp); /* all processes in it */
void force_signal(int sig, const siginfo_t *info); /* current; not ignorable */
/* May the current task signal t? kill(2)'s rule. */
bool may_signal(int sig, struct task *t);
/* Ends every process of t's mm with SIGKILL (out of memory). */
void kill_mm(struct mm *mm);
bool signal_pending_any(void);

/* ---- credentials ---- */
struct cred *cred_copy(const struct cred *old); /* to change; NULL without memory */
void cred_put(const struct cred *c);
void cred_install(struct cred *c); /* becomes the current thread's; reference moves */
bool capable(int cap);		   /* in the first user namespace: for the machine's own things */
bool ns_capable(struct user_ns *ns, int cap); /* user_namespaces(7)'s rule */
/* Ids as user programs of ns see them, and back: (uid_t)-1 when unmapped. */
uid_t uid_to_ns(struct user_ns *ns, uid_t kuid);
uid_t uid_from_ns(struct user_ns *ns, uid_t uid);
gid_t gid_to_ns(struct user_ns *ns, gid_t kgid);
gid_t gid_from_ns(struct user_ns *ns, gid_t gid);

/* Registers /proc files outside the N folders: name may hold slashes ("sys/kernel/hostname"). */
void procfs_add(const struct pseudo_file *pf, void *priv);

void proc_init(void); /* the first task (the boot thread), procfs, pid and user namespaces */

/* The state of the leak check: /proc/dyad/counts shows name and count, a line each. */
void counts_register(const char *name, const u64 *count);
