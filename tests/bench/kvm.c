/* SPDX-License-Identifier: MIT */
/*
 * What a virtual machine costs (bench.h), by the KVM interface: exits that the kernel answers, exits to
 * the monitor, the first touch of memory, a round of the dirty log, making a machine and ending it. Guests are a few instructions
 * in protected mode without paging.
 *
 *   kvm memory N     prints "memory BYTES", what one of N machines that have run costs of memory that
 *                    no program can use, with the chips in the kernel
 *   kvm exits N      prints "begin", has the kernel answer N CPUIDs, prints "end"
 */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdbool.h>
#include <sys/ioctl.h>

#define CODE 0x1000UL /* guest-physical */
#define LOW (64UL << 10)
#define HIGH (1UL << 20) /* where the memory to be touched begins */
#define TOUCHED 256

#define GUEST(name, text)                                                                          \
	extern const char name[], name##_end[];                                                    \
	__asm__(".section .rodata\n.code32\n" #name ":\n" text "\n" #name "_end:\n.code64\n"       \
		".previous\n")
GUEST(cpuid_guest, "1: xor %eax, %eax; cpuid; dec %esi; jnz 1b; out %al, $0x10");
GUEST(out_guest, "1: out %al, $0x10; jmp 1b");
GUEST(touch_guest, "1: movb $1, (%edi); add $4096, %edi; dec %esi; jnz 1b; out %al, $0x10");

static struct vm {
	int kvm, vm, vcpu;
	size_t run_size;
	struct kvm_run *run;
	char *low, *high;
} vm;

static char *memory(int slot, unsigned long at, size_t size)
{
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct kvm_userspace_memory_region r = { .slot = slot,
						 .guest_phys_addr = at,
						 .memory_size = size,
						 .userspace_addr = (uintptr_t)p };

	check(p != MAP_FAILED, "mmap");
	madvise(p, size, MADV_NOHUGEPAGE); /* pages of 4 KiB are what is measured */
	check(!ioctl(vm.vm, KVM_SET_USER_MEMORY_REGION, &r), "KVM_SET_USER_MEMORY_REGION");
	return p;
}

static void make(bool chips)
{
	struct kvm_segment data = {
		.limit = ~0U, .type = 3, .present = 1, .s = 1, .db = 1, .g = 1
	};
	struct kvm_sregs s;

	vm.vm = ioctl(vm.kvm, KVM_CREATE_VM, 0);
	check(vm.vm >= 0, "KVM_CREATE_VM");
	check(!ioctl(vm.vm, KVM_SET_TSS_ADDR, 0xfffbd000UL), "KVM_SET_TSS_ADDR");
	if (chips)
		check(!ioctl(vm.vm, KVM_CREATE_IRQCHIP, 0) &&
			      !ioctl(vm.vm, KVM_CREATE_PIT2, &(struct kvm_pit_config){ 0 }),
		      "KVM_CREATE_IRQCHIP");
	vm.low = memory(0, 0, LOW);
	vm.high = memory(1, HIGH, TOUCHED * PAGE);
	vm.vcpu = ioctl(vm.vm, KVM_CREATE_VCPU, 0);
	check(vm.vcpu >= 0, "KVM_CREATE_VCPU");
	vm.run = mmap(NULL, vm.run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vm.vcpu, 0);
	check(vm.run != MAP_FAILED, "mmap of the vCPU");
	check(!ioctl(vm.vcpu, KVM_GET_SREGS, &s), "KVM_GET_SREGS");
	s.ds = s.es = s.fs = s.gs = s.ss = s.cs = data;
	s.cs.type = 11;
	s.cr0 |= 1; /* PE */
	check(!ioctl(vm.vcpu, KVM_SET_SREGS, &s), "KVM_SET_SREGS");
}

static void end(void)
{
	munmap(vm.run, vm.run_size);
	close(vm.vcpu);
	close(vm.vm);
	munmap(vm.low, LOW);
	munmap(vm.high, TOUCHED * PAGE);
}

static void until_out(void)
{
	int r;

	do
		r = ioctl(vm.vcpu, KVM_RUN, 0);
	while (r < 0 && errno == EINTR);
	check(!r, "KVM_RUN");
	if (vm.run->exit_reason != KVM_EXIT_IO) {
		fprintf(stderr, "KVM_RUN: exit %u\n", vm.run->exit_reason);
		exit(1);
	}
}

