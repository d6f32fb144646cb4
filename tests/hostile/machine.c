/* SPDX-License-Identifier: MIT */
/* A VM with all that code in any mode of the CPU needs: memory, tables, registers. */
#include "hostile.h"

#define CR0_PE 1UL
#define CR0_NE_ET_MP 0x32UL
#define CR0_PG 0x80000000UL
#define CR4_PSE 0x10UL
#define CR4_PAE 0x20UL
#define EFER_LONG 0x500UL /* LME and LMA */
#define FLAG_VM 0x20000UL

static void slot(struct machine *m, u32 n, u64 gpa, void *at, u64 size, u32 flags)
{
	struct kvm_userspace_memory_region r = { n, flags, gpa, size, (uintptr_t)at };

	if (ioctl(m->vm, KVM_SET_USER_MEMORY_REGION, &r))
		fail("slot %u: %s", n, strerror(errno));
}

/* What stands behind the slots: private memory, shared memory, a file. */
static u8 *make_ram(struct rng *r)
{
	size_t size = RAM_SIZE + ROM_SIZE;
	bool file = once_in(r, 3);
	int fd = file ? memfd_create("ram", MFD_CLOEXEC) : -1;
	int flags = (once_in(r, 2) ? MAP_PRIVATE : MAP_SHARED) | (file ? 0 : MAP_ANONYMOUS);
	u8 *ram;

	if (file && ftruncate(fd, size))
		fail("ftruncate: %s", strerror(errno));
	ram = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);
	if (ram == MAP_FAILED)
		fail("mmap: %s", strerror(errno));
	if (file)
		close(fd);
	return ram;
}

/* Linear is physical: the first GiB and the fourth, where the APICs are. */
static void make_tables(u8 *ram)
{
	u64 *pml4 = (u64 *)(ram + TABLES), *pdpt = pml4 + 512, *low = pdpt + 512, *high = low + 512;
	u64 *pae = high + 512;
	u32 *directory = (u32 *)(pae + 512);

	pml4[0] = (TABLES + PAGE) | 7;
	pdpt[0] = (TABLES + 2 * PAGE) | 7;
	pdpt[3] = (TABLES + 3 * PAGE) | 7;
	pae[0] = (TABLES + 2 * PAGE) | 1;
	pae[3] = (TABLES + 3 * PAGE) | 1;
	for (u64 i = 0; i < 512; i++) {
		low[i] = i << 21 | 0x87;
		high[i] = (3UL << 30) | i << 21 | 0x87;
	}
	for (u32 i = 0; i < 1024; i++)
		directory[i] = i << 22 | 0x87;
}

/* Flat segments: 32-bit code, data, 64-bit code, 16-bit code; gates that lead to HANDLER. */
static void make_descriptors(u8 *ram, enum mode mode)
{
	u64 *gdt = (u64 *)(ram + GDT), *idt = (u64 *)(ram + IDT);
	u64 selector = mode == LONG || mode == COMPAT ? 0x18 : 8;
	u64 gate = (HANDLER & 0xffff) | selector << 16 | 0x8eUL << 40 | (HANDLER >> 16) << 48;

	gdt[1] = 0x00cf9b000000ffff;
	gdt[2] = 0x00cf93000000ffff;
	gdt[3] = 0x00af9b000000ffff;
	gdt[4] = 0x000f9b000000ffff;
	for (unsigned int i = 0; i < 256; i++)
		if (mode == LONG || mode == COMPAT)
			idt[2 * i] = gate;
		else
			idt[i] = gate;
	for (unsigned int i = 0; i < 256; i++) /* real mode's table */
		((u32 *)ram)[i] = (HANDLER >> 4) << 16;
}

static void add_vcpu(struct machine *m, struct rng *r, enum mode mode)
{
	struct vcpu *v = &m->vcpu[m->nr];

	*v = (struct vcpu){ .m = m, .id = m->nr, .mode = mode, .rng = { rnd(r) } };
	v->fd = ioctl(m->vm, KVM_CREATE_VCPU, v->id);
	if (v->fd < 0)
		fail("KVM_CREATE_VCPU: %s", strerror(errno));
	v->run = mmap(NULL, m->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
	if (v->run == MAP_FAILED)
		fail("kvm_run: %s", strerror(errno));
	m->nr++;
}

static void set_cpuid(struct machine *m)
{
	struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entry[100];
	} c = { .head.nent = 100 };

	if (ioctl(m->kvm, KVM_GET_SUPPORTED_CPUID, &c))
		return;
	for (unsigned int i = 0; i < m->nr; i++)
		ioctl(m->vcpu[i].fd, KVM_SET_CPUID2, &c);
}

