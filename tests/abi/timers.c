/* SPDX-License-Identifier: MIT */
/* Clocks, sleeping and every kind of timer: errors, what is left, what is counted. */
#include "abi.h"

#include <poll.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/times.h>
#include <time.h>

#define MS 1000000L

static volatile int hits;
static void count(int sig)
{
	hits++;
}

static void on(int sig, void *fn)
{
	struct sigaction sa = { .sa_handler = fn };

	sigaction(sig, &sa, NULL);
}

static void block(int sig)
{
	sigset_t s;

	sigemptyset(&s);
	sigaddset(&s, sig);
	sigprocmask(SIG_BLOCK, &s, NULL);
}

static void nap(long ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * MS };

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

static long ns_of(clockid_t clock)
{
	struct timespec ts = { 0, 0 };

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000L + ts.tv_nsec;
}

static struct timespec at(clockid_t clock, long ns)
{
	long t = ns_of(clock) + ns;

	return (struct timespec){ t / 1000000000L, t % 1000000000L };
}

/* Uses CPU time of its own, in user mode. */
static void burn(long ms)
{
	long end = ns_of(CLOCK_THREAD_CPUTIME_ID) + ms * MS;

	while (ns_of(CLOCK_THREAD_CPUTIME_ID) < end)
		for (volatile int i = 0; i < 20000; i++)
			;
}

static const struct {
	const char *name;
	clockid_t id;
} clocks[] = {
	{ "realtime", CLOCK_REALTIME },
	{ "monotonic", CLOCK_MONOTONIC },
	{ "process", CLOCK_PROCESS_CPUTIME_ID },
	{ "thread", CLOCK_THREAD_CPUTIME_ID },
	{ "raw", CLOCK_MONOTONIC_RAW },
	{ "realtime coarse", CLOCK_REALTIME_COARSE },
	{ "monotonic coarse", CLOCK_MONOTONIC_COARSE },
	{ "boot time", CLOCK_BOOTTIME },
	{ "ten", 10 },
	{ "tai", CLOCK_TAI },
	{ "twelve", 12 },
	{ "hundred", 100 },
	/* ~pid << 3 | kind */
	{ "own process", -6 },
	{ "own thread", -2 },
	{ "profile", -8 },
	{ "no such process", INT_MIN + 2 },
	{ "no such kind", -1 },
};
#define CLOCKS (sizeof(clocks) / sizeof(clocks[0]))

static const char *verdict(long r)
{
	return r ? errno_name(errno) : "ok";
}

static void clock_ids(void)
{
	for (int i = 0; i < CLOCKS; i++) {
		struct timespec ts;
		long r = syscall(SYS_clock_gettime, clocks[i].id, &ts);

		say("%s: time %s", clocks[i].name, verdict(r));
		r = syscall(SYS_clock_getres, clocks[i].id, &ts);
		say("%s: resolution %s", clocks[i].name, verdict(r));
		r = syscall(SYS_clock_getres, clocks[i].id, NULL);
		say("%s: resolution to nowhere %s", clocks[i].name, verdict(r));
	}
	R(syscall(SYS_clock_gettime, CLOCK_REALTIME, wild(8)));
	R(syscall(SYS_clock_getres, CLOCK_REALTIME, wild(8)));
}

static void clocks_to_sleep_on(void)
{
	for (int i = 0; i < CLOCKS; i++) {
		struct timespec ts = { 0, 1 };

		if (clocks[i].id != -8) /* Linux 6 sleeps for ever on that */
			say("%s: %s", clocks[i].name,
			    verdict(syscall(SYS_clock_nanosleep, clocks[i].id, TIMER_ABSTIME, &ts,
					    NULL)));
	}
}

static void clocks_for_timers(void)
{
	for (int i = 0; i < CLOCKS; i++) {
		int id = -1;
		long r = syscall(SYS_timer_create, clocks[i].id, NULL, &id);

		say("%s: %s", clocks[i].name, verdict(r));
		if (!r)
			R(syscall(SYS_timer_delete, id));
	}
	for (int i = 0; i < CLOCKS; i++) {
		if (clocks[i].id == CLOCK_TAI)
			continue;
		int fd = timerfd_create(clocks[i].id, 0);

		say("file on %s: %s", clocks[i].name, verdict(fd < 0));
		close(fd);
	}
}

