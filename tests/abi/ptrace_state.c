/* SPDX-License-Identifier: MIT */
/* ptrace(2) and the tracee's state: single steps, breakpoints, watchpoints, memory, registers. */
#include "ptrace.h"

/* ---- single steps and breakpoints ---- */

static void nops(void)
{
	__asm__ volatile("int3; nop; nop; nop; int3");
}

static void steps(void)
{
	pid_t pid = tracee(nops);
	siginfo_t si;
	long rip;

	step_to("int3", PTRACE_CONT, pid, 0);
	R(pt(PTRACE_GETSIGINFO, pid, 0, (long)&si));
	say("signal %d code %#x", si.si_signo, si.si_code);
	say("orig_rax %ld", REG(pid, orig_rax));
	for (int i = 0; i < 3; i++) {
		rip = REG(pid, rip);
		step_to("step", PTRACE_SINGLESTEP, pid, 0);
		R(pt(PTRACE_GETSIGINFO, pid, 0, (long)&si));
		say("%ld bytes, code %d, address %d, TF %ld", REG(pid, rip) - rip, si.si_code,
		    (long)si.si_addr == REG(pid, rip), REG(pid, eflags) & 0x100);
	}
	step_to("int3 again", PTRACE_CONT, pid, 0);
	step_to("end", PTRACE_CONT, pid, 0);
}

static void call_between(void)
{
	long ret = SYS_getpid;

	__asm__ volatile("int3; syscall; nop; nop" : "+a"(ret)::"rcx", "r11", "memory");
	say("own pid %d", ret == getpid());
}

static void step_over_call(void)
{
	pid_t pid = tracee(call_between);
	siginfo_t si;
	long rip;

	step_to("int3", PTRACE_CONT, pid, 0);
	rip = REG(pid, rip);
	step_to("syscall", PTRACE_SINGLESTEP, pid, 0);
	R(pt(PTRACE_GETSIGINFO, pid, 0, (long)&si));
	say("%ld bytes, code %d, its pid %d, r11 TF %ld", REG(pid, rip) - rip, si.si_code,
	    REG(pid, rax) == pid, REG(pid, r11) & 0x100);
	step_to("nop", PTRACE_SINGLESTEP, pid, 0);
	say("%ld bytes", REG(pid, rip) - rip);
	step_to("end", PTRACE_CONT, pid, 0);
}

static void handled_signal(void)
{
	signal(SIGUSR1, handler);
	raise(SIGUSR1);
	say("handled %d", handled);
}

static void step_into_handler(void)
{
	pid_t pid = tracee(handled_signal);
	siginfo_t si;

	step_to("signal", PTRACE_CONT, pid, 0);
	step_to("step", PTRACE_SINGLESTEP, pid, SIGUSR1);
	R(pt(PTRACE_GETSIGINFO, pid, 0, (long)&si));
	say("in the handler %d, signal %d code %d", REG(pid, rip) == (long)handler, si.si_signo,
	    si.si_code);
	step_to("step", PTRACE_SINGLESTEP, pid, 0);
	say("one further %d", REG(pid, rip) != (long)handler);
	step_to("end", PTRACE_CONT, pid, 0);
}

static void step_exec(void)
{
	pid_t pid = tracee(execs);

	to_call(pid, SYS_execve);
	step_to("exec", PTRACE_SINGLESTEP, pid, 0);
	say("TF %ld", REG(pid, eflags) & 0x100);
	step_to("step", PTRACE_SINGLESTEP, pid, 0);
	step_to("end", PTRACE_CONT, pid, 0);
}

static volatile int traps, trap_code;
static void count_trap(int sig, siginfo_t *si, void *context)
{
	traps++;
	trap_code = si->si_code;
}

/* The trap flag without any tracer. */
static void own_trap_flag(void)
{
	struct sigaction sa = { .sa_sigaction = count_trap, .sa_flags = SA_SIGINFO };

	sigaction(SIGTRAP, &sa, NULL);
	__asm__ volatile("sub $128, %%rsp\n"
			 "pushfq; orq $0x100, (%%rsp); popfq\n"
			 "nop; nop; nop\n"
			 "pushfq; andq $~0x100, (%%rsp); popfq\n"
			 "add $128, %%rsp" ::
				 : "memory", "cc");
	say("traps %d code %d", traps, trap_code);
}

