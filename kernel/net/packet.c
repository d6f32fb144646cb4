/* SPDX-License-Identifier: MIT */
/*
 * AF_PACKET (packet(7)): what goes over a device, with its header (SOCK_RAW) or without (SOCK_DGRAM).
 * A socket of a protocol gets clones of packets that come; one of ETH_P_ALL also of those that go.
 * There are no filters, rings or memberships.
 *
 * packet_lock guards the list of sockets and what they are bound to; a socket's lock its queue, inside.
 */
#include "net/inet.h"

#include <asm/ioctls.h>
#include <linux/capability.h>
#include <linux/if_packet.h>

#define SOL_PACKET 263

struct packet_sock {
	struct socket s;
	struct list_head link;
	/* guarded by packet_lock */
	be16 protocol; /* 0: gets nothing */
	int ifindex; /* 0: any */
	const struct pkt *sending; /* which it does not hear itself */
	bool auxdata;
	/* guarded by s.lock */
	struct list_head rx;
	u32 queued; /* truesize */
};
static spinlock_t packet_lock = SPINLOCK_INIT;
static struct list_head sockets = LIST_INIT(sockets);

static struct packet_sock *packet_sk(struct socket *s)
{
	return container_of(s, struct packet_sock, s);
}

/* ---- what comes by ---- */

static void take(struct packet_sock *ps, const struct pkt *p, bool outgoing)
{
	struct pkt *c;

	if (READ_ONCE(ps->queued) + pkt_truesize(p) > (u32)ps->s.rcvbuf)
		return;
	c = pkt_clone(p);
	if (!c)
		return;
	if (outgoing) {
		c->mac = c->data;
		c->type = PACKET_OUTGOING;
		c->time_ns = net_stamp(p->dev->net);
	}
	c->data = ps->s.type == SOCK_RAW ? c->mac : c->net;
	spin_lock(&ps->s.lock);
	list_add_tail(&c->link, &ps->rx);
	ps->queued += pkt_truesize(c);
	spin_unlock(&ps->s.lock);
	waitq_wake_all(&ps->s.rd, POLLIN | POLLRDNORM);
}

static void tap(struct pkt *p, bool outgoing)
{
	struct packet_sock *ps;

	spin_lock(&packet_lock);
	list_for_each(ps, &sockets, link)
		if (ps->s.net == p->dev->net && (!ps->ifindex || ps->ifindex == p->dev->ifindex) &&
		    (ps->protocol == htons(ETH_P_ALL) ||
		     (ps->protocol == p->protocol && !outgoing)) &&
		    ps->sending != p)
			take(ps, p, outgoing);
	spin_unlock(&packet_lock);
}

/* ---- addresses ---- */

static int get_addr(const struct net_msg *msg, struct sockaddr_ll *ll)
{
	if (msg->name_len < (int)sizeof(*ll))
		return -EINVAL;
	memcpy(ll, msg->name, sizeof(*ll));
	return ll->sll_halen > sizeof(ll->sll_addr) ? -EINVAL : 0;
}

static int packet_bind(struct socket *s, const struct sockaddr_storage *addr, int len)
{
	struct packet_sock *ps = packet_sk(s);
	struct netdev *dev = NULL;
	struct sockaddr_ll ll;

	if (len < (int)sizeof(ll) || addr->ss_family != AF_PACKET)
		return -EINVAL;
	memcpy(&ll, addr, sizeof(ll));
	if (ll.sll_ifindex) {
		dev = netdev_by_index(s->net, ll.sll_ifindex);
		if (!dev)
			return -ENODEV;
	}
	spin_lock(&packet_lock);
	ps->protocol = ll.sll_protocol ?: ps->protocol;
	ps->ifindex = ll.sll_ifindex;
	spin_unlock(&packet_lock);
	if (dev && !(dev->flags & IFF_UP))
		WRITE_ONCE(s->error, ENETDOWN);
	netdev_put(dev);
	return 0;
}

