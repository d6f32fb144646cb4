/* SPDX-License-Identifier: MIT */
/* Programs for seccomp(2) while they are put together, in classic BPF: Linux's Documentation/networking/filter.rst. */
#pragma once
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#include "common.h"

struct filter {
	struct sock_filter code[256];
	unsigned short n;
};

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(what) BPF_STMT(BPF_RET | BPF_K, what)
/* Skips `yes` instructions when A is k (BPF_JEQ), at least k (BPF_JGE), has a bit of k (BPF_JSET); else `no`. */
#define JUMP(kind, k, yes, no) BPF_JUMP(BPF_JMP | (kind) | BPF_K, k, yes, no)

static inline void filter_add(struct filter *f, const struct sock_filter *code, size_t n)
{
	memcpy(f->code + f->n, code, n * sizeof(*code));
	f->n += n;
}
#define FILTER_ADD(f, ...)                                                                         \
	filter_add(f, (const struct sock_filter[]){ __VA_ARGS__ },                                 \
		   LENGTH(((const struct sock_filter[]){ __VA_ARGS__ })))
