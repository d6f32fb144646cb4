/* SPDX-License-Identifier: MIT */
/*
 * What this process runs: its name, its end, its keeper. Whoever is the keeper takes everything down when it
 * ends; handing that over is one write of the state, whose lock a fork shares.
 */
#include <sys/wait.h>
#include <time.h>

#include "life.h"

struct life life = { .state.dir = -1, .cgroup = -1 };

static void release(void)
{
	if (life.release)
		life.release();
	if (life.cgroup >= 0)
		cgroup_remove(life.state.cgroup);
}

static void take_down(void)
{
	struct state *s = &life.state;

	if (s->dir < 0 || s->keeper != getpid())
		return;
	if (s->pid > 0 && s->pid != getpid()) {
		kill(s->pid, SIGKILL);
		waitpid(s->pid, NULL, 0);
	}
	release();
	state_remove(s);
	if (life.removed)
		life.removed();
}

void life_begin(const char *name, const char *image, char **argv, struct io *io)
{
	state_begin(&life.state, name, image);
	life.io = io;
	state_describe(&life.state, argv);
	atexit(take_down);
}

void life_ended(int status)
{
	char text[TEXT_SIZE];

	format(text, sizeof(text), "exit %d", status);
	state_event(&life.state, text);
}

/* ---- kept ---- */

static struct {
	bool input, remove; /* life_keep() */
} how;

/* The keeper's life; state and group are its own now. */
static void keep(int client)
{
	struct state *s = &life.state;
	bool left, started;

	s->keeper = getpid();
	state_save(s);
	s->status = keeper_run(life.io, life.start, s, client, how.input, &left);
	started = s->pid;
	life_ended(s->status);
	if (!started || !(s->keep || (left && !how.remove))) {
		s->pid = 0;
		exit(s->status);
	}
	s->ended = time(NULL);
	s->keep = true;
	release();
	state_save(s);
	_exit(0);
}

int life_keep(bool input, bool remove)
{
	int s;

	how.input = input;
	how.remove = remove;
	s = fork_keeper(life.io, keep);
	close(life.state.dir); /* and with it our share of the lock */
	life.state.dir = -1;
	return s;
}

int life_attach(int s, bool detach)
{
	int status;

	if (!detach)
		return client_run(s, life.state.name);
	status = client_started(s);
	if (!status)
		print("%s\n", life.state.name);
	return status;
}
