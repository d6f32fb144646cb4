/* SPDX-License-Identifier: MIT */
/* virtio-rng (virtio 1.1, 5.4): random bytes of the host's. */
#include <sys/random.h>

#include "virtio.h"

#define AT_ONCE 256 /* bytes that a request gets; getrandom(2) gives so many whole */

static void rng_notify(struct virtio *v, struct virtq *q)
{
	static struct virtq_chain c;
	uint8_t bytes[AT_ONCE];

	while (virtq_pop(q, &c)) {
		size_t n = c.in_size < AT_ONCE ? c.in_size : AT_ONCE;

		if (getrandom(bytes, n, 0) != (ssize_t)n || !chain_write(&c, bytes, n))
			n = 0;
		virtq_push(q, &c, n);
	}
	virtq_signal(q);
}

void rng_add(struct machine *m)
{
	static struct virtio v = { .behind = "getrandom(2)" };

	virtio_add(m, &v, VIRTIO_ID_RNG, "virtio rng", 1, rng_notify);
}
