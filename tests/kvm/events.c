/* SPDX-License-Identifier: MIT */
/* Interrupts and writes of a guest as eventfds: routes, MSI, irqfd, ioeventfd; and their misuse. */
#include "kvm.h"
#include <sys/eventfd.h>

/* 64 bits, local APIC on: says 1, then the low byte of r15 (interrupts so far) after each HLT. */
GUEST(msi_guest, 64,
      "mov $0xfee000b0, %r14; mov $0xfee00000, %r13; xor %r15, %r15; movl $0x1ff, 0xf0(%r13)\n"
      "movl $0x01000000, 0xd0(%r13); movl $0xffffffff, 0xe0(%r13)\n" /* logical id 1, flat */
      "mov $1, %al; out %al, $0x10; 1: sti; hlt; cli; mov %r15b, %al; out %al, $0x11; jmp 1b");
static void msi_make(struct guest *g)
{
	guest_make(g, true);
	memcpy(g->ram + START, msi_guest, msi_guest_end - msi_guest);
	guest_long_mode(g);
	apic_setup(g);
	EQUAL(take_out(g, 0x10), 1);
}

struct routing {
	struct kvm_irq_routing head;
	struct kvm_irq_routing_entry e[4];
};
static struct kvm_irq_routing_entry to_msi(unsigned int gsi, uint32_t address, uint32_t data)
{
	return (struct kvm_irq_routing_entry){ .gsi = gsi,
					       .type = KVM_IRQ_ROUTING_MSI,
					       .u.msi = { .address_lo = address, .data = data } };
}
static struct kvm_irq_routing_entry to_chip(unsigned int gsi, unsigned int chip, unsigned int pin)
{
	return (struct kvm_irq_routing_entry){ .gsi = gsi,
					       .type = KVM_IRQ_ROUTING_IRQCHIP,
					       .u.irqchip = { .irqchip = chip, .pin = pin } };
}
static int line_status(struct guest *g, unsigned int gsi, int level)
{
	struct kvm_irq_level l = { .irq = gsi, .level = level };

	CHECK(ioctl(g->vm, KVM_IRQ_LINE_STATUS, &l) == 0);
	return l.status;
}
static int irqfd(struct guest *g, int fd, unsigned int gsi, unsigned int flags)
{
	struct kvm_irqfd a = { .fd = fd, .gsi = gsi, .flags = flags };

	return ioctl(g->vm, KVM_IRQFD, &a);
}
static void signal_fd(int fd)
{
	uint64_t one = 1;

	CHECK(write(fd, &one, 8) == 8);
}
/* What was counted since the last time. */
static uint64_t count_of(int fd)
{
	uint64_t n;

	return read(fd, &n, 8) == 8 ? n : 0;
}
static int new_fd(void)
{
	int fd = eventfd(0, EFD_NONBLOCK);

	CHECK(fd >= 0);
	return fd;
}

static void signal_msi(void)
{
	struct kvm_msi m = { .address_lo = 0xfee00000, .data = 0x40 };
	struct guest g;

	msi_make(&g);
	EQUAL(ioctl(g.vm, KVM_SIGNAL_MSI, &m), 1);
	EQUAL(take_out(&g, 0x11), 1);
	m.address_lo = 0xfee01004; /* logical: the one with bit 0 */
	EQUAL(ioctl(g.vm, KVM_SIGNAL_MSI, &m), 1);
	EQUAL(take_out(&g, 0x11), 2);
	m.address_lo = 0xfeeff000; /* all */
	EQUAL(ioctl(g.vm, KVM_SIGNAL_MSI, &m), 1);
	EQUAL(take_out(&g, 0x11), 3);
	m.address_lo = 0xfee07000; /* no such CPU */
	CHECK(ioctl(g.vm, KVM_SIGNAL_MSI, &m) < 0);
	m.flags = 0x80;
	REFUSED(ioctl(g.vm, KVM_SIGNAL_MSI, &m), EINVAL);
	REFUSED(ioctl(g.vm, KVM_SIGNAL_MSI, NULL), EFAULT);
}

static void route_msi(void)
{
	struct routing r = {
		.head.nr = 2, .e = { to_msi(4095, 0xfee00000, 0x40), to_msi(30, 0xfee00000, 0x40) }
	};
	struct guest g;

	msi_make(&g);
	EQUAL(line_status(&g, 30, 1), -1); /* leads nowhere yet */
	CHECK(ioctl(g.vm, KVM_SET_GSI_ROUTING, &r) == 0);
	EQUAL(line_status(&g, 30, 1), 1);
	EQUAL(take_out(&g, 0x11), 1);
	EQUAL(line_status(&g, 30, 0), -1);
	EQUAL(line_status(&g, 4095, 1), 1);
	EQUAL(take_out(&g, 0x11), 2);
	EQUAL(line_status(&g, 4, 1), -1); /* the routes of before are gone */
	r.head.nr = 0;
	CHECK(ioctl(g.vm, KVM_SET_GSI_ROUTING, &r) == 0);
	EQUAL(line_status(&g, 30, 1), -1);
}

