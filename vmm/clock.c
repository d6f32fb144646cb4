/* SPDX-License-Identifier: MIT */
/*
 * kvmclock and steal time (Linux's Documentation/virt/kvm/x86/msr.rst): pages of the guest's memory that
 * tell it how to make nanoseconds of its TSC, and how long it had no CPU. A VM has one pair (TSC,
 * nanoseconds) from which all its vCPUs count, so they agree without help: the TSC is the host's clock as
 * well. vm->clock is a sequence: each vCPU writes its page anew when it has seen another one.
 */
#include "vmm/vmm.h"

#define PVCLOCK_TSC_STABLE BIT(0)

struct pvclock_time { /* pvclock_vcpu_time_info */
	u32 version, pad;
	u64 tsc, ns;
	u32 mul;
	s8 shift;
	u8 flags, pad2[2];
};
struct pvclock_wall { /* pvclock_wall_clock: when the guest's clock was 0 */
	u32 version, sec, ns;
};

/* ns = ((ticks << shift) * mul) >> 32, with mul as large as it can be. */
static void scale_of(u32 *mul, s8 *shift)
{
	u64 hz = tsc_khz * 1000;

	for (*shift = 0; hz > 2 * NSEC_PER_SEC; hz >>= 1)
		--*shift;
	for (; hz <= NSEC_PER_SEC; hz <<= 1)
		++*shift;
	*mul = (NSEC_PER_SEC << 32) / hz;
}

/* What the guest's clock shows at this time of the host's TSC. */
static u64 clock_at(struct vm *vm, u64 tsc)
{
	s64 ticks = tsc - vm->clock_tsc;
	s8 shift;
	u32 mul;

	scale_of(&mul, &shift);
	ticks = max(ticks, 0L);
	ticks = shift < 0 ? ticks >> -shift : ticks << shift;
	return vm->clock_ns + (u64)(((__uint128_t)ticks * mul) >> 32);
}

void clock_set(struct vm *vm, u64 ns)
{
	vm->clock_tsc = rdtsc();
	vm->clock_ns = ns;
	__atomic_add_fetch(&vm->clock_seq, 1, __ATOMIC_SEQ_CST);
	for (unsigned int i = 0; i < VMM_MAX_VCPUS; i++)
		if (vm->vcpus[i])
			vcpu_kick(vm->vcpus[i]);
}

int clock_ioctl(struct vm *vm, struct kvm_clock_data *c, bool set)
{
	u64 tsc = rdtsc(), wall = clock_wall_ns();

	if (!set) {
		*c = (struct kvm_clock_data){ .clock = clock_at(vm, tsc),
					      .flags = CLOCK_FLAGS,
					      .realtime = wall,
					      .host_tsc = tsc };
		return 0;
	}
	if (c->flags & ~CLOCK_FLAGS)
		return -EINVAL;
	if ((c->flags & KVM_CLOCK_REALTIME) && wall > c->realtime)
		c->clock += wall - c->realtime;
	MUTEX_GUARD(&vm->lock);
	clock_set(vm, c->clock);
	return 0;
}

/* Version is odd while the page is written. Memory that is not there is the guest's own fault. */
static void publish(struct vm *vm, u64 gpa, u32 *version, void *page, size_t size)
{
	u64 version_at = gpa + ((char *)version - (char *)page);

	++*version;
	guest_copy(vm, version_at, version, sizeof(*version), true);
	guest_copy(vm, gpa, page, size, true);
	++*version;
	guest_copy(vm, version_at, version, sizeof(*version), true);
}

void clock_publish(struct vcpu *v)
{
	u32 seq = READ_ONCE(v->vm->clock_seq);
	u64 stolen = current_thread()->run_delay; /* in or out of the guest, as Linux counts */

	if (v->clock_seq != seq && (v->clock_msr & KVM_MSR_ENABLED)) {
		struct pvclock_time t = { .version = v->clock_version,
					  .tsc = v->vm->clock_tsc + vmm->get(v, VF_TSC_OFFSET),
					  .ns = v->vm->clock_ns,
					  .flags = PVCLOCK_TSC_STABLE };

		scale_of(&t.mul, &t.shift);
		publish(v->vm, v->clock_msr & ~KVM_MSR_ENABLED, &t.version, &t, sizeof(t));
		v->clock_version = t.version;
	}
	v->clock_seq = seq;
	if (v->steal.steal != stolen && (v->steal_msr & KVM_MSR_ENABLED)) {
		v->steal.steal = stolen;
		publish(v->vm, v->steal_msr & ~KVM_MSR_ENABLED, &v->steal.version, &v->steal,
			sizeof(v->steal));
	}
}

int clock_wall_msr(struct vcpu *v, u32 msr, u64 *value, bool write, bool host)
{
	u64 zero = clock_wall_ns() - clock_at(v->vm, rdtsc());
	struct pvclock_wall w = { .sec = zero / NSEC_PER_SEC, .ns = zero % NSEC_PER_SEC };

	ioctl_move(&v->vm->wall_msr, value, sizeof(*value), write);
	if (write)
		publish(v->vm, *value, &w.version, &w, sizeof(w));
	return 0;
}

int clock_page_msr(struct vcpu *v, u32 msr, u64 *value, bool write, bool host)
{
	bool steal = msr == MSR_KVM_STEAL_TIME;

	if (write && steal && (*value & KVM_STEAL_RESERVED_MASK))
		return -EINVAL;
	ioctl_move(steal ? &v->steal_msr : &v->clock_msr, value, sizeof(*value), write);
	if (write) { /* the next entry writes the page */
		v->clock_seq = 0;
		v->steal.steal = ~0UL;
	}
	return 0;
}
