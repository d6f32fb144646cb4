/* SPDX-License-Identifier: MIT */
/* Guest memory is the monitor's memory, whatever the monitor does to it meanwhile. */
#include "kvm.h"

/* Reads a byte at 0x50000, says it, writes the next value there. */
GUEST(turns, 64,
      "1: mov (0x50000), %al; out %al, $0x10; inc %al; mov %al, (0x50000); out %al, $0x11; jmp 1b");

static void make_turns(struct guest *g)
{
	guest_make(g, false);
	memcpy(g->ram + START, turns, turns_end - turns);
	guest_long_mode(g);
}

static void shared_with_monitor(void)
{
	struct guest g;

	make_turns(&g);
	EQUAL(take_out(&g, 0x10), 0);
	EQUAL(take_out(&g, 0x11), 1);
	EQUAL(g.ram[0x50000], 1);
	g.ram[0x50000] = 7;
	EQUAL(take_out(&g, 0x10), 7);
	take_out(&g, 0x11);
	EQUAL(g.ram[0x50000], 8);
}

/* The guest has read zeros that nobody wrote yet; then the monitor writes. */
static void first_write_by_monitor(void)
{
	struct guest g;

	make_turns(&g);
	EQUAL(take_out(&g, 0x10), 0);
	g.ram[0x50000] = 0x33;
	EQUAL(take_out(&g, 0x11), 1); /* it had read before */
	g.ram[0x50000] = 0x44;
	EQUAL(take_out(&g, 0x10), 0x44);
}

