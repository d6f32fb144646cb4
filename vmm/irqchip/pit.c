/* SPDX-License-Identifier: MIT */
/*
 * The 8254 timer (Intel 8254 data sheet): channel 0 raises line 0, channel 2 is what kernels
 * calibrate against through port 0x61. Counting is done from clock_ns() when somebody looks; only
 * channel 0 owns a timer. The channels are KVM's own structures; rw_mode 1: low byte, 2: high byte, 3: low
 * then high; count 0 means 65536; count_load_time is clock_ns() when counting began. pit->lock guards all; it is taken before irqchip->lock.
 */
#include "vmm/irqchip/irqchip.h"

#define SPEAKER_DATA 2 /* bit of port 0x61 */
#define PIT_HZ 1193182UL
#define MODE_NONE 0xff /* nobody has programmed the channel */

struct pit {
	struct vm *vm;
	struct timer timer;
	spinlock_t lock; /* guards the rest */
	struct kvm_pit_channel_state ch[3];
	u64 expires;
	bool has_speaker; /* port 0x61 is ours */
	u8 speaker; /* its bits 0 and 1 */
};

static u32 reload_of(const struct kvm_pit_channel_state *c)
{
	return c->count ? c->count : 0x10000;
}

static u64 to_ns(u64 ticks)
{
	return ticks * NSEC_PER_SEC / PIT_HZ;
}

static u64 ticks_since(const struct kvm_pit_channel_state *c)
{
	u64 ns = clock_ns() - c->count_load_time;

	return ns / NSEC_PER_SEC * PIT_HZ + ns % NSEC_PER_SEC * PIT_HZ / NSEC_PER_SEC;
}

static u16 count_of(const struct kvm_pit_channel_state *c)
{
	u64 t = ticks_since(c);
	u32 n = reload_of(c);

	return c->mode == 2 ? n - t % n : c->mode == 3 ? n - 2 * t % n : n - t;
}

static bool out_of(const struct kvm_pit_channel_state *c)
{
	u64 t = ticks_since(c);
	u32 n = reload_of(c);

	switch (c->mode) {
	case 2:
		return t % n != n - 1;
	case 3:
		return t % n < (n + 1) / 2;
	case 4 ... 5:
		return t != n;
	default:
		return t >= n;
	}
}

static void fired(struct timer *t)
{
	struct pit *pit = container_of(t, struct pit, timer);
	struct kvm_pit_channel_state *c = &pit->ch[0];

	spin_lock(&pit->lock);
	if (c->mode == 2 || c->mode == 3) {
		pit->expires = max(pit->expires, clock_ns()) + max(to_ns(reload_of(c)), PERIOD_MIN);
		timer_start(t, pit->expires);
	}
	spin_unlock(&pit->lock);
	if (pit->vm->irqchip)
		irq_pulse(pit->vm, 0);
}

/* A new count is complete: channel n begins to count. The lock is not held. */
static void start_counting(struct pit *pit, unsigned int n)
{
	struct kvm_pit_channel_state *c = &pit->ch[n];

	if (n == 0)
		timer_cancel(&pit->timer);
	SPIN_GUARD(&pit->lock);
	c->count_load_time = clock_ns();
	if (n == 0 && c->mode != MODE_NONE) {
		pit->expires = c->count_load_time + to_ns(reload_of(c));
		timer_start(&pit->timer, pit->expires);
	}
}

static void latch(struct kvm_pit_channel_state *c, bool count, bool status)
{
	if (status && !c->status_latched) {
		c->status = (out_of(c) ? 0x80 : 0) | c->rw_mode << 4 | c->mode << 1;
		c->status_latched = true;
	}
	if (count && !c->count_latched) {
		c->latched_count = count_of(c);
		c->count_latched = true;
	}
}

static void write_control(struct pit *pit, u8 v)
{
	unsigned int n = v >> 6;
	struct kvm_pit_channel_state *c = &pit->ch[n];
	u8 access = (v >> 4) & 3, mode = (v >> 1) & 7;

	if (n == 3) { /* read-back */
		for (unsigned int i = 0; i < 3; i++)
			if (v & (2 << i))
				latch(&pit->ch[i], !(v & 0x20), !(v & 0x10));
		return;
	}
	if (access == 0) {
		latch(c, true, false);
		return;
	}
	c->rw_mode = access;
	c->mode = mode > 5 ? mode & 3 : mode;
	c->write_state = c->read_state = c->count_latched = c->status_latched = false;
}

