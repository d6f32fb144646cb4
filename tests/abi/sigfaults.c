/* SPDX-License-Identifier: MIT */
/* Signals of faults, and what a handler sees and may change: the alternate stack, the context. */
#include "sigdetail.h"

#include <setjmp.h>
#include <sys/resource.h>
#include <ucontext.h>

/* ---- faults ---- */
static char *fault_page;
static sigjmp_buf env;
static void on_fault(int sig, siginfo_t *si, void *arg)
{
	ucontext_t *uc = arg;
	long *g = (long *)uc->uc_mcontext.gregs;
	long addr = (long)si->si_addr;

	say("signal %d, code %d, trap %ld, error %ld, address %s%s", sig, si->si_code,
	    g[REG_TRAPNO], g[REG_ERR],
	    addr == 0                   ? "0"
	    : addr == (long)fault_page  ? "the page"
	    : addr == g[REG_RIP]        ? "the instruction"
	    : (unsigned long)addr >> 47 ? "kernel"
					: "other",
	    g[REG_TRAPNO] != 14  ? ""
	    : g[REG_CR2] == addr ? ", in cr2"
				 : ", not in cr2");
	siglongjmp(env, 1);
}

#define FAULT(what, code)                                                                          \
	do {                                                                                       \
		if (!sigsetjmp(env, 1)) {                                                          \
			code;                                                                      \
			say("%s: nothing happened", what);                                         \
		}                                                                                  \
	} while (0)

static void memory_faults(void)
{
	int fd = memfd_create("f", 0);

	on(SIGSEGV, on_fault, SA_SIGINFO);
	on(SIGBUS, on_fault, SA_SIGINFO);
	fault_page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	FAULT("read-only", *(volatile char *)fault_page = 1);
	mprotect(fault_page, 4096, PROT_NONE);
	FAULT("no access", (void)*(volatile char *)fault_page);
	FAULT("no access", *(volatile char *)fault_page = 1);
	FAULT("jump", ((void (*)(void))fault_page)());
	munmap(fault_page, 4096);
	FAULT("unmapped", (void)*(volatile char *)fault_page);
	FAULT("unmapped", *(volatile char *)fault_page = 1);
	fault_page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	FAULT("past the end", (void)*(volatile char *)fault_page);
	FAULT("past the end", *(volatile char *)fault_page = 1);
	FAULT("kernel", (void)*(volatile char *)wild(0xffffffff81000000));
	FAULT("kernel", (void)*(volatile char *)wild(0xffff800000000000));
	FAULT("no address", (void)*(volatile char *)wild(0x8000000000000000));
}

static void instruction_faults(void)
{
	for (int sig = 1; sig < 32; sig++)
		if (sig != SIGALRM && sig != SIGKILL && sig != SIGSTOP)
			on(sig, on_fault, SA_SIGINFO);
	FAULT("div",
	      __asm__ volatile("xor %%edx, %%edx; mov $1, %%eax; xor %%ecx, %%ecx; div %%ecx" ::
				       : "eax", "ecx", "edx"));
	FAULT("ud2", __asm__ volatile("ud2"));
	FAULT("hlt", __asm__ volatile("hlt"));
	FAULT("in", __asm__ volatile("inb $0x80, %%al" ::: "eax"));
	FAULT("int3", __asm__ volatile("int3"));
	FAULT("int 4", __asm__ volatile("int $4"));
	FAULT("x87", __asm__ volatile("fninit; sub $16, %%rsp; movw $0x360, (%%rsp); fldcw (%%rsp);"
				      "fld1; fldz; fdivrp; fwait; add $16, %%rsp" ::
					      : "memory"));
}

static void trap_flag(void)
{
	on(SIGTRAP, on_fault, SA_SIGINFO);
	FAULT("step",
	      __asm__ volatile("sub $128, %%rsp; pushfq; orq $0x100, (%%rsp); popfq; nop; nop;"
			       "add $128, %%rsp" ::
				       : "memory", "cc"));
}

static void no_way_to_handle(void)
{
	static const char *const how[] = { "ignored", "blocked", "handler, no stack" };

	for (int i = 0; i < 3; i++) {
		pid_t pid = fork();

		if (!pid) {
			struct rlimit none = { 0, 0 };

			setrlimit(RLIMIT_CORE, &none);
			if (i == 0)
				signal(SIGSEGV, SIG_IGN);
			on(SIGSEGV, i == 2 ? (void *)count : i ? (void *)count : SIG_IGN, 0);
			if (i == 1)
				block(SIG_BLOCK, SIGSEGV);
			if (i == 2)
				__asm__ volatile("xor %%esp, %%esp; push %%rax" ::: "memory");
			*(volatile char *)wild(8) = 1;
			_exit(1);
		}
		int status = reap(pid);

		say("%s: %s, core %d", how[i], ended(status), WCOREDUMP(status) != 0);
	}
}

