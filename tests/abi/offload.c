/* SPDX-License-Identifier: MIT */
/*
 * PACKET_VNET_HDR (packet(7), linux/virtio_net.h): what a device leaves for later, as a virtual machine's
 * monitor sees it. How long a packet is is each system's own affair; that its header tells the truth is not.
 */
#include <linux/if_packet.h>
#include <linux/virtio_net.h>

#include "links.h"

#define SOL_PACKET 263
#define ETH 14
#define FRAME_MAX 65600

struct frame {
	struct virtio_net_hdr h;
	unsigned char data[FRAME_MAX];
} __attribute__((packed));
static struct frame f;

static int on(const char *name, int protocol)
{
	struct sockaddr_ll ll = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(protocol),
				  .sll_ifindex = if_nametoindex(name) };
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	if (bind(fd, (void *)&ll, sizeof(ll)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &(int){ 1 }, 4))
		say("%s: %s", name, net_errno(errno));
	return fd;
}

static unsigned int sum(unsigned int s, const unsigned char *at, int n)
{
	for (int i = 0; i < n; i++)
		s += at[i] << 8 * (i & 1);
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return s;
}

/* Does the frame's checksum hold what the header says: the pseudo header's sum? */
static bool begun(int len)
{
	const unsigned char *ip = f.data + ETH;
	unsigned int tcp = len - f.h.csum_start;
	unsigned short told, want = sum(sum(htons(ip[9]) + htons(tcp), ip + 12, 8), NULL, 0);

	memcpy(&told, f.data + f.h.csum_start + f.h.csum_offset, 2);
	return told == want;
}

static void show_frame(int fd)
{
	int n;

	YES(there_soon(fd));
	n = recv(fd, &f, sizeof(f), MSG_DONTWAIT);
	if (n < (int)sizeof(f.h)) {
		say("frame: %s", net_errno(errno));
		return;
	}
	say("%d bytes: flags %x type %x header %d size %d sum from %d at %d: %s", n, f.h.flags,
	    f.h.gso_type, f.h.hdr_len, f.h.gso_size, f.h.csum_start, f.h.csum_offset,
	    f.h.flags & 1 && begun(n - sizeof(f.h)) ? "begun" : "-");
}

static void option(void)
{
	int raw, cooked, v = 1;

	enter_new();
	raw = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_IP));
	cooked = socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_IP));
	R(setsockopt(cooked, SOL_PACKET, PACKET_VNET_HDR, &v, 4));
	R(setsockopt(raw, SOL_PACKET, PACKET_VNET_HDR, &v, 3));
	R(setsockopt(raw, SOL_PACKET, PACKET_VNET_HDR, &v, 4));
	R(sendto(udp(), "hello", 5, 0, AT("127.0.0.1", 4000)));
	R(recv(raw, &f, 9, MSG_DONTWAIT)); /* no room for the header: the packet is lost */
	R(recv(raw, &f, 20, MSG_DONTWAIT));
	R(sendto(udp(), "hello", 5, 0, AT("127.0.0.1", 4000)));
	R(recv(raw, &f, 20, MSG_DONTWAIT | MSG_TRUNC));
	R(recv(raw, &f, sizeof(f), MSG_DONTWAIT | MSG_TRUNC)); /* ICMP's answer has all of it */
}

static void datagrams(void)
{
	int ns[2] = { enter_new(), enter_new() }, fd, in;

	enter(ns[0]);
	R(veth_in("va", "vb", ns[1]));
	R(add_addr("va", "10.0.0.1", 24));
	R(up("va"));
	enter(ns[1]);
	R(add_addr("vb", "10.0.0.2", 24));
	R(up("vb"));
	settle("vb");
	in = on("vb", ETH_P_IP);
	enter(ns[0]);
	fd = udp();
	R(sendto(fd, "hello", 5, 0, AT("10.0.0.2", 4000)));
	show_frame(in);
	R(setsockopt(fd, SOL_SOCKET, SO_NO_CHECK, &(int){ 1 }, 4));
	R(sendto(fd, "hello", 5, 0, AT("10.0.0.2", 4000)));
	YES(there_soon(in));
	R(recv(in, &f, sizeof(f), MSG_DONTWAIT));
	say("type %d, sum %02x%02x", f.h.gso_type, f.data[40], f.data[41]);
}

/* ---- a wire between two devices, as a monitor and its guest are one ---- */

static struct told {
	int longest, frames, liars;
} * told;

