/* SPDX-License-Identifier: MIT */
/*
 * Users and groups of an image, by its own /etc/passwd and /etc/group: passwd(5), group(5). This runs
 * between clone and exec in memory that may be the parent's: nothing is allocated, no stdio is used.
 */
#include <sys/syscall.h>

#include "account.h"
#include "common.h"

#define FIELDS 7

/* Cuts the line at its colons: how many fields. */
static int split(char *line, char *field[FIELDS])
{
	int n = 0;

	while (line && n < FIELDS)
		field[n++] = strsep(&line, ":");
	return n;
}

static bool is_number(const char *text, unsigned int *v)
{
	char *end;
	uint64_t n = to_number(text, &end, 10);

	if (!*text || n >= -1U || *end)
		return false;
	*v = n;
	return true;
}

/* Is name one of the list's, which commas separate? */
static bool listed(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (; n && list; list = strchr(list, ',') ? strchr(list, ',') + 1 : NULL)
		if (!strncmp(list, name, n) && (list[n] == ',' || !list[n]))
			return true;
	return false;
}

/* Fills in the user that passwd has under the name or number. */
static bool find_user(const char *name, struct account *a)
{
	struct lines l = { .fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC) };
	bool numeric = is_number(name, &a->uid), found = false;
	unsigned int uid;
	char *line, *f[FIELDS];

	while (l.fd >= 0 && !found && (line = next_line(&l))) {
		if (split(line, f) < 6 || !is_number(f[2], &uid) || !is_number(f[3], &a->gid) ||
		    (numeric ? uid != a->uid : strcmp(f[0], name)))
			continue;
		a->uid = uid;
		join(a->name, sizeof(a->name), f[0], NULL);
		join(a->home, sizeof(a->home), f[5], NULL);
		found = true;
	}
	close(l.fd);
	if (!found)
		a->gid = 0;
	return found || numeric;
}

/* The group that is asked for, and without one those that the user is listed in. */
static bool find_groups(const char *name, struct account *a)
{
	struct lines l = { .fd = open("/etc/group", O_RDONLY | O_CLOEXEC) };
	bool found = !name || is_number(name, &a->gid);
	char *line, *f[FIELDS];
	unsigned int gid;

	while (l.fd >= 0 && (line = next_line(&l))) {
		if (split(line, f) < 4 || !is_number(f[2], &gid))
			continue;
		if (!name && a->nr_groups < GROUPS_MAX && listed(f[3], a->name))
			a->groups[a->nr_groups++] = gid;
		if (name && !found && !strcmp(f[0], name)) {
			a->gid = gid;
			found = true;
		}
	}
	close(l.fd);
	return found;
}

bool account_find(const char *spec, struct account *a)
{
	char name[sizeof(a->name)];
	size_t n = strcspn(spec, ":");

	memset(a, 0, sizeof(*a));
	if (format(name, sizeof(name), "%.*s", (int)n, spec) >= sizeof(name))
		return false;
	/* Without a user it is root, without a group those of the user, as docker has them. */
	return find_user(n ? name : "0", a) &&
	       find_groups(spec[n] && spec[n + 1] ? spec + n + 1 : NULL, a);
}

/* By the calls themselves: the C library's would look for threads in memory that is not this process's. */
int account_become(const struct account *a)
{
	/* A user alone in its namespace has no groups to set, and may not. */
	if (syscall(SYS_setgroups, a->nr_groups, a->groups) < 0 && (a->nr_groups || errno != EPERM))
		return -1;
	if (syscall(SYS_setresgid, a->gid, a->gid, a->gid) < 0)
		return -1;
	return syscall(SYS_setresuid, a->uid, a->uid, a->uid);
}

void make_folders(const char *path)
{
	char part[1024];

	for (size_t n = 1; path[0] && path[n - 1]; n++) {
		if (path[n] && path[n] != '/')
			continue;
		if (n >= sizeof(part))
			return;
		memcpy(part, path, n);
		part[n] = 0;
		mkdir(part, 0755);
	}
}
