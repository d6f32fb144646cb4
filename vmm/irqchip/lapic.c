/* SPDX-License-Identifier: MIT */
/*
 * The local APIC of a vCPU in xAPIC and x2APIC mode (SDM 3A, chapter 11): registers as KVM lays them out, a
 * timer of 1 GHz in one-shot and periodic mode, IPIs with INIT and SIPI for SMP guests. The two modes differ in
 * how registers are reached (memory, MSRs), and in what a destination is; A_ID is that of xAPIC mode in both.
 * lapic->lock guards the registers; IRR bits come from any thread or timer, all else is written by
 * the vCPU's own thread. INIT and SIPI are only noted here; the vCPU does them to itself
 * (lapic_take_init). The timer is cancelled without the lock, since its function takes it.
 */
#include "vmm/irqchip/irqchip.h"

enum {
	A_ID = 0x20,
	A_VERSION = 0x30,
	A_TPR = 0x80,
	A_PPR = 0xa0,
	A_EOI = 0xb0,
	A_LDR = 0xd0,
	A_DFR = 0xe0,
	A_SVR = 0xf0,
	A_ISR = 0x100,
	A_TMR = 0x180,
	A_IRR = 0x200,
	A_ESR = 0x280,
	A_ICR = 0x300,
	A_ICR_HIGH = 0x310,
	A_LVT_TIMER = 0x320,
	A_LVT_LINT0 = 0x350,
	A_LVT_ERROR = 0x370,
	A_TIMER_INIT = 0x380,
	A_TIMER_NOW = 0x390,
	A_TIMER_DIV = 0x3e0,
	A_SELF_IPI = 0x3f0,
};
#define VERSION_VALUE 0x50014 /* 6 LVT entries: also thermal and performance sensors, LINT1 */
#define SVR_ENABLED 0x100
#define LVT_MASKED 0x10000
#define LVT_MODE(lvt) (((lvt) >> 8) & 7)
#define TIMER_MODES 0x60000
#define TIMER_PERIODIC 0x20000
#define ICR_PENDING 0x1000UL
#define ICR_LEVEL_TRIGGERED 0x8000U
#define ICR_SELF 0x40000
#define BASE_BSP BIT(8)
#define BASE_X2APIC BIT(10)
#define BASE_ENABLED BIT(11)
#define BASE_MODE (BASE_X2APIC | BASE_ENABLED)
#define BASE_ADDR 0xffffff000UL

struct lapic {
	struct vcpu *v;
	struct timer timer;
	u64 base; /* IA32_APIC_BASE */
	bool init, startup; /* atomics: noted, to be done by the vCPU */
	u8 startup_vector;
	spinlock_t lock; /* guards the rest */
	u8 regs[KVM_APIC_REG_SIZE] __aligned(4);
	u64 period, expires; /* ns of the running timer; period 0: none */
};

static u32 *reg(struct lapic *l, unsigned int offset)
{
	return (u32 *)&l->regs[offset];
}

/* The 256-bit registers ISR, TMR, IRR: 32 bits each 16 bytes. */
static u32 *vector_word(struct lapic *l, unsigned int set, u8 vector)
{
	return reg(l, set + (vector >> 5) * 0x10);
}

static int highest(struct lapic *l, unsigned int set)
{
	for (int i = 7; i >= 0; i--) {
		u32 w = *reg(l, set + i * 0x10);

		if (w)
			return i * 32 + 31 - __builtin_clz(w);
	}
	return -1;
}

static u8 processor_priority(struct lapic *l)
{
	/* LAB 11: begin
	 * SDM 3A, "Task and Processor Priorities". A vector's class is its upper four bits. The processor's
	 * priority is the higher of two: that of the task (A_TPR), and the class of the highest vector in
	 * service (A_ISR; highest() says -1 when there is none). When the task's class is the higher, or
	 * they are the same, the result is the whole of TPR; else its lower four bits are 0.
	 * starter: (void)highest;
	 * starter: return 0;
	 */
	int isr = highest(l, A_ISR);
	u8 tpr = *reg(l, A_TPR), in_service = isr < 0 ? 0 : isr & 0xf0;

	return (tpr & 0xf0) >= in_service ? tpr : in_service;
	/* LAB 11: end */
}

