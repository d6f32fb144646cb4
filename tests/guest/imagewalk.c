/* SPDX-License-Identifier: MIT */
/*
 * imagewalk [-v] IMAGE: mounts an EROFS image from its file and reads all there is in it: names,
 * attributes, links, data. -v prints names and attributes.
 *
 * imagewalk -n ROUNDS -s SEED IMAGE: the same with ROUNDS damaged copies of it. Errors are expected;
 * it says how many copies were mounted and in how many something could not be read. Fails when a copy
 * brought more than one line to the kernel's log.
 *
 * imagewalk -t IMAGE: mounts it twice, and again when it is longer: how many devices that are.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define DEPTH 8
#define ENTRIES 1000 /* of one image, folders that hold themselves included */
#define BYTES (1 << 17) /* of one file */
#define KLOG_READ_CLEAR 4
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

static bool verbose;
static unsigned int entries, errors;

static void attributes(const char *path)
{
	static char list[65536], value[65536];
	ssize_t n = llistxattr(path, list, sizeof(list)), m;

	errors += n < 0;
	for (char *p = list; p < list + n; p += strlen(p) + 1) {
		m = lgetxattr(path, p, value, sizeof(value));
		errors += m < 0;
		if (verbose && m >= 0)
			printf("%s %s=%.*s\n", path, p, (int)m, value);
	}
}

static void content(const char *path, const struct stat *st)
{
	static char buf[65536];
	int fd = open(path, O_RDONLY | O_NONBLOCK);
	off_t size = st->st_size < BYTES ? st->st_size : BYTES;
	ssize_t n = 1;

	for (off_t at = 0; fd >= 0 && at < size && n > 0; at += n)
		n = read(fd, buf, sizeof(buf));
	errors += fd < 0 || n < 0;
	if (size && fd >= 0) {
		char *map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);

		errors += map == MAP_FAILED;
		if (map != MAP_FAILED) { /* only tries: a touch could end us */
			madvise(map, size, MADV_POPULATE_READ);
			munmap(map, size);
		}
	}
	close(fd);
}

static void walk(const char *path, int depth)
{
	struct stat st;
	struct dirent *e;
	char below[4096];
	DIR *dir;

	if (entries++ > ENTRIES)
		return;
	if (lstat(path, &st)) {
		errors++;
		return;
	}
	attributes(path);
	if (S_ISLNK(st.st_mode))
		errors += readlink(path, below, sizeof(below)) < 0;
	if (S_ISREG(st.st_mode))
		content(path, &st);
	if (!S_ISDIR(st.st_mode) || depth == DEPTH)
		return;
	dir = opendir(path);
	errors += !dir;
	for (errno = 0; dir && entries < ENTRIES && (e = readdir(dir)); errno = 0)
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..") &&
		    snprintf(below, sizeof(below), "%s/%s", path, e->d_name) < (int)sizeof(below))
			walk(below, depth + 1);
	errors += errno != 0;
	if (dir)
		closedir(dir);
}

/* Mounts and reads it. -1 with errno when it cannot be mounted. */
static int visit(const char *image)
{
	char here[4096];

	if (mount(image, "m", "erofs", MS_RDONLY | MS_NODEV, NULL) || !getcwd(here, sizeof(here)))
		return -1;
	entries = errors = 0;
	if (chdir("m") == 0)
		walk(".", 0);
	if (chdir(here) || umount("m")) {
		perror("umount");
		exit(1);
	}
	return 0;
}

static uint64_t seed;

static uint64_t rnd(void) /* xorshift64 */
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	return seed ^= seed << 17;
}

/* Most damage goes where the structures are: the superblock, and the inodes behind it. */
static void damage(uint8_t *image, size_t n)
{
	static const uint8_t odd[] = { 0, 1, 0x7f, 0x80, 0xff };

	if (rnd() % 8)
		image[1024 + 8] &= ~1; /* no checksum: the damage is to be met */
	for (int i = rnd() % 24 + 1; i; i--) {
		size_t where = rnd() % 8 ? 1024 + rnd() % 8192 : rnd() % n;

		if (rnd() % 16 == 0)
			where = 1024 + rnd() % 64;
		if (where < n)
			image[where] = rnd() % 2 ? odd[rnd() % sizeof(odd)] : rnd();
	}
}

static int log_lines(void)
{
	static char text[65536];
	int n = klogctl(KLOG_READ_CLEAR, text, sizeof(text)), lines = 0;

	for (int i = 0; i < n; i++)
		lines += text[i] == '\n';
	return lines;
}

static int damaged(const char *path, int rounds)
{
	static uint8_t whole[8 << 20], copy[8 << 20];
	int fd = open(path, O_RDONLY), mounted = 0, bad = 0;
	ssize_t n = read(fd, whole, sizeof(whole));

	if (n < 8192) {
		perror(path);
		return 1;
	}
	close(fd);
	for (int i = 0; i < rounds; i++) {
		size_t size = rnd() % 8 ? n : rnd() % n;
		int lines;

		memcpy(copy, whole, n);
		damage(copy, n);
		fd = open("copy", O_CREAT | O_TRUNC | O_WRONLY, 0600);
		if (write(fd, copy, size) != (ssize_t)size) {
			perror("copy");
			return 1;
		}
		close(fd);
		log_lines();
		if (!visit("copy")) {
			mounted++;
			bad += errors != 0;
		}
		lines = log_lines();
		if (lines > 1) {
			printf("image %d brought %d lines to the log\n", i, lines);
			return 1;
		}
	}
	unlink("copy");
	printf("%d images, %d mounted, %d with errors\n", rounds, mounted, bad);
	return 0;
}

/* The device of a new mount of it. */
static dev_t device_at(const char *place, const char *image)
{
	struct stat st;

	if (mount(image, place, "erofs", MS_RDONLY, NULL) || stat(place, &st)) {
		perror(image);
		exit(1);
	}
	return st.st_dev;
}

static int twice(const char *image)
{
	dev_t first = device_at("m", image), second, longer;
	int fd = open(image, O_WRONLY | O_APPEND);

	mkdir("n", 0700);
	second = device_at("n", image);
	if (write(fd, "", 1) != 1)
		return -1;
	close(fd);
	longer = device_at("m", image);
	printf("%s, then %s\n", first == second ? "one" : "two",
	       first == longer ? "the same" : "another");
	while (!umount("m") || !umount("n"))
		;
	rmdir("n");
	printf("%s afterwards\n", device_at("m", image) == longer ? "the same" : "another");
	return umount("m");
}

int main(int argc, char **argv)
{
	int c, rounds = 0, status;
	bool two = false;

	while ((c = getopt(argc, argv, "tvn:s:")) != -1)
		if (c == 't')
			two = true;
		else if (c == 'v')
			verbose = true;
		else if (c == 'n')
			rounds = atoi(optarg);
		else if (c == 's')
			seed = strtoull(optarg, NULL, 0) * 0x9e3779b97f4a7c15ULL;
	if (optind + 1 != argc || mkdir("m", 0700)) {
		fprintf(stderr, "imagewalk [-v | -t] [-n ROUNDS -s SEED] IMAGE\n");
		return 2;
	}
	status = two      ? twice(argv[optind])
		 : rounds ? damaged(argv[optind], rounds)
			  : visit(argv[optind]);
	if (status < 0)
		perror(argv[optind]);
	rmdir("m");
	return status != 0;
}
