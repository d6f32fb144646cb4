/* SPDX-License-Identifier: MIT */
/*
 * ioctls: two threads call what /dev/kvm has, on the same few files, with arguments that are right,
 * nearly right and not at all; meanwhile a third takes memory and files away from them, forks, and
 * interrupts them. Descriptors have fixed places (FDS_AT + n), so that one that is closed is soon
 * another's.
 */
#include <sys/resource.h>
#include <sys/time.h>
#include "hostile.h"

#define FDS_AT 100
enum {
	FD_KVM,
	FD_VM,
	FD_VM2,
	FD_VCPU,
	FD_VCPU_END = FD_VCPU + 4,
	FD_EVENT = FD_VCPU_END,
	NR_FDS = FD_EVENT + 4
};
#define ARENA_PAGES 64UL

static u8 *arena; /* pages that come and go; slots are over them */
static u8
	*scratch; /* arguments that are right: a page for each thread, then one that is not there */
static int ram_file;
static atomic_bool stop;
static pthread_t callers[2];
static atomic_int ended;

static int some_fd(struct rng *r)
{
	return FDS_AT + below(r, NR_FDS);
}

static int event_fd(struct rng *r)
{
	return once_in(r, 8) ? some_fd(r) : FDS_AT + FD_EVENT + below(r, 4);
}

static u64 arena_address(struct rng *r)
{
	return (uintptr_t)arena + below(r, ARENA_PAGES) * PAGE;
}

static u64 gpa(struct rng *r)
{
	static const u64 pages[] = { 0,     0,       1,       15,      16,        32,
				     0x100, 0xfee00, 0xfec00, 0xfffff, 1UL << 36, (1UL << 52) - 1 };

	return once_in(r, 6) ? edge(r) : ONE_OF(r, pages) * PAGE;
}

/* ---- structures that are right, or might be ---- */

static void fill_region(struct rng *r, void *p)
{
	struct kvm_userspace_memory_region *s = p;

	s->slot = once_in(r, 10) ? edge(r) : below(r, 6);
	s->flags = once_in(r, 4) ? KVM_MEM_READONLY : 0;
	s->guest_phys_addr = gpa(r);
	s->memory_size = once_in(r, 4) ? 0 : (below(r, ARENA_PAGES) + 1) * PAGE;
	s->userspace_addr = arena_address(r);
	if (once_in(r, 10))
		s->memory_size = edge(r) & ~(PAGE - 1);
	if (once_in(r, 10))
		s->userspace_addr = edge(r) & ~(PAGE - 1);
}

static void fill_irqfd(struct rng *r, void *p)
{
	struct kvm_irqfd *s = p;

	s->fd = event_fd(r);
	s->gsi = once_in(r, 8) ? edge(r) : below(r, 26);
	s->flags = below(r, 4);
	s->resamplefd = event_fd(r);
}

static void fill_ioeventfd(struct rng *r, void *p)
{
	struct kvm_ioeventfd *s = p;

	s->fd = event_fd(r);
	s->flags = once_in(r, 8) ? edge(r) : below(r, 8);
	s->len = once_in(r, 8) ? edge(r) : 1 << below(r, 4);
	s->addr = once_in(r, 2) ? below(r, 4) : gpa(r);
	s->datamatch = below(r, 3);
}

static void fill_routing(struct rng *r, void *p)
{
	struct kvm_irq_routing *s = p;

	s->nr = once_in(r, 6) ? edge(r) : below(r, 30);
	s->flags = once_in(r, 8);
	for (unsigned int i = 0; i < 30; i++) {
		s->entries[i] = (struct kvm_irq_routing_entry){
			.gsi = once_in(r, 8) ? edge(r) : below(r, 26),
			.type = once_in(r, 8) ? edge(r) : 1 + below(r, 2)
		};
		s->entries[i].u.irqchip.irqchip = once_in(r, 8) ? edge(r) : below(r, 3);
		s->entries[i].u.irqchip.pin = once_in(r, 8) ? edge(r) : below(r, 25);
	}
}

static void fill_msrs(struct rng *r, void *p)
{
	static const u32 msrs[] = { 0x10,       0x1b,       0x174,      0x175,      0x277,
				    0xc0000080, 0xc0000081, 0xc0000082, 0xc0000084, 0xc0000100,
				    0xc0000102, 0x4b564d00, 0x4b564d01, 0x4b564d03 };
	struct kvm_msrs *s = p;

	s->nmsrs = once_in(r, 8) ? edge(r) : below(r, 12);
	for (unsigned int i = 0; i < 12; i++)
		s->entries[i] =
			(struct kvm_msr_entry){ .index = once_in(r, 8) ? edge(r) : ONE_OF(r, msrs),
						.data = edge(r) };
}

