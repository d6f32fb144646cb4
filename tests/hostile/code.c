/* SPDX-License-Identifier: MIT */
/*
 * What hostile guests run: a list of small pieces, each an instruction that leaves the guest, or may,
 * with the registers it needs set before. Opcodes are those of the SDM, volume 2, and APM, volume 3.
 * Addresses are in EBX with a 32-bit address size in all modes, so that real mode reaches devices too.
 */
#include "hostile.h"

struct code {
	struct rng *r;
	enum mode mode;
	bool bits16;
	u8 *at, *end;
	u64 gpa, size; /* where all of it is */
};
enum { AX, CX, DX, BX, SP, BP, SI, DI };

static void bytes(struct code *c, const u8 *p, size_t n)
{
	while (n-- && c->at < c->end)
		*c->at++ = *p++;
}
#define EMIT(c, ...) bytes(c, (const u8[]){ __VA_ARGS__ }, sizeof((const u8[]){ __VA_ARGS__ }))

static void immediate(struct code *c, u64 value, size_t n)
{
	bytes(c, (const u8 *)&value, n);
}

static void mov(struct code *c, unsigned int reg, u64 value)
{
	bool wide = c->mode == LONG && value >> 32;

	if (wide || c->bits16)
		EMIT(c, wide ? 0x48 : 0x66);
	EMIT(c, 0xb8 + reg);
	immediate(c, value, wide ? 8 : 4);
}

/* [EBX] or [RBX] follows as the operand. */
static void by_ebx(struct code *c)
{
	if (c->bits16)
		EMIT(c, 0x67);
}

static u64 address(struct code *c)
{
	static const u64 places[] = {
		0xfee00000, 0xfee00000, 0xfec00000,       0xfec00000, 0xfec00010,     0xfed00000,
		0xa0000,    HOLE,       HOLE + HOLE_SIZE, ROM,        ROM + ROM_SIZE, TABLES,
		GDT,        IDT,        0xfffff000,       1UL << 32,  0x3fffffff,     HANDLER
	};
	u64 a = ONE_OF(c->r, places);

	switch (below(c->r, 6)) {
	case 0:
		return a + below(c->r, 0x400) * 4; /* a register of a device, a word of a page */
	case 1:
	case 2:
		return a + below(c->r, 0x40) * 0x10;
	case 3:
		return a - below(c->r, 17);
	case 4:
		return c->gpa + below(c->r, c->size);
	default:
		return once_in(c->r, 3) ? edge(c->r) : a;
	}
}

/* ---- the pieces ---- */

static u32 some_msr(struct code *c)
{
	static const u32 msrs[] = {
		0x10,       0x1b,       0x8b,       0x174,      0x175,      0x176,      0x277,
		0x1a0,      0x1d9,      0x2ff,      0x200,      0x3a,       0x480,      0x6e0,
		0xc0000080, 0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084, 0xc0000100, 0xc0000101,
		0xc0000102, 0xc0000103, 0xc0010114, 0xc0010117, 0xc0010015, 0x11,       0x12,
		0x4b564d00, 0x4b564d01, 0x4b564d02, 0x4b564d03, 0x4b564d04, 0x17,
	};

	if (once_in(c->r, 5))
		return 0x800 + below(c->r, 0x40); /* x2APIC */
	return once_in(c->r, 6) ? edge(c->r) : ONE_OF(c->r, msrs);
}

static void wrmsr(struct code *c, u32 msr, u64 value)
{
	mov(c, CX, msr);
	mov(c, AX, (u32)value);
	mov(c, DX, value >> 32);
	EMIT(c, 0x0f, 0x30);
}

static void msr(struct code *c)
{
	u32 n = some_msr(c);

	if (once_in(c->r, 2)) {
		mov(c, CX, n);
		EMIT(c, 0x0f, 0x32);
	} else {
		wrmsr(c, n, once_in(c->r, 3) ? address(c) | 1 : edge(c->r));
	}
}

