/* SPDX-License-Identifier: MIT */
/* AF_PACKET sockets over the loopback device of a network namespace of its own. */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "abi.h"

static unsigned char buf[2048];

static void own_namespace(bool up)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int s;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET))
		say("unshare: %s", errno_name(errno));
	s = socket(AF_INET, SOCK_DGRAM, 0);
	if (up && ioctl(s, SIOCSIFFLAGS, &ifr))
		say("up: %s", errno_name(errno));
	close(s);
}

static int on_lo(int type, int protocol)
{
	struct sockaddr_ll ll = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(protocol),
				  .sll_ifindex = 1 };
	int s = socket(AF_PACKET, type | SOCK_NONBLOCK, 0);

	if (bind(s, (struct sockaddr *)&ll, sizeof(ll)))
		say("bind: %s", errno_name(errno));
	return s;
}

/* A datagram from port 4000 to port 4001 of this machine. */
static void send_udp(const char *text)
{
	struct sockaddr_in from = { .sin_family = AF_INET,
				    .sin_port = htons(4000),
				    .sin_addr = { htonl(INADDR_LOOPBACK) } },
			   to = from;
	int s = socket(AF_INET, SOCK_DGRAM, 0), r = socket(AF_INET, SOCK_DGRAM, 0);

	to.sin_port = htons(4001);
	if (bind(s, (struct sockaddr *)&from, sizeof(from)) ||
	    bind(r, (struct sockaddr *)&to, sizeof(to)) ||
	    sendto(s, text, strlen(text), 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		say("udp: %s", errno_name(errno));
	close(s);
	close(r);
}

/* What has come; ip: where its IP header begins. */
static void show_packets(const char *what, int s, int ip)
{
	struct sockaddr_ll ll;
	socklen_t len = sizeof(ll);
	int n;

	while ((n = recvfrom(s, buf, sizeof(buf), 0, (struct sockaddr *)&ll, &len)) >= 0) {
		say("%s: %d bytes, proto %04x dev %d hatype %d type %d address of %d, %d", what, n,
		    ntohs(ll.sll_protocol), ll.sll_ifindex, ll.sll_hatype, ll.sll_pkttype,
		    ll.sll_halen, len);
		if (n >= ip + 28)
			say("  ip %02x protocol %d ports %d %d \"%.*s\"", buf[ip], buf[ip + 9],
			    buf[ip + 20] << 8 | buf[ip + 21], buf[ip + 22] << 8 | buf[ip + 23],
			    n - ip - 28, buf + ip + 28);
	}
	say("%s: %s", what, errno_name(errno));
}

static void datagrams(void)
{
	int s, other;

	own_namespace(true);
	s = on_lo(SOCK_DGRAM, ETH_P_IP);
	other = on_lo(SOCK_DGRAM, ETH_P_ARP);
	send_udp("first");
	send_udp("second");
	show_packets("ip", s, 0);
	show_packets("arp", other, 0);
}

static void raw_and_all(void)
{
	int raw, all;

	own_namespace(true);
	raw = on_lo(SOCK_RAW, ETH_P_IP);
	all = on_lo(SOCK_RAW, ETH_P_ALL);
	send_udp("hello");
	show_packets("raw", raw, 14);
	show_packets("all", all, 14);
}

static void sent_cooked(void)
{
	struct sockaddr_ll ll = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(0x88b5),
				  .sll_ifindex = 1,
				  .sll_halen = 6 };
	int s, r, all;

	own_namespace(true);
	s = socket(AF_PACKET, SOCK_DGRAM, 0);
	r = on_lo(SOCK_DGRAM, 0x88b5);
	all = on_lo(SOCK_RAW, ETH_P_ALL);
	R(sendto(s, "test", 4, 0, (struct sockaddr *)&ll, sizeof(ll)));
	show_packets("cooked", r, 99);
	show_packets("all", all, 99);
	R(send(s, "test", 4, 0));
	ll.sll_ifindex = 9;
	R(sendto(s, "test", 4, 0, (struct sockaddr *)&ll, sizeof(ll)));
	R(sendto(s, "test", 4, 0, (struct sockaddr *)&ll, 10));
}

static void sent_raw(void)
{
	struct sockaddr_ll ll = { .sll_family = AF_PACKET, .sll_ifindex = 1 };
	static unsigned char frame[70000] = { [12] = 0x88, [13] = 0xb5, [14] = 'x' };
	int s, r;

	own_namespace(true);
	s = socket(AF_PACKET, SOCK_RAW, 0);
	r = on_lo(SOCK_RAW, 0x88b5);
	R(sendto(s, frame, 60, 0, (struct sockaddr *)&ll, sizeof(ll)));
	show_packets("frame", r, 99);
	R(sendto(s, frame, 10, 0, (struct sockaddr *)&ll, sizeof(ll)));
	R(sendto(s, frame, 70000, 0, (struct sockaddr *)&ll, sizeof(ll)));
	R(send(s, frame, 60, 0));
	R(bind(s, (struct sockaddr *)&ll, sizeof(ll)));
	R(send(s, frame, 60, 0));
	show_packets("frame", r, 99);
}

static void names(void)
{
	struct sockaddr_ll ll = { .sll_family = AF_PACKET, .sll_ifindex = 1 };
	socklen_t len = sizeof(ll);
	int s;

	own_namespace(true);
	s = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_IP));
	R(getsockname(s, (struct sockaddr *)&ll, &len));
	say("proto %04x dev %d type %d address of %d, %d", ntohs(ll.sll_protocol), ll.sll_ifindex,
	    ll.sll_hatype, ll.sll_halen, len);
	s = on_lo(SOCK_RAW, ETH_P_ARP);
	len = sizeof(ll);
	R(getsockname(s, (struct sockaddr *)&ll, &len));
	say("proto %04x dev %d type %d address of %d, %d", ntohs(ll.sll_protocol), ll.sll_ifindex,
	    ll.sll_hatype, ll.sll_halen, len);
	R(getpeername(s, (struct sockaddr *)&ll, &len));
	ll.sll_ifindex = 9;
	R(bind(s, (struct sockaddr *)&ll, sizeof(ll)));
	R(bind(s, (struct sockaddr *)&ll, 10));
	ll.sll_family = AF_INET;
	R(bind(s, (struct sockaddr *)&ll, sizeof(ll)));
	R(connect(s, (struct sockaddr *)&ll, sizeof(ll)));
	R(listen(s, 1));
	R(socket(AF_PACKET, SOCK_STREAM, 0));
}

