/* SPDX-License-Identifier: MIT */
/*
 * Tasks that the hardware switches (SDM 3A, chapter 7), as Linux 0.11's: a far JMP or CALL to a TSS, or an IRET
 * with NT. VT-x leaves that to software altogether. Linux's KVM does it in the kernel; Dyad's gives the exit to
 * its monitor: the reason tells the instruction's length (bits 19:16) and above 32 the exit qualification
 * (SDM 3C, table 28-2). TSSs of 32 bits, with paging off or of 32 bits, and no task gates in the IDT: what a
 * kernel has that switches so. What the guest's memory says is about the guest alone.
 */
#include "vm.h"

#define EXIT_TASK_SWITCH 9
#define CR0_TS (1UL << 3)
#define CR0_PG (1UL << 31)
#define CR4_PAE (1UL << 5)
#define FLAG_FIXED 2
#define FLAG_NT (1U << 14)
#define FLAG_VM (1U << 17)
#define ENTRY_PRESENT 1
#define ENTRY_LARGE 0x80 /* 4 MiB */
#define RIGHTS 5 /* byte of a descriptor; in it: */
#define ACCESSED 1
#define TSS_BUSY 2
enum { TYPE_TSS = 9, TYPE_BUSY_TSS = 11 };
enum { BY_CALL, BY_IRET, BY_JMP, BY_GATE };

struct tss {
	uint32_t link, stacks[6], cr3, eip, eflags;
	uint32_t reg[8]; /* eax ecx edx ebx esp ebp esi edi */
	uint32_t segment[6]; /* es cs ss ds fs gs */
	uint32_t ldt, io_map;
};

/* n bytes at a linear address, all in one page. NULL: they are not there. */
static void *linear(struct machine *m, const struct kvm_sregs *s, uint32_t at, uint64_t n)
{
	uint64_t table = s->cr3, page = 1UL << 32;
	uint32_t *entry;

	if (!(s->cr0 & CR0_PG))
		return guest_memory(m, at, n, true);
	for (unsigned int shift = 22; shift >= 12; shift -= 10) {
		entry = guest_memory(m, (table & ~(PAGE - 1)) + (at >> shift) % 1024 * 4, 4, true);
		if (!entry || !(*entry & ENTRY_PRESENT))
			return NULL;
		table = *entry;
		page = 1UL << shift;
		if (table & ENTRY_LARGE)
			break;
	}
	if (at % page + n > page)
		return NULL;
	return guest_memory(m, (table & 0xffffffff & -page & ~(PAGE - 1)) + at % page, n, true);
}

static uint8_t *descriptor(struct machine *m, const struct kvm_sregs *s, uint16_t selector)
{
	bool local = selector & 4;
	uint32_t base = local ? s->ldt.base : s->gdt.base;

	if ((selector | 7U) > (local ? s->ldt.limit : s->gdt.limit))
		return NULL;
	return linear(m, s, base + (selector & ~7), 8);
}

/* What a segment register holds with this selector; 0 is no segment. */
static bool load(struct machine *m, const struct kvm_sregs *s, uint16_t selector,
		 struct kvm_segment *to)
{
	uint8_t *d = descriptor(m, s, selector);
	uint64_t v;

	*to = (struct kvm_segment){ .selector = selector, .unusable = 1 };
	if (!(selector & ~3))
		return true;
	if (!d)
		return false;
	memcpy(&v, d, sizeof(v));
	to->base = (v >> 16 & 0xffffff) | v >> 56 << 24;
	to->limit = (v & 0xffff) | (v >> 32 & 0xf0000);
	to->type = v >> 40 & 15;
	to->s = v >> 44 & 1;
	to->dpl = v >> 45 & 3;
	to->present = v >> 47 & 1;
	to->db = v >> 54 & 1;
	to->g = v >> 55 & 1;
	to->unusable = 0;
	if (to->g)
		to->limit = to->limit << 12 | 0xfff;
	if (to->s) {
		d[RIGHTS] |= ACCESSED;
		to->type |= ACCESSED;
	}
	return to->present;
}

/* Registers out of one TSS and into another; false: the new one leads nowhere. */
static bool exchange(struct machine *m, struct kvm_regs *r, struct kvm_sregs *s, struct tss *old,
		     const struct tss *new)
{
	__u64 *const reg[] = { &r->rax, &r->rcx, &r->rdx, &r->rbx,
			       &r->rsp, &r->rbp, &r->rsi, &r->rdi };
	struct kvm_segment *const segment[] = { &s->es, &s->cs, &s->ss, &s->ds, &s->fs, &s->gs };
	bool good = true;

	old->eip = r->rip;
	old->eflags = r->rflags;
	r->rip = new->eip;
	r->rflags = new->eflags | FLAG_FIXED;
	for (unsigned int i = 0; i < LENGTH(reg); i++) {
		old->reg[i] = *reg[i];
		*reg[i] = new->reg[i];
	}
	for (unsigned int i = 0; i < LENGTH(segment); i++)
		old->segment[i] = segment[i]->selector;
	s->cr0 |= CR0_TS;
	if (s->cr0 & CR0_PG)
		s->cr3 = new->cr3;
	good &= load(m, s, new->ldt, &s->ldt);
	for (unsigned int i = 0; i < LENGTH(segment); i++)
		good &= load(m, s, new->segment[i], segment[i]);
	return good;
}

bool task_switch(struct machine *m, int vcpu, uint64_t reason)
{
	unsigned int how = reason >> 62;
	uint16_t selector = reason >> 32, before;
	struct tss *old, *new;
	struct kvm_segment tr;
	struct kvm_sregs s;
	struct kvm_regs r;
	uint8_t *leaves, *enters;

	if ((uint16_t)reason != EXIT_TASK_SWITCH || how == BY_GATE ||
	    ioctl(vcpu, KVM_GET_REGS, &r) < 0 || ioctl(vcpu, KVM_GET_SREGS, &s) < 0)
		return false;
	before = s.tr.selector;
	leaves = descriptor(m, &s, before);
	enters = descriptor(m, &s, selector);
	old = linear(m, &s, s.tr.base, sizeof(*old));
	if (s.cr4 & CR4_PAE || !leaves || !enters || !old || !load(m, &s, selector, &tr) || tr.s ||
	    tr.type != (how == BY_IRET ? TYPE_BUSY_TSS : TYPE_TSS))
		return false;
	new = linear(m, &s, tr.base, sizeof(*new));
	if (!new || new->eflags & FLAG_VM)
		return false;
	r.rip += reason >> 16 & 15;
	if (how == BY_IRET)
		r.rflags &= ~(uint64_t)FLAG_NT;
	if (how != BY_CALL)
		leaves[RIGHTS] &= ~TSS_BUSY;
	enters[RIGHTS] |= TSS_BUSY;
	tr.type = TYPE_BUSY_TSS;
	s.tr = tr;
	if (!exchange(m, &r, &s, old, new))
		return false;
	if (how == BY_CALL) {
		new->link = before;
		r.rflags |= FLAG_NT;
	}
	return ioctl(vcpu, KVM_SET_SREGS, &s) == 0 && ioctl(vcpu, KVM_SET_REGS, &r) == 0;
}
