/* SPDX-License-Identifier: MIT */
/*
 * Irqfds: each signal of an eventfd becomes an interrupt, in the context of whoever signals: an irqfd listens on the
 * eventfd's wait queue. vm->fd_lock guards the list; it is taken before an eventfd's own locks, and those before
 * irqchip->lock.
 */
#include "vmm/irqchip/irqchip.h"

#include <linux/poll.h>

struct irqfd {
	struct list_head link;
	struct wait_entry wait;
	struct vm *vm;
	u32 gsi;
	bool closed; /* its last descriptor is gone: nobody can signal it any more */
	struct eventfd *event;
};

/* The eventfd's wait queue is locked. */
static void irqfd_wake(struct wait_entry *w, u32 key)
{
	struct irqfd *f = container_of(w, struct irqfd, wait);

	if (key & POLLHUP)
		WRITE_ONCE(f->closed, true);
	if (!(key & POLLIN))
		return;
	eventfd_take(f->event);
	irq_pulse(f->vm, f->gsi);
}

static void irqfd_free(struct irqfd *f)
{
	waitq_del(&f->wait); /* from here on no wake-up runs */
	list_del(&f->link);
	eventfd_put(f->event);
	kfree(f);
}

/* Takes away those on e for gsi; e NULL: the closed ones. Lock held. */
static void irqfd_remove(struct vm *vm, const struct eventfd *e, u32 gsi)
{
	struct irqfd *f, *next;

	list_for_each_safe(f, next, &vm->irqfds, link)
		if (e ? f->event == e && f->gsi == gsi : READ_ONCE(f->closed))
			irqfd_free(f);
}

static int irqfd_assign(struct vm *vm, u32 gsi, struct eventfd *event)
{
	struct irqfd *f = kzalloc(sizeof(*f)), *other; /* charged: not under a spinlock */

	if (!f)
		return -ENOMEM;
	SPIN_GUARD(&vm->fd_lock);
	irqfd_remove(vm, NULL, 0);
	if (list_find(other, &vm->irqfds, link, other->event == event)) {
		kfree(f);
		return -EBUSY;
	}
	*f = (struct irqfd){ .vm = vm, .gsi = gsi, .event = event, .wait.func = irqfd_wake };
	list_init(&f->wait.link);
	list_add(&f->link, &vm->irqfds);
	if (eventfd_listen(event, &f->wait))
		irq_pulse(vm, gsi);
	return 0;
}

/* KVM_IRQFD: -EINVAL, -EBADF, -EBUSY: the eventfd has an interrupt already. */
int irqfd_ioctl(struct vm *vm, const struct kvm_irqfd *a)
{
	struct eventfd *event;
	int err = 0;

	if ((a->flags & ~KVM_IRQFD_FLAG_DEASSIGN) || !vm->irqchip)
		return -EINVAL;
	event = eventfd_get(a->fd);
	if (IS_ERR(event))
		return PTR_ERR(event);
	if (a->flags) {
		SPIN_GUARD(&vm->fd_lock);
		irqfd_remove(vm, event, a->gsi);
	} else {
		err = irqfd_assign(vm, a->gsi, event);
	}
	if (err || a->flags) /* else it is the irqfd's */
		eventfd_put(event);
	return err;
}

void irqfds_free(struct vm *vm)
{
	while (!list_empty(&vm->irqfds))
		irqfd_free(list_first(&vm->irqfds, struct irqfd, link));
}
