/* SPDX-License-Identifier: MIT */
/*
 * The shadow of the kernel's half and what the compiler calls before each access and around variables
 * (-fsanitize=kernel-address). The shadow of address a is the byte at (a >> 3) + SHADOW_OFFSET: the
 * compiler writes the shadow of the stack by itself, so each address has one from the first C on.
 * boot.S maps all of it to one scratch page; kasan_init() gives what is mapped (RAM, the image,
 * later device memory) pages of its own, and all else a common page that says NOWHERE.
 *
 * This file is not checked itself. Sources: the ABI of -fsanitize=kernel-address as gcc and clang
 * emit it (gcc/asan.cc, llvm's AddressSanitizer.cpp).
 */
#include "x86/internal.h"

#ifdef SAN
#define SHADOW_OFFSET 0xdffffc0000000000UL /* as in the Makefile */
#define KERNEL_HALF 0xffff800000000000UL
#define SHADOW_FIRST ((KERNEL_HALF >> 3) + SHADOW_OFFSET)
#define SHADOW_END (SHADOW_FIRST + (1UL << 44)) /* an eighth of the half */
#define SHADOW_PML4_ENTRIES 32
#define NOWHERE 0xfe
#define GLOBAL_REDZONE 0xf9
#define AFTER_SCOPE 0xf8
#define MAX_REPORTS 64

static pte_t common[3][PT_ENTRIES] __aligned(PAGE_SIZE); /* by level; of the lowest, all entries: */
static u8 nowhere[PAGE_SIZE] __aligned(PAGE_SIZE);
static bool started;
static u32 reports, reporting;
extern pte_t boot_pml4[];
extern void (*const __ctors_start[])(void), (*const __ctors_end[])(void);

static u8 *shadow_of(u64 a)
{
	return (u8 *)((a >> 3) + SHADOW_OFFSET);
}

/* ---- the pages of the shadow ---- */

static paddr_t table_page(size_t size)
{
	return started ? virt_to_phys(page_alloc(size)) : boot_alloc(size);
}

/* The table of the given level below table[i], made a copy of the common one when it is that. */
static pte_t *own_table(pte_t *table, unsigned int i, unsigned int level)
{
	if ((table[i] & PTE_ADDR) == virt_to_phys(common[level])) {
		paddr_t p = table_page(PAGE_SIZE);

		memcpy(phys_to_virt(p), common[level], PAGE_SIZE);
		table[i] = p | PTE_P | PTE_W;
	}
	return phys_to_virt(table[i] & PTE_ADDR);
}

void kasan_map(u64 start, u64 end)
{
	u64 s = (u64)shadow_of(start) & PAGE_MASK;
	u64 last = ALIGN_UP((u64)shadow_of(end), PAGE_SIZE);
	paddr_t p = table_page(last - s);

	for (; s < last; s += PAGE_SIZE, p += PAGE_SIZE) {
		pte_t *pdpt = own_table(kernel_pml4, pt_index(s, 3), 2);
		pte_t *pd = own_table(pdpt, pt_index(s, 2), 1);
		pte_t *pte = &own_table(pd, pt_index(s, 1), 0)[pt_index(s, 0)];

		/* Not NX: other CPUs use it before they have switched NX on. */
		if ((*pte & PTE_ADDR) == virt_to_phys(nowhere))
			*pte = p | PTE_P | PTE_W | PTE_G;
	}
}

void kasan_init(void)
{
	unsigned int i, level;

	__builtin_memset(nowhere, NOWHERE, PAGE_SIZE);
	for (i = 0; i < PT_ENTRIES; i++) {
		common[0][i] = virt_to_phys(nowhere) | PTE_P;
		for (level = 1; level < 3; level++)
			common[level][i] = virt_to_phys(common[level - 1]) | PTE_P | PTE_W;
	}
	for (i = 0; i < SHADOW_PML4_ENTRIES; i++)
		kernel_pml4[pt_index(SHADOW_FIRST, 3) + i] =
			virt_to_phys(common[2]) | PTE_P | PTE_W;
}

void kasan_start(void)
{
	unsigned int first = pt_index(SHADOW_FIRST, 3);

	/* Other CPUs come up on the boot page tables. */
	memcpy(boot_pml4 + first, kernel_pml4 + first, SHADOW_PML4_ENTRIES * sizeof(pte_t));
	started = true;
	for (void (*const *fn)(void) = __ctors_start; fn < __ctors_end; fn++)
		(*fn)(); /* __asan_register_globals() of each file */
}

/* ---- what is accessible ---- */

void kasan_poison(const void *p, size_t size, u8 why)
{
	__builtin_memset(shadow_of((u64)p), why, size / 8);
}

void kasan_unpoison(const void *p, size_t size)
{
	kasan_poison(p, size, 0);
	if (size % 8)
		*shadow_of((u64)p + size) = size % 8;
}

static bool good_byte(u64 a)
{
	u8 s = *shadow_of(a);

	return s == 0 || (s < 8 && (a & 7) < s);
}