static void no_core_without_limit(void)
{
	static const int sigs[] = { SIGQUIT, SIGABRT, SIGSEGV, SIGXCPU, SIGSYS, SIGTERM };

	for (int i = 0; i < 6; i++) {
		pid_t pid = fork();

		if (!pid) {
			struct rlimit none = { 0, 0 };

			setrlimit(RLIMIT_CORE, &none);
			raise(sigs[i]);
			_exit(1);
		}
		siginfo_t si;

		R(waitid(P_PID, pid, &si, WEXITED | WNOWAIT));
		say("code %d, status %d, core %d", si.si_code, si.si_status,
		    WCOREDUMP(reap(pid)) != 0);
	}
}

/* ---- the alternate stack ---- */
static char stack1[65536], stack2[65536];

static const char *stack_state(void)
{
	static char text[80];
	stack_t ss;

	if (sigaltstack(NULL, &ss))
		return "?";
	snprintf(text, sizeof(text), "flags %#x, size %d, %s", ss.ss_flags, (int)ss.ss_size,
		 ss.ss_sp == stack1   ? "one"
		 : ss.ss_sp == stack2 ? "two"
				      : "none");
	return text;
}

static void on_stack(int sig)
{
	stack_t ss = { .ss_sp = stack2, .ss_size = sizeof(stack2) };
	char here;
	long r;

	say("on %s", &here >= stack1 && &here < stack1 + sizeof(stack1)   ? "one"
		     : &here >= stack2 && &here < stack2 + sizeof(stack2) ? "two"
									  : "neither");
	say("%s", stack_state());
	r = sigaltstack(&ss, NULL);
	say("another: %s", r ? errno_name(errno) : "ok");
	if (sig == SIGUSR1)
		raise(SIGUSR2);
	say("%s", stack_state());
}

static void alternate_stacks(void)
{
	stack_t ss = { .ss_sp = stack1, .ss_size = sizeof(stack1) };

	on(SIGUSR1, on_stack, SA_ONSTACK);
	on(SIGUSR2, on_stack, SA_ONSTACK);
	say("%s", stack_state());
	R(sigaltstack(&ss, NULL));
	raise(SIGUSR1);
	say("%s", stack_state());
}

static void disarmed_stacks(void)
{
	stack_t ss = { .ss_sp = stack1, .ss_size = sizeof(stack1), .ss_flags = (int)(1U << 31) };

	on(SIGUSR1, on_stack, SA_ONSTACK);
	on(SIGUSR2, on_stack, SA_ONSTACK);
	R(sigaltstack(&ss, NULL));
	say("%s", stack_state());
	raise(SIGUSR1);
	say("%s", stack_state());
}

static void alternate_stack_errors(void)
{
	stack_t ss = { .ss_sp = stack1, .ss_size = 2047 };

	R(sigaltstack(&ss, NULL));
	R(syscall(SYS_sigaltstack, &ss, NULL));
	ss.ss_size = 65536;
	ss.ss_flags = 4;
	R(syscall(SYS_sigaltstack, &ss, NULL));
	ss.ss_flags = SS_ONSTACK;
	R(syscall(SYS_sigaltstack, &ss, NULL));
	ss.ss_flags = SS_DISABLE;
	R(syscall(SYS_sigaltstack, &ss, NULL));
	say("%s", stack_state());
	R(syscall(SYS_sigaltstack, wild(8), NULL));
	R(syscall(SYS_sigaltstack, NULL, wild(8)));
}

/* ---- the context ---- */
static void on_context(int sig, siginfo_t *si, void *arg)
{
	ucontext_t *uc = arg;
	struct _libc_fpstate_like {
		uint8_t legacy[464];
		uint32_t magic1, size;
		uint64_t features;
		uint32_t xsize;
	} *fp = (void *)uc->uc_mcontext.fpregs;
	long *g = (long *)uc->uc_mcontext.gregs;
	uint32_t magic2 = 0;

	if (fp && fp->magic1)
		memcpy(&magic2, (char *)fp + fp->xsize, 4);
	say("flags %#lx, link %s", uc->uc_flags, uc->uc_link ? "set" : "none");
	say("fpstate %s, magic %#x %#x", (long)fp % 64 ? "askew" : "aligned", fp->magic1, magic2);
	YES(fp->size == fp->xsize + 4 && (fp->features & 3) == 3);
	say("cs %#lx, ss %#lx", g[REG_CSGSFS] & 0xffff, (unsigned long)g[REG_CSGSFS] >> 48);
	say("mask %#lx, old mask %#lx", *(long *)&uc->uc_sigmask, g[REG_OLDMASK]);
	YES((long)__builtin_frame_address(0) % 16 == 0);
	YES(g[REG_RIP] != 0 && g[REG_RSP] > (long)arg);
}