static int __attribute__((noinline)) target(int x)
{
	__asm__ volatile("" : "+r"(x));
	return x * 2;
}
static void calls_target(void)
{
	say("target %d", target(21));
}

static void breakpoint(void)
{
	pid_t pid = tracee(calls_target);
	long old = peek(pid, target);

	say("text as here %d", !memcmp(&old, (void *)target, sizeof(old)));
	R(pt(PTRACE_POKETEXT, pid, (long)target, (old & ~0xffL) | 0xcc));
	say("my own is untouched %d", !memcmp(&old, (void *)target, sizeof(old)));
	step_to("breakpoint", PTRACE_CONT, pid, 0);
	say("behind it %d", REG(pid, rip) == (long)target + 1);
	say("argument %ld", REG(pid, rdi));
	R(pt(PTRACE_POKETEXT, pid, (long)target, old));
	R(SET_REG(pid, rip, target));
	R(SET_REG(pid, rdi, 50));
	step_to("end", PTRACE_CONT, pid, 0);
}

static volatile int watched[2];
static void writes(void)
{
	watched[1] = 1;
	watched[0] = 2;
	watched[0] = watched[1] + 2;
	say("target %d", target(4));
}

#define DR(n) (offsetof(struct user, u_debugreg) + 8 * (n))
static void watchpoints(void)
{
	pid_t pid = tracee(writes);
	siginfo_t si;

	say("DR6 %#lx DR7 %#lx", reg(pid, DR(6)), reg(pid, DR(7)));
	R(pt(PTRACE_POKEUSR, pid, DR(0), (long)&watched[0]));
	R(pt(PTRACE_POKEUSR, pid, DR(7), 0x000d0001)); /* four bytes, written */
	say("DR0 %d DR7 %#lx", reg(pid, DR(0)) == (long)&watched[0], reg(pid, DR(7)));
	for (int i = 0; i < 2; i++) {
		step_to("written", PTRACE_CONT, pid, 0);
		R(pt(PTRACE_GETSIGINFO, pid, 0, (long)&si));
		say("code %d, DR6 %#lx, value %d", si.si_code, reg(pid, DR(6)) & 0x400f,
		    (int)peek(pid, &watched[0]));
	}
	R(pt(PTRACE_POKEUSR, pid, DR(1), (long)target));
	R(pt(PTRACE_POKEUSR, pid, DR(7), 0x4)); /* run */
	step_to("breakpoint", PTRACE_CONT, pid, 0);
	say("at it %d, DR6 %#lx", REG(pid, rip) == (long)target, reg(pid, DR(6)) & 0x400f);
	R(pt(PTRACE_POKEUSR, pid, DR(2), -1));
	R(pt(PTRACE_POKEUSR, pid, DR(4), 0));
	R(pt(PTRACE_POKEUSR, pid, DR(2), (long)watched + 1));
	R(pt(PTRACE_POKEUSR, pid, DR(7), 0x0d000010)); /* not aligned */
	R(pt(PTRACE_POKEUSR, pid, DR(7), 0x02000010)); /* ports */
	step_to("end", PTRACE_CONT, pid, 0);
}

/* Ring 0 touches what is watched: in a copy, and, behind mov to ss, before it has a stack. */
static volatile long ss_word;
static void watched_by_kernel(void)
{
	long ret = SYS_getppid;
	int fds[2];

	__asm__ volatile("mov %%ss, %0" : "=r"(ss_word));
	__asm__ volatile("int3");
	__asm__ volatile("mov %1, %%ss\n"
			 "syscall"
			 : "+a"(ret)
			 : "m"(ss_word)
			 : "rcx", "r11", "memory");
	say("getppid %d", ret == getppid());
	if (pipe(fds) || write(fds[1], "1234", 4) != 4)
		say("pipe: %s", errno_name(errno));
	R(read(fds[0], (void *)&watched[0], 4));
	watched[0] = 1;
}

