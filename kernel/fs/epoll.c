/* SPDX-License-Identifier: MIT */
/*
 * epoll(7). Each watched (descriptor, file) is an item, in the epoll's tree; a wake-up on one of the
 * file's queues puts it on the ready list. Waiting takes items off that list, asks the file what is
 * really ready, and puts level-triggered ones back at the end.
 *
 * A closed file leaves every epoll that watches it: file->epolls links the items. epoll_mutex guards
 * all items of all epolls against coming and going (that is rare and short); ep->lock, a spinlock,
 * guards the ready list, which wake-ups touch from any context.
 */
#include "fs/poll.h"

#include <linux/eventpoll.h>

#define EP_NEST_MAX                                                                                \
	4 /* how deep epolls may watch epolls: loops are refused (epoll_ctl(2), ELOOP) */
#define EP_PRIVATE (EPOLLWAKEUP | EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE)

struct epoll {
	spinlock_t lock;
	struct list_head ready;
	struct waitq wait; /* epoll_wait() and pollers of the epoll itself */
	struct rb_root items; /* by file and descriptor; guarded by epoll_mutex */
};

struct ep_wait {
	struct wait_entry w;
	struct ep_item *item;
	struct ep_wait *next;
};

struct ep_item {
	struct poll_table table;
	struct epoll *ep;
	struct file *file; /* no reference: file_put() takes the item away first */
	int fd;
	struct epoll_event event;
	struct rb_node rb;
	struct list_head file_link;
	struct list_head ready_link; /* guarded by ep->lock */
	struct ep_wait *waits;
	bool no_memory;
};

static struct mutex epoll_mutex = MUTEX_INIT(epoll_mutex);
static const struct file_ops epoll_ops;

static bool file_is_epoll(const struct file *f)
{
	return f->ops == &epoll_ops;
}

static void item_ready(struct ep_item *it)
{
	struct epoll *ep = it->ep;

	spin_lock(&ep->lock);
	if (list_empty(&it->ready_link))
		list_add_tail(&it->ready_link, &ep->ready);
	spin_unlock(&ep->lock);
	waitq_wake_all(&ep->wait, POLLIN | POLLRDNORM);
}

static void ep_wake(struct wait_entry *w, u32 key)
{
	struct ep_item *it = container_of(w, struct ep_wait, w)->item;

	if (key && !(key & (READ_ONCE(it->event.events) | EPOLLERR | EPOLLHUP)))
		return;
	item_ready(it);
}

static void ep_add(struct poll_table *pt, struct file *f, struct waitq *wq)
{
	struct ep_item *it = container_of(pt, struct ep_item, table);
	struct ep_wait *w = kzalloc(sizeof(*w));

	if (!w) {
		it->no_memory = true;
		return;
	}
	list_init(&w->w.link);
	w->w.func = ep_wake;
	w->item = it;
	w->next = it->waits;
	it->waits = w;
	waitq_add(wq, &w->w);
}

static int item_cmp(const struct file *f, int fd, const struct ep_item *it)
{
	if (f != it->file)
		return f < it->file ? -1 : 1;
	return fd < it->fd ? -1 : fd > it->fd;
}

static struct ep_item *item_find(struct epoll *ep, const struct file *f, int fd)
{
	struct rb_node *n = ep->items.node;

	while (n) {
		struct ep_item *it = rb_entry(n, struct ep_item, rb);
		int c = item_cmp(f, fd, it);

		if (!c)
			return it;
		n = c < 0 ? n->left : n->right;
	}
	return NULL;
}

static void item_free(struct ep_item *it)
{
	struct epoll *ep = it->ep;
	struct ep_wait *w, *next;

	for (w = it->waits; w; w = next) {
		next = w->next;
		waitq_del(&w->w);
		kfree(w);
	}
	spin_lock(&ep->lock);
	list_del(&it->ready_link);
	spin_unlock(&ep->lock);
	rb_erase(&ep->items, &it->rb);
	list_del(&it->file_link);
	kfree(it);
}

static u32 item_poll(struct ep_item *it, struct poll_table *pt)
{
	return file_poll(it->file, pt) & (it->event.events | EPOLLERR | EPOLLHUP) & ~EP_PRIVATE;
}

/* How many epolls deep does f watch? Over the limit: too deep, or a loop. */
static int ep_depth(const struct file *f, int depth)
{
	struct epoll *ep = f->priv;
	int deepest = depth;

	if (!file_is_epoll(f))
		return depth - 1;
	if (depth > EP_NEST_MAX)
		return depth;
	for (struct rb_node *n = rb_first(&ep->items); n; n = rb_next(n))
		deepest = max(deepest, ep_depth(rb_entry(n, struct ep_item, rb)->file, depth + 1));
	return deepest;
}

static int ep_insert(struct epoll *ep, struct file *f, int fd, const struct epoll_event *ev)
{
	struct rb_node **link = &ep->items.node, *up = NULL;
	struct ep_item *it = kzalloc(sizeof(*it));

	if (!it)
		return -ENOMEM;
	it->table.add = ep_add;
	it->ep = ep;
	it->file = f;
	it->fd = fd;
	it->event = *ev;
	list_init(&it->ready_link);
	while (*link) {
		up = *link;
		link = item_cmp(f, fd, rb_entry(up, struct ep_item, rb)) < 0 ? &up->left
									     : &up->right;
	}
	rb_insert(&ep->items, &it->rb, up, link);
	list_init(&it->file_link);
	list_add(&it->file_link, &f->epolls);
	if (item_poll(it, &it->table))
		item_ready(it);
	if (it->no_memory) {
		item_free(it);
		return -ENOMEM;
	}
	return 0;
}

