/* SPDX-License-Identifier: MIT */
/* State in and out: what a new vCPU has, what goes in and comes back, what is refused. */
#include "kvm.h"

static struct kvm_sregs get_sregs(struct guest *g)
{
	struct kvm_sregs s;

	CHECK(ioctl(g->vcpu, KVM_GET_SREGS, &s) == 0);
	return s;
}

/* Not the type: accessed or busy from the start is the vendor's choice. */
static void say_segment(const char *name, const struct kvm_segment *s)
{
	say("%s: %04x base %llx limit %x s %u dpl %u present %u avl %u l %u db %u g %u "
	    "unusable %u",
	    name, s->selector, s->base, s->limit, s->s, s->dpl, s->present, s->avl, s->l, s->db,
	    s->g, s->unusable);
}

static void new_general(void)
{
	struct kvm_regs r;
	struct guest g;

	guest_make(&g, false);
	CHECK(ioctl(g.vcpu, KVM_GET_REGS, &r) == 0);
	say("rax %llx rbx %llx rcx %llx rsi %llx rdi %llx rsp %llx rbp %llx r8 %llx r15 %llx",
	    r.rax, r.rbx, r.rcx, r.rsi, r.rdi, r.rsp, r.rbp, r.r8, r.r15);
	say("rip %llx rflags %llx rdx %llx", r.rip, r.rflags, r.rdx);
}

static void new_segments(void)
{
	struct kvm_sregs s;
	struct guest g;

	guest_make(&g, false);
	s = get_sregs(&g);
	say_segment("cs", &s.cs);
	say_segment("ds", &s.ds);
	say_segment("es", &s.es);
	say_segment("fs", &s.fs);
	say_segment("gs", &s.gs);
	say_segment("ss", &s.ss);
}

static void new_system_segments(void)
{
	struct kvm_sregs s;
	struct guest g;

	guest_make(&g, false);
	s = get_sregs(&g);
	say_segment("tr", &s.tr);
	say_segment("ldt", &s.ldt);
	say("gdt %llx %x idt %llx %x", s.gdt.base, s.gdt.limit, s.idt.base, s.idt.limit);
}

static void new_control(void)
{
	struct kvm_sregs s;
	struct guest g;

	guest_make(&g, false);
	s = get_sregs(&g);
	say("cr0 %llx cr2 %llx cr3 %llx cr4 %llx cr8 %llx efer %llx", s.cr0, s.cr2, s.cr3, s.cr4,
	    s.cr8, s.efer);
}

static void new_apic_base(void)
{
	struct guest g, second;
	struct kvm_sregs s;

	guest_make(&g, true);
	say("the first's %llx", (unsigned long long)get_sregs(&g).apic_base);
	second = g;
	second.vcpu = ioctl(g.vm, KVM_CREATE_VCPU, 1);
	s = get_sregs(&second);
	say("the second's %llx", s.apic_base);
}

static void new_fpu(void)
{
	struct kvm_fpu f;
	struct guest g;

	guest_make(&g, false);
	CHECK(ioctl(g.vcpu, KVM_GET_FPU, &f) == 0);
	say("fcw %x fsw %x ftwx %x mxcsr %x", f.fcw, f.fsw, f.ftwx, f.mxcsr);
}

static void new_events(void)
{
	struct kvm_vcpu_events e;
	struct guest g;

	guest_make(&g, false);
	CHECK(ioctl(g.vcpu, KVM_GET_VCPU_EVENTS, &e) == 0);
	say("exception %u %u %u, interrupt %u %u %u, nmi %u %u %u", e.exception.injected,
	    e.exception.nr, e.exception.has_error_code, e.interrupt.injected, e.interrupt.nr,
	    e.interrupt.shadow, e.nmi.injected, e.nmi.pending, e.nmi.masked);
	say("flags: shadow %d", !!(e.flags & KVM_VCPUEVENT_VALID_SHADOW));
}

