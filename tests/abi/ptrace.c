/* SPDX-License-Identifier: MIT */
/* ptrace(2): who may trace whom, stops at system calls, events. */
#include <linux/sched.h>
#include <sys/prctl.h>
#include <time.h>

#include "ptrace.h"

/* ---- who may trace whom ---- */

static void traceme_twice(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		R(pt(PTRACE_TRACEME, 0, 0, 0));
		R(pt(PTRACE_TRACEME, 0, 0, 0));
		_exit(3);
	}
	say("%s", ended(reap(pid)));
}

static void errors(void)
{
	pid_t pid = child(forever);

	R(pt(PTRACE_CONT, pid, 0, 0));
	R(pt(PTRACE_KILL, pid, 0, 0));
	R(pt(PTRACE_INTERRUPT, pid, 0, 0));
	R(pt(9999, pid, 0, 0));
	R(pt(PTRACE_CONT, 0, 0, 0));
	R(pt(PTRACE_CONT, -1, 0, 0));
	R(pt(PTRACE_ATTACH, 0x7ffffff0, 0, 0));
	R(pt(PTRACE_ATTACH, getpid(), 0, 0));
	R(pt(PTRACE_SEIZE, getpid(), 0, 0));
	R(pt(PTRACE_SEIZE, pid, 1, 0));
	R(pt(PTRACE_SEIZE, pid, 0, 1 << 9));
	kill_off(pid);
	pid = tracee(nothing);
	R(pt(9999, pid, 0, 0));
	R(pt(PTRACE_CONT, pid, 0, 65));
	R(pt(PTRACE_CONT, pid, 0, -1));
	R(pt(PTRACE_DETACH, pid, 0, 65));
	R(pt(PTRACE_SETOPTIONS, pid, 0, 1 << 9));
	R(pt(PTRACE_INTERRUPT, pid, 0, 0));
	R(pt(PTRACE_LISTEN, pid, 0, 0));
	R(pt(PTRACE_ATTACH, pid, 0, 0));
	R(pt(PTRACE_GETREGS, pid, 0, 8));
	R(pt(PTRACE_GETSIGMASK, pid, 4, 0));
	R(pt(PTRACE_GETREGSET, pid, NT_PRSTATUS, 8));
	step_to("it goes on", PTRACE_CONT, pid, 0);
	R(pt(PTRACE_CONT, pid, 0, 0));
}

static void attach(void)
{
	pid_t pid = child(forever);
	siginfo_t si;

	until(pid, 'S');
	R(pt(PTRACE_ATTACH, pid, 0, 0));
	see("attached", pid);
	R(pt(PTRACE_GETSIGINFO, pid, 0, (long)&si));
	say("signal %d code %d", si.si_signo, si.si_code);
	say("state %c, traced by me %d", state(pid), tracer_of(pid) == getpid());
	R(pt(PTRACE_ATTACH, pid, 0, 0));
	R(pt(PTRACE_DETACH, pid, 0, 0));
	until(pid, 'S');
	say("state %c, traced by %d", state(pid), tracer_of(pid));
	R(pt(PTRACE_CONT, pid, 0, 0));
	R(pt(PTRACE_ATTACH, pid, 0, 0));
	see("again", pid);
	R(pt(PTRACE_DETACH, pid, 0, SIGTERM));
	say("%s", ended(reap(pid)));
}

static void attach_stopped(void)
{
	pid_t pid = child(forever);
	siginfo_t si;
	int status;

	kill(pid, SIGSTOP);
	say("%d", waitpid(pid, &status, WUNTRACED) == pid);
	R(pt(PTRACE_ATTACH, pid, 0, 0));
	say("at once %d: %s", waitpid(pid, &status, WNOHANG) == pid, seen(status));
	R(pt(PTRACE_GETSIGINFO, pid, 0, (long)&si));
	step_to("its own SIGSTOP", PTRACE_CONT, pid, 0);
	R(pt(PTRACE_GETSIGINFO, pid, 0, (long)&si));
	R(pt(PTRACE_DETACH, pid, 0, 0));
	until(pid, 'T');
	say("state %c: the group stop goes on", state(pid));
	kill(pid, SIGCONT);
	until(pid, 'S');
	say("state %c", state(pid));
	kill_off(pid);
}

