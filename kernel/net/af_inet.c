/* SPDX-License-Identifier: MIT */
/*
 * What all AF_INET sockets have in common: the family, ports and who may share one, addresses, the
 * options of ip(7).
 *
 * The port table is one hash for all namespaces. A bucket's lock guards its lists and is inside a
 * socket's lock; each socket in the table is referenced by it. What the conflict rules look at in
 * other sockets are single words, read as they are.
 */
#include "net/inet.h"

#include <linux/capability.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>

#define PORT_BUCKETS 256
static struct port_bucket buckets[PORT_BUCKETS];

/* ---- ports ---- */

struct port_bucket *port_bucket(const struct net_ns *net, int protocol, be16 port)
{
	u64 h = ((u64)net >> 6) + protocol * 37 + ntohs(port);

	return &buckets[(h ^ h >> 8 ^ h >> 16) % PORT_BUCKETS];
}

static struct port_bucket *bucket_of(const struct inet_sock *sk, be16 port)
{
	return port_bucket(sk->s.net, sk->s.type == SOCK_RAW ? -1 : sk->s.protocol, port);
}

bool bind_overlaps(const struct inet_sock *a, const struct inet_sock *b)
{
	return (!a->rcv_saddr || !b->rcv_saddr || a->rcv_saddr == b->rcv_saddr) &&
	       (!a->s.bound_dev || !b->s.bound_dev || a->s.bound_dev == b->s.bound_dev);
}

bool port_shared(const struct inet_sock *a, const struct inet_sock *b)
{
	return false;
}

static bool both(const struct inet_sock *a, const struct inet_sock *b, u32 option)
{
	return socket_opt(&a->s, option) && socket_opt(&b->s, option);
}

bool port_conflict(const struct inet_sock *a, const struct inet_sock *b)
{
	return bind_overlaps(a, b) && !both(a, b, SOCK_OPT_REUSEADDR) &&
	       !both(a, b, SOCK_OPT_REUSEPORT);
}

static bool try_port(struct inet_sock *sk, be16 port, port_conflict_fn *conflict)
{
	struct port_bucket *b = bucket_of(sk, port);
	struct inet_sock *o;

	SPIN_GUARD(&b->lock);
	if (list_find(o, &b->bound, bind_link,
		      o != sk && o->sport == port && o->s.net == sk->s.net &&
			      o->s.protocol == sk->s.protocol && o->s.type == sk->s.type &&
			      conflict(sk, o)))
		return false;
	if (list_empty(&sk->bind_link)) {
		sk->sport = port;
		socket_get(&sk->s);
		list_add(&sk->bind_link, &b->bound);
	}
	return true;
}

int port_take(struct inet_sock *sk, be16 port, port_conflict_fn *conflict)
{
	u32 low = sk->s.net->port_low, n = sk->s.net->port_high - low + 1, at;

	if (port)
		return try_port(sk, port, conflict) ? 0 : -EADDRINUSE;
	random_bytes(&at, sizeof(at));
	for (u32 i = 0; i < n; i++)
		if (try_port(sk, htons(low + (at + i) % n), bind_overlaps))
			return 0;
	return -EAGAIN;
}

void port_drop(struct inet_sock *sk)
{
	struct port_bucket *b = bucket_of(sk, sk->sport);

	if (list_empty(&sk->bind_link))
		return;
	spin_lock(&b->lock);
	list_del(&sk->bind_link);
	spin_unlock(&b->lock);
	sk->sport = 0;
	socket_put(&sk->s);
}

/* Whoever shows sk as it was, with its file, has done so: the file may go. */
void port_wait(struct inet_sock *sk)
{
	SPIN_GUARD(&bucket_of(sk, sk->sport)->lock);
}

void inet_each(struct net_ns *net, int type, int protocol,
	       void (*fn)(void *arg, struct inet_sock *sk), void *arg)
{
	struct inet_sock *sk;

	for (int i = 0; i < PORT_BUCKETS; i++) {
		spin_lock(&buckets[i].lock);
		list_for_each(sk, &buckets[i].bound, bind_link)
			if (sk->s.net == net && sk->s.type == type &&
			    (!protocol || sk->s.protocol == protocol))
				fn(arg, sk);
		spin_unlock(&buckets[i].lock);
	}
}

