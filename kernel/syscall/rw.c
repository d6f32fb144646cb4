/* SPDX-License-Identifier: MIT */
/*
 * Moving bytes: read(2), write(2), their positioned and vector forms, sendfile(2), and what sets a
 * file's length. A transfer is a struct uio over the caller's buffers; fs/ consumes it.
 */
#include "syscall/syscall.h"

#include <linux/fs.h>

ssize_t write_result(ssize_t n)
{
	if (n == -EPIPE)
		signal_self(SIGPIPE);
	else if (n == -EFBIG && thread_rlimit(RLIMIT_FSIZE) != RLIM64_INFINITY)
		signal_self(SIGXFSZ);
	return n;
}

/* pread(2) and pwrite(2) make sense only where there is a position. */
static int check_positioned(const struct file *f, loff_t pos)
{
	mode_t type = f->inode ? f->inode->mode & S_IFMT : 0;

	if (pos < 0)
		return -EINVAL;
	if (type == S_IFREG || type == S_IFDIR || type == S_IFBLK || f->ops->seekable_stream)
		return 0;
	return -ESPIPE;
}

/* A socket has sent its signal itself, if it is of a kind that does. */
static ssize_t write_to(struct file *f, struct uio *u, loff_t *pos)
{
	ssize_t n = file_write(f, u, pos);

	return n < 0 && (f->inode->mode & S_IFMT) != S_IFSOCK ? write_result(n) : n;
}

/* pos NULL: the file's own position. */
static ssize_t transfer(struct file *f, struct uio *u, loff_t *pos, bool write)
{
	return write ? write_to(f, u, pos) : file_read(f, u, pos);
}

static long buffer_io(int fd, void __user *buf, size_t n, loff_t *pos, bool write)
{
	SCOPED_FILE(f, fd_get(fd));
	struct iovec iov;
	struct uio u;
	int err;

	if (!f)
		return -EBADF;
	err = pos ? check_positioned(f, *pos) : 0;
	if (err)
		return err;
	if (!user_range_ok(buf, n)) /* wrong even when fewer bytes would be moved */
		return -EFAULT;
	uio_init_user(&u, &iov, buf, min(n, MAX_RW_COUNT));
	return transfer(f, &u, pos, write);
}

SYSCALL3(read, int, fd, char __user *, buf, size_t, n)
{
	return buffer_io(fd, buf, n, NULL, false);
}

SYSCALL3(write, int, fd, char __user *, buf, size_t, n)
{
	return buffer_io(fd, buf, n, NULL, true);
}

SYSCALL4(pread64, int, fd, char __user *, buf, size_t, n, loff_t, pos)
{
	return buffer_io(fd, buf, n, &pos, false);
}

SYSCALL4(pwrite64, int, fd, char __user *, buf, size_t, n, loff_t, pos)
{
	return buffer_io(fd, buf, n, &pos, true);
}

static long vector_io(int fd, const struct iovec __user *uvec, long nr, loff_t *pos, bool write,
		      int flags)
{
	SCOPED_FILE(f, fd_get(fd));
	struct user_iov v;
	struct uio u;
	ssize_t n;

	if (!f)
		return -EBADF;
	n = pos ? check_positioned(f, *pos) : 0;
	if (n)
		return n;
	n = user_iov_get(&v, &u, uvec, nr);
	if (n > 0 && flags) /* RWF_*: there is none */
		n = -EOPNOTSUPP;
	if (n >= 0)
		n = transfer(f, &u, pos, write);
	user_iov_put(&v);
	return n;
}

SYSCALL3(readv, int, fd, const struct iovec __user *, vec, long, nr)
{
	return vector_io(fd, vec, nr, NULL, false, 0);
}

SYSCALL3(writev, int, fd, const struct iovec __user *, vec, long, nr)
{
	return vector_io(fd, vec, nr, NULL, true, 0);
}

/* The offset's high half, the fifth argument, is for 32-bit machines. */
SYSCALL4(preadv, int, fd, const struct iovec __user *, vec, long, nr, loff_t, pos)
{
	return vector_io(fd, vec, nr, &pos, false, 0);
}

SYSCALL4(pwritev, int, fd, const struct iovec __user *, vec, long, nr, loff_t, pos)
{
	return vector_io(fd, vec, nr, &pos, true, 0);
}

SYSCALL6(preadv2, int, fd, const struct iovec __user *, vec, long, nr, loff_t, pos, long, high, int,
	 flags)
{
	return vector_io(fd, vec, nr, pos == -1 ? NULL : &pos, false, flags);
}

SYSCALL6(pwritev2, int, fd, const struct iovec __user *, vec, long, nr, loff_t, pos, long, high,
	 int, flags)
{
	return vector_io(fd, vec, nr, pos == -1 ? NULL : &pos, true, flags);
}

SYSCALL3(lseek, int, fd, loff_t, off, int, whence)
{
	SCOPED_FILE(f, fd_get(fd));

	return f ? file_llseek(f, off, whence) : -EBADF;
}

/*
 * sendfile(2), copy_file_range(2): through a kernel buffer. A position pointer replaces the file's
 * own position. Ends early when the source does, or when the sink takes less than it was given.
 */
