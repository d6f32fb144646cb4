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

void entry_step(struct rng *r)
{
	struct itimerval soon = { .it_value.tv_usec = 20000, .it_interval.tv_usec = 20000 };
	struct kvm_sregs good, bad;
	struct kvm_regs regs;
	struct machine m;
	struct vcpu *v = &m.vcpu[0];

	machine_make(&m, r, 1, false);
	m.ram[CODE_AT(0)] = 0xf4;
	mode_registers(v, &good, &regs);
	bad = good;
	garble_sregs(r, &bad);
	if (once_in(r, 8))
		regs.rip = edge(r);
	if (once_in(r, 8))
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
}
