/* SPDX-License-Identifier: MIT */
/* Exits: what comes out of a guest, and what a wild guest can and cannot do. */
#include "kvm.h"

GUEST(out_hlt, 16, "mov $0x42, %al; out %al, $0x10; mov $0x43, %al; out %al, $0x10; hlt");
static void io_out(void)
{
	struct guest g;

	guest_make(&g, false);
	guest_code(&g, out_hlt);
	EQUAL(take_out(&g, 0x10), 0x42);
	EQUAL(take_out(&g, 0x10), 0x43);
	EQUAL(go(&g), KVM_EXIT_HLT);
	EQUAL(rip_of(&g), START + (out_hlt_end - out_hlt));
}

GUEST(in_sizes, 16,
      "mov $0x1234, %dx; mov $0xffffffff, %eax\n"
      "in %dx, %al; mov %eax, %ebx; in %dx, %ax; mov %eax, %ecx; in %dx, %eax; mov %eax, %esi; "
      "hlt");
static void io_in(void)
{
	static const unsigned int sizes[] = { 1, 2, 4 };
	struct kvm_regs r;
	struct guest g;

	guest_make(&g, false);
	guest_code(&g, in_sizes);
	for (int i = 0; i < 3; i++) {
		uint32_t value = 0x11223344;

		EQUAL(go(&g), KVM_EXIT_IO);
		EQUAL(g.run->io.direction, KVM_EXIT_IO_IN);
		EQUAL(g.run->io.port, 0x1234);
		EQUAL(g.run->io.size, sizes[i]);
		memcpy(io_data(&g), &value, sizes[i]);
	}
	EQUAL(go(&g), KVM_EXIT_HLT);
	CHECK(ioctl(g.vcpu, KVM_GET_REGS, &r) == 0);
	EQUAL((uint32_t)r.rbx, 0xffffff44);
	EQUAL((uint32_t)r.rcx, 0xffff3344);
	EQUAL((uint32_t)r.rsi, 0x11223344);
}

GUEST(mmio, 64,
      "mov $0x10000000, %rdi; movl $0x11223344, 8(%rdi); mov 16(%rdi), %eax; mov %eax, %ebx\n"
      "mov $0x5566778899aabbcc, %rdx; mov %rdx, 24(%rdi); mov %dh, 33(%rdi); movzwl 40(%rdi), "
      "%ecx\n"
      "movsbq 48(%rdi), %rsi; hlt");
static void mmio_accesses(void)
{
	struct kvm_regs r;
	struct guest g;

	guest_make(&g, false);
	memcpy(g.ram + START, mmio, mmio_end - mmio);
	guest_long_mode(&g);
#define MMIO(addr, n, write)                                                                       \
	do {                                                                                       \
		EQUAL(go(&g), KVM_EXIT_MMIO);                                                      \
		EQUAL(g.run->mmio.phys_addr, 0x10000000 + (addr));                                 \
		EQUAL(g.run->mmio.len, n);                                                         \
		EQUAL(g.run->mmio.is_write, write);                                                \
	} while (0)
	MMIO(8, 4, 1);
	EQUAL(*(uint32_t *)g.run->mmio.data, 0x11223344);
	MMIO(16, 4, 0);
	memcpy(g.run->mmio.data, "\x78\x56\x34\x92", 4);
	MMIO(24, 8, 1);
	EQUAL(*(uint64_t *)g.run->mmio.data, 0x5566778899aabbcc);
	MMIO(33, 1, 1);
	EQUAL(g.run->mmio.data[0], 0xbb);
	MMIO(40, 2, 0);
	memcpy(g.run->mmio.data, "\xcd\xab", 2);
	MMIO(48, 1, 0);
	g.run->mmio.data[0] = 0x80;
	EQUAL(go(&g), KVM_EXIT_HLT);
	CHECK(ioctl(g.vcpu, KVM_GET_REGS, &r) == 0);
	EQUAL(r.rbx, 0x92345678);
	EQUAL(r.rcx, 0xabcd);
	EQUAL(r.rsi, 0xffffffffffffff80);
}

