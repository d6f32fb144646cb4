/* SPDX-License-Identifier: MIT */
/*
 * Terminals as files, and job control (tty_ioctl(4), credentials(7)). A terminal may control one
 * session; the session's foreground group is the one that reads and that ^C reaches.
 *
 * process->tty, guarded by tasks_lock, is set only in processes of the session that tty->session
 * names, so that walking the session finds them all. A hangup counts tty->generation up: files
 * opened before it read end-of-file and fail to write; /dev/console files live on.
 */
#include "dev/tty.h"

#include <linux/capability.h>
#include <linux/major.h>
#include <linux/tty.h>

struct tty_file { /* file->priv */
	struct tty *tty;
	u32 generation;
	bool is_console; /* opened as /dev/console: outlives hangups */
};

static spinlock_t tty_list_lock;
static struct list_head all_ttys = LIST_INIT(all_ttys);
static struct tty *console;

/* ---- objects ---- */

struct tty *tty_alloc(const char *name, dev_t dev, const struct tty_driver *drv, void *priv)
{
	struct tty *t = kzalloc(sizeof(*t));

	if (!t)
		return NULL;
	strscpy(t->name, name, sizeof(t->name));
	t->dev = dev;
	t->drv = drv;
	t->priv = priv;
	ref_init(&t->refs);
	spin_init(&t->lock);
	ldisc_init(t);
	spin_lock(&tty_list_lock);
	list_add_tail(&t->link, &all_ttys);
	spin_unlock(&tty_list_lock);
	return t;
}

void tty_get(struct tty *t)
{
	ref_get(&t->refs);
}

void tty_put(struct tty *t)
{
	if (!ref_put(&t->refs))
		return;
	spin_lock(&tty_list_lock);
	list_del(&t->link);
	spin_unlock(&tty_list_lock);
	if (t->free)
		t->free(t);
	kfree(t);
}

void *tty_priv(struct tty *t)
{
	return t->priv;
}

void tty_output_ready(struct tty *t)
{
	waitq_wake_all(&t->write_wait, POLLOUT | POLLWRNORM);
}

void tty_set_console(struct tty *t)
{
	console = t;
}

struct tty *tty_by_name(const char *name)
{
	struct tty *t, *found = NULL;

	spin_lock(&tty_list_lock);
	list_for_each(t, &all_ttys, link) {
		if (!strcmp(t->name, name))
			found = t;
	}
	spin_unlock(&tty_list_lock);
	return found;
}

/* A reference to the terminal with that number, or NULL. */
static struct tty *tty_find(dev_t dev)
{
	struct tty *t, *found = NULL;

	spin_lock(&tty_list_lock);
	list_for_each(t, &all_ttys, link) {
		if (t->dev == dev && ref_get_unless_zero(&t->refs)) {
			found = t;
			break;
		}
	}
	spin_unlock(&tty_list_lock);
	return found;
}

/* ---- the controlling terminal ---- */

/* A reference to what controls p, or NULL. */
static struct tty *controlling_tty(struct process *p)
{
	struct tty *t;

	spin_lock(&tasks_lock);
	t = p->tty;
	if (t)
		tty_get(t);
	spin_unlock(&tasks_lock);
	return t;
}

static void swap_pid(struct pid **slot, struct pid *new)
{
	struct pid *old = *slot;

	if (new)
		pid_get(new);
	*slot = new;
	if (old)
		pid_put(old);
}

/* A reference to the foreground group, or NULL. */
static struct pid *foreground(struct tty *t)
{
	struct pid *pgrp;

	spin_lock(&t->lock);
	pgrp = t->pgrp;
	if (pgrp)
		pid_get(pgrp);
	spin_unlock(&t->lock);
	return pgrp;
}

void tty_signal(struct tty *t, int sig)
{
	struct pid *pgrp = foreground(t);

	if (!pgrp)
		return;
	send_signal_group(sig, NULL, pgrp);
	pid_put(pgrp);
}

