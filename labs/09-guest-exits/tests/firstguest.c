/* SPDX-License-Identifier: MIT */
/*
 * The tests of lab 09, one a name: firstguest NAME. Each makes a guest of a few instructions through
 * /dev/kvm; on a Linux with KVM they print the same. tests/kvm/kvm.h says how guests are written.
 */
#include "../../../tests/kvm/kvm.h"

/* What does not enter a guest: works before anything of the lab is written. */
static void api(void)
{
	struct guest g;

	guest_make(&g, false);
	EQUAL(ioctl(g.kvm, KVM_GET_API_VERSION, 0), KVM_API_VERSION);
	CHECK(ioctl(g.kvm, KVM_CHECK_EXTENSION, KVM_CAP_USER_MEMORY) > 0);
	REFUSED(set_slot(g.vm, 1, 123, g.ram, PAGE), EINVAL);
	EQUAL(rip_of(&g), 0xfff0);
}

GUEST(halts, 16, "nop; nop; hlt");
static void enter(void)
{
	struct guest g;

	guest_make(&g, false);
	guest_code(&g, halts);
	EQUAL(go(&g), KVM_EXIT_HLT);
	EQUAL(rip_of(&g), START + 3);
}

/* Every general register goes in, is changed inside, and comes out. */
GUEST(adds, 64,
      "add $1, %rax; add $2, %rbx; add $3, %rcx; add $4, %rdx; add $5, %rsi; add $6, %rdi; add $7, "
      "%rbp\n"
      "add $8, %r8; add $9, %r9; add $10, %r10; add $11, %r11; add $12, %r12; add $13, %r13\n"
      "add $14, %r14; add $15, %r15; push %rax; stc; hlt");
static void registers(void)
{
	struct kvm_regs in = { .rip = START, .rsp = 0x70000, .rflags = 2 }, r;
	unsigned long long *reg = (unsigned long long *)&in;
	struct guest g;

	guest_make(&g, false);
	memcpy(g.ram + START, adds, adds_end - adds);
	guest_long_mode(&g);
	for (int i = 0; i < 16; i++) /* rax rbx rcx rdx rsi rdi rsp rbp r8 ... r15 */
		if (&reg[i] != &in.rsp)
			reg[i] = 0x1111111111111111 * i;
	CHECK(ioctl(g.vcpu, KVM_SET_REGS, &in) == 0);
	EQUAL(go(&g), KVM_EXIT_HLT);
	CHECK(ioctl(g.vcpu, KVM_GET_REGS, &r) == 0);
	EQUAL(r.rax, in.rax + 1);
	EQUAL(r.rbx, in.rbx + 2);
	EQUAL(r.rcx, in.rcx + 3);
	EQUAL(r.rdx, in.rdx + 4);
	EQUAL(r.rsi, in.rsi + 5);
	EQUAL(r.rdi, in.rdi + 6);
	EQUAL(r.rbp, in.rbp + 7);
	EQUAL(r.r8, in.r8 + 8);
	EQUAL(r.r9, in.r9 + 9);
	EQUAL(r.r10, in.r10 + 10);
	EQUAL(r.r11, in.r11 + 11);
	EQUAL(r.r12, in.r12 + 12);
	EQUAL(r.r13, in.r13 + 13);
	EQUAL(r.r14, in.r14 + 14);
	EQUAL(r.r15, in.r15 + 15);
	EQUAL(r.rsp, in.rsp - 8);
	EQUAL(r.rflags & 1, 1);
	EQUAL(*(uint64_t *)(g.ram + 0x70000 - 8), in.rax + 1);
}

GUEST(hello, 16,
      "mov $0x3f8, %dx; mov $0x48, %al; out %al, %dx; mov $0x69, %al; out %al, %dx\n"
      "mov $0x1122, %ax; out %ax, %dx; mov $0x55667788, %eax; out %eax, $0x80; hlt");
static void out(void)
{
	struct guest g;

	guest_make(&g, false);
	guest_code(&g, hello);
	EQUAL(take_out(&g, 0x3f8), 'H');
	EQUAL(take_out(&g, 0x3f8), 'i');
	EQUAL(go(&g), KVM_EXIT_IO);
	EQUAL(g.run->io.size, 2);
	EQUAL(*(uint16_t *)io_data(&g), 0x1122);
	EQUAL(go(&g), KVM_EXIT_IO);
	EQUAL(g.run->io.port, 0x80);
	EQUAL(g.run->io.size, 4);
	EQUAL(g.run->io.count, 1);
	EQUAL(*(uint32_t *)io_data(&g), 0x55667788);
	EQUAL(go(&g), KVM_EXIT_HLT);
}

