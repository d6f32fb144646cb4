/* SPDX-License-Identifier: MIT */
/*
 * Attributes of files: reading them (stat(2), statx(2), access(2), readlink(2), statfs(2)) and
 * changing them (chmod(2), chown(2), utimensat(2), truncate(2)).
 */
#include "syscall/syscall.h"

#include <linux/securebits.h>
#include <linux/time.h>
#include <linux/utime.h>

/* ---- stat ---- */

static long put_stat(const struct path *p, struct stat __user *ust)
{
	struct stat st;
	long err = vfs_stat(p, &st);

	if (err)
		return err;
	st.st_uid = uid_shown(st.st_uid);
	st.st_gid = gid_shown(st.st_gid);
	return copy_to_user(ust, &st, sizeof(st));
}

/* Descriptors need no walk: "" with AT_EMPTY_PATH is how the C library says fstat(2) today. */
SYSCALL4(newfstatat, int, dirfd, const char __user *, uname, struct stat __user *, ust, int, flags)
{
	struct path p;
	long err;
	char c;

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH))
		return -EINVAL;
	if (flags & AT_EMPTY_PATH && dirfd >= 0 && !get_user(c, uname) && !c)
		err = place_of_fd(dirfd, true, &p);
	else
		err = place_of_name(dirfd, uname, flags, &p);
	if (err)
		return err;
	err = put_stat(&p, ust);
	path_put(&p);
	return err;
}

SYSCALL_ALIAS(stat, newfstatat, AT_FDCWD, _1, _2, 0)
SYSCALL_ALIAS(lstat, newfstatat, AT_FDCWD, _1, _2, AT_SYMLINK_NOFOLLOW)

SYSCALL2(fstat, int, fd, struct stat __user *, ust)
{
	struct path p;
	long err = place_of_fd(fd, true, &p);

	if (err)
		return err;
	err = put_stat(&p, ust);
	path_put(&p);
	return err;
}

SYSCALL5(statx, int, dirfd, const char __user *, uname, unsigned int, flags, unsigned int, mask,
	 struct statx __user *, ustx)
{
	struct path p;
	struct statx stx = { 0 };
	long err;

	if (mask & STATX__RESERVED || (flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE ||
	    flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE))
		return -EINVAL;
	err = place_of_name(dirfd, uname, flags, &p);
	if (err)
		return err;
	err = vfs_statx(&p, &stx);
	stx.stx_uid = uid_shown(stx.stx_uid);
	stx.stx_gid = gid_shown(stx.stx_gid);
	path_put(&p);
	return err ?: copy_to_user(ustx, &stx, sizeof(stx));
}

/* err, or statfs(2) of the place p, whose reference goes. */
static long statfs_of(long err, struct path *p, struct statfs __user *ust)
{
	struct statfs st = { 0 };

	if (err)
		return err;
	err = vfs_statfs(p, &st);
	path_put(p);
	return err ?: copy_to_user(ust, &st, sizeof(st));
}

SYSCALL2(statfs, const char __user *, uname, struct statfs __user *, ust)
{
	struct path p;

	return statfs_of(place_of_name(AT_FDCWD, uname, 0, &p), &p, ust);
}

SYSCALL2(fstatfs, int, fd, struct statfs __user *, ust)
{
	struct path p;

	return statfs_of(place_of_fd(fd, true, &p), &p, ust);
}

SYSCALL4(readlinkat, int, dirfd, const char __user *, uname, char __user *, ubuf, int, size)
{
	struct path p;
	char *buf, c;
	ssize_t n;

	if (size <= 0)
		return -EINVAL;
	n = place_of_name(dirfd, uname, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH, &p);
	if (n)
		return n;
	if (!S_ISLNK(p.dentry->inode->mode) && !(get_user(c, uname) || c)) {
		path_put(&p);
		return -ENOENT;
	}
	buf = kmalloc(PATH_MAX);
	n = buf ? vfs_readlink(&p, buf, PATH_MAX) : -ENOMEM;
	if (n >= 0) {
		n = min(n, (ssize_t)size);
		if (copy_to_user(ubuf, buf, n))
			n = -EFAULT;
	}
	kfree(buf);
	path_put(&p);
	return n;
}

SYSCALL_ALIAS(readlink, readlinkat, AT_FDCWD, _1, _2, _3)

/*
 * access(2) asks for the real ids: for its time the thread gets a cred whose file-system ids are
 * the real ones, and root's capabilities only when the real user is root.
 */