static void new_mp_state(void)
{
	struct kvm_mp_state mp;
	struct guest g;
	int second;

	guest_make(&g, true);
	second = ioctl(g.vm, KVM_CREATE_VCPU, 1);
	CHECK(ioctl(g.vcpu, KVM_GET_MP_STATE, &mp) == 0);
	say("the first with chips %u", mp.mp_state);
	CHECK(ioctl(second, KVM_GET_MP_STATE, &mp) == 0);
	say("the second with chips %u", mp.mp_state);
	guest_make(&g, false);
	second = ioctl(g.vm, KVM_CREATE_VCPU, 1);
	CHECK(ioctl(second, KVM_GET_MP_STATE, &mp) == 0);
	say("the second without %u", mp.mp_state);
}

static void new_msrs(void)
{
	static const uint32_t list[] = { 0x174,      0x175,      0x176,      0x277,
					 0xc0000080, 0xc0000081, 0xc0000082, 0xc0000083,
					 0xc0000084, 0xc0000100, 0xc0000101, 0xc0000102 };
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry e;
	} m = { .head.nmsrs = 1 };
	struct guest g;

	guest_make(&g, false);
	for (unsigned int i = 0; i < sizeof(list) / sizeof(*list); i++) {
		m.e.index = list[i];
		CHECK(ioctl(g.vcpu, KVM_GET_MSRS, &m) == 1);
		say("%x: %llx", m.e.index, m.e.data);
	}
}

static void new_lapic(void)
{
	struct kvm_lapic_state l;
	struct guest g;

	guest_make(&g, true);
	CHECK(ioctl(g.vcpu, KVM_GET_LAPIC, &l) == 0);
	for (int at = 0x20; at < 0x400; at += 0x10) {
		uint32_t v = *(uint32_t *)(l.regs + at);

		if (v)
			say("%03x: %x", at, v);
	}
}

static void general_round_trip(void)
{
	struct kvm_regs in, out;
	struct guest g;

	guest_make(&g, false);
	memset(&in, 0xa5, sizeof(in));
	in.rip = 0x123456789a;
	in.rflags = 0x202;
	CHECK(ioctl(g.vcpu, KVM_SET_REGS, &in) == 0 && ioctl(g.vcpu, KVM_GET_REGS, &out) == 0);
	CHECK(!memcmp(&in, &out, sizeof(in)));
}

static void flags_register(void)
{
	static const uint64_t values[] = { 0, 2, 0xffffffff, 0x28, 0x200000, 0x3000, 0x20000 };
	struct kvm_regs r = { 0 };
	struct guest g;

	guest_make(&g, false);
	for (unsigned int i = 0; i < sizeof(values) / sizeof(*values); i++) {
		r.rflags = values[i];
		SHOW(ioctl(g.vcpu, KVM_SET_REGS, &r));
		CHECK(ioctl(g.vcpu, KVM_GET_REGS, &r) == 0);
		CHECK(r.rflags & 2);
		say("%llx: %llx", (unsigned long long)values[i], r.rflags & 0x3f7fd7);
	}
}

static void segment_round_trip(void)
{
	struct kvm_sregs s, t;
	struct guest g;

	guest_make(&g, false);
	s = get_sregs(&g);
	s.ds.base = 0x12340;
	s.ds.selector = 0x1234;
	s.es.limit = 0xffffffff;
	s.es.g = 1;
	s.fs.base = 0x7fff12345678;
	s.ldt.base = 0x4000;
	s.ldt.limit = 0x1f;
	s.tr.base = 0x5000;
	s.gdt.base = 0x777000;
	s.gdt.limit = 0x7f;
	s.idt.base = 0x888000;
	s.idt.limit = 0x3ff;
	CHECK(ioctl(g.vcpu, KVM_SET_SREGS, &s) == 0);
	t = get_sregs(&g);
	say_segment("ds", &t.ds);
	say_segment("es", &t.es);
	say_segment("fs", &t.fs);
	say("ldt %llx %x tr %llx gdt %llx %x idt %llx %x", t.ldt.base, t.ldt.limit, t.tr.base,
	    t.gdt.base, t.gdt.limit, t.idt.base, t.idt.limit);
}

