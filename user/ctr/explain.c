/* SPDX-License-Identifier: MIT */
/*
 * `ctr explain`: what a container is made of, beside the host's, as a tree; in text, or drawn. The tree
 * is a list of lines, each one level deeper than the one it belongs to, or as deep as one above.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctr.h"

static bool svg;

const struct opt explain_options[] = {
	{ "--svg", 0, OPT_FLAG, &svg, NULL, "as a drawing: an SVG file on stdout" },
	{ .name = NULL },
};

/* ---- what there is to see: /proc ---- */

const char *const ns_kinds[NR_KINDS] = {
	"pid", "mnt", "uts", "ipc", "net", "cgroup", "user", "time"
};

bool namespace_of(pid_t pid, const char *kind, char text[64])
{
	char path[64];
	ssize_t n;

	if (pid)
		format(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, kind);
	else
		join(path, sizeof(path), "/proc/self/ns/", kind, NULL);
	n = readlink(path, text, 63);
	text[n < 0 ? 0 : n] = 0;
	return n > 0;
}

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

	format(path, sizeof(path), "/proc/%d/mountinfo", (int)pid);
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

/* ---- the tree ---- */

#define MAX_LINES 256
static struct {
	int level;
	char text[160];
} lines[MAX_LINES];
static int nr_lines;

static void add(int level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void add(int level, const char *fmt, ...)
{
	va_list ap;

	if (nr_lines == MAX_LINES)
		return;
	lines[nr_lines].level = level;
	va_start(ap, fmt);
	vformat(lines[nr_lines++].text, sizeof(lines[0].text), fmt, ap);
	va_end(ap);
}

/* Does another line of that level follow, in the same branch? */
static bool goes_on(int i, int level)
{
	for (i++; i < nr_lines && lines[i].level >= level; i++)
		if (lines[i].level == level)
			return true;
	return false;
}

static void print_text(void)
{
	for (int i = 0; i < nr_lines; i++) {
		for (int level = 1; level < lines[i].level; level++)
			print(goes_on(i, level) ? "|  " : "   ");
		print("%s%s\n", lines[i].level ? goes_on(i, lines[i].level) ? "|- " : "`- " : "",
		      lines[i].text);
	}
}

#define ROW 20 /* units of the drawing */
#define INDENT 24

static void draw(void)
{
	print("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"960\" height=\"%d\" "
	      "font-family=\"monospace\" font-size=\"13\">\n"
	      "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n",
	      (nr_lines + 2) * ROW);
	for (int i = 0; i < nr_lines; i++) {
		int x = ROW + lines[i].level * INDENT, y = (i + 1) * ROW, up = i;

		while (up > 0 && lines[--up].level >= lines[i].level)
			;
		if (lines[i].level)
			print("<path d=\"M%d %dV%dH%d\" fill=\"none\" stroke=\"gray\"/>\n",
			      x - INDENT + 6, (up + 1) * ROW + 8, y, x - 4);
		print("<text x=\"%d\" y=\"%d\" xml:space=\"preserve\"%s>", x, y + 4,
		      lines[i].level < 2 ? " font-weight=\"bold\"" : "");
		for (const char *p = lines[i].text; *p; p++)
			if (strchr("<>&", *p))
				print("&#%d;", *p);
			else if ((unsigned char)*p >= ' ')
				print("%c", *p);
		print("</text>\n");
	}
	print("</svg>\n");
}

/* ---- what a container is made of ---- */

static void add_namespaces(const struct state *s)
{
	char own[64], its[64];

	add(1, "%-28s %-22s %s", "namespaces", "the host's", "its own");
	for (size_t i = 0; i < NR_KINDS; i++)
		if (namespace_of(0, ns_kinds[i], own) && namespace_of(s->pid, ns_kinds[i], its))
			add(2, "%-25s %-22s %s", ns_kinds[i], own,
			    strcmp(own, its) ? its : "(shares the host's)");
}

static void add_mount(const struct mount_line *m, void *arg)
{
	add(2, "%-25s %-22s %s", m->place, m->type, m->options);
}

static void add_group(const struct state *s)
{
	static const char *const files[] = { "memory.current", "memory.max", "pids.current",
					     "pids.max",       "cpu.max",    "cpu.weight" };
	int its = cgroup_open(s->cgroup),
	    root = its < 0 ? -1 : openat(its, "..", O_PATH | O_CLOEXEC);
	char text[64], above[64];

	if (its < 0) {
		add(1, "cgroup: no cgroup2 here");
		return;
	}
	add(1, "%-28s %-22s %s", "cgroup and limits", "/", s->name);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		if (read_small(its, files[i], text, sizeof(text)) < 0)
			continue;
		if (read_small(root, files[i], above, sizeof(above)) < 0)
			join(above, sizeof(above), "(no limit)", NULL);
		add(2, "%-25s %-22s %s", files[i], above, text);
	}
	close(root);
	close(its);
}

static void add_rights(const struct state *s)
{
	static const char *const keys[] = { "\nUid:\t", "\nCapBnd:\t", "\nNoNewPrivs:\t",
					    "\nSeccomp:\t" };
	char path[64], own[4096], its[4096];

	format(path, sizeof(path), "/proc/%d/status", (int)s->pid);
	if (read_small(AT_FDCWD, "/proc/self/status", own, sizeof(own)) < 0 ||
	    read_small(AT_FDCWD, path, its, sizeof(its)) < 0)
		return;
	add(1, "%-28s %-22s %s", "rights of process 1", "this ctr's", "its own");
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		const char *a = strstr(own, keys[i]), *b = strstr(its, keys[i]);
		int n = strlen(keys[i]);

		if (a && b)
			add(2, "%-25.*s %-22.*s %.*s", n - 3, keys[i] + 1,
			    (int)strcspn(a + n, "\t\n"), a + n, (int)strcspn(b + n, "\t\n"), b + n);
	}
}

int explain_verb(int argc, char **argv)
{
	char age[TEXT_SIZE];
	struct state s;

	state_find(argv[0], &s);
	add(0, "%s: image %s, since %s; process %d of the host, 1 of its own; kept by %d", s.name,
	    s.image, age_text(time(NULL) - s.started, age), (int)s.pid, (int)s.keeper);
	add_namespaces(&s);
	if (s.address[0]) {
		add(1, "%-28s %-22s %s", "network of the bridge", NET_GATEWAY, s.address);
		add(2, "%-25s %s", "published", s.ports[0] ? s.ports : "-");
	}
	add(1, "%-28s %-22s %s", "root and mounts", "type", "options");
	each_mount(s.pid, add_mount, NULL);
	add_group(&s);
	add_rights(&s);
	if (svg)
		draw();
	else
		print_text();
	return 0;
}
