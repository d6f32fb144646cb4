/* SPDX-License-Identifier: MIT */
/* Raw sockets and ping sockets: who may, what they see, filters, headers of one's own. */
#include <netinet/ip.h>

#include "net.h"

static unsigned char buf[2000];

static unsigned short sum(const void *p, int n)
{
	const unsigned short *w = p;
	unsigned int s = 0;

	for (int i = 0; i < n / 2; i++)
		s += w[i];
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return ~s;
}
static int echo(unsigned char *m, int id, int seq)
{
	struct icmphdr *h = (void *)m;

	memset(m, 0, 64);
	h->type = ICMP_ECHO;
	h->un.echo.id = htons(id);
	h->un.echo.sequence = htons(seq);
	memset(m + 8, 'p', 8);
	h->checksum = sum(m, 16);
	return 16;
}
static int drop_root(void)
{
	return setresuid(12345, 12345, 12345);
}

static void who_may(void)
{
	own_net();
	O(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
	R(socket(AF_INET, SOCK_RAW, 256));
	R(socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP));
	put_file("/proc/sys/net/ipv4/ping_group_range", "0 100");
	O(socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP));
	drop_root();
	R(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
	R(socket(AF_INET, SOCK_RAW, IPPROTO_UDP));
}

static void ping(void)
{
	struct sockaddr_in from = { 0 };
	socklen_t n = sizeof(from);
	int s;

	own_net();
	s = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	R(sendto(s, buf, echo(buf, 77, 1), 0, AT(LO, 0)));
	/* its own request comes by as well */
	for (int i = 0; i < 2; i++) {
		R(recvfrom(s, buf, sizeof(buf), 0, (void *)&from, &n));
		say("version %d, header %d, protocol %d, type %d id %d seq %d, sum %d", buf[0] >> 4,
		    (buf[0] & 15) * 4, buf[9], buf[20], buf[24] << 8 | buf[25],
		    buf[26] << 8 | buf[27], sum(buf + 20, 16));
		say("from %s:%d", inet_ntoa(from.sin_addr), ntohs(from.sin_port));
	}
	R(recv(s, buf, sizeof(buf), MSG_DONTWAIT));
	name_of("own", s, false, true);
	name_of("peer", s, true, true);
	R(listen(s, 1));
	R(send(s, buf, 16, 0));
}

static void filter(void)
{
	unsigned int mask = ~(1U << ICMP_ECHOREPLY);
	int s;

	own_net();
	s = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	R(setsockopt(s, 255, 1, &mask, sizeof(mask)));
	R(setsockopt(s, 255, 2, &mask, sizeof(mask)));
	R(setsockopt(socket(AF_INET, SOCK_RAW, 99), 255, 1, &mask, sizeof(mask)));
	R(sendto(s, buf, echo(buf, 77, 1), 0, AT(LO, 0)));
	R(recv(s, buf, sizeof(buf), 0));
	say("type %d", buf[20]);
	R(recv(s, buf, sizeof(buf), MSG_DONTWAIT));
}

static void bad_echoes(void)
{
	int s;

	own_net();
	s = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	echo(buf, 1, 1);
	buf[2] ^= 1; /* the checksum */
	R(sendto(s, buf, 16, 0, AT(LO, 0)));
	R(sendto(s, buf, 3, 0, AT(LO, 0)));
	R(sendto(s, buf, 0, 0, AT(LO, 0)));
	for (int i = 0; i < 3; i++)
		R(recv(s, buf, sizeof(buf), MSG_DONTWAIT));
	R(recv(s, buf, sizeof(buf), MSG_DONTWAIT));
}

static void unreachable_port(void)
{
	int s, u;

	own_net();
	s = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	u = udp();
	R(sendto(u, "nobody", 6, 0, AT(LO, 4999)));
	R(recv(s, buf, sizeof(buf), MSG_DONTWAIT));
	say("tos %#x type %d code %d, about protocol %d to port %d: %.6s", buf[1], buf[20], buf[21],
	    buf[28 + 9], buf[28 + 20 + 2] << 8 | buf[28 + 20 + 3], buf + 28 + 20 + 8);
}