static bool x2apic(struct lapic *l)
{
	return l->base & BASE_X2APIC;
}

bool lapic_enabled(struct vcpu *v)
{
	return v->lapic && (v->lapic->base & BASE_ENABLED);
}

static bool accepts(struct lapic *l)
{
	return (l->base & BASE_ENABLED) && (*reg(l, A_SVR) & SVR_ENABLED);
}

int lapic_pending(struct vcpu *v)
{
	struct lapic *l = v->lapic;
	int vector;

	SPIN_GUARD(&l->lock);
	/* LAB 11: begin
	 * The highest vector that waits in IRR, when its class is above that of processor_priority().
	 * Else, or when the APIC is off (accepts()): -1. Nothing changes: this is only a question.
	 * starter: vector = -1;
	 */
	vector = accepts(l) ? highest(l, A_IRR) : -1;
	if (vector >= 0 && (vector & 0xf0) <= (processor_priority(l) & 0xf0))
		vector = -1;
	/* LAB 11: end */
	return vector;
}

void lapic_accept(struct vcpu *v, u8 vector)
{
	struct lapic *l = v->lapic;

	SPIN_GUARD(&l->lock);
	/* LAB 11: begin
	 * The CPU takes it: from now on it does not wait (IRR) but is in service (ISR). vector_word() is the
	 * word with the vector's bit; it is bit vector modulo 32 there.
	 * starter: return;
	 */
	*vector_word(l, A_IRR, vector) &= ~(1U << (vector & 31));
	*vector_word(l, A_ISR, vector) |= 1U << (vector & 31);
	/* LAB 11: end */
}

/* 1 when it takes it. */
static int set_irr(struct lapic *l, u8 vector, bool level)
{
	u32 bit = 1U << (vector & 31), *tmr = vector_word(l, A_TMR, vector);

	if (vector < 16 || !accepts(l))
		return 0;
	*vector_word(l, A_IRR, vector) |= bit;
	*tmr = (*tmr & ~bit) | (level ? bit : 0);
	return 1;
}

bool lapic_takes_pic(struct vcpu *v)
{
	u32 lint0;

	if (!lapic_enabled(v))
		return true;
	lint0 = READ_ONCE(*reg(v->lapic, A_LVT_LINT0));
	return !(lint0 & LVT_MASKED) && LVT_MODE(lint0) == APIC_EXTINT;
}

/* ---- messages between APICs ---- */

static bool matches(struct lapic *l, const struct apic_message *m)
{
	bool x2 = x2apic(l);
	u32 id = x2 ? l->v->id : *reg(l, A_ID) >> 24, ldr = *reg(l, A_LDR) >> (x2 ? 0 : 24);

	if (m->shorthand) /* self, all, all others */
		return m->shorthand == 2 || (l == m->from) == (m->shorthand == 1);
	if (!(l->base & BASE_ENABLED) || m->dest == APIC_ALL)
		return l->base & BASE_ENABLED;
	if (!m->logical)
		return m->dest == id;
	if (x2) /* SDM 3A 11.12.10.2 */
		return ldr >> 16 == m->dest >> 16 && (ldr & m->dest & 0xffff);
	if (*reg(l, A_DFR) >> 28 == 0xf) /* flat */
		return ldr & m->dest;
	return (m->dest >> 4 == 0xf || m->dest >> 4 == ldr >> 4) && (ldr & m->dest & 0xf);
}

