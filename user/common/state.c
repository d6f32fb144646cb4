/* SPDX-License-Identifier: MIT */
/*
 * What runs: a folder /run/PROG/NAME for each. mkdir(2) takes the name; a lock on the folder
 * (flock(2)) is held for as long as its keeper lives, the process that waits for its end; the file
 * "status" in it is written, and later replaced, at once. So what is locked is alive, and what is not is over
 * however its keeper ended: kept for `rm` if it says so, else cleared away, with its group, by whoever
 * comes by.
 *
 * The lock belongs to the open folder, which a fork shares: it is handed from process to process
 * without a moment between. A folder that was removed before its lock was got is not the name's any
 * more, which is looked at after every locking.
 *
 * A container of a bundle may have no keeper, as the OCI runtime specification has it: the process that
 * made it ends before it does. Then the kernel is asked whether its first process is there, and the file
 * "gate", a FIFO, is there until it is started.
 */
#include <ctype.h>
#include <stdio.h>
#include <sys/file.h>
#include <time.h>

#include "life.h"

#define STATUS_SIZE 2048 /* bytes: of the file "status", at most */

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

void state_path(const char *name, const char *file, char path[STATE_PATH_SIZE])
{
	const char *run = getuid() ? getenv("XDG_RUNTIME_DIR") : NULL;

	if (!join(path, STATE_PATH_SIZE, run ? run : "/run", "/", the_tool->name, name ? "/" : "",
		  name ? name : "", file ? "/" : "", file ? file : "", NULL))
		die(STATUS_FAILED, "$XDG_RUNTIME_DIR: too long");
}

int state_open(const char *name, const char *file, int flags)
{
	char path[STATE_PATH_SIZE];

	state_path(name, file, path);
	/* a link in the place of a folder is somebody else's */
	return open(path, flags | (name && !file ? O_NOFOLLOW : 0) | O_CLOEXEC, 0644);
}

/* Is the open folder still there? Then it is the name's: none is renamed. */
static bool is_there(int dir)
{
	struct stat st;

	return !fstat(dir, &st) && st.st_nlink;
}

/*
 * Locks a folder just made. Before that somebody may have cleared it away, as a dead one's, and another have the name:
 * whose lock stays, with his status. Who looks, or clears, lets go at once.
 */
static bool lock_new(int dir)
{
	while (flock(dir, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK || !is_there(dir) || !faccessat(dir, "status", F_OK, 0))
			return false;
		usleep(1000);
	}
	return is_there(dir);
}

/* Takes the name: its new folder, locked; -1 when it is taken. */
static int reserve(const char *name)
{
	char path[STATE_PATH_SIZE], parent[STATE_PATH_SIZE];
	int dir;

	state_path(name, NULL, path);
	for (;;) {
		if (mkdir(path, 0755) < 0) {
			dir = errno == EEXIST ? state_open(name, NULL, O_RDONLY | O_DIRECTORY) : -1;
			if (dir >= 0) {
				close(dir);
				return -1;
			}
			state_path(NULL, NULL, parent);
			if (errno != ENOENT || (mkdir("/run", 0755) < 0 && errno != EEXIST) ||
			    (mkdir(parent, 0755) < 0 && errno != EEXIST))
				die(STATUS_FAILED, "%s: %s", path, strerror(errno));
			continue;
		}
		dir = state_open(name, NULL, O_RDONLY | O_DIRECTORY);
		if (dir >= 0 && lock_new(dir))
			return dir;
		if (dir < 0 && errno != ENOENT)
			die(STATUS_FAILED, "%s: %s", path, strerror(errno));
		close(dir); /* somebody cleared it away before it was locked */
	}
}

static void tell_listener(int dir, const char *name, void *line)
{
	const int how = O_WRONLY | O_NONBLOCK | O_CLOEXEC;
	int fd = openat(dir, name, how);

	/* It has gone, or is just coming, under the lock (events_verb()). */
	if (fd < 0 && errno == ENXIO && !flock(dir, LOCK_EX | LOCK_NB)) {
		fd = openat(dir, name, how);
		if (fd < 0 && errno == ENXIO)
			unlinkat(dir, name, 0);
		flock(dir, LOCK_UN);
	}
	write_all(fd, line, strlen(line));
	close(fd);
}

void state_event(const struct state *s, const char *what)
{
	char path[STATE_PATH_SIZE], line[2 * NAME_SIZE + 32];
	int how = O_RDONLY | O_DIRECTORY | O_CLOEXEC, dir;

	/* Nearly always there are none, which is seen faster from a folder that is open. */
	dir = s->dir > 0 ? openat(s->dir, "../.events", how) : state_open(".events", NULL, how);
	if (dir < 0)
		return;
	format(line, sizeof(line), "%ld %s %s\n", time(NULL), s->name, what);
	each_name(dir, tell_listener, line);
	close(dir);
	state_path(".events", NULL, path);
	rmdir(path); /* when the last has gone */
}

