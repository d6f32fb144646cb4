/* SPDX-License-Identifier: MIT */
/* The face of dev/: serial ports, consoles, ttys, the memory devices, PCI, virtio. */
#pragma once
#include "proc/proc.h"

/* A terminal: line discipline and job control (termios(3), tty_ioctl(4)) over a driver's output. */
struct tty;
struct tty_driver {
	/* Bytes taken (maybe fewer than n). Not to sleep; tty_output_ready() when it takes again. */
	size_t (*write)(struct tty *tty, const char *buf, size_t n);
	void (*hangup)(struct tty *tty);
};
struct tty *tty_create(const char *name, unsigned int major, unsigned int minor,
		       const struct tty_driver *drv, void *priv);
void *tty_priv(struct tty *tty);
/* Characters that came in, from interrupt handlers too: ^C becomes a signal here. */
void tty_input(struct tty *tty, const char *buf, size_t n);
void tty_output_ready(struct tty *tty);

void dev_init(void); /* all of them; /dev/console is the tty that console= names, else ttyS0 */
