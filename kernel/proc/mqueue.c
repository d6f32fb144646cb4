/* SPDX-License-Identifier: MIT */
/*
 * POSIX message queues (mq_overview(7)). A queue is an inode of the file system `mqueue`, of which each
 * IPC namespace has one instance; it is made when it is first wanted, and may outlive the namespace where
 * it is mounted or a queue is open. Names are pinned dentries, as in tmpfs.
 *
 * A queue's lock guards its messages and whom to notify. queues_lock guards the list of an instance's
 * queues (with names or only open) and whether its namespace is still there.
 */
#include "proc/ipc.h"
#include "proc/procfs.h"

#include <linux/magic.h>
#include <linux/mqueue.h>

#define MQUEUE_MAGIC 0x19800202 /* statfs(2); no uapi header has it */
#define HARD_MSGS 65536
#define HARD_MSGSIZE (16 << 20)
/* What RLIMIT_MSGQUEUE counts for each message and each priority (getrlimit(2)). */
#define MSG_COST 48UL
#define NAME_SIZE 20 /* of each name in the folder's size */
#define QUEUE_SIZE 80 /* a queue's own size in stat(2) */
#define DT_REG 8

struct mq_message {
	struct list_head link;
	unsigned int prio;
	size_t size;
	char text[];
};

struct mq_super {
	struct list_head queues; /* in the order they were made */
	u64 next_pos;
	struct ipc_ns *ns; /* NULL: it has ended */
};

struct mqueue {
	struct list_head link;
	u64 pos; /* its place in the folder */
	struct dentry *name; /* NULL: it was unlinked; guarded by queues_lock */
	uid_t uid; /* whose RLIMIT_MSGQUEUE it counts for */
	s64 max, msgsize; /* constant */
	struct mutex lock;
	struct list_head messages; /* highest priority first */
	u64 count, bytes, receivers; /* receivers: asleep */
	struct waitq wait; /* for messages, for room, and poll(2) */
	struct pid *notify; /* the process that mq_notify(3) registered, or NULL */
	struct sigevent event;
	struct file *socket; /* of SIGEV_THREAD, else NULL: it gets the cookie */
	char cookie[NOTIFY_COOKIE_LEN];
};

int (*mq_cookie_send)(struct file *f, const void *data, size_t n);

static spinlock_t queues_lock = SPINLOCK_INIT;
static const struct file_ops mq_fops;
static const struct inode_ops mq_dir_iops, mq_iops;

/* ---- the file system ---- */

static u64 cost(u64 max, u64 msgsize)
{
	return max * (MSG_COST + msgsize) + min(max, (u64)MQ_PRIO_MAX) * MSG_COST;
}

/* May a queue like a be made in ms? Limits that are 0 become the namespace's defaults. -ENOSPC, -EINVAL,
 * -EMFILE (mq_open(3)); -EACCES: the namespace has ended. queues_lock held. */
static int check_limits(struct mq_super *ms, struct mq_attr *a)
{
	const u64 *limit = ms->ns ? ms->ns->limit : NULL;
	bool super = capable(CAP_SYS_RESOURCE);
	uid_t uid = current_thread()->cred->uid;
	u64 n = 0, bytes = 0;
	struct mqueue *q;

	if (!limit)
		return -EACCES;
	list_for_each(q, &ms->queues, link) {
		n++;
		if (q->uid == uid)
			bytes += cost(q->max, q->msgsize);
	}
	if (n >= limit[MQ_QUEUES] && !super)
		return -ENOSPC;
	if (!a->mq_maxmsg) {
		a->mq_maxmsg = min(limit[MQ_MSGS], limit[MQ_MSGS_DEFAULT]);
		a->mq_msgsize = min(limit[MQ_MSGSIZE], limit[MQ_MSGSIZE_DEFAULT]);
	}
	if (a->mq_maxmsg > (super ? HARD_MSGS : (s64)limit[MQ_MSGS]) ||
	    a->mq_msgsize > (super ? HARD_MSGSIZE : (s64)limit[MQ_MSGSIZE]))
		return -EINVAL;
	bytes += cost(a->mq_maxmsg, a->mq_msgsize);
	return bytes > thread_rlimit(RLIMIT_MSGQUEUE) ? -EMFILE : 0;
}

