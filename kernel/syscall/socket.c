/* SPDX-License-Identifier: MIT */
/*
 * The socket calls: what they are given is copied in and checked, in the order in which Linux does (a
 * program that makes two mistakes sees the same errno), net/ does the work, results are copied out.
 */
#include "net/net.h"
#include "syscall/syscall.h"

#define CONTROL_MAX 20480U /* net.core.optmem_max: the longest control messages of one call */
#define TYPE_FLAGS (SOCK_CLOEXEC | SOCK_NONBLOCK)

/* The socket of a descriptor for the rest of the block; var.err: 0, -EBADF, -ENOTSOCK. */
struct user_socket {
	struct file *f;
	struct socket *s;
	int err;
};

static struct user_socket user_socket(int fd)
{
	struct file *f = fd_get(fd);
	struct socket *s = f ? file_socket(f) : NULL;

	return (struct user_socket){ f, s, !f ? -EBADF : s ? 0 : -ENOTSOCK };
}

static void user_socket_put(struct user_socket *u)
{
	if (u->f)
		file_put(u->f);
}
#define USER_SOCKET(var, fd)                                                                       \
	struct user_socket var __attribute__((cleanup(user_socket_put))) = user_socket(fd)

/* ---- addresses ---- */

static int get_addr(struct sockaddr_storage *to, const void __user *uaddr, int len)
{
	if (len < 0 || len > (int)sizeof(*to))
		return -EINVAL;
	return len ? copy_from_user(to, uaddr, len) : 0;
}

/* What does not fit is cut off, and the full length told. */
static int put_addr(const struct sockaddr_storage *from, int len, void __user *uaddr,
		    int __user *ulen)
{
	int room;

	if (get_user(room, ulen))
		return -EFAULT;
	if (room < 0)
		return -EINVAL;
	if (copy_to_user(uaddr, from, min(room, len)))
		return -EFAULT;
	return put_user(len, ulen);
}

/* ---- making sockets ---- */

static long install(struct socket *s, int flags)
{
	return fd_install(socket_file(s, flags), 0, flags & SOCK_CLOEXEC);
}

SYSCALL3(socket, int, family, int, type, int, protocol)
{
	int flags = type & ~SOCK_TYPE_MASK;
	struct socket *s;

	if (flags & ~TYPE_FLAGS)
		return -EINVAL;
	s = socket_create(family, type & SOCK_TYPE_MASK, protocol);
	return IS_ERR(s) ? PTR_ERR(s) : install(s, flags);
}

/* Two sockets that are connected, as files. */
static int make_pair(int family, int type, int protocol, struct file *f[2])
{
	struct socket *a = socket_create(family, type & SOCK_TYPE_MASK, protocol), *b;
	int err;

	if (IS_ERR(a))
		return PTR_ERR(a);
	f[0] = socket_file(a, type);
	if (IS_ERR(f[0]))
		return PTR_ERR(f[0]);
	b = socket_create(family, type & SOCK_TYPE_MASK, protocol);
	f[1] = IS_ERR(b) ? (struct file *)b : socket_file(b, type);
	if (IS_ERR(f[1])) {
		file_put(f[0]);
		return PTR_ERR(f[1]);
	}
	err = a->ops->socketpair ? a->ops->socketpair(a, b) : -EOPNOTSUPP;
	if (err) {
		file_put(f[0]);
		file_put(f[1]);
	}
	return err;
}

SYSCALL4(socketpair, int, family, int, type, int, protocol, int __user *, ufds)
{
	struct file *f[2] = { 0 };
	int fds[2], err;

	if ((type & ~SOCK_TYPE_MASK) & ~TYPE_FLAGS)
		return -EINVAL;
	/* Before anything is made: may it be written? */
	if (copy_from_user(fds, ufds, sizeof(fds)) || copy_to_user(ufds, fds, sizeof(fds)))
		return -EFAULT;
	err = make_pair(family, type, protocol, f);
	if (err)
		return err;
	return fd_install_pair(f, type & SOCK_CLOEXEC, ufds);
}

/* ---- names and connections ---- */

SYSCALL3(bind, int, fd, const void __user *, uaddr, int, len)
{
	USER_SOCKET(u, fd);
	struct sockaddr_storage addr;
	int err = u.err ?: get_addr(&addr, uaddr, len);

	if (err)
		return err;
	return u.s->ops->bind ? u.s->ops->bind(u.s, &addr, len) : -EOPNOTSUPP;
}

