/* SPDX-License-Identifier: MIT */
/* `vm ps`: the machines that run, and what each costs its host. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

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

static void add_row(const struct state *s, void *table)
{
	int cgroup = cgroup_open(s->name);
	int64_t memory = cgroup < 0 ? -1 : cgroup_number(cgroup, "memory.current", "");
	char buf[TEXT_SIZE];

	table_add(table, s->name);
	table_add(table, s->image);
	snprintf(buf, sizeof(buf), "%d", (int)s->pid);
	table_add(table, buf);
	table_add(table, age_text(time(NULL) - s->started, buf));
	table_add(table, memory < 0 ? "-" : size_text(memory, buf));
	table_add(table, s->command);
	if (cgroup >= 0)
		close(cgroup);
}

int ps_verb(int argc, char **argv)
{
	static const char *const head[] = { "NAME", "IMAGE", "PID", "AGE", "MEMORY", "COMMAND" };
	struct table t = { .columns = sizeof(head) / sizeof(*head) };

	for (int i = 0; i < t.columns; i++)
		table_add(&t, head[i]);
	state_each(add_row, &t);
	table_print(&t);
	return 0;
}
