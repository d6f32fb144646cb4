/* SPDX-License-Identifier: MIT */
/* sources: user/vm/pci.c user/vm/virtio.c user/vm/virtio_pci.c user/vm/virtio_mmio.c user/vm/virtq.c user/vm/blk.c user/vm/disk.c user/vm/rng.c user/vm/console.c user/vm/frames.c */
/*
 * The virtio devices of vm, on PCI and on no bus, in the hands of a hostile driver: its writes to their registers, and anything in the
 * rings, which changes between two looks of the device at them. RAM is a buffer with nothing around it, the
 * image cannot be written, and a read-only disk must stay what it is.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "../../user/vm/net.c"
#include "../../user/vm/pci.h"
#include "fuzz_vm.h"

#define RAM 0x10000
#define IMAGE 0x1000
#define DISK 0x8000
/* of a queue: descriptors, available, used; data behind all */
#define RINGS(queue) ((queue)*0x4000)
#define AVAIL 0x1000
#define USED 0x2000

static struct machine machine = { .vm = -1, .ram_size = RAM, .image_size = IMAGE };
static struct region *regions[2]; /* by space */
static struct watch *watches[16];
static unsigned int nr_watches;
static uint8_t *read_only;
static int world; /* the other end of the wire */

/* ---- what the devices stand on ---- */

/* Now and then, another CPU of the guest writes something just before the device looks. */
void *guest_memory(struct machine *m, uint64_t at, uint64_t n, bool write)
{
	static unsigned int looks;

	if (++looks % 7 == 0 && input < input_end)
		m->ram[take_input(2)] = take_input(1);
	if (at < m->ram_size && n <= m->ram_size - at)
		return m->ram + at;
	at -= m->ram_size;
	return !write && at < m->image_size && n <= m->image_size - at ? m->image_at + at : NULL;
}

void bus_add(struct machine *m, struct region *r)
{
	r->next = regions[r->space];
	regions[r->space] = r;
}

void bus_add_ports(struct machine *m, const char *name, uint64_t start, uint64_t size,
		   unsigned int irq, access_fn *access, void *device)
{
	static struct region r;

	r = (struct region){ .start = start, .size = size, .access = access, .device = device };
	bus_add(m, &r);
}

/* While the lock is left, the guest may write to the registers. */
static void registers(bool in);
void bus_unlock(void)
{
	if (input < input_end && *input % 4 == 0)
		registers(false);
}

void bus_lock(void)
{
}

void watch_add(struct watch *w)
{
	watches[nr_watches++] = w;
}

void watch_set(struct watch *w, short events)
{
	w->events = events;
}

/* What is shown is the guest's memory, all of it. */
bool machine_output(int fd, const void *data, size_t n)
{
	return send(world, data, n, MSG_DONTWAIT) >= 0;
}

/* ---- the driver ---- */

static struct region *region(enum space space, unsigned int n)
{
	struct region *r = regions[space];

	while (n-- && r->next)
		r = r->next;
	return r;
}

static void registers(bool in)
{
	unsigned int choice = take_input(1), size = 1 << (choice >> 4 & 3);
	struct region *r = region(choice & 0x80 ? MEMORY : PORTS, choice & 0xf);
	uint64_t offset = take_input(2), value = take_input(size);

	if (r->space == PORTS && size > 4)
		size = 4;
	if (r->size == MMIO_SIZE && choice & 0x20)
		offset &= 0xfc, size = 4; /* the only accesses that count there */
	else if (r->space == MEMORY)
		offset &= 0x403f; /* the first registers of a page */
	offset = (offset & 0x4000 ? offset << 1 : offset) % r->size;
	r->access(&machine, r->device, offset, in, &value,
		  size < r->size - offset ? size : r->size - offset);
}

static void run(struct watch *w)
{
	uint64_t one = 1;

	if (w->events && (w->fn == on_wire || write(w->fd, &one, sizeof(one)) == sizeof(one)))
		w->fn(&machine, w->device, POLLIN);
}

static void descriptor(void)
{
	uint8_t *at = machine.ram + RINGS(take_input(1) & 1) + (take_input(1) & 31) * 16;
	uint64_t address = take_input(2), length = take_input(2);

	if (length & 0x8000) /* an indirect table, or something else of the rings */
		address &= 0x3ff0;
	length &= 0x7fff;
	memcpy(at, &address, 8);
	memcpy(at + 8, &length, 4);
	at[12] = take_input(1) & 7;
	at[13] = 0;
	at[14] = take_input(1) & 31;
	at[15] = 0;
}

