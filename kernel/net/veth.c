/* SPDX-License-Identifier: MIT */
/*
 * veth(4): two Ethernet devices, what one sends the other receives, mostly in another namespace. A
 * packet changes hands as it is and waits in the backlog, so that nothing recurses. Each end has a
 * reference to the other until one of them is unregistered: then both are. The cable is in while
 * both ends are up. net_lock is held in all but veth_xmit().
 */
#include "net/inet.h"

static void veth_xmit(struct netdev *dev, struct pkt *p)
{
	struct netdev *peer = netdev_follow(&dev->peer);

	if (peer && peer->flags & IFF_UP && pkt_frame_len(p) <= peer->mtu + ETH_HLEN) {
		netdev_cross(peer, p);
	} else {
		dev->stats.tx_dropped++;
		pkt_free(p);
	}
	netdev_put(peer);
}

static void veth_changed(struct netdev *dev)
{
	bool on = dev->peer && dev->flags & dev->peer->flags & IFF_UP;

	netdev_set_carrier(dev, on);
	if (dev->peer)
		netdev_set_carrier(dev->peer, on);
}

static void veth_gone(struct netdev *dev)
{
	struct netdev *peer = dev->peer;

	if (!peer)
		return; /* the other end is on its way already */
	netdev_get(peer);
	netdev_point(&dev->peer, NULL);
	netdev_point(&peer->peer, NULL);
	if (peer->net && !peer->gone)
		netdev_remove(peer);
	netdev_put(peer);
}

static const struct netdev_ops veth_ops = {
	.kind = "veth",
	.xmit = veth_xmit,
	.open = veth_changed,
	.stop = veth_changed,
	.gone = veth_gone,
	.free = netdev_kfree,
};

struct netdev *veth_make(void)
{
	struct netdev *dev = netdev_alloc(sizeof(*dev), &veth_ops);

	if (dev)
		dev->no_carrier = dev->offloads = true;
	return dev;
}
