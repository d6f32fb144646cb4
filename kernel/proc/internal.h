/* SPDX-License-Identifier: MIT */
/* What the rooms of proc/ give each other and nobody else. */
#pragma once
#include "proc/proc.h"

#include <linux/capability.h>
#include <linux/sched.h>
#include <linux/signal.h>

/* pid.c: a pid with the wanted numbers, want[0] in its own namespace, outwards; n of them. */
struct pid *pid_alloc_at(struct pid_ns *ns, const pid_t *want, unsigned int n);
/* Gives the numbers back; no task uses it any more. The struct lives on while referenced. */
void pid_release(struct pid *pid);

#define UTS_RELEASE "6.1.0-dyad"
#define UTS_VERSION "#1 Dyad"

/* Called by proc_init(), in this order. */
void cred_init(void);
void pid_init(void);
void nsproxy_init(void);
void ipc_init(void); /* after procfs_init() */
void mqueue_init(void);
void bpf_init(void); /* after procfs_init() */
int sem_undo_share(struct task *child); /* CLONE_SYSVSEM: -ENOMEM */
void signal_init(void);
void signalfd_init(void);
void oom_init(void);
s64 oom_score(struct task *t); /* /proc/N/oom_score: 0 never, 666 for a small one, up to 2000 */
void procfs_init(void);

/* task.c */
void counts_show(struct strbuf *out);
extern struct process swapper_process;
struct task *task_alloc(const char *name, void (*fn)(void *arg));
struct process *process_alloc(void);
void process_get(struct process *p);
void process_put(struct process *p);
struct sighand *sighand_new(const struct sighand *old); /* old NULL: all default */
void sighand_put(struct sighand *s);
void process_set_parent(struct process *p, struct process *parent); /* tasks_lock held, or p new */
/* Puts t into pid's list of type, with a reference; tasks_lock held. */
void task_attach_pid(struct task *t, enum pid_type type, struct pid *pid);
/* Takes it out, and gives the numbers back when that was the last use. The task keeps its pointer and
 * reference, unless another pid takes the place: then the caller puts this one, without locks.
 * tasks_lock held. */
struct pid *task_detach_pid(struct task *t, enum pid_type type);
struct file *task_file_get(struct task *t, int fd); /* t's descriptor: a reference, or NULL */
bool task_has_uid(struct task *t, uid_t uid); /* is it t's real one? t's siglock not held */
/* The real uid of who, as a signal or wait(2) tells it to viewer; neither's siglock held. */
uid_t task_uid_seen_by(struct task *who, struct task *viewer);
/* Replaces the current thread's address space; the old one comes back (the caller puts it). */
struct mm *task_switch_mm(struct mm *mm);
/* Iterates over p's threads: siglock or tasks_lock held. */
#define for_each_thread(t, p) list_for_each(t, &(p)->threads, thread_link)

/* exit.c */
/* Lets a waiting vfork parent go on. */
void vfork_done(struct task *t);
/* Robust futexes and clear_child_tid, while t's old space is still there. */
void exec_leave_mm(struct task *t);
/* Takes a dead task out of every list and collects it in gone; tasks_lock and siglock held. */
void release_task(struct task *t, struct list_head *gone);
/* Reaps zombie p: its sums go to its parent. tasks_lock held. */
void reap_process(struct process *p, struct list_head *gone);
/* t is dead and was kept for tracer's process, which has seen it: goes to its parent, or is gone.
 * tasks_lock held. */
void tracee_seen(struct task *t, struct process *tracer, struct list_head *gone);
/* Lets go of what was collected. No locks held. */
void put_released(struct list_head *gone);

/* signal.c; siglock held in the first five */
void signal_wake(struct task *t, bool kill);
void kill_other_threads(struct process *p, struct task *except);
/* force: SIGKILL and SIGSTOP reach even the init of a pid namespace. 0 or -EAGAIN (queue full). */
int send_locked(int sig, const siginfo_t *info, struct task *t, bool to_process, bool force);
bool stop_completed(struct process *p); /* true once, when the last thread has stopped */
bool stop_join(struct task *t); /* t takes part in the group stop; true when that completes it */
void flush_pending(struct sigpending *sp);
void discard_signal(struct process *p, struct sigpending *sp, int sig);
ksigset_t pending_set(const struct task *t);
/* SIGCHLD (or what sig says, 0: none) about who, a thread or a process, to process to. A stop (code
 * CLD_STOPPED ...) is told only if it wants to hear, and wakes its wait(2). tasks_lock held. */
