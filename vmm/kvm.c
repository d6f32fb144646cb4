/* SPDX-License-Identifier: MIT */
/*
 * /dev/kvm: the door. Chooses the back-end this machine has, answers the ioctls that ask about the
 * whole system, and turns virtualization on in every CPU while at least one VM exists (hw_users,
 * guarded by hw_lock). See Documentation/virt/kvm/api.rst of Linux; ABI.md, section 5.
 */
#include "vmm/vmm.h"

#define KVM_MINOR 232
#define MISC_MAJOR 10
#define IOCTL_STRUCT_MAX sizeof(struct kvm_xsave)

const struct vmm_ops *vmm;
u64 vmm_nr_vms, vmm_nr_vcpus;

static struct mutex hw_lock = MUTEX_INIT(hw_lock);
static unsigned int hw_users;
static int hw_error; /* of a CPU that could not be turned on, or 0; atomic */

static void cpu_on(void *arg)
{
	struct vmm_cpu *c = this_cpu()->vmm = page_alloc(sizeof(*c));
	int err = c ? vmm->cpu_on(c->page) : -ENOMEM;

	if (err)
		__atomic_store_n(&hw_error, err, __ATOMIC_RELAXED);
}

static void cpu_off(void *arg)
{
	vmm->cpu_off();
	page_free(this_cpu()->vmm, sizeof(struct vmm_cpu));
	this_cpu()->vmm = NULL;
}

static void on_each_cpu(void (*fn)(void *arg))
{
	smp_call(nr_cpus >= 64 ? ~0UL : BIT(nr_cpus) - 1, fn, NULL); /* all but this one */
	irq_push();
	fn(NULL);
	irq_pop();
}

int vmm_hw_get(void)
{
	MUTEX_GUARD(&hw_lock);
	if (hw_users++)
		return 0;
	hw_error = 0;
	on_each_cpu(cpu_on);
	if (hw_error) {
		pr_err("kvm: a CPU does not turn %s on: error %d", vmm->name, -hw_error);
		on_each_cpu(cpu_off);
		hw_users = 0;
	}
	return hw_error;
}

void vmm_hw_put(void)
{
	MUTEX_GUARD(&hw_lock);
	if (--hw_users == 0)
		on_each_cpu(cpu_off);
}

/* KVM_CHECK_EXTENSION: only what works is claimed. Bit n % 64 of word n / 64: the answer to n is 1. */
#define CAP(word, name) (1UL << (KVM_CAP_##name - 64 * (word)))
static const u64 extensions[] = {
	CAP(0, SET_GUEST_DEBUG) | CAP(0, IRQCHIP) | CAP(0, HLT) | CAP(0, USER_MEMORY) |
		CAP(0, SET_TSS_ADDR) | CAP(0, EXT_CPUID) | CAP(0, CLOCKSOURCE) | CAP(0, PIT) |
		CAP(0, MP_STATE) | CAP(0, SYNC_MMU) | CAP(0, DESTROY_MEMORY_REGION_WORKS) |
		CAP(0, USER_NMI) | CAP(0, IRQ_INJECT_STATUS) | CAP(0, JOIN_MEMORY_REGIONS_WORKS) |
		CAP(0, IRQFD) | CAP(0, PIT2) | CAP(0, PIT_STATE2) | CAP(0, IOEVENTFD) |
		CAP(0, SET_IDENTITY_MAP_ADDR) | CAP(0, VCPU_EVENTS) | CAP(0, DEBUGREGS) |
		CAP(0, XSAVE) | CAP(0, GET_TSC_KHZ),
	CAP(1, SIGNAL_MSI) | CAP(1, READONLY_MEM) | CAP(1, IOEVENTFD_NO_LENGTH) |
		CAP(1, CHECK_EXTENSION_VM) | CAP(1, IOEVENTFD_ANY_LENGTH),
	CAP(2, IMMEDIATE_EXIT) | CAP(2, COALESCED_PIO),
};

