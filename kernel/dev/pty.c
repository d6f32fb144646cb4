/* SPDX-License-Identifier: MIT */
/*
 * Pseudo-terminals (pty(7)): a terminal whose other end is a file. Opening ptmx makes a pair: what
 * is written to the master is the slave's input, what the slave sends the master reads from a ring.
 * The pair lives until the last of master and slave files is closed; the name goes with the master,
 * and the slave is hung up then. Order: slave->lock, pty->lock.
 */
#include "dev/pty.h"

#include <linux/major.h>

/* ---- the slave's driver ---- */

#define PTY_KEPT                                                                                   \
	4095UL /* what the master could have read is its own: ^C and tcflush(3) leave it so much */

static size_t pty_used(const struct pty *p)
{
	return READ_ONCE(p->head) - READ_ONCE(p->tail);
}

static void pty_output(struct tty *t, const char *s, size_t n)
{
	struct pty *p = t->priv;

	spin_lock(&p->lock);
	for (size_t i = 0; i < n; i++)
		p->ring[p->head++ % PTY_RING] = s[i];
	if (!p->master_open) /* nobody will read it */
		p->tail = p->head;
	spin_unlock(&p->lock);
	waitq_wake_all(&p->wait, POLLIN | POLLRDNORM);
}

static size_t pty_room(struct tty *t)
{
	return PTY_RING - pty_used(t->priv);
}

static void pty_flush(struct tty *t, bool input)
{
	struct pty *p = t->priv;
	size_t kept = PTY_KEPT;

	spin_lock(&p->lock);
	if (p->feeding) /* what this input has echoed is not yet the master's */
		kept = (s32)(p->echo_from - p->tail) > 0 ? p->echo_from - p->tail : 0;
	p->flushed |= input ? TIOCPKT_FLUSHREAD : TIOCPKT_FLUSHWRITE;
	if (!input)
		p->head = p->tail + min(pty_used(p), min(kept, PTY_KEPT));
	spin_unlock(&p->lock);
	waitq_wake_all(&p->wait, POLLIN | POLLPRI);
}

/* The slave's reader caught up, or its last file was closed: the master has something to do. */
static void pty_wake_master(struct tty *t)
{
	struct pty *p = t->priv;

	waitq_wake_all(&p->wait, POLLIN | POLLOUT | POLLHUP);
}

static const struct tty_driver pty_driver = {
	.write = pty_output,
	.room = pty_room,
	.flush = pty_flush,
	.unthrottle = pty_wake_master,
	.closed = pty_wake_master,
};

static void pty_free(struct tty *slave)
{
	struct pty *p = slave->priv;

	super_put(p->sb);
	kfree(p);
}

static int pts_open(struct inode *inode, struct file *f)
{
	struct tty *slave = devpts_slave(inode);
	struct pty *p;
	int err = -EIO;

	if (!slave)
		return -EIO;
	p = slave->priv;
	spin_lock(&p->lock);
	if (p->master_open && !p->locked) {
		p->slave_seen = true;
		err = 0;
	}
	spin_unlock(&p->lock);
	err = err ?: tty_open_file(slave, f, false, f->flags & O_NOCTTY);
	tty_put(slave);
	return err;
}

static const struct file_ops pts_fops = { .open = pts_open };

/* ---- the master's file ---- */

static int ptmx_open(struct inode *inode, struct file *f)
{
	struct super *sb = devpts_of_ptmx(f);
	struct pty *p;
	int err = -ENOMEM;

	if (IS_ERR(sb))
		return PTR_ERR(sb);
	p = kzalloc(sizeof(*p));
	if (!p)
		goto out_sb;
	p->sb = sb;
	p->locked = p->master_open = true;
	spin_init(&p->lock);
	waitq_init(&p->wait);
	p->slave = tty_alloc("pts", MKDEV(UNIX98_PTY_SLAVE_MAJOR, 0), &pty_driver, p);
	if (!p->slave)
		goto out_pty;
	p->slave->free = pty_free;
	p->slave->tio.c_cflag = B38400 | CS8 | CREAD;
	p->slave->tio.c_ispeed = p->slave->tio.c_ospeed = 38400;
	err = devpts_add(sb, p);
	if (err) {
		tty_put(p->slave);
		return err;
	}
	p->slave->dev = MKDEV(UNIX98_PTY_SLAVE_MAJOR, p->index);
	f->priv = p;
	return 0;
out_pty:
	kfree(p);
out_sb:
	super_put(sb);
	return err;
}

static void ptmx_release(struct file *f)
{
	struct pty *p = f->priv;

	spin_lock(&p->lock);
	p->master_open = false;
	p->tail = p->head;
	spin_unlock(&p->lock);
	devpts_remove(p);
	tty_hangup(p->slave);
	tty_put(p->slave);
}

/* Every file of the slave was closed, and there was one. */
static bool slave_closed(const struct pty *p)
{
	return p->slave_seen && !p->slave->opens;
}

/* The slave's state, as TIOCPKT tells of it: stopped or not, and whether ^S and ^Q do that. */
static u8 slave_state(const struct pty *p)
{
	const struct termios2 *tio = &p->slave->tio;
	bool flow = tio->c_iflag & IXON && tio->c_cc[VSTOP] == 'S' - '@' &&
		    tio->c_cc[VSTART] == 'Q' - '@';

	return (p->slave->stopped ? TIOCPKT_STOP : TIOCPKT_START) |
	       (flow ? TIOCPKT_DOSTOP : TIOCPKT_NOSTOP);
}

/* What the master has not been told of; 0: nothing, or it does not want to know. */
static u8 packet_status(const struct pty *p)
{
	return p->packet ? p->flushed | (slave_state(p) & ~p->told) : 0;
}

