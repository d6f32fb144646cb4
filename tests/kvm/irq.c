/* SPDX-License-Identifier: MIT */
/* Interrupts: from the monitor, from the local APIC's timer, between vCPUs. */
#include "kvm.h"

/* Real mode, PIC at vectors 0x20: the handler of line 4 says 0x24 and ends the interrupt. */
GUEST(pic_guest, 16,
      "cli; xor %ax, %ax; mov %ax, %ds; mov %ax, %es; mov %ax, %ss\n"
      "mov $0x11, %al; out %al, $0x20; mov $0x20, %al; out %al, $0x21; mov $4, %al; out %al, "
      "$0x21\n"
      "mov $1, %al; out %al, $0x21; mov $0xef, %al; out %al, $0x21\n"
      "movw $pic_handler - pic_guest + 0x1000, 0x24 * 4; movw $0, 0x24 * 4 + 2\n"
      "mov $1, %al; out %al, $0x10; sti\n"
      "1: hlt; jmp 1b\n"
      "pic_handler: mov $0x24, %al; out %al, $0x10; mov $0x20, %al; out %al, $0x20; iret");
static void irq_line(struct guest *g, unsigned int irq, int level)
{
	struct kvm_irq_level l = { .irq = irq, .level = level };

	CHECK(ioctl(g->vm, KVM_IRQ_LINE, &l) == 0);
}
static void pic_line(void)
{
	struct guest g;

	guest_make(&g, true);
	guest_code(&g, pic_guest);
	EQUAL(take_out(&g, 0x10), 1);
	irq_line(&g, 4, 1);
	EQUAL(take_out(&g, 0x10), 0x24);
	irq_line(&g, 4, 0);
	irq_line(&g, 4, 1);
	EQUAL(take_out(&g, 0x10), 0x24);
}

static void *raise_later(void *arg)
{
	usleep(50000);
	irq_line(arg, 4, 1);
	return NULL;
}
static void wakes_from_hlt(void)
{
	pthread_t thread;
	struct guest g;

	guest_make(&g, true);
	guest_code(&g, pic_guest);
	EQUAL(take_out(&g, 0x10), 1);
	CHECK(pthread_create(&thread, NULL, raise_later, &g) == 0);
	EQUAL(take_out(&g, 0x10), 0x24);
	pthread_join(thread, NULL);
}

/*
 * PIT channel 0 in mode 2 at about 1 kHz through line 0: the handler counts to 20, or past it when the
 * machine is so slow that a tick comes in every instruction.
 */
GUEST(pit_guest, 16,
      "cli; xor %ax, %ax; mov %ax, %ds; mov %ax, %ss; xor %bx, %bx\n"
      "mov $0x11, %al; out %al, $0x20; mov $0x20, %al; out %al, $0x21; mov $4, %al; out %al, "
      "$0x21\n"
      "mov $1, %al; out %al, $0x21; mov $0xfe, %al; out %al, $0x21\n"
      "movw $pit_handler - pit_guest + 0x1000, 0x20 * 4; movw $0, 0x20 * 4 + 2\n"
      "mov $0x34, %al; out %al, $0x43; mov $0xa9, %al; out %al, $0x40; mov $4, %al; out %al, "
      "$0x40; sti\n"
      "1: hlt; cmp $20, %bx; jb 1b; mov $20, %al; out %al, $0x10; cli; hlt\n"
      "pit_handler: inc %bx; mov $0x20, %al; out %al, $0x20; iret");
static void pit_ticks(void)
{
	struct guest g;

	guest_make(&g, true);
	guest_code(&g, pit_guest);
	EQUAL(take_out(&g, 0x10), 20);
}