static void port(struct code *c)
{
	static const u16 ports[] = { 0x20, 0x21, 0xa0,  0xa1,  0x40,  0x41,  0x42, 0x43,   0x61,
				     0x64, 0x70, 0x3f8, 0x4d0, 0xcf8, 0xcfc, 0x92, 0xffff, 0x10 };
	static const u8 by_dx[] = { 0xec, 0xed, 0xee, 0xef },
			by_number[] = { 0xe4, 0xe5, 0xe6, 0xe7 };
	static const u8 strings[] = { 0x6c, 0x6d, 0x6e, 0x6f };

	mov(c, DX, once_in(c->r, 4) ? rnd(c->r) : ONE_OF(c->r, ports));
	if (once_in(c->r, 2))
		mov(c, AX, rnd(c->r));
	if (once_in(c->r, 3))
		EMIT(c, 0x66);
	if (once_in(c->r, 6)) {
		mov(c, DI, address(c));
		mov(c, SI, address(c));
		mov(c, CX, below(c->r, 40));
		EMIT(c, once_in(c->r, 2) ? 0xf3 : 0x90, ONE_OF(c->r, strings));
	} else if (once_in(c->r, 3)) {
		EMIT(c, ONE_OF(c->r, by_number), rnd(c->r));
	} else {
		EMIT(c, ONE_OF(c->r, by_dx));
	}
}

/* Loads and stores of all kinds at [EBX]; most of them the hypervisor cannot do at a device. */
static void memory(struct code *c)
{
	static const struct {
		u8 n, code[6];
	} forms[] = {
		{ 2, { 0x8a, 0x03 } },
		{ 2, { 0x88, 0x03 } },
		{ 2, { 0x8b, 0x03 } },
		{ 2, { 0x89, 0x03 } },
		{ 2, { 0x8b, 0x03 } },
		{ 2, { 0x89, 0x03 } },
		{ 3, { 0xc6, 0x03, 0x5a } },
		{ 6, { 0xc7, 0x03, 0x11, 0x22, 0x33, 0x44 } },
		{ 3, { 0x0f, 0xb6, 0x03 } },
		{ 3, { 0x0f, 0xb7, 0x03 } },
		{ 3, { 0x0f, 0xbe, 0x0b } },
		{ 3, { 0x0f, 0xbf, 0x2b } },
		{ 3, { 0x8b, 0x44, 0x23 } },
		{ 2, { 0x8a, 0x23 } }, /* AH */
		{ 2, { 0x01, 0x03 } },
		{ 3, { 0xf0, 0x01, 0x03 } },
		{ 2, { 0x87, 0x03 } },
		{ 4, { 0xf0, 0x0f, 0xb1, 0x03 } },
		{ 3, { 0x0f, 0x10, 0x03 } },
		{ 3, { 0x0f, 0x11, 0x03 } },
		{ 3, { 0x0f, 0xae, 0x03 } },
		{ 3, { 0x0f, 0xae, 0x0b } },
		{ 2, { 0xdd, 0x03 } },
		{ 2, { 0xff, 0x33 } },
		{ 2, { 0xff, 0x13 } },
		{ 2, { 0xff, 0x23 } },
		{ 2, { 0x8f, 0x03 } },
		{ 3, { 0x0f, 0xab, 0x03 } },
		{ 3, { 0x0f, 0xc7, 0x0b } },
		{ 2, { 0x8e, 0x1b } },
		{ 2, { 0xff, 0x2b } },
		{ 5, { 0xa1, 0x00, 0x00, 0xe0, 0xfe } },
		{ 3, { 0x48, 0x8b, 0x03 } },
		{ 3, { 0x48, 0x89, 0x03 } },
		{ 3, { 0x44, 0x89, 0x3b } },
		{ 4, { 0x66, 0x0f, 0x6f, 0x03 } },
		{ 5, { 0xc5, 0xfc, 0x10, 0x03, 0x90 } },
	};
	unsigned int i = below(c->r, ARRAY_SIZE(forms));

	mov(c, BX, address(c));
	if (once_in(c->r, 3))
		mov(c, AX, edge(c->r));
	by_ebx(c);
	if (once_in(c->r, 5))
		EMIT(c, 0x66);
	bytes(c, forms[i].code, forms[i].n);
}

static void cpuid(struct code *c)
{
	static const u32 bases[] = { 0, 0x40000000, 0x80000000, 0xc0000000 };

	mov(c, AX, once_in(c->r, 8) ? rnd(c->r) : ONE_OF(c->r, bases) + below(c->r, 0x20));
	mov(c, CX, below(c->r, 5));
	EMIT(c, 0x0f, 0xa2);
}

