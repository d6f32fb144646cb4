/* SPDX-License-Identifier: MIT */
/*
 * The KVM side (Linux's Documentation/virt/kvm/api.rst): memory slots, the registers at the entry,
 * the loop around KVM_RUN. Interrupt chips are the kernel's; all other devices are devices.c.
 */
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

#include "vm.h"

#define CR0_PE (1UL << 0)
#define CR0_ET (1UL << 4)
#define CR0_PG (1UL << 31)
#define CR4_PAE (1UL << 5)
#define EFER_LME (1UL << 8)
#define EFER_LMA (1UL << 10)
#define LEAF1_ECX_HYPERVISOR (1U << 31)
#define APIC_SVR 0xf0
#define APIC_LINT1 0x360
#define LEAF_HYPERVISOR 0x40000000
#define LEAF_TIMING 0x40000010
#define APIC_BUS_KHZ 1000000 /* KVM's local APIC timers count nanoseconds */
#define IDENTITY_MAP                                                                               \
	0xfeffc000UL /* what an Intel CPU without unrestricted guest needs, out of the way */
#define TSS_PAGES 0xfeffd000UL

static int check(int r, const char *what)
{
	if (r < 0)
		die(STATUS_FAILED, "%s: %s", what, strerror(errno));
	return r;
}

/* ---- memory ---- */

void memory_slot(struct machine *m, unsigned int slot, uint64_t at, void *host, uint64_t size,
		 unsigned int flags)
{
	struct kvm_userspace_memory_region r = {
		.slot = slot,
		.flags = flags,
		.guest_phys_addr = at,
		.memory_size = size,
		.userspace_addr = (uintptr_t)host,
	};

	check(ioctl(m->vm, KVM_SET_USER_MEMORY_REGION, &r), "KVM_SET_USER_MEMORY_REGION");
}

