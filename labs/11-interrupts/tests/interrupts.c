/* SPDX-License-Identifier: MIT */
/*
 * The tests of lab 11, one a name: interrupts NAME. Each makes a guest of a few instructions through
 * /dev/kvm; on a Linux with KVM they print the same. Lines go up while the guest stands at an OUT, so
 * that nothing depends on time: what comes next is the guest's next OUT, and heard() says what it must be.
 * `interrupts measure` is no test: it prints what an interrupt costs.
 */
#include "../../../tests/kvm/kvm.h"

#define HERE 0x55 /* the main program says so, again and again */
#define IF 0x202

/* The next bytes that the guest says at port 0x10. */
#define heard(g, ...)                                                                              \
	do {                                                                                       \
		static const uint8_t _want[] = { __VA_ARGS__ };                                    \
		hear(g, __LINE__, _want, sizeof(_want));                                           \
	} while (0)
static void hear(struct guest *g, int line, const uint8_t *want, size_t n)
{
	char expected[100] = "", got[100] = "";
	bool same = true;

	for (size_t i = 0; i < n && same; i++) {
		unsigned int c = take_out(g, 0x10);

		same = c == want[i];
		sprintf(expected + strlen(expected), " %02x", want[i]);
		sprintf(got + strlen(got), " %02x", c);
	}
	if (!same)
		fail("line %d: the guest says: expected%s, got%s", line, expected, got);
}

static void irq(struct guest *g, unsigned int gsi, int level)
{
	struct kvm_irq_level l = { .irq = gsi, .level = level };

	CHECK(ioctl(g->vm, KVM_IRQ_LINE, &l) == 0);
}

static struct kvm_irqchip chip(struct guest *g, unsigned int id)
{
	struct kvm_irqchip c = { .chip_id = id };

	CHECK(ioctl(g->vm, KVM_GET_IRQCHIP, &c) == 0);
	return c;
}

/* Both PICs as the guest would set them up: vectors from 0x20, all lines open; elcr: those of level kind. */
static void pic_setup(struct guest *g, uint8_t imr, uint8_t elcr)
{
	for (unsigned int id = KVM_IRQCHIP_PIC_MASTER; id <= KVM_IRQCHIP_PIC_SLAVE; id++) {
		struct kvm_irqchip c = chip(g, id);

		c.chip.pic.irq_base = 0x20 + 8 * id;
		c.chip.pic.imr = imr;
		c.chip.pic.elcr = id ? 0 : elcr;
		CHECK(ioctl(g->vm, KVM_SET_IRQCHIP, &c) == 0);
	}
}

static void set_flags(struct guest *g, uint64_t rflags)
{
	struct kvm_regs r;

	CHECK(ioctl(g->vcpu, KVM_GET_REGS, &r) == 0);
	r.rflags = rflags;
	CHECK(ioctl(g->vcpu, KVM_SET_REGS, &r) == 0);
}

/* Real mode: the handler of vector n is at 0x2000 + 32 n and says n; with chips it ends the interrupt at both. */
GUEST(says, 16,
      "push %ax; mov $0, %al; out %al, $0x10; mov $0x20, %al; out %al, $0xa0; out %al, $0x20\n"
      "pop %ax; iret");
GUEST(says_only, 16, "push %ax; mov $0, %al; out %al, $0x10; pop %ax; iret");
static void handlers(struct guest *g, bool chips)
{
	for (unsigned int n = 0x20; n < 0x40; n++) {
		uint8_t *at = g->ram + 0x2000 + 32 * n;

		if (chips)
			memcpy(at, says, says_end - says);
		else
			memcpy(at, says_only, says_only_end - says_only);
		at[2] = n;
		((uint32_t *)g->ram)[n] = 0x2000 + 32 * n;
	}
}

GUEST(listens, 16, "1: mov $0x55, %al; out %al, $0x10; jmp 1b");
GUEST(opens, 16,
      "mov $1, %al; out %al, $0x10; mov $2, %al; out %al, $0x10\n"
      "mov $3, %al; sti; out %al, $0x10; mov $4, %al; out %al, $0x10; hlt");
#define START_GUEST(g, irqchip, name, flags)                                                       \
	do {                                                                                       \
		guest_make(g, irqchip);                                                            \
		guest_code(g, name);                                                               \
		handlers(g, irqchip);                                                              \
		set_flags(g, flags);                                                               \
		if (irqchip)                                                                       \
			pic_setup(g, 0, 0);                                                        \
	} while (0)

