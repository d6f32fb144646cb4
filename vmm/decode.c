/* SPDX-License-Identifier: MIT */
/*
 * The instruction decoder. Its callers: device memory and strings (what was it?), and SVM without nRIP
 * save (how long was it?). What it does not know it refuses; it never reads past n bytes.
 * Tables of opcodes: SDM 2D, appendix A.
 */
#include "vmm/decode.h"

struct cursor {
	const u8 *p;
	size_t n, at;
	bool cut; /* wanted more than there is */
};

static u8 next(struct cursor *c)
{
	if (c->at >= c->n || c->at >= INSN_MAX) {
		c->cut = true;
		return 0;
	}
	return c->p[c->at++];
}

static u64 next_imm(struct cursor *c, unsigned int size)
{
	u64 v = 0;

	for (unsigned int i = 0; i < size; i++)
		v |= (u64)next(c) << (8 * i);
	if (size && size < 8 && (v >> (8 * size - 1)) & 1)
		v |= ~0UL << (8 * size);
	return v;
}

struct prefixes {
	bool opsize, addrsize, lock;
	u8 rep, rex, seg;
#define SEG_DEFAULT 8
};

/* Legacy prefixes in any order, then REX, which counts only right before the opcode. The opcode. */
static u8 take_prefixes(struct cursor *c, unsigned int bits, struct prefixes *pf)
{
	static const u8 legacy[] = { 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65,
				     0x66, 0x67, 0xf0, 0xf2, 0xf3 };
	u8 b = next(c);

	for (unsigned int i = 0; i < sizeof(legacy);) {
		if (b != legacy[i++])
			continue;
		pf->opsize |= b == 0x66;
		pf->addrsize |= b == 0x67;
		pf->lock |= b == 0xf0;
		if (b == REP_NE || b == REP_E) /* the last one counts */
			pf->rep = b;
		if (i <= 6) /* ES CS SS DS, FS GS as 0 to 5 */
			pf->seg = i - 1;
		b = next(c);
		i = 0;
	}
	if (bits == 64 && (b & 0xf0) == 0x40) {
		pf->rex = b; /* W, R, X, B in bits 3 to 0 */
		b = next(c);
	}
	return b;
}

/* A ModRM byte, which is returned, and the address behind it (SDM 2A, tables 2-1 to 2-3). */
static u8 take_modrm(struct cursor *c, const struct prefixes *pf, struct insn *in)
{
	/* BX+SI BX+DI BP+SI BP+DI SI DI BP BX */
	static const u8 base16[] = { 3, 3, 5, 5, 6, 7, 5, 3 }, index16[] = { 6, 7, 6, 7 };
	u8 modrm = next(c), mod = modrm >> 6, rm = modrm & 7;
	unsigned int disp = mod == 1 ? 1 : mod == 2 ? min(in->addr_size, 4) : 0;

	if (mod == 3)
		return modrm;
	in->base = in->addr_size == 2 ? base16[rm] : rm | (pf->rex & 1) << 3;
	if (in->addr_size == 2 && rm < 4) {
		in->index = index16[rm];
	} else if (in->addr_size != 2 && rm == 4) {
		u8 sib = next(c);

		in->scale = sib >> 6;
		in->index = ((sib >> 3) & 7) | (pf->rex & 2) << 2;
		if (in->index == 4)
			in->index = INSN_NONE;
		in->base = (sib & 7) | (pf->rex & 1) << 3;
	}
	if (mod == 0 && (in->addr_size == 2 ? rm == 6 : (in->base & 7) == 5)) {
		in->base = in->bits == 64 && rm == 5 ? INSN_RIP : INSN_NONE;
		disp = min(in->addr_size, 4);
	}
	if (pf->seg == SEG_DEFAULT && (in->base == 4 || in->base == 5)) /* RSP, RBP: SS */
		in->seg = 2;
	in->disp = next_imm(c, disp);
	return modrm;
}

/* ---- what each opcode is ---- */

enum {
	KNOWN = 1, /* else it is refused */
	MODRM = 2, /* any operand */
	MEMORY = 4, /* ModRM, and its operand is in memory */
	GROUP = 8, /* the middle bits of ModRM say which of eight; no register */
	IMM8 = 16,
	IMM = 32, /* as wide as the operand, at most 4 bytes */
	STRING = 64,
	SIGN = 128, /* the load extends the sign */
	ABSOLUTE = 256, /* the address of memory follows */
	ALU_SHIFT = 12, /* above it: ALU_* */
};
struct form {
	u8 op; /* enum insn_op; of GROUP: which */
	u16 how; /* KNOWN ... */
};
#define DO(alu) ((alu) << ALU_SHIFT)

