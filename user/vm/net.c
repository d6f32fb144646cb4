/* SPDX-License-Identifier: MIT */
/*
 * virtio-net (virtio 1.1, 5.1): a network device of the host's, of which the guest has the wire. On
 * most, it takes the device's place by a packet socket (packet(7)): the same hardware address, and all
 * that arrives; the host should give such a device no address. "tap:NAME" is a TAP device (Linux's
 * tuntap.rst): the host keeps its end, and the guest is the one at the other.
 *
 * In a restored machine it keeps its hardware address, whatever that of the host's device is by then.
 *
 * Where the host's device leaves checksums and segmenting for later (PACKET_VNET_HDR), so does the guest's;
 * a guest whose driver takes no such packets gets frames, which are made here.
 */
#include <sys/random.h>
#include <sys/socket.h>
#include <linux/if.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>

#include "frames.h"
#include "virtio.h"

enum { RX, TX };
#define PACKETS_AT_ONCE 64 /* then others have their turn */
#define HEADER sizeof(struct virtio_net_hdr_mrg_rxbuf)
#define TAP "tap:"

struct net {
	struct virtio v;
	struct watch wire;
	bool tap, offload; /* offload: each packet has a struct virtio_net_hdr on the wire, too */
	struct virtio_net_config config;
	struct virtq_chain rx, tx;
	struct packet packet; /* for a guest that wants frames: what they are made of */
};
#define TAKES_PACKETS                                                                              \
	(VIRTIO_BIT(VIRTIO_NET_F_GUEST_CSUM) | VIRTIO_BIT(VIRTIO_NET_F_GUEST_TSO4) |               \
	 VIRTIO_BIT(VIRTIO_NET_F_GUEST_TSO6))

/* ---- from the wire ---- */

/* The next frame, with its header, into the chain; what it returns is as receive() says. */
static ssize_t receive_frame(struct net *n, struct virtq_chain *c)
{
	static const struct virtio_net_hdr_mrg_rxbuf header = { .num_buffers = 1 };
	struct packet *p = &n->packet;
	struct sockaddr_ll from = { 0 };
	struct iovec iov = { &p->h, sizeof(p->h) + sizeof(p->bytes) };
	struct msghdr msg = {
		.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1
	};
	const uint8_t *frame;
	size_t size;

	if (!p->size) {
		ssize_t got = recvmsg(n->wire.fd, &msg, MSG_DONTWAIT | MSG_TRUNC);

		if (got < 0)
			return errno == EINTR ? 0 : -1;
		if (got <= (ssize_t)sizeof(p->h) || from.sll_pkttype == PACKET_OUTGOING ||
		    !packet_begin(p, got - sizeof(p->h)))
			return 0;
	}
	frame = packet_frame(p, &size);
	return chain_write(c, &header, HEADER) && chain_write(c, frame, size) ? HEADER + size : 0;
}

/* A packet with its header into the chain: its length, 0 for one to be ignored, -1 when there is none. */
static ssize_t receive(struct net *n, struct virtq_chain *c)
{
	struct virtio_net_hdr_mrg_rxbuf header = { .num_buffers = 1 };
	struct iovec iov[VIRTQ_SIZE + 1], *in = iov + 1;
	struct sockaddr_ll from = { 0 };
	struct msghdr msg = { .msg_name = &from, .msg_namelen = sizeof(from) };
	unsigned int nr = c->nr_in;
	ssize_t got;

	if (c->in_size <= HEADER)
		return 0;
	memcpy(in, c->in, nr * sizeof(*in));
	iov_copy(&in, &nr, &header, HEADER, false); /* once more when it is known */
	*--in = (struct iovec){ &header, n->offload ? sizeof(header.hdr) : 0 };
	msg.msg_iov = in;
	msg.msg_iovlen = nr + 1;
	got = n->tap ? readv(n->wire.fd, in, nr + 1)
		     : recvmsg(n->wire.fd, &msg, MSG_DONTWAIT | MSG_TRUNC);
	if (got < 0)
		return errno == EINTR ? 0 : -1;
	got -= in->iov_len;
	if (got <= 0 || (size_t)got > c->in_size - HEADER || from.sll_pkttype == PACKET_OUTGOING)
		return 0;
	chain_write(c, &header, HEADER);
	return HEADER + got;
}

static void on_wire(struct machine *m, void *device, short events)
{
	struct net *n = device;
	struct virtq *q = &n->v.queue[RX];

	for (int i = 0; i < PACKETS_AT_ONCE || n->packet.size; i++) {
		ssize_t got;

		if (!virtq_pop(q, &n->rx)) { /* what comes now waits in the socket */
			watch_set(&n->wire, 0);
			break;
		}
		got = n->offload && (n->v.features & TAKES_PACKETS) != TAKES_PACKETS
			      ? receive_frame(n, &n->rx)
			      : receive(n, &n->rx);
		if (got > 0)
			virtq_push(q, &n->rx, got);
		else
			virtq_unpop(q);
		if (got < 0)
			break;
	}
	virtq_signal(q);
}

