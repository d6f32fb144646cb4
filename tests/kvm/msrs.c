/* SPDX-License-Identifier: MIT */
/* MSRs that a guest reads and writes: x2APIC mode, the MTRRs, IA32_TSC_ADJUST. */
#include "kvm.h"

#define APIC_BASE 0x1b
#define TSC_ADJUST 0x3b
#define X2(offset) (0x800 + ((offset) >> 4))
#define BASE 0xfee00000UL
#define ON 0x800UL
#define X2APIC 0x400UL
#define ICR X2(0x300)

/* At START a write of RDX:RAX to the MSR in ECX, 0x20 on a read into RDX:RBX; #GP says 13. */
GUEST(accesses, 64,
      "wrmsr; mov $1, %al; out %al, $0x10; hlt; . = accesses + 0x20\n"
      "rdmsr; mov %eax, %ebx; mov $1, %al; out %al, $0x10; hlt; . = accesses + 0x40\n"
      "mov $13, %al; out %al, $0x10; hlt");

static void make(struct guest *g)
{
	guest_make(g, true);
	memcpy(g->ram + START, accesses, accesses_end - accesses);
	guest_long_mode(g);
	apic_setup(g);
	((uint64_t *)(g->ram + 0x3000))[2 * 13] = (START + 0x40) | 8 << 16 | 0x8eULL << 40;
}

/* What the guest gets: NULL when it was #GP. */
static const char *access_msr(struct guest *g, uint32_t msr, uint64_t value, bool write)
{
	static char text[24];
	struct kvm_regs r = { .rip = START + (write ? 0 : 0x20), .rsp = 0x70000, .rflags = 2 };

	r.rcx = msr;
	r.rax = (uint32_t)value;
	r.rdx = value >> 32;
	CHECK(ioctl(g->vcpu, KVM_SET_REGS, &r) == 0);
	if (take_out(g, 0x10) == 13)
		return "#GP";
	CHECK(ioctl(g->vcpu, KVM_GET_REGS, &r) == 0);
	snprintf(text, sizeof(text), "%llx", r.rdx << 32 | r.rbx);
	return write ? "ok" : text;
}

static void show_write(struct guest *g, uint32_t msr, uint64_t value)
{
	say("write %x %lx: %s", msr, value, access_msr(g, msr, value, true));
}

static void show_read(struct guest *g, uint32_t msr)
{
	say("read %x: %s", msr, access_msr(g, msr, 0, false));
}

static long move_msr(int vcpu, uint32_t index, uint64_t *value, bool set)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry e;
	} m = { .head.nmsrs = 1, .e = { .index = index, .data = *value } };
	long r = ioctl(vcpu, set ? KVM_SET_MSRS : KVM_GET_MSRS, &m);

	*value = m.e.data;
	return r;
}

static void host_write(struct guest *g, uint32_t index, uint64_t value)
{
	say("monitor writes %x %lx: %ld", index, value, move_msr(g->vcpu, index, &value, true));
}

static void host_read(struct guest *g, uint32_t index)
{
	uint64_t value = 0;
	long r = move_msr(g->vcpu, index, &value, false);

	say("monitor reads %x: %ld %lx", index, r, value);
}

/* ---- x2APIC mode ---- */

static void offered(void)
{
	struct kvm_cpuid2 *c = calloc(1, sizeof(*c) + 100 * sizeof(*c->entries));
	struct guest g;

	guest_make(&g, false);
	c->nent = 100;
	CHECK(ioctl(g.kvm, KVM_GET_SUPPORTED_CPUID, c) == 0);
	for (unsigned int i = 0; i < c->nent; i++) {
		const struct kvm_cpuid_entry2 *e = &c->entries[i];

		if (e->function == 1)
			say("x2APIC %u MTRR %u", e->ecx >> 21 & 1, e->edx >> 12 & 1);
		if (e->function == 7 && e->index == 0)
			say("TSC_ADJUST %u", e->ebx >> 1 & 1);
	}
}

