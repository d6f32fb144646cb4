/* SPDX-License-Identifier: MIT */
/*
 * A vCPU's file: its ioctls other than KVM_RUN move architectural state in and out, in Linux's
 * structures (<linux/kvm.h>). General registers live in struct vcpu; segments and control registers
 * are read from the hardware's own structure when somebody asks.
 */
#include "vmm/irqchip/irqchip.h"
#include "vmm/vmm.h"

u32 segment_rights(const struct kvm_segment *s)
{
	if (s->unusable || !s->present)
		return SEGMENT_UNUSABLE;
	return (s->type & 0xf) | (s->s & 1) << 4 | (s->dpl & 3) << 5 | 1 << 7 | (s->avl & 1) << 12 |
	       (s->l & 1) << 13 | (s->db & 1) << 14 | (s->g & 1) << 15;
}

void segment_set_rights(struct kvm_segment *s, u32 rights)
{
	s->type = rights & 0xf;
	s->s = (rights >> 4) & 1;
	s->dpl = (rights >> 5) & 3;
	s->present = (rights & BIT(7)) && !(rights & SEGMENT_UNUSABLE);
	s->unusable = !s->present;
	s->avl = (rights >> 12) & 1;
	s->l = (rights >> 13) & 1;
	s->db = (rights >> 14) & 1;
	s->g = (rights >> 15) & 1;
}

static struct kvm_segment *sregs_segment(struct kvm_sregs *s, enum vmm_seg i)
{
	struct kvm_segment *const by_name[] = { &s->es, &s->cs, &s->ss,  &s->ds,
						&s->fs, &s->gs, &s->ldt, &s->tr };
	return by_name[i];
}

/* Only what a guest could have made itself; the hardware checks the rest at entry (FAIL_ENTRY). */
static bool sregs_valid(struct vcpu *v, const struct kvm_sregs *s)
{
	bool paging = s->cr0 & CR0_PG, lme = s->efer & EFER_LME, lma = s->efer & EFER_LMA;

	/* CR3 may not be wider than an address; PCID is not offered */
	return !(s->cr0 >> 32) && !(s->efer & ~EFER_GUEST) && !(s->cr4 & ~cr4_guest_mask(v)) &&
	       (!paging || (s->cr0 & CR0_PE)) && (!lma || !(s->cr3 >> guest_phys_bits(v))) &&
	       (!paging || !lme || ((s->cr4 & CR4_PAE) && lma)) && (paging || !lma);
}

static void move_table(struct vcpu *v, enum vmm_seg i, struct kvm_dtable *t, bool set)
{
	struct kvm_segment s = { .base = t->base, .limit = t->limit };

	if (set)
		vmm->set_segment(v, i, &s);
	else
		vmm->get_segment(v, i, &s);
	t->base = s.base;
	t->limit = s.limit;
}

void move_field(struct vcpu *v, enum vmm_field f, void *value, bool set)
{
	u64 kept = vmm->get(v, f);

	ioctl_move(&kept, value, sizeof(kept), set);
	if (set)
		vmm->set(v, f, kept);
}

static int move_sregs(struct vcpu *v, void *arg, bool set)
{
	struct kvm_sregs *s = arg;

	if (set && (!sregs_valid(v, s) || lapic_base_msr(v, 0, (u64 *)&s->apic_base, true, true)))
		return -EINVAL;
	for (enum vmm_seg i = SEG_ES; i <= SEG_TR; i++)
		if (set)
			vmm->set_segment(v, i, sregs_segment(s, i));
		else
			vmm->get_segment(v, i, sregs_segment(s, i));
	move_table(v, SEG_GDT, &s->gdt, set);
	move_table(v, SEG_IDT, &s->idt, set);
	move_field(v, VF_EFER, &s->efer, set);
	move_field(v, VF_CR0, &s->cr0, set);
	move_field(v, VF_CR4, &s->cr4, set);
	move_field(v, VF_CR3, &s->cr3, set);
	ioctl_move(&v->regs.cr2, &s->cr2, sizeof(s->cr2), set);
	if (set) {
		lapic_set_tpr(v, s->cr8 << 4);
		v->user_irq = -1; /* else the highest of the bitmap */
		for (unsigned int i = 0; i < 256 && !v->lapic; i++)
			if (s->interrupt_bitmap[i / 64] & BIT(i % 64))
				v->user_irq = i;
		return 0;
	}
	s->cr8 = lapic_get_tpr(v) >> 4;
	s->apic_base = lapic_get_base(v);
	if (v->user_irq >= 0)
		s->interrupt_bitmap[v->user_irq / 64] = BIT(v->user_irq % 64);
	return 0;
}

