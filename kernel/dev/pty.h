/* SPDX-License-Identifier: MIT */
/* Inside dev/: pseudo-terminals (pty.c) and the file system that names them (devpts.c). */
#pragma once
#include "dev/tty.h"

#define UNIX98_PTY_SLAVE_MAJOR 136
#define PTY_RING 8192 /* more than a chunk of output can become, see ldisc.c */

struct devpts { /* super->priv */
	spinlock_t lock; /* guards ptys */
	struct idr ptys; /* index -> struct pty */
	mode_t mode; /* of the terminals */
	gid_t gid;
	struct inode *ptmx;
};

struct pty { /* the master's side; slave->priv */
	struct tty *slave;
	struct super *sb; /* its devpts, a reference */
	unsigned int index;
	struct inode *inode; /* of the name in devpts */
	spinlock_t lock; /* guards the rest; taken under slave->lock */
	char ring[PTY_RING]; /* output of the slave */
	u32 head, tail; /* counted up for ever */
	bool locked; /* until TIOCSPTLCK 0 */
	bool feeding; /* its input is on its way, and has echoed what is from echo_from on */
	u32 echo_from;
	bool packet; /* TIOCPKT: what the master reads begins with a byte that says what it is */
	u8 flushed; /* TIOCPKT_*: flushes to be told of */
	u8 told; /* and the slave's state when it was told last */
	bool master_open, slave_seen; /* slave_seen: opened at least once */
	struct waitq wait; /* the master's readers and writers */
};

/* Gives p an index and a name in sb: 0, -ENOSPC, -ENOMEM. Takes them back. */
int devpts_add(struct super *sb, struct pty *p);
void devpts_remove(struct pty *p);
/* The pty of a name in devpts, as its slave with a reference; NULL: it is going. */
struct tty *devpts_slave(struct inode *inode);
/* The instance that a ptmx node means: its own, or that of "pts" beside it. A reference. ERR_PTR. */
struct super *devpts_of_ptmx(struct file *f);
/* Opens the slave by its name in that instance; -ENODEV: something else is mounted there by now. */
struct file *devpts_open_slave(struct file *master, struct pty *p, int flags);
void devpts_init(void);
void pty_init(void);
extern const struct file_ops ptmx_fops;
