/* SPDX-License-Identifier: MIT */
/* Signals: delivery, masks, queues, stacks, what a fault says, what a handler leaves untouched. */
#include <poll.h>
#include <setjmp.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>

#include "abi.h"

static volatile int count, last_sig, last_code, last_value, order[64], nr_order;
static volatile pid_t last_pid;

static void note(int sig, siginfo_t *si, void *context)
{
	count++;
	last_sig = sig;
	last_code = si->si_code;
	last_value = si->si_value.sival_int;
	last_pid = si->si_pid;
	if (nr_order < 64)
		order[nr_order++] = sig;
}

static void handle(int sig, int flags)
{
	struct sigaction sa = { .sa_sigaction = note, .sa_flags = SA_SIGINFO | flags };

	sigaction(sig, &sa, NULL);
}

static void mask(int how, int sig)
{
	sigset_t set;

	sigemptyset(&set);
	if (sig)
		sigaddset(&set, sig);
	sigprocmask(how, &set, NULL);
}

static void who_sent_it(void)
{
	union sigval v = { .sival_int = 77 };

	handle(SIGUSR1, 0);
	R(kill(getpid(), SIGUSR1));
	say("kill: code %d own pid %d", last_code, last_pid == getpid());
	R(sigqueue(getpid(), SIGUSR1, v));
	say("sigqueue: code %d value %d own pid %d", last_code, last_value, last_pid == getpid());
	R(raise(SIGUSR1));
	say("raise: code %d own pid %d", last_code, last_pid == getpid());
	handle(SIGCHLD, SA_RESTART);
	say("%s", ended(reap(fork() ?: (_exit(3), 0))));
	say("SIGCHLD: code %d", last_code);
	say("count %d", count);
}

static void errors(void)
{
	struct sigaction sa = { .sa_handler = SIG_IGN };
	sigset_t set;

	sigfillset(&set);
	R(sigaction(SIGKILL, &sa, NULL));
	R(sigaction(SIGSTOP, &sa, NULL));
	R(sigaction(SIGKILL, NULL, &sa));
	R(sigaction(65, &sa, NULL));
	R(sigaction(0, &sa, NULL));
	R(syscall(SYS_rt_sigaction, SIGUSR1, NULL, NULL, 4));
	R(syscall(SYS_rt_sigaction, SIGUSR1, 1, NULL, 8));
	R(syscall(SYS_rt_sigprocmask, 9, &set, NULL, 8));
	R(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, NULL, 16));
	R(syscall(SYS_rt_sigprocmask, SIG_BLOCK, 8, NULL, 8));
	R(kill(getpid(), 65));
	R(kill(getpid(), -1));
	R(kill(getpid(), 0));
	R(kill(1 << 22, SIGTERM));
	R(kill(-(1 << 22), SIGTERM));
	R(sigqueue(1 << 22, SIGUSR1, (union sigval){ 0 }));
}

static void blocked_stay_pending(void)
{
	sigset_t pending;

	handle(SIGUSR1, 0);
	mask(SIG_BLOCK, SIGUSR1);
	for (int i = 0; i < 5; i++)
		raise(SIGUSR1);
	say("count %d", count);
	R(sigpending(&pending));
	say("pending %d other %d", sigismember(&pending, SIGUSR1), sigismember(&pending, SIGUSR2));
	mask(SIG_UNBLOCK, SIGUSR1);
	say("count %d", count); /* five became one */
	R(sigpending(&pending));
	say("pending %d", sigismember(&pending, SIGUSR1));
}

