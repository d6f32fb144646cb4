/* SPDX-License-Identifier: MIT */
/*
 * What groups of threads do on block devices, and how much of it: each transfer is counted in the group
 * that pays for its first page, and in all above. A limit is kept in time: a transfer of n under a limit
 * of L a second moves the moment up to which the group has paid (io_use.paid) by n / L. Beyond now, the
 * group owes: the transfer is not held up, with pages that others may wait for, but whoever caused it
 * waits before the next one (blkdev.c). An idle group saves up no more than SLICE.
 */
#include "fs/fs.h"

#define SLICE (100 * NSEC_PER_MSEC) /* of a disk that rotates, in Linux's block/blk-throttle.c */

struct io_group *(*io_group_hook)(struct res_counter *charge);
void (*io_wait_hook)(void);

int io_group_init(struct io_group *g, struct io_group *parent)
{
	spin_init(&g->lock);
	g->parent = parent;
	for (const struct blkdev *bd = blkdev_next(NULL); bd; bd = blkdev_next(bd))
		g->n++;
	if (!g->n)
		return 0;
	g->use = kzalloc(g->n * sizeof(*g->use));
	return g->use ? 0 : -ENOMEM;
}

/* n more at now. True: beyond the limit. */
static bool take(struct io_use *u, enum io_limit which, u64 n, u64 now)
{
	u64 limit = READ_ONCE(u->limit[which]), cost;

	if (limit == RES_NO_LIMIT)
		return false;
	cost = n * NSEC_PER_SEC / limit;
	WRITE_ONCE(u->paid[which], max(u->paid[which], now - min(now, SLICE)) + cost);
	return u->paid[which] > now;
}

bool io_group_charge(struct io_group *g, const struct bio *bio, u64 now)
{
	bool owes = false;

	for (; g && g->use; g = g->parent) {
		struct io_use *u = &g->use[bio->dev->nr];

		__atomic_fetch_add(&u->bytes[bio->op], bio->bytes, __ATOMIC_RELAXED);
		__atomic_fetch_add(&u->ios[bio->op], 1, __ATOMIC_RELAXED);
		spin_lock(&g->lock);
		owes |= take(u, IO_RBPS + bio->op, bio->bytes, now);
		owes |= take(u, IO_RIOPS + bio->op, 1, now);
		spin_unlock(&g->lock);
	}
	return owes;
}

u64 io_group_paid(struct io_group *g, unsigned int ops)
{
	u64 paid = 0;

	for (; g && g->use; g = g->parent)
		for (unsigned int i = 0; i < g->n * IO_LIMITS; i++) {
			struct io_use *u = &g->use[i / IO_LIMITS];
			enum io_limit which = i % IO_LIMITS;

			if (ops & 1U << which % 2 && READ_ONCE(u->limit[which]) != RES_NO_LIMIT)
				paid = max(paid, READ_ONCE(u->paid[which]));
		}
	return paid;
}

void io_group_set_limits(struct io_group *g, unsigned int nr, const u64 limit[IO_LIMITS])
{
	struct io_use *u = &g->use[nr];

	spin_lock(&g->lock);
	for (unsigned int i = 0; i < IO_LIMITS; i++) {
		WRITE_ONCE(u->limit[i], limit[i]);
		WRITE_ONCE(u->paid[i], 0);
	}
	spin_unlock(&g->lock);
}
