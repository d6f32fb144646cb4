/* SPDX-License-Identifier: MIT */
/*
 * What a KVM test stands on: a guest of a few instructions in its own memory, and cases that run
 * each in a child process. Guest code is written between CODE(name) and END(name) in the test's own
 * assembly and copied to guest-physical 0x1000, where it starts in real mode (long mode: see below).
 * Guests talk by ports: OUT of AL to port 0x10 is a value, HLT is the end.
 *
 * A case checks itself (CHECK, EQUAL, REFUSED), and what it says (say, SHOW) must be what it says on
 * Linux. Nothing may be said that depends on the vendor of the CPU, on time or on the machine's load.
 */
#pragma once
#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <linux/kvm.h>

#define PAGE 4096UL
#define START 0x1000UL /* guest-physical address of the code */
#define RAM (1UL << 20)

/* Guest code: bits is 16 or 64. */
#define GUEST(name, bits, text)                                                                    \
	extern const uint8_t name[], name##_end[];                                                 \
	__asm__(".section .rodata\n.code" #bits "\n" #name ":\n" text "\n" #name                   \
		"_end:\n.code64\n.previous\n")

struct guest {
	int kvm, vm, vcpu;
	struct kvm_run *run;
	size_t run_size;
	uint8_t *ram;
};

#ifdef SUITE
extern const char *current_case; /* main.c's */
#else
static const char *current_case = "";
#endif

static void __attribute__((noreturn, format(printf, 1, 2), unused)) fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	printf("FAIL %s: ", current_case);
	vprintf(fmt, ap);
	printf("\n");
	fflush(stdout);
	_exit(1);
}

/* One line of what is observed: "CASE: text". */
static void __attribute__((format(printf, 1, 2), unused)) say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	printf("%s: ", current_case);
	vprintf(fmt, ap);
	printf("\n");
}

static inline const char *result(long ret)
{
	static char text[24];

	if (ret < 0)
		return strerror(errno);
	snprintf(text, sizeof(text), "%ld", ret);
	return text;
}
/* A call and what it returned. */
#define SHOW(call) say("%s: %s", #call, result(call))

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond))                                                                       \
			fail("line %d: %s (errno %s)", __LINE__, #cond, strerror(errno));          \
	} while (0)
