/* SPDX-License-Identifier: MIT */
/*
 * Coalesced writes: where the monitor says that order with other exits is all it needs, a guest's write goes into
 * a ring of the VM, which the monitor empties at the next exit, and the guest goes on at once. The ring is a page
 * that the monitor maps behind each vCPU's two (KVM_COALESCED_MMIO_PAGE_OFFSET), and may fill with anything.
 * vm->fd_lock guards the zones and our end of the ring.
 */
#include "vmm/vmm.h"

struct zone {
	struct list_head link;
	struct kvm_coalesced_mmio_zone at;
};

static bool holds(const struct zone *z, bool port, u64 addr, u64 len)
{
	return port == z->at.pio && addr >= z->at.addr && addr + len >= addr &&
	       addr + len <= z->at.addr + z->at.size;
}

static int add(struct vm *vm, const struct kvm_coalesced_mmio_zone *at)
{
	struct zone *z = kzalloc(sizeof(*z));

	if (!z)
		return -ENOMEM;
	z->at = *at;
	SPIN_GUARD(&vm->fd_lock);
	if (vm->nr_zones == NR_IOBUS_DEVS) {
		kfree(z);
		return -ENOSPC;
	}
	vm->nr_zones++;
	list_add_tail(&z->link, &vm->zones);
	return 0;
}

int coalesce_ioctl(struct vm *vm, const struct kvm_coalesced_mmio_zone *at, bool gone)
{
	struct zone *z, *next;

	if (at->pio > 1)
		return -EINVAL;
	if (!gone)
		return add(vm, at);
	SPIN_GUARD(&vm->fd_lock);
	list_for_each_safe(z, next, &vm->zones, link) {
		if (!holds(z, at->pio, at->addr, at->size))
			continue;
		list_del(&z->link);
		kfree(z);
		vm->nr_zones--;
	}
	return 0;
}

bool coalesce_write(struct vm *vm, bool port, u64 addr, u8 len, u64 value)
{
	struct kvm_coalesced_mmio_ring *ring = frame_va(vm->ring);
	struct kvm_coalesced_mmio *to;
	const struct zone *z;
	u32 last, next;

	if (list_empty(&vm->zones))
		return false;
	SPIN_GUARD(&vm->fd_lock);
	z = list_find(z, &vm->zones, link, holds(z, port, addr, len));
	last = READ_ONCE(ring->last);
	next = (last + 1) % KVM_COALESCED_MMIO_MAX;
	if (!z || last >= KVM_COALESCED_MMIO_MAX || next == READ_ONCE(ring->first))
		return false; /* full: an exit as any other */
	to = &ring->coalesced_mmio[last];
	*to = (struct kvm_coalesced_mmio){ .phys_addr = addr, .len = len, .pio = port };
	memcpy(to->data, &value, len);
	__atomic_store_n(&ring->last, next, __ATOMIC_RELEASE);
	return true;
}

void coalesce_free(struct vm *vm)
{
	struct zone *z;

	while ((z = list_pop(&vm->zones, struct zone, link)))
		kfree(z);
	if (vm->ring)
		frame_put(vm->ring);
}
