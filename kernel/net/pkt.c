/* SPDX-License-Identifier: MIT */
/*
 * Packets: a small struct with pointers into a buffer that clones share. A sender that may have to
 * send again keeps one clone and gives away the other. Nothing here takes a lock; a struct pkt
 * belongs to one owner at a time.
 */
#include "net/netdev.h"

/* The buffer's size as memory is given out: what would be lost is room for content. */
static size_t whole_size(size_t size)
{
	size_t whole = 256;

	while (whole < size)
		whole *= 2;
	return whole;
}

struct pkt *pkt_alloc(size_t size, struct res_counter *charge)
{
	size_t whole = whole_size(sizeof(struct pktbuf) + PKT_HEADROOM + size);
	struct res_counter *before = mem_pays(charge);
	struct pkt *p = kmalloc(sizeof(*p));
	struct pktbuf *buf = kmalloc(whole);

	mem_pays_end(before);
	if (!p || !buf) {
		kfree(p);
		kfree(buf);
		return NULL;
	}
	ref_init(&buf->refs);
	buf->size = whole;
	buf->charge = charge;
	*p = (struct pkt){ .buf = buf };
	list_init(&p->link);
	p->data = p->tail = buf->bytes + PKT_HEADROOM;
	p->end = (u8 *)buf + whole;
	return p;
}

struct pkt *pkt_clone(const struct pkt *p)
{
	struct pkt *clone = kmalloc(sizeof(*clone));

	if (!clone)
		return NULL;
	*clone = *p;
	list_init(&clone->link);
	ref_get(&p->buf->refs);
	if (p->dev)
		netdev_get(p->dev);
	return clone;
}

struct pkt *pkt_copy(const struct pkt *p)
{
	struct pkt *copy = pkt_alloc(p->tail - p->buf->bytes - PKT_HEADROOM, NULL);
	struct pktbuf *buf;
	ssize_t moved;

	if (!copy)
		return NULL;
	buf = copy->buf;
	memcpy(buf->bytes, p->buf->bytes, p->tail - p->buf->bytes);
	moved = buf->bytes - p->buf->bytes;
	*copy = *p;
	list_init(&copy->link);
	copy->buf = buf;
	copy->data += moved;
	copy->tail += moved;
	copy->end = (u8 *)buf + buf->size;
	copy->mac = p->mac ? p->mac + moved : NULL;
	copy->net = p->net ? p->net + moved : NULL;
	copy->l4 = p->l4 ? p->l4 + moved : NULL;
	if (p->dev)
		netdev_get(p->dev);
	return copy;
}

void pkt_free(struct pkt *p)
{
	if (!p)
		return;
	if (ref_put(&p->buf->refs))
		kfree(p->buf);
	if (p->dev)
		netdev_put(p->dev);
	kfree(p);
}

void pkt_queue_free(struct list_head *queue)
{
	struct pkt *p;

	while ((p = list_pop(queue, struct pkt, link)))
		pkt_free(p);
}
