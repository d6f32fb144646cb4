/* SPDX-License-Identifier: MIT */
/* The options of tcp(7), ip(7) and socket(7) on AF_INET sockets, and the ioctls of netdevice(7). */
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/route.h>

#include "net.h"

static void tcp_defaults(void)
{
	int s;

	own_net();
	s = tcp();
	R(opt(s, IPPROTO_TCP, TCP_NODELAY));
	R(opt(s, IPPROTO_TCP, TCP_CORK));
	R(opt(s, IPPROTO_TCP, TCP_MAXSEG));
	R(opt(s, IPPROTO_TCP, TCP_KEEPIDLE));
	R(opt(s, IPPROTO_TCP, TCP_KEEPINTVL));
	R(opt(s, IPPROTO_TCP, TCP_KEEPCNT));
	R(opt(s, IPPROTO_TCP, TCP_SYNCNT));
	R(opt(s, IPPROTO_TCP, TCP_USER_TIMEOUT));
	R(opt(s, IPPROTO_TCP, TCP_DEFER_ACCEPT));
	R(opt(s, IPPROTO_TCP, TCP_LINGER2));
	R(opt(s, IPPROTO_TCP, 999));
	R(opt(s, IPPROTO_TCP, 0));
	R(opt(s, IPPROTO_TCP, -1));
	R(opt(s, IPPROTO_UDP, 1));
	R(opt(s, SOL_SOCKET, SO_SNDBUF));
	R(opt(s, SOL_SOCKET, SO_RCVBUF));
	R(opt(s, SOL_SOCKET, SO_KEEPALIVE));
	R(opt(s, SOL_SOCKET, SO_REUSEADDR));
	R(opt(s, SOL_SOCKET, SO_RCVLOWAT));
}

static void set_and_get(int s, const char *what, int level, int name, const int *values, int n)
{
	for (int i = 0; i < n; i++) {
		int r = set_opt(s, level, name, values[i]);

		say("%s %d: %s, is %d", what, values[i], r ? net_errno(errno) : "ok",
		    opt(s, level, name));
	}
}
#define TRY(level, name, ...)                                                                      \
	set_and_get(s, #name, level, name, (const int[]){ __VA_ARGS__ },                           \
		    sizeof((int[]){ __VA_ARGS__ }) / sizeof(int))

static void tcp_ranges(void)
{
	int s;

	own_net();
	s = tcp();
	TRY(IPPROTO_TCP, TCP_NODELAY, 1, 5, 0, -1);
	TRY(IPPROTO_TCP, TCP_CORK, 1, 0);
	TRY(IPPROTO_TCP, TCP_MAXSEG, 87, 88, 1000, 32767, 32768, 0);
	TRY(IPPROTO_TCP, TCP_KEEPIDLE, 0, 1, 32767, 32768);
	TRY(IPPROTO_TCP, TCP_KEEPINTVL, 0, 1, 32767, 32768);
	TRY(IPPROTO_TCP, TCP_KEEPCNT, 0, 1, 127, 128);
	TRY(IPPROTO_TCP, TCP_SYNCNT, 0, 1, 127, 128);
	TRY(IPPROTO_TCP, TCP_USER_TIMEOUT, -1, 0, 5000);
	TRY(IPPROTO_TCP, 0, 1);
	TRY(IPPROTO_TCP, -1, 1);
	TRY(IPPROTO_TCP, TCP_DEFER_ACCEPT, 0, 1, 2, 5, 8);
	TRY(IPPROTO_TCP, TCP_LINGER2, 5, 0, -3, 100000);
	R(setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &s, 3));
	R(setsockopt(s, IPPROTO_TCP, TCP_NODELAY, wild(1), 4));
	R(setsockopt(s, IPPROTO_TCP, 999, &s, 4));
	R(setsockopt(s, IPPROTO_UDP, 1, &s, 4));
}

