/* SPDX-License-Identifier: MIT */
/*
 * virtio block devices (virtio 1.1, 5.2): /dev/vda and so on. One queue; each request is a header, the
 * pages of a bio, and a status byte that the device writes last.
 *
 * vb->lock guards the queue and the slots. A request that is not answered within virtio_blk.timeout=
 * seconds breaks the device: all that it still has ends with -EIO, and so does what comes later.
 */
#include "dev/virtio.h"
#include "fs/fs.h"

#include <linux/virtio_blk.h>

#define VIRTBLK_MAJOR                                                                              \
	254 /* the first that Linux gives out to those without a number of their own */
#define MINORS 16 /* of a disk: itself and its partitions */
#define DISKS_MAX 26
#define TIMEOUT_SECONDS 30 /* as Linux's block layer */

struct virtio_blk {
	struct blkdev bd;
	struct virtio_dev *v;
	spinlock_t lock;
	struct virtq q;
	struct waitq room; /* for requests that found the queue full */
	struct timer timer;
	bool watched; /* the timer runs */
	/* By the first descriptor of a request: what it needs in memory besides the pages. */
	struct slot {
		struct virtio_blk_outhdr header;
		u8 status;
		struct bio *bio;
		u64 since; /* clock_ns() */
	} slots[VIRTQ_MAX];
};
static unsigned int nr_disks;
static u64 timeout_ns;

/* ---- answers ---- */

static int error_of(const struct slot *s, u32 written)
{
	const struct bio *bio = s->bio;
	u32 reads = bio->op == BIO_READ || bio->op == BIO_ID ? bio->bytes : 0;

	if (s->status == VIRTIO_BLK_S_UNSUPP)
		return -EOPNOTSUPP;
	/* Bytes that were not written are somebody else's old ones. */
	return s->status != VIRTIO_BLK_S_OK || written != reads + 1 ? -EIO : 0;
}

/* Ends what came back, and when the device is broken all that it had. Any context. */
static void finish(struct virtio_blk *vb)
{
	struct list_head done = LIST_INIT(done);
	struct bio *bio, *next;
	struct slot *s;
	u32 written;

	spin_lock(&vb->lock);
	while ((s = virtq_take(&vb->q, &written))) {
		s->bio->err = error_of(s, written);
		list_add_tail(&s->bio->link, &done);
	}
	while (READ_ONCE(vb->v->broken) && (s = virtq_take_back(&vb->q))) {
		s->bio->err = -EIO;
		list_add_tail(&s->bio->link, &done);
	}
	spin_unlock(&vb->lock);
	if (list_empty(&done))
		return;
	list_for_each_safe(bio, next, &done, link)
		bio->done(bio);
	waitq_wake_all(&vb->room, 0);
}

static void on_interrupt(void *arg)
{
	finish(arg);
}

/* The oldest request waits since when? ~0UL: there is none. */
static u64 oldest(struct virtio_blk *vb)
{
	u64 since = ~0UL;

	for (u16 i = 0; i < vb->q.size; i++)
		if (vb->q.request[i].token)
			since = min(since, vb->slots[i].since);
	return since;
}

static void on_timer(struct timer *t)
{
	struct virtio_blk *vb = container_of(t, struct virtio_blk, timer);
	u64 since;

	spin_lock(&vb->lock);
	since = oldest(vb);
	if (since != ~0UL && clock_ns() >= since + timeout_ns) {
		virtio_break(vb->v, "a request was not answered in time");
		since = ~0UL;
	}
	vb->watched = since != ~0UL;
	if (vb->watched)
		timer_start(t, since + timeout_ns);
	spin_unlock(&vb->lock);
	finish(vb);
}

/* ---- requests ---- */

/* The pieces of a request: neighbours in memory are one. Returns how many are the bio's pages. */
static unsigned int gather(const struct bio *bio, struct virtio_piece *p)
{
	u32 left = bio->bytes;
	unsigned int n = 0;

	for (unsigned int i = 0; left; i++) {
		void *at = frame_va(bio->page[i]);
		u32 len = min(left, (u32)PAGE_SIZE);

		if (n && (char *)p[n - 1].at + p[n - 1].len == at)
			p[n - 1].len += len;
		else
			p[n++] = (struct virtio_piece){ at, len };
		left -= len;
	}
	return n;
}

static int add(struct virtio_blk *vb, struct bio *bio, struct virtio_piece *p, unsigned int n)
{
	static const u32 types[] = { [BIO_READ] = VIRTIO_BLK_T_IN,
				     [BIO_WRITE] = VIRTIO_BLK_T_OUT,
				     [BIO_FLUSH] = VIRTIO_BLK_T_FLUSH,
				     [BIO_ID] = VIRTIO_BLK_T_GET_ID };
	unsigned int out = bio->op == BIO_WRITE ? n + 1 : 1;
	int err = -ENOSPC;
	struct slot *s;

	spin_lock(&vb->lock);
	if (vb->q.nr_free >= n + 2) {
		s = &vb->slots[vb->q.free];
		s->header = (struct virtio_blk_outhdr){ types[bio->op], 0, bio->sector };
		s->status = VIRTIO_BLK_S_IOERR;
		s->bio = bio;
		s->since = clock_ns();
		p[0] = (struct virtio_piece){ &s->header, sizeof(s->header) };
		p[n + 1] = (struct virtio_piece){ &s->status, 1 };
		err = virtq_add(&vb->q, p, out, n + 2 - out, s);
	}
	if (!err) {
		if (!vb->watched)
			timer_start(&vb->timer, s->since + timeout_ns);
		vb->watched = true;
		virtq_kick(&vb->q);
	}
	spin_unlock(&vb->lock);
	return err;
}

