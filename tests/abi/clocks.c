/* SPDX-License-Identifier: MIT */
/* Clocks and sleeping. */
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>

#include "abi.h"

static long long ns(const struct timespec *t)
{
	return t->tv_sec * 1000000000LL + t->tv_nsec;
}

static long long now(clockid_t clock)
{
	struct timespec t;

	syscall(SYS_clock_gettime, clock, &t);
	return ns(&t);
}

static void clocks_there(void)
{
	static const struct {
		int id;
		const char *name;
	} clocks[] = { { 0, "REALTIME" },         { 1, "MONOTONIC" },     { 2, "PROCESS_CPUTIME" },
		       { 3, "THREAD_CPUTIME" },   { 4, "MONOTONIC_RAW" }, { 5, "REALTIME_COARSE" },
		       { 6, "MONOTONIC_COARSE" }, { 7, "BOOTTIME" } };
	struct timespec t;

	for (size_t i = 0; i < sizeof(clocks) / sizeof(*clocks); i++) {
		say("%s: %s", clocks[i].name,
		    syscall(SYS_clock_gettime, clocks[i].id, &t)                ? errno_name(errno)
		    : t.tv_sec >= 0 && t.tv_nsec >= 0 && t.tv_nsec < 1000000000 ? "sound"
										: "UNSOUND");
		R(syscall(SYS_clock_getres, clocks[i].id, &t));
	}
	R(syscall(SYS_clock_gettime, 99, &t));
	R(syscall(SYS_clock_getres, 99, &t));
	R(syscall(SYS_clock_getres, 1, NULL));
	YES(time(NULL) > 1577000000); /* later than 2019 */
}

static void monotonic(void)
{
	long long last = now(CLOCK_MONOTONIC);
	int back = 0;

	for (int i = 0; i < 20000; i++) {
		long long t = now(CLOCK_MONOTONIC);

		back += t < last;
		last = t;
	}
	say("went back %d times", back);
}

static void sleeping(void)
{
	long long before = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID), real = now(0);
	struct timespec t = { 0, 30000000 }, bad[] = { { -1, 0 }, { 0, -1 }, { 0, 1000000000 } };

	R(nanosleep(&t, NULL));
	YES(now(CLOCK_MONOTONIC) - before >= 30000000);
	YES(now(CLOCK_MONOTONIC) - before < 2000000000);
	YES(now(0) - real >= 29000000);
	YES(now(CLOCK_PROCESS_CPUTIME_ID) - cpu < 30000000);
	for (int i = 0; i < 3; i++)
		R(nanosleep(&bad[i], NULL));
	R(nanosleep(&(struct timespec){ 0, 0 }, NULL));
	before = now(CLOCK_MONOTONIC);
	t = (struct timespec){ (before + 20000000) / 1000000000, (before + 20000000) % 1000000000 };
	R(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL));
	YES(now(CLOCK_MONOTONIC) >= before + 20000000);
	R(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &(struct timespec){ 0, 1 },
		  NULL));
	R(syscall(SYS_clock_nanosleep, 99, 0, &t, NULL));
	R(syscall(SYS_clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, &t, NULL));
}

static void cpu_time(void)
{
	long long before = now(CLOCK_PROCESS_CPUTIME_ID), thread = now(CLOCK_THREAD_CPUTIME_ID);
	struct tms tms;

	for (volatile long i = 0; i < 20000000; i++)
		;
	YES(now(CLOCK_PROCESS_CPUTIME_ID) > before);
	YES(now(CLOCK_THREAD_CPUTIME_ID) > thread);
	R(times(&tms) != -1 ? 0 : -1);
	YES(tms.tms_cutime == 0);
}

/* User and system time of the process, ns. */
struct split {
	long long user, sys;
};
static struct split used(void)
{
	struct rusage ru;

	getrusage(RUSAGE_SELF, &ru);
	return (struct split){ ru.ru_utime.tv_sec * 1000000000LL + ru.ru_utime.tv_usec * 1000,
			       ru.ru_stime.tv_sec * 1000000000LL + ru.ru_stime.tv_usec * 1000 };
}

/* Does work() until that took so much CPU time, ns. */
static struct split use(long long cpu, void (*work)(void))
{
	long long begin = now(CLOCK_PROCESS_CPUTIME_ID);
	struct split before = used(), after;

	while (now(CLOCK_PROCESS_CPUTIME_ID) - begin < cpu)
		work();
	after = used();
	return (struct split){ after.user - before.user, after.sys - before.sys };
}

static void count(void)
{
	for (volatile long i = 0; i < 2000000; i++)
		;
}

static void read_zeros(void)
{
	static char buf[1 << 20];
	static int fd = -1;

	if (fd < 0)
		fd = open("/dev/zero", O_RDONLY);
	for (int i = 0; i < 8; i++)
		if (read(fd, buf, sizeof(buf)) < 0)
			_exit(1);
}

static struct split count_in_child(void)
{
	struct rusage ru;

	if (fork() == 0) {
		use(100000000, count);
		_exit(0);
	}
	wait(NULL);
	getrusage(RUSAGE_CHILDREN, &ru);
	return (struct split){ ru.ru_utime.tv_usec, ru.ru_stime.tv_usec };
}

/*
 * Where the time went: to the program's own loop, to the kernel for it, or to nobody. A machine that
 * does other things, too, may lose time anywhere: one of some tries must show it.
 */
static void user_and_system(void)
{
	bool mostly_user = false, mostly_system = false, sleep_is_free = false;
	struct split u, all;

	for (int i = 0; i < 8; i++) {
		long long begin = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID);

		usleep(30000);
		sleep_is_free |= now(CLOCK_PROCESS_CPUTIME_ID) - cpu < 5000000;
		YES(now(CLOCK_MONOTONIC) - begin >= 30000000);
		u = use(60000000, count);
		mostly_user |= u.user > 4 * u.sys;
		u = use(60000000, read_zeros);
		mostly_system |= u.sys > 4 * u.user;
	}
	YES(mostly_user);
	YES(mostly_system);
	YES(sleep_is_free);
	all = used();
	YES(now(CLOCK_PROCESS_CPUTIME_ID) - all.user - all.sys < 50000000);
	u = count_in_child();
	YES(u.user + u.sys >= 90000 && u.user > u.sys);
}

static void other_forms(void)
{
	struct timeval tv = { 0 };
	struct timezone tz = { 99, 99 };
	struct sysinfo si;
	time_t t = 0;

	R(syscall(SYS_gettimeofday, &tv, &tz));
	say("zone %d %d", tz.tz_minuteswest, tz.tz_dsttime);
	YES(syscall(SYS_time, &t) == t && t - tv.tv_sec <= 1);
	R(sysinfo(&si));
	YES(si.mem_unit >= 1 && si.totalram > si.freeram && si.procs > 0);
	YES(si.uptime < 1000000000);
}

ABI_MAIN(CASE(clocks_there), CASE(monotonic), CASE(sleeping), CASE(cpu_time), CASE(user_and_system),
	 CASE(other_forms))
