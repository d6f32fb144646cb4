/* SPDX-License-Identifier: MIT */
/* The network that is there from the begin: the loopback device, and the card that the machine has. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <net/route.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "init.h"

/* An ioctl that sets an address of the interface: 0 or -1. */
static int set_address(int fd, struct ifreq *ifr, int what, const char *address)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&ifr->ifr_addr;

	in->sin_family = AF_INET;
	in->sin_addr.s_addr = inet_addr(address);
	return ioctl(fd, what, ifr);
}

/* The names' server behind QEMU's card. */
static void name_server(void)
{
	static const char resolv[] = "nameserver 10.0.2.3\n";
	int fd = open("/etc/resolv.conf", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	if (fd >= 0 && write(fd, resolv, sizeof(resolv) - 1) < 0)
		complain("cannot write ", "/etc/resolv.conf");
	close(fd);
}

/*
 * The card, when there is one. On the bridge of vm(1) it has the address that is said, and the gateway is the
 * first one of its network, a /16. Else it is the one that QEMU gives: what is behind that has always the same
 * addresses (its manual, "Using the user mode network stack"). AF_PACKET, which DHCP needs, is not waited for.
 */
static void start_card(int fd)
{
	const char *address = option("address=");
	struct ifreq ifr = { .ifr_name = "eth0" }, up = ifr;
	struct rtentry route = { .rt_flags = RTF_UP | RTF_GATEWAY };
	struct sockaddr_in *way = (struct sockaddr_in *)&route.rt_gateway;

	if (ioctl(fd, SIOCGIFFLAGS, &up))
		return;
	up.ifr_flags |= IFF_UP;
	route.rt_dst.sa_family = route.rt_genmask.sa_family = way->sin_family = AF_INET;
	way->sin_addr.s_addr = address ? (inet_addr(address) & htonl(0xffff0000)) | htonl(1)
				       : inet_addr("10.0.2.2");
	if (set_address(fd, &ifr, SIOCSIFADDR, address ? address : "10.0.2.15") ||
	    set_address(fd, &ifr, SIOCSIFNETMASK, address ? "255.255.0.0" : "255.255.255.0") ||
	    ioctl(fd, SIOCSIFFLAGS, &up) || ioctl(fd, SIOCADDRT, &route))
		complain("cannot set up ", "eth0");
	if (!address)
		name_server();
}

/* Each machine can speak to itself: the loopback device comes up, and the kernel gives it 127.0.0.1. */
void start_network(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return; /* a kernel without it */
	ioctl(fd, SIOCSIFFLAGS, &ifr);
	start_card(fd);
	close(fd);
}