static void transitions(void)
{
	static const uint64_t modes[] = { 0, ON, ON | X2APIC, X2APIC };
	struct guest g;

	make(&g);
	for (int from = 0; from < 3; from++)
		for (int to = 0; to < 4; to++) {
			uint64_t base = BASE | 0x100 | modes[from];

			EQUAL(move_msr(g.vcpu, APIC_BASE, &base, true), 1);
			show_write(&g, APIC_BASE, BASE | 0x100 | modes[to]);
			show_read(&g, APIC_BASE);
			host_write(&g, APIC_BASE, BASE | 0x100 | modes[to]);
		}
	show_write(&g, APIC_BASE, BASE | ON | 1); /* reserved */
	show_write(&g, APIC_BASE, BASE | ON | 1UL << 60);
}

/* Without the bit in CPUID there is no such mode. */
static void not_offered(void)
{
	struct kvm_cpuid2 c = { .nent = 0 };
	struct guest g;

	make(&g);
	CHECK(ioctl(g.vcpu, KVM_SET_CPUID2, &c) == 0);
	host_write(&g, APIC_BASE, BASE | ON | X2APIC);
}

static void enable(struct guest *g)
{
	uint64_t base = BASE | 0x100 | ON | X2APIC;

	EQUAL(move_msr(g->vcpu, APIC_BASE, &base, true), 1);
}

static void reads(void)
{
	struct guest g;

	make(&g);
	show_read(&g, X2(0x20)); /* in xAPIC mode */
	show_write(&g, X2(0x80), 0x20);
	enable(&g);
	for (unsigned int i = 0; i < 0x44; i++)
		if (i != 0x1f && i != 0x2f) /* SVR's focus bit, CMCI: CPUs differ */
			show_read(&g, 0x800 + i);
}

static void writes(void)
{
	static const struct {
		uint32_t offset;
		uint64_t value;
	} list[] = {
		{ 0x20, 1 },          { 0x30, 1 },        { 0x80, 0x50 },       { 0x80, 0x155 },
		{ 0x80, 1UL << 32 },  { 0xa0, 0 },        { 0xb0, 0 },          { 0xb0, 1UL << 32 },
		{ 0xd0, 1 },          { 0xe0, ~0U },      { 0xf0, 0x1ff },      { 0x100, 0 },
		{ 0x200, 0 },         { 0x280, 0 },       { 0x280, 1 },         { 0x310, 0 },
		{ 0x320, 0x10040 },   { 0x340, 0x10400 }, { 0x350, 0x10700 },   { 0x370, 0x100fe },
		{ 0x320, 1UL << 32 }, { 0x380, 0 },       { 0x380, 1UL << 32 }, { 0x390, 1 },
		{ 0x3e0, 0xb },       { 0x3f0, 0x40 },    { 0x3f0, 1UL << 32 }, { 0x400, 0 }
	};
	struct guest g;

	make(&g);
	enable(&g);
	for (unsigned int i = 0; i < sizeof(list) / sizeof(*list); i++) {
		show_write(&g, X2(list[i].offset), list[i].value);
		if (list[i].offset != 0x3f0)
			show_read(&g, X2(list[i].offset));
	}
	show_read(&g, X2(0x220)); /* the IPI to itself waits */
	host_write(&g, X2(0x80), 0x30);
	host_read(&g, X2(0x80));
	host_write(&g, X2(0x20), 1);
}

/* Reserved bits that Linux 6.1 lets pass, later ones and the manual do not. */
static void reserved(void)
{
	struct guest g;

	make(&g);
	enable(&g);
	show_write(&g, ICR, 1 << 13 | 0x40040);
	show_write(&g, ICR, 1 << 16 | 0x40040);
	show_write(&g, ICR, 1 << 20 | 0x40040);
	show_write(&g, X2(0x3f0), 0x140);
	show_write(&g, X2(0xb0), 1);
	show_write(&g, X2(0x3e0), 4);
}

/* The APIC's page is a hole in x2APIC mode, and when the APIC is off. */
GUEST(page, 64,
      "mov $0xfee00080, %rbx; movl $0x20, (%rbx); mov (%rbx), %eax; shr $4, %eax; out %al, $0x10; "
      "hlt");
