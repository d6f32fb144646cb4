/* SPDX-License-Identifier: MIT */
/* The interface itself: answers, errors, state in and out, lifetimes. */
#include "kvm.h"

GUEST(word, 16, "mov $0x42, %al; out %al, $0x10; hlt");

static void system_calls(void)
{
	int kvm = open("/dev/kvm", O_RDWR);

	CHECK(kvm >= 0);
	EQUAL(ioctl(kvm, KVM_GET_API_VERSION, 0), 12);
	CHECK(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0) >= (int)(2 * PAGE));
	EQUAL(ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_IRQCHIP), 1);
	EQUAL(ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_USER_MEMORY), 1);
	CHECK(ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_NR_MEMSLOTS) >= 32);
	EQUAL(ioctl(kvm, KVM_CHECK_EXTENSION, 9999), 0);
	REFUSED(ioctl(kvm, KVM_GET_API_VERSION, 1), EINVAL);
	REFUSED(ioctl(kvm, _IO(KVMIO, 0xfe)), EINVAL);
	REFUSED(ioctl(kvm, KVM_GET_SUPPORTED_CPUID, NULL), EFAULT);
	CHECK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, kvm, 0) == MAP_FAILED);
}

static void vm_calls(void)
{
	struct kvm_irq_level l = { .irq = 4 };
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };
	struct guest g, other;

	guest_make(&g, false);
	REFUSED(ioctl(g.vm, KVM_CREATE_VCPU, 0), EEXIST);
	REFUSED(ioctl(g.vm, KVM_CREATE_VCPU, 100000), EINVAL);
	REFUSED(ioctl(g.vm, KVM_IRQ_LINE, &l), ENXIO);
	REFUSED(ioctl(g.vm, KVM_CREATE_IRQCHIP, 0), EINVAL); /* too late: it has a vCPU */
	REFUSED(ioctl(g.vm, _IO(KVMIO, 0xfe)), ENOTTY);
	REFUSED(ioctl(g.vcpu, _IO(KVMIO, 0xfe)), EINVAL);
	REFUSED(ioctl(g.vcpu, KVM_RUN, 1), EINVAL);
	guest_make(&other, true);
	REFUSED(ioctl(other.vm, KVM_CREATE_IRQCHIP, 0), EEXIST);
	CHECK(ioctl(other.vm, KVM_GET_IRQCHIP, &chip) == 0);
	EQUAL(chip.chip.ioapic.base_address, 0xfec00000);
	EQUAL(chip.chip.ioapic.redirtbl[3].fields.mask, 1);
	CHECK(ioctl(other.vm, KVM_SET_IRQCHIP, &chip) == 0);
}

static void state_round_trip(void)
{
	struct kvm_regs r = { .rax = 1,
			      .rbx = 2,
			      .rcx = 3,
			      .rdx = 4,
			      .rsi = 5,
			      .rdi = 6,
			      .rsp = 7,
			      .rbp = 8,
			      .r8 = 9,
			      .r9 = 10,
			      .r15 = 16,
			      .rip = 0x123,
			      .rflags = 0x202 };
	struct kvm_mp_state mp;
	struct kvm_vcpu_events events;
	struct kvm_lapic_state lapic;
	struct kvm_sregs s, t;
	struct kvm_regs q;
	struct guest g;

	guest_make(&g, true);
	CHECK(ioctl(g.vcpu, KVM_SET_REGS, &r) == 0 && ioctl(g.vcpu, KVM_GET_REGS, &q) == 0);
	CHECK(!memcmp(&r, &q, sizeof(r)));
	CHECK(ioctl(g.vcpu, KVM_GET_SREGS, &s) == 0);
	EQUAL(s.cs.base, 0xffff0000);
	EQUAL(s.cs.selector, 0xf000);
	EQUAL(s.apic_base & 0xfffff000, 0xfee00000);
	s.ds.base = 0x12340;
	s.ds.selector = 0x1234;
	s.cr3 = 0x5000;
	s.gdt.base = 0x777000;
	s.idt.limit = 0x3ff;
	CHECK(ioctl(g.vcpu, KVM_SET_SREGS, &s) == 0 && ioctl(g.vcpu, KVM_GET_SREGS, &t) == 0);
	EQUAL(t.ds.base, 0x12340);
	EQUAL(t.ds.selector, 0x1234);
	EQUAL(t.cr3, 0x5000);
	EQUAL(t.gdt.base, 0x777000);
	EQUAL(t.idt.limit, 0x3ff);
	CHECK(ioctl(g.vcpu, KVM_GET_MP_STATE, &mp) == 0);
	EQUAL(mp.mp_state, KVM_MP_STATE_RUNNABLE);
	CHECK(ioctl(g.vcpu, KVM_GET_VCPU_EVENTS, &events) == 0);
	EQUAL(events.exception.injected, 0);
	CHECK(ioctl(g.vcpu, KVM_GET_LAPIC, &lapic) == 0 &&
	      ioctl(g.vcpu, KVM_SET_LAPIC, &lapic) == 0);
}

