/* SPDX-License-Identifier: MIT */
/* What the machine says of itself: all read from its files, as on Linux. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "compare.h"

#define CGROUP_ROOT "/sys/fs/cgroup"
#define MAX_CGROUPS 1024

long long file_bytes(const char *path)
{
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	struct stat st;
	long long size = -1;

	if (fd >= 0 && fstat(fd, &st) == 0 && (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode)))
		size = lseek(fd, 0, SEEK_END);
	close(fd);
	return size;
}

const char *image_path(const char *image)
{
	static const char *const folders[] = { "/images", "/lib/dyad/images",
					       "/var/lib/dyad/images" };
	static char path[512];
	const char *mine = getenv("DYAD_IMAGES");

	if (strchr(image, '/'))
		return file_bytes(image) >= 0 ? image : NULL;
	for (size_t i = 0; i <= sizeof(folders) / sizeof(*folders); i++) {
		const char *folder = i ? folders[i - 1] : mine;

		if (!folder)
			continue;
		snprintf(path, sizeof(path), "%s/%s.erofs", folder, image);
		if (file_bytes(path) >= 0)
			return path;
	}
	return NULL;
}

/* Finds the line that begins with `key`; text behind key, blanks and colons goes to value. */
static bool file_line(const char *path, const char *key, char *value, size_t size)
{
	FILE *f = fopen(path, "re");
	char line[512];
	bool found = false;

	if (!f)
		return false;
	while (!found && fgets(line, sizeof(line), f)) {
		size_t n = strlen(key);

		if (strncmp(line, key, n))
			continue;
		n += strspn(line + n, " \t:");
		line[strcspn(line, "\n")] = '\0';
		snprintf(value, size, "%s", line + n);
		found = true;
	}
	fclose(f);
	return found;
}

long long file_number(const char *path, const char *key)
{
	char value[64];

	return file_line(path, key, value, sizeof(value)) ? atoll(value) : -1;
}

/* The cgroup directories in which ctr and vm make theirs: the root and our own. */
static const char *cgroup_parent(int i)
{
	static char own[512];
	char line[400];

	if (i == 0)
		return CGROUP_ROOT;
	if (i > 1 || !file_line("/proc/self/cgroup", "0::", line, sizeof(line)) || !line[1])
		return NULL;
	snprintf(own, sizeof(own), CGROUP_ROOT "%s", line);
	return own;
}

static char *noted[MAX_CGROUPS];
static size_t nr_noted;

static bool is_noted(const char *path)
{
	for (size_t i = 0; i < nr_noted; i++)
		if (!strcmp(noted[i], path))
			return true;
	return false;
}

/* The first cgroup named PREFIX-... that is not noted; with note_all, notes every one instead. */
static const char *cgroup_scan(const char *prefix, bool note_all)
{
	static char path[1024];
	const char *parent;

	for (int i = 0; (parent = cgroup_parent(i)); i++) {
		DIR *dir = opendir(parent);
		struct dirent *e;

		while (dir && (e = readdir(dir))) {
			size_t n = strlen(prefix);

			if (strncmp(e->d_name, prefix, n) || e->d_name[n] != '-')
				continue;
			snprintf(path, sizeof(path), "%s/%s", parent, e->d_name);
			if (is_noted(path))
				continue;
			if (!note_all) {
				closedir(dir);
				return path;
			}
			if (nr_noted < MAX_CGROUPS)
				noted[nr_noted++] = strdup(path);
		}
		if (dir)
			closedir(dir);
	}
	return NULL;
}

void cgroups_note(void)
{
	while (nr_noted)
		free(noted[--nr_noted]);
	for (int mode = 0; mode < MODES; mode++)
		cgroup_scan(mode_tool[mode], true);
}

const char *cgroup_new(enum mode mode)
{
	return cgroup_scan(mode_tool[mode], false);
}

/* Settled: five readings, 20 ms apart, that agree; or what is read after two seconds. */
long long cgroup_memory(const char *cgroup)
{
	char path[1100];
	long long last = -1, value = -1;

	if (!cgroup)
		return -1;
	snprintf(path, sizeof(path), "%s/memory.current", cgroup);
	for (int same = 0, i = 0; same < 5 && i < 100; i++) {
		usleep(20000);
		value = file_number(path, "");
		same = value == last ? same + 1 : 0;
		last = value;
	}
	return value;
}

static bool word_of(const char *line, const char *key, char *value, size_t size)
{
	const char *at = strstr(line, key);

	if (!at)
		return false;
	at += strlen(key);
	snprintf(value, size, "%.*s", (int)strcspn(at, " "), at);
	return true;
}

void machine_ask(struct machine *m)
{
	char line[512] = "";
	struct utsname u;

	uname(&u);
	snprintf(m->kernel, sizeof(m->kernel), "%s %s", u.sysname, u.release);
	if (!file_line("/proc/cpuinfo", "model name", m->cpu, sizeof(m->cpu)))
		snprintf(m->cpu, sizeof(m->cpu), "unknown");
	file_line("/proc/cmdline", "", line, sizeof(line));
	if (!word_of(line, "engine=", m->engine, sizeof(m->engine)))
		snprintf(m->engine, sizeof(m->engine), "unknown");
	m->real_clock = strcmp(m->engine, "bochs") && !strstr(line, "icount");
}
