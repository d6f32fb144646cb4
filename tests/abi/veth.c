/* SPDX-License-Identifier: MIT */
/* veth(4): pairs of devices, in one namespace and across two; moving devices; numbers of namespaces. */
#include "links.h"

static void making(void)
{
	enter_new();
	R(veth("va", "vb"));
	show("va");
	show("vb");
	R(veth("va", "vc"));
	R(veth("vc", "vb"));
	R(veth("vd", "vd"));
	show("vc");
	nest_end(new_link(NULL, "veth"));
	R(ask());
	show("veth0");
	show("veth1");
	nest_end(new_link("v%d", "veth"));
	R(ask());
	show("v0");
	nest_end(new_link("a/b", "veth"));
	R(ask());
	nest_end(new_link("x", "nosuchkind"));
	R(ask());
	show("x");
}

static void making_with_more(void)
{
	static const unsigned char group[6] = { 3, 0, 0, 0, 0, 1 };

	enter_new();
	nest_end(new_link("va", "veth"));
	attr_int(IFLA_MTU, 1400);
	attr_int(IFLA_TXQLEN, 7);
	R(ask());
	show("va");
	show("veth0");
	nest_end(new_link("vb", "veth"));
	attr_int(IFLA_MTU, 60);
	R(ask());
	nest_end(new_link("vb", "veth"));
	attr(IFLA_ADDRESS, group, 6);
	R(ask());
	nest_end(new_link("vb", "veth"));
	((struct ifinfomsg *)NLMSG_DATA(&req.h))->ifi_index = 40;
	R(ask());
	show("vb");
	nest_end(new_link("vc", "veth"));
	((struct ifinfomsg *)NLMSG_DATA(&req.h))->ifi_index = 40;
	R(ask());
	nest_end(new_link("vc", "veth"));
	req.h.nlmsg_flags &= ~NLM_F_CREATE;
	R(ask());
	nest_end(new_link("vc", "veth"));
	((struct ifinfomsg *)NLMSG_DATA(&req.h))->ifi_flags = IFF_UP;
	((struct ifinfomsg *)NLMSG_DATA(&req.h))->ifi_change = IFF_UP;
	R(ask());
	show("vc");
	show("vb");
}

static void carrier(void)
{
	enter_new();
	R(veth("va", "vb"));
	R(up("va"));
	show("va");
	show("vb");
	R(up("vb"));
	show("va");
	show("vb");
	R(set_flags("va", 0));
	show("va");
	show("vb");
	R(up("va"));
	show("vb");
}

static void deleting(void)
{
	enter_new();
	R(veth("va", "vb"));
	R(up("va"));
	R(up("vb"));
	R(add_addr("va", "10.0.0.1", 24));
	R(del("vb"));
	show("va");
	show("vb");
	R(del("va"));
	R(del("lo"));
	R(connect(udp(), AT("10.0.0.1", 4000)));
	R(veth("va", "vb"));
	show("va");
}

static void changing(void)
{
	static const unsigned char nobody[6];

	enter_new();
	R(veth("va", "vb"));
	link_request(RTM_SETLINK, 0, "va");
	attr_name("vz");
	R(ask());
	show("vz");
	link_request(RTM_SETLINK, 0, "vz");
	attr_name("vb");
	R(ask());
	link_request(RTM_SETLINK, 0, "vz");
	attr_int(IFLA_MTU, 9000);
	attr_int(IFLA_TXQLEN, 3);
	R(ask());
	show("vz");
	show("vb");
	link_request(RTM_SETLINK, 0, "vz");
	attr_int(IFLA_MTU, 65536);
	R(ask());
	link_request(RTM_SETLINK, 0, "vz");
	attr(IFLA_ADDRESS, nobody, 6);
	R(ask());
}

