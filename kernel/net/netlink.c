/* SPDX-License-Identifier: MIT */
/*
 * AF_NETLINK sockets: datagrams of messages to the kernel, answers and news back. A request is worked
 * off while it is sent; its answers wait in the socket's queue. A dump is made at once, all of it, and
 * there is no second one before it has been read: what a socket holds is bounded by that and rcvbuf.
 *
 * nl_lock guards the list of sockets, their port numbers and groups; a socket's lock its queue. News
 * come with net_lock held: net_lock, nl_lock, the socket's.
 */
#include "net/netlink.h"

#include <linux/capability.h>

#define SOL_NETLINK 270
#define NL_GROUPS 64U

struct netlink_sock {
	struct socket s;
	struct list_head link; /* guarded by nl_lock */
	u32 portid; /* 0: not bound yet */
	u64 groups; /* bit n - 1: listens to group n */
	bool pktinfo, cap_ack, ext_ack, strict, no_enobufs; /* NETLINK_*; words as socket.options */
	struct mutex request; /* one at a time */
};
static spinlock_t nl_lock = SPINLOCK_INIT;
static struct list_head sockets = LIST_INIT(sockets);
static unsigned int nr_listeners;

static struct netlink_sock *nl_sk(struct socket *s)
{
	return container_of(s, struct netlink_sock, s);
}

/* ---- messages ---- */

static void nl_out_init(struct nl_out *o, const struct nlmsghdr *request, u32 portid)
{
	*o = (struct nl_out){ .portid = portid, .seq = request ? request->nlmsg_seq : 0 };
	list_init(&o->pkts);
}

/* o may be filled again. */
static void nl_out_free(struct nl_out *o)
{
	pkt_queue_free(&o->pkts);
	o->failed = false;
}

/* The packet that is being filled; NULL: there is none yet. */
static struct pkt *last_pkt(const struct nl_out *o)
{
	return list_empty(&o->pkts) ? NULL : list_last(&o->pkts, struct pkt, link);
}

/* n zeroed bytes more in the last packet. NULL: they do not fit, which is noted. */
static void *room_for(struct nl_out *o, size_t n)
{
	struct pkt *p = last_pkt(o);

	n = NLMSG_ALIGN(n);
	o->failed |= n > p->end - p->tail;
	return n > p->end - p->tail ? NULL : memset(pkt_put(p, n), 0, n);
}

void *nl_begin(struct nl_out *o, int type, int flags, size_t n)
{
	bool multi = flags & NLM_F_MULTI;
	struct pkt *p = last_pkt(o);

	o->msg = NULL;
	if (!p || pkt_len(p) > NL_CHUNK / 2 || !multi) {
		p = pkt_alloc(multi ? NL_CHUNK : NL_SINGLE, current_thread()->mem_charge);
		o->failed |= !p;
		if (!p)
			return memset(o->lost, 0, sizeof(o->lost));
		list_add_tail(&p->link, &o->pkts);
	}
	o->msg = room_for(o, NLMSG_HDRLEN + n);
	if (!o->msg)
		return memset(o->lost, 0, sizeof(o->lost));
	*o->msg = (struct nlmsghdr){ .nlmsg_type = type,
				     .nlmsg_flags = flags,
				     .nlmsg_seq = o->seq,
				     .nlmsg_pid = o->portid };
	return NLMSG_DATA(o->msg);
}

void nl_put(struct nl_out *o, int type, const void *data, size_t n)
{
	struct nlattr *a = o->msg ? room_for(o, NLA_HDRLEN + n) : NULL;

	if (!a)
		return;
	a->nla_type = type;
	a->nla_len = NLA_HDRLEN + n;
	memcpy((char *)a + NLA_HDRLEN, data, n);
}

void nl_end(struct nl_out *o)
{
	if (o->msg)
		o->msg->nlmsg_len = last_pkt(o)->tail - (u8 *)o->msg;
	o->msg = NULL;
}

struct nlattr *nl_nest(struct nl_out *o, int type)
{
	nl_put(o, type, "", 0);
	return o->msg && !o->failed ? (void *)(last_pkt(o)->tail - NLA_HDRLEN) : NULL;
}

void nl_nest_end(struct nl_out *o, struct nlattr *a)
{
	if (a)
		a->nla_len = last_pkt(o)->tail - (u8 *)a;
}

