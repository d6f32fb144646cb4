/* SPDX-License-Identifier: MIT */
/*
 * Eventfds on both sides of a guest. An irqfd makes an interrupt of each signal, in the context of
 * whoever signals: it listens on the eventfd's wait queue. An ioeventfd signals when the guest writes
 * to a port or an address, and the guest goes on at once. vm->fd_lock guards both lists; it is taken
 * before an eventfd's own locks, and those before irqchip->lock.
 */
#include "vmm/irqchip/irqchip.h"

#include <linux/poll.h>

#define IOEVENTFD_BUS (KVM_IOEVENTFD_FLAG_PIO | KVM_IOEVENTFD_FLAG_VIRTIO_CCW_NOTIFY)

struct irqfd {
	struct list_head link;
	struct wait_entry wait;
	struct vm *vm;
	u32 gsi;
	bool closed; /* its last descriptor is gone: nobody can signal it any more */
	struct eventfd *event;
};

struct ioeventfd {
	struct list_head link;
	struct kvm_ioeventfd at; /* fd is 0 */
	struct eventfd *event;
};

/* ---- irqfd ---- */

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

/* Takes away those on e for gsi; e NULL: the closed ones. */
static void irqfd_remove(struct vm *vm, const struct eventfd *e, u32 gsi)
{
	struct irqfd *f, *next;

	list_for_each_safe(f, next, &vm->irqfds, link)
		if (e ? f->event == e && f->gsi == gsi : READ_ONCE(f->closed))
			irqfd_free(f);
}

static int irqfd_assign(struct vm *vm, u32 gsi, struct eventfd *event)
{
	struct irqfd *f;

	irqfd_remove(vm, NULL, 0);
	if (list_find(f, &vm->irqfds, link, f->event == event))
		return -EBUSY;
	f = kzalloc(sizeof(*f));
	if (!f)
		return -ENOMEM;
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
	SPIN_GUARD(&vm->fd_lock);
	if (a->flags)
		irqfd_remove(vm, event, a->gsi);
	else
		err = irqfd_assign(vm, a->gsi, event);
	if (err || a->flags) /* else it is the irqfd's */
		eventfd_put(event);
	return err;
}

/* ---- ioeventfd ---- */

/* Would one write signal both? */
static bool collide(const struct kvm_ioeventfd *a, const struct kvm_ioeventfd *b)
{
	if (((a->flags ^ b->flags) & IOEVENTFD_BUS) || a->addr != b->addr)
		return false;
	if (!a->len || !b->len)
		return true;
	return a->len == b->len && (!(a->flags & b->flags & KVM_IOEVENTFD_FLAG_DATAMATCH) ||
				    a->datamatch == b->datamatch);
}

bool ioeventfd_write(struct vm *vm, bool port, u64 addr, u8 len, u64 value)
{
	struct kvm_ioeventfd write = { .addr = addr, .len = len };
	struct ioeventfd *i;

	if (list_empty(&vm->ioeventfds))
		return false;
	write.datamatch = low_bytes(value, len);
	write.flags = KVM_IOEVENTFD_FLAG_DATAMATCH | (port ? KVM_IOEVENTFD_FLAG_PIO : 0);
	SPIN_GUARD(&vm->fd_lock);
	i = list_find(i, &vm->ioeventfds, link, collide(&i->at, &write));
	if (i)
		eventfd_signal(i->event);
	return i;
}

static int ioeventfd_assign(struct vm *vm, const struct kvm_ioeventfd *a, struct eventfd *event)
{
	struct ioeventfd *i = kzalloc(sizeof(*i)), *o; /* charged: not under a spinlock */
	unsigned int n = 0;

	if (!i)
		return -ENOMEM;
	*i = (struct ioeventfd){ .at = *a, .event = event };
	SPIN_GUARD(&vm->fd_lock);
	list_for_each(o, &vm->ioeventfds, link) {
		if (++n == NR_IOBUS_DEVS || collide(&o->at, a)) {
			kfree(i);
			return n == NR_IOBUS_DEVS ? -ENOSPC : -EEXIST;
		}
	}
	list_add_tail(&i->link, &vm->ioeventfds);
	return 0;
}

static void ioeventfd_free(struct ioeventfd *i)
{
	list_del(&i->link);
	eventfd_put(i->event);
	kfree(i);
}

static int ioeventfd_deassign(struct vm *vm, const struct kvm_ioeventfd *a, struct eventfd *event)
{
	const size_t all = offsetof(struct kvm_ioeventfd, pad);
	struct ioeventfd *i;

	SPIN_GUARD(&vm->fd_lock);
	i = list_find(i, &vm->ioeventfds, link, i->event == event && !memcmp(&i->at, a, all));
	if (!i)
		return -ENOENT;
	ioeventfd_free(i);
	return 0;
}

static bool ioeventfd_valid(const struct kvm_ioeventfd *a)
{
	bool match = a->flags & KVM_IOEVENTFD_FLAG_DATAMATCH;

	return a->len <= 8 && !(a->len & (a->len - 1)) && a->addr + a->len >= a->addr &&
	       !(a->flags & ~KVM_IOEVENTFD_VALID_FLAG_MASK) && (a->len || !match);
}

/* KVM_IOEVENTFD: -EINVAL, -EBADF, -EEXIST: a write would signal two; -ENOENT, -ENOSPC. */
int ioeventfd_ioctl(struct vm *vm, struct kvm_ioeventfd *a)
{
	bool gone = a->flags & KVM_IOEVENTFD_FLAG_DEASSIGN;
	struct eventfd *event;
	int err;

	if (!gone && !ioeventfd_valid(a))
		return -EINVAL;
	event = eventfd_get(a->fd);
	if (IS_ERR(event))
		return PTR_ERR(event);
	/* what says where and what a write has to be */
	a->fd = 0;
	a->flags &= IOEVENTFD_BUS | KVM_IOEVENTFD_FLAG_DATAMATCH;
	a->datamatch =
		a->flags & KVM_IOEVENTFD_FLAG_DATAMATCH ? low_bytes(a->datamatch, a->len) : 0;
	err = gone ? ioeventfd_deassign(vm, a, event) : ioeventfd_assign(vm, a, event);
	if (err || gone)
		eventfd_put(event);
	return err;
}

void eventfds_free(struct vm *vm)
{
	while (!list_empty(&vm->irqfds))
		irqfd_free(list_first(&vm->irqfds, struct irqfd, link));
	while (!list_empty(&vm->ioeventfds))
		ioeventfd_free(list_first(&vm->ioeventfds, struct ioeventfd, link));
}