static void routing_errors(void)
{
	struct kvm_irq_routing *many = calloc(1, sizeof(*many) + 4097 * sizeof(*many->entries));
	struct routing r = { .head.nr = 1, .e = { to_msi(5, 0xfee00000, 0x40) } };
	struct guest g, bare;

	guest_make(&g, true);
	guest_make(&bare, false);
	REFUSED(ioctl(bare.vm, KVM_SET_GSI_ROUTING, &r), EINVAL);
	CHECK(ioctl(g.vm, KVM_SET_GSI_ROUTING, &r) == 0);
	r.head.flags = 1;
	REFUSED(ioctl(g.vm, KVM_SET_GSI_ROUTING, &r), EINVAL);
	r.head.flags = 0;
	r.e[0].gsi = 4096;
	REFUSED(ioctl(g.vm, KVM_SET_GSI_ROUTING, &r), EINVAL);
	r.e[0] = to_chip(5, KVM_IRQCHIP_IOAPIC, 24);
	REFUSED(ioctl(g.vm, KVM_SET_GSI_ROUTING, &r), EINVAL);
	r.e[0] = to_chip(5, KVM_IRQCHIP_PIC_SLAVE, 8);
	REFUSED(ioctl(g.vm, KVM_SET_GSI_ROUTING, &r), EINVAL);
	r.e[0] = to_chip(5, 3, 0);
	REFUSED(ioctl(g.vm, KVM_SET_GSI_ROUTING, &r), EINVAL);
	r.e[0].type = 77;
	REFUSED(ioctl(g.vm, KVM_SET_GSI_ROUTING, &r), EINVAL);
	r.head.nr = 2; /* a GSI leads to a chip once, and to a message alone */
	r.e[0] = r.e[1] = to_chip(5, KVM_IRQCHIP_IOAPIC, 5);
	REFUSED(ioctl(g.vm, KVM_SET_GSI_ROUTING, &r), EINVAL);
	r.e[1] = to_msi(5, 0xfee00000, 0x40);
	REFUSED(ioctl(g.vm, KVM_SET_GSI_ROUTING, &r), EINVAL);
	r.e[1] = to_chip(5, KVM_IRQCHIP_PIC_MASTER, 5);
	CHECK(ioctl(g.vm, KVM_SET_GSI_ROUTING, &r) == 0);
	many->nr = 4097;
	REFUSED(ioctl(g.vm, KVM_SET_GSI_ROUTING, many), EINVAL);
	many->nr = 4096;
	for (unsigned int i = 0; i < 4096; i++)
		many->entries[i] = to_msi(i, 0xfee00000, 0x40);
	CHECK(ioctl(g.vm, KVM_SET_GSI_ROUTING, many) == 0);
	REFUSED(ioctl(g.vm, KVM_SET_GSI_ROUTING, NULL), EFAULT);
	many = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(many != MAP_FAILED && munmap((char *)many + PAGE, PAGE) == 0);
	for (unsigned int i = 0; i < (PAGE - sizeof(*many)) / sizeof(*many->entries); i++)
		many->entries[i] = to_msi(i, 0xfee00000, 0x40);
	many->nr = 4000; /* ends in nothing */
	REFUSED(ioctl(g.vm, KVM_SET_GSI_ROUTING, many), EFAULT);
	many->nr = 0xffffffff;
	REFUSED(ioctl(g.vm, KVM_SET_GSI_ROUTING, many), EINVAL);
}

/* Real mode, PIC at 0x20, line 5 open and level-triggered: says 1, then 0x25 for each interrupt. */
GUEST(level_guest, 16,
      "cli; xor %ax, %ax; mov %ax, %ds; mov %ax, %ss; mov $0x20, %al; mov $0x4d0, %dx; out %al, "
      "%dx\n"
      "mov $0x11, %al; out %al, $0x20; mov $0x20, %al; out %al, $0x21; mov $4, %al; out %al, "
      "$0x21\n"
      "mov $1, %al; out %al, $0x21; mov $0xdf, %al; out %al, $0x21\n"
      "movw $level_handler - level_guest + 0x1000, 0x25 * 4; movw $0, 0x25 * 4 + 2\n"
      "mov $1, %al; out %al, $0x10; 1: sti; nop; cli; mov $2, %al; out %al, $0x12; jmp 1b\n"
      "level_handler: mov $0x25, %al; out %al, $0x11; mov $0x20, %al; out %al, $0x20; iret");
