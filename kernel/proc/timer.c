/* SPDX-License-Identifier: MIT */
/*
 * Timers that end in a signal: setitimer(2), alarm(2), timer_create(2). A process gets its struct
 * proc_timers with the first one. Timers on real clocks run on a struct timer of sched/. Timers on
 * CPU time look again when the process could have used up what is left, because there is no
 * interrupt for 'this much CPU time was had'. The process's siglock guards all; callbacks take it.
 */
#include "proc/internal.h"

#define MAX_TIMERS 256 /* POSIX timers of one process */

enum clock_kind { CLOCK_REAL, CLOCK_CPU_USER, CLOCK_CPU_BOTH };
enum { CPU_LIMIT = ITIMER_PROF + 1, ITIMERS }; /* behind the itimers: the watch over RLIMIT_CPU */

/* One source of expiries. */
struct ticker {
	struct timer timer;
	struct process *proc;
	enum clock_kind kind;
	struct task *thread; /* the CPU time is this one's alone: a reference; else NULL */
	u64 expires; /* clock_ns(), or CPU time; 0: not armed */
	u64 interval; /* 0: once */
	bool posix;
};
struct posix_timer {
	struct ticker ticker;
	int id, clock, notify, sig;
	sigval_t value;
	struct pid *thread; /* SIGEV_THREAD_ID; else NULL */
	bool pending; /* its signal is queued: further expiries are overruns */
	int overrun, last_overrun;
};
struct proc_timers {
	struct ticker itimer[ITIMERS]; /* ITIMER_REAL, VIRTUAL, PROF; CPU_LIMIT */
	struct posix_timer *posix[MAX_TIMERS];
};

static u64 now_of(const struct ticker *k)
{
	struct usage u;

	if (k->kind == CLOCK_REAL)
		return clock_ns();
	u = k->thread ? thread_usage(k->thread) : process_usage_locked(k->proc);
	return u.user_ns + (k->kind == CLOCK_CPU_USER ? 0 : u.sys_ns);
}

/* Sets the timer for the next look; siglock held. */
static void arm(struct ticker *k)
{
	u64 now, left;

	if (k->kind == CLOCK_REAL) {
		timer_start(&k->timer, k->expires);
		return;
	}
	now = now_of(k);
	left = k->expires > now ? k->expires - now : 0;
	timer_start(&k->timer, clock_ns() + max(left / max(k->proc->nr_live, 1U), CPU_CHECK_MIN));
}

static void itimer_fired(struct ticker *k)
{
	static const int sigs[] = { SIGALRM, SIGVTALRM, SIGPROF, SIGXCPU };
	unsigned int which = k - k->proc->timers->itimer;
	struct rlimit64 *limit = &k->proc->rlim[RLIMIT_CPU];
	int sig = sigs[which];

	if (which == CPU_LIMIT) { /* a warning every second, until the hard limit (getrlimit(2)) */
		if (now_of(k) / NSEC_PER_SEC >= limit->rlim_max)
			sig = SIGKILL;
		else
			limit->rlim_cur++;
	}
	send_locked(sig, NULL, k->proc->leader, true, false);
}

static void posix_fired(struct posix_timer *t, u64 times)
{
	struct task *to = t->ticker.proc->leader;
	siginfo_t info;

	if (t->notify == SIGEV_NONE)
		return;
	if (t->pending) {
		t->overrun = min((u64)t->overrun + times, (u64)INT32_MAX);
		return;
	}
	t->overrun = times - 1;
	memset(&info, 0, sizeof(info));
	info.si_signo = t->sig;
	info.si_code = SI_TIMER;
	info.si_tid = t->id;
	info.si_value = t->value;
	if (t->thread) {
		struct task *o;

		for_each_thread(o, t->ticker.proc) if (o->pid == t->thread) to = o;
	}
	t->pending = true;
	if (send_locked(t->sig, &info, to, !t->thread, false))
		t->pending = false;
}