static void not_mine(void)
{
	pid_t secret = fork(), pid;

	if (secret == 0) {
		if (!geteuid())
			setresuid(12345, 12345, 12345);
		prctl(PR_SET_DUMPABLE, 0);
		forever();
	}
	pid = fork();
	if (pid == 0) {
		char name[64];
		int fd;

		if (!geteuid())
			setresuid(12345, 12345, 12345);
		until(secret, 'S');
		R(pt(PTRACE_ATTACH, secret, 0, 0));
		R(pt(PTRACE_SEIZE, secret, 0, 0));
		R(pt(PTRACE_ATTACH, 1, 0, 0));
		snprintf(name, sizeof(name), "/proc/%d/mem", secret);
		fd = open(name, O_RDONLY);
		say("mem: %s", fd < 0 ? errno_name(errno) : "open");
		_exit(0);
	}
	say("%s", ended(reap(pid)));
	kill_off(secret);
}

static void tracer_ends(void)
{
	pid_t pid = child(forever), tracer, killed = child(forever);

	tracer = fork();
	if (tracer == 0) {
		pt(PTRACE_ATTACH, pid, 0, 0);
		see("attached", pid);
		pt(PTRACE_SEIZE, killed, 0, PTRACE_O_EXITKILL);
		_exit(0);
	}
	say("tracer: %s", ended(reap(tracer)));
	say("with EXITKILL: %s", ended(reap(killed)));
	until(pid, 'S');
	say("state %c, traced by %d", state(pid), tracer_of(pid));
	kill_off(pid);
}

/* ---- stops at system calls ---- */

static void calls(void)
{
	pid_t pid = tracee(two_calls);

	for (int i = 0; i < 4; i++) {
		long rax;

		step_to(i % 2 ? "exit" : "entry", PTRACE_SYSCALL, pid, 0);
		rax = REG(pid, rax);
		say("call %ld: %s", REG(pid, orig_rax),
		    rax == getpid() ? "my pid"
		    : rax < 0       ? errno_name(-rax)
				    : "?");
	}
	step_to("exit_group", PTRACE_SYSCALL, pid, 0);
	say("call %ld", REG(pid, orig_rax));
	step_to("end", PTRACE_SYSCALL, pid, 0);
}

static void calls_good(void)
{
	pid_t pid = tracee(two_calls);
	struct ptrace_syscall_info info;
	siginfo_t si;
	long n;

	R(pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD));
	n = pt(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), (long)&info);
	say("none: %ld op %d arch %x", n, info.op, info.arch);
	for (int i = 0; i < 4; i++) {
		memset(&info, 0xff, sizeof(info));
		step_to("call", PTRACE_SYSCALL, pid, 0);
		n = pt(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), (long)&info);
		pt(PTRACE_GETSIGINFO, pid, 0, (long)&si);
		say("size %ld op %d ip %d sp %d, signal %d code %#x, pid its own %d", n, info.op,
		    info.instruction_pointer == REG(pid, rip), info.stack_pointer == REG(pid, rsp),
		    si.si_signo, si.si_code, si.si_pid == pid);
		if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
			say("nr %d arg %d", (int)info.entry.nr,
			    info.entry.nr == SYS_close ? (int)info.entry.args[0] : 0);
		else
			say("error %d value %d", info.exit.is_error,
			    info.exit.is_error ? (int)info.exit.rval : 0);
	}
	R(pt(PTRACE_GET_SYSCALL_INFO, pid, 16, (long)&info));
	step_to("end", PTRACE_CONT, pid, 0);
}

static void say_results(void)
{
	errno = 0;
	say("getppid gives %ld", syscall(SYS_getppid));
	say("close gives %ld, %s", syscall(SYS_close, 1000), errno_name(errno));
	say("getuid gives %ld", syscall(SYS_getuid));
}

static void calls_changed(void)
{
	pid_t pid = tracee(say_results);

	to_call(pid, SYS_getppid);
	R(SET_REG(pid, orig_rax, -1));
	R(SET_REG(pid, rax, 4711));
	step_to("skipped", PTRACE_SYSCALL, pid, 0);
	to_call(pid, SYS_close);
	R(SET_REG(pid, orig_rax, 5000));
	step_to("unknown", PTRACE_SYSCALL, pid, 0);
	say("number %ld result %ld", REG(pid, orig_rax), REG(pid, rax));
	to_call(pid, SYS_getuid);
	step_to("exit", PTRACE_SYSCALL, pid, 0);
	R(SET_REG(pid, rax, 12));
	step_to("end", PTRACE_CONT, pid, 0);
}

