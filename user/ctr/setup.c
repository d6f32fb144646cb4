/* SPDX-License-Identifier: MIT */
/*
 * What a container's first process does between clone and the command (command.c), already in its new
 * namespaces: it enters a root, a bundle's folder or one built of an image (EROFS below, devices that all
 * share above it, a tmpfs for what is written, an overlay of them), mounts in it what programs expect,
 * makes it its root, and lets go of the old one. Nothing is copied: the cost is a fixed number of mounts.
 *
 * Until the root changes it is the current directory. Places in it are found by openat2(2), so that no
 * link leads outside, and named by the host's /proc/self/fd; the sources of bind mounts are the host's.
 *
 * All of it may run in the parent's memory (vfork): nothing here may allocate or change the parent's
 * data. A failure is told on stderr and is the exit status.
 */
#include <ctype.h>
#include <dirent.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <linux/openat2.h>

#include "oci.h"

#define BARE (MS_NOSUID | MS_NODEV | MS_NOEXEC)
/* What a user namespace may not take away from a mount; ST_* are the same bits. */
#define KEPT (BARE | MS_RDONLY | MS_NOATIME | MS_NODIRATIME)

const struct mount_point default_mounts[] = {
	/* Left out where the root brings it along: the first. */
	{ .type = "tmpfs", .target = "/dev", .flags = MS_NOSUID | MS_NOEXEC, .data = "mode=0755" },
	/* Its own: a procfs shows the pid namespace that it is mounted from. */
	{ .type = "proc", .target = "/proc", .flags = BARE },
	{ .type = "devpts",
	  .target = "/dev/pts",
	  .flags = MS_NOSUID | MS_NOEXEC,
	  .data = "newinstance,ptmxmode=0666,mode=0620,gid=5",
	  .optional = true },
	{ .type = "sysfs", .target = "/sys", .flags = BARE | MS_RDONLY, .optional = true },
	/* The last. Of its own cgroup namespace: the group it is in, and those below. */
	{ .type = "cgroup2",
	  .target = "/sys/fs/cgroup",
	  .flags = BARE | MS_RDONLY,
	  .optional = true },
};
const int nr_default_mounts = LENGTH(default_mounts);

/* What speaks of the whole machine and not of the container, as the OCI runtimes' defaults have it. */
const char *const default_masked[] = { "/proc/kcore",         "/proc/keys",
				       "/proc/latency_stats", "/proc/timer_list",
				       "/proc/sched_debug",   "/proc/acpi",
				       "/proc/asound",        "/proc/scsi",
				       "/sys/firmware",       NULL };
const char *const default_unwritable[] = { "/proc/bus",           "/proc/fs",
					   "/proc/irq",           "/proc/sys",
					   "/proc/sysrq-trigger", NULL };

/* ---- places in the root, which is the current directory ---- */

static int open_inside(const char *path)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT };

	return syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
}

/* The folder at path, or with file the file, made with all above it where it is not there; -1. */
static int make_inside(const char *path, bool file)
{
	char part[PATH_MAX];
	int fd = open_inside(path), at = AT_FDCWD;
	const char *name, *end;

	if (fd >= 0 || errno != ENOENT)
		return fd;
	for (name = path + strspn(path, "/"); *name; name = end + strspn(end, "/")) {
		end = name + strcspn(name, "/");
		format(part, sizeof(part), "%.*s", (int)(end - path), path);
		fd = open_inside(part);
		if (fd < 0 && errno == ENOENT) {
			const char *base = part + (name - path);

			if (file && !end[strspn(end, "/")])
				mknodat(at, base, S_IFREG | 0644, 0);
			else
				mkdirat(at, base, 0755);
			fd = open_inside(part);
		}
		if (at != AT_FDCWD)
			close(at);
		if (fd < 0)
			break;
		at = fd;
	}
	return fd;
}

/* The folder that path lies in, and the name that it has there. */
static int open_parent(const char *path, const char **base)
{
	char parent[PATH_MAX];

	*base = strrchr(path, '/') + 1;
	format(parent, sizeof(parent), "%.*s", (int)(*base - path), path);
	return make_inside(parent, false);
}

static void name_of(int fd, char name[32])
{
	format(name, 32, "/proc/self/fd/%d", fd);
}

/* ---- mounts ---- */

/* Gives what is mounted at path the flags too. */
static int remount(const char *path, unsigned long flags)
{
	struct statvfs st;

	if (statvfs(path, &st) < 0)
		return -1;
	return mount(NULL, path, NULL, MS_BIND | MS_REMOUNT | flags | (st.f_flag & KEPT), NULL);
}

