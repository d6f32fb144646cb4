/* SPDX-License-Identifier: MIT */
/*
 * Open files and descriptors: open(2), close(2), dup(2), fcntl(2), ioctl(2), and the calls that make
 * files of no directory. Each call finds its file by descriptor, holds it for its own time, and
 * leaves the work to fs/.
 */
#include "syscall/syscall.h"

#include <asm/ioctls.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/memfd.h>
#include <linux/openat2.h>

/* ---- open, close ---- */

static long open_common(int dirfd, const char __user *uname, int flags, mode_t mode,
			unsigned int lookup)
{
	USER_PATH(path, uname);
	struct file *f;

	if (path.err)
		return path.err;
	f = file_open(dirfd, path.name, flags, mode, lookup);
	return fd_install(f, 0, flags & O_CLOEXEC);
}

/* What open(2) ignores and openat2(2) refuses. */
#define OPEN_FLAGS                                                                                 \
	(O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_SYNC |      \
	 FASYNC | O_DIRECT | O_LARGEFILE | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC |      \
	 O_PATH | __O_TMPFILE)

/* The others mean nothing to a file that is a place only. */
#define PATH_FLAGS (u64)(O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

static int open_flags(int flags)
{
	return flags & (flags & O_PATH ? PATH_FLAGS : OPEN_FLAGS);
}

static mode_t open_mode(int flags, mode_t mode)
{
	return flags & (O_CREAT | __O_TMPFILE) ? mode & 07777 : 0;
}

SYSCALL3(open, const char __user *, uname, int, flags, mode_t, mode)
{
	return open_common(AT_FDCWD, uname, open_flags(flags), open_mode(flags, mode), 0);
}

SYSCALL4(openat, int, dirfd, const char __user *, uname, int, flags, mode_t, mode)
{
	return open_common(dirfd, uname, open_flags(flags), open_mode(flags, mode), 0);
}

SYSCALL2(creat, const char __user *, uname, mode_t, mode)
{
	return open_common(AT_FDCWD, uname, O_CREAT | O_WRONLY | O_TRUNC, mode & 07777, 0);
}

SYSCALL4(openat2, int, dirfd, const char __user *, uname, const struct open_how __user *, uhow,
	 size_t, usize)
{
	static const struct {
		u64 resolve;
		unsigned int lookup;
	} limits[] = {
		{ RESOLVE_NO_XDEV, LOOKUP_NO_XDEV },
		{ RESOLVE_NO_MAGICLINKS, LOOKUP_NO_MAGICLINKS },
		{ RESOLVE_NO_SYMLINKS, LOOKUP_NO_SYMLINKS },
		{ RESOLVE_BENEATH, LOOKUP_BENEATH },
		{ RESOLVE_IN_ROOT, LOOKUP_IN_ROOT },
		{ RESOLVE_CACHED, LOOKUP_CACHED },
	};
	unsigned int lookup = 0;
	struct open_how how;
	int err;

	err = user_struct(&how, sizeof(how), sizeof(how), uhow, usize);
	if (err)
		return err;
	if (how.flags & ~(u64)OPEN_FLAGS || how.mode & ~07777UL)
		return -EINVAL;
	if (how.mode && !(how.flags & (O_CREAT | __O_TMPFILE)))
		return -EINVAL;
	for (unsigned int i = 0; i < ARRAY_SIZE(limits); i++) {
		if (how.resolve & limits[i].resolve)
			lookup |= limits[i].lookup;
		how.resolve &= ~limits[i].resolve;
	}
	if (how.resolve || (lookup & LOOKUP_BENEATH && lookup & LOOKUP_IN_ROOT))
		return -EINVAL;
	if (how.flags & O_PATH && how.flags & ~PATH_FLAGS)
		return -EINVAL;
	return open_common(dirfd, uname, how.flags, how.mode, lookup);
}

SYSCALL_IS(close, fd_close(_1))

SYSCALL3(close_range, unsigned int, first, unsigned int, last, unsigned int, flags)
{
	struct files *files;

	if (first > last || flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC))
		return -EINVAL;
	if (flags & CLOSE_RANGE_UNSHARE && ref_read(&current->thread.files->refs) > 1) {
		struct files *old = current->thread.files;

		files = files_copy(old);
		if (!files)
			return -ENOMEM;
		spin_lock(&current->proc->siglock); /* others look at it through task_files_get() */
		current->thread.files = files;
		spin_unlock(&current->proc->siglock);
		files_put(old);
	}
	files = current->thread.files;
	for (int fd = fd_next(files, min(first, 0x7fffffffU)); fd >= 0 && (unsigned int)fd <= last;
	     fd = fd_next(files, fd + 1)) {
		if (flags & CLOSE_RANGE_CLOEXEC)
			fd_set_cloexec(fd, true);
		else
			fd_close(fd);
	}
	return 0;
}

