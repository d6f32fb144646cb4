/* SPDX-License-Identifier: MIT */
/*
 * What a container's first process does between clone and the command (command.c), already in its new
 * namespaces: it builds a root from the image (EROFS below, a tmpfs for what is written above, an
 * overlay of both), makes that its root, mounts in it what programs expect, and lets go of the old
 * root. Nothing is copied: the cost is a fixed number of mounts.
 *
 * All paths but those of the image are looked up in the new root, so that no link in an image leads
 * outside; the old one lies above it, out of every path's reach, until all bind mounts are made.
 *
 * All of it may run in the parent's memory (vfork): nothing here may allocate or change the parent's
 * data. A failure is told on stderr and is the exit status.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "account.h"
#include "ctr.h"

/* The state's own folder: it exists, and in the container's mount namespace nobody needs it. */
#define WORKSHOP "/run/ctr"
#define BARE (MS_NOSUID | MS_NODEV | MS_NOEXEC)

const struct mount_point default_mounts[] = {
	/* Its own: a procfs shows the pid namespace that it is mounted from. */
	{ .type = "proc", .target = "/proc", .flags = BARE },
	{ .type = "tmpfs", .target = "/dev", .flags = MS_NOSUID | MS_NOEXEC, .data = "mode=0755" },
	{ .type = "devpts",
	  .target = "/dev/pts",
	  .flags = MS_NOSUID | MS_NOEXEC,
	  .data = "newinstance,ptmxmode=0666,mode=0620,gid=5",
	  .optional = true },
	{ .type = "sysfs", .target = "/sys", .flags = BARE | MS_RDONLY, .optional = true },
};
const int nr_default_mounts = sizeof(default_mounts) / sizeof(*default_mounts);

/* What speaks of the whole machine and not of the container, as the OCI runtimes' defaults have it. */
const char *const default_masked[] = { "/proc/kcore",         "/proc/keys",
				       "/proc/latency_stats", "/proc/timer_list",
				       "/proc/sched_debug",   "/proc/acpi",
				       "/proc/asound",        "/proc/scsi",
				       "/sys/firmware",       NULL };
const char *const default_unwritable[] = { "/proc/bus",           "/proc/fs",
					   "/proc/irq",           "/proc/sys",
					   "/proc/sysrq-trigger", NULL };

static int failed(const char *what)
{
	warn("cannot %s: %s", what, strerror(errno));
	return STATUS_FAILED;
}

/* The root, made and entered, but not yet that of the process. */
static int make_root(const struct container *c)
{
	/* From here on nothing that is mounted or unmounted shows outside. */
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return failed("make the mounts private");
	if (c->rootfs) {
		if (mount(c->rootfs, c->rootfs, NULL, MS_BIND | MS_REC, NULL) < 0 ||
		    chdir(c->rootfs) < 0)
			return failed("enter the root");
		return 0;
	}
	if (mount("tmpfs", WORKSHOP, "tmpfs", MS_NOSUID, "mode=0755") < 0 || chdir(WORKSHOP) < 0 ||
	    mkdir("image", 0755) < 0 || mkdir("upper", 0755) < 0 || mkdir("work", 0755) < 0)
		return failed("make a tmpfs for the container's files");
	if (mount_image(c->image, "image") < 0)
		return failed("mount the image");
	if (mount("overlay", "image", "overlay", 0, "lowerdir=image,upperdir=upper,workdir=work") <
	    0)
		return failed("mount the overlay");
	return chdir("image") < 0 ? failed("enter the root") : 0;
}

/* A place to mount on, as source is: a folder, or a file. With the folders above it. */
static void make_place(const char *path, int source)
{
	struct stat st = { .st_mode = S_IFDIR };

	if (source >= 0)
		fstat(source, &st);
	make_folders(path);
	if (!S_ISDIR(st.st_mode) && !rmdir(path))
		mknod(path, S_IFREG | 0644, 0);
}

static int mount_one(const struct mount_point *m, const char *source)
{
	unsigned long flags = m->flags & ~MS_REC;

	if (m->type)
		return mount(m->type, m->target, m->type, m->flags, m->data);
	if (mount(source, m->target, NULL, MS_BIND | (m->flags & MS_REC), NULL) < 0)
		return -1;
	return flags ? mount(NULL, m->target, NULL, MS_BIND | MS_REMOUNT | flags, NULL) : 0;
}