/* One byte of a count. True: it is complete. */
static bool write_count(struct kvm_pit_channel_state *c, u8 v)
{
	if (c->rw_mode == 3 && !c->write_state) {
		c->write_latch = v;
		c->write_state = true;
		return false;
	}
	c->write_state = false;
	c->count = c->rw_mode == 1 ? v : c->rw_mode == 2 ? v << 8 : c->write_latch | v << 8;
	return true;
}

static u8 read_count(struct kvm_pit_channel_state *c)
{
	u16 value = c->count_latched ? c->latched_count : count_of(c);
	bool high = c->rw_mode == 2 || (c->rw_mode == 3 && c->read_state);

	if (c->status_latched) {
		c->status_latched = false;
		return c->status;
	}
	if (c->rw_mode == 3)
		c->read_state = !c->read_state;
	if (c->rw_mode != 3 || high)
		c->count_latched = false;
	return high ? value >> 8 : value;
}

static u8 read_speaker(struct pit *pit)
{
	bool refresh = clock_ns() / 15085 & 1; /* toggles each 15 us, as DRAM refresh did */

	return pit->speaker | refresh << 4 | out_of(&pit->ch[2]) << 5;
}

static void write_speaker(struct pit *pit, u8 v)
{
	struct kvm_pit_channel_state *c = &pit->ch[2];

	if ((v & 1) && !c->gate)
		c->count_load_time = clock_ns(); /* a rising gate starts the count */
	c->gate = v & 1;
	pit->speaker = v & 3;
}

bool pit_io(struct vm *vm, u16 port, bool in, u32 *value)
{
	struct pit *pit = vm->pit;
	bool complete = false;

	if (!pit || !((port >= 0x40 && port <= 0x43) || (port == 0x61 && pit->has_speaker)))
		return false;
	spin_lock(&pit->lock);
	if (in)
		*value = port == 0x61   ? read_speaker(pit)
			 : port == 0x43 ? 0xff
					: read_count(&pit->ch[port & 3]);
	else if (port == 0x61)
		write_speaker(pit, *value);
	else if (port == 0x43)
		write_control(pit, *value);
	else
		complete = write_count(&pit->ch[port & 3], *value);
	spin_unlock(&pit->lock);
	if (complete)
		start_counting(pit, port & 3);
	return true;
}

int pit_state(struct vm *vm, struct kvm_pit_state2 *s, bool set)
{
	struct pit *pit = vm->pit;

	if (!pit)
		return -ENXIO;
	if (set && (s->flags & ~KVM_PIT_FLAGS_SPEAKER_DATA_ON))
		return -EINVAL;
	spin_lock(&pit->lock);
	ioctl_move(pit->ch, s->channels, sizeof(pit->ch), set);
	if (set)
		pit->speaker = (pit->speaker & ~SPEAKER_DATA) | (s->flags ? SPEAKER_DATA : 0);
	else
		s->flags = pit->speaker & SPEAKER_DATA ? KVM_PIT_FLAGS_SPEAKER_DATA_ON : 0;
	spin_unlock(&pit->lock);
	for (unsigned int n = 0; n < 3 && set; n++)
		start_counting(pit, n);
	return 0;
}

int pit_create(struct vm *vm, const struct kvm_pit_config *c)
{
	struct pit *pit;

	MUTEX_GUARD(&vm->lock);
	if (vm->pit)
		return -EEXIST;
	pit = kzalloc(sizeof(*pit));
	if (!pit)
		return -ENOMEM;
	pit->vm = vm;
	pit->has_speaker = c->flags & KVM_PIT_SPEAKER_DUMMY;
	spin_init(&pit->lock);
	timer_init(&pit->timer, fired);
	for (int i = 0; i < 3; i++) {
		pit->ch[i].mode = MODE_NONE;
		pit->ch[i].rw_mode = 3;
		pit->ch[i].gate = i != 2;
		pit->ch[i].count_load_time = clock_ns();
	}
	__atomic_store_n(&vm->pit, pit, __ATOMIC_RELEASE);
	return 0;
}

void pit_free(struct vm *vm)
{
	if (vm->pit)
		timer_cancel(&vm->pit->timer);
	kfree(vm->pit);
}
