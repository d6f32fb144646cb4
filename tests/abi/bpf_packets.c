/* SPDX-License-Identifier: MIT */
/*
 * bpf(2) with programs that decide about packets (BPF_PROG_TYPE_CGROUP_SKB): what they may read, which
 * groups' sockets ask them, and what becomes of what they refuse. As root, with a cgroup2 of its own.
 */
#include "bpf.h"
#include "net.h"

#define LOAD_PROG(...) LOAD_TYPED(BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_INGRESS, __VA_ARGS__)
#define IN BPF_CGROUP_INET_INGRESS
#define OUT BPF_CGROUP_INET_EGRESS
#define MULTI BPF_F_ALLOW_MULTI
#define FIELD(name) offsetof(struct __sk_buff, name)
/* 0 when a field is v, else 1 */
#define UNLESS(field, v)                                                                           \
	LOAD(BPF_W, 2, 1, FIELD(field)), MOV(0, 1), JUMP(BPF_JNE, 2, v, 1), MOV(0, 0), EXIT

static void loading(void)
{
	int fd;

	for (int type = 0; type < 4; type++) {
		fd = LOAD_TYPED(BPF_PROG_TYPE_CGROUP_SKB, type, MOV(0, 0), EXIT);
		say("for %d: %s", type, fd < 0 ? errno_name(errno) : "ok");
		close(fd);
	}
	O(LOAD_PROG(MOV(0, 2), EXIT));
	O(LOAD_PROG(MOV(2, 1), STORE(BPF_W, 1, 2, FIELD(len)), MOV(0, 1), EXIT));
	for (int size = BPF_W; size <= BPF_DW; size += 8)
		for (unsigned int off = 0; off < FIELD(cb); off++) {
			fd = LOAD_PROG(INSN(BPF_LDX | size | BPF_MEM, 2, 1, off, 0), MOV(0, 1),
				       EXIT);
			say("size %#x at %u: %s", size, off, fd < 0 ? errno_name(errno) : "ok");
			close(fd);
		}
	for (unsigned int size = BPF_W; size <= BPF_DW; size += 8) {
		static const int offs[] = { -4,
					    FIELD(family),
					    FIELD(remote_ip4),
					    FIELD(local_ip4),
					    FIELD(remote_port),
					    FIELD(local_port),
					    FIELD(tc_classid),
					    FIELD(data_meta),
					    FIELD(wire_len),
					    4096 };

		for (size_t i = 0; i < sizeof(offs) / sizeof(*offs); i++) {
			fd = LOAD_PROG(INSN(BPF_LDX | size | BPF_MEM, 2, 1, offs[i], 0), MOV(0, 1),
				       EXIT);
			say("size %#x at %d: %s", size, offs[i], fd < 0 ? errno_name(errno) : "ok");
			close(fd);
		}
	}
}

static void attaching(void)
{
	int p = LOAD_PROG(MOV(0, 1), EXIT), q = LOAD_PROG(MOV(0, 1), EXIT);
	int device = LOAD_TYPED(BPF_PROG_TYPE_CGROUP_DEVICE, 0, MOV(0, 1), EXIT);

	if (!group_tree())
		return;
	R(attach_as(BPF_CGROUP_DEVICE, 1, p, 0, 0));
	R(attach_as(IN, 1, device, 0, 0));
	R(attach_as(1000, 1, p, 0, 0));
	groups[3] = 99;
	R(attach_as(IN, 3, p, 0, 0));
	R(attach_as(IN, 3, p, MULTI | BPF_F_REPLACE, 0));
	R(attach_as(IN, 3, 99, 0, 0));
	R(attach_as(IN, 1, p, 0, 0));
	R(attach_as(OUT, 1, p, MULTI, 0));
	R(attach_as(OUT, 1, q, MULTI, 0));
	R(attach_as(BPF_CGROUP_DEVICE, 1, device, 0, 0));
	R(attach_as(IN, 2, q, 0, 0));
	R(attach_as(OUT, 2, q, 0, 0));
	R(detach_as(OUT, 1, device));
	R(detach_as(OUT, 1, p));
	R(detach_as(OUT, 1, p));
	R(detach_as(IN, 1, p));
	R(detach_as(IN, 1, p));
	no_groups();
}

/* A socket of the group that the process is in now, bound to a port of lo. */
static int bound(int type, int port)
{
	int fd = socket(AF_INET, type | SOCK_NONBLOCK, 0);

	if (bind(fd, (void *)at("127.0.0.1", port), sizeof(struct sockaddr_in)))
		say("bind %d: %s", port, net_errno(errno));
	return fd;
}

/* From one socket to the other: sent, and there? */
static void datagram(const char *what, int from, int to, int port)
{
	char c = 'x';
	long n = sendto(from, &c, 1, 0, (void *)at("127.0.0.1", port), sizeof(struct sockaddr_in));
	const char *sent = n < 0 ? net_errno(errno) : "sent";

	n = recv(to, &c, 1, 0);
	say("%s: %s, %s", what, sent, n < 0 ? net_errno(errno) : "received");
}

