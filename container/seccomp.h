/* SPDX-License-Identifier: MIT */
/* What seccomp.c (filters and their verdicts) and seccomp_notify.c (asking a supervisor) share. */
#pragma once
#include "lib/bpf.h"
#include "container/container.h"

#define SECCOMP_CACHED 512 /* calls: all that there are */

/*
 * A filter lies upon those that were installed before it and never changes; a task points at its top
 * one, and a fork shares it. So the filters of all tasks are one tree, whose leaves point to the root.
 */
struct seccomp_filter {
	ref_t refs; /* all users together one, the open listener one */
	ref_t users; /* tasks with it on top, filters upon it; at 0 the listener hears POLLHUP */
	/* constant */
	struct seccomp_filter *below; /* NULL: the first */
	unsigned int depth; /* filters from here down */
	unsigned int path; /* their instructions, and 4 more for each but this: 32768 at most */
	bool log, wait_killable; /* SECCOMP_FILTER_FLAG_* */
	/* Calls that this and all below have allowed without a look at their arguments: always. Bits are set alone. */
	u64 allowed[SECCOMP_CACHED / 64];
	/* user notification */
	struct mutex lock; /* guards the next four */
	bool listening; /* the listener is open */
	struct list_head notices; /* calls that wait for a verdict */
	u64 last_id;
	unsigned int nr_new; /* notices not yet received */
	struct waitq wait; /* the listener's: a notice came, was taken, the users are gone */
	struct sock_filter prog[]; /* constant */
};
void seccomp_filter_put(struct seccomp_filter *f); /* one of refs */

/* A listener's descriptor is made before the filter counts: -EBUSY, -EMFILE, -ENOMEM. */
struct file *seccomp_listener(struct seccomp_filter *f);
/*
 * Waits until f's listener decides about the call in regs. True: it is to be made (CONTINUE); false:
 * regs->rax has its result, which is -ENOSYS without a listener, -ERESTARTSYS for a signal.
 */
bool seccomp_ask(struct seccomp_filter *f, const struct seccomp_data *data, struct regs *regs);
