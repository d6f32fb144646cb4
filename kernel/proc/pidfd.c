/* SPDX-License-Identifier: MIT */
/* Files that stand for a process: pidfd_open(2) and its calls; and signalfd(2). */
#include "proc/internal.h"
#include "proc/procfs.h"

#include <linux/pidfd.h>
#include <linux/signalfd.h>

/* ---- pidfd: file->priv is a struct pid ---- */

static void pidfd_release(struct file *f)
{
	pid_put(f->priv);
}

static bool has_ended(struct pid *pid)
{
	struct task *t = pid_task(pid, PID_PROCESS);
	bool ended = !t || READ_ONCE(t->proc->zombie);

	task_put(t);
	return ended;
}

static u32 pidfd_poll(struct file *f, struct poll_table *pt)
{
	struct pid *pid = f->priv;

	if (pt)
		poll_wait(f, &pid->wait, pt);
	return has_ended(pid) ? POLLIN | POLLRDNORM : 0;
}

static void pidfd_fdinfo(struct file *f, struct strbuf *out)
{
	struct pid *pid = f->priv;
	struct pid_ns *ns = task_pid_ns(current);
	struct task *t = pid_task(pid, PID_PROCESS); /* until it was waited for */
	pid_t nr = t ? pid_nr_ns(pid, ns) : -1;

	task_put(t);
	sb_printf(out, "Pid:\t%d\nNSpid:\t%d", nr, nr);
	for (unsigned int i = ns->level + 1; nr > 0 && i <= pid->level; i++)
		sb_printf(out, "\t%d", pid->numbers[i].nr);
	sb_putc(out, '\n');
}

static const struct file_ops pidfd_ops = {
	.release = pidfd_release,
	.poll = pidfd_poll,
	.show_fdinfo = pidfd_fdinfo,
};

struct file *pidfd_file(struct pid *pid, int flags)
{
	struct file *f;

	pid_get(pid);
	f = file_anon("[pidfd]", &pidfd_ops, pid, O_RDWR | flags);
	if (IS_ERR(f))
		pid_put(pid);
	return f;
}

struct pid *pidfd_pid(int fd)
{
	struct file *f = fd_get(fd);
	struct pid *pid = ERR_PTR(-EBADF);

	if (!f)
		return pid;
	if (f->ops == &pidfd_ops) {
		pid = f->priv;
		pid_get(pid);
	}
	file_put(f);
	return pid;
}

int do_pidfd_open(pid_t nr, unsigned int flags)
{
	struct pid *pid;
	struct file *f;
	struct task *t;

	if (flags & ~O_NONBLOCK || nr <= 0)
		return -EINVAL;
	pid = pid_find(task_pid_ns(current), nr);
	if (!pid)
		return -ESRCH;
	t = pid_task(pid, PID_PROCESS);
	f = t ? pidfd_file(pid, flags) : ERR_PTR(-EINVAL);
	task_put(t);
	pid_put(pid);
	return fd_install(f, 0, true);
}

/* Signals go by a pidfd, or by an open /proc/N, too (pidfd_send_signal(2)). */
static struct pid *signal_target(int fd)
{
	struct pid *pid = pidfd_pid(fd);
	struct file *f = IS_ERR(pid) ? fd_get(fd) : NULL;

	if (!f)
		return pid;
	pid = proc_dir_pid(f);
	if (pid)
		pid_get(pid);
	file_put(f);
	return pid ?: ERR_PTR(-EBADF);
}

int do_pidfd_send_signal(int pidfd, int sig, siginfo_t *info, unsigned int flags)
{
	struct pid *pid;
	struct task *t;
	pid_t nr;
	int err;

	if (flags)
		return -EINVAL;
	pid = signal_target(pidfd);
	if (IS_ERR(pid))
		return PTR_ERR(pid);
	t = pid_task(pid, PID_PROCESS);
	nr = pid_nr_ns(pid, task_pid_ns(current));
	pid_put(pid);
	if (!t)
		return -ESRCH;
	/* -EINVAL: not in the caller's namespace or below it */
	err = nr ? signal_by_pidfd(sig, info, t) : -EINVAL;
	task_put(t);
	return err;
}

/* The other process's descriptor becomes one of the caller's (pidfd_getfd(2)). */
int do_pidfd_getfd(int pidfd, int fd, unsigned int flags)
{
	struct file *f = NULL;
	struct pid *pid;
	struct task *t;
	bool may;

	if (flags)
		return -EINVAL;
	pid = pidfd_pid(pidfd);
	if (IS_ERR(pid))
		return PTR_ERR(pid);
	t = pid_task(pid, PID_PROCESS);
	pid_put(pid);
	if (!t)
		return -ESRCH;
	may = ptrace_may_access(t, false);
	if (may)
		f = task_file_get(t, fd);
	task_put(t);
	return may ? fd_install(f ? f : ERR_PTR(-EBADF), 0, true) : -EPERM;
}

