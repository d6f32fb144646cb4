/* SPDX-License-Identifier: MIT */
/* Signals in detail: what they carry, what they interrupt, and what a handler may change. */
#include "abi.h"

#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <ucontext.h>

struct ksa { /* the kernel's struct sigaction */
	void *handler;
	unsigned long flags;
	void *restorer;
	uint64_t mask;
};

static void on(int sig, void *fn, int flags)
{
	struct sigaction sa = { .sa_flags = flags };

	sa.sa_sigaction = fn;
	sigaction(sig, &sa, NULL);
}

static void block(int how, int sig)
{
	sigset_t s;

	sigemptyset(&s);
	sigaddset(&s, sig);
	sigprocmask(how, &s, NULL);
}

static void nap(long ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

static volatile int hits;
static void count(int sig)
{
	hits++;
}

/* Takes sig, which is blocked, and says what it carries. */
static void take(const char *from, int sig)
{
	struct timespec ts = { 3, 0 };
	siginfo_t si;
	sigset_t s;
	int got;

	sigemptyset(&s);
	sigaddset(&s, sig);
	memset(&si, 0xee, sizeof(si));
	do
		got = sigtimedwait(&s, &si, &ts);
	while (got < 0 && errno == EINTR);
	if (got < 0) {
		say("%s: %s", from, errno_name(errno));
		return;
	}
	say("%s: signal %d %d, code %d, errno %d, from %s, value %d", from, got, si.si_signo,
	    si.si_code, si.si_errno,
	    si.si_code == SI_KERNEL || si.si_code == SI_TIMER ? "-"
	    : si.si_pid == getpid()                           ? "me"
	    : si.si_pid == getppid()                          ? "parent"
							      : "child",
	    si.si_code == SI_QUEUE || si.si_code == SI_TIMER ? si.si_value.sival_int : 0);
}

static void sources(void)
{
	struct itimerval it = { .it_value = { 0, 1000 } };
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	struct itimerspec its = { .it_value = { 0, 1000000 } };
	pid_t me = getpid(), pid;
	timer_t timer;
	int p[2];
	long ret;

	block(SIG_BLOCK, SIGUSR1);
	block(SIG_BLOCK, SIGALRM);
	block(SIG_BLOCK, SIGPIPE);
	block(SIG_BLOCK, SIGRTMIN + 3);
	kill(me, SIGUSR1);
	take("kill", SIGUSR1);
	syscall(SYS_tgkill, me, gettid(), SIGUSR1);
	take("tgkill", SIGUSR1);
	syscall(SYS_tkill, gettid(), SIGUSR1);
	take("tkill", SIGUSR1);
	sigqueue(me, SIGRTMIN + 3, (union sigval){ .sival_int = 41 });
	take("sigqueue", SIGRTMIN + 3);
	sigqueue(me, SIGUSR1, (union sigval){ .sival_int = 42 });
	take("sigqueue", SIGUSR1);
	setitimer(ITIMER_REAL, &it, NULL);
	take("setitimer", SIGALRM);
	ev.sigev_value.sival_int = 43;
	if (!timer_create(CLOCK_MONOTONIC, &ev, &timer) && !timer_settime(timer, 0, &its, NULL))
		take("timer", SIGUSR1);
	if (!pipe(p)) {
		close(p[0]);
		R(write(p[1], "x", 1));
		take("pipe", SIGPIPE);
	}
	pid = fork();
	if (!pid) {
		kill(getppid(), SIGUSR1);
		_exit(0);
	}
	take("child", SIGUSR1);
	reap(pid);
	pid = fork();
	if (!pid) {
		block(SIG_BLOCK, SIGUSR1);
		take("by pidfd", SIGUSR1);
		_exit(0);
	}
	nap(20);
	ret = syscall(SYS_pidfd_send_signal, syscall(SYS_pidfd_open, pid, 0), SIGUSR1, NULL, 0);
	reap(pid); /* the child has said what it got */
	outcome("pidfd_send_signal", ret);
}

/* ---- children ---- */
static void take_child(const char *what, pid_t pid)
{
	struct timespec ts = { 3, 0 };
	siginfo_t si;
	sigset_t s;

	sigemptyset(&s);
	sigaddset(&s, SIGCHLD);
	if (sigtimedwait(&s, &si, &ts) < 0)
		say("%s: %s", what, errno_name(errno));
	else
		say("%s: code %d, status %d, child %d, uid %d", what, si.si_code, si.si_status,
		    si.si_pid == pid, si.si_uid == getuid());
}

static void child_news(void)
{
	pid_t pid;

	block(SIG_BLOCK, SIGCHLD);
	pid = fork();
	if (!pid)
		_exit(33);
	take_child("exit", pid);
	reap(pid);
	pid = fork();
	if (!pid) {
		pause();
		_exit(0);
	}
	kill(pid, SIGSTOP);
	take_child("stop", pid);
	kill(pid, SIGCONT);
	take_child("continue", pid);
	kill(pid, SIGTERM);
	take_child("kill", pid);
	reap(pid);
}

static void no_news_of_stops(void)
{
	struct sigaction sa = { .sa_handler = count, .sa_flags = SA_NOCLDSTOP };
	int status;
	pid_t pid;

	sigaction(SIGCHLD, &sa, NULL);
	pid = fork();
	if (!pid) {
		pause();
		_exit(0);
	}
	kill(pid, SIGSTOP);
	waitpid(pid, &status, WUNTRACED);
	say("%s, signals: %d", ended(status), hits);
	kill(pid, SIGCONT);
	waitpid(pid, &status, WCONTINUED);
	say("%s, signals: %d", ended(status), hits);
	kill(pid, SIGKILL);
	status = reap(pid);
	say("%s, signals: %d", ended(status), hits);
}

static void children_not_waited_for(void)
{
	for (int i = 0; i < 2; i++) {
		struct sigaction sa = { .sa_handler = i ? count : SIG_DFL,
					.sa_flags = SA_NOCLDWAIT };
		pid_t pid;
		long r;

		hits = 0;
		sigaction(SIGCHLD, &sa, NULL);
		pid = fork();
		if (!pid) {
			nap(20);
			_exit(3);
		}
		do
			r = wait(NULL);
		while (r < 0 && errno == EINTR);
		say("wait: %s, signals: %d", r < 0 ? errno_name(errno) : "a child", hits);
		R(kill(pid, 0));
	}
}

/* ---- faults ---- */
static char *fault_page;
static sigjmp_buf env;
static void on_fault(int sig, siginfo_t *si, void *arg)
{
	ucontext_t *uc = arg;
	long *g = (long *)uc->uc_mcontext.gregs;
	long addr = (long)si->si_addr;

	say("signal %d, code %d, trap %ld, error %ld, address %s%s", sig, si->si_code,
	    g[REG_TRAPNO], g[REG_ERR],
	    addr == 0                   ? "0"
	    : addr == (long)fault_page  ? "the page"
	    : addr == g[REG_RIP]        ? "the instruction"
	    : (unsigned long)addr >> 47 ? "kernel"
					: "other",
	    g[REG_TRAPNO] != 14  ? ""
	    : g[REG_CR2] == addr ? ", in cr2"
				 : ", not in cr2");
	siglongjmp(env, 1);
}

#define FAULT(what, code)                                                                          \
	do {                                                                                       \
		if (!sigsetjmp(env, 1)) {                                                          \
			code;                                                                      \
			say("%s: nothing happened", what);                                         \
		}                                                                                  \
	} while (0)

static void memory_faults(void)
{
	int fd = memfd_create("f", 0);

	on(SIGSEGV, on_fault, SA_SIGINFO);
	on(SIGBUS, on_fault, SA_SIGINFO);
	fault_page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	FAULT("read-only", *(volatile char *)fault_page = 1);
	mprotect(fault_page, 4096, PROT_NONE);
	FAULT("no access", (void)*(volatile char *)fault_page);
	FAULT("no access", *(volatile char *)fault_page = 1);
	FAULT("jump", ((void (*)(void))fault_page)());
	munmap(fault_page, 4096);
	FAULT("unmapped", (void)*(volatile char *)fault_page);
	FAULT("unmapped", *(volatile char *)fault_page = 1);
	fault_page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	FAULT("past the end", (void)*(volatile char *)fault_page);
	FAULT("past the end", *(volatile char *)fault_page = 1);
	FAULT("kernel", (void)*(volatile char *)wild(0xffffffff81000000));
	FAULT("kernel", (void)*(volatile char *)wild(0xffff800000000000));
	FAULT("no address", (void)*(volatile char *)wild(0x8000000000000000));
}

static void instruction_faults(void)
{
	for (int sig = 1; sig < 32; sig++)
		if (sig != SIGALRM && sig != SIGKILL && sig != SIGSTOP)
			on(sig, on_fault, SA_SIGINFO);
	FAULT("div",
	      __asm__ volatile("xor %%edx, %%edx; mov $1, %%eax; xor %%ecx, %%ecx; div %%ecx" ::
				       : "eax", "ecx", "edx"));
	FAULT("ud2", __asm__ volatile("ud2"));
	FAULT("hlt", __asm__ volatile("hlt"));
	FAULT("in", __asm__ volatile("inb $0x80, %%al" ::: "eax"));
	FAULT("int3", __asm__ volatile("int3"));
	FAULT("int 4", __asm__ volatile("int $4"));
	FAULT("x87", __asm__ volatile("fninit; sub $16, %%rsp; movw $0x360, (%%rsp); fldcw (%%rsp);"
				      "fld1; fldz; fdivrp; fwait; add $16, %%rsp" ::
					      : "memory"));
}

static void trap_flag(void)
{
	on(SIGTRAP, on_fault, SA_SIGINFO);
	FAULT("step",
	      __asm__ volatile("sub $128, %%rsp; pushfq; orq $0x100, (%%rsp); popfq; nop; nop;"
			       "add $128, %%rsp" ::
				       : "memory", "cc"));
}

static void no_way_to_handle(void)
{
	static const char *const how[] = { "ignored", "blocked", "handler, no stack" };

	for (int i = 0; i < 3; i++) {
		pid_t pid = fork();

		if (!pid) {
			struct rlimit none = { 0, 0 };

			setrlimit(RLIMIT_CORE, &none);
			if (i == 0)
				signal(SIGSEGV, SIG_IGN);
			on(SIGSEGV, i == 2 ? (void *)count : i ? (void *)count : SIG_IGN, 0);
			if (i == 1)
				block(SIG_BLOCK, SIGSEGV);
			if (i == 2)
				__asm__ volatile("xor %%esp, %%esp; push %%rax" ::: "memory");
			*(volatile char *)wild(8) = 1;
			_exit(1);
		}
		int status = reap(pid);

		say("%s: %s, core %d", how[i], ended(status), WCOREDUMP(status) != 0);
	}
}

static void no_core_without_limit(void)
{
	static const int sigs[] = { SIGQUIT, SIGABRT, SIGSEGV, SIGXCPU, SIGSYS, SIGTERM };

	for (int i = 0; i < 6; i++) {
		pid_t pid = fork();

		if (!pid) {
			struct rlimit none = { 0, 0 };

			setrlimit(RLIMIT_CORE, &none);
			raise(sigs[i]);
			_exit(1);
		}
		siginfo_t si;

		R(waitid(P_PID, pid, &si, WEXITED | WNOWAIT));
		say("code %d, status %d, core %d", si.si_code, si.si_status,
		    WCOREDUMP(reap(pid)) != 0);
	}
}

/* ---- actions ---- */
static void unknown_flags_vanish(void)
{
	struct ksa a = { (void *)count, 0x04000000 | 0x00000400 | 0x00000008 | SA_NODEFER | 0x40000,
			 (void *)1, 0 },
		   old;

	R(syscall(SYS_rt_sigaction, SIGUSR1, &a, NULL, 8));
	R(syscall(SYS_rt_sigaction, SIGUSR1, NULL, &old, 8));
	say("flags %#lx", old.flags);
	a.mask = ~0UL;
	R(syscall(SYS_rt_sigaction, SIGUSR1, &a, NULL, 8));
	R(syscall(SYS_rt_sigaction, SIGUSR1, NULL, &old, 8));
	say("mask %#lx", old.mask);
	R(syscall(SYS_rt_sigaction, SIGUSR1, NULL, NULL, 8));
	R(syscall(SYS_rt_sigaction, SIGKILL, NULL, &old, 8));
	R(syscall(SYS_rt_sigaction, SIGKILL, &a, NULL, 8));
	R(syscall(SYS_rt_sigaction, 0, NULL, &old, 8));
	R(syscall(SYS_rt_sigaction, 65, NULL, &old, 8));
	R(syscall(SYS_rt_sigaction, SIGUSR1, wild(8), NULL, 8));
	R(syscall(SYS_rt_sigaction, SIGUSR1, NULL, &old, 4));
}

static void once_only(void)
{
	struct sigaction sa;

	on(SIGUSR1, count, SA_RESETHAND | SA_NODEFER);
	raise(SIGUSR1);
	sigaction(SIGUSR1, NULL, &sa);
	say("hits %d, %s, flags %#x", hits, sa.sa_handler == SIG_DFL ? "default" : "handler",
	    sa.sa_flags & ~0x04000000);
}

static int depth, deepest;
static void recurse(int sig)
{
	if (++depth > deepest)
		deepest = depth;
	if (++hits < 4)
		raise(sig);
	depth--;
}

static void deferred_or_not(void)
{
	on(SIGUSR1, recurse, SA_NODEFER);
	raise(SIGUSR1);
	say("not deferred: %d deep", deepest);
	deepest = hits = 0;
	on(SIGUSR1, recurse, 0);
	raise(SIGUSR1);
	say("deferred: %d deep", deepest);
}

static void pending_and_ignored(void)
{
	sigset_t s;

	block(SIG_BLOCK, SIGUSR1);
	block(SIG_BLOCK, SIGCHLD);
	block(SIG_BLOCK, SIGTSTP);
	block(SIG_BLOCK, SIGCONT);
	signal(SIGUSR2, SIG_IGN);
	raise(SIGUSR1);
	raise(SIGUSR2);
	raise(SIGCHLD);
	sigpending(&s);
	say("%d %d %d", sigismember(&s, SIGUSR1), sigismember(&s, SIGUSR2),
	    sigismember(&s, SIGCHLD));
	signal(SIGUSR1, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	sigpending(&s);
	say("%d %d %d", sigismember(&s, SIGUSR1), sigismember(&s, SIGUSR2),
	    sigismember(&s, SIGCHLD));
	raise(SIGUSR1);
	sigpending(&s);
	say("ignored, but blocked: %d", sigismember(&s, SIGUSR1));
	raise(SIGTSTP);
	raise(SIGCONT);
	sigpending(&s);
	say("stop %d, continue %d", sigismember(&s, SIGTSTP), sigismember(&s, SIGCONT));
	raise(SIGTSTP);
	sigpending(&s);
	say("stop %d, continue %d", sigismember(&s, SIGTSTP), sigismember(&s, SIGCONT));
}

/* ---- real-time queues ---- */
static int order[16], n_order;
static void note(int sig, siginfo_t *si, void *uc)
{
	if (n_order < 16)
		order[n_order++] =
			sig * 100 + (si->si_code == SI_QUEUE ? si->si_value.sival_int : 99);
}

static void queue_order(void)
{
	static const int sent[][2] = { { 2, 1 }, { 0, 2 }, { 2, 3 }, { 1, 4 }, { 0, 5 }, { 2, 6 } };
	sigset_t all, old;

	for (int i = 0; i < 3; i++)
		on(SIGRTMIN + i, note, SA_SIGINFO);
	on(SIGUSR2, note, SA_SIGINFO);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	for (int i = 0; i < 6; i++)
		sigqueue(getpid(), SIGRTMIN + sent[i][0],
			 (union sigval){ .sival_int = sent[i][1] });
	kill(getpid(), SIGUSR2);
	kill(getpid(), SIGUSR2);
	/* One at a time: sigtimedwait takes the lowest number first, in the order they were sent. */
	for (int i = 0; i < 8; i++) {
		struct timespec zero = { 0, 0 };
		siginfo_t si;
		int sig = sigtimedwait(&all, &si, &zero);

		if (sig < 0)
			say("%s", errno_name(errno));
		else
			say("%d: %d", sig, si.si_code == SI_QUEUE ? si.si_value.sival_int : 99);
	}
	sigprocmask(SIG_SETMASK, &old, NULL);
	say("handled: %d", n_order);
}

static void queue_limit(void)
{
	struct rlimit none = { 0, 0 };
	int rt = SIGRTMIN + 1;
	siginfo_t si = { .si_code = SI_QUEUE };

	setrlimit(RLIMIT_SIGPENDING, &none);
	block(SIG_BLOCK, rt);
	block(SIG_BLOCK, SIGUSR1);
	R(sigqueue(getpid(), rt, (union sigval){ .sival_int = 5 }));
	R(kill(getpid(), rt));
	take("kill", rt);
	R(syscall(SYS_tkill, gettid(), rt));
	R(sigqueue(getpid(), SIGUSR1, (union sigval){ .sival_int = 6 }));
	take("sigqueue", SIGUSR1);
	R(kill(getpid(), SIGUSR1));
	take("kill", SIGUSR1);
	R(syscall(SYS_rt_sigqueueinfo, getpid(), rt, &si));
}

static void queueing_rights(void)
{
	siginfo_t si = { .si_code = SI_USER };
	pid_t parent = getppid(), me = getpid();

	block(SIG_BLOCK, SIGUSR1);
	R(syscall(SYS_rt_sigqueueinfo, parent, 0, &si));
	R(syscall(SYS_rt_sigqueueinfo, me, SIGUSR1, &si));
	take("as if by kill", SIGUSR1);
	si.si_code = SI_TKILL;
	R(syscall(SYS_rt_sigqueueinfo, parent, 0, &si));
	si.si_code = SI_KERNEL;
	R(syscall(SYS_rt_sigqueueinfo, parent, 0, &si));
	R(syscall(SYS_rt_sigqueueinfo, 0x3fffffff, 0, &si));
	si.si_code = SI_QUEUE;
	R(syscall(SYS_rt_sigqueueinfo, parent, 0, &si));
	R(syscall(SYS_rt_sigqueueinfo, 0x3fffffff, 0, &si));
	R(syscall(SYS_rt_sigqueueinfo, me, 65, &si));
	R(syscall(SYS_rt_sigqueueinfo, -1, SIGUSR1, &si));
	R(syscall(SYS_rt_sigqueueinfo, 0, SIGUSR1, &si));
	R(syscall(SYS_rt_sigqueueinfo, me, SIGUSR1, wild(8)));
	R(syscall(SYS_rt_tgsigqueueinfo, me, me, 0, &si));
	R(syscall(SYS_rt_tgsigqueueinfo, me, parent, 0, &si));
	R(syscall(SYS_rt_tgsigqueueinfo, 0, me, 0, &si));
	R(syscall(SYS_rt_tgsigqueueinfo, me, -1, 0, &si));
	R(kill(0x3fffffff, 100));
	R(kill(me, 100));
	R(kill(me, -1));
	R(syscall(SYS_tkill, 0x3fffffff, 100));
	R(syscall(SYS_tkill, gettid(), 100));
	R(syscall(SYS_tgkill, me, gettid(), 100));
	R(syscall(SYS_tgkill, parent, gettid(), 0));
	R(syscall(SYS_tgkill, 0, gettid(), 0));
	R(syscall(SYS_tkill, 0, 0));
	R(kill(INT_MIN, 0));
}

/* ---- what is interrupted: see restart() ---- */
static int rp[2], fp, late_child;
static uint32_t word;
static volatile int shots;

/* The first shot only interrupts; the second makes what is waited for happen. */
static void shot(int sig)
{
	int err = errno;
	uint64_t one = 1;

	if (++shots == 2) {
		if (write(rp[1], "12345678", 8) < 0 || write(fp, &one, 8) < 0)
			_exit(96);
		word = 1;
		syscall(SYS_futex, &word, FUTEX_WAKE, 1, NULL, NULL, 0);
		if (late_child)
			kill(late_child, SIGKILL);
		kill(getpid(), SIGUSR2);
	}
	errno = err;
}

#define SHOT_US 70000
static void restart(const char *name, long (*call)(void))
{
	for (int flag = 0; flag < 2; flag++) {
		struct itimerval it = { { 0, SHOT_US }, { 0, SHOT_US } }, off = { 0 };
		long r;
		int err;

		shots = 0;
		word = 0;
		if (pipe(rp) < 0)
			return;
		fp = eventfd(0, 0);
		late_child = fork();
		if (!late_child)
			for (;;)
				pause();
		on(SIGALRM, shot, flag ? SA_RESTART : 0);
		setitimer(ITIMER_REAL, &it, NULL);
		errno = 0;
		r = call();
		err = errno;
		setitimer(ITIMER_REAL, &off, NULL);
		say("%s, %s: %s", name, flag ? "SA_RESTART" : "plain",
		    r < 0       ? errno_name(err)
		    : shots > 1 ? "goes on and ends well"
				: "ends well");
		kill(late_child, SIGKILL);
		waitpid(late_child, NULL, 0);
		late_child = 0;
		close(rp[0]);
		close(rp[1]);
		close(fp);
	}
}

static struct timespec tenth = { 0, 200000000 };
static long c_read(void)
{
	char c;

	return read(rp[0], &c, 1);
}
static long c_event(void)
{
	uint64_t v;

	return read(fp, &v, 8);
}
static long c_wait(void)
{
	return waitpid(late_child, NULL, 0);
}
static long c_waitid(void)
{
	siginfo_t si;

	return waitid(P_PID, late_child, &si, WEXITED);
}
static long c_futex(void)
{
	return syscall(SYS_futex, &word, FUTEX_WAIT, 0, NULL, NULL, 0) && errno != EAGAIN ? -1 : 0;
}
static long c_futex_timed(void)
{
	struct timespec ts = { 2, 0 };

	return syscall(SYS_futex, &word, FUTEX_WAIT, 0, &ts, NULL, 0) && errno != EAGAIN ? -1 : 0;
}
static long c_nanosleep(void)
{
	return nanosleep(&tenth, NULL);
}
static long c_clock_abs(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_sec++;
	return -!!(errno = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL));
}
static long c_poll(void)
{
	struct pollfd p = { .fd = rp[0], .events = POLLIN };

	return poll(&p, 1, 3000);
}
static long c_ppoll(void)
{
	struct pollfd p = { .fd = rp[0], .events = POLLIN };

	return ppoll(&p, 1, NULL, NULL);
}
static long c_select(void)
{
	fd_set r;

	FD_ZERO(&r);
	FD_SET(rp[0], &r);
	return select(rp[0] + 1, &r, NULL, NULL, NULL);
}
static long c_pselect(void)
{
	sigset_t none;
	fd_set r;

	sigemptyset(&none);
	FD_ZERO(&r);
	FD_SET(rp[0], &r);
	return pselect(rp[0] + 1, &r, NULL, NULL, NULL, &none);
}
static long c_epoll(void)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int e = epoll_create1(0), r;

	epoll_ctl(e, EPOLL_CTL_ADD, rp[0], &ev);
	r = epoll_wait(e, &ev, 1, 3000);
	int err = errno;

	close(e);
	errno = err;
	return r;
}
static long c_pause(void)
{
	return pause();
}
static long c_sigsuspend(void)
{
	sigset_t none;

	sigemptyset(&none);
	return sigsuspend(&none);
}
static long c_sigtimedwait(void)
{
	sigset_t s;

	sigemptyset(&s);
	sigaddset(&s, SIGUSR2);
	return sigwaitinfo(&s, NULL);
}
static long c_signalfd(void)
{
	struct signalfd_siginfo si;
	sigset_t s;
	int fd;
	long r;

	sigemptyset(&s);
	sigaddset(&s, SIGUSR2);
	fd = signalfd(-1, &s, 0);
	r = read(fd, &si, sizeof(si));
	int err = errno;

	close(fd);
	errno = err;
	return r;
}
static long c_timerfd(void)
{
	struct itimerspec its = { .it_value = { 0, 3 * SHOT_US * 1000 } };
	int fd = timerfd_create(CLOCK_MONOTONIC, 0);
	uint64_t v;
	long r;

	timerfd_settime(fd, 0, &its, NULL);
	r = read(fd, &v, 8);
	int err = errno;

	close(fd);
	errno = err;
	return r;
}