/* ---- descriptors ---- */

static long install_copy(int fd, unsigned int min_fd, bool cloexec)
{
	struct file *f = fd_get_path(fd);

	return f ? fd_install(f, min_fd, cloexec) : -EBADF;
}

SYSCALL_IS(dup, install_copy(_1, 0, false))

SYSCALL3(dup3, int, old, int, new, int, flags)
{
	if (flags & ~O_CLOEXEC || old == new)
		return -EINVAL;
	return fd_dup_at(old, new, flags & O_CLOEXEC);
}

SYSCALL2(dup2, int, old, int, new)
{
	if (old == new) {
		SCOPED_FILE(f, fd_get_path(old));

		return f ? new : -EBADF;
	}
	return fd_dup_at(old, new, false);
}

/* Of an open file only these may change (fcntl(2), F_SETFL). */
#define SETFL_FLAGS (O_APPEND | O_NONBLOCK | O_NOATIME | FASYNC | O_DIRECT)
static void set_flags(struct file *f, u32 mask, u32 flags)
{
	spin_lock(&f->lock);
	f->flags = (f->flags & ~mask) | (flags & mask);
	spin_unlock(&f->lock);
}

static long fcntl_lock(int fd, struct file *f, int cmd, struct flock __user *ulock)
{
	bool ofd = cmd == F_OFD_GETLK || cmd == F_OFD_SETLK || cmd == F_OFD_SETLKW;
	struct flock fl;
	pid_t given;
	int err;

	if (get_user(fl, ulock))
		return -EFAULT;
	given = fl.l_pid;
	if (ofd && given)
		return -EINVAL;
	fl.l_pid = task_tgid_in(current, &init_pid_ns);
	err = file_lock(f, cmd, &fl);
	if (!err && (cmd == F_SETLK || cmd == F_SETLKW)) {
		SCOPED_FILE(now, fd_get(fd));

		if (now == f)
			return 0;
		fl.l_type = F_UNLCK; /* closed meanwhile, which gave up all but this one */
		file_lock(f, F_SETLK, &fl);
		return -EBADF;
	}
	if (err || (cmd != F_GETLK && cmd != F_OFD_GETLK))
		return err;
	if (fl.l_type == F_UNLCK) {
		fl.l_pid = given;
	} else if (fl.l_pid > 0) { /* the holder, as the asker sees it; 0: not at all */
		struct pid *holder = pid_find(&init_pid_ns, fl.l_pid);

		fl.l_pid = pid_nr_ns(holder, task_pid_ns(current));
		pid_put(holder);
	}
	return put_user(fl, ulock) ? -EFAULT : 0;
}

/* What works on O_PATH descriptors too; -ENOTTY: not one of these. */
static long fcntl_descriptor(int fd, struct file *f, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		if (arg >= current->proc->rlim[RLIMIT_NOFILE].rlim_cur)
			return -EINVAL;
		return install_copy(fd, arg, cmd == F_DUPFD_CLOEXEC);
	case F_GETFD:
		return fd_get_cloexec(fd); /* FD_CLOEXEC is 1 */
	case F_SETFD:
		return fd_set_cloexec(fd, arg & FD_CLOEXEC);
	case F_GETFL:
		return f->flags;
	}
	return -ENOTTY;
}

