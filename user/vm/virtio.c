/* SPDX-License-Identifier: MIT */
/*
 * What all virtio devices have in common (virtio 1.1, 2 and 3.1): status, features, configuration, and
 * the eventfds by which drivers' kicks reach the first thread, where all devices do their work.
 */
#include <sys/eventfd.h>
#include <linux/virtio_pci.h>
#include <linux/virtio_ring.h>

#include "virtio.h"

#define OFFERED_BY_ALL                                                                             \
	(VIRTIO_BIT(VIRTIO_F_VERSION_1) | VIRTIO_BIT(VIRTIO_RING_F_INDIRECT_DESC) |                \
	 VIRTIO_BIT(VIRTIO_RING_F_EVENT_IDX))

static void on_kick(struct machine *m, void *device, short events)
{
	struct virtq *q = device;
	uint64_t count;

	if (read(q->kick.fd, &count, sizeof(count)) == sizeof(count))
		q->dev->notify(q->dev, q);
}

void virtio_kick(struct virtio *v, unsigned int queue)
{
	uint64_t one = 1;

	if (queue < v->nr_queues && write(v->queue[queue].kick.fd, &one, sizeof(one)) < 0)
		return; /* only when the counter is full: then it is kicked */
}

void virtio_signals(struct virtio *v, unsigned int queue, struct kvm_ioeventfd e)
{
	e.fd = v->queue[queue].kick.fd;
	ioctl(v->m->vm, KVM_IOEVENTFD, &e);
}

static void reset(struct virtio *v)
{
	for (unsigned int i = 0; i < v->nr_queues; i++) {
		struct virtq *q = &v->queue[i];

		*q = (struct virtq){ .dev = v,
				     .size = VIRTQ_SIZE,
				     .vector = VIRTIO_MSI_NO_VECTOR,
				     .kick = q->kick };
	}
	v->features = v->offered_half = v->agreed_half = v->selected = 0;
	v->status = v->isr = 0;
	v->vector = VIRTIO_MSI_NO_VECTOR;
	v->reset_wanted = false;
	v->settle(v);
}

/* Behind its queues. A kick may have been on its way: all of them are kicked once more. */
static const char *restored(struct machine *m, struct kept *k)
{
	struct virtio *v = k->device;

	if (v->features & ~v->offers)
		return "a virtio device offers less than its driver uses";
	for (unsigned int i = 0; i < v->nr_queues; i++) {
		if (v->queue[i].enabled && !virtq_is_sound(&v->queue[i]))
			return "a queue of a virtio device is damaged";
		virtio_kick(v, i);
	}
	v->settle(v);
	return NULL;
}

void virtio_init(struct machine *m, struct virtio *v)
{
	static unsigned int devices;

	v->m = m;
	v->offers |= OFFERED_BY_ALL;
	reset(v);
	for (unsigned int i = 0; i < v->nr_queues; i++) {
		struct virtq *q = &v->queue[i];

		q->kick = (struct watch){ .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
					  .events = POLLIN,
					  .fn = on_kick,
					  .device = q };
		if (q->kick.fd < 0)
			die(STATUS_FAILED, "cannot wait for a device: %s", strerror(errno));
		watch_add(&q->kick);
		snapshot_keep(.id = "queue", .index = devices * VIRTIO_QUEUES + i,
			      KEPT_PART(q, enabled, kick));
	}
	snapshot_keep(.id = "virtio", .index = devices++, KEPT_PART(v, features, m),
		      .restored = restored, .device = v);
}

/* 2.1.2: only what was offered is accepted, and no driver of before version 1. */
void virtio_set_status(struct virtio *v, uint8_t status)
{
	uint8_t stopped = v->status & VIRTIO_CONFIG_S_NEEDS_RESET;

	if (!status && v->busy) {
		v->reset_wanted = true; /* until then the status is not 0 */
	} else if (!status) {
		reset(v);
	} else {
		if (v->features & ~v->offers || !(v->features & VIRTIO_BIT(VIRTIO_F_VERSION_1)))
			status &= ~VIRTIO_CONFIG_S_FEATURES_OK;
		if (!(status & VIRTIO_CONFIG_S_FEATURES_OK))
			status &= ~VIRTIO_CONFIG_S_DRIVER_OK;
		v->status = (status & ~VIRTIO_CONFIG_S_NEEDS_RESET) | stopped;
		for (unsigned int i = 0; i < v->nr_queues; i++)
			virtio_kick(v, i); /* what was put there before may be begun with now */
	}
}

uint32_t virtio_offered(struct virtio *v)
{
	return v->offered_half < 2 ? v->offers >> 32 * v->offered_half : 0;
}

struct virtq *virtio_queue(struct virtio *v)
{
	return v->selected < v->nr_queues ? &v->queue[v->selected] : NULL;
}

void virtio_agree(struct virtio *v, uint32_t features)
{
	uint32_t half = v->agreed_half;

	if (half > 1 || v->status & VIRTIO_CONFIG_S_FEATURES_OK)
		return;
	v->features &= ~(0xffffffffULL << 32 * half);
	v->features |= (uint64_t)features << 32 * half;
}

void virtio_config_read(struct virtio *v, uint64_t offset, void *data, unsigned int size)
{
	memset(data, 0, size);
	if (offset < v->config_size)
		memcpy(data, (const uint8_t *)v->config + offset,
		       size < v->config_size - offset ? size : v->config_size - offset);
}

void virtio_config_changed(struct virtio *v)
{
	v->generation++;
	if (v->status & VIRTIO_CONFIG_S_DRIVER_OK)
		v->interrupt(v, NULL);
}

void virtio_break(struct virtio *v)
{
	if (v->status & VIRTIO_CONFIG_S_NEEDS_RESET)
		return;
	v->status |= VIRTIO_CONFIG_S_NEEDS_RESET;
	virtio_config_changed(v);
}

void virtio_unlock(struct virtio *v)
{
	v->busy = true;
	bus_unlock();
}

void virtio_lock(struct virtio *v)
{
	bus_lock();
	v->busy = false;
	if (v->reset_wanted)
		reset(v);
}

void virtio_add(struct machine *m, struct virtio *v, uint16_t type, const char *name,
		unsigned int queues, void (*notify)(struct virtio *v, struct virtq *q))
{
	v->type = type;
	v->name = name;
	v->nr_queues = queues;
	v->notify = notify;
	if (m->mmio)
		virtio_mmio_add(m, v);
	else
		virtio_pci_add(m, v);
}
