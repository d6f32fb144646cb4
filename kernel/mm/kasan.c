/* SPDX-License-Identifier: MIT */
/*
 * The shadow and the functions the compiler calls before each access (-fsanitize=kernel-address
 * with calls instead of inline checks). Only the direct map has a shadow: slabs, frames and kernel
 * stacks live there. This file, and what runs before kasan_init(), is not checked.
 */
#include "mm/kasan.h"

#ifdef SAN
static u8 *shadow;
static u64 shadow_end; /* direct-map address */
static u32 reports;

#define MAX_REPORTS 16

void kasan_init(paddr_t end)
{
	shadow = phys_to_virt(boot_alloc(end / 8));
	__atomic_store_n(&shadow_end, end + DIRECT_BASE, __ATOMIC_RELEASE);
}

static u8 *shadow_of(u64 addr)
{
	return &shadow[(addr - DIRECT_BASE) / 8];
}

void kasan_poison(const void *p, size_t size, u8 why)
{
	u64 a = (u64)p;

	if (a >= DIRECT_BASE && a + size <= shadow_end)
		__builtin_memset(shadow_of(a), why, size / 8);
}

void kasan_unpoison(const void *p, size_t size)
{
	u64 a = (u64)p;

	if (a < DIRECT_BASE || a + size > shadow_end)
		return;
	__builtin_memset(shadow_of(a), 0, size / 8);
	if (size % 8)
		*shadow_of(a + size) = size % 8;
}

static bool good_byte(u64 a)
{
	u8 s = *shadow_of(a);

	return s == 0 || (s < 8 && (a & 7) < s);
}

bool kasan_check(const void *p, size_t size, bool write, u64 caller)
{
	u64 a = (u64)p, bad = 0;

	if (a < DIRECT_BASE || a + size > shadow_end || a + size < a || !size)
		return true;
	for (u64 b = a; b < a + size && !bad; b = (b | 7) + 1)
		if (!good_byte(b))
			bad = b;
	if (!bad && !good_byte(a + size - 1))
		bad = a + size - 1;
	if (!bad)
		return true;
	if (__atomic_fetch_add(&reports, 1, __ATOMIC_RELAXED) < MAX_REPORTS)
		warn_at("kasan", 0, "%s of %zu bytes at 0x%llx, shadow 0x%x, by 0x%llx",
			write ? "store" : "load", size, (unsigned long long)a, *shadow_of(bad),
			(unsigned long long)caller);
	return false;
}

#define CALLER ((u64)__builtin_return_address(0))
#define ACCESS(n)                                                                                  \
	void __asan_load##n##_noabort(const void *p);                                              \
	void __asan_load##n##_noabort(const void *p)                                               \
	{                                                                                          \
		kasan_check(p, n, false, CALLER);                                                  \
	}                                                                                          \
	void __asan_store##n##_noabort(const void *p);                                             \
	void __asan_store##n##_noabort(const void *p)                                              \
	{                                                                                          \
		kasan_check(p, n, true, CALLER);                                                   \
	}
ACCESS(1)
ACCESS(2)
ACCESS(4)
ACCESS(8)
ACCESS(16)

void __asan_loadN_noabort(const void *p, size_t n);
void __asan_loadN_noabort(const void *p, size_t n)
{
	kasan_check(p, n, false, CALLER);
}
void __asan_storeN_noabort(const void *p, size_t n);
void __asan_storeN_noabort(const void *p, size_t n)
{
	kasan_check(p, n, true, CALLER);
}
void __asan_handle_no_return(void);
void __asan_handle_no_return(void)
{
}
#endif
