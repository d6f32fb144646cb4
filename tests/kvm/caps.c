/* SPDX-License-Identifier: MIT */
/* What KVM_CHECK_EXTENSION says: each capability is a check of its own. */
#include "kvm.h"

#define CAP(name)                                                                                  \
	{                                                                                          \
#name, KVM_CAP_##name                                                              \
	}
/* Not: those whose answer is the CPU's, and those of other architectures. */
static const struct {
	const char *name;
	int number;
} caps[] = {
	CAP(IRQCHIP),
	CAP(HLT),
	CAP(USER_MEMORY),
	CAP(SET_TSS_ADDR),
	CAP(EXT_CPUID),
	CAP(CLOCKSOURCE),
	CAP(NOP_IO_DELAY),
	CAP(MP_STATE),
	CAP(COALESCED_MMIO),
	CAP(SYNC_MMU),
	CAP(DESTROY_MEMORY_REGION_WORKS),
	CAP(USER_NMI),
	CAP(SET_GUEST_DEBUG),
	CAP(REINJECT_CONTROL),
	CAP(IRQ_ROUTING),
	CAP(IRQ_INJECT_STATUS),
	CAP(ASSIGN_DEV_IRQ),
	CAP(JOIN_MEMORY_REGIONS_WORKS),
	CAP(IRQFD),
	CAP(PIT2),
	CAP(SET_BOOT_CPU_ID),
	CAP(PIT_STATE2),
	CAP(IOEVENTFD),
	CAP(SET_IDENTITY_MAP_ADDR),
	CAP(ADJUST_CLOCK),
	CAP(INTERNAL_ERROR_DATA),
	CAP(VCPU_EVENTS),
	CAP(DEBUGREGS),
	CAP(X86_ROBUST_SINGLESTEP),
	CAP(ENABLE_CAP),
	CAP(ENABLE_CAP_VM),
	CAP(XSAVE),
	CAP(XSAVE2),
	CAP(XCRS),
	CAP(GET_TSC_KHZ),
	CAP(MAX_VCPU_ID),
	CAP(PCI_2_3),
	CAP(SIGNAL_MSI),
	CAP(READONLY_MEM),
	CAP(IRQFD_RESAMPLE),
	CAP(KVMCLOCK_CTRL),
	CAP(DEVICE_CTRL),
	CAP(EXT_EMUL_CPUID),
	CAP(CHECK_EXTENSION_VM),
	CAP(DISABLE_QUIRKS),
	CAP(SYNC_REGS),
	CAP(IOEVENTFD_NO_LENGTH),
	CAP(IOEVENTFD_ANY_LENGTH),
	CAP(SPLIT_IRQCHIP),
	CAP(IMMEDIATE_EXIT),
	CAP(GET_MSR_FEATURES),
	CAP(EXCEPTION_PAYLOAD),
	CAP(MANUAL_DIRTY_LOG_PROTECT2),
	CAP(X86_USER_SPACE_MSR),
	CAP(DIRTY_LOG_RING),
	CAP(PPC_SMT),
	CAP(S390_PSW),
	CAP(ARM_PSCI),
};

static void extensions(void)
{
	int kvm = open("/dev/kvm", O_RDWR);

	CHECK(kvm >= 0);
	for (unsigned int i = 0; i < sizeof(caps) / sizeof(*caps); i++)
		printf("%s: %d\n", caps[i].name, ioctl(kvm, KVM_CHECK_EXTENSION, caps[i].number));
}

/* A VM answers the same as the system where both can be asked. */
static void of_a_vm(void)
{
	struct guest g;

	guest_make(&g, false);
	for (unsigned int i = 0; i < sizeof(caps) / sizeof(*caps); i++)
		EQUAL(ioctl(g.vm, KVM_CHECK_EXTENSION, caps[i].number),
		      ioctl(g.kvm, KVM_CHECK_EXTENSION, caps[i].number));
}

/* Limits are the kernel's own; what they promise must hold. */
static void limits(void)
{
	struct guest g;
	int vcpus, ids, slots;

	guest_make(&g, false);
	vcpus = ioctl(g.vm, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPUS);
	ids = ioctl(g.vm, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPU_ID);
	slots = ioctl(g.vm, KVM_CHECK_EXTENSION, KVM_CAP_NR_MEMSLOTS);
	CHECK(ids >= vcpus && vcpus >= ioctl(g.vm, KVM_CHECK_EXTENSION, KVM_CAP_NR_VCPUS));
	SHOW(ioctl(g.vm, KVM_CREATE_VCPU, ids));
	CHECK(ioctl(g.vm, KVM_CREATE_VCPU, ids - 1) >= 0);
	CHECK(set_slot(g.vm, slots - 1, RAM, g.ram, PAGE) == 0);
	SHOW(set_slot(g.vm, slots, 2 * RAM, g.ram, PAGE));
}

static void unknown(void)
{
	int kvm = open("/dev/kvm", O_RDWR);

	SHOW(ioctl(kvm, KVM_CHECK_EXTENSION, 9999));
	SHOW(ioctl(kvm, KVM_CHECK_EXTENSION, -1L));
	SHOW(ioctl(kvm, KVM_CHECK_EXTENSION, 0x100000000L + KVM_CAP_IRQCHIP));
}

static const struct test_case cases[] = {
	{ "extensions", extensions },
	{ "of-a-vm", of_a_vm },
	{ "limits", limits },
	{ "unknown", unknown },
};
MAIN(cases)
