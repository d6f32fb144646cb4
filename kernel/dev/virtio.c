/* SPDX-License-Identifier: MIT */
/*
 * The virtio transport: finding devices on PCI and their registers (virtio 1.1, 4.1), agreeing with
 * them (3.1.1), and split queues (2.6). Only devices of version 1 are driven. They interrupt by MSI-X;
 * one that has no MSI-X, or not enough of it, by its line, at the pin that the firmware wrote down.
 *
 * Rings are shared with the device, which may write to them at any time: each value is read once,
 * checked, and used as it was read; what must be relied on is kept apart. The CPU's order of stores is
 * enough for the rings; a full barrier stands where a store must come before a load (2.6.13.4).
 */
#include "dev/virtio.h"

#define VENDOR_VIRTIO 0x1af4
#define DEVICE_MODERN 0x1040 /* plus the kind of device: 4.1.2.1 */
#define DEVICE_OLD                                                                                 \
	0x1000 /* up to 0x103f: speaks both versions; the kind is the subsystem's number */
#define PCI_SUBSYSTEM 0x2e
#define RESET_SPINS 100000

#define AVAIL_AT (sizeof(struct vring_desc) * VIRTQ_MAX)
#define USED_AT (AVAIL_AT + 2 * (VIRTQ_MAX + 4))
_Static_assert(USED_AT % 4 == 0 && USED_AT + 8 * VIRTQ_MAX + 6 <= PAGE_SIZE, "rings of one page");

/* ---- interrupts: 4.1.4.5, 4.1.5.1.2 ---- */

static struct list_head on_lines = LIST_INIT(on_lines); /* complete before other CPUs run */

/* Some device on some line wants something: only they know which. */
static void line_interrupt(void *arg)
{
	struct virtio_dev *v;

	list_for_each(v, &on_lines, link) {
		u8 what = *v->isr; /* and the line falls */

		for (unsigned int n = 0; n < VIRTIO_EVENTS; n++)
			if (v->events[n].handler &&
			    what & (n == VIRTIO_EVENT_CONFIG ? VIRTIO_PCI_ISR_CONFIG : 1))
				v->events[n].handler(v->events[n].arg);
	}
}