static void unreachable_protocol(void)
{
	int s, u;

	own_net();
	s = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	u = socket(AF_INET, SOCK_RAW, 99);
	R(connect(u, AT(LO, 0)));
	R(send(u, "abc", 3, 0));
	R(recv(u, buf, sizeof(buf), MSG_DONTWAIT));
	say("%.3s", buf + 20);
	close(u);
	u = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	memset(buf, 0, 24);
	buf[0] = 0x45;
	buf[8] = 64;
	buf[9] = 98;
	inet_aton(LO, (void *)(buf + 16));
	R(sendto(u, buf, 24, 0, AT(LO, 0)));
	R(recv(s, buf, sizeof(buf), MSG_DONTWAIT));
	say("type %d code %d", buf[20], buf[21]);
}

static void own_header(void)
{
	unsigned char p[64] = { 0x45, 0x10 };
	int s, r;

	own_net();
	s = socket(AF_INET, SOCK_RAW, IPPROTO_UDP);
	r = udp();
	R(bind(r, AT(LO, 4000)));
	R(opt(s, IPPROTO_IP, IP_HDRINCL));
	R(set_opt(s, IPPROTO_IP, IP_HDRINCL, 1));
	R(opt(s, IPPROTO_IP, IP_HDRINCL));
	p[8] = 33;
	p[9] = IPPROTO_UDP;
	inet_aton("127.0.0.7", (void *)(p + 12));
	inet_aton(LO, (void *)(p + 16));
	p[20] = 4001 >> 8, p[21] = 4001 & 255;
	p[22] = 4000 >> 8, p[23] = 4000 & 255;
	p[25] = 8 + 5;
	memcpy(p + 28, "hello", 5);
	R(sendto(s, p, 33, 0, AT(LO, 0)));
	{
		struct sockaddr_in from = { 0 };
		socklen_t n = sizeof(from);

		R(recvfrom(r, buf, 10, MSG_DONTWAIT, (void *)&from, &n));
		say("%.5s from %s:%d", buf, inet_ntoa(from.sin_addr), ntohs(from.sin_port));
	}
	R(recv(s, buf, sizeof(buf), MSG_DONTWAIT));
	say("ttl %d tos %#x length %d", buf[8], buf[1], buf[2] << 8 | buf[3]);
	R(sendto(s, p, 10, 0, AT(LO, 0)));
	p[0] = 0x43;
	R(sendto(s, p, 33, 0, AT(LO, 0)));
	R(setsockopt(udp(), IPPROTO_IP, IP_HDRINCL, &s, sizeof(s)));
	R(set_opt(tcp(), IPPROTO_IP, IP_HDRINCL, 1));
}

static void ping_sockets(void)
{
	struct sockaddr_in from = { 0 };
	socklen_t n = sizeof(from);
	int s;

	own_net();
	put_file("/proc/sys/net/ipv4/ping_group_range", "0 0");
	s = socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
	R(bind(s, AT("0.0.0.0", 55)));
	name_of("own", s, false, true);
	R(sendto(s, buf, echo(buf, 1, 9), 0, AT(LO, 0)));
	R(recvfrom(s, buf, sizeof(buf), 0, (void *)&from, &n));
	say("type %d id %d seq %d from %s:%d", buf[0], buf[4] << 8 | buf[5], buf[6] << 8 | buf[7],
	    inet_ntoa(from.sin_addr), ntohs(from.sin_port));
	R(recv(s, buf, sizeof(buf), MSG_DONTWAIT));
	buf[0] = ICMP_ECHOREPLY;
	R(sendto(s, buf, 16, 0, AT(LO, 0)));
	R(sendto(s, buf, 7, 0, AT(LO, 0)));
	R(opt(s, SOL_SOCKET, SO_PROTOCOL));
	R(opt(s, SOL_SOCKET, SO_TYPE));
	events("idle", s);
}

ABI_MAIN(CASE(who_may), CASE(ping), CASE(filter), CASE(bad_echoes), CASE(unreachable_port),
	 CASE(unreachable_protocol), CASE(own_header), CASE(ping_sockets))
