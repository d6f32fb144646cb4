/* SPDX-License-Identifier: MIT */
/*
 * Programs in the newer instruction set: the check, then the interpreter that trusts it. The check goes
 * once through the program and knows for each instruction what kind of value every register holds there,
 * whichever way was taken; where two ways meet, a register of two kinds holds nothing. All jumps go
 * forward, so that all ways to an instruction are known when its turn comes. Linux follows each way by
 * itself and so accepts more; what programs that decide about devices and packets do is within this.
 */
#include "lib/bpf.h"

#define STACK_BYTES 512
#define FRAME 10 /* the register with the end of the stack */

/* What a register holds; three bits of a state each. A state of 0: no way leads here. */
enum kind { NOTHING, SCALAR, VERDICT /* 0 or 1 */, CONTEXT, STACK };

static enum kind kind_of(u64 state, unsigned int reg)
{
	return state >> 3 * reg & 7;
}

static void set_kind(u64 *state, unsigned int reg, enum kind k)
{
	*state = (*state & ~(7UL << 3 * reg)) | (u64)k << 3 * reg;
}

static bool is_number(enum kind k)
{
	return k == SCALAR || k == VERDICT;
}

/* Another way, with these registers, leads to an instruction. */
static void meet(u64 *at, u64 state)
{
	for (unsigned int r = 0; *at && r <= FRAME; r++) {
		enum kind a = kind_of(*at, r), b = kind_of(state, r);

		if (a != b)
			set_kind(&state, r, is_number(a) && is_number(b) ? SCALAR : NOTHING);
	}
	*at = state;
}

static int complain(struct bpf_complaint *why, int err, const char *what, int value)
{
	why->what = what;
	why->value = value;
	return err;
}
#define REFUSE(err, what, value) return complain(why, -(err), what, value)

static int check_alu(const struct bpf_insn *i, u64 *state, struct bpf_complaint *why)
{
	bool by_reg = BPF_SRC(i->code) == BPF_X, wide = BPF_CLASS(i->code) == BPF_ALU64;
	u8 op = BPF_OP(i->code);
	enum kind src = by_reg ? kind_of(*state, i->src_reg) : i->imm >> 1 ? SCALAR : VERDICT;

	if (op > BPF_ARSH)
		REFUSE(EINVAL, "unknown opcode %02x", i->code);
	if (i->off || (by_reg ? i->imm : i->src_reg) || (op == BPF_NEG && (by_reg || i->imm)))
		REFUSE(EINVAL, "BPF_ALU uses reserved fields", 0);
	if (src == NOTHING)
		REFUSE(EACCES, "R%d !read_ok", i->src_reg);
	if (op != BPF_MOV && kind_of(*state, i->dst_reg) == NOTHING)
		REFUSE(EACCES, "R%d !read_ok", i->dst_reg);
	if (i->dst_reg == FRAME)
		REFUSE(EACCES, "frame pointer is read only", 0);
	if (!by_reg && (op == BPF_DIV || op == BPF_MOD) && !i->imm)
		REFUSE(EINVAL, "div by zero", 0);
	if (!by_reg && (op == BPF_LSH || op == BPF_RSH || op == BPF_ARSH) &&
	    (u32)i->imm >= (wide ? 64 : 32))
		REFUSE(EINVAL, "invalid shift %d", i->imm);
	if (op == BPF_MOV && (wide || is_number(src))) {
		set_kind(state, i->dst_reg, src);
		return 0;
	}
	if (!is_number(src) || (op != BPF_MOV && !is_number(kind_of(*state, i->dst_reg))))
		REFUSE(EACCES, "R%d pointer arithmetic prohibited", i->dst_reg);
	set_kind(state, i->dst_reg, op == BPF_AND && !by_reg && i->imm == 1 ? VERDICT : SCALAR);
	return 0;
}

/* access_type may be read in parts, the other fields not */
static bool device_field(unsigned int off, unsigned int size)
{
	return off + size <= sizeof(struct bpf_cgroup_dev_ctx) &&
	       (size == 4 || (size < 4 && off < 4));
}

/* Those that say something here: no bytes of the packet, no control block, no IPv6. */
static bool packet_field(unsigned int off, unsigned int size)
{
	if (off >= offsetof(struct __sk_buff, remote_ip4) &&
	    off < offsetof(struct __sk_buff, remote_ip6))
		return size == 4;
	return size <= 4 && (off < offsetof(struct __sk_buff, cb) ||
			     off / 4 == offsetof(struct __sk_buff, family) / 4 ||
			     off / 4 == offsetof(struct __sk_buff, remote_port) / 4 ||
			     off / 4 == offsetof(struct __sk_buff, local_port) / 4);
}

const struct bpf_context bpf_device = { device_field }, bpf_packet = { packet_field };

