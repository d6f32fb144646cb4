/* SPDX-License-Identifier: MIT */
/*
 * Where a line leads: GSI n is pin n of the IOAPIC and, below 16, line n of the PICs, as KVM wires
 * them by default. Also the addresses at which the chips answer, and the one question a vCPU asks
 * before it enters its guest: is there an interrupt for me?
 */
#include "vmm/irqchip/irqchip.h"

int irqchip_create(struct vm *vm)
{
	struct irqchip *chip = kzalloc(sizeof(*chip));

	if (!chip)
		return -ENOMEM;
	chip->vm = vm;
	spin_init(&chip->lock);
	pic_reset(chip);
	ioapic_reset(chip);
	__atomic_store_n(&vm->irqchip, chip, __ATOMIC_RELEASE);
	return 0;
}

void irqchip_stop(struct vm *vm)
{
	if (!vm->irqchip)
		return;
	pit_free(vm->irqchip);
	for (unsigned int i = 0; i < VMM_MAX_VCPUS; i++)
		if (vm->vcpus[i])
			lapic_stop(vm->vcpus[i]);
}

void irqchip_free(struct vm *vm)
{
	kfree(vm->irqchip);
	vm->irqchip = NULL;
}

int irqchip_get(struct vm *vm, struct kvm_irqchip *c)
{
	struct irqchip *chip = vm->irqchip;
	int err = 0;

	spin_lock(&chip->lock);
	if (c->chip_id == KVM_IRQCHIP_IOAPIC)
		c->chip.ioapic = chip->ioapic;
	else if (c->chip_id <= KVM_IRQCHIP_PIC_SLAVE)
		c->chip.pic = chip->pic[c->chip_id];
	else
		err = -EINVAL;
	spin_unlock(&chip->lock);
	return err;
}

int irqchip_set(struct vm *vm, const struct kvm_irqchip *c)
{
	struct irqchip *chip = vm->irqchip;
	int err = 0;

	spin_lock(&chip->lock);
	if (c->chip_id == KVM_IRQCHIP_IOAPIC) {
		chip->ioapic = c->chip.ioapic;
	} else if (c->chip_id <= KVM_IRQCHIP_PIC_SLAVE) {
		chip->pic[c->chip_id] = c->chip.pic;
		chip->pic[c->chip_id].priority_add &= 7;
		pic_update(chip);
	} else {
		err = -EINVAL;
	}
	spin_unlock(&chip->lock);
	return err;
}

int irq_set_line(struct vm *vm, u32 gsi, bool level)
{
	struct irqchip *chip = vm->irqchip;

	if (gsi >= IRQCHIP_PINS)
		return -EINVAL;
	spin_lock(&chip->lock);
	if (gsi < 16)
		pic_set_irq(chip, gsi, level);
	ioapic_set_irq(chip, gsi, level);
	spin_unlock(&chip->lock);
	return 0;
}

bool irqchip_io(struct vm *vm, u16 port, u8 size, bool in, u32 *value)
{
	struct irqchip *chip = vm->irqchip;
	u8 byte = *value;
	bool mine;

	if (!chip || size != 1)
		return false;
	mine = pit_io(chip, port, in, &byte);
	if (!mine) {
		spin_lock(&chip->lock);
		mine = pic_io(chip, port, in, &byte);
		spin_unlock(&chip->lock);
	}
	*value = byte;
	return mine;
}

bool irqchip_mmio(struct vcpu *v, u64 gpa, u8 size, bool write, u64 *value)
{
	struct irqchip *chip = v->vm->irqchip;
	u32 word = *value;
	bool mine = lapic_mmio(v, gpa, size, write, &word);

	if (!mine && chip && gpa - chip->ioapic.base_address < 0x100) {
		spin_lock(&chip->lock);
		ioapic_mmio(chip, gpa - chip->ioapic.base_address, write, &word);
		spin_unlock(&chip->lock);
		mine = true;
	}
	if (mine)
		*value = word;
	return mine;
}

static bool from_pic(struct vcpu *v)
{
	struct irqchip *chip = v->vm->irqchip;

	return v->id == 0 && READ_ONCE(chip->pic_output) && lapic_takes_pic(v);
}

bool irq_pending(struct vcpu *v)
{
	if (!v->lapic)
		return v->user_irq;
	return from_pic(v) || lapic_pending(v) >= 0;
}

int irq_ack(struct vcpu *v)
{
	struct irqchip *chip = v->vm->irqchip;
	int vector;

	if (!v->lapic) {
		v->user_irq = false;
		return v->user_irq_vector;
	}
	if (from_pic(v)) {
		spin_lock(&chip->lock);
		vector = pic_ack(chip);
		spin_unlock(&chip->lock);
		return vector;
	}
	vector = lapic_pending(v);
	if (vector >= 0)
		lapic_accept(v, vector);
	return vector;
}