static void clocks_that_can_be_set(void)
{
	struct timespec now = at(CLOCK_REALTIME, 0), bad = { 0, -1 };
	struct timeval tv = { 1, 1000000 };

	if (!geteuid() && (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534)))
		say("still root");
	R(clock_settime(CLOCK_REALTIME, &now));
	R(clock_settime(CLOCK_REALTIME, &bad));
	R(clock_settime(CLOCK_MONOTONIC, &now));
	R(clock_settime(CLOCK_BOOTTIME, &now));
	R(clock_settime(100, &now));
	R(syscall(SYS_clock_settime, CLOCK_REALTIME, wild(8)));
	R(syscall(SYS_settimeofday, &tv, NULL));
	R(syscall(SYS_settimeofday, NULL, NULL));
	R(syscall(SYS_settimeofday, wild(8), NULL));
}

static void times_of_others(void)
{
	struct timespec ts;
	clockid_t c;
	pid_t pid = fork();

	if (!pid) {
		burn(40);
		pause();
	}
	R(clock_getcpuclockid(pid, &c));
	for (int i = 0; i < 3000 && ns_of(c) < 40 * MS; i++)
		nap(1);
	YES(ns_of(c) >= 40 * MS);
	say("a thread's: %s", verdict(syscall(SYS_clock_gettime, c | 4, &ts)));
	kill(pid, SIGKILL);
	waitid(P_PID, pid, NULL, WEXITED | WNOWAIT);
	say("of a zombie: %s", verdict(syscall(SYS_clock_gettime, c, &ts)));
	reap(pid);
	say("of nobody: %s", verdict(syscall(SYS_clock_gettime, c, &ts)));
}

static void sleep_errors(void)
{
	struct timespec bad = { 0, 1000000000 }, neg = { -1, 0 }, zero = { 0, 0 };

	R(nanosleep(&bad, NULL));
	R(nanosleep(&neg, NULL));
	R(nanosleep(&zero, wild(8)));
	R(syscall(SYS_nanosleep, wild(8), NULL));
	R(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &bad, NULL));
	R(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 2, &zero, NULL));
	R(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &neg, NULL));
	R(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &zero, wild(8)));
	R(syscall(SYS_clock_nanosleep, CLOCK_REALTIME, TIMER_ABSTIME, &zero, NULL));
}

static void what_is_left(void)
{
	struct itimerval it = { .it_value = { 0, 50000 } };
	struct timespec ts = { 5, 0 }, left = { 99, 99 };

	on(SIGALRM, count);
	setitimer(ITIMER_REAL, &it, NULL);
	R(nanosleep(&ts, &left));
	YES(left.tv_sec == 4 && left.tv_nsec > 0);
	setitimer(ITIMER_REAL, &it, NULL);
	R(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &ts, &left));
	YES(left.tv_sec == 4 && left.tv_nsec > 0);
	left = (struct timespec){ 99, 99 };
	ts = at(CLOCK_MONOTONIC, 5000 * MS);
	setitimer(ITIMER_REAL, &it, NULL);
	R(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, &left));
	say("absolute: %ld.%ld left", (long)left.tv_sec, left.tv_nsec);
	setitimer(ITIMER_REAL, &it, NULL);
	ts = (struct timespec){ 5, 0 };
	R(syscall(SYS_nanosleep, &ts, wild(8)));
}

static void *burner(void *arg)
{
	burn(100000);
	return NULL;
}

static void sleep_on_cpu_time(void)
{
	struct timespec ts = at(CLOCK_PROCESS_CPUTIME_ID, 60 * MS), more = { 0, 30 * MS };
	struct timespec past = { 0, 0 };
	pthread_t t;
	long before;

	R(syscall(SYS_clock_nanosleep, CLOCK_PROCESS_CPUTIME_ID, TIMER_ABSTIME, &past, NULL));
	pthread_create(&t, NULL, burner, NULL);
	R(syscall(SYS_clock_nanosleep, CLOCK_PROCESS_CPUTIME_ID, TIMER_ABSTIME, &ts, NULL));
	YES(ns_of(CLOCK_PROCESS_CPUTIME_ID) >= ts.tv_nsec);
	before = ns_of(CLOCK_PROCESS_CPUTIME_ID);
	R(syscall(SYS_clock_nanosleep, CLOCK_PROCESS_CPUTIME_ID, 0, &more, NULL));
	YES(ns_of(CLOCK_PROCESS_CPUTIME_ID) - before >= 30 * MS);
}

