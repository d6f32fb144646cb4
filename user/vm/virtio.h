/* SPDX-License-Identifier: MIT */
/*
 * virtio 1.1 (OASIS), as its devices see it: a device has features, a configuration and queues; a queue
 * brings chains, each of memory to read and memory to write. virtq.c walks the rings, virtio.c keeps what
 * a driver sets, virtio_pci.c and virtio_mmio.c are the two ways for a driver to do so.
 *
 * Nothing in guest memory is believed: all of it may change at any moment. A driver that breaks the rules
 * finds its device stopped (DEVICE_NEEDS_RESET) until it resets it; nobody else notices.
 */
#pragma once
#include <sys/uio.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>

#include "vm.h"

#define VIRTIO_QUEUES 2
#define VIRTQ_SIZE 256
#define VIRTIO_VENDOR 0x1af4
#define VIRTIO_BIT(n) (1ULL << (n))

struct virtio;

struct virtq {
	struct virtio *dev;
	/* of the machine's state, up to `kick`: as the driver sets it; does not change while enabled */
	uint8_t enabled;
	uint16_t size, vector;
	uint64_t desc, avail, used; /* guest-physical */
	/* our own */
	uint16_t seen, done; /* chains taken, and given back */
	uint16_t told; /* `done`, when the driver was asked last whether it wants an interrupt */
	struct watch kick; /* an eventfd: the driver has put something there */
};

/* Memory that a driver hands over; reading and writing shorten the two parts from the front. */
struct virtq_chain {
	uint16_t head;
	unsigned int nr_out, nr_in;
	struct iovec *out, *in; /* what the device reads, and what it writes */
	size_t out_size, in_size;
	struct iovec iov[VIRTQ_SIZE];
};

struct virtio {
	/* the device's; set before virtio_add() */
	uint16_t type; /* VIRTIO_ID_... */
	const char *name, *behind; /* for `vm explain` */
	unsigned int nr_queues;
	uint64_t offers; /* features, beside those of every device */
	const void *config;
	size_t config_size;
	void (*notify)(struct virtio *v, struct virtq *q); /* there may be chains */
	/* as agreed upon with the driver: of the machine's state, up to `m` */
	uint64_t features;
	uint64_t requests; /* chains that were given back, so far */
	uint8_t status, generation;
	uint16_t vector; /* for news of the configuration */
	/* which half of the features, and which queue, it speaks of; why it was interrupted */
	uint32_t offered_half, agreed_half, selected;
	uint8_t isr;
	struct machine *m;
	bool busy, reset_wanted; /* its memory is in use without the lock; what is to follow */
	struct virtq queue[VIRTIO_QUEUES];
	/* the transport's */
	void *transport;
	/* q has news, or NULL: the configuration has */
	void (*interrupt)(struct virtio *v, struct virtq *q);
	void (*settle)(struct virtio *v); /* status, isr or queues are new: so is the line */
};

/* ---- virtio.c: for devices ---- */
/* Stops the device: its driver broke the rules. */
void virtio_break(struct virtio *v);
/* Around work on a chain's memory that may take long: others go on. A reset waits for it. */
void virtio_unlock(struct virtio *v);
void virtio_lock(struct virtio *v);
void virtio_config_changed(struct virtio *v);
/* A device of that VIRTIO_ID_, with queues of which notify() is told; name: for `vm explain`. */
void virtio_add(struct machine *m, struct virtio *v, uint16_t type, const char *name,
		unsigned int queues, void (*notify)(struct virtio *v, struct virtq *q));

/* ---- virtq.c: for devices ---- */
/* The next chain; false: there is none. */
bool virtq_pop(struct virtq *q, struct virtq_chain *c);
void virtq_unpop(struct virtq *q); /* that chain has not been touched */
/* Gives a chain back, of which n bytes have been written. */
void virtq_push(struct virtq *q, const struct virtq_chain *c, uint32_t n);
void virtq_signal(struct virtq *q); /* interrupts, if the driver wants to know */
/* Copies n bytes between buffer and the front of *iov, which is shortened; they are there. */
void iov_copy(struct iovec **iov, unsigned int *nr, void *buffer, size_t n, bool out);
/* Copies n bytes out of what is to be read, or into what is to be written; false: there are less. */
bool chain_read(struct virtq_chain *c, void *to, size_t n);
bool chain_write(struct virtq_chain *c, const void *from, size_t n);
/* Takes away the last byte that is to be written; NULL: there is none. */
uint8_t *chain_last(struct virtq_chain *c);

/* ---- for transports ---- */
/* The rings that are set are aligned (2.6) and of a valid size. */
bool virtq_is_sound(const struct virtq *q);
/* Begins with them; false: they are not sound. */
bool virtq_enable(struct virtq *q);
void virtio_init(struct machine *m, struct virtio *v);
void virtio_set_status(struct virtio *v, uint8_t status);
uint32_t virtio_offered(struct virtio *v); /* the half that was asked for */
void virtio_agree(struct virtio *v, uint32_t features);
struct virtq *virtio_queue(struct virtio *v); /* the selected one, or NULL */
void virtio_config_read(struct virtio *v, uint64_t offset, void *data, unsigned int size);
void virtio_kick(struct virtio *v, unsigned int queue);
/* Kicks of a queue are signals from now on: writes as e says. Without it, each is an exit. */
void virtio_signals(struct virtio *v, unsigned int queue, struct kvm_ioeventfd e);
#define ISR_QUEUE 1 /* reasons of an interrupt: 4.1.4.5, 4.2.2 */
#define ISR_CONFIG 2
void virtio_pci_add(struct machine *m, struct virtio *v);
void virtio_mmio_add(struct machine *m, struct virtio *v);

/* ---- devices; what they need is said on the command line ---- */
void blk_add(struct machine *m, const char *disk);
void net_add(struct machine *m, const char *device, const char *behind); /* behind: for explain */
void rng_add(struct machine *m);
void console_add(struct machine *m);
/* Bytes that it takes from the terminal now, and giving them to it. */
size_t console_room(void);
void console_input(const uint8_t *buf, size_t n);
void p9_add(struct machine *m, struct share *s);
