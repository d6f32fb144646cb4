/* SPDX-License-Identifier: MIT */
/*
 * How a layer on top of the kernel announces itself: the kernel runs what it finds in the
 * section, and names nobody. Left out of the build, a layer is simply not there.
 */
#pragma once

typedef void (*initcall_t)(void);
#define layer_initcall(fn)                                                                         \
	static const initcall_t __initcall_##fn __attribute__((section(".initcalls"), used)) = fn

/* Runs them all, in link order. Called once by main.c, after every kernel folder is up. */
void run_layer_initcalls(void);
