/* SPDX-License-Identifier: MIT */
/*
 * virtio over PCI (virtio 1.1, 4.1): four pages of registers in BAR 0, which capabilities tell of; MSI-X
 * in BAR 1, or the interrupt line with its reasons in the ISR byte. A kick is a write to the third page,
 * 4 bytes a queue: the kernel makes a signal of it and the vCPU goes on at once (KVM_IOEVENTFD).
 */
#include <linux/virtio_pci.h>

#include "pci.h"
#include "virtio.h"

enum { COMMON = 0x0000, ISR = 0x1000, DEVICE = 0x2000, NOTIFY = 0x3000, BAR_SIZE = 0x4000 };
#define NOTIFY_STRIDE 4
#define DEVICE_ID(type) (0x1040 + (type)) /* 4.1.2 */

struct transport {
	struct pci_function f;
	struct virtio *v;
	uint64_t signals_at; /* where kicks are signals, or NOWHERE */
};

/* ---- interrupts ---- */

/* The line is up as long as there is a reason. */
static void settle(struct virtio *v)
{
	struct transport *t = v->transport;

	pci_interrupt(v->m, &t->f, v->isr);
}

static void interrupt(struct virtio *v, struct virtq *q)
{
	struct transport *t = v->transport;

	if (pci_msix_on(&t->f)) {
		pci_msix_signal(v->m, &t->f, q ? q->vector : v->vector);
		return;
	}
	v->isr |= q ? ISR_QUEUE : ISR_CONFIG;
	settle(v);
}

static void isr_read(struct virtio *v, uint8_t *data)
{
	*data = v->isr;
	v->isr = 0;
	settle(v);
}

/* ---- struct virtio_pci_common_cfg: 4.1.4.3 ---- */

static void common_fill(struct transport *t, struct virtio_pci_common_cfg *c)
{
	struct virtio *v = t->v;
	const struct virtq none = { .vector = VIRTIO_MSI_NO_VECTOR }, *q = virtio_queue(v);

	q = q ? q : &none;
	*c = (struct virtio_pci_common_cfg){
		.device_feature_select = v->offered_half,
		.device_feature = virtio_offered(v),
		.guest_feature_select = v->agreed_half,
		.guest_feature = v->agreed_half < 2 ? v->features >> 32 * v->agreed_half : 0,
		.msix_config = v->vector,
		.num_queues = v->nr_queues,
		.device_status = v->status,
		.config_generation = v->generation,
		.queue_select = v->selected,
		.queue_size = q->size,
		.queue_msix_vector = q->vector,
		.queue_enable = q->enabled,
		.queue_notify_off = v->selected,
		.queue_desc_lo = q->desc,
		.queue_desc_hi = q->desc >> 32,
		.queue_avail_lo = q->avail,
		.queue_avail_hi = q->avail >> 32,
		.queue_used_lo = q->used,
		.queue_used_hi = q->used >> 32,
	};
}

static uint16_t vector(const struct transport *t, uint16_t n)
{
	return n < t->f.vectors ? n : VIRTIO_MSI_NO_VECTOR;
}

/* What the driver says about a queue counts until it is enabled; nonsense does not enable it. */
static void queue_write(struct transport *t, struct virtq *q, const struct virtio_pci_common_cfg *c)
{
	q->vector = vector(t, c->queue_msix_vector);
	if (q->enabled)
		return;
	q->size = c->queue_size;
	q->desc = (uint64_t)c->queue_desc_hi << 32 | c->queue_desc_lo;
	q->avail = (uint64_t)c->queue_avail_hi << 32 | c->queue_avail_lo;
	q->used = (uint64_t)c->queue_used_hi << 32 | c->queue_used_lo;
	if (c->queue_enable == 1)
		virtq_enable(q);
}

/* A write makes a structure of what there is and what is written, which all counts: the rest is as it was. */
static void common_access(struct transport *t, uint64_t offset, bool in, void *data,
			  unsigned int size)
{
	struct virtio_pci_common_cfg c;
	struct virtio *v = t->v;

	if (offset + size > sizeof(c))
		return;
	common_fill(t, &c);
	memcpy(in ? data : (uint8_t *)&c + offset, in ? (uint8_t *)&c + offset : data, size);
	if (in)
		return;
	virtio_agree(v, c.guest_feature); /* of the half, and the queue, that are chosen so far */
	if (virtio_queue(v))
		queue_write(t, virtio_queue(v), &c);
	v->offered_half = c.device_feature_select;
	v->agreed_half = c.guest_feature_select;
	v->selected = c.queue_select;
	v->vector = vector(t, c.msix_config);
	if (offset == offsetof(struct virtio_pci_common_cfg, device_status))
		virtio_set_status(v, c.device_status);
}

