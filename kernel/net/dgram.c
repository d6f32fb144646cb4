/* SPDX-License-Identifier: MIT */
/*
 * Datagram sockets of AF_INET: where a datagram goes, the queue of those that came, the queue of errors
 * (IP_RECVERR, ip(7)), and the calls that UDP, raw and ping sockets do alike.
 *
 * A socket's lock guards its queues; a packet in one begins (data) with what the program reads, and
 * its net header is where the sender's address is. A socket is in the port table as long as it has a
 * port, and its place there holds a reference.
 */
#include "net/dgram.h"

#include <linux/errqueue.h>
#include <linux/rtnetlink.h>
#include <linux/udp.h>

/* ---- out ---- */

static int read_cmsgs(const struct net_msg *msg, struct dgram_to *to, int *oif)
{
	struct cmsghdr *c = NULL;
	int err = 0, v;

	while ((c = next_cmsg(msg, c, &err))) {
		const struct in_pktinfo *info = (const void *)(c + 1);

		if (c->cmsg_level != IPPROTO_IP)
			continue;
		if (c->cmsg_type == IP_PKTINFO && c->cmsg_len == sizeof(*c) + sizeof(*info)) {
			*oif = info->ipi_ifindex;
			to->ip.saddr = info->ipi_spec_dst.s_addr;
			continue;
		}
		if ((c->cmsg_type != IP_TTL && c->cmsg_type != IP_TOS) ||
		    c->cmsg_len != sizeof(*c) + sizeof(int))
			return -EINVAL;
		memcpy(&v, c + 1, sizeof(v));
		if (v < (c->cmsg_type == IP_TTL) || v > 255)
			return -EINVAL;
		*(c->cmsg_type == IP_TTL ? &to->ip.ttl : &to->ip.tos) = v;
	}
	return err;
}

static int autobind(struct inet_sock *sk)
{
	SPIN_GUARD(&sk->s.lock);
	return sk->sport ? 0 : port_take(sk, 0, port_conflict);
}

static int find_target(struct inet_sock *sk, const struct net_msg *msg, struct dgram_to *to)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	int err, oif = 0;

	sin.sin_addr.s_addr = sk->daddr;
	sin.sin_port = sk->dport;
	if (msg->name) {
		err = inet_addr(msg->name, msg->name_len, &sin);
		if (err && !(err == -EAFNOSUPPORT && sin.sin_family == AF_UNSPEC))
			return err;
	} else if (!sk->connected) {
		return -EDESTADDRREQ;
	}
	*to = (struct dgram_to){ .port = sin.sin_port };
	to->ip = (struct ip_params){ .saddr = sk->saddr,
				     .daddr = sin.sin_addr.s_addr,
				     .protocol = sk->s.protocol,
				     .tos = sk->tos,
				     .sk = sk };
	err = read_cmsgs(msg, to, &oif);
	if (err)
		return err;
	if (!msg->name && !oif && sk->dst.dev && sk->dst.generation == route_generation) {
		to->dst = sk->dst;
		netdev_get(to->dst.dev);
	} else {
		err = inet_route(sk, &to->ip.daddr, oif, &to->dst);
		if (err)
			return err;
	}
	if (!to->ip.saddr)
		to->ip.saddr =
			is_multicast(to->ip.daddr) && sk->mc_addr ? sk->mc_addr : to->dst.saddr;
	if (!to->ip.ttl)
		to->ip.ttl = is_multicast(to->ip.daddr) ? sk->mc_ttl
			     : sk->ttl                  ? sk->ttl
							: sk->s.net->default_ttl;
	if (to->dst.type != RTN_BROADCAST || socket_opt(&sk->s, SOCK_OPT_BROADCAST))
		return 0;
	netdev_put(to->dst.dev);
	return -EACCES;
}

/* A packet with msg's bytes. ERR_PTR */
static struct pkt *make_packet(const struct inet_sock *sk, struct net_msg *msg)
{
	size_t n = msg->data.left;
	struct pkt *p;

	if (READ_ONCE(sk->s.shutdown) & SEND_SHUTDOWN)
		return ERR_PTR(-EPIPE);
	p = pkt_alloc(n, current_thread()->mem_charge);
	if (!p)
		return ERR_PTR(-ENOBUFS);
	if (uio_get(&msg->data, pkt_put(p, n), n) != n) {
		pkt_free(p);
		return ERR_PTR(-EFAULT);
	}
	return p;
}

struct pkt *dgram_begin(struct inet_sock *sk, struct net_msg *msg, size_t most, struct dgram_to *to)
{
	bool raw = sk->s.type == SOCK_RAW, udp = !raw && sk->s.protocol == IPPROTO_UDP;
	size_t n = msg->data.left;
	struct pkt *p;
	int err = raw ? 0 : autobind(sk);

