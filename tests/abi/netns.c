/* SPDX-License-Identifier: MIT */
/* Network namespaces: who may make and enter one, what each has of its own, how long it lives. */
#include "net.h"

static ino_t net_of(const char *who)
{
	struct stat st = { 0 };
	char path[64];

	snprintf(path, sizeof(path), "/proc/%s/ns/net", who);
	if (stat(path, &st))
		say("stat: %s", errno_name(errno));
	return st.st_ino;
}

static void a_new_one_is_empty(void)
{
	struct ifreq r = { .ifr_name = "lo" };
	char line[200];
	FILE *f;
	int s, n = 0;

	if (unshare(CLONE_NEWNET))
		say("unshare: %s", net_errno(errno));
	s = udp();
	R(ioctl(s, SIOCGIFFLAGS, &r));
	say("lo %#x", r.ifr_flags);
	R(ioctl(s, SIOCGIFADDR, &r));
	R(sendto(s, "x", 1, 0, AT(LO, 4000)));
	O(bind(s, AT("0.0.0.0", 4000)));
	R(connect(tcp(), AT(LO, 4000)));
	f = fopen("/proc/net/dev", "r");
	while (f && fgets(line, sizeof(line), f))
		n++;
	say("%d lines", n);
	R(set_flags("lo", IFF_UP));
	R(ioctl(s, SIOCGIFFLAGS, &r));
	say("lo %#x", r.ifr_flags);
	R(ioctl(s, SIOCGIFADDR, &r));
	R(sendto(s, "x", 1, 0, AT(LO, 4000)));
	R(set_flags("lo", 0));
	R(sendto(s, "x", 1, 0, AT(LO, 4000)));
}

static void links(void)
{
	ino_t before = net_of("self");
	char name[32] = "";

	own_net();
	YES(net_of("self") != before);
	YES(net_of("thread-self") == net_of("self"));
	readlink("/proc/self/ns/net", name, sizeof(name) - 1);
	say("%.5s", name);
	if (fork() == 0) {
		ino_t mine = net_of("self");
		char parent[16];

		snprintf(parent, sizeof(parent), "%d", getppid());
		YES(mine == net_of(parent));
		R(unshare(CLONE_NEWNET));
		YES(mine != net_of("self"));
		_exit(0);
	}
	reap(-1);
	readlink("/proc/net", name, sizeof(name) - 1);
	say("%.8s", name);
}

static void who_may(void)
{
	int old = open("/proc/self/ns/net", O_RDONLY);

	own_net();
	if (setresuid(12345, 12345, 12345))
		say("setresuid");
	R(unshare(CLONE_NEWNET));
	R(setns(old, CLONE_NEWNET));
	R(unshare(CLONE_NEWUSER | CLONE_NEWNET));
	R(set_flags("lo", IFF_UP));
	R(setns(old, CLONE_NEWNET));
	O(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
	O(bind(tcp(), AT(LO, 80)));
}

static void entering(void)
{
	int first, second;

	own_net();
	first = open("/proc/self/ns/net", O_RDONLY);
	R(bind(udp(), AT(LO, 4000)));
	own_net();
	second = open("/proc/self/ns/net", O_RDONLY);
	R(bind(udp(), AT(LO, 4000)));
	R(setns(first, CLONE_NEWNET));
	R(bind(udp(), AT(LO, 4000)));
	R(setns(second, CLONE_NEWUTS));
	R(setns(second, 0));
	R(bind(udp(), AT(LO, 4001)));
	R(bind(udp(), AT(LO, 4000)));
}

/* A socket stays where it was made. */
static void sockets_stay(void)
{
	char c = 0;
	int l, a, b;

	own_net();
	l = listener(4000);
	a = udp();
	R(bind(a, AT(LO, 4000)));
	own_net();
	R(connect(tcp(), AT(LO, 4000)));
	b = udp();
	R(sendto(b, "x", 1, 0, AT(LO, 4000)));
	R(recv(a, &c, 1, MSG_DONTWAIT));
	R(sendto(a, "y", 1, 0, AT(LO, 4000)));
	R(recv(a, &c, 1, MSG_DONTWAIT));
	say("%c", c);
	nonblock(l);
	R(accept(l, NULL, NULL));
}

/* It lives as long as a socket in it. */
static void kept_by_a_socket(void)
{
	int fd[2];
	char c = 0;

	if (fork() == 0) {
		own_net();
		tcp_pair(fd);
		_exit(0);
	}
	reap(-1);
	own_net();
	tcp_pair(fd);
	own_net();
	R(send(fd[0], "x", 1, 0));
	R(recv(fd[1], &c, 1, 0));
	close(fd[0]);
	R(recv(fd[1], &c, 1, 0));
}

static void sysctls_are_its_own(void)
{
	char text[32] = "";
	int fd;

	own_net();
	put_file("/proc/sys/net/ipv4/ip_default_ttl", "77");
	R(opt(udp(), IPPROTO_IP, IP_TTL));
	own_net();
	R(opt(udp(), IPPROTO_IP, IP_TTL));
	put_file("/proc/sys/net/core/somaxconn", "5");
	fd = open("/proc/sys/net/core/somaxconn", O_RDONLY);
	R(read(fd, text, sizeof(text)));
	say("%s", text);
}

static void clone_into_one(void)
{
	pid_t pid = syscall(SYS_clone, CLONE_NEWNET | SIGCHLD, 0, 0, 0, 0);

	if (pid == 0) {
		R(sendto(udp(), "x", 1, 0, AT(LO, 4000)));
		R(set_flags("lo", IFF_UP));
		R(sendto(udp(), "x", 1, 0, AT(LO, 4000)));
		_exit(0);
	}
	say("%s", ended(reap(pid)));
}

static void many(void)
{
	for (int i = 0; i < 50; i++) {
		int fd[2];

		own_net();
		tcp_pair(fd);
		if (send(fd[0], "x", 1, 0) != 1)
			say("send %d", i);
		close(fd[i & 1]);
		close(fd[!(i & 1)]);
	}
	say("done");
}

ABI_MAIN(CASE(a_new_one_is_empty), CASE(links), CASE(who_may), CASE(entering), CASE(sockets_stay),
	 CASE(kept_by_a_socket), CASE(sysctls_are_its_own), CASE(clone_into_one), CASE(many))
