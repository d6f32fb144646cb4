/* SPDX-License-Identifier: MIT */
/*
 * `ctr run`, the parent's side: reserves the name, makes the cgroup with its limits, clones the first
 * process into namespaces and group at once, waits for its end, and takes everything down again.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <linux/sched.h>

#include "ctr.h"

/* Namespaces without which it would be no container; CLONE_NEWIPC a kernel may lack. */
#define NEEDED (CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS)

static struct {
	uint64_t memory, pids;
	const char *cpus, *hostname, *name, *workdir, *user, *net;
	struct opt_list env, volumes, cap_add, cap_drop;
	bool stdin_, terminal, init, remove, privileged, read_only;
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
	{ "--volume", 'v', OPT_LIST, &opt.volumes, "HOST:DIR[:ro]",
	  "a folder or file of the host's, seen at DIR; may be repeated" },
	{ "--read-only", 0, OPT_FLAG, &opt.read_only, NULL, "its root cannot be written" },
	{ "--net", 0, OPT_TEXT, &opt.net, "none|host|bridge",
	  "whose network it has: a loopback alone, or the host's (without)" },
	{ "--cap-add", 0, OPT_LIST, &opt.cap_add, "CAP",
	  "one capability more: NET_ADMIN, ALL; may be repeated" },
	{ "--cap-drop", 0, OPT_LIST, &opt.cap_drop, "CAP", "one capability less; may be repeated" },
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

void add_limit(struct container *c, const char *option, const char *file, const char *fmt, ...)
{
	struct limit *l = c->limits + c->nr_limits++;
	va_list ap;

	if (c->nr_limits > MAX_LIMITS)
		die(STATUS_USAGE, "%s: more than %d limits", option, MAX_LIMITS);
	l->option = option;
	l->file = file;
	va_start(ap, fmt);
	vsnprintf(l->value, sizeof(l->value), fmt, ap);
	va_end(ap);
}

void set_limits(const struct container *c, int cgroup)
{
	for (const struct limit *l = c->limits; l < c->limits + c->nr_limits; l++) {
		if (!write_small(cgroup, l->file, l->value))
			continue;
		if (errno == ENOENT)
			die(STATUS_FAILED, "%s: this kernel's cgroup2 has no %s", l->option,
			    l->file);
		die(STATUS_FAILED, "%s: %s: %s", l->option, l->file, strerror(errno));
	}
	/* Else Linux would swap instead of ending it; a kernel without swap has no such file. */
	if (opt.memory)
		write_small(cgroup, "memory.swap.max", "0");
}

static void describe_limits(struct container *c)
{
	double cpus;
	char *end;

	if (opt.memory)
		add_limit(c, "--memory", "memory.max", "%llu", (unsigned long long)opt.memory);
	if (opt.pids)
		add_limit(c, "--pids", "pids.max", "%llu", (unsigned long long)opt.pids);
	if (!opt.cpus)
		return;
	cpus = strtod(opt.cpus, &end);
	if (*end || end == opt.cpus || !(cpus >= 0.01 && cpus <= 1024))
		die(STATUS_USAGE, "--cpus %s: not a number from 0.01 to 1024", opt.cpus);
	/* Microseconds of CPU time in each 100,000. */
	add_limit(c, "--cpus", "cpu.max", "%d 100000", (int)(cpus * 100000));
}

/* ---- mounts, capabilities, namespaces ---- */

/* "HOST:DIR" or "HOST:DIR:ro". */
static void add_volume(struct mount_point *m, const char *text)
{
	const char *first = strchr(text, ':'), *second = first ? strchr(first + 1, ':') : NULL;
	char *source = strdup(text), *target = first ? strdup(first + 1) : NULL;

	if (!target || target[0] != '/' || !source || first == text ||
	    (second && strcmp(second, ":ro") && strcmp(second, ":rw")))
		die(STATUS_USAGE,
		    "--volume %s: not of the form HOST:DIR[:ro], DIR beginning with /", text);
	source[first - text] = 0;
	if (second)
		target[second - first - 1] = 0;
	*m = (struct mount_point){ .source = source, .target = target, .flags = MS_REC };
	if (second && !strcmp(second, ":ro"))
		m->flags |= MS_RDONLY;
	if (access(source, F_OK) < 0)
		die(STATUS_FAILED, "--volume %s: %s: %s", text, source, strerror(errno));
}

static void describe_mounts(struct container *c)
{
	static struct mount_point mounts[MAX_MOUNTS];

	if (nr_default_mounts + opt.volumes.n > MAX_MOUNTS)
		die(STATUS_USAGE, "--volume: more than %d", MAX_MOUNTS - nr_default_mounts);
	memcpy(mounts, default_mounts, nr_default_mounts * sizeof(*mounts));
	for (int i = 0; i < opt.volumes.n; i++)
		add_volume(mounts + nr_default_mounts + i, opt.volumes.item[i]);
	c->mounts = mounts;
	c->nr_mounts = nr_default_mounts + opt.volumes.n;
	c->masked = opt.privileged ? NULL : default_masked;
	c->unwritable = opt.privileged ? NULL : default_unwritable;
	c->read_only = opt.read_only;
}

static uint64_t capabilities_of(const struct opt_list *list, const char *option)
{
	uint64_t set = 0;

	for (int i = 0; i < list->n; i++) {
		uint64_t bit = capability_bit(list->item[i]);

		if (!bit)
			die(STATUS_USAGE, "%s %s: not a capability (examples: NET_ADMIN, ALL)",
			    option, list->item[i]);
		set |= bit;
	}
	return set;
}

/* What is dropped by name goes; ALL is dropped first, so that single ones can be added to nothing. */
static uint64_t describe_capabilities(void)
{
	uint64_t add = capabilities_of(&opt.cap_add, "--cap-add");
	uint64_t drop = capabilities_of(&opt.cap_drop, "--cap-drop");
	uint64_t base = opt.privileged ? CAPABILITIES_ALL : default_capabilities;

	return drop == CAPABILITIES_ALL ? add : (base | add) & ~drop;
}

static uint64_t describe_namespaces(void)
{
	if (!opt.net || !strcmp(opt.net, "host"))
		return NEEDED | CLONE_NEWIPC;
	if (!strcmp(opt.net, "none"))
		return NEEDED | CLONE_NEWIPC | CLONE_NEWNET;
	if (!strcmp(opt.net, "bridge"))
		die(STATUS_FAILED,
		    "--net bridge: there are no bridges yet (there are none and host)");
	die(STATUS_USAGE, "--net %s: not none, host or bridge", opt.net);
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
	pid_t pid = spawn(c->namespaces, cgroup, !c->init, container_setup, c);

	if (pid < 0 && errno == EINVAL)
		pid = spawn(c->namespaces & ~CLONE_NEWIPC, cgroup, !c->init, container_setup, c);
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
	struct container c = { .init = opt.init, .with_parent = true };
	const char *image_name = argv[0];
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
	c.namespaces = describe_namespaces();
	c.capabilities = describe_capabilities();
	describe_mounts(&c);
	describe_limits(&c);
	c.terminal = opt.terminal ? ttyname(0) : NULL;

	state_begin(&state, opt.name, image_name);
	atexit(take_down);
	c.hostname = opt.hostname ? opt.hostname : state.name;
	cgroup = cgroup_create(state.name);
	if (cgroup < 0 && c.nr_limits)
		die(STATUS_FAILED, "cannot limit a container: no cgroup2 here: %s",
		    strerror(errno));
	set_limits(&c, cgroup);

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
