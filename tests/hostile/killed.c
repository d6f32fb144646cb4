/* SPDX-License-Identifier: MIT */
/*
 * killed: a monitor with vCPU threads, irqfds and ioeventfds ends by SIGKILL, at some moment or after
 * the k-th exit or ioctl; or by execve(2), or by exit(2) of its first thread. The eventfds and a
 * child with copies of its files may outlive it.
 */
#include "hostile.h"

static int events[4];
static long left; /* events until the end comes; 0: it comes from outside */

static void count_down(void)
{
	if (left && atomic_load(&seen->events) >= left)
		kill(getpid(), SIGKILL);
}

static __attribute__((noreturn)) void *monitor(void *arg)
{
	struct vcpu *v = arg;

	for (;;) {
		int reason = run_vcpu(v);

		if (reason == KVM_EXIT_IO || reason == KVM_EXIT_MMIO || reason == KVM_EXIT_HLT)
			answer(v);
		else if (reason >= 0)
			start_again(v);
		count_down();
		if (once_in(&v->rng, 8)) { /* work for the eventfds' other side */
			eventfd_write(events[below(&v->rng, 4)], 1);
			atomic_fetch_add(&seen->events, 1);
		}
	}
}

static void step_of_set_up(long ret)
{
	atomic_fetch_add(&seen->events, 1);
	count_down();
}

static void bind_events(struct machine *m, struct rng *r)
{
	for (unsigned int i = 0; i < 4; i++) {
		struct kvm_ioeventfd io = { .fd = events[i],
					    .addr = i & 1 ? 0xfed00000 : 0x10 + i,
					    .len = 1 << i,
					    .flags = i & 1 ? 0 : KVM_IOEVENTFD_FLAG_PIO };
		struct kvm_irqfd irq = { .fd = events[i], .gsi = below(r, 24) };

		step_of_set_up(ioctl(m->vm, KVM_IOEVENTFD, &io));
		step_of_set_up(ioctl(m->vm, KVM_IRQFD, &irq));
	}
}

static void start(struct machine *m, struct rng *r)
{
	struct kvm_sregs s;
	struct kvm_regs regs;

	write_handler(m->vcpu[0].mode, m->ram + HANDLER, CODE_SIZE);
	for (unsigned int i = 0; i < m->nr; i++) {
		struct vcpu *v = &m->vcpu[i];

		write_code(r, v->mode, m->ram + CODE_AT(i), CODE_SIZE, CODE_AT(i));
		mode_registers(v, &s, &regs);
		step_of_set_up(ioctl(v->fd, KVM_SET_SREGS, &s));
		step_of_set_up(ioctl(v->fd, KVM_SET_REGS, &regs));
		ioctl(v->fd, KVM_SET_MP_STATE, &(struct kvm_mp_state){ KVM_MP_STATE_RUNNABLE });
		pthread_create(&v->thread, NULL, monitor, v);
		step_of_set_up(0);
	}
}

static void monitor_process(struct rng *r, int how, bool child)
{
	struct machine m;

	machine_make(&m, r, below(r, MAX_VCPUS) + 1, !once_in(r, 4));
	step_of_set_up(0);
	bind_events(&m, r);
	start(&m, r);
	if (child && fork() == 0) { /* it keeps what the dead one had */
		sleep_us(below(r, 20000));
		ioctl(m.vcpu[0].fd, KVM_RUN, 0); /* another's: EIO */
		_exit(0);
	}
	if (how == 2) {
		sleep_us(below(r, 10000));
		execl("/bin/true", "true", NULL);
		execl("/bin/busybox", "true", NULL);
		_exit(0);
	}
	if (how == 3) /* the threads live on */
		pthread_exit(NULL);
	for (;;)
		pause();
}

void killed_step(struct rng *r)
{
	int how = below(r, 4); /* from outside, after k events, by execve, first the first thread */
	int status = 0;
	pid_t pid;

	for (unsigned int i = 0; i < 4; i++)
		events[i] = eventfd(0, EFD_NONBLOCK);
	left = how == 1 ? 1 + below(r, once_in(r, 2) ? 30 : 400) : 0;
	pid = fork();
	if (pid == 0)
		monitor_process(r, how, once_in(r, 4));
	if (how == 1) /* should it never come so far */
		for (unsigned int i = 0; i < 500 && !waitpid(pid, &status, WNOHANG); i++)
			sleep_us(1000);
	else if (how != 2)
		sleep_us(below(r, 30000));
	if (how != 2)
		kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status))
		_exit(1);
	for (unsigned int i = 0; i < 4; i++) /* nobody listens any more */
		eventfd_write(events[i], 1);
}
