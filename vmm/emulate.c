/* SPDX-License-Identifier: MIT */
/*
 * Instructions that the hardware leaves to us: those that touch device memory, and strings through a port.
 * A string goes element by element: RIP stays on a REP until RCX is 0, so that interrupts come in between, and
 * the guest that runs the instruction again continues it. When the monitor has to answer, v->wait holds the
 * instruction, and emulate_resume() goes on where it stopped. A write needs no answer: all is done before
 * the monitor hears of it.
 */
#include "vmm/irqchip/irqchip.h"
#include "vmm/vmm.h"

enum outcome {
	ASKED, /* v->run says what the monitor has to do */
	DONE,
	FAULTED, /* the guest gets an exception, or runs the instruction again */
};

static u64 next_rip(struct vcpu *v, const struct insn *in)
{
	return v->regs.rip + in->len;
}

/* ---- one access ---- */

static enum outcome access_device(struct vcpu *v, const struct insn *in, u64 gpa, bool write,
				  u64 *value)
{
	struct kvm_run *run = v->run;

	if (irqchip_mmio(v, gpa, in->size, write, value))
		return DONE;
	run->exit_reason = KVM_EXIT_MMIO;
	run->mmio.phys_addr = gpa;
	run->mmio.len = in->size;
	run->mmio.is_write = write;
	memcpy(run->mmio.data, value, 8);
	if (!write) {
		v->wait.kind = WAIT_MMIO;
		v->wait.insn = *in;
		v->wait.gpa = gpa;
	}
	return ASKED;
}

static enum outcome page_fault(struct vcpu *v, u64 at, u32 error)
{
	v->regs.cr2 = at;
	v->event = exception(VEC_PF, true, error);
	return FAULTED;
}

/* Of an access to memory: as guest_translate() and a page fault's error code have it. */
static u32 access_kind(struct vcpu *v, bool write)
{
	struct kvm_segment ss;

	vmm->get_segment(v, SEG_SS, &ss);
	return (write ? PF_WRITE : 0) | (ss.dpl == 3 ? PF_USER : 0);
}

/* An element, by its linear address: memory, which may end in the next page, or a device. */
static enum outcome access_linear(struct vcpu *v, const struct insn *in, u64 at, bool write,
				  u64 *value)
{
	u32 kind = access_kind(v, write);
	struct memslot s;

	for (unsigned int n = 0, part; n < in->size; n += part) {
		u64 gpa;
		int err = guest_translate(v, at + n, kind, &gpa);

		if (err)
			return page_fault(v, at + n, kind | (err == -EACCES ? PF_PRESENT : 0));
		if (n == 0 && !memslot_find(v->vm, gpa, &s))
			return access_device(v, in, gpa, write, value);
		part = min(in->size - n, (unsigned int)(PAGE_SIZE - (gpa & ~PAGE_MASK)));
		if (guest_copy(v->vm, gpa, (u8 *)value + n, part, write) && !write)
			*value = ~0UL; /* a write to a ROM is lost */
	}
	return DONE;
}

/* ---- strings ---- */

static u64 linear(struct vcpu *v, const struct insn *in, enum vmm_seg seg, unsigned int reg)
{
	u64 offset = low_bytes(v->regs.gpr[reg], in->addr_size);
	struct kvm_segment s;

	if (in->bits == 64 && seg != SEG_FS && seg != SEG_GS)
		return offset;
	vmm->get_segment(v, seg, &s);
	return in->bits == 64 ? s.base + offset : (u32)(s.base + offset);
}

static u64 source(struct vcpu *v, const struct insn *in)
{
	return linear(v, in, in->seg ? in->seg & ~SEG_PREFIX : SEG_DS, R_RSI);
}

/* A register changes as far as the addresses of this instruction use it. */
static void add_to(struct vcpu *v, const struct insn *in, unsigned int reg, u64 n)
{
	struct insn load = { .size = in->addr_size, .reg_size = in->addr_size };

	v->regs.gpr[reg] = insn_load_value(&load, v->regs.gpr[reg] + n, v->regs.gpr[reg]);
}

/* A REP has elements to do. */
static bool is_left(struct vcpu *v, const struct insn *in)
{
	return in->rep && low_bytes(v->regs.gpr[R_RCX], in->addr_size);
}

/* n elements are done. */
static void advance(struct vcpu *v, const struct insn *in, u64 n)
{
	u64 step = v->regs.rflags & RFLAGS_DF ? -n * in->size : n * in->size;

	if (in->op == INSN_MOVS || in->op == INSN_LODS || in->op == INSN_OUTS)
		add_to(v, in, R_RSI, step);
	if (in->op == INSN_MOVS || in->op == INSN_STOS || in->op == INSN_INS)
		add_to(v, in, R_RDI, step);
	if (in->rep)
		add_to(v, in, R_RCX, -n);
	if (!is_left(v, in))
		goto_rip(v, next_rip(v, in));
}

/* ---- whole instructions ---- */

/* Memory has been read, or the element of a string: what becomes of it. */
static enum outcome string_with(struct vcpu *v, const struct insn *in, u64 raw)
{
	struct insn load = { .size = in->size, .reg_size = in->size };
	enum outcome r = DONE;
	u32 low = raw;

	switch (in->op) {
	case INSN_LODS:
		v->regs.gpr[R_RAX] = insn_load_value(&load, raw, v->regs.gpr[R_RAX]);
		break;
	case INSN_OUTS:
		if (irqchip_io(v->vm, v->regs.gpr[R_RDX], in->size, false, &low))
			break;
		memcpy(v->pio, &low, in->size);
		ask_port(v, v->regs.gpr[R_RDX], in->size, false, 1);
		r = ASKED;
		break;
	default:
		r = access_linear(v, in, linear(v, in, SEG_ES, R_RDI), true, &raw);
	}
	if (r != FAULTED)
		advance(v, in, 1);
	return r;
}

