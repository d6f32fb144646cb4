/* SPDX-License-Identifier: MIT */
/* sources: vmm/decode.c */
#include "host.h"
#include "vmm/decode.h"

struct sample {
	unsigned int bits;
	const char *code; /* hex */
	struct insn want;
	bool refused;
};

static const struct sample samples[] = {
	/* what Linux and Dyad do to a local APIC */
	{ 64,
	  "8b87b0000000",
	  { .len = 6, .op = INSN_LOAD, .size = 4, .reg_size = 4, .reg = 0 },
	  false },
	{ 64,
	  "898580020000",
	  { .len = 6, .op = INSN_STORE, .size = 4, .reg_size = 4, .reg = 0 },
	  false },
	{ 64, "448b10", { .len = 3, .op = INSN_LOAD, .size = 4, .reg_size = 4, .reg = 10 }, false },
	{ 64, "488b0425b000e0fe", { .len = 8, .op = INSN_LOAD, .size = 8, .reg_size = 8 }, false },
	{ 64,
	  "4489742410",
	  { .len = 5, .op = INSN_STORE, .size = 4, .reg_size = 4, .reg = 14 },
	  false },
	{ 64,
	  "8b0d11223344",
	  { .len = 6, .op = INSN_LOAD, .size = 4, .reg_size = 4, .reg = 1 },
	  false },
	/* sizes, high bytes, extensions */
	{ 64, "668901", { .len = 3, .op = INSN_STORE, .size = 2, .reg_size = 2, .reg = 0 }, false },
	{ 64,
	  "8821",
	  { .len = 2, .op = INSN_STORE, .size = 1, .reg_size = 1, .reg = 0, .high_byte = true },
	  false },
	{ 64, "408821", { .len = 3, .op = INSN_STORE, .size = 1, .reg_size = 1, .reg = 4 }, false },
	{ 64, "0fb60b", { .len = 3, .op = INSN_LOAD, .size = 1, .reg_size = 4, .reg = 1 }, false },
	{ 64,
	  "480fbe0b",
	  { .len = 4, .op = INSN_LOAD, .size = 1, .reg_size = 8, .reg = 1, .sign = true },
	  false },
	{ 64,
	  "660fb70b",
	  { .len = 4, .op = INSN_LOAD, .size = 2, .reg_size = 2, .reg = 1 },
	  false },
	{ 64,
	  "c7000a000000",
	  { .len = 6, .op = INSN_STORE_IMM, .size = 4, .reg_size = 4, .imm = 10 },
	  false },
	{ 64,
	  "48c700ffffffff",
	  { .len = 7, .op = INSN_STORE_IMM, .size = 8, .reg_size = 8, .imm = ~0UL },
	  false },
	{ 64,
	  "66c7003412",
	  { .len = 5, .op = INSN_STORE_IMM, .size = 2, .reg_size = 2, .imm = 0x1234 },
	  false },
	{ 64,
	  "c6407f80",
	  { .len = 4, .op = INSN_STORE_IMM, .size = 1, .reg_size = 1, .imm = (u64)(s64)-128 },
	  false },
	{ 64,
	  "a10000e0fe00000000",
	  { .len = 9, .op = INSN_LOAD, .size = 4, .reg_size = 4 },
	  false },
	{ 32, "a30000e0fe", { .len = 5, .op = INSN_STORE, .size = 4, .reg_size = 4 }, false },
	/* memory is read first */
	{ 64,
	  "0807",
	  { .len = 2, .op = INSN_ALU_STORE, .alu = ALU_OR, .size = 1, .reg_size = 1 },
	  false },
	{ 64,
	  "48030e",
	  { .len = 3, .op = INSN_ALU_LOAD, .alu = ALU_ADD, .size = 8, .reg_size = 8, .reg = 1 },
	  false },
	{ 64,
	  "3a26",
	  { .len = 2,
	    .op = INSN_ALU_LOAD,
	    .alu = ALU_CMP,
	    .size = 1,
	    .reg_size = 1,
	    .high_byte = true },
	  false },
	{ 64,
	  "800f80",
	  { .len = 3,
	    .op = INSN_ALU_IMM,
	    .alu = ALU_OR,
	    .size = 1,
	    .reg_size = 1,
	    .imm = (u64)(s64)-128 },
	  false },
	{ 32,
	  "66812ff0ff",
	  { .len = 5,
	    .op = INSN_ALU_IMM,
	    .alu = ALU_SUB,
	    .size = 2,
	    .reg_size = 2,
	    .imm = (u64)(s64)-16 },
	  false },
	{ 64,
	  "4883670cfe",
	  { .len = 5,
	    .op = INSN_ALU_IMM,
	    .alu = ALU_AND,
	    .size = 8,
	    .reg_size = 8,
	    .imm = (u64)(s64)-2 },
	  false },
	{ 64,
	  "f70680000000",
	  { .len = 6, .op = INSN_ALU_IMM, .alu = ALU_TEST, .size = 4, .reg_size = 4, .imm = 128 },
	  false },
	{ 64, "44870f", { .len = 3, .op = INSN_XCHG, .size = 4, .reg_size = 4, .reg = 9 }, false },
	{ 64,
	  "486306",
	  { .len = 3, .op = INSN_LOAD, .size = 4, .reg_size = 8, .sign = true },
	  false },
	/* strings */
	{ 64, "f3a4", { .len = 2, .op = INSN_MOVS, .size = 1, .reg_size = 1 }, false },
	{ 64, "f348ab", { .len = 3, .op = INSN_STOS, .size = 8, .reg_size = 8 }, false },
	{ 16, "2e66ad", { .len = 3, .op = INSN_LODS, .size = 4, .reg_size = 4 }, false },
	{ 64, "f3676d", { .len = 3, .op = INSN_INS, .size = 4, .reg_size = 4 }, false },
	{ 64, "486f", { .len = 2, .op = INSN_OUTS, .size = 4, .reg_size = 4 }, false },
	/* 16-bit addressing */
	{ 16, "8b07", { .len = 2, .op = INSN_LOAD, .size = 2, .reg_size = 2, .reg = 0 }, false },
	{ 16,
	  "668b0e3412",
	  { .len = 5, .op = INSN_LOAD, .size = 4, .reg_size = 4, .reg = 1 },
	  false },
	{ 16,
	  "67668b0425b000e0fe",
	  { .len = 9, .op = INSN_LOAD, .size = 4, .reg_size = 4 },
	  false },
	/* only their length matters */
	{ 64, "0fa2", { .len = 2 }, false },
	{ 64, "f4", { .len = 1 }, false },
	{ 64, "0f01d1", { .len = 3 }, false },
	{ 64, "e464", { .len = 2, .imm = 0x64 }, false },
	{ 64, "0f22e0", { .len = 3, .op = INSN_CR_WRITE, .reg = 0, .cr = 4 }, false },
	{ 64, "440f20c1", { .len = 4, .op = INSN_CR_READ, .reg = 1, .cr = 8 }, false },
	/* not ours, or cut off */
	{ 32, "6306", {}, true }, /* ARPL */
	{ 64, "f716", {}, true }, /* NOT */
	{ 64, "ff06", {}, true }, /* INC */
	{ 64, "0fba2604", {}, true }, /* BT */
	{ 64, "ff36", {}, true }, /* PUSH */
	{ 64, "c60f00", {}, true },
	{ 64, "800f", {}, true },
	{ 64, "01c8", {}, true }, /* register to register */
	{ 64, "0fae38", {}, true },
	{ 64, "8bc1", {}, true }, /* register to register */
	{ 64, "8b87b00000", {}, true },
	{ 64, "f0f0f0f0f0f0f0f0f0f0f0f0f0f0f08b00", {}, true }, /* longer than 15 bytes */
	{ 64, "", {}, true },
};

