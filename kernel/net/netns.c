/* SPDX-License-Identifier: MIT */
/*
 * Network namespaces: the first, and those that container/ asks for. Each begins with a loopback
 * device that is down, and nothing else. Tasks and open sockets hold references; connections that
 * outlive their sockets do not: they end with the namespace. Packets on their way hold none either:
 * after the last reference the memory stays until no CPU works on a packet that it had begun by then.
 *
 * Here are also its figures in /proc/sys/net, shown and written as the namespace of who looks.
 */
#include "net/inet.h"

#include <linux/capability.h>
#include <linux/sched.h>

/* ---- numbers for other namespaces; net_lock held ---- */

static void nsid_drop(struct nsid *n)
{
	list_del(&n->link);
	list_del(&n->known_link);
	kfree(n);
}

static void nsids_drop(struct net_ns *net)
{
	SPIN_GUARD(&net_lock);
	while (!list_empty(&net->nsids))
		nsid_drop(list_first(&net->nsids, struct nsid, link));
	while (!list_empty(&net->known_by))
		nsid_drop(list_first(&net->known_by, struct nsid, known_link));
}

int net_nsid_set(struct net_ns *in, struct net_ns *of, int id)
{
	struct list_head *before = &in->nsids;
	int free = 0;
	struct nsid *n;

	list_for_each(n, &in->nsids, link) {
		if (n->of == of || n->id == id)
			return -EEXIST;
		if (before == &in->nsids && n->id > (id < 0 ? free : id))
			before = &n->link;
		free += n->id == free;
	}
	n = kmalloc(sizeof(*n));
	if (!n)
		return -ENOMEM;
	*n = (struct nsid){ .of = of, .id = id < 0 ? free : id };
	list_add_tail(&n->link, before);
	list_add(&n->known_link, &of->known_by);
	return 0;
}

int net_nsid(struct net_ns *in, struct net_ns *of, bool make)
{
	const struct nsid *n;

	list_for_each(n, &in->nsids, link)
		if (n->of == of)
			return n->id;
	return make && !net_nsid_set(in, of, -1) ? net_nsid(in, of, false) : -1;
}

/* ---- the life of one ---- */

#define GRACE NSEC_PER_MSEC
static void net_ns_reap(struct timer *t)
{
	struct net_ns *net = container_of(t, struct net_ns, grace);

	if (!net_quiet(net->seen, false)) {
		timer_start(t, clock_ns() + GRACE);
		return;
	}
	ip_frag_purge(net);
	netdev_put(net->lo);
	kfree(net);
}

static void net_ns_free(struct ns_common *ns)
{
	struct net_ns *net = container_of(ns, struct net_ns, ns);
	struct netdev *dev;

	tcp_kill_orphans(net);
	while ((dev = netdev_first(net))) {
		/* a real device goes back to where it came from */
		if (dev->ops->kind || dev == net->lo)
			netdev_unregister(dev);
		else if (netdev_move(dev, &init_net, NULL))
			netdev_move(dev, &init_net, "dev%d");
		netdev_put(dev);
	}
	spin_lock(&net_lock);
	route_flush(net, NULL); /* those that lead to no device */
	spin_unlock(&net_lock);
	nsids_drop(net);
	timer_init(&net->grace, net_ns_reap);
	if (net_quiet(net->seen, true))
		net_ns_reap(&net->grace);
	else
		timer_start(&net->grace, clock_ns() + GRACE);
}

static const struct ns_ops net_ns_ops = {
	.name = "net",
	.clone_flag = CLONE_NEWNET,
	.free = net_ns_free,
};
struct net_ns init_net;

static int net_ns_init(struct net_ns *net)
{
	list_init(&net->devs);
	list_init(&net->routes);
	list_init(&net->nsids);
	list_init(&net->known_by);
	net->port_low = 32768;
	net->port_high = 60999;
	net->unprivileged_port = 1024;
	net->ping_low = 1; /* an empty range: nobody */
	net->default_ttl = 64;
	net->somaxconn = 4096;
	net->lo = loopback_make();
	if (!net->lo)
		return -ENOMEM;
	return netdev_register(net, net->lo);
}

