/* SPDX-License-Identifier: MIT */
/*
 * What a unit test stands on instead of the kernel: memory that counts itself and can be made to
 * run out, warnings that are counted, and random numbers with a printed seed.
 */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/alloc.h"
#include "lib/types.h"

extern long host_live; /* objects from kmalloc() and page_alloc() that are not yet freed */
extern long host_fail_after; /* allocations that still succeed; below 0: no limit */
extern unsigned int host_warnings; /* calls of WARN() */

/* The same numbers again with UNIT_SEED=N in the environment; the first call prints N. */
u64 rnd(void);
static inline u64 rnd_below(u64 n)
{
	return rnd() % n;
}

/* The end of main(): runs the tests of an array, or those that the first argument names (* and ?). */
#define RUN_TESTS(argc, argv, tests, setup)                                                        \
	(cmocka_set_test_filter((argc) > 1 ? (argv)[1] : NULL),                                    \
	 cmocka_run_group_tests(tests, setup, NULL))