GUEST(apic_handler, 64, "inc %r15; movl $0, (%r14); iretq");
void apic_setup(struct guest *g)
{
	uint64_t *idt = (uint64_t *)(g->ram + 0x3000) + 2 * 0x40, handler = 0x4000;
	struct kvm_sregs s;

	memcpy(g->ram + handler, apic_handler, apic_handler_end - apic_handler);
	idt[0] = handler | 8 << 16 | 0x8eULL << 40;
	((uint64_t *)(g->ram + 0x2800))[1] = 0x00af9b000000ffff;
	((uint64_t *)(g->ram + 0x2800))[2] = 0x00cf93000000ffff;
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

#define APIC_ON                                                                                    \
	"mov $0xfee000b0, %r14; mov $0xfee00000, %r13; xor %r15, %r15; movl $0x1ff, 0xf0(%r13)\n"
GUEST(timer_guest, 64,
      APIC_ON
      "movl $0xb, 0x3e0(%r13); movl $0x20040, 0x320(%r13); movl $1000000, 0x380(%r13); sti\n"
      "1: hlt; cmp $10, %r15; jb 1b; mov $10, %al; out %al, $0x10\n"
      /* it stops; a tick that is pending still comes in before the one shot is counted */
      "cli; movl $0, 0x380(%r13); sti; nop; nop; cli; mov $10, %r15\n"
      /* seconds are left to find it counting, however slow the machine is */
      "movl $0x40, 0x320(%r13); movl $-1, 0x380(%r13); mov 0x390(%r13), %eax\n"
      "test %eax, %eax; setnz %al; out %al, $0x10; movl $1000000, 0x380(%r13)\n"
      "sti; 2: pause; mov 0x390(%r13), %eax; test %eax, %eax; jnz 2b\n"
      "3: pause; cmp $11, %r15; jb 3b; out %al, $0x10; cli; hlt");
static void apic_timer(void)
{
	struct guest g;

	guest_make(&g, true);
	memcpy(g.ram + START, timer_guest, timer_guest_end - timer_guest);
	guest_long_mode(&g);
	apic_setup(&g);
	EQUAL(take_out(&g, 0x10), 10);
	EQUAL(take_out(&g, 0x10), 1);
	EQUAL(take_out(&g, 0x10), 0);
}

/* An IPI to itself waits for STI, and for the task priority to fall. */
GUEST(self_ipi, 64,
      APIC_ON
      "cli; movl $0x40040, 0x300(%r13); mov %r15b, %al; out %al, $0x10\n"
      "movl $0x50, 0x80(%r13); sti; nop; nop; mov %r15b, %al; out %al, $0x10\n"
      "movl $0, 0x80(%r13); nop; nop; mov %r15b, %al; out %al, $0x10\n"
      /* CR8 before the IPI: QEMU 7.2 dies of a CR8 that Linux's KVM lets through while one waits */
      "cli; mov $5, %eax; mov %rax, %cr8; movl $0x40040, 0x300(%r13); sti; nop\n"
      "mov %r15b, %al; out %al, $0x10; xor %eax, %eax; mov %rax, %cr8; nop; mov %r15b, %al\n"
      "out %al, $0x10; cli; hlt");
static void apic_self_ipi(void)
{
	struct guest g;

	guest_make(&g, true);
	memcpy(g.ram + START, self_ipi, self_ipi_end - self_ipi);
	guest_long_mode(&g);
	apic_setup(&g);
	EQUAL(take_out(&g, 0x10), 0);
	EQUAL(take_out(&g, 0x10), 0);
	EQUAL(take_out(&g, 0x10), 1);
	EQUAL(take_out(&g, 0x10), 1);
	EQUAL(take_out(&g, 0x10), 2);
}

/* vCPU 0 starts vCPU 1 with INIT and SIPI; it says its word and writes memory that vCPU 0 waits for. */
GUEST(boot_second, 64,
      APIC_ON
      "movl $0x01000000, 0x310(%r13); movl $0x4500, 0x300(%r13); movl $0x01000000, 0x310(%r13)\n"
      "movl $0x4605, 0x300(%r13)\n"
      "1: pause; cmpb $0x99, (0x6000); jne 1b; mov $2, %al; out %al, $0x10; cli; hlt");
GUEST(second_cpu, 16,
      "xor %ax, %ax; mov %ax, %ds; mov $0x77, %al; out %al, $0x12; movb $0x99, 0x6000; cli; 1: "
      "hlt; jmp 1b");
static int second_vcpu;
static void *run_second(void *arg)
{
	struct guest *g = arg, own = *g;

	own.vcpu = second_vcpu;
	own.run = mmap(NULL, g->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, second_vcpu, 0);
	EQUAL(take_out(&own, 0x12), 0x77);
	ioctl(own.vcpu, KVM_RUN, 0);
	return NULL;
}
static void start_second_vcpu(void)
{
	pthread_t thread;
	struct guest g;

	guest_make(&g, true);
	memcpy(g.ram + START, boot_second, boot_second_end - boot_second);
	memcpy(g.ram + 0x5000, second_cpu, second_cpu_end - second_cpu);
	guest_long_mode(&g);
	apic_setup(&g);
	second_vcpu = ioctl(g.vm, KVM_CREATE_VCPU, 1);
	CHECK(second_vcpu >= 0);
	CHECK(pthread_create(&thread, NULL, run_second, &g) == 0);
	EQUAL(take_out(&g, 0x10), 2);
}

/* Without chips in the kernel the monitor injects: KVM_INTERRUPT when the guest is ready. */
GUEST(window, 16,
      "cli; xor %ax, %ax; mov %ax, %ds; mov %ax, %ss; movw $window_handler - window + 0x1000, 0x30 "
      "* 4\n"
      "movw $0, 0x30 * 4 + 2; mov $1, %al; out %al, $0x10; sti; 1: jmp 1b\n"
      "window_handler: mov $0x30, %al; out %al, $0x10; iret");
static void user_interrupt(void)
{
	struct kvm_interrupt i = { .irq = 0x30 };
	struct guest g;

	guest_make(&g, false);
	guest_code(&g, window);
	EQUAL(take_out(&g, 0x10), 1);
	g.run->request_interrupt_window = 1;
	EQUAL(go(&g), KVM_EXIT_IRQ_WINDOW_OPEN);
	EQUAL(g.run->ready_for_interrupt_injection, 1);
	g.run->request_interrupt_window = 0;
	CHECK(ioctl(g.vcpu, KVM_INTERRUPT, &i) == 0);
	EQUAL(take_out(&g, 0x10), 0x30);
}

static const struct test_case cases[] = {
	{ "pic-line", pic_line },
	{ "wakes-from-hlt", wakes_from_hlt },
	{ "pit-ticks", pit_ticks },
	{ "apic-timer", apic_timer },
	{ "apic-self-ipi", apic_self_ipi },
	{ "start-second-vcpu", start_second_vcpu },
	{ "user-interrupt", user_interrupt },
};
MAIN(cases)