static void set_real_segment(struct vcpu *v, enum vmm_seg i, u16 selector, u64 base, u8 type)
{
	struct kvm_segment s = { .base = base,
				 .limit = 0xffff,
				 .selector = selector,
				 .type = type,
				 .present = 1,
				 .s = i < SEG_LDT };

	vmm->set_segment(v, i, &s);
}

/* The guest's DR7. */
static void move_dr7(struct vcpu *v, void *value, bool set)
{
	if (v->debug & KVM_GUESTDBG_USE_HW_BP)
		ioctl_move(&v->guest_dr7, value, sizeof(u64), set);
	else
		move_field(v, VF_DR7, value, set);
}

/* The state after INIT (SDM 3A, table 10-1). FPU, MSRs and the TSC keep their values. */
void vcpu_reset(struct vcpu *v)
{
	struct kvm_segment table = { .limit = 0xffff };
	u64 dr7 = DR7_FIXED;

	memset(v->regs.gpr, 0, sizeof(v->regs.gpr));
	v->regs.gpr[R_RDX] = 0x600; /* family 6: what leaf 1 says is the monitor's business */
	v->regs.rip = 0xfff0;
	v->regs.rflags = RFLAGS_FIXED;
	v->regs.cr2 = 0;
	v->event.valid = false;
	v->dr6 = DR6_INIT;
	vmm->set(v, VF_EFER, 0);
	vmm->set(v, VF_CR0, CR0_ET);
	vmm->set(v, VF_CR3, 0);
	vmm->set(v, VF_CR4, 0);
	move_dr7(v, &dr7, true);
	vmm->set(v, VF_INTR_SHADOW, 0);
	for (enum vmm_seg i = SEG_ES; i <= SEG_GS; i++)
		set_real_segment(v, i, 0, 0, 3);
	set_real_segment(v, SEG_CS, 0xf000, 0xffff0000, 11);
	set_real_segment(v, SEG_TR, 0, 0, 11);
	set_real_segment(v, SEG_LDT, 0, 0, 2);
	vmm->set_segment(v, SEG_GDT, &table);
	vmm->set_segment(v, SEG_IDT, &table);
}

/* SIPI: real mode at vector * 4 KiB (SDM 3A 9.4). */
void vcpu_start_at(struct vcpu *v, u8 vector)
{
	set_real_segment(v, SEG_CS, vector << 8, vector << 12, 11);
	v->regs.rip = 0;
}

/* struct kvm_regs begins with the registers in this order, each 8 bytes; then come RIP and RFLAGS. */
static const u8 kvm_order[16] = { R_RAX, R_RBX, R_RCX, R_RDX, R_RSI, R_RDI, R_RSP, R_RBP,
				  8,     9,     10,    11,    12,    13,    14,    15 };

static int move_regs(struct vcpu *v, void *arg, bool set)
{
	struct kvm_regs *r = arg;

	for (int i = 0; i < 16; i++)
		ioctl_move(&v->regs.gpr[kvm_order[i]], &r->rax + i, 8, set);
	ioctl_move(&v->regs.rip, &r->rip, 8, set);
	ioctl_move(&v->regs.rflags, &r->rflags, 8, set);
	if (set) {
		v->regs.rflags &= 0x3f7fd7; /* bits that are always 0 stay 0 */
		v->regs.rflags |= RFLAGS_FIXED;
		v->event.valid = false; /* what was under way belonged to the old state */
	}
	return 0;
}