static void load(const char *code, const char *code_end, unsigned int n)
{
	struct kvm_regs r = { .rip = CODE, .rsi = n, .rdi = HIGH, .rflags = 2 };

	vm.run->immediate_exit = 1; /* an OUT that was answered ends only now */
	ioctl(vm.vcpu, KVM_RUN, 0);
	vm.run->immediate_exit = 0;
	memcpy(vm.low + CODE, code, code_end - code);
	check(!ioctl(vm.vcpu, KVM_SET_REGS, &r), "KVM_SET_REGS");
}

/* n times what a guest does by itself until it ends with an OUT. */
static uint64_t alone(const char *code, const char *code_end, unsigned int n)
{
	uint64_t begin;

	load(code, code_end, n);
	begin = ticks();
	until_out();
	return ticks() - begin;
}

static uint64_t cpuid_batch(unsigned int n)
{
	return alone(cpuid_guest, cpuid_guest_end, n);
}

static uint64_t out_batch(unsigned int n)
{
	uint64_t begin;

	load(out_guest, out_guest_end, 0);
	until_out();
	begin = ticks();
	while (n--)
		until_out();
	return ticks() - begin;
}

static uint64_t touch_batch(unsigned int n)
{
	check(!madvise(vm.high, n * PAGE, MADV_DONTNEED), "madvise");
	return alone(touch_guest, touch_guest_end, n);
}

static void watch_high(unsigned int flags)
{
	struct kvm_userspace_memory_region r = { .slot = 1,
						 .flags = flags,
						 .guest_phys_addr = HIGH,
						 .memory_size = TOUCHED * PAGE,
						 .userspace_addr = (uintptr_t)vm.high };

	check(!ioctl(vm.vm, KVM_SET_USER_MEMORY_REGION, &r), "KVM_SET_USER_MEMORY_REGION");
}

/* The guest writes to n pages that it has, and the monitor learns which. */
static uint64_t dirty_batch(unsigned int n)
{
	uint64_t bitmap[TOUCHED / 64], took, begin;
	struct kvm_dirty_log log = { .slot = 1, .dirty_bitmap = bitmap };

	watch_high(KVM_MEM_LOG_DIRTY_PAGES);
	alone(touch_guest, touch_guest_end, n);
	check(!ioctl(vm.vm, KVM_GET_DIRTY_LOG, &log), "KVM_GET_DIRTY_LOG");
	took = alone(touch_guest, touch_guest_end, n);
	begin = ticks();
	check(!ioctl(vm.vm, KVM_GET_DIRTY_LOG, &log) && bitmap[0] == ~0UL, "KVM_GET_DIRTY_LOG");
	took += ticks() - begin;
	watch_high(0);
	return took;
}

static uint64_t made, ended; /* ticks of the last pair_batch() */

static void pair_batch(unsigned int n)
{
	made = ended = 0;
	while (n--) {
		uint64_t begin = ticks(), between;

		end();
		between = ticks();
		make(false);
		alone(out_guest, out_guest_end, 0);
		ended += between - begin;
		made += ticks() - between;
	}
}

static uint64_t make_batch(unsigned int n)
{
	pair_batch(n);
	return made;
}

static uint64_t end_batch(unsigned int n)
{
	pair_batch(n);
	return ended;
}

static int weigh(int n)
{
	long before;

	make(true); /* what is made once */
	alone(out_guest, out_guest_end, 0);
	before = owned();
	for (int i = 0; i < n; i++) {
		make(true); /* the one before stays */
		alone(out_guest, out_guest_end, 0);
	}
	printf("memory %ld\n", (owned() - before) / n);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct bench benches[] = {
		{ "cpuid", cpuid_batch, 1000 },    { "out", out_batch, 200 },
		{ "touch", touch_batch, TOUCHED }, { "dirty", dirty_batch, TOUCHED },
		{ "make-vm", make_batch, 4 },      { "end-vm", end_batch, 4 },
	};

	vm.kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	check(vm.kvm >= 0, "/dev/kvm");
	vm.run_size = ioctl(vm.kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (argc == 3 && !strcmp(argv[1], "memory"))
		return weigh(atoi(argv[2]));
	make(false);
	if (argc == 3 && !strcmp(argv[1], "exits")) {
		puts("begin");
		fflush(stdout);
		cpuid_batch(atoi(argv[2]));
		puts("end");
		return 0;
	}
	return bench_main(argc, argv, benches, sizeof(benches) / sizeof(*benches));
}