static void device_is_down(void)
{
	struct sockaddr_ll ll = { .sll_family = AF_PACKET, .sll_ifindex = 1, .sll_halen = 6 };
	int s;

	own_namespace(false);
	s = on_lo(SOCK_DGRAM, ETH_P_IP);
	R(recv(s, buf, sizeof(buf), 0));
	R(recv(s, buf, sizeof(buf), 0));
	R(sendto(s, "test", 4, 0, (struct sockaddr *)&ll, sizeof(ll)));
}

static void readiness(void)
{
	struct pollfd p;
	int s, n = -1;

	own_namespace(true);
	s = on_lo(SOCK_DGRAM, ETH_P_IP);
	p = (struct pollfd){ s, POLLIN | POLLOUT, 0 };
	R(poll(&p, 1, 0));
	say("%x", p.revents);
	send_udp("12345");
	R(poll(&p, 1, 0));
	say("%x", p.revents);
	R(ioctl(s, FIONREAD, &n));
	say("%d", n);
	R(recv(s, buf, 10, MSG_PEEK | MSG_TRUNC));
	R(recv(s, buf, 10, 0));
	R(recv(s, buf, 10, 0));
}

static void auxiliary_data(void)
{
	char control[100] __attribute__((aligned(8)));
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct tpacket_auxdata *aux;
	struct cmsghdr *c;
	int s;

	own_namespace(true);
	s = on_lo(SOCK_DGRAM, ETH_P_IP);
	R(setsockopt(s, 263, PACKET_AUXDATA, &(int){ 1 }, 4));
	send_udp("aux");
	R(recvmsg(s, &m, 0));
	c = CMSG_FIRSTHDR(&m);
	if (!c) {
		say("none");
		return;
	}
	aux = (struct tpacket_auxdata *)CMSG_DATA(c);
	say("level %d type %d length %d: status %x len %u snaplen %u net %u", c->cmsg_level,
	    c->cmsg_type, (int)c->cmsg_len, aux->tp_status & 0xf, aux->tp_len, aux->tp_snaplen,
	    aux->tp_net);
}

static void without_rights(void)
{
	if (geteuid() == 0 && setresuid(54321, 54321, 54321))
		say("setresuid");
	R(socket(AF_PACKET, SOCK_RAW, 0));
	R(socket(AF_PACKET, SOCK_STREAM, 0));
}

ABI_MAIN(CASE(datagrams), CASE(raw_and_all), CASE(sent_cooked), CASE(sent_raw), CASE(names),
	 CASE(device_is_down), CASE(readiness), CASE(auxiliary_data), CASE(without_rights))