/* ---- itimers ---- */
static void interval_timers(void)
{
	struct itimerval it = { { 100, 0 }, { 200, 0 } }, old;

	R(getitimer(3, &old));
	R(setitimer(-1, &it, NULL));
	it.it_value.tv_usec = 1000000;
	R(setitimer(ITIMER_REAL, &it, NULL));
	it.it_value.tv_usec = -1;
	R(setitimer(ITIMER_REAL, &it, NULL));
	it.it_value.tv_usec = 0;
	R(syscall(SYS_setitimer, ITIMER_REAL, wild(8), NULL));
	for (int which = 0; which < 3; which++) {
		R(setitimer(which, &it, NULL));
		R(getitimer(which, &old));
		YES(old.it_value.tv_sec >= 190 && old.it_interval.tv_sec == 100);
		R(syscall(SYS_setitimer, which, NULL, &old));
		YES(old.it_value.tv_sec >= 190);
		R(getitimer(which, &old));
		say("%ld left", (long)old.it_value.tv_sec);
	}
	R(getitimer(0, wild(8)));
}

static void interval_timers_fire(void)
{
	static const int sigs[] = { SIGALRM, SIGVTALRM, SIGPROF };

	for (int which = 0; which < 3; which++) {
		struct itimerval it = { { 0, 5000 }, { 0, 5000 } }, off = { 0 }, old;

		hits = 0;
		on(sigs[which], count);
		setitimer(which, &it, NULL);
		while (hits < 3)
			for (volatile int i = 0; i < 10000; i++)
				;
		R(setitimer(which, &off, &old));
		say("interval %d us", (int)old.it_interval.tv_usec);
	}
}

static void timers_and_processes(void)
{
	struct itimerval it = { { 0, 0 }, { 100, 0 } }, now;
	struct sigevent ev = { .sigev_notify = SIGEV_NONE };
	int status;
	timer_t t;

	setitimer(ITIMER_VIRTUAL, &it, NULL);
	R(timer_create(CLOCK_MONOTONIC, &ev, &t));
	if (!fork()) {
		struct itimerspec its;

		getitimer(ITIMER_VIRTUAL, &now);
		say("in a child: %ld", (long)now.it_value.tv_sec);
		R(timer_gettime(t, &its));
		_exit(0);
	}
	wait(NULL);
	getitimer(ITIMER_VIRTUAL, &now);
	YES(now.it_value.tv_sec >= 98);
	if (!fork()) {
		struct itimerspec soon = { { 0, 0 }, { 0, 100 * MS } };

		it = (struct itimerval){ { 0, 0 }, { 0, 400000 } };
		ev.sigev_notify = SIGEV_SIGNAL;
		ev.sigev_signo = SIGTERM;
		timer_create(CLOCK_MONOTONIC, &ev, &t);
		timer_settime(t, 0, &soon, NULL);
		setitimer(ITIMER_REAL, &it, NULL);
		execlp("sleep", "sleep", "3", (char *)NULL);
		_exit(127);
	}
	wait(&status);
	say("after exec: %s", ended(status));
}

static void alarms(void)
{
	R(alarm(0) > 0); /* the one that guards this case */
	R(alarm(100));
	R(alarm(50));
	R(alarm(0));
	R(alarm(0));
	alarm(CASE_SECONDS);
}