static void watch_in_kernel(void)
{
	pid_t pid = tracee(watched_by_kernel);
	int status;

	step_to("int3", PTRACE_CONT, pid, 0);
	R(pt(PTRACE_POKEUSR, pid, DR(0), (long)&ss_word));
	R(pt(PTRACE_POKEUSR, pid, DR(1), (long)&watched[0]));
	R(pt(PTRACE_POKEUSR, pid, DR(7), 0x00df0005)); /* read or written, written */
	go(PTRACE_CONT, pid, 0);
	while (WIFSTOPPED(status = next(pid)))
		go(PTRACE_CONT, pid, 0);
	say("%s", ended(status));
}

/* ---- memory ---- */

static volatile long data_word = 0x1122334455667788;
static const volatile long ro_word = 0x0102030405060708;
static char *none_page, *shared_ro, *gone_page;

static void words(void)
{
	say("data %#lx, constant %#lx, hidden %d", data_word, ro_word,
	    mprotect(none_page, 4096, PROT_READ) ? -1 : none_page[0]);
}

static void make_pages(void)
{
	int fd = open("file", O_RDWR | O_CREAT, 0600);

	if (ftruncate(fd, 4096))
		say("ftruncate: %s", errno_name(errno));
	none_page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	none_page[0] = 1;
	mprotect(none_page, 4096, PROT_NONE);
	shared_ro = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	gone_page = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(gone_page + 4096, 4096);
}

static void memory(void)
{
	pid_t pid;
	long v;

	make_pages();
	pid = tracee(words);
	say("data %#lx, constant %#lx", peek(pid, &data_word), peek(pid, &ro_word));
	R(peek(pid, (char *)&data_word + 1) == 0x11223344556677);
	R(pt(PTRACE_POKEDATA, pid, (long)&data_word, 0x55));
	R(pt(PTRACE_POKEDATA, pid, (long)&ro_word, 0x66));
	R(pt(PTRACE_PEEKDATA, pid, (long)none_page, (long)&v));
	say("hidden %ld", v);
	R(pt(PTRACE_POKEDATA, pid, (long)none_page, 3));
	R(pt(PTRACE_PEEKDATA, pid, (long)shared_ro, (long)&v));
	R(pt(PTRACE_POKEDATA, pid, (long)shared_ro, 1));
	R(pt(PTRACE_PEEKDATA, pid, (long)gone_page + 4092, (long)&v));
	R(pt(PTRACE_PEEKDATA, pid, 0, (long)&v));
	R(pt(PTRACE_PEEKDATA, pid, -8, (long)&v));
	R(pt(PTRACE_PEEKDATA, pid, (long)&data_word, 8));
	say("mine: %#lx %#lx", data_word, ro_word);
	step_to("end", PTRACE_CONT, pid, 0);
}

static void proc_mem(void)
{
	char name[64];
	long v = 0;
	pid_t pid;
	int fd;

	make_pages();
	pid = tracee(words);
	snprintf(name, sizeof(name), "/proc/%d/mem", pid);
	fd = open(name, O_RDWR);
	R(pread(fd, &v, sizeof(v), (long)&data_word));
	say("%#lx", v);
	v = 0x77;
	R(pwrite(fd, &v, sizeof(v), (long)&data_word));
	v = 0x88;
	R(pwrite(fd, &v, sizeof(v), (long)&ro_word));
	v = 9;
	R(pwrite(fd, &v, sizeof(v), (long)none_page));
	R(pwrite(fd, &v, sizeof(v), (long)shared_ro));
	R(pread(fd, &v, sizeof(v), (long)gone_page + 4092));
	R(pread(fd, &v, sizeof(v), 0));
	R(pread(fd, (void *)8, sizeof(v), (long)&data_word));
	R(lseek(fd, (long)&data_word, SEEK_SET) == (long)&data_word);
	R(read(fd, &v, sizeof(v)));
	say("%#lx", v);
	step_to("end", PTRACE_CONT, pid, 0);
	R(pread(fd, &v, sizeof(v), (long)&data_word));
}

