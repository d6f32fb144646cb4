/* SPDX-License-Identifier: MIT */
/*
 * A virtual CPU and its run loop. A vCPU belongs to whoever is inside one of its ioctls
 * (vcpu->lock); its thread runs the guest as ordinary kernel code, so the scheduler, signals and
 * limits treat it like any process.
 *
 * What of a vCPU is in the hardware, from the outside in:
 *	loaded   the VMCS is this CPU's current one: from vcpu_load() to vcpu_unload()
 *	swapped  guest FPU state, XCR0 and the MSRs that only ring 3 would miss: during KVM_RUN
 *	running  guest registers: inside ops->enter(), interrupts off
 * The switch hook takes the first two out and in when the thread loses its CPU, maybe to go on
 * on another one.
 *
 * Waking: who has news for a vCPU (a bit in its IRR, say) writes the news, then looks where the vCPU is
 * (guest_cpu) and interrupts that CPU. The vCPU, with interrupts off, says that it goes in, then
 * looks for news. One of the two sees the other; an interrupt that comes in between makes the
 * hardware exit before the first guest instruction.
 */
#include "vmm/irqchip/irqchip.h"
#include "vmm/vmm.h"

static u64 last_serial; /* atomic */

/* ---- loaded and swapped ---- */

void vcpu_load_debug(struct vcpu *v)
{
	load_breakpoints(v->debug & KVM_GUESTDBG_USE_HW_BP ? v->debug_dr : v->dr);
	__asm__ volatile("mov %0, %%db6" ::"r"(v->dr6));
}

void vcpu_read_xcr0(struct vcpu *v)
{
	v->xcr0 = xgetbv(0) & fpu_xcr0;
}

static void swap_in(struct vcpu *v)
{
	fpu_restore(v->fpu); /* under the host's XCR0: all of the area */
	if (fpu_xcr0)
		xsetbv(0, v->xcr0);
	if (v->dr_used)
		vcpu_load_debug(v);
	vmm->swap_in(v);
}

static void swap_out(struct vcpu *v)
{
	vmm->swap_out(v);
	if (v->dr_used && !(v->debug & KVM_GUESTDBG_USE_HW_BP)) {
		read_breakpoints(v->dr);
		__asm__ volatile("mov %%db6, %0" : "=r"(v->dr6));
	}
	if (fpu_xcr0) {
		vcpu_read_xcr0(v);
		xsetbv(0, fpu_xcr0);
	}
	fpu_save(v->fpu);
	fpu_restore(v->thread->fpu);
}

static void load_here(struct vcpu *v)
{
	v->hw_cpu = this_cpu()->id;
	vmm->load(v);
}

static void unload_here(void *arg)
{
	struct vcpu *v = arg;

	vmm->unload(v);
	v->hw_cpu = -1;
}

/* The thread leaves this CPU: everything of v comes out, so that it may go on anywhere. */
static void hook_out(struct switch_hook *h)
{
	struct vcpu *v = container_of(h, struct vcpu, hook);

	if (v->swapped)
		swap_out(v);
	unload_here(v);
}

static void hook_in(struct switch_hook *h)
{
	struct vcpu *v = container_of(h, struct vcpu, hook);

	load_here(v);
	if (v->swapped)
		swap_in(v);
}

/* It may still be cached where its thread ran last: no other CPU has it now. */
static void unload_elsewhere(struct vcpu *v)
{
	int cpu = v->hw_cpu;

	if (cpu >= 0 && cpu != (int)this_cpu()->id)
		smp_call(BIT(cpu), unload_here, v);
}

void vcpu_load(struct vcpu *v)
{
	unload_elsewhere(v);
	irq_push();
	v->thread = current_thread();
	load_here(v);
	current_thread()->hook = &v->hook;
	irq_pop();
}

void vcpu_unload(struct vcpu *v)
{
	/* the VMCS stays where it is until somebody needs it elsewhere */
	current_thread()->hook = NULL;
}

/* ---- waking ---- */

void vcpu_kick(struct vcpu *v)
{
	int cpu;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	waitq_wake_all(&v->halted, 0);
	cpu = __atomic_load_n(&v->guest_cpu, __ATOMIC_SEQ_CST);
	if (cpu >= 0 && cpu != (int)this_cpu()->id)
		smp_kick(cpu);
}

static bool has_work(struct vcpu *v)
{
	if (v->mp_state == KVM_MP_STATE_HALTED && (irq_pending(v) || READ_ONCE(v->nmi_pending)))
		return true;
	return v->mp_state == KVM_MP_STATE_RUNNABLE || lapic_init_pending(v);
}

/* Waits in HLT, or for INIT and SIPI. 1; -EINTR for a signal. */
static int vcpu_block(struct vcpu *v)
{
	if (wait_event(&v->halted, has_work(v)))
		return -EINTR;
	lapic_take_init(v);
	if (v->mp_state == KVM_MP_STATE_HALTED)
		v->mp_state = KVM_MP_STATE_RUNNABLE;
	return 1;
}

/* ---- one entry ---- */