static const struct {
	unsigned int cap, answer;
} figures[] = {
	{ KVM_CAP_COALESCED_MMIO, KVM_COALESCED_MMIO_PAGE_OFFSET },
	{ KVM_CAP_XSAVE2, sizeof(struct kvm_xsave) },
	{ KVM_CAP_SET_GUEST_DEBUG2, VMM_DEBUG },
	{ KVM_CAP_ADJUST_CLOCK, CLOCK_FLAGS },
	{ KVM_CAP_IRQ_ROUTING, VMM_MAX_ROUTES },
	{ KVM_CAP_NR_VCPUS, VMM_MAX_VCPUS },
	{ KVM_CAP_MAX_VCPUS, VMM_MAX_VCPUS },
	{ KVM_CAP_MAX_VCPU_ID, VMM_MAX_VCPUS },
	{ KVM_CAP_NR_MEMSLOTS, VMM_MAX_SLOTS },
};

static long check_extension(unsigned long cap)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(figures); i++)
		if (figures[i].cap == cap)
			return figures[i].answer;
	if (cap == KVM_CAP_XCRS)
		return fpu_xcr0 != 0;
	return cap < 64 * ARRAY_SIZE(extensions) && (extensions[cap / 64] & BIT(cap % 64));
}

void ioctl_move(void *kept, void *arg, size_t n, bool set)
{
	memcpy(set ? kept : arg, set ? arg : kept, n);
}

long ioctl_struct(void *obj, unsigned int cmd, void __user *arg, ioctl_fn *call)
{
	/* One of Linux's numbers tells the wrong direction. */
	bool in = (_IOC_DIR(cmd) & _IOC_WRITE) || cmd == KVM_SET_IRQCHIP;
	bool out = (_IOC_DIR(cmd) & _IOC_READ) && cmd != KVM_SET_IRQCHIP;
	size_t size = _IOC_SIZE(cmd);
	void *s;
	long r;

	if (size > IOCTL_STRUCT_MAX)
		return call(obj, 0, NULL, false); /* no call of ours: what it says to that */
	s = kzalloc(max(size, 1UL));
	if (!s)
		return -ENOMEM;
	r = in ? copy_from_user(s, arg, size) : 0;
	if (!r)
		r = call(obj, cmd, s, !out);
	if (r >= 0 && out && copy_to_user(arg, s, size))
		r = -EFAULT;
	kfree(s);
	return r;
}

long kvm_system_ioctl(struct file *f, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case KVM_GET_API_VERSION:
		return arg ? -EINVAL : KVM_API_VERSION;
	case KVM_CREATE_VM:
		return arg ? -EINVAL : fd_install(vm_create(), 0, true);
	case KVM_CHECK_EXTENSION:
		return check_extension(arg);
	case KVM_GET_VCPU_MMAP_SIZE:
		return arg ? -EINVAL : (long)(VMM_RUN_PAGES * PAGE_SIZE);
	case KVM_GET_SUPPORTED_CPUID:
		return cpuid_supported((void __user *)arg);
	case KVM_GET_MSR_INDEX_LIST:
		return msr_list((void __user *)arg);
	default: /* what Linux answers on x86 */
		return -EINVAL;
	}
}

static const struct file_ops kvm_fops = { .ioctl = kvm_system_ioctl };

/* Without usable hardware there is no /dev/kvm, as on a Linux whose kvm modules would not load. */
static void vmm_init(void)
{
	const char *no_vmx = vmx_ops.probe(), *no_svm = svm_ops.probe();

	counts_register("vms", &vmm_nr_vms);
	counts_register("vcpus", &vmm_nr_vcpus);
	vmm = !no_vmx ? &vmx_ops : !no_svm ? &svm_ops : NULL;
	if (!vmm) {
		pr_info("kvm: no virtual machines here: VT-x: %s; SVM: %s", no_vmx, no_svm);
		return;
	}
	pr_info("kvm: %s", vmm->name);
	vmm->setup();
	chrdev_register("kvm", MISC_MAJOR, KVM_MINOR, 0660, &kvm_fops);
}
layer_initcall(vmm_init);
