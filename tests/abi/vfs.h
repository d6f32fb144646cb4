/* SPDX-License-Identifier: MIT */
/*
 * What tests of file systems share: a private mount namespace with a fresh tmpfs as the working
 * directory, so that the file system under /tmp does not matter; and small things that show files.
 */
#pragma once
#include <dirent.h>
#include <grp.h>
#include <linux/fs.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "abi.h"

static inline void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		say("%s: %s", path, errno_name(errno));
	close(fd);
}

/* A private mount namespace with a tmpfs on the working directory. */
static inline void begin_with(const char *options)
{
	char map[32];
	int uid = geteuid(), gid = getegid();

	if (uid) {
		if (unshare(CLONE_NEWUSER))
			say("unshare: %s", errno_name(errno));
		snprintf(map, sizeof(map), "0 %d 1", uid);
		write_text("/proc/self/uid_map", map);
		write_text("/proc/self/setgroups", "deny");
		snprintf(map, sizeof(map), "0 %d 1", gid);
		write_text("/proc/self/gid_map", map);
	}
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("base", abi_dir, "tmpfs", 0, options) || chdir(abi_dir))
		say("begin: %s", errno_name(errno));
}
static inline void begin(void)
{
	begin_with("mode=755");
}

/* From here on the case is somebody who may nothing that root may. */
static inline void become(int id)
{
	if (setgroups(0, NULL) || setresgid(id, id, id) || setresuid(id, id, id))
		say("become %d: %s", id, errno_name(errno));
}

/* The same in a child that runs fn. */
static inline void as_user(int id, void (*fn)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		become(id);
		fn();
		_exit(0);
	}
	status = reap(pid);
	if (status)
		say("user %d ended with %s", id, ended(status));
}

static inline void show_file(const char *path)
{
	char buf[256];
	int fd = open(path, O_RDONLY), n;

	if (fd < 0) {
		say("%s: %s", path, errno_name(errno));
		return;
	}
	n = read(fd, buf, sizeof(buf) - 1);
	buf[n < 0 ? 0 : n] = '\0';
	say("%s holds '%s'", path, buf);
	close(fd);
}

static inline int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static inline void list(const char *path)
{
	static char names[64][64];
	char line[8192] = "";
	struct dirent *de;
	int n = 0, len = 0;
	DIR *d = opendir(path);

	if (!d) {
		say("%s: %s", path, errno_name(errno));
		return;
	}
	while ((de = readdir(d)) && n < 64)
		if (strcmp(de->d_name, ".") && strcmp(de->d_name, ".."))
			snprintf(names[n++], 64, "%.63s", de->d_name);
	closedir(d);
	qsort(names, n, 64, by_name);
	for (int i = 0; i < n; i++)
		len += snprintf(line + len, sizeof(line) - len, " %s", names[i]);
	say("%s:%s", path, line);
}

/* Type, mode, links and size of a name, not followed; a directory's size is its file system's business. */
static inline void show(const char *path)
{
	struct stat st;

	if (lstat(path, &st))
		say("%s: %s", path, errno_name(errno));
	else
		say("%s is %o links %d size %d", path, st.st_mode, (int)st.st_nlink,
		    S_ISDIR(st.st_mode) ? 0 : (int)st.st_size);
}

/* Do two names lead to one file? */
static inline bool same_file(const char *a, const char *b)
{
	struct stat sa, sb;

	return !lstat(a, &sa) && !lstat(b, &sb) && sa.st_ino == sb.st_ino && sa.st_dev == sb.st_dev;
}