/* fd: what the sources of bind mounts are, from open_sources(). */
static int make_mounts(const struct container *c, const int *fd)
{
	char source[32];

	for (const struct mount_point *m = c->mounts; m < c->mounts + c->nr_mounts; m++, fd++) {
		format(source, sizeof(source), "/proc/self/fd/%d", *fd);
		if (!mount_one(m, source))
			continue;
		if (errno == ENOENT) {
			make_place(m->target, *fd);
			if (!mount_one(m, source))
				continue;
		}
		if (!m->optional || (errno != ENODEV && errno != EPERM)) {
			warn("cannot mount %s: %s", m->target, strerror(errno));
			return STATUS_FAILED;
		}
		rmdir(m->target); /* one that was made for it: programs look for the folder */
	}
	return 0;
}

/* Before the root changes, after which their names would mean something else; -1 for no bind mount. */
static int open_sources(const struct container *c, int *fd)
{
	for (const struct mount_point *m = c->mounts; m < c->mounts + c->nr_mounts; m++, fd++) {
		*fd = m->type ? -1 : open(m->source, O_PATH | O_CLOEXEC);
		if (!m->type && *fd < 0) {
			warn("cannot mount %s: %s: %s", m->target, m->source, strerror(errno));
			return STATUS_FAILED;
		}
	}
	return 0;
}

const struct device default_devices[NR_DEVICES] = {
	{ "/dev/null", 1, 3 },   { "/dev/zero", 1, 5 },    { "/dev/full", 1, 7 },
	{ "/dev/random", 1, 8 }, { "/dev/urandom", 1, 9 }, { "/dev/tty", 5, 0 },
};

static const char *const links[][2] = {
	{ "/proc/self/fd", "/dev/fd" },       { "/proc/self/fd/0", "/dev/stdin" },
	{ "/proc/self/fd/1", "/dev/stdout" }, { "/proc/self/fd/2", "/dev/stderr" },
	{ "pts/ptmx", "/dev/ptmx" },
};

static int make_devices(const struct container *c)
{
	for (const struct device *d = default_devices; d < default_devices + NR_DEVICES; d++)
		if (mknod(d->path, S_IFCHR | 0666, makedev(d->major, d->minor)) < 0 &&
		    errno != EEXIST)
			return failed("make the devices");
	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++)
		if (symlink(links[i][0], links[i][1]) < 0 && errno != EEXIST)
			return failed("make the links of /dev");
	if (mkdir("/dev/shm", 01777) < 0 && errno != EEXIST)
		return failed("make /dev/shm");
	return 0;
}

static int shield(const struct container *c)
{
	for (const char *const *p = c->masked; p && *p; p++)
		if (mount("/dev/null", *p, NULL, MS_BIND, NULL) < 0 && errno != ENOENT &&
		    (errno != ENOTDIR || mount("tmpfs", *p, "tmpfs", BARE | MS_RDONLY, NULL) < 0))
			return failed("mask what is the machine's");
	for (const char *const *p = c->unwritable; p && *p; p++)
		if (mount(*p, *p, NULL, MS_BIND | MS_REC, NULL) < 0
			    ? errno != ENOENT
			    : mount(NULL, *p, NULL, MS_REMOUNT | MS_BIND | BARE | MS_RDONLY, NULL) <
				      0)
			return failed("make the kernel's settings read-only");
	return 0;
}

/* The loopback interface of a new network namespace is down. */
static int raise_loopback(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;

	err = s < 0 ? -1 : ioctl(s, SIOCSIFFLAGS, &request);
	close(s);
	return err < 0 ? failed("bring up the loopback interface") : 0;
}

/* The old root, on top of the new one, goes: "." leads to what is on top of the current directory. */
static int leave_old_root(const struct container *c)
{
	if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return failed("leave the old root");
	if (c->read_only && mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) < 0)
		return failed("make the root read-only");
	return 0;
}

int container_setup(const struct container *c)
{
	int sources[MAX_MOUNTS], status;

	if (c->with_parent)
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	/* Not by clone, which would make the caller's group the root of what it sees. A kernel may lack it. */
	if (unshare(CLONE_NEWCGROUP) < 0 && errno != EINVAL)
		return failed("make a cgroup namespace");
	umask(0);
	status = open_sources(c, sources);
	if (!status)
		status = make_root(c);
	if (!status && syscall(SYS_pivot_root, ".", ".") < 0)
		status = failed("change the root");
	if (!status)
		status = make_mounts(c, sources);
	if (!status)
		status = make_devices(c);
	if (!status)
		status = shield(c);
	if (!status)
		status = leave_old_root(c);
	if (!status && c->namespaces & CLONE_NEWNET)
		status = raise_loopback();
	if (status)
		return status;
	umask(022);
	if (sethostname(c->hostname, strlen(c->hostname)) < 0)
		return failed("set the host name");
	return c->init ? container_init(c) : container_exec(c);
}
