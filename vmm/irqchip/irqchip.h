/* SPDX-License-Identifier: MIT */
/*
 * Interrupts of a guest: two 8259 PICs, an IOAPIC, a PIT behind struct irqchip; a local APIC in each
 * vCPU. The states are kept in KVM's own structures, so KVM_GET_IRQCHIP is a copy.
 * irqchip->lock guards PIC, IOAPIC and PIT; lapic->lock comes after it.
 */
#pragma once
#include "vmm/vmm.h"

/* Pins of all chips in one row: the IOAPIC's 24, then the PICs' 16. */
#define PIN_PIC KVM_IOAPIC_NUM_PINS
#define PERIOD_MIN (200 * NSEC_PER_USEC) /* a guest cannot drown its host in timer interrupts */

struct irqchip {
	struct vm *vm;
	spinlock_t lock; /* guards the rest */
	struct routes *routes;
	struct kvm_pic_state pic[2]; /* master, slave */
	bool pic_output; /* the master raises INTR; read without the lock */
	struct kvm_ioapic_state ioapic;
};

/* route.c */
int irqchip_create(struct vm *vm);
void irqchip_free(struct vm *vm); /* nothing of it will touch a vCPU any more */
int irqchip_state(struct vm *vm, struct kvm_irqchip *c, bool set);
/* KVM_SET_GSI_ROUTING. -EINVAL, -EFAULT, -ENOMEM */
int irq_set_routes(struct vm *vm, const struct kvm_irq_routing __user *arg);
/* The line of a GSI. How many took the interrupt; 0: it was pending already; -1: nobody. Any context. */
int irq_set(struct vm *vm, u32 gsi, bool level);
void irq_pulse(struct vm *vm, u32 gsi); /* up and down again: an edge */
int irq_send_msi(struct vm *vm, u32 address, u32 data); /* returns the same */
/* Serve the access when it is one of these devices or an ioeventfd's; false: somebody else's. */
bool irqchip_io(struct vm *vm, u16 port, u8 size, bool in, u32 *value);
bool irqchip_mmio(struct vcpu *v, u64 gpa, u8 size, bool write, u64 *value);
/* Is there an interrupt that v would take if IF allows it; and: the guest takes it. Vector or -1. */
bool irq_pending(struct vcpu *v);
int irq_ack(struct vcpu *v);

/* pic.c; irqchip->lock held */
void pic_reset(struct irqchip *chip); /* a new one: all is 0 */
int pic_set_irq(struct irqchip *chip, unsigned int irq, bool level); /* returns as irq_set() */
void pic_update(struct irqchip *chip);
int pic_ack(struct irqchip *chip); /* the vector; a spurious one when it went away */
bool pic_io(struct irqchip *chip, u16 port, bool in, u32 *value); /* the lock is not held */

/* ioapic.c; irqchip->lock held */
void ioapic_reset(struct irqchip *chip);
int ioapic_set_irq(struct irqchip *chip, unsigned int pin, bool level); /* returns as irq_set() */
void ioapic_eoi(struct irqchip *chip, u8 vector);
void ioapic_mmio(struct irqchip *chip, u64 offset, bool write, u64 *value);

/* pit.c */
int pit_create(struct vm *vm, const struct kvm_pit_config *c); /* -EEXIST, -ENOMEM */
/* KVM_GET_PIT2, KVM_SET_PIT2. -ENXIO, -EINVAL */
int pit_state(struct vm *vm, struct kvm_pit_state2 *s, bool set);
void pit_free(struct vm *vm);
bool pit_io(struct vm *vm, u16 port, bool in, u32 *value); /* irqchip->lock not held */

/* lapic.c: all but create, pending and accept take a vCPU without an APIC for one that has nothing to say */
struct apic_message {
	union {
		u32 low; /* as ICR has it, and an IOAPIC's entry (SDM 3A 11.6.1) */
		struct {
			u32 vector : 8, mode : 3, logical : 1, ignored1 : 3, level_triggered : 1;
			u32 ignored2 : 2, shorthand : 2;
		};
	};
	const struct lapic *from; /* of a shorthand */
	u32 dest; /* APIC_ALL, or as x2APIC mode has it */
};
#define APIC_ALL ~0U
/* Of the 8 bits that xAPIC mode, an IOAPIC and an MSI have. */
static inline u32 apic_dest(u8 dest)
{
	return dest == 0xff ? APIC_ALL : dest;
}
enum { APIC_FIXED, APIC_LOWEST, APIC_NMI = 4, APIC_INIT, APIC_STARTUP, APIC_EXTINT = 7 };
int lapic_create(struct vcpu *v);
void lapic_free(struct vcpu *v);
int lapic_deliver(struct vm *vm, const struct apic_message *m); /* returns as irq_set() */
bool lapic_mmio(struct vcpu *v, u64 gpa, u8 size, bool write, u64 *value);
#define MSR_X2APIC 0x800 /* and 63 more, one a register */
msr_fn lapic_msr, lapic_base_msr; /* as msr_access() */
int lapic_pending(struct vcpu *v); /* vector, or -1 */
void lapic_accept(struct vcpu *v, u8 vector);
bool lapic_takes_pic(struct vcpu *v); /* LINT0 is wired to the PIC and open */
bool lapic_enabled(struct vcpu *v);
bool lapic_init_pending(struct vcpu *v);
void lapic_take_init(struct vcpu *v); /* does INIT and SIPI; v is loaded */
u8 lapic_get_tpr(struct vcpu *v);
void lapic_set_tpr(struct vcpu *v, u8 tpr);
u64 lapic_get_base(struct vcpu *v);
int lapic_state(struct vcpu *v, void *arg, bool set); /* -EINVAL: no APIC */