/* A load or store of size bytes at off from what base holds. */
static int check_access(enum kind base, const struct bpf_insn *i, bool write,
			const struct bpf_context *ctx, struct bpf_complaint *why)
{
	static const u8 sizes[] = { 4, 2, 1, 8 }; /* BPF_W, BPF_H, BPF_B, BPF_DW */
	int size = sizes[BPF_SIZE(i->code) >> 3], off = i->off;

	if (base == STACK) {
		if (off < -STACK_BYTES || off + size > 0 || off % size)
			REFUSE(EACCES, "invalid stack access off=%d", off);
		return 0;
	}
	if (base != CONTEXT)
		REFUSE(EACCES, "R%d invalid mem access 'scalar'", write ? i->dst_reg : i->src_reg);
	if (write || off < 0 || off % size || !ctx->readable(off, size))
		REFUSE(EACCES, "invalid bpf_context access off=%d", off);
	return 0;
}

static int check_memory(const struct bpf_insn *i, u64 *state, const struct bpf_context *ctx,
			struct bpf_complaint *why)
{
	u8 class = BPF_CLASS(i->code);
	int err;

	if (BPF_MODE(i->code) != BPF_MEM)
		REFUSE(EINVAL, "unknown opcode %02x", i->code);
	if (class == BPF_ST ? i->src_reg : i->imm)
		REFUSE(EINVAL, "BPF_LDX uses reserved fields", 0);
	if (class == BPF_LDX) {
		if (i->dst_reg == FRAME)
			REFUSE(EACCES, "frame pointer is read only", 0);
		err = check_access(kind_of(*state, i->src_reg), i, false, ctx, why);
		set_kind(state, i->dst_reg, SCALAR);
		return err;
	}
	/* A pointer on the stack would be a number when it is read again. */
	if (class == BPF_STX && !is_number(kind_of(*state, i->src_reg)))
		REFUSE(EACCES, "R%d is no number to store", i->src_reg);
	return check_access(kind_of(*state, i->dst_reg), i, true, ctx, why);
}

static int check_exit(const struct bpf_insn *i, u64 state, struct bpf_complaint *why)
{
	if (i->dst_reg || i->src_reg || i->off || i->imm)
		REFUSE(EINVAL, "BPF_EXIT uses reserved fields", 0);
	if (kind_of(state, 0) == NOTHING)
		REFUSE(EACCES, "R%d !read_ok", 0);
	if (kind_of(state, 0) != VERDICT)
		REFUSE(EINVAL, "At program exit the register R0 should have been in (0x0; 0x1)", 0);
	return 0;
}

/* A jump: where it may lead gets its state. */
static int check_jump(const struct bpf_insn *i, unsigned int at, unsigned int n, u64 *states,
		      struct bpf_complaint *why)
{
	bool by_reg = BPF_SRC(i->code) == BPF_X, always = i->code == (BPF_JMP | BPF_JA);
	u8 op = BPF_OP(i->code);
	int to = (int)at + 1 + i->off;

	if (i->code == (BPF_JMP | BPF_CALL))
		REFUSE(EINVAL, "unknown func %d", i->imm);
	if (op > BPF_JSLE || op == BPF_CALL || op == BPF_EXIT || (op == BPF_JA && !always))
		REFUSE(EINVAL, "unknown opcode %02x", i->code);
	if (always ? i->dst_reg || i->src_reg || i->imm : by_reg ? i->imm : i->src_reg)
		REFUSE(EINVAL, "BPF_JMP uses reserved fields", 0);
	if (!always && by_reg && !is_number(kind_of(states[at], i->src_reg)))
		REFUSE(EACCES, "R%d !read_ok", i->src_reg);
	if (!always && !is_number(kind_of(states[at], i->dst_reg)))
		REFUSE(EACCES, "R%d !read_ok", i->dst_reg);
	if (to < 0 || to >= (int)n)
		REFUSE(EINVAL, "jump out of range to insn %d", to);
	if (to <= (int)at)
		REFUSE(EINVAL, "back-edge to insn %d", to);
	meet(&states[to], states[at]);
	if (!always && at + 1 < n)
		meet(&states[at + 1], states[at]);
	return 0;
}

/* The instruction at, reached with states[at]; what it leads to gets a state. Instructions it takes. */
static int check_insn(const struct bpf_insn *i, unsigned int at, unsigned int n,
		      const struct bpf_context *ctx, u64 *states, struct bpf_complaint *why)
{
	u8 class = BPF_CLASS(i->code);
	u64 state = states[at];
	unsigned int taken = 1;
	int err;

	if (!state)
		REFUSE(EINVAL, "unreachable insn", 0);
	if (i->dst_reg > FRAME || i->src_reg > FRAME)
		REFUSE(EINVAL, "R%d is invalid", i->dst_reg > FRAME ? i->dst_reg : i->src_reg);
	if (class == BPF_JMP || class == BPF_JMP32) {
		err = i->code == (BPF_JMP | BPF_EXIT) ? check_exit(i, state, why)
						      : check_jump(i, at, n, states, why);
		return err ? err : 1;
	}
	if (i->code == (BPF_LD | BPF_IMM | BPF_DW)) { /* two of them for one number; no maps */
		if (i->src_reg || i->off || i->dst_reg == FRAME || at + 1 >= n || i[1].code ||
		    i[1].dst_reg || i[1].src_reg || i[1].off || states[at + 1])
			REFUSE(EINVAL, "invalid bpf_ld_imm64 insn", 0);
		set_kind(&state, i->dst_reg, SCALAR);
		taken = 2;
		err = 0;
	} else if (class == BPF_LD) {
		REFUSE(EINVAL, "unknown opcode %02x", i->code);
	} else {
		err = class == BPF_ALU || class == BPF_ALU64 ? check_alu(i, &state, why)
							     : check_memory(i, &state, ctx, why);
	}
	if (err)
		return err;
	if (at + taken >= n)
		REFUSE(EINVAL, "last insn is not an exit or jmp", 0);
	meet(&states[at + taken], state);
	return taken;
}

