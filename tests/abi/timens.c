/* SPDX-License-Identifier: MIT */
/* Time namespaces: offsets of the clocks since boot, who lives where, and when they are fixed. */
#include <linux/sched.h>
#include <poll.h>
#include <sys/sysinfo.h>
#include <sys/timerfd.h>
#include <time.h>

#include "ipc.h"

#define DAY 86400

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

static double now(int clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* How much further than a process outside a clock is, in whole days; start: as it was outside. */
static double start[12];
static void remember(void)
{
	for (int i = 0; i < 12; i++)
		start[i] = now(i);
}
static void say_days(void)
{
	say("realtime %.1f, monotonic %.1f, raw %.1f, coarse %.1f, boottime %.1f days",
	    (now(0) - start[0]) / DAY + 0.01, (now(1) - start[1]) / DAY + 0.01,
	    (now(4) - start[4]) / DAY + 0.01, (now(6) - start[6]) / DAY + 0.01,
	    (now(7) - start[7]) / DAY + 0.01);
}

static int set(const char *text)
{
	return put_text("/proc/self/timens_offsets", text);
}

static void own_time(const char *offsets)
{
	remember();
	own_ns(CLONE_NEWTIME);
	if (offsets && set(offsets))
		say("offsets: %s", errno_name(errno));
}

static void clocks(void)
{
	own_time("monotonic 864000 0\nboottime 1728000 500000000\n");
	show_file("/proc/self/timens_offsets");
	say_days();
	CHILD({
		say_days();
		show_file("/proc/self/timens_offsets");
		CHILD(say_days());
	});
	say_days();
}

static void writing(void)
{
	own_time(NULL);
	show_file("/proc/self/timens_offsets");
	R(set("monotonic 1"));
	R(set("realtime 1 0"));
	R(set("0 1 0"));
	R(set("monotonic 1 1000000000"));
	R(set("monotonic 1 -1"));
	R(set("monotonic -999999999999 0"));
	R(set("monotonic 9223372036854775807 0"));
	R(set("1 10 5\n7 20 6"));
	show_file("/proc/self/timens_offsets");
	R(set("monotonic 30 0\n"));
	R(set("monotonic 1 0\nboottime 1 0\nmonotonic 1 0\n"));
	show_file("/proc/self/timens_offsets");
	R(set("boottime -1 500000000"));
	show_file("/proc/self/timens_offsets");
	CHILD(say("in it"));
	R(set("boottime 5 0"));
}

static void first_is_fixed(void)
{
	own_ns(0);
	R(set("boottime 5 0"));
}

static bool same(const char *a, const char *b)
{
	struct stat sa, sb;

	return !stat(a, &sa) && !stat(b, &sb) && sa.st_ino == sb.st_ino;
}

static void members(void)
{
	pid_t pid;
	int fd;

	own_time("monotonic 864000 0");
	YES(same("/proc/self/ns/time", "/proc/self/ns/time_for_children"));
	fd = open("/proc/self/ns/time_for_children", O_RDONLY);
	CHILD(YES(same("/proc/self/ns/time", "/proc/self/ns/time_for_children")));
	R(setns(fd, CLONE_NEWTIME));
	YES(same("/proc/self/ns/time", "/proc/self/ns/time_for_children"));
	say_days();
	pid = syscall(SYS_clone3,
		      &(struct clone_args){ .flags = CLONE_NEWTIME, .exit_signal = SIGCHLD },
		      sizeof(struct clone_args));
	if (!pid) {
		say_days();
		show_file("/proc/self/timens_offsets");
		R(set("boottime 5 0"));
		_exit(0);
	}
	reap(pid);
	/* To clone(2) the bit is one of the exit signal's. */
	pid = syscall(SYS_clone, CLONE_NEWTIME | SIGCHLD, 0, 0, 0, 0);
	if (!pid) {
		YES(same("/proc/self/ns/time", "/proc/self/ns/time_for_children"));
		_exit(0);
	}
	syscall(SYS_wait4, pid, NULL, __WALL, NULL);
}

/* A child in the same memory goes over when it has its own. */
static void vforks(void)
{
	pid_t pid;

	own_time("monotonic 864000 0");
	pid = vfork();
	if (!pid) {
		execl("/proc/self/exe", "timens", "after_exec", (char *)NULL);
		_exit(1);
	}
	say("%s", pid < 0 ? errno_name(errno) : ended(reap(pid)));
}

static void after_exec(void)
{
	YES(same("/proc/self/ns/time", "/proc/self/ns/time_for_children"));
}

static void sleeping(void)
{
	own_time("monotonic 864000 0\nboottime 1728000 0");
	CHILD({
		struct timespec ts;
		struct itimerspec it = { 0 };
		struct pollfd p;
		uint64_t n;
		double t;

		for (int clock = 1; clock <= 7; clock += 6) {
			clock_gettime(clock, &ts);
			ts.tv_sec += 1;
			t = now(clock);
			R(clock_nanosleep(clock, TIMER_ABSTIME, &ts, NULL));
			YES(now(clock) - t > 0.9 && now(clock) - t < 3);
			ts.tv_sec -= 10;
			R(clock_nanosleep(clock, TIMER_ABSTIME, &ts, NULL));
			p = (struct pollfd){ timerfd_create(clock, 0), POLLIN, 0 };
			clock_gettime(clock, &it.it_value);
			it.it_value.tv_sec += 1;
			R(timerfd_settime(p.fd, TFD_TIMER_ABSTIME, &it, NULL));
			R(poll(&p, 1, 300));
			R(poll(&p, 1, 5000));
			R(read(p.fd, &n, 8));
		}
		t = now(1);
		R(nanosleep(&(struct timespec){ 0, 100000000 }, NULL));
		YES(now(1) - t > 0.09 && now(1) - t < 3);
	});
}

static int alarms;
static void on_alarm(int sig)
{
	alarms++;
}

static void timers(void)
{
	own_time("monotonic 864000 0");
	CHILD({
		struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
		struct itimerspec it = { 0 }, left;
		timer_t t;

		signal(SIGUSR1, on_alarm);
		R(timer_create(CLOCK_MONOTONIC, &ev, &t));
		clock_gettime(CLOCK_MONOTONIC, &it.it_value);
		it.it_value.tv_sec += 1;
		R(timer_settime(t, TIMER_ABSTIME, &it, NULL));
		timer_gettime(t, &left);
		YES(left.it_value.tv_sec <= 1);
		say("%d", alarms);
		sleep(3);
		say("%d", alarms);
	});
}

static double start_of_self(void)
{
	char text[1024] = "", *at;
	double ticks = 0;
	int fd = open("/proc/self/stat", O_RDONLY);

	if (read(fd, text, sizeof(text) - 1) < 0)
		return 0;
	at = strrchr(text, ')');
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	if (at)
		ticks = atof(at);
	close(fd);
	return ticks / sysconf(_SC_CLK_TCK);
}

static void proc_files(void)
{
	double up, btime;
	char line[100];
	FILE *f;

	own_time("boottime 864000 0");
	CHILD({
		struct sysinfo si;

		f = fopen("/proc/uptime", "r");
		YES(fscanf(f, "%lf", &up) == 1 && up - now(7) < 2 && now(7) - up < 2);
		YES(now(7) - start_of_self() < 3);
		YES(start_of_self() > 864000);
		sysinfo(&si);
		YES(si.uptime > 864000);
		f = fopen("/proc/stat", "r");
		while (fgets(line, sizeof(line), f))
			if (sscanf(line, "btime %lf", &btime) == 1)
				YES(btime - (now(0) - now(7)) < 3 && (now(0) - now(7)) - btime < 3);
	});
}

ABI_MAIN(CASE(clocks), CASE(writing), CASE(first_is_fixed), CASE(members), CASE(vforks),
	 CASE(after_exec), CASE(sleeping), CASE(timers), CASE(proc_files))
