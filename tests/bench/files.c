/* SPDX-License-Identifier: MIT */
/* Names, files and directories of a tmpfs: what each operation costs (bench.h). */
#include "bench.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define ENTRIES 1000 /* of the directory that is read */
#define DEEP_FILE "/tmp/one/two/file" /* four components */

/* The same kind of file system on both kernels, made once. */
static void prepare(void)
{
	static char page[PAGE];
	char name[64];
	int fd;

	mkdir("/tmp", 0777);
	check(!mount("tmpfs", "/tmp", "tmpfs", 0, NULL), "mount");
	check(!mkdir("/tmp/one", 0777) && !mkdir("/tmp/one/two", 0777), "mkdir");
	fd = open(DEEP_FILE, O_CREAT | O_RDWR, 0666);
	check(fd >= 0 && write(fd, page, PAGE) == PAGE, DEEP_FILE);
	close(fd);
	check(!mkdir("/tmp/many", 0777), "mkdir");
	for (int i = 0; i < ENTRIES; i++) {
		snprintf(name, sizeof(name), "/tmp/many/entry-%d", i);
		close(open(name, O_CREAT | O_RDWR, 0666));
	}
}

static uint64_t open_batch(unsigned int n)
{
	uint64_t begin = ticks();

	while (n--)
		close(open(DEEP_FILE, O_RDONLY));
	return ticks() - begin;
}

static uint64_t stat_batch(unsigned int n)
{
	struct stat st;
	uint64_t begin = ticks();

	while (n--)
		stat(DEEP_FILE, &st);
	return ticks() - begin;
}

/* One operation: the whole directory, opened once before. */
static uint64_t getdents_batch(unsigned int n)
{
	static char buf[32768];
	int fd = open("/tmp/many", O_RDONLY | O_DIRECTORY);
	uint64_t begin = ticks();

	while (n--) {
		lseek(fd, 0, SEEK_SET);
		while (syscall(SYS_getdents64, fd, buf, sizeof(buf)) > 0)
			;
	}
	begin = ticks() - begin;
	close(fd);
	return begin;
}

static uint64_t read_batch(unsigned int n)
{
	static char page[PAGE];
	int fd = open(DEEP_FILE, O_RDONLY);
	uint64_t begin = ticks();

	while (n--)
		check(pread(fd, page, PAGE, 0) == PAGE, "pread");
	begin = ticks() - begin;
	close(fd);
	return begin;
}

static uint64_t create_batch(unsigned int n)
{
	uint64_t begin = ticks();

	while (n--) {
		close(open("/tmp/one/two/new", O_CREAT | O_RDWR, 0666));
		unlink("/tmp/one/two/new");
	}
	return ticks() - begin;
}

static const struct bench benches[] = {
	{ "open", open_batch, 200 },       { "stat", stat_batch, 200 },
	{ "getdents", getdents_batch, 4 }, { "read", read_batch, 200 },
	{ "create", create_batch, 100 },
};

int main(int argc, char **argv)
{
	prepare();
	return bench_main(argc, argv, benches, sizeof(benches) / sizeof(benches[0]));
}
