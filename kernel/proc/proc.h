/* SPDX-License-Identifier: MIT */
/*
 * The face of proc/: processes. A task is one thread of a process; what its threads share is in
 * struct process. Numbers (pids) are objects of their own, one number in each pid namespace from
 * the process's own up to the first. See clone(2), pid_namespaces(7), credentials(7), signal(7).
 *
 * tasks_lock guards the tree (parent, children, groups, sessions) and who is alive; each process's
 * siglock guards its signals, and the pointers that other tasks may follow: a task's mm, fs, files,
 * cred and ns are changed by the task itself only and with siglock held; another task reads them
 * with siglock held, by the task_*_get() below. Order: tasks_lock, siglock, sighand->lock.
 */
#pragma once
#include "fs/fs.h"

#include <asm/siginfo.h>
#include <asm/signal.h>
#include <linux/resource.h>
#include <linux/sysinfo.h>
#include <linux/time.h>
#include <linux/time_types.h>
#include <linux/times.h>
#include <linux/utsname.h>

/* ---- pid numbers ---- */
struct sched_attr;
union bpf_attr;
struct bpf_insn;
struct __sk_buff;
struct cgroup;
struct pid_ns {
	struct ns_common ns;
	struct idr ids; /* number -> struct pid; guarded by pid_lock */
	unsigned int level; /* 0: the first */
	struct pid_ns *parent;
	struct task *init; /* pid 1: reaps, and takes all others with it. NULL before and after */
	bool dying; /* no more processes */
	u64 nr_pids;
	struct waitq empty; /* woken as pids go */
	u32 pid_max;
};
/* Guards ids, nr_pids, dying of every pid_ns. Inside tasks_lock and siglock. */
extern spinlock_t pid_lock;
extern struct pid_ns init_pid_ns;
extern const struct ns_ops pid_ns_ops;

enum pid_type { PID_TASK, PID_PROCESS, PID_GROUP, PID_SESSION, PID_TYPES };
struct pid {
	ref_t refs;
	unsigned int level;
	struct list_head tasks[PID_TYPES]; /* members, by task->pid_links; guarded by tasks_lock */
	struct waitq wait; /* pidfd: the process ended */
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
struct pid *pid_find(struct pid_ns *ns, pid_t nr); /* a reference, or NULL */

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
#define NS_KINDS 8
#define NS_MAX_DEFAULT 0x7fffffff
	/* Of namespaces that it or a descendant owns, by kind: how many there are, and may be. */
	u32 ns_count[NS_KINDS], ns_max[NS_KINDS];
};
extern struct user_ns init_user_ns;

/* System V IPC and POSIX message queues (sysvipc(7), mq_overview(7)): proc/ipc.h has the objects. */
enum ipc_kind { IPC_SEM, IPC_MSG, IPC_SHM, IPC_KINDS };
/* clang-format off */
enum ipc_limit { /* /proc/sys/kernel/shmmax ..., /proc/sys/fs/mqueue/queues_max ... */
	SHM_MAX, SHM_ALL, SHM_MNI, SEM_MSL, SEM_MNS, SEM_OPM, SEM_MNI, MSG_MAX, MSG_MNB, MSG_MNI,
	MQ_QUEUES, MQ_MSGS, MQ_MSGSIZE, MQ_MSGS_DEFAULT, MQ_MSGSIZE_DEFAULT, IPC_LIMITS
};
/* clang-format on */
struct ipc_ns {
	struct ns_common ns;
	struct mutex lock; /* guards the rest and what the tables hold; inside mm->lock */
	struct ipc_table {
		struct idr by_index; /* index: an id's lower bits */
		struct radix by_key;
		u32 in_use, round; /* round: of the indices, an id's upper bits */
		s64 last; /* index given out */
	} table[IPC_KINDS];
	u64 limit[IPC_LIMITS];
	u64 shm_pages, nr_sems, msg_count, msg_bytes; /* in use */
	struct mount *mqueue; /* the queues' file system; NULL until it is wanted */
};
extern struct ipc_ns init_ipc_ns;
void ipc_ns_setup(struct ipc_ns *ns); /* empty tables and Linux's limits; all but ns->ns */
void ipc_ns_drain(struct ipc_ns *ns); /* the last reference went, and all in it goes */
/* t leaves its IPC namespace, or stops to share its SEM_UNDO values: they are applied with the last. */
void sem_undo_leave(struct task *t);

