/* SPDX-License-Identifier: MIT */
/*
 * virtio-console (virtio 1.1, 5.3), one port: the terminal in place of COM1, many bytes at a time. What is
 * typed waits here until the driver has room for it.
 */
#include <string.h>
#include <sys/ioctl.h>
#include <linux/virtio_console.h>

#include "virtio.h"

enum { RX, TX };

static struct virtio_console_config size;
static void console_notify(struct virtio *v, struct virtq *q);
static struct virtio console = {
	.type = VIRTIO_ID_CONSOLE,
	.name = "virtio console",
	.nr_queues = 2,
	.config = &size,
	.config_size = sizeof(size.cols) + sizeof(size.rows),
	.notify = console_notify,
};
static struct virtq_chain chain;
static uint8_t typed[64];
static size_t nr_typed;

size_t console_room(void)
{
	return sizeof(typed) - nr_typed;
}

static void give_typed(void)
{
	struct virtq *q = &console.queue[RX];

	while (nr_typed && virtq_pop(q, &chain)) {
		size_t n = nr_typed < chain.in_size ? nr_typed : chain.in_size;

		chain_write(&chain, typed, n);
		nr_typed -= n;
		memmove(typed, typed + n, nr_typed);
		virtq_push(q, &chain, n);
	}
	virtq_signal(q);
}

void console_input(const uint8_t *buf, size_t n)
{
	memcpy(typed + nr_typed, buf, n);
	nr_typed += n;
	give_typed();
}

static void put_output(struct virtq *q)
{
	while (virtq_pop(q, &chain)) {
		for (unsigned int i = 0; i < chain.nr_out; i++)
			write_all(1, chain.out[i].iov_base, chain.out[i].iov_len);
		virtq_push(q, &chain, 0);
	}
	virtq_signal(q);
}

static void console_notify(struct virtio *v, struct virtq *q)
{
	if (q == &v->queue[TX]) {
		put_output(q);
	} else {
		give_typed();
		want_input();
	}
}

void console_add(struct machine *m)
{
	struct winsize ws;

	if (!ioctl(0, TIOCGWINSZ, &ws) && ws.ws_row && ws.ws_col) {
		console.offers = VIRTIO_BIT(VIRTIO_CONSOLE_F_SIZE);
		size.cols = ws.ws_col;
		size.rows = ws.ws_row;
	}
	virtio_add(m, &console);
}
