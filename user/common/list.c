/* SPDX-License-Identifier: MIT */
/* What there is: the images (/images/NAME.erofs), and what runs from them with its cost. */
#include <time.h>

#include "life.h"

#define SUFFIX ".erofs"

/* Where to look, but for /images: for a tool that is tried on another system. */
static const char *image_dir(void)
{
	const char *dir = getenv("DYAD_IMAGES");

	return dir ? dir : IMAGE_DIR;
}

int image_open(const char *name, char *path, size_t size)
{
	struct stat st;
	int fd;

	if (!*name || strchr(name, '/') || *name == '.' ||
	    !join(path, size, image_dir(), "/", name, SUFFIX, NULL))
		die(STATUS_USAGE, "%s: not the name of an image (try `%s images`)", name,
		    the_tool->name);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* a FIFO would wait */
	if (fd < 0 || fstat(fd, &st) < 0)
		die(STATUS_USAGE,
		    errno == ENOENT ? "no image named %s (try `%s images`)" : "%s: %s", name,
		    errno == ENOENT ? the_tool->name : strerror(errno));
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		die(STATUS_USAGE, "%s: neither a file nor a disk", path);
	return fd;
}

static char *names[1024];

/* In its place among those before it. */
static void add_name(int dir, const char *name, void *arg)
{
	int *n = arg, i;
	size_t len = strlen(name);

	if (len <= strlen(SUFFIX) || strcmp(name + len - strlen(SUFFIX), SUFFIX) || *n == 1024)
		return;
	name = copy_text(name, len - strlen(SUFFIX));
	for (i = (*n)++; i && strcmp(names[i - 1], name) > 0; i--)
		names[i] = names[i - 1];
	names[i] = (char *)name;
}

int image_names(char ***list)
{
	int dir = open(image_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), n = 0;

	if (dir < 0)
		die(STATUS_FAILED, "%s: %s", image_dir(), strerror(errno));
	each_name(dir, add_name, &n);
	close(dir);
	*list = names;
	return n;
}

int images_verb(int argc, char **argv)
{
	struct table t = { 0 };
	char **names, path[512];
	int n = image_names(&names);

	table_begin(&t, "IMAGE SIZE");
	for (int i = 0; i < n; i++) {
		int fd = -1;
		off_t size;

		if (join(path, sizeof(path), image_dir(), "/", names[i], SUFFIX, NULL))
			fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END); /* a file, or a disk */
		close(fd);
		table_add(&t, "%s", names[i]);
		table_size(&t, size);
	}
	table_print(&t);
	return 0;
}

static struct {
	bool all, quiet;
} opt;

const struct opt ps_options[] = {
	{ "--all", 'a', OPT_FLAG, &opt.all, NULL, "those too that ended and were not removed" },
	{ "--quiet", 'q', OPT_FLAG, &opt.quiet, NULL, "names only" },
	{ .name = NULL },
};

static const char *phase_text(const struct state *s, int cgroup, char buf[TEXT_SIZE])
{
	static const char *const texts[] = { "starting", "created", "running", "stopped", "dead" };

	if (s->phase == STATE_RUNNING && cgroup_number(cgroup, "cgroup.freeze", "") == 1)
		return "paused";
	if (s->phase != STATE_EXITED || !s->ended)
		return texts[s->phase];
	format(buf, TEXT_SIZE, "exited %d", s->status);
	return buf;
}

static void add_row(const struct state *s, void *table)
{
	char buf[TEXT_SIZE];
	int cgroup;

	if (s->phase == STATE_EXITED && !opt.all)
		return;
	if (opt.quiet) {
		print("%s\n", s->name);
		return;
	}
	cgroup = cgroup_open(s->cgroup);
	table_add(table, "%s", s->name);
	table_add(table, "%s", s->image[0] ? s->image : "-");
	table_add(table, "%s", phase_text(s, cgroup, buf));
	table_number(table, s->phase == STATE_CREATED || s->phase == STATE_RUNNING ? s->pid : -1, 1,
		     "");
	table_add(table, "%s", s->started ? age_text(time(NULL) - s->started, buf) : "-");
	table_number(table, cgroup_number(cgroup, "pids.current", ""), 1, "");
	table_size(table, cgroup_number(cgroup, "memory.current", ""));
	table_add(table, "%s", s->address[0] ? s->address : "-");
	table_add(table, "%s", s->ports[0] ? s->ports : "-");
	table_add(table, "%s", s->command);
	close(cgroup);
}

int ps_verb(int argc, char **argv)
{
	struct table t = { 0 };

	if (!opt.quiet)
		table_begin(&t, "NAME IMAGE STATUS PID AGE TASKS MEMORY ADDRESS PORTS COMMAND");
	state_each(add_row, &t);
	table_print(&t);
	return 0;
}