int epoll_control(struct file *epf, int op, int fd, struct file *target,
		  const struct epoll_event *ev)
{
	struct epoll *ep = epf->priv;
	struct ep_item *it;
	int err = 0;

	if (!file_is_epoll(epf) || epf == target)
		return -EINVAL;
	if (!target->ops->poll)
		return -EPERM;
	mutex_lock(&epoll_mutex);
	it = item_find(ep, target, fd);
	switch (op) {
	case EPOLL_CTL_ADD:
		if (it)
			err = -EEXIST;
		else if (file_is_epoll(target) && ev->events & EPOLLEXCLUSIVE)
			err = -EINVAL;
		else
			err = ep_insert(ep, target, fd, ev);
		/* too deep, or in a circle: seen when it is done */
		if (!err && ep_depth(epf, 1) > EP_NEST_MAX) {
			item_free(item_find(ep, target, fd));
			err = -ELOOP;
		}
		break;
	case EPOLL_CTL_MOD:
		if (!it) {
			err = -ENOENT;
		} else if ((it->event.events | ev->events) & EPOLLEXCLUSIVE) {
			err = -EINVAL;
		} else {
			it->event = *ev;
			if (item_poll(it, NULL))
				item_ready(it);
		}
		break;
	case EPOLL_CTL_DEL:
		if (it)
			item_free(it);
		else
			err = -ENOENT;
		break;
	default:
		err = -EINVAL;
	}
	mutex_unlock(&epoll_mutex);
	return err;
}

/* Moves ready events out: how many. Level-triggered items stay on the list. */
static int ep_collect_ready(struct epoll *ep, struct epoll_event *events, int max)
{
	struct list_head batch = LIST_INIT(batch);
	struct ep_item *it;
	int n = 0;

	mutex_lock(&epoll_mutex);
	spin_lock(&ep->lock);
	list_splice_tail(&ep->ready, &batch);
	spin_unlock(&ep->lock);
	for (;;) {
		u32 got;

		/* wake-ups see the items linked meanwhile and leave them alone: they are asked below */
		spin_lock(&ep->lock);
		if (list_empty(&batch) || n == max) {
			list_splice_tail(&ep->ready, &batch);
			list_splice_tail(&batch, &ep->ready);
			spin_unlock(&ep->lock);
			break;
		}
		it = list_first(&batch, struct ep_item, ready_link);
		list_del(&it->ready_link);
		spin_unlock(&ep->lock);
		got = item_poll(it, NULL);
		if (!got)
			continue;
		events[n].events = got;
		events[n++].data = it->event.data;
		if (it->event.events & EPOLLONESHOT) {
			it->event.events &= EP_PRIVATE;
		} else if (!(it->event.events & EPOLLET)) {
			spin_lock(&ep->lock);
			if (list_empty(&it->ready_link))
				list_add_tail(&it->ready_link, &ep->ready);
			spin_unlock(&ep->lock);
		}
	}
	mutex_unlock(&epoll_mutex);
	return n;
}

int epoll_collect(struct file *epf, struct epoll_event *events, int max, u64 deadline)
{
	struct epoll *ep = epf->priv;
	int n, err = 0;

	if (!file_is_epoll(epf) || max <= 0)
		return -EINVAL;
	for (;;) {
		n = ep_collect_ready(ep, events, max);
		if (n || err || !deadline)
			break;
		err = wait_event_until(&ep->wait, !list_empty(&ep->ready), deadline);
	}
	if (n)
		return n;
	if (err == -ETIMEDOUT)
		return 0;
	return err == -ERESTARTSYS ? -EINTR : err;
}

static u32 epoll_poll(struct file *f, struct poll_table *pt)
{
	struct epoll *ep = f->priv;
	u32 mask = 0;

	poll_wait(f, &ep->wait, pt);
	spin_lock(&ep->lock);
	if (!list_empty(&ep->ready))
		mask = POLLIN | POLLRDNORM;
	spin_unlock(&ep->lock);
	return mask;
}

static void epoll_release(struct file *f)
{
	struct epoll *ep = f->priv;
	struct rb_node *n;

	mutex_lock(&epoll_mutex);
	while ((n = rb_first(&ep->items)))
		item_free(rb_entry(n, struct ep_item, rb));
	mutex_unlock(&epoll_mutex);
	kfree(ep);
}

static const struct file_ops epoll_ops = { .release = epoll_release, .poll = epoll_poll };

void epoll_release_file(struct file *f)
{
	mutex_lock(&epoll_mutex);
	while (!list_empty(&f->epolls))
		item_free(list_first(&f->epolls, struct ep_item, file_link));
	mutex_unlock(&epoll_mutex);
}

struct file *epoll_file(int flags)
{
	struct epoll *ep;
	struct file *f;

	if (flags & ~EPOLL_CLOEXEC)
		return ERR_PTR(-EINVAL);
	ep = kzalloc(sizeof(*ep));
	if (!ep)
		return ERR_PTR(-ENOMEM);
	list_init(&ep->ready);
	waitq_init(&ep->wait);
	f = file_anon("[eventpoll]", &epoll_ops, ep, O_RDWR);
	if (IS_ERR(f))
		kfree(ep);
	return f;
}