/* Decides what the guest's IDT gets at this entry. Interrupts off. */
static void inject_next(struct vcpu *v)
{
	bool pending = irq_pending(v);
	struct vmm_event e = v->event;

	v->event.valid = false;
	if (!e.valid && READ_ONCE(v->nmi_pending) && !vmm->get(v, VF_NMI_BLOCKED)) {
		__atomic_store_n(&v->nmi_pending, false, __ATOMIC_SEQ_CST);
		e = (struct vmm_event){ .valid = true, .vector = VEC_NMI, .type = EVENT_NMI };
	}
	/* LAB 11: begin
	 * What was cut short goes in first, then an NMI: then e is valid already. Else it is the turn of
	 * interrupts, and e becomes the one that goes in, of type EVENT_INTR.
	 * irq_pending() asks, and changes nothing; irq_ack() takes the interrupt, so call it only when the
	 * guest gets it in this very entry: IF is set in its RFLAGS, and it is not in the shadow of an STI or
	 * MOV SS (VF_INTR_SHADOW). irq_ack() may answer -1: it has gone.
	 * VF_INTR_WINDOW makes the guest exit as soon as it could take an interrupt. It has to be 1 when one is
	 * pending that cannot go in now, also behind the one that goes in; else 0. Set it each time, for it
	 * stays as it is. Without chips in the kernel (v->lapic) the monitor may have one and want to know
	 * when: v->run->request_interrupt_window.
	 * starter: (void)pending;
	 * starter: vmm->set(v, VF_INTR_WINDOW, 0);
	 */
	if (!e.valid && pending && (v->regs.rflags & RFLAGS_IF) && !vmm->get(v, VF_INTR_SHADOW)) {
		int vector = irq_ack(v);

		if (vector >= 0)
			e = (struct vmm_event){ .valid = true, .vector = vector };
		pending = irq_pending(v);
	}
	vmm->set(v, VF_INTR_WINDOW, pending || (v->run->request_interrupt_window && !v->lapic));
	/* LAB 11: end */
	if (e.has_error && !(vmm->get(v, VF_CR0) & CR0_PE)) /* SDM 3C 27.2.1.3 */
		e.has_error = 0;
	if (e.valid)
		vmm->inject(v, &e);
}

/* Interrupts off. */
static void enter_guest(struct vcpu *v, struct vmm_exit *x)
{
	struct vm *vm = v->vm;
	struct vmm_cpu *c = this_cpu()->vmm;
	u64 cpu_bit = BIT(this_cpu()->id);
	bool flush, step = v->debug & KVM_GUESTDBG_SINGLESTEP;
	u64 gen;

	__atomic_store_n(&v->guest_cpu, this_cpu()->id, __ATOMIC_SEQ_CST);
	__atomic_fetch_or(&vm->running, cpu_bit, __ATOMIC_SEQ_CST);
	inject_next(v);
	if (step) { /* behind STI and MOV SS as well (SDM 3C 27.3.1.5) */
		v->regs.rflags |= RFLAGS_TF;
		vmm->set(v, VF_INTR_SHADOW, 0);
	}
	gen = __atomic_load_n(&vm->slat_gen, __ATOMIC_SEQ_CST);
	flush = c->tlb_owner != v->serial || v->seen_gen != gen;
	c->tlb_owner = v->serial;
	v->seen_gen = gen;
	vmm->enter(v, flush, x);
	/*
	 * CPUID changes nothing of what was decided above, and who wants the guest to look at something new sends
	 * this CPU an interrupt, which ends the loop: it is still pending and makes the next entry exit.
	 */
	while (x->kind == VX_CPUID && x->next_rip && !step) {
		cpuid_emulate(v);
		goto_rip(v, x->next_rip);
		vmm->enter(v, false, x);
	}
	if (step)
		v->regs.rflags &= ~RFLAGS_TF;
	__atomic_fetch_and(&vm->running, ~cpu_bit, __ATOMIC_SEQ_CST);
	__atomic_store_n(&v->guest_cpu, -1, __ATOMIC_SEQ_CST);
}

static int run_once(struct vcpu *v)
{
	struct vmm_exit x = { .kind = VX_RESUME };
	u64 rip;
	int r;

	cond_resched();
	if (unlikely(READ_ONCE(current_thread()->work) & THREAD_WORK_THROTTLE))
		bandwidth_wait();
	if (thread_interrupted())
		return -EINTR;
	lapic_take_init(v);
	if (v->mp_state != KVM_MP_STATE_RUNNABLE)
		return vcpu_block(v);
	if (v->stepped && (v->debug & KVM_GUESTDBG_SINGLESTEP))
		return exit_debug(v, VEC_DB, 0);
	clock_publish(v);
	irq_push();
	/* Not all of thread.work: a traced thread has some all the time. */
	if (!this_cpu()->need_resched && !thread_interrupted())
		enter_guest(v, &x);
	irq_pop(); /* the interrupt that made it exit is taken here */
	rip = v->regs.rip;
	r = exit_handle(v, &x);
	v->stepped = v->regs.rip != rip;
	return r;
}