static int take_message(struct lapic *l, const struct apic_message *m)
{
	int taken = 1;

	switch (m->mode) {
	case APIC_FIXED:
	case APIC_LOWEST:
		spin_lock(&l->lock);
		taken = set_irr(l, m->vector, m->level_triggered);
		spin_unlock(&l->lock);
		break;
	case APIC_NMI:
		__atomic_store_n(&l->v->nmi_pending, true, __ATOMIC_SEQ_CST);
		break;
	case APIC_INIT:
		__atomic_store_n(&l->startup, false, __ATOMIC_SEQ_CST);
		__atomic_store_n(&l->init, true, __ATOMIC_SEQ_CST);
		break;
	case APIC_STARTUP:
		l->startup_vector = m->vector;
		__atomic_store_n(&l->startup, true, __ATOMIC_SEQ_CST);
		break;
	default:
		return 0;
	}
	vcpu_kick(l->v);
	return taken;
}

int lapic_deliver(struct vm *vm, const struct apic_message *m)
{
	int taken = -1;

	for (unsigned int i = 0; i < VMM_MAX_VCPUS; i++) {
		struct vcpu *v = __atomic_load_n(&vm->vcpus[i], __ATOMIC_ACQUIRE);

		if (!v || !v->lapic || !matches(v->lapic, m))
			continue;
		taken = max(taken, 0) + take_message(v->lapic, m);
		if (m->mode == APIC_LOWEST && taken)
			break; /* one of those that match: any will do */
	}
	return taken;
}

/* A write to ICR: bits as in SDM 3A 11.6.1. */
static void send_ipi(struct lapic *l, u32 low, u32 dest)
{
	struct apic_message m = { .low = low & ~ICR_LEVEL_TRIGGERED, .dest = dest, .from = l };

	/* level de-assert of INIT: nothing on a CPU since the Pentium */
	if (m.mode != APIC_INIT || (low & 0xc000) != 0x8000)
		lapic_deliver(l->v->vm, &m);
}

/* ---- INIT and SIPI, done by the vCPU itself ---- */

bool lapic_init_pending(struct vcpu *v)
{
	struct lapic *l = v->lapic;
	bool waits = v->mp_state == KVM_MP_STATE_INIT_RECEIVED;

	return l && (READ_ONCE(l->init) || (READ_ONCE(l->startup) && waits));
}

/* What nobody can change: the version, and in x2APIC mode who it is (SDM 3A 11.12.10.2). */
static void set_identity(struct lapic *l)
{
	u32 id = l->v->id;

	*reg(l, A_VERSION) = VERSION_VALUE;
	if (!x2apic(l))
		return;
	*reg(l, A_ID) = id << 24;
	*reg(l, A_LDR) = id >> 4 << 16 | 1U << (id & 0xf);
}

static void reset_registers(struct lapic *l)
{
	SPIN_GUARD(&l->lock);
	memset(l->regs + A_VERSION, 0, sizeof(l->regs) - A_VERSION); /* A_ID stays */
	set_identity(l);
	*reg(l, A_DFR) = 0xffffffff;
	*reg(l, A_SVR) = 0xff;
	for (unsigned int i = A_LVT_TIMER; i <= A_LVT_ERROR; i += 0x10)
		*reg(l, i) = LVT_MASKED;
	if (l->v->id == 0) /* as firmware leaves it: the PIC gets through */
		*reg(l, A_LVT_LINT0) = APIC_EXTINT << 8;
	l->period = 0;
}

void lapic_take_init(struct vcpu *v)
{
	struct lapic *l = v->lapic;

	if (!l)
		return;
	if (READ_ONCE(l->init) && __atomic_exchange_n(&l->init, false, __ATOMIC_SEQ_CST)) {
		timer_cancel(&l->timer);
		reset_registers(l);
		vcpu_reset(v);
		v->mp_state = v->id ? KVM_MP_STATE_INIT_RECEIVED : KVM_MP_STATE_RUNNABLE;
	}
	if (v->mp_state == KVM_MP_STATE_INIT_RECEIVED &&
	    __atomic_exchange_n(&l->startup, false, __ATOMIC_SEQ_CST)) {
		vcpu_start_at(v, l->startup_vector);
		v->mp_state = KVM_MP_STATE_RUNNABLE;
	}
}

