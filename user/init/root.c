/* SPDX-License-Identifier: MIT */
/*
 * The first user root: the image below (EROFS), the initramfs's own tmpfs as the writable layer above it
 * (overlay), what comes from outside moved in by rename; and the kernel's file systems on top.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h> /* rename */
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/openat2.h>

#include "init.h"

char *path_join(char *buf, const char *dir, const char *name)
{
	size_t a = strlen(dir), b = strlen(name);

	if (a + b + 2 > PATH_MAX) {
		say("path too long: ", name, "");
		end_with_status(1);
	}
	memcpy(buf, dir, a);
	buf[a] = '/';
	memcpy(buf + a + 1, name, b + 1);
	return buf;
}

void make_dir(const char *path, mode_t mode)
{
	if (mkdir(path, mode) && errno != EEXIST)
		complain("mkdir ", path);
	else
		chmod(path, mode);
}

/*
 * Where the folder `path` of the image really is: symbolic links followed as seen from inside the
 * image. Returns `path` itself when the image has no such folder.
 */
static const char *real_dir(const char *lower, const char *path, char *buf)
{
	struct open_how how = { .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
				.resolve = RESOLVE_IN_ROOT };
	size_t skip = strlen(lower);
	int root = open(lower, O_PATH | O_DIRECTORY | O_CLOEXEC), dir;

	dir = syscall(SYS_openat2, root, path[0] == '/' ? path + 1 : path, &how, sizeof(how));
	close(root);
	if (dir < 0)
		return path;
	if (fchdir(dir) || !getcwd(buf, PATH_MAX) || strncmp(buf, lower, skip))
		buf = NULL;
	close(dir);
	if (chdir("/") || !buf)
		return path;
	return buf + skip;
}

/* Copies a file or a symbolic link to another file system. */
static int copy(const char *source, const char *target, const struct stat *st)
{
	char link[PATH_MAX];
	ssize_t n;
	int in, out, err = -1;

	if (S_ISLNK(st->st_mode)) {
		n = readlink(source, link, sizeof(link) - 1);
		if (n < 0)
			return -1;
		link[n] = 0;
		return symlink(link, target);
	}
	in = open(source, O_RDONLY | O_CLOEXEC);
	out = open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (in >= 0 && out >= 0) {
		while ((n = sendfile(out, in, NULL, 1 << 20)) > 0)
			;
		err = n < 0 || fchmod(out, st->st_mode & 07777) ? -1 : 0;
	}
	close(in);
	close(out);
	return err;
}

/*
 * Moves what lies in `from` to `upper``path`, the writable layer over the image `lower`. A folder
 * that is a symbolic link in the image (/lib of a merged /usr) keeps being one: its content goes
 * to where the link leads.
 */
void graft(const char *from, const char *lower, const char *upper, const char *path)
{
	char *buf = malloc(5 * PATH_MAX);
	char *source = buf, *target = buf + PATH_MAX, *inside = buf + 2 * PATH_MAX;
	char *real = buf + 3 * PATH_MAX, *below = buf + 4 * PATH_MAX;
	DIR *dir = opendir(from);
	struct dirent *d;
	struct stat st;

	while (dir && buf && (d = readdir(dir))) {
		const char *to;

		if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, ".."))
			continue;
		path_join(source, from, d->d_name);
		path_join(inside, path, d->d_name);
		if (lstat(source, &st)) {
			complain("", source);
			continue;
		}
		if (!S_ISDIR(st.st_mode)) {
			path_join(target, upper, inside + 1);
			if (rename(source, target) &&
			    (errno != EXDEV || copy(source, target, &st) || unlink(source)))
				complain("cannot move ", source);
			continue;
		}
		to = *lower ? real_dir(lower, inside, real) : inside;
		if (*lower)
			stat(path_join(below, lower, to + 1), &st); /* the image's own mode stays */
		make_dir(path_join(target, upper, to + 1), st.st_mode & 07777);
		graft(source, lower, upper, to);
	}
	if (dir)
		closedir(dir);
	free(buf);
}

