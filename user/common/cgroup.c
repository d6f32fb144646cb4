/* SPDX-License-Identifier: MIT */
/*
 * One cgroup for each container and each virtual machine, named PROG-NAME, directly below the root
 * of the cgroup2 tree: both kinds are limited and measured by the same files.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <linux/magic.h>

#include "common.h"

#define PATH_SIZE 160

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

static bool group_path(const char *name, char path[PATH_SIZE])
{
	const char *root = cgroup_root();

	return root && join(path, PATH_SIZE, root, "/", prog_name, "-", name, NULL);
}

/* Gives the groups below the root their controllers, those that there are. */
static void enable_controllers(void)
{
	int root = open(cgroup_root(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (root < 0)
		return;
	write_small(root, "cgroup.subtree_control", "+memory");
	write_small(root, "cgroup.subtree_control", "+pids");
	write_small(root, "cgroup.subtree_control", "+cpu");
	close(root);
}

int cgroup_create(const char *name)
{
	char path[PATH_SIZE];
	int fd;

	if (!group_path(name, path) || (mkdir(path, 0755) < 0 && errno != EEXIST))
		return -1;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && faccessat(fd, "memory.max", F_OK, 0) < 0)
		enable_controllers();
	return fd;
}

int cgroup_open(const char *name)
{
	char path[PATH_SIZE];

	return group_path(name, path) ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
}

/* Ends what is still in the group, and waits for it, a second at most. */
static void empty_group(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	write_small(fd, "cgroup.kill", "1");
	for (int i = 0; i < 100 && cgroup_number(fd, "cgroup.events", "populated") > 0; i++)
		poll(NULL, 0, 10);
	close(fd);
}

void cgroup_remove(const char *name)
{
	char path[PATH_SIZE];

	if (!group_path(name, path) || !rmdir(path) || errno != EBUSY)
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