/* All events come by the line from now on. */
static int use_line(struct virtio_dev *v)
{
	u32 line = pci_read(&v->pci, PCI_INTERRUPT_LINE, 1);
	int err;

	if (v->on_line)
		return 0;
	if (!v->isr || !line || line > 15) /* 0 and 255: the firmware has not connected it */
		return -ENODEV;
	err = irq_request(line, true, line_interrupt, NULL);
	if (err)
		return err;
	v->on_line = true;
	list_add_tail(&v->link, &on_lines);
	pci_msix_off(&v->pci);
	pci_write(&v->pci, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	pr_info("%s: no MSI-X, interrupt line %u", v->name, line);
	return 0;
}

int virtio_listen(struct virtio_dev *v, unsigned int n, void (*handler)(void *arg), void *arg)
{
	volatile u16 *vector =
		n == VIRTIO_EVENT_CONFIG ? &v->common->msix_config : &v->common->queue_msix_vector;

	v->events[n].arg = arg;
	v->events[n].handler = handler;
	if (!v->on_line && !pci_msix_request(&v->pci, n, handler, arg)) {
		*vector = n;
		if (*vector == n)
			return 0;
	}
	return use_line(v);
}

/* ---- agreeing: 3.1.1 ---- */

static bool reset(struct virtio_dev *v)
{
	v->common->device_status = 0;
	for (int i = 0; i < RESET_SPINS; i++) {
		if (!v->common->device_status)
			return true;
		cpu_relax();
	}
	return false;
}

void virtio_break(struct virtio_dev *v, const char *why)
{
	if (__atomic_exchange_n(&v->broken, true, __ATOMIC_ACQ_REL))
		return;
	pr_err("%s: %s; the device is not used any more", v->name, why);
	/* Nothing of it may reach memory that is about to be somebody else's. */
	reset(v);
	pci_write(&v->pci, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_NO_INTX);
}

int virtio_begin(struct virtio_dev *v, u64 wanted)
{
	volatile struct virtio_pci_common_cfg *c = v->common;
	u64 offered;

	if (!reset(v))
		return -EIO;
	c->device_status = VIRTIO_CONFIG_S_ACKNOWLEDGE;
	c->device_status |= VIRTIO_CONFIG_S_DRIVER;
	c->device_feature_select = 1;
	offered = (u64)c->device_feature << 32;
	c->device_feature_select = 0;
	offered |= c->device_feature;
	/* One that has an IOMMU in front of it would not find our memory. */
	if (!(offered & BIT(VIRTIO_F_VERSION_1)) || offered & BIT(VIRTIO_F_ACCESS_PLATFORM))
		return -ENODEV;
	v->features = offered & (wanted | BIT(VIRTIO_F_VERSION_1));
	for (u32 half = 0; half < 2; half++) {
		c->guest_feature_select = half;
		c->guest_feature = v->features >> 32 * half;
	}
	c->device_status |= VIRTIO_CONFIG_S_FEATURES_OK;
	if (!(c->device_status & VIRTIO_CONFIG_S_FEATURES_OK))
		return -ENODEV;
	return pci_msix_init(&v->pci) ? use_line(v) : 0;
}

void virtio_ready(struct virtio_dev *v)
{
	v->common->device_status |= VIRTIO_CONFIG_S_DRIVER_OK;
}

u64 virtio_config(struct virtio_dev *v, u32 off, unsigned int size)
{
	volatile u8 *at = v->config + off;
	u64 value = 0;

	if (!v->config || off > v->config_len || size > v->config_len - off)
		return 0;
	if (size == 1)
		return *at;
	if (size == 2)
		return *(volatile u16 *)at;
	for (unsigned int i = 0; i < size; i += 4) /* wider fields are read in words: 4.1.3.1 */
		value |= (u64) * (volatile u32 *)(at + i) << 8 * i;
	return value;
}

/* ---- queues: 2.6 ---- */

/* The three rings, in a page of their own: 4.1.5.1.3. */
static int make_rings(struct virtq *q, volatile struct virtio_pci_common_cfg *c)
{
	struct frame *f = frame_alloc_zeroed(FRAME_KERNEL, NULL);
	u64 at;

	if (!f)
		return -ENOMEM;
	q->desc = frame_va(f);
	q->avail = (void *)((u8 *)q->desc + AVAIL_AT);
	q->used = (void *)((u8 *)q->desc + USED_AT);
	q->nr_free = q->size;
	for (u16 i = 0; i < q->size; i++)
		q->next[i] = i + 1;
	at = frame_phys(f);
	c->queue_size = q->size;
	c->queue_desc_lo = at;
	c->queue_desc_hi = at >> 32;
	c->queue_avail_lo = at + AVAIL_AT;
	c->queue_avail_hi = (at + AVAIL_AT) >> 32;
	c->queue_used_lo = at + USED_AT;
	c->queue_used_hi = (at + USED_AT) >> 32;
	return 0;
}

int virtq_init(struct virtio_dev *v, struct virtq *q, u16 index, void (*handler)(void *arg),
	       void *arg)
{
	volatile struct virtio_pci_common_cfg *c = v->common;
	u64 doorbell;
	int err;

	if (index >= c->num_queues)
		return -ENODEV;
	c->queue_select = index;
	q->dev = v;
	q->index = index;
	q->size = min(c->queue_size, (u16)VIRTQ_MAX);
	doorbell = (u64)c->queue_notify_off * v->notify_multiplier;
	if (!q->size || q->size & (q->size - 1) || doorbell + 2 > v->notify_len)
		return -ENODEV;
	q->doorbell = (void *)(v->notify + doorbell);
	err = make_rings(q, c);
	if (!err)
		err = virtio_listen(v, index, handler, arg);
	if (err)
		return err;
	c->queue_enable = 1;
	return 0;
}

int virtq_add(struct virtq *q, const struct virtio_piece *p, unsigned int out, unsigned int in,
	      void *token)
{
	struct virtq_request *r = &q->request[q->free];
	u16 head = q->free, at = head;

	if (READ_ONCE(q->dev->broken))
		return -EIO;
	if (out + in > q->nr_free)
		return -ENOSPC;
	r->room = 0;
	for (unsigned int i = 0; i < out + in; i++) {
		q->desc[at].addr = virt_to_phys(p[i].at);
		q->desc[at].len = p[i].len;
		q->desc[at].flags = (i < out ? 0 : VRING_DESC_F_WRITE) |
				    (i + 1 < out + in ? VRING_DESC_F_NEXT : 0);
		q->desc[at].next = q->next[at];
		r->room += i < out ? 0 : p[i].len;
		r->last = at;
		at = q->next[at];
	}
	q->free = at;
	q->nr_free -= out + in;
	r->pieces = out + in;
	r->token = token;
	q->avail->ring[q->avail->idx & (q->size - 1)] = head;
	barrier(); /* the entry is there before the index says so */
	WRITE_ONCE(q->avail->idx, q->avail->idx + 1);
	return 0;
}

void virtq_kick(struct virtq *q)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!(q->used->flags & VRING_USED_F_NO_NOTIFY) && !READ_ONCE(q->dev->broken))
		*q->doorbell = q->index;
}

