/* SPDX-License-Identifier: MIT */
/* Memory by the byte. mm/slab.c gives it in the kernel, the C library in the unit tests. */
#pragma once
#include "lib/types.h"

/*
 * At least size bytes, 16-byte aligned; a size that is a power of two is aligned to itself up to a
 * page. NULL when there is none: the caller returns -ENOMEM. Never sleeps.
 */
void *kmalloc(size_t size);
void *kzalloc(size_t size);
void kfree(const void *p); /* NULL is fine */
char *kstrdup(const char *s);
void *kmemdup(const void *p, size_t n);

/* Zeroed pages: size is rounded up to a power of two pages. Not charged to anybody. NULL: none left. */
void *page_alloc(size_t size);
void page_free(void *p, size_t size);
