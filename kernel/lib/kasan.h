/* SPDX-License-Identifier: MIT */
/*
 * KASan (make SAN=1): every load and store of ring 0 is checked against a shadow, one byte for 8:
 * 0 all accessible, 1 to 7 the first so many, from 0x80 on nothing, and why. Who gives memory out
 * unpoisons it, who takes it back poisons it; variables on the stack and globals are the compiler's
 * business. Without SAN all of this is empty. The checks: x86/kasan.c.
 */
#pragma once
#include "lib/types.h"

#define KASAN_FREE_FRAME 0xff
#define KASAN_FREE_OBJECT 0xfb
#define KASAN_REDZONE 0xfc /* behind an object of the heap */

#ifdef SAN
#define KASAN true
void kasan_init(void); /* paging_init(): the shadow of what is mapped by then */
void kasan_start(void); /* the final page tables are loaded: from now on it checks */
/* [start, end) of the kernel's half is mapped now: gives it a shadow, all accessible. */
void kasan_map(u64 start, u64 end);
void kasan_poison(const void *p, size_t size, u8 why); /* both multiples of 8 */
void kasan_unpoison(const void *p, size_t size); /* p a multiple of 8 */
/* A bad access is a WARNING with the place that caller is in, and false. */
bool kasan_check(const void *p, size_t size, bool write, u64 caller);
/* For what the compiler does not see: assembly that touches [p, p + n) for the calling function. */
#define kasan_read(p, n) kasan_check(p, n, false, (u64)__builtin_return_address(0))
#define kasan_write(p, n) kasan_check(p, n, true, (u64)__builtin_return_address(0))
/* A function that must touch what is poisoned, or checks its whole range itself. */
#define __no_kasan __attribute__((no_sanitize_address))
#else
#define KASAN false
static inline void kasan_init(void)
{
}
static inline void kasan_start(void)
{
}
static inline void kasan_map(u64 start, u64 end)
{
}
static inline void kasan_poison(const void *p, size_t size, u8 why)
{
}
static inline void kasan_unpoison(const void *p, size_t size)
{
}
#define kasan_read(p, n) ((void)0)
#define kasan_write(p, n) ((void)0)
#define __no_kasan
#endif
