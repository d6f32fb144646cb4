/* SPDX-License-Identifier: MIT */
/*
 * Instructions that the hardware leaves to us: those that touch device memory, and strings through a port.
 * A string goes element by element, but for what of a port's is in one page: RIP stays on a REP until RCX is 0, so
 * that interrupts come in between, and the guest that runs the instruction again continues it. When the monitor has
 * to answer, v->wait holds the instruction, and emulate_resume() goes on where it stopped. A write needs no answer:
 * all is done before the monitor hears of it. What an access reaches in two pages are two pieces, each memory or a
 * device, and the monitor gets one at a time.
 */
#include "vmm/irqchip/irqchip.h"
#include "vmm/vmm.h"

enum outcome {
	ASKED, /* v->run says what the monitor has to do */
	DONE,
	FAULTED, /* the guest gets an exception, or runs the instruction again */
};

/* ---- one access ---- */

/* Of an access to memory: as guest_translate() and a page fault's error code have it. */
static u32 access_kind(struct vcpu *v, bool write)
{
	struct kvm_segment ss;

	vmm->get_segment(v, SEG_SS, &ss);
	return (write ? PF_WRITE : 0) | (ss.dpl == 3 ? PF_USER : 0);
}

/* Memory, which for a write a ROM is not, or a device in the kernel. False: the monitor has it. */
static bool serve(struct vcpu *v, const struct piece *p)
{
	u64 part = v->wait.value >> 8 * p->from;

	if (guest_copy(v->vm, p->gpa, &part, p->len, v->wait.write) &&
	    !irqchip_mmio(v, p->gpa, p->len, v->wait.write, &part))
		return false;
	memcpy((u8 *)&v->wait.value + p->from, &part, p->len);
	return true;
}

/* Goes on with the pieces. DONE: of a read v->wait.value is what was there. */
static enum outcome proceed(struct vcpu *v)
{
	struct kvm_run *run = v->run;
	const struct piece *p = &v->wait.piece[v->wait.next];

	for (; v->wait.next < v->wait.nr && serve(v, p); p++)
		v->wait.next++;
	if (v->wait.next == v->wait.nr)
		return DONE;
	v->wait.kind = WAIT_MMIO;
	run->exit_reason = KVM_EXIT_MMIO;
	run->mmio.phys_addr = p->gpa;
	run->mmio.len = p->len;
	run->mmio.is_write = v->wait.write;
	memcpy(run->mmio.data, (u8 *)&v->wait.value + p->from, p->len);
	return ASKED;
}

/* Reads what was located last, or writes value there. */
static enum outcome transfer(struct vcpu *v, bool write, u64 value)
{
	v->wait.next = 0;
	v->wait.write = write;
	v->wait.value = value;
	return proceed(v);
}

/* in->size bytes at a linear address. hint: where the CPU stopped, if it may have been for this; or 0. */
static enum outcome locate(struct vcpu *v, const struct insn *in, u64 at, bool write, u64 hint)
{
	u32 kind = access_kind(v, write);
	struct piece *p = v->wait.piece;
	int err = 0;

	v->wait.insn = *in;
	v->wait.nr = 0;
	for (unsigned int n = 0; n < in->size; n += p++->len) {
		p->gpa = hint;
		if (n || !hint || ((hint ^ at) & ~PAGE_MASK))
			err = guest_translate(v, at + n, kind, &p->gpa);
		if (err) {
			v->regs.cr2 = at + n;
			kind |= err == -EACCES ? PF_PRESENT : 0;
			v->event = exception(VEC_PF, true, kind);
			return FAULTED;
		}
		p->from = n;
		p->len = min(in->size - n, (unsigned int)(PAGE_SIZE - (p->gpa & ~PAGE_MASK)));
		v->wait.nr++;
	}
	return DONE;
}

static enum outcome access(struct vcpu *v, const struct insn *in, u64 at, bool write, u64 value)
{
	enum outcome r = locate(v, in, at, write, 0);

	return r == DONE ? transfer(v, write, value) : r;
}

/* ---- addresses ---- */

static u64 linear(struct vcpu *v, const struct insn *in, enum vmm_seg seg, u64 offset)
{
	struct kvm_segment s;

	offset = low_bytes(offset, in->addr_size);
	if (in->bits == 64 && seg != SEG_FS && seg != SEG_GS)
		return offset;
	vmm->get_segment(v, seg, &s);
	return in->bits == 64 ? s.base + offset : (u32)(s.base + offset);
}

/* Of the ModRM operand. A bit's number in a register reaches beyond it (SDM 2A, BT). */
static u64 operand(struct vcpu *v, const struct insn *in)
{
	struct insn number = { .size = in->size, .reg_size = 8, .sign = true };
	u64 offset = in->disp;

	if (in->base != INSN_NONE)
		offset += in->base == INSN_RIP ? v->regs.rip + in->len : v->regs.gpr[in->base];
	if (in->index != INSN_NONE)
		offset += v->regs.gpr[in->index] << in->scale;
	if (in->op == INSN_ALU_STORE && in->alu >= ALU_BT && in->alu <= ALU_BTC)
		offset += (s64)insn_load_value(&number, v->regs.gpr[in->reg], 0) >> 3 &
			  -(u64)in->size;
	return linear(v, in, in->seg, offset);
}