#define EQUAL(got, want)                                                                           \
	do {                                                                                       \
		unsigned long long _g = (got), _w = (want);                                        \
		if (_g != _w)                                                                      \
			fail("line %d: %s is 0x%llx, not 0x%llx", __LINE__, #got, _g, _w);         \
	} while (0)
/* The call fails with this errno. */
#define REFUSED(call, err)                                                                         \
	do {                                                                                       \
		errno = 0;                                                                         \
		if ((call) >= 0 || errno != (err))                                                 \
			fail("line %d: %s: %s", __LINE__, #call, strerror(errno));                 \
	} while (0)

/* Whether the CPU's virtualization is VT-x, for what the hardware alone decides. */
static inline bool has_vmx(void)
{
	unsigned int a, b, c = 0, d;

	__get_cpuid(1, &a, &b, &c, &d);
	return c >> 5 & 1;
}

static inline int set_slot_flags(int vm, unsigned int slot, uint64_t at, void *host, uint64_t size,
				 unsigned int flags)
{
	struct kvm_userspace_memory_region r = { .slot = slot,
						 .flags = flags,
						 .guest_phys_addr = at,
						 .memory_size = size,
						 .userspace_addr = (uintptr_t)host };

	return ioctl(vm, KVM_SET_USER_MEMORY_REGION, &r);
}

static inline int set_slot(int vm, unsigned int slot, uint64_t at, void *host, uint64_t size)
{
	return set_slot_flags(vm, slot, at, host, size, 0);
}

static inline void add_vcpu(struct guest *g)
{
	g->vcpu = ioctl(g->vm, KVM_CREATE_VCPU, 0);
	CHECK(g->vcpu >= 0);
	g->run = mmap(NULL, g->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, g->vcpu, 0);
	CHECK(g->run != MAP_FAILED);
}

/* A VM with RAM at 0 and one vCPU in real mode at START; with irqchip: PIC, IOAPIC, local APIC, PIT. */
static inline void guest_make(struct guest *g, bool irqchip)
{
	g->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	CHECK(g->kvm >= 0);
	g->vm = ioctl(g->kvm, KVM_CREATE_VM, 0);
	CHECK(g->vm >= 0);
	CHECK(ioctl(g->vm, KVM_SET_TSS_ADDR, 0xfffbd000UL) == 0);
	if (irqchip) {
		struct kvm_pit_config pit = { 0 };

		CHECK(ioctl(g->vm, KVM_CREATE_IRQCHIP, 0) == 0);
		CHECK(ioctl(g->vm, KVM_CREATE_PIT2, &pit) == 0);
	}
	g->run_size = ioctl(g->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	g->ram = mmap(NULL, RAM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(g->ram != MAP_FAILED);
	CHECK(set_slot(g->vm, 0, 0, g->ram, RAM) == 0);
	add_vcpu(g);
}

static inline void start_at(int vcpu, uint64_t rip)
{
	struct kvm_regs r = { .rip = rip, .rsp = 0x8000, .rflags = 2 };
	struct kvm_sregs s;

	CHECK(ioctl(vcpu, KVM_GET_SREGS, &s) == 0);
	s.cs.base = s.cs.selector = 0;
	CHECK(ioctl(vcpu, KVM_SET_SREGS, &s) == 0);
	CHECK(ioctl(vcpu, KVM_SET_REGS, &r) == 0);
}

#define guest_code(g, name)                                                                        \
	do {                                                                                       \
		memcpy((g)->ram + START, name, name##_end - name);                                 \
		start_at((g)->vcpu, START);                                                        \
	} while (0)

/*
 * 64-bit mode: identity-mapped first GiB of 2 MiB pages in tables at 0x80000, flat segments, CPUID as
 * supported, stack below 0x70000.
 */
static inline void guest_long_mode(struct guest *g)
{
	struct kvm_cpuid2 *c = calloc(1, sizeof(*c) + 100 * sizeof(*c->entries));
	uint64_t *pml4 = (uint64_t *)(g->ram + 0x80000), *pdpt = pml4 + 512, *pd = pdpt + 512;
	struct kvm_segment code = {
		.limit = 0xffffffff, .selector = 8, .type = 11, .present = 1, .s = 1, .l = 1, .g = 1
	};
	struct kvm_segment data = { .limit = 0xffffffff,
				    .selector = 16,
				    .type = 3,
				    .present = 1,
				    .s = 1,
				    .db = 1,
				    .g = 1 };
	struct kvm_regs r = { .rip = START, .rsp = 0x70000, .rflags = 2 };
	struct kvm_sregs s;

	c->nent = 100;
	CHECK(ioctl(g->kvm, KVM_GET_SUPPORTED_CPUID, c) == 0);
	CHECK(ioctl(g->vcpu, KVM_SET_CPUID2, c) == 0);
	pml4[0] = 0x81000 | 3;
	pdpt[0] = 0x82000 | 3;
	for (uint64_t i = 0; i < 512; i++)
		pd[i] = i << 21 | 0x83;
	CHECK(ioctl(g->vcpu, KVM_GET_SREGS, &s) == 0);
	s.cs = code;
	s.ds = s.es = s.fs = s.gs = s.ss = data;
	s.tr = (struct kvm_segment){ .limit = 0x67, .type = 11, .present = 1 };
	s.ldt = (struct kvm_segment){ .unusable = 1 };
	s.cr3 = 0x80000;
	s.cr4 = 0x620; /* PAE OSFXSR OSXMMEXCPT */
	s.cr0 = 0x80010033; /* PG WP NE ET MP PE */
	s.efer = 0x500; /* LMA LME */
	CHECK(ioctl(g->vcpu, KVM_SET_SREGS, &s) == 0);
	CHECK(ioctl(g->vcpu, KVM_SET_REGS, &r) == 0);
	free(c);
}

/* irq.c: in 64-bit mode, a gate for vector 0x40 whose handler counts in r15 and ends the interrupt by a
 * write to where r14 points; the APIC's page is mapped. */
void apic_setup(struct guest *g);

static inline void guest_free(struct guest *g)
{
	munmap(g->run, g->run_size);
	close(g->vcpu);
	close(g->vm);
	close(g->kvm);
	munmap(g->ram, RAM);
}

/* Runs until it exits; signals, and the end of a wait for INIT, start again. The exit reason. */
static inline unsigned int go(struct guest *g)
{
	int r;

	do
		r = ioctl(g->vcpu, KVM_RUN, 0);
	while (r < 0 && (errno == EINTR || errno == EAGAIN));
	CHECK(r == 0);
	return g->run->exit_reason;
}

static inline void *io_data(struct guest *g)
{
	return (uint8_t *)g->run + g->run->io.data_offset;
}

#define LARGE (2UL << 20)

/* Size bytes on a boundary of LARGE, for which large pages are wished. */
static inline uint8_t *large_memory(size_t size)
{
	uint8_t *p = mmap(NULL, size + LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);

	CHECK(p != MAP_FAILED);
	p += -(uintptr_t)p & (LARGE - 1);
	CHECK(madvise(p, size, MADV_HUGEPAGE) == 0);
	return p;
}

/* The next exit is an OUT of one byte to port; the byte. */
static inline uint8_t take_out(struct guest *g, uint16_t port)
{
	EQUAL(go(g), KVM_EXIT_IO);
	EQUAL(g->run->io.direction, KVM_EXIT_IO_OUT);
	EQUAL(g->run->io.port, port);
	EQUAL(g->run->io.size, 1);
	return *(uint8_t *)io_data(g);
}

static inline uint64_t rip_of(struct guest *g)
{
	struct kvm_regs r;

	CHECK(ioctl(g->vcpu, KVM_GET_REGS, &r) == 0);
	return r.rip;
}

struct test_case {
	const char *name;
	void (*run)(void);
};

/* Whether words, which end with NULL, name the case, or are others with a '-' in front. */
static inline bool is_wanted(const char *name, char **words)
{
	bool wanted = !*words || **words == '-';

	for (; *words; words++)
		if (!strcmp(*words + (**words == '-'), name))
			return **words != '-';
	return wanted;
}

/* Each case in a child of its own, with a time limit. 0 when all were ok. */
static inline int run_cases(const struct test_case *cases, size_t n, char **words)
{
	int bad = 0;

	for (size_t i = 0; i < n; i++) {
		int status;
		pid_t pid;

		if (!is_wanted(cases[i].name, words))
			continue;
		fflush(stdout);
		current_case = cases[i].name;
		pid = fork();
		if (pid == 0) {
			alarm(60);
			cases[i].run();
			printf("ok %s\n", cases[i].name);
			fflush(stdout);
			_exit(0);
		}
		waitpid(pid, &status, 0);
		if (WIFSIGNALED(status))
			printf("FAIL %s: signal %d\n", cases[i].name, WTERMSIG(status));
		bad |= status != 0;
	}
	return bad;
}

#ifdef SUITE /* tests/kvm/main.c runs them all: what MAIN() leaves there */
struct suite {
	const char *name;
	const struct test_case *cases;
	size_t n;
};
#define MAIN(cases)                                                                                \
	static const struct suite suite = { SUITE, cases, sizeof(cases) / sizeof(*cases) };        \
	static const struct suite *const found __attribute__((used, section("suites"))) = &suite;
#endif
