/* SPDX-License-Identifier: MIT */
/* What a command of an image starts as and in: its user and its folder. For ctr, and for init in a VM. */
#pragma once
#include <stdbool.h>

#define GROUPS_MAX 64
struct account {
	unsigned int uid, gid, groups[GROUPS_MAX];
	int nr_groups;
	char name[64], home[256]; /* "" when the number has no entry */
};
/* USER[:GROUP], names or numbers, by /etc/passwd and /etc/group. False when a name is not there. */
bool account_find(const char *spec, struct account *a);
/* Groups, gid, uid of this process; 0, -1 with errno. */
int account_become(const struct account *a);
/* Makes the folder at path and those above it, as far as they are missing. */
void make_folders(const char *path);