/* Where a string goes to. */
static u64 target(struct vcpu *v, const struct insn *in)
{
	return linear(v, in, SEG_ES, v->regs.gpr[R_RDI]);
}

/* A register changes as far as the addresses of this instruction use it. */
static void add_to(struct vcpu *v, const struct insn *in, unsigned int reg, u64 n)
{
	u64 old = v->regs.gpr[reg];

	v->regs.gpr[reg] = reg_value(old, old + n, in->addr_size);
}

/* Moves RSP by n. The linear address where it points then. */
static u64 move_stack(struct vcpu *v, const struct insn *in, u64 n)
{
	struct insn stack = { .bits = in->bits };
	struct kvm_segment ss;

	vmm->get_segment(v, SEG_SS, &ss);
	stack.addr_size = in->bits == 64 ? 8 : ss.db ? 4 : 2;
	add_to(v, &stack, R_RSP, n);
	return linear(v, &stack, SEG_SS, v->regs.gpr[R_RSP]);
}

/* ---- whole instructions ---- */

/* A REP has elements to do. A comparison has set ZF. */
static bool is_left(struct vcpu *v, const struct insn *in)
{
	bool compares = in->op == INSN_CMPS_TO || in->op == INSN_SCAS;
	bool equal = v->regs.rflags & FLAG_ZF;

	return in->rep && low_bytes(v->regs.gpr[R_RCX], in->addr_size) &&
	       (!compares || equal == (in->rep == REP_E));
}

/* The instruction is done, or n elements of it. */
static void advance(struct vcpu *v, const struct insn *in, u64 n)
{
	u64 step = v->regs.rflags & RFLAGS_DF ? -n * in->size : n * in->size;

	if (in->op >= INSN_LODS && in->op <= INSN_MOVS)
		add_to(v, in, R_RSI, step);
	if (in->op >= INSN_CMPS)
		add_to(v, in, R_RDI, step);
	if (in->rep)
		add_to(v, in, R_RCX, -n);
	if (!is_left(v, in))
		goto_rip(v, v->regs.rip + in->len);
}

/* How many elements of a string through a port one exit can move: those in the page that `at` points into, or 0. */
static u32 at_once(struct vcpu *v, const struct insn *in, u64 at)
{
	bool many = in->rep && !(v->regs.rflags & RFLAGS_DF);
	u64 n = many ? low_bytes(v->regs.gpr[R_RCX], in->addr_size) : 1;

	return min((PAGE_SIZE - (at & ~PAGE_MASK)) / in->size, n);
}

/* What was read goes to the stack, or comes from it. */
static enum outcome move_with_stack(struct vcpu *v, const struct insn *in, u64 raw)
{
	u64 step = in->op == INSN_PUSH ? -(u64)in->size : in->size, top = move_stack(v, in, step);
	enum outcome r = access(v, in, in->op == INSN_PUSH ? top : operand(v, in), true, raw);

	if (r == FAULTED)
		move_stack(v, in, -step);
	return r;
}

/* All is there that is read, raw, or that a string moves: what becomes of it. */
static enum outcome with_value(struct vcpu *v, const struct insn *in, u64 raw)
{
	u64 *reg = &v->regs.gpr[in->reg], own = insn_store_value(in, *reg), new = own;
	u64 *flags = &v->regs.rflags, *rax = &v->regs.gpr[R_RAX];
	struct insn half = *in;
	enum outcome r = DONE;
	u32 low = raw, n = 1;

	raw = low_bytes(raw, in->size);
	switch (in->op) {
	case INSN_XADD:
		new = insn_alu(ALU_ADD, in->size, raw, own, flags);
		*reg = insn_load_value(in, raw, *reg);
		break;
	case INSN_CMPXCHG:
		insn_alu(ALU_CMP, in->size, low_bytes(*rax, in->size), raw, flags);
		if (!(*flags & FLAG_ZF)) { /* what was there is written again (SDM 2A) */
			*rax = reg_value(*rax, raw, in->size);
			new = raw;
		}
		break;
	case INSN_LOAD:
	case INSN_XCHG:
		*reg = insn_load_value(in, raw, *reg);
		break;
	case INSN_ALU_LOAD:
		new = insn_alu(in->alu, in->size, own, raw, flags);
		if (alu_writes(in->alu))
			*reg = insn_load_value(in, new, *reg);
		break;
	case INSN_ALU_STORE:
	case INSN_ALU_IMM:
		new = insn_alu(in->alu, in->size, raw, own, flags);
		break;
	case INSN_PUSH:
	case INSN_POP:
		r = move_with_stack(v, in, raw);
		break;
	case INSN_LODS:
		*rax = reg_value(*rax, raw, in->size);
		break;
	case INSN_CMPS:
		half.op = INSN_CMPS_TO;
		half.imm = raw;
		r = access(v, &half, target(v, in), false, 0);
		return r == DONE ? with_value(v, &half, v->wait.value) : r;
	case INSN_CMPS_TO:
	case INSN_SCAS: /* own is RAX */
		insn_alu(ALU_CMP, in->size, own, raw, flags);
		break;
	case INSN_OUTS:
		if (irqchip_io(v->vm, v->regs.gpr[R_RDX], in->size, false, &low))
			break;
		memcpy(v->pio, &low, in->size);
		n = at_once(v, in, v->wait.piece->gpa); /* where low comes from */
		if (n < 2 || guest_copy(v->vm, v->wait.piece->gpa, v->pio, n * in->size, false))
			n = 1;
		ask_port(v, v->regs.gpr[R_RDX], in->size, false, n);
		r = ASKED;
		break;
	case INSN_MOVS ... INSN_INS:
		r = access(v, in, target(v, in), true, raw);
		break;
	}
	if (insn_writes(in))
		r = transfer(v, true, new);
	if (r != FAULTED)
		advance(v, in, n);
	return r;
}

