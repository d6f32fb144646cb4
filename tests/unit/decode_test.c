/* SPDX-License-Identifier: MIT */
/* sources: vmm/decode.c */
#include "host.h"
#include "vmm/decode.h"

enum { SEG_SS_NUMBER = 2, SEG_DS_NUMBER };

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
	  "f0660fc10f",
	  { .len = 5, .op = INSN_XADD, .size = 2, .reg_size = 2, .reg = 1, .lock = true },
	  false },
	{ 64,
	  "0fc027",
	  { .len = 3, .op = INSN_XADD, .size = 1, .reg_size = 1, .high_byte = true },
	  false },
	{ 64,
	  "480fb10f",
	  { .len = 4, .op = INSN_CMPXCHG, .size = 8, .reg_size = 8, .reg = 1 },
	  false },
	{ 64,
	  "400fb027",
	  { .len = 4, .op = INSN_CMPXCHG, .size = 1, .reg_size = 1, .reg = 4 },
	  false },
	{ 64,
	  "f617",
	  { .len = 2, .op = INSN_ALU_IMM, .alu = ALU_NOT, .size = 1, .reg_size = 1 },
	  false },
	{ 64,
	  "f71f",
	  { .len = 2, .op = INSN_ALU_IMM, .alu = ALU_NEG, .size = 4, .reg_size = 4 },
	  false },
	{ 64,
	  "fe07",
	  { .len = 2, .op = INSN_ALU_IMM, .alu = ALU_INC, .size = 1, .reg_size = 1 },
	  false },
	{ 64,
	  "48ff0f",
	  { .len = 3, .op = INSN_ALU_IMM, .alu = ALU_DEC, .size = 8, .reg_size = 8 },
	  false },
	{ 16,
	  "0f38f004",
	  { .len = 4, .op = INSN_LOAD, .size = 2, .reg_size = 2, .swap = true },
	  false },
	{ 64,
	  "4c0f38f10f",
	  { .len = 5, .op = INSN_STORE, .size = 8, .reg_size = 8, .reg = 9, .swap = true },
	  false },
	{ 64, "0fc307", { .len = 3, .op = INSN_STORE, .size = 4, .reg_size = 4 }, false },
	{ 64,
	  "0fba2604",
	  { .len = 4, .op = INSN_ALU_IMM, .alu = ALU_BT, .size = 4, .reg_size = 4, .imm = 4 },
	  false },
	{ 64,
	  "f0480fba3f3f",
	  { .len = 6,
	    .op = INSN_ALU_IMM,
	    .alu = ALU_BTC,
	    .size = 8,
	    .reg_size = 8,
	    .imm = 63,
	    .lock = true },
	  false },
	{ 64,
	  "660fb30f",
	  { .len = 4, .op = INSN_ALU_STORE, .alu = ALU_BTR, .size = 2, .reg_size = 2, .reg = 1 },
	  false },
	{ 64, "ff36", { .len = 2, .op = INSN_PUSH, .alu = 6, .size = 8, .reg_size = 8 }, false },
	{ 32, "66ff36", { .len = 3, .op = INSN_PUSH, .alu = 6, .size = 2, .reg_size = 2 }, false },
	{ 64, "8f06", { .len = 2, .op = INSN_POP, .size = 8, .reg_size = 8 }, false },
	{ 64,
	  "486306",
	  { .len = 3, .op = INSN_LOAD, .size = 4, .reg_size = 8, .sign = true },
	  false },
	/* strings */
	{ 64,
	  "f3a4",
	  { .len = 2, .op = INSN_MOVS, .size = 1, .reg_size = 1, .rep = REP_E },
	  false },
	{ 64,
	  "f2f3a6",
	  { .len = 3, .op = INSN_CMPS, .size = 1, .reg_size = 1, .rep = REP_E },
	  false },
	{ 64,
	  "f3f2af",
	  { .len = 3, .op = INSN_SCAS, .size = 4, .reg_size = 4, .rep = REP_NE },
	  false },
	{ 64,
	  "f348ab",
	  { .len = 3, .op = INSN_STOS, .size = 8, .reg_size = 8, .rep = REP_E },
	  false },
	{ 16, "2e66ad", { .len = 3, .op = INSN_LODS, .size = 4, .reg_size = 4 }, false },
	{ 64,
	  "f3676d",
	  { .len = 3, .op = INSN_INS, .size = 4, .reg_size = 4, .rep = REP_E },
	  false },
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
	{ 64, "0f22e0", { .len = 3, .op = INSN_CR_WRITE, .reg = 0, .cr = 4 }, false },
	{ 64, "440f20c1", { .len = 4, .op = INSN_CR_READ, .reg = 1, .cr = 8 }, false },
	/* not ours, or cut off */
	{ 32, "6306", {}, true }, /* ARPL */
	{ 64, "f726", {}, true }, /* MUL */
	{ 64, "ff16", {}, true }, /* CALL */
	{ 64, "fe36", {}, true },
	{ 64, "f20f38f006", {}, true }, /* CRC32 */
	{ 64, "660f38f006", {}, true }, /* MOVBE that Linux does not do */
	{ 64, "0f38f2060000", {}, true },
	{ 64, "0fc1c8", {}, true }, /* register to register */
	{ 64, "0fba1e04", {}, true }, /* no such bit test */
	{ 64, "8f0e", {}, true },
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
		    in.rep != s->want.rep || in.lock != s->want.lock || in.swap != s->want.swap ||
		    in.imm != s->want.imm)
			fail_msg("%s: len %u op %u size %u/%u reg %u cr %u high %u sign %u imm %lx",
				 s->code, in.len, in.op, in.size, in.reg_size, in.reg, in.cr,
				 in.high_byte, in.sign, (unsigned long)in.imm);
	}
}

