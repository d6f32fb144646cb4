/* SPDX-License-Identifier: MIT */
/* Ending and halting: kill, stop, rm, pause, unpause; and delete, as OCI runtimes call it. */
#include <strings.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "life.h"

static struct {
	const char *signal;
	const char *time;
	bool force;
} opt;

const struct opt kill_options[] = {
	{ "--signal", 's', OPT_TEXT, &opt.signal, "SIGNAL",
	  "TERM, SIGTERM, 15 ... (KILL without)" },
	{ .name = NULL },
};
const struct opt rm_options[] = {
	{ "--force", 'f', OPT_FLAG, &opt.force, NULL, "kill it first if it still runs" },
	{ .name = NULL },
};

const struct opt stop_options[] = {
	{ "--time", 't', OPT_TEXT, &opt.time, "SECONDS", "until SIGKILL follows (10 without)" },
	{ .name = NULL },
};

static int signal_number(const char *text)
{
	/* in the order of their numbers, the first of which is 1: signal(7) */
	static const char names[] =
		" HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT "
		"CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS";
	char *end;
	uint64_t n = to_number(text, &end, 10);
	int number;

	if (*text && !*end && n > 0 && n < _NSIG)
		return n;
	if (!strncasecmp(text, "SIG", 3))
		text += 3;
	number = name_index(names, text, true);
	if (number < 0)
		die(STATUS_USAGE, "--signal %.32s: not a signal", text);
	return number;
}

/* Each in its turn, and those behind one that fails too, by a process each: the last failure's status. */
static int each(int argc, char **argv, void (*one)(const char *name))
{
	int status, failed = 0;

	for (int i = 0; i < argc; i++) {
		pid_t pid = argc > 1 ? syscall(SYS_fork) : 0; /* fork(3) is a kilobyte */

		if (!pid)
			one(argv[i]);
		if (!pid && argc > 1)
			exit(0);
		if (pid < 0)
			die(STATUS_FAILED, "cannot fork: %s", strerror(errno));
		if (pid && waitpid(pid, &status, 0) == pid && status)
			failed = WIFEXITED(status) ? WEXITSTATUS(status) : STATUS_FAILED;
	}
	return failed;
}

static int number; /* of the signal */

static void kill_one(const char *name)
{
	struct state s;

	state_any(name, &s);
	if (s.phase != STATE_CREATED && s.phase != STATE_RUNNING)
		die(STATUS_FAILED, "%s is %s", name,
		    s.phase == STATE_STARTING ? "being started" : "stopped");
	if (kill(s.pid, number) < 0)
		die(STATUS_FAILED, "%s: %s", name, strerror(errno));
}

/* Of an OCI bundle's container: `kill ID SIGNAL`, SIGTERM without one. */
int kill_verb(int argc, char **argv)
{
	const char *name = opt.signal;
	struct state s;
	bool bundle = name_is_valid(argv[0]) && state_load(argv[0], &s) && s.bundle[0];

	if (bundle && argc > 1)
		name = argv[--argc];
	number = signal_number(name ?: bundle ? "TERM" : "KILL");
	return each(argc, argv, kill_one);
}

/* Waits until the keeper has put everything away; false after ms milliseconds. */
static bool wait_until_over(const char *name, int64_t ms)
{
	struct state s;

	for (; state_load(name, &s) && s.phase < STATE_EXITED; ms -= 10) {
		if (ms <= 0)
			return false;
		poll(NULL, 0, 10);
	}
	return true;
}

static int64_t patience = 10000; /* milliseconds until SIGKILL */

/*
 * By its keeper: SIGTERM ends process 1 even where it has no handler, which the kernel would drop. One that is
 * paused hears it when it goes on. One that has ended already is what is wanted.
 */