static void lengths(void)
{
	unsigned char v[8] = { 9, 9, 9, 9, 9, 9, 9, 9 };
	socklen_t n = 2;
	int s;

	own_net();
	s = tcp();
	set_opt(s, IPPROTO_TCP, TCP_KEEPIDLE, 0x102);
	R(getsockopt(s, IPPROTO_TCP, TCP_KEEPIDLE, v, &n));
	say("%d: %d %d %d", n, v[0], v[1], v[2]);
	n = 8;
	R(getsockopt(s, IPPROTO_TCP, TCP_KEEPIDLE, v, &n));
	say("%d", n);
	n = 0;
	R(getsockopt(s, IPPROTO_TCP, TCP_KEEPIDLE, v, &n));
	n = -1;
	R(getsockopt(s, IPPROTO_TCP, TCP_KEEPIDLE, v, &n));
	n = 1;
	R(getsockopt(s, IPPROTO_IP, IP_TTL, v, &n));
	say("%d: %d", n, v[0]);
	R(getsockopt(s, IPPROTO_IP, IP_TTL, v, wild(1)));
	n = 4;
	R(getsockopt(s, IPPROTO_IP, IP_TTL, wild(1), &n));
}

static void tcp_info_states(void)
{
	struct tcp_info i;
	socklen_t n = 8;
	int fd[2], l, s;

	own_net();
	s = tcp();
	say("fresh %d", state_of(s));
	l = listener(4001);
	say("listening %d", state_of(l));
	tcp_pair(fd);
	say("connected %d %d", state_of(fd[0]), state_of(fd[1]));
	R(getsockopt(fd[0], IPPROTO_TCP, TCP_INFO, &i, &n));
	say("%d", n);
	n = sizeof(i);
	getsockopt(fd[0], IPPROTO_TCP, TCP_INFO, &i, &n);
	YES(i.tcpi_snd_mss > 500);
	YES(i.tcpi_snd_cwnd >= 10);
	YES(i.tcpi_rto >= 200000);
	YES(i.tcpi_options & TCPI_OPT_WSCALE);
	say("retransmits %d unacked %d lost %d", i.tcpi_total_retrans, i.tcpi_unacked, i.tcpi_lost);
	R(set_opt(s, IPPROTO_TCP, TCP_INFO, 1));
}

