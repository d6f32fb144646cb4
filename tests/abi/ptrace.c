/* SPDX-License-Identifier: MIT */
/* ptrace(2): who may trace whom, each kind of stop, what a tracer sees and changes, the way out. */
#include <linux/elf.h>
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <sched.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <time.h>

#include "abi.h"

static long pt(long request, pid_t pid, unsigned long addr, unsigned long data)
{
	return syscall(SYS_ptrace, request, pid, addr, data);
}
/* The raw call stores the word that it reads. */
static long peek(pid_t pid, const volatile void *addr)
{
	long word = -1;

	return pt(PTRACE_PEEKDATA, pid, (long)addr, (long)&word) ? -1 : word;
}
static long reg(pid_t pid, size_t offset)
{
	long word = -1;

	return pt(PTRACE_PEEKUSR, pid, offset, (long)&word) ? -1 : word;
}
#define REG(pid, name) reg(pid, offsetof(struct user_regs_struct, name))
#define SET_REG(pid, name, v)                                                                      \
	pt(PTRACE_POKEUSR, pid, offsetof(struct user_regs_struct, name), (long)(v))

/* A stop or an end as text: the event, and what is added to a system call's SIGTRAP. */
static const char *seen(int status)
{
	static char text[64];

	if (!WIFSTOPPED(status))
		return ended(status);
	snprintf(text, sizeof(text), "stop %d%s, event %d", WSTOPSIG(status) & 0x7f,
		 WSTOPSIG(status) & 0x80 ? " at a call" : "", status >> 16);
	return text;
}

static int next(pid_t pid)
{
	int status = -1;

	if (waitpid(pid, &status, __WALL) != pid)
		say("waitpid: %s", errno_name(errno));
	return status;
}
static void see(const char *what, pid_t pid)
{
	say("%s: %s", what, seen(next(pid)));
}
static void go(long request, pid_t pid, int sig)
{
	if (pt(request, pid, 0, sig))
		say("request %ld: %s", request, errno_name(errno));
}
/* Lets the tracee run to its next stop, and tells of it. */
static void step_to(const char *what, long request, pid_t pid, int sig)
{
	go(request, pid, sig);
	see(what, pid);
}
static void kill_off(pid_t pid)
{
	kill(pid, SIGKILL);
	say("the end: %s", ended(reap(pid)));
}

