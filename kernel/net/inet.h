/* SPDX-License-Identifier: MIT */
/*
 * AF_INET from inside: the socket that UDP, raw, ping and TCP sockets begin with, the tables they are
 * found in, and what the layers of IPv4 say to each other. A packet comes up
 *
 *	backlog.c -> ip.c -> icmp.c, udp.c, raw.c, tcp_in.c -> a socket's queue
 *
 * and goes down the same way to ip_output(), which frees it, whatever happens to it.
 */
#pragma once
#include "net/net.h"

#include <linux/icmp.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/route.h>

static inline be32 prefix_mask(u8 prefix)
{
	return prefix ? htonl(~0U << (32 - prefix)) : 0;
}
#define ADDRS_MAX 256 /* of one device */

static inline bool is_loopback(be32 a)
{
	return (ntohl(a) >> 24) == 127;
}
static inline bool is_multicast(be32 a)
{
	return (ntohl(a) >> 28) == 14;
}

static inline bool mac_is_station(const u8 *mac) /* of one, not of a group or of nobody */
{
	return !(mac[0] & 1) && mac[0] | mac[1] | mac[2] | mac[3] | mac[4] | mac[5];
}

/* ---- devices, ARP (backlog.c, netdev.c, arp.c, route.c, ioctl.c, netns.c) ---- */
struct netdev *loopback_make(void);
struct netdev *veth_make(void); /* one end: the caller joins two by netdev_point() */
struct netdev *bridge_make(void);
/* Calls fn, which must not sleep, for each station that a bridge knows; its ports' own first. */
typedef void (*bridge_fdb_fn)(void *arg, const struct netdev *port, const u8 *mac, bool own);
void bridge_fdb_each(struct netdev *dev, bridge_fdb_fn fn, void *arg);
void dev_header(struct pkt *p, const u8 *to); /* the Ethernet header, p->protocol in it */
void arp_input(struct pkt *p);
void arp_output(struct pkt *p, be32 addr);
void arp_flush(struct netdev *dev);
/* Calls fn, which must not sleep, for each entry of net's devices. */
void arp_each(struct net_ns *net,
	      void (*fn)(void *arg, const struct netdev *dev, be32 addr, const u8 *mac, bool known),
	      void *arg);
/* net_lock held: a device comes up and goes down, with its addresses; it goes away. */
void addr_dev_up(struct netdev *dev);
void addr_dev_down(struct netdev *dev);
void addr_flush(struct netdev *dev);
void route_flush(struct net_ns *net, struct netdev *dev); /* dev NULL: all */
long net_ioctl(struct net_ns *net, unsigned int cmd, unsigned long arg); /* -ENOTTY */

/* Where packets to an address go. */
struct dst {
	struct netdev *dev; /* a reference */
	be32 next_hop, saddr; /* saddr: what to send from when nobody says otherwise */
	u32 mtu, generation;
	u8 type; /* RTN_LOCAL, RTN_UNICAST, RTN_BROADCAST, RTN_MULTICAST */
};
extern u32 route_generation;
/* oif: only by that interface, 0 any. -ENETUNREACH, -EHOSTUNREACH, -EACCES; a reference in dst->dev */
int route_lookup(struct net_ns *net, be32 daddr, int oif, struct dst *dst);
u8 addr_type(struct net_ns *net, be32 addr); /* RTN_* of an address as seen from here */

/* ---- IP and ICMP ---- */
struct inet_sock;
struct ip_params {
	be32 saddr, daddr;
	u8 protocol, ttl, tos;
	bool df; /* never to be fragmented */
	const struct inet_sock *sk; /* whose it is; NULL: the stack's own */
};
extern struct ip_stats {
	u64 in, in_errors, delivered, out;
} ip_stats;
void ip_input(struct pkt *p);
int ip_output(struct pkt *p, const struct dst *dst,
	      const struct ip_params *ip); /* -EMSGSIZE, -EPERM */
int ip_send(struct pkt *p, const struct dst *dst);
void ip_frag_purge(struct net_ns *net); /* NULL: of all */
u32 csum_add(u32 sum, const void *data, size_t n); /* pieces but the last: an even n */
u16 csum_fold(u32 sum);
void ip_set_check(struct iphdr *ip);
u32 csum_pseudo(be32 saddr, be32 daddr, u8 protocol, u16 len);
void icmp_input(struct pkt *p);
/* Tells the sender of p (not freed) of an error; info: the header's second word. */
void icmp_send(const struct pkt *p, u8 type, u8 code, be32 info);

/* May sk send (out) p by dev, or receive it from there? Its IP header is at ip. True: a program of its group
 * says no. */
bool inet_refused(const struct inet_sock *sk, const struct pkt *p, const struct netdev *dev,
		  const u8 *ip, bool out);
void inet_leave_group(
	struct socket *s); /* nobody sends or receives with it any more, or its lock is held */
static inline bool inet_forbidden(const struct inet_sock *sk, const struct pkt *p,
				  const struct netdev *dev, const u8 *ip, bool out)
{
	return unlikely(READ_ONCE(nr_packet_progs)) && inet_refused(sk, p, dev, ip, out);
}

