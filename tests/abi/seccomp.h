/* SPDX-License-Identifier: MIT */
/* Filters of a few instructions, for the tests of seccomp(2). */
#pragma once
#include "abi.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>

#define FIELD(name) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, name))
#define RETURN(v) BPF_STMT(BPF_RET | BPF_K, (v))
/* Goes on when the accumulator is v, else skips n instructions. */
#define WHEN(v, n) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (v), 0, (n))

static inline long filter_n(unsigned int flags, struct sock_filter *insns, size_t n)
{
	struct sock_fprog prog = { n, insns };

	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
}
#define FILTER(flags, ...)                                                                         \
	filter_n(flags, (struct sock_filter[]){ __VA_ARGS__ },                                     \
		 sizeof((struct sock_filter[]){ __VA_ARGS__ }) / sizeof(struct sock_filter))
/* One call gets a verdict, all others are allowed. */
#define VERDICT(flags, call, v)                                                                    \
	FILTER(flags, FIELD(nr), WHEN(call, 1), RETURN(v), RETURN(SECCOMP_RET_ALLOW))

static inline void no_new_privs(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		say("no_new_privs: %s", errno_name(errno));
}

/* Runs fn in a child and says how that ended. */
static inline void child(const char *what, void (*fn)(void))
{
	pid_t pid = fork();

	if (!pid) {
		fn();
		_exit(0);
	}
	say("%s: %s", what, ended(reap(pid) & ~0x80));
}
#define CHILD(fn) child(#fn, fn)