struct net_ns *net_ns_make(struct user_ns *owner)
{
	struct net_ns *net = kzalloc(sizeof(*net));

	if (!net)
		return ERR_PTR(-ENOMEM);
	if (net_ns_init(net)) {
		kfree(net);
		return ERR_PTR(-ENOMEM);
	}
	ns_init(&net->ns, &net_ns_ops, owner, ns_new_inum());
	return net;
}

struct net_ns *net_ns_of_pid(pid_t pid)
{
	struct task *t = task_find(task_pid_ns(current), pid);
	struct ns_common *ns = t && layer.task_ns ? layer.task_ns(t, "net") : NULL;

	if (t)
		task_put(t);
	return ns ? container_of(ns, struct net_ns, ns) : ERR_PTR(-ESRCH);
}

struct net_ns *net_ns_of_fd(int fd)
{
	struct file *f = fd_get(fd);
	struct ns_common *ns = f && layer.file_ns ? layer.file_ns(f) : NULL;
	bool is_net = ns && ns->ops == &net_ns_ops;

	if (!f)
		return ERR_PTR(-EBADF);
	if (is_net)
		ns_get(ns);
	file_put(f);
	return is_net ? container_of(ns, struct net_ns, ns) : ERR_PTR(-EINVAL);
}

/* ---- /proc/sys/net ---- */

struct net_sysctl {
	struct pseudo_file pf;
	u32 offset; /* of one or two u32 in struct net_ns */
	u32 count, low, high; /* how many, and what each may be */
};

static u32 *sysctl_words(const struct net_sysctl *s)
{
	return (u32 *)((char *)current_net() + s->offset);
}

static int sysctl_show(struct strbuf *out, void *priv)
{
	const struct net_sysctl *s = priv;
	const u32 *w = sysctl_words(s);

	if (s->count == 2)
		sb_printf(out, "%u\t%u\n", w[0], w[1]);
	else
		sb_printf(out, "%u\n", w[0]);
	return 0;
}

static ssize_t sysctl_write(void *priv, char *buf, size_t n)
{
	const struct net_sysctl *s = priv;
	u64 v[2] = { 0, ~0UL };

	if (!net_capable(current_net(), CAP_NET_ADMIN))
		return -EPERM;
	if (sysctl_parse(buf, v, s->count) != (int)s->count)
		return -EINVAL;
	for (u32 i = 0; i < s->count; i++)
		if (v[i] < s->low || v[i] > s->high)
			return -EINVAL;
	if (v[0] > v[1])
		return -EINVAL;
	for (u32 i = 0; i < s->count; i++)
		WRITE_ONCE(sysctl_words(s)[i], v[i]);
	return n;
}

#define SYSCTL(path, field, n, lo, hi)                                                             \
	{                                                                                          \
		{ .name = "sys/net/" path,                                                         \
		  .mode = 0644,                                                                    \
		  .show = sysctl_show,                                                             \
		  .write = sysctl_write },                                                         \
			offsetof(struct net_ns, field), n, lo, hi                                  \
	}
static struct net_sysctl sysctls[] = {
	SYSCTL("ipv4/ip_local_port_range", port_low, 2, 1, 65535),
	SYSCTL("ipv4/ip_unprivileged_port_start", unprivileged_port, 1, 0, 65535),
	SYSCTL("ipv4/ping_group_range", ping_low, 2, 0, INT32_MAX),
	SYSCTL("ipv4/ip_forward", ip_forward, 1, 0, 1),
	SYSCTL("ipv4/ip_default_ttl", default_ttl, 1, 1, 255),
	SYSCTL("core/somaxconn", somaxconn, 1, 0, INT32_MAX),
};

void netns_init(void)
{
	ns_init(&init_net.ns, &net_ns_ops, &init_user_ns, 0xeffffff9U);
	if (net_ns_init(&init_net))
		panic("no memory for the first network namespace");
	init_nsproxy.net = &init_net.ns;
	for (int i = 0; i < ARRAY_SIZE(sysctls); i++)
		procfs_add(&sysctls[i].pf, &sysctls[i]);
}
