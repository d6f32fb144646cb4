/* SPDX-License-Identifier: MIT */
/*
 * TCP (RFC 9293) from inside. tcp.c: the calls on a socket; tcp_in.c: segments that come; tcp_out.c:
 * segments that go, the timer; tcp_state.c: tables, connections' begin and end.
 *
 * A socket's lock guards all of it, but for what the comments say. Order: a connection's lock, then
 * its listener's accept_lock, then a bucket's. A socket is referenced by its file, by its place in
 * each table, by its listener's queue, and by its timer while that is armed.
 *
 * Readers copy to user memory, so they hold no spinlock: rx_mutex keeps them apart, and only they take
 * packets off the front of s.rx; what comes is added at its end.
 *
 *	sendq: [una ............ nxt ............ write_seq)   sent from send_head on: not yet
 */
#pragma once
#include "net/inet.h"

#include <linux/tcp.h>

enum tcp_state { /* numbers as in TCP_INFO and /proc/net/tcp */
		 TCP_ESTABLISHED = 1,
		 TCP_SYN_SENT,
		 TCP_SYN_RECV,
		 TCP_FIN_WAIT1,
		 TCP_FIN_WAIT2,
		 TCP_TIME_WAIT,
		 TCP_CLOSE,
		 TCP_CLOSE_WAIT,
		 TCP_LAST_ACK,
		 TCP_LISTEN,
		 TCP_CLOSING,
};
#define TCPF(state) (1U << (state))

#define TCP_FIN 1U
#define TCP_SYN 2U
#define TCP_RST 4U
#define TCP_PSH 8U
#define TCP_ACK 16U

#define TCP_MSS_DEFAULT 536U /* RFC 9293, 3.7.1 */
#define TCP_MSS_MIN 88U /* as Linux's TCP_MAXSEG allows */
#define TCP_SEGMENT_MAX 32512U /* content of one packet: its buffer is 32 KiB then */
#define TCP_RTO_MIN (200 * NSEC_PER_MSEC)
#define TCP_RTO_MAX (120 * NSEC_PER_SEC)
#define TCP_RTO_INIT NSEC_PER_SEC /* RFC 6298, 2.1 */
#define TCP_DELACK (40 * NSEC_PER_MSEC)
#define TCP_TIMEWAIT (60 * NSEC_PER_SEC) /* also of FIN_WAIT2 without a socket */
#define TCP_SYN_TRIES 6U /* tcp_syn_retries, tcp_synack_retries + 1 as on Linux */
#define TCP_TRIES 15U /* tcp_retries2 */
#define TCP_ORPHAN_TRIES 8U
#define TCP_ORPHANS_MAX 4096U /* connections without a socket, TIME_WAIT included */
#define TCP_OOO_MAX 256U /* packets that wait for a gap to be filled */
#define TCP_CHALLENGE_GAP (500 * NSEC_PER_MSEC)
#define TCP_RCVBUF 131072 /* tcp_rmem, tcp_wmem: the defaults */
#define TCP_SNDBUF 16384
#define TCP_SNDBUF_CONNECTED 262144

struct tcp_sock {
	struct inet_sock inet;
	u8 state; /* enum tcp_state; read by others */
	/* sending; in sequence numbers, or bytes */
	u32 iss, una, nxt, max_sent,
		write_seq; /* nxt goes back to una at a time-out, max_sent does not */
	u32 snd_wnd, wl1, wl2, max_wnd;
	u32 mss, user_mss; /* of what is sent, tcp_set_mss(); TCP_MAXSEG or 0 */
	u32 packet_max; /* content of a packet: several segments when the device cuts them */
	u8 snd_wscale, rcv_wscale;
	bool wscale_ok; /* both sides scale */
	struct list_head sendq;
	struct pkt *send_head; /* NULL: all was sent */
	u32 send_truesize, small_end; /* small_end: behind the last segment that was not full */
	u32 cwnd, ssthresh, recover, dupacks;
	bool in_recovery, fin_queued, more; /* more: the last send(2) said MSG_MORE */
	u32 snd_up; /* behind the last urgent byte; una: there is none */
	/* receiving */
	u32 irs, rcv_nxt, rcv_right, copied; /* rcv_right: what was promised; copied: read so far */
	struct list_head ooo; /* by sequence number */
	u32 nr_ooo;
	struct mutex rx_mutex;
	u32 urg_seq; /* of the urgent byte */
	u8 urg; /* TCP_URG_*, and the byte below it */
	u8 urg_byte;
	u8 acks_owed; /* segments since the last ACK, a full one counts ACKS_FULL */
	bool interactive; /* question and answer take turns */
	u8 quick; /* so many more segments are acknowledged at once: the peer may be in slow start */
	/* time, ns */
	struct timer timer;
	u64 rtx_at, ack_at, keep_at; /* 0: not running */
	u64 rto, srtt, rttvar; /* srtt 0: not measured */
	u64 last_rx, first_tx; /* first_tx: of what is not acknowledged; for TCP_USER_TIMEOUT */
	u64 challenged_at;
	u8 tries; /* time-outs in a row */
	u8 probes;
	u32 nr_retransmits;
	/* options; inherited by an accepted connection up to linger2 */
	bool nodelay, cork;
	u32 keep_idle, keep_intvl, keep_cnt; /* seconds */
	u32 user_timeout; /* ms */
	u32 syn_tries, defer_accept;
	int linger2;
	int soft_error;
	/* tables, listening */
	struct list_head link; /* in established[] or a port bucket's listening */
	struct list_head accept_link; /* in the listener's syn_queue or accept_queue */
	struct tcp_sock *listener; /* while it is in there; a reference */
	spinlock_t
		accept_lock; /* of a listener: guards the next, and its children's two fields above */
	struct list_head syn_queue, accept_queue;
	u32 nr_syn, nr_accept, backlog;
	bool orphan; /* its socket is closed: it holds no reference to its namespace */
	struct list_head orphan_link;
};
#define TCP_URG_NONE 0
#define TCP_URG_COMING 1 /* announced, not here */
#define TCP_URG_HERE 2
#define TCP_URG_READ 3