/* The session and its terminal part: no process of it has t any more. tasks_lock held. */
static void detach_session(struct tty *t)
{
	struct task *task;

	if (!t->session)
		return;
	list_for_each(task, &t->session->tasks[PID_SESSION], pid_links[PID_SESSION]) {
		if (task->proc->tty == t)
			task->proc->tty = NULL;
	}
	spin_lock(&t->lock);
	swap_pid(&t->session, NULL);
	swap_pid(&t->pgrp, NULL);
	spin_unlock(&t->lock);
}

/* What the session hears when its terminal goes: the leader and the foreground group. */
static void signal_session(struct tty *t)
{
	struct task *leader = NULL;
	struct pid *session;

	spin_lock(&tasks_lock);
	session = t->session;
	if (session)
		pid_get(session);
	spin_unlock(&tasks_lock);
	if (session) {
		leader = pid_task(session, PID_PROCESS); /* takes tasks_lock itself */
		pid_put(session);
	}
	if (leader) {
		send_signal_process(SIGHUP, NULL, leader);
		send_signal_process(SIGCONT, NULL, leader);
		task_put(leader);
	}
	tty_signal(t, SIGHUP);
	tty_signal(t, SIGCONT);
}

void tty_hangup(struct tty *t)
{
	signal_session(t);
	spin_lock(&tasks_lock);
	detach_session(t);
	spin_unlock(&tasks_lock);
	spin_lock(&t->lock);
	t->generation++;
	t->stopped = false;
	ldisc_flush_input(t);
	spin_unlock(&t->lock);
	waitq_wake_all(&t->read_wait, POLLIN | POLLHUP);
	waitq_wake_all(&t->write_wait, POLLOUT | POLLHUP);
}

/* The leader of a session ends: the terminal is free for the next. */
static void leader_exit(struct process *p)
{
	struct tty *t = controlling_tty(p);

	if (!t)
		return;
	tty_hangup(t);
	tty_put(t);
}

static void info_for_stat(struct tty *t, u64 *dev, struct pid **pgrp)
{
	*dev = dev_encode(t->dev);
	*pgrp = t->pgrp;
}

/* TIOCSCTTY, and open(2) by a leader without one: 0, -EPERM. steal: from its present session. */
static int acquire(struct tty *t, bool steal)
{
	struct process *p = current->proc;
	int err = -EPERM;

	spin_lock(&tasks_lock);
	if (p->tty == t && t->session == task_session(current)) {
		err = 0;
		goto out;
	}
	if (!p->session_leader || p->tty)
		goto out;
	if (t->session && !steal)
		goto out;
	detach_session(t);
	spin_lock(&t->lock);
	swap_pid(&t->session, task_session(current));
	swap_pid(&t->pgrp, task_pgrp(current));
	spin_unlock(&t->lock);
	p->tty = t;
	err = 0;
out:
	spin_unlock(&tasks_lock);
	return err;
}

/* TIOCNOTTY: a process leaves alone, a leader takes its session along. */
static int give_up(struct tty *t)
{
	struct process *p = current->proc;
	bool leader;

	spin_lock(&tasks_lock);
	if (p->tty != t) {
		spin_unlock(&tasks_lock);
		return -ENOTTY;
	}
	leader = p->session_leader;
	if (!leader)
		p->tty = NULL;
	spin_unlock(&tasks_lock);
	if (!leader)
		return 0;
	tty_signal(t, SIGHUP);
	tty_signal(t, SIGCONT);
	spin_lock(&tasks_lock);
	detach_session(t);
	spin_unlock(&tasks_lock);
	return 0;
}

/*
 * May the caller use its controlling terminal, or is it in the background? Then sig goes to its
 * group and the call restarts: -ERESTARTSYS. -EIO when stopping it would help nobody.
 */