static size_t from_hex(const char *hex, u8 *out)
{
	size_t n = 0;

	for (; hex[0] && hex[1]; hex += 2) {
		char pair[3] = { hex[0], hex[1], 0 };

		out[n++] = strtoul(pair, NULL, 16);
	}
	return n;
}

static void known_instructions(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		const struct sample *s = &samples[i];
		u8 code[32];
		struct insn in;
		int err = insn_decode(code, from_hex(s->code, code), s->bits, &in);

		if (err != (s->refused ? -EINVAL : 0))
			fail_msg("%s: %d", s->code, err);
		if (err)
			continue;
		if (in.len != s->want.len || in.op != s->want.op || in.size != s->want.size ||
		    in.reg_size != s->want.reg_size || in.reg != s->want.reg ||
		    in.cr != s->want.cr || in.alu != s->want.alu ||
		    in.high_byte != s->want.high_byte || in.sign != s->want.sign ||
		    in.imm != s->want.imm)
			fail_msg("%s: len %u op %u size %u/%u reg %u cr %u high %u sign %u imm %lx",
				 s->code, in.len, in.op, in.size, in.reg_size, in.reg, in.cr,
				 in.high_byte, in.sign, (unsigned long)in.imm);
	}
}

static void values(void **state)
{
	struct insn byte = { .op = INSN_LOAD, .size = 1, .reg_size = 4, .sign = true };
	struct insn high = { .op = INSN_LOAD, .size = 1, .reg_size = 1, .high_byte = true };
	struct insn word = { .op = INSN_LOAD, .size = 2, .reg_size = 2 };
	struct insn store = { .op = INSN_STORE, .size = 1, .high_byte = true };
	u64 old = 0x1122334455667788;

	assert_int_equal(insn_load_value(&byte, 0xff80, old), 0xffffff80);
	assert_int_equal(insn_load_value(&high, 0xab, old), 0x112233445566ab88);
	assert_int_equal(insn_load_value(&word, 0xdeadbeef, old), 0x112233445566beef);
	assert_int_equal(insn_store_value(&store, old), 0x77);
}