int bpf_check(const struct bpf_insn *prog, unsigned int n, const struct bpf_context *ctx,
	      u64 *states, struct bpf_complaint *why)
{
	int taken;

	for (unsigned int i = 0; i < n; i++)
		states[i] = 0;
	set_kind(&states[0], 1, CONTEXT);
	set_kind(&states[0], FRAME, STACK);
	for (unsigned int i = 0; i < n; i += taken) {
		why->insn = i;
		taken = check_insn(&prog[i], i, n, ctx, states, why);
		if (taken < 0)
			return taken;
	}
	return 0;
}

/* ---- running ---- */

u64 bpf_alu(u8 op, u64 a, u64 b, bool wide)
{
	unsigned int shift = b & (wide ? 63 : 31);

	switch (op) {
	case BPF_ADD:
		return a + b;
	case BPF_SUB:
		return a - b;
	case BPF_MUL:
		return a * b;
	case BPF_DIV:
		return b ? a / b : 0;
	case BPF_MOD:
		return b ? a % b : a;
	case BPF_OR:
		return a | b;
	case BPF_AND:
		return a & b;
	case BPF_XOR:
		return a ^ b;
	case BPF_LSH:
		return a << shift;
	case BPF_RSH:
		return a >> shift;
	case BPF_ARSH:
		return wide ? (u64)((s64)a >> shift) : (u64)((s32)a >> shift);
	case BPF_NEG:
		return -a;
	default: /* BPF_MOV */
		return b;
	}
}

bool bpf_holds(u8 op, u64 a, u64 b, bool wide)
{
	s64 sa = wide ? (s64)a : (s32)a, sb = wide ? (s64)b : (s32)b;

	switch (op) {
	case BPF_JEQ:
		return a == b;
	case BPF_JNE:
		return a != b;
	case BPF_JGT:
		return a > b;
	case BPF_JGE:
		return a >= b;
	case BPF_JLT:
		return a < b;
	case BPF_JLE:
		return a <= b;
	case BPF_JSET:
		return a & b;
	case BPF_JSGT:
		return sa > sb;
	case BPF_JSGE:
		return sa >= sb;
	case BPF_JSLT:
		return sa < sb;
	case BPF_JSLE:
		return sa <= sb;
	default: /* BPF_JA */
		return true;
	}
}

static void move(u8 size, void *to, const void *from)
{
	__builtin_memcpy(to, from, size == BPF_B ? 1 : size == BPF_H ? 2 : size == BPF_W ? 4 : 8);
}

bool bpf_run(const struct bpf_insn *i, const void *ctx)
{
	u64 stack[STACK_BYTES / 8] = { 0 };
	u64 r[FRAME + 1] = { [1] = (u64)ctx, [FRAME] = (u64)stack + STACK_BYTES };

	for (;; i++) {
		u8 class = BPF_CLASS(i->code), op = BPF_OP(i->code);
		bool wide = class == BPF_ALU64 || class == BPF_JMP;
		u64 a = r[i->dst_reg];
		u64 b = BPF_SRC(i->code) == BPF_X ? r[i->src_reg] : (u64)(s64)i->imm;

		switch (class) {
		case BPF_LD:
			r[i->dst_reg] = (u32)i->imm | (u64)(u32)i[1].imm << 32;
			i++;
			break;
		case BPF_LDX:
			b = r[i->src_reg] + i->off;
			r[i->dst_reg] = 0;
			move(BPF_SIZE(i->code), &r[i->dst_reg], (const void *)b);
			break;
		case BPF_ST:
			b = (u64)(s64)i->imm;
			move(BPF_SIZE(i->code), (void *)(a + i->off), &b);
			break;
		case BPF_STX:
			move(BPF_SIZE(i->code), (void *)(a + i->off), &r[i->src_reg]);
			break;
		case BPF_ALU:
		case BPF_ALU64:
			a = bpf_alu(op, wide ? a : (u32)a, wide ? b : (u32)b, wide);
			r[i->dst_reg] = wide ? a : (u32)a;
			break;
		default:
			if (op == BPF_EXIT)
				return r[0];
			if (bpf_holds(op, wide ? a : (u32)a, wide ? b : (u32)b, wide))
				i += i->off;
		}
	}
}