GUEST(asks, 16,
      "mov $0x11111111, %eax; in $0x60, %al; mov %eax, %ebx; in $0x60, %ax; mov %eax, %ecx; hlt");
static void in(void)
{
	struct kvm_regs r;
	struct guest g;

	guest_make(&g, false);
	guest_code(&g, asks);
	EQUAL(go(&g), KVM_EXIT_IO);
	EQUAL(g.run->io.direction, KVM_EXIT_IO_IN);
	EQUAL(g.run->io.port, 0x60);
	*(uint8_t *)io_data(&g) = 0xab;
	EQUAL(go(&g), KVM_EXIT_IO);
	EQUAL(g.run->io.size, 2);
	*(uint16_t *)io_data(&g) = 0xcdef;
	EQUAL(go(&g), KVM_EXIT_HLT);
	CHECK(ioctl(g.vcpu, KVM_GET_REGS, &r) == 0);
	EQUAL((uint32_t)r.rbx, 0x111111ab);
	EQUAL((uint32_t)r.rcx, 0x1111cdef);
}

/* HLT without an interrupt controller is the monitor's; with one, the timer ends it. */
GUEST(waits, 16,
      "cli; mov $0x11, %al; out %al, $0x20; mov $0x20, %al; out %al, $0x21; mov $4, %al; out %al, "
      "$0x21\n"
      "mov $1, %al; out %al, $0x21; mov $0xfe, %al; out %al, $0x21\n" /* IRQ 0 alone, at vector 0x20 */
      "mov $0x34, %al; out %al, $0x43; mov $0xa9, %al; out %al, $0x40; mov $4, %al; out %al, "
      "$0x40\n"
      "xor %ax, %ax; mov %ax, %ds; movw $0x1800, 0x80; movw $0, 0x82\n" /* its handler: 0:0x1800 */
      "sti; 1: hlt; mov $0x77, %al; out %al, $0x10; jmp 1b");
GUEST(handler, 16, "mov $0x20, %al; out %al, $0x20; iret");
static void halt(void)
{
	struct guest g;

	guest_make(&g, false);
	guest_code(&g, halts);
	EQUAL(go(&g), KVM_EXIT_HLT);
	guest_free(&g);
	guest_make(&g, true);
	guest_code(&g, waits);
	memcpy(g.ram + 0x1800, handler, handler_end - handler);
	for (int i = 0; i < 3; i++)
		EQUAL(take_out(&g, 0x10), 0x77);
}

GUEST(names, 16, "mov $0x40000000, %eax; cpuid; mov %ebx, %eax; out %eax, $0x10; hlt");
static void cpuid(void)
{
	struct kvm_cpuid2 *c = calloc(1, sizeof(*c) + 100 * sizeof(*c->entries));
	struct guest g;

	guest_make(&g, false);
	guest_code(&g, names);
	c->nent = 100;
	CHECK(ioctl(g.kvm, KVM_GET_SUPPORTED_CPUID, c) == 0);
	CHECK(ioctl(g.vcpu, KVM_SET_CPUID2, c) == 0);
	EQUAL(go(&g), KVM_EXIT_IO);
	EQUAL(*(uint32_t *)io_data(&g), 0x4b4d564b); /* "KVMK" */
}

GUEST(dies, 16, "lidt %cs:(0x2000); int3");
static void triple(void)
{
	struct guest g;

	guest_make(&g, false);
	guest_code(&g, dies);
	EQUAL(go(&g), KVM_EXIT_SHUTDOWN);
}

static void nothing(int sig)
{
}

GUEST(spins, 16, "1: jmp 1b");
static void stop(void)
{
	struct sigaction sa = { .sa_handler = nothing };
	struct guest g;

	guest_make(&g, false);
	guest_code(&g, spins);
	sigaction(SIGALRM, &sa, NULL);
	alarm(1);
	REFUSED(ioctl(g.vcpu, KVM_RUN, 0), EINTR);
	EQUAL(g.run->exit_reason, KVM_EXIT_INTR);
	EQUAL(rip_of(&g), START);
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		{ "api", api },     { "enter", enter },   { "registers", registers },
		{ "out", out },     { "in", in },         { "halt", halt },
		{ "cpuid", cpuid }, { "triple", triple }, { "stop", stop },
	};

	return run_cases(cases, sizeof(cases) / sizeof(cases[0]), argv + 1) ? 1 : 0;
}