/* ---- POSIX timers ---- */
static void events(void)
{
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL };
	static const int sigs[] = { -1, 0, 1, SIGKILL, 64, 65 };
	timer_t t;

	for (int i = 0; i < 6; i++) {
		ev.sigev_signo = sigs[i];
		say("signal %d: %s", sigs[i],
		    verdict(syscall(SYS_timer_create, CLOCK_MONOTONIC, &ev, &t)));
	}
	ev.sigev_signo = 0;
	for (int n = -1; n < 8; n++) {
		ev.sigev_notify = n;
		ev.sigev_notify_thread_id = 0x3fffffff;
		say("notify %d: %s", n,
		    verdict(syscall(SYS_timer_create, CLOCK_MONOTONIC, &ev, &t)));
	}
	ev.sigev_signo = SIGUSR1;
	ev.sigev_notify = SIGEV_THREAD_ID;
	R(syscall(SYS_timer_create, CLOCK_MONOTONIC, &ev, &t));
	ev.sigev_notify_thread_id = getppid();
	R(syscall(SYS_timer_create, CLOCK_MONOTONIC, &ev, &t));
	ev.sigev_notify_thread_id = gettid();
	R(syscall(SYS_timer_create, CLOCK_MONOTONIC, &ev, &t));
	R(syscall(SYS_timer_create, CLOCK_MONOTONIC, wild(8), &t));
	R(syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, wild(8)));
}

static void timer_errors(void)
{
	struct itimerspec its = { { 0, 0 }, { 0, -1 } }, old;
	int t = -1;

	R(syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, &t));
	R(syscall(SYS_timer_settime, t, 0, &its, NULL));
	its.it_value.tv_nsec = 0;
	its.it_interval.tv_nsec = 1000000000;
	R(syscall(SYS_timer_settime, t, 0, &its, NULL));
	its.it_interval.tv_nsec = 0;
	R(syscall(SYS_timer_settime, t, 0, NULL, NULL));
	R(syscall(SYS_timer_settime, t, 0, wild(8), NULL));
	R(syscall(SYS_timer_settime, t, 0, &its, wild(8)));
	R(syscall(SYS_timer_settime, t, 0, &its, &old));
	R(syscall(SYS_timer_gettime, t, wild(8)));
	R(syscall(SYS_timer_gettime, t + 1, &old));
	R(syscall(SYS_timer_settime, t + 1, 0, &its, NULL));
	R(syscall(SYS_timer_settime, -1, 0, &its, NULL));
	R(syscall(SYS_timer_getoverrun, t));
	R(syscall(SYS_timer_getoverrun, t + 1));
	R(syscall(SYS_timer_delete, t + 1));
	R(syscall(SYS_timer_delete, t));
	R(syscall(SYS_timer_delete, t));
	R(syscall(SYS_timer_gettime, t, &old));
}

static void overruns(void)
{
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	struct itimerspec its = { { 0, 5 * MS }, { 0, 5 * MS } };
	siginfo_t si;
	sigset_t s;
	timer_t t;

	block(SIGUSR1);
	sigemptyset(&s);
	sigaddset(&s, SIGUSR1);
	ev.sigev_value.sival_int = 17;
	R(timer_create(CLOCK_MONOTONIC, &ev, &t));
	R(timer_settime(t, 0, &its, NULL));
	nap(60);
	R(sigwaitinfo(&s, &si));
	YES(si.si_overrun >= 9 && si.si_overrun == timer_getoverrun(t));
	say("code %d, value %d", si.si_code, si.si_value.sival_int);
	/* Only one is queued however long it goes on. */
	nap(20);
	R(sigwaitinfo(&s, &si));
	its = (struct itimerspec){ 0 };
	R(timer_settime(t, 0, &its, NULL));
}

static void absolute_and_left(void)
{
	struct sigevent ev = { .sigev_notify = SIGEV_NONE };
	struct itimerspec its = { { 0, 0 }, { 0, 0 } }, now;
	timer_t t;

	R(timer_create(CLOCK_REALTIME, &ev, &t));
	R(timer_gettime(t, &now));
	say("%ld.%ld", (long)now.it_value.tv_sec, now.it_value.tv_nsec);
	its.it_value = at(CLOCK_REALTIME, 100000 * MS);
	R(timer_settime(t, TIMER_ABSTIME, &its, NULL));
	R(timer_gettime(t, &now));
	YES(now.it_value.tv_sec == 99 || now.it_value.tv_sec == 100);
	its.it_value = (struct timespec){ 1, 0 }; /* long ago */
	R(timer_settime(t, TIMER_ABSTIME, &its, &now));
	YES(now.it_value.tv_sec == 99 || now.it_value.tv_sec == 100);
	nap(10);
	R(timer_gettime(t, &now));
	say("%ld.%ld", (long)now.it_value.tv_sec, now.it_value.tv_nsec);
	its.it_value = (struct timespec){ 0, 0 };
	its.it_interval = (struct timespec){ 5, 0 };
	R(timer_settime(t, 0, &its, NULL));
	R(timer_gettime(t, &now));
	say("disarmed: %ld.%ld", (long)now.it_value.tv_sec, now.it_value.tv_nsec);
}

