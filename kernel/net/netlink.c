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
	/* guarded by s.lock */
	struct list_head rx;
	u32 queued; /* memory of it */
};
static spinlock_t nl_lock = SPINLOCK_INIT;
static struct list_head sockets = LIST_INIT(sockets);
static unsigned int nr_listeners;

static struct netlink_sock *nl_sk(struct socket *s)
{
	return container_of(s, struct netlink_sock, s);
}

/* ---- messages ---- */

void nl_out_init(struct nl_out *o, const struct nlmsghdr *request, u32 portid)
{
	*o = (struct nl_out){ .portid = portid, .seq = request ? request->nlmsg_seq : 0 };
	list_init(&o->bufs);
}

static void bufs_free(struct list_head *bufs)
{
	while (!list_empty(bufs)) {
		struct nl_buf *b = list_first(bufs, struct nl_buf, link);

		list_del(&b->link);
		kfree(b);
	}
}

void nl_out_free(struct nl_out *o)
{
	bufs_free(&o->bufs);
}

static struct nl_buf *buf_new(size_t room)
{
	struct nl_buf *b = kmalloc(sizeof(*b) + room);

	if (!b)
		return NULL;
	*b = (struct nl_buf){ .size = sizeof(*b) + room };
	return b;
}

/* n zeroed bytes more in the last chunk. NULL: they do not fit. */
static void *buf_room(struct nl_buf *b, size_t n)
{
	void *p = b->data + b->len;

	if (NLMSG_ALIGN(n) > b->size - sizeof(*b) - b->len)
		return NULL;
	b->len += NLMSG_ALIGN(n);
	return memset(p, 0, NLMSG_ALIGN(n));
}

void *nl_begin(struct nl_out *o, int type, int flags, size_t n)
{
	struct nl_buf *b = list_empty(&o->bufs) ? NULL : list_last(&o->bufs, struct nl_buf, link);

	if (!b || b->len > NL_CHUNK / 2 || !(flags & NLM_F_MULTI)) {
		b = buf_new(flags & NLM_F_MULTI ? NL_CHUNK : NL_SINGLE);
		if (!b) {
			o->failed = true;
			o->msg = NULL;
			return NULL;
		}
		list_add_tail(&b->link, &o->bufs);
	}
	o->msg = buf_room(b, NLMSG_HDRLEN + n);
	if (!o->msg) {
		o->failed = true;
		return NULL;
	}
	*o->msg = (struct nlmsghdr){ .nlmsg_type = type,
				     .nlmsg_flags = flags,
				     .nlmsg_seq = o->seq,
				     .nlmsg_pid = o->portid };
	return NLMSG_DATA(o->msg);
}

void nl_put(struct nl_out *o, int type, const void *data, size_t n)
{
	struct nlattr *a;

	if (!o->msg)
		return;
	a = buf_room(list_last(&o->bufs, struct nl_buf, link), NLA_HDRLEN + n);
	if (!a) {
		o->failed = true;
		return;
	}
	a->nla_type = type;
	a->nla_len = NLA_HDRLEN + n;
	memcpy((char *)a + NLA_HDRLEN, data, n);
}

void nl_end(struct nl_out *o)
{
	struct nl_buf *b;

	if (!o->msg)
		return;
	b = list_last(&o->bufs, struct nl_buf, link);
	o->msg->nlmsg_len = b->data + b->len - (char *)o->msg;
	o->msg = NULL;
}

struct nlattr *nl_nest(struct nl_out *o, int type)
{
	char *end = list_empty(&o->bufs) ? NULL : list_last(&o->bufs, struct nl_buf, link)->data;

	nl_put(o, type, "", 0);
	return o->msg && !o->failed
		       ? (void *)(end + list_last(&o->bufs, struct nl_buf, link)->len - NLA_HDRLEN)
		       : NULL;
}

