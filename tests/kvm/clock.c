/* SPDX-License-Identifier: MIT */
/* Time: kvmclock, steal time, the VM's clock, the PIT's state; and NMIs. */
#include "kvm.h"
#include <asm/kvm_para.h>

struct pvclock {
	uint32_t version, pad;
	uint64_t tsc, ns;
	uint32_t mul;
	int8_t shift;
	uint8_t flags, pad2[2];
};

/* 64 bits: says 1; then reads the TSC into rbx and says 2, again and again. */
GUEST(clock_guest, 64,
      "mov $1, %al; out %al, $0x10\n"
      "1: rdtsc; shl $32, %rdx; or %rdx, %rax; mov %rax, %rbx; mov $2, %al; out %al, $0x10; jmp "
      "1b");
static void clock_make(struct guest *g)
{
	guest_make(g, false);
	memcpy(g->ram + START, clock_guest, clock_guest_end - clock_guest);
	guest_long_mode(g);
	EQUAL(take_out(g, 0x10), 1);
}
static int set_msr(struct guest *g, uint32_t msr, uint64_t value)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry e;
	} m = { .head.nmsrs = 1, .e = { .index = msr, .data = value } };

	return ioctl(g->vcpu, KVM_SET_MSRS, &m);
}
static uint64_t get_msr(struct guest *g, uint32_t msr)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry e;
	} m = { .head.nmsrs = 1, .e = { .index = msr } };

	EQUAL(ioctl(g->vcpu, KVM_GET_MSRS, &m), 1);
	return m.e.data;
}
static uint64_t vm_clock(struct guest *g)
{
	struct kvm_clock_data c;

	memset(&c, 0xff, sizeof(c));
	CHECK(ioctl(g->vm, KVM_GET_CLOCK, &c) == 0);
	return c.clock;
}
/* What the guest, now at its OUT of 2, makes of its page. */
static uint64_t guest_clock(struct guest *g, const struct pvclock *p)
{
	struct kvm_regs r;
	uint64_t ticks;

	EQUAL(take_out(g, 0x10), 2);
	CHECK(ioctl(g->vcpu, KVM_GET_REGS, &r) == 0);
	EQUAL(p->version & 1, 0);
	CHECK(p->version != 0);
	ticks = r.rbx - p->tsc;
	ticks = p->shift < 0 ? ticks >> -p->shift : ticks << p->shift;
	return p->ns + (uint64_t)(((unsigned __int128)ticks * p->mul) >> 32);
}

static void kvmclock(void)
{
	struct pvclock *p;
	uint64_t before, inside, after;
	struct guest g;

	clock_make(&g);
	p = (struct pvclock *)(g.ram + 0x20000);
	EQUAL(set_msr(&g, MSR_KVM_SYSTEM_TIME_NEW, 0x20001), 1);
	EQUAL(get_msr(&g, MSR_KVM_SYSTEM_TIME_NEW), 0x20001);
	before = vm_clock(&g);
	inside = guest_clock(&g, p);
	after = vm_clock(&g);
	CHECK(inside + 1000 >= before && inside <= after + 1000);
	EQUAL(set_msr(&g, MSR_KVM_SYSTEM_TIME, 0x21001), 1); /* the old number */
	inside = guest_clock(&g, (struct pvclock *)(g.ram + 0x21000));
	CHECK(inside + 1000 >= after);
	EQUAL(set_msr(&g, MSR_KVM_SYSTEM_TIME_NEW, 0), 1);
	memset(p, 0, sizeof(*p));
	EQUAL(take_out(&g, 0x10), 2);
	EQUAL(p->version, 0); /* off is off */
	EQUAL(set_msr(&g, MSR_KVM_SYSTEM_TIME_NEW, 0x70000000001), 1); /* nobody's memory */
	EQUAL(take_out(&g, 0x10), 2);
}

static void clock_is_set(void)
{
	struct kvm_clock_data c = { .clock = 5000000000000 };
	struct pvclock *p;
	uint64_t now;
	struct guest g;

	clock_make(&g);
	p = (struct pvclock *)(g.ram + 0x20000);
	EQUAL(set_msr(&g, MSR_KVM_SYSTEM_TIME_NEW, 0x20001), 1);
	EQUAL(take_out(&g, 0x10), 2);
	CHECK(ioctl(g.vm, KVM_SET_CLOCK, &c) == 0);
	now = vm_clock(&g);
	CHECK(now >= 5000000000000 && now < 5000000000000 + 60000000000);
	CHECK(guest_clock(&g, p) + 1000 >= now);
	EQUAL(set_msr(&g, 0x10, 0), 1); /* the guest's TSC jumps; its clock does not */
	now = vm_clock(&g);
	CHECK(guest_clock(&g, p) + 1000 >= now);
	c.flags = 0x100;
	REFUSED(ioctl(g.vm, KVM_SET_CLOCK, &c), EINVAL);
	REFUSED(ioctl(g.vm, KVM_SET_CLOCK, NULL), EFAULT);
	REFUSED(ioctl(g.vm, KVM_GET_CLOCK, NULL), EFAULT);
}