static void cpu_time_timers(void)
{
	static const clockid_t ids[] = { CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID };

	on(SIGUSR1, count);
	for (int i = 0; i < 2; i++) {
		struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
		struct itimerspec its = { { 0, 0 }, { 0, 30 * MS } };
		long before = ns_of(ids[i]);
		timer_t t;

		hits = 0;
		R(timer_create(ids[i], &ev, &t));
		R(timer_settime(t, 0, &its, NULL));
		while (!hits)
			for (volatile int k = 0; k < 10000; k++)
				;
		YES(ns_of(ids[i]) - before >= 30 * MS);
		R(timer_delete(t));
	}
}

static void *takes_it(void *arg)
{
	sigset_t s;
	siginfo_t si;

	sigemptyset(&s);
	sigaddset(&s, SIGUSR1);
	*(pid_t *)arg = gettid();
	return (void *)(long)sigwaitinfo(&s, &si);
}

static void to_one_thread(void)
{
	struct itimerspec its = { { 0, 0 }, { 0, MS } };
	struct sigevent ev = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1 };
	volatile pid_t tid = 0;
	pthread_t t;
	timer_t timer;
	sigset_t s;
	void *got;

	block(SIGUSR1);
	pthread_create(&t, NULL, takes_it, (void *)&tid);
	while (!tid)
		nap(1);
	ev.sigev_notify_thread_id = tid;
	R(syscall(SYS_timer_create, CLOCK_MONOTONIC, &ev, &timer));
	R(syscall(SYS_timer_settime, (int)(long)timer, 0, &its, NULL));
	pthread_join(t, &got);
	say("the thread got %ld", (long)got);
	sigpending(&s);
	say("pending here: %d", sigismember(&s, SIGUSR1));
}

/* ---- timerfd ---- */

/* Of an alarm clock, which wakes a sleeping machine: without a chip for that Linux has only its timerfd. */
static void timerfd_alarm(void)
{
	static const int clocks[] = { CLOCK_REALTIME_ALARM, CLOCK_BOOTTIME_ALARM };
	struct itimerspec its = { .it_value = { .tv_nsec = 1 } };
	struct sigevent none = { .sigev_notify = SIGEV_NONE };
	struct timespec now;
	timer_t id;
	int fds[2];
	uint64_t n;

	if (geteuid())
		return;
	for (int i = 0; i < 2; i++) {
		YES(!clock_gettime(clocks[i], &now) || errno == EINVAL);
		now = (struct timespec){ 0, 1 };
		YES(!timer_create(clocks[i], &none, &id) || errno == EOPNOTSUPP);
		R(timerfd_create(clocks[i], 1));
		O(fds[i] = timerfd_create(clocks[i], 0));
		R(timerfd_settime(fds[i], 0, &its, NULL));
		R(read(fds[i], &n, 8));
		say("%d", (int)n);
		R(timerfd_settime(fds[i], TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &its, NULL));
		R(read(fds[i], &n, 8));
	}
	R(setresuid(1000, 1000, 1000));
	for (int i = 0; i < 2; i++) {
		R(timer_create(clocks[i], &none, &id) && (errno == EPERM || errno == EOPNOTSUPP));
		errno = clock_nanosleep(clocks[i], 0, &now, NULL);
		YES(errno == EPERM || errno == EOPNOTSUPP);
		R(timerfd_create(clocks[i], 1));
		R(timerfd_create(clocks[i], 0));
		R(timerfd_settime(fds[i], 0, &its, NULL));
		R(timerfd_settime(fds[i], 8, &its, NULL));
		R(timerfd_gettime(fds[i], &its));
	}
}
static void timer_files(void)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	struct itimerspec its = { { 0, 0 }, { 0, 0 } }, old;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint64_t n = 0;

	R(timerfd_create(CLOCK_MONOTONIC, 1));
	R(read(fd, &n, 8));
	R(timerfd_settime(fd, 8, &its, NULL));
	R(timerfd_settime(0, 0, &its, NULL));
	R(timerfd_settime(999, 0, &its, NULL));
	R(timerfd_gettime(0, &old));
	R(timerfd_gettime(999, &old));
	R(syscall(SYS_timerfd_settime, fd, 0, wild(8), NULL));
	R(syscall(SYS_timerfd_settime, fd, 0, &its, wild(8)));
	R(syscall(SYS_timerfd_gettime, fd, wild(8)));
	its.it_value.tv_nsec = -1;
	R(timerfd_settime(fd, 0, &its, NULL));
	its = (struct itimerspec){ { 0, 5 * MS }, { 0, 5 * MS } };
	R(timerfd_settime(fd, 0, &its, NULL));
	R(poll(&p, 1, 3000));
	nap(40);
	R(read(fd, &n, 7));
	R(read(fd, &n, 8));
	YES(n >= 7);
	its.it_interval.tv_nsec = 0;
	its.it_value.tv_sec = 100;
	nap(10);
	R(timerfd_settime(fd, 0, &its, &old));
	say("interval was %ld", old.it_interval.tv_nsec);
	R(read(fd, &n, 8));
	R(timerfd_gettime(fd, &old));
	YES(old.it_value.tv_sec == 99 || old.it_value.tv_sec == 100);
	R(write(fd, &n, 8));
}