void machine_make(struct machine *m, struct rng *r, unsigned int vcpus, bool irqchip)
{
	enum mode mode = below(r, MODES);
	struct kvm_pit_config pit = { 0 };

	memset(m, 0, sizeof(*m));
	m->irqchip = irqchip;
	m->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	m->vm = ioctl(m->kvm, KVM_CREATE_VM, 0);
	if (m->vm < 0)
		fail("KVM_CREATE_VM: %s", strerror(errno));
	m->run_size = ioctl(m->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	m->ram = make_ram(r);
	slot(m, 0, 0, m->ram, HOLE, 0);
	slot(m, 1, HOLE + HOLE_SIZE, m->ram + HOLE + HOLE_SIZE, RAM_SIZE - HOLE - HOLE_SIZE, 0);
	slot(m, 2, ROM, m->ram + ROM, ROM_SIZE, KVM_MEM_READONLY);
	if (once_in(r, 8)) /* where the APIC's page is */
		slot(m, 3, 0xfee00000, m->ram + HOLE, PAGE, 0);
	if (irqchip && (ioctl(m->vm, KVM_CREATE_IRQCHIP, 0) || ioctl(m->vm, KVM_CREATE_PIT2, &pit)))
		fail("no irqchip: %s", strerror(errno));
	make_tables(m->ram);
	make_descriptors(m->ram, mode);
	for (unsigned int i = 0; i < vcpus; i++)
		add_vcpu(m, r, once_in(r, 4) ? below(r, MODES) : mode);
	if (!once_in(r, 8))
		set_cpuid(m);
}

static struct kvm_segment segment(enum mode mode, bool code)
{
	bool big = mode >= PROTECTED && mode != VM86;
	struct kvm_segment s = { .limit = big ? 0xffffffff : 0xffff,
				 .selector = code ? 8 : 16,
				 .type = code ? 11 : 3,
				 .present = 1,
				 .s = 1,
				 .db = big,
				 .g = big };

	if (mode == LONG && code) {
		s.l = 1;
		s.db = 0;
		s.selector = 0x18;
	}
	if (mode == REAL || mode == UNREAL || mode == VM86)
		s.selector = 0;
	if (mode == UNREAL && !code) {
		s.limit = 0xffffffff;
		s.g = 1;
	}
	if (mode == VM86) {
		s.type = 3;
		s.dpl = 3;
	}
	return s;
}

static void control_registers(enum mode mode, struct kvm_sregs *s)
{
	bool paged = mode >= PAGED;

	s->cr0 = CR0_NE_ET_MP | (mode > UNREAL ? CR0_PE : 0) | (paged ? CR0_PG : 0);
	s->cr4 = mode == PAGED ? CR4_PSE : mode > PAGED ? CR4_PAE : 0;
	s->cr3 = mode == PAGED ? TABLES + 5 * PAGE : mode == PAE ? TABLES + 4 * PAGE : TABLES;
	s->efer = mode == COMPAT || mode == LONG ? EFER_LONG : 0;
}

void mode_registers(struct vcpu *v, struct kvm_sregs *s, struct kvm_regs *regs)
{
	if (ioctl(v->fd, KVM_GET_SREGS, s))
		fail("KVM_GET_SREGS: %s", strerror(errno));
	s->cs = segment(v->mode, true);
	s->ds = s->es = s->fs = s->gs = s->ss = segment(v->mode, false);
	s->tr = (struct kvm_segment){ .limit = 0x67, .type = 11, .present = 1 };
	s->ldt = (struct kvm_segment){ .unusable = 1 };
	s->gdt.base = GDT;
	s->gdt.limit = 0x27;
	s->idt.base = v->mode <= UNREAL ? 0 : IDT;
	s->idt.limit = v->mode <= UNREAL ? 0x3ff : 0xfff;
	control_registers(v->mode, s);
	*regs = (struct kvm_regs){ .rip = CODE_AT(v->id), .rsp = 0x9000, .rflags = 2 };
	if (v->mode == VM86)
		regs->rflags |= FLAG_VM;
}

void start_again(struct vcpu *v)
{
	struct kvm_sregs s;
	struct kvm_regs regs;

	mode_registers(v, &s, &regs);
	regs.rip += below(&v->rng, 512);
	ioctl(v->fd, KVM_SET_SREGS, &s);
	ioctl(v->fd, KVM_SET_REGS, &regs);
}

static void garble_segment(struct rng *r, struct kvm_segment *s)
{
	switch (below(r, 6)) {
	case 0:
		s->type = rnd(r);
		break;
	case 1:
		s->base = edge(r);
		break;
	case 2:
		s->limit = edge(r);
		break;
	case 3:
		s->selector = edge(r);
		break;
	default: /* present dpl db s l g avl unusable */
		(&s->present)[below(r, 8)] = once_in(r, 4) ? rnd(r) : below(r, 4);
	}
}

void garble_sregs(struct rng *r, struct kvm_sregs *s)
{
	struct kvm_segment *const segments[] = { &s->cs, &s->ds, &s->es, &s->fs,
						 &s->gs, &s->ss, &s->tr, &s->ldt };
	__u64 *const registers[] = { &s->cr0, &s->cr3, &s->cr4, &s->efer, &s->cr8, &s->apic_base };

	for (u64 n = once_in(r, 2) ? 1 : below(r, 4) + 1; n; n--)
		switch (below(r, 4)) {
		case 0:
			*ONE_OF(r, registers) ^= 1UL << below(r, once_in(r, 4) ? 64 : 32);
			break;
		case 1:
			(once_in(r, 2) ? &s->gdt : &s->idt)->base = edge(r);
			break;
		default:
			garble_segment(r, ONE_OF(r, segments));
		}
}

int run_vcpu(struct vcpu *v)
{
	int ret = ioctl(v->fd, KVM_RUN, 0);
	u32 reason = v->run->exit_reason;

	atomic_fetch_add(&seen->events, 1);
	if (ret < 0 && errno != EINTR && errno != EAGAIN && errno != EFAULT && errno != EINVAL &&
	    errno != ENOMEM)
		fail("KVM_RUN: %s", strerror(errno));
	if (ret < 0)
		return -errno;
	if (ret > 0 || reason >= ARRAY_SIZE(seen->exits))
		fail("KVM_RUN returns %d, exit reason %u", ret, reason);
	atomic_fetch_add(&seen->exits[reason], 1);
	return reason;
}

void answer(struct vcpu *v)
{
	struct kvm_interrupt irq = { below(&v->rng, 256) };
	u64 value = edge(&v->rng);

	switch (v->run->exit_reason) {
	case KVM_EXIT_IO:
		memcpy((u8 *)v->run + v->run->io.data_offset, &value, 8);
		break;
	case KVM_EXIT_MMIO:
		memcpy(v->run->mmio.data, &value, 8);
		break;
	case KVM_EXIT_HLT:
	case KVM_EXIT_IRQ_WINDOW_OPEN:
		ioctl(v->fd, once_in(&v->rng, 4) ? KVM_NMI : KVM_INTERRUPT, &irq);
	}
}

static void on_signal(int sig)
{
}

void run_threads(struct machine *m, void *(*main)(void *), unsigned int ms)
{
	struct sigaction sa = { .sa_handler = on_signal }; /* no SA_RESTART: KVM_RUN returns */
	unsigned int left = m->nr;
	bool ended[MAX_VCPUS] = { false };

	sigaction(SIGUSR1, &sa, NULL);
	for (unsigned int i = 0; i < m->nr; i++)
		if (pthread_create(&m->vcpu[i].thread, NULL, main, &m->vcpu[i]))
			fail("pthread_create");
	for (unsigned int t = 0; left; t++) {
		sleep_us(1000);
		if (t == ms)
			atomic_store(&m->stop, true);
		for (unsigned int i = 0; i < m->nr; i++) {
			if (ended[i])
				continue;
			if (!pthread_tryjoin_np(m->vcpu[i].thread, NULL)) {
				ended[i] = true;
				left--;
			} else if (t >= ms) {
				m->vcpu[i].run->immediate_exit = 1;
				pthread_kill(m->vcpu[i].thread, SIGUSR1);
			}
		}
	}
}