/* What clocks show more than the machine's (time_namespaces(7)), in ns. */
struct time_ns {
	struct ns_common ns;
	s64 monotonic, boottime;
	bool frozen; /* a process has entered it: they no longer change */
};
extern struct time_ns init_time_ns;

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
/* A task with a space of its own begins to live in the time namespace for children: replaces *ns (the
 * reference moves) when that is another one. -ENOMEM */
int nsproxy_enter_time(struct nsproxy **ns);

/*
 * What a container layer adds to the kernel; all NULL without one (unshare gives EINVAL then, as a
 * Linux without namespaces). Filled in by its initcall.
 */
struct layer_ops {
	/* For clone and unshare: new namespaces as flags (CLONE_NEW*) say. *ns and *cred are replaced
	 * (references moved) when something changed. fs: the new task's own, to be moved. */
	int (*make_ns)(u64 flags, struct nsproxy **ns, const struct cred **cred,
		       struct fs_context *fs);
	/* setns(2): t, the current task, into all n namespaces, a user namespace first among them, or
	 * into none. -EPERM, -EINVAL, -EUSERS, -ENOMEM */
	int (*enter_ns)(struct ns_common *const *targets, unsigned int n, struct task *t);
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
	/* The CPUs that t's group has: sched_setaffinity(2) chooses among them. */
	cpumask_t (*cpus_allowed)(struct task *t);
	/* seccomp(2), on user memory. */
	long (*seccomp)(unsigned int op, unsigned int flags, void __user *args);
	/* Of a task with THREAD_WORK_SECCOMP: is the call in regs to be made? False: its result is there. */
	bool (*seccomp_allows)(struct regs *regs);
	/* The current task's filters, which it has, for its new child as well. siglock held. */
	void (*seccomp_fork)(struct task *child);
	/* bpf(2), of BPF_PROG_ATTACH, DETACH, QUERY: a and, to write results, what it is a copy of. */
	long (*bpf_group)(int cmd, const union bpf_attr *a, union bpf_attr __user *ua);
	/* May the current task do that (BPF_DEVCG_ACC_*) to a device? 0 or -EPERM. */
	int (*device_allowed)(bool block, dev_t dev, u32 access);
	/* A reference to cg (NULL: the current task's), and its end; any context. */
	struct cgroup *(*group_get)(struct cgroup *cg);
	void (*group_put)(struct cgroup *cg);
	/* May a socket of cg send (out) or receive this packet? Any context. */
	bool (*packet_allowed)(struct cgroup *cg, const struct __sk_buff *skb, bool out);
	int (*seccomp_mode)(struct task *t,
			    unsigned int *filters); /* SECCOMP_MODE_*, how many filters */
};
extern struct layer_ops layer;

/* ---- bpf(2): bpf.c ---- */
struct bpf_prog {
	ref_t refs; /* descriptors, groups */
	u32 type; /* BPF_PROG_TYPE_* */
	u32 id; /* a number that no other has */
	unsigned int n;
	u64 load_time;
	uid_t uid;
	bool gpl;
	char name[16];
	struct bpf_insn *insns; /* n of them, checked; behind this */
};
long bpf_call(int cmd, union bpf_attr __user *attr, unsigned int size);
void bpf_prog_put(struct bpf_prog *p); /* any context */
/* The program of a descriptor, with a reference; type 0: any. ERR_PTR(-EBADF, -EINVAL). */
struct bpf_prog *bpf_prog_of_fd(int fd, u32 type);
/* How many programs about packets are attached: while 0, nobody needs to ask. Read without a lock. */
extern u64 nr_packet_progs;
void show_cpu_list(struct strbuf *out, cpumask_t mask); /* "0-2,5" */

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
	__sigrestore_t restorer;
	ksigset_t mask;
	u32 flags;
} __packed; /* so that a page holds two struct sighand */
struct sighand { /* CLONE_SIGHAND */
	ref_t refs;
	spinlock_t lock; /* guards the rest; processes that share it have different siglocks */
	struct ksigaction action[SIG_MAX]; /* [signal - 1] */
};

