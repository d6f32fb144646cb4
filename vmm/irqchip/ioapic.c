/* SPDX-License-Identifier: MIT */
/*
 * The I/O APIC (Intel 82093AA data sheet): 24 pins, each with an entry that says where its interrupt
 * goes. ioapic.irr holds the level of each pin's wire. irqchip->lock is held in every call.
 */
#include "vmm/irqchip/irqchip.h"

#define IOAPIC_BASE 0xfec00000
#define IOAPIC_ID 0
#define IOAPIC_VERSION 1
#define IOAPIC_ARBITRATION 2
#define IOAPIC_REDIRECTION 0x10
#define VERSION_VALUE (0x11 | (KVM_IOAPIC_NUM_PINS - 1) << 16)
#define RTE_READ_ONLY 0x5000UL /* delivery status, remote IRR */

void ioapic_reset(struct irqchip *chip)
{
	struct kvm_ioapic_state *s = &chip->ioapic;

	*s = (struct kvm_ioapic_state){ .base_address = IOAPIC_BASE };
	for (int i = 0; i < KVM_IOAPIC_NUM_PINS; i++)
		s->redirtbl[i].fields.mask = 1;
}

/* Sends the pin's interrupt when its wire and its entry say so. Returns as irq_set(). */
static int service(struct irqchip *chip, unsigned int pin)
{
	struct kvm_ioapic_state *s = &chip->ioapic;
	__typeof__(&s->redirtbl[0]) e = &s->redirtbl[pin];
	struct apic_message m;
	int n;

	if (!(s->irr & BIT(pin)) || e->fields.mask || (e->fields.trig_mode && e->fields.remote_irr))
		return -1;
	if (e->fields.delivery_mode == APIC_EXTINT)
		return 0; /* the PIC reaches the vCPU by LINT0 */
	m = (struct apic_message){ .low = (u16)e->bits, .dest = apic_dest(e->fields.dest_id) };
	n = lapic_deliver(chip->vm, &m);
	if (e->fields.trig_mode)
		e->fields.remote_irr = n > 0; /* nobody else would end it */
	return n;
}

int ioapic_set_irq(struct irqchip *chip, unsigned int pin, bool level)
{
	struct kvm_ioapic_state *s = &chip->ioapic;
	bool was = s->irr & BIT(pin);

	if (!level) {
		s->irr &= ~BIT(pin);
		return 1;
	}
	s->irr |= BIT(pin);
	return was && !s->redirtbl[pin].fields.trig_mode ? 0 : service(chip, pin);
}

void ioapic_eoi(struct irqchip *chip, u8 vector)
{
	for (unsigned int i = 0; i < KVM_IOAPIC_NUM_PINS; i++) {
		__typeof__(&chip->ioapic.redirtbl[0]) e = &chip->ioapic.redirtbl[i];

		if (e->fields.vector != vector || !e->fields.trig_mode || !e->fields.remote_irr)
			continue;
		e->fields.remote_irr = 0;
		service(chip, i); /* the wire may still be up */
	}
}

static u32 read_register(struct kvm_ioapic_state *s)
{
	unsigned int n = s->ioregsel - IOAPIC_REDIRECTION;

	if (n < 2 * KVM_IOAPIC_NUM_PINS)
		return s->redirtbl[n / 2].bits >> (n & 1 ? 32 : 0);
	if (s->ioregsel == IOAPIC_VERSION)
		return VERSION_VALUE;
	return s->ioregsel <= IOAPIC_ARBITRATION ? (s->id & 0xf) << 24 : 0;
}

static void write_register(struct irqchip *chip, u32 value)
{
	struct kvm_ioapic_state *s = &chip->ioapic;
	unsigned int n = s->ioregsel - IOAPIC_REDIRECTION, shift = n & 1 ? 32 : 0;
	u64 kept = ~(0xffffffffUL << shift) | RTE_READ_ONLY;
	__typeof__(&s->redirtbl[0]) e;

	if (s->ioregsel == IOAPIC_ID)
		s->id = (value >> 24) & 0xf;
	if (n >= 2 * KVM_IOAPIC_NUM_PINS)
		return;
	e = &s->redirtbl[n / 2];
	e->bits = (e->bits & kept) | ((u64)value << shift & ~kept);
	if (e->fields.trig_mode)
		service(chip, n / 2);
	else
		e->fields.remote_irr = 0;
}

void ioapic_mmio(struct irqchip *chip, u64 offset, bool write, u64 *value)
{
	struct kvm_ioapic_state *s = &chip->ioapic;

	if (!write)
		*value = offset == 0x00 ? s->ioregsel : offset == 0x10 ? read_register(s) : 0;
	else if (offset == 0x00)
		s->ioregsel = *value & 0xff;
	else if (offset == 0x10)
		write_register(chip, *value);
}