enum { GROUP_1, GROUP_1A, GROUP_3, GROUP_4, GROUP_5, GROUP_8, GROUP_11 };
/* By the middle bits, which are added to ALU_*. */
static const struct form groups[][8] = {
	[GROUP_1] = { [0 ... 7] = { INSN_ALU_IMM, MEMORY | DO(ALU_ADD) } },
	[GROUP_1A] = { { INSN_POP, MEMORY } },
	[GROUP_3] = { { INSN_ALU_IMM, MEMORY | IMM | DO(ALU_TEST) },
		      [2 ... 3] = { INSN_ALU_IMM, MEMORY | DO(ALU_NOT - 2) } },
	[GROUP_4] = { [0 ... 1] = { INSN_ALU_IMM, MEMORY | DO(ALU_INC) } },
	[GROUP_5] = { [0 ... 1] = { INSN_ALU_IMM, MEMORY | DO(ALU_INC) },
		      [6] = { INSN_PUSH, MEMORY } },
	[GROUP_8] = { [4 ... 7] = { INSN_ALU_IMM, MEMORY | IMM8 | DO(ALU_BT - 4) } },
	[GROUP_11] = { { INSN_STORE_IMM, MEMORY | IMM } },
};

/* Where bit 0 is clear operands are bytes. What stands alone is known for its length only. */
static const struct form one_byte[256] = {
	[0x6c ... 0x6d] = { INSN_INS, STRING },
	[0x6e ... 0x6f] = { INSN_OUTS, STRING },
	[0x80 ... 0x81] = { GROUP_1, GROUP | IMM },
	[0x83] = { GROUP_1, GROUP | IMM8 },
	[0x84 ... 0x85] = { INSN_ALU_STORE, MEMORY | DO(ALU_TEST) },
	[0x86 ... 0x87] = { INSN_XCHG, MEMORY },
	[0x88 ... 0x89] = { INSN_STORE, MEMORY },
	[0x8a ... 0x8b] = { INSN_LOAD, MEMORY },
	[0x8f] = { GROUP_1A, GROUP },
	[0xa0 ... 0xa1] = { INSN_LOAD, ABSOLUTE }, /* MOV of AL or eAX */
	[0xa2 ... 0xa3] = { INSN_STORE, ABSOLUTE },
	[0xa4 ... 0xa5] = { INSN_MOVS, STRING },
	[0xa6 ... 0xa7] = { INSN_CMPS, STRING },
	[0xaa ... 0xab] = { INSN_STOS, STRING },
	[0xac ... 0xad] = { INSN_LODS, STRING },
	[0xae ... 0xaf] = { INSN_SCAS, STRING },
	[0xc6 ... 0xc7] = { GROUP_11, GROUP },
	[0xf4] = { INSN_OTHER, KNOWN }, /* HLT */
	[0xf6 ... 0xf7] = { GROUP_3, GROUP },
	[0xfe] = { GROUP_4, GROUP },
	[0xff] = { GROUP_5, GROUP },
};
static const struct form after_0f[256] = {
	[0x01] = { INSN_OTHER, MODRM }, /* group 7: VMCALL, XSETBV, VMMCALL ... */
	[0x08 ... 0x09] = { INSN_OTHER, KNOWN }, /* INVD WBINVD */
	[0x30 ... 0x32] = { INSN_OTHER, KNOWN }, /* WRMSR, RDTSC, RDMSR */
	[0xa2] = { INSN_OTHER, KNOWN }, /* CPUID */
	[0xa3] = { INSN_ALU_STORE, MEMORY | DO(ALU_BT) },
	[0xab] = { INSN_ALU_STORE, MEMORY | DO(ALU_BTS) },
	[0xb0 ... 0xb1] = { INSN_CMPXCHG, MEMORY },
	[0xb3] = { INSN_ALU_STORE, MEMORY | DO(ALU_BTR) },
	[0xb6 ... 0xb7] = { INSN_LOAD, MEMORY }, /* MOVZX */
	[0xba] = { GROUP_8, GROUP },
	[0xbb] = { INSN_ALU_STORE, MEMORY | DO(ALU_BTC) },
	[0xbe ... 0xbf] = { INSN_LOAD, MEMORY | SIGN }, /* MOVSX */
	[0xc0 ... 0xc1] = { INSN_XADD, MEMORY },
	[0xc3] = { INSN_STORE, MEMORY }, /* MOVNTI */
};