/* ---- timer ---- */

static unsigned int divider(struct lapic *l)
{
	u32 d = *reg(l, A_TIMER_DIV);
	unsigned int shift = (((d & 3) | (d >> 1 & 4)) + 1) & 7;

	return 1U << shift;
}

static void timer_fired(struct timer *t)
{
	struct lapic *l = container_of(t, struct lapic, timer);
	u64 now = clock_ns();
	u32 lvt;

	spin_lock(&l->lock);
	lvt = *reg(l, A_LVT_TIMER);
	if (!(lvt & LVT_MASKED))
		set_irr(l, lvt, false);
	if ((lvt & TIMER_MODES) == TIMER_PERIODIC && l->period) {
		l->expires += l->period;
		if (l->expires <= now) /* ticks that nobody could see are not made up for */
			l->expires = now + l->period;
		timer_start(t, l->expires);
	}
	spin_unlock(&l->lock);
	vcpu_kick(l->v);
}

/* The initial count was written. */
static void write_count(struct lapic *l, unsigned int offset, u64 count)
{
	bool periodic;

	timer_cancel(&l->timer);
	SPIN_GUARD(&l->lock);
	*reg(l, A_TIMER_INIT) = count;
	periodic = (*reg(l, A_LVT_TIMER) & TIMER_MODES) == TIMER_PERIODIC;
	l->period = count * divider(l);
	if (periodic && count)
		l->period = max(l->period, PERIOD_MIN);
	l->expires = clock_ns() + l->period;
	if (count)
		timer_start(&l->timer, l->expires);
}

static u32 timer_count(struct lapic *l)
{
	u64 now = clock_ns();

	if (!l->period || now >= l->expires)
		return 0;
	return (l->expires - now) / divider(l);
}

/* ---- registers ---- */

static void end_of_interrupt(struct lapic *l, unsigned int offset, u64 value)
{
	struct irqchip *chip = l->v->vm->irqchip;
	bool level = false;
	int vector;

	spin_lock(&l->lock);
	/* LAB 11: begin
	 * The guest wrote EOI: the highest vector in service (ISR) has ended. level: its bit in the trigger
	 * mode register (A_TMR) says that it came by a wire that may still be up, so that the I/O APIC has
	 * to hear of it, below. An EOI with nothing in service does nothing: vector is -1.
	 * starter: vector = -1;
	 */
	vector = highest(l, A_ISR);
	if (vector >= 0) {
		u32 bit = 1U << (vector & 31);

		*vector_word(l, A_ISR, vector) &= ~bit;
		level = *vector_word(l, A_TMR, vector) & bit;
	}
	/* LAB 11: end */
	spin_unlock(&l->lock);
	if (level) {
		SPIN_GUARD(&chip->lock);
		ioapic_eoi(chip, vector);
	}
}

static void write_lvt(struct lapic *l, unsigned int offset, u64 value)
{
	bool mode_changed = offset == A_LVT_TIMER && ((value ^ *reg(l, offset)) & TIMER_MODES);

	if (mode_changed)
		timer_cancel(&l->timer);
	SPIN_GUARD(&l->lock);
	if (!(*reg(l, A_SVR) & SVR_ENABLED))
		value |= LVT_MASKED;
	*reg(l, offset) = value;
	if (mode_changed) { /* the count stops until the next initial count */
		*reg(l, A_TIMER_INIT) = 0;
		l->period = 0;
	}
}

static void write_svr(struct lapic *l, unsigned int offset, u64 value)
{
	SPIN_GUARD(&l->lock);
	*reg(l, A_SVR) = value & 0x1ff;
	for (unsigned int i = A_LVT_TIMER; i <= A_LVT_ERROR && !(value & SVR_ENABLED); i += 0x10)
		*reg(l, i) |= LVT_MASKED;
}

