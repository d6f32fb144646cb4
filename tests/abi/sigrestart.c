/* SPDX-License-Identifier: MIT */
/* What a signal interrupts, and what goes on by itself after it (signal(7)): see restart(). */
#include "sigdetail.h"

#include <linux/futex.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/time.h>
#include <sys/timerfd.h>

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

ABI_MAIN(CASE(restart_reads), CASE(restart_waits), CASE(restart_sleeps), CASE(restart_polls),
	 CASE(restart_syscall_alone), CASE(stopped_waits))