/* d, a new name in dir, becomes a queue. a NULL: of the namespace's default limits. */
static int make_queue(struct inode *dir, struct dentry *d, mode_t mode, const struct mq_attr *a)
{
	struct mq_super *ms = dir->sb->priv;
	struct mq_attr attr = { 0 };
	struct mqueue *q;
	struct inode *i;
	int err;

	if (a)
		attr = *a;
	if (a && (attr.mq_maxmsg <= 0 || attr.mq_msgsize <= 0))
		return -EINVAL;
	spin_lock(&queues_lock);
	err = check_limits(ms, &attr);
	spin_unlock(&queues_lock);
	if (err)
		return err;
	q = kzalloc(sizeof(*q));
	i = q ? inode_new(dir->sb, S_IFREG | (mode & 07777)) : NULL;
	if (!i) {
		kfree(q);
		return -ENOMEM;
	}
	q->uid = current_thread()->cred->uid;
	q->max = attr.mq_maxmsg;
	q->msgsize = attr.mq_msgsize;
	mutex_init(&q->lock);
	list_init(&q->messages);
	waitq_init(&q->wait);
	i->ops = &mq_iops;
	i->fops = &mq_fops;
	i->size = QUEUE_SIZE;
	i->priv = q;
	q->name = dget(d);
	spin_lock(&queues_lock);
	q->pos = ms->next_pos++;
	list_add_tail(&q->link, &ms->queues);
	spin_unlock(&queues_lock);
	d_set_inode(d, i);
	dir->size += NAME_SIZE;
	dir->mtime_ns = dir->ctime_ns = fs_now();
	return 0;
}

static int mq_create(struct inode *dir, struct dentry *d, mode_t mode)
{
	return make_queue(dir, d, mode, NULL);
}

static int mq_lookup(struct inode *dir, struct dentry *d)
{
	return 0; /* what exists is cached: it is not there */
}

static int mq_unlink_name(struct inode *dir, struct dentry *d)
{
	struct mqueue *q = d->inode->priv;

	spin_lock(&queues_lock);
	q->name = NULL;
	spin_unlock(&queues_lock);
	d->inode->nlink = 0;
	dir->size -= NAME_SIZE;
	dir->mtime_ns = dir->ctime_ns = fs_now();
	dput(d);
	return 0;
}

/* The first queue with a name at or after pos: a reference to the name, or NULL. */
static struct dentry *next_name(struct mq_super *ms, loff_t *pos)
{
	struct dentry *d = NULL;
	struct mqueue *q;

	spin_lock(&queues_lock);
	list_for_each(q, &ms->queues, link)
		if (q->name && (loff_t)q->pos >= *pos) {
			d = dget(q->name);
			*pos = q->pos;
			break;
		}
	spin_unlock(&queues_lock);
	return d;
}

static int mq_iterate(struct file *f, struct dir_context *ctx)
{
	bool room = proc_emit_dots(f, ctx);
	loff_t pos = ctx->pos;
	struct dentry *d;

	for (; room && (d = next_name(f->inode->sb->priv, &pos)); pos++) {
		room = ctx->emit(ctx, d->name, d->name_len, d->inode->ino, DT_REG);
		if (room)
			ctx->pos = pos + 1;
		dput(d);
	}
	return 0;
}

static void mq_evict(struct inode *inode)
{
	struct mqueue *q = inode->priv;

	if (!q)
		return;
	spin_lock(&queues_lock);
	list_del(&q->link);
	spin_unlock(&queues_lock);
	while (!list_empty(&q->messages)) {
		struct mq_message *m = list_first(&q->messages, struct mq_message, link);

		list_del(&m->link);
		kfree(m);
	}
	pid_put(q->notify);
	file_put(q->socket);
	kfree(q);
}

static void mq_put_super(struct super *sb)
{
	kfree(sb->priv);
}

static int mq_setattr(struct inode *inode, const struct kattr *attr)
{
	inode_setattr_common(inode, attr); /* a size is ignored */
	return 0;
}

static const struct inode_ops mq_iops = { .setattr = mq_setattr };
static const struct inode_ops mq_dir_iops = {
	.lookup = mq_lookup,
	.create = mq_create,
	.unlink = mq_unlink_name,
	.setattr = mq_setattr,
};
static const struct file_ops mq_dir_fops = { .iterate = mq_iterate };
static const struct super_ops mq_super_ops = { .evict = mq_evict, .put_super = mq_put_super };

static int mq_fill(struct super *sb, const char *source, unsigned long flags, const char *data)
{
	struct mq_super *ms = kzalloc(sizeof(*ms));
	struct inode *root;

	if (!ms)
		return -ENOMEM;
	list_init(&ms->queues);
	ms->next_pos = 2; /* after "." and ".." */
	ms->ns = current_ipc();
	sb->priv = ms;
	sb->ops = &mq_super_ops;
	sb->magic = MQUEUE_MAGIC;
	sb->uncached = true;
	root = inode_new(sb, S_IFDIR | 01777);
	if (root) {
		root->ops = &mq_dir_iops;
		root->fops = &mq_dir_fops;
		root->size = 2 * NAME_SIZE;
		root->nlink = 2;
	}
	return sb_set_root(sb, root);
}

