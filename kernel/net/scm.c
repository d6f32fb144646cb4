/* SPDX-License-Identifier: MIT */
/*
 * The control messages of AF_UNIX (unix(7)): SCM_CREDENTIALS, checked and told in the numbers of the
 * receiver's namespaces, and SCM_RIGHTS, files in flight.
 *
 * A file in flight is referred to by a message alone, and a socket can be in flight in its own queue:
 * then nobody can close it. The collector finds such sockets. A socket all of whose references are
 * flights is a candidate; flights in the queue of a candidate are taken off its count; what has none
 * left, and is not in the queue of one that has, is garbage: its messages lose their files.
 *
 * flight_lock guards all this: the in_flight lists and accept queues that the collector walks, counts,
 * and the list of files to be closed. To close a file may end a socket with more files in its queue, so
 * it is not done in place but by the one thread that empties that list: a chain needs no stack.
 */
#include "net/unix.h"

#include <linux/capability.h>

#define SCM_MAX_FD 253U

static spinlock_t flight_lock;
static struct list_head flying_sockets = LIST_INIT(flying_sockets);
static struct radix flights_of; /* uid -> how many files, never 0 */
static struct list_head doomed = LIST_INIT(doomed);
static bool closing;

static struct unix_sock *unix_of(struct file *f)
{
	struct socket *s = file_socket(f);

	return s && s->family == AF_UNIX ? unix_sk(s) : NULL;
}

/* ---- files ---- */

static void rights_close(struct scm_files *f)
{
	for (unsigned int i = 0; i < f->n; i++)
		file_put(f->file[i]);
	kfree(f);
}

static void rights_put(struct scm_files *f)
{
	bool mine;

	if (!f || !ref_put(&f->refs))
		return;
	spin_lock(&flight_lock);
	list_add_tail(&f->link, &doomed);
	mine = !closing;
	closing = true;
	while (mine && (f = list_pop(&doomed, struct scm_files, link))) {
		spin_unlock(&flight_lock);
		rights_close(f);
		spin_lock(&flight_lock);
	}
	if (mine)
		closing = false;
	spin_unlock(&flight_lock);
}

static struct scm_files *rights_new(void)
{
	struct scm_files *f = kzalloc(sizeof(*f) + SCM_MAX_FD * sizeof(f->file[0]));

	if (f) {
		ref_init(&f->refs);
		list_init(&f->link);
		f->uid = current->thread.cred->uid;
	}
	return f;
}

struct scm_files *scm_files_copy(const struct scm_files *f)
{
	struct scm_files *copy = rights_new();

	if (!copy)
		return NULL;
	copy->n = f->n;
	for (unsigned int i = 0; i < f->n; i++) {
		copy->file[i] = f->file[i];
		file_get(f->file[i]);
	}
	return copy;
}

/* ---- flights ---- */

static u64 user_flights(uid_t uid)
{
	return (u64)radix_get(&flights_of, uid);
}

/* flight_lock held. Without memory for a count, the user's flights are not counted. */
static void count_user(uid_t uid, long n)
{
	u64 flights = user_flights(uid) + n;

	radix_erase(&flights_of, uid);
	if ((long)flights > 0)
		radix_insert(&flights_of, uid, (void *)flights);
}

static bool too_many(void)
{
	SPIN_GUARD(&flight_lock);
	return user_flights(current->thread.cred->uid) > thread_rlimit(RLIMIT_NOFILE) &&
	       !capable(CAP_SYS_RESOURCE) && !capable(CAP_SYS_ADMIN);
}

void scm_fly(struct scm_files *f, struct unix_sock *to)
{
	SPIN_GUARD(&flight_lock);
	f->flying = true;
	list_add_tail(&f->link, &to->in_flight);
	count_user(f->uid, f->n);
	for (unsigned int i = 0; i < f->n; i++) {
		struct unix_sock *u = unix_of(f->file[i]);

		if (u && u->flights++ == 0)
			list_add(&u->flight_link, &flying_sockets);
	}
}

/* Off the counts, but not out of the list it is in. flight_lock held. */
static void land(struct scm_files *f)
{
	f->flying = false;
	count_user(f->uid, -(long)f->n);
	for (unsigned int i = 0; i < f->n; i++) {
		struct unix_sock *u = unix_of(f->file[i]);

		if (u && --u->flights == 0)
			list_del(&u->flight_link);
	}
}

void scm_land(struct scm_files *f)
{
	SPIN_GUARD(&flight_lock);
	if (f->flying) { /* else the collector has it */
		list_del(&f->link);
		land(f);
	}
}