/* ---- a process: what its threads share ---- */
struct usage { /* getrusage(2) */
	u64 user_ns, sys_ns, minflt, majflt, nvcsw, nivcsw;
	u64 maxrss; /* pages */
};
struct process {
	ref_t refs;
	/* changed with tasks_lock and siglock held, read with either */
	struct list_head threads; /* task->thread_link; the leader first */
	unsigned int
		nr_threads; /* in threads: a leader that ended stays until the process is reaped */
	unsigned int nr_live; /* of these, not yet ended */
	struct task *leader;
	struct pid *pid; /* the process id, constant; a reference */
	/* guarded by tasks_lock */
	struct process *parent; /* process 0 for the first; may be gone once reaped */
	pid_t ppid; /* its number in our own pid namespace, for getppid(2), which takes no lock */
	struct list_head children, sibling; /* zombies stand first in children */
	struct list_head tracees; /* whom its threads trace: task->ptrace.link */
	const struct task *forker; /* the parent's thread that made it; only compared */
	bool zombie; /* all threads ended, not yet waited for */
	bool held; /* a zombie that its tracer takes first, then the parent learns of it */
	bool reaped; /* set with siglock held, too: leader and parent are there until then */
	bool did_exec;
	int exit_status; /* as wait(2) shows it */
	int exit_signal; /* to the parent: SIGCHLD, 0 none */
	bool is_subreaper, has_child_subreaper;
	struct waitq wait_child; /* its threads sleep here in wait(2) */
	/* job control; guarded by siglock */
	bool stopping; /* every thread is to stop at its next return to ring 3 */
	bool stopped; /* all have */
	bool stop_report, continue_report; /* waitid(2) has not yet taken the news */
	bool continue_news; /* the parent is still to be told */
	bool stop_dequeued; /* a stop signal is being acted on; SIGCONT takes it back */
	unsigned int nr_stopped;
	int stop_signal;
	/* guarded by siglock */
	spinlock_t siglock;
	struct sigpending pending; /* for any of the threads */
	unsigned int nr_queued; /* entries of this and the threads' queues: RLIMIT_SIGPENDING */
	bool group_exit; /* all threads are to end, with group_status */
	struct task *exec_task; /* the thread whose execve(2) ends the others */
	int group_status;
	bool unkillable; /* the init of its pid namespace: signals without a handler do nothing */
	bool timers_ended; /* the last thread is gone: none of its timers may start any more */
	/* guarded by tasks_lock */
	struct tty *tty; /* controlling terminal; opaque here */
	bool session_leader;
	struct usage used,
		children_used; /* by threads that ended; by children that were waited for */
	struct rlimit64 rlim[RLIM_NLIMITS];
	u64 start_ns;
	int oom_score_adj, oom_score_adj_min;
	struct proc_timers *timers; /* POSIX timers, itimers: proc/timer.c; NULL until used */
};

/* What ptrace(2) knows of a task: proc/ptrace.c */
struct ptrace {
	/* changed with tasks_lock and siglock held, read with either */
	struct task *tracer; /* NULL: not traced */
	struct list_head link; /* in the tracer's process's tracees */
	const struct cred *cred; /* the tracer's, as it was when it began */
	bool seized; /* PTRACE_SEIZE: stops of its own kind, no SIGSTOP */
	/* guarded by siglock */
	u32 options; /* PTRACE_O_* */
	bool stopped; /* sleeps for the tracer */
	bool listening; /* PTRACE_LISTEN: as if it were not stopped */
	bool interrupt, notify; /* it is to stop: PTRACE_INTERRUPT; news of job control */
	bool stop_counted; /* part of the group stop: in proc->nr_stopped */
	bool stop_left; /* the tracer let it go on in spite of the group stop */
	int code; /* the stop as wait(2) shows it, 0: taken; then the signal to go on with */
	u64 message; /* PTRACE_GETEVENTMSG */
	siginfo_t *info; /* of the stop; NULL: a group stop */
	/* its own, or the tracer's while it is stopped */
	bool calls; /* PTRACE_SYSCALL: stops at system calls */
	bool stepping, forced_tf; /* PTRACE_SINGLESTEP; RFLAGS.TF is not the program's own */
	u64 debug[8]; /* DR0-3 and DR7, THREAD_WORK_DEBUG when one is on; DR6 with 1 for a hit */
};

