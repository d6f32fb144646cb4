/* SPDX-License-Identifier: MIT */
/* `ctr exec`: one more process in the namespaces and the cgroup of a container. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctr.h"

static struct {
	const char *workdir, *user;
	struct opt_list env;
	bool stdin_, terminal, privileged;
} opt;

const struct opt exec_options[] = {
	{ "--env", 'e', OPT_LIST, &opt.env, "K=V",
	  "one more environment variable; may be repeated" },
	{ "--workdir", 'w', OPT_TEXT, &opt.workdir, "DIR",
	  "the folder that the command starts in" },
	{ "--user", 'u', OPT_TEXT, &opt.user, "USER[:GROUP]",
	  "whom the command runs as, by the container's /etc/passwd" },
	{ "--interactive", 'i', OPT_FLAG, &opt.stdin_, NULL, "stdin is passed on (it always is)" },
	{ "--tty", 't', OPT_FLAG, &opt.terminal, NULL, "the terminal's keys are for the command" },
	{ "--privileged", 0, OPT_FLAG, &opt.privileged, NULL, "with all capabilities" },
	{ .name = NULL },
};

/* mnt last: from there on, /proc and all names are the container's. */
static const char *const kinds[] = { "ipc", "uts", "cgroup", "pid", "mnt" };
#define KINDS (sizeof(kinds) / sizeof(*kinds))

static void enter(const struct state *s)
{
	int fd[KINDS];
	char path[64];

	for (size_t i = 0; i < KINDS; i++) {
		snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)s->pid, kinds[i]);
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

int exec_verb(int argc, char **argv)
{
	struct container c = { 0 };
	struct image_config config;
	char image[256];
	struct state s;
	bool killed;
	int cgroup;

	state_find(argv[0], &s);
	argv++;
	if (!strcmp(*argv, "--"))
		argv++;
	if (!*argv)
		die(STATUS_USAGE, "exec: COMMAND is missing");
	c.argv = argv;
	image_path(s.image, image, sizeof(image));
	image_config_read(image, &config);
	set_surroundings(&c, opt.workdir, opt.user, &opt.env, &config);
	if (!c.workdir)
		c.workdir = "/";
	c.terminal = opt.terminal ? ttyname(0) : NULL;
	c.capabilities = opt.privileged ? CAPABILITIES_ALL : default_capabilities;
	cgroup = cgroup_open(s.name);
	enter(&s);
	hold_signals(&c.mask);
	s.pid = spawn(0, cgroup, true, container_exec, &c);
	if (s.pid < 0)
		die(STATUS_FAILED, "cannot start a process in %s: %s", s.name, strerror(errno));
	return wait_for_end(s.pid, c.terminal, &killed);
}
