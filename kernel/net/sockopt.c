/* SPDX-License-Identifier: MIT */
/* The options of every socket: SOL_SOCKET of setsockopt(2) and getsockopt(2), as socket(7) has them. */
#include "net/net.h"

#include <linux/capability.h>
#include <linux/time.h>

#define BUFFER_MAX 212992 /* net.core.wmem_max, rmem_max */
#define SNDBUF_MIN 4608 /* what two and one smallest packets take in Linux */
#define RCVBUF_MIN 2304
#define LINGER_MAX (INT32_MAX / 2)

static const struct {
	int name;
	u32 bit;
} switches[] = {
	{ SO_DEBUG, SOCK_OPT_DEBUG },         { SO_REUSEADDR, SOCK_OPT_REUSEADDR },
	{ SO_REUSEPORT, SOCK_OPT_REUSEPORT }, { SO_KEEPALIVE, SOCK_OPT_KEEPALIVE },
	{ SO_BROADCAST, SOCK_OPT_BROADCAST }, { SO_DONTROUTE, SOCK_OPT_DONTROUTE },
	{ SO_OOBINLINE, SOCK_OPT_OOBINLINE }, { SO_PASSCRED, SOCK_OPT_PASSCRED },
	{ SO_NO_CHECK, SOCK_OPT_NO_CHECK },
};

static u32 switch_bit(int name)
{
	for (int i = 0; i < ARRAY_SIZE(switches); i++)
		if (switches[i].name == name)
			return switches[i].bit;
	return 0;
}