static void restart_reads(void)
{
	block(SIG_BLOCK, SIGUSR2);
	restart("read", c_read);
	restart("eventfd", c_event);
	restart("timerfd", c_timerfd);
	restart("signalfd", c_signalfd);
}

static void restart_waits(void)
{
	block(SIG_BLOCK, SIGUSR2);
	restart("waitpid", c_wait);
	restart("waitid", c_waitid);
	restart("futex", c_futex);
	restart("futex with a time-out", c_futex_timed);
}

static void restart_sleeps(void)
{
	block(SIG_BLOCK, SIGUSR2);
	restart("nanosleep", c_nanosleep);
	restart("clock_nanosleep", c_clock_abs);
	restart("pause", c_pause);
	restart("sigsuspend", c_sigsuspend);
	restart("sigwaitinfo", c_sigtimedwait);
}

static void restart_polls(void)
{
	block(SIG_BLOCK, SIGUSR2);
	restart("poll", c_poll);
	restart("ppoll", c_ppoll);
	restart("select", c_select);
	restart("pselect", c_pselect);
	restart("epoll", c_epoll);
}

static void restart_syscall_alone(void)
{
	R(syscall(SYS_restart_syscall));
}

/* A stop and a continue interrupt a wait, but its end stays where it was. */
static void stopped_waits(void)
{
	static const char *const names[] = { "poll", "nanosleep", "futex" };

	for (int i = 0; i < 3; i++) {
		pid_t pid = fork();

		if (!pid) {
			struct timespec a, b, sec = { 0, 800000000 };
			uint32_t w = 0;
			long ms;

			clock_gettime(CLOCK_MONOTONIC, &a);
			if (i == 0)
				poll(NULL, 0, 800);
			else if (i == 1)
				nanosleep(&sec, NULL);
			else
				syscall(SYS_futex, &w, FUTEX_WAIT, 0, &sec, NULL, 0);
			clock_gettime(CLOCK_MONOTONIC, &b);
			ms = (b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000;
			say("%s: %s", names[i],
			    ms < 790    ? "too short"
			    : ms > 1290 ? "too long"
					: "as long as it should");
			_exit(0);
		}
		nap(100);
		kill(pid, SIGSTOP);
		waitpid(pid, NULL, WUNTRACED);
		nap(500);
		kill(pid, SIGCONT);
		reap(pid);
	}
}

/* ---- the alternate stack ---- */
static char stack1[65536], stack2[65536];

static const char *stack_state(void)
{
	static char text[80];
	stack_t ss;

	if (sigaltstack(NULL, &ss))
		return "?";
	snprintf(text, sizeof(text), "flags %#x, size %d, %s", ss.ss_flags, (int)ss.ss_size,
		 ss.ss_sp == stack1   ? "one"
		 : ss.ss_sp == stack2 ? "two"
				      : "none");
	return text;
}

static void on_stack(int sig)
{
	stack_t ss = { .ss_sp = stack2, .ss_size = sizeof(stack2) };
	char here;
	long r;

	say("on %s", &here >= stack1 && &here < stack1 + sizeof(stack1)   ? "one"
		     : &here >= stack2 && &here < stack2 + sizeof(stack2) ? "two"
									  : "neither");
	say("%s", stack_state());
	r = sigaltstack(&ss, NULL);
	say("another: %s", r ? errno_name(errno) : "ok");
	if (sig == SIGUSR1)
		raise(SIGUSR2);
	say("%s", stack_state());
}

static void alternate_stacks(void)
{
	stack_t ss = { .ss_sp = stack1, .ss_size = sizeof(stack1) };

	on(SIGUSR1, on_stack, SA_ONSTACK);
	on(SIGUSR2, on_stack, SA_ONSTACK);
	say("%s", stack_state());
	R(sigaltstack(&ss, NULL));
	raise(SIGUSR1);
	say("%s", stack_state());
}

static void disarmed_stacks(void)
{
	stack_t ss = { .ss_sp = stack1, .ss_size = sizeof(stack1), .ss_flags = (int)(1U << 31) };

	on(SIGUSR1, on_stack, SA_ONSTACK);
	on(SIGUSR2, on_stack, SA_ONSTACK);
	R(sigaltstack(&ss, NULL));
	say("%s", stack_state());
	raise(SIGUSR1);
	say("%s", stack_state());
}

static void alternate_stack_errors(void)
{
	stack_t ss = { .ss_sp = stack1, .ss_size = 2047 };

	R(sigaltstack(&ss, NULL));
	R(syscall(SYS_sigaltstack, &ss, NULL));
	ss.ss_size = 65536;
	ss.ss_flags = 4;
	R(syscall(SYS_sigaltstack, &ss, NULL));
	ss.ss_flags = SS_ONSTACK;
	R(syscall(SYS_sigaltstack, &ss, NULL));
	ss.ss_flags = SS_DISABLE;
	R(syscall(SYS_sigaltstack, &ss, NULL));
	say("%s", stack_state());
	R(syscall(SYS_sigaltstack, wild(8), NULL));
	R(syscall(SYS_sigaltstack, NULL, wild(8)));
}

/* ---- the context ---- */
static void on_context(int sig, siginfo_t *si, void *arg)
{
	ucontext_t *uc = arg;
	struct _libc_fpstate_like {
		uint8_t legacy[464];
		uint32_t magic1, size;
		uint64_t features;
		uint32_t xsize;
	} *fp = (void *)uc->uc_mcontext.fpregs;
	long *g = (long *)uc->uc_mcontext.gregs;
	uint32_t magic2 = 0;

	if (fp && fp->magic1)
		memcpy(&magic2, (char *)fp + fp->xsize, 4);
	say("flags %#lx, link %s", uc->uc_flags, uc->uc_link ? "set" : "none");
	say("fpstate %s, magic %#x %#x", (long)fp % 64 ? "askew" : "aligned", fp->magic1, magic2);
	YES(fp->size == fp->xsize + 4 && (fp->features & 3) == 3);
	say("cs %#lx, ss %#lx", g[REG_CSGSFS] & 0xffff, (unsigned long)g[REG_CSGSFS] >> 48);
	say("mask %#lx, old mask %#lx", *(long *)&uc->uc_sigmask, g[REG_OLDMASK]);
	YES((long)__builtin_frame_address(0) % 16 == 0);
	YES(g[REG_RIP] != 0 && g[REG_RSP] > (long)arg);
}

static void context_contents(void)
{
	on(SIGUSR1, on_context, SA_SIGINFO);
	block(SIG_BLOCK, SIGUSR2);
	raise(SIGUSR1);
}

static void change_registers(int sig, siginfo_t *si, void *arg)
{
	ucontext_t *uc = arg;
	double d = 2.5;

	uc->uc_mcontext.gregs[REG_RIP] += 2; /* over ud2 */
	uc->uc_mcontext.gregs[REG_RBX] = 4711;
	uc->uc_mcontext.gregs[REG_RCX] = 4712;
	uc->uc_mcontext.gregs[REG_R11] = 4713;
	uc->uc_mcontext.gregs[REG_EFL] |= 1;
	memcpy((char *)uc->uc_mcontext.fpregs + 160, &d, 8); /* xmm0 */
	sigaddset(&uc->uc_sigmask, SIGUSR2);
}

static void handler_changes_registers(void)
{
	long rbx, rcx, r11, flags;
	sigset_t now;
	double d;

	on(SIGILL, change_registers, SA_SIGINFO);
	__asm__ volatile("ud2; pushfq; pop %3; movsd %%xmm0, %4"
			 : "=&b"(rbx), "=&c"(rcx), "=&S"(flags), "=&D"(r11), "=m"(d)::"r11", "xmm0",
			   "memory");
	__asm__ volatile("ud2; mov %%r11, %0" : "=r"(r11)::"rbx", "rcx", "r11", "xmm0", "memory");
	sigprocmask(SIG_SETMASK, NULL, &now);
	say("rbx %ld, rcx %ld, r11 %ld", rbx, rcx, r11);
	say("xmm0 %d/10, blocked %d", (int)(d * 10), sigismember(&now, SIGUSR2));
}

static int spoil;
static void spoil_context(int sig, siginfo_t *si, void *arg)
{
	ucontext_t *uc = arg;
	char *fp = (char *)uc->uc_mcontext.fpregs;

	switch (spoil) {
	case 0:
		uc->uc_mcontext.fpregs = NULL;
		break;
	case 1:
		uc->uc_mcontext.fpregs = wild(4096);
		break;
	case 2: /* no extended state any more: the legacy part counts */
		memset(fp + 464, 0, 48);
		break;
	case 3: /* reserved bits of MXCSR */
		memset(fp + 24, 0xff, 4);
		break;
	case 4:
		uc->uc_mcontext.gregs[REG_RIP] = 0x8000000000000000;
		break;
	case 5: /* IOPL, VM and the like are not the user's */
		uc->uc_mcontext.gregs[REG_EFL] |= 0x3000 | 0x20000 | 0x100000;
		break;
	case 6:
		uc->uc_mcontext.gregs[REG_CSGSFS] = 0;
		break;
	}
}

static void spoiled_contexts(void)
{
	static const char *const names[] = { "no fpstate", "bad fpstate", "no magic",
					     "bad mxcsr",  "bad rip",     "flags" };

	for (spoil = 0; spoil < 6; spoil++) {
		pid_t pid = fork();
		int status;

		if (!pid) {
			struct rlimit none = { 0, 0 };
			unsigned long flags;

			setrlimit(RLIMIT_CORE, &none);
			on(SIGUSR1, spoil_context, SA_SIGINFO);
			raise(SIGUSR1);
			__asm__ volatile("pushfq; pop %0" : "=r"(flags));
			_exit(spoil == 5 && flags & (0x3000 | 0x20000 | 0x100000) ? 1 : 0);
		}
		status = reap(pid);
		say("%s: %s", names[spoil], ended(status));
	}
}

/* ---- waiting for signals ---- */
static void timed_waits(void)
{
	struct timespec zero = { 0, 0 }, bad = { 0, -1 }, shortly = { 0, 30000000 },
			long_ = { 3, 0 };
	struct itimerval it = { .it_value = { 0, 50000 } };
	uint64_t set = 1UL << (SIGUSR1 - 1);
	siginfo_t si;

	block(SIG_BLOCK, SIGUSR1);
	R(syscall(SYS_rt_sigtimedwait, &set, &si, &zero, 8));
	R(syscall(SYS_rt_sigtimedwait, &set, &si, &shortly, 8));
	R(syscall(SYS_rt_sigtimedwait, &set, &si, &bad, 8));
	R(syscall(SYS_rt_sigtimedwait, &set, &si, &zero, 4));
	R(syscall(SYS_rt_sigtimedwait, wild(8), &si, &zero, 8));
	R(syscall(SYS_rt_sigtimedwait, &set, &si, wild(8), 8));
	raise(SIGUSR1);
	R(syscall(SYS_rt_sigtimedwait, &set, NULL, &zero, 8));
	raise(SIGUSR1);
	R(syscall(SYS_rt_sigtimedwait, &set, wild(8), &zero, 8));
	on(SIGALRM, count, SA_RESTART);
	setitimer(ITIMER_REAL, &it, NULL);
	R(syscall(SYS_rt_sigtimedwait, &set, NULL, &long_, 8));
	say("handled: %d", hits);
	/* Not blocked, and yet waited for: it does not reach its handler. */
	on(SIGUSR1, count, 0);
	hits = 0;
	if (!fork()) {
		nap(50);
		kill(getppid(), SIGUSR1);
		_exit(0);
	}
	R(syscall(SYS_rt_sigtimedwait, &set, NULL, &long_, 8));
	say("handled: %d", hits);
}

static void suspended(void)
{
	uint64_t none = 0, now = 0;

	on(SIGUSR1, count, 0);
	block(SIG_BLOCK, SIGUSR1);
	raise(SIGUSR1);
	R(syscall(SYS_rt_sigsuspend, &none, 8));
	say("handled: %d", hits);
	syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &now, 8);
	say("mask %#lx", now);
	R(syscall(SYS_rt_sigsuspend, &none, 4));
	R(syscall(SYS_rt_sigsuspend, wild(8), 8));
	R(syscall(SYS_rt_sigpending, &now, 9));
	R(syscall(SYS_rt_sigpending, &now, 4));
	R(syscall(SYS_rt_sigprocmask, 7, &none, NULL, 8));
	R(syscall(SYS_rt_sigprocmask, 7, NULL, NULL, 8));
	R(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &none, NULL, 7));
}