SYSCALL3(connect, int, fd, const void __user *, uaddr, int, len)
{
	USER_SOCKET(u, fd);
	struct sockaddr_storage addr;
	int err = u.f ? get_addr(&addr, uaddr, len) ?: u.err : u.err;

	if (err)
		return err;
	return u.s->ops->connect ? u.s->ops->connect(u.s, &addr, len, u.f->flags & O_NONBLOCK)
				 : -EOPNOTSUPP;
}

SYSCALL2(listen, int, fd, unsigned int, backlog)
{
	USER_SOCKET(u, fd);

	if (u.err)
		return u.err;
	return u.s->ops->listen ? u.s->ops->listen(u.s, min(backlog, (unsigned int)SOMAXCONN))
				: -EOPNOTSUPP;
}

SYSCALL4(accept4, int, fd, void __user *, uaddr, int __user *, ulen, int, flags)
{
	USER_SOCKET(u, fd);
	struct sockaddr_storage addr;
	struct socket *s;
	struct file *f;
	int len;

	if (u.f && flags & ~TYPE_FLAGS)
		return -EINVAL;
	if (u.err)
		return u.err;
	if (!u.s->ops->accept)
		return -EOPNOTSUPP;
	len = fd_check(); /* else the connection would be taken and lost */
	if (len)
		return len;
	s = u.s->ops->accept(u.s, u.f->flags & O_NONBLOCK);
	if (IS_ERR(s))
		return PTR_ERR(s);
	f = socket_file(s, flags);
	if (IS_ERR(f) || !uaddr)
		return fd_install(f, 0, flags & SOCK_CLOEXEC);
	len = s->ops->getname(s, &addr, true);
	len = len < 0 ? -ECONNABORTED : put_addr(&addr, len, uaddr, ulen);
	if (!len)
		return fd_install(f, 0, flags & SOCK_CLOEXEC);
	file_put(f);
	return len;
}

SYSCALL_ALIAS(accept, accept4, _1, _2, _3, 0)

static long get_name(int fd, void __user *uaddr, int __user *ulen, bool peer)
{
	USER_SOCKET(u, fd);
	struct sockaddr_storage addr;
	int len;

	if (u.err)
		return u.err;
	len = u.s->ops->getname ? u.s->ops->getname(u.s, &addr, peer) : -EOPNOTSUPP;
	return len < 0 ? len : put_addr(&addr, len, uaddr, ulen);
}

SYSCALL_IS(getsockname, get_name(_1, (void __user *)_2, (int __user *)_3, false))
SYSCALL_IS(getpeername, get_name(_1, (void __user *)_2, (int __user *)_3, true))

SYSCALL2(shutdown, int, fd, int, how)
{
	USER_SOCKET(u, fd);

	if (u.err)
		return u.err;
	if (how < SHUT_RD || how > SHUT_RDWR)
		return -EINVAL;
	return u.s->ops->shutdown ? u.s->ops->shutdown(u.s, how + 1) : -EOPNOTSUPP;
}

/* ---- options ---- */

SYSCALL5(setsockopt, int, fd, int, level, int, name, const void __user *, val, int, len)
{
	USER_SOCKET(u, fd);

	if (len < 0)
		return -EINVAL;
	if (u.err)
		return u.err;
	if (level == SOL_SOCKET)
		return socket_setsockopt(u.s, name, val, len);
	return u.s->ops->setsockopt ? u.s->ops->setsockopt(u.s, level, name, val, len)
				    : -EOPNOTSUPP;
}

SYSCALL5(getsockopt, int, fd, int, level, int, name, void __user *, val, int __user *, len)
{
	USER_SOCKET(u, fd);

	if (u.err)
		return u.err;
	if (level == SOL_SOCKET)
		return socket_getsockopt(u.s, name, val, len);
	return u.s->ops->getsockopt ? u.s->ops->getsockopt(u.s, level, name, val, len)
				    : -EOPNOTSUPP;
}

/* ---- one buffer ---- */

static unsigned int call_flags(const struct user_socket *u, unsigned int flags)
{
	return u->f->flags & O_NONBLOCK ? flags | MSG_DONTWAIT : flags;
}