struct task {
	struct thread thread; /* first: what the CPU runs */
	ref_t refs;
	struct process *proc;
	struct pid *pid; /* its own number; the leader's is the process's */
	struct pid *pids[PID_TYPES]; /* PROCESS, GROUP, SESSION of the process */
	struct list_head pid_links[PID_TYPES];
	struct list_head thread_link;
	struct list_head all_link; /* every task */
	struct nsproxy *ns;
	struct sighand *sighand;
	struct sem_undos *sem_undos; /* own thread only; NULL until used */
	/* guarded by proc->siglock */
	ksigset_t blocked, saved_mask;
	ksigset_t real_blocked; /* while sigtimedwait(2) lets its signals through */
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
	bool exiting; /* runs no more user code; guarded by siglock */
	bool dead; /* left everything but the lists; guarded by tasks_lock */
	u32 personality;
	u64 timer_slack, timer_slack_born; /* prctl(2), PR_SET_TIMERSLACK: ns */
	/* proc/policy.c's; each a word that anybody who may writes */
	int nice, policy; /* SCHED_* */
	bool sched_reset; /* SCHED_RESET_ON_FORK */
	u16 ioprio; /* of ioprio_set(2); 0: never set */
	bool vfork_pending; /* the parent sleeps in vfork_wait until exec or exit clears it */
	struct waitq vfork_wait;
	void *cgroup; /* container/'s; opaque */
	struct list_head cgroup_link;
	void *seccomp; /* container/'s filters; opaque. Changed with siglock held */
	struct ptrace ptrace;
	bool in_exec; /* execve(2) has begun to reckon its rights; guarded by siglock */
};
#define current container_of(current_thread(), struct task, thread)
extern spinlock_t tasks_lock;
extern struct list_head all_tasks; /* guarded by tasks_lock */
/* The task around t, or NULL when t is a bare kernel thread of sched/. */
struct task *thread_task(struct thread *t);

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
pid_t task_ppid_in(const struct task *t, const struct pid_ns *ns);
pid_t task_tracer_in(const struct task *t, const struct pid_ns *ns); /* 0: none */
struct task *task_find(struct pid_ns *ns, pid_t nr); /* by thread id, with a reference, or NULL */
/* The same in the caller's namespace, 0 being the caller itself. */
struct task *task_by_number(pid_t nr);
/* The process leader of a process id, with a reference, or NULL. */
struct task *task_find_process(struct pid_ns *ns, pid_t nr);
/* The first task of p as `type`, with a reference, or NULL. */
struct task *pid_task(struct pid *p, enum pid_type type);
/* Group and session of the task's process; no reference, tasks_lock held (or of current itself). */
struct pid *task_pgrp(const struct task *t);
struct pid *task_session(const struct task *t);
/* What another task runs with, a reference each; NULL when it has none (any more). */
struct mm *task_mm_get(struct task *t); /* as a user: mm_put_user() */
struct fs_context *task_fs_get(struct task *t);
struct files *task_files_get(struct task *t);
struct nsproxy *task_ns_get(struct task *t);
const struct cred *task_cred_get(struct task *t); /* never NULL */
/* Swaps the current task's namespaces; references move. For container/. */
void task_ns_install(struct nsproxy *ns);

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
int do_execve(int dirfd, const void *path, const void *argv, const void *envp, int flags,
	      bool kernel);
void __noreturn do_exit(int status_word); /* this thread; wait(2) form */
void __noreturn do_group_exit(int status_word); /* the whole process */
/* wait4(2), waitid(2); status, info and ru are kernel memory and may be NULL. The number waited for
 * (do_waitid: 0), 0 with WNOHANG, -ECHILD, -EINVAL, -ERESTARTSYS. info->si_pid 0: nothing there. */
long do_wait4(pid_t pid, int *status, int options, struct rusage *ru);
long do_waitid(int which, pid_t id, siginfo_t *info, int options, struct rusage *ru);
/* unshare(2), setns(2): -EINVAL for kinds that no layer makes. */
int do_unshare(u64 flags);
int do_setns(int fd, int flags);
/* The first process: runs path (the first that works of /init, /sbin/init ...). */
void start_first_process(const char *path);

/* ---- sending signals: 0 or -errno; info NULL: from the kernel ---- */
int send_signal_task(int sig, const siginfo_t *info, struct task *t);
int send_signal_process(int sig, const siginfo_t *info, struct task *any_thread);
int send_signal_group(int sig, const siginfo_t *info, struct pid *pgrp); /* all processes in it */
void force_signal(int sig, const siginfo_t *info); /* current; not ignorable */
/* May the current task signal t? kill(2)'s rule. */
bool may_signal(int sig, struct task *t);
void signal_self(int sig); /* to this thread, as if by itself with kill(2): SIGPIPE */
/* Ends every process of t's mm with SIGKILL (out of memory). */
void kill_mm(struct mm *mm);