void nl_nest_end(struct nl_out *o, struct nlattr *a)
{
	struct nl_buf *b = list_last(&o->bufs, struct nl_buf, link);

	if (a)
		a->nla_len = b->data + b->len - (char *)a;
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

static bool is_full(const struct netlink_sock *nl)
{
	return READ_ONCE(nl->queued) > (u32)nl->s.rcvbuf;
}

/* What is lost is told as ENOBUFS. */
static void overrun(struct netlink_sock *nl)
{
	if (!nl->no_enobufs)
		WRITE_ONCE(nl->s.error, ENOBUFS);
	waitq_wake_all(&nl->s.rd, POLLERR);
}

static void enqueue(struct netlink_sock *nl, struct list_head *bufs)
{
	struct nl_buf *b;

	spin_lock(&nl->s.lock);
	list_for_each(b, bufs, link)
		nl->queued += b->size;
	list_splice_tail(bufs, &nl->rx);
	spin_unlock(&nl->s.lock);
	waitq_wake_all(&nl->s.rd, POLLIN | POLLRDNORM);
}

bool nl_has_listeners(void)
{
	return READ_ONCE(nr_listeners);
}

/* A copy of the message for nl. */
static void send_copy(struct netlink_sock *nl, const struct nl_buf *b, u32 group)
{
	struct list_head one = LIST_INIT(one);
	struct nl_buf *copy = is_full(nl) ? NULL : buf_new(b->len);

	if (!copy) {
		overrun(nl);
		return;
	}
	copy->len = b->len;
	copy->group = group;
	memcpy(copy->data, b->data, b->len);
	list_add(&copy->link, &one);
	enqueue(nl, &one);
}

void nl_multicast(struct net_ns *net, u32 group, struct nl_out *o)
{
	struct netlink_sock *nl;

	if (!o->failed && !list_empty(&o->bufs)) {
		spin_lock(&nl_lock);
		list_for_each(nl, &sockets, link)
			if (nl->s.net == net && nl->groups & BIT(group - 1))
				send_copy(nl, list_first(&o->bufs, struct nl_buf, link), group);
		spin_unlock(&nl_lock);
	}
	nl_out_free(o);
}

/* ---- ports and groups ---- */

/* nl_lock held. */
static bool port_used(const struct netlink_sock *nl, u32 portid)
{
	const struct netlink_sock *at;

	list_for_each(at, &sockets, link)
		if (at != nl && at->s.net == nl->s.net && at->portid == portid)
			return true;
	return false;
}

/* portid 0: the process's number, or another when that is taken. -EADDRINUSE; -EINVAL: it has one. */
static int take_port(struct netlink_sock *nl, u32 portid)
{
	u32 wish = portid ?: (u32)task_tgid_in(current, task_pid_ns(current));
	int err = 0;

	spin_lock(&nl_lock);
	if (nl->portid)
		err = portid && portid != nl->portid ? -EINVAL : 0;
	else if (!portid)
		while (port_used(nl, wish))
			random_bytes(&wish, sizeof(wish));
	else if (port_used(nl, wish))
		err = -EADDRINUSE;
	if (!err && !nl->portid)
		nl->portid = wish;
	spin_unlock(&nl_lock);
	return err;
}

static void set_groups(struct netlink_sock *nl, u64 groups)
{
	spin_lock(&nl_lock);
	nr_listeners += !!groups - !!nl->groups;
	nl->groups = groups;
	spin_unlock(&nl_lock);
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
		err = ns_capable(s->net->ns.owner, CAP_NET_ADMIN) ? -ECONNREFUSED : -EPERM;
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
	if (e) {
		e->error = err;
		memcpy(&e->msg, h, sizeof(*h) + rest);
	}
	nl_end(o);
}

static void handle(struct netlink_sock *nl, const struct nlmsghdr *h)
{
	struct nl_out o;
	int err = 0;

	if (is_full(nl)) {
		overrun(nl);
		return;
	}
	nl_out_init(&o, h, nl->portid);
	if (h->nlmsg_flags & NLM_F_REQUEST && h->nlmsg_type >= NLMSG_MIN_TYPE) {
		bool busy = (h->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP && !list_empty(&nl->rx);

		err = busy || is_full(nl) ? -EBUSY
					  : rtnetlink_request(nl->s.net, h, nl->strict, &o);
		if (!err && o.failed)
			err = -ENOBUFS;
		if (err)
			nl_out_free(&o);
	}
	if (err || (h->nlmsg_flags & NLM_F_ACK &&
		    (list_empty(&o.bufs) || (h->nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP)))
		acknowledge(nl, h, err, &o);
	enqueue(nl, &o.bufs);
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
		err = ns_capable(s->net->ns.owner, CAP_NET_ADMIN) ? -ECONNREFUSED : -EPERM;
	if (!err && !nl->portid)
		err = take_port(nl, 0);
	if (!err && n > (size_t)max(s->sndbuf - 32, 0))
		err = -EMSGSIZE;
	if (err)
		return err;
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

static ssize_t netlink_recvmsg(struct socket *s, struct net_msg *msg)
{
	u64 deadline = socket_deadline(s->rcvtimeo, msg->flags);
	struct sockaddr_nl sa = { .nl_family = AF_NETLINK };
	struct netlink_sock *nl = nl_sk(s);
	struct list_head taken = LIST_INIT(taken);
	struct nl_pktinfo info;
	struct nl_buf *b;
	size_t n;
	int err;

	if (msg->flags & MSG_OOB)
		return -EOPNOTSUPP;
	mutex_lock(&nl->request);
	while (list_empty(&nl->rx)) {
		mutex_unlock(&nl->request);
		err = socket_error(s)
			      ?: SOCKET_WAIT(&s->rd, !list_empty(&nl->rx) || s->error, deadline);
		if (err)
			return err;
		mutex_lock(&nl->request);
	}
	/* Others only add to the queue: with the mutex held its first stays the first. */
	b = list_first(&nl->rx, struct nl_buf, link);
	n = min((size_t)b->len, msg->data.left);
	if (n < b->len)
		msg->out |= MSG_TRUNC;
	err = uio_put(&msg->data, b->data, n) == n ? 0 : -EFAULT;
	info.group = b->group;
	if (!err)
		n = msg->flags & MSG_TRUNC ? b->len : n;
	if (!(msg->flags & MSG_PEEK)) {
		spin_lock(&s->lock);
		nl->queued -= b->size;
		list_move_tail(&b->link, &taken);
		spin_unlock(&s->lock);
	}
	mutex_unlock(&nl->request);
	bufs_free(&taken);
	if (msg->name) {
		sa.nl_groups = info.group ? 1U << ((info.group - 1) % 32) : 0;
		memcpy(msg->name, &sa, sizeof(sa));
		msg->name_len = sizeof(sa);
	}
	if (!err && nl->pktinfo)
		put_cmsg(msg, SOL_NETLINK, NETLINK_PKTINFO, &info, sizeof(info));
	return err ?: (ssize_t)n;
}

static u32 netlink_poll(struct socket *s, struct file *f, struct poll_table *pt)
{
	poll_wait(f, &s->rd, pt);
	return (list_empty(&nl_sk(s)->rx) ? 0 : POLLIN | POLLRDNORM) |
	       (READ_ONCE(s->error) ? POLLERR : 0) | POLLOUT | POLLWRNORM | POLLWRBAND;
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
	struct netlink_sock *nl = nl_sk(s);

	set_groups(nl, 0);
	spin_lock(&nl_lock);
	list_del(&nl->link);
	spin_unlock(&nl_lock);
	bufs_free(&nl->rx);
}

static void netlink_destroy(struct socket *s)
{
	socket_deinit(s);
	kfree(nl_sk(s));
}

static const struct socket_ops netlink_ops = {
	.release = netlink_release,
	.destroy = netlink_destroy,
	.bind = netlink_bind,
	.connect = netlink_connect,
	.getname = netlink_getname,
	.sendmsg = netlink_sendmsg,
	.recvmsg = netlink_recvmsg,
	.poll = netlink_poll,
	.setsockopt = netlink_setsockopt,
	.getsockopt = netlink_getsockopt,
};

static struct socket *netlink_create(struct net_ns *net, int type, int protocol)
{
	struct netlink_sock *nl;

	if (type != SOCK_RAW && type != SOCK_DGRAM)
		return ERR_PTR(-ESOCKTNOSUPPORT);
	if (protocol != NETLINK_ROUTE)
		return ERR_PTR(-EPROTONOSUPPORT);
	nl = kzalloc(sizeof(*nl));
	if (!nl)
		return ERR_PTR(-ENOMEM);
	socket_init(&nl->s, &netlink_ops, net, AF_NETLINK, type, protocol);
	LOCKDEP_CLASS(&nl->s.lock, "netlink socket"); /* taken with net_lock held, inside TCP's */
	mutex_init(&nl->request);
	list_init(&nl->rx);
	spin_lock(&nl_lock);
	list_add_tail(&nl->link, &sockets);
	spin_unlock(&nl_lock);
	return &nl->s;
}

static const struct net_family netlink_family = { .family = AF_NETLINK, .create = netlink_create };

void netlink_init(void)
{
	net_family_register(&netlink_family);
	rtnetlink_init();
}
