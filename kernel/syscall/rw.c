/* SPDX-License-Identifier: MIT */
/*
 * Moving bytes: read(2), write(2), their positioned and vector forms, sendfile(2), splice(2) and its
 * kin, and what sets a file's length. A transfer is a struct uio over the caller's buffers; fs/ consumes it.
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
	if (n == 0) /* the flags are looked at with the first byte */
		flags = 0;
	if (flags & ~(RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND) ||
	    (flags & RWF_NOWAIT && !file_is_pipe(f)))
		n = n < 0 ? n : -EOPNOTSUPP;
	u.nowait = flags & RWF_NOWAIT;
	u.append = flags & RWF_APPEND;
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

		io_pause();
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
		if (thread_interrupted() ||
		    check_positioned(in, 0)) /* a stream gives what it has */
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
		return upos ? check_positioned(in, pos) : -EINVAL;
	if (out->flags & O_APPEND || S_ISDIR(in->inode->mode))
		return -EINVAL;
	done = copy_files(in, upos ? &pos : NULL, out, NULL, min(n, MAX_RW_COUNT));
	if (done >= 0 && upos && put_user(pos, upos))
		return -EFAULT;
	return done;
}

/* copy_file_range(2)'s rules; *n is cut to what in has. */
static int check_copy_range(struct file *in, loff_t ipos, struct file *out, loff_t opos, size_t *n)
{
	struct inode *from = in->inode, *to = out->inode;
	u64 size = from->size;

	if (S_ISDIR(from->mode) || S_ISDIR(to->mode))
		return -EISDIR;
	if (!S_ISREG(from->mode) || !S_ISREG(to->mode))
		return -EINVAL;
	if (!in->can_read || !out->can_write || out->flags & O_APPEND)
		return -EBADF;
	if (from->sb != to->sb)
		return -EXDEV;
	if ((u64)ipos + *n < (u64)ipos || (u64)opos + *n < (u64)opos)
		return -EOVERFLOW;
	*n = (u64)ipos < size ? min(*n, size - ipos) : 0;
	if (from == to && opos + *n > (u64)ipos && (u64)opos < ipos + *n)
		return -EINVAL;
	return 0;
}

SYSCALL6(copy_file_range, int, in_fd, loff_t __user *, uin, int, out_fd, loff_t __user *, uout,
	 size_t, n, unsigned int, flags)
{
	SCOPED_FILE(in, fd_get(in_fd));
	SCOPED_FILE(out, fd_get(out_fd));
	loff_t ipos, opos;
	ssize_t done;

	if (!in || !out)
		return -EBADF;
	ipos = in->pos;
	opos = out->pos;
	if ((uin && get_user(ipos, uin)) || (uout && get_user(opos, uout)))
		return -EFAULT;
	if (flags)
		return -EINVAL;
	done = check_copy_range(in, ipos, out, opos, &n);
	if (done)
		return done;
	done = copy_files(in, uin ? &ipos : NULL, out, uout ? &opos : NULL, min(n, MAX_RW_COUNT));
	if (done >= 0 && ((uin && put_user(ipos, uin)) || (uout && put_user(opos, uout))))
		return -EFAULT;
	return done;
}

/* Where the byte stream of splice(2) comes from and goes to; one of them is a pipe at least. */
static ssize_t do_splice(struct file *in, loff_t *ipos, struct file *out, loff_t *opos, size_t n,
			 bool nonblock)
{
	bool from_pipe = file_is_pipe(in), to_pipe = file_is_pipe(out);
	ssize_t room;

	if (!in->can_read || !out->can_write)
		return -EBADF;
	if ((ipos && check_positioned(in, *ipos)) || (opos && check_positioned(out, *opos)))
		return -EINVAL;
	if (from_pipe && in->flags & O_NONBLOCK)
		nonblock = true;
	if (to_pipe && out->flags & O_NONBLOCK)
		nonblock = true;
	if (from_pipe && to_pipe)
		return pipe_splice_pipe(in, out, n, nonblock, false);
	if (from_pipe)
		return out->flags & O_APPEND ? -EINVAL
					     : pipe_splice_out(in, out, opos, n, nonblock);
	if (!to_pipe || S_ISDIR(in->inode->mode))
		return -EINVAL;
	room = pipe_room_for(out, nonblock);
	return room < 0 ? room : copy_files(in, ipos, out, NULL, min(n, (size_t)room));
}

#define SPLICE_F_NONBLOCK 2U
#define SPLICE_F_ALL 15U

SYSCALL6(splice, int, in_fd, loff_t __user *, uin, int, out_fd, loff_t __user *, uout, size_t, n,
	 unsigned int, flags)
{
	SCOPED_FILE(in, fd_get(in_fd));
	SCOPED_FILE(out, fd_get(out_fd));
	loff_t ipos = 0, opos = 0;
	ssize_t done;

	if (!n)
		return 0;
	if (flags & ~SPLICE_F_ALL)
		return -EINVAL;
	if (!in || !out)
		return -EBADF;
	if ((uin && file_is_pipe(in)) || (uout && file_is_pipe(out)))
		return -ESPIPE;
	if ((uin && get_user(ipos, uin)) || (uout && get_user(opos, uout)))
		return -EFAULT;
	done = do_splice(in, uin ? &ipos : NULL, out, uout ? &opos : NULL, min(n, MAX_RW_COUNT),
			 flags & SPLICE_F_NONBLOCK);
	if (done >= 0 && ((uin && put_user(ipos, uin)) || (uout && put_user(opos, uout))))
		return -EFAULT;
	return write_result(done);
}

SYSCALL4(tee, int, in_fd, int, out_fd, size_t, n, unsigned int, flags)
{
	SCOPED_FILE(in, fd_get(in_fd));
	SCOPED_FILE(out, fd_get(out_fd));

	if (flags & ~SPLICE_F_ALL)
		return -EINVAL;
	if (!n)
		return 0;
	if (!in || !out || !in->can_read || !out->can_write)
		return -EBADF;
	if (!file_is_pipe(in) || !file_is_pipe(out))
		return -EINVAL;
	return write_result(pipe_splice_pipe(
		in, out, min(n, MAX_RW_COUNT),
		flags & SPLICE_F_NONBLOCK || (in->flags | out->flags) & O_NONBLOCK, true));
}

SYSCALL4(vmsplice, int, fd, const struct iovec __user *, uvec, long, nr, unsigned int, flags)
{
	SCOPED_FILE(f, fd_get(fd));
	struct user_iov v;
	struct uio u;
	ssize_t n;

	if (flags & ~SPLICE_F_ALL)
		return -EINVAL;
	if (!f || !file_is_pipe(f))
		return -EBADF;
	n = user_iov_get(&v, &u, uvec, nr);
	if (n >= 0)
		n = write_result(pipe_vmsplice(f, &u, flags & SPLICE_F_NONBLOCK));
	user_iov_put(&v);
	return n;
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

SYSCALL4(sync_file_range, int, fd, loff_t, off, loff_t, n, unsigned int, flags)
{
	SCOPED_FILE(f, fd_get(fd));

	if (!f)
		return -EBADF;
	if (flags > 7 || off < 0 || off + n < off)
		return -EINVAL;
	return check_positioned(f, 0);
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