static void level_make(struct guest *g)
{
	guest_make(g, true);
	guest_code(g, level_guest);
	EQUAL(take_out(g, 0x10), 1);
}

static void line_states(void)
{
	struct guest g;

	level_make(&g);
	EQUAL(line_status(&g, 3, 1), -1); /* masked in both chips */
	EQUAL(line_status(&g, 3, 0), 1); /* the IOAPIC has always room for that */
	EQUAL(line_status(&g, 5, 1), 1);
	EQUAL(line_status(&g, 5, 1), 0); /* up already */
	EQUAL(take_out(&g, 0x11), 0x25);
	line_status(&g, 5, 0);
	EQUAL(take_out(&g, 0x12), 2);
	EQUAL(line_status(&g, 10000, 1), -1);
}

static void irqfd_edge(void)
{
	struct routing r = { .head.nr = 1, .e = { to_msi(30, 0xfee00000, 0x40) } };
	int fd = new_fd();
	struct guest g;

	msi_make(&g);
	CHECK(ioctl(g.vm, KVM_SET_GSI_ROUTING, &r) == 0);
	CHECK(irqfd(&g, fd, 30, 0) == 0);
	signal_fd(fd);
	EQUAL(count_of(fd), 0); /* taken */
	EQUAL(take_out(&g, 0x11), 1);
	REFUSED(irqfd(&g, fd, 31, 0), EBUSY);
	CHECK(irqfd(&g, fd, 31, KVM_IRQFD_FLAG_DEASSIGN) == 0); /* of another GSI: nothing */
	signal_fd(fd);
	EQUAL(take_out(&g, 0x11), 2);
	CHECK(irqfd(&g, fd, 30, KVM_IRQFD_FLAG_DEASSIGN) == 0);
	signal_fd(fd);
	signal_fd(fd);
	EQUAL(count_of(fd), 2);
	signal_fd(fd); /* signalled before: at once */
	CHECK(irqfd(&g, fd, 30, 0) == 0);
	EQUAL(take_out(&g, 0x11), 3);
}

static void *signal_often(void *arg)
{
	for (int i = 0; i < 200; i++)
		signal_fd(*(int *)arg);
	return NULL;
}
static void irqfd_wakes(void)
{
	struct routing r = { .head.nr = 1, .e = { to_msi(30, 0xfee00000, 0x40) } };
	int fd = new_fd(), last = 0;
	pthread_t thread;
	struct guest g;

	msi_make(&g);
	CHECK(ioctl(g.vm, KVM_SET_GSI_ROUTING, &r) == 0);
	CHECK(irqfd(&g, fd, 30, 0) == 0);
	CHECK(pthread_create(&thread, NULL, signal_often, &fd) == 0);
	last = take_out(&g, 0x11);
	CHECK(last >= 1);
	pthread_join(thread, NULL);
	signal_fd(fd);
	CHECK(take_out(&g, 0x11) > last);
}

static void irqfd_errors(void)
{
	int fd = new_fd(), pipes[2];
	struct guest g, bare;

	CHECK(pipe(pipes) == 0);
	guest_make(&g, true);
	guest_make(&bare, false);
	REFUSED(irqfd(&bare, fd, 5, 0), EINVAL);
	REFUSED(irqfd(&g, fd, 5, 0x80), EINVAL);
	REFUSED(irqfd(&g, -1, 5, 0), EBADF);
	REFUSED(irqfd(&g, 1000, 5, KVM_IRQFD_FLAG_DEASSIGN), EBADF);
	REFUSED(irqfd(&g, pipes[0], 5, 0), EINVAL);
	REFUSED(ioctl(g.vm, KVM_IRQFD, NULL), EFAULT);
	CHECK(irqfd(&g, fd, 0xffffffff, 0) == 0); /* leads nowhere */
	signal_fd(fd);
	EQUAL(count_of(fd), 0);
	CHECK(irqfd(&g, fd, 0xffffffff, KVM_IRQFD_FLAG_DEASSIGN) == 0);
	CHECK(irqfd(&g, fd, 0xffffffff, KVM_IRQFD_FLAG_DEASSIGN) == 0); /* as often as you like */
}