/* What the new root keeps of the initramfs: two folders as they are, the content of two more. */
static void keep_folders(void)
{
	static const char *const kept[] = { "/images", "/lib/dyad" };
	static const char *const fresh[] = { "/run", "/tmp" };
	char target[PATH_MAX];

	make_dir("/rw/root/lib", 0755);
	for (size_t i = 0; i < 2; i++) {
		mkdir(path_join(target, "/rw/root", kept[i] + 1), 0755);
		if (mount(kept[i], target, NULL, MS_BIND, NULL))
			complain("cannot keep ", kept[i]);
		mkdir(path_join(target, "/rw/root", fresh[i] + 1), 0755);
		if (mount("tmpfs", target, "tmpfs", MS_NOSUID | MS_NODEV,
			  i ? "mode=1777" : "mode=755"))
			complain("cannot mount ", fresh[i]);
		graft(fresh[i], "", target, "");
	}
}

/*
 * Images that came as disks, whose serial number says "image-NAME" (tools/run), get their names in
 * /images as if they were files there.
 */
void link_disks(void)
{
	char path[PATH_MAX], target[PATH_MAX], serial[64];
	struct dirent *d;
	DIR *dir;

	mkdir("/sys", 0755);
	if (mount("sysfs", "/sys", "sysfs", 0, NULL))
		return;
	dir = opendir("/sys/block");
	while (dir && (d = readdir(dir))) {
		int fd = open(strcat(path_join(path, "/sys/block", d->d_name), "/serial"),
			      O_RDONLY | O_CLOEXEC);
		ssize_t n = fd < 0 ? 0 : read(fd, serial, sizeof(serial) - 8);

		close(fd);
		if (n <= 6 || strncmp(serial, "image-", 6))
			continue;
		strcpy(serial + n, ".erofs");
		if (symlink(path_join(target, "/dev", d->d_name),
			    path_join(path, "/images", serial + 6)))
			complain("cannot make ", path);
	}
	if (dir)
		closedir(dir);
	umount2("/sys", MNT_DETACH);
}

/*
 * Makes the image the root: EROFS below, an overlay above, moved over the initramfs. The option dax asks
 * Linux to map an image that is memory (pmem) in place, as Dyad does without being asked.
 */
int enter_root(const char *image)
{
	make_dir("/rw", 0755);
	make_dir("/rw/lower", 0755);
	make_dir("/rw/upper", 0755);
	make_dir("/rw/work", 0755);
	make_dir("/rw/root", 0755);
	if (mount(image, "/rw/lower", "erofs", MS_RDONLY, "dax")) {
		complain("cannot mount the root image ", image);
		return -1;
	}
	umount2("/dev", MNT_DETACH); /* the image may have been a disk there */
	graft("/files", "/rw/lower", "/rw/upper", "");
	if (mount("overlay", "/rw/root", "overlay", 0,
		  "lowerdir=/rw/lower,upperdir=/rw/upper,workdir=/rw/work")) {
		complain("cannot mount the overlay over ", image);
		return -1;
	}
	keep_folders();
	if (chdir("/rw/root") || mount(".", "/", NULL, MS_MOVE, NULL) || chroot(".") ||
	    chdir("/")) {
		complain("cannot enter the root ", image);
		return -1;
	}
	return 0;
}

static const struct {
	const char *source, *target, *type;
	unsigned long flags;
	const char *data;
} mounts[] = {
	{ "proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL },
	{ "sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL },
	{ "devtmpfs", "/dev", "devtmpfs", MS_NOSUID, "mode=755" },
	{ "devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "mode=620,gid=5,ptmxmode=666" },
	{ "tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777" },
	{ "cgroup2", "/sys/fs/cgroup", "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL },
};

/* What shells and scripts expect of /dev beside the devices (Filesystem Hierarchy, <( ) of bash). */
static const struct {
	const char *name, *target;
} links[] = {
	{ "/dev/fd", "/proc/self/fd" },
	{ "/dev/stdin", "/proc/self/fd/0" },
	{ "/dev/stdout", "/proc/self/fd/1" },
	{ "/dev/stderr", "/proc/self/fd/2" },
};

/* Mounts the kernel's file systems. One that this kernel does not have (ENODEV) is left out. */
void mount_all(void)
{
	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		if (mkdir(mounts[i].target, 0755) && errno != EEXIST)
			continue; /* /dev/pts in a /dev without it: no devpts either */
		if (mount(mounts[i].source, mounts[i].target, mounts[i].type, mounts[i].flags,
			  mounts[i].data) &&
		    errno != ENODEV && errno != EBUSY)
			complain("cannot mount ", mounts[i].target);
	}
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		symlink(links[i].target, links[i].name);
}
