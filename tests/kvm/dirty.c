/* SPDX-License-Identifier: MIT */
/*
 * The dirty log: which pages of a slot the guest, or the kernel for it, has written since it was asked.
 * The watched slot lies at 0x200000, apart from the page tables, which the CPU itself writes.
 */
#include "kvm.h"

#define AT 0x200000UL
#define PAGES 70U
#define WORDS 2
#define ROUNDS 400

struct log {
	uint64_t bits[WORDS + 1]; /* one more than it needs: nobody writes there */
};

static uint8_t *watched(struct guest *g, unsigned int flags)
{
	uint8_t *p = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);

	guest_make(g, false);
	guest_long_mode(g);
	CHECK(p != MAP_FAILED && set_slot_flags(g->vm, 1, AT, p, PAGES * PAGE, flags) == 0);
	return p;
}

static int get_log(struct guest *g, uint32_t slot, void *bitmap)
{
	struct kvm_dirty_log l = { .slot = slot, .dirty_bitmap = bitmap };

	return ioctl(g->vm, KVM_GET_DIRTY_LOG, &l);
}

static struct log take(struct guest *g)
{
	struct log l = { .bits = { 5, 5, 0x55 } };

	CHECK(get_log(g, 1, &l) == 0);
	EQUAL(l.bits[WORDS], 0x55);
	return l;
}

static void show(const char *what, struct log l)
{
	say("%s: %llx %llx", what, (unsigned long long)l.bits[0], (unsigned long long)l.bits[1]);
}

/* AL into RCX pages in a row, from RBX on; then OUT. */
GUEST(writer, 64, "1: mov %al, (%rbx); add $0x1000, %rbx; dec %rcx; jnz 1b; out %al, $0x10; hlt");
static void write_pages(struct guest *g, unsigned int first, unsigned int n, uint8_t value)
{
	struct kvm_regs r = { .rip = START, .rsp = 0x70000, .rflags = 2, .rax = value };

	memcpy(g->ram + START, writer, writer_end - writer);
	r.rbx = AT + first * PAGE;
	r.rcx = n;
	CHECK(ioctl(g->vcpu, KVM_SET_REGS, &r) == 0);
	EQUAL(take_out(g, 0x10), value);
}

static void arguments(void)
{
	struct guest g;
	struct log l = { 0 };
	uint8_t *p = watched(&g, KVM_MEM_LOG_DIRTY_PAGES);

	SHOW(get_log(&g, 0, &l)); /* there, not logged */
	SHOW(get_log(&g, 2, &l)); /* not there */
	SHOW(get_log(&g, 0xfffe, &l));
	SHOW(get_log(&g, 1, NULL));
	SHOW(ioctl(g.vm, KVM_GET_DIRTY_LOG, NULL));
	SHOW(ioctl(g.vcpu, KVM_GET_DIRTY_LOG, &l));
	SHOW(set_slot_flags(g.vm, 2, 0x400000, p, PAGE, 4));
	SHOW(set_slot_flags(g.vm, 2, 0x400000, p, PAGE,
			    KVM_MEM_LOG_DIRTY_PAGES | KVM_MEM_READONLY));
	SHOW(get_log(&g, 2, &l));
}

static void written(void)
{
	struct guest g;
	uint8_t *p = watched(&g, KVM_MEM_LOG_DIRTY_PAGES);

	show("new", take(&g));
	write_pages(&g, 0, 1, 1);
	write_pages(&g, 3, 2, 2);
	write_pages(&g, PAGES - 1, 1, 3);
	show("three places", take(&g));
	show("again", take(&g));
	write_pages(&g, 3, 1, 4);
	write_pages(&g, 3, 1, 5);
	show("one twice", take(&g));
	p[7 * PAGE] = 9;
	show("by the monitor", take(&g));
	EQUAL(p[3 * PAGE], 5);
}

/* Pages in a row, and their neighbours: no page too much. */
static void in_a_row(void)
{
	struct guest g;

	watched(&g, KVM_MEM_LOG_DIRTY_PAGES);
	write_pages(&g, 2, 3, 1);
	write_pages(&g, 5, 3, 1);
	show("2 to 7", take(&g));
	write_pages(&g, 10, 50, 1);
	show("10 to 59", take(&g));
}

GUEST(reader, 64, "1: mov (%rbx), %al; add $0x1000, %rbx; dec %rcx; jnz 1b; out %al, $0x10; hlt");
static void only_read(void)
{
	struct kvm_regs r = { .rip = START, .rsp = 0x70000, .rflags = 2, .rbx = AT, .rcx = PAGES };
	struct guest g;
	uint8_t *p = watched(&g, KVM_MEM_LOG_DIRTY_PAGES);

	memset(p, 7, PAGES * PAGE); /* the monitor could write them: the guest may not, unseen */
	memcpy(g.ram + START, reader, reader_end - reader);
	CHECK(ioctl(g.vcpu, KVM_SET_REGS, &r) == 0);
	EQUAL(take_out(&g, 0x10), 7);
	show("read", take(&g));
	write_pages(&g, 9, 1, 8);
	show("then written", take(&g));
}

