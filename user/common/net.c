/* SPDX-License-Identifier: MIT */
/*
 * --net bridge: a network namespace whose eth0 is plugged into the tool's bridge (ctr0, vm0), which all
 * of its kind and the host share. There is no daemon, so the bridge is made with the first of them
 * and goes with the last.
 *
 * Who has which address is one file, .hosts in the state folder: a line "ADDRESS NAME [HOSTNAME]" for
 * each. It is also what all containers see as /etc/hosts, so that every name is known everywhere at once;
 * therefore it is changed in place, never replaced. Whoever changes it, or the bridge, holds a lock
 * (flock(2)) on the state folder, which nobody inside can open. A line belongs to who has that name and
 * whose folder is locked: what a killed tool has left is found by that and given to others.
 * The address is in its "status" before it is in the file, so that `ps` and `rm` give back
 * what they clear away.
 *
 * All that can fail happens in net_prepare(), before anything is started. What is told to the kernel is
 * told by messages of rtnetlink(7); publish.c has the ports.
 */
#include <arpa/inet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

#include "life.h"

#define BRIDGE (the_tool->bridge)
#define NETWORK (the_tool->network) /* host N of it is NETWORK + N; the first is this one */
#define PREFIX 16
#define LINE_SIZE 256
#define FIRST_SIZE 256 /* at most */

static struct {
	int host, own; /* the two namespaces, -1: no bridge asked for */
	pid_t publisher;
	uint32_t address;
} net = { .host = -1, .own = -1 };

/* ---- messages ---- */

struct message {
	struct nlmsghdr head;
	char body[512];
};

/* A message with a header of that size, all zero: the header. */
static void *begin(struct message *m, int type, int flags, size_t size)
{
	memset(m, 0, sizeof(*m));
	m->head.nlmsg_len = NLMSG_LENGTH(size);
	m->head.nlmsg_type = type;
	m->head.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	return m->body;
}

/* One more attribute; those that follow are inside it until end(). */
static struct rtattr *put(struct message *m, int type, const void *data, size_t n)
{
	struct rtattr *a = (void *)((char *)m + NLMSG_ALIGN(m->head.nlmsg_len));

	a->rta_type = type;
	a->rta_len = RTA_LENGTH(n);
	if (data)
		memcpy(RTA_DATA(a), data, n);
	m->head.nlmsg_len = (char *)a - (char *)m + RTA_ALIGN(a->rta_len);
	return a;
}

static void put_text(struct message *m, int type, const char *text)
{
	put(m, type, text, strlen(text) + 1);
}

static void put_number(struct message *m, int type, uint32_t v)
{
	put(m, type, &v, sizeof(v));
}

static void end(struct message *m, struct rtattr *a)
{
	a->rta_len = (char *)m + m->head.nlmsg_len - (char *)a;
}

static int open_rtnetlink(void)
{
	return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
}

/* Sends it by the socket s, to the namespace that s was made in. 0, or -1 with errno. */
static int ask(int s, const struct message *m)
{
	struct {
		struct nlmsghdr head;
		struct nlmsgerr error;
		char rest[sizeof(struct message)];
	} answer;

	if (send(s, m, m->head.nlmsg_len, 0) < 0 || recv(s, &answer, sizeof(answer), 0) < 0)
		return -1;
	errno = -answer.error.error;
	return errno ? -1 : 0;
}

/* ---- links ---- */

/* A fixed one for each address: whoever gets the address again is reached at once. */
static void put_mac(struct message *m, uint32_t address)
{
	uint8_t mac[6] = { 2, 0x42, address >> 24, address >> 16, address >> 8, address };

	put(m, IFLA_ADDRESS, mac, sizeof(mac));
}

/* The bridge's end of the link of an address. */
static void port_name(uint32_t address, char name[IFNAMSIZ])
{
	format(name, IFNAMSIZ, "%s-%u", BRIDGE, address - NETWORK);
}

/* RTM_NEWLINK: it is up from now on; RTM_DELLINK. */
static int change_link(int s, int type, const char *name)
{
	struct message m;
	struct ifinfomsg *link = begin(&m, type, 0, sizeof(*link));

	link->ifi_flags = link->ifi_change = IFF_UP;
	put_text(&m, IFLA_IFNAME, name);
	return ask(s, &m);
}

