/* SPDX-License-Identifier: MIT */
/* Wrong calls: what each of the three kinds of descriptors refuses, and how. */
#include "kvm.h"

#include <sys/stat.h>

static void device_arguments(void)
{
	int kvm = open("/dev/kvm", O_RDWR);

	SHOW(ioctl(kvm, KVM_GET_API_VERSION, 1));
	SHOW(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 1));
	SHOW(ioctl(kvm, KVM_CREATE_VM, 99));
	SHOW(ioctl(kvm, KVM_CREATE_VM, -1L));
	SHOW(ioctl(kvm, _IO(KVMIO, 0xfe), 0));
	SHOW(ioctl(kvm, _IO(0x55, 0), 0));
}

/* Numbers that no call has; the argument is memory that could be written. */
static void no_such_call(void)
{
	static const unsigned int numbers[] = { 0, 1, _IO(0, 0xae), _IOR(0, 0, struct kvm_sregs),
						~0U };
	static uint8_t page[PAGE];
	struct guest g;

	guest_make(&g, false);
	for (unsigned int i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		SHOW(ioctl(g.kvm, numbers[i], page));
		SHOW(ioctl(g.vm, numbers[i], page));
		SHOW(ioctl(g.vcpu, numbers[i], page));
	}
	for (unsigned int i = 0; i < PAGE; i++)
		EQUAL(page[i], 0);
}

static void device_is_no_file(void)
{
	int kvm = open("/dev/kvm", O_RDWR);
	struct stat st;
	char c = 0;

	SHOW(read(kvm, &c, 1));
	SHOW(write(kvm, &c, 1));
	SHOW(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, kvm, 0) == MAP_FAILED ? -1 : 0);
	CHECK(fstat(kvm, &st) == 0);
	say("%s, %u:%u", S_ISCHR(st.st_mode) ? "character device" : "?",
	    (unsigned int)(st.st_rdev >> 8), (unsigned int)st.st_rdev & 0xff);
}

static void device_read_only(void)
{
	int kvm = open("/dev/kvm", O_RDONLY), vm;

	SHOW(ioctl(kvm, KVM_GET_API_VERSION, 0));
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	CHECK(vm >= 0);
	say("vm's flags: %#x, close on exec: %d", fcntl(vm, F_GETFL) & O_ACCMODE,
	    fcntl(vm, F_GETFD));
}

static void cpuid_sizes(void)
{
	struct kvm_cpuid2 *c = calloc(1, sizeof(*c) + 256 * sizeof(*c->entries));
	int kvm = open("/dev/kvm", O_RDWR);

	SHOW(ioctl(kvm, KVM_GET_SUPPORTED_CPUID, NULL));
	SHOW(ioctl(kvm, KVM_GET_SUPPORTED_CPUID, c));
	c->nent = 1;
	SHOW(ioctl(kvm, KVM_GET_SUPPORTED_CPUID, c));
	c->nent = 256;
	SHOW(ioctl(kvm, KVM_GET_SUPPORTED_CPUID, c));
	CHECK(c->nent > 5 && c->nent < 256);
	c->nent--;
	SHOW(ioctl(kvm, KVM_GET_SUPPORTED_CPUID, c));
	c->nent = 1000000; /* taken for as many as there can be */
	c = realloc(c, sizeof(*c) + 1000 * sizeof(*c->entries));
	SHOW(ioctl(kvm, KVM_GET_SUPPORTED_CPUID, c));
}

static void msr_list_sizes(void)
{
	struct kvm_msr_list *list = calloc(1, sizeof(*list) + 4 * 1000);
	int kvm = open("/dev/kvm", O_RDWR);
	bool tsc = false, star = false;

	SHOW(ioctl(kvm, KVM_GET_MSR_INDEX_LIST, NULL));
	SHOW(ioctl(kvm, KVM_GET_MSR_INDEX_LIST, list));
	CHECK(list->nmsrs > 5 && list->nmsrs < 1000);
	SHOW(ioctl(kvm, KVM_GET_MSR_INDEX_LIST, list));
	for (unsigned int i = 0; i < list->nmsrs; i++) {
		tsc |= list->indices[i] == 0x10;
		star |= list->indices[i] == 0xc0000081;
	}
	CHECK(tsc && star);
}