static void process_vm(void)
{
	char buf[64] = "", text[] = "abcdefgh";
	pid_t pid;

	make_pages();
	pid = tracee(words);
	struct iovec local[2] = { { buf, 4 }, { buf + 10, 20 } };
	struct iovec remote[2] = { { (void *)&data_word, 8 }, { (void *)&ro_word, 8 } };

	R(process_vm_readv(pid, local, 2, remote, 2, 0));
	say("%x %x", *(int *)buf, *(int *)(buf + 10));
	local[0] = (struct iovec){ text, 8 };
	R(process_vm_writev(pid, local, 1, remote, 2, 0));
	R(process_vm_writev(pid, local, 1, remote + 1, 1, 0));
	remote[1].iov_base = none_page;
	R(process_vm_readv(pid, local, 1, remote + 1, 1, 0));
	remote[1].iov_base = gone_page + 4092;
	R(process_vm_readv(pid, local, 1, remote + 1, 1, 0) < 8);
	remote[1].iov_base = NULL;
	R(process_vm_readv(pid, local, 1, remote + 1, 1, 0));
	R(process_vm_readv(pid, local, 1, remote, 1, 1));
	R(process_vm_readv(0x7ffffff0, local, 1, remote, 1, 0));
	R(process_vm_readv(pid, local, 2000, remote, 1, 0));
	R(process_vm_readv(pid, NULL, 1, remote, 1, 0));
	R(process_vm_readv(pid, local, 0, remote, 1, 0));
	step_to("end", PTRACE_CONT, pid, 0);
}

/* ---- registers ---- */

static void registers(void)
{
	pid_t pid = tracee(nothing);
	struct user_regs_struct r, s;
	struct iovec iov = { &s, sizeof(s) };
	long v;

	R(pt(PTRACE_GETREGS, pid, 0, (long)&r));
	say("cs %#lx ss %#lx ds %ld es %ld fs %ld gs %ld", r.cs, r.ss, r.ds, r.es, r.fs, r.gs);
	R(pt(PTRACE_GETREGSET, pid, NT_PRSTATUS, (long)&iov));
	say("%zu bytes, the same %d", iov.iov_len, !memcmp(&r, &s, sizeof(r)));
	say("fs_base %d", r.fs_base == REG(pid, fs_base));
	R(pt(PTRACE_ARCH_PRCTL, pid, (long)&v, 0x1003));
	say("ARCH_GET_FS %d", v == r.fs_base);
	r.r12 = 0x1234;
	r.eflags |= 0xd5 | 0x3000 | 0x200;
	R(pt(PTRACE_SETREGS, pid, 0, (long)&r));
	say("r12 %#lx eflags %#lx", REG(pid, r12), REG(pid, eflags));
	iov.iov_len = 16;
	R(pt(PTRACE_SETREGSET, pid, NT_PRSTATUS, (long)&iov));
	iov.iov_len = 12;
	R(pt(PTRACE_GETREGSET, pid, NT_PRSTATUS, (long)&iov));
	iov.iov_len = 1000;
	R(pt(PTRACE_GETREGSET, pid, 0x9999, (long)&iov));
	R(pt(PTRACE_POKEUSR, pid, 3, 0));
	R(pt(PTRACE_POKEUSR, pid, 10000, 0));
	R(pt(PTRACE_POKEUSR, pid, 300, 0));
	R(reg(pid, 304));
	R(reg(pid, 10000));
	R(SET_REG(pid, cs, 0));
	R(SET_REG(pid, ss, 0));
	R(SET_REG(pid, cs, 0x10));
	R(SET_REG(pid, fs_base, 1UL << 63));
	R(SET_REG(pid, gs_base, -1));
	R(SET_REG(pid, r15, -1));
	say("r15 %ld", REG(pid, r15));
	kill_off(pid);
}

static void loads_xmm(void)
{
	uint64_t v[2] = { 0x1111222233334444, 0x5555666677778888 };

	__asm__ volatile("movups %0, %%xmm7\n"
			 "int3\n"
			 "movups %%xmm7, %0"
			 : "+m"(v)::"xmm7");
	say("xmm7 %llx %llx", (long long)v[0], (long long)v[1]);
}