static void fill_cpuid(struct rng *r, void *p)
{
	struct kvm_cpuid2 *s = p;

	s->nent = 100;
	ioctl(FDS_AT + FD_KVM, KVM_GET_SUPPORTED_CPUID, s);
	if (once_in(r, 2))
		garble(r, s, 2000);
}

static void fill_clear(struct rng *r, void *p)
{
	memset(p, 0, PAGE);
	*(u32 *)p = below(r, 6); /* a vector, a line, a state, a chip */
	((u32 *)p)[1] = below(r, 2);
}

static void fill_msi(struct rng *r, void *p)
{
	struct kvm_msi *s = p;

	*s = (struct kvm_msi){ .address_lo = 0xfee00000 | below(r, 5) << 12,
			       .data = rnd(r) & 0x7ff };
}

enum on { SYSTEM, VM, VCPU };
static const struct row {
	unsigned long cmd;
	enum on on;
	void (*fill)(struct rng *r, void *p); /* NULL: a number is the argument */
	unsigned long get; /* or: what this one says, changed a little */
} rows[] = {
	{ KVM_GET_API_VERSION, SYSTEM },
	{ KVM_CREATE_VM, SYSTEM },
	{ KVM_CHECK_EXTENSION, SYSTEM },
	{ KVM_GET_VCPU_MMAP_SIZE, SYSTEM },
	{ KVM_GET_SUPPORTED_CPUID, SYSTEM, fill_cpuid },
	{ KVM_GET_MSR_INDEX_LIST, SYSTEM, fill_clear },
	{ KVM_CREATE_VCPU, VM },
	{ KVM_CREATE_VCPU, VM },
	{ KVM_SET_USER_MEMORY_REGION, VM, fill_region },
	{ KVM_SET_USER_MEMORY_REGION, VM, fill_region },
	{ KVM_SET_USER_MEMORY_REGION, VM, fill_region },
	{ KVM_CREATE_IRQCHIP, VM },
	{ KVM_CREATE_PIT2, VM, fill_clear },
	{ KVM_GET_IRQCHIP, VM, fill_clear },
	{ KVM_SET_IRQCHIP, VM, fill_clear, KVM_GET_IRQCHIP },
	{ KVM_GET_PIT2, VM, fill_clear },
	{ KVM_SET_PIT2, VM, fill_clear, KVM_GET_PIT2 },
	{ KVM_GET_CLOCK, VM, fill_clear },
	{ KVM_SET_CLOCK, VM, fill_clear },
	{ KVM_IRQ_LINE, VM, fill_clear },
	{ KVM_IRQ_LINE_STATUS, VM, fill_clear },
	{ KVM_SIGNAL_MSI, VM, fill_msi },
	{ KVM_SET_GSI_ROUTING, VM, fill_routing },
	{ KVM_IRQFD, VM, fill_irqfd },
	{ KVM_IRQFD, VM, fill_irqfd },
	{ KVM_IOEVENTFD, VM, fill_ioeventfd },
	{ KVM_IOEVENTFD, VM, fill_ioeventfd },
	{ KVM_SET_TSS_ADDR, VM },
	{ KVM_SET_IDENTITY_MAP_ADDR, VM, fill_clear },
	{ KVM_RUN, VCPU },
	{ KVM_RUN, VCPU },
	{ KVM_RUN, VCPU },
	{ KVM_GET_REGS, VCPU, fill_clear },
	{ KVM_SET_REGS, VCPU, fill_clear, KVM_GET_REGS },
	{ KVM_GET_SREGS, VCPU, fill_clear },
	{ KVM_SET_SREGS, VCPU, fill_clear, KVM_GET_SREGS },
	{ KVM_GET_FPU, VCPU, fill_clear },
	{ KVM_SET_FPU, VCPU, fill_clear, KVM_GET_FPU },
	{ KVM_GET_MSRS, VCPU, fill_msrs },
	{ KVM_SET_MSRS, VCPU, fill_msrs },
	{ KVM_SET_CPUID2, VCPU, fill_cpuid },
	{ KVM_GET_LAPIC, VCPU, fill_clear },
	{ KVM_SET_LAPIC, VCPU, fill_clear, KVM_GET_LAPIC },
	{ KVM_GET_MP_STATE, VCPU, fill_clear },
	{ KVM_SET_MP_STATE, VCPU, fill_clear },
	{ KVM_GET_VCPU_EVENTS, VCPU, fill_clear },
	{ KVM_SET_VCPU_EVENTS, VCPU, fill_clear, KVM_GET_VCPU_EVENTS },
	{ KVM_TRANSLATE, VCPU, fill_clear },
	{ KVM_INTERRUPT, VCPU, fill_clear },
	{ KVM_NMI, VCPU },
	{ KVM_GET_TSC_KHZ, VCPU },
	/* not there in Dyad, some not in Linux either */
	{ KVM_GET_XSAVE, VCPU, fill_clear },
	{ KVM_SET_GUEST_DEBUG, VCPU, fill_clear },
	{ KVM_GET_DIRTY_LOG, VM, fill_clear },
	{ KVM_ENABLE_CAP, VM, fill_clear },
	{ KVM_SET_SIGNAL_MASK, VCPU, fill_clear },
	{ KVM_CREATE_DEVICE, VM, fill_clear },
	{ 0xae00, SYSTEM },
};