void scm_accept_add(struct unix_sock *l, struct unix_sock *e)
{
	SPIN_GUARD(&flight_lock);
	list_add_tail(&e->accept_link, &l->accepts);
}

void scm_accept_del(struct unix_sock *e)
{
	SPIN_GUARD(&flight_lock);
	list_del(&e->accept_link);
}

/* ---- the collector ---- */

#define NOT_CANDIDATE (~0U)

/* Calls fn for each socket in u's queue, and in those of the connections that wait for accept(2). */
static void each_queued(struct unix_sock *u, void (*fn)(struct unix_sock *in))
{
	struct scm_files *f;
	struct unix_sock *e;

	list_for_each(f, &u->in_flight, link)
		for (unsigned int i = 0; i < f->n; i++)
			if (unix_of(f->file[i]))
				fn(unix_of(f->file[i]));
	list_for_each(e, &u->accepts, accept_link)
		each_queued(e, fn);
}

static void count_down(struct unix_sock *in)
{
	if (in->outside != NOT_CANDIDATE)
		in->outside--;
}

/* Found reachable: goes to the end of the list, where the walk comes to it. */
static void reach(struct unix_sock *in)
{
	if (in->outside == NOT_CANDIDATE)
		return;
	in->outside = NOT_CANDIDATE;
	list_move_tail(&in->flight_link, &flying_sockets);
}

static void condemn(struct unix_sock *u, struct list_head *garbage)
{
	struct scm_files *f;
	struct unix_sock *e;

	list_for_each(f, &u->in_flight, link)
		ref_get(&f->refs);
	list_splice_tail(&u->in_flight, garbage);
	list_for_each(e, &u->accepts, accept_link)
		condemn(e, garbage);
}

/* Moves the messages of unreachable sockets to garbage. flight_lock held. */
static void find_garbage(struct list_head *garbage)
{
	struct unix_sock *u, *next;
	struct scm_files *f;

	list_for_each(u, &flying_sockets, flight_link) {
		u->outside = ref_read(&u->s.file->refs) == u->flights ? u->flights : NOT_CANDIDATE;
	}
	list_for_each(u, &flying_sockets, flight_link)
		if (u->outside != NOT_CANDIDATE)
			each_queued(u, count_down);
	/* Whoever is still held from outside is reachable, and then all that is in its queue. */
	list_for_each_safe(u, next, &flying_sockets, flight_link)
		if (u->outside && u->outside != NOT_CANDIDATE)
			reach(u);
	list_for_each(u, &flying_sockets, flight_link)
		if (u->outside == NOT_CANDIDATE)
			each_queued(u, reach);
	list_for_each(u, &flying_sockets, flight_link)
		if (!u->outside)
			condemn(u, garbage);
	list_for_each(f, garbage, link)
		land(f);
}

void unix_collect(void)
{
	struct list_head garbage = LIST_INIT(garbage);
	struct scm_files *f;

	if (list_empty(&flying_sockets))
		return;
	spin_lock(&flight_lock);
	find_garbage(&garbage);
	spin_unlock(&flight_lock);
	while ((f = list_pop(&garbage, struct scm_files, link))) {
		unsigned int n = f->n;

		f->n = 0; /* the message keeps none */
		for (unsigned int i = 0; i < n; i++)
			file_put(f->file[i]);
		rights_put(f);
	}
}

/* ---- sending ---- */

static int add_files(struct scm *scm, const struct cmsghdr *c)
{
	unsigned int n = (c->cmsg_len - sizeof(*c)) / sizeof(int);
	const int *fds = (const int *)(c + 1);
	struct scm_files *f = scm->files;

	if (!n)
		return 0;
	if (n > SCM_MAX_FD)
		return -EINVAL;
	if (!f)
		f = scm->files = rights_new();
	if (!f)
		return -ENOMEM;
	if (f->n + n > SCM_MAX_FD)
		return -EINVAL;
	for (unsigned int i = 0; i < n; i++) {
		f->file[f->n] = fds[i] < 0 ? NULL : fd_get_path(fds[i]);
		if (!f->file[f->n])
			return -EBADF;
		f->n++;
	}
	return 0;
}

