/* SPDX-License-Identifier: MIT */
/*
 * The names of AF_UNIX sockets: pathnames, which are inodes of a file system, found by the inode;
 * abstract ones, which belong to a network namespace; and /proc/net/unix, which shows all.
 *
 * Every socket is in one bucket of the table: by its name, or without one by its address. names_lock
 * guards the table. A name, once given, stays until the socket is gone.
 */
#include "net/unix.h"

#define BUCKETS 256U
#define PATH_AT offsetof(struct sockaddr_un, sun_path)

static struct list_head table[BUCKETS];
static spinlock_t names_lock;

static struct list_head *bucket_of(const void *p)
{
	return &table[(u64)p / 64 % BUCKETS];
}

static struct list_head *abstract_bucket(const struct net_ns *net, const char *name, int len)
{
	u32 hash = (u64)net / 64;

	for (int i = 0; i < len; i++)
		hash = hash * 31 + (u8)name[i];
	return &table[(hash ^ hash >> 16) % BUCKETS];
}

void unix_hash(struct unix_sock *u)
{
	SPIN_GUARD(&names_lock);
	list_add(&u->name_link, bucket_of(u));
}

void unix_unhash(struct unix_sock *u)
{
	SPIN_GUARD(&names_lock);
	list_del(&u->name_link);
}

/* ---- addresses ---- */

int unix_check_addr(const struct sockaddr_storage *addr, int len)
{
	return len <= (int)PATH_AT || len > (int)sizeof(struct sockaddr_un) ||
			       addr->ss_family != AF_UNIX
		       ? -EINVAL
		       : 0;
}

/* len bytes of *name count. */
static struct unix_addr *addr_new(const struct sockaddr_un *name, int len)
{
	struct unix_addr *a = kzalloc(sizeof(*a));

	if (!a)
		return NULL;
	ref_init(&a->refs);
	memcpy(&a->name, name, len);
	a->len = len;
	return a;
}

void unix_addr_put(struct unix_addr *a)
{
	if (a && ref_put(&a->refs))
		kfree(a);
}

int unix_addr_copy(const struct unix_sock *u, struct sockaddr_storage *to)
{
	const struct unix_addr *a = READ_ONCE(u->addr);

	if (!a) {
		to->ss_family = AF_UNIX;
		return PATH_AT;
	}
	memcpy(to, (const char *)a + offsetof(struct unix_addr, name), a->len);
	return a->len;
}

/* A path need not end with a NUL in sun_path: here it does. */
static void path_of(char *to, const struct sockaddr_storage *addr, int len)
{
	memcpy(to, (const char *)addr + PATH_AT, len - PATH_AT);
	to[len - PATH_AT] = '\0';
}
#define PATH_SIZE (sizeof(struct sockaddr_un) - PATH_AT + 1)

static bool is_abstract(const struct sockaddr_storage *addr)
{
	return !((const struct sockaddr_un *)addr)->sun_path[0];
}

/* ---- finding ---- */

/* Each type of socket has its own abstract names. names_lock held; no reference. */
static struct unix_sock *find_abstract(const struct net_ns *net, const struct sockaddr_un *name,
				       int len, int type)
{
	struct unix_sock *u;

	return list_find(u, abstract_bucket(net, name->sun_path, len - PATH_AT), name_link,
			 u->s.net == net && u->s.type == type && u->addr && u->addr->len == len &&
				 !memcmp(&u->addr->name, name, len));
}

static struct unix_sock *find_inode(const struct inode *inode)
{
	struct unix_sock *u;

	return list_find(u, bucket_of(inode), name_link,
			 u->path.dentry && u->path.dentry->inode == inode);
}

/* Where a name in the file system leads to: permission to write is needed. */
static int find_path(const struct sockaddr_storage *addr, int len, struct path *p)
{
	char name[PATH_SIZE];
	int err;

	path_of(name, addr, len);
	err = path_lookup(AT_FDCWD, name, LOOKUP_FOLLOW, p);
	if (err)
		return err;
	err = path_permission(p, MAY_WRITE);
	if (!err && (p->dentry->inode->mode & S_IFMT) != S_IFSOCK)
		err = -ECONNREFUSED;
	if (err)
		path_put(p);
	return err;
}

struct unix_sock *unix_find(struct net_ns *net, const struct sockaddr_storage *addr, int len,
			    int type)
{
	bool abstract = is_abstract(addr);
	struct unix_sock *u;
	struct path p;
	int err = abstract ? 0 : find_path(addr, len, &p);

	if (err)
		return ERR_PTR(err);
	spin_lock(&names_lock);
	u = abstract ? find_abstract(net, (void *)addr, len, type) : find_inode(p.dentry->inode);
	if (!u)
		u = ERR_PTR(-ECONNREFUSED);
	else if (u->s.type != type)
		u = ERR_PTR(-EPROTOTYPE);
	else
		socket_get(&u->s);
	spin_unlock(&names_lock);
	if (!abstract)
		path_put(&p);
	return u;
}