static void sleeper(void)
{
	struct timespec ts = { 0, 300000000 };

	signal(SIGUSR1, SIG_IGN);
	say("nanosleep %d", nanosleep(&ts, NULL));
}

static void restarts(void)
{
	pid_t pid = tracee(sleeper);

	to_call(pid, SYS_nanosleep);
	go(PTRACE_SYSCALL, pid, 0);
	until(pid, 'S');
	kill(pid, SIGUSR1);
	see("interrupted", pid);
	say("call %d result %ld", REG(pid, orig_rax) == SYS_nanosleep, REG(pid, rax));
	step_to("the signal", PTRACE_SYSCALL, pid, 0);
	step_to("again", PTRACE_SYSCALL, pid, SIGUSR1);
	say("restart_syscall %d", REG(pid, orig_rax) == SYS_restart_syscall);
	step_to("over", PTRACE_SYSCALL, pid, 0);
	say("result %ld", REG(pid, rax));
	step_to("end", PTRACE_CONT, pid, 0);
}

static void restart_shown(void)
{
	pid_t pid = tracee(reader);

	to_call(pid, SYS_read);
	go(PTRACE_SYSCALL, pid, 0);
	until(pid, 'S');
	kill(pid, SIGUSR1);
	see("interrupted", pid);
	say("call %d result %ld", REG(pid, orig_rax) == SYS_read, REG(pid, rax));
	step_to("the signal", PTRACE_SYSCALL, pid, 0);
	step_to("without it", PTRACE_SYSCALL, pid, 0);
	say("read again %d", REG(pid, orig_rax) == SYS_read);
	kill_off(pid);
}

/* ---- events ---- */

static void forks(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(5);
	reap(pid);
}

static void vforks(void)
{
	pid_t pid = vfork();

	if (pid == 0)
		_exit(6);
	reap(pid);
}

static void event_of(void (*fn)(void), long options)
{
	pid_t pid = tracee(fn);
	unsigned long msg = 0;
	int status;

	R(pt(PTRACE_SETOPTIONS, pid, 0, options));
	go(PTRACE_CONT, pid, 0);
	for (int i = 0; i < 3 && WIFSTOPPED(status = next(pid)); i++) {
		unsigned long old = msg;

		say("parent: %s", seen(status));
		if (status >> 16) {
			R(pt(PTRACE_GETEVENTMSG, pid, 0, (long)&msg));
			say("message: a new pid %d", msg > 1 && (pid_t)msg != pid && msg != old);
		}
		if (status >> 16 && !old) {
			see("child", msg);
			say("traced by me %d", tracer_of(msg) == getpid());
			step_to("child", PTRACE_CONT, msg, 0);
		}
		go(PTRACE_CONT, pid, WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status));
	}
	say("parent: %s", seen(status));
}

static void event_fork(void)
{
	event_of(forks, PTRACE_O_TRACEFORK);
}
static void event_vfork(void)
{
	event_of(vforks, PTRACE_O_TRACEVFORK | PTRACE_O_TRACEVFORKDONE);
}

static int thread_fn(void *arg)
{
	syscall(SYS_getppid);
	syscall(SYS_exit, 9);
	return 0;
}
static char thread_stack[65536] __attribute__((aligned(16)));
#define THREAD_FLAGS (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD)

static void threads(void)
{
	clone(thread_fn, thread_stack + sizeof(thread_stack), THREAD_FLAGS, NULL);
	forever();
}

static void event_clone(void)
{
	pid_t pid = tracee(threads);
	unsigned long tid = 0;
	siginfo_t si;

	R(pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACECLONE));
	step_to("leader", PTRACE_CONT, pid, 0);
	R(pt(PTRACE_GETEVENTMSG, pid, 0, (long)&tid));
	R(waitpid(tid, NULL, __WNOTHREAD) == (pid_t)tid);
	go(PTRACE_CONT, pid, 0);
	step_to("thread", PTRACE_SYSCALL, tid, 0);
	say("getppid %d", REG(tid, orig_rax) == SYS_getppid);
	step_to("thread", PTRACE_SYSCALL, tid, 0);
	R(syscall(SYS_tkill, tid, SIGUSR1));
	step_to("thread", PTRACE_CONT, tid, 0);
	go(PTRACE_CONT, tid, 0);
	memset(&si, 0, sizeof(si));
	R(waitid(P_PID, tid, &si, WEXITED | WNOWAIT | __WALL));
	say("thread: code %d status %d", si.si_code, si.si_status);
	see("thread", tid);
	kill_off(pid);
}