static void pass_on(int from, int to)
{
	struct sockaddr_ll ll;
	socklen_t size = sizeof(ll);
	int n = recvfrom(from, &f, sizeof(f), MSG_DONTWAIT, (void *)&ll, &size), len;

	if (n < 0 || ll.sll_pkttype == PACKET_OUTGOING)
		return;
	len = n - sizeof(f.h);
	told->frames++;
	if (f.h.gso_type) {
		told->longest = len > told->longest ? len : told->longest;
		told->liars += f.h.gso_type != VIRTIO_NET_HDR_GSO_TCPV4 || f.h.flags != 1 ||
			       f.h.csum_start != 34 || f.h.csum_offset != 16 ||
			       f.h.gso_size > 1460 || f.h.gso_size < 1400 ||
			       len <= f.h.gso_size + 54 || !begun(len);
	} else if (f.h.flags & 1) {
		told->liars += !begun(len) || len > 1514;
	}
	if (send(to, &f, n, MSG_DONTWAIT) != n && errno != ENOBUFS)
		told->liars += 1000;
}

static void wire(void)
{
	int ns[3] = { enter_new(), enter_new(), enter_new() }, fd[2];
	pid_t relay;

	told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	R(veth_in("ma", "eth", ns[0]));
	R(veth_in("mb", "eth", ns[1]));
	R(up("ma"));
	R(up("mb"));
	for (int i = 0; i < 2; i++) {
		enter(ns[i]);
		R(add_addr("eth", i ? "10.0.0.2" : "10.0.0.1", 24));
		R(up("eth"));
		settle("eth");
	}
	enter(ns[2]);
	fd[0] = on("ma", ETH_P_ALL);
	fd[1] = on("mb", ETH_P_ALL);
	relay = fork();
	while (!relay) {
		struct pollfd p[2] = { { fd[0], POLLIN, 0 }, { fd[1], POLLIN, 0 } };

		poll(p, 2, -1);
		for (int i = 0; i < 2; i++)
			if (p[i].revents)
				pass_on(fd[i], fd[!i]);
	}
	stream(ns[0], ns[1], "10.0.0.2", 1 << 20);
	stream(ns[1], ns[0], "10.0.0.1", 1 << 20);
	kill(relay, SIGKILL);
	waitpid(relay, NULL, 0);
	YES(told->longest > 4000);
	YES(told->frames < 1000);
	say("%d headers that are not true", told->liars);
}

/* ---- headers that nothing can be done with ---- */

/* A TCP segment with content, as a guest leaves it; len: of the frame. */
static void try(int fd, const char *what, struct virtio_net_hdr h, int len)
{
	static const unsigned char ip[] = { 8, 0, 0x45, 0, 0x0b, 0xe0, 0, 0, 0, 0, 64, 6, 0, 0 };

	memset(&f, 0, sizeof(f));
	memset(f.data, 0xff, 6);
	f.data[6] = 2;
	memcpy(f.data + 12, ip, sizeof(ip));
	f.data[34 + 12] = 0x50;
	f.h = h;
	if (send(fd, &f, sizeof(f.h) + len, 0) < 0)
		say("%s: %s", what, net_errno(errno));
	else
		say("%s: sent", what);
}

static void refused(void)
{
	const struct virtio_net_hdr good = { .flags = 1,
					     .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
					     .hdr_len = 54,
					     .gso_size = 1000,
					     .csum_start = 34,
					     .csum_offset = 16 };
	struct virtio_net_hdr h = good;
	int fd;

	enter_new();
	R(veth("va", "vb"));
	R(up("va"));
	R(up("vb"));
	settle("va");
	fd = on("va", 0);
	try(fd, "good", good, 3054);
	try(fd, "no header", good, -1);
	try(fd, "half a frame", good, 10);
	try(fd, "much", good, 60000);
	h.gso_type = 9;
	try(fd, "unknown type", h, 3054);
	h = good;
	h.gso_size = 0;
	try(fd, "size 0", h, 3054);
	h = good;
	h.hdr_len = 3055;
	try(fd, "header longer than the frame", h, 3054);
	h = good;
	h.csum_start = 3050;
	try(fd, "sum from behind", h, 3054);
	h = good;
	h.gso_type = VIRTIO_NET_HDR_GSO_NONE;
	try(fd, "too long for a frame", h, 3054);
	try(fd, "a frame", h, 1514);
	h.csum_start = 1500;
	h.csum_offset = 13;
	try(fd, "sum at the end", h, 1514);
	h.csum_offset = 12;
	try(fd, "sum in the last two bytes", h, 1514);
	h = (struct virtio_net_hdr){ 0 };
	try(fd, "nothing left to do", h, 1514);
	try(fd, "too long", h, 1600);
}

ABI_MAIN(CASE(option), CASE(datagrams), CASE(wire), CASE(refused))
