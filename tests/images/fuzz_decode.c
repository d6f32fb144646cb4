/* SPDX-License-Identifier: MIT */
/* sources: vmm/decode.c */
/* The instruction decoder, on any bytes: it reads none that is not there, and what it finds makes sense. */
#include <stdlib.h>
#include <string.h>

#include "vmm/decode.h"

static void check(bool right)
{
	if (!right)
		abort();
}

static void values(const struct insn *in, const uint8_t *data)
{
	u64 a, b, flags = data[1] & 1, r;

	memcpy(&a, data, sizeof(a));
	memcpy(&b, data + 8, sizeof(b));
	if (!in->size)
		return;
	check(in->size <= in->reg_size && (in->size & (in->size - 1)) == 0 && in->reg_size <= 8);
	check(low_bytes(insn_store_value(in, a), in->size) == insn_store_value(in, a));
	r = insn_load_value(in, a, b);
	if (in->op == INSN_LOAD && !in->high_byte && !in->sign && in->size == in->reg_size)
		check(insn_store_value(in, r) == low_bytes(a, in->size));
	if (in->reg_size <= 2 && !in->high_byte)
		check(r >> (8 * in->reg_size) == b >> (8 * in->reg_size)); /* the rest stays */
	if (in->op < INSN_ALU_LOAD || in->op > INSN_ALU_IMM)
		return;
	a = low_bytes(a, in->size);
	b = low_bytes(b, in->size);
	r = insn_alu(in->alu, in->size, a, b, &flags);
	check(r == low_bytes(r, in->size));
	if (in->alu >= ALU_BT && in->alu <= ALU_BTC)
		check((a >> (b & (8 * in->size - 1)) & 1) == (flags & FLAG_CF));
	else if (in->alu == ALU_NOT)
		check(r == low_bytes(~a, in->size) && flags == (data[1] & 1));
	else
		check(!r == !!(flags & FLAG_ZF));
	if (in->alu == ALU_INC || in->alu == ALU_DEC)
		check((flags & FLAG_CF) == (data[1] & 1));
	if (in->alu == ALU_SUB || in->alu == ALU_CMP)
		check((a < b) == !!(flags & FLAG_CF) && (a == b) == !!(flags & FLAG_ZF));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned int modes[] = { 16, 32, 64 };
	struct insn in, again;
	uint8_t *code;
	size_t n;

	if (size < 17)
		return 0;
	n = size - 17;
	code = malloc(n ? n : 1); /* of that size exactly, for the sanitizer */
	memcpy(code, data + 17, n);
	if (!insn_decode(code, n, modes[data[16] % 3], &in)) {
		check(in.len >= 1 && in.len <= INSN_MAX && in.len <= n);
		check(in.reg < 16 && in.op <= INSN_SCAS && in.alu <= ALU_DEC);
		check(in.base <= INSN_RIP && in.index <= INSN_NONE && in.scale < 4 && in.seg < 6);
		check(!in.high_byte || in.reg < 4);
		check(!insn_locks(&in) || insn_writes(&in));
		/* its length is what it needs, no byte more or less */
		check(!insn_decode(code, in.len, in.bits, &again) && again.len == in.len);
		check(insn_decode(code, in.len - 1, in.bits, &again) == -EINVAL);
		values(&in, data);
	}
	free(code);
	return 0;
}