static void vm_arguments(void)
{
	struct guest g;
	char c = 0;

	guest_make(&g, false);
	SHOW(ioctl(g.vm, _IO(KVMIO, 0xfe), 0));
	SHOW(ioctl(g.vm, KVM_SET_USER_MEMORY_REGION, NULL));
	SHOW(ioctl(g.vm, KVM_IRQ_LINE, NULL));
	SHOW(ioctl(g.vm, KVM_SET_IDENTITY_MAP_ADDR, NULL));
	SHOW(read(g.vm, &c, 1));
	SHOW(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, g.vm, 0) == MAP_FAILED ? -1 : 0);
}

/* A call at the wrong door. */
static void wrong_descriptor(void)
{
	struct guest g;

	guest_make(&g, false);
	SHOW(ioctl(g.kvm, KVM_RUN, 0));
	SHOW(ioctl(g.kvm, KVM_CREATE_VCPU, 0));
	SHOW(ioctl(g.vm, KVM_RUN, 0));
	SHOW(ioctl(g.vm, KVM_CREATE_VM, 0));
	SHOW(ioctl(g.vm, KVM_GET_API_VERSION, 0));
	SHOW(ioctl(g.vcpu, KVM_CREATE_VCPU, 1));
	SHOW(ioctl(g.vcpu, KVM_GET_API_VERSION, 0));
	SHOW(ioctl(g.vcpu, KVM_CHECK_EXTENSION, KVM_CAP_IRQCHIP));
	SHOW(ioctl(1, KVM_GET_API_VERSION, 0));
	SHOW(ioctl(-1, KVM_GET_API_VERSION, 0));
}

static void vcpu_numbers(void)
{
	struct guest g;

	guest_make(&g, false);
	SHOW(ioctl(g.vm, KVM_CREATE_VCPU, 0));
	SHOW(ioctl(g.vm, KVM_CREATE_VCPU, 1000000));
	SHOW(ioctl(g.vm, KVM_CREATE_VCPU, -1L));
	CHECK(ioctl(g.vm, KVM_CREATE_VCPU, 3) >= 0); /* in any order */
	CHECK(ioctl(g.vm, KVM_CREATE_VCPU, 1) >= 0);
	SHOW(ioctl(g.vm, KVM_CREATE_VCPU, 3));
}

/* Each call of a vCPU with an argument that is nowhere. */
static void vcpu_null_arguments(void)
{
	struct guest g;

	guest_make(&g, true);
	SHOW(ioctl(g.vcpu, KVM_GET_REGS, NULL));
	SHOW(ioctl(g.vcpu, KVM_SET_REGS, NULL));
	SHOW(ioctl(g.vcpu, KVM_GET_SREGS, NULL));
	SHOW(ioctl(g.vcpu, KVM_SET_SREGS, NULL));
	SHOW(ioctl(g.vcpu, KVM_GET_FPU, NULL));
	SHOW(ioctl(g.vcpu, KVM_SET_FPU, NULL));
	SHOW(ioctl(g.vcpu, KVM_GET_MSRS, NULL));
	SHOW(ioctl(g.vcpu, KVM_SET_MSRS, NULL));
	SHOW(ioctl(g.vcpu, KVM_GET_LAPIC, NULL));
	SHOW(ioctl(g.vcpu, KVM_SET_LAPIC, NULL));
	SHOW(ioctl(g.vcpu, KVM_GET_MP_STATE, NULL));
	SHOW(ioctl(g.vcpu, KVM_SET_MP_STATE, NULL));
	SHOW(ioctl(g.vcpu, KVM_GET_VCPU_EVENTS, NULL));
	SHOW(ioctl(g.vcpu, KVM_SET_VCPU_EVENTS, NULL));
	SHOW(ioctl(g.vcpu, KVM_SET_CPUID2, NULL));
	SHOW(ioctl(g.vcpu, KVM_INTERRUPT, NULL));
}

