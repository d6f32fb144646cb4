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
#include <linux/if_link.h>

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

/* The transport's checksum. */
enum pkt_csum {
	CSUM_LOOK, /* as it came over a wire: its receiver looks at it */
	CSUM_FINE, /* there is no need to */
	CSUM_LATER, /* it holds the sum of the pseudo header; who sends it over a wire adds the rest */
};
struct pkt {
	struct list_head link;
	struct pktbuf *buf;
	u8 *data, *tail, *end; /* content is [data, tail); room behind it up to end */
	u8 *mac, *net, *l4; /* its headers, once they are known */
	struct netdev *dev; /* it came in by, or goes out by; a reference */
	be16 protocol; /* ETH_P_* */
	u8 type; /* PACKET_HOST, PACKET_BROADCAST ... (linux/if_packet.h) */
	u8 csum; /* enum pkt_csum */
	u16 csum_at; /* with CSUM_LATER: where from l4 on */
	u16 gso; /* longer than a frame: TCP segments of so much content (offload.c); 0: no */
	u8 tcp_flags;
	bool retransmitted;
	u32 seq, end_seq; /* of TCP */
	u32 group; /* of netlink: to whom it was sent, 0: it answers */
	u64 time_ns; /* when it came, by the wall clock (0: net->stamps is not set), or was sent */
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

/* ---- offload.c ---- */
u32 pkt_gso_len(const struct pkt *p);
/* Of the longest frame that p, from data on, makes. */
static inline u32 pkt_frame_len(const struct pkt *p)
{
	return unlikely(p->gso) ? pkt_gso_len(p) : pkt_len(p);
}
void pkt_finish_check(struct pkt *p); /* of CSUM_LATER; nobody else reads its headers */
/* Makes p (it goes), of CSUM_LATER and at its device's header, into frames, added to the list. */
void pkt_to_frames(struct pkt *p, struct list_head *frames);
/* What is put off in p, at its device's header, for a program; and the other way: 0 or -EINVAL */
struct virtio_net_hdr;
void pkt_vnet(const struct pkt *p, struct virtio_net_hdr *h);
int pkt_apply_vnet(struct pkt *p, const struct virtio_net_hdr *h);

/* ---- devices ---- */
struct netdev_ops {
	const char
		*kind; /* ip-link(8)'s type, of what is made and deleted by a message; else NULL */
	/* Sends p, ethernet header and all; p is the driver's. No errors: what cannot go is dropped and
	 * counted. Any context. */
	void (*xmit)(struct netdev *dev, struct pkt *p);
	void (*open)(struct netdev *dev); /* IFF_UP comes, and goes; may be NULL */
	void (*stop)(struct netdev *dev);
	void (*free)(struct netdev *dev); /* the last reference; may be NULL */
	void (*gone)(struct netdev *dev); /* it was unregistered, net_lock held; may be NULL */
	/* Of a device that has others as ports; NULL for the rest. net_lock held but for port_rx(). */
	int (*add_port)(struct netdev *dev, struct netdev *port); /* 0 or -errno */
	void (*del_port)(struct netdev *dev, struct netdev *port);
	void (*port_changed)(struct netdev *dev); /* one went up or down, or has another address */
	void (*port_rx)(struct netdev *dev, struct pkt *p); /* p->mac, p->net are set; p goes */
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
	/* Changed with net_lock held; packets follow them by netdev_follow(). References. */
	struct netdev *peer; /* the other end of a pair */
	struct netdev *master; /* whose port it is */
	struct net_ns *net; /* changed with net_lock held; a packet on its way reads it as it is */
	/* guarded by net_lock */
	bool gone; /* unregistered: only packets and sockets still know it */
	bool mac_set; /* its address was chosen by a program */
	int ifindex;
	u32 mtu, tx_queue_len;
	u32 flags; /* IFF_* */
	bool no_carrier;
	bool offloads; /* constant: takes packets with CSUM_LATER and gso as they are */
	struct list_head link; /* in net->devs */
	struct list_head port_link; /* in its master's list */
	struct list_head addrs;
	/* counted without a lock */
	struct rtnl_link_stats64 stats;
};
extern spinlock_t net_lock;
/*
 * An Ethernet device of size bytes that begin with struct netdev: zeroed, one reference, a random
 * address, its free() is kfree(). NULL: no memory.
 */
struct netdev *netdev_alloc(size_t size, const struct netdev_ops *ops);
void netdev_kfree(struct netdev *dev);
/*
 * Puts dev into net. The driver filled in name ("eth%d": the first free number), ops, type, mac, mtu
 * and IFF_* but for IFF_UP, perhaps ifindex. 0, -EINVAL: a bad name, -EEXIST, -EBUSY: the index is taken. The reference
 * stays with the caller.
 */
int netdev_register(struct net_ns *net, struct netdev *dev);
/* The cable is in, or out (at first: in). Any context. */
void netdev_carrier(struct netdev *dev, bool on);
void netdev_unregister(struct netdev *dev); /* down, its addresses and routes gone */
/* Into another namespace, down and without addresses; name NULL: as it is called now, with a %d: as
 * netdev_register(). -EINVAL: it belongs where it is; -EEXIST, -ENODEV */
int netdev_move(struct netdev *dev, struct net_ns *net, const char *name);
/* Makes dev a port of master, or of none. -EINVAL, -ELOOP; -EOPNOTSUPP: master has no ports */
int netdev_set_master(struct netdev *dev, struct netdev *master);
/* The same with net_lock held, for drivers. */
void netdev_set_carrier(struct netdev *dev, bool on);
void netdev_remove(struct netdev *dev);
void netdev_news(struct netdev *dev); /* tells that it has changed */
/* What *at, a peer or master, points to, with a reference; and its change. */
struct netdev *netdev_follow(struct netdev *const *at);
void netdev_point(struct netdev **at, struct netdev *to);
static inline void netdev_get(struct netdev *dev)
{
	ref_get(&dev->refs);
}
void netdev_put(struct netdev *dev);
static inline void scoped_dev_put(struct netdev **dev)
{
	if (!IS_ERR(*dev))
		netdev_put(*dev);
}
/* A reference, NULL or ERR_PTR, that goes at the end of the block. */
#define SCOPED_DEV(var, get) struct netdev *var __attribute__((cleanup(scoped_dev_put))) = (get)
/* A packet came: data at its ethernet header (ARPHRD_ETHER), p->dev is set here. The driver's
 * reference to p moves. Any context. */
void netdev_rx(struct netdev *dev, struct pkt *p);
/* p came to dev out of another device, with its header: it waits in the backlog. */
void netdev_cross(struct netdev *dev, struct pkt *p);
/* p, at its network header, came by a port and is for dev: goes up. */
void netdev_deliver(struct netdev *dev, struct pkt *p);
void netdev_xmit(struct pkt *p); /* to p->dev; counts, shows it to packet sockets */
/* For netns.c: have all CPUs ended, or begun anew since seen[] was filled in, what they were doing? */
bool net_quiet(u64 seen[MAX_CPUS], bool first);
void net_run(void); /* works off this CPU's backlog; no lock may be held */
/* Each with a reference, or NULL. */
struct netdev *netdev_by_name(struct net_ns *net, const char *name);
struct netdev *netdev_by_index(struct net_ns *net, int ifindex);
struct netdev *netdev_first(struct net_ns *net);
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
	struct list_head nsids,
		known_by; /* numbers that it gives to others, that others give to it */
	/* /proc/sys/net; each a word that anybody who may writes */
	u32 port_low, port_high; /* ip_local_port_range */
	u32 unprivileged_port; /* ip_unprivileged_port_start */
	u32 ping_low, ping_high; /* ping_group_range: kernel ids */
	bool stamps; /* a socket has asked when packets come: from then on they know */
	u32 ip_forward, default_ttl, somaxconn;
	struct timer grace; /* its end: see netns.c */
	u64 seen[MAX_CPUS];
	u32 nr_routes; /* guarded by net_lock; at most ROUTES_MAX, addresses' own apart */
};
#define ROUTES_MAX 4096
static inline u64 net_stamp(const struct net_ns *net) /* for a packet's time_ns */
{
	return READ_ONCE(net->stamps) ? clock_wall_ns() : 0;
}
extern struct net_ns init_net;
static inline struct net_ns *current_net(void)
{
	return container_of(current->ns->net, struct net_ns, ns);
}
/* Those of a process and of an open /proc/N/ns/net; a reference. -ESRCH; -EBADF, -EINVAL */
struct net_ns *net_ns_of_pid(pid_t pid);
struct net_ns *net_ns_of_fd(int fd);
/*
 * The number (from 0) by which `in` speaks of another namespace, ip-netns(8)'s nsid; net_lock held. -1:
 * it has none, or with make: no memory. net_nsid_set(): id -1: the first free. -EEXIST, -ENOMEM
 */
int net_nsid(struct net_ns *in, struct net_ns *of, bool make);
int net_nsid_set(struct net_ns *in, struct net_ns *of, int id);
struct nsid {
	struct list_head link, known_link; /* in->nsids, by id; of->known_by */
	struct net_ns *of;
	int id;
};
/* A new one with its lo, which is down; one reference. ERR_PTR(-ENOMEM) */
struct net_ns *net_ns_make(struct user_ns *owner);
