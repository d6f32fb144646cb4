/* SPDX-License-Identifier: MIT */
/*
 * Where a line leads. A GSI is a number for the monitor; routes say which pins of which chips it is, or
 * which message (MSI) it sends. At first GSI n is pin n of the IOAPIC and, below 16, line n of the PICs.
 * Also the addresses at which the chips and ioeventfds answer, and the one question a vCPU asks before it enters its
 * guest: is there an interrupt for me?
 */
#include "vmm/irqchip/irqchip.h"

#define ROUTE_HASH 64
#define ROUTE_MSI 0xff /* instead of a pin */

struct routes { /* never changed, but replaced; a GSI has at most one route to each chip */
	u16 nr, first[ROUTE_HASH]; /* chains by gsi % ROUTE_HASH; places from 1, 0 ends */
	struct route {
		u16 gsi, next;
		u8 pin, chip;
		u32 address, data;
	} e[];
};

static struct routes *routes_alloc(u32 nr)
{
	return kzalloc(sizeof(struct routes) + (nr + 1) * sizeof(struct route));
}

static const struct route *route_next(const struct routes *t, u32 gsi, const struct route *r)
{
	u16 i = r ? r->next : t->first[gsi % ROUTE_HASH];

	while (i && t->e[i].gsi != gsi)
		i = t->e[i].next;
	return i ? &t->e[i] : NULL;
}

#define for_each_route(r, t, g) for (r = route_next(t, g, NULL); r; r = route_next(t, g, r))

static int route_add(struct routes *t, const struct kvm_irq_routing_entry *u)
{
	static const u8 pins[] = { 8, 8, KVM_IOAPIC_NUM_PINS },
			base[] = { PIN_PIC, PIN_PIC + 8, 0 };
	u32 chip = u->u.irqchip.irqchip, pin = u->u.irqchip.pin;
	struct route new = { .gsi = u->gsi, .chip = chip };
	const struct route *r;

	if (u->gsi >= VMM_MAX_ROUTES || u->flags)
		return -EINVAL;
	if (u->type == KVM_IRQ_ROUTING_MSI) {
		new.pin = new.chip = ROUTE_MSI;
		new.address = u->u.msi.address_lo;
		new.data = u->u.msi.data;
	} else if (u->type == KVM_IRQ_ROUTING_IRQCHIP && chip < KVM_NR_IRQCHIPS &&
		   pin < pins[chip]) {
		new.pin = base[chip] + pin;
	} else {
		return -EINVAL;
	}
	for_each_route(r, t, u->gsi) if (r->pin == ROUTE_MSI || new.pin == ROUTE_MSI ||
					 r->chip == new.chip) return -EINVAL;
	new.next = t->first[u->gsi % ROUTE_HASH];
	t->e[++t->nr] = new;
	t->first[u->gsi % ROUTE_HASH] = t->nr;
	return 0;
}

static struct routes *default_routes(void)
{
	struct routes *t = routes_alloc(NR_PINS);

	for (u32 i = 0; t && i < NR_PINS; i++) {
		bool pic = i >= PIN_PIC;
		u32 gsi = pic ? i - PIN_PIC : i;
		struct kvm_irq_routing_entry u = { .gsi = gsi, .type = KVM_IRQ_ROUTING_IRQCHIP };

		/* KVM_IRQCHIP_PIC_MASTER and _SLAVE are 0 and 1 */
		u.u.irqchip.irqchip = pic ? gsi / 8 : KVM_IRQCHIP_IOAPIC;
		u.u.irqchip.pin = pic ? gsi % 8 : gsi;
		route_add(t, &u);
	}
	return t;
}

int irq_set_routes(struct vm *vm, const struct kvm_irq_routing_entry __user *u, u32 nr)
{
	struct irqchip *chip = vm->irqchip;
	struct kvm_irq_routing_entry e;
	struct routes *t;
	int err = 0;

	if (!chip || nr > VMM_MAX_ROUTES)
		return -EINVAL;
	t = routes_alloc(nr);
	if (!t)
		return -ENOMEM;
	for (u32 i = 0; i < nr && !err; i++)
		err = copy_from_user(&e, &u[i], sizeof(e)) ? -EFAULT : route_add(t, &e);
	if (!err) {
		struct routes *old;

		spin_lock(&chip->lock);
		old = chip->routes;
		chip->routes = t;
		spin_unlock(&chip->lock);
		t = old;
	}
	kfree(t);
	return err;
}