#define FX_MXCSR 24

/* struct kvm_fpu is the FXSAVE image with its fields named (SDM 1, table 10-2). */
static int move_fpu(struct vcpu *v, void *arg, bool set)
{
	struct kvm_fpu *f = arg;

	if (set && (f->mxcsr & ~0xffffU)) /* reserved bits would fault in FXRSTOR */
		return -EINVAL;
	fpu_spell_out(v->fpu);
	/* from FCW to the data pointer the two are alike */
	ioctl_move(v->fpu, &f->fcw, offsetof(struct kvm_fpu, xmm) - offsetof(struct kvm_fpu, fcw),
		   set);
	ioctl_move(v->fpu + FX_MXCSR, &f->mxcsr, sizeof(f->mxcsr), set);
	ioctl_move(v->fpu + 32, f->fpr, sizeof(f->fpr), set);
	ioctl_move(v->fpu + 160, f->xmm, sizeof(f->xmm), set);
	if (set && fpu_xcr0) /* the XSAVE header must say that the two are there */
		*(u64 *)(v->fpu + 512) |= 3;
	return 0;
}

#define XSAVE_HEADER 512 /* SDM 1, 13.4.2: XSTATE_BV, then seven words that are 0 here */

static int move_xsave(struct vcpu *v, void *arg, bool set)
{
	struct kvm_xsave *x = arg;
	u64 *header = arg + XSAVE_HEADER, wrong = header[0] & ~(fpu_xcr0 | 3);

	for (int i = 1; i < 8; i++)
		wrong |= header[i];
	if (set && (wrong || (x->region[FX_MXCSR / 4] & ~0xffffU))) /* XRSTOR would fault */
		return -EINVAL;
	fpu_spell_out(v->fpu);
	ioctl_move(v->fpu, x, fpu_size, set);
	if (!set && !fpu_xcr0)
		*header = 3;
	return 0;
}

/* KVM_GET_XCRS, KVM_SET_XCRS: there is one, XCR0, where there is XSAVE. */
static int move_xcrs(struct vcpu *v, void *arg, bool set)
{
	struct kvm_xcrs *x = arg;

	if (!set) {
		x->nr_xcrs = fpu_xcr0 != 0;
		x->xcrs[0].value = v->xcr0;
		return 0;
	}
	if (!fpu_xcr0 || x->nr_xcrs > KVM_MAX_XCRS || x->flags)
		return -EINVAL;
	for (u32 i = 0; i < x->nr_xcrs; i++)
		if (x->xcrs[i].xcr == 0) {
			if (!xcr0_valid(v, x->xcrs[i].value))
				return -EINVAL;
			v->xcr0 = x->xcrs[i].value;
			break;
		}
	return 0;
}

static int move_debugregs(struct vcpu *v, void *arg, bool set)
{
	struct kvm_debugregs *d = arg;

	if (set && (d->flags || d->dr6 >> 32 || d->dr7 >> 32))
		return -EINVAL;
	ioctl_move(v->dr, d->db, sizeof(v->dr), set);
	ioctl_move(&v->dr6, &d->dr6, sizeof(v->dr6), set);
	if (set)
		d->dr7 |= DR7_FIXED;
	move_dr7(v, &d->dr7, set);
	v->dr_used |= set; /* breakpoints count from now on */
	vmm->set(v, VF_DR_INTERCEPT, !v->dr_used || v->debug & KVM_GUESTDBG_USE_HW_BP);
	return 0;
}