GUEST(cpuid_out, 16,
      "mov $0x40000000, %eax; cpuid; mov %bl, %al; out %al, $0x10\n"
      "mov $1, %eax; cpuid; shr $31, %ecx; mov %cl, %al; out %al, $0x10; hlt");
static void cpuid_values(void)
{
	struct kvm_cpuid2 *c = calloc(1, sizeof(*c) + 100 * sizeof(*c->entries));
	bool signature = false, vmx = false, svm = false;
	struct guest g;

	guest_make(&g, false);
	guest_code(&g, cpuid_out);
	c->nent = 1;
	REFUSED(ioctl(g.kvm, KVM_GET_SUPPORTED_CPUID, c), E2BIG);
	c->nent = 100;
	CHECK(ioctl(g.kvm, KVM_GET_SUPPORTED_CPUID, c) == 0);
	for (unsigned int i = 0; i < c->nent; i++) {
		struct kvm_cpuid_entry2 *e = &c->entries[i];

		vmx |= e->function == 1 && (e->ecx >> 5 & 1);
		svm |= e->function == 0x80000001 && (e->ecx >> 2 & 1);
		signature |= e->function == 0x40000000 && e->ebx == 0x4b4d564b;
	}
	CHECK(signature);
	CHECK(ioctl(g.vcpu, KVM_SET_CPUID2, c) == 0);
	EQUAL(take_out(&g, 0x10), 0x4b);
	say("bit for a hypervisor, of what is supported: %u", take_out(&g, 0x10));
	EQUAL(go(&g), KVM_EXIT_HLT);
	if (access("/proc/dyad", F_OK) == 0)
		CHECK(!vmx && !svm); /* no guests of guests here */
}

GUEST(triple, 16, "lidt %cs:(0x2000); int3");
static void triple_fault(void)
{
	struct guest g;

	guest_make(&g, false);
	guest_code(&g, triple); /* the six bytes at 0x2000 are zeros: an empty table */
	EQUAL(go(&g), KVM_EXIT_SHUTDOWN);
}

GUEST(spin, 16, "1: jmp 1b");
static void on_alarm(int sig)
{
}
static void loop_interrupted(void)
{
	struct sigaction sa = { .sa_handler = on_alarm };
	struct timespec a, b;
	struct guest g;

	guest_make(&g, false);
	guest_code(&g, spin);
	sigaction(SIGALRM, &sa, NULL);
	clock_gettime(CLOCK_MONOTONIC, &a);
	ualarm(50000, 0);
	REFUSED(ioctl(g.vcpu, KVM_RUN, 0), EINTR);
	clock_gettime(CLOCK_MONOTONIC, &b);
	EQUAL(g.run->exit_reason, KVM_EXIT_INTR);
	CHECK(b.tv_sec - a.tv_sec < 5);
	EQUAL(rip_of(&g), START);
}

static void loop_killed(void)
{
	struct guest g;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		guest_make(&g, false);
		guest_code(&g, spin);
		ioctl(g.vcpu, KVM_RUN, 0);
		_exit(0);
	}
	usleep(100000);
	kill(pid, SIGKILL);
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void immediate_exit(void)
{
	struct guest g;

	guest_make(&g, false);
	guest_code(&g, out_hlt);
	g.run->immediate_exit = 1;
	REFUSED(ioctl(g.vcpu, KVM_RUN, 0), EINTR);
	EQUAL(rip_of(&g), START);
	g.run->immediate_exit = 0;
	EQUAL(take_out(&g, 0x10), 0x42);
}

/* The handler of vector 13 says so and skips two bytes (RDMSR, WRMSR). */
GUEST(gp_handler, 64,
      "push %rax; mov $0xd, %al; out %al, $0x10; pop %rax; add $8, %rsp; addq $2, (%rsp); iretq");
GUEST(bad_msr, 64,
      "mov $0x12345678, %ecx; rdmsr; wrmsr; mov $0xc0000080, %ecx; rdmsr; out %al, $0x10; hlt");
