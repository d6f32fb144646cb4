/* SPDX-License-Identifier: MIT */
/* Looking into containers: top, flavours, and their part of inspect. All of it is read from files. */
#include <sched.h>
#include <sys/utsname.h>

#include "ctr.h"

/* ---- top ---- */

static void add_process(struct table *t, const char *pid)
{
	static const char *const keys[] = { "\nPPid:", "\nUid:", "\nVmRSS:" };
	char path[64], text[4096], cell[128], *p;
	ssize_t n;

	join(path, sizeof(path), "/proc/", pid, "/status", NULL);
	if (read_small(AT_FDCWD, path, text, sizeof(text)) < 0)
		return; /* it ended */
	table_add(t, "%s", pid);
	for (size_t i = 0; i < LENGTH(keys); i++) {
		p = strstr(text, keys[i]);
		p = p ? p + strlen(keys[i]) : "-";
		p += strspn(p, " \t");
		table_add(t, "%.*s", (int)strcspn(p, i == 2 ? "\n" : "\t\n"), p);
	}
	p = strstr(text, "Name:\t");
	format(cell, sizeof(cell), "[%.*s]", p ? (int)strcspn(p + 6, "\n") : 1, p ? p + 6 : "-");
	join(path, sizeof(path), "/proc/", pid, "/cmdline", NULL);
	n = read_small(AT_FDCWD, path, text, sizeof(cell));
	for (ssize_t i = 0; i < n - 1; i++)
		if ((unsigned char)text[i] < ' ')
			text[i] = ' ';
	table_add(t, "%s", n > 0 ? text : cell);
}

int top_verb(int argc, char **argv)
{
	struct table t = { 0 };
	char text[65536];
	struct state s;
	int cgroup;

	state_find(argv[0], &s);
	cgroup = cgroup_open(s.cgroup);
	if (cgroup < 0 || read_small(cgroup, "cgroup.procs", text, sizeof(text)) < 0)
		die(STATUS_FAILED, "%s: its processes are not known: no cgroup2 here: %s", s.name,
		    strerror(errno));
	table_begin(&t, "PID PPID UID RSS COMMAND");
	for (char *at = text, *pid; *(pid = next_word(&at));)
		add_process(&t, pid);
	table_print(&t);
	return 0;
}

/* ---- inspect ---- */

static void inspect_namespaces(const struct state *s)
{
	char its[64];

	print(",\n  \"namespaces\": {");
	for (size_t i = 0; i < NR_KINDS; i++)
		if (namespace_of(s->pid, ns_kinds[i], its)) {
			print(i ? ", " : "");
			json_text(ns_kinds[i], its);
		}
	print("}");
}

static void inspect_mount(const struct mount_line *m, void *first)
{
	print(*(bool *)first ? "\n    {" : ",\n    {");
	*(bool *)first = false;
	json_texts("destination", m->place, "type", m->type, "options", m->options, NULL);
	print("}");
}

void look_inside(const struct state *s)
{
	bool first = true;

	if (s->phase != STATE_RUNNING)
		return;
	inspect_namespaces(s);
	print(",\n  \"mounts\": [");
	each_mount(s->pid, inspect_mount, &first);
	print("]");
}

/* ---- flavours ---- */

/* The first of the files below the current directory, or "-". */
static const char *first_there(const char *const files[][2])
{
	struct stat st;

	for (; files[0][0]; files++)
		if (!lstat(files[0][0], &st))
			return files[0][1];
	return "-";
}

static char flavour[NAME_SIZE]; /* the image that is looked into */

static void add_running(const struct state *s, void *names)
{
	size_t n = strlen(names);

	if (s->phase == STATE_RUNNING && !strcmp(s->image, flavour))
		format((char *)names + n, 128 - n, "%s%s", n ? " " : "", s->name);
}

static void add_flavour(struct table *t, const char *image, const char *kernel)
{
	static const char *const libraries[][2] = {
		{ "lib/ld-musl-x86_64.so.1", "musl" },
		{ "lib64/ld-linux-x86-64.so.2", "glibc" },
		{ "lib/ld-linux-x86-64.so.2", "glibc" },
		{ "usr/lib/klibc", "klibc" },
		{ "lib/klibc", "klibc" },
		{ NULL, NULL },
	};
	char path[256], text[1024], shell[64] = "-", running[128] = "", *system, *end;
	ssize_t n;

	close(image_open(image, path, sizeof(path)));
	if (mount_image(path, "/run/ctr") < 0 || chdir("/run/ctr") < 0)
		die(STATUS_FAILED, "%s: %s", path, strerror(errno));
	table_add(t, "%s", image);
	table_add(t, "%s", kernel);
	n = read_small(AT_FDCWD, "etc/os-release", text, sizeof(text));
	system = n > 0 ? strstr(text, "PRETTY_NAME=\"") : NULL;
	end = system ? strchr(system += strlen("PRETTY_NAME=\""), '"') : NULL;
	if (end)
		*end = 0;
	table_add(t, "%s", end ? system : "-");
	table_add(t, "%s", first_there(libraries));
	n = readlink("bin/sh", shell, sizeof(shell) - 1);
	if (n > 0)
		shell[n] = 0;
	else if (!access("bin/sh", F_OK))
		join(shell, sizeof(shell), "sh", NULL);
	table_add(t, "%s", shell);
	if (chdir("/") < 0 || umount2("/run/ctr", MNT_DETACH) < 0)
		die(STATUS_FAILED, "%s: %s", path, strerror(errno));
	join(flavour, NAME_SIZE, image, NULL);
	state_each(add_running, running);
	table_add(t, "%s", running[0] ? running : "-");
}

/* Looks into the images themselves, in a mount namespace that goes with this process. */
int flavours_verb(int argc, char **argv)
{
	struct table t = { 0 };
	char kernel[160];
	struct utsname u;

	uname(&u);
	join(kernel, sizeof(kernel), u.sysname, " ", u.release, NULL);
	mkdir("/run", 0755);
	mkdir("/run/ctr", 0755);
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		die(STATUS_FAILED, "cannot look into the images: %s", strerror(errno));
	table_begin(&t, "IMAGE KERNEL SYSTEM LIBC SHELL RUNNING");
	if (!argc)
		argc = image_names(&argv);
	for (int i = 0; i < argc; i++)
		add_flavour(&t, argv[i], kernel);
	table_print(&t);
	return 0;
}