/* The image's file, and nothing (zeros) behind its end: a guest may read all of the slot. */
static void *map_image(struct machine *m, uint64_t align)
{
	int fd = open(m->image, O_RDONLY | O_CLOEXEC);
	off_t size = fd < 0 ? fd : lseek(fd, 0, SEEK_END); /* a file, or a disk */
	void *p;

	check(size < 0 ? -1 : 0, m->image);
	if (!size)
		die(STATUS_FAILED, "%s: empty", m->image);
	m->image_size = ALIGN_UP((uint64_t)size, align);
	p = mmap(NULL, m->image_size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
		 0);
	if (p == MAP_FAILED ||
	    mmap(p, size, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED)
		die(STATUS_FAILED, "%s: %s", m->image, strerror(errno));
	close(fd);
	return p;
}

/*
 * large: in pages of 2 MiB where the host can. A guest that uses little of its memory has it from the host in small
 * ones, as it asks for it.
 */
static void *map_ram(uint64_t size, bool large)
{
	uint64_t more = large ? LINUX_ALIGN : 0;
	char *p = mmap(NULL, size + more, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint64_t skip = -(uint64_t)p & (LINUX_ALIGN - 1);

	if (p == MAP_FAILED)
		die(STATUS_FAILED, "no memory for the machine: %s", strerror(errno));
	if (!large)
		return p;
	munmap(p, skip);
	munmap(p + skip + size, more - skip);
	madvise(p + skip, size, MADV_HUGEPAGE);
	return p + skip;
}

static void create_memory(struct machine *m)
{
	/* of a snapshot, the sizes are known */
	bool linux_sizes = m->load == linux_load || (m->restored && !(m->image_size % LINUX_ALIGN));
	uint64_t align = linux_sizes ? LINUX_ALIGN : PAGE;

	if (m->image)
		m->image_at = map_image(m, align);
	m->ram_size = m->restored ? m->memory : ALIGN_UP(m->memory, align);
	if (m->ram_size + m->image_size > PCI_WINDOW)
		die(STATUS_USAGE, "memory and image together can be at most %lu MiB",
		    PCI_WINDOW >> 20);
	m->ram = map_ram(m->ram_size, m->load == linux_load);
	m->load(m);
	memory_slot(m, 0, 0, m->ram, m->ram_size, 0);
	if (m->rom.size) /* a copy of its own, written by the CPU: LTR does, and page walks */
		memory_slot(m, 2, (1UL << 32) - m->rom.size, m->rom.data, m->rom.size, 0);
	if (m->image)
		memory_slot(m, 1, m->ram_size, m->image_at, m->image_size, KVM_MEM_READONLY);
}

void *guest_memory(struct machine *m, uint64_t at, uint64_t n, bool write)
{
	if (at < m->ram_size && n <= m->ram_size - at)
		return m->ram + at;
	at -= m->ram_size; /* before it: beyond the image, too */
	if (!write && at < m->image_size && n <= m->image_size - at)
		return m->image_at + at;
	return NULL;
}

/* ---- vCPUs ---- */

/* What the kernel supports, this CPU's number, and how fast its clocks are (so it need not measure). */
static void set_cpuid(struct machine *m, unsigned int cpu)
{
	struct kvm_cpuid2 *c = calloc(1, sizeof(*c) + MAX_CPUID * sizeof(*c->entries));

	if (!c)
		die(STATUS_FAILED, "no memory");
	c->nent = MAX_CPUID - 1;
	check(ioctl(m->kvm, KVM_GET_SUPPORTED_CPUID, c), "KVM_GET_SUPPORTED_CPUID");
	for (unsigned int i = 0; i < c->nent; i++) {
		struct kvm_cpuid_entry2 *e = &c->entries[i];

		if (e->function == 1) {
			e->ebx = (e->ebx & 0xffff) | m->cpus << 16 | cpu << 24;
			e->ecx |= LEAF1_ECX_HYPERVISOR; /* KVM leaves it to its monitors */
		} else if (e->function == 0xb || e->function == 0x1f)
			e->edx = cpu;
		else if (e->function == LEAF_HYPERVISOR && m->tsc_khz)
			e->eax = LEAF_TIMING;
	}
	if (m->tsc_khz)
		c->entries[c->nent++] = (struct kvm_cpuid_entry2){
			.function = LEAF_TIMING,
			.eax = m->tsc_khz,
			.ebx = APIC_BUS_KHZ,
		};
	check(ioctl(m->vcpu[cpu], KVM_SET_CPUID2, c), "KVM_SET_CPUID2");
	free(c);
}

/* Flat segments of 32 bits, CS with the selector `code` and all others with the next one. */
static void set_flat(struct kvm_sregs *s, uint16_t code)
{
	struct kvm_segment flat = { .limit = 0xffffffff, .selector = code, .type = 11 };

	flat.present = flat.db = flat.s = flat.g = 1;
	s->cs = flat;
	flat.selector = code + 8;
	flat.type = 3;
	s->ds = s->es = s->fs = s->gs = s->ss = flat;
}

/*
 * The state a kernel expects. PVH and multiboot: 32-bit protected mode, flat, paging off, what
 * the loader tells in EBX. Linux: long mode or that with struct boot_params in RSI.
 */
static void set_entry(struct machine *m, int vcpu)
{
	struct kvm_regs regs = { .rip = m->entry, .rflags = 2 };
	struct kvm_lapic_state apic;
	struct kvm_sregs s;

	if (m->mode == ENTER_RESET)
		return; /* which is how a vCPU begins */
	check(ioctl(vcpu, KVM_GET_SREGS, &s), "KVM_GET_SREGS");
	s.tr = (struct kvm_segment){ .limit = 0x67, .type = 11, .present = 1 };
	s.ldt = (struct kvm_segment){ .unusable = 1 };
	s.cr0 = CR0_ET;
	s.cr4 = s.cr3 = s.efer = 0;
	if (m->gdt) {
		set_flat(&s, 0x10);
		s.gdt = (struct kvm_dtable){ .base = m->gdt, .limit = m->gdt_size - 1 };
		s.cr0 |= CR0_PE;
		regs.rsi = m->start_info;
	} else {
		set_flat(&s, 8);
		s.cr0 |= CR0_PE;
		regs.rax = m->magic;
		regs.rbx = m->start_info;
	}
	if (m->mode == ENTER_LONG) {
		s.cs.db = 0;
		s.cs.l = 1;
		s.cr3 = m->page_tables;
		s.cr4 = CR4_PAE;
		s.efer = EFER_LME | EFER_LMA;
		s.cr0 |= CR0_PG;
	}
	check(ioctl(vcpu, KVM_SET_SREGS, &s), "KVM_SET_SREGS");
	check(ioctl(vcpu, KVM_SET_REGS, &regs), "KVM_SET_REGS");
	/* firmware leaves the local APIC on, with NMIs at LINT1 (MultiProcessor Specification 1.4, 3.6.2.2) */
	check(ioctl(vcpu, KVM_GET_LAPIC, &apic), "KVM_GET_LAPIC");
	apic.regs[APIC_SVR + 1] |= 1;
	memcpy(apic.regs + APIC_LINT1, (uint16_t[]){ 4 << 8, 0 }, 4);
	check(ioctl(vcpu, KVM_SET_LAPIC, &apic), "KVM_SET_LAPIC");
}

static void create_vcpu(struct machine *m, unsigned int i)
{
	int khz;

	m->vcpu[i] = check(ioctl(m->vm, KVM_CREATE_VCPU, i), "KVM_CREATE_VCPU");
	m->run[i] = mmap(NULL, m->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, m->vcpu[i], 0);
	if (m->run[i] == MAP_FAILED)
		die(STATUS_FAILED, "cannot map the state of a vCPU: %s", strerror(errno));
	khz = ioctl(m->vcpu[i], KVM_GET_TSC_KHZ, 0);
	m->tsc_khz = khz > 0 ? khz : 0;
	if (!m->restored)
		set_cpuid(m, i);
}

/* As on a PC: the timer, line 0 of the first PIC, has input 2 of the IOAPIC, as that line leads to the other PIC. */
static void route_interrupts(struct machine *m)
{
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry e[ISA_INTERRUPTS + IOAPIC_INPUTS];
	} r = { .head = { 0 } };

	for (unsigned int gsi = 0; gsi < IOAPIC_INPUTS; gsi++) {
		struct kvm_irq_routing_entry to = { .gsi = gsi, .type = KVM_IRQ_ROUTING_IRQCHIP };

		to.u.irqchip.irqchip = gsi < 8 ? KVM_IRQCHIP_PIC_MASTER : KVM_IRQCHIP_PIC_SLAVE;
		to.u.irqchip.pin = gsi % 8;
		if (gsi < ISA_INTERRUPTS)
			r.e[r.head.nr++] = to;
		to.u.irqchip.irqchip = KVM_IRQCHIP_IOAPIC;
		to.u.irqchip.pin = gsi ?: TIMER_INPUT;
		if (gsi != TIMER_INPUT)
			r.e[r.head.nr++] = to;
	}
	check(ioctl(m->vm, KVM_SET_GSI_ROUTING, &r), "KVM_SET_GSI_ROUTING");
}

void machine_create(struct machine *m)
{
	struct kvm_pit_config pit = { .flags = KVM_PIT_SPEAKER_DUMMY };
	uint64_t identity = IDENTITY_MAP;

	m->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (m->kvm < 0 && (errno == ENOENT || errno == ENXIO || errno == ENODEV))
		die(STATUS_FAILED, "this CPU has no VT-x/SVM (or firmware disabled it)");
	check(m->kvm, "/dev/kvm");
	if (ioctl(m->kvm, KVM_GET_API_VERSION, 0) != KVM_API_VERSION)
		die(STATUS_FAILED, "/dev/kvm: another version of the interface");
	m->run_size = check(ioctl(m->kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "KVM_GET_VCPU_MMAP_SIZE");
	m->vm = check(ioctl(m->kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
	check(ioctl(m->vm, KVM_SET_IDENTITY_MAP_ADDR, &identity), "KVM_SET_IDENTITY_MAP_ADDR");
	check(ioctl(m->vm, KVM_SET_TSS_ADDR, TSS_PAGES), "KVM_SET_TSS_ADDR");
	check(ioctl(m->vm, KVM_CREATE_IRQCHIP, 0), "KVM_CREATE_IRQCHIP");
	check(ioctl(m->vm, KVM_CREATE_PIT2, &pit), "KVM_CREATE_PIT2");
	route_interrupts(m);
	create_memory(m);
	for (unsigned int i = 0; i < m->cpus; i++)
		create_vcpu(m, i);
	if (!m->restored)
		set_entry(m, m->vcpu[0]);
}

void irq_line(struct machine *m, unsigned int irq, bool level)
{
	struct kvm_irq_level l = { .irq = irq, .level = level };

	ioctl(m->vm, KVM_IRQ_LINE, &l);
}

/* ---- exits ---- */

static uint64_t rip_of(int vcpu)
{
	struct kvm_regs regs = { 0 };

	ioctl(vcpu, KVM_GET_REGS, &regs);
	return regs.rip;
}

static void do_io(struct machine *m, int vcpu, struct kvm_run *run)
{
	uint8_t *data = (uint8_t *)run + run->io.data_offset;

	if (run->io.port == PORT_HANDOFF && m->handoff)
		m->handoff(m, vcpu);
	else
		bus_access(m, PORTS, run->io.port, run->io.direction == KVM_EXIT_IO_IN, data,
			   run->io.size, run->io.count);
}

/* False: the machine is over. */
static bool handle_exit(struct machine *m, unsigned int i)
{
	struct kvm_run *run = m->run[i];

	switch (run->exit_reason) {
	case KVM_EXIT_IO:
		do_io(m, m->vcpu[i], run);
		return true;
	case KVM_EXIT_MMIO:
		bus_access(m, MEMORY, run->mmio.phys_addr, !run->mmio.is_write, run->mmio.data,
			   run->mmio.len, 1);
		return true;
	case KVM_EXIT_INTR:
	case KVM_EXIT_IRQ_WINDOW_OPEN:
		return true;
	case KVM_EXIT_SYSTEM_EVENT:
		machine_end(0);
		return false;
	case KVM_EXIT_SHUTDOWN:
		warn("guest shut down (triple fault) at rip 0x%lx", rip_of(m->vcpu[i]));
		break;
	case KVM_EXIT_FAIL_ENTRY:
		warn("the CPU refuses the guest's state (reason 0x%llx) at rip 0x%lx; the kernel "
		     "log says why",
		     run->fail_entry.hardware_entry_failure_reason, rip_of(m->vcpu[i]));
		break;
	case KVM_EXIT_INTERNAL_ERROR:
		warn("the hypervisor cannot go on with the guest (error %u) at rip 0x%lx",
		     run->internal.suberror, rip_of(m->vcpu[i]));
		break;
	default:
		if (run->exit_reason == KVM_EXIT_UNKNOWN &&
		    task_switch(m, m->vcpu[i], run->hw.hardware_exit_reason))
			return true;
		warn("unexpected exit %u at rip 0x%lx", run->exit_reason, rip_of(m->vcpu[i]));
	}
	machine_end(STATUS_FAILED);
	return false;
}

/* ---- vCPUs stand still, and go on ---- */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool wanted; /* read without the lock, too */
	unsigned int standing;
	pthread_t thread[MAX_CPUS];
	unsigned int threads;
} still = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

bool vcpus_stop(struct machine *m)
{
	bool over;

	__atomic_store_n(&still.wanted, true, __ATOMIC_SEQ_CST);
	pthread_mutex_lock(&still.lock);
	while (still.standing < m->cpus && !machine_is_over()) {
		struct timespec until;

		for (unsigned int i = 0; i < m->cpus; i++)
			m->run[i]->immediate_exit = 1;
		for (unsigned int i = 0; i < still.threads; i++)
			pthread_kill(still.thread[i], SIGUSR1);
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec++;
		pthread_cond_timedwait(&still.changed, &still.lock, &until);
	}
	over = machine_is_over();
	pthread_mutex_unlock(&still.lock);
	if (over)
		vcpus_go_on(m);
	return !over;
}

void vcpus_go_on(struct machine *m)
{
	pthread_mutex_lock(&still.lock);
	__atomic_store_n(&still.wanted, false, __ATOMIC_SEQ_CST);
	pthread_cond_broadcast(&still.changed);
	pthread_mutex_unlock(&still.lock);
}

/* An access that the monitor has answered is finished first: the registers then are between two instructions. */
static void stand_still(struct machine *m, unsigned int i)
{
	struct kvm_run *run = m->run[i];

	run->immediate_exit = 1;
	while (ioctl(m->vcpu[i], KVM_RUN, 0) == 0)
		if (!handle_exit(m, i))
			return;
	pthread_mutex_lock(&still.lock);
	still.standing++;
	pthread_cond_broadcast(&still.changed);
	while (still.wanted)
		pthread_cond_wait(&still.changed, &still.lock);
	still.standing--;
	pthread_mutex_unlock(&still.lock);
	run->immediate_exit = 0;
}

static void woken(int sig)
{
}

void machine_run(struct machine *m, unsigned int i)
{
	struct sigaction act = { .sa_handler = woken };
	uint64_t entry = __rdtsc(), exit, end;
	bool more = true;

	stats_begin(i);
	sigaction(SIGUSR1, &act, NULL); /* ends a KVM_RUN */
	pthread_mutex_lock(&still.lock);
	still.thread[still.threads++] = pthread_self();
	pthread_mutex_unlock(&still.lock);
	while (more && !machine_is_over()) {
		if (__atomic_load_n(&still.wanted, __ATOMIC_SEQ_CST))
			stand_still(m, i);
		if (ioctl(m->vcpu[i], KVM_RUN, 0) < 0 && errno != EINTR) {
			if (errno == EAGAIN) /* it waited for INIT, and has it */
				continue;
			warn("KVM_RUN: %s at rip 0x%lx", strerror(errno), rip_of(m->vcpu[i]));
			machine_end(STATUS_FAILED);
			return;
		}
		exit = __rdtsc();
		more = handle_exit(m, i);
		end = __rdtsc();
		stats_exit(m, i, exit - entry, end - exit);
		entry = end;
	}
}