static void moving(void)
{
	int first = enter_new(), second = enter_new(), file = open("/dev/null", O_RDONLY);

	enter(first);
	R(veth("va", "vb"));
	R(up("va"));
	R(up("vb"));
	R(add_addr("vb", "10.0.0.1", 24));
	R(move_to("lo", IFLA_NET_NS_FD, second));
	R(move_to("vb", IFLA_NET_NS_FD, 99));
	R(move_to("vb", IFLA_NET_NS_FD, file));
	R(move_to("vb", IFLA_NET_NS_PID, 999999));
	R(move_to("vb", IFLA_NET_NS_FD, first));
	show("vb");
	R(move_to("vb", IFLA_NET_NS_FD, second));
	show("vb");
	show("va");
	enter(second);
	show("vb");
	O(bind(udp(), AT("10.0.0.1", 4000)));
	R(up("vb"));
	R(add_addr("vb", "10.0.0.1", 24));
	O(bind(udp(), AT("10.0.0.1", 4000)));
	R(veth("va", "vc"));
	enter(first);
	show("va");
	R(move_to("va", IFLA_NET_NS_FD, second));
	link_request(RTM_SETLINK, 0, "va");
	attr_int(IFLA_NET_NS_FD, second);
	attr_name("vd");
	R(ask());
	show("va");
	enter(second);
	show("vd");
	show("vb");
	R(move_to("vd", IFLA_NET_NS_PID, getpid()));
}

/* A pair across two namespaces ends with either of them; an index that is taken is another there. */
static void ending(void)
{
	int first = enter_new(), second = enter_new();

	enter(first);
	R(veth_in("va", "vb", second));
	R(veth("vc", "vd"));
	show("va");
	R(move_to("vd", IFLA_NET_NS_FD, second));
	enter(second);
	show("vb");
	show("vd");
	R(del("vb"));
	enter(first);
	show("va");
	close(second);
	YES(gone_soon("vc"));
}

static void numbers(void)
{
	int first = enter_new(), second = enter_new();

	enter(first);
	for (int i = 0; i < 5; i++) {
		struct rtgenmsg *g =
			begin(i == 1 || i == 3 ? RTM_NEWNSID : RTM_GETNSID, 0, sizeof(*g));
		const struct nlmsghdr *h = (void *)buf;

		attr_int(i == 4 ? NETNSA_PID : NETNSA_FD, i == 4 ? 999999 : second);
		if (i == 1 || i == 3)
			attr_int(NETNSA_NSID, 5);
		send(nl, &req, req.h.nlmsg_len, 0);
		req.h.nlmsg_flags = 0;
		if (i == 1 || i == 3) {
			begin(RTM_GETNSID, 0, sizeof(*g));
			attr_int(NETNSA_FD, second);
			send(nl, &req, req.h.nlmsg_len, 0);
		}
		recv(nl, buf, sizeof(buf), 0);
		say("%d: %s %d", i, h->nlmsg_type == NLMSG_ERROR ? "error" : "number",
		    h->nlmsg_type == NLMSG_ERROR ? *(int *)NLMSG_DATA(h)
						 : *(int *)((char *)NLMSG_DATA(h) + 8));
		if (h->nlmsg_type == NLMSG_ERROR && (i == 1 || i == 3))
			recv(nl, buf, sizeof(buf), 0);
	}
	R(veth_in("va", "vb", second));
	show("va");
	enter(second);
	show("vb");
}

static void who_may(void)
{
	int outer = enter_new();

	R(veth("va", "vb"));
	if (setresuid(12345, 12345, 12345))
		say("setresuid");
	R(veth("vc", "vd"));
	R(del("va"));
	R(up("va"));
	R(unshare(CLONE_NEWUSER | CLONE_NEWNET));
	close(nl);
	nl = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	R(veth("vc", "vd"));
	R(veth_in("ve", "vf", outer));
	R(move_to("vd", IFLA_NET_NS_FD, outer));
	show("vd");
	R(bridge("br"));
	R(master("vc", "br"));
	R(del("vc"));
}

/* ---- packets ---- */

/* va, 10.0.0.1 in the first and vb, 10.0.0.2 in the second; the second is entered. */
static void two(int ns[2])
{
	ns[0] = enter_new();
	ns[1] = enter_new();
	enter(ns[0]);
	if (veth_in("va", "vb", ns[1]) || add_addr("va", "10.0.0.1", 24) || up("va"))
		say("two: %s", net_errno(errno));
	enter(ns[1]);
	if (add_addr("vb", "10.0.0.2", 24) || up("vb"))
		say("two: %s", net_errno(errno));
	settle("vb");
}

