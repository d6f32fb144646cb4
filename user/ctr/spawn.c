/* SPDX-License-Identifier: MIT */
/* Starting a process with clone3(2), and waiting for its end while passing signals on. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/sched.h>

#include "ctr.h"

#define STACK_SIZE 65536

struct call {
	int (*fn)(const struct container *c);
	const struct container *c;
};

void tell_failure(const struct container *c, int status)
{
	unsigned char byte = status;

	if (c->failure && write(c->failure, &byte, 1) < 0)
		return; /* the small init has closed it */
}

static void child_main(const struct call *call)
{
	int status = call->fn(call->c);

	tell_failure(call->c, status);
	_exit(status);
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
	struct clone_args args = { .flags = flags & ~CLONE_NEWCGROUP, .exit_signal = SIGCHLD };
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

int hold_signals(sigset_t *old)
{
	static const int signals[] = { SIGCHLD, SIGTERM, SIGINT,   SIGQUIT, SIGHUP,
				       SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT };
	sigset_t set;
	int fd;

	signal(SIGCHLD, SIG_DFL); /* inherited as ignored, it would reap the child unseen */
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		sigaddset(&set, signals[i]);
	sigprocmask(SIG_BLOCK, &set, old);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		die(STATUS_FAILED, "signalfd: %s", strerror(errno));
	return fd;
}

/* The mask after "KEY:\t" in /proc/PID/status. */
static uint64_t signal_mask(const char *status, const char *key)
{
	const char *p = strstr(status, key);

	return p ? to_number(p + strlen(key) + 1, NULL, 16) : 0;
}

/*
 * Would sig end the process if it were not process 1 of its namespace? There the kernel drops what
 * has no handler, so that the default action is for us to take.
 */
static bool ends_by_default(pid_t pid, int sig)
{
	char path[32], text[4096];
	uint64_t bit = 1ULL << (sig - 1);

	if (sig == SIGWINCH || sig == SIGCONT)
		return false;
	format(path, sizeof(path), "/proc/%d/status", (int)pid);
	if (read_small(AT_FDCWD, path, text, sizeof(text)) < 0)
		return false;
	return !((signal_mask(text, "\nSigCgt:") | signal_mask(text, "\nSigIgn:") |
		  signal_mask(text, "\nSigBlk:")) &
		 bit);
}

static void pass_on(pid_t pid, int sig, bool from_terminal, struct ending *e)
{
	if (((sig == SIGINT || sig == SIGTERM) && ++e->requests > 1) || ends_by_default(pid, sig)) {
		e->by = sig;
		sig = SIGKILL;
	} else if (from_terminal) {
		return; /* it went to the whole process group */
	}
	kill(pid, sig);
}

bool has_ended(pid_t pid, int signals, int *wait_status, struct ending *e)
{
	struct signalfd_siginfo info;

	while (read(signals, &info, sizeof(info)) == sizeof(info))
		if (info.ssi_signo != SIGCHLD)
			pass_on(pid, info.ssi_signo, info.ssi_code == SI_KERNEL, e);
	return waitpid(pid, wait_status, WNOHANG) == pid;
}

int ending_status(int wait_status, const struct ending *e, bool *killed)
{
	*killed = WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGKILL;
	if (*killed && e->by) {
		*killed = false;
		return 128 + e->by;
	}
	return exit_status_of(wait_status);
}

int wait_for_end(pid_t pid, int signals, bool *killed)
{
	struct pollfd p = { .fd = signals, .events = POLLIN };
	struct ending ending = { 0 };
	int status;

	while (!has_ended(pid, signals, &status, &ending))
		poll(&p, 1, -1);
	return ending_status(status, &ending, killed);
}