static void ticker_fn(struct timer *timer)
{
	struct ticker *k = container_of(timer, struct ticker, timer);
	struct process *p = k->proc;
	u64 now, times = 1;

	spin_lock(&p->siglock);
	if (!k->expires)
		goto out;
	now = now_of(k);
	if (now < k->expires) {
		arm(k);
		goto out;
	}
	if (k->interval) {
		times += (now - k->expires) / k->interval;
		k->expires += times * k->interval;
	} else {
		k->expires = 0;
	}
	if (k->posix)
		posix_fired(container_of(k, struct posix_timer, ticker), times);
	else
		itimer_fired(k);
	if (k->expires)
		arm(k);
out:
	spin_unlock(&p->siglock);
}

static void ticker_init(struct ticker *k, struct process *p, enum clock_kind kind, bool posix)
{
	timer_init(&k->timer, ticker_fn);
	k->proc = p;
	k->kind = kind;
	k->posix = posix;
}

/* Arms for expires (absolute on its clock, 0: stops). siglock held. */
static void ticker_set(struct ticker *k, u64 expires, u64 interval)
{
	k->expires = expires;
	k->interval = interval;
	if (expires)
		arm(k);
}

/* What is left until the next expiry, at least 1 while armed; siglock held. */
static u64 ticker_left(const struct ticker *k)
{
	u64 now;

	if (!k->expires)
		return 0;
	now = now_of(k);
	return k->expires > now ? k->expires - now : 1;
}

static struct proc_timers *get_timers(struct process *p)
{
	struct proc_timers *t = p->timers;

	if (t)
		return t;
	t = kzalloc(sizeof(*t));
	if (!t)
		return NULL;
	for (int i = 0; i < ITIMERS; i++)
		ticker_init(&t->itimer[i], p, min(i, (int)CLOCK_CPU_BOTH), false);
	spin_lock(&p->siglock);
	if (!p->timers) {
		p->timers = t;
		t = NULL;
	}
	spin_unlock(&p->siglock);
	kfree(t);
	return p->timers;
}

/* ---- itimers ---- */

static int from_timeval(const struct timeval *tv, u64 *ns)
{
	struct __kernel_timespec ts = { tv->tv_sec, tv->tv_usec * (s64)NSEC_PER_USEC };

	return tv->tv_usec < 0 || tv->tv_usec >= 1000000 ? -EINVAL : timespec_to_ns(&ts, ns);
}

static void to_timeval(u64 ns, struct timeval *tv)
{
	tv->tv_sec = ns / NSEC_PER_SEC;
	tv->tv_usec = ns % NSEC_PER_SEC / NSEC_PER_USEC;
}

static u64 after(const struct ticker *k, u64 ns)
{
	u64 now = now_of(k);

	return ns > INT64_MAX - now ? INT64_MAX : now + ns;
}

/* Sets an itimer; the old one in *left and *interval. -ENOMEM */
static int set_itimer(int which, u64 ns, u64 every, u64 *left, u64 *interval)
{
	struct process *p = current->proc;
	struct proc_timers *t = get_timers(p);
	struct ticker *k;

	if (!t)
		return -ENOMEM;
	k = &t->itimer[which];
	spin_lock(&p->siglock);
	*left = ticker_left(k);
	*interval = k->interval;
	ticker_set(k, ns ? after(k, ns) : 0, every);
	spin_unlock(&p->siglock);
	if (!ns)
		timer_cancel(&k->timer);
	return 0;
}

int timers_cpu_limit(struct process *p)
{
	u64 seconds = READ_ONCE(p->rlim[RLIMIT_CPU].rlim_cur), ns = 0;

	if (seconds != RLIM64_INFINITY && !get_timers(p))
		return -ENOMEM;
	if (!p->timers)
		return 0;
	if (seconds < INT64_MAX / NSEC_PER_SEC)
		ns = max(seconds, 1UL) * NSEC_PER_SEC;
	spin_lock(&p->siglock);
	if (!p->timers_ended) /* prlimit(2) reaches zombies, too */
		ticker_set(&p->timers->itimer[CPU_LIMIT], ns, NSEC_PER_SEC);
	spin_unlock(&p->siglock);
	return 0;
}

int do_getitimer(int which, struct itimerval *old)
{
	struct process *p = current->proc;

	if (which < ITIMER_REAL || which > ITIMER_PROF)
		return -EINVAL;
	memset(old, 0, sizeof(*old));
	if (!p->timers)
		return 0;
	spin_lock(&p->siglock);
	to_timeval(ticker_left(&p->timers->itimer[which]), &old->it_value);
	to_timeval(p->timers->itimer[which].interval, &old->it_interval);
	spin_unlock(&p->siglock);
	return 0;
}