static int parse(const char *at, const char *end, const struct nlattr **table, int max)
{
	memset(table, 0, max * sizeof(*table));
	while (end - at >= (long)NLA_HDRLEN) {
		const struct nlattr *a = (const struct nlattr *)at;

		if (a->nla_len < NLA_HDRLEN || a->nla_len > end - at)
			return -EINVAL;
		if ((a->nla_type & NLA_TYPE_MASK) < max)
			table[a->nla_type & NLA_TYPE_MASK] = a;
		at += NLA_ALIGN(a->nla_len);
	}
	return 0;
}

int nl_parse(const struct nlmsghdr *h, size_t n, const struct nlattr **table, int max)
{
	return parse((const char *)h + NLMSG_HDRLEN + NLMSG_ALIGN(n),
		     (const char *)h + h->nlmsg_len, table, max);
}

int nl_parse_nested(const struct nlattr *a, size_t n, const struct nlattr **table, int max)
{
	const char *data = a ? nl_data(a) : NULL;

	if (a && nl_len(a) < n)
		return -EINVAL;
	return parse(data + NLMSG_ALIGN(n), a ? data + nl_len(a) : data, table, max);
}

u32 nl_u32(const struct nlattr *a, u32 otherwise)
{
	u32 v;

	if (!a || nl_len(a) < sizeof(v))
		return otherwise;
	memcpy(&v, nl_data(a), sizeof(v));
	return v;
}

/* ---- queues ---- */

/* What is lost is told as ENOBUFS. */
static void overrun(struct netlink_sock *nl)
{
	if (!nl->no_enobufs)
		WRITE_ONCE(nl->s.error, ENOBUFS);
	waitq_wake_all(&nl->s.rd, POLLERR);
}

bool nl_news(struct nl_out *o)
{
	nl_out_init(o, NULL, 0);
	return READ_ONCE(nr_listeners);
}

void nl_multicast(struct net_ns *net, u32 group, struct nl_out *o)
{
	struct netlink_sock *nl;
	struct pkt *copy;

	spin_lock(&nl_lock);
	list_for_each(nl, &sockets, link) {
		if (o->failed || nl->s.net != net || !(nl->groups & BIT(group - 1)))
			continue;
		copy = queue_full(&nl->s) ? NULL : pkt_clone(last_pkt(o));
		if (copy) {
			copy->group = group;
			queue_add(&nl->s, copy);
		} else {
			overrun(nl);
		}
	}
	spin_unlock(&nl_lock);
	nl_out_free(o);
}

/* ---- ports and groups ---- */

/* nl_lock held. */
static bool port_used(const struct netlink_sock *nl, u32 portid)
{
	const struct netlink_sock *at;

	return list_find(at, &sockets, link,
			 at != nl && at->s.net == nl->s.net && at->portid == portid);
}

/* portid 0: the process's number, or another when that is taken. -EADDRINUSE; -EINVAL: it has one. */
static int take_port(struct netlink_sock *nl, u32 portid)
{
	u32 wish = portid ?: (u32)task_tgid_in(current, task_pid_ns(current));

	SPIN_GUARD(&nl_lock);
	if (nl->portid)
		return portid && portid != nl->portid ? -EINVAL : 0;
	while (port_used(nl, wish)) {
		if (portid)
			return -EADDRINUSE;
		random_bytes(&wish, sizeof(wish));
	}
	nl->portid = wish;
	return 0;
}

static void set_groups(struct netlink_sock *nl, u64 groups)
{
	SPIN_GUARD(&nl_lock);
	nr_listeners += !!groups - !!nl->groups;
	nl->groups = groups;
}

static int get_addr(const struct sockaddr_storage *addr, int len, struct sockaddr_nl *nl)
{
	if (len < (int)sizeof(*nl) || addr->ss_family != AF_NETLINK)
		return -EINVAL;
	memcpy(nl, addr, sizeof(*nl));
	return 0;
}

static int netlink_bind(struct socket *s, const struct sockaddr_storage *addr, int len)
{
	struct netlink_sock *nl = nl_sk(s);
	struct sockaddr_nl sa;
	int err = get_addr(addr, len, &sa) ?: take_port(nl, sa.nl_pid);

	if (!err)
		set_groups(nl, (nl->groups & ~0xffffffffUL) | sa.nl_groups);
	return err;
}

/* To the kernel, the only one who answers. */
static int netlink_connect(struct socket *s, const struct sockaddr_storage *addr, int len,
			   int flags)
{
	struct sockaddr_nl sa;
	int err;

	if (len < (int)sizeof(__kernel_sa_family_t))
		return -EINVAL;
	if (addr->ss_family == AF_UNSPEC)
		return 0;
	err = get_addr(addr, len, &sa);
	if (!err && (sa.nl_pid || sa.nl_groups))
		err = net_capable(s->net, CAP_NET_ADMIN) ? -ECONNREFUSED : -EPERM;
	return err ?: take_port(nl_sk(s), 0);
}