static void fpu(void)
{
	pid_t pid = tracee(loads_xmm);
	struct user_fpregs_struct f;
	struct iovec iov = { &f, sizeof(f) };

	step_to("int3", PTRACE_CONT, pid, 0);
	R(pt(PTRACE_GETFPREGS, pid, 0, (long)&f));
	say("xmm7 %x %x, control %x mxcsr %x", f.xmm_space[28], f.xmm_space[31], f.cwd, f.mxcsr);
	f.xmm_space[28] = 0xabcd;
	R(pt(PTRACE_SETFPREGS, pid, 0, (long)&f));
	memset(&f, 0, sizeof(f));
	R(pt(PTRACE_GETREGSET, pid, NT_PRFPREG, (long)&iov));
	say("%zu bytes, xmm7 %x", iov.iov_len, f.xmm_space[28]);
	iov.iov_len = 256;
	R(pt(PTRACE_SETREGSET, pid, NT_PRFPREG, (long)&iov));
	f.mxcsr = -1;
	R(pt(PTRACE_SETFPREGS, pid, 0, (long)&f));
	step_to("end", PTRACE_CONT, pid, 0);
}

static void xstate(void)
{
	pid_t pid = tracee(loads_xmm);
	static uint64_t area[8192 / 8];
	struct iovec iov = { area, sizeof(area) };
	size_t size;

	step_to("int3", PTRACE_CONT, pid, 0);
	R(pt(PTRACE_GETREGSET, pid, NT_X86_XSTATE, (long)&iov));
	size = iov.iov_len;
	say("a header at least %d, components %llx", size >= 576,
	    (unsigned long long)area[464 / 8] & 3);
	say("xmm7 %llx", (unsigned long long)area[(160 + 7 * 16) / 8]);
	area[(160 + 7 * 16) / 8] = 0x99;
	R(pt(PTRACE_SETREGSET, pid, NT_X86_XSTATE, (long)&iov));
	iov.iov_len = 128;
	R(pt(PTRACE_SETREGSET, pid, NT_X86_XSTATE, (long)&iov));
	iov.iov_len = size;
	area[512 / 8] |= 1ULL << 63;
	R(pt(PTRACE_SETREGSET, pid, NT_X86_XSTATE, (long)&iov));
	area[512 / 8] &= ~(1ULL << 63);
	area[512 / 8 + 2] = 1;
	R(pt(PTRACE_SETREGSET, pid, NT_X86_XSTATE, (long)&iov));
	step_to("end", PTRACE_CONT, pid, 0);
}

/* gdb calls a function in a tracee that sleeps in a call, and puts everything back. */
static void call_function(void)
{
	pid_t pid = tracee(reader);
	struct user_regs_struct r, s;

	go(PTRACE_CONT, pid, 0);
	until(pid, 'S');
	kill(pid, SIGUSR1);
	see("signal", pid);
	R(pt(PTRACE_GETREGS, pid, 0, (long)&r));
	say("call %ld result %ld", r.orig_rax, r.rax);
	s = r;
	s.rip = (long)nops;
	s.rsp = (r.rsp - 1024) & ~15L;
	s.orig_rax = -1;
	R(pt(PTRACE_SETREGS, pid, 0, (long)&s));
	step_to("in another function", PTRACE_CONT, pid, 0);
	R(pt(PTRACE_SETREGS, pid, 0, (long)&r));
	step_to("back", PTRACE_SYSCALL, pid, 0);
	say("the read again %d", REG(pid, orig_rax) == SYS_read);
	kill_off(pid);
}

ABI_MAIN(CASE(steps), CASE(step_over_call), CASE(step_into_handler), CASE(step_exec),
	 CASE(own_trap_flag), CASE(breakpoint), CASE(watchpoints), CASE(watch_in_kernel),
	 CASE(memory), CASE(proc_mem), CASE(process_vm), CASE(registers), CASE(fpu), CASE(xstate),
	 CASE(call_function))
