/* SPDX-License-Identifier: MIT */
/*
 * User notification (seccomp_unotify(2)): a filter's verdict is asked of whoever holds its listener. A
 * call that waits is a notice on its task's stack, in the filter's list while the listener is open:
 *
 *	NEW	not yet received
 *	SENT	the supervisor knows of it; until it answers it may give the task descriptors
 *	ANSWERED
 *
 * f->lock guards lists and states. Whoever changes a state wakes the task while holding it, so that the
 * task, which takes it again before it leaves, does not take its wait queue away too early.
 */
#include "container/seccomp.h"

#include <asm/ioctl.h>

enum { NEW, SENT, ANSWERED };

struct notice {
	struct list_head link; /* in f->notices */
	int state;
	u64 id;
	struct task *task;
	const struct seccomp_data *data;
	struct list_head gifts;
	struct waitq wait;
	/* the answer */
	int error;
	s64 value;
	bool go_on;
};

/* A descriptor on its way to the task, on the supervisor's stack: SECCOMP_IOCTL_NOTIF_ADDFD. */
struct gift {
	struct list_head link; /* empty: the task has taken it */
	struct file *file;
	const struct seccomp_notif_addfd *how;
	bool done;
	int fd; /* the result, -errno */
	struct waitq wait;
};

static void set_state(struct seccomp_filter *f, struct notice *n, int state)
{
	f->nr_new += (state == NEW) - (n->state == NEW);
	n->state = state;
}

static void answer(struct seccomp_filter *f, struct notice *n, int error, s64 value, bool go_on)
{
	set_state(f, n, ANSWERED);
	n->error = error;
	n->value = value;
	n->go_on = go_on;
	waitq_wake_all(&n->wait, 0);
}

/* ---- the task's side ---- */

static void hand_over(struct gift *g, int fd)
{
	g->fd = fd;
	g->done = true;
	waitq_wake_all(&g->wait, 0);
}

/* f->lock held, dropped meanwhile: a descriptor that is replaced may be a listener. */
static void take_gift(struct seccomp_filter *f, struct notice *n, struct gift *g)
{
	const struct seccomp_notif_addfd *how = g->how;
	bool cloexec = how->newfd_flags & O_CLOEXEC;
	int fd;

	list_del(&g->link);
	list_init(&g->link);
	mutex_unlock(&f->lock);
	file_get(g->file);
	fd = how->flags & SECCOMP_ADDFD_FLAG_SETFD ? fd_install_at(g->file, how->newfd, cloexec)
						   : fd_install(g->file, 0, cloexec);
	mutex_lock(&f->lock);
	if (how->flags & SECCOMP_ADDFD_FLAG_SEND) {
		n->state = SENT;
		if (fd >= 0)
			answer(f, n, 0, fd, false);
	}
	hand_over(g, fd);
}

/* Sleeps until something is done to n. False: a signal is there, which if patient is a fatal one. */
static bool wait_for_news(struct notice *n, bool patient)
{
	struct wait_entry w = { 0 };
	bool stop;

	list_init(&w.link);
	waitq_prepare(&n->wait, &w, patient ? THREAD_UNINTERRUPTIBLE : THREAD_INTERRUPTIBLE);
	stop = patient ? thread_killed() : thread_interrupted();
	if (!stop && READ_ONCE(n->state) != ANSWERED && list_empty(&n->gifts))
		schedule();
	waitq_finish(&w);
	return !stop;
}

/* f->lock held, dropped while it sleeps. 0, or -ERESTARTSYS */
static int wait_for_answer(struct seccomp_filter *f, struct notice *n)
{
	while (n->state != ANSWERED || !list_empty(&n->gifts)) {
		bool patient = f->wait_killable && n->state == SENT, ok;

		mutex_unlock(&f->lock);
		ok = wait_for_news(n, patient);
		mutex_lock(&f->lock);
		if (!list_empty(&n->gifts))
			take_gift(f, n, list_first(&n->gifts, struct gift, link));
		else if (!ok && n->state != ANSWERED &&
			 (patient || !f->wait_killable || n->state != SENT))
			return -ERESTARTSYS;
	}
	return 0;
}

