/* SPDX-License-Identifier: MIT */
/* `ctr exec`: one more process in the namespaces and the cgroup of a container. */
#include <sched.h>

#include "oci.h"

static bool privileged;

const struct opt exec_options[] = {
	EXEC_OPTIONS("container"),
	{ "--privileged", 0, OPT_FLAG, &privileged, NULL, "with all capabilities" },
	{ .name = NULL },
};

/* mnt last: from there on, /proc and all names are the container's. */
static const char *const kinds[] = { "ipc", "uts", "net", "cgroup", "time", "pid", "mnt" };
#define KINDS (LENGTH(kinds))

static void enter(const struct state *s)
{
	int fd[KINDS];
	char path[64];

	for (size_t i = 0; i < KINDS; i++) {
		format(path, sizeof(path), "/proc/%d/ns/%s", s->pid, kinds[i]);
		fd[i] = open(path, O_RDONLY | O_CLOEXEC);
		if (fd[i] < 0 && (errno != ENOENT || access("/proc/self/ns/pid", F_OK) < 0))
			die(STATUS_FAILED, "%s: %s", path, strerror(errno));
	}
	for (size_t i = 0; i < KINDS; i++) {
		if (fd[i] < 0)
			continue; /* a kind that this kernel does not have */
		if (setns(fd[i], 0) < 0)
			die(STATUS_FAILED, "cannot enter the %s namespace of %s: %s", kinds[i],
			    s->name, strerror(errno));
		close(fd[i]);
	}
}

static struct container *c;
static struct state state; /* of the container that is entered */
static int cgroup;

static pid_t start(void)
{
	pid_t pid;

	enter(&state); /* here: a keeper itself is no process of the container */
	pid = spawn(0, cgroup, !c->user_ns, container_exec, c);
	if (pid < 0)
		die(STATUS_FAILED, "cannot start a process: %s", strerror(errno));
	return pid;
}

static int exec_here(void)
{
	hold_signals(&c->io.mask);
	return wait_for_end(start(), &(bool){ false });
}

/* Nobody waits for it; but that it runs is waited for. */
static int exec_detached(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	const int stdio[3] = { null, null, null };
	pid_t pid;

	c->io.fds = stdio;
	sigemptyset(&c->io.mask);
	return start_told(&c->io, start, &pid);
}

static void keep(int client)
{
	bool left;

	_exit(keeper_run(&c->io, start, NULL, client, true, &left));
}

/* Those of the container: the bounding set of its first process, and a filter if that has one. */
static void take_rights(struct container *c, pid_t pid)
{
	c->capabilities[SET_BOUNDING] = status_mask(pid, "\nCapBnd:\t", default_capabilities);
	if (status_mask(pid, "\nSeccomp:\t", 1))
		c->seccomp = default_seccomp(c->capabilities[SET_BOUNDING]);
}

/* A container of an image, which says what its commands run in. */
static struct container *describe(const struct state *s)
{
	static struct container own;
	struct image_config config;
	char image[256];

	image_config_read(image_open(s->image, image, sizeof(image)), &config);
	set_surroundings(&own, &exec_opt.around, &config);
	if (!own.workdir)
		own.workdir = "/";
	if (privileged)
		own.capabilities[SET_BOUNDING] = CAPABILITIES_ALL;
	else
		take_rights(&own, s->pid);
	return &own;
}

/* One of a bundle: config.json says it, the rights too. */
static struct container *describe_bundle(const struct state *s)
{
	struct bundle *b = bundle_load(s);
	struct container *c = &b->c;
	char **own, **e, path[32];

	if (exec_opt.around.user || privileged)
		die(STATUS_USAGE, "exec: --user, --privileged: config.json says it for %s",
		    s->name);
	bundle_process(b);
	format(path, sizeof(path), "/proc/%d/ns/user", s->pid);
	for_each_in(n, b->config, "linux.namespaces")
		if (namespace_bit(text_at(n, "type", "")) == CLONE_NEWUSER)
			c->user_ns = open(path, O_RDONLY | O_CLOEXEC);
	own = c->envp;
	for (e = own; *e; e++)
		;
	c->envp = allocate((e - own + exec_opt.around.env.n + 1) * sizeof(*own));
	add_env(c->envp, &exec_opt.around.env);
	for (e = own; *e; e++)
		put_env(c->envp, *e);
	if (exec_opt.around.workdir)
		c->workdir = exec_opt.around.workdir;
	return c;
}

int exec_verb(int argc, char **argv)
{
	argv = exec_in_what(argv, &state);
	cgroup = cgroup_open(state.cgroup);
	c = state.bundle[0] ? describe_bundle(&state) : describe(&state);
	c->argv = argv;
	c->io.terminal = exec_opt.terminal;
	if (exec_opt.detach)
		return exec_detached();
	return exec_opt.terminal ? client_run(fork_keeper(&c->io, keep), NULL) : exec_here();
}