/* ---- binding ---- */

/* u gets its name, a's reference moves there. -EINVAL: it has one; -EADDRINUSE. names_lock held. */
static int set_name(struct unix_sock *u, struct unix_addr *a, struct list_head *bucket, bool unique)
{
	if (u->addr)
		return -EINVAL;
	if (unique && find_abstract(u->s.net, &a->name, a->len, u->s.type))
		return -EADDRINUSE;
	WRITE_ONCE(u->addr, a);
	list_del(&u->name_link);
	list_add(&u->name_link, bucket);
	return 0;
}

static int bind_abstract(struct unix_sock *u, const struct sockaddr_un *name, int len)
{
	struct unix_addr *a = addr_new(name, len);
	int err;

	if (!a)
		return -ENOMEM;
	spin_lock(&names_lock);
	err = set_name(u, a, abstract_bucket(u->s.net, name->sun_path, len - PATH_AT), true);
	spin_unlock(&names_lock);
	if (err)
		unix_addr_put(a);
	return err;
}

/* The length that is kept counts the path and one NUL. */
static int bind_path(struct unix_sock *u, const struct sockaddr_storage *addr, int len)
{
	char name[PATH_SIZE];
	struct unix_addr *a;
	struct path made;
	int err;

	path_of(name, addr, len);
	len = PATH_AT + strlen(name);
	a = addr_new((const void *)addr, len);
	if (!a)
		return -ENOMEM;
	a->len = len + 1;
	err = vfs_mknod_at(AT_FDCWD, name, S_IFSOCK | (u->s.file->inode->mode & 0777), 0, &made);
	if (err) {
		unix_addr_put(a);
		return err == -EEXIST ? -EADDRINUSE : err;
	}
	spin_lock(&names_lock);
	err = set_name(u, a, bucket_of(made.dentry->inode), false);
	if (!err)
		u->path = made;
	spin_unlock(&names_lock);
	if (err) {
		vfs_unlink(AT_FDCWD, name, 0);
		path_put(&made);
		unix_addr_put(a);
	}
	return err;
}

int unix_autobind(struct unix_sock *u)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	u32 nr, tries = 1U << 20; /* five hexadecimal digits */
	int err = -EADDRINUSE;

	random_bytes(&nr, sizeof(nr));
	while (!READ_ONCE(u->addr) && tries-- && err == -EADDRINUSE) {
		snprintf(name.sun_path + 1, 6, "%05x", nr++ & 0xfffff);
		err = bind_abstract(u, &name, PATH_AT + 6);
		cond_resched();
	}
	return READ_ONCE(u->addr) ? 0 : err == -EADDRINUSE ? -ENOSPC : err;
}

int unix_bind(struct socket *s, const struct sockaddr_storage *addr, int len)
{
	struct unix_sock *u = unix_sk(s);
	int err;

	if (len == PATH_AT && addr->ss_family == AF_UNIX)
		return unix_autobind(u);
	err = unix_check_addr(addr, len);
	if (err)
		return err;
	return is_abstract(addr) ? bind_abstract(u, (void *)addr, len) : bind_path(u, addr, len);
}

/* ---- /proc/net/unix ---- */

static void show_socket(struct strbuf *out, struct unix_sock *u)
{
	bool connected = u->state == UNIX_CONNECTED;
	const struct unix_addr *a = u->addr;
	struct file *f = u->s.file;

	sb_printf(out, "%016x: %08X %08X %08X %04X %02X %5llu", 0, ref_read(&u->s.refs), 0,
		  u->state == UNIX_LISTEN ? 0x10000 : 0, u->s.type,
		  f ? (connected ? SS_CONNECTED : SS_UNCONNECTED)
		    : (connected ? SS_CONNECTING : SS_DISCONNECTING),
		  f ? (unsigned long long)f->inode->ino : 0ULL);
	if (a) {
		int len = a->len - PATH_AT - (a->name.sun_path[0] ? 1 : 0);

		sb_putc(out, ' ');
		for (int i = 0; i < len; i++)
			sb_putc(out, a->name.sun_path[i] ?: '@');
	}
	sb_putc(out, '\n');
}

static int show_unix(struct strbuf *out, struct ns_common *ns)
{
	const struct net_ns *net = container_of(ns, struct net_ns, ns);
	struct unix_sock *u;

	sb_printf(out, "Num       RefCount Protocol Flags    Type St Inode Path\n");
	SPIN_GUARD(&names_lock);
	for (unsigned int i = 0; i < BUCKETS; i++)
		list_for_each(u, &table[i], name_link)
			if (u->s.net == net)
				show_socket(out, u);
	return 0;
}

void unix_names_init(void)
{
	for (unsigned int i = 0; i < BUCKETS; i++)
		list_init(&table[i]);
	proc_net_add("unix", show_unix);
}