/* ---- a caller ---- */

static int fd_for(struct rng *r, enum on on)
{
	if (once_in(r, 30))
		return some_fd(r);
	return FDS_AT + (on == SYSTEM ? FD_KVM
			 : on == VM   ? FD_VM + once_in(r, 4)
				      : FD_VCPU + below(r, 4));
}

/* The page is the thread's own; the page behind it is never there. */
static u64 pointer(struct rng *r, const struct row *row, u8 *page)
{
	static const u64 odd[] = {
		0, 8, ~0UL, 1UL << 47, (1UL << 47) - 8, 0xffff800000000000, 0xffffffff80000000
	};
	size_t size = _IOC_SIZE(row->cmd);

	switch (below(r, 16)) {
	case 0:
		return ONE_OF(r, odd);
	case 1:
		return (uintptr_t)page + PAGE - below(r, 2 * size + 1);
	case 2:
		return arena_address(r) + below(r, 2) * 4;
	case 3:
		garble(r, page, size);
		return (uintptr_t)page;
	default:
		return (uintptr_t)page;
	}
}

static u64 number(struct rng *r, const struct row *row)
{
	if (once_in(r, 6))
		return edge(r);
	return row->cmd == KVM_CREATE_VCPU       ? below(r, 6)
	       : row->cmd == KVM_CHECK_EXTENSION ? below(r, 260)
						 : 0;
}

/* What a call returned goes to its place. */
static void keep(struct rng *r, unsigned long cmd, int fd)
{
	int place = cmd == KVM_CREATE_VM ? FD_VM + once_in(r, 4) : FD_VCPU + below(r, 4);

	dup2(fd, FDS_AT + place);
	close(fd);
	if (cmd == KVM_CREATE_VCPU &&
	    once_in(r, 2)) /* kvm_run, in the arena: a slot may be over it */
		mmap((void *)arena_address(r), 2 * PAGE, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_FIXED, FDS_AT + place, 0);
}

static void call(struct rng *r, u8 *page)
{
	const struct row *row = &ONE_OF(r, rows);
	int fd = fd_for(r, row->on);
	u64 arg;
	long ret;

	if (row->get)
		ioctl(fd, row->get, page);
	if (row->fill && (!row->get || once_in(r, 8)))
		row->fill(r, page);
	else if (row->get)
		garble(r, page, once_in(r, 2) ? 32 : _IOC_SIZE(row->cmd));
	arg = row->fill ? pointer(r, row, page) : number(r, row);
	atomic_fetch_add(&seen->calls, 1);
	atomic_fetch_add(&seen->events, 1);
	ret = ioctl(fd, row->cmd, arg);
	if (ret < 0)
		return;
	atomic_fetch_add(&seen->succeeded, 1);
	if (row->cmd == KVM_CREATE_VM || row->cmd == KVM_CREATE_VCPU)
		keep(r, row->cmd, ret);
}

static void *caller(void *arg)
{
	struct rng r = { (uintptr_t)arg };

	while (!stop)
		call(&r, scratch + 2 * PAGE * ((uintptr_t)arg & 1));
	atomic_fetch_add(&ended, 1);
	return NULL;
}

/* ---- what happens meanwhile ---- */

/* All of the arena is there again, with code in it. */
static void restore(struct rng *r)
{
	int flags = MAP_FIXED | (once_in(r, 2) ? MAP_SHARED : MAP_PRIVATE);
	bool file = once_in(r, 2);

	if (file && ftruncate(ram_file, ARENA_PAGES * PAGE))
		return;
	mmap(arena, ARENA_PAGES * PAGE, PROT_READ | PROT_WRITE, flags | (file ? 0 : MAP_ANONYMOUS),
	     file ? ram_file : -1, 0);
	for (unsigned int i = 0; i < 4; i++) {
		u64 at = below(r, ARENA_PAGES) * PAGE;

		write_code(r, REAL, arena + at, PAGE, at);
	}
}

