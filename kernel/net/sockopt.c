/* SPDX-License-Identifier: MIT */
/*
 * Options of sockets: how a protocol's table of them is read, and the options of every socket, SOL_SOCKET
 * of setsockopt(2) and getsockopt(2), as socket(7) has them.
 */
#include "net/net.h"

#include <linux/capability.h>
#include <linux/time.h>

#define BUFFER_MAX 212992 /* net.core.wmem_max, rmem_max */
#define SNDBUF_MIN 4608 /* what two and one smallest packets take in Linux */
#define RCVBUF_MIN 2304
#define LINGER_MAX (INT32_MAX / 2)
#define STAMP_BITS (SOCK_OPT_TIMESTAMP | SOCK_OPT_STAMP_NS | SOCK_OPT_STAMP_NEW)

/* ---- tables ---- */

static const struct sockopt *find(const struct sockopt *o, int name)
{
	while (o->name && o->name != name)
		o++;
	return o->name ? o : NULL;
}

void sockopt_store(struct socket *s, const struct sockopt *o, int v)
{
	void *field = (char *)s + o->offset;

	if (o->bit)
		socket_opt_set(s, o->bit, v);
	else if (o->size == sizeof(u8))
		*(u8 *)field = o->high ? v : !!v;
	else
		*(int *)field = v;
}

int sockopt_change(struct socket *s, const struct sockopt *table, int name, int v)
{
	const struct sockopt *o = find(table, name);

	if (!o || o->low > o->high)
		return -ENOPROTOOPT;
	if (o->high && (v < o->low || v > o->high))
		return -EINVAL;
	if (o->set)
		return o->set(s, o, v);
	sockopt_store(s, o, v);
	return 0;
}

int sockopt_value(struct socket *s, const struct sockopt *table, int name, int *v)
{
	const struct sockopt *o = find(table, name);
	const void *field = o ? (char *)s + o->offset : NULL;

	if (!o || (!o->get && !o->bit && !o->size))
		return -ENOPROTOOPT;
	if (o->get)
		return o->get(s, o, v);
	*v = o->bit                   ? socket_opt(s, o->bit)
	     : o->size == sizeof(u8)  ? *(u8 *)field
	     : o->size == sizeof(u16) ? *(u16 *)field
				      : *(int *)field;
	return 0;
}

int sockopt_tell(struct socket *s, const struct sockopt *table, int name, void __user *val,
		 int __user *ulen)
{
	int v, err;

	if (get_user(v, ulen)) /* a bad length is told before a bad name */
		return -EFAULT;
	err = v < 0 ? -EINVAL : sockopt_value(s, table, name, &v);
	return err ?: sockopt_put(val, ulen, &v, sizeof(v));
}

/* The n bytes that an option of a struct has at least. */
static int sockopt_get(void *to, size_t n, const void __user *val, int len)
{
	return len < (int)n ? -EINVAL : copy_from_user(to, val, n) ? -EFAULT : 0;
}

int sockopt_int(const void __user *val, int len, int *v)
{
	return sockopt_get(v, sizeof(*v), val, len);
}

int sockopt_put(void __user *val, int __user *ulen, const void *v, size_t n)
{
	int len;

	if (get_user(len, ulen))
		return -EFAULT;
	if (len < 0)
		return -EINVAL;
	len = min((size_t)len, n);
	return copy_to_user(val, v, len) ?: put_user(len, ulen);
}

/* ---- setting ---- */

static int set_timeout(u64 *timeo, const void __user *val, int len)
{
	struct __kernel_old_timeval tv;
	int err = sockopt_get(&tv, sizeof(tv), val, len);

	if (err)
		return err;
	if (tv.tv_usec < 0 || tv.tv_usec >= 1000000)
		return -EDOM;
	if (tv.tv_sec < 0)
		*timeo = 0;
	else if ((!tv.tv_sec && !tv.tv_usec) || (u64)tv.tv_sec >= ~0UL / NSEC_PER_SEC - 1)
		*timeo = ~0UL;
	else
		*timeo = tv.tv_sec * NSEC_PER_SEC + tv.tv_usec * 1000;
	return 0;
}

static int set_linger(struct socket *s, const void __user *val, int len)
{
	struct linger l;
	int err = sockopt_get(&l, sizeof(l), val, len);

	if (err)
		return err;
	if (l.l_onoff)
		s->linger_s = l.l_linger < 0 || l.l_linger > LINGER_MAX ? LINGER_MAX : l.l_linger;
	socket_opt_set(s, SOCK_OPT_LINGER, l.l_onoff);
	return 0;
}

/* SO_BINDTODEVICE: by name, none for "". Only who may send anything may change its mind. */
static int set_device(struct socket *s, const void __user *val, int len)
{
	char name[IFNAMSIZ] = "";
	struct netdev *dev = NULL;

	if (s->bound_dev && !net_capable(s->net, CAP_NET_RAW))
		return -EPERM;
	if (copy_from_user(name, val, min(len, IFNAMSIZ - 1)))
		return -EFAULT;
	if (name[0]) {
		dev = netdev_by_name(s->net, name);
		if (!dev)
			return -ENODEV;
	}
	s->bound_dev = dev ? dev->ifindex : 0;
	netdev_put(dev);
	return 0;
}

