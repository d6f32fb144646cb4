/* SPDX-License-Identifier: MIT */
/*
 * virtio 1.1 over PCI, as its drivers see it: a device, and its queues of requests. A request is a
 * list of pieces of memory, first those that the device reads, then those it writes; it comes back
 * with the token it was given.
 *
 * A device is not trusted: what it answers is checked, and one that breaks the rules is reset, cut off
 * from memory, and broken from then on. Its driver learns of it by virtio_broken() and ends what it
 * still had there.
 */
#pragma once
#include "dev/pci.h"

#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_pci.h>
#include <linux/virtio_ring.h>

#define VIRTIO_EVENTS 3 /* answers in queue 0, in queue 1, and: */
#define VIRTIO_EVENT_CONFIG 2 /* the device's configuration changed */
#define VIRTQ_MAX 128 /* descriptors of a queue: its three rings fit in one page */

struct virtio_dev {
	struct pci_dev pci;
	char name[16]; /* in the log: "vda" */
	volatile struct virtio_pci_common_cfg *common;
	volatile u8 *notify, *config;
	u32 notify_len, notify_multiplier, config_len;
	u64 features; /* agreed upon */
	bool broken;
	struct { /* whom its interrupts call */
		void (*handler)(void *arg);
		void *arg;
	} events[VIRTIO_EVENTS];
	bool on_line; /* by the function's interrupt line, for want of MSI-X */
	volatile u8 *isr; /* which says what that was for */
	struct list_head link; /* of those on lines */
};

struct virtq {
	struct virtio_dev *dev;
	u16 index, size;
	u16 used_seen;
	volatile u16 *doorbell;
	/* shared with the device */
	struct vring_desc *desc;
	struct vring_avail *avail;
	volatile struct vring_used *used;
	/* our own */
	u16 free, nr_free; /* the first unused descriptor, and how many are */
	u16 next[VIRTQ_MAX];
	struct virtq_request {
		void *token; /* NULL: no request begins with this descriptor */
		u32 room; /* bytes that the device may write */
		u16 last, pieces;
	} request[VIRTQ_MAX]; /* by its first descriptor */
};

struct virtio_piece {
	const void *at; /* in the direct map */
	u32 len;
};

/* Resets the device and agrees upon features, at most wanted (bits) and VIRTIO_F_VERSION_1. 0 or -errno. */
int virtio_begin(struct virtio_dev *v, u64 wanted);
/* An interrupt calls handler(arg) for event n from now on: of the queue that is selected, or of the
 * configuration. 0; -errno: the device has no interrupt. */
int virtio_listen(struct virtio_dev *v, unsigned int n, void (*handler)(void *arg), void *arg);
/* Queue index, whose answers call handler(arg) in an interrupt. The caller's lock guards the queue. */
int virtq_init(struct virtio_dev *v, struct virtq *q, u16 index, void (*handler)(void *arg),
	       void *arg);
void virtio_ready(struct virtio_dev *v); /* the queues are there: the device may begin */
/* Byte off of the device's own configuration, size 1, 2, 4 or 8; 0 beyond its end. */
u64 virtio_config(struct virtio_dev *v, u32 off, unsigned int size);

/* Queues a request: out pieces that the device reads, then in that it writes. -ENOSPC, -EIO: broken. */
int virtq_add(struct virtq *q, const struct virtio_piece *p, unsigned int out, unsigned int in,
	      void *token);
void virtq_kick(struct virtq *q); /* tells the device, if it wants to know */
/* The next request that came back, and how many bytes were written. NULL: none, or it broke. */
void *virtq_take(struct virtq *q, u32 *written);
/* Whether answers interrupt; going loud, true: some came that nobody will be told of. */
bool virtq_quiet(struct virtq *q, bool quiet);
/* A request that will never come back (the device is broken), one after the other; NULL: no more. */
void *virtq_take_back(struct virtq *q);
/* Ends the device, with one line that says why. Any context. */
void virtio_break(struct virtio_dev *v, const char *why);

/* The drivers begin with v, which is theirs to keep, or answer -errno. */
int virtio_blk_start(struct virtio_dev *v);
int virtio_net_start(struct virtio_dev *v);
int virtio_9p_start(struct virtio_dev *v);
