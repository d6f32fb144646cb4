/* SPDX-License-Identifier: MIT */
/*
 * Looking at containers: stats, top, inspect, flavours. All of it is read from files: the state folder,
 * the cgroup's, /proc's. What a file does not say is shown as "-", in JSON as null.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "ctr.h"

static struct {
	bool once, json;
} opt;

const struct opt stats_options[] = {
	{ "--once", 0, OPT_FLAG, &opt.once, NULL, "one table, and not one each second" },
	{ "--json", 0, OPT_FLAG, &opt.json, NULL, "a line of JSON for each container, once" },
	{ .name = NULL },
};

/* ", KEY: NUMBER"; null when it is not known (negative). */
static void json_number(const char *key, int64_t v)
{
	print(v < 0 ? ", \"%s\": null" : ", \"%s\": %lld", key, (long long)v);
}

/* ---- stats ---- */

#define NR_KNOWN 1024

static struct { /* CPU time at the last look */
	char name[NAME_SIZE];
	int64_t usage;
} known[NR_KNOWN];
static struct timespec last;

struct figures {
	int64_t cpu, memory, limit, tasks; /* microseconds, bytes, bytes, count; -1: unknown */
};

static struct figures figures_of(const char *group)
{
	int cgroup = cgroup_open(group);
	struct figures f = { -1, -1, -1, -1 };

	if (cgroup < 0)
		return f;
	f.cpu = cgroup_number(cgroup, "cpu.stat", "usage_usec");
	f.memory = cgroup_number(cgroup, "memory.current", "");
	f.limit = cgroup_number(cgroup, "memory.max", "");
	f.tasks = cgroup_number(cgroup, "pids.current", "");
	close(cgroup);
	return f;
}

/* What it used since the last look, and remembers what it has used; -1 the first time. */
static int64_t used_since(const char *name, int64_t usage)
{
	for (int i = 0; i < NR_KNOWN; i++) {
		if (!strcmp(known[i].name, name)) {
			int64_t used = usage - known[i].usage;

			known[i].usage = usage;
			return used;
		}
		if (!known[i].name[0]) {
			join(known[i].name, NAME_SIZE, name, NULL);
			known[i].usage = usage;
			break;
		}
	}
	return -1;
}

/* v / scale with as many places as the scale has, and its unit; "-" when it is not known. */
static void add_cell(struct table *t, int64_t v, int scale, const char *unit)
{
	if (v < 0)
		table_add(t, "-");
	else if (scale == 1)
		table_add(t, "%lld%s", (long long)v, unit);
	else
		table_add(t, "%lld.%0*d%s", (long long)v / scale, scale / 10 == 1 ? 1 : 2,
			  (int)(v % scale), unit);
}

static int64_t elapsed; /* microseconds since the last look */

static void add_stats(const struct state *s, void *table)
{
	struct figures f = figures_of(s->cgroup);
	char text[TEXT_SIZE];
	int64_t used;

	if (s->phase != STATE_RUNNING)
		return;
	if (opt.json) {
		print("{");
		json_text("name", s->name);
		json_number("cpu_usec", f.cpu);
		json_number("memory_bytes", f.memory);
		json_number("memory_limit_bytes", f.limit);
		json_number("pids", f.tasks);
		print("}\n");
		return;
	}
	used = used_since(s->name, f.cpu);
	table_add(table, "%s", s->name);
	add_cell(table, f.cpu >= 0 && used >= 0 && elapsed > 0 ? 1000 * used / elapsed : -1, 10,
		 "%");
	add_cell(table, f.cpu < 0 ? -1 : f.cpu / 10000, 100, "s");
	table_add(table, "%s", f.memory < 0 ? "-" : size_text(f.memory, text));
	table_add(table, "%s", f.limit < 0 ? "-" : size_text(f.limit, text));
	add_cell(table, f.tasks, 1, "");
}