/* Where memory is: SDM 2A, tables 2-1 to 2-3. */
static const struct {
	unsigned int bits;
	const char *code;
	unsigned int base, index, scale, seg;
	s64 disp;
} addresses[] = {
	{ 64, "8b00", 0, INSN_NONE, 0, SEG_DS_NUMBER, 0 },
	{ 64, "418b47f8", 15, INSN_NONE, 0, SEG_DS_NUMBER, -8 },
	{ 64, "8b4500", 5, INSN_NONE, 0, SEG_SS_NUMBER, 0 },
	{ 64, "8b0424", 4, INSN_NONE, 0, SEG_SS_NUMBER, 0 },
	{ 64, "438b446780", 15, 12, 1, SEG_DS_NUMBER, -128 },
	{ 64, "8b84ca00000080", 2, 1, 3, SEG_DS_NUMBER, -0x80000000L },
	{ 64, "8b042500100000", INSN_NONE, INSN_NONE, 0, SEG_DS_NUMBER, 0x1000 },
	{ 64, "8b04fd00100000", INSN_NONE, 7, 3, SEG_DS_NUMBER, 0x1000 },
	{ 64, "8b0500100000", INSN_RIP, INSN_NONE, 0, SEG_DS_NUMBER, 0x1000 },
	{ 64, "418b0500100000", INSN_RIP, INSN_NONE, 0, SEG_DS_NUMBER, 0x1000 },
	{ 64, "65418b0424", 12, INSN_NONE, 0, 5, 0 },
	{ 32, "8b0500100000", INSN_NONE, INSN_NONE, 0, SEG_DS_NUMBER, 0x1000 },
	{ 32, "368b00", 0, INSN_NONE, 0, SEG_SS_NUMBER, 0 },
	{ 16, "8b00", 3, 6, 0, SEG_DS_NUMBER, 0 },
	{ 16, "8b43fe", 5, 7, 0, SEG_SS_NUMBER, -2 },
	{ 16, "8b05", 7, INSN_NONE, 0, SEG_DS_NUMBER, 0 },
	{ 16, "8b860080", 5, INSN_NONE, 0, SEG_SS_NUMBER, -0x8000 },
	{ 16, "8b063412", INSN_NONE, INSN_NONE, 0, SEG_DS_NUMBER, 0x1234 },
	{ 64, "a10000e0fe00000080", INSN_NONE, INSN_NONE, 0, SEG_DS_NUMBER, 0x80000000fee00000L },
};

static void where_memory_is(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
		u8 code[32];
		size_t n = from_hex(addresses[i].code, code);
		struct insn in;

		assert_int_equal(insn_decode(code, n, addresses[i].bits, &in), 0);
		if (in.len != n || in.base != addresses[i].base || in.index != addresses[i].index ||
		    in.scale != addresses[i].scale || in.seg != addresses[i].seg ||
		    in.disp != (u64)addresses[i].disp)
			fail_msg("%s: base %u index %u scale %u seg %u disp %lx", addresses[i].code,
				 in.base, in.index, in.scale, in.seg, (unsigned long)in.disp);
	}
}

static void values(void **state)
{
	struct insn byte = { .op = INSN_LOAD, .size = 1, .reg_size = 4, .sign = true };
	struct insn high = { .op = INSN_LOAD, .size = 1, .reg_size = 1, .high_byte = true };
	struct insn word = { .op = INSN_LOAD, .size = 2, .reg_size = 2 };
	struct insn swapped = { .op = INSN_LOAD, .size = 2, .reg_size = 2, .swap = true };
	struct insn store = { .op = INSN_STORE, .size = 1, .high_byte = true };
	u64 old = 0x1122334455667788;

	assert_int_equal(insn_load_value(&byte, 0xff80, old), 0xffffff80);
	assert_int_equal(insn_load_value(&high, 0xab, old), 0x112233445566ab88);
	assert_int_equal(insn_load_value(&word, 0xdeadbeef, old), 0x112233445566beef);
	assert_int_equal(insn_store_value(&store, old), 0x77);
	assert_int_equal(insn_load_value(&swapped, 0xdead1234, old), 0x1122334455663412);
	assert_int_equal(insn_store_value(&swapped, old), 0x8877);
}

