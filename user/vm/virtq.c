/* SPDX-License-Identifier: MIT */
/*
 * Split virtqueues (virtio 1.1, 2.6) from the device's side. The driver owns the memory they are in and
 * may write there at any time, so each value is read once, then checked, then used: addresses against
 * the RAM, indices against the queue's size, the length of a chain against VIRTQ_SIZE, which ends loops.
 */
#include <linux/virtio_ring.h>

#include "virtio.h"

static bool usable(const struct virtq *q)
{
	return q->enabled && (q->dev->status & VIRTIO_CONFIG_S_DRIVER_OK) &&
	       !(q->dev->status & VIRTIO_CONFIG_S_NEEDS_RESET);
}

/* n bytes of a ring; NULL: not in RAM, and the device is stopped. */
static void *ring_at(struct virtq *q, uint64_t at, size_t n)
{
	void *p = guest_memory(q->dev->m, at, n, true);

	if (!p)
		virtio_break(q->dev);
	return p;
}

/* A 16-bit field or entry: of the available ring by number, its index and flags before it. */
enum { AVAIL_FLAGS, AVAIL_INDEX, AVAIL_RING };
enum { USED_FLAGS, USED_INDEX, USED_RING };

static uint16_t *avail_word(struct virtq *q, unsigned int n)
{
	return ring_at(q, q->avail + 2 * n, 2);
}

static uint16_t *used_word(struct virtq *q, unsigned int n)
{
	return ring_at(q, q->used + 2 * n, 2);
}

