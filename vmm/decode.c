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
	bool opsize, addrsize, rex, rep;
	u8 rex_w, rex_r, rex_b, seg;
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
		pf->rep |= (b & 0xfe) == 0xf2; /* where REPNE would differ, the decoder refuses */
		if (i <= 6) /* ES CS SS DS, FS GS as 0 to 5 */
			pf->seg = SEG_PREFIX | (i - 1);
		b = next(c);
		i = 0;
	}
	if (bits == 64 && (b & 0xf0) == 0x40) {
		pf->rex = true;
		pf->rex_w = (b >> 3) & 1;
		pf->rex_r = (b & 4) << 1;
		pf->rex_b = (b & 1) << 3;
		b = next(c);
	}
	return b;
}

/* Skips the address bytes of a ModRM operand. Returns the ModRM byte. */
static u8 take_modrm(struct cursor *c, unsigned int addr_bits)
{
	u8 modrm = next(c);
	u8 mod = modrm >> 6, rm = modrm & 7;

	if (mod == 3)
		return modrm;
	if (addr_bits == 16) {
		next_imm(c, mod == 1 ? 1 : mod == 2 || rm == 6 ? 2 : 0);
		return modrm;
	}
	if (rm == 4) {
		u8 sib = next(c);

		if (mod == 0 && (sib & 7) == 5)
			next_imm(c, 4);
	} else if (mod == 0 && rm == 5) {
		next_imm(c, 4);
	}
	next_imm(c, mod == 1 ? 1 : mod == 2 ? 4 : 0);
	return modrm;
}

/* A byte register's name depends on REX: without one, 4 to 7 are AH, CH, DH, BH. */
static void set_reg(struct insn *in, const struct prefixes *pf, u8 reg, bool byte)
{
	in->reg = reg;
	if (byte && !pf->rex && reg >= 4) {
		in->high_byte = true;
		in->reg = reg - 4;
	}
}

/* ---- what each opcode is ---- */

enum {
	KNOWN = 1, /* else it is refused */
	MODRM = 2, /* any operand */
	MEMORY = 4, /* ModRM, and its operand is in memory */
	GROUP = 8, /* the middle bits of ModRM say which of eight operations; no register */
	ZERO = 16, /* these bits are 0: the others of the group are none of ours */
	IMM8 = 32,
	IMM = 64, /* as wide as the operand, at most 4 bytes */
	STRING = 128,
	SIGN = 256, /* the load extends the sign */
	ABSOLUTE = 512, /* the address of memory follows */
	ALU_SHIFT = 12, /* above it: enum insn_alu */
};
struct form {
	u8 op; /* enum insn_op */
	u16 how; /* KNOWN ... */
};
#define DO(alu) ((alu) << ALU_SHIFT)
#define ALU(n)                                                                                     \
	[8 * (n)... 8 * (n) + 1] = { INSN_ALU_STORE, MEMORY | DO(n) },                             \
			      [8 * (n) + 2 ... 8 * (n) + 3] = { INSN_ALU_LOAD, MEMORY | DO(n) }

/* Where bit 0 is clear operands are bytes. What stands alone is known for its length only. */
static const struct form one_byte[256] = {
	ALU(ALU_ADD),
	ALU(ALU_OR),
	ALU(ALU_ADC),
	ALU(ALU_SBB),
	ALU(ALU_AND),
	ALU(ALU_SUB),
	ALU(ALU_XOR),
	ALU(ALU_CMP),
	[0x6c ... 0x6d] = { INSN_INS, STRING },
	[0x6e ... 0x6f] = { INSN_OUTS, STRING },
	[0x80 ... 0x81] = { INSN_ALU_IMM, MEMORY | GROUP | IMM },
	[0x83] = { INSN_ALU_IMM, MEMORY | GROUP | IMM8 },
	[0x84 ... 0x85] = { INSN_ALU_STORE, MEMORY | DO(ALU_TEST) },
	[0x86 ... 0x87] = { INSN_XCHG, MEMORY },
	[0x88 ... 0x89] = { INSN_STORE, MEMORY },
	[0x8a ... 0x8b] = { INSN_LOAD, MEMORY },
	[0x90] = { INSN_OTHER, KNOWN }, /* PAUSE */
	[0xa0 ... 0xa1] = { INSN_LOAD, ABSOLUTE }, /* MOV of AL or eAX */
	[0xa2 ... 0xa3] = { INSN_STORE, ABSOLUTE },
	[0xa4 ... 0xa5] = { INSN_MOVS, STRING },
	[0xaa ... 0xab] = { INSN_STOS, STRING },
	[0xac ... 0xad] = { INSN_LODS, STRING },
	[0xc6 ... 0xc7] = { INSN_STORE_IMM, MEMORY | GROUP | ZERO | IMM },
	[0xcc] = { INSN_OTHER, KNOWN }, /* INT3 */
	[0xcd] = { INSN_OTHER, IMM8 }, /* INT n */
	[0xe4 ... 0xe7] = { INSN_OTHER, IMM8 }, /* IN, OUT with a port in the instruction */
	[0xec ... 0xef] = { INSN_OTHER, KNOWN }, /* IN, OUT by DX */
	[0xf1] = { INSN_OTHER, KNOWN }, /* INT1 */
	[0xf4] = { INSN_OTHER, KNOWN }, /* HLT */
	[0xf6 ... 0xf7] = { INSN_ALU_IMM, MEMORY | GROUP | ZERO | IMM | DO(ALU_TEST) },
};
static const struct form after_0f[256] = {
	[0x00 ... 0x01] = { INSN_OTHER,
			    MODRM }, /* groups 6, 7: VMCALL, XSETBV, VMMCALL, MONITOR, LMSW ... */
	[0x06] = { INSN_OTHER, KNOWN }, /* CLTS */
	[0x08 ... 0x09] = { INSN_OTHER, KNOWN }, /* INVD WBINVD */
	[0x0b] = { INSN_OTHER, KNOWN }, /* UD2 */
	[0x30 ... 0x33] = { INSN_OTHER, KNOWN }, /* WRMSR RDTSC RDMSR RDPMC */
	[0xa2] = { INSN_OTHER, KNOWN }, /* CPUID */
	[0xaa] = { INSN_OTHER, KNOWN }, /* RSM */
	[0xb6 ... 0xb7] = { INSN_LOAD, MEMORY }, /* MOVZX */
	[0xbe ... 0xbf] = { INSN_LOAD, MEMORY | SIGN }, /* MOVSX */
};

