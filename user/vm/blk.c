/* SPDX-License-Identifier: MIT */
/*
 * virtio-blk (virtio 1.1, 5.2): a file as a disk. What is read and written goes between the file and
 * the guest's memory with no copy of ours. The rest of the machine goes on meanwhile.
 */
#include <linux/virtio_blk.h>

#include "virtio.h"

#define SECTOR 512

struct blk {
	struct virtio v;
	int fd;
	struct virtio_blk_config config;
	char serial[VIRTIO_BLK_ID_BYTES];
	struct virtq_chain chain; /* the request at hand */
};

/* The whole of iov at offset of the file; false: an error, or the file's end. */
static bool transfer(struct blk *b, struct iovec *iov, unsigned int n, off_t offset, bool in)
{
	while (n) {
		ssize_t done = in ? preadv(b->fd, iov, n, offset) : pwritev(b->fd, iov, n, offset);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return false;
		offset += done;
		for (; n && (size_t)done >= iov->iov_len; n--)
			done -= iov++->iov_len;
		if (n && !done)
			return false;
		if (n) {
			iov->iov_base = (uint8_t *)iov->iov_base + done;
			iov->iov_len -= done;
		}
	}
	return true;
}

/* What is asked lies on the disk, and is whole sectors. */
static bool on_disk(const struct blk *b, uint64_t sector, size_t size)
{
	return size % SECTOR == 0 && sector <= b->config.capacity &&
	       size / SECTOR <= b->config.capacity - sector;
}

static uint8_t read_or_write(struct blk *b, struct virtq_chain *c, uint64_t sector, bool in)
{
	size_t size = in ? c->in_size : c->out_size;
	bool good;

	/* 5.2.6.2 */
	if (!on_disk(b, sector, size) || (!in && b->v.offers & VIRTIO_BIT(VIRTIO_BLK_F_RO)))
		return VIRTIO_BLK_S_IOERR;
	virtio_unlock(&b->v);
	good = transfer(b, in ? c->in : c->out, in ? c->nr_in : c->nr_out, sector * SECTOR, in);
	virtio_lock(&b->v);
	if (good && in)
		c->in_size = 0;
	return good ? VIRTIO_BLK_S_OK : VIRTIO_BLK_S_IOERR;
}

static uint8_t sync_disk(struct blk *b)
{
	bool good;

	virtio_unlock(&b->v);
	good = !fdatasync(b->fd) || errno == EINVAL; /* of what cannot be */
	virtio_lock(&b->v);
	return good ? VIRTIO_BLK_S_OK : VIRTIO_BLK_S_IOERR;
}

static uint8_t request(struct blk *b, struct virtq_chain *c)
{
	struct virtio_blk_outhdr header;

	if (!chain_read(c, &header, sizeof(header)))
		return VIRTIO_BLK_S_IOERR;
	switch (header.type) {
	case VIRTIO_BLK_T_IN:
		return read_or_write(b, c, header.sector, true);
	case VIRTIO_BLK_T_OUT:
		return read_or_write(b, c, header.sector, false);
	case VIRTIO_BLK_T_FLUSH:
		return sync_disk(b);
	case VIRTIO_BLK_T_GET_ID:
		return chain_write(c, b->serial, sizeof(b->serial)) ? VIRTIO_BLK_S_OK
								    : VIRTIO_BLK_S_IOERR;
	default:
		return VIRTIO_BLK_S_UNSUPP;
	}
}

static void blk_notify(struct virtio *v, struct virtq *q)
{
	struct blk *b = (struct blk *)v; /* its first member */
	struct virtq_chain *c = &b->chain;

	while (virtq_pop(q, c)) {
		uint8_t *status = chain_last(c);
		size_t room = c->in_size;

		if (!status) { /* nowhere to answer */
			virtio_break(v);
			return;
		}
		*status = request(b, c);
		virtq_push(q, c, room - c->in_size + 1);
	}
	virtq_signal(q);
}

void blk_add(struct machine *m, const char *disk)
{
	struct blk *b = allocate(sizeof(*b));
	size_t n = strlen(disk);
	bool read_only = n > 3 && !strcmp(disk + n - 3, ",ro");
	const char *path = read_only ? copy_text(disk, n - 3) : disk, *name = strrchr(path, '/');
	uint64_t size;

	b->fd = disk_open(path, read_only, &size);
	if (size < SECTOR || size % SECTOR)
		die(STATUS_FAILED, "%s: has %lu bytes, which is no disk of sectors of %d", path,
		    size, SECTOR);
	b->config.capacity = size / SECTOR;
	b->config.seg_max = VIRTQ_SIZE - 2;
	b->config.blk_size = SECTOR;
	strncpy(b->serial, name ? name + 1 : path, sizeof(b->serial));
	b->v.behind = disk;
	b->v.offers = VIRTIO_BIT(VIRTIO_BLK_F_SEG_MAX) | VIRTIO_BIT(VIRTIO_BLK_F_BLK_SIZE) |
		      VIRTIO_BIT(VIRTIO_BLK_F_FLUSH);
	if (read_only)
		b->v.offers |= VIRTIO_BIT(VIRTIO_BLK_F_RO);
	b->v.config = &b->config;
	b->v.config_size = offsetof(struct virtio_blk_config, min_io_size);
	virtio_add(m, &b->v, VIRTIO_ID_BLOCK, "virtio disk", 1, blk_notify);
}