/* ---- sockets ---- */
struct inet_sock {
	struct socket s; /* its lock guards the rest, but for what one word says */
	be32 saddr, rcv_saddr, daddr; /* sent from, bound to (0: any), connected to */
	be16 sport, dport; /* sport of raw sockets: the protocol; of ping sockets: the id */
	bool bound_addr, bound_port; /* by bind(2): they stay when a datagram socket disconnects */
	bool hdrincl, freebind, recverr, pktinfo, recvttl, recvtos, mc_loop;
	u8 ttl, tos, mc_ttl, pmtudisc; /* ttl 0: the namespace's default */
	be32 mc_addr;
	int mc_dev;
	u32 icmp_filter; /* raw ICMP: types that are not wanted */
	struct dst dst; /* dev NULL: not looked up yet */
	struct list_head bind_link; /* in the port table while sport is not 0 */
	struct list_head errors; /* IP_RECVERR's packets */
	bool connected; /* of a datagram socket */
};
static inline struct inet_sock *inet_sk(struct socket *s)
{
	return container_of(s, struct inet_sock, s);
}
#define ERRORS_MAX 16 /* packets that wait in a queue of errors */

/* A local port's users; a hash of namespace, protocol and port leads to a bucket. */
struct port_bucket {
	spinlock_t lock;
	struct list_head bound; /* inet_sock->bind_link; each holds a reference */
	struct list_head listening; /* tcp_sock->link, in TCP's */
};
struct port_bucket *port_bucket(const struct net_ns *net, int protocol, be16 port);
/* May a and b not have the same port? */
typedef bool port_conflict_fn(const struct inet_sock *a, const struct inet_sock *b);
/*
 * Gives sk port (0: a free one of ip_local_port_range), with sk's lock held, and puts it into the table.
 * -EADDRINUSE, -EAGAIN: none is free.
 */
int port_take(struct inet_sock *sk, be16 port, port_conflict_fn *conflict);
port_conflict_fn port_conflict; /* of datagram sockets */
port_conflict_fn bind_overlaps; /* they listen on a common address and device */
port_conflict_fn port_shared; /* never */
void port_wait(struct inet_sock *sk);
void port_drop(struct inet_sock *sk); /* out of the table; sk's lock held, and another reference */
/* socket_new() and socket_free() of a struct that begins with inet_sock. */
void *inet_new(size_t size, const struct socket_ops *ops, struct net_ns *net, int type,
	       int protocol);
void inet_free(struct socket *s);
/* The address of a connect(2), sendto(2): -EINVAL, -EAFNOSUPPORT. */
int inet_addr(const struct sockaddr_storage *addr, int len, struct sockaddr_in *sin);
/* bind(2); conflict: who may not have the same port. -EINVAL, -EAFNOSUPPORT, -EADDRNOTAVAIL, -EACCES,
 * -EADDRINUSE */
int inet_bind(struct socket *s, const struct sockaddr_storage *addr, int len,
	      port_conflict_fn *conflict);
/* Where sk's packets to daddr (0: this machine) go, from its device; see route_lookup(). */
int inet_route(struct inet_sock *sk, be32 *daddr, int oif, struct dst *dst);
int inet_getname(struct socket *s, struct sockaddr_storage *addr, bool peer);
int inet_setsockopt(struct socket *s, int level, int name, const void __user *val, int len);
int inet_getsockopt(struct socket *s, int level, int name, void __user *val, int __user *len);
/* A line of /proc/net/tcp, udp, raw. */
void inet_show(struct strbuf *out, int slot, struct inet_sock *sk, u8 state, u32 tx, u32 rx,
	       const char *rest);
/* Calls fn for each socket of the protocol and type in net, its bucket's lock held. */
void inet_each(struct net_ns *net, int type, int protocol,
	       void (*fn)(void *arg, struct inet_sock *sk), void *arg);
#define TCP_STATE_ESTABLISHED 1 /* as /proc/net shows what is connected */
#define TCP_STATE_CLOSE 7

/* ---- datagrams (dgram.c): what UDP, raw and ping sockets share ---- */
struct socket *udp_create(struct net_ns *net);
struct socket *raw_create(struct net_ns *net, int protocol);
struct socket *ping_create(struct net_ns *net);
void udp_input(struct pkt *p);
bool raw_input(struct pkt *p); /* copies for raw sockets; true: one took it */
void ping_input(struct pkt *p);
/* An ICMP error about a packet of ours: inner is its IP header, [inner, end) what came of it. */
struct icmp_error {
	struct net_ns *net;
	const struct iphdr *inner;
	const u8 *l4, *end; /* l4: at least 8 bytes */
	u8 type, code;
	be32 offender, info;
	int err; /* as errno */
	bool hard; /* it will not pass by itself */
};
void udp_error(const struct icmp_error *e);
void raw_error(const struct icmp_error *e);
void ping_error(const struct icmp_error *e);
void tcp_error(const struct icmp_error *e);

/* ---- TCP ---- */
struct socket *tcp_create(struct net_ns *net);
void tcp_input(struct pkt *p);
void tcp_kill_orphans(struct net_ns *net); /* connections without a socket; NULL: of all */

void netns_init(void);
void netdev_init(void);
void backlog_init(void);
void route_init(void);
void arp_init(void);
void tcp_init(void);
void udp_init(void); /* and the other datagram sockets */
