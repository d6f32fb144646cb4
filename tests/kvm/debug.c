/* SPDX-License-Identifier: MIT */
/* KVM_SET_GUEST_DEBUG: the monitor as a debugger of its guest, which does not notice. */
#include "kvm.h"

#define STEP (KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP)
#define BREAK (KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP)
#define HARD (KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP)

static int set_debug(struct guest *g, uint32_t control)
{
	struct kvm_guest_debug d = { .control = control };

	return ioctl(g->vcpu, KVM_SET_GUEST_DEBUG, &d);
}

static void take_step(struct guest *g)
{
	struct kvm_regs r;

	EQUAL(go(g), KVM_EXIT_DEBUG);
	CHECK(ioctl(g->vcpu, KVM_GET_REGS, &r) == 0);
	say("exception %u at +%llx dr6 %llx; rip +%llx flags %llx", g->run->debug.arch.exception,
	    g->run->debug.arch.pc - START, g->run->debug.arch.dr6, r.rip - START, r.rflags & 0x300);
}

static void arguments(void)
{
	struct guest g;

	guest_make(&g, false);
	SHOW(ioctl(g.vcpu, KVM_SET_GUEST_DEBUG, NULL));
	SHOW(set_debug(&g, 0));
	SHOW(set_debug(&g, KVM_GUESTDBG_SINGLESTEP)); /* without ENABLE: nothing */
	SHOW(set_debug(&g, STEP));
	SHOW(set_debug(&g, BREAK));
	SHOW(set_debug(&g, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP));
	SHOW(ioctl(g.vm, KVM_CHECK_EXTENSION, KVM_CAP_SET_GUEST_DEBUG));
	CHECK((ioctl(g.vm, KVM_CHECK_EXTENSION, KVM_CAP_SET_GUEST_DEBUG2) &
	       (STEP | BREAK | HARD)) == (STEP | BREAK | HARD));
}

GUEST(plain, 16, "nop; mov $5, %al; inc %ax; 1: dec %ax; jnz 1b; mov $7, %al; out %al, $0x10; hlt");
static void steps(void)
{
	struct guest g;

	guest_make(&g, false);
	guest_code(&g, plain);
	CHECK(set_debug(&g, STEP) == 0);
	for (int i = 0; i < 6; i++)
		take_step(&g);
	CHECK(set_debug(&g, 0) == 0);
	EQUAL(take_out(&g, 0x10), 7);
	EQUAL(go(&g), KVM_EXIT_HLT);
}

/* Instructions that the kernel does for the guest are steps, too; those that a device answers once it has. */
GUEST(served, 16, "cpuid; nop; out %al, $0x10; nop; in $0x11, %al; nop; hlt");
static void steps_of_exits(void)
{
	struct guest g;

	guest_make(&g, false);
	guest_code(&g, served);
	CHECK(set_debug(&g, STEP) == 0);
	take_step(&g);
	take_step(&g);
	take_out(&g, 0x10);
	take_step(&g);
	take_step(&g);
	EQUAL(go(&g), KVM_EXIT_IO);
	EQUAL(g.run->io.direction, KVM_EXIT_IO_IN);
	*(uint8_t *)io_data(&g) = 0x42;
	take_step(&g);
	take_step(&g);
	CHECK(set_debug(&g, 0) == 0);
	EQUAL(go(&g), KVM_EXIT_HLT);
}

/* Above 1 MiB: a load whose value the monitor brings, and an addition to what it brings. */
GUEST(loads, 16, "mov $0xffff, %ax; mov %ax, %ds; mov 0x10, %bl; add 0x10, %bl; hlt");
static void steps_of_device_memory(void)
{
	struct guest g;

	guest_make(&g, false);
	guest_code(&g, loads);
	CHECK(set_debug(&g, STEP) == 0);
	take_step(&g);
	take_step(&g);
	for (int i = 0; i < 2; i++) {
		EQUAL(go(&g), KVM_EXIT_MMIO);
		EQUAL(g.run->mmio.phys_addr, 0x100000);
		g.run->mmio.data[0] = 0x42;
		take_step(&g);
	}
}

/* A page that is not there yet, and device memory. */
GUEST(memory, 64, "mov %al, (0x30000); nop; mov (0xd0000000), %eax; nop; hlt");
static void steps_of_memory(void)
{
	struct guest g;

	guest_make(&g, false);
	memcpy(g.ram + START, memory, memory_end - memory);
	guest_long_mode(&g);
	*(uint64_t *)(g.ram + 0x81000 + 3 * 8) = 0xc0000000 | 0x83; /* the fourth GiB */
	CHECK(set_debug(&g, STEP) == 0);
	take_step(&g);
	take_step(&g);
	EQUAL(go(&g), KVM_EXIT_MMIO);
	take_step(&g);
}

/* The shadows of STI and MOV SS. */
GUEST(shadows, 16, "cli; sti; nop; nop; cli; mov %ss, %ax; mov %ax, %ss; nop; nop; hlt");
static void steps_in_shadows(void)
{
	struct guest g;

	guest_make(&g, false);
	guest_code(&g, shadows);
	CHECK(set_debug(&g, STEP) == 0);
	for (int i = 0; i < 6; i++)
		take_step(&g);
	CHECK(set_debug(&g, 0) == 0);
	EQUAL(go(&g), KVM_EXIT_HLT);
}