/* The wires, without any guest: what goes up is seen in IRR. */
static void lines(void)
{
	struct guest g;

	START_GUEST(&g, true, listens, 2);
	irq(&g, 4, 1);
	EQUAL(chip(&g, KVM_IRQCHIP_PIC_MASTER).chip.pic.irr & 0x10, 0x10);
	EQUAL(chip(&g, KVM_IRQCHIP_PIC_MASTER).chip.pic.isr, 0);
	irq(&g, 4, 0);
	irq(&g, 9, 1);
	EQUAL(chip(&g, KVM_IRQCHIP_PIC_SLAVE).chip.pic.irr & 2, 2);
	heard(&g, HERE, HERE); /* IF is off: nothing comes in */
}

/* ---- ports ---- */

GUEST(asks, 16, "in $0x60, %al; in $0x61, %ax; mov %eax, %ebx; in $0x62, %eax; hlt");
static void in(void)
{
	struct kvm_regs r = { .rip = START, .rsp = 0x8000, .rflags = 2, .rax = 0x1122334455667788 };
	struct guest g;

	guest_make(&g, false);
	guest_code(&g, asks);
	CHECK(ioctl(g.vcpu, KVM_SET_REGS, &r) == 0);
	EQUAL(go(&g), KVM_EXIT_IO);
	*(uint8_t *)io_data(&g) = 0xab;
	g.run->immediate_exit = 1; /* the answer is taken up, the guest does not run */
	REFUSED(ioctl(g.vcpu, KVM_RUN, 0), EINTR);
	g.run->immediate_exit = 0;
	CHECK(ioctl(g.vcpu, KVM_GET_REGS, &r) == 0);
	EQUAL(r.rax, 0x11223344556677ab);
	EQUAL(r.rip, START + 2);
	EQUAL(go(&g), KVM_EXIT_IO);
	*(uint16_t *)io_data(&g) = 0xcdef;
	EQUAL(go(&g), KVM_EXIT_IO);
	EQUAL(g.run->io.size, 4);
	*(uint32_t *)io_data(&g) = 0x99887766;
	EQUAL(go(&g), KVM_EXIT_HLT);
	CHECK(ioctl(g.vcpu, KVM_GET_REGS, &r) == 0);
	EQUAL(r.rbx, 0x5566cdef);
	EQUAL(r.rax, 0x99887766);
}

/* ---- the entry: chips in the monitor ---- */

static void inject(void)
{
	struct kvm_interrupt i = { .irq = 0x30 };
	struct guest g;

	START_GUEST(&g, false, listens, IF);
	heard(&g, HERE);
	EQUAL(g.run->ready_for_interrupt_injection, 1);
	CHECK(ioctl(g.vcpu, KVM_INTERRUPT, &i) == 0);
	heard(&g, 0x30, HERE, HERE);
}

static void window(void)
{
	struct kvm_interrupt i = { .irq = 0x31 };
	struct guest g;

	START_GUEST(&g, false, opens, 2);
	g.run->request_interrupt_window = 1;
	heard(&g, 1, 2);
	EQUAL(g.run->ready_for_interrupt_injection, 0);
	heard(&g, 3);
	EQUAL(go(&g), KVM_EXIT_IRQ_WINDOW_OPEN);
	EQUAL(g.run->ready_for_interrupt_injection, 1);
	g.run->request_interrupt_window = 0;
	CHECK(ioctl(g.vcpu, KVM_INTERRUPT, &i) == 0);
	heard(&g, 0x31, 4);
}

/* ---- the entry: chips in the kernel ---- */

static void waits_for_sti(void)
{
	struct guest g;

	START_GUEST(&g, true, opens, 2);
	heard(&g, 1);
	irq(&g, 4, 1);
	heard(&g, 2, 3, 0x24, 4);
}

/*
 * Handlers that never exit, and lines that end by themselves: the second one comes by the window, or late. In
 * the first round the memory that they touch is new to the hypervisor, and each touch is an exit.
 */
