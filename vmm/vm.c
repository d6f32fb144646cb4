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
	vm->mm = current_thread()->mm;
	vm->charge = current_thread()->mem_charge;
	err = slat_init(&vm->slat, vmm->slat, vm->charge);
	if (err)
		goto out_vm;
	err = vmm_hw_get();
	if (err)
		goto out_slat;
	vm->slat_gen = 1;
	vm->notifier.invalidate = memslot_invalidate;
	mm_get(vm->mm);
	mm_notifier_add(vm->mm, &vm->notifier);
	__atomic_fetch_add(&vmm_nr_vms, 1, __ATOMIC_RELAXED);
	return vm;
out_slat:
	slat_free(&vm->slat);
out_vm:
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
	irqchip_stop(vm);
	for (unsigned int i = 0; i < VMM_MAX_VCPUS; i++)
		if (vm->vcpus[i])
			vcpu_free(vm->vcpus[i]);
	irqchip_free(vm);
	/* Under mm->lock already when it was the last mapping of a kvm_run page that went. */
	if (mutex_is_mine(&vm->mm->lock))
		list_del(&vm->notifier.link);
	else
		mm_notifier_del(vm->mm, &vm->notifier);
	slat_free(&vm->slat);
	mm_put(vm->mm);
	vmm_hw_put();
	kfree(vm);
	__atomic_fetch_sub(&vmm_nr_vms, 1, __ATOMIC_RELAXED);
}

static void vm_release(struct file *f)
{
	vm_put(f->priv);
}

static long create_vcpu(struct vm *vm, unsigned long id)
{
	struct file *f = vcpu_create(vm, id);

	return fd_install(f, 0, true);
}

static long set_memory_region(struct vm *vm, void __user *arg)
{
	struct kvm_userspace_memory_region r;

	if (copy_from_user(&r, arg, sizeof(r)))
		return -EFAULT;
	return memslot_set(vm, &r);
}

static long irq_line(struct vm *vm, void __user *arg)
{
	struct kvm_irq_level l;

	if (copy_from_user(&l, arg, sizeof(l)))
		return -EFAULT;
	if (!vm->irqchip)
		return -ENXIO;
	return irq_set_line(vm, l.irq, l.level);
}

static long irqchip_ioctl(struct vm *vm, struct kvm_irqchip __user *arg, bool set)
{
	struct kvm_irqchip *chip;
	long err;

	if (!vm->irqchip)
		return -ENXIO;
	chip = kmalloc(sizeof(*chip));
	if (!chip)
		return -ENOMEM;
	err = copy_from_user(chip, arg, sizeof(*chip));
	if (!err)
		err = set ? irqchip_set(vm, chip) : irqchip_get(vm, chip);
	if (!err && !set)
		err = copy_to_user(arg, chip, sizeof(*chip));
	kfree(chip);
	return err;
}

static long create_pit(struct vm *vm, void __user *arg)
{
	struct kvm_pit_config config;
	long err;

	if (copy_from_user(&config, arg, sizeof(config)))
		return -EFAULT;
	mutex_lock(&vm->lock);
	err = !vm->irqchip ? -ENOENT : pit_create(vm);
	mutex_unlock(&vm->lock);
	return err;
}

static long create_irqchip(struct vm *vm)
{
	long err;

	mutex_lock(&vm->lock);
	err = vm->irqchip ? -EEXIST : vm->nr_vcpus ? -EINVAL : irqchip_create(vm);
	mutex_unlock(&vm->lock);
	return err;
}

static long vm_ioctl(struct file *f, unsigned int cmd, unsigned long arg)
{
	struct vm *vm = f->priv;
	void __user *p = (void __user *)arg;

	if (current_thread()->mm != vm->mm)
		return -EIO;
	switch (cmd) {
	case KVM_CREATE_VCPU:
		return create_vcpu(vm, arg);
	case KVM_SET_USER_MEMORY_REGION:
		return set_memory_region(vm, p);
	case KVM_SET_TSS_ADDR: /* unrestricted guests need neither page */
		return 0;
	case KVM_SET_IDENTITY_MAP_ADDR: {
		u64 addr;

		return get_user(addr, (u64 __user *)p);
	}
	case KVM_CREATE_IRQCHIP:
		return create_irqchip(vm);
	case KVM_GET_IRQCHIP:
		return irqchip_ioctl(vm, p, false);
	case KVM_SET_IRQCHIP:
		return irqchip_ioctl(vm, p, true);
	case KVM_CREATE_PIT2:
		return create_pit(vm, p);
	case KVM_IRQ_LINE:
		return irq_line(vm, p);
	case KVM_CHECK_EXTENSION:
		return kvm_system_ioctl(cmd, arg);
	default:
		return -ENOTTY;
	}
}

const struct file_ops vm_fops = {
	.release = vm_release,
	.ioctl = vm_ioctl,
};
