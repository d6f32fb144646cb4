/* SPDX-License-Identifier: MIT */
/*
 * Two 8259A interrupt controllers in cascade (Intel 8259A data sheet; the edge/level registers of
 * the 82371). The state is KVM's struct kvm_pic_state. irqchip->lock is held in every call but pic_io(); the
 * outcome is chip->pic_output, the INTR wire to the first vCPU.
 */
#include "vmm/irqchip/irqchip.h"

#define CASCADE 2 /* line of the master where the slave sits */

/* Returns as irq_set(). */
static int set_line(struct kvm_pic_state *s, unsigned int n, bool level)
{
	u8 bit = 1 << n;
	int taken = 1;

	if (level) {
		if ((s->elcr & bit) || !(s->last_irr & bit)) {
			taken = !(s->irr & bit);
			s->irr |= bit;
		}
		s->last_irr |= bit;
	} else {
		if (s->elcr & bit)
			s->irr &= ~bit;
		s->last_irr &= ~bit;
	}
	return s->imr & bit ? -1 : taken;
}

/* 0 is the highest priority; 8: none set. */
static unsigned int priority(const struct kvm_pic_state *s, u8 lines)
{
	unsigned int first = s->priority_add; /* has the highest; those below follow 7 */

	return lines ? __builtin_ctz(lines >> first | lines << (8 - first)) : 8;
}

/* The line to be served next, or -1. */
static int next_line(const struct kvm_pic_state *s, bool master)
{
	/* LAB 11: begin
	 * Of the lines that ask (irr) and are not masked (imr), the one with the highest priority; but only
	 * when it is higher than that of every line in service (isr): an interrupt waits for its equals
	 * and its betters. priority() gives a number, 0 for the highest, and 8 when no line is set; the
	 * line of that number is (number + priority_add) modulo 8.
	 * Two modes take lines out of those in service: with special_mask those that are masked, and with
	 * special_fully_nested_mode in the master the line of the slave (CASCADE).
	 * starter: return -1;
	 */
	unsigned int wanted = priority(s, s->irr & ~s->imr);
	u8 in_service = s->isr;

	if (s->special_mask)
		in_service &= ~s->imr;
	if (s->special_fully_nested_mode && master)
		in_service &= ~(1 << CASCADE);
	return wanted < priority(s, in_service) ? (int)((wanted + s->priority_add) & 7) : -1;
	/* LAB 11: end */
}

void pic_update(struct irqchip *chip)
{
	bool out;

	set_line(&chip->pic[0], CASCADE, false);
	if (next_line(&chip->pic[1], false) >= 0)
		set_line(&chip->pic[0], CASCADE, true);
	out = next_line(&chip->pic[0], true) >= 0;
	WRITE_ONCE(chip->pic_output, out);
	if (out && chip->vm->vcpus[0])
		vcpu_kick(chip->vm->vcpus[0]);
}

int pic_set_irq(struct irqchip *chip, unsigned int irq, bool level)
{
	int taken = set_line(&chip->pic[irq >> 3], irq & 7, level);

	pic_update(chip);
	return taken;
}

static void acknowledge(struct kvm_pic_state *s, unsigned int n)
{
	/* LAB 11: begin
	 * The CPU takes the interrupt of line n. The line is in service (isr) until the guest's EOI; with
	 * auto_eoi it has ended at once, and with rotate_on_auto_eoi it gets the lowest
	 * priority: priority_add is the line with the highest. An edge is used up, its bit in irr goes
	 * out. A line of level kind (elcr) asks as long as it is up: its bit stays.
	 * starter: return;
	 */
	if (!s->auto_eoi)
		s->isr |= 1 << n;
	else if (s->rotate_on_auto_eoi)
		s->priority_add = (n + 1) & 7;
	if (!(s->elcr & (1 << n)))
		s->irr &= ~(1 << n);
	/* LAB 11: end */
}

int pic_ack(struct irqchip *chip)
{
	struct kvm_pic_state *s = &chip->pic[0];
	int n = next_line(s, true);

	if (n == CASCADE) {
		acknowledge(s, n);
		s = &chip->pic[1];
		n = next_line(s, false);
	}
	if (n >= 0)
		acknowledge(s, n);
	pic_update(chip);
	return s->irq_base + (n < 0 ? 7 : n); /* 7: spurious */
}

static void reset_one(struct kvm_pic_state *s, u8 elcr_mask)
{
	*s = (struct kvm_pic_state){ .elcr = s->elcr, .elcr_mask = elcr_mask };
}

void pic_reset(struct irqchip *chip)
{
	reset_one(&chip->pic[0], 0xf8);
	reset_one(&chip->pic[1], 0xde);
}

/* OCW2: what is done to which line, or to the one that is served first. */
static void end_of_interrupt(struct kvm_pic_state *s, u8 v)
{
	bool rotate = v & 0x80, specific = v & 0x40, eoi = v & 0x20;
	unsigned int p, n = v & 7;

	if (!specific && !eoi)
		s->rotate_on_auto_eoi = rotate;
	if (!specific) {
		p = eoi ? priority(s, s->isr) : 8;
		if (p == 8)
			return;
		n = (p + s->priority_add) & 7;
	}
	if (eoi)
		s->isr &= ~(1 << n);
	if (rotate)
		s->priority_add = (n + 1) & 7;
}

static void write_command(struct kvm_pic_state *s, u8 v)
{
	if (v & 0x10) { /* ICW1 */
		reset_one(s, s->elcr_mask);
		s->init_state = 1;
		s->init4 = v & 1;
	} else if (v & 0x08) { /* OCW3 */
		s->poll = (v & 4) != 0;
		if (v & 2)
			s->read_reg_select = v & 1;
		if (v & 0x40)
			s->special_mask = (v >> 5) & 1;
	} else {
		end_of_interrupt(s, v);
	}
}

static void write_data(struct kvm_pic_state *s, u8 v)
{
	switch (s->init_state) {
	case 0:
		s->imr = v;
		break;
	case 1: /* ICW2 */
		s->irq_base = v & 0xf8;
		s->init_state = 2;
		break;
	case 2: /* ICW3: the cascade is wired as it is */
		s->init_state = s->init4 ? 3 : 0;
		break;
	case 3: /* ICW4 */
		s->special_fully_nested_mode = (v >> 4) & 1;
		s->auto_eoi = (v >> 1) & 1;
		s->init_state = 0;
		break;
	}
}

static u8 read_one(struct irqchip *chip, struct kvm_pic_state *s, bool data)
{
	if (s->poll) {
		int n = next_line(s, s == &chip->pic[0]);

		s->poll = 0;
		if (n < 0)
			return 0;
		acknowledge(s, n);
		return 0x80 | n;
	}
	if (data)
		return s->imr;
	return s->read_reg_select ? s->isr : s->irr;
}

bool pic_io(struct irqchip *chip, u16 port, bool in, u32 *value)
{
	bool elcr = (port & ~1) == 0x4d0; /* else 0x20, 0x21, 0xa0, 0xa1 */
	struct kvm_pic_state *s = &chip->pic[elcr ? port & 1 : port >> 7 & 1];

	if (!elcr && (port & ~0x81) != 0x20)
		return false;
	SPIN_GUARD(&chip->lock);
	if (in)
		*value = elcr ? s->elcr : read_one(chip, s, port & 1);
	else if (elcr)
		s->elcr = *value & s->elcr_mask;
	else if (port & 1)
		write_data(s, *value);
	else
		write_command(s, *value);
	pic_update(chip);
	return true;
}
