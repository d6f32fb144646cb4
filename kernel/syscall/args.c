/* SPDX-License-Identifier: MIT */
/*
 * Arguments that live in user memory: paths, vectors, times. Everything is copied once, checked,
 * and then used from kernel memory, so that another thread cannot change it between check and use.
 */
#include "syscall/syscall.h"

void user_path_get(struct user_path *p, const char __user *uname)
{
	ssize_t n = strncpy_from_user(p->small, uname, sizeof(p->small));

	p->name = p->small;
	p->err = n < 0 ? n : 0;
	if (n != -ENAMETOOLONG)
		return;
	p->name = kmalloc(PATH_MAX);
	if (!p->name) {
		p->err = -ENOMEM;
		return;
	}
	n = strncpy_from_user(p->name, uname, PATH_MAX);
	p->err = n < 0 ? n : 0;
}

void user_text_get(struct user_path *p, const char __user *utext)
{
	p->name = NULL;
	p->err = 0;
	if (utext)
		user_path_get(p, utext);
}

void user_path_put(struct user_path *p)
{
	if (p->name != p->small)
		kfree(p->name);
}

int fd_install_pair(struct file *const f[2], bool cloexec, int __user *ufds)
{
	int fds[2], err;

	fds[0] = fd_install(f[0], 0, cloexec);
	if (fds[0] < 0) {
		file_put(f[1]);
		return fds[0];
	}
	fds[1] = fd_install(f[1], 0, cloexec);
	err = fds[1] < 0 ? fds[1] : copy_to_user(ufds, fds, sizeof(fds));
	if (err) {
		fd_close(fds[0]);
		if (fds[1] >= 0)
			fd_close(fds[1]);
	}
	return err;
}

void scoped_file_put(struct file **f)
{
	if (*f)
		file_put(*f);
}

/* The last component is followed unless told otherwise. */
static unsigned int at_lookup(int at_flags)
{
	return (at_flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) |
	       (at_flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);
}

int place_of_fd(int fd, bool o_path, struct path *out)
{
	SCOPED_FILE(f, o_path ? fd_get_path(fd) : fd_get(fd));

	if (!f)
		return -EBADF;
	*out = f->path;
	path_get(out);
	return 0;
}

int place_of_name(int dirfd, const char __user *uname, int at_flags, struct path *out)
{
	USER_PATH(path, uname);

	return path.err ?: path_lookup(dirfd, path.name, at_lookup(at_flags), out);
}

char *user_string(const char __user *s, size_t max)
{
	ssize_t n;
	char *str;

	if (!s)
		return NULL;
	str = kmalloc(max);
	if (!str)
		return ERR_PTR(-ENOMEM);
	n = strncpy_from_user(str, s, max);
	if (n < 0) {
		kfree(str);
		return ERR_PTR(n);
	}
	return str;
}

ssize_t user_iov_get(struct user_iov *v, struct uio *u, const struct iovec __user *uvec, long n)
{
	size_t total = 0;

	v->vec = v->small;
	/* LAB 02: begin
	 * n pieces at uvec, each with an address and a length. More than fit in v->small go to the heap; v->vec
	 * is what user_iov_put() gives back, also after an error. The array is copied once, and everything is
	 * decided on the copy: another thread may change the original at any time.
	 * -EINVAL: n below 0 or above UIO_MAXIOV, a length below 0 as a ssize_t. -EFAULT: the array cannot be
	 * read (of no pieces, it need not be), a piece does not lie in the user's half (user_range_ok). What
	 * goes beyond MAX_RW_COUNT bytes in all is cut off.
	 * *u is the transfer: the pieces, their number, the bytes in all, which are returned as well.
	 * starter: pr_err("lab 02: user_iov_get() is not written yet");
	 * starter: *u = (struct uio){ .iov = v->vec, .left = total };
	 * starter: return -ENOSYS;
	 */
	if (n < 0 || n > UIO_MAXIOV)
		return -EINVAL;
	if (n > (long)ARRAY_SIZE(v->small)) {
		v->vec = kmalloc(n * sizeof(struct iovec));
		if (!v->vec) {
			v->vec = v->small;
			return -ENOMEM;
		}
	}
	if (n && copy_from_user(v->vec, uvec, n * sizeof(struct iovec)))
		return -EFAULT;
	for (long i = 0; i < n; i++) {
		if ((ssize_t)v->vec[i].iov_len < 0)
			return -EINVAL;
		if (!user_range_ok(v->vec[i].iov_base, v->vec[i].iov_len))
			return -EFAULT;
		v->vec[i].iov_len = min((size_t)v->vec[i].iov_len, MAX_RW_COUNT - total);
		total += v->vec[i].iov_len;
	}
	*u = (struct uio){ .iov = v->vec, .nr = n, .left = total };
	return total;
	/* LAB 02: end */
}

void user_iov_put(struct user_iov *v)
{
	if (v->vec != v->small)
		kfree(v->vec);
}

int user_struct(void *dst, size_t size, size_t min_size, const void __user *src, size_t usize)
{
	char tail[64];

	if (usize < min_size)
		return -EINVAL;
	if (usize > PAGE_SIZE)
		return -E2BIG;
	memset(dst, 0, size);
	if (copy_from_user(dst, src, min(size, usize)))
		return -EFAULT;
	for (size_t at = size; at < usize; at += sizeof(tail)) {
		size_t n = min(sizeof(tail), usize - at);

		if (copy_from_user(tail, src + at, n))
			return -EFAULT;
		for (size_t i = 0; i < n; i++)
			if (tail[i])
				return -E2BIG;
	}
	return 0;
}

int user_timespec(u64 *ns, const struct __kernel_timespec __user *ts)
{
	struct __kernel_timespec t;

	return get_user(t, ts) ?: timespec_to_ns(&t, ns);
}

int put_timespec(struct __kernel_timespec __user *ts, u64 ns)
{
	return put_user(ns_to_timespec(ns), ts);
}

int user_sigmask(ksigset_t *set, const ksigset_t __user *mask, size_t size)
{
	if (!mask)
		return 0;
	if (size != sizeof(ksigset_t))
		return -EINVAL;
	return get_user(*set, mask);
}
