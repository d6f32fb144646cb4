/* SPDX-License-Identifier: MIT */
/*
 * Small programs that user space gives and ring 0 runs: checked once, when they come, so that running
 * them needs no checks and always ends. Nothing here needs the kernel: the host's fuzzers build it.
 */
#pragma once
#include "lib/types.h"

#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

/*
 * A seccomp filter in the old instruction set (networking/filter.rst): words of struct seccomp_data
 * and 16 words of memory, an accumulator and an index; jumps go forward only. scratch: room for n
 * numbers. 0 or -EINVAL.
 */
int bpf_classic_check(const struct sock_filter *prog, unsigned int n, u16 *scratch);
/* *looked becomes true when the answer depends on more of the call than its number and ABI. */
u32 bpf_classic_run(const struct sock_filter *prog, const struct seccomp_data *data, bool *looked);

/*
 * A program of bpf(2) in the newer instruction set: eleven 64-bit registers and 512 bytes of stack; it
 * reads fields of what it is asked about and returns 1 or 0: yes or no. There are no maps, no helpers and
 * no loops. scratch: room for n words. 0, or -EINVAL, -EACCES with a reason.
 */
struct bpf_complaint {
	const char *what; /* in Linux's words where it has them; %d takes value */
	unsigned int insn;
	int value;
};
struct bpf_context { /* what a type of programs is asked about: which bytes of it may be read */
	bool (*readable)(unsigned int off, unsigned int size);
};
extern const struct bpf_context bpf_device; /* struct bpf_cgroup_dev_ctx */
extern const struct bpf_context bpf_packet; /* struct __sk_buff */
int bpf_check(const struct bpf_insn *prog, unsigned int n, const struct bpf_context *ctx,
	      u64 *scratch, struct bpf_complaint *why);
bool bpf_run(const struct bpf_insn *prog, const void *ctx);

/* What both sets compute (BPF_ADD ...) and compare (BPF_JEQ ...); wide: 64 bits, else the lower half. */
u64 bpf_alu(u8 op, u64 a, u64 b, bool wide);
bool bpf_holds(u8 op, u64 a, u64 b, bool wide);