static int add_address(int s, const char *name, uint32_t address)
{
	struct message m;
	struct ifaddrmsg *a = begin(&m, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, sizeof(*a));

	a->ifa_family = AF_INET;
	a->ifa_prefixlen = PREFIX;
	a->ifa_index = if_nametoindex(name);
	put_number(&m, IFA_LOCAL, htonl(address));
	put_number(&m, IFA_ADDRESS, htonl(address));
	put_number(&m, IFA_BROADCAST, htonl(NETWORK | 0xffff));
	return ask(s, &m);
}

static int add_default_route(int s)
{
	struct message m;
	struct rtmsg *r = begin(&m, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, sizeof(*r));

	r->rtm_family = AF_INET;
	r->rtm_table = RT_TABLE_MAIN;
	r->rtm_protocol = RTPROT_BOOT;
	r->rtm_type = RTN_UNICAST;
	put_number(&m, RTA_GATEWAY, htonl(NETWORK + 1));
	return ask(s, &m);
}

/* Makes the bridge, or completes it: there is one, and somebody was killed who made it. */
static int make_bridge(int s)
{
	struct message m;
	struct rtattr *info;

	begin(&m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(struct ifinfomsg));
	put_text(&m, IFLA_IFNAME, BRIDGE);
	put_mac(&m, NETWORK + 1); /* else it would be that of a container, and change */
	info = put(&m, IFLA_LINKINFO, NULL, 0);
	put_text(&m, IFLA_INFO_KIND, "bridge");
	end(&m, info);
	if (ask(s, &m) < 0 && errno != EEXIST)
		return -1;
	if (add_address(s, BRIDGE, NETWORK + 1) < 0 && errno != EEXIST)
		return -1;
	return change_link(s, RTM_NEWLINK, BRIDGE);
}

/* A cable from the bridge, by number, to eth0 of the container's namespace. */
static int make_link(int s, const char *port, unsigned int bridge, uint32_t address)
{
	struct message m;
	struct ifinfomsg *link = begin(&m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(*link));
	struct rtattr *info, *data, *peer;

	link->ifi_flags = link->ifi_change = IFF_UP;
	put_text(&m, IFLA_IFNAME, port);
	put_number(&m, IFLA_MASTER, bridge);
	info = put(&m, IFLA_LINKINFO, NULL, 0);
	put_text(&m, IFLA_INFO_KIND, "veth");
	data = put(&m, IFLA_INFO_DATA, NULL, 0);
	peer = put(&m, VETH_INFO_PEER, NULL, sizeof(struct ifinfomsg));
	put_text(&m, IFLA_IFNAME, "eth0");
	put_mac(&m, address);
	put_number(&m, IFLA_NET_NS_FD, net.own);
	end(&m, peer);
	end(&m, data);
	end(&m, info);
	return ask(s, &m);
}

/* ---- addresses ---- */

/* The state folder, locked; closing it unlocks. -1 with errno. */
static int lock_folder(void)
{
	int dir = state_open(NULL, NULL, O_RDONLY | O_DIRECTORY);

	return dir >= 0 && flock(dir, LOCK_EX) < 0 ? -1 : dir;
}

static bool is_alive(int dir, const char *name)
{
	int folder = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool alive = folder >= 0 && flock(folder, LOCK_SH | LOCK_NB) < 0;

	close(folder);
	return alive;
}

/* As inet_ntop(3) has it, which brings all of printf(3) along. */
void address_text(uint32_t address, char text[ADDRESS_SIZE])
{
	const uint8_t *a = (const uint8_t *)&address;

	format(text, ADDRESS_SIZE, "%d.%d.%d.%d", a[0], a[1], a[2], a[3]);
}

const char *net_gateway(char text[ADDRESS_SIZE])
{
	address_text(htonl(NETWORK + 1), text);
	return text;
}

