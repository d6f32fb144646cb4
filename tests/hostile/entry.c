/* SPDX-License-Identifier: MIT */
/*
 * entry: one register too much. Registers that no CPU could have are refused at once (EINVAL), or
 * run, or make the entry fail; then the kernel's log says which rule is broken.
 */
#include <sys/klog.h>
#include <sys/time.h>
#include "hostile.h"

#define SYSLOG_READ_ALL 3

static void say_difference(const struct kvm_sregs *a, const struct kvm_sregs *b)
{
	for (size_t i = 0; i < sizeof(*a) / 8; i++)
		if (((u64 *)a)[i] != ((u64 *)b)[i])
			printf("  word %zu of kvm_sregs: 0x%lx -> 0x%lx\n", i, ((u64 *)a)[i],
			       ((u64 *)b)[i]);
}

/* Has the kernel said why? */
static bool explained(void)
{
	static const char header[] = "kvm: vCPU 0: ";
	char log[8192], *last = NULL;
	int n = klogctl(SYSLOG_READ_ALL, log, sizeof(log) - 1);

	if (n < 0)
		fail("the kernel's log: %s", strerror(errno));
	log[n] = 0;
	for (char *at = log; (at = strstr(at, header)); at++)
		last = at;
	return last && strstr(last, "kvm:   ") && !strstr(last, "no rule known");
}

static void on_alarm(int sig)
{
}

/* Refused, the vCPU is as it was set, and with good registers it runs; nor does a loop keep the host waiting. */
static void recovers(struct vcpu *v, const struct kvm_sregs *good, const struct kvm_sregs *bad)
{
	struct kvm_regs regs = { .rip = CODE_AT(0), .rflags = 2 }, now;
	struct kvm_sregs is;

	if (ioctl(v->fd, KVM_GET_SREGS, &is) || ioctl(v->fd, KVM_GET_REGS, &now))
		fail("registers: %s", strerror(errno));
	if (is.cr3 != bad->cr3 || is.idt.base != bad->idt.base || is.cs.base != bad->cs.base ||
	    now.rsp != 0x9000)
		fail("refused, and other registers: cr3 0x%llx, idt 0x%llx, rsp 0x%llx", is.cr3,
		     is.idt.base, now.rsp);
	if (v->mode == VM86)
		regs.rflags |= 0x20000;
	if (ioctl(v->fd, KVM_SET_SREGS, good) || ioctl(v->fd, KVM_SET_REGS, &regs))
		fail("good registers: %s", strerror(errno));
	memcpy(v->m->ram + CODE_AT(0), (u8[]){ 0xeb, 0xfe }, 2);
	if (run_vcpu(v) != -EINTR)
		fail("exit %u where a loop is", v->run->exit_reason);
}

void entry_step(struct rng *r)
{
	struct itimerval soon = { .it_value.tv_usec = 20000, .it_interval.tv_usec = 20000 };
	struct kvm_sregs good, bad;
	struct kvm_regs regs;
	struct machine m;
	bool garbled; /* the page tables */
	struct vcpu *v = &m.vcpu[0];

	machine_make(&m, r, 1, false);
	m.ram[CODE_AT(0)] = 0xf4;
	mode_registers(v, &good, &regs);
	bad = good;
	garble_sregs(r, &bad);
	if (once_in(r, 8))
		regs.rip = edge(r);
	garbled = once_in(r, 8);
	if (garbled)
		garble(r, m.ram + TABLES, 6 * PAGE);
	atomic_fetch_add(&seen->calls, 1);
	if (ioctl(v->fd, KVM_SET_SREGS, &bad)) {
		atomic_fetch_add(&seen->refused, 1);
		if (errno != EINVAL)
			fail("KVM_SET_SREGS: %s", strerror(errno));
		return;
	}
	if (ioctl(v->fd, KVM_SET_REGS, &regs))
		fail("KVM_SET_REGS: %s", strerror(errno));
	sigaction(SIGALRM, &(struct sigaction){ .sa_handler = on_alarm }, NULL);
	setitimer(ITIMER_REAL, &soon, NULL); /* the guest may do anything */
	if (run_vcpu(v) != KVM_EXIT_FAIL_ENTRY)
		return;
	if (!explained()) {
		say_difference(&good, &bad);
		fail("mode %u, rip 0x%llx: entry failure 0x%llx without a reason in the log",
		     v->mode, regs.rip, v->run->fail_entry.hardware_entry_failure_reason);
	}
	atomic_fetch_add(&seen->succeeded, 1);
	if (!garbled)
		recovers(v, &good, &bad);
}
