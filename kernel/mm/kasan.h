/* SPDX-License-Identifier: MIT */
/*
 * KASan (make SAN=1): every load and store of ring 0 into the direct map is checked against a shadow,
 * one byte for 8: 0 all accessible, 1 to 7 the first so many, KASAN_* nothing. Who gives memory out
 * unpoisons it, who takes it back poisons it. Without SAN all of it is empty.
 */
#pragma once
#include "x86/x86.h"

#define KASAN_FREE_FRAME 0xff
#define KASAN_FREE_OBJECT 0xfb
#define KASAN_REDZONE 0xfc

#ifdef SAN
/* Makes the shadow of [0, end) of physical memory. Nothing is checked before. */
void kasan_init(paddr_t end);
void kasan_poison(const void *p, size_t size, u8 why); /* both multiples of 8 */
void kasan_unpoison(const void *p, size_t size); /* p a multiple of 8 */
/* A bad access is a warning with the caller's place; returns false then. */
bool kasan_check(const void *p, size_t size, bool write, u64 caller);
#else
static inline void kasan_init(paddr_t end)
{
}
static inline void kasan_poison(const void *p, size_t size, u8 why)
{
}
static inline void kasan_unpoison(const void *p, size_t size)
{
}
#endif