void inet_show(struct strbuf *out, int slot, struct inet_sock *sk, u8 state, u32 tx, u32 rx,
	       const char *rest)
{
	const struct file *f = READ_ONCE(sk->s.file);
	char line[160];

	snprintf(line, sizeof(line),
		 "%4d: %08X:%04X %08X:%04X %02X %08X:%08X 00:00000000 00000000 %5u        0 %llu "
		 "%u %p%s",
		 slot, sk->rcv_saddr, ntohs(sk->sport), sk->daddr, ntohs(sk->dport), state, tx, rx,
		 f ? f->inode->uid : 0, f ? (unsigned long long)f->inode->ino : 0,
		 ref_read(&sk->s.refs), NULL, rest);
	sb_printf(out, "%-149s\n", line);
}

/* ---- the life of a socket ---- */

void *inet_new(size_t size, const struct socket_ops *ops, struct net_ns *net, int type,
	       int protocol)
{
	struct inet_sock *sk = socket_new(size, ops, net, AF_INET, type, protocol);

	if (IS_ERR(sk))
		return sk;
	list_init(&sk->bind_link);
	list_init(&sk->errors);
	sk->mc_ttl = 1;
	sk->mc_loop = true;
	sk->pmtudisc = IP_PMTUDISC_WANT;
	return sk;
}

void inet_free(struct socket *s)
{
	pkt_queue_free(&inet_sk(s)->errors);
	netdev_put(inet_sk(s)->dst.dev);
	inet_leave_group(s);
	socket_free(s);
}

static struct socket *create(struct net_ns *net, int type, int protocol)
{
	if (protocol < 0 || protocol >= IPPROTO_MAX)
		return ERR_PTR(-EINVAL);
	switch (type) {
	case SOCK_STREAM:
		if (protocol && protocol != IPPROTO_TCP)
			return ERR_PTR(-EPROTONOSUPPORT);
		return tcp_create(net);
	case SOCK_DGRAM:
		if (!protocol || protocol == IPPROTO_UDP)
			return udp_create(net);
		return protocol == IPPROTO_ICMP ? ping_create(net) : ERR_PTR(-EPROTONOSUPPORT);
	case SOCK_RAW:
		if (!protocol)
			return ERR_PTR(-EPROTONOSUPPORT);
		return net_capable(net, CAP_NET_RAW) ? raw_create(net, protocol) : ERR_PTR(-EPERM);
	}
	return ERR_PTR(-ESOCKTNOSUPPORT);
}

struct socket *inet_create(struct net_ns *net, int type, int protocol)
{
	struct socket *s = create(net, type, protocol);

	if (!IS_ERR(s) && layer.group_get)
		s->group = layer.group_get(NULL);
	return s;
}

void inet_leave_group(struct socket *s)
{
	if (s->group)
		layer.group_put(s->group);
	s->group = NULL;
}

/* ---- addresses ---- */

int inet_addr(const struct sockaddr_storage *addr, int len, struct sockaddr_in *sin)
{
	if (len < (int)sizeof(*sin))
		return -EINVAL;
	memcpy(sin, addr, sizeof(*sin));
	return sin->sin_family == AF_INET ? 0 : -EAFNOSUPPORT;
}

static int bind_check(struct inet_sock *sk, const struct sockaddr_storage *addr, int len,
		      struct sockaddr_in *sin)
{
	struct net_ns *net = sk->s.net;
	int err = inet_addr(addr, len, sin);
	u8 type;

	/* programs from long ago leave the family out */
	if (err == -EAFNOSUPPORT && sin->sin_family == AF_UNSPEC && !sin->sin_addr.s_addr)
		err = 0;
	if (err)
		return err;
	type = addr_type(net, sin->sin_addr.s_addr);
	if (type == RTN_UNICAST && !sk->freebind)
		return -EADDRNOTAVAIL;
	if (sin->sin_port && ntohs(sin->sin_port) < net->unprivileged_port &&
	    sk->s.type != SOCK_RAW && sk->s.protocol != IPPROTO_ICMP &&
	    !net_capable(net, CAP_NET_BIND_SERVICE))
		return -EACCES;
	return 0;
}