/* ---- signalfd: file->priv is a struct signalfd ---- */

struct signalfd {
	ksigset_t mask;
};

/*
 * Where those wait who poll a signalfd, by process. What is put there by an epoll that several
 * processes have outlives the one that polled, so that no process owns a queue; several share one,
 * and who is woken for another looks again.
 */
static struct waitq queues[16];

struct waitq *signalfd_queue(const struct process *p)
{
	return &queues[(u64)p / sizeof(*p) % ARRAY_SIZE(queues)];
}

void signalfd_init(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(queues); i++)
		waitq_init(&queues[i]);
}

static void signalfd_release(struct file *f)
{
	kfree(f->priv);
}

static u32 signalfd_poll(struct file *f, struct poll_table *pt)
{
	struct signalfd *s = f->priv;
	struct task *t = current;

	if (pt)
		poll_wait(f, signalfd_queue(t->proc), pt);
	return (t->pending.set | t->proc->pending.set) & READ_ONCE(s->mask) ? POLLIN | POLLRDNORM
									    : 0;
}

static void to_signalfd(struct signalfd_siginfo *s, const siginfo_t *i)
{
	memset(s, 0, sizeof(*s));
	s->ssi_signo = i->si_signo;
	s->ssi_errno = i->si_errno;
	s->ssi_code = i->si_code;
	if (i->si_code == SI_TIMER) {
		s->ssi_tid = i->si_tid;
		s->ssi_overrun = i->si_overrun;
		s->ssi_ptr = (u64)i->si_ptr;
		s->ssi_int = i->si_int;
	} else if (i->si_code > 0 && (SIGBIT(i->si_signo) & SIGS_FAULT)) {
		s->ssi_addr = (u64)i->si_addr;
	} else {
		s->ssi_pid = i->si_pid;
		s->ssi_uid = i->si_uid;
		if (i->si_signo == SIGCHLD && i->si_code > 0) {
			s->ssi_status = i->si_status;
			s->ssi_utime = i->si_utime;
			s->ssi_stime = i->si_stime;
		} else {
			s->ssi_ptr = (u64)i->si_ptr;
			s->ssi_int = i->si_int;
		}
	}
}

static ssize_t signalfd_read(struct file *f, struct uio *to, loff_t *pos)
{
	struct signalfd *s = f->priv;
	struct waitq *wq = signalfd_queue(current->proc);
	struct signalfd_siginfo out;
	siginfo_t info;
	ssize_t done = 0;
	int sig = 0, err;

	if (to->left < sizeof(out))
		return -EINVAL;
	while (to->left >= sizeof(out)) {
		if (done || (f->flags & O_NONBLOCK)) {
			sig = dequeue_signal(READ_ONCE(s->mask), &info);
			if (!sig)
				break;
		} else {
			err = wait_event(wq, (sig = dequeue_signal(READ_ONCE(s->mask), &info)));
			if (err)
				return err;
		}
		to_signalfd(&out, &info);
		err = uio_put(to, &out, sizeof(out));
		if (err < (int)sizeof(out))
			return done ? done : -EFAULT;
		done += sizeof(out);
	}
	return done ? done : -EAGAIN;
}

static void signalfd_fdinfo(struct file *f, struct strbuf *out)
{
	struct signalfd *s = f->priv;

	sb_printf(out, "sigmask:\t%016llx\n", (unsigned long long)s->mask);
}

static const struct file_ops signalfd_ops = {
	.release = signalfd_release,
	.poll = signalfd_poll,
	.read = signalfd_read,
	.show_fdinfo = signalfd_fdinfo,
};

int do_signalfd(int fd, ksigset_t mask, int flags)
{
	struct signalfd *s;
	struct file *f;

	if (flags & ~(SFD_CLOEXEC | SFD_NONBLOCK))
		return -EINVAL;
	mask &= ~SIGS_UNBLOCKABLE;
	if (fd != -1) {
		f = fd_get(fd);
		if (!f)
			return -EBADF;
		if (f->ops == &signalfd_ops) {
			WRITE_ONCE(((struct signalfd *)f->priv)->mask, mask);
			waitq_wake_all(signalfd_queue(current->proc), POLLIN);
		} else {
			fd = -EINVAL;
		}
		file_put(f);
		return fd;
	}
	s = kmalloc(sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->mask = mask;
	f = file_anon("[signalfd]", &signalfd_ops, s, O_RDWR | (flags & O_NONBLOCK));
	if (IS_ERR(f)) {
		kfree(s);
		return PTR_ERR(f);
	}
	return fd_install(f, 0, flags & SFD_CLOEXEC);
}
