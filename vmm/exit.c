/* SPDX-License-Identifier: MIT */
/*
 * What an exit means, whoever made the CPU. Each handler returns 1 to enter the guest again, 0 to
 * return from KVM_RUN with v->run filled in, or -errno. Devices that live in user space get their
 * answer in two steps: the handler notes in v->wait what is missing, exit_complete() applies it when
 * the monitor calls KVM_RUN the next time.
 */
#include "vmm/irqchip/irqchip.h"
#include "vmm/vmm.h"

struct vmm_event exception(u8 vector, bool has_error, u32 error)
{
	return (struct vmm_event){ .valid = true,
				   .vector = vector,
				   .type = EVENT_EXCEPTION,
				   .has_error = has_error,
				   .error = error };
}

/* Software interrupts need no help: RIP still points at the instruction, which runs again. */
void exit_save_event(struct vcpu *v, u32 info, u32 error)
{
	struct vmm_event e = { .info = info };

	e.reserved = 0;
	e.error = e.has_error ? error : 0;
	if (e.type > EVENT_EXCEPTION)
		return;
	v->event = e;
	if (e.type == EVENT_NMI)
		vmm->set(v, VF_NMI_BLOCKED, 0);
}

static int inject_gp(struct vcpu *v, struct vmm_exit *x)
{
	v->event = exception(VEC_GP, true, 0);
	return 1;
}

int inject_ud(struct vcpu *v, struct vmm_exit *x)
{
	v->event = exception(VEC_UD, false, 0);
	return 1;
}

/* ---- the instruction at RIP ---- */

static unsigned int code_bits(struct vcpu *v, struct kvm_segment *cs)
{
	vmm->get_segment(v, SEG_CS, cs);
	if ((vmm->get(v, VF_EFER) & EFER_LMA) && cs->l)
		return 64;
	return cs->db ? 32 : 16;
}

int decode_current(struct vcpu *v, struct insn *in)
{
	struct kvm_segment cs;
	unsigned int bits = code_bits(v, &cs);
	u64 at = bits == 64 ? v->regs.rip : (u32)(cs.base + v->regs.rip), gpa;
	size_t n = 0, part;
	u8 code[INSN_MAX];

	/* A page that is not there matters only if the instruction reaches it. */
	for (; n < INSN_MAX && !guest_translate(v, at + n, 0, &gpa); n += part) {
		part = min(INSN_MAX - n, (size_t)(PAGE_SIZE - (gpa & ~PAGE_MASK)));
		if (guest_copy(v->vm, gpa, code + n, part, false))
			break;
	}
	return insn_decode(code, n, bits, in);
}

void goto_rip(struct vcpu *v, u64 rip)
{
	struct kvm_segment cs;

	if ((rip ^ v->regs.rip) >> 32 && code_bits(v, &cs) != 64)
		rip = (u32)rip;
	v->regs.rip = rip;
	if (v->shadow) {
		vmm->set(v, VF_INTR_SHADOW, 0);
		v->shadow = false;
	}
}

int give_up(struct vcpu *v, struct vmm_exit *x)
{
	v->run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	v->run->internal.suberror = KVM_INTERNAL_ERROR_EMULATION;
	v->run->internal.ndata = 2;
	v->run->internal.data[0] = x->reason;
	v->run->internal.data[1] = v->regs.rip;
	return 0;
}

/* Fills in x->next_rip where the hardware left it out. False: cannot tell. */
static bool know_length(struct vcpu *v, struct vmm_exit *x)
{
	struct insn in;

	if (x->next_rip)
		return true;
	if (decode_current(v, &in))
		return false;
	x->next_rip = v->regs.rip + in.len;
	return true;
}

static int skip(struct vcpu *v, struct vmm_exit *x)
{
	if (!know_length(v, x))
		return give_up(v, x);
	goto_rip(v, x->next_rip);
	return 1;
}

/* ---- ports and device memory ---- */

static void set_rax(struct vcpu *v, unsigned int size, u64 value)
{
	v->regs.gpr[R_RAX] = reg_value(v->regs.gpr[R_RAX], value, size);
}

