/* SPDX-License-Identifier: MIT */
/* `ctr explain`: what a container is made of, beside the host's (common/explain.c). */
#include <time.h>

#include "ctr.h"

char *next_word(char **line)
{
	char *word = strsep(line, " \n");

	return word ? word : "";
}

/* /proc/PID/mountinfo, proc(5): ID PARENT DEV ROOT PLACE OPTIONS [TAG...] - TYPE SOURCE ... */
void each_mount(pid_t pid, void (*fn)(const struct mount_line *m, void *arg), void *arg)
{
	struct lines l = { 0 };
	char path[64], *line;

	format(path, sizeof(path), "/proc/%d/mountinfo", pid);
	l.fd = open(path, O_RDONLY | O_CLOEXEC);
	while ((line = next_line(&l))) {
		char *p = line, *dash = strstr(line, " - ");
		struct mount_line m;

		for (int i = 0; i < 4; i++)
			next_word(&p);
		m.place = next_word(&p);
		m.options = next_word(&p);
		p = dash ? dash + 3 : NULL;
		m.type = next_word(&p);
		fn(&m, arg);
	}
	close(l.fd);
}

static void add_mount(const struct mount_line *m, void *arg)
{
	tree_add(2, "%-25s %-22s %s", m->place, m->type, m->options);
}

int explain_verb(int argc, char **argv)
{
	char age[TEXT_SIZE];
	struct state s;

	state_find(argv[0], &s);
	tree_add(0, "%s: image %s, since %s; process %d of the host, 1 of its own; kept by %d",
		 s.name, s.image, age_text(time(NULL) - s.started, age), s.pid, s.keeper);
	tree_namespaces(&s);
	tree_network(&s);
	tree_add(1, "%-28s %-22s %s", "root and mounts", "type", "options");
	each_mount(s.pid, add_mount, NULL);
	tree_group(&s);
	tree_rights(&s, "rights of process 1");
	tree_print();
	return 0;
}
