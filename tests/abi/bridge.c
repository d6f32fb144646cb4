/* SPDX-License-Identifier: MIT */
/* bridge(8): ports, addresses, what is learned and where frames go. */
#include "links.h"

#define PORTS 3

static void making(void)
{
	enter_new();
	R(bridge("br"));
	show("br");
	R(bridge("br"));
	R(veth("va", "vb"));
	R(up("br"));
	show("br");
	R(up("va"));
	R(up("vb"));
	R(master("va", "br"));
	show("va");
	show("br");
	R(master("va", NULL));
	show("va");
	show("br");
	R(del("br"));
	show("br");
}

static void refusals(void)
{
	int second = enter_new();

	enter_new();
	R(bridge("br"));
	R(bridge("brb"));
	R(veth("va", "vb"));
	R(master("lo", "br"));
	R(master("br", "br"));
	R(master("br", "brb"));
	R(master("va", "vb"));
	link_request(RTM_SETLINK, 0, "va");
	attr_int(IFLA_MASTER, 99);
	R(ask());
	R(master("va", NULL));
	R(master("va", "br"));
	R(master("va", "br"));
	R(master("va", "brb"));
	show("va");
	R(move_to("br", IFLA_NET_NS_FD, second));
	R(move_to("va", IFLA_NET_NS_FD, second));
	enter(second);
	show("va");
}

static void mac_of(const char *name)
{
	struct ifreq r = { 0 };

	strcpy(r.ifr_name, name);
	if (ioctl(udp(), SIOCGIFHWADDR, &r))
		say("mac: %s", net_errno(errno));
	say("%s: %02x..%02x", name, r.ifr_hwaddr.sa_data[0] & 0xff, r.ifr_hwaddr.sa_data[5] & 0xff);
}

static void addresses(void)
{
	struct rtattr *info;

	enter_new();
	R(bridge("br"));
	R(veth("va", "vb"));
	R(veth("vc", "vd"));
	set_mac("va", 9);
	set_mac("vc", 5);
	R(master("va", "br"));
	mac_of("br");
	R(master("vc", "br"));
	mac_of("br");
	set_mac("vc", 11);
	mac_of("br");
	R(del("va"));
	mac_of("br");
	R(master("vc", NULL));
	mac_of("br");
	set_mac("br", 77);
	R(master("vc", "br"));
	mac_of("br");
	info = new_link("brb", "bridge");
	nest(IFLA_INFO_DATA); /* nothing in it, as Docker has it */
	nest_end(info);
	attr(IFLA_ADDRESS, "\2\0\0\0\0\x33", 6);
	R(ask());
	R(master("vc", "brb"));
	mac_of("brb");
}

static void ends(void)
{
	int first = enter_new(), second = enter_new();

	enter(first);
	R(bridge("br"));
	R(veth_in("va", "vb", second));
	R(veth("vc", "vd"));
	R(master("va", "br"));
	R(master("vc", "br"));
	enter(second);
	R(del("vb"));
	enter(first);
	show("va");
	R(del("br"));
	show("vc");
	R(bridge("br"));
	R(master("vc", "br"));
	R(del("vd"));
	show("vc");
	show("br");
}

/* ---- frames ---- */

static int port[PORTS], up_socket;
static unsigned char frame[60];

static int on(const char *name)
{
	struct sockaddr_ll ll = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(0x88b5),
				  .sll_ifindex = if_nametoindex(name) };
	int s = socket(AF_PACKET, SOCK_RAW, htons(0x88b5));

	if (bind(s, (void *)&ll, sizeof(ll)))
		say("bind: %s", net_errno(errno));
	return s;
}

/* br with ports p0 to p2, whose other ends s0 to s2 are stations with sockets. */
static void plug(void)
{
	char p[] = "p0", s[] = "s0";

	enter_new();
	if (bridge("br") || up("br"))
		say("bridge: %s", net_errno(errno));
	for (int i = 0; i < PORTS; i++) {
		p[1] = s[1] = '0' + i;
		if (veth(p, s) || master(p, "br") || up(p) || up(s))
			say("port: %s", net_errno(errno));
		set_mac(p, 0x20 + i);
		port[i] = on(s);
	}
	up_socket = on("br");
	for (int i = 0; i < PORTS; i++) {
		p[1] = s[1] = '0' + i;
		settle(p);
		settle(s);
	}
	settle("br");
}

