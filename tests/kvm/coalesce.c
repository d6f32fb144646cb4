/* SPDX-License-Identifier: MIT */
/* Coalesced writes: what goes into the ring and what becomes an exit; a full ring, and one with nonsense in it. */
#include "kvm.h"

#define DEVICE 0x10000000UL

static int zone(struct guest *g, unsigned long call, uint64_t addr, uint32_t size, uint32_t pio)
{
	struct kvm_coalesced_mmio_zone z = { .addr = addr, .size = size, .pio = pio };

	return ioctl(g->vm, call, &z);
}

static struct kvm_coalesced_mmio_ring *ring_of(struct guest *g)
{
	long page = ioctl(g->kvm, KVM_CHECK_EXTENSION, KVM_CAP_COALESCED_MMIO);

	CHECK(page > 0 && (size_t)(page + 1) * PAGE <= g->run_size);
	return (void *)((char *)g->run + page * PAGE);
}

/* Says what the ring has, and empties it. */
static void say_ring(struct guest *g)
{
	struct kvm_coalesced_mmio_ring *r = ring_of(g);

	while (r->first != r->last) {
		struct kvm_coalesced_mmio *m = &r->coalesced_mmio[r->first];
		uint64_t value = 0;

		memcpy(&value, m->data, m->len);
		say("in the ring: %s %llx, %u: %llx", m->pio ? "port" : "address", m->phys_addr,
		    m->len, (unsigned long long)value);
		r->first = (r->first + 1) % ((PAGE - sizeof(*r)) / sizeof(*m));
	}
}

/* Long mode; RDI points to the device. */
static void make(struct guest *g, const uint8_t *code, const uint8_t *end)
{
	struct kvm_regs r;

	guest_make(g, false);
	memcpy(g->ram + START, code, end - code);
	guest_long_mode(g);
	CHECK(ioctl(g->vcpu, KVM_GET_REGS, &r) == 0);
	r.rdi = DEVICE;
	r.rax = 0x1122334455667788;
	CHECK(ioctl(g->vcpu, KVM_SET_REGS, &r) == 0);
}

GUEST(writer, 64,
      "mov %al, (%rdi); mov %eax, 4(%rdi); mov %rax, 8(%rdi); mov %ax, 0xfef(%rdi)\n" /* the last ends outside */
      "mov (%rdi), %bl; hlt");
static void memory_writes(void)
{
	struct guest g;

	make(&g, writer, writer_end);
	EQUAL(zone(&g, KVM_REGISTER_COALESCED_MMIO, DEVICE, 0xff0, 0), 0);
	EQUAL(go(&g), KVM_EXIT_MMIO);
	say("exit: %s %llx, %u", g.run->mmio.is_write ? "write" : "read", g.run->mmio.phys_addr,
	    g.run->mmio.len);
	say_ring(&g);
	while (go(&g) == KVM_EXIT_MMIO)
		if (!g.run->mmio.is_write)
			say("exit: read %llx, %u", g.run->mmio.phys_addr, g.run->mmio.len);
	EQUAL(g.run->exit_reason, KVM_EXIT_HLT);
	say_ring(&g);
}

GUEST(porter, 64,
      "mov $0x70, %dx; out %al, %dx; out %eax, %dx; mov $0x72, %dx; out %al, %dx; in %dx, %al; "
      "hlt");
static void port_writes(void)
{
	struct guest g;

	make(&g, porter, porter_end);
	EQUAL(ioctl(g.kvm, KVM_CHECK_EXTENSION, KVM_CAP_COALESCED_PIO), 1);
	EQUAL(zone(&g, KVM_REGISTER_COALESCED_MMIO, 0x70, 2, 1), 0);
	for (int i = 0; i < 4 && go(&g) == KVM_EXIT_IO; i++)
		say("exit: %s %x, %u", g.run->io.direction ? "out" : "in", g.run->io.port,
		    g.run->io.size);
	EQUAL(g.run->exit_reason, KVM_EXIT_HLT);
	say_ring(&g);
}

GUEST(flood, 64, "mov $500, %ecx; 1: mov %ecx, (%rdi); dec %ecx; jnz 1b; hlt");
static void full_ring(void)
{
	struct guest g;
	unsigned int exits = 0;

	make(&g, flood, flood_end);
	EQUAL(zone(&g, KVM_REGISTER_COALESCED_MMIO, DEVICE, 4096, 0), 0);
	EQUAL(go(&g), KVM_EXIT_MMIO);
	say("an exit at write %u", 500 - *(uint32_t *)g.run->mmio.data);
	ring_of(&g)->first = ring_of(&g)->last; /* empty again */
	while (go(&g) == KVM_EXIT_MMIO)
		exits++;
	EQUAL(g.run->exit_reason, KVM_EXIT_HLT);
	say("%u more exits", exits);
}

static void nonsense_in_the_ring(void)
{
	static const uint32_t last[] = { 170, 171, 4096, 0x7fffffff, ~0U };

	for (unsigned int i = 0; i < sizeof(last) / sizeof(*last); i++) {
		struct guest g;

		make(&g, writer, writer_end);
		EQUAL(zone(&g, KVM_REGISTER_COALESCED_MMIO, DEVICE, 4096, 0), 0);
		ring_of(&g)->first = i * 77;
		ring_of(&g)->last = last[i];
		EQUAL(go(&g), KVM_EXIT_MMIO);
		say("last %x: %s", last[i], g.run->mmio.is_write ? "write" : "read");
		close(g.vcpu);
		close(g.vm);
	}
}

static void removed(void)
{
	struct guest g;

	make(&g, writer, writer_end);
	EQUAL(zone(&g, KVM_REGISTER_COALESCED_MMIO, DEVICE, 8, 0), 0);
	EQUAL(zone(&g, KVM_REGISTER_COALESCED_MMIO, DEVICE + 8, 8, 0), 0);
	SHOW(zone(&g, KVM_UNREGISTER_COALESCED_MMIO, DEVICE + 8, 8, 0));
	SHOW(zone(&g, KVM_UNREGISTER_COALESCED_MMIO, DEVICE + 8, 8, 0));
	SHOW(zone(&g, KVM_UNREGISTER_COALESCED_MMIO, DEVICE, 8, 1)); /* not a port */
	for (int i = 0; i < 6 && go(&g) == KVM_EXIT_MMIO; i++)
		say("exit: %s %llx, %u", g.run->mmio.is_write ? "write" : "read",
		    g.run->mmio.phys_addr, g.run->mmio.len);
	EQUAL(g.run->exit_reason, KVM_EXIT_HLT);
	say_ring(&g);
}

static void refused(void)
{
	struct guest g;

	guest_make(&g, false);
	SHOW(zone(&g, KVM_REGISTER_COALESCED_MMIO, DEVICE, 8, 2));
	SHOW(zone(&g, KVM_UNREGISTER_COALESCED_MMIO, DEVICE, 8, 2));
	SHOW(zone(&g, KVM_REGISTER_COALESCED_MMIO, ~0UL, 8, 0));
	SHOW(zone(&g, KVM_REGISTER_COALESCED_MMIO, DEVICE, 0, 0));
	SHOW(ioctl(g.vm, KVM_REGISTER_COALESCED_MMIO, NULL));
	SHOW(ioctl(g.vm, KVM_UNREGISTER_COALESCED_MMIO, NULL));
}

static const struct test_case cases[] = {
	{ "memory-writes", memory_writes },
	{ "port-writes", port_writes },
	{ "full-ring", full_ring },
	{ "nonsense-in-the-ring", nonsense_in_the_ring },
	{ "removed", removed },
	{ "refused", refused },
};
MAIN(cases)