static void kill_cannot_be_blocked(void)
{
	sigset_t set;
	pid_t pid = fork();

	if (pid == 0) {
		sigfillset(&set);
		sigprocmask(SIG_SETMASK, &set, &set);
		for (;;)
			pause();
	}
	kill(pid, SIGKILL);
	say("%s", ended(reap(pid)));
	sigfillset(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigprocmask(SIG_BLOCK, NULL, &set);
	say("KILL %d STOP %d TERM %d", sigismember(&set, SIGKILL), sigismember(&set, SIGSTOP),
	    sigismember(&set, SIGTERM));
}

static void real_time_queue(void)
{
	handle(SIGRTMIN, 0);
	handle(SIGRTMIN + 3, 0);
	handle(SIGUSR1, 0);
	sigset_t set;

	sigfillset(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigqueue(getpid(), SIGRTMIN + 3, (union sigval){ .sival_int = 1 });
	sigqueue(getpid(), SIGRTMIN, (union sigval){ .sival_int = 2 });
	sigqueue(getpid(), SIGRTMIN, (union sigval){ .sival_int = 3 });
	sigqueue(getpid(), SIGRTMIN, (union sigval){ .sival_int = 4 });
	sigqueue(getpid(), SIGUSR1, (union sigval){ .sival_int = 5 });
	for (int i = 0; i < 5; i++) {
		siginfo_t si;
		int sig = sigwaitinfo(&set, &si);

		say("signal %d value %d", sig, si.si_value.sival_int);
	}
	R(sigtimedwait(&set, NULL, &(struct timespec){ 0, 1000000 }));
	R(sigtimedwait(&set, NULL, &(struct timespec){ 0, -1 }));
}

static void handlers_run_in_order(void)
{
	sigset_t all;

	handle(SIGUSR1, 0);
	handle(SIGUSR2, 0);
	handle(SIGRTMIN, 0);
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	raise(SIGRTMIN);
	raise(SIGUSR2);
	raise(SIGUSR1);
	sigprocmask(SIG_UNBLOCK, &all, NULL);
	/* The frame of the lowest signal is made first, so its handler runs last. */
	say("%d %d %d", order[0], order[1], order[2]);
}

static volatile int depth, deepest, raised;

static void nest(int sig)
{
	if (++depth > deepest)
		deepest = depth;
	if (raised++ < 3)
		raise(sig);
	depth--;
}

static void flags_of_actions(void)
{
	struct sigaction sa = { .sa_handler = nest };

	sigaction(SIGUSR1, &sa, NULL);
	raise(SIGUSR1);
	say("plain: deepest %d", deepest);
	deepest = raised = 0;
	sa.sa_flags = SA_NODEFER;
	sigaction(SIGUSR1, &sa, NULL);
	raise(SIGUSR1);
	say("SA_NODEFER: deepest %d", deepest);
	handle(SIGUSR2, SA_RESETHAND);
	raise(SIGUSR2);
	sigaction(SIGUSR2, NULL, &sa);
	say("SA_RESETHAND: count %d, then default %d", count, sa.sa_handler == SIG_DFL);
	handle(SIGUSR2, SA_RESTART | SA_NODEFER);
	sigaction(SIGUSR2, NULL, &sa);
	say("flags %#x", sa.sa_flags & ~0x04000000); /* without SA_RESTORER */
}

static void mask_during_handler(void)
{
	struct sigaction sa = { .sa_sigaction = note, .sa_flags = SA_SIGINFO };
	sigset_t set;

	sigaddset(&sa.sa_mask, SIGUSR2);
	sigaction(SIGUSR1, &sa, NULL);
	raise(SIGUSR1);
	sigprocmask(SIG_BLOCK, NULL, &set);
	say("after: USR1 %d USR2 %d", sigismember(&set, SIGUSR1), sigismember(&set, SIGUSR2));
}

/* A child signals us in the middle of a read. */
static void interrupted_read(void)
{
	char c = '?';

	for (int restart = 0; restart < 2; restart++) {
		int p[2];
		pid_t pid, me = getpid();

		if (pipe(p) < 0)
			return;
		handle(SIGUSR1, restart ? SA_RESTART : 0);
		pid = fork();
		if (pid == 0) {
			usleep(30000);
			kill(me, SIGUSR1);
			usleep(30000);
			_exit(write(p[1], "w", 1) == 1 ? 0 : 1);
		}
		R(read(p[0], &c, 1));
		reap(pid);
	}
	say("%c, count %d", c, count);
}

static void interrupted_sleep(void)
{
	struct timespec t = { 5, 0 }, rest = { 0 };

	handle(SIGALRM, SA_RESTART);
	setitimer(ITIMER_REAL, &(struct itimerval){ .it_value = { 0, 20000 } }, NULL);
	R(nanosleep(&t, &rest));
	YES(rest.tv_sec == 4);
	setitimer(ITIMER_REAL, &(struct itimerval){ .it_value = { 0, 20000 } }, NULL);
	R(poll(NULL, 0, 5000));
	setitimer(ITIMER_REAL, &(struct itimerval){ .it_value = { 0, 20000 } }, NULL);
	R(pause());
	setitimer(ITIMER_REAL, &(struct itimerval){ .it_value = { 0, 20000 } }, NULL);
	say("clock_nanosleep %s", errno_name(clock_nanosleep(CLOCK_MONOTONIC, 0, &t, &rest)));
}

/* Stopped and continued: the sleep goes on as if nothing had been. */
static void sleep_over_a_stop(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		struct timespec t = { 0, 100000000 };

		_exit(nanosleep(&t, NULL) == 0 ? 0 : errno);
	}
	usleep(20000);
	kill(pid, SIGSTOP);
	usleep(20000);
	kill(pid, SIGCONT);
	say("%s", ended(reap(pid)));
}

static void suspend_and_masks(void)
{
	sigset_t wait, now;

	handle(SIGUSR1, 0);
	mask(SIG_BLOCK, SIGUSR1);
	raise(SIGUSR1);
	sigfillset(&wait);
	sigdelset(&wait, SIGUSR1);
	R(sigsuspend(&wait));
	sigprocmask(SIG_BLOCK, NULL, &now);
	say("count %d, blocked again %d, TERM %d", count, sigismember(&now, SIGUSR1),
	    sigismember(&now, SIGTERM));
}

static char *alt_low, *alt_high;
static volatile int on_alt;

static void where_am_i(int sig)
{
	char here;
	stack_t ss;

	on_alt = &here >= alt_low && &here < alt_high;
	sigaltstack(NULL, &ss);
	say("flags inside %d", ss.ss_flags);
	R(sigaltstack(&(stack_t){ .ss_flags = SS_DISABLE }, NULL));
}

static void alternate_stack(void)
{
	static char alt[65536];
	struct sigaction sa = { .sa_handler = where_am_i, .sa_flags = SA_ONSTACK };
	stack_t ss = { .ss_sp = alt, .ss_size = sizeof(alt) };

	alt_low = alt;
	alt_high = alt + sizeof(alt);
	R(sigaltstack(&ss, NULL));
	sigaction(SIGUSR1, &sa, NULL);
	raise(SIGUSR1);
	say("on it: %d", on_alt);
	R(sigaltstack(NULL, &ss));
	say("flags outside %d size %zu", ss.ss_flags, ss.ss_size);
	ss.ss_size = 100;
	R(sigaltstack(&ss, NULL));
	ss.ss_flags = 77;
	R(sigaltstack(&ss, NULL));
	R(syscall(SYS_sigaltstack, 8, NULL));
}

static sigjmp_buf back;
static siginfo_t fault;

static void on_fault(int sig, siginfo_t *si, void *context)
{
	fault = *si;
	siglongjmp(back, 1);
}

#define TRY(what, code)                                                                            \
	do {                                                                                       \
		if (!sigsetjmp(back, 1)) {                                                         \
			code;                                                                      \
			say(what ": nothing");                                                     \
		} else {                                                                           \
			say(what ": signal %d code %d", fault.si_signo, fault.si_code);            \
		}                                                                                  \
	} while (0)

static void exceptions(void)
{
	static const int sigs[] = { SIGFPE, SIGILL, SIGTRAP, SIGSEGV, SIGBUS };
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };

	for (size_t i = 0; i < sizeof(sigs) / sizeof(*sigs); i++)
		sigaction(sigs[i], &sa, NULL);
	TRY("divide by zero",
	    __asm__ volatile("xor %%ecx, %%ecx; mov $1, %%eax; cltd; idiv %%ecx" ::
				     : "eax", "ecx", "edx"));
	TRY("ud2", __asm__ volatile("ud2"));
	TRY("int3", __asm__ volatile("int3"));
	TRY("hlt", __asm__ volatile("hlt"));
	TRY("cli", __asm__ volatile("cli"));
	TRY("port", __asm__ volatile("outb %al, $0x80"));
	TRY("int 0x42", __asm__ volatile("int $0x42"));
	TRY("cr3", __asm__ volatile("mov %%cr3, %%rax" ::: "rax"));
	TRY("wrmsr", __asm__ volatile("wrmsr" ::"c"(0x10), "a"(0), "d"(0)));
	TRY("lgdt", __asm__ volatile("lgdt (%rsp)"));
	TRY("bad segment", __asm__ volatile("mov %0, %%ds" ::"r"((short)0x1234)));
	TRY("jump to nowhere", ((void (*)(void))0x1000UL)());
	TRY("single step", __asm__ volatile("pushf; orl $0x100, (%%rsp); popf; nop" ::
						    : "cc", "memory"));
	TRY("alignment is not checked", {
		char b[16] = { 0 };
		volatile int *p = (int *)(b + 1);
		*p = 1;
	});
}