/* Operands of so many bytes. */
static int take_form(struct cursor *c, const struct prefixes *pf, const struct form *f,
		     unsigned int size, struct insn *in)
{
	unsigned int how = f->how;
	u8 modrm = how & (MODRM | MEMORY | GROUP) ? take_modrm(c, pf, in) : 0;
	u8 middle = (modrm >> 3) & 7;

	if (how & GROUP) {
		f = &groups[f->op][middle];
		how |= f->how;
	}
	in->op = f->op;
	in->alu = (f->how >> ALU_SHIFT) + (how & GROUP ? middle : 0);
	in->sign = how & SIGN;
	if (!f->how || ((how & MEMORY) && modrm >> 6 == 3))
		return -EINVAL;
	if (in->bits == 64 && size == 4 && (f->op == INSN_PUSH || f->op == INSN_POP))
		size = 8;
	if (how & (MEMORY | STRING | ABSOLUTE))
		in->size = in->reg_size = size;
	if (how & ABSOLUTE)
		in->disp = next_imm(c, in->addr_size);
	else if ((how & (MEMORY | GROUP)) == MEMORY)
		in->reg = middle | (pf->rex & 4) << 1;
	if (size == 1 && !pf->rex && in->reg >= 4) { /* without REX AH, CH, DH, BH */
		in->high_byte = true;
		in->reg -= 4;
	}
	if (how & (IMM8 | IMM))
		in->imm = next_imm(c, how & IMM8 ? 1 : min(size, 4U));
	if (how & STRING)
		in->rep = pf->rep;
	return 0;
}

/* Those that no row can say. */
static int decode_one(struct cursor *c, unsigned int opsize, const struct prefixes *pf, u8 op,
		      struct insn *in)
{
	/* Of the first 64 opcodes the bits say all: SDM 2D, table A-2. */
	const struct form alu = { op & 2 ? INSN_ALU_LOAD : INSN_ALU_STORE, MEMORY | DO(op >> 3) };
	unsigned int size = op & 1 ? opsize : 1;

	if (op < 0x40 && !(op & 4))
		return take_form(c, pf, &alu, size, in);
	if (op == 0x63) { /* MOVSXD; ARPL elsewhere */
		if (in->bits != 64 || take_form(c, pf, &after_0f[0xbf], opsize, in))
			return -EINVAL;
		in->size = min(opsize, 4U);
		return 0;
	}
	if (op != 0x0f) /* no port has 8 bytes */
		return take_form(c, pf, &one_byte[op], (op & 0xfc) == 0x6c ? min(size, 4U) : size,
				 in);
	op = next(c);
	if ((op & 0xfc) == 0x20) { /* MOV of CRn and DRn: always registers, whatever mod says */
		u8 modrm = next(c);

		in->reg = (modrm & 7) | (pf->rex & 1) << 3;
		in->cr = ((modrm >> 3) & 7) | (pf->rex & 4) << 1;
		in->op = (op & 1 ? INSN_DR_READ : INSN_CR_READ) + (op >> 1 & 1);
		return 0;
	}
	/* MOVBE is a MOV. Behind F2 it would be CRC32, behind 66 Linux does not know it. */
	if (op == 0x38) {
		op = next(c);
		in->swap = true;
		if ((op & 0xfe) != 0xf0 || pf->rep || pf->opsize)
			return -EINVAL;
		return take_form(c, pf, &one_byte[op & 1 ? 0x89 : 0x8b], opsize, in);
	}
	size = op == 0xb0 || op == 0xc0 ? 1 : opsize; /* CMPXCHG and XADD of bytes */
	if (take_form(c, pf, &after_0f[op], size, in))
		return -EINVAL;
	if (in->op == INSN_LOAD)
		in->size = op & 1 ? 2 : 1;
	return 0;
}