static void absolute_timer_files(void)
{
	static const clockid_t ids[] = { CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME };

	for (int i = 0; i < 3; i++) {
		int fd = timerfd_create(ids[i], 0);
		struct itimerspec its = { { 0, 0 }, at(ids[i], 30 * MS) }, now;
		uint64_t n;

		R(timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &its, NULL));
		R(read(fd, &n, 8));
		YES(n == 1 &&
		    ns_of(ids[i]) >= its.it_value.tv_sec * 1000000000L + its.it_value.tv_nsec);
		R(timerfd_gettime(fd, &now));
		say("%ld.%ld left", (long)now.it_value.tv_sec, now.it_value.tv_nsec);
		its.it_value = (struct timespec){ 1, 0 };
		R(timerfd_settime(fd, TFD_TIMER_ABSTIME, &its, NULL));
		R(read(fd, &n, 8));
		say("long ago: %d", (int)n);
		close(fd);
	}
}

/* Who waits for a time of the wall's clock when somebody sets it. Never on this machine's Linux. */
static void the_clock_is_set(void)
{
	struct itimerspec its = { { 0, 0 }, at(CLOCK_REALTIME, 3600000 * MS) };
	struct timespec now = at(CLOCK_REALTIME, 0), later = at(CLOCK_REALTIME, 7200000 * MS);
	int cancels, comes;
	uint64_t n = 0;
	pid_t pid;

	if (access("/proc/dyad", F_OK)) { /* timerfd_create(2), clock_nanosleep(2) */
		say("canceled: ECANCELED");
		say("came true: 1");
		say("slept: exit 0");
		return;
	}
	cancels = timerfd_create(CLOCK_REALTIME, 0);
	comes = timerfd_create(CLOCK_REALTIME, 0);
	timerfd_settime(cancels, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &its, NULL);
	timerfd_settime(comes, TFD_TIMER_ABSTIME, &its, NULL);
	pid = fork();
	if (!pid)
		_exit(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &its.it_value, NULL));
	nap(50);
	clock_settime(CLOCK_REALTIME, &later);
	say("canceled: %s", verdict(read(cancels, &n, 8) < 0));
	say("came true: %d", read(comes, &n, 8) == 8 ? (int)n : -1);
	say("slept: %s", ended(reap(pid)));
	clock_settime(CLOCK_REALTIME, &now);
}

/* ---- accounts ---- */
static long us(struct timeval t)
{
	return t.tv_sec * 1000000L + t.tv_usec;
}

