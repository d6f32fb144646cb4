/* SPDX-License-Identifier: MIT */
/*
 * poll(2): asks each file what is ready and, when nothing is, waits on every queue the files named
 * by poll_wait(). A struct poll_table collects these; a wake-up on any of them wakes the poller.
 * epoll uses the same face with a table of its own (epoll.c), told apart by its add function.
 */
#include "fs/poll.h"

#include <linux/poll.h>

struct poll_entry {
	struct wait_entry w;
	struct poller *poller;
	struct file *file; /* keeps the queue alive */
	struct poll_entry *next;
};

#define POLL_INLINE 4
struct poller {
	struct poll_table table;
	struct waitq wq; /* the poller itself sleeps here */
	bool triggered;
	int error;
	unsigned int nr_inline;
	struct poll_entry *entries;
	struct poll_entry first[POLL_INLINE];
};

void poll_wait(struct file *f, struct waitq *wq, struct poll_table *pt)
{
	if (pt && wq)
		pt->add(pt, f, wq);
}

static void poll_wake(struct wait_entry *w, u32 key)
{
	struct poller *p = container_of(w, struct poll_entry, w)->poller;

	WRITE_ONCE(p->triggered, true);
	waitq_wake_all(&p->wq, 0);
}

static void poll_add(struct poll_table *pt, struct file *f, struct waitq *wq)
{
	struct poller *p = container_of(pt, struct poller, table);
	struct poll_entry *e;

	if (p->nr_inline < POLL_INLINE) {
		e = &p->first[p->nr_inline++];
	} else {
		e = kzalloc(sizeof(*e));
		if (!e) {
			p->error = -ENOMEM;
			return;
		}
	}
	list_init(&e->w.link);
	e->w.func = poll_wake;
	e->poller = p;
	e->file = f;
	file_get(f);
	e->next = p->entries;
	p->entries = e;
	waitq_add(wq, &e->w);
}

static void poller_end(struct poller *p)
{
	struct poll_entry *e, *next;

	for (e = p->entries; e; e = next) {
		next = e->next;
		waitq_del(&e->w);
		file_put(e->file);
		if (e < p->first || e >= p->first + POLL_INLINE)
			kfree(e);
	}
}

u32 file_poll(struct file *f, struct poll_table *pt)
{
	if (!f->ops->poll)
		return POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
	return f->ops->poll(f, pt);
}

/* Asks all files; with pt, registers on their queues, too. How many are ready. */
static int poll_round(struct pollfd *fds, unsigned int n, struct poll_table *pt)
{
	int ready = 0;

	for (unsigned int i = 0; i < n; i++) {
		struct file *f;

		fds[i].revents = 0;
		if (fds[i].fd < 0)
			continue;
		f = fd_get(fds[i].fd);
		if (!f) {
			fds[i].revents = POLLNVAL;
		} else {
			/* what is ready already needs no waiting for the others */
			fds[i].revents = file_poll(f, ready ? NULL : pt) & fds[i].events;
			file_put(f);
		}
		ready += fds[i].revents != 0;
	}
	return ready;
}

int do_poll(struct pollfd *fds, unsigned int n, u64 deadline)
{
	struct poller *p = kzalloc(sizeof(*p));
	int ready, err = 0;

	if (!p)
		return -ENOMEM;
	p->table.add = poll_add;
	waitq_init(&p->wq);
	ready = poll_round(fds, n, deadline ? &p->table : NULL);
	while (!ready && !err && deadline) {
		if (p->error) {
			err = p->error;
			break;
		}
		err = wait_event_until(&p->wq, READ_ONCE(p->triggered), deadline);
		WRITE_ONCE(p->triggered, false);
		ready = poll_round(fds, n, NULL);
	}
	poller_end(p);
	kfree(p);
	if (ready)
		return ready;
	if (err == -ETIMEDOUT)
		return 0;
	return err == -ERESTARTSYS ? -ERESTARTNOHAND : err;
}