static void on_and_off(void)
{
	struct guest g;
	struct log l;
	uint8_t *p = watched(&g, 0);

	write_pages(&g, 1, 4, 1);
	CHECK(set_slot_flags(g.vm, 1, AT, p, PAGES * PAGE, KVM_MEM_LOG_DIRTY_PAGES) == 0);
	show("on: all before is forgotten", take(&g));
	write_pages(&g, 2, 1, 2);
	CHECK(set_slot_flags(g.vm, 1, AT, p, PAGES * PAGE, KVM_MEM_LOG_DIRTY_PAGES) == 0);
	show("still on", take(&g));
	write_pages(&g, 2, 1, 3);
	CHECK(set_slot_flags(g.vm, 1, AT, p, PAGES * PAGE, 0) == 0);
	SHOW(get_log(&g, 1, &l));
	write_pages(&g, 2, 1, 4);
	CHECK(set_slot_flags(g.vm, 1, AT, p, PAGES * PAGE, KVM_MEM_LOG_DIRTY_PAGES) == 0);
	show("on again", take(&g));
	write_pages(&g, 2, 1, 5);
	CHECK(set_slot(g.vm, 1, 0, NULL, 0) == 0);
	SHOW(get_log(&g, 1, &l));
	CHECK(set_slot_flags(g.vm, 1, AT, p, PAGES * PAGE, KVM_MEM_LOG_DIRTY_PAGES) == 0);
	show("a new slot", take(&g));
}