/*
 * KVM_RUN: 0 with run->exit_reason; -EINTR (KVM_EXIT_INTR); -EAGAIN: a vCPU that waited for INIT has
 * it; -EINVAL: the shared page asks for what is not there (KVM_CAP_SYNC_REGS); -EFAULT: no memory behind a slot.
 */
long vcpu_run(struct vcpu *v)
{
	struct kvm_run *run = v->run;
	int r = -EINTR;

	if (run->kvm_valid_regs || run->kvm_dirty_regs || (!v->lapic && READ_ONCE(run->cr8) > 15))
		return -EINVAL;
	if (v->mp_state == KVM_MP_STATE_UNINITIALIZED && !READ_ONCE(run->immediate_exit)) {
		run->exit_reason = KVM_EXIT_INTR;
		r = vcpu_block(v);
		return r < 0 ? r : -EAGAIN;
	}
	if (!exit_complete(v))
		return 0;
	if (READ_ONCE(run->immediate_exit))
		return r;
	run->exit_reason = KVM_EXIT_INTR;
	irq_push();
	fpu_save(v->thread->fpu);
	swap_in(v);
	v->swapped = true;
	irq_pop();
	do
		r = run_once(v);
	while (r > 0);
	irq_push();
	v->swapped = false;
	swap_out(v);
	irq_pop();
	run->if_flag = (v->regs.rflags & RFLAGS_IF) != 0;
	run->ready_for_interrupt_injection = run->if_flag && v->user_irq < 0 && !v->event.valid;
	run->cr8 = lapic_get_tpr(v) >> 4;
	run->apic_base = lapic_get_base(v);
	return r;
}

/* ---- making and freeing ---- */

static int alloc_parts(struct vcpu *v)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(v->frame); i++) {
		v->frame[i] = frame_alloc_zeroed(FRAME_KERNEL, v->vm->charge);
		if (!v->frame[i])
			return -ENOMEM;
	}
	v->run = frame_va(v->frame[0]);
	v->pio = frame_va(v->frame[1]);
	v->hw_page = frame_va(v->frame[2]);
	v->fpu = fpu_alloc();
	v->cpuid = kzalloc(VMM_MAX_CPUID * sizeof(*v->cpuid));
	if (!v->fpu || !v->cpuid)
		return -ENOMEM;
	if (v->vm->irqchip && lapic_create(v))
		return -ENOMEM;
	vmm->vcpu_init(v);
	return 0;
}

void vcpu_free(struct vcpu *v)
{
	unload_elsewhere(v);
	if (v->hw_cpu >= 0) {
		irq_push();
		unload_here(v);
		irq_pop();
	}
	lapic_free(v);
	kfree(v->cpuid);
	fpu_free(v->fpu);
	for (unsigned int i = 0; i < ARRAY_SIZE(v->frame) && v->frame[i]; i++)
		frame_put(v->frame[i]);
	kfree(v);
	__atomic_fetch_sub(&vmm_nr_vcpus, 1, __ATOMIC_RELAXED);
}

static struct vcpu *vcpu_alloc(struct vm *vm, u32 id)
{
	struct vcpu *v = kzalloc(sizeof(*v) + vmm->hw_size);

	if (!v)
		return NULL;
	__atomic_fetch_add(&vmm_nr_vcpus, 1, __ATOMIC_RELAXED);
	v->vm = vm;
	v->hw = v + 1;
	v->id = id;
	v->serial = __atomic_add_fetch(&last_serial, 1, __ATOMIC_RELAXED);
	v->hw_cpu = v->guest_cpu = v->user_irq = -1;
	v->hook.out = hook_out;
	v->hook.in = hook_in;
	mutex_init(&v->lock);
	waitq_init(&v->halted);
	v->mp_state = id && vm->irqchip ? KVM_MP_STATE_UNINITIALIZED : KVM_MP_STATE_RUNNABLE;
	v->xcr0 = 1;
	if (alloc_parts(v)) {
		vcpu_free(v);
		return NULL;
	}
	return v;
}

/* KVM_CREATE_VCPU: -EINVAL for a number too high, -EEXIST, -ENOMEM. */
struct file *vcpu_create(struct vm *vm, u32 id)
{
	struct vcpu *v;
	struct file *f;

	if (id >= VMM_MAX_VCPUS)
		return ERR_PTR(-EINVAL);
	MUTEX_GUARD(&vm->lock);
	if (vm->vcpus[id])
		return ERR_PTR(-EEXIST);
	v = vcpu_alloc(vm, id);
	if (!v)
		return ERR_PTR(-ENOMEM);
	vcpu_load(v);
	vcpu_reset(v);
	vmm->set(v, VF_PAT, 0x0007040600070406); /* after RESET */
	vmm->set(v, VF_TSC_OFFSET, vm->tsc_offset);
	vcpu_unload(v);
	f = file_anon("kvm-vcpu", &vcpu_fops, v, O_RDWR);
	if (IS_ERR(f)) {
		vcpu_free(v);
		return f;
	}
	ref_get(&vm->refs);
	vm->nr_vcpus++;
	/* now others may send it interrupts */
	__atomic_store_n(&vm->vcpus[id], v, __ATOMIC_RELEASE);
	return f;
}
