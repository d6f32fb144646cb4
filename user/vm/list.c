/* SPDX-License-Identifier: MIT */
/* Is a machine that a state file tells of still there? */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "vm.h"

/* The number may be somebody else's by now: a machine is a process called vm. */
bool machine_is_alive(const struct state *s)
{
	char path[64], name[32];

	if (kill(s->pid, 0) < 0 && errno == ESRCH)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)s->pid);
	return read_small(-1, path, name, sizeof(name)) < 0 || !strcmp(name, prog_name);
}