static int netlink_getname(struct socket *s, struct sockaddr_storage *addr, bool peer)
{
	struct sockaddr_nl sa = { .nl_family = AF_NETLINK };

	if (!peer) {
		sa.nl_pid = nl_sk(s)->portid;
		sa.nl_groups = nl_sk(s)->groups;
	}
	memcpy(addr, &sa, sizeof(sa));
	return sizeof(sa);
}

/* ---- requests ---- */

static void acknowledge(struct netlink_sock *nl, const struct nlmsghdr *h, int err,
			struct nl_out *o)
{
	size_t rest = err && !nl->cap_ack ? h->nlmsg_len - NLMSG_HDRLEN : 0;
	struct nlmsgerr *e;

	rest = min(rest, (size_t)NL_SINGLE / 2);
	e = nl_begin(o, NLMSG_ERROR, nl->cap_ack ? NLM_F_CAPPED : 0, sizeof(*e) + rest);
	if (!o->failed) {
		e->error = err;
		memcpy(&e->msg, h, sizeof(*h) + rest);
	}
	nl_end(o);
}

/* Is a part of a dump not read yet? Another has to wait for that. */
static bool is_dumping(struct socket *s)
{
	struct pkt *p;

	SPIN_GUARD(&s->lock);
	list_for_each(p, &s->rx, link)
		if (((struct nlmsghdr *)p->data)->nlmsg_flags & NLM_F_MULTI)
			return true;
	return false;
}