int stats_verb(int argc, char **argv)
{
	struct table t = { 0 };

	for (;;) {
		struct timespec now;

		clock_gettime(CLOCK_MONOTONIC, &now);
		elapsed = last.tv_sec ? (now.tv_sec - last.tv_sec) * 1000000 +
						(now.tv_nsec - last.tv_nsec) / 1000
				      : 0;
		last = now;
		if (!opt.json)
			table_begin(&t, "NAME CPU TIME MEMORY LIMIT TASKS");
		state_each(add_stats, &t);
		if (!opt.once && !opt.json)
			print("\033[H\033[J");
		table_print(&t);
		if (opt.once || opt.json)
			return 0;
		flush();
		poll(NULL, 0, 1000);
	}
}

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
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
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

static const char *const phases[] = { "starting", "created", "running", "exited", "dead" };

static void inspect_group(const struct state *s)
{
	static const char *const files[] = { "memory.max",   "memory.current", "pids.max",
					     "pids.current", "cpu.max",        "cgroup.freeze" };
	int cgroup = cgroup_open(s->cgroup);
	char text[64];

	print(",\n  \"cgroup\": {");
	json_text("name", s->name);
	for (size_t i = 0; cgroup >= 0 && i < sizeof(files) / sizeof(*files); i++)
		if (read_small(cgroup, files[i], text, sizeof(text)) >= 0) {
			print(", ");
			json_text(files[i], text);
		}
	print("}");
	close(cgroup);
}

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
	json_text("destination", m->place);
	print(", ");
	json_text("type", m->type);
	print(", ");
	json_text("options", m->options);
	print("}");
}

static void inspect(const char *name)
{
	bool first = true;
	struct state s;

	state_any(name, &s);
	print("{\n  ");
	json_text("name", s.name);
	print(", ");
	json_text("image", s.image);
	print(", ");
	json_text("command", s.command);
	print(",\n  \"state\": {");
	json_text("status", phases[s.phase]);
	json_number("pid", s.phase == STATE_RUNNING ? s.pid : -1);
	json_number("exit_code", s.phase == STATE_EXITED ? s.status : -1);
	json_number("started", s.started);
	json_number("ended", s.ended ? s.ended : -1);
	print("}");
	if (s.address[0]) {
		print(",\n  \"network\": {");
		json_text("address", s.address);
		print(", ");
		json_text("gateway", NET_GATEWAY);
		print(", ");
		json_text("ports", s.ports);
		print("}");
	}
	if (s.phase == STATE_RUNNING) {
		inspect_group(&s);
		inspect_namespaces(&s);
		print(",\n  \"mounts\": [");
		each_mount(s.pid, inspect_mount, &first);
		print("]");
	}
	print("\n}");
}

int inspect_verb(int argc, char **argv)
{
	struct state s;

	for (int i = 0; i < argc; i++)
		state_any(argv[i], &s);
	print("[");
	for (int i = 0; i < argc; i++) {
		print(i ? ", " : "");
		inspect(argv[i]);
	}
	print("]\n");
	return 0;
}

/* ---- events ---- */

/* By a FIFO of its own, which goes with the first event that it does not hear any more. */
int events_verb(int argc, char **argv)
{
	char path[STATE_PATH_SIZE], own[STATE_PATH_SIZE], text[4096];
	ssize_t n;
	int fd;

	mkdir("/run", 0755);
	state_path(NULL, NULL, path);
	mkdir(path, 0755);
	state_path(".events", NULL, path);
	format(own, sizeof(own), "%s/%d", path, (int)getpid());
	unlink(own);
	do /* the folder goes with its last FIFO */
		mkdir(path, 0755);
	while (mkfifo(own, 0600) < 0 && errno == ENOENT);
	fd = open(own, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		die(STATUS_FAILED, "%s: %s", own, strerror(errno));
	while ((n = read(fd, text, sizeof(text))) > 0)
		write_all(1, text, n);
	return 0;
}

/* ---- flavours ---- */

/* The first of the files below the current directory, or "-". */
static const char *first_there(const char *const files[][2])
{
	for (; files[0][0]; files++)
		if (!faccessat(AT_FDCWD, files[0][0], F_OK, AT_SYMLINK_NOFOLLOW))
			return files[0][1];
	return "-";
}

static void add_running(const struct state *s, void *names)
{
	size_t n = strlen(names);

	if (s->phase == STATE_RUNNING && !strcmp(s->image, known[0].name))
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

	image_path(image, path, sizeof(path));
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
	join(known[0].name, NAME_SIZE, image, NULL);
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