static void memory_of(void)
{
	struct kvm_lapic_state l;
	struct guest g;

	for (int i = 0; i < 3; i++) {
		uint64_t base = BASE | 0x100 | (i > 0 ? ON : 0) | (i > 1 ? X2APIC : 0);

		make(&g);
		memcpy(g.ram + START, page, page_end - page);
		EQUAL(move_msr(g.vcpu, APIC_BASE, &base, true), 1);
		say("mode %d: %x", i, take_out(&g, 0x10));
		CHECK(ioctl(g.vcpu, KVM_GET_LAPIC, &l) == 0);
		say("task priority %x", (uint8_t)l.regs[0x80]);
	}
}

#define CPUS 3
/* vCPUs 0, 1 and 17, their APICs on, all in one mode. */
static void make_many(struct guest *g, int *vcpu, bool x2)
{
	make(g);
	for (int i = 0; i < CPUS; i++) {
		struct kvm_cpuid2 *c = calloc(1, sizeof(*c) + 100 * sizeof(*c->entries));
		uint64_t base = BASE | (i ? 0 : 0x100) | ON | (x2 ? X2APIC : 0);
		struct kvm_lapic_state l;

		c->nent = 100;
		vcpu[i] = i ? ioctl(g->vm, KVM_CREATE_VCPU, i == 2 ? 17 : i) : g->vcpu;
		CHECK(vcpu[i] >= 0);
		CHECK(ioctl(g->kvm, KVM_GET_SUPPORTED_CPUID, c) == 0);
		CHECK(ioctl(vcpu[i], KVM_SET_CPUID2, c) == 0);
		EQUAL(move_msr(vcpu[i], APIC_BASE, &base, true), 1);
		CHECK(ioctl(vcpu[i], KVM_GET_LAPIC, &l) == 0);
		*(uint32_t *)&l.regs[0xf0] = 0x1ff;
		CHECK(ioctl(vcpu[i], KVM_SET_LAPIC, &l) == 0);
		free(c);
	}
}

/* Who has got vector 0x40, by number; it is taken away again. */
static void show_taken(const char *what, const int *vcpu)
{
	char who[CPUS * 4] = "";

	for (int i = 0; i < CPUS; i++) {
		struct kvm_lapic_state l;

		CHECK(ioctl(vcpu[i], KVM_GET_LAPIC, &l) == 0);
		if (*(uint32_t *)&l.regs[0x220] & 1)
			strcat(who, i == 0 ? " 0" : i == 1 ? " 1" : " 17");
		*(uint32_t *)&l.regs[0x220] = 0;
		CHECK(ioctl(vcpu[i], KVM_SET_LAPIC, &l) == 0);
	}
	say("%s:%s", what, who);
}

static void destinations(void)
{
	static const uint64_t icrs[] = {
		0x40,
		1UL << 32 | 0x40,
		17UL << 32 | 0x40,
		0xffUL << 32 | 0x40,
		0xffffffffUL << 32 | 0x40,
		0x11UL << 56 | 0x40, /* physical */
		1UL << 32 | 0x840,
		3UL << 32 | 0x840,
		0x10002UL << 32 | 0x840,
		0x10003UL << 32 | 0x840,
		0x20002UL << 32 | 0x840,
		0xffffffffUL << 32 | 0x840, /* logical */
		0x40040,
		0x80040,
		0xc0040, /* shorthands */
	};
	int vcpu[CPUS];
	struct guest g;
	char what[40];

	make_many(&g, vcpu, true);
	for (unsigned int i = 0; i < sizeof(icrs) / sizeof(*icrs); i++) {
		show_write(&g, ICR, icrs[i]);
		show_read(&g, ICR);
		snprintf(what, sizeof(what), "ICR %lx", icrs[i]);
		show_taken(what, vcpu);
	}
	for (int i = 0; i < CPUS; i++) {
		struct kvm_lapic_state l;

		CHECK(ioctl(vcpu[i], KVM_GET_LAPIC, &l) == 0);
		say("KVM_GET_LAPIC: id %x ldr %x icr %x %x", *(uint32_t *)&l.regs[0x20],
		    *(uint32_t *)&l.regs[0xd0], *(uint32_t *)&l.regs[0x300],
		    *(uint32_t *)&l.regs[0x310]);
	}
}

