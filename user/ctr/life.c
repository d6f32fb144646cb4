/* SPDX-License-Identifier: MIT */
/*
 * The life of a container, the parent's side: reserves the name, makes the cgroup with its limits,
 * clones the first process into namespaces and group at once, waits for its end, and takes everything
 * down again; or leaves that to a keeper. One process has one container.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "oci.h"

static struct state state = { .dir = -1 }; /* what atexit() takes down, in the process `keeper` */
static struct container *c;
static int cgroup = -1;

static void take_down(void)
{
	if (state.dir < 0 || state.keeper != getpid())
		return;
	if (state.pid > 0) {
		kill(state.pid, SIGKILL);
		waitpid(state.pid, NULL, 0);
	}
	net_end(&state);
	if (cgroup >= 0)
		cgroup_remove(state.cgroup);
	state_remove(&state);
	if (c->bundle)
		bundle_over(c->bundle);
}

struct state *life_begin(const char *name, const char *image, struct container *container)
{
	state_begin(&state, name, image);
	c = container;
	state_describe(&state, c->argv);
	atexit(take_down);
	return &state;
}

int life_group(void)
{
	cgroup = cgroup_create(state.cgroup, c->bundle && c->nr_limits);
	if (cgroup >= 0 && getuid() && faccessat(cgroup, "cgroup.procs", W_OK, AT_EACCESS) < 0) {
		close(cgroup);
		cgroup = -1;
	}
	if (cgroup < 0 && c->nr_limits)
		die(STATUS_FAILED, "cannot limit a container: no cgroup2 here: %s",
		    strerror(errno));
	for (const struct limit *l = c->limits; l < c->limits + c->nr_limits; l++) {
		if (!write_small(cgroup, l->file, l->value))
			continue;
		if (errno == ENOENT)
			die(STATUS_FAILED, "%s: this kernel's cgroup2 has no %s", l->option,
			    l->file);
		die(STATUS_FAILED, "%s: %s: %s", l->option, l->file, strerror(errno));
	}
	return cgroup;
}

bool life_create(void)
{
	bool shared = !c->init && !c->bundle;

	if (c->bundle)
		bundle_join(c->bundle, false);
	net_enter();
	state.pid = spawn(c->namespaces, cgroup, shared, container_setup, c);
	if (state.pid < 0 && errno == EINVAL && !c->bundle)
		state.pid =
			spawn(c->namespaces & ~CLONE_NEWIPC, cgroup, shared, container_setup, c);
	net_leave();
	if (state.pid < 0)
		die(STATUS_FAILED, "cannot start a process in new namespaces: %s", strerror(errno));
	state.started = time(NULL);
	return !c->bundle || bundle_create(c->bundle, &state);
}

bool life_start(void)
{
	bool created = life_create();

	if (created && c->bundle)
		bundle_start(c->bundle);
	if (created)
		state_event(&state, "start");
	return created;
}

static pid_t start(const struct container *container)
{
	life_start();
	return state.pid;
}

static void tell_end(int status)
{
	char text[TEXT_SIZE];

	format(text, sizeof(text), "exit %d", status);
	state_event(&state, text);
}

int life_leave(void)
{
	state.keeper = 0;
	state_save(&state);
	return 0;
}

/* ---- in the foreground ---- */

int life_wait(int signals)
{
	int64_t limit = !c->nr_limits ? -1 : cgroup_number(cgroup, "memory.max", "");
	char size[TEXT_SIZE];
	bool killed;
	int status = wait_for_end(state.pid, signals, &killed);

	state.pid = 0;
	tell_end(status);
	if ((killed || status == 128 + SIGKILL) && limit > 0 &&
	    cgroup_number(cgroup, "memory.events", "oom_kill") > 0)
		warn("%s was killed: out of memory (limit %s)", state.name, size_text(limit, size));
	return status;
}

/* This process is the parent, and stdio is its own. */
static int run_here(void)
{
	int signals = hold_signals(&c->mask);

	start(c);
	state_save(&state);
	return life_wait(signals);
}

/* ---- kept ---- */

static struct {
	bool input, remove; /* life_run() */
} how;

/* The keeper's life; state and group are its own now. */
static void keep(int client)
{
	bool left, started;

	state.keeper = getpid();
	state_save(&state);
	state.status = shim_run(c, start, &state, client, how.input, &left);
	started = state.pid;
	tell_end(state.status);
	if (!started || !(state.keep || (left && !how.remove))) {
		state.pid = 0;
		exit(state.status);
	}
	state.ended = time(NULL);
	state.keep = true;
	net_end(&state);
	if (cgroup >= 0)
		cgroup_remove(state.cgroup);
	state_save(&state);
	_exit(0);
}

static int run_kept(bool detach)
{
	int s = fork_keeper(c, keep), status;

	close(state.dir); /* and with it our share of the lock */
	state.dir = -1;
	net_close();
	if (!detach)
		return client_run(s, state.name);
	status = client_started(s);
	if (!status)
		print("%s\n", state.name);
	return status;
}

int life_run(bool detach, bool input, bool remove)
{
	how.input = input || !detach;
	how.remove = remove;
	return detach || (c->terminal && !c->console) ? run_kept(detach) : run_here();
}