static void control_round_trip(void)
{
	struct kvm_sregs s, t;
	struct guest g;

	guest_make(&g, false);
	guest_long_mode(&g);
	s = get_sregs(&g);
	s.cr2 = 0xdeadbeef000;
	s.cr3 = 0x123000;
	s.cr4 |= 0x80;
	s.cr0 |= 8;
	CHECK(ioctl(g.vcpu, KVM_SET_SREGS, &s) == 0);
	t = get_sregs(&g);
	say("cr0 %llx cr2 %llx cr3 %llx cr4 %llx efer %llx", t.cr0, t.cr2, t.cr3, t.cr4, t.efer);
	say_segment("cs", &t.cs);
}

/* One field of a state that is good otherwise. */
#define TRY(mode, change)                                                                          \
	do {                                                                                       \
		guest_make(&g, false);                                                             \
		mode;                                                                              \
		s = get_sregs(&g);                                                                 \
		change;                                                                            \
		say("%s: %s", #change, result(ioctl(g.vcpu, KVM_SET_SREGS, &s)));                  \
		guest_free(&g);                                                                    \
	} while (0)

static void refused_paging(void)
{
	struct kvm_sregs s;
	struct guest g;

	TRY(, s.cr0 |= 1UL << 31);
	TRY(, s.efer |= 1UL << 10);
	TRY(guest_long_mode(&g), s.efer &= ~(1UL << 10));
	TRY(guest_long_mode(&g), s.cr4 &= ~0x20UL);
	TRY(guest_long_mode(&g), s.cr0 &= ~(1UL << 31));
	TRY(guest_long_mode(&g), s.cr0 &= ~1UL);
}

static void refused_reserved_bits(void)
{
	struct kvm_sregs s;
	struct guest g;

	TRY(guest_long_mode(&g), s.cr4 |= 1UL << 31);
	TRY(guest_long_mode(&g), s.cr4 |= 1UL << 40);
	TRY(guest_long_mode(&g), s.efer |= 1UL << 40);
	TRY(guest_long_mode(&g), s.efer |= 2);
	TRY(guest_long_mode(&g), s.cr3 |= 1UL << 63);
}

/* After a refused state the old one is whole. */
static void refused_wholly(void)
{
	struct kvm_sregs s, before, after;
	struct guest g;

	guest_make(&g, false);
	before = s = get_sregs(&g);
	s.cr0 |= 1UL << 31;
	s.ds.selector = 0x55;
	s.cr3 = 0x7000;
	REFUSED(ioctl(g.vcpu, KVM_SET_SREGS, &s), EINVAL);
	after = get_sregs(&g);
	CHECK(!memcmp(&before, &after, sizeof(after)));
}

/* Linux tells a guest that uses SSE from one that does not: here it does. */
GUEST(uses_sse, 64, "movq %rax, %xmm1; fld1; out %al, $0x10; hlt");
static void fpu_round_trip(void)
{
	struct kvm_fpu in, out;
	struct guest g;

	guest_make(&g, false);
	memcpy(g.ram + START, uses_sse, uses_sse_end - uses_sse);
	guest_long_mode(&g);
	take_out(&g, 0x10);
	CHECK(ioctl(g.vcpu, KVM_GET_FPU, &in) == 0);
	for (int i = 0; i < 16; i++)
		memset(in.xmm[i], 0x10 + i, 16);
	for (int i = 0; i < 8; i++)
		memset(in.fpr[i], 0x40 + i, 10);
	in.fcw = 0x27f;
	in.mxcsr = 0x1fa0;
	in.ftwx = 0xff;
	CHECK(ioctl(g.vcpu, KVM_SET_FPU, &in) == 0);
	EQUAL(go(&g), KVM_EXIT_HLT);
	CHECK(ioctl(g.vcpu, KVM_GET_FPU, &out) == 0);
	CHECK(!memcmp(in.xmm, out.xmm, sizeof(in.xmm)));
	for (int i = 0; i < 8; i++)
		CHECK(!memcmp(in.fpr[i], out.fpr[i], 10));
	say("fcw %x mxcsr %x ftwx %x", out.fcw, out.mxcsr, out.ftwx);
}

static void mp_states(void)
{
	struct kvm_mp_state mp, got;
	struct guest g, chips;

	guest_make(&g, false);
	guest_make(&chips, true);
	for (mp.mp_state = 0; mp.mp_state < 12; mp.mp_state++) {
		say("%u without chips: %s", mp.mp_state,
		    result(ioctl(g.vcpu, KVM_SET_MP_STATE, &mp)));
		say("%u with chips: %s", mp.mp_state,
		    result(ioctl(chips.vcpu, KVM_SET_MP_STATE, &mp)));
		CHECK(ioctl(chips.vcpu, KVM_GET_MP_STATE, &got) == 0);
		say("it is %u", got.mp_state);
	}
}

static void events_refused(void)
{
	struct kvm_vcpu_events e = { .flags = 1U << 20 };
	struct guest g;

	guest_make(&g, false);
	SHOW(ioctl(g.vcpu, KVM_SET_VCPU_EVENTS, &e));
	e = (struct kvm_vcpu_events){ .exception = { .injected = 1, .nr = 32 } };
	SHOW(ioctl(g.vcpu, KVM_SET_VCPU_EVENTS, &e));
	e.exception.nr = 2; /* the NMI is no exception */
	SHOW(ioctl(g.vcpu, KVM_SET_VCPU_EVENTS, &e));
	e.exception.nr = 6;
	SHOW(ioctl(g.vcpu, KVM_SET_VCPU_EVENTS, &e));
}

static void events_round_trip(void)
{
	struct kvm_vcpu_events e = {
		.exception = { .injected = 1, .nr = 13, .has_error_code = 1, .error_code = 0x1234 }
	};
	struct guest g;

	guest_make(&g, false);
	guest_long_mode(&g);
	CHECK(ioctl(g.vcpu, KVM_SET_VCPU_EVENTS, &e) == 0);
	CHECK(ioctl(g.vcpu, KVM_GET_VCPU_EVENTS, &e) == 0);
	say("exception %u %u %u %x", e.exception.injected, e.exception.nr,
	    e.exception.has_error_code, e.exception.error_code);
	e = (struct kvm_vcpu_events){ .interrupt = { .injected = 1, .nr = 0x44 } };
	CHECK(ioctl(g.vcpu, KVM_SET_VCPU_EVENTS, &e) == 0);
	CHECK(ioctl(g.vcpu, KVM_GET_VCPU_EVENTS, &e) == 0);
	say("interrupt %u %x, exception %u", e.interrupt.injected, e.interrupt.nr,
	    e.exception.injected);
}

/* KVM_SET_REGS takes an exception away that was to be delivered. */
static void events_and_registers(void)
{
	struct kvm_vcpu_events e = { .exception = { .injected = 1, .nr = 6 } };
	struct kvm_regs r;
	struct guest g;

	guest_make(&g, false);
	CHECK(ioctl(g.vcpu, KVM_SET_VCPU_EVENTS, &e) == 0);
	CHECK(ioctl(g.vcpu, KVM_GET_REGS, &r) == 0 && ioctl(g.vcpu, KVM_SET_REGS, &r) == 0);
	CHECK(ioctl(g.vcpu, KVM_GET_VCPU_EVENTS, &e) == 0);
	say("exception pending %u injected %u", e.exception.pending, e.exception.injected);
}

static int set_msr(struct guest *g, uint32_t index, uint64_t value)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry e;
	} m = { .head.nmsrs = 1, .e = { .index = index, .data = value } };

	return ioctl(g->vcpu, KVM_SET_MSRS, &m);
}

