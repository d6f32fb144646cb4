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

#define EP_NEST_MAX 4 /* epolls watch epolls so deep; more, or a loop: ELOOP of epoll_ctl(2) */
#define EP_WATCHERS_MAX 16 /* of one epoll, so that a wake-up has not too many ways up (EINVAL) */
#define EP_PRIVATE (EPOLLWAKEUP | EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE)
#define EP_ALWAYS (EPOLLERR | EPOLLHUP) /* reported without having been asked for */
#define EP_EXCLUSIVE_OK (EP_ALWAYS | EPOLLIN | EPOLLOUT | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE)

struct epoll {
	spinlock_t lock;
	struct list_head ready;
	struct waitq wait; /* epoll_wait() and pollers of the epoll itself */
	/* guarded by epoll_mutex */
	struct rb_root items; /* by file and descriptor */
	struct file *file; /* it is this one's priv */
	u64 seen; /* the search, by number, that came by, and what it found: */
	int steps;
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

	if (key && !(key & READ_ONCE(it->event.events)))
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
	return file_poll(it->file, pt) & it->event.events & ~EP_PRIVATE;
}

/*
 * The longest way from ep down to an epoll that watches none, or up to one that none watches, in
 * steps; one too many when it comes by `barred`. Each epoll is looked at once a search.
 */
static int ep_steps(struct epoll *ep, bool up, const struct epoll *barred, u64 search)
{
	struct ep_item *it;
	int steps = 0;

	if (ep == barred)
		return EP_NEST_MAX + 1;
	if (ep->seen == search)
		return ep->steps;
	ep->seen = search;
	if (up) {
		list_for_each(it, &ep->file->epolls, file_link)
			steps = max(steps, 1 + ep_steps(it->ep, up, barred, search));
	} else {
		for (struct rb_node *n = rb_first(&ep->items); n; n = rb_next(n)) {
			it = rb_entry(n, struct ep_item, rb);
			if (file_is_epoll(it->file))
				steps = max(steps,
					    1 + ep_steps(it->file->priv, up, barred, search));
		}
	}
	ep->steps = steps;
	return steps;
}

/* May ep watch f? Epolls make short chains, no rings and few ways: a wake-up comes to its end soon. */
static int ep_check_nesting(struct epoll *ep, struct file *f)
{
	static u64 search;
	int down, up, watchers = 0;
	struct ep_item *it;

	if (!file_is_epoll(f))
		return 0;
	down = ep_steps(f->priv, false, ep, ++search);
	up = ep_steps(ep, true, NULL, ++search);
	if (up + 1 + down > EP_NEST_MAX)
		return -ELOOP;
	list_for_each(it, &f->epolls, file_link)
		watchers++;
	return watchers < EP_WATCHERS_MAX ? 0 : -EINVAL;
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
	it->event.events |= EP_ALWAYS;
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

	if (!target->ops->poll)
		return -EPERM;
	if (!file_is_epoll(epf) || epf == target)
		return -EINVAL;
	if (op != EPOLL_CTL_DEL && ev->events & EPOLLEXCLUSIVE &&
	    (op == EPOLL_CTL_MOD || ev->events & ~EP_EXCLUSIVE_OK || file_is_epoll(target)))
		return -EINVAL;
	mutex_lock(&epoll_mutex);
	it = item_find(ep, target, fd);
	switch (op) {
	case EPOLL_CTL_ADD:
		if (it)
			err = -EEXIST;
		else
			err = ep_check_nesting(ep, target) ?: ep_insert(ep, target, fd, ev);
		break;
	case EPOLL_CTL_MOD:
		if (!it) {
			err = -ENOENT;
		} else if (it->event.events & EPOLLEXCLUSIVE) {
			err = -EINVAL;
		} else {
			it->event = *ev;
			it->event.events |= EP_ALWAYS;
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

/*
 * Takes an item that was on the ready list: what it has goes to the user (look: to nobody). 1, 0 when
 * it is not ready after all, -EFAULT. It stays on the list when it is level-triggered or not given.
 */
static int item_give(struct ep_item *it, struct epoll_event __user *to, bool look)
{
	struct epoll_event ev = { item_poll(it, NULL), it->event.data };
	int ret = 1;

	if (!ev.events)
		return 0;
	if (!look && put_user(ev, to))
		ret = -EFAULT;
	else if (!look && it->event.events & EPOLLONESHOT)
		it->event.events &= EP_PRIVATE;
	if (look || ret < 0 || !(it->event.events & (EPOLLET | EPOLLONESHOT))) {
		spin_lock(&it->ep->lock);
		if (list_empty(&it->ready_link))
			list_add_tail(&it->ready_link, &it->ep->ready);
		spin_unlock(&it->ep->lock);
	}
	return ret;
}

/* Moves ready events out: how many, or -EFAULT. max 0: looks for one only. epoll_mutex held. */
static int ep_collect_ready(struct epoll *ep, struct epoll_event __user *events, int max)
{
	struct list_head batch = LIST_INIT(batch);
	struct ep_item *it;
	int n = 0, got = 0;

	spin_lock(&ep->lock);
	list_splice_tail(&ep->ready, &batch);
	/* wake-ups see the items linked meanwhile and leave them alone: they are asked below */
	while (!list_empty(&batch) && n < max(max, 1) && got >= 0) {
		it = list_first(&batch, struct ep_item, ready_link);
		list_del(&it->ready_link);
		spin_unlock(&ep->lock);
		got = item_give(it, events + n, !max);
		n += got > 0;
		spin_lock(&ep->lock);
	}
	list_splice_tail(&ep->ready, &batch);
	list_splice_tail(&batch, &ep->ready);
	spin_unlock(&ep->lock);
	return n ? n : got;
}

int epoll_collect(struct file *epf, struct epoll_event __user *events, int max, u64 deadline)
{
	struct epoll *ep = epf->priv;
	int n, err = 0;

	if (!file_is_epoll(epf) || max <= 0)
		return -EINVAL;
	for (;;) {
		mutex_lock(&epoll_mutex);
		n = ep_collect_ready(ep, events, max);
		mutex_unlock(&epoll_mutex);
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

/* Ready is who has an item that is: asked all the way down, for lists may hold what has been read. */
static u32 epoll_poll(struct file *f, struct poll_table *pt)
{
	bool inside = mutex_is_mine(&epoll_mutex);
	struct epoll *ep = f->priv;
	int n;

	poll_wait(f, &ep->wait, pt);
	if (!inside)
		mutex_lock(&epoll_mutex);
	n = ep_collect_ready(ep, NULL, 0);
	if (!inside)
		mutex_unlock(&epoll_mutex);
	return n ? POLLIN | POLLRDNORM : 0;
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
	spin_init(&ep->lock);
	list_init(&ep->ready);
	waitq_init(&ep->wait);
	LOCKDEP_NESTS(&ep->wait.lock); /* epolls watch each other, never in a circle */
	f = file_anon("[eventpoll]", &epoll_ops, ep, O_RDWR);
	if (IS_ERR(f))
		kfree(ep);
	else
		ep->file = f;
	return f;
}