static void set_gate(struct guest *g, unsigned int vector, uint64_t handler)
{
	uint64_t *idt = (uint64_t *)(g->ram + 0x3000) + 2 * vector;
	struct kvm_sregs s;

	idt[0] = (handler & 0xffff) | 8 << 16 | 0x8eULL << 40 | (handler >> 16 & 0xffff) << 48;
	idt[1] = handler >> 32;
	CHECK(ioctl(g->vcpu, KVM_GET_SREGS, &s) == 0);
	s.idt.base = 0x3000;
	s.idt.limit = 0xfff;
	s.gdt.base = 0x2800;
	s.gdt.limit = 0x17;
	((uint64_t *)(g->ram + 0x2800))[1] = 0x00af9b000000ffff;
	((uint64_t *)(g->ram + 0x2800))[2] = 0x00cf93000000ffff;
	CHECK(ioctl(g->vcpu, KVM_SET_SREGS, &s) == 0);
}
static void unknown_msr(void)
{
	struct guest g;

	guest_make(&g, false);
	memcpy(g.ram + START, bad_msr, bad_msr_end - bad_msr);
	memcpy(g.ram + 0x4000, gp_handler, gp_handler_end - gp_handler);
	guest_long_mode(&g);
	set_gate(&g, 13, 0x4000);
	EQUAL(take_out(&g, 0x10), 0xd);
	EQUAL(take_out(&g, 0x10), 0xd);
	EQUAL(take_out(&g, 0x10), 0); /* EFER: LMA, LME, without SVME */
	EQUAL(go(&g), KVM_EXIT_HLT);
}

/* Code where there is no memory: neither the host nor the next guest may notice. */
static void wild_jump(void)
{
	struct guest g;

	guest_make(&g, false);
	guest_long_mode(&g);
	struct kvm_regs r = { .rip = 0x20000000, .rsp = 0x70000, .rflags = 2 };
	CHECK(ioctl(g.vcpu, KVM_SET_REGS, &r) == 0);
	int ret = ioctl(g.vcpu, KVM_RUN, 0);
	CHECK(ret < 0 || g.run->exit_reason == KVM_EXIT_INTERNAL_ERROR ||
	      g.run->exit_reason == KVM_EXIT_MMIO || g.run->exit_reason == KVM_EXIT_SHUTDOWN);
	guest_free(&g);
	io_out();
}

static void refused_state(void)
{
	struct kvm_sregs s;
	struct guest g;

	guest_make(&g, false);
	guest_code(&g, out_hlt);
	CHECK(ioctl(g.vcpu, KVM_GET_SREGS, &s) == 0);
	s.cr0 |= 1UL << 31; /* paging without protection */
	REFUSED(ioctl(g.vcpu, KVM_SET_SREGS, &s), EINVAL);
	CHECK(ioctl(g.vcpu, KVM_GET_SREGS, &s) == 0);
	s.efer = 1UL << 12; /* SVME */
	if (access("/proc/dyad", F_OK) == 0)
		REFUSED(ioctl(g.vcpu, KVM_SET_SREGS, &s), EINVAL);
	EQUAL(take_out(&g, 0x10), 0x42);
}

/* XMM0 and MXCSR of a guest are its own, and so are the monitor's. */
GUEST(fpu, 64,
      "movq %rax, %xmm1; out %al, $0x10; movq %xmm0, %rax; mov %rax, %rbx; mov "
      "$0x7777777777777777, %rax; movq %rax, %xmm0\n"
      "out %al, $0x10; movq %xmm0, %rax; mov %rax, %rcx; hlt");
static void fpu_apart(void)
{
	uint64_t mine = 0x1111222233334444, after = 0;
	struct kvm_fpu f;
	struct kvm_regs r;
	struct guest g;

	guest_make(&g, false);
	memcpy(g.ram + START, fpu, fpu_end - fpu);
	guest_long_mode(&g);
	CHECK(ioctl(g.vcpu, KVM_GET_FPU, &f) == 0);
	EQUAL(f.fcw, 0x37f);
	take_out(&g, 0x10);
	CHECK(ioctl(g.vcpu, KVM_GET_FPU, &f) == 0);
	memset(f.xmm[0], 0x55, 16);
	CHECK(ioctl(g.vcpu, KVM_SET_FPU, &f) == 0);
	__asm__ volatile("movq %0, %%xmm0" ::"r"(mine) : "xmm0");
	long ret;
	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(16), "D"(g.vcpu), "S"(KVM_RUN), "d"(0)
			 : "rcx", "r11", "memory");
	__asm__ volatile("movq %%xmm0, %0" : "=r"(after));
	EQUAL(ret, 0);
	EQUAL(g.run->exit_reason, KVM_EXIT_IO);
	EQUAL(after, mine);
	EQUAL(go(&g), KVM_EXIT_HLT);
	CHECK(ioctl(g.vcpu, KVM_GET_REGS, &r) == 0);
	EQUAL(r.rbx, 0x5555555555555555);
	EQUAL(r.rcx, 0x7777777777777777);
	CHECK(ioctl(g.vcpu, KVM_GET_FPU, &f) == 0);
	EQUAL(f.xmm[0][0], 0x77);
}

