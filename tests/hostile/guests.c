/* SPDX-License-Identifier: MIT */
/*
 * guests: the monitor is an ordinary one and answers each exit; what runs in its VM is not. Now and
 * then the registers it begins with are none that a CPU could have, or memory goes away meanwhile.
 */
#include "hostile.h"

#define EXITS_MAX 400
#define ERRORS_MAX 20

static void write_memory(struct machine *m, struct rng *r)
{
	for (unsigned int i = 0; i < m->nr; i++)
		write_code(r, m->vcpu[i].mode, m->ram + CODE_AT(i), CODE_SIZE, CODE_AT(i));
	if (once_in(r, 4))
		write_code(r, m->vcpu[0].mode, m->ram + HANDLER, CODE_SIZE, HANDLER);
	else
		write_handler(m->vcpu[0].mode, m->ram + HANDLER, CODE_SIZE);
	write_code(r, REAL, m->ram + ROM, ROM_SIZE, ROM);
	if (once_in(r, 5))
		garble(r, m->ram + TABLES, HANDLER - TABLES);
	if (once_in(r, 5)) /* code right up to the end of a slot */
		write_code(r, m->vcpu[0].mode, m->ram + HOLE - 64, 64, HOLE - 64);
}

static void set_registers(struct vcpu *v, struct rng *r)
{
	struct kvm_mp_state waits = { KVM_MP_STATE_UNINITIALIZED };
	struct kvm_sregs good, bad;
	struct kvm_regs regs;

	mode_registers(v, &good, &regs);
	bad = good;
	if (once_in(r, 4))
		garble_sregs(r, &bad);
	if (ioctl(v->fd, KVM_SET_SREGS, &bad)) {
		atomic_fetch_add(&seen->refused, 1);
		if (ioctl(v->fd, KVM_SET_SREGS, &good))
			fail("KVM_SET_SREGS, mode %u: %s", v->mode, strerror(errno));
	}
	if (once_in(r, 8))
		regs.rip = once_in(r, 2) ? HOLE - 64 : edge(r);
	regs.rax = edge(r);
	regs.rbp = edge(r);
	regs.r15 = edge(r);
	if (once_in(r, 8))
		regs.rflags = edge(r);
	if (once_in(r, 8))
		regs.rsp = edge(r);
	if (ioctl(v->fd, KVM_SET_REGS, &regs))
		fail("KVM_SET_REGS: %s", strerror(errno));
	if (v->m->irqchip && v->id && once_in(r, 2)) /* another vCPU may start it */
		ioctl(v->fd, KVM_SET_MP_STATE, &waits);
	else if (v->m->irqchip)
		ioctl(v->fd, KVM_SET_MP_STATE, &(struct kvm_mp_state){ KVM_MP_STATE_RUNNABLE });
}

static void *monitor(void *arg)
{
	struct vcpu *v = arg;
	unsigned int errors = 0;

	for (unsigned int n = 0; n < EXITS_MAX && errors < ERRORS_MAX && !v->m->stop; n++) {
		int reason = run_vcpu(v);

		v->run->request_interrupt_window = once_in(&v->rng, 4);
		if (reason == KVM_EXIT_IO || reason == KVM_EXIT_MMIO || reason == KVM_EXIT_HLT ||
		    reason == KVM_EXIT_IRQ_WINDOW_OPEN)
			answer(v);
		else if (reason != -EINTR && reason != -EAGAIN)
			errors++;
		else
			continue;
		/* else a monitor that does not see that it is over */
		if (reason == KVM_EXIT_INTERNAL_ERROR || (errors && !once_in(&v->rng, 4)))
			start_again(v);
	}
	return NULL;
}

void guests_step(struct rng *r)
{
	struct machine m;

	machine_make(&m, r, below(r, MAX_VCPUS) + 1, once_in(r, 2));
	write_memory(&m, r);
	for (unsigned int i = 0; i < m.nr; i++)
		set_registers(&m.vcpu[i], r);
	run_threads(&m, monitor, 20);
}