SYSCALL6(sendto, int, fd, void __user *, buf, size_t, n, unsigned int, flags, const void __user *,
	 uaddr, int, len)
{
	USER_SOCKET(u, fd);
	struct sockaddr_storage addr;
	struct net_msg msg = { 0 };
	struct iovec iov;
	int err;

	n = min(n, MAX_RW_COUNT);
	if (!user_range_ok(buf, n))
		return -EFAULT;
	err = u.err ?: uaddr ? get_addr(&addr, uaddr, len) : 0;
	if (err)
		return err;
	uio_init_user(&msg.data, &iov, buf, n);
	msg.name = uaddr && len ? &addr : NULL;
	msg.name_len = msg.name ? len : 0;
	msg.flags = call_flags(&u, flags & ~MSG_CMSG_COMPAT);
	return socket_sendmsg(u.s, &msg);
}

SYSCALL6(recvfrom, int, fd, void __user *, buf, size_t, n, unsigned int, flags, void __user *,
	 uaddr, int __user *, ulen)
{
	USER_SOCKET(u, fd);
	struct sockaddr_storage addr;
	struct net_msg msg = { 0 };
	struct iovec iov;
	ssize_t done;
	int err;

	n = min(n, MAX_RW_COUNT);
	if (!user_range_ok(buf, n))
		return -EFAULT;
	if (u.err)
		return u.err;
	uio_init_user(&msg.data, &iov, buf, n);
	msg.name = uaddr ? &addr : NULL;
	msg.flags = call_flags(&u, flags);
	done = socket_recvmsg(u.s, &msg);
	err = done >= 0 && uaddr ? put_addr(&addr, msg.name_len, uaddr, ulen) : 0;
	return err ?: done;
}

/* ---- messages ---- */

/* What a message header brings: the vector, and the address and control messages of a sender. */
struct user_msg {
	struct msghdr head; /* as the user gave it */
	struct user_iov iov;
	struct sockaddr_storage addr;
	struct net_msg msg;
};

static int user_msg_get(struct user_msg *m, const struct msghdr __user *uhead, bool sends)
{
	struct msghdr *h = &m->head;
	ssize_t n;
	int err;

	m->iov.vec = m->iov.small;
	m->msg = (struct net_msg){ 0 };
	if (copy_from_user(h, uhead, sizeof(*h)))
		return -EFAULT;
	if (!h->msg_name)
		h->msg_namelen = 0;
	if (h->msg_namelen < 0)
		return -EINVAL;
	h->msg_namelen = min(h->msg_namelen, (int)sizeof(m->addr));
	if (!sends)
		m->msg.name = h->msg_name ? &m->addr : NULL;
	else if (h->msg_namelen) {
		err = get_addr(&m->addr, h->msg_name, h->msg_namelen);
		if (err)
			return err;
		m->msg.name = &m->addr;
		m->msg.name_len = h->msg_namelen;
	}
	if (h->msg_iovlen > UIO_MAXIOV)
		return -EMSGSIZE;
	n = user_iov_get(&m->iov, &m->msg.data, h->msg_iov, h->msg_iovlen);
	return min(n, (ssize_t)0);
}

static ssize_t send_user_msg(const struct user_socket *u, struct user_msg *m, unsigned int flags)
{
	size_t n = m->head.msg_controllen;
	void *control = NULL;
	ssize_t done = -EFAULT;

	if (n > CONTROL_MAX)
		return -ENOBUFS;
	if (n) {
		control = kmalloc(n);
		if (!control)
			return -ENOBUFS;
		if (copy_from_user(control, m->head.msg_control, n))
			goto out;
	}
	m->msg.control = control;
	m->msg.control_len = n;
	m->msg.flags = call_flags(u, flags);
	done = socket_sendmsg(u->s, &m->msg);
out:
	kfree(control);
	return done;
}

static long send_one(const struct user_socket *u, const struct msghdr __user *uhead,
		     unsigned int flags)
{
	struct user_msg m;
	long done = user_msg_get(&m, uhead, true);

	if (!done)
		done = send_user_msg(u, &m, flags);
	user_iov_put(&m.iov);
	return done;
}