static void default_group(struct state *s)
{
	join(s->cgroup, sizeof(s->cgroup), the_tool->name, "-", s->name, NULL);
}

void state_begin(struct state *s, const char *name, const char *image)
{
	char number[16], again[16] = "";
	struct state old;

	memset(s, 0, sizeof(*s));
	join(s->image, sizeof(s->image), image, NULL);
	s->keeper = getpid();
	format(number, sizeof(number), "-%d", s->keeper);
	if (name && !name_is_valid(name))
		die(STATUS_USAGE, "%.*s: not a name (letters, digits, '.', '_', '-'; at most %d)",
		    NAME_SIZE, name, NAME_SIZE - 1);
	for (int i = 1;; i++) {
		if (!join(s->name, NAME_SIZE, name ? name : image, name ? "" : number, again, NULL))
			join(s->name, NAME_SIZE, "c", number, again, NULL);
		s->dir = reserve(s->name);
		if (s->dir >= 0)
			break;
		/* Somebody alive, or what a killed one left: loading clears that away. */
		if (!state_load(s->name, &old))
			continue;
		if (name && old.phase < STATE_EXITED)
			die(STATUS_USAGE, "the name %s is in use", name);
		if (name)
			die(STATUS_USAGE, "the name %s is in use by one that ended (`%s rm %s`)",
			    name, the_tool->name, name);
		format(again, sizeof(again), ".%d", i);
	}
	default_group(s);
	state_event(s, "create");
}

