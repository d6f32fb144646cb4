/* SPDX-License-Identifier: MIT */
/*
 * The face of net/: sockets and what carries their bytes. socket.c is what all sockets have in common
 * (the file, the options of socket(7)); a protocol family fills in a table of operations:
 *
 *	struct net_ns      a network stack: names, ports, devices, routes are looked up in one of these
 *	                   (netdev.h, and what drivers need)
 *	struct socket      one end; the protocol's own struct begins with it
 *	struct socket_ops  what the protocol does in place of each system call
 *	struct net_msg     a message on its way: data, address, control messages, flags
 *
 * A socket is counted: its open file has one reference, whoever keeps a pointer (a peer, a port table,
 * a queue) has another. When the file goes, ops->release() ends the connection; when the last
 * reference goes, ops->destroy() frees the memory.
 *
 * What a protocol gets is in kernel memory, but for the values of its own socket options and the
 * buffers inside a uio, which it moves with uio_get() and uio_put(). Sizes, errors and their order are
 * Linux 6.1's.
 */
#pragma once
#include "net/netdev.h"

#include <asm/socket.h>
#include <linux/net.h>
#include <linux/socket.h>

/* ---- constants that are in no uapi header (Linux: include/linux/socket.h, net.h) ---- */
#define AF_UNSPEC 0
#define AF_UNIX 1
#define AF_INET 2
#define AF_BRIDGE 7
#define AF_NETLINK 16
#define AF_PACKET 17
#define AF_MAX 46

enum { SOCK_STREAM = 1, SOCK_DGRAM, SOCK_RAW, SOCK_RDM, SOCK_SEQPACKET, SOCK_PACKET = 10 };
#define SOCK_TYPE_MAX 11
#define SOCK_TYPE_MASK 0xf
#define SOCK_CLOEXEC O_CLOEXEC
#define SOCK_NONBLOCK O_NONBLOCK

#define MSG_OOB 0x1
#define MSG_PEEK 0x2
#define MSG_CTRUNC 0x8
#define MSG_TRUNC 0x20
#define MSG_DONTWAIT 0x40
#define MSG_EOR 0x80
#define MSG_WAITALL 0x100
#define MSG_ERRQUEUE 0x2000
#define MSG_NOSIGNAL 0x4000
#define MSG_MORE 0x8000
#define MSG_WAITFORONE 0x10000
#define MSG_CMSG_CLOEXEC 0x40000000
#define MSG_CMSG_COMPAT 0x80000000U

enum { SHUT_RD, SHUT_WR, SHUT_RDWR }; /* shutdown(2) */
#define RCV_SHUTDOWN 1U /* socket->shutdown: nothing more is received */
#define SEND_SHUTDOWN 2U

#define SCM_RIGHTS 1
#define SCM_CREDENTIALS 2
#define SOMAXCONN 4096 /* listen(2): the longest backlog */

#define sockaddr_storage __kernel_sockaddr_storage

struct msghdr { /* as programs have it */
	void __user *msg_name;
	int msg_namelen;
	struct iovec __user *msg_iov;
	size_t msg_iovlen;
	void __user *msg_control;
	size_t msg_controllen;
	unsigned int msg_flags;
};
struct mmsghdr {
	struct msghdr msg_hdr;
	unsigned int msg_len;
};
struct cmsghdr {
	size_t cmsg_len; /* with this header */
	int cmsg_level, cmsg_type;
};
#define CMSG_ALIGN(n) ALIGN_UP((n), sizeof(size_t))
struct ucred {
	u32 pid, uid, gid;
};
struct linger {
	int l_onoff, l_linger;
};