void ask_port(struct vcpu *v, u16 port, u8 size, bool in, u32 count)
{
	struct kvm_run *run = v->run;

	/* LAB 09: begin
	 * The monitor in user space has to answer. Fill in v->run: exit_reason KVM_EXIT_IO, and io with
	 * direction, size, port, count, and data_offset, which is the distance of the data page v->pio from
	 * run: PAGE_SIZE.
	 * starter: (void)run;
	 * starter: pr_err("lab 09: ask_port() is not written yet");
	 */
	run->exit_reason = KVM_EXIT_IO;
	run->io.direction = in ? KVM_EXIT_IO_IN : KVM_EXIT_IO_OUT;
	run->io.size = size;
	run->io.port = port;
	run->io.count = count;
	run->io.data_offset = PAGE_SIZE;
	/* LAB 09: end */
}

static int do_io(struct vcpu *v, struct vmm_exit *x)
{
	/* LAB 09: begin
	 * An IN or OUT. String forms are emulate_string_io()'s affair; those whose length know_length() cannot
	 * find are given up (give_up).
	 * First the devices inside the kernel are asked: irqchip_io() is true when the port is theirs; it
	 * takes the value of an OUT (the low bytes of RAX) and gives that of an IN, for set_rax(). Then
	 * the guest goes on behind the instruction (goto_rip), and 1 is returned.
	 * Else ask_port() for one element, and return 0. For an OUT the data goes to v->pio, and RIP behind the
	 * instruction at once. For an IN the data is not there yet: note in v->wait what is missing
	 * (WAIT_IN, size, next_rip); exit_complete() does the rest when KVM_RUN is called again.
	 * starter: pr_err("lab 09: do_io() is not written yet");
	 * starter: return give_up(v, x);
	 */
	u32 value = v->regs.gpr[R_RAX];

	if (x->io.string)
		return emulate_string_io(v, x);
	if (!know_length(v, x))
		return give_up(v, x);
	if (irqchip_io(v->vm, x->io.port, x->io.size, x->io.in, &value)) {
		if (x->io.in)
			set_rax(v, x->io.size, value);
		goto_rip(v, x->next_rip);
		return 1;
	}
	ask_port(v, x->io.port, x->io.size, x->io.in, 1);
	if (x->io.in) {
		v->wait.kind = WAIT_IN;
		v->wait.size = x->io.size;
		v->wait.next_rip = x->next_rip;
	} else {
		memcpy(v->pio, &value, x->io.size);
		goto_rip(v, x->next_rip);
	}
	return 0;
	/* LAB 09: end */
}

int exit_complete(struct vcpu *v)
{
	u64 value = 0;

	v->stepped |= v->wait.kind != WAIT_NOTHING;
	if (v->wait.kind == WAIT_MMIO || v->wait.kind == WAIT_STRING_IN)
		return emulate_resume(v);
	if (v->wait.kind == WAIT_IN) {
		/* LAB 11: begin
		 * The second half of an IN: the monitor has put wait.size bytes at v->pio. They go to the lower
		 * part of RAX (set_rax() knows what becomes of the rest), and RIP behind the instruction.
		 * starter: (void)value;
		 * starter: goto_rip(v, v->wait.next_rip);
		 */
		memcpy(&value, v->pio, v->wait.size);
		set_rax(v, v->wait.size, value);
		goto_rip(v, v->wait.next_rip);
		/* LAB 11: end */
	}
	v->wait.kind = WAIT_NOTHING;
	return 1;
}

static int do_slat_fault(struct vcpu *v, struct vmm_exit *x)
{
	int err = memslot_fault(v->vm, x->mem.gpa, x->mem.write);

	return err == -ENXIO ? emulate_mmio(v, x) : err ? err : 1;
}

/* ---- control registers ---- */

static int guest_write_cr0(struct vcpu *v, u64 value)
{
	u64 efer = vmm->get(v, VF_EFER);
	bool paging = value & CR0_PG, lma = paging && (efer & EFER_LME);

	if ((value >> 32) || (paging && !(value & CR0_PE)) ||
	    ((value & CR0_NW) && !(value & CR0_CD)) || (lma && !(vmm->get(v, VF_CR4) & CR4_PAE)))
		return -EINVAL;
	vmm->set(v, VF_EFER, lma ? efer | EFER_LMA : efer & ~EFER_LMA);
	vmm->set(v, VF_CR0, value | CR0_ET);
	return 0;
}

static int guest_write_cr4(struct vcpu *v, u64 value)
{
	if ((value & ~cr4_guest_mask(v)) ||
	    (!(value & CR4_PAE) && (vmm->get(v, VF_EFER) & EFER_LMA)))
		return -EINVAL;
	vmm->set(v, VF_CR4, value);
	return 0;
}