static void take_memory(struct rng *r)
{
	static const int advice[] = { MADV_DONTNEED, MADV_FREE, MADV_WILLNEED, MADV_DONTFORK,
				      MADV_DOFORK };
	static const int rights[] = { PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE,
				      PROT_READ | PROT_EXEC };
	void *at = (void *)arena_address(r);
	size_t size = (below(r, 8) + 1) * PAGE;

	switch (below(r, 6)) {
	case 0:
		munmap(at, size);
		break;
	case 1:
		mprotect(at, size, ONE_OF(r, rights));
		break;
	case 2:
		madvise(at, size, ONE_OF(r, advice));
		break;
	case 3:
		if (ftruncate(ram_file, below(r, ARENA_PAGES) * PAGE))
			break;
		break;
	case 4:
		mremap(at, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)arena_address(r));
		break;
	default:
		restore(r);
	}
}

static void take_file(struct rng *r)
{
	int place = below(r, NR_FDS);

	if (once_in(r, 2))
		close(FDS_AT + place);
	else if (place == FD_KVM)
		dup2(open("/dev/kvm", O_RDWR | O_CLOEXEC), FDS_AT + place);
	else if (place >= FD_EVENT)
		dup2(eventfd(0, EFD_NONBLOCK), FDS_AT + place);
	if (once_in(r, 2))
		eventfd_write(event_fd(r), below(r, 3));
}

/*
 * A child has copies of all files and mappings, and lives a little longer than some of them. A machine that it makes
 * itself it can run, and nobody but its own timer interrupts that.
 */
static void child(struct rng *r)
{
	struct itimerval often = { { .tv_usec = 10000 }, { .tv_usec = 10000 } };
	pid_t pid = fork();

	if (pid)
		return;
	setitimer(ITIMER_REAL, &often, NULL);
	for (unsigned int i = below(r, 20); i; i--)
		once_in(r, 3) ? take_memory(r) : call(r, scratch + 4 * PAGE);
	sleep_us(below(r, 20000));
	_exit(0);
}

static void disturb(struct rng *r)
{
	for (unsigned int t = 0; t < 30; t++) {
		sleep_us(500);
		if (once_in(r, 2))
			take_memory(r);
		if (once_in(r, 4))
			take_file(r);
		if (once_in(r, 20))
			child(r);
		for (unsigned int i = 0; i < 2; i++)
			pthread_kill(callers[i], SIGUSR1);
	}
}

static void on_signal(int sig)
{
}

/* The arena goes away under a thread: it ends, and so does the step. */
static void on_fault(int sig)
{
	_exit(0);
}

static void set_up(struct rng *r)
{
	struct rlimit few = { FDS_AT + NR_FDS + 8, FDS_AT + NR_FDS + 8 };

	sigaction(SIGUSR1, &(struct sigaction){ .sa_handler = on_signal }, NULL);
	sigaction(SIGALRM, &(struct sigaction){ .sa_handler = on_signal }, NULL);
	sigaction(SIGSEGV, &(struct sigaction){ .sa_handler = on_fault }, NULL);
	sigaction(SIGBUS, &(struct sigaction){ .sa_handler = on_fault }, NULL);
	if (once_in(r, 4))
		setrlimit(RLIMIT_NOFILE, &few);
	ram_file = memfd_create("ram", MFD_CLOEXEC);
	arena = mmap(NULL, ARENA_PAGES * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	scratch = mmap(NULL, 6 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (unsigned int i = 0; i < 3; i++)
		mprotect(scratch + 2 * i * PAGE, PAGE, PROT_READ | PROT_WRITE);
	restore(r);
	dup2(open("/dev/kvm", O_RDWR), FDS_AT + FD_KVM);
	for (unsigned int i = 0; i < 4; i++)
		dup2(eventfd(0, EFD_NONBLOCK), FDS_AT + FD_EVENT + i);
	for (unsigned int i = FD_VM; i <= FD_VM2; i++)
		dup2(ioctl(FDS_AT + FD_KVM, KVM_CREATE_VM, 0), FDS_AT + i);
	if (once_in(r, 2))
		ioctl(FDS_AT + FD_VM, KVM_CREATE_IRQCHIP, 0);
	for (unsigned int i = 0; i < 4; i++)
		dup2(ioctl(FDS_AT + FD_VM, KVM_CREATE_VCPU, i), FDS_AT + FD_VCPU + i);
}

void ioctls_step(struct rng *r)
{
	u64 first = rnd(r) & ~1UL;

	set_up(r);
	for (unsigned int i = 0; i < 2; i++)
		if (pthread_create(&callers[i], NULL, caller, (void *)(first | i)))
			fail("pthread_create");
	disturb(r);
	stop = true;
	while (ended < 2) {
		pthread_kill(callers[0], SIGUSR1);
		pthread_kill(callers[1], SIGUSR1);
		sleep_us(500);
	}
	if (once_in(r, 2))
		_exit(0); /* all files at once, and the memory */
	for (int i = NR_FDS; i--;)
		close(FDS_AT + i);
	munmap(arena, ARENA_PAGES * PAGE);
}
