/* SPDX-License-Identifier: MIT */
/*
 * What all sockets have in common: the table of families, the life of a struct socket, its open file,
 * waiting, and control messages. The options of SOL_SOCKET are in sockopt.c.
 *
 * The words of a struct socket are read and written
 * without a lock; s->lock guards who the peer is.
 */
#include "net/netlink.h"
#include "net/unix.h"

#include <linux/sched.h>
#include <linux/sockios.h>

#define BUFFER_DEFAULT 212992 /* net.core.wmem_default, rmem_default */

static socket_create_fn *const families[AF_MAX] = {
	[AF_UNIX] = unix_create,
	[AF_INET] = inet_create,
	[AF_NETLINK] = netlink_create,
	[AF_PACKET] = packet_create,
};
static u64 nr_sockets;

/* ---- families and network stacks ---- */

void net_init(void)
{
	counts_register("sockets", &nr_sockets);
	mq_cookie_send = netlink_cookie;
	inet_init();
	rtnetlink_init();
	unix_names_init();
}

struct socket *socket_create(int family, int type, int protocol)
{
	if (family < 0 || family >= AF_MAX)
		return ERR_PTR(-EAFNOSUPPORT);
	if (type < 0 || type >= SOCK_TYPE_MAX)
		return ERR_PTR(-EINVAL);
	if (!families[family])
		return ERR_PTR(-EAFNOSUPPORT);
	return families[family](current_net(), type, protocol);
}

/* ---- the life of a socket ---- */

void *socket_new(size_t size, const struct socket_ops *ops, struct net_ns *net, int family,
		 int type, int protocol)
{
	struct socket *s = kzalloc(size);

	if (!s)
		return ERR_PTR(-ENOMEM);
	ref_init(&s->refs);
	s->family = family;
	s->type = type;
	s->protocol = protocol;
	s->ops = ops;
	s->net = net;
	ns_get(&net->ns);
	s->charge = mem_payer_of(s);
	waitq_init(&s->rd);
	waitq_init(&s->wr);
	spin_init(&s->lock);
	list_init(&s->rx);
	s->sndbuf = s->rcvbuf = BUFFER_DEFAULT;
	s->rcvlowat = 1;
	s->rcvtimeo = s->sndtimeo = ~0UL;
	__atomic_fetch_add(&nr_sockets, 1, __ATOMIC_RELAXED);
	return s;
}

void socket_free(struct socket *s)
{
	pkt_queue_free(&s->rx);
	socket_set_peer(s, NULL, NULL);
	ns_put(&s->net->ns);
	__atomic_fetch_sub(&nr_sockets, 1, __ATOMIC_RELAXED);
	kfree(s);
}

void socket_put(struct socket *s)
{
	if (s && ref_put(&s->refs))
		s->ops->destroy(s);
}

void socket_set_peer(struct socket *s, struct pid *pid, const struct cred *cred)
{
	struct pid *old_pid = s->peer_pid;
	const struct cred *old_cred = s->peer_cred;

	if (pid) {
		pid_get(pid);
		cred_get(cred);
	}
	spin_lock(&s->lock);
	s->peer_pid = pid;
	s->peer_cred = cred;
	spin_unlock(&s->lock);
	if (old_pid) {
		pid_put(old_pid);
		cred_put(old_cred);
	}
}

int socket_error(struct socket *s)
{
	return READ_ONCE(s->error) ? -__atomic_exchange_n(&s->error, 0, __ATOMIC_RELAXED) : 0;
}

/* ---- waiting ---- */

u64 socket_deadline(u64 timeo, unsigned int msg_flags)
{
	u64 now;

	if (msg_flags & MSG_DONTWAIT)
		return 0;
	if (timeo == ~0UL)
		return timeo;
	now = clock_ns();
	return timeo > ~0UL - 1 - now ? ~0UL - 1 : now + timeo;
}

int socket_wait_error(int err, u64 deadline)
{
	if (err == -ETIMEDOUT)
		return -EAGAIN;
	return err == -ERESTARTSYS && deadline != ~0UL ? -EINTR : err;
}

/* ---- names, control messages (cmsg(3)) ---- */

void put_name(struct net_msg *msg, const void *addr, int len)
{
	if (!msg->name)
		return;
	memcpy(msg->name, addr, len);
	msg->name_len = len;
}