static struct user_ns *mq_owner(void)
{
	return current_ipc()->ns.owner;
}

static struct fs_type instance_type = {
	.name = "mqueue",
	.nodev = true,
	.owner = mq_owner,
	.fill = mq_fill,
};

/* The instance of the caller's namespace; no reference. ERR_PTR(-ENOMEM) */
static struct mount *own_instance(void)
{
	struct ipc_ns *ns = current_ipc();
	struct mount *m;

	mutex_lock(&ns->lock);
	m = ns->mqueue;
	if (!m)
		m = kern_mount(&instance_type);
	if (!IS_ERR(m))
		ns->mqueue = m;
	mutex_unlock(&ns->lock);
	return m;
}

static struct super *mq_existing(const char *source)
{
	struct mount *m = own_instance();

	return IS_ERR(m) ? NULL : super_share(m->sb);
}

static int no_memory(struct super *sb, const char *source, unsigned long flags, const char *data)
{
	return -ENOMEM; /* mq_existing() had none */
}

void mqueue_ns_end(struct ipc_ns *ns)
{
	struct mq_super *ms;

	if (!ns->mqueue)
		return;
	ms = ns->mqueue->sb->priv;
	spin_lock(&queues_lock);
	ms->ns = NULL;
	spin_unlock(&queues_lock);
	mount_put(ns->mqueue);
}

void mqueue_init(void)
{
	static struct fs_type mqueue_type = {
		.name = "mqueue",
		.nodev = true,
		.userns_mount = true,
		.fill = no_memory,
		.existing = mq_existing,
		.owner = mq_owner,
	};

	fs_register(&mqueue_type);
}

/* ---- mq_open(3), mq_unlink(3) ---- */

static int check_name(const char *name)
{
	size_t n = strlen(name);

	if (!n)
		return -ENOENT;
	if (strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, ".."))
		return -EACCES;
	return n > NAME_MAX ? -ENAMETOOLONG : 0;
}

int do_mq_open(const char *name, int flags, mode_t mode, const struct mq_attr *attr)
{
	struct mount *m = own_instance();
	struct file *f = ERR_PTR(-ENOENT);
	bool created = false;
	struct path at;
	int err = IS_ERR(m) ? PTR_ERR(m) : check_name(name);

	if (err)
		return err;
	mutex_lock(&m->root->inode->lock);
	at = (struct path){ m, d_lookup(m->root, name, strlen(name)) };
	if (!IS_ERR(at.dentry) && !at.dentry->inode && flags & O_CREAT) {
		mode &= ~READ_ONCE(current_thread()->fs->umask);
		err = inode_permission(m->root->inode, MAY_WRITE | MAY_EXEC);
		if (!err)
			err = make_queue(m->root->inode, at.dentry, mode, attr);
		created = !err;
	}
	mutex_unlock(&m->root->inode->lock);
	if (IS_ERR(at.dentry))
		return PTR_ERR(at.dentry);
	if (err)
		f = ERR_PTR(err);
	else if (created)
		f = file_open_real(&at, flags & (O_ACCMODE | O_NONBLOCK));
	else if (at.dentry->inode && (flags & O_ACCMODE) == O_ACCMODE)
		f = ERR_PTR(flags & O_CREAT && flags & O_EXCL ? -EEXIST : -EINVAL);
	else if (at.dentry->inode)
		f = file_open_path(&at, flags & (O_ACCMODE | O_NONBLOCK | O_CREAT | O_EXCL));
	dput(at.dentry);
	return fd_install(f, 0, flags & O_CLOEXEC);
}

int do_mq_unlink(const char *name)
{
	struct mount *m = own_instance();
	int err = IS_ERR(m) ? PTR_ERR(m) : check_name(name);

	return err ?: vfs_unlink_in(m->root, name);
}

/* ---- messages ---- */

/* The open queue behind fd, with a reference to f. NULL: -EBADF */
static struct mqueue *queue_get(int fd, struct file **fp)
{
	struct file *f = fd_get(fd);

	if (f && f->ops != &mq_fops) {
		file_put(f);
		f = NULL;
	}
	*fp = f;
	return f ? f->inode->priv : NULL;
}

/*
 * SIGEV_THREAD is the C library's: a thread of its own waits on a netlink socket for a cookie, whose last
 * byte says what happened, and begins the caller's.
 */