static void msrs(void)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry e[3];
	} m = { .head.nmsrs = 3,
		.e = { { .index = 0xc0000082, .data = 0xffffffff81000000 },
		       { .index = 0x174, .data = 0x10 },
		       { .index = 0x12345678 } } };
	struct kvm_msr_list *list = calloc(1, sizeof(*list) + 4 * 1000);
	struct guest g;

	guest_make(&g, false);
	EQUAL(ioctl(g.vcpu, KVM_SET_MSRS, &m), 2); /* stops at the one that is not there */
	m.e[0].data = m.e[1].data = 0;
	EQUAL(ioctl(g.vcpu, KVM_GET_MSRS, &m), 2);
	EQUAL(m.e[0].data, 0xffffffff81000000);
	EQUAL(m.e[1].data, 0x10);
	m.head.nmsrs = 1;
	m.e[0].data = 0x8000000000000000; /* not canonical */
	EQUAL(ioctl(g.vcpu, KVM_SET_MSRS, &m), 0);
	REFUSED(ioctl(g.kvm, KVM_GET_MSR_INDEX_LIST, list), E2BIG);
	CHECK(list->nmsrs > 5);
	CHECK(ioctl(g.kvm, KVM_GET_MSR_INDEX_LIST, list) == 0);
}

/* The TSC of a new guest begins at 0, whatever the host's is. */
GUEST(tsc, 64, "rdtsc; shl $32, %rdx; or %rdx, %rax; mov %rax, %rbx; out %al, $0x10; hlt");
static void tsc_from_zero(void)
{
	struct kvm_regs r;
	struct guest g;
	int khz;

	guest_make(&g, false);
	memcpy(g.ram + START, tsc, tsc_end - tsc);
	guest_long_mode(&g);
	take_out(&g, 0x10);
	CHECK(ioctl(g.vcpu, KVM_GET_REGS, &r) == 0);
	khz = ioctl(g.vcpu, KVM_GET_TSC_KHZ, 0);
	CHECK(khz > 0);
	CHECK(r.rbx < 10000ULL * khz); /* ten seconds */
}

/* The kvm_run page outlives the descriptors; the rest goes with the last of them. */
static void lifetimes(void)
{
	struct guest g;

	guest_make(&g, true);
	guest_code(&g, word);
	close(g.kvm);
	close(g.vm);
	EQUAL(take_out(&g, 0x10), 0x42); /* the vCPU keeps its VM */
	close(g.vcpu);
	EQUAL(g.run->exit_reason, KVM_EXIT_IO);
	munmap(g.run, g.run_size);
	guest_make(&g, false);
	close(g.vcpu);
	close(g.vm);
	munmap(g.run, PAGE);
}

/* A hostile monitor scribbles over the shared page. */
static void scribble(struct guest *g, int byte)
{
	memset(g->run, byte, g->run_size);
	g->run->immediate_exit = 0;
	g->run->kvm_valid_regs = g->run->kvm_dirty_regs = 0;
	g->run->cr8 = 0;
}
static void scribbled_run_page(void)
{
	struct guest g;

	guest_make(&g, false);
	for (int i = 0; i < 50; i++) {
		guest_code(&g, word);
		scribble(&g, 0xa5 + i);
		EQUAL(take_out(&g, 0x10), 0x42);
		scribble(&g, 0x5a + i);
		EQUAL(go(&g), KVM_EXIT_HLT);
	}
}

static void many_descriptors(void)
{
	int kvm = open("/dev/kvm", O_RDWR), vm[40];

	for (int i = 0; i < 40; i++) {
		vm[i] = ioctl(kvm, KVM_CREATE_VM, 0);
		CHECK(vm[i] >= 0);
	}
	for (int i = 0; i < 40; i++)
		close(vm[i]);
}

static const struct test_case cases[] = {
	{ "system-calls", system_calls },
	{ "vm-calls", vm_calls },
	{ "state-round-trip", state_round_trip },
	{ "msrs", msrs },
	{ "tsc-from-zero", tsc_from_zero },
	{ "lifetimes", lifetimes },
	{ "scribbled-run-page", scribbled_run_page },
	{ "many-descriptors", many_descriptors },
};
MAIN(cases)
