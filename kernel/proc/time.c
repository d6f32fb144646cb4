/* SPDX-License-Identifier: MIT */
/* Clocks and sleeping: clock_gettime(2), clock_nanosleep(2), and how much CPU time was had. */
#include "proc/internal.h"
#include "proc/procfs.h"

#include <linux/capability.h>

int timespec_to_ns(const struct __kernel_timespec *ts, u64 *ns)
{
	if (ts->tv_sec < 0 || ts->tv_nsec < 0 || ts->tv_nsec >= (s64)NSEC_PER_SEC)
		return -EINVAL;
	if ((u64)ts->tv_sec >= INT64_MAX / NSEC_PER_SEC)
		*ns = INT64_MAX;
	else
		*ns = ts->tv_sec * NSEC_PER_SEC + ts->tv_nsec;
	return 0;
}

struct __kernel_timespec ns_to_timespec(u64 ns)
{
	return (struct __kernel_timespec){ ns / NSEC_PER_SEC, ns % NSEC_PER_SEC };
}

/* ---- clocks ---- */

/*
 * The clock of another process or thread is a number below 0: ~pid << 3 | kind, 4 for a thread's
 * (clock_getcpuclockid(3)). Its CPU time, -EINVAL.
 */
static int cpu_clock(int clock, u64 *ns)
{
	pid_t pid = ~(clock >> 3);
	bool thread = clock & CPUCLOCK_THREAD;
	struct task *t = current;
	struct usage u;

	if ((clock & 3) == 3)
		return -EINVAL;
	if (pid)
		t = thread ? task_find(task_pid_ns(t), pid)
			   : task_find_process(task_pid_ns(t), pid);
	if (!t)
		return -EINVAL;
	if (thread && t->proc != current->proc) {
		task_put(t);
		return -EINVAL;
	}
	u = thread ? thread_usage(t) : process_usage(t->proc);
	if (pid)
		task_put(t);
	*ns = u.user_ns + ((clock & 3) == 1 ? 0 : u.sys_ns);
	return 0;
}

s64 clock_offset(int clock)
{
	const struct nsproxy *ns = current->ns;
	const struct time_ns *time =
		ns ? container_of(ns->time, struct time_ns, ns) : &init_time_ns;

	switch (clock) {
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_MONOTONIC_RAW:
		return time->monotonic;
	case CLOCK_BOOTTIME:
	case CLOCK_BOOTTIME_ALARM:
		return time->boottime;
	default:
		return clock_wall_ns() - clock_ns();
	}
}

int do_clock_gettime(int clock, u64 *ns)
{
	clock = cpu_clock_id(clock);
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_REALTIME_ALARM:
	case CLOCK_TAI:
		*ns = clock_wall_ns();
		return 0;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_BOOTTIME:
	case CLOCK_BOOTTIME_ALARM:
		*ns = clock_ns() + clock_offset(clock);
		return 0;
	default:
		return clock < 0 ? cpu_clock(clock, ns) : -EINVAL;
	}
}

/* ---- /proc/N/timens_offsets: of the namespace of N's children ---- */

static struct time_ns *time_for_children(struct task *t)
{
	struct nsproxy *ns = task_ns_get(t);
	struct ns_common *time = ns ? ns->time_for_children : NULL;

	if (time)
		ns_get(time);
	nsproxy_put(ns);
	return time ? container_of(time, struct time_ns, ns) : NULL;
}

int show_timens(struct strbuf *out, struct task *t, const struct pinode *p)
{
	struct time_ns *time = time_for_children(t);

	if (!time)
		return -ESRCH;
	for (int i = 0; i < 2; i++) {
		s64 ns = i ? time->boottime : time->monotonic, rest = ns % (s64)NSEC_PER_SEC;
		s64 sec = ns / (s64)NSEC_PER_SEC - (rest < 0);

		sb_printf(out, "%-10s %10lld %9lld\n", i ? "boottime" : "monotonic", (long long)sec,
			  (long long)(rest < 0 ? rest + (s64)NSEC_PER_SEC : rest));
	}
	ns_put(&time->ns);
	return 0;
}

/* One line "CLOCK SECONDS NANOSECONDS" of *text, which is moved on: into at[0] (monotonic) or at[1]. */
static int parse_offset(char **text, s64 at[2])
{
	char *word[3] = { NULL }, *end = strchr(*text, '\n');
	u64 sec, ns, now = clock_ns();
	bool minus, boot;
	s64 all;

	if (end)
		*end++ = '\0';
	for (int i = 0; i < 3; i++) {
		while (**text == ' ')
			(*text)++;
		word[i] = *text;
		while (**text && **text != ' ')
			(*text)++;
		if (**text)
			*(*text)++ = '\0';
	}
	boot = !strcmp(word[0], "boottime") || !strcmp(word[0], "7");
	minus = *word[1] == '-';
	if ((!boot && strcmp(word[0], "monotonic") && strcmp(word[0], "1")) || **text ||
	    parse_u64(word[1] + minus, 10, &sec) || parse_u64(word[2], 10, &ns) ||
	    ns >= NSEC_PER_SEC)
		return -EINVAL;
	if (sec > INT64_MAX / NSEC_PER_SEC)
		return -ERANGE;
	all = (minus ? -sec : sec) * NSEC_PER_SEC + ns;
	if ((s64)(now + all) < 0 || (all > 0 && now + all > INT64_MAX / 2))
		return -ERANGE;
	at[boot] = all;
	*text = end;
	return 0;
}