int sockopt_int(const void __user *val, int len, int *v)
{
	if (len < (int)sizeof(int))
		return -EINVAL;
	return copy_from_user(v, val, sizeof(int));
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

static bool net_capable(const struct socket *s, int cap)
{
	return ns_capable(s->net->ns.owner, cap);
}

/* ---- setting ---- */

static int set_timeout(u64 *timeo, const void __user *val, int len)
{
	struct __kernel_old_timeval tv;

	if (len < (int)sizeof(tv))
		return -EINVAL;
	if (copy_from_user(&tv, val, sizeof(tv)))
		return -EFAULT;
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

	if (len < (int)sizeof(l))
		return -EINVAL;
	if (copy_from_user(&l, val, sizeof(l)))
		return -EFAULT;
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

	if (s->bound_dev && !net_capable(s, CAP_NET_RAW))
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
	struct netdev *dev;
	int len, err;

	if (get_user(len, ulen))
		return -EFAULT;
	if (!s->bound_dev)
		return put_user(0, ulen);
	if (len < IFNAMSIZ)
		return -EINVAL;
	dev = netdev_by_index(s->net, s->bound_dev);
	if (!dev)
		return -ENODEV;
	err = sockopt_put(val, ulen, dev->name, strlen(dev->name) + 1);
	netdev_put(dev);
	return err;
}

/* What a program asks for is doubled: the other half is for the overhead. */
static int buffer_size(int wish, int least)
{
	return max((int)min((u32)wish, (u32)BUFFER_MAX) * 2, least);
}

static int force_buffer(struct socket *s, int *size, int wish, int least)
{
	if (!capable(CAP_NET_ADMIN)) /* of the machine: a limit is passed */
		return -EPERM;
	*size = max(min(max(wish, 0), INT32_MAX / 2) * 2, least);
	return 0;
}

/* SO_TIMESTAMP and its kin are one switch of three bits: the last one set says how. */
static int set_stamp(struct socket *s, bool on, bool ns, bool new)
{
	socket_opt_set(s, SOCK_OPT_TIMESTAMP, on);
	socket_opt_set(s, SOCK_OPT_STAMP_NS, on && ns);
	socket_opt_set(s, SOCK_OPT_STAMP_NEW, on && new);
	if (on)
		WRITE_ONCE(s->net->stamps, true);
	return 0;
}

static int set_switch(struct socket *s, int name, int v)
{
	u32 bit = switch_bit(name);

	if (!bit)
		return -ENOPROTOOPT;
	if (name == SO_DEBUG && v && !capable(CAP_NET_ADMIN))
		return -EACCES;
	socket_opt_set(s, bit, v);
	if (name == SO_KEEPALIVE && s->ops->keepalive)
		s->ops->keepalive(s, v);
	return 0;
}

int socket_setsockopt(struct socket *s, int name, const void __user *val, int len)
{
	int v, err;

	if (name == SO_BINDTODEVICE) /* any length will do */
		return set_device(s, val, len);
	err = sockopt_int(val, len, &v);
	if (err)
		return err;
	switch (name) {
	case SO_SNDBUF:
		s->sndbuf = buffer_size(v, SNDBUF_MIN);
		waitq_wake_all(&s->wr, POLLOUT);
		return 0;
	case SO_RCVBUF:
		s->rcvbuf = buffer_size(v, RCVBUF_MIN);
		return 0;
	case SO_SNDBUFFORCE:
		return force_buffer(s, &s->sndbuf, v, SNDBUF_MIN);
	case SO_RCVBUFFORCE:
		return force_buffer(s, &s->rcvbuf, v, RCVBUF_MIN);
	case SO_PRIORITY:
		if ((v < 0 || v > 6) && !net_capable(s, CAP_NET_RAW) &&
		    !net_capable(s, CAP_NET_ADMIN))
			return -EPERM;
		s->priority = v;
		return 0;
	case SO_MARK:
		if (!net_capable(s, CAP_NET_RAW) && !net_capable(s, CAP_NET_ADMIN))
			return -EPERM;
		s->mark = v;
		return 0;
	case SO_RCVLOWAT:
		s->rcvlowat = v < 0 ? INT32_MAX : v ?: 1;
		return 0;
	case SO_LINGER:
		return set_linger(s, val, len);
	case SO_RCVTIMEO_OLD:
	case SO_RCVTIMEO_NEW:
		return set_timeout(&s->rcvtimeo, val, len);
	case SO_SNDTIMEO_OLD:
	case SO_SNDTIMEO_NEW:
		return set_timeout(&s->sndtimeo, val, len);
	case SO_TIMESTAMP_OLD:
	case SO_TIMESTAMP_NEW:
		return set_stamp(s, v, false, name == SO_TIMESTAMP_NEW);
	case SO_TIMESTAMPNS_OLD:
	case SO_TIMESTAMPNS_NEW:
		return set_stamp(s, v, true, name == SO_TIMESTAMPNS_NEW);
	case SO_DETACH_FILTER:
		return -ENOENT;
	}
	return set_switch(s, name, v);
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

static int get_timeout(u64 timeo, void __user *val, int __user *len)
{
	struct __kernel_old_timeval tv = { 0, 0 };

	if (timeo != ~0UL) {
		tv.tv_sec = timeo / NSEC_PER_SEC;
		tv.tv_usec = timeo % NSEC_PER_SEC / 1000;
	}
	return sockopt_put(val, len, &tv, sizeof(tv));
}

#define STAMP_BITS (SOCK_OPT_TIMESTAMP | SOCK_OPT_STAMP_NS | SOCK_OPT_STAMP_NEW)

static int get_int(struct socket *s, int name, int *v)
{
	u32 bit = switch_bit(name), stamp = READ_ONCE(s->options) & STAMP_BITS;

	switch (name) {
	case SO_TYPE:
		*v = s->type;
		return 0;
	case SO_DOMAIN:
		*v = s->family;
		return 0;
	case SO_PROTOCOL:
		*v = s->protocol;
		return 0;
	case SO_ERROR:
		*v = -socket_error(s);
		return 0;
	case SO_SNDBUF:
		*v = s->sndbuf;
		return 0;
	case SO_RCVBUF:
		*v = s->rcvbuf;
		return 0;
	case SO_RCVLOWAT:
		*v = s->rcvlowat;
		return 0;
	case SO_SNDLOWAT:
		*v = 1;
		return 0;
	case SO_PRIORITY:
		*v = s->priority;
		return 0;
	case SO_MARK:
		*v = s->mark;
		return 0;
	case SO_TIMESTAMP_OLD:
		*v = stamp == SOCK_OPT_TIMESTAMP;
		return 0;
	case SO_TIMESTAMP_NEW: /* as Linux has it: of either new one */
		*v = !!(stamp & SOCK_OPT_STAMP_NEW);
		return 0;
	case SO_TIMESTAMPNS_OLD:
		*v = stamp == (SOCK_OPT_TIMESTAMP | SOCK_OPT_STAMP_NS);
		return 0;
	case SO_TIMESTAMPNS_NEW:
		*v = stamp == STAMP_BITS;
		return 0;
	case SO_ACCEPTCONN:
		*v = socket_opt(s, SOCK_OPT_LISTENING);
		return 0;
	}
	if (!bit)
		return -ENOPROTOOPT;
	*v = socket_opt(s, bit);
	return 0;
}

int socket_getsockopt(struct socket *s, int name, void __user *val, int __user *len)
{
	struct linger l = { socket_opt(s, SOCK_OPT_LINGER), s->linger_s };
	int v, err;

	switch (name) {
	case SO_LINGER:
		return sockopt_put(val, len, &l, sizeof(l));
	case SO_RCVTIMEO_OLD:
	case SO_RCVTIMEO_NEW:
		return get_timeout(s->rcvtimeo, val, len);
	case SO_SNDTIMEO_OLD:
	case SO_SNDTIMEO_NEW:
		return get_timeout(s->sndtimeo, val, len);
	case SO_PEERCRED:
		return get_peercred(s, val, len);
	case SO_BINDTODEVICE:
		return get_device(s, val, len);
	case SO_PEERGROUPS:
		return get_peergroups(s, val, len);
	}
	if (get_user(v, len)) /* a bad length is told before a bad name */
		return -EFAULT;
	if (v < 0)
		return -EINVAL;
	err = get_int(s, name, &v);
	return err ?: sockopt_put(val, len, &v, sizeof(v));
}
