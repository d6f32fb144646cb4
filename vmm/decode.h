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
	INSN_CR_READ, /* MOV reg, CRn */
	INSN_CR_WRITE,
	INSN_DR_READ, /* the same of DRn */
	INSN_DR_WRITE,
	INSN_LOAD, /* memory to register: MOV, MOVZX, MOVSX, MOVSXD */
	INSN_ALU_LOAD, /* alu says what is done with memory; what that writes, it writes to the register, */
	INSN_ALU_STORE, /* or to memory; the other operand is the register, */
	INSN_ALU_IMM, /* or imm */
	INSN_XCHG,
	INSN_XADD,
	INSN_CMPXCHG,
	INSN_STORE, /* register to memory, which is not read */
	INSN_STORE_IMM,
	INSN_PUSH, /* memory */
	INSN_POP,
	/* strings: RSI is where they come from, RDI where they go to */
	INSN_LODS,
	INSN_OUTS,
	INSN_CMPS,
	INSN_CMPS_TO, /* its other half: imm is what was at RSI */
	INSN_MOVS,
	INSN_STOS,
	INSN_INS,
	INSN_SCAS,
};

/* The first eight as instructions encode them: SDM 2D, table A-6, group 1. */
enum { ALU_ADD, ALU_OR, ALU_ADC, ALU_SBB, ALU_AND, ALU_SUB, ALU_XOR, ALU_CMP, ALU_TEST };
enum { ALU_BT = ALU_TEST + 1, ALU_BTS, ALU_BTR, ALU_BTC }; /* the other operand is a bit's number */
enum { ALU_NOT = ALU_BTC + 1, ALU_NEG, ALU_INC, ALU_DEC }; /* there is no other */

/* of RFLAGS */
enum { FLAG_CF = 1, FLAG_PF = 4, FLAG_AF = 0x10, FLAG_ZF = 0x40, FLAG_SF = 0x80, FLAG_OF = 0x800 };

struct insn {
	u8 len; /* bytes in all */
	u8 op; /* enum insn_op */
	u8 alu; /* ALU_*, of INSN_ALU_* */
	u8 bits; /* of the code segment */
	u8 size; /* bytes of memory accessed: 1, 2, 4, 8; of a string, of one element */
	u8 reg_size; /* bytes of the register written by a load */
	u8 reg; /* general register 0..15; CRn and DRn: the general register */
	u8 cr; /* control or debug register of INSN_CR_* and INSN_DR_* */
	u8 addr_size; /* bytes of RSI, RDI and RCX that a string instruction uses */
	/*
	 * Memory is at base + (index << scale) + disp, registers by number, or one of the two below, in the segment
	 * seg: ES CS SS DS FS GS as 0 to 5; where a string comes from, it is in that one as well.
	 */
	u8 base, index, scale, seg;
#define INSN_NONE 16
#define INSN_RIP 17 /* of the next instruction */
	u8 rep; /* RCX times: REP_*, which matters to a comparison; or 0 */
#define REP_NE 0xf2 /* until the two are equal */
#define REP_E 0xf3 /* as long as they are */
	bool lock;
	bool swap; /* the bytes in memory have the other order (MOVBE) */
	bool high_byte; /* reg is AH, CH, DH, BH (reg holds 0..3) */
	bool sign; /* sign-extend a load */
	u64 imm, disp; /* sign-extended */
};

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
/* A register after so many bytes of v are written to it. */
u64 reg_value(u64 old, u64 v, unsigned int size);
/* a alu b, operands of so many bytes; *flags: RFLAGS. Of undefined flags AF is cleared, others stay as they are. */
u64 insn_alu(u8 alu, unsigned int size, u64 a, u64 b, u64 *flags);
static inline bool alu_writes(u8 alu)
{
	return alu != ALU_CMP && alu != ALU_TEST && alu != ALU_BT;
}
/* Does it write to its ModRM operand, and nowhere else in memory? */
static inline bool insn_writes(const struct insn *in)
{
	return in->op >= INSN_ALU_STORE && in->op <= INSN_STORE_IMM && alu_writes(in->alu);
}
/* Is it one of those that take a LOCK prefix (SDM 2A, LOCK)? */
static inline bool insn_locks(const struct insn *in)
{
	return insn_writes(in) && in->op < INSN_STORE;
}