static long recv_one(const struct user_socket *u, struct msghdr __user *uhead, unsigned int flags,
		     unsigned int *out)
{
	struct user_msg m;
	long done = user_msg_get(&m, uhead, false);
	size_t used;

	if (done)
		goto end;
	m.msg.control = m.head.msg_control;
	m.msg.control_len = m.head.msg_controllen;
	m.msg.flags = call_flags(u, flags);
	m.msg.out = flags & MSG_CMSG_CLOEXEC;
	done = socket_recvmsg(u->s, &m.msg);
	if (done < 0)
		goto end;
	used = (char *)m.msg.control - (char *)m.head.msg_control;
	if ((m.msg.name &&
	     put_addr(&m.addr, m.msg.name_len, m.head.msg_name, &uhead->msg_namelen)) ||
	    put_user(m.msg.out, &uhead->msg_flags) || put_user(used, &uhead->msg_controllen))
		done = -EFAULT;
	*out = m.msg.out;
end:
	user_iov_put(&m.iov);
	return done;
}

SYSCALL3(sendmsg, int, fd, const struct msghdr __user *, uhead, unsigned int, flags)
{
	USER_SOCKET(u, fd);

	if (flags & MSG_CMSG_COMPAT)
		return -EINVAL;
	return u.err ?: send_one(&u, uhead, flags);
}

SYSCALL3(recvmsg, int, fd, struct msghdr __user *, uhead, unsigned int, flags)
{
	USER_SOCKET(u, fd);
	unsigned int out;

	if (flags & MSG_CMSG_COMPAT)
		return -EINVAL;
	return u.err ?: recv_one(&u, uhead, flags, &out);
}

SYSCALL4(sendmmsg, int, fd, struct mmsghdr __user *, vec, unsigned int, n, unsigned int, flags)
{
	USER_SOCKET(u, fd);
	unsigned int done = 0;
	long ret = 0;

	if (flags & MSG_CMSG_COMPAT)
		return -EINVAL;
	if (u.err)
		return u.err;
	if (n && !vec)
		return -EFAULT;
	n = min(n, (unsigned int)UIO_MAXIOV);
	while (done < n) {
		ret = send_one(&u, &vec[done].msg_hdr, flags);
		if (ret >= 0)
			ret = put_user((unsigned int)ret, &vec[done].msg_len);
		if (ret < 0)
			break;
		done++;
		if (thread_interrupted())
			break;
	}
	return done ?: ret;
}

static long recv_many(const struct user_socket *u, struct mmsghdr __user *vec, unsigned int n,
		      unsigned int flags, u64 deadline)
{
	unsigned int done = 0, out = 0;
	long ret = 0;

	while (done < n && !(out & MSG_OOB)) {
		ret = recv_one(u, &vec[done].msg_hdr, flags & ~MSG_WAITFORONE, &out);
		if (ret >= 0)
			ret = put_user((unsigned int)ret, &vec[done].msg_len);
		if (ret < 0)
			break;
		done++;
		if (flags & MSG_WAITFORONE)
			flags |= MSG_DONTWAIT;
		if (deadline != ~0UL && clock_ns() >= deadline)
			break;
	}
	/* What stopped it after the first is for the next call to tell. */
	if (done && ret < 0 && ret != -EAGAIN)
		WRITE_ONCE(u->s->error, (int)-ret);
	return done ?: ret;
}

SYSCALL5(recvmmsg, int, fd, struct mmsghdr __user *, vec, unsigned int, n, unsigned int, flags,
	 struct __kernel_timespec __user *, utimeout)
{
	USER_SOCKET(u, fd);
	u64 ns, deadline = ~0UL, now;
	long ret;

	if (flags & MSG_CMSG_COMPAT)
		return -EINVAL;
	if (utimeout) {
		ret = user_timespec(&ns, utimeout);
		if (ret)
			return ret;
		deadline = deadline_after(ns);
	}
	ret = u.err ?: utimeout ? 0 : socket_error(u.s);
	if (ret)
		return ret;
	if (n && !vec)
		return -EFAULT;
	ret = recv_many(&u, vec, min(n, (unsigned int)UIO_MAXIOV), flags, deadline);
	now = clock_ns();
	if (ret > 0 && utimeout && put_timespec(utimeout, deadline > now ? deadline - now : 0))
		return -EFAULT;
	return ret;
}
