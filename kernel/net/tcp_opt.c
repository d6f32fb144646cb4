/* SPDX-License-Identifier: MIT */
/* The options of tcp(7), TCP_INFO, and /proc/net/tcp. */
#include "net/tcp.h"

#define IPPROTO_TCP_MSS_MAX 32767

/* TCP_DEFER_ACCEPT is kept as retransmissions: 1, 3, 7 ... seconds, up to two minutes apart. */
static int defer_seconds(u32 tries)
{
	u64 sum = 0;

	for (u32 i = 0; i < tries; i++)
		sum += min(1UL << min(i, 7U), 120UL);
	return sum;
}

static int set_computed(struct socket *s, const struct sockopt *o, int v)
{
	struct tcp_sock *t = tcp_sk(s);

	switch (o->name) {
	case TCP_QUICKACK:
		t->quick = v ? 16 : 0;
		if (v && t->ack_at)
			tcp_send_ack(t);
		return 0;
	case TCP_MAXSEG:
		if (v && (v < (int)TCP_MSS_MIN || v > IPPROTO_TCP_MSS_MAX))
			return -EINVAL;
		break;
	case TCP_LINGER2:
		v = v < 0 ? -1 : min(v, 120);
		break;
	case TCP_DEFER_ACCEPT:
		for (t->defer_accept = 0;
		     defer_seconds(t->defer_accept) < v && t->defer_accept < 255;)
			t->defer_accept++;
		return 0;
	}
	sockopt_store(s, o, v);
	return 0;
}

/* What is waiting may go now. */
static int set_sending(struct socket *s, const struct sockopt *o, int v)
{
	struct tcp_sock *t = tcp_sk(s);

	sockopt_store(s, o, v);
	if (o->name == TCP_KEEPIDLE && tcp_in(t, TCPF_CAN_SEND))
		tcp_keepalive(t, socket_opt(s, SOCK_OPT_KEEPALIVE));
	else if (o->name != TCP_KEEPIDLE && tcp_in(t, TCPF_CAN_SEND) && (t->nodelay || !t->cork))
		tcp_push(t, t->nodelay && !t->cork);
	return 0;
}

static int get_computed(struct socket *s, const struct sockopt *o, int *v)
{
	const struct tcp_sock *t = tcp_sk(s);
	bool wish = t->user_mss && tcp_in(t, TCPF(TCP_CLOSE) | TCPF(TCP_LISTEN));

	*v = o->name == TCP_QUICKACK  ? t->quick || !tcp_in(t, TCPF_SYNCHRONIZED)
	     : o->name == TCP_MAXSEG  ? (int)(wish ? t->user_mss : t->mss)
	     : o->name == TCP_LINGER2 ? t->linger2 ?: 60
				      : defer_seconds(t->defer_accept);
	return 0;
}

#define FIELD(name) SOCKOPT_FIELD(struct tcp_sock, name)
static const struct sockopt options[] = {
	{ TCP_KEEPIDLE, FIELD(keep_idle), 1, 32767, .set = set_sending },
	{ TCP_KEEPINTVL, FIELD(keep_intvl), 1, 32767 },
	{ TCP_KEEPCNT, FIELD(keep_cnt), 1, 127 },
	{ TCP_SYNCNT, FIELD(syn_tries), 1, 127 },
	{ TCP_USER_TIMEOUT, FIELD(user_timeout), 0, INT32_MAX },
	{ TCP_NODELAY, FIELD(nodelay), .set = set_sending },
	{ TCP_CORK, FIELD(cork), .set = set_sending },
	{ TCP_QUICKACK, .set = set_computed, .get = get_computed },
	{ TCP_MAXSEG, FIELD(user_mss), .set = set_computed, .get = get_computed },
	{ TCP_LINGER2, FIELD(linger2), .set = set_computed, .get = get_computed },
	{ TCP_DEFER_ACCEPT, .set = set_computed, .get = get_computed },
	{ 0 },
};

int tcp_setsockopt(struct socket *s, int level, int name, const void __user *val, int len)
{
	char ca[16] = { 0 };
	int v, err;

	if (level != IPPROTO_TCP)
		return inet_setsockopt(s, level, name, val, len);
	if (name == TCP_CONGESTION) {
		if (len < 1)
			return -EINVAL;
		if (copy_from_user(ca, val, min((size_t)len, sizeof(ca) - 1)))
			return -EFAULT;
		return strcmp(ca, "reno") ? -ENOENT : 0;
	}
	err = sockopt_int(val, len, &v);
	if (err)
		return err;
	spin_lock(&s->lock);
	err = sockopt_change(s, options, name, v);
	spin_unlock(&s->lock);
	net_run();
	return err;
}