/* ---- the signal system calls, on kernel memory: 0 or -errno ---- */
int do_kill(pid_t pid, int sig);
int do_tgkill(pid_t tgid, pid_t tid, int sig); /* tkill(2): tgid 0 */
/* rt_sigqueueinfo(2) with tid 0, rt_tgsigqueueinfo(2) else; info as the user gave it. */
int do_sigqueue(pid_t tgid, pid_t tid, int sig, siginfo_t *info);
int do_sigaction(int sig, const struct ksigaction *act, struct ksigaction *old); /* either NULL */
int do_sigprocmask(int how, const ksigset_t *set, ksigset_t *old); /* either NULL */
int do_sigaltstack(const stack_t *ss, stack_t *old, u64 sp); /* sp: the user stack pointer now */
/* Restores what the frame at regs->rsp says; the value is the call's result (old rax). */
long do_rt_sigreturn(struct regs *regs);
ksigset_t do_sigpending(void);
/* Takes one signal of set: its number, -EAGAIN at the deadline (clock_ns()), -EINTR. */
int do_sigtimedwait(ksigset_t set, siginfo_t *info, u64 deadline);
int do_sigsuspend(ksigset_t mask); /* -ERESTARTNOHAND */
int do_pause(void);
long do_restart_syscall(void);
/*
 * ppoll, pselect, epoll_pwait: mask for the call's time. End with sigmask_end(): interrupted keeps
 * the mask until the handler has run, else the old one is back at once.
 */
void sigmask_begin(ksigset_t mask);
void sigmask_end(bool interrupted);
/* Takes the next signal of the current task that is in set: its number, or 0. For signalfd. */
int dequeue_signal(ksigset_t set, siginfo_t *info);
/* signalfd4(2): fd -1 makes a descriptor, else changes its mask. */
int do_signalfd(int fd, ksigset_t mask, int flags);

/*
 * THREAD_WORK_SIGNAL, on the way to ring 3: one signal is handled, by a frame in regs, a stop or death, and
 * the call that it interrupted. The bit is set again while more are pending.
 */
void do_signal(struct regs *regs);
/* For entry_ops, see x86/x86.h: what user code's exceptions and faults mean. */
void task_user_exception(struct regs *regs, u64 addr);
bool task_page_fault(struct regs *regs, u64 addr, u64 error);

/* ---- credentials ---- */
struct cred *cred_copy(const struct cred *old); /* to change; NULL without memory */
static inline void cred_get(const struct cred *c)
{
	ref_get((ref_t *)&c->refs);
}
void cred_put(const struct cred *c);
void cred_install(struct cred *c); /* becomes the current thread's; reference moves */
bool capable(int cap); /* in the first user namespace: for the machine's own things */
bool cred_ns_capable(const struct cred *c, struct user_ns *ns, int cap);
bool ns_capable(struct user_ns *ns, int cap); /* user_namespaces(7)'s rule */
/* Ids as user programs of ns see them, and back: (uid_t)-1 when unmapped. */
uid_t uid_to_ns(struct user_ns *ns, uid_t kuid);
uid_t uid_from_ns(struct user_ns *ns, uid_t uid);
gid_t gid_to_ns(struct user_ns *ns, gid_t kgid);
gid_t gid_from_ns(struct user_ns *ns, gid_t gid);
/* Ids in results: an id that the caller's user namespace does not map shows as 65534. */
uid_t uid_shown(uid_t kuid);
gid_t gid_shown(gid_t kgid);

extern struct cred init_cred;
/*
 * The identity calls, for user or group ids as the caller's user namespace counts them; (u32)-1:
 * leave. 0, -EPERM, -EINVAL (not mapped).
 */
enum id_call { SET_ID, SET_REID, SET_RESID }; /* setuid(2), setreuid(2), setresuid(2) */
int do_set_ids(bool group, enum id_call call, u32 r, u32 e, u32 s);
u32 do_set_fs_id(bool group, u32 id); /* setfsuid(2): the old one (a kernel id), changed or not */
bool may_setgroups(void);
int do_setgroups(unsigned int n, const gid_t *gids); /* who may: at most NGROUPS_MAX_DYAD */
int do_getgroups(int n, gid_t *gids); /* count; n 0: the count only */
int do_capget(pid_t pid, u64 *effective, u64 *permitted, u64 *inheritable);
int do_capset(u64 effective, u64 permitted, u64 inheritable);
/* prctl(2): result or -errno; PR_* that are not known give -EINVAL. */
long do_prctl(int option, u64 a2, u64 a3, u64 a4, u64 a5);
long do_arch_prctl(int code, u64 addr);
int do_setpgid(pid_t pid, pid_t pgid);
pid_t do_getpgid(pid_t pid);
pid_t do_getsid(pid_t pid);
pid_t do_setsid(void);
bool pgrp_orphaned(struct pid *pgrp); /* tasks_lock held */