static void file_of_signals(void)
{
	struct signalfd_siginfo si[3];
	struct pollfd p;
	sigset_t s;
	pid_t pid;
	int fd;

	sigemptyset(&s);
	sigaddset(&s, SIGUSR1);
	sigaddset(&s, SIGCHLD);
	sigaddset(&s, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &s, NULL);
	fd = signalfd(-1, &s, SFD_NONBLOCK | SFD_CLOEXEC);
	p = (struct pollfd){ .fd = fd, .events = POLLIN };
	R(read(fd, si, sizeof(si)));
	R(poll(&p, 1, 0));
	kill(getpid(), SIGUSR1);
	sigqueue(getpid(), SIGRTMIN, (union sigval){ .sival_int = 9 });
	R(poll(&p, 1, 0));
	R(read(fd, si, sizeof(si[0]) - 1));
	R(read(fd, si, sizeof(si)) == 2 * sizeof(si[0]));
	say("%d code %d me %d", si[0].ssi_signo, si[0].ssi_code, si[0].ssi_pid == getpid());
	say("%d code %d value %d", si[1].ssi_signo, si[1].ssi_code, si[1].ssi_int);
	pid = fork();
	if (!pid)
		_exit(5);
	R(poll(&p, 1, 3000));
	R(read(fd, si, sizeof(si)) == sizeof(si[0]));
	say("%d code %d status %d child %d", si[0].ssi_signo, si[0].ssi_code, si[0].ssi_status,
	    si[0].ssi_pid == pid);
	reap(pid);
	sigdelset(&s, SIGUSR1);
	R(signalfd(fd, &s, 0) == fd);
	kill(getpid(), SIGUSR1);
	R(poll(&p, 1, 0));
	R(signalfd(0, &s, 0));
	R(signalfd(-1, &s, 1));
	R(syscall(SYS_signalfd4, -1, &s, 4, 0));
	R(syscall(SYS_signalfd4, -1, wild(8), 8, 0));
	R(syscall(SYS_signalfd4, 999, &s, 8, 0));
	R(write(fd, si, sizeof(si)));
}