static enum outcome with_value(struct vcpu *v, const struct insn *in, u64 gpa, u64 raw)
{
	u64 *reg = &v->regs.gpr[in->reg], operand = insn_store_value(in, *reg);
	bool store = false;

	raw = low_bytes(raw, in->size);
	switch (in->op) {
	case INSN_LOAD:
		*reg = insn_load_value(in, raw, *reg);
		break;
	case INSN_ALU_LOAD:
		raw = insn_alu(in->alu, in->size, operand, raw, &v->regs.rflags);
		if (alu_writes(in->alu))
			*reg = insn_load_value(in, raw, *reg);
		break;
	case INSN_ALU_STORE:
	case INSN_ALU_IMM:
		raw = insn_alu(in->alu, in->size, raw, operand, &v->regs.rflags);
		store = alu_writes(in->alu);
		break;
	case INSN_XCHG:
		*reg = insn_load_value(in, raw, *reg);
		raw = operand;
		store = true;
		break;
	default:
		return string_with(v, in, raw);
	}
	goto_rip(v, next_rip(v, in));
	return store ? access_device(v, in, gpa, true, &raw) : DONE;
}

int emulate_mmio(struct vcpu *v, struct vmm_exit *x)
{
	enum outcome r = DONE;
	struct insn in;
	u64 value = 0;

	if (decode_current(v, &in))
		return give_up(v, x);
	switch (in.op) {
	case INSN_STORE:
	case INSN_STORE_IMM:
		value = insn_store_value(&in, v->regs.gpr[in.reg]);
		goto_rip(v, next_rip(v, &in));
		return access_device(v, &in, x->mem.gpa, true, &value) != ASKED;
	case INSN_STOS:
		return string_with(v, &in, v->regs.gpr[R_RAX]) != ASKED;
	case INSN_MOVS:
	case INSN_LODS:
		r = access_linear(v, &in, source(v, &in), false, &value);
		break;
	case INSN_LOAD:
	case INSN_ALU_LOAD ... INSN_XCHG:
		r = access_device(v, &in, x->mem.gpa, false, &value);
		break;
	default:
		return give_up(v, x);
	}
	if (r == DONE)
		r = with_value(v, &in, x->mem.gpa, value);
	return r != ASKED;
}

/* What is left of the page that RDI points into, and of the page for data: as many elements as one exit can bring. */
static u32 at_once(struct vcpu *v, const struct insn *in)
{
	u64 left = PAGE_SIZE - (linear(v, in, SEG_ES, R_RDI) & ~PAGE_MASK);

	if (!in->rep || (v->regs.rflags & RFLAGS_DF))
		return 1;
	return max(min(left / in->size, low_bytes(v->regs.gpr[R_RCX], in->addr_size)), 1UL);
}

int emulate_string_io(struct vcpu *v, struct vmm_exit *x)
{
	struct insn in;
	u64 value = 0;
	u32 low;
	enum outcome r;

	if (decode_current(v, &in) || (in.op != INSN_INS && in.op != INSN_OUTS))
		return give_up(v, x);
	if (in.rep && !is_left(v, &in)) {
		goto_rip(v, next_rip(v, &in));
		return 1;
	}
	if (in.op == INSN_OUTS) {
		r = access_linear(v, &in, source(v, &in), false, &value);
	} else if (irqchip_io(v->vm, v->regs.gpr[R_RDX], in.size, true, &low)) {
		value = low;
		r = DONE;
	} else {
		v->wait.kind = WAIT_STRING_IN;
		v->wait.insn = in;
		v->wait.count = at_once(v, &in);
		ask_port(v, v->regs.gpr[R_RDX], in.size, true, v->wait.count);
		return 0;
	}
	if (r == DONE)
		r = string_with(v, &in, value);
	return r != ASKED;
}

/* Elements that came from the port at once, into one page of memory: true when that was possible. */
static bool store_page(struct vcpu *v, const struct insn *in, u32 count)
{
	u64 at = linear(v, in, SEG_ES, R_RDI), n = (u64)count * in->size, gpa;
	struct memslot s;

	if (n > PAGE_SIZE - (at & ~PAGE_MASK) || (v->regs.rflags & RFLAGS_DF) ||
	    low_bytes(v->regs.gpr[R_RCX], in->addr_size) < count ||
	    guest_translate(v, at, access_kind(v, true), &gpa) || !memslot_find(v->vm, gpa, &s))
		return false;
	guest_copy(v->vm, gpa, v->pio, n, true);
	advance(v, in, count);
	return true;
}

int emulate_resume(struct vcpu *v)
{
	enum outcome r = DONE;
	struct insn in = v->wait.insn;
	u32 count = v->wait.kind == WAIT_STRING_IN ? v->wait.count : 0;
	u64 value = 0;

	v->wait.kind = WAIT_NOTHING;
	if (!count) {
		memcpy(&value, v->run->mmio.data, 8);
		return with_value(v, &in, v->wait.gpa, value) != ASKED;
	}
	if (in.rep && store_page(v, &in, count))
		return 1;
	/* RCX may be the monitor's by now */
	for (u32 i = 0; i < count && r == DONE && (!in.rep || is_left(v, &in)); i++) {
		memcpy(&value, v->pio + i * in.size, in.size);
		r = string_with(v, &in, value);
	}
	return r != ASKED;
}
