/* SPDX-License-Identifier: MIT */
/*
 * Small programs that user space gives and ring 0 runs: checked once, when they come, so that running
 * them needs no checks and always ends. Nothing here needs the kernel: the host's fuzzers build it.
 */
#pragma once
#include "lib/types.h"

#include <linux/filter.h>
#include <linux/seccomp.h>

/*
 * A seccomp filter in the old instruction set (networking/filter.rst): words of struct seccomp_data
 * and 16 words of memory, an accumulator and an index; jumps go forward only. scratch: room for n
 * numbers. 0 or -EINVAL.
 */
int bpf_classic_check(const struct sock_filter *prog, unsigned int n, u16 *scratch);
u32 bpf_classic_run(const struct sock_filter *prog, const struct seccomp_data *data);
