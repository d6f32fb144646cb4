/* SPDX-License-Identifier: MIT */
/*
 * The instruction decoder. Two callers: device memory (which MOV was it?) and SVM without nRIP save
 * (how long was it?). What it does not know it refuses; it never reads past n bytes.
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
	bool opsize, addrsize, rex;
	u8 rex_w, rex_r, rex_b;
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

static int decode_0f(struct cursor *c, unsigned int addr_bits, unsigned int opsize,
		     const struct prefixes *pf, struct insn *in)
{
	u8 op = next(c), modrm;

	switch (op) {
	case 0x00 ... 0x01: /* group 6; group 7: VMCALL, XSETBV, VMMCALL, MONITOR, LMSW ... */
		take_modrm(c, addr_bits);
		return 0;
	case 0x06: /* CLTS */
	case 0x08 ... 0x09: /* INVD WBINVD */
	case 0x0b: /* UD2 */
	case 0x30 ... 0x33: /* WRMSR RDTSC RDMSR RDPMC */
	case 0xa2:
	case 0xaa: /* CPUID RSM */
		return 0;
	case 0x20 ... 0x23: /* MOV of CRn (even) and DRn: always registers, whatever mod says */
		modrm = next(c);
		in->reg = (modrm & 7) | pf->rex_b;
		in->cr = ((modrm >> 3) & 7) | pf->rex_r;
		in->op = op == 0x20 ? INSN_CR_READ : op == 0x22 ? INSN_CR_WRITE : INSN_OTHER;
		return 0;
	case 0xb6 ... 0xb7: /* MOVZX */
	case 0xbe ... 0xbf: /* MOVSX */
		modrm = take_modrm(c, addr_bits);
		if (modrm >> 6 == 3)
			return -EINVAL;
		in->op = INSN_LOAD;
		in->size = op & 1 ? 2 : 1;
		in->reg_size = opsize;
		in->sign = op >= 0xbe;
		in->reg = ((modrm >> 3) & 7) | pf->rex_r;
		return 0;
	default:
		return -EINVAL;
	}
}

static int decode_one(struct cursor *c, unsigned int addr_bits, unsigned int opsize,
		      const struct prefixes *pf, u8 op, struct insn *in)
{
	bool byte = !(op & 1);
	u8 modrm;

	switch (op) {
	case 0x0f:
		return decode_0f(c, addr_bits, opsize, pf, in);
	case 0x88 ... 0x8b: /* MOV r/m, r and MOV r, r/m */
		modrm = take_modrm(c, addr_bits);
		if (modrm >> 6 == 3)
			return -EINVAL;
		in->op = op & 2 ? INSN_LOAD : INSN_STORE;
		in->size = in->reg_size = byte ? 1 : opsize;
		set_reg(in, pf, ((modrm >> 3) & 7) | pf->rex_r, byte);
		return 0;
	case 0xa0 ... 0xa3: /* MOV AL/eAX to and from an absolute address */
		next_imm(c, addr_bits / 8);
		in->op = op & 2 ? INSN_STORE : INSN_LOAD;
		in->size = in->reg_size = byte ? 1 : opsize;
		return 0;
	case 0xc6:
	case 0xc7: /* MOV r/m, imm */
		modrm = take_modrm(c, addr_bits);
		if (modrm >> 6 == 3 || (modrm & 0x38))
			return -EINVAL;
		in->op = INSN_STORE_IMM;
		in->size = byte ? 1 : opsize;
		in->imm = next_imm(c, byte ? 1 : min(opsize, 4U));
		return 0;
	case 0xcd: /* INT n */
	case 0xe4 ... 0xe7: /* IN, OUT with a port in the instruction */
		next(c);
		return 0;
	case 0x6c ... 0x6f: /* INS, OUTS */
	case 0xec ... 0xef: /* IN, OUT by DX */
	case 0xcc:
	case 0xf1:
	case 0xf4:
	case 0x90: /* INT3 INT1 HLT PAUSE */
		return 0;
	default:
		return -EINVAL;
	}
}

int insn_decode(const u8 *code, size_t n, unsigned int bits, struct insn *out)
{
	struct cursor c = { .p = code, .n = n };
	struct prefixes pf = { 0 };
	unsigned int opsize, addr_bits;
	u8 op = take_prefixes(&c, bits, &pf);
	int err;

	*out = (struct insn){ 0 };
	opsize = pf.rex_w ? 8 : (bits == 16) != pf.opsize ? 2 : 4;
	addr_bits = bits == 64 ? (pf.addrsize ? 32 : 64) : (bits == 16) != pf.addrsize ? 16 : 32;
	err = decode_one(&c, addr_bits, opsize, &pf, op, out);
	if (err || c.cut)
		return -EINVAL;
	out->len = c.at;
	return 0;
}

static u64 low_bytes(u64 v, unsigned int size)
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
	if (in->op == INSN_STORE_IMM)
		return low_bytes(in->imm, in->size);
	return low_bytes(in->high_byte ? reg >> 8 : reg, in->size);
}