void state_save(const struct state *s)
{
	char text[STATUS_SIZE];
	bool first;
	int n, fd;

	n = format(text, sizeof(text),
		   "pid %d\nkeeper %d\nimage %s\nstarted %ld\ncgroup %s\ncommand %s\n", s->pid,
		   s->keeper, s->image, s->started, s->cgroup, s->command);
	if (s->ended || s->keep || s->bundle[0] ||
	    s->address[0]) /* else all that is not there is 0 or "" */
		n += format(text + n, sizeof(text) - n,
			    "ended %ld\nstatus %d\nkeep %d\nbundle %s\nborn %lu\naddress %s\nports "
			    "%s\n",
			    s->ended, s->status, s->keep, s->bundle, s->born, s->address, s->ports);
	fd = openat(s->dir, "status", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	first = fd >= 0;
	if (!first)
		fd = openat(s->dir, "status.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, text, n) != n ||
	    (!first && renameat(s->dir, "status.new", s->dir, "status")))
		warn("/run/%s/%s/status: %s", the_tool->name, s->name, strerror(errno));
	close(fd);
}

/* Of a text that begins with a newline. */
static void value_of(const char *text, const char *key, char *buf, size_t size)
{
	char head[16];
	const char *at;

	format(head, sizeof(head), "\n%s ", key);
	at = strstr(text, head);
	at = at ? at + strlen(head) : "";
	format(buf, size, "%.*s", (int)strcspn(at, "\n"), at);
}

static int64_t number_of(const char *text, const char *key)
{
	char number[32];

	value_of(text, key, number, sizeof(number));
	return atoll(number);
}

static void remove_file(int dir, const char *name, void *arg)
{
	unlinkat(dir, name, 0);
}

void state_remove(const struct state *s)
{
	char folder[sizeof("../") + NAME_SIZE];

	if (s->address[0])
		net_give_back(s);
	join(folder, sizeof(folder), "../", s->name, NULL);
	unlinkat(s->dir, "status", 0); /* often all that there is */
	if (unlinkat(s->dir, folder, AT_REMOVEDIR) < 0) {
		each_name(s->dir, remove_file, NULL);
		unlinkat(s->dir, folder, AT_REMOVEDIR);
	}
	state_event(s, "remove");
}

void state_clear(const struct state *s)
{
	cgroup_remove(s->cgroup);
	state_remove(s);
}

bool state_lock(struct state *s)
{
	s->dir = state_open(s->name, NULL, O_RDONLY | O_DIRECTORY);
	if (s->dir >= 0 && !flock(s->dir, LOCK_EX | LOCK_NB) && is_there(s->dir))
		return true;
	close(s->dir);
	return false;
}

uint64_t process_birth(pid_t pid)
{
	char path[32], text[1024], *p;

	format(path, sizeof(path), "/proc/%d/stat", pid);
	if (pid < 1 || read_small(AT_FDCWD, path, text, sizeof(text)) < 0)
		return 0;
	p = strrchr(text, ')');
	if (!p || p[2] == 'Z' || p[2] == 'X')
		return 0;
	/* the 22nd field, proc(5); the second ends with the bracket */
	for (int i = 0; i < 20 && p; i++)
		p = strchr(p + 1, ' ');
	return p ? to_number(p + 1, NULL, 10) : 0;
}

/*
 * Clears away a dead one that was read from this folder, with that text as its status. Meanwhile the name may be
 * another's, or the folder have got its owner, who may even have ended: flock(2) gives the shared lock up first.
 */
static void clear_dead(struct state *s, const char *text)
{
	char now[STATUS_SIZE] = "";

	if (flock(s->dir, LOCK_EX | LOCK_NB) < 0 || !is_there(s->dir))
		return;
	read_small(s->dir, "status", now, sizeof(now));
	if (!strcmp(now, text))
		state_clear(s);
}

bool state_load(const char *name, struct state *s)
{
	char text[1 + STATUS_SIZE] = "\n", own[NAME_SIZE];
	bool locked, started, unkept, alive, there;
	int dir;

	join(own, sizeof(own), name, NULL); /* it may be the one in *s */
	memset(s, 0, sizeof(*s));
	join(s->name, sizeof(s->name), own, NULL);
	dir = state_open(own, NULL, O_RDONLY | O_DIRECTORY);
	if (dir < 0)
		return false;
	/* First this: what is not locked now changes no more. */
	locked = flock(dir, LOCK_SH | LOCK_NB) < 0;
	read_small(dir, "status", text + 1, STATUS_SIZE);
	started = faccessat(dir, "gate", F_OK, 0) < 0;
	value_of(text, "image", s->image, sizeof(s->image));
	default_group(s); /* while nothing is saved yet */
	if (text[1])
		value_of(text, "cgroup", s->cgroup, sizeof(s->cgroup));
	value_of(text, "bundle", s->bundle, sizeof(s->bundle));
	value_of(text, "command", s->command, sizeof(s->command));
	value_of(text, "address", s->address, sizeof(s->address));
	value_of(text, "ports", s->ports, sizeof(s->ports));
	s->pid = number_of(text, "pid");
	s->keeper = number_of(text, "keeper");
	s->started = number_of(text, "started");
	s->ended = number_of(text, "ended");
	s->status = number_of(text, "status");
	s->keep = number_of(text, "keep");
	s->born = number_of(text, "born");
	unkept = s->bundle[0] && !s->keeper;
	alive = unkept ? s->born && process_birth(s->pid) == s->born : locked;
	s->phase = s->ended                           ? STATE_EXITED
		   : !alive                           ? unkept ? STATE_EXITED : STATE_DEAD
		   : !s->pid || (!started && !unkept) ? STATE_STARTING
		   : started                          ? STATE_RUNNING
						      : STATE_CREATED;
	there = s->keep || s->phase != STATE_DEAD;
	if (!there) {
		s->dir = dir;
		clear_dead(s, text + 1);
	}
	close(dir);
	return there;
}

void state_any(const char *name, struct state *s)
{
	if (!name_is_valid(name) || !state_load(name, s))
		die(STATUS_USAGE, "nothing named %.*s (try `%s ps -a`)", NAME_SIZE, name,
		    the_tool->name);
}

void state_find(const char *name, struct state *s)
{
	if (!name_is_valid(name) || !state_load(name, s) || s->phase != STATE_RUNNING)
		die(STATUS_USAGE, "nothing named %.*s runs (try `%s ps`)", NAME_SIZE, name,
		    the_tool->name);
}

struct each {
	void (*fn)(const struct state *s, void *arg);
	void *arg;
};

static void load_one(int dir, const char *name, void *arg)
{
	const struct each *each = arg;
	struct state s;

	if (name_is_valid(name) && state_load(name, &s))
		each->fn(&s, each->arg);
}

void state_each(void (*fn)(const struct state *s, void *arg), void *arg)
{
	int dir = state_open(NULL, NULL, O_RDONLY | O_DIRECTORY);

	each_name(dir, load_one, &(struct each){ fn, arg });
	close(dir);
}

void state_describe(struct state *s, char **argv)
{
	char *p = s->command, *end = p + sizeof(s->command) - 1;

	for (; argv && *argv && p < end; argv++) {
		if (p > s->command)
			*p++ = ' ';
		for (const char *a = *argv; *a && p < end; a++)
			*p++ = *a == '\n' ? ' ' : *a;
	}
	*p = 0;
}
