/* SPDX-License-Identifier: MIT */
/*
 * virtio network cards (virtio 1.1, 5.1): eth0 and so on. Two queues: 0 holds empty packets that the
 * device fills, 1 those it is to send; before each packet lies a header, of which nothing is used here
 * (checksums are the protocols' own). What finds no room to be sent waits in a list, as many as
 * tx_queue_len says.
 *
 * vn->lock guards both queues and the list; it is inside net_lock and all of net/.
 */
#include "dev/virtio.h"
#include "net/net.h"

#include <linux/if_arp.h>
#include <linux/virtio_net.h>

#define CONFIG_AT(field) offsetof(struct virtio_net_config, field)
#define HEADER sizeof(struct virtio_net_hdr_v1)
#define FRAME_MAX (ETH_HLEN + 4 + ETH_DATA_LEN) /* with a VLAN tag */
#define TX_TIMEOUT_NS (5 * NSEC_PER_SEC) /* as Linux's watchdog */
enum { RX, TX }; /* queues */

struct virtio_net {
	struct netdev dev;
	struct virtio_dev *v;
	spinlock_t lock;
	struct virtq rx, tx;
	struct list_head waiting; /* to be sent */
	u32 nr_waiting;
	u64 tx_progress; /* clock_ns() when something was last sent, or nothing waited */
	bool tx_late; /* that is long ago, and the log says so */
};
static const struct virtio_net_hdr_v1 no_offload; /* before each packet that is sent */

/* ---- sending; vn->lock held ---- */

/* Gives the device what waits, as far as there is room. What a broken one gets is gone. */
static void push(struct virtio_net *vn)
{
	bool any = false;
	u32 ignored;

	for (struct pkt *p; (p = virtq_take(&vn->tx, &ignored)); vn->tx_late = false) {
		vn->tx_progress = clock_ns();
		pkt_free(p);
	}
	while (READ_ONCE(vn->v->broken)) {
		struct pkt *p = virtq_take_back(&vn->tx);

		if (!p)
			break;
		pkt_free(p);
	}
	while (vn->nr_waiting) {
		struct pkt *p = list_first(&vn->waiting, struct pkt, link);
		struct virtio_piece piece[] = { { &no_offload, HEADER }, { p->data, pkt_len(p) } };
		int err = virtq_add(&vn->tx, piece, 2, 0, p);

		if (err == -ENOSPC)
			break;
		list_del(&p->link);
		vn->nr_waiting--;
		any = true;
		if (err)
			pkt_free(p);
	}
	if (any)
		virtq_kick(&vn->tx);
}

static void net_xmit(struct netdev *dev, struct pkt *p)
{
	struct virtio_net *vn = dev->priv;

	spin_lock(&vn->lock);
	if (!vn->nr_waiting)
		vn->tx_progress = clock_ns();
	if (vn->nr_waiting < dev->tx_queue_len) {
		list_add_tail(&p->link, &vn->waiting);
		vn->nr_waiting++;
		p = NULL;
	}
	push(vn);
	if (vn->nr_waiting && !vn->tx_late && clock_ns() > vn->tx_progress + TX_TIMEOUT_NS) {
		vn->tx_late = true;
		dev->stats.tx_errors++;
		pr_err("%s: it does not send; packets are dropped meanwhile", dev->name);
	}
	spin_unlock(&vn->lock);
	if (!p)
		return;
	dev->stats.tx_dropped++;
	pkt_free(p);
}

static void on_sent(void *arg)
{
	struct virtio_net *vn = arg;

	spin_lock(&vn->lock);
	push(vn);
	spin_unlock(&vn->lock);
}

/* ---- receiving ---- */

/* Gives p to the device to fill. False: it did not take it. */
static bool offer(struct virtio_net *vn, struct pkt *p)
{
	struct virtio_piece piece = { p->data, HEADER + FRAME_MAX };

	return !virtq_add(&vn->rx, &piece, 0, 1, p);
}

/* The next packet that came, with a new one in its place; NULL: no more. vn->lock held. */
static struct pkt *take(struct virtio_net *vn)
{
	struct pkt *p, *fresh;
	u32 written;