/* As inet_pton(3), which brings IPv6 along. */
bool parse_address(const char *text, uint32_t *address)
{
	uint8_t *a = (uint8_t *)address;

	for (int i = 0; i < 4; i++) {
		char *end;
		uint64_t n = to_number(text, &end, 10);

		if (end == text || n > 255 || (*text == '0' && n) || *end != (i < 3 ? '.' : 0))
			return false;
		a[i] = n;
		text = end + 1;
	}
	return true;
}

/* Of "10.88.0.5\tNAME ...\n", both; false for the first lines. */
static bool parse_line(const char *line, uint32_t *address, char name[NAME_SIZE])
{
	size_t n = strcspn(line, "\t\n"), len = line[n] == '\t' ? strcspn(line + n + 1, " \n") : 0;
	char text[ADDRESS_SIZE];

	if (format(text, sizeof(text), "%.*s", (int)n, line) >= sizeof(text) || !len ||
	    format(name, NAME_SIZE, "%.*s", (int)len, line + n + 1) >= NAME_SIZE)
		return false;
	*address = parse_address(text, address) ? ntohl(*address) : 0;
	return *address > NETWORK + 1 && *address < NETWORK + 0xffff;
}

struct hosts {
	char *text; /* allocated, with room for a line more */
	size_t n, before; /* its bytes now; those in the file */
	int file;
	unsigned int lines; /* of containers */
	uint8_t used[65536 / 8]; /* a bit for each host */
};

/* Drops the lines of those who are dead, and of `but`. */
static void hosts_prune(struct hosts *h, int dir, const char *but)
{
	char *line, *next, name[NAME_SIZE];
	uint32_t a;

	for (line = h->text; (next = strchr(line, '\n')); line = next) {
		next++;
		if (!parse_line(line, &a, name)) {
			if (*line != '\n')
				continue;
		} else if (strcmp(name, but) && is_alive(dir, name)) {
			h->used[a % 65536 / 8] |= 1 << a % 8;
			h->lines++;
			continue;
		}
		memmove(line, next, strlen(next) + 1);
		next = line;
	}
	h->n = line - h->text; /* half a line: who wrote it was killed */
}

/* Reads the file, without the lines that are to go. False with errno. */
static bool hosts_read(struct hosts *h, int dir, const char *but)
{
	char gateway[ADDRESS_SIZE];
	struct stat st;

	memset(h, 0, sizeof(*h));
	h->file = openat(dir, ".hosts", O_RDWR | O_CLOEXEC);
	if (h->file < 0 ? errno != ENOENT : fstat(h->file, &st) < 0)
		return false;
	h->before = h->file < 0 ? 0 : st.st_size;
	h->text = calloc(1, h->before + FIRST_SIZE + LINE_SIZE);
	if (!h->text)
		return false;
	if (read(h->file, h->text, h->before) <= 0)
		format(h->text, FIRST_SIZE,
		       "127.0.0.1\tlocalhost\n::1\tlocalhost\n%s\thost.containers.internal\n",
		       net_gateway(gateway));
	hosts_prune(h, dir, but);
	return true;
}

/*
 * Writes it in place with one more line, by one write(2): what is behind the new end is blank lines
 * to who reads before that is cut off.
 */