static void inherited(void)
{
	int l, c, a;

	own_net();
	l = tcp();
	set_opt(l, IPPROTO_TCP, TCP_NODELAY, 1);
	set_opt(l, IPPROTO_TCP, TCP_KEEPIDLE, 33);
	set_opt(l, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_opt(l, SOL_SOCKET, SO_REUSEADDR, 1);
	set_opt(l, IPPROTO_IP, IP_TTL, 44);
	set_opt(l, IPPROTO_IP, IP_TOS, 0x10);
	R(bind(l, AT(LO, 4000)));
	R(listen(l, 1));
	c = tcp();
	R(connect(c, AT(LO, 4000)));
	a = accept(l, NULL, NULL);
	R(opt(a, IPPROTO_TCP, TCP_NODELAY));
	R(opt(a, IPPROTO_TCP, TCP_KEEPIDLE));
	R(opt(a, SOL_SOCKET, SO_KEEPALIVE));
	R(opt(a, SOL_SOCKET, SO_REUSEADDR));
	R(opt(a, SOL_SOCKET, SO_ACCEPTCONN));
	R(opt(a, IPPROTO_IP, IP_TTL));
	R(opt(a, SOL_SOCKET, SO_TYPE));
}

static void ip_options(void)
{
	int s;

	own_net();
	s = udp();
	TRY(IPPROTO_IP, IP_TTL, 0, 1, 255, 256, -1);
	TRY(IPPROTO_IP, IP_TOS, 0, 0x10, 0xff, 0x100);
	TRY(IPPROTO_IP, IP_MTU_DISCOVER, 0, 1, 2, 3, 4, 5, 6, -1);
	TRY(IPPROTO_IP, IP_RECVERR, 1, 7, 0);
	TRY(IPPROTO_IP, IP_PKTINFO, 1, 0);
	TRY(IPPROTO_IP, IP_RECVTTL, 1, 0);
	TRY(IPPROTO_IP, IP_RECVTOS, 1, 0);
	TRY(IPPROTO_IP, IP_FREEBIND, 1, 0);
	TRY(IPPROTO_IP, IP_MULTICAST_TTL, -1, 0, 255, 256);
	TRY(IPPROTO_IP, IP_MULTICAST_LOOP, 0, 1);
	R(opt(s, IPPROTO_IP, IP_MTU));
	R(connect(s, AT(LO, 4000)));
	R(opt(s, IPPROTO_IP, IP_MTU));
	R(opt(s, IPPROTO_IP, 250));
	R(set_opt(s, IPPROTO_IP, 250, 1));
	{
		char one = 9;

		R(setsockopt(s, IPPROTO_IP, IP_TTL, &one, 1));
		R(opt(s, IPPROTO_IP, IP_TTL));
		R(setsockopt(s, IPPROTO_IP, IP_TTL, &one, 0));
	}
}

static void default_ttl(void)
{
	int s;

	own_net();
	s = udp();
	R(opt(s, IPPROTO_IP, IP_TTL));
	put_file("/proc/sys/net/ipv4/ip_default_ttl", "99\n");
	R(opt(s, IPPROTO_IP, IP_TTL));
	put_file("/proc/sys/net/ipv4/ip_default_ttl", "0\n");
	put_file("/proc/sys/net/ipv4/ip_default_ttl", "256\n");
	put_file("/proc/sys/net/ipv4/ip_default_ttl", "x\n");
}

static void keepalive_works(void)
{
	int fd[2];
	char c;

	own_net();
	tcp_pair(fd);
	R(set_opt(fd[0], SOL_SOCKET, SO_KEEPALIVE, 1));
	R(set_opt(fd[0], IPPROTO_TCP, TCP_KEEPIDLE, 1));
	R(set_opt(fd[0], IPPROTO_TCP, TCP_KEEPINTVL, 1));
	R(set_opt(fd[0], IPPROTO_TCP, TCP_KEEPCNT, 2));
	usleep(2500000);
	events("alive", fd[0]);
	R(set_flags("lo", 0)); /* nothing comes through any more */
	R(recv(fd[0], &c, 1, 0));
}

static void user_timeout(void)
{
	int fd[2];
	char c;

	own_net();
	tcp_pair(fd);
	R(set_opt(fd[0], IPPROTO_TCP, TCP_USER_TIMEOUT, 700));
	set_flags("lo", 0);
	R(send(fd[0], "x", 1, 0));
	R(recv(fd[0], &c, 1, 0));
}

static void interfaces(void)
{
	struct ifreq r = { .ifr_name = "lo" };
	struct ifconf conf = { 0 };
	char space[400];
	int s;

	own_net();
	s = udp();
	R(ioctl(s, SIOCGIFINDEX, &r));
	say("index %d", r.ifr_ifindex);
	memset(r.ifr_name, 0, sizeof(r.ifr_name));
	R(ioctl(s, SIOCGIFNAME, &r));
	say("name %s", r.ifr_name);
	R(ioctl(s, SIOCGIFFLAGS, &r));
	say("flags %#x", r.ifr_flags);
	R(ioctl(s, SIOCGIFMTU, &r));
	say("mtu %d", r.ifr_mtu);
	R(ioctl(s, SIOCGIFADDR, &r));
	say("address %s", inet_ntoa(((struct sockaddr_in *)&r.ifr_addr)->sin_addr));
	R(ioctl(s, SIOCGIFNETMASK, &r));
	say("mask %s", inet_ntoa(((struct sockaddr_in *)&r.ifr_addr)->sin_addr));
	R(ioctl(s, SIOCGIFHWADDR, &r));
	say("type %d", r.ifr_hwaddr.sa_family);
	R(ioctl(s, SIOCGIFMETRIC, &r));
	say("metric %d", r.ifr_metric);
	R(ioctl(s, SIOCGIFTXQLEN, &r));
	say("queue %d", r.ifr_qlen);
	conf.ifc_len = 0;
	R(ioctl(s, SIOCGIFCONF, &conf));
	say("room %d", conf.ifc_len);
	conf.ifc_len = sizeof(space);
	conf.ifc_buf = space;
	R(ioctl(s, SIOCGIFCONF, &conf));
	say("%d %s", conf.ifc_len, conf.ifc_req->ifr_name);
	strcpy(r.ifr_name, "lo");
	r.ifr_data = (char *)&(struct ethtool_coalesce){ .cmd = ETHTOOL_GCOALESCE };
	R(ioctl(s, SIOCETHTOOL, &r)); /* what no driver has to do */
	strcpy(r.ifr_name, "nope0");
	R(ioctl(s, SIOCGIFFLAGS, &r));
	R(ioctl(s, SIOCETHTOOL, &r));
	R(ioctl(s, SIOCETHTOOL, wild(1)));
	r.ifr_ifindex = 999;
	R(ioctl(s, SIOCGIFNAME, &r));
	R(ioctl(s, SIOCGIFFLAGS, wild(1)));
}

static void addresses(void)
{
	struct ifreq r = { .ifr_name = "lo" };
	int s;

	own_net();
	s = udp();
	*(struct sockaddr_in *)&r.ifr_addr = *at("10.1.2.3", 0);
	strcpy(r.ifr_name, "lo:1");
	R(ioctl(s, SIOCSIFADDR, &r));
	R(ioctl(s, SIOCGIFNETMASK, &r));
	say("mask %s", inet_ntoa(((struct sockaddr_in *)&r.ifr_addr)->sin_addr));
	O(bind(udp(), AT("10.1.2.3", 4000)));
	*(struct sockaddr_in *)&r.ifr_addr = *at("255.255.255.0", 0);
	R(ioctl(s, SIOCSIFNETMASK, &r));
	R(ioctl(s, SIOCGIFNETMASK, &r));
	say("mask %s", inet_ntoa(((struct sockaddr_in *)&r.ifr_addr)->sin_addr));
	*(struct sockaddr_in *)&r.ifr_addr = *at("255.0.255.0", 0);
	R(ioctl(s, SIOCSIFNETMASK, &r));
	R(sendto(s, "x", 1, 0, AT("10.1.2.3", 4000)));
	r.ifr_flags = 0;
	R(ioctl(s, SIOCSIFFLAGS, &r));
	R(ioctl(s, SIOCGIFADDR, &r));
	R(bind(udp(), AT("10.1.2.3", 4001)));
	strcpy(r.ifr_name, "lo");
	r.ifr_mtu = 67;
	R(ioctl(s, SIOCGIFFLAGS, &r));
	strcpy(r.ifr_newname, "a/b");
	R(ioctl(s, SIOCSIFNAME, &r));
	if (setresuid(12345, 12345, 12345))
		return;
	R(ioctl(s, SIOCSIFFLAGS, &r));
	R(ioctl(s, SIOCSIFADDR, &r));
}

static void set_in(struct sockaddr *sa, const char *a)
{
	*(struct sockaddr_in *)sa = *at(a, 0);
}

static void routes(void)
{
	struct rtentry e = { .rt_dev = "lo", .rt_flags = RTF_UP };
	int s;

	own_net();
	s = udp();
	set_in(&e.rt_dst, "10.5.0.0");
	set_in(&e.rt_genmask, "255.255.0.0");
	R(ioctl(s, SIOCADDRT, &e));
	R(ioctl(s, SIOCADDRT, &e));
	R(sendto(s, "x", 1, 0, AT("10.5.0.1", 4000)));
	set_in(&e.rt_dst, "10.5.1.0");
	e.rt_flags |= RTF_GATEWAY;
	e.rt_dev = NULL;
	set_in(&e.rt_genmask, "255.255.255.0");
	set_in(&e.rt_gateway, "10.9.0.1");
	R(ioctl(s, SIOCADDRT, &e));
	set_in(&e.rt_gateway, "10.5.0.1");
	R(ioctl(s, SIOCADDRT, &e));
	set_in(&e.rt_dst, "10.5.1.1");
	R(ioctl(s, SIOCADDRT, &e));
	set_in(&e.rt_dst, "10.5.0.0");
	set_in(&e.rt_genmask, "255.255.0.0");
	e.rt_flags = RTF_UP;
	R(ioctl(s, SIOCDELRT, &e));
	R(ioctl(s, SIOCDELRT, &e));
	e.rt_dev = "nope";
	R(ioctl(s, SIOCADDRT, &e));
	e.rt_dst.sa_family = AF_UNIX;
	R(ioctl(s, SIOCADDRT, &e));
	R(ioctl(s, SIOCADDRT, wild(1)));
}

static void reject_routes(void)
{
	struct rtentry e = { .rt_flags = RTF_UP | RTF_REJECT | RTF_HOST };
	int s;

	own_net();
	s = udp();
	set_in(&e.rt_dst, "10.5.0.1");
	R(ioctl(s, SIOCADDRT, &e));
	R(sendto(s, "x", 1, 0, AT("10.5.0.1", 4000)));
	R(connect(tcp(), AT("10.5.0.1", 4000)));
	R(ioctl(s, SIOCDELRT, &e));
	R(sendto(s, "x", 1, 0, AT("10.5.0.1", 4000)));
}

static void print_file(const char *path)
{
	char line[300];
	FILE *f = fopen(path, "r");

	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		say("%s|", line);
	}
	if (f)
		fclose(f);
}

