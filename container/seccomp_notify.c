/* SPDX-License-Identifier: MIT */
/*
 * User notification (seccomp_unotify(2)): a filter's verdict is asked of whoever holds its listener. A
 * call that waits is a notice on its task's stack, in the filter's list:
 *
 *	NEW	not yet received
 *	SENT	the supervisor knows of it; until it answers it may give the task descriptors
 *	ANSWERED
 *
 * f->lock guards lists and states. Whoever changes a state wakes the task while holding it, and the task
 * takes it again before it leaves: neither its notice nor its descriptors go away meanwhile.
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
	struct waitq wait;
	/* the answer */
	int error;
	s64 value;
	bool go_on;
};

static void set_state(struct seccomp_filter *f, struct notice *n, int state)
{
	f->nr_new += (state == NEW) - (n->state == NEW);
	n->state = state;
	waitq_wake_all(&n->wait, 0);
	waitq_wake_all(&f->wait, POLLIN | POLLOUT);
}

static void answer(struct seccomp_filter *f, struct notice *n, int error, s64 value, bool go_on)
{
	n->error = error;
	n->value = value;
	n->go_on = go_on;
	set_state(f, n, ANSWERED);
}

/* ---- the task's side ---- */

/* Sleeps until n is answered, or for a while. False: a signal is there, which if patient is fatal. */
static bool wait_for_news(struct notice *n, bool patient)
{
	struct wait_entry w = { 0 };
	bool stop;

	list_init(&w.link);
	waitq_prepare(&n->wait, &w, patient ? THREAD_UNINTERRUPTIBLE : THREAD_INTERRUPTIBLE);
	stop = patient ? thread_killed() : thread_interrupted();
	if (!stop && READ_ONCE(n->state) != ANSWERED)
		schedule();
	waitq_finish(&w);
	return !stop;
}

bool seccomp_ask(struct seccomp_filter *f, const struct seccomp_data *data, struct regs *regs)
{
	struct notice n = { .state = SENT, .task = current, .data = data, .error = -ENOSYS };
	bool patient, told;

	waitq_init(&n.wait);
	mutex_lock(&f->lock);
	if (f->listening) {
		n.id = ++f->last_id;
		list_add_tail(&n.link, &f->notices);
		set_state(f, &n, NEW);
		while (n.state != ANSWERED) {
			patient = f->wait_killable && n.state == SENT;
			mutex_unlock(&f->lock);
			told = wait_for_news(&n, patient);
			mutex_lock(&f->lock);
			/* It was received while we slept: such a signal is no longer enough. */
			if (!told && n.state != ANSWERED &&
			    patient == (f->wait_killable && n.state == SENT))
				answer(f, &n, -ERESTARTSYS, 0, false);
		}
		list_del(&n.link);
	}
	mutex_unlock(&f->lock);
	if (!n.go_on)
		regs->rax = n.error ? n.error : n.value;
	return n.go_on;
}

/* ---- the listener ---- */

/* The first in that state, or with -1 that of an id; f->lock held. NULL */
static struct notice *find(struct seccomp_filter *f, int state, u64 id)
{
	struct notice *n;

	list_for_each(n, &f->notices, link)
		if (state < 0 ? n->id == id : n->state == state)
			return n;
	return NULL;
}

/* The notice of an id that waits for its answer; f->lock held. ERR_PTR(-ENOENT, -EINPROGRESS) */
static struct notice *find_sent(struct seccomp_filter *f, u64 id)
{
	struct notice *n = find(f, -1, id);

	return !n ? ERR_PTR(-ENOENT) : n->state != SENT ? ERR_PTR(-EINPROGRESS) : n;
}

static long receive(struct seccomp_filter *f, struct seccomp_notif __user *user)
{
	static const struct seccomp_notif zero;
	struct seccomp_notif notif;
	struct notice *n;

	if (get_user(notif, user))
		return -EFAULT;
	if (memcmp(&notif, &zero, sizeof(notif)))
		return -EINVAL;
	if (wait_event(&f->wait, READ_ONCE(f->nr_new) || !ref_read(&f->users)))
		return -EINTR;
	mutex_lock(&f->lock);
	n = find(f, NEW, 0);
	if (n) {
		notif.id = n->id;
		notif.pid = task_tid_in(n->task, task_pid_ns(current));
		notif.data = *n->data;
		set_state(f, n, SENT);
	}
	mutex_unlock(&f->lock);
	if (!n)
		return -ENOENT; /* another was faster, a signal took it back, or nobody is left */
	if (!put_user(notif, user))
		return 0;
	mutex_lock(&f->lock);
	n = find_sent(f, notif.id);
	if (!IS_ERR(n))
		set_state(f, n, NEW);
	mutex_unlock(&f->lock);
	return -EFAULT;
}

static long respond(struct seccomp_filter *f, const struct seccomp_notif_resp __user *user)
{
	struct seccomp_notif_resp r;
	struct notice *n;
	bool go_on;

	if (get_user(r, user))
		return -EFAULT;
	go_on = r.flags & SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	if (r.flags & ~SECCOMP_USER_NOTIF_FLAG_CONTINUE || (go_on && (r.error || r.val)))
		return -EINVAL;
	mutex_lock(&f->lock);
	n = find_sent(f, r.id);
	if (!IS_ERR(n))
		answer(f, n, r.error, r.val, go_on);
	mutex_unlock(&f->lock);
	return IS_ERR(n) ? PTR_ERR(n) : 0;
}

static long is_valid(struct seccomp_filter *f, const u64 __user *uid)
{
	bool valid;
	u64 id;

	if (get_user(id, uid))
		return -EFAULT;
	mutex_lock(&f->lock);
	valid = !IS_ERR(find_sent(f, id));
	mutex_unlock(&f->lock);
	return valid ? 0 : -ENOENT;
}

/* Puts src into the table of the task that waits; its reference moves. The descriptor there, or -errno. */
static long give(struct seccomp_filter *f, const struct seccomp_notif_addfd *how, struct file *src)
{
	bool cloexec = how->newfd_flags & O_CLOEXEC;
	struct files *files = NULL;
	struct file *before = NULL;
	struct notice *n;
	long fd;

	mutex_lock(&f->lock);
	n = find_sent(f, how->id);
	if (IS_ERR(n)) {
		file_put(src);
		fd = PTR_ERR(n);
	} else {
		u64 limit = READ_ONCE(n->task->proc->rlim[RLIMIT_NOFILE].rlim_cur);

		files = n->task->thread.files;
		ref_get(&files->refs);
		fd = how->flags & SECCOMP_ADDFD_FLAG_SETFD
			     ? files_install_at(files, limit, src, how->newfd, cloexec, &before)
			     : files_install(files, limit, src, 0, cloexec);
		if (fd >= 0 && how->flags & SECCOMP_ADDFD_FLAG_SEND)
			answer(f, n, 0, fd, false);
	}
	mutex_unlock(&f->lock);
	if (before) /* perhaps a listener: not while we hold such a lock */
		files_close(files, before);
	files_put(files);
	return fd;
}

static long add_fd(struct seccomp_filter *f, const void __user *user, size_t size)
{
	struct seccomp_notif_addfd how;
	struct file *src;
	char more = 0;

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
	src = fd_get(how.srcfd);
	return src ? give(f, &how, src) : -EBADF;
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
	u32 ready;

	if (pt)
		poll_wait(file, &f->wait, pt);
	mutex_lock(&f->lock);
	ready = (f->nr_new ? POLLIN | POLLRDNORM : 0) |
		(find(f, SENT, 0) ? POLLOUT | POLLWRNORM : 0);
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
