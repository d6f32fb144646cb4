/* SPDX-License-Identifier: MIT */
/*
 * AF_PACKET (packet(7)): what goes over a device, with its header (SOCK_RAW) or without (SOCK_DGRAM).
 * A socket of a protocol gets clones of packets that come; one of ETH_P_ALL also of those that go.
 * There are no filters, rings or memberships. With PACKET_VNET_HDR a packet has virtio's header (virtio
 * 1.1, 5.1.6) in front: what is still to be done about its checksum and its length.
 *
 * packet_lock guards the list of sockets and what they are bound to; a socket's lock its queue, inside.
 */
#include "net/inet.h"

#include <linux/capability.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>

#define SOL_PACKET 263
#define GSO_PACKET_MAX (65535U + ETH_HLEN + 4) /* as an IP header counts, behind a VLAN tag */

struct packet_sock {
	struct socket s;
	struct list_head link;
	/* guarded by packet_lock */
	be16 protocol; /* 0: gets nothing */
	int ifindex; /* 0: any */
	const struct pkt *sending; /* which it does not hear itself */
	bool auxdata, vnet_hdr;
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

	c = queue_full(&ps->s) ? NULL : pkt_clone(p);
	if (!c)
		return;
	if (outgoing) {
		c->mac = c->data;
		c->type = PACKET_OUTGOING;
		c->time_ns = net_stamp(p->dev->net);
	}
	c->data = ps->s.type == SOCK_RAW ? c->mac : c->net;
	queue_add(&ps->s, c);
}

static void tap(struct pkt *p, bool outgoing)
{
	struct packet_sock *ps;

	SPIN_GUARD(&packet_lock);
	list_for_each(ps, &sockets, link)
		if (ps->s.net == p->dev->net && (!ps->ifindex || ps->ifindex == p->dev->ifindex) &&
		    (ps->protocol == htons(ETH_P_ALL) ||
		     (ps->protocol == p->protocol && !outgoing)) &&
		    ps->sending != p)
			take(ps, p, outgoing);
}

/* ---- addresses ---- */

static int packet_bind(struct socket *s, const struct sockaddr_storage *addr, int len)
{
	struct packet_sock *ps = packet_sk(s);
	struct sockaddr_ll ll;

	if (len < (int)sizeof(ll) || addr->ss_family != AF_PACKET)
		return -EINVAL;
	memcpy(&ll, addr, sizeof(ll));
	SCOPED_DEV(dev, netdev_by_index(s->net, ll.sll_ifindex));
	if (ll.sll_ifindex && !dev)
		return -ENODEV;
	spin_lock(&packet_lock);
	ps->protocol = ll.sll_protocol ?: ps->protocol;
	ps->ifindex = ll.sll_ifindex;
	spin_unlock(&packet_lock);
	if (dev && !(dev->flags & IFF_UP))
		WRITE_ONCE(s->error, ENETDOWN);
	return 0;
}

static int packet_getname(struct socket *s, struct sockaddr_storage *addr, bool peer)
{
	struct packet_sock *ps = packet_sk(s);
	struct sockaddr_ll ll = { .sll_family = AF_PACKET,
				  .sll_protocol = ps->protocol,
				  .sll_ifindex = ps->ifindex };
	SCOPED_DEV(dev, netdev_by_index(s->net, ps->ifindex));

	if (dev) {
		ll.sll_hatype = dev->type;
		ll.sll_halen = ETH_ALEN;
		memcpy(ll.sll_addr, dev->mac, ETH_ALEN);
	}
	memcpy(addr, &ll, sizeof(ll));
	return peer ? -EOPNOTSUPP : (int)(offsetof(struct sockaddr_ll, sll_addr) + ll.sll_halen);
}

/* ---- sending ---- */

/* n bytes of the caller on their way by dev; RAW: they begin with the device's header. */
static int send_packet(struct packet_sock *ps, struct netdev *dev, const struct sockaddr_ll *ll,
		       struct net_msg *msg)
{
	bool raw = ps->s.type == SOCK_RAW;
	struct virtio_net_hdr h = { 0 };
	size_t n = msg->data.left;
	struct pkt *p;
	int err;

	if (!(dev->flags & IFF_UP))
		return -ENETDOWN;
	if (ps->vnet_hdr) {
		if (n < sizeof(h))
			return -EINVAL;
		if (uio_get(&msg->data, &h, sizeof(h)) != sizeof(h))
			return -EFAULT;
		n -= sizeof(h);
	}
	if ((raw && n < ETH_HLEN) || n < h.hdr_len)
		return -EINVAL;
	if (n > (h.gso_type ? GSO_PACKET_MAX : dev->mtu + (raw ? ETH_HLEN : 0)))
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
	err = pkt_apply_vnet(p, &h);
	if (err) {
		pkt_free(p);
		return err;
	}
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
	int err = 0;

