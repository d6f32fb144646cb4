/* SPDX-License-Identifier: MIT */
/*
 * Where a line leads. A GSI is a number for the monitor; routes say which pins of which chips it is, or
 * which message (MSI) it sends. At first GSI n is pin n of the IOAPIC and, below 16, line n of the PICs.
 * Also the addresses at which the chips and ioeventfds answer, and the one question a vCPU asks before it enters its
 * guest: is there an interrupt for me?
 */
#include "vmm/irqchip/irqchip.h"

struct routes { /* never changed, but replaced */
	u32 nr; /* GSIs from here on lead nowhere */
	struct route {
		u64 pins; /* at most one of each chip */
		bool msi; /* instead of them */
		u32 address, data; /* of the message */
	} gsi[];
};

static struct routes *routes_alloc(u32 nr)
{
	struct routes *t = kzalloc(sizeof(*t) + nr * sizeof(t->gsi[0]));

	if (t)
		t->nr = nr;
	return t;
}

/* Adds one of the monitor's: its GSI is below t->nr. */
static int route_add(struct routes *t, const struct kvm_irq_routing_entry *u)
{
	static const struct {
		u8 first, pins;
	} chips[] = { { PIN_PIC, 8 }, { PIN_PIC + 8, 8 }, { 0, KVM_IOAPIC_NUM_PINS } };
	u32 chip = u->u.irqchip.irqchip, pin = u->u.irqchip.pin;
	struct route *r = &t->gsi[u->gsi];

	if (u->flags || r->msi)
		return -EINVAL;
	if (u->type == KVM_IRQ_ROUTING_MSI && !r->pins) {
		*r = (struct route){ .msi = true,
				     .address = u->u.msi.address_lo,
				     .data = u->u.msi.data };
		return 0;
	}
	if (u->type != KVM_IRQ_ROUTING_IRQCHIP || chip >= KVM_NR_IRQCHIPS ||
	    pin >= chips[chip].pins || (r->pins >> chips[chip].first & (BIT(chips[chip].pins) - 1)))
		return -EINVAL;
	r->pins |= BIT(chips[chip].first + pin);
	return 0;
}

int irq_set_routes(struct vm *vm, const struct kvm_irq_routing __user *arg)
{
	struct irqchip *chip = vm->irqchip;
	struct kvm_irq_routing head;
	struct kvm_irq_routing_entry e;
	struct routes *t, *old;
	u32 gsi, highest = 0;
	int err = 0;

	if (get_user(head, arg))
		return -EFAULT;
	if (!chip || head.flags || head.nr > VMM_MAX_ROUTES)
		return -EINVAL;
	for (u32 i = 0; i < head.nr; i++) {
		if (get_user(gsi, &arg->entries[i].gsi))
			return -EFAULT;
		if (gsi >= VMM_MAX_ROUTES)
			return -EINVAL;
		highest = max(highest, gsi);
	}
	t = routes_alloc(highest + 1);
	if (!t)
		return -ENOMEM;
	for (u32 i = 0; i < head.nr && !err; i++) {
		/* the monitor may have changed it meanwhile */
		err = get_user(e, &arg->entries[i]) ?: e.gsi > highest ? -EINVAL : route_add(t, &e);
	}
	spin_lock(&chip->lock);
	old = err ? t : chip->routes;
	chip->routes = err ? chip->routes : t;
	spin_unlock(&chip->lock);
	kfree(old);
	return err;
}

int irqchip_create(struct vm *vm)
{
	struct irqchip *chip = kzalloc(sizeof(*chip));
	struct routes *t = routes_alloc(KVM_IOAPIC_NUM_PINS);

	if (!chip || !t) {
		kfree(chip);
		kfree(t);
		return -ENOMEM;
	}
	chip->vm = vm;
	for (u32 i = 0; i < t->nr; i++)
		t->gsi[i].pins = BIT(i) | (i < 16 ? BIT(PIN_PIC + i) : 0);
	chip->routes = t;
	spin_init(&chip->lock);
	pic_reset(chip);
	ioapic_reset(chip);
	__atomic_store_n(&vm->irqchip, chip, __ATOMIC_RELEASE);
	return 0;
}

