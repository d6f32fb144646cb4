/* SPDX-License-Identifier: MIT */
/*
 * The registers that ring 0 itself never uses: x87, SSE, AVX. Saved and loaded whole at a thread
 * switch by XSAVE (SDM 1, 13), in an area whose size the CPU tells.
 * All CPUs are alike: what the first one has, all have.
 */
#include "x86/internal.h"

unsigned int fpu_size = 512;
u64 fpu_xcr0;
static bool has_xsave, has_xsaveopt;

#define XCR0_X87 BIT(0)
#define XCR0_SSE BIT(1)
#define XCR0_AVX BIT(2)
#define FCW_DEFAULT 0x37f
#define MXCSR_DEFAULT 0x1f80
#define FX_MXCSR 24 /* offsets in the area, SDM 1, 10.5.1 */
#define FX_ST0 32
#define FX_XMM0 160
#define FX_RESERVED 416
#define XSTATE_BV 512

void fpu_init_this(void)
{
	if (has_xsave)
		xsetbv(0, fpu_xcr0);
	else
		write_cr4(read_cr4() & ~CR4_OSXSAVE);
	__asm__ volatile("fninit");
}

/*
 * A hypervisor on QEMU's own emulation of SVM (7.2) does not hear of an XSETBV, and puts back what it knows when
 * the guest has been out, as for a CPUID. Then this CPU is one without XSAVE.
 */
static void give_up_xsave(void)
{
	has_xsave = has_xsaveopt = false;
	fpu_xcr0 = 0;
	fpu_size = 512;
}

void fpu_init(void)
{
	has_xsave = cpuid(1, 0).ecx & BIT(26);
	if (has_xsave) {
		fpu_xcr0 = cpuid(0xd, 0).eax & (XCR0_X87 | XCR0_SSE | XCR0_AVX);
		xsetbv(0, fpu_xcr0);
		fpu_size = ALIGN_UP(cpuid(0xd, 0).ebx, 64);
		has_xsaveopt = cpuid(0xd, 1).eax & BIT(0);
		if (xgetbv(0) != fpu_xcr0)
			give_up_xsave();
	}
	fpu_init_this();
}

void *fpu_alloc(void)
{
	u64 size = 512;
	u8 *area;

	while (size < fpu_size) /* a power of two is aligned to itself: XSAVE wants 64 */
		size *= 2;
	area = kzalloc(size);
	if (!area)
		return NULL;
	*(u16 *)area = FCW_DEFAULT;
	*(u32 *)(area + FX_MXCSR) = MXCSR_DEFAULT;
	if (has_xsave)
		*(u64 *)(area + XSTATE_BV) = XCR0_SSE;
	return area;
}

void fpu_free(void *area)
{
	kfree(area);
}

/*
 * An x87 that is as at reset is not kept, as XSAVEOPT does where the CPU knows (SDM 1, 13.6); what is left in empty
 * registers is nobody's. QEMU (7.2) does not know, and when it loads an x87, on any CPU, it writes flags of the first
 * one (cpu_clear_ignne()): if that enters or leaves a guest just then, the guest runs without nested paging, or the
 * kernel with it.
 */
static bool x87_is_plain(const u64 *at)
{
	return at[0] == FCW_DEFAULT && !at[1] && !at[2]; /* FCW, FSW, FTW and FOP; FIP; FDP */
}

void fpu_save(void *area)
{
	if (has_xsaveopt)
		__asm__ volatile("xsaveopt64 (%0)" ::"r"(area), "a"(~0U), "d"(~0U) : "memory");
	else if (has_xsave)
		__asm__ volatile("xsave64 (%0)" ::"r"(area), "a"(~0U), "d"(~0U) : "memory");
	else
		__asm__ volatile("fxsave64 (%0)" ::"r"(area) : "memory");
	if (has_xsave && x87_is_plain(area))
		*(u64 *)(area + XSTATE_BV) &= ~XCR0_X87;
}

/* For FXRSTOR: an x87 as at reset, nothing of another thread's left in it, and the rest of the area. */
static void restore_sse(const void *area)
{
	__asm__ volatile("fninit; .rept 8; fldz; .endr; fninit; ldmxcsr %c1(%0)\n"
			 ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"
			 "movaps %c2 + 16 * \\n(%0), %%xmm\\n\n"
			 ".endr" ::"r"(area),
			 "i"(FX_MXCSR), "i"(FX_XMM0)
			 : "memory");
}

void fpu_restore(const void *area)
{
	if (has_xsave)
		__asm__ volatile("xrstor64 (%0)" ::"r"(area), "a"(~0U), "d"(~0U) : "memory");
	else if (x87_is_plain(area))
		restore_sse(area);
	else
		__asm__ volatile("fxrstor64 (%0)" ::"r"(area) : "memory");
}

/* XSAVEOPT writes no component that is as at reset, and clears its bit in XSTATE_BV (SDM 1, 13.6). */
void fpu_spell_out(void *area)
{
	struct cpuid_regs avx;
	u8 *at = area;
	u64 absent;

	if (!has_xsave)
		return;
	absent = fpu_xcr0 & ~*(u64 *)(at + XSTATE_BV);
	if (absent & XCR0_X87) {
		memset(at, 0, FX_MXCSR);
		memset(at + FX_ST0, 0, FX_XMM0 - FX_ST0);
		*(u16 *)at = FCW_DEFAULT;
	}
	if (absent & XCR0_SSE)
		memset(at + FX_XMM0, 0, FX_RESERVED - FX_XMM0);
	if (absent & XCR0_AVX) {
		avx = cpuid(0xd, 2); /* eax: size, ebx: offset */
		memset(at + avx.ebx, 0, avx.eax);
	}
}