static int write_cr(struct vcpu *v, u8 nr, u64 value)
{
	if (nr == 0)
		return guest_write_cr0(v, value);
	if (nr == 4)
		return guest_write_cr4(v, value);
	if (nr != 8 || value > 15)
		return -EINVAL;
	lapic_set_tpr(v, value << 4);
	return 0;
}

static u64 edx_eax(struct vcpu *v)
{
	return (u32)v->regs.gpr[R_RAX] | v->regs.gpr[R_RDX] << 32;
}

static int do_xsetbv(struct vcpu *v, struct vmm_exit *x)
{
	u64 value = edx_eax(v);

	if ((u32)v->regs.gpr[R_RCX] || !xcr0_valid(v, value))
		return inject_gp(v, x);
	v->xcr0 = value;
	xsetbv(0, value); /* the guest is swapped in */
	return skip(v, x);
}

/* A debug register: while they hold the monitor's breakpoints the guest has others. DR4 and DR5 are DR6 and DR7. */
static int move_dr(struct vcpu *v, u8 nr, bool write, u64 *value)
{
	u64 *dr;

	nr |= nr & 4 ? 2 : 0; /* SDM 3B 18.2.2 */
	dr = nr == 6 ? &v->dr6 : nr < 6 ? &v->dr[nr] : &v->guest_dr7;
	if (!write)
		*value = *dr;
	else if (nr >= 6 && *value >> 32)
		return -EINVAL;
	else
		*dr = nr < 6    ? *value
		      : nr == 6 ? (*value & DR6_BITS) | DR6_INIT
				: *value | DR7_FIXED;
	if (nr == 7 && !(v->debug & KVM_GUESTDBG_USE_HW_BP)) /* a write: reads do not exit */
		vmm->set(v, VF_DR7, *dr);
	return 0;
}

/* MOV of CRn or DRn. */
static int do_cr(struct vcpu *v, struct vmm_exit *x)
{
	struct insn in;
	u64 *reg;
	int err = 0;

	if (decode_current(v, &in) || in.op < INSN_CR_READ || in.op > INSN_DR_WRITE)
		return give_up(v, x);
	/* QEMU and Bochs exit first (SDM 3B 18.2.2). */
	if (in.op >= INSN_DR_READ && (in.cr & ~1) == 4 && (vmm->get(v, VF_CR4) & CR4_DE))
		return inject_ud(v, x);
	reg = &v->regs.gpr[in.reg];
	if (in.op >= INSN_DR_READ)
		err = move_dr(v, in.cr, in.op == INSN_DR_WRITE, reg);
	else if (in.op == INSN_CR_WRITE)
		err = write_cr(v, in.cr, *reg);
	else
		*reg = lapic_get_tpr(v) >> 4; /* CR8: the others do not exit */
	if (err)
		return inject_gp(v, x);
	goto_rip(v, v->regs.rip + in.len);
	return 1;
}

/* The debug registers were not the guest's so far: from now on they are, and the instruction runs again. */
static int do_dr(struct vcpu *v, struct vmm_exit *x)
{
	int ret = v->dr_used ? do_cr(v, x) : 1;

	vmm->set(v, VF_DR_INTERCEPT, v->debug & KVM_GUESTDBG_USE_HW_BP);
	irq_push();
	v->dr_used = true;
	vcpu_load_debug(v);
	irq_pop();
	return ret;
}

/* ---- the rest ---- */

static int do_hlt(struct vcpu *v, struct vmm_exit *x)
{
	/* LAB 09: begin
	 * The guest has nothing to do until an interrupt comes. RIP goes behind the HLT (skip(); when it
	 * returns 0, so do you). With an interrupt controller in the kernel (v->lapic) the vCPU waits
	 * there: its mp_state is KVM_MP_STATE_HALTED, and the run loop does the waiting. Without one only
	 * the monitor can have interrupts for it: KVM_EXIT_HLT.
	 * starter: pr_err("lab 09: do_hlt() is not written yet");
	 * starter: return give_up(v, x);
	 */
	if (skip(v, x) == 0)
		return 0;
	if (v->lapic) {
		v->mp_state = KVM_MP_STATE_HALTED;
		return 1;
	}
	v->run->exit_reason = KVM_EXIT_HLT;
	return 0;
	/* LAB 09: end */
}

int exit_debug(struct vcpu *v, u32 vector, u64 dr6)
{
	struct kvm_debug_exit_arch *d = &v->run->debug.arch;
	struct kvm_segment cs;

	vmm->get_segment(v, SEG_CS, &cs);
	d->exception = vector;
	d->pc = cs.base + v->regs.rip;
	d->dr6 = DR6_INIT | dr6 | (v->stepped ? BIT(14) : 0); /* BS */
	d->dr7 = vmm->get(v, VF_DR7);
	v->run->exit_reason = KVM_EXIT_DEBUG;
	v->stepped = false;
	return 0;
}