bool seccomp_ask(struct seccomp_filter *f, const struct seccomp_data *data, struct regs *regs)
{
	struct notice n = { .task = current, .data = data, .error = -ENOSYS };

	list_init(&n.link);
	list_init(&n.gifts);
	waitq_init(&n.wait);
	mutex_lock(&f->lock);
	if (f->listening) {
		n.id = ++f->last_id;
		f->nr_new++;
		list_add_tail(&n.link, &f->notices);
		waitq_wake_all(&f->wait, POLLIN | POLLRDNORM);
		if (wait_for_answer(f, &n))
			n.error = -ERESTARTSYS;
		while (!list_empty(&n.gifts)) {
			struct gift *g = list_first(&n.gifts, struct gift, link);

			list_del(&g->link);
			list_init(&g->link);
			hand_over(g, -ESRCH);
		}
		set_state(f, &n, ANSWERED);
		list_del(&n.link);
	}
	mutex_unlock(&f->lock);
	if (!n.go_on)
		regs->rax = n.error ? n.error : n.value;
	return n.go_on;
}

/* ---- the listener ---- */

/* The first in that state, or that of an id; f->lock held. NULL */
static struct notice *find(struct seccomp_filter *f, int state)
{
	struct notice *n;

	list_for_each(n, &f->notices, link)
		if (n->state == state)
			return n;
	return NULL;
}

static struct notice *find_id(struct seccomp_filter *f, u64 id)
{
	struct notice *n;

	list_for_each(n, &f->notices, link)
		if (n->id == id)
			return n;
	return NULL;
}

static long receive(struct seccomp_filter *f, struct seccomp_notif __user *user)
{
	struct seccomp_notif notif;
	static const struct seccomp_notif zero;
	struct notice *n;
	int err;

	if (get_user(notif, user))
		return -EFAULT;
	if (memcmp(&notif, &zero, sizeof(notif)))
		return -EINVAL;
	err = wait_event(&f->wait, READ_ONCE(f->nr_new) || !ref_read(&f->users));
	if (err)
		return -EINTR;
	mutex_lock(&f->lock);
	n = find(f, NEW);
	if (n) {
		notif.id = n->id;
		notif.pid = task_tid_in(n->task, task_pid_ns(current));
		notif.data = *n->data;
		set_state(f, n, SENT);
		waitq_wake_all(&f->wait, POLLOUT | POLLWRNORM);
		waitq_wake_all(&n->wait, 0);
	}
	mutex_unlock(&f->lock);
	if (!n)
		return -ENOENT; /* another was faster, a signal took it back, or nobody is left */
	if (!put_user(notif, user))
		return 0;
	mutex_lock(&f->lock);
	n = find_id(f, notif.id);
	if (n && n->state == SENT) {
		set_state(f, n, NEW);
		waitq_wake_all(&f->wait, POLLIN | POLLRDNORM);
	}
	mutex_unlock(&f->lock);
	return -EFAULT;
}

static long respond(struct seccomp_filter *f, const struct seccomp_notif_resp __user *user)
{
	struct seccomp_notif_resp r;
	struct notice *n;
	long err = 0;
	bool go_on;

	if (get_user(r, user))
		return -EFAULT;
	go_on = r.flags & SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	if (r.flags & ~SECCOMP_USER_NOTIF_FLAG_CONTINUE || (go_on && (r.error || r.val)))
		return -EINVAL;
	mutex_lock(&f->lock);
	n = find_id(f, r.id);
	if (!n)
		err = -ENOENT;
	else if (n->state != SENT)
		err = -EINPROGRESS;
	else
		answer(f, n, r.error, r.val, go_on);
	mutex_unlock(&f->lock);
	return err;
}

static long is_valid(struct seccomp_filter *f, const u64 __user *uid)
{
	struct notice *n;
	long err;
	u64 id;

	if (get_user(id, uid))
		return -EFAULT;
	mutex_lock(&f->lock);
	n = find_id(f, id);
	err = n && n->state == SENT ? 0 : -ENOENT;
	mutex_unlock(&f->lock);
	return err;
}

/* f->lock held. -ENOENT, -EINPROGRESS, -EBUSY */
static int offer(struct seccomp_filter *f, struct gift *g)
{
	struct notice *n = find_id(f, g->how->id);
	bool send = g->how->flags & SECCOMP_ADDFD_FLAG_SEND;

	if (!n)
		return -ENOENT;
	if (n->state != SENT)
		return -EINPROGRESS;
	if (send && !list_empty(&n->gifts))
		return -EBUSY;
	if (send)
		n->state = ANSWERED; /* by what comes of it */
	list_add_tail(&g->link, &n->gifts);
	waitq_wake_all(&n->wait, 0);
	return 0;
}

