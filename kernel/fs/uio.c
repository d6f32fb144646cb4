/* SPDX-License-Identifier: MIT */
/* Transfers between a kernel buffer and the pieces of a user's (or the kernel's own) memory. */
#include "fs/internal.h"

void uio_init_user(struct uio *u, struct iovec *iov, void __user *buf, size_t n)
{
	iov->iov_base = buf;
	iov->iov_len = n;
	*u = (struct uio){ .iov = iov, .nr = 1, .left = n };
}

void uio_init_kernel(struct uio *u, struct iovec *iov, void *buf, size_t n)
{
	uio_init_user(u, iov, buf, n);
	u->kernel = true;
}

enum uio_way { UIO_PUT, UIO_GET, UIO_ZERO };

static int move_piece(struct uio *u, char *base, void *buf, size_t n, enum uio_way way)
{
	if (u->kernel) {
		if (way == UIO_PUT)
			memcpy(base, buf, n);
		else if (way == UIO_GET)
			memcpy(buf, base, n);
		else
			memset(base, 0, n);
		return 0;
	}
	if (way == UIO_PUT)
		return copy_to_user(base, buf, n);
	if (way == UIO_GET)
		return copy_from_user(buf, base, n);
	return clear_user(base, n);
}

static ssize_t uio_move(struct uio *u, char *buf, size_t n, enum uio_way way)
{
	size_t done = 0;

	n = min(n, u->left);
	while (done < n) {
		size_t len = u->iov->iov_len - u->done_in_first;
		char *base;

		if (!len) {
			u->iov++;
			u->nr--;
			u->done_in_first = 0;
			continue;
		}
		len = min(len, n - done);
		base = (char *)u->iov->iov_base + u->done_in_first;
		if (unlikely(move_piece(u, base, buf + done, len, way))) {
			/* What lies before the page that is not there still counts. */
			size_t edge = PAGE_SIZE - ((u64)base & ~PAGE_MASK);

			if (len <= edge || move_piece(u, base, buf + done, edge, way))
				return done ? (ssize_t)done : -EFAULT;
			len = edge;
		}
		u->done_in_first += len;
		u->left -= len;
		done += len;
	}
	return done;
}

ssize_t uio_put(struct uio *u, const void *src, size_t n)
{
	return uio_move(u, (char *)src, n, UIO_PUT);
}

ssize_t uio_get(struct uio *u, void *dst, size_t n)
{
	return uio_move(u, dst, n, UIO_GET);
}

ssize_t uio_put_zeros(struct uio *u, size_t n)
{
	return uio_move(u, NULL, n, UIO_ZERO);
}