static int check_foreground(struct tty *t, int sig)
{
	struct pid *pgrp;
	bool background, orphaned, ignored;

	spin_lock(&tasks_lock);
	pgrp = task_pgrp(current);
	background = current->proc->tty == t && t->pgrp && t->pgrp != pgrp;
	orphaned = background && pgrp_orphaned(pgrp);
	if (background)
		pid_get(pgrp);
	spin_unlock(&tasks_lock);
	if (!background)
		return 0;
	ignored = current->blocked & SIGBIT(sig) ||
		  current->sighand->action[sig - 1].handler == SIG_IGN;
	if (!ignored && !orphaned)
		send_signal_group(sig, NULL, pgrp);
	pid_put(pgrp);
	if (ignored)
		return sig == SIGTTIN ? -EIO : 0;
	return orphaned ? -EIO : -ERESTARTSYS;
}

/* ---- ioctl: window, groups ---- */

static long set_winsize(struct tty *t, const struct winsize __user *uws)
{
	struct winsize ws;
	bool changed;

	if (get_user(ws, uws))
		return -EFAULT;
	spin_lock(&t->lock);
	changed = memcmp(&ws, &t->ws, sizeof(ws));
	t->ws = ws;
	spin_unlock(&t->lock);
	if (changed)
		tty_signal(t, SIGWINCH);
	return 0;
}

/* Is t the caller's controlling terminal? */
static bool is_mine(const struct tty *t)
{
	return READ_ONCE(current->proc->tty) == t;
}

static long get_group(struct tty *t, bool session, int __user *unr)
{
	struct pid *pid;
	int nr = 0;

	if (!is_mine(t))
		return -ENOTTY;
	spin_lock(&t->lock);
	pid = session ? t->session : t->pgrp;
	if (pid)
		nr = pid_nr_ns(pid, task_pid_ns(current));
	spin_unlock(&t->lock);
	return session && !pid ? -ENOTTY : put_user(nr, unr);
}

static long set_group(struct tty *t, const int __user *unr)
{
	struct task *member;
	struct pid *pgrp;
	int nr, err = check_foreground(t, SIGTTOU);

	if (err)
		return err;
	if (!is_mine(t))
		return -ENOTTY;
	if (get_user(nr, unr))
		return -EFAULT;
	if (nr < 0)
		return -EINVAL;
	pgrp = pid_find(task_pid_ns(current), nr);
	if (!pgrp)
		return -ESRCH;
	spin_lock(&tasks_lock);
	err = -EPERM;
	if (t->session == task_session(current) && !list_empty(&pgrp->tasks[PID_GROUP])) {
		member = list_first(&pgrp->tasks[PID_GROUP], struct task, pid_links[PID_GROUP]);
		if (task_session(member) == t->session) {
			spin_lock(&t->lock);
			swap_pid(&t->pgrp, pgrp);
			spin_unlock(&t->lock);
			err = 0;
		}
	}
	spin_unlock(&tasks_lock);
	pid_put(pgrp);
	return err;
}

/* ---- ioctl: modes ---- */

static bool sent(struct tty *t)
{
	return !t->drv->pending || !t->drv->pending(t);
}

static int drain(struct tty *t, u32 generation)
{
	return wait_event(&t->write_wait, sent(t) || t->generation != generation);
}

/* What is locked keeps its value. tty->lock held. */
static void keep_locked(const struct tty *t, struct termios2 *tio)
{
#define KEEP(field)                                                                                \
	(tio->field = (tio->field & ~t->locked.field) | (t->tio.field & t->locked.field))
	KEEP(c_iflag);
	KEEP(c_oflag);
	KEEP(c_cflag);
	KEEP(c_lflag);
#undef KEEP
	if (t->locked.c_line)
		tio->c_line = t->tio.c_line;
	for (int i = 0; i < NCCS; i++)
		if (t->locked.c_cc[i])
			tio->c_cc[i] = t->tio.c_cc[i];
}

/* tio: the modes with those of the user's older structures in it. struct termios is struct termios2 without the
 * speeds at its end; struct termio has the lower 16 bits and the first characters (ioctl_tty(2)). */
