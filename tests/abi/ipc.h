/* SPDX-License-Identifier: MIT */
/* An IPC namespace of one's own, where ids begin at 0 and nobody else makes or removes anything. */
#pragma once
#include <sched.h>
#include <sys/ipc.h>

#include "abi.h"

static inline void show_file(const char *path)
{
	char line[256];
	FILE *f = fopen(path, "r");

	if (!f)
		say("%s: %s", path, errno_name(errno));
	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		say("%s|", line);
	}
	if (f)
		fclose(f);
}

/* An ordinary user gets a user namespace as well, as its root. */
static inline void own_ns(int flags)
{
	char map[32];
	int uid = geteuid(), gid = getegid();

	if (unshare(flags | (uid ? CLONE_NEWUSER : 0)))
		say("unshare: %s", errno_name(errno));
	if (!uid)
		return;
	snprintf(map, sizeof(map), "0 %d 1", uid);
	put_text("/proc/self/uid_map", map);
	put_text("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "0 %d 1", gid);
	put_text("/proc/self/gid_map", map);
}
static inline void own_ipc(void)
{
	own_ns(CLONE_NEWIPC);
}

/* Runs code in a child and waits for it. */
#define CHILD(...)                                                                                 \
	do {                                                                                       \
		pid_t child_ = fork();                                                             \
		if (child_ == 0) {                                                                 \
			__VA_ARGS__;                                                               \
			_exit(0);                                                                  \
		}                                                                                  \
		reap(child_);                                                                      \
	} while (0)
static inline pid_t begin_child(void (*fn)(void))
{
	pid_t pid = fork();

	if (pid == 0) {
		fn();
		_exit(0);
	}
	return pid;
}
static inline void nap(int ms)
{
	usleep(ms * 1000);
}
