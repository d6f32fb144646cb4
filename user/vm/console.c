/* SPDX-License-Identifier: MIT */
/*
 * virtio-console (virtio 1.1, 5.3), one port: the terminal in place of COM1, many bytes at a time. What is
 * typed waits here until the driver has room for it.
 */
#include <linux/virtio_console.h>

#include "virtio.h"

enum { RX, TX };

static struct virtio_console_config size; /* of zeros where there is no terminal */
static struct virtio console = {
	.offers = VIRTIO_BIT(VIRTIO_CONSOLE_F_SIZE),
	.config = &size,
	.config_size = sizeof(size.cols) + sizeof(size.rows),
};
static struct virtq_chain chain;
static struct {
	uint8_t text[64];
	size_t n;
} typed;

size_t console_room(void)
{
	return sizeof(typed.text) - typed.n;
}

static void give_typed(void)
{
	struct virtq *q = &console.queue[RX];

	while (typed.n && virtq_pop(q, &chain)) {
		size_t n = typed.n < chain.in_size ? typed.n : chain.in_size;

		chain_write(&chain, typed.text, n);
		typed.n -= n;
		memmove(typed.text, typed.text + n, typed.n);
		virtq_push(q, &chain, n);
	}
	virtq_signal(q);
}

void console_input(const uint8_t *buf, size_t n)
{
	memcpy(typed.text + typed.n, buf, n);
	typed.n += n;
	give_typed();
}

static void put_output(struct virtq *q)
{
	while (virtq_pop(q, &chain)) {
		for (unsigned int i = 0; i < chain.nr_out; i++)
			machine_output(1, chain.out[i].iov_base, chain.out[i].iov_len);
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

/* The terminal is another one now. */
static const char *restored(struct machine *m, struct kept *k)
{
	virtio_config_changed(&console);
	return typed.n > sizeof(typed.text) ? "what was typed on the virtio console is damaged"
					    : NULL;
}

void console_add(struct machine *m)
{
	struct winsize ws;

	if (!ioctl(0, TIOCGWINSZ, &ws)) {
		size.cols = ws.ws_col;
		size.rows = ws.ws_row;
	}
	virtio_add(m, &console, VIRTIO_ID_CONSOLE, "virtio console", 2, console_notify);
	snapshot_keep(.id = "typed", .data = &typed, .size = sizeof(typed), .restored = restored);
}
