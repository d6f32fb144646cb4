/* SPDX-License-Identifier: MIT */
/*
 * `ctr run`, the parent's side: reserves the name, makes the cgroup with its limits, clones the first
 * process into namespaces and group at once, waits for its end, and takes everything down again.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <linux/sched.h>

#include "ctr.h"

/* Namespaces without which it would be no container; CLONE_NEWIPC a kernel may lack. */
#define NEEDED (CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS)

static struct {
	uint64_t memory, pids;
	const char *cpus, *hostname, *name, *workdir, *user;
	struct opt_list env;
	bool stdin_, terminal, init, remove, privileged;
} opt;

const struct opt run_options[] = {
	{ "--memory", 'm', OPT_SIZE, &opt.memory, "SIZE", "the most memory it may have: 32M, 1G" },
	{ "--pids", 0, OPT_NUMBER, &opt.pids, "N", "the most processes and threads it may have" },
	{ "--cpus", 0, OPT_TEXT, &opt.cpus, "N",
	  "the most CPU time: 0.5, 2 (where the kernel limits it)" },
	{ "--hostname", 0, OPT_TEXT, &opt.hostname, "NAME",
	  "its host name (its own name without)" },
	{ "--name", 'n', OPT_TEXT, &opt.name, "NAME", "what ps, exec and kill call it" },
	{ "--env", 'e', OPT_LIST, &opt.env, "K=V",
	  "one more environment variable; may be repeated" },
	{ "--workdir", 'w', OPT_TEXT, &opt.workdir, "DIR",
	  "the folder that the command starts in" },
	{ "--user", 'u', OPT_TEXT, &opt.user, "USER[:GROUP]",
	  "whom the command runs as, by the image's /etc/passwd" },
	{ "--interactive", 'i', OPT_FLAG, &opt.stdin_, NULL, "stdin is passed on (it always is)" },
	{ "--tty", 't', OPT_FLAG, &opt.terminal, NULL,
	  "the terminal's keys are for the container" },
	{ "--init", 0, OPT_FLAG, &opt.init, NULL,
	  "process 1 is a small init, the command its child" },
	{ "--privileged", 0, OPT_FLAG, &opt.privileged, NULL,
	  "root in it may do what root outside may" },
	{ "--rm", 0, OPT_FLAG, &opt.remove, NULL, "nothing is left at the end (it never is)" },
	{ .name = NULL },
};

/* Adds K=V unless there is a K already. */
static void put_env(char **envp, const char *text)
{
	size_t n = strcspn(text, "=") + 1;

	for (; *envp; envp++)
		if (!strncmp(*envp, text, n))
			return;
	*envp = (char *)text;
}

char **make_environment(const struct opt_list *extra, const struct image_config *config)
{
	static char term[64];
	const char *own = getenv("TERM"), *p = NULL;
	size_t n = extra->n + 4;
	char **envp;

	while ((p = image_config_next(config, "Env", p)))
		n++;
	envp = calloc(n, sizeof(*envp));
	if (!envp)
		die(STATUS_FAILED, "no memory");
	for (int i = 0; i < extra->n; i++) {
		if (!strchr(extra->item[i], '=') || *extra->item[i] == '=')
			die(STATUS_USAGE, "--env %s: not of the form K=V", extra->item[i]);
		put_env(envp, extra->item[i]);
	}
	while ((p = image_config_next(config, "Env", p)))
		put_env(envp, p);
	put_env(envp, "PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin");
	put_env(envp, "HOME=/root");
	if (own && join(term, sizeof(term), "TERM=", own, NULL))
		put_env(envp, term);
	return envp;
}

void set_surroundings(struct container *c, const char *workdir, const char *user,
		      const struct opt_list *env, const struct image_config *config)
{
	c->make_workdir = !workdir;
	c->workdir = workdir ? workdir : image_config_next(config, "WorkingDir", NULL);
	c->user = user ? user : image_config_next(config, "User", NULL);
	c->envp = make_environment(env, config);
}

/* ---- limits ---- */