static void submit(struct blkdev *bd, struct bio *bio)
{
	struct virtio_blk *vb = container_of(bd, struct virtio_blk, bd);
	struct virtio_piece p[BIO_PAGES + 2];
	unsigned int n = gather(bio, p + 1);
	int err = -ENOSPC;

	wait_event_uninterruptible(&vb->room,
				   err != -ENOSPC || (err = add(vb, bio, p, n)) != -ENOSPC);
	if (err) {
		bio->err = err;
		bio->done(bio);
	}
}

/* ---- start ---- */

static void poll(struct blkdev *bd, const struct bio *bio)
{
	struct virtio_blk *vb = container_of(bd, struct virtio_blk, bd);
	u64 end = clock_ns() + timeout_ns;

	while (!READ_ONCE(bio->over)) {
		if (clock_ns() > end)
			virtio_break(vb->v, "a request was not answered in time");
		finish(vb);
		cpu_relax();
	}
}

static void id_done(struct bio *bio)
{
	WRITE_ONCE(bio->over, true);
}

/* The serial number, which the emulator was told; asked before there are interrupts to wait for. */
static void read_serial(struct virtio_blk *vb)
{
	struct frame *f = frame_alloc_zeroed(FRAME_KERNEL, NULL);
	struct bio bio = {
		.op = BIO_ID, .page = { f }, .bytes = VIRTIO_BLK_ID_BYTES, .done = id_done
	};

	if (!f)
		return;
	submit(&vb->bd, &bio);
	poll(&vb->bd, &bio);
	if (!bio.err)
		strscpy(vb->bd.serial, frame_va(f), sizeof(vb->bd.serial));
	frame_put(f);
}

static void describe(struct virtio_blk *vb)
{
	struct virtio_dev *v = vb->v;
	u64 segments = VIRTQ_MAX;

	if (v->features & BIT(VIRTIO_BLK_F_SEG_MAX))
		segments = virtio_config(v, offsetof(struct virtio_blk_config, seg_max), 4);
	vb->bd.sectors = virtio_config(v, offsetof(struct virtio_blk_config, capacity), 8);
	vb->bd.block_size = 512;
	if (v->features & BIT(VIRTIO_BLK_F_BLK_SIZE))
		vb->bd.block_size =
			virtio_config(v, offsetof(struct virtio_blk_config, blk_size), 4);
	vb->bd.read_only = v->features & BIT(VIRTIO_BLK_F_RO);
	vb->bd.flushes = v->features & BIT(VIRTIO_BLK_F_FLUSH);
	vb->bd.max_pages = min(min((u64)BIO_PAGES, segments), (u64)vb->q.size - 2);
}

int virtio_blk_start(struct virtio_dev *v)
{
	struct virtio_blk *vb = nr_disks < DISKS_MAX ? kzalloc(sizeof(*vb)) : NULL;
	char text[16];
	int err;

	if (!vb)
		return -ENOMEM;
	vb->v = v;
	spin_init(&vb->lock);
	waitq_init(&vb->room);
	timer_init(&vb->timer, on_timer);
	timeout_ns = TIMEOUT_SECONDS * NSEC_PER_SEC;
	if (boot_param("virtio_blk.timeout", text, sizeof(text)) && text[0] >= '1' &&
	    text[0] <= '9')
		timeout_ns = (text[0] - '0') * NSEC_PER_SEC;
	err = virtio_begin(v, BIT(VIRTIO_BLK_F_SEG_MAX) | BIT(VIRTIO_BLK_F_BLK_SIZE) |
				      BIT(VIRTIO_BLK_F_RO) | BIT(VIRTIO_BLK_F_FLUSH));
	if (!err)
		err = virtq_init(v, &vb->q, 0, on_interrupt, vb);
	if (!err)
		describe(vb);
	if (!err && (vb->q.size < 3 || vb->bd.sectors >> 54 || !vb->bd.max_pages ||
		     vb->bd.block_size < 512 || vb->bd.block_size > PAGE_SIZE ||
		     vb->bd.block_size & (vb->bd.block_size - 1)))
		err = -EINVAL;
	if (err)
		return err; /* what the device was told about stays allocated */
	snprintf(v->name, sizeof(v->name), "vd%c", 'a' + nr_disks);
	snprintf(vb->bd.name, sizeof(vb->bd.name), "%s", v->name);
	vb->bd.rdev = MKDEV(VIRTBLK_MAJOR, MINORS * nr_disks++);
	vb->bd.submit = submit;
	vb->bd.poll = poll;
	virtio_ready(v);
	read_serial(vb);
	return blkdev_register(&vb->bd);
}