static int packet_getname(struct socket *s, struct sockaddr_storage *addr, bool peer)
{
	struct packet_sock *ps = packet_sk(s);
	struct sockaddr_ll ll = { .sll_family = AF_PACKET,
				  .sll_protocol = ps->protocol,
				  .sll_ifindex = ps->ifindex };
	struct netdev *dev = ps->ifindex ? netdev_by_index(s->net, ps->ifindex) : NULL;

	if (dev) {
		ll.sll_hatype = dev->type;
		ll.sll_halen = ETH_ALEN;
		memcpy(ll.sll_addr, dev->mac, ETH_ALEN);
	}
	netdev_put(dev);
	memcpy(addr, &ll, sizeof(ll));
	return peer ? -EOPNOTSUPP : (int)(offsetof(struct sockaddr_ll, sll_addr) + ll.sll_halen);
}

/* ---- sending ---- */

/* n bytes of the caller on their way by dev; RAW: they begin with the device's header. */
static int send_packet(struct packet_sock *ps, struct netdev *dev, const struct sockaddr_ll *ll,
		       struct net_msg *msg)
{
	bool raw = ps->s.type == SOCK_RAW;
	size_t n = msg->data.left;
	struct pkt *p;

	if (!(dev->flags & IFF_UP))
		return -ENETDOWN;
	if (raw && n < ETH_HLEN)
		return -EINVAL;
	if (n > dev->mtu + (raw ? ETH_HLEN : 0))
		return -EMSGSIZE;
	p = pkt_alloc(n, current_thread()->mem_charge);
	if (!p)
		return -ENOBUFS;
	if (uio_get(&msg->data, pkt_put(p, n), n) != n) {
		pkt_free(p);
		return -EFAULT;
	}
	netdev_get(dev);
	p->dev = dev;
	p->net = p->data + (raw ? ETH_HLEN : 0);
	p->protocol = raw ? ((struct ethhdr *)p->data)->h_proto : ll->sll_protocol;
	if (!raw)
		dev_header(p, ll->sll_addr);
	ps->sending = p;
	netdev_xmit(p);
	ps->sending = NULL;
	net_run();
	return 0;
}

static ssize_t packet_sendmsg(struct socket *s, struct net_msg *msg)
{
	struct packet_sock *ps = packet_sk(s);
	struct sockaddr_ll ll = { .sll_protocol = ps->protocol, .sll_ifindex = ps->ifindex };
	size_t n = msg->data.left;
	struct netdev *dev;
	int err = 0;

	if (msg->name_len)
		err = get_addr(msg, &ll);
	else if (s->type == SOCK_DGRAM)
		err = ll.sll_ifindex ? -EINVAL : -ENXIO;
	if (err)
		return err;
	dev = netdev_by_index(s->net, ll.sll_ifindex);
	if (!dev)
		return -ENXIO;
	err = send_packet(ps, dev, &ll, msg);
	netdev_put(dev);
	return err ?: (ssize_t)n;
}

/* ---- receiving ---- */

static struct pkt *next_packet(struct packet_sock *ps, bool take_it)
{
	struct pkt *p = NULL;

	spin_lock(&ps->s.lock);
	if (!list_empty(&ps->rx)) {
		p = list_first(&ps->rx, struct pkt, link);
		if (take_it) {
			list_del(&p->link);
			ps->queued -= pkt_truesize(p);
		} else {
			p = pkt_clone(p);
		}
	}
	spin_unlock(&ps->s.lock);
	return p;
}

static void put_name(struct net_msg *msg, const struct pkt *p)
{
	struct sockaddr_ll ll = { .sll_family = AF_PACKET,
				  .sll_protocol = p->protocol,
				  .sll_ifindex = p->dev->ifindex,
				  .sll_hatype = p->dev->type,
				  .sll_pkttype = p->type,
				  .sll_halen = ETH_ALEN };

	memcpy(ll.sll_addr, ((const struct ethhdr *)p->mac)->h_source, ETH_ALEN);
	memcpy(msg->name, &ll, sizeof(ll));
	msg->name_len = sizeof(ll);
}