static void set_limit(int cgroup, const char *option, const char *file, const char *value)
{
	if (write_small(cgroup, file, value) < 0)
		die(STATUS_FAILED, errno == ENOENT ? "%s: this kernel has no %s" : "%s: %s: %s",
		    option, file, strerror(errno));
}

/* "1.5" CPUs as cpu.max has it: microseconds of CPU time in each 100,000. */
static void set_cpus(int cgroup)
{
	char text[48], *end;
	double cpus = strtod(opt.cpus, &end);

	if (*end || end == opt.cpus || !(cpus >= 0.01 && cpus <= 1024))
		die(STATUS_USAGE, "--cpus %s: not a number from 0.01 to 1024", opt.cpus);
	snprintf(text, sizeof(text), "%d 100000", (int)(cpus * 100000));
	set_limit(cgroup, "--cpus", "cpu.max", text);
}

static void set_limits(int cgroup)
{
	char text[32];

	if (opt.memory) {
		snprintf(text, sizeof(text), "%llu", (unsigned long long)opt.memory);
		set_limit(cgroup, "--memory", "memory.max", text);
		/* Else Linux would swap instead of ending it; a kernel without swap has no such file. */
		write_small(cgroup, "memory.swap.max", "0");
	}
	if (opt.pids) {
		snprintf(text, sizeof(text), "%llu", (unsigned long long)opt.pids);
		set_limit(cgroup, "--pids", "pids.max", text);
	}
	if (opt.cpus)
		set_cpus(cgroup);
}

/* ---- life ---- */

static struct state state; /* what atexit() takes down */
static int cgroup = -1;

static void take_down(void)
{
	if (cgroup >= 0)
		cgroup_remove(state.name);
	state_remove(state.name);
}

static pid_t start(const struct container *c)
{
	pid_t pid = spawn(NEEDED | CLONE_NEWIPC, cgroup, !c->init, container_setup, c);

	if (pid < 0 && errno == EINVAL)
		pid = spawn(NEEDED, cgroup, !c->init, container_setup, c);
	if (pid < 0)
		die(STATUS_FAILED, "cannot start a process in new namespaces: %s", strerror(errno));
	return pid;
}

static void describe(char **argv)
{
	char *p = state.command, *end = p + sizeof(state.command) - 1;

	for (; *argv && p < end; argv++) {
		if (p > state.command)
			*p++ = ' ';
		for (const char *a = *argv; *a && p < end; a++)
			*p++ = *a == '\n' ? ' ' : *a;
	}
	*p = 0;
}

int run_verb(int argc, char **argv)
{
	static char *shell[] = { "/bin/sh", NULL };
	struct container c = { .image_name = argv[0],
			       .init = opt.init,
			       .privileged = opt.privileged };
	struct image_config config;
	char image[256], size[TEXT_SIZE];
	bool killed;
	int status;

	image_path(argv[0], image, sizeof(image));
	argv++;
	if (*argv && !strcmp(*argv, "--"))
		argv++;
	c.image = image;
	image_config_read(image, &config);
	c.argv = *argv ? argv : image_config_command(&config);
	if (!c.argv)
		c.argv = shell;
	set_surroundings(&c, opt.workdir, opt.user, &opt.env, &config);
	c.terminal = opt.terminal ? ttyname(0) : NULL;

	state_begin(&state, opt.name, c.image_name);
	atexit(take_down);
	c.hostname = opt.hostname ? opt.hostname : state.name;
	cgroup = cgroup_create(state.name);
	if (cgroup < 0 && (opt.memory || opt.pids || opt.cpus))
		die(STATUS_FAILED, "cannot limit a container: no cgroup2 here: %s",
		    strerror(errno));
	set_limits(cgroup);

	hold_signals(&c.mask);
	state.pid = start(&c);
	state.started = time(NULL);
	describe(c.argv);
	state_save(&state);
	status = wait_for_end(state.pid, c.terminal, &killed);
	if ((killed || status == 128 + SIGKILL) && opt.memory &&
	    cgroup_number(cgroup, "memory.events", "oom_kill") > 0)
		warn("%s was killed: out of memory (limit %s)", state.name,
		     size_text(opt.memory, size));
	return status;
}
