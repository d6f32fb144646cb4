/* SPDX-License-Identifier: MIT */
/*
 * The life of a container, the parent's side: makes the cgroup with its limits, clones the first process
 * into namespaces and group at once, and waits for its end; or leaves that to a keeper. One process has one
 * container.
 */
#include <sched.h>
#include <time.h>

#include "oci.h"

static struct container *c;

static void end_bundle(void)
{
	if (c->bundle)
		bundle_over(c->bundle);
}

static pid_t start(void)
{
	container_start();
	return life.state.pid;
}

struct state *container_begin(const char *name, const char *image, struct container *container)
{
	c = container;
	life_begin(name, image, c->argv, &c->io);
	life.start = start;
	life.release = net_end;
	life.removed = end_bundle;
	return &life.state;
}

int container_group(void)
{
	life.cgroup = cgroup_create(life.state.cgroup, c->bundle && c->nr_limits);
	if (life.cgroup >= 0 && getuid() &&
	    syscall(SYS_faccessat2, life.cgroup, "cgroup.procs", W_OK, AT_EACCESS) < 0) {
		close(life.cgroup);
		life.cgroup = -1;
	}
	if (life.cgroup < 0 && c->nr_limits)
		die(STATUS_FAILED, "cannot limit a container: no cgroup2 here: %s",
		    strerror(errno));
	for (const struct limit *l = c->limits; l < c->limits + c->nr_limits; l++) {
		if (!write_small(life.cgroup, l->file, l->value))
			continue;
		if (errno == ENOENT)
			die(STATUS_FAILED, "%s: this kernel's cgroup2 has no %s", l->option,
			    l->file);
		die(STATUS_FAILED, "%s: %s: %s", l->option, l->file, strerror(errno));
	}
	return life.cgroup;
}

bool container_create(void)
{
	bool shared = !c->init && !c->bundle;

	if (c->bundle)
		bundle_join(c->bundle, false);
	net_enter();
	life.state.pid = spawn(c->namespaces, life.cgroup, shared, container_setup, c);
	if (life.state.pid < 0 && errno == EINVAL && !c->bundle)
		life.state.pid = spawn(c->namespaces & ~CLONE_NEWIPC, life.cgroup, shared,
				       container_setup, c);
	net_leave();
	if (c->bundle) /* hooks run in ours */
		bundle_join(c->bundle, true);
	if (life.state.pid < 0)
		die(STATUS_FAILED, "cannot start a process in new namespaces: %s", strerror(errno));
	life.state.started = time(NULL);
	return !c->bundle || bundle_create(c->bundle, &life.state);
}

bool container_start(void)
{
	bool created = container_create();

	if (created && c->bundle)
		bundle_start(c->bundle);
	if (created)
		state_event(&life.state, "start");
	return created;
}

/* What its status does not say: it was its limit of memory. */
static const char *why_ended(int status, bool killed)
{
	static char text[NAME_SIZE + 64];
	char size[TEXT_SIZE];
	int64_t limit = !c->nr_limits ? -1 : cgroup_number(life.cgroup, "memory.max", "");

	if ((!killed && status != 128 + SIGKILL) || limit <= 0 ||
	    cgroup_number(life.cgroup, "memory.events", "oom_kill") <= 0)
		return NULL;
	format(text, sizeof(text), "%s was killed: out of memory (limit %s)", life.state.name,
	       size_text(limit, size));
	return text;
}

/* ---- in the foreground ---- */

int container_wait(bool held)
{
	bool killed;
	const char *why;
	int status;

	if (!held)
		hold_signals(NULL);
	status = wait_for_end(life.state.pid, &killed);
	why = why_ended(status, killed);
	life.state.pid = 0;
	life_ended(status);
	if (why)
		warn("%s", why);
	return status;
}

/* This process is the parent, and stdio is its own. */
static int run_here(void)
{
	hold_signals(&c->io.mask);
	start();
	state_save(&life.state);
	return container_wait(true);
}

int container_run(bool detach, bool input, bool remove)
{
	int s;

	if (!detach && (!c->io.terminal || c->io.console))
		return run_here();
	life.why = why_ended;
	s = life_keep(input || !detach, remove);
	net_close();
	if (c->bundle)
		bundle_leave(c->bundle);
	return life_attach(s, detach);
}