	if (msg->name_len && msg->name_len < (int)sizeof(ll))
		return -EINVAL;
	if (msg->name_len) {
		memcpy(&ll, msg->name, sizeof(ll));
		err = ll.sll_halen > sizeof(ll.sll_addr) ? -EINVAL : 0;
	} else if (s->type == SOCK_DGRAM) {
		err = ll.sll_ifindex ? -EINVAL : -ENXIO;
	}
	if (err)
		return err;
	SCOPED_DEV(dev, netdev_by_index(s->net, ll.sll_ifindex));
	err = dev ? send_packet(ps, dev, &ll, msg) : -ENXIO;
	return err ?: (ssize_t)n;
}

/* ---- receiving ---- */

static void tell(struct socket *s, struct net_msg *msg, const struct pkt *p)
{
	struct sockaddr_ll ll = { .sll_family = AF_PACKET,
				  .sll_protocol = p->protocol,
				  .sll_ifindex = p->dev->ifindex,
				  .sll_hatype = p->dev->type,
				  .sll_pkttype = p->type,
				  .sll_halen = ETH_ALEN };
	struct tpacket_auxdata aux = {
		.tp_status = TP_STATUS_USER | (p->csum == CSUM_LATER ? TP_STATUS_CSUMNOTREADY : 0),
		.tp_len = pkt_len(p),
		.tp_snaplen = pkt_len(p),
		.tp_net = p->net - p->data
	};

	memcpy(ll.sll_addr, ((const struct ethhdr *)p->mac)->h_source, ETH_ALEN);
	put_name(msg, &ll, sizeof(ll));
	put_stamp(s, msg, p->time_ns);
	if (packet_sk(s)->auxdata)
		put_cmsg(msg, SOL_PACKET, PACKET_AUXDATA, &aux, sizeof(aux));
}

static ssize_t packet_recvmsg(struct socket *s, struct net_msg *msg)
{
	struct virtio_net_hdr h;
	struct pkt *p;
	ssize_t n;

	if (!packet_sk(s)->vnet_hdr)
		return queue_recv(s, msg, tell);
	p = queue_next(s, msg);
	if (!p || IS_ERR(p))
		return PTR_ERR(p);
	n = msg->data.left < sizeof(h) ? -EINVAL : 0;
	if (!n) {
		pkt_vnet(p, &h);
		n = uio_put(&msg->data, &h, sizeof(h)) == sizeof(h) ? queue_copy(msg, p) : -EFAULT;
	}
	if (n >= 0) {
		n += sizeof(h);
		tell(s, msg, p);
	}
	pkt_free(p);
	return n;
}

static int packet_setsockopt(struct socket *s, int level, int name, const void __user *val, int len)
{
	struct packet_sock *ps = packet_sk(s);
	int v, err;

	if (level != SOL_PACKET || (name != PACKET_AUXDATA && name != PACKET_VNET_HDR))
		return -ENOPROTOOPT;
	if (name == PACKET_VNET_HDR && s->type != SOCK_RAW)
		return -EINVAL;
	err = sockopt_int(val, len, &v);
	if (!err)
		*(name == PACKET_AUXDATA ? &ps->auxdata : &ps->vnet_hdr) = v;
	return err;
}

/* ---- birth and end ---- */

static void packet_release(struct socket *s)
{
	struct packet_sock *ps = packet_sk(s);

	SPIN_GUARD(&packet_lock);
	list_del(&ps->link);
	if (list_empty(&sockets))
		packet_tap = NULL;
}

static const struct socket_ops packet_ops = {
	.release = packet_release,
	.destroy = socket_free,
	.bind = packet_bind,
	.getname = packet_getname,
	.sendmsg = packet_sendmsg,
	.recvmsg = packet_recvmsg,
	.poll = queue_poll,
	.ioctl = queue_ioctl,
	.setsockopt = packet_setsockopt,
};

struct socket *packet_create(struct net_ns *net, int type, int protocol)
{
	struct packet_sock *ps;

	if (!net_capable(net, CAP_NET_RAW))
		return ERR_PTR(-EPERM);
	if (type != SOCK_RAW && type != SOCK_DGRAM)
		return ERR_PTR(-ESOCKTNOSUPPORT);
	ps = socket_new(sizeof(*ps), &packet_ops, net, AF_PACKET, type, protocol);
	if (IS_ERR(ps))
		return (struct socket *)ps;
	LOCKDEP_CLASS(&ps->s.lock, "packet socket"); /* sees what TCP sends with its lock held */
	ps->protocol = protocol;
	SPIN_GUARD(&packet_lock);
	list_add_tail(&ps->link, &sockets);
	packet_tap = tap;
	return &ps->s;
}