/* MOV to and from control and debug registers, with a few bits changed or all. */
static void control(struct code *c)
{
	static const u8 numbers[] = { 0, 0, 2, 3, 4, 4, 8, 7 };
	u8 n = ONE_OF(c->r, numbers), modrm = 0xc0 | (n & 7) << 3;

	if (once_in(c->r, 4)) { /* DR0 to DR7 */
		if (once_in(c->r, 2))
			mov(c, AX, edge(c->r));
		EMIT(c, 0x0f, once_in(c->r, 2) ? 0x21 : 0x23, rnd(c->r) | 0xc0);
		return;
	}
	if (n == 8 && c->mode == LONG)
		EMIT(c, 0x44);
	EMIT(c, 0x0f, 0x20, modrm);
	if (once_in(c->r, 3))
		return;
	if (once_in(c->r, 3))
		mov(c, AX, edge(c->r));
	else
		EMIT(c, 0x0f, 0xba, 0xf8, below(c->r, 32)); /* BTC */
	if (n == 8 && c->mode == LONG)
		EMIT(c, 0x44);
	EMIT(c, 0x0f, 0x22, modrm);
}

static void xsetbv(struct code *c)
{
	if (once_in(c->r, 2)) { /* CR4.OSXSAVE */
		EMIT(c, 0x0f, 0x20, 0xe0, 0x0f, 0xba, 0xe8, 18);
		EMIT(c, 0x0f, 0x22, 0xe0);
	}
	mov(c, CX, once_in(c->r, 4) ? rnd(c->r) : 0);
	mov(c, AX, once_in(c->r, 2) ? below(c->r, 8) : edge(c->r));
	mov(c, DX, once_in(c->r, 3) ? rnd(c->r) : 0);
	EMIT(c, 0x0f, 0x01, once_in(c->r, 4) ? 0xd0 : 0xd1);
}

/* Instructions without an operand, or with [EBX]. */
static void plain(struct code *c)
{
	static const struct {
		u8 n, code[4];
	} list[] = {
		{ 1, { 0xf4 } },
		{ 1, { 0xf4 } },
		{ 2, { 0xfb, 0xf4 } }, /* HLT, STI HLT */
		{ 1, { 0xcc } },
		{ 1, { 0xce } },
		{ 1, { 0xf1 } },
		{ 2, { 0x0f, 0x0b } },
		{ 2, { 0x0f, 0x08 } },
		{ 2, { 0x0f, 0x09 } },
		{ 2, { 0x0f, 0x06 } },
		{ 3, { 0x0f, 0x01, 0x3b } }, /* INVLPG */
		{ 3, { 0x0f, 0x01, 0x13 } },
		{ 3, { 0x0f, 0x01, 0x1b } }, /* LGDT, LIDT */
		{ 3, { 0x0f, 0x01, 0x03 } },
		{ 3, { 0x0f, 0x00, 0xd8 } },
		{ 3, { 0x0f, 0x00, 0xd0 } },
		{ 3, { 0x0f, 0x01, 0xf0 } }, /* LMSW */
		/* VMX and SVM */
		{ 3, { 0x0f, 0x01, 0xc1 } },
		{ 3, { 0x0f, 0x01, 0xc2 } },
		{ 3, { 0x0f, 0x01, 0xc3 } },
		{ 3, { 0x0f, 0x01, 0xc4 } },
		{ 3, { 0x0f, 0x01, 0xd8 } },
		{ 3, { 0x0f, 0x01, 0xd9 } },
		{ 3, { 0x0f, 0x01, 0xda } },
		{ 3, { 0x0f, 0x01, 0xdb } },
		{ 3, { 0x0f, 0x01, 0xdc } },
		{ 3, { 0x0f, 0x01, 0xdd } },
		{ 3, { 0x0f, 0x01, 0xde } },
		{ 3, { 0x0f, 0x01, 0xdf } },
		{ 4, { 0xf3, 0x0f, 0xc7, 0x33 } },
		{ 3, { 0x0f, 0xc7, 0x33 } },
		{ 4, { 0x66, 0x0f, 0xc7, 0x33 } },
		{ 3, { 0x0f, 0x78, 0xc1 } },
		{ 3, { 0x0f, 0x79, 0xc1 } },
		{ 3, { 0x0f, 0x01, 0xd4 } },
		{ 3, { 0x0f, 0x01, 0xc8 } },
		{ 3, { 0x0f, 0x01, 0xc9 } }, /* MONITOR, MWAIT */
		{ 2, { 0x0f, 0x37 } },
		{ 2, { 0x0f, 0x33 } },
		{ 2, { 0x0f, 0x31 } },
		{ 3, { 0x0f, 0x01, 0xf9 } },
		{ 2, { 0x0f, 0xaa } },
		{ 3, { 0x0f, 0xc7, 0xf0 } },
		{ 3, { 0x0f, 0x01, 0xca } },
		{ 3, { 0x0f, 0x01, 0xcb } },
		{ 1, { 0xfb } },
		{ 1, { 0xfa } },
		{ 1, { 0x9c } },
		{ 1, { 0x9d } },
		{ 1, { 0x9b } },
		/* IRET and far returns, system calls */
		{ 1, { 0xcf } },
		{ 2, { 0x48, 0xcf } },
		{ 1, { 0xcb } },
		{ 2, { 0x0f, 0x05 } },
		{ 2, { 0x0f, 0x07 } },
		{ 2, { 0x0f, 0x34 } },
		{ 2, { 0x0f, 0x35 } },
		{ 2, { 0xeb, 0xfe } }, /* a loop for ever */
	};
	unsigned int i = below(c->r, ARRAY_SIZE(list) - !once_in(c->r, 8));

	if (once_in(c->r, 2))
		mov(c, BX, address(c));
	if (once_in(c->r, 4))
		mov(c, AX, once_in(c->r, 2) ? address(c) : edge(c->r));
	bytes(c, list[i].code, list[i].n);
}