static bool is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 || S_ISDIR(st.st_mode);
}

/* What mount(2) does not do at once, to what lies at the target now. */
static int finish_mount(const struct mount_point *m, unsigned long flags)
{
	int fd = open_inside(m->target), err = 0;
	char name[32];

	name_of(fd, name);
	if (flags)
		err = remount(name, flags);
	for (const unsigned long *p = m->propagation; !err && p && *p; p++)
		err = mount(NULL, name, NULL, *p, NULL);
	close(fd);
	return err < 0 ? failed("set the flags of", m->target) : 0;
}

/* Is the relative path there, without a link on the way and not above? Then it is safe where nobody else can
 * change it, in the root of an image; and found faster than by a descriptor. */
static bool is_plain(const char *path)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC,
				.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS };
	int fd = syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));

	close(fd);
	return fd >= 0;
}

/* With ready, its place is there, as the root's maker has made it. */
static int make_mount(const struct container *c, const struct mount_point *m, bool ready)
{
	const char *base, *place = m->target + strspn(m->target, "/");
	bool plain = ready || (c->image && *place && is_plain(place));
	int fd = plain ? -1 : make_inside(m->target, !m->type && !is_folder(m->source)), err, at;
	unsigned long later = m->type ? 0 : m->flags & ~MS_REC;
	char name[32];

	if (fd < 0 && !plain)
		return failed("make", m->target);
	if (!plain)
		name_of(fd, name);
	err = mount(m->source ?: m->type, plain ? place : name, m->type,
		    m->type ? m->flags : MS_BIND | (m->flags & MS_REC), m->data);
	if (!plain)
		close(fd);
	if (err < 0 && m->optional && (errno == ENODEV || errno == EPERM)) {
		/* Programs look for the folder: one that was made for it goes. */
		at = open_parent(m->target, &base);
		unlinkat(at, base, AT_REMOVEDIR);
		close(at);
		return 0;
	}
	if (err < 0)
		return failed("mount", m->target);
	return later || m->propagation ? finish_mount(m, later) : 0;
}

/* ---- devices ---- */

#define ANYBODYS (S_IFCHR | 0666)
static const struct device default_devices[] = {
	{ "/dev/null", ANYBODYS, 1, 3, 0, 0 },    { "/dev/zero", ANYBODYS, 1, 5, 0, 0 },
	{ "/dev/full", ANYBODYS, 1, 7, 0, 0 },    { "/dev/random", ANYBODYS, 1, 8, 0, 0 },
	{ "/dev/urandom", ANYBODYS, 1, 9, 0, 0 }, { "/dev/tty", ANYBODYS, 5, 0, 0, 0 },
};

static const char *const links[][2] = {
	{ "/proc/self/fd", "fd" },       { "/proc/self/fd/0", "stdin" },
	{ "/proc/self/fd/1", "stdout" }, { "/proc/self/fd/2", "stderr" },
	{ "/proc/kcore", "core" },       { "pts/ptmx", "ptmx" },
};

/* As base of the folder `at`. In a user namespace, which may make none, it is the host's. */
static int make_device(const struct container *c, int at, const char *base, const struct device *d)
{
	char name[32];
	int fd, err;

	if (!(c->namespaces & CLONE_NEWUSER) || S_ISFIFO(d->mode))
		return mknodat(at, base, d->mode, makedev(d->major, d->minor)) < 0 &&
				       errno != EEXIST
			       ? failed("make", d->path)
			       : 0;
	fd = make_inside(d->path, true);
	name_of(fd, name);
	err = mount(d->path, name, NULL, MS_BIND, NULL);
	close(fd);
	return err < 0 ? failed("bind", d->path) : 0;
}

static int make_devices(const struct container *c)
{
	int dev = make_inside("/dev", false), at, err = 0;
	const char *base;

	for (size_t i = 0; i < LENGTH(default_devices); i++)
		if (make_device(c, dev, default_devices[i].path + strlen("/dev/"),
				default_devices + i))
			return STATUS_FAILED;
	for (const struct device *d = c->devices; d < c->devices + c->nr_devices; d++) {
		at = open_parent(d->path, &base);
		if (make_device(c, at, base, d))
			return STATUS_FAILED;
		if (!(c->namespaces & CLONE_NEWUSER))
			err = fchownat(at, base, d->uid, d->gid, AT_SYMLINK_NOFOLLOW)
				      ?: syscall(SYS_fchmodat, at, base, d->mode & 07777);
		if (err < 0)
			return failed("give away", d->path);
		close(at);
	}
	for (size_t i = 0; i < LENGTH(links); i++)
		if (symlinkat(links[i][0], dev, links[i][1]) < 0 && errno != EEXIST)
			return failed("make the links of", "/dev");
	if (mkdirat(dev, "shm", 01777) < 0 && errno != EEXIST)
		return failed("make", "/dev/shm");
	close(dev);
	return 0;
}