static int get_events(struct vcpu *v, void *arg, bool set)
{
	struct kvm_vcpu_events *e = arg;
	bool exception = v->event.valid && v->event.type == EVENT_EXCEPTION;
	bool intr = v->event.valid && v->event.type == EVENT_INTR;

	*e = (struct kvm_vcpu_events){ 0 };
	e->exception.injected = exception;
	e->exception.nr = exception ? v->event.vector : 0;
	e->exception.has_error_code = exception && v->event.has_error;
	e->exception.error_code = exception ? v->event.error : 0;
	e->interrupt.injected = intr;
	e->interrupt.nr = intr ? v->event.vector : 0;
	e->interrupt.shadow = vmm->get(v, VF_INTR_SHADOW) ? KVM_X86_SHADOW_INT_STI : 0;
	e->nmi.injected = v->event.valid && v->event.type == EVENT_NMI;
	e->nmi.pending = READ_ONCE(v->nmi_pending);
	e->nmi.masked = vmm->get(v, VF_NMI_BLOCKED);
	e->flags = KVM_VCPUEVENT_VALID_SHADOW | KVM_VCPUEVENT_VALID_NMI_PENDING;
	return 0;
}

static int set_events(struct vcpu *v, void *arg, bool set)
{
	const struct kvm_vcpu_events *e = arg;

	if (e->flags & ~(KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SIPI_VECTOR |
			 KVM_VCPUEVENT_VALID_SHADOW))
		return -EINVAL;
	if (e->exception.injected && (e->exception.nr > 31 || e->exception.nr == VEC_NMI))
		return -EINVAL;
	v->event = (struct vmm_event){ 0 };
	if (e->exception.injected)
		v->event = exception(e->exception.nr, e->exception.has_error_code,
				     e->exception.error_code);
	else if (e->nmi.injected)
		v->event = (struct vmm_event){ .valid = 1, .type = EVENT_NMI, .vector = VEC_NMI };
	else if (e->interrupt.injected)
		v->event = (struct vmm_event){ .valid = true, .vector = e->interrupt.nr };
	vmm->set(v, VF_NMI_BLOCKED, e->nmi.masked);
	if (e->flags & KVM_VCPUEVENT_VALID_NMI_PENDING)
		__atomic_store_n(&v->nmi_pending, e->nmi.pending, __ATOMIC_SEQ_CST);
	if (e->flags & KVM_VCPUEVENT_VALID_SHADOW)
		vmm->set(v, VF_INTR_SHADOW, v->shadow = e->interrupt.shadow != 0);
	return 0;
}

/* KVM_SET_GUEST_DEBUG. -EINVAL: not of what KVM_CAP_SET_GUEST_DEBUG2 says. */
static int set_guest_debug(struct vcpu *v, void *arg, bool set)
{
	const struct kvm_guest_debug *d = arg;
	u64 dr7;

	if (d->control & ~VMM_DEBUG)
		return -EINVAL;
	v->stepped = false;
	move_dr7(v, &dr7, false);
	v->debug = d->control & KVM_GUESTDBG_ENABLE ? d->control : 0;
	move_dr7(v, &dr7, true);
	memcpy(v->debug_dr, d->arch.debugreg, sizeof(v->debug_dr));
	if (v->debug & KVM_GUESTDBG_USE_HW_BP) {
		vmm->set(v, VF_DR7, (u32)d->arch.debugreg[7] | DR7_FIXED);
		v->dr_used = true;
	}
	vmm->set(v, VF_DR_INTERCEPT, !v->dr_used || v->debug & KVM_GUESTDBG_USE_HW_BP);
	vmm->set(v, VF_EXCEPTIONS,
		 VMM_EXCEPTIONS | (v->debug & KVM_GUESTDBG_USE_SW_BP ? BIT(VEC_BP) : 0));
	return 0;
}

