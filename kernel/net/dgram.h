/* SPDX-License-Identifier: MIT */
/* What UDP, raw and ping sockets take from dgram.c. */
#pragma once
#include "net/inet.h"

struct dgram_to { /* where a datagram goes */
	struct dst dst; /* a reference */
	struct ip_params ip;
	be16 port;
};
/*
 * What every sendmsg() begins with: a port, where to, by msg's address, control messages and what sk is
 * connected to, and a packet with msg's bytes, at most `most`. ERR_PTR: -EMSGSIZE, -EDESTADDRREQ, -EACCES ...
 */
struct pkt *dgram_begin(struct inet_sock *sk, struct net_msg *msg, size_t most,
			struct dgram_to *to);
/* Sends p, which has its transport's header; p and to's reference go. n, which the program sent, or -errno */
ssize_t dgram_send(struct inet_sock *sk, struct dgram_to *to, struct pkt *p, size_t n);
void dgram_queue(struct inet_sock *sk, struct pkt *p); /* p goes */
/* An ICMP error for sk; payload: what the program sent, up to e->end. */
void dgram_error(struct inet_sock *sk, const struct icmp_error *e, const u8 *payload);

int dgram_connect(struct socket *s, const struct sockaddr_storage *addr, int len, int flags);
/* A packet begins with skip bytes of headers that are not shown; name: the sender's port or 0. */
ssize_t dgram_recv(struct socket *s, struct net_msg *msg);
u32 dgram_poll(struct socket *s, struct file *f, struct poll_table *pt);
int dgram_shutdown(struct socket *s, unsigned int bits);
int dgram_bind(struct socket *s, const struct sockaddr_storage *addr, int len);
void dgram_release(struct socket *s);
/* All that udp, raw and ping have alike in their table of operations. */
#define DGRAM_OPS                                                                                  \
	.destroy = inet_free, .bind = dgram_bind, .connect = dgram_connect,                        \
	.getname = inet_getname, .recvmsg = dgram_recv, .poll = dgram_poll,                        \
	.shutdown = dgram_shutdown, .ioctl = queue_ioctl, .getsockopt = inet_getsockopt

/* The sockets of a port that match p: at most DGRAM_TARGETS, with references; how many. */
#define DGRAM_TARGETS 16
unsigned int dgram_gather(struct net_ns *net, int type, int protocol, be16 port,
			  bool (*match)(const struct inet_sock *sk, const void *arg),
			  const void *arg, struct inet_sock *found[DGRAM_TARGETS]);
/* Gives each of them a clone of p, whose data begins at data, and lets go of them. */
void dgram_to_all(struct inet_sock *const *found, unsigned int n, const struct pkt *p, u8 *data);
/* Does sk want what comes from there to here, by that interface? */
bool dgram_match(const struct inet_sock *sk, be32 from, be16 from_port, be32 to, int ifindex);