/* ---- masks and threads ---- */
static void *thread_masks(void *arg)
{
	sigset_t s;

	pthread_sigmask(SIG_SETMASK, NULL, &s);
	say("inherited: %d", sigismember(&s, SIGUSR1));
	sigpending(&s);
	say("the process's %d, the other thread's %d", sigismember(&s, SIGUSR1),
	    sigismember(&s, SIGUSR2));
	return NULL;
}

static void pending_per_thread(void)
{
	pthread_t t;
	sigset_t s;

	block(SIG_BLOCK, SIGUSR1);
	block(SIG_BLOCK, SIGUSR2);
	kill(getpid(), SIGUSR1);
	syscall(SYS_tkill, gettid(), SIGUSR2);
	sigpending(&s);
	say("%d %d", sigismember(&s, SIGUSR1), sigismember(&s, SIGUSR2));
	pthread_create(&t, NULL, thread_masks, NULL);
	pthread_join(t, NULL);
	if (!fork()) {
		sigpending(&s);
		say("in a child: %d %d", sigismember(&s, SIGUSR1), sigismember(&s, SIGUSR2));
		_exit(0);
	}
	wait(NULL);
}

static void *counting_thread(void *arg)
{
	for (volatile long *n = arg;; (*n)++)
		;
	return NULL;
}