/* ---- the root ---- */

/*
 * For all containers, by the first of them: folders to mount on, and `base`, the layer above each image: /dev
 * as every container has it, which hides the image's where the file system can say so. Who makes the same at the
 * same time, or was killed in the middle, does no harm: it gets its name when all is there.
 */
static int make_workshop(const struct container *c, const char *path)
{
	static const char *const folders[] = { "image",    "room",     "base",        "base/proc",
					       "base/sys", "base/dev", "base/dev/pts" };
	char made[PATH_MAX];

	join(made, sizeof(made), path, ".new", NULL);
	if (mkdir(made, 0755) < 0 && errno != EEXIST)
		return failed("make", made);
	if (chdir(made) < 0)
		return 0; /* another's is there */
	for (size_t i = 0; i < LENGTH(folders); i++)
		if (mkdir(folders[i], 0755) < 0 && errno != EEXIST)
			return failed("make", folders[i]);
	setxattr("base/dev", "trusted.overlay.opaque", "y", 1, 0);
	if (chdir("base") < 0 || make_devices(c))
		return failed("make", "/dev");
	rename(made, path);
	return 0;
}

void enter_workshop(const struct container *c, const char *path)
{
	mode_t mask;

	while (chdir(path) < 0) {
		if (errno != ENOENT)
			die(STATUS_FAILED, "%s: %s", path, strerror(errno));
		mask = umask(0);
		if (make_workshop(c, path))
			exit(STATUS_FAILED);
		umask(mask);
	}
}

#define WRITABLE "upperdir=room/upper,workdir=room/work"

/* The root, made and entered, but not yet that of the process; with_dev: /dev is there, and is complete. */
static int make_root(const struct container *c, bool *with_dev)
{
	unsigned long propagation =
		!c->propagation || c->propagation & MS_PRIVATE ? MS_PRIVATE : MS_SLAVE;

	/* From here on nothing that is mounted or unmounted shows outside. */
	if (mount(NULL, "/", NULL, MS_REC | propagation, NULL) < 0)
		return failed("make the mounts private", "");
	if (c->rootfs) {
		if (mount(c->rootfs, c->rootfs, NULL, MS_BIND | MS_REC, NULL) < 0 ||
		    chdir(c->rootfs) < 0)
			return failed("enter the root", c->rootfs);
		return 0;
	}
	if (mount_image(c->image, "image") < 0) {
		if (errno != EUCLEAN) /* musl has no text for it */
			return failed("mount the image", c->image);
		warn("the image %s is damaged", c->image);
		return STATUS_FAILED;
	}
	if (mount("tmpfs", "room", "tmpfs", MS_NOSUID, "mode=0755") < 0 ||
	    mkdir("room/upper", 0755) < 0 || mkdir("room/work", 0755) < 0)
		return failed("make a tmpfs for the container's files", "");
	/* One that cannot be written needs a /dev that can; where overlays lie too deep, there is none in it either. */
	*with_dev = !c->read_only &&
		    !mount("overlay", "image", "overlay", 0, "lowerdir=base:image," WRITABLE);
	if (!*with_dev && mount("overlay", "image", "overlay", 0, "lowerdir=image," WRITABLE) < 0)
		return failed("mount the overlay", "");
	return chdir("image") < 0 ? failed("enter the root", "") : 0;
}

/* ---- the kernel's settings, and its own ---- */

static int write_sysctls(const struct container *c)
{
	for (const struct setting *s = c->sysctls; s && s->file; s++)
		if (write_small(AT_FDCWD, s->file, s->value) < 0)
			return failed("write", s->file);
	return 0;
}

#define HASHES 1024

/* Of a name, which "/" may end. */
static unsigned int hash(const char *name)
{
	unsigned int h = 0;

	while (*name && *name != '/')
		h = 31 * h + *name++;
	return h % HASHES;
}