static void proc_files(void)
{
	struct rtentry e = { .rt_dev = "lo", .rt_flags = RTF_UP };

	own_net();
	print_file("/proc/net/route");
	set_in(&e.rt_dst, "10.5.0.0");
	set_in(&e.rt_genmask, "255.255.0.0");
	R(ioctl(udp(), SIOCADDRT, &e));
	print_file("/proc/net/route");
	print_file("/proc/net/dev");
	print_file("/proc/net/arp");
	print_file("/proc/net/tcp");
	print_file("/proc/sys/net/ipv4/ip_local_port_range");
	print_file("/proc/sys/net/ipv4/ip_unprivileged_port_start");
	print_file("/proc/sys/net/ipv4/ping_group_range");
	print_file("/proc/sys/net/core/somaxconn");
}

static void port_range(void)
{
	int a, b, c;

	own_net();
	put_file("/proc/sys/net/ipv4/ip_local_port_range", "5000 5001");
	print_file("/proc/sys/net/ipv4/ip_local_port_range");
	a = udp(), b = udp(), c = udp();
	R(bind(a, AT(LO, 0)));
	R(bind(b, AT(LO, 0)));
	R(bind(c, AT(LO, 0)));
	R(connect(c, AT(LO, 1)));
	put_file("/proc/sys/net/ipv4/ip_local_port_range", "5001 5000");
	put_file("/proc/sys/net/ipv4/ip_unprivileged_port_start", "80");
	if (setresuid(12345, 12345, 12345))
		return;
	O(bind(tcp(), AT(LO, 80)));
	O(bind(tcp(), AT(LO, 79)));
}

ABI_MAIN(CASE(tcp_defaults), CASE(tcp_ranges), CASE(lengths), CASE(tcp_info_states),
	 CASE(inherited), CASE(ip_options), CASE(default_ttl), CASE(keepalive_works),
	 CASE(user_timeout), CASE(interfaces), CASE(addresses), CASE(routes), CASE(reject_routes),
	 CASE(proc_files), CASE(port_range))