static void hosts_write(struct hosts *h, int dir, const char *line)
{
	size_t n = h->n + strlen(line), all = n > h->before ? n : h->before;

	memcpy(h->text + h->n, line, n - h->n);
	memset(h->text + n, '\n', all - n);
	if (h->file < 0) /* made only now: who makes it has its address saved, to be given back */
		h->file = openat(dir, ".hosts", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (pwrite(h->file, h->text, all, 0) != (ssize_t)all || ftruncate(h->file, n) < 0)
		warn("/run/%s/.hosts: %s", the_tool->name, strerror(errno));
	close(h->file); /* the text stays: whoever comes here ends soon */
}

/* Gives s a free address, and the folder's file the line; it is saved before it is taken. */
static bool take_address(struct state *s, int dir, const char *hostname)
{
	bool named = strcmp(hostname, s->name) && name_is_valid(hostname);
	char line[LINE_SIZE];
	struct hosts h;
	uint32_t n = 2;

	if (!hosts_read(&h, dir, s->name))
		return false;
	while (h.used[n / 8] & 1 << n % 8)
		n++;
	if (n == 0xffff) {
		errno = EADDRNOTAVAIL;
		return false;
	}
	net.address = NETWORK + n;
	address_text(htonl(net.address), s->address);
	state_save(s);
	join(line, sizeof(line), s->address, "\t", s->name, named ? " " : "", named ? hostname : "",
	     "\n", NULL);
	hosts_write(&h, dir, line);
	return true;
}

void net_give_back(const struct state *s)
{
	int dir = lock_folder(), rtnetlink = open_rtnetlink();
	char port[IFNAMSIZ];
	struct hosts h;
	uint32_t n;

	if (parse_address(s->address, &n) && dir >= 0 && hosts_read(&h, dir, s->name)) {
		n = ntohl(n) % 65536;
		port_name(NETWORK + n, port);
		if (!(h.used[n / 8] & 1 << n % 8)) /* else it was dead, and another one has it */
			change_link(rtnetlink, RTM_DELLINK, port);
		hosts_write(&h, dir, "");
		if (!h.lines) {
			change_link(rtnetlink, RTM_DELLINK, BRIDGE);
			unlinkat(dir, ".hosts", 0);
		}
	}
	close(rtnetlink);
	close(dir);
}

/* ---- the network of one of them ---- */

/* A namespace, and what is to be up in it; whole: eth0 has its address there. False with errno. */
static bool make_network(int host, bool whole)
{
	unsigned int bridge = if_nametoindex(BRIDGE);
	char port[IFNAMSIZ];
	int own, err;
	bool made;

	net.host = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (net.host < 0 || unshare(CLONE_NEWNET) < 0)
		return false;
	net.own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	own = open_rtnetlink();
	port_name(net.address, port);
	change_link(host, RTM_DELLINK,
		    port); /* of one that was killed, which may not be over yet */
	made = !make_link(host, port, bridge, net.address) &&
	       !change_link(own, RTM_NEWLINK, "lo") &&
	       !(whole && add_address(own, "eth0", net.address)) &&
	       !change_link(own, RTM_NEWLINK, "eth0") && !(whole && add_default_route(own));
	err = errno;
	close(own);
	setns(net.host, CLONE_NEWNET);
	errno = err;
	return made;
}

void net_prepare(struct state *s, const struct opt_list *ports, const char *hostname, bool whole)
{
	int dir, host, err;
	bool taken, made;

	publish_open(ports, s->ports, sizeof(s->ports));
	dir = lock_folder();
	host = open_rtnetlink();
	taken = dir >= 0 && take_address(s, dir, hostname);
	made = taken && host >= 0 && !make_bridge(host);
	err = errno;
	close(dir); /* and with it the lock, which the way out takes too */
	if (!made)
		die(STATUS_FAILED, "--net bridge: cannot %s%s: %s",
		    taken ? "make the bridge " : "take an address", taken ? BRIDGE : "",
		    strerror(err));
	if (!make_network(host, whole))
		die(STATUS_FAILED, "--net bridge: cannot plug %s into %s: %s", s->name, BRIDGE,
		    strerror(errno));
	close(host);
}

void net_enter(void)
{
	if (net.own < 0)
		return;
	net.publisher = publish_start(net.address);
	if (setns(net.own, CLONE_NEWNET) < 0)
		die(STATUS_FAILED, "cannot enter the network namespace: %s", strerror(errno));
}

void net_leave(void)
{
	if (net.own >= 0)
		setns(net.host, CLONE_NEWNET);
	net_close();
}

void net_close(void)
{
	if (net.own < 0)
		return;
	publish_close();
	close(net.own);
	close(net.host);
	net.own = net.host = -1;
}

void net_end(void)
{
	struct state *s = &life.state;

	if (net.publisher > 0) {
		kill(net.publisher, SIGKILL);
		waitpid(net.publisher, NULL, 0);
		net.publisher = 0;
	}
	if (s->address[0])
		net_give_back(s);
	s->address[0] = s->ports[0] = 0;
}