static bool readable(const struct pty *p)
{
	return pty_used(p) || packet_status(p);
}

static void set_packet(struct pty *p, bool on)
{
	p->packet = on;
	p->flushed = 0;
	p->told = slave_state(p);
}

static size_t take(struct pty *p, char *buf, size_t n)
{
	size_t got = 0;

	spin_lock(&p->lock);
	while (got < n && p->tail != p->head)
		buf[got++] = p->ring[p->tail++ % PTY_RING];
	spin_unlock(&p->lock);
	if (got)
		tty_output_ready(p->slave);
	return got;
}

static ssize_t ptmx_read(struct file *f, struct uio *to, loff_t *pos)
{
	struct pty *p = f->priv;
	char buf[256];
	ssize_t done = 0;
	u8 status;

	if (!to->left)
		return 0;
	while (!readable(p)) {
		int err;

		if (slave_closed(p))
			return -EIO;
		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		err = wait_event(&p->wait, readable(p) || slave_closed(p));
		if (err)
			return err;
	}
	if (p->packet) {
		status = packet_status(p);
		done = uio_put(to, &status, 1);
		if (done <= 0)
			return done;
		if (status) {
			set_packet(p, true);
			return done;
		}
	}
	while (to->left) {
		size_t got = take(p, buf, min(to->left, sizeof(buf)));
		ssize_t n = got ? uio_put(to, buf, got) : 0;

		if (n <= 0)
			return done ? done : n;
		done += n;
	}
	return done;
}

static size_t feed(struct pty *p, const char *buf, size_t n)
{
	WRITE_ONCE(p->echo_from, READ_ONCE(p->head));
	WRITE_ONCE(p->feeding, true);
	n = tty_input(p->slave, buf, n);
	WRITE_ONCE(p->feeding, false);
	return n;
}

static ssize_t ptmx_write(struct file *f, struct uio *from, loff_t *pos)
{
	struct pty *p = f->priv;
	char buf[256];
	ssize_t done = 0;

	while (from->left) {
		ssize_t n = uio_get(from, buf, sizeof(buf)), at = 0;

		if (n <= 0)
			return done ? done : n;
		while (at < n) {
			int err;

			at += feed(p, buf + at, n - at);
			if (at == n)
				break;
			err = f->flags & O_NONBLOCK
				      ? -EAGAIN
				      : wait_event(&p->wait, !READ_ONCE(p->slave->throttled));
			if (err)
				return done + at ? done + at : err;
		}
		done += n;
	}
	return done;
}

static u32 ptmx_poll(struct file *f, struct poll_table *pt)
{
	struct pty *p = f->priv;
	u32 ready = 0;

	poll_wait(f, &p->wait, pt);
	if (readable(p))
		ready |= POLLIN | POLLRDNORM;
	if (packet_status(p))
		ready |= POLLPRI;
	if (slave_closed(p))
		ready |= POLLHUP;
	if (!READ_ONCE(p->slave->throttled))
		ready |= POLLOUT | POLLWRNORM;
	return ready;
}

/* TIOCGPTPEER: the slave, by the master alone. */
static long open_peer(struct pty *p, struct file *master, int flags)
{
	struct file *f = devpts_open_slave(master, p, flags & (O_ACCMODE | O_NONBLOCK | O_NOCTTY));

	return IS_ERR(f) ? PTR_ERR(f) : fd_install(f, 0, flags & O_CLOEXEC);
}

static long ptmx_ioctl(struct file *f, unsigned int cmd, unsigned long arg)
{
	struct pty *p = f->priv;
	int __user *uint_arg = (int __user *)arg;
	int v;

	switch (cmd) {
	case TIOCGPTN:
		return put_user(p->index, (unsigned int __user *)arg);
	case TIOCSPTLCK:
		if (get_user(v, uint_arg))
			return -EFAULT;
		p->locked = v;
		return 0;
	case TIOCGPTLCK:
		return put_user((int)p->locked, uint_arg);
	case TIOCPKT:
		if (get_user(v, uint_arg))
			return -EFAULT;
		if (!v != !p->packet)
			set_packet(p, v);
		return 0;
	case TIOCGPKT:
		return put_user((int)p->packet, uint_arg);
	case TIOCGPTPEER:
		return open_peer(p, f, arg);
	case FIONREAD:
		return put_user((int)pty_used(p), uint_arg);
	case TIOCSIG:
		if (arg != SIGINT && arg != SIGQUIT && arg != SIGTSTP)
			return -EINVAL;
		tty_signal(p->slave, arg);
		return 0;
	}
	return tty_ioctl_of_master(p->slave, cmd, arg);
}

const struct file_ops ptmx_fops = {
	.open = ptmx_open,
	.release = ptmx_release,
	.read = ptmx_read,
	.write = ptmx_write,
	.poll = ptmx_poll,
	.ioctl = ptmx_ioctl,
};

/* proc(5). ttyS are the uart's three, the last may not be there. */
static int show_drivers(struct strbuf *out, void *priv)
{
	sb_printf(out, "/dev/tty             /dev/tty        5       0 system:/dev/tty\n"
		       "/dev/console         /dev/console    5       1 system:console\n"
		       "/dev/ptmx            /dev/ptmx       5       2 system\n"
		       "serial               /dev/ttyS       4 64-66 serial\n"
		       "pty_slave            /dev/pts      136 0-1048575 pty:slave\n");
	return 0;
}

void pty_init(void)
{
	static const struct pseudo_file drivers = { "tty/drivers", 0444, .show = show_drivers };

	procfs_add(&drivers, NULL);
	chrdev_register("ptmx", TTYAUX_MAJOR, 2, 0666, &ptmx_fops);
	chrdev_register_major(UNIX98_PTY_SLAVE_MAJOR, &pts_fops);
	devpts_init();
}