	while ((p = virtq_take(&vn->rx, &written))) {
		fresh = written >= HEADER + ETH_HLEN ? pkt_alloc(HEADER + FRAME_MAX, NULL) : NULL;
		if (fresh && offer(vn, fresh)) {
			pkt_put(p, written);
			p->data += HEADER;
			return p;
		}
		vn->dev.stats.rx_dropped++; /* the device gets its buffer back */
		if (fresh || !offer(vn, p))
			pkt_free(p);
		pkt_free(fresh);
	}
	while (READ_ONCE(vn->v->broken) && (p = virtq_take_back(&vn->rx)))
		pkt_free(p);
	return NULL;
}

static void on_received(void *arg)
{
	struct virtio_net *vn = arg;
	struct list_head came = LIST_INIT(came);
	struct pkt *p, *next;

	spin_lock(&vn->lock);
	do {
		virtq_quiet(&vn->rx, true);
		while ((p = take(vn)))
			list_add_tail(&p->link, &came);
	} while (virtq_quiet(&vn->rx, false));
	virtq_kick(&vn->rx);
	spin_unlock(&vn->lock);
	list_for_each_safe(p, next, &came, link) {
		list_del(&p->link);
		netdev_rx(&vn->dev, p);
	}
}

/* ---- start ---- */

static void link_status(void *arg)
{
	struct virtio_net *vn = arg;
	bool up = !(vn->v->features & BIT(VIRTIO_NET_F_STATUS)) ||
		  virtio_config(vn->v, CONFIG_AT(status), 2) & VIRTIO_NET_S_LINK_UP;

	pr_info("%s: the link is %s", vn->dev.name, up ? "up" : "down");
	netdev_carrier(&vn->dev, up);
}

static void describe(struct virtio_net *vn)
{
	struct virtio_dev *v = vn->v;
	struct netdev *dev = &vn->dev;

	ref_init(&dev->refs);
	strscpy(dev->name, "eth%d", sizeof(dev->name));
	dev->type = ARPHRD_ETHER;
	dev->flags = IFF_BROADCAST | IFF_MULTICAST;
	dev->priv = vn;
	dev->mtu = ETH_DATA_LEN;
	if (v->features & BIT(VIRTIO_NET_F_MTU))
		dev->mtu = min((u32)virtio_config(v, CONFIG_AT(mtu), 2), (u32)ETH_DATA_LEN);
	memset(dev->broadcast, 0xff, ETH_ALEN);
	random_bytes(dev->mac, ETH_ALEN);
	dev->mac[0] = (dev->mac[0] & 0xfc) | 2; /* a local one, unless the device has its own */
	for (u32 i = 0; i < ETH_ALEN && v->features & BIT(VIRTIO_NET_F_MAC); i++)
		dev->mac[i] = virtio_config(v, i, 1);
}

int virtio_net_start(struct virtio_dev *v)
{
	static const struct netdev_ops ops = { .xmit = net_xmit };
	struct virtio_net *vn = kzalloc(sizeof(*vn));
	int err;

	if (!vn)
		return -ENOMEM;
	vn->v = v;
	vn->dev.ops = &ops;
	spin_init(&vn->lock);
	list_init(&vn->waiting);
	err = virtio_begin(v, BIT(VIRTIO_NET_F_MAC) | BIT(VIRTIO_NET_F_STATUS) |
				      BIT(VIRTIO_NET_F_MTU)) ?:
		      virtq_init(v, &vn->rx, RX, on_received, vn) ?:
		      virtq_init(v, &vn->tx, TX, on_sent, vn) ?:
		      virtio_listen(v, VIRTIO_EVENT_CONFIG, link_status, vn);
	if (err)
		return err; /* what the device was told about stays allocated */
	describe(vn);
	err = netdev_register(&init_net, &vn->dev);
	if (err)
		return err;
	snprintf(v->name, sizeof(v->name), "%s", vn->dev.name);
	virtio_ready(v);
	for (struct pkt *p; vn->rx.nr_free && (p = pkt_alloc(HEADER + FRAME_MAX, NULL));)
		offer(vn, p);
	virtq_kick(&vn->rx);
	link_status(vn);
	return 0;
}