static void handle(struct netlink_sock *nl, const struct nlmsghdr *h)
{
	struct pkt *p, *next;
	struct nl_out o;
	int err = 0;

	if (queue_full(&nl->s)) {
		overrun(nl);
		return;
	}
	nl_out_init(&o, h, nl->portid);
	if (h->nlmsg_flags & NLM_F_REQUEST && h->nlmsg_type >= NLMSG_MIN_TYPE) {
		bool busy = (h->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP && is_dumping(&nl->s);

		err = busy || queue_full(&nl->s) ? -EBUSY
						 : rtnetlink_request(nl->s.net, h, nl->strict, &o);
		if (!err && o.failed)
			err = -ENOBUFS;
		if (err)
			nl_out_free(&o);
	}
	if (err || (h->nlmsg_flags & NLM_F_ACK &&
		    (list_empty(&o.pkts) || (h->nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP)))
		acknowledge(nl, h, err, &o);
	if (o.failed) { /* who waits for the acknowledgement is told that it is lost */
		WRITE_ONCE(nl->s.error, ENOBUFS);
		waitq_wake_all(&nl->s.rd, POLLERR);
	}
	list_for_each_safe(p, next, &o.pkts, link) {
		list_del(&p->link);
		queue_add(&nl->s, p);
	}
}

static ssize_t netlink_sendmsg(struct socket *s, struct net_msg *msg)
{
	struct netlink_sock *nl = nl_sk(s);
	size_t n = msg->data.left, at = 0;
	struct sockaddr_nl sa = { 0 };
	char *data;
	int err = 0;

	if (msg->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (msg->name_len)
		err = get_addr(msg->name, msg->name_len, &sa);
	if (!err && (sa.nl_pid || sa.nl_groups))
		err = net_capable(s->net, CAP_NET_ADMIN) ? -ECONNREFUSED : -EPERM;
	err = err ?: take_port(nl, 0);
	if (err || n > (size_t)max(s->sndbuf - 32, 0))
		return err ?: -EMSGSIZE;
	data = kmalloc(n + 1);
	if (!data)
		return -ENOBUFS;
	if (uio_get(&msg->data, data, n) != n) {
		kfree(data);
		return -EFAULT;
	}
	mutex_lock(&nl->request);
	while (n - at >= NLMSG_HDRLEN) {
		const struct nlmsghdr *h = (const struct nlmsghdr *)(data + at);

		if (h->nlmsg_len < NLMSG_HDRLEN || h->nlmsg_len > n - at)
			break;
		handle(nl, h);
		at = min(n, at + NLMSG_ALIGN(h->nlmsg_len));
	}
	mutex_unlock(&nl->request);
	kfree(data);
	return n;
}

static void tell(struct socket *s, struct net_msg *msg, const struct pkt *p)
{
	struct sockaddr_nl sa = { .nl_family = AF_NETLINK,
				  .nl_groups = p->group ? 1U << (p->group - 1) % 32 : 0 };
	struct nl_pktinfo info = { p->group };

	put_name(msg, &sa, sizeof(sa));
	if (nl_sk(s)->pktinfo)
		put_cmsg(msg, SOL_NETLINK, NETLINK_PKTINFO, &info, sizeof(info));
}

static ssize_t netlink_recvmsg(struct socket *s, struct net_msg *msg)
{
	return msg->flags & MSG_OOB ? -EOPNOTSUPP : queue_recv(s, msg, tell);
}

/* ---- options ---- */

static int set_membership(struct socket *s, const struct sockopt *o, int v)
{
	struct netlink_sock *nl = nl_sk(s);
	u64 bit = BIT(v - 1);

	set_groups(nl, o->name == NETLINK_ADD_MEMBERSHIP ? nl->groups | bit : nl->groups & ~bit);
	return 0;
}

#define FIELD(name) SOCKOPT_FIELD(struct netlink_sock, name)
static const struct sockopt options[] = {
	{ NETLINK_PKTINFO, FIELD(pktinfo) },
	{ NETLINK_NO_ENOBUFS, FIELD(no_enobufs) },
	{ NETLINK_CAP_ACK, FIELD(cap_ack) },
	{ NETLINK_EXT_ACK, FIELD(ext_ack) },
	{ NETLINK_GET_STRICT_CHK, FIELD(strict) },
	{ NETLINK_ADD_MEMBERSHIP, .low = 1, .high = NL_GROUPS, .set = set_membership },
	{ NETLINK_DROP_MEMBERSHIP, .low = 1, .high = NL_GROUPS, .set = set_membership },
	{ 0 },
};

static int netlink_setsockopt(struct socket *s, int level, int name, const void __user *val,
			      int len)
{
	int v = 0;

	if (level != SOL_NETLINK)
		return -ENOPROTOOPT;
	if (len >= (int)sizeof(v) && copy_from_user(&v, val, sizeof(v)))
		return -EFAULT;
	return sockopt_change(s, options, name, v);
}

static int netlink_getsockopt(struct socket *s, int level, int name, void __user *val,
			      int __user *len)
{
	int v, room, err;

	if (level != SOL_NETLINK)
		return -ENOPROTOOPT;
	if (get_user(room, len))
		return -EFAULT;
	err = room < 0 ? -EINVAL : sockopt_value(s, options, name, &v);
	if (!err && room < (int)sizeof(v))
		err = -EINVAL;
	return err ?: sockopt_put(val, len, &v, sizeof(v));
}

/* ---- birth and end ---- */

static void netlink_release(struct socket *s)
{
	set_groups(nl_sk(s), 0);
	SPIN_GUARD(&nl_lock);
	list_del(&nl_sk(s)->link);
}

static const struct socket_ops netlink_ops = {
	.release = netlink_release,
	.destroy = socket_free,
	.bind = netlink_bind,
	.connect = netlink_connect,
	.getname = netlink_getname,
	.sendmsg = netlink_sendmsg,
	.recvmsg = netlink_recvmsg,
	.poll = queue_poll,
	.setsockopt = netlink_setsockopt,
	.getsockopt = netlink_getsockopt,
};

struct socket *netlink_create(struct net_ns *net, int type, int protocol)
{
	struct netlink_sock *nl;

	if (type != SOCK_RAW && type != SOCK_DGRAM)
		return ERR_PTR(-ESOCKTNOSUPPORT);
	if (protocol != NETLINK_ROUTE)
		return ERR_PTR(-EPROTONOSUPPORT);
	nl = socket_new(sizeof(*nl), &netlink_ops, net, AF_NETLINK, type, protocol);
	if (IS_ERR(nl))
		return (struct socket *)nl;
	LOCKDEP_CLASS(&nl->s.lock, "netlink socket"); /* taken with net_lock held, inside TCP's */
	mutex_init(&nl->request);
	spin_lock(&nl_lock);
	list_add_tail(&nl->link, &sockets);
	spin_unlock(&nl_lock);
	return &nl->s;
}

int netlink_cookie(struct file *f, const void *data, size_t n)
{
	struct socket *s = file_socket(f);
	struct pkt *p;

	if (!s)
		return -ENOTSOCK;
	if (s->ops != &netlink_ops)
		return -EINVAL;
	if (!n)
		return 0;
	p = pkt_alloc(n, current_thread()->mem_charge);
	if (!p)
		return -ENOMEM;
	memcpy(pkt_put(p, n), data, n);
	queue_add(s, p);
	return 0;
}