static void exec_sigtrap(void)
{
	pid_t pid = tracee(execs);
	siginfo_t si;

	step_to("exec", PTRACE_CONT, pid, 0);
	R(pt(PTRACE_GETSIGINFO, pid, 0, (long)&si));
	say("signal %d code %d own pid %d", si.si_signo, si.si_code, si.si_pid == pid);
	step_to("end", PTRACE_CONT, pid, 0);
}

static void exec_event(void)
{
	pid_t pid = tracee(execs);
	unsigned long msg = 0;

	R(pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD));
	step_to("exec", PTRACE_CONT, pid, 0);
	R(pt(PTRACE_GETEVENTMSG, pid, 0, (long)&msg));
	say("its old number %d", (pid_t)msg == pid);
	say("call %d", REG(pid, orig_rax) == SYS_execve);
	step_to("exit of execve", PTRACE_SYSCALL, pid, 0);
	say("result %ld", REG(pid, rax));
	step_to("end", PTRACE_CONT, pid, 0);
}

static int exec_thread(void *arg)
{
	execs();
	return 0;
}
static void thread_execs(void)
{
	clone(exec_thread, thread_stack + sizeof(thread_stack), THREAD_FLAGS, NULL);
	forever();
}

static void exec_by_thread(void)
{
	pid_t pid = tracee(thread_execs);
	unsigned long tid = 0, msg = 0;

	R(pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEEXEC | PTRACE_O_TRACECLONE));
	step_to("clone", PTRACE_CONT, pid, 0);
	R(pt(PTRACE_GETEVENTMSG, pid, 0, (long)&tid));
	see("thread", tid);
	go(PTRACE_CONT, pid, 0);
	go(PTRACE_CONT, tid, 0);
	see("exec", pid);
	R(pt(PTRACE_GETEVENTMSG, pid, 0, (long)&msg));
	say("the thread's number %d", msg == tid && (pid_t)tid != pid);
	R(waitpid(tid, NULL, WNOHANG | __WALL));
	step_to("end", PTRACE_CONT, pid, 0);
}

static void event_exit(void)
{
	pid_t pid = tracee(nothing);
	unsigned long msg = 0;

	R(pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEEXIT));
	step_to("exit", PTRACE_CONT, pid, 0);
	R(pt(PTRACE_GETEVENTMSG, pid, 0, (long)&msg));
	say("message %#lx", msg);
	step_to("end", PTRACE_CONT, pid, 0);
	pid = tracee(forever);
	R(pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEEXIT));
	go(PTRACE_CONT, pid, 0);
	kill(pid, SIGKILL);
	see("killed", pid);
	R(pt(PTRACE_GETEVENTMSG, pid, 0, (long)&msg));
	say("message %#lx", msg);
	step_to("end", PTRACE_CONT, pid, 0);
}

static void clone_ptrace(void)
{
	pid_t pid = tracee(nothing), new;
	struct user_regs_struct r;

	/* The tracee's next call becomes a clone(CLONE_PTRACE | CLONE_UNTRACED | SIGCHLD). */
	R(pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEFORK));
	to_call(pid, SYS_exit_group);
	R(pt(PTRACE_GETREGS, pid, 0, (long)&r));
	r.orig_rax = SYS_clone;
	r.rdi = CLONE_PTRACE | CLONE_UNTRACED | SIGCHLD;
	r.rsi = r.rdx = r.r10 = r.r8 = 0;
	R(pt(PTRACE_SETREGS, pid, 0, (long)&r));
	step_to("no event", PTRACE_SYSCALL, pid, 0);
	new = REG(pid, rax);
	see("the child", new);
	kill(new, SIGKILL);
	see("the child", new);
	kill_off(pid);
}

ABI_MAIN(CASE(traceme_twice), CASE(errors), CASE(attach), CASE(attach_stopped), CASE(not_mine),
	 CASE(tracer_ends), CASE(calls), CASE(calls_good), CASE(calls_changed), CASE(restarts),
	 CASE(restart_shown), CASE(event_fork), CASE(event_vfork), CASE(event_clone),
	 CASE(exec_sigtrap), CASE(exec_event), CASE(exec_by_thread), CASE(event_exit),
	 CASE(clone_ptrace))