static void faults_kill(void)
{
	say("null: %s", ended(reap(fork() ?: (*(volatile char *)0 = 1, _exit(0), 0))));
	say("blocked SIGSEGV: %s",
	    ended(reap(
		    fork() ?: (mask(SIG_BLOCK, SIGSEGV), *(volatile char *)0 = 1, _exit(0), 0))));
	say("ignored SIGSEGV: %s",
	    ended(reap(
		    fork() ?: (signal(SIGSEGV, SIG_IGN), *(volatile char *)0 = 1, _exit(0), 0))));
	say("abort: %s", ended(reap(fork() ?: (abort(), 0))));
}

/* General, vector and flag registers are what they were, whatever the handler does with them. */
static void spoil(int sig)
{
	__asm__ volatile("pxor %%xmm3, %%xmm3; pxor %%xmm15, %%xmm15; std; cld" ::
				 : "xmm3", "xmm15");
	count++;
}

static void registers_survive(void)
{
	unsigned long a = 0, b = 0, flags = 0;
	double x = 0;

	signal(SIGUSR1, spoil);
	__asm__ volatile("mov $0x1122334455667788, %%r12\n"
			 "movq %%r12, %%xmm3\n"
			 "movq %%r12, %%xmm15\n"
			 "mov $0x42, %%rbx\n"
			 "mov %[nr], %%eax\n"
			 "mov %[pid], %%edi\n"
			 "mov %[sig], %%esi\n"
			 "stc\n"
			 "syscall\n"
			 "setc %b[f]\n"
			 "movq %%xmm3, %[a]\n"
			 "mov %%rbx, %[b]\n"
			 "movq %%xmm15, %[x]\n"
			 : [a] "=&r"(a), [b] "=&r"(b), [f] "+&r"(flags), [x] "=m"(x)
			 : [nr] "i"(SYS_kill), [pid] "r"(getpid()), [sig] "i"(SIGUSR1)
			 : "rax", "rbx", "rcx", "rdi", "rsi", "r11", "r12", "xmm3", "xmm15",
			   "memory", "cc");
	say("count %d, xmm3 %#lx, rbx %#lx, carry %lu, xmm15 %d", count, a, b, flags & 1, x != 0);
}

