/* SPDX-License-Identifier: MIT */
/*
 * Packets, network devices, network namespaces, addresses and routes: what drivers, the protocols
 * and netlink meet at. Part of the face of net/ (net.h includes it).
 *
 * Packets are processed to the end where they turn up, in any context, interrupts included, without
 * sleeping: netdev_rx() puts a packet into its CPU's backlog and net_run() takes what is there up
 * to the sockets. The loopback device does the same with what is sent, so nothing recurses: an
 * answer waits in the backlog until the packet before it is done. Whoever sends holds socket locks;
 * it calls net_run() after it let go of them.
 *
 * Locks, outer first: a socket's lock, net_lock, a driver's own. net_lock guards the devices,
 * addresses, routes and neighbours of all namespaces.
 */
#pragma once
#include "proc/proc.h"

#include <linux/if.h>
#include <linux/if_ether.h>

/* Addresses and ports as they go over the wire, unless a name says host. */
typedef __be32 be32;
typedef __be16 be16;
static inline u16 ntohs(be16 v)
{
	return __builtin_bswap16(v);
}
static inline u32 ntohl(be32 v)
{
	return __builtin_bswap32(v);
}
#define htons(v) ((be16)__builtin_bswap16(v))
#define htonl(v) ((be32)__builtin_bswap32(v))

/* ---- packets ---- */
struct net_ns;
struct netdev;

/* The bytes, shared by the clones of a packet: whoever writes into them must be alone (pkt_alone()). */
struct pktbuf {
	ref_t refs;
	u32 size; /* of all, this header included */
	struct res_counter *charge; /* who pays; NULL: nobody */
	u8 bytes[];
};
#define PKT_HEADROOM 128 /* device, IP and TCP headers with options, before what pkt_alloc() made */

struct pkt {
	struct list_head link;
	struct pktbuf *buf;
	u8 *data, *tail, *end; /* content is [data, tail); room behind it up to end */
	u8 *mac, *net, *l4; /* its headers, once they are known */
	struct netdev *dev; /* it came in by, or goes out by; a reference */
	be16 protocol; /* ETH_P_* */
	u8 type; /* PACKET_HOST, PACKET_BROADCAST ... (linux/if_packet.h) */
	bool csum_ok; /* in: checksums need no look; out: the transport's is still to be filled in */
	u8 tcp_flags;
	bool retransmitted;
	u32 seq, end_seq; /* of TCP */
	u64 time_ns; /* when it came or was sent */
};
/*
 * A packet with PKT_HEADROOM before and size bytes of room for content, of which none is there yet.
 * charge: who pays, or NULL. NULL without memory or over the limit. Any context.
 */
struct pkt *pkt_alloc(size_t size, struct res_counter *charge);
struct pkt *pkt_clone(const struct pkt *p); /* another packet on the same bytes; NULL */
struct pkt *pkt_copy(const struct pkt *p); /* content and headers in bytes of its own; NULL */
void pkt_free(struct pkt *p);
void pkt_queue_free(struct list_head *queue); /* all in it */
static inline u32 pkt_len(const struct pkt *p)
{
	return p->tail - p->data;
}
static inline bool pkt_alone(const struct pkt *p)
{
	return ref_read(&p->buf->refs) == 1;
}
/* What it costs: charged to the socket that holds it. */
static inline u32 pkt_truesize(const struct pkt *p)
{
	return p->buf->size + sizeof(*p);
}
static inline void *pkt_push(struct pkt *p, u32 n) /* n bytes more at the front */
{
	return p->data -= n;
}
static inline void *pkt_put(struct pkt *p, u32 n) /* n bytes more at the end: there is room */
{
	p->tail += n;
	return p->tail - n;
}

/* ---- devices ---- */
struct netdev_ops {
	/* Sends p, ethernet header and all; p is the driver's. No errors: what cannot go is dropped and
	 * counted. Any context. */
	void (*xmit)(struct netdev *dev, struct pkt *p);
	void (*open)(struct netdev *dev); /* IFF_UP comes, and goes; may be NULL */
	void (*stop)(struct netdev *dev);
	void (*free)(struct netdev *dev); /* the last reference; may be NULL */
};
struct if_addr {
	struct list_head link; /* in dev->addrs */
	be32 addr, broadcast;
	u8 prefix; /* bits of the network */
	u8 scope; /* RT_SCOPE_* */
	bool secondary; /* there was one of its network before */
	char label[IFNAMSIZ];
};
struct netdev {
	ref_t refs;
	char name[IFNAMSIZ];
	const struct netdev_ops *ops;
	u16 type; /* ARPHRD_* */
	u8 mac[ETH_ALEN], broadcast[ETH_ALEN];
	void *priv; /* the driver's */
	struct net_ns *net; /* constant while it is registered */
	/* guarded by net_lock */
	bool gone; /* unregistered: only packets and sockets still know it */
	int ifindex;
	u32 mtu, tx_queue_len;
	u32 flags; /* IFF_* */
	bool no_carrier;
	struct list_head link; /* in net->devs */
	struct list_head addrs;
	/* counted without a lock */
	struct {
		u64 rx_packets, rx_bytes, rx_errors, rx_dropped;
		u64 tx_packets, tx_bytes, tx_errors, tx_dropped;
	} stats;
};
extern spinlock_t net_lock;
/*
 * Puts dev into net. The driver filled in name ("eth%d": the first free number), ops, type, mac, mtu
 * and IFF_* but for IFF_UP. 0, -EEXIST. The reference stays with the caller.
 */