int inet_bind(struct socket *s, const struct sockaddr_storage *addr, int len,
	      port_conflict_fn *conflict)
{
	struct inet_sock *sk = inet_sk(s);
	bool raw = s->type == SOCK_RAW;
	struct sockaddr_in sin;
	int err = bind_check(sk, addr, len, &sin);
	be32 a = sin.sin_addr.s_addr, old;

	if (err)
		return err;
	SPIN_GUARD(&s->lock);
	if (sk->connected || (!raw && sk->sport))
		return -EINVAL;
	old = sk->rcv_saddr;
	sk->rcv_saddr = a;
	if (!raw && port_take(sk, sin.sin_port, conflict)) {
		sk->rcv_saddr = old;
		return -EADDRINUSE;
	}
	sk->saddr = is_multicast(a) || a == htonl(INADDR_BROADCAST) ? 0 : a;
	sk->bound_addr = a;
	sk->bound_port = sin.sin_port || raw;
	return 0;
}

int inet_route(struct inet_sock *sk, be32 *daddr, int oif, struct dst *dst)
{
	if (!*daddr)
		*daddr = sk->saddr ? sk->saddr : htonl(INADDR_LOOPBACK);
	if (!oif)
		oif = is_multicast(*daddr) && sk->mc_dev ? sk->mc_dev : sk->s.bound_dev;
	return route_lookup(sk->s.net, *daddr, oif, dst);
}

int inet_getname(struct socket *s, struct sockaddr_storage *addr, bool peer)
{
	struct inet_sock *sk = inet_sk(s);
	struct sockaddr_in sin = { .sin_family = AF_INET };

	if (peer && !sk->dport)
		return -ENOTCONN;
	sin.sin_port = peer ? sk->dport : sk->sport;
	sin.sin_addr.s_addr = peer ? sk->daddr : sk->rcv_saddr ? sk->rcv_saddr : sk->saddr;
	memcpy(addr, &sin, sizeof(sin));
	return sizeof(sin);
}

/* ---- the options of ip(7) ---- */

static int set_ttl(struct socket *s, const struct sockopt *o, int v)
{
	bool many = o->name == IP_MULTICAST_TTL;

	if (v == -1)
		v = many; /* as at first */
	else if (!v && !many)
		return -EINVAL;
	sockopt_store(s, o, v);
	return 0;
}

static int get_route(struct socket *s, const struct sockopt *o, int *v)
{
	struct inet_sock *sk = inet_sk(s);

	if (o->name == IP_TTL)
		*v = sk->ttl ? sk->ttl : s->net->default_ttl;
	else if (sk->dst.dev)
		*v = sk->dst.mtu;
	else
		return -ENOTCONN;
	return 0;
}

#define FIELD(name) SOCKOPT_FIELD(struct inet_sock, name)
static const struct sockopt options[] = {
	{ IP_TOS, FIELD(tos), INT32_MIN, INT32_MAX },
	{ IP_MTU_DISCOVER, FIELD(pmtudisc), IP_PMTUDISC_DONT, IP_PMTUDISC_OMIT },
	{ IP_MULTICAST_LOOP, FIELD(mc_loop) },
	{ IP_MULTICAST_TTL, FIELD(mc_ttl), -1, 255, .set = set_ttl },
	{ IP_RECVERR, FIELD(recverr) },
	{ IP_PKTINFO, FIELD(pktinfo) },
	{ IP_RECVTTL, FIELD(recvttl) },
	{ IP_RECVTOS, FIELD(recvtos) },
	{ IP_HDRINCL, FIELD(hdrincl) },
	{ IP_FREEBIND, FIELD(freebind) },
	{ IP_TTL, FIELD(ttl), -1, 255, .set = set_ttl, .get = get_route },
	{ IP_MTU, .get = get_route, SOCKOPT_READ_ONLY },
	{ 0 },
};