/* The 128 bytes below the stack pointer belong to the function that was interrupted. */
static void red_zone_survives(void)
{
	unsigned long got = 0;

	signal(SIGUSR1, spoil);
	__asm__ volatile("mov $0x5a5a5a5a, %%rbx\n"
			 "mov %%rbx, -8(%%rsp)\n"
			 "mov %%rbx, -128(%%rsp)\n"
			 "mov %[nr], %%eax\n"
			 "mov %[pid], %%edi\n"
			 "mov %[sig], %%esi\n"
			 "syscall\n"
			 "mov -8(%%rsp), %[got]\n"
			 "and -128(%%rsp), %[got]\n"
			 : [got] "=&r"(got)
			 : [nr] "i"(SYS_kill), [pid] "r"(getpid()), [sig] "i"(SIGUSR1)
			 : "rax", "rbx", "rcx", "rdi", "rsi", "r11", "memory", "cc");
	say("%#lx", got);
}

static void change_context(int sig, siginfo_t *si, void *context)
{
	ucontext_t *uc = context;

	uc->uc_mcontext.gregs[REG_RIP] += 2; /* steps over ud2 */
	uc->uc_mcontext.gregs[REG_RBX] = 99;
}

static void context_can_be_changed(void)
{
	struct sigaction sa = { .sa_sigaction = change_context, .sa_flags = SA_SIGINFO };
	long v = 1;

	sigaction(SIGILL, &sa, NULL);
	__asm__ volatile("mov %0, %%rbx; ud2; mov %%rbx, %0" : "+r"(v)::"rbx");
	say("rbx %ld", v);
}