static void make_available(void)
{
	uint8_t *ring = machine.ram + RINGS(take_input(1) & 1) + AVAIL;
	uint16_t index = ring[2] | ring[3] << 8;

	ring[4 + 2 * (index & 31)] = take_input(1) & 31;
	index++;
	memcpy(ring + 2, &index, 2);
}

static void header(void)
{
	uint32_t words[4] = { take_input(1) & 15, 0, take_input(1), 0 };

	memcpy(machine.ram + (take_input(2) & 0xfff0), words, sizeof(words));
}

/* As a driver begins that does so in good faith. */
static void begin(struct virtio *v, uint8_t choice)
{
	virtio_set_status(v, 0);
	if (choice >> 6 == 3) /* the input does it all */
		return;
	virtio_agree(v, choice & 1 ? virtio_offered(v) : 0);
	v->offered_half = v->agreed_half = 1;
	virtio_agree(v, virtio_offered(v));
	virtio_set_status(v, 11);
	for (unsigned int i = 0; i < v->nr_queues; i++) {
		struct virtq *q = &v->queue[i];

		q->size = 32;
		q->desc = RINGS(i);
		q->avail = RINGS(i) + AVAIL;
		q->used = RINGS(i) + USED;
		if (!virtq_enable(q))
			abort();
	}
	virtio_set_status(v, 15);
}

/* Each device has its queues' watches here, and knows the device. */
static void begin_all(uint8_t choice)
{
	for (unsigned int i = 0; i < nr_watches; i++)
		if (watches[i]->fn != on_wire) {
			struct virtq *q = watches[i]->device;

			q->dev->busy = false;
			if (q == &q->dev->queue[0])
				begin(q->dev, choice);
		}
}

/* What the wire brings: a long segment of TCP with its header, but for one byte of both. */
static void arrive(char *packet, size_t n)
{
	static const struct virtio_net_hdr header = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
						      .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
						      .gso_size = 100,
						      .csum_start = 34,
						      .csum_offset = 16 };

	memcpy(packet, &header, sizeof(header));
	packet[sizeof(header) + 12] = 8;
	packet[sizeof(header) + 14] = 0x45;
	packet[sizeof(header) + 46] = 0x50;
	packet[take_input(1) % 64] = take_input(1);
	if (send(world, packet, n, MSG_DONTWAIT) < 0)
		return;
}

static void step(void)
{
	static char packet[2048];
	uint8_t choice = take_input(1);
	size_t typed;

	if (choice == RESTORE) {
		restore(&machine);
		return;
	}
	switch (choice % 9) {
	case 0:
		registers(take_input(1) & 1);
		break;
	case 1:
	case 2:
		descriptor();
		break;
	case 3:
		make_available();
		break;
	case 4:
		header();
		break;
	case 8:
		typed = take_input(1) % 32;
		console_input((uint8_t *)packet, typed < console_room() ? typed : console_room());
		break;
	case 5:
		arrive(packet, take_input(2) & 2047);
		/* fallthrough */
	default:
		run(watches[take_input(1) % nr_watches]);
		while (recv(world, packet, sizeof(packet), MSG_DONTWAIT) > 0)
			;
	}
}

/* What blk_add() takes; for a read-only one, content shows what is there. */
static const char *disk_file(char path[32], uint8_t **content)
{
	int fd = memfd_create("disk", 0);

	if (fd < 0 || ftruncate(fd, DISK) < 0)
		abort();
	snprintf(path, 32, "/proc/self/fd/%d%s", fd, content ? ",ro" : "");
	if (content)
		*content = mmap(NULL, DISK, PROT_READ, MAP_SHARED, fd, 0);
	return path;
}

static struct net *net;

static void create(void)
{
	static char writable[32], fixed[32], other[32];
	struct net *n = net = allocate(sizeof(*n));
	int ends[2];

	machine.image_at = mmap(NULL, IMAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends) < 0)
		abort();
	world = ends[0];
	n->wire.fd = ends[1];
	blk_add(&machine, disk_file(writable, NULL));
	blk_add(&machine, disk_file(fixed, &read_only));
	rng_add(&machine);
	net_begin(&machine, n);
	machine.mmio = true;
	blk_add(&machine, disk_file(other, NULL));
	console_add(&machine);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const uint8_t zeroes[DISK];

	if (!nr_watches)
		create();
	input = data;
	input_end = data + n;
	machine.ram = calloc(1, RAM);
	as_created(&machine);
	begin_all(take_input(1));
	net->packet.size = 0;
	net->tap = n & 1; /* read and written as a TAP device is; else packets have a header */
	net->offload = !net->tap;
	for (int steps = 0; input < input_end && steps < 4096; steps++)
		step();
	if (memcmp(read_only, zeroes, DISK))
		abort();
	free(machine.ram);
	return 0;
}
