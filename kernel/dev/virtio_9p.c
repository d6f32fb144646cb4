/* SPDX-License-Identifier: MIT */
/*
 * virtio 9P transport (device 9; linux/virtio_9p.h): a channel for fs/p9.c, by the tag that the device has.
 * One queue; a request is what is sent, then room for the answer. What finds it full waits in line, and
 * nobody sleeps here. A server may take as long as it likes: who waits for it is the file system's affair.
 *
 * vp->lock guards the queue and the line.
 */
#include "dev/virtio.h"
#include "fs/fs.h"

#include <linux/virtio_9p.h>

struct virtio_9p {
	struct p9_channel channel; /* first: submit() gets it */
	struct virtio_dev *v;
	spinlock_t lock;
	struct virtq q;
	struct list_head line;
};

/* 0, or why it cannot be asked (now). */
static int ask(struct virtio_9p *vp, struct p9_request *r)
{
	struct virtio_piece p[4];
	unsigned int out = 0, n;

	p[out++] = (struct virtio_piece){ r->out, r->out_size };
	if (r->data_size && !r->data_in)
		p[out++] = (struct virtio_piece){ r->data, r->data_size };
	n = out;
	p[n++] = (struct virtio_piece){ r->in, r->in_size };
	if (r->data_size && r->data_in)
		p[n++] = (struct virtio_piece){ r->data, r->data_size };
	return virtq_add(&vp->q, p, out, n - out, r);
}

/* Ends what came back, and asks what waits; when the device is broken, all ends. Any context. */
static void go_on(struct virtio_9p *vp)
{
	struct list_head done = LIST_INIT(done);
	struct p9_request *r, *next;
	u32 written;
	int err = 0;

	spin_lock(&vp->lock);
	while ((r = virtq_take(&vp->q, &written))) {
		r->answer = written;
		list_add_tail(&r->link, &done);
	}
	list_for_each_safe(r, next, &vp->line, link) {
		err = ask(vp, r);
		if (err == -ENOSPC)
			break;
		list_del(&r->link);
		r->answer = err;
		if (err)
			list_add_tail(&r->link, &done);
	}
	virtq_kick(&vp->q);
	while (READ_ONCE(vp->v->broken) && (r = virtq_take_back(&vp->q))) {
		r->answer = -EIO;
		list_add_tail(&r->link, &done);
	}
	spin_unlock(&vp->lock);
	list_for_each_safe(r, next, &done, link)
		r->done(r);
}

static void on_interrupt(void *arg)
{
	go_on(arg);
}

static void submit(struct p9_channel *channel, struct p9_request *r)
{
	struct virtio_9p *vp = (struct virtio_9p *)channel;

	spin_lock(&vp->lock);
	list_add_tail(&r->link, &vp->line);
	spin_unlock(&vp->lock);
	go_on(vp);
}

int virtio_9p_start(struct virtio_dev *v)
{
	struct virtio_9p *vp = kzalloc(sizeof(*vp));
	u32 n;
	int err;

	if (!vp)
		return -ENOMEM;
	vp->v = v;
	spin_init(&vp->lock);
	list_init(&vp->line);
	vp->channel.submit = submit;
	err = virtio_begin(v, BIT(VIRTIO_9P_MOUNT_TAG))
		      ?: virtq_init(v, &vp->q, 0, on_interrupt, vp);
	n = virtio_config(v, offsetof(struct virtio_9p_config, tag_len), 2);
	if (!err && (!n || n >= sizeof(vp->channel.tag) || vp->q.size < 4))
		err = -EINVAL;
	if (err)
		return err; /* what the device was told about stays allocated */
	for (u32 i = 0; i < n; i++)
		vp->channel.tag[i] =
			virtio_config(v, offsetof(struct virtio_9p_config, tag) + i, 1);
	snprintf(v->name, sizeof(v->name), "9p %s", vp->channel.tag);
	virtio_ready(v);
	p9_channel_register(&vp->channel);
	return 0;
}
