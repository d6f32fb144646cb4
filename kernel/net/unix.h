/* SPDX-License-Identifier: MIT */
/*
 * AF_UNIX (unix(7)), what its rooms say to each other: unix.c (life, connections, poll), unix_name.c
 * (names), unix_data.c (bytes and messages), scm.c (control messages, files in flight).
 *
 * Locks, from the outside in:
 *	u->lock      a mutex: the queue, the accept queue and the peer of u. User copies happen under it,
 *	             as in a pipe. Nobody ever holds two.
 *	flight_lock  scm.c: which files are in flight, in whose queue; and again the accept queues
 *	names_lock   unix_name.c: who has which name
 *
 * The peer of a stream or seqpacket socket is set once, and goes when its file does: whoever holds the
 * file reads it without the lock. state goes from UNIX_CLOSE only forwards, by compare and exchange.
 */
#pragma once
#include "net/net.h"

#include <linux/un.h>

enum { UNIX_CLOSE, UNIX_CONNECTING, UNIX_LISTEN, UNIX_CONNECTED };

struct unix_addr { /* never changes */
	ref_t refs;
	int len;
	struct sockaddr_un name;
	char nul; /* a path of full length is followed by one, which len counts */
};

/* Files on their way: those of one message. */
struct scm_files {
	ref_t refs; /* the message, and the collector when it takes them out */
	struct list_head link; /* in the receiver's in_flight, or among those to be closed */
	bool flying; /* guarded by flight_lock, as link is */
	uid_t uid; /* on whose account they fly */
	unsigned int n;
	struct file *file[];
};

struct scm { /* what one sendmsg or recvmsg has besides data */
	struct scm_files *files;
	struct pid *pid; /* credentials, with a reference; NULL: none */
	uid_t uid;
	gid_t gid;
};

/* A run of bytes of a stream, or a message, which goes on in more. At most a page with its bytes. */
struct unix_buf {
	struct list_head link;
	struct unix_buf *more;
	struct unix_sock *from; /* a reference; its wmem counts this */
	struct scm scm;
	u64 time_ns; /* when a message was sent, 0: the receiver had not asked */
	u32 size; /* memory it takes */
	u32 start, end, cap; /* data[start, end) is there */
	char data[];
};

struct unix_sock {
	struct socket s;
	u32 state; /* UNIX_* */
	u64 wmem; /* memory of what it has sent and nobody has read; atomic */
	struct unix_addr *addr; /* set once; NULL: no name */
	struct list_head name_link; /* guarded by names_lock */
	struct path path; /* of a name in the file system */
	/* guarded by lock */
	struct mutex lock;
	bool dead; /* its file is gone */
	struct unix_sock *peer; /* a reference */
	struct list_head queue; /* of unix_bufs */
	u64 bytes; /* unread, in the queue */
	unsigned int qlen, backlog; /* messages, or connections to be accepted; the most of these */
	struct list_head accepts, accept_link; /* guarded by flight_lock, too */
	struct waitq space; /* woken when qlen goes down */
	struct wait_entry relay; /* on the peer's space: wakes our s.wr */
	/* guarded by flight_lock */
	struct list_head in_flight; /* scm_files in the queue */
	unsigned int flights; /* how often its own file is in flight */
	struct list_head flight_link; /* among those with flights */
	unsigned int outside; /* the collector's: references from outside of garbage */
};
#define UNIX_DGRAM_QLEN 10U /* net.unix.max_dgram_qlen */

static inline struct unix_sock *unix_sk(struct socket *s)
{
	return container_of(s, struct unix_sock, s);
}
static inline bool unix_writable(const struct unix_sock *u)
{
	return u->state != UNIX_LISTEN && READ_ONCE(u->wmem) * 4 <= (u64)READ_ONCE(u->s.sndbuf);
}

/* ---- unix_name.c ---- */
void unix_names_init(void);
void unix_hash(struct unix_sock *u); /* into the table, without a name */
void unix_unhash(struct unix_sock *u);
int unix_check_addr(const struct sockaddr_storage *addr, int len); /* -EINVAL */
int unix_bind(struct socket *s, const struct sockaddr_storage *addr, int len);
int unix_autobind(struct unix_sock *u); /* an abstract name of its own, unless it has one */
/* The socket of that name and type, with a reference. ERR_PTR: -ECONNREFUSED, -EPROTOTYPE, path's. */
struct unix_sock *unix_find(struct net_ns *net, const struct sockaddr_storage *addr, int len,
			    int type);
int unix_addr_copy(const struct unix_sock *u, struct sockaddr_storage *to); /* length */
void unix_addr_put(struct unix_addr *a);

/* ---- unix_data.c ---- */
ssize_t unix_stream_send(struct socket *s, struct net_msg *msg);
ssize_t unix_stream_recv(struct socket *s, struct net_msg *msg);
ssize_t unix_dgram_send(struct socket *s, struct net_msg *msg);
ssize_t unix_dgram_recv(struct socket *s, struct net_msg *msg);
ssize_t unix_seq_send(struct socket *s, struct net_msg *msg);
ssize_t unix_seq_recv(struct socket *s, struct net_msg *msg);
void unix_purge(struct list_head *bufs);
size_t unix_message_size(const struct unix_buf *b);
struct unix_sock *unix_peer_get(struct unix_sock *u);
/* u no longer talks to old, whose reference is given back. */
void unix_disconnected(struct unix_sock *u, struct unix_sock *old);
static inline bool unix_queue_full(const struct unix_sock *u)
{
	return READ_ONCE(u->qlen) > READ_ONCE(u->backlog);
}

/* ---- scm.c ---- */
/* The control messages of a sender: -EINVAL, -EBADF, -EPERM, -ETOOMANYREFS ... End with scm_drop(). */
int scm_parse(const struct net_msg *msg, struct scm *scm);
void scm_set_cred(struct scm *scm); /* the current process's */
void scm_drop(struct scm *scm); /* no locks held: files may be closed */
#define SCOPED_SCM(var) struct scm var __attribute__((cleanup(scm_drop)))
/* To the receiver, into msg->control; what does not fit is closed. Drops. */
void scm_deliver(struct socket *s, struct net_msg *msg, struct scm *scm);
/* A message with f lies in to's queue (to->lock held); it is taken out. */
void scm_fly(struct scm_files *f, struct unix_sock *to);
void scm_land(struct scm_files *f);
struct scm_files *scm_files_copy(const struct scm_files *f); /* for MSG_PEEK; NULL without memory */
/* e's place in the queue of those that are to be accepted. l->lock held. */
void scm_accept_add(struct unix_sock *l, struct unix_sock *e);
void scm_accept_del(struct unix_sock *e);
void unix_collect(void); /* closes sockets in flight that nobody can reach any more */