static void get_info(struct tcp_sock *t, struct tcp_info *i)
{
	u64 now = clock_ns();

	memset(i, 0, sizeof(*i));
	spin_lock(&t->inet.s.lock);
	i->tcpi_state = t->state;
	i->tcpi_ca_state = t->in_recovery ? TCP_CA_Recovery : t->tries ? TCP_CA_Loss : TCP_CA_Open;
	i->tcpi_retransmits = t->tries;
	i->tcpi_probes = t->probes;
	i->tcpi_backoff = t->tries;
	if (t->wscale_ok && tcp_in(t, TCPF_SYNCHRONIZED)) {
		i->tcpi_options = TCPI_OPT_WSCALE;
		i->tcpi_snd_wscale = t->snd_wscale;
		i->tcpi_rcv_wscale = t->rcv_wscale;
	}
	i->tcpi_rto = t->rto / NSEC_PER_USEC;
	i->tcpi_ato = TCP_DELACK / NSEC_PER_USEC;
	i->tcpi_snd_mss = t->mss;
	i->tcpi_rcv_mss = t->mss;
	i->tcpi_unacked =
		t->state == TCP_LISTEN ? t->nr_accept : DIV_ROUND_UP(t->nxt - t->una, t->mss);
	i->tcpi_sacked = t->state == TCP_LISTEN ? t->backlog : 0;
	i->tcpi_last_data_recv = (now - t->last_rx) / NSEC_PER_MSEC;
	i->tcpi_pmtu = t->inet.dst.mtu;
	i->tcpi_rtt = t->srtt / NSEC_PER_USEC;
	i->tcpi_rttvar = t->rttvar / NSEC_PER_USEC;
	i->tcpi_snd_ssthresh = t->ssthresh / t->mss;
	i->tcpi_snd_cwnd = t->cwnd / t->mss;
	i->tcpi_advmss = tcp_path_mss(t);
	i->tcpi_rcv_space = t->inet.s.rcvbuf / 2;
	i->tcpi_total_retrans = t->nr_retransmits;
	i->tcpi_notsent_bytes = t->write_seq - t->nxt;
	spin_unlock(&t->inet.s.lock);
}

int tcp_getsockopt(struct socket *s, int level, int name, void __user *val, int __user *ulen)
{
	struct tcp_info info;

	if (level != IPPROTO_TCP)
		return inet_getsockopt(s, level, name, val, ulen);
	if (name == TCP_CONGESTION)
		return sockopt_put(val, ulen, (char[16]){ "reno" }, 16);
	if (name != TCP_INFO)
		return sockopt_tell(s, options, name, val, ulen);
	get_info(tcp_sk(s), &info);
	return sockopt_put(val, ulen, &info, sizeof(info));
}

/* ---- /proc/net/tcp ---- */

struct shown {
	struct strbuf *out;
	int n;
	bool listening; /* these come first */
};

static void show_line(void *arg, struct inet_sock *sk)
{
	struct tcp_sock *t = container_of(sk, struct tcp_sock, inet);
	struct shown *s = arg;
	bool listening = tcp_in(t, TCPF(TCP_LISTEN));

	if (listening != s->listening || tcp_in(t, TCPF(TCP_CLOSE)))
		return;
	inet_show(s->out, s->n++, sk, t->state, listening ? 0 : t->write_seq - t->una,
		  listening ? t->nr_accept : tcp_readable(t), "");
}

static int show_tcp(struct strbuf *out, struct ns_common *ns)
{
	struct net_ns *net = container_of(ns, struct net_ns, ns);
	struct shown s = { out, 0, true };

	sb_printf(out, "%-149s\n",
		  "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   "
		  "uid  timeout inode");
	inet_each(net, SOCK_STREAM, IPPROTO_TCP, show_line, &s);
	s.listening = false;
	inet_each(net, SOCK_STREAM, IPPROTO_TCP, show_line, &s);
	return 0;
}

void tcp_init(void)
{
	tcp_state_init();
	proc_net_add("tcp", show_tcp);
}
