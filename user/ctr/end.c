/* SPDX-License-Identifier: MIT */
/* Ending containers: kill, rm; and telling whether one is still there. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "ctr.h"

static struct {
	const char *signal;
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

/* A number that was given to somebody else meanwhile belongs to our own pid namespace. */
bool container_is_alive(const struct state *s)
{
	char path[64], own[64], its[64];
	ssize_t n, m;

	if (kill(s->pid, 0) < 0 && errno == ESRCH)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)s->pid);
	n = readlink(path, its, sizeof(its));
	m = readlink("/proc/self/ns/pid", own, sizeof(own));
	return n != m || n < 0 || memcmp(its, own, n);
}

static int signal_number(const char *text)
{
	static const struct {
		const char *name;
		int number;
	} names[] = {
		{ "HUP", SIGHUP },   { "INT", SIGINT },   { "QUIT", SIGQUIT }, { "KILL", SIGKILL },
		{ "USR1", SIGUSR1 }, { "USR2", SIGUSR2 }, { "TERM", SIGTERM }, { "CONT", SIGCONT },
		{ "STOP", SIGSTOP }, { "TSTP", SIGTSTP }, { "ABRT", SIGABRT }, { "ALRM", SIGALRM },
	};
	char *end;
	long n = strtol(text, &end, 10);

	if (*text && !*end && n > 0 && n < _NSIG)
		return n;
	if (!strncasecmp(text, "SIG", 3))
		text += 3;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcasecmp(text, names[i].name))
			return names[i].number;
	die(STATUS_USAGE, "--signal %s: not a signal", text);
}

int kill_verb(int argc, char **argv)
{
	int sig = opt.signal ? signal_number(opt.signal) : SIGKILL;
	struct state s;

	for (int i = 0; i < argc; i++) {
		state_find(argv[i], &s);
		if (kill(s.pid, sig) < 0)
			die(STATUS_FAILED, "%s: %s", argv[i], strerror(errno));
	}
	return 0;
}

int rm_verb(int argc, char **argv)
{
	struct state s;

	for (int i = 0; i < argc; i++) {
		if (!name_is_valid(argv[i]))
			die(STATUS_USAGE, "%s: not a name", argv[i]);
		/* What is dead, state_load() has removed. */
		if (!state_load(argv[i], &s) || !s.pid)
			continue;
		if (!opt.force)
			die(STATUS_FAILED, "%s still runs (`ctr kill %s` ends it; so does --force)",
			    argv[i], argv[i]);
		kill(s.pid, SIGKILL);
		for (int ms = 0; ms < 2000 && container_is_alive(&s); ms += 10)
			usleep(10000);
		state_load(argv[i], &s);
	}
	return 0;
}