/* ---- a message ---- */
struct net_msg {
	struct uio data; /* from the sender, or to the receiver */
	/*
	 * Sending: the destination, name_len bytes of it, NULL for none. Receiving: room for the
	 * sender's address, NULL when nobody wants it; the protocol sets name_len (0: it has no name).
	 */
	struct sockaddr_storage *name;
	int name_len;
	/* Sending: control messages, in kernel memory. Receiving: room for some, in user memory, of which
	 * put_cmsg() takes from the front. */
	void *control;
	size_t control_len;
	unsigned int flags; /* MSG_* of the call; MSG_DONTWAIT also for an O_NONBLOCK file */
	unsigned int out; /* receiving: MSG_* for msg_flags */
};
struct socket;
/* Hands one control message to the receiver; MSG_CTRUNC in msg->out when it does not fit whole. */
void put_cmsg(struct net_msg *msg, int level, int type, const void *data, size_t n);
/* The sender's address, for a receiver that wants it. */
void put_name(struct net_msg *msg, const void *addr, int len);
/* With SO_TIMESTAMP and its kin: when the message came, ns of the wall clock, 0: now. */
void put_stamp(const struct socket *s, struct net_msg *msg, u64 when);
/* The control messages of a sender, one after the other: NULL first; NULL at the end. *err is set to
 * -EINVAL for one with a bad length. */
struct cmsghdr *next_cmsg(const struct net_msg *msg, struct cmsghdr *c, int *err);

/* ---- a socket ---- */
struct socket_ops { /* NULL: -EOPNOTSUPP, but where it says otherwise */
	void (*release)(
		struct socket *s); /* the file is gone: wakes the peer; NULL: nothing to do */
	void (*destroy)(struct socket *s); /* the last reference: socket_free() */
	int (*bind)(struct socket *s, const struct sockaddr_storage *addr, int len);
	/* flags: O_NONBLOCK or 0 */
	int (*connect)(struct socket *s, const struct sockaddr_storage *addr, int len, int flags);
	int (*listen)(struct socket *s, int backlog); /* 0..SOMAXCONN */
	/* A new socket with one reference, which the file that is made for it takes. ERR_PTR. */
	struct socket *(*accept)(struct socket *s, int flags);
	/* Its own or the peer's address: the length, or -errno (-ENOTCONN). */
	int (*getname)(struct socket *s, struct sockaddr_storage *addr, bool peer);
	int (*socketpair)(struct socket *a, struct socket *b);
	/* Bytes moved, or -errno. -EPIPE from a stream becomes SIGPIPE in socket.c. */
	ssize_t (*sendmsg)(struct socket *s, struct net_msg *msg);
	ssize_t (*recvmsg)(struct socket *s, struct net_msg *msg);
	u32 (*poll)(struct socket *s, struct file *f, struct poll_table *pt);
	int (*shutdown)(struct socket *s, unsigned int bits); /* RCV_SHUTDOWN, SEND_SHUTDOWN */
	long (*ioctl)(struct socket *s, unsigned int cmd, unsigned long arg); /* NULL: -ENOTTY */
	/* Options of other levels than SOL_SOCKET. */
	int (*setsockopt)(struct socket *s, int level, int name, const void __user *val, int len);
	int (*getsockopt)(struct socket *s, int level, int name, void __user *val, int __user *len);
	void (*keepalive)(struct socket *s,
			  bool on); /* SO_KEEPALIVE was set; NULL: means nothing */
};

