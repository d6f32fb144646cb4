/* SPDX-License-Identifier: MIT */
/* KVM_SET_USER_MEMORY_REGION: which slots can be, and what the guest sees of those that are. */
#include "kvm.h"

static uint8_t *pages(unsigned int n)
{
	uint8_t *p =
		mmap(NULL, n * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED);
	return p;
}

static void unaligned(void)
{
	struct guest g;
	uint8_t *p = pages(4);

	guest_make(&g, false);
	SHOW(set_slot(g.vm, 1, RAM + 1, p, PAGE));
	SHOW(set_slot(g.vm, 1, RAM, p, PAGE + 1));
	SHOW(set_slot(g.vm, 1, RAM, p + 1, PAGE));
	SHOW(set_slot(g.vm, 1, RAM, p, 1));
}

static void overlaps(void)
{
	struct guest g;
	uint8_t *p = pages(4);

	guest_make(&g, false);
	SHOW(set_slot(g.vm, 1, RAM - PAGE, p, 2 * PAGE));
	SHOW(set_slot(g.vm, 1, RAM - PAGE, p, PAGE));
	SHOW(set_slot(g.vm, 1, 0, p, PAGE));
	SHOW(set_slot(g.vm, 1, RAM, p, 2 * PAGE)); /* beside it */
	SHOW(set_slot(g.vm, 2, RAM + PAGE, p, PAGE));
	SHOW(set_slot(g.vm, 2, RAM + 2 * PAGE, p, PAGE)); /* the same memory twice */
	SHOW(set_slot(g.vm, 2, RAM, p, PAGE)); /* moved onto another */
}

static void outside(void)
{
	struct guest g;
	uint8_t *p = pages(4);

	guest_make(&g, false);
	SHOW(set_slot(g.vm, 1, -PAGE, p, 2 * PAGE));
	SHOW(set_slot(g.vm, 1, RAM, (void *)0xffff800000000000, PAGE));
	SHOW(set_slot(g.vm, 1, RAM, (void *)-PAGE, 2 * PAGE));
	SHOW(set_slot(g.vm, 1, RAM, p, -PAGE));
}

/* Nothing needs to be mapped there yet. */
static void unmapped(void)
{
	struct guest g;
	uint8_t *p = pages(4);

	munmap(p, 4 * PAGE);
	guest_make(&g, false);
	SHOW(set_slot(g.vm, 1, RAM, p, 4 * PAGE));
	SHOW(set_slot(g.vm, 2, 2 * RAM, NULL, PAGE));
}

static void numbers(void)
{
	struct guest g;
	uint8_t *p = pages(1);

	guest_make(&g, false);
	SHOW(set_slot(g.vm, 100000, RAM, p, PAGE));
	SHOW(set_slot(g.vm, 0x10001, RAM, p, PAGE)); /* another address space */
	SHOW(set_slot(g.vm, -1, RAM, p, PAGE));
}

static void flags(void)
{
	struct guest g;
	uint8_t *p = pages(1);

	guest_make(&g, false);
	SHOW(set_slot_flags(g.vm, 1, RAM, p, PAGE, 1 << 2));
	SHOW(set_slot_flags(g.vm, 1, RAM, p, PAGE, 1U << 31));
	SHOW(set_slot_flags(g.vm, 1, RAM, p, PAGE, KVM_MEM_READONLY));
	SHOW(set_slot_flags(g.vm, 1, RAM, p, PAGE, KVM_MEM_READONLY)); /* the same again */
	SHOW(set_slot_flags(g.vm, 1, RAM, p, PAGE, 0));
}

static void deletion(void)
{
	struct guest g;
	uint8_t *p = pages(1);

	guest_make(&g, false);
	SHOW(set_slot(g.vm, 1, RAM, p, 0)); /* was not there */
	SHOW(set_slot(g.vm, 1, RAM, p, PAGE));
	SHOW(set_slot(g.vm, 1, 12345 * PAGE, NULL, 0));
	SHOW(set_slot(g.vm, 1, RAM, p, 0));
	SHOW(set_slot(g.vm, 1, RAM, p, PAGE));
}

static void changes(void)
{
	struct guest g;
	uint8_t *p = pages(4);

	guest_make(&g, false);
	SHOW(set_slot(g.vm, 1, RAM, p, 2 * PAGE));
	SHOW(set_slot(g.vm, 1, RAM, p, 2 * PAGE)); /* the same */
	SHOW(set_slot(g.vm, 1, RAM, p, PAGE)); /* smaller */
	SHOW(set_slot(g.vm, 1, RAM, p, 3 * PAGE)); /* larger */
	SHOW(set_slot(g.vm, 1, RAM, p + PAGE, 2 * PAGE)); /* other memory */
	SHOW(set_slot(g.vm, 1, 2 * RAM, p, 2 * PAGE)); /* elsewhere */
}

/* Says the byte at 0x200000, then the one at 0x201000. */
GUEST(two_bytes, 64,
      "1: mov (0x200000), %al; out %al, $0x10; mov (0x201000), %al; out %al, $0x10; jmp 1b");
static void look(struct guest *g, uint64_t gpa)
{
	if (go(g) == KVM_EXIT_IO) {
		say("0x%llx: memory, 0x%x", (unsigned long long)gpa, *(uint8_t *)io_data(g));
		return;
	}
	EQUAL(g->run->exit_reason, KVM_EXIT_MMIO);
	say("0x%llx: device, asked at 0x%llx", (unsigned long long)gpa, g->run->mmio.phys_addr);
	g->run->mmio.data[0] = 0;
	EQUAL(go(g), KVM_EXIT_IO);
}
static void guest_of_two_bytes(struct guest *g)
{
	guest_make(g, false);
	memcpy(g->ram + START, two_bytes, two_bytes_end - two_bytes);
	guest_long_mode(g);
}