/* What the monitor takes away was written all the same, and is watched when it comes again. */
static void taken_away(void)
{
	struct guest g;
	uint8_t *p = watched(&g, KVM_MEM_LOG_DIRTY_PAGES);

	write_pages(&g, 4, 4, 1);
	CHECK(madvise(p + 4 * PAGE, 2 * PAGE, MADV_DONTNEED) == 0);
	CHECK(munmap(p + 6 * PAGE, PAGE) == 0);
	CHECK(mmap(p + 6 * PAGE, PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED);
	show("gone", take(&g));
	show("not written since", take(&g));
	write_pages(&g, 6, 1, 2);
	EQUAL(p[6 * PAGE], 2);
	EQUAL(p[5 * PAGE], 0);
	show("come again", take(&g));
}

/*
 * Written again after the monitor has asked, which no fault need tell: by then the page may have left the guest, be it
 * that it goes, loses its rights, moves, or is shared with a child.
 */
static void written_again(void)
{
	struct guest g;
	uint8_t *p = watched(&g, KVM_MEM_LOG_DIRTY_PAGES);
	int status;
	pid_t pid;

	write_pages(&g, 0, PAGES, 1);
	show("all", take(&g));
	write_pages(&g, 1, 12, 2);
	CHECK(madvise(p + PAGE, PAGE, MADV_DONTNEED) == 0);
	CHECK(mprotect(p + 3 * PAGE, PAGE, PROT_READ) == 0);
	CHECK(mprotect(p + 3 * PAGE, PAGE, PROT_READ | PROT_WRITE) == 0);
	CHECK(mmap(p + 5 * PAGE, PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED);
	CHECK(mremap(p + 7 * PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p + 9 * PAGE) ==
	      p + 9 * PAGE);
	show("taken away", take(&g));
	show("once", take(&g));
	write_pages(&g, 20, 4, 3);
	pid = fork();
	if (pid == 0)
		_exit(0);
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	p[21 * PAGE] = 4; /* the monitor's own copy */
	show("shared", take(&g));
	EQUAL(p[22 * PAGE], 3);
}

/* A slot that moves keeps its log. */
static void moved(void)
{
	struct guest g;
	uint8_t *p = watched(&g, KVM_MEM_LOG_DIRTY_PAGES);

	write_pages(&g, 1, 3, 1);
	show("before", take(&g));
	write_pages(&g, 2, 2, 2);
	CHECK(set_slot_flags(g.vm, 1, 2 * AT, p, PAGES * PAGE, KVM_MEM_LOG_DIRTY_PAGES) == 0);
	show("moved", take(&g));
	write_pages(&g, AT / PAGE + 5, 2, 3);
	show("there", take(&g));
	EQUAL(p[5 * PAGE], 3);
}

static void after_fork(void)
{
	struct guest g;
	uint8_t *p = watched(&g, KVM_MEM_LOG_DIRTY_PAGES);
	struct log l;
	int status;
	pid_t pid;

	write_pages(&g, 1, 2, 1);
	pid = fork();
	if (pid == 0) {
		p[8 * PAGE] = 1;
		_exit(get_log(&g, 1, &l) == 0 || errno != EIO);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	show("before the fork", take(&g));
	write_pages(&g, 2, 2, 3);
	show("after it", take(&g));
	EQUAL(p[2 * PAGE], 3);
	EQUAL(p[8 * PAGE], 0);
}

/* The kernel writes for the guest: its clock's page. */
static void clock_page(void)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry e;
	} m = { { .nmsrs = 1 }, { .index = 0x4b564d01, .data = (AT + 9 * PAGE) | 1 } };
	struct guest g;

	watched(&g, KVM_MEM_LOG_DIRTY_PAGES);
	CHECK(ioctl(g.vcpu, KVM_SET_MSRS, &m) == 1);
	write_pages(&g, 0, 1, 1);
	show("the clock, and page 0", take(&g));
}

/*
 * As a migration does it: the guest counts in all its pages, and the monitor copies what the log
 * names. When the guest stands still and the last pages are copied, copy and memory are the same.
 */
GUEST(counter, 64,
      "sti; 1: mov $0x200000, %rbx; mov $70, %rcx\n"
      "2: incq (%rbx); add $0x1000, %rbx; dec %rcx; jnz 2b; jmp 1b");
static volatile bool stop;
static void *run_counter(void *arg)
{
	struct guest *g = arg;

	while (!stop)
		if (ioctl(g->vcpu, KVM_RUN, 0) < 0)
			CHECK(errno == EINTR);
	return NULL;
}
static void on_signal(int sig)
{
}
static void in_flight(void)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct guest g;
	uint8_t *p = watched(&g, KVM_MEM_LOG_DIRTY_PAGES);
	uint64_t *copy = calloc(PAGES, sizeof(*copy)), seen = 0;
	pthread_t thread;

	memcpy(g.ram + START, counter, counter_end - counter);
	sigaction(SIGUSR1, &sa, NULL);
	CHECK(pthread_create(&thread, NULL, run_counter, &g) == 0);
	for (int round = 0; round <= ROUNDS; round++) {
		struct log l;

		if (round == ROUNDS) {
			stop = true;
			g.run->immediate_exit =
				1; /* should the signal come before the guest runs */
			pthread_kill(thread, SIGUSR1);
			pthread_join(thread, NULL);
		}
		l = take(&g);
		for (unsigned int i = 0; i < PAGES; i++)
			if (l.bits[i / 64] >> i % 64 & 1)
				copy[i] = *(volatile uint64_t *)(p + i * PAGE);
		seen += l.bits[0] != 0;
		usleep(100);
	}
	CHECK(seen > 1);
	for (unsigned int i = 0; i < PAGES; i++)
		EQUAL(copy[i], *(uint64_t *)(p + i * PAGE));
}

/* Memory that may be mapped by large pages, written before it is watched, and afterwards: no page too much. */
static void large_pages(void)
{
	const size_t size = 4UL << 20;
	uint64_t bits[16 + 1];
	uint8_t *p = large_memory(size);
	struct guest g;

	guest_make(&g, false);
	guest_long_mode(&g);
	for (int round = 0; round < 2; round++) {
		CHECK(set_slot_flags(g.vm, 1, AT, p, size, 0) == 0);
		write_pages(&g, 0, 1024, 1);
		CHECK(set_slot_flags(g.vm, 1, AT, p, size, KVM_MEM_LOG_DIRTY_PAGES) == 0);
		CHECK(get_log(&g, 1, bits) == 0);
		for (int i = 0; i < 16; i++)
			EQUAL(bits[i], 0);
		write_pages(&g, 3, 1, 2);
		write_pages(&g, 500, 24, 3);
		CHECK(get_log(&g, 1, bits) == 0);
		for (int i = 0; i < 1024; i++) {
			bool written = i == 3 || (i >= 500 && i < 524);

			EQUAL(bits[i / 64] >> i % 64 & 1, written);
			EQUAL(p[i * PAGE], i == 3 ? 2 : written ? 3 : 1);
		}
	}
}

static const struct test_case cases[] = {
	{ "arguments", arguments },   { "written", written },
	{ "in-a-row", in_a_row },     { "only-read", only_read },
	{ "on-and-off", on_and_off }, { "taken-away", taken_away },
	{ "after-fork", after_fork }, { "clock-page", clock_page },
	{ "in-flight", in_flight },   { "large-pages", large_pages },
	{ "moved", moved },           { "written-again", written_again },
};
MAIN(cases)