	if (err)
		return ERR_PTR(err);
	if (n > (raw ? most : 0xffff))
		return ERR_PTR(-EMSGSIZE);
	if (msg->flags & MSG_OOB)
		return ERR_PTR(-EOPNOTSUPP);
	err = find_target(sk, msg, to);
	if (err)
		return ERR_PTR(err);
	err = udp && !to->port ? -EINVAL : n > most ? -EMSGSIZE : socket_error(&sk->s);
	p = err ? ERR_PTR(err) : make_packet(sk, msg);
	if (IS_ERR(p))
		netdev_put(to->dst.dev);
	return p;
}

ssize_t dgram_send(struct inet_sock *sk, struct dgram_to *to, struct pkt *p, size_t n)
{
	u8 pmtu = sk->pmtudisc;
	int err;

	to->ip.df = pmtu == IP_PMTUDISC_DO || pmtu == IP_PMTUDISC_PROBE ||
		    (pmtu == IP_PMTUDISC_WANT && pkt_len(p) + sizeof(struct iphdr) <= to->dst.mtu);
	err = ip_output(p, &to->dst, &to->ip);
	net_run();
	netdev_put(to->dst.dev);
	return err ? err : (ssize_t)n;
}

/* ---- in ---- */

bool dgram_match(const struct inet_sock *sk, be32 from, be16 from_port, be32 to, int ifindex)
{
	return (!sk->rcv_saddr || sk->rcv_saddr == to) &&
	       (!sk->connected || (sk->daddr == from && (!from_port || sk->dport == from_port))) &&
	       (!sk->s.bound_dev || sk->s.bound_dev == ifindex);
}

unsigned int dgram_gather(struct net_ns *net, int type, int protocol, be16 port,
			  bool (*match)(const struct inet_sock *sk, const void *arg),
			  const void *arg, struct inet_sock *found[DGRAM_TARGETS])
{
	struct port_bucket *b = port_bucket(net, type == SOCK_RAW ? -1 : protocol, port);
	struct inet_sock *sk;
	unsigned int n = 0;

	SPIN_GUARD(&b->lock);
	list_for_each(sk, &b->bound, bind_link) {
		if (n == DGRAM_TARGETS)
			break;
		if (sk->sport == port && sk->s.net == net && sk->s.protocol == protocol &&
		    sk->s.type == type && match(sk, arg)) {
			socket_get(&sk->s);
			found[n++] = sk;
		}
	}
	return n;
}

void dgram_queue(struct inet_sock *sk, struct pkt *p)
{
	if (queue_full(&sk->s) || READ_ONCE(sk->s.shutdown) & RCV_SHUTDOWN ||
	    inet_forbidden(sk, p, p->dev, p->net, false))
		pkt_free(p);
	else
		queue_add(&sk->s, p);
}

void dgram_to_all(struct inet_sock *const *found, unsigned int n, const struct pkt *p, u8 *data)
{
	for (unsigned int i = 0; i < n; i++) {
		struct pkt *c = pkt_clone(p);

		if (c) {
			c->data = data;
			dgram_queue(found[i], c);
		}
		socket_put(&found[i]->s);
	}
}

/* What stands before the bytes of a packet in the queue of errors. */
struct queued_error {
	struct sockaddr_in name; /* whom the program had sent to */
	struct sock_extended_err ee;
	struct sockaddr_in offender;
};

static void queue_error(struct inet_sock *sk, const struct icmp_error *e, const u8 *payload)
{
	struct queued_error q = {
		.name = { .sin_family = AF_INET, .sin_addr = { e->inner->daddr } },
		.ee = { .ee_errno = e->err,
			.ee_origin = SO_EE_ORIGIN_ICMP,
			.ee_type = e->type,
			.ee_code = e->code,
			.ee_info = e->err == EMSGSIZE ? ntohl(e->info) & 0xffff : 0 },
		.offender = { .sin_family = AF_INET, .sin_addr = { e->offender } },
	};
	u32 n = payload < e->end ? e->end - payload : 0, waiting = 0;
	struct pkt *p = pkt_alloc(sizeof(q) + n, sk->s.charge), *o;

	if (!p)
		return;
	if (e->inner->protocol == IPPROTO_UDP)
		q.name.sin_port = ((const struct udphdr *)e->l4)->dest;
	memcpy(pkt_put(p, sizeof(q)), &q, sizeof(q));
	memcpy(pkt_put(p, n), payload, n);
	spin_lock(&sk->s.lock);
	list_for_each(o, &sk->errors, link)
		waiting++;
	if (waiting < ERRORS_MAX) {
		list_add_tail(&p->link, &sk->errors);
		p = NULL;
	}
	spin_unlock(&sk->s.lock);
	pkt_free(p);
}

void dgram_error(struct inet_sock *sk, const struct icmp_error *e, const u8 *payload)
{
	if (sk->recverr)
		queue_error(sk, e, payload);
	else if (!e->hard || !sk->connected)
		return;
	WRITE_ONCE(sk->s.error, e->err);
	socket_wake(&sk->s, POLLERR);
}

