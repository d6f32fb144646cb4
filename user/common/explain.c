/* SPDX-License-Identifier: MIT */
/*
 * The verb `explain`: what runs, beside the host, as a tree; in text, or drawn. The tree is a list of lines,
 * each one level deeper than the one it belongs to, or as deep as one above. Here is the tree, and what
 * containers and the monitors of machines both have; ctr/explain.c and vm/explain.c have the rest.
 */
#include "life.h"

static bool svg;

const struct opt explain_options[] = {
	{ "--svg", 0, OPT_FLAG, &svg, NULL, "as a drawing: an SVG file on stdout" },
	{ .name = NULL },
};

/* ---- the tree ---- */

#define MAX_LINES 512
static struct {
	int level;
	char text[160];
} lines[MAX_LINES];
static int nr_lines;

void tree_add(int level, const char *fmt, ...)
{
	va_list ap;
	char *p;

	if (nr_lines == MAX_LINES)
		return;
	lines[nr_lines].level = level;
	va_start(ap, fmt);
	vformat(lines[nr_lines].text, sizeof(lines[0].text), fmt, ap);
	va_end(ap);
	for (p = lines[nr_lines++].text; *p; p++)
		if ((unsigned char)*p < ' ') /* of somebody's file name, for our terminal */
			*p = '?';
	while (p[-1] == ' ') /* of an empty last column */
		*--p = 0;
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
#define LETTER 8

static void draw(void)
{
	int width = 0;

	for (int i = 0; i < nr_lines; i++) {
		int end = lines[i].level * INDENT + strlen(lines[i].text) * LETTER;

		width = end > width ? end : width;
	}
	print("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
	      "font-family=\"monospace\" font-size=\"13\">\n"
	      "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n",
	      width + 2 * ROW, (nr_lines + 2) * ROW);
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
			else
				print("%c", *p);
		print("</text>\n");
	}
	print("</svg>\n");
}

void tree_print(void)
{
	if (svg)
		draw();
	else
		print_text();
}

/* ---- a process, its namespaces, rights and group ---- */

const char *const ns_kinds[NR_KINDS] = {
	"pid", "mnt", "uts", "ipc", "net", "cgroup", "user", "time"
};

bool namespace_of(pid_t pid, const char *kind, char text[64])
{
	char path[64];
	ssize_t n;

	if (pid)
		format(path, sizeof(path), "/proc/%d/ns/%s", pid, kind);
	else
		join(path, sizeof(path), "/proc/self/ns/", kind, NULL);
	n = readlink(path, text, 63);
	text[n < 0 ? 0 : n] = 0;
	return n > 0;
}

void tree_namespaces(const struct state *s)
{
	char own[64], its[64];

	tree_add(1, "%-28s %-22s %s", "namespaces", "the host's", "its own");
	for (size_t i = 0; i < NR_KINDS; i++)
		if (namespace_of(0, ns_kinds[i], own) && namespace_of(s->pid, ns_kinds[i], its))
			tree_add(2, "%-25s %-22s %s", ns_kinds[i], own,
				 strcmp(own, its) ? its : "(shares the host's)");
}

void tree_network(const struct state *s)
{
	char gateway[ADDRESS_SIZE];

	if (!s->address[0])
		return;
	tree_add(1, "%-28s %-22s %s", "network of the bridge", net_gateway(gateway), s->address);
	tree_add(2, "%-25s %s", "published", s->ports[0] ? s->ports : "-");
}

void tree_group(const struct state *s)
{
	static const char *const files[] = { "memory.current", "memory.max", "pids.current",
					     "pids.max",       "cpu.max",    "cpu.weight" };
	int its = cgroup_open(s->cgroup),
	    root = its < 0 ? -1 : openat(its, "..", O_PATH | O_CLOEXEC);
	char text[64], above[64];

	if (its < 0) {
		tree_add(1, "cgroup: no cgroup2 here");
		return;
	}
	tree_add(1, "%-28s %-22s %s", "cgroup and limits", "/", s->cgroup);
	for (size_t i = 0; i < LENGTH(files); i++) {
		if (read_small(its, files[i], text, sizeof(text)) < 0)
			continue;
		if (read_small(root, files[i], above, sizeof(above)) < 0)
			join(above, sizeof(above), strstr(files[i], "current") ? "" : "(no limit)",
			     NULL);
		tree_add(2, "%-25s %-22s %s", files[i], above, text);
	}
	close(root);
	close(its);
}

void tree_rights(const struct state *s, const char *whose)
{
	static const char *const keys[] = { "\nUid:\t", "\nCapBnd:\t", "\nNoNewPrivs:\t",
					    "\nSeccomp:\t" };
	char path[64], own[4096], its[4096];

	format(path, sizeof(path), "/proc/%d/status", s->pid);
	if (read_small(AT_FDCWD, "/proc/self/status", own, sizeof(own)) < 0 ||
	    read_small(AT_FDCWD, path, its, sizeof(its)) < 0)
		return;
	tree_add(1, "%-28s %-22s %s", whose, "this process's", "its own");
	for (size_t i = 0; i < LENGTH(keys); i++) {
		const char *a = strstr(own, keys[i]), *b = strstr(its, keys[i]);
		int n = strlen(keys[i]);

		if (a && b)
			tree_add(2, "%-25.*s %-22.*s %.*s", n - 3, keys[i] + 1,
				 (int)strcspn(a + n, "\t\n"), a + n, (int)strcspn(b + n, "\t\n"),
				 b + n);
	}
}
