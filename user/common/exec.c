/* SPDX-License-Identifier: MIT */
/* What `ctr exec` and `vm exec` have in common: their options, and what must be so before one starts. */
#include "life.h"

struct exec_opt exec_opt;

bool state_is_paused(const struct state *s)
{
	int cgroup = cgroup_open(s->cgroup);
	bool paused = cgroup >= 0 && cgroup_number(cgroup, "cgroup.freeze", "") == 1;

	close(cgroup);
	return paused;
}

void state_not_paused(const struct state *s)
{
	if (state_is_paused(s))
		die(STATUS_FAILED, "%s is paused (`%s unpause %s`)", s->name, the_tool->name,
		    s->name);
}

char **exec_in_what(char **argv, struct state *s)
{
	if (exec_opt.detach && exec_opt.terminal)
		die(STATUS_USAGE, "exec: --detach and --tty exclude each other");
	state_find(*argv++, s);
	argv += *argv && !strcmp(*argv, "--");
	if (!*argv)
		die(STATUS_USAGE, "exec: COMMAND is missing");
	state_not_paused(s);
	return argv;
}
