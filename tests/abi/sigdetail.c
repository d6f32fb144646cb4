/* SPDX-License-Identifier: MIT */
/* Signals in detail: what they carry and to whom, actions, queues, masks, waiting for them. */
#include "sigdetail.h"

#include <poll.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/time.h>

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
	 CASE(unknown_flags_vanish), CASE(once_only), CASE(deferred_or_not),
	 CASE(pending_and_ignored), CASE(queue_order), CASE(queue_limit), CASE(queueing_rights),
	 CASE(timed_waits), CASE(suspended), CASE(file_of_signals), CASE(pending_per_thread),
	 CASE(stop_of_many_threads), CASE(killed_while_stopped), CASE(orphaned_groups))
