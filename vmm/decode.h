/* SPDX-License-Identifier: MIT */
/*
 * Decodes the instruction at a guest's RIP: how long it is, and for those that touch device memory or move
 * strings through a port, what moves where; and what its arithmetic gives. Freestanding, so that the host's
 * unit tests and fuzzer can run it.
 */
#pragma once
#include "lib/types.h"

#define INSN_MAX 15 /* bytes, SDM 2B 2.3.11 */

enum insn_op {
	INSN_OTHER, /* known length, nothing that we complete */
	INSN_LOAD, /* memory to register: MOV, MOVZX, MOVSX, MOVSXD */
	INSN_STORE, /* register to memory */
	INSN_STORE_IMM,
	INSN_CR_READ, /* MOV reg, CRn */
	INSN_CR_WRITE,
	INSN_DR_READ, /* the same of DRn */
	INSN_DR_WRITE,
	/* Of these memory is read first. alu says what is done with it; what that writes, it writes to the */
	INSN_ALU_LOAD, /* register */
	INSN_ALU_STORE, /* memory; the other operand is the register, */
	INSN_ALU_IMM, /* or imm */
	INSN_XCHG,
	/* strings: RSI is where they come from, RDI where they go to */
	INSN_MOVS,
	INSN_STOS,
	INSN_LODS,
	INSN_INS,
	INSN_OUTS,
};

/* The first eight as instructions encode them: SDM 2D, table A-6, group 1. */
enum insn_alu { ALU_ADD, ALU_OR, ALU_ADC, ALU_SBB, ALU_AND, ALU_SUB, ALU_XOR, ALU_CMP, ALU_TEST };

/* of RFLAGS */
enum { FLAG_CF = 1, FLAG_PF = 4, FLAG_AF = 0x10, FLAG_ZF = 0x40, FLAG_SF = 0x80, FLAG_OF = 0x800 };

struct insn {
	u8 len; /* bytes in all */
	u8 op; /* enum insn_op */
	u8 alu; /* enum insn_alu, of INSN_ALU_* */
	u8 bits; /* of the code segment */
	u8 size; /* bytes of memory accessed: 1, 2, 4, 8; of a string, of one element */
	u8 reg_size; /* bytes of the register written by a load */
	u8 reg; /* general register 0..15; CRn and DRn: the general register */
	u8 cr; /* control or debug register of INSN_CR_* and INSN_DR_* */
	u8 addr_size; /* bytes of RSI, RDI and RCX that a string instruction uses */
	u8 seg; /* prefix for where a string comes from: 0, or SEG_PREFIX and ES CS SS DS FS GS as 0..5 */
	bool rep; /* RCX times */
	bool high_byte; /* reg is AH, CH, DH, BH (reg holds 0..3) */
	bool sign; /* sign-extend a load */
	u64 imm; /* sign-extended */
};
#define SEG_PREFIX 8

/*
 * bits: 16, 32 or 64, the mode of the code segment. n bytes are at hand (at most INSN_MAX are used).
 * 0; -EINVAL: cut off, not valid, or none that this decoder knows.
 */
int insn_decode(const u8 *code, size_t n, unsigned int bits, struct insn *out);
/* The value that register gets when a load brings in raw (little-endian, in->size bytes). */
u64 insn_load_value(const struct insn *in, u64 raw, u64 old);
/* What a store brings to memory, given the register's content; in->size bytes count. */
u64 insn_store_value(const struct insn *in, u64 reg);
/* The same for 1 to 8 bytes of any number. */
u64 low_bytes(u64 v, unsigned int size);
/* a alu b, operands of so many bytes; *flags: RFLAGS. Of undefined flags AF is cleared, others stay as they are. */
u64 insn_alu(enum insn_alu alu, unsigned int size, u64 a, u64 b, u64 *flags);
static inline bool alu_writes(enum insn_alu alu)
{
	return alu != ALU_CMP && alu != ALU_TEST;
}