/* A child that asks to be traced, stops, and then runs fn. */
static pid_t tracee(void (*fn)(void))
{
	pid_t pid = fork();

	if (pid == 0) {
		alarm(0);
		pt(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		fn();
		_exit(7);
	}
	see("first", pid);
	return pid;
}
/* A child that nobody traces. */
static pid_t child(void (*fn)(void))
{
	pid_t pid = fork();

	if (pid == 0) {
		fn();
		_exit(7);
	}
	return pid;
}
static void nothing(void)
{
}
static void forever(void)
{
	for (;;)
		pause();
}

/* The state letter of /proc/PID/stat, or a number of /proc/PID/status. */
static char state(pid_t pid)
{
	char name[64], text[512] = "", *p;
	int fd;

	snprintf(name, sizeof(name), "/proc/%d/stat", pid);
	fd = open(name, O_RDONLY);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		return '?';
	close(fd);
	p = strrchr(text, ')');
	return p ? p[2] : '?';
}
static void until(pid_t pid, char c)
{
	for (int i = 0; i < 20000 && state(pid) != c; i++)
		usleep(200);
}
static int tracer_of(pid_t pid)
{
	char name[64], text[2048] = "", *p;
	int fd;

	snprintf(name, sizeof(name), "/proc/%d/status", pid);
	fd = open(name, O_RDONLY);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		return -1;
	close(fd);
	p = strstr(text, "TracerPid:");
	return p ? atoi(p + 10) : -1;
}

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

static void two_calls(void)
{
	syscall(SYS_getppid);
	syscall(SYS_close, 1000);
}

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

/* The next stop that is the entry of call nr; others pass. */
static void to_call(pid_t pid, long nr)
{
	for (int i = 0; i < 100; i++) {
		go(PTRACE_SYSCALL, pid, 0);
		if (!WIFSTOPPED(next(pid)))
			return;
		if (REG(pid, orig_rax) == nr && REG(pid, rax) == -ENOSYS)
			return;
	}
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

static void reader(void)
{
	int fds[2];
	char c;

	if (pipe(fds) || read(fds[0], &c, 1) != 1)
		say("read: %s", errno_name(errno));
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

static void execs(void)
{
	char *argv[] = { "/bin/true", NULL };

	execv(argv[0], argv);
	_exit(127);
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

/* ---- signals ---- */

static volatile int handled;
static void handler(int sig)
{
	handled = sig;
}

static void raises(void)
{
	signal(SIGUSR2, handler);
	raise(SIGUSR1);
	say("handled %d", handled);
	raise(SIGUSR2);
	say("handled %d", handled);
	raise(SIGCHLD);
}

static void signals_changed(void)
{
	pid_t pid = tracee(raises);
	siginfo_t si;

	step_to("SIGUSR1", PTRACE_CONT, pid, 0);
	R(pt(PTRACE_GETSIGINFO, pid, 0, (long)&si));
	say("signal %d code %d own pid %d", si.si_signo, si.si_code, si.si_pid == pid);
	step_to("another", PTRACE_CONT, pid, SIGUSR2);
	step_to("dropped, then the ignored one", PTRACE_CONT, pid, 0);
	si.si_value.sival_int = 5;
	R(pt(PTRACE_SETSIGINFO, pid, 0, (long)&si));
	step_to("a deadly one", PTRACE_CONT, pid, SIGTERM);
}

static volatile int info_pid, info_code, info_value;
static void info_handler(int sig, siginfo_t *si, void *context)
{
	info_pid = si->si_pid;
	info_code = si->si_code;
	info_value = si->si_value.sival_int;
}
static void tells_info(void)
{
	struct sigaction sa = { .sa_sigaction = info_handler, .sa_flags = SA_SIGINFO };

	sigaction(SIGUSR2, &sa, NULL);
	raise(SIGUSR1);
	say("from the tracer %d code %d", info_pid == getppid(), info_code);
	raise(SIGUSR2);
	say("code %d value %d", info_code, info_value);
}

static void signal_info(void)
{
	pid_t pid = tracee(tells_info);
	siginfo_t si;

	step_to("SIGUSR1", PTRACE_CONT, pid, 0);
	step_to("as SIGUSR2, then one", PTRACE_CONT, pid, SIGUSR2);
	R(pt(PTRACE_GETSIGINFO, pid, 0, (long)&si));
	si.si_code = SI_QUEUE;
	si.si_value.sival_int = 99;
	R(pt(PTRACE_SETSIGINFO, pid, 0, (long)&si));
	step_to("end", PTRACE_CONT, pid, SIGUSR2);
}

static void masks(void)
{
	pid_t pid = tracee(raises);
	uint64_t set = 0;

	R(pt(PTRACE_GETSIGMASK, pid, 8, (long)&set));
	say("mask %llx", (unsigned long long)set);
	set = ~0ULL;
	R(pt(PTRACE_SETSIGMASK, pid, 8, (long)&set));
	R(pt(PTRACE_GETSIGMASK, pid, 8, (long)&set));
	say("mask %llx", (unsigned long long)set);
	to_call(pid, SYS_tkill);
	set = ~0ULL;
	R(pt(PTRACE_SETSIGMASK, pid, 8, (long)&set));
	step_to("SIGUSR1 is not taken", PTRACE_SYSCALL, pid, 0);
	kill_off(pid);
}

static void pending_seen(void)
{
	struct {
		uint64_t off;
		uint32_t flags;
		int32_t nr;
	} args = { 0, 0, 4 };
	pid_t pid = tracee(forever);
	uint64_t set = ~0ULL;
	siginfo_t si[4];
	long n;

	R(pt(PTRACE_SETSIGMASK, pid, 8, (long)&set));
	kill(pid, SIGUSR1);
	syscall(SYS_tgkill, pid, pid, SIGUSR2);
	syscall(SYS_tgkill, pid, pid, SIGTERM);
	for (args.flags = 0; args.flags < 2; args.flags++) {
		n = pt(PTRACE_PEEKSIGINFO, pid, (long)&args, (long)si);
		result("PTRACE_PEEKSIGINFO", n);
		for (int i = 0; i < n; i++)
			say("%d by %d", si[i].si_signo, si[i].si_code);
	}
	R(pt(PTRACE_PEEKSIGINFO, pid, (long)&args, (long)si));
	args.flags = 0;
	args.off = 1;
	R(pt(PTRACE_PEEKSIGINFO, pid, (long)&args, (long)si));
	args.off = ~0ULL;
	R(pt(PTRACE_PEEKSIGINFO, pid, (long)&args, (long)si));
	args.off = 0;
	args.nr = -1;
	R(pt(PTRACE_PEEKSIGINFO, pid, (long)&args, (long)si));
	args.nr = 2;
	R(pt(PTRACE_PEEKSIGINFO, pid, (long)&args, 8));
	R(pt(PTRACE_PEEKSIGINFO, pid, 8, (long)si));
	kill_off(pid);
}

static void group_stop(void)
{
	pid_t pid = tracee(forever);
	siginfo_t si;
	int status;

	go(PTRACE_CONT, pid, 0);
	kill(pid, SIGTSTP);
	see("the signal", pid);
	step_to("the stop", PTRACE_CONT, pid, SIGTSTP);
	R(pt(PTRACE_GETSIGINFO, pid, 0, (long)&si));
	R(pt(PTRACE_GETEVENTMSG, pid, 0, (long)&si));
	R(pt(PTRACE_LISTEN, pid, 0, 0));
	kill(pid, SIGCONT);
	usleep(20000);
	say("still stopped: %c", state(pid));
	step_to("SIGCONT's turn", PTRACE_CONT, pid, 0);
	R(pt(PTRACE_DETACH, pid, 0, 0));
	say("continued %d", waitpid(pid, &status, WCONTINUED) == pid && WIFCONTINUED(status));
	kill_off(pid);
}

static void group_stop_left(void)
{
	pid_t pid = tracee(two_calls);

	step_to("stopped for good", PTRACE_CONT, pid, SIGSTOP);
	step_to("but it runs", PTRACE_CONT, pid, 0);
}

static void seize(void)
{
	pid_t pid = child(forever);
	siginfo_t si;
	int status;

	until(pid, 'S');
	R(pt(PTRACE_SEIZE, pid, 0, 0));
	R(waitpid(pid, &status, WNOHANG));
	R(pt(PTRACE_CONT, pid, 0, 0));
	R(pt(PTRACE_INTERRUPT, pid, 0, 0));
	see("interrupted", pid);
	R(pt(PTRACE_GETSIGINFO, pid, 0, (long)&si));
	say("signal %d code %#x", si.si_signo, si.si_code);
	R(pt(PTRACE_INTERRUPT, pid, 0, 0));
	step_to("once more", PTRACE_CONT, pid, 0);
	go(PTRACE_CONT, pid, 0);
	kill(pid, SIGUSR1);
	see("signal", pid);
	R(pt(PTRACE_DETACH, pid, 0, 0));
	until(pid, 'S');
	kill_off(pid);
}

static void seize_stop(void)
{
	pid_t pid = child(forever);
	siginfo_t si;
	int status;

	R(pt(PTRACE_SEIZE, pid, 0, 0));
	until(pid, 'S');
	kill(pid, SIGSTOP);
	see("the signal", pid);
	step_to("the stop", PTRACE_CONT, pid, SIGSTOP);
	R(pt(PTRACE_GETSIGINFO, pid, 0, (long)&si));
	say("signal %d code %#x", si.si_signo, si.si_code);
	R(pt(PTRACE_LISTEN, pid, 0, 0));
	R(pt(PTRACE_CONT, pid, 0, 0));
	R(waitpid(pid, &status, WNOHANG));
	R(pt(PTRACE_INTERRUPT, pid, 0, 0));
	see("interrupted", pid);
	R(pt(PTRACE_LISTEN, pid, 0, 0));
	kill(pid, SIGCONT);
	see("news", pid);
	step_to("the signal", PTRACE_CONT, pid, 0);
	go(PTRACE_CONT, pid, SIGCONT);
	until(pid, 'S');
	say("state %c", state(pid));
	kill_off(pid);
}

static void seize_forks(void)
{
	pid_t pid = tracee(forever), new;
	unsigned long msg = 0;

	kill(pid, SIGKILL);
	see("killed in a stop", pid);
	pid = child(forever);
	until(pid, 'S');
	R(pt(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACEFORK | PTRACE_O_EXITKILL));
	R(pt(PTRACE_INTERRUPT, pid, 0, 0));
	see("interrupted", pid);
	/* pause, about to be made again, becomes fork. */
	R(SET_REG(pid, rax, SYS_fork));
	R(SET_REG(pid, orig_rax, -1));
	R(SET_REG(pid, rip, REG(pid, rip) - 2));
	step_to("fork", PTRACE_CONT, pid, 0);
	R(pt(PTRACE_GETEVENTMSG, pid, 0, (long)&msg));
	new = msg;
	see("child", new);
	kill(new, SIGKILL);
	see("child", new);
	kill_off(pid);
}

/* ---- single steps and breakpoints ---- */

static void nops(void)
{
	__asm__ volatile("int3; nop; nop; nop; int3");
}

static void steps(void)
{
	pid_t pid = tracee(nops);
	siginfo_t si;
	long rip;

	step_to("int3", PTRACE_CONT, pid, 0);
	R(pt(PTRACE_GETSIGINFO, pid, 0, (long)&si));
	say("signal %d code %#x", si.si_signo, si.si_code);
	say("orig_rax %ld", REG(pid, orig_rax));
	for (int i = 0; i < 3; i++) {
		rip = REG(pid, rip);
		step_to("step", PTRACE_SINGLESTEP, pid, 0);
		R(pt(PTRACE_GETSIGINFO, pid, 0, (long)&si));
		say("%ld bytes, code %d, address %d, TF %ld", REG(pid, rip) - rip, si.si_code,
		    (long)si.si_addr == REG(pid, rip), REG(pid, eflags) & 0x100);
	}
	step_to("int3 again", PTRACE_CONT, pid, 0);
	step_to("end", PTRACE_CONT, pid, 0);
}

static void call_between(void)
{
	long ret = SYS_getpid;

	__asm__ volatile("int3; syscall; nop; nop" : "+a"(ret)::"rcx", "r11", "memory");
	say("own pid %d", ret == getpid());
}

static void step_over_call(void)
{
	pid_t pid = tracee(call_between);
	siginfo_t si;
	long rip;

	step_to("int3", PTRACE_CONT, pid, 0);
	rip = REG(pid, rip);
	step_to("syscall", PTRACE_SINGLESTEP, pid, 0);
	R(pt(PTRACE_GETSIGINFO, pid, 0, (long)&si));
	say("%ld bytes, code %d, its pid %d, r11 TF %ld", REG(pid, rip) - rip, si.si_code,
	    REG(pid, rax) == pid, REG(pid, r11) & 0x100);
	step_to("nop", PTRACE_SINGLESTEP, pid, 0);
	say("%ld bytes", REG(pid, rip) - rip);
	step_to("end", PTRACE_CONT, pid, 0);
}

static void handled_signal(void)
{
	signal(SIGUSR1, handler);
	raise(SIGUSR1);
	say("handled %d", handled);
}

static void step_into_handler(void)
{
	pid_t pid = tracee(handled_signal);
	siginfo_t si;

	step_to("signal", PTRACE_CONT, pid, 0);
	step_to("step", PTRACE_SINGLESTEP, pid, SIGUSR1);
	R(pt(PTRACE_GETSIGINFO, pid, 0, (long)&si));
	say("in the handler %d, signal %d code %d", REG(pid, rip) == (long)handler, si.si_signo,
	    si.si_code);
	step_to("step", PTRACE_SINGLESTEP, pid, 0);
	say("one further %d", REG(pid, rip) != (long)handler);
	step_to("end", PTRACE_CONT, pid, 0);
}

static void step_exec(void)
{
	pid_t pid = tracee(execs);

	to_call(pid, SYS_execve);
	step_to("exec", PTRACE_SINGLESTEP, pid, 0);
	say("TF %ld", REG(pid, eflags) & 0x100);
	step_to("step", PTRACE_SINGLESTEP, pid, 0);
	step_to("end", PTRACE_CONT, pid, 0);
}

static volatile int traps, trap_code;
static void count_trap(int sig, siginfo_t *si, void *context)
{
	traps++;
	trap_code = si->si_code;
}

/* The trap flag without any tracer. */
static void own_trap_flag(void)
{
	struct sigaction sa = { .sa_sigaction = count_trap, .sa_flags = SA_SIGINFO };

	sigaction(SIGTRAP, &sa, NULL);
	__asm__ volatile("sub $128, %%rsp\n"
			 "pushfq; orq $0x100, (%%rsp); popfq\n"
			 "nop; nop; nop\n"
			 "pushfq; andq $~0x100, (%%rsp); popfq\n"
			 "add $128, %%rsp" ::
				 : "memory", "cc");
	say("traps %d code %d", traps, trap_code);
}

static int __attribute__((noinline)) target(int x)
{
	__asm__ volatile("" : "+r"(x));
	return x * 2;
}
static void calls_target(void)
{
	say("target %d", target(21));
}

static void breakpoint(void)
{
	pid_t pid = tracee(calls_target);
	long old = peek(pid, target);

	say("text as here %d", !memcmp(&old, (void *)target, sizeof(old)));
	R(pt(PTRACE_POKETEXT, pid, (long)target, (old & ~0xffL) | 0xcc));
	say("my own is untouched %d", !memcmp(&old, (void *)target, sizeof(old)));
	step_to("breakpoint", PTRACE_CONT, pid, 0);
	say("behind it %d", REG(pid, rip) == (long)target + 1);
	say("argument %ld", REG(pid, rdi));
	R(pt(PTRACE_POKETEXT, pid, (long)target, old));
	R(SET_REG(pid, rip, target));
	R(SET_REG(pid, rdi, 50));
	step_to("end", PTRACE_CONT, pid, 0);
}

static volatile int watched[2];
static void writes(void)
{
	watched[1] = 1;
	watched[0] = 2;
	watched[0] = watched[1] + 2;
	say("target %d", target(4));
}

#define DR(n) (offsetof(struct user, u_debugreg) + 8 * (n))
static void watchpoints(void)
{
	pid_t pid = tracee(writes);
	siginfo_t si;

	say("DR6 %#lx DR7 %#lx", reg(pid, DR(6)), reg(pid, DR(7)));
	R(pt(PTRACE_POKEUSR, pid, DR(0), (long)&watched[0]));
	R(pt(PTRACE_POKEUSR, pid, DR(7), 0x000d0001)); /* four bytes, written */
	say("DR0 %d DR7 %#lx", reg(pid, DR(0)) == (long)&watched[0], reg(pid, DR(7)));
	for (int i = 0; i < 2; i++) {
		step_to("written", PTRACE_CONT, pid, 0);
		R(pt(PTRACE_GETSIGINFO, pid, 0, (long)&si));
		say("code %d, DR6 %#lx, value %d", si.si_code, reg(pid, DR(6)) & 0x400f,
		    (int)peek(pid, &watched[0]));
	}
	R(pt(PTRACE_POKEUSR, pid, DR(1), (long)target));
	R(pt(PTRACE_POKEUSR, pid, DR(7), 0x4)); /* run */
	step_to("breakpoint", PTRACE_CONT, pid, 0);
	say("at it %d, DR6 %#lx", REG(pid, rip) == (long)target, reg(pid, DR(6)) & 0x400f);
	R(pt(PTRACE_POKEUSR, pid, DR(2), -1));
	R(pt(PTRACE_POKEUSR, pid, DR(4), 0));
	R(pt(PTRACE_POKEUSR, pid, DR(2), (long)watched + 1));
	R(pt(PTRACE_POKEUSR, pid, DR(7), 0x0d000010)); /* not aligned */
	R(pt(PTRACE_POKEUSR, pid, DR(7), 0x02000010)); /* ports */
	step_to("end", PTRACE_CONT, pid, 0);
}

/* Ring 0 touches what is watched: in a copy, and, behind mov to ss, before it has a stack. */
static volatile long ss_word;
static void watched_by_kernel(void)
{
	long ret = SYS_getppid;
	int fds[2];

	__asm__ volatile("mov %%ss, %0" : "=r"(ss_word));
	__asm__ volatile("int3");
	__asm__ volatile("mov %1, %%ss\n"
			 "syscall"
			 : "+a"(ret)
			 : "m"(ss_word)
			 : "rcx", "r11", "memory");
	say("getppid %d", ret == getppid());
	if (pipe(fds) || write(fds[1], "1234", 4) != 4)
		say("pipe: %s", errno_name(errno));
	R(read(fds[0], (void *)&watched[0], 4));
	watched[0] = 1;
}

static void watch_in_kernel(void)
{
	pid_t pid = tracee(watched_by_kernel);
	int status;

	step_to("int3", PTRACE_CONT, pid, 0);
	R(pt(PTRACE_POKEUSR, pid, DR(0), (long)&ss_word));
	R(pt(PTRACE_POKEUSR, pid, DR(1), (long)&watched[0]));
	R(pt(PTRACE_POKEUSR, pid, DR(7), 0x00df0005)); /* read or written, written */
	go(PTRACE_CONT, pid, 0);
	while (WIFSTOPPED(status = next(pid)))
		go(PTRACE_CONT, pid, 0);
	say("%s", ended(status));
}

/* ---- memory ---- */

static volatile long data_word = 0x1122334455667788;
static const volatile long ro_word = 0x0102030405060708;
static char *none_page, *shared_ro, *gone_page;

static void words(void)
{
	say("data %#lx, constant %#lx, hidden %d", data_word, ro_word,
	    mprotect(none_page, 4096, PROT_READ) ? -1 : none_page[0]);
}

static void make_pages(void)
{
	int fd = open("file", O_RDWR | O_CREAT, 0600);

	if (ftruncate(fd, 4096))
		say("ftruncate: %s", errno_name(errno));
	none_page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	none_page[0] = 1;
	mprotect(none_page, 4096, PROT_NONE);
	shared_ro = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	gone_page = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(gone_page + 4096, 4096);
}

static void memory(void)
{
	pid_t pid;
	long v;

	make_pages();
	pid = tracee(words);
	say("data %#lx, constant %#lx", peek(pid, &data_word), peek(pid, &ro_word));
	R(peek(pid, (char *)&data_word + 1) == 0x11223344556677);
	R(pt(PTRACE_POKEDATA, pid, (long)&data_word, 0x55));
	R(pt(PTRACE_POKEDATA, pid, (long)&ro_word, 0x66));
	R(pt(PTRACE_PEEKDATA, pid, (long)none_page, (long)&v));
	say("hidden %ld", v);
	R(pt(PTRACE_POKEDATA, pid, (long)none_page, 3));
	R(pt(PTRACE_PEEKDATA, pid, (long)shared_ro, (long)&v));
	R(pt(PTRACE_POKEDATA, pid, (long)shared_ro, 1));
	R(pt(PTRACE_PEEKDATA, pid, (long)gone_page + 4092, (long)&v));
	R(pt(PTRACE_PEEKDATA, pid, 0, (long)&v));
	R(pt(PTRACE_PEEKDATA, pid, -8, (long)&v));
	R(pt(PTRACE_PEEKDATA, pid, (long)&data_word, 8));
	say("mine: %#lx %#lx", data_word, ro_word);
	step_to("end", PTRACE_CONT, pid, 0);
}

static void proc_mem(void)
{
	char name[64];
	long v = 0;
	pid_t pid;
	int fd;

	make_pages();
	pid = tracee(words);
	snprintf(name, sizeof(name), "/proc/%d/mem", pid);
	fd = open(name, O_RDWR);
	R(pread(fd, &v, sizeof(v), (long)&data_word));
	say("%#lx", v);
	v = 0x77;
	R(pwrite(fd, &v, sizeof(v), (long)&data_word));
	v = 0x88;
	R(pwrite(fd, &v, sizeof(v), (long)&ro_word));
	v = 9;
	R(pwrite(fd, &v, sizeof(v), (long)none_page));
	R(pwrite(fd, &v, sizeof(v), (long)shared_ro));
	R(pread(fd, &v, sizeof(v), (long)gone_page + 4092));
	R(pread(fd, &v, sizeof(v), 0));
	R(pread(fd, (void *)8, sizeof(v), (long)&data_word));
	R(lseek(fd, (long)&data_word, SEEK_SET) == (long)&data_word);
	R(read(fd, &v, sizeof(v)));
	say("%#lx", v);
	step_to("end", PTRACE_CONT, pid, 0);
	R(pread(fd, &v, sizeof(v), (long)&data_word));
}

static void process_vm(void)
{
	char buf[64] = "", text[] = "abcdefgh";
	pid_t pid;

	make_pages();
	pid = tracee(words);
	struct iovec local[2] = { { buf, 4 }, { buf + 10, 20 } };
	struct iovec remote[2] = { { (void *)&data_word, 8 }, { (void *)&ro_word, 8 } };

	R(process_vm_readv(pid, local, 2, remote, 2, 0));
	say("%x %x", *(int *)buf, *(int *)(buf + 10));
	local[0] = (struct iovec){ text, 8 };
	R(process_vm_writev(pid, local, 1, remote, 2, 0));
	R(process_vm_writev(pid, local, 1, remote + 1, 1, 0));
	remote[1].iov_base = none_page;
	R(process_vm_readv(pid, local, 1, remote + 1, 1, 0));
	remote[1].iov_base = gone_page + 4092;
	R(process_vm_readv(pid, local, 1, remote + 1, 1, 0) < 8);
	remote[1].iov_base = NULL;
	R(process_vm_readv(pid, local, 1, remote + 1, 1, 0));
	R(process_vm_readv(pid, local, 1, remote, 1, 1));
	R(process_vm_readv(0x7ffffff0, local, 1, remote, 1, 0));
	R(process_vm_readv(pid, local, 2000, remote, 1, 0));
	R(process_vm_readv(pid, NULL, 1, remote, 1, 0));
	R(process_vm_readv(pid, local, 0, remote, 1, 0));
	step_to("end", PTRACE_CONT, pid, 0);
}

/* ---- registers ---- */

static void registers(void)
{
	pid_t pid = tracee(nothing);
	struct user_regs_struct r, s;
	struct iovec iov = { &s, sizeof(s) };
	long v;

	R(pt(PTRACE_GETREGS, pid, 0, (long)&r));
	say("cs %#lx ss %#lx ds %ld es %ld fs %ld gs %ld", r.cs, r.ss, r.ds, r.es, r.fs, r.gs);
	R(pt(PTRACE_GETREGSET, pid, NT_PRSTATUS, (long)&iov));
	say("%zu bytes, the same %d", iov.iov_len, !memcmp(&r, &s, sizeof(r)));
	say("fs_base %d", r.fs_base == REG(pid, fs_base));
	R(pt(PTRACE_ARCH_PRCTL, pid, (long)&v, 0x1003));
	say("ARCH_GET_FS %d", v == r.fs_base);
	r.r12 = 0x1234;
	r.eflags |= 0xd5 | 0x3000 | 0x200;
	R(pt(PTRACE_SETREGS, pid, 0, (long)&r));
	say("r12 %#lx eflags %#lx", REG(pid, r12), REG(pid, eflags));
	iov.iov_len = 16;
	R(pt(PTRACE_SETREGSET, pid, NT_PRSTATUS, (long)&iov));
	iov.iov_len = 12;
	R(pt(PTRACE_GETREGSET, pid, NT_PRSTATUS, (long)&iov));
	iov.iov_len = 1000;
	R(pt(PTRACE_GETREGSET, pid, 0x9999, (long)&iov));
	R(pt(PTRACE_POKEUSR, pid, 3, 0));
	R(pt(PTRACE_POKEUSR, pid, 10000, 0));
	R(pt(PTRACE_POKEUSR, pid, 300, 0));
	R(reg(pid, 304));
	R(reg(pid, 10000));
	R(SET_REG(pid, cs, 0));
	R(SET_REG(pid, ss, 0));
	R(SET_REG(pid, cs, 0x10));
	R(SET_REG(pid, fs_base, 1UL << 63));
	R(SET_REG(pid, gs_base, -1));
	R(SET_REG(pid, r15, -1));
	say("r15 %ld", REG(pid, r15));
	kill_off(pid);
}

static void loads_xmm(void)
{
	uint64_t v[2] = { 0x1111222233334444, 0x5555666677778888 };

	__asm__ volatile("movups %0, %%xmm7\n"
			 "int3\n"
			 "movups %%xmm7, %0"
			 : "+m"(v)::"xmm7");
	say("xmm7 %llx %llx", (long long)v[0], (long long)v[1]);
}

static void fpu(void)
{
	pid_t pid = tracee(loads_xmm);
	struct user_fpregs_struct f;
	struct iovec iov = { &f, sizeof(f) };

	step_to("int3", PTRACE_CONT, pid, 0);
	R(pt(PTRACE_GETFPREGS, pid, 0, (long)&f));
	say("xmm7 %x %x, control %x mxcsr %x", f.xmm_space[28], f.xmm_space[31], f.cwd, f.mxcsr);
	f.xmm_space[28] = 0xabcd;
	R(pt(PTRACE_SETFPREGS, pid, 0, (long)&f));
	memset(&f, 0, sizeof(f));
	R(pt(PTRACE_GETREGSET, pid, NT_PRFPREG, (long)&iov));
	say("%zu bytes, xmm7 %x", iov.iov_len, f.xmm_space[28]);
	iov.iov_len = 256;
	R(pt(PTRACE_SETREGSET, pid, NT_PRFPREG, (long)&iov));
	f.mxcsr = -1;
	R(pt(PTRACE_SETFPREGS, pid, 0, (long)&f));
	step_to("end", PTRACE_CONT, pid, 0);
}

static void xstate(void)
{
	pid_t pid = tracee(loads_xmm);
	static uint64_t area[8192 / 8];
	struct iovec iov = { area, sizeof(area) };
	size_t size;

	step_to("int3", PTRACE_CONT, pid, 0);
	R(pt(PTRACE_GETREGSET, pid, NT_X86_XSTATE, (long)&iov));
	size = iov.iov_len;
	say("a header at least %d, components %llx", size >= 576,
	    (unsigned long long)area[464 / 8] & 3);
	say("xmm7 %llx", (unsigned long long)area[(160 + 7 * 16) / 8]);
	area[(160 + 7 * 16) / 8] = 0x99;
	R(pt(PTRACE_SETREGSET, pid, NT_X86_XSTATE, (long)&iov));
	iov.iov_len = 128;
	R(pt(PTRACE_SETREGSET, pid, NT_X86_XSTATE, (long)&iov));
	iov.iov_len = size;
	area[512 / 8] |= 1ULL << 63;
	R(pt(PTRACE_SETREGSET, pid, NT_X86_XSTATE, (long)&iov));
	area[512 / 8] &= ~(1ULL << 63);
	area[512 / 8 + 2] = 1;
	R(pt(PTRACE_SETREGSET, pid, NT_X86_XSTATE, (long)&iov));
	step_to("end", PTRACE_CONT, pid, 0);
}

/* gdb calls a function in a tracee that sleeps in a call, and puts everything back. */
static void call_function(void)
{
	pid_t pid = tracee(reader);
	struct user_regs_struct r, s;

	go(PTRACE_CONT, pid, 0);
	until(pid, 'S');
	kill(pid, SIGUSR1);
	see("signal", pid);
	R(pt(PTRACE_GETREGS, pid, 0, (long)&r));
	say("call %ld result %ld", r.orig_rax, r.rax);
	s = r;
	s.rip = (long)nops;
	s.rsp = (r.rsp - 1024) & ~15L;
	s.orig_rax = -1;
	R(pt(PTRACE_SETREGS, pid, 0, (long)&s));
	step_to("in another function", PTRACE_CONT, pid, 0);
	R(pt(PTRACE_SETREGS, pid, 0, (long)&r));
	step_to("back", PTRACE_SYSCALL, pid, 0);
	say("the read again %d", REG(pid, orig_rax) == SYS_read);
	kill_off(pid);
}

/* ---- what wait(2) shows ---- */

static void wait_flags(void)
{
	pid_t pid = fork();
	siginfo_t si;
	int status;

	if (pid == 0) {
		pt(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		raise(SIGUSR1);
		_exit(4);
	}
	until(pid, 't');
	memset(&si, 0, sizeof(si));
	R(waitid(P_PID, pid, &si, WEXITED | WNOWAIT));
	say("signal %d code %d status %d, its pid %d", si.si_signo, si.si_code, si.si_status,
	    si.si_pid == pid);
	R(waitid(P_PID, pid, &si, WSTOPPED));
	R(waitpid(pid, &status, WNOHANG));
	R(pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEEXIT));
	R(waitpid(pid, &status, WNOHANG | WUNTRACED | WCONTINUED));
	step_to("without a pid", PTRACE_CONT, pid, 0);
	R(pt(PTRACE_CONT, pid, 0, 0));
	R(waitid(P_ALL, 0, &si, WSTOPPED));
	say("code %d status %#x", si.si_code, si.si_status);
	step_to("end", PTRACE_CONT, pid, 0);
	R(waitpid(pid, &status, 0));
}

static volatile int chld_code, chld_status;
static void note_chld(int sig, siginfo_t *si, void *context)
{
	chld_code = si->si_code;
	chld_status = si->si_status;
}

static void sigchld(void)
{
	struct sigaction sa = { .sa_sigaction = note_chld, .sa_flags = SA_SIGINFO | SA_RESTART };
	pid_t pid;

	sigaction(SIGCHLD, &sa, NULL);
	pid = tracee(raises);
	say("code %d status %d", chld_code, chld_status);
	step_to("signal", PTRACE_CONT, pid, 0);
	say("code %d status %d", chld_code, chld_status);
	sa.sa_flags |= SA_NOCLDSTOP;
	sigaction(SIGCHLD, &sa, NULL);
	chld_code = 0;
	step_to("signal", PTRACE_CONT, pid, SIGUSR2);
	say("code %d", chld_code);
	kill_off(pid);
	say("code %d status %d", chld_code, chld_status);
}

/* The parent waits while somebody else traces its child. */
static void two_waiters(void)
{
	int fds[2], back[2], status = -1;
	pid_t pid = child(forever), tracer;
	char c;

	if (pipe(fds) || pipe(back))
		return;
	tracer = fork();
	if (tracer == 0) {
		pt(PTRACE_SEIZE, pid, 0, 0);
		if (write(fds[1], "a", 1) != 1)
			_exit(1);
		see("tracer: signal", pid);
		step_to("tracer: stop", PTRACE_CONT, pid, SIGSTOP);
		if (write(fds[1], "b", 1) != 1)
			_exit(1);
		if (read(back[0], &c, 1) != 1)
			_exit(1);
		kill(pid, SIGKILL);
		until(pid, 'Z');
		usleep(20000);
		status = state(getppid()) == 'S' ? 0 : 2; /* it has not seen the end */
		_exit(WTERMSIG(next(pid)) == SIGKILL ? status : 3);
	}
	if (read(fds[0], &c, 1) != 1)
		return;
	kill(pid, SIGSTOP);
	if (read(fds[0], &c, 1) != 1)
		return;
	say("parent %d: %s", waitpid(pid, &status, WUNTRACED) == pid, ended(status));
	if (write(back[1], "c", 1) != 1)
		return;
	say("parent %d: %s", waitpid(pid, &status, 0) == pid, ended(status));
	say("tracer: %s", ended(reap(tracer)));
}

static void killed_by_request(void)
{
	pid_t pid = tracee(forever);

	R(pt(PTRACE_KILL, pid, 0, 0));
	see("killed", pid);
	R(pt(PTRACE_KILL, pid, 0, 0));
}

ABI_MAIN(CASE(traceme_twice), CASE(errors), CASE(attach), CASE(attach_stopped), CASE(not_mine),
	 CASE(tracer_ends), CASE(calls), CASE(calls_good), CASE(calls_changed), CASE(restarts),
	 CASE(restart_shown), CASE(event_fork), CASE(event_vfork), CASE(event_clone),
	 CASE(exec_sigtrap), CASE(exec_event), CASE(exec_by_thread), CASE(event_exit),
	 CASE(clone_ptrace), CASE(signals_changed), CASE(signal_info), CASE(masks),
	 CASE(pending_seen), CASE(group_stop), CASE(group_stop_left), CASE(seize), CASE(seize_stop),
	 CASE(seize_forks), CASE(steps), CASE(step_over_call), CASE(step_into_handler),
	 CASE(step_exec), CASE(own_trap_flag), CASE(breakpoint), CASE(watchpoints),
	 CASE(watch_in_kernel), CASE(memory), CASE(proc_mem), CASE(process_vm), CASE(registers),
	 CASE(fpu), CASE(xstate), CASE(call_function), CASE(wait_flags), CASE(sigchld),
	 CASE(two_waiters), CASE(killed_by_request))
