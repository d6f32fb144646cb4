/* SPDX-License-Identifier: MIT */
/*
 * Files that devices are made of. A disk that the guest may write to is its machine's alone (flock(2)), one
 * that it may only read is for any number. A snapshot does not hold a file, only what it must look like.
 */
#include <sys/file.h>

#include "vm.h"

struct known_file {
	const char *path;
	int fd;
	struct {
		uint64_t size;
		int64_t seconds, nanoseconds; /* of the last modification */
	} then;
};

static const char *saving(struct kept *k)
{
	struct known_file *f = k->device;
	struct stat st;

	if (fstat(f->fd, &st) < 0)
		return strerror(errno);
	f->then.size = st.st_size;
	f->then.seconds = st.st_mtim.tv_sec;
	f->then.nanoseconds = st.st_mtim.tv_nsec;
	return NULL;
}

static const char *restored(struct machine *m, struct kept *k)
{
	struct known_file *f = k->device, was = *f;
	static char why[512];

	if (saving(k) || memcmp(&was.then, &f->then, sizeof(was.then))) {
		format(why, sizeof(why), "%s was changed after the snapshot", f->path);
		return why;
	}
	return NULL;
}

void file_keep(const char *path, int fd)
{
	static unsigned int files;
	struct known_file *f = allocate(sizeof(*f));

	*f = (struct known_file){ .path = path, .fd = fd };
	snapshot_keep(.id = "file", .index = files++, .data = &f->then, .size = sizeof(f->then),
		      .saving = saving, .restored = restored, .device = f);
}

int disk_open(const char *path, bool read_only, uint64_t *size)
{
	/* O_NONBLOCK: what waits for somebody is no disk, see below */
	int fd = open(path, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0 && (errno == EACCES || errno == EROFS) && !read_only)
		die(STATUS_FAILED, "%s: %s (read-only: --disk %s,ro)", path, strerror(errno), path);
	if (fd < 0 || fstat(fd, &st) < 0)
		die(STATUS_FAILED, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		die(STATUS_FAILED, "%s: neither a file nor a disk", path);
	if (flock(fd, (read_only ? LOCK_SH : LOCK_EX) | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		die(STATUS_FAILED, "%s: another machine %s it", path,
		    read_only ? "may write to" : "has");
	*size = lseek(fd, 0, SEEK_END);
	file_keep(path, fd);
	return fd;
}
