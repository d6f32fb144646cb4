/* SPDX-License-Identifier: MIT */
/*
 * What runs: a file /run/PROG/NAME for each, which its own tool makes before the start (so that the
 * name is taken), fills in once the process is there, and removes at the end. Whoever reads one whose
 * process is gone (its tool was killed) removes it, and the group with it.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common.h"

#define PATH_SIZE 128

bool (*state_is_alive)(const struct state *s);

static void state_path(const char *name, char path[PATH_SIZE])
{
	join(path, PATH_SIZE, "/run/", prog_name, name ? "/" : "", name ? name : "", NULL);
}

bool name_is_valid(const char *name)
{
	size_t n = strlen(name);

	if (!n || n >= NAME_SIZE || *name == '.' || *name == '-')
		return false;
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && !strchr("._-", *name))
			return false;
	return true;
}

/* Takes the name: its new, empty file; -1 when it is taken. */
static int reserve(const char *name)
{
	char path[PATH_SIZE];
	int fd;

	state_path(name, path);
	fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
	if (fd < 0 && errno == ENOENT) {
		char dir[PATH_SIZE];

		state_path(NULL, dir);
		mkdir("/run", 0755);
		mkdir(dir, 0755);
		fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
	}
	if (fd < 0 && errno != EEXIST)
		die(STATUS_FAILED, "%s: %s", path, strerror(errno));
	return fd;
}

void state_begin(struct state *s, const char *name, const char *image)
{
	struct state old;

	memset(s, 0, sizeof(*s));
	if (name) {
		if (!name_is_valid(name))
			die(STATUS_USAGE,
			    "%s: not a name (letters, digits, '.', '_', '-'; at most %d)", name,
			    NAME_SIZE - 1);
		join(s->name, sizeof(s->name), name, NULL);
	} else {
		char number[16], *p = number + sizeof(number) - 1;

		*p = 0;
		for (unsigned int pid = getpid(); pid || !*p; pid /= 10)
			*--p = '0' + pid % 10;
		if (!join(s->name, sizeof(s->name), image, "-", p, NULL))
			join(s->name, sizeof(s->name), "c-", p, NULL);
	}
	join(s->image, sizeof(s->image), image, NULL);
	s->fd = reserve(s->name);
	if (s->fd >= 0)
		return;
	/* Somebody alive, or what a killed one left: state_load() clears that away. */
	if (!state_load(s->name, &old))
		s->fd = reserve(s->name);
	if (s->fd < 0)
		die(STATUS_USAGE, "the name %s is in use", s->name);
}

void state_save(const struct state *s)
{
	char text[512];
	int n;

	n = snprintf(text, sizeof(text),
		     "pid %d\nimage %s\nstarted %lld\ncgroup %s-%s\ncommand %s\n", (int)s->pid,
		     s->image, (long long)s->started, prog_name, s->name, s->command);
	if (write(s->fd, text, n) < 0)
		warn("/run/%s/%s: %s", prog_name, s->name, strerror(errno));
	close(s->fd);
}

void state_remove(const char *name)
{
	char path[PATH_SIZE];

	state_path(name, path);
	unlink(path);
}

static void value_of(const char *text, const char *key, char *buf, size_t size)
{
	size_t n = strlen(key);

	*buf = 0;
	while (text) {
		if (!strncmp(text, key, n) && text[n] == ' ') {
			size_t len = strcspn(text + n + 1, "\n");

			if (len >= size)
				len = size - 1;
			memcpy(buf, text + n + 1, len);
			buf[len] = 0;
			return;
		}
		text = strchr(text, '\n');
		text = text ? text + 1 : NULL;
	}
}

/* An empty file is one that is about to start: as if not there, but not ours to remove yet. */
static bool is_starting(const char *path, ssize_t len)
{
	struct stat st;

	return !len && !stat(path, &st) && time(NULL) - st.st_mtime < 10;
}

bool state_load(const char *name, struct state *s)
{
	char path[PATH_SIZE], text[512], number[32];
	ssize_t n;

	state_path(name, path);
	n = read_small(AT_FDCWD, path, text, sizeof(text));
	if (n < 0)
		return false;
	memset(s, 0, sizeof(*s));
	join(s->name, sizeof(s->name), name, NULL);
	value_of(text, "image", s->image, sizeof(s->image));
	value_of(text, "command", s->command, sizeof(s->command));
	value_of(text, "pid", number, sizeof(number));
	s->pid = atoi(number);
	value_of(text, "started", number, sizeof(number));
	s->started = atoll(number);
	if (is_starting(path, n))
		return true;
	if (s->pid > 0 && state_is_alive(s))
		return true;
	cgroup_remove(name);
	state_remove(name);
	return false;
}

void state_find(const char *name, struct state *s)
{
	if (!name_is_valid(name) || !state_load(name, s) || !s->pid)
		die(STATUS_USAGE, "nothing named %s runs (try `%s ps`)", name, prog_name);
}

void state_each(void (*fn)(const struct state *s, void *arg), void *arg)
{
	char path[PATH_SIZE];
	struct dirent *e;
	struct state s;
	DIR *dir;

	state_path(NULL, path);
	dir = opendir(path);
	if (!dir)
		return;
	while ((e = readdir(dir)))
		if (name_is_valid(e->d_name) && state_load(e->d_name, &s) && s.pid)
			fn(&s, arg);
	closedir(dir);
}