static void replaced_by_monitor(void)
{
	struct guest g;

	make_turns(&g);
	take_out(&g, 0x10);
	take_out(&g, 0x11);
	CHECK(mmap(g.ram + 0x50000, PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED);
	EQUAL(take_out(&g, 0x10), 0);
	g.ram[0x50000] = 9;
	take_out(&g, 0x11);
	CHECK(madvise(g.ram + 0x50000, PAGE, MADV_DONTNEED) == 0);
	EQUAL(take_out(&g, 0x10), 0);
}

static void unmapped_by_monitor(void)
{
	struct guest g;

	make_turns(&g);
	take_out(&g, 0x10);
	take_out(&g, 0x11);
	CHECK(munmap(g.ram + 0x50000, PAGE) == 0);
	REFUSED(ioctl(g.vcpu, KVM_RUN, 0), EFAULT);
	CHECK(mmap(g.ram + 0x50000, PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED);
	EQUAL(take_out(&g, 0x10), 0);
}

static void after_fork(void)
{
	struct guest g;
	int status;

	make_turns(&g);
	EQUAL(take_out(&g, 0x10), 0);
	EQUAL(take_out(&g, 0x11), 1);
	pid_t pid = fork();
	if (pid == 0) {
		g.ram[0x50000] = 0x77; /* the child's own copy */
		REFUSED(ioctl(g.vcpu, KVM_RUN, 0), EIO);
		REFUSED(ioctl(g.vm, KVM_CREATE_VCPU, 1), EIO);
		_exit(0);
	}
	EQUAL(take_out(&g, 0x10), 1);
	EQUAL(take_out(&g, 0x11), 2);
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	EQUAL(g.ram[0x50000], 2);
	EQUAL(take_out(&g, 0x10), 2);
}

static void slots(void)
{
	struct guest g;
	uint8_t *more =
		mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	make_turns(&g);
	REFUSED(set_slot(g.vm, 1, RAM - PAGE, more, 2 * PAGE), EEXIST);
	REFUSED(set_slot(g.vm, 1, RAM + 1, more, PAGE), EINVAL);
	REFUSED(set_slot(g.vm, 1, RAM, more, PAGE + 1), EINVAL);
	REFUSED(set_slot(g.vm, 1, RAM, more + 1, PAGE), EINVAL);
	REFUSED(set_slot(g.vm, 100000, RAM, more, PAGE), EINVAL);
	REFUSED(set_slot(g.vm, 1, -PAGE, more, 2 * PAGE), EINVAL);
	CHECK(set_slot(g.vm, 1, RAM, more, PAGE) == 0);
	CHECK(set_slot(g.vm, 1, 2 * RAM, more, PAGE) == 0); /* moved */
	CHECK(set_slot(g.vm, 1, 0, NULL, 0) == 0);
	EQUAL(take_out(&g, 0x10), 0);
}

/* Reads and then writes at 0x200000, which is another slot. */
GUEST(second, 64,
      "mov (0x200000), %al; out %al, $0x10; movb $5, (0x200000); mov (0x200000), %al; out %al, "
      "$0x10; hlt");
static void read_only_slot(void)
{
	uint8_t *rom = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct guest g;

	guest_make(&g, false);
	memcpy(g.ram + START, second, second_end - second);
	guest_long_mode(&g);
	*rom = 0x21;
	CHECK(set_slot_flags(g.vm, 1, 0x200000, rom, PAGE, KVM_MEM_READONLY) == 0);
	EQUAL(take_out(&g, 0x10), 0x21);
	EQUAL(go(&g), KVM_EXIT_MMIO);
	EQUAL(g.run->mmio.is_write, 1);
	EQUAL(g.run->mmio.phys_addr, 0x200000);
	EQUAL(g.run->mmio.data[0], 5);
	EQUAL(take_out(&g, 0x10), 0x21);
	EQUAL(*rom, 0x21);
}

static void deleted_slot(void)
{
	uint8_t *page =
		mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct guest g;

	guest_make(&g, false);
	memcpy(g.ram + START, second, second_end - second);
	guest_long_mode(&g);
	CHECK(set_slot(g.vm, 1, 0x200000, page, PAGE) == 0);
	EQUAL(take_out(&g, 0x10), 0);
	CHECK(set_slot(g.vm, 1, 0x200000, page, 0) == 0);
	EQUAL(go(&g), KVM_EXIT_MMIO);
	EQUAL(g.run->mmio.is_write, 1);
}

/* A file's pages: read without copies; a private write stays private. */
static void file_pages(void)
{
	char name[] = "/tmp/kvm-memory-XXXXXX", byte = 0x66;
	int fd = mkstemp(name);
	struct guest g;
	uint8_t *p;

	CHECK(fd >= 0 && ftruncate(fd, PAGE) == 0 && pwrite(fd, &byte, 1, 0) == 1);
	unlink(name);
	guest_make(&g, false);
	memcpy(g.ram + START, second, second_end - second);
	guest_long_mode(&g);
	p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	CHECK(p != MAP_FAILED && set_slot(g.vm, 1, 0x200000, p, PAGE) == 0);
	EQUAL(take_out(&g, 0x10), 0x66);
	EQUAL(take_out(&g, 0x10), 5);
	EQUAL(*p, 5);
	CHECK(pread(fd, &byte, 1, 0) == 1);
	EQUAL(byte, 0x66);
}

/* One thread takes the guest's pages away while it writes them: each page is a right one or zeros. */
GUEST(hammer, 64,
      "sti; mov $0x20000, %rbx; 1: mov $0x10000, %rdi; 2: mov %rdi, (%rdi); mov (%rdi), %rax\n"
      "add $0x1000, %rdi; cmp %rbx, %rdi; jne 2b; jmp 1b");
static volatile bool stop;
static void *take_away(void *arg)
{
	struct guest *g = arg;

	for (int i = 0; i < 300; i++) {
		if (i % 3)
			madvise(g->ram + 0x10000 + i % 16 * PAGE, 3 * PAGE, MADV_DONTNEED);
		else
			mmap(g->ram + 0x10000 + i % 16 * PAGE, PAGE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		for (uint64_t a = 0x10000; a < 0x20000; a += PAGE) {
			uint64_t v = *(volatile uint64_t *)(g->ram + a);

			if (v && v != a)
				fail("0x%llx at 0x%llx", (unsigned long long)v,
				     (unsigned long long)a);
		}
	}
	stop = true;
	return NULL;
}
static void on_alarm(int sig)
{
}
static void taken_away_in_flight(void)
{
	struct sigaction sa = { .sa_handler = on_alarm };
	pthread_t thread;
	struct guest g;

	guest_make(&g, false);
	memcpy(g.ram + START, hammer, hammer_end - hammer);
	guest_long_mode(&g);
	sigaction(SIGALRM, &sa, NULL);
	CHECK(pthread_create(&thread, NULL, take_away, &g) == 0);
	ualarm(20000, 20000); /* again and again: one may come before the guest runs */
	while (!stop)
		if (ioctl(g.vcpu, KVM_RUN, 0) < 0)
			CHECK(errno == EINTR);
	pthread_join(thread, NULL);
}

/* ---- memory that may be mapped by large pages ---- */

#define AT LARGE /* where the guest has its two pieces, identity-mapped */

/* Writes each page's address into it. Then, again and again: says a byte of the page at RDI, writes BL there. */
GUEST(filler, 64,
      "mov $0x200000, %rdi; 1: mov %rdi, (%rdi); add $0x1000, %rdi; cmp $0x600000, %rdi; jne 1b\n"
      "out %al, $0x12\n"
      "2: mov 1(%rdi), %al; out %al, $0x10; mov %bl, 1(%rdi); out %al, $0x11; jmp 2b");

/* The guest has filled the two pieces; the monitor's address of them. */
static uint8_t *make_filled(struct guest *g)
{
	uint8_t *p = large_memory(2 * LARGE);

	guest_make(g, false);
	memcpy(g->ram + START, filler, filler_end - filler);
	guest_long_mode(g);
	CHECK(set_slot(g->vm, 1, AT, p, 2 * LARGE) == 0);
	take_out(g, 0x12);
	return p;
}

static void aim(struct guest *g, uint64_t page, uint8_t value)
{
	struct kvm_regs r;

	CHECK(ioctl(g->vcpu, KVM_GET_REGS, &r) == 0);
	r.rdi = AT + page * PAGE;
	r.rbx = value;
	CHECK(ioctl(g->vcpu, KVM_SET_REGS, &r) == 0);
}

/* The second byte of the guest's page, of which value takes the place. */
static uint8_t exchange(struct guest *g, uint64_t page, uint8_t value)
{
	uint8_t was;

	aim(g, page, value);
	was = take_out(g, 0x10);
	take_out(g, 0x11);
	return was;
}

#define SECOND(page) ((AT + (page)*PAGE) >> 8 & 0xff) /* that byte, as the guest filled it in */

/* Pages [from, to) are as the guest left them. */
static void check_pages(const uint8_t *p, uint64_t from, uint64_t to)
{
	for (; from < to; from++)
		EQUAL(*(uint64_t *)(p + from * PAGE), AT + from * PAGE);
}

static void large_filled(void)
{
	struct guest g;
	uint8_t *p = make_filled(&g);

	check_pages(p, 0, 1024);
	EQUAL(exchange(&g, 700, 0xee), SECOND(700));
	EQUAL(p[700 * PAGE + 1], 0xee);
	p[701 * PAGE + 1] = 0xdd;
	EQUAL(exchange(&g, 701, 1), 0xdd);
}

static void large_dontneed(void)
{
	struct guest g;
	uint8_t *p = make_filled(&g);

	CHECK(madvise(p + 100 * PAGE, PAGE, MADV_DONTNEED) == 0);
	EQUAL(exchange(&g, 100, 0x77), 0);
	EQUAL(p[100 * PAGE + 1], 0x77);
	EQUAL(exchange(&g, 101, 0x78), SECOND(101));
	check_pages(p, 0, 100);
	check_pages(p, 102, 1024);
	CHECK(madvise(p + 400 * PAGE, 200 * PAGE, MADV_DONTNEED) == 0);
	EQUAL(exchange(&g, 511, 1), 0);
	EQUAL(exchange(&g, 512, 1), 0);
	EQUAL(exchange(&g, 600, 1), SECOND(600));
	check_pages(p, 601, 1024);
}

static void large_unmapped(void)
{
	struct guest g;
	uint8_t *p = make_filled(&g);

	CHECK(munmap(p + 100 * PAGE, PAGE) == 0);
	EQUAL(exchange(&g, 99, 1), SECOND(99));
	aim(&g, 100, 1);
	REFUSED(ioctl(g.vcpu, KVM_RUN, 0), EFAULT);
	CHECK(mmap(p + 100 * PAGE, PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED);
	EQUAL(take_out(&g, 0x10), 0);
	take_out(&g, 0x11);
	EQUAL(p[100 * PAGE + 1], 1);
	check_pages(p, 101, 1024);
}

static void large_protected(void)
{
	struct guest g;
	uint8_t *p = make_filled(&g);

	CHECK(mprotect(p + 100 * PAGE, PAGE, PROT_READ) == 0);
	EQUAL(exchange(&g, 101, 1), SECOND(101));
	aim(&g, 100, 1);
	EQUAL(take_out(&g, 0x10), SECOND(100));
	REFUSED(ioctl(g.vcpu, KVM_RUN, 0), EFAULT);
	EQUAL(p[100 * PAGE + 1], SECOND(100));
	CHECK(mprotect(p + 100 * PAGE, PAGE, PROT_READ | PROT_WRITE) == 0);
	take_out(&g, 0x11);
	EQUAL(p[100 * PAGE + 1], 1);
}

/* What the guest writes then is the parent's; the child has it as it was. */
static void large_after_fork(void)
{
	int go_on[2], status;
	struct guest g;
	uint8_t *p = make_filled(&g);
	pid_t pid;

	CHECK(pipe(go_on) == 0);
	pid = fork();
	if (pid == 0) {
		p[300 * PAGE + 1] = 3;
		CHECK(read(go_on[0], &status, 1) == 1);
		check_pages(p, 0, 300);
		check_pages(p, 301, 1024);
		_exit(0);
	}
	EQUAL(exchange(&g, 200, 0x55), SECOND(200));
	EQUAL(exchange(&g, 300, 0x56), SECOND(300));
	CHECK(write(go_on[1], "x", 1) == 1);
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	EQUAL(p[200 * PAGE + 1], 0x55);
	EQUAL(p[300 * PAGE + 1], 0x56);
	for (uint64_t i = 0; i < 1024; i += 100)
		exchange(&g, i, SECOND(i));
	check_pages(p, 0, 1024);
}

/* A slot that is moved; then one whose addresses lie aside. */
static void large_slots(void)
{
	struct guest g;
	uint8_t *p = make_filled(&g);

	CHECK(set_slot(g.vm, 1, AT + LARGE, p, 2 * LARGE) == 0);
	EQUAL(exchange(&g, 512 + 5, 0x15), SECOND(5));
	aim(&g, 5, 0);
	EQUAL(go(&g), KVM_EXIT_MMIO);
	CHECK(set_slot(g.vm, 1, 0, NULL, 0) == 0);
	CHECK(set_slot(g.vm, 1, AT, p + PAGE, 2 * LARGE - PAGE) == 0);
	take_out(&g, 0x10);
	take_out(&g, 0x11);
	EQUAL(exchange(&g, 4, 0x25), 0x15);
	EQUAL(exchange(&g, 600, 1), SECOND(601));
	EQUAL(p[5 * PAGE + 1], 0x25);
	check_pages(p, 7, 601);
}

/* As taken-away-in-flight; a piece that goes whole comes again as a large page. */
GUEST(large_hammer, 64,
      "sti; 1: mov $0x200000, %rdi; 2: mov %rdi, (%rdi); mov (%rdi), %rax\n"
      "add $0x8000, %rdi; cmp $0x600000, %rdi; jne 2b; jmp 1b");
static uint8_t *hammered;
static void *take_large_away(void *arg)
{
	for (int i = 0; i < 120; i++) {
		uint8_t *piece = hammered + (i & 1) * LARGE;

		if (i % 3)
			madvise(piece, LARGE, MADV_DONTNEED);
		else
			madvise(piece + (i & 56) * PAGE, PAGE, MADV_DONTNEED);
		for (uint64_t a = 0; a < 2 * LARGE; a += 8 * PAGE) {
			uint64_t v = *(volatile uint64_t *)(hammered + a);

			if (v && v != AT + a)
				fail("0x%llx at 0x%llx", (unsigned long long)v,
				     (unsigned long long)a);
		}
	}
	stop = true;
	return NULL;
}
static void large_in_flight(void)
{
	struct sigaction sa = { .sa_handler = on_alarm };
	pthread_t thread;
	struct guest g;

	hammered = large_memory(2 * LARGE);
	guest_make(&g, false);
	memcpy(g.ram + START, large_hammer, large_hammer_end - large_hammer);
	guest_long_mode(&g);
	CHECK(set_slot(g.vm, 1, AT, hammered, 2 * LARGE) == 0);
	sigaction(SIGALRM, &sa, NULL);
	CHECK(pthread_create(&thread, NULL, take_large_away, NULL) == 0);
	ualarm(20000, 20000);
	while (!stop)
		if (ioctl(g.vcpu, KVM_RUN, 0) < 0)
			CHECK(errno == EINTR);
	pthread_join(thread, NULL);
}

/* Bytes of all second-level tables of this process's group. */
static long table_bytes(void)
{
	char path[256] = "/sys/fs/cgroup", line[128];
	long bytes = -1;
	FILE *f = fopen("/proc/self/cgroup", "r");

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "0::", 3))
			snprintf(path + strlen(path), 128, "%.*s", (int)strcspn(line + 3, "\n"),
				 line + 3);
	CHECK(f && !fclose(f));
	strcat(path, "/memory.stat");
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "sec_pagetables %ld", &bytes);
	CHECK(f && !fclose(f) && bytes >= 0);
	return bytes;
}

/* 32 MiB need 16 tables of 4 KiB leaves; of large ones none. */
GUEST(toucher, 64,
      "mov $0x200000, %rdi; 1: mov %rdi, (%rdi); add $0x1000, %rdi; cmp $0x2200000, %rdi; jne 1b\n"
      "out %al, $0x12; hlt");
static void large_tables(void)
{
	struct kvm_regs r = { .rip = START, .rsp = 0x70000, .rflags = 2 };
	uint8_t *p = large_memory(16 * LARGE);
	struct guest g;
	long before;

	guest_make(&g, false);
	memcpy(g.ram + START, toucher, toucher_end - toucher);
	guest_long_mode(&g);
	CHECK(set_slot(g.vm, 1, AT, p, 16 * LARGE) == 0);
	before = table_bytes();
	take_out(&g, 0x12);
	if (table_bytes() - before > 6 * (long)PAGE)
		fail("%ld bytes of tables", table_bytes() - before);
	for (uint64_t i = 0; i < 16; i++)
		CHECK(madvise(p + i * LARGE + i * PAGE, PAGE, MADV_DONTNEED) == 0);
	CHECK(ioctl(g.vcpu, KVM_SET_REGS, &r) == 0);
	take_out(&g, 0x12);
	if (table_bytes() - before < 16 * (long)PAGE)
		fail("%ld bytes of tables for pages that lie apart", table_bytes() - before);
}

static const struct test_case cases[] = {
	{ "shared-with-monitor", shared_with_monitor },
	{ "first-write-by-monitor", first_write_by_monitor },
	{ "replaced-by-monitor", replaced_by_monitor },
	{ "unmapped-by-monitor", unmapped_by_monitor },
	{ "after-fork", after_fork },
	{ "slots", slots },
	{ "read-only-slot", read_only_slot },
	{ "deleted-slot", deleted_slot },
	{ "file-pages", file_pages },
	{ "taken-away-in-flight", taken_away_in_flight },
	{ "large-filled", large_filled },
	{ "large-dontneed", large_dontneed },
	{ "large-unmapped", large_unmapped },
	{ "large-protected", large_protected },
	{ "large-after-fork", large_after_fork },
	{ "large-slots", large_slots },
	{ "large-in-flight", large_in_flight },
	{ "large-tables", large_tables },
};
MAIN(cases)