static int modes_from_user(struct termios2 *tio, const void __user *utio, size_t size)
{
	struct termio old;

	if (size != sizeof(old))
		return copy_from_user(tio, utio, size);
	if (copy_from_user(&old, utio, size))
		return -EFAULT;
	tio->c_iflag = (tio->c_iflag & ~0xffff) | old.c_iflag;
	tio->c_oflag = (tio->c_oflag & ~0xffff) | old.c_oflag;
	tio->c_cflag = (tio->c_cflag & ~0xffff) | old.c_cflag;
	tio->c_lflag = (tio->c_lflag & ~0xffff) | old.c_lflag;
	tio->c_line = old.c_line;
	memcpy(tio->c_cc, old.c_cc, NCC);
	return 0;
}

static int short_modes_to_user(const struct termios2 *tio, struct termio __user *utio)
{
	struct termio old = { .c_iflag = tio->c_iflag,
			      .c_oflag = tio->c_oflag,
			      .c_cflag = tio->c_cflag,
			      .c_lflag = tio->c_lflag,
			      .c_line = tio->c_line };

	memcpy(old.c_cc, tio->c_cc, NCC);
	return copy_to_user(utio, &old, sizeof(old));
}

/* when: TCSETS, TCSETSW (after what is written) or TCSETSF (and without what is unread), less TCSETS. */
static long set_modes(struct tty *t, const void __user *utio, size_t size, unsigned int when,
		      u32 generation)
{
	struct termios2 tio;
	int err = check_foreground(t, SIGTTOU);

	if (err)
		return err;
	spin_lock(&t->lock);
	tio = t->tio;
	spin_unlock(&t->lock);
	if (modes_from_user(&tio, utio, size))
		return -EFAULT;
	if (when && (err = drain(t, generation)))
		return err;
	spin_lock(&t->lock);
	if (when == 2)
		ldisc_flush_input(t);
	keep_locked(t, &tio);
	ldisc_set_termios(t, &tio);
	if (t->drv->unthrottle)
		t->drv->unthrottle(t);
	spin_unlock(&t->lock);
	waitq_wake_all(&t->read_wait, POLLIN);
	waitq_wake_all(&t->write_wait, POLLOUT);
	return 0;
}

/* TIOCSLCKTRMIOS */
static long lock_modes(struct tty *t, const struct termios __user *utio)
{
	struct termios2 locked = {};

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (copy_from_user(&locked, utio, sizeof(*utio)))
		return -EFAULT;
	spin_lock(&t->lock);
	t->locked = locked;
	spin_unlock(&t->lock);
	return 0;
}

/* TIOCSETD: there is one line discipline. */
static long set_discipline(const int __user *ularg)
{
	int disc;

	if (get_user(disc, ularg))
		return -EFAULT;
	return disc == N_TTY ? 0 : -EINVAL;
}

static long flush(struct tty *t, unsigned long which)
{
	int err = which > TCIOFLUSH ? -EINVAL : check_foreground(t, SIGTTOU);

	if (err)
		return err;
	spin_lock(&t->lock);
	if (which != TCOFLUSH)
		ldisc_flush_input(t);
	if (which != TCIFLUSH)
		ldisc_flush_output(t);
	spin_unlock(&t->lock);
	tty_output_ready(t);
	return 0;
}

static long flow(struct tty *t, unsigned long action)
{
	char c;
	int err = action > TCION ? -EINVAL : check_foreground(t, SIGTTOU);

	if (err)
		return err;
	spin_lock(&t->lock);
	switch (action) {
	case TCOOFF:
	case TCOON:
		t->stopped = action == TCOOFF;
		break;
	default: /* tell the other side to stop or to go on */
		c = t->tio.c_cc[action == TCIOFF ? VSTOP : VSTART];
		if (c && t->drv->room(t))
			t->drv->write(t, &c, 1);
	}
	spin_unlock(&t->lock);
	tty_output_ready(t);
	return 0;
}