static void context_contents(void)
{
	on(SIGUSR1, on_context, SA_SIGINFO);
	block(SIG_BLOCK, SIGUSR2);
	raise(SIGUSR1);
}

static void change_registers(int sig, siginfo_t *si, void *arg)
{
	ucontext_t *uc = arg;
	double d = 2.5;

	uc->uc_mcontext.gregs[REG_RIP] += 2; /* over ud2 */
	uc->uc_mcontext.gregs[REG_RBX] = 4711;
	uc->uc_mcontext.gregs[REG_RCX] = 4712;
	uc->uc_mcontext.gregs[REG_R11] = 4713;
	uc->uc_mcontext.gregs[REG_EFL] |= 1;
	memcpy((char *)uc->uc_mcontext.fpregs + 160, &d, 8); /* xmm0 */
	sigaddset(&uc->uc_sigmask, SIGUSR2);
}

static void handler_changes_registers(void)
{
	long rbx, rcx, r11, flags;
	sigset_t now;
	double d;

	on(SIGILL, change_registers, SA_SIGINFO);
	__asm__ volatile("ud2; pushfq; pop %3; movsd %%xmm0, %4"
			 : "=&b"(rbx), "=&c"(rcx), "=&S"(flags), "=&D"(r11), "=m"(d)::"r11", "xmm0",
			   "memory");
	__asm__ volatile("ud2; mov %%r11, %0" : "=r"(r11)::"rbx", "rcx", "r11", "xmm0", "memory");
	sigprocmask(SIG_SETMASK, NULL, &now);
	say("rbx %ld, rcx %ld, r11 %ld", rbx, rcx, r11);
	say("xmm0 %d/10, blocked %d", (int)(d * 10), sigismember(&now, SIGUSR2));
}

static int spoil;
static void spoil_context(int sig, siginfo_t *si, void *arg)
{
	ucontext_t *uc = arg;
	char *fp = (char *)uc->uc_mcontext.fpregs;

	switch (spoil) {
	case 0:
		uc->uc_mcontext.fpregs = NULL;
		break;
	case 1:
		uc->uc_mcontext.fpregs = wild(4096);
		break;
	case 2: /* no extended state any more: the legacy part counts */
		memset(fp + 464, 0, 48);
		break;
	case 3: /* reserved bits of MXCSR */
		memset(fp + 24, 0xff, 4);
		break;
	case 4:
		uc->uc_mcontext.gregs[REG_RIP] = 0x8000000000000000;
		break;
	case 5: /* IOPL, VM and the like are not the user's */
		uc->uc_mcontext.gregs[REG_EFL] |= 0x3000 | 0x20000 | 0x100000;
		break;
	case 6:
		uc->uc_mcontext.gregs[REG_CSGSFS] = 0;
		break;
	}
}

static void spoiled_contexts(void)
{
	static const char *const names[] = { "no fpstate", "bad fpstate", "no magic",
					     "bad mxcsr",  "bad rip",     "flags" };

	for (spoil = 0; spoil < 6; spoil++) {
		pid_t pid = fork();
		int status;

		if (!pid) {
			struct rlimit none = { 0, 0 };
			unsigned long flags;

			setrlimit(RLIMIT_CORE, &none);
			on(SIGUSR1, spoil_context, SA_SIGINFO);
			raise(SIGUSR1);
			__asm__ volatile("pushfq; pop %0" : "=r"(flags));
			_exit(spoil == 5 && flags & (0x3000 | 0x20000 | 0x100000) ? 1 : 0);
		}
		status = reap(pid);
		say("%s: %s", names[spoil], ended(status));
	}
}

ABI_MAIN(CASE(memory_faults), CASE(instruction_faults), CASE(trap_flag), CASE(no_way_to_handle),
	 CASE(no_core_without_limit), CASE(alternate_stacks), CASE(disarmed_stacks),
	 CASE(alternate_stack_errors), CASE(context_contents), CASE(handler_changes_registers),
	 CASE(spoiled_contexts))