static bool is_own_id(const struct ucred *uc, uid_t uid, gid_t gid)
{
	const struct cred *c = current->thread.cred;
	bool may_pid = uc->pid == (u32)task_tgid_in(current, task_pid_ns(current)) ||
		       ns_capable(task_pid_ns(current)->ns.owner, CAP_SYS_ADMIN);
	bool may_uid = uid == c->uid || uid == c->euid || uid == c->suid ||
		       ns_capable(c->user_ns, CAP_SETUID);
	bool may_gid = gid == c->gid || gid == c->egid || gid == c->sgid ||
		       ns_capable(c->user_ns, CAP_SETGID);

	return may_pid && may_uid && may_gid;
}

static int add_given_cred(struct scm *scm, const struct cmsghdr *c)
{
	const struct ucred *uc = (const struct ucred *)(c + 1);
	uid_t uid;
	gid_t gid;

	if (c->cmsg_len != sizeof(*c) + sizeof(*uc))
		return -EINVAL;
	uid = uid_from_ns(current->thread.cred->user_ns, uc->uid);
	gid = gid_from_ns(current->thread.cred->user_ns, uc->gid);
	if (uid == (uid_t)-1 || gid == (gid_t)-1)
		return -EINVAL;
	if (!is_own_id(uc, uid, gid))
		return -EPERM;
	if (scm->pid)
		pid_put(scm->pid);
	scm->pid = pid_find(task_pid_ns(current), uc->pid);
	scm->uid = uid;
	scm->gid = gid;
	return scm->pid ? 0 : -ESRCH;
}

int scm_parse(const struct net_msg *msg, struct scm *scm)
{
	struct cmsghdr *c = NULL;
	int err = 0;

	*scm = (struct scm){ .uid = -1, .gid = -1 };
	while (!err && (c = next_cmsg(msg, c, &err))) {
		if (c->cmsg_level != SOL_SOCKET)
			continue;
		if (c->cmsg_type == SCM_RIGHTS)
			err = add_files(scm, c);
		else if (c->cmsg_type == SCM_CREDENTIALS)
			err = add_given_cred(scm, c);
		else
			err = -EINVAL;
	}
	if (!err && scm->files && too_many())
		err = -ETOOMANYREFS;
	return err;
}

void scm_set_cred(struct scm *scm)
{
	scm->pid = current->proc->pid;
	pid_get(scm->pid);
	scm->uid = current->thread.cred->uid;
	scm->gid = current->thread.cred->gid;
}

void scm_drop(struct scm *scm)
{
	rights_put(scm->files);
	scm->files = NULL;
	if (scm->pid)
		pid_put(scm->pid);
	scm->pid = NULL;
}

/* ---- receiving ---- */

/* Gives the caller a descriptor for each file that has room in msg->control. */
static void deliver_files(struct net_msg *msg, struct scm_files *f)
{
	size_t room = msg->control_len;
	unsigned int max = room <= sizeof(struct cmsghdr) ? 0 : (room - sizeof(struct cmsghdr)) / 4;
	int __user *to = (int __user *)((struct cmsghdr *)msg->control + 1);
	struct cmsghdr head = { 0, SOL_SOCKET, SCM_RIGHTS };
	unsigned int i;

	for (i = 0; i < f->n && i < max; i++) {
		int fd;

		if (put_user(-1, to + i))
			break;
		file_get(f->file[i]);
		fd = fd_install(f->file[i], 0, msg->flags & MSG_CMSG_CLOEXEC);
		if (fd < 0)
			break;
		if (put_user(fd, to + i)) {
			fd_close(fd);
			break;
		}
	}
	if (i < f->n)
		msg->out |= MSG_CTRUNC;
	if (!i)
		return;
	head.cmsg_len = sizeof(head) + i * sizeof(int);
	if (copy_to_user(msg->control, &head, sizeof(head)))
		return;
	room = min(CMSG_ALIGN(head.cmsg_len), room);
	msg->control = (char *)msg->control + room;
	msg->control_len -= room;
}

void scm_deliver(struct socket *s, struct net_msg *msg, struct scm *scm)
{
	bool creds = socket_opt(s, SOCK_OPT_PASSCRED);
	struct ucred uc;

	if (!msg->control) {
		if (creds || scm->files)
			msg->out |= MSG_CTRUNC;
	} else {
		if (creds) {
			uc.pid = scm->pid ? pid_nr_ns(scm->pid, task_pid_ns(current)) : 0;
			uc.uid = uid_shown(scm->uid);
			uc.gid = gid_shown(scm->gid);
			put_cmsg(msg, SOL_SOCKET, SCM_CREDENTIALS, &uc, sizeof(uc));
		}
		if (scm->files)
			deliver_files(msg, scm->files);
	}
	scm_drop(scm);
}
