/* SPDX-License-Identifier: MIT */
/* What tests of mounts share: mountinfo's lines, with no numbers that only one machine has. */
#pragma once
#include <poll.h>

#include "vfs.h"

/* Numbers of peer groups as 1, 2 ... in the order in which they come. */
static int groups[64], nr_groups;
static inline int small_number(int number)
{
	for (int i = 0; i < nr_groups; i++)
		if (groups[i] == number)
			return i + 1;
	groups[nr_groups] = number;
	return ++nr_groups;
}

static inline void without(char *options, const char *word)
{
	char *at = strstr(options, word);

	if (at)
		memmove(at, at + strlen(word), strlen(at + strlen(word)) + 1);
}

/* What mountinfo says of the mounts at and below the case's directory, sorted. */
static inline void show_mounts(void)
{
	static char lines[64][1024];
	char place[256], options[256], tags[256], type[32], source[128], super[256];
	FILE *f = fopen("/proc/self/mountinfo", "r");
	int n = 0;

	nr_groups = 0;
	while (f && n < 64 && fgets(lines[n], sizeof(lines[n]), f)) {
		char *at = strstr(lines[n],
				  abi_dir); /* from the place on: what sorts, and no numbers */

		if (at)
			memmove(lines[n++], at, strlen(at) + 1);
	}
	fclose(f);
	qsort(lines, n, sizeof(lines[0]), by_name);
	for (int i = 0; i < n; i++) {
		char *dash = strstr(lines[i], " - "), *tag, *save = NULL;
		char out[512] = "";
		int len = 0;

		if (!dash || sscanf(lines[i], "%255s %255s%n", place, options, &len) != 2)
			continue;
		snprintf(tags, sizeof(tags), "%.*s", (int)(dash - lines[i] - len), lines[i] + len);
		for (tag = strtok_r(tags, " ", &save); tag; tag = strtok_r(NULL, " ", &save)) {
			char *colon = strchr(tag, ':');

			snprintf(out + strlen(out), sizeof(out) - strlen(out), " %.*s:%d",
				 colon ? (int)(colon - tag) : (int)strlen(tag), tag,
				 colon ? small_number(atoi(colon + 1)) : 0);
		}
		sscanf(dash + 3, "%31s %127s %255s", type, source, super);
		without(super, ",inode64");
		without(super, ",uuid=on");
		if (strstr(super, ",uid=")) /* of a user namespace's root: a host's own number */
			*strstr(super, ",uid=") = '\0';
		say("%s %s%s - %s %s %s", place + strlen(abi_dir), options, out, type, source,
		    super);
	}
}