/* Writes 7 to a port as a byte, a word and 32 bits; then to memory that is not there. */
GUEST(writer, 16,
      "xor %ax, %ax; mov %ax, %ss; mov $0xf000, %ax; mov %ax, %ds\n"
      "1: mov $0x30, %dx; mov $7, %eax; out %al, %dx; out %ax, %dx; out %eax, %dx\n"
      "movb %al, 0; movw %ax, 0; movl %eax, 0; in %dx, %al\n"
      "mov $1, %al; out %al, $0x10; jmp 1b");
static void writer_make(struct guest *g)
{
	guest_make(g, false);
	CHECK(set_slot(g->vm, 0, 0, NULL, 0) == 0);
	CHECK(set_slot(g->vm, 0, 0, g->ram, 0x80000) == 0); /* 0xf0000 is nobody's */
	guest_code(g, writer);
}
static int ioeventfd(struct guest *g, int fd, uint64_t addr, unsigned int len, unsigned int flags,
		     uint64_t match)
{
	struct kvm_ioeventfd a = {
		.fd = fd, .addr = addr, .len = len, .flags = flags, .datamatch = match
	};

	return ioctl(g->vm, KVM_IOEVENTFD, &a);
}
/* One round of the writer: how many of its six writes and the read come to the monitor. */
static int exits_of_round(struct guest *g)
{
	int n = 0;

	for (;;) {
		unsigned int why = go(g);

		if (why == KVM_EXIT_IO && g->run->io.port == 0x10)
			return n;
		CHECK(why == KVM_EXIT_IO || why == KVM_EXIT_MMIO);
		n++;
	}
}
#define PIO KVM_IOEVENTFD_FLAG_PIO
#define MATCH KVM_IOEVENTFD_FLAG_DATAMATCH
#define GONE KVM_IOEVENTFD_FLAG_DEASSIGN

static void ioeventfd_port(void)
{
	int fd = new_fd(), other = new_fd();
	struct guest g;

	writer_make(&g);
	EQUAL(exits_of_round(&g), 7);
	CHECK(ioeventfd(&g, fd, 0x30, 2, PIO, 0) == 0);
	EQUAL(exits_of_round(&g), 6);
	EQUAL(count_of(fd), 1);
	CHECK(ioeventfd(&g, other, 0x30, 4, PIO | MATCH, 8) == 0);
	CHECK(ioeventfd(&g, fd, 0x30, 4, PIO | MATCH, 7) == 0);
	EQUAL(exits_of_round(&g), 5);
	EQUAL(count_of(fd), 2);
	EQUAL(count_of(other), 0);
	CHECK(ioeventfd(&g, fd, 0x30, 4, PIO | MATCH | GONE, 7) == 0);
	CHECK(ioeventfd(&g, fd, 0x30, 2, PIO | GONE, 0) == 0);
	CHECK(ioeventfd(&g, other, 0x30, 4, PIO | MATCH | GONE, 8) == 0);
	EQUAL(exits_of_round(&g), 7);
	CHECK(ioeventfd(&g, fd, 0x30, 0, PIO, 0) == 0); /* any length */
	EQUAL(exits_of_round(&g), 4);
	EQUAL(count_of(fd), 3);
	EQUAL(exits_of_round(&g), 4);
	EQUAL(count_of(fd), 3);
}

static void ioeventfd_memory(void)
{
	int fd = new_fd();
	struct guest g;

	writer_make(&g);
	CHECK(ioeventfd(&g, fd, 0xf0000, 1, 0, 0) == 0);
	CHECK(ioeventfd(&g, fd, 0xf0000, 4, MATCH, 7) == 0);
	EQUAL(exits_of_round(&g), 5);
	EQUAL(count_of(fd), 2);
	CHECK(ioeventfd(&g, fd, 0xf0000, 1, GONE, 0) == 0);
	CHECK(ioeventfd(&g, fd, 0xf0000, 4, MATCH | GONE, 7) == 0);
	CHECK(ioeventfd(&g, fd, 0xf0000, 0, 0, 0) == 0);
	EQUAL(exits_of_round(&g), 4);
	EQUAL(count_of(fd), 3);
}

