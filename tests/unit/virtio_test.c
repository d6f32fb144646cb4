/* SPDX-License-Identifier: MIT */
/* sources: kernel/dev/virtio.c */
/*
 * Queues of virtio against a device that is a few lines here: one that keeps the rules, in any order it
 * likes, and ones that break each of them. A broken rule ends the device, once, and every request
 * is given back, once.
 */
#include <string.h>
#include <sys/mman.h>

#include "dev/virtio.h"
#include "host.h"

#define RAM_AT                                                                                     \
	0x200000000000UL /* where memory is in this program; phys_to_virt(RAM_PHYS) is there */
#define RAM_PHYS (RAM_AT - DIRECT_BASE)
#define RAM_FRAMES 4UL
#define QUEUE 16

struct frame *frames;
static unsigned int used_frames, cut_off;
static struct virtio_pci_common_cfg common;
static struct {
	u16 doorbell;
	u8 rest[62];
} notify;
static struct virtio_dev dev;
static struct virtq q;
static u32 line; /* as the firmware wrote it down; MSI-X has room for one event */
static void (*on_line)(void *arg);

struct frame *frame_alloc_zeroed(enum frame_kind kind, struct res_counter *res)
{
	struct frame *f = &frames[(RAM_PHYS >> PAGE_SHIFT) + used_frames];

	if (used_frames++ == RAM_FRAMES)
		return NULL;
	memset(frame_va(f), 0, PAGE_SIZE);
	return f;
}
u32 pci_read(const struct pci_dev *d, unsigned int reg, unsigned int size)
{
	return reg == PCI_INTERRUPT_LINE ? line : 0;
}
void pci_write(const struct pci_dev *d, unsigned int reg, unsigned int size, u32 v)
{
	cut_off += reg == PCI_COMMAND && !(v & PCI_COMMAND_MASTER);
}
unsigned int pci_capability(const struct pci_dev *d, unsigned int id, unsigned int after)
{
	return 0;
}
volatile void *pci_map(const struct pci_dev *d, unsigned int bar, u32 off, u32 len)
{
	return NULL;
}
int pci_msix_init(struct pci_dev *d)
{
	return 0;
}
int pci_msix_request(struct pci_dev *d, unsigned int n, void (*handler)(void *arg), void *arg)
{
	return n ? -ENOSPC : 0;
}
void pci_msix_off(struct pci_dev *d)
{
}
int irq_request(unsigned int gsi, bool level, void (*handler)(void *arg), void *arg)
{
	assert_true(gsi == 11 && level);
	on_line = handler;
	return 0;
}
void pci_scan(void (*probe)(const struct pci_dev *d))
{
}
int virtio_blk_start(struct virtio_dev *v)
{
	return 0;
}
int virtio_net_start(struct virtio_dev *v)
{
	return 0;
}
int virtio_9p_start(struct virtio_dev *v)
{
	return 0;
}

/* ---- the device ---- */

static u16 taken; /* of what is available */

/* The next request that the driver made, as its first descriptor; checks the chain. */
static u16 device_take(u32 *room)
{
	u16 head = q.avail->ring[taken++ % QUEUE], at = head;

	*room = 0;
	for (unsigned int n = 0;; at = q.desc[at].next) {
		assert_true(at < QUEUE && n++ < QUEUE);
		*room += q.desc[at].flags & VRING_DESC_F_WRITE ? q.desc[at].len : 0;
		if (!(q.desc[at].flags & VRING_DESC_F_NEXT))
			return head;
	}
}

static void device_answer(u32 id, u32 len)
{
	struct vring_used *used = (struct vring_used *)q.used;

	used->ring[used->idx % QUEUE] = (struct vring_used_elem){ id, len };
	used->idx++;
}