static int access_real(const struct path *p, int mode)
{
	const struct cred *old = current->thread.cred;
	struct cred *real;
	u64 caps = 0;
	int err;

	if (old->securebits & BIT(SECURE_NO_SETUID_FIXUP))
		caps = old->cap_effective;
	else if (old->uid == uid_from_ns(old->user_ns, 0))
		caps = old->cap_permitted;
	if (old->uid == old->fsuid && old->gid == old->fsgid && caps == old->cap_effective)
		return path_permission(p, mode);
	real = cred_copy(old);
	if (!real)
		return -ENOMEM;
	real->fsuid = real->uid;
	real->fsgid = real->gid;
	real->cap_effective = caps;
	current->thread.cred = real;
	err = path_permission(p, mode);
	current->thread.cred = old;
	cred_put(real);
	return err;
}

SYSCALL4(faccessat2, int, dirfd, const char __user *, uname, int, mode, int, flags)
{
	struct path p;
	long err;

	if (mode & ~(MAY_READ | MAY_WRITE | MAY_EXEC) ||
	    flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	err = place_of_name(dirfd, uname, flags & ~AT_EACCESS, &p);
	if (err)
		return err;
	err = flags & AT_EACCESS ? path_permission(&p, mode) : access_real(&p, mode);
	path_put(&p);
	return err;
}

SYSCALL_ALIAS(faccessat, faccessat2, _1, _2, _3, 0)
SYSCALL_ALIAS(access, faccessat2, AT_FDCWD, _1, _2, 0)

/* ---- change ---- */

/* Changes the place a lookup found (err 0) and gives it back. */
static long change(int err, struct path *p, struct kattr *attr)
{
	if (err)
		return err;
	err = vfs_setattr(p, attr);
	path_put(p);
	return err;
}

SYSCALL3(fchmodat, int, dirfd, const char __user *, uname, mode_t, mode)
{
	struct kattr attr = { .valid = ATTR_MODE, .mode = mode & 07777 };
	struct path p;

	return change(place_of_name(dirfd, uname, 0, &p), &p, &attr);
}

SYSCALL_ALIAS(chmod, fchmodat, AT_FDCWD, _1, _2)

SYSCALL2(fchmod, int, fd, mode_t, mode)
{
	struct kattr attr = { .valid = ATTR_MODE, .mode = mode & 07777 };
	struct path p;

	return change(place_of_fd(fd, false, &p), &p, &attr);
}

/* (uid_t)-1 leaves an id; others must be mapped in the caller's user namespace. */
static int chown_attr(struct kattr *attr, uid_t uid, gid_t gid)
{
	struct user_ns *ns = current->thread.cred->user_ns;

	*attr = (struct kattr){ .valid = ATTR_KILL };
	if (uid != (uid_t)-1) {
		attr->uid = uid_from_ns(ns, uid);
		attr->valid |= ATTR_UID;
		if (attr->uid == (uid_t)-1)
			return -EINVAL;
	}
	if (gid != (gid_t)-1) {
		attr->gid = gid_from_ns(ns, gid);
		attr->valid |= ATTR_GID;
		if (attr->gid == (gid_t)-1)
			return -EINVAL;
	}
	return 0;
}

SYSCALL5(fchownat, int, dirfd, const char __user *, uname, uid_t, uid, gid_t, gid, int, flags)
{
	struct kattr attr;
	struct path p;

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	return change(chown_attr(&attr, uid, gid) ?: place_of_name(dirfd, uname, flags, &p), &p,
		      &attr);
}

SYSCALL_ALIAS(chown, fchownat, AT_FDCWD, _1, _2, _3, 0)
SYSCALL_ALIAS(lchown, fchownat, AT_FDCWD, _1, _2, _3, AT_SYMLINK_NOFOLLOW)

SYSCALL3(fchown, int, fd, uid_t, uid, gid_t, gid)
{
	struct kattr attr;
	struct path p;

	return change(chown_attr(&attr, uid, gid) ?: place_of_fd(fd, false, &p), &p, &attr);
}

SYSCALL2(truncate, const char __user *, uname, loff_t, size)
{
	struct kattr attr = { .valid = ATTR_SIZE, .size = size };
	struct path p;
	long err;

	if (size < 0)
		return -EINVAL;
	err = place_of_name(AT_FDCWD, uname, 0, &p);
	if (!err) {
		mode_t type = p.dentry->inode->mode & S_IFMT;

		err = type == S_IFDIR ? -EISDIR : type != S_IFREG ? -EINVAL : 0;
		err = err ?: inode_permission(p.dentry->inode, MAY_WRITE);
		if (err)
			path_put(&p);
	}
	return write_result(change(err, &p, &attr));
}

#define UTIME_NOW 0x3fffffffL
#define UTIME_OMIT 0x3ffffffeL

/* What a file can keep: 292 years around 1970; beyond is the last of them (utimensat(2)). */
static s64 file_time(const struct __kernel_timespec *ts)
{
	const s64 most = INT64_MAX / (s64)NSEC_PER_SEC - 1;

	return max(min((s64)ts->tv_sec, most), -most) * (s64)NSEC_PER_SEC + ts->tv_nsec;
}

/* times NULL: both now. Only "both now" is allowed to those who may merely write. */
static long utimes_common(int dirfd, const char __user *uname, const struct __kernel_timespec *ts,
			  int flags)
{
	u64 now = clock_wall_ns();
	struct kattr attr = { .atime_ns = now, .mtime_ns = now };
	bool both_now = !ts || (ts[0].tv_nsec == UTIME_NOW && ts[1].tv_nsec == UTIME_NOW);
	struct path p;
	long err;

	for (int i = 0; ts && i < 2; i++)
		if ((u64)ts[i].tv_nsec >= NSEC_PER_SEC && ts[i].tv_nsec != UTIME_NOW &&
		    ts[i].tv_nsec != UTIME_OMIT)
			return -EINVAL;
	if (!ts || ts[0].tv_nsec != UTIME_OMIT)
		attr.valid |= ATTR_ATIME;
	if (!ts || ts[1].tv_nsec != UTIME_OMIT)
		attr.valid |= ATTR_MTIME;
	if (ts && ts[0].tv_nsec < (long)NSEC_PER_SEC)
		attr.atime_ns = file_time(&ts[0]);
	if (ts && ts[1].tv_nsec < (long)NSEC_PER_SEC)
		attr.mtime_ns = file_time(&ts[1]);
	if (!attr.valid)
		return 0;
	if (!uname && dirfd == AT_FDCWD)
		return -EFAULT;
	err = uname ? place_of_name(dirfd, uname, flags, &p) : place_of_fd(dirfd, true, &p);
	if (!err && both_now && !inode_owner_or_capable(p.dentry->inode)) {
		err = inode_permission(p.dentry->inode, MAY_WRITE);
		attr.valid |= ATTR_FORCE;
		if (err)
			path_put(&p);
	}
	return change(err, &p, &attr);
}

SYSCALL4(utimensat, int, dirfd, const char __user *, uname, const struct __kernel_timespec __user *,
	 uts, int, flags)
{
	struct __kernel_timespec ts[2];

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (uts && copy_from_user(ts, uts, sizeof(ts)))
		return -EFAULT;
	return utimes_common(dirfd, uname, uts ? ts : NULL, flags);
}

static long utimes_from_timeval(int dirfd, const char __user *uname,
				const struct __kernel_old_timeval __user *utv)
{
	struct __kernel_old_timeval tv[2];
	struct __kernel_timespec ts[2];

	if (utv && copy_from_user(tv, utv, sizeof(tv)))
		return -EFAULT;
	for (int i = 0; utv && i < 2; i++) {
		if ((u64)tv[i].tv_usec >= 1000000)
			return -EINVAL;
		ts[i] = (struct __kernel_timespec){ tv[i].tv_sec, tv[i].tv_usec * 1000 };
	}
	return utimes_common(dirfd, uname, utv ? ts : NULL, 0);
}

SYSCALL3(futimesat, int, dirfd, const char __user *, uname,
	 const struct __kernel_old_timeval __user *, tv)
{
	return utimes_from_timeval(dirfd, uname, tv);
}

SYSCALL2(utimes, const char __user *, uname, const struct __kernel_old_timeval __user *, tv)
{
	return uname ? utimes_from_timeval(AT_FDCWD, uname, tv) : -EFAULT;
}

SYSCALL2(utime, const char __user *, uname, const struct utimbuf __user *, utb)
{
	struct utimbuf tb;
	struct __kernel_timespec ts[2] = { 0 };

	if (!uname || (utb && get_user(tb, utb)))
		return -EFAULT;
	if (utb) {
		ts[0].tv_sec = tb.actime;
		ts[1].tv_sec = tb.modtime;
	}
	return utimes_common(AT_FDCWD, uname, utb ? ts : NULL, 0);
}