static void timers(void)
{
	struct itimerval v = { .it_value = { 10, 0 } }, old;

	handle(SIGALRM, 0);
	alarm(0);
	R(alarm(100));
	R(alarm(0));
	R(alarm(0));
	R(setitimer(ITIMER_REAL, &v, NULL));
	R(getitimer(ITIMER_REAL, &old));
	YES(old.it_value.tv_sec == 9 || old.it_value.tv_sec == 10);
	v = (struct itimerval){ .it_interval = { 0, 5000 }, .it_value = { 0, 5000 } };
	R(setitimer(ITIMER_REAL, &v, NULL));
	while (count < 3)
		pause();
	R(setitimer(ITIMER_REAL, &(struct itimerval){ 0 }, NULL));
	say("code of the timer's signal %d", last_code);
	R(setitimer(99, &v, NULL));
	v.it_value.tv_usec = 1000000;
	R(setitimer(ITIMER_REAL, &v, NULL));
	R(getitimer(ITIMER_REAL, (void *)8));
}

static void cpu_timers(void)
{
	handle(SIGVTALRM, 0);
	R(setitimer(ITIMER_VIRTUAL, &(struct itimerval){ .it_value = { 0, 10000 } }, NULL));
	while (!count)
		;
	say("signal %d", last_sig);
}

static void posix_timers(void)
{
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	struct itimerspec at = { .it_value = { 0, 5000000 } };
	timer_t t;

	ev.sigev_value.sival_int = 31;
	handle(SIGUSR1, 0);
	R(timer_create(CLOCK_MONOTONIC, &ev, &t));
	R(timer_settime(t, 0, &at, NULL));
	while (!count)
		pause();
	say("code %d value %d overrun %d", last_code, last_value, timer_getoverrun(t));
	R(timer_gettime(t, &at));
	say("left %ld %ld", (long)at.it_value.tv_sec, at.it_value.tv_nsec);
	R(timer_delete(t));
	R(syscall(SYS_timer_delete, 12345));
	R(timer_create(999, &ev, &t));
}

static void across_fork_and_exec(void)
{
	sigset_t set;
	pid_t pid;

	handle(SIGUSR1, 0);
	signal(SIGUSR2, SIG_IGN);
	mask(SIG_BLOCK, SIGTERM);
	raise(SIGTERM);
	pid = fork();
	if (pid == 0) {
		sigpending(&set);
		_exit(sigismember(&set, SIGTERM)); /* pending signals are not inherited */
	}
	say("pending in the child: %s", ended(reap(pid)));
	pid = fork();
	if (pid == 0) {
		mask(SIG_BLOCK, SIGHUP);
		raise(SIGHUP);
		execl("/proc/self/exe", "signals", "after_exec", (char *)NULL);
		_exit(99);
	}
	say("exec: %s", ended(reap(pid)));
}