/* What the CPU itself gives. */
#define REAL(insn, type)                                                                           \
	__asm__("push %[in]; popf; " insn "; pushf; pop %[out]"                                    \
		: "+r"(*(type *)&a), [out] "=r"(out)                                               \
		: "r"((type)b), [in] "r"(in)                                                       \
		: "cc")
#define REAL_SIZES(name)                                                                           \
	static u64 real_##name(unsigned int size, u64 a, u64 b, u64 in, u64 *flags)                \
	{                                                                                          \
		u64 out;                                                                           \
		if (size == 1)                                                                     \
			REAL(#name " %2, %0", u8);                                                 \
		else if (size == 2)                                                                \
			REAL(#name " %2, %0", u16);                                                \
		else if (size == 4)                                                                \
			REAL(#name " %2, %0", u32);                                                \
		else                                                                               \
			REAL(#name " %2, %0", u64);                                                \
		*flags = out;                                                                      \
		return low_bytes(a, size);                                                         \
	}
REAL_SIZES(add)
REAL_SIZES(or)
REAL_SIZES(adc)
REAL_SIZES(sbb)
REAL_SIZES(and)
REAL_SIZES(sub)
REAL_SIZES(xor)

static void arithmetic(void **state)
{
	static u64 (*const real[])(unsigned int, u64, u64, u64, u64 *) = {
		real_add, real_or, real_adc, real_sbb, real_and, real_sub, real_xor,
	};
	static const u64 edges[] = { 0,      1,          0x7f,      0x80,      0xff,
				     0x8000, 0x7fffffff, 1UL << 31, 1UL << 63, ~0UL };
	const u64 kept = 0x8d5 & ~FLAG_AF; /* AF is undefined after logic */
	u64 seed = 1;

	for (int round = 0; round < 40000; round++) {
		unsigned int size = 1 << (round & 3), alu = round / 4 % 7;
		u64 a, b, got, want, flags = round & 64 ? FLAG_CF : 0, want_flags, in = flags | 2;

		seed = seed * 6364136223846793005UL + 1442695040888963407UL;
		a = low_bytes(round & 128 ? seed : edges[(seed >> 33) % ARRAY_SIZE(edges)], size);
		b = low_bytes(round & 256 ? seed >> 17 : edges[(seed >> 40) % ARRAY_SIZE(edges)],
			      size);
		want = real[alu](size, a, b, in, &want_flags);
		got = insn_alu(alu, size, a, b, &flags);
		if (got != want || ((flags ^ want_flags) & kept))
			fail_msg("%u of %u bytes: %lx, %lx: %lx flags %lx, not %lx %lx", alu, size,
				 a, b, got, flags, want, want_flags);
	}
}

static void compare_and_test(void **state)
{
	u64 flags = 0;

	assert_int_equal(insn_alu(ALU_TEST, 1, 0x80, 0x7f, &flags), 0);
	assert_int_equal(flags, FLAG_ZF | FLAG_PF);
	assert_int_equal(insn_alu(ALU_CMP, 1, 1, 2, &flags), 0xff);
	assert_int_equal(flags, FLAG_CF | FLAG_PF | FLAG_AF | FLAG_SF);
}

/* Any bytes in any mode: never a read past the end, never a length that is not there. */
static void random_bytes(void **state)
{
	u32 seed = 1;

	for (int round = 0; round < 200000; round++) {
		static const unsigned int modes[] = { 16, 32, 64 };
		size_t n = round % 17;
		u8 *code = malloc(n ? n : 1);
		struct insn in;

		for (size_t i = 0; i < n; i++)
			code[i] = (seed = seed * 1664525 + 1013904223) >> 24;
		if (!insn_decode(code, n, modes[round % 3], &in)) {
			assert_in_range(in.len, 1, n < INSN_MAX ? n : INSN_MAX);
			assert_in_range(in.reg, 0, 15);
		}
		free(code);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_instructions), cmocka_unit_test(values),
		cmocka_unit_test(arithmetic),         cmocka_unit_test(compare_and_test),
		cmocka_unit_test(random_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