void irqchip_free(struct vm *vm)
{
	pit_free(vm);
	if (!vm->irqchip)
		return;
	kfree(vm->irqchip->routes);
	kfree(vm->irqchip);
}

/* KVM_GET_IRQCHIP, KVM_SET_IRQCHIP: a copy. -EINVAL: no such chip. */
int irqchip_state(struct vm *vm, struct kvm_irqchip *c, bool set)
{
	struct irqchip *chip = vm->irqchip;

	SPIN_GUARD(&chip->lock);
	if (c->chip_id > KVM_IRQCHIP_IOAPIC)
		return -EINVAL;
	if (c->chip_id == KVM_IRQCHIP_IOAPIC) {
		ioctl_move(&chip->ioapic, &c->chip.ioapic, sizeof(chip->ioapic), set);
	} else {
		struct kvm_pic_state *pic = &chip->pic[c->chip_id];

		ioctl_move(pic, &c->chip.pic, sizeof(*pic), set);
		pic->priority_add &= 7;
		pic_update(chip);
	}
	return 0;
}

int irq_send_msi(struct vm *vm, u32 address, u32 data)
{
	struct apic_message m = { .low = (u16)data,
				  .dest = apic_dest(address >> 12) }; /* SDM 3A 11.11 */

	m.logical = (address >> 2) & 1;
	return lapic_deliver(vm, &m);
}

int irq_set(struct vm *vm, u32 gsi, bool level)
{
	struct irqchip *chip = vm->irqchip;
	const struct route *r;
	int sum = -1;

	SPIN_GUARD(&chip->lock);
	if (gsi >= chip->routes->nr)
		return -1;
	r = &chip->routes->gsi[gsi];
	if (r->msi)
		return level ? irq_send_msi(vm, r->address, r->data) : -1;
	for (u64 pins = r->pins; pins; pins &= pins - 1) {
		int pin = __builtin_ctzl(pins);
		int n = pin < PIN_PIC ? ioapic_set_irq(chip, pin, level)
				      : pic_set_irq(chip, pin - PIN_PIC, level);

		if (n >= 0)
			sum = max(sum, 0) + n;
	}
	return sum;
}

void irq_pulse(struct vm *vm, u32 gsi)
{
	irq_set(vm, gsi, true);
	irq_set(vm, gsi, false);
}

bool irqchip_io(struct vm *vm, u16 port, u8 size, bool in, u32 *value)
{
	struct irqchip *chip = vm->irqchip;

	if (size == 1 && (pit_io(vm, port, in, value) || (chip && pic_io(chip, port, in, value))))
		return true;
	return !in && bus_write(vm, true, port, size, *value);
}

bool irqchip_mmio(struct vcpu *v, u64 gpa, u8 size, bool write, u64 *value)
{
	struct irqchip *chip = v->vm->irqchip;

	if (lapic_mmio(v, gpa, size, write, value))
		return true;
	if (chip && gpa - chip->ioapic.base_address < 0x100) {
		SPIN_GUARD(&chip->lock);
		ioapic_mmio(chip, gpa - chip->ioapic.base_address, write, value);
		return true;
	}
	return write && bus_write(v->vm, false, gpa, size, *value);
}

static bool from_pic(struct vcpu *v)
{
	struct irqchip *chip = v->vm->irqchip;

	return v->id == 0 && READ_ONCE(chip->pic_output) && lapic_takes_pic(v);
}

bool irq_pending(struct vcpu *v)
{
	if (!v->lapic)
		return v->user_irq >= 0;
	return from_pic(v) || lapic_pending(v) >= 0;
}

int irq_ack(struct vcpu *v)
{
	struct irqchip *chip = v->vm->irqchip;
	int vector = v->user_irq;

	if (!v->lapic) {
		v->user_irq = -1;
		return vector;
	}
	if (from_pic(v)) {
		SPIN_GUARD(&chip->lock);
		return pic_ack(chip);
	}
	vector = lapic_pending(v);
	if (vector >= 0)
		lapic_accept(v, vector);
	return vector;
}
