/* SPDX-License-Identifier: MIT */
/*
 * One cgroup for each container and each virtual machine, PROG-NAME below the root of the cgroup2 tree
 * unless it is told otherwise: both kinds are limited and measured by the same files.
 */
#include <sys/mount.h>
#include <sys/vfs.h>
#include <linux/magic.h>

#include "common.h"

#define PATH_SIZE 320

static bool is_cgroup2(const char *path)
{
	struct statfs st;

	return !statfs(path, &st) && st.f_type == CGROUP2_SUPER_MAGIC;
}

/*
 * The root of the tree, mounted first if nothing is there yet. A Linux that keeps version 1 groups
 * in /sys/fs/cgroup may have version 2 beside them. NULL with errno: none.
 */
static const char *cgroup_root(void)
{
	static const char *root;
	struct statfs st;

	if (root)
		return root;
	if (is_cgroup2("/sys/fs/cgroup"))
		return root = "/sys/fs/cgroup";
	if (is_cgroup2("/sys/fs/cgroup/unified"))
		return root = "/sys/fs/cgroup/unified";
	if (statfs("/sys/fs/cgroup", &st) < 0 || st.f_type == TMPFS_MAGIC) {
		errno = ENOENT;
		return NULL;
	}
	if (mount("cgroup2", "/sys/fs/cgroup", "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) <
	    0)
		return NULL;
	return root = "/sys/fs/cgroup";
}

static bool group_path(const char *group, char path[PATH_SIZE])
{
	const char *root = cgroup_root();

	return root && join(path, PATH_SIZE, root, "/", group, NULL);
}

/* Every group above path gets the controllers that the one above it has. */
static void enable_controllers(char *path)
{
	static const char *const controllers[] = { "+memory", "+pids", "+cpu", "+cpuset", "+io" };

	for (char *p = path + strlen(cgroup_root()); p; p = strchr(p + 1, '/')) {
		int fd;

		*p = 0;
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		for (size_t i = 0; fd >= 0 && i < LENGTH(controllers); i++)
			write_small(fd, "cgroup.subtree_control", controllers[i]);
		close(fd);
		*p = '/';
	}
}

int cgroup_create(const char *group, bool all)
{
	char path[PATH_SIZE], *p;
	int fd;

	if (!group_path(group, path))
		return -1;
	for (p = path + strlen(cgroup_root()); (p = strchr(p + 1, '/')); *p = '/') {
		*p = 0;
		mkdir(path, 0755);
	}
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return -1;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && (all || faccessat(fd, "memory.max", F_OK, 0) < 0))
		enable_controllers(path);
	return fd;
}

int cgroup_open(const char *group)
{
	char path[PATH_SIZE];

	return group_path(group, path) ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
}

static void remove_below(int dir, const char *name, void *arg)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return; /* a file */
	each_name(fd, remove_below, NULL);
	close(fd);
	unlinkat(dir, name, AT_REMOVEDIR);
}

/* Ends what is still in the group, waits for it, a second at most, and removes the groups that it has made. */
static void empty_group(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	write_small(fd, "cgroup.kill", "1");
	for (int i = 0; i < 100 && cgroup_number(fd, "cgroup.events", "populated") > 0; i++)
		poll(NULL, 0, 10);
	each_name(fd, remove_below, NULL);
	close(fd);
}

void cgroup_remove(const char *group)
{
	char path[PATH_SIZE];

	if (!*group || !group_path(group, path) || !rmdir(path) || errno != EBUSY)
		return;
	empty_group(path);
	if (rmdir(path) < 0)
		warn("%s: %s", path, strerror(errno));
}

int64_t cgroup_number(int cgroup, const char *file, const char *key)
{
	char text[2048], *p = text, *end;
	size_t n = strlen(key);
	int64_t v;

	if (read_small(cgroup, file, text, sizeof(text)) < 0)
		return -1;
	while (n && (strncmp(p, key, n) || p[n] != ' ')) {
		p = strchr(p, '\n');
		if (!p++)
			return -1;
	}
	p = n ? p + n + 1 : p;
	v = to_number(p, &end, 10);
	return end == p ? -1 : v;
}