/* ---- to the wire ---- */

/* One that cannot be sent is lost, as on any wire. */
static void transmit(struct net *n, struct virtq_chain *c)
{
	struct virtio_net_hdr_mrg_rxbuf header;
	struct iovec iov[VIRTQ_SIZE + 1];
	struct msghdr msg = { .msg_iov = iov };

	if (!chain_read(c, &header, HEADER))
		return;
	iov[0] = (struct iovec){ &header, n->offload ? sizeof(header.hdr) : 0 };
	memcpy(iov + 1, c->out, c->nr_out * sizeof(*iov));
	msg.msg_iovlen = c->nr_out + 1;
	if (n->tap ? writev(n->wire.fd, iov, msg.msg_iovlen) < 0
		   : sendmsg(n->wire.fd, &msg, MSG_DONTWAIT) < 0)
		return;
}

static void net_notify(struct virtio *v, struct virtq *q)
{
	struct net *n = (struct net *)v; /* its first member */

	if (q == &v->queue[RX]) {
		watch_set(&n->wire, POLLIN);
		if (n->packet.size)
			on_wire(v->m, n, POLLIN); /* the wire may have nothing to say */
		return;
	}
	while (virtq_pop(q, &n->tx)) {
		transmit(n, &n->tx);
		virtq_push(q, &n->tx, 0);
	}
	virtq_signal(q);
}

/* ---- the host's device ---- */

static void open_tap(struct net *n, const char *name)
{
	struct ifreq r = { .ifr_flags = IFF_TAP | IFF_NO_PI };

	strncpy(r.ifr_name, name, IFNAMSIZ - 1);
	n->wire.fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (n->wire.fd < 0)
		die(STATUS_FAILED, "--net %s%s: /dev/net/tun: %s", TAP, name, strerror(errno));
	if (ioctl(n->wire.fd, TUNSETIFF, &r) < 0)
		die(STATUS_FAILED, "--net %s%s: %s", TAP, name, strerror(errno));
	if (getrandom(n->config.mac, ETH_ALEN, 0) < 0)
		die(STATUS_FAILED, "no hardware address: %s", strerror(errno));
	n->config.mac[0] = (n->config.mac[0] & 0xfe) | 2; /* of one station, given out here */
}

static void open_packet(struct net *n, const char *name)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET,
				  .sll_protocol = __builtin_bswap16(ETH_P_ALL) };
	struct ifreq r = { .ifr_flags = 0 };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), on = 1;

	n->wire.fd = fd;
	strncpy(r.ifr_name, name, IFNAMSIZ - 1);
	if (fd < 0 || ioctl(fd, SIOCGIFINDEX, &r) < 0)
		die(STATUS_FAILED, "--net %s: %s (none, bridge, tap:NAME or one of the host's)",
		    name, strerror(errno));
	at.sll_ifindex = r.ifr_ifindex;
	if (ioctl(fd, SIOCGIFHWADDR, &r) < 0 || bind(fd, (void *)&at, sizeof(at)) < 0)
		die(STATUS_FAILED, "--net %s: %s", name, strerror(errno));
	memcpy(n->config.mac, r.ifr_hwaddr.sa_data, ETH_ALEN);
	n->offload = !setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on));
}

static void net_begin(struct machine *m, struct net *n)
{
	n->wire.fn = on_wire;
	n->wire.device = n;
	n->v.offers = VIRTIO_BIT(VIRTIO_NET_F_MAC);
	if (n->offload)
		n->v.offers |=
			VIRTIO_BIT(VIRTIO_NET_F_CSUM) | VIRTIO_BIT(VIRTIO_NET_F_GUEST_CSUM) |
			VIRTIO_BIT(VIRTIO_NET_F_HOST_TSO4) | VIRTIO_BIT(VIRTIO_NET_F_HOST_TSO6) |
			VIRTIO_BIT(VIRTIO_NET_F_GUEST_TSO4) | VIRTIO_BIT(VIRTIO_NET_F_GUEST_TSO6);
	n->v.config = &n->config;
	n->v.config_size = sizeof(n->config.mac);
	virtio_add(m, &n->v, VIRTIO_ID_NET, "virtio network", 2, net_notify);
	watch_add(&n->wire);
	snapshot_keep(.id = "mac", .data = n->config.mac, .size = ETH_ALEN);
}

void net_add(struct machine *m, const char *device, const char *behind)
{
	struct net *n = allocate(sizeof(*n));
	size_t prefix = strlen(TAP);

	n->v.behind = behind;
	n->tap = !strncmp(device, TAP, prefix);
	if (n->tap)
		open_tap(n, device + prefix);
	else
		open_packet(n, device);
	net_begin(m, n);
}