SYSCALL3(fcntl, int, fd, unsigned int, cmd, unsigned long, arg)
{
	SCOPED_FILE(f, fd_get_path(fd));
	long ret;

	if (!f)
		return -EBADF;
	ret = fcntl_descriptor(fd, f, cmd, arg);
	if (ret != -ENOTTY)
		return ret;
	if (f->flags & O_PATH)
		return -EBADF;
	switch (cmd) {
	case F_SETFL:
		set_flags(f, SETFL_FLAGS, arg);
		return 0;
	case F_GETLK:
	case F_SETLK:
	case F_SETLKW:
	case F_OFD_GETLK:
	case F_OFD_SETLK:
	case F_OFD_SETLKW:
		return fcntl_lock(fd, f, cmd, (struct flock __user *)arg);
	case F_SETOWN:
		f->owner = arg;
		return 0;
	case F_GETOWN:
		return f->owner;
	case F_SETSIG:
		if (arg > SIG_MAX)
			return -EINVAL;
		f->sig = arg;
		return 0;
	case F_GETSIG:
		return f->sig;
	case F_GETPIPE_SZ:
		return pipe_size(f);
	case F_SETPIPE_SZ:
		return pipe_set_size(f, arg);
	case F_ADD_SEALS:
		return memfd_add_seals(f, arg);
	case F_GET_SEALS:
		return memfd_get_seals(f);
	}
	return -EINVAL;
}

/* What sends SIGIO on Linux may be asked to, as by F_SETFL; nothing is sent here. */
static bool has_sigio(struct file *f)
{
	mode_t kind = f->inode ? f->inode->mode & S_IFMT : 0;

	return kind == S_IFIFO || kind == S_IFSOCK || (kind == S_IFCHR && f->ops->poll);
}

SYSCALL3(ioctl, int, fd, unsigned int, cmd, unsigned long, arg)
{
	SCOPED_FILE(f, fd_get(fd));
	long ret = -ENOTTY;
	int on, flag;

	if (!f)
		return -EBADF;
	switch (cmd) { /* of every file (ioctl_list(2)) */
	case FIOCLEX:
	case FIONCLEX:
		return fd_set_cloexec(fd, cmd == FIOCLEX);
	case FIONBIO:
	case FIOASYNC:
		if (get_user(on, (int __user *)arg))
			return -EFAULT;
		flag = cmd == FIONBIO ? O_NONBLOCK : FASYNC;
		if (flag == FASYNC && !(f->flags & FASYNC) == !!on && !has_sigio(f))
			return -ENOTTY;
		set_flags(f, flag, on ? flag : 0);
		return 0;
	case FICLONE: /* no file system shares blocks between files, maps them to a disk, freezes */
	case FICLONERANGE:
	case FS_IOC_FIEMAP:
		return -EOPNOTSUPP;
	case FIFREEZE:
		return capable(CAP_SYS_ADMIN) ? -EOPNOTSUPP : -EPERM;
	}
	if (f->ops->ioctl)
		ret = f->ops->ioctl(f, cmd, arg);
	if (ret == -ENOTTY && cmd == FIONREAD && f->inode && (f->inode->mode & S_IFMT) == S_IFREG)
		return put_user((int)(f->inode->size - f->pos), (int __user *)arg);
	return ret;
}

/* ---- files of no directory ---- */

static long pipe_common(int __user *ufds, int flags)
{
	struct file *f[2];
	int err;

	if (flags & ~(O_CLOEXEC | O_NONBLOCK | O_DIRECT))
		return -EINVAL;
	err = pipe_files(f, flags);
	if (err)
		return err;
	return fd_install_pair(f, flags & O_CLOEXEC, ufds);
}

SYSCALL1(pipe, int __user *, fds)
{
	return pipe_common(fds, 0);
}

SYSCALL2(pipe2, int __user *, fds, int, flags)
{
	return pipe_common(fds, flags);
}

SYSCALL2(eventfd2, unsigned int, count, int, flags)
{
	if (flags & ~(O_CLOEXEC | O_NONBLOCK | 1 /* EFD_SEMAPHORE */))
		return -EINVAL;
	return fd_install(eventfd_file(count, flags), 0, flags & O_CLOEXEC);
}

SYSCALL1(eventfd, unsigned int, count)
{
	return fd_install(eventfd_file(count, 0), 0, false);
}

SYSCALL2(memfd_create, const char __user *, uname, unsigned int, flags)
{
	enum { MAX_NAME = 249 + 1 }; /* memfd_create(2) */
	char *name;
	long fd;

	if (flags & ~(MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB))
		return -EINVAL;
	if (flags & MFD_HUGETLB)
		return -ENOSYS; /* as a Linux without huge pages */
	if (!uname)
		return -EFAULT;
	name = user_string(uname, MAX_NAME);
	if (IS_ERR(name))
		return PTR_ERR(name) == -ENAMETOOLONG ? -EINVAL : PTR_ERR(name);
	fd = fd_install(memfd_file(name, flags), 0, flags & MFD_CLOEXEC);
	kfree(name);
	return fd;
}