static inline struct tcp_sock *tcp_sk(struct socket *s)
{
	return container_of(inet_sk(s), struct tcp_sock, inet);
}
/* Sequence numbers wrap (RFC 9293, 3.4). */
static inline bool before(u32 a, u32 b)
{
	return (s32)(a - b) < 0;
}
static inline bool after(u32 a, u32 b)
{
	return before(b, a);
}
static inline bool tcp_in(const struct tcp_sock *t, u32 states)
{
	return states >> READ_ONCE(t->state) & 1;
}
/* How long FIN_WAIT2 lasts without a socket: TCP_LINGER2. */
static inline u64 tcp_linger2_ns(const struct tcp_sock *t)
{
	return t->linger2 ? max(t->linger2, 0) * NSEC_PER_SEC : TCP_TIMEWAIT;
}
/* Content that was received and not read. */
static inline u32 tcp_unread(const struct tcp_sock *t)
{
	return READ_ONCE(t->rcv_nxt) - READ_ONCE(t->copied);
}
/* States in which the FIN has been received: it counts in rcv_nxt. */
#define TCPF_FIN_RECEIVED                                                                          \
	(TCPF(TCP_CLOSE_WAIT) | TCPF(TCP_LAST_ACK) | TCPF(TCP_CLOSING) | TCPF(TCP_TIME_WAIT))
static inline u32 tcp_readable(const struct tcp_sock *t)
{
	u32 unread = tcp_unread(t);

	return unread - (unread && tcp_in(t, TCPF_FIN_RECEIVED));
}
#define TCPF_CAN_SEND (TCPF(TCP_ESTABLISHED) | TCPF(TCP_CLOSE_WAIT))
#define TCPF_SYNCHRONIZED (~(TCPF(TCP_SYN_SENT) | TCPF(TCP_LISTEN) | TCPF(TCP_CLOSE)))

/* ---- tcp_out.c: the socket's lock held ---- */
u32 tcp_window(struct tcp_sock *t); /* what may be promised now, bytes */
void tcp_send_ack(struct tcp_sock *t);
void tcp_send_rst(struct tcp_sock *t);
void tcp_send_syn(struct tcp_sock *t); /* queues and sends SYN, or SYN and ACK */
void tcp_send_fin(struct tcp_sock *t);
void tcp_push(struct tcp_sock *t, bool all); /* sends what may be sent; all: small segments too */
void tcp_retransmit(struct tcp_sock *t); /* the first of sendq */
void tcp_answer_rst(struct pkt *p); /* to a segment without a socket; no lock */
void tcp_start_timer(struct tcp_sock *t, u64 at); /* while it runs it holds a reference */
void tcp_set_timer(struct tcp_sock *t); /* as rtx_at, ack_at, keep_at say */
void tcp_arm_rtx(struct tcp_sock *t, u64 now);
void tcp_timer(struct timer *timer);
void tcp_keepalive(struct tcp_sock *t, bool on);
u32 tcp_path_mss(const struct tcp_sock *t);
void tcp_set_mss(struct tcp_sock *t, u32 mss); /* packet_max follows it and the route */

/* ---- tcp_opt.c ---- */
int tcp_setsockopt(struct socket *s, int level, int name, const void __user *val, int len);
int tcp_getsockopt(struct socket *s, int level, int name, void __user *val, int __user *len);

/* ---- tcp_state.c ---- */
extern const struct socket_ops tcp_ops;
/* One reference; its lock is not held. ERR_PTR(-ENOMEM). charge: who pays */
struct tcp_sock *tcp_new(struct net_ns *net, struct res_counter *charge);
struct tcp_sock *tcp_lookup(struct net_ns *net, be32 from, be16 from_port, be32 to, be16 to_port);
struct tcp_sock *tcp_lookup_listener(struct net_ns *net, be32 to, be16 to_port, int ifindex,
				     u32 hash);
int tcp_hash(struct tcp_sock *t); /* -EADDRNOTAVAIL: there is one with the same addresses */
void tcp_hash_listener(struct tcp_sock *t);
/* A connection of a listener's port with its options, then its place in the tables and in the
 * listener's queue, t's lock held. NULL, false: no memory, no room, or it is there already. */
struct tcp_sock *tcp_new_child(struct tcp_sock *l);
bool tcp_join(struct tcp_sock *t, struct tcp_sock *l);
void tcp_choose_iss(struct tcp_sock *t);
port_conflict_fn tcp_conflict;
void tcp_set_state(struct tcp_sock *t, u8 state);
/* The end of a connection: no packets, no timer, in no table. err: for the socket, 0 none. The socket's
 * lock held, and a reference. */
void tcp_done(struct tcp_sock *t, int err);
void tcp_time_wait(struct tcp_sock *t);
void tcp_orphan(struct tcp_sock *t);
/* A new connection on a listener's port has shaken hands: accept(2) may have it. False: no more. */
bool tcp_accept_ready(struct tcp_sock *t);
void tcp_stop_listening(struct tcp_sock *t);
void tcp_limit_orphans(void); /* no lock held */
void tcp_state_init(void);
void tcp_destroy(struct socket *s);