static void write_icr(struct lapic *l, unsigned int offset, u64 value)
{
	u32 *high = reg(l, A_ICR_HIGH);

	if (x2apic(l))
		*high = value >> 32;
	*reg(l, A_ICR) = value & ~ICR_PENDING;
	send_ipi(l, value, x2apic(l) ? *high : apic_dest(*high >> 24));
}

static void write_self_ipi(struct lapic *l, unsigned int offset, u64 value)
{
	send_ipi(l, value | ICR_SELF, 0);
}

/*
 * Registers that can be written, from first to last: in which modes, which bits, and those that are always 1. Other
 * bits are lost in xAPIC mode, and fault in x2APIC mode. Without a function what is written is kept.
 */
enum { XAPIC = 1, X2APIC = 2, BOTH = XAPIC | X2APIC };
static const struct writable {
	u16 first, last, modes;
	u32 ones;
	u64 bits;
	void (*write)(struct lapic *l, unsigned int offset, u64 value);
} writables[] = {
	{ A_ID, A_ID, XAPIC, 0, 0xff000000, NULL },
	{ A_TPR, A_TPR, BOTH, 0, 0xff, NULL },
	{ A_EOI, A_EOI, BOTH, 0, 0, end_of_interrupt },
	{ A_LDR, A_LDR, XAPIC, 0, 0xff000000, NULL },
	{ A_DFR, A_DFR, XAPIC, 0x0fffffff, 0xf0000000, NULL },
	{ A_SVR, A_SVR, BOTH, 0, 0x3ff, write_svr },
	{ A_ESR, A_ESR, BOTH, 0, 0, NULL },
	{ A_ICR, A_ICR, X2APIC, 0, 0xffffffff000cdfff, write_icr }, /* with the destination */
	{ A_ICR, A_ICR, XAPIC, 0, 0xffffffff, write_icr }, /* all can be read back, as on Linux */
	{ A_ICR_HIGH, A_ICR_HIGH, XAPIC, 0, 0xff000000, NULL },
	{ A_LVT_TIMER, A_LVT_ERROR, BOTH, 0, 0x7f7ff, write_lvt },
	{ A_TIMER_INIT, A_TIMER_INIT, BOTH, 0, 0xffffffff, write_count },
	{ A_TIMER_DIV, A_TIMER_DIV, BOTH, 0, 0xb, NULL },
	{ A_SELF_IPI, A_SELF_IPI, X2APIC, 0, 0xff, write_self_ipi },
};

/* offset is a multiple of 16. -EINVAL: not to be written in this mode, or not with these bits. */
static int write_register(struct lapic *l, unsigned int offset, u64 value)
{
	const struct writable *w = writables, *end = w + ARRAY_SIZE(writables);
	u16 mode = x2apic(l) ? X2APIC : XAPIC;

	while (w < end && (offset < w->first || offset > w->last || !(w->modes & mode)))
		w++;
	if (w == end || (mode == X2APIC && (value & ~w->bits)))
		return -EINVAL;
	value = (value & w->bits) | w->ones;
	if (w->write)
		w->write(l, offset, value);
	else
		*reg(l, offset) = value;
	return 0;
}

static u32 read_register(struct lapic *l, unsigned int offset)
{
	if (offset == A_TIMER_NOW)
		return timer_count(l);
	if (offset == A_PPR)
		return processor_priority(l);
	if (offset == A_ID && x2apic(l))
		return l->v->id;
	return offset < KVM_APIC_REG_SIZE ? *reg(l, offset) : 0;
}

/* The page of an APIC that is off, or in x2APIC mode, is a hole. */
bool lapic_mmio(struct vcpu *v, u64 gpa, u8 size, bool write, u64 *value)
{
	struct lapic *l = v->lapic;
	unsigned int offset = gpa & (PAGE_SIZE - 1);

	if (!l || gpa - (l->base & BASE_ADDR) >= PAGE_SIZE)
		return false;
	if ((l->base & BASE_MODE) != BASE_ENABLED)
		*value = ~0U;
	else if (write && size == 4 && !(offset & 0xf))
		write_register(l, offset, (u32)*value);
	else if (!write)
		*value = (offset & 0xf) < 4 ? read_register(l, offset & ~0xfU) >> 8 * (offset & 3)
					    : 0;
	return true;
}