/* ---- ptrace(2) ---- */
/* The system call: addr and data as the request says. Result or -errno. */
long do_ptrace(long request, pid_t pid, u64 addr, u64 data);
/* The two ends of a system call under THREAD_WORK_TRACE. False: killed, the call is not to be made. */
bool ptrace_syscall_enter(struct regs *regs);
void ptrace_syscall_exit(struct regs *regs);
bool ptrace_seccomp(u32 data); /* stops for a tracer that follows filters; false: there is none */
void ptrace_load_debug(void); /* THREAD_WORK_DEBUG, interrupts off: debug registers into the CPU */
/* May the current task look into t (PTRACE_MODE_*)? fs: by file system ids, for /proc's files. */
bool ptrace_may_access(struct task *t, bool fs);
/* Its memory for the current task to look into: a user's reference; NULL, it has none; -EACCES; -EINTR */
struct mm *task_mm_access(struct task *t, bool fs);
/* Between the caller's buffers and n bytes at addr of mm: bytes moved, short where a page is missing;
 * -EFAULT. forced: as a debugger (mm_access_forced()), -EIO for what is missing there. */
ssize_t vm_move(struct mm *mm, u64 addr, struct uio *u, size_t n, bool write, bool forced);

/* ---- resources and time ---- */
int do_prlimit(pid_t pid, unsigned int res, const struct rlimit64 *new, struct rlimit64 *old);
int do_getrusage(int who, struct rusage *ru);
long do_times(struct tms *tms); /* ticks since boot */
int do_getpriority(int which, int who); /* 20 - nice: 1..40 */
int do_setpriority(int which, int who, int nice);
int do_ioprio_get(int which, int who);
int do_ioprio_set(int which, int who, int prio);
/* The attributes are in kernel memory. keep_nice: those of the old calls, which know no nice value. */
int do_sched_setattr(pid_t pid, struct sched_attr *a, bool keep_nice);
int do_sched_getattr(pid_t pid, struct sched_attr *a);
int sched_priority_bound(int policy, bool highest); /* sched_get_priority_max(2), _min */
int do_sched_setaffinity(pid_t pid, cpumask_t mask);
int do_sched_getaffinity(pid_t pid, cpumask_t *mask);
void do_uname(struct new_utsname *u);
int do_sethostname(const char *name, size_t n);
int do_setdomainname(const char *name, size_t n);
void do_sysinfo(struct sysinfo *si);
/* Time of any clockid_t in ns: -EINVAL. */
int do_clock_gettime(int clock, u64 *ns);
s64 clock_offset(int clock); /* what a clock of time shows the caller more than clock_ns(), in ns */
int do_clock_getres(int clock, u64 *ns);
int do_clock_settime(int clock, u64 ns);
extern struct waitq clock_set_wait; /* woken when somebody set CLOCK_REALTIME */
/* clock_nanosleep(2): ns relative, or absolute with TIMER_ABSTIME; rmtp may be NULL. */
long do_nanosleep(int clock, int flags, u64 ns, struct __kernel_timespec __user *rmtp);
int do_setitimer(int which, const struct itimerval *new, struct itimerval *old);
int do_getitimer(int which, struct itimerval *old);
unsigned int do_alarm(unsigned int seconds);
int do_timer_create(int clock, const struct sigevent *ev, int *id); /* ev NULL: SIGALRM */
int do_timer_settime(int id, int flags, const struct __kernel_itimerspec *new,
		     struct __kernel_itimerspec *old);
int do_timer_gettime(int id, struct __kernel_itimerspec *cur);
int do_timer_getoverrun(int id);
int do_timer_delete(int id);
/* timespec to ns, saturating; -EINVAL for negative or nsec out of range. */
int timespec_to_ns(const struct __kernel_timespec *ts, u64 *ns);
struct __kernel_timespec ns_to_timespec(u64 ns);

