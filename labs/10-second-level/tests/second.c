/* SPDX-License-Identifier: MIT */
/*
 * The tests of lab 10 in a machine, one a name: second NAME. Guests of a few instructions through
 * /dev/kvm touch memory; on a Linux with KVM they print the same. tests/kvm/kvm.h says how guests are
 * written. `second measure` is no test: it prints what first touches cost, in ticks of the TSC.
 */
#include "../../../tests/kvm/kvm.h"

#define MANY 256UL
#define SECOND 0x200000UL /* guest-physical address of the second slot, of MANY pages */
#define FAR (1UL << 29) /* of the third */

static uint8_t *memory(size_t size)
{
	uint8_t *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED);
	madvise(p, size, MADV_NOHUGEPAGE);
	return p;
}

#define guest_long(g, name)                                                                        \
	do {                                                                                       \
		guest_make(g, false);                                                              \
		memcpy((g)->ram + START, name, name##_end - name);                                 \
		guest_long_mode(g);                                                                \
	} while (0)

/* What enters no guest: works before anything of the lab is written. */
static void api(void)
{
	uint8_t *more = memory(2 * PAGE);
	struct guest g;

	guest_make(&g, false);
	REFUSED(set_slot(g.vm, 1, RAM - PAGE, more, 2 * PAGE), EEXIST);
	REFUSED(set_slot(g.vm, 1, RAM + 1, more, PAGE), EINVAL);
	CHECK(set_slot(g.vm, 1, RAM, more, PAGE) == 0);
}

/* Adds 1 to each page of two slots, far from each other, and takes the sum of what was there. */
GUEST(sums, 64,
      "mov $0x200000, %edi; mov $256, %esi; xor %eax, %eax; 1: add (%rdi), %eax; incl (%rdi)\n"
      "add $4096, %rdi; dec %esi; jnz 1b; add (0x20000000), %eax; incl (0x20000000)\n"
      "mov $0x10, %dx; out %eax, %dx; hlt");
static void pages(void)
{
	uint8_t *second = memory(MANY * PAGE), *far = memory(PAGE);
	struct guest g;
	uint32_t sum = 0;

	guest_long(&g, sums);
	CHECK(set_slot(g.vm, 1, SECOND, second, MANY * PAGE) == 0);
	CHECK(set_slot(g.vm, 2, FAR, far, PAGE) == 0);
	for (uint32_t i = 0; i < MANY; i += 2)
		sum += *(uint32_t *)(second + i * PAGE) = i * i; /* the others nobody wrote yet */
	sum += *(uint32_t *)far = 77;
	EQUAL(go(&g), KVM_EXIT_IO);
	EQUAL(*(uint32_t *)io_data(&g), sum);
	EQUAL(go(&g), KVM_EXIT_HLT);
	for (uint32_t i = 0; i < MANY; i++)
		EQUAL(*(uint32_t *)(second + i * PAGE), (i % 2 ? 0 : i * i) + 1);
	EQUAL(*(uint32_t *)far, 78);
}

/* Reads and then writes in the second slot. */
GUEST(tries, 64,
      "mov (0x200000), %al; out %al, $0x10; movb $5, (0x200000); mov (0x200000), %al\n"
      "out %al, $0x10; hlt");
static void read_only(void)
{
	uint8_t *rom = memory(PAGE);
	struct guest g;

	guest_long(&g, tries);
	*rom = 0x21;
	CHECK(set_slot_flags(g.vm, 1, SECOND, rom, PAGE, KVM_MEM_READONLY) == 0);
	EQUAL(take_out(&g, 0x10), 0x21);
	EQUAL(go(&g), KVM_EXIT_MMIO);
	EQUAL(g.run->mmio.is_write, 1);
	EQUAL(g.run->mmio.phys_addr, SECOND);
	EQUAL(take_out(&g, 0x10), 0x21);
	EQUAL(*rom, 0x21);
}

/* Reads, says, and writes the next value, for ever. */
GUEST(turns, 64,
      "1: mov (0x50000), %al; out %al, $0x10; inc %al; mov %al, (0x50000); out %al, $0x11; jmp 1b");
static void taken(void)
{
	struct guest g;

	guest_long(&g, turns);
	EQUAL(take_out(&g, 0x10), 0);
	g.ram[0x50000] = 0x33; /* the guest had read zeros that nobody wrote */
	EQUAL(take_out(&g, 0x11), 1);
	EQUAL(g.ram[0x50000], 1);
	CHECK(madvise(g.ram + 0x50000, PAGE, MADV_DONTNEED) == 0);
	EQUAL(take_out(&g, 0x10), 0);
	take_out(&g, 0x11);
	CHECK(mmap(g.ram + 0x50000, PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED);
	g.ram[0x50000] = 9;
	EQUAL(take_out(&g, 0x10), 9);
	take_out(&g, 0x11);
	CHECK(munmap(g.ram + 0x50000, PAGE) == 0);
	REFUSED(ioctl(g.vcpu, KVM_RUN, 0), EFAULT);
}

static void slot_moves(void)
{
	uint8_t *one = memory(PAGE);
	struct guest g;

	guest_long(&g, tries);
	*one = 7;
	CHECK(set_slot(g.vm, 1, SECOND, one, PAGE) == 0);
	EQUAL(take_out(&g, 0x10), 7);
	CHECK(set_slot(g.vm, 1, FAR, one, PAGE) == 0);
	EQUAL(go(&g), KVM_EXIT_MMIO);
	EQUAL(g.run->mmio.is_write, 1);
	EQUAL(g.run->mmio.data[0], 5);
	EQUAL(*one, 7);
}

/* One thread takes pages away while the guest writes them: each is a right one, or zeros. */
GUEST(hammer, 64,
      "mov $0x20000, %rbx; 1: mov $0x10000, %rdi; 2: mov %rdi, (%rdi); mov (%rdi), %rax\n"
      "add $0x1000, %rdi; cmp %rbx, %rdi; jne 2b; jmp 1b");
static volatile bool done;
static void *take_away(void *arg)
{
	struct guest *g = arg;

	for (int i = 0; i < 300; i++) {
		madvise(g->ram + 0x10000 + i % 16 * PAGE, (i % 3 + 1) * PAGE, MADV_DONTNEED);
		for (uint64_t a = 0x10000; a < 0x20000; a += PAGE) {
			uint64_t v = *(volatile uint64_t *)(g->ram + a);

			if (v && v != a)
				fail("0x%llx at 0x%llx", (unsigned long long)v,
				     (unsigned long long)a);
		}
	}
	done = true;
	return NULL;
}

static void on_alarm(int sig)
{
}

static void in_flight(void)
{
	struct sigaction sa = { .sa_handler = on_alarm };
	pthread_t thread;
	struct guest g;

	guest_long(&g, hammer);
	sigaction(SIGALRM, &sa, NULL);
	CHECK(pthread_create(&thread, NULL, take_away, &g) == 0);
	ualarm(20000, 20000); /* again and again: one alone may come before the guest is entered */
	while (!done)
		if (ioctl(g.vcpu, KVM_RUN, 0) < 0)
			CHECK(errno == EINTR);
	pthread_join(thread, NULL);
}

/* ---- what it costs ---- */

/* ESI pages from RDI on, EBX bytes apart, are read or written; then an OUT. */
GUEST(reads, 64, "1: mov (%rdi), %al; add %rbx, %rdi; dec %esi; jnz 1b; out %al, $0x10; hlt");
GUEST(writes, 64, "1: movb $1, (%rdi); add %rbx, %rdi; dec %esi; jnz 1b; out %al, $0x10; hlt");

static uint64_t ticks(void)
{
	return __builtin_ia32_rdtsc();
}

static void measure_one(const char *what, bool write, long step, bool again, bool touched)
{
	struct kvm_regs r = { .rsp = 0x70000, .rflags = 2, .rip = START, .rsi = MANY, .rbx = step };
	uint8_t *p = memory(MANY * PAGE);
	struct guest g;
	uint64_t begin;

	if (touched)
		memset(p, 1, MANY * PAGE);
	if (write)
		guest_long(&g, writes);
	else
		guest_long(&g, reads);
	CHECK(set_slot(g.vm, 1, SECOND, p, MANY * PAGE) == 0);
	for (int i = 0; i <= again; i++) {
		r.rdi = step > 0 ? SECOND : SECOND + (MANY - 1) * PAGE;
		CHECK(ioctl(g.vcpu, KVM_SET_REGS, &r) == 0);
		begin = ticks();
		EQUAL(go(&g), KVM_EXIT_IO);
		begin = ticks() - begin;
		EQUAL(go(&g), KVM_EXIT_HLT);
	}
	printf("%-44s %6llu\n", what, (unsigned long long)(begin / MANY));
	guest_free(&g);
}

static void measure(void)
{
	printf("ticks for each of %lu pages\n", MANY);
	measure_one("written upwards", true, PAGE, false, false);
	measure_one("written downwards", true, -(long)PAGE, false, false);
	measure_one("read upwards", false, PAGE, false, false);
	measure_one("written upwards, the monitor wrote before", true, PAGE, false, true);
	measure_one("written downwards, the monitor wrote before", true, -(long)PAGE, false, true);
	measure_one("read upwards, the monitor wrote before", false, PAGE, false, true);
	measure_one("written a second time", true, PAGE, true, false);
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		{ "api", api },         { "pages", pages },           { "read-only", read_only },
		{ "taken", taken },     { "slot-moves", slot_moves }, { "in-flight", in_flight },
		{ "measure", measure },
	};

	return run_cases(cases, sizeof(cases) / sizeof(cases[0]), argv + 1) ? 1 : 0;
}