static int get_device(struct socket *s, void __user *val, int __user *ulen)
{
	SCOPED_DEV(dev, netdev_by_index(s->net, s->bound_dev));
	int len;

	if (get_user(len, ulen))
		return -EFAULT;
	if (!s->bound_dev)
		return put_user(0, ulen);
	if (len < IFNAMSIZ)
		return -EINVAL;
	return dev ? sockopt_put(val, ulen, dev->name, strlen(dev->name) + 1) : -ENODEV;
}

/* What a program asks for is doubled: the other half is for the overhead. */
static int set_buffer(struct socket *s, const struct sockopt *o, int v)
{
	bool force = !o->size;
	bool sends = o->offset == offsetof(struct socket, sndbuf);

	if (force && !capable(CAP_NET_ADMIN)) /* of the machine: a limit is passed */
		return -EPERM;
	v = force ? min(max(v, 0), INT32_MAX / 2) : (int)min((u32)v, (u32)BUFFER_MAX);
	sockopt_store(s, o, max(v * 2, sends ? SNDBUF_MIN : RCVBUF_MIN));
	if (sends)
		waitq_wake_all(&s->wr, POLLOUT);
	return 0;
}

static int set_checked(struct socket *s, const struct sockopt *o, int v)
{
	switch (o->name) {
	case SO_DEBUG:
		if (v && !capable(CAP_NET_ADMIN))
			return -EACCES;
		break;
	case SO_PRIORITY:
	case SO_MARK:
		if ((o->name == SO_MARK || v < 0 || v > 6) && !net_capable(s->net, CAP_NET_RAW) &&
		    !net_capable(s->net, CAP_NET_ADMIN))
			return -EPERM;
		break;
	case SO_RCVLOWAT:
		v = v < 0 ? INT32_MAX : v ?: 1;
		break;
	case SO_DETACH_FILTER:
		return -ENOENT;
	}
	sockopt_store(s, o, v);
	if (o->name == SO_KEEPALIVE && s->ops->keepalive)
		s->ops->keepalive(s, v);
	return 0;
}

/* SO_TIMESTAMP and its kin are one switch of three bits (o->bit): the last one set says how. */
static int set_stamp(struct socket *s, const struct sockopt *o, int v)
{
	socket_opt_set(s, STAMP_BITS, false);
	socket_opt_set(s, o->bit, v);
	if (v)
		WRITE_ONCE(s->net->stamps, true);
	return 0;
}

/* ---- getting ---- */

static int get_peercred(struct socket *s, void __user *val, int __user *len)
{
	struct ucred uc = { 0, -1, -1 };

	spin_lock(&s->lock);
	if (s->peer_pid) {
		uc.pid = pid_nr_ns(s->peer_pid, task_pid_ns(current));
		uc.uid = uid_shown(s->peer_cred->euid);
		uc.gid = gid_shown(s->peer_cred->egid);
	}
	spin_unlock(&s->lock);
	return sockopt_put(val, len, &uc, sizeof(uc));
}

static int put_groups(const struct group_list *g, gid_t __user *val, int __user *ulen)
{
	int len, need = g ? g->n * sizeof(gid_t) : 0;

	if (get_user(len, ulen))
		return -EFAULT;
	if (len < 0)
		return -EINVAL;
	if (put_user(need, ulen))
		return -EFAULT;
	if (len < need)
		return -ERANGE;
	for (u32 i = 0; g && i < g->n; i++)
		if (put_user(gid_shown(g->gids[i]), val + i))
			return -EFAULT;
	return 0;
}

static int get_peergroups(struct socket *s, void __user *val, int __user *len)
{
	const struct cred *cred;
	int err;

	spin_lock(&s->lock);
	cred = s->peer_cred;
	if (cred)
		cred_get(cred);
	spin_unlock(&s->lock);
	if (!cred)
		return -ENODATA;
	err = put_groups(cred->groups, val, len);
	cred_put(cred);
	return err;
}

static int get_computed(struct socket *s, const struct sockopt *o, int *v)
{
	u32 stamp = READ_ONCE(s->options) & STAMP_BITS;

	if (o->name == SO_ERROR)
		*v = -socket_error(s);
	else if (o->name == SO_SNDLOWAT)
		*v = 1;
	else if (o->name == SO_TIMESTAMP_NEW) /* is told of either new one */
		*v = !!(stamp & SOCK_OPT_STAMP_NEW);
	else
		*v = stamp == o->bit;
	return 0;
}

/* ---- SOL_SOCKET ---- */