static void datagrams(void)
{
	char text[4000] = "";
	int ns[2], a, b;

	two(ns);
	b = udp();
	R(bind(b, AT("10.0.0.2", 4000)));
	enter(ns[0]);
	a = udp();
	R(bind(a, AT("10.0.0.1", 4001)));
	R(connect(a, AT("10.0.0.2", 4000)));
	R(send(a, "hello", 5, 0));
	YES(there_soon(b));
	R(recv(b, text, sizeof(text), MSG_DONTWAIT));
	say("%s", text);
	R(connect(b, AT("10.0.0.1", 4001)));
	R(send(b, text, 4000, 0)); /* in fragments */
	YES(there_soon(a));
	R(recv(a, text, sizeof(text), MSG_DONTWAIT));
	close(b);
	R(send(a, "x", 1, 0));
	wait_for(a, POLLERR);
	show_error("port", a);
	R(connect(a, AT("10.0.0.3", 4000)));
	R(send(a, "x", 1, 0));
	R(connect(a, AT("10.0.1.3", 4000)));
}

static void connections(void)
{
	int ns[2];

	two(ns);
	stream(ns[0], ns[1], "10.0.0.2", 1 << 20);
	stream(ns[1], ns[0], "10.0.0.1", 1 << 20);
	stream(ns[1], ns[1], "10.0.0.2", 1 << 16);
}

/* Through a third namespace that forwards. */
static void forwarding(void)
{
	int ns[3];
	struct rtentry r = { .rt_flags = RTF_UP | RTF_GATEWAY };

	for (int i = 0; i < 3; i++)
		ns[i] = enter_new();
	enter(ns[1]);
	R(veth_in("left", "eth", ns[0]));
	R(veth_in("right", "eth", ns[2]));
	R(add_addr("left", "10.0.0.254", 24));
	R(add_addr("right", "10.0.1.254", 24));
	R(up("left"));
	R(up("right"));
	for (int i = 0; i < 3; i += 2) {
		enter(ns[i]);
		R(add_addr("eth", i ? "10.0.1.1" : "10.0.0.1", 24));
		R(up("eth"));
		memcpy(&r.rt_gateway, at(i ? "10.0.1.254" : "10.0.0.254", 0), sizeof(r.rt_gateway));
		memcpy(&r.rt_dst, at("0.0.0.0", 0), sizeof(r.rt_dst));
		memcpy(&r.rt_genmask, at("0.0.0.0", 0), sizeof(r.rt_genmask));
		R(ioctl(udp(), SIOCADDRT, &r));
	}
	enter(ns[1]);
	put_file("/proc/sys/net/ipv4/ip_forward", "1");
	stream(ns[0], ns[2], "10.0.1.1", 1 << 20);
	stream(ns[2], ns[1], "10.0.0.254", 1 << 16);
}

/* A frame as it is sent and as it comes; one that is too long for the other end does not. */
static void frames(void)
{
	struct sockaddr_ll ll = { .sll_family = AF_PACKET, .sll_protocol = htons(0x88b5) };
	unsigned char frame[1600] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 9, 0x88, 0xb5, 'h', 'i' };
	int ns[2], a, b;
	socklen_t n = sizeof(ll);

	two(ns);
	set_mac("vb", 2);
	b = socket(AF_PACKET, SOCK_RAW, htons(0x88b5));
	enter(ns[0]);
	a = socket(AF_PACKET, SOCK_RAW, 0);
	ll.sll_ifindex = if_nametoindex("va");
	R(bind(a, (void *)&ll, sizeof(ll)));
	R(send(a, frame, 60, 0));
	YES(there_soon(b));
	R(recvfrom(b, frame, sizeof(frame), 0, (void *)&ll, &n));
	say("%d from %02x, %c%c", ll.sll_pkttype, ll.sll_addr[5], frame[14], frame[15]);
	frame[5] = 77;
	R(send(a, frame, 60, 0));
	YES(there_soon(b));
	R(recvfrom(b, frame, sizeof(frame), 0, (void *)&ll, &n));
	say("%d", ll.sll_pkttype);
	enter(ns[1]);
	link_request(RTM_SETLINK, 0, "vb");
	attr_int(IFLA_MTU, 1000);
	R(ask());
	send(a, frame, 1500, 0); /* what became of it older kernels do not tell */
	R(send(a, frame, 900, 0));
	YES(there_soon(b));
	R(recv(b, frame, sizeof(frame), MSG_DONTWAIT));
	R(recv(b, frame, sizeof(frame), MSG_DONTWAIT));
	R(set_flags("vb", 0));
	R(send(a, frame, 1600, 0));
}

ABI_MAIN(CASE(making), CASE(making_with_more), CASE(carrier), CASE(deleting), CASE(changing),
	 CASE(moving), CASE(ending), CASE(numbers), CASE(who_may), CASE(datagrams),
	 CASE(connections), CASE(forwarding), CASE(frames))