static void usage(void)
{
	struct rusage a, b, t, c;
	struct tms tms;
	clock_t ticks;

	R(getrusage(7, &a));
	R(getrusage(RUSAGE_SELF, wild(8)));
	getrusage(RUSAGE_SELF, &a);
	burn(120);
	getrusage(RUSAGE_SELF, &b);
	getrusage(RUSAGE_THREAD, &t);
	YES(us(b.ru_utime) + us(b.ru_stime) - us(a.ru_utime) - us(a.ru_stime) >= 110000);
	YES(us(t.ru_utime) <= us(b.ru_utime) + 20000);
	ticks = times(&tms);
	YES(ticks > 0 && tms.tms_utime + tms.tms_stime >= 10);
	YES(tms.tms_cutime + tms.tms_cstime == 0);
	if (!fork()) {
		for (int i = 0; i < 20; i++)
			nap(1);
		burn(60);
		_exit(0);
	}
	wait(NULL);
	getrusage(RUSAGE_CHILDREN, &c);
	YES(us(c.ru_utime) + us(c.ru_stime) >= 55000);
	YES(c.ru_nvcsw >= 15);
	YES(c.ru_minflt > 0);
	times(&tms);
	YES(tms.tms_cutime + tms.tms_cstime >= 5);
	R(times(NULL) > 0);
	R(syscall(SYS_times, wild(8)));
}

static void user_or_system(void)
{
	struct rusage a, b;
	long user, sys;
	char buf[512];
	int fd;

	getrusage(RUSAGE_SELF, &a);
	for (volatile long i = 0; i < 60000000; i++)
		;
	getrusage(RUSAGE_SELF, &b);
	user = us(b.ru_utime) - us(a.ru_utime);
	sys = us(b.ru_stime) - us(a.ru_stime);
	say("a loop: %s", user > 3 * sys ? "mostly user" : "not so");
	fd = open("/dev/urandom", O_RDONLY);
	getrusage(RUSAGE_SELF, &a);
	for (int i = 0; i < 100; i++)
		for (int k = 0; k < 100; k++)
			if (pread(fd, buf, sizeof(buf), 0) < 0)
				i = 100;
	getrusage(RUSAGE_SELF, &b);
	user = us(b.ru_utime) - us(a.ru_utime);
	sys = us(b.ru_stime) - us(a.ru_stime);
	say("reading: %s", sys > user ? "mostly system" : "not so");
}

static void cpu_limit(void)
{
	alarm(60); /* seconds of CPU time may be long ones on a busy machine */
	for (int kind = 0; kind < 2; kind++) {
		pid_t pid = fork();

		if (!pid) {
			struct rlimit rl = { 1, kind ? 2 : RLIM_INFINITY };

			alarm(0);
			if (kind)
				on(SIGXCPU, count);
			setrlimit(RLIMIT_CPU, &rl);
			if (fork()) { /* the limit is inherited, the time not */
				int status;

				wait(&status);
				say("%s", ended(status));
				_exit(0);
			}
			for (volatile int i = 0;; i++)
				if (hits == 1 && kind) {
					say("warned");
					hits = 2;
				}
		}
		reap(pid);
	}
}

/* The limit of a process that ended, but was not waited for: taken, and nothing comes of it. */
static void cpu_limit_of_a_zombie(void)
{
	struct rlimit limit = { 1, 2 }, now;
	siginfo_t info;

	for (int i = 0; i < 20; i++) {
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		waitid(P_PID, pid, &info, WEXITED | WNOWAIT);
		if (prlimit(pid, RLIMIT_CPU, &limit, NULL) || prlimit(pid, RLIMIT_CPU, NULL, &now))
			say("prlimit: %s", errno_name(errno));
		else if (i == 0)
			say("%ld %ld", (long)now.rlim_cur, (long)now.rlim_max);
		waitpid(pid, NULL, 0);
	}
	usleep(50000); /* a timer left behind would be met by those that follow */
}

ABI_MAIN(CASE(timerfd_alarm), CASE(clock_ids), CASE(clocks_to_sleep_on), CASE(clocks_for_timers),
	 CASE(clocks_that_can_be_set), CASE(times_of_others), CASE(sleep_errors),
	 CASE(what_is_left), CASE(sleep_on_cpu_time), CASE(interval_timers),
	 CASE(interval_timers_fire), CASE(timers_and_processes), CASE(alarms), CASE(events),
	 CASE(timer_errors), CASE(overruns), CASE(absolute_and_left), CASE(cpu_time_timers),
	 CASE(to_one_thread), CASE(timer_files), CASE(absolute_timer_files), CASE(the_clock_is_set),
	 CASE(usage), CASE(user_or_system), CASE(cpu_limit), CASE(cpu_limit_of_a_zombie))