/* Messages have 8 bits, of which 255 is everybody in both modes. */
static void messages(void)
{
	static const uint32_t low[] = { 0xfee00000, 0xfee01000, 0xfee11000, 0xfeeff000,
					0xfee01004, 0xfee03004, 0xfeeff004 };
	int vcpu[CPUS];
	struct guest g;
	char what[40];

	for (int x2 = 0; x2 < 2; x2++) {
		make_many(&g, vcpu, x2);
		for (unsigned int i = 0; i < sizeof(low) / sizeof(*low); i++) {
			struct kvm_msi m = { .address_lo = low[i], .data = 0x40 };
			struct kvm_irqchip c = { .chip_id = KVM_IRQCHIP_IOAPIC };
			struct kvm_irq_level l = { .irq = 5, .level = 1 };
			int n = ioctl(g.vm, KVM_SIGNAL_MSI, &m);

			snprintf(what, sizeof(what), "mode %d MSI %x to %d", x2, low[i], n);
			show_taken(what, vcpu);
			CHECK(ioctl(g.vm, KVM_GET_IRQCHIP, &c) == 0);
			c.chip.ioapic.redirtbl[5].bits =
				0x40 | (uint64_t)(low[i] << 12) << 32 | (low[i] & 4) << 9;
			CHECK(ioctl(g.vm, KVM_SET_IRQCHIP, &c) == 0);
			CHECK(ioctl(g.vm, KVM_IRQ_LINE, &l) == 0);
			l.level = 0;
			CHECK(ioctl(g.vm, KVM_IRQ_LINE, &l) == 0);
			snprintf(what, sizeof(what), "mode %d IOAPIC %x", x2, low[i]);
			show_taken(what, vcpu);
		}
	}
}

/* The timer, the end of an interrupt, an IPI to itself: by MSRs all of it. */
GUEST(handler, 64,
      "push %rax; push %rcx; push %rdx; inc %r15; xor %eax, %eax; xor %edx, %edx; mov $0x80b, "
      "%ecx\n"
      "wrmsr; pop %rdx; pop %rcx; pop %rax; iretq");
GUEST(works, 64,
      "xor %r15, %r15; xor %edx, %edx; mov $0x1ff, %eax; mov $0x80f, %ecx; wrmsr; sti\n"
      "mov $0x40, %eax; mov $0x83f, %ecx; wrmsr; nop; mov %r15b, %al; out %al, $0x10\n"
      "mov $0x40040, %eax; mov $0x830, %ecx; wrmsr; nop; mov %r15b, %al; out %al, $0x10\n"
      "mov $0xb, %eax; mov $0x83e, %ecx; wrmsr; mov $0x20040, %eax; mov $0x832, %ecx; wrmsr\n"
      "mov $1000000, %eax; mov $0x838, %ecx; wrmsr\n"
      "1: pause; cmp $5, %r15; jb 1b; xor %eax, %eax; wrmsr; mov $5, %al; out %al, $0x10; hlt");
static void works_by_msrs(void)
{
	struct guest g;

	make(&g);
	memcpy(g.ram + START, works, works_end - works);
	memcpy(g.ram + 0x4000, handler, handler_end - handler);
	enable(&g);
	EQUAL(take_out(&g, 0x10), 1);
	EQUAL(take_out(&g, 0x10), 2);
	EQUAL(take_out(&g, 0x10), 5);
}

/* ---- MTRRs ---- */