static uint16_t load(const uint16_t *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static void store(uint16_t *p, uint16_t v)
{
	__atomic_store_n(p, v, __ATOMIC_RELEASE);
}

static bool event_index(const struct virtq *q)
{
	return q->dev->features & VIRTIO_BIT(VIRTIO_RING_F_EVENT_IDX);
}

bool virtq_is_sound(const struct virtq *q)
{
	return q->size && q->size <= VIRTQ_SIZE && !(q->size & (q->size - 1)) &&
	       !(q->desc % 16 || q->avail % 2 || q->used % 4);
}

bool virtq_enable(struct virtq *q)
{
	q->enabled = virtq_is_sound(q);
	q->seen = q->done = q->told = 0;
	return q->enabled;
}

/* ---- chains ---- */

static bool add_piece(struct virtq *q, struct virtq_chain *c, const struct vring_desc *d)
{
	bool in = d->flags & VRING_DESC_F_WRITE;
	unsigned int n = c->nr_out + c->nr_in;
	void *at = guest_memory(q->dev->m, d->addr, d->len, in);

	if (!at || n == VIRTQ_SIZE || (!in && c->nr_in)) /* 2.6.4.2: first all that is read */
		return false;
	c->iov[n] = (struct iovec){ at, d->len };
	*(in ? &c->nr_in : &c->nr_out) += 1;
	*(in ? &c->in_size : &c->out_size) += d->len;
	return true;
}

/* The chain that begins at head, with at most one indirect table, at its end: 2.6.5.3. */
static bool gather(struct virtq *q, uint16_t head, struct virtq_chain *c)
{
	uint64_t table = q->desc;
	uint32_t size = q->size, i = head;
	bool indirect = false;
	struct vring_desc d;

	c->head = head;
	c->nr_out = c->nr_in = 0;
	c->out_size = c->in_size = 0;
	for (;;) {
		const void *at =
			i < size ? guest_memory(q->dev->m, table + i * sizeof(d), sizeof(d), false)
				 : NULL;
		if (!at)
			return false;
		memcpy(&d, at, sizeof(d));
		i = d.next;
		if (d.flags & VRING_DESC_F_INDIRECT) {
			if (indirect || d.flags & VRING_DESC_F_NEXT || d.len % sizeof(d))
				return false;
			indirect = true;
			table = d.addr;
			size = d.len / sizeof(d);
			i = 0;
			continue;
		}
		if (!add_piece(q, c, &d))
			return false;
		if (!(d.flags & VRING_DESC_F_NEXT))
			break;
	}
	c->out = c->iov;
	c->in = c->iov + c->nr_out;
	return true;
}

/* How many chains are there; with none, the driver is asked for a kick, and then looked at again. */
static uint16_t ahead(struct virtq *q)
{
	uint16_t *index = avail_word(q, AVAIL_INDEX);
	uint16_t *event = event_index(q) ? used_word(q, USED_RING + 4 * q->size) : NULL;

	if (!index || !usable(q))
		return 0;
	if (load(index) == q->seen && event) {
		store(event, q->seen);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
	}
	return load(index) - q->seen;
}

bool virtq_pop(struct virtq *q, struct virtq_chain *c)
{
	uint16_t n = usable(q) ? ahead(q) : 0, *entry;

	if (!n)
		return false;
	entry = avail_word(q, AVAIL_RING + (q->seen & (q->size - 1)));
	if (!entry)
		return false;
	if (n > q->size || !gather(q, load(entry), c)) {
		virtio_break(q->dev);
		return false;
	}
	q->seen++;
	return true;
}

void virtq_unpop(struct virtq *q)
{
	q->seen--;
}

void virtq_push(struct virtq *q, const struct virtq_chain *c, uint32_t n)
{
	const struct vring_used_elem e = { .id = c->head, .len = n };
	struct vring_used_elem *entry;
	uint16_t *index;

	if (!usable(q)) /* it was reset meanwhile, or stopped */
		return;
	entry = ring_at(q, q->used + 4 + (q->done & (q->size - 1)) * sizeof(e), sizeof(e));
	index = used_word(q, USED_INDEX);
	if (!entry || !index)
		return;
	memcpy(entry, &e, sizeof(e));
	store(index, ++q->done);
	q->dev->requests++;
}

/* 2.6.7.2 and 2.6.8. */
static bool wants_signal(struct virtq *q)
{
	uint16_t *word = avail_word(q, event_index(q) ? AVAIL_RING + q->size : AVAIL_FLAGS);
	uint16_t before = q->told;

	q->told = q->done;
	if (!word)
		return false;
	if (event_index(q))
		return vring_need_event(load(word), q->done, before);
	return q->done != before && !(load(word) & VRING_AVAIL_F_NO_INTERRUPT);
}

void virtq_signal(struct virtq *q)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* the index is out before the wish is read */
	if (usable(q) && wants_signal(q))
		q->dev->interrupt(q->dev, q);
}

/* ---- the bytes of a chain ---- */

void iov_copy(struct iovec **iov, unsigned int *nr, void *buffer, size_t n, bool out)
{
	uint8_t *buf = buffer;

	while (n) {
		struct iovec *v = *iov;
		size_t part = v->iov_len < n ? v->iov_len : n;

		memcpy(out ? buf : v->iov_base, out ? v->iov_base : buf, part);
		v->iov_base = (uint8_t *)v->iov_base + part;
		v->iov_len -= part;
		buf += part;
		n -= part;
		if (!v->iov_len) {
			++*iov;
			--*nr;
		}
	}
}

bool chain_read(struct virtq_chain *c, void *to, size_t n)
{
	if (c->out_size < n)
		return false;
	iov_copy(&c->out, &c->nr_out, to, n, true);
	c->out_size -= n;
	return true;
}

bool chain_write(struct virtq_chain *c, const void *from, size_t n)
{
	if (c->in_size < n)
		return false;
	iov_copy(&c->in, &c->nr_in, (void *)from, n, false);
	c->in_size -= n;
	return true;
}

uint8_t *chain_last(struct virtq_chain *c)
{
	struct iovec *v;

	while (c->nr_in && !c->in[c->nr_in - 1].iov_len)
		c->nr_in--;
	if (!c->nr_in)
		return NULL;
	v = &c->in[c->nr_in - 1];
	c->in_size--;
	return (uint8_t *)v->iov_base + --v->iov_len;
}