static int set_multicast_if(struct inet_sock *sk, const void __user *val, int len)
{
	struct ip_mreqn m = { 0 };

	if (len < (int)sizeof(m.imr_multiaddr))
		return -EINVAL;
	if (len >= (int)sizeof(m) ? copy_from_user(&m, val, sizeof(m))
				  : copy_from_user(&m.imr_address, val, sizeof(m.imr_address)))
		return -EFAULT;
	SCOPED_DEV(dev, netdev_by_index(sk->s.net, m.imr_ifindex));
	if (m.imr_ifindex && !dev)
		return -EADDRNOTAVAIL;
	sk->mc_dev = m.imr_ifindex;
	sk->mc_addr = m.imr_address.s_addr;
	return 0;
}

/* An int, or for historical reasons a single byte. */
static int option_value(const void __user *val, int len, int *v)
{
	u8 byte;

	if (len >= (int)sizeof(int))
		return copy_from_user(v, val, sizeof(int)) ? -EFAULT : 0;
	*v = 0;
	if (len < 1)
		return 0;
	if (copy_from_user(&byte, val, 1))
		return -EFAULT;
	*v = byte;
	return 0;
}

int inet_setsockopt(struct socket *s, int level, int name, const void __user *val, int len)
{
	bool stream = s->type == SOCK_STREAM;
	int v, err;

	if (level != IPPROTO_IP || (name == IP_HDRINCL && s->type != SOCK_RAW))
		return -ENOPROTOOPT;
	if (name == IP_MULTICAST_IF)
		return stream ? -EINVAL : set_multicast_if(inet_sk(s), val, len);
	err = option_value(val, len, &v);
	if (err)
		return err;
	if (name == IP_MULTICAST_TTL && (stream || len < 1))
		return -EINVAL;
	if (name != IP_ADD_MEMBERSHIP && name != IP_DROP_MEMBERSHIP)
		return sockopt_change(s, options, name, v);
	if (stream)
		return -EPROTO;
	if (len < (int)sizeof(struct ip_mreq))
		return -EINVAL;
	/* groups are not received: as on a machine whose devices have no multicast route */
	return name == IP_ADD_MEMBERSHIP ? -ENODEV : -EADDRNOTAVAIL;
}

int inet_getsockopt(struct socket *s, int level, int name, void __user *val, int __user *ulen)
{
	int v, len, err;
	u8 byte;

	if (level != IPPROTO_IP)
		return -EOPNOTSUPP;
	if (get_user(len, ulen))
		return -EFAULT;
	if (len < 0)
		return -EINVAL;
	if (name == IP_MULTICAST_IF)
		return sockopt_put(val, ulen, &inet_sk(s)->mc_addr, sizeof(be32));
	if (name == IP_HDRINCL && s->type != SOCK_RAW)
		return -ENOPROTOOPT;
	err = sockopt_value(s, options, name, &v);
	byte = v;
	if (!err && len > 0 && len < (int)sizeof(int) && v >= 0 && v <= 255)
		return sockopt_put(val, ulen, &byte, 1);
	return err ?: sockopt_put(val, ulen, &v, sizeof(v));
}

/* ---- /proc/net/snmp, sockstat: what netstat(8) reads ---- */

static int show_snmp(struct strbuf *out, struct ns_common *ns)
{
	struct net_ns *net = container_of(ns, struct net_ns, ns);
	typedef unsigned long long ull;

	sb_printf(out,
		  "Ip: Forwarding DefaultTTL InReceives InHdrErrors InDelivers OutRequests\n"
		  "Ip: %u %u %llu %llu %llu %llu\n",
		  net->ip_forward ? 1 : 2, net->default_ttl, (ull)ip_stats.in,
		  (ull)ip_stats.in_errors, (ull)ip_stats.delivered, (ull)ip_stats.out);
	return 0;
}

void inet_init(void)
{
	for (int i = 0; i < PORT_BUCKETS; i++) {
		spin_init(&buckets[i].lock);
		list_init(&buckets[i].bound);
		list_init(&buckets[i].listening);
	}
	netdev_init();
	netns_init();
	route_init();
	arp_init();
	tcp_init();
	udp_init();
	proc_net_add("snmp", show_snmp);
}