/* ModRM and what it brings. Operands of so many bytes. */
static int take_operand(struct cursor *c, const struct prefixes *pf, const struct form *f,
			unsigned int size, struct insn *in)
{
	u8 modrm = take_modrm(c, 8 * in->addr_size), middle = (modrm >> 3) & 7;

	if (!(f->how & MEMORY))
		return 0;
	if (modrm >> 6 == 3)
		return -EINVAL;
	if (!(f->how & GROUP))
		set_reg(in, pf, middle | pf->rex_r, size == 1);
	else if (f->how & ZERO)
		return middle ? -EINVAL : 0;
	else
		in->alu = middle;
	return 0;
}

static int take_form(struct cursor *c, const struct prefixes *pf, const struct form *f,
		     unsigned int size, struct insn *in)
{
	in->op = f->op;
	in->alu = f->how >> ALU_SHIFT;
	in->sign = f->how & SIGN;
	if (!f->how)
		return -EINVAL;
	if (f->how & (MEMORY | STRING | ABSOLUTE))
		in->size = in->reg_size = size;
	if (f->how & ABSOLUTE)
		next_imm(c, in->addr_size);
	if ((f->how & (MODRM | MEMORY)) && take_operand(c, pf, f, size, in))
		return -EINVAL;
	if (f->how & (IMM8 | IMM))
		in->imm = next_imm(c, f->how & IMM8 ? 1 : min(size, 4U));
	if (f->how & STRING) {
		in->rep = pf->rep;
		in->seg = pf->seg;
	}
	return 0;
}

/* Those that no row can say. */
static int decode_one(struct cursor *c, unsigned int opsize, const struct prefixes *pf, u8 op,
		      struct insn *in)
{
	unsigned int size = op & 1 ? opsize : 1;

	if (op == 0x63) { /* MOVSXD; ARPL elsewhere */
		if (in->bits != 64 || take_form(c, pf, &after_0f[0xbf], opsize, in))
			return -EINVAL;
		in->size = min(opsize, 4U);
		return 0;
	}
	if (op != 0x0f)
		return take_form(c, pf, &one_byte[op],
				 one_byte[op].op >= INSN_INS ? min(size, 4U) : size, in);
	op = next(c);
	if (op >= 0x20 &&
	    op <= 0x23) { /* MOV of CRn (even) and DRn: always registers, whatever mod says */
		u8 modrm = next(c);

		in->reg = (modrm & 7) | pf->rex_b;
		in->cr = ((modrm >> 3) & 7) | pf->rex_r;
		in->op = (op & 1 ? INSN_DR_READ : INSN_CR_READ) + (op >> 1 & 1);
		return 0;
	}
	if (take_form(c, pf, &after_0f[op], opsize, in))
		return -EINVAL;
	if (in->op == INSN_LOAD)
		in->size = op & 1 ? 2 : 1;
	return 0;
}

int insn_decode(const u8 *code, size_t n, unsigned int bits, struct insn *out)
{
	struct cursor c = { .p = code, .n = n };
	struct prefixes pf = { 0 };
	unsigned int opsize;
	u8 op = take_prefixes(&c, bits, &pf);
	int err;

	*out = (struct insn){ .bits = bits };
	opsize = pf.rex_w ? 8 : (bits == 16) != pf.opsize ? 2 : 4;
	out->addr_size = bits == 64 ? (pf.addrsize ? 4 : 8) : (bits == 16) != pf.addrsize ? 2 : 4;
	err = decode_one(&c, opsize, &pf, op, out);
	if (err || c.cut)
		return -EINVAL;
	out->len = c.at;
	return 0;
}

u64 low_bytes(u64 v, unsigned int size)
{
	return size >= 8 ? v : v & ((1UL << (8 * size)) - 1);
}

u64 insn_load_value(const struct insn *in, u64 raw, u64 old)
{
	u64 v = low_bytes(raw, in->size);

	if (in->sign && (v >> (8 * in->size - 1)) & 1)
		v |= ~0UL << (8 * in->size);
	if (in->high_byte)
		return (old & ~0xff00UL) | v << 8;
	if (in->reg_size < 4)
		return (old & ~low_bytes(~0UL, in->reg_size)) | low_bytes(v, in->reg_size);
	return low_bytes(v, in->reg_size); /* writing 32 bits clears the upper half */
}

u64 insn_store_value(const struct insn *in, u64 reg)
{
	if (in->op == INSN_STORE_IMM || in->op == INSN_ALU_IMM)
		return low_bytes(in->imm, in->size);
	return low_bytes(in->high_byte ? reg >> 8 : reg, in->size);
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

u64 insn_alu(enum insn_alu alu, unsigned int size, u64 a, u64 b, u64 *flags)
{
	u64 carry = (alu == ALU_ADC || alu == ALU_SBB) && (*flags & FLAG_CF), r;

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
	default:
		r = alu == ALU_OR ? a | b : alu == ALU_XOR ? a ^ b : a & b;
		set_flags(flags, size, r, 0, 0);
		return r;
	}
}