/* futex(2); timeout in kernel memory, meaning as op says; val2 for the requeues. */
long do_futex(u32 __user *uaddr, int op, u32 val, const struct __kernel_timespec *timeout, u32 val2,
	      u32 __user *uaddr2, u32 val3);
/* futex_waitv(): sleeps until one of 1 to FUTEX_WAITV_MAX words is woken: its index. -EAGAIN, -ETIMEDOUT */
struct futex_waitv;
long do_futex_waitv(const struct futex_waitv *v, unsigned int nr,
		    const struct __kernel_timespec *timeout, int clock);
int futex_wake(u32 __user *uaddr, int nr); /* shared or private key alike; count woken */

/* ---- System V IPC: shmget(2), shmop(2), semop(2) ...; results as there ---- */
long do_ipc_get(enum ipc_kind kind, int key, u64 size, int flags);
long do_shmat(int id, u64 addr, int flags);
long do_shmdt(u64 addr);
long do_shmctl(int id, int cmd, void __user *buf);
/* n operations in kernel memory; deadline in clock_ns(), ~0UL: none. */
struct sembuf;
long do_semop(int id, struct sembuf *ops, unsigned int n, u64 deadline);
u64 semop_max(void); /* how many operations one call may have */
long do_semctl(int id, int num, int cmd, u64 arg);
/* um: a long, the type, and then the text. */
long do_msgsnd(int id, const void __user *um, size_t size, int flags);
long do_msgrcv(int id, void __user *um, size_t size, long type, int flags);
long do_msgctl(int id, int cmd, void __user *buf);
/* mq_open(3) and its kin; names without the slash; deadlines in clock_ns(), ~0UL: none. */
struct mq_attr;
int do_mq_open(const char *name, int flags, mode_t mode, const struct mq_attr *attr); /* or NULL */
int do_mq_unlink(const char *name);
int do_mq_send(int fd, const void __user *text, size_t size, unsigned int prio, u64 deadline);
long do_mq_receive(int fd, void __user *text, size_t size, unsigned int __user *prio, u64 deadline);
int do_mq_notify(int fd, const struct sigevent *ev); /* NULL: no longer */
int do_mq_getsetattr(int fd, const struct mq_attr *new, struct mq_attr *old); /* new or NULL */
bool clock_allowed(int clock); /* those that wake a machine that sleeps take CAP_WAKE_ALARM */
/* A point in time of a clock as a deadline: -EOPNOTSUPP for those nobody can sleep on, -EINVAL */
int clock_deadline(int clock, bool absolute, u64 ns, u64 *deadline);

/* ---- pidfd ---- */
int do_pidfd_open(pid_t pid, unsigned int flags);
int do_pidfd_send_signal(int pidfd, int sig, siginfo_t *info,
			 unsigned int flags); /* info or NULL */
int do_pidfd_getfd(int pidfd, int fd, unsigned int flags);
/* The pid of a pidfd, with a reference; ERR_PTR(-EBADF). */
struct pid *pidfd_pid(int fd);

/* What a terminal adds, set by dev/; NULL without. A session leader ends; for /proc/N/stat: device
 * number as stat(2) has it and the foreground group (no reference; tasks_lock held). */
extern void (*tty_leader_exit)(struct process *p);
extern void (*tty_info)(struct tty *tty, u64 *dev, struct pid **pgrp);

/* Registers /proc files outside the N folders: name may hold slashes ("sys/kernel/hostname"). */
void procfs_add(const struct pseudo_file *pf, void *priv);
/* Numbers as a file of /proc/sys takes them, n at most, with white space between: how many, -EINVAL. */
int sysctl_parse(char *text, u64 *v, unsigned int n);
/* A file of /proc/N/net; show() is told the network namespace of process N. For net/, at boot. */
void proc_net_add(const char *name, int (*show)(struct strbuf *out, struct ns_common *net));

void proc_init(void); /* the first task (the boot thread), procfs, pid and user namespaces */

/* The state of the leak check: /proc/dyad/counts shows name and count, a line each. */
void counts_register(const char *name, const u64 *count);
/* Called before: ends what only waits for time to pass. Set by net/, whose closed connections do. */
extern void (*counts_settle)(void);
/* SIGEV_THREAD of mq_notify(3), set by net/: n bytes for the netlink socket f, as from the kernel; with n 0
 * only asks. -ENOTSOCK, -EINVAL: not of netlink; -ENOMEM */
extern int (*mq_cookie_send)(struct file *f, const void *data, size_t n);