static ssize_t recv_error(struct inet_sock *sk, struct net_msg *msg)
{
	struct queued_error q;
	struct pkt *p;
	ssize_t n;

	spin_lock(&sk->s.lock);
	p = list_pop(&sk->errors, struct pkt, link);
	spin_unlock(&sk->s.lock);
	if (!p)
		return -EAGAIN;
	memcpy(&q, p->data, sizeof(q));
	p->data += sizeof(q);
	msg->flags &= ~MSG_TRUNC; /* its length is not told */
	msg->out |= MSG_ERRQUEUE;
	n = queue_copy(msg, p);
	put_name(msg, &q.name, sizeof(q.name));
	put_stamp(&sk->s, msg, 0);
	put_cmsg(msg, IPPROTO_IP, IP_RECVERR, &q.ee, sizeof(q) - offsetof(struct queued_error, ee));
	pkt_free(p);
	return n;
}

static void tell(struct socket *s, struct net_msg *msg, const struct pkt *p)
{
	const struct iphdr *ip = (const struct iphdr *)p->net;
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr = { ip->saddr } };
	const struct inet_sock *sk = inet_sk(s);
	int ttl = ip->ttl;

	if (s->protocol == IPPROTO_UDP && s->type == SOCK_DGRAM)
		sin.sin_port = ((const struct udphdr *)p->l4)->source;
	put_name(msg, &sin, sizeof(sin));
	put_stamp(s, msg, p->time_ns);
	if (sk->pktinfo) {
		struct in_pktinfo info = { .ipi_ifindex = p->dev->ifindex,
					   .ipi_spec_dst = { ip->daddr },
					   .ipi_addr = { ip->daddr } };

		put_cmsg(msg, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
	}
	if (sk->recvttl)
		put_cmsg(msg, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl));
	if (sk->recvtos)
		put_cmsg(msg, IPPROTO_IP, IP_TOS, &ip->tos, 1);
}

ssize_t dgram_recv(struct socket *s, struct net_msg *msg)
{
	if (msg->flags & MSG_OOB && s->protocol != IPPROTO_UDP)
		return -EOPNOTSUPP;
	return msg->flags & MSG_ERRQUEUE ? recv_error(inet_sk(s), msg) : queue_recv(s, msg, tell);
}

u32 dgram_poll(struct socket *s, struct file *f, struct poll_table *pt)
{
	return queue_poll(s, f, pt) | (list_empty(&inet_sk(s)->errors) ? 0 : POLLERR);
}

int dgram_shutdown(struct socket *s, unsigned int bits)
{
	/* As on Linux, what is not connected is shut down all the same. */
	__atomic_fetch_or(&s->shutdown, bits, __ATOMIC_RELAXED);
	socket_wake(s, POLLIN | POLLOUT | POLLHUP | POLLRDHUP);
	return inet_sk(s)->connected ? 0 : -ENOTCONN;
}

/* ---- names ---- */

int dgram_bind(struct socket *s, const struct sockaddr_storage *addr, int len)
{
	return inet_bind(s, addr, len, port_conflict);
}

/* connect(2) with AF_UNSPEC. */
static void disconnect(struct inet_sock *sk)
{
	struct socket *s = &sk->s;

	SPIN_GUARD(&s->lock);
	sk->connected = false;
	sk->daddr = 0;
	sk->dport = 0;
	if (!sk->bound_addr)
		sk->saddr = sk->rcv_saddr = 0;
	if (!sk->bound_port && s->type != SOCK_RAW)
		port_drop(sk);
	netdev_put(sk->dst.dev);
	sk->dst.dev = NULL;
}

int dgram_connect(struct socket *s, const struct sockaddr_storage *addr, int len, int flags)
{
	struct inet_sock *sk = inet_sk(s);
	struct sockaddr_in sin;
	struct dst dst;
	be32 daddr;
	int err;

	if (len < (int)sizeof(addr->ss_family))
		return -EINVAL;
	if (addr->ss_family == AF_UNSPEC) {
		disconnect(sk);
		return 0;
	}
	err = autobind(sk);
	if (!err)
		err = inet_addr(addr, len, &sin);
	if (err)
		return err;
	daddr = sin.sin_addr.s_addr;
	err = inet_route(sk, &daddr, 0, &dst);
	if (err)
		return err;
	if (dst.type == RTN_BROADCAST && !socket_opt(s, SOCK_OPT_BROADCAST)) {
		netdev_put(dst.dev);
		return -EACCES;
	}
	SPIN_GUARD(&s->lock);
	netdev_put(sk->dst.dev);
	sk->dst = dst;
	if (!sk->saddr)
		sk->saddr = dst.saddr;
	if (!sk->rcv_saddr)
		sk->rcv_saddr = dst.saddr;
	sk->daddr = daddr;
	sk->dport = sin.sin_port;
	sk->connected = true;
	return 0;
}

void dgram_release(struct socket *s)
{
	SPIN_GUARD(&s->lock);
	port_drop(inet_sk(s));
}