static void run_arguments(void)
{
	struct guest g;
	char c = 0;

	guest_make(&g, false);
	SHOW(ioctl(g.vcpu, KVM_RUN, 1));
	SHOW(ioctl(g.vcpu, KVM_RUN, &g));
	SHOW(ioctl(g.vcpu, _IO(KVMIO, 0xfe), 0));
	SHOW(read(g.vcpu, &c, 1));
}

/* What the shared page may ask for. */
static void run_page_requests(void)
{
	struct guest g;

	guest_make(&g, false);
	g.run->kvm_valid_regs = 1UL << 63;
	SHOW(ioctl(g.vcpu, KVM_RUN, 0));
	g.run->kvm_valid_regs = 0;
	g.run->kvm_dirty_regs = 1UL << 63;
	SHOW(ioctl(g.vcpu, KVM_RUN, 0));
	g.run->kvm_dirty_regs = 0;
	g.run->cr8 = 16;
	SHOW(ioctl(g.vcpu, KVM_RUN, 0));
}

/* The page is there to the end of what KVM_GET_VCPU_MMAP_SIZE says, and not beyond. */
static void run_page_size(void)
{
	struct guest g;
	uint8_t *p;
	int status;

	guest_make(&g, false);
	for (size_t at = 0; at < g.run_size; at += PAGE)
		((volatile uint8_t *)g.run)[at] = 0;
	p = mmap(NULL, g.run_size + PAGE, PROT_READ, MAP_SHARED, g.vcpu, 0);
	say("longer map: %s", p == MAP_FAILED ? strerror(errno) : "made");
	if (fork() == 0)
		_exit(((volatile uint8_t *)p)[g.run_size]);
	CHECK(wait(&status) > 0);
	say("behind it: %s", WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "memory");
}

static void irqchip_order(void)
{
	struct kvm_pit_config pit = { 0 };
	struct guest g;
	int vm;

	guest_make(&g, false);
	SHOW(ioctl(g.vm, KVM_CREATE_IRQCHIP, 0)); /* a vCPU is there already */
	SHOW(ioctl(g.vm, KVM_CREATE_PIT2, &pit)); /* allowed: it interrupts nobody */
	vm = ioctl(g.kvm, KVM_CREATE_VM, 0);
	SHOW(ioctl(vm, KVM_CREATE_PIT2, &pit));
	SHOW(ioctl(vm, KVM_CREATE_IRQCHIP, 0));
	SHOW(ioctl(vm, KVM_CREATE_IRQCHIP, 0));
	SHOW(ioctl(vm, KVM_CREATE_PIT2, NULL));
	SHOW(ioctl(vm, KVM_CREATE_PIT2, &pit));
	SHOW(ioctl(vm, KVM_CREATE_PIT2, &pit));
}

static void no_irqchip(void)
{
	struct kvm_irq_level l = { .irq = 4 };
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };
	struct kvm_lapic_state lapic = { 0 };
	struct guest g;

	guest_make(&g, false);
	SHOW(ioctl(g.vm, KVM_IRQ_LINE, &l));
	SHOW(ioctl(g.vm, KVM_GET_IRQCHIP, &chip));
	SHOW(ioctl(g.vm, KVM_SET_IRQCHIP, &chip));
	SHOW(ioctl(g.vcpu, KVM_GET_LAPIC, &lapic));
	SHOW(ioctl(g.vcpu, KVM_SET_LAPIC, &lapic));
}

static void chip_numbers(void)
{
	struct kvm_irqchip chip = { .chip_id = 3 };
	struct guest g;

	guest_make(&g, true);
	SHOW(ioctl(g.vm, KVM_GET_IRQCHIP, &chip));
	SHOW(ioctl(g.vm, KVM_SET_IRQCHIP, &chip));
	SHOW(ioctl(g.vm, KVM_GET_IRQCHIP, NULL));
	SHOW(ioctl(g.vm, KVM_SET_IRQCHIP, NULL));
}