struct socket {
	ref_t refs;
	/* constant */
	u16 family, type;
	int protocol;
	const struct socket_ops *ops;
	struct net_ns *net; /* a reference */
	struct res_counter *charge; /* who pays for it; NULL: nobody */
	struct cgroup *
		group; /* of AF_INET: whose programs are asked about packets; a reference, NULL: none any more */
	struct file *file; /* no reference; NULL before it has one and after that closed */
	struct waitq rd, wr; /* woken when it becomes readable (also: accept), writable */
	/* words that everybody reads and writes at once */
	int error; /* positive errno that the next call reports: socket_error() takes it */
	u32 shutdown; /* RCV_SHUTDOWN, SEND_SHUTDOWN; only ever more: atomic or */
	u32 options; /* bits of enum socket_option; atomic */
	/* an accepted connection inherits what is from here ... */
	int sndbuf, rcvbuf; /* bytes, overhead included */
	int rcvlowat;
	u64 rcvtimeo, sndtimeo; /* ns; ~0UL: wait for ever */
	int linger_s; /* with SOCK_OPT_LINGER: how long, seconds */
	int priority, bound_dev; /* bound_dev: interface index, 0 none */
	u32 mark; /* ... to here, and options */
	spinlock_t lock; /* guards the rest, and what the protocol says */
	struct list_head rx; /* packets that nobody has read: datagrams, or TCP's bytes in order */
	u32 rx_truesize;
	struct pid *peer_pid; /* SO_PEERCRED: of who made the connection; NULL: none. References. */
	const struct cred *peer_cred;
};
/* On or off; each is an SO_*. What they do is up to the protocol, but for getsockopt(2). */
enum socket_option {
	SOCK_OPT_DEBUG = 1U << 0,
	SOCK_OPT_REUSEADDR = 1U << 1,
	SOCK_OPT_REUSEPORT = 1U << 2,
	SOCK_OPT_KEEPALIVE = 1U << 3,
	SOCK_OPT_BROADCAST = 1U << 4,
	SOCK_OPT_DONTROUTE = 1U << 5,
	SOCK_OPT_OOBINLINE = 1U << 6,
	SOCK_OPT_LINGER = 1U << 7,
	SOCK_OPT_PASSCRED = 1U << 8,
	SOCK_OPT_NO_CHECK = 1U << 9,
	SOCK_OPT_TIMESTAMP = 1U << 10, /* the time is told: in nanoseconds, by the new number */
	SOCK_OPT_STAMP_NS = 1U << 11,
	SOCK_OPT_STAMP_NEW = 1U << 12,
	SOCK_OPT_LISTENING = 1U << 31, /* SO_ACCEPTCONN: set by listen */
};
static inline bool socket_opt(const struct socket *s, u32 option)
{
	return READ_ONCE(s->options) & option;
}
static inline void socket_opt_set(struct socket *s, u32 option, bool on)
{
	if (on)
		__atomic_fetch_or(&s->options, option, __ATOMIC_RELAXED);
	else
		__atomic_fetch_and(&s->options, ~option, __ATOMIC_RELAXED);
}

/* One of size bytes that begin with struct socket, the rest zero: one reference, the defaults of
 * socket(7), a reference to net. ERR_PTR(-ENOMEM). */
void *socket_new(size_t size, const struct socket_ops *ops, struct net_ns *net, int family,
		 int type, int protocol);
void socket_free(struct socket *s); /* the end of ops->destroy(), or all of it */
static inline void socket_get(struct socket *s)
{
	ref_get(&s->refs);
}
void socket_put(struct socket *s);
static inline void socket_wake(struct socket *s, u32 key) /* readers and writers */
{
	waitq_wake_all(&s->rd, key);
	waitq_wake_all(&s->wr, key);
}
/* The connection is the current process's: what SO_PEERCRED shows to the other end. */
void socket_set_peer(struct socket *s, struct pid *pid, const struct cred *cred);
/* Takes the error that is waiting: 0 or -errno. */
int socket_error(struct socket *s);

/*
 * Waiting: socket_deadline() of rcvtimeo or sndtimeo at the begin of a call, then SOCKET_WAIT() as often
 * as needed: 0 when cond holds, -EAGAIN when time is up, -ERESTARTSYS for a signal, or -EINTR when a
 * time-out was set (socket(7), signal(7)).
 */
u64 socket_deadline(u64 timeo, unsigned int msg_flags); /* MSG_DONTWAIT: 0, which is over */
int socket_wait_error(int err, u64 deadline);
#define SOCKET_WAIT(wq, cond, deadline)                                                            \
	((deadline) ? socket_wait_error(wait_event_until(wq, cond, deadline), deadline)            \
	 : (cond)   ? 0                                                                            \
		    : -EAGAIN)

/*
 * An option that is an int to programs: kept as a bit of socket->options, or in a field of the protocol's
 * struct, 1, 2 (read only) or 4 bytes. A table of them ends with the name 0.
 */