static void notify_end(struct mqueue *q, char why)
{
	q->cookie[NOTIFY_COOKIE_LEN - 1] = why;
	if (q->socket)
		mq_cookie_send(q->socket, q->cookie, NOTIFY_COOKIE_LEN);
	file_put(q->socket);
	pid_put(q->notify);
	q->socket = NULL;
	q->notify = NULL;
}

/* A message came to an empty queue, and nobody waited for it. Lock held. */
static void notify(struct mqueue *q)
{
	struct task *t = pid_task(q->notify, PID_PROCESS);
	siginfo_t info = { .si_signo = q->event.sigev_signo, .si_code = SI_MESGQ };

	if (t && q->event.sigev_notify == SIGEV_SIGNAL) {
		info.si_value = q->event.sigev_value;
		info.si_pid = task_tgid_in(current, task_pid_ns(t));
		info.si_uid = task_uid_seen_by(current, t);
		send_signal_process(info.si_signo, &info, t);
	}
	task_put(t);
	notify_end(q, NOTIFY_WOKENUP);
}

/* Sleeps, with the lock let go, until somebody changed the queue. -EAGAIN, -ETIMEDOUT, -ERESTARTSYS */
static int queue_wait(struct file *f, struct mqueue *q, bool sends, u64 deadline)
{
	int err;

	if (f->flags & O_NONBLOCK)
		return -EAGAIN;
	q->receivers += !sends;
	mutex_unlock(&q->lock);
	err = wait_event_until(&q->wait, READ_ONCE(q->count) != (sends ? (u64)q->max : 0),
			       deadline);
	mutex_lock(&q->lock);
	q->receivers -= !sends;
	return err;
}

static void queue_changed(struct file *f, struct mqueue *q, int n, size_t size)
{
	f->inode->atime_ns = f->inode->mtime_ns = f->inode->ctime_ns = fs_now();
	WRITE_ONCE(q->count, q->count + n);
	q->bytes += n * (s64)size;
	waitq_wake_all(&q->wait, n > 0 ? POLLIN | POLLRDNORM : POLLOUT | POLLWRNORM);
}

static int queue_send(struct file *f, struct mqueue *q, struct mq_message *m, u64 deadline)
{
	struct list_head *at;
	int err = 0;

	mutex_lock(&q->lock);
	while (!err && (s64)q->count >= q->max)
		err = queue_wait(f, q, true, deadline);
	if (!err) {
		for (at = q->messages.prev; at != &q->messages; at = at->prev)
			if (list_entry(at, struct mq_message, link)->prio >= m->prio)
				break;
		list_add(&m->link, at);
		queue_changed(f, q, 1, m->size);
		if (q->notify && q->count == 1 && !q->receivers)
			notify(q);
	}
	mutex_unlock(&q->lock);
	return err;
}

int do_mq_send(int fd, const void __user *text, size_t size, unsigned int prio, u64 deadline)
{
	struct mq_message *m = NULL;
	struct file *f;
	struct mqueue *q = prio < MQ_PRIO_MAX ? queue_get(fd, &f) : NULL;
	int err = 0;

	if (!q)
		return prio < MQ_PRIO_MAX ? -EBADF : -EINVAL;
	if (!f->can_write)
		err = -EBADF;
	else if (size > (u64)q->msgsize)
		err = -EMSGSIZE;
	else if (!(m = kzalloc(sizeof(*m) + size)))
		err = -ENOMEM;
	if (!err) {
		m->prio = prio;
		m->size = size;
		err = copy_from_user(m->text, text, size) ?: queue_send(f, q, m, deadline);
	}
	if (err)
		kfree(m);
	file_put(f);
	return err;
}

long do_mq_receive(int fd, void __user *text, size_t size, unsigned int __user *prio, u64 deadline)
{
	struct mq_message *m;
	struct file *f;
	struct mqueue *q = queue_get(fd, &f);
	long ret = 0;

	if (!q)
		return -EBADF;
	if (!f->can_read)
		ret = -EBADF;
	else if (size < (u64)q->msgsize)
		ret = -EMSGSIZE;
	mutex_lock(&q->lock);
	while (!ret && !q->count)
		ret = queue_wait(f, q, false, deadline);
	if (!ret) {
		m = list_first(&q->messages, struct mq_message, link);
		list_del(&m->link);
		queue_changed(f, q, -1, m->size);
	}
	mutex_unlock(&q->lock);
	file_put(f);
	if (ret)
		return ret;
	ret = m->size;
	if ((prio && put_user(m->prio, prio)) || copy_to_user(text, m->text, m->size))
		ret = -EFAULT;
	kfree(m);
	return ret;
}