/* Which hashes the names in /proc have: all of them, when these may not be all names. */
static void list_proc(bool there[HASHES])
{
	int dir = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char buf[3072] __attribute__((aligned(8)));
	const struct dirent *e;
	ssize_t n = getdents(dir, (struct dirent *)buf, sizeof(buf));
	/* A procfs gives names for as long as there is room, those of processes last. */
	bool known = n >= 0 && n + sizeof(*e) <= sizeof(buf);

	close(dir);
	memset(there, !known, HASHES);
	for (ssize_t at = 0; known && at < n; at += e->d_reclen) {
		e = (const struct dirent *)(buf + at);
		there[hash(e->d_name)] = true;
	}
}

/*
 * Does /proc lack what the path names in it, as most kernels lack most? A mount that fails tells it as well, but slowly.
 * Only of a name that begins with a letter: numbers are not all listed, and "." and "/" are no names.
 */
static bool is_missing(const char *path, const bool there[HASHES])
{
	const char *name = path + strlen("/proc/");

	return !strncmp(path, "/proc/", strlen("/proc/")) && isalpha(*name) && !there[hash(name)];
}

static int mask(const char *path)
{
	if (!mount("/dev/null", path, NULL, MS_BIND, NULL) || errno == ENOENT)
		return 0;
	return errno == ENOTDIR ? mount("tmpfs", path, "tmpfs", BARE | MS_RDONLY, NULL) : -1;
}

static int make_unwritable(const struct container *c, const char *path)
{
	if (mount(path, path, NULL, MS_BIND | MS_REC, NULL) < 0)
		return errno == ENOENT ? 0 : -1;
	if (!c->image)
		return remount(path, MS_RDONLY);
	return mount(NULL, path, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | BARE, NULL);
}

static int shield(const struct container *c)
{
	bool there[HASHES];

	list_proc(there);
	for (const char *const *p = c->masked; p && *p; p++)
		if (!is_missing(*p, there) && mask(*p) < 0)
			return failed("mask", *p);
	for (const char *const *p = c->unwritable; p && *p; p++)
		if (!is_missing(*p, there) && make_unwritable(c, *p) < 0)
			return failed("make read-only:", *p);
	if (c->read_only && remount("/", MS_RDONLY) < 0)
		return failed("make the root read-only", "");
	if (c->propagation && mount(NULL, "/", NULL, c->propagation, NULL) < 0)
		return failed("set linux.rootfsPropagation", "");
	return 0;
}

/* The loopback interface of a new network namespace is down. */
static int raise_loopback(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;

	err = s < 0 ? -1 : ioctl(s, SIOCSIFFLAGS, &request);
	close(s);
	return err < 0 ? failed("bring up the loopback interface", "") : 0;
}

static int set_names(const struct container *c)
{
	if (c->hostname && sethostname(c->hostname, strlen(c->hostname)) < 0)
		return failed("set the host name", c->hostname);
	if (c->domainname && setdomainname(c->domainname, strlen(c->domainname)) < 0)
		return failed("set the domain name", c->domainname);
	return c->namespaces & CLONE_NEWNET ? raise_loopback() : 0;
}

/* "." leads to what is on top of the current directory: the old root, on top of the new one. */
static int change_root(void)
{
	if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return failed("change the root", "");
	return 0;
}

int container_setup(const struct container *c)
{
	bool with_dev = false;

	if (c->with_parent)
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	else
		setsid();
	if (c->bundle && bundle_enter(c))
		return STATUS_FAILED;
	/* Not by clone, which would make the caller's group the root of what it sees. A kernel may lack it. */
	if (c->namespaces & CLONE_NEWCGROUP && unshare(CLONE_NEWCGROUP) < 0 && errno != EINVAL)
		return failed("make a cgroup namespace", "");
	umask(0);
	if (c->bundle && bundle_step(c)) /* prestart, createRuntime */
		return STATUS_FAILED;
	if (make_root(c, &with_dev))
		return STATUS_FAILED;
	for (int i = with_dev; i < c->nr_mounts; i++)
		if (make_mount(c, c->mounts + i, with_dev && i < nr_default_mounts))
			return STATUS_FAILED;
	if ((!with_dev && make_devices(c)) || write_sysctls(c) ||
	    (c->bundle && run_hooks(c->bundle, "createContainer")) || change_root() || shield(c) ||
	    set_names(c))
		return STATUS_FAILED;
	return c->init ? container_init(c) : container_exec(c);
}