struct sockopt {
	u16 name, offset, size; /* size 0: no field */
	int low,
		high; /* what may be set, else -EINVAL; both 0: anything, and a byte is yes or no */
	u32 bit;
	int (*set)(struct socket *s, const struct sockopt *o, int v); /* instead; 0 or -errno */
	int (*get)(struct socket *s, const struct sockopt *o, int *v);
};
#define SOCKOPT_FIELD(type, field)                                                                 \
	.offset = offsetof(type, field), .size = sizeof(((type *)NULL)->field)
#define SOCKOPT_SET_ONLY(type, field) .offset = offsetof(type, field)
#define SOCKOPT_READ_ONLY .low = 1
/* -ENOPROTOOPT: the table has no such name, or it is not to be set, or told; and what set, get say. */
int sockopt_change(struct socket *s, const struct sockopt *table, int name, int v);
int sockopt_value(struct socket *s, const struct sockopt *table, int name, int *v);
int sockopt_tell(struct socket *s, const struct sockopt *table, int name, void __user *val,
		 int __user *ulen);
void sockopt_store(struct socket *s, const struct sockopt *o, int v); /* for set() */
/* An int of the caller; a value cut to the room the caller has. */
int sockopt_int(const void __user *val, int len, int *v); /* -EINVAL, -EFAULT */
int sockopt_put(void __user *val, int __user *ulen, const void *v, size_t n);

/* ---- queue.c: packets that are handed out one by one ---- */
static inline bool queue_full(const struct socket *s)
{
	return READ_ONCE(s->rx_truesize) > (u32)READ_ONCE(s->rcvbuf);
}
void queue_add(struct socket *s, struct pkt *p); /* p goes, and readers wake */
/* The next one, for whom recvmsg(2) waits: the caller's. NULL: none will come; ERR_PTR */
struct pkt *queue_next(struct socket *s, const struct net_msg *msg);
/* recvmsg(2): tell() adds the name and the control messages. Bytes, with MSG_TRUNC all there were. */
ssize_t queue_recv(struct socket *s, struct net_msg *msg,
		   void (*tell)(struct socket *s, struct net_msg *msg, const struct pkt *p));
ssize_t queue_copy(struct net_msg *msg, const struct pkt *p); /* the bytes alone; -EFAULT */
u32 queue_poll(struct socket *s, struct file *f, struct poll_table *pt);
long queue_ioctl(struct socket *s, unsigned int cmd, unsigned long arg); /* SIOCINQ, SIOCOUTQ */

/* ---- families ---- */
void net_init(void); /* the first net_ns, all families */
void inet_init(void);
/* A socket of type SOCK_* with one reference, or ERR_PTR: -ESOCKTNOSUPPORT for types it has not,
 * -EPROTONOSUPPORT for protocols, -EPERM, -ENOMEM. */
typedef struct socket *socket_create_fn(struct net_ns *net, int type, int protocol);
socket_create_fn unix_create, inet_create, netlink_create, packet_create;
int netlink_cookie(struct file *f, const void *data, size_t n); /* mq_cookie_send of proc.h */

static inline bool net_capable(const struct net_ns *net, int cap) /* over net: CAP_NET_* */
{
	return ns_capable(net->ns.owner, cap);
}

/* ---- for syscall/: the calls, on kernel memory ---- */
/* A socket of the current net_ns. ERR_PTR: -EAFNOSUPPORT, -EINVAL, what the family says. */
struct socket *socket_create(int family, int type, int protocol);
/* An open file for s, whose reference moves there (also on error). flags: O_NONBLOCK. ERR_PTR. */
struct file *socket_file(struct socket *s, int flags);
struct socket *file_socket(struct file *f); /* NULL: f is no socket */
ssize_t socket_sendmsg(struct socket *s, struct net_msg *msg);
ssize_t socket_recvmsg(struct socket *s, struct net_msg *msg);
/* SOL_SOCKET */
int socket_setsockopt(struct socket *s, int name, const void __user *val, int len);
int socket_getsockopt(struct socket *s, int name, void __user *val, int __user *len);