int do_setitimer(int which, const struct itimerval *new, struct itimerval *old)
{
	u64 ns = 0, every = 0, left, interval;
	int err;

	if (which < ITIMER_REAL || which > ITIMER_PROF)
		return -EINVAL;
	if (new && (from_timeval(&new->it_value, &ns) || from_timeval(&new->it_interval, &every)))
		return -EINVAL;
	err = set_itimer(which, ns, every, &left, &interval);
	if (!err && old) {
		to_timeval(left, &old->it_value);
		to_timeval(interval, &old->it_interval);
	}
	return err;
}

unsigned int do_alarm(unsigned int seconds)
{
	u64 left = 0, interval;

	if (!seconds && !current->proc->timers)
		return 0;
	set_itimer(ITIMER_REAL, seconds * NSEC_PER_SEC, 0, &left, &interval);
	/* Rounded, but never down to 'none' (alarm(2)). */
	return left ? max((left + NSEC_PER_SEC / 2) / NSEC_PER_SEC, 1UL) : 0;
}

/* ---- POSIX timers ---- */

/* Timers on CPU time are for the caller's own: its process's or this thread's. */
static int clock_kind(int clock, enum clock_kind *kind, bool *thread)
{
	struct pid_ns *ns = task_pid_ns(current);
	pid_t who;
	u64 time;

	clock = cpu_clock_id(clock);
	who = ~(clock >> 3);
	*thread = clock < 0 && (clock & CPUCLOCK_THREAD);
	if (clock >= 0)
		return clock_allowed(clock) ? clock_deadline(clock, false, 0, &time) : -EPERM;
	if (do_clock_gettime(clock, &time) ||
	    (who && who != (*thread ? task_tid_in(current, ns) : task_tgid_in(current, ns))))
		return -EINVAL;
	*kind = (clock & 3) == 1 ? CLOCK_CPU_USER : CLOCK_CPU_BOTH;
	return 0;
}

/* sigevent(7) of timer_create(2): -EINVAL. */
static int take_event(struct posix_timer *t, const struct sigevent *ev)
{
	struct task *to;

	if (!ev) {
		t->notify = SIGEV_SIGNAL;
		t->sig = SIGALRM;
		t->value.sival_int = t->id;
		return 0;
	}
	t->notify = ev->sigev_notify;
	t->sig = ev->sigev_signo;
	t->value = ev->sigev_value;
	if (t->notify != SIGEV_NONE && (t->sig < 1 || t->sig > SIG_MAX))
		return -EINVAL;
	switch (t->notify) {
	case SIGEV_NONE:
	case SIGEV_SIGNAL:
	case SIGEV_THREAD:
		return 0;
	case SIGEV_SIGNAL | SIGEV_THREAD_ID:
		to = task_find(task_pid_ns(current), ev->sigev_notify_thread_id);
		if (!to)
			return -EINVAL;
		if (to->proc == current->proc) {
			t->thread = to->pid;
			pid_get(t->thread);
		}
		task_put(to);
		return t->thread ? 0 : -EINVAL;
	default:
		return -EINVAL;
	}
}

static void posix_free(struct posix_timer *t)
{
	timer_cancel(&t->ticker.timer);
	pid_put(t->thread);
	if (t->ticker.thread)
		task_put(t->ticker.thread);
	kfree(t);
}

int do_timer_create(int clock, const struct sigevent *ev, int *id)
{
	struct process *p = current->proc;
	struct proc_timers *pt = get_timers(p);
	enum clock_kind kind = CLOCK_REAL;
	struct posix_timer *t;
	bool thread;
	int err = clock_kind(clock, &kind, &thread), i;

	if (err)
		return err;
	t = kzalloc(sizeof(*t));
	if (!pt || !t) {
		kfree(t);
		return -EAGAIN;
	}
	t->clock = clock;
	ticker_init(&t->ticker, p, kind, true);
	if (thread) {
		t->ticker.thread = current;
		task_get(current);
	}
	spin_lock(&p->siglock);
	for (i = 0; i < MAX_TIMERS && pt->posix[i]; i++)
		;
	if (i < MAX_TIMERS) {
		t->id = i;
		pt->posix[i] = t;
	}
	spin_unlock(&p->siglock);
	err = i < MAX_TIMERS ? take_event(t, ev) : -EAGAIN;
	if (err) {
		if (i < MAX_TIMERS)
			pt->posix[i] = NULL;
		posix_free(t);
		return err;
	}
	*id = i;
	return 0;
}

