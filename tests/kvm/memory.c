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
};
MAIN(cases)
