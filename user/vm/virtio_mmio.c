/* SPDX-License-Identifier: MIT */
/*
 * virtio over MMIO (virtio 1.2, 4.2, version 2): registers in guest-physical memory and an interrupt line for each device,
 * with no bus on which a driver could look for them. Where they are, the guest is told: by the DSDT (acpi.c), and
 * by words on a Linux kernel's command line. A line is level-triggered for who has read the DSDT, an edge for others.
 */
#include <linux/virtio_mmio.h>

#include "virtio.h"

#define MAGIC 0x74726976 /* "virt" */
#define VERSION 2
#define NO_MEMORY UINT32_MAX /* of a length of shared memory: there is none */

/* What no other device has; a kernel that drives the old interrupt chips knows the first six. */
static const uint8_t lines[MMIO_MAX] = { 5, 6, 7, 10, 11, 12, 16, 17, 18, 19, 20, 21, 22, 23 };
static unsigned int devices;

struct transport {
	struct region registers;
	unsigned int irq;
	bool level; /* of the line, as the kernel knows it */
};

unsigned int virtio_mmio_places(struct mmio_place p[MMIO_MAX])
{
	for (unsigned int i = 0; i < devices; i++)
		p[i] = (struct mmio_place){ MMIO_WINDOW + i * MMIO_SIZE, lines[i] };
	return devices;
}

static void set_line(struct virtio *v, bool level)
{
	struct transport *t = v->transport;

	if (t->level != level)
		irq_line(v->m, t->irq, level);
	t->level = level;
}

static void interrupt(struct virtio *v, struct virtq *q)
{
	v->isr |= q ? ISR_QUEUE : ISR_CONFIG;
	set_line(v, true);
}

/* What a queue's kick writes is its number. The second time the signal is there. */
static void add_signal(struct virtio *v, unsigned int queue)
{
	struct transport *t = v->transport;

	virtio_signals(
		v, queue,
		(struct kvm_ioeventfd){ .addr = t->registers.start + VIRTIO_MMIO_QUEUE_NOTIFY,
					.len = 4,
					.datamatch = queue,
					.flags = KVM_IOEVENTFD_FLAG_DATAMATCH });
}

static void settle(struct virtio *v)
{
	set_line(v, v->isr);
	for (unsigned int i = 0; i < v->nr_queues; i++)
		if (v->queue[i].enabled)
			add_signal(v, i);
}

static uint32_t read_register(struct virtio *v, unsigned int reg)
{
	const struct virtq *q = virtio_queue(v);
	const uint32_t words[] = {
		[VIRTIO_MMIO_MAGIC_VALUE / 4] = MAGIC,
		[VIRTIO_MMIO_VERSION / 4] = VERSION,
		[VIRTIO_MMIO_DEVICE_ID / 4] = v->type,
		[VIRTIO_MMIO_VENDOR_ID / 4] = VIRTIO_VENDOR,
		[VIRTIO_MMIO_DEVICE_FEATURES / 4] = virtio_offered(v),
		[VIRTIO_MMIO_QUEUE_NUM_MAX / 4] = q ? VIRTQ_SIZE : 0,
		[VIRTIO_MMIO_QUEUE_READY / 4] = q && q->enabled,
		[VIRTIO_MMIO_INTERRUPT_STATUS / 4] = v->isr,
		[VIRTIO_MMIO_STATUS / 4] = v->status,
		[VIRTIO_MMIO_SHM_LEN_LOW / 4] = NO_MEMORY,
		[VIRTIO_MMIO_SHM_LEN_HIGH / 4] = NO_MEMORY,
		[VIRTIO_MMIO_CONFIG_GENERATION / 4] = v->generation,
	};

	return reg / 4 < LENGTH(words) ? words[reg / 4] : 0;
}

/* The selected queue's; what is written counts until it is enabled. */
static void write_queue(struct virtio *v, unsigned int reg, uint32_t value)
{
	struct virtq *q = virtio_queue(v);
	unsigned int ring = (reg - VIRTIO_MMIO_QUEUE_DESC_LOW) / 16;

	if (q && reg == VIRTIO_MMIO_QUEUE_READY && !value)
		q->enabled = false;
	else if (!q || q->enabled)
		return;
	else if (reg == VIRTIO_MMIO_QUEUE_READY && virtq_enable(q))
		add_signal(v, v->selected);
	else if (reg == VIRTIO_MMIO_QUEUE_NUM)
		q->size = value <= VIRTQ_SIZE ? value : 0;
	else if (reg >= VIRTIO_MMIO_QUEUE_DESC_LOW && ring < 3 && reg % 16 <= 4)
		memcpy((uint8_t *)(uint64_t *[]){ &q->desc, &q->avail, &q->used }[ring] + reg % 16,
		       &value, 4);
}

static void write_register(struct virtio *v, unsigned int reg, uint32_t value)
{
	if (reg == VIRTIO_MMIO_DEVICE_FEATURES_SEL) {
		v->offered_half = value;
	} else if (reg == VIRTIO_MMIO_DRIVER_FEATURES_SEL) {
		v->agreed_half = value;
	} else if (reg == VIRTIO_MMIO_DRIVER_FEATURES) {
		virtio_agree(v, value);
	} else if (reg == VIRTIO_MMIO_QUEUE_SEL) {
		v->selected = value;
	} else if (reg == VIRTIO_MMIO_QUEUE_NOTIFY) {
		virtio_kick(v, value);
	} else if (reg == VIRTIO_MMIO_INTERRUPT_ACK) {
		v->isr &= ~value;
		set_line(v, false); /* what is left is an edge again */
		set_line(v, v->isr);
	} else if (reg == VIRTIO_MMIO_STATUS) {
		virtio_set_status(v, value);
	} else {
		write_queue(v, reg, value);
	}
}

/* Registers are words, the configuration is bytes: 4.2.2.2. */
static void mmio_access(struct machine *m, void *device, uint64_t offset, bool in, void *data,
			unsigned int size)
{
	uint32_t value = 0;

	if (offset >= VIRTIO_MMIO_CONFIG) {
		if (in)
			virtio_config_read(device, offset - VIRTIO_MMIO_CONFIG, data, size);
	} else if (size != 4 || offset % 4) {
		return;
	} else if (in) {
		value = read_register(device, offset);
		memcpy(data, &value, 4);
	} else {
		memcpy(&value, data, 4);
		write_register(device, offset, value);
	}
}

void virtio_mmio_add(struct machine *m, struct virtio *v)
{
	struct transport *t = allocate(sizeof(*t));

	if (devices == MMIO_MAX)
		die(STATUS_USAGE, "too many devices: %d have an interrupt line", MMIO_MAX);
	t->irq = lines[devices];
	t->registers = (struct region){ .name = v->name,
					.irq = t->irq,
					.behind = v->behind,
					.requests = &v->requests,
					.space = MEMORY,
					.start = MMIO_WINDOW + devices++ * MMIO_SIZE,
					.size = MMIO_SIZE,
					.access = mmio_access,
					.device = v };
	v->transport = t;
	v->interrupt = interrupt;
	v->settle = settle;
	virtio_init(m, v);
	bus_add(m, &t->registers);
}
