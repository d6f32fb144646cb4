/* SPDX-License-Identifier: MIT */
/*
 * Time. clock_ns() counts the TSC, whose rate a hypervisor tells (CPUID 0x40000010) or the PIT
 * measures; the local APIC's timer, measured at the same time, interrupts at deadlines. The wall
 * clock is read from the RTC once and counted on. All of it constant after clock_init().
 */
#include "x86/internal.h"

u64 tsc_khz;
static u64 lapic_khz, tsc_base, ns_mult; /* ns = ticks * ns_mult >> 32 */
static s64 wall_offset;

#define PIT_HZ 1193182UL
#define PIT_CH2 0x42
#define PIT_CMD 0x43
#define PIT_GATE 0x61
#define CALIBRATE_MS 5
#define CALIBRATE_TRIES 16
#define CMOS_INDEX 0x70
#define CMOS_DATA 0x71

/* One measurement: ticks of the two clocks in CALIBRATE_MS, and by how much tsc may be wrong. */
struct window {
	u64 tsc, error;
	u32 lapic;
};

/*
 * Starts PIT channel 2 as a one-shot of CALIBRATE_MS and waits for its output (8254 data sheet). Who runs
 * on a virtual CPU may be put aside in the middle, so the TSC is read on both sides of each border.
 */
static struct window measure(void)
{
	u16 count = PIT_HZ * CALIBRATE_MS / 1000;
	u64 before, after, low, now;
	u32 lapic;

	outb(PIT_GATE, (inb(PIT_GATE) & ~3) | 1);
	outb(PIT_CMD, 0xb0); /* channel 2, both bytes, mode 0 */
	outb(PIT_CH2, count & 0xff);
	before = rdtsc();
	lapic_timer_set(~0U);
	outb(PIT_CH2, count >> 8); /* it counts from here */
	after = low = rdtsc();
	for (;;) {
		now = rdtsc();
		if (inb(PIT_GATE) & 0x20)
			break;
		low = now;
		if (now - before > 20000000000UL)
			panic("clock: the PIT does not count");
	}
	lapic = ~0U - lapic_timer_read();
	now = rdtsc();
	lapic_timer_set(0);
	return (struct window){ (low + now - before - after) / 2, now - low + after - before,
				lapic };
}

static void calibrate(void)
{
	struct window best = { .error = ~0UL };

	for (int i = 0; i < CALIBRATE_TRIES && best.error > best.tsc / 256; i++) {
		struct window w = measure();

		if (w.error < best.error)
			best = w;
	}
	tsc_khz = best.tsc / CALIBRATE_MS;
	lapic_khz = best.lapic / CALIBRATE_MS;
}

/* The timing leaf that hypervisors share (VMware's, also KVM's and Dyad's own). */
static bool ask_hypervisor(void)
{
	struct cpuid_regs r;

	if (!(cpuid(1, 0).ecx & BIT(31)) || cpuid(0x40000000, 0).eax < 0x40000010)
		return false;
	r = cpuid(0x40000010, 0);
	if (!r.eax || !r.ebx)
		return false;
	tsc_khz = r.eax;
	lapic_khz = r.ebx;
	return true;
}

static u8 cmos(u8 reg)
{
	outb(CMOS_INDEX, reg);
	return inb(CMOS_DATA);
}

static unsigned int from_bcd(u8 v, bool binary)
{
	return binary ? v : (v >> 4) * 10 + (v & 15);
}

/* Seconds since 1970 by the RTC (MC146818 data sheet); Howard Hinnant's days-from-civil formula. */
static u64 rtc_read(void)
{
	u8 r[6], again[6];
	static const u8 reg[6] = { 0, 2, 4, 7, 8, 9 };
	bool binary;
	s64 y, era, doy, days;
	unsigned int m, d, hour, pm;

	for (int tries = 0; tries < 1000; tries++) {
		for (int wait = 0; wait < 10000 && (cmos(10) & 0x80); wait++)
			;
		for (int i = 0; i < 6; i++)
			r[i] = cmos(reg[i]);
		for (int i = 0; i < 6; i++)
			again[i] = cmos(reg[i]);
		if (!memcmp(r, again, 6))
			break;
	}
	binary = cmos(11) & 4;
	pm = !(cmos(11) & 2) && (r[2] & 0x80);
	hour = from_bcd(r[2] & 0x7f, binary);
	if (!(cmos(11) & 2))
		hour = hour % 12 + (pm ? 12 : 0);
	d = from_bcd(r[3], binary);
	m = from_bcd(r[4], binary);
	y = 2000 + from_bcd(r[5], binary) - (m <= 2);
	era = y / 400;
	doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
	days = era * 146097 + (y - era * 400) * 365 + (y - era * 400) / 4 - (y - era * 400) / 100 +
	       doy - 719468;
	return days * 86400 + hour * 3600 + from_bcd(r[1], binary) * 60 + from_bcd(r[0], binary);
}

void clock_init(void)
{
	if (!ask_hypervisor())
		calibrate();
	ns_mult = (1000000UL << 32) / tsc_khz;
	tsc_base = rdtsc();
	wall_offset = rtc_read() * NSEC_PER_SEC;
	pr_info("clock: TSC %u.%03u MHz, local APIC timer %u.%03u MHz",
		(unsigned int)tsc_khz / 1000, (unsigned int)tsc_khz % 1000,
		(unsigned int)lapic_khz / 1000, (unsigned int)lapic_khz % 1000);
}

u64 tsc_to_ns(u64 ticks)
{
	return (unsigned __int128)ticks * ns_mult >> 32;
}

u64 clock_ns_at(u64 tsc)
{
	return tsc_to_ns(tsc - tsc_base);
}

u64 clock_ns(void)
{
	return clock_ns_at(rdtsc());
}

u64 clock_wall_ns(void)
{
	return clock_ns() + READ_ONCE(wall_offset);
}

void clock_wall_set(u64 ns)
{
	WRITE_ONCE(wall_offset, (s64)(ns - clock_ns()));
}

void clock_arm(u64 deadline)
{
	u64 now, ticks;

	if (deadline == ~0UL) {
		lapic_timer_set(0);
		return;
	}
	now = clock_ns();
	if (deadline <= now) {
		lapic_timer_set(1);
		return;
	}
	/* A deadline beyond the counter's range interrupts early; the timer code then arms again. */
	ticks = min(deadline - now, NSEC_PER_SEC) * lapic_khz / 1000000 + 1;
	lapic_timer_set(min(ticks, 0xffffffffUL));
}

void udelay(unsigned int us)
{
	u64 start = rdtsc(), ticks = tsc_khz ? us * tsc_khz / 1000 : us * 1000UL;

	while (rdtsc() - start < ticks)
		cpu_relax();
}