static void wall_clock(void)
{
	struct timespec host;
	uint64_t zero, now;
	uint32_t *w;
	struct guest g;

	clock_make(&g);
	w = (uint32_t *)(g.ram + 0x20ffc); /* across two pages */
	EQUAL(set_msr(&g, MSR_KVM_WALL_CLOCK_NEW, 0x20ffc), 1);
	EQUAL(get_msr(&g, MSR_KVM_WALL_CLOCK_NEW), 0x20ffc);
	EQUAL(w[0] & 1, 0);
	CHECK(w[2] < 1000000000);
	zero = w[1] * 1000000000ULL + w[2];
	clock_gettime(CLOCK_REALTIME, &host);
	now = host.tv_sec * 1000000000ULL + host.tv_nsec;
	CHECK(zero <= now && zero + 60000000000 > now); /* the VM is younger than a minute */
	EQUAL(set_msr(&g, MSR_KVM_WALL_CLOCK, 0x30000), 1);
	CHECK(((uint32_t *)(g.ram + 0x30000))[1] != 0);
}

static void steal_time(void)
{
	struct kvm_steal_time *s;
	struct guest g;

	clock_make(&g);
	s = (struct kvm_steal_time *)(g.ram + 0x20000);
	memset(s, 0xff, sizeof(*s));
	EQUAL(set_msr(&g, MSR_KVM_STEAL_TIME, 0x20003), 0); /* reserved bit */
	EQUAL(set_msr(&g, MSR_KVM_STEAL_TIME, 0x20001), 1);
	EQUAL(get_msr(&g, MSR_KVM_STEAL_TIME), 0x20001);
	s->version = s->steal = 0;
	EQUAL(take_out(&g, 0x10), 2);
	CHECK(s->version >= 2 && !(s->version & 1));
	CHECK(s->steal < 60000000000);
}

static void clock_cpuid(void)
{
	struct kvm_cpuid2 *c = calloc(1, sizeof(*c) + 100 * sizeof(*c->entries));
	unsigned int features = 0;
	struct guest g;

	guest_make(&g, false);
	c->nent = 100;
	CHECK(ioctl(g.kvm, KVM_GET_SUPPORTED_CPUID, c) == 0);
	for (unsigned int i = 0; i < c->nent; i++)
		if (c->entries[i].function == KVM_CPUID_FEATURES)
			features = c->entries[i].eax;
	CHECK(features & 1 << KVM_FEATURE_CLOCKSOURCE);
	CHECK(features & 1 << KVM_FEATURE_CLOCKSOURCE2);
	CHECK(ioctl(g.kvm, KVM_CHECK_EXTENSION, KVM_CAP_ADJUST_CLOCK) & KVM_CLOCK_TSC_STABLE);
}

static void pit_state(void)
{
	struct kvm_pit_state2 s, t;
	struct guest g, bare;

	guest_make(&bare, false);
	REFUSED(ioctl(bare.vm, KVM_GET_PIT2, &s), ENXIO);
	guest_make(&g, true);
	CHECK(ioctl(g.vm, KVM_GET_PIT2, &s) == 0);
	EQUAL(s.channels[0].gate, 1);
	EQUAL(s.channels[2].gate, 0);
	s.channels[2].mode = 0;
	s.channels[2].rw_mode = 3;
	s.channels[2].count = 0x1234;
	CHECK(ioctl(g.vm, KVM_SET_PIT2, &s) == 0 && ioctl(g.vm, KVM_GET_PIT2, &t) == 0);
	EQUAL(t.channels[2].count, 0x1234);
	EQUAL(t.channels[2].mode, 0);
	memset(&s.channels, 0xa5, sizeof(s.channels));
	CHECK(ioctl(g.vm, KVM_SET_PIT2, &s) == 0); /* nonsense: nobody is harmed */
	REFUSED(ioctl(g.vm, KVM_SET_PIT2, NULL), EFAULT);
}

/*
 * The NMI's handler says 2; HLT ends for it. The IRET before is for Bochs 2.7, which leaves NMIs blocked for the
 * next machine when the last one ended in its handler (SDM 3C 26.3.2.1 has an entry set that anew).
 */
GUEST(nmi_guest, 16,
      "cli; xor %ax, %ax; mov %ax, %ds; mov %ax, %ss; pushf; push %cs\n"
      "push $1f - nmi_guest + 0x1000; iret; 1: movw $nmi_handler - nmi_guest + 0x1000, 8\n"
      "movw $0, 10; mov $1, %al; out %al, $0x10; 1: hlt; jmp 1b\n"
      "nmi_handler: mov $2, %al; out %al, $0x11; iret");
static void nmi(void)
{
	struct kvm_vcpu_events e;
	struct guest g;

	guest_make(&g, true);
	guest_code(&g, nmi_guest);
	EQUAL(take_out(&g, 0x10), 1);
	CHECK(ioctl(g.vcpu, KVM_NMI) == 0);
	CHECK(ioctl(g.vcpu, KVM_GET_VCPU_EVENTS, &e) == 0);
	EQUAL(take_out(&g, 0x11), 2);
	CHECK(ioctl(g.vcpu, KVM_GET_VCPU_EVENTS, &e) == 0);
	EQUAL(e.nmi.pending, 0);
	e.flags = KVM_VCPUEVENT_VALID_NMI_PENDING;
	e.nmi.pending = 1;
	e.nmi.masked = 0;
	CHECK(ioctl(g.vcpu, KVM_SET_VCPU_EVENTS, &e) == 0);
	EQUAL(take_out(&g, 0x11), 2);
}

static const struct test_case cases[] = {
	{ "kvmclock", kvmclock },
	{ "clock-is-set", clock_is_set },
	{ "wall-clock", wall_clock },
	{ "steal-time", steal_time },
	{ "clock-cpuid", clock_cpuid },
	{ "pit-state", pit_state },
	{ "nmi", nmi },
};
MAIN(cases)