/* KVM_GET_MSRS, KVM_SET_MSRS: the number done before the first that failed. */
static long do_msrs(struct vcpu *v, struct kvm_msrs __user *arg, bool set)
{
	struct kvm_msr_entry e;
	u32 n;

	if (get_user(n, (u32 __user *)arg))
		return -EFAULT;
	if (n > 256)
		return -E2BIG;
	for (u32 i = 0; i < n; i++) {
		if (get_user(e, &arg->entries[i]))
			return -EFAULT;
		if (msr_access(v, e.index, (u64 *)&e.data, set, true))
			return i;
		if (!set && put_user(e, &arg->entries[i]))
			return -EFAULT;
	}
	return n;
}

/* KVM_SET_CPUID2, KVM_GET_CPUID2. A CPU that has run does not change: it takes the same list again. */
static long move_cpuid(struct vcpu *v, struct kvm_cpuid2 __user *arg, bool set)
{
	bool ran = v->seen_gen;
	u32 n;

	if (get_user(n, (u32 __user *)arg))
		return -EFAULT;
	if (set ? n > VMM_MAX_CPUID : n < v->nr_cpuid)
		return -E2BIG;
	if (set && ran && n != v->nr_cpuid)
		return -EINVAL;
	n = v->nr_cpuid = set ? n : v->nr_cpuid;
	for (u32 i = 0; i < n; i++) {
		struct kvm_cpuid_entry2 own = v->cpuid[i], e = own;

		cpuid_own(v, &own);
		if (set ? get_user(e, &arg->entries[i]) : put_user(own, &arg->entries[i]))
			return -EFAULT;
		v->cpuid[i] = ran ? v->cpuid[i] : e;
		cpuid_own(v, &e);
		if (ran && memcmp(&e, &own, offsetof(struct kvm_cpuid_entry2, padding)))
			return -EINVAL;
	}
	return set ? 0 : put_user(n, &arg->nent);
}

/* KVM_SET_SIGNAL_MASK: the signals that are blocked during KVM_RUN; NULL: as outside. */
static long set_sigmask(struct vcpu *v, struct kvm_signal_mask __user *arg)
{
	u32 len;

	v->has_sigmask = false;
	if (!arg)
		return 0;
	if (get_user(len, &arg->len))
		return -EFAULT;
	if (len != sizeof(v->sigmask))
		return -EINVAL;
	if (copy_from_user(&v->sigmask, arg->sigset, sizeof(v->sigmask)))
		return -EFAULT;
	v->has_sigmask = true;
	return 0;
}

static long run(struct vcpu *v)
{
	long r;

	if (!v->has_sigmask)
		return vcpu_run(v);
	sigmask_begin(v->sigmask);
	r = vcpu_run(v);
	sigmask_end(false);
	return r;
}

static int user_nmi(struct vcpu *v, void *arg, bool set)
{
	__atomic_store_n(&v->nmi_pending, true, __ATOMIC_SEQ_CST);
	return 0;
}

static int move_mp_state(struct vcpu *v, void *arg, bool set)
{
	struct kvm_mp_state *s = arg;

	if (set && (s->mp_state > KVM_MP_STATE_SIPI_RECEIVED || (!v->lapic && s->mp_state)))
		return -EINVAL;
	ioctl_move(&v->mp_state, &s->mp_state, sizeof(s->mp_state), set);
	return 0;
}

static int user_interrupt(struct vcpu *v, void *arg, bool set)
{
	const struct kvm_interrupt *i = arg;

	if (i->irq > 255 || v->lapic)
		return i->irq > 255 ? -EINVAL : -ENXIO;
	v->user_irq = i->irq; /* a second one takes the place of the first, as on Linux */
	return 0;
}

/* KVM_CAP_VAPIC is not offered, but monitors turn it off when they begin. */
static int set_vapic(struct vcpu *v, void *arg, bool set)
{
	return ((struct kvm_vapic_addr *)arg)->vapic_addr || !v->lapic ? -EINVAL : 0;
}