GUEST(counts, 16, "xor %bx, %bx; 1: nop; mov %bl, %al; out %al, $0x10; jmp 1b");
GUEST(add_one, 16, "inc %bx; iret");
static void two_at_once(void)
{
	struct kvm_irqchip c;
	struct guest g;

	START_GUEST(&g, true, counts, IF);
	memcpy(g.ram + 0x2000 + 32 * 0x24, add_one, add_one_end - add_one);
	memcpy(g.ram + 0x2000 + 32 * 0x25, add_one, add_one_end - add_one);
	c = chip(&g, KVM_IRQCHIP_PIC_MASTER);
	c.chip.pic.auto_eoi = 1;
	CHECK(ioctl(g.vm, KVM_SET_IRQCHIP, &c) == 0);
	heard(&g, 0);
	for (int round = 0; round < 2; round++) {
		for (int level = 0; level < 2; level++) {
			irq(&g, 4, level);
			irq(&g, 5, level);
		}
		EQUAL(take_out(&g, 0x10), 2 * round + 2);
	}
}

/* As if the instruction before had been an STI: one more comes before the interrupt. */
GUEST(steps, 16, "out %al, $0x10; out %al, $0x10; mov $1, %al; out %al, $0x10; hlt");
static void shadow(void)
{
	struct kvm_regs r = { .rip = START + 2, .rsp = 0x8000, .rflags = IF };
	struct kvm_vcpu_events e;
	struct guest g;

	START_GUEST(&g, true, steps, IF);
	heard(&g, 0);
	CHECK(ioctl(g.vcpu, KVM_SET_REGS, &r) == 0);
	CHECK(ioctl(g.vcpu, KVM_GET_VCPU_EVENTS, &e) == 0);
	e.flags = KVM_VCPUEVENT_VALID_SHADOW;
	e.interrupt.shadow = KVM_X86_SHADOW_INT_STI;
	CHECK(ioctl(g.vcpu, KVM_SET_VCPU_EVENTS, &e) == 0);
	irq(&g, 4, 1);
	heard(&g, 0, 0x24, 1);
}

/* ---- the PIC ---- */

static void pic_line(void)
{
	struct guest g;

	START_GUEST(&g, true, listens, IF);
	heard(&g, HERE);
	irq(&g, 4, 1);
	heard(&g, 0x24, HERE, HERE); /* an edge is one interrupt */
	irq(&g, 4, 0);
	irq(&g, 4, 1);
	heard(&g, 0x24, HERE);
}

static void pic_mask(void)
{
	struct guest g;

	START_GUEST(&g, true, listens, IF);
	pic_setup(&g, 0x10, 0);
	heard(&g, HERE);
	irq(&g, 4, 1);
	irq(&g, 5, 1);
	heard(&g, 0x25, HERE, HERE);
	pic_setup(&g, 0, 0);
	heard(&g, 0x24, HERE);
}

static void pic_order(void)
{
	struct guest g;

	START_GUEST(&g, true, listens, IF);
	heard(&g, HERE);
	irq(&g, 5, 1);
	irq(&g, 3, 1);
	irq(&g, 9, 1);
	irq(&g, 4, 1);
	irq(&g, 1, 1);
	heard(&g, 0x21, 0x29, 0x23, 0x24, 0x25, HERE);
}

/* Line 4's handler lets others in before its EOI: a better one comes, a worse one waits. */
GUEST(lets_in, 16,
      "mov $0x24, %al; out %al, $0x10; sti; nop; mov $0x44, %al; out %al, $0x10\n"
      "mov $0x20, %al; out %al, $0x20; mov $0x45, %al; out %al, $0x10; iret");
static void pic_nested(void)
{
	struct guest g;

	START_GUEST(&g, true, listens, IF);
	memcpy(g.ram + 0x2000 + 32 * 0x24, lets_in, lets_in_end - lets_in);
	heard(&g, HERE);
	irq(&g, 4, 1);
	heard(&g, 0x24);
	irq(&g, 5, 1);
	irq(&g, 3, 1);
	heard(&g, 0x23, 0x44, 0x25, 0x45, HERE);
}

/* A line of level kind asks as long as it is up. */
static void pic_level(void)
{
	struct guest g;

	START_GUEST(&g, true, listens, IF);
	pic_setup(&g, 0, 0x20);
	heard(&g, HERE);
	irq(&g, 5, 1);
	heard(&g, 0x25, 0x25, 0x25);
	irq(&g, 5, 0); /* the handler has not written its EOI yet */
	heard(&g, HERE, HERE);
}

/* ---- the local APIC, in 64-bit mode: r13 is its page ---- */

#define APIC_ON "mov $0xfee00000, %r13; movl $0x1ff, 0xf0(%r13)\n"
#define SELF(vector) "movl $0x400" #vector ", 0x300(%r13)\n" /* an IPI to itself */
#define OUT(n) "mov $" #n ", %al; out %al, $0x10\n"