void put_cmsg(struct net_msg *msg, int level, int type, const void *data, size_t n)
{
	struct cmsghdr head = { sizeof(head) + n, level, type };
	char __user *to = msg->control;

	if (!to || msg->control_len < sizeof(head)) {
		msg->out |= MSG_CTRUNC;
		return;
	}
	if (msg->control_len < head.cmsg_len) {
		msg->out |= MSG_CTRUNC;
		head.cmsg_len = msg->control_len;
	}
	if (copy_to_user(to, &head, sizeof(head)) ||
	    copy_to_user(to + sizeof(head), data, head.cmsg_len - sizeof(head)))
		return;
	n = min(CMSG_ALIGN(sizeof(head) + n), msg->control_len);
	msg->control = to + n;
	msg->control_len -= n;
}

void put_stamp(const struct socket *s, struct net_msg *msg, u64 when)
{
	bool ns = socket_opt(s, SOCK_OPT_STAMP_NS), new = socket_opt(s, SOCK_OPT_STAMP_NEW);
	s64 stamp[2]; /* a struct timeval or timespec: 64-bit programs have one kind of each */

	if (!socket_opt(s, SOCK_OPT_TIMESTAMP))
		return;
	when = when ?: clock_wall_ns();
	stamp[0] = when / NSEC_PER_SEC;
	stamp[1] = when % NSEC_PER_SEC / (ns ? 1 : NSEC_PER_USEC);
	put_cmsg(msg, SOL_SOCKET,
		 ns ? (new ? SO_TIMESTAMPNS_NEW : SO_TIMESTAMPNS_OLD)
		    : (new ? SO_TIMESTAMP_NEW : SO_TIMESTAMP_OLD),
		 stamp, sizeof(stamp));
}

struct cmsghdr *next_cmsg(const struct net_msg *msg, struct cmsghdr *c, int *err)
{
	size_t at = c ? (char *)c - (char *)msg->control + CMSG_ALIGN(c->cmsg_len) : 0;

	if (!msg->control || at > msg->control_len || msg->control_len - at < sizeof(*c))
		return NULL;
	c = msg->control + at;
	if (c->cmsg_len >= sizeof(*c) && c->cmsg_len <= msg->control_len - at)
		return c;
	*err = -EINVAL;
	return NULL;
}

/* ---- the open file ---- */

ssize_t socket_sendmsg(struct socket *s, struct net_msg *msg)
{
	ssize_t n = s->ops->sendmsg ? s->ops->sendmsg(s, msg) : -EOPNOTSUPP;

	if (n == -EPIPE && s->type == SOCK_STREAM && !(msg->flags & MSG_NOSIGNAL))
		signal_self(SIGPIPE);
	return n;
}

ssize_t socket_recvmsg(struct socket *s, struct net_msg *msg)
{
	return s->ops->recvmsg ? s->ops->recvmsg(s, msg) : -EOPNOTSUPP;
}

static ssize_t sock_read(struct file *f, struct uio *to, loff_t *pos)
{
	struct net_msg msg = { .data = *to, .flags = f->flags & O_NONBLOCK ? MSG_DONTWAIT : 0 };

	return to->left ? socket_recvmsg(f->priv, &msg) : 0;
}

static ssize_t sock_write(struct file *f, struct uio *from, loff_t *pos)
{
	struct socket *s = f->priv;
	struct net_msg msg = { .data = *from, .flags = f->flags & O_NONBLOCK ? MSG_DONTWAIT : 0 };

	if (s->type == SOCK_SEQPACKET)
		msg.flags |= MSG_EOR;
	return socket_sendmsg(s, &msg);
}

static u32 sock_poll(struct file *f, struct poll_table *pt)
{
	struct socket *s = f->priv;

	return s->ops->poll ? s->ops->poll(s, f, pt) : 0;
}

static long sock_ioctl(struct file *f, unsigned int cmd, unsigned long arg)
{
	struct socket *s = f->priv;

	long ret = s->ops->ioctl ? s->ops->ioctl(s, cmd, arg) : -ENOTTY;

	return ret == -ENOTTY ? net_ioctl(s->net, cmd, arg)
			      : ret; /* netdevice(7): any socket will do */
}

static void sock_release(struct file *f)
{
	struct socket *s = f->priv;

	s->file = NULL;
	if (s->ops->release)
		s->ops->release(s);
	socket_put(s);
}

static const struct file_ops socket_fops = {
	.read = sock_read,
	.write = sock_write,
	.poll = sock_poll,
	.ioctl = sock_ioctl,
	.release = sock_release,
};

struct file *socket_file(struct socket *s, int flags)
{
	struct file *f = file_anon("socket", &socket_fops, s, O_RDWR | (flags & O_NONBLOCK));

	if (!IS_ERR(f)) {
		s->file = f;
		return f;
	}
	if (s->ops->release)
		s->ops->release(s);
	socket_put(s);
	return f;
}

struct socket *file_socket(struct file *f)
{
	return f->ops == &socket_fops ? f->priv : NULL;
}
