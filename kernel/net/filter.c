/* SPDX-License-Identifier: MIT */
/*
 * Asks the programs of a socket's group (bpf(2), BPF_PROG_TYPE_CGROUP_SKB) about a packet that it sends or
 * receives. A group is that of the process which made the socket; a connection has its listener's.
 * Read next: container/cg_bpf.c.
 */
#include "net/inet.h"

#include <linux/bpf.h>

bool inet_refused(const struct inet_sock *sk, const struct pkt *p, const struct netdev *dev,
		  const u8 *ip, bool out)
{
	const struct socket *s = &sk->s;
	struct __sk_buff skb = {
		.len = p->tail - ip,
		.pkt_type = out ? 0 : p->type,
		.mark = out ? READ_ONCE(s->mark) : 0,
		.protocol = htons(ETH_P_IP),
		.priority = out ? READ_ONCE(s->priority) : 0,
		.ingress_ifindex = out ? 0 : dev->ifindex,
		.ifindex = dev->ifindex,
		.family = AF_INET,
		.remote_ip4 = sk->daddr,
		.local_ip4 = sk->rcv_saddr,
		.remote_port = (u32)sk->dport << 16, /* as Linux has it */
		.local_port = ntohs(sk->sport),
	};

	return s->group && !layer.packet_allowed(s->group, &skb, out);
}