/* Two guests in turns, and many at once: nobody sees another's registers or memory. */
GUEST(count, 64, "mov (0x6000), %rax; 1: inc %rax; mov %rax, (0x6000); out %al, $0x10; jmp 1b");
static void many_guests(void)
{
	enum { N = 24 };
	static struct guest g[N];

	for (int i = 0; i < N; i++) {
		guest_make(&g[i], false);
		memcpy(g[i].ram + START, count, count_end - count);
		*(uint64_t *)(g[i].ram + 0x6000) = 3 * i;
		guest_long_mode(&g[i]);
	}
	for (int round = 1; round < 20; round++)
		for (int i = 0; i < N; i++)
			EQUAL(take_out(&g[i], 0x10), (uint8_t)(3 * i + round));
	for (int i = 0; i < N; i++)
		guest_free(&g[i]);
}

/*
 * Four vCPUs on one CPU, and a lock that goes from one to the next, once all have asked for it: who waits in a loop of
 * PAUSEs has to make way. SVM in QEMU has no filter for that: there each turn takes a slice.
 */
GUEST(tickets, 16,
      "mov (0x8008), %cx; 1: mov $1, %ax; lock xadd %ax, (0x8000)\n"
      "2: pause; cmpw $4, (0x8000); jb 2b; cmp %ax, (0x8002); jne 2b\n"
      "incl (0x8004); incw (0x8002); dec %cx; jnz 1b; hlt");
static void *take_turns(void *arg)
{
	EQUAL(go(arg), KVM_EXIT_HLT);
	return NULL;
}
static void ticket_lock(void)
{
	enum { N = 4 };
	uint16_t turns = has_vmx() ? 2000 : 20;
	struct guest g[N];
	pthread_t thread[N];
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	CHECK(sched_setaffinity(0, sizeof(one), &one) == 0);
	guest_make(&g[0], false);
	memcpy(g[0].ram + 0x8008, &turns, sizeof(turns));
	for (int i = 0; i < N; i++) {
		if (i) {
			g[i] = g[0];
			g[i].vcpu = ioctl(g[0].vm, KVM_CREATE_VCPU, i);
			g[i].run = mmap(NULL, g[0].run_size, PROT_READ | PROT_WRITE, MAP_SHARED,
					g[i].vcpu, 0);
			CHECK(g[i].run != MAP_FAILED);
		}
		guest_code(&g[i], tickets);
	}
	for (int i = 0; i < N; i++)
		CHECK(pthread_create(&thread[i], NULL, take_turns, &g[i]) == 0);
	for (int i = 0; i < N; i++)
		CHECK(pthread_join(thread[i], NULL) == 0);
	EQUAL(*(uint32_t *)(g[0].ram + 0x8004), N * turns);
}

static const struct test_case cases[] = {
	{ "io-out", io_out },
	{ "io-in", io_in },
	{ "mmio", mmio_accesses },
	{ "cpuid", cpuid_values },
	{ "triple-fault", triple_fault },
	{ "loop-interrupted", loop_interrupted },
	{ "loop-killed", loop_killed },
	{ "immediate-exit", immediate_exit },
	{ "unknown-msr", unknown_msr },
	{ "wild-jump", wild_jump },
	{ "refused-state", refused_state },
	{ "fpu-apart", fpu_apart },
	{ "many-guests", many_guests },
	{ "ticket-lock", ticket_lock },
};
MAIN(cases)