/* ---- BAR 0 ---- */

static void bar_access(struct machine *m, void *device, uint64_t offset, bool in, void *data,
		       unsigned int size)
{
	struct transport *t = device;
	uint64_t in_page = offset % PAGE;

	if (offset >= NOTIFY) {
		if (!in)
			virtio_kick(t->v, in_page / NOTIFY_STRIDE);
	} else if (offset >= DEVICE) {
		if (in)
			virtio_config_read(t->v, in_page, data, size);
	} else if (offset == ISR) {
		if (in)
			isr_read(t->v, data);
	} else if (offset < ISR) {
		common_access(t, in_page, in, data, size);
	}
}

/* What a kick writes is 16 bits: 4.1.5.2. Other kernels than Linux may write otherwise; see bar_access(). */
static void set_signals(struct transport *t, uint64_t bar, uint32_t flags)
{
	for (unsigned int i = 0; i < t->v->nr_queues; i++)
		virtio_signals(t->v, i,
			       (struct kvm_ioeventfd){ .addr = bar + NOTIFY + i * NOTIFY_STRIDE,
						       .len = 2,
						       .flags = flags });
}

static void moved(struct machine *m, struct pci_function *f)
{
	struct transport *t = f->bar[0].device;

	if (t->signals_at != NOWHERE)
		set_signals(t, t->signals_at, KVM_IOEVENTFD_FLAG_DEASSIGN);
	t->signals_at = f->bar[0].start;
	if (t->signals_at != NOWHERE)
		set_signals(t, t->signals_at, 0);
}

/* ---- configuration space ---- */

static void add_structure(struct pci_function *f, uint8_t type, uint32_t offset, uint32_t length)
{
	uint8_t size = type == VIRTIO_PCI_CAP_NOTIFY_CFG ? sizeof(struct virtio_pci_notify_cap)
							 : sizeof(struct virtio_pci_cap);
	uint8_t at = pci_add_capability(f, PCI_CAP_ID_VNDR, size);

	pci_set(f, at + VIRTIO_PCI_CAP_LEN, 1, size);
	pci_set(f, at + VIRTIO_PCI_CAP_CFG_TYPE, 1, type);
	pci_set(f, at + VIRTIO_PCI_CAP_OFFSET, 4, offset);
	pci_set(f, at + VIRTIO_PCI_CAP_LENGTH, 4, length);
	if (type == VIRTIO_PCI_CAP_NOTIFY_CFG)
		pci_set(f, at + VIRTIO_PCI_NOTIFY_CAP_MULT, 4, NOTIFY_STRIDE);
}

/* Storage, other; Ethernet; communication, other; none of those. */
static uint32_t class_of(uint16_t type)
{
	return type == VIRTIO_ID_BLOCK     ? 0x018000
	       : type == VIRTIO_ID_NET     ? 0x020000
	       : type == VIRTIO_ID_CONSOLE ? 0x078000
					   : 0xff0000;
}

void virtio_pci_add(struct machine *m, struct virtio *v)
{
	struct transport *t = allocate(sizeof(*t));
	struct pci_function *f = &t->f;

	v->transport = t;
	t->v = v;
	t->signals_at = NOWHERE;
	f->name = v->name;
	f->behind = v->behind;
	f->requests = &v->requests;
	pci_identify(f, VIRTIO_VENDOR, DEVICE_ID(v->type), class_of(v->type));
	pci_set(f, PCI_REVISION_ID, 1, 1);
	pci_set(f, PCI_SUBSYSTEM_VENDOR_ID, 2, VIRTIO_VENDOR);
	pci_set(f, PCI_SUBSYSTEM_ID, 2, 0x40 + v->type);
	pci_set(f, PCI_INTERRUPT_PIN, 1, 1);
	add_structure(f, VIRTIO_PCI_CAP_COMMON_CFG, COMMON, sizeof(struct virtio_pci_common_cfg));
	add_structure(f, VIRTIO_PCI_CAP_NOTIFY_CFG, NOTIFY, v->nr_queues * NOTIFY_STRIDE);
	add_structure(f, VIRTIO_PCI_CAP_ISR_CFG, ISR, 1);
	if (v->config_size)
		add_structure(f, VIRTIO_PCI_CAP_DEVICE_CFG, DEVICE, v->config_size);
	pci_add_msix(f, 1, v->nr_queues + 1);
	f->bar[0] = (struct region){
		.space = MEMORY, .size = BAR_SIZE, .access = bar_access, .device = t
	};
	f->moved = moved;
	v->interrupt = interrupt;
	v->settle = settle;
	virtio_init(m, v);
	pci_add(m, f, PCI_FREE_SLOT);
}