static void added_and_deleted(void)
{
	struct guest g;
	uint8_t *p = pages(2);

	guest_of_two_bytes(&g);
	p[0] = 0x11;
	p[PAGE] = 0x22;
	look(&g, 0x200000);
	look(&g, 0x201000);
	CHECK(set_slot(g.vm, 1, 0x200000, p, 2 * PAGE) == 0);
	look(&g, 0x200000);
	look(&g, 0x201000);
	CHECK(set_slot(g.vm, 1, 0, NULL, 0) == 0);
	look(&g, 0x200000);
	look(&g, 0x201000);
}

static void moved(void)
{
	struct guest g;
	uint8_t *p = pages(1);

	guest_of_two_bytes(&g);
	*p = 0x33;
	CHECK(set_slot(g.vm, 1, 0x200000, p, PAGE) == 0);
	look(&g, 0x200000);
	look(&g, 0x201000);
	CHECK(set_slot(g.vm, 1, 0x201000, p, PAGE) == 0);
	look(&g, 0x200000);
	look(&g, 0x201000);
}

static void seen_twice(void)
{
	struct guest g;
	uint8_t *p = pages(1);

	guest_of_two_bytes(&g);
	CHECK(set_slot(g.vm, 1, 0x200000, p, PAGE) == 0);
	CHECK(set_slot(g.vm, 2, 0x201000, p, PAGE) == 0);
	*p = 0x44;
	look(&g, 0x200000);
	*p = 0x45;
	look(&g, 0x201000);
}

/* The monitor may not even read its own memory: neither may the guest. */
static void protected_by_monitor(void)
{
	struct guest g;
	uint8_t *p = pages(2);

	guest_of_two_bytes(&g);
	CHECK(set_slot(g.vm, 1, 0x200000, p, 2 * PAGE) == 0);
	CHECK(mprotect(p + PAGE, PAGE, PROT_NONE) == 0);
	look(&g, 0x200000);
	SHOW(ioctl(g.vcpu, KVM_RUN, 0));
	CHECK(mprotect(p + PAGE, PAGE, PROT_READ) == 0);
	look(&g, 0x201000);
}

GUEST(stores, 64, "1: incb (0x200000); mov (0x200000), %al; out %al, $0x10; jmp 1b");
static void stores_at(struct guest *g, void *host)
{
	guest_make(g, false);
	memcpy(g->ram + START, stores, stores_end - stores);
	guest_long_mode(g);
	CHECK(set_slot(g->vm, 1, 0x200000, host, PAGE) == 0);
}

static void write_to_read_only_map(void)
{
	uint8_t *p = pages(1);
	struct guest g;

	*p = 7;
	CHECK(mprotect(p, PAGE, PROT_READ) == 0);
	stores_at(&g, p);
	SHOW(ioctl(g.vcpu, KVM_RUN, 0));
	CHECK(mprotect(p, PAGE, PROT_READ | PROT_WRITE) == 0);
	EQUAL(take_out(&g, 0x10), 8);
	EQUAL(*p, 8);
}

static void shared_file(void)
{
	char name[] = "/tmp/kvm-slots-XXXXXX", byte = 0x20;
	int fd = mkstemp(name);
	struct guest g;
	void *p;

	CHECK(fd >= 0 && ftruncate(fd, PAGE) == 0 && pwrite(fd, &byte, 1, 0) == 1);
	unlink(name);
	p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	stores_at(&g, p);
	EQUAL(take_out(&g, 0x10), 0x21);
	CHECK(pread(fd, &byte, 1, 0) == 1);
	EQUAL(byte, 0x21);
	byte = 0x50;
	CHECK(pwrite(fd, &byte, 1, 0) == 1);
	EQUAL(take_out(&g, 0x10), 0x51);
}

static void beyond_file(void)
{
	char name[] = "/tmp/kvm-slots-XXXXXX";
	int fd = mkstemp(name);
	struct guest g;
	void *p;

	CHECK(fd >= 0);
	unlink(name);
	p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	stores_at(&g, p);
	SHOW(ioctl(g.vcpu, KVM_RUN, 0));
	CHECK(ftruncate(fd, PAGE) == 0);
	EQUAL(take_out(&g, 0x10), 1);
}

static void many(void)
{
	struct guest g;
	uint8_t *p = pages(30);

	guest_of_two_bytes(&g);
	for (unsigned int i = 0; i < 30; i++) {
		p[i * PAGE] = i;
		CHECK(set_slot(g.vm, 31 - i, 0x200000 + i * PAGE, p + i * PAGE, PAGE) == 0);
	}
	look(&g, 0x200000);
	look(&g, 0x201000);
	for (unsigned int i = 0; i < 30; i++)
		CHECK(set_slot(g.vm, 31 - i, 0, NULL, 0) == 0);
	look(&g, 0x200000);
}

static const struct test_case cases[] = {
	{ "unaligned", unaligned },
	{ "overlaps", overlaps },
	{ "outside", outside },
	{ "unmapped", unmapped },
	{ "numbers", numbers },
	{ "flags", flags },
	{ "deletion", deletion },
	{ "changes", changes },
	{ "added-and-deleted", added_and_deleted },
	{ "moved", moved },
	{ "seen-twice", seen_twice },
	{ "protected-by-monitor", protected_by_monitor },
	{ "write-to-read-only-map", write_to_read_only_map },
	{ "shared-file", shared_file },
	{ "beyond-file", beyond_file },
	{ "many", many },
};
MAIN(cases)
