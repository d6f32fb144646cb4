/* SPDX-License-Identifier: MIT */
/*
 * Inside dev/: what a terminal is made of. tty.c has the file and job control, ldisc.c the line
 * discipline, and drivers stand below. One spinlock, tty->lock, guards a terminal; it is taken by
 * interrupt handlers. Order: tasks_lock, tty->lock, the driver's lock.
 */
#pragma once
#include "dev/dev.h"

#include <asm/termios.h>

#define TTY_BUF 4096 /* input; a canonical line holds one less (termios(3)) */

struct tty {
	/* constant */
	char name[16];
	dev_t dev;
	const struct tty_driver *drv;
	void *priv;
	struct list_head link; /* all terminals, by tty_list_lock of tty.c */
	ref_t refs; /* files, and 1 for the device */
	void (*free)(struct tty *tty);

	/* guarded by lock */
	spinlock_t lock;
	struct termios2 tio;
	struct termios2
		locked; /* TIOCSLCKTRMIOS: set bits, and characters, that stay as they are */
	struct winsize ws;
	struct pid *session, *pgrp; /* of the controlling session, or NULL; a reference each */
	u32 generation; /* hangups so far: files opened before one are dead */
	bool exclusive; /* TIOCEXCL */
	unsigned int opens;

	/* input ring: tail <= line <= head, counted up for ever, used modulo TTY_BUF */
	char in[TTY_BUF];
	u64 line_end[TTY_BUF / 64]; /* canonical: this character ends a line */
	u32 tail; /* next to read */
	u32 line; /* canonical: start of the line being edited */
	u32 head; /* next to be stored */
	u32 lines; /* line ends between tail and line */
	u32 line_column; /* column where the edited line began */
	bool literal; /* after VLNEXT */
	bool throttled;
	u32 column; /* of the cursor, as far as one can tell */
	bool stopped; /* by ^S */

	struct waitq read_wait, write_wait;
};

/* A tty without a name in /dev. NULL without memory. */
struct tty *tty_alloc(const char *name, dev_t dev, const struct tty_driver *drv, void *priv);
void tty_get(struct tty *t);
void tty_put(struct tty *t);
/* Opens t as f: f->priv. Becomes the controlling terminal when noctty is false and the rules agree. */
int tty_open_file(struct tty *t, struct file *f, bool is_console, bool noctty);
extern const struct file_ops tty_fops;
long tty_ioctl_of_master(struct tty *t, unsigned int cmd, unsigned long arg);
/* Ends all files' use of it, tells its session (SIGHUP, SIGCONT). Locks not held. */
void tty_hangup(struct tty *t);
/* Sends sig to the foreground group; no lock held. */
void tty_signal(struct tty *t, int sig);
struct tty *tty_by_name(const char *name); /* of those that never go; no reference. NULL */
/* Makes t /dev/console. */
void tty_set_console(struct tty *t);
void tty_init(void);

/* ldisc.c; lock held unless said otherwise */
void ldisc_init(struct tty *t);
void ldisc_flush_input(struct tty *t);
void ldisc_flush_output(struct tty *t);
void ldisc_set_termios(struct tty *t, const struct termios2 *tio);
bool ldisc_readable(const struct tty *t); /* any time */
bool ldisc_writable(struct tty *t);
size_t ldisc_available(const struct tty *t); /* FIONREAD */
/* Lock not held; may sleep. They end when t->generation is no longer generation: a hangup. */
ssize_t ldisc_read(struct tty *t, struct uio *to, bool nonblock, u32 generation);
ssize_t ldisc_write(struct tty *t, struct uio *from, bool nonblock, u32 generation);

void uart_init(void);
void mem_init(void);
void sysrq_init(void);