int emulate_mmio(struct vcpu *v, struct vmm_exit *x)
{
	enum outcome r;
	struct insn in;
	u64 at;

	if (decode_current(v, &in))
		return give_up(v, x);
	if (in.lock && !insn_locks(&in)) /* not every CPU looks before it accesses memory */
		return inject_ud(v, x);
	switch (in.op) {
	case INSN_LOAD ... INSN_PUSH:
		at = operand(v, &in);
		break;
	case INSN_POP:
		at = move_stack(v, &in, 0);
		break;
	case INSN_STOS:
		return with_value(v, &in, v->regs.gpr[R_RAX]) != ASKED;
	case INSN_SCAS:
		at = target(v, &in);
		break;
	case INSN_CMPS:
	case INSN_MOVS:
	case INSN_LODS:
		at = linear(v, &in, in.seg, v->regs.gpr[R_RSI]);
		break;
	default:
		return give_up(v, x);
	}
	r = locate(v, &in, at, insn_writes(&in), in.op < INSN_PUSH ? x->mem.gpa : 0);
	if (r == DONE && in.op != INSN_STORE && in.op != INSN_STORE_IMM)
		r = transfer(v, false, 0);
	if (r == DONE)
		r = with_value(v, &in, v->wait.value);
	return r != ASKED;
}

int emulate_string_io(struct vcpu *v, struct vmm_exit *x)
{
	enum outcome r = DONE;
	struct insn in;
	u32 value;

	if (decode_current(v, &in) || (in.op != INSN_INS && in.op != INSN_OUTS))
		return give_up(v, x);
	if (in.rep && !is_left(v, &in)) {
		goto_rip(v, v->regs.rip + in.len);
		return 1;
	}
	if (in.op == INSN_OUTS) {
		r = access(v, &in, linear(v, &in, in.seg, v->regs.gpr[R_RSI]), false, 0);
		value = v->wait.value;
	} else if (!irqchip_io(v->vm, v->regs.gpr[R_RDX], in.size, true, &value)) {
		v->wait.kind = WAIT_STRING_IN;
		v->wait.insn = in;
		v->wait.done = 0;
		v->wait.count = max(at_once(v, &in, target(v, &in)), 1U);
		ask_port(v, v->regs.gpr[R_RDX], in.size, true, v->wait.count);
		return 0;
	}
	if (r == DONE)
		r = with_value(v, &in, value);
	return r != ASKED;
}

/* Elements that came from the port at once, into one page of memory: true when that was possible. */
static bool store_page(struct vcpu *v, const struct insn *in, u32 count)
{
	u64 at = target(v, in), gpa;

	if (at_once(v, in, at) < count || guest_translate(v, at, access_kind(v, true), &gpa) ||
	    guest_copy(v->vm, gpa, v->pio, count * in->size, true))
		return false;
	advance(v, in, count);
	return true;
}

/* Elements that came from the port, and are not where they belong; RCX may be the monitor's by now. */
static enum outcome store_elements(struct vcpu *v, const struct insn *in)
{
	enum outcome r = DONE;
	u64 value = 0;

	while (r == DONE && v->wait.done < v->wait.count && (!in->rep || is_left(v, in))) {
		memcpy(&value, v->pio + v->wait.done++ * in->size, in->size);
		r = with_value(v, in, value);
	}
	if (r != ASKED)
		v->wait.count = 0;
	return r;
}

int emulate_resume(struct vcpu *v)
{
	const struct piece *p = &v->wait.piece[v->wait.next];
	bool memory = v->wait.kind == WAIT_MMIO;
	struct insn in = v->wait.insn;
	enum outcome r = DONE;

	v->wait.kind = WAIT_NOTHING;
	if (memory) {
		if (!v->wait.write)
			memcpy((u8 *)&v->wait.value + p->from, v->run->mmio.data, p->len);
		v->wait.next++;
		r = proceed(v);
		if (r == DONE && !v->wait.write)
			r = with_value(v, &in, v->wait.value);
	} else if (store_page(v, &in, v->wait.count)) {
		v->wait.count = 0;
	}
	if (r == DONE)
		r = store_elements(v, &in);
	return r != ASKED;
}
