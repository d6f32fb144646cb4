/* SPDX-License-Identifier: MIT */
/* Packets as a host hands them on, made into frames for a guest that wants them finished (frames.c). */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/virtio_net.h>

#define PACKET_MAX 65600 /* bytes: as many as an IP header counts, and Ethernet's headers */
#define PACKET_HEADS 256 /* up to TCP's content */

struct packet { /* the first two as they were received */
	struct virtio_net_hdr h;
	uint8_t bytes[PACKET_MAX];
	size_t size; /* of it; 0: all of it was handed on */
	/* frames.c's */
	size_t heads, at; /* at: content that was handed on */
	uint16_t nr; /* frames that were */
	uint8_t first[PACKET_HEADS]; /* the headers, as they came */
};

/* size bytes have come. False, and size is 0: nothing can be made of them. */
bool packet_begin(struct packet *p, size_t size);
/* The next frame, which lies in p->bytes until the one after it. */
uint8_t *packet_frame(struct packet *p, size_t *size);
