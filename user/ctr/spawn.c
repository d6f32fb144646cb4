/* SPDX-License-Identifier: MIT */
/* Starting a process with clone3(2). */
#include <sched.h>
#include <linux/sched.h>

#include "ctr.h"

#define STACK_SIZE 65536

struct call {
	int (*fn)(const struct container *c);
	const struct container *c;
};

static void child_main(const struct call *call)
{
	int status = call->fn(call->c);

	tell_failure(&call->c->io, status);
	/* A seccomp filter may refuse this too: _exit(2) would try for ever, and its parent wait. */
	syscall(SYS_exit_group, status);
	__builtin_trap();
}

/*
 * The system call; in the child, which has a stack of its own when args->stack says so, child_main()
 * is called and never returns. There is no C function for this: the child must not return into the
 * parent's frame.
 */
static long clone3(struct clone_args *args, const struct call *call)
{
	register const struct call *kept __asm__("r12") = call;
	long result;

	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "and $-16, %%rsp\n\t"
			 "mov %%r12, %%rdi\n\t"
			 "call *%%rbx\n"
			 "1:"
			 : "=a"(result)
			 : "a"(SYS_clone3), "D"(args), "S"(sizeof(*args)), "b"(child_main),
			   "r"(kept)
			 : "rcx", "r11", "memory");
	return result;
}

pid_t spawn(uint64_t flags, int cgroup, bool shared, int (*fn)(const struct container *c),
	    const struct container *c)
{
	static char stack[STACK_SIZE] __attribute__((aligned(16)));
	struct call call = { fn, c };
	struct clone_args args = { .flags = flags & ~(CLONE_NEWCGROUP | CLONE_NEWTIME),
				   .exit_signal = SIGCHLD };
	long pid;

	if (cgroup >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = cgroup;
	}
	if (shared) {
		args.flags |= CLONE_VM | CLONE_VFORK;
		args.stack = (uint64_t)(uintptr_t)stack;
		args.stack_size = STACK_SIZE;
	}
	pid = clone3(&args, &call);
	if (pid < 0) {
		errno = -pid;
		return -1;
	}
	return pid;
}