static ssize_t copy_files(struct file *in, loff_t *ipos, struct file *out, loff_t *opos, size_t n)
{
	enum { CHUNK = 65536 };
	char *buf = kmalloc(CHUNK);
	ssize_t done = 0, got = 0, put = 0;

	if (!buf)
		return -ENOMEM;
	while (n) {
		struct iovec iov;
		struct uio u;

		uio_init_kernel(&u, &iov, buf, min(n, (size_t)CHUNK));
		got = file_read(in, &u, ipos);
		if (got <= 0)
			break;
		uio_init_kernel(&u, &iov, buf, got);
		put = write_to(out, &u, opos);
		/* What was read and not written goes back, where the source has a position. */
		if (put < got && !check_positioned(in, 0)) {
			loff_t *pos = ipos ? ipos : &in->pos;

			*pos -= got - max(put, (ssize_t)0);
		}
		if (put <= 0)
			break;
		done += put;
		n -= put;
		if (thread_interrupted())
			break;
	}
	kfree(buf);
	return done ? done : got < 0 ? got : min(put, (ssize_t)0);
}

SYSCALL4(sendfile, int, out_fd, int, in_fd, loff_t __user *, upos, size_t, n)
{
	SCOPED_FILE(in, fd_get(in_fd));
	SCOPED_FILE(out, fd_get(out_fd));
	loff_t pos = 0;
	ssize_t done;

	if (!in || !out || !in->can_read || !out->can_write)
		return -EBADF;
	if (upos && get_user(pos, upos))
		return -EFAULT;
	if (check_positioned(in, pos))
		return -EINVAL;
	if (out->flags & O_APPEND)
		return -EINVAL;
	done = copy_files(in, upos ? &pos : NULL, out, NULL, min(n, MAX_RW_COUNT));
	if (done >= 0 && upos && put_user(pos, upos))
		return -EFAULT;
	return done;
}

SYSCALL6(copy_file_range, int, in_fd, loff_t __user *, uin, int, out_fd, loff_t __user *, uout,
	 size_t, n, unsigned int, flags)
{
	SCOPED_FILE(in, fd_get(in_fd));
	SCOPED_FILE(out, fd_get(out_fd));
	loff_t ipos = 0, opos = 0;
	ssize_t done;

	if (flags)
		return -EINVAL;
	if (!in || !out || !in->can_read || !out->can_write || out->flags & O_APPEND)
		return -EBADF;
	if (!in->inode || !out->inode)
		return -EINVAL;
	if ((in->inode->mode & S_IFMT) == S_IFDIR || (out->inode->mode & S_IFMT) == S_IFDIR)
		return -EISDIR;
	if ((in->inode->mode & S_IFMT) != S_IFREG || (out->inode->mode & S_IFMT) != S_IFREG)
		return -EINVAL;
	if ((uin && get_user(ipos, uin)) || (uout && get_user(opos, uout)))
		return -EFAULT;
	if (ipos < 0 || opos < 0)
		return -EINVAL;
	done = copy_files(in, uin ? &ipos : NULL, out, uout ? &opos : NULL, min(n, MAX_RW_COUNT));
	if (done >= 0 && ((uin && put_user(ipos, uin)) || (uout && put_user(opos, uout))))
		return -EFAULT;
	return done;
}

SYSCALL1(fsync, int, fd)
{
	SCOPED_FILE(f, fd_get(fd));

	return f ? file_sync(f) : -EBADF;
}

SYSCALL_ALIAS(fdatasync, fsync, _1)

SYSCALL1(syncfs, int, fd)
{
	SCOPED_FILE(f, fd_get(fd));

	return f ? 0 : -EBADF;
}

SYSCALL0(sync)
{
	blkdev_sync_all(); /* what fails is told by fsync(2) */
	return 0;
}

SYSCALL4(fadvise64, int, fd, loff_t, off, loff_t, len, int, advice)
{
	SCOPED_FILE(f, fd_get(fd));

	if (!f)
		return -EBADF;
	if (check_positioned(f, 0))
		return -ESPIPE;
	return len < 0 || advice < 0 || advice > 5 ? -EINVAL : 0;
}

SYSCALL3(readahead, int, fd, loff_t, off, size_t, n)
{
	SCOPED_FILE(f, fd_get(fd));

	if (!f || !f->can_read)
		return -EBADF;
	return (f->inode->mode & S_IFMT) == S_IFREG ? 0 : -EINVAL;
}

SYSCALL2(ftruncate, int, fd, loff_t, size)
{
	SCOPED_FILE(f, fd_get(fd));

	if (size < 0)
		return -EINVAL;
	return f ? write_result(file_truncate(f, size)) : -EBADF;
}

SYSCALL4(fallocate, int, fd, int, mode, loff_t, off, loff_t, len)
{
	SCOPED_FILE(f, fd_get(fd));

	if (!f)
		return -EBADF;
	if (off < 0 || len <= 0)
		return -EINVAL;
	return off + len < 0 ? -EFBIG : write_result(file_fallocate(f, mode, off, len));
}

SYSCALL2(flock, int, fd, int, op)
{
	SCOPED_FILE(f, fd_get(fd));

	return file_flock(f, op, task_tgid_in(current, &init_pid_ns));
}