/* The timer with its process's siglock held, or NULL without. */
static struct posix_timer *find_locked(int id)
{
	struct process *p = current->proc;
	struct posix_timer *t;

	if (id < 0 || id >= MAX_TIMERS || !p->timers)
		return NULL;
	spin_lock(&p->siglock);
	t = p->timers->posix[id];
	if (!t)
		spin_unlock(&p->siglock);
	return t;
}

static void show(const struct posix_timer *t, struct __kernel_itimerspec *cur)
{
	cur->it_value = ns_to_timespec(ticker_left(&t->ticker));
	cur->it_interval = ns_to_timespec(t->ticker.interval);
}

int do_timer_settime(int id, int flags, const struct __kernel_itimerspec *new,
		     struct __kernel_itimerspec *old)
{
	struct posix_timer *t;
	u64 ns, every, when = 0;

	if (timespec_to_ns(&new->it_value, &ns) || timespec_to_ns(&new->it_interval, &every))
		return -EINVAL;
	t = find_locked(id);
	if (!t)
		return -EINVAL;
	if (old)
		show(t, old);
	if (ns && t->ticker.kind != CLOCK_REAL)
		when = flags & TIMER_ABSTIME ? ns : after(&t->ticker, ns);
	else if (ns)
		clock_deadline(t->clock, flags & TIMER_ABSTIME, ns, &when);
	t->overrun = t->last_overrun = 0;
	ticker_set(&t->ticker, when, every);
	spin_unlock(&current->proc->siglock);
	return 0;
}

int do_timer_gettime(int id, struct __kernel_itimerspec *cur)
{
	struct posix_timer *t = find_locked(id);

	if (!t)
		return -EINVAL;
	show(t, cur);
	spin_unlock(&current->proc->siglock);
	return 0;
}

int do_timer_getoverrun(int id)
{
	struct posix_timer *t = find_locked(id);
	int n;

	if (!t)
		return -EINVAL;
	n = t->last_overrun;
	spin_unlock(&current->proc->siglock);
	return n;
}

int do_timer_delete(int id)
{
	struct posix_timer *t = find_locked(id);

	if (!t)
		return -EINVAL;
	current->proc->timers->posix[id] = NULL;
	t->ticker.expires = 0;
	spin_unlock(&current->proc->siglock);
	posix_free(t);
	return 0;
}

void timer_signal_taken(siginfo_t *info)
{
	struct proc_timers *pt = current->proc->timers;
	struct posix_timer *t;

	if (!pt || info->si_tid < 0 || info->si_tid >= MAX_TIMERS)
		return;
	t = pt->posix[info->si_tid];
	if (!t || !t->pending)
		return;
	t->pending = false;
	t->last_overrun = info->si_overrun = t->overrun;
	t->overrun = 0;
}

void timers_exec(struct process *p)
{
	if (!p->timers)
		return;
	for (int i = 0; i < MAX_TIMERS; i++) {
		struct posix_timer *t;

		spin_lock(&p->siglock);
		t = p->timers->posix[i];
		p->timers->posix[i] = NULL;
		if (t)
			t->ticker.expires = 0;
		spin_unlock(&p->siglock);
		if (t)
			posix_free(t);
	}
}

void timers_exit(struct process *p)
{
	spin_lock(&p->siglock);
	p->timers_ended = true;
	spin_unlock(&p->siglock);
	if (!p->timers)
		return;
	timers_exec(p);
	for (int i = 0; i < ITIMERS; i++) {
		spin_lock(&p->siglock);
		p->timers->itimer[i].expires = 0;
		spin_unlock(&p->siglock);
		timer_cancel(&p->timers->itimer[i].timer);
	}
}