/* One that was the monitor's doing, or goes back into the guest. */
static int do_exception(struct vcpu *v, struct vmm_exit *x)
{
	u32 vector = x->exception.vector;

	if (vector == VEC_DB && (v->debug & VMM_DEBUG_DB))
		return exit_debug(v, vector, x->dr6);
	if (vector == VEC_BP && (v->debug & KVM_GUESTDBG_USE_SW_BP))
		return exit_debug(v, vector, 0);
	v->event = x->exception;
	return 1;
}

static int do_msr(struct vcpu *v, struct vmm_exit *x)
{
	bool write = x->kind == VX_WRMSR;
	u64 value = edx_eax(v);

	if (msr_access(v, v->regs.gpr[R_RCX], &value, write, false))
		return inject_gp(v, x);
	if (!write) {
		v->regs.gpr[R_RAX] = (u32)value;
		v->regs.gpr[R_RDX] = value >> 32;
	}
	return skip(v, x);
}

static int do_window(struct vcpu *v, struct vmm_exit *x)
{
	/* LAB 11: begin
	 * The guest could take an interrupt now. When the kernel has one for it, from its chips (v->lapic) or from
	 * KVM_INTERRUPT (v->user_irq >= 0), the next entry does the rest: 1. When the monitor asked to be told
	 * (request_interrupt_window in v->run), it is: KVM_EXIT_IRQ_WINDOW_OPEN, and 0.
	 * starter: return 1;
	 */
	if (v->lapic || !v->run->request_interrupt_window || v->user_irq >= 0)
		return 1; /* the next entry injects */
	v->run->exit_reason = KVM_EXIT_IRQ_WINDOW_OPEN;
	return 0;
	/* LAB 11: end */
}

static void explain_failure(struct vcpu *v, struct vmm_exit *x)
{
	if (v->refusals++ >= VMM_LOGGED_REFUSALS)
		return;
	pr_err("kvm: vCPU %u: entry refused at rip 0x%lx, %s:", v->id, v->regs.rip, vmm->name);
	if (!vmm->explain(v, x->reason))
		pr_err("kvm:   no rule known here is broken");
}

static int (*const handlers[])(struct vcpu *v, struct vmm_exit *x) = {
	[VX_IO] = do_io,
	[VX_SLAT_FAULT] = do_slat_fault,
	[VX_HLT] = do_hlt,
	[VX_RDMSR... VX_WRMSR] = do_msr,
	[VX_CR] = do_cr,
	[VX_DR] = do_dr,
	[VX_XSETBV] = do_xsetbv,
	[VX_SKIP] = skip,
	[VX_UNDEFINED] = inject_ud,
	[VX_PROTECTED] = inject_gp,
	[VX_EXCEPTION] = do_exception,
	[VX_INTR_WINDOW] = do_window,
};

int exit_handle(struct vcpu *v, struct vmm_exit *x)
{
	if (x->kind < ARRAY_SIZE(handlers) && handlers[x->kind])
		return handlers[x->kind](v, x);
	switch (x->kind) {
	case VX_RESUME:
		return 1;
	case VX_PAUSE:
		sched_yield(); /* whom it waits for may need this CPU */
		return skip(v, x);
	case VX_CPUID:
		cpuid_emulate(v);
		return skip(v, x);
	case VX_HYPERCALL: /* no hypercall is offered: CPUID 0x40000001 says so */
		v->regs.gpr[R_RAX] = -1000; /* KVM_ENOSYS */
		return skip(v, x);
	case VX_TRIPLE_FAULT:
		v->run->exit_reason = KVM_EXIT_SHUTDOWN;
		return 0;
	case VX_FAIL_ENTRY:
		v->run->exit_reason = KVM_EXIT_FAIL_ENTRY;
		v->run->fail_entry.hardware_entry_failure_reason = x->reason;
		v->run->fail_entry.cpu = this_cpu()->id;
		explain_failure(v, x);
		vmm->inject(v, &(struct vmm_event){ 0 }); /* VT-x would keep it */
		return 0;
	default:
		v->run->exit_reason = KVM_EXIT_UNKNOWN;
		v->run->hw.hardware_exit_reason = x->reason;
		return 0;
	}
}
