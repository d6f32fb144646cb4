/* SPDX-License-Identifier: MIT */
/* ptrace(2) and signals: what a tracer sees and changes of them, group stops, PTRACE_SEIZE, wait(2). */
#include "ptrace.h"

/* ---- signals ---- */

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

ABI_MAIN(CASE(signals_changed), CASE(signal_info), CASE(masks), CASE(pending_seen),
	 CASE(group_stop), CASE(group_stop_left), CASE(seize), CASE(seize_stop), CASE(seize_forks),
	 CASE(wait_flags), CASE(sigchld), CASE(two_waiters), CASE(killed_by_request))