static ssize_t packet_recvmsg(struct socket *s, struct net_msg *msg)
{
	u64 deadline = socket_deadline(s->rcvtimeo, msg->flags);
	struct packet_sock *ps = packet_sk(s);
	struct tpacket_auxdata aux = { .tp_status = TP_STATUS_USER };
	struct pkt *p;
	ssize_t n;
	int err;

	while (!(p = next_packet(ps, !(msg->flags & MSG_PEEK)))) {
		err = socket_error(s)
			      ?: SOCKET_WAIT(&s->rd, !list_empty(&ps->rx) || s->error, deadline);
		if (err)
			return err;
	}
	n = min((size_t)pkt_len(p), msg->data.left);
	if (n < pkt_len(p))
		msg->out |= MSG_TRUNC;
	if (uio_put(&msg->data, p->data, n) != n)
		n = -EFAULT;
	if (msg->name)
		put_name(msg, p);
	if (n >= 0)
		put_stamp(s, msg, p->time_ns);
	if (n >= 0 && ps->auxdata) {
		if (p->csum_ok)
			aux.tp_status |= TP_STATUS_CSUMNOTREADY;
		aux.tp_len = pkt_len(p);
		aux.tp_snaplen = n;
		aux.tp_net = p->net - p->data;
		put_cmsg(msg, SOL_PACKET, PACKET_AUXDATA, &aux, sizeof(aux));
	}
	if (n >= 0 && msg->flags & MSG_TRUNC)
		n = pkt_len(p);
	pkt_free(p);
	return n;
}

static u32 packet_poll(struct socket *s, struct file *f, struct poll_table *pt)
{
	poll_wait(f, &s->rd, pt);
	return (list_empty(&packet_sk(s)->rx) ? 0 : POLLIN | POLLRDNORM) |
	       (READ_ONCE(s->error) ? POLLERR : 0) | POLLOUT | POLLWRNORM | POLLWRBAND;
}

static long packet_ioctl(struct socket *s, unsigned int cmd, unsigned long arg)
{
	struct pkt *p;
	int n = 0;

	if (cmd != FIONREAD)
		return -ENOTTY;
	p = next_packet(packet_sk(s), false);
	if (p) {
		n = pkt_len(p);
		pkt_free(p);
	}
	return put_user(n, (int __user *)arg);
}

static int packet_setsockopt(struct socket *s, int level, int name, const void __user *val, int len)
{
	int v, err;

	if (level != SOL_PACKET || name != PACKET_AUXDATA)
		return -ENOPROTOOPT;
	err = sockopt_int(val, len, &v);
	if (!err)
		packet_sk(s)->auxdata = v;
	return err;
}

/* ---- birth and end ---- */

static void packet_release(struct socket *s)
{
	struct packet_sock *ps = packet_sk(s);

	spin_lock(&packet_lock);
	list_del(&ps->link);
	if (list_empty(&sockets))
		packet_tap = NULL;
	spin_unlock(&packet_lock);
	pkt_queue_free(&ps->rx);
}

static void packet_destroy(struct socket *s)
{
	socket_deinit(s);
	kfree(packet_sk(s));
}

static const struct socket_ops packet_ops = {
	.release = packet_release,
	.destroy = packet_destroy,
	.bind = packet_bind,
	.getname = packet_getname,
	.sendmsg = packet_sendmsg,
	.recvmsg = packet_recvmsg,
	.poll = packet_poll,
	.ioctl = packet_ioctl,
	.setsockopt = packet_setsockopt,
};

static struct socket *packet_create(struct net_ns *net, int type, int protocol)
{
	struct packet_sock *ps;

	if (!ns_capable(net->ns.owner, CAP_NET_RAW))
		return ERR_PTR(-EPERM);
	if (type != SOCK_RAW && type != SOCK_DGRAM)
		return ERR_PTR(-ESOCKTNOSUPPORT);
	ps = kzalloc(sizeof(*ps));
	if (!ps)
		return ERR_PTR(-ENOMEM);
	socket_init(&ps->s, &packet_ops, net, AF_PACKET, type, protocol);
	LOCKDEP_CLASS(&ps->s.lock, "packet socket"); /* sees what TCP sends with its lock held */
	ps->protocol = protocol;
	list_init(&ps->rx);
	spin_lock(&packet_lock);
	list_add_tail(&ps->link, &sockets);
	packet_tap = tap;
	spin_unlock(&packet_lock);
	return &ps->s;
}

static const struct net_family packet_family = { .family = AF_PACKET, .create = packet_create };

void packet_init(void)
{
	net_family_register(&packet_family);
}