/* ---- mq_notify(3), mq_getattr(3), and a queue as a file ---- */

/* The socket that ev names and the cookie for it. -EFAULT, -EBADF, -ENOTSOCK, -EINVAL */
static int notify_socket(const struct sigevent *ev, struct file **socket, char *cookie)
{
	int err = copy_from_user(cookie, ev->sigev_value.sival_ptr, NOTIFY_COOKIE_LEN);

	if (err)
		return err;
	*socket = fd_get(ev->sigev_signo);
	if (!*socket)
		return -EBADF;
	err = mq_cookie_send ? mq_cookie_send(*socket, NULL, 0) : -ENOTSOCK;
	if (err)
		file_put(*socket);
	return err;
}

int do_mq_notify(int fd, const struct sigevent *ev)
{
	char cookie[NOTIFY_COOKIE_LEN];
	struct file *socket = NULL;
	struct pid *self = current->proc->pid;
	struct file *f;
	struct mqueue *q;
	int err = 0;

	if (ev && ((u32)ev->sigev_notify > SIGEV_THREAD ||
		   (ev->sigev_notify == SIGEV_SIGNAL && (u32)ev->sigev_signo > SIG_MAX)))
		return -EINVAL;
	if (ev && ev->sigev_notify == SIGEV_THREAD)
		err = notify_socket(ev, &socket, cookie);
	if (err)
		return err;
	q = queue_get(fd, &f);
	if (!q) {
		err = -EBADF;
		goto out;
	}
	mutex_lock(&q->lock);
	if (ev && q->notify) {
		err = -EBUSY;
	} else if (ev) {
		pid_get(self);
		q->notify = self;
		q->event = *ev;
		q->socket = socket;
		socket = NULL;
		memcpy(q->cookie, cookie, sizeof(cookie));
	} else if (q->notify == self) {
		notify_end(q, NOTIFY_REMOVED);
	}
	mutex_unlock(&q->lock);
	file_put(f);
out:
	file_put(socket);
	return err;
}

int do_mq_getsetattr(int fd, const struct mq_attr *new, struct mq_attr *old)
{
	struct file *f;
	struct mqueue *q;

	if (new &&new->mq_flags & ~O_NONBLOCK)
		return -EINVAL;
	q = queue_get(fd, &f);
	if (!q)
		return -EBADF;
	spin_lock(&f->lock);
	*old = (struct mq_attr){
		.mq_flags = f->flags & O_NONBLOCK,
		.mq_maxmsg = q->max,
		.mq_msgsize = q->msgsize,
		.mq_curmsgs = READ_ONCE(q->count),
	};
	if (new)
		f->flags = (f->flags & ~O_NONBLOCK) | new->mq_flags;
	spin_unlock(&f->lock);
	file_put(f);
	return 0;
}

static ssize_t mq_read(struct file *f, struct uio *to, loff_t *pos)
{
	struct mqueue *q = f->inode->priv;
	char text[80];
	bool signal;
	size_t n;

	mutex_lock(&q->lock);
	signal = q->notify && q->event.sigev_notify == SIGEV_SIGNAL;
	n = snprintf(text, sizeof(text), "QSIZE:%-10llu NOTIFY:%-5d SIGNO:%-5d NOTIFY_PID:%-6d\n",
		     (unsigned long long)q->bytes, q->notify ? q->event.sigev_notify : 0,
		     signal ? q->event.sigev_signo : 0, ipc_pid(q->notify));
	mutex_unlock(&q->lock);
	if (*pos < 0 || (size_t)*pos >= n)
		return 0;
	n = uio_put(to, text + *pos, n - *pos);
	if ((ssize_t)n > 0)
		*pos += n;
	return n;
}

static u32 mq_poll(struct file *f, struct poll_table *pt)
{
	struct mqueue *q = f->inode->priv;
	u64 count;

	poll_wait(f, &q->wait, pt);
	count = READ_ONCE(q->count);
	return (count ? POLLIN | POLLRDNORM : 0) | ((s64)count < q->max ? POLLOUT | POLLWRNORM : 0);
}

/* Who closes a queue is no longer told of it. */
static void mq_flush(struct file *f)
{
	struct mqueue *q = f->inode->priv;

	mutex_lock(&q->lock);
	if (q->notify == current->proc->pid)
		notify_end(q, NOTIFY_REMOVED);
	mutex_unlock(&q->lock);
}

static const struct file_ops mq_fops = { .read = mq_read, .poll = mq_poll, .flush = mq_flush };