static const char *reason(u64 bad)
{
	u8 s = bad < KERNEL_HALF ? 0 : *shadow_of(bad);

	if (bad < KERNEL_HALF)
		return bad < PAGE_SIZE ? "NULL pointer" : "user memory without a user copy";
	if (s < 8)
		s = *shadow_of(bad + 8); /* a partial word: what follows it says what it is */
	switch (s) {
	case KASAN_FREE_FRAME:
		return "freed page";
	case KASAN_FREE_OBJECT:
		return "use after free";
	case GLOBAL_REDZONE:
		return "global out of bounds";
	case AFTER_SCOPE:
		return "stack variable out of its scope";
	case NOWHERE:
		return "wild address";
	}
	return s >= 0xf1 && s <= 0xf3 ? "stack out of bounds" : "heap out of bounds";
}

/* Always false. */
static bool report(u64 a, size_t size, bool write, u64 caller, u64 bad)
{
	/* What a report itself does, on all CPUs, is not worth another. */
	if (__atomic_exchange_n(&reporting, 1, __ATOMIC_ACQUIRE))
		return false;
	if (reports++ < MAX_REPORTS)
		warn_at(NULL, 0, "kasan: %s: %s of %zu byte%s at 0x%llx in %s", reason(bad),
			write ? "store" : "load", size, size == 1 ? "" : "s", (unsigned long long)a,
			symbol_name(caller));
	__atomic_store_n(&reporting, 0, __ATOMIC_RELEASE);
	return false;
}

bool kasan_check(const void *p, size_t size, bool write, u64 caller)
{
	u64 a = (u64)p, last = a + size - 1, b = a;

	if (!started || !size || (a >= SHADOW_FIRST && a < SHADOW_END))
		return true;
	if (last < a || a < KERNEL_HALF)
		return report(a, size, write, caller, a);
	while (b <= last && b >= a) {
		if (!(b & 63) && !*(const u64 *)shadow_of(b))
			b += 64;
		else if (good_byte(b))
			b = (b | 7) + 1;
		else
			return report(a, size, write, caller, b);
	}
	return good_byte(last) || report(a, size, write, caller, last);
}

/* ---- called by compiled code ---- */

#define CALLER ((u64)__builtin_return_address(0))
#define ASAN(proto)                                                                                \
	void proto;                                                                                \
	void proto
/* All within one or two whole words is the common case. */
static inline bool all_good(u64 a, size_t n)
{
	return a >= KERNEL_HALF && !*shadow_of(a) && !*shadow_of(a + n - 1);
}
#define ACCESS(n)                                                                                  \
	ASAN(__asan_load##n##_noabort(const void *p))                                              \
	{                                                                                          \
		if (unlikely(!all_good((u64)p, n)))                                                \
			kasan_check(p, n, false, CALLER);                                          \
	}                                                                                          \
	ASAN(__asan_store##n##_noabort(const void *p))                                             \
	{                                                                                          \
		if (unlikely(!all_good((u64)p, n)))                                                \
			kasan_check(p, n, true, CALLER);                                           \
	}
ACCESS(1)
ACCESS(2)
ACCESS(4)
ACCESS(8)
ACCESS(16)

ASAN(__asan_loadN_noabort(const void *p, size_t n))
{
	kasan_check(p, n, false, CALLER);
}
ASAN(__asan_storeN_noabort(const void *p, size_t n))
{
	kasan_check(p, n, true, CALLER);
}

/* Before a call that does not return: what the frames up to the top of the stack poisoned is over. */
ASAN(__asan_handle_no_return(void))
{
	u64 rsp = (u64)__builtin_frame_address(0), top = started ? this_cpu()->kernel_rsp : 0;

	if (rsp < top && top - rsp < 65536)
		kasan_unpoison((void *)rsp, top - rsp);
}

ASAN(__asan_poison_stack_memory(const void *p, size_t n))
{
	kasan_poison(p, ALIGN_UP(n, 8), AFTER_SCOPE);
}
ASAN(__asan_unpoison_stack_memory(const void *p, size_t n))
{
	kasan_unpoison(p, n);
}
#define SET_SHADOW(byte)                                                                           \
	ASAN(__asan_set_shadow_##byte(void *shadow, size_t n))                                     \
	{                                                                                          \
		__builtin_memset(shadow, 0x##byte, n);                                             \
	}
SET_SHADOW(00)
SET_SHADOW(f1)
SET_SHADOW(f2)
SET_SHADOW(f3)
SET_SHADOW(f5)
SET_SHADOW(f8)

struct asan_global {
	u64 start, size, size_with_redzone;
	const char *name, *module;
	u64 dynamic_init;
	const void *place;
	u64 odr;
};
ASAN(__asan_register_globals(const struct asan_global *g, size_t n))
{
	for (; n--; g++) {
		u64 end = ALIGN_UP(g->start + g->size, 8);

		kasan_unpoison((void *)g->start, g->size);
		kasan_poison((void *)end, g->start + g->size_with_redzone - end, GLOBAL_REDZONE);
	}
}
ASAN(__asan_unregister_globals(const struct asan_global *g, size_t n))
{
}
#endif