static void mtrrs(void)
{
	static const struct {
		uint32_t msr;
		uint64_t value;
	} list[] = {
		{ 0xfe, 0 },
		{ 0x2ff, 0xc06 },
		{ 0x2ff, 0xc02 },
		{ 0x2ff, 0x1c06 },
		{ 0x200, 0x80000006 },
		{ 0x200, 0x80000002 },
		{ 0x200, 0x80000106 },
		{ 0x200, 1UL << 60 },
		{ 0x201, 0xf80000800 },
		{ 0x201, 0xf80000400 },
		{ 0x201, 1UL << 60 },
		{ 0x20e, 0x5 },
		{ 0x20f, 0xfff000800 },
		{ 0x210, 0 },
		{ 0x250, 0x0606060606060606 },
		{ 0x250, 0x0606060606060206 },
		{ 0x251, 0 },
		{ 0x258, 0x0505050505050505 },
		{ 0x259, 0 },
		{ 0x25a, 0 },
		{ 0x268, 0x0101010101010101 },
		{ 0x26f, 0x0707070707070707 },
		{ 0x26f, 0x0404040404040404 },
		{ 0x270, 0 },
	};
	struct guest g;

	make(&g);
	show_read(&g, 0xfe);
	show_read(&g, 0x2ff);
	for (unsigned int i = 0; i < sizeof(list) / sizeof(*list); i++) {
		show_write(&g, list[i].msr, list[i].value);
		show_read(&g, list[i].msr);
	}
	host_read(&g, 0xfe);
	host_write(&g, 0xfe, 0x508);
	host_write(&g, 0x2ff, 0xc00);
	host_read(&g, 0x2ff);
	host_write(&g, 0x2ff, 0xc03);
}

/* ---- IA32_TSC_ADJUST ---- */

static uint64_t value_of(struct guest *g, uint32_t msr)
{
	return strtoull(access_msr(g, msr, 0, false), NULL, 16);
}

#define FAR (1UL << 50)
static void tsc_adjust(void)
{
	uint64_t value = FAR;
	struct guest g;

	make(&g);
	show_read(&g, TSC_ADJUST);
	show_write(&g, TSC_ADJUST, FAR);
	CHECK(value_of(&g, 0x10) >= FAR);
	show_write(&g, TSC_ADJUST, 0);
	CHECK(value_of(&g, 0x10) < FAR);
	show_write(&g, 0x10, 2 * FAR);
	CHECK(value_of(&g, TSC_ADJUST) > FAR && value_of(&g, 0x10) >= 2 * FAR);
	show_write(&g, TSC_ADJUST, 0);
	CHECK(value_of(&g, 0x10) < FAR);
	CHECK(move_msr(g.vcpu, TSC_ADJUST, &value, true) == 1);
	show_read(&g, TSC_ADJUST);
	CHECK(value_of(&g, 0x10) < FAR);
	value = 2 * FAR;
	CHECK(move_msr(g.vcpu, 0x10, &value, true) == 1);
	show_read(&g, TSC_ADJUST);
	CHECK(value_of(&g, 0x10) >= 2 * FAR);
}

static void listed(void)
{
	static const uint32_t asked[] = {
		0x10, TSC_ADJUST, 0xfe, 0x200, 0x250, 0x2ff, 0x808, 0x277
	};
	struct {
		struct kvm_msr_list head;
		uint32_t msr[600];
	} list = { .head.nmsrs = 600 };
	struct guest g;

	make(&g);
	CHECK(ioctl(g.kvm, KVM_GET_MSR_INDEX_LIST, &list) == 0);
	for (unsigned int i = 0; i < sizeof(asked) / sizeof(*asked); i++) {
		bool found = false;

		for (unsigned int j = 0; j < list.head.nmsrs; j++)
			found |= list.msr[j] == asked[i];
		say("%x %s", asked[i], found ? "is listed" : "is not");
	}
}

static const struct test_case cases[] = {
	{ "offered", offered },
	{ "transitions", transitions },
	{ "not-offered", not_offered },
	{ "x2apic-reads", reads },
	{ "x2apic-writes", writes },
	{ "x2apic-reserved", reserved },
	{ "apic-page", memory_of },
	{ "destinations", destinations },
	{ "messages", messages },
	{ "mtrrs", mtrrs },
	{ "tsc-adjust", tsc_adjust },
	{ "listed", listed },
	{ "works-by-msrs", works_by_msrs },
};
MAIN(cases)