static int setup(void **state)
{
	void *ram = mmap((void *)RAM_AT, 2 * RAM_FRAMES * PAGE_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	assert_ptr_equal(ram, (void *)RAM_AT);
	frames = (struct frame *)(RAM_AT + RAM_FRAMES * PAGE_SIZE) - (RAM_PHYS >> PAGE_SHIFT);
	used_frames = cut_off = taken = 0;
	memset(&dev, 0, sizeof(dev));
	memset(&q, 0, sizeof(q));
	common = (struct virtio_pci_common_cfg){ .device_feature = 1,
						 .num_queues = 1,
						 .queue_size = QUEUE };
	dev.common = &common;
	dev.notify = (u8 *)&notify;
	dev.notify_len = sizeof(notify);
	assert_int_equal(virtio_begin(&dev, 0), 0);
	assert_int_equal(virtq_init(&dev, &q, 0, NULL, NULL), 0);
	return 0;
}

static char memory[QUEUE][64];

static int request(unsigned int out, unsigned int in, void *token)
{
	struct virtio_piece p[QUEUE + 1];

	for (unsigned int i = 0; i < out + in; i++)
		p[i] = (struct virtio_piece){ memory[i % QUEUE], 64 };
	return virtq_add(&q, p, out, in, token);
}

/* Requests of any size, answered in any order, for a long time: each comes back as it was. */
static void test_any_order(void **state)
{
	struct {
		u32 head, room;
		bool there;
	} held[QUEUE] = { 0 };
	u64 sent[QUEUE] = { 0 }, next = 1;
	unsigned int in_use = 0;
	u32 len;

	for (int round = 0; round < 100000; round++) {
		unsigned int out = 1 + rnd_below(3), in = rnd_below(3);
		int err = request(out, in, (void *)next);

		assert_int_equal(err, in_use + out + in > QUEUE ? -ENOSPC : 0);
		if (!err) {
			u32 room, head = device_take(&room);

			assert_int_equal(room, 64 * in);
			assert_false(held[head].there);
			held[head].head = out + in;
			held[head].room = room;
			held[head].there = true;
			sent[head] = next++;
			in_use += out + in;
		}
		for (u32 head = rnd_below(QUEUE), n = rnd_below(4); n--;
		     head = (head + 5) % QUEUE) {
			if (!held[head].there)
				continue;
			q.desc[head].next = 0xffff; /* what is shared is not relied on */
			device_answer(head, rnd_below(held[head].room + 1));
			held[head].there = false;
			in_use -= held[head].head;
			assert_int_equal((u64)virtq_take(&q, &len), sent[head]);
			assert_true(len <= held[head].room);
		}
		assert_null(virtq_take(&q, &len));
		assert_int_equal(q.nr_free, QUEUE - in_use);
	}
	assert_int_equal(cut_off, 0);
}

/* After a broken rule: nothing more is taken or accepted, what was there comes back, once. */
static void broken(unsigned int requests)
{
	u32 len;

	assert_null(virtq_take(&q, &len));
	assert_true(dev.broken);
	assert_int_equal(cut_off, 1);
	assert_int_equal(common.device_status, 0);
	assert_int_equal(request(1, 1, &dev), -EIO);
	while (requests--)
		assert_ptr_equal(virtq_take_back(&q), &q);
	assert_null(virtq_take_back(&q));
	assert_int_equal(q.nr_free, QUEUE);
	virtio_break(&dev, "again");
	assert_int_equal(cut_off, 1);
}

static void test_wild_id(void **state)
{
	assert_int_equal(request(1, 1, &q), 0);
	device_answer(QUEUE, 0);
	broken(1);
}
static void test_huge_id(void **state)
{
	assert_int_equal(request(1, 1, &q), 0);
	device_answer(~0U, 0);
	broken(1);
}
static void test_free_id(void **state)
{
	u32 room;

	assert_int_equal(request(1, 1, &q), 0);
	device_answer((device_take(&room) + 5) % QUEUE, 0);
	broken(1);
}
static void test_middle_of_chain(void **state)
{
	u32 room;

	assert_int_equal(request(2, 2, &q), 0);
	device_answer(q.desc[device_take(&room)].next, 0);
	broken(1);
}
static void test_twice(void **state)
{
	u32 room, len, head;

	assert_int_equal(request(1, 1, &q), 0);
	assert_int_equal(request(1, 1, &q), 0);
	head = device_take(&room);
	device_answer(head, 64);
	device_answer(head, 64);
	assert_ptr_equal(virtq_take(&q, &len), &q);
	broken(1);
}
static void test_too_long(void **state)
{
	u32 room;

	assert_int_equal(request(1, 2, &q), 0);
	device_answer(device_take(&room), 129);
	broken(1);
}
static void test_ahead(void **state)
{
	assert_int_equal(request(1, 1, &q), 0);
	((struct vring_used *)q.used)->idx += QUEUE + 1;
	broken(1);
}
static void test_silent(void **state)
{
	for (int i = 0; i < QUEUE / 2; i++)
		assert_int_equal(request(1, 1, &q), 0);
	assert_int_equal(request(1, 1, &q), -ENOSPC);
	virtio_break(&dev, "no answer");
	broken(QUEUE / 2);
}
/* It agrees to nothing, or its numbers make no sense. */
static void test_bad_device(void **state)
{
	struct virtq other = { 0 };

	common.queue_size = 12;
	assert_int_equal(virtq_init(&dev, &other, 0, NULL, NULL), -ENODEV);
	common.queue_size = QUEUE;
	assert_int_equal(virtq_init(&dev, &other, 1, NULL, NULL), -ENODEV);
	common.queue_notify_off = 1;
	dev.notify_multiplier = 63;
	assert_int_equal(virtq_init(&dev, &other, 0, NULL, NULL), -ENODEV);
	common.device_feature = 0;
	assert_int_equal(virtio_begin(&dev, 0), -ENODEV);
	common.device_feature = 3; /* an IOMMU of its own */
	assert_int_equal(virtio_begin(&dev, 0), -ENODEV);
	assert_int_equal(virtio_config(&dev, 0, 4), 0);
}

static void count(void *arg)
{
	++*(int *)arg;
}

/* One event too many for MSI-X: all come by the line, if there is one, each to its own. */
static void test_line(void **state)
{
	int answers = 0, changes = 0;
	u8 isr = 1;

	assert_int_equal(virtio_listen(&dev, 0, count, &answers), 0);
	line = 255;
	dev.isr = &isr;
	assert_int_equal(virtio_listen(&dev, VIRTIO_EVENT_CONFIG, count, &changes), -ENODEV);
	line = 11;
	assert_int_equal(virtio_listen(&dev, VIRTIO_EVENT_CONFIG, count, &changes), 0);
	on_line(NULL);
	assert_true(answers == 1 && changes == 0);
	isr = VIRTIO_PCI_ISR_CONFIG;
	on_line(NULL);
	assert_true(answers == 1 && changes == 1);
	isr = 0; /* another's */
	on_line(NULL);
	assert_true(answers == 1 && changes == 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_any_order, setup),
		cmocka_unit_test_setup(test_wild_id, setup),
		cmocka_unit_test_setup(test_huge_id, setup),
		cmocka_unit_test_setup(test_free_id, setup),
		cmocka_unit_test_setup(test_middle_of_chain, setup),
		cmocka_unit_test_setup(test_twice, setup),
		cmocka_unit_test_setup(test_too_long, setup),
		cmocka_unit_test_setup(test_ahead, setup),
		cmocka_unit_test_setup(test_silent, setup),
		cmocka_unit_test_setup(test_bad_device, setup),
		cmocka_unit_test_setup(test_line, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