static void line_numbers(void)
{
	struct kvm_irq_level l = { .level = 1 };
	struct guest g;

	guest_make(&g, true);
	for (l.irq = 22; l.irq < 26; l.irq++)
		SHOW(ioctl(g.vm, KVM_IRQ_LINE, &l));
	l.irq = 5000;
	SHOW(ioctl(g.vm, KVM_IRQ_LINE, &l));
}

static void interrupt_numbers(void)
{
	struct kvm_interrupt i = { .irq = 256 };
	struct guest g, chips;

	guest_make(&g, false);
	SHOW(ioctl(g.vcpu, KVM_INTERRUPT, &i));
	i.irq = 32;
	SHOW(ioctl(g.vcpu, KVM_INTERRUPT, &i));
	guest_make(&chips, true);
	SHOW(ioctl(chips.vcpu, KVM_INTERRUPT, &i));
	i.irq = 256;
	SHOW(ioctl(chips.vcpu, KVM_INTERRUPT, &i));
}

static void another_process(void)
{
	struct kvm_regs r;
	struct guest g;
	int status;

	guest_make(&g, false);
	if (fork() == 0) {
		SHOW(ioctl(g.kvm, KVM_GET_API_VERSION, 0));
		SHOW(ioctl(g.vm, KVM_CHECK_EXTENSION, KVM_CAP_HLT));
		SHOW(ioctl(g.vm, KVM_CREATE_VCPU, 1));
		SHOW(ioctl(g.vcpu, KVM_GET_REGS, &r));
		SHOW(ioctl(g.vcpu, KVM_RUN, 0));
		fflush(stdout);
		_exit(0);
	}
	CHECK(wait(&status) > 0 && status == 0);
}

static void msr_counts(void)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry e[2];
	} m = { .head.nmsrs = 100000 };
	struct guest g;

	guest_make(&g, false);
	SHOW(ioctl(g.vcpu, KVM_GET_MSRS, &m));
	SHOW(ioctl(g.vcpu, KVM_SET_MSRS, &m));
	m.head.nmsrs = 0;
	SHOW(ioctl(g.vcpu, KVM_GET_MSRS, &m));
	SHOW(ioctl(g.vcpu, KVM_SET_MSRS, &m));
}

static void cpuid_counts(void)
{
	struct kvm_cpuid2 *c = calloc(1, sizeof(*c) + 300 * sizeof(*c->entries));
	struct guest g;

	guest_make(&g, false);
	c->nent = 100000;
	SHOW(ioctl(g.vcpu, KVM_SET_CPUID2, c));
	c->nent = 257;
	SHOW(ioctl(g.vcpu, KVM_SET_CPUID2, c));
	c->nent = 0;
	SHOW(ioctl(g.vcpu, KVM_SET_CPUID2, c));
}

static const struct test_case cases[] = {
	{ "device-arguments", device_arguments },
	{ "no-such-call", no_such_call },
	{ "device-is-no-file", device_is_no_file },
	{ "device-read-only", device_read_only },
	{ "cpuid-sizes", cpuid_sizes },
	{ "msr-list-sizes", msr_list_sizes },
	{ "vm-arguments", vm_arguments },
	{ "wrong-descriptor", wrong_descriptor },
	{ "vcpu-numbers", vcpu_numbers },
	{ "vcpu-null-arguments", vcpu_null_arguments },
	{ "run-arguments", run_arguments },
	{ "run-page-requests", run_page_requests },
	{ "run-page-size", run_page_size },
	{ "irqchip-order", irqchip_order },
	{ "no-irqchip", no_irqchip },
	{ "chip-numbers", chip_numbers },
	{ "line-numbers", line_numbers },
	{ "interrupt-numbers", interrupt_numbers },
	{ "another-process", another_process },
	{ "msr-counts", msr_counts },
	{ "cpuid-counts", cpuid_counts },
};
MAIN(cases)