/* Reached by exec only: run whole, it says what a fresh program has. */
static void after_exec(void)
{
	struct sigaction sa;

	sigaction(SIGUSR1, NULL, &sa);
	say("USR1 default %d", sa.sa_handler == SIG_DFL);
	sigaction(SIGUSR2, NULL, &sa);
	say("USR2 ignored %d", sa.sa_handler == SIG_IGN);
	sigset_t now;

	sigprocmask(SIG_BLOCK, NULL, &now);
	say("HUP blocked %d TERM blocked %d", sigismember(&now, SIGHUP),
	    sigismember(&now, SIGTERM));
}

static void signal_file(void)
{
	struct signalfd_siginfo si;
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	YES(fd >= 0);
	R(read(fd, &si, sizeof(si)));
	R(poll(&(struct pollfd){ fd, POLLIN, 0 }, 1, 0));
	R(sigqueue(getpid(), SIGUSR1, (union sigval){ .sival_int = 12 }));
	R(poll(&(struct pollfd){ fd, POLLIN, 0 }, 1, 0));
	R(read(fd, &si, sizeof(si) - 1));
	R(read(fd, &si, sizeof(si)));
	say("signal %u code %d int %d", si.ssi_signo, si.ssi_code, si.ssi_int);
	R(signalfd(-1, &set, 1));
	R(signalfd(1, &set, 0));
}

/* The epoll is the parent's too, and holds what the child that asked has left behind. */
static void signal_file_of_the_dead(void)
{
	struct epoll_event ev = { .events = EPOLLIN };
	sigset_t set;
	int fd, ep;
	pid_t pid;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_NONBLOCK);
	ep = epoll_create1(0);
	pid = fork();
	if (pid == 0)
		_exit(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) ? 1 : 0);
	say("%s", ended(reap(pid)));
	R(raise(SIGUSR1));
	R(epoll_ctl(ep, EPOLL_CTL_DEL, fd, &ev));
	R(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev));
	R(epoll_wait(ep, &ev, 1, 0));
	R(close(ep));
}

static void to_a_group(void)
{
	int p[2];
	pid_t pid[3];

	R(pipe(p));
	for (int i = 0; i < 3; i++) {
		pid[i] = fork();
		if (pid[i] == 0) {
			setpgid(0, i ? pid[0] : 0);
			if (write(p[1], "r", 1) == 1)
				for (;;)
					pause();
		}
		setpgid(pid[i], pid[0]);
	}
	for (int i = 0; i < 3; i++) {
		char c;

		R(read(p[0], &c, 1));
	}
	R(kill(-pid[0], SIGUSR1));
	for (int i = 0; i < 3; i++)
		say("%s", ended(reap(pid[i])));
}

ABI_MAIN(CASE(who_sent_it), CASE(errors), CASE(blocked_stay_pending), CASE(kill_cannot_be_blocked),
	 CASE(real_time_queue), CASE(handlers_run_in_order), CASE(flags_of_actions),
	 CASE(mask_during_handler), CASE(interrupted_read), CASE(interrupted_sleep),
	 CASE(sleep_over_a_stop), CASE(suspend_and_masks), CASE(alternate_stack), CASE(exceptions),
	 CASE(faults_kill), CASE(registers_survive), CASE(red_zone_survives),
	 CASE(context_can_be_changed), CASE(timers), CASE(cpu_timers), CASE(posix_timers),
	 CASE(across_fork_and_exec), CASE(after_exec), CASE(signal_file),
	 CASE(signal_file_of_the_dead), CASE(to_a_group))