/* Waited long enough. False: too late, the task has it. */
static bool take_back(struct seccomp_filter *f, struct gift *g)
{
	struct notice *n;
	bool untaken;

	mutex_lock(&f->lock);
	untaken = !list_empty(&g->link);
	if (untaken) {
		list_del(&g->link);
		n = find_id(f, g->how->id);
		if (n && g->how->flags & SECCOMP_ADDFD_FLAG_SEND)
			n->state = SENT;
	}
	mutex_unlock(&f->lock);
	if (!untaken) {
		wait_event_uninterruptible(&g->wait, READ_ONCE(g->done));
		mutex_lock(&f->lock); /* whoever woke us has let go of the queue */
		mutex_unlock(&f->lock);
	}
	return untaken;
}

static long add_fd(struct seccomp_filter *f, const void __user *user, size_t size)
{
	struct seccomp_notif_addfd how;
	struct gift g = { .how = &how };
	char more = 0;
	long err;

	if (size < sizeof(how) || size >= PAGE_SIZE)
		return -EINVAL;
	if (get_user(how, (const struct seccomp_notif_addfd __user *)user))
		return -EFAULT;
	for (size_t i = sizeof(how); i < size; i++)
		if (get_user(more, (const char __user *)user + i) || more)
			return more ? -E2BIG : -EFAULT;
	if (how.newfd_flags & ~O_CLOEXEC ||
	    how.flags & ~(SECCOMP_ADDFD_FLAG_SETFD | SECCOMP_ADDFD_FLAG_SEND) ||
	    (how.newfd && !(how.flags & SECCOMP_ADDFD_FLAG_SETFD)))
		return -EINVAL;
	g.file = fd_get(how.srcfd);
	if (!g.file)
		return -EBADF;
	list_init(&g.link);
	waitq_init(&g.wait);
	mutex_lock(&f->lock);
	err = offer(f, &g);
	mutex_unlock(&f->lock);
	if (!err) {
		err = wait_event(&g.wait, READ_ONCE(g.done));
		err = take_back(f, &g) ? err : g.fd;
	}
	file_put(g.file);
	return err;
}

static long listener_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct seccomp_filter *f = file->priv;
	void __user *user = (void __user *)arg;

	switch (cmd) {
	case SECCOMP_IOCTL_NOTIF_RECV:
		return receive(f, user);
	case SECCOMP_IOCTL_NOTIF_SEND:
		return respond(f, user);
	case SECCOMP_IOCTL_NOTIF_ID_VALID:
	case SECCOMP_IOR(2, u64): /* its number when it was new */
		return is_valid(f, user);
	}
	/* The size tells how much the caller knows. */
	if (_IOC_TYPE(cmd) == SECCOMP_IOC_MAGIC && _IOC_NR(cmd) == 3)
		return add_fd(f, user, _IOC_SIZE(cmd));
	return -EINVAL;
}

static u32 listener_poll(struct file *file, struct poll_table *pt)
{
	struct seccomp_filter *f = file->priv;
	u32 ready = 0;

	if (pt)
		poll_wait(file, &f->wait, pt);
	mutex_lock(&f->lock);
	if (f->nr_new)
		ready |= POLLIN | POLLRDNORM;
	if (find(f, SENT))
		ready |= POLLOUT | POLLWRNORM;
	mutex_unlock(&f->lock);
	return ready | (ref_read(&f->users) ? 0 : POLLHUP);
}

static void listener_release(struct file *file)
{
	struct seccomp_filter *f = file->priv;
	struct notice *n;

	mutex_lock(&f->lock);
	f->listening = false;
	list_for_each(n, &f->notices, link)
		if (n->state != ANSWERED)
			answer(f, n, -ENOSYS, 0, false);
	mutex_unlock(&f->lock);
	seccomp_filter_put(f);
}

static const struct file_ops listener_ops = {
	.release = listener_release,
	.ioctl = listener_ioctl,
	.poll = listener_poll,
};

struct file *seccomp_listener(struct seccomp_filter *f)
{
	struct file *file = file_anon("seccomp notify", &listener_ops, f, O_RDWR);

	if (!IS_ERR(file)) {
		f->listening = true;
		ref_get(&f->refs);
	}
	return file;
}