/* The handler of vector n, at 0x4000 + 64 n, says n and writes EOI. */
GUEST(apic_says, 64,
      "push %rax; mov $0, %al; out %al, $0x10; movl $0, 0xb0(%r13); pop %rax; iretq");
static void apic_start(struct guest *g, const uint8_t *code, const uint8_t *end)
{
	uint64_t *gdt, *idt;
	struct kvm_sregs s;

	guest_make(g, true);
	pic_setup(g, 0xff, 0);
	memcpy(g->ram + START, code, end - code);
	guest_long_mode(g);
	gdt = (uint64_t *)(g->ram + 0x2800);
	gdt[1] = 0x00af9b000000ffff;
	gdt[2] = 0x00cf93000000ffff;
	idt = (uint64_t *)(g->ram + 0x3000);
	for (uint64_t n = 0x20; n < 0x80; n++) {
		uint64_t at = 0x4000 + 64 * n;

		memcpy(g->ram + at, apic_says, apic_says_end - apic_says);
		g->ram[at + 2] = n;
		idt[2 * n] = at | 8 << 16 | 0x8eULL << 40;
	}
	((uint64_t *)(g->ram + 0x81000))[3] = 0x83000 | 3; /* the fourth GiB, for the APIC's page */
	for (uint64_t i = 0; i < 512; i++)
		((uint64_t *)(g->ram + 0x83000))[i] = (3UL << 30) + (i << 21) + 0x83;
	CHECK(ioctl(g->vcpu, KVM_GET_SREGS, &s) == 0);
	s.idt.base = 0x3000;
	s.idt.limit = 0xfff;
	s.gdt.base = 0x2800;
	s.gdt.limit = 0x17;
	CHECK(ioctl(g->vcpu, KVM_SET_SREGS, &s) == 0);
}
#define APIC_GUEST(g, name) apic_start(g, name, name##_end)

GUEST(twice, 64, APIC_ON "sti\n" SELF(40) OUT(1) SELF(40) OUT(2) "hlt");
static void apic_line(void)
{
	struct guest g;

	APIC_GUEST(&g, twice);
	heard(&g, 0x40, 1, 0x40, 2);
}

GUEST(three, 64, APIC_ON SELF(41) SELF(62) SELF(53) OUT(1) "sti; nop\n" OUT(2) "hlt");
static void apic_order(void)
{
	struct guest g;

	APIC_GUEST(&g, three);
	heard(&g, 1, 0x62, 0x53, 0x41, 2);
}

/* TPR 0x50: class 6 comes in, class 5 and below wait until it falls. */
GUEST(busy, 64,
      APIC_ON "movl $0x50, 0x80(%r13)\n" SELF(41) SELF(53) SELF(62) "sti; nop\n" OUT(
	      1) "mov 0xa0(%r13), %eax; out %al, $0x10; movl $0, "
		 "0x80(%r13)\n" OUT(2) "mov 0xa0(%r13), %eax; out %al, $0x10; hlt");
static void apic_tpr(void)
{
	struct guest g;

	APIC_GUEST(&g, busy);
	heard(&g, 0x62, 1, 0x50, 0x53, 0x41, 2, 0);
}

/* 0x45's handler lets others in before its EOI: not its own class, even a higher vector. */
GUEST(apic_lets_in, 64,
      OUT(0x45) SELF(4a) SELF(31) SELF(52) "sti; nop\n" OUT(
	      1) "mov 0xa0(%r13), %eax; out %al, $0x10; movl $0, 0xb0(%r13)\n" OUT(2) "iretq");
GUEST(one, 64, APIC_ON "sti\n" SELF(45) OUT(3) "hlt");
static void apic_nested(void)
{
	struct guest g;

	APIC_GUEST(&g, one);
	((uint64_t *)(g.ram + 0x3000))[2 * 0x45] = 0x1800 | 8 << 16 | 0x8eULL << 40;
	memcpy(g.ram + 0x1800, apic_lets_in, apic_lets_in_end - apic_lets_in);
	heard(&g, 0x45, 0x52, 1, 0x40, 0x4a, 0x31, 2, 3);
}