GUEST(count, 64, "mov $100, %rcx; 1: dec %rcx; jnz 1b; nop; hlt");
static void many_steps(void)
{
	unsigned int n = 0;
	struct guest g;

	guest_make(&g, false);
	memcpy(g.ram + START, count, count_end - count);
	guest_long_mode(&g);
	CHECK(set_debug(&g, STEP) == 0);
	while (g.ram[rip_of(&g)] != 0xf4) {
		EQUAL(go(&g), KVM_EXIT_DEBUG);
		n++;
	}
	EQUAL(n, 202);
	CHECK(set_debug(&g, KVM_GUESTDBG_SINGLESTEP) == 0);
	EQUAL(go(&g), KVM_EXIT_HLT);
}

GUEST(stop, 16, "nop; nop; mov $1, %al; out %al, $0x10; hlt");
GUEST(on_breakpoint, 16, "mov $2, %al; out %al, $0x10; hlt");
static void breakpoint(void)
{
	struct guest g;

	guest_make(&g, false);
	memcpy(g.ram + 0x2000, on_breakpoint, on_breakpoint_end - on_breakpoint);
	g.ram[13] = 0x20; /* vector 3: 0000:2000 */
	guest_code(&g, stop);
	g.ram[START + 1] = 0xcc;
	CHECK(set_debug(&g, BREAK) == 0);
	if (go(&g) != KVM_EXIT_DEBUG) { /* SVM in QEMU: INT3 passes */
		CHECK(!has_vmx());
		say("not seen");
		return;
	}
	EQUAL(g.run->debug.arch.exception, 3);
	EQUAL(g.run->debug.arch.pc, START + 1);
	EQUAL(go(&g), KVM_EXIT_DEBUG); /* it is there still */
	EQUAL(rip_of(&g), START + 1);
	g.ram[START + 1] = 0x90;
	EQUAL(take_out(&g, 0x10), 1);
	guest_code(&g, stop);
	g.ram[START + 1] = 0xcc;
	CHECK(set_debug(&g, 0) == 0); /* now it is the guest's own */
	EQUAL(take_out(&g, 0x10), 2);
}

/* ---- breakpoints of the hardware ---- */

static void set_breakpoints(struct guest *g, uint64_t dr0, uint64_t dr1, uint64_t dr7)
{
	struct kvm_guest_debug d = { .control = HARD, .arch.debugreg = { dr0, dr1, [7] = dr7 } };

	CHECK(ioctl(g->vcpu, KVM_SET_GUEST_DEBUG, &d) == 0);
}

/* False: SVM in QEMU, which does not look at the DR7 of a VMCB. */
static bool hits(struct guest *g)
{
	const struct kvm_debug_exit_arch *d = &g->run->debug.arch;

	if (go(g) != KVM_EXIT_DEBUG) {
		CHECK(!has_vmx());
		say("not seen");
		return false;
	}
	say("exception %u at +%llx dr6 %llx dr7 %llx", d->exception, d->pc - START, d->dr6, d->dr7);
	return true;
}

GUEST(touches, 16,
      "nop; mov $3, %al; mov %al, 0x6000; nop; mov 0x6004, %ax; nop; out %al, $0x10; hlt");
static void hardware_breakpoints(void)
{
	struct guest g;

	guest_make(&g, false);
	guest_code(&g, touches);
	set_breakpoints(&g, START + 1, 0x6000,
			0x40a | 1 << 20); /* to run that; to write this byte */
	if (!hits(&g))
		return;
	CHECK(g.ram[0x6000] == 0);
	EQUAL(rip_of(&g), START + 1);
	set_breakpoints(&g, START + 1, 0x6000, 0x408 | 1 << 20);
	hits(&g);
	EQUAL(g.ram[0x6000], 3);
	set_breakpoints(&g, 0x6004, 0, 0x402 | 7 << 16); /* to read or write these two bytes */
	hits(&g);
	CHECK(set_debug(&g, 0) == 0);
	take_out(&g, 0x10);
	EQUAL(go(&g), KVM_EXIT_HLT);
}

/* The guest has debug registers of its own meanwhile, and afterwards. */
GUEST(own_registers, 64,
      "mov %db0, %rax; out %al, $0x10; mov $0x77, %eax; mov %rax, %db0; mov %rax, %db3\n"
      "mov $0xffff0ff3, %eax; mov %rax, %db6; mov $0x700, %eax; mov %rax, %db7\n"
      "mov %db0, %rax; out %al, $0x10; mov %db6, %rax; out %al, $0x10; mov %db5, %rax\n"
      "shr $8, %rax; out %al, $0x10; out %al, $0x11; mov %db3, %rax; out %al, $0x10; hlt");