void tell_process(struct process *to, struct task *who, int sig, int code, int status);
/* Tells p's parent, and a tracer who is another, that it stopped or went on (CLD_*). tasks_lock held. */
void notify_stop(struct process *p, int why);
/* What a signal or wait(2) says of the current task itself, as it sees itself. */
void own_siginfo(siginfo_t *info, int sig, int code);
void flush_handlers(struct sighand *s); /* execve(2): caught signals go back to default */
void set_blocked(ksigset_t mask);

#define SIGS_UNBLOCKABLE (SIGBIT(SIGKILL) | SIGBIT(SIGSTOP))
#define SIGS_STOP (SIGBIT(SIGSTOP) | SIGBIT(SIGTSTP) | SIGBIT(SIGTTIN) | SIGBIT(SIGTTOU))
#define SIGS_IGNORED (SIGBIT(SIGCONT) | SIGBIT(SIGCHLD) | SIGBIT(SIGWINCH) | SIGBIT(SIGURG))
#define SIGS_FAULT                                                                                 \
	(SIGBIT(SIGSEGV) | SIGBIT(SIGBUS) | SIGBIT(SIGILL) | SIGBIT(SIGTRAP) | SIGBIT(SIGFPE) |    \
	 SIGBIT(SIGSYS))

/* sigcall.c: pidfd_send_signal(2) to t's process; info NULL: as kill(2). */
int signal_by_pidfd(int sig, const siginfo_t *info, struct task *t);

/* sigframe.c */
int sigframe_setup(struct regs *regs, int sig, const struct ksigaction *act, const siginfo_t *info,
		   ksigset_t mask);

/* exec.c and elf.c */
struct exec {
	struct file *file;
	u8 head[256]; /* the file's first bytes, zero-padded */
	struct mm *mm; /* the new space, built while the old one still runs */
	const char *execfn;
	/*
	 * The strings as they will lie in memory, each NUL-terminated: prefix (what `#!` lines put in
	 * front), then the caller's argv and envp without the first `skip` bytes.
	 */
	struct strbuf prefix;
	char **pages; /* nr_pages of them */
	size_t nr_pages, len, skip, limit;
	unsigned int argc, envc;
	/* what the program file said */
	u64 entry, start, phdr; /* interpreter's or own entry; the program's own; its headers */
	u64 base; /* of the interpreter; 0: none */
	u16 phnum;
	bool exec_stack, no_aslr;
	bool closes; /* execfn goes by a descriptor that this execve(2) closes */
	u64 stack_top, sp;
	u64 random[4]; /* for AT_RANDOM two, and two whose bits go to the places drawn by lot */
	unsigned int drawn; /* how many of them are used up */
	/* identity to be */
	struct cred *cred;
	bool secure, unreadable; /* AT_SECURE; others may not look into it */
	bool keeps_personality; /* nothing was gained: personality(2)'s flags stay */
};
/* Maps the program in x->file into x->mm: -ENOEXEC when it is no good ELF, or what mapping it gave. */
int elf_load(struct exec *x);
/* Makes the stack with strings, vectors and auxiliary vector; sets x->sp. -E2BIG, -ENOMEM */
int elf_stack(struct exec *x);
/* A regular file that may be executed; ERR_PTR(-EACCES ...) */
struct file *exec_open(int dirfd, const char *name, unsigned int lookup);
/* The string stream piece at off: its address, and how long it goes on in *n. */
char *exec_strings(struct exec *x, size_t off, size_t *n);

/* resource.c */
struct usage thread_usage(struct task *t);
struct usage
process_usage_locked(struct process *p); /* its threads', those that ended, too; siglock */
struct usage process_usage(struct process *p); /* takes siglock */
void usage_add(struct usage *to, const struct usage *u);
void usage_to_rusage(const struct usage *u, struct rusage *ru);