static void datagrams(void)
{
	int no = LOAD_PROG(MOV(0, 0), EXIT), yes = LOAD_PROG(MOV(0, 1), EXIT), outer, inner;
	int not_53 = LOAD_PROG(UNLESS(local_port, 5353)), small = LOAD_PROG(UNLESS(len, 29));

	own_net();
	if (!group_tree())
		return;
	join(1);
	outer = bound(SOCK_DGRAM, 5351);
	join(3);
	inner = bound(SOCK_DGRAM, 5353);
	join(0);
	datagram("free", outer, inner, 5353);
	R(attach_as(OUT, 3, no, MULTI, 0));
	datagram("inner may not send", inner, outer, 5351);
	datagram("but receive", outer, inner, 5353);
	R(detach_as(OUT, 3, no));
	R(attach_as(IN, 3, no, MULTI, 0));
	datagram("inner may not receive", outer, inner, 5353);
	datagram("but send", inner, outer, 5351);
	R(detach_as(IN, 3, no));
	R(attach_as(OUT, 1, no, MULTI, 0));
	datagram("outer, so inner", inner, outer, 5351);
	R(attach_as(OUT, 3, yes, MULTI, 0));
	datagram("and yes does not help", inner, outer, 5351);
	R(detach_as(OUT, 3, yes));
	R(detach_as(OUT, 1, no));
	R(attach_as(IN, 1, not_53, MULTI, 0));
	datagram("by the port of inner", outer, inner, 5353);
	datagram("of outer", inner, outer, 5351);
	R(detach_as(IN, 1, not_53));
	R(attach_as(IN, 1, small, MULTI, 0));
	datagram("by the length, header included", outer, inner, 5353);
	R(detach_as(IN, 1, small));
	R(attach_as(OUT, 1, no, BPF_F_ALLOW_OVERRIDE, 0));
	R(attach_as(OUT, 3, yes, BPF_F_ALLOW_OVERRIDE, 0));
	datagram("overridden", inner, outer, 5351);
	R(detach_as(OUT, 3, yes));
	R(detach_as(OUT, 1, no));
	close(inner);
	close(outer);
	no_groups();
}

/* What a program sees: UNLESS(field, v) stops a datagram when the field is v. */
#define SEEN(way, field, v)                                                                        \
	do {                                                                                       \
		int fd_ = LOAD_PROG(UNLESS(field, v));                                             \
		O(attach_as(way, 1, fd_, 0, 0));                                                   \
		datagram(#way " " #field " " #v, a, b, 5378);                                      \
		close(fd_);                                                                        \
		detach_as(way, 1, 99);                                                             \
	} while (0)
static void fields(void)
{
	int one = 1, mark = 7, a, b;
	unsigned int here = inet_addr("127.0.0.1");

	own_net();
	if (!group_tree())
		return;
	join(1);
	a = bound(SOCK_DGRAM, 5361);
	b = bound(SOCK_DGRAM, 5378);
	join(0);
	setsockopt(a, SOL_SOCKET, SO_MARK, &mark, sizeof(mark));
	setsockopt(a, SOL_SOCKET, SO_PRIORITY, &one, sizeof(one));
	SEEN(OUT, len, 29);
	SEEN(OUT, protocol, htons(0x0800));
	SEEN(IN, protocol, htons(0x0800));
	SEEN(OUT, mark, 7);
	SEEN(OUT, priority, 1);
	SEEN(IN, ifindex, 1);
	SEEN(OUT, ifindex, 1);
	SEEN(IN, ingress_ifindex, 1);
	SEEN(IN, family, AF_INET);
	SEEN(IN, local_ip4, here);
	SEEN(IN, remote_ip4, 0);
	SEEN(OUT, local_port, 5361);
	SEEN(IN, local_port, 5378);
	SEEN(IN, vlan_present, 0);
	R(connect(a, (void *)at("127.0.0.1", 5378), sizeof(struct sockaddr_in)));
	SEEN(OUT, remote_ip4, here);
	SEEN(OUT, remote_port, (unsigned int)htons(5378) << 16);
	close(a);
	close(b);
	no_groups();
}

/* Is a connection made, is it accepted, and does a byte arrive? Waits a while for what must not come. */
static void stream(const char *what, int listener, int port)
{
	struct pollfd there = { .fd = listener, .events = POLLIN };
	int s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), c = -1, r;

	r = connect(s, (void *)at("127.0.0.1", port), sizeof(struct sockaddr_in));
	say("%s: %s", what, r && errno != EINPROGRESS ? net_errno(errno) : "connects");
	if (poll(&there, 1, 300) == 1)
		c = accept(listener, NULL, NULL);
	say("accepted: %s", c < 0 ? "no" : "yes");
	if (c >= 0) {
		there.fd = s;
		R(write(c, "x", 1));
		say("arrives: %s", poll(&there, 1, 300) == 1 ? "yes" : "no");
	}
	close(c);
	close(s);
}

static void streams(void)
{
	int no = LOAD_PROG(MOV(0, 0), EXIT), listener;
	int with_byte = LOAD_PROG(UNLESS(len, 41)); /* two headers without options, and it */

	own_net();
	put_text("/proc/sys/net/ipv4/tcp_timestamps", "0"); /* Dyad has none */
	if (!group_tree())
		return;
	join(3);
	listener = bound(SOCK_STREAM, 5371);
	R(listen(listener, 5));
	join(0);
	stream("free", listener, 5371);
	R(attach_as(IN, 1, no, 0, 0));
	stream("the listener hears nothing", listener, 5371);
	R(detach_as(IN, 1, no));
	R(attach_as(OUT, 1, no, 0, 0));
	stream("its answer is held back", listener, 5371);
	R(detach_as(OUT, 1, no));
	close(listener);
	join(3);
	listener = bound(SOCK_STREAM, 5372);
	R(listen(listener, 5));
	join(0);
	R(attach_as(OUT, 1, with_byte, 0, 0));
	stream("a connection is of the listener's group: its byte", listener, 5372);
	R(detach_as(OUT, 1, with_byte));
	close(listener);
	no_groups();
}

ABI_MAIN(CASE(loading), CASE(attaching), CASE(datagrams), CASE(fields), CASE(streams))