static uint64_t get_msr(struct guest *g, uint32_t index)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry e;
	} m = { .head.nmsrs = 1, .e.index = index };

	if (ioctl(g->vcpu, KVM_GET_MSRS, &m) != 1)
		return 0xbad;
	return m.e.data;
}

static void msr_round_trip(void)
{
	static const uint32_t list[] = { 0xc0000082, 0xc0000083, 0xc0000100, 0xc0000101,
					 0xc0000102 };
	struct guest g;

	guest_make(&g, false);
	guest_long_mode(&g);
	for (unsigned int i = 0; i < sizeof(list) / sizeof(*list); i++) {
		EQUAL(set_msr(&g, list[i], 0xffff812345678000 + i), 1);
		EQUAL(get_msr(&g, list[i]), 0xffff812345678000 + i);
	}
	EQUAL(set_msr(&g, 0xc0000081, 0x0023001000000000), 1);
	EQUAL(get_msr(&g, 0xc0000081), 0x0023001000000000);
	EQUAL(set_msr(&g, 0xc0000084, 0x47700), 1);
	EQUAL(get_msr(&g, 0xc0000084), 0x47700);
}

static void msr_not_canonical(void)
{
	static const uint32_t list[] = { 0xc0000082, 0xc0000083, 0xc0000100, 0xc0000101,
					 0xc0000102 };
	struct guest g;

	guest_make(&g, false);
	for (unsigned int i = 0; i < sizeof(list) / sizeof(*list); i++)
		say("%x: %d", list[i], set_msr(&g, list[i], 0x8000000000000000));
}

