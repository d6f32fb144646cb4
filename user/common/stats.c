/* SPDX-License-Identifier: MIT */
/*
 * Looking at what runs: stats, inspect, events. All of it is read from files: the state folder and the
 * cgroup's. What a file does not say is shown as "-", in JSON as null.
 */
#include <sys/file.h>
#include <time.h>

#include "life.h"

void json_text(const char *key, const char *text)
{
	print("\"%s\": \"", key);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			print("\\");
		if ((unsigned char)*text < ' ')
			print("\\u%04x", *text);
		else
			print("%c", *text);
	}
	print("\"");
}

void json_texts(const char *key, ...)
{
	va_list ap;

	va_start(ap, key);
	while (key) {
		json_text(key, va_arg(ap, const char *));
		key = va_arg(ap, const char *);
		print(key ? ", " : "");
	}
	va_end(ap);
}

void json_number(const char *key, int64_t v)
{
	print(v < 0 ? ", \"%s\": null" : ", \"%s\": %ld", key, v);
}

void table_number(struct table *t, int64_t v, int scale, const char *unit)
{
	if (v < 0)
		table_add(t, "-");
	else if (scale == 1)
		table_add(t, "%ld%s", v, unit);
	else
		table_add(t, "%ld.%0*d%s", v / scale, scale / 10 == 1 ? 1 : 2, (int)(v % scale),
			  unit);
}

void table_size(struct table *t, int64_t bytes)
{
	char text[TEXT_SIZE];

	table_add(t, "%s", bytes < 0 ? "-" : size_text(bytes, text));
}

/* ---- stats ---- */

static struct {
	bool once, json;
} opt;

const struct opt stats_options[] = {
	{ "--once", 0, OPT_FLAG, &opt.once, NULL, "one table, and not one each second" },
	{ "--json", 0, OPT_FLAG, &opt.json, NULL, "a line of JSON for each, once" },
	{ .name = NULL },
};

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

static int64_t elapsed; /* microseconds since the last look */
static char **asked; /* the names on the command line; none: all */

static void add_stats(const struct state *s, void *table)
{
	struct figures f;
	int64_t used;
	char **name = asked;

	while (*name && strcmp(*name, s->name))
		name++;
	if (s->phase != STATE_RUNNING || (*asked && !*name))
		return;
	f = figures_of(s->cgroup);
	if (opt.json) {
		print("{");
		json_text("name", s->name);
		json_number("cpu_usec", f.cpu);
		json_number("memory_bytes", f.memory);
		json_number("memory_limit_bytes", f.limit);
		json_number("pids", f.tasks);
		if (the_tool->stats)
			the_tool->stats(s, NULL);
		print("}\n");
		return;
	}
	used = used_since(s->name, f.cpu);
	table_add(table, "%s", s->name);
	table_number(table, f.cpu >= 0 && used >= 0 && elapsed > 0 ? 1000 * used / elapsed : -1, 10,
		     "%");
	table_number(table, f.cpu < 0 ? -1 : f.cpu / 10000, 100, "s");
	table_size(table, f.memory);
	table_size(table, f.limit);
	table_number(table, f.tasks, 1, "");
	if (the_tool->stats)
		the_tool->stats(s, table);
}

int stats_verb(int argc, char **argv)
{
	struct table t = { 0 };
	struct state s;
	char head[128];

	for (int i = 0; i < argc; i++)
		state_find(argv[i], &s);
	asked = argv;
	join(head, sizeof(head), "NAME CPU TIME MEMORY LIMIT TASKS", the_tool->stats_head, NULL);
	for (;;) {
		struct timespec now;

		clock_gettime(CLOCK_MONOTONIC, &now);
		elapsed = last.tv_sec ? (now.tv_sec - last.tv_sec) * 1000000 +
						(now.tv_nsec - last.tv_nsec) / 1000
				      : 0;
		last = now;
		if (!opt.json)
			table_begin(&t, head);
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

/* ---- inspect ---- */

static const char *const phases[] = { "starting", "created", "running", "exited", "dead" };

static void inspect_group(const struct state *s)
{
	static const char *const files[] = { "memory.max",   "memory.current", "pids.max",
					     "pids.current", "cpu.max",        "cgroup.freeze" };
	int cgroup = cgroup_open(s->cgroup);
	char text[64];

	print(",\n  \"cgroup\": {");
	json_text("name", s->cgroup);
	for (size_t i = 0; cgroup >= 0 && i < LENGTH(files); i++)
		if (read_small(cgroup, files[i], text, sizeof(text)) >= 0) {
			print(", ");
			json_text(files[i], text);
		}
	print("}");
	close(cgroup);
}

static void inspect(const char *name)
{
	char gateway[ADDRESS_SIZE];
	struct state s;

	state_any(name, &s);
	print("{\n  ");
	json_texts("name", s.name, "image", s.image, "command", s.command, NULL);
	print(",\n  \"state\": {");
	json_text("status", phases[s.phase]);
	json_number("pid", s.phase == STATE_RUNNING ? s.pid : -1);
	json_number("exit_code", s.phase == STATE_EXITED ? s.status : -1);
	json_number("started", s.started);
	json_number("ended", s.ended ? s.ended : -1);
	print("}");
	if (s.phase == STATE_RUNNING)
		inspect_group(&s);
	if (s.address[0]) {
		print(",\n  \"network\": {");
		json_texts("address", s.address, "gateway", net_gateway(gateway), "ports", s.ports,
			   NULL);
		print("}");
	}
	if (the_tool->inspect)
		the_tool->inspect(&s);
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
	char path[STATE_PATH_SIZE], own[16], text[4096];
	ssize_t n;
	int dir, fd;

	mkdir("/run", 0755);
	state_path(NULL, NULL, path);
	mkdir(path, 0755);
	state_path(".events", NULL, path);
	format(own, sizeof(own), "%d", getpid());
	/* The folder goes with its last FIFO, a FIFO with the first event that finds it not open while none is made. */
	do {
		mkdir(path, 0755);
		fd = -1;
		dir = state_open(".events", NULL, O_RDONLY | O_DIRECTORY);
		if (dir < 0)
			continue;
		flock(dir, LOCK_EX);
		unlinkat(dir, own, 0);
		if (!mkfifoat(dir, own, 0600))
			fd = openat(dir, own, O_RDWR | O_CLOEXEC);
		close(dir);
	} while (fd < 0 && errno == ENOENT);
	if (fd < 0)
		die(STATUS_FAILED, "%s/%s: %s", path, own, strerror(errno));
	while ((n = read(fd, text, sizeof(text))) > 0)
		write_out(text, n);
	return 0;
}