/* By number: ID VERSION TPR PPR LDR SVR; ISR to ESR; ICR, the LVT to TIMER_NOW, TIMER_DIV (SDM 3A, table 11-6). */
#define X2APIC_READABLE (0xa50cUL | 0x1ffffffUL << 0x10 | BIT(0x30) | 0xffUL << 0x32 | BIT(0x3e))

int lapic_msr(struct vcpu *v, u32 msr, u64 *value, bool write, bool host)
{
	struct lapic *l = v->lapic;
	unsigned int n = msr - MSR_X2APIC;

	if (!l || !x2apic(l) || (!write && !(X2APIC_READABLE & BIT(n))))
		return -EINVAL;
	if (write)
		return write_register(l, n << 4, *value);
	*value = read_register(l, n << 4);
	if (n << 4 == A_ICR)
		*value |= (u64)*reg(l, A_ICR_HIGH) << 32;
	return 0;
}

/* ---- for the rest of vmm/ ---- */

u8 lapic_get_tpr(struct vcpu *v)
{
	return v->lapic ? *reg(v->lapic, A_TPR) : 0;
}

void lapic_set_tpr(struct vcpu *v, u8 tpr)
{
	if (v->lapic)
		*reg(v->lapic, A_TPR) = tpr;
}

u64 lapic_get_base(struct vcpu *v)
{
	return v->lapic ? v->lapic->base : 0;
}

/*
 * -EINVAL for reserved bits, and a mode that is not there; for the guest also one that its present mode does not
 * lead to: x2APIC mode begins in xAPIC mode, and ends with the APIC off (SDM 3A 11.12.5).
 */
int lapic_base_msr(struct vcpu *v, u32 msr, u64 *value, bool write, bool host)
{
	struct lapic *l = v->lapic;
	const struct kvm_cpuid_entry2 *one = cpuid_find(v, 1, 0);
	u64 old = lapic_get_base(v) & BASE_MODE, base = *value, mode = base & BASE_MODE;

	if (!write)
		*value = lapic_get_base(v);
	if (!l || !write)
		return 0;
	if ((base & ~(BASE_ADDR | BASE_MODE | BASE_BSP)) || mode == BASE_X2APIC ||
	    ((mode & BASE_X2APIC) && !(one && (one->ecx & CPUID_1_ECX_X2APIC))))
		return -EINVAL;
	if (!host && ((mode == BASE_MODE && !old) || (mode == BASE_ENABLED && old == BASE_MODE)))
		return -EINVAL;
	l->base = base;
	if (mode != old)
		*reg(l, A_ID) = v->id << 24;
	set_identity(l);
	return 0;
}

int lapic_state(struct vcpu *v, void *arg, bool set)
{
	struct lapic *l = v->lapic;

	if (!l)
		return -EINVAL;
	spin_lock(&l->lock);
	ioctl_move(l->regs, arg, sizeof(l->regs), set);
	set_identity(l);
	spin_unlock(&l->lock);
	if (set)
		write_count(l, A_TIMER_INIT, *reg(l, A_TIMER_INIT));
	return 0;
}

int lapic_create(struct vcpu *v)
{
	struct lapic *l = kzalloc(sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->v = v;
	spin_init(&l->lock);
	timer_init(&l->timer, timer_fired);
	l->base = 0xfee00000 | BASE_ENABLED | (v->id ? 0 : BASE_BSP);
	*reg(l, A_ID) = v->id << 24;
	reset_registers(l);
	v->lapic = l;
	return 0;
}

void lapic_free(struct vcpu *v)
{
	if (v->lapic)
		timer_cancel(&v->lapic->timer);
	kfree(v->lapic);
}