int netdev_register(struct net_ns *net, struct netdev *dev);
/* The cable is in, or out (at first: in). Any context. */
void netdev_carrier(struct netdev *dev, bool on);
void netdev_unregister(struct netdev *dev); /* down, its addresses and routes gone */
static inline void netdev_get(struct netdev *dev)
{
	ref_get(&dev->refs);
}
void netdev_put(struct netdev *dev);
/* A packet came: data at its ethernet header (ARPHRD_ETHER), p->dev is set here. The driver's
 * reference to p moves. Any context. */
void netdev_rx(struct netdev *dev, struct pkt *p);
void netdev_xmit(struct pkt *p); /* to p->dev; counts, shows it to packet sockets */
/* For netns.c: have all CPUs ended, or begun anew since seen[] was filled in, what they were doing? */
bool net_quiet(u64 seen[MAX_CPUS], bool first);
void net_run(void); /* works off this CPU's backlog; no lock may be held */
/* Each with a reference, or NULL. */
struct netdev *netdev_by_name(struct net_ns *net, const char *name);
struct netdev *netdev_by_index(struct net_ns *net, int ifindex);
/* Set by AF_PACKET: sees each packet that comes (data at the network header) or goes (outgoing; data at
 * the device's header, p->net set). It must clone what it keeps. NULL: nobody listens. */
extern void (*packet_tap)(struct pkt *p, bool outgoing);

/* ---- what netlink and the ioctls change; 0 or -errno. Who may is the caller's to ask ---- */
#define IF_CHANGE_FLAGS 1U
#define IF_CHANGE_MTU 2U
#define IF_CHANGE_NAME 4U
#define IF_CHANGE_MAC 8U
struct if_change {
	u32 what; /* IF_CHANGE_* */
	u32 flags, flags_mask; /* new IFF_* values of those in the mask */
	u32 mtu;
	const char *name;
	const u8 *mac;
};
/* -EINVAL: a bad mtu or name; -EADDRNOTAVAIL: no address of one station; -EBUSY: renamed while up; -EEXIST: the name is taken */
int netdev_change(struct netdev *dev, const struct if_change *change);
/* An address with its connected and local routes (these while the device is up). -EEXIST */
int addr_add(struct netdev *dev, const struct if_addr *addr);
int addr_del(struct netdev *dev, be32 addr, u8 prefix); /* -EADDRNOTAVAIL */

struct route {
	struct list_head link; /* in net->routes, the longest prefix first */
	be32 dst, gateway, prefsrc; /* gateway 0: directly on the device's network */
	u8 prefix, tos;
	u8 type; /* RTN_UNICAST, RTN_LOCAL, RTN_BROADCAST, RTN_UNREACHABLE ... */
	u8 scope, protocol; /* RT_SCOPE_*, RTPROT_* */
	u32 table; /* RT_TABLE_MAIN, RT_TABLE_LOCAL */
	u32 metric, mtu;
	struct netdev *dev; /* a reference; NULL for RTN_UNREACHABLE and its kin */
};
/* how: NLM_F_EXCL, NLM_F_REPLACE, NLM_F_APPEND. dev may be NULL where a gateway says it. -EEXIST;
 * -ENETUNREACH: the gateway is on no network here; -EINVAL, -ENODEV, -ENETDOWN, -ENOMEM */
int route_add(struct net_ns *net, const struct route *r, int how);
/* The first that matches the fields of r that are not 0 (dst and prefix always): -ESRCH */
int route_del(struct net_ns *net, const struct route *r);

/* Set by rtnetlink: told after each change, net_lock held, so it must not sleep. NULL: nobody. */
struct net_notify {
	void (*link)(struct netdev *dev, bool gone);
	void (*addr)(struct netdev *dev, const struct if_addr *a, bool gone);
	void (*route)(struct net_ns *net, const struct route *r, bool gone);
};
extern const struct net_notify *net_notify;

/* ---- namespaces (network_namespaces(7)) ---- */
struct net_ns {
	struct ns_common ns; /* first: nsproxy->net points at it */
	/* guarded by net_lock */
	struct list_head devs; /* by ifindex */
	struct list_head routes;
	int last_ifindex;
	struct netdev *lo;
	/* /proc/sys/net; each a word that anybody who may writes */
	u32 port_low, port_high; /* ip_local_port_range */
	u32 unprivileged_port; /* ip_unprivileged_port_start */
	u32 ping_low, ping_high; /* ping_group_range: kernel ids */
	u32 ip_forward, default_ttl, somaxconn;
	struct timer grace; /* its end: see netns.c */
	u64 seen[MAX_CPUS];
	u32 nr_routes; /* guarded by net_lock; at most ROUTES_MAX, addresses' own apart */
};
#define ROUTES_MAX 4096
extern struct net_ns init_net;
static inline struct net_ns *current_net(void)
{
	return container_of(current->ns->net, struct net_ns, ns);
}
/* A new one with its lo, which is down; one reference. ERR_PTR(-ENOMEM) */
struct net_ns *net_ns_make(struct user_ns *owner);