static long ioctl_modes(struct tty *t, unsigned int cmd, unsigned long arg, u32 generation)
{
	void __user *uarg = (void __user *)arg;
	const size_t short_size = sizeof(struct termios), long_size = sizeof(struct termios2);
	int err;

	switch (cmd) {
	case TIOCGWINSZ:
		return copy_to_user(uarg, &t->ws, sizeof(t->ws));
	case TIOCSWINSZ:
		return set_winsize(t, uarg);
	case TCGETS:
		return copy_to_user(uarg, &t->tio, short_size);
	case TCGETS2:
		return copy_to_user(uarg, &t->tio, long_size);
	case TCSETS:
	case TCSETSW:
	case TCSETSF:
		return set_modes(t, uarg, short_size, cmd - TCSETS, generation);
	case TCSETS2:
	case TCSETSW2:
	case TCSETSF2:
		return set_modes(t, uarg, long_size, cmd - TCSETS2, generation);
	case TCGETA:
		return short_modes_to_user(&t->tio, uarg);
	case TCSETA:
	case TCSETAW:
	case TCSETAF:
		return set_modes(t, uarg, sizeof(struct termio), cmd - TCSETA, generation);
	case TIOCGLCKTRMIOS:
		return copy_to_user(uarg, &t->locked, short_size);
	case TIOCSLCKTRMIOS:
		return lock_modes(t, uarg);
	case TCSBRK: /* the break itself is not sent */
	case TCSBRKP:
		err = check_foreground(t, SIGTTOU);
		return err ?: drain(t, generation);
	case TCXONC:
		return flow(t, arg);
	case TCFLSH:
		return flush(t, arg);
	case TIOCINQ:
		return put_user((int)ldisc_available(t), (int __user *)arg);
	case TIOCOUTQ:
		return put_user(t->drv->pending ? (int)t->drv->pending(t) : 0, (int __user *)arg);
	case TIOCGETD:
		return put_user(N_TTY, (int __user *)arg);
	case TIOCSETD:
		return set_discipline(uarg);
	}
	return -ENOTTY;
}

/* The master of a pty speaks about its slave. */
long tty_ioctl_of_master(struct tty *t, unsigned int cmd, unsigned long arg)
{
	struct pid *pgrp;
	int nr = 0;

	if (cmd != TIOCGPGRP)
		return ioctl_modes(t, cmd, arg, t->generation);
	pgrp = foreground(t);
	if (pgrp) {
		nr = pid_nr_ns(pgrp, task_pid_ns(current));
		pid_put(pgrp);
	}
	return put_user(nr, (int __user *)arg);
}

static long tty_ioctl(struct file *f, unsigned int cmd, unsigned long arg)
{
	struct tty_file *tf = f->priv;
	struct tty *t = tf->tty;

	if (!tf->is_console && tf->generation != t->generation)
		return cmd == TIOCSPGRP ? -ENOTTY : -EIO;
	switch (cmd) {
	case TIOCGPGRP:
		return get_group(t, false, (int __user *)arg);
	case TIOCGSID:
		return get_group(t, true, (int __user *)arg);
	case TIOCSPGRP:
		return set_group(t, (int __user *)arg);
	case TIOCSCTTY:
		return acquire(t, arg == 1 && capable(CAP_SYS_ADMIN));
	case TIOCNOTTY:
		return give_up(t);
	case TIOCVHANGUP:
		if (!capable(CAP_SYS_ADMIN))
			return -EPERM;
		tty_hangup(t);
		return 0;
	case TIOCEXCL:
	case TIOCNXCL:
		t->exclusive = cmd == TIOCEXCL;
		return 0;
	case TIOCGDEV:
		return put_user((u32)dev_encode(t->dev), (u32 __user *)arg);
	}
	return ioctl_modes(t, cmd, arg, tf->is_console ? t->generation : tf->generation);
}

/* ---- files ---- */

int tty_open_file(struct tty *t, struct file *f, bool is_console, bool noctty)
{
	struct tty_file *tf;

	if (t->exclusive && t->opens && !capable(CAP_SYS_ADMIN))
		return -EBUSY;
	tf = kzalloc(sizeof(*tf));
	if (!tf)
		return -ENOMEM;
	tty_get(t);
	spin_lock(&t->lock);
	*tf = (struct tty_file){ t, t->generation, is_console };
	t->opens++;
	spin_unlock(&t->lock);
	f->priv = tf;
	f->ops = &tty_fops;
	if (!noctty && !is_console && f->can_read)
		acquire(t, false); /* only for a leader without a terminal; else nothing happens */
	return 0;
}