bool virtq_quiet(struct virtq *q, bool quiet)
{
	WRITE_ONCE(q->avail->flags, quiet ? VRING_AVAIL_F_NO_INTERRUPT : 0);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return !quiet && q->used->idx != q->used_seen && !READ_ONCE(q->dev->broken);
}

/* The request that begins at head is over: its descriptors are free again. */
static void *release(struct virtq *q, u16 head)
{
	struct virtq_request *r = &q->request[head];
	void *token = r->token;

	q->next[r->last] = q->free;
	q->free = head;
	q->nr_free += r->pieces;
	r->token = NULL;
	return token;
}

void *virtq_take(struct virtq *q, u32 *written)
{
	u16 ahead = q->used->idx - q->used_seen, slot = q->used_seen & (q->size - 1);
	u32 id;

	if (!ahead || READ_ONCE(q->dev->broken))
		return NULL;
	barrier(); /* the index is read before the entry */
	id = q->used->ring[slot].id;
	*written = q->used->ring[slot].len;
	if (ahead > q->size)
		virtio_break(q->dev, "it answered more than it was asked");
	else if (id >= q->size || !q->request[id].token)
		virtio_break(q->dev, "it answered what it was not asked");
	else if (*written > q->request[id].room)
		virtio_break(q->dev, "it wrote more than there was room for");
	else {
		q->used_seen++;
		return release(q, id);
	}
	return NULL;
}

void *virtq_take_back(struct virtq *q)
{
	for (u16 head = 0; head < q->size; head++)
		if (q->request[head].token)
			return release(q, head);
	return NULL;
}

/* ---- finding devices: 4.1.2, 4.1.4 ---- */

/* Maps what the capability at cap points to; *len is how much there is. */
static volatile void *map_structure(struct virtio_dev *v, unsigned int cap, u32 *len)
{
	u32 off = pci_read(&v->pci, cap + VIRTIO_PCI_CAP_OFFSET, 4);

	*len = min(pci_read(&v->pci, cap + VIRTIO_PCI_CAP_LENGTH, 4), (u32)LARGE_PAGE_SIZE);
	return pci_map(&v->pci, pci_read(&v->pci, cap + VIRTIO_PCI_CAP_BAR, 1), off, *len);
}

static bool find_registers(struct virtio_dev *v)
{
	u32 common_len = 0, isr_len;

	for (unsigned int at = 0; (at = pci_capability(&v->pci, PCI_CAP_VENDOR, at));) {
		switch (pci_read(&v->pci, at + VIRTIO_PCI_CAP_CFG_TYPE, 1)) {
		case VIRTIO_PCI_CAP_COMMON_CFG:
			v->common = map_structure(v, at, &common_len);
			break;
		case VIRTIO_PCI_CAP_NOTIFY_CFG:
			v->notify = map_structure(v, at, &v->notify_len);
			v->notify_multiplier =
				pci_read(&v->pci, at + VIRTIO_PCI_NOTIFY_CAP_MULT, 4);
			break;
		case VIRTIO_PCI_CAP_ISR_CFG:
			v->isr = map_structure(v, at, &isr_len);
			break;
		case VIRTIO_PCI_CAP_DEVICE_CFG:
			v->config = map_structure(v, at, &v->config_len);
			break;
		}
	}
	return v->common && v->notify && common_len >= sizeof(*v->common);
}

static void probe(const struct pci_dev *d)
{
	int (*start)(struct virtio_dev * v) = NULL;
	struct virtio_dev *v;
	u32 kind;
	int err = -ENODEV;

	if (d->vendor != VENDOR_VIRTIO || d->device < DEVICE_OLD || d->device > DEVICE_MODERN + 63)
		return;
	kind = d->device >= DEVICE_MODERN ? d->device - DEVICE_MODERN
					  : pci_read(d, PCI_SUBSYSTEM, 2);
	if (kind == VIRTIO_ID_BLOCK)
		start = virtio_blk_start;
	else if (kind == VIRTIO_ID_NET)
		start = virtio_net_start;
	else if (kind == VIRTIO_ID_9P)
		start = virtio_9p_start;
	v = start ? kzalloc(sizeof(*v)) : NULL;
	if (!v)
		return;
	v->pci = *d;
	snprintf(v->name, sizeof(v->name), "virtio %02x:%02x.%x", d->bus, d->slot, d->fn);
	pci_write(d, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_NO_INTX);
	if (find_registers(v))
		err = start(v);
	if (!err)
		return;
	pr_err("%s: not version 1, without interrupt, or out of order (%d); left alone", v->name,
	       err);
	if (v->common)
		reset(v);
	pci_write(d, PCI_COMMAND, 2, PCI_COMMAND_NO_INTX);
	if (v->on_line)
		list_del(&v->link);
	kfree(v);
}

void virtio_init(void)
{
	pci_scan(probe);
}