/* A wire of level kind at the I/O APIC: with the EOI it is looked at again. */
GUEST(apic_listens, 64, APIC_ON "sti; 1: " OUT(0x55) "jmp 1b");
static void ioapic_level(void)
{
	struct kvm_irqchip c;
	struct guest g;

	APIC_GUEST(&g, apic_listens);
	c = chip(&g, KVM_IRQCHIP_IOAPIC);
	c.chip.ioapic.redirtbl[10].bits = 0x8000 | 0x66; /* level, to APIC 0 */
	CHECK(ioctl(g.vm, KVM_SET_IRQCHIP, &c) == 0);
	heard(&g, HERE);
	irq(&g, 10, 1);
	heard(&g, 0x66, 0x66);
	irq(&g, 10, 0);
	heard(&g, HERE, HERE);
	irq(&g, 10, 1);
	heard(&g, 0x66);
}

/* ---- what it costs ---- */

#define ROUNDS 256
#define REPEAT(before, round)                                                                      \
	"9: mov $256, %r12d\n" before "1: " round "\ndec %r12d; jnz 1b; out %al, $0x10; jmp 9b"

GUEST(empty, 64, REPEAT("", "nop"));
GUEST(plain_exits, 64, REPEAT("", "xor %eax, %eax; cpuid"));
GUEST(page_exits, 64, REPEAT(APIC_ON, "movl $0, 0x80(%r13)"));
GUEST(ipis, 64, REPEAT(APIC_ON "sti\n", SELF(40)));
GUEST(late_ipis, 64, REPEAT(APIC_ON, "cli\n" SELF(40) "sti; nop"));
GUEST(quiet, 64, "movl $0, 0xb0(%r13); iretq");

static void measured(const char *what, uint64_t ticks)
{
	printf("%-52s %6llu\n", what, (unsigned long long)(ticks / ROUNDS));
}

static void measure_rounds(const char *what, const uint8_t *code, const uint8_t *end)
{
	uint64_t begin = 0;
	struct guest g;

	apic_start(&g, code, end);
	memcpy(g.ram + 0x4000 + 64 * 0x40, quiet, quiet_end - quiet);
	for (int i = 0; i < 2; i++) { /* the first time, its memory is new to the hypervisor */
		begin = __builtin_ia32_rdtsc();
		take_out(&g, 0x10);
	}
	measured(what, __builtin_ia32_rdtsc() - begin);
	guest_free(&g);
}

static void measure_lines(bool with)
{
	uint64_t begin = 0;
	struct guest g;

	START_GUEST(&g, true, listens, IF);
	for (int i = -1; i < ROUNDS; i++) {
		if (!i)
			begin = __builtin_ia32_rdtsc();
		if (with) {
			irq(&g, 4, 1);
			irq(&g, 4, 0);
			EQUAL(take_out(&g, 0x10), 0x24);
		}
		EQUAL(take_out(&g, 0x10), HERE);
	}
	measured(with ? "the same, and a wire up and down, handler, EOI"
		      : "OUT to the monitor and back",
		 __builtin_ia32_rdtsc() - begin);
	guest_free(&g);
}

#define MEASURE(what, name) measure_rounds(what, name, name##_end)

/* No test: ticks of the TSC for each of 256 rounds. */
static void measure(void)
{
	MEASURE("nothing", empty);
	MEASURE("CPUID: an exit and back", plain_exits);
	MEASURE("a write to TPR, in the APIC's page", page_exits);
	MEASURE("an IPI to itself, handler, EOI", ipis);
	MEASURE("the same, sent with IF clear; then STI", late_ipis);
	measure_lines(false);
	measure_lines(true);
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		{ "lines", lines },
		{ "in", in },
		{ "inject", inject },
		{ "window", window },
		{ "waits-for-sti", waits_for_sti },
		{ "two-at-once", two_at_once },
		{ "shadow", shadow },
		{ "pic-line", pic_line },
		{ "pic-mask", pic_mask },
		{ "pic-order", pic_order },
		{ "pic-nested", pic_nested },
		{ "pic-level", pic_level },
		{ "apic-line", apic_line },
		{ "apic-order", apic_order },
		{ "apic-tpr", apic_tpr },
		{ "apic-nested", apic_nested },
		{ "ioapic-level", ioapic_level },
		{ "measure", measure },
	};
	bool known = false;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]) && argc > 1; i++)
		known |= !strcmp(cases[i].name, argv[1]);
	if (argc > 1 && !known)
		return 2;
	return run_cases(cases, sizeof(cases) / sizeof(cases[0]), argv + 1) ? 1 : 0;
}