static void stop_one(const char *name)
{
	struct state s;
	int cgroup;

	state_any(name, &s);
	if (s.phase >= STATE_EXITED)
		return;
	state_find(name, &s);
	if (the_tool->ask)
		the_tool->ask(&s);
	else
		kill(s.keeper ? s.keeper : s.pid, SIGTERM);
	cgroup = cgroup_open(s.cgroup);
	write_small(cgroup, "cgroup.freeze", "0");
	close(cgroup);
	if (wait_until_over(s.name, patience))
		return;
	kill(s.pid, SIGKILL);
	if (!wait_until_over(s.name, 10000))
		die(STATUS_FAILED, "%s does not end", s.name);
}

int stop_verb(int argc, char **argv)
{
	if (opt.time && (!parse_thousandths(opt.time, &patience) || patience > 1000000000))
		die(STATUS_USAGE, "--time %.32s: not a number of seconds", opt.time);
	return each(argc, argv, stop_one);
}

/* Ends it whatever its keeper does, and waits until the folder's lock is free. */
static void force(struct state *s)
{
	bool own = false;

	for (int ms = 0; ms < 20000 && !own; ms += 10) {
		struct state now;

		if (!state_load(s->name, &now))
			return;
		if (now.pid && now.phase < STATE_EXITED)
			kill(now.pid, SIGKILL);
		/* One that is starting has not yet told its number, or its starter was killed. */
		if (ms > 2000 && now.keeper && now.phase < STATE_EXITED)
			kill(now.keeper, SIGKILL);
		own = (now.keeper || now.phase == STATE_EXITED) && state_lock(s);
		if (!own)
			poll(NULL, 0, 10);
	}
	if (!own)
		die(STATUS_FAILED, "%s does not end", s->name);
}

/* Of one that has ended: its keeper has said so and may not be gone yet, or somebody looks just now. */
static bool lock_soon(struct state *s)
{
	for (int ms = 0; ms < 2000; ms += 10) {
		if (state_lock(s))
			return true;
		poll(NULL, 0, 10);
	}
	return false;
}

static void remove_one(struct state *s)
{
	if (opt.force)
		force(s);
	else if (s->phase < STATE_EXITED || !lock_soon(s))
		die(STATUS_FAILED, "%s still runs (`%s stop %s` ends it; so does --force)", s->name,
		    the_tool->name, s->name);
	if (s->dir < 1)
		return;
	if (the_tool->remove)
		the_tool->remove(s);
	else
		state_clear(s);
	close(s->dir);
}

static void rm_one(const char *name)
{
	struct state s;

	if (!name_is_valid(name))
		die(STATUS_USAGE, "%.*s: not a name", NAME_SIZE, name);
	if (!opt.force)
		state_any(name, &s);
	else if (!state_load(name, &s))
		return; /* what was not to be kept and is dead, loading removes */
	remove_one(&s);
}

int rm_verb(int argc, char **argv)
{
	return each(argc, argv, rm_one);
}

int delete_verb(int argc, char **argv)
{
	return rm_verb(argc, argv);
}

/* ---- halting ---- */

static void freeze(const char *name, const char *value)
{
	struct state s;
	int cgroup;

	state_find(name, &s);
	cgroup = cgroup_open(s.cgroup);
	if (cgroup < 0 || write_small(cgroup, "cgroup.freeze", value) < 0)
		die(STATUS_FAILED, "%s: cannot be paused: no cgroup2 here: %s", s.name,
		    strerror(errno));
	for (int i = 0;
	     i < 1000 && cgroup_number(cgroup, "cgroup.events", "frozen") != *value - '0'; i++)
		poll(NULL, 0, 10);
	close(cgroup);
	state_event(&s, *value == '1' ? "pause" : "unpause");
}

static void pause_one(const char *name)
{
	freeze(name, "1");
}

static void unpause_one(const char *name)
{
	freeze(name, "0");
}

int pause_verb(int argc, char **argv)
{
	return each(argc, argv, pause_one);
}

int unpause_verb(int argc, char **argv)
{
	return each(argc, argv, unpause_one);
}