int irqchip_create(struct vm *vm)
{
	struct irqchip *chip = kzalloc(sizeof(*chip));
	struct routes *t = default_routes();

	if (!chip || !t) {
		kfree(chip);
		kfree(t);
		return -ENOMEM;
	}
	chip->vm = vm;
	chip->routes = t;
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
	if (vm->irqchip)
		kfree(vm->irqchip->routes);
	kfree(vm->irqchip);
	vm->irqchip = NULL;
}

/* KVM_GET_IRQCHIP, KVM_SET_IRQCHIP: a copy. -EINVAL: no such chip. */
int irqchip_state(struct vm *vm, struct kvm_irqchip *c, bool set)
{
	struct irqchip *chip = vm->irqchip;

	SPIN_GUARD(&chip->lock);
	if (c->chip_id == KVM_IRQCHIP_IOAPIC) {
		ioctl_move(&chip->ioapic, &c->chip.ioapic, sizeof(chip->ioapic), set);
	} else if (c->chip_id <= KVM_IRQCHIP_PIC_SLAVE) {
		struct kvm_pic_state *pic = &chip->pic[c->chip_id];

		ioctl_move(pic, &c->chip.pic, sizeof(*pic), set);
		pic->priority_add &= 7;
		pic_update(chip);
	} else {
		return -EINVAL;
	}
	return 0;
}

int irq_send_msi(struct vm *vm, u32 address, u32 data)
{
	return lapic_deliver(vm, &(struct apic_message){ /* SDM 3A 11.11 */
							 .vector = data,
							 .mode = (data >> 8) & 7,
							 .dest = address >> 12,
							 .logical = (address >> 2) & 1,
							 .level_triggered = (data >> 15) & 1 });
}

static int route_send(struct irqchip *chip, const struct route *r, enum irq_source source,
		      bool level)
{
	u8 *sources;

	if (r->pin == ROUTE_MSI)
		return level ? irq_send_msi(chip->vm, r->address, r->data) : -1;
	sources = &chip->sources[r->pin];
	*sources = (*sources & ~BIT(source)) | level << source;
	level = *sources;
	return r->pin < PIN_PIC ? ioapic_set_irq(chip, r->pin, level)
				: pic_set_irq(chip, r->pin - PIN_PIC, level);
}

int irq_set(struct vm *vm, enum irq_source source, u32 gsi, bool level)
{
	struct irqchip *chip = vm->irqchip;
	const struct route *r;
	int sum = -1;

	SPIN_GUARD(&chip->lock);
	for_each_route(r, chip->routes, gsi)
	{
		int n = route_send(chip, r, source, level);

		if (n >= 0)
			sum = max(sum, 0) + n;
	}
	return sum;
}

bool irq_leads_to(struct vm *vm, u32 gsi, u64 pins)
{
	const struct route *r;

	SPIN_GUARD(&vm->irqchip->lock);
	for_each_route(r, vm->irqchip->routes,
		       gsi) if (r->pin != ROUTE_MSI && (pins & BIT(r->pin))) return true;
	return false;
}

void irqchip_unlock(struct irqchip *chip)
{
	u64 ended = chip->ended;

	chip->ended = 0;
	spin_unlock(&chip->lock);
	if (ended)
		irqfd_resample(chip->vm, ended);
}

bool irqchip_io(struct vm *vm, u16 port, u8 size, bool in, u32 *value)
{
	struct irqchip *chip = vm->irqchip;
	u8 byte = *value;
	bool mine = false;

	if (chip && size == 1) {
		mine = pit_io(chip, port, in, &byte);
		if (!mine) {
			spin_lock(&chip->lock);
			mine = pic_io(chip, port, in, &byte);
			irqchip_unlock(chip);
		}
		*value = mine ? byte : *value;
	}
	return mine || (!in && (ioeventfd_write(vm, true, port, size, *value) ||
				coalesce_write(vm, true, port, size, *value)));
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
	if (!mine)
		return write && (ioeventfd_write(v->vm, false, gpa, size, *value) ||
				 coalesce_write(v->vm, false, gpa, size, *value));
	*value = word;
	return true;
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
		irqchip_unlock(chip);
		return vector;
	}
	vector = lapic_pending(v);
	if (vector >= 0)
		lapic_accept(v, vector);
	return vector;
}