int insn_decode(const u8 *code, size_t n, unsigned int bits, struct insn *out)
{
	struct cursor c = { .p = code, .n = n };
	struct prefixes pf = { .seg = SEG_DEFAULT };
	unsigned int opsize;
	u8 op = take_prefixes(&c, bits, &pf);

	*out = (struct insn){ .bits = bits, .base = INSN_NONE, .index = INSN_NONE };
	out->seg = pf.seg == SEG_DEFAULT ? 3 : pf.seg; /* DS */
	out->lock = pf.lock;
	opsize = pf.rex & 8 ? 8 : (bits == 16) != pf.opsize ? 2 : 4;
	out->addr_size = bits == 64 ? (pf.addrsize ? 4 : 8) : (bits == 16) != pf.addrsize ? 2 : 4;
	if (decode_one(&c, opsize, &pf, op, out) || c.cut)
		return -EINVAL;
	out->len = c.at;
	return 0;
}

u64 low_bytes(u64 v, unsigned int size)
{
	return size >= 8 ? v : v & ((1UL << (8 * size)) - 1);
}

u64 reg_value(u64 old, u64 v, unsigned int size)
{
	if (size < 4)
		return (old & ~low_bytes(~0UL, size)) | low_bytes(v, size);
	return low_bytes(v, size); /* writing 32 bits clears the upper half */
}

static u64 in_order(const struct insn *in, u64 v)
{
	return in->swap ? __builtin_bswap64(v) >> (64 - 8 * in->size) : low_bytes(v, in->size);
}

u64 insn_load_value(const struct insn *in, u64 raw, u64 old)
{
	u64 v = in_order(in, raw);

	if (in->sign && (v >> (8 * in->size - 1)) & 1)
		v |= ~low_bytes(~0UL, in->size);
	if (in->high_byte)
		return (old & ~0xff00UL) | v << 8;
	return reg_value(old, v, in->reg_size);
}

u64 insn_store_value(const struct insn *in, u64 reg)
{
	if (in->op == INSN_STORE_IMM || in->op == INSN_ALU_IMM || in->op == INSN_CMPS_TO)
		return low_bytes(in->imm, in->size);
	return in_order(in, in->high_byte ? reg >> 8 : reg);
}

/* SDM 1, 3.4.3.1. carries: the carry, or borrow, out of each bit; overflow: where sign bits tell of one. */
static void set_flags(u64 *flags, unsigned int size, u64 r, u64 carries, u64 overflow)
{
	unsigned int top = 8 * size - 1;

	*flags &= ~(FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF);
	*flags |= ((carries >> top) & 1 ? FLAG_CF : 0) | (carries & 8 ? FLAG_AF : 0) |
		  (__builtin_parity(r & 0xff) ? 0 : FLAG_PF) | (r ? 0 : FLAG_ZF) |
		  ((r >> top) & 1 ? FLAG_SF : 0) | ((overflow >> top) & 1 ? FLAG_OF : 0);
}

u64 insn_alu(u8 alu, unsigned int size, u64 a, u64 b, u64 *flags)
{
	u64 carry = (alu == ALU_ADC || alu == ALU_SBB) && (*flags & FLAG_CF), r;
	u64 bit = 1UL << (b & (8 * size - 1)), old = *flags;

	switch (alu) {
	case ALU_ADD:
	case ALU_ADC:
		r = low_bytes(a + b + carry, size);
		set_flags(flags, size, r, (a & b) | ((a | b) & ~r), (a ^ r) & (b ^ r));
		return r;
	case ALU_SUB:
	case ALU_SBB:
	case ALU_CMP:
		r = low_bytes(a - b - carry, size);
		set_flags(flags, size, r, (~a & b) | ((~a | b) & r), (a ^ b) & (a ^ r));
		return r;
	case ALU_BT ... ALU_BTC:
		*flags = (*flags & ~FLAG_CF) | (a & bit ? FLAG_CF : 0);
		return alu == ALU_BTS   ? a | bit
		       : alu == ALU_BTR ? a & ~bit
		       : alu == ALU_BTC ? a ^ bit
					: a;
	case ALU_NOT: /* no flags */
		return low_bytes(~a, size);
	case ALU_NEG:
		return insn_alu(ALU_SUB, size, 0, a, flags);
	case ALU_INC:
	case ALU_DEC: /* CF stays */
		r = insn_alu(alu == ALU_INC ? ALU_ADD : ALU_SUB, size, a, 1, flags);
		*flags = (*flags & ~FLAG_CF) | (old & FLAG_CF);
		return r;
	default:
		r = alu == ALU_OR ? a | b : alu == ALU_XOR ? a ^ b : a & b;
		set_flags(flags, size, r, 0, 0);
		return r;
	}
}