static const struct sockopt options[] = {
	{ SO_DEBUG, .bit = SOCK_OPT_DEBUG, .set = set_checked },
	{ SO_REUSEADDR, .bit = SOCK_OPT_REUSEADDR },
	{ SO_REUSEPORT, .bit = SOCK_OPT_REUSEPORT },
	{ SO_KEEPALIVE, .bit = SOCK_OPT_KEEPALIVE, .set = set_checked },
	{ SO_BROADCAST, .bit = SOCK_OPT_BROADCAST },
	{ SO_DONTROUTE, .bit = SOCK_OPT_DONTROUTE },
	{ SO_OOBINLINE, .bit = SOCK_OPT_OOBINLINE },
	{ SO_PASSCRED, .bit = SOCK_OPT_PASSCRED },
	{ SO_NO_CHECK, .bit = SOCK_OPT_NO_CHECK },
	{ SO_ACCEPTCONN, .bit = SOCK_OPT_LISTENING, SOCKOPT_READ_ONLY },
	{ SO_TYPE, SOCKOPT_FIELD(struct socket, type), SOCKOPT_READ_ONLY },
	{ SO_DOMAIN, SOCKOPT_FIELD(struct socket, family), SOCKOPT_READ_ONLY },
	{ SO_PROTOCOL, SOCKOPT_FIELD(struct socket, protocol), SOCKOPT_READ_ONLY },
	{ SO_ERROR, .get = get_computed, SOCKOPT_READ_ONLY },
	{ SO_SNDLOWAT, .get = get_computed, SOCKOPT_READ_ONLY },
	{ SO_RCVLOWAT, SOCKOPT_FIELD(struct socket, rcvlowat), .set = set_checked },
	{ SO_SNDBUF, SOCKOPT_FIELD(struct socket, sndbuf), .set = set_buffer },
	{ SO_RCVBUF, SOCKOPT_FIELD(struct socket, rcvbuf), .set = set_buffer },
	{ SO_SNDBUFFORCE, SOCKOPT_SET_ONLY(struct socket, sndbuf), .set = set_buffer },
	{ SO_RCVBUFFORCE, SOCKOPT_SET_ONLY(struct socket, rcvbuf), .set = set_buffer },
	{ SO_PRIORITY, SOCKOPT_FIELD(struct socket, priority), .set = set_checked },
	{ SO_MARK, SOCKOPT_FIELD(struct socket, mark), .set = set_checked },
	{ SO_DETACH_FILTER, .set = set_checked },
	{ SO_TIMESTAMP_OLD, .bit = SOCK_OPT_TIMESTAMP, .set = set_stamp, .get = get_computed },
	{ SO_TIMESTAMPNS_OLD, .bit = SOCK_OPT_TIMESTAMP | SOCK_OPT_STAMP_NS, .set = set_stamp,
	  .get = get_computed },
	{ SO_TIMESTAMP_NEW, .bit = SOCK_OPT_TIMESTAMP | SOCK_OPT_STAMP_NEW, .set = set_stamp,
	  .get = get_computed },
	{ SO_TIMESTAMPNS_NEW, .bit = STAMP_BITS, .set = set_stamp, .get = get_computed },
	{ 0 },
};

/* The time-out of that name; NULL: it is none. */
static u64 *timeout(struct socket *s, int name)
{
	return name == SO_RCVTIMEO_OLD || name == SO_RCVTIMEO_NEW   ? &s->rcvtimeo
	       : name == SO_SNDTIMEO_OLD || name == SO_SNDTIMEO_NEW ? &s->sndtimeo
								    : NULL;
}

int socket_setsockopt(struct socket *s, int name, const void __user *val, int len)
{
	int v, err;

	if (name == SO_BINDTODEVICE) /* any length will do */
		return set_device(s, val, len);
	err = sockopt_int(val, len, &v);
	if (err)
		return err;
	if (name == SO_LINGER)
		return set_linger(s, val, len);
	if (timeout(s, name))
		return set_timeout(timeout(s, name), val, len);
	return sockopt_change(s, options, name, v);
}

static int get_timeout(u64 timeo, void __user *val, int __user *len)
{
	struct __kernel_old_timeval tv = { 0, 0 };

	if (timeo != ~0UL) {
		tv.tv_sec = timeo / NSEC_PER_SEC;
		tv.tv_usec = timeo % NSEC_PER_SEC / 1000;
	}
	return sockopt_put(val, len, &tv, sizeof(tv));
}

int socket_getsockopt(struct socket *s, int name, void __user *val, int __user *len)
{
	struct linger l = { socket_opt(s, SOCK_OPT_LINGER), s->linger_s };

	if (timeout(s, name))
		return get_timeout(*timeout(s, name), val, len);
	switch (name) {
	case SO_LINGER:
		return sockopt_put(val, len, &l, sizeof(l));
	case SO_PEERCRED:
		return get_peercred(s, val, len);
	case SO_BINDTODEVICE:
		return get_device(s, val, len);
	case SO_PEERGROUPS:
		return get_peergroups(s, val, len);
	}
	return sockopt_tell(s, options, name, val, len);
}