/* Each moves one structure out of the vCPU or, set, into it. */
static const struct {
	unsigned int get, set;
	int (*move)(struct vcpu *v, void *arg, bool set);
} moves[] = {
	{ KVM_GET_REGS, KVM_SET_REGS, move_regs },
	{ KVM_GET_SREGS, KVM_SET_SREGS, move_sregs },
	{ KVM_GET_FPU, KVM_SET_FPU, move_fpu },
	{ KVM_GET_XSAVE, KVM_SET_XSAVE, move_xsave },
	{ KVM_GET_XSAVE2, 0, move_xsave },
	{ KVM_GET_XCRS, KVM_SET_XCRS, move_xcrs },
	{ KVM_GET_DEBUGREGS, KVM_SET_DEBUGREGS, move_debugregs },
	{ KVM_GET_LAPIC, KVM_SET_LAPIC, lapic_state },
	{ KVM_GET_MP_STATE, KVM_SET_MP_STATE, move_mp_state },
	{ KVM_GET_VCPU_EVENTS, 0, get_events },
	{ 0, KVM_SET_VCPU_EVENTS, set_events },
	{ 0, KVM_SET_GUEST_DEBUG, set_guest_debug },
	{ 0, KVM_NMI, user_nmi },
	{ 0, KVM_INTERRUPT, user_interrupt },
	{ 0, KVM_SET_VAPIC_ADDR, set_vapic },
};

static long move_state(void *obj, unsigned int cmd, void *arg, bool set)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(moves) && cmd; i++) /* 0 stands for none */
		if (cmd == moves[i].get || cmd == moves[i].set)
			return moves[i].move(obj, arg, set);
	return -EINVAL; /* what Linux answers on x86 */
}

static long vcpu_ioctl(struct file *f, unsigned int cmd, unsigned long arg)
{
	struct vcpu *v = f->priv;
	void __user *p = (void __user *)arg;
	long r;

	if (current_thread()->mm != v->vm->mm)
		return -EIO;
	MUTEX_GUARD(&v->lock);
	vcpu_load(v);
	if (cmd == KVM_RUN)
		r = arg ? -EINVAL : run(v);
	else if (cmd == KVM_GET_MSRS || cmd == KVM_SET_MSRS)
		r = do_msrs(v, p, cmd == KVM_SET_MSRS);
	else if (cmd == KVM_GET_CPUID2 || cmd == KVM_SET_CPUID2)
		r = move_cpuid(v, p, cmd == KVM_SET_CPUID2);
	else if (cmd == KVM_SET_SIGNAL_MASK)
		r = set_sigmask(v, p);
	else if (cmd == KVM_GET_TSC_KHZ)
		r = tsc_khz;
	else
		r = ioctl_struct(v, cmd, p, move_state);
	vcpu_unload(v);
	return r;
}

/* ---- the kvm_run page and the page of port data behind it ---- */

static void run_open(struct vma *vma)
{
	file_get(vma->file);
}

static void run_close(struct vma *vma)
{
	file_put(vma->file);
}

static struct frame *run_fault(struct vma *vma, u64 pgoff, bool write)
{
	struct vcpu *v = vma->priv;
	struct frame *f;

	if (pgoff >= VMM_RUN_PAGES)
		return ERR_PTR(-EIO);
	f = pgoff == KVM_COALESCED_MMIO_PAGE_OFFSET ? v->vm->ring : v->frame[pgoff];
	frame_get(f);
	return f;
}

static const struct vm_ops run_ops = { .open = run_open, .close = run_close, .fault = run_fault };

static int vcpu_mmap(struct file *f, struct vma *vma)
{
	vma->ops = &run_ops;
	vma->priv = f->priv;
	return 0;
}

static void vcpu_release(struct file *f)
{
	vm_put(((struct vcpu *)f->priv)->vm);
}

const struct file_ops vcpu_fops = {
	.release = vcpu_release,
	.ioctl = vcpu_ioctl,
	.mmap = vcpu_mmap,
};