/* A frame from station n: who gets it? */
static void speak(const char *what, int n, int from, int to)
{
	char got[64] = "";
	unsigned char in[2000];

	memcpy(frame, (unsigned char[]){ 2, 0, 0, 0, 0, to, 2, 0, 0, 0, 0, from, 0x88, 0xb5 }, 14);
	if (to == 0xff)
		memset(frame, 0xff, 6);
	else if (to > 0xff)
		memcpy(frame, (unsigned char[]){ 1, 0x80, 0xc2, 0, 0, to }, 6);
	send(port[n], frame, sizeof(frame), 0);
	usleep(20000);
	for (int i = 0; i < PORTS; i++)
		while (recv(port[i], in, sizeof(in), MSG_DONTWAIT) > 0)
			sprintf(got + strlen(got), " %d", i);
	while (recv(up_socket, in, sizeof(in), MSG_DONTWAIT) > 0)
		strcat(got, " up");
	say("%s:%s", what, got);
}

static void learning(void)
{
	plug();
	speak("to nobody", 0, 1, 2);
	speak("answer", 1, 2, 1);
	speak("again", 0, 1, 2);
	speak("to all", 0, 1, 0xff);
	speak("to itself", 0, 1, 1);
	speak("from the same port", 0, 3, 1);
	speak("moves", 2, 2, 1);
	speak("found", 0, 1, 2);
	speak("to the bridge", 0, 1, 0x20);
	speak("to another port", 0, 1, 0x21);
	speak("pause", 0, 1, 0x101);
	speak("to a group", 0, 1, 0x10e);
	memcpy(frame + 6, "\377\377\377\377\377\377", 6);
	send(port[0], frame, sizeof(frame), 0);
	R(set_flags("p2", 0));
	speak("port down", 0, 1, 0xff);
	R(master("p1", NULL));
	speak("port gone", 0, 1, 0xff);
	R(set_flags("br", 0));
	R(up("p2"));
	speak("bridge down", 0, 1, 0xff);
	R(up("br"));
	speak("bridge up", 0, 1, 0xff);
}

static void sending(void)
{
	static const unsigned char head[] = {
		2, 0, 0, 0, 0, 0x44, 2, 0, 0, 0, 0, 0x20, 0x88, 0xb5
	};
	unsigned char in[100];
	int n = 0;

	plug();
	memcpy(frame, head, 14);
	R(send(up_socket, frame, sizeof(frame), 0));
	usleep(20000);
	for (int i = 0; i < PORTS; i++)
		n += recv(port[i], in, sizeof(in), MSG_DONTWAIT) > 0;
	say("%d ports", n);
	speak("learn", 1, 0x44, 0x20);
	memcpy(frame, head, 14);
	R(send(up_socket, frame, sizeof(frame), 0));
	usleep(20000);
	for (int i = 0; i < PORTS; i++)
		say("%d: %zd", i, recv(port[i], in, sizeof(in), MSG_DONTWAIT));
}

/* Two containers and the host behind a bridge: UDP, TCP, ARP. */
static void stations(void)
{
	int host = enter_new(), ns[2], fd[2];
	char text[3000], addr[] = "10.0.0.1";

	R(bridge("br"));
	R(add_addr("br", "10.0.0.254", 24));
	R(up("br"));
	for (int i = 0; i < 2; i++) {
		ns[i] = enter_new();
		enter(host);
		R(veth_in(i ? "v1" : "v0", "eth0", ns[i]));
		R(master(i ? "v1" : "v0", "br"));
		R(up(i ? "v1" : "v0"));
		enter(ns[i]);
		addr[7] = '1' + i;
		R(add_addr("eth0", addr, 24));
		R(up("eth0"));
		fd[i] = udp();
		R(bind(fd[i], AT(addr, 4000)));
	}
	for (int i = 0; i < 2; i++) {
		enter(ns[i]);
		settle("eth0");
	}
	R(sendto(fd[0], "hello", 5, 0, AT("10.0.0.2", 4000)));
	YES(there_soon(fd[1]));
	R(recv(fd[1], text, sizeof(text), MSG_DONTWAIT));
	R(sendto(fd[1], text, 3000, 0, AT("10.0.0.1", 4000)));
	YES(there_soon(fd[0]));
	R(recv(fd[0], text, sizeof(text), MSG_DONTWAIT));
	enter(host);
	fd[1] = tcp();
	R(bind(fd[1], AT("10.0.0.254", 5000)));
	R(listen(fd[1], 5));
	enter(ns[0]);
	fd[0] = tcp();
	R(connect(fd[0], AT("10.0.0.254", 5000)));
	R(send(fd[0], text, 3000, 0));
	fd[1] = accept(fd[1], NULL, NULL);
	R(recv(fd[1], text, 3000, MSG_WAITALL));
	enter(host);
	R(del("br"));
	R(send(fd[0], text, 10, 0));
}

ABI_MAIN(CASE(making), CASE(refusals), CASE(addresses), CASE(ends), CASE(learning), CASE(sending),
	 CASE(stations))
