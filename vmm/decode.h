/* SPDX-License-Identifier: MIT */
/*
 * Decodes the instruction at a guest's RIP: how long it is, and for the few that touch device memory,
 * what moves where. Freestanding, so that the host's unit tests and fuzzer can run it.
 */
#pragma once
#include "lib/types.h"

#define INSN_MAX 15 /* bytes, SDM 2B 2.3.11 */

enum insn_op {
	INSN_OTHER, /* known length, no memory transfer that we complete */
	INSN_LOAD, /* memory to register: MOV, MOVZX, MOVSX */
	INSN_STORE, /* register to memory */
	INSN_STORE_IMM,
	INSN_CR_READ, /* MOV reg, CRn */
	INSN_CR_WRITE,
};

struct insn {
	u8 len; /* bytes in all */
	u8 op; /* enum insn_op */
	u8 size; /* bytes of memory accessed: 1, 2, 4, 8 */
	u8 reg_size; /* bytes of the register written by a load */
	u8 reg; /* general register 0..15; CRn: the general register */
	u8 cr; /* control register of INSN_CR_* */
	bool high_byte; /* reg is AH, CH, DH, BH (reg holds 0..3) */
	bool sign; /* sign-extend a load */
	u64 imm; /* of INSN_STORE_IMM, sign-extended */
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