static void hardware_breakpoints_apart(void)
{
	struct kvm_debugregs d = { .db = { 0x55 }, .dr6 = 0xffff0ff0, .dr7 = 0x400 };
	struct guest g;

	guest_make(&g, false);
	memcpy(g.ram + START, own_registers, own_registers_end - own_registers);
	guest_long_mode(&g);
	CHECK(ioctl(g.vcpu, KVM_SET_DEBUGREGS, &d) == 0);
	set_breakpoints(&g, 0x50000, 0x50010, 0x40a);
	EQUAL(take_out(&g, 0x10), 0x55);
	EQUAL(take_out(&g, 0x10), 0x77);
	EQUAL(take_out(&g, 0x10), 0xf3);
	EQUAL(take_out(&g, 0x10), 7);
	EQUAL(take_out(&g, 0x11), 7);
	CHECK(ioctl(g.vcpu, KVM_GET_DEBUGREGS, &d) == 0);
	say("%llx %llx %llx %llx dr6 %llx dr7 %llx", d.db[0], d.db[1], d.db[2], d.db[3], d.dr6,
	    d.dr7);
	CHECK(set_debug(&g, 0) == 0);
	EQUAL(take_out(&g, 0x10), 0x77);
	CHECK(ioctl(g.vcpu, KVM_GET_DEBUGREGS, &d) == 0);
	say("%llx %llx %llx %llx dr6 %llx dr7 %llx", d.db[0], d.db[1], d.db[2], d.db[3], d.dr6,
	    d.dr7);
}

/* DR4 and DR5 are other names of DR6 and DR7, until CR4.DE: then they are #UD, whose handler goes on behind them. */
GUEST(on_undefined, 16, "out %al, $0x11; mov %sp, %bp; addw $3, (%bp); iret");
GUEST(other_names, 16,
      "xor %eax, %eax; mov %eax, %db4; mov %db5, %eax; shr $8, %eax; out %al, $0x10\n"
      "mov %cr4, %eax; or $8, %al; mov %eax, %cr4\n"
      "mov $1, %al; mov %db4, %eax; mov $2, %al; mov %eax, %db5; mov %db7, %eax; hlt");
static void other_names_of_registers(void)
{
	struct guest g;

	for (int watched = 0; watched < 2; watched++) {
		guest_make(&g, false);
		memcpy(g.ram + 0x2000, on_undefined, on_undefined_end - on_undefined);
		g.ram[25] = 0x20; /* vector 6: 0000:2000 */
		guest_code(&g, other_names);
		if (watched)
			set_breakpoints(&g, 0x50000, 0x50010, 0x40a);
		EQUAL(take_out(&g, 0x10), 4);
		EQUAL(take_out(&g, 0x11), 1);
		EQUAL(take_out(&g, 0x11), 2);
		EQUAL(go(&g), KVM_EXIT_HLT);
	}
}

/* The guest's own breakpoint: its handler of vector 1 says what is in DR6. */
GUEST(stops_itself, 16,
      "jmp 1f; mov %db6, %eax; out %al, $0x11; iret\n"
      "1: mov $0x6000, %eax; mov %eax, %db1; mov $0x100408, %eax; mov %eax, %db7; out %al, $0x12\n"
      "mov %db1, %eax; shr $8, %eax; out %al, $0x12\n"
      "mov %db7, %eax; shr $16, %eax; out %al, $0x12\n"
      "nop; mov %al, 0x6000; nop; out %al, $0x13\n"
      "mov $0x400, %eax; mov %eax, %db7; mov %al, 0x6000; hlt");
static void breakpoint_of_the_guest(void)
{
	struct kvm_debugregs d;
	struct guest g;

	guest_make(&g, false);
	guest_code(&g, stops_itself);
	*(uint32_t *)(g.ram + 4) = START + 2; /* vector 1 of the table at 0 */
	take_out(&g, 0x12);
	EQUAL(take_out(&g, 0x12), 0x60);
	EQUAL(take_out(&g, 0x12), 0x10);
	CHECK(ioctl(g.vcpu, KVM_GET_DEBUGREGS, &d) == 0);
	say("%llx %llx %llx %llx dr7 %llx", d.db[0], d.db[1], d.db[2], d.db[3], d.dr7);
	EQUAL(go(&g), KVM_EXIT_IO);
	if (g.run->io.port == 0x11) {
		say("hit: dr6 %x", *(uint8_t *)io_data(&g));
		take_out(&g, 0x13);
	} else { /* SVM in QEMU, whose guests have none (vmm/README.md) */
		CHECK(!has_vmx());
		say("not seen");
	}
	EQUAL(go(&g), KVM_EXIT_HLT);
}

static const struct test_case cases[] = {
	{ "arguments", arguments },
	{ "steps", steps },
	{ "steps-of-exits", steps_of_exits },
	{ "steps-of-device-memory", steps_of_device_memory },
	{ "steps-of-memory", steps_of_memory },
	{ "steps-in-shadows", steps_in_shadows },
	{ "many-steps", many_steps },
	{ "breakpoint", breakpoint },
	{ "hardware-breakpoints", hardware_breakpoints },
	{ "hardware-breakpoints-apart", hardware_breakpoints_apart },
	{ "other-names", other_names_of_registers },
	{ "breakpoint-of-the-guest", breakpoint_of_the_guest },
};
MAIN(cases)