static void interrupt(struct code *c)
{
	EMIT(c, 0xcd, rnd(c->r));
}

static void far_jump(struct code *c)
{
	u16 selector = once_in(c->r, 2) ? below(c->r, 6) * 8 : edge(c->r);

	if (c->mode == LONG) { /* by the stack */
		EMIT(c, 0x6a, selector, 0x68);
		immediate(c, c->gpa, 4);
		EMIT(c, 0x48, 0xcb);
		return;
	}
	if (c->bits16)
		EMIT(c, 0x66);
	EMIT(c, 0xea);
	immediate(c, c->gpa + below(c->r, c->size), 4);
	immediate(c, selector, 2);
}

/* MOVS, CMPS, STOS, LODS, SCAS across the end of a slot. */
static void strings(struct code *c)
{
	static const u64 ends[] = { HOLE,           HOLE + HOLE_SIZE, ROM,
				    ROM + ROM_SIZE, 0xfee00000,       0xfee01000 };
	static const u8 ops[] = { 0xa4, 0xa5, 0xa6, 0xa7, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf };

	mov(c, DI, ONE_OF(c->r, ends) - below(c->r, 64));
	mov(c, SI, ONE_OF(c->r, ends) - below(c->r, 64));
	mov(c, CX, below(c->r, 100));
	EMIT(c, once_in(c->r, 4) ? 0xfd : 0xfc);
	by_ebx(c);
	EMIT(c, once_in(c->r, 3) ? 0xf2 : 0xf3, ONE_OF(c->r, ops));
}

/* Writes an instruction's byte, here or another vCPU's. */
static void self(struct code *c)
{
	u64 gpa = once_in(c->r, 3) ? CODE_AT(below(c->r, MAX_VCPUS)) : c->gpa;

	mov(c, BX, gpa + below(c->r, c->size));
	by_ebx(c);
	EMIT(c, 0xc6, 0x03, rnd(c->r));
}

