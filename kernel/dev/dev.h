/* SPDX-License-Identifier: MIT */
/* The face of dev/: serial ports, consoles, ttys, the memory devices. */
#pragma once
#include "proc/proc.h"

/* A terminal: line discipline and job control (termios(3), tty_ioctl(4)) over a driver's output. */
struct tty;
struct tty_driver { /* all are called with the tty's lock held, and must not sleep */
	/* Takes n bytes, at most what room() said. */
	void (*write)(struct tty *tty, const char *buf, size_t n);
	size_t (*room)(struct tty *tty); /* bytes that write() takes now */
	size_t (*pending)(struct tty *tty); /* bytes taken and not yet out; NULL: never any */
	/* Drops what is pending, or hears that the input was dropped; may be NULL. */
	void (*flush)(struct tty *tty, bool input);
	/* Input was refused by tty_input() and there is room again, or modes changed; may be NULL. */
	void (*unthrottle)(struct tty *tty);
	void (*closed)(
		struct tty *tty); /* no file of it is open any more; lock not held; may be NULL */
};
/* A terminal with the node /dev/name. Never goes. Panics without memory (boot time only). */
struct tty *tty_create(const char *name, unsigned int major, unsigned int minor,
		       const struct tty_driver *drv, void *priv);
void *tty_priv(struct tty *tty);
/*
 * Characters that came in, from interrupt handlers too: ^C becomes a signal here. Bytes taken: fewer
 * than n when the reader is behind; the rest is for after unthrottle().
 */
size_t tty_input(struct tty *tty, const char *buf, size_t n);
/* The driver has room again, or has sent everything: wakes writers. */
void tty_output_ready(struct tty *tty);

void dev_init(void); /* all of them; /dev/console is the tty that console= names, else ttyS0 */