/* What the CPU itself gives. */
#define REAL(insn, type)                                                                           \
	__asm__("push %[in]; popf; " insn "; pushf; pop %[out]"                                    \
		: "+r"(*(type *)&a), [out] "=r"(out)                                               \
		: "r"((type)b), [in] "r"(in)                                                       \
		: "cc")
/* first: the branch of the size that not all have. */
#define REAL_FUNCTION(name, first)                                                                 \
	static u64 real_##name(unsigned int size, u64 a, u64 b, u64 in, u64 *flags)                \
	{                                                                                          \
		u64 out;                                                                           \
		first if (size == 2) REAL(#name " %2, %0", u16);                                   \
		else if (size == 4) REAL(#name " %2, %0", u32);                                    \
		else REAL(#name " %2, %0", u64);                                                   \
		*flags = out;                                                                      \
		return low_bytes(a, size);                                                         \
	}
#define REAL_SIZES(name) REAL_FUNCTION(name, if (size == 1) REAL(#name " %2, %0", u8); else)
REAL_SIZES(add)
REAL_SIZES(or)
REAL_SIZES(adc)
REAL_SIZES(sbb)
REAL_SIZES(and)
REAL_SIZES(sub)
REAL_SIZES(xor)

/* As memory does not say beyond the operand, so a register: the bit's number modulo its size. */
#define REAL_BITS(name) REAL_FUNCTION(name, )
REAL_BITS(bt)
REAL_BITS(bts)
REAL_BITS(btr)
REAL_BITS(btc)

static void bits(void **state)
{
	static u64 (*const real[])(unsigned int, u64, u64, u64, u64 *) = { real_bt, real_bts,
									   real_btr, real_btc };
	u64 seed = 1;

	for (int round = 0; round < 4000; round++) {
		unsigned int size = 2 << round % 3, alu = round / 3 % 4;
		u64 a, b, got, want, flags = round & 1, want_flags;

		seed = seed * 6364136223846793005UL + 1442695040888963407UL;
		a = low_bytes(seed >> 7, size);
		b = low_bytes(seed >> 29, size);
		want = real[alu](size, a, b, flags | 2, &want_flags);
		got = insn_alu(ALU_BT + alu, size, a, b, &flags);
		if (got != want || ((flags ^ want_flags) & FLAG_CF))
			fail_msg("%u of %u bytes: %lx, bit %lx: %lx flags %lx, not %lx %lx", alu,
				 size, a, b, got, flags, want, want_flags);
	}
}

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

/* One operand: what memory holds. */
#define REAL_ONE(name)                                                                             \
	static u64 real_##name(unsigned int size, u64 a, u64 b, u64 in, u64 *flags)                \
	{                                                                                          \
		u64 out;                                                                           \
		if (size == 1)                                                                     \
			REAL(#name " %0", u8);                                                     \
		else if (size == 2)                                                                \
			REAL(#name " %0", u16);                                                    \
		else if (size == 4)                                                                \
			REAL(#name " %0", u32);                                                    \
		else                                                                               \
			REAL(#name " %0", u64);                                                    \
		*flags = out;                                                                      \
		return low_bytes(a, size);                                                         \
	}
REAL_ONE(not )
REAL_ONE(neg)
REAL_ONE(inc)
REAL_ONE(dec)

static void one_operand(void **state)
{
	static u64 (*const real[])(unsigned int, u64, u64, u64, u64 *) = { real_not, real_neg,
									   real_inc, real_dec };
	const u64 all = FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF;
	static const u64 values[] = { 0, 1, 0x7f, 0x80, 0xff, 0x7fffffff, 1UL << 63, ~0UL, 0x1234 };

	for (unsigned int round = 0; round < 4 * 4 * 2 * ARRAY_SIZE(values); round++) {
		unsigned int size = 1 << (round & 3), alu = round / 4 % 4;
		u64 a = low_bytes(values[round / 32], size), flags = round & 16 ? all : 0;
		u64 want_flags, want = real[alu](size, a, 0, flags | 2, &want_flags);
		u64 got = insn_alu(ALU_NOT + alu, size, a, 0, &flags);

		if (got != want || ((flags ^ want_flags) & all))
			fail_msg("%u of %u bytes: %lx: %lx flags %lx, not %lx %lx", alu, size, a,
				 got, flags, want, want_flags);
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
		cmocka_unit_test(one_operand),        cmocka_unit_test(random_bytes),
		cmocka_unit_test(where_memory_is),    cmocka_unit_test(bits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