/* time.c, timer.c */
static inline void ns_to_timeval(u64 ns, struct __kernel_old_timeval *tv)
{
	tv->tv_sec = ns / NSEC_PER_SEC;
	tv->tv_usec = ns % NSEC_PER_SEC / NSEC_PER_USEC;
}
#define CPU_CHECK_MIN (1 * NSEC_PER_MSEC) /* CPU time is not looked at more often */
#define CPUCLOCK_THREAD                                                                            \
	4 /* in the number of a CPU-time clock: a thread's (clock_getcpuclockid(3)) */
/* The two CPU-time clocks that have small numbers, under those that getcpuclockid would give. */
static inline int cpu_clock_id(int clock)
{
	return clock == CLOCK_PROCESS_CPUTIME_ID  ? -6
	       : clock == CLOCK_THREAD_CPUTIME_ID ? -2
						  : clock;
}
void timers_exit(struct process *p); /* the last thread ended: nothing fires any more */
void timers_exec(struct process *p); /* POSIX timers go, itimers stay */
int timers_cpu_limit(struct process *p); /* RLIMIT_CPU of p was set: watches it. -ENOMEM */
void timer_signal_taken(siginfo_t *info); /* a POSIX timer's signal was dequeued; siglock held */

/* policy.c: nice, policy, I/O priority for a new task */
void sched_fork(struct task *child);

/* futex.c */
void futex_exit_robust(struct task *t);

/* ids.c: do_arch_prctl() of t, which is the current task or stopped */
long task_arch_prctl(struct task *t, int code, u64 addr);

/* cred.c */
int cred_commit(struct cred *c); /* cred_install(), or -ENOMEM for NULL */
#define CAP_ALL (BIT(CAP_LAST_CAP + 1) - 1)

/* cred_exec.c: set-id bits and capabilities of x->file into x->cred. 0, -EPERM, -EINVAL (bad attribute) */
int cred_exec(struct exec *x);
void cred_exec_init(void);

/* pidfd.c */
struct file *pidfd_file(struct pid *pid, int flags); /* takes a reference of its own */
struct waitq *signalfd_queue(const struct process *p); /* woken when a signal comes */

/* ptrace.c */
#define PTRACE_SYSGOOD 0x80 /* in the code of a stop at a system call: PTRACE_O_TRACESYSGOOD */
static inline bool is_traced(const struct task *t)
{
	return t->ptrace.tracer;
}
/* Is t traced by another process than its parent, who then sees only ends and group stops? */
static inline bool is_traced_away(const struct task *t)
{
	return t->ptrace.tracer && t->ptrace.tracer->proc != t->proc->parent;
}
/* Tracing begins (child: as t is traced) and ends; tasks_lock and siglock held. */
void ptrace_inherit(struct task *child, const struct task *t);
void ptrace_unlink(struct task *t);
/* The current thread, a tracer, ends. tasks_lock held. */
void ptrace_tracer_exit(struct task *t, struct list_head *gone);
/* A stop where the tracer asked for it: PTRACE_EVENT_*. No locks held. */
void ptrace_event(int event, u64 message);
/* pid's number as the current task's tracer counts, 0: it has none. */
pid_t ptrace_number(const struct pid *pid);
static inline bool ptrace_wants(const struct task *t, int event)
{
	return t->ptrace.options & BIT(event); /* PTRACE_O_TRACE* are 1 << PTRACE_EVENT_* */
}
/* For the signal path, siglock held (dropped while stopped): what the tracer makes of signal sig, 0:
 * nothing; stops that are due, true: look again; job control's news for t. */
int ptrace_signal(struct task *t, int sig, siginfo_t *info);
bool ptrace_trap(struct task *t);
void ptrace_notify_trap(struct task *t);
/* Ends a stop: the tracee goes on. siglock held. */
void ptrace_wake(struct task *t);
/* Stops with a SIGTRAP of that code (and PTRACE_GETEVENTMSG's message): the signal to go on with. */
int ptrace_notify(int code, u64 message);

/* ptrace_regs.c: the state of stopped tracee t. Results as do_ptrace()'s. */
long ptrace_state_request(struct task *t, long request, u64 addr, u64 data);
void ptrace_set_step(struct task *t, bool on);
/* Which of the current task's own breakpoints a #DB reported in dr6 hit. */
u64 ptrace_debug_hits(struct regs *regs, u64 dr6);
void ptrace_forget_debug(struct task *t); /* execve(2) */