static void stop_of_many_threads(void)
{
	volatile long *n =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	long before;
	pid_t pid = fork();

	if (!pid) {
		pthread_t t[3];

		for (int i = 0; i < 3; i++)
			pthread_create(&t[i], NULL, counting_thread, (void *)(n + 8 * i));
		pause();
	}
	while (!n[0] || !n[8] || !n[16])
		nap(1);
	kill(pid, SIGSTOP);
	R(waitpid(pid, &status, WUNTRACED) == pid);
	say("%s", ended(status));
	before = n[0] + n[8] + n[16];
	nap(50);
	YES(n[0] + n[8] + n[16] == before);
	R(waitpid(pid, &status, WUNTRACED | WNOHANG));
	kill(pid, SIGTERM);
	nap(20);
	R(waitpid(pid, &status, WNOHANG));
	kill(pid, SIGCONT);
	status = reap(pid);
	say("%s", ended(status));
}

static void killed_while_stopped(void)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		for (;;)
			pause();
	kill(pid, SIGSTOP);
	waitpid(pid, &status, WUNTRACED);
	kill(pid, SIGKILL);
	status = reap(pid);
	say("%s", ended(status));
}

/* ---- groups without a shell ---- */
static void orphaned_groups(void)
{
	int p[2], q[2];
	pid_t pid;
	char c = '-';

	if (pipe(p) || pipe(q))
		return;
	pid = fork();
	if (!pid) {
		pid_t member;

		setpgid(0, 0);
		member = fork();
		if (!member) {
			setpgid(0, 0);
			on(SIGHUP, count, 0);
			close(p[0]);
			raise(SIGSTOP); /* stopped when its parent goes */
			nap(10);
			c = '0' + hits;
			if (write(p[1], &c, 1) < 0)
				_exit(1);
			raise(SIGTSTP); /* nobody could continue it: ignored */
			c = 'T';
			if (write(p[1], &c, 1) < 0)
				_exit(1);
			_exit(0);
		}
		waitpid(member, NULL, WUNTRACED);
		_exit(0);
	}
	close(p[1]);
	reap(pid);
	R(read(p[0], &c, 1));
	say("hang-ups: %c", c);
	R(read(p[0], &c, 1));
	say("%c", c);
	R(read(p[0], &c, 1));
}

ABI_MAIN(CASE(sources), CASE(child_news), CASE(no_news_of_stops), CASE(children_not_waited_for),
	 CASE(memory_faults), CASE(instruction_faults), CASE(trap_flag), CASE(no_way_to_handle),
	 CASE(no_core_without_limit), CASE(unknown_flags_vanish), CASE(once_only),
	 CASE(deferred_or_not), CASE(pending_and_ignored), CASE(queue_order), CASE(queue_limit),
	 CASE(queueing_rights), CASE(restart_reads), CASE(restart_waits), CASE(restart_sleeps),
	 CASE(restart_polls), CASE(restart_syscall_alone), CASE(stopped_waits),
	 CASE(alternate_stacks), CASE(disarmed_stacks), CASE(alternate_stack_errors),
	 CASE(context_contents), CASE(handler_changes_registers), CASE(spoiled_contexts),
	 CASE(timed_waits), CASE(suspended), CASE(file_of_signals), CASE(pending_per_thread),
	 CASE(stop_of_many_threads), CASE(killed_while_stopped), CASE(orphaned_groups))