static void msr_pat(void)
{
	struct guest g;

	guest_make(&g, false);
	SHOW(set_msr(&g, 0x277, 0x0007010600070106));
	say("%llx", (unsigned long long)get_msr(&g, 0x277));
	SHOW(set_msr(&g, 0x277, 0x0007010600070102)); /* 2 is no type of memory */
	SHOW(set_msr(&g, 0x277, 0x08));
	say("%llx", (unsigned long long)get_msr(&g, 0x277));
}

static void msr_efer(void)
{
	struct guest g;

	guest_make(&g, false);
	guest_long_mode(&g);
	SHOW(set_msr(&g, 0xc0000080, 0xd01));
	say("%llx", (unsigned long long)get_msr(&g, 0xc0000080));
	SHOW(set_msr(&g, 0xc0000080, 0xd02));
	SHOW(set_msr(&g, 0xc0000080, 1UL << 40));
	say("%llx", (unsigned long long)get_msr(&g, 0xc0000080));
}

static void msr_unknown(void)
{
	struct guest g;

	guest_make(&g, false);
	SHOW(set_msr(&g, 0x12345678, 0));
	say("%llx", (unsigned long long)get_msr(&g, 0x12345678));
}

static void msr_apic_base(void)
{
	struct guest g;

	guest_make(&g, true);
	guest_long_mode(&g); /* CPUID says how wide an address is */
	say("%llx", (unsigned long long)get_msr(&g, 0x1b));
	SHOW(set_msr(&g, 0x1b, 0xfee00100)); /* off */
	say("%llx", (unsigned long long)get_msr(&g, 0x1b));
	SHOW(set_msr(&g, 0x1b, 0xfee00901));
	SHOW(set_msr(&g, 0x1b, 1UL << 60 | 0xfee00900));
	say("%llx", (unsigned long long)get_msr(&g, 0x1b));
}

static const struct test_case cases[] = {
	{ "new-general", new_general },
	{ "new-segments", new_segments },
	{ "new-system-segments", new_system_segments },
	{ "new-control", new_control },
	{ "new-apic-base", new_apic_base },
	{ "new-fpu", new_fpu },
	{ "new-events", new_events },
	{ "new-mp-state", new_mp_state },
	{ "new-msrs", new_msrs },
	{ "new-lapic", new_lapic },
	{ "general-round-trip", general_round_trip },
	{ "flags-register", flags_register },
	{ "segment-round-trip", segment_round_trip },
	{ "control-round-trip", control_round_trip },
	{ "refused-paging", refused_paging },
	{ "refused-reserved-bits", refused_reserved_bits },
	{ "refused-wholly", refused_wholly },
	{ "fpu-round-trip", fpu_round_trip },
	{ "mp-states", mp_states },
	{ "events-refused", events_refused },
	{ "events-round-trip", events_round_trip },
	{ "events-and-registers", events_and_registers },
	{ "msr-round-trip", msr_round_trip },
	{ "msr-not-canonical", msr_not_canonical },
	{ "msr-pat", msr_pat },
	{ "msr-efer", msr_efer },
	{ "msr-unknown", msr_unknown },
	{ "msr-apic-base", msr_apic_base },
};
MAIN(cases)