/* The local APIC: enabled and disabled, timer, IPIs with INIT and SIPI, by memory and by MSR. */
static void apic(struct code *c)
{
	static const u32 regs[] = { 0x20,  0x80,  0xb0,  0xd0,  0xe0,  0xf0,  0x280, 0x320, 0x350,
				    0x360, 0x370, 0x380, 0x3e0, 0x300, 0x300, 0x300, 0x310 };
	static const u32 commands[] = { 0x4500,  0xc500,  0x8500,  0x4601,  0x4602,  0x4400,
					0x4040,  0x44030, 0x84041, 0xc4500, 0xc4603, 0xc4400,
					0x84200, 0x4700,  0x4100,  0x4850 };
	u32 reg = ONE_OF(c->r, regs), value = reg == 0x300 ? ONE_OF(c->r, commands) : edge(c->r);

	if (reg == 0xf0 && !once_in(c->r, 3))
		value = 0x1ff;
	if (reg == 0x310)
		value = below(c->r, 5) << 24;
	if (once_in(c->r, 6)) /* on, off, moved, x2APIC */
		wrmsr(c, 0x1b,
		      (once_in(c->r, 3) ? edge(c->r) & ~0xfffUL : 0xfee00000) | below(c->r, 16)
											<< 8);
	if (once_in(c->r, 4)) {
		wrmsr(c, 0x800 + reg / 16, value | below(c->r, 3) << 32);
		return;
	}
	mov(c, BX, 0xfee00000 + reg);
	mov(c, AX, value);
	by_ebx(c);
	if (c->bits16)
		EMIT(c, 0x66);
	EMIT(c, 0x89, 0x03);
}

static void noise(struct code *c)
{
	u64 value[2] = { rnd(c->r), rnd(c->r) };

	bytes(c, (const u8 *)value, below(c->r, 12) + 1);
}

static void jump(struct code *c)
{
	static const u8 ops[] = { 0xeb, 0xe2, 0x72, 0x73, 0x74, 0x75, 0xe8 };

	EMIT(c, ONE_OF(c->r, ops), below(c->r, 64) - 40);
}

void write_code(struct rng *r, enum mode mode, u8 *at, size_t size, u64 gpa)
{
	static void (*const pieces[])(struct code * c) = {
		msr,       msr,     port,   port,     memory, memory, memory, cpuid,
		control,   control, xsetbv, plain,    plain,  plain,  apic,   apic,
		interrupt, strings, self,   far_jump, noise,  jump,
	};
	struct code c = { r, mode, mode <= PROTECTED16 || mode == VM86, at, at + size, gpa, size };
	/* some guests do one kind of thing most of the time */
	u64 favourite = below(r, ARRAY_SIZE(pieces)), how_much = below(r, 3);

	for (u64 n = below(r, 60) + 2; n; n--)
		pieces[how_much && below(r, 3) < how_much ? favourite
							  : below(r, ARRAY_SIZE(pieces))](&c);
	if (once_in(r, 2)) /* and from the beginning */
		EMIT(&c, 0xe9);
	if (c.bits16)
		immediate(&c, at - c.at - 2, 2);
	else
		immediate(&c, at - c.at - 4, 4);
}

/* Whatever was interrupted: the guest goes on at another place of vCPU 0's code, which EBP counts. */
void write_handler(enum mode mode, u8 *at, size_t size)
{
	static const u8 real[] = {
		0x66, 0xbc, 0x00, 0x90, 0x00, 0x00, /* mov esp, 0x9000 */
		0x66, 0x81, 0xc5, 0x95, 0x00, 0x00, 0x00, /* add ebp, 149 */
		0x66, 0x89, 0xeb, /* mov ebx, ebp */
		0x66, 0x81, 0xe3, 0xff, 0x03, 0x00, 0x00, /* and ebx, 0x3ff */
		0x66, 0x81, 0xc3, 0x00, 0x10, 0x00, 0x00, /* add ebx, CODE_AT(0) */
		0x6a, 0x00, 0x53, 0xcb, /* to 0:bx */
	};
	static const u8 flat[] = { 0xbc, 0x00, 0x90, 0x00, 0x00, 0x81, 0xc5, 0x95, 0x00,
				   0x00, 0x00, 0x89, 0xeb, 0x81, 0xe3, 0xff, 0x03, 0x00,
				   0x00, 0x81, 0xc3, 0x00, 0x10, 0x00, 0x00, 0xff, 0xe3 };
	struct code c = { .at = at, .end = at + size };

	if (mode <= UNREAL)
		bytes(&c, real, sizeof(real));
	else
		bytes(&c, flat, sizeof(flat));
}
