/* SPDX-License-Identifier: MIT */
/*
 * A virtual machine: guest memory, vCPUs, interrupt chips, behind one file. It lives until its own
 * file and those of its vCPUs are closed, and it belongs to the address space that made it: others
 * get -EIO, as on Linux.
 */
#include "vmm/irqchip/irqchip.h"
#include "vmm/vmm.h"

static struct vm *vm_alloc(void)
{
	struct vm *vm = kzalloc(sizeof(*vm));
	int err = -ENOMEM;

	if (!vm)
		return ERR_PTR(-ENOMEM);
	ref_init(&vm->refs);
	mutex_init(&vm->lock);
	spin_init(&vm->mmu_lock);
	spin_init(&vm->fd_lock);
	list_init(&vm->irqfds);
	list_init(&vm->takers);
	vm->mm = current_thread()->mm;
	vm->charge = current_thread()->mem_charge;
	vm->slat.written = memslot_written;
	vm->ring = frame_alloc_zeroed(FRAME_KERNEL, vm->charge);
	err = vm->ring ? slat_init(&vm->slat, vmm->slat, vm->charge) : -ENOMEM;
	if (err)
		goto out_vm;
	err = vmm_hw_get();
	if (err)
		goto out_slat;
	vm->slat_gen = 1;
	clock_set(vm, 0);
	vm->tsc_offset = -vm->clock_tsc; /* all its vCPUs count from now */
	vm->notifier.invalidate = memslot_invalidate;
	mm_get(vm->mm);
	mm_notifier_add(vm->mm, &vm->notifier);
	__atomic_fetch_add(&vmm_nr_vms, 1, __ATOMIC_RELAXED);
	return vm;
out_slat:
	slat_free(&vm->slat, vm->slat.root, SLAT_TOP);
out_vm:
	bus_free(vm);
	kfree(vm);
	return ERR_PTR(err);
}

struct file *vm_create(void)
{
	struct vm *vm = vm_alloc();
	struct file *f;

	if (IS_ERR(vm))
		return (struct file *)vm;
	f = file_anon("kvm-vm", &vm_fops, vm, O_RDWR);
	if (IS_ERR(f))
		vm_put(vm);
	return f;
}

/* The last file went: no vCPU runs, nobody else can come. */
void vm_put(struct vm *vm)
{
	if (!ref_put(&vm->refs))
		return;
	irqfds_free(vm);
	bus_free(vm);
	irqchip_free(vm);
	for (unsigned int i = 0; i < VMM_MAX_VCPUS; i++)
		if (vm->vcpus[i])
			vcpu_free(vm->vcpus[i]);
	mm_notifier_del(vm->mm, &vm->notifier);
	if (vm->slat.root)
		slat_free(&vm->slat, vm->slat.root, SLAT_TOP);
	for (unsigned int i = 0; i < VMM_MAX_SLOTS; i++)
		kfree(vm->slots[i].dirty);
	mm_put(vm->mm);
	vmm_hw_put();
	kfree(vm);
	__atomic_fetch_sub(&vmm_nr_vms, 1, __ATOMIC_RELAXED);
}

static void vm_release(struct file *f)
{
	vm_put(f->priv);
}

/* KVM_IRQ_LINE, KVM_IRQ_LINE_STATUS: a line that leads nowhere is no error. -ENXIO: no irqchip. */
static long irq_line(struct vm *vm, struct kvm_irq_level *l)
{
	if (!vm->irqchip)
		return -ENXIO;
	l->status = irq_set(vm, l->irq, l->level);
	return 0;
}

static long signal_msi(struct vm *vm, const struct kvm_msi *m)
{
	if (!vm->irqchip || m->flags)
		return -EINVAL;
	return irq_send_msi(vm, m->address_lo, m->data);
}

static long create_irqchip(struct vm *vm)
{
	MUTEX_GUARD(&vm->lock);
	return vm->irqchip ? -EEXIST : vm->nr_vcpus ? -EINVAL : irqchip_create(vm);
}

static long vm_call(void *obj, unsigned int cmd, void *arg, bool set)
{
	struct vm *vm = obj;

	switch (cmd) {
	case KVM_SET_USER_MEMORY_REGION:
		return memslot_set(vm, arg);
	case KVM_GET_DIRTY_LOG:
		return memslot_get_log(vm, arg);
	case KVM_SET_IDENTITY_MAP_ADDR:
		return vm->nr_vcpus ? -EINVAL : 0;
	case KVM_GET_IRQCHIP:
	case KVM_SET_IRQCHIP:
		return vm->irqchip ? irqchip_state(vm, arg, set) : -ENXIO;
	case KVM_CREATE_PIT2:
		return pit_create(vm, arg);
	case KVM_GET_PIT2:
	case KVM_SET_PIT2:
		return pit_state(vm, arg, set);
	case KVM_GET_CLOCK:
	case KVM_SET_CLOCK:
		return clock_ioctl(vm, arg, set);
	case KVM_IRQ_LINE:
	case KVM_IRQ_LINE_STATUS:
		return irq_line(vm, arg);
	case KVM_SIGNAL_MSI:
		return signal_msi(vm, arg);
	case KVM_IRQFD:
		return irqfd_ioctl(vm, arg);
	case KVM_IOEVENTFD:
		return ioeventfd_ioctl(vm, arg);
	case KVM_REGISTER_COALESCED_MMIO:
	case KVM_UNREGISTER_COALESCED_MMIO:
		return coalesce_ioctl(vm, arg, cmd == KVM_UNREGISTER_COALESCED_MMIO);
	default:
		return -ENOTTY;
	}
}

static long vm_ioctl(struct file *f, unsigned int cmd, unsigned long arg)
{
	struct vm *vm = f->priv;
	void __user *p = (void __user *)arg;

	if (current_thread()->mm != vm->mm)
		return -EIO;
	switch (cmd) {
	case KVM_CREATE_VCPU:
		return fd_install(vcpu_create(vm, arg), 0, true);
	case KVM_SET_TSS_ADDR: /* unrestricted guests need neither page */
		return 0;
	case KVM_CREATE_IRQCHIP:
		return create_irqchip(vm);
	case KVM_SET_NR_MMU_PAGES: /* of shadow page tables, which no guest has here */
		return arg < VMM_MIN_MMU_PAGES ? -EINVAL : 0;
	case KVM_SET_GSI_ROUTING:
		return irq_set_routes(vm, p);
	case KVM_CHECK_EXTENSION:
		return kvm_system_ioctl(f, cmd, arg);
	default:
		return ioctl_struct(vm, cmd, p, vm_call);
	}
}

const struct file_ops vm_fops = { .release = vm_release, .ioctl = vm_ioctl };