ssize_t write_timens(struct task *t, char *buf, size_t n, const struct pinode *p)
{
	struct time_ns *time = time_for_children(t);
	s64 at[2];
	int err = time ? 0 : -ESRCH;

	if (err)
		return err;
	at[0] = time->monotonic;
	at[1] = time->boottime;
	for (int i = 0; !err && i < 2 && buf && (!i || *buf); i++)
		err = parse_offset(&buf, at);
	if (!err && !ns_capable(time->ns.owner, CAP_SYS_TIME))
		err = -EPERM;
	if (!err && READ_ONCE(time->frozen))
		err = -EACCES;
	if (!err) {
		time->monotonic = at[0];
		time->boottime = at[1];
	}
	ns_put(&time->ns);
	return err ? err : (ssize_t)(n - (buf ? strlen(buf) : 0)); /* two lines at a time */
}

int do_clock_getres(int clock, u64 *ns)
{
	u64 now;

	if (do_clock_gettime(clock, &now))
		return -EINVAL;
	*ns = 1;
	return 0;
}

struct waitq clock_set_wait = WAITQ_INIT(clock_set_wait);
static u64 clock_sets; /* how often it was set */

int do_clock_settime(int clock, u64 ns)
{
	if (clock != CLOCK_REALTIME)
		return -EINVAL;
	if (!capable(CAP_SYS_TIME))
		return -EPERM;
	clock_wall_set(ns);
	WRITE_ONCE(clock_sets, clock_sets + 1);
	waitq_wake_all(&clock_set_wait, 0);
	return 0;
}

bool clock_allowed(int clock)
{
	return (clock != CLOCK_REALTIME_ALARM && clock != CLOCK_BOOTTIME_ALARM) ||
	       capable(CAP_WAKE_ALARM);
}

/*
 * The deadline on clock_ns() for a point in time of clock; -EOPNOTSUPP for clocks nobody can sleep on,
 * -EINVAL for those that are not there or not real.
 */
int clock_deadline(int clock, bool absolute, u64 ns, u64 *deadline)
{
	u64 now = 0;

	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_TAI:
	case CLOCK_MONOTONIC:
	case CLOCK_BOOTTIME:
	case CLOCK_REALTIME_ALARM:
	case CLOCK_BOOTTIME_ALARM:
		break;
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_THREAD_CPUTIME_ID:
		return -EOPNOTSUPP;
	default:
		return -EINVAL;
	}
	if (absolute) {
		do_clock_gettime(clock, &now);
		ns = ns > now ? ns - now : 0;
	}
	now = clock_ns();
	*deadline = ns > INT64_MAX - now ? INT64_MAX : now + ns;
	return 0;
}

/* ---- sleeping ---- */

/*
 * Until clock (CLOCK_MONOTONIC, CLOCK_REALTIME or one of CPU time) shows end: 0, -EINVAL when it is gone, or
 * -ERESTARTSYS with what is left. CPU time does not call: it is looked at again when all CPUs
 * together could have brought it there.
 */
static int sleep_until(int clock, u64 end, u64 *left)
{
	struct waitq own, *wq = clock == CLOCK_REALTIME ? &clock_set_wait : &own;
	u64 now, sets;
	int err;

	waitq_init(&own);
	for (int woken = 0;;) {
		sets = READ_ONCE(clock_sets);
		err = clock == CLOCK_MONOTONIC ? 0 : do_clock_gettime(clock, &now);
		if (err)
			return err;
		if (clock == CLOCK_MONOTONIC)
			now = clock_ns(); /* end is the machine's, whatever the namespace */
		*left = end > now ? end - now : 0;
		if (!*left || woken)
			return *left ? -ERESTARTSYS : 0;
		now = clock >= 0 ? *left : max(*left / nr_cpus, CPU_CHECK_MIN);
		woken = wait_event_until(wq, wq != &own && READ_ONCE(clock_sets) != sets,
					 clock_ns() + now) == -ERESTARTSYS;
	}
}

/* restart_arg: end, rmtp, clock. */
static long nanosleep_restart(struct task *t)
{
	struct __kernel_timespec __user *rmtp = (void __user *)t->restart_arg[1];
	u64 left;
	int err = sleep_until(t->restart_arg[2], t->restart_arg[0], &left);

	if (err != -ERESTARTSYS)
		return err;
	if (rmtp && put_user(ns_to_timespec(left), rmtp))
		return -EFAULT;
	t->restart_fn = nanosleep_restart;
	return -ERESTART_RESTARTBLOCK;
}

long do_nanosleep(int clock, int flags, u64 ns, struct __kernel_timespec __user *rmtp)
{
	struct task *t = current;
	u64 end = ns, now = 0, left;
	int err;

	if (clock == CLOCK_PROCESS_CPUTIME_ID)
		clock = cpu_clock_id(clock);
	if (clock < 0 && (clock & CPUCLOCK_THREAD))
		return -EINVAL; /* its own never goes on in its sleep */
	if (clock < 0) {
		err = flags & TIMER_ABSTIME ? 0 : do_clock_gettime(clock, &now);
		end = ns > INT64_MAX - now ? INT64_MAX : now + ns;
	} else {
		/* A point in time of the wall's clock may come nearer or go away. */
		bool wall = clock == CLOCK_REALTIME && flags & TIMER_ABSTIME;

		err = wall ? 0
		      : !clock_allowed(clock)
			      ? -EPERM
			      : clock_deadline(clock, flags & TIMER_ABSTIME, ns, &end);
		clock = wall ? CLOCK_REALTIME : CLOCK_MONOTONIC;
	}
	if (err)
		return err;
	if (flags & TIMER_ABSTIME) {
		err = sleep_until(clock, end, &left);
		return err == -ERESTARTSYS ? -ERESTARTNOHAND : err;
	}
	t->restart_arg[0] = end;
	t->restart_arg[1] = (u64)rmtp;
	t->restart_arg[2] = clock;
	return nanosleep_restart(t);
}