static int tty_open(struct inode *inode, struct file *f)
{
	dev_t dev = inode->rdev;
	bool is_console = dev == MKDEV(TTYAUX_MAJOR, 1);
	struct tty *t;
	int err;

	if (dev == MKDEV(TTYAUX_MAJOR, 0)) {
		t = controlling_tty(current->proc);
		if (!t)
			return -ENXIO;
	} else if (is_console) {
		t = console;
		if (!t)
			return -ENODEV;
		tty_get(t);
	} else {
		t = tty_find(dev);
		if (!t)
			return -ENXIO;
	}
	err = tty_open_file(t, f, is_console, f->flags & O_NOCTTY);
	tty_put(t);
	return err;
}

static void tty_release(struct file *f)
{
	struct tty_file *tf = f->priv;
	struct tty *t = tf->tty;
	bool last;

	spin_lock(&t->lock);
	last = --t->opens == 0;
	if (last)
		t->exclusive = false;
	spin_unlock(&t->lock);
	if (last && t->drv->closed)
		t->drv->closed(t);
	tty_put(t);
	kfree(tf);
}

static ssize_t tty_read(struct file *f, struct uio *to, loff_t *pos)
{
	struct tty_file *tf = f->priv;
	u32 generation = tf->is_console ? tf->tty->generation : tf->generation;
	int err;

	if (generation != tf->tty->generation)
		return 0;
	err = check_foreground(tf->tty, SIGTTIN);
	return err ?: ldisc_read(tf->tty, to, f->flags & O_NONBLOCK, generation);
}

static ssize_t tty_write(struct file *f, struct uio *from, loff_t *pos)
{
	struct tty_file *tf = f->priv;
	u32 generation = tf->is_console ? tf->tty->generation : tf->generation;
	int err = 0;

	if (generation != tf->tty->generation)
		return -EIO;
	if (tf->tty->tio.c_lflag & TOSTOP)
		err = check_foreground(tf->tty, SIGTTOU);
	return err ?: ldisc_write(tf->tty, from, f->flags & O_NONBLOCK, generation);
}

static u32 tty_poll(struct file *f, struct poll_table *pt)
{
	struct tty_file *tf = f->priv;
	struct tty *t = tf->tty;
	u32 ready = 0;

	poll_wait(f, &t->read_wait, pt);
	poll_wait(f, &t->write_wait, pt);
	if (!tf->is_console && tf->generation != t->generation)
		return POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM | POLLERR | POLLHUP;
	if (ldisc_readable(t))
		ready |= POLLIN | POLLRDNORM;
	spin_lock(&t->lock);
	if (ldisc_writable(t))
		ready |= POLLOUT | POLLWRNORM;
	spin_unlock(&t->lock);
	return ready;
}

const struct file_ops tty_fops = {
	.open = tty_open,
	.release = tty_release,
	.read = tty_read,
	.write = tty_write,
	.poll = tty_poll,
	.ioctl = tty_ioctl,
};

struct tty *tty_create(const char *name, unsigned int major, unsigned int minor,
		       const struct tty_driver *drv, void *priv)
{
	struct tty *t = tty_alloc(name, MKDEV(major, minor), drv, priv);

	if (!t)
		panic("no memory for terminal %s", name);
	chrdev_register(name, major, minor, 0620, &tty_fops);
	return t;
}

/* /sys/class/tty/console/active: which terminal /dev/console is. */
static int show_console(struct strbuf *out, void *priv)
{
	sb_printf(out, "%s\n", console ? console->name : "");
	return 0;
}

void tty_init(void)
{
	static const struct pseudo_file active = {
		.name = "active",
		.mode = 0444,
		.show = show_console,
	};

	chrdev_register("tty", TTYAUX_MAJOR, 0, 0666, &tty_fops);
	chrdev_register("console", TTYAUX_MAJOR, 1, 0600, &tty_fops);
	sysfs_mkdir("class/tty/console");
	sysfs_add("class/tty/console", &active, NULL);
	tty_leader_exit = leader_exit;
	tty_info = info_for_stat;
}