static void ioeventfd_errors(void)
{
	int fd = new_fd();
	struct guest g;

	guest_make(&g, false);
	REFUSED(ioeventfd(&g, fd, 0x30, 3, PIO, 0), EINVAL);
	REFUSED(ioeventfd(&g, fd, 0x30, 16, PIO, 0), EINVAL);
	REFUSED(ioeventfd(&g, fd, 0x30, 0, PIO | MATCH, 0), EINVAL);
	REFUSED(ioeventfd(&g, fd, ~0UL, 2, 0, 0), EINVAL);
	REFUSED(ioeventfd(&g, fd, 0x30, 2, 0x100, 0), EINVAL);
	REFUSED(ioeventfd(&g, -1, 0x30, 2, PIO, 0), EBADF);
	REFUSED(ioeventfd(&g, 1, 0x30, 2, PIO, 0), EINVAL);
	REFUSED(ioctl(g.vm, KVM_IOEVENTFD, NULL), EFAULT);
	REFUSED(ioeventfd(&g, fd, 0x30, 2, PIO | GONE, 0), ENOENT);
	CHECK(ioeventfd(&g, fd, 0x30, 2, PIO | MATCH, 1) == 0);
	REFUSED(ioeventfd(&g, fd, 0x30, 2, PIO | MATCH, 1), EEXIST);
	REFUSED(ioeventfd(&g, fd, 0x30, 2, PIO, 0), EEXIST);
	REFUSED(ioeventfd(&g, fd, 0x30, 0, PIO, 0), EEXIST);
	CHECK(ioeventfd(&g, fd, 0x30, 2, PIO | MATCH, 2) == 0);
	CHECK(ioeventfd(&g, fd, 0x30, 4, PIO, 0) == 0);
	CHECK(ioeventfd(&g, fd, 0x30, 2, 0, 0) == 0); /* memory is another place */
	REFUSED(ioeventfd(&g, fd, 0x30, 2, PIO | MATCH | GONE, 3), ENOENT);
	REFUSED(ioeventfd(&g, new_fd(), 0x30, 4, PIO | GONE, 0), ENOENT);
	for (unsigned int i = 0;; i++) {
		CHECK(i < 2000);
		if (ioeventfd(&g, fd, 0x1000 + i, 1, PIO, 0) == 0)
			continue;
		EQUAL(errno, ENOSPC);
		break;
	}
}

/* Descriptors closed in every order; an eventfd that outlives its VM. */
static void closed_descriptors(void)
{
	struct routing r = { .head.nr = 1, .e = { to_msi(30, 0xfee00000, 0x40) } };
	int fd = new_fd(), other = new_fd(), last;
	struct guest g;

	msi_make(&g);
	CHECK(ioctl(g.vm, KVM_SET_GSI_ROUTING, &r) == 0);
	CHECK(irqfd(&g, fd, 30, 0) == 0);
	CHECK(ioeventfd(&g, other, 0x12, 1, PIO, 0) == 0);
	signal_fd(fd);
	EQUAL(take_out(&g, 0x11), 1);
	close(other);
	close(fd);
	for (int i = 0; i < 1000; i++) {
		fd = new_fd();
		CHECK(irqfd(&g, fd, 6, 0) == 0);
		signal_fd(fd);
		close(fd);
	}
	last = new_fd();
	CHECK(irqfd(&g, last, 7, 0) == 0);
	CHECK(ioeventfd(&g, last, 0x40, 1, PIO, 0) == 0);
	guest_free(&g);
	signal_fd(last);
	EQUAL(count_of(last), 1);
}

/* A monitor killed while its irqfd is armed and its guest runs; somebody else holds the eventfd. */
GUEST(forever, 16, "1: out %al, $0x30; jmp 1b");
static void killed_monitor(void)
{
	int fd = new_fd(), ready = new_fd(), status;
	pid_t pid = fork();

	if (pid == 0) {
		struct guest g;

		guest_make(&g, true);
		CHECK(irqfd(&g, fd, 5, 0) == 0);
		CHECK(ioeventfd(&g, ready, 0x30, 1, PIO, 0) == 0);
		guest_code(&g, forever);
		go(&g);
		_exit(1);
	}
	while (!count_of(ready))
		usleep(1000);
	for (int i = 0; i < 100; i++)
		signal_fd(fd);
	CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, &status, 0) == pid);
	CHECK(WIFSIGNALED(status));
	count_of(fd);
	signal_fd(fd);
	EQUAL(count_of(fd), 1); /* nobody takes it any more */
}

static const struct test_case cases[] = {
	{ "signal-msi", signal_msi },
	{ "route-msi", route_msi },
	{ "routing-errors", routing_errors },
	{ "line-states", line_states },
	{ "irqfd-edge", irqfd_edge },
	{ "irqfd-wakes", irqfd_wakes },
	{ "irqfd-errors", irqfd_errors },
	{ "ioeventfd-port", ioeventfd_port },
	{ "ioeventfd-memory", ioeventfd_memory },
	{ "ioeventfd-errors", ioeventfd_errors },
	{ "closed-descriptors", closed_descriptors },
	{ "killed-monitor", killed_monitor },
};
MAIN(cases)
