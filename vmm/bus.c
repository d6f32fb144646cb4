/* SPDX-License-Identifier: MIT */
/*
 * Writes of the guest, to ports or to memory that no slot backs, that need no exit: the monitor has said beforehand what
 * is to become of them. An ioeventfd is one certain write: it signals an eventfd. A zone is a range where
 * order with other exits is all the monitor needs: what is written goes into a ring of the VM, which the monitor empties
 * at the next exit. The ring is a page that the monitor maps behind each vCPU's two
 * (KVM_COALESCED_MMIO_PAGE_OFFSET), and may fill with anything. vm->fd_lock guards the list and our end of the ring.
 */
#include "vmm/vmm.h"

#define BUS (KVM_IOEVENTFD_FLAG_PIO | KVM_IOEVENTFD_FLAG_VIRTIO_CCW_NOTIFY)
#define MATCH KVM_IOEVENTFD_FLAG_DATAMATCH

struct taker {
	struct list_head link;
	/* Of a zone: where. Of an ioeventfd: which write; len 0 is any. A write itself is described likewise. */
	struct kvm_ioeventfd at; /* flags: of BUS, and MATCH; fd is 0 */
	struct eventfd *event; /* NULL: a zone */
};

/* Would one write signal both? */
static bool collide(const struct kvm_ioeventfd *a, const struct kvm_ioeventfd *b)
{
	if (((a->flags ^ b->flags) & BUS) || a->addr != b->addr)
		return false;
	if (!a->len || !b->len)
		return true;
	return a->len == b->len && (!(a->flags & b->flags & MATCH) || a->datamatch == b->datamatch);
}

/* Is all of b in zone a? */
static bool holds(const struct kvm_ioeventfd *a, const struct kvm_ioeventfd *b)
{
	return !((a->flags ^ b->flags) & BUS) && b->addr >= a->addr &&
	       b->addr + b->len >= b->addr && b->addr + b->len <= a->addr + a->len;
}

static bool put_into_ring(struct vm *vm, const struct kvm_ioeventfd *w)
{
	struct kvm_coalesced_mmio_ring *ring = frame_va(vm->ring);
	u32 last = READ_ONCE(ring->last), next = (last + 1) % KVM_COALESCED_MMIO_MAX;
	struct kvm_coalesced_mmio *to;

	if (last >= KVM_COALESCED_MMIO_MAX || next == READ_ONCE(ring->first))
		return false; /* full: an exit as any other */
	to = &ring->coalesced_mmio[last];
	*to = (struct kvm_coalesced_mmio){ .phys_addr = w->addr,
					   .len = w->len,
					   .pio = !!(w->flags & KVM_IOEVENTFD_FLAG_PIO) };
	memcpy(to->data, &w->datamatch, w->len);
	__atomic_store_n(&ring->last, next, __ATOMIC_RELEASE);
	return true;
}

bool bus_write(struct vm *vm, bool port, u64 addr, u8 len, u64 value)
{
	struct kvm_ioeventfd w = { .datamatch = low_bytes(value, len),
				   .addr = addr,
				   .len = len,
				   .flags = MATCH | (port ? KVM_IOEVENTFD_FLAG_PIO : 0) };
	struct taker *t;

	if (list_empty(&vm->takers))
		return false;
	SPIN_GUARD(&vm->fd_lock);
	t = list_find(t, &vm->takers, link, (t->event ? collide : holds)(&t->at, &w));
	if (t && !t->event)
		return put_into_ring(vm, &w);
	if (t)
		eventfd_signal(t->event);
	return t;
}

/* The reference to event moves here. -ENOMEM, -ENOSPC: too many of the kind; -EEXIST: a write would signal two. */
static int add(struct vm *vm, const struct kvm_ioeventfd *at, struct eventfd *event)
{
	struct taker *t = kzalloc(sizeof(*t)), *o; /* charged: not under a spinlock */
	unsigned int n = 0;

	if (!t)
		return -ENOMEM;
	*t = (struct taker){ .at = *at, .event = event };
	SPIN_GUARD(&vm->fd_lock);
	list_for_each(o, &vm->takers, link) {
		if (!o->event != !event)
			continue;
		if (++n == NR_IOBUS_DEVS || (event && collide(&o->at, at))) {
			kfree(t);
			return n == NR_IOBUS_DEVS ? -ENOSPC : -EEXIST;
		}
	}
	(event ? list_add : list_add_tail)(&t->link, &vm->takers); /* these come first */
	return 0;
}

static void take_out(struct taker *t)
{
	list_del(&t->link);
	if (t->event)
		eventfd_put(t->event);
	kfree(t);
}

static int remove_ioeventfd(struct vm *vm, const struct kvm_ioeventfd *a, struct eventfd *event)
{
	const size_t all = offsetof(struct kvm_ioeventfd, pad);
	struct taker *t;

	SPIN_GUARD(&vm->fd_lock);
	t = list_find(t, &vm->takers, link, t->event == event && !memcmp(&t->at, a, all));
	if (!t)
		return -ENOENT;
	take_out(t);
	return 0;
}

static bool ioeventfd_valid(const struct kvm_ioeventfd *a)
{
	return a->len <= 8 && !(a->len & (a->len - 1)) && a->addr + a->len >= a->addr &&
	       !(a->flags & ~KVM_IOEVENTFD_VALID_FLAG_MASK) && (a->len || !(a->flags & MATCH));
}

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
	a->flags &= BUS | MATCH;
	a->datamatch = a->flags & MATCH ? low_bytes(a->datamatch, a->len) : 0;
	err = gone ? remove_ioeventfd(vm, a, event) : add(vm, a, event);
	if (err || gone)
		eventfd_put(event);
	return err;
}

int coalesce_ioctl(struct vm *vm, const struct kvm_coalesced_mmio_zone *z, bool gone)
{
	struct kvm_ioeventfd at = { .addr = z->addr,
				    .len = z->size,
				    .flags = z->pio ? KVM_IOEVENTFD_FLAG_PIO : 0 };
	struct taker *t, *next;

	if (z->pio > 1)
		return -EINVAL;
	if (!gone)
		return add(vm, &at, NULL);
	SPIN_GUARD(&vm->fd_lock);
	list_for_each_safe(t, next, &vm->takers, link)
		if (!t->event && holds(&t->at, &at))
			take_out(t);
	return 0;
}

void bus_free(struct vm *vm)
{
	while (!list_empty(&vm->takers))
		take_out(list_first(&vm->takers, struct taker, link));
	if (vm->ring)
		frame_put(vm->ring);
}
